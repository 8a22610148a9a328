"""Checks on job events: what each rule found in the period, and its exceptions with the way to their events."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import choices, label
from compliance.models import CheckRun, Observation
from compliance.rights import Verb, may, systems_for
from compliance.selectors.check_page import check_page, events_of, exceptions_of, runs
from compliance.types.checks import CheckRule
from compliance.web.base import Request, found, guarded, page_of, uuid_of
from compliance.web.exports import Column, Table, exported, table_of, wanted

TABLE = (
    Column(gettext_lazy("check"), attrgetter("title")),
    Column(gettext_lazy("rule"), attrgetter("rule.value")),
    Column(gettext_lazy("result"), attrgetter("verdict")),
    Column(gettext_lazy("in words"), attrgetter("statement")),
    Column(gettext_lazy("exceptions"), attrgetter("exceptions")),
    Column(gettext_lazy("looked at"), attrgetter("population")),
    Column(gettext_lazy("cannot be told"), attrgetter("undecided")),
    Column(gettext_lazy("finding on control"), lambda line: line.finding.target.control_id if line.finding else ""),
    Column(gettext_lazy("conclusion"), lambda line: line.finding.get_state_display() if line.finding else ""),
)


def _asked(request: Request) -> CheckRun | None:
    """The latest run of the system that the address names, else the latest of all."""
    rows = runs(request.user)
    if request.GET.get("system"):
        rows = rows.filter(system__uuid=uuid_of(request.GET["system"]))
    return rows.first()


@guarded(Verb.VIEW)
def check_list(request: Request) -> HttpResponseBase:
    """The latest run: a line for each rule."""
    return _page(request, _asked(request))


@guarded(Verb.VIEW)
def check_run(request: Request, uuid: UUID) -> HttpResponseBase:
    """One run."""
    return _page(request, found(request, CheckRun.objects.select_related("system", "repeats", "job"), uuid))


def _page(request: Request, run: CheckRun | None) -> HttpResponseBase:
    content = check_page(run, request.user) if run is not None else None
    if wanted(request):
        lines = content.lines if content is not None else ()
        return exported(request, table_of("checks", _("Checks"), TABLE, lines), also=_which(run))
    may_run = systems_for(request.user, Verb.RUN_CHECKS)
    context: dict[str, Any] = {
        "content": content,
        "run": run,
        "may_run": list(may_run.order_by("name")),
        "may_see_jobs": may(request.user, Verb.VIEW_JOBS),
        "others": runs(request.user).filter(system=run.system).exclude(pk=run.pk)[:10] if run is not None else [],
        "columns": [
            {"label": _("Check")},
            {"label": _("Result")},
            {"label": _("Exceptions"), "numeric": True},
            {"label": _("Looked at"), "numeric": True},
            {"label": _("Cannot be told"), "numeric": True},
            {"label": _("Finding")},
        ],
    }
    return render(request, "compliance/check_list.html", context)


def _which(run: CheckRun | None) -> tuple[tuple[str, str], ...]:
    if run is None:
        return ()
    return (_("AI system"), run.system.name), (_("Period"), f"{run.period_start} – {run.period_end}")


def _table(rows: QuerySet[Observation], title: str) -> Table:
    heads = (_("check"), _("what was found"), _("about"), _("at (UTC)"), _("event"), _("observation"))
    return Table(name="check-exceptions", title=title, heads=heads, rows=_rows(rows))


def _rows(rows: QuerySet[Observation]) -> Iterator[tuple[object, ...]]:
    for row in rows.iterator(chunk_size=2000):
        yield (
            str(label(CheckRule(row.rule))),
            row.description,
            row.asset_name,
            row.observed_at,
            row.facts.get("event", ""),
            str(row.uuid),
        )


@guarded(Verb.VIEW)
def check_exceptions(request: Request, uuid: UUID) -> HttpResponseBase:
    """The exceptions of a run, of one rule or of all."""
    run = found(request, CheckRun.objects.select_related("system", "repeats"), uuid)
    known = dict(choices(CheckRule))
    rule = request.GET.get("rule", "")
    rule = rule if rule in known else ""
    rows = exceptions_of(run, request.user, rule=rule)
    title = str(known[rule]) if rule else _("Exceptions")
    if wanted(request):
        return exported(request, _table(rows, title), also=_which(run))
    page = page_of(request, rows)
    events = events_of(page, request.user)
    context = {
        "run": run,
        "title": title,
        "page": page,
        "lines": [
            {"row": row, "rule": known[row.rule], "event": events.get(str(row.facts.get("event")))} for row in page
        ],
        "counted": sum(one["exceptions"] for one in run.results if rule in {"", one["rule"]}),
        "columns": [{"label": _("About")}, {"label": _("What was found")}, {"label": _("Check")}, {"label": _("When")}],
        "trail": [
            {"label": _("Job log"), "url": reverse("job-log")},
            {"label": _("Checks"), "url": reverse("check-run", args=[run.uuid])},
            {"label": title},
        ],
    }
    return render(request, "compliance/check_exceptions.html", context)


urls = [
    path("checks/", check_list, name="check-list"),
    path("checks/runs/<uuid:uuid>/", check_run, name="check-run"),
    path("checks/runs/<uuid:uuid>/exceptions/", check_exceptions, name="check-run-exceptions"),
]
