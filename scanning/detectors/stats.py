"""Statistics an auditor can check by hand: rank-based conformal p-values and exact binomial intervals. No torch here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


def conformal_p(value: float, references: Sequence[float]) -> float:
    """p = (1 + #{reference ≤ value}) / (n + 1): how often a model like the references would give so small a value.

    Exact when the model is exchangeable with the references (Vovk, Gammerman and Shafer, 2005). Never below 1/(n + 1).
    """
    return (1 + sum(reference <= value for reference in references)) / (len(references) + 1)


def resolution(references: int) -> float:
    """The smallest p-value that this many references can give."""
    return 1 / (references + 1)


def clopper_pearson(hits: int, trials: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Exact two-sided interval of a binomial rate (Clopper and Pearson, 1934). Without trials nothing is known: (0, 1)."""
    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} hits of {trials} trials")
    if trials == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    lower = 0.0 if hits == 0 else _root(lambda rate: binomial_tail(hits, trials, rate) - tail)
    upper = (
        1.0 if hits == trials else _root(lambda rate: (1 - tail) - binomial_tail(hits + 1, trials, rate), falling=True)
    )
    return lower, upper


def binomial_tail(hits: int, trials: int, rate: float) -> float:
    """P(X ≥ hits) for X ~ Binomial(trials, rate), summed from logarithms so that thousands of trials keep their digits."""
    if rate <= 0:
        return 1.0 if hits <= 0 else 0.0
    if rate >= 1:
        return 1.0
    log_in, log_out = math.log(rate), math.log1p(-rate)
    whole = math.lgamma(trials + 1)
    terms = (
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(trials - k + 1) + k * log_in + (trials - k) * log_out)
        for k in range(max(hits, 0), trials + 1)
    )
    return min(1.0, math.fsum(terms))


def _root(function: Callable[[float], float], *, falling: bool = False) -> float:
    """Zero in (0, 1) of a monotone function, by bisection to 1e-12."""
    low, high = 0.0, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        if (function(middle) < 0) != falling:
            low = middle
        else:
            high = middle
    return (low + high) / 2
