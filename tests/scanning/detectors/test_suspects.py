"""Ranks and counts of suspicious inputs: exact where they claim to be, and blind to order and to easy classes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.types.verdicts import StageVerdict
from scanning.detectors.suspects import (
    ScoredInputs,
    beta_binomial_tail,
    decide,
    facts_of,
    ranked,
    split_rows,
)

pytestmark = pytest.mark.sqlite_only


def scored(draws: np.random.Generator, count: int, *, classes: int = 2, shift: float = 0.0) -> ScoredInputs:
    """Scores whose place depends on the class, `shift` higher throughout."""
    predicted = draws.integers(0, classes, count)
    return ScoredInputs(draws.normal(size=count) + 5.0 * predicted + shift, predicted)


@pytest.mark.parametrize(("hits", "trials", "largest", "references"), [(1, 3, 1, 4), (2, 3, 2, 5), (3, 3, 1, 4)])
def test_the_tail_is_what_all_orders_give(hits: int, trials: int, largest: int, references: int) -> None:
    """Of all equally likely places of the further scores among all, those with enough beyond the bound."""
    from itertools import combinations

    total = references + trials
    favourable = sum(
        sum(place > sorted(set(range(total)) - set(places))[-largest] for place in places) >= hits
        for places in combinations(range(total), trials)
    )
    expected = favourable / math.comb(total, trials)
    assert beta_binomial_tail(hits, trials, largest, references) == pytest.approx(expected)


def test_no_hits_are_certain_and_an_unreachable_bound_impossible() -> None:
    assert beta_binomial_tail(0, 5, 2, 30) == 1.0
    assert beta_binomial_tail(1, 5, 0, 10) == 0.0


def test_ordinary_inputs_under_suspicion_are_rarely_flagged_as_a_heap() -> None:
    draws = np.random.default_rng(0)
    p_values = [ranked(scored(draws, 60), scored(draws, 120)).p_value for _ in range(400)]
    assert sum(p is not None and p <= 0.05 for p in p_values) <= 32  # 20 expected; 32 is beyond the 99.5 % bound


def test_a_heap_of_an_easy_class_is_no_evidence() -> None:
    draws = np.random.default_rng(1)
    easy = ScoredInputs(draws.normal(size=80) + 5.0, np.ones(80, dtype=np.int64))
    judged = ranked(easy, scored(draws, 300))
    assert decide(judged, "stay")[0] is StageVerdict.INCONCLUSIVE


def test_a_heap_beyond_its_class_is_evidence_and_names_the_class() -> None:
    draws = np.random.default_rng(2)
    planted = ScoredInputs(draws.normal(size=40) + 9.0, np.ones(40, dtype=np.int64))
    judged = ranked(planted, scored(draws, 300))
    verdict, statement = decide(judged, "stay")
    assert verdict is StageVerdict.EVIDENCE_FOUND
    assert "class 1" in statement
    assert len(facts_of(judged, planted, scored(draws, 300))["named"]) > 30


def test_a_few_ordinary_inputs_that_outdo_every_trigger_hide_none() -> None:
    draws = np.random.default_rng(6)
    ordinary = ScoredInputs(np.r_[draws.normal(size=100), np.full(8, 20.0)], np.zeros(108, dtype=np.int64))
    planted = ScoredInputs(draws.normal(size=40) + 6.0, np.zeros(40, dtype=np.int64))
    judged = ranked(planted, ordinary)
    assert decide(judged, "stay")[0] is StageVerdict.EVIDENCE_FOUND
    assert judged.worst is not None
    assert judged.worst.level.alpha == 0.25


def test_more_than_chance_but_a_small_share_is_no_evidence() -> None:
    draws = np.random.default_rng(3)
    mixed = ScoredInputs(np.r_[draws.normal(size=40) + 9.0, draws.normal(size=160) + 5.0], np.ones(200, dtype=np.int64))
    judged = ranked(mixed, scored(draws, 300))
    assert judged.p_value is not None
    assert judged.p_value <= 0.01
    assert decide(judged, "stay")[0] is StageVerdict.INCONCLUSIVE


def test_classes_without_enough_ordinary_inputs_are_not_judged() -> None:
    draws = np.random.default_rng(4)
    strange = ScoredInputs(draws.normal(size=5) + 50.0, np.full(5, 7))
    judged = ranked(strange, scored(draws, 100))
    assert (judged.unjudged, judged.p_value) == (5, None)
    verdict, statement = decide(judged, "stay")
    assert verdict is StageVerdict.INCONCLUSIVE
    assert "hand in more ordinary images" in statement


@given(st.permutations(range(30)))
def test_the_order_of_suspicious_inputs_does_not_matter(order: list[int]) -> None:
    draws = np.random.default_rng(5)
    ordinary, suspects = scored(draws, 100), scored(draws, 30, shift=1.0)
    turned = ScoredInputs(suspects.scores[order], suspects.predicted[order])
    first, second = ranked(suspects, ordinary), ranked(turned, ordinary)
    assert second.counts == first.counts
    assert second.p_values == tuple(first.p_values[place] for place in order)


@given(st.integers(1, 500), st.integers(0, 200))
def test_helpers_and_ranked_images_share_none(count: int, helpers: int) -> None:
    first, second = split_rows(count, helpers)
    assert sorted([*first.tolist(), *second.tolist()]) == list(range(count))
    assert len(first) <= count / 3
