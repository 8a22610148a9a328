from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanning.detectors.stats import (
    benjamini_hochberg,
    binomial_tail,
    cauchy_p,
    clopper_pearson,
    conformal_p,
    exceedance_p,
    kolmogorov_smirnov,
    order_statistic_p,
    predictive_tail,
    resolution,
    student_t_tail,
)

pytestmark = pytest.mark.sqlite_only


def test_conformal_p_counts_references_that_are_as_small() -> None:
    assert conformal_p(5.0, [4.0, 5.0, 6.0]) == 3 / 4


def test_conformal_p_is_never_below_its_resolution() -> None:
    assert conformal_p(0.0, [1.0] * 9) == resolution(9) == 0.1


def test_no_references_say_nothing() -> None:
    assert conformal_p(0.0, []) == 1.0


@pytest.mark.parametrize(
    ("hits", "trials", "lower", "upper"),
    [  # Clopper and Pearson's bounds have closed forms at the ends; the inner ones are from published tables
        (0, 13, 0.0, 1 - 0.025 ** (1 / 13)),
        (3, 3, 0.025 ** (1 / 3), 1.0),
        (5, 10, 0.18709, 0.81291),
        (1, 20, 0.00127, 0.24873),
        (0, 0, 0.0, 1.0),
    ],
)
def test_clopper_pearson(hits: int, trials: int, lower: float, upper: float) -> None:
    assert clopper_pearson(hits, trials) == pytest.approx((lower, upper), abs=1e-5)


@given(st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_observed_rate(counts: tuple[int, int]) -> None:
    hits, trials = counts
    lower, upper = clopper_pearson(hits, trials)
    assert 0 <= lower <= (hits / trials if trials else 0.5) <= upper <= 1


def test_binomial_tail_is_the_plain_sum() -> None:
    plain = sum(math.comb(12, k) * 0.3**k * 0.7 ** (12 - k) for k in range(4, 13))
    assert binomial_tail(4, 12, 0.3) == pytest.approx(plain)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="4 hits of 3"):
        clopper_pearson(4, 3)


@pytest.mark.parametrize(
    ("value", "degrees", "tail"),
    [(1.0, 1, 0.25), (2.920, 2, 0.05), (2.353, 3, 0.05), (2.306, 8, 0.025), (2.262, 9, 0.025), (2.750, 30, 0.005)],
)
def test_student_t_matches_published_tables(value: float, degrees: int, tail: float) -> None:
    assert student_t_tail(value, degrees) == pytest.approx(tail, rel=1e-3)
    assert student_t_tail(-value, degrees) == pytest.approx(1 - tail, rel=1e-3)


@given(st.floats(-30, 30), st.integers(1, 60))
def test_student_t_is_the_integral_of_its_density(value: float, degrees: int) -> None:
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)
    step = abs(value) / 4000
    middles = ((k + 0.5) * step for k in range(4000))
    inside = step * scale * math.fsum((1 + t * t / degrees) ** (-(degrees + 1) / 2) for t in middles)
    assert student_t_tail(value, degrees) == pytest.approx(0.5 - math.copysign(inside, value), abs=2e-5)


def test_exceedance_counts_references_that_are_as_large() -> None:
    assert exceedance_p(5.0, [4.0, 5.0, 6.0]) == 3 / 4
    assert exceedance_p(9.0, [1.0] * 39) == resolution(39)


def test_the_cauchy_combination_of_one_value_is_that_value() -> None:
    for p in (1e-9, 0.001, 0.3, 0.5, 0.99):
        assert cauchy_p([p]) == pytest.approx(p, rel=1e-6)
        assert cauchy_p([p, p, p]) == pytest.approx(p, rel=1e-6)


@given(st.lists(st.floats(1e-6, 0.999), min_size=1, max_size=6), st.randoms())
def test_the_cauchy_combination_ignores_order_and_follows_its_smallest(values: list[float], shuffle: object) -> None:
    assert cauchy_p(sorted(values)) == pytest.approx(cauchy_p(values), rel=1e-9)
    assert cauchy_p([value / 2 for value in values]) <= cauchy_p(values)


def test_benjamini_hochberg_matches_a_worked_example() -> None:
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert benjamini_hochberg([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_benjamini_hochberg_is_the_smallest_ratio_at_or_above_each_rank(values: list[float]) -> None:
    count = len(values)
    for p, adjusted in zip(values, benjamini_hochberg(values), strict=True):
        at_or_above = [q * count / sum(other <= q for other in values) for q in values if q >= p]
        assert adjusted == pytest.approx(min(1.0, *at_or_above, 1.0))


def test_the_order_statistic_needs_values_that_differ() -> None:
    assert order_statistic_p([1.0, 2.0, 3.0]) is None
    assert predictive_tail(1.0, [2.0, 2.0, 2.0]) is None
    lonely = order_statistic_p([0.1, 0.2, 0.15, 0.12, 0.18, 5.0])
    assert lonely is not None
    assert lonely < 1e-4


def test_the_order_statistic_of_ordinary_values_is_hardly_ever_small() -> None:
    import numpy as np

    draws = np.random.default_rng(4).normal(size=(2000, 10))
    small = sum((order_statistic_p(row.tolist()) or 1.0) <= 0.05 for row in draws)
    assert 0.02 < small / 2000 < 0.06  # 1 - (1 - q)^K treats the classes as independent, which is a little strict


def test_kolmogorov_smirnov_tells_even_spread_from_crowding() -> None:
    even = [(k + 0.5) / 40 for k in range(40)]
    assert kolmogorov_smirnov(even)[1] > 0.99
    distance, p = kolmogorov_smirnov([value / 4 for value in even])
    assert distance > 0.7
    assert p < 1e-6
