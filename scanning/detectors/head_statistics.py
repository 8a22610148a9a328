"""Statistics of the last layer as one stage: it reads weights alone and takes milliseconds.

That a backdoor shows in the rows of the last layer is the finding of DFBScanner (arXiv 2605.18907) and of earlier work
on the norm of each class's weights. Norm, bias and cosines are those of that literature; lean, peak and the share of the
first direction, the way each is standardised and the way they are put together are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor

from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON, StageReport
from scanning.detectors.base import Measurement, NotApplicableError, ScanContext, SeedScores
from scanning.detectors.classifier import NotAClassifierError, as_classifier
from scanning.detectors.head import Head, NoHeadError, find_head
from scanning.detectors.input_shape import shape_for
from scanning.detectors.judging import examined

_TRIED = 16
_TRIAL_SEED = 20_260_518
_FEWEST_CLASSES = 3
_MEDIAN_TO_SIGMA, _MEAN_TO_SIGMA = 1.4826, 1.2533  # of a normal distribution
_TINY = 1e-12
SIGNS = {"lean": 1.0, "bias": -1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadStatistics:
    """Score of a class: mean of its standardised lean and of its standardised bias downwards. A row that leans to all
    features wins where more of them grow at once, as a trigger makes them, and training pays for it with a low bias. The
    other statistics are recorded and not counted."""

    name: str = "head_statistics"
    version: str = "1"

    @property
    def settings_digest(self) -> str:
        """Names what must be equal for scores to be compared."""
        return digest_of({"version": self.version, "signs": SIGNS})

    @property
    def needs_images(self) -> bool:
        """Weights alone are read."""
        return False

    @property
    def limits(self) -> tuple[str, ...]:
        """What it cannot see."""
        return (
            (
                "Only the last linear layer is read: a backdoor whose work is done before it, or that the person who "
                "planted it kept from the last layer, leaves no trace here."
            ),
            (
                "Classes differ by nature, and with few classes nothing stands out; what is usual comes from the "
                "reference models alone."
            ),
            "A backdoor that concerns all classes alike, or half of them, moves what is usual and hides in it.",
        )

    def examine(self, context: ScanContext) -> StageReport:
        """Measure, rank among references, decide. See `judging.examined`."""
        return examined(self, context)

    def measure(self, context: ScanContext) -> Measurement:
        """Nothing is drawn, so there is one run. Raises NotApplicableError."""
        head = _head(context)
        table = statistics(head.weight.double().cpu(), head.bias.double().cpu())
        standard = {name: standardised(values) for name, values in table.items()}
        scores = combined(standard)
        top = max(range(len(scores)), key=scores.__getitem__)
        parts = ", ".join(f"{name} {standard[name][top]:+.1f}" for name in SIGNS)
        return Measurement(
            runs=(SeedScores(seed=0, scores=tuple(scores)),),
            words=f"its row of the last layer deviates by {scores[top]:.1f} on average ({parts}; 1 is an ordinary deviation)",
            facts=_facts(head, table, standard),
        )


def statistics(weight: Tensor, bias: Tensor) -> dict[str, list[float]]:
    """One number per class from weight [K, D] and bias [K], by name.

    What is common to all rows moves no decision, so it is taken off first. norm: length of the row; bias; mean_cosine and
    max_cosine: to the rows of the other classes; first_direction: share of the largest singular direction that is the
    class's; lean: cosine of the row to the direction in which all features grow; peak: largest weight over the length.
    """
    rows = weight - weight.mean(dim=0)
    norm = rows.norm(dim=1)
    unit = rows / norm.clamp_min(_TINY)[:, None]
    cosine = unit @ unit.T  # [K, K]
    classes, width = rows.shape
    left = torch.linalg.svd(rows, full_matrices=False).U  # [K, min(K, D)]
    others = cosine.masked_fill(torch.eye(classes, dtype=torch.bool), -torch.inf)
    table = {
        "norm": norm,
        "bias": bias - bias.mean(),
        "mean_cosine": (cosine.sum(dim=1) - cosine.diagonal()) / (classes - 1),
        "max_cosine": others.amax(dim=1),
        "first_direction": left[:, 0].square(),
        "lean": unit.sum(dim=1) / math.sqrt(width),
        "peak": unit.abs().amax(dim=1),
    }
    return {name: [float(value) for value in values] for name, values in table.items()}


def standardised(values: list[float]) -> list[float]:
    """(value - median) / spread; the spread is the larger of what median and mean of the absolute deviations say of a
    normal distribution's, so that neither a lone class nor a tie between most of them makes it vanish. 0 without any."""
    centre = median(values)
    away = [abs(value - centre) for value in values]
    spread = max(_MEDIAN_TO_SIGMA * median(away), _MEAN_TO_SIGMA * math.fsum(away) / len(away))
    return [(value - centre) / spread if spread > _TINY else 0.0 for value in values]


def combined(standard: dict[str, list[float]]) -> list[float]:
    """Score per class: mean of the counted statistics, each with the sign that a planted class is expected to have."""
    columns = [[sign * value for value in standard[name]] for name, sign in SIGNS.items()]
    return [math.fsum(row) / len(row) for row in zip(*columns, strict=True)]


def _head(context: ScanContext) -> Head:
    module = context.model.module
    if module is None:
        raise NotApplicableError(context.model.not_runnable)
    draws = torch.Generator().manual_seed(_TRIAL_SEED)
    tried = torch.rand(_TRIED, *shape_for(context), generator=draws).to(context.device)
    try:
        head = find_head(module, as_classifier(module, tried).classes, tried)
    except (NotAClassifierError, NoHeadError) as error:
        raise NotApplicableError(f"The last layer cannot be read: {error}.") from error
    if head.classes < _FEWEST_CLASSES:
        raise NotApplicableError(
            f"The model has {head.classes} classes; among fewer than {_FEWEST_CLASSES} rows none can stand out, because "
            "the rows of two classes mirror each other."
        )
    if not bool(torch.isfinite(head.weight).all() and torch.isfinite(head.bias).all()):
        raise NotApplicableError(
            "The last layer holds weights that are not finite numbers, so they cannot be compared."
        )
    return head


def _facts(head: Head, table: dict[str, list[float]], standard: dict[str, list[float]]) -> JSON:
    return {
        "classes": head.classes,
        "features": int(head.weight.shape[1]),
        "counted": dict(SIGNS),
        "statistics": table,
        "standardised": standard,
    }
