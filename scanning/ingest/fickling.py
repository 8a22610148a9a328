"""fickling's safety results (seen: 0.1.12, `fickling --check-safety --json-output FILE PICKLE`).

The result names neither the file it is about, nor its digest, the version or a time; the importer states the file. fickling
appends to the file it writes to, so that one document may hold the results of several pickles.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

from compliance.types.drafts import AssetRef, Reject
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.base import CERTAIN, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.records import object_of, text_of
from scanning.ingest.report_reading import Report, decoded, document_bytes, document_text, report_drafts
from scanning.ingest.report_scope import report_scope, stated_asset

PRODUCER = "fickling"
SPEAKS_TO = ("AML.T0018.002",)
LIMITS = (
    "fickling follows the opcodes of one pickle and judges imports and calls by rules of its own.",
    "LIKELY_SAFE says that its rules found nothing; it is no statement that the pickle may be loaded.",
    "The result holds no file name, digest, version or time.",
)
_UNKNOWN = ["asset", "producer_version", "observed_at"]
# fickling.analysis.Severity, in its order; None: nothing found.
_SEVERITIES: dict[str, Severity | None] = {
    "LIKELY_SAFE": None,
    "POSSIBLY_UNSAFE": Severity.LOW,
    "SUSPICIOUS": Severity.MEDIUM,
    "LIKELY_UNSAFE": Severity.HIGH,
    "LIKELY_OVERTLY_MALICIOUS": Severity.CRITICAL,
    "OVERTLY_MALICIOUS": Severity.CRITICAL,
}
_UNREADABLE = "invalid opcode(s)"
_AGAIN = "run fickling again with `--check-safety --json-output FILE`, into a new FILE"


def _pieces(text: str, name: str) -> Iterator[Any]:
    """The values of a document to which fickling appended, one after another."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = len(text)  # `decoded` says what is wrong with the rest
        yield decoded(text[at:end], name, again=_AGAIN)
        at = end + len(text[end:]) - len(text[end:].lstrip())


class Fickling:
    """The parser. Stateless: one instance serves all."""

    name = PRODUCER
    label = "fickling safety results (JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the three members of a result together."""
        own = all(mark in head for mark in (b'"severity"', b'"analysis"', b'"detailed_results"'))
        return CERTAIN if own else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """One observation for each result. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        content = document_bytes(stream, context)
        results = list(_pieces(document_text(content, context.file_name).strip(), context.file_name))
        assets = _assets(context, content, len(results))
        report = Report(producer=PRODUCER, version="", techniques=SPEAKS_TO, limits=LIMITS)
        drafts = (
            _draft(report, result, asset, n, context)
            for n, (result, asset) in enumerate(zip(results, assets, strict=True))
        )
        scope = report_scope(
            tool=PRODUCER, tool_version="", assets=assets, gaps=(), made_at=None, more={"speaks_to": list(SPEAKS_TO)}
        )
        summary = yield from report_drafts(drafts, producer=PRODUCER, file_name=context.file_name, scope=scope)
        return summary


def _assets(context: ParseContext, content: bytes, results: int) -> list[AssetRef]:
    """What each result is about. Which of several is the file that the importer stated cannot be told."""
    if results == 1:
        return [stated_asset(context, content)]
    whole = stated_asset(replace(context, asset=None), content)
    return [AssetRef(kind=whole.kind, name=f"{whole.name}, result {n + 1} of {results}") for n in range(results)]


def _draft(report: Report, result: object, asset: AssetRef, n: int, context: ParseContext) -> Draft:
    found = object_of(result)
    native = text_of(found.get("severity"))
    if native not in _SEVERITIES:
        words = f"{native[:40]!r} is no severity of fickling" if native else "it states no severity"
        return Reject(locator=f"result {n + 1}", reason=f"{context.file_name}, result {n + 1}: {words}.")
    severity, analysis = _SEVERITIES[native], text_of(found.get("analysis")).strip()
    analyses = {
        text_of(name): text_of(trigger)
        for name, trigger in object_of(object_of(found.get("detailed_results")).get("AnalysisResult")).items()
    }
    return report.observation(
        rule="check-safety",
        title=f"fickling judges the pickle {native.replace('_', ' ').lower()}"
        if severity
        else "fickling reported nothing",
        description=analysis or "fickling gives no analysis.",
        asset=asset,
        verdict=FileScanVerdict.FINDING if severity else FileScanVerdict.NOTHING_FOUND,
        severity=severity,
        native_severity=native,
        locator=f"result {n + 1}",
        raw=found,
        facts={
            "analyses": analyses,
            "could_not_be_followed": _UNREADABLE in analysis,
            "unknown_fields": _UNKNOWN if asset is not context.asset else _UNKNOWN[1:],
        },
    )


PARSER = Fickling()
