"""Reference banks: the list, one of them, and a new one."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from django import forms
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.models import AISystem
from compliance.rights import Asker, Verb, may, systems_for
from compliance.services.errors import RefusedError
from compliance.web.base import Request, guarded, say
from compliance.web.exports import Column, exported, table_of, wanted
from scanning.selectors import bank_pages
from scanning.services import reference_banks
from scanning.web.answers import see_other


def _power(line: bank_pages.BankLine) -> str:
    return "; ".join(f"{one['attack']}: {one['found']}/{one['planted']}" for one in line.power)


TABLE = (
    Column(_("reference models"), attrgetter("name")),
    Column(_("shipped with Assay"), attrgetter("is_shipped")),
    Column(_("AI system"), lambda line: line.system.name if line.system else ""),
    Column(_("family"), lambda line: line.family.name if line.family else ""),
    Column(_("architecture"), lambda line: line.family.architecture if line.family else ""),
    Column(_("references"), attrgetter("references")),
    Column(_("smallest p-value"), attrgetter("smallest_p")),
    Column(
        _("planted backdoors found"),
        _power,
    ),
    Column(_("not readable because"), attrgetter("trouble")),
    Column(_("SHA-256"), attrgetter("sha256")),
)


class BankForm(forms.Form):
    """A bank that was built elsewhere."""

    system = forms.ModelChoiceField(
        label=_("AI system"),
        queryset=AISystem.objects.none(),
        help_text=_("Where the file is kept as evidence; scans of every system may be ranked against it."),
    )
    name = forms.CharField(
        label=_("Name"), max_length=200, required=False, help_text=_("The name of its family where left empty.")
    )
    file = forms.FileField(label=_("Reference bank"), help_text=_("The JSON file that “manage.py build_bank” leaves."))

    def __init__(self, *, asker: Asker, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files)
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = systems_for(asker, Verb.REGISTER_BANK)


def _columns() -> list[dict[str, object]]:
    return [
        {"label": gettext("Reference models")},
        {"label": gettext("Family")},
        {"label": gettext("References"), "numeric": True},
        {"label": gettext("Smallest p-value"), "numeric": True},
        {"label": gettext("Planted backdoors found")},
        {"label": gettext("SHA-256")},
    ]


@guarded(Verb.VIEW)
def reference_bank_list(request: Request) -> HttpResponseBase:
    """Banks that ship with Assay and those registered here."""
    lines = bank_pages.bank_lines(request.user)
    if wanted(request):
        return exported(request, table_of("reference-models", gettext("Reference models"), TABLE, lines))
    context = {
        "lines": lines,
        "columns": _columns(),
        "may_register": may(request.user, Verb.REGISTER_BANK),
        "trail": [{"label": gettext("Scans"), "url": reverse("scan-list")}, {"label": gettext("Reference models")}],
    }
    return render(request, "scanning/bank_list.html", context)


@guarded(Verb.VIEW)
def reference_bank_detail(request: Request, sha256: str) -> HttpResponse:
    """One bank, by the SHA-256 of its file."""
    line = bank_pages.bank_of(request.user, sha256)
    if line is None:
        raise Http404
    context = {
        "bank": line,
        "model_columns": [
            {"label": gettext("Model")},
            {"label": gettext("Planted")},
            {"label": gettext("Accuracy"), "numeric": True},
            {"label": gettext("Attack success"), "numeric": True},
            {"label": gettext("SHA-256")},
        ],
        "trail": [
            {"label": gettext("Scans"), "url": reverse("scan-list")},
            {"label": gettext("Reference models"), "url": reverse("reference-bank-list")},
            {"label": line.name},
        ],
    }
    return render(request, "scanning/bank_detail.html", context)


@guarded(Verb.REGISTER_BANK, methods=("GET", "HEAD", "POST"))
def reference_bank_new(request: Request) -> HttpResponse:
    """Register a bank from its file."""
    form = BankForm(asker=request.user, data=request.POST or None, files=request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        upload = given["file"]
        try:
            reference_banks.receive(
                system=given["system"],
                stream=upload.file,
                filename=upload.name,
                name=given["name"],
                actor=request.user,
            )
        except RefusedError as error:
            form.add_error("file", str(error))
        else:
            say(request, gettext("The reference models are registered. Scans may be ranked against them from now on."))
            return see_other("reference-bank-list")
    context = {
        "form": form,
        "trail": [
            {"label": gettext("Scans"), "url": reverse("scan-list")},
            {"label": gettext("Reference models"), "url": reverse("reference-bank-list")},
            {"label": gettext("Register")},
        ],
    }
    return render(request, "scanning/bank_new.html", context)


urls = [
    path("reference-banks/", reference_bank_list, name="reference-bank-list"),
    path("reference-banks/new/", reference_bank_new, name="reference-bank-new"),
    path("reference-banks/<str:sha256>/", reference_bank_detail, name="reference-bank-detail"),
]
