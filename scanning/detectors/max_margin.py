"""Max-margin detection (MM-BD: Wang, Xiang, Miller and Kesidis, IEEE S&P 2024) as one stage; it needs no images.

A backdoor leaves a class that some picture drives far above all other classes. For each class the input in [0, 1] is
sought that maximises the score of the class less the largest other score. From the paper: the statistic and the ascent
from random starts, projected onto [0, 1]. Ours: every class climbs from the same starts, each step is measured in the
mean size of its own gradient, and margins are divided by that of the model's middle class, so that multiplying all
scores by a constant changes nothing; the place of its Gamma null is taken by reference models (see `calibration`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from statistics import median

import torch
from torch import Tensor, nn

from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON, Progress, StageReport
from scanning.detectors.base import (
    Measurement,
    NotApplicableError,
    OnProgress,
    ScanContext,
    SeedScores,
    UnreliableError,
    at_once,
    ignore_progress,
)
from scanning.detectors.classifier import Classifier, NotAClassifierError, as_classifier
from scanning.detectors.folding import prepare_for_search
from scanning.detectors.head import HeadScores, NoHeadError, find_head
from scanning.detectors.input_shape import Shape, shape_for
from scanning.detectors.judging import examined
from scanning.detectors.side_by_side import shared_progress, side_by_side

_TRIED = 16
_TRIAL_SEED = 20_240_519
_TOGETHER = 64  # images of one job on a CPU: enough to use a core well, few enough to deal out
_FLOOR = 1e-3
_TINY = 1e-12
_STAGE = "largest margins"


@dataclass(frozen=True, slots=True, kw_only=True)
class AscentSettings:
    """starts: random pictures that each class climbs from; steps: of each; step: length, as mean change of a pixel at
    the first step; momentum: share of the last step that is kept."""

    starts: int = 8
    steps: int = 60
    step: float = 0.05
    momentum: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxMargin:
    """Score of a class: logarithm of its largest margin over that of the model's middle class."""

    settings: AscentSettings = field(default_factory=AscentSettings)
    name: str = "max_margin"
    version: str = "1"

    @property
    def settings_digest(self) -> str:
        """Names what must be equal for scores to be compared."""
        return digest_of({"version": self.version, **asdict(self.settings)})

    @property
    def needs_images(self) -> bool:
        """Pictures are drawn; of images that are handed in only the shape is used."""
        return False

    @property
    def limits(self) -> tuple[str, ...]:
        """What it cannot see."""
        return (
            (
                "A backdoor that spreads over all classes, or several backdoors at once, raises many margins together "
                "and leaves no class that stands out."
            ),
            (
                "Some classes have a large margin by nature, so that without reference models a positive says little; "
                "a faint or rarely planted backdoor can stay below what such classes reach."
            ),
            "The pictures searched have values from 0 to 1; a model that expects another range is searched in a corner.",
            "A model that was trained to keep its scores small and even can escape it.",
        )

    def examine(self, context: ScanContext) -> StageReport:
        """Measure, rank among references, decide. See `judging.examined`."""
        return examined(self, context)

    def measure(self, context: ScanContext) -> Measurement:
        """Search with each seed. Raises NotApplicableError or UnreliableError."""
        shape = shape_for(context)
        classifier = _classifier(context, shape)
        margins = largest_margins(classifier, shape, context, self.settings)
        middle = [_middle(values) for values in margins]
        if not all(value > 0 for value in middle):
            raise UnreliableError(
                "From random pictures the search does not bring most classes above the others, so margins say nothing "
                "of this model; it may expect pixels in another range than 0 to 1."
            )
        runs = tuple(
            SeedScores(seed=seed, scores=tuple(_score(value, centre) for value in values))
            for seed, values, centre in zip(context.seeds, margins, middle, strict=True)
        )
        return Measurement(runs=runs, words=_words(runs, margins, middle), facts=self._facts(margins, shape))

    def _facts(self, margins: list[list[float]], shape: Shape) -> JSON:
        return {
            "margins": [[value if math.isfinite(value) else None for value in values] for values in margins],
            "input_shape": list(shape),
            "value_range": [0, 1],
            "image_passes": len(margins) * len(margins[0]) * self.settings.starts * self.settings.steps,
        }


