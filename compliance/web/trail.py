"""The trail: who did what, with the ledger that shows whether it was altered."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import LedgerBlock, RowChange, TrailEntry, User
from compliance.models.trigger_tables import NOTED
from compliance.rights import Verb, may, visible
from compliance.selectors.kept import kept_count
from compliance.services import ledger
from compliance.web.base import Request, guarded, page_by_key, page_of
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.forms import day_input

TABLE = (
    Column(gettext_lazy("at (UTC)"), attrgetter("event.created_at")),
    Column(gettext_lazy("what"), attrgetter("event.kind")),
    Column(gettext_lazy("who"), lambda row: row.actor or "Assay"),
    Column(gettext_lazy("by token"), lambda row: row.payload.get("token", "")),
    Column(gettext_lazy("AI system"), lambda row: row.system.name if row.system else ""),
    Column(gettext_lazy("subject"), attrgetter("event.subject_type")),
    Column(gettext_lazy("subject's identifier"), attrgetter("event.subject_uuid")),
    Column(gettext_lazy("payload (SHA-256)"), attrgetter("event.payload_sha256")),
    Column(gettext_lazy("ledger position"), lambda row: getattr(getattr(row.event, "place", None), "position", None)),
    Column(gettext_lazy("event"), attrgetter("event.uuid")),
)


# The first word of each kind of event; a test holds them against the words of the record.
KINDS = (
    "access_review", "answer", "approval", "assessment", "audit_finding", "audit_request", "binding_rule", "bindings",
    "bulk_edit", "calendar_feed", "capacity", "catalog", "change_window", "checks", "closing", "column_mapping",
    "completeness", "control", "control_review", "control_test", "cost_rate", "dataset", "disposal", "engagement",
    "entitlements", "evidence", "expected_rate", "file", "files", "finding", "hold", "import", "job", "key", "leave",
    "ledger",
    "machine", "mapping", "membership", "model", "notice", "pack", "person", "population", "principal",
    "reference_bank", "remediation", "remediation_summary", "retention", "risk", "sample", "saved_filter", "scan",
    "seal_certificate", "signing_key", "sla", "statement", "subject", "supplier", "system", "team", "token", "waiver",
    "webhook", "work_paper",
)  # fmt: skip


class TrailFilterForm(forms.Form):
    """By whom, what, about what and when."""

    who = forms.CharField(label=gettext_lazy("Who"), required=False, max_length=200)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), required=False)
    subject = forms.UUIDField(label=gettext_lazy("Subject’s identifier"), required=False)
    since = forms.DateField(label=gettext_lazy("From"), required=False, widget=day_input())
    until = forms.DateField(label=gettext_lazy("To"), required=False, widget=day_input())

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        kind = self.fields["kind"]
        if isinstance(kind, forms.ChoiceField):
            kind.choices = [("", _("any")), *((word, word.replace("_", " ").capitalize()) for word in KINDS)]

    def narrowed(self, rows: QuerySet[TrailEntry]) -> QuerySet[TrailEntry]:
        """The rows that fit; all of them while the form is wrong, with the words beside its fields."""
        given = self.cleaned_data if self.is_valid() else {}
        lookups = {
            "actor__name__icontains": given.get("who"),
            "event__kind__startswith": f"{given['kind']}." if given.get("kind") else None,
            "event__subject_uuid": given.get("subject"),
            "event__created_at__date__gte": given.get("since"),
            "event__created_at__date__lte": given.get("until"),
        }
        return rows.filter(**{name: value for name, value in lookups.items() if value})


@guarded(Verb.VIEW_TRAIL)
def trail(request: Request) -> HttpResponseBase:
    """Every recorded act the asker may see, newest first."""
    form = TrailFilterForm(request.GET)
    rows = visible(TrailEntry.objects.select_related("event__place__block", "actor", "system"), request.user)
    shown = form.narrowed(rows)
    if wanted(request):
        return exported(request, table_of("trail", _("Trail"), TABLE, shown), form)
    columns = [
        {"label": _("When")},
        {"label": _("What")},
        {"label": _("Who")},
        {"label": _("AI system")},
        {"label": _("Subject")},
        {"label": _("Ledger position"), "numeric": True},
    ]
    context = {
        "form": form,
        "page": page_by_key(request, shown, count=kept_count(shown, request.user)),
        "total": kept_count(rows, request.user),
        "is_filtered": any(request.GET.get(name) for name in form.fields),
        "columns": columns,
        "last_block": LedgerBlock.objects.order_by("number").last(),
        "unsealed": ledger.unsealed_count(),
        "may_see_changes": may(request.user, Verb.VIEW_PEOPLE),
    }
    return render(request, "compliance/trail.html", context)


CHANGES = (
    Column(gettext_lazy("at (UTC)"), attrgetter("changed_at")),
    Column(gettext_lazy("table"), attrgetter("table_name")),
    Column(gettext_lazy("row"), attrgetter("row_key")),
    Column(gettext_lazy("change"), attrgetter("operation")),
    Column(gettext_lazy("actor, and token"), attrgetter("actor")),
)


@guarded(Verb.VIEW_PEOPLE)
def row_changes(request: Request) -> HttpResponseBase:
    """Changes of accounts, rights, tokens and second factors, as triggers of the database noted them."""
    rows = visible(RowChange.objects.all(), request.user)
    if table := request.GET.get("table", "")[:64]:
        rows = rows.filter(table_name=table)
    if wanted(request):
        return exported(request, table_of("changes", _("Changes of accounts and rights"), CHANGES, rows))
    page = page_of(request, rows)
    actors = {row.actor.partition(" ")[0] for row in page} - {""}
    names = {str(user.uuid): user for user in User.objects.filter(uuid__in=actors)}
    context = {
        "page": page,
        "shown": [(row, names.get(row.actor.partition(" ")[0]), row.actor.partition(" ")[2]) for row in page],
        "tables": sorted(NOTED),
        "table": table,
        "columns": [{"label": one} for one in (_("When"), _("Table"), _("Row"), _("Change"), _("Who"))],
        "trail": [{"label": _("Trail"), "url": reverse("trail")}, {"label": _("Changes of accounts and rights")}],
    }
    return render(request, "compliance/row_changes.html", context)


urls = [path("trail/", trail, name="trail"), path("trail/changes/", row_changes, name="trail-changes")]
