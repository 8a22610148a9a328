"""Names in job events that are bound to nothing, with what they might be; what people said of others; and saved rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet

from compliance.choices import label
from compliance.models import AISystem, BindingRule, DatasetVersion, JobBinding, JobEvent, ModelVersion
from compliance.rights import Asker, visible
from compliance.selectors.kept import kept, kept_count, record_mark, seen_by
from compliance.types.bindings import BoundBy, Named

_WORDS = re.compile(r"[a-z0-9]+")
_GROUP = ("system__uuid", "system__name", "named", "name", "name_digest")
MOST_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A registered version that a name might stand for, by the words of its own name; nothing is bound by it."""

    uuid: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmatched:
    """One name that waits, over all events that give it."""

    system: str
    system_uuid: str
    named: str
    kind: str
    name: str
    digest: str
    events: int
    first: datetime
    last: datetime
    suggestions: tuple[Suggestion, ...]


def _in_force(user: Asker) -> QuerySet[JobBinding]:
    return visible(JobBinding.objects.filter(superseded_at__isnull=True), user)


def _waiting(user: Asker, text: str = "") -> QuerySet[JobBinding]:
    rows = _in_force(user).filter(bound_by=BoundBy.NOTHING)
    return (rows.filter(name__icontains=text) if text else rows).order_by()


def frequent_groups(user: Asker, *, text: str = "") -> QuerySet[JobBinding, dict[str, Any]]:
    """Names that wait, the most frequent first, without their times: what a page chooses from."""
    groups: QuerySet[JobBinding, dict[str, Any]] = (
        _waiting(user, text)
        .values(*_GROUP)
        .annotate(events=Count("event", distinct=True))
        .order_by("-events", "name", "named", "name_digest", "system__uuid")
    )
    return groups


def unmatched_groups(user: Asker, *, text: str = "") -> QuerySet[JobBinding, dict[str, Any]]:
    """Names that wait, the most frequent first, with their first and last time."""
    return frequent_groups(user, text=text).annotate(first=Min("event__occurred_at"), last=Max("event__occurred_at"))


