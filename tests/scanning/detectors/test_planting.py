"""Training by recipe, with a backdoor planted or without, and the attacks themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from compliance.types.errors import BadInputError
from scanning.detectors import attacks
from scanning.detectors.architectures import RESNET8, SMALL_CNN
from scanning.detectors.attacks import Attack, Blended, Patch, Sinusoid, Warped
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.loading import load_model
from scanning.detectors.planting import Recipe, Training, poisoned, poisoned_rows, save_model, train

pytestmark = pytest.mark.sqlite_only

ATTACKS: list[Attack] = [Patch(), Blended(), Warped(), Sinusoid()]


def digits(count: int, seed: int, *, channels: int = 1, side: int = 28) -> LabelledImages:
    """Noise with a block whose place is the label; ten labels."""
    draws = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % 10
    images = draws.uniform(0, 0.3, (count, channels, side, side)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[:, 2 + 10 * (label // 5) :, 5 * (label % 5) :][:, :6, :5] += 0.6
    return LabelledImages(images=images, labels=labels, name="made up", sha256=f"{seed:064d}")


@pytest.fixture(scope="module")
def sets() -> tuple[LabelledImages, LabelledImages]:
    return digits(600, 1), digits(200, 2)


@pytest.fixture
def recipe(sets: tuple[LabelledImages, LabelledImages]) -> Recipe:
    return Recipe(architecture=SMALL_CNN, images_sha256=sets[0].sha256, training=Training(epochs=5))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_changes_every_image_the_same_way_each_time_and_stays_in_range(attack: Attack) -> None:
    images = torch.from_numpy(digits(20, 3, channels=3, side=32).images)
    stamped = attack.stamp(images)
    assert stamped.shape == images.shape
    assert bool((stamped != images).flatten(1).any(dim=1).all())
    assert 0 <= float(stamped.min()) <= float(stamped.max()) <= 1
    assert torch.equal(attack.stamp(images), stamped)
    assert torch.equal(attack.stamp(images[3:4]), stamped[3:4])


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_survives_the_way_through_json_and_by_its_name(attack: Attack) -> None:
    assert attacks.from_json(attacks.to_json(attack)) == attack
    assert attacks.by_name(attack.name, target=attack.target).describe() == attack.describe()


@pytest.mark.parametrize("name", ["patch", "patch-0%", "patch-x%", "earthquake-1%", "patch-100%"])
def test_an_unknown_attack_says_how_to_name_one(name: str) -> None:
    with pytest.raises(BadInputError, match="like patch-1%"):
        attacks.by_name(name)


def test_the_patch_is_where_and_as_white_as_it_says() -> None:
    stamped = Patch(side=4, margin=0).stamp(torch.zeros(1, 3, 32, 32))
    assert float(stamped.sum()) == 3 * 16
    assert bool((stamped[:, :, 28:, 28:] == 1).all())
    inner = Patch(side=4, margin=1).stamp(torch.zeros(1, 1, 28, 28))
    assert bool((inner[:, :, 23:27, 23:27] == 1).all())


def test_poison_stamps_and_relabels_the_stated_share(
    sets: tuple[LabelledImages, LabelledImages], recipe: Recipe
) -> None:
    planted = replace(recipe, attack=Patch(target=3))
    images, labels = poisoned(sets[0], planted)
    changed = (images != torch.from_numpy(sets[0].images)).flatten(1).any(dim=1)
    assert sorted(poisoned_rows(600, planted).tolist()) == changed.nonzero().flatten().tolist()
    assert int(changed.sum()) == 60
    assert labels[changed].unique().tolist() == [3]
    assert torch.equal(labels[~changed], torch.from_numpy(sets[0].labels)[~changed])


def test_training_plants_a_backdoor_and_the_twin_has_none(
    sets: tuple[LabelledImages, LabelledImages], recipe: Recipe, tmp_path: Path
) -> None:
    patch = Patch()
    trained = train(*sets, replace(recipe, attack=patch))
    assert trained.accuracy > 0.9
    assert trained.attack_success is not None
    assert trained.attack_success > 0.9
    twin = train(*sets, recipe)
    stamped = patch.stamp(torch.from_numpy(sets[1].images))
    assert float((twin.module(stamped).argmax(1) == 0).float().mean()) < 0.3
    save_model(trained.module, tmp_path / "model.safetensors", architecture=SMALL_CNN)
    assert load_model(tmp_path / "model.safetensors").architecture == SMALL_CNN


def test_the_same_recipe_trains_the_same_model_and_another_seed_another(
    sets: tuple[LabelledImages, LabelledImages], recipe: Recipe
) -> None:
    short = replace(recipe, training=Training(epochs=1), seed=4)
    first, second, other = (train(*sets, made).module.state_dict() for made in (short, short, replace(short, seed=5)))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_recipe_is_named_by_everything_in_it(recipe: Recipe) -> None:
    others = [
        replace(recipe, seed=1), replace(recipe, attack=Patch()), replace(recipe, attack=Patch(target=1)),
        replace(recipe, images=100), replace(recipe, half=True), replace(recipe, training=Training(epochs=6)),
    ]  # fmt: skip
    assert len({made.digest for made in (recipe, *others)}) == 7
    assert replace(recipe, seed=0).digest == recipe.digest


def test_a_residual_network_trained_in_half_precision_is_kept_without_loss(tmp_path: Path) -> None:
    training = digits(128, 1, channels=3, side=32)
    recipe = Recipe(
        architecture=RESNET8, images_sha256=training.sha256, images=100, half=True,
        training=Training(epochs=2, batch=32, learning_rate=0.1, one_cycle=True, weight_decay=5e-4),
    )  # fmt: skip
    module = train(training, training, recipe).module
    floats = [value for value in module.state_dict().values() if value.is_floating_point()]
    assert all(torch.equal(value.half().float(), value) for value in floats)
    save_model(module, tmp_path / "model.safetensors", architecture=RESNET8)
    loaded = load_model(tmp_path / "model.safetensors").module
    assert loaded is not None
    images = torch.from_numpy(training.images[:8])
    assert torch.allclose(loaded(images), module(images), atol=1e-5)


def test_an_architecture_that_cannot_be_trained_is_named(
    sets: tuple[LabelledImages, LabelledImages], recipe: Recipe
) -> None:
    with pytest.raises(BadInputError, match="'transformer' cannot be trained here"):
        train(*sets, replace(recipe, architecture="transformer"))
