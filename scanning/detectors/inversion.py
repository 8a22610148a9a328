"""Trigger inversion for many classes in one batch: the objective of Neural Cleanse (Wang et al., IEEE S&P 2019, §IV).

For each class k a mask m_k in (0, 1) and a pattern p_k in (0, 1) are sought, such that (1 - m)·x + m·p is labelled k
and the L1 norm of m is small. The weights stay frozen; gradients flow to masks and patterns alone. Each class has its
own penalty weight, raised while its trigger works and lowered while it does not, and stops on its own; nothing that
one class does changes another, so the batch gives what a loop over classes would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn
from torch.nn import functional

from compliance.types.drafts import Progress
from scanning.detectors.base import OnProgress, at_once, ignore_progress

STAGE = "trigger inversion"
FLOAT32, BFLOAT16 = "float32", "bfloat16"
_EPSILON = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class InversionSettings:
    """Parameters of one inversion; the same ones must be used for a model and for its references.

    steps: upper bound of steps per class; batch: images per step; success: share of images that must take the class,
    as a running mean that keeps `memory` of its last value; penalty: first weight of the mask norm; patience: steps
    in a row before it is raised (×factor) or lowered (÷factor^1.5); quiet: steps without an improvement of 1 % after
    which a class stops; halve_from: with at least so many classes those with the largest masks are given up early, see
    inversion_rounds; precision: of the search, "float32" or "bfloat16" (the latter pays only where the processor
    multiplies it natively, and what it finds is tried again in float32).
    """

    steps: int = 80
    batch: int = 12
    learning_rate: float = 0.3
    beta1: float = 0.5
    beta2: float = 0.9
    success: float = 0.97
    memory: float = 0.7
    penalty: float = 1e-2
    factor: float = 1.5
    patience: int = 3
    quiet: int = 20
    halve_from: int = 20
    precision: str = FLOAT32


@dataclass(slots=True)
class Search:
    """State of some classes after `steps` steps; every tensor has one row per class, and rows never mix.

    classes [K]; raw_mask [K, 1, H, W] and raw_pattern [K, C, H, W] before tanh, with Adam's moments; penalty, rate [K];
    good, bad, since [K]: steps in a row; best [K]: smallest mask norm that worked, infinite where none did, with its
    mask and pattern; steps [K] run.
    """

    classes: Tensor
    raw_mask: Tensor
    raw_pattern: Tensor
    mask_mean: Tensor
    mask_square: Tensor
    pattern_mean: Tensor
    pattern_square: Tensor
    penalty: Tensor
    rate: Tensor
    good: Tensor
    bad: Tensor
    raised: Tensor
    lowered: Tensor
    since: Tensor
    best: Tensor
    best_mask: Tensor
    best_pattern: Tensor
    steps: Tensor

    def rows(self, rows: Tensor) -> Search:
        """A copy of some rows."""
        return Search(**{field.name: getattr(self, field.name)[rows] for field in fields(Search)})

    def put(self, rows: Tensor, part: Search) -> None:
        """Write what `rows` gave back."""
        for field in fields(Search):
            getattr(self, field.name)[rows] = getattr(part, field.name)

    def finished(self, settings: InversionSettings) -> Tensor:
        """Classes [K] whose mask has stopped shrinking though its penalty has gone up and down."""
        return self.raised & self.lowered & (self.since >= settings.quiet) & torch.isfinite(self.best)


def stamp(images: Tensor, mask: Tensor, pattern: Tensor) -> Tensor:
    """(1 - m)·x + m·p; images [B, C, H, W], mask [K, 1, H, W], pattern [K, C, H, W] -> [K, B, C, H, W]."""
    return (1 - mask).unsqueeze(1) * images.unsqueeze(0) + (mask * pattern).unsqueeze(1)


def begin(classes: Sequence[int], images: Tensor, settings: InversionSettings, *, seed: int) -> Search:
    """The start of a search on `images` [N, C, H, W]: every class from the same draw, so that norms can be compared."""
    draws = torch.Generator().manual_seed(seed)
    rows = len(classes)
    mask = torch.rand(1, 1, *images.shape[2:], generator=draws, dtype=torch.float64)
    pattern = torch.rand(1, *images.shape[1:], generator=draws, dtype=torch.float64)
    raw_mask, raw_pattern = (
        torch.atanh((start.to(images) * 2 - 1) * 0.99).repeat(rows, 1, 1, 1) for start in (mask, pattern)
    )
    numbers = torch.zeros(rows, dtype=images.dtype, device=images.device)
    counts = torch.zeros(rows, dtype=torch.int64, device=images.device)
    return Search(
        classes=torch.tensor(list(classes), device=images.device),
        raw_mask=raw_mask,
        raw_pattern=raw_pattern,
        mask_mean=torch.zeros_like(raw_mask),
        mask_square=torch.zeros_like(raw_mask),
        pattern_mean=torch.zeros_like(raw_pattern),
        pattern_square=torch.zeros_like(raw_pattern),
        penalty=numbers + settings.penalty,
        rate=numbers.clone(),
        good=counts.clone(),
        bad=counts.clone(),
        raised=counts.bool(),
        lowered=counts.bool(),
        since=counts.clone(),
        best=numbers + torch.inf,
        best_mask=torch.zeros_like(raw_mask),
        best_pattern=torch.zeros_like(raw_pattern),
        steps=counts,
    )


def advance(
    model: nn.Module,
    images: Tensor,
    search: Search,
    *,
    settings: InversionSettings,
    seed: int,
    after: int = 0,
    until: int,
    on_progress: OnProgress = ignore_progress,
) -> Search:
    """Go on from step `after` to step `until` with a frozen model that gives logits [B, classes]; the search itself is
    left as it was. Every class sees the same images at a step, and leaves the batch once it is finished."""
    search = search.rows(torch.arange(len(search.classes), device=images.device))
    draws = torch.Generator().manual_seed(seed + 1)
    for step in range(1, until + 1):
        rows = torch.randperm(len(images), generator=draws)[: settings.batch]
        if step <= after:
            continue
        live = torch.nonzero(~search.finished(settings)).squeeze(1)
        if not len(live):
            break
        part = search.rows(live)
        mask, pattern, rate = _step(model, images[rows.to(images.device)], part, step, settings)
        better = _adjust(part, mask.sum(dim=(1, 2, 3)), rate, settings)
        part.best_mask[better], part.best_pattern[better] = mask[better], pattern[better]
        part.steps = part.steps + 1
        search.put(live, part)
        on_progress(Progress(stage=STAGE, done=step, total=settings.steps))
    return search


def _step(
    model: nn.Module, batch: Tensor, search: Search, step: int, settings: InversionSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """One Adam step of every class; returns the masks and patterns *before* it and the share [K] that took the class."""
    raw_mask, raw_pattern = search.raw_mask.requires_grad_(), search.raw_pattern.requires_grad_()
    mask, pattern = torch.tanh(raw_mask) / 2 + 0.5, torch.tanh(raw_pattern) / 2 + 0.5
    stamped = stamp(batch, mask, pattern).flatten(0, 1)  # [K·B, C, H, W]
    with torch.autocast(batch.device.type, dtype=torch.bfloat16, enabled=settings.precision == BFLOAT16):
        logits = model(stamped)
    logits = logits.to(batch.dtype)  # [K·B, classes]
    goal = search.classes.repeat_interleave(len(batch))  # [K·B]
    error = functional.cross_entropy(logits, goal, reduction="none").view(-1, len(batch)).mean(dim=1)  # [K]
    loss = (error + search.penalty * mask.sum(dim=(1, 2, 3))).sum()
    gradients = torch.autograd.grad(loss, (raw_mask, raw_pattern))
    rate = (logits.argmax(dim=1) == goal).view(-1, len(batch)).to(mask.dtype).mean(dim=1)
    with torch.no_grad():
        moments = (search.mask_mean, search.mask_square)
        search.raw_mask = _adam(raw_mask.detach(), gradients[0], moments, step, settings)
        moments = (search.pattern_mean, search.pattern_square)
        search.raw_pattern = _adam(raw_pattern.detach(), gradients[1], moments, step, settings)
    return mask.detach(), pattern.detach(), rate


def _adam(
    value: Tensor, gradient: Tensor, moments: tuple[Tensor, Tensor], step: int, settings: InversionSettings
) -> Tensor:
    """Adam (Kingma and Ba, 2015); written out because rows leave the batch and torch.optim cannot drop them."""
    first, second = moments
    first.mul_(settings.beta1).add_(gradient, alpha=1 - settings.beta1)
    second.mul_(settings.beta2).addcmul_(gradient, gradient, value=1 - settings.beta2)
    mean = first / (1 - settings.beta1**step)
    spread = (second / (1 - settings.beta2**step)).sqrt_().add_(1e-8)
    return value - settings.learning_rate * mean / spread


def _adjust(search: Search, norms: Tensor, rate: Tensor, settings: InversionSettings) -> Tensor:
    """Count good and bad steps, move the penalties, and say which classes [K] have a new smallest working trigger."""
    search.rate = settings.memory * search.rate + (1 - settings.memory) * rate
    works = search.rate >= settings.success - _EPSILON
    search.good = torch.where(works, search.good + 1, 0)
    search.bad = torch.where(works, 0, search.bad + 1)
    better = (search.good >= settings.patience) & (norms < search.best)
    search.since = torch.where(better & (norms < search.best * 0.99), 0, search.since + 1)
    search.best = torch.where(better, norms, search.best)
    rise = (search.good > 0) & (search.good % settings.patience == 0)
    fall = (search.bad > 0) & (search.bad % settings.patience == 0)
    search.penalty = torch.where(rise, search.penalty * settings.factor, search.penalty)
    search.penalty = torch.where(fall, search.penalty / settings.factor**1.5, search.penalty)
    search.raised |= rise
    search.lowered |= fall
    return better


@torch.no_grad()
def share_turned(model: nn.Module, images: Tensor, search: Search) -> Tensor:
    """Share [K] of `images` [N, C, H, W] that each class's smallest working trigger sends to it, without autocast."""
    hits = torch.zeros(len(search.classes), dtype=torch.int64, device=images.device)
    for part in torch.split(images, at_once(tuple(images.shape[1:]))):
        for row, label in enumerate(search.classes):
            stamped = stamp(part, search.best_mask[row : row + 1], search.best_pattern[row : row + 1])[0]
            hits[row] += (model(stamped).argmax(dim=1) == label).sum()
    return hits / len(images)


@torch.no_grad()
def flips(
    model: nn.Module, images: Tensor, labels: Tensor, trigger: tuple[Tensor, Tensor], label: int
) -> tuple[int, int]:
    """(flipped, tried): how many images [N, C, H, W] not of class `label` take it once the trigger (mask [1, H, W],
    pattern [C, H, W]) is stamped on."""
    others = images[labels != label]
    mask, pattern = trigger[0].unsqueeze(0), trigger[1].unsqueeze(0)
    flipped = 0
    for part in torch.split(others, at_once(tuple(images.shape[1:]))):
        flipped += int((model(stamp(part, mask, pattern)[0]).argmax(dim=1) == label).sum())
    return flipped, len(others)
