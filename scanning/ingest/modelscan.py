"""modelscan's JSON report (seen: 0.8.8, `modelscan -p PATH -r json -o FILE --show-skipped`).

No issue means four different things, and each becomes its own verdict: a file was scanned and nothing found; it was skipped;
it could not be read; or nothing in the whole folder was of a kind modelscan reads. modelscan looks for code that runs when a
file is loaded (AML.T0018.002). It says nothing of poisoned weights, changed graphs or prompt templates.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from compliance.types.canonical import digest_of
from compliance.types.drafts import AssetRef, ObservationDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Method, Severity
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.base import CERTAIN, LIKELY, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.report_reading import decoded, document_bytes, document_text, report_drafts
from scanning.ingest.report_scope import report_scope, split_source

PRODUCER = "modelscan"
SPEAKS_TO = ("AML.T0018.002",)
LIMITS = (
    "modelscan compares imports of pickles, and layers of some Keras and TensorFlow files, with a list of unsafe ones.",
    "Code that is not on its list passes.",
    "It does not look at weights, graphs or prompt templates, so it cannot speak to AML.T0018.000, .001 or .003.",
    "The report names files and holds no digest of them.",
)
_SEVERITIES = {
    "CRITICAL": Severity.CRITICAL,
    "HIGH": Severity.HIGH,
    "MEDIUM": Severity.MEDIUM,
    "LOW": Severity.LOW,
}
_CONSOLE = (b"using modelscan.scanners.", b"No settings file detected at", b"Total Issues By Severity:")
_WRAPPED = (
    "{name} is what modelscan prints on the screen, where it breaks lines inside its JSON; run it again with "
    "`-r json -o FILE` and import FILE."
)

Report = Mapping[str, Any]


def _list(holder: object, key: str) -> list[object]:
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []


def _texts(entry: object, names: tuple[str, ...]) -> dict[str, str]:
    found = entry if isinstance(entry, dict) else {}
    return {name: found[name] if isinstance(found.get(name), str) else "" for name in names}


def _load(content: bytes, name: str) -> Report:
    screen = any(mark in content for mark in _CONSOLE)
    try:
        report = decoded(document_text(content, name), name, again="write the report again with `-r json -o FILE`")
    except BadInputError as error:
        raise BadInputError(_WRAPPED.format(name=name)) if screen else error from error
    if not isinstance(report, dict) or not isinstance(report.get("summary"), dict):
        raise BadInputError(f"{name} is JSON but no modelscan report: it has no `summary`.")
    for key in ("issues", "errors"):
        if not isinstance(report.get(key), list):
            raise BadInputError(f"{name} is no whole modelscan report: it has no list `{key}`.")
    return report


class _Reading:
    """One report on its way to observations; equal fingerprints are counted, not repeated."""

    def __init__(self, report: Report, context: ParseContext) -> None:
        self.summary: dict[str, Any] = report["summary"]
        self.report, self.context = report, context
        self.version = _texts(self.summary, ("modelscan_version",))["modelscan_version"]
        self.input_path = _texts(self.summary, ("input_path",))["input_path"] or context.file_name
        self.scanned = [name for name in _list(self.summary.get("scanned"), "scanned_files") if isinstance(name, str)]
        self.skipped_listed = isinstance(self.summary.get("skipped"), dict)

    def asset(self, file: str) -> AssetRef:
        return AssetRef(kind="model_file", name=file, digest=self.context.asset_digests.get(file))

    def draft(
        self,
        *,
        rule: str,
        title: str,
        description: str,
        source: str,
        verdict: FileScanVerdict,
        raw: object,
        native_severity: str = "",
        facts: Mapping[str, Any] | None = None,
    ) -> ObservationDraft:
        file, member = split_source(source)
        asset = self.asset(file)
        return ObservationDraft(
            producer=PRODUCER,
            producer_version=self.version,
            rule=rule,
            title=title,
            description=description,
            method=Method.TEST,
            asset=asset,
            fingerprint=digest_of([PRODUCER, rule, asset.digest or file, member]),
            verdict=verdict,
            observed_at=None,
            severity=_SEVERITIES.get(native_severity),
            native_severity=native_severity,
            atlas_techniques=SPEAKS_TO,
            location=member,
            facts={
                "speaks_to": list(SPEAKS_TO),
                "limits": list(LIMITS),
                "source_time": _texts(self.summary, ("timestamp",))["timestamp"],
                "source_time_zone": "not stated: local time of the machine that ran modelscan",
                **(facts or {}),
            },
            raw_sha256=digest_of(raw),
        )

    def issues(self) -> Iterator[Draft]:
        counted: dict[tuple[str, str, str], tuple[int, object]] = {}
        for index, issue in enumerate(self.report["issues"]):
            fields = _texts(issue, ("module", "operator", "source"))
            if not fields["source"]:
                yield Reject(
                    locator=f"issues[{index}]", reason=f"{self.context.file_name}, issues[{index}]: no source is named."
                )
                continue
            key = (fields["source"], fields["module"], fields["operator"])
            count, first = counted.get(key, (0, issue))
            counted[key] = count + 1, first
        for (source, module, operator), (count, issue) in counted.items():
            fields = _texts(issue, ("description", "scanner", "severity"))
            yield self.draft(
                rule=f"{fields['scanner'].rpartition('.')[2] or 'issue'}:{module}.{operator}",
                title=f"Loading the file can call {module}.{operator}",
                description=fields["description"] or "modelscan gives no description.",
                source=source,
                verdict=FileScanVerdict.FINDING,
                raw=issue,
                native_severity=fields["severity"],
                facts={"module": module, "operator": operator, "scanner": fields["scanner"], "occurrences": count},
            )

    def without_issue(self) -> Iterator[Draft]:
        with_issue = {_texts(issue, ("source",))["source"] for issue in self.report["issues"]}
        for source in dict.fromkeys(self.scanned):
            if source not in with_issue:
                yield self.draft(
                    rule="scanned",
                    title="modelscan scanned the file and reported nothing",
                    description=f"modelscan {self.version} scanned {source} and reported no issue.",
                    source=source,
                    verdict=FileScanVerdict.NOTHING_FOUND,
                    raw={"scanned": source},
                )

    def not_scanned(self, entries: list[object], rule: str, verdict: FileScanVerdict, title: str) -> Iterator[Draft]:
        for index, entry in enumerate(entries):
            fields = _texts(entry, ("category", "description", "source"))
            yield self.draft(
                rule=f"{rule}:{fields['category'] or 'UNSPECIFIED'}",
                title=title,
                description=fields["description"] or "modelscan gives no reason.",
                source=fields["source"] or self.input_path,
                verdict=verdict,
                raw=entry if isinstance(entry, dict) else {"entry": index},
                facts={"category": fields["category"]},
            )

    def nothing(self) -> Iterator[Draft]:
        """Nothing at all was scanned, and nothing else is said either: that itself is the observation."""
        if not (self.scanned or self.report["issues"] or self.report["errors"]):
            yield self.draft(
                rule="nothing_scanned",
                title="modelscan scanned no file",
                description=f"modelscan {self.version} found no file of a kind it reads in {self.input_path}.",
                source=self.input_path,
                verdict=FileScanVerdict.NOTHING_SCANNED,
                raw=dict(self.summary),
            )

    def contradictions(self) -> Iterator[Reject]:
        """Totals that do not fit what is listed: the report was cut or edited."""
        totals = (
            ("summary.total_issues", self.summary.get("total_issues"), len(self.report["issues"])),
            (
                "summary.scanned.total_scanned",
                _object(self.summary.get("scanned")).get("total_scanned"),
                len(self.scanned),
            ),
            (
                "summary.skipped.total_skipped",
                _object(self.summary.get("skipped")).get("total_skipped", 0),
                len(_list(self.summary.get("skipped"), "skipped_files")),
            ),
        )
        for locator, stated, listed in totals:
            if stated != listed:
                told = f"{locator} says {stated!r} and {listed} are listed"
                reason = f"{self.context.file_name}: {told}; the report was cut or edited."
                yield Reject(locator=locator, reason=reason)

    def scope(self, contradicted: bool) -> dict[str, Any]:
        skipped = [
            _texts(entry, ("source",))["source"] for entry in _list(self.summary.get("skipped"), "skipped_files")
        ]
        failed = [_texts(entry, ("source",))["source"] for entry in self.report["errors"]]
        gaps = {
            "Written without --show-skipped: files passed over, if any, are not named.": not self.skipped_listed,
            "Files were skipped.": bool(skipped),
            "Files could not be read.": bool(failed),
            "Its totals contradict what it lists.": contradicted,
        }
        return report_scope(
            tool=PRODUCER,
            tool_version=self.version,
            assets=(self.asset(split_source(source)[0]) for source in self.scanned),
            gaps=(gap for gap, holds in gaps.items() if holds),
            made_at=self.summary.get("timestamp"),
            more={
                "input_path": self.input_path,
                "files_skipped": skipped,
                "files_failed": failed,
                "speaks_to": list(SPEAKS_TO),
            },
        )


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


class ModelScan:
    """The parser. Stateless: one instance serves all."""

    name = PRODUCER
    label = "modelscan JSON report"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the report's own members; screen output is claimed too, so that its cause can be named."""
        if b'"modelscan_version"' in head or b'"total_issues_by_severity"' in head:
            return CERTAIN
        return LIKELY if any(mark in head for mark in _CONSOLE) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An observation for each issue and for each file scanned, skipped or failed. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        reading = _Reading(_load(document_bytes(stream, context), context.file_name), context)
        contradictions = list(reading.contradictions())
        drafts = itertools.chain(contradictions, self._observations(reading))
        scope = reading.scope(bool(contradictions))
        return report_drafts(drafts, producer=PRODUCER, file_name=context.file_name, scope=scope)

    def _observations(self, reading: _Reading) -> Iterator[Draft]:
        skipped = _list(reading.summary.get("skipped"), "skipped_files")
        yield from reading.issues()
        yield from reading.without_issue()
        yield from reading.not_scanned(skipped, "skipped", FileScanVerdict.SKIPPED, "modelscan did not scan the file")
        yield from reading.not_scanned(
            reading.report["errors"], "error", FileScanVerdict.FAILED, "modelscan could not read the file"
        )
        yield from reading.nothing()


PARSER = ModelScan()
