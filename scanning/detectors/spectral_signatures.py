"""Spectral signatures (Tran, Li and Madry, NeurIPS 2018) as one stage: planted images leave a direction in which the
features of their class spread far more than those of other classes.

From the papers: the score of an image is its squared projection on the direction of largest variance of its class, and
features are whitened first (Hayase and others, SPECTRE, 2021). Ours: a class is whitened by the other classes; its
largest variance in their units, times how far the class falls in two along it, is what classes are compared by; images
are placed along that direction from the ordinary side to the suspicious one; no share of every class is condemned. The
scores as published are given beside.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from compliance.types.drafts import StageReport
from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import NotApplicableError, ScanContext, UnreliableError
from scanning.detectors.feature_streams import FeatureStream, features_of
from scanning.detectors.judging import report
from scanning.detectors.training_nulls import VARIANCE, VARIANCE_RULE, Rule
from scanning.detectors.training_set import Axes, SplitClass, class_axes, split_classes, whitening
from scanning.detectors.training_verdict import LIMITS, ClassRow, Examined, check_skill, class_row, judge

_HALVED_NORMAL = 8 / (math.pi - 2)  # squared distance of the halves' means over the variance within: (8/π)/(1 - 2/π)
WORDS = (
    "the largest variance of its features, in units of what the other classes show in that direction and counted by how "
    "much more than a bell curve they fall in two along it, is"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectralSignatures:
    """Parameters of the stage."""

    rule: Rule = field(default_factory=lambda: VARIANCE_RULE)
    name: str = "spectral_signatures"
    version: str = "1"

    @property
    def limits(self) -> tuple[str, ...]:
        """What it cannot see."""
        return LIMITS

    def examine(self, context: ScanContext) -> StageReport:
        """Features, spectra, verdict."""
        started = time.perf_counter()
        try:
            stream = features_of(context)
            check_skill(stream, self.rule)
            judged = judge(context, stream, spectra(stream), self.rule, VARIANCE)
        except NotApplicableError as error:
            return report(self, context, StageVerdict.NOT_APPLICABLE, str(error), started=started)
        except UnreliableError as error:
            return report(self, context, StageVerdict.INCONCLUSIVE, str(error), started=started)
        facts = {**judged.facts, "published_scores": _beside(stream, judged.facts["most_suspicious"])}
        return report(
            self, context, judged.verdict, judged.statement, started=started, facts=facts, images=judged.images
        )


def spectra(stream: FeatureStream) -> Examined:
    """The first axis of every class with enough images. Raises UnreliableError where the features do not vary."""
    positions = np.full(len(stream.labels), np.nan, dtype=np.float32)
    rows: list[ClassRow] = []
    for axes, found in split_classes(stream, first_axis=True):
        members = stream.rows_of(axes.label)
        if found is not None:
            positions[members] = found.positions
        rows.append(class_row(axes, len(members), found, _statistic(axes, found)))
    return Examined(words=WORDS, rows=tuple(rows), positions=positions)


def _statistic(axes: Axes, found: SplitClass | None) -> float | None:
    """Largest variance, times separation along its direction in units of what halving a normal distribution gives."""
    return None if found is None else float(axes.variances[0]) * found.split.separation / _HALVED_NORMAL


def published_scores(stream: FeatureStream) -> dict[str, NDArray[np.float32]]:
    """Scores per image [N] as in the papers: "uncentred" and "centred", squared projection on the first direction of
    the class's features about zero and about their mean; "pooled", about the class's mean on the first direction of all
    classes; "whitened", squared length after whitening by the other classes. NaN where a class has too few images."""
    names = ("uncentred", "centred", "pooled", "whitened")
    scores = {name: np.full(len(stream.labels), np.nan, dtype=np.float32) for name in names}
    shared = sum(stream.covariance(label) for label in range(stream.classes)) / stream.classes
    pooled = _first_direction(np.asarray(shared))
    white = whitening(stream)
    for axes in (class_axes(stream, white, label) for label in white.classes):
        members, mean = stream.rows_of(axes.label), axes.mean
        covariance = stream.covariance(axes.label)
        own, about_zero = _first_direction(covariance), _first_direction(covariance + np.outer(mean, mean))
        place = 0
        for part in stream.parts_of(axes.label):
            rows = members[place : place + len(part)]
            place += len(part)
            scores["uncentred"][rows] = (part @ about_zero) ** 2
            scores["centred"][rows] = ((part - mean) @ own) ** 2
            scores["pooled"][rows] = ((part - mean) @ pooled) ** 2
            scores["whitened"][rows] = (axes.coordinates(part) ** 2).sum(axis=1)
    return scores


def _first_direction(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.eigh(covariance)[1][:, -1])


def _beside(stream: FeatureStream, listed: list[dict[str, int | float]]) -> list[dict[str, float]]:
    """The published scores of the listed images, in their order."""
    scores = published_scores(stream)
    rows = [int(entry["image"]) for entry in listed]
    return [{name: round(float(np.nan_to_num(values[row])), 4) for name, values in scores.items()} for row in rows]
