"""Checkpoints of the ledger, to be kept elsewhere, and the proof that an event is under one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import CheckpointStamp, LedgerBlock, LedgerCheckpoint, TrailEntry
from compliance.rights import Verb, visible
from compliance.services import ledger, ledger_proofs
from compliance.services.errors import RefusedError
from compliance.services.ledger_statements import checkpoint_document
from compliance.web.base import Request, found, guarded, page_of, refuse
from compliance.web.exports import Column, exported, table_of, wanted

ROWS = LedgerCheckpoint.objects.prefetch_related("stamps")


def _stamp(row: LedgerCheckpoint) -> CheckpointStamp | None:
    return next(iter(row.stamps.all()), None)


def _stamper(row: LedgerCheckpoint) -> str:
    stamp = _stamp(row)
    if stamp is None:
        return _("not time-stamped")
    return stamp.authority or _("the installation’s own clock")


TABLE = (
    Column(gettext_lazy("made (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("blocks"), attrgetter("blocks")),
    Column(gettext_lazy("events"), attrgetter("events")),
    Column(gettext_lazy("root"), attrgetter("root")),
    Column(gettext_lazy("newest block (SHA-256)"), attrgetter("head")),
    Column(gettext_lazy("SHA-256"), attrgetter("sha256")),
    Column(gettext_lazy("key"), attrgetter("key_id")),
    Column(gettext_lazy("stamped (UTC)"), lambda row: getattr(_stamp(row), "stamped_at", None)),
    Column(gettext_lazy("stamped by"), _stamper),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


@guarded(Verb.VIEW_TRAIL)
def checkpoint_list(request: Request) -> HttpResponseBase:
    """Checkpoints, newest first."""
    rows = visible(ROWS, request.user)
    if wanted(request):
        return exported(request, table_of("checkpoints", _("Checkpoints of the ledger"), TABLE, rows))
    newest, last = rows.first(), LedgerBlock.objects.order_by("number").last()
    context = {
        "page": page_of(request, rows),
        "newest": newest,
        "after": last.number - (newest.blocks if newest else 0) if last else 0,
        "unsealed": ledger.unsealed_count(),
        "columns": [
            {"label": _("Made")},
            {"label": _("Blocks"), "numeric": True},
            {"label": _("Events"), "numeric": True},
            {"label": _("Root")},
            {"label": _("Time stamp")},
            {"label": _("File")},
        ],
        "trail": [{"label": _("Trail"), "url": reverse("trail")}, {"label": _("Checkpoints of the ledger")}],
    }
    return render(request, "compliance/checkpoint_list.html", context)


@guarded(Verb.VIEW_TRAIL)
def checkpoint_file(request: Request, uuid: UUID) -> HttpResponse:
    """One checkpoint as a file, to be kept where nobody who has this installation can reach it."""
    checkpoint = found(request, ROWS, uuid)
    return _file(checkpoint_document(checkpoint), f"ledger-checkpoint-{checkpoint.blocks}-{str(uuid)[:8]}.json")


@guarded(Verb.VIEW_TRAIL)
def event_proof(request: Request, uuid: UUID) -> HttpResponse:
    """The proof that an event is under the newest checkpoint, as a file."""
    entry = get_object_or_404(visible(TrailEntry.objects.select_related("event"), request.user), event__uuid=uuid)
    try:
        proofs = ledger_proofs.prove(event=entry.event, checkpoint=visible(ROWS, request.user).first())
    except RefusedError as error:
        refuse(request, error)
        return redirect("trail")
    return _file(proofs, f"ledger-proof-{str(uuid)[:8]}.json")


def _file(document: Mapping[str, Any], name: str) -> HttpResponse:
    response = HttpResponse(json.dumps(document, indent=1) + "\n", content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


urls = [
    path("trail/checkpoints/", checkpoint_list, name="trail-checkpoints"),
    path("trail/checkpoints/<uuid:uuid>/", checkpoint_file, name="trail-checkpoint-file"),
    path("trail/events/<uuid:uuid>/proof/", event_proof, name="trail-proof"),
]
