"""All comparing stages together: exact beside any distribution of scores, and blind to none of its parts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compliance.types.drafts import StageReport
from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import Confirmation
from scanning.detectors.combination import combine, joint_power, overall, power_of, with_combination
from scanning.detectors.references import ReferenceBank
from tests.scanning.detectors.banked import MODEL, SETTINGS, Made, Told, context

pytestmark = pytest.mark.sqlite_only

NAMES = ("head_statistics", "max_margin", "neural_cleanse")
BANK = Made(stages=NAMES).bank()
WORKS = Confirmation(flipped=95, tried=100, by_chance=3)


def stages(*scores: tuple[float, ...], confirmation: Confirmation | None = None) -> list[StageReport]:
    told = [
        Told(name=name, scores=row, confirmation=confirmation if name == "neural_cleanse" else None)
        for name, row in zip(NAMES, scores, strict=False)
    ]
    return [detector.examine(context(BANK)) for detector in told]


def joined(*scores: tuple[float, ...], confirmation: Confirmation | None = None) -> StageReport:
    return combine(stages(*scores, confirmation=confirmation), BANK, model_sha256=MODEL.sha256)


QUIET, LOUD, ELSEWHERE = (0.3, 0.1, 0.2), (9.0, 0.1, 0.2), (0.1, 9.0, 0.2)


def test_ordinary_stages_make_a_negative_with_their_joint_power() -> None:
    report = joined(QUIET, QUIET, QUIET)
    assert report.verdict is StageVerdict.NO_EVIDENCE_AT_POWER
    assert report.facts["calibration"]["power"][0]["found"] == 20


def test_two_stages_that_name_the_same_class_are_evidence_and_two_that_differ_are_a_flag() -> None:
    assert joined(LOUD, LOUD, QUIET).verdict is StageVerdict.EVIDENCE_FOUND
    apart = joined(LOUD, ELSEWHERE, QUIET)
    assert apart.verdict is StageVerdict.INCONCLUSIVE
    assert "no two stages agree" in apart.statement


def test_one_loud_stage_is_a_flag_and_a_confirmed_trigger_is_evidence() -> None:
    assert joined(LOUD, QUIET, QUIET).facts["calibration"]["p_value"] == 1 / 40
    assert joined(LOUD, QUIET, QUIET).verdict is StageVerdict.INCONCLUSIVE
    assert joined(QUIET, QUIET, LOUD, confirmation=WORKS).verdict is StageVerdict.EVIDENCE_FOUND


def test_uncalibrated_stages_are_not_combined() -> None:
    told = [Told(name=name, scores=QUIET).examine(context(None)) for name in NAMES]
    report = combine(told, None, model_sha256=MODEL.sha256)
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert "cannot be combined" in report.statement


def test_no_negative_where_a_stage_could_not_judge_a_class() -> None:
    parts = stages(QUIET, QUIET)
    blind = Told(name="neural_cleanse", scores=(0.3, None, 0.2)).examine(context(BANK))
    assert blind.verdict is StageVerdict.INCONCLUSIVE
    together = with_combination([*parts, blind], BANK, MODEL.sha256)
    assert together[-1].verdict is overall(together) is StageVerdict.INCONCLUSIVE
    assert "Trigger inversion (Neural Cleanse) could not judge 1 class." in together[-1].statement


def test_a_trigger_that_an_uncalibrated_stage_confirmed_is_not_called_ordinary() -> None:
    parts = stages(QUIET, QUIET)
    works = Told(name="neural_cleanse", scores=(9.0, 0.1, 0.2, 0.15, 0.12), confirmation=WORKS).examine(context(None))
    assert (works.verdict, works.facts["calibration"]["tier"]) == (StageVerdict.EVIDENCE_FOUND, "uncalibrated")
    together = with_combination([*parts, works], BANK, MODEL.sha256)
    assert together[-1].verdict is overall(together) is StageVerdict.EVIDENCE_FOUND
    assert "Trigger inversion (Neural Cleanse) recovered a working trigger" in together[-1].statement
    assert "uncalibrated" in together[-1].statement
    assert together[-1].facts["calibration"]["confirmed"]


@pytest.mark.parametrize("shared", [0, 1, 18])
def test_too_few_references_that_all_stages_measured_give_no_joint_p(shared: int) -> None:
    """Each stage has references enough of its own, but hardly any model was measured by both."""
    models = [
        replace(row, stages={name: row.stages[name] for name in (NAMES[:2] if place < shared else [NAMES[place % 2]])})
        for place, row in enumerate(Made(stages=NAMES[:2], references=60).bank().models)
    ]
    bank = ReferenceBank(family=BANK.family, models=tuple(models))
    parts = [Told(name=name, scores=QUIET).examine(context(bank)) for name in NAMES[:2]]
    assert {part.facts["calibration"]["tier"] for part in parts} == {"calibrated"}
    report = combine(parts, bank, model_sha256=MODEL.sha256)
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert "calibration" not in report.facts
    assert f"only {shared} reference models were measured by all of them, and 19 are needed" in report.statement


def test_a_single_comparing_stage_gets_no_combination() -> None:
    assert len(with_combination(stages(QUIET), BANK, MODEL.sha256)) == 1
    assert [stage.detector for stage in with_combination(stages(QUIET, QUIET), BANK, MODEL.sha256)][-1] == "combination"


def test_the_combination_speaks_for_its_parts_but_never_over_evidence_or_failure() -> None:
    parts = stages(QUIET, QUIET, QUIET)
    weak = replace(parts[0], verdict=StageVerdict.INCONCLUSIVE)
    together = with_combination([weak, *parts[1:]], BANK, MODEL.sha256)
    assert overall(together) is StageVerdict.NO_EVIDENCE_AT_POWER
    failed = replace(parts[0], verdict=StageVerdict.FAILED)
    assert overall((failed, *together[1:])) is StageVerdict.FAILED
    found = replace(parts[0], verdict=StageVerdict.EVIDENCE_FOUND)
    assert overall((found, *together[1:])) is StageVerdict.EVIDENCE_FOUND


def test_joint_power_leaves_out_models_that_were_measured_otherwise() -> None:
    names = dict.fromkeys(NAMES, SETTINGS)
    assert joint_power(BANK, names)[0].planted == 20
    assert joint_power(BANK, {**names, "max_margin": "other"}) == ()
    assert power_of(ReferenceBank(family=BANK.family, models=())) == ()
