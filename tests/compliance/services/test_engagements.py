"""Engagements: what is refused, how an audit moves, and what exists for its team, until when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from compliance.models import (
    AISystem,
    Assessment,
    Engagement,
    EngagementMember,
    EngagementMove,
    Evidence,
    JobEvent,
    LedgerEvent,
    TrailEntry,
    User,
)
from compliance.rights import visible
from compliance.services import engagements
from compliance.services.errors import RefusedError
from compliance.types.engagements import STEPS, EngagementKind, EngagementState, TeamPart, steps_from
from compliance.types.states import Role
from scanning.models import SigningKey
from tests.compliance import records
from tests.compliance.conftest import World, person

DAY = timedelta(days=1)


@pytest.fixture
def engagement(world: World) -> Engagement:
    return Engagement.objects.get()


def opened(auditor: User, assessments: Sequence[Assessment], actor: User, **changes: Any) -> Engagement:
    return engagements.open_engagement(draft=records.audit(auditor, assessments, **changes), actor=actor)


def moved(engagement: Engagement, to: EngagementState, actor: User, reason: str = "") -> EngagementMove:
    return engagements.move(engagement=engagement, to=to, reason=reason, actor=actor)


def independent(engagement: Engagement, auditor: User) -> None:
    engagements.state_independence(engagement=engagement, statement="Of the organisation.", actor=auditor)


def last_event() -> LedgerEvent:
    return LedgerEvent.objects.select_related("entry").order_by("-pk")[0]


# Opening and changing -----------------------------------------------------------------------------------------------


def test_an_engagement_invites_its_team(world: World, engagement: Engagement, auditor: User) -> None:
    assert auditor.engagements.get() == engagement
    assert engagement.members.get().part == TeamPart.LEAD
    assert [*engagement.systems.all()] == [world.assessment.system]
    event = LedgerEvent.objects.get(kind="engagement.opened")
    assert event.entry.payload["parts"] == {str(auditor.uuid): "lead"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": " "}, "a title"),
        ({"team": []}, "role auditor"),
        ({"systems": []}, "at least one AI system"),
        ({"period_end": date(2025, 1, 1)}, "ends before"),
        ({"as_of": date(2025, 12, 31)}, "outside the period"),
        ({"kind": EngagementKind.SOC_2_TYPE_1}, "as of which"),
        ({"kind": EngagementKind.SOC_2_TYPE_2, "as_of": date(2026, 6, 30)}, "leave the day empty"),
        ({"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, "already have ended"),
        ({"fieldwork_on": date(2026, 3, 1), "final_on": date(2026, 2, 1)}, "out of order"),
    ],
)
def test_an_engagement_that_makes_no_sense_is_refused(
    world: World, officer: User, auditor: User, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(RefusedError, match=message):
        opened(auditor, [world.assessment], officer, **changes)
    assert Engagement.objects.count() == 1


def test_nobody_but_an_auditor_is_on_a_team(world: World, officer: User, manager: User, auditor: User) -> None:
    with pytest.raises(RefusedError, match="role auditor"):
        opened(manager, [world.assessment], officer)
    team = [(auditor, TeamPart.LEAD), (auditor, TeamPart.REVIEWER)]
    with pytest.raises(RefusedError, match="once on the team"):
        opened(auditor, [world.assessment], officer, team=team)
    with pytest.raises(RefusedError, match="of the organisation"):
        opened(auditor, [world.assessment], officer, contact=auditor)


def test_an_assessment_of_another_system_is_refused(world: World, officer: User, auditor: User) -> None:
    with pytest.raises(RefusedError, match="not about"):
        opened(auditor, [world.other_assessment], officer, systems=[world.assessment.system])


def test_a_change_takes_people_off_and_keeps_what_others_stated(
    world: World, engagement: Engagement, officer: User, auditor: User
) -> None:
    second = person("Sam Second", Role.AUDITOR)
    independent(engagement, auditor)
    draft = records.audit(auditor, [world.assessment], team=[(auditor, TeamPart.REVIEWER), (second, TeamPart.LEAD)])
    engagements.change(engagement=engagement, draft=draft, actor=officer)
    assert [(m.user, m.part, bool(m.independence)) for m in engagement.members.all()] == [
        (auditor, "reviewer", True),
        (second, "lead", False),
    ]
    engagements.change(engagement=engagement, draft=records.audit(second, [world.assessment]), actor=officer)
    assert not visible(Engagement.objects.all(), auditor).exists()
    assert last_event().kind == "engagement.changed"


def test_the_ledger_keeps_no_words_of_an_engagement(world: World, officer: User, auditor: User) -> None:
    opened(auditor, [world.assessment], officer, title="Secret merger", accounts=["1111-2222"], exclusions="Lab")
    payload = str(last_event().entry.payload)
    assert "Secret" not in payload
    assert "1111-2222" not in payload
    assert "Lab" not in payload


# Its life -----------------------------------------------------------------------------------------------------------

WHOLE_WAY = [
    EngagementState.FIELDWORK,
    EngagementState.DRAFT,
    EngagementState.MANAGEMENT_RESPONSE,
    EngagementState.FINAL,
    EngagementState.FOLLOW_UP,
]


def test_an_audit_goes_from_plan_to_follow_up(engagement: Engagement, auditor: User) -> None:
    independent(engagement, auditor)
    for state in WHOLE_WAY:
        moved(engagement, state, auditor)
    engagement.refresh_from_db()
    assert engagement.state == EngagementState.FOLLOW_UP
    assert [move.after for move in engagement.moves.all()] == WHOLE_WAY
    assert steps_from(EngagementState.FOLLOW_UP, Role.AUDITOR) == ()


def test_fieldwork_waits_for_everybodys_independence(engagement: Engagement, officer: User, auditor: User) -> None:
    with pytest.raises(RefusedError, match=f"{auditor.name} has not"):
        moved(engagement, EngagementState.FIELDWORK, officer)
    independent(engagement, auditor)
    moved(engagement, EngagementState.FIELDWORK, officer)


def test_the_report_is_moved_by_its_auditor_alone(engagement: Engagement, officer: User, auditor: User) -> None:
    independent(engagement, auditor)
    moved(engagement, EngagementState.FIELDWORK, officer)
    with pytest.raises(RefusedError, match="by your hand"):
        moved(engagement, EngagementState.DRAFT, officer)
    with pytest.raises(RefusedError, match="by your hand"):
        moved(engagement, EngagementState.FINAL, auditor)


def test_going_back_needs_a_reason_and_keeps_it(engagement: Engagement, auditor: User) -> None:
    independent(engagement, auditor)
    moved(engagement, EngagementState.FIELDWORK, auditor)
    with pytest.raises(RefusedError, match="why"):
        moved(engagement, EngagementState.PLAN, auditor, " ")
    assert moved(engagement, EngagementState.PLAN, auditor, "Scope was wrong.").reason == "Scope was wrong."
    assert "Scope" not in str(last_event().entry.payload)


def test_each_state_is_reached_and_no_step_stands_twice() -> None:
    pairs = [(step.before, step.after) for step in STEPS]
    assert len(pairs) == len(set(pairs))
    assert {after for _before, after in pairs} == set(EngagementState)


def test_only_the_team_states_independence(engagement: Engagement, auditor: User) -> None:
    stranger = person("Sid Stranger", Role.AUDITOR)
    with pytest.raises(RefusedError, match="on the team"):
        independent(engagement, stranger)
    with pytest.raises(RefusedError, match="Write the statement"):
        engagements.state_independence(engagement=engagement, statement=" ", actor=auditor)
    independent(engagement, auditor)
    member = EngagementMember.objects.get()
    assert member.independence == "Of the organisation."
    assert abs(member.independence_at - timezone.now()) < DAY  # type: ignore[operator]  # just stated


def test_a_moment_without_a_statement_is_refused_by_the_database(engagement: Engagement) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        engagement.members.update(independence_at=timezone.now())


# What exists for the team ---------------------------------------------------------------------------------------------


def test_access_ends_at_once_and_can_be_given_again(
    world: World, engagement: Engagement, officer: User, auditor: User
) -> None:
    assert visible(Evidence.objects.all(), auditor).exists() or visible(JobEvent.objects.all(), auditor).exists()
    engagements.end_access(engagement=engagement, actor=officer)
    engagements.end_access(engagement=engagement, actor=officer)
    assert not visible(Engagement.objects.all(), auditor).exists()
    assert not visible(EngagementMember.objects.all(), auditor).exists()
    assert not visible(AISystem.objects.all(), auditor).exists()
    assert not visible(JobEvent.objects.all(), auditor).exists()
    assert not visible(Evidence.objects.all(), auditor).exists()
    assert not visible(TrailEntry.objects.all(), auditor).exists()
    assert LedgerEvent.objects.filter(kind="engagement.access_ended").count() == 1
    engagements.change(engagement=engagement, draft=records.audit(auditor, [world.assessment]), actor=officer)
    assert visible(AISystem.objects.all(), auditor).exists()


def test_without_an_open_room_only_the_catalogue_is_there(world: World, auditor: User, officer: User) -> None:
    SigningKey.objects.create(name="Build pipeline", algorithm="Ed25519", fingerprint="a" * 64, pem="-")
    assert visible(SigningKey.objects.all(), auditor).exists()
    engagements.end_access(engagement=Engagement.objects.get(), actor=officer)
    assert not visible(SigningKey.objects.all(), auditor).exists()
    assert visible(type(world.technique).objects.all(), auditor).exists()


def test_a_system_without_an_assessment_is_seen(world: World, officer: User, auditor: User) -> None:
    other = world.other_assessment.system
    opened(auditor, [], officer, systems=[other])
    assert other in visible(AISystem.objects.all(), auditor)
    assert world.other_assessment not in visible(Assessment.objects.all(), auditor)
    assert world.other_event in visible(JobEvent.objects.all(), auditor)


def test_job_events_of_other_days_are_not_there(world: World, engagement: Engagement, auditor: User) -> None:
    Engagement.objects.update(period_start=date(2026, 6, 1))
    assert not visible(JobEvent.objects.all(), auditor).exists()


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_days_of_an_audit_are_those_of_utc_for_every_reader(
    world: World, engagement: Engagement, auditor: User, zone: str
) -> None:
    Engagement.objects.update(period_start=date(2026, 6, 1), period_end=date(2026, 6, 30))
    moments = {
        datetime(2026, 5, 31, 23, 59, tzinfo=UTC): False,
        datetime(2026, 6, 1, 0, 0, tzinfo=UTC): True,
        datetime(2026, 6, 30, 23, 59, tzinfo=UTC): True,
        datetime(2026, 7, 1, 0, 0, tzinfo=UTC): False,
    }
    seen = {}
    for moment in moments:
        JobEvent.objects.update(occurred_at=moment)
        with timezone.override(zone):
            seen[moment] = visible(JobEvent.objects.all(), auditor).exists()
    assert seen == moments


def test_accounts_and_regions_bound_the_job_log(world: World, engagement: Engagement, auditor: User) -> None:
    inside, outside, unnamed = world.events[0], world.events[1], world.events[2]
    JobEvent.objects.filter(pk=inside.pk).update(account="1111", region="eu-west-1")
    JobEvent.objects.filter(pk=outside.pk).update(account="2222", region="eu-west-1")
    JobEvent.objects.filter(pk=unnamed.pk).update(account="", region="")
    Engagement.objects.update(accounts=["1111"], regions=["eu-west-1"])
    assert {*visible(JobEvent.objects.all(), auditor)} == {inside, unnamed}
    Engagement.objects.update(regions=["us-east-1"])
    assert {*visible(JobEvent.objects.all(), auditor)} == {unnamed}


def test_colleagues_of_another_engagement_see_nothing_of_this_one(world: World, officer: User) -> None:
    stranger = person("Sid Stranger", Role.AUDITOR)
    own = opened(stranger, [world.other_assessment], officer)
    assert [*visible(Engagement.objects.all(), stranger)] == [own]
    assert [member.user for member in visible(EngagementMember.objects.all(), stranger)] == [stranger]


def test_contributors_and_machines_see_no_engagement(world: World, contributor: User, collector: User) -> None:
    for user in (contributor, collector):
        assert not visible(Engagement.objects.all(), user).exists()
