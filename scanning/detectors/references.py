"""Reference banks: what every stage measured of models of one family whose making is known. No torch here.

Unpoisoned models of a bank are the references that a model is ranked among; planted ones say how often the stages find
a backdoor. Scores compare only where architecture and settings are the same, and, for stages that use images, the
images too: a bank names all three by digest. One JSON document; its SHA-256 is its name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError
from scanning.detectors.base import SeedScores, medians, top_of

MAX_BANK_BYTES = 16 * 1024**2
FORMAT = "assay-reference-bank/2"
FEWEST = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What the models of a bank have in common. classes: how many; image_shape: [C, H, W]; images_sha256: of the held-out
    images that stages used, as LabelledImages.sha256; recipe: how the references were trained, in words."""

    name: str
    architecture: str
    architecture_digest: str
    classes: int
    image_shape: tuple[int, ...]
    images_sha256: str
    images_name: str = ""
    recipe: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankedStage:
    """What one stage measured of one model. flip_rate: of its recovered trigger on held-out images, None without one."""

    settings_digest: str
    runs: tuple[SeedScores, ...]
    flip_rate: float | None = None

    @property
    def scores(self) -> tuple[float | None, ...]:
        """Per class, the median over the runs."""
        return medians(self.runs)

    @property
    def top(self) -> int | None:
        """The most suspicious class."""
        return top_of(self.scores)

    @property
    def score(self) -> float | None:
        """The score of the most suspicious class."""
        return None if self.top is None else self.scores[self.top]


@dataclass(frozen=True, slots=True, kw_only=True)
class BankedModel:
    """One known model. attack: its words and target where one was planted, "" and None for a reference; stages: what each
    stage measured, by its name in the registry."""

    name: str
    sha256: str
    recipe_sha256: str = ""
    attack: str = ""
    target: int | None = None
    accuracy: float | None = None
    attack_success: float | None = None
    stages: Mapping[str, BankedStage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceBank:
    """The family and its models, references and planted ones together."""

    family: Family
    models: tuple[BankedModel, ...]

    @property
    def references(self) -> tuple[BankedModel, ...]:
        """The models in which nothing was planted."""
        return tuple(model for model in self.models if not model.attack)

    @property
    def planted(self) -> tuple[BankedModel, ...]:
        """The models with a known backdoor."""
        return tuple(model for model in self.models if model.attack)

    def without(self, sha256: str) -> ReferenceBank:
        """The bank without one model: no model is ranked among references that hold it."""
        return ReferenceBank(family=self.family, models=tuple(row for row in self.models if row.sha256 != sha256))


def write_bank(bank: ReferenceBank, path: Path) -> str:
    """Write the bank as canonical JSON, whole or not at all, and give its SHA-256."""
    content = canonical_json({"format": FORMAT, **asdict(bank)})
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    partial.replace(path)
    return sha256_hex(content)


def read_bank(path: Path) -> tuple[ReferenceBank, str]:
    """Read a bank and its SHA-256. Raises BadInputError."""
    if not path.is_file():
        raise BadInputError(f"{path.name}: no such reference bank")
    if path.stat().st_size > MAX_BANK_BYTES:
        raise BadInputError(f"{path.name}: a reference bank may not exceed {MAX_BANK_BYTES // 1024**2} MiB")
    content = path.read_bytes()
    return bank_from_json(content, path.name), sha256_hex(content)


def bank_from_json(content: bytes, name: str) -> ReferenceBank:
    """The bank that `write_bank` wrote. Raises BadInputError."""
    try:
        document = json.loads(content)
        if document["format"] != FORMAT:
            raise BadInputError(f"{name}: the format {document['format']!r} is not {FORMAT!r}; build the bank anew")
        bank = ReferenceBank(
            family=_family_from(document["family"]), models=tuple(_model_from(row) for row in document["models"])
        )
        if len({len(stage.scores) for model in bank.models for stage in model.stages.values()}) > 1:
            raise ValueError("models of one bank differ in their number of classes")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, BadInputError):
            raise
        raise BadInputError(f"{name}: not a reference bank as `{FORMAT}` describes it") from error
    refuse_twins(bank.models, name)
    return bank


def refuse_twins(models: Sequence[BankedModel], name: str) -> None:
    """Raises BadInputError where one model stands in a bank twice: the same bytes, or references that measure the same to the
    last bit. Nineteen copies of one model are one reference, and any other would rank as never seen."""
    known: dict[object, BankedModel] = {}
    for model in models:
        runs = tuple(sorted((stage, measured.runs) for stage, measured in model.stages.items()))
        for key in (model.sha256, runs) if runs and not model.attack else (model.sha256,):
            if key in known:
                raise BadInputError(
                    f"{name}: {known[key].name} and {model.name} are one model, and p-values hold only where every model "
                    f"counts once"
                )
            known[key] = model


def _family_from(row: JSON) -> Family:
    return Family(
        name=str(row["name"]),
        architecture=str(row["architecture"]),
        architecture_digest=str(row["architecture_digest"]),
        classes=int(row["classes"]),
        image_shape=tuple(int(size) for size in row["image_shape"]),
        images_sha256=str(row["images_sha256"]),
        images_name=str(row["images_name"]),
        recipe=str(row["recipe"]),
    )


def _model_from(row: JSON) -> BankedModel:
    return BankedModel(
        name=str(row["name"]),
        sha256=str(row["sha256"]),
        recipe_sha256=str(row["recipe_sha256"]),
        attack=str(row["attack"]),
        target=None if row["target"] is None else int(row["target"]),
        accuracy=_number(row["accuracy"]),
        attack_success=_number(row["attack_success"]),
        stages={str(name): _stage_from(stage) for name, stage in row["stages"].items()},
    )


def _stage_from(row: JSON) -> BankedStage:
    runs = tuple(
        SeedScores(seed=int(run["seed"]), scores=tuple(_number(score) for score in run["scores"]))
        for run in row["runs"]
    )
    if not runs or len({len(run.scores) for run in runs}) != 1:
        raise ValueError("runs of one stage differ in their number of classes")
    return BankedStage(settings_digest=str(row["settings_digest"]), runs=runs, flip_rate=_number(row["flip_rate"]))


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("a score is not a finite number")
    return number
