"""What a monthly summary of remediation says, as one JSON document: the month itself, and how things stand when it is made."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from compliance import __version__
from compliance.models import AISystem, Finding, RemediationItem
from compliance.selectors import effort_figures, estimate_claim, limit_figures, remediation_figures, slips
from compliance.selectors.cost_figures import cost_figures, spent_in
from compliance.selectors.costs import all_rates
from compliance.selectors.remediation_dashboard import outlook_of
from compliance.selectors.remediation_figures import Scope
from compliance.selectors.slips import Span
from compliance.selectors.worked_items import WorkedItem, worked_items
from compliance.types.drafts import JSON
from compliance.types.figures import Figure, as_document

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def last_day(month: date) -> date:
    """The last day of a month."""
    return month.replace(day=monthrange(month.year, month.month)[1])


def month_words(month: date) -> str:
    """ "October 2026"."""
    return _("%(month)s %(year)d") % {"month": _(_MONTHS[month.month - 1]), "year": month.year}


def summary_document(month: date, *, now: datetime, with_costs: bool = False) -> JSON:
    """The summary of all AI systems. month: its first day; with_costs: for those alone who may see what work costs."""
    items, findings, last = RemediationItem.objects.all(), Finding.objects.all(), last_day(month)
    of_month = Scope(items=items, findings=findings, today=last, days=last.day)
    as_made = Scope(items=items, findings=findings, today=now.date(), days=last.day)
    outlook = outlook_of(remediation_figures.outlook(as_made, remediation_figures.weeks_of(as_made)), as_made.today)
    rates, worked = all_rates() if with_costs else [], worked_items(as_made)
    return {
        "month": f"{month:%Y-%m}",
        "month_words": month_words(month),
        "first": month.isoformat(),
        "last": last.isoformat(),
        "made_at": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "organisation": settings.ORGANISATION,
        "demonstration": AISystem.objects.filter(is_demonstration=True).exists(),
        "software_version": __version__,
        "has_costs": with_costs,
        "outlook": {
            "median": outlook.median.isoformat() if outlook.median else None,
            "likely": outlook.likely.isoformat() if outlook.likely else None,
            "method": outlook.method,
            "refusal": outlook.refusal,
        },
        "of_month": [as_document(figure) for figure in (*_of_month(of_month), *spent_in(of_month, rates))],
        "as_made": [
            as_document(figure) for figure in (*_as_made(as_made, worked), *cost_figures(as_made, rates, worked))
        ],
    }


def _of_month(scope: Scope) -> tuple[Figure, ...]:
    """What can be counted for any month that is over."""
    weeks = remediation_figures.weeks_of(scope)
    return (
        effort_figures.comparison(scope),
        remediation_figures.flow(scope, weeks),
        remediation_figures.burn_down(scope, weeks),
        remediation_figures.burn_up(scope, weeks),
        limit_figures.by_month(scope),
        slips.by_reason(
            scope, [Span(_("in the month"), scope.since, scope.today)], remediation_figures.open_dates(scope)
        ),
        effort_figures.logged(scope),
    )


def _as_made(scope: Scope, worked: Mapping[int, WorkedItem]) -> tuple[Figure, ...]:
    """What can be told of the moment alone."""
    return (
        remediation_figures.open_by_age(scope),
        remediation_figures.reappearance(scope),
        remediation_figures.open_by_state(scope, remediation_figures.open_dates(scope)),
        *effort_figures.efforts(scope, worked.values()),
        *estimate_claim.figures(scope),
    )


def month_before(today: date) -> date:
    """The first day of the month that is over."""
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)
