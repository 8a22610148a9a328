"""Findings in the AWS Security Finding Format (2018-10-08), as Security Hub gives them and Prowler writes them (json-asff).

A finding is known by `ProductArn` and `Id`; of several records the one with the newest `UpdatedAt` is taken.
`Compliance.Status` says how a check ended; a finding without it is something that was detected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from compliance.types.drafts import AssetRef, ObservationDraft
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.finding_records import FindingScope, read_findings, waiver_facts, without_secrets
from scanning.ingest.records import Fields, Record, RejectedError, list_of, moment, object_of, raw_digest, text_of
from scanning.ingest.report_reading import Report

NAME = "asff"
SCHEMA = "2018-10-08"
GAPS = ("An export of findings does not say what was looked at without a finding.",)
_SEVERITIES = {
    "CRITICAL": Severity.CRITICAL,
    "HIGH": Severity.HIGH,
    "MEDIUM": Severity.MEDIUM,
    "LOW": Severity.LOW,
    "INFORMATIONAL": Severity.INFORMATIONAL,
}
# Security Hub's own reading of `Severity.Normalized`: the least number of each level.
_NORMALIZED = ((90, "CRITICAL"), (70, "HIGH"), (40, "MEDIUM"), (1, "LOW"), (0, "INFORMATIONAL"))
_VERDICTS: dict[str, FileScanVerdict | StageVerdict] = {
    "PASSED": FileScanVerdict.NOTHING_FOUND,
    "FAILED": FileScanVerdict.FINDING,
    "WARNING": StageVerdict.INCONCLUSIVE,
    "NOT_AVAILABLE": FileScanVerdict.SKIPPED,
}
_LIMITS = {
    "PASSED": "The tool's own check passed; what the check looks at is the tool's choice.",
    "WARNING": "The check gave no result.",
    "NOT_AVAILABLE": "The check could not be made.",
    "ARCHIVED": "The source has archived the finding: its resource is gone, or nobody reports it any more.",
}


def _severity(record: Record) -> tuple[str, str]:
    """The source's word and the level it stands for; "" where it gives neither label nor number."""
    severity = object_of(record.get("Severity"))
    label, number = text_of(severity.get("Label")).upper(), severity.get("Normalized")
    if not label and isinstance(number, (int, float)) and not isinstance(number, bool):
        return text_of(number), next((word for least, word in _NORMALIZED if number >= least), "")
    return text_of(severity.get("Label")) or text_of(severity.get("Original")), label


def _producer(fields: Fields) -> str:
    """The product by name, else by the end of its ARN (`…:product/prowler/prowler`)."""
    arn = fields.text("producer", "/ProductArn")
    return (
        fields.text("producer", "/ProductFields/ProviderName", "/ProductName") or arn.partition(":product/")[2]
    ).lower()


def _outcome(record: Record) -> str:
    """PASSED, FAILED, WARNING, NOT_AVAILABLE; ARCHIVED for what is not active; FAILED for what a product detected."""
    if text_of(record.get("RecordState")).upper() == "ARCHIVED":
        return "ARCHIVED"
    status = text_of(object_of(record.get("Compliance")).get("Status")).upper()
    if status and status not in _VERDICTS:
        raise RejectedError(f"its Compliance.Status {status[:40]!r} is not of the format")
    return status or "FAILED"


def _waivers(record: Record) -> dict[str, Any]:
    """A finding that somebody suppressed in Security Hub stays a finding, and says so."""
    if text_of(object_of(record.get("Workflow")).get("Status")).upper() != "SUPPRESSED":
        return {}
    return waiver_facts(text_of(object_of(record.get("Note")).get("Text")))


