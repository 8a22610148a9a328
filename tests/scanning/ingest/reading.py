"""Runs a parser over bytes and shows what came out in a form that golden files keep."""

from __future__ import annotations

import gzip
import io
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from compliance.types.drafts import JobEventDraft, ObservationDraft, ParseSummary, Reject
from scanning.ingest.base import Draft, ParseContext
from scanning.ingest.generic_log import layout_of
from scanning.ingest.limits import plain_head
from scanning.ingest.log_mapping import Layout, mapping_from_json
from scanning.ingest.registry import parse

SAMPLES = Path(__file__).parents[2] / "samples"


def context_of(format_name: str, content: bytes) -> ParseContext:
    """What the samples of a format are read with: for logs of no known format, the mapping for their layout."""
    if format_name != "generic_log":
        return ParseContext(file_name="sample.json")
    layout = layout_of(plain_head(content)) or Layout.CSV
    mapping = mapping_from_json(json.loads((SAMPLES / "generic_log" / f"mapping_{layout.value}.json").read_bytes()))
    return ParseContext(file_name="sample.json", mapping=mapping)


def read(format_name: str, content: bytes, context: ParseContext | None = None) -> tuple[list[Draft], ParseSummary]:
    parsing = parse(format_name, io.BytesIO(content), context or context_of(format_name, content))
    drafts = list(parsing)
    return drafts, parsing.summary


def events(content: bytes) -> list[JobEventDraft]:
    return [draft for draft in read("cloudtrail", content)[0] if isinstance(draft, JobEventDraft)]


def rejects(content: bytes) -> list[Reject]:
    return [draft for draft in read("cloudtrail", content)[0] if isinstance(draft, Reject)]


def observations(content: bytes) -> list[ObservationDraft]:
    return [draft for draft in read("modelscan", content)[0] if isinstance(draft, ObservationDraft)]


def golden(format_name: str, content: bytes) -> Any:
    """Drafts and summary as JSON; of the raw record only what was redacted, since the sample itself is beside it."""
    drafts, summary = read(format_name, content)
    shown = []
    for draft in drafts:
        fields = {"kind": type(draft).__name__, **asdict(draft)}
        raw, _ = fields.pop("raw", None), fields.pop("raw_text", None)
        for part, value in sorted((raw or {}).items()):
            if any(re.match(rf"{re.escape(part)}(?:[.\[]|$)", path) for path in fields.get("redacted_fields", ())):
                fields[f"raw.{part}"] = value
        shown.append(fields)
    return json.loads(json.dumps({"drafts": shown, "summary": asdict(summary)}, default=str))


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def zipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def expected_of(path: Path) -> Path:
    """The file beside a sample that holds its expected result."""
    return path.with_name(f"{path.name.split('.', maxsplit=1)[0]}.expected.json")
