"""Sizes against published figures and against slow, obvious arithmetic; drawing against a script that anybody can write."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from fractions import Fraction
from functools import partial
from math import comb
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.sampling import SamplingError, drawn, plan_for, rank_key, seed_of, size_for, upper_limit

pytestmark = pytest.mark.sqlite_only
CONFIDENCES = st.sampled_from([Decimal(text) for text in ("0.5", "0.8", "0.9", "0.95", "0.99")])
RATES = st.sampled_from([Decimal(text) for text in ("0.02", "0.05", "0.07", "0.1", "0.2", "0.5")])


def obvious_binomial(k: int, n: int, rate: Fraction) -> Fraction:
    """P(X <= k), term by term."""
    return sum((comb(n, i) * rate**i * (1 - rate) ** (n - i) for i in range(k + 1)), Fraction(0))


def obvious_hypergeometric(k: int, n: int, population: int, deviating: int) -> Fraction:
    """P(X <= k): ways to draw at most k of the deviating rows, over all ways to draw."""
    ways = [comb(deviating, i) * comb(population - deviating, n - i) for i in range(k + 1) if i <= n]
    return Fraction(sum(ways), comb(population, n))


# Sizes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("confidence", "tolerable", "exceptions", "size"),
    [
        ("0.95", "0.05", 0, 59),
        ("0.95", "0.05", 1, 93),
        ("0.95", "0.10", 0, 29),
        ("0.95", "0.10", 1, 46),
        ("0.90", "0.05", 0, 45),
        ("0.90", "0.05", 1, 77),
        ("0.90", "0.10", 0, 22),
        ("0.90", "0.10", 1, 38),
    ],
)
def test_sizes_are_the_published_ones(confidence: str, tolerable: str, exceptions: int, size: int) -> None:
    assert size_for(confidence=Decimal(confidence), tolerable=Decimal(tolerable), exceptions=exceptions) == size


@pytest.mark.parametrize(
    ("expected", "size", "acceptable"),
    [("0", 59, 0), ("0.0025", 93, 1), ("0.01", 93, 1), ("0.015", 124, 2), ("0.02", 181, 4), ("0.025", 234, 6)],
)
def test_a_plan_by_expected_rate_is_the_published_one_at_95_and_5_percent(
    expected: str, size: int, acceptable: int
) -> None:
    plan = plan_for(confidence=Decimal("0.95"), tolerable=Decimal("0.05"), expected=Decimal(expected))
    assert (plan.size, plan.acceptable) == (size, acceptable)


@settings(max_examples=60, deadline=None)
@given(confidence=CONFIDENCES, tolerable=RATES, exceptions=st.integers(0, 6))
def test_a_size_is_the_first_that_holds(confidence: Decimal, tolerable: Decimal, exceptions: int) -> None:
    n = size_for(confidence=confidence, tolerable=tolerable, exceptions=exceptions)
    risk, rate = 1 - Fraction(confidence), Fraction(tolerable)
    assert obvious_binomial(exceptions, n, rate) <= risk
    assert n == exceptions + 1 or obvious_binomial(exceptions, n - 1, rate) > risk


@settings(max_examples=60, deadline=None)
@given(confidence=CONFIDENCES, tolerable=RATES, exceptions=st.integers(0, 3), population=st.integers(1, 400))
def test_a_size_of_a_known_population_is_the_first_that_holds(
    confidence: Decimal, tolerable: Decimal, exceptions: int, population: int
) -> None:
    deviating = -(-Fraction(tolerable) * population // 1)
    size = partial(size_for, confidence=confidence, tolerable=tolerable, exceptions=exceptions, population=population)
    if exceptions >= deviating:
        with pytest.raises(SamplingError, match="not fewer than"):
            size()
        return
    n, risk = size(), 1 - Fraction(confidence)
    assert n <= population
    assert obvious_hypergeometric(exceptions, n, population, int(deviating)) <= risk
    assert n == exceptions + 1 or obvious_hypergeometric(exceptions, n - 1, population, int(deviating)) > risk


def test_a_small_population_needs_fewer_rows_and_a_large_one_as_many_as_any() -> None:
    sizes = [
        size_for(confidence=Decimal("0.95"), tolerable=Decimal("0.05"), exceptions=0, population=population)
        for population in (20, 100, 1_000, 1_000_000)
    ]
    assert sizes == [19, 45, 57, 59]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"confidence": Decimal("1")}, "confidence"),
        ({"confidence": Decimal("0.4")}, "confidence"),
        ({"tolerable": Decimal("0")}, "tolerable"),
        ({"tolerable": Decimal("0.6")}, "tolerable"),
        ({"exceptions": -1}, "exceptions"),
        ({"exceptions": 201}, "exceptions"),
        ({"population": 0}, "no rows"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_by_name(asked: dict[str, Decimal], told: str) -> None:
    whole = {"confidence": Decimal("0.95"), "tolerable": Decimal("0.05"), "exceptions": 0, **asked}
    with pytest.raises(SamplingError, match=told):
        size_for(**whole)  # type: ignore[arg-type]  # figures of every kind, by name


def test_an_expected_rate_at_the_tolerable_one_is_refused() -> None:
    with pytest.raises(SamplingError, match="below the tolerable"):
        plan_for(confidence=Decimal("0.95"), tolerable=Decimal("0.05"), expected=Decimal("0.05"))
    with pytest.raises(SamplingError, match="whole population"):
        plan_for(confidence=Decimal("0.95"), tolerable=Decimal("0.5"), expected=Decimal("0.499"))


# What was found -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("exceptions", "percent"), [(0, 11.3), (1, 17.6)])
def test_upper_limits_of_25_are_the_published_ones(exceptions: int, percent: float) -> None:
    limit = upper_limit(confidence=Decimal("0.95"), size=25, exceptions=exceptions)
    assert round(100 * limit, 1) == percent


@settings(max_examples=80, deadline=None)
@given(confidence=CONFIDENCES, size=st.integers(1, 300), share=st.floats(0, 1))
def test_at_the_limit_so_few_exceptions_are_just_as_improbable_as_the_risk(
    confidence: Decimal, size: int, share: float
) -> None:
    exceptions = int(share * size)
    limit = upper_limit(confidence=confidence, size=size, exceptions=exceptions)
    if exceptions == size:
        assert limit == 1.0
    else:
        assert abs(obvious_binomial(exceptions, size, Fraction(limit)) - (1 - Fraction(confidence))) < 1e-9
        assert limit > exceptions / size


@settings(max_examples=80, deadline=None)
@given(confidence=CONFIDENCES, population=st.integers(1, 200), drawn_share=st.floats(0, 1), share=st.floats(0, 1))
def test_the_limit_of_a_known_population_is_the_most_rows_that_the_sample_leaves_open(
    confidence: Decimal, population: int, drawn_share: float, share: float
) -> None:
    size = max(1, int(drawn_share * population))
    exceptions = int(share * size)
    limit = upper_limit(confidence=confidence, size=size, exceptions=exceptions, population=population)
    risk = 1 - Fraction(confidence)
    open_ones = [
        deviating
        for deviating in range(exceptions, population - size + exceptions + 1)
        if obvious_hypergeometric(exceptions, size, population, deviating) > risk
    ]
    assert limit == max(open_ones) / population


def test_a_whole_population_leaves_nothing_open() -> None:
    assert upper_limit(confidence=Decimal("0.95"), size=40, exceptions=2, population=40) == 0.05


@pytest.mark.parametrize(("size", "exceptions", "population"), [(0, 0, None), (5, 6, None), (5, -1, None), (5, 0, 4)])
def test_what_cannot_have_been_found_is_refused(size: int, exceptions: int, population: int | None) -> None:
    with pytest.raises(SamplingError, match="cannot"):
        upper_limit(confidence=Decimal("0.95"), size=size, exceptions=exceptions, population=population)


# Which rows ---------------------------------------------------------------------------------------------------------


IDS = [f"job-{n:04}" for n in range(1, 501)]


def ids(seed: str, n: int, rows: list[str] = IDS) -> list[str]:
    return [one.row for one in drawn(rows, seed=seed, sizes={"": n}, row_id=str)[""]]


def test_a_stranger_draws_the_same_rows_with_the_script_of_the_documentation() -> None:
    document = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
    script = document.split("```python\n")[1].split("```")[0]
    assert len([line for line in script.splitlines() if line.strip()]) <= 10
    told: list[str] = []
    exec(script, {"ids": IDS, "seed": "2026-11-27 Ada", "n": 5, "print": told.append})
    assert told == ids("2026-11-27 Ada", 5)
    assert all(f"| {name} |" in document for name in told), "the worked example names these rows"


def test_the_key_is_what_the_documentation_says() -> None:
    assert rank_key("s", "x") == hashlib.sha256(b"s\x00x").digest()


@given(seed=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20), n=st.integers(0, 20))
def test_more_rows_begin_with_the_same_ones_in_whatever_order_they_are_read(seed: str, n: int) -> None:
    assert ids(seed, 20)[:n] == ids(seed, n) == ids(seed, n, IDS[::-1])


def test_every_stratum_has_its_own_ranking() -> None:
    sizes = {"0": 2, "1": 500, "none such": 3}
    rows = drawn(IDS, seed="s", sizes=sizes, row_id=str, stratum=lambda name: str(int(name[-4:]) % 3))
    assert [one.rank for one in rows["0"]] == [1, 2]
    assert len(rows["1"]) == 167
    assert rows["none such"] == []
    assert [one.row for one in rows["0"]] == [name for name in ids("s", 500) if int(name[-4:]) % 3 == 0][:2]


def test_each_row_is_as_likely_as_any() -> None:
    rounds = 2_000
    hits = sum("job-0007" in ids(f"seed {n}", 5, IDS[:50]) for n in range(rounds))
    assert abs(hits / rounds - 0.1) < 0.03  # 4.5 standard deviations


@pytest.mark.parametrize("typed", ["", "   ", "x" * 65, "Größe", "a\x00b", "a\nb"])
def test_a_seed_that_not_everybody_can_type_is_refused(typed: str) -> None:
    with pytest.raises(SamplingError, match="seed"):
        seed_of(typed)


def test_blanks_around_a_seed_do_not_count() -> None:
    assert seed_of("  27 11 2026 ") == "27 11 2026"
