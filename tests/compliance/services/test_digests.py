"""Mail through a real mail server: one message, however much happened; tried again when the server is down; with the rights of
that moment."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.controller import Controller
from pytest_django.fixtures import Settings

from compliance.models import MailState, Notice, User
from compliance.services import digests, inbox, notices
from compliance.services.notices import Telling
from compliance.types.notices import HowOften, MailTimes, NoticeKind
from tests.compliance.conftest import World

EVERYTHING = tuple(NoticeKind)
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)  # a Friday


@pytest.fixture(autouse=True)
def nothing_told(world: World) -> None:
    """That the world's people have work was told when it was made; what follows is of other things."""
    Notice.objects.all().delete()


@dataclass
class Mailbox:
    """A mail server on this machine and what it took."""

    port: int = 0
    got: list[tuple[list[str], str, str]] = field(default_factory=list)

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - the name that aiosmtpd asks for
        message = message_from_bytes(envelope.content)
        payload = message.get_payload(decode=True)
        assert isinstance(payload, bytes)
        self.got.append((envelope.rcpt_tos, str(message["Subject"]), payload.decode()))
        return "250 OK"


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        box.port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", box.port, 5
    try:
        yield box
    finally:
        controller.stop()


def tell(world: World, user: User, kind: NoticeKind = NoticeKind.ASSIGNED, once: str = "") -> int:
    return notices.tell(kind=kind, subject=world.item, people=[user], once=once or uuid4().hex)


def choose(user: User, how_often: HowOften, *, hour: int = 7, weekday: int = 0, mailed: Any = EVERYTHING) -> None:
    times = MailTimes(how_often=how_often, hour=hour, weekday=weekday)
    inbox.choose(user=user, times=times, mailed=mailed, shown=EVERYTHING)


def test_a_message_leads_to_the_record_and_names_nothing(mailbox: Mailbox, world: World, manager: User) -> None:
    tell(world, manager)
    assert digests.send(now=NOON) == digests.Sent(sent=1, failed=0)
    ((people, subject, text),) = mailbox.got
    assert people == [manager.email]
    assert subject == "Assay: 1 thing needs you"
    assert f"/remediation/{world.item.uuid}/" in text
    assert world.item.title not in text
    assert world.assessment.system.name not in text
    assert digests.send(now=NOON).sent == 0


def test_ten_thousand_events_are_one_message_and_one_line(
    mailbox: Mailbox, world: World, manager: User, officer: User
) -> None:
    tellings = [
        Telling(
            user=user, kind=kind, subject_type="compliance.Finding", subject_uuid=world.finding.uuid, once=str(n),
            place="/findings/?limit=breached",
        )
        for n in range(2_500) for user in (manager, officer) for kind in (NoticeKind.SLA_NEAR, NoticeKind.SLA_BREACHED)
    ]  # fmt: skip
    assert len(tellings) == 10_000
    assert notices.tell_all(tellings) == 4
    assert notices.tell_all(tellings) == 0
    assert digests.send(now=NOON) == digests.Sent(sent=2, failed=0)
    assert {tuple(people) for people, _subject, _text in mailbox.got} == {(manager.email,), (officer.email,)}
    assert all("5000 things" in subject for _people, subject, _text in mailbox.got)
    assert all(len(text) < 2_000 for _people, _subject, text in mailbox.got)
    assert inbox.mark_read(user=manager) == 2


def test_a_message_has_so_many_lines_of_a_kind(mailbox: Mailbox, world: World, manager: User) -> None:
    for _n in range(30):
        tell(world, manager)
    digests.send(now=NOON)
    text = mailbox.got[0][2]
    assert text.count(f"/remediation/{world.item.uuid}/") == 20
    assert "and 10 more" in text


def test_a_server_that_is_down_loses_nothing_and_is_tried_again(
    mailbox: Mailbox, world: World, manager: User, settings: Settings
) -> None:
    tell(world, manager)
    settings.EMAIL_PORT = 1
    assert digests.send(now=NOON) == digests.Sent(sent=0, failed=1)
    state = MailState.objects.get(user=manager)
    assert (state.failures, state.error, state.failing_since) == (1, "ConnectionRefusedError", NOON)
    assert Notice.objects.filter(user=manager, mailed_at=None).count() == 1
    settings.EMAIL_PORT = mailbox.port
    assert digests.send(now=NOON + timedelta(seconds=1)) == digests.Sent(sent=0, failed=0)  # not at once
    tell(world, manager)
    assert digests.send(now=NOON + timedelta(minutes=2)).sent == 1
    assert "2 things" in mailbox.got[0][1]
    state.refresh_from_db()
    assert (state.failures, state.error, state.failing_since) == (0, "", None)


