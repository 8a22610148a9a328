"""Figures of remediation for those who plan it: what is open, what came and went, what it takes, when it may be done.

Each is one aggregate of the database over the rows that the reader sees, and each number names the list of its rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from decimal import Decimal
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Case, CharField, Count, DateTimeField, Q, QuerySet, Value, When
from django.db.models.functions import TruncWeek
from django.utils.translation import gettext as _

from compliance.choices import label
from compliance.models import Finding, RemediationItem
from compliance.selectors.finding_pages import first_seen, fixed_once
from compliance.types.days import start_of
from compliance.types.figures import Cell, Drawn, Figure, Row
from compliance.types.finding_ages import AGES
from compliance.types.forecast import Forecast, forecast
from compliance.types.states import RemediationState, Severity
from compliance.types.verdicts import Conclusion

FINDINGS, ITEMS = "finding-list", "remediation-list"
WEEKS = 26
_WEEK = timedelta(weeks=1)
PERIODS = (30, 90, 365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What figures are drawn from: rows that the reader sees, of one AI system where it is named; as of a day, over a
    period of so many days that ends with it."""

    items: QuerySet[RemediationItem]
    findings: QuerySet[Finding]
    today: date
    days: int
    system: UUID | None = None

    @property
    def since(self) -> date:
        """First day of the period."""
        return self.today - timedelta(days=self.days - 1)

    @property
    def before(self) -> date:
        """First day of the period before it."""
        return self.since - timedelta(days=self.days)

    def query(self, **asked: object) -> str:
        """A query of a list, narrowed to the system as the figures are."""
        of_system = {"system": str(self.system)} if self.system else {}
        return urlencode({**{name: str(value) for name, value in asked.items()}, **of_system})


def age_words(name: str) -> str:
    """An age for people."""
    least, below = AGES[name]
    if below is None:
        return _("%d days and more") % least
    return _("%(least)d to %(most)d days") % {"least": least, "most": below - 1}


def age_mark(name: str) -> str:
    """An age as a chart has room for."""
    least, below = AGES[name]
    return (
        _("%d+ days") % least if below is None else _("%(least)d–%(most)d days") % {"least": least, "most": below - 1}
    )


def open_by_age(scope: Scope) -> Figure:
    """Findings that stand, by days since they were first seen, and severity."""
    whens = [When(first_seen(name, scope.today), then=Value(name)) for name in AGES]
    ages = Case(*whens, default=Value(""), output_field=CharField())
    standing = scope.findings.filter(state=Conclusion.NOT_SATISFIED).order_by()
    counted = standing.annotate(age=ages).values_list("age", "severity").annotate(n=Count("pk"))
    found = {(age, severity): n for age, severity, n in counted}

    def cell(age: str, severity: Severity) -> Cell:
        query = scope.query(state=Conclusion.NOT_SATISFIED.value, severity=severity.value, age=age)
        return Cell(found.get((age, severity.value), 0), query, FINDINGS)

    return Figure(
        key="open-findings",
        title=_("Open findings by age and severity"),
        lead=_("Findings that stand, by whole days since they were first seen."),
        head=_("Age"),
        series=tuple(str(label(severity)) for severity in Severity),
        rows=tuple(Row(age_words(age), tuple(cell(age, s) for s in Severity), age_mark(age)) for age in AGES),
        unit=_("findings"),
        drawn=Drawn.STACKED,
    )


def reappearance(scope: Scope) -> Figure:
    """Of findings that were fixed at least once, how many came back."""
    fixed, back = fixed_once(), Q(reappearances__gt=0)
    counted = scope.findings.filter(fixed).order_by().values_list("severity")
    found = {
        severity: (n, again) for severity, n, again in counted.annotate(n=Count("pk"), again=Count("pk", filter=back))
    }
    rows = []
    for severity in Severity:
        n, again = found.get(severity.value, (0, 0))
        queries = [
            scope.query(state="all", severity=severity.value, **{name: "on"}) for name in ("fixed_once", "came_back")
        ]
        share = round(Decimal(100 * again) / n, 1) if n else None
        rows.append(
            Row(str(label(severity)), (Cell(n, queries[0], FINDINGS), Cell(again, queries[1], FINDINGS), Cell(share)))
        )
    return Figure(
        key="reappearance",
        title=_("Reappearance"),
        lead=_("Findings that a new test once no longer reproduced, and those of them that a later test found again."),
        head=_("Severity"),
        series=(_("Fixed at least once"), _("Came back"), _("Came back, in percent")),
        rows=tuple(rows),
        unit=_("findings, and percent"),
        drawn=Drawn.GROUPED,
        drawn_series=2,
    )


OpenDates = Mapping[tuple[str, date], int]


def open_dates(scope: Scope) -> OpenDates:
    """How many items of each state are open with each due date; what figures of open work are made of."""
    working = scope.items.exclude(state=RemediationState.CLOSED).order_by()
    counted = working.values_list("state", "due_on").annotate(n=Count("pk"))
    return {(state, due): n for state, due, n in counted}


