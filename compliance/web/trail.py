"""The trail: who did what, with the ledger that shows whether it was altered."""

from __future__ import annotations

from operator import attrgetter

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import LedgerBlock, TrailEntry
from compliance.rights import Verb, visible
from compliance.selectors.kept import kept_count
from compliance.services import ledger
from compliance.web.base import Request, guarded, page_by_key
from compliance.web.exports import Column, exported, table_of, wanted

TABLE = (
    Column(gettext_lazy("at (UTC)"), attrgetter("event.created_at")),
    Column(gettext_lazy("what"), attrgetter("event.kind")),
    Column(gettext_lazy("who"), lambda row: row.actor or "Assay"),
    Column(gettext_lazy("AI system"), lambda row: row.system.name if row.system else ""),
    Column(gettext_lazy("subject"), attrgetter("event.subject_type")),
    Column(gettext_lazy("subject's identifier"), attrgetter("event.subject_uuid")),
    Column(gettext_lazy("payload (SHA-256)"), attrgetter("event.payload_sha256")),
    Column(gettext_lazy("ledger position"), lambda row: getattr(getattr(row.event, "place", None), "position", None)),
    Column(gettext_lazy("event"), attrgetter("event.uuid")),
)


def _filtered(rows: QuerySet[TrailEntry], kind: str) -> QuerySet[TrailEntry]:
    return rows.filter(event__kind__startswith=kind) if kind else rows


@guarded(Verb.VIEW_TRAIL)
def trail(request: Request) -> HttpResponseBase:
    """Every recorded act the asker may see, newest first."""
    kind = request.GET.get("kind", "")[:64]
    rows = visible(TrailEntry.objects.select_related("event__place__block", "actor", "system"), request.user)
    shown = _filtered(rows, kind)
    if wanted(request):
        return exported(request, table_of("trail", _("Trail"), TABLE, shown))
    columns = [
        {"label": _("When")},
        {"label": _("What")},
        {"label": _("Who")},
        {"label": _("AI system")},
        {"label": _("Subject")},
        {"label": _("Ledger position"), "numeric": True},
    ]
    context = {
        "page": page_by_key(request, shown, count=kept_count(shown, request.user)),
        "total": kept_count(rows, request.user),
        "kind": kind,
        "kinds": ["evidence", "import", "answer", "assessment", "finding", "remediation", "model", "scan", "pack"],
        "columns": columns,
        "last_block": LedgerBlock.objects.order_by("number").last(),
        "unsealed": ledger.unsealed_count(),
    }
    return render(request, "compliance/trail.html", context)


urls = [path("trail/", trail, name="trail")]
