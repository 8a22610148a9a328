"""Lists for other programs, as filtered: `?export=csv` and `?export=xlsx` of every list, `?export=ocsf` of some."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.selectors import ocsf
from compliance.selectors.table_files import About, Column, Kind, Table, download, table_of
from compliance.web.base import Request

__all__ = ["Column", "Table", "exported", "ocsf_response", "table_of", "wanted"]
PARAMETER = "export"
Filters = tuple[tuple[str, str], ...]
_NO_FILTERS = frozenset({PARAMETER, "page", "sort"})


def wanted(request: Request) -> bool:
    """Whether the address asks for the list as a file."""
    return request.GET.get(PARAMETER) in set(Kind)


def exported(request: Request, table: Table, form: forms.Form | None = None, *, also: Filters = ()) -> HttpResponseBase:
    """The table in the form that the address asks for.

    form: the filters of the list, already checked; also: what else narrows it, as name and value.
    """
    about = About(filters=(*also, *filters_of(request, form)), asked_by=str(request.user), asked_at=timezone.now())
    return download(Kind(request.GET[PARAMETER]), table, about)


def filters_of(request: Request, form: forms.Form | None) -> Filters:
    """What narrows the list, in the words of its form; of a list without one, the parameters of the address."""
    fields = form.fields if form is not None else {}
    said = [(_label(form, name), _words(form, name)) for name in fields] if form is not None else []
    rest = [(name, str(value)) for name, value in request.GET.items() if name not in fields and name not in _NO_FILTERS]
    if request.GET.get("sort"):
        rest.append((_("order"), request.GET["sort"]))
    return tuple((name, value) for name, value in (*said, *rest) if value)


def _label(form: forms.Form | None, name: str) -> str:
    return str(form[name].label) if form is not None else name


def _words(form: forms.Form | None, name: str) -> str:
    """One filter as the person chose it; "" where it does not narrow."""
    value: Any = form.cleaned_data.get(name) if form is not None else None
    if value in (None, "", False, []):
        return ""
    field = form.fields[name] if form is not None else None
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        chosen: dict[Any, Any] = dict(field.choices)  # type: ignore[arg-type]  # none of these lists is grouped
        return str(chosen.get(value, value))
    return _("yes") if value is True else str(value)


def ocsf_response(*, filename: str, records: Iterable[Mapping[str, Any]]) -> StreamingHttpResponse:
    """A download of OCSF records as they are made."""
    response = StreamingHttpResponse(ocsf.lines(records), content_type=ocsf.MEDIA_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
