"""Statistics an auditor can check by hand: rank-based conformal p-values and exact binomial intervals. No torch here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

_SMALLEST_P = 1e-15


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


def exceedance_p(value: float, references: Sequence[float]) -> float:
    """p = (1 + #{reference ≥ value}) / (n + 1): how often a model like the references would give so large a value.

    Exact when the model is exchangeable with the references (Vovk, Gammerman and Shafer, 2005). Never below 1/(n + 1).
    """
    return conformal_p(-value, [-reference for reference in references])


def cauchy_score(p_values: Sequence[float]) -> float:
    """Statistic of the Cauchy combination (Liu and Xie, JASA 2020): mean of tan((1/2 - p)·π), larger = more suspicious."""
    return math.fsum(1 / math.tan(min(max(p, _SMALLEST_P), 1 - _SMALLEST_P) * math.pi) for p in p_values) / len(
        p_values
    )


def cauchy_p(p_values: Sequence[float]) -> float:
    """Combined p-value; valid for small values under any dependence between them, equal weights."""
    return min(1.0, max(_SMALLEST_P, math.atan2(1, cauchy_score(p_values)) / math.pi))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values (Benjamini and Hochberg, 1995), in the order given: those ≤ q have a false discovery rate ≤ q."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__, reverse=True)
    adjusted, smallest = [0.0] * len(p_values), 1.0
    for rank, place in zip(range(len(order), 0, -1), order, strict=True):
        smallest = min(smallest, p_values[place] * len(order) / rank)
        adjusted[place] = smallest
    return adjusted


def student_t_tail(value: float, degrees: int) -> float:
    """P(T ≥ value) for Student's t with whole degrees of freedom (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    angle = math.atan(value / math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    if degrees % 2:
        term, total = cosine, 0.0
        for step in range(1, degrees - 1, 2):
            total += term
            term *= cosine * cosine * (step + 1) / (step + 2)
        inside = 2 / math.pi * (angle + sine * total)
    else:
        term, total = 1.0, 0.0
        for step in range(2, degrees + 1, 2):
            total += term
            term *= cosine * cosine * (step - 1) / step
        inside = sine * total
    return min(1.0, max(0.0, (1 - inside) / 2))


def predictive_tail(value: float, others: Sequence[float]) -> float | None:
    """P(a further value ≥ this one) were all of one normal distribution: Student's t with n - 1 degrees of freedom.

    None with fewer than three others, or where they do not differ.
    """
    count = len(others)
    if count < 3:
        return None
    mean = math.fsum(others) / count
    spread = math.sqrt(math.fsum((other - mean) ** 2 for other in others) / (count - 1))
    if spread == 0:
        return None
    return student_t_tail((value - mean) / (spread * math.sqrt(1 + 1 / count)), count - 1)


def order_statistic_p(values: Sequence[float]) -> float | None:
    """How often the largest of K values would stand so far above the K - 1 others, were all of one normal distribution.

    1 - (1 - q)^K with q the predictive tail of the largest; None where there are fewer than four values.
    """
    if len(values) < 4:
        return None
    place = max(range(len(values)), key=values.__getitem__)
    tail = predictive_tail(values[place], [value for at, value in enumerate(values) if at != place])
    return None if tail is None else -math.expm1(len(values) * math.log1p(-min(tail, 1 - _SMALLEST_P)))


def kolmogorov_smirnov(p_values: Sequence[float]) -> tuple[float, float]:
    """(largest distance to the uniform distribution, p-value of so large a one), by Kolmogorov's limit with Stephens's
    correction for small samples (1970)."""
    ordered, count = sorted(p_values), len(p_values)
    distance = max(max((k + 1) / count - p, p - k / count) for k, p in enumerate(ordered))
    scaled = (math.sqrt(count) + 0.12 + 0.11 / math.sqrt(count)) * distance
    tail = 2 * math.fsum((-1) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return distance, min(1.0, max(0.0, tail))


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
