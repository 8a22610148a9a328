"""Time limits, the calendars they count by, and the nightly runs that watch over them."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter, itemgetter

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from compliance.choices import label
from compliance.models import BusinessCalendar, MailState, NightlyRun, Notice, SlaPolicy
from compliance.rights import Verb, may, visible
from compliance.selectors.time_limits import calendars_in_force, policy_in_force
from compliance.services import time_limits
from compliance.services.errors import RefusedError
from compliance.types.sla import SlaUnit
from compliance.types.states import Severity
from compliance.web.base import Request, guarded, page_of, say
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.time_limit_forms import DAYS, CalendarForm, LimitsForm, hours_text

POLICIES = SlaPolicy.objects.select_related("made_by").order_by("-version")
CALENDARS = BusinessCalendar.objects.select_related("made_by").order_by("-created_at", "-pk")
POLICY_TABLE = (
    Column(_("version"), attrgetter("version")),
    Column(_("limits"), lambda row: "; ".join(limit_words(row))),
    Column(_("near from, in percent"), attrgetter("near_percent")),
    Column(_("calendar"), attrgetter("calendar_key")),
    Column(_("why"), attrgetter("reason")),
    Column(_("in force from (UTC)"), attrgetter("created_at")),
    Column(_("written by"), attrgetter("made_by")),
)
CALENDAR_TABLE = (
    Column(_("key"), attrgetter("key")),
    Column(_("version"), attrgetter("version")),
    Column(_("name"), attrgetter("title")),
    Column(_("time zone"), attrgetter("zone")),
    Column(_("working hours"), lambda row: "; ".join(week_words(row))),
    Column(_("holidays"), lambda row: "; ".join(row.holidays)),
    Column(_("in force from (UTC)"), attrgetter("created_at")),
    Column(_("written by"), attrgetter("made_by")),
)
NIGHT_TABLE = (
    Column(_("began (UTC)"), attrgetter("created_at")),
    Column(_("ended (UTC)"), attrgetter("ended_at")),
    Column(
        _("steps"), lambda row: "; ".join(f"{step['step']}: {step['counts']} {step['error']}" for step in row.steps)
    ),
)


RECURRING = {
    "assay: reap jobs": _("Jobs that stopped answering are taken up again"),
    "assay: seal ledger": _("New events of the ledger are sealed"),
    "assay: checkpoint ledger": _("A checkpoint of the ledger is signed and stamped"),
    "assay: deliver webhooks": _("Webhooks are delivered"),
    "assay: remind": _("Mail and reminders are sent"),
    "assay: sweep staging": _("What broken-off imports left is swept away"),
    "assay: propose disposal": _("Evidence whose time is over is proposed for disposal"),
    "assay: nightly run": _("The nightly run"),
    "assay: summarise month": _("The summary of the month before is made"),
    "assay: renew stamps": _("Time stamps of packs are renewed before they age"),
    "assay: begin rehash": _("A share of the stored files is hashed again"),
}


def when_words(entry: PeriodicTask) -> str:
    """When an entry of the schedule recurs, in words."""
    at = entry.crontab
    if at is None:
        return _every_words(entry.interval)
    clock = f"{at.hour:0>2}:{at.minute:0>2}"
    if at.day_of_month == "*":
        return gettext("daily at %s UTC") % clock
    return gettext("at %(clock)s UTC on days %(days)s of the month") % {"clock": clock, "days": at.day_of_month}


def _every_words(apart: IntervalSchedule) -> str:
    """Hours and minutes where seconds are whole ones of them."""
    if apart.period != IntervalSchedule.SECONDS:
        return str(apart)
    if apart.every % 3600 == 0:
        return ngettext("every hour", "every %(n)d hours", apart.every // 3600) % {"n": apart.every // 3600}
    if apart.every % 60 == 0:
        return ngettext("every minute", "every %(n)d minutes", apart.every // 60) % {"n": apart.every // 60}
    return ngettext("every second", "every %(n)d seconds", apart.every) % {"n": apart.every}


def limit_words(policy: SlaPolicy) -> list[str]:
    """The limits of a wording in words, gravest first."""
    limits = [limit for severity in Severity if (limit := policy.limit_of(severity)) is not None]
    return [f"{label(one.severity)}: {one.amount} {label(SlaUnit(one.unit))}" for one in limits]


def week_words(calendar: BusinessCalendar) -> list[str]:
    """The week of a calendar in words; days in a row that have the same hours are one line."""
    runs = [
        (text, [day for day, _hours in run])
        for text, run in groupby(((day, hours_text(calendar, n)) for n, day in enumerate(DAYS)), itemgetter(1))
        if text
    ]
    return [f"{days[0]} {text}" if len(days) == 1 else f"{days[0]}–{days[-1]} {text}" for text, days in runs]


def tabs(active: str) -> list[dict[str, object]]:
    """The pages of time limits."""
    entries = (
        ("time-limits", _("Limits")),
        ("calendar-list", _("Calendars")),
        ("nightly-runs", _("Nightly runs and mail")),
    )
    return [{"label": label, "url": reverse(name), "active": name == active} for name, label in entries]


@guarded(Verb.VIEW_LIMITS)
def limits_page(request: Request) -> HttpResponseBase:
    """The limits in force, and every wording there was."""
    rows = visible(POLICIES, request.user)
    if wanted(request):
        return exported(request, table_of("time-limits", gettext("Time limits"), POLICY_TABLE, rows))
    now, page = policy_in_force(), page_of(request, rows)
    calendars = calendars_in_force()
    context = {
        "now": now,
        "words": limit_words(now) if now else (),
        "calendar": calendars.get(now.calendar_key) if now else None,
        "has_calendar": bool(calendars),
        "history": [(row, limit_words(row)) for row in page],
        "page": page,
        "may_manage": may(request.user, Verb.MANAGE_LIMITS),
        "tabs": tabs("time-limits"),
        "columns": [
            {"label": _("Version")},
            {"label": _("Limits")},
            {"label": _("Why")},
            {"label": _("In force from")},
        ],
    }
    return render(request, "compliance/time_limits.html", context)


@guarded(Verb.MANAGE_LIMITS, methods=("GET", "HEAD", "POST"))
def limits_change(request: Request) -> HttpResponse:
    """Put new limits in force."""
    calendars = calendars_in_force()
    if not calendars:
        return redirect("calendar-new")
    form = LimitsForm(now=policy_in_force(), calendars=calendars, data=request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            time_limits.put_in_force(
                limits=form.limits,
                near_percent=given["near_percent"],
                calendar=given["calendar"],
                reason=given["reason"],
                actor=request.user,
            )
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, gettext("The limits are in force. Clocks that run keep the limits under which they began."))
            return redirect("time-limits")
    trail = [{"label": _("Time limits"), "url": reverse("time-limits")}, {"label": _("Change")}]
    shown = {"form": form, "trail": trail, "first": policy_in_force() is None}
    return render(request, "compliance/time_limits_change.html", shown, status=422 if form.errors else 200)


@guarded(Verb.VIEW_LIMITS)
def calendar_list(request: Request) -> HttpResponseBase:
    """The calendars in force, and every wording there was."""
    rows = visible(CALENDARS, request.user)
    if wanted(request):
        return exported(request, table_of("calendars", gettext("Calendars"), CALENDAR_TABLE, rows))
    context = {
        "in_force": [(row, week_words(row)) for row in calendars_in_force().values()],
        "page": page_of(request, rows),
        "may_manage": may(request.user, Verb.MANAGE_LIMITS),
        "tabs": tabs("calendar-list"),
        "columns": [
            {"label": _("Calendar")},
            {"label": _("Time zone")},
            {"label": _("Holidays"), "numeric": True},
            {"label": _("In force from")},
        ],
        "in_force_columns": [
            {"label": _("Calendar")},
            {"label": _("Time zone")},
            {"label": _("Working hours")},
            {"label": _("Holidays")},
            {"label": _("AI systems that keep it")},
        ],
    }
    return render(request, "compliance/calendar_list.html", context)


@guarded(Verb.MANAGE_LIMITS, methods=("GET", "HEAD", "POST"))
def calendar_new(request: Request) -> HttpResponse:
    """Write a first wording of a calendar."""
    return _calendar(request, None)


@guarded(Verb.MANAGE_LIMITS, methods=("GET", "HEAD", "POST"))
def calendar_change(request: Request, key: str) -> HttpResponse:
    """Write the next wording of a calendar."""
    now = calendars_in_force().get(key)
    if now is None:
        raise Http404
    return _calendar(request, now)


def _calendar(request: Request, now: BusinessCalendar | None) -> HttpResponse:
    form = CalendarForm(now=now, data=request.POST or None)
    if request.method == "POST" and form.is_valid():
        key = now.key if now else form.cleaned_data["key"]
        try:
            if now is None and key in calendars_in_force():
                raise RefusedError(
                    gettext("There is a calendar with this key: change that one, or choose another key.")
                )
            time_limits.write_calendar(key=key, draft=form.draft, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, gettext("The calendar is in force. Clocks that run count by it from now on."))
            return redirect("calendar-list")
    name = now.title if now else _("New calendar")
    trail = [
        {"label": _("Time limits"), "url": reverse("time-limits")},
        {"label": _("Calendars"), "url": reverse("calendar-list")},
        {"label": name},
    ]
    shown = {"form": form, "trail": trail, "name": name}
    return render(request, "compliance/calendar_change.html", shown, status=422 if form.errors else 200)


@guarded(Verb.VIEW_LIMITS)
def nightly_runs(request: Request) -> HttpResponseBase:
    """What ran by night, what recurs, and how mail fares."""
    rows = visible(NightlyRun.objects.all(), request.user)
    if wanted(request):
        return exported(request, table_of("nightly-runs", gettext("Nightly runs"), NIGHT_TABLE, rows))
    failing = MailState.objects.filter(failures__gt=0)
    context = {
        "page": page_of(request, rows),
        "recurring": [
            (RECURRING.get(entry.name, entry.name), entry, when_words(entry))
            for entry in PeriodicTask.objects.select_related("interval", "crontab").order_by("name")
        ],
        "failing": failing.count(),
        "first_failing": failing.order_by("failing_since").first(),
        "waiting": Notice.objects.filter(mailed_at=None).count(),
        "tabs": tabs("nightly-runs"),
        "columns": [{"label": _("Began")}, {"label": _("Ended")}, {"label": _("Steps")}],
        "recurring_columns": [
            {"label": _("What")},
            {"label": _("When")},
            {"label": _("Last begun")},
            {"label": _("State")},
        ],
    }
    return render(request, "compliance/nightly_runs.html", context)


urls = [
    path("time-limits/", limits_page, name="time-limits"),
    path("time-limits/change/", limits_change, name="time-limits-change"),
    path("time-limits/calendars/", calendar_list, name="calendar-list"),
    path("time-limits/calendars/new/", calendar_new, name="calendar-new"),
    path("time-limits/calendars/<slug:key>/", calendar_change, name="calendar-change"),
    path("time-limits/nightly/", nightly_runs, name="nightly-runs"),
]
