from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compliance.types.verdicts import StageVerdict
from scanning.detectors.activation_clustering import ActivationClustering
from scanning.detectors.base import Detector
from scanning.detectors.calibration import Power
from scanning.detectors.spectral_signatures import SpectralSignatures
from scanning.detectors.training_images import open_training_images, save_training_images
from scanning.detectors.training_nulls import SEPARATION, Rule
from scanning.detectors.training_verdict import ClassRow, Examined, is_flagged, own_p, suspicion
from tests.scanning.detectors.training_material import context, images

pytestmark = pytest.mark.sqlite_only

STAGES = pytest.mark.parametrize("stage", [ActivationClustering(), SpectralSignatures()], ids=lambda s: s.name)


@STAGES
@pytest.mark.parametrize("planted", [20, 60, 400])
def test_planted_images_are_evidence(tmp_path: Path, stage: Detector, planted: int) -> None:
    given, marked = context(tmp_path, planted=planted)
    found = stage.examine(given)
    assert found.verdict is StageVerdict.EVIDENCE_FOUND, found.statement
    assert found.facts["statistic"]["top_class"] == 0
    assert found.facts["confirmation"]["rate"] > 0.9
    listed = [row["image"] for row in found.facts["most_suspicious"]]
    assert marked[listed[: min(planted, 200)]].all()
    assert found.speaks_to == ("AML.T0018.000",)


@STAGES
def test_a_set_without_planted_images_is_inconclusive(tmp_path: Path, stage: Detector) -> None:
    found = stage.examine(context(tmp_path, planted=0)[0])
    assert found.verdict is StageVerdict.INCONCLUSIVE
    assert "was not measured" in found.statement
    assert found.facts["confirmation"] is None


@STAGES
def test_a_report_can_be_written_down(tmp_path: Path, stage: Detector) -> None:
    found = stage.examine(context(tmp_path)[0])
    facts = json.loads(json.dumps(found.facts, allow_nan=False))
    assert len(facts["statistic"]["scores"]) == 6
    assert sum(facts["histogram"]["counts"]) == facts["classes"][0]["images"] == 210
    assert len(facts["most_suspicious"]) == 200
    for picture in ("most_suspicious", "estimated_stamp"):
        assert base64.b64decode(found.images[picture]).startswith(b"\x89PNG")


@STAGES
def test_two_kinds_of_images_in_a_class_are_a_flag_and_no_evidence(tmp_path: Path, stage: Detector) -> None:
    pixels, labels, _ = images(150, 0)
    pixels[np.flatnonzero(labels == 3)[:70], 0, 2, 2] = 1  # a pixel that the model reads for no class
    save_training_images(tmp_path / "two.npz", pixels, labels, compressed=False)
    given = replace(context(tmp_path)[0], training=open_training_images(tmp_path / "two.npz"))
    found = stage.examine(given)
    assert found.facts["flagged"]
    assert found.verdict is StageVerdict.INCONCLUSIVE
    assert "two kinds of images" in found.statement


@STAGES
def test_labels_of_another_model_are_said_to_be(tmp_path: Path, stage: Detector) -> None:
    pixels, labels, _ = images(150, 0)
    save_training_images(tmp_path / "other.npz", pixels, (labels + 1) % 6, compressed=False)
    found = stage.examine(replace(context(tmp_path)[0], training=open_training_images(tmp_path / "other.npz")))
    assert found.verdict is StageVerdict.INCONCLUSIVE
    assert "near what chance gives" in found.statement


@STAGES
def test_without_a_training_set_the_stage_is_not_applicable(tmp_path: Path, stage: Detector) -> None:
    found = stage.examine(replace(context(tmp_path)[0], training=None))
    assert found.verdict is StageVerdict.NOT_APPLICABLE


@STAGES
def test_the_same_scan_gives_the_same_numbers(tmp_path: Path, stage: Detector) -> None:
    first, second = (stage.examine(context(tmp_path)[0]) for _ in range(2))
    assert first.facts == second.facts
    assert first.images == second.images


def row(label: int, statistic: float | None, share: float = 0.2, followed: float = 1.0) -> ClassRow:
    return ClassRow(label=label, images=500, statistic=statistic, share=share, followed=followed)


def examined(*rows: ClassRow) -> Examined:
    return Examined(words="", rows=rows, positions=np.zeros(10, dtype=np.float32))


ORDINARY = (row(1, 8.0), row(2, 8.5), row(3, 9.0), row(4, 8.2))
RULE = Rule(threshold=20)


@pytest.mark.parametrize(
    ("top", "flagged"),
    [
        (row(0, 60.0), True),
        (row(0, 9.1), False),
        (row(0, 60.0, share=0.005), False),
        (row(0, 60.0, share=0.995), False),
        (row(0, 60.0, followed=0.3), False),
        (row(0, None), False),
    ],
)
def test_a_flag_needs_a_statistic_and_a_share_that_fit(top: ClassRow, flagged: bool) -> None:
    assert is_flagged(examined(top, *ORDINARY), RULE, 16) is flagged


def test_in_small_classes_the_p_value_alone_counts() -> None:
    wild = examined(row(0, 60.0), row(1, 8.0), row(2, 30.0), row(3, 50.0), row(4, 20.0))
    assert is_flagged(wild, RULE, 16)
    assert not is_flagged(wild, RULE, 200)
    assert is_flagged(examined(row(0, 60.0), *ORDINARY), RULE, 200)


def test_with_three_classes_there_is_no_p_value() -> None:
    assert own_p([row(0, 60.0), row(1, 8.0), row(2, 8.5)]) is None


def test_images_of_ordinary_classes_are_not_suspicious() -> None:
    found = replace(examined(row(0, 60.0), *ORDINARY), positions=np.array([0, 1, 0, 1, np.nan], dtype=np.float32))
    scores = suspicion(found, np.array([0, 0, 1, 1, 4]))
    assert scores[1] > scores[0] > max(scores[2:])
    assert scores[4] == 0


def test_a_negative_needs_measured_power_of_the_same_family() -> None:
    strong, weak = (Power(attack=name, planted=20, found=found) for name, found in (("a", 19), ("b", 9)))
    null = replace(SEPARATION, architecture_digest="family", power=(strong, weak))
    assert null.power_for("family") == (strong,)
    assert null.power_for("other") == ()
