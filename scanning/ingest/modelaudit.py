"""modelaudit's JSON report (seen: 0.2.54, `modelaudit scan PATH --format json --output FILE`).

The report hashes each file, so an asset is its digest. What modelaudit calls an issue is a finding only from "warning" up; a
file whose analysis did not come to its end is `failed`, whatever else is said of it, and a check that did not run is `skipped`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from compliance.types.drafts import AssetRef, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.base import CERTAIN, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.records import Record, escaped, list_of, object_of, text_of
from scanning.ingest.report_reading import Report, decoded, document_bytes, document_text, report_drafts
from scanning.ingest.report_scope import NOT_RECORDED, report_scope, sha256_of, split_position, split_source, utc

PRODUCER = "modelaudit"
SPEAKS_TO = ("AML.T0018.002",)
LIMITS = (
    "modelaudit compares what files of models hold with lists and patterns of its own; what is on none of them passes.",
    "Its findings on names, addresses and texts are heuristic.",
    "It is taken here for code that runs on loading; it does not test weights for learned triggers.",
    "The report does not say which version of modelaudit wrote it.",
)
_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "warning": Severity.MEDIUM,
    "info": Severity.INFORMATIONAL,
    "debug": Severity.INFORMATIONAL,
}
_FINDINGS = ("critical", "warning")
# Members of `details` that say what an issue is about, whatever its wording; the first that is there.
_SUBJECTS = (
    "import_reference",
    "associated_global",
    "cve_id",
    "url",
    "ip",
    "domain",
    "pattern",
    "operation",
    "layer_name",
)
_TITLES = {
    FileScanVerdict.FAILED: "modelaudit did not finish the file",
    FileScanVerdict.SKIPPED: "modelaudit left out a part of the file",
    FileScanVerdict.NOTHING_FOUND: "modelaudit scanned the file and reported nothing",
}
_NOTICES = 20


@dataclass(slots=True)
class _Group:
    """Issues that are one thing: same rule, file and place."""

    index: int
    issue: Record
    asset: AssetRef
    member: str
    messages: list[str] = field(default_factory=list)


def _is_unfinished(entry: Record) -> bool:
    details = object_of(entry.get("details"))
    return details.get("analysis_incomplete") is True or details.get("parsing_failed") is True


def _concerns_the_reader(check: Record) -> bool:
    """A check of the software of whoever scans, not of the file: it cannot leave a gap in what was seen of the file."""
    return object_of(check.get("details")).get("runtime_cve_version_gate") == "local_environment_only"


def _rule(issue: Record) -> str:
    details = object_of(issue.get("details"))
    subject = next((text for name in _SUBJECTS if (text := text_of(details.get(name)))), "")
    code = text_of(issue.get("rule_code")) or text_of(issue.get("type")) or "issue"
    return f"{code}:{subject}" if subject else code


class _Reading:
    """One report on its way to observations."""

    def __init__(self, report: dict[str, Any], context: ParseContext) -> None:
        self.issues, self.checks = list_of(report["issues"]), list_of(report["checks"])
        self.whole, self.context = report, context
        self.files: dict[str, Record] = {
            path: object_of(meta) for path, meta in object_of(report.get("file_metadata")).items()
        }
        for asset in list_of(report.get("assets")):
            if path := text_of(object_of(asset).get("path")):
                self.files.setdefault(path, {})
        self.report = Report(producer=PRODUCER, version="", techniques=SPEAKS_TO, limits=LIMITS)
        self.unfinished: dict[str, list[str]] = {}
        self.found: set[str] = set()
        self.notices: dict[str, list[str]] = {}
        self.not_run: dict[str, list[str]] = {}
        self.tallies = self.tallied()

    def place(self, location: str) -> tuple[str, str]:
        """(path of the file, place within it) of a location such as `/srv/a.bin:archive/data.pkl (pos 49)`."""
        source, position = split_position(location)
        path = source
        while path not in self.files and ":" in path:
            path = path.rpartition(":")[0]
        member = source[len(path) + 1 :]
        if path not in self.files:
            path, member = split_source(source)
        return path, " ".join(part for part in (member, position) if part)

    def asset(self, path: str) -> AssetRef:
        meta = self.files.get(path, {})
        digest = sha256_of(object_of(meta.get("file_hashes")).get("sha256")) or sha256_of(meta.get("content_hash"))
        return AssetRef(kind="model_file", name=path, digest=digest)

    def drafts(self) -> Iterator[Draft]:
        yield from self.contradictions()
        yield from self.found_issues()
        yield from self.skipped_checks()
        yield from self.each_file()
        yield from self.whole_report()

    def contradictions(self) -> Iterator[Reject]:
        passed = sum(object_of(check).get("status") == "passed" for check in self.checks)
        stated = self.whole.get("passed_checks")
        if stated != passed:
            told = f"passed_checks says {stated!r} and {passed} are listed"
            yield Reject(
                locator="/passed_checks", reason=f"{self.context.file_name}: {told}; the report was cut or edited."
            )

    def found_issues(self) -> Iterator[Draft]:
        groups: dict[tuple[str, str, str], _Group] = {}
        for index, entry in enumerate(self.issues):
            issue = object_of(entry)
            location, message = text_of(issue.get("location")), text_of(issue.get("message"))
            if not location or not message:
                reason = f"{self.context.file_name}, /issues/{index}: it has no location or no message."
                yield Reject(locator=f"/issues/{index}", reason=reason)
                continue
            path, member = self.place(location)
            if self.is_no_finding(issue, path, message):
                continue
            key = (_rule(issue), path, member)
            group = groups.setdefault(key, _Group(index, issue, self.asset(path), member))
            group.messages.append(message)
        for (rule, path, _), group in groups.items():
            self.found.add(path)
            yield self.issue(rule, group)

    def is_no_finding(self, issue: Record, path: str, message: str) -> bool:
        """Whether an issue says that the analysis broke off, or is mere information: kept with its file."""
        level = issue.get("severity")
        if level != "critical" and _is_unfinished(issue):
            self.unfinished.setdefault(path, []).append(message)
            return True
        if level not in _FINDINGS and level in _SEVERITIES:
            self.notices.setdefault(path, []).append(message)
            return True
        return False

    def issue(self, rule: str, group: _Group) -> Draft:
        level, pointer = text_of(group.issue.get("severity")), f"/issues/{group.index}"
        return self.report.observation(
            rule=rule,
            title=group.messages[0],
            description=text_of(group.issue.get("why")) or group.messages[0],
            asset=group.asset,
            member=group.member,
            verdict=FileScanVerdict.FINDING,
            observed_at=utc(group.issue.get("timestamp")),
            severity=_SEVERITIES.get(level),
            native_severity=level,
            locator=pointer,
            raw=group.issue,
            facts={
                "messages": list(dict.fromkeys(group.messages)),
                "occurrences": len(group.messages),
                "type": text_of(group.issue.get("type")),
                "unknown_fields": ["producer_version"],
            },
        )

    def skipped_checks(self) -> Iterator[Draft]:
        for index, entry in enumerate(self.checks):
            check = object_of(entry)
            if check.get("status") != "skipped":
                continue
            path, member = self.place(text_of(check.get("location")) or NOT_RECORDED)
            if not _concerns_the_reader(check):
                self.not_run.setdefault(path, []).append(text_of(check.get("name")))
            yield self.report.observation(
                rule=f"check:{text_of(check.get('name')) or 'unnamed'}",
                title="modelaudit did not run a check",
                description=text_of(check.get("message")) or "modelaudit gives no reason.",
                asset=self.asset(path),
                member=member,
                verdict=FileScanVerdict.SKIPPED,
                observed_at=utc(check.get("timestamp")),
                native_severity=text_of(check.get("severity")),
                locator=f"/checks/{index}",
                raw=check,
                facts={"concerns_the_reader": _concerns_the_reader(check), "unknown_fields": ["producer_version"]},
            )

    def each_file(self) -> Iterator[Draft]:
        """What follows of each file as a whole: it broke off, or nothing was found in it; findings speak for themselves."""
        for path, meta in self.files.items():
            reasons = [*self.unfinished.get(path, []), *map(text_of, list_of(meta.get("scan_outcome_reasons")))]
            if _is_unfinished({"details": meta}) or meta.get("scan_outcome") not in (None, "complete") or reasons:
                self.unfinished[path] = reasons or ["no reason is given"]
                told = "; ".join(self.unfinished[path])
                yield self.file(path, "not_finished", FileScanVerdict.FAILED, f"The analysis did not finish: {told}.")
            elif path not in self.found and path in self.not_run:
                told = f"modelaudit reported nothing from warning up, and left out: {'; '.join(self.not_run[path])}."
                yield self.file(path, "scanned_in_part", FileScanVerdict.SKIPPED, told)
            elif path not in self.found:
                told = f"modelaudit scanned {path} and reported nothing from warning up."
                yield self.file(path, "scanned", FileScanVerdict.NOTHING_FOUND, told)
        for path in [path for path in self.unfinished if path not in self.files]:
            told = f"The analysis did not finish: {'; '.join(self.unfinished[path])}."
            yield self.file(path, "not_finished", FileScanVerdict.FAILED, told)

    def file(self, path: str, rule: str, verdict: FileScanVerdict, told: str) -> Draft:
        meta = self.files.get(path, {})
        return self.report.observation(
            rule=rule,
            title=_TITLES[verdict],
            description=told,
            asset=self.asset(path),
            verdict=verdict,
            observed_at=utc(meta.get("scan_timestamp")) or utc(self.whole.get("start_time")),
            locator=f"/file_metadata/{escaped(path)}" if meta else "/issues",
            raw={"path": path, "metadata": meta, "told": told},
            facts={
                "checks": dict(self.tallies.get(path, {})),
                "notices": self.notices.get(path, [])[:_NOTICES],
                "scanners": list_of(meta.get("scanner_dependency_ids")),
                "unknown_fields": ["producer_version"],
            },
        )

    def tallied(self) -> dict[str, Counter[str]]:
        """Checks of each file by status: passed, failed, skipped."""
        tallies: dict[str, Counter[str]] = {}
        for check in map(object_of, self.checks):
            path, _ = self.place(text_of(check.get("location")))
            tallies.setdefault(path, Counter())[text_of(check.get("status")) or NOT_RECORDED] += 1
        return tallies

    def whole_report(self) -> Iterator[Draft]:
        asset = AssetRef(kind="scan_report", name=self.context.file_name)
        if self.whole.get("has_errors") is True:
            yield self.report.observation(
                rule="has_errors",
                title="modelaudit met errors of operation",
                description="The report says that errors of operation happened; something may not have been looked at.",
                asset=asset,
                verdict=FileScanVerdict.FAILED,
                locator="/has_errors",
                raw={"has_errors": True, "content_hash": self.whole.get("content_hash")},
            )
        if not self.files:
            yield self.report.observation(
                rule="nothing_scanned",
                title="modelaudit scanned no file",
                description="modelaudit found no file of a kind that it reads.",
                asset=asset,
                verdict=FileScanVerdict.NOTHING_SCANNED,
                locator="/files_scanned",
                raw={"files_scanned": self.whole.get("files_scanned"), "content_hash": self.whole.get("content_hash")},
            )

    def gaps(self) -> Iterator[str]:
        selection = object_of(self.whole.get("scanner_selection"))
        gaps = {
            "Files were not analysed to their end.": bool(self.unfinished),
            "Checks were skipped.": bool(self.not_run),
            "Errors of operation happened.": self.whole.get("has_errors") is not False,
            "Only some of the scanners ran.": any(selection.values()),
            "Its totals contradict what it lists.": any(True for _ in self.contradictions()),
        }
        return (gap for gap, holds in gaps.items() if holds)


class ModelAudit:
    """The parser. Stateless: one instance serves all."""

    name = PRODUCER
    label = "modelaudit JSON report"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by members that only this report has together; the SARIF that modelaudit writes has none of them."""
        own = b'"bytes_scanned"' in head and any(
            mark in head for mark in (b'"rule_code"', b'"checks"', b'"has_errors"')
        )
        return CERTAIN if own else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An observation for each issue, each skipped check and each file. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        reading = _Reading(_load(document_bytes(stream, context), context.file_name), context)
        scope: dict[str, Any] = {}
        summary = yield from report_drafts(
            self._observations(reading, scope), producer=PRODUCER, file_name=context.file_name, scope=scope
        )
        return summary

    def _observations(self, reading: _Reading, scope: dict[str, Any]) -> Iterator[Draft]:
        yield from reading.drafts()
        scope |= report_scope(
            tool=PRODUCER,
            tool_version="",
            assets=map(reading.asset, reading.files),
            gaps=reading.gaps(),
            made_at=reading.whole.get("start_time"),
            more={
                "content_hash": text_of(reading.whole.get("content_hash")),
                "informational_issues": sum(map(len, reading.notices.values())),
                "scanners": list_of(reading.whole.get("scanner_names")),
                "speaks_to": list(SPEAKS_TO),
            },
        )


def _load(content: bytes, name: str) -> dict[str, Any]:
    again = "write the report again with `--format json --output FILE`"
    report = decoded(document_text(content, name), name, again=again)
    if not isinstance(report, dict):
        raise BadInputError(f"{name} is JSON but no modelaudit report: it is no object.")
    for key in ("issues", "checks"):
        if not isinstance(report.get(key), list):
            raise BadInputError(f"{name} is no whole modelaudit report: it has no list `{key}`.")
    return report


PARSER = ModelAudit()
