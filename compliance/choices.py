"""Django choices and their labels, derived from compliance.types."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from compliance.types import access_reviews, bindings, checks, entitlements, states, verdicts

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_LABELLED: tuple[tuple[StrEnum, _StrPromise], ...] = (
    (states.Role.ADMINISTRATOR, _("Administrator")),
    (states.Role.OFFICER, _("Compliance officer")),
    (states.Role.MANAGER, _("Manager")),
    (states.Role.CONTRIBUTOR, _("Contributor")),
    (states.Role.AUDITOR, _("Auditor")),
    (states.Role.COLLECTOR, _("Collector (machine)")),
    (states.Audience.INTERNAL, _("The organisation itself")),
    (states.Audience.EXTERNAL, _("External recipients")),
    (states.Severity.CRITICAL, _("Critical")),
    (states.Severity.HIGH, _("High")),
    (states.Severity.MEDIUM, _("Medium")),
    (states.Severity.LOW, _("Low")),
    (states.Severity.INFORMATIONAL, _("Informational")),
    (states.Method.EXAMINE, _("Examine")),
    (states.Method.INTERVIEW, _("Interview")),
    (states.Method.TEST, _("Test")),
    (states.ActionClass.SUBMIT, _("Submit")),
    (states.ActionClass.CANCEL, _("Cancel")),
    (states.ActionClass.REGISTER, _("Register")),
    (states.ActionClass.APPROVE, _("Approve")),
    (states.ActionClass.DEPLOY, _("Deploy")),
    (states.ActionClass.GRANT, _("Grant")),
    (states.ActionClass.IMPORT, _("Import")),
    (states.ActionClass.OTHER, _("Other")),
    (states.Outcome.SUCCESS, _("Success")),
    (states.Outcome.DENIED, _("Denied")),
    (states.Outcome.FAILED, _("Failed")),
    (states.Outcome.UNKNOWN, _("Not stated")),
    (states.AnswerValue.YES, _("Yes")),
    (states.AnswerValue.PARTLY, _("Partly")),
    (states.AnswerValue.NO, _("No")),
    (states.AnswerValue.NOT_APPLICABLE, _("Not applicable")),
    (states.AnswerState.OPEN, _("Not answered")),
    (states.AnswerState.DRAFT, _("Draft")),
    (states.AnswerState.SUBMITTED, _("In review")),
    (states.AnswerState.RETURNED, _("Returned")),
    (states.AnswerState.APPROVED, _("Approved")),
    (states.AssessmentState.OPEN, _("Open")),
    (states.AssessmentState.FROZEN, _("Frozen")),
    (states.EvidenceState.RECEIVED, _("Received")),
    (states.EvidenceState.ACCEPTED, _("Accepted")),
    (states.EvidenceState.REJECTED, _("Rejected")),
    (states.RetentionClass.STANDARD, _("Standard: seven years")),
    (states.RetentionClass.EXTENDED, _("Extended: ten years")),
    (states.RetentionClass.TRANSIENT, _("Transient: one year")),
    (states.ModelOrigin.INHERITED, _("Inherited")),
    (states.ModelOrigin.OWN, _("Own")),
    (states.ModelOrigin.UNKNOWN, _("Not stated")),
    (states.JobState.QUEUED, _("Queued")),
    (states.JobState.RUNNING, _("Running")),
    (states.JobState.SUCCEEDED, _("Finished")),
    (states.JobState.FAILED, _("Failed")),
    (states.JobState.CANCELLED, _("Cancelled")),
    (states.RiskState.OPEN, _("Open")),
    (states.RiskState.INVESTIGATING, _("Under investigation")),
    (states.RiskState.REMEDIATING, _("Being remediated")),
    (states.RiskState.DEVIATION_REQUESTED, _("Acceptance requested")),
    (states.RiskState.DEVIATION_APPROVED, _("Accepted until a date")),
    (states.RiskState.CLOSED, _("Closed")),
    (states.RemediationState.OPEN, _("Open")),
    (states.RemediationState.IN_PROGRESS, _("In progress")),
    (states.RemediationState.BLOCKED, _("Blocked")),
    (states.RemediationState.DONE, _("Work done, awaiting evidence")),
    (states.RemediationState.CLOSED, _("Closed")),
    (states.MappingState.DRAFT, _("Draft")),
    (states.MappingState.APPROVED, _("Approved")),
    (states.MappingState.REJECTED, _("Rejected")),
    (entitlements.Reach.NOW, _("Can submit now")),
    (entitlements.Reach.AFTER_STEP, _("Can after one more step")),
    (entitlements.Reach.SHARED_KEY, _("Whoever holds a key can")),
    (bindings.Named.BASE, _("Base model")),
    (bindings.Named.DATASET, _("Data set")),
    (bindings.Named.OUTPUT, _("Output model")),
    (bindings.BoundBy.DIGEST, _("By its digest in the log")),
    (bindings.BoundBy.PROVENANCE, _("By the provenance of a version")),
    (bindings.BoundBy.RULE, _("By a saved rule")),
    (bindings.BoundBy.PERSON, _("By a person")),
    (bindings.BoundBy.NOT_OURS, _("None of ours, says a person")),
    (bindings.BoundBy.NOTHING, _("Bound to nothing yet")),
    (access_reviews.Decision.KEEP, _("Keep")),
    (access_reviews.Decision.REMOVE, _("Remove")),
    (access_reviews.Removal.CONFIRMED, _("Removal confirmed")),
    (access_reviews.Removal.STILL_ENTITLED, _("Still entitled")),
    (access_reviews.Removal.NOT_YET_READ, _("Not confirmed: no later document")),
    (checks.CheckRule.SUBMITTER_NOT_APPROVED, _("Submitter not on the approved list")),
    (checks.CheckRule.SUBMITTER_CANNOT_BE_TOLD, _("Submitter cannot be told")),
    (checks.CheckRule.APPROVED_OWN_JOB, _("Submitter approved the own job")),
    (checks.CheckRule.JOB_WITHOUT_APPROVAL, _("Job without approval")),
    (checks.CheckRule.APPROVAL_AFTER_START, _("Approved after the start")),
    (checks.CheckRule.APPROVAL_WITHOUT_DIGESTS, _("Approval does not name data and base model by digest")),
    (checks.CheckRule.DATASET_NOT_VERIFIED, _("Data set never verified before the job")),
    (checks.CheckRule.DATASET_CHANGED, _("Data set changed since its manifest")),
    (checks.CheckRule.BASE_UNKNOWN, _("Base model unknown")),
    (checks.CheckRule.BASE_NOT_SCANNED, _("Inherited base model not scanned")),
    (checks.CheckRule.BASE_CHANGED, _("Base model changed since its scan")),
    (checks.CheckRule.OUTPUT_NOT_SIGNED, _("Output model without signature")),
    (checks.CheckRule.DENIED_BURST, _("Burst of denied attempts")),
    (checks.CheckRule.ENTITLED_UNUSED, _("Entitled and not used in the period")),
    (checks.CheckRule.USED_NOT_ENTITLED, _("Used and not entitled in any reading")),
    (checks.CheckRule.LOG_GAP, _("Gap in the log")),
    (checks.CheckRule.OUTSIDE_CHANGE_WINDOW, _("Submitted outside the change window")),
    (verdicts.StageVerdict.EVIDENCE_FOUND, _("Evidence found")),
    (verdicts.StageVerdict.NO_EVIDENCE_AT_POWER, _("No evidence at stated power")),
    (verdicts.StageVerdict.INCONCLUSIVE, _("Inconclusive")),
    (verdicts.StageVerdict.NOT_APPLICABLE, _("Not applicable")),
    (verdicts.StageVerdict.FAILED, _("Failed")),
    (verdicts.FileScanVerdict.FINDING, _("Finding")),
    (verdicts.FileScanVerdict.NOTHING_FOUND, _("Nothing found")),
    (verdicts.FileScanVerdict.NOTHING_SCANNED, _("Nothing scanned")),
    (verdicts.FileScanVerdict.SKIPPED, _("Skipped")),
    (verdicts.FileScanVerdict.FAILED, _("Failed")),
    (verdicts.CoverageState.FINDING, _("Finding")),
    (verdicts.CoverageState.COVERED, _("Covered (at stated power)")),
    (verdicts.CoverageState.NOT_COVERED, _("Not covered")),
    (verdicts.CoverageState.FAILED, _("Failed")),
    (verdicts.CoverageState.STALE, _("Stale")),
    (verdicts.Conclusion.SATISFIED, _("Satisfied")),
    (verdicts.Conclusion.NOT_SATISFIED, _("Not satisfied")),
)
# Members of different enumerations are equal as text ("open"), so a label belongs to its enumeration and value.
_LABELS = {(type(member), member.value): words for member, words in _LABELLED}


def label(member: StrEnum) -> _StrPromise:
    """The words for a member."""
    return _LABELS[type(member), member.value]


def choices(kind: type[StrEnum]) -> list[tuple[str, _StrPromise]]:
    """Django choices of an enumeration; every member must have a label."""
    return [(member.value, label(member)) for member in kind]


def longest(kind: type[StrEnum]) -> int:
    """Column width that holds every member, with room to grow."""
    return max(32, *(len(member.value) for member in kind))
