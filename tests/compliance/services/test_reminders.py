"""Reminders of requests, items and steps: before and on the day by the owner's clock, once, in one message a person a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail

from compliance.models import (
    AuditRequest,
    Engagement,
    Milestone,
    Notice,
    RemediationItem,
    RiskAcceptance,
    User,
    Waiver,
)
from compliance.services import audit_requests, reminders
from compliance.services.audit_requests import RequestDraft
from compliance.tasks import remind
from compliance.types.audit_requests import Nearness, RequestState, nearness
from tests.compliance.conftest import World

DUE = date(2026, 12, 10)


@pytest.fixture
def engagement(world: World) -> Engagement:
    RemediationItem.objects.update(state="closed")  # what follows is of requests alone
    Notice.objects.all().delete()
    return Engagement.objects.get()


def asked(
    engagement: Engagement, owner: User | None, due_on: date | None = DUE, title: str = "Secret list"
) -> AuditRequest:
    draft = RequestDraft(title=title, owner=owner, due_on=due_on)
    return audit_requests.ask(engagement=engagement, draft=draft, actor=User.objects.get(role="officer"))


def sent_at(day: int, hour: int = 9) -> int:
    """How many messages a run at this moment sends."""
    return reminders.remind(now=at(day, hour)).sent


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 12, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("today", "expected"),
    [(6, None), (7, Nearness.SOON), (9, Nearness.SOON), (10, Nearness.DUE), (20, Nearness.DUE)],
)
def test_three_days_before_and_from_the_day_on(today: int, expected: Nearness | None) -> None:
    assert nearness(DUE, date(2026, 12, today)) is expected


def test_an_owner_is_told_before_and_on_the_day_and_never_twice(engagement: Engagement, contributor: User) -> None:
    asked(engagement, contributor)
    sent = [sent_at(day, hour) for day in range(5, 15) for hour in (8, 12, 18)]
    assert sum(sent) == 2
    assert [row.kind for row in Notice.objects.order_by("pk")] == ["due_soon", "overdue"]
    assert all(message.to == [contributor.email] for message in mail.outbox)
    assert "Due soon: 1\n- due 2026-12-10: http" in mail.outbox[0].body
    assert "Due or overdue: 1\n- due 2026-12-10: http" in mail.outbox[1].body


def test_many_requests_are_one_message_without_their_titles(engagement: Engagement, contributor: User) -> None:
    for _n in range(60):
        asked(engagement, contributor)
    assert sent_at(10) == 1
    (message,) = mail.outbox
    assert message.subject == "Assay: 60 things need you"
    assert "60 together: http://localhost:8000/requests/?mine=on" in message.body
    assert "Secret" not in message.body


def test_a_second_reminder_waits_for_the_next_day(engagement: Engagement, contributor: User) -> None:
    asked(engagement, contributor)
    assert sent_at(10, 8) == 1
    asked(engagement, contributor)
    assert sent_at(10, 20) == 0
    assert sent_at(11, 8) == 1


def test_the_day_is_that_of_the_owners_clock(engagement: Engagement, contributor: User, officer: User) -> None:
    User.objects.filter(pk=contributor.pk).update(time_zone="Pacific/Auckland")  # thirteen hours ahead
    User.objects.filter(pk=officer.pk).update(time_zone="America/Los_Angeles")  # eight hours behind
    for owner in (contributor, officer):
        asked(engagement, owner)
    reminders.remind(now=at(6, 18))  # the 7th, 7 o'clock, in Auckland; the 6th, 10 o'clock, in Los Angeles
    assert [message.to for message in mail.outbox] == [[contributor.email]]


def test_nobody_is_woken(engagement: Engagement, contributor: User) -> None:
    asked(engagement, contributor)
    assert sent_at(10, 5) == 0
    assert Notice.objects.filter(mailed_at=None).count() == 1
    assert sent_at(10, 7) == 1


def test_what_no_longer_waits_is_not_mailed(engagement: Engagement, contributor: User) -> None:
    request = asked(engagement, contributor)
    reminders.remind(now=at(10, 5))
    audit_requests.reply(request=request, text="Here.", to=RequestState.ANSWERED, actor=contributor)
    assert sent_at(10, 9) == 0
    assert mail.outbox == []


def test_another_day_is_another_reminder(engagement: Engagement, contributor: User) -> None:
    request = asked(engagement, contributor)
    reminders.remind(now=at(10))
    AuditRequest.objects.filter(pk=request.pk).update(due_on=DUE + timedelta(days=10))
    assert sent_at(15) == 0
    assert sent_at(18) == 1


def test_without_an_owner_the_contact_is_told_and_else_nobody(engagement: Engagement, manager: User) -> None:
    asked(engagement, None)
    assert sent_at(10) == 0
    Engagement.objects.update(contact=manager)
    assert sent_at(10) == 1
    assert mail.outbox[0].to == [manager.email]


def test_people_who_left_and_requests_without_a_day_are_passed_over(engagement: Engagement, contributor: User) -> None:
    asked(engagement, contributor, None)
    asked(engagement, contributor)
    User.objects.filter(pk=contributor.pk).update(is_active=False)
    assert sent_at(10) == 0


def test_the_scheduled_job_reminds(engagement: Engagement, contributor: User) -> None:
    asked(engagement, contributor, date(2020, 1, 1))
    remind()
    assert Notice.objects.filter(user=contributor, due_on=date(2020, 1, 1)).count() == 1


# Remediation ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def item(world: World) -> RemediationItem:
    RemediationItem.objects.exclude(pk=world.item.pk).update(state="closed")
    Milestone.objects.all().delete()
    RemediationItem.objects.filter(pk=world.item.pk).update(due_on=DUE, state="open")
    world.item.refresh_from_db()
    Notice.objects.all().delete()
    return world.item


def test_the_owner_of_an_item_is_told_before_and_on_its_day(item: RemediationItem) -> None:
    told = [reminders.remind(now=at(day, hour)).told for day in range(5, 15) for hour in (8, 20)]
    assert sum(told) == 2
    assert {row.user for row in Notice.objects.all()} == {item.owner}
    assert [row.subject_uuid for row in Notice.objects.all()] == [item.uuid, item.uuid]


def test_a_step_with_a_day_of_its_own_is_told_apart(item: RemediationItem) -> None:
    early = Milestone.objects.create(item=item, title="First", due_on=DUE - timedelta(days=4))
    Milestone.objects.create(item=item, title="Last", due_on=DUE)
    reminders.remind(now=at(4))
    assert [row.subject_uuid for row in Notice.objects.all()] == [early.uuid]


def test_work_that_is_done_is_not_told(item: RemediationItem) -> None:
    RemediationItem.objects.update(state="done")
    assert reminders.remind(now=at(10)).told == 0


def test_the_day_of_an_item_is_that_of_its_owners_clock(item: RemediationItem) -> None:
    User.objects.filter(pk=item.owner.pk).update(time_zone="Pacific/Auckland")
    assert reminders.remind(now=at(6, 9)).told == 0  # the 6th, 22 o'clock there
    assert reminders.remind(now=at(6, 12)).told == 1  # the 7th, 1 o'clock there


def test_an_owner_who_lost_the_system_is_told_nothing(item: RemediationItem, contributor: User) -> None:
    RemediationItem.objects.filter(pk=item.pk).update(owner=contributor)
    contributor.memberships.all().delete()
    assert reminders.remind(now=at(10)).told == 0
    assert mail.outbox == []


# Acceptances and waivers ----------------------------------------------------------------------------------------------


@pytest.fixture
def accepted(engagement: Engagement, world: World, officer: User, manager: User) -> RiskAcceptance:
    """Agreed to on the record of 2026: to be reviewed on the tenth of December, over after the twentieth."""
    row = RiskAcceptance.objects.create(
        risk=world.item.risks.get(), reason="r", review_on=DUE, ends_on=DUE + timedelta(days=10), requested_by=officer,
        decided_by=manager, state="approved",
    )  # fmt: skip
    Notice.objects.all().delete()
    return row


def told_of(row: RiskAcceptance | Waiver, kind: str, day: date) -> set[User]:
    return {one.user for one in Notice.objects.filter(kind=kind, subject_uuid=row.uuid, due_on=day)}


def test_review_and_last_day_of_an_acceptance_are_told_to_both_sides_once(
    accepted: RiskAcceptance, officer: User, manager: User
) -> None:
    for _twice in range(2):
        reminders.remind(now=at(8))
    assert told_of(accepted, "due_soon", DUE) == {officer, manager}
    assert told_of(accepted, "due_soon", accepted.ends_on) == set()
    reminders.remind(now=at(10))
    reminders.remind(now=at(18))
    assert told_of(accepted, "overdue", DUE) == {officer, manager}
    assert told_of(accepted, "due_soon", accepted.ends_on) == {officer, manager}
    assert Notice.objects.count() == 6


def test_a_review_that_was_done_needs_no_mail(accepted: RiskAcceptance, manager: User) -> None:
    reminders.remind(now=at(8, 5))
    RiskAcceptance.objects.filter(pk=accepted.pk).update(review_on=DUE + timedelta(days=9))
    assert sent_at(8, 9) == 0


def test_where_nobody_who_may_decide_is_left_the_owner_of_the_system_is_told(
    accepted: RiskAcceptance, world: World, contributor: User, manager: User, officer: User
) -> None:
    RiskAcceptance.objects.filter(pk=accepted.pk).update(requested_by=contributor)
    User.objects.filter(pk=manager.pk).update(is_active=False)
    reminders.remind(now=at(10))
    assert told_of(accepted, "overdue", DUE) == {contributor, officer}


def test_nobody_is_told_of_what_they_may_no_longer_see(
    accepted: RiskAcceptance, contributor: User, manager: User
) -> None:
    RiskAcceptance.objects.filter(pk=accepted.pk).update(requested_by=contributor)
    contributor.memberships.all().delete()
    reminders.remind(now=at(10))
    assert told_of(accepted, "overdue", DUE) == {manager}


def test_what_is_asked_for_or_over_is_not_told(accepted: RiskAcceptance) -> None:
    for state in ("requested", "expired", "revoked"):
        RiskAcceptance.objects.filter(pk=accepted.pk).update(state=state)
        reminders.remind(now=at(10))
    assert not Notice.objects.exists()


def test_the_last_day_of_a_waiver_is_told(engagement: Engagement, world: World, officer: User, manager: User) -> None:
    waiver = Waiver.objects.create(
        system=world.item.system, producer="assay", rule="pickle", reason="r", ends_on=DUE, requested_by=officer,
        decided_by=manager, state="approved",
    )  # fmt: skip
    assert sent_at(8) == 2
    assert told_of(waiver, "due_soon", DUE) == {officer, manager}
    reminders.remind(now=at(10))
    assert told_of(waiver, "overdue", DUE) == {officer, manager}