def with_times(user: Asker, groups: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The groups of one page with their first and last time: one query."""
    rows = list(groups)
    named = _waiting(user).filter(name__in={row["name"] for row in rows}).values(*_GROUP)
    times = {_key(row): row for row in named.annotate(first=Min("event__occurred_at"), last=Max("event__occurred_at"))}
    known = [(row, times[_key(row)]) for row in rows if _key(row) in times]  # one may have been bound meanwhile
    return [{**row, "first": time["first"], "last": time["last"]} for row, time in known]


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[field] for field in _GROUP)


def groups_page(user: Asker, *, text: str, start: int, stop: int) -> list[dict[str, Any]]:
    """Some of the names that wait, with their first and last time: kept until anything is recorded."""
    name = f"waiting|{seen_by(user)}|{start}:{stop}|{text}"
    return kept(name, lambda: with_times(user, frequent_groups(user, text=text)[start:stop]), mark=record_mark())


def unmatched_count(user: Asker, *, text: str = "") -> int:
    """How many names wait, counted without their events."""
    return kept_count(_waiting(user, text).values("system", "named", "name", "name_digest").distinct(), user)


def decided_groups(user: Asker) -> QuerySet[JobBinding, dict[str, Any]]:
    """Names of which a person said what they are."""
    by_person = Q(bound_by=BoundBy.PERSON) | Q(bound_by=BoundBy.NOT_OURS, rule__isnull=True)
    fields = (
        *_GROUP, "bound_by", "reason", "person__name", "model_version__model__name", "model_version__label",
        "dataset_version__dataset__name", "dataset_version__label",
    )  # fmt: skip
    rows = _in_force(user).filter(by_person).order_by().values(*fields)
    groups: QuerySet[JobBinding, dict[str, Any]] = rows.annotate(
        events=Count("event", distinct=True), at=Max("created_at")
    ).order_by("-at", "name")
    return groups


def in_words(groups: Iterable[Mapping[str, Any]]) -> tuple[Unmatched, ...]:
    """Groups of one page, each with what it might be: two queries."""
    rows = list(groups)
    systems = {row["system__uuid"] for row in rows}
    candidates = {
        Named.DATASET: _datasets(systems) if any(row["named"] == Named.DATASET for row in rows) else {},
        Named.BASE: _models(systems) if any(row["named"] != Named.DATASET for row in rows) else {},
    }
    return tuple(
        Unmatched(
            system=row["system__name"],
            system_uuid=str(row["system__uuid"]),
            named=row["named"],
            kind=str(label(Named(row["named"]))),
            name=row["name"],
            digest=row["name_digest"],
            events=row["events"],
            first=row["first"],
            last=row["last"],
            suggestions=_suggested(row, candidates),
        )
        for row in rows
    )


_Candidates = dict[Any, list[tuple[frozenset[str], Suggestion]]]


def _models(systems: set[Any]) -> _Candidates:
    return kept(f"candidates|models|{sorted(map(str, systems))}", lambda: _read_models(systems), mark=record_mark())


def _read_models(systems: set[Any]) -> _Candidates:
    found: _Candidates = {}
    versions = ModelVersion.objects.filter(model__system__uuid__in=systems).select_related("model__system")
    for version in versions:
        entry = (_words(version.model.name), Suggestion(uuid=str(version.uuid), title=str(version)))
        found.setdefault(version.model.system.uuid, []).append(entry)
    return found


def _datasets(systems: set[Any]) -> _Candidates:
    return kept(f"candidates|data|{sorted(map(str, systems))}", lambda: _read_datasets(systems), mark=record_mark())


def _read_datasets(systems: set[Any]) -> _Candidates:
    found: _Candidates = {}
    versions = DatasetVersion.objects.filter(dataset__system__uuid__in=systems).select_related("dataset__system")
    for version in versions:
        entry = (_words(version.dataset.name), Suggestion(uuid=str(version.uuid), title=str(version)))
        found.setdefault(version.dataset.system.uuid, []).append(entry)
    return found


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORDS.findall(text.lower()))


def _suggested(row: Mapping[str, Any], candidates: Mapping[Named, _Candidates]) -> tuple[Suggestion, ...]:
    """Versions all of whose name's words stand in the name, the longest name first."""
    kind = Named.DATASET if row["named"] == Named.DATASET else Named.BASE
    said = _words(row["name"])
    fitting = [
        (-len(words), suggestion.title, suggestion)
        for words, suggestion in candidates[kind].get(row["system__uuid"], ())
        if words and words <= said
    ]
    return tuple(
        suggestion for _length, _title, suggestion in sorted(fitting, key=lambda one: one[:2])[:MOST_SUGGESTIONS]
    )


def targets(system: AISystem, named: Named, user: Asker) -> list[tuple[str, str]]:
    """What a name may be bound to, as choices of a form."""
    if named is Named.DATASET:
        data = DatasetVersion.objects.filter(dataset__system=system).select_related("dataset")
        return [(str(one.uuid), str(one)) for one in visible(data, user)]
    models = ModelVersion.objects.filter(model__system=system).select_related("model")
    return [(str(one.uuid), str(one)) for one in visible(models, user)]


def rules(user: Asker) -> QuerySet[BindingRule]:
    """Saved rules, those in force first, with the number of bindings that they hold."""
    rows = BindingRule.objects.select_related(
        "system", "model_version__model", "dataset_version__dataset", "made_by", "withdrawn_by"
    )
    holding = Count("bindings", filter=Q(bindings__superseded_at__isnull=True))
    return visible(rows, user).annotate(holding=holding).order_by("withdrawn_at", "-created_at", "-pk")


def bindings_of_event(event: JobEvent, user: Asker) -> list[JobBinding]:
    """What an event's places are bound to."""
    rows = _in_force(user).filter(event=event)
    return list(
        rows.select_related("model_version__model", "dataset_version__dataset", "rule", "person").order_by(
            "place", "pk"
        )
    )


def jobs_of(
    user: Asker, *, model_version: ModelVersion | None = None, dataset_version: DatasetVersion | None = None
) -> QuerySet[JobBinding]:
    """Places of jobs that are bound to a version, the latest job first."""
    rows = _in_force(user).filter(model_version=model_version, dataset_version=dataset_version)
    return (
        rows.select_related("event__actor").defer("event__raw", "event__origins").order_by("-event__occurred_at", "-pk")
    )
