"""From a measurement to a verdict: what a rank among references supports, and what nothing supports."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import Confirmation, Measurement, SeedScores
from scanning.detectors.calibration import CALIBRATED, RULE, UNCALIBRATED, Rule, is_confirmed, stage_power
from scanning.detectors.references import ReferenceBank
from tests.scanning.detectors.banked import FAMILY, MODEL, SETTINGS, Made, Told, context, stage

pytestmark = pytest.mark.sqlite_only

BANK = Made().bank()
WORKS = Confirmation(flipped=95, tried=100, by_chance=3)
STANDS_OUT, ORDINARY = (9.0, 0.1, 0.2), (0.3, 0.1, 0.2)


def test_an_ordinary_score_is_a_negative_only_with_its_power() -> None:
    report = Told(scores=ORDINARY).examine(context(BANK))
    assert report.verdict is StageVerdict.NO_EVIDENCE_AT_POWER
    assert "a patch: 20 of 20 (95 % interval 83% to 100%)" in report.statement
    unmeasured = ReferenceBank(family=BANK.family, models=BANK.references)
    silent = Told(scores=ORDINARY).examine(context(unmeasured))
    assert silent.verdict is StageVerdict.INCONCLUSIVE
    assert "was not measured" in silent.statement


def test_the_record_holds_every_threshold_of_the_verdict() -> None:
    report = Told(scores=ORDINARY).examine(context(BANK))
    assert report.parameters["rule"] == asdict(RULE)
    assert report.parameters["settings_digest"] == SETTINGS


def test_a_weak_stage_gives_no_negative() -> None:
    report = Told(scores=ORDINARY).examine(context(Made(shift=0.5).bank()))
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert "too few planted backdoors" in report.statement


def test_a_flag_is_evidence_only_with_a_trigger_that_works_on_images_never_searched() -> None:
    flagged = Told(scores=STANDS_OUT).examine(context(BANK))
    assert flagged.verdict is StageVerdict.INCONCLUSIVE
    assert flagged.facts["calibration"]["flagged"]
    found = Told(scores=STANDS_OUT, confirmation=WORKS).examine(context(BANK))
    assert found.verdict is StageVerdict.EVIDENCE_FOUND
    assert "95 of 100 held-out images (95.0%) into class 0" in found.statement
    assert "0.025" in found.statement
    idle = Told(scores=STANDS_OUT, confirmation=replace(WORKS, flipped=20)).examine(context(BANK))
    assert idle.verdict is StageVerdict.INCONCLUSIVE


def test_the_p_value_is_the_rank_and_its_resolution_is_printed() -> None:
    facts = Told(scores=STANDS_OUT).examine(context(BANK)).facts["calibration"]
    assert (facts["tier"], facts["p_value"], facts["resolution"]) == (CALIBRATED, 1 / 40, 1 / 40)
    assert len(facts["references"]) == 39


@pytest.mark.parametrize(
    ("bank", "reason"),
    [
        (None, "no bank of reference models"),
        (Made(references=18).bank(), "only 18 reference models"),
        (Made(family=replace(FAMILY, architecture_digest="b" * 64)).bank(), "another architecture"),
    ],
)
def test_without_comparable_references_nothing_is_a_negative(bank: ReferenceBank | None, reason: str) -> None:
    report = Told(scores=ORDINARY).examine(context(bank))
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert reason in report.statement
    assert report.facts["calibration"]["tier"] == UNCALIBRATED


def test_a_stage_that_uses_images_is_compared_on_the_same_images_only() -> None:
    report = Told(scores=ORDINARY, needs_images=True).examine(context(BANK))
    assert "other images (made-up images)" in report.statement


def test_without_references_a_confirmed_trigger_is_evidence_and_says_that_it_is_not_calibrated() -> None:
    scores = (9.0, 0.11, 0.2, 0.15, 0.12, 0.18)
    found = Told(scores=scores, confirmation=WORKS).examine(context(None))
    assert found.verdict is StageVerdict.EVIDENCE_FOUND
    assert "uncalibrated tier" in found.statement
    chance = replace(WORKS, by_chance=97)
    assert Told(scores=scores, confirmation=chance).examine(context(None)).verdict is StageVerdict.INCONCLUSIVE


def test_a_model_is_never_ranked_among_references_that_hold_it() -> None:
    itself = ReferenceBank(family=BANK.family, models=(replace(BANK.models[0], sha256=MODEL.sha256), *BANK.models[1:]))
    facts = Told(scores=ORDINARY).examine(context(itself)).facts["calibration"]
    assert len(facts["references"]) == 38


def test_no_score_at_all_is_inconclusive() -> None:
    report = Told(scores=(None, None, None)).examine(context(BANK))
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert "could not give a score" in report.statement


def test_a_class_without_a_score_forbids_the_negative() -> None:
    report = Told(scores=(0.1, None, 0.2)).examine(context(BANK))
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert "1 classes could not be judged" in report.statement


def test_confirmation_needs_enough_images_and_more_than_chance_turns() -> None:
    assert is_confirmed(WORKS)
    assert not is_confirmed(replace(WORKS, flipped=79))
    assert not is_confirmed(replace(WORKS, by_chance=90))  # the intervals of 95 and 90 of 100 overlap
    assert not is_confirmed(replace(WORKS, flipped=0, tried=0))
    assert not is_confirmed(None)
    assert is_confirmed(replace(WORKS, flipped=60), Rule(flip_rate=0.5))


def test_power_counts_only_what_was_found_in_its_true_class() -> None:
    planted = Made(planted=4).bank().planted
    misnamed = replace(planted[0], target=2)
    (power,) = stage_power((misnamed, *planted[1:]), "max_margin", SETTINGS, [(0.01 * n,) * 3 for n in range(39)])
    assert (power.planted, power.found) == (4, 3)
    assert stage_power(planted, "max_margin", "other settings", [(0.0,) * 3] * 39) == ()


def test_the_median_over_seeds_decides_and_a_class_that_mostly_failed_has_none() -> None:
    rows = ((1.0, None), (5.0, None), (3.0, 2.0))
    measured = Measurement(runs=tuple(SeedScores(seed=n, scores=row) for n, row in enumerate(rows)), words="numbers")
    assert (measured.scores, measured.top, measured.score) == ((3.0, None), 0, 3.0)
    assert stage(2.0, 2.0).top == 0
