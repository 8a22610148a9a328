"""The batched search against an obvious one: one class at a time, with torch's own Adam and plain Python numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from scanning.detectors.inversion import BFLOAT16, InversionSettings, advance, begin, flips, stamp
from scanning.detectors.inversion_rounds import Found, invert
from tests.scanning.detectors.material import CLASSES, pictures, tiny_model

pytestmark = pytest.mark.sqlite_only

SETTINGS = InversionSettings(
    steps=60, batch=16, quiet=15, learning_rate=0.1, memory=0.8, patience=5, factor=1.5, penalty=1e-2
)
Prepared = tuple[nn.Module, Tensor, Tensor]


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
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    images = pictures(tmp_path_factory.mktemp("pictures"))
    model = tiny_model(images, planted=True).double()
    return model, torch.from_numpy(images.images).double(), torch.from_numpy(images.labels)


@pytest.fixture(scope="module")
def found(prepared: Prepared) -> Found:
    return invert(prepared[0], prepared[1], CLASSES, settings=SETTINGS, seeds=(3,))[0]


@pytest.mark.parametrize("label", range(CLASSES))
def test_the_batch_gives_what_a_loop_over_classes_gives(prepared: Prepared, found: Found, label: int) -> None:
    norm, steps = obvious(prepared[0], prepared[1], label, SETTINGS, seed=3)
    assert found.norms[label] == pytest.approx(norm, rel=1e-6)
    assert int(found.search.steps[label]) == steps


def test_one_step_is_adam_on_the_loss_of_the_paper(prepared: Prepared) -> None:
    model, images, _ = prepared
    before = begin((1,), images, SETTINGS, seed=0)
    after = advance(model, images, before, settings=SETTINGS, seed=0, until=1)
    mask, pattern = before.raw_mask[0].clone().requires_grad_(), before.raw_pattern[0].clone().requires_grad_()
    adam = torch.optim.Adam([mask, pattern], lr=SETTINGS.learning_rate, betas=(SETTINGS.beta1, SETTINGS.beta2))
    batch = images[torch.randperm(len(images), generator=torch.Generator().manual_seed(1))[: SETTINGS.batch]]
    m, p = (1 + torch.tanh(mask)) / 2, (1 + torch.tanh(pattern)) / 2
    chance = functional.softmax(model(batch * (1 - m) + m * p), dim=1)[:, 1]
    (-chance.log().mean() + SETTINGS.penalty * m.abs().sum()).backward()
    adam.step()
    torch.testing.assert_close(after.raw_mask[0], mask.detach())
    torch.testing.assert_close(after.raw_pattern[0], pattern.detach())


def test_classes_do_not_mix(prepared: Prepared) -> None:
    together = begin((2, 0, 1), prepared[1], SETTINGS, seed=3)
    alone = begin((0,), prepared[1], SETTINGS, seed=3)
    runs = [advance(*prepared[:2], start, settings=SETTINGS, seed=3, until=30) for start in (together, alone)]
    torch.testing.assert_close(runs[0].best[1], runs[1].best[0])
    torch.testing.assert_close(runs[0].raw_mask[1], runs[1].raw_mask[0])


def test_a_search_goes_on_from_where_it_stopped(prepared: Prepared, found: Found) -> None:
    part = begin(range(CLASSES), prepared[1], SETTINGS, seed=3)
    for after, until in ((0, 7), (7, 8), (8, SETTINGS.steps)):
        part = advance(*prepared[:2], part, settings=SETTINGS, seed=3, after=after, until=until)
    assert torch.equal(part.best_mask, found.search.best_mask)
    assert torch.equal(part.steps, found.search.steps)


def test_the_planted_class_has_the_smallest_trigger_and_it_works(prepared: Prepared, found: Found) -> None:
    flipped, tried = flips(*prepared, (found.search.best_mask[0], found.search.best_pattern[0]), 0)
    assert int(found.search.best.argmin()) == 0
    assert tried == 160
    assert flipped / tried > 0.9


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(
    prepared: Prepared, found: Found, threads: int
) -> None:
    again = invert(*prepared[:2], CLASSES, settings=SETTINGS, seeds=(3, 4), threads=threads)
    assert torch.equal(again[0].search.best_mask, found.search.best_mask)
    assert again[0].scores == found.scores
    assert again[1].scores != found.scores


def test_the_weights_stay_as_they_were(prepared: Prepared) -> None:
    before = [value.clone() for value in prepared[0].state_dict().values()]
    invert(*prepared[:2], CLASSES, settings=InversionSettings(steps=3, batch=8), seeds=(0,))
    assert all(torch.equal(a, b) for a, b in zip(before, prepared[0].state_dict().values(), strict=True))
    assert all(weight.grad is None for weight in prepared[0].parameters())


def test_a_class_no_trigger_reaches_has_no_score(tmp_path: Path) -> None:
    images = torch.from_numpy(pictures(tmp_path).images)
    scores = nn.Linear(36, 2)
    with torch.no_grad():
        scores.weight.zero_()
        scores.bias.copy_(torch.tensor([0.0, 9.0]))
    never = nn.Sequential(nn.Flatten(), scores).requires_grad_(False)
    result = invert(never, images, 2, settings=InversionSettings(steps=20, batch=8), seeds=(0,))[0]
    assert [score is None for score in result.scores] == [True, False]


def test_a_search_in_half_precision_finds_the_planted_class_too(prepared: Prepared) -> None:
    settings = InversionSettings(steps=60, batch=16, precision=BFLOAT16)
    result = invert(prepared[0].float(), prepared[1].float(), CLASSES, settings=settings, seeds=(0,))[0]
    prepared[0].double()
    assert result.scores.index(max(score for score in result.scores if score is not None)) == 0


def test_stamp_blends_by_the_mask() -> None:
    images, mask = torch.full((1, 1, 1, 2), 0.2), torch.tensor([[[[0.0, 0.5]]]])
    stamped = stamp(images, mask, torch.ones(1, 1, 1, 2))
    torch.testing.assert_close(stamped, torch.tensor([[[[[0.2, 0.6]]]]]))
