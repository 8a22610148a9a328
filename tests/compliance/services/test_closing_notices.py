"""Who is told that a closing waits and that a finding is back, who did the work, and closings of work without a finding."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from compliance.models import (
    AISystem,
    EvidenceLink,
    Framework,
    ImplementedControl,
    Notice,
    RemediationItem,
    Risk,
    SlaClock,
    StatementLine,
    User,
    Waiver,
)
from compliance.selectors import inbox
from compliance.selectors.closing_workers import confirmable
from compliance.services import (
    closing_proposals,
    closings,
    controls,
    evidence,
    remediation,
    risks,
    waivers,
    work_log,
)
from compliance.services.errors import RefusedError
from compliance.services.nightly import STEPS as NIGHTLY
from compliance.services.remediation import Origin
from compliance.services.work_log import Work
from compliance.types.notices import NoticeKind
from compliance.types.plans import EffortUnit, ItemSource
from compliance.types.risk_life import ClosingBasis, ClosingState
from compliance.types.states import RemediationState, Role
from compliance.types.testing import ControlTestConclusion
from compliance.types.verdicts import StageVerdict
from tests.compliance import records
from tests.compliance.conftest import World
from tests.compliance.routes_world import limited
from tests.compliance.tests_of_controls import audit

pytestmark = pytest.mark.django_db
FOUND, GONE = StageVerdict.EVIDENCE_FOUND, StageVerdict.NO_EVIDENCE_AT_POWER


def scanned(world: World, verdict: StageVerdict, day: int = 1) -> None:
    records.observed(world.tuned, verdict, at=records.LONG_AGO + timedelta(days=day))


def told(kind: NoticeKind) -> set[User]:
    return {row.user for row in Notice.objects.filter(kind=kind, count__gt=0)}


def shown(user: User, kind: NoticeKind) -> list[str]:
    return [line.title for line in inbox.lines(inbox.inbox(user).filter(kind=kind), user) if line.is_open]


# A closing that waits --------------------------------------------------------------------------------------------------


def test_whoever_may_confirm_and_did_no_work_is_told(
    world: World, officer: User, second_officer: User, manager: User, contributor: User, auditor: User
) -> None:
    records.worked(world.item, officer, "1")
    scanned(world, GONE)
    assert told(NoticeKind.CLOSING_PROPOSED) == {manager, second_officer}
    assert shown(manager, NoticeKind.CLOSING_PROPOSED) == [f"Closing of “{world.item.title}”"]
    closing_proposals.propose(timezone.now())
    assert Notice.objects.filter(kind=NoticeKind.CLOSING_PROPOSED).count() == 2


def test_people_who_left_are_not_told(world: World, manager: User, officer: User) -> None:
    User.objects.filter(pk=manager.pk).update(is_active=False)
    scanned(world, GONE)
    assert told(NoticeKind.CLOSING_PROPOSED) == {officer}


def test_whoever_lost_the_right_is_shown_nothing_of_it(world: World, manager: User) -> None:
    scanned(world, GONE)
    User.objects.filter(pk=manager.pk).update(role=Role.ADMINISTRATOR)
    manager.refresh_from_db()
    assert shown(manager, NoticeKind.CLOSING_PROPOSED) == []


def test_what_is_decided_needs_no_mail(world: World, officer: User, manager: User) -> None:
    scanned(world, GONE)
    closings.confirm(closing=world.item.closings.get(), words="", actor=officer)
    (line,) = inbox.lines(inbox.inbox(manager).filter(kind=NoticeKind.CLOSING_PROPOSED), manager)
    assert not line.stands


def test_many_closings_at_once_are_one_line(world: World, officer: User, manager: User, contributor: User) -> None:
    for n in range(7):
        records.remediation_item(world.finding, owner=contributor, actor=officer, title=f"Part {n}")
    scanned(world, GONE)
    (line,) = Notice.objects.filter(user=manager, kind=NoticeKind.CLOSING_PROPOSED, count__gt=0)
    assert (line.count, line.place) == (8, "/closings/")


# A finding that is back ------------------------------------------------------------------------------------------------


def test_a_finding_that_is_back_is_told_to_its_owner_and_to_those_who_give_work_out(
    world: World, officer: User, manager: User, contributor: User, auditor: User
) -> None:
    scanned(world, GONE)
    assert told(NoticeKind.FINDING_BACK) == set()
    scanned(world, FOUND, day=2)
    assert told(NoticeKind.FINDING_BACK) == {officer, manager, contributor}
    scanned(world, FOUND, day=3)
    assert Notice.objects.filter(kind=NoticeKind.FINDING_BACK).count() == 3
    scanned(world, GONE, day=4)
    (line,) = inbox.lines(inbox.inbox(manager).filter(kind=NoticeKind.FINDING_BACK), manager)
    assert not line.stands


def test_an_owner_who_is_no_longer_on_the_system_is_not_told(world: World, contributor: User) -> None:
    scanned(world, GONE)
    contributor.memberships.all().delete()
    scanned(world, FOUND, day=2)
    assert contributor not in told(NoticeKind.FINDING_BACK)


def test_what_is_waived_is_not_told_as_back(world: World, system: AISystem, officer: User, manager: User) -> None:
    scanned(world, GONE)
    ends_on = timezone.localdate() + timedelta(days=20)
    waiver = waivers.request(
        system=system, producer="assay", rule="trigger_inversion", assets="", reason="Known.", ends_on=ends_on,
        actor=officer,
    )  # fmt: skip
    waivers.approve(waiver=waiver, words="", actor=manager)
    assert Waiver.objects.get().findings.exists()
    scanned(world, FOUND, day=2)
    assert told(NoticeKind.FINDING_BACK) == set()


# Who did the work ------------------------------------------------------------------------------------------------------


def test_whoever_is_on_the_work_log_does_not_confirm_nor_whoever_wrote_it(
    world: World, officer: User, manager: User, second_officer: User
) -> None:
    work = Work(
        person=manager, day=timezone.localdate(), amount=Decimal(1), unit=EffortUnit.DAYS, what="Retrained the model"
    )
    entry = work_log.log(item=world.item, work=work, actor=officer)
    work_log.reverse(entry=entry, why="Washed off.", actor=officer)
    scanned(world, GONE)
    closing = world.item.closings.get()
    for person in (manager, officer):
        assert not confirmable(person).exists()
        with pytest.raises(RefusedError, match="somebody else"):
            closings.confirm(closing=closing, words="", actor=person)
    assert list(confirmable(second_officer)) == [closing]
    closings.confirm(closing=closing, words="", actor=second_officer)


def test_whoever_reached_a_step_does_not_confirm(world: World, manager: User, second_officer: User) -> None:
    step = world.item.milestones.all()[0]
    remediation.complete_milestone(milestone=step, actor=manager)
    scanned(world, GONE)
    with pytest.raises(RefusedError, match="somebody else"):
        closings.confirm(closing=world.item.closings.get(), words="", actor=manager)
    assert confirmable(second_officer).exists()


# A model that was replaced ---------------------------------------------------------------------------------------------


def test_the_clock_ends_when_the_risk_of_a_replaced_model_is_closed_and_begins_when_it_is_open_again(
    world: World, system: AISystem, contributor: User, officer: User, administrator: User
) -> None:
    limited(officer, administrator)
    clock = SlaClock.objects.get(finding=world.finding, ended_at=None)
    successor = records.model_version(system, "digits", "3", actor=contributor)
    records.observed(successor, GONE, at=records.LONG_AGO + timedelta(days=2))
    closings.confirm(closing=world.item.closings.get(), words="Version 2 is withdrawn.", actor=officer)
    clock.refresh_from_db()
    assert clock.ended_at is not None
    NIGHTLY["clocks"](timezone.now())
    assert not SlaClock.objects.filter(finding=world.finding, ended_at=None).exists()
    risks.reopen(risk=Risk.objects.get(finding=world.finding), words="Version 2 is in use again.", actor=officer)
    assert SlaClock.objects.get(finding=world.finding, ended_at=None).started_at > clock.ended_at


# Work without a finding ------------------------------------------------------------------------------------------------


def gap(world: World, owner: User, actor: User, **origin: object) -> RemediationItem:
    given = Origin(system=world.finding.system, **origin)  # type: ignore[arg-type]  # the tests name fields of the class
    return remediation.open_item(
        origin=given, plan=records.item_plan(owner=owner, due_on=date(2099, 1, 1), title="Keep a list"), actor=actor
    )


def attached(item: RemediationItem, by: User, content: bytes = b"the list") -> EvidenceLink:
    piece = records.evidence(item.system, content, actor=by)
    return evidence.link(evidence=piece, target=item, actor=by)


@pytest.fixture
def control(world: World, system: AISystem, officer: User) -> ImplementedControl:
    return controls.adopt(system=system, terms=records.control_terms("BDM-14"), owner=officer, actor=officer)


def test_a_task_of_the_playbook_closes_on_newer_evidence_and_another_persons_word(
    world: World, contributor: User, officer: User, manager: User
) -> None:
    old = records.evidence(world.finding.system, b"from last year", actor=officer)
    item = gap(world, contributor, officer, source=ItemSource.PLAYBOOK, playbook_task="sign-models")
    evidence.link(evidence=old, target=item, actor=contributor)
    with pytest.raises(RefusedError, match="newer than the item"):
        closings.ask(item=item, actor=contributor)
    attached(item, manager)
    closing = closings.ask(item=item, actor=contributor)
    assert [ground["kind"] for ground in closing.basis] == [ClosingBasis.EXAMINATION]
    for person in (contributor, manager):  # who asked, and who brought the only evidence
        with pytest.raises(RefusedError, match="somebody else"):
            closings.confirm(closing=closing, words="", actor=person)
    closings.confirm(closing=closing, words="Read it.", actor=officer)
    item.refresh_from_db()
    assert item.state == RemediationState.CLOSED


def test_the_night_proposes_such_work_once_it_is_called_done(
    world: World, contributor: User, officer: User, manager: User
) -> None:
    item = gap(world, contributor, officer, source=ItemSource.PLAYBOOK, playbook_task="sign-models")
    link = attached(item, contributor)
    NIGHTLY["closings"](timezone.now())
    assert not item.closings.exists()
    remediation.move(item=item, state=RemediationState.DONE, actor=contributor)
    assert NIGHTLY["closings"](timezone.now()) == {"proposed": 1}
    assert told(NoticeKind.CLOSING_PROPOSED) == {officer, manager}
    type(link.evidence).objects.filter(pk=link.evidence.pk).update(state="rejected")
    NIGHTLY["closings"](timezone.now())
    assert item.closings.get().state == ClosingState.LAPSED


def test_evidence_of_the_control_closes_the_gap_of_the_control(
    world: World, control: ImplementedControl, contributor: User, officer: User
) -> None:
    item = gap(world, contributor, officer, source=ItemSource.CONTROL_GAP, control=control)
    piece = records.evidence(control.system, b"it works now", actor=contributor)
    evidence.link(evidence=piece, target=control, actor=contributor)
    assert closings.ask(item=item, actor=contributor).basis[0]["records"] == [str(piece.uuid)]


def test_a_line_of_the_statement_has_to_say_that_it_is_implemented(
    world: World, contributor: User, officer: User
) -> None:
    framework = Framework.objects.create(key="iso", title="ISO")
    line = StatementLine.objects.create(
        framework=framework, system=world.finding.system, requirement_id="A.6.2", inclusion="included",
        implementation="planned", written_by=officer, written_at=timezone.now(),
    )  # fmt: skip
    item = gap(world, contributor, officer, source=ItemSource.CONTROL_GAP, statement_line=line)
    attached(item, contributor)
    with pytest.raises(RefusedError, match="still says that iso"):
        closings.ask(item=item, actor=contributor)
    StatementLine.objects.filter(pk=line.pk).update(implementation="implemented")
    assert closings.ask(item=item, actor=contributor).state == ClosingState.PROPOSED


def test_a_test_that_fails_again_keeps_the_gap_open(
    world: World, auditor: User, contributor: User, officer: User
) -> None:
    audited = audit(world, auditor, officer)
    now = timezone.now()
    failed = {"conclusion": ControlTestConclusion.NOT_EFFECTIVE, "released_at": now}
    type(audited.test).objects.filter(pk=audited.test.pk).update(**failed)
    audited.test.refresh_from_db()
    item = gap(world, contributor, officer, source=ItemSource.CONTROL_GAP, control_test=audited.test)
    attached(item, contributor)
    type(audited.test).objects.filter(pk=audited.test.pk).update(released_at=timezone.now())
    with pytest.raises(RefusedError, match="still falls short"):
        closings.ask(item=item, actor=contributor)
    type(audited.test).objects.filter(pk=audited.test.pk).update(conclusion=ControlTestConclusion.EFFECTIVE)
    assert closings.ask(item=item, actor=contributor).state == ClosingState.PROPOSED
