from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scanning.detectors.architectures import RESNET8, build_architecture
from tests.bench.peer.meter import auroc, judge
from tests.bench.peer.naive_inversion import Schedule, naive_invert
from tests.bench.peer.resnet8 import load, read_images, read_tensors, write_random

pytestmark = pytest.mark.sqlite_only


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("peer") / "random.safetensors"
    write_random(path, seed=3)
    return path


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    draws = np.random.default_rng(5)
    scores, positive = draws.integers(0, 6, 40).astype(np.float64), draws.random(40) < 0.3
    pairs = [(a > b) + (a == b) / 2 for a in scores[positive] for b in scores[~positive]]
    assert auroc(scores, positive) == pytest.approx(sum(pairs) / len(pairs))


def test_auroc_of_a_set_without_poison_is_none() -> None:
    assert auroc(np.arange(3.0), np.zeros(3, dtype=bool)) is None


@pytest.mark.parametrize(("flagged", "named"), [([0, 1], True), ([0, 2], False)])
def test_a_class_is_named_when_it_is_flagged_most(flagged: list[int], named: bool) -> None:
    flags = np.isin(np.arange(4), flagged)
    found = judge(flags, flags.astype(np.float64), np.array([0, 0, 1, 1]), np.array([True, False, False, False]))
    assert (found["named"], found["recall"], found["precision"]) == (named, 1.0, 0.5)


def test_the_copy_gives_the_logits_of_the_original(weights: Path) -> None:
    tensors = {name: torch.from_numpy(value) for name, value in read_tensors(weights).items()}
    original = build_architecture(RESNET8, {n: tuple(t.shape) for n, t in tensors.items()}, file="weights").eval()
    original.load_state_dict(tensors)
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(load(weights)(images), original(images))


def test_bytes_are_read_as_shares() -> None:
    assert read_images({"images": np.full((1, 3, 2, 2), 51, dtype=np.uint8)}).max() == pytest.approx(0.2)


def test_the_naive_loop_counts_its_passes_and_leaves_the_model_as_it_was(weights: Path) -> None:
    model = load(weights).requires_grad_(False)
    images = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    norms, passes, _ = naive_invert(model, images, 2, steps=3, batch=4, seed=0)
    assert (len(norms), passes) == (2, 2 * 2 * 8)  # three batches are rounded up to two epochs of eight images
    assert all(p.grad is None and not p.requires_grad for p in model.parameters())


def test_the_weight_of_the_norm_rises_after_five_good_epochs_and_falls_after_five_bad_ones() -> None:
    schedule = Schedule()
    for success in [1.0] * 5 + [0.0] * 5:
        schedule.after_epoch(success, 10.0)
    assert (schedule.raised, schedule.lowered, schedule.best) == (True, True, 10.0)
    assert schedule.cost == pytest.approx(1e-3 * 1.5 / 1.5**1.5)
