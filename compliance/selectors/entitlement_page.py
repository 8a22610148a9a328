"""Who can submit, as the latest reading of a system's entitlement documents tells it, beside who did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet

from compliance.models import (
    AISystem,
    Assessment,
    Entitlement,
    EntitlementReading,
    EntitlementSnapshot,
    JobEvent,
    Principal,
)
from compliance.rights import Asker, visible
from compliance.selectors.kept import kept, record_mark
from compliance.selectors.submitted_jobs import acts
from compliance.types.drafts import JSON
from compliance.types.entitlements import Reach

YEAR = timedelta(days=365)
_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitlementFilter:
    """What the list is asked for; empty means any. used: "yes" or "no": whether the principal submitted in the year."""

    text: str = ""
    reach: str = ""
    platform: str = ""
    used: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitlementFigures:
    """Principals, each counted once in each figure, by ways from which nothing is missing; `unentitled` submitted and are in
    no document."""

    now: int
    after_step: int
    shared_key: int
    unused: int
    unentitled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitlementPage:
    """One reading with what it stands on. unentitled: the first who submitted without being in a document; earlier: other
    readings of the system, latest first; silent: platforms of which there is no document at all."""

    reading: EntitlementReading
    figures: EntitlementFigures
    documents: tuple[EntitlementSnapshot, ...]
    unentitled: tuple[Principal, ...]
    earlier: tuple[EntitlementReading, ...]
    since: datetime


def readings(user: Asker) -> QuerySet[EntitlementReading]:
    """All readings that the asker may see, latest first."""
    return visible(EntitlementReading.objects.select_related("system"), user)


def latest_reading(
    user: Asker, *, system: AISystem | None = None, uuid: UUID | None = None
) -> EntitlementReading | None:
    """The reading that is asked for, else the latest of the system, else the latest of all."""
    rows = readings(user)
    if uuid is not None:
        return rows.filter(uuid=uuid).first()
    return (rows.filter(system=system) if system is not None else rows).first()


def reading_in_period(assessment: Assessment) -> EntitlementReading | None:
    """The latest reading of documents that were taken in the period of an assessment."""
    start = datetime.combine(assessment.period_start, time.min, UTC)
    end = datetime.combine(assessment.period_end + timedelta(days=1), time.min, UTC)
    rows = EntitlementReading.objects.filter(system=assessment.system_id, as_of__gte=start, as_of__lt=end)
    return rows.order_by("-as_of", "-pk").first()


def submissions(reading: EntitlementReading) -> QuerySet[JobEvent]:
    """Submissions that went through in the year up to a reading (selectors.submitted_jobs.acts)."""
    rows = JobEvent.objects.filter(
        system=reading.system_id, occurred_at__gt=reading.as_of - YEAR, occurred_at__lte=reading.as_of
    )
    return acts(rows, system=reading.system_id)


def _acted(reading: EntitlementReading) -> set[tuple[int | None, str]]:
    """(actor, role) of the submissions; one pass over the events, whatever is asked of it then."""
    rows = submissions(reading).order_by().values_list("actor", "role").distinct()
    return kept(f"acted|{reading.uuid}", lambda: set(rows), mark=record_mark())


def _used(reading: EntitlementReading) -> Q:
    """Entitlements whose principal submitted, in person or as the role that a session was made from."""
    acted = _acted(reading)
    actors, roles = {actor for actor, _role in acted if actor}, {role for _actor, role in acted if role}
    return Q(principal__in=actors) | Q(principal__identifier__in=roles)


def _unentitled(reading: EntitlementReading) -> QuerySet[Principal]:
    """Who submitted, and stands in no document as somebody who can; keys that anybody may hold are left aside."""
    return Principal.objects.filter(
        pk__in=kept(f"strangers|{reading.uuid}", lambda: _strangers(reading), mark=record_mark())
    )


def _strangers(reading: EntitlementReading) -> set[int]:
    principals = reading.entitlements.order_by().values_list("principal", "principal__identifier").distinct()
    listed, names = (set(column) for column in zip(*principals, strict=True)) if principals else (set(), set())
    acted = _acted(reading)
    return {actor for actor, role in acted if actor is not None and actor not in listed and role not in names}


def entitlement_rows(reading: EntitlementReading, asked: EntitlementFilter) -> QuerySet[Entitlement]:
    """The ways of a reading as filtered, principal by principal."""
    rows = reading.entitlements.select_related("principal").order_by("principal__display", "principal", "pk")
    exact = {"reach": asked.reach, "platform": asked.platform}
    rows = rows.filter(**{field: value for field, value in exact.items() if value})
    if asked.text:
        rows = rows.filter(
            Q(principal__display__icontains=asked.text)
            | Q(principal__identifier__icontains=asked.text)
            | Q(actions__icontains=asked.text)
            | Q(path__icontains=asked.text)
        )
    if asked.used:
        used = _used(reading)
        rows = rows.filter(used if asked.used == "yes" else ~used)
    return rows


def entitlement_figures(reading: EntitlementReading) -> EntitlementFigures:
    """The figures of a whole reading."""
    people = Count("principal", distinct=True)
    open_ways = reading.entitlements.filter(missing=[]).order_by()
    counted = open_ways.aggregate(
        **{reach.value: Count("principal", distinct=True, filter=Q(reach=reach)) for reach in Reach}
    )
    unused = open_ways.filter(reach=Reach.NOW).exclude(_used(reading)).aggregate(n=people)["n"]
    return EntitlementFigures(
        now=counted[Reach.NOW],
        after_step=counted[Reach.AFTER_STEP],
        shared_key=counted[Reach.SHARED_KEY],
        unused=unused,
        unentitled=_unentitled(reading).count(),
    )


def entitlement_page(reading: EntitlementReading, user: Asker) -> EntitlementPage:
    """Everything beside the list itself."""
    documents = reading.documents.select_related("evidence").defer("content").order_by("platform", "kind", "scope")
    others = readings(user).filter(system=reading.system_id).exclude(pk=reading.pk)
    return EntitlementPage(
        reading=reading,
        figures=kept(f"entitlements:{reading.uuid}", lambda: entitlement_figures(reading), mark=record_mark()),
        documents=tuple(documents),
        unentitled=tuple(_unentitled(reading)[:_NAMED]),
        earlier=tuple(others[:_NAMED]),
        since=reading.as_of - YEAR,
    )


def platforms_of(reading: EntitlementReading) -> list[str]:
    """The platforms that its documents speak of."""
    rows = reading.entitlements.order_by("platform").values_list("platform", flat=True).distinct()
    return kept(f"platforms|{reading.uuid}", lambda: list(rows), mark=record_mark())


def last_submissions(reading: EntitlementReading, rows: list[Entitlement]) -> dict[int, datetime]:
    """Principal -> when it last submitted in the year, for the rows of one page."""
    principals = {row.principal_id: row.principal.identifier for row in rows}
    name = f"last submissions|{reading.uuid}|{sorted(principals)}"
    return kept(name, lambda: _last_submissions(reading, principals), mark=record_mark())


def _last_submissions(reading: EntitlementReading, principals: dict[int, str | None]) -> dict[int, datetime]:
    events = submissions(reading).order_by()
    found = dict(
        events.filter(actor__in=principals)
        .values_list("actor")
        .annotate(last=Max("occurred_at"))
        .values_list("actor", "last")
    )
    names = [name for name in principals.values() if name]
    by_role = dict(
        events.filter(role__in=names).values("role").annotate(last=Max("occurred_at")).values_list("role", "last")
    )
    for principal, name in principals.items():
        seen = [moment for moment in (found.get(principal), by_role.get(name or "")) if moment is not None]
        if seen:
            found[principal] = max(seen)
    return found


def path_in_words(path: list[JSON]) -> str:
    """The steps of a path in a row: "group ml-team → policy FineTune"."""
    return " → ".join(f"{step['kind']} {step['name']}".strip() for step in path)
