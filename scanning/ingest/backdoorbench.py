"""BackdoorBench's `detection_info.csv`: how well a detector told samples that are known to be poisoned from others.

Two shapes: `record,TN,FP,FN,TP,TPR,FPR,target` (STRIP, SentiNet and most) and `record,Threshold,TPR,FPR,AUC,target` (TeCo).
Every run appends its header and a row. Such a measurement needs the truth, so it speaks of a detector in a laboratory and
of no model whose samples are unknown: it is inconclusive for every model.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from compliance.types.drafts import AssetRef, Reject
from compliance.types.errors import BadInputError
from compliance.types.verdicts import StageVerdict
from scanning.ingest.base import CERTAIN, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.records import RejectedError, clipped
from scanning.ingest.report_reading import Report, document_bytes, document_text, report_drafts
from scanning.ingest.report_scope import report_scope

NAME = "backdoorbench"
SPEAKS_TO = ("AML.T0018.000",)
LIMITS = (
    "The figures need samples of which somebody knows whether they are poisoned: they describe a detector, not a model.",
    "The file names neither the detector nor its version, nor the model by digest.",
)
COUNTS = ("record", "TN", "FP", "FN", "TP", "TPR", "FPR", "target")
CURVE = ("record", "Threshold", "TPR", "FPR", "AUC", "target")
_UNKNOWN = ["detector", "producer_version", "observed_at", "digest of the model"]
_GAP = "A measurement of a detector says nothing of models whose samples are unknown."
_TOLERANCE = 0.005


def _rate(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise RejectedError(f"{name} {text[:40]!r} is no number") from error
    if not math.isfinite(value) or not 0 <= value <= 1:
        raise RejectedError(f"{name} {text[:40]!r} lies outside 0 to 1")
    return value


def _count(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise RejectedError(f"{name} {text[:40]!r} is no count")
    return int(text)


def _counts(row: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    counts = {name: _count(row[name], name) for name in ("TN", "FP", "FN", "TP")}
    tpr, fpr = _rate(row["TPR"], "TPR"), _rate(row["FPR"], "FPR")
    poisoned, others = counts["TP"] + counts["FN"], counts["FP"] + counts["TN"]
    for name, rate, hits, trials in (("TPR", tpr, counts["TP"], poisoned), ("FPR", fpr, counts["FP"], others)):
        if trials and abs(rate - hits / trials) > _TOLERANCE:
            raise RejectedError(f"{name} {rate:g} contradicts the counts, which make {hits / trials:.4f}")
    told = f"{counts['TP']} of {poisoned} poisoned samples were found, and {counts['FP']} of {others} others flagged."
    return counts | {"TPR": tpr, "FPR": fpr}, told


def _curve(row: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    area = _rate(row["AUC"], "AUC")
    curve = {name: clipped(row[name]) for name in ("Threshold", "TPR", "FPR")}
    return curve | {"AUC": area}, f"The area under the curve is {area:.4f}; no threshold was chosen."


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line on which they end. Raises BadInputError where the text is no CSV."""
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise BadInputError(f"{name}, line {reader.line_num}: this is no CSV ({error}).") from error


def _drafts_of(text: str, context: ParseContext) -> Iterator[Draft]:
    heads: tuple[str, ...] = ()
    for line, cells in _rows(text, context.file_name):
        if tuple(cells) in (COUNTS, CURVE):
            heads = tuple(cells)
            continue
        try:
            if not heads or len(cells) != len(heads):
                raise RejectedError(f"{len(cells)} cells do not fit the header")
            yield _observation(dict(zip(heads, cells, strict=True)), line, heads)
        except RejectedError as reason:
            yield Reject(locator=f"line {line}", reason=f"{context.file_name}, line {line}: {reason}.")


def _observation(row: Mapping[str, str], line: int, heads: tuple[str, ...]) -> Draft:
    if not row["record"]:
        raise RejectedError("it names no record")
    figures, told = _counts(row) if heads == COUNTS else _curve(row)
    return Report(producer=NAME, version="", techniques=SPEAKS_TO, limits=LIMITS).observation(
        rule="detection_info",
        title=f"A detector was measured on the record {row['record']}",
        description=told,
        asset=AssetRef(kind="laboratory_record", name=row["record"]),
        verdict=StageVerdict.INCONCLUSIVE,
        locator=f"line {line}",
        raw=dict(row),
        key=("detection_info", row["record"], *(f"{name}={row[name]}" for name in heads)),
        facts={"figures": figures, "target": row["target"], "unknown_fields": _UNKNOWN},
    )


class BackdoorBench:
    """The parser. Stateless: one instance serves all."""

    name = NAME
    label = "BackdoorBench detection_info.csv"

    def identify(self, head: bytes, file_name: str) -> int:
        """By the header, which is always the first line."""
        first = tuple(cell.strip() for cell in head.partition(b"\n")[0].decode("ascii", "replace").split(","))
        return CERTAIN if first in (COUNTS, CURVE) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """One observation for each row. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        text = document_text(document_bytes(stream, context), context.file_name)
        if self.identify(text[:200].encode(), context.file_name) == NO:
            heads = f"{','.join(COUNTS)} or {','.join(CURVE)}"
            raise BadInputError(f"{context.file_name} is no detection_info.csv: its first line must be {heads}.")
        scope = report_scope(tool=NAME, tool_version="", assets=(), gaps=(_GAP,), made_at=None)
        drafts = _drafts_of(text, context)
        return report_drafts(drafts, producer=NAME, file_name=context.file_name, scope=scope)


PARSER = BackdoorBench()
