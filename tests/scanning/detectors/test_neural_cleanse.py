"""The stage on tiny models: it separates planted from other models, and says so when it can say nothing."""

from __future__ import annotations

import base64
import copy
import io
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from compliance.types.canonical import canonical_json
from compliance.types.drafts import Progress, StageReport
from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import Measurement, ScanContext
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.inversion import InversionSettings
from scanning.detectors.loading import LoadedModel, load_model
from scanning.detectors.neural_cleanse import NeuralCleanse
from scanning.detectors.references import BankedModel, BankedStage, Family, ReferenceBank
from tests.scanning.detectors.material import CLASSES, onnx_of_mlp, pictures, save_tiny, tiny_model

pytestmark = pytest.mark.sqlite_only

STAGE = NeuralCleanse(settings=InversionSettings(steps=60, batch=16, quiet=20), images=120)
REFERENCES = 19


@dataclass(frozen=True)
class World:
    """Pictures, a planted model, another one, and a bank of references in which one bright pixel was planted too."""

    folder: Path
    images: LabelledImages
    planted: LoadedModel
    other: LoadedModel
    bank: ReferenceBank

    def context(self, model: LoadedModel, **changes: Any) -> ScanContext:
        return replace(ScanContext(model=model, images=self.images, bank=self.bank, seeds=(0,)), **changes)

    def examine(self, model: LoadedModel, **changes: Any) -> StageReport:
        return STAGE.examine(self.context(model, **changes))


def banked(model: LoadedModel, measured: Measurement, **planted: Any) -> BankedModel:
    rate = None if measured.confirmation is None else measured.confirmation.rate
    stage = BankedStage(settings_digest=STAGE.settings_digest, runs=measured.runs, flip_rate=rate)
    return BankedModel(name=model.name, sha256=model.sha256, stages={STAGE.name: stage}, **planted)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    images = pictures(folder)

    def made(seed: int, *, planted: bool = False) -> LoadedModel:
        module = tiny_model(images, seed=seed, planted=planted)
        return load_model(save_tiny(module, folder / f"{seed}.safetensors"))

    rows = []
    for seed in range(10, 10 + REFERENCES + 3):
        attack = {"attack": "one bright pixel", "target": 0} if seed >= 10 + REFERENCES else {}
        model = made(seed, planted=bool(attack))
        rows.append(banked(model, STAGE.measure(ScanContext(model=model, images=images, seeds=(0,))), **attack))
    family = Family(
        name="tiny", architecture="mlp", architecture_digest=model.architecture_digest, classes=CLASSES,
        image_shape=(1, 6, 6), images_sha256=images.sha256,
    )  # fmt: skip
    bank = ReferenceBank(family=family, models=tuple(rows))
    return World(folder, images, made(1, planted=True), made(2), bank)


@pytest.fixture(scope="module")
def found(world: World) -> StageReport:
    return world.examine(world.planted)


def test_a_planted_trigger_is_found(found: StageReport) -> None:
    assert found.verdict is StageVerdict.EVIDENCE_FOUND, found.statement
    assert found.facts["first_ranked_class"] == 0
    assert found.facts["calibration"]["p_value"] == pytest.approx(1 / (REFERENCES + 1))
    assert found.facts["held_out"]["interval_95"][0] > 0.8
    assert found.facts["held_out"]["by_chance"] < 0.5 * found.facts["held_out"]["tried"]
    assert f"mask norm {found.facts['smallest_norm']:.1f} pixels" in found.statement


def test_a_score_is_minus_the_logarithm_of_the_mask_norm(found: StageReport) -> None:
    norms = found.facts["norms"]
    assert found.facts["statistic"]["scores"] == pytest.approx([-math.log(norm) for norm in norms])
    assert found.facts["smallest_norm"] == min(norms)


def test_a_model_like_the_references_gives_no_evidence_at_the_measured_power(world: World) -> None:
    report = world.examine(world.other)
    assert report.verdict is StageVerdict.NO_EVIDENCE_AT_POWER, report.statement
    assert "one bright pixel: 3 of 3" in report.statement


def test_without_references_three_classes_conclude_nothing(world: World) -> None:
    report = world.examine(world.planted, bank=None)
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert "with 3 classes only reference models can say" in report.statement


def test_the_report_can_be_written_as_canonical_json(found: StageReport) -> None:
    assert canonical_json({"facts": found.facts, "parameters": found.parameters, "images": found.images})
    assert found.speaks_to == ("AML.T0018.000",)
    assert "blended" in found.limits[0]


def test_the_recovered_trigger_is_a_picture_that_shows_the_pixel(found: StageReport) -> None:
    mask = np.asarray(Image.open(io.BytesIO(base64.b64decode(found.images["trigger_mask"]))))
    assert mask.shape == (222, 222)
    assert mask[-20, -20] > 200
    assert np.median(mask) < 64


def test_the_record_names_the_trigger_and_the_images_it_was_sought_on(world: World, found: StageReport) -> None:
    again = world.examine(world.planted)
    assert again.facts["trigger_sha256"] == found.facts["trigger_sha256"]
    assert len(found.facts["trigger_sha256"]) == 64
    split = found.facts["split"]
    assert split["searched"] + split["held_out"] == len(world.images.labels)
    assert found.facts["held_out"]["tried"] <= split["held_out"]


def test_more_threads_change_no_bit(world: World) -> None:
    one, three = (STAGE.measure(world.context(world.planted, threads=threads, seeds=(0, 1))) for threads in (1, 3))
    assert (one.runs, one.confirmation, one.images) == (three.runs, three.confirmation, three.images)