def test_waits_grow_while_the_server_is_down(mailbox: Mailbox, world: World, manager: User, settings: Settings) -> None:
    tell(world, manager)
    settings.EMAIL_PORT = 1
    now, waits = NOON, []
    for _n in range(4):
        assert digests.send(now=now).failed == 1
        retry_at = MailState.objects.get(user=manager).retry_at
        assert retry_at is not None
        waits.append((retry_at - now).total_seconds())
        now = retry_at
    assert all(15 * 2**n <= wait <= 30 * 2**n for n, wait in enumerate(waits))


def test_a_server_that_is_down_keeps_not_everybody_waiting_for_it(
    world: World, settings: Settings, manager: User, officer: User, second_officer: User, administrator: User
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 1, 1
    for user in (manager, officer, second_officer, administrator):
        tell(world, user)
    assert digests.send(now=NOON).failed == 3


# Rights ---------------------------------------------------------------------------------------------------------------


def test_whoever_may_not_see_it_is_never_told(mailbox: Mailbox, world: World, contributor: User) -> None:
    assert notices.tell(kind=NoticeKind.COMMENT, subject=world.other_item, people=[contributor]) == 0
    assert not Notice.objects.exists()


def test_whoever_lost_the_right_meanwhile_is_not_mailed(mailbox: Mailbox, world: World, contributor: User) -> None:
    assert tell(world, contributor) == 1
    contributor.memberships.all().delete()
    assert digests.send(now=NOON) == digests.Sent(sent=0, failed=0)
    assert mailbox.got == []
    assert not Notice.objects.filter(mailed_at=None).exists()


def test_whoever_left_is_not_mailed(mailbox: Mailbox, world: World, manager: User) -> None:
    tell(world, manager)
    User.objects.filter(pk=manager.pk).update(is_active=False)
    assert digests.send(now=NOON).sent == 0
    assert mailbox.got == []


# Choices --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how_often", "moments", "sent"),
    [
        (HowOften.NEVER, [0, 24, 200], [0, 0, 0]),
        (HowOften.DAILY, [-6, 0, 6, 19], [0, 1, 0, 1]),  # six in the morning is too early
        (HowOften.HOURLY, [0, 0.5, 1, 1.5], [1, 0, 1, 0]),
        (HowOften.WEEKLY, [0, 24, 72, 96, 168], [1, 0, 1, 0, 0]),  # due since last Monday; then on Monday
    ],
)
def test_mail_comes_as_often_as_its_person_wants(
    mailbox: Mailbox, world: World, manager: User, how_often: HowOften, moments: list[float], sent: list[int]
) -> None:
    choose(manager, how_often)
    got = []
    for hours in moments:
        tell(world, manager)
        got.append(digests.send(now=NOON + timedelta(hours=hours)).sent)
    assert got == sent


def test_the_hour_is_that_of_the_persons_clock(mailbox: Mailbox, world: World, manager: User) -> None:
    User.objects.filter(pk=manager.pk).update(time_zone="Asia/Tokyo")
    choose(manager, HowOften.DAILY, hour=22)
    tell(world, manager)
    assert digests.send(now=NOON).sent == 0  # nine in the evening there
    assert digests.send(now=NOON + timedelta(hours=1)).sent == 1


def test_what_somebody_wants_no_mail_about_is_in_the_inbox_alone(mailbox: Mailbox, world: World, manager: User) -> None:
    choose(manager, HowOften.HOURLY, mailed=set(EVERYTHING) - {NoticeKind.COMMENT})
    tell(world, manager, NoticeKind.COMMENT)
    assert digests.send(now=NOON).sent == 0
    assert Notice.objects.filter(user=manager, read_at=None).count() == 1


def test_nobody_is_told_of_what_they_want_in_neither(world: World, manager: User) -> None:
    rest = set(EVERYTHING) - {NoticeKind.COMMENT}
    times = MailTimes(how_often=HowOften.DAILY, hour=7, weekday=0)
    inbox.choose(user=manager, times=times, mailed=rest, shown=rest)
    assert tell(world, manager, NoticeKind.COMMENT) == 0
