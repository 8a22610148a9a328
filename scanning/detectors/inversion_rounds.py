"""A whole trigger search: all seeds and classes, dealt to one-thread workers, in rounds where classes are many.

With many classes most work would go into classes that nobody suspects. So all run a short budget, the third with the
smallest masks runs on, and so again (successive halving, Jamieson and Talwalkar, AISTATS 2016). A mask only shrinks with
more steps, so that masks compare at equal budget alone: a class that was given up is scored where it left, plus what the
classes that went on have gained since, and never above the least of those.

How the work is cut does not depend on the number of threads, nor do, therefore, the sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn

from compliance.types.drafts import Progress
from scanning.detectors.base import OnProgress, at_once, ignore_progress
from scanning.detectors.inversion import BFLOAT16, InversionSettings, Search, advance, begin, share_turned
from scanning.detectors.side_by_side import shared_progress, side_by_side

_ROUNDS = (0.4, 0.7, 1.0)
_KEPT = 1 / 3
_FEWEST_KEPT = 6
_TOGETHER = 128  # images of one step of a job on a CPU: enough to use a core well, few enough to deal out
_LOST_TO_ROUNDING = 0.1


@dataclass(frozen=True, slots=True)
class Found:
    """What one seed found. search: one row per class, in order; scores [K]: -log of the mask norm, None where no trigger
    worked; budgets [K]: steps after which a class's mask was last compared; passes: images sent forward and back."""

    seed: int
    search: Search
    scores: tuple[float | None, ...]
    budgets: tuple[int, ...]
    passes: int

    @property
    def norms(self) -> tuple[float | None, ...]:
        """L1 norm of each class's smallest working mask."""
        return tuple(norm if math.isfinite(norm) else None for norm in self.search.best.tolist())


def invert(
    model: nn.Module,
    images: Tensor,
    classes: int,
    *,
    settings: InversionSettings,
    seeds: tuple[int, ...],
    threads: int = 1,
    on_progress: OnProgress = ignore_progress,
) -> tuple[Found, ...]:
    """Search one trigger per class and seed on `images` [N, C, H, W] with a frozen model that gives logits."""
    if classes < settings.halve_from:
        return _invert(model, images, classes, settings, seeds, threads, on_progress)
    found: list[Found] = []
    for seed in seeds:  # one after another: a state of many classes is large
        at = len(found) * settings.steps

        def further(told: Progress, at: int = at) -> None:
            on_progress(Progress(stage=told.stage, done=at + told.done, total=len(seeds) * settings.steps))

        found += _invert(model, images, classes, settings, (seed,), threads, further)
    return tuple(found)


def _invert(
    model: nn.Module, images: Tensor, classes: int, settings: InversionSettings, seeds: tuple[int, ...],
    threads: int, on_progress: OnProgress,
) -> tuple[Found, ...]:  # fmt: skip
    budgets = rounds(settings, classes)
    searches = {seed: begin(range(classes), images, settings, seed=seed) for seed in seeds}
    going = {seed: [tuple(range(classes))] for seed in seeds}
    norms: dict[int, list[list[float]]] = {seed: [] for seed in seeds}
    after = 0
    for until in budgets:
        parts = [(seed, part) for seed in seeds for part in _parts(going[seed][-1], images, settings)]
        jobs = [
            _job(model, images, searches[seed], part, settings, (seed, after, until), report)
            for (seed, part), report in zip(parts, shared_progress(on_progress, len(parts)), strict=True)
        ]
        for (seed, part), done in zip(parts, side_by_side(jobs, threads=threads), strict=True):
            searches[seed].put(torch.tensor(part, device=images.device), done)
        for seed, search in searches.items():
            norms[seed].append(search.best.tolist())
            if until < budgets[-1]:
                going[seed].append(kept(norms[seed][-1], going[seed][-1], search.finished(settings).tolist()))
        after = until
    return tuple(_found(seed, searches[seed], norms[seed], going[seed], budgets, settings, images) for seed in seeds)


def rounds(settings: InversionSettings, classes: int) -> tuple[int, ...]:
    """After how many steps classes are given up; the last is the whole budget."""
    if classes < settings.halve_from:
        return (settings.steps,)
    return tuple(max(1, round(settings.steps * share)) for share in _ROUNDS)


def kept(norms: list[float], going: tuple[int, ...], finished: list[bool]) -> tuple[int, ...]:
    """Which of the classes `going` go on: the third with the smallest masks, and those whose trigger does not work yet,
    or that have nothing left to do."""
    wanted = max(_FEWEST_KEPT, math.ceil(len(going) * _KEPT))
    best = set(sorted(going, key=lambda label: (norms[label], label))[:wanted])
    return tuple(label for label in going if label in best or finished[label] or math.isinf(norms[label]))


def scores_at_equal_budget(norms: list[list[float]], going: list[tuple[int, ...]]) -> tuple[float | None, ...]:
    """-log(norm) per class after the last round; a class given up before is put as far behind the others as it was when
    it left. norms: per round, of all classes; going: per round, the classes that ran in it."""
    reached = [[None if math.isinf(norm) else -math.log(max(norm, 1e-9)) for norm in row] for row in norms]
    scores: list[float | None] = [None] * len(norms[0])
    for label in going[-1]:
        scores[label] = reached[-1][label]
    for at in range(len(going) - 2, -1, -1):
        stayed = [
            (then, now)
            for label in going[at + 1]
            if (then := reached[at][label]) is not None and (now := scores[label]) is not None
        ]
        for label in set(going[at]) - set(going[at + 1]):
            left = reached[at][label]
            assert left is not None, "a class without a working trigger is never given up"
            if stayed:
                gain, least = median(now - then for then, now in stayed), min(now for _, now in stayed)
                scores[label] = min(left + gain, least)
    return tuple(scores)


def _parts(going: tuple[int, ...], images: Tensor, settings: InversionSettings) -> list[tuple[int, ...]]:
    """The classes in parts that fit in memory; on a processor small ones, so that there is work for several threads."""
    fit = at_once(tuple(images.shape[1:]))
    size = max(1, (fit if images.device.type == "cuda" else min(fit, _TOGETHER)) // settings.batch)
    count = -(-len(going) // size)
    return [going[first::count] for first in range(count)]


def _job(
    model: nn.Module, images: Tensor, search: Search, part: tuple[int, ...], settings: InversionSettings,
    turn: tuple[int, int, int], on_progress: OnProgress,
) -> Callable[[], Search]:  # fmt: skip
    seed, after, until = turn
    rows = search.rows(torch.tensor(part, device=images.device))

    def run() -> Search:
        done = advance(
            model, images, rows, settings=settings, seed=seed, after=after, until=until, on_progress=on_progress
        )
        if settings.precision == BFLOAT16 and until == settings.steps:
            lost = share_turned(model, images, done) < settings.success - _LOST_TO_ROUNDING
            done.best[lost] = torch.inf
        return done

    return run


def _found(
    seed: int, search: Search, norms: list[list[float]], going: list[tuple[int, ...]], budgets: tuple[int, ...],
    settings: InversionSettings, images: Tensor,
) -> Found:  # fmt: skip
    last = [max(at for at, row in enumerate(going) if label in row) for label in range(len(norms[0]))]
    return Found(
        seed=seed,
        search=search,
        scores=scores_at_equal_budget(norms, going),
        budgets=tuple(budgets[at] for at in last),
        passes=int(search.steps.sum()) * min(settings.batch, len(images)),
    )
