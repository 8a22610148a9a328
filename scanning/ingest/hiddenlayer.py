"""HiddenLayer's scan report (`/scan/v3/results/{scan_id}`, seen: hiddenlayer-sdk 3.10.0, ScanReport).

The report names each file with its digest, its state and its detections. Techniques are those that a detection names, beside
what the scan of files speaks to; the vendor names the technique AML.T0018 as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from compliance.types.drafts import AssetRef, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.base import CERTAIN, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.records import Record, list_of, object_of, text_of
from scanning.ingest.report_reading import Report, decoded, document_bytes, document_text, report_drafts
from scanning.ingest.report_scope import report_scope, sha256_of, utc

PRODUCER = "hiddenlayer"
SPEAKS_TO = ("AML.T0018.002",)
LIMITS = (
    "The report lists detections of HiddenLayer's rules in files; which rules ran is not stated.",
    "A file of an unknown kind is counted and may not have been looked into.",
)
_OWN = (b'"file_results"', b'"requested_scan_location"', b'"files_with_detections_count"')
_ATLAS = re.compile(r"AML\.T\d{4}(\.\d{3})?")
_SEVERITIES = {severity.value: severity for severity in Severity}
_DETAILS = ("detection_id", "category", "risk", "likelihood", "impact", "cwe")
# States of a file beside "done", with what they leave unsaid.
_NOT_DONE = {
    "skipped": (FileScanVerdict.SKIPPED, "was skipped"),
    "pending": (FileScanVerdict.NOTHING_SCANNED, "had not been scanned yet"),
    "running": (FileScanVerdict.FAILED, "was still being scanned"),
    "failed": (FileScanVerdict.FAILED, "could not be scanned"),
    "canceled": (FileScanVerdict.FAILED, "was given up"),
}


class _Reading:
    """One report on its way to observations."""

    def __init__(self, whole: Record, context: ParseContext) -> None:
        self.whole, self.name = whole, context.file_name
        self.inventory, self.summary = object_of(whole.get("inventory")), object_of(whole.get("summary"))
        self.files = list_of(whole.get("file_results"))
        self.report = Report(
            producer=PRODUCER, version=text_of(whole.get("version")), techniques=SPEAKS_TO, limits=LIMITS
        )
        self.shared = {
            "scan_id": text_of(whole.get("scan_id")),
            "model": {
                name: text_of(self.inventory.get(name))
                for name in ("model_id", "model_name", "model_version", "model_version_id", "requested_scan_location")
            },
        }

    def drafts(self) -> Iterator[Draft]:
        for index, value in enumerate(self.files):
            result = object_of(value)
            if text_of(result.get("file_location")):
                yield from self.of_file(result, f"/file_results/{index}")
            else:
                where = f"/file_results/{index}"
                yield Reject(locator=where, reason=f"{self.name}, {where}: it names no file.")
        yield from self.contradictions()
        yield from self.of_scan()

    def contradictions(self) -> Iterator[Reject]:
        detections = sum(len(list_of(object_of(result).get("detections"))) for result in self.files)
        stated = self.summary.get("detection_count", self.whole.get("detection_count"))
        if isinstance(stated, int) and stated != detections:
            told = f"detection_count says {stated} and {detections} are listed"
            yield Reject(locator="/detection_count", reason=f"{self.name}: {told}; the report was cut or edited.")

    def asset(self, result: Record) -> AssetRef:
        digest = sha256_of(object_of(result.get("details")).get("sha256"))
        return AssetRef(kind="model_file", name=text_of(result.get("file_location")), digest=digest)

    def of_file(self, result: Record, pointer: str) -> Iterator[Draft]:
        detections = list_of(result.get("detections"))
        for index, value in enumerate(detections):
            detection, where = object_of(value), f"{pointer}/detections/{index}"
            if text_of(detection.get("rule_id")):
                yield self.detection(detection, result, where)
            else:
                yield Reject(locator=where, reason=f"{self.name}, {where}: it names no rule.")
        state = text_of(result.get("status"))
        if state != "done":
            yield self.not_done(result, state, pointer)
        elif not detections:
            yield self.file(
                result, pointer, "scanned", FileScanVerdict.NOTHING_FOUND, "was scanned without a detection"
            )

    def detection(self, detection: Record, result: Record, pointer: str) -> Draft:
        named = [text_of(object_of(one).get("technique")) for one in list_of(detection.get("mitre_atlas"))]
        native = text_of(detection.get("severity"))
        category, rule = text_of(detection.get("category")), text_of(detection.get("rule_id"))
        return self.report.observation(
            rule=rule,
            title=category or rule,
            description=text_of(detection.get("description")) or "HiddenLayer gives no description.",
            asset=self.asset(result),
            verdict=FileScanVerdict.FINDING,
            observed_at=utc(result.get("end_time")),
            severity=_SEVERITIES.get(native),
            native_severity=native,
            techniques=tuple(dict.fromkeys([*filter(_ATLAS.fullmatch, named), *SPEAKS_TO])),
            locator=pointer,
            raw=detection,
            facts={
                **self.shared,
                **{name: text_of(detection.get(name)) for name in _DETAILS},
                "cve": list(map(text_of, list_of(detection.get("cve")))),
                "owasp": list(map(text_of, list_of(detection.get("owasp")))),
                "atlas_named_by_the_source": named,
            },
        )

    def not_done(self, result: Record, state: str, pointer: str) -> Draft:
        unknown = (FileScanVerdict.FAILED, f"is in a state that is not known ({state or 'none is stated'})")
        verdict, told = _NOT_DONE.get(state, unknown)
        errors = "; ".join(map(text_of, list_of(result.get("file_error"))))
        return self.file(result, pointer, "not_scanned", verdict, f"{told}{f' ({errors})' if errors else ''}")

    def file(self, result: Record, pointer: str, rule: str, verdict: FileScanVerdict, told: str) -> Draft:
        asset = self.asset(result)
        return self.report.observation(
            rule=rule,
            title=f"HiddenLayer: the file {told.partition(' (')[0]}",
            description=f"{asset.name} {told}.",
            asset=asset,
            verdict=verdict,
            observed_at=utc(result.get("end_time")),
            locator=pointer,
            raw=result,
            facts={
                **self.shared,
                "file_type": text_of(object_of(result.get("details")).get("file_type")),
                "advisories": len(list_of(result.get("advisories"))),
            },
        )

    def of_scan(self) -> Iterator[Draft]:
        """What the scan as a whole says where no file tells it."""
        state, location = text_of(self.whole.get("status")), text_of(self.inventory.get("requested_scan_location"))
        if self.files:
            return
        done = state == "done"
        yield self.report.observation(
            rule="scan",
            title="HiddenLayer names no file that it scanned",
            description=f"The scan of {location or 'a place that is not stated'} is {state or 'in no stated state'}.",
            asset=AssetRef(kind="model", name=location or text_of(self.inventory.get("model_id")) or self.name),
            verdict=FileScanVerdict.NOTHING_SCANNED if done else FileScanVerdict.FAILED,
            observed_at=utc(self.whole.get("end_time")),
            locator="/status",
            raw={"scan_id": self.whole.get("scan_id"), "status": state},
            facts=self.shared,
        )

    def scope(self) -> dict[str, Any]:
        states = {text_of(object_of(result).get("status")) for result in self.files}
        gaps = {
            "The scan is not done.": text_of(self.whole.get("status")) != "done",
            "Files were not scanned to their end.": bool(states - {"done"}),
            "Files failed to scan.": self.summary.get("files_failed_to_scan") not in (None, 0),
            "Files are of an unknown kind.": self.summary.get("unknown_files") not in (None, 0),
            "Its totals contradict what it lists.": any(True for _ in self.contradictions()),
        }
        return report_scope(
            tool=PRODUCER,
            tool_version=self.report.version,
            assets=(self.asset(result) for result in map(object_of, self.files) if result.get("file_location")),
            gaps=(gap for gap, holds in gaps.items() if holds),
            made_at=self.whole.get("start_time"),
            more={
                **self.shared,
                "rule_sets": list_of(object_of(self.whole.get("compliance")).get("rule_set_ids")),
                "speaks_to": list(SPEAKS_TO),
            },
        )


class HiddenLayer:
    """The parser. Stateless: one instance serves all."""

    name = PRODUCER
    label = "HiddenLayer scan report (JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by members that only this report has together."""
        own = b'"scan_id"' in head and any(mark in head for mark in _OWN)
        return CERTAIN if own else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An observation for each detection, and for each file without one. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        name = context.file_name
        text = document_text(document_bytes(stream, context), name)
        whole = decoded(text, name, again="fetch the results of the scan again")
        if not isinstance(whole, dict) or "scan_id" not in whole or not isinstance(whole.get("inventory"), dict):
            raise BadInputError(
                f"{name} is JSON but no HiddenLayer scan report: it has no `scan_id` or no `inventory`."
            )
        reading = _Reading(whole, context)
        summary = yield from report_drafts(reading.drafts(), producer=PRODUCER, file_name=name, scope=reading.scope())
        return summary


PARSER = HiddenLayer()
