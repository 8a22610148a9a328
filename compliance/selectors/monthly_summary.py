"""What a monthly summary of remediation says, as one JSON document: the month itself, and how things stand when it is made."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from compliance import __version__
from compliance.models import AISystem, Finding, RemediationItem
from compliance.selectors import effort_figures, limit_figures, remediation_figures
from compliance.selectors.remediation_dashboard import outlook_of
from compliance.selectors.remediation_figures import Scope
from compliance.types.drafts import JSON
from compliance.types.figures import as_document

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


def summary_document(month: date, *, now: datetime) -> JSON:
    """The summary of all AI systems. month: its first day."""
    items, findings, last = RemediationItem.objects.all(), Finding.objects.all(), last_day(month)
    of_month = Scope(items=items, findings=findings, today=last, days=last.day)
    as_made = Scope(items=items, findings=findings, today=now.date(), days=last.day)
    weeks, now_weeks = remediation_figures.weeks_of(of_month), remediation_figures.weeks_of(as_made)
    outlook = outlook_of(remediation_figures.outlook(as_made, now_weeks), as_made.today)
    return {
        "month": f"{month:%Y-%m}",
        "month_words": month_words(month),
        "first": month.isoformat(),
        "last": last.isoformat(),
        "made_at": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "organisation": settings.ORGANISATION,
        "demonstration": AISystem.objects.filter(is_demonstration=True).exists(),
        "software_version": __version__,
        "outlook": {
            "median": outlook.median.isoformat() if outlook.median else None,
            "likely": outlook.likely.isoformat() if outlook.likely else None,
            "method": outlook.method,
            "refusal": outlook.refusal,
        },
        "of_month": [
            as_document(figure)
            for figure in (
                effort_figures.comparison(of_month),
                remediation_figures.flow(of_month, weeks),
                remediation_figures.burn_down(of_month, weeks),
                remediation_figures.burn_up(of_month, weeks),
                limit_figures.by_month(of_month),
            )
        ],
        "as_made": [
            as_document(figure)
            for figure in (
                remediation_figures.open_by_age(as_made),
                remediation_figures.reappearance(as_made),
                remediation_figures.open_by_state(as_made),
                effort_figures.by_system(as_made),
                effort_figures.by_control(as_made),
                effort_figures.by_team(as_made),
            )
        ],
    }


def month_before(today: date) -> date:
    """The first day of the month that is over."""
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)