def _facts(fields: Fields, record: Record, outcome: str) -> dict[str, Any]:
    compliance = object_of(record.get("Compliance"))
    named = {
        "uid": fields.text("uid", "/Id"),
        "product": fields.text("product", "/ProductArn"),
        "outcome": outcome,
        "status": fields.text("status", "/Workflow/Status"),
        "account": fields.text("account", "/AwsAccountId"),
        "region": fields.text("region", "/Region", "/Resources/0/Region"),
        "resource_type": fields.text("resource_type", "/Resources/0/Type"),
        "remediation": fields.text("remediation", "/Remediation/Recommendation/Text"),
        "requirements": list_of(compliance.get("RelatedRequirements")),
        "standards": [
            text_of(object_of(entry).get("StandardsId")) for entry in list_of(compliance.get("AssociatedStandards"))
        ],
        "first_observed_at": text_of(record.get("FirstObservedAt")),
        **_waivers(record),
    }
    return {name: value for name, value in named.items() if value}


def _assets(record: Record) -> list[tuple[AssetRef, str]]:
    found = [
        (AssetRef(kind="cloud_resource", name=text_of(object_of(resource).get("Id"))), f"/Resources/{index}/Id")
        for index, resource in enumerate(list_of(record.get("Resources")))
    ]
    return [(asset, origin) for asset, origin in found if asset.name]


def _observations(record: Record, locator: str) -> Iterator[ObservationDraft]:
    if text_of(record.get("SchemaVersion")) != SCHEMA:
        raise RejectedError(f"its SchemaVersion is not {SCHEMA}")
    raw_sha256, fields, assets = raw_digest(record), Fields(record), _assets(record)
    rule = fields.text("rule", "/Compliance/SecurityControlId", "/GeneratorId")
    missing = [name for name in ("Id", "ProductArn", "Title") if not text_of(record.get(name))]
    missing += [] if rule else ["GeneratorId"]
    missing += [] if assets else ["Resources"]
    if missing:
        raise RejectedError(f"it lacks {', '.join(missing)}")
    outcome, observed_at = _outcome(record), moment(record.get("UpdatedAt"), "UpdatedAt")
    limits = (_LIMITS[outcome],) if outcome in _LIMITS else ()
    report = Report(
        producer=_producer(fields) or NAME,
        version=fields.text("producer_version", "/ProductFields/ProviderVersion"),
        techniques=(),
        limits=limits,
    )
    facts = _facts(fields, record, outcome)
    facts["unknown_fields"] = [] if report.version else ["producer_version"]
    description, shown = without_secrets(text_of(record.get("Description")), facts)
    native, level = _severity(record)
    for asset, origin in assets:
        several = [asset.name] if len(assets) > 1 else []
        yield report.observation(
            rule=rule,
            title=text_of(record.get("Title")),
            description=description or "The source gives no description.",
            asset=asset,
            verdict=_VERDICTS.get(outcome, StageVerdict.INCONCLUSIVE),
            locator=locator,
            raw=record,
            raw_sha256=raw_sha256,
            key=[text_of(record.get("ProductArn")), text_of(record.get("Id")), *several],
            observed_at=observed_at,
            severity=_SEVERITIES.get(level) if outcome == "FAILED" else None,
            native_severity=native,
            facts=shown,
            origins=fields.origins | {"observed_at": "/UpdatedAt", "asset": origin},
        )


class Asff:
    """The parser. Stateless: one instance serves all."""

    name = NAME
    label = "AWS Security Hub findings (ASFF)"

    def identify(self, head: bytes, file_name: str) -> int:
        """By the schema version that every finding carries."""
        return CERTAIN if b'"SchemaVersion"' in head and b'"2018-10-08"' in head and b'"ProductArn"' in head else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An observation for each finding and resource. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        return read_findings(
            stream,
            context,
            source=NAME,
            kind="Security Hub finding",
            array_keys=("Findings",),
            first_keys=("SchemaVersion", "Id", "ProductArn", "AwsAccountId"),
            scope=FindingScope(gaps=GAPS),
            read_record=_observations,
        )


PARSER = Asff()
