"""A model's scores ranked among those of references, class by class. No torch here.

Classes differ by nature more than models do: one class of digits has a small natural trigger in every model. So each
score is taken beside the scores of the *same* class in all other models (how many predictive deviations it lies above
them), and the largest over the classes counts. Every model, the one under test included, is treated alike beside all
the others, so the rank of the one under test is uniform whatever the classes mean: full conformal prediction (Vovk,
Gammerman and Shafer, 2005).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scanning.detectors.stats import exceedance_p

Scores = Sequence[float | None]
_SMALLEST_TAIL = 1e-15
_NO_SPREAD = 1e-12
_FAR = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """p_value: conformal, larger scores are rarer; score: the statistic of the model under test; references: the same
    statistic of each reference; top: the class that stands out most in the model under test."""

    p_value: float
    score: float
    references: tuple[float, ...]
    top: int


def ranked(scores: Scores, references: Sequence[Scores]) -> Ranked:
    """One stage: scores per class [K] of the model and of each reference; None where a class has no score."""
    deviations = beside_others(_matrix([scores, *references]))
    return _ranked(deviations.max(axis=1), int(deviations[0].argmax()))


def ranked_together(scores: Mapping[str, Scores], references: Sequence[Mapping[str, Scores]]) -> Ranked:
    """Several stages: for each class the Cauchy combination (Liu and Xie, JASA 2020) of its tail probabilities, cut at
    one half so that a stage which sees nothing cannot hide what another sees; then the largest over the classes."""
    rows = [scores, *references]
    parts = []
    for name in scores:
        deviations = beside_others(_matrix([row[name] for row in rows]))
        tails = np.clip(student_t_tails(deviations, len(rows) - 2), _SMALLEST_TAIL, 0.5)
        parts.append(1 / np.tan(np.pi * tails))
    joint = np.mean(parts, axis=0)  # [n + 1, K]
    return _ranked(joint.max(axis=1), int(joint[0].argmax()))


def beside_others(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n, K] -> [n, K]: each value less the mean of the others of its column, in predictive standard deviations."""
    rest = len(values) - 1
    centred = values - values.mean(axis=0)
    mean = (centred.sum(axis=0) - centred) / rest
    squares = (centred**2).sum(axis=0) - centred**2 - rest * mean**2
    spread = np.sqrt(np.maximum(squares, 0) / (rest - 1) * (1 + 1 / rest))
    away = centred - mean
    with np.errstate(divide="ignore", invalid="ignore"):
        deviations = np.where(spread > _NO_SPREAD, away / spread, np.sign(away) * _FAR * (np.abs(away) > _NO_SPREAD))
    return np.asarray(np.clip(deviations, -_FAR, _FAR))


def student_t_tails(values: NDArray[np.float64], degrees: int) -> NDArray[np.float64]:
    """P(T ≥ value) for each value, Student's t with whole degrees of freedom; as stats.student_t_tail, for arrays."""
    angle = np.arctan(values / math.sqrt(degrees))
    sine, cosine = np.sin(angle), np.cos(angle)
    odd = degrees % 2 == 1
    term, total = (cosine if odd else np.ones_like(cosine)), np.zeros_like(cosine)
    for step in range(1, degrees - 1, 2) if odd else range(2, degrees + 1, 2):
        total = total + term
        term = term * cosine**2 * ((step + 1) / (step + 2) if odd else (step - 1) / step)
    inside = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return np.clip((1 - inside) / 2, 0.0, 1.0)


def _matrix(rows: Sequence[Scores]) -> NDArray[np.float64]:
    """[n, K]; a missing score is as little suspicious as the least suspicious of its class."""
    values = np.array([[np.nan if score is None else score for score in row] for row in rows], dtype=np.float64)
    known = np.where(np.isnan(values), np.inf, values).min(axis=0)
    return np.where(np.isnan(values), np.where(np.isfinite(known), known, 0.0), values)


def _ranked(statistics: NDArray[np.float64], top: int) -> Ranked:
    first, *others = statistics.tolist()
    return Ranked(p_value=exceedance_p(first, others), score=first, references=tuple(others), top=top)
