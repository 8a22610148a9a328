"""What the tests of a training set share: per class, the directions in which its features spread more than those of the
other classes, and a split of the class in two along them.

Tran, Li and Madry (2018) look for the direction of largest variance in a class; Hayase and others (SPECTRE, 2021) whiten
first. Here a class is whitened by the pooled covariance of the *other* classes, which is ours: planted images may be a
large part of their class, and must not set the scale they are measured by.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scanning.detectors.base import UnreliableError
from scanning.detectors.feature_streams import FEWEST, FeatureStream

MOST_DIRECTIONS = 10  # Chen and others reduce to ten dimensions
_RIDGE = 1e-3
_ALONE = 1e-9
_IMAGES_PER_DIRECTION = 20
_STARTS = (10, 50, 90)
_ROUNDS = 100
_CLUSTERED = 10_000
_FEWEST_SIDES = 6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Whitening:
    """matrix: [D, D], turns features into coordinates in which the mean covariance of `classes` classes is the identity;
    rotated: [D, D], the same with the directions first in which the classes' centres differ, `between` of them."""

    matrix: Floats
    classes: tuple[int, ...]
    rotated: Floats
    between: int


@dataclass(frozen=True, slots=True)
class Axes:
    """Directions of one class. variances: [D], descending, in units of what the other classes show in that direction;
    directions: [D, R]: (features - mean) @ directions has the first R of these variances; mean: [D]."""

    label: int
    variances: Floats
    directions: Floats
    mean: Floats

    def coordinates(self, features: NDArray[np.float32]) -> Floats:
        """Features [B, D] -> [B, R]."""
        return np.asarray((features - self.mean) @ self.directions)

    def first(self) -> Axes:
        """The same class with its first direction alone."""
        return Axes(self.label, self.variances, self.directions[:, :1], self.mean)


