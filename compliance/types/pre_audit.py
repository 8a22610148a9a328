"""What is looked at before an audit, as a standing list."""

from __future__ import annotations

from enum import StrEnum


class PreAuditCheck(StrEnum):
    """One thing an auditor would ask about; in the order in which they are shown."""

    ANSWER_OPEN = "answer-open"
    ANSWER_WITHOUT_EVIDENCE = "answer-without-evidence"
    EVIDENCE_OUTSIDE_PERIOD = "evidence-outside-period"
    EVIDENCE_NOT_DESCRIBED = "evidence-not-described"
    EVIDENCE_ALTERED = "evidence-file-altered"
    OTHER_EVIDENCE = "approved-on-other-evidence"
    CONTRADICTION_NOT_JUSTIFIED = "contradiction-not-justified"
    APPROVER_IS_AUTHOR = "approver-is-author"
    STALE_SCAN = "stale-scan"
    NEGATIVE_WITHOUT_POWER = "negative-without-power"
    MAPPING_DRAFT = "mapping-draft"
    RETIRED_ATLAS_ID = "retired-atlas-id"
    LOG_GAP = "coverage-or-reconciliation-gap"
    ACCEPTANCE_EXPIRED = "acceptance-expired"
    LEDGER_NOT_ANCHORED = "ledger-not-anchored"
