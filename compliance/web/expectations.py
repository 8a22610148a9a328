"""What the organisation states for checks to hold job events against: approvals, change windows, expected silence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from operator import attrgetter
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.models import AISystem, ChangeWindow, Evidence, ExpectedRate, JobApproval
from compliance.rights import Asker, Verb, may, systems_for, visible
from compliance.services import expectations
from compliance.services.errors import RefusedError
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.choosing import Choosing, choosing
from compliance.web.exports import Column, Table, exported, table_of, wanted
from compliance.web.forms import day_input

_DAYS = (
    (0, _("Monday")), (1, _("Tuesday")), (2, _("Wednesday")), (3, _("Thursday")), (4, _("Friday")), (5, _("Saturday")),
    (6, _("Sunday")),
)  # fmt: skip
APPROVALS = JobApproval.objects.select_related("system", "approver", "evidence", "recorded_by", "withdrawn_by")
APPROVAL_TABLE = (
    Column(_("job"), attrgetter("job")),
    Column(_("AI system"), attrgetter("system.name")),
    Column(_("approved by"), attrgetter("approver")),
    Column(_("approved at (UTC)"), attrgetter("approved_at")),
    Column(_("data-set digest that it names"), attrgetter("dataset_digest")),
    Column(_("base-model digest that it names"), attrgetter("base_digest")),
    Column(_("ticket or document"), attrgetter("reference")),
    Column(_("evidence"), lambda row: row.evidence.title if row.evidence else None),
    Column(_("recorded by"), attrgetter("recorded_by")),
    Column(_("recorded at (UTC)"), attrgetter("created_at")),
    Column(_("withdrawn at (UTC)"), attrgetter("withdrawn_at")),
    Column(_("withdrawn by"), attrgetter("withdrawn_by")),
    Column(_("identifier"), attrgetter("uuid")),
)


class OfSystemForm(forms.Form):
    """A form about one AI system on which the asker may do `verb`."""

    verb: Verb
    system = forms.ModelChoiceField(label=_("AI system"), queryset=AISystem.objects.none())

    def __init__(self, *, asker: Asker, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = systems_for(asker, self.verb)
            if len(field.queryset) == 1:
                field.initial = field.queryset[0]


class ApprovalForm(OfSystemForm):
    """An approval that was given outside the platform's log."""

    verb = Verb.RECORD_APPROVAL
    job = forms.CharField(label=_("Job"), max_length=500, help_text=_("Its id or name, as the job log has it."))
    approver = forms.CharField(
        label=_("Approved by"),
        max_length=300,
        help_text=_("As the platforms name the person, so that it can be compared."),
    )
    approved_at = forms.DateTimeField(
        label=_("Approved at (UTC)"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )
    dataset_digest = forms.CharField(
        label=_("Data-set digest that it names"), max_length=71, required=False,
        help_text=_("SHA-256 of the manifest. Leave it empty if the approval names none."),
    )  # fmt: skip
    base_digest = forms.CharField(label=_("Base-model digest that it names"), max_length=71, required=False)
    reference = forms.CharField(label=_("Ticket or document"), max_length=300, required=False)
    evidence = Choosing("evidence", label=_("Evidence"), required=False)

    def __init__(self, *, asker: Asker, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(asker=asker, data=data, initial=initial)
        choosing(self, "evidence").offer(visible(Evidence.objects.select_related("system"), asker))

    def clean_approved_at(self) -> Any:
        """The time is UTC, as the label says, whatever zone the reader has."""
        return self.cleaned_data["approved_at"].replace(tzinfo=UTC)


class WindowForm(OfSystemForm):
    """When jobs may be submitted."""

    verb = Verb.STATE_EXPECTATIONS
    prefix = "window"
    days = forms.TypedMultipleChoiceField(
        label=_("Days"), choices=_DAYS, coerce=int, widget=forms.CheckboxSelectMultiple(), initial=[0, 1, 2, 3, 4]
    )
    opens = forms.TimeField(
        label=_("From"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), initial="09:00"
    )
    closes = forms.TimeField(
        label=_("To"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), initial="17:00",
        help_text=_("Earlier than the beginning: the window runs past midnight."),
    )  # fmt: skip
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[(zone, zone) for zone in sorted(available_timezones()) if "/" in zone or zone == "UTC"],
    )
    effective_from = forms.DateField(label=_("In force from"), widget=day_input())


class RateForm(OfSystemForm):
    """How long a source may be silent."""

    verb = Verb.STATE_EXPECTATIONS
    prefix = "rate"
    source = forms.CharField(
        label=_("Source"), max_length=64, help_text=_("As the job log names it, such as aws-cloudtrail.")
    )
    longest_silence_hours = forms.IntegerField(label=_("Longest silence in hours"), min_value=1)


@guarded(Verb.VIEW)
def approval_list(request: Request) -> HttpResponseBase:
    """Approvals of jobs that people recorded."""
    rows = visible(APPROVALS, request.user)
    if wanted(request):
        return exported(request, table_of("approvals", gettext("Approvals"), APPROVAL_TABLE, rows))
    context = {
        "page": page_of(request, rows),
        "total": rows.count(),
        "may_record": may(request.user, Verb.RECORD_APPROVAL),
        "columns": [
            {"label": _("Job")},
            {"label": _("Approved by")},
            {"label": _("Approved at")},
            {"label": _("Names data set and base model")},
            {"label": _("State")},
        ],
        "trail": _trail(gettext("Approvals")),
    }
    return render(request, "compliance/approval_list.html", context)


def _trail(last: str) -> list[dict[str, str]]:
    return [
        {"label": gettext("Job log"), "url": reverse("job-log")},
        {"label": gettext("Checks"), "url": reverse("check-list")},
        {"label": last},
    ]


@guarded(Verb.RECORD_APPROVAL, methods=("GET", "HEAD", "POST"))
def approval_new(request: Request) -> HttpResponse:
    """Record an approval."""
    form = ApprovalForm(asker=request.user, data=request.POST or None, initial={"job": request.GET.get("job", "")})
    if request.method == "POST" and form.is_valid():
        try:
            expectations.record_approval(**form.cleaned_data, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, gettext("The approval is on record. The next checks take it into account."))
            return redirect("approval-list")
    context = {"form": form, "trail": _trail(gettext("Record an approval"))}
    return render(request, "compliance/approval_new.html", context)


@guarded(Verb.RECORD_APPROVAL, methods=("POST",))
def approval_withdraw(request: Request, uuid: UUID) -> HttpResponse:
    """Take back an approval that was recorded by mistake."""
    try:
        expectations.withdraw_approval(approval=found(request, APPROVALS, uuid), actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("The approval is withdrawn. It stays on record, marked."))
    return redirect("approval-list")


def _stated(request: Request) -> tuple[QuerySet[ChangeWindow], QuerySet[ExpectedRate]]:
    windows = visible(ChangeWindow.objects.select_related("system", "stated_by"), request.user)
    rates = visible(ExpectedRate.objects.select_related("system", "stated_by"), request.user)
    return windows, rates.order_by("system__name", "source", "-created_at")


def _table(request: Request) -> Table:
    heads = (
        _("statement"), _("AI system"), _("days or source"), _("from"), _("to"), _("time zone"), _("longest silence in hours"),
        _("in force from"), _("stated by"), _("stated at (UTC)"), _("identifier"),
    )  # fmt: skip
    return Table(name="expectations", title=gettext("What is expected"), heads=heads, rows=_rows(*_stated(request)))


def _rows(windows: QuerySet[ChangeWindow], rates: QuerySet[ExpectedRate]) -> Iterator[tuple[object, ...]]:
    days = dict(_DAYS)
    for row in windows:
        yield (
            _("change window"), row.system.name, ", ".join(str(days[day]) for day in row.days), f"{row.opens:%H:%M}",
            f"{row.closes:%H:%M}", row.time_zone, None, row.effective_from, row.stated_by, row.created_at, row.uuid,
        )  # fmt: skip
    for rate in rates:
        yield (
            _("expected silence"), rate.system.name, rate.source, "", "", "", rate.longest_silence_hours, None,
            rate.stated_by, rate.created_at, rate.uuid,
        )  # fmt: skip


def _render(request: Request, *, window: WindowForm, rate: RateForm, status: int = 200) -> HttpResponse:
    windows, rates = _stated(request)
    days = dict(_DAYS)
    context = {
        "windows": [{"row": row, "days": [days[day] for day in row.days]} for row in windows[:50]],
        "rates": rates[:50],
        "window_form": window,
        "rate_form": rate,
        "may_state": may(request.user, Verb.STATE_EXPECTATIONS),
        "trail": _trail(gettext("What is expected")),
    }
    return render(request, "compliance/expectations.html", context, status=status)


def _forms(request: Request) -> tuple[WindowForm, RateForm]:
    start = {"effective_from": timezone.localdate(), "time_zone": request.user.time_zone}
    return WindowForm(asker=request.user, initial=start), RateForm(asker=request.user)


@guarded(Verb.VIEW)
def expectation_list(request: Request) -> HttpResponseBase:
    """Change windows and expected silence, latest first."""
    if wanted(request):
        return exported(request, _table(request))
    window, rate = _forms(request)
    return _render(request, window=window, rate=rate)


@guarded(Verb.STATE_EXPECTATIONS, methods=("POST",))
def window_state(request: Request) -> HttpResponse:
    """State a change window."""
    form = WindowForm(asker=request.user, data=request.POST)
    if form.is_valid():
        try:
            expectations.state_window(**form.cleaned_data, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, gettext("The change window is stated."))
            return redirect("expectation-list")
    return _render(request, window=form, rate=_forms(request)[1], status=422)


@guarded(Verb.STATE_EXPECTATIONS, methods=("POST",))
def rate_state(request: Request) -> HttpResponse:
    """State how long a source may be silent."""
    form = RateForm(asker=request.user, data=request.POST)
    if form.is_valid():
        try:
            expectations.state_rate(**form.cleaned_data, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, gettext("The expected silence is stated."))
            return redirect("expectation-list")
    return _render(request, window=_forms(request)[0], rate=form, status=422)


urls = [
    path("checks/approvals/", approval_list, name="approval-list"),
    path("checks/approvals/new/", approval_new, name="approval-new"),
    path("checks/approvals/<uuid:uuid>/withdraw/", approval_withdraw, name="approval-withdraw"),
    path("checks/expectations/", expectation_list, name="expectation-list"),
    path("checks/expectations/window/", window_state, name="expectation-window"),
    path("checks/expectations/silence/", rate_state, name="expectation-rate"),
]
