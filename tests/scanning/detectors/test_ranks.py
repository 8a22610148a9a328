"""Ranks among references, class by class: exact whatever the classes mean, and equal to a slow reimplementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanning.detectors.ranks import beside_others, ranked, ranked_together, student_t_tails
from scanning.detectors.stats import cauchy_score, predictive_tail, student_t_tail

pytestmark = pytest.mark.sqlite_only

NAMES = ("head_statistics", "max_margin")


def rows(count: int, classes: int = 4, *, seed: int = 0) -> list[list[float]]:
    """Skewed scores whose classes lie far apart and spread differently."""
    draws = np.random.default_rng(seed)
    scores = draws.gamma(2.0, size=(count, classes)) * np.arange(1, classes + 1) + 10 * np.arange(classes)
    return [[float(value) for value in row] for row in scores]


def test_p_values_of_models_like_the_references_take_every_rank_once() -> None:
    models = rows(40)
    p_values = [ranked(row, [*models[:at], *models[at + 1 :]]).p_value for at, row in enumerate(models)]
    assert sorted(p_values) == pytest.approx([(k + 1) / 40 for k in range(40)])


def test_together_too_every_rank_is_taken_once() -> None:
    models = [dict(zip(NAMES, pair, strict=True)) for pair in zip(rows(30), rows(30, seed=1), strict=True)]
    p_values = [ranked_together(row, [*models[:at], *models[at + 1 :]]).p_value for at, row in enumerate(models)]
    assert sorted(p_values) == pytest.approx([(k + 1) / 30 for k in range(30)])


def test_a_class_that_is_always_high_does_not_hide_one_that_is_high_here() -> None:
    references = [[0.0 + 0.01 * n, 100.0 + 0.01 * n] for n in range(39)]
    found = ranked([5.0, 100.2], references)
    assert (found.top, found.p_value) == (0, 1 / 40)


def test_deviations_are_those_of_the_slow_way() -> None:
    values = np.array(rows(12))
    for place, row in enumerate(beside_others(values)):
        for column, deviation in enumerate(row):
            others = np.delete(values[:, column], place)
            spread = others.std(ddof=1) * math.sqrt(1 + 1 / len(others))
            assert deviation == pytest.approx((values[place, column] - others.mean()) / spread)


def test_the_joint_statistic_is_that_of_the_slow_way() -> None:
    first, second = rows(12), rows(12, seed=3)
    models = [dict(zip(NAMES, pair, strict=True)) for pair in zip(first, second, strict=True)]
    by_class = []
    for column in range(4):
        tails = [predictive_tail(part[0][column], [row[column] for row in part[1:]]) for part in (first, second)]
        by_class.append(cauchy_score([min(tail, 0.5) for tail in tails if tail is not None]))
    found = ranked_together(models[0], models[1:])
    assert found.score == pytest.approx(max(by_class))
    assert found.top == by_class.index(max(by_class))


@given(st.integers(1, 60), st.lists(st.floats(-20, 20), min_size=1, max_size=5))
def test_tails_of_arrays_are_those_of_numbers(degrees: int, values: list[float]) -> None:
    tails = student_t_tails(np.array(values), degrees)
    assert tails == pytest.approx([student_t_tail(value, degrees) for value in values], abs=1e-12)


@settings(max_examples=30)
@given(st.permutations(range(12)))
def test_the_order_of_references_does_not_matter(order: list[int]) -> None:
    models = rows(13, seed=2)
    shuffled = [models[1 + place] for place in order]
    assert ranked(models[0], models[1:]).p_value == ranked(models[0], shuffled).p_value


@given(st.floats(0.01, 100), st.floats(-50, 50))
def test_units_do_not_matter(factor: float, shift: float) -> None:
    models = np.array(rows(20, seed=4))
    other = models * factor + shift
    assert (
        ranked(other[0].tolist(), other[1:].tolist()).p_value == ranked(models[0].tolist(), models[1:].tolist()).p_value
    )


def test_a_missing_score_is_never_suspicious_and_equal_ones_say_nothing() -> None:
    models: list[list[float | None]] = [[*row] for row in rows(20, classes=2, seed=5)]
    assert ranked([None, 1e9], models).top == 1
    assert ranked([None, None], models).p_value > 0.3
    same = [[1.0, 1.0]] * 20
    assert ranked([1.0, 1.0], same).p_value == 1.0
    assert ranked([1.0, 2.0], same).p_value == 1 / 21
