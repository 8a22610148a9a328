"""Reminders of requests: before and on the day by the owner's clock, once, in one message a person a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail

from compliance.models import AuditRequest, Engagement, RequestReminder, User
from compliance.services import audit_requests, reminders
from compliance.services.audit_requests import RequestDraft
from compliance.tasks import remind_of_requests
from compliance.types.audit_requests import Nearness, RequestState, nearness
from tests.compliance.conftest import World

DUE = date(2026, 12, 10)


@pytest.fixture
def engagement(world: World) -> Engagement:
    return Engagement.objects.get()


def asked(
    engagement: Engagement, owner: User | None, due_on: date | None = DUE, title: str = "Secret list"
) -> AuditRequest:
    draft = RequestDraft(title=title, owner=owner, due_on=due_on)
    return audit_requests.ask(engagement=engagement, draft=draft, actor=User.objects.get(role="officer"))


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
    sent = [reminders.remind(now=at(day, hour)) for day in range(5, 15) for hour in (8, 12, 18)]
    assert sum(sent) == 2
    assert [row.nearness for row in RequestReminder.objects.all()] == ["soon", "due"]
    assert all(message.to == [contributor.email] for message in mail.outbox)
    assert "is due on 2026-12-10" in mail.outbox[0].body
    assert "was to be answered by 2026-12-10" in mail.outbox[1].body


def test_many_requests_are_one_message_without_their_titles(engagement: Engagement, contributor: User) -> None:
    for _n in range(60):
        asked(engagement, contributor)
    assert reminders.remind(now=at(10)) == 1
    (message,) = mail.outbox
    assert message.subject == "Assay: 60 requests of auditors need you"
    assert "… and 10 more." in message.body
    assert "Secret" not in message.body
    assert "http://localhost:8000/requests/?mine=on" in message.body


def test_a_second_reminder_waits_for_the_next_day(engagement: Engagement, contributor: User) -> None:
    asked(engagement, contributor)
    assert reminders.remind(now=at(10, 8)) == 1
    asked(engagement, contributor)
    assert reminders.remind(now=at(10, 20)) == 0
    assert reminders.remind(now=at(11, 8)) == 1


def test_the_day_is_that_of_the_owners_clock(engagement: Engagement, contributor: User, officer: User) -> None:
    User.objects.filter(pk=contributor.pk).update(time_zone="Pacific/Auckland")  # thirteen hours ahead
    User.objects.filter(pk=officer.pk).update(time_zone="America/Los_Angeles")  # eight hours behind
    for owner in (contributor, officer):
        asked(engagement, owner)
    reminders.remind(now=at(6, 18))  # the 7th, 7 o'clock, in Auckland; the 6th, 10 o'clock, in Los Angeles
    assert [message.to for message in mail.outbox] == [[contributor.email]]


def test_nobody_is_woken(engagement: Engagement, contributor: User) -> None:
    asked(engagement, contributor)
    assert reminders.remind(now=at(10, 5)) == 0
    assert RequestReminder.objects.filter(mailed_at=None).count() == 1
    assert reminders.remind(now=at(10, 7)) == 1


def test_what_no_longer_waits_is_not_mailed(engagement: Engagement, contributor: User) -> None:
    request = asked(engagement, contributor)
    reminders.remind(now=at(10, 5))
    audit_requests.reply(request=request, text="Here.", to=RequestState.ANSWERED, actor=contributor)
    assert reminders.remind(now=at(10, 9)) == 0
    assert mail.outbox == []


def test_another_day_is_another_reminder(engagement: Engagement, contributor: User) -> None:
    request = asked(engagement, contributor)
    reminders.remind(now=at(10))
    AuditRequest.objects.filter(pk=request.pk).update(due_on=DUE + timedelta(days=10))
    assert reminders.remind(now=at(15)) == 0
    assert reminders.remind(now=at(18)) == 1


def test_without_an_owner_the_contact_is_told_and_else_nobody(engagement: Engagement, manager: User) -> None:
    asked(engagement, None)
    assert reminders.remind(now=at(10)) == 0
    Engagement.objects.update(contact=manager)
    assert reminders.remind(now=at(10)) == 1
    assert mail.outbox[0].to == [manager.email]


def test_people_who_left_and_requests_without_a_day_are_passed_over(engagement: Engagement, contributor: User) -> None:
    asked(engagement, contributor, None)
    asked(engagement, contributor)
    User.objects.filter(pk=contributor.pk).update(is_active=False)
    assert reminders.remind(now=at(10)) == 0


def test_a_mail_server_that_fails_is_asked_again(
    engagement: Engagement, contributor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(engagement, contributor)

    def down(*_arguments: object) -> int:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr(reminders, "send_mail", down)
        with pytest.raises(ConnectionRefusedError):
            reminders.remind(now=at(10))
    assert reminders.remind(now=at(10)) == 1


def test_the_scheduled_job_reminds(engagement: Engagement, contributor: User) -> None:
    asked(engagement, contributor, date(2020, 1, 1))
    remind_of_requests()
    assert RequestReminder.objects.get().user == contributor
