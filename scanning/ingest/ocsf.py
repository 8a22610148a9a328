"""Findings in the Open Cybersecurity Schema Framework: Vulnerability (2002), Compliance (2003) and Detection Finding (2004).

Seen: Prowler 5.46 json-ocsf (schema 1.5.0; a JSON array; each check result is a Detection Finding, passed or failed) and its
older example (1.4.0). OCSF means milliseconds by `time`; Prowler writes seconds, so the magnitude decides. Members that are
not named here are let pass: the schema grows, and producers add to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from compliance.types.drafts import AssetRef, ObservationDraft
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from scanning.ingest.base import CERTAIN, LIKELY, NO, Drafts, ParseContext, Parsing
from scanning.ingest.finding_records import FindingScope, read_findings, waiver_facts, without_secrets
from scanning.ingest.records import Fields, Record, RejectedError, list_of, moment, object_of, raw_digest, text_of
from scanning.ingest.report_reading import Report
from scanning.ingest.report_scope import NOT_RECORDED, sha256_of

NAME = "ocsf"
CLASSES = {2002: "Vulnerability Finding", 2003: "Compliance Finding", 2004: "Detection Finding"}
GAPS = ("An export of findings does not say what was looked at without a finding.",)
# A detection in weights or graph is evidence of a backdoor; whatever else is found is a finding.
_OF_THE_MODEL = frozenset({"AML.T0018", "AML.T0018.000", "AML.T0018.001"})
_SUPPRESSED = 3
_SETTLED = (4, 5, 6)  # resolved, archived, deleted
_SEVERITIES = {
    1: Severity.INFORMATIONAL,
    2: Severity.LOW,
    3: Severity.MEDIUM,
    4: Severity.HIGH,
    5: Severity.CRITICAL,
    6: Severity.CRITICAL,
}
_OUTCOMES = {
    "PASS": "passed",
    "PASSED": "passed",
    "FAIL": "failed",
    "FAILED": "failed",
    "MANUAL": "manual",
    "WARNING": "undecided",
}
_COMPLIANCE = {1: "passed", 2: "undecided", 3: "failed"}
_SHA256_ALGORITHM = 3
_CLASS = re.compile(rb'"class_uid"\s*:\s*(\d+)')

Verdict = FileScanVerdict | StageVerdict


def _number(value: object) -> int:
    """A whole number of an enumeration; -1, which none has, for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


@dataclass(frozen=True, slots=True)
class _Judged:
    """What a record says of its resource: an outcome in one word, and the place that says so."""

    outcome: str
    origin: str


