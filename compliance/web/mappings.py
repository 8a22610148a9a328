"""Mapping pairs: adding one, revising it, deciding it by name, retiring it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from compliance.models import Framework, MappingPair, ReferenceControl
from compliance.oscal.catalog_checks import RELATIONS, STRENGTHS
from compliance.rights import Verb
from compliance.services import mappings
from compliance.services.errors import RefusedError
from compliance.services.mappings import PairTerms
from compliance.types.states import MappingState
from compliance.web.base import Request, guarded, refuse, say

PAIRS = MappingPair.objects.select_related("control", "framework", "author", "decided_by")


class PairForm(forms.Form):
    """What a pair says."""

    relation = forms.ChoiceField(
        label=lazy("Relation"), choices=[(one, one) for one in RELATIONS], initial="intersects-with",
        help_text=lazy("Of the reference control to the requirement, in OSCAL’s words."),
    )  # fmt: skip
    strength = forms.ChoiceField(label=lazy("Strength"), choices=[(one, one) for one in STRENGTHS])
    kind = forms.CharField(
        label=lazy("Kind"), max_length=32, required=False, help_text=lazy("Control, article, clause, task or risk.")
    )
    applies_to = forms.CharField(
        label=lazy("Applies to"), max_length=64, required=False,
        help_text=lazy("For laws: provider-high-risk, deployer-high-risk, gpai-provider, gpai-systemic or all."),
    )  # fmt: skip
    rationale = forms.CharField(label=lazy("Rationale"), widget=forms.Textarea(attrs={"rows": 3}), max_length=5_000)

    @property
    def terms(self) -> PairTerms:
        """What was filled in, as the service takes it."""
        given = self.cleaned_data
        return PairTerms(**{name: given[name] for name in ("relation", "strength", "kind", "applies_to", "rationale")})


class NewPairForm(PairForm):
    """A pair with a requirement of a framework."""

    framework = forms.ModelChoiceField(
        label=lazy("Framework"), queryset=Framework.objects.exclude(facts__has_key="retired"), to_field_name="key"
    )
    requirement_id = forms.CharField(
        label=lazy("Id of the requirement"), max_length=100, help_text=lazy("As the framework writes it.")
    )

    field_order = ("framework", "requirement_id")


@guarded(Verb.WRITE_MAPPINGS, methods=("GET", "HEAD", "POST"))
def mapping_add(request: Request, control_id: str) -> HttpResponse:
    """A new draft on a reference control."""
    control = get_object_or_404(ReferenceControl, control_id=control_id)
    form = NewPairForm(data=request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            mappings.add(
                control=control, framework=given["framework"], requirement_id=given["requirement_id"],
                terms=form.terms, actor=request.user,
            )  # fmt: skip
        except RefusedError as error:
            form.add_error("requirement_id", str(error))
        else:
            say(request, _("The mapping is a draft; a second person approves it."))
            return redirect("catalogue-control", control_id)
    return render(request, "compliance/mapping_edit.html", _context(form, control, _("Add a mapping"), None))


@guarded(Verb.WRITE_MAPPINGS, methods=("GET", "HEAD", "POST"))
def mapping_revise(request: Request, uuid: UUID) -> HttpResponse:
    """Other words for a pair; it is a draft again."""
    pair = get_object_or_404(PAIRS, uuid=uuid)
    start = {
        "relation": pair.relation, "strength": pair.strength, "rationale": pair.rationale,
        "kind": pair.facts.get("kind", ""), "applies_to": pair.facts.get("applies_to", ""),
    }  # fmt: skip
    form = PairForm(data=request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            mappings.revise(pair=pair, terms=form.terms, actor=request.user)
        except RefusedError as error:
            form.add_error("rationale", str(error))
        else:
            say(request, _("The mapping is a draft again; a second person approves it."))
            return redirect("catalogue-control", pair.control.control_id)
    title = f"{pair.framework.title}, {pair.requirement_id}"
    return render(request, "compliance/mapping_edit.html", _context(form, pair.control, title, pair))


def _context(form: forms.Form, control: ReferenceControl, title: str, pair: MappingPair | None) -> dict[str, Any]:
    trail = [
        {"label": _("Catalogue"), "url": reverse("catalogue")},
        {"label": control.control_id, "url": reverse("catalogue-control", args=[control.control_id])},
        {"label": title},
    ]
    return {"form": form, "control": control, "title": title, "pair": pair, "trail": trail}


@guarded(Verb.DECIDE_MAPPINGS, methods=("POST",))
def mapping_decide(request: Request, uuid: UUID) -> HttpResponse:
    """Approve or reject a pair, by name."""
    pair = get_object_or_404(PAIRS, uuid=uuid)
    wanted = request.POST.get("state", "")
    try:
        if wanted not in set(MappingState):
            raise RefusedError(_("Choose to approve or to reject the mapping."))
        mappings.decide(pair=pair, state=MappingState(wanted), actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("Your decision on the mapping is recorded."))
    return redirect("catalogue-control", pair.control.control_id)


@guarded(Verb.DECIDE_MAPPINGS, methods=("POST",))
def mapping_retire(request: Request, uuid: UUID) -> HttpResponse:
    """A pair is not offered any more, for a reason."""
    pair = get_object_or_404(PAIRS, uuid=uuid)
    try:
        mappings.retire(pair=pair, reason=request.POST.get("reason", "")[:5_000], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The mapping is retired; it stays on record."))
    return redirect("catalogue-control", pair.control.control_id)


urls = [
    path("catalogue/controls/<str:control_id>/mappings/new/", mapping_add, name="mapping-add"),
    path("catalogue/mappings/<uuid:uuid>/", mapping_decide, name="mapping-decide"),
    path("catalogue/mappings/<uuid:uuid>/revise/", mapping_revise, name="mapping-revise"),
    path("catalogue/mappings/<uuid:uuid>/retire/", mapping_retire, name="mapping-retire"),
]
