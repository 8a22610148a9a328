"""Statements of applicability: the list, one statement, deciding on its ids, approving it, its versions."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from compliance.choices import choices, label
from compliance.models import AISystem, Framework, StatementVersion
from compliance.rights import Verb, may, sees_all, visible
from compliance.selectors import statement_page as pages
from compliance.services import statements
from compliance.services.errors import RefusedError
from compliance.types.drafts import JSON
from compliance.types.statements import Decision, Implementation, Inclusion
from compliance.web.base import Request, found, guarded, refuse, say, uuid_of
from compliance.web.exports import Column, exported, table_of, wanted

ChoiceT = TypeVar("ChoiceT", Inclusion, Implementation)
COLUMNS = (
    Column(lazy("control id"), lambda row: row.requirement_id),
    Column(lazy("title"), lambda row: row.title),
    Column(lazy("included or excluded"), lambda row: str(label(row.inclusion))),
    Column(lazy("reason"), lambda row: row.reason),
    Column(lazy("state of implementation"), lambda row: str(label(row.implementation))),
    Column(lazy("own controls"), lambda row: "; ".join(one.control_id for one in row.controls)),
    Column(lazy("written by"), lambda row: row.line.written_by.name if row.line else ""),
    Column(lazy("written at (UTC)"), lambda row: row.line.written_at if row.line else None),
)
VERSION_COLUMNS = (
    Column(lazy("control id"), lambda row: row["id"]),
    Column(lazy("included or excluded"), lambda row: str(label(Inclusion(row["inclusion"])))),
    Column(lazy("reason"), lambda row: row["reason"]),
    Column(lazy("state of implementation"), lambda row: str(label(Implementation(row["implementation"])))),
    Column(lazy("own controls"), lambda row: "; ".join(f"{one['id']} v{one['version']}" for one in row["controls"])),
)


@guarded(Verb.VIEW)
def statement_list(request: Request) -> HttpResponse:
    """Each framework that has one, for the organisation and for each AI system."""
    systems = list(visible(AISystem.objects.all(), request.user).order_by("name"))
    scopes: list[AISystem | None] = [*([None] if sees_all(request.user) else []), *systems]
    context = {"frameworks": pages.frameworks_with_statement(), "scopes": scopes}
    return render(request, "compliance/statement_list.html", context)


def _asked(request: Request, key: str, given: QueryDict) -> tuple[Framework, AISystem | None]:
    """The framework, and the system that the request names; only who sees everything sees the organisation's own."""
    framework = get_object_or_404(Framework, key=key, facts__has_key=pages.IDS)
    if given.get("system"):
        return framework, found(request, AISystem.objects.all(), uuid_of(given.get("system")))
    if not sees_all(request.user):
        raise Http404
    return framework, None


def _url(framework: Framework, system: AISystem | None) -> str:
    query = f"?system={system.uuid}" if system else ""
    return f"{reverse('statement-detail', args=[framework.key])}{query}"


@guarded(Verb.VIEW)
def statement_detail(request: Request, key: str) -> HttpResponseBase:
    """Every id with what is decided on it; `?export=` as a file. Who sees single systems alone chooses one first."""
    if not request.GET.get("system") and not sees_all(request.user):
        return statement_list(request)
    framework, system = _asked(request, key, request.GET)
    rows = pages.statement_rows(framework, system, request.user)
    if wanted(request):
        table = table_of(f"applicability-{key}", _("Statement of applicability"), COLUMNS, rows)
        return exported(request, table, also=((_("framework"), framework.title), (_("scope"), _scope(system))))
    versions = pages.statement_versions(framework, system)
    context: dict[str, Any] = {
        "framework": framework,
        "system": system,
        "scope": _scope(system),
        "rows": rows,
        "undecided": sum(row.inclusion is Inclusion.UNDECIDED for row in rows),
        "excluded": sum(row.inclusion is Inclusion.EXCLUDED for row in rows),
        "without_control": sum(row.inclusion is Inclusion.INCLUDED and not row.controls for row in rows),
        "versions": versions,
        "inclusions": choices(Inclusion),
        "implementations": choices(Implementation),
        "may_decide": may(request.user, Verb.MANAGE_CONTROLS),
        "may_open": may(request.user, Verb.OPEN_REMEDIATION),
        "may_approve": may(request.user, Verb.APPROVE_STATEMENT),
        "columns": [
            {"label": _("Control id")},
            {"label": _("Included or excluded")},
            {"label": _("Reason")},
            {"label": _("State")},
            {"label": _("Own controls")},
        ],
        "trail": _trail(framework, system),
    }
    return render(request, "compliance/statement_detail.html", context)


