"""The trail: who did what, with the ledger that shows whether it was altered."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _

from compliance.models import LedgerBlock, TrailEntry
from compliance.rights import Verb, visible
from compliance.services import ledger
from compliance.web.base import Request, guarded, page_of


def _filtered(rows: QuerySet[TrailEntry], kind: str) -> QuerySet[TrailEntry]:
    return rows.filter(event__kind__startswith=kind) if kind else rows


@guarded(Verb.VIEW_TRAIL)
def trail(request: Request) -> HttpResponse:
    """Every recorded act the asker may see, newest first."""
    kind = request.GET.get("kind", "")[:64]
    rows = visible(TrailEntry.objects.select_related("event__place__block", "actor", "system"), request.user)
    columns = [
        {"label": _("When")},
        {"label": _("What")},
        {"label": _("Who")},
        {"label": _("AI system")},
        {"label": _("Subject")},
        {"label": _("Ledger position"), "numeric": True},
    ]
    context = {
        "page": page_of(request, _filtered(rows, kind)),
        "total": rows.count(),
        "kind": kind,
        "kinds": ["evidence", "import", "answer", "assessment", "finding", "remediation", "model", "scan", "pack"],
        "columns": columns,
        "last_block": LedgerBlock.objects.order_by("number").last(),
        "unsealed": ledger.unsealed_count(),
    }
    return render(request, "compliance/trail.html", context)


urls = [path("trail/", trail, name="trail")]
