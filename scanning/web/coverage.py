"""Coverage: what was tested on every model version, how strongly, how long ago, and what never was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AISystem, ModelVersion
from compliance.rights import Asker, Verb, may, visible
from compliance.selectors.kept import kept, record_mark, seen_by
from compliance.types.verdicts import CoverageState
from compliance.web.base import PER_PAGE, Request, guarded
from compliance.web.exports import Table, exported, wanted
from scanning.selectors import coverage_page as pages
from scanning.selectors import fleet as fleets
from scanning.selectors.coverage_page import CoverageFilter

VERSIONS = ModelVersion.objects.select_related("model__system", "parent__model")
FLEET_IN_BRIEF = 25
_EXPORTED_AT_ONCE = 500


class CoverageFilterForm(forms.Form):
    """Filters of the matrix."""

    q = forms.CharField(label=_("Model or digest"), required=False, max_length=200)
    system = forms.ModelChoiceField(
        label=_("AI system"),
        queryset=AISystem.objects.none(),
        to_field_name="uuid",
        required=False,
        empty_label=_("any"),
    )
    state = forms.ChoiceField(
        label=_("With a cell that is"), required=False, choices=[("", _("any")), *choices(CoverageState)]
    )

    def __init__(self, *, asker: Asker, data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = visible(AISystem.objects.all(), asker)

    def asked(self) -> CoverageFilter:
        """What is asked for; a word that fits no filter asks for nothing."""
        self.is_valid()
        given = self.cleaned_data
        system = given.get("system")
        return CoverageFilter(
            text=given.get("q") or "", system=system.uuid if system else None, state=given.get("state") or ""
        )


def _rows(keys: list[int], asker: Asker) -> Iterator[tuple[object, ...]]:
    """A line for each cell; the p-values of the version stand on each of its lines."""
    adjusted = fleets.adjusted_p_values(asker)
    rows = (row for part in Paginator(keys, _EXPORTED_AT_ONCE) for row in pages.matrix_of(list(part), asker))
    for row in rows:
        p, q = adjusted.get(row.version.pk, (None, None))
        for entry in row.cells:
            strength = entry.strength
            yield (
                row.version.model.name, row.version.label, row.version.model.system.name, row.version.digest,
                entry.cell.technique_id, entry.cell.state.value, entry.basis, entry.verdict, entry.at,
                entry.cell.stale_since, strength.tier if strength else "", strength.p if strength else None,
                "; ".join(f"{told['attack']}: {told['found']}/{told['planted']}" for told in strength.power)
                if strength else "",
                p, q,
            )  # fmt: skip


def _table(keys: list[int], asker: Asker) -> Table:
    heads = [
        gettext("model"), gettext("version"), gettext("AI system"), gettext("SHA-256"), gettext("sub-technique"),
        gettext("state"), gettext("rests on"), gettext("verdict"), gettext("tested (UTC)"), gettext("stale since (UTC)"),
        gettext("tier"), gettext("p-value"), gettext("power, found of planted"), gettext("p-value, all stages"),
        gettext("p-value, adjusted for all models"),
    ]  # fmt: skip
    return Table(name="coverage", title=gettext("Coverage"), heads=heads, rows=_rows(keys, asker))


@guarded(Verb.VIEW)
def coverage(request: Request) -> HttpResponseBase:
    """The matrix of model versions and sub-techniques, and the p-values of all models together."""
    form = CoverageFilterForm(asker=request.user, data=request.GET)
    asked = form.asked()
    versions = visible(VERSIONS, request.user)
    states = pages.matrix_states(pages.matrix_versions(versions, asked), asked)
    if wanted(request):
        return exported(request, _table(list(states), request.user), form)
    page = Paginator(list(states), PER_PAGE).get_page(request.GET.get("page"))
    together = kept(
        f"fleet|{seen_by(request.user)}", lambda: fleets.fleet(request.user, most=FLEET_IN_BRIEF), mark=record_mark()
    )
    context = {
        "page": page,
        "lines": pages.matrix_of(list(page), request.user),
        "total": versions.count(),
        "figures": pages.matrix_figures(states.values()),
        "form": form,
        "active": asked != CoverageFilter(),
        "columns": _columns(),
        "fleet": together,
        "fleet_columns": _fleet_columns(),
        "may_scan": may(request.user, Verb.START_SCAN),
        "may_register": may(request.user, Verb.REGISTER_MODEL),
        "trail": [{"label": gettext("Scans"), "url": reverse("scan-list")}, {"label": gettext("Coverage")}],
    }
    return render(request, "scanning/coverage.html", context)


def _columns() -> list[dict[str, str]]:
    return [
        {"label": gettext("Model version")},
        *({"label": f"{row.atlas_id} {row.name}"} for row in pages.columns()),
    ]


def _fleet_columns() -> list[dict[str, object]]:
    return [
        {"label": gettext("Model version")},
        {"label": gettext("Scanned")},
        {"label": gettext("p-value, all stages"), "numeric": True},
        {"label": gettext("p-value, adjusted"), "numeric": True},
        {"label": gettext("Verdict")},
    ]


urls = [path("coverage/", coverage, name="coverage")]
