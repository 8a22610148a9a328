"""What people state about the job log of an AI system: accounts and clusters in scope, and what nothing logs; with history."""

from __future__ import annotations

from datetime import UTC
from io import BytesIO
from operator import attrgetter
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.models import AISystem, PlatformDocument
from compliance.rights import Verb, may, systems_for
from compliance.services.errors import RefusedError
from compliance.types.drafts import JSON
from compliance.web.base import Request, found, guarded, page_of, say
from compliance.web.exports import Column, exported, table_of, wanted
from scanning import intake
from scanning.services import statements
from scanning.services.statements import Statement
from scanning.web.statement_forms import ROW_FORMS, RowList, WhoseForm, lists, sent_rows, stated_rows

_KINDS = {
    "stated-accounts": _("accounts in scope"),
    "stated-clusters": _("clusters of Kubernetes"),
    "stated-not-logged": _("what nothing logs"),
}
COLUMNS = (
    Column(_("stated at (UTC)"), attrgetter("taken_at")),
    Column(_("part of the organisation"), attrgetter("scope")),
    Column(_("about"), lambda row: _KINDS[row.kind]),
    Column(_("lines"), lambda row: len(lines_of(row))),
    Column(_("statement"), lambda row: "; ".join(in_words(line) for line in lines_of(row))),
    Column(_("stated by"), lambda row: row.content["stated_by"]),
    Column(_("entered by"), lambda row: row.evidence.received_by),
    Column(_("document SHA-256"), attrgetter("evidence.sha256")),
    Column(_("identifier"), attrgetter("uuid")),
)


def lines_of(document: PlatformDocument) -> list[JSON]:
    """The lines that a statement holds; none of one that was disposed of."""
    member = next(name for name, kind in statements.SECTIONS.items() if kind == document.kind)
    found_: list[JSON] = document.content.get(member, [])
    return found_


def in_words(line: JSON) -> str:
    """One line of a statement in the order of its form, whatever order the database keeps."""
    fields = next(form.base_fields for form in ROW_FORMS.values() if line.keys() <= form.base_fields.keys())
    return ", ".join(str(line[name]) for name in fields if line.get(name))


def _history(system: AISystem, page: list[PlatformDocument]) -> list[JSON]:
    """Rows of the page; those that no later one of their part and kind replaced are in force."""
    latest: dict[tuple[str, str], int] = {}
    for pk, kind, scope in statements.on_record(system=system).values_list("pk", "kind", "scope"):
        latest.setdefault((kind, scope), pk)
    return [
        {
            "row": row,
            "about": _KINDS[row.kind],
            "lines": [in_words(line) for line in lines_of(row)],
            "in_force": latest[row.kind, row.scope] == row.pk,
        }
        for row in page
    ]


@guarded(Verb.VIEW)
def statement_list(request: Request, uuid: UUID) -> HttpResponseBase:
    """What is stated, what was stated before, and the form for a new statement."""
    system = found(request, AISystem.objects.all(), uuid)
    if wanted(request):
        rows = statements.on_record(system=system)
        return exported(request, table_of("statements", gettext("Statements on the job log"), COLUMNS, rows))
    scope = request.GET.get("scope", "")
    whose = WhoseForm(initial={"scope": scope, "stated_by": request.user.name})
    return _page(request, system, whose, lists(None, statements.in_force(system=system, scope=scope)))


def _page(request: Request, system: AISystem, whose: WhoseForm, rows: list[RowList]) -> HttpResponse:
    history = statements.on_record(system=system)
    page = page_of(request, history)
    may_state = may(request.user, Verb.STATE_EXPECTATIONS)
    context = {
        "system": system,
        "whose": whose,
        "lists": rows if may_state else [],
        "may_state": may_state,
        "page": page,
        "history": _history(system, list(page)),
        "total": history.count(),
        "scopes": sorted(set(history.order_by().values_list("scope", flat=True)) - {""}),
        "columns": [
            {"label": _("Stated at")}, {"label": _("About")}, {"label": _("Statement")}, {"label": _("By")},
            {"label": _("Document")},
        ],
        "trail": [
            {"label": gettext("Job log"), "url": reverse("job-log")},
            {"label": gettext("Completeness"), "url": reverse("completeness-system", args=[system.uuid])},
            {"label": gettext("Statements")},
        ],
    }  # fmt: skip
    return render(request, "scanning/statements.html", context)


@guarded(Verb.STATE_EXPECTATIONS, methods=("POST",))
def statement_new(request: Request, uuid: UUID) -> HttpResponse:
    """Put a statement on record, as the document that its lines make."""
    system = found(request, systems_for(request.user, Verb.STATE_EXPECTATIONS), uuid)
    if "more" in request.POST:
        whose = WhoseForm(initial={name: request.POST.get(name, "") for name in ("scope", "stated_by")})
        return _page(request, system, whose, lists(None, sent_rows(request.POST)))
    whose, rows = WhoseForm(request.POST), lists(request.POST, {})
    checked = [whose.is_valid(), *(one.formset.is_valid() for one in rows)]
    if all(checked):
        try:
            _receive(request, system, whose, rows)
        except RefusedError as error:
            whose.add_error(None, str(error))
        else:
            say(request, gettext("The statement is on its way into the record; the figures are read anew after it."))
            return redirect("log-statements", system.uuid)
    return _page(request, system, whose, rows)


def _receive(request: Request, system: AISystem, whose: WhoseForm, rows: list[RowList]) -> None:
    """Hand the statement in like any document. Raises RefusedError where it says nothing."""
    scope = whose.cleaned_data["scope"]
    said = statements.written(
        said={one.key: stated_rows(one.formset) for one in rows},
        before=statements.in_force(system=system, scope=scope),
    )
    if all(found_ is None for found_ in said.values()):
        raise RefusedError(gettext("The statement is empty: fill in a line of one of the lists."))
    now = timezone.now().astimezone(UTC)
    statement = Statement(scope=scope, stated_by=whose.cleaned_data["stated_by"], **said)
    intake.receive(
        system=system,
        stream=BytesIO(statement.document(taken_at=now)),
        filename=f"statement-{now:%Y%m%dT%H%M%SZ}.json",
        title=gettext("Statement on the job log of %s") % system.name,
        requested_format="stated_sources",
        actor=request.user,
        source_system=scope,
        collected_how=gettext("Stated on the page of completeness."),
        collected_at=now,
    )


urls = [
    path("completeness/of/<uuid:uuid>/statements/", statement_list, name="log-statements"),
    path("completeness/of/<uuid:uuid>/statements/new/", statement_new, name="log-statements-new"),
]
