"""Nights over a large record, measured within an installation: wall seconds, and processor seconds of both sides.

`tests/bench/test_nightly_run.py` runs this in a process of the installation and prints what it answers. The record has findings
that a person made, a fifth of them with a risk and an item, and time limits that all end in the same night. Of the items a
quarter can be closed, which the first night proposes and every night looks at again, and half mend what was found in a model
that has a later version, in which every night looks for the same test.
"""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from compliance.models import AIModel, Finding, ModelVersion, Observation, ReferenceControl, RemediationItem, Risk, User
from compliance.oscal.catalog_files import SHIPPED
from compliance.services import catalogs, inventory, nightly, reminders, time_limits
from compliance.services import findings as findings_service
from compliance.types.business_time import Hours
from compliance.types.canonical import sha256_hex
from compliance.types.sla import Limit, SlaUnit
from compliance.types.states import Method, Role, Severity
from compliance.types.verdicts import Conclusion, StageVerdict
from tests.bench.import_steps import Steps

DAY = Decimal(1)
WEEK = [Hours(weekday=day, start=9 * 60, end=17 * 60) for day in range(5)]


def person(name: str, role: Role) -> User:
    """Somebody who can sign in."""
    email = name.lower().replace(" ", ".") + "@example.org"
    return User.objects.create_user(email=email, password=None, name=name, role=role)


def first_finding(actor: User) -> Finding:
    """A finding that a person made, to be copied."""
    system = inventory.define_system(name="Digit reader", description="Reads amounts.", owner=actor, actor=actor)
    return findings_service.open_by_person(
        system=system, target=ReferenceControl.objects.all()[0], title="It stands", condition="Seen.", cause="", effect="",
        severity=Severity.HIGH, actor=actor,
    )  # fmt: skip


def copied(finding: Finding, count: int) -> list[Finding]:
    """So many findings like one, each under a rule of its own."""
    names = [field.attname for field in Finding._meta.concrete_fields if not field.generated]
    given = {name: getattr(finding, name) for name in names if name not in {"id", "uuid"}}
    severities = list(Severity)
    rows = (
        Finding(**given | {"rule_fingerprint": sha256_hex(str(n).encode()), "severity": severities[n % 4].value})
        for n in range(count)
    )
    return Finding.objects.bulk_create(rows, batch_size=1000)


def worked_on(findings: list[Finding], owners: list[User]) -> None:
    """A risk and an item for each of these findings; the items are due on 700 days in turn."""
    risks = Risk.objects.bulk_create(
        (Risk(finding=row, title="R", statement="S", severity=row.severity) for row in findings), batch_size=1000
    )
    items = RemediationItem.objects.bulk_create(
        (
            RemediationItem(
                system=row.system, title=f"Mend {n}", owner=owners[n % len(owners)], effort_planned=1,
                estimate_low=DAY, estimate_likely=DAY, estimate_high=DAY, remaining=DAY, due_on=due, original_due_on=due,
                opened_by=owners[0],
            )
            for n, row, due in ((n, row, date(2026, 1, 1) + timedelta(days=n % 700)) for n, row in enumerate(findings))
        ),
        batch_size=1000,
    )  # fmt: skip
    through = RemediationItem.risks.through
    pairs = zip(items, risks, strict=True)
    through.objects.bulk_create(
        (through(remediationitem_id=item.pk, risk_id=risk.pk) for item, risk in pairs), batch_size=1000
    )


def seen_again(findings: list[Finding]) -> None:
    """A quarter of these findings is satisfied, by observations newer than their risks; half stand on a replaced model."""
    system, quarter = findings[0].system, len(findings) // 4
    model = AIModel.objects.create(system=system, name="digits")
    versions = [
        ModelVersion.objects.create(model=model, label=label, digest=sha256_hex(label.encode())) for label in ("1", "2")
    ]
    gone, stand = findings[:quarter], findings[quarter : 3 * quarter]
    Finding.objects.filter(pk__in=[row.pk for row in gone]).update(state=Conclusion.SATISFIED)
    Finding.objects.filter(pk__in=[row.pk for row in stand]).update(model_version=versions[0])
    seen = Observation.objects.bulk_create(
        (
            Observation(
                system=system, source_uuid=uuid4(), fingerprint=sha256_hex(str(n).encode()), producer="modelscan",
                rule=f"rule-{n}", title="Seen", description="Seen.", method=Method.TEST, asset_kind="model_file",
                asset_name="digits", verdict=StageVerdict.NO_EVIDENCE_AT_POWER if n < quarter else StageVerdict.EVIDENCE_FOUND,
                model_version=None if n < quarter else versions[0],
            )
            for n in range(len(gone) + len(stand))
        ),
        batch_size=1000,
    )  # fmt: skip
    through = Finding.observations.through
    pairs = zip(gone + stand, seen, strict=True)
    through.objects.bulk_create(
        (through(finding_id=row.pk, observation_id=one.pk) for row, one in pairs), batch_size=1000
    )


def made(findings: int, items: int) -> None:
    """The record: limits of 80 working hours for every severity, findings, and work on some of them."""
    catalogs.load(folder=SHIPPED, apply=True, actor=None)
    officer = person("Olga Officer", Role.OFFICER)
    owners = [officer, person("Mira Manager", Role.MANAGER), person("Omar Officer", Role.OFFICER)]
    finding = first_finding(officer)
    usual = time_limits.CalendarDraft(title="Usual", zone="Europe/Berlin", hours=WEEK)
    time_limits.write_calendar(key="usual", draft=usual, actor=officer)
    limits = [Limit(severity=severity, amount=80, unit=SlaUnit.WORKING_HOURS) for severity in Severity]
    time_limits.put_in_force(limits=limits, near_percent=80, calendar="usual", reason="", actor=officer)
    with transaction.atomic():
        mended = copied(finding, findings)[:items]
        worked_on(mended, owners)
        seen_again(mended)


def night(moment: datetime) -> dict[str, Any]:
    """What each step of one nightly run did, and for how long."""
    steps = nightly.run(now=moment).steps
    assert not [step for step in steps if step["error"]], steps
    return {step["step"]: [step["seconds"], step["counts"]] for step in steps}


def measured(findings: int, items: int) -> dict[str, Any]:
    """Seconds by night as `Steps` has them, what the steps of each did, and the peak of memory in MiB."""
    made(findings, items)
    gc.collect()
    now, spent, told = timezone.now(), Steps(), {}
    acts: dict[str, Callable[[], Any]] = {
        "first night": partial(night, now),
        "usual night": partial(night, now + timedelta(days=1)),
        "night of all limits": partial(night, now + timedelta(days=30)),
        "night after it": partial(night, now + timedelta(days=31)),
        "reminders": partial(reminders.remind, now=now),
        "reminders again": partial(reminders.remind, now=now),
    }
    for name, act in acts.items():
        with spent.timed(name):
            told[name] = act()
    return {
        "spent": spent.spent,
        "told": {name: done if isinstance(done, dict) else str(done) for name, done in told.items()},
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
