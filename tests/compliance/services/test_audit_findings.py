"""Auditors' findings: from an exception over management's response to the follow-up, by the table of transitions alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import product

import pytest

from compliance.models import AttributeResult, AuditFinding, AuditFindingEntry, Evidence, User
from compliance.rights import visible
from compliance.services import audit_findings, closings, control_tests, samples
from compliance.services.audit_findings import AuditFindingDraft, Response
from compliance.services.errors import RefusedError
from compliance.services.samples import ResultDraft
from compliance.types.states import Role
from compliance.types.testing import (
    FINDING_STEPS,
    Agreement,
    AuditFindingAct,
    AuditFindingState,
    InstanceResult,
    acts_from,
)
from tests.compliance import records, tests_of_controls
from tests.compliance.conftest import World, person
from tests.compliance.tests_of_controls import Audit

pytestmark = pytest.mark.django_db
DRAFT = AuditFindingDraft(
    title="A job ran before its approval",
    condition="One of 5 jobs started a day before it was approved.",
    criteria="Every job is approved before it starts.",
    cause="The ticket was filed late.",
    effect="A job that nobody looked at may train a model.",
    rating="High",
)
YES = Response(agreement=Agreement.AGREE, words="We agree.", action="Block jobs without a ticket.")


@pytest.fixture
def audit(world: World, auditor: User, officer: User) -> Audit:
    return tests_of_controls.audit(world, auditor, officer)


@pytest.fixture
def failed(audit: Audit, auditor: User) -> AttributeResult:
    return an_exception(audit, auditor)


def an_exception(audit: Audit, auditor: User) -> AttributeResult:
    instance = tests_of_controls.drawn(audit.test, size=5, actor=auditor)[0]
    draft = ResultDraft(attribute="A", result=InstanceResult.EXCEPTION, note="A day late.")
    return samples.record_results(instance=instance, results=[draft], actor=auditor)[0]


@pytest.fixture
def written(audit: Audit, failed: AttributeResult, auditor: User) -> AuditFinding:
    return audit_findings.write(test=audit.test, draft=replace(DRAFT, results=(failed,)), actor=auditor)


@pytest.fixture
def issued(written: AuditFinding, auditor: User) -> AuditFinding:
    return audit_findings.issue(audit_finding=written, actor=auditor)


@pytest.fixture
def response(manager: User) -> Response:
    return replace(YES, owner=manager, due_on=date(2099, 12, 20))


@pytest.fixture
def shown(world: World, officer: User) -> Evidence:
    return records.evidence(world.assessment.system, b"policy", actor=officer, filename="policy.json")


def test_from_an_exception_to_the_follow_up(
    issued: AuditFinding, response: Response, shown: Evidence, auditor: User, manager: User, officer: User
) -> None:
    answered = audit_findings.respond(audit_finding=issued, response=response, actor=manager)
    accepted = audit_findings.evaluate(audit_finding=answered, accepts=True, words="That will do.", actor=auditor)
    with pytest.raises(RefusedError, match="Closing needs evidence"):
        audit_findings.follow_up(audit_finding=accepted, is_closed=True, words="Seen.", evidence=None, actor=auditor)
    audit_findings.follow_up(audit_finding=accepted, is_closed=False, words="Not yet.", evidence=None, actor=auditor)
    closed = audit_findings.follow_up(
        audit_finding=accepted, is_closed=True, words="The gate is in place.", evidence=shown, actor=auditor
    )
    assert (closed.state, closed.closed_at is not None) == ("closed", True)
    assert list(closed.entries.values_list("act", flat=True)) == ["issue", "respond", "accept", "still_open", "close"]
    assert closed.finding is not None
    closed.finding.refresh_from_db()
    assert (closed.finding.state, closed.finding.criteria) == ("satisfied", DRAFT.criteria)


def test_an_issued_finding_stands_in_the_record_of_findings(issued: AuditFinding, audit: Audit) -> None:
    finding = issued.finding
    assert finding is not None
    assert (finding.state, finding.severity, finding.cause) == ("not-satisfied", "high", DRAFT.cause)
    assert finding.target in audit.control.references.all()
    assert [one.producer for one in finding.observations.all()] == ["auditor"]


def test_a_response_may_open_a_remediation_item_which_the_follow_up_lets_close(
    issued: AuditFinding, response: Response, shown: Evidence, auditor: User, manager: User, officer: User
) -> None:
    answered = audit_findings.respond(
        audit_finding=issued, response=replace(response, effort=Decimal(3)), actor=manager
    )
    item = answered.item
    assert item is not None
    assert (item.title, item.owner, item.due_on) == (YES.action, manager, date(2099, 12, 20))
    with pytest.raises(RefusedError, match="still stands"):
        closings.ask(item=item, actor=manager)
    audit_findings.evaluate(audit_finding=answered, accepts=True, words="Good.", actor=auditor)
    audit_findings.follow_up(audit_finding=answered, is_closed=True, words="Seen.", evidence=shown, actor=auditor)
    closing = item.closings.get()
    assert closing.basis[0]["kind"] == "audit"
    closings.confirm(closing=closing, words="", actor=officer)
    item.refresh_from_db()
    assert item.state == "closed"


def test_a_draft_is_the_auditors_alone(written: AuditFinding, auditor: User, officer: User, contributor: User) -> None:
    rows = (AuditFinding.objects.all(), AuditFindingEntry.objects.all())
    assert [visible(one, officer).exists() or visible(one, contributor).exists() for one in rows] == [False, False]
    audit_findings.issue(audit_finding=written, actor=auditor)
    assert all(visible(one, officer).exists() and visible(one, contributor).exists() for one in rows)


def test_an_issued_finding_no_longer_changes(issued: AuditFinding, auditor: User) -> None:
    with pytest.raises(RefusedError, match="no longer changes"):
        audit_findings.rewrite(audit_finding=issued, draft=DRAFT, actor=auditor)


@pytest.mark.parametrize("agreement", [Agreement.AGREE, Agreement.PARTLY])
def test_whoever_agrees_names_action_owner_and_day(issued: AuditFinding, manager: User, agreement: Agreement) -> None:
    with pytest.raises(RefusedError, match="Name the action"):
        audit_findings.respond(audit_finding=issued, response=replace(YES, agreement=agreement), actor=manager)
    disagrees = replace(YES, agreement=Agreement.DISAGREE, words="It was a drill.", action="")
    assert audit_findings.respond(audit_finding=issued, response=disagrees, actor=manager).agreement == "disagree"


def test_a_response_that_is_sent_back_is_given_again(
    issued: AuditFinding, response: Response, auditor: User, manager: User
) -> None:
    answered = audit_findings.respond(audit_finding=issued, response=response, actor=manager)
    with pytest.raises(RefusedError, match="Say why"):
        audit_findings.evaluate(audit_finding=answered, accepts=False, words=" ", actor=auditor)
    back = audit_findings.evaluate(audit_finding=answered, accepts=False, words="By whom?", actor=auditor)
    assert back.state == "issued"
    again = audit_findings.respond(
        audit_finding=back, response=replace(response, due_on=date(2026, 12, 24)), actor=manager
    )
    assert again.action_due_on == date(2026, 12, 24)


def test_a_withdrawn_finding_stays_on_record_and_stands_no_more(issued: AuditFinding, auditor: User) -> None:
    gone = audit_findings.withdraw(audit_finding=issued, words="The job was a drill.", actor=auditor)
    assert gone.state == "withdrawn"
    assert gone.finding is not None
    gone.finding.refresh_from_db()
    assert gone.finding.state == "satisfied"


def test_the_same_control_and_attribute_failing_again_is_a_repeat(
    issued: AuditFinding, audit: Audit, world: World, auditor: User, officer: User
) -> None:
    draft = records.audit(auditor, [world.assessment], title="Testing 2027")
    second = tests_of_controls.opened(draft, lead=auditor, second=audit.reviewer, actor=officer)
    test = tests_of_controls.planned(second, audit.control, actor=auditor)
    instance = control_tests.add_instance(test=test, name="job-1", description="The first.", actor=auditor)
    for attribute, repeats in (("A", issued), ("B", None)):
        result = samples.record_results(
            instance=instance,
            results=[ResultDraft(attribute=attribute, result=InstanceResult.EXCEPTION, note="Again.")],
            actor=auditor,
        )[0]
        row = audit_findings.write(test=test, draft=replace(DRAFT, results=(result,)), actor=auditor)
        assert row.repeats == repeats


# Who, and in which order --------------------------------------------------------------------------------------------


Doer = Callable[[AuditFinding, User], AuditFinding]


def doers(response: Response, shown: Evidence) -> dict[AuditFindingAct, Doer]:
    act = AuditFindingAct
    return {
        act.ISSUE: lambda row, who: audit_findings.issue(audit_finding=row, actor=who),
        act.RESPOND: lambda row, who: audit_findings.respond(audit_finding=row, response=response, actor=who),
        act.SEND_BACK: lambda row, who: audit_findings.evaluate(audit_finding=row, accepts=False, words="w", actor=who),
        act.ACCEPT: lambda row, who: audit_findings.evaluate(audit_finding=row, accepts=True, words="w", actor=who),
        act.WITHDRAW: lambda row, who: audit_findings.withdraw(audit_finding=row, words="w", actor=who),
        act.STILL_OPEN: lambda row, who: audit_findings.follow_up(
            audit_finding=row, is_closed=False, words="w", evidence=None, actor=who
        ),
        act.CLOSE: lambda row, who: audit_findings.follow_up(
            audit_finding=row, is_closed=True, words="w", evidence=shown, actor=who
        ),
    }


def test_whatever_the_table_does_not_have_is_refused(
    issued: AuditFinding, response: Response, shown: Evidence, auditor: User, manager: User, officer: User
) -> None:
    done = doers(response, shown)
    assert done.keys() == set(AuditFindingAct)
    for state, act in product(AuditFindingState, AuditFindingAct):
        if (state, act) in FINDING_STEPS:
            continue
        AuditFinding.objects.filter(pk=issued.pk).update(state=state)
        who = manager if act is AuditFindingAct.RESPOND else auditor
        with pytest.raises(RefusedError, match="not possible now"):
            done[act](issued, who)


def test_neither_side_does_what_is_the_others(
    issued: AuditFinding, response: Response, shown: Evidence, auditor: User, manager: User, contributor: User
) -> None:
    done = doers(response, shown)
    for (state, act), step in FINDING_STEPS.items():
        AuditFinding.objects.filter(pk=issued.pk).update(state=state)
        for who in (contributor, auditor if step.is_managements else manager):
            with pytest.raises(RefusedError, match="Only"):
                done[act](issued, who)


def test_every_state_but_the_last_ones_leads_somewhere() -> None:
    ends = [
        one for one in AuditFindingState if not acts_from(one, of_management=True) + acts_from(one, of_management=False)
    ]
    assert ends == [AuditFindingState.CLOSED, AuditFindingState.WITHDRAWN]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"title": ""}, "Give a title"),
        ({"condition": " "}, "Give a title"),
        ({"criteria": ""}, "Give a title"),
        ({"rating": "Awful"}, "has no “Awful”"),
    ],
)
def test_a_finding_that_does_not_hold_is_refused(
    audit: Audit, auditor: User, changes: dict[str, str], told: str
) -> None:
    with pytest.raises(RefusedError, match=told):
        audit_findings.write(test=audit.test, draft=replace(DRAFT, **changes), actor=auditor)  # type: ignore[arg-type]


def test_a_finding_rests_on_exceptions_of_its_own_test(audit: Audit, failed: AttributeResult, auditor: User) -> None:
    passed = samples.record_results(
        instance=failed.instance, results=[ResultDraft(attribute="B", result=InstanceResult.PASS)], actor=auditor
    )[0]
    other = tests_of_controls.planned(audit.engagement, audit.control, actor=auditor)
    for test, result in ((audit.test, passed), (other, failed)):
        with pytest.raises(RefusedError, match="exceptions of its own test"):
            audit_findings.write(test=test, draft=replace(DRAFT, results=(result,)), actor=auditor)


def test_an_auditor_of_another_engagement_does_nothing_here(issued: AuditFinding) -> None:
    with pytest.raises(RefusedError, match="Only the auditors"):
        audit_findings.withdraw(audit_finding=issued, words="Not mine.", actor=person("Sten", Role.AUDITOR))


def test_an_action_past_its_day_is_overdue(
    issued: AuditFinding, response: Response, auditor: User, manager: User
) -> None:
    late = replace(response, due_on=date.today() - timedelta(days=1))  # noqa: DTZ011 - the reader's day, as the property has it
    assert audit_findings.respond(audit_finding=issued, response=late, actor=manager).is_overdue
