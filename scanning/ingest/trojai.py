"""Results of the NIST TrojAI rounds: a text file per model with one number, the probability that the model is poisoned.

The file names no model, method, version, threshold or error rate. Without a threshold that the importer states it is
inconclusive; beyond one it is evidence; below one it stays inconclusive, since nothing says how often a poisoned one would be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from compliance.types.drafts import ObservationDraft
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import StageVerdict
from scanning.ingest.base import LIKELY, NO, Drafts, ParseContext, Parsing
from scanning.ingest.report_reading import Report, document_bytes, document_text, report_drafts
from scanning.ingest.report_scope import report_scope, stated_asset

NAME = "trojai"
SPEAKS_TO = ("AML.T0018.000",)
LIMITS = (
    "The file states a probability and nothing else: no method, version, threshold, error rate or digest of the model.",
    "It never supports a negative: the power of the detector is not stated.",
)
_UNKNOWN = ["producer_version", "observed_at", "threshold", "false-positive rate", "power", "method"]
_LONGEST = 64
_NUMBER = re.compile(rb"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\s*")


def _probability(content: bytes, name: str) -> float:
    text = document_text(content, name)
    if not _NUMBER.fullmatch(content) or len(content) > _LONGEST:
        raise BadInputError(f"{name} is no TrojAI result: it must hold one number and nothing else.")
    value = float(text)
    if not 0 <= value <= 1:
        raise BadInputError(f"{name} holds {text.strip()}, which is no probability: it lies outside 0 to 1.")
    return value


def _judged(value: float, threshold: float | None) -> tuple[StageVerdict, str]:
    if threshold is None:
        return StageVerdict.INCONCLUSIVE, "no threshold was stated"
    if value >= threshold:
        return StageVerdict.EVIDENCE_FOUND, f"at or above the threshold {threshold:g} that the importer stated"
    return StageVerdict.INCONCLUSIVE, f"below the threshold {threshold:g} that the importer stated, with no known power"


class TrojAi:
    """The parser. Stateless: one instance serves all."""

    name = NAME
    label = "TrojAI result (one probability, text)"

    def identify(self, head: bytes, file_name: str) -> int:
        """A document that is one number. Nothing in it says whose, so that every other format comes first."""
        return LIKELY if len(head) <= _LONGEST and _NUMBER.fullmatch(head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """One observation. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        content = document_bytes(stream, context)
        value = _probability(content, context.file_name)
        asset = stated_asset(context, content)
        scope = report_scope(tool=NAME, tool_version="", assets=(asset,), gaps=(), made_at=None)
        drafts = self._observation(content, value, context)
        return report_drafts(drafts, producer=NAME, file_name=context.file_name, scope=scope)

    def _observation(self, content: bytes, value: float, context: ParseContext) -> Iterator[ObservationDraft]:
        asset, (verdict, why) = stated_asset(context, content), _judged(value, context.threshold)
        yield Report(producer=NAME, version="", techniques=SPEAKS_TO, limits=LIMITS).observation(
            rule="probability of poisoning",
            title=f"A TrojAI detector gives the probability {value:.3f} that the model is poisoned",
            description=f"The probability is {value:.6g}: {why}.",
            asset=asset,
            verdict=verdict,
            locator="line 1",
            raw={"text": content.decode("ascii").strip()},
            severity=Severity.HIGH if verdict is StageVerdict.EVIDENCE_FOUND else None,
            native_severity=f"{value:.6g}",
            facts={
                "score": value,
                "score_semantics": "probability that the model is poisoned",
                "threshold": context.threshold,
                "unknown_fields": [name for name in _UNKNOWN if name != "threshold" or context.threshold is None]
                + ([] if asset is context.asset else ["asset"]),
            },
        )


PARSER = TrojAi()
