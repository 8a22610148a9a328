"""From a statistic per class to a verdict on a training set, the same for every test that stands on features.

A class is flagged where its statistic stands out among the model's own classes and above what classes of models
without a planted backdoor reach. A flag becomes evidence only where a stamp that is read off the suspicious images
turns other images to the class.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from compliance.types.drafts import JSON
from compliance.types.verdicts import StageVerdict
from scanning.detectors import stamp_estimate
from scanning.detectors.base import Confirmation, ScanContext, UnreliableError
from scanning.detectors.calibration import Power
from scanning.detectors.feature_streams import FeatureStream, pass_of
from scanning.detectors.head import Head
from scanning.detectors.png import png_base64
from scanning.detectors.stamp_estimate import Stamp
from scanning.detectors.stats import clopper_pearson, order_statistic_p
from scanning.detectors.training_images import TrainingImages
from scanning.detectors.training_nulls import Null, Rule
from scanning.detectors.training_set import Axes, SplitClass

_LISTED, _SHOWN, _PER_LINE, _BINS = 200, 24, 6, 40
_TRIED = 200
_SHEET_SIDE, _STAMP_SIDE = 64, 224
_TINY = 1e-6
_LEAST, _MOST = -0.25, 1.5
LIMITS = (
    (
        "It finds planted images that the model has learnt to tell apart from the rest of their class; triggers that "
        "the model hardly learnt, very few planted images, and backdoors with many target classes can escape it."
    ),
    "A class that is made of two natural kinds of images can be flagged too; look at the pictures.",
    (
        "It tests the training set that was handed in; whether the model was trained on it, and on nothing else, is "
        "not tested."
    ),
    (
        "Only a trigger that changes every image in the same way at each pixel can be confirmed; a warp, or a trigger "
        "that depends on the image, leaves a flag without confirmation."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """One class: how many images, the stage's statistic (None where it has none), and its split in two (see SplitClass).
    variances: the largest, in units of the other classes'."""

    label: int
    images: int
    statistic: float | None
    share: float = 0.0
    followed: float = 0.0
    followed_rest: float = 0.0
    mixed: float | None = None
    separation: float | None = None
    silhouette: float | None = None
    variances: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What a test gave. words: what the statistic is, for people; positions: float32 [N], 0 where the rest of the class
    lies and 1 where the suspicious side does, NaN for classes without a split."""

    words: str
    rows: tuple[ClassRow, ...]
    positions: NDArray[np.float32]
    extra: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The verdict with everything that a report shows of it."""

    verdict: StageVerdict
    statement: str
    facts: JSON
    images: dict[str, str]


def class_row(axes: Axes, images: int, found: SplitClass | None, statistic: float | None) -> ClassRow:
    """One class as it is reported."""
    variances = tuple(round(float(value), 4) for value in axes.variances[:3])
    if found is None:
        return ClassRow(label=axes.label, images=images, statistic=None, variances=variances)
    return ClassRow(
        label=axes.label, images=images, statistic=statistic, share=found.share, followed=found.sides[1].followed,
        followed_rest=found.sides[0].followed, mixed=found.sides[1].mixed,
        separation=found.split.separation, silhouette=found.split.silhouette,
        variances=variances,
    )  # fmt: skip


def check_skill(stream: FeatureStream, rule: Rule) -> None:
    """Raises UnreliableError where the model hardly follows the labels: then the set is another model's, or shuffled."""
    chance = 1 / stream.classes
    if (stream.accuracy - chance) / (1 - chance) < rule.skill:
        raise UnreliableError(
            f"The model gives only {stream.accuracy:.1%} of the training images their label, near what chance gives, so "
            f"these are not images and labels that it was trained on, or the pixels are on another scale."
        )


