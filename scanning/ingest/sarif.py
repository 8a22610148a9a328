"""SARIF 2.1.0 (OASIS), of any tool that writes it.

A result is a finding only where it says that something failed. What a person waived in the tool stays a finding, with the
waiver beside it; what only an earlier run had is gone; what a tool leaves open is not decided. A run that did not end
successfully concludes nothing from what it does not list.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from compliance.types.drafts import ParseSummary, Reject
from compliance.types.errors import BadInputError
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.base import CERTAIN, LIKELY, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.records import Record, list_of, object_of, text_of
from scanning.ingest.report_reading import Report, decoded, document_bytes, document_text, report_drafts
from scanning.ingest.report_scope import report_scope, stated_asset, utc
from scanning.ingest.sarif_runs import Place, Rule, SarifRun

LIMITS = (
    "A SARIF report says what its tool was made to look for.",
    "Which techniques that speaks to is taken from its tags and taxa alone.",
    "A file is taken as looked at only where the run names it as an analysis target.",
)
# Kinds of a result (§3.27.9), with what a page calls them.
_VERDICTS = {
    "fail": FileScanVerdict.FINDING,
    "pass": FileScanVerdict.NOTHING_FOUND,
    "open": FileScanVerdict.SKIPPED,
    "review": FileScanVerdict.SKIPPED,
    "notApplicable": FileScanVerdict.SKIPPED,
    "informational": FileScanVerdict.SKIPPED,
}
_UNDECIDED = {
    "open": "The tool could not decide.",
    "review": "The tool leaves it to a person to decide.",
    "notApplicable": "The rule does not apply.",
    "informational": "The tool means it as information.",
}
_STRONGEST = (FileScanVerdict.FINDING, FileScanVerdict.SKIPPED, FileScanVerdict.NOTHING_FOUND)
_IN_FORCE = ("", "accepted")
_SHOWN = 20


@dataclass(slots=True)
class _Result:
    """A result with all that it points to."""

    reading: _Reading
    value: Record
    pointer: str
    rule: Rule
    place: Place
    kind: str
    message: str

    @property
    def verdict(self) -> FileScanVerdict:
        """What follows of it. One of an earlier run that is absent now is nothing found, if this run was whole."""
        if text_of(self.value.get("baselineState")) == "absent":
            return FileScanVerdict.SKIPPED if self.reading.failures else FileScanVerdict.NOTHING_FOUND
        return _VERDICTS[self.kind]

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.reading.run.name, *_identity(self.value, self.rule, self.place))


class _Reading:
    """One run on its way to observations."""

    def __init__(self, run: SarifRun, pointer: str, name: str) -> None:
        self.run, self.pointer, self.name = run, pointer, name
        self.report = Report(producer=run.name, version=run.version, techniques=(), limits=LIMITS)
        self.results = list_of(run.run.get("results"))
        self.ended = utc(run.time("endTimeUtc"))
        self.failures = list(run.failures())
        self.named: set[str] = set()
        self.rejected = False

    def each(self) -> Iterator[_Result | Reject]:
        """Every result of the run, or why it cannot be taken."""
        for index, value in enumerate(self.results):
            result, pointer = object_of(value), f"{self.pointer}/results/{index}"
            rule, kind = self.run.rule_of(result), text_of(result.get("kind")) or "fail"
            if problem := _problem(rule, kind):
                self.rejected = True
                yield Reject(locator=pointer, reason=f"{self.name}, {pointer}: {problem}.")
                continue
            place = self.run.place(result)
            self.named.add(place.asset.name)
            yield _Result(self, result, pointer, rule, place, kind, self.run.message(result, rule))

    def observation(self, one: _Result, alike: Sequence[_Result]) -> Draft:
        """What follows of results that are one thing: that of the strongest of them."""
        level = self.run.level(one.value, one.rule)
        severity, native = self.run.severity(level, one.rule)
        told = one.message or _title(one.rule, "")
        return self.report.observation(
            rule=one.rule.identity,
            title=_title(one.rule, one.message),
            description=f"{told.rstrip('.')}. {_UNDECIDED[one.kind]}" if one.kind in _UNDECIDED else told,
            asset=one.place.asset,
            member=one.place.member,
            key=one.identity[1:],
            verdict=one.verdict,
            observed_at=self.ended,
            severity=severity if one.verdict is FileScanVerdict.FINDING else None,
            native_severity=native,
            techniques=self.run.techniques(one.value, one.rule),
            locator=one.pointer,
            raw=one.value,
            facts={
                **self.facts(one.value, one.rule, one.kind, level),
                "occurrences": len(alike),
                "messages": list(dict.fromkeys(other.message for other in alike))[:_SHOWN],
            },
        )

    def whole(self) -> Iterator[Draft]:
        """What the run as a whole says, beside its results."""
        if self.failures:
            yield self.of_run("run_incomplete", "A run of the tool is not whole", FileScanVerdict.FAILED)
        else:
            yield from self.targets()

    def facts(self, result: Record, rule: Rule, kind: str, level: str) -> Mapping[str, Any]:
        suppressions = [object_of(one) for one in list_of(result.get("suppressions"))]
        waivers = [
            {name: text_of(one.get(name)) for name in ("kind", "status", "justification", "guid")}
            for one in suppressions
        ]
        in_force = [one for one in waivers if one["status"] in _IN_FORCE]
        return {
            "kind": kind,
            "level": level,
            "baseline": text_of(result.get("baselineState")),
            "rank": result.get("rank") if isinstance(result.get("rank"), (int, float)) else None,
            "tags": [text_of(tag) for tag in list_of(object_of(rule.descriptor.get("properties")).get("tags"))][
                :_SHOWN
            ],
            "help": text_of(rule.descriptor.get("helpUri")),
            "fingerprints": {**_texts(result.get("fingerprints")), **_texts(result.get("partialFingerprints"))},
            "other_places": max(0, len(list_of(result.get("locations"))) - 1),
            **({"waivers": waivers, "waived": bool(in_force)} if waivers else {}),
            **self.shared(),
        }

    def shared(self) -> dict[str, Any]:
        automation = self.run.automation
        unknown = {"producer_version": not self.run.version, "observed_at": self.ended is None}
        return {
            "run": text_of(automation.get("id")) or text_of(automation.get("guid")),
            "unknown_fields": [name for name, holds in unknown.items() if holds],
        }

    def targets(self) -> Iterator[Draft]:
        """Files that were looked at and of which no result speaks; and a run that names none at all."""
        targets = self.run.targets()
        for name, asset in targets.items():
            if name not in self.named:
                yield self.report.observation(
                    rule="scanned",
                    title=f"{self.run.name} reported nothing of the file",
                    description=f"{self.run.name} analysed {name} and lists no result for it.",
                    asset=asset,
                    verdict=FileScanVerdict.NOTHING_FOUND,
                    observed_at=self.ended,
                    techniques=self.run.all_techniques(),
                    locator=f"{self.pointer}/artifacts",
                    raw=[self.run.name, name],
                    facts=self.shared(),
                )
        if not targets and not self.results:
            yield self.of_run(
                "nothing_scanned", "A run of the tool names nothing that it analysed", FileScanVerdict.NOTHING_SCANNED
            )

    def of_run(self, rule: str, title: str, verdict: FileScanVerdict) -> Draft:
        told = " ".join(self.failures) or "The run has no result and names no file that it analysed."
        return self.report.observation(
            rule=rule,
            title=title,
            description=told,
            asset=self.run.whole(),
            verdict=verdict,
            observed_at=self.ended,
            techniques=self.run.all_techniques(),
            key=(rule, self.run.whole().name, text_of(self.run.automation.get("guid")), self.pointer),
            locator=self.pointer,
            raw=[self.pointer, self.failures],
            facts=self.shared(),
        )

    def scope(self) -> dict[str, Any]:
        targets = self.run.targets()
        stated = bool(self.run.invocations) and all(
            one.get("executionSuccessful") is True for one in self.run.invocations
        )
        gaps = {
            "It does not say that the run ended successfully.": not stated and not self.failures,
            "It does not say which files were analysed.": not targets,
            "Results were rejected.": self.rejected,
        }
        return report_scope(
            tool=self.run.name,
            tool_version=self.run.version,
            assets=targets.values(),
            rules=self.run.rule_ids(),
            gaps=[*self.failures, *(gap for gap, holds in gaps.items() if holds)],
            made_at=self.run.time("startTimeUtc") or self.run.time("endTimeUtc"),
            more={"run": text_of(self.run.automation.get("id")), "speaks_to": list(self.run.all_techniques())},
        )


def _problem(rule: Rule, kind: str) -> str:
    if not rule.identity:
        return "it names no rule"
    return "" if kind in _VERDICTS else f"{kind[:40]!r} is no kind of a result"


def _title(rule: Rule, message: str) -> str:
    short = text_of(object_of(rule.descriptor.get("shortDescription")).get("text"))
    return short or text_of(rule.descriptor.get("name")) or message or rule.identity


def _texts(value: object) -> dict[str, str]:
    return {name: text_of(text) for name, text in object_of(value).items()}


def _identity(result: Record, rule: Rule, place: Place) -> tuple[str, ...]:
    """What makes a result the same in a later run: its fingerprint of the newest version, else its partial ones, each with
    the rule; else rule, file and place."""
    full = _texts(result.get("fingerprints"))
    if full:
        name = max(full, key=lambda name: (_version(name), name))
        return (rule.identity, "fingerprint", name, full[name])
    where = place.asset.digest or place.asset.name
    partial = sorted(_texts(result.get("partialFingerprints")).items())
    if partial:
        return (rule.identity, "partial", where, *itertools.chain.from_iterable(partial))
    return (rule.identity, where, place.member)


def _version(name: str) -> int:
    """Version of a fingerprint such as `contextHash/v2` (§3.27.17); one without counts as the oldest."""
    version = name.rpartition("/v")[2]
    return int(version) if "/v" in name and version.isdecimal() and len(version) < 10 else 0


class Sarif:
    """The parser. Stateless: one instance serves all."""

    name = "sarif"
    label = "SARIF 2.1.0 report"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the schema's name, or by a run's tool and driver; the order of members differs from tool to tool."""
        if b'"runs"' not in head:
            return NO
        if b"sarif" in head.lower() and b'"version"' in head:
            return CERTAIN
        return LIKELY if b'"tool"' in head and b'"driver"' in head else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An observation for each result, each file without one and each run that is not whole. See scanning.ingest.base."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        content = document_bytes(stream, context)
        whole = stated_asset(context, content)
        readings = [
            _Reading(SarifRun(object_of(run), context, whole), f"/runs/{index}", context.file_name)
            for index, run in enumerate(_load(content, context.file_name))
        ]
        scope: dict[str, Any] = {}
        drafts = self._observations(readings, scope)
        summary: ParseSummary = yield from report_drafts(
            drafts, producer=self.name, file_name=context.file_name, scope=scope
        )
        return summary

    def _observations(self, readings: list[_Reading], scope: dict[str, Any]) -> Iterator[Draft]:
        alike: dict[tuple[str, ...], list[_Result]] = {}
        for one in (one for reading in readings for one in reading.each()):
            if isinstance(one, Reject):
                yield one
            else:
                alike.setdefault(one.identity, []).append(one)
        for results in alike.values():
            strongest = min(results, key=lambda one: _STRONGEST.index(one.verdict))
            yield strongest.reading.observation(strongest, results)
        for reading in readings:
            yield from reading.whole()
        runs = [reading.scope() for reading in readings]
        since = [run["not_before"] for run in runs if run["not_before"]]
        scope |= {
            "runs": runs,
            "complete": all(run["complete"] for run in runs),
            "not_before": max(since, default=None),
        }


def _load(content: bytes, name: str) -> list[Any]:
    document = decoded(document_text(content, name), name, again="write the report again as SARIF 2.1.0")
    if not isinstance(document, dict) or not isinstance(document.get("runs"), list):
        raise BadInputError(f"{name} is JSON but no SARIF report: it has no list `runs`.")
    version = text_of(document.get("version"))
    if version != "2.1.0":
        raise BadInputError(
            f"{name} is SARIF {version or 'of no stated version'}; write the report again as SARIF 2.1.0."
        )
    if not document["runs"]:
        raise BadInputError(f"{name} is a SARIF report without a run; there is nothing to import.")
    runs: list[Any] = document["runs"]
    return runs


PARSER = Sarif()
