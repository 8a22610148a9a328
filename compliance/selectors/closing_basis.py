"""On which new evidence a risk may be closed, or what is missing. Reads only; nothing here closes anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from compliance.models import (
    DatasetVerification,
    EntitlementReading,
    EvidenceLink,
    Finding,
    ModelVersion,
    Observation,
    RemediationItem,
)
from compliance.types.checks import PRODUCER as CHECKS
from compliance.types.checks import CheckRule
from compliance.types.risk_life import ClosingBasis
from compliance.types.states import EvidenceState
from compliance.types.verdicts import (
    CONCLUSION_OF_FILE_SCAN,
    CONCLUSION_OF_STAGE,
    Conclusion,
    FileScanVerdict,
    StageVerdict,
)

AUDITOR = "auditor"
_NOT_SATISFIED = [
    verdict.value
    for verdict, conclusion in (*CONCLUSION_OF_STAGE.items(), *CONCLUSION_OF_FILE_SCAN.items())
    if conclusion is Conclusion.NOT_SATISFIED
]
_ON_DATA = frozenset({CheckRule.DATASET_NOT_VERIFIED, CheckRule.DATASET_CHANGED})
_ON_RIGHTS = frozenset({CheckRule.ENTITLED_UNUSED, CheckRule.USED_NOT_ENTITLED})


@dataclass(frozen=True, slots=True)
class Ground:
    """The new evidence for one finding. records: uuids of what else it rests on; finding None: of work without a finding."""

    finding: Finding | None
    kind: ClosingBasis
    observation: Observation | None = None
    records: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a closing keeps it."""
        return {
            "finding": str(self.finding.uuid) if self.finding else None,
            "kind": self.kind.value,
            "observation": str(self.observation.uuid) if self.observation else None,
            "records": list(self.records),
        }


@dataclass(frozen=True, slots=True)
class Missing:
    """What keeps a finding from being closed, in a sentence."""

    finding: Finding | None
    sentence: str


def ground_of(finding: Finding, *, since: datetime, item: RemediationItem | None) -> Ground | Missing:
    """The evidence, recorded after this moment, on which a finding's risk may be closed."""
    if finding.state == Conclusion.SATISFIED:
        return _satisfied(finding, since)
    if not finding.observations.exists():
        return examined(finding, since=since, item=item)
    successor = _on_successor(finding, since)
    if successor is not None:
        return Ground(finding, ClosingBasis.REPLACEMENT, successor, (str(_version(successor).uuid),))
    return Missing(finding, _("“%s” still stands; test again after the work.") % finding.title)


def _satisfied(finding: Finding, since: datetime) -> Ground | Missing:
    # A report that came late, older than what is known, is no new evidence.
    newest = Q(observed_at__isnull=True) | Q(observed_at__gte=finding.last_seen_at)
    seen = finding.observations.filter(newest, created_at__gt=since).order_by("-created_at", "-pk").first()
    if seen is None:
        told = _("“%s”: closing needs new evidence, recorded after the risk was taken up.")
        return Missing(finding, told % finding.title)
    if seen.producer == AUDITOR:
        return Ground(finding, ClosingBasis.AUDIT, seen)
    if seen.producer == CHECKS:
        return _checked(finding, seen, since)
    return Ground(finding, ClosingBasis.RESCAN, seen)


def _checked(finding: Finding, seen: Observation, since: datetime) -> Ground | Missing:
    """A check of the records: what it looked at has to be new as well, where it is about data or about rights."""
    if seen.rule in _ON_DATA:
        rows = DatasetVerification.objects.filter(
            dataset_version__dataset__system=finding.system_id, matches=True, created_at__gt=since
        )
        told = _("“%s”: no data set was compared with its manifest since the risk was taken up.")
        return _resting_on(finding, seen, ClosingBasis.VERIFICATION, rows.values_list("uuid", flat=True)[:20], told)
    if seen.rule in _ON_RIGHTS:
        readings = EntitlementReading.objects.filter(system=finding.system_id, created_at__gt=since)
        told = _("“%s”: no document on who can submit was read since the risk was taken up.")
        return _resting_on(finding, seen, ClosingBasis.ENTITLEMENTS, readings.values_list("uuid", flat=True)[:1], told)
    return Ground(finding, ClosingBasis.CHECK, seen)


def _resting_on(
    finding: Finding, seen: Observation, kind: ClosingBasis, records: Iterable[Any], told: str
) -> Ground | Missing:
    found = tuple(map(str, records))
    return Ground(finding, kind, seen, found) if found else Missing(finding, told % finding.title)


def examined(finding: Finding | None, *, since: datetime, item: RemediationItem | None) -> Ground | Missing:
    """Evidence that somebody attached for what no instrument observes."""
    links = EvidenceLink.objects.filter(created_at__gt=since, evidence__state=EvidenceState.ACCEPTED)
    rows = links.filter(remediation=item) if item else links.none()
    if finding is not None:
        rows = rows | links.filter(finding=finding)
    found = tuple(str(uuid) for uuid in rows.order_by("-created_at").values_list("evidence__uuid", flat=True)[:20])
    if found:
        return Ground(finding, ClosingBasis.EXAMINATION, None, found)
    name = finding.title if finding else str(item)
    return Missing(finding, _("“%s”: attach evidence of the work first; another person then confirms.") % name)


# The same test on what replaced a model ------------------------------------------------------------------------------


def _version(observation: Observation) -> ModelVersion:
    version = observation.model_version
    assert version is not None  # it was found by its version
    return version


def _on_successor(finding: Finding, since: datetime) -> Observation | None:
    """The test that found it, on a later version of the same model in which it does not reproduce; None without one."""
    version = finding.model_version
    if version is None:
        return None
    tests = set(finding.observations.values_list("producer", "rule"))
    for later in ModelVersion.objects.filter(model=version.model_id, created_at__gt=since).order_by("-created_at"):
        standing = Finding.objects.filter(model_version=later, target=finding.target_id, state=Conclusion.NOT_SATISFIED)
        if standing.exists():
            return None
        seen = next(_negatives(later, tests, since), None)
        if seen is not None:
            return seen
    return None


def _negatives(version: ModelVersion, tests: set[tuple[str, str]], since: datetime) -> Iterator[Observation]:
    """Negatives of these tests on a version: of the very rule, or of a scan of the whole file that lists nothing under it."""
    producers = {producer for producer, _rule in tests}
    rows = Observation.objects.filter(
        model_version=version,
        producer__in=producers,
        created_at__gt=since,
        verdict__in=(StageVerdict.NO_EVIDENCE_AT_POWER.value, FileScanVerdict.NOTHING_FOUND.value),
    )
    for seen in rows.order_by("-created_at", "-pk"):
        if (seen.producer, seen.rule) in tests or (
            seen.verdict == FileScanVerdict.NOTHING_FOUND and not _lists(seen, tests)
        ):
            yield seen


def _lists(seen: Observation, tests: set[tuple[str, str]]) -> bool:
    there = Observation.objects.filter(source_uuid=seen.source_uuid, verdict__in=_NOT_SATISFIED)
    return bool(tests & set(there.values_list("producer", "rule")))
