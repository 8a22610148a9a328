"""The dashboard of remediation: every figure and the outlook, computed together and kept until anything is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from compliance.models import Finding, RemediationItem
from compliance.rights import Asker, Verb, may, visible
from compliance.selectors import effort_figures, estimate_claim, limit_figures, remediation_figures, slips
from compliance.selectors.cost_figures import cost_figures
from compliance.selectors.costs import rates
from compliance.selectors.kept import kept, record_mark, seen_by
from compliance.selectors.remediation_figures import Scope
from compliance.selectors.slips import Slip
from compliance.selectors.worked_items import worked_items
from compliance.types.figures import Figure, Number
from compliance.types.forecast import FEWEST_CLOSURES, FEWEST_WEEKS, MOST_WEEKS, SEED, TRIALS, Forecast, day_after
from compliance.types.workload import Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The forecast in days and words. median, likely: None where there is none, or it lies too far ahead."""

    forecast: Forecast
    median: date | None
    likely: date | None
    method: str
    refusal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """Everything on the page. open_findings, open_items, overdue: sums of figures. slips: the longest of this week, of
    slip_count in all; passed: dates of this week that went by without another."""

    figures: tuple[Figure, ...]
    outlook: Outlook
    open_findings: int
    open_items: int
    overdue: int
    slips: tuple[Slip, ...]
    slip_count: int
    passed: int

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to count yet."""
        rows = [row for figure in self.figures for row in figure.rows]
        return not self.slips and not any(cell.value for row in rows for cell in row.cells)

    def figure(self, key: str) -> Figure | None:
        """The figure of this name."""
        return next((figure for figure in self.figures if figure.key == key), None)


def scope_for(user: Asker, *, today: date, days: int, system: UUID | None) -> Scope:
    """What the reader sees, of one AI system where it is named."""
    items, findings = visible(RemediationItem.objects.all(), user), visible(Finding.objects.all(), user)
    if system:
        items, findings = items.filter(system__uuid=system), findings.filter(system__uuid=system)
    return Scope(items=items, findings=findings, today=today, days=days, system=system)


def dashboard(user: Asker, *, today: date, days: int, system: UUID | None = None) -> Dashboard:
    """The dashboard as its reader may see it."""
    scope = scope_for(user, today=today, days=days, system=system)
    name = f"remediation-dashboard|{seen_by(user)}|{may(user, Verb.VIEW_COSTS)}|{today}|{days}|{system}"
    return kept(name, lambda: drawn(scope, rates(user)), mark=record_mark())


def drawn(scope: Scope, known_rates: Sequence[Rate] | None = None) -> Dashboard:
    """The figures of a scope, computed anew; those of cost only with the rates that its reader may see."""
    weeks = remediation_figures.weeks_of(scope)
    dates = remediation_figures.open_dates(scope)
    items = worked_items(scope)
    slipped = slips.by_reason(scope, slips.week_and_period(scope), dates)
    by_age, by_state = remediation_figures.open_by_age(scope), remediation_figures.open_by_state(scope, dates)
    figures = (
        by_age,
        remediation_figures.reappearance(scope),
        by_state,
        remediation_figures.burn_down(scope, weeks),
        remediation_figures.burn_up(scope, weeks),
        remediation_figures.flow(scope, weeks),
        limit_figures.by_month(scope),
        effort_figures.comparison(scope),
        slipped,
        *effort_figures.efforts(scope, items.values()),
        *cost_figures(scope, known_rates, items),
        *estimate_claim.figures(scope),
    )
    return Dashboard(
        figures=figures,
        outlook=outlook_of(remediation_figures.outlook(scope, weeks), scope.today),
        open_findings=_sum(cell.value for row in by_age.rows for cell in row.cells),
        open_items=_sum(row.cells[0].value for row in by_state.rows),
        overdue=_sum(row.cells[1].value for row in by_state.rows),
        slips=slips.this_week(scope),
        slip_count=_sum(row.cells[0].value for row in slipped.rows[:-1]),
        passed=_sum([slipped.rows[-1].cells[0].value]),
    )


def _sum(values: Iterable[Number]) -> int:
    return sum(int(value or 0) for value in values)


def outlook_of(found: Forecast, today: date) -> Outlook:
    """A forecast with its method, or why there is none."""
    refusal = ""
    if not found.has_history:
        refusal = _(
            "Not enough history: a forecast needs at least %(fewest)d closures and %(weeks)d whole weeks; there are "
            "%(closures)d and %(known)d."
        ) % {
            "fewest": FEWEST_CLOSURES, "weeks": FEWEST_WEEKS, "closures": found.closures, "known": found.weeks,
        }  # fmt: skip
    method = _(
        "%(trials)d trials from seed %(seed)d: each lives through the weeks to come, and each of those closes as many items "
        "as one of the last %(weeks)d whole weeks did, drawn with replacement, until the %(backlog)d open items are done. "
        "Nothing new is opened in a trial, and no more than %(most)d weeks are looked at."
    ) % {"trials": TRIALS, "seed": SEED, "weeks": found.weeks, "backlog": found.backlog, "most": MOST_WEEKS}
    return Outlook(
        forecast=found,
        median=day_after(today, found.median),
        likely=day_after(today, found.likely),
        method=method,
        refusal=refusal,
    )


def rows_of(figures: Iterable[Figure]) -> Iterator[tuple[object, ...]]:
    """All numbers of some figures, one a line: figure, line, column, value, unit."""
    for figure in figures:
        for row in figure.rows:
            for series, cell in zip(figure.series, row.cells, strict=True):
                yield figure.title, row.label, series, cell.value, figure.unit
