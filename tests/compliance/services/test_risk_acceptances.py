"""Risk acceptances: asked for by one, decided by another, over after their last day on every path."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from compliance.models import AISystem, Finding, ImplementedControl, Risk, RiskAcceptance, User
from compliance.selectors.risk_pages import ACCEPTANCES, in_state
from compliance.services import controls, findings, risk_acceptances, risks
from compliance.services.errors import RefusedError
from compliance.services.nightly import STEPS as NIGHTLY
from compliance.services.risk_acceptances import AcceptanceDraft
from compliance.types.risk_life import AgreementState
from compliance.types.states import RiskState
from compliance.types.verdicts import Conclusion, StageVerdict
from tests.compliance import records
from tests.compliance.conftest import World
from tests.days import in_days

pytestmark = pytest.mark.django_db


def drafted(*, ends: int = 60, review: int = 30, **words: Any) -> AcceptanceDraft:
    """What is asked for, its last day and its review so many days from today."""
    said = {"reason": "Only a demonstration uses it.", "compensation": "It answers no customer."} | words
    return AcceptanceDraft(ends_on=in_days(ends), review_on=in_days(review), **said)


@pytest.fixture
def control(world: World, system: AISystem, officer: User) -> ImplementedControl:
    return controls.adopt(system=system, terms=records.control_terms("BDM-14"), owner=officer, actor=officer)


@pytest.fixture
def asked(world: World, officer: User) -> RiskAcceptance:
    return risk_acceptances.request(finding=world.finding, draft=drafted(), actor=officer)


@pytest.fixture
def agreed(asked: RiskAcceptance, manager: User) -> RiskAcceptance:
    return risk_acceptances.approve(acceptance=asked, words="For the demonstration.", actor=manager)


def risk_of(world: World) -> Risk:
    return Risk.objects.get(finding=world.finding)


def over(acceptance: RiskAcceptance) -> None:
    """As if its last day had been yesterday."""
    yesterday = in_days(-1)
    RiskAcceptance.objects.filter(pk=acceptance.pk).update(ends_on=yesterday, review_on=yesterday)
    Risk.objects.filter(pk=acceptance.risk_id).update(accepted_until=yesterday)
    acceptance.refresh_from_db()


def test_one_asks_and_another_approves(world: World, asked: RiskAcceptance, officer: User, manager: User) -> None:
    assert risk_of(world).state == RiskState.DEVIATION_REQUESTED
    with pytest.raises(RefusedError, match="somebody else"):
        risk_acceptances.approve(acceptance=asked, words="", actor=officer)
    agreed = risk_acceptances.approve(acceptance=asked, words="", actor=manager)
    assert (agreed.state, agreed.decided_by) == ("approved", manager)
    assert (risk_of(world).state, risk_of(world).accepted_until) == (RiskState.DEVIATION_APPROVED, in_days(60))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reason": " "}, "Say why"),
        ({"ends": 0}, "after today"),
        ({"ends": 367}, "more than a year"),
        ({"review": 0}, "review has to be after today"),
        ({"review": 61}, "not after the last day"),
        ({"compensation": ""}, "Name the controls"),
    ],
)
def test_what_is_not_whole_is_refused(world: World, officer: User, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        risk_acceptances.request(finding=world.finding, draft=drafted(**changes), actor=officer)
    assert not RiskAcceptance.objects.exists()
    assert risk_of(world).state == RiskState.REMEDIATING


def test_controls_compensate_where_they_are_of_the_same_system(
    world: World, control: ImplementedControl, officer: User
) -> None:
    draft = drafted(controls=[control])
    with pytest.raises(RefusedError, match="another AI system"):
        risk_acceptances.request(finding=world.other_finding, draft=draft, actor=officer)
    made = risk_acceptances.request(
        finding=world.finding, draft=drafted(controls=[control], compensation=""), actor=officer
    )
    assert list(made.controls.all()) == [control]


def test_asked_twice_is_refused(world: World, asked: RiskAcceptance, manager: User) -> None:
    with pytest.raises(RefusedError, match="asked for already"):
        risk_acceptances.request(finding=world.finding, draft=drafted(), actor=manager)


def test_a_refusal_says_why_and_work_goes_on(world: World, asked: RiskAcceptance, manager: User) -> None:
    with pytest.raises(RefusedError, match="Say why"):
        risk_acceptances.refuse(acceptance=asked, words="", actor=manager)
    risk_acceptances.refuse(acceptance=asked, words="It is in use.", actor=manager)
    assert risk_of(world).state == RiskState.REMEDIATING
    with pytest.raises(RefusedError, match="Refused"):
        risk_acceptances.approve(acceptance=asked, words="", actor=manager)


def test_only_whoever_asked_withdraws(world: World, asked: RiskAcceptance, officer: User, manager: User) -> None:
    with pytest.raises(RefusedError, match="Only whoever asked"):
        risk_acceptances.withdraw(acceptance=asked, actor=manager)
    assert risk_acceptances.withdraw(acceptance=asked, actor=officer).state == "withdrawn"
    assert risk_of(world).state == RiskState.REMEDIATING


def test_a_review_stays_within_the_time_agreed(agreed: RiskAcceptance, officer: User, manager: User) -> None:
    later = in_days(50)
    with pytest.raises(RefusedError, match="somebody else"):
        risk_acceptances.review(acceptance=agreed, words="Looked.", review_on=later, actor=officer)
    with pytest.raises(RefusedError, match="not after the last day"):
        risk_acceptances.review(acceptance=agreed, words="Looked.", review_on=in_days(61), actor=manager)
    done = risk_acceptances.review(acceptance=agreed, words="Still no customer.", review_on=later, actor=manager)
    assert (done.review_on, done.reviewed_by, done.ends_on) == (later, manager, in_days(60))


def test_asking_for_longer_ends_what_was_agreed(world: World, agreed: RiskAcceptance, officer: User) -> None:
    longer = drafted(ends=200)
    anew = risk_acceptances.request(finding=world.finding, draft=longer, actor=officer)
    agreed.refresh_from_db()
    assert (agreed.state, anew.state) == ("replaced", "requested")
    assert risk_of(world).state == RiskState.DEVIATION_REQUESTED


def test_reports_speak_again_when_an_acceptance_is_revoked(world: World, agreed: RiskAcceptance, manager: User) -> None:
    at = records.LONG_AGO + timedelta(days=1)
    records.observed(world.tuned, StageVerdict.NO_EVIDENCE_AT_POWER, at=at, actor=manager)
    world.finding.refresh_from_db()
    assert world.finding.state == Conclusion.NOT_SATISFIED
    risk_acceptances.revoke(acceptance=agreed, words="Replaced.", actor=manager)
    world.finding.refresh_from_db()
    assert (world.finding.state, world.finding.sighting) == (Conclusion.SATISFIED, "fixed")


# Over by its date, on every path ----------------------------------------------------------------------------------------


def by_night(world: World, _acceptance: RiskAcceptance, _actor: User) -> None:
    NIGHTLY["agreements"](timezone.now())


def by_import(world: World, _acceptance: RiskAcceptance, actor: User) -> None:
    records.observed(world.tuned, StageVerdict.EVIDENCE_FOUND, at=records.LONG_AGO + timedelta(days=1), actor=actor)


def by_import_of_something_else(world: World, _acceptance: RiskAcceptance, actor: User) -> None:
    records.observed(world.base, StageVerdict.EVIDENCE_FOUND, actor=actor)


def by_a_decision(_world: World, acceptance: RiskAcceptance, actor: User) -> None:
    with pytest.raises(RefusedError, match="Expired"):
        risk_acceptances.revoke(acceptance=acceptance, words="Too late.", actor=actor)


def by_new_work(world: World, _acceptance: RiskAcceptance, actor: User) -> None:
    records.remediation_item(world.finding, owner=actor, actor=actor)


PATHS = [by_night, by_import, by_import_of_something_else, by_a_decision, by_new_work]


@pytest.mark.parametrize("path", PATHS)
def test_an_acceptance_that_is_over_opens_its_risk(
    world: World, agreed: RiskAcceptance, manager: User, path: Callable[[World, RiskAcceptance, User], None]
) -> None:
    over(agreed)
    path(world, agreed, manager)
    agreed.refresh_from_db()
    assert agreed.state == AgreementState.EXPIRED
    assert risk_of(world).state == RiskState.REMEDIATING  # work on it is open


def test_nothing_reads_what_is_over_as_in_force(world: World, agreed: RiskAcceptance) -> None:
    over(agreed)
    assert (agreed.state, agreed.state_now) == ("approved", "expired")
    assert risk_of(world).state_now == RiskState.OPEN
    assert not Finding.objects.filter(findings.is_judged()).exists()
    assert not in_state(ACCEPTANCES, "living").exists()
    assert in_state(ACCEPTANCES, "expired").get() == agreed


def test_the_last_day_still_counts(world: World, agreed: RiskAcceptance) -> None:
    RiskAcceptance.objects.update(ends_on=in_days(0))
    Risk.objects.filter(pk=agreed.risk_id).update(accepted_until=in_days(0))
    assert risk_acceptances.expire(timezone.now()) == 0
    assert risk_acceptances.expire(timezone.now() + timedelta(days=1)) == 1


def test_a_request_nobody_decided_is_over_by_its_date(world: World, asked: RiskAcceptance, manager: User) -> None:
    over(asked)
    with pytest.raises(RefusedError, match="Expired"):
        risk_acceptances.approve(acceptance=asked, words="", actor=manager)
    assert risk_of(world).state == RiskState.REMEDIATING


def test_what_a_report_said_meanwhile_counts_after_the_last_day(
    world: World, agreed: RiskAcceptance, manager: User
) -> None:
    at = records.LONG_AGO + timedelta(days=1)
    records.observed(world.tuned, StageVerdict.NO_EVIDENCE_AT_POWER, at=at, actor=manager)
    over(agreed)
    assert risk_acceptances.expire(timezone.now()) == 1
    world.finding.refresh_from_db()
    assert world.finding.state == Conclusion.SATISFIED


def test_work_may_go_on_while_the_risk_is_accepted(world: World, agreed: RiskAcceptance, manager: User) -> None:
    records.remediation_item(world.finding, owner=manager, actor=manager)
    assert risk_of(world).state == RiskState.DEVIATION_APPROVED
    with pytest.raises(RefusedError, match="not possible now"):
        risks.investigate(finding=world.finding, actor=manager)
