"""Waivers: a rule set aside until a day; nothing that the scanner says is dropped, and nothing becomes satisfied by it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from compliance.models import AISystem, Finding, Observation, User, Waiver
from compliance.services import waivers
from compliance.services.errors import RefusedError
from compliance.services.nightly import STEPS as NIGHTLY
from compliance.types.verdicts import Conclusion, FileScanVerdict
from tests.compliance import records
from tests.compliance.conftest import World
from tests.days import in_days

pytestmark = pytest.mark.django_db
SOON = 30  # days from today


def found(world: World, rule: str = "R1", day: int = 0) -> Finding:
    at = records.LONG_AGO + timedelta(days=day)
    observation = records.observed(world.tuned, FileScanVerdict.FINDING, rule=rule, at=at)
    return records.finding_of(observation)


def asked(system: AISystem, actor: User, *, assets: str = "", days: int = SOON, rule: str = "R1") -> Waiver:
    return waivers.request(
        system=system,
        producer="assay",
        rule=rule,
        assets=assets,
        reason="Only tests use it.",
        ends_on=in_days(days),
        actor=actor,
    )


def test_a_waiver_sets_findings_aside_now_and_later(
    world: World, system: AISystem, officer: User, manager: User
) -> None:
    before = found(world)
    waiver = asked(system, officer)
    assert not Finding.objects.get(pk=before.pk).is_waived
    waivers.approve(waiver=waiver, words="", actor=manager)
    seen = Finding.objects.get(pk=before.pk)
    assert (seen.is_waived, seen.waived_until, seen.state) == (True, in_days(SOON), Conclusion.NOT_SATISFIED)
    again = records.observed(world.base, FileScanVerdict.FINDING, rule="R1")
    assert records.finding_of(again).waiver == waiver  # recorded and drawn, and marked
    assert not found(world, rule="R2").is_waived


def test_one_asks_and_another_decides(world: World, system: AISystem, officer: User, manager: User) -> None:
    found(world)
    waiver = asked(system, officer)
    with pytest.raises(RefusedError, match="somebody else"):
        waivers.approve(waiver=waiver, words="", actor=officer)
    with pytest.raises(RefusedError, match="somebody else"):
        waivers.refuse(waiver=waiver, words="No.", actor=officer)
    with pytest.raises(RefusedError, match="Say why"):
        waivers.refuse(waiver=waiver, words="", actor=manager)
    with pytest.raises(RefusedError, match="Only whoever asked"):
        waivers.withdraw(waiver=waiver, actor=manager)
    assert waivers.withdraw(waiver=waiver, actor=officer).state == "withdrawn"


@pytest.mark.parametrize(
    ("rule", "reason", "days", "message"),
    [
        ("R9", "It is noise.", SOON, "names the rule"),
        ("R1", " ", SOON, "Say why"),
        ("R1", "It is noise.", 0, "after today"),
        ("R1", "It is noise.", 400, "more than a year"),
    ],
)
def test_what_is_not_whole_is_refused(
    world: World, system: AISystem, officer: User, rule: str, reason: str, days: int, message: str
) -> None:
    found(world)
    with pytest.raises(RefusedError, match=message):
        waivers.request(
            system=system, producer="assay", rule=rule, assets="", reason=reason, ends_on=in_days(days), actor=officer
        )
    assert not Waiver.objects.exists()


def test_the_same_waiver_twice_is_refused(world: World, system: AISystem, officer: User) -> None:
    found(world)
    asked(system, officer)
    with pytest.raises(RefusedError, match="already"):
        asked(system, officer)
    assert asked(system, officer, assets="*.pkl").assets == "*.pkl"


def test_a_pattern_narrows_it_to_assets(world: World, system: AISystem, officer: User, manager: User) -> None:
    one = found(world)
    waivers.approve(waiver=asked(system, officer, assets="letters*"), words="", actor=manager)
    one.refresh_from_db()
    assert not one.is_waived
    waivers.approve(waiver=asked(system, officer, assets="digits 2"), words="", actor=manager)
    one.refresh_from_db()
    assert one.is_waived


def test_what_it_set_aside_stands_again_when_it_is_over(
    world: World, system: AISystem, officer: User, manager: User
) -> None:
    one = found(world)
    waiver = waivers.approve(waiver=asked(system, officer), words="", actor=manager)
    yesterday = in_days(-1)
    Waiver.objects.filter(pk=waiver.pk).update(ends_on=yesterday)
    Finding.objects.filter(pk=one.pk).update(waived_until=yesterday)
    one.refresh_from_db()
    assert not one.is_waived  # before anybody moved it
    assert not found(world, day=1).is_waived
    NIGHTLY["agreements"](timezone.now())
    waiver.refresh_from_db()
    one.refresh_from_db()
    assert (waiver.state, one.waiver, one.state) == ("expired", None, Conclusion.NOT_SATISFIED)
    with pytest.raises(RefusedError, match="Expired"):
        waivers.revoke(waiver=waiver, words="Late.", actor=manager)


def test_a_revoked_waiver_leaves_what_another_covers(
    world: World, system: AISystem, officer: User, manager: User
) -> None:
    one = found(world)
    long = waivers.approve(waiver=asked(system, officer, days=SOON + 9), words="", actor=manager)
    narrow = waivers.approve(waiver=asked(system, officer, assets="digits*"), words="", actor=manager)
    one.refresh_from_db()
    assert one.waiver == long
    waivers.revoke(waiver=long, words="Too wide.", actor=manager)
    one.refresh_from_db()
    assert one.waiver == narrow
    waivers.revoke(waiver=narrow, words="No longer.", actor=manager)
    one.refresh_from_db()
    assert one.waiver is None


def test_nothing_that_the_scanner_says_is_dropped(world: World, system: AISystem, officer: User, manager: User) -> None:
    found(world)
    waivers.approve(waiver=asked(system, officer), words="", actor=manager)
    before = Observation.objects.count()
    again = found(world, day=1)
    assert Observation.objects.count() == before + 1
    assert again.last_seen_at == records.LONG_AGO + timedelta(days=1)
