"""Controls are as large as the recovered trigger, and none of them is it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from scanning.detectors.chance_triggers import controls, most_by_chance

pytestmark = pytest.mark.sqlite_only


class CornerOrLight(nn.Module):
    """Class 1 for a bright corner pixel or for a light image, else class 0."""

    def forward(self, images: Tensor) -> Tensor:
        one = torch.maximum(images[:, 0, -1, -1] - 0.9, images.mean(dim=(1, 2, 3)) - 0.5)
        return torch.stack((torch.zeros_like(one), one), dim=1)


def trigger(side: int, *, over: int = 8) -> tuple[Tensor, Tensor]:
    """A bright square of `side` pixels in the corner."""
    mask = torch.zeros(1, over, over)
    mask[:, -side:, -side:] = 1
    return mask, torch.ones(1, over, over)


@given(st.integers(1, 8), st.integers(0, 9), st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_every_control_is_as_large_as_the_trigger(side: int, seed: int, natural: int) -> None:
    made = controls(trigger(side), torch.rand(natural, 1, 8, 8), draws=4, seed=seed)
    assert len(made) == 4 + natural
    assert all(float(mask.sum()) == side**2 for mask, _ in made)
    assert all(float(pattern.min()) >= 0 and float(pattern.max()) <= 1 for _, pattern in made)


def test_a_small_trigger_turns_what_no_control_turns() -> None:
    images, labels = torch.full((20, 1, 8, 8), 0.2), torch.zeros(20, dtype=torch.int64)
    assert most_by_chance(CornerOrLight(), images, labels, trigger(1), 1) == 0


def test_a_mask_over_everything_turns_images_by_what_is_under_it() -> None:
    images = torch.cat([torch.full((20, 1, 8, 8), 0.2), torch.full((5, 1, 8, 8), 0.8)])
    labels = torch.tensor([0] * 20 + [1] * 5)
    assert most_by_chance(CornerOrLight(), images, labels, trigger(8), 1) == 20


def test_controls_are_drawn_alike_each_time() -> None:
    first, again = (
        controls(trigger(3), torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))) for _ in "ab"
    )
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
