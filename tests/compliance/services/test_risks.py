"""Risks move by their table alone; findings keep one history over reports; priority follows the rule or a person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from compliance.models import AISystem, Finding, LedgerEvent, Risk, RiskMove, User
from compliance.services import findings, inventory, priorities, risks
from compliance.services.errors import RefusedError
from compliance.services.risk_steps import step
from compliance.types.applicability import LegalRole, RiskClass, Standing
from compliance.types.risk_priority import Priority
from compliance.types.risk_transitions import By, RiskAct
from compliance.types.states import RiskState, Severity
from compliance.types.verdicts import StageVerdict
from tests.compliance import records
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db
FOUND, GONE = StageVerdict.EVIDENCE_FOUND, StageVerdict.NO_EVIDENCE_AT_POWER


def scanned(world: World, verdict: StageVerdict, day: int, actor: User) -> Finding:
    """One more scan of the tuned model, some days after the first."""
    at = records.LONG_AGO + timedelta(days=day)
    records.observed(world.tuned, verdict, at=at, actor=actor)
    return Finding.objects.get(pk=world.finding.pk)


def risk_of(world: World) -> Risk:
    return Risk.objects.get(finding=world.finding)


def test_work_takes_the_risk_up(world: World, manager: User) -> None:
    assert risk_of(world).state == RiskState.REMEDIATING
    acts = RiskMove.objects.filter(risk=risk_of(world)).values_list("act", flat=True)
    assert list(acts) == [RiskAct.IDENTIFY, RiskAct.REMEDIATE]
    assert LedgerEvent.objects.filter(kind="risk.taken_up", subject_uuid=risk_of(world).uuid).count() == 1


def test_somebody_looks_into_a_finding_and_puts_it_back(world: World, officer: User) -> None:
    fresh = records.finding_of(records.observed(world.base, FOUND, actor=officer))
    risk = risks.investigate(finding=fresh, actor=officer)
    assert risk.state == RiskState.INVESTIGATING
    with pytest.raises(RefusedError, match="Say why"):
        risks.put_back(risk=risk, words=" ", actor=officer)
    assert risks.put_back(risk=risk, words="No time.", actor=officer).state == RiskState.OPEN


def test_a_risk_with_open_work_is_not_put_back(world: World, officer: User) -> None:
    with pytest.raises(RefusedError, match="Work on this risk is open"):
        risks.put_back(risk=risk_of(world), words="No time.", actor=officer)


def test_what_the_table_does_not_have_is_refused(world: World, officer: User) -> None:
    with pytest.raises(RefusedError, match="not possible now"):
        step(risk=risk_of(world), act=RiskAct.REOPEN, by=By.PERSON, actor=officer)
    with pytest.raises(RefusedError, match="not possible now"):
        step(risk=risk_of(world), act=RiskAct.CLOSE, by=By.RECORD, actor=None)
    assert risk_of(world).state == RiskState.REMEDIATING


def test_a_satisfied_finding_carries_no_risk(world: World, officer: User) -> None:
    fresh = records.finding_of(records.observed(world.base, GONE, actor=officer))
    with pytest.raises(RefusedError, match="no risk"):
        risks.investigate(finding=fresh, actor=officer)


def test_a_finding_keeps_its_history_over_reports(world: World, officer: User) -> None:
    seen = [world.finding.sighting]
    for day, verdict in enumerate((FOUND, GONE, GONE, FOUND, FOUND, GONE, FOUND), start=1):
        seen.append(scanned(world, verdict, day, officer).sighting)
    assert seen == ["new", "unchanged", "fixed", "fixed", "reappeared", "unchanged", "fixed", "reappeared"]
    assert Finding.objects.get(pk=world.finding.pk).reappearances == 2


def test_the_same_observation_again_is_no_second_sighting(world: World, officer: User) -> None:
    findings.conclude(observations=[world.observation], actor=officer)
    world.finding.refresh_from_db()
    assert (world.finding.sighting, world.finding.reappearances) == ("new", 0)


def test_what_never_stood_is_neither_new_nor_fixed(world: World, officer: User) -> None:
    fresh = records.finding_of(records.observed(world.base, GONE, actor=officer))
    assert (fresh.sighting, fresh.priority_points) == ("", 0)


def test_a_finding_that_reappears_opens_its_closed_risk(world: World, officer: User) -> None:
    scanned(world, GONE, 1, officer)
    Risk.objects.filter(finding=world.finding).update(state=RiskState.CLOSED)
    before = risk_of(world).opened_at
    scanned(world, FOUND, 2, officer)
    risk = risk_of(world)
    assert risk.state == RiskState.OPEN
    assert risk.opened_at > before
    last = risk.moves.last()
    assert last is not None
    assert (last.act, last.made_by) == (RiskAct.REOPEN, None)


def test_a_closed_risk_is_opened_by_a_person_with_a_reason(world: World, officer: User) -> None:
    Risk.objects.filter(finding=world.finding).update(state=RiskState.CLOSED)
    with pytest.raises(RefusedError, match="Say why"):
        risks.reopen(risk=risk_of(world), words="", actor=officer)
    assert risks.reopen(risk=risk_of(world), words="The old model is back in use.", actor=officer).state == "open"


def test_new_work_on_a_closed_risk_opens_it(world: World, officer: User) -> None:
    Risk.objects.filter(finding=world.finding).update(state=RiskState.CLOSED)
    records.remediation_item(world.finding, owner=officer, actor=officer)
    assert risk_of(world).state == RiskState.REMEDIATING


# Priority -------------------------------------------------------------------------------------------------------------


def test_a_finding_has_a_priority_with_its_reasons(world: World) -> None:
    assert world.finding.priority_points == sum(reason["points"] for reason in world.finding.priority_reasons)
    told = {reason["factor"]: reason["value"] for reason in world.finding.priority_reasons}
    assert told == {
        "severity": "critical", "exposure": "not-assessed", "technique": "AML.T0018.000", "tier": "uncalibrated",
    }  # fmt: skip
    assert world.finding.priority == Priority.P2


def test_a_person_outranks_the_rule_until_they_give_it_back(world: World, officer: User) -> None:
    with pytest.raises(RefusedError, match="Say why"):
        priorities.set_by_hand(finding=world.finding, priority=Priority.P4, words="", actor=officer)
    priorities.set_by_hand(finding=world.finding, priority=Priority.P4, words="Not in use.", actor=officer)
    again = scanned(world, FOUND, 1, officer)
    assert (again.priority_now, again.priority, again.priority_rank) == (Priority.P4, Priority.P2, 3)
    back = priorities.set_by_hand(finding=again, priority=None, words="In use.", actor=officer)
    assert back.priority_now == Priority.P2


def test_a_person_s_severity_outranks_reports_and_takes_points_risk_and_limit_along(
    world: World, officer: User
) -> None:
    points = world.finding.priority_points
    with pytest.raises(RefusedError, match="Say why"):
        priorities.grade_by_hand(finding=world.finding, severity=Severity.LOW, words=" ", actor=officer)
    priorities.grade_by_hand(finding=world.finding, severity=Severity.LOW, words="Never served.", actor=officer)
    again = scanned(world, FOUND, 1, officer)
    assert (again.severity, again.severity_by_rule, again.severity_rank) == ("low", "critical", 3)
    assert again.priority_points == points - 30
    assert again.priority_points == sum(reason["points"] for reason in again.priority_reasons)
    assert risk_of(world).severity == "low"
    back = priorities.grade_by_hand(finding=again, severity=None, words="It is served.", actor=officer)
    assert (back.severity, back.severity_by_hand, back.priority_points) == ("critical", "", points)
    assert risk_of(world).severity == "critical"
    told = LedgerEvent.objects.filter(kind="finding.severity_set", subject_uuid=back.uuid)
    assert [entry.entry.payload["after"] for entry in told.order_by("pk")] == ["low", "critical"]


def test_the_class_of_the_system_changes_the_priority_of_what_stands(
    world: World, system: AISystem, officer: User
) -> None:
    before = world.finding.priority_points
    standing = Standing(roles=frozenset({LegalRole.DEPLOYER}), risk_class=RiskClass.HIGH_RISK_ANNEX_III)
    inventory.state_standing(system=system, standing=standing, reason="Our counsel.", actor=officer)
    world.finding.refresh_from_db()
    assert world.finding.priority_points == before + 5
    assert world.finding.priority_points == sum(reason["points"] for reason in world.finding.priority_reasons)
