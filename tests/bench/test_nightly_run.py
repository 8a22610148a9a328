"""The nightly run over 100,000 findings and 20,000 items: the first night, a usual one, and one in which every limit ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.utils import timezone

from compliance.models import Finding, Notice, ReferenceControl, RemediationItem, Risk, SlaClock, User
from compliance.services import findings as findings_service
from compliance.services import inventory, nightly, reminders, time_limits
from compliance.types.business_time import Hours
from compliance.types.canonical import sha256_hex
from compliance.types.sla import Limit, SlaUnit
from compliance.types.states import Role, Severity
from tests.compliance import records
from tests.compliance.conftest import person

pytestmark = [pytest.mark.bench, pytest.mark.django_db]
DAY = Decimal(1)
FINDINGS, ITEMS, MOST_SECONDS = 100_000, 20_000, 60.0
WEEK = [Hours(weekday=day, start=9 * 60, end=17 * 60) for day in range(5)]


def copied_findings(finding: Finding) -> list[Finding]:
    """So many findings like one, each under a rule of its own."""
    names = [field.attname for field in Finding._meta.concrete_fields if not field.generated]
    given = {name: getattr(finding, name) for name in names if name not in {"id", "uuid"}}
    severities = list(Severity)
    rows = (
        Finding(**given | {"rule_fingerprint": sha256_hex(str(n).encode()), "severity": severities[n % 4].value})
        for n in range(FINDINGS)
    )
    return Finding.objects.bulk_create(rows, batch_size=1000)


def first_finding(actor: User) -> Finding:
    """A finding that a person made, to be copied."""
    records.catalogue()
    system = inventory.define_system(name="Digit reader", description="Reads amounts.", owner=actor, actor=actor)
    return findings_service.open_by_person(
        system=system, target=ReferenceControl.objects.all()[0], title="It stands", condition="Seen.", cause="", effect="",
        severity=Severity.HIGH, actor=actor,
    )  # fmt: skip


def large(finding: Finding, owners: list[User]) -> None:
    findings = copied_findings(finding)
    risks = Risk.objects.bulk_create(
        (Risk(finding=row, title="R", statement="S", severity=row.severity) for row in findings[:ITEMS]),
        batch_size=1000,
    )
    items = RemediationItem.objects.bulk_create(
        (
            RemediationItem(
                system=finding.system, title=f"Mend {n}", owner=owners[n % len(owners)], effort_planned=1,
                estimate_low=DAY, estimate_likely=DAY, estimate_high=DAY, remaining=DAY, due_on=due, original_due_on=due,
                opened_by=owners[0],
            )
            for n, due in ((n, date(2026, 1, 1) + timedelta(days=n % 700)) for n in range(ITEMS))
        ),
        batch_size=1000,
    )  # fmt: skip
    through = RemediationItem.risks.through
    pairs = zip(items, risks, strict=True)
    through.objects.bulk_create(
        (through(remediationitem_id=item.pk, risk_id=risk.pk) for item, risk in pairs), batch_size=1000
    )


def timed(what: str, act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    took = time.perf_counter() - began
    print(f"{what}: {took:.1f} s")
    return took


def night(moment: datetime) -> None:
    steps = nightly.run(now=moment).steps
    print(steps)
    assert not [step for step in steps if step["error"]]


def test_a_nightly_run_takes_a_minute_at_most() -> None:
    officer, manager = person("Olga Officer", Role.OFFICER), person("Mira Manager", Role.MANAGER)
    finding = first_finding(officer)
    time_limits.write_calendar(
        key="usual", draft=time_limits.CalendarDraft(title="Usual", zone="Europe/Berlin", hours=WEEK), actor=officer
    )
    limits = [Limit(severity=severity, amount=80, unit=SlaUnit.WORKING_HOURS) for severity in Severity]
    time_limits.put_in_force(limits=limits, near_percent=80, calendar="usual", reason="", actor=officer)
    large(finding, [officer, manager, person("Omar Officer", Role.OFFICER)])
    nights = {
        "first night": timezone.now(),
        "usual night": timezone.now() + timedelta(days=1),
        "night of all limits": datetime.now(UTC) + timedelta(days=30),
        "night after it": datetime.now(UTC) + timedelta(days=31),
    }
    for name, moment in nights.items():
        assert timed(name, partial(night, moment)) <= MOST_SECONDS
    assert SlaClock.objects.count() >= FINDINGS
    assert timed("reminders", lambda: reminders.remind(now=timezone.now())) <= MOST_SECONDS
    assert timed("reminders again", lambda: reminders.remind(now=timezone.now())) <= MOST_SECONDS
    assert Notice.objects.filter(count__gt=0).count() < 100
