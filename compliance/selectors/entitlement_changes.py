"""What changed between two readings of who can submit: who came, who went, and which changes of rights the logs hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from django.db.models import Count, Q, QuerySet

from compliance.choices import label
from compliance.models import EntitlementReading, JobEvent, Principal
from compliance.rights import Asker, visible
from compliance.types.entitlements import Reach
from compliance.types.states import ActionClass, Outcome

_NAMED = 50
_EVENTS = 20
_CHUNK = 500
Document = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A principal that can submit in both readings, and otherwise than before. before, after: how far away, nearest first."""

    principal: Principal
    before: tuple[Reach, ...]
    after: tuple[Reach, ...]

    @property
    def before_words(self) -> str:
        """How far away it was, in words."""
        return _words(self.before)

    @property
    def after_words(self) -> str:
        """How far away it is, in words."""
        return _words(self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingsCompared:
    """A reading beside an earlier one. Ways from which something is still missing are left aside on both sides.

    added, removed, moved: at most 50 of each, all of them counted in `counts`; only_now, only_before: (kind, scope) of
    documents that one of the two readings alone stands on, which can make a difference by themselves; grants: the latest
    changes of rights in the job log between the two, successful or not; granted: how many succeeded.
    """

    later: EntitlementReading
    earlier: EntitlementReading
    added: tuple[Principal, ...]
    removed: tuple[Principal, ...]
    moved: tuple[Moved, ...]
    counts: dict[str, int]
    only_now: tuple[Document, ...]
    only_before: tuple[Document, ...]
    grants: tuple[JobEvent, ...]
    granted: int
    refused: int

    @property
    def differ(self) -> bool:
        """Whether anybody came, went or moved."""
        return any(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One principal that can submit otherwise than in the reading before. before, after: how far away, nearest first; none
    where it could not submit."""

    later: EntitlementReading
    earlier: EntitlementReading
    principal: Principal
    before: tuple[Reach, ...]
    after: tuple[Reach, ...]

    @property
    def act(self) -> str:
        """What happened to the principal: added, removed or moved."""
        return "moved" if self.before and self.after else "added" if self.after else "removed"


def changes(readings: QuerySet[EntitlementReading]) -> Iterator[Change]:
    """Every change from each of the readings of one system to the next, by the time that their documents are of."""
    ordered = list(readings.order_by("as_of", "pk"))
    before = _reaches(ordered[0]) if ordered else {}
    for earlier, later in pairwise(ordered):
        after = _reaches(later)
        moved = [one for one in sorted(before.keys() | after.keys()) if before.get(one) != after.get(one)]
        for keys in (moved[n : n + _CHUNK] for n in range(0, len(moved), _CHUNK)):
            people = Principal.objects.in_bulk(keys)
            for key in keys:
                yield Change(
                    later=later,
                    earlier=earlier,
                    principal=people[key],
                    before=_nearest(before.get(key, set())),
                    after=_nearest(after.get(key, set())),
                )
        before = after


def reading_before(reading: EntitlementReading, user: Asker) -> EntitlementReading | None:
    """The reading of the same system that is next before this one by what its documents are of."""
    rows = visible(EntitlementReading.objects.all(), user).filter(system=reading.system_id).exclude(pk=reading.pk)
    earlier = rows.filter(Q(as_of__lt=reading.as_of) | Q(as_of=reading.as_of, pk__lt=reading.pk))
    return earlier.order_by("-as_of", "-pk").first()


def compared(reading: EntitlementReading, earlier: EntitlementReading, user: Asker) -> ReadingsCompared:
    """A reading beside an earlier one of the same system."""
    before, after = _reaches(earlier), _reaches(reading)
    added, removed = after.keys() - before.keys(), before.keys() - after.keys()
    moved = {one for one in before.keys() & after.keys() if before[one] != after[one]}
    people = {
        one.pk: one for one in Principal.objects.filter(pk__in=[*_first(added), *_first(removed), *_first(moved)])
    }
    now, then = _documents(reading), _documents(earlier)
    grants = _grants(reading, earlier, user)
    counted = grants.order_by().aggregate(
        granted=Count("pk", filter=Q(outcome=Outcome.SUCCESS)), refused=Count("pk", filter=~Q(outcome=Outcome.SUCCESS))
    )
    return ReadingsCompared(
        later=reading,
        earlier=earlier,
        added=_named(people, added),
        removed=_named(people, removed),
        moved=tuple(
            Moved(principal=one, before=_nearest(before[one.pk]), after=_nearest(after[one.pk]))
            for one in _named(people, moved)
        ),
        counts={"added": len(added), "removed": len(removed), "moved": len(moved)},
        only_now=tuple(sorted(now - then)),
        only_before=tuple(sorted(then - now)),
        grants=tuple(grants[:_EVENTS]),
        granted=counted["granted"],
        refused=counted["refused"],
    )


def _grants(reading: EntitlementReading, earlier: EntitlementReading, user: Asker) -> QuerySet[JobEvent]:
    """Changes of rights after the one reading's documents were taken and up to the other's, latest first."""
    return (
        visible(JobEvent.objects.select_related("actor"), user)
        .filter(
            system=reading.system_id,
            action_class=ActionClass.GRANT,
            occurred_at__gt=earlier.as_of,
            occurred_at__lte=reading.as_of,
        )
        .order_by("-occurred_at", "-pk")
    )


def _reaches(reading: EntitlementReading) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    rows = reading.entitlements.filter(missing=[]).order_by()
    for principal, reach in rows.values_list("principal", "reach").distinct():
        found[principal].add(reach)
    return dict(found)


def _documents(reading: EntitlementReading) -> set[Document]:
    return set(reading.documents.order_by().values_list("kind", "scope"))


def _first(keys: Iterable[int]) -> list[int]:
    """As many as are named, the oldest on record first; the rest is counted."""
    return sorted(keys)[:_NAMED]


def _named(people: dict[int, Principal], keys: Iterable[int]) -> tuple[Principal, ...]:
    return tuple(sorted((people[one] for one in _first(keys)), key=lambda one: (str(one), one.pk)))


def _words(reaches: Iterable[Reach]) -> str:
    return ", ".join(str(label(reach)) for reach in reaches)


def _nearest(reaches: set[str]) -> tuple[Reach, ...]:
    return tuple(reach for reach in Reach if reach.value in reaches)
