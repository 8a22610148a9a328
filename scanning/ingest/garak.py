"""garak's report and hit log (`*.report.jsonl`, `*.hitlog.jsonl`; shapes of garak 0.17.1, and older ones where a name differs).

garak talks to a model and judges its answers. That is a test of behaviour: it looks for no trigger and sees no file, so it
speaks to no sub-technique by itself. Prompts and answers are not taken over; the document itself is kept as evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from compliance.types.drafts import AssetRef, Reject
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.base import CERTAIN, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.jsonrecords import JsonRecords
from scanning.ingest.limits import BoundedReader
from scanning.ingest.log_reading import decode_every
from scanning.ingest.records import Record, RejectedError, object_of, raw_digest, text_of
from scanning.ingest.report_reading import Report, report_drafts
from scanning.ingest.report_scope import NOT_RECORDED, report_scope

PRODUCER = "garak"
LIMITS = (
    "garak sends prompts of its own and lets detectors judge the answers; both are sampled and may differ the next time.",
    "It does not search for triggers and looks at no weights or files.",
    "What it tested is the model as it was reached under this name; no digest says which version answered.",
)
_UNKNOWN = ["asset_digest", "severity", "observed_at"]
_COUNTS = ("passed", "fails", "nones", "total_evaluated", "total_processed")
_MORE = ("confidence_method", "confidence", "confidence_lower", "confidence_upper", "hit_at_k", "intents")
_SHOWN = 20


@dataclass(slots=True)
class _Run:
    """What a run says of itself, at its beginning and its end."""

    identity: str = ""
    version: str = ""
    started: str = ""
    target: str = ""
    attempted: dict[str, str] = field(default_factory=dict)
    evaluated: set[str] = field(default_factory=set)
    is_finished: bool = False


@dataclass(slots=True)
class _Pair:
    """A probe and a detector on one target, over all runs of the document."""

    run: _Run
    locator: str
    counts: dict[str, int]
    more: dict[str, Any]
    raw: list[str]


@dataclass(slots=True)
class _Hits:
    """Answers that a detector took for a hit."""

    locator: str
    runs: set[str] = field(default_factory=set)
    attempts: list[str] = field(default_factory=list)
    goals: list[str] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)


def _counts_of(record: Record) -> dict[str, int]:
    """The numbers of an `eval` entry. Before 0.13 there was `total` where there is `total_evaluated` now, and no `fails`."""
    found: dict[str, Any] = {name: record.get(name) for name in _COUNTS}
    if found["total_evaluated"] is None:
        found["total_evaluated"] = record.get("total")
    given = found["passed"], found["total_evaluated"]
    if found["fails"] is None and all(isinstance(number, int) for number in given):
        found["fails"] = found["total_evaluated"] - found["passed"]
    found["nones"] = 0 if found["nones"] is None else found["nones"]
    found["total_processed"] = found["total_processed"] if found["total_processed"] is not None else given[1]
    for name, number in found.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise RejectedError(f"{name} is missing or no number of answers")
    if found["passed"] + found["fails"] != found["total_evaluated"]:
        raise RejectedError("passed and fails do not add up to total_evaluated")
    return found


class _Reading:
    """Entries of a document, gathered until its end: only there it shows which runs finished."""

    def __init__(self, context: ParseContext) -> None:
        self.context = context
        self.runs: list[_Run] = []
        self.pairs: dict[tuple[str, str], _Pair] = {}
        self.hits: dict[tuple[str, str], _Hits] = {}

    @property
    def run(self) -> _Run:
        if not self.runs:
            self.runs.append(_Run())
        return self.runs[-1]

    def take(self, value: object, locator: str) -> None:
        """One line of the document. Raises RejectedError."""
        record = object_of(value)
        entry = record.get("entry_type")
        if entry is None and "detector" in record and "probe" in record:
            self.take_hit(record, locator)
        elif not isinstance(entry, str):
            raise RejectedError("it is neither an entry of a garak report nor a hit")
        elif taken := _TAKEN.get(entry):
            taken(self, record, locator)

    def take_setup(self, record: Record, _locator: str) -> None:
        kind = text_of(record.get("plugins.target_type") or record.get("plugins.model_type"))
        name = text_of(record.get("plugins.target_name") or record.get("plugins.model_name"))
        run = _Run(
            identity=text_of(record.get("transient.run_id")),
            version=text_of(record.get("_config.version")),
            target=" ".join(part for part in (kind, name) if part),
        )
        self.runs.append(run)

    def take_init(self, record: Record, _locator: str) -> None:
        run = self.run
        run.version = text_of(record.get("garak_version")) or run.version
        run.started = text_of(record.get("start_time"))
        run.identity = text_of(record.get("run")) or run.identity

    def take_attempt(self, record: Record, locator: str) -> None:
        self.run.attempted.setdefault(text_of(record.get("probe_classname")) or NOT_RECORDED, locator)

    def take_eval(self, record: Record, locator: str) -> None:
        probe, detector = text_of(record.get("probe")), text_of(record.get("detector")).removeprefix("detector.")
        if not probe or not detector:
            raise RejectedError("an evaluation names no probe or no detector")
        run, counts = self.run, _counts_of(record)
        run.evaluated.add(probe)
        key = (self.target(run), f"{probe}/{detector}")
        more = {name: record[name] for name in _MORE if name in record}
        pair = self.pairs.setdefault(key, _Pair(run, locator, dict.fromkeys(_COUNTS, 0), more, []))
        pair.counts = {name: pair.counts[name] + counts[name] for name in _COUNTS}
        pair.raw.append(raw_digest(record))

    def take_completion(self, _record: Record, _locator: str) -> None:
        self.run.is_finished = True

    def take_hit(self, record: Record, locator: str) -> None:
        probe, detector = text_of(record.get("probe")), text_of(record.get("detector"))
        target = text_of(record.get("generator")) or f"{NOT_RECORDED} (run {text_of(record.get('run_id'))})"
        if not probe or not detector:
            raise RejectedError("a hit names no probe or no detector")
        hits = self.hits.setdefault((target, f"{probe}/{detector}"), _Hits(locator))
        hits.runs.add(text_of(record.get("run_id")))
        hits.attempts.append(text_of(record.get("attempt_id")))
        hits.goals.append(text_of(record.get("goal")))
        hits.raw.append(raw_digest(record))

    def target(self, run: _Run) -> str:
        return run.target or f"{NOT_RECORDED} (run {run.identity or self.context.file_name})"

    def asset(self, target: str) -> AssetRef:
        if target.startswith(NOT_RECORDED) and self.context.asset is not None:
            return self.context.asset
        return AssetRef(kind="model_endpoint", name=target)

    # What follows.

    def drafts(self) -> Iterator[Draft]:
        for (target, rule), pair in self.pairs.items():
            yield self.evaluation(target, rule, pair)
        for (target, rule), hits in self.hits.items():
            yield self.hit(target, rule, hits)
        for run in self.runs:
            yield from self.unfinished(run)

    def report(self, version: str) -> Report:
        return Report(producer=PRODUCER, version=version, techniques=(), limits=LIMITS)

    def evaluation(self, target: str, rule: str, pair: _Pair) -> Draft:
        counts = pair.counts
        evaluated, fails = counts["total_evaluated"], counts["fails"]
        verdict = FileScanVerdict.FINDING if fails else FileScanVerdict.NOTHING_FOUND
        told = f"Of {evaluated} answers judged by {rule}, {fails} were hits; {counts['nones']} could not be judged."
        return self.report(pair.run.version).observation(
            rule=rule,
            title=f"garak: {rule}",
            description=told,
            asset=self.asset(target),
            verdict=verdict if evaluated else FileScanVerdict.NOTHING_SCANNED,
            locator=pair.locator,
            raw=pair.raw,
            facts={
                **counts,
                **pair.more,
                "run": pair.run.identity,
                "run_finished": pair.run.is_finished,
                "source_time": pair.run.started,
                "source_time_zone": "not stated: local time of the machine that ran garak",
                "unknown_fields": _UNKNOWN,
            },
        )

    def hit(self, target: str, rule: str, hits: _Hits) -> Draft:
        return self.report("").observation(
            rule=rule,
            title=f"garak: {rule}",
            description=f"Answers that {rule} took for hits: {len(hits.raw)}. A hit log holds nothing else.",
            asset=self.asset(target),
            verdict=FileScanVerdict.FINDING,
            locator=hits.locator,
            raw=hits.raw,
            facts={
                "hits": len(hits.raw),
                "attempts": hits.attempts[:_SHOWN],
                "goals": list(dict.fromkeys(hits.goals))[:_SHOWN],
                "runs": sorted(hits.runs),
                "unknown_fields": [*_UNKNOWN, "producer_version", "passed", "total_evaluated"],
            },
        )

    def unfinished(self, run: _Run) -> Iterator[Draft]:
        """What a run began and did not bring to its end."""
        asset, report = self.asset(self.target(run)), self.report(run.version)
        for probe, locator in run.attempted.items():
            if probe not in run.evaluated:
                yield report.observation(
                    rule=f"{probe}/not_evaluated",
                    title=f"garak did not evaluate {probe}",
                    description=f"The run {run.identity} sent prompts of {probe} and holds no evaluation of the answers.",
                    asset=asset,
                    verdict=FileScanVerdict.FAILED,
                    locator=locator,
                    raw=[run.identity, probe],
                )
        if not run.is_finished:
            yield report.observation(
                rule="run_not_finished",
                title="A run of garak did not finish",
                description=f"The run {run.identity} has no completion entry; probes that were asked for may be missing.",
                asset=asset,
                verdict=FileScanVerdict.FAILED,
                key=("run_not_finished", run.identity, asset.name),
                locator="end of the document",
                raw=[run.identity],
                facts={"run": run.identity, "source_time": run.started},
            )

    def scope(self, rejected: bool) -> dict[str, Any]:
        gaps = {
            "A hit log holds only hits.": bool(self.hits),
            "A run did not finish.": any(not run.is_finished for run in self.runs),
            "Probes were not evaluated.": any(set(run.attempted) - run.evaluated for run in self.runs),
            "Answers could not be judged.": any(pair.counts["nones"] for pair in self.pairs.values()),
            "Entries were rejected.": rejected,
            "It holds several runs.": len(self.runs) > 1,
        }
        last = self.runs[-1] if self.runs else _Run()
        return report_scope(
            tool=PRODUCER,
            tool_version=last.version,
            assets=(self.asset(target) for target, _ in (*self.pairs, *self.hits)),
            rules=(rule for _, rule in self.pairs),
            gaps=(gap for gap, holds in gaps.items() if holds),
            made_at=last.started,
            more={"run_ids": [run.identity for run in self.runs], "speaks_to": []},
        )


_TAKEN = {
    "start_run setup": _Reading.take_setup,
    "init": _Reading.take_init,
    "attempt": _Reading.take_attempt,
    "eval": _Reading.take_eval,
    "completion": _Reading.take_completion,
}


class Garak:
    """The parser. Stateless: one instance serves all."""

    name = PRODUCER
    label = "garak report or hit log (JSONL)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the first entry of a report, or by members that only a hit has together."""
        report = b'"entry_type"' in head and (b'"start_run setup"' in head or b'"garak_version"' in head)
        hit = all(mark in head for mark in (b'"attempt_id"', b'"detector"', b'"probe"', b'"generator"'))
        return CERTAIN if report or hit else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """An observation for each pair of probe and detector. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        scope: dict[str, Any] = {}
        drafts = self._read(_records(stream, context), context, scope)
        summary = yield from report_drafts(drafts, producer=PRODUCER, file_name=context.file_name, scope=scope)
        return summary

    def _read(self, records: JsonRecords, context: ParseContext, scope: dict[str, Any]) -> Iterator[Draft]:
        reading, rejected = _Reading(context), False
        for framed in records:
            try:
                if framed.problem:
                    raise RejectedError(framed.problem)
                reading.take(framed.value, framed.locator)
            except RejectedError as reason:
                rejected = True
                yield Reject(locator=framed.locator, reason=f"{context.file_name}, {framed.locator}: {reason}.")
        yield from reading.drafts()
        scope |= reading.scope(rejected)


def _records(stream: BinaryIO, context: ParseContext) -> JsonRecords:
    reader = BoundedReader(stream, context.file_name, context.limits, context.on_offset)
    return JsonRecords(
        reader.read,
        file_name=context.file_name,
        array_keys=("garak_entries",),
        first_keys=("entry_type", "goal"),
        max_record=context.limits.max_record,
        can_skip=decode_every,
    )


PARSER = Garak()
