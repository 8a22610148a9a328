"""Remediation as a table and as a board over the same items: filtered, ordered, exported."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.choices import label
from compliance.models import RemediationItem
from compliance.rights import Verb, may, visible
from compliance.selectors import remediation_lists as lists
from compliance.selectors.remediation_lists import RemediationFilter
from compliance.selectors.time_limits import limit_of_item
from compliance.web.base import Request, guarded, ordered, page_of
from compliance.web.exports import Table, exported, wanted
from compliance.web.remediation_filters import ALL_STATES, RemediationFilterForm
from compliance.web.remediation_forms import MOVABLE

ROWS = RemediationItem.objects.select_related("system", "owner")
ORDERS = {
    "title": ("title",),
    "owner": ("owner__name",),
    "due": ("due_on",),
    "state": ("state",),
    "spent": ("effort_spent",),
}


def _asked(form: RemediationFilterForm, *, board: bool) -> RemediationFilter:
    given = form.cleaned_data
    state = "" if board else given.get("state") or lists.WORKING
    return RemediationFilter(
        text=given.get("q", ""),
        state="" if state == ALL_STATES else state,
        owner=given["owner"].uuid if given.get("owner") else None,
        system=given.get("system"),
        overdue_on=timezone.localdate() if given.get("overdue") else None,
        limit=given.get("limit", ""),
    )


def _rows(rows: QuerySet[RemediationItem]) -> Iterator[tuple[object, ...]]:
    for item in rows.iterator(chunk_size=500):
        done = [step for step in item.milestones.all() if step.done_at]
        limit = limit_of_item(item)
        yield (
            item.title,
            item.system.name,
            item.owner.name,
            item.get_state_display(),
            item.due_on,
            item.effort_planned,
            item.effort_spent,
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
        _("remediation item"), _("AI system"), _("owner"), _("state"), _("due on"), _("planned person-days"),
        _("spent person-days"), _("milestones done"), _("findings"), _("opened (UTC)"), _("closed (UTC)"),
        _("time limit"), _("limit reached (UTC)"), _("ticket"), _("address of the ticket"), _("identifier"),
    )  # fmt: skip
    return Table(name="remediation", title=_("Remediation"), heads=heads, rows=_rows(rows))


@guarded(Verb.VIEW)
def remediation_list(request: Request) -> HttpResponseBase:
    """Open work, due first, with totals; `?view=board` shows the same rows by state."""
    is_board = request.GET.get("view") == "board"
    form = RemediationFilterForm(asker=request.user, data=request.GET)
    form.is_valid()
    asked = _asked(form, board=is_board)
    rows = visible(ROWS, request.user)
    shown = lists.remediation_list(rows, asked)
    listed = lists.with_limits(ordered(request, shown, ORDERS))
    if wanted(request):
        also = ((_("State"), _("open work")),) if asked.state == lists.WORKING else ()
        return exported(request, _table(listed), form, also=also)
    today = timezone.localdate()
    usual = RemediationFilter() if is_board else RemediationFilter(state=lists.WORKING)
    context = {
        "total": rows.count(),
        "totals": lists.remediation_totals(shown, today=today),
        "form": form,
        "active": asked != usual,
        "today": today,
        "may_work": may(request.user, Verb.WORK_REMEDIATION),
        "tabs": _tabs(is_board=is_board),
    }
    if is_board:
        context |= {"columns": lists.board(shown), "move_choices": MOVABLE}
        return render(request, "compliance/remediation_board.html", context)
    context |= {"page": page_of(request, listed), "columns": _columns(), "owner_columns": _owner_columns()}
    return render(request, "compliance/remediation_list.html", context)


def _tabs(*, is_board: bool) -> list[dict[str, object]]:
    url = reverse("remediation-list")
    return [
        {"label": _("Table"), "url": url, "active": not is_board},
        {"label": _("Board"), "url": f"{url}?view=board", "active": is_board},
    ]


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


urls = [path("remediation/", remediation_list, name="remediation-list")]
