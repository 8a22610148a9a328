"""Figures over models: how well scores tell infected from unpoisoned ones, with intervals over models and not images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def auroc(infected: Sequence[float], unpoisoned: Sequence[float]) -> float:
    """P(an infected model scores higher than an unpoisoned one), ties counted half (Mann and Whitney, 1947)."""
    wins = _wins(infected, unpoisoned)
    return float(wins.mean())


def auroc_interval(infected: Sequence[float], unpoisoned: Sequence[float]) -> tuple[float, float]:
    """95 % interval by DeLong, DeLong and Clarke-Pearson (1988), on the logit scale so that it stays within 0..1.

    Where every pair is in order the variance is zero; then the exact bound of all pairs won by chance is given instead:
    the smaller group is taken as so many independent trials (Clopper and Pearson's 0 failures).
    """
    wins = _wins(infected, unpoisoned)
    value = float(wins.mean())
    if value in (0.0, 1.0):
        bound = 0.025 ** (1 / min(wins.shape))
        return (bound, 1.0) if value == 1.0 else (0.0, 1 - bound)
    variance = wins.mean(axis=1).var(ddof=1) / wins.shape[0] + wins.mean(axis=0).var(ddof=1) / wins.shape[1]
    width = 1.959964 * math.sqrt(float(variance)) / (value * (1 - value))
    middle = math.log(value / (1 - value))
    return 1 / (1 + math.exp(width - middle)), 1 / (1 + math.exp(-width - middle))


def _wins(infected: Sequence[float], unpoisoned: Sequence[float]) -> NDArray[np.float64]:
    """[infected, unpoisoned]: 1 where the first scores higher, 1/2 where equal."""
    first, second = np.asarray(infected)[:, None], np.asarray(unpoisoned)[None, :]
    return (first > second) + 0.5 * (first == second)


def found_at(infected: Sequence[float], unpoisoned: Sequence[float], share: float) -> int:
    """How many infected models score above all unpoisoned ones but the given share of them (a point of the ROC curve)."""
    allowed = int(share * len(unpoisoned))
    threshold = sorted(unpoisoned, reverse=True)[allowed]
    return sum(score > threshold for score in infected)
