"""Choosing records in a form where there may be many: the latest are listed, the others are found by typing.

A list of 100,000 options takes a page seconds and a person longer. A field of this module checks a choice against all
rows that its form offers, but shows only `MOST` of them; an address per kind of record answers what is typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Model, Q, QuerySet
from django.forms.models import ModelChoiceIterator
from django.forms.utils import flatatt
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from compliance.models import AISystem, Assessment, Evidence, Finding, ModelVersion, RemediationItem
from compliance.rights import SYSTEM_PATH, Verb, visible
from compliance.types.states import EvidenceState, RemediationState
from compliance.types.verdicts import Conclusion
from compliance.web.base import Request, guarded

MOST = 50
_LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record to choose: its rows, latest first; the lookups that typed text is tried with; its words."""

    rows: Callable[[], QuerySet[Any]]
    searched: tuple[str, ...]
    label: Callable[[Any], str]


def _version_label(version: ModelVersion) -> str:
    return f"{version} · {version.model.system.name} · {version.digest[:8]}"


def _evidence_label(kept: Evidence) -> str:
    return f"{kept.title} · {kept.system.name} · {kept.sha256[:8]}"


def _evidence() -> QuerySet[Evidence]:
    return Evidence.objects.exclude(state=EvidenceState.REJECTED).select_related("system").order_by("-created_at")


def _versions() -> QuerySet[ModelVersion]:
    return ModelVersion.objects.select_related("model__system").order_by("-pk")


_OF_EVIDENCE = ("title__icontains", "filename__icontains", "sha256__istartswith")
_OF_VERSION = ("model__name__icontains", "label__icontains", "digest__istartswith")
KINDS: Mapping[str, Kind] = {
    "system": Kind(lambda: AISystem.objects.order_by("name"), ("name__icontains",), str),
    "assessment": Kind(lambda: Assessment.objects.order_by("-pk"), ("title__icontains",), str),
    "evidence": Kind(_evidence, _OF_EVIDENCE, _evidence_label),
    "images": Kind(lambda: _evidence().filter(filename__iendswith=".npz"), _OF_EVIDENCE, _evidence_label),
    "model-version": Kind(_versions, _OF_VERSION, _version_label),
    "kept-version": Kind(lambda: _versions().filter(evidence__isnull=False), _OF_VERSION, _version_label),
    "open-item": Kind(
        lambda: RemediationItem.objects.exclude(state=RemediationState.CLOSED).order_by("-pk"),
        ("title__icontains",),
        str,
    ),
    "open-finding": Kind(
        lambda: Finding.objects.filter(state=Conclusion.NOT_SATISFIED).order_by("-pk"),
        ("title__icontains", "asset_key__icontains"),
        str,
    ),
}


class _Listed(ModelChoiceIterator):  # type: ignore[type-arg]  # generic in the stubs alone
    """The empty choice and the latest rows."""

    field: Choosing

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        empty = self.field.empty_label
        if empty is not None:
            yield "", str(empty)
        yield from (self.choice(row) for row in self.field.listed()[:MOST])

    def __len__(self) -> int:
        return len(self.field.listed()[:MOST]) + (self.field.empty_label is not None)

    def __bool__(self) -> bool:
        return len(self) > 0


class _KeepsChosen(forms.widgets.ChoiceWidget):
    """Shows what is chosen although it is not among the latest."""

    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> list[Any]:
        source: Any = self.choices
        self.choices = [
            *source,
            *((row.uuid, source.field.label_from_instance(row)) for row in source.field.lost(value)),
        ]
        try:
            return super().optgroups(name, value, attrs)
        finally:
            self.choices = source


class QuickSelect(forms.Select):
    """A select whose options take no template each: a hundred of them cost one millisecond instead of fifteen."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The element as Django's own would be, without groups."""
        about = self.get_context(name, value, attrs)["widget"]
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            (
                (one["value"], mark_safe(" selected") if one["selected"] else "", one["label"])
                for _group, members, _index in about["optgroups"]
                for one in members
            ),
        )
        return format_html("<select{}>{}</select>", flatatt({"name": name, **about["attrs"]}), options)


