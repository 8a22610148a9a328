"""The job log: who submitted which fine-tune job, from which log; and one event down to its raw record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import choices
from compliance.models import JobEvent
from compliance.rights import Verb, may, visible
from compliance.selectors.completeness_page import asked_reading, integrity_of
from compliance.selectors.completeness_words import coverage_words, integrity_words, reconciliation_words
from compliance.selectors.job_log_page import JobLogFilter, job_event_page, job_log_figures
from compliance.selectors.job_log_page import job_log as filtered
from compliance.selectors.kept import kept, record_mark, seen_by
from compliance.selectors.ocsf_job_events import job_event_records
from compliance.selectors.verified_data import WORDS
from compliance.types.states import ActionClass, Outcome
from compliance.web.base import Request, found, guarded, ordered, page_by_key
from compliance.web.exports import Table, exported, ocsf_response, wanted
from compliance.web.forms import day_input

ROWS = JobEvent.objects.select_related("actor", "evidence", "system")
ORDERS = {
    "time": ("occurred_at",),
    "who": ("actor__display",),
    "operation": ("action",),
    "job": ("job_name",),
    "model": ("base_model",),
    "outcome": ("outcome",),
}
_ANY = ("", gettext_lazy("any"))


class JobLogForm(forms.Form):
    """Filters of the job log; `evidence` and `system` come from links."""

    q = forms.CharField(label=gettext_lazy("Job, model or operation"), required=False, max_length=200)
    who = forms.CharField(label=gettext_lazy("Who"), required=False, max_length=200)
    named = forms.ChoiceField(
        label=gettext_lazy("Source names somebody"),
        required=False,
        choices=[_ANY, ("yes", gettext_lazy("yes")), ("no", gettext_lazy("no"))],
    )
    act = forms.ChoiceField(label=gettext_lazy("Act"), required=False, choices=[_ANY, *choices(ActionClass)])
    outcome = forms.ChoiceField(label=gettext_lazy("Outcome"), required=False, choices=[_ANY, *choices(Outcome)])
    account = forms.CharField(label=gettext_lazy("Account"), required=False, max_length=200)
    verified = forms.ChoiceField(
        label=gettext_lazy("Data"), required=False, choices=[_ANY, *WORDS.items()], widget=forms.HiddenInput()
    )
    evidence = forms.UUIDField(required=False, widget=forms.HiddenInput())
    system = forms.UUIDField(required=False, widget=forms.HiddenInput())

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.fields["from"] = forms.DateField(label=_("From (UTC)"), required=False, widget=day_input())
        self.fields["to"] = forms.DateField(label=_("To (UTC)"), required=False, widget=day_input())

    @property
    def asked(self) -> JobLogFilter:
        """What the form asks for; a field that makes no sense is left out."""
        given = self.cleaned_data
        return JobLogFilter(
            text=given.get("q", ""),
            who=given.get("who", ""),
            named=given.get("named", ""),
            act=given.get("act", ""),
            outcome=given.get("outcome", ""),
            account=given.get("account", ""),
            start=given.get("from"),
            end=given.get("to"),
            evidence=given.get("evidence"),
            system=given.get("system"),
            data=given.get("verified", ""),
        )


def _rows(rows: QuerySet[JobEvent]) -> Iterator[tuple[object, ...]]:
    for event in rows.iterator(chunk_size=2000):
        yield (
            event.occurred_at,
            str(event.actor) if event.actor else _("not recorded by the source"),
            event.action,
            event.get_action_class_display(),
            event.get_outcome_display(),
            event.account,
            event.region,
            event.job_name,
            event.job_id,
            event.base_model,
            event.output_model,
            event.system.name,
            event.evidence.filename,
            event.locator,
            event.evidence.sha256,
            event.raw_sha256,
            str(event.uuid),
        )


def _table(rows: QuerySet[JobEvent]) -> Table:
    heads = (
        _("occurred at (UTC)"), _("who"), _("operation"), _("act"), _("outcome"), _("account"), _("region"),
        _("job name"), _("job"), _("base model"), _("output model"), _("AI system"), _("document"),
        _("place in the document"), _("document SHA-256"), _("raw record SHA-256"), _("event"),
    )  # fmt: skip
    return Table(name="job-log", title=_("Job log"), heads=heads, rows=_rows(rows))


def _complete(request: Request, asked: JobLogFilter) -> dict[str, Any] | None:
    """The three figures of the latest reading (of the system that is asked for), in words; None where there is none."""
    reading = asked_reading(request.user, system=asked.system)
    if reading is None:
        return None
    integrity = integrity_of(reading)
    return {
        "reading": reading,
        "integrity": integrity,
        "coverage": coverage_words(reading.figures["coverage"]),
        "integrity_words": integrity_words(integrity),
        "reconciliation": reconciliation_words(reading.figures["reconciliation"]),
    }


@guarded(Verb.VIEW)
def job_log(request: Request) -> HttpResponseBase:
    """Events of fine-tune jobs, newest first, with what the list covers and what was not checked."""
    form = JobLogForm(request.GET)
    form.is_valid()
    rows = visible(ROWS, request.user)
    asked = form.asked
    shown = ordered(request, filtered(rows, asked), ORDERS)
    if wanted(request):
        return exported(request, _table(shown), form)
    if request.GET.get("export") == "ocsf":
        return ocsf_response(filename="job-log.ocsf.ndjson", records=job_event_records(shown))
    mark = record_mark()
    name = f"job-log|{seen_by(request.user)}"
    figures = kept(f"{name}|{asked}", lambda: job_log_figures(shown), mark=mark)
    context = {
        "page": page_by_key(request, shown, count=figures.events, keep=f"{name}|{asked}|{request.GET.get('sort')}"),
        "total": kept(name, rows.count, mark=mark),
        "figures": figures,
        "complete": _complete(request, asked),
        "form": form,
        "active": asked != JobLogFilter(),
        "may_import": may(request.user, Verb.IMPORT_DOCUMENT),
        "columns": [
            {"label": _("Time"), "sort": "time"},
            {"label": _("Who"), "sort": "who"},
            {"label": _("Operation"), "sort": "operation"},
            {"label": _("Job"), "sort": "job"},
            {"label": _("Base model"), "sort": "model"},
            {"label": _("Outcome"), "sort": "outcome"},
        ],
    }
    return render(request, "compliance/job_log.html", context)


@guarded(Verb.VIEW)
def job_event(request: Request, uuid: UUID) -> HttpResponse:
    """One event: every field, what the source did not give, and the record as it was read."""
    event = found(request, ROWS, uuid)
    context = {
        "event": event,
        "content": job_event_page(event, request.user),
        "trail": [
            {"label": _("Job log"), "url": reverse("job-log")},
            {"label": event.evidence.title, "url": f"{reverse('job-log')}?evidence={event.evidence.uuid}"},
            {"label": event.job_name or event.action},
        ],
    }
    return render(request, "compliance/job_event.html", context)


urls = [
    path("job-log/", job_log, name="job-log"),
    path("job-log/<uuid:uuid>/", job_event, name="job-event"),
]