class _Finding:
    """One record, read field by field."""

    def __init__(self, record: Record, locator: str) -> None:
        self.record, self.locator = record, locator
        self.fields = Fields(record)
        self.class_uid = _number(record.get("class_uid"))
        if self.class_uid not in CLASSES:
            known = ", ".join(f"{uid} {name}" for uid, name in CLASSES.items())
            stated = text_of(record.get("class_uid"))[:20] or "missing"
            raise RejectedError(f"its class_uid is {stated}, which is no class of findings that is read ({known})")
        self.raw_sha256 = raw_digest(record)
        self.uid = self.fields.text("uid", "/finding_info/uid", "/finding/uid")
        self.rule = self.fields.text(
            "rule",
            "/metadata/event_code",
            "/finding_info/analytic/uid",
            "/compliance/control",
            "/vulnerabilities/0/cve/uid",
            "/finding_info/types/0",
            "/finding_info/title",
            "/finding/title",
        )
        self.title = self.fields.text("title", "/finding_info/title", "/finding/title", "/message") or self.rule
        if not self.rule or not self.title:
            raise RejectedError("it names neither a rule nor a title")

    def judged(self) -> _Judged:
        """An explicit outcome of a check comes first; a record without one reports what was detected."""
        if self.class_uid == 2003:
            status = _number(self.fields.peek("/compliance/status_id"))
            if status in _COMPLIANCE:
                return _Judged(_COMPLIANCE[status], "/compliance/status_id")
        for origin in ("/compliance/status", "/compliance/status_code", "/status_code"):
            word = text_of(self.fields.peek(origin)).upper()
            if word in _OUTCOMES:
                return _Judged(_OUTCOMES[word], origin)
        if self.class_uid == 2003:
            return _Judged("undecided", "")
        if _number(self.record.get("status_id")) in _SETTLED:
            return _Judged("settled", "/status_id")
        return _Judged("failed", "/class_uid")

    def techniques(self) -> tuple[str, ...]:
        """Ids of MITRE ATLAS; those of ATT&CK stay among the facts."""
        return tuple(uid for uid in self.attacks() if uid.startswith("AML.T"))

    def attacks(self) -> list[str]:
        """Ids of techniques, the narrower one where both are named."""
        found = []
        for attack in list_of(object_of(self.record.get("finding_info")).get("attacks")):
            named = object_of(attack)
            narrow = text_of(object_of(named.get("sub_technique")).get("uid"))
            found.append(narrow or text_of(object_of(named.get("technique")).get("uid")))
        return list(dict.fromkeys(uid for uid in found if uid))

    def observed_at(self) -> datetime | None:
        """The record's own time; a naive one beside it is never used. Raises RejectedError for a wrong clock."""
        for origin in ("/time", "/finding_info/created_time"):
            value = self.fields.peek(origin)
            if value is not None:
                self.fields.origins["observed_at"] = origin
                return moment(value, origin[1:])
        return None

    def assets(self) -> list[tuple[AssetRef, str]]:
        """Each resource with its place; a finding without any is about something that the source does not name."""
        is_cloud = bool(self.record.get("cloud"))
        resources = list_of(self.record.get("resources")) or [self.record.get("resource")]
        digest = self._digest() if len(resources) == 1 else None
        kind = "cloud_resource" if is_cloud else "model_file" if digest else "resource"
        found = []
        for index, resource in enumerate(resources):
            name = text_of(object_of(resource).get("uid")) or text_of(object_of(resource).get("name"))
            if name:
                found.append((AssetRef(kind=kind, name=name, digest=digest), f"/resources/{index}"))
        account = text_of(self.fields.peek("/cloud/account/uid"))
        if not found and account:
            return [(AssetRef(kind=kind, name=account), "/cloud/account/uid")]
        unnamed = AssetRef(kind=kind, name=f"{NOT_RECORDED} ({self.uid or self.raw_sha256[:12]})", digest=digest)
        return found or [(unnamed, "")]

    def _digest(self) -> str | None:
        """SHA-256 of the one file that stands as evidence."""
        found = {
            sha256_of(object_of(entry).get("value"))
            for evidence in list_of(self.record.get("evidences"))
            for entry in list_of(object_of(object_of(evidence).get("file")).get("hashes"))
            if object_of(entry).get("algorithm_id") == _SHA256_ALGORITHM
        }
        return found.pop() if len(found) == 1 else None

    def waivers(self) -> dict[str, Any]:
        """A finding that somebody switched off in the scanner stays a finding, and says so."""
        if _number(self.record.get("status_id")) != _SUPPRESSED:
            return {}
        return waiver_facts(text_of(self.record.get("comment")))


def _verdict(judged: _Judged, techniques: tuple[str, ...]) -> Verdict:
    of_the_model = bool(_OF_THE_MODEL & set(techniques))
    if judged.outcome == "failed":
        return StageVerdict.EVIDENCE_FOUND if of_the_model else FileScanVerdict.FINDING
    if judged.outcome == "passed":
        # A test of weights that found nothing says nothing without its power, which OCSF has no place for.
        return StageVerdict.INCONCLUSIVE if of_the_model else FileScanVerdict.NOTHING_FOUND
    return FileScanVerdict.SKIPPED if judged.outcome == "manual" else StageVerdict.INCONCLUSIVE


def _limits(judged: _Judged) -> tuple[str, ...]:
    told = {
        "manual": "The tool cannot check this by itself; a person has to.",
        "undecided": "The check gave no result.",
        "settled": "The source calls it settled and states no test that shows it.",
        "passed": "The tool's own check passed; what the check looks at is the tool's choice.",
    }
    return tuple(text for outcome, text in told.items() if outcome == judged.outcome)


