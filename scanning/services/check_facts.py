"""What checks on job events look at, gathered from the record: the same queries for any number of events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Max

from compliance.models import (
    AISystem,
    Answer,
    Assessment,
    ChangeWindow,
    DatasetVersion,
    Entitlement,
    EntitlementReading,
    EntitlementSnapshot,
    Evidence,
    ExpectedRate,
    JobApproval,
    JobBinding,
    JobEvent,
    ModelVersion,
    Observation,
    Principal,
)
from compliance.selectors.question_facts import approved_submitters
from compliance.selectors.submitted_jobs import WENT_THROUGH, logged_jobs
from compliance.types.bindings import BoundBy, Named
from compliance.types.checks import PRODUCER
from compliance.types.entitlements import Reach
from compliance.types.job_identity import INVENTORIES
from compliance.types.questions import SUBMITTERS_CLAIM
from compliance.types.states import ActionClass, AnswerState, AssessmentState, ModelOrigin, Outcome
from scanning.checks.base import (
    Actor,
    Approval,
    Coverage,
    DataSet,
    Entitled,
    Event,
    Facts,
    Model,
    NamedData,
    NamedModel,
    Sighting,
    Verified,
    Window,
)

SIGNING_PRODUCERS = ("model_signing", "in_toto")
_YEAR = timedelta(days=365)
_EVENT_FIELDS = (
    "uuid", "raw_sha256", "occurred_at", "source", "account", "action_class", "outcome", "job_id", "job_name", "job_key",
    "session", "on_behalf_of", "role", "source_address", "actor__uuid", "actor__identifier", "actor__display", "actor__kind",
)  # fmt: skip


def period_of(system: AISystem) -> tuple[date, date]:
    """The days that checks look at: of the assessment that is open, else the year up to the newest event."""
    opened = Assessment.objects.filter(system=system, state=AssessmentState.OPEN).order_by("-created_at").first()
    if opened is not None:
        return opened.period_start, opened.period_end
    newest = JobEvent.objects.filter(system=system).aggregate(at=Max("occurred_at"))["at"] or system.created_at
    last: date = newest.astimezone(UTC).date()
    return last - _YEAR, last


def gather(*, system: AISystem, period: tuple[date, date]) -> Facts:
    """Everything the checks of a system and period look at."""
    start = datetime.combine(period[0], time.min, UTC)
    end = datetime.combine(period[1] + timedelta(days=1), time.min, UTC)
    ever, scopes = _ever_entitled(system)
    return Facts(
        start=start,
        end=end,
        events=_events(system, start, end),
        approved=_approved(system),
        approvals=_approvals(system, end),
        windows=_windows(system),
        silences=_silences(system),
        coverage=_coverage(system),
        can_now=_can_now(system, start, end),
        ever_entitled=ever,
        scopes_read=scopes,
    )


# Events ---------------------------------------------------------------------------------------------------------------


def _events(system: AISystem, start: datetime, end: datetime) -> tuple[Event, ...]:
    rows = JobEvent.objects.filter(system=system, occurred_at__gte=start, occurred_at__lt=end)
    models, data = _models(system), _data(system)
    bound: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    fields = ("event_id", "named", "name", "name_digest", "bound_by", "model_version_id", "dataset_version_id")
    bindings = JobBinding.objects.filter(
        system=system, superseded_at__isnull=True, event__occurred_at__gte=start, event__occurred_at__lt=end
    )
    for row in bindings.order_by("event_id", "place").values_list(*fields):
        bound[row[0]].append(row)
    events = rows.order_by("occurred_at", "pk").values("pk", *_EVENT_FIELDS)
    listed = rows.filter(WENT_THROUGH, source__in=INVENTORIES).values("job_key")
    logged = frozenset(logged_jobs(system.pk).filter(job_key__in=listed).values_list("job_key", flat=True))
    return tuple(
        _event(row, bound.get(row["pk"], ()), models, data, logged) for row in events.iterator(chunk_size=5000)
    )


def _event(
    row: Mapping[str, Any],
    bound: Iterable[tuple[Any, ...]],
    models: Mapping[int, Model],
    data: Mapping[int, DataSet],
    logged: frozenset[str],
) -> Event:
    named: dict[str, list[Any]] = {Named.BASE: [], Named.DATASET: [], Named.OUTPUT: []}
    for _event_id, kind, name, digest, bound_by, model, dataset in bound:
        none_of_ours = bound_by == BoundBy.NOT_OURS
        if kind == Named.DATASET:
            thing: NamedData | NamedModel = NamedData(
                name=name, digest=digest, data=data.get(dataset), none_of_ours=none_of_ours
            )
        else:
            thing = NamedModel(name=name, digest=digest, model=models.get(model), none_of_ours=none_of_ours)
        named[kind].append(thing)
    return Event(
        uuid=str(row["uuid"]),
        raw_sha256=row["raw_sha256"],
        at=row["occurred_at"],
        source=row["source"],
        account=row["account"],
        action_class=ActionClass(row["action_class"]),
        outcome=Outcome(row["outcome"]),
        job_id=row["job_id"],
        job_name=row["job_name"],
        actor=_actor(row, "actor__"),
        job_key=row["job_key"],
        told_elsewhere=row["source"] in INVENTORIES and row["job_key"] in logged,
        session=row["session"],
        on_behalf_of=row["on_behalf_of"],
        role=row["role"],
        address=row["source_address"],
        bases=tuple(named[Named.BASE]),
        data=tuple(named[Named.DATASET]),
        outputs=tuple(named[Named.OUTPUT]),
    )


def _actor(row: Mapping[str, Any], prefix: str) -> Actor | None:
    """A principal as values of a query; one that was erased is known by its identifier on record alone."""
    if row[f"{prefix}uuid"] is None:
        return None
    identifier, display = row[f"{prefix}identifier"] or "", row[f"{prefix}display"]
    return Actor(
        key=str(row[f"{prefix}uuid"]),
        display=display or identifier or "an erased principal",
        kind=row[f"{prefix}kind"],
        names=frozenset(name.casefold() for name in (identifier, display) if name),
    )


def _models(system: AISystem) -> dict[int, Model]:
    scans: dict[int, list[Sighting]] = defaultdict(list)
    signatures: dict[int, list[Sighting]] = defaultdict(list)
    seen = (
        Observation.objects.filter(system=system, model_version__isnull=False).exclude(producer=PRODUCER).order_by("pk")
    )
    for version, producer, verdict, observed, created in seen.values_list(
        "model_version_id", "producer", "verdict", "observed_at", "created_at"
    ):
        of_kind = signatures if producer in SIGNING_PRODUCERS else scans
        of_kind[version].append(Sighting(at=observed or created, verdict=verdict))
    versions = ModelVersion.objects.filter(model__system=system).select_related("model")
    return {
        version.pk: Model(
            name=str(version),
            digest=version.digest,
            origin=ModelOrigin(version.origin),
            scans=tuple(scans[version.pk]),
            signatures=tuple(signatures[version.pk]),
        )
        for version in versions
    }


def _data(system: AISystem) -> dict[int, DataSet]:
    versions = (
        DatasetVersion.objects.filter(dataset__system=system)
        .select_related("dataset")
        .prefetch_related("verifications")
    )
    return {
        version.pk: DataSet(
            name=str(version),
            digest=version.manifest_root,
            verifications=tuple(
                Verified(at=one.verified_at, matches=one.matches) for one in version.verifications.all()
            ),
        )
        for version in versions
    }


# What was stated ------------------------------------------------------------------------------------------------------


def _approved(system: AISystem) -> frozenset[str] | None:
    """The approved submitters that the organisation states: of the latest approved answer, else of the latest there is."""
    answers = (
        Answer.objects.filter(assessment__system=system, claims__has_key=SUBMITTERS_CLAIM)
        .select_related("assessment")
        .order_by("-assessment__created_at", "-pk")
    )
    stated = [(answer.state == AnswerState.APPROVED, approved_submitters(answer)) for answer in answers]
    lists = [names for is_approved, names in sorted(stated, key=lambda one: not one[0]) if names]
    return frozenset(name.casefold() for name in lists[0]) if lists else None


def _approvals(system: AISystem, end: datetime) -> tuple[Approval, ...]:
    """Approvals that people recorded, and those in the logs."""
    person = ("approver__uuid", "approver__identifier", "approver__display", "approver__kind")
    recorded = JobApproval.objects.filter(system=system, withdrawn_at__isnull=True).order_by("approved_at", "pk")
    found = [
        Approval(
            job=row["job"],
            approver=_actor(row, "approver__"),
            at=row["approved_at"],
            dataset_digest=row["dataset_digest"],
            base_digest=row["base_digest"],
        )
        for row in recorded.values("job", "approved_at", "dataset_digest", "base_digest", *person)
    ]
    logged = JobEvent.objects.filter(
        system=system, action_class=ActionClass.APPROVE, outcome=Outcome.SUCCESS, occurred_at__lt=end
    ).order_by("occurred_at", "pk")
    found += [
        Approval(
            job=job,
            approver=_actor(row, "actor__"),
            at=row["occurred_at"],
            dataset_digest="",
            base_digest="",
            event=str(row["uuid"]),
        )
        for row in logged.values(*_EVENT_FIELDS)
        for job in dict.fromkeys(name for name in (row["job_id"], row["job_name"]) if name)
    ]
    return tuple(found)


def _windows(system: AISystem) -> tuple[Window, ...]:
    return tuple(
        Window(
            days=frozenset(window.days),
            opens=window.opens,
            closes=window.closes,
            time_zone=window.time_zone,
            effective_from=datetime.combine(window.effective_from, time.min, ZoneInfo(window.time_zone)),
        )
        for window in ChangeWindow.objects.filter(system=system).order_by("-effective_from", "-pk")
    )


def _silences(system: AISystem) -> dict[str, timedelta]:
    rates = ExpectedRate.objects.filter(system=system).order_by("created_at", "pk")
    return {rate.source: timedelta(hours=rate.longest_silence_hours) for rate in rates}


def _coverage(system: AISystem) -> tuple[Coverage, ...]:
    """Until when the documents of each source can speak: when the last of them was collected, as stated, else received."""
    pairs = JobEvent.objects.filter(system=system).order_by().values_list("source", "evidence").distinct()
    documents = Evidence.objects.in_bulk({document for _source, document in pairs})
    until: dict[str, datetime] = {}
    for source, key in pairs:
        spoken = documents[key].collected_at or documents[key].created_at
        until[source] = max(until.get(source, spoken), spoken)
    return tuple(Coverage(source=source, until=moment) for source, moment in sorted(until.items()))


# Who could submit -----------------------------------------------------------------------------------------------------


def _can_now(system: AISystem, start: datetime, end: datetime) -> tuple[Entitled, ...] | None:
    readings = EntitlementReading.objects.filter(system=system, as_of__gte=start, as_of__lt=end)
    reading = readings.order_by("-as_of", "-pk").first()
    if reading is None:
        return None
    rows = Entitlement.objects.filter(reading=reading, reach=Reach.NOW, missing=[]).order_by("principal__display", "pk")
    fields = ("scope", "principal__uuid", "principal__identifier", "principal__display", "principal__kind")
    first: dict[str, Entitled] = {}
    for row in rows.values(*fields):
        actor = _actor(row, "principal__")
        if actor is not None:
            first.setdefault(actor.key, Entitled(actor=actor, scope=row["scope"]))
    return tuple(first.values())


def _ever_entitled(system: AISystem) -> tuple[frozenset[str], frozenset[str]]:
    """Keys and names of everybody in any reading, and the accounts that documents speak of."""
    people = (
        Principal.objects.filter(entitlements__reading__system=system)
        .distinct()
        .values("uuid", "identifier", "display")
    )
    names = {name for one in people for name in (str(one["uuid"]), (one["identifier"] or "").casefold()) if name}
    scopes = EntitlementSnapshot.objects.filter(system=system).values_list("scope", flat=True).distinct()
    return frozenset(names), frozenset(scope for scope in scopes if scope)
