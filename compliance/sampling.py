"""Samples: how many to draw, which ones a typed seed gives, and what the exceptions found say of the rest.

Pure, standard library alone. The formulas are those of docs/testing.md; sizes are decided in whole numbers, without rounding.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Generic, TypeVar

LARGEST = 100_000
"""No plan asks for more rows than this."""

RowT = TypeVar("RowT")
Rate = Fraction | Decimal


class SamplingError(ValueError):
    """The plan makes no sense; the message says which figure and why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A sample size, and the exceptions up to which it still supports the control."""

    size: int
    acceptable: int


# Sizes --------------------------------------------------------------------------------------------------------------


def _between(value: Rate, low: Rate, high: Rate, name: str) -> Fraction:
    if not low <= value <= high:
        raise SamplingError(f"{name} lies between {low} and {high}, not at {value}")
    return Fraction(value)


def _checked(confidence: Rate, tolerable: Rate) -> tuple[Fraction, Fraction]:
    """The risk of relying wrongly, and the tolerable rate."""
    sure = _between(confidence, Decimal("0.5"), Decimal("0.999"), "confidence")
    return 1 - sure, _between(tolerable, Decimal("0.001"), Decimal("0.5"), "tolerable rate")


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest number of low..high from which on a condition holds, given that it holds at high."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _binomial_at_most(k: int, n: int, rate: Fraction, risk: Fraction) -> bool:
    """Whether P(X <= k) <= risk for X ~ Binomial(n, rate), in whole numbers."""
    good, bad, whole = rate.denominator - rate.numerator, rate.numerator, rate.denominator
    found = sum(math.comb(n, i) * bad**i * good ** (n - i) for i in range(min(k, n) + 1))
    return bool(found * risk.denominator <= risk.numerator * whole**n)


def _hypergeometric_at_most(k: int, n: int, population: int, deviating: int, risk: Fraction) -> bool:
    """Whether P(X <= k) <= risk for n rows drawn from a population of which some deviate, in whole numbers."""
    found = sum(math.comb(deviating, i) * math.comb(population - deviating, n - i) for i in range(min(k, n) + 1))
    return found * risk.denominator <= risk.numerator * math.comb(population, n)


def size_for(*, confidence: Rate, tolerable: Rate, exceptions: int, population: int | None = None) -> int:
    """The smallest sample in which at most `exceptions` show, with confidence, that fewer rows than tolerable deviate.

    Without a population by the binomial distribution; with one by the hypergeometric, for the smallest number of
    deviating rows whose rate is at or above the tolerable one. Raises SamplingError.
    """
    risk, rate = _checked(confidence, tolerable)
    if not 0 <= exceptions <= 200:
        raise SamplingError(f"expected exceptions lie between 0 and 200, not at {exceptions}")
    high = _doubled(lambda n: _binomial_at_most(exceptions, n, rate, risk), exceptions + 1)
    if population is None:
        return _first(lambda n: _binomial_at_most(exceptions, n, rate, risk), exceptions + 1, high)
    return _finite_size(population, math.ceil(rate * population), exceptions, risk, high)


def _doubled(holds: Callable[[int], bool], start: int, most: int = LARGEST) -> int:
    """The start, doubled until the condition holds. Raises SamplingError beyond `most`."""
    n = start
    while not holds(min(n, most)):
        if n >= most:
            raise SamplingError(f"the plan asks for more than {most} rows: expect less or tolerate more")
        n *= 2
    return min(n, most)


def _finite_size(population: int, deviating: int, exceptions: int, risk: Fraction, guess: int) -> int:
    if population < 1:
        raise SamplingError("the population has no rows")
    if exceptions >= deviating:
        raise SamplingError(
            f"{exceptions} expected exceptions are not fewer than the {deviating} of {population} rows that are too many"
        )

    def holds(n: int) -> bool:
        return _hypergeometric_at_most(exceptions, n, population, deviating, risk)

    high = _doubled(holds, min(guess, population), population)
    return _first(holds, min(exceptions + 1, high), high)


def plan_for(*, confidence: Rate, tolerable: Rate, expected: Rate, population: int | None = None) -> Plan:
    """As `size_for` by an expected rate: the smallest plan whose acceptable exceptions are that rate of its size."""
    _, rate = _checked(confidence, tolerable)
    if not 0 <= expected < rate:
        raise SamplingError(f"the expected rate lies below the tolerable one, not at {expected}")
    for exceptions in range(201):
        size = size_for(confidence=confidence, tolerable=tolerable, exceptions=exceptions, population=population)
        if Fraction(expected) * size <= exceptions:
            return Plan(size=size, acceptable=exceptions)
    raise SamplingError("the expected rate is too near the tolerable one: test the whole population")


# What was found -----------------------------------------------------------------------------------------------------


def upper_limit(*, confidence: Rate, size: int, exceptions: int, population: int | None = None) -> float:
    """The rate of deviation that the population does not exceed, with one-sided confidence, given what the sample showed.

    Clopper and Pearson's limit; with a population its exact counterpart, a whole number of rows over all. SamplingError.
    """
    risk = 1 - _between(confidence, Decimal("0.5"), Decimal("0.999"), "confidence")
    if not (0 <= exceptions <= size and size >= 1):
        raise SamplingError(f"{exceptions} exceptions in {size} rows cannot be")
    if population is not None:
        return _finite_limit(risk, size, exceptions, population)
    if exceptions == size:
        return 1.0
    low, high = exceptions / size, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _binomial(exceptions, size, middle) > risk else (low, middle)
    return high


def _binomial(k: int, n: int, rate: float) -> float:
    """P(X <= k) for X ~ Binomial(n, rate) and 0 <= rate <= 1."""
    if rate in {0.0, 1.0}:
        return 1.0 if rate == 0.0 or k >= n else 0.0
    of, no = math.log(rate), math.log1p(-rate)
    ways = math.lgamma(n + 1)
    return math.fsum(
        math.exp(ways - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * of + (n - i) * no) for i in range(k + 1)
    )


def _finite_limit(risk: Fraction, size: int, exceptions: int, population: int) -> float:
    if size > population:
        raise SamplingError(f"{size} rows cannot come from a population of {population}")
    most = population - size + exceptions
    if most == exceptions:
        return exceptions / population
    too_many = _first(
        lambda deviating: deviating > most or _hypergeometric_at_most(exceptions, size, population, deviating, risk),
        exceptions,
        most + 1,
    )
    return (too_many - 1) / population


# Which rows ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Drawn(Generic[RowT]):
    """A row where the seed ranked it. rank: from 1, within its stratum."""

    rank: int
    key: bytes
    row: RowT


def rank_key(seed: str, row_id: str) -> bytes:
    """What rows are ranked by, the smallest first: SHA-256 of the seed, a zero byte and the row's identifier, in UTF-8."""
    return hashlib.sha256(seed.encode() + b"\x00" + row_id.encode()).digest()


