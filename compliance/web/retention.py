"""Retention: the classes with their history, legal holds, and the class of one piece of evidence."""

from __future__ import annotations

from operator import attrgetter, methodcaller
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AISystem, Evidence, LegalHold, RetentionTerms
from compliance.rights import Asker, Verb, may, systems_for, visible
from compliance.selectors.retention import terms_in_force
from compliance.services import retention
from compliance.services.errors import RefusedError
from compliance.types.retention import ClassTerms, EvidenceKind, RetentionStart
from compliance.types.states import RetentionClass
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted

TERMS = RetentionTerms.objects.select_related("made_by").order_by("-created_at", "-pk")
HOLDS = LegalHold.objects.select_related("system", "evidence__system", "placed_by", "lifted_by")
TERMS_TABLE = (
    Column(_("class"), methodcaller("get_key_display")),
    Column(_("version"), attrgetter("version")),
    Column(_("name"), attrgetter("title")),
    Column(_("months"), attrgetter("months")),
    Column(_("counted from"), methodcaller("get_starts_display")),
    Column(_("legal basis"), attrgetter("legal_basis")),
    Column(_("kinds of evidence"), lambda row: "; ".join(row.kinds)),
    Column(_("in force from (UTC)"), attrgetter("created_at")),
    Column(_("written by"), attrgetter("made_by")),
)
HOLD_TABLE = (
    Column(_("matter"), attrgetter("title")),
    Column(_("reason"), attrgetter("reason")),
    Column(_("covers"), lambda row: row.evidence or row.system or gettext("everything")),
    Column(_("from (UTC)"), attrgetter("created_at")),
    Column(_("placed by"), attrgetter("placed_by")),
    Column(_("lifted (UTC)"), attrgetter("lifted_at")),
    Column(_("lifted by"), attrgetter("lifted_by")),
    Column(_("why it was lifted"), attrgetter("lift_reason")),
    Column(_("identifier"), attrgetter("uuid")),
)


class TermsForm(forms.Form):
    """A new wording of a class."""

    title = forms.CharField(label=_("Name"), max_length=100)
    months = forms.IntegerField(
        label=_("Months"), min_value=1, max_value=retention.MOST_MONTHS, required=False,
        help_text=_("84 are seven years. Empty means no end: evidence of the class is never proposed for disposal."),
    )  # fmt: skip
    starts = forms.ChoiceField(label=_("Counted from"), choices=choices(RetentionStart))
    legal_basis = forms.CharField(
        label=_("Legal basis"), widget=forms.Textarea(attrs={"rows": 4}), max_length=5_000,
        help_text=_("Why that long and no longer, in words; certificates say it. Assay makes no legal classification."),
    )  # fmt: skip
    kinds = forms.MultipleChoiceField(
        label=_("New evidence of these kinds gets the class"), choices=choices(EvidenceKind), required=False,
        widget=forms.CheckboxSelectMultiple(), help_text=_("A kind that another class has moves here."),
    )  # fmt: skip

    @property
    def terms(self) -> ClassTerms:
        """The wording as the service takes it."""
        given = self.cleaned_data
        return ClassTerms(
            title=given["title"],
            months=given["months"],
            starts=RetentionStart(given["starts"]),
            legal_basis=given["legal_basis"],
            kinds=tuple(EvidenceKind(kind) for kind in given["kinds"]),
        )


class PieceHoldForm(forms.Form):
    """A new legal hold on one piece, from its page."""

    title = forms.CharField(label=_("Matter"), max_length=200, help_text=_("For example: claim 12/2026."))
    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}), max_length=5_000)


class HoldForm(PieceHoldForm):
    """A new legal hold on an AI system or on everything."""

    system = forms.ModelChoiceField(
        label=_("AI system"), queryset=AISystem.objects.none(), required=False, to_field_name="uuid",
        empty_label=_("everything on record"),
    )  # fmt: skip

    def __init__(self, *, asker: Asker, data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = systems_for(asker, Verb.PLACE_HOLD)


class ClassifyForm(forms.Form):
    """Another class for one piece."""

    key = forms.ChoiceField(label=_("Retention class"), choices=choices(RetentionClass))
    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 2}), max_length=5_000)


class ReasonForm(forms.Form):
    """Why a hold is lifted."""

    reason = forms.CharField(label=_("Why is it lifted?"), widget=forms.Textarea(attrs={"rows": 2}), max_length=5_000)


def retention_tabs(active: str) -> list[dict[str, object]]:
    """The pages of retention."""
    entries = (
        ("retention", _("Classes")),
        ("hold-list", _("Legal holds")),
        ("disposal-list", _("Disposals")),
        ("rehash-list", _("Stored files")),
    )
    return [{"label": label, "url": reverse(name), "active": name == active} for name, label in entries]


