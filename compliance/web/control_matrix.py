"""The risk-and-control matrix of an AI system, as a page and as a file."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from compliance.choices import label
from compliance.models import AISystem, Technique
from compliance.rights import Verb
from compliance.selectors.control_matrix import MatrixRow, control_matrix
from compliance.selectors.overview import TECHNIQUE
from compliance.web.base import Request, found, guarded
from compliance.web.exports import Column, exported, table_of, wanted

COLUMNS = (
    Column(lazy("technique"), lambda row: row.technique.atlas_id),
    Column(lazy("risk"), lambda row: row.technique.name),
    Column(lazy("reference control"), lambda row: row.reference.control_id),
    Column(lazy("objective"), lambda row: row.reference.objective),
    Column(lazy("own control"), lambda row: row.control.control_id if row.control else _("none")),
    Column(lazy("own control, title"), lambda row: row.control.title if row.control else ""),
    Column(lazy("statement"), lambda row: row.control.statement if row.control else ""),
    Column(lazy("owner"), lambda row: row.control.owner.name if row.control else ""),
    Column(lazy("frequency"), lambda row: row.control.frequency if row.control else ""),
    Column(lazy("nature"), lambda row: row.control.get_nature_display() if row.control else ""),
    Column(lazy("type"), lambda row: row.control.get_control_type_display() if row.control else ""),
    Column(lazy("key control"), lambda row: row.control.is_key if row.control else ""),
    Column(lazy("version"), lambda row: row.control.version if row.control else ""),
    Column(lazy("questions"), lambda row: "; ".join(map(str, row.questions))),
    Column(lazy("ids of frameworks"), lambda row: "; ".join(row.ids)),
    Column(lazy("last test (UTC)"), lambda row: row.last_test),
    Column(lazy("conclusion"), lambda row: str(label(row.conclusion)) if row.conclusion else _("never tested")),
    Column(lazy("open findings"), lambda row: row.open_findings),
)


@guarded(Verb.VIEW)
def system_matrix(request: Request, uuid: UUID) -> HttpResponseBase:
    """Each technique with the controls against it, of the technique that `?technique=` names."""
    system = found(request, AISystem.objects.all(), uuid)
    technique = get_object_or_404(Technique, atlas_id=request.GET.get("technique") or TECHNIQUE)
    rows = control_matrix(system, technique, request.user)
    if wanted(request):
        table = table_of("risk-and-control-matrix", _("Risk-and-control matrix"), COLUMNS, rows)
        return exported(request, table, also=((_("AI system"), system.name), (_("technique"), str(technique))))
    context = {
        "system": system,
        "technique": technique,
        "tabs": _tabs(technique),
        "groups": _groups(rows),
        "without": sum(row.control is None for row in rows),
        "total": len(rows),
        "columns": [
            {"label": _("Reference control")},
            {"label": _("Own control")},
            {"label": _("Owner")},
            {"label": _("Questions")},
            {"label": _("Ids of frameworks")},
            {"label": _("Last test")},
            {"label": _("Open findings"), "numeric": True},
        ],
        "trail": [
            {"label": _("AI systems"), "url": reverse("system-list")},
            {"label": system.name, "url": reverse("system-detail", args=[system.uuid])},
            {"label": _("Risk-and-control matrix")},
        ],
    }
    return render(request, "compliance/system_matrix.html", context)


def _tabs(technique: Technique) -> list[dict[str, object]]:
    """The techniques that have questions; none where there is only one to choose."""
    asked = list(Technique.objects.filter(questions__isnull=False).distinct())
    return [
        {"label": one.atlas_id, "url": f"?technique={one.atlas_id}", "active": one.pk == technique.pk}
        for one in (asked if len(asked) > 1 else ())
    ]


def _groups(rows: tuple[MatrixRow, ...]) -> list[tuple[Technique, list[MatrixRow]]]:
    """Rows by technique, in their order."""
    grouped: dict[int, tuple[Technique, list[MatrixRow]]] = {}
    for row in rows:
        grouped.setdefault(row.technique.pk, (row.technique, []))[1].append(row)
    return list(grouped.values())


urls = [path("systems/<uuid:uuid>/matrix/", system_matrix, name="system-matrix")]
