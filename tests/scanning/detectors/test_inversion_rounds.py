"""Giving classes up: the right one stays, comparisons are made at equal budget, and one class more or less is no harm."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from scanning.detectors.inversion import InversionSettings
from scanning.detectors.inversion_rounds import Found, invert, kept, rounds, scores_at_equal_budget

pytestmark = pytest.mark.sqlite_only

MANY = 20
PLANTED = 17
SETTINGS = InversionSettings(steps=40, batch=12)
norm_lists = st.lists(st.floats(0.5, 90) | st.just(math.inf), min_size=8, max_size=40)


@pytest.fixture(scope="module")
def prepared() -> tuple[nn.Module, Tensor]:
    """A linear model of many classes: each has a pixel block of its own, and one answers to a single pixel as well."""
    draws = torch.Generator().manual_seed(5)
    images = torch.rand(120, 1, 12, 12, generator=draws) * 0.5
    layer = nn.Linear(144, MANY)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(MANY, 144, generator=draws) * 0.25)
        layer.bias.zero_()
        layer.weight[PLANTED, 143] = 12.0
    return nn.Sequential(nn.Flatten(), layer).requires_grad_(False), images


def search(prepared: tuple[nn.Module, Tensor], halve_from: int, *, threads: int = 1) -> tuple[Found, ...]:
    settings = replace(SETTINGS, halve_from=halve_from)
    return invert(*prepared, MANY, settings=settings, seeds=(0,), threads=threads)


def test_halving_keeps_the_planted_class_and_its_score_and_saves_work(prepared: tuple[nn.Module, Tensor]) -> None:
    for whole, halved in zip(search(prepared, MANY + 1), search(prepared, MANY), strict=True):
        assert max(range(MANY), key=lambda k: halved.scores[k] or -math.inf) == PLANTED
        assert halved.scores[PLANTED] == pytest.approx(whole.scores[PLANTED], abs=1e-3)
        assert halved.budgets[PLANTED] == 40
        assert set(halved.budgets) == {16, 28, 40}
        assert halved.passes < 0.8 * whole.passes


def test_halving_gives_the_same_bits_on_any_number_of_threads(prepared: tuple[nn.Module, Tensor]) -> None:
    one, three = (search(prepared, MANY, threads=threads) for threads in (1, 3))
    assert [row.scores for row in one] == [row.scores for row in three]


def test_few_classes_are_never_given_up() -> None:
    assert rounds(SETTINGS, 19) == (40,)
    assert rounds(SETTINGS, 20) == (16, 28, 40)


@given(norm_lists)
def test_the_smallest_mask_goes_on_and_so_does_what_does_not_work_yet(norms: list[float]) -> None:
    everyone = tuple(range(len(norms)))
    stay = kept(norms, everyone, [False] * len(norms))
    assert norms.index(min(norms)) in stay
    assert {label for label in everyone if math.isinf(norms[label])} <= set(stay)
    assert kept(norms, everyone, [True] * len(norms)) == everyone


@given(norm_lists, st.floats(0.3, 1))
def test_scores_keep_the_order_at_equal_budget(norms: list[float], shrinking: float) -> None:
    everyone = tuple(range(len(norms)))
    stay = kept(norms, everyone, [False] * len(norms))
    later = [norm * shrinking if label in stay else norm for label, norm in enumerate(norms)]
    scores = scores_at_equal_budget([norms, later], [everyone, stay])
    for label, norm in enumerate(norms):
        if math.isinf(norm):
            assert scores[label] is None
        else:  # all shrank alike, so every class is scored as if it had run on
            assert scores[label] == pytest.approx(-math.log(norm * shrinking))


def test_a_class_given_up_never_passes_one_that_went_on() -> None:
    scores = scores_at_equal_budget([[10.0, 11.0, 12.0], [10.0, 2.0, 12.0]], [(0, 1, 2), (0, 1)])
    assert scores[2] == scores[0] == pytest.approx(-math.log(10))
