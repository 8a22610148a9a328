"""Who can submit fine-tune jobs, by which path; what no document says; and who did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import choices
from compliance.models import Entitlement, EntitlementReading
from compliance.rights import Verb, may
from compliance.selectors.entitlement_changes import ReadingsCompared, compared, reading_before
from compliance.selectors.entitlement_page import (
    EntitlementFilter,
    entitlement_page,
    entitlement_rows,
    last_submissions,
    latest_reading,
    path_in_words,
    platforms_of,
    readings,
)
from compliance.selectors.kept import kept_count
from compliance.types.entitlements import Reach
from compliance.web.base import Request, guarded, page_by_key, uuid_of
from compliance.web.exports import Table, exported, wanted

_ANY = ("", gettext_lazy("any"))


class EntitlementForm(forms.Form):
    """Filters of the list; `reading` and `system` come from links."""

    q = forms.CharField(label=gettext_lazy("Who, permission or path"), required=False, max_length=200)
    reach = forms.ChoiceField(label=gettext_lazy("How far away"), required=False, choices=[_ANY, *choices(Reach)])
    platform = forms.ChoiceField(label=gettext_lazy("Platform"), required=False)
    used = forms.ChoiceField(
        label=gettext_lazy("Submitted in the year"),
        required=False,
        choices=[_ANY, ("yes", gettext_lazy("yes")), ("no", gettext_lazy("no"))],
    )
    reading = forms.UUIDField(required=False, widget=forms.HiddenInput())
    system = forms.UUIDField(required=False, widget=forms.HiddenInput())

    def __init__(self, data: Any, *, platforms: list[str]) -> None:
        super().__init__(data)
        self.fields["platform"] = forms.ChoiceField(
            label=_("Platform"), required=False, choices=[_ANY, *((name, name) for name in platforms)]
        )

    @property
    def asked(self) -> EntitlementFilter:
        """What the form asks for; a field that makes no sense is left out."""
        given = self.cleaned_data
        return EntitlementFilter(
            text=given.get("q", ""),
            reach=given.get("reach", ""),
            platform=given.get("platform", ""),
            used=given.get("used", ""),
        )


def _table(rows: QuerySet[Entitlement]) -> Table:
    heads = (
        _("who"), _("identifier"), _("kind"), _("how far away"), _("permissions"), _("platform"),
        _("account, subscription, project or cluster"), _("path"), _("resources"), _("conditions, not evaluated"),
        _("jobs may run as"), _("still missing"),
    )  # fmt: skip
    return Table(name="who-can-submit", title=_("Who can submit"), heads=heads, rows=_rows(rows))


def _rows(rows: QuerySet[Entitlement]) -> Iterator[tuple[object, ...]]:
    for row in rows.iterator(chunk_size=2000):
        listed = (row.resources, row.conditions, row.runs_as, row.missing)
        yield (
            str(row.principal),
            row.principal.identifier or "",
            row.principal.kind,
            row.get_reach_display(),
            "; ".join(row.actions),
            row.platform,
            row.scope,
            path_in_words(row.path),
            *("; ".join(values) for values in listed),
        )


def _compared(request: Request, reading: EntitlementReading) -> ReadingsCompared | None:
    """The reading beside the one that the address names by `against`, else beside the one before it; None where it is the
    first."""
    against = request.GET.get("against")
    if against:
        named = readings(request.user).filter(system=reading.system_id, uuid=uuid_of(against)).exclude(pk=reading.pk)
        earlier = named.first()
    else:
        earlier = reading_before(reading, request.user)
    if earlier is None:
        return None
    later, first = (reading, earlier) if earlier.as_of <= reading.as_of else (earlier, reading)
    return compared(later, first, request.user)


def _asked_reading(request: Request) -> EntitlementReading | None:
    """The reading that the address names, else the latest (of the system it names)."""
    if request.GET.get("reading"):
        return latest_reading(request.user, uuid=uuid_of(request.GET["reading"]))
    if request.GET.get("system"):
        return readings(request.user).filter(system__uuid=uuid_of(request.GET["system"])).first()
    return latest_reading(request.user)


@guarded(Verb.VIEW)
def entitlements(request: Request) -> HttpResponseBase:
    """The latest reading of entitlement documents: who can submit, how, and what was not assessed."""
    reading = _asked_reading(request)
    context: dict[str, Any] = {"may_import": may(request.user, Verb.IMPORT_DOCUMENT), "content": None}
    if reading is None:
        return render(request, "compliance/entitlements.html", context)
    platforms = platforms_of(reading)
    form = EntitlementForm(request.GET, platforms=platforms)
    form.is_valid()
    asked = form.asked
    rows = entitlement_rows(reading, asked)
    if wanted(request):
        as_of = (_("Reading as of"), f"{reading.as_of:%Y-%m-%d %H:%M} UTC")
        return exported(request, _table(rows), form, also=((_("AI system"), reading.system.name), as_of))
    name = f"ways|{request.user.pk}|{reading.uuid}|{asked!r}"
    page = page_by_key(request, rows, count=kept_count(rows, request.user), keep=name)
    last = last_submissions(reading, list(page))
    context |= {
        "content": entitlement_page(reading, request.user),
        "page": page,
        "lines": [{"row": row, "last": last.get(row.principal_id)} for row in page],
        "compared": _compared(request, reading),
        "total": kept_count(reading.entitlements.all(), request.user),
        "form": form,
        "active": asked != EntitlementFilter(),
        "systems": [other for other in _systems(request) if other["uuid"] != reading.system.uuid],
        "document_columns": [
            {"label": _("Kind")},
            {"label": _("Of")},
            {"label": _("Taken")},
            {"label": _("Evidence")},
        ],
        "columns": [
            {"label": _("Who")},
            {"label": _("How far away")},
            {"label": _("Permissions")},
            {"label": _("Path")},
            {"label": _("Last submitted")},
        ],
    }
    return render(request, "compliance/entitlements.html", context)


def _systems(request: Request) -> list[dict[str, Any]]:
    found = readings(request.user).order_by("system__name").values("system__uuid", "system__name").distinct()
    return [{"uuid": one["system__uuid"], "name": one["system__name"]} for one in found]


urls = [path("entitlements/", entitlements, name="entitlements")]
