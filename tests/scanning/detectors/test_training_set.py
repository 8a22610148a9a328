from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanning.detectors.activation_clustering import clusters
from scanning.detectors.base import UnreliableError
from scanning.detectors.spectral_signatures import published_scores, spectra
from scanning.detectors.training_set import class_axes, split_classes, two_means, whitening
from scanning.detectors.training_verdict import suspicion, top_row
from tests.scanning.detectors.training_material import normal_features, stream

pytestmark = pytest.mark.sqlite_only

TESTS = pytest.mark.parametrize("test", [clusters, spectra])


def test_a_class_is_measured_by_the_covariance_of_the_others() -> None:
    """The slow way: pool the others' covariances, and take the largest eigenvalue of inverse times own."""
    features, labels, _ = normal_features(planted=15)
    found = stream(features, labels)
    own = [np.cov(features[labels == label].T.astype(np.float64)) for label in range(5)]
    ridge = 1e-3 * np.trace(np.mean(own, axis=0)) / 12 * np.eye(12)
    for label in range(5):
        others = (sum(own[c] for c in range(5) if c != label) + 5 * ridge) / 4
        slow = np.sort(np.linalg.eigvals(np.linalg.inv(others) @ own[label]).real)[::-1]
        axes = class_axes(found, whitening(found), label)
        assert np.allclose(axes.variances, slow, rtol=1e-4)
        coordinates = axes.coordinates(features[labels == label])
        assert np.allclose(np.cov(coordinates.T), np.diag(axes.variances[:6]), atol=1e-3)


def test_two_means_finds_the_tightest_split() -> None:
    """The slow way: every split of twelve points."""
    draws = np.random.default_rng(5)
    points = np.concatenate([draws.normal(0, 1, (7, 2)), draws.normal(6, 1, (5, 2))])

    def spread(side: tuple[int, ...]) -> float:
        chosen = np.isin(np.arange(12), side)
        return float(sum(((points[part] - points[part].mean(axis=0)) ** 2).sum() for part in (chosen, ~chosen)))

    sides = [side for size in range(1, 12) for side in itertools.combinations(range(12), size)]
    best = np.isin(np.arange(12), min(sides, key=spread))
    found = two_means(points)
    assert found is not None
    second = found.position(points) > 0.5
    assert (second == best).all() or (second == ~best).all()


def test_separation_and_silhouette_are_as_written_down() -> None:
    points = np.array([[0.0], [2.0], [10.0], [12.0]])
    found = two_means(points)
    assert found is not None
    assert found.separation == pytest.approx(100 / 1)
    assert found.silhouette == pytest.approx(np.mean([10 / 11, 8 / 9, 8 / 9, 10 / 11]))
    assert sorted(found.position(points)) == pytest.approx([-0.1, 0.1, 0.9, 1.1])


def test_points_that_are_all_alike_are_not_split() -> None:
    assert two_means(np.ones((30, 3))) is None


@TESTS
@pytest.mark.parametrize("planted", [6, 20, 80])
def test_planted_rows_are_found_whether_few_or_most_of_their_class(test: type, planted: int) -> None:
    features, labels, marked = normal_features(planted=planted)
    found = stream(features, labels)
    examined = test(found)
    top = top_row(examined.rows)
    assert top is not None
    assert top.label == 2
    side = (examined.positions > 0.5)[labels == 2]
    assert (side == marked[labels == 2]).all() or (side == ~marked[labels == 2]).all()


@TESTS
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_the_images_does_not_matter(test: type, seed: int) -> None:
    features, labels, _ = normal_features(per_class=60, planted=10)
    order = np.random.default_rng(seed).permutation(len(labels))
    plain = suspicion(test(stream(features, labels)), labels)
    shuffled = suspicion(test(stream(features[order], labels[order])), labels[order])
    assert np.allclose(shuffled, plain[order], atol=1e-4)


@TESTS
def test_how_many_are_read_at_a_time_does_not_matter(test: type) -> None:
    features, labels, _ = normal_features(planted=10)
    first, second = (test(stream(features, labels, at_a_time=size)) for size in (11, 600))
    assert np.allclose(first.positions, second.positions, atol=1e-5)


@TESTS
def test_classes_with_few_images_are_left_out(test: type) -> None:
    features, labels, _ = normal_features()
    kept = (labels != 4) | (np.cumsum(labels == 4) <= 19)
    examined = test(stream(features[kept], labels[kept]))
    assert [row.label for row in examined.rows] == [0, 1, 2, 3]
    assert np.isnan(examined.positions[labels[kept] == 4]).all()


@TESTS
def test_a_class_whose_features_do_not_vary_has_no_statistic(test: type) -> None:
    features, labels, _ = normal_features()
    features[labels == 1] = 3
    rows = {row.label: row.statistic for row in test(stream(features, labels)).rows}
    assert rows[1] is None
    assert all(rows[label] is not None for label in (0, 2, 3, 4))


@TESTS
def test_features_that_never_vary_say_nothing(test: type) -> None:
    _, labels, _ = normal_features()
    with pytest.raises(UnreliableError, match="same features"):
        test(stream(np.ones((len(labels), 12)), labels))


@TESTS
def test_two_classes_can_be_compared(test: type) -> None:
    features, labels, _ = normal_features(planted=20)
    two = (labels == 1) | (labels == 2)
    examined = test(stream(features[two], labels[two] - 1))
    top = top_row(examined.rows)
    assert top is not None
    assert top.label == 1


def test_the_published_scores_are_squared_projections() -> None:
    """The slow way: singular vectors of the class's features, with and without their mean."""
    features, labels, _ = normal_features(planted=15)
    scores = published_scores(stream(features, labels))
    mine = features[labels == 2].astype(np.float64)
    for name, taken in (("uncentred", mine), ("centred", mine - mine.mean(axis=0))):
        direction = np.linalg.svd(taken, full_matrices=False)[2][0]
        assert np.allclose(scores[name][labels == 2], (taken @ direction) ** 2, rtol=0.05, atol=0.5)


def test_a_side_that_mixes_classes_is_the_suspicious_one() -> None:
    """Two sides of equal size and certainty; the images of one lie spread between the classes' centres."""
    draws = np.random.default_rng(1)
    labels = np.repeat(np.arange(5), 200)
    features = draws.normal(0, 1, (1000, 12))
    features[np.arange(1000), labels] += 6
    mixed = np.flatnonzero(labels == 2)[:100]
    features[mixed, 10] += 25
    features[mixed, draws.choice([0, 1, 3, 4], 100)] += 3
    found = {axes.label: split for axes, split in split_classes(stream(features, labels))}[2]
    assert found is not None
    assert (found.positions > 0.5).nonzero()[0].tolist() == list(range(100))
