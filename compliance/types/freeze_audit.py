"""What freezes learned to hold for auditors: assertion, audits, statements of applicability, custody, follow-up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from compliance.types.engagements import EngagementKind
from compliance.types.shape import Day, Named, Sha256, UtcTime, Uuid
from compliance.types.statements import Implementation, Inclusion
from compliance.types.states import Severity
from compliance.types.testing import Agreement, AuditFindingAct, AuditFindingState


class Signatory(TypedDict):
    """A person by name and role."""

    name: Named
    role: str


class Assertion(TypedDict):
    """What management asserts, word for word as it stood before whoever signed it; `meaning`: of the signature."""

    statements: list[str]
    by: Signatory
    at: UtcTime
    meaning: str


class FrozenEngagement(TypedDict):
    """An audit that the assessment is for. as_of None: it speaks of its period; empty accounts or regions: all."""

    uuid: Uuid
    title: str
    kind: EngagementKind
    criteria: str
    edition: str
    entity: str
    as_of: Day | None
    period_start: Day
    period_end: Day
    exclusions: str
    accounts: list[str]
    regions: list[str]


class StatedControl(TypedDict):
    """One id of a framework. controls: own control ids that answer to it, with their version."""

    id: str
    inclusion: Inclusion
    reason: str
    implementation: Implementation
    controls: list[str]


class FrozenStatement(TypedDict):
    """A statement of applicability as it was last approved. of: the AI system, or the organisation."""

    uuid: Uuid
    framework: str
    edition: str
    of: str
    version: int
    sha256: Sha256
    approved_by: Named
    approved_at: UtcTime
    lines: list[StatedControl]


class FollowUp(TypedDict):
    """One act on an auditor's finding."""

    at: UtcTime
    act: AuditFindingAct
    after: AuditFindingState
    words: str
    by: Named


class FrozenAuditFinding(TypedDict):
    """What an auditor issued, and what management said. repeats: title of the finding of an earlier audit that it repeats,
    "" for none; control: id and title of the own control; prior: of an audit that the assessment is not for."""

    uuid: Uuid
    number: int
    engagement: str
    prior: bool
    control: str
    title: str
    condition: str
    criteria: str
    cause: str
    effect: str
    rating: str
    severity: Severity
    repeats: str
    state: AuditFindingState
    issued_at: UtcTime
    agreement: Agreement | None
    response: str
    action: str
    action_owner: Named
    action_due: Day | None
    item: Uuid | None
    closed_at: UtcTime | None
    history: list[FollowUp]


class DatasetCheck(TypedDict):
    """One comparison of a dataset version with its manifest, byte for byte."""

    uuid: Uuid
    dataset: Uuid
    at: UtcTime
    matches: bool
    found_root: str
    added: int
    removed: int
    changed: int
    by: Named


class CustodyEvent(TypedDict):
    """One act on a piece of evidence, from the ledger. act: the last word of the event's kind."""

    at: UtcTime
    act: str
    by: Named
    position: int | None


class AuditAdditions(TypedDict, total=False):
    """Absent from older freezes. prior audits: see FrozenAuditFinding."""

    assertion: Assertion
    engagements: list[FrozenEngagement]
    statements: list[FrozenStatement]
    audit_findings: list[FrozenAuditFinding]
    dataset_checks: list[DatasetCheck]


def audit_fault(doc: Mapping[str, Any], items: set[str]) -> str:
    """What does not hold in the additions, in words; "" where all does. items: uuids of the remediation items."""
    datasets = {one["uuid"] for one in doc["datasets"]}
    for check in doc.get("dataset_checks", []):
        if check["dataset"] not in datasets:
            return f"dataset_checks: {check['dataset']} is not in the datasets"
    for found in doc.get("audit_findings", []):
        if found["item"] is not None and found["item"] not in items:
            return f"audit_findings: {found['uuid']} names work that is not in the document"
        if found["state"] == AuditFindingState.DRAFT:
            return f"audit_findings: {found['uuid']} is a draft; only what was issued is told"
    return ""
