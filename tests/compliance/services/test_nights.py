"""Nights of a large record: what a step asks of the database, and what is left when one dies in its middle."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from compliance.models import Closing, Finding, LedgerEvent, ReferenceControl, User
from compliance.services import evidence, findings, nightly, risks, time_limits
from compliance.services.time_limits import CalendarDraft
from compliance.types.business_time import Hours
from compliance.types.risk_life import ClosingState
from compliance.types.sla import Limit, SlaUnit
from compliance.types.states import ModelOrigin, Severity
from compliance.types.verdicts import Conclusion, StageVerdict
from tests.compliance import records
from tests.compliance.conftest import World
from tests.installations import Installation

FOUND, GONE = StageVerdict.EVIDENCE_FOUND, StageVerdict.NO_EVIDENCE_AT_POWER
DAYS = [Hours(weekday=day, start=9 * 60, end=17 * 60) for day in range(5)]


def at_risk(finding: Finding, actor: User) -> Finding:
    risks.identify(finding=finding, actor=actor)
    return finding


def proposable(world: World, actor: User, tag: str) -> Finding:
    """A finding that does not reproduce, on a risk nobody had to work on; what is proposed at once is taken away."""
    finding = at_risk(records.finding_of(records.observed(world.base, FOUND, rule=tag)), actor)
    records.observed(world.base, GONE, rule=tag, at=records.LONG_AGO + timedelta(days=1))
    return finding


def replaced(world: World, actor: User, tag: str) -> None:
    """A finding on a version of a model whose next one was tested, which is proposed to be closed."""
    old = records.model_version(world.base.model.system, f"digits-{tag}", "1", actor=actor, origin=ModelOrigin.OWN)
    finding = at_risk(records.finding_of(records.observed(old, FOUND, rule=tag)), actor)
    records.remediation_item(finding, owner=actor, actor=actor)
    new = records.model_version(world.base.model.system, f"digits-{tag}", "2", actor=actor, origin=ModelOrigin.OWN)
    records.observed(new, GONE, rule=tag)


def by_hand(world: World, actor: User, tag: str) -> None:
    """What a person found, with work on it and evidence of that."""
    system = world.base.model.system
    finding = findings.open_by_person(
        system=system, target=ReferenceControl.objects.all()[0], title=tag, condition="Seen.", cause="", effect="",
        severity=Severity.HIGH, actor=actor,
    )  # fmt: skip
    item = records.remediation_item(finding, owner=actor, actor=actor)
    document = records.evidence(system, tag.encode(), actor=actor, filename=f"{tag}.txt")
    evidence.link(evidence=document, target=item, actor=actor)


def grown(world: World, actor: User, count: int) -> None:
    """So many of each kind of row that a night looks at; half of the proposals of one kind wait, the others fell away."""
    for n in range(count):
        replaced(world, actor, f"replaced-{n}")
        by_hand(world, actor, f"by-hand-{n}")
    waiting = [proposable(world, actor, f"waits-{n}") for n in range(count)]
    back = [proposable(world, actor, f"back-{n}") for n in range(count)]
    Finding.objects.filter(pk__in=[finding.pk for finding in back]).update(state=Conclusion.NOT_SATISFIED)
    new = [proposable(world, actor, f"new-{n}") for n in range(count)]
    Closing.objects.filter(risks__finding__in=new).update(state=ClosingState.LAPSED, basis=[])
    assert (
        Closing.objects.filter(risks__finding__in=[*waiting, *back], state=ClosingState.PROPOSED).count() == 2 * count
    )


def limited(actor: User) -> None:
    draft = CalendarDraft(title="Usual", zone="UTC", hours=DAYS)
    time_limits.write_calendar(key="usual", draft=draft, actor=actor)
    limits = [Limit(severity=severity, amount=10, unit=SlaUnit.DAYS) for severity in Severity]
    time_limits.put_in_force(limits=limits, near_percent=80, calendar="usual", reason="", actor=actor)


def asked(count: int, world: World, actor: User) -> tuple[Counter[tuple[int, str]], Counter[str]]:
    """Statements by night and step over a record of so many rows of each kind, and what was recorded; undone again."""
    statements, kinds = Counter[tuple[int, str]](), Counter[str]()
    with transaction.atomic():
        grown(world, actor, count)
        limited(actor)
        before = LedgerEvent.objects.count()
        for days in (0, 9, 11):
            for name, step in nightly.STEPS.items():
                with CaptureQueriesContext(connection) as queries:
                    step(timezone.now() + timedelta(days=days))
                statements[days, name] = len(queries)
        kinds.update(LedgerEvent.objects.order_by("pk").values_list("kind", flat=True)[before:])
        transaction.set_rollback(True)
    return statements, kinds


@pytest.mark.django_db
def test_no_step_asks_the_database_more_often_for_more_rows(world: World, officer: User) -> None:
    few, told_of_few = asked(2, world, officer)
    many, told_of_many = asked(6, world, officer)
    assert many == few
    for kind in ("closing.proposed", "closing.lapsed", "sla.near", "sla.breached"):
        assert told_of_many[kind] > told_of_few[kind] >= 2, kind


def test_more_closings_wait_than_a_statement_of_sqlite_takes(installation: Installation) -> None:
    installation.python("from tests.bench import nights; nights.made(4_400, 4_400)")
    step = "from django.utils import timezone; from compliance.services.nightly import STEPS as steps; "
    told = [installation.python(f"{step}print(steps['closings'](timezone.now()))").strip() for _ in range(2)]
    assert told == ["{'proposed': 1100}", "{'proposed': 0}"]


# Dying ----------------------------------------------------------------------------------------------------------------

NIGHT = "from datetime import timedelta; from django.utils import timezone; from compliance.services import nightly; "
RUN = NIGHT + "nightly.run(now=timezone.now() + timedelta(days=40))"
# The function named is called, and then the process is gone, as by `kill -9`: what it wrote is not committed.
DYING = """
import django; django.setup()
import os, signal
from compliance.services import {module}
done = {module}.{function}
def dies(*given, **named):
    done(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)
{module}.{function} = dies
"""


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("closing_notices", "tell"),
        ("closing_proposals", "propose"),
        ("sla_clocks", "_begin"),
        ("sla_warnings", "_tellings"),
        ("sla_warnings", "_warn"),
        ("sla_warnings", "warn"),
    ],
)
def test_after_a_night_that_was_killed_the_next_one_goes_on(
    installation: Installation, module: str, function: str
) -> None:
    installation.python("from tests.bench import nights; nights.made(24, 16)")
    process = installation.start_process(["-c", DYING.format(module=module, function=function) + RUN])
    assert process.wait(timeout=100) == -9
    for _ in range(2):
        installation.python(RUN)
    proposed = installation.rows("SELECT count(*), count(DISTINCT item_id) FROM compliance_closing")
    assert proposed == [(4, 4)]
    told = dict(installation.rows("SELECT kind, count(*) FROM compliance_ledgerevent GROUP BY kind"))
    assert (told["closing.proposed"], told["sla.breached"]) == (4, 21)
    assert installation.rows("SELECT count(*) FROM compliance_slaclock WHERE breach_told_at IS NOT NULL") == [(21,)]
    lines = "SELECT sum(count) FROM compliance_notice WHERE kind = 'sla_breached' GROUP BY user_id"
    assert installation.rows(lines) == [(13,)] * 3  # of 12 findings on which somebody works four each, and of 9 others
