"""Registering a data set by its hash manifest."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.models import AISystem, ModelVersion
from compliance.rights import Asker, Verb, systems_for, visible
from compliance.services.errors import RefusedError
from compliance.web.base import Request, guarded, say
from compliance.web.choosing import ChoosingSome, choosing
from scanning.services import datasets


class DatasetForm(forms.Form):
    """A manifest and what it stands for."""

    system = forms.ModelChoiceField(label=_("AI system"), queryset=AISystem.objects.none())
    name = forms.CharField(label=_("Name of the data set"), max_length=200)
    label = forms.CharField(label=_("Version"), max_length=100)
    manifest = forms.FileField(
        label=_("Manifest"),
        help_text=_("What “manage.py hash_dataset FOLDER --json” prints; the data stays where it is."),
    )
    trained = ChoosingSome("model-version", label=_("Model versions trained on it"), required=False)

    def __init__(self, *, asker: Asker, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files)
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = systems_for(asker, Verb.REGISTER_MODEL)
        versions = visible(ModelVersion.objects.select_related("model__system"), asker)
        choosing(self, "trained").offer(versions.order_by("-pk"))

    def clean(self) -> dict[str, Any]:
        """The models belong to the system."""
        given = super().clean() or {}
        system, trained = given.get("system"), given.get("trained") or []
        if system and any(version.model.system_id != system.pk for version in trained):
            self.add_error("trained", _("Choose model versions of the same AI system."))
        return given


@guarded(Verb.REGISTER_MODEL, methods=("GET", "HEAD", "POST"))
def dataset_register(request: Request) -> HttpResponse:
    """Register the state of a data set."""
    form = DatasetForm(asker=request.user, data=request.POST or None, files=request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        upload = given["manifest"]
        try:
            version = datasets.register_from_manifest(
                system=given["system"],
                name=given["name"],
                label=given["label"],
                stream=upload.file,
                filename=upload.name,
                trained=tuple(given["trained"]),
                actor=request.user,
            )
        except RefusedError as error:
            form.add_error("manifest", str(error))
        else:
            say(request, gettext("The data set is registered by the root of its manifest."))
            return redirect("dataset-version", version.uuid)
    trail = [
        {"label": gettext("Models and data"), "url": reverse("model-list")},
        {"label": gettext("Register a data set")},
    ]
    return render(request, "scanning/dataset_register.html", {"form": form, "trail": trail})


urls = [path("data/new/", dataset_register, name="dataset-register")]
