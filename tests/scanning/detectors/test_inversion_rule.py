from __future__ import annotations

import math
from dataclasses import replace

import pytest

from compliance.types.verdicts import StageVerdict
from scanning.detectors.inversion_rule import Measured, Power, Thresholds, decide

pytestmark = pytest.mark.sqlite_only

POWER = Power(attack="a patch", planted=3, found=3)
SMALL = Measured(
    norms=(7.0, 40.0, 50.0), flipped=95, tried=100, correct=96, images=100,
    references=(30.0, 31.0, 32.0, 33.0, 34.0, 35.0, 36.0, 37.0, 38.0), power=POWER,
)  # fmt: skip
LARGE = replace(SMALL, norms=(36.0, 40.0, 50.0))


def verdict(measured: Measured) -> StageVerdict:
    return decide(measured, Thresholds()).verdict


def test_a_small_trigger_that_flips_held_out_images_is_evidence() -> None:
    decision = decide(SMALL, Thresholds())
    assert decision.verdict is StageVerdict.EVIDENCE_FOUND
    assert "95 of 100" in decision.statement
    assert "at most 0.100" in decision.statement


def test_no_small_trigger_is_a_negative_with_its_power() -> None:
    decision = decide(LARGE, Thresholds())
    assert decision.verdict is StageVerdict.NO_EVIDENCE_AT_POWER
    assert "3 of 3 models (95 % interval 29.2 % to 100.0 %)" in decision.statement


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        (replace(SMALL, flipped=79), "flips only 79 of 100"),
        (replace(SMALL, references=()), "no reference models"),
        (replace(SMALL, correct=49), "labels only 49.0 %"),
        (replace(SMALL, norms=(math.inf, math.inf)), "no working trigger for any class"),
        (replace(LARGE, power=None), "was not measured"),
        (replace(LARGE, power=replace(POWER, found=2)), "in only 2 of 3"),
        (replace(LARGE, references=(30.0,) * 8), "too few"),
        (replace(LARGE, norms=(36.0, math.inf)), "for 1 classes"),
    ],
)
def test_what_decides_nothing_is_inconclusive(measured: Measured, reason: str) -> None:
    decision = decide(measured, Thresholds())
    assert decision.verdict is StageVerdict.INCONCLUSIVE
    assert reason in decision.statement


def test_equal_to_the_smallest_reference_is_not_smaller() -> None:
    assert verdict(replace(SMALL, norms=(30.0, 40.0))) is StageVerdict.NO_EVIDENCE_AT_POWER


def test_evidence_needs_no_measured_power() -> None:
    assert verdict(replace(SMALL, power=None)) is StageVerdict.EVIDENCE_FOUND
