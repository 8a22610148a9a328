"""On which new evidence a risk may be closed, or what is missing. Reads only; nothing here closes anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from compliance.models import (
    CheckRun,
    Dataset,
    DatasetVerification,
    Entitlement,
    EntitlementReading,
    Finding,
    Observation,
    RemediationItem,
)
from compliance.selectors.closing_evidence import NOT_SATISFIED, Asked, Known, Seen
from compliance.types.checks import PRODUCER as CHECKS
from compliance.types.checks import CheckRule
from compliance.types.entitlements import Reach
from compliance.types.risk_life import ClosingBasis
from compliance.types.statements import Implementation, Inclusion
from compliance.types.testing import ControlTestConclusion
from compliance.types.verdicts import Conclusion, FileScanVerdict

AUDITOR = "auditor"
_ON_DATA = frozenset({CheckRule.DATASET_NOT_VERIFIED, CheckRule.DATASET_CHANGED})
_ON_RIGHTS = frozenset({CheckRule.ENTITLED_UNUSED, CheckRule.USED_NOT_ENTITLED})


@dataclass(frozen=True, slots=True)
class Ground:
    """The new evidence for one finding. records: uuids of what else it rests on; finding None: of work without a finding."""

    finding: Finding | None
    kind: ClosingBasis
    observation: Seen | None = None
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


def grounds_of(asked: Sequence[Asked]) -> list[Ground | Missing]:
    """Of each finding, or work without one, the evidence on which it may be closed. The record is read for all of them at once;
    only of what checks of data and of rights found, of which a system has few, each is read by itself."""
    known = Known.about(asked) if asked else None
    return [_ground_of(one, known) for one in asked if known]


def _ground_of(one: Asked, known: Known) -> Ground | Missing:
    finding = one.finding
    if finding is None:
        return _examined(one, known)
    if finding.state == Conclusion.SATISFIED:
        return _satisfied(finding, one.since, known)
    if finding.pk not in known.tests:
        return _examined(one, known)
    return _on_successor(finding, one.since, known) or Missing(finding, _stands(finding, known) % finding.title)


def _stands(finding: Finding, known: Known) -> str:
    """What may end a finding that stands. What jobs of a period did not do stays undone in it (decision 0099)."""
    producer, rule = known.tests[finding.pk][0]
    if producer == CHECKS and rule not in _ON_RIGHTS:
        return _(
            "“%s” still stands: the check looks at every job of the assessment’s period, and what went before the work "
            "stays in it. It ends with an assessment of a later period; until then the risk can be accepted."
        )
    return _("“%s” still stands; test again after the work.")


def _satisfied(finding: Finding, since: datetime, known: Known) -> Ground | Missing:
    seen = next((one for one in known.newest.get(finding.pk, ()) if one.created_at > since), None)
    if seen is None:
        told = _("“%s”: closing needs new evidence, recorded after the risk was taken up.")
        return Missing(finding, told % finding.title)
    if seen.producer == AUDITOR:
        return Ground(finding, ClosingBasis.AUDIT, seen)
    if seen.producer == CHECKS:
        return _checked(finding, seen, since)
    return Ground(finding, ClosingBasis.RESCAN, seen)


def _checked(finding: Finding, seen: Seen, since: datetime) -> Ground | Missing:
    """A check of the records: what it looked at has to be new as well, where it is about data or about rights."""
    if seen.rule in _ON_DATA:
        return _on_data(finding, seen, since)
    if seen.rule in _ON_RIGHTS:
        return _on_rights(finding, seen, since)
    return Ground(finding, ClosingBasis.CHECK, seen)


def _named(finding: Finding, what: str) -> set[str]:
    """What the exceptions named when the finding last stood, under one of their facts."""
    stood = finding.observations.filter(verdict__in=NOT_SATISFIED).order_by("-created_at", "-pk").first()
    if stood is None:
        return set()
    parts = Observation.objects.filter(source_uuid=stood.source_uuid, rule=stood.rule, facts__has_key="part_of")
    return {str(facts[what]) for facts in parts.values_list("facts", flat=True) if facts.get(what)}


def _on_data(finding: Finding, seen: Seen, since: datetime) -> Ground | Missing:
    """Each data set that was named was compared with its manifest since, in that version or another, and agreed with it."""
    named = Dataset.objects.filter(versions__manifest_root__in=_named(finding, "dataset"), system=finding.system_id)
    rows = DatasetVerification.objects.filter(
        dataset_version__dataset__system=finding.system_id, created_at__gt=since
    ).order_by("created_at", "pk")
    newest = {row.dataset_version.dataset_id: row for row in rows.select_related("dataset_version")}
    agreed = {key: row for key, row in newest.items() if row.matches}
    wanted = {row.pk: row.name for row in named}
    lacking = sorted(name for key, name in wanted.items() if key not in agreed)
    if lacking:
        told = _(
            "“%(title)s”: %(names)s did not agree with its manifest, or was not compared, since the risk was taken up."
        )
        return Missing(finding, told % {"title": finding.title, "names": ", ".join(lacking)})
    if not agreed:
        told = _("“%s”: no data set was compared with its manifest since the risk was taken up.")
        return Missing(finding, told % finding.title)
    rests_on = tuple(str(row.uuid) for key, row in agreed.items() if not wanted or key in wanted)
    return Ground(finding, ClosingBasis.VERIFICATION, seen, rests_on[:20])


def _on_rights(finding: Finding, seen: Seen, since: datetime) -> Ground | Missing:
    """Documents were read since; of rights that nobody used, the very grants that were named are in them no longer."""
    readings = EntitlementReading.objects.filter(system=finding.system_id, created_at__gt=since)
    reading = readings.order_by("-as_of", "-pk").first()
    if reading is None:
        told = _("“%s”: no document on who can submit was read since the risk was taken up.")
        return Missing(finding, told % finding.title)
    named = _named(finding, "principal")
    if seen.rule != CheckRule.ENTITLED_UNUSED or not named:
        return Ground(finding, ClosingBasis.CHECK, seen, (str(reading.uuid),))
    grants = Entitlement.objects.filter(reading=reading, reach=Reach.NOW, missing=[], principal__uuid__in=named)
    left = grants.order_by().values("principal").distinct().count()
    if not left:
        return Ground(finding, ClosingBasis.ENTITLEMENTS, seen, (str(reading.uuid),))
    if _looked_at(seen, reading):  # and found that whoever still can submit does
        return Ground(finding, ClosingBasis.CHECK, seen, (str(reading.uuid),))
    told = _("“%(title)s”: by the newest documents %(n)d of those named can still submit; take that right away first.")
    return Missing(finding, told % {"title": finding.title, "n": left})


def _looked_at(seen: Seen, reading: EntitlementReading) -> bool:
    """Whether the check, or a run since that found the same, took this reading for who can submit."""
    said_so = Q(uuid=seen.source_uuid) | Q(repeats__uuid=seen.source_uuid)
    day = reading.as_of.date()
    runs = CheckRun.objects.filter(said_so, system=reading.system_id, finished_at__gt=reading.created_at)
    return runs.filter(period_start__lte=day, period_end__gte=day).exists()


def _examined(one: Asked, known: Known) -> Ground | Missing:
    """Evidence that came, and that somebody attached, after the work was taken up: for what no instrument observes."""
    finding, item = one.finding, one.item
    contrary = _contrary(item, one.since, known) if item else ""
    if contrary:
        return Missing(finding, contrary)
    found = known.attached(one)
    if found:
        return Ground(finding, ClosingBasis.EXAMINATION, None, found)
    name = finding.title if finding else str(item)
    return Missing(
        finding, _("“%s”: attach evidence of the work, newer than the item; another person then confirms.") % name
    )


def _contrary(item: RemediationItem, since: datetime, known: Known) -> str:
    """What the record says against closing the work on a gap; empty for nothing."""
    line = item.statement_line
    if line is not None and line.inclusion == Inclusion.INCLUDED and line.implementation != Implementation.IMPLEMENTED:
        return _("The statement of applicability still says that %s is to be implemented; change that first.") % line
    last = known.last_tests.get(item.control_test.control_id if item.control_test else item.control_id)
    is_new = last is not None and last.released_at is not None and last.released_at > since
    if last is not None and is_new and last.conclusion == ControlTestConclusion.NOT_EFFECTIVE:
        return _("A test released since then concludes that the control still falls short.")
    return ""


# The same test on what replaced a model ------------------------------------------------------------------------------


def _on_successor(finding: Finding, since: datetime, known: Known) -> Ground | None:
    """The test that found it, on a later version of the same model in which it does not reproduce; None without one."""
    version = finding.model_version
    tests = set(known.tests[finding.pk])
    for later in known.versions.get(version.model_id, ()) if version else ():
        if later.created_at <= since or (later.pk, finding.target_id) in known.standing:
            return None
        seen = _negative(known.negatives.get(later.pk, ()), tests, since, known)
        if seen is not None:
            return Ground(finding, ClosingBasis.REPLACEMENT, seen, (str(later.uuid),))
    return None


def _negative(rows: Sequence[Seen], tests: set[tuple[str, str]], since: datetime, known: Known) -> Seen | None:
    """The newest negative of these tests: of the very rule, or of a scan of the whole file that lists nothing under it."""
    producers = {producer for producer, _rule in tests}
    for seen in rows:
        if seen.created_at <= since or seen.producer not in producers:
            continue
        lists_nothing = seen.verdict == FileScanVerdict.NOTHING_FOUND and not tests & known.listed_by(seen)
        if (seen.producer, seen.rule) in tests or lists_nothing:
            return seen
    return None