def largest_margins(
    classifier: Classifier, shape: Shape, context: ScanContext, settings: AscentSettings
) -> list[list[float]]:
    """Per seed and class, the largest margin reached. Seeds and groups of classes are dealt to one-thread workers; how
    they are grouped depends on shape and device alone, so that the number of threads changes nothing."""
    whole = at_once(shape)
    room = whole if context.device != "cpu" else min(whole, _TOGETHER)
    groups = torch.split(torch.arange(classifier.classes), max(1, room // settings.starts))
    hands = list(itertools.product(context.seeds, groups))

    def job(hand: tuple[int, Tensor], report: OnProgress) -> Callable[[], Tensor]:
        seed, goals = hand
        begin = torch.rand(settings.starts, *shape, generator=torch.Generator().manual_seed(seed))
        return lambda: climb(
            classifier.logits, begin.to(context.device), goals.to(context.device), settings, on_progress=report
        )

    shared = shared_progress(context.on_progress, len(hands))
    found = side_by_side([job(*pair) for pair in zip(hands, shared, strict=True)], threads=context.threads)
    best = [part.amax(dim=1).cpu() for part in found]
    return [
        [float(value) for value in torch.cat(best[first : first + len(groups)])]
        for first in range(0, len(best), len(groups))
    ]


def climb(
    scores: nn.Module, starts: Tensor, goals: Tensor, settings: AscentSettings, *,
    on_progress: OnProgress = ignore_progress,
) -> Tensor:  # fmt: skip
    """Largest margin seen [G, S] of each class in `goals` [G] from each of `starts` [S, C, H, W]; rows never mix."""
    images = starts.repeat(len(goals), 1, 1, 1)  # [G·S, C, H, W]
    goal = goals.repeat_interleave(len(starts))[:, None]  # [G·S, 1]
    velocity = torch.zeros_like(images)
    best = torch.full_like(images[:, 0, 0, 0], -torch.inf)  # [G·S]
    for step in range(1, settings.steps + 1):
        images.requires_grad_()
        margin = margins_of(scores(images), goal)
        (gradient,) = torch.autograd.grad(margin.sum(), images)
        best = torch.maximum(best, margin.detach())
        size = gradient.abs().mean(dim=(1, 2, 3), keepdim=True).clamp_min(_TINY)
        velocity = settings.momentum * velocity + gradient / size
        images = (images.detach() + settings.step * velocity).clamp(0, 1)
        on_progress(Progress(stage=_STAGE, done=step, total=settings.steps))
    return best.view(len(goals), len(starts))


def margins_of(scores: Tensor, goal: Tensor) -> Tensor:
    """Score of the class less the largest other: scores [B, K], goal [B, 1] -> [B]."""
    return scores.gather(1, goal)[:, 0] - scores.scatter(1, goal, -torch.inf).amax(dim=1)


def _classifier(context: ScanContext, shape: Shape) -> Classifier:
    """The model as one that gives scores before any softmax: probabilities end at 1, and their margins with them."""
    module = context.model.module
    if module is None:
        raise NotApplicableError(context.model.not_runnable)
    tried = torch.rand(_TRIED, *shape, generator=torch.Generator().manual_seed(_TRIAL_SEED)).to(context.device)
    try:
        classifier = as_classifier(module, tried)
    except NotAClassifierError as error:
        raise NotApplicableError(f"The search for margins cannot run on this model: {error}.") from error
    quick = prepare_for_search(module)
    if classifier.logits is module:
        return Classifier(quick, classifier.classes)
    try:
        return Classifier(HeadScores(find_head(quick, classifier.classes, tried)), classifier.classes)
    except NoHeadError as error:
        raise NotApplicableError(
            f"The model gives probabilities, and the scores behind them cannot be read: {error}."
        ) from error


def _middle(margins: list[float]) -> float:
    """Median of the finite ones; 0 where fewer than half are finite."""
    known = [margin for margin in margins if math.isfinite(margin)]
    return median(known) if 2 * len(known) > len(margins) else 0.0


def _score(margin: float, middle: float) -> float | None:
    return math.log(max(margin / middle, _FLOOR)) if math.isfinite(margin) else None


def _words(runs: tuple[SeedScores, ...], margins: list[list[float]], middle: list[float]) -> str:
    """Of the class that stands out most over the seeds."""
    top = Measurement(runs=runs, words="").top
    if top is None:
        return "no class has a margin with most of the seeds"
    pairs = [
        (values[top], centre) for values, centre in zip(margins, middle, strict=True) if math.isfinite(values[top])
    ]
    margin, times = median(value for value, _ in pairs), median(value / centre for value, centre in pairs)
    return f"a picture exists that puts it {margin:.1f} above every other class, {times:.2f} times the middle class"