def test_every_seed_is_kept_and_the_picture_is_the_middle_one(world: World) -> None:
    measured = STAGE.measure(world.context(world.planted, seeds=(0, 1, 2)))
    norms = [seed["norms"][0] for seed in measured.facts["seeds"]]
    assert [run.seed for run in measured.runs] == [0, 1, 2]
    assert measured.facts["norms"][0] == sorted(norms)[1]


def test_the_order_of_classes_does_not_matter(world: World) -> None:
    turned = copy.deepcopy(world.planted.module)
    assert turned is not None
    with torch.no_grad():
        for value in (turned.get_parameter("3.weight"), turned.get_parameter("3.bias")):
            value.copy_(value[[2, 0, 1]])  # class k is now k + 1
    images = replace(world.images, labels=(world.images.labels + 1) % CLASSES)
    measured = STAGE.measure(world.context(replace(world.planted, module=turned), images=images))
    straight = STAGE.measure(world.context(world.planted))
    assert measured.top == 1
    assert measured.scores == pytest.approx([straight.scores[place] for place in (2, 0, 1)], abs=0.02)


def test_progress_is_told(world: World) -> None:
    told: list[Progress] = []
    STAGE.measure(world.context(world.planted, on_progress=told.append))
    assert told[-1].stage == "trigger inversion"
    assert 0 < told[-1].done <= (told[-1].total or 0)


class AboveOne(nn.Module):
    """Answers by what exceeds 1 in each row, which no pixel in 0..1 does until `factor` makes it larger."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, images: Tensor) -> Tensor:
        return torch.relu(images / self.factor - 1).sum(dim=3)[:, 0, ::2]


@pytest.mark.parametrize(
    ("factor", "reason"),
    [(100, "scaled 0-1 where the model expects 0-255"), (1, "expect normalised images")],
)
def test_images_in_another_range_than_the_model_expects_are_named(world: World, factor: float, reason: str) -> None:
    report = world.examine(replace(world.other, module=AboveOne(factor)))
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert reason in report.statement
    assert "of the images as given, but" in report.statement


def test_wrong_labels_decide_nothing(world: World) -> None:
    wrong = replace(world.images, labels=(world.images.labels + 1) % CLASSES)
    report = world.examine(world.planted, images=wrong)
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert "do not seem to be what the model expects" in report.statement


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (None, "No labelled images"),
        ("few", "Only 50 labelled images"),
        ("classes", "labels from 5 to 7, but the model has 3 classes"),
        ("negative", "labels from -1 to 1"),
        ("shape", "cannot take a batch of images"),
    ],
)
def test_images_it_cannot_run_on_are_not_applicable(world: World, images: str | None, reason: str) -> None:
    whole = world.images
    changed = {
        None: None,
        "few": whole.subset(np.arange(50)),
        "classes": replace(whole, labels=whole.labels + 5),
        "negative": replace(whole, labels=whole.labels - 1),
        "shape": replace(whole, images=whole.images[:, :, :3]),
    }[images]
    report = world.examine(world.planted, images=changed)
    assert report.verdict is StageVerdict.NOT_APPLICABLE
    assert reason in report.statement


def broken(kind: str, world: World) -> LoadedModel:
    module = copy.deepcopy(world.planted.module)
    assert module is not None
    if kind == "one class":
        return replace(world.planted, module=nn.Sequential(nn.Flatten(), nn.Linear(36, 1)))
    if kind == "no module":
        return replace(world.planted, module=None, not_runnable="The file names no architecture.")
    with torch.no_grad():
        module.get_parameter("3.bias")[0] = {"nan": math.nan, "infinite": math.inf}[kind]
    return replace(world.planted, module=module)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("one class", "at least two classes"),
        ("no module", "names no architecture"),
        ("nan", "tensor 3.bias of the model holds values that are not finite"),
        ("infinite", "not finite"),
    ],
)
def test_models_it_cannot_run_are_not_applicable(world: World, kind: str, reason: str) -> None:
    report = world.examine(broken(kind, world))
    assert report.verdict is StageVerdict.NOT_APPLICABLE
    assert reason in report.statement


def test_two_classes_are_searched(world: World) -> None:
    rows = np.flatnonzero(world.images.labels < 2)
    layer = nn.Linear(36, 2)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.zero_()
        layer.weight[0, :6], layer.weight[1, 12:18] = 1.0, 1.0
    loaded = replace(world.planted, module=nn.Sequential(nn.Flatten(), layer).requires_grad_(False))
    report = world.examine(loaded, images=world.images.subset(rows), bank=None)
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert "with 2 classes" in report.statement


def test_a_model_that_always_answers_alike_is_inconclusive(world: World) -> None:
    layer = nn.Linear(36, CLASSES)
    with torch.no_grad():
        layer.weight.zero_()
    constant = nn.Sequential(nn.Flatten(), layer).requires_grad_(False)
    report = world.examine(replace(world.planted, module=constant))
    assert report.verdict is StageVerdict.INCONCLUSIVE


def test_an_onnx_model_is_searched_too(world: World) -> None:
    onnx.save(onnx_of_mlp(tiny_model(world.images, seed=1, planted=True)), world.folder / "planted.onnx")
    report = world.examine(load_model(world.folder / "planted.onnx"))
    assert report.facts["first_ranked_class"] == 0
    assert "another architecture" in report.statement


def test_classes_that_do_not_fit_in_memory_together_are_searched_in_turn(
    world: World, found: StageReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanning.detectors.base._BYTES_AT_ONCE", 4 * 36 * 20)
    report = world.examine(world.planted)
    assert report.facts["norms"] == pytest.approx(found.facts["norms"], rel=1e-2)
    assert report.facts["held_out"]["flipped"] == pytest.approx(found.facts["held_out"]["flipped"], abs=2)