class RecordSelect(_KeepsChosen, QuickSelect):
    """One of many."""


class RecordBoxes(_KeepsChosen, forms.CheckboxSelectMultiple):
    """Some of many."""


class Choosing(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic in the stubs alone
    """A field that lists the latest rows of its kind and takes any that its form offers, by uuid."""

    iterator = _Listed
    widget: type[forms.widgets.ChoiceWidget] = RecordSelect

    def __init__(self, kind: str, **options: Any) -> None:  # the options are Django's
        self.kind, self.about = kind, ""
        self._read: tuple[Any, list[Any]] | None = None
        super().__init__(queryset=KINDS[kind].rows().none(), to_field_name="uuid", **options)

    def offer(self, rows: QuerySet[Any], *, system: AISystem | None = None) -> None:
        """What may be chosen; of one system alone where the form is about one."""
        self.queryset = rows
        self.about = str(system.uuid) if system else ""

    def listed(self) -> list[Any]:
        """The latest rows, and one more where there are more."""
        if self._read is None or self._read[0] is not self.queryset:
            self._read = self.queryset, list(self._offered[: MOST + 1])
        return self._read[1]

    @property
    def _offered(self) -> QuerySet[Any]:
        """The rows, which a form offers in its constructor."""
        assert self.queryset is not None
        return self.queryset

    @property
    def more(self) -> bool:
        """Whether some are left to be found by typing."""
        return len(self.listed()) > MOST

    def lost(self, chosen: Iterable[Any]) -> list[Any]:
        """Rows chosen that are not listed."""
        wanted = _uuids(chosen) - {row.uuid for row in self.listed()[:MOST]}
        return list(self._offered.filter(uuid__in=wanted)) if wanted else []

    def label_from_instance(self, row: Model) -> str:
        """As people tell such records apart."""
        return KINDS[self.kind].label(row)


class ChoosingSome(Choosing, forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # generic in the stubs alone
    """The same for any number of records."""

    widget = RecordBoxes

    def __init__(self, kind: str, **options: Any) -> None:
        super().__init__(kind, **options)
        self.empty_label = None


def choosing(form: forms.BaseForm, name: str) -> Choosing:
    """The field of a form, as what it is."""
    field = form.fields[name]
    assert isinstance(field, Choosing)
    return field


def _uuids(texts: Iterable[Any]) -> set[UUID]:
    """Those of the texts that are identifiers."""
    found: set[UUID] = set()
    for text in texts:
        try:
            found.add(UUID(str(text)))
        except ValueError:
            continue
    return found


@guarded(Verb.VIEW)
def choices(request: Request, kind: str) -> HttpResponse:
    """Options or boxes for what was typed: those chosen already, then the latest that fit."""
    if kind not in KINDS:
        raise Http404
    asked = request.GET
    of_kind, name = KINDS[kind], asked.get("name", "")
    rows = visible(of_kind.rows(), request.user)
    if about := _uuids([asked.get("system", "")]):
        rows = rows.filter(**{f"{_system_path(rows.model)}__uuid__in": about})
    chosen = list(rows.filter(uuid__in=_uuids(asked.getlist(name))))
    fit = _fitting(rows.exclude(pk__in=[row.pk for row in chosen]), of_kind, asked.get("q", "").strip())
    listed = [(str(row.uuid), of_kind.label(row), row in chosen) for row in (*chosen, *fit[:MOST])]
    shown = {"choices": listed, "name": name, "empty": asked.get("empty", ""), "more": len(fit) > MOST, "none": not fit}
    return render(request, f"compliance/_choices_{'boxes' if 'boxes' in asked else 'options'}.html", shown)


def _system_path(model: type[Model]) -> str:
    return SYSTEM_PATH[model._meta.label]


def _fitting(rows: QuerySet[Any], kind: Kind, typed: str) -> list[Any]:
    either = Q()
    for lookup in kind.searched if typed else ():
        either |= Q(**{lookup: typed[:_LONGEST_SEARCH]})
    return list(rows.filter(either)[: MOST + 1])


urls = [path("choices/<slug:kind>/", choices, name="choices")]