def seed_of(typed: str) -> str:
    """A seed as it counts: 1 to 64 printable ASCII characters, without blanks around them. Raises SamplingError."""
    seed = typed.strip()
    if not (1 <= len(seed) <= 64 and seed.isascii() and seed.isprintable()):
        raise SamplingError("a seed has 1 to 64 letters, digits, signs or blanks of ASCII, so that anybody can type it")
    return seed


def drawn(
    rows: Iterable[RowT],
    *,
    seed: str,
    sizes: Mapping[str, int],
    row_id: Callable[[RowT], str],
    stratum: Callable[[RowT], str] = lambda _row: "",
) -> dict[str, list[Drawn[RowT]]]:
    """The first rows of each stratum by rank: one pass, which keeps no more rows than it gives.

    sizes: stratum -> how many; rows of a stratum that is not asked for are passed over. Without strata: {"": n}.
    """
    kept: dict[str, _Smallest[RowT]] = {name: _Smallest(size) for name, size in sizes.items()}
    for row in rows:
        place = kept.get(stratum(row))
        if place is not None:
            place.offer(rank_key(seed, row_id(row)), row)
    return {name: list(place.in_order()) for name, place in kept.items()}


class _Smallest(Generic[RowT]):
    """The rows of the smallest keys among those offered."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._heap: list[tuple[int, int, RowT]] = []
        self._offered = 0

    def offer(self, key: bytes, row: RowT) -> None:
        self._offered += 1
        # heapq keeps the smallest at the top, so keys are negated to have the largest there; the second number decides
        # between equal keys before rows would be compared.
        entry = (-int.from_bytes(key), -self._offered, row)
        if len(self._heap) < self.size:
            heapq.heappush(self._heap, entry)
        elif self.size and entry[0] > self._heap[0][0]:
            heapq.heapreplace(self._heap, entry)

    def in_order(self) -> Iterator[Drawn[RowT]]:
        for rank, (key, _, row) in enumerate(sorted(self._heap, key=lambda entry: entry[:2], reverse=True), start=1):
            yield Drawn(rank, (-key).to_bytes(32), row)