def whitening(stream: FeatureStream) -> Whitening:
    """From the mean of the covariances of all classes with enough images. Raises UnreliableError where nothing varies."""
    labels = tuple(int(label) for label in np.flatnonzero(stream.counts >= FEWEST))
    pooled = np.zeros((stream.dimensions, stream.dimensions))
    for label in labels:
        pooled += stream.covariance(label) / len(labels)
    scale = float(np.trace(pooled)) / stream.dimensions
    if stream.dimensions < 2 or not scale > 0:
        raise UnreliableError("The model gives every training image the same features, so they say nothing.")
    values, vectors = np.linalg.eigh(pooled + _RIDGE * scale * np.eye(stream.dimensions))
    matrix = vectors / np.sqrt(values)
    centres = stream.means[list(labels)] @ matrix
    rotation = np.linalg.svd(centres - centres.mean(axis=0))[2]
    between = min(len(labels) - 1, stream.dimensions // 2)
    return Whitening(matrix=matrix, classes=labels, rotated=matrix @ rotation.T, between=between)


def class_axes(stream: FeatureStream, white: Whitening, label: int) -> Axes:
    """The directions of a class, whitened by the others.

    One whitening serves all classes. With m pooled classes and S v = λ W v, the covariance of the m - 1 others is
    (m W - S)/(m - 1), so v is also its direction, with λ (m - 1)/(m - λ).
    """
    count = len(white.classes)
    inner = white.matrix.T @ stream.covariance(label) @ white.matrix
    values, vectors = np.linalg.eigh(inner)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    scales = (count - 1) / np.maximum(count - values, _ALONE)
    taken = max(1, min(MOST_DIRECTIONS, int(stream.counts[label]) // _IMAGES_PER_DIRECTION))
    directions = (white.matrix @ vectors[:, :taken]) * np.sqrt(scales[:taken])
    return Axes(label=label, variances=values * scales, directions=directions, mean=stream.means[label])


@dataclass(frozen=True, slots=True)
class Split:
    """A class in two. centres: [2, R] in the coordinates of its axes; share: of its images on the second side;
    separation: squared distance of the centres over the variance within the sides along the line between them;
    silhouette: mean over images of (far - near)/far with the distances to the two centres."""

    centres: Floats
    share: float
    separation: float
    silhouette: float

    def position(self, coordinates: Floats) -> Floats:
        """[B, R] -> [B]: 0 at the first centre, 1 at the second, along the line between them."""
        line = self.centres[1] - self.centres[0]
        return np.asarray((coordinates - self.centres[0]) @ line / (line @ line))

    def turned(self) -> Split:
        """The same split with its sides exchanged."""
        return Split(self.centres[::-1], 1 - self.share, self.separation, self.silhouette)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a split class. margin: mean over its images of the label's score minus the best other one; followed:
    share of them that the model gives the label; mixed: their variance per dimension between the classes' centres, over
    that in all dimensions, both whitened."""

    margin: float
    followed: float
    mixed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitClass:
    """A class in two. positions: float32 [N], see Split; share: of the second side; sides: (first, second)."""

    axes: Axes
    split: Split
    positions: NDArray[np.float32]
    share: float
    sides: tuple[Side, Side]

    def turned(self) -> SplitClass:
        """The same with its sides exchanged."""
        return replace(
            self, split=self.split.turned(), positions=1 - self.positions, share=1 - self.share, sides=self.sides[::-1]
        )


def split_classes(stream: FeatureStream, *, first_axis: bool = False) -> list[tuple[Axes, SplitClass | None]]:
    """Every class with enough images, split along its axes or along the first alone so that the second side is the
    suspicious one; None where nothing can be split. Raises UnreliableError where the features do not vary."""
    white = whitening(stream)
    found = []
    for label in white.classes:
        axes = class_axes(stream, white, label)
        found.append((axes, split_class(stream, white, axes.first() if first_axis else axes)))
    return _oriented(found)


def split_class(stream: FeatureStream, white: Whitening, axes: Axes) -> SplitClass | None:
    """Split along the axes, whichever side comes second. None where nothing can be split."""
    split = two_means(_coordinates(stream, axes))
    if split is None:
        return None
    parts = [split.position(axes.coordinates(part)) for part in stream.parts_of(axes.label)]
    positions = np.concatenate(parts).astype(np.float32)
    second = positions > 0.5
    if second.all() or not second.any():
        return None
    sides = (_side(stream, white, axes, ~second), _side(stream, white, axes, second))
    return SplitClass(axes=axes, split=split, positions=positions, share=float(second.mean()), sides=sides)


def _side(stream: FeatureStream, white: Whitening, axes: Axes, chosen: NDArray[np.bool_]) -> Side:
    margins = stream.margins[stream.rows_of(axes.label)][chosen]
    sums, squares, place = np.zeros(stream.dimensions), np.zeros(stream.dimensions), 0
    for part in stream.parts_of(axes.label):
        taken = (part[chosen[place : place + len(part)]] - axes.mean) @ white.rotated
        sums, squares, place = sums + taken.sum(axis=0), squares + (taken**2).sum(axis=0), place + len(part)
    variances = squares / chosen.sum() - (sums / chosen.sum()) ** 2
    mixed = variances[: white.between].mean() / max(float(variances.mean()), _ALONE)
    return Side(margin=float(margins.mean()), followed=float((margins > 0).mean()), mixed=float(mixed))


def _oriented(found: list[tuple[Axes, SplitClass | None]]) -> list[tuple[Axes, SplitClass | None]]:
    """Each split with the side second that is less like a side of the other classes: more sure of its label, as planted
    triggers are learnt early and well (Li and others, Anti-Backdoor Learning, 2021), or more of a mixture of classes,
    as planted images come from many. Planted images may be most of their class, so the smaller side is no rule."""
    turned: list[tuple[Axes, SplitClass | None]] = []
    for axes, mine in found:
        others = [side for _, one in found if one is not None and one is not mine for side in one.sides]
        if mine is not None and _oddness(mine.sides[0], others) > _oddness(mine.sides[1], others):
            turned.append((axes, mine.turned()))
        else:
            turned.append((axes, mine))
    return turned


def _oddness(side: Side, others: list[Side]) -> float:
    """In standard deviations of the other classes' sides; by the margin alone where these are few."""
    if len(others) < _FEWEST_SIDES:
        return side.margin
    return max(
        (value - float(np.mean(known))) / max(float(np.std(known)), _ALONE)
        for value, known in (
            (side.margin, [other.margin for other in others]),
            (side.mixed, [other.mixed for other in others]),
        )
    )


def _coordinates(stream: FeatureStream, axes: Axes) -> Floats:
    """Coordinates of a class's images; of many, evenly spaced ones."""
    step = max(1, int(stream.counts[axes.label]) // _CLUSTERED)
    place, parts = 0, []
    for part in stream.parts_of(axes.label):
        parts.append(axes.coordinates(part[-place % step :: step]))
        place += len(part)
    return np.concatenate(parts)


def two_means(coordinates: Floats) -> Split | None:
    """2-means (Lloyd) of [N, R] from splits along the first axis; the tightest result. None where nothing can be split.

    Nothing is drawn, and the order of the images does not matter.
    """
    best: tuple[float, NDArray[np.bool_]] | None = None
    for start in _STARTS:
        side = _settled(coordinates, coordinates[:, 0] > np.percentile(coordinates[:, 0], start))
        if side is not None:
            spread = _within(coordinates, side)
            if best is None or spread < best[0] * (1 - _ALONE):
                best = spread, side
    return None if best is None else _described(coordinates, best[1])


def _settled(coordinates: Floats, side: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    for _ in range(_ROUNDS):
        if side.all() or not side.any():
            return None
        first, second = coordinates[~side].mean(axis=0), coordinates[side].mean(axis=0)
        moved = coordinates @ (second - first) > (second + first) @ (second - first) / 2
        if (moved == side).all():
            return side
        side = moved
    return None if side.all() or not side.any() else side


def _within(coordinates: Floats, side: NDArray[np.bool_]) -> float:
    return float(sum(coordinates[part].var(axis=0).sum() * part.sum() for part in (side, ~side)))


def _described(coordinates: Floats, side: NDArray[np.bool_]) -> Split | None:
    centres = np.stack([coordinates[~side].mean(axis=0), coordinates[side].mean(axis=0)])
    line = centres[1] - centres[0]
    along = coordinates @ line / np.sqrt(line @ line)
    within = float(side.mean() * along[side].var() + (~side).mean() * along[~side].var())
    if not within > _ALONE:
        return None
    distances = np.stack([np.linalg.norm(coordinates - centre, axis=1) for centre in centres])  # [2, N]
    near, far = distances.min(axis=0), distances.max(axis=0)
    return Split(
        centres=centres,
        share=float(side.mean()),
        separation=float(line @ line) / within,
        silhouette=float(((far - near) / np.maximum(far, _ALONE)).mean()),
    )
