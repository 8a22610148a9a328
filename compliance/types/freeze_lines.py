"""Lists of a freeze document that lie beside it as lines, so that nobody has to hold them.

From "assay-freeze/2" on the document has, in place of each list that grows with the record, the Blob of a register: one
canonical JSON line for each row, in the order of the list. `opened` puts `Lines` there, and whoever reads a document goes
over its lists and knows their lengths, whichever form it has; `stored` is the way back.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, cast

from compliance.types.canonical import canonical_json
from compliance.types.freeze_blob import Blob
from compliance.types.shape import ShapeError, check_shape

SCHEMA: Literal["assay-freeze/2"] = "assay-freeze/2"
LINED: Mapping[str, str] = {
    "findings": "findings.jsonl",
    "risks": "risks.jsonl",
    "remediation": "remediation-items.jsonl",
    "closings": "closings.jsonl",
    "scans": "scans.jsonl",
    "file_scans": "file-scans.jsonl",
}
"""What the register of each list is called."""
MEDIA_TYPE = "application/x-ndjson"
_PIECE = 1 << 20
Row = TypeVar("Row")
Document = TypeVar("Document", bound=Mapping[str, Any])


class LinesError(ValueError):
    """A register is not what the document says of it; one sentence without its full stop."""


class _File:
    """An open file, closed when nothing reads it any more. It may be deleted meanwhile."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        os.close(self._descriptor)

    def lines(self) -> Iterator[bytes]:
        place, rest = 0, b""
        while piece := os.pread(self._descriptor, _PIECE, place):
            place += len(piece)
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole
        if rest:
            yield rest


class Lines(Generic[Row]):
    """The rows of a register; each pass reads them anew. Raises LinesError where there are not as many as recorded."""

    def __init__(self, blob: Blob, file: _File, change: Callable[[Any], Row] | None = None) -> None:
        self.blob = blob
        self._file = file
        self._change = change

    def __len__(self) -> int:
        return self.blob["rows"]

    def __iter__(self) -> Iterator[Row]:
        rows = 0
        for line in self._file.lines():
            rows += 1
            row = json.loads(line)
            yield self._change(row) if self._change else row
        if rows != len(self):
            raise LinesError(f"{self.blob['filename']} has {rows} rows, and {len(self)} were recorded")

    def __contains__(self, row: object) -> bool:
        return any(row == other for other in self)

    def mapped(self, change: Callable[[Row], Row]) -> Lines[Row]:
        """The same rows, each changed as it is read."""
        before = self._change
        return Lines(self.blob, self._file, (lambda row: change(before(row))) if before else change)


def written(filename: str, rows: Iterable[Any], folder: Path) -> Lines[Any]:
    """Rows as a register in the folder, under its SHA-256. Raises NotCanonicalError."""
    digest, size, count = hashlib.sha256(), 0, 0
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as out:
        for row in rows:
            line = canonical_json(row) + b"\n"
            digest.update(line)
            size, count = size + len(line), count + 1
            out.write(line)
    path = folder / digest.hexdigest()
    os.replace(out.name, path)
    blob = Blob(filename=filename, media_type=MEDIA_TYPE, sha256=digest.hexdigest(), size=size, rows=count)
    return Lines(blob, _File(path))


def lined(document: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The document in today's form: each list that grows lies in the folder as a register."""
    lists = {name: written(LINED[name], rows, folder) for name, rows in document.items() if name in LINED}
    return {**document, "schema": SCHEMA, **lists}


def opened(document: Any, folder: Path) -> Any:
    """A parsed document with its lists, from registers that lie in the folder under their SHA-256. Raises LinesError.

    Documents of the first form hold their lists themselves, and are answered as they are, as is what is no document.
    """
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return document
    return {name: _lines(name, value, folder) if name in LINED else value for name, value in document.items()}


def _lines(name: str, value: Any, folder: Path) -> Lines[Any]:
    try:
        check_shape(value, Blob, name)
    except ShapeError as error:
        raise LinesError(str(error)) from error
    blob = cast(Blob, value)
    path = folder / blob["sha256"]
    if not path.is_file():
        raise LinesError(f"{blob['filename']}: the register with SHA-256 {blob['sha256']} was not handed over")
    with path.open("rb") as stream:
        there = hashlib.file_digest(stream, "sha256").hexdigest()
    if there != blob["sha256"] or path.stat().st_size != blob["size"]:
        raise LinesError(f"{blob['filename']}: the register is not the one that the freeze document names")
    return Lines(blob, _File(path))


def stored(document: Document) -> Document:
    """The document as it is written: registers by their names alone."""
    told = {name: value.blob if isinstance(value, Lines) else value for name, value in document.items()}
    return cast(Document, told)


def count_of(value: Any) -> int:
    """How many rows a list has, in a document as it is written or as it is read."""
    return int(value["rows"]) if isinstance(value, dict) else len(cast(Collection[Any], value))
