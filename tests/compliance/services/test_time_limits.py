"""Clocks of findings: begun, stopped, gone on, ended, changed; and the limits and calendars they count by."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction

from compliance.models import (
    AISystem,
    BusinessCalendar,
    Finding,
    LedgerEvent,
    Notice,
    RemediationItem,
    Risk,
    SlaClock,
    SlaPolicy,
    User,
)
from compliance.selectors.time_limits import findings_by_limit, items_by_limit, limit_of_finding, limit_of_item
from compliance.services import sla_clocks, sla_warnings, time_limits
from compliance.services.errors import RefusedError
from compliance.services.time_limits import CalendarDraft
from compliance.types.business_time import Hours
from compliance.types.sla import Limit, SlaState, SlaUnit
from compliance.types.states import RiskState, Severity
from compliance.types.verdicts import Conclusion
from tests.compliance.conftest import World

MONDAY = datetime(2026, 11, 30, 9, tzinfo=UTC)
DAYS = [Hours(weekday=day, start=9 * 60, end=17 * 60) for day in range(5)]
EVERY = tuple(Limit(severity=severity, amount=10, unit=SlaUnit.DAYS) for severity in Severity)
HOURS = tuple(Limit(severity=severity, amount=8, unit=SlaUnit.WORKING_HOURS) for severity in Severity)


def at(days: float = 0, hours: float = 0) -> datetime:
    return MONDAY + timedelta(days=days, hours=hours)


def calendar(actor: User, key: str = "usual", **more: object) -> BusinessCalendar:
    draft = CalendarDraft(**{"title": key.title(), "zone": "UTC", "hours": DAYS, **more})  # type: ignore[arg-type]
    return time_limits.write_calendar(key=key, draft=draft, actor=actor)


def limited(actor: User, limits: tuple[Limit, ...] = EVERY, reason: str = "") -> SlaPolicy:
    """Limits in force since the Monday before everything."""
    return time_limits.put_in_force(limits=limits, near_percent=80, calendar="usual", reason=reason, actor=actor)


@pytest.fixture
def finding(world: World, officer: User) -> Finding:
    """The one finding that stands; limits of ten days since Monday, when it was recorded."""
    Finding.objects.exclude(pk=world.finding.pk).update(state=Conclusion.SATISFIED)
    calendar(officer)
    Notice.objects.all().delete()  # that somebody has work was told when the world was made
    return world.finding


def follow(now: datetime) -> sla_clocks.Followed:
    return sla_clocks.follow(now=now, actor=None)


def begun(officer: User, limits: tuple[Limit, ...] = EVERY) -> SlaClock:
    """A clock that began on Monday at nine."""
    limited(officer, limits)
    follow(MONDAY)
    clock = SlaClock.objects.get()
    counted = {"started_at": MONDAY, "since": MONDAY}
    if limits is EVERY:
        counted |= {"near_at": at(8), "due_at": at(10)}
    else:
        counted |= {"near_at": at(hours=6.4), "due_at": at(hours=8)}
    SlaClock.objects.filter(pk=clock.pk).update(**counted)
    clock.refresh_from_db()
    return clock


def asked(finding: Finding, state: RiskState = RiskState.DEVIATION_REQUESTED) -> None:
    Risk.objects.filter(finding=finding).update(state=state)


# Begin and end --------------------------------------------------------------------------------------------------------


def test_without_limits_no_clock_runs(finding: Finding) -> None:
    assert follow(MONDAY) == sla_clocks.Followed()
    assert limit_of_finding(finding) is None


def test_no_clock_runs_before_there_were_limits(finding: Finding, officer: User) -> None:
    Finding.objects.update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    policy = limited(officer)
    follow(policy.created_at + timedelta(minutes=1))
    clock = SlaClock.objects.get()
    assert clock.started_at == policy.created_at
    assert clock.due_at == policy.created_at + timedelta(days=10)


def test_a_finding_recorded_later_begins_then(finding: Finding, officer: User) -> None:
    policy = limited(officer)
    Finding.objects.filter(pk=finding.pk).update(created_at=policy.created_at + timedelta(days=3))
    follow(policy.created_at + timedelta(days=5))
    assert SlaClock.objects.get().started_at == policy.created_at + timedelta(days=3)


def test_following_twice_is_following_once(finding: Finding, officer: User) -> None:
    limited(officer)
    assert follow(MONDAY).begun == 1
    assert follow(MONDAY) == sla_clocks.Followed()
    assert LedgerEvent.objects.filter(kind="sla.begun").count() == 1


def test_a_severity_without_a_limit_has_no_clock(finding: Finding, officer: User) -> None:
    other = Severity.LOW if finding.severity != Severity.LOW else Severity.HIGH
    limited(officer, (Limit(severity=other, amount=3, unit=SlaUnit.DAYS),))
    assert follow(MONDAY).begun == 0


def test_it_is_in_time_then_near_then_over(finding: Finding, officer: User) -> None:
    clock = begun(officer)
    states = [clock.state(at(day)) for day in (0, 7.9, 8, 9.9, 10, 11)]
    in_time, near, over = SlaState.IN_TIME, SlaState.NEAR, SlaState.BREACHED
    assert states == [in_time, in_time, near, near, over, over]


def test_a_finding_that_no_longer_stands_ends_its_clock(finding: Finding, officer: User) -> None:
    clock = begun(officer)
    Finding.objects.update(state=Conclusion.SATISFIED)
    assert follow(at(9)).ended == 1
    clock.refresh_from_db()
    assert clock.state(at(99)) is SlaState.MET
    assert LedgerEvent.objects.filter(kind="sla.ended", subject_uuid=clock.uuid).exists()


def test_one_that_ends_late_is_missed(finding: Finding, officer: User) -> None:
    clock = begun(officer)
    Finding.objects.update(state=Conclusion.SATISFIED)
    follow(at(12))
    clock.refresh_from_db()
    assert clock.state(at(99)) is SlaState.MISSED


def test_one_that_comes_back_gets_a_clock_of_its_own_from_then_on(finding: Finding, officer: User) -> None:
    begun(officer)
    Finding.objects.update(state=Conclusion.SATISFIED)
    follow(at(5))
    Finding.objects.filter(pk=finding.pk).update(state=Conclusion.NOT_SATISFIED)
    assert follow(at(50)).begun == 1
    newest = SlaClock.objects.order_by("-started_at")[0]
    assert (newest.started_at, newest.due_at) == (at(50), at(60))
    assert SlaClock.objects.count() == 2


# Stop and go on -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [RiskState.DEVIATION_REQUESTED, RiskState.DEVIATION_APPROVED])
def test_the_clock_stops_while_acceptance_is_asked_for_or_holds(
    finding: Finding, officer: User, state: RiskState
) -> None:
    clock = begun(officer)
    asked(finding, state)
    assert follow(at(4)).stopped == 1
    clock.refresh_from_db()
    assert clock.state(at(100)) is SlaState.PAUSED
    asked(finding, RiskState.REMEDIATING)
    assert follow(at(54)).gone_on == 1
    clock.refresh_from_db()
    assert (clock.near_at, clock.due_at) == (at(58), at(60))
    assert clock.state(at(57)) is SlaState.IN_TIME


def test_what_is_over_its_limit_is_not_saved_by_asking(finding: Finding, officer: User) -> None:
    clock = begun(officer)
    asked(finding)
    assert follow(at(11)).stopped == 0
    clock.refresh_from_db()
    assert clock.state(at(11)) is SlaState.BREACHED


def test_two_pauses_add_up(finding: Finding, officer: User) -> None:
    clock = begun(officer)
    for stop, go in ((1, 3), (5, 10)):
        asked(finding)
        follow(at(stop))
        asked(finding, RiskState.OPEN)
        follow(at(go))
    clock.refresh_from_db()
    assert clock.due_at == at(10 + 2 + 5)


def test_working_hours_alone_count(finding: Finding, officer: User) -> None:
    clock = begun(officer, HOURS)
    asked(finding)
    follow(at(hours=4))
    asked(finding, RiskState.OPEN)
    follow(at(hours=20))  # five in the morning
    clock.refresh_from_db()
    assert clock.due_at == at(days=1, hours=4)


# Changes --------------------------------------------------------------------------------------------------------------


def test_another_severity_has_another_limit_and_what_counted_stays_counted(finding: Finding, officer: User) -> None:
    limits = tuple(
        Limit(severity=severity, amount=4 if severity is Severity.LOW else 10, unit=SlaUnit.DAYS)
        for severity in Severity
    )
    limited(officer, limits)
    follow(MONDAY)
    SlaClock.objects.update(started_at=MONDAY, since=MONDAY, near_at=at(8), due_at=at(10))
    Risk.objects.filter(finding=finding).update(severity=Severity.LOW)
    assert follow(at(3)).changed == 1
    clock = SlaClock.objects.get()
    assert (clock.severity, clock.due_at) == ("low", at(4))
    assert clock.state(at(3)) is SlaState.IN_TIME


def test_running_clocks_keep_the_limits_under_which_they_began(finding: Finding, officer: User) -> None:
    clock = begun(officer)
    time_limits.put_in_force(limits=HOURS, near_percent=50, calendar="usual", reason="Shorter.", actor=officer)
    follow(at(1))
    clock.refresh_from_db()
    assert (clock.policy.version, clock.due_at) == (1, at(10))


def test_a_new_holiday_moves_what_is_due(finding: Finding, officer: User) -> None:
    limited(officer, HOURS)
    now = datetime.now(UTC)
    follow(now)
    SlaClock.objects.update(since=now)
    clock = SlaClock.objects.get()
    far = frozenset(now.date() + timedelta(days=n) for n in range(10))
    calendar(officer, holidays=tuple(far))
    moved = SlaClock.objects.get()
    assert moved.calendar.version == 2
    assert moved.due_at > clock.due_at
    assert moved.due_at.date() >= now.date() + timedelta(days=10)


def test_a_system_may_keep_a_calendar_of_its_own(finding: Finding, officer: User) -> None:
    system = AISystem.objects.get(pk=finding.system_id)
    weekend = [Hours(weekday=day, start=0, end=24 * 60) for day in (5, 6)]
    calendar(officer, "weekend", hours=weekend, systems=(system,))
    limited(officer, HOURS)
    follow(MONDAY)
    clock = SlaClock.objects.get()
    assert clock.calendar.key == "weekend"
    assert clock.due_at.weekday() in (5, 6)
    with pytest.raises(RefusedError, match="keeps the calendar"):
        calendar(officer, "third", systems=(system,))


# Warnings -------------------------------------------------------------------------------------------------------------


def test_near_and_over_are_told_once_to_whoever_works_on_it(finding: Finding, world: World, officer: User) -> None:
    clock = begun(officer)
    assert sla_warnings.warn(now=at(7)) == sla_warnings.Warned(near=0, breached=0)
    assert sla_warnings.warn(now=at(8)) == sla_warnings.Warned(near=1, breached=0)
    assert sla_warnings.warn(now=at(9)) == sla_warnings.Warned(near=0, breached=0)
    assert sla_warnings.warn(now=at(10)) == sla_warnings.Warned(near=0, breached=1)
    told = Notice.objects.order_by("pk")
    assert [(row.kind, row.user) for row in told] == [
        ("sla_near", world.item.owner), ("sla_breached", world.item.owner)
    ]  # fmt: skip
    kinds = LedgerEvent.objects.filter(subject_uuid=clock.uuid).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["sla.near", "sla.breached"]


def test_without_an_owner_those_who_give_work_out_are_told(finding: Finding, officer: User, manager: User) -> None:
    begun(officer)
    RemediationItem.objects.update(state="closed")
    sla_warnings.warn(now=at(10))
    assert {manager, officer} <= {row.user for row in Notice.objects.all()}
    assert {row.user.role for row in Notice.objects.all()} == {"officer", "manager"}


# Lists ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "state"), [(1, SlaState.IN_TIME), (9, SlaState.NEAR), (10, SlaState.BREACHED), (20, SlaState.BREACHED)]
)
def test_lists_and_pages_agree_on_where_a_clock_stands(
    finding: Finding, world: World, officer: User, day: int, state: SlaState
) -> None:
    clock = begun(officer)
    found = [one for one in SlaState if findings_by_limit(Finding.objects.all(), one, at(day)).exists()]
    items = [one for one in SlaState if items_by_limit(RemediationItem.objects.all(), one, at(day)).exists()]
    assert found == items == [state] == [clock.state(at(day))]


@pytest.mark.parametrize(("end", "state"), [(9, SlaState.MET), (12, SlaState.MISSED)])
def test_ended_clocks_are_found_while_they_are_the_last(
    finding: Finding, officer: User, end: int, state: SlaState
) -> None:
    begun(officer)
    Finding.objects.update(state=Conclusion.SATISFIED)
    follow(at(end))
    assert findings_by_limit(Finding.objects.all(), state, at(30)).get() == finding
    Finding.objects.filter(pk=finding.pk).update(state=Conclusion.NOT_SATISFIED)
    follow(at(40))
    assert not findings_by_limit(Finding.objects.all(), state, at(41)).exists()


def test_an_item_shows_the_most_urgent_clock(finding: Finding, world: World, officer: User) -> None:
    begun(officer)
    shown = limit_of_item(world.item)
    assert shown is not None
    assert shown.clock.finding == finding


# Bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "near", "name", "said"),
    [
        ((), 80, "usual", "at least one"),
        (EVERY + EVERY, 80, "usual", "one limit"),
        ((Limit(severity=Severity.LOW, amount=0, unit=SlaUnit.DAYS),), 80, "usual", "from 1 to"),
        ((Limit(severity=Severity.LOW, amount=99_999, unit=SlaUnit.WORKING_HOURS),), 80, "usual", "from 1 to"),
        (EVERY, 100, "usual", "1 to 99"),
        (EVERY, 80, "nowhere", "calendar first"),
    ],
)
def test_limits_that_make_no_sense_are_refused(
    finding: Finding, officer: User, limits: tuple[Limit, ...], near: int, name: str, said: str
) -> None:
    with pytest.raises(RefusedError, match=said):
        time_limits.put_in_force(limits=limits, near_percent=near, calendar=name, reason="", actor=officer)
    assert not SlaPolicy.objects.exists()


def test_a_change_needs_a_reason(finding: Finding, officer: User) -> None:
    limited(officer)
    with pytest.raises(RefusedError, match="why"):
        limited(officer, HOURS)
    assert limited(officer, HOURS, "Agreed with the board.").version == 2


@pytest.mark.parametrize(
    ("key", "more", "said"),
    [
        ("Bad Key", {}, "key"),
        ("new", {}, "key"),
        ("a", {"title": " "}, "name"),
        ("a", {"zone": "Europe/Nowhere"}, "time zone"),
        ("a", {"hours": []}, "Working hours"),
        ("a", {"hours": [Hours(weekday=0, start=60, end=30)]}, "Working hours"),
        ("a", {"holidays": tuple(date(2026, 1, 1) + timedelta(days=n) for n in range(1001))}, "holidays"),
    ],
)
def test_calendars_that_make_no_sense_are_refused(officer: User, key: str, more: dict[str, object], said: str) -> None:
    with pytest.raises(RefusedError, match=said), transaction.atomic():
        calendar(officer, key, **more)
    assert not BusinessCalendar.objects.exists()
