"""Remediation as a board: a column for each state; cards are dragged, or moved by a list and a button.

Both send the same form, which says in which state its sender saw the card. Who comes second with a move that no longer
fits is told what the first one did, beside what they wanted, and decides again.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from compliance.choices import label
from compliance.models import RemediationItem
from compliance.rights import Verb, may, visible
from compliance.selectors import remediation_lists as lists
from compliance.services import remediation
from compliance.services.errors import ConflictError, RefusedError
from compliance.types.states import RemediationState
from compliance.web.base import Request, found, guarded, refuse, say
from compliance.web.remediation_filters import RemediationFilterForm
from compliance.web.remediation_forms import MOVABLE

ROWS = RemediationItem.objects.select_related("system", "owner")


def _columns(request: Request, shown: QuerySet[RemediationItem], address: str) -> dict[str, Any]:
    """What the columns show. address: of the board, to which a moved card leads back."""
    return {
        "columns": lists.board(shown),
        "move_choices": MOVABLE,
        "today": timezone.localdate(),
        "may_work": may(request.user, Verb.WORK_REMEDIATION),
        "address": address,
    }


def board_page(request: Request, shown: QuerySet[RemediationItem], context: dict[str, Any]) -> HttpResponseBase:
    """The page of the board, with what the table shows above it as well."""
    context |= _columns(request, shown, request.get_full_path())
    return render(request, "compliance/remediation_board.html", context)


def _address(request: Request, item: RemediationItem) -> str:
    """Where the sender came from, when it is a place of ours; "" for any other."""
    asked = request.POST.get("next", "")
    return asked if url_has_allowed_host_and_scheme(asked, allowed_hosts={request.get_host()}) else ""


@guarded(Verb.WORK_REMEDIATION, methods=("POST",))
def remediation_move(request: Request, uuid: UUID) -> HttpResponse:
    """Another state; closing has a page act of its own. `seen`: the state in which the sender saw it."""
    item = found(request, ROWS, uuid)
    states = set(RemediationState)
    asked, seen = request.POST.get("state", ""), request.POST.get("seen", "")
    told: dict[str, Any] = {}
    try:
        if asked not in states:
            raise RefusedError(_("Choose the state to move to."))
        state = RemediationState(asked)
        before = RemediationState(seen) if seen in states else None
        remediation.move(item=item, state=state, actor=request.user, seen=before)
        words = {"title": item.title, "state": label(state)}
        told["said"] = _("“%(title)s” is now in “%(state)s”.") % words
    except ConflictError as error:
        told |= {"conflict": error, "item": item, "wanted": asked, "wanted_label": label(RemediationState(asked))}
    except RefusedError as error:
        told["refused"] = error
    return _answer(request, item, told)


def _answer(request: Request, item: RemediationItem, told: dict[str, Any]) -> HttpResponse:
    """The columns anew for a card that was moved in place; else the page before, or the one that tells of a conflict."""
    address = _address(request, item)
    if request.htmx and address:
        form = RemediationFilterForm(asker=request.user, data=QueryDict(urlsplit(address).query))
        shown = lists.remediation_list(visible(ROWS, request.user), form.asked())
        return render(request, "compliance/_remediation_columns.html", told | _columns(request, shown, address))
    if "conflict" in told:
        return render(request, "compliance/remediation_conflict.html", told | {"address": address}, status=409)
    if "refused" in told:
        refuse(request, told["refused"])
    else:
        say(request, told["said"])
    return redirect(address) if address else redirect("remediation-item", item.uuid)


urls = [path("remediation/<uuid:uuid>/move/", remediation_move, name="remediation-move")]
