"""A matches document: of many log files, the raw bytes of the records that matter, each with its file's SHA-256 and its place.

For logs that are kept where they are, because they are many or large. `assay-matches/1` is JSON lines, gzip:

    {"format": "assay-matches/1", "log": "cloudtrail", "original_held_at": …}      first
    {"file": {"name", "size", "sha256"}}                                           then, for each file,
    {"match": {"offset", "raw"}}                                                   a record that gives an event,
    {"reject": {"locator", "reason", "offset", "raw"}}                             one that could not be taken,
    {"read": {"read", "matches", "rejected", "content_sha256", "scope", "error"}}  what the file was as a whole
    {"end": {"files", "matches"}}                                                  last

`offset` counts decompressed bytes, `sha256` is of the file as stored and `content_sha256` of what it decompresses to, which is
what CloudTrail's digests sign. Bytes that are not UTF-8 stand in `raw` as lone surrogates (PEP 383), escaped.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from compliance.types.drafts import JobEventDraft, ParseSummary, Reject
from compliance.types.errors import BadInputError
from scanning.ingest.base import Draft, Drafts, ParseContext, Parsing, ignore_offset
from scanning.ingest.limits import BoundedReader, Limits

FORMAT = "assay-matches/1"
_FIRST = b'{"format":"' + FORMAT.encode() + b'"'
_CHUNK, _LONGEST = 1 << 20, 16 << 20
_IN_MEMORY = 64 << 20
_MOST = 1000

Parse = Callable[[str, BinaryIO, ParseContext], Parsing]
Write = Callable[[Mapping[str, Any]], None]


def line(entry: Mapping[str, Any]) -> bytes:
    """One line of the document."""
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def first_line(*, log: str, original_held_at: str) -> bytes:
    """How the document begins."""
    return line({"format": FORMAT, "log": log, "original_held_at": original_held_at})


def last_line(*, files: int, matches: int) -> bytes:
    """How it ends: one that ends otherwise breaks off."""
    return line({"end": {"files": files, "matches": matches}})


def packed(content: bytes) -> bytes:
    """Lines as a gzip member that is the same whenever it is made."""
    return gzip.compress(content, compresslevel=1, mtime=0)


# Writing ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileCounts:
    """What became of one file. size: in bytes, as stored; error: why it was not read, "" where it was."""

    size: int
    matches: int
    error: str


def write_file(path: Path, name: str, log: str, parse: Parse, write: Write) -> FileCounts:
    """Read one log file and write what matters of it. A file that cannot be read is an error in its last line."""
    with path.open("rb") as stream:
        content = stream.read(_IN_MEMORY)
        digest, size = hashlib.sha256(content), len(content)
        while more := stream.read(_CHUNK):
            digest.update(more)
            size += len(more)
        write({"file": {"name": name, "size": size, "sha256": digest.hexdigest()}})
        stream.seek(0)
        opened = io.BytesIO(content) if size == len(content) else stream
        return _write_records(opened, size, name, log, parse, write)


def _write_records(stream: BinaryIO, size: int, name: str, log: str, parse: Parse, write: Write) -> FileCounts:
    digest, at = hashlib.sha256(), list[tuple[int, bytes]]()

    def note(offset: int, raw: bytes) -> None:
        at[:] = [(offset, raw)]

    context = ParseContext(file_name=name, on_content=digest.update, on_record=note)
    matches, error, summary = 0, "", ParseSummary(format=log, read=0, relevant=0, rejected=0)
    try:
        parsing = parse(log, stream, context)
        for draft in parsing:
            matches += _write_draft(draft, name, at, write)
        summary = parsing.summary
    except BadInputError as reason:
        error = str(reason)
    told = {"read": summary.read, "matches": matches, "rejected": summary.rejected, "scope": summary.scope}
    write({"read": told | {"content_sha256": digest.hexdigest(), "error": error}})
    return FileCounts(size, matches, error)


def _write_draft(draft: Draft, name: str, at: list[tuple[int, bytes]], write: Write) -> int:
    """The line of a draft; how many records it adds. A record that gives several events stands once."""
    place = {"offset": at[0][0], "raw": at[0][1].decode("utf-8", "surrogateescape")} if at else {}
    if isinstance(draft, Reject):
        reason = draft.reason.removeprefix(f"{name}, {draft.locator}: ")
        write({"reject": {"locator": draft.locator, "reason": reason} | place})
        at.clear()
        return 0
    if not isinstance(draft, JobEventDraft) or (not place and at != []):
        raise BadInputError(f"{name} is no log of single records; import it as a file.")
    if place:
        write({"match": place})
        at.clear()
        return 1
    return 0


# Reading ------------------------------------------------------------------------------------------------------------


def log_of(head: bytes) -> str:
    """Name of the log format that a matches document is of, by its first bytes (decompressed); "" for another document."""
    if not head.startswith(_FIRST):
        return ""
    try:
        told = json.loads(head.partition(b"\n")[0])
    except ValueError:
        return ""
    return str(told.get("log", "")) if isinstance(told, dict) else ""


@dataclass(slots=True)
class _Whole:
    """What all files of a document were together."""

    scope: dict[str, Any] = field(default_factory=dict)
    read: int = 0
    matches: int = 0
    files: int = 0
    failed: int = 0

    def add(self, told: Mapping[str, Any]) -> None:
        self.read += int(told["read"])
        self.failed += bool(told["error"])
        scope = told["scope"]
        for name in ("accounts", "regions"):
            known = self.scope.setdefault(name, [])
            known.extend(value for value in scope.get(name, []) if value not in known and len(known) < _MOST)
        first, last = scope.get("first_event", ""), scope.get("last_event", "")
        self.scope["first_event"] = min(filter(None, (self.scope.get("first_event", ""), first)), default="")
        self.scope["last_event"] = max(self.scope.get("last_event", ""), last)
        self.scope |= {name: scope[name] for name in ("note",) if name in scope}


def drafts_of(stream: BinaryIO, context: ParseContext, parse: Parse) -> Drafts:
    """The drafts of a matches document: each record read as its log's parser reads it. Raises BadInputError."""
    lines = _lines(BoundedReader(stream, context.file_name, context.limits, context.on_offset), context.file_name)
    header, whole, name = next(lines), _Whole(), ""
    log, ended, relevant, rejected = str(header["log"]), False, 0, 0
    for entry in lines:
        kind, told = next(iter(entry.items()))
        if kind == "file":
            name, whole.files = str(told["name"]), whole.files + 1
        elif kind == "read":
            whole.add(told)
            if told["error"]:
                rejected += 1
                yield Reject(locator=name, reason=str(told["error"]))
        elif kind == "end":
            ended = told == {"files": whole.files, "matches": whole.matches}
        else:
            whole.matches += kind == "match"
            for draft in _drafts(kind, told, name, log, context, parse):
                rejected += isinstance(draft, Reject)
                relevant += not isinstance(draft, Reject)
                yield draft
    if not ended:
        raise BadInputError(f"{context.file_name} breaks off: its last line is missing; make it again.")
    whole.scope |= {"complete": False, "files": whole.files, "files_not_read": whole.failed}
    held = {"kept": "matches", "original_held_at": str(header.get("original_held_at", ""))}
    return ParseSummary(format=log, read=whole.read, relevant=relevant, rejected=rejected, scope=whole.scope | held)


