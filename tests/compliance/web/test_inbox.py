"""Inbox, choices, calendar, time limits, webhooks and tickets as people meet them."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar

from compliance.models import (
    BusinessCalendar,
    CalendarFeed,
    MailState,
    Notice,
    NoticeChoice,
    RiskAcceptance,
    SlaPolicy,
    User,
    Waiver,
    WebhookEndpoint,
)
from compliance.services import nightly, notices
from compliance.types.notices import NoticeKind
from tests.compliance.conftest import Browse, World
from tests.compliance.routes_world import limited

Count = Callable[[Callable[[], object]], int]


def tell(world: World, user: User, count: int = 1) -> None:
    for _n in range(count):
        notices.tell(kind=NoticeKind.COMMENT, subject=world.item, people=[user], once=uuid4().hex)


@pytest.fixture
def reader(world: World, manager: User, browse: Browse) -> Client:
    Notice.objects.all().delete()
    return browse(manager)


# Inbox ----------------------------------------------------------------------------------------------------------------


def test_the_inbox_names_what_it_is_about_and_the_menu_counts_it(reader: Client, world: World, manager: User) -> None:
    tell(world, manager, 2)
    shown = reader.get(reverse("inbox")).content.decode()
    assert shown.count(world.item.title) == 2
    assert reverse("remediation-item", args=[world.item.uuid]) in shown
    assert "2 unread" in reader.get(reverse("overview")).content.decode()


def test_a_line_is_read_and_unread_again(reader: Client, world: World, manager: User) -> None:
    tell(world, manager)
    one = Notice.objects.get(user=manager)
    reader.post(reverse("notice-read", args=[one.uuid]))
    one.refresh_from_db()
    assert one.read_at is not None
    assert world.item.title not in reader.get(reverse("inbox")).content.decode()
    assert world.item.title in reader.get(reverse("inbox"), {"show": "all"}).content.decode()
    reader.post(reverse("notice-read", args=[one.uuid]))
    one.refresh_from_db()
    assert one.read_at is None


def test_everything_is_marked_at_once(reader: Client, world: World, manager: User, officer: User) -> None:
    tell(world, manager, 3)
    tell(world, officer)
    reader.post(reverse("inbox-read"))
    assert [row.user for row in Notice.objects.filter(read_at=None)] == [officer]


def test_what_its_reader_may_no_longer_see_is_not_named(world: World, contributor: User, browse: Browse) -> None:
    tell(world, contributor)
    contributor.memberships.all().delete()
    shown = browse(contributor).get(reverse("inbox")).content.decode()
    assert "Something that you may no longer see" in shown
    assert world.item.title not in shown


def test_the_inbox_takes_the_same_queries_however_long(
    reader: Client, world: World, manager: User, count_queries: Count
) -> None:
    tell(world, manager)
    few = count_queries(lambda: reader.get(reverse("inbox")))
    tell(world, manager, 24)
    assert count_queries(lambda: reader.get(reverse("inbox"))) == few <= 20


def test_mail_that_fails_is_said_to_its_person_and_to_those_who_run_it(
    reader: Client, world: World, manager: User
) -> None:
    MailState.objects.create(
        user=manager, failures=3, failing_since=world.item.created_at, error="ConnectionRefusedError"
    )
    assert "Your mail cannot be sent" in reader.get(reverse("inbox")).content.decode()
    assert "The mail server does not take messages" in reader.get(reverse("nightly-runs")).content.decode()


def test_the_inbox_is_a_file_as_filtered(reader: Client, world: World, manager: User) -> None:
    tell(world, manager)
    answer = reader.get(reverse("inbox"), {"export": "csv"})
    assert world.item.title in b"".join(answer).decode()


# Choices and calendar -------------------------------------------------------------------------------------------------


def test_somebody_chooses_what_they_are_told(reader: Client, manager: User) -> None:
    kinds = [kind.value for kind in NoticeKind if kind is not NoticeKind.COMMENT]
    given = {"how_often": "weekly", "hour": "9", "weekday": "4", "mailed": kinds, "shown": kinds}
    assert reader.post(reverse("notice-choices"), given).status_code == 302
    choice = NoticeChoice.objects.get(user=manager)
    assert (choice.how_often, choice.hour, choice.weekday) == ("weekly", 9, 4)
    assert choice.not_mailed == choice.not_shown == ["comment"]
    assert reader.post(reverse("notice-choices"), {"how_often": "always"}).status_code == 422


def feed_of(client: Client, **given: str) -> str:
    answer = client.post(reverse("calendar-renew"), given)
    assert answer["Cache-Control"] == "no-store"
    found = re.search(r"http://testserver(/calendar/[^<\s\"]+\.ics)", answer.content.decode())
    assert found is not None
    return found.group(1)


def test_a_calendar_holds_ones_own_work(world: World, officer: User, browse: Browse) -> None:
    address = feed_of(browse(world.item.owner))
    answer = Client().get(address)
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    events = list(Calendar.from_ical(answer.content).walk("VEVENT"))
    days = {str(event["summary"]): event.decoded("dtstart") for event in events}
    assert days[f"Due: {world.item.title}"] == world.item.due_on
    assert all(str(event["uid"]).endswith("@assay") for event in events)


def test_a_calendar_holds_reviews_and_last_days_of_what_one_asked_for_or_decided(
    world: World, officer: User, manager: User, contributor: User, browse: Browse
) -> None:
    today = timezone.localdate()
    review, last = today + timedelta(days=10), today + timedelta(days=20)
    agreed = {"reason": "r", "ends_on": last, "requested_by": officer, "decided_by": manager, "state": "approved"}
    RiskAcceptance.objects.create(risk=world.item.risks.get(), review_on=review, **agreed)
    Waiver.objects.create(system=world.item.system, producer="assay", rule="pickle", **agreed)

    def days(user: User) -> dict[str, object]:
        found = Calendar.from_ical(Client().get(feed_of(browse(user))).content).walk("VEVENT")
        named = {str(event["summary"]): event.decoded("dtstart") for event in found}
        return {title: day for title, day in named.items() if "acceptance" in title or "waiver" in title}

    title = world.finding.title
    expected = {
        f"Review of a risk acceptance: {title}": review,
        f"Last day of a risk acceptance: {title}": last,
        "Last day of a waiver: assay: pickle": last,
    }
    assert days(manager) == days(officer) == expected
    assert days(contributor) == {}
    RiskAcceptance.objects.update(state="revoked")
    assert days(officer) == {"Last day of a waiver: assay: pickle": last}


def test_a_renewed_address_ends_the_one_before(world: World, browse: Browse) -> None:
    client = browse(world.item.owner)
    before, after = feed_of(client), feed_of(client)
    assert (Client().get(before).status_code, Client().get(after).status_code) == (404, 200)
    client.post(reverse("calendar-end"))
    assert Client().get(after).status_code == 404


def test_a_calendar_follows_the_rights_of_its_person(world: World, contributor: User, browse: Browse) -> None:
    world.item.owner = contributor
    world.item.save(update_fields=["owner"])
    address = feed_of(browse(contributor))
    assert world.item.title.encode() in Client().get(address).content.replace(b"\r\n ", b"")
    contributor.memberships.all().delete()
    assert world.item.title.encode() not in Client().get(address).content.replace(b"\r\n ", b"")
    User.objects.filter(pk=contributor.pk).update(is_active=False)
    assert Client().get(address).status_code == 404


def test_only_those_who_lead_have_all_open_work_in_it(world: World, contributor: User, browse: Browse) -> None:
    feed_of(browse(contributor), everything="on")
    assert not CalendarFeed.objects.get(user=contributor).everything


def test_no_secret_of_a_calendar_is_logged(world: World, browse: Browse, caplog: pytest.LogCaptureFixture) -> None:
    address = feed_of(browse(world.item.owner))
    with caplog.at_level(logging.DEBUG):
        Client().get(address)
        Client().get("/calendar/unknown-secret.ics")
    assert address.rpartition("/")[2].removesuffix(".ics") not in caplog.text


# Time limits ----------------------------------------------------------------------------------------------------------


def test_an_officer_writes_a_calendar_and_states_limits(world: World, officer: User, browse: Browse) -> None:
    client = browse(officer)
    assert client.get(reverse("time-limits-change")).url == reverse("calendar-new")  # type: ignore[attr-defined]
    hours = {f"hours_{n}": "09:00-12:30, 13:30-17:00" for n in range(5)}
    given = {"key": "berlin", "title": "Berlin", "zone": "Europe/Berlin", "holidays": "2026-12-25\n2026-12-26", **hours}
    assert client.post(reverse("calendar-new"), given).status_code == 302
    calendar = BusinessCalendar.objects.get()
    assert calendar.hours[:2] == [[0, 540, 750], [0, 810, 1020]]
    assert calendar.holidays == ["2026-12-25", "2026-12-26"]
    units = {f"{severity}_unit": "days" for severity in ("critical", "high", "medium", "low", "informational")}
    limits = {"high_amount": "8", **units, "high_unit": "working_hours", "near_percent": "75", "calendar": "berlin"}
    assert client.post(reverse("time-limits-change"), limits).status_code == 302
    assert SlaPolicy.objects.get().limits == [{"severity": "high", "amount": 8, "unit": "working_hours"}]
    assert "8 working hours" in client.get(reverse("time-limits")).content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [("hours_0", "nine to five"), ("hours_0", "17:00-09:00"), ("holidays", "Christmas"), ("zone", "x")],
)
def test_a_calendar_that_makes_no_sense_is_refused_beside_the_form(
    world: World, officer: User, browse: Browse, field: str, value: str
) -> None:
    given = {"key": "a", "title": "A", "zone": "UTC", "hours_1": "09:00-17:00", field: value}
    answer = browse(officer).post(reverse("calendar-new"), given)
    assert answer.status_code == 422
    assert not BusinessCalendar.objects.exists()


def test_lists_show_filter_and_export_where_clocks_stand(
    world: World, officer: User, administrator: User, browse: Browse
) -> None:
    limited(officer, administrator)
    client = browse(officer)
    for name in ("finding-list", "remediation-list"):
        address = reverse(name)
        assert "In time" in client.get(address).content.decode()
        assert "In time" in client.get(address, {"limit": "in_time"}).content.decode()
        found = b"".join(client.get(address, {"limit": "breached", "export": "csv"}))
        assert world.finding.title not in found.decode()
    assert "In time" in client.get(reverse("finding-detail", args=[world.finding.uuid])).content.decode()
    assert "In time" in client.get(reverse("remediation-item", args=[world.item.uuid])).content.decode()


def test_the_nightly_page_says_what_ran_and_what_recurs(
    world: World, officer: User, administrator: User, browse: Browse
) -> None:
    limited(officer, administrator)
    shown = browse(officer).get(reverse("nightly-runs")).content.decode()
    assert "Staleness" in shown
    assert "New events of the ledger are sealed" in shown
    assert "daily at 01:05 UTC" in shown


def test_a_step_that_fails_is_written_down_and_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_now: object) -> dict[str, int]:
        raise ZeroDivisionError

    monkeypatch.setattr(nightly, "STEPS", {"broken": broken, **nightly.STEPS})
    night = nightly.run()
    assert [step["step"] for step in night.steps] == ["broken", *list(nightly.STEPS)[1:]]
    assert [step["error"] for step in night.steps] == ["ZeroDivisionError", *("" for _ in night.steps[1:])]
    assert night.ended_at is not None
    assert night.ended_at - night.created_at < timedelta(minutes=1)


# Webhooks and tickets -------------------------------------------------------------------------------------------------


def test_the_secret_of_a_webhook_is_shown_once(administrator: User, browse: Browse) -> None:
    client = browse(administrator)
    given = {"name": "Tickets", "url": "https://93.184.215.14/hook", "families": ["finding"]}
    made = client.post(reverse("webhook-new"), given)
    assert made["Cache-Control"] == "no-store"
    found = re.search(r"whsec_[A-Za-z0-9+/=]+", made.content.decode())
    assert found is not None
    endpoint = WebhookEndpoint.objects.get()
    assert found.group() not in client.get(reverse("webhook-detail", args=[endpoint.uuid])).content.decode()


def test_a_webhook_to_the_inside_is_refused_in_words(administrator: User, browse: Browse) -> None:
    given = {"name": "Metadata", "url": "https://169.254.169.254/latest", "families": ["finding"]}
    answer = browse(administrator).post(reverse("webhook-new"), given)
    assert answer.status_code == 422
    assert "internal" in answer.content.decode()


def test_a_ticket_is_a_link_that_leaks_nothing(world: World, manager: User, browse: Browse) -> None:
    client = browse(manager)
    address = reverse("remediation-ticket", args=[world.item.uuid])
    client.post(address, {"ticket_key": "SEC-142", "ticket_url": "https://tickets.example.org/SEC-142"})
    shown = client.get(reverse("remediation-item", args=[world.item.uuid])).content.decode()
    assert 'href="https://tickets.example.org/SEC-142" rel="noopener noreferrer nofollow"' in shown


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https://",
        "https://a:b@c.example/",
        "ftp://x.example/",
    ],
)
def test_an_address_that_is_no_web_address_is_no_ticket(world: World, manager: User, browse: Browse, url: str) -> None:
    client = browse(manager)
    client.post(reverse("remediation-ticket", args=[world.item.uuid]), {"ticket_key": "X", "ticket_url": url})
    world.item.refresh_from_db()
    assert (world.item.ticket_key, world.item.ticket_url) == ("", "")
