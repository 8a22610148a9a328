"""What picklescan prints on the screen (seen: 1.0.5, `picklescan -p PATH`); it writes no other report.

Only files in which something was found are named. Of the others the summary gives a number, so nothing follows for any one of
them, unless the importer says what the run was about. A pickle that could not be parsed counts as scanned there; here it has
failed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from compliance.types.drafts import AssetRef, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.base import CERTAIN, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.report_reading import Report, document_bytes, document_text, report_drafts
from scanning.ingest.report_scope import known_digests, report_scope, split_source, stated_asset

PRODUCER = "picklescan"
SPEAKS_TO = ("AML.T0018.002",)
LIMITS = (
    "picklescan compares the imports of pickles with lists of dangerous and of harmless ones.",
    "Files in which nothing was found are counted and not named.",
    "Imports on neither list are counted as suspicious and not named.",
    "It does not look at weights, graphs or prompt templates.",
    "The output holds no digest, version or time.",
)
_UNKNOWN = ["producer_version", "observed_at"]
_SUMMARY = "----------- SCAN SUMMARY -----------"
# What Python's logging, or the log of whoever ran it, may put before a line.
_PREFIX = re.compile(
    r"^(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*\]?\s+)?(?:-\s+)?(?:picklescan\S*\s+)?(?:-\s+)?"
    r"(?:\[?(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\]?(?:\s+-)?\s+)?(?:picklescan\S*:?\s+(?:-\s+)?)?"
)
_FOUND = re.compile(r"(.+): (dangerous|suspicious) import '([^ ']*) ([^']*)' FOUND( \(promoted by --strict\))?")
_COUNTS = re.compile(r"(Scanned files|Infected files|Suspicious globals|Dangerous globals): (\d+)")
_FAILURES = (
    re.compile(r"WARNING: could not parse (?P<source>.+?) as pickle: (?P<reason>.*)"),
    re.compile(r"ERROR: parsing pickle in (?P<source>.+?): (?P<reason>.*)"),
    re.compile(r"Invalid file (?P<member>.+?) in zip archive (?P<source>.+?): (?P<reason>.*)"),
)
_HARMLESS = re.compile(r"WARNING: Invalid PyTorch magic number for file .*")
_LONGEST = 1 << 14
_TROUBLE = re.compile(r"FOUND|WARNING:|ERROR:|Traceback|Unhandled exception")
_SEVERITY = {"dangerous": Severity.CRITICAL, "suspicious": Severity.MEDIUM}


@dataclass(slots=True)
class _Import:
    """An import found in a file, as often as it was reported."""

    line: int
    source: str
    safety: str
    module: str
    name: str
    promoted: bool
    occurrences: int = 0


@dataclass(slots=True)
class _Reading:
    """The output, taken apart. counts: of the summary block, by its own words."""

    context: ParseContext
    counts: dict[str, int] = field(default_factory=dict)
    imports: dict[tuple[str, str, str], _Import] = field(default_factory=dict)
    failures: list[tuple[int, str, str, str]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    passed_over: int = 0

    def take(self, number: int, line: str) -> None:
        """One line of the output; what looks like trouble and is none that is known is rejected with its place."""
        if len(line) > _LONGEST:
            reason = f"{self.context.file_name}, line {number}: it is longer than {_LONGEST} characters."
            self.rejects.append(Reject(locator=f"line {number}", reason=reason))
            return
        line = _PREFIX.sub("", line, count=1)
        if count := _COUNTS.fullmatch(line):
            self.counts[count.group(1)] = int(count.group(2))
        elif found := _FOUND.fullmatch(line):
            source, safety, module, name, promoted = found.groups()
            one = _Import(number, source, safety, module, name, promoted is not None)
            self.imports.setdefault((source, module, name), one).occurrences += 1
        elif failure := next((match for pattern in _FAILURES if (match := pattern.fullmatch(line))), None):
            member = failure.groupdict().get("member", "")
            self.failures.append((number, failure["source"], member, failure["reason"]))
        elif _TROUBLE.search(line) and not _HARMLESS.fullmatch(line):
            reason = f"{self.context.file_name}, line {number}: it tells of trouble in words that are not known."
            self.rejects.append(Reject(locator=f"line {number}", reason=reason))
        elif line.strip() and line != _SUMMARY:
            self.passed_over += 1


class PickleScan:
    """The parser. Stateless: one instance serves all."""

    name = PRODUCER
    label = "picklescan output (text)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the summary block, or by a line of a finding where the summary is farther down."""
        summary = _SUMMARY.encode() in head and b"Infected files:" in head
        found = any(b" import '" in line and b"' FOUND" in line for line in head.splitlines())
        return CERTAIN if summary or found else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An observation for each import found and each pickle not parsed. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        content = document_bytes(stream, context)
        reading = _Reading(context)
        for number, line in enumerate(document_text(content, context.file_name).splitlines(), start=1):
            reading.take(number, line)
        if {"Scanned files", "Infected files", "Dangerous globals"} - set(reading.counts):
            raise BadInputError(
                f"{context.file_name} has no whole picklescan summary; the run was cut off or ended in an error: run it again."
            )
        writing = _Writing(reading, stated_asset(context, content))
        summary = yield from report_drafts(
            writing.drafts(), producer=PRODUCER, file_name=context.file_name, scope=writing.scope()
        )
        return summary


