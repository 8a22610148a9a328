"""Findings that a later report no longer repeats: satisfied, where that report looked at the same thing to its end.

The order in which reports are imported makes no difference: what counts is when each was made. A finding that a person decided
to live with, or made, is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from compliance.models import AISystem, Evidence, Finding, ModelVersion, Observation, User
from compliance.services import bulk_rows, findings
from compliance.types.canonical import digest_of
from compliance.types.drafts import AssetRef
from compliance.types.verdicts import Conclusion, FileScanVerdict

_NUMBERS = re.compile(r"\d+(\.\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteReport:
    """What a report looked at to its end. source_uuid: of its import; not_before: when it was made at the earliest; rules: ids
    of those that ran, None where the tool knows no choice of rules."""

    source_uuid: UUID
    evidence: Evidence
    producer: str
    producer_version: str
    not_before: datetime
    assets: tuple[AssetRef, ...]
    rules: frozenset[str] | None


def conclude(
    *, system: AISystem, source_uuid: UUID, reports: Iterable[CompleteReport], actor: User | None
) -> list[Observation]:
    """Conclude what the reports no longer repeat, oldest report first; an observation for each finding that this satisfies.

    They are kept with the import `source_uuid`. Runs inside the caller's transaction. A few statements for each report,
    whatever the number of findings.
    """
    told: list[Observation] = []
    for report in sorted(reports, key=lambda report: report.not_before):
        absent = list(_absent(system, report))
        said = [_absence(report, finding, last, source_uuid) for finding, last in absent]
        rows = bulk_rows.create(
            Observation, names=list(said[0]) if said else [], values=[[*one.values()] for one in said]
        )
        for row, (_finding, last) in zip(rows, absent, strict=True):
            row.evidence, row.model_version = report.evidence, last.model_version
        findings.conclude(observations=rows, actor=actor)
        told += rows
    return told


def _absent(system: AISystem, report: CompleteReport) -> Iterator[tuple[Finding, Observation]]:
    """Findings that stand, were last seen before the report, and lie within its scope; each with its last sighting."""
    keys = _asset_keys(system, report.assets)
    before = Finding.objects.filter(
        ~findings.is_judged(), system=system, state=Conclusion.NOT_SATISFIED, last_seen_at__lt=report.not_before
    )
    standing = [row for row in before.only("uuid", "asset_key").order_by("pk") if row.asset_key in keys]
    sightings = _sightings(standing, report.producer)
    for finding in standing:
        seen = sightings.get(finding.pk, [])
        last = max(seen, key=lambda one: (findings.seen_at(one), one.pk), default=None)
        if last and _ran_again(report, last) and all(one.source_uuid != report.source_uuid for one in seen):
            yield finding, last


def _asset_keys(system: AISystem, assets: Sequence[AssetRef]) -> set[str]:
    """Keys that findings on these assets may have: made before or after their version was registered."""
    digests = {asset.digest for asset in assets if asset.digest}
    found = ModelVersion.objects.filter(model__system=system, digest__among=digests)
    versions = {version.digest: version for version in found}
    return {
        findings.asset_key(kind=asset.kind[:64], name=asset.name[:500], digest=asset.digest or "", version=version)
        for asset in assets
        for version in {None, versions.get(asset.digest or "")}
    }


def _sightings(standing: Sequence[Finding], producer: str) -> dict[int, list[Observation]]:
    """By finding, all that the producer ever saw of it."""
    through = Finding.observations.through
    found: dict[int, list[Observation]] = {}
    links = through.objects.filter(
        finding_id__among=[finding.pk for finding in standing],
        observation__producer=producer,
        observation__verdict=FileScanVerdict.FINDING.value,
    )
    for link in links.select_related("observation__evidence", "observation__model_version__model"):
        found.setdefault(link.finding_id, []).append(link.observation)
    return found


def _ran_again(report: CompleteReport, seen: Observation) -> bool:
    """Whether the report ran the rule of a sighting, in the same version of the tool or a later one."""
    is_as_new = report.producer_version == seen.producer_version or (
        _version(report.producer_version) >= _version(seen.producer_version) > ()
    )
    return is_as_new and (report.rules is None or seen.rule in report.rules)


def _version(text: str) -> tuple[int, ...]:
    """Numbers of a version such as 0.8.8; () for one that is written otherwise, and then compares with no other."""
    return tuple(map(int, text.split("."))) if _NUMBERS.fullmatch(text) and len(text) < 64 else ()


def _absence(report: CompleteReport, finding: Finding, seen: Observation, source_uuid: UUID) -> dict[str, Any]:
    """What an observation says of a finding that is no longer reported, on the asset, rule and place of its last sighting."""
    told = _(
        "%(tool)s no longer reports this. Its report %(file)s, made on %(date)s or later, looked at %(asset)s by the same "
        "rules to its end and does not list it; it was last reported as of %(last)s."
    ) % {
        "tool": " ".join(filter(None, (report.producer, report.producer_version))),
        "file": report.evidence.filename,
        "date": f"{report.not_before:%Y-%m-%d}",
        "asset": seen.asset_name,
        "last": f"{findings.seen_at(seen):%Y-%m-%d}",
    }
    return {
        "system_id": seen.system_id,
        "source_uuid": source_uuid,
        "fingerprint": digest_of(["no longer reported", str(finding.uuid)]),
        "producer": seen.producer,
        "producer_version": report.producer_version,
        "rule": seen.rule,
        "title": seen.title,
        "description": told,
        "method": seen.method,
        "verdict": FileScanVerdict.NOTHING_FOUND.value,
        "techniques": seen.techniques,
        "asset_kind": seen.asset_kind,
        "asset_name": seen.asset_name,
        "asset_digest": seen.asset_digest,
        "model_version_id": seen.model_version_id,
        "location": seen.location,
        "facts": {
            "no_longer_reported": {
                "finding": str(finding.uuid),
                "last_observation": str(seen.uuid),
                "report": str(report.source_uuid),
                "report_sha256": report.evidence.sha256,
                "assets_in_scope": len(report.assets),
                "rules_in_scope": None if report.rules is None else len(report.rules),
            },
            "speaks_to": seen.techniques,
            "locator": "scope",
        },
        "observed_at": report.not_before,
        "evidence_id": report.evidence.pk,
    }