def _scope(system: AISystem | None) -> str:
    return system.name if system else _("the whole organisation")


def _trail(framework: Framework, system: AISystem | None) -> list[dict[str, str]]:
    return [
        {"label": _("Statements of applicability"), "url": reverse("statement-list")},
        {"label": f"{framework.title}, {_scope(system)}", "url": _url(framework, system)},
    ]


def _decisions(framework: Framework, given: QueryDict) -> list[Decision]:
    """What the form says on each id that it holds; words that no choice has leave an id undecided."""
    found_ = []
    for one in pages.statement_ids(framework):
        if f"inclusion.{one}" not in given:
            continue
        version = given.get(f"version.{one}", "0")
        found_.append(
            Decision(
                requirement_id=one,
                inclusion=_member(Inclusion, given.get(f"inclusion.{one}"), Inclusion.UNDECIDED),
                reason=given.get(f"reason.{one}", ""),
                implementation=_member(Implementation, given.get(f"implementation.{one}"), Implementation.NOT_STATED),
                version=int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0,
            )
        )
    return found_


def _member(kind: type[ChoiceT], text: str | None, other: ChoiceT) -> ChoiceT:
    return kind(text) if text in set(kind) else other


@guarded(Verb.MANAGE_CONTROLS, methods=("POST",))
def statement_save(request: Request, key: str) -> HttpResponse:
    """Write what changed; nothing of it where one id does not hold."""
    framework, system = _asked(request, key, request.POST)
    try:
        changed = statements.decide(
            framework=framework, system=system, decisions=_decisions(framework, request.POST), actor=request.user
        )
    except RefusedError as error:
        refuse(request, error)
    else:
        told = ngettext("%d id changed.", "%d ids changed.", changed) % changed
        say(request, told if changed else _("Nothing changed."))
    return redirect(_url(framework, system))


@guarded(Verb.APPROVE_STATEMENT, methods=("POST",))
def statement_approve(request: Request, key: str) -> HttpResponse:
    """The statement becomes a version that never changes."""
    framework, system = _asked(request, key, request.POST)
    try:
        version = statements.approve(
            framework=framework, system=system, note=request.POST.get("note", "")[:5_000], actor=request.user
        )
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("Version %d is approved.") % version.version)
    return redirect(_url(framework, system))


@guarded(Verb.VIEW)
def statement_version(request: Request, uuid: UUID) -> HttpResponseBase:
    """One approved version; `?export=` as a file."""
    rows = StatementVersion.objects.select_related("framework", "system", "approved_by")
    version = found(request, rows, uuid)
    lines: list[JSON] = version.lines
    if wanted(request):
        name = f"applicability-{version.framework.key}-v{version.version}"
        table = table_of(name, _("Statement of applicability"), VERSION_COLUMNS, lines)
        return exported(request, table, also=((_("SHA-256"), version.sha256),))
    context = {
        "version": version,
        "scope": _scope(version.system),
        "columns": [{"label": str(column.head).capitalize()} for column in VERSION_COLUMNS],
        "cells": [[column.of(line) for column in VERSION_COLUMNS] for line in lines],
        "trail": [*_trail(version.framework, version.system), {"label": _("Version %d") % version.version}],
    }
    return render(request, "compliance/statement_version.html", context)


urls = [
    path("statements/", statement_list, name="statement-list"),
    path("statements/versions/<uuid:uuid>/", statement_version, name="statement-version"),
    path("statements/<str:key>/", statement_detail, name="statement-detail"),
    path("statements/<str:key>/save/", statement_save, name="statement-save"),
    path("statements/<str:key>/approve/", statement_approve, name="statement-approve"),
]
