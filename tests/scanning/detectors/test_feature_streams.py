from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scanning.detectors.base import NotApplicableError, UnreliableError
from scanning.detectors.feature_streams import features_of
from scanning.detectors.training_images import open_training_images, save_training_images
from tests.scanning.detectors.training_material import context, images, normal_features, stream

pytestmark = pytest.mark.sqlite_only


def test_the_stream_holds_what_the_last_layer_is_given(tmp_path: Path) -> None:
    given, _ = context(tmp_path)
    pixels, labels, _ = images(150, 60)
    found = features_of(given)
    for label in range(found.classes):
        rows = found.rows_of(label)
        assert rows.tolist() == np.flatnonzero(labels == label).tolist()
        kept = np.concatenate(list(found.parts_of(label)))
        assert np.allclose(kept, pixels[rows].reshape(len(rows), -1), atol=1e-6)


def test_means_covariances_and_margins_are_those_of_the_whole() -> None:
    features, labels, _ = normal_features()
    found = stream(features, labels)
    for label in range(5):
        mine = features[labels == label].astype(np.float64)
        assert np.allclose(found.means[label], mine.mean(axis=0), rtol=1e-6)
        assert np.allclose(found.covariance(label), np.cov(mine.T), rtol=1e-6)
    others = [max(row[c] for c in range(5) if c != label) for row, label in zip(features, labels, strict=True)]
    assert np.allclose(found.margins, features[np.arange(len(labels)), labels] - others)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_how_many_are_read_at_a_time_does_not_matter(size: int) -> None:
    features, labels, _ = normal_features(per_class=40)
    first, second = stream(features, labels), stream(features, labels, at_a_time=size)
    assert np.array_equal(first.margins, second.margins)
    assert np.array_equal(np.concatenate(list(first.parts_of(3))), np.concatenate(list(second.parts_of(3))))
    assert np.allclose(first.means, second.means, rtol=1e-12)


def test_a_class_without_images_is_empty() -> None:
    features, labels, _ = normal_features()
    found = stream(features[labels != 1], labels[labels != 1])
    assert found.counts.tolist() == [120, 0, 120, 120, 120]
    assert list(found.parts_of(1)) == []
    assert not found.covariance(1).any()


def test_two_stages_share_one_pass(tmp_path: Path) -> None:
    given, _ = context(tmp_path)
    assert features_of(given) is features_of(replace(given, seeds=(7,)))
    other = replace(given, training=open_training_images(tmp_path / "set.npz"))
    assert features_of(given) is not features_of(other)


def test_without_a_training_set_or_a_runnable_model_nothing_is_said(tmp_path: Path) -> None:
    given, _ = context(tmp_path)
    with pytest.raises(NotApplicableError, match="was not handed in"):
        features_of(replace(given, training=None))
    with pytest.raises(NotApplicableError, match="names no architecture"):
        features_of(replace(given, model=replace(given.model, module=None, not_runnable="It names no architecture.")))


@pytest.mark.parametrize(
    ("labels", "shape", "reason"),
    [
        (np.arange(90) % 9, (1, 6, 6), "labels up to 8, the model 6 classes"),
        (np.zeros(90, int), (1, 6, 6), "fewer than two have 20 images"),
        (np.arange(90) % 6, (1, 6, 6), "fewer than two have 20 images"),
        (np.arange(180) % 6, (1, 5, 5), "cannot take a batch"),
    ],
)
def test_sets_that_do_not_fit_the_model_are_not_applicable(
    tmp_path: Path, labels: Any, shape: tuple[int, ...], reason: str
) -> None:
    given, _ = context(tmp_path)
    save_training_images(tmp_path / "other.npz", np.full((len(labels), *shape), 0.5), labels, compressed=False)
    with pytest.raises(NotApplicableError, match=reason):
        features_of(replace(given, training=open_training_images(tmp_path / "other.npz")))


def test_features_that_are_not_finite_are_said(tmp_path: Path) -> None:
    given, _ = context(tmp_path)
    assert given.model.module is not None
    with torch.no_grad():
        given.model.module.get_parameter("1.weight")[0, 0] = float("inf")
    with pytest.raises((NotApplicableError, UnreliableError), match="not finite"):
        features_of(given)
