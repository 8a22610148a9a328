"""The recipient log of packs: who got one, for what, from whom, when; and recording a hand-over."""

from __future__ import annotations

from operator import attrgetter, methodcaller
from uuid import UUID

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.models import EvidencePack, PackHandover
from compliance.rights import Verb, visible
from compliance.services import handovers
from compliance.services.errors import RefusedError
from compliance.types.states import HandoverWay
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted

ROWS = PackHandover.objects.select_related("pack__freeze__assessment__system", "handed_by")
TABLE = (
    Column(_("assessment"), attrgetter("pack.freeze.assessment.title")),
    Column(_("pack"), attrgetter("pack.number")),
    Column(_("SHA-256"), attrgetter("pack.sha256")),
    Column(_("recipient"), attrgetter("recipient")),
    Column(_("purpose"), attrgetter("purpose")),
    Column(_("way"), methodcaller("get_way_display")),
    Column(_("by"), attrgetter("handed_by")),
    Column(_("at (UTC)"), attrgetter("created_at")),
    Column(_("identifier of the pack"), attrgetter("pack.uuid")),
)


class HandoverForm(forms.Form):
    """A pack that was given to somebody."""

    recipient = forms.CharField(label=_("Recipient"), max_length=300, help_text=_("Person and organisation."))
    purpose = forms.CharField(label=_("Purpose"), widget=forms.Textarea(attrs={"rows": 2}), max_length=5_000)


@guarded(Verb.VIEW_RECIPIENTS)
def recipient_list(request: Request) -> HttpResponseBase:
    """Every download and hand-over, newest first."""
    rows = visible(ROWS, request.user)
    if wanted(request):
        return exported(request, table_of("recipients", gettext("Recipients of packs"), TABLE, rows))
    context = {
        "page": page_of(request, rows),
        "total": rows.count(),
        "trail": [{"label": _("Packs"), "url": reverse("pack-list")}, {"label": _("Recipients")}],
        "columns": [
            {"label": _("Recipient")},
            {"label": _("Pack")},
            {"label": _("Purpose")},
            {"label": _("Way")},
            {"label": _("When")},
        ],
    }
    return render(request, "compliance/recipient_list.html", context)


@guarded(Verb.HAND_OVER_PACK, methods=("POST",))
def pack_hand_over(request: Request, uuid: UUID) -> HttpResponse:
    """Record that somebody was given the pack."""
    pack = found(request, EvidencePack.objects.select_related("freeze__assessment__system"), uuid)
    form = HandoverForm(request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(gettext("Name the recipient, and say what they have the pack for."))
        handovers.record(pack=pack, way=HandoverWay.HANDED_OVER, **form.cleaned_data, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("The hand-over is on record."))
    return redirect("pack-detail", uuid)


urls = [
    path("packs/recipients/", recipient_list, name="recipient-list"),
    path("packs/<uuid:uuid>/hand-over/", pack_hand_over, name="pack-hand-over"),
]