@guarded(Verb.VIEW_RETENTION)
def retention_classes(request: Request) -> HttpResponseBase:
    """The classes in force, and every wording there was."""
    rows = visible(TERMS, request.user)
    if wanted(request):
        return exported(request, table_of("retention-classes", gettext("Retention classes"), TERMS_TABLE, rows))
    kinds = dict(choices(EvidenceKind))
    in_force = [
        {"terms": terms, "kinds": [kinds.get(kind, kind) for kind in terms.kinds]}
        for terms in terms_in_force().values()
    ]
    context = {
        "in_force": in_force,
        "page": page_of(request, rows),
        "total": rows.count(),
        "may_manage": may(request.user, Verb.MANAGE_RETENTION),
        "tabs": retention_tabs("retention"),
        "columns": [
            {"label": _("Class")},
            {"label": _("Kept for")},
            {"label": _("Legal basis")},
            {"label": _("In force from")},
        ],
    }
    return render(request, "compliance/retention.html", context)


@guarded(Verb.MANAGE_RETENTION, methods=("GET", "HEAD", "POST"))
def retention_revise(request: Request, key: str) -> HttpResponse:
    """Write a new wording of a class."""
    now = terms_in_force().get(key)
    if now is None:
        raise Http404
    start = {
        "title": now.title,
        "months": now.months,
        "starts": now.starts,
        "legal_basis": now.legal_basis,
        "kinds": now.kinds,
    }
    form = TermsForm(request.POST) if request.method == "POST" else TermsForm(initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            retention.revise_terms(key=RetentionClass(key), terms=form.terms, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(
                request,
                gettext("The new wording is in force. Runs that were proposed keep the one they were proposed under."),
            )
            return redirect("retention")
    trail = [{"label": _("Retention"), "url": reverse("retention")}, {"label": now.title}]
    context = {"form": form, "terms": now, "trail": trail}
    return render(request, "compliance/retention_revise.html", context, status=422 if form.errors else 200)


# Holds ----------------------------------------------------------------------------------------------------------------


@guarded(Verb.VIEW_RETENTION)
def hold_list(request: Request) -> HttpResponseBase:
    """Legal holds, standing ones and lifted ones."""
    rows = visible(HOLDS, request.user)
    if wanted(request):
        return exported(request, table_of("legal-holds", gettext("Legal holds"), HOLD_TABLE, rows))
    context = {
        "page": page_of(request, rows),
        "total": rows.count(),
        "may_hold": may(request.user, Verb.PLACE_HOLD),
        "lift": ReasonForm(),
        "tabs": retention_tabs("hold-list"),
        "columns": [
            {"label": _("Matter")},
            {"label": _("Covers")},
            {"label": _("Placed")},
            {"label": _("Lifted")},
        ],
    }
    return render(request, "compliance/hold_list.html", context)


@guarded(Verb.PLACE_HOLD, methods=("GET", "HEAD", "POST"))
def hold_new(request: Request) -> HttpResponse:
    """Place a hold on an AI system or on everything."""
    form = HoldForm(asker=request.user, data=request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            retention.place_hold(
                title=given["title"], reason=given["reason"], system=given["system"], actor=request.user
            )
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, gettext("The hold stands. Nothing that it covers is disposed of until it is lifted."))
            return redirect("hold-list")
    trail = [{"label": _("Legal holds"), "url": reverse("hold-list")}, {"label": _("Place a hold")}]
    context = {"form": form, "trail": trail}
    return render(request, "compliance/hold_new.html", context, status=422 if form.errors else 200)


@guarded(Verb.PLACE_HOLD, methods=("POST",))
def hold_lift(request: Request, uuid: UUID) -> HttpResponse:
    """End a hold."""
    hold = found(request, HOLDS, uuid)
    try:
        retention.lift_hold(hold=hold, reason=request.POST.get("reason", "")[:5_000], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("The hold is lifted."))
    return redirect("hold-list")


# One piece ------------------------------------------------------------------------------------------------------------


@guarded(Verb.PLACE_HOLD, methods=("POST",))
def evidence_hold(request: Request, uuid: UUID) -> HttpResponse:
    """Place a hold on one piece."""
    evidence = found(request, Evidence.objects.select_related("system"), uuid)
    title, reason = (request.POST.get(name, "")[:5_000] for name in ("title", "reason"))
    try:
        retention.place_hold(title=title, reason=reason, evidence=evidence, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("The hold stands. The piece is kept until it is lifted."))
    return redirect("evidence-detail", uuid)


@guarded(Verb.CLASSIFY_EVIDENCE, methods=("POST",))
def evidence_classify(request: Request, uuid: UUID) -> HttpResponse:
    """Give one piece another class."""
    evidence = found(request, Evidence.objects.select_related("system"), uuid)
    form = ClassifyForm(request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(gettext("Choose a class and say why this piece is kept for another time than its kind."))
        given = form.cleaned_data
        key = RetentionClass(given["key"])
        retention.classify(evidence=evidence, key=key, reason=given["reason"], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("The piece is kept by the class that you chose."))
    return redirect("evidence-detail", uuid)


urls = [
    path("retention/", retention_classes, name="retention"),
    path("retention/classes/<slug:key>/", retention_revise, name="retention-revise"),
    path("retention/holds/", hold_list, name="hold-list"),
    path("retention/holds/new/", hold_new, name="hold-new"),
    path("retention/holds/<uuid:uuid>/lift/", hold_lift, name="hold-lift"),
    path("evidence/<uuid:uuid>/hold/", evidence_hold, name="evidence-hold"),
    path("evidence/<uuid:uuid>/retention/", evidence_classify, name="evidence-classify"),
]
