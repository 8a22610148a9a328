"""Trigger inversion for all classes in one batch: the objective of Neural Cleanse (Wang et al., IEEE S&P 2019, §IV).

For each class k a mask m_k in (0, 1) and a pattern p_k in (0, 1) are sought, such that (1 - m)·x + m·p is labelled k
and the L1 norm of m is small. The weights stay frozen; gradients flow to masks and patterns alone. Each class has its
own penalty weight, raised while its trigger works and lowered while it does not, and stops on its own; nothing that
one class does changes another, so the batch gives what a loop over classes would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from compliance.types.drafts import Progress
from scanning.detectors.base import OnProgress, at_once, ignore_progress

_EPSILON = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class InversionSettings:
    """Parameters of one inversion; the same ones must be used for a model and for its references.

    steps: upper bound of steps per class; batch: images per step; success: share of images that must take the class,
    as a running mean that keeps `memory` of its last value; penalty: first weight of the mask norm; patience: steps
    in a row before it is raised (×factor) or lowered (÷factor^1.5); quiet: steps without an improvement of 1 % after
    which a class stops.
    """

    steps: int = 400
    batch: int = 24
    learning_rate: float = 0.1
    beta1: float = 0.5
    beta2: float = 0.9
    success: float = 0.97
    memory: float = 0.8
    penalty: float = 1e-2
    factor: float = 1.5
    patience: int = 5
    quiet: int = 50


@dataclass(frozen=True, slots=True)
class Inversion:
    """Result for K classes: masks [K, 1, H, W], patterns [K, C, H, W], norms [K] (L1 of the mask, infinite where no
    trigger ever worked), steps [K] run for each class, passes: images sent forward and back in all."""

    masks: Tensor
    patterns: Tensor
    norms: Tensor
    steps: Tensor
    passes: int


@dataclass(slots=True)
class _Search:
    """State of the classes that still run; every tensor has one row per class. Rows never mix."""

    classes: Tensor
    raw_mask: Tensor
    raw_pattern: Tensor
    moments: list[Tensor]
    penalty: Tensor
    rate: Tensor
    good: Tensor
    bad: Tensor
    raised: Tensor
    lowered: Tensor
    best: Tensor
    since: Tensor

    def keep(self, rows: Tensor) -> None:
        """Drop the classes whose row is False."""
        for name in (
            "classes",
            "raw_mask",
            "raw_pattern",
            "penalty",
            "rate",
            "good",
            "bad",
            "raised",
            "lowered",
            "best",
            "since",
        ):
            setattr(self, name, getattr(self, name)[rows])
        self.moments = [moment[rows] for moment in self.moments]


def stamp(images: Tensor, mask: Tensor, pattern: Tensor) -> Tensor:
    """(1 - m)·x + m·p; images [B, C, H, W], mask [K, 1, H, W], pattern [K, C, H, W] -> [K, B, C, H, W]."""
    return (1 - mask).unsqueeze(1) * images.unsqueeze(0) + (mask * pattern).unsqueeze(1)


def invert(
    model: nn.Module,
    images: Tensor,
    classes: int,
    *,
    settings: InversionSettings,
    seed: int,
    only: tuple[int, ...] | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Inversion:
    """Search one trigger per class on `images` [N, C, H, W] with a frozen model that gives logits [B, classes].

    Every class starts from the same draw and sees the same images at each step, so that norms can be compared. `only`
    limits the search to some classes (their rows are then the only ones in the result).
    """
    wanted = torch.tensor(only if only is not None else range(classes))
    state = _start(wanted, images, settings, seed)
    masks = torch.zeros(len(wanted), 1, *images.shape[2:], dtype=images.dtype)
    patterns = torch.zeros(len(wanted), *images.shape[1:], dtype=images.dtype)
    norms = torch.full((len(wanted),), torch.inf, dtype=images.dtype)
    ran = torch.zeros(len(wanted), dtype=torch.int64)
    row_of = {int(label): row for row, label in enumerate(wanted)}
    passes = 0
    draws = torch.Generator().manual_seed(seed + 1)
    for step in range(1, settings.steps + 1):
        rows = torch.randperm(len(images), generator=draws)[: settings.batch]
        mask, pattern, rate = _step(model, images[rows], state, step, settings)
        passes += len(state.classes) * len(rows)
        where = torch.tensor([row_of[int(label)] for label in state.classes])
        ran[where] = step
        better = _adjust(state, mask.sum(dim=(1, 2, 3)), rate, settings)
        masks[where[better]], patterns[where[better]] = mask[better], pattern[better]
        norms[where] = state.best
        state.keep(~_finished(state, settings))
        on_progress(Progress(stage="trigger inversion", done=step, total=settings.steps))
        if not len(state.classes):
            break
    return Inversion(masks=masks, patterns=patterns, norms=norms, steps=ran, passes=passes)


def _start(wanted: Tensor, images: Tensor, settings: InversionSettings, seed: int) -> _Search:
    draws = torch.Generator().manual_seed(seed)
    rows = len(wanted)
    mask = torch.rand(1, 1, *images.shape[2:], generator=draws, dtype=torch.float64).to(images.dtype)
    pattern = torch.rand(1, *images.shape[1:], generator=draws, dtype=torch.float64).to(images.dtype)
    raw_mask = torch.atanh((mask * 2 - 1) * 0.99).repeat(rows, 1, 1, 1)
    raw_pattern = torch.atanh((pattern * 2 - 1) * 0.99).repeat(rows, 1, 1, 1)
    moments = [torch.zeros_like(tensor) for tensor in (raw_mask, raw_pattern) for _ in range(2)]
    counters = [torch.zeros(rows, dtype=torch.int64) for _ in range(4)]
    return _Search(
        classes=wanted,
        raw_mask=raw_mask,
        raw_pattern=raw_pattern,
        moments=moments,
        penalty=torch.full((rows,), settings.penalty, dtype=images.dtype),
        rate=torch.zeros(rows, dtype=images.dtype),
        good=counters[0],
        bad=counters[1],
        raised=counters[2].bool(),
        lowered=counters[3].bool(),
        best=torch.full((rows,), torch.inf, dtype=images.dtype),
        since=torch.zeros(rows, dtype=torch.int64),
    )


def _step(
    model: nn.Module, batch: Tensor, state: _Search, step: int, settings: InversionSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """One Adam step of every class; returns the masks and patterns *before* it and the share [K] that took the class."""
    raw_mask, raw_pattern = state.raw_mask.requires_grad_(), state.raw_pattern.requires_grad_()
    mask, pattern = torch.tanh(raw_mask) / 2 + 0.5, torch.tanh(raw_pattern) / 2 + 0.5
    stamped = stamp(batch, mask, pattern)  # [K, B, C, H, W]
    logits = model(stamped.flatten(0, 1))  # [K·B, classes]
    goal = state.classes.repeat_interleave(len(batch))  # [K·B]
    error = functional.cross_entropy(logits, goal, reduction="none").view(-1, len(batch)).mean(dim=1)  # [K]
    loss = (error + state.penalty * mask.sum(dim=(1, 2, 3))).sum()
    gradients = torch.autograd.grad(loss, (raw_mask, raw_pattern))
    rate = (logits.argmax(dim=1) == goal).view(-1, len(batch)).to(mask.dtype).mean(dim=1)
    with torch.no_grad():
        state.raw_mask = _adam(raw_mask.detach(), gradients[0], state.moments[0], state.moments[1], step, settings)
        state.raw_pattern = _adam(
            raw_pattern.detach(), gradients[1], state.moments[2], state.moments[3], step, settings
        )
    return mask.detach(), pattern.detach(), rate


def _adam(
    value: Tensor, gradient: Tensor, first: Tensor, second: Tensor, step: int, settings: InversionSettings
) -> Tensor:
    """Adam (Kingma and Ba, 2015); written out because rows leave the batch and torch.optim cannot drop them."""
    first.mul_(settings.beta1).add_(gradient, alpha=1 - settings.beta1)
    second.mul_(settings.beta2).addcmul_(gradient, gradient, value=1 - settings.beta2)
    mean = first / (1 - settings.beta1**step)
    spread = (second / (1 - settings.beta2**step)).sqrt_().add_(1e-8)
    return value - settings.learning_rate * mean / spread


def _adjust(state: _Search, norms: Tensor, rate: Tensor, settings: InversionSettings) -> Tensor:
    """Count good and bad steps, move the penalties, and say which classes [K] have a new smallest working trigger."""
    state.rate = settings.memory * state.rate + (1 - settings.memory) * rate
    works = state.rate >= settings.success - _EPSILON
    state.good = torch.where(works, state.good + 1, 0)
    state.bad = torch.where(works, 0, state.bad + 1)
    better = (state.good >= settings.patience) & (norms < state.best)
    state.since = torch.where(better & (norms < state.best * 0.99), 0, state.since + 1)
    state.best = torch.where(better, norms, state.best)
    rise = (state.good > 0) & (state.good % settings.patience == 0)
    fall = (state.bad > 0) & (state.bad % settings.patience == 0)
    state.penalty = torch.where(rise, state.penalty * settings.factor, state.penalty)
    state.penalty = torch.where(fall, state.penalty / settings.factor**1.5, state.penalty)
    state.raised |= rise
    state.lowered |= fall
    return better


def _finished(state: _Search, settings: InversionSettings) -> Tensor:
    return state.raised & state.lowered & (state.since >= settings.quiet) & torch.isfinite(state.best)


def merge(parts: Sequence[tuple[tuple[int, ...], Inversion]]) -> Inversion:
    """One result of searches over disjoint classes 0..K-1, each given with its classes."""
    order = torch.argsort(torch.tensor([label for labels, _ in parts for label in labels]))

    def joined(name: str) -> Tensor:
        return torch.cat([getattr(part, name) for _, part in parts])[order]

    return Inversion(
        masks=joined("masks"),
        patterns=joined("patterns"),
        norms=joined("norms"),
        steps=joined("steps"),
        passes=sum(part.passes for _, part in parts),
    )


@torch.no_grad()
def flips(model: nn.Module, images: Tensor, labels: Tensor, found: Inversion, row: int, label: int) -> tuple[int, int]:
    """(flipped, tried): how many images [N, C, H, W] not of class `label` take it once trigger `row` is stamped on."""
    others = images[labels != label]
    mask, pattern = found.masks[row : row + 1], found.patterns[row : row + 1]
    flipped = 0
    for part in torch.split(others, at_once(images.shape[1:])):
        flipped += int((model(stamp(part, mask, pattern)[0]).argmax(dim=1) == label).sum())
    return flipped, len(others)
