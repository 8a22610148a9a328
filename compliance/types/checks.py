"""Checks on the events of fine-tune jobs: their rules, and what a check found in a period. Frozen, JSON-shaped, no Django."""

from __future__ import annotations

from enum import StrEnum

PRODUCER = "assay-checks"


class CheckRule(StrEnum):
    """What is checked. The value is the rule of the observation."""

    SUBMITTER_NOT_APPROVED = "submitter-not-approved"
    SUBMITTER_CANNOT_BE_TOLD = "submitter-cannot-be-told"
    APPROVED_OWN_JOB = "approved-own-job"
    JOB_WITHOUT_APPROVAL = "job-without-approval"
    APPROVAL_AFTER_START = "approval-after-start"
    APPROVAL_WITHOUT_DIGESTS = "approval-without-digests"
    DATASET_NOT_VERIFIED = "dataset-not-verified"
    DATASET_CHANGED = "dataset-changed"
    BASE_UNKNOWN = "base-model-unknown"
    BASE_NOT_SCANNED = "base-model-not-scanned"
    BASE_CHANGED = "base-model-changed"
    OUTPUT_NOT_SIGNED = "output-not-signed"
    DENIED_BURST = "denied-burst"
    ENTITLED_UNUSED = "entitled-unused"
    USED_NOT_ENTITLED = "used-not-entitled"
    LOG_GAP = "log-gap"
    OUTSIDE_CHANGE_WINDOW = "outside-change-window"
