"""Banks of made-up scores, and a stage that gives the scores it is told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from compliance.types.drafts import StageReport
from scanning.detectors.base import Confirmation, Measurement, ScanContext, SeedScores
from scanning.detectors.judging import examined
from scanning.detectors.loading import LoadedModel
from scanning.detectors.references import BankedModel, BankedStage, Family, ReferenceBank

SETTINGS = "5" * 64
FAMILY = Family(
    name="made up", architecture="mlp", architecture_digest="a" * 64, classes=3, image_shape=(1, 6, 6),
    images_sha256="1" * 64, images_name="made-up images",
)  # fmt: skip
MODEL = LoadedModel(
    name="model.safetensors", format="safetensors", sha256="f" * 64, tensors={}, architecture="mlp",
    architecture_digest="a" * 64, weights={}, module=None,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A comparing stage whose scores are given. It is registered under the name it borrows."""

    scores: tuple[float | None, ...]
    confirmation: Confirmation | None = None
    name: str = "max_margin"
    version: str = "1"
    limits: tuple[str, ...] = ("It sees nothing.",)
    needs_images: bool = False
    settings_digest: str = SETTINGS

    def measure(self, context: ScanContext) -> Measurement:
        runs = tuple(SeedScores(seed=seed, scores=self.scores) for seed in context.seeds)
        return Measurement(runs=runs, words="a made-up number", confirmation=self.confirmation)

    def examine(self, context: ScanContext) -> StageReport:
        return examined(self, context)


def stage(*scores: float | None, flip_rate: float | None = None, settings_digest: str = SETTINGS) -> BankedStage:
    return BankedStage(settings_digest=settings_digest, runs=(SeedScores(seed=0, scores=scores),), flip_rate=flip_rate)


@dataclass(frozen=True, kw_only=True)
class Made:
    """How a bank is made up: normal scores for the references, `shift` more for class 0 of the planted ones."""

    references: int = 39
    planted: int = 20
    shift: float = 8.0
    stages: tuple[str, ...] = ("max_margin",)
    seed: int = 3
    family: Family = field(default=FAMILY)

    def bank(self) -> ReferenceBank:
        draws = np.random.default_rng(self.seed)

        def scores(planted: bool) -> BankedStage:
            row = draws.normal(size=3)
            row[0] += self.shift * planted
            return stage(*row.tolist(), flip_rate=0.9)

        def model(place: int, planted: bool) -> BankedModel:
            row = BankedModel(name=f"{place}", sha256=f"{place:064d}", stages={n: scores(planted) for n in self.stages})
            return replace(row, attack="a patch", target=0) if planted else row

        total = self.references + self.planted
        return ReferenceBank(
            family=self.family, models=tuple(model(place, place >= self.references) for place in range(total))
        )


def context(bank: ReferenceBank | None, *, path: Path | None = None) -> ScanContext:
    return ScanContext(model=MODEL, bank=bank)
