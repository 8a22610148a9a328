"""Pre-audit checks: each with a case that lists something and one that does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from compliance.models import (
    Answer,
    Evidence,
    Framework,
    MappingPair,
    ModelVersion,
    ReferenceControl,
    Risk,
    Technique,
    User,
)
from compliance.selectors import pre_audit_record
from compliance.selectors.pre_audit import TITLES, pre_audit_checks
from compliance.services import answers, evidence, evidence_standing, ledger, people
from compliance.types.pre_audit import PreAuditCheck
from compliance.types.provenance import Provenance
from compliance.types.verdicts import StageVerdict
from tests.compliance import completeness_on_record, records
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db
C = PreAuditCheck
TOLD = Provenance(
    source_system="CloudTrail", environment="Production", query="all", executed_by="Carl",
    extracted_at=datetime(2026, 11, 2, tzinfo=UTC), zone="UTC", row_count=3, obtained="upload",
    effective_from=date(2026, 1, 1), effective_to=date(2026, 12, 31),
)  # fmt: skip


def listed(world: World, check: PreAuditCheck) -> list[str]:
    line = next(line for line in pre_audit_checks(world.assessment) if line.check is check)
    assert all(one.url.startswith("/") for one in line.open)
    return [one.sentence for one in line.open]


def answered(world: World, actor: User, *, number: int = 4, value: str = "yes", **claims: str) -> Answer:
    answer = world.assessment.answers.select_related("assessment__system", "question").get(question__number=number)
    return answers.write(
        answer=answer, value=value, statement="So.", reason="", claims=claims, actor=actor, expected_version=None
    )


def in_review(world: World, actor: User, *, number: int = 4, **claims: str) -> Answer:
    written = answered(world, actor, number=number, **claims)
    evidence.link(evidence=world.log, target=written, actor=actor)
    return answers.submit(answer=written, actor=actor)


def test_every_check_has_a_title_and_is_always_listed(world: World) -> None:
    lines = pre_audit_checks(world.assessment)
    assert [line.check for line in lines] == list(PreAuditCheck)
    assert set(TITLES) == set(PreAuditCheck)


def test_open_answers(world: World, officer: User, manager: User) -> None:
    assert "Question 4: is not answered yet." in listed(world, C.ANSWER_OPEN)
    submitted = in_review(world, officer)
    assert "Question 4: is not approved yet." in listed(world, C.ANSWER_OPEN)
    answers.approve(answer=submitted, actor=manager)
    assert not [one for one in listed(world, C.ANSWER_OPEN) if "Question 4" in one]


def test_answers_without_evidence(world: World, officer: User) -> None:
    answer = answered(world, officer)
    assert listed(world, C.ANSWER_WITHOUT_EVIDENCE) == ["Question 4: no evidence stands behind the answer."]
    evidence.link(evidence=world.log, target=answer, actor=officer)
    assert listed(world, C.ANSWER_WITHOUT_EVIDENCE) == []
    evidence_standing.withdraw(evidence=world.log, reason="Wrong account.", actor=officer)
    assert len(listed(world, C.ANSWER_WITHOUT_EVIDENCE)) == 1


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (date(2024, 1, 1), date(2024, 12, 31), "speaks of other days than the period"),
        (date(2027, 1, 1), date(2027, 2, 1), "speaks of other days than the period"),
        (date(2026, 1, 1), date(2026, 6, 30), "speaks of days until 30 Jun 2026 only"),
        (date(2026, 1, 1), date(2026, 12, 31), ""),
        (None, None, ""),
    ],
)
def test_evidence_outside_the_period(
    world: World, officer: User, start: date | None, end: date | None, words: str
) -> None:
    in_review(world, officer)
    Evidence.objects.filter(pk=world.log.pk).update(effective_from=start, effective_to=end)
    told = listed(world, C.EVIDENCE_OUTSIDE_PERIOD)
    assert words in " ".join(told)
    assert bool(told) == bool(words)


def test_evidence_whose_place_was_taken(world: World, officer: User) -> None:
    in_review(world, officer)
    newer = records.evidence(world.assessment.system, b"newer", actor=officer, title="Newer log")
    evidence_standing.supersede(evidence=world.log, by=newer, actor=officer)
    assert "was superseded by “Newer log”" in listed(world, C.EVIDENCE_OUTSIDE_PERIOD)[0]


def test_evidence_that_does_not_say_where_it_comes_from(world: World, officer: User) -> None:
    in_review(world, officer)
    assert "does not state: source system, environment, query" in listed(world, C.EVIDENCE_NOT_DESCRIBED)[0]
    evidence_standing.describe(evidence=world.log, provenance=TOLD, actor=officer)
    assert listed(world, C.EVIDENCE_NOT_DESCRIBED) == []


def test_approved_on_other_evidence(world: World, officer: User, manager: User) -> None:
    answers.approve(answer=in_review(world, officer), actor=manager)
    assert listed(world, C.OTHER_EVIDENCE) == []
    evidence_standing.describe(evidence=world.log, provenance=replace(TOLD, row_count=4), actor=officer)
    assert "is described otherwise since the approval" in listed(world, C.OTHER_EVIDENCE)[0]


def test_contradictions_that_nobody_justified(world: World, officer: User, manager: User) -> None:
    assert listed(world, C.CONTRADICTION_NOT_JUSTIFIED) == []
    submitted = in_review(world, officer, number=2, approved_submitters="nobody@example.org")
    assert "You state 1 approved submitter." in listed(world, C.CONTRADICTION_NOT_JUSTIFIED)[0]
    answers.approve(answer=submitted, actor=manager, justification="Renewed next week.")
    assert listed(world, C.CONTRADICTION_NOT_JUSTIFIED) == []


def test_approvals_by_a_party_to_the_answer(world: World, officer: User, manager: User) -> None:
    answers.approve(answer=in_review(world, officer), actor=manager)
    assert listed(world, C.APPROVER_IS_AUTHOR) == []
    people.deactivate_user(user=manager, actor=None)
    answers.approve_alone(answer=in_review(world, officer), actor=officer, reason="One employee.")
    assert listed(world, C.APPROVER_IS_AUTHOR) == ["Question 4: was approved by a person who worked on it."]


def test_tests_that_went_stale(world: World, officer: User, settings: Settings) -> None:
    facts = records.stage_facts(StageVerdict.NO_EVIDENCE_AT_POWER)
    records.observed(world.base, StageVerdict.NO_EVIDENCE_AT_POWER, at=timezone.now(), facts=facts, actor=officer)
    assert listed(world, C.STALE_SCAN) == []
    settings.SCAN_FRESH_DAYS = -1
    assert listed(world, C.STALE_SCAN) == [f"{world.base}: the test against AML.T0018.000 is stale."]


def test_negatives_that_state_no_power(world: World, officer: User) -> None:
    now, version = timezone.now(), world.base

    def observed(at: datetime, power: list[dict[str, Any]]) -> None:
        facts = records.stage_facts(StageVerdict.NO_EVIDENCE_AT_POWER)
        facts["stage"]["facts"]["calibration"] = {"tier": "calibrated", "power": power}
        records.observed(version, StageVerdict.NO_EVIDENCE_AT_POWER, at=at, facts=facts, actor=officer)

    observed(now - timedelta(hours=2), [])
    assert listed(world, C.NEGATIVE_WITHOUT_POWER) == [
        f"{version}: assay trigger_inversion found nothing and states no power."
    ]
    observed(now - timedelta(hours=1), [{"attack": "4×4 patch", "found": 16, "planted": 20}])
    assert listed(world, C.NEGATIVE_WITHOUT_POWER) == []


def test_mappings_that_are_drafts(world: World) -> None:
    assert listed(world, C.MAPPING_DRAFT) == []
    framework = Framework.objects.create(key="example", title="Example framework, 2026")
    control = ReferenceControl.objects.get(control_id="BDM-14")
    pairs = [
        MappingPair.objects.create(
            control=control, framework=framework, requirement_id=f"1.{n}", relation="supports", strength="strong",
            rationale="So.",
        )
        for n in range(2)
    ]  # fmt: skip
    assert listed(world, C.MAPPING_DRAFT) == ["BDM-14: 2 mappings are drafts."]
    MappingPair.objects.filter(pk__in=[pair.pk for pair in pairs]).update(state="approved")
    assert listed(world, C.MAPPING_DRAFT) == []


def test_atlas_ids_that_are_retired(world: World) -> None:
    Technique.objects.create(
        atlas_id="AML.T0019", name="Publish", atlas_release="2026.07",
        facts={"retired": True, "replaced_by": "AML.T0115.000"},
    )  # fmt: skip
    assert listed(world, C.RETIRED_ATLAS_ID) == []  # nothing here names it
    world.finding.techniques = ["AML.T0019"]
    world.finding.save()
    assert listed(world, C.RETIRED_ATLAS_ID) == ["AML.T0019 was retired by ATLAS and replaced by AML.T0115.000."]


def test_gaps_of_the_job_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert listed(world, C.LOG_GAP) == ["The completeness of the job log was not read for the period."]
    reading = completeness_on_record.recorded(world.assessment.system, world.log)
    told = listed(world, C.LOG_GAP)
    assert told
    assert "was not read" not in told[0]
    for one in reading.figures["coverage"]["units"]:
        one["delivering"] = one["in_scope"]
    for one in reading.figures["reconciliation"]["families"]:
        one["not_in_log"] = one["not_listed"] = 0
    monkeypatch.setattr(pre_audit_record, "reading_of_period", lambda _assessment: reading)  # readings never change
    assert listed(world, C.LOG_GAP) == []


def test_acceptances_whose_day_is_over(world: World) -> None:
    today = timezone.localdate()
    risk = Risk.objects.get(finding=world.finding)
    for state, day, expected in (
        ("deviation-approved", today - timedelta(days=1), 1),
        ("deviation-approved", today, 0),
        ("remediating", today - timedelta(days=1), 0),
    ):
        Risk.objects.filter(pk=risk.pk).update(state=state, accepted_until=day)
        assert len(listed(world, C.ACCEPTANCE_EXPIRED)) == expected


def test_a_ledger_that_is_not_sealed_or_attested(world: World, settings: Settings) -> None:
    settings.TSA_URL = ""
    assert len(listed(world, C.LEDGER_NOT_ANCHORED)) == 2
    ledger.seal()
    assert len(listed(world, C.LEDGER_NOT_ANCHORED)) == 1
    settings.TSA_URL = "https://tsa.example.org/"
    assert listed(world, C.LEDGER_NOT_ANCHORED) == []


def test_the_checks_take_the_same_queries_however_many_models(
    world: World, officer: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    few = count_queries(lambda: pre_audit_checks(world.assessment))
    for n in range(5):
        records.model_version(world.assessment.system, f"more-{n}", "1", actor=officer)
    assert ModelVersion.objects.count() > 5
    assert count_queries(lambda: pre_audit_checks(world.assessment)) == few
