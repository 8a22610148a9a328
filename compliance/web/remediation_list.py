"""Remediation as a table: filtered, ordered, exported, with filters that are kept under a name."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.choices import label
from compliance.models import RemediationItem, SavedFilter
from compliance.rights import Asker, Verb, may, visible
from compliance.selectors import remediation_lists as lists
from compliance.selectors.kept import kept_of, record_mark
from compliance.selectors.remediation_lists import RemediationTotals
from compliance.selectors.time_limits import limit_of_item
from compliance.services import saved_filters
from compliance.services.errors import RefusedError
from compliance.web.base import Request, found, guarded, ordered, page_by_key, refuse, say
from compliance.web.bulk_edit_forms import BulkEditForm
from compliance.web.exports import Table, exported, wanted
from compliance.web.remediation_board import board_page
from compliance.web.remediation_filters import RemediationFilterForm, query_of

ROWS = RemediationItem.objects.select_related("system", "owner")
ORDERS = {
    "title": ("title",),
    "owner": ("owner__name",),
    "due": ("due_on",),
    "state": ("state",),
    "spent": ("effort_spent",),
}


def _rows(rows: QuerySet[RemediationItem]) -> Iterator[tuple[object, ...]]:
    for item in rows.iterator(chunk_size=500):
        done = [step for step in item.milestones.all() if step.done_at]
        limit = limit_of_item(item)
        yield (
            item.title,
            item.system.name,
            item.owner.name,
            item.team.name if item.team else "",
            item.get_state_display(),
            item.due_on,
            item.original_due_on,
            item.slips,
            item.effort_planned,
            item.effort_spent,
            item.remaining,
            f"{len(done)}/{len(item.milestones.all())}",
            "; ".join(risk.finding.title for risk in item.risks.all()),
            item.created_at,
            item.closed_at,
            label(limit.state) if limit else "",
            limit.clock.due_at if limit else None,
            item.ticket_key,
            item.ticket_url,
            str(item.uuid),
        )


def _table(rows: QuerySet[RemediationItem]) -> Table:
    heads = (
        _("remediation item"), _("AI system"), _("owner"), _("team"), _("state"), _("due on"), _("originally due on"),
        _("slips"), _("planned person-days"), _("spent person-days"), _("remaining person-days"), _("milestones done"),
        _("findings"), _("opened (UTC)"), _("closed (UTC)"), _("time limit"), _("limit reached (UTC)"), _("ticket"),
        _("address of the ticket"), _("identifier"),
    )  # fmt: skip
    return Table(name="remediation", title=_("Remediation"), heads=heads, rows=_rows(rows))


def totals_of(shown: QuerySet[RemediationItem], asker: Asker, *, mark: str) -> RemediationTotals:
    """Sums over the rows of a list, kept until anything is recorded."""
    today = timezone.localdate()
    return kept_of(
        f"remediation-totals-{today}", shown, asker, lambda: lists.remediation_totals(shown, today=today), mark=mark
    )


@guarded(Verb.VIEW)
def remediation_list(request: Request) -> HttpResponseBase:
    """Open work, due first, with totals; `?view=board` shows the same rows by state."""
    form = RemediationFilterForm(asker=request.user, data=request.GET)
    asked = form.asked()
    rows = visible(ROWS, request.user)
    shown = lists.remediation_list(rows, asked)
    listed = lists.with_limits(ordered(request, shown, ORDERS))
    if wanted(request):
        also = ((_("State"), _("open work")),) if asked.state == lists.WORKING else ()
        return exported(request, _table(listed), form, also=also)
    mark = record_mark()
    totals = totals_of(shown, request.user, mark=mark)
    context = {
        "total": kept_of("count", rows, request.user, rows.count, mark=mark),
        "totals": totals,
        "form": form,
        "active": asked != form.usual,
        "narrowed": form.narrowed(),
        "today": timezone.localdate(),
        "may_work": may(request.user, Verb.WORK_REMEDIATION),
        "may_open": may(request.user, Verb.OPEN_REMEDIATION),
        "may_see_capacity": may(request.user, Verb.VIEW_CAPACITY),
        "tabs": tabs_of("board" if form.is_board else "table", request.user),
        "saved": visible(SavedFilter.objects.select_related("owner"), request.user)[: saved_filters.MOST * 2],
        "query": query_of(request.GET),
    }
    if form.is_board:
        return board_page(request, shown, context)
    may_lead = may(request.user, Verb.OPEN_REMEDIATION)
    context |= {
        "page": page_by_key(request, listed, count=totals.items),
        "columns": _columns(),
        "owner_columns": _owner_columns(),
        "bulk": BulkEditForm() if may_lead and totals.items else None,
    }
    return render(request, "compliance/remediation_list.html", context)


def tabs_of(here: str, asker: Asker) -> list[dict[str, object]]:
    """Table, board, slips and, for whoever may see it, the dashboard."""
    url = reverse("remediation-list")
    places = [("table", _("Table"), url), ("board", _("Board"), f"{url}?view=board")]
    if may(asker, Verb.VIEW_FIGURES):
        places.append(("dashboard", _("Dashboard"), reverse("remediation-dashboard")))
    places.append(("slips", _("Slips"), reverse("slip-list")))
    return [{"label": label, "url": address, "active": name == here} for name, label, address in places]


def _columns() -> list[dict[str, object]]:
    return [
        {"label": _("Remediation item"), "sort": "title"},
        {"label": _("Owner"), "sort": "owner"},
        {"label": _("Due"), "sort": "due"},
        {"label": _("State"), "sort": "state"},
        {"label": _("Milestones"), "numeric": True},
        {"label": _("Person-days spent"), "numeric": True, "sort": "spent"},
    ]


def _owner_columns() -> list[dict[str, object]]:
    figures = (_("Items"), _("Overdue"), _("Planned"), _("Spent"), _("Left"))
    return [{"label": _("Owner")}, *({"label": label, "numeric": True} for label in figures)]


@guarded(Verb.KEEP_FILTERS, methods=("POST",))
def filter_save(request: Request) -> HttpResponse:
    """Keep the filter of the list under a name; the list again, narrowed by it."""
    query = query_of(request.POST)
    try:
        kept = saved_filters.save(
            name=request.POST.get("name", ""),
            query=query,
            is_shared="is_shared" in request.POST,
            actor=request.user,
        )
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The filter is kept as “%s”.") % kept.name)
    return redirect(f"{reverse('remediation-list')}?{query}")


@guarded(Verb.KEEP_FILTERS, methods=("POST",))
def filter_delete(request: Request, uuid: UUID) -> HttpResponse:
    """Delete a filter of one's own."""
    kept = found(request, SavedFilter.objects.select_related("owner"), uuid)
    try:
        saved_filters.delete(kept=kept, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The filter is deleted."))
    return redirect("remediation-list")


urls = [
    path("remediation/", remediation_list, name="remediation-list"),
    path("remediation/filters/", filter_save, name="remediation-filter-save"),
    path("remediation/filters/<uuid:uuid>/delete/", filter_delete, name="remediation-filter-delete"),
]
