"""The fixed table of verdicts and states as pages say them: one word, one icon, one tone each, never colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from compliance.types import applicability, completeness, notices, risk_life, risk_priority, sla, states, verdicts

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Badge:
    """`tone` is a suffix of the CSS class `tone-…`: good, bad, warn, fail, note, idle or void (nothing known)."""

    word: Text
    icon: str
    tone: str
    meaning: Text = ""


def unknown_badge(value: str) -> Badge:
    """A value outside the table: shown as it is, and in no colour that could be read as a result."""
    return Badge(value.replace("_", " ") or _("Nothing recorded"), "question-circle", "void")


_STAGE = {
    "evidence_found": Badge(
        _("Evidence found"), "flag-fill", "bad", _("The test showed evidence of a backdoor in this model version.")
    ),
    "no_evidence_at_power": Badge(
        _("No evidence at stated power"),
        "check-circle",
        "good",
        _("The test ran with the stated power and showed no evidence. Other kinds of backdoor were not tested by it."),
    ),
    "inconclusive": Badge(
        _("Inconclusive"), "question-circle", "warn", _("The test ran, and its result supports neither conclusion.")
    ),
    "not_applicable": Badge(
        _("Not applicable"), "dash-circle", "void", _("The test cannot be run on this model. Nothing is concluded.")
    ),
    "failed": Badge(_("Failed"), "x-octagon", "fail", _("The test did not finish. Nothing is concluded.")),
}
_FILE_SCAN = {
    "finding": Badge(
        _("Finding"), "flag-fill", "bad", _("The file holds something that may run code or hide a payload.")
    ),
    "nothing_found": Badge(
        _("Nothing found"), "check-circle", "good", _("The file was read whole, and no rule matched.")
    ),
    "nothing_scanned": Badge(
        _("Nothing scanned"), "slash-circle", "void", _("No rule could read this file. Nothing is concluded.")
    ),
    "skipped": Badge(_("Skipped"), "dash-circle", "void", _("The file was left out. Nothing is concluded.")),
    "failed": Badge(_("Failed"), "x-octagon", "fail", _("The scan did not finish. Nothing is concluded.")),
}
_CHECK = {
    "finding": Badge(_("Exceptions"), "flag-fill", "bad", _("At least one thing looked at is an exception.")),
    "nothing_found": Badge(
        _("No exception"), "check-circle", "good", _("Everything was looked at, without exception.")
    ),
    "inconclusive": Badge(
        _("Cannot be told"), "question-circle", "warn", _("An input is missing, or the source does not say. No pass.")
    ),
    "not_applicable": Badge(
        _("Not applicable"), "dash-circle", "void", _("Nothing to look at, or nothing was stated to hold it against.")
    ),
}
_COVERAGE = {
    "finding": Badge(_("Finding"), "flag-fill", "bad", _("A test of this sub-technique showed evidence.")),
    "covered": Badge(
        _("Covered at stated power"), "check-circle", "good", _("Tested within the period, at the power stated there.")
    ),
    "not_covered": Badge(
        _("Not covered"), "circle", "void", _("Not tested. No evidence is not the absence of a problem.")
    ),
    "failed": Badge(_("Failed"), "x-octagon", "fail", _("Every test of this cell failed. Nothing is concluded.")),
    "stale": Badge(_("Stale"), "clock-history", "warn", _("Tested, but longer ago than the freshness limit allows.")),
}
_CONCLUSION = {
    "satisfied": Badge(_("Satisfied"), "check-circle", "good"),
    "not-satisfied": Badge(_("Not satisfied"), "flag-fill", "bad"),
    "": Badge(_("Nothing concluded"), "circle", "void"),
}
_ANSWER_STATE = {
    "open": Badge(_("Open"), "circle", "void"),
    "draft": Badge(_("Draft"), "pencil", "idle"),
    "submitted": Badge(_("Submitted for review"), "send", "note"),
    "returned": Badge(_("Returned"), "arrow-return-left", "warn"),
    "approved": Badge(_("Approved"), "check2-circle", "good"),
}
_ANSWER = {
    "yes": Badge(_("Yes"), "check2", "good"),
    "partly": Badge(_("Partly"), "circle-half", "warn"),
    "no": Badge(_("No"), "x-lg", "bad"),
    "not_applicable": Badge(_("Not applicable"), "dash-circle", "void"),
    "": Badge(_("Not answered"), "circle", "void"),
}
_JOB = {
    "queued": Badge(_("Queued"), "hourglass-split", "idle"),
    "running": Badge(_("Running"), "arrow-repeat", "note"),
    "succeeded": Badge(_("Finished"), "check2-circle", "good"),
    "failed": Badge(_("Failed"), "x-octagon", "fail"),
    "cancelled": Badge(_("Cancelled"), "slash-circle", "idle"),
}
_RISK = {
    "open": Badge(_("Open"), "exclamation-circle", "bad"),
    "investigating": Badge(_("Investigating"), "search", "note"),
    "remediating": Badge(_("Remediating"), "wrench-adjustable", "note"),
    "deviation-requested": Badge(_("Acceptance requested"), "question-circle", "warn"),
    "deviation-approved": Badge(_("Risk accepted"), "clock-history", "warn"),
    "closed": Badge(_("Closed"), "check2-circle", "good"),
}
_SIGHTING = {
    "new": Badge(_("New"), "flag-fill", "note", _("Its first report.")),
    "unchanged": Badge(_("Unchanged"), "dash-circle", "idle", _("A later report has it as well.")),
    "fixed": Badge(_("Fixed"), "check2-circle", "good", _("It stood, and no longer reproduces.")),
    "reappeared": Badge(_("Reappeared"), "arrow-repeat", "bad", _("It was fixed, and is back.")),
    "": Badge(_("Never stood"), "dash-circle", "void", _("No report found it.")),
}
_AGREEMENT = {
    "requested": Badge(_("Asked for"), "question-circle", "warn"),
    "approved": Badge(_("In force"), "clock-history", "note"),
    "refused": Badge(_("Refused"), "x-lg", "idle"),
    "withdrawn": Badge(_("Withdrawn"), "dash-circle", "void"),
    "revoked": Badge(_("Revoked"), "x-lg", "idle"),
    "expired": Badge(_("Expired"), "hourglass-split", "bad"),
    "replaced": Badge(_("Replaced"), "dash-circle", "void"),
}
_CLOSING = {
    "proposed": Badge(_("Awaits confirmation"), "question-circle", "warn"),
    "confirmed": Badge(_("Confirmed"), "check2-circle", "good"),
    "returned": Badge(_("Returned"), "x-lg", "idle"),
    "lapsed": Badge(_("Fallen away"), "dash-circle", "void", _("The evidence no longer stands.")),
}
_PRIORITY = {
    "p1": Badge(_("P1"), "exclamation-triangle", "bad", _("First of all")),
    "p2": Badge(_("P2"), "exclamation-circle", "warn", _("Soon")),
    "p3": Badge(_("P3"), "info-circle", "note", _("In turn")),
    "p4": Badge(_("P4"), "info-circle", "idle", _("When there is time")),
}
_REMEDIATION = {
    "open": Badge(_("Open"), "circle", "idle"),
    "in_progress": Badge(_("In progress"), "play-circle", "note"),
    "blocked": Badge(_("Blocked"), "x-octagon", "fail"),
    "done": Badge(_("Done, awaiting new evidence"), "check2", "warn"),
    "closed": Badge(_("Closed"), "check2-circle", "good"),
}
_ASSESSMENT = {
    "open": Badge(_("Open"), "pencil", "note"),
    "frozen": Badge(_("Frozen"), "lock", "good"),
}
_EVIDENCE = {
    "received": Badge(_("Received"), "inbox", "idle"),
    "accepted": Badge(_("Accepted"), "check2-circle", "good"),
    "rejected": Badge(_("Rejected"), "x-octagon", "fail"),
    "disposed": Badge(_("Disposed of"), "archive", "void", _("The bytes went by an approved act; the digest stays.")),
}
_MAPPING = {
    "draft": Badge(_("Draft, not counted"), "pencil", "idle"),
    "approved": Badge(_("Approved"), "check2-circle", "good"),
    "rejected": Badge(_("Rejected"), "x-lg", "idle"),
    "retired": Badge(_("Retired, not counted"), "dash-circle", "void"),
}
_APPLIES = {
    "applies": Badge(_("Applies"), "check2", "note"),
    "not-yet": Badge(_("Applies later"), "hourglass-split", "idle", _("It applies from a later day on.")),
    "does-not-apply": Badge(
        _("Does not apply"), "dash-circle", "void", _("By role and class of the system: neither a gap nor counted.")
    ),
    "not-assessed": Badge(
        _("Not assessed"), "question-circle", "warn", _("Role and class of the system are not stated yet.")
    ),
}
_SEVERITY = {
    "critical": Badge(_("Critical"), "exclamation-triangle", "bad"),
    "high": Badge(_("High"), "exclamation-triangle", "bad"),
    "medium": Badge(_("Medium"), "exclamation-circle", "warn"),
    "low": Badge(_("Low"), "info-circle", "idle"),
    "informational": Badge(_("Informational"), "info-circle", "idle"),
}
_OUTCOME = {
    "success": Badge(_("Succeeded"), "check2", "idle"),
    "denied": Badge(_("Denied"), "slash-circle", "note"),
    "failed": Badge(_("Failed"), "x-octagon", "fail"),
    "unknown": Badge(_("Unknown"), "question-circle", "void"),
}
_VERIFICATION = {
    "passed": Badge(_("Passed"), "check-circle", "good"),
    "failed": Badge(_("Failed"), "x-octagon", "bad"),
    "not_checked": Badge(_("Not checked"), "question-circle", "warn"),
}

_COMPLETENESS = {
    "delivers": Badge(_("Delivers logs"), "check-circle", "good"),
    "not_delivering": Badge(_("Delivers no logs"), "x-lg", "bad"),
    "not_assessed": Badge(
        _("Not assessed"), "circle", "void", _("No document on record says it. It counts as neither.")
    ),
    "consistent": Badge(_("Consistent with the keys on record"), "check-circle", "note"),
    "logs_absent": Badge(
        _("Log files not on record"),
        "question-circle",
        "warn",
        _("The digest files fit; log files they list are not here."),
    ),
    "unverified": Badge(_("Not verified"), "question-circle", "warn"),
    "no_digest": Badge(_("No digest file"), "circle", "warn", _("No digest file on record speaks of this time.")),
    "unlisted": Badge(_("Listed by no digest file"), "question-circle", "warn"),
    "broken": Badge(_("Does not fit"), "x-octagon", "bad", _("Something here was changed, or is not what it says.")),
    "not_in_log": Badge(_("In no log"), "flag-fill", "bad", _("The platform lists the job, and no log tells of it.")),
    "not_listed": Badge(_("In the log, not in the list"), "flag-fill", "bad"),
    "vanished": Badge(_("Gone from the list"), "flag-fill", "bad"),
}
_INTEGRITY = {
    "contradicted": Badge(
        _("Keys contradicted"),
        "x-octagon",
        "bad",
        _("An auditor fetched another key than the one that came with the logs."),
    ),
    "inconsistent": Badge(
        _("Does not hold together"),
        "x-octagon",
        "bad",
        _("A file was changed, or is not what the chain of digests says."),
    ),
    "not_verified": Badge(_("Not verified"), "question-circle", "warn", _("Nothing was verified by a key.")),
    "incomplete": Badge(
        _("Consistent, with holes"),
        "exclamation-circle",
        "warn",
        _("What is on record fits; hours or files are missing."),
    ),
    "consistent": Badge(
        _("Consistent, keys not confirmed"),
        "check-circle",
        "note",
        _("Everything fits the keys that came with the files; nobody independent compared them."),
    ),
    "confirmed": Badge(
        _("Consistent, keys confirmed"), "check2-circle", "good", _("And an auditor saw the same keys by another way.")
    ),
}

_SLA = {
    "in_time": Badge(_("In time"), "clock-history", "idle", _("The time limit is not near.")),
    "near": Badge(_("Near its limit"), "hourglass-split", "warn", _("Most of the time limit has passed.")),
    "breached": Badge(_("Over its limit"), "exclamation-triangle", "bad", _("It still stands after its time limit.")),
    "paused": Badge(
        _("Clock stopped"), "dash-circle", "note", _("Its risk is to be accepted, or is accepted: no time counts.")
    ),
    "met": Badge(_("Within its limit"), "check-circle", "good", _("It no longer stood before its time limit.")),
    "missed": Badge(_("Limit missed"), "exclamation-circle", "warn", _("It no longer stands, since after its limit.")),
}
_DELIVERY = {
    "waiting": Badge(_("Waiting"), "hourglass-split", "idle"),
    "delivered": Badge(_("Delivered"), "check-circle", "good"),
    "given_up": Badge(_("Given up"), "x-octagon", "fail", _("Every try failed. It can be sent again.")),
}

BADGES: Mapping[str, Mapping[str, Badge]] = {
    "stage": _STAGE,
    "file": _FILE_SCAN,
    "check": _CHECK,
    "coverage": _COVERAGE,
    "completeness": _COMPLETENESS,
    "integrity": _INTEGRITY,
    "conclusion": _CONCLUSION,
    "finding": _CONCLUSION,
    "answer": _ANSWER_STATE,
    "answer_value": _ANSWER,
    "job": _JOB,
    "risk": _RISK,
    "remediation": _REMEDIATION,
    "assessment": _ASSESSMENT,
    "evidence": _EVIDENCE,
    "mapping": _MAPPING,
    "sighting": _SIGHTING,
    "agreement": _AGREEMENT,
    "closing": _CLOSING,
    "priority": _PRIORITY,
    "applies": _APPLIES,
    "severity": _SEVERITY,
    "outcome": _OUTCOME,
    "verification": _VERIFICATION,
    "sla": _SLA,
    "delivery": _DELIVERY,
}

KIND_OF_ENUM: Mapping[type[object], str] = {
    verdicts.StageVerdict: "stage",
    verdicts.FileScanVerdict: "file",
    verdicts.CoverageState: "coverage",
    verdicts.Conclusion: "conclusion",
    states.AnswerState: "answer",
    states.AnswerValue: "answer_value",
    states.JobState: "job",
    states.RiskState: "risk",
    states.RemediationState: "remediation",
    states.AssessmentState: "assessment",
    states.EvidenceState: "evidence",
    states.MappingState: "mapping",
    risk_life.Sighting: "sighting",
    risk_life.AgreementState: "agreement",
    risk_life.ClosingState: "closing",
    risk_priority.Priority: "priority",
    applicability.Applies: "applies",
    states.Severity: "severity",
    states.Outcome: "outcome",
    sla.SlaState: "sla",
    notices.DeliveryState: "delivery",
    completeness.RowState: "completeness",
    completeness.Integrity: "integrity",
}

KNOWN_ENUMS: tuple[type[Enum], ...] = tuple(kind for kind in KIND_OF_ENUM if issubclass(kind, Enum))
