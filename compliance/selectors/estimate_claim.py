"""What the playbook says about weeks, beside what the record says: by AI system, by task, and whether it holds so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncDate
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.choices import label
from compliance.models import RemediationItem
from compliance.selectors.playbook import Programme, programme
from compliance.selectors.remediation_figures import ITEMS, Scope
from compliance.selectors.remediation_lists import ANY
from compliance.types.estimate_claim import (
    FEWEST_SYSTEMS,
    Claim,
    ClaimVerdict,
    Elapsed,
    Judged,
    Standing,
    TaskRecord,
    elapsed,
    judged,
    median_of,
    standing_of,
)
from compliance.types.figures import Cell, Drawn, Figure, Number, Row

MOST_SYSTEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemLine:
    """One AI system: what it did, and what that says about the estimate."""

    name: str
    uuid: UUID
    elapsed: Elapsed
    standing: Standing

    @property
    def words(self) -> str:
        """What it says about the estimate, for people."""
        return str(label(self.standing))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLine:
    """One task over all systems: medians of weeks, sums of the rest."""

    key: str
    title: str
    items: int
    closed: int
    weeks_planned: Decimal | None
    weeks_taken: Decimal | None
    planned: Decimal
    spent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPage:
    """The estimate as it is told, and the record beside it. systems: by name."""

    claim: str
    weeks_low: int
    weeks_high: int
    tasks: int
    systems: tuple[SystemLine, ...]
    task_lines: tuple[TaskLine, ...]
    judged: Judged

    @property
    def sentence(self) -> str:
        """Whether it holds so far, in words."""
        return sentence_of(self.judged, low=self.weeks_low, high=self.weeks_high)


def claim_page(items: QuerySet[RemediationItem], *, today: date) -> ClaimPage | None:
    """The comparison over these items; None where no playbook is loaded, or it tells no weeks."""
    shipped = programme()
    if shipped is None or not shipped.weeks_high:
        return None
    keys = frozenset(task.key for task in shipped.tasks)
    claim = Claim(tasks=keys, weeks_low=shipped.weeks_low, weeks_high=shipped.weeks_high)
    records = _records(items, keys)
    systems = tuple(
        SystemLine(
            name=name,
            uuid=uuid,
            elapsed=elapsed(found, tasks=keys, today=today),
            standing=standing_of(found, claim=claim, today=today),
        )
        for (uuid, name), found in sorted(records.items(), key=lambda pair: (pair[0][1].casefold(), str(pair[0][0])))
    )
    return ClaimPage(
        claim=shipped.claim,
        weeks_low=shipped.weeks_low,
        weeks_high=shipped.weeks_high,
        tasks=len(keys),
        systems=systems,
        task_lines=_task_lines(shipped, [record for found in records.values() for record in found], today),
        judged=judged((line.standing, line.elapsed) for line in systems),
    )


def _records(items: QuerySet[RemediationItem], keys: frozenset[str]) -> dict[tuple[UUID, str], list[TaskRecord]]:
    """One query, whatever the number of items."""
    rows = (
        items.filter(playbook_task__in=keys)
        .order_by()
        .values("system__uuid", "system__name", "playbook_task")
        .annotate(
            items=Count("pk"),
            closed=Count("pk", filter=Q(closed_at__isnull=False)),
            with_baseline=Count("baseline"),
            opened_on=Min(TruncDate("created_at", tzinfo=UTC)),
            planned_until=Max(Coalesce(F("baseline__due_on"), F("original_due_on"))),
            last_closed=Max(TruncDate("closed_at", tzinfo=UTC)),
            planned=Sum("effort_planned"),
            spent=Sum("effort_spent"),
        )
    )
    found: dict[tuple[UUID, str], list[TaskRecord]] = defaultdict(list)
    for row in rows:
        record = TaskRecord(
            task=row["playbook_task"],
            items=row["items"],
            closed=row["closed"],
            baselines=row["with_baseline"],
            opened_on=row["opened_on"],
            planned_until=row["planned_until"],
            closed_on=row["last_closed"] if row["closed"] == row["items"] else None,
            planned=row["planned"],
            spent=row["spent"],
        )
        found[row["system__uuid"], row["system__name"]].append(record)
    return found


def _task_lines(shipped: Programme, records: Sequence[TaskRecord], today: date) -> tuple[TaskLine, ...]:
    lines = []
    for task in shipped.tasks:
        of_task = [record for record in records if record.task == task.key]
        spans = [elapsed([record], tasks=[task.key], today=today) for record in of_task]
        lines.append(
            TaskLine(
                key=task.key,
                title=task.title,
                items=sum(span.items for span in spans),
                closed=sum(span.closed for span in spans),
                weeks_planned=median_of(span.weeks_planned for span in spans),
                weeks_taken=median_of(span.weeks_taken for span in spans),
                planned=sum((span.planned for span in spans), Decimal(0)),
                spent=sum((span.spent for span in spans), Decimal(0)),
            )
        )
    return tuple(lines)


# In words -------------------------------------------------------------------------------------------------------------


def sentence_of(found: Judged, *, low: int, high: int) -> str:
    """Whether an estimate of weeks holds so far, and on what that rests."""
    standings = found.standings
    counts = {
        "n": found.counting, "low": low, "high": high, "told": standings[Standing.AS_TOLD],
        "longer": standings[Standing.LONGER], "shorter": standings[Standing.SHORTER], "fewest": FEWEST_SYSTEMS,
    }  # fmt: skip
    if found.verdict is ClaimVerdict.NOT_ENOUGH:
        words = ngettext(
            "Not enough on record to tell: %(n)d AI system has done all tasks or is past %(high)d weeks with them; at "
            "least %(fewest)d are needed.",
            "Not enough on record to tell: %(n)d AI systems have done all tasks or are past %(high)d weeks with them; at "
            "least %(fewest)d are needed.",
            found.counting,
        )
        return words % counts
    whole = {
        ClaimVerdict.HOLDS: _("It holds so far: most took as long as it says."),
        ClaimVerdict.LONGER: _("It does not hold so far: most took longer."),
        ClaimVerdict.SHORTER: _("It does not hold so far: most took less time."),
    }.get(found.verdict, _("It does not hold so far: no more than half took as long as it says."))
    parts = _(
        "Of %(n)d AI systems that tell, %(told)d took %(low)d to %(high)d weeks, %(longer)d took longer or are past "
        "%(high)d weeks already, and %(shorter)d took less."
    )
    return f"{whole} {parts % counts}"


# As figures -----------------------------------------------------------------------------------------------------------


def figures(scope: Scope) -> tuple[Figure, ...]:
    """The comparison by AI system and by task; none where there is no estimate to compare with."""
    page = claim_page(scope.items, today=scope.today)
    return (_by_system(scope, page), _by_task(scope, page)) if page else ()


def _by_system(scope: Scope, page: ClaimPage) -> Figure:
    shown, more = page.systems[:MOST_SYSTEMS], page.systems[MOST_SYSTEMS:]
    rows = [_row(scope, line.name, line.elapsed, str(line.uuid)) for line in shown]
    if len(page.systems) > 1:
        rows.append(_total(scope, page))
    note = _("Weeks of all of them are medians; the median of weeks taken is of those that are done.")
    if more:
        note += " " + _("%d more AI systems are counted in it; the page of the playbook lists them.") % len(more)
    return Figure(
        key="estimate-by-system",
        title=_("The told estimate beside the record"),
        lead=f"“{page.claim}” {page.sentence}",
        head=_("AI system"),
        series=_series(_("Weeks taken, or so far")),
        rows=tuple(rows),
        unit=_("weeks, items and person-days, over the whole record"),
        drawn=Drawn.GROUPED,
        drawn_series=2,
        note=note,
    )


def _by_task(scope: Scope, page: ClaimPage) -> Figure:
    rows = tuple(
        Row(
            line.title,
            (
                Cell(line.weeks_planned),
                Cell(line.weeks_taken),
                *_counted(scope, line.items, line.closed, playbook=line.key),
                Cell(line.planned),
                Cell(line.spent),
            ),
        )
        for line in page.task_lines
    )
    return Figure(
        key="estimate-by-task",
        title=_("Tasks of the playbook: weeks and effort"),
        lead=_("Of each task: medians of weeks over the AI systems that opened it, and sums of effort."),
        head=_("Task"),
        series=_series(_("Weeks taken")),
        rows=rows,
        unit=_("weeks, items and person-days, over the whole record"),
    )


def _series(weeks: str) -> tuple[str, ...]:
    return (
        _("Weeks planned"), weeks, _("Items"), _("Items closed"), _("Person-days planned"), _("Person-days spent"),
    )  # fmt: skip


def _row(scope: Scope, name: str, of: Elapsed, system: str) -> Row:
    counted = _counted(scope, of.items, of.closed, playbook=ANY, system=system)
    weeks = (of.weeks_planned, of.weeks_so_far if of.weeks_taken is None else of.weeks_taken)
    return Row(name, (*map(Cell, weeks), *counted, Cell(of.planned), Cell(of.spent)))


def _total(scope: Scope, page: ClaimPage) -> Row:
    spans = [line.elapsed for line in page.systems]
    counted = _counted(scope, _sum(s.items for s in spans), _sum(s.closed for s in spans), playbook=ANY)
    effort = (sum((s.planned for s in spans), Decimal(0)), sum((s.spent for s in spans), Decimal(0)))
    weeks = map(Cell, (page.judged.weeks_planned, page.judged.weeks_taken))
    return Row(_("All of them"), (*weeks, *counted, *map(Cell, effort)))


def _sum(values: Iterable[int]) -> int:
    return sum(values)


def _counted(scope: Scope, items: Number, closed: Number, **asked: str) -> tuple[Cell, Cell]:
    """Items and those of them that are closed, each with its list."""
    return (
        Cell(items, scope.query(**{"state": "all", **asked}), ITEMS),
        Cell(closed, scope.query(**{"state": "closed", **asked}), ITEMS),
    )
