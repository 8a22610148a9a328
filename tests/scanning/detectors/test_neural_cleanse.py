"""The stage on tiny models: it separates planted from other models, and says so when it can say nothing."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from compliance.types.canonical import canonical_json
from compliance.types.drafts import Progress, StageReport
from compliance.types.errors import BadInputError
from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import ScanContext
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.inversion import InversionSettings
from scanning.detectors.inversion_rule import Power
from scanning.detectors.loading import LoadedModel, load_model
from scanning.detectors.neural_cleanse import NeuralCleanse
from scanning.detectors.references import ReferenceBank, read_bank, write_bank
from tests.scanning.detectors.material import onnx_of_mlp, pictures, save_tiny, tiny_model

pytestmark = pytest.mark.sqlite_only

STAGE = NeuralCleanse(settings=InversionSettings(steps=80, batch=16, quiet=20), images=120)
REFERENCES = 9


@dataclass(frozen=True)
class Family:
    """Pictures, a planted model, another one, and a bank of references with measured power."""

    folder: Path
    images: LabelledImages
    planted: Path
    other: Path
    bank: Path

    def context(self, model: LoadedModel, **changes: Any) -> ScanContext:
        return replace(ScanContext(model=model, images=self.images, references=(self.bank,)), **changes)

    def examine(self, path: Path, **changes: Any) -> StageReport:
        return STAGE.examine(self.context(load_model(path), **changes))


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    folder = tmp_path_factory.mktemp("family")
    images = pictures(folder)
    models = [
        load_model(save_tiny(tiny_model(images, seed=seed), folder / f"reference-{seed}.safetensors"))
        for seed in range(10, 10 + REFERENCES)
    ]
    bank = ReferenceBank(
        settings_digest=STAGE.settings_digest,
        images_sha256=images.sha256,
        architecture_digest=models[0].architecture_digest,
        references=tuple(STAGE.known(model, images, seed=0)[0] for model in models),
        power=Power(attack="one bright pixel", planted=5, found=5),
    )
    write_bank(bank, folder / "bank.json")
    return Family(
        folder=folder,
        images=images,
        planted=save_tiny(tiny_model(images, seed=1, planted=True), folder / "planted.safetensors"),
        other=save_tiny(tiny_model(images, seed=2), folder / "other.safetensors"),
        bank=folder / "bank.json",
    )


@pytest.fixture(scope="module")
def found(family: Family) -> StageReport:
    return family.examine(family.planted)


def test_a_planted_trigger_is_found(found: StageReport) -> None:
    assert found.verdict is StageVerdict.EVIDENCE_FOUND
    assert found.facts["first_ranked_class"] == 0
    assert found.facts["smallest_norm"] < min(found.facts["reference_smallest_norms"])
    assert found.facts["p_value"] == found.facts["p_value_resolution"] == 0.1
    assert found.facts["held_out"]["interval_95"][0] > 0.8


def test_the_report_speaks_to_poisoned_weights_alone(found: StageReport) -> None:
    assert found.speaks_to == ("AML.T0018.000",)
    assert "blended" in found.limits[0]


def test_the_report_can_be_written_as_canonical_json(found: StageReport) -> None:
    assert canonical_json({"facts": found.facts, "parameters": found.parameters, "images": found.images})


def test_the_recovered_trigger_is_a_picture_that_shows_the_pixel(found: StageReport) -> None:
    mask = np.asarray(Image.open(io.BytesIO(base64.b64decode(found.images["trigger_mask"]))))
    assert mask.shape == (222, 222)
    assert mask[-20, -20] > 200
    assert mask[:180, :180].max() < 128


def test_a_model_like_the_references_gives_no_evidence_at_the_measured_power(family: Family) -> None:
    report = family.examine(family.other)
    assert report.verdict is StageVerdict.NO_EVIDENCE_AT_POWER
    assert report.facts["reference_bank"]["power"]["found"] == 5
    assert "one bright pixel in 5 of 5 models" in report.statement


def test_the_same_scan_twice_gives_the_same_numbers(family: Family, found: StageReport) -> None:
    again = family.examine(family.planted)
    assert again.facts == found.facts
    assert again.images == found.images


def test_more_threads_change_no_verdict(family: Family, found: StageReport) -> None:
    report = family.examine(family.planted, threads=3)
    assert report.verdict is found.verdict
    assert report.facts["norms"] == pytest.approx(found.facts["norms"], rel=1e-2)


def test_progress_is_told(family: Family) -> None:
    told: list[Progress] = []
    family.examine(family.planted, on_progress=told.append)
    assert told[-1].stage == "trigger inversion"
    assert 0 < told[-1].done <= 80


def test_reference_models_can_be_searched_on_the_spot(family: Family) -> None:
    paths = tuple(family.folder / f"reference-{seed}.safetensors" for seed in range(10, 13))
    report = family.examine(family.planted, references=paths)
    assert report.verdict is StageVerdict.EVIDENCE_FOUND
    assert report.facts["references"] == 3
    bank, _ = read_bank(family.bank)
    assert report.facts["reference_smallest_norms"] == pytest.approx(bank.smallest[:3], rel=1e-3)


def test_without_references_nothing_is_concluded(family: Family) -> None:
    report = family.examine(family.planted, references=())
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert report.facts["p_value"] is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"settings_digest": "other"}, "other settings"),
        ({"images_sha256": "other"}, "other images"),
        ({"architecture_digest": "other"}, "another architecture"),
    ],
)
def test_references_that_do_not_compare_are_not_used(
    family: Family, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    bank, _ = read_bank(family.bank)
    write_bank(replace(bank, **changes), tmp_path / "bank.json")
    report = family.examine(family.planted, references=(tmp_path / "bank.json",))
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert reason in report.statement


def test_a_model_is_never_its_own_reference(family: Family) -> None:
    report = family.examine(family.folder / "reference-10.safetensors")
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert "itself among the references" in report.statement


def test_images_that_do_not_fit_the_model_decide_nothing(family: Family) -> None:
    wrong = replace(family.images, labels=(family.images.labels + 1) % 3)
    assert family.examine(family.planted, images=wrong).verdict is StageVerdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (None, "No labelled images"),
        ("few", "Fewer than 60"),
        ("classes", "labels up to 7, the model 3 classes"),
        ("shape", "cannot take a batch of images"),
    ],
)
def test_what_it_cannot_run_on_is_not_applicable(family: Family, images: str | None, reason: str) -> None:
    whole = family.images
    changed = {
        None: None,
        "few": whole.subset(np.arange(50)),
        "classes": replace(whole, labels=whole.labels + 5),
        "shape": replace(whole, images=whole.images[:, :, :3]),
    }[images]
    report = family.examine(family.planted, images=changed)
    assert report.verdict is StageVerdict.NOT_APPLICABLE
    assert reason in report.statement


def test_an_onnx_model_is_searched_too(family: Family) -> None:
    onnx.save(onnx_of_mlp(tiny_model(family.images, seed=1, planted=True)), family.folder / "planted.onnx")
    report = family.examine(family.folder / "planted.onnx")
    assert report.facts["first_ranked_class"] == 0
    assert "another architecture" in report.statement


def test_weights_that_cannot_be_run_are_not_applicable(family: Family) -> None:
    path = save_tiny(tiny_model(family.images), family.folder / "unnamed.safetensors", named=False)
    report = family.examine(path)
    assert report.verdict is StageVerdict.NOT_APPLICABLE
    assert "names no architecture" in report.statement


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "not a reference bank"),
        (b'{"format": "other"}', "the format 'other'"),
        (b'{"format": "assay-reference-bank/1"}', "not a reference bank"),
    ],
)
def test_a_broken_bank_is_bad_input(family: Family, tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "bank.json").write_bytes(content)
    with pytest.raises(BadInputError, match=reason):
        family.examine(family.planted, references=(tmp_path / "bank.json",))


def test_a_bank_is_read_as_it_was_written(family: Family, tmp_path: Path) -> None:
    bank, digest = read_bank(family.bank)
    assert write_bank(bank, tmp_path / "bank.json") == digest


def test_classes_that_do_not_fit_in_memory_together_are_searched_in_turn(
    family: Family, found: StageReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanning.detectors.base._BYTES_AT_ONCE", 4 * 36 * 20)
    report = family.examine(family.planted)
    assert report.facts["norms"] == pytest.approx(found.facts["norms"], rel=1e-2)
    assert report.facts["held_out"] == found.facts["held_out"]