def _facts(finding: _Finding, judged: _Judged) -> dict[str, Any]:
    fields, record = finding.fields, finding.record
    unmapped = object_of(record.get("unmapped"))
    named = {
        "uid": finding.uid,
        "ocsf_class": CLASSES[finding.class_uid],
        "ocsf_version": fields.text("ocsf_version", "/metadata/version"),
        "outcome": judged.outcome,
        "status": fields.text("status", "/status"),
        "status_code": fields.text("status_code", "/status_code", "/compliance/status_code"),
        "account": fields.text("account", "/cloud/account/uid"),
        "account_name": fields.text("account_name", "/cloud/account/name"),
        "region": fields.text("region", "/cloud/region", "/resources/0/region"),
        "provider": fields.text("provider", "/cloud/provider"),
        "resource_type": fields.text("resource_type", "/resources/0/type"),
        "risk": fields.text("risk", "/risk_details"),
        "remediation": fields.text("remediation", "/remediation/desc"),
        "source_time": text_of(record.get("time")),
        "frameworks": unmapped.get("compliance") if isinstance(unmapped.get("compliance"), dict) else None,
        "standards": object_of(record.get("compliance")).get("standards"),
        "attacks": [uid for uid in finding.attacks() if not uid.startswith("AML.T")],
        "vulnerabilities": [
            text_of(object_of(object_of(entry).get("cve")).get("uid"))
            for entry in list_of(record.get("vulnerabilities"))
        ],
        **finding.waivers(),
    }
    return {name: value for name, value in named.items() if value}


def _unknown(finding: _Finding, facts: dict[str, Any], observed_at: datetime | None) -> list[str]:
    """What such a record should state and this one does not."""
    stated = {
        "uid": finding.uid,
        "observed_at": observed_at,
        "producer_version": text_of(finding.fields.peek("/metadata/product/version")),
        "ocsf_version": facts.get("ocsf_version"),
        "account": facts.get("account") or not finding.record.get("cloud"),
        "asset": any(origin for _, origin in finding.assets()),
    }
    return [name for name, value in stated.items() if not value]


def _observations(record: Record, locator: str) -> Iterator[ObservationDraft]:
    finding = _Finding(record, locator)
    judged, techniques, observed_at = finding.judged(), finding.techniques(), finding.observed_at()
    fields = finding.fields
    report = Report(
        producer=(fields.text("producer", "/metadata/product/uid", "/metadata/product/name") or NAME).lower(),
        version=fields.text("producer_version", "/metadata/product/version"),
        techniques=techniques,
        limits=_limits(judged),
    )
    description = fields.text(
        "description", "/status_detail", "/compliance/status_detail", "/message", "/finding_info/desc"
    )
    facts = _facts(finding, judged)
    facts["unknown_fields"] = _unknown(finding, facts, observed_at)
    severity = fields.text("native_severity", "/severity", "/severity_id")
    is_bad = judged.outcome == "failed"
    assets = finding.assets()
    shown, plain = without_secrets(description, facts)
    for asset, origin in assets:
        yield report.observation(
            rule=finding.rule,
            title=finding.title,
            description=shown or "The source gives no description.",
            asset=asset,
            verdict=_verdict(judged, techniques),
            locator=locator,
            raw=record,
            raw_sha256=finding.raw_sha256,
            key=(finding.uid, finding.rule, asset.name),
            observed_at=observed_at,
            severity=_SEVERITIES.get(_number(record.get("severity_id"))) if is_bad else None,
            native_severity=severity,
            facts=plain,
            origins=fields.origins | {"verdict": judged.origin, "asset": origin},
        )


class Ocsf:
    """The parser. Stateless: one instance serves all."""

    name = NAME
    label = "OCSF findings (Prowler json-ocsf and others)"

    def identify(self, head: bytes, file_name: str) -> int:
        """By the class of the first record; events of other classes are claimed too, so that it can be said why not."""
        found = _CLASS.search(head)
        if found is None or b'"metadata"' not in head:
            return NO
        return CERTAIN if int(found.group(1)[:9]) in CLASSES else LIKELY

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An observation for each finding and resource. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        return read_findings(
            stream,
            context,
            source=NAME,
            kind="OCSF finding",
            array_keys=("Findings",),
            first_keys=("message", "metadata", "activity_id", "activity_name", "category_uid", "class_uid"),
            scope=FindingScope(gaps=GAPS),
            read_record=_observations,
        )


PARSER = Ocsf()
