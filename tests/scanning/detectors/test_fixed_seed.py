"""One fixed seed on real digits, smaller than the demonstration: the planted patch is found where it was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scanning.detectors.architectures import SMALL_CNN
from scanning.detectors.attacks import Patch
from scanning.detectors.base import Measurement, ScanContext
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.loading import load_model
from scanning.detectors.mnist import fetch_mnist, read_mnist, split_mnist
from scanning.detectors.neural_cleanse import NeuralCleanse
from scanning.detectors.planting import Recipe, Training, save_model, train
from scanning.detectors.scan import settle

pytestmark = [pytest.mark.sqlite_only, pytest.mark.timeout(600)]  # some 15 s of CPU, which a busy machine stretches

CACHE = Path(__file__).parents[3] / "var" / "data"
TARGET = 3


@pytest.fixture(scope="module")
def digits() -> tuple[LabelledImages, LabelledImages]:
    settle(1)
    training, held_out = split_mnist(read_mnist(fetch_mnist(CACHE)))
    return training.subset(np.arange(2000)), held_out


def measured(digits: tuple[LabelledImages, LabelledImages], folder: Path, *, planted: bool, seed: int) -> Measurement:
    recipe = Recipe(
        architecture=SMALL_CNN, images_sha256=digits[0].sha256, training=Training(epochs=5), seed=seed,
        attack=Patch(target=TARGET) if planted else None,
    )  # fmt: skip
    path = folder / f"{seed}.safetensors"
    save_model(train(*digits, recipe).module, path, architecture=SMALL_CNN)
    return NeuralCleanse().measure(ScanContext(model=load_model(path), images=digits[1], seeds=(0,), threads=2))


@pytest.fixture(scope="module")
def backdoored(digits: tuple[LabelledImages, LabelledImages], tmp_path_factory: pytest.TempPathFactory) -> Measurement:
    return measured(digits, tmp_path_factory.mktemp("planted"), planted=True, seed=0)


def test_the_planted_class_ranks_first_by_far(backdoored: Measurement) -> None:
    norms = backdoored.facts["norms"]
    assert backdoored.top == TARGET
    assert norms[TARGET] < 0.6 * sorted(norms)[1]


def test_its_trigger_is_smaller_than_those_of_an_unpoisoned_model(
    digits: tuple[LabelledImages, LabelledImages], backdoored: Measurement, tmp_path: Path
) -> None:
    other = measured(digits, tmp_path, planted=False, seed=1)
    assert backdoored.facts["smallest_norm"] < 0.6 * other.facts["smallest_norm"]


def test_the_trigger_flips_images_the_search_never_saw(backdoored: Measurement) -> None:
    held_out = backdoored.facts["held_out"]
    assert held_out["tried"] > 600
    assert held_out["interval_95"][0] > 0.8
    assert held_out["by_chance"] < held_out["tried"] / 2


def test_a_seed_costs_little(backdoored: Measurement) -> None:
    assert backdoored.facts["image_passes"] <= 12_000
