"""All checks, in the order in which they are shown, with their words; and observations out of what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from compliance.types.canonical import digest_of
from compliance.types.checks import PRODUCER, CheckRule
from compliance.types.drafts import JSON, AssetRef, ObservationDraft
from compliance.types.states import Method, Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from scanning.checks import activity, approvals, entitlements, materials, submitters
from scanning.checks.base import Case, Facts, Outcomes, RuleWords

VERSION = "1"
LISTED = 1000
Check = Callable[[Facts], Outcomes]

CHECKS: Mapping[CheckRule, tuple[Check, RuleWords]] = {
    CheckRule.SUBMITTER_NOT_APPROVED: (
        submitters.submitter_not_approved,
        RuleWords(
            title="Submitter not on the approved list",
            looks_at="who submitted jobs, against the approved submitters that the answer to question 2 names",
            severity=Severity.HIGH,
        ),
    ),
    CheckRule.SUBMITTER_CANNOT_BE_TOLD: (
        submitters.submitter_cannot_be_told,
        RuleWords(
            title="Submitter cannot be told",
            looks_at="whether a person stands behind each submission, or a shared session name, a key or nobody",
            severity=Severity.MEDIUM,
        ),
    ),
    CheckRule.APPROVED_OWN_JOB: (
        submitters.approved_own_job,
        RuleWords(
            title="Submitter approved the own job",
            looks_at="who submitted a job, against who approved it",
            severity=Severity.HIGH,
        ),
    ),
    CheckRule.JOB_WITHOUT_APPROVAL: (
        approvals.job_without_approval,
        RuleWords(
            title="Job without approval",
            looks_at="jobs, against the approvals in logs and those that people recorded",
            severity=Severity.HIGH,
        ),
    ),
    CheckRule.APPROVAL_AFTER_START: (
        approvals.approval_after_start,
        RuleWords(
            title="Approved after the start",
            looks_at="when a job was submitted, against its first approval",
            severity=Severity.MEDIUM,
        ),
    ),
    CheckRule.APPROVAL_WITHOUT_DIGESTS: (
        approvals.approval_without_digests,
        RuleWords(
            title="Approval does not name data and base model by digest",
            looks_at="the digests that an approval names, against the versions that the job is bound to",
            severity=Severity.MEDIUM,
        ),
    ),
    CheckRule.DATASET_NOT_VERIFIED: (
        materials.dataset_not_verified,
        RuleWords(
            title="Data set never verified before the job",
            looks_at="data sets of jobs, against recorded comparisons with their manifests",
            severity=Severity.HIGH,
        ),
    ),
    CheckRule.DATASET_CHANGED: (
        materials.dataset_changed,
        RuleWords(
            title="Data set changed since its manifest",
            looks_at="data sets of jobs, against their manifests and the digests in the log",
            severity=Severity.HIGH,
        ),
    ),
    CheckRule.BASE_UNKNOWN: (
        materials.base_unknown,
        RuleWords(
            title="Base model unknown",
            looks_at="base models that jobs name, against the registered model versions",
            severity=Severity.MEDIUM,
        ),
    ),
    CheckRule.BASE_NOT_SCANNED: (
        materials.base_not_scanned,
        RuleWords(
            title="Inherited base model not scanned",
            looks_at="base models made elsewhere, against scans that reached a verdict before the job",
            severity=Severity.HIGH,
        ),
    ),
    CheckRule.BASE_CHANGED: (
        materials.base_changed,
        RuleWords(
            title="Base model changed since its scan",
            looks_at="digests of base models in the log, against the version that was registered and scanned",
            severity=Severity.HIGH,
        ),
    ),
    CheckRule.OUTPUT_NOT_SIGNED: (
        materials.output_not_signed,
        RuleWords(
            title="Output model without signature",
            looks_at="models that came out of jobs, against signatures that were checked",
            severity=Severity.MEDIUM,
        ),
    ),
    CheckRule.DENIED_BURST: (
        activity.denied_burst,
        RuleWords(
            title="Burst of denied attempts",
            looks_at="refused attempts of one principal or address within ten minutes",
            severity=Severity.MEDIUM,
        ),
    ),
    CheckRule.ENTITLED_UNUSED: (
        entitlements.entitled_unused,
        RuleWords(
            title="Entitled and not used in the period",
            looks_at="who can submit by the latest reading of the period, against who did",
            severity=Severity.LOW,
        ),
    ),
    CheckRule.USED_NOT_ENTITLED: (
        entitlements.used_not_entitled,
        RuleWords(
            title="Used and not entitled in any reading",
            looks_at="who submitted, against everybody in any reading of entitlement documents",
            severity=Severity.HIGH,
        ),
    ),
    CheckRule.LOG_GAP: (
        activity.log_gap,
        RuleWords(
            title="Gap in the log",
            looks_at="the times of the events of each source, against the longest silence that was stated",
            severity=Severity.MEDIUM,
        ),
    ),
    CheckRule.OUTSIDE_CHANGE_WINDOW: (
        activity.outside_change_window,
        RuleWords(
            title="Submitted outside the change window",
            looks_at="when jobs were submitted, against the stated days and hours",
            severity=Severity.LOW,
        ),
    ),
}


def evaluate(facts: Facts) -> tuple[Outcomes, ...]:
    """What every check found."""
    return tuple(check(facts) for check, _words in CHECKS.values())


def count(cases: tuple[Case, ...]) -> int:
    """How many members of the population the cases are about: one job may be a case for each of its inputs."""
    return len({case.member or (case.event.uuid if case.event else case.key) for case in cases})


def verdict_of(found: Outcomes) -> FileScanVerdict | StageVerdict:
    """An exception outranks all; what lacks its input, or cannot be told of all, is never a pass."""
    if found.exceptions:
        return FileScanVerdict.FINDING
    if found.none_left:
        return FileScanVerdict.NOTHING_FOUND
    if found.not_stated or (not found.population and not found.lacks):
        return StageVerdict.NOT_APPLICABLE
    if found.lacks or found.undecided:
        return StageVerdict.INCONCLUSIVE
    return FileScanVerdict.NOTHING_FOUND


def sentence_of(found: Outcomes) -> str:
    """What a check found, with what it could not tell."""
    if found.lacks or found.not_stated:
        return f"Not checked. {found.lacks or found.not_stated}"
    if found.none_left:
        return f"Exceptions: none. {found.none_left}"
    if not found.population:
        return f"Nothing to look at: the period holds no {found.unit}."
    told = f"Exceptions: {count(found.exceptions)} of {found.population} {found.unit}."
    undecided = count(found.undecided)
    return f"{told} Nothing can be said of {undecided}." if undecided else told


def result_of(found: Outcomes) -> JSON:
    """What a check found, as a run keeps it."""
    return {
        "rule": found.rule.value,
        "verdict": verdict_of(found).value,
        "unit": found.unit,
        "population": found.population,
        "exceptions": count(found.exceptions),
        "undecided": count(found.undecided),
        "statement": sentence_of(found),
    }


def drafts_of(found: Outcomes, *, system: str, facts: Facts) -> Iterator[ObservationDraft]:
    """One observation for the whole check, and one for each exception, the first LISTED of them, that is a part of it."""
    words = CHECKS[found.rule][1]
    period = {"from": facts.start.isoformat(), "to": facts.end.isoformat()}
    asset = AssetRef(kind="ai_system", name=system)
    whole = digest_of([found.rule.value, VERSION, period])
    verdict = verdict_of(found)
    yield ObservationDraft(
        producer=PRODUCER,
        producer_version=VERSION,
        rule=found.rule.value,
        title=words.title,
        description=" ".join([sentence_of(found), f"It looks at {words.looks_at}.", *_first(found.exceptions)]),
        method=Method.TEST,
        asset=asset,
        fingerprint=whole,
        verdict=verdict,
        observed_at=None,
        severity=words.severity if verdict is FileScanVerdict.FINDING else None,
        facts=result_of(found) | found.facts | {"period": period, "listed": min(len(found.exceptions), LISTED)},
    )
    for case in found.exceptions[:LISTED]:
        yield _part(case, found.rule, whole=whole)


def _first(cases: tuple[Case, ...]) -> list[str]:
    return [case.sentence for case in cases[:3]]


def _part(case: Case, rule: CheckRule, *, whole: str) -> ObservationDraft:
    words = CHECKS[rule][1]
    event = case.event
    return ObservationDraft(
        producer=PRODUCER,
        producer_version=VERSION,
        rule=rule.value,
        title=words.title,
        description=case.sentence,
        method=Method.TEST,
        asset=AssetRef(kind="job_event", name=case.subject, digest=event.raw_sha256)
        if event
        else AssetRef(kind="check_subject", name=case.subject),
        fingerprint=digest_of([rule.value, VERSION, case.key, whole]),
        verdict=FileScanVerdict.FINDING,
        observed_at=case.at,
        severity=words.severity,
        facts=case.facts | {"part_of": whole} | ({"event": event.uuid} if event else {}),
        raw_sha256=event.raw_sha256 if event else "",
    )