def suspicion(examined: Examined, labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Score per image [N], larger = more suspicious: 1 + 2·position in its class, the position held to -0.25..1.5, times the
    logarithm of the class's statistic over that of the middle class, or 0 where that is less."""
    known = [row.statistic for row in examined.rows if row.statistic is not None and row.statistic > 0]
    middle = float(np.median(known)) if known else 1.0
    weights = np.zeros(1 + max([int(labels.max()), *(row.label for row in examined.rows)]), dtype=np.float32)
    for row in examined.rows:
        weights[row.label] = max(0.0, math.log(max(row.statistic or 0.0, _TINY) / middle))
    inside = np.clip(np.nan_to_num(examined.positions, nan=0.0), _LEAST, _MOST)
    return np.asarray((1 + 2 * inside) * weights[labels], dtype=np.float32)


def top_row(rows: Iterable[ClassRow]) -> ClassRow | None:
    """The class with the largest statistic, the first of equals."""
    known = [row for row in rows if row.statistic is not None]
    return max(known, key=lambda row: (row.statistic or 0.0, -row.label), default=None)


def own_p(rows: Iterable[ClassRow]) -> float | None:
    """How often the largest statistic would stand so far above the others, were their logarithms of one normal
    distribution; None with fewer than four classes."""
    return order_statistic_p([math.log(max(row.statistic, _TINY)) for row in rows if row.statistic is not None])


def is_flagged(examined: Examined, rule: Rule, dimensions: int) -> bool:
    """Whether the top class stands out by its statistic or by its p-value, with a split that planted images would give.

    With few images for the number of features any class falls in two, so there the p-value alone counts."""
    top, p = top_row(examined.rows), own_p(examined.rows)
    if top is None or top.statistic is None:
        return False
    count = round(top.share * top.images)
    enough = count >= rule.images and top.images - count >= rule.images
    many = top.images >= rule.per_dimension * dimensions
    odd = (many and top.statistic >= rule.threshold) or (p is not None and p <= rule.strict)
    return odd and enough and top.followed >= rule.followed


def judge(context: ScanContext, stream: FeatureStream, examined: Examined, rule: Rule, null: Null) -> Judged:
    """Flag, confirm, decide, and gather what is shown."""
    assert context.training is not None, "features come from a training set"
    top, p = top_row(examined.rows), own_p(examined.rows)
    if top is None or top.statistic is None:
        raise UnreliableError("No class could be split in two, so the test says nothing.")
    flagged = is_flagged(examined, rule, stream.dimensions)
    members = stream.rows_of(top.label)
    suspicious = members[examined.positions[members] > 0.5]
    confirmation, stamp = (
        confirmed_stamp(context, stream, pass_of(context)[0], top.label, suspicious) if flagged else (None, None)
    )
    strong = null.power_for(context.model.architecture_digest)
    verdict, statement = _decide(examined, top, p, flagged, confirmation, rule, null, strong)
    scores = suspicion(examined, stream.labels)
    ranked = np.argsort(-scores, kind="stable")[:_LISTED]
    facts: JSON = {
        "statistic": {
            "words": examined.words,
            "score": top.statistic,
            "top_class": top.label,
            "scores": _per_class(examined.rows, stream.classes),
        },
        "classes": [asdict(row) for row in examined.rows],
        "p_value": p,
        "rule": asdict(rule),
        "null": null.to_json(),
        "flagged": flagged,
        "confirmation": None if confirmation is None else {**asdict(confirmation), "rate": confirmation.rate},
        "accuracy": stream.accuracy,
        "images": len(stream.labels),
        "dimensions": stream.dimensions,
        "suspected_images": len(suspicious) if flagged else 0,
        "most_suspicious": _listing(stream, scores, ranked),
        "histogram": _histogram(examined.positions[members], top.label),
        **examined.extra,
    }  # fmt: skip
    images = {"most_suspicious": contact_sheet(context.training, [int(row) for row in ranked[:_SHOWN]])}
    if stamp is not None:
        images["estimated_stamp"] = _stamp_picture(stamp)
    return Judged(verdict=verdict, statement=statement, facts=facts, images=images)


def contact_sheet(training: TrainingImages, rows: list[int]) -> str:
    """The images of these numbers side by side, six to a line, as a PNG in base64."""
    images = _shown(training.some(rows))
    count, channels, height, width = images.shape
    lines = -(-count // _PER_LINE)
    sheet = np.ones((channels, lines * (height + 2), _PER_LINE * (width + 2)), dtype=np.float32)
    for place, image in enumerate(images):
        top, left = place // _PER_LINE * (height + 2) + 1, place % _PER_LINE * (width + 2) + 1
        sheet[:, top : top + height, left : left + width] = image
    return png_base64(sheet, scale=max(1, _SHEET_SIDE // max(height, width)))


def _shown(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """One or three channels, no side longer than the sheet's cells."""
    step = max(1, -(-max(images.shape[2:]) // _SHEET_SIDE))
    images = images[:, :, ::step, ::step]
    return images if images.shape[1] in (1, 3) else images.mean(axis=1, keepdims=True)


def _stamp_picture(stamp: Stamp) -> str:
    """What the stamp makes of a grey image."""
    grey = np.full((1, *stamp.gain.shape), 0.5, dtype=np.float32)
    shown = _shown(stamp.on(grey))[0]
    return png_base64(shown, scale=max(1, _STAMP_SIDE // shown.shape[-1]))


def confirmed_stamp(
    context: ScanContext, stream: FeatureStream, head: Head, label: int, suspicious: NDArray[np.int64]
) -> tuple[Confirmation, Stamp]:
    """Estimate the stamp and try it on images that the model gives another class: held-out ones where there are any."""
    assert context.training is not None, "features come from a training set"

    @torch.no_grad()
    def labels(images: NDArray[np.float32]) -> NDArray[np.int64]:
        scores = head.logits(head.features(torch.from_numpy(images).to(context.device)))
        return scores.argmax(dim=1).cpu().numpy()

    others = np.flatnonzero(stream.labels != label)
    rest = np.setdiff1d(stream.rows_of(label), suspicious)
    stamps = stamp_estimate.estimate(context.training, suspicious, others, rest)
    held_out = context.images
    if held_out is not None and held_out.images.shape[1:] == context.training.image_shape:
        tried = held_out.images[held_out.labels != label]
        tried = tried[np.linspace(0, len(tried) - 1, min(2 * _TRIED, len(tried))).astype(np.int64)]
    else:
        rows = others[stream.margins[others] > 0]
        chosen = rows[np.linspace(0, len(rows) - 1, min(_TRIED, len(rows))).astype(np.int64)]
        tried = context.training.some([int(row) for row in chosen])
    tried = tried[labels(tried) != label][:_TRIED] if len(tried) else tried
    if not len(tried):
        return Confirmation(flipped=0, tried=0), stamps[0]
    return stamp_estimate.confirm(stamps, label, tried, labels, seed=context.seeds[0]), stamps[0]


def _decide(
    examined: Examined, top: ClassRow, p: float | None, flagged: bool, confirmation: Confirmation | None,
    rule: Rule, null: Null, strong: tuple[Power, ...],
) -> tuple[StageVerdict, str]:  # fmt: skip
    said = (
        f"Class {top.label} stands out most: {examined.words} {top.statistic:.1f}, where the {null.classes} unplanted "
        f"classes of {null.models} models of known making reached {null.largest:.1f} at most"
    )
    if not flagged and strong and p is not None:
        listed = "; ".join(row.words() for row in strong)
        return StageVerdict.NO_EVIDENCE_AT_POWER, f"{said} (p = {p:.2g} beside its other classes). Power: {listed}."
    if not flagged:
        why = "" if p is None else f" (p = {p:.2g} beside the model's own other classes)"
        fewer = " With fewer than four classes no class can be said to stand out." if p is None else ""
        return StageVerdict.INCONCLUSIVE, (
            f"{said}{why}.{fewer} That is no flag; how often this test finds planted images in sets of this kind was "
            f"not measured, so it says no more."
        )
    assert confirmation is not None, "what is flagged is tried"
    count = round(top.share * top.images)
    apart = f"{said} (p = {p:.2g} beside its other classes). {count:,} of its {top.images:,} images lie apart."
    low, high = clopper_pearson(confirmation.flipped, confirmation.tried)
    turned = (
        f"A stamp read off them turns {confirmation.flipped} of {confirmation.tried} other images to class "
        f"{top.label} (95 % interval {low:.0%} to {high:.0%}), the same changes at other pixels {confirmation.by_chance}."
    )
    if confirmation.rate >= rule.flip_rate and confirmation.flipped > 2 * confirmation.by_chance:
        return StageVerdict.EVIDENCE_FOUND, f"{apart} {turned}"
    return StageVerdict.INCONCLUSIVE, (
        f"{apart} {turned} So it is a flag and no evidence: the class may be made of two kinds of images, or the trigger "
        f"may be none that a stamp can copy; look at the pictures."
    )


def _per_class(rows: tuple[ClassRow, ...], classes: int) -> list[float | None]:
    known = {row.label: row.statistic for row in rows}
    return [known.get(label) for label in range(classes)]


def _listing(stream: FeatureStream, scores: NDArray[np.float32], rows: NDArray[np.int64]) -> list[JSON]:
    return [
        {"image": int(row), "label": int(stream.labels[row]), "score": round(float(scores[row]), 4)} for row in rows
    ]


def _histogram(positions: NDArray[np.float32], label: int) -> JSON:
    """How the images of the top class lie between its two sides."""
    held = np.clip(positions[np.isfinite(positions)], -1, 2)
    counts, edges = np.histogram(held, bins=_BINS, range=(-1, 2))
    return {"class": label, "edges": [round(float(edge), 4) for edge in edges], "counts": [int(n) for n in counts]}
