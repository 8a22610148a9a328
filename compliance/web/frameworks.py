"""One framework: its requirements as they were imported, and which reference controls are mapped to each."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

from django.core.paginator import Paginator
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import Framework, MappingPair
from compliance.rights import Verb
from compliance.services import frameworks
from compliance.types.states import MappingState
from compliance.web.base import PER_PAGE, Request, guarded
from compliance.web.exports import Column, exported, table_of, wanted


@dataclass(frozen=True, slots=True)
class Line:
    """A requirement as the page shows it. is_known: it is in the imported file."""

    id: str
    title: str
    is_withdrawn: bool
    is_known: bool
    pairs: list[MappingPair]


TABLE = (
    Column(gettext_lazy("requirement"), attrgetter("id")),
    Column(gettext_lazy("title"), attrgetter("title")),
    Column(gettext_lazy("withdrawn"), attrgetter("is_withdrawn")),
    Column(gettext_lazy("in the imported file"), attrgetter("is_known")),
    Column(gettext_lazy("mapped reference controls"), lambda line: _mapped(line, MappingState.APPROVED)),
    Column(gettext_lazy("drafts, not counted"), lambda line: _mapped(line, MappingState.DRAFT)),
)


def _mapped(line: Line, state: MappingState) -> str:
    """The controls of the pairs in one state, each with its relation and strength."""
    told = (
        f"{pair.control.control_id} ({pair.relation}, {pair.strength})" for pair in line.pairs if pair.state == state
    )
    return "; ".join(told)


@guarded(Verb.VIEW)
def framework_detail(request: Request, key: str) -> HttpResponseBase:
    """Requirements in the order of the file, then mapped ids that the file does not hold."""
    framework = get_object_or_404(Framework, key=key)
    release = frameworks.release_of(key)
    lines = _lines(framework)
    if wanted(request):
        return exported(request, table_of(f"framework-{framework.key}", framework.title, TABLE, lines))
    columns = [{"label": _("Requirement")}, {"label": _("Title")}, {"label": _("Mapped reference controls")}]
    context = {
        "framework": framework,
        "release": release,
        "page": Paginator(lines, PER_PAGE).get_page(request.GET.get("page")),
        "columns": columns,
        "trail": [{"label": _("Catalogue"), "url": reverse("catalogue")}, {"label": framework.title}],
    }
    return render(request, "compliance/framework_detail.html", context)


def _lines(framework: Framework) -> list[Line]:
    pairs: dict[str, list[MappingPair]] = {}
    rows = (
        framework.pairs.filter(state__in=[MappingState.APPROVED, MappingState.DRAFT])
        .select_related("control")
        .order_by("requirement_id", "pk")
    )
    for pair in rows:
        pairs.setdefault(pair.requirement_id, []).append(pair)
    known = [
        Line(one.id, one.title, one.is_withdrawn, True, pairs.pop(one.id, []))
        for one in frameworks.requirements_of(framework.key)
    ]
    return [*known, *(Line(key, "", False, False, listed) for key, listed in pairs.items())]


urls = [path("catalogue/frameworks/<str:key>/", framework_detail, name="framework-detail")]
