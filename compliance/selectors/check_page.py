"""What the checks on job events found: a line for each rule, and the exceptions of one, each with the way to its event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from compliance.choices import label
from compliance.models import AISystem, CheckRun, Finding, JobEvent, Observation
from compliance.rights import Asker, visible
from compliance.types.checks import PRODUCER, CheckRule
from compliance.types.verdicts import FileScanVerdict

WHOLE = "ai_system"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One rule of a run. finding: what was concluded from it, where anything was."""

    rule: CheckRule
    title: str
    verdict: str
    statement: str
    population: int
    exceptions: int
    undecided: int
    finding: Finding | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPage:
    """One run with all its rules. source: uuid of the run whose observations it stands on."""

    run: CheckRun
    source: UUID
    lines: tuple[CheckLine, ...]
    with_exceptions: int
    without_answer: int


def runs(user: Asker) -> QuerySet[CheckRun]:
    """Runs that ended, latest first."""
    rows = CheckRun.objects.filter(finished_at__isnull=False).select_related("system", "repeats", "job")
    return visible(rows, user).order_by("-finished_at", "-pk")


def latest_run(system: AISystem) -> CheckRun | None:
    """The run of a system that ended last."""
    rows = CheckRun.objects.filter(system=system, finished_at__isnull=False).select_related("repeats")
    return rows.order_by("-finished_at", "-pk").first()


def source_of(run: CheckRun) -> UUID:
    """Whose observations a run stands on: its own, or those of the run that it repeats."""
    return (run.repeats or run).uuid


def check_page(run: CheckRun, user: Asker) -> CheckPage:
    """The page of one run: three queries."""
    source = source_of(run)
    wholes = visible(Observation.objects.filter(source_uuid=source, asset_kind=WHOLE, producer=PRODUCER), user)
    findings = {
        whole.rule: next(iter(whole.findings.all()), None) for whole in wholes.prefetch_related("findings__target")
    }
    lines = tuple(_line(result, findings.get(result["rule"])) for result in run.results)
    return CheckPage(
        run=run,
        source=source,
        lines=lines,
        with_exceptions=sum(line.verdict == FileScanVerdict.FINDING for line in lines),
        without_answer=sum(
            line.verdict not in {FileScanVerdict.FINDING, FileScanVerdict.NOTHING_FOUND} for line in lines
        ),
    )


def _line(result: dict[str, object], finding: Finding | None) -> CheckLine:
    rule = CheckRule(str(result["rule"]))
    return CheckLine(
        rule=rule,
        title=str(label(rule)),
        verdict=str(result["verdict"]),
        statement=str(result["statement"]),
        population=int(str(result["population"])),
        exceptions=int(str(result["exceptions"])),
        undecided=int(str(result["undecided"])),
        finding=finding,
    )


def exceptions_of(run: CheckRun, user: Asker, *, rule: str) -> QuerySet[Observation]:
    """Exceptions that a run listed, of one rule or of all."""
    rows = Observation.objects.filter(source_uuid=source_of(run), producer=PRODUCER).exclude(asset_kind=WHOLE)
    if rule:
        rows = rows.filter(rule=rule)
    return visible(rows, user).order_by("rule", "observed_at", "pk")


def events_of(rows: Iterable[Observation], user: Asker) -> dict[str, JobEvent]:
    """Uuid -> event, for the exceptions of one page, as far as the asker may see."""
    named = [row.facts["event"] for row in rows if row.facts.get("event")]
    found = visible(JobEvent.objects.filter(uuid__in=named).defer("raw", "origins"), user).select_related("actor")
    return {str(event.uuid): event for event in found}


def exceptions_on(event: JobEvent, user: Asker) -> tuple[Observation, ...]:
    """Exceptions of the latest run of the event's system that are about this event."""
    run = latest_run(event.system)
    if run is None:
        return ()
    of_record = Q(source_uuid=source_of(run), asset_digest=event.raw_sha256, producer=PRODUCER)
    rows = visible(Observation.objects.filter(of_record), user).order_by("pk")
    return tuple(row for row in rows if row.facts.get("event") == str(event.uuid))
