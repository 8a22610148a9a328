"""Findings as OCSF 1.5.0: Detection Finding (2004) for what was found in a model, Compliance Finding (2003) for all else.

The outcome stands in `status_code` of a detection and in `compliance.status_id` of a check, so that a satisfied finding is told
from one that stands without knowing the class. OCSF has no place for the power of a test: a satisfied finding of a detector
is no statement on backdoors beyond what the observation says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from compliance.models import Finding, Observation
from compliance.selectors.ocsf import PRODUCT, SEVERITIES, classified, milliseconds, stated
from compliance.types.states import Severity
from compliance.types.verdicts import Conclusion

VERSION = "1.5.0"
DETECTION, COMPLIANCE = (2004, "Detection Finding"), (2003, "Compliance Finding")
STANDARD = "Assay reference controls"
_CATEGORY = (2, "Findings")
_TECHNIQUE = "AML.T0018"
_CHUNK = 500
_SHA256 = {"algorithm_id": 3, "algorithm": "SHA-256"}
_SEEN = ("producer", "rule", "asset_kind", "asset_digest")


def with_newest_observation(rows: QuerySet[Finding]) -> QuerySet[Finding]:
    """The rows with `seen_…` of the newest observation behind each; empty for a finding that a person made."""
    newest = Observation.objects.filter(findings=OuterRef("pk")).order_by("-created_at", "-pk")
    return rows.annotate(**{f"seen_{name}": Subquery(newest.values(name)[:1]) for name in _SEEN})


def finding_records(rows: QuerySet[Finding]) -> Iterator[dict[str, Any]]:
    """Each finding of the rows, read in chunks."""
    chosen = with_newest_observation(rows.prefetch_related(None))
    chosen = chosen.select_related("system", "target", "model_version", "risk")
    return (finding_record(finding) for finding in chosen.iterator(chunk_size=_CHUNK))


def finding_record(finding: Finding) -> dict[str, Any]:
    """One finding; the row comes from `with_newest_observation`."""
    seen = {name: getattr(finding, f"seen_{name}") or "" for name in _SEEN}
    is_detection = any(technique.startswith(_TECHNIQUE) for technique in finding.techniques)
    is_satisfied = finding.state == Conclusion.SATISFIED
    uid, name = DETECTION if is_detection else COMPLIANCE
    severity_id, severity = SEVERITIES[Severity(finding.severity)]
    status_id, status = _status(finding, is_satisfied)
    return classified(category=_CATEGORY, uid=uid, name=name, activity=_activity(finding, is_satisfied)) | stated(
        {
            "time": milliseconds(finding.last_seen_at),
            "severity_id": severity_id,
            "severity": severity,
            "status_id": status_id,
            "status": status,
            "status_code": "PASS" if is_satisfied else "FAIL",
            "status_detail": finding.condition,
            "message": finding.title,
            "metadata": _metadata(finding, seen),
            "finding_info": _info(finding, seen),
            "resources": [stated({"name": finding.asset_name, "type": seen["asset_kind"] or "AI system"})],
            "evidences": _evidences(finding, seen) if is_detection else [],
            "compliance": {} if is_detection else _compliance(finding, is_satisfied),
            "risk_details": finding.effect,
            "unmapped": {"assay": _own(finding, seen)},
        }
    )


def _activity(finding: Finding, is_satisfied: bool) -> tuple[int, str]:
    if is_satisfied:
        return 3, "Close"
    return (1, "Create") if finding.first_seen_at == finding.last_seen_at else (2, "Update")


def _status(finding: Finding, is_satisfied: bool) -> tuple[int, str]:
    if is_satisfied:
        return 4, "Resolved"
    return (2, "In Progress") if getattr(finding, "risk", None) else (1, "New")


def _metadata(finding: Finding, seen: dict[str, str]) -> dict[str, Any]:
    code = f"{seen['producer']}: {seen['rule']}" if seen["rule"] else finding.target.control_id
    return {"version": VERSION, "product": PRODUCT, "uid": str(finding.uuid), "event_code": code}


def _info(finding: Finding, seen: dict[str, str]) -> dict[str, Any]:
    analytic = stated({"type_id": 1, "type": "Rule", "name": seen["rule"], "category": seen["producer"]})
    return stated(
        {
            "uid": str(finding.uuid),
            "title": finding.title,
            "desc": finding.condition,
            "created_time": milliseconds(finding.created_at),
            "first_seen_time": milliseconds(finding.first_seen_at),
            "last_seen_time": milliseconds(finding.last_seen_at),
            "analytic": analytic if seen["rule"] else {},
            "attacks": [_attack(technique) for technique in finding.techniques],
        }
    )


def _attack(technique: str) -> dict[str, Any]:
    """A technique of MITRE ATLAS; the schema's own text speaks of ATT&CK, and has no other place."""
    whole, _, sub = technique.removeprefix("AML.").partition(".")
    named = {"technique": {"uid": f"AML.{whole}"}, "version": "MITRE ATLAS"}
    return named | ({"sub_technique": {"uid": technique}} if sub else {})


def _evidences(finding: Finding, seen: dict[str, str]) -> list[dict[str, Any]]:
    if not seen["asset_digest"]:
        return []
    hashes = [_SHA256 | {"value": seen["asset_digest"]}]
    return [{"file": {"name": finding.asset_name, "type_id": 1, "type": "Regular File", "hashes": hashes}}]


def _compliance(finding: Finding, is_satisfied: bool) -> dict[str, Any]:
    return {
        "standards": [STANDARD],
        "control": finding.target.control_id,
        "requirements": [finding.target.title],
        "desc": finding.criteria,
        "status_id": 1 if is_satisfied else 3,
        "status": "Pass" if is_satisfied else "Fail",
    }


def _own(finding: Finding, seen: dict[str, str]) -> dict[str, Any]:
    """What the schema has no place for."""
    version = finding.model_version
    return stated(
        {
            "system": {"uid": str(finding.system.uuid), "name": finding.system.name},
            "control": finding.target.control_id,
            "conclusion": str(finding.state),
            "criteria": finding.criteria,
            "cause": finding.cause,
            "effect": finding.effect,
            "asset_sha256": seen["asset_digest"],
            "model_version": {"uid": str(version.uuid), "sha256": version.digest} if version else {},
            "producer": seen["producer"],
        }
    )
