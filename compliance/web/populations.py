"""Populations: defined by an auditor, counted by a job, frozen; their rows for whoever wants to draw for themselves."""

from __future__ import annotations

from operator import attrgetter, methodcaller
from typing import Any
from uuid import UUID

from django import forms
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import choices
from compliance.models import AISystem, Engagement, Population
from compliance.rights import Asker, Verb, may, systems_for, visible
from compliance.selectors import control_test_page as pages
from compliance.selectors.population_rows import FILTERS, columns_of
from compliance.services import evidence, populations
from compliance.services.errors import LostError, RefusedError
from compliance.services.populations import PopulationDraft
from compliance.types.testing import PopulationKind
from compliance.web.base import Request, found, guarded, page_of, say
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.forms import day_input

ROWS = Population.objects.select_related("engagement", "system", "made_by", "job")
TABLE = (
    Column(gettext_lazy("population"), attrgetter("title")),
    Column(gettext_lazy("engagement"), attrgetter("engagement.title")),
    Column(gettext_lazy("AI system"), attrgetter("system.name")),
    Column(gettext_lazy("made of"), methodcaller("get_kind_display")),
    Column(gettext_lazy("from"), attrgetter("period_start")),
    Column(gettext_lazy("to"), attrgetter("period_end")),
    Column(gettext_lazy("rows"), attrgetter("count")),
    Column(gettext_lazy("rows, as stated"), attrgetter("stated_count")),
    Column(gettext_lazy("control total"), attrgetter("total")),
    Column(gettext_lazy("control total, as stated"), attrgetter("stated_total")),
    Column(gettext_lazy("Merkle root"), attrgetter("root")),
    Column(gettext_lazy("SHA-256"), attrgetter("sha256")),
    Column(gettext_lazy("frozen (UTC)"), attrgetter("frozen_at")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


class PopulationForm(forms.Form):
    """A population of records held, or of a list that was handed in."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=200)
    engagement = forms.ModelChoiceField(
        label=gettext_lazy("Engagement"), queryset=Engagement.objects.none(), to_field_name="uuid"
    )
    system = forms.ModelChoiceField(
        label=gettext_lazy("AI system"), queryset=AISystem.objects.none(), to_field_name="uuid"
    )
    kind = forms.ChoiceField(label=gettext_lazy("Made of"), choices=choices(PopulationKind))
    period_start = forms.DateField(label=gettext_lazy("Period from"), widget=day_input())
    period_end = forms.DateField(label=gettext_lazy("Period to"), widget=day_input())
    filters = forms.CharField(
        label=gettext_lazy("Filters"), required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "“name: value”, one a line. Job events: act, outcome, source, account, region. Model versions: origin. Evidence: "
            "state. Findings: severity, conclusion."
        ),
    )  # fmt: skip
    stratify_by = forms.CharField(
        label=gettext_lazy("Strata by column"), required=False, max_length=100,
        help_text=gettext_lazy("A column with at most 50 values; each becomes a stratum with a size of its own."),
    )  # fmt: skip
    file = forms.FileField(
        label=gettext_lazy("The list"), required=False,
        help_text=gettext_lazy("CSV in UTF-8, names in the first line. Leave names of persons out: rows are kept for good."),
    )  # fmt: skip
    stated_count = forms.IntegerField(label=gettext_lazy("Rows, as stated by the source"), required=False, min_value=0)
    total_column = forms.CharField(label=gettext_lazy("Column of the control total"), required=False, max_length=100)
    stated_total = forms.CharField(
        label=gettext_lazy("Control total, as stated by the source"), required=False, max_length=100
    )

    def __init__(self, *, asker: Asker, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files)
        engagement, system = self.fields["engagement"], self.fields["system"]
        if isinstance(engagement, forms.ModelChoiceField) and isinstance(system, forms.ModelChoiceField):
            engagement.queryset = visible(Engagement.objects.all(), asker)
            system.queryset = systems_for(asker, Verb.TEST_CONTROLS)
            rooms, systems = list(engagement.queryset[:2]), list(system.queryset[:2])
            if len(systems) == 1:
                system.initial = systems[0].uuid
            if len(rooms) == 1:
                engagement.initial = rooms[0].uuid
                self.initial.update(period_start=rooms[0].period_start, period_end=rooms[0].period_end)

    def clean_filters(self) -> dict[str, str]:
        """Name -> value."""
        filters = {}
        for line in filter(None, map(str.strip, self.cleaned_data["filters"].splitlines())):
            name, mark, value = line.partition(":")
            if not mark or not value.strip():
                raise forms.ValidationError(_("Write “name: value” on each line, not “%s”.") % line[:60])
            filters[name.strip().lower()] = value.strip()
        return filters

    @property
    def draft(self) -> PopulationDraft:
        """What was asked for, once the form is valid."""
        given = self.cleaned_data
        upload = given["file"]
        return PopulationDraft(
            title=given["title"], kind=PopulationKind(given["kind"]), period_start=given["period_start"],
            period_end=given["period_end"], filters=given["filters"], stratify_by=given["stratify_by"],
            stream=upload.file if upload else None, filename=upload.name if upload else "",
            stated_count=given["stated_count"], total_column=given["total_column"], stated_total=given["stated_total"],
        )  # fmt: skip


@guarded(Verb.VIEW)
def population_list(request: Request) -> HttpResponseBase:
    """Populations that exist for the asker, latest first."""
    rows = pages.populations(request.user)
    if wanted(request):
        return exported(request, table_of("populations", _("Populations"), TABLE, rows))
    context = {
        "page": page_of(request, rows),
        "total": rows.count(),
        "may_test": may(request.user, Verb.TEST_CONTROLS),
        "columns": [
            {"label": _("Population")},
            {"label": _("Made of")},
            {"label": _("Period")},
            {"label": _("Rows"), "numeric": True},
            {"label": _("Frozen")},
        ],
        "trail": [
            {"label": _("Tests of controls"), "url": reverse("control-test-list")},
            {"label": _("Populations")},
        ],
    }
    return render(request, "compliance/population_list.html", context)


@guarded(Verb.TEST_CONTROLS, methods=("GET", "HEAD", "POST"))
def population_new(request: Request) -> HttpResponse:
    """Define a population; a job counts and freezes it."""
    form = PopulationForm(asker=request.user, data=request.POST or None, files=request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            population = populations.define(
                engagement=given["engagement"], system=given["system"], draft=form.draft, actor=request.user
            )
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The population is being counted. A seed can be typed as soon as it is frozen."))
            return redirect("population-detail", population.uuid)
    trail = [{"label": _("Populations"), "url": reverse("population-list")}, {"label": _("Define a population")}]
    return render(request, "compliance/population_new.html", {"form": form, "trail": trail})


@guarded(Verb.VIEW)
def population_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One population: what it is made of, its count, root and place in the ledger."""
    population = found(request, ROWS, uuid)
    kind = PopulationKind(population.kind)
    context = {
        "population": population,
        "job": population.job,
        "filters": [(name, population.filters[name]) for name in FILTERS[kind] if name in population.filters],
        "columns": columns_of(kind),
        "strata": sorted(population.strata.items()),
        "tests": visible(population.control_tests.select_related("control"), request.user),
        "may_load": may(request.user, Verb.DOWNLOAD_EVIDENCE),
        "trail": [
            {"label": _("Tests of controls"), "url": reverse("control-test-list")},
            {"label": _("Populations"), "url": reverse("population-list")},
            {"label": population.title},
        ],
    }
    return render(request, "compliance/population_detail.html", context)


@guarded(Verb.DOWNLOAD_EVIDENCE)
def population_rows(request: Request, uuid: UUID) -> FileResponse:
    """The frozen rows, one canonical JSON object a line, as they lie in the storage."""
    population = found(request, ROWS, uuid)
    if population.frozen_at is None:
        raise Http404
    try:
        rows = evidence.open_stored(name=population.storage_name)
    except LostError as error:
        raise Http404 from error
    return FileResponse(
        rows,
        as_attachment=True,
        filename=f"population-{str(population.uuid)[:8]}.jsonl",
        content_type="application/x-ndjson",
    )


urls = [
    path("populations/", population_list, name="population-list"),
    path("populations/new/", population_new, name="population-new"),
    path("populations/<uuid:uuid>/", population_detail, name="population-detail"),
    path("populations/<uuid:uuid>/rows/", population_rows, name="population-rows"),
]
