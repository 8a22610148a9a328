"""The batched search against an obvious one: one class at a time, with torch's own Adam and plain Python numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from scanning.detectors.inversion import Inversion, InversionSettings, flips, invert, merge, stamp
from tests.scanning.detectors.material import CLASSES, pictures, tiny_model

pytestmark = pytest.mark.sqlite_only

SETTINGS = InversionSettings(steps=60, batch=16, quiet=15)


def obvious(model: nn.Module, images: Tensor, label: int, settings: InversionSettings, seed: int) -> tuple[float, int]:
    """(norm, steps) of one class: Neural Cleanse as one would write it down."""
    draws = torch.Generator().manual_seed(seed)
    starts = [torch.rand(1, 1, *images.shape[2:], generator=draws, dtype=torch.float64) for _ in range(2)]
    mask, pattern = (torch.atanh((start * 2 - 1) * 0.99).requires_grad_() for start in starts)
    optimiser = torch.optim.Adam([mask, pattern], lr=settings.learning_rate, betas=(settings.beta1, settings.beta2))
    order = torch.Generator().manual_seed(seed + 1)
    penalty, rate, good, bad, since, best = settings.penalty, 0.0, 0, 0, 0, float("inf")
    raised = lowered = False
    for step in range(1, settings.steps + 1):
        batch = images[torch.randperm(len(images), generator=order)[: settings.batch]]
        m, p = torch.tanh(mask) / 2 + 0.5, torch.tanh(pattern) / 2 + 0.5
        logits = model((1 - m) * batch + m * p)
        goal = torch.full((len(batch),), label)
        optimiser.zero_grad()
        (functional.cross_entropy(logits, goal) + penalty * m.sum()).backward()
        optimiser.step()
        rate = settings.memory * rate + (1 - settings.memory) * float((logits.argmax(1) == goal).double().mean())
        norm, since = float(m.detach().sum()), since + 1
        good, bad = (good + 1, 0) if rate >= settings.success - 1e-6 else (0, bad + 1)
        if good >= settings.patience and norm < best:
            since = 0 if norm < best * 0.99 else since
            best = norm
        if good and good % settings.patience == 0:
            penalty, raised = penalty * settings.factor, True
        if bad and bad % settings.patience == 0:
            penalty, lowered = penalty / settings.factor**1.5, True
        if raised and lowered and since >= settings.quiet and best < float("inf"):
            return best, step
    return best, settings.steps


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Tensor, Tensor]:
    images = pictures(tmp_path_factory.mktemp("pictures"))
    model = tiny_model(images, planted=True).double()
    return model, torch.from_numpy(images.images).double(), torch.from_numpy(images.labels)


@pytest.fixture(scope="module")
def found(prepared: tuple[nn.Module, Tensor, Tensor]) -> Inversion:
    return invert(prepared[0], prepared[1], CLASSES, settings=SETTINGS, seed=3)


@pytest.mark.parametrize("label", range(CLASSES))
def test_the_batch_gives_what_a_loop_over_classes_gives(
    prepared: tuple[nn.Module, Tensor, Tensor], found: Inversion, label: int
) -> None:
    norm, steps = obvious(prepared[0], prepared[1], label, SETTINGS, seed=3)
    assert float(found.norms[label]) == pytest.approx(norm, rel=1e-6)
    assert int(found.steps[label]) == steps


def test_searches_over_parts_of_the_classes_join_to_the_whole(
    prepared: tuple[nn.Module, Tensor, Tensor], found: Inversion
) -> None:
    parts = [
        (labels, invert(*prepared[:2], CLASSES, settings=SETTINGS, seed=3, only=labels)) for labels in ((1,), (0, 2))
    ]
    joined = merge(parts)
    torch.testing.assert_close(joined.norms, found.norms)
    torch.testing.assert_close(joined.masks, found.masks)
    assert joined.passes == found.passes


def test_the_planted_class_has_the_smallest_trigger_and_it_works(
    prepared: tuple[nn.Module, Tensor, Tensor], found: Inversion
) -> None:
    flipped, tried = flips(*prepared, found, 0, 0)
    assert int(found.norms.argmin()) == 0
    assert tried == 160
    assert flipped / tried > 0.9


def test_the_same_seed_gives_the_same_bits(prepared: tuple[nn.Module, Tensor, Tensor], found: Inversion) -> None:
    again = invert(prepared[0], prepared[1], CLASSES, settings=SETTINGS, seed=3)
    assert torch.equal(again.masks, found.masks)
    assert torch.equal(again.norms, found.norms)


def test_another_seed_starts_elsewhere(prepared: tuple[nn.Module, Tensor, Tensor], found: Inversion) -> None:
    other = invert(prepared[0], prepared[1], CLASSES, settings=SETTINGS, seed=4)
    assert not torch.equal(other.masks, found.masks)


def test_the_weights_stay_as_they_were(prepared: tuple[nn.Module, Tensor, Tensor]) -> None:
    before = [value.clone() for value in prepared[0].state_dict().values()]
    invert(prepared[0], prepared[1], CLASSES, settings=InversionSettings(steps=3, batch=8), seed=0)
    assert all(torch.equal(a, b) for a, b in zip(before, prepared[0].state_dict().values(), strict=True))
    assert all(weight.grad is None for weight in prepared[0].parameters())


def test_a_class_no_trigger_reaches_has_an_infinite_norm(tmp_path: Path) -> None:
    images = torch.from_numpy(pictures(tmp_path).images)
    scores = nn.Linear(36, 2)
    with torch.no_grad():
        scores.weight.zero_()
        scores.bias.copy_(torch.tensor([0.0, 9.0]))
    never = nn.Sequential(nn.Flatten(), scores)
    result = invert(never.requires_grad_(False), images, 2, settings=InversionSettings(steps=20, batch=8), seed=0)
    assert torch.isinf(result.norms).tolist() == [True, False]


def test_stamp_blends_by_the_mask() -> None:
    images, mask = torch.full((1, 1, 1, 2), 0.2), torch.tensor([[[[0.0, 0.5]]]])
    stamped = stamp(images, mask, torch.ones(1, 1, 1, 2))
    torch.testing.assert_close(stamped, torch.tensor([[[[[0.2, 0.6]]]]]))
