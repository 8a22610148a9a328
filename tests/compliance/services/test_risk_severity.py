"""Severity of a risk: that of its finding, as the newest report states it, unless a person set it or somebody lives with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from compliance.models import LedgerEvent, Risk, SlaClock, User
from compliance.services import priorities, risk_acceptances, sla_clocks, time_limits
from compliance.services.risk_acceptances import AcceptanceDraft
from compliance.services.time_limits import CalendarDraft
from compliance.types.business_time import Hours
from compliance.types.sla import Limit, SlaUnit
from compliance.types.states import Severity
from compliance.types.verdicts import StageVerdict
from tests.compliance import records
from tests.compliance.conftest import Browse, World

pytestmark = pytest.mark.django_db
DAY = 24 * 60 * 60


def graded(world: World, severity: Severity, day: int) -> None:
    """One more scan of the tuned model, which states this severity, some days after the first."""
    at = records.LONG_AGO + timedelta(days=day)
    records.observed(world.tuned, StageVerdict.EVIDENCE_FOUND, at=at, severity=severity)


def limited(actor: User, days: Mapping[Severity, int]) -> None:
    """So many days for findings of each of these severities."""
    hours = [Hours(weekday=0, start=9 * 60, end=17 * 60)]
    draft = CalendarDraft(title="Usual", zone="UTC", hours=hours)
    time_limits.write_calendar(key="usual", draft=draft, actor=actor)
    limits = [Limit(severity=severity, amount=amount, unit=SlaUnit.DAYS) for severity, amount in days.items()]
    time_limits.put_in_force(limits=limits, near_percent=80, calendar="usual", reason="", actor=actor)


def risk_of(world: World) -> Risk:
    return Risk.objects.get(finding=world.finding)


def clock_of(world: World) -> SlaClock:
    return SlaClock.objects.get(finding=world.finding, ended_at=None)


def test_a_report_that_states_another_severity_takes_risk_and_limit_along(
    world: World, officer: User, browse: Browse
) -> None:
    limited(officer, {Severity.CRITICAL: 5, Severity.LOW: 60})
    sla_clocks.follow(actor=None)
    assert clock_of(world).limit_seconds == 5 * DAY
    graded(world, Severity.LOW, 1)
    assert risk_of(world).severity == "low"
    assert (clock_of(world).severity, clock_of(world).limit_seconds) == ("low", 60 * DAY)
    graded(world, Severity.LOW, 2)
    (told,) = LedgerEvent.objects.filter(kind="risk.severity_followed")
    assert told.subject_uuid == risk_of(world).uuid
    said = told.entry.payload
    assert (said["before"], said["after"], said["finding"]) == ("critical", "low", str(world.finding.uuid))
    page = browse(officer).get(reverse("finding-detail", args=[world.finding.uuid]))
    sentences = [step.sentence for step in page.context["content"].story.steps]
    assert "Severity went from “Critical” to “Low” with what a report states" in sentences


def test_no_report_changes_the_severity_that_a_person_set(world: World, officer: User) -> None:
    priorities.grade_by_hand(finding=world.finding, severity=Severity.HIGH, words="Served.", actor=officer)
    graded(world, Severity.LOW, 1)
    assert risk_of(world).severity == "high"
    priorities.grade_by_hand(finding=world.finding, severity=None, words="As reported.", actor=officer)
    assert risk_of(world).severity == "low"
    assert not LedgerEvent.objects.filter(kind="risk.severity_followed").exists()


def test_no_report_changes_the_severity_of_a_risk_that_is_accepted_until_that_ends(
    world: World, officer: User, manager: User
) -> None:
    last = timezone.localdate() + timedelta(days=9)
    draft = AcceptanceDraft(reason="For now.", ends_on=last, review_on=last, compensation="Read twice.")
    acceptance = risk_acceptances.request(finding=world.finding, draft=draft, actor=officer)
    risk_acceptances.approve(acceptance=acceptance, words="", actor=manager)
    graded(world, Severity.LOW, 1)
    assert risk_of(world).severity == "critical"
    risk_acceptances.expire(timezone.now() + timedelta(days=10))
    assert risk_of(world).severity == "low"


def test_a_risk_of_a_time_when_reports_did_not_reach_it_is_brought_in_line(world: World) -> None:
    Risk.objects.update(severity=Severity.LOW)
    graded(world, Severity.CRITICAL, 1)
    assert risk_of(world).severity == "critical"
