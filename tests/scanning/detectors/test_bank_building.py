"""Banks built in a folder: resumable, repeatable, and measured as a scan measures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from compliance.types.errors import BadInputError
from scanning.detectors.architectures import SMALL_CNN
from scanning.detectors.bank_building import Plan, build_bank, recipes
from scanning.detectors.heldout import load_images, save_images
from scanning.detectors.loading import load_model
from scanning.detectors.planting import Training
from scanning.detectors.references import read_bank
from tests.scanning.detectors.test_planting import digits

pytestmark = pytest.mark.sqlite_only


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("images")
    save_images(digits(200, 1), folder / "training.npz")
    save_images(digits(80, 2), folder / "held-out.npz")
    return Plan(
        name="Digits", architecture=SMALL_CNN, images=folder / "held-out.npz", training=folder / "training.npz",
        references=2, attacks=("patch-10%",), planted=1, settings=Training(epochs=1), detectors=("head_statistics",),
    )  # fmt: skip


def test_a_bank_holds_references_and_planted_models_of_one_family(plan: Plan, tmp_path: Path) -> None:
    made = build_bank(plan, tmp_path, threads=1)
    bank, digest = read_bank(Path(made["path"]))
    assert (made["references"], made["planted"], made["sha256"]) == (2, 1, digest)
    (planted,) = bank.planted
    assert (planted.target, "4×4 white patch" in planted.attack) == (0, True)
    assert all(len(row.stages["head_statistics"].scores) == 10 for row in bank.models)
    model = load_model(tmp_path / "models" / f"{bank.references[0].name}.safetensors")
    assert bank.family.architecture_digest == model.architecture_digest
    assert bank.references[0].sha256 == model.sha256


def test_a_bank_goes_on_where_it_was_stopped_and_threads_change_nothing(plan: Plan, tmp_path: Path) -> None:
    small = build_bank(replace(plan, references=1, attacks=()), tmp_path / "a", threads=1)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "a" / "models").iterdir()}
    whole = build_bank(plan, tmp_path / "a", threads=2)
    again = build_bank(plan, tmp_path / "b", threads=1)
    assert small["references"] == 1
    assert whole["sha256"] == again["sha256"]
    assert all((tmp_path / "a" / "models" / name).stat().st_mtime_ns == at for name, at in kept.items())


def test_known_models_that_were_handed_in_make_a_bank(plan: Plan, tmp_path: Path) -> None:
    build_bank(replace(plan, attacks=()), tmp_path / "trained", threads=1)
    files = tuple(sorted((tmp_path / "trained" / "models").glob("*.safetensors")))
    made = build_bank(replace(plan, training=None, models=files, attacks=()), tmp_path / "handed", threads=1)
    bank, _ = read_bank(Path(made["path"]))
    assert {row.name for row in bank.references} == {path.name for path in files}


def test_every_model_counts_once(plan: Plan, tmp_path: Path) -> None:
    """Nineteen copies of one model are one reference, and rank whatever differs from it as never seen."""
    build_bank(replace(plan, attacks=()), tmp_path / "trained", threads=1)
    first, second = sorted((tmp_path / "trained" / "models").glob("*.safetensors"))
    handed = replace(plan, training=None, attacks=())
    with pytest.raises(BadInputError, match="are one model"):
        build_bank(replace(handed, models=(first, second, first)), tmp_path / "handed", threads=1)
    renamed = tmp_path / "renamed.safetensors"
    with safe_open(first, framework="pt") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 # it is no dict
        save_file(weights, renamed, metadata={**file.metadata(), "note": "saved again"})
    with pytest.raises(BadInputError, match=r"renamed\.safetensors are one model"):
        build_bank(replace(handed, models=(first, renamed)), tmp_path / "again", threads=1)
    assert not (tmp_path / "again" / "bank.json").exists()


def test_no_power_without_the_images_that_references_were_trained_on(plan: Plan, tmp_path: Path) -> None:
    build_bank(replace(plan, attacks=()), tmp_path / "trained", threads=1)
    files = tuple((tmp_path / "trained" / "models").glob("*.safetensors"))
    with pytest.raises(BadInputError, match="build the bank with training images to measure its power"):
        build_bank(replace(plan, training=None, models=files), tmp_path / "handed", threads=1)


def test_targets_of_planted_models_go_round_the_classes(plan: Plan) -> None:
    assert plan.training is not None
    made = recipes(replace(plan, planted=12, attacks=("patch-1%", "blended-10%")), load_images(plan.training))
    targets = [recipe.attack.target for recipe in made if recipe.attack is not None]
    assert targets == [*range(10), 0, 1] * 2
    assert len({recipe.digest for recipe in made}) == 26


def test_a_plan_survives_the_way_through_json_and_a_broken_one_is_one_sentence(plan: Plan) -> None:
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    for broken in (None, {}, {**plan.to_json(), "colour": "red"}, {**plan.to_json(), "settings": {"speed": 3}}):
        with pytest.raises(BadInputError, match="the plan of the bank"):
            Plan.from_json(broken)


def test_a_bank_needs_something_to_measure(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="needs training images, or files of models"):
        build_bank(replace(plan, training=None), tmp_path, threads=1)
