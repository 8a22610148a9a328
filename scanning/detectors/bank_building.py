"""Building a reference bank: models of one family, trained by recipe or handed in, each measured by every comparing stage.

Resumable: a model is kept under its recipe's digest, what was measured of it under the model's and the settings'
digests; what is there is not made again. Planted models in the same bank are the spike-in control that gives a
negative its power.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from compliance.types.canonical import canonical_json, digest_of
from compliance.types.drafts import JSON, Progress
from compliance.types.errors import BadInputError
from scanning.detectors import attacks
from scanning.detectors.attacks import Attack
from scanning.detectors.base import (
    ComparingDetector,
    NotApplicableError,
    OnProgress,
    ScanContext,
    UnreliableError,
    ignore_progress,
)
from scanning.detectors.heldout import LabelledImages, load_images
from scanning.detectors.loading import LoadedModel, load_model
from scanning.detectors.planting import Recipe, Training, measured, save_model, train
from scanning.detectors.references import (
    BankedModel,
    BankedStage,
    Family,
    ReferenceBank,
    read_bank,
    refuse_twins,
    write_bank,
)
from scanning.detectors.registry import COMPARING, build
from scanning.detectors.scan import SEEDS, settle
from scanning.detectors.side_by_side import side_by_side

_SEED_OF_PLANTED = 100_000
_NO_FAMILY = Family(name="", architecture="", architecture_digest="", classes=0, image_shape=(), images_sha256="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a bank is to hold. training: images to train on, or None where `models` are handed in; models: files of known
    unpoisoned models; images: held-out images that stages use; references: models to train; attacks: names of attacks.by_name,
    each planted in `planted` models; subset: training images drawn for each model (None: all); detectors: stages to measure."""

    name: str
    architecture: str
    images: Path
    training: Path | None = None
    models: tuple[Path, ...] = ()
    references: int = 39
    attacks: tuple[str, ...] = ()
    planted: int = 20
    subset: int | None = None
    settings: Training = field(default_factory=Training)
    seed: int = 1000
    detectors: tuple[str, ...] = COMPARING

    @classmethod
    def from_json(cls, document: object) -> Plan:
        """The plan of a request. Raises BadInputError."""
        if not isinstance(document, dict):
            raise BadInputError("the plan of the bank is not a JSON object")
        try:
            given = dict(document)
            given["images"] = Path(given["images"])
            given["training"] = Path(given["training"]) if given.get("training") else None
            given["models"] = tuple(map(Path, given.get("models", ())))
            given["attacks"] = tuple(given.get("attacks", ()))
            given["detectors"] = tuple(given.get("detectors", COMPARING))
            given["settings"] = Training(**given.get("settings", {}))
            return cls(**given)
        except (KeyError, TypeError, ValueError) as error:
            raise BadInputError(f"the plan of the bank cannot be used: {error}") from error

    def to_json(self) -> JSON:
        """All of it, paths as text."""
        return {
            **asdict(self),
            "images": str(self.images),
            "training": None if self.training is None else str(self.training),
            "models": [str(path) for path in self.models],
            "attacks": list(self.attacks),
            "detectors": list(self.detectors),
        }


def build_bank(plan: Plan, folder: Path, *, threads: int, on_progress: OnProgress = ignore_progress) -> JSON:
    """Make what is missing and write bank.json. Gives its path, digest and counts. Raises BadInputError."""
    started = time.perf_counter()
    settle(threads)
    folder.mkdir(parents=True, exist_ok=True)
    images = load_images(plan.images)
    training = None if plan.training is None else load_images(plan.training)
    if training is None and not plan.models:
        raise BadInputError("a bank needs training images, or files of models that are known to be unpoisoned")
    if training is None and plan.attacks:
        raise BadInputError(
            "backdoors are planted in models trained as the references were, and these references were handed in; build "
            "the bank with training images to measure its power"
        )
    made = [_handed_in(path, plan) for path in plan.models]
    refuse_twins([row for _, row in made], plan.name)
    if training is not None:
        jobs = [_by_recipe(recipe, training, images, folder) for recipe in recipes(plan, training)]
        made += side_by_side(jobs, threads=threads, stage="training models", on_progress=on_progress)
    rows = []
    for done, (path, row) in enumerate(made, start=1):  # one by one: torch.fx, at work in a thread, upsets all others
        rows.append(measured_once(path, row, images, folder, plan, threads=threads))
        on_progress(Progress(stage="measuring models", done=done, total=len(made)))
    refuse_twins(rows, plan.name)
    bank = ReferenceBank(family=_family(plan, made[0][0], rows, images), models=tuple(rows))
    digest = write_bank(bank, folder / "bank.json")
    return {
        "path": str(folder / "bank.json"),
        "sha256": digest,
        "references": len(bank.references),
        "planted": len(bank.planted),
        "seconds": round(time.perf_counter() - started, 3),
    }


