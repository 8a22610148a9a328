"""Capacity and load by week, what is stated of people and teams, cost rates, and items that need another owner."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from compliance.models import Capacity, CostRate, Leave, RemediationItem
from compliance.rights import Verb, may, visible
from compliance.selectors.capacity import capacity_page
from compliance.selectors.workers import without_owner
from compliance.services import capacity
from compliance.services.errors import RefusedError
from compliance.web.base import PER_PAGE, Request, found, guarded, page_of, refuse, say
from compliance.web.capacity_forms import CapacityForm, LeaveForm, RateForm
from compliance.web.exports import Column, Table, exported, table_of, wanted

RATE_COLUMNS = (
    Column(lazy("role"), lambda row: row.work_role),
    Column(lazy("currency"), lambda row: row.currency),
    Column(lazy("amount a day"), lambda row: row.amount_a_day),
    Column(lazy("from"), lambda row: row.effective_from),
    Column(lazy("stated by"), lambda row: row.stated_by.name),
    Column(lazy("stated at (UTC)"), lambda row: row.created_at),
    Column(lazy("identifier"), lambda row: str(row.uuid)),
)
OWNERLESS_COLUMNS = (
    Column(lazy("remediation item"), lambda row: row.title),
    Column(lazy("AI system"), lambda row: row.system.name),
    Column(lazy("owner"), lambda row: row.owner.name),
    Column(lazy("has left"), lambda row: not row.owner.is_active),
    Column(lazy("due on"), lambda row: row.due_on),
    Column(lazy("remaining person-days"), lambda row: row.remaining),
    Column(lazy("identifier"), lambda row: str(row.uuid)),
)


def _trail(here: str) -> list[dict[str, str]]:
    return [{"label": _("Remediation"), "url": reverse("remediation-list")}, {"label": here}]


@guarded(Verb.VIEW_CAPACITY)
def capacity_load(request: Request) -> HttpResponseBase:
    """Load against capacity of the coming weeks, as a chart and as tables; `?export=` as a file."""
    content = capacity_page(request.user, today=timezone.localdate())
    if wanted(request):
        rows = [
            (row.name, str(cell.week), cell.load, cell.capacity, cell.is_over)
            for row in (*content.people, *content.teams)
            for cell in row.weeks
        ]
        heads = (_("person or team"), _("week"), _("load, person-days"), _("capacity, person-days"), _("overloaded"))
        return exported(request, Table(name="capacity", title=_("Capacity"), heads=heads, rows=rows))
    may_state = may(request.user, Verb.STATE_CAPACITY)
    weeks = [
        {"label": str(week) if n == 0 or week.number == 1 else f"W{week.number:02d}", "numeric": True}
        for n, week in enumerate(content.weeks)
    ]
    context = {
        "content": content,
        "people": Paginator(content.people, PER_PAGE).get_page(request.GET.get("page")),
        "columns": [{"label": _("Who")}, *weeks],
        "capacity_form": CapacityForm() if may_state else None,
        "leave_form": LeaveForm() if may_state else None,
        "stated": Capacity.objects.select_related("user", "team").order_by("-pk")[:PER_PAGE],
        "stated_columns": [
            {"label": _("Who")},
            {"label": _("Days a week"), "numeric": True},
            {"label": _("Share"), "numeric": True},
            {"label": _("Role")},
            {"label": _("From")},
        ],
        "leaves": Leave.objects.filter(last_day__gte=timezone.localdate()).select_related("user", "team")[:PER_PAGE],
        "leave_columns": [{"label": _("Who")}, {"label": _("Away")}, {"label": _("Act")}],
        "may_see_costs": may(request.user, Verb.VIEW_COSTS),
        "ownerless": without_owner(visible(RemediationItem.objects.all(), request.user)).count(),
        "trail": _trail(_("Capacity")),
    }
    return render(request, "compliance/capacity.html", context)


def _stated(
    request: Request, form: forms.Form, write: Callable[[], object], words: tuple[str, str], to: str
) -> HttpResponse:
    """Write what a form says, or say what is wrong with it."""
    wrong, done = words
    try:
        if not form.is_valid():
            told = [str(error) for errors in form.errors.values() for error in errors]
            raise RefusedError(f"{wrong} {' '.join(told)}")
        write()
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, done)
    return redirect(to)


@guarded(Verb.STATE_CAPACITY, methods=("POST",))
def capacity_state(request: Request) -> HttpResponse:
    """State days a week and share from a day on."""
    form = CapacityForm(request.POST)
    return _stated(
        request,
        form,
        lambda: capacity.state_capacity(holder=form.holder, **form.terms, actor=request.user),
        (_("The capacity was not stated:"), _("The capacity is stated.")),
        "capacity",
    )


@guarded(Verb.STATE_CAPACITY, methods=("POST",))
def leave_state(request: Request) -> HttpResponse:
    """State days away."""
    form = LeaveForm(request.POST)
    return _stated(
        request,
        form,
        lambda: capacity.state_leave(holder=form.holder, **form.days, actor=request.user),
        (_("The leave was not stated:"), _("The leave is stated.")),
        "capacity",
    )


@guarded(Verb.STATE_CAPACITY, methods=("POST",))
def leave_withdraw(request: Request, uuid: UUID) -> HttpResponse:
    """These days are worked after all."""
    capacity.withdraw_leave(
        leave=found(request, Leave.objects.select_related("user", "team"), uuid), actor=request.user
    )
    say(request, _("The leave is withdrawn."))
    return redirect("capacity")


@guarded(Verb.VIEW_COSTS)
def cost_rates(request: Request) -> HttpResponseBase:
    """What days of roles cost; `?export=` as a file."""
    rows = visible(
        CostRate.objects.select_related("stated_by").order_by("work_role", "-effective_from", "-pk"), request.user
    )
    if wanted(request):
        return exported(request, table_of("cost-rates", _("Cost rates"), RATE_COLUMNS, rows))
    context = {
        "page": page_of(request, rows),
        "form": RateForm(initial={"effective_from": timezone.localdate()})
        if may(request.user, Verb.STATE_RATES)
        else None,
        "columns": [{"label": _("Role")}, {"label": _("Amount a day"), "numeric": True}, {"label": _("From")}],
        "trail": [*_trail(_("Capacity"))[:1], {"label": _("Cost rates")}],
    }
    return render(request, "compliance/cost_rates.html", context)


@guarded(Verb.STATE_RATES, methods=("POST",))
def cost_rate_state(request: Request) -> HttpResponse:
    """State what a day of a role costs from a day on."""
    form = RateForm(request.POST)
    return _stated(
        request,
        form,
        lambda: capacity.state_rate(**form.cleaned_data, actor=request.user),
        (_("The rate was not stated:"), _("The rate is stated.")),
        "cost-rates",
    )


@guarded(Verb.VIEW)
def remediation_ownerless(request: Request) -> HttpResponseBase:
    """Open items whose owner left or lost the right to work on them; `?export=` as a file."""
    rows = without_owner(visible(RemediationItem.objects.select_related("system", "owner"), request.user))
    if wanted(request):
        return exported(request, table_of("ownerless", _("Items that need another owner"), OWNERLESS_COLUMNS, rows))
    context = {
        "page": page_of(request, rows),
        "total": rows.count(),
        "columns": [
            {"label": _("Remediation item")},
            {"label": _("Owner")},
            {"label": _("Due")},
            {"label": _("Remaining"), "numeric": True},
        ],
        "trail": _trail(_("Need another owner")),
    }
    return render(request, "compliance/remediation_ownerless.html", context)


urls = [
    path("remediation/capacity/", capacity_load, name="capacity"),
    path("remediation/capacity/state/", capacity_state, name="capacity-state"),
    path("remediation/leave/state/", leave_state, name="leave-state"),
    path("remediation/leave/<uuid:uuid>/withdraw/", leave_withdraw, name="leave-withdraw"),
    path("remediation/rates/", cost_rates, name="cost-rates"),
    path("remediation/rates/state/", cost_rate_state, name="cost-rate-state"),
    path("remediation/ownerless/", remediation_ownerless, name="remediation-ownerless"),
]
