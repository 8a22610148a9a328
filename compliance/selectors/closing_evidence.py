"""What the record says about many findings that may be closed, read for all of them in a few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Max, Q, QuerySet

from compliance.models import ControlTest, EvidenceLink, Finding, ModelVersion, Observation, RemediationItem
from compliance.types.states import EvidenceState
from compliance.types.verdicts import (
    CONCLUSION_OF_FILE_SCAN,
    CONCLUSION_OF_STAGE,
    Conclusion,
    FileScanVerdict,
    StageVerdict,
)

NOT_SATISFIED = [
    verdict.value
    for verdict, conclusion in (*CONCLUSION_OF_STAGE.items(), *CONCLUSION_OF_FILE_SCAN.items())
    if conclusion is Conclusion.NOT_SATISFIED
]
_NEGATIVE = (StageVerdict.NO_EVIDENCE_AT_POWER.value, FileScanVerdict.NOTHING_FOUND.value)
_CHUNK, _MOST_RECORDS = 500, 20
Test = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whether this may be closed on evidence that was recorded after `since`. finding None: work that mends no finding."""

    finding: Finding | None
    since: datetime
    item: RemediationItem | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is asked of an observation."""

    pk: int
    uuid: UUID
    created_at: datetime
    producer: str
    rule: str
    verdict: str
    source_uuid: UUID


@dataclass(frozen=True, slots=True)
class _Link:
    """Accepted evidence at a place: earlier of when it came and when it was attached."""

    since: datetime
    key: tuple[datetime, int]
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """newest: by satisfied finding, what was seen as of its last time; tests: by finding that stands, (producer, rule) of what
    was seen; versions: by model; standing: (version, control) of findings that stand; negatives: by version; listed: by scan or
    import, tests that found something; links: by place; last_tests: by control, the one released last. Newest first."""

    newest: Mapping[int, Sequence[Seen]]
    tests: Mapping[int, Sequence[Test]]
    versions: Mapping[int, Sequence[ModelVersion]]
    standing: frozenset[tuple[int, int]]
    negatives: Mapping[int, Sequence[Seen]]
    listed: Mapping[UUID, set[Test]]
    links: Mapping[tuple[str, int], Sequence[_Link]]
    last_tests: Mapping[int | None, ControlTest]

    @classmethod
    def about(cls, asked: Sequence[Asked]) -> Known:
        """The record as it stands now; asked: one at least."""
        since = min(one.since for one in asked)
        satisfied = [one.finding.pk for one in asked if one.finding and one.finding.state == Conclusion.SATISFIED]
        standing = [one.finding for one in asked if one.finding and one.finding.state != Conclusion.SATISFIED]
        tests = _tests([finding.pk for finding in standing])
        replaced = [finding for finding in standing if finding.pk in tests]
        versions = _versions(replaced, since)
        later = [version.pk for rows in versions.values() for version in rows]
        negatives = _negatives(later, {producer for rows in tests.values() for producer, _rule in rows}, since)
        observed = {*satisfied, *tests}
        examined = [one for one in asked if not one.finding or one.finding.pk not in observed]
        return cls(
            newest=_newest(satisfied, since),
            tests=tests,
            versions=versions,
            standing=_standing(later),
            negatives=negatives,
            listed=_listed({seen.source_uuid for rows in negatives.values() for seen in rows}),
            links=_links(examined, since),
            last_tests=_last_tests(one.item for one in examined),
        )

    def listed_by(self, seen: Seen) -> set[Test]:
        """What the same scan or import found."""
        return self.listed.get(seen.source_uuid, set())

    def attached(self, one: Asked) -> tuple[str, ...]:
        """Uuids of the evidence for it, the one attached last first."""
        rows = [link for place in _places(one) for link in self.links.get(place, ()) if link.since > one.since]
        rows.sort(key=lambda link: link.key, reverse=True)
        return tuple(dict.fromkeys(link.evidence for link in rows[:_MOST_RECORDS]))


_SEEN = tuple(field.name for field in fields(Seen))
_through: Any = Finding.observations.through


def _newest(findings: Sequence[int], since: datetime) -> dict[int, list[Seen]]:
    # A report that came late, older than what is known, is no new evidence.
    newest = Q(observation__observed_at__isnull=True) | Q(observation__observed_at__gte=F("finding__last_seen_at"))
    rows = _through.objects.filter(newest, finding__among=findings, observation__created_at__gt=since)
    return _by_key(rows.order_by("-observation__created_at", "-observation"), "finding", "observation__")


def _by_key(rows: QuerySet[Any], key: str, prefix: str) -> dict[int, list[Seen]]:
    found: dict[int, list[Seen]] = defaultdict(list)
    for owner, *values in rows.values_list(key, *(f"{prefix}{name}" for name in _SEEN)):
        found[owner].append(Seen(*values))
    return found


def _tests(findings: Sequence[int]) -> dict[int, list[Test]]:
    rows = _through.objects.filter(finding__among=findings).values_list(
        "finding", "observation__producer", "observation__rule"
    )
    last = rows.annotate(at=Max("observation__created_at"), last=Max("observation")).order_by("-at", "-last")
    found: dict[int, list[Test]] = defaultdict(list)
    for finding, producer, rule, _at, _last in last:
        found[finding].append((producer, rule))
    return found


def _versions(findings: Sequence[Finding], since: datetime) -> dict[int, list[ModelVersion]]:
    """Versions of their models that were registered since."""
    models = {finding.model_version.model_id for finding in findings if finding.model_version}
    found: dict[int, list[ModelVersion]] = defaultdict(list)
    rows = ModelVersion.objects.filter(model__among=models, created_at__gt=since).only("uuid", "model", "created_at")
    for version in rows.order_by("-created_at"):
        found[version.model_id].append(version)
    return found


def _standing(versions: Sequence[int]) -> frozenset[tuple[int, int]]:
    rows = Finding.objects.filter(model_version__among=versions, state=Conclusion.NOT_SATISFIED)
    return frozenset(rows.order_by().values_list("model_version", "target").distinct())


def _negatives(versions: Sequence[int], producers: set[str], since: datetime) -> dict[int, list[Seen]]:
    rows = Observation.objects.filter(
        model_version__among=versions, producer__among=producers, verdict__in=_NEGATIVE, created_at__gt=since
    )
    return _by_key(rows.order_by("-created_at", "-pk"), "model_version", "")


def _listed(sources: set[UUID]) -> dict[UUID, set[Test]]:
    found: dict[UUID, set[Test]] = defaultdict(set)
    wanted = sorted(sources)
    for start in range(0, len(wanted), _CHUNK):
        rows = Observation.objects.filter(source_uuid__in=wanted[start : start + _CHUNK], verdict__in=NOT_SATISFIED)
        for source, producer, rule in rows.order_by().values_list("source_uuid", "producer", "rule").distinct():
            found[source].add((producer, rule))
    return found


def _places(one: Asked) -> list[tuple[str, int]]:
    """Where evidence for it may be attached: at its finding, its item, and for work without a finding at its control."""
    places = [("finding", one.finding.pk)] if one.finding else []
    if one.item is not None:
        places.append(("remediation", one.item.pk))
        if one.finding is None and one.item.control_id is not None:
            places.append(("control", one.item.control_id))
    return places


def _links(asked: Iterable[Asked], since: datetime) -> dict[tuple[str, int], list[_Link]]:
    keys: dict[str, set[int]] = defaultdict(set)
    for name, key in (place for one in asked for place in _places(one)):
        keys[name].add(key)
    found: dict[tuple[str, int], list[_Link]] = defaultdict(list)
    fresh = EvidenceLink.objects.filter(created_at__gt=since, evidence__state=EvidenceState.ACCEPTED)
    for name, wanted in keys.items():
        rows = fresh.filter(**{f"{name}__among": wanted})
        for key, pk, at, came, uuid in rows.values_list(
            name, "pk", "created_at", "evidence__created_at", "evidence__uuid"
        ):
            found[name, key].append(_Link(min(at, came), (at, pk), str(uuid)))
    return found


def _last_tests(items: Iterable[RemediationItem | None]) -> dict[int | None, ControlTest]:
    controls = {item.control_test.control_id if item.control_test else item.control_id for item in items if item}
    rows = ControlTest.objects.filter(control__among=controls - {None}, released_at__isnull=False)
    return {
        test.control_id: test
        for test in rows.only("control", "released_at", "conclusion").order_by("released_at", "pk")
    }