def _drafts(
    kind: str, told: Mapping[str, Any], name: str, log: str, context: ParseContext, parse: Parse
) -> Iterator[Draft]:
    if kind == "reject":
        yield Reject(locator=f"{name}, {told['locator']}", reason=f"{name}, {told['locator']}: {told['reason']}")
        return
    place = f"{name}, byte {told['offset']}"
    raw = str(told["raw"]).encode("utf-8", "surrogateescape")
    try:
        for draft in parse(log, io.BytesIO(raw), replace(context, file_name=name, on_offset=lambda _: None)):
            yield replace(draft, locator=place) if isinstance(draft, JobEventDraft | Reject) else draft
    except BadInputError as error:
        yield Reject(locator=place, reason=f"{place}: {error}")


def _lines(reader: BoundedReader, name: str) -> Iterator[dict[str, Any]]:
    """The entries of the document. Raises BadInputError for a line that is none."""
    waiting, number = b"", 0
    while chunk := reader.read(_CHUNK):
        *whole, waiting = (waiting + chunk).split(b"\n")
        if len(waiting) > _LONGEST:
            raise BadInputError(f"{name}, line {number + len(whole) + 1} is too long; make it again.")
        for text in whole:
            number += 1
            yield _entry(text, name, number)
    if waiting:
        raise BadInputError(f"{name} breaks off in line {number + 1}; make it again.")


def _entry(text: bytes, name: str, number: int) -> dict[str, Any]:
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{name}, line {number} is not JSON: {error}; make it again.") from error
    if not _is_entry(entry):
        raise BadInputError(f"{name}, line {number} is no line of a matches document ({FORMAT}); make it again.")
    return dict(entry)


_NEEDED: Mapping[str, Mapping[str, type]] = {
    "file": {"name": str},
    "match": {"offset": int, "raw": str},
    "reject": {"locator": str, "reason": str},
    "read": {"read": int, "scope": dict, "error": str},
    "end": {"files": int, "matches": int},
}


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict) or not entry:
        return False
    if entry.get("format") == FORMAT:
        return isinstance(entry.get("log"), str)
    kind, told = next(iter(entry.items()))
    needed = _NEEDED.get(kind)
    return needed is not None and isinstance(told, dict) and all(isinstance(told.get(n), t) for n, t in needed.items())


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A log file that a matches document was made from. sha256: of what it decompresses to."""

    name: str
    sha256: str
    scope: Mapping[str, Any]


def read_files(stream: BinaryIO, file_name: str) -> Iterator[ReadFile]:
    """The log files that a matches document was made from, those that could not be read left out. Raises BadInputError."""
    name = ""
    for entry in _lines(BoundedReader(stream, file_name, Limits(), ignore_offset), file_name):
        kind, told = next(iter(entry.items()))
        if kind == "file":
            name = str(told["name"])
        elif kind == "read" and not told["error"]:
            yield ReadFile(name, str(told.get("content_sha256", "")), told["scope"])
