"""Any log as a table (CSV) or as JSON lines, by a column mapping that a person made.

It is recognised last: what a parser of its own knows is never read by a mapping. Without a mapping it cannot be read.
"""

from __future__ import annotations

import json
from typing import BinaryIO

from compliance.types.drafts import JobEventDraft
from compliance.types.errors import MappingNeededError
from scanning.ingest.base import NO, Drafts, ParseContext, Parsing
from scanning.ingest.limits import BoundedReader
from scanning.ingest.log_mapping import Layout
from scanning.ingest.log_reading import read_records
from scanning.ingest.mapped_rows import check_columns, framed, read_mapped, scope_of
from scanning.ingest.table_reading import dialect_of

SOURCE = "generic_log"
# Below what any parser answers that knows its format.
FALLBACK = 1


def layout_of(head: bytes) -> Layout | None:
    """The layout of a log by its first bytes: two JSON objects or more, one a line, or a table; None where it is neither."""
    lines = [line for line in head.split(b"\n", 3)[:3] if line.strip()]
    if len(lines) > 1 and all(line.lstrip().startswith(b"{") for line in lines) and _is_object(lines[0]):
        return Layout.JSONL
    if b"\0" in head or head.lstrip().startswith((b"{", b"[", b"<")):
        return None
    return Layout.CSV if dialect_of(head.decode("utf-8", "replace")) else None


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


class GenericLog:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "Any other log as CSV or JSON lines, by a column mapping"

    def identify(self, head: bytes, file_name: str) -> int:
        """The last resort for a table or for JSON lines."""
        return FALLBACK if layout_of(head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """Records whose action the mapping lists as drafts, the others counted. See scanning.ingest.base.Parser.

        Iterating raises MappingNeededError where the context holds no mapping.
        """
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        mapping = context.mapping
        if mapping is None:
            raise MappingNeededError(
                f"{context.file_name} is a log of no known format; say what its columns mean, and it can be read."
            )
        scope = scope_of(mapping)

        def read_record(value: object, locator: str) -> JobEventDraft | None:
            return read_mapped(value, locator, mapping, scope)

        reader = BoundedReader(stream, context.file_name, context.limits, context.on_offset)
        records = framed(reader, mapping.layout, context)
        check_columns(records, mapping, context.file_name)
        found = read_records(
            records,
            context,
            source=SOURCE,
            kind="row or record",
            scope=scope,
            read_record=read_record,
        )
        return (yield from found)


PARSER = GenericLog()