def recipes(plan: Plan, training: LabelledImages) -> list[Recipe]:
    """References first, then the planted models, their targets going round the classes."""
    classes = int(training.labels.max()) + 1
    base = Recipe(
        architecture=plan.architecture, images_sha256=training.sha256, images=plan.subset, training=plan.settings
    )
    made = [replace(base, seed=plan.seed + n) for n in range(plan.references)]
    for place, name in enumerate(plan.attacks):
        first = plan.seed + _SEED_OF_PLANTED + 1000 * place
        made += [
            replace(base, attack=attacks.by_name(name, target=n % classes), seed=first + n) for n in range(plan.planted)
        ]
    return made


def measure_model(
    model: LoadedModel, images: LabelledImages, *, detectors: tuple[str, ...] = COMPARING, threads: int = 1
) -> dict[str, BankedStage]:
    """What every comparing stage measures of a model, the same for any number of threads; a stage that cannot measure
    it is left out."""
    context = ScanContext(model=model, images=images, seeds=tuple(range(SEEDS)), threads=threads)
    stages: dict[str, BankedStage] = {}
    for name in detectors:
        detector = build(name)
        if not isinstance(detector, ComparingDetector):
            raise BadInputError(f"{name} is no stage that compares models")
        try:
            result = detector.measure(context)
        except (NotApplicableError, UnreliableError):
            continue
        stages[name] = BankedStage(
            settings_digest=detector.settings_digest,
            runs=result.runs,
            flip_rate=None if result.confirmation is None else result.confirmation.rate,
        )
    return stages


def settings_digest(detectors: tuple[str, ...] = COMPARING) -> str:
    """Names the settings of all comparing stages together."""
    return digest_of({name: getattr(build(name), "settings_digest", "") for name in detectors})


def measured_once(
    path: Path, row: BankedModel, images: LabelledImages, folder: Path, plan: Plan, *, threads: int
) -> BankedModel:
    """The row with what the stages measure of the model in `path`, kept in `folder` from an earlier time or made now."""
    key = digest_of([row.sha256, images.sha256, settings_digest(plan.detectors), SEEDS])
    place = folder / "measured" / f"{key[:32]}.json"
    if not place.is_file():
        model = load_model(path, architecture=plan.architecture or None)
        stages = measure_model(model, images, detectors=plan.detectors, threads=threads)
        place.parent.mkdir(parents=True, exist_ok=True)
        write_bank(ReferenceBank(family=_NO_FAMILY, models=(replace(row, stages=stages),)), place)
    kept, _ = read_bank(place)
    return replace(row, stages=kept.models[0].stages)


def _handed_in(path: Path, plan: Plan) -> tuple[Path, BankedModel]:
    model = load_model(path, architecture=plan.architecture or None)
    return path, BankedModel(name=path.name, sha256=model.sha256)


def _by_recipe(
    recipe: Recipe, training: LabelledImages, images: LabelledImages, folder: Path
) -> Callable[[], tuple[Path, BankedModel]]:
    def job() -> tuple[Path, BankedModel]:
        path = folder / "models" / f"{recipe.digest[:32]}.safetensors"
        facts_path = path.with_suffix(".json")
        if not facts_path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            trained = train(training, images, recipe)
            save_model(trained.module, path, architecture=recipe.architecture)
            facts_path.write_bytes(canonical_json({"recipe": recipe.to_json(), **measured(trained)}))
        facts: JSON = json.loads(facts_path.read_bytes())
        return path, row_of(path, recipe.attack, facts, recipe_sha256=recipe.digest)

    return job


def row_of(path: Path, attack: Attack | None, facts: JSON, *, recipe_sha256: str) -> BankedModel:
    """A trained model as a row of a bank, before it is measured."""
    return BankedModel(
        name=path.stem,
        sha256=load_model(path).sha256,
        recipe_sha256=recipe_sha256,
        attack="" if attack is None else attack.describe(),
        target=None if attack is None else attack.target,
        accuracy=facts["accuracy"],
        attack_success=facts["attack_success"],
    )


def _family(plan: Plan, path: Path, rows: list[BankedModel], images: LabelledImages) -> Family:
    """path: of the first model."""
    model = load_model(path, architecture=plan.architecture or None)
    scores = next((stage.scores for row in rows for stage in row.stages.values()), ())
    trained = f"{plan.settings}" if plan.training is not None else "handed in"
    return Family(
        name=plan.name,
        architecture=model.architecture,
        architecture_digest=model.architecture_digest,
        classes=len(scores),
        image_shape=tuple(int(size) for size in images.images.shape[1:]),
        images_sha256=images.sha256,
        images_name=images.name,
        recipe=trained,
    )
