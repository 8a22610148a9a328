from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanning.detectors.stats import binomial_tail, clopper_pearson, conformal_p, resolution

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