class _Writing:
    """Observations of what was read."""

    def __init__(self, reading: _Reading, whole: AssetRef) -> None:
        self.reading, self.whole = reading, whole
        named = [one.source for one in reading.imports.values()] + [source for _, source, _, _ in reading.failures]
        files = dict.fromkeys(split_source(source)[0] for source in named)
        self.files = list(files)
        self.report = Report(
            producer=PRODUCER,
            version="",
            techniques=SPEAKS_TO,
            limits=LIMITS,
            digests=known_digests(files, reading.context),
        )

    def drafts(self) -> Iterator[Draft]:
        yield from self.reading.rejects
        yield from self.contradictions()
        for one in self.reading.imports.values():
            yield self.found(one)
        for failure in self.reading.failures:
            yield self.failed(*failure)
        yield from self.summary()

    def contradictions(self) -> Iterator[Reject]:
        counted = sum(one.occurrences for one in self.reading.imports.values() if one.safety == "dangerous")
        stated = self.reading.counts["Dangerous globals"]
        if counted != stated:
            told = f"the summary says {stated} dangerous globals and {counted} are listed"
            reason = f"{self.reading.context.file_name}: {told}; the output was cut, filtered or edited."
            yield Reject(locator="Dangerous globals", reason=reason)

    def found(self, one: _Import) -> Draft:
        file, member = split_source(one.source)
        return self.report.observation(
            rule=f"{one.safety}:{one.module}.{one.name}",
            title=f"Loading the file can call {one.module}.{one.name}",
            description=f"picklescan found the {one.safety} import {one.module}.{one.name} in {one.source}.",
            asset=AssetRef(kind="model_file", name=file),
            member=member,
            verdict=FileScanVerdict.FINDING,
            severity=_SEVERITY[one.safety],
            native_severity=one.safety,
            locator=f"line {one.line}",
            raw=[one.source, one.safety, one.module, one.name],
            facts={
                "module": one.module,
                "name": one.name,
                "occurrences": one.occurrences,
                "promoted_by_strict": one.promoted,
                "unknown_fields": _UNKNOWN,
            },
        )

    def failed(self, line: int, source: str, member: str, reason: str) -> Draft:
        file, within = split_source(source)
        return self.report.observation(
            rule="not_parsed",
            title="picklescan could not read the file",
            description=f"picklescan could not parse {source}: {reason}.",
            asset=AssetRef(kind="model_file", name=file),
            member=member or within,
            verdict=FileScanVerdict.FAILED,
            locator=f"line {line}",
            raw=[source, member, reason],
            facts={"reason": reason, "unknown_fields": _UNKNOWN},
        )

    def summary(self) -> Iterator[Draft]:
        """What the numbers say beside the names: of nothing scanned, of the undecided, and of a run that found nothing."""
        counts = self.reading.counts
        scanned, suspicious = counts["Scanned files"], counts.get("Suspicious globals", 0)
        if scanned == 0:
            told = "picklescan found no file of a kind that it reads."
            yield self.told("nothing_scanned", "picklescan scanned no file", told, FileScanVerdict.NOTHING_SCANNED)
        elif suspicious:
            told = (
                f"picklescan counted {suspicious} imports that it knows neither as dangerous nor as harmless, unnamed."
            )
            yield self.told("suspicious", "Imports that picklescan does not know", told, FileScanVerdict.SKIPPED)
        elif not (self.reading.imports or self.reading.failures or counts["Infected files"]):
            told = f"Files and members scanned: {scanned}. No dangerous import was reported; the files are not named."
            yield self.told("scanned", "picklescan reported nothing", told, FileScanVerdict.NOTHING_FOUND)

    def told(self, rule: str, title: str, description: str, verdict: FileScanVerdict) -> Draft:
        return self.report.observation(
            rule=rule,
            title=title,
            description=description,
            asset=self.whole,
            verdict=verdict,
            locator=_SUMMARY.strip("- "),
            raw=self.reading.counts,
            facts={"counts": self.reading.counts, "unknown_fields": ["asset", *_UNKNOWN]},
        )

    def scope(self) -> dict[str, Any]:
        return report_scope(
            tool=PRODUCER,
            tool_version="",
            assets=(
                AssetRef(kind="model_file", name=file, digest=self.report.digests.get(file)) for file in self.files
            ),
            gaps=["Files in which nothing was found are not named."],
            made_at=None,
            more={
                "counts": self.reading.counts,
                "lines_passed_over": self.reading.passed_over,
                "speaks_to": list(SPEAKS_TO),
            },
        )


PARSER = PickleScan()
