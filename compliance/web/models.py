"""Models and data: what is registered, what it is made from, what was tested on it and what was not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, zip_longest
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import AISystem, DatasetVersion, Evidence, ModelVersion, User
from compliance.rights import Verb, may, visible
from compliance.selectors import model_pages as pages
from compliance.selectors.kept import kept, record_mark, seen_by
from compliance.selectors.model_pages import ModelFilter
from compliance.services import evidence as evidences
from compliance.services import inventory
from compliance.services.errors import RefusedError
from compliance.types.retention import EvidenceKind
from compliance.types.states import ModelOrigin
from compliance.web.base import Request, found, guarded, ordered, page_of, say
from compliance.web.exports import Column, Table, exported, table_of, wanted
from compliance.web.model_forms import DatasetFilterForm, ModelFilterForm, RegisterModelForm

VERSIONS = ModelVersion.objects.select_related("model__system", "parent__model", "evidence", "registered_by")
DATASETS = DatasetVersion.objects.select_related("dataset__system", "evidence", "registered_by")
DATASETS_IN_BRIEF = 10
EXPORTED_AT_ONCE = 500
ORDERS = {"name": ("model__name", "label"), "origin": ("origin",), "registered": ("created_at",)}
DATASET_ORDERS = {"name": ("dataset__name", "label"), "files": ("file_count",), "registered": ("created_at",)}
DATASET_TABLE = (
    Column(gettext_lazy("data set"), attrgetter("dataset.name")),
    Column(gettext_lazy("version"), attrgetter("label")),
    Column(gettext_lazy("AI system"), attrgetter("dataset.system.name")),
    Column(gettext_lazy("files"), attrgetter("file_count")),
    Column(gettext_lazy("size in bytes"), attrgetter("size")),
    Column(gettext_lazy("manifest root (SHA-256)"), attrgetter("manifest_root")),
    Column(gettext_lazy("registered (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("registered by"), attrgetter("registered_by")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


def _columns(subtechniques: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [
        {"label": _("Model version"), "sort": "name"},
        {"label": _("Origin"), "sort": "origin"},
        {"label": _("Made from")},
        *({"label": f"{atlas_id} {name}"} for atlas_id, name in subtechniques),
    ]


def _dataset_columns(*, sortable: bool) -> list[dict[str, object]]:
    sort = {"name": "name", "files": "files", "registered": "registered"} if sortable else {}
    return [
        {"label": _("Data-set version"), "sort": sort.get("name", "")},
        {"label": _("AI system")},
        {"label": _("Files"), "numeric": True, "sort": sort.get("files", "")},
        {"label": _("Manifest root")},
        {"label": _("Registered"), "sort": sort.get("registered", "")},
    ]


def _subtechniques() -> list[tuple[str, str]]:
    about = pages.technique()
    if about is None:
        return []
    rows = list(about.subtechniques.order_by("atlas_id")) or [about]
    return [(row.atlas_id, row.name) for row in rows]


def _table(versions: QuerySet[ModelVersion]) -> Table:
    """The list with one column of coverage per sub-technique."""
    subtechniques = _subtechniques()
    heads = [
        _("model"), _("version"), _("AI system"), _("SHA-256"), _("size in bytes"), _("format"), _("origin"),
        _("supplier"), _("made from"), _("registered (UTC)"), *(atlas_id for atlas_id, _name in subtechniques),
    ]  # fmt: skip
    return Table(name="model-versions", title=_("Model versions"), heads=heads, rows=_rows(versions))


def _rows(versions: QuerySet[ModelVersion]) -> Iterator[tuple[object, ...]]:
    """Rows in portions, for coverage is read for many versions at once."""
    about, found = pages.technique(), versions.iterator(chunk_size=EXPORTED_AT_ONCE)
    while part := list(islice(found, EXPORTED_AT_ONCE)):
        cells = {row.version.pk: row.cells for row in pages.coverage_of(part, about)}
        for version in part:
            yield (
                version.model.name,
                version.label,
                version.model.system.name,
                version.digest,
                version.size,
                version.format,
                version.get_origin_display(),
                version.supplier,
                str(version.parent or ""),
                version.created_at,
                *(cell.state.value for cell in cells.get(version.pk, ())),
            )


def _dataset_list(request: Request) -> HttpResponseBase:
    form = DatasetFilterForm(request.GET)
    form.is_valid()
    shown = pages.dataset_list(visible(DATASETS, request.user), system=form.cleaned_data.get("system"))
    rows = ordered(request, shown, DATASET_ORDERS)
    if wanted(request):
        return exported(request, table_of("data-set-versions", _("Data sets"), DATASET_TABLE, rows))
    page = page_of(request, rows)
    trail = [{"label": _("Models and data"), "url": reverse("model-list")}, {"label": _("Data sets")}]
    context = {"page": page, "columns": _dataset_columns(sortable=True), "trail": trail}
    return render(request, "compliance/dataset_list.html", context)


@guarded(Verb.VIEW)
def model_list(request: Request) -> HttpResponseBase:
    """Model versions with their coverage, and data-set versions; `?view=data` lists all data-set versions."""
    if request.GET.get("view") == "data":
        return _dataset_list(request)
    form = ModelFilterForm(request.GET)
    form.is_valid()
    given = form.cleaned_data
    asked = ModelFilter(
        text=given.get("q", ""),
        origin=given.get("origin", ""),
        tested=given.get("tested", ""),
        system=given.get("system"),
        traced=given.get("traced", ""),
        cell=given.get("cell", ""),
        technique=given.get("technique", ""),
    )
    rows = visible(VERSIONS, request.user)
    shown = ordered(request, pages.model_list(rows, asked), ORDERS)
    if wanted(request):
        return exported(request, _table(shown), form)
    page = page_of(request, shown)
    datasets = visible(DATASETS, request.user)
    context = {
        "page": page,
        "total": rows.count(),
        "lines": list(zip_longest(page, pages.coverage_of(list(page), pages.technique()))),
        "figures": kept(
            f"versions|{seen_by(request.user)}|{asked!r}", lambda: pages.model_figures(shown), mark=record_mark()
        ),
        "form": form,
        "active": asked != ModelFilter(),
        "columns": _columns(_subtechniques()),
        "datasets": datasets.order_by("-created_at")[:DATASETS_IN_BRIEF],
        "dataset_count": datasets.count(),
        "dataset_columns": _dataset_columns(sortable=False),
        "may_register": may(request.user, Verb.REGISTER_MODEL),
        "may_scan": may(request.user, Verb.START_SCAN),
    }
    return render(request, "compliance/model_list.html", context)


def _kept(upload: UploadedFile[Any], *, system: AISystem, title: str, actor: User) -> Evidence:
    """The uploaded model file as accepted evidence."""
    kept = evidences.receive(
        system=system,
        stream=upload.file,  # type: ignore[arg-type]  # an upload's file is open for reading bytes
        filename=upload.name or "",
        declared_type=upload.content_type or "",
        kind=EvidenceKind.MODEL,
        title=title,
        received_by=actor,
    )
    evidences.accept(evidence=kept, actor=actor)
    return kept


def _register(given: dict[str, Any], actor: User) -> ModelVersion:
    title = f"{given['name']} {given['label']}"
    kept = given["evidence"] or _kept(given["file"], system=given["system"], title=title, actor=actor)
    return inventory.register_model_version(
        system=given["system"],
        name=given["name"],
        label=given["label"],
        evidence=kept,
        origin=ModelOrigin(given["origin"]),
        supplier=given["supplier"],
        parent=given["parent"],
        actor=actor,
    )


@guarded(Verb.REGISTER_MODEL, methods=("GET", "HEAD", "POST"))
def model_register(request: Request) -> HttpResponse:
    """Register a model version; `?evidence=` and `?parent=` fill in what a link already knows."""
    initial = {key: request.GET[key] for key in ("evidence", "parent") if key in request.GET}
    form = RegisterModelForm(
        asker=request.user, data=request.POST or None, files=request.FILES or None, initial=initial
    )
    if request.method == "POST" and form.is_valid():
        try:
            version = _register(form.cleaned_data, request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The model version is registered. It counts as not covered until it is scanned."))
            return redirect("model-version", version.uuid)
    trail = [{"label": _("Models and data"), "url": reverse("model-list")}, {"label": _("Register a model")}]
    return render(request, "compliance/model_register.html", {"form": form, "trail": trail})


@guarded(Verb.VIEW)
def model_version(request: Request, uuid: UUID) -> HttpResponse:
    """One model version: identity, lineage, what was tested on it, what was found."""
    version = found(request, VERSIONS, uuid)
    context = {
        "model": version,
        "content": pages.model_page(version, request.user),
        "may_scan": may(request.user, Verb.START_SCAN),
        "may_register": may(request.user, Verb.REGISTER_MODEL),
        "trail": [{"label": _("Models and data"), "url": reverse("model-list")}, {"label": str(version)}],
    }
    return render(request, "compliance/model_version.html", context)


@guarded(Verb.VIEW)
def dataset_version(request: Request, uuid: UUID) -> HttpResponse:
    """One data-set version: its manifest root and the models that were trained on it."""
    version = found(request, DATASETS, uuid)
    context = {
        "dataset": version,
        "content": pages.dataset_page(version, request.user),
        "trail": [
            {"label": _("Models and data"), "url": reverse("model-list")},
            {"label": _("Data sets"), "url": f"{reverse('model-list')}?view=data"},
            {"label": str(version)},
        ],
    }
    return render(request, "compliance/dataset_version.html", context)


urls = [
    path("models/", model_list, name="model-list"),
    path("models/register/", model_register, name="model-register"),
    path("models/<uuid:uuid>/", model_version, name="model-version"),
    path("data/<uuid:uuid>/", dataset_version, name="dataset-version"),
]
