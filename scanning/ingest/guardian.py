"""The state of a scan as Protect AI Guardian's client gives it (seen: guardian-client 2.1.0, `get_scan`; the answer, or what
the command prints of it).

It tells how the organisation's policies judged a model, not what was found in which file, nor by which rules; so it speaks to
no sub-technique by itself.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from compliance.types.drafts import AssetRef, Reject
from compliance.types.errors import BadInputError
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.base import CERTAIN, NO, Draft, Drafts, ParseContext, Parsing
from scanning.ingest.records import Record, object_of, text_of
from scanning.ingest.report_reading import Report, decoded, document_bytes, document_text, report_drafts
from scanning.ingest.report_scope import report_scope

PRODUCER = "guardian"
LIMITS = (
    "The state is the outcome of the policies of a security group; it lists no issue, no file and no rule.",
    "A pass says that no policy refused the model, whatever these policies are.",
    "It holds no digest of the model and no version of the scanner.",
)
_UNKNOWN = ("producer_version", "asset_digest", "observed_at", "severity", "rules", "files")
_VERDICTS = {
    "PASS": (FileScanVerdict.NOTHING_FOUND, "Guardian's policies passed the model"),
    "FAIL": (FileScanVerdict.FINDING, "Guardian's policies refused the model"),
    "ERROR": (FileScanVerdict.FAILED, "Guardian could not scan the model"),
    "PENDING": (FileScanVerdict.NOTHING_SCANNED, "Guardian had not scanned the model yet"),
}


class Guardian:
    """The parser. Stateless: one instance serves all."""

    name = PRODUCER
    label = "Protect AI Guardian scan state (JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the outcome's own name."""
        return CERTAIN if b'"aggregate_eval_outcome"' in head else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """One observation. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        name = context.file_name
        text = document_text(document_bytes(stream, context), name)
        answer = decoded(text, name, again="fetch it again with `guardian-client get-scan ID`")
        inner = object_of(answer).get("scan_status_json")
        pointer = "/scan_status_json" if isinstance(inner, dict) else ""
        state = inner if isinstance(inner, dict) else object_of(answer)
        if "aggregate_eval_outcome" not in state:
            raise BadInputError(f"{name} is JSON but no Guardian scan state: it has no `aggregate_eval_outcome`.")
        scope = _scope(text_of(state.get("model_uri")))
        drafts = (_draft(one, pointer, name) for one in (state,))
        summary = yield from report_drafts(drafts, producer=PRODUCER, file_name=name, scope=scope)
        return summary


def _draft(state: Record, pointer: str, name: str) -> Draft:
    outcome, model = text_of(state["aggregate_eval_outcome"]), text_of(state.get("model_uri"))
    if outcome not in _VERDICTS:
        where = f"{pointer}/aggregate_eval_outcome"
        return Reject(locator=where, reason=f"{name}, {where}: {outcome[:40]!r} is no outcome that is known.")
    if not model:
        where = f"{pointer}/model_uri"
        return Reject(locator=where, reason=f"{name}, {where}: no model is named.")
    verdict, title = _VERDICTS[outcome]
    errors = ": ".join(filter(None, (text_of(state.get("error_code")), text_of(state.get("error_message")))))
    return Report(producer=PRODUCER, version="", techniques=(), limits=LIMITS).observation(
        rule="aggregate_eval_outcome",
        title=title,
        description=f"Guardian's outcome for {model} is {outcome}{f' ({errors})' if errors else ''}.",
        asset=AssetRef(kind="model", name=model),
        verdict=verdict,
        native_severity="",
        locator=pointer or "document",
        raw=state,
        facts={"scan_id": text_of(state.get("uuid")), "outcome": outcome, "unknown_fields": list(_UNKNOWN)},
    )


def _scope(model: str) -> dict[str, Any]:
    return report_scope(
        tool=PRODUCER,
        tool_version="",
        assets=[AssetRef(kind="model", name=model)] if model else [],
        gaps=["It does not say which rules ran on which files."],
        made_at=None,
        more={"speaks_to": []},
    )


PARSER = Guardian()
