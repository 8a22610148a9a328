"""Time limits by month: how many were kept, and how many were broken."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from django.db.models import Count, QuerySet, Value
from django.db.models.functions import TruncMonth
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import SlaClock
from compliance.selectors.clock_months import broken, kept
from compliance.selectors.remediation_figures import FINDINGS, Scope
from compliance.types.days import months_back, start_of
from compliance.types.figures import Cell, Drawn, Figure, Row

MONTHS = 12


def by_month(scope: Scope) -> Figure:
    """Findings whose limit was kept or broken, by month."""
    months = months_back(scope.today, MONTHS)
    clocks = SlaClock.objects.filter(finding__in=scope.findings.order_by()).order_by()
    met_in = _counted(clocks.filter(kept()), "ended_at", months[0])
    missed_in = _counted(clocks.filter(broken(timezone.now())), "due_at", months[0])
    found = {(moment, month.date()): n for moment, month, n in met_in.union(missed_in, all=True)}
    rows = []
    for month in months:
        met, missed = (found.get((moment, month), 0) for moment in ("ended_at", "due_at"))
        share = round(Decimal(100 * met) / (met + missed), 1) if met + missed else None
        queries = [scope.query(state="all", **{name: f"{month:%Y-%m}"}) for name in ("kept_in", "broken_in")]
        cells = (Cell(met, queries[0], FINDINGS), Cell(missed, queries[1], FINDINGS), Cell(share))
        rows.append(Row(f"{month:%Y-%m}", cells))
    return Figure(
        key="limits",
        title=_("Time limits by month"),
        lead=_("Kept in the month in which the clock ended; broken in the month in which the limit was reached."),
        head=_("Month"),
        series=(_("Kept"), _("Broken"), _("Kept, in percent")),
        rows=tuple(rows),
        unit=_("findings, and percent"),
        drawn=Drawn.GROUPED,
        drawn_series=2,
        note=_("A limit that is stopped while a risk acceptance is asked for is neither."),
    )


def _counted(clocks: QuerySet[SlaClock], moment: str, first: date) -> QuerySet[SlaClock, tuple[str, datetime, int]]:
    return (
        clocks.filter(**{f"{moment}__gte": start_of(first)})
        .annotate(moment=Value(moment), month=TruncMonth(moment, tzinfo=UTC))
        .values_list("moment", "month")
        .annotate(n=Count("finding", distinct=True))
    )
