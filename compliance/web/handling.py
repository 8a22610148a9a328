"""Labels and regions on evidence and AI systems, and the confirmation that a label asks for before a download."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.choices import label as word
from compliance.models import AISystem, Evidence
from compliance.rights import Verb
from compliance.selectors.handling import label_of, region_of
from compliance.services import handling
from compliance.services.errors import RefusedError
from compliance.types.handling import HandlingLabel
from compliance.web.base import Request, found, guarded, refuse, say


class LabelForm(forms.Form):
    """A label, a region, and why."""

    handling = forms.ChoiceField(label=_("Handling label"), choices=choices(HandlingLabel))
    region = forms.CharField(
        label=_("Region"), max_length=64, required=False,
        help_text=_("For example: EU. Needed where the file has to stay in its region."),
    )  # fmt: skip
    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 2}), max_length=5_000)


def _label(request: Request, target: Evidence | AISystem) -> None:
    form = LabelForm(request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(gettext("Choose a label and say why it is to be handled so."))
        given: dict[str, Any] = form.cleaned_data
        handling.label(
            target=target,
            handling=HandlingLabel(given["handling"]),
            region=given["region"],
            reason=given["reason"],
            actor=request.user,
        )
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("The label counts from now on, for downloads and for packs that are issued."))


@guarded(Verb.LABEL_EVIDENCE, methods=("POST",))
def evidence_label(request: Request, uuid: UUID) -> HttpResponse:
    """Label one piece."""
    _label(request, found(request, Evidence.objects.select_related("system"), uuid))
    return redirect("evidence-detail", uuid)


@guarded(Verb.LABEL_EVIDENCE, methods=("POST",))
def system_label(request: Request, uuid: UUID) -> HttpResponse:
    """Label an AI system: all its evidence that has no label of its own."""
    _label(request, found(request, AISystem.objects.all(), uuid))
    return redirect("system-detail", uuid)


def confirmation(request: Request, evidence: Evidence) -> HttpResponse:
    """The page that asks before a labelled file is handed out."""
    trail = [
        {"label": _("Evidence"), "url": reverse("evidence-list")},
        {"label": evidence.title, "url": reverse("evidence-detail", args=[evidence.uuid])},
        {"label": _("Download")},
    ]
    context = {
        "evidence": evidence,
        "label": word(label_of(evidence)),
        "region": region_of(evidence),
        "trail": trail,
    }
    return render(request, "compliance/evidence_confirm.html", context)


urls = [
    path("evidence/<uuid:uuid>/label/", evidence_label, name="evidence-label"),
    path("systems/<uuid:uuid>/label/", system_label, name="system-label"),
]
