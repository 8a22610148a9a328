"""Results of `detect_poison()` of the Adversarial Robustness Toolbox (1.20.1), written as JSON by whoever called it.

ART returns Python objects, a report and a list that holds 1 for each sample it lets pass and 0 for each that it flags, and
defines no file: {"report": {...}, "is_clean": [...]} is the form that is read. Its cluster analyses flag part of any data: the
smaller of two clusters is flagged by default. So flagged samples are to be looked at, and are no evidence by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from compliance.types.drafts import AssetRef, ObservationDraft
from compliance.types.errors import BadInputError
from compliance.types.verdicts import StageVerdict
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.records import Record, object_of, text_of
from scanning.ingest.report_reading import Report, decoded, document_bytes, document_text, report_drafts
from scanning.ingest.report_scope import report_scope, stated_asset

NAME = "art"
SPEAKS_TO = ("AML.T0018.000",)
LIMITS = (
    "ART flags samples and states no error rate: cluster analyses flag part of any data set.",
    "It never supports a negative: the power of the defence is not stated.",
    "The form holds no name of the defence, no version, and no digest of data or model.",
)
_UNKNOWN = [
    "defence",
    "producer_version",
    "observed_at",
    "digest of the data",
    "threshold",
    "false-positive rate",
    "power",
]
_MOST_FLAGGED = 1000
_AGAIN = 'write {"report": …, "is_clean": […]} again'


def _load(content: bytes, name: str) -> tuple[Record, list[int]]:
    document = decoded(document_text(content, name), name, again=_AGAIN)
    flags = document.get("is_clean") if isinstance(document, dict) else None
    if not isinstance(flags, list) or not isinstance(document.get("report"), dict):
        raise BadInputError(f"{name} is no result of detect_poison: {_AGAIN}.")
    wrong = next((index for index, flag in enumerate(flags) if isinstance(flag, bool) or flag not in (0, 1)), None)
    if wrong is not None:
        raise BadInputError(f"{name}, /is_clean/{wrong}: every sample must be 1 (let pass) or 0 (flagged).")
    return document, flags


def _clusters(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The clusters of every class with their share of its samples, as ART's activation defence reports them."""
    return [
        {
            "class": str(name),
            "cluster": str(cluster),
            "share": text_of(object_of(figures).get("ptc_data_in_cluster")),
            "suspicious": object_of(figures).get("suspicious_cluster") is True,
        }
        for name, clusters in report.items()
        if str(name).startswith("Class_")
        for cluster, figures in object_of(clusters).items()
    ][:_MOST_FLAGGED]


def _observation(document: Record, flags: list[int], asset: AssetRef, stated: bool) -> Iterator[ObservationDraft]:
    report = object_of(document.get("report"))
    flagged = [index for index, flag in enumerate(flags) if not flag]
    yield Report(producer=NAME, version="", techniques=SPEAKS_TO, limits=LIMITS).observation(
        rule="detect_poison",
        title=f"ART flags {len(flagged)} of {len(flags)} samples",
        description=f"detect_poison() flags {len(flagged)} of {len(flags)} samples as possibly poisoned.",
        asset=asset,
        verdict=StageVerdict.INCONCLUSIVE if flags else StageVerdict.NOT_APPLICABLE,
        locator="/is_clean",
        raw=document,
        facts={
            "samples": len(flags),
            "flagged": len(flagged),
            "flagged_samples": flagged[:_MOST_FLAGGED],
            "flagged_samples_cut": len(flagged) > _MOST_FLAGGED,
            "cluster_analysis": text_of(report.get("cluster_analysis")),
            "clusters": _clusters(report),
            "unknown_fields": [*_UNKNOWN, *([] if stated else ["asset"])],
        },
    )


class Art:
    """The parser. Stateless: one instance serves all."""

    name = NAME
    label = "ART detect_poison result (JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """By the two members together or, where a long report comes first, by what it counts."""
        marks = b'"is_clean"' in head or b'"suspicious_clusters"' in head
        return CERTAIN if marks and b'"report"' in head else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """One observation. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        content = document_bytes(stream, context)
        document, flags = _load(content, context.file_name)
        asset = stated_asset(context, content)
        scope = report_scope(tool=NAME, tool_version="", assets=(asset,), gaps=(), made_at=None)
        drafts = _observation(document, flags, asset, asset is context.asset)
        return report_drafts(drafts, producer=NAME, file_name=context.file_name, scope=scope)


PARSER = Art()