def open_by_state(scope: Scope, dates: OpenDates) -> Figure:
    """Items that are not closed, by state and whether their date is past."""
    rows = []
    for state in RemediationState:
        if state is RemediationState.CLOSED:
            continue
        of_state = {due: n for (one, due), n in dates.items() if one == state.value}
        overdue = sum(n for due, n in of_state.items() if due < scope.today)
        query = scope.query(state=state.value)
        late_query = scope.query(state=state.value, overdue="on")
        cells = (Cell(sum(of_state.values()), query, ITEMS), Cell(overdue, late_query, ITEMS))
        rows.append(Row(str(label(state)), cells))
    return Figure(
        key="open-items",
        title=_("Open remediation items by state"),
        lead=_("Items that are not closed, and those of them whose due date is past."),
        head=_("State"),
        series=(_("Items"), _("Overdue")),
        rows=tuple(rows),
        unit=_("items"),
        drawn=Drawn.GROUPED,
    )


@dataclass(frozen=True, slots=True)
class Week:
    """One week: what was opened and closed in it, and in all up to its end."""

    first: date
    opened: int
    closed: int
    opened_so_far: int
    closed_so_far: int

    @property
    def last(self) -> date:
        """Its Sunday."""
        return self.first + timedelta(days=6)


def weeks_of(scope: Scope) -> tuple[Week, ...]:
    """The last weeks up to the present one, from one query."""
    monday = scope.today - timedelta(days=scope.today.weekday())
    first = monday - timedelta(weeks=WEEKS - 1)
    flows = _by_week(scope.items.order_by(), first)
    all_opened, all_closed = (flows.get((moment, first - _WEEK), 0) for moment in ("created_at", "closed_at"))
    weeks = list[Week]()
    for number in range(WEEKS):
        day = first + timedelta(weeks=number)
        came, went = flows.get(("created_at", day), 0), flows.get(("closed_at", day), 0)
        all_opened, all_closed = all_opened + came, all_closed + went
        weeks.append(Week(day, came, went, all_opened, all_closed))
    return tuple(weeks)


def _by_week(items: QuerySet[RemediationItem], first: date) -> dict[tuple[str, date], int]:
    """Items by week of opening and of closing, in one query; all before the first week stand in the one before it."""
    start, before = start_of(first), Value(start_of(first - _WEEK), output_field=DateTimeField())
    parts = [
        items.filter(**{f"{moment}__{when}": start})
        .annotate(what=Value(moment), week=week)
        .values_list("what", "week")
        .annotate(n=Count("pk"))
        for moment in ("created_at", "closed_at")
        for when, week in (("gte", TruncWeek(moment, tzinfo=UTC)), ("lt", before))
    ]
    return {(what, week.date()): n for what, week, n in parts[0].union(*parts[1:], all=True)}


def burn_down(scope: Scope, weeks: tuple[Week, ...]) -> Figure:
    """Items open at the end of each week."""
    rows = tuple(
        Row(
            week.last.isoformat(),
            (Cell(week.opened_so_far - week.closed_so_far, scope.query(state="all", open_on=week.last), ITEMS),),
            f"{week.last:%d %b}",
        )
        for week in weeks
    )
    return Figure(
        key="burn-down",
        title=_("Burn-down"),
        lead=_("Items that were open when each week ended; the last week is not over."),
        head=_("Week ending"),
        series=(_("Open"),),
        rows=rows,
        unit=_("items"),
        drawn=Drawn.LINES,
    )


def burn_up(scope: Scope, weeks: tuple[Week, ...]) -> Figure:
    """Items opened and closed in all, up to the end of each week."""
    rows = tuple(
        Row(
            week.last.isoformat(),
            (
                Cell(week.opened_so_far, scope.query(state="all", opened_to=week.last), ITEMS),
                Cell(week.closed_so_far, scope.query(state="all", closed_to=week.last), ITEMS),
            ),
            f"{week.last:%d %b}",
        )
        for week in weeks
    )
    return Figure(
        key="burn-up",
        title=_("Burn-up"),
        lead=_(
            "Items opened and items closed in all, up to the end of each week: where the lines meet, nothing is open."
        ),
        head=_("Week ending"),
        series=(_("Opened in all"), _("Closed in all")),
        rows=rows,
        unit=_("items"),
        drawn=Drawn.LINES,
    )


def flow(scope: Scope, weeks: tuple[Week, ...]) -> Figure:
    """Items opened and closed in each week."""
    rows = tuple(
        Row(
            week.first.isoformat(),
            (
                Cell(week.opened, scope.query(state="all", opened_from=week.first, opened_to=week.last), ITEMS),
                Cell(week.closed, scope.query(state="all", closed_from=week.first, closed_to=week.last), ITEMS),
            ),
            f"{week.first:%d %b}",
        )
        for week in weeks
    )
    return Figure(
        key="flow",
        title=_("Opened and closed by week"),
        lead=_("Items opened and items closed in each week; the forecast draws from the second column."),
        head=_("Week from"),
        series=(_("Opened"), _("Closed")),
        rows=rows,
        unit=_("items"),
        drawn=Drawn.GROUPED,
    )


def outlook(scope: Scope, weeks: tuple[Week, ...]) -> Forecast:
    """When what is open may be done, from the whole weeks since the first item was opened."""
    over = [week for week in weeks if week.last < scope.today and week.opened_so_far]
    backlog = weeks[-1].opened_so_far - weeks[-1].closed_so_far
    return forecast([week.closed for week in over], backlog=backlog)
