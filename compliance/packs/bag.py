"""A BagIt bag (RFC 8493) in one ZIP, written in one pass: nothing is held but the list of its files.

The same files in the same order give the same bytes: every entry carries one time, and packing has one fixed level.
"""

from __future__ import annotations

import hashlib
import unicodedata
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from compliance.types.file_names import harmless

_LEVEL = 1  # a million log lines take half the processor time of the usual 6, and an eighth more room
_PACKED_ENDINGS = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".png", ".jpg", ".jpeg", ".pdf", ".parquet", ".npz")
_DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


@dataclass(frozen=True, slots=True)
class Payload:
    """One file in the bag; `path` below the bag's folder."""

    path: str
    sha256: str
    size: int


class BagWriter:
    """Writes a bag called `name` to a file that it makes; closed by `finish`, which answers nothing and can fail."""

    def __init__(self, out: Path, *, name: str, at: datetime) -> None:
        self._name, self._at = name, at.timetuple()[:6]
        self._zip = zipfile.ZipFile(out, "w", allowZip64=True)
        self._taken: set[str] = set()
        self.payload: list[Payload] = []
        self._tags: list[Payload] = [self._write("bagit.txt", [_DECLARATION])]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def add(self, path: str, pieces: Iterable[bytes]) -> Payload:
        """A payload file below data/, hashed on its way. A name that is there already, in any case, gets a number."""
        kept = self._write(f"data/{self._free(path)}", pieces)
        self.payload.append(kept)
        return kept

    def finish(self, info: Mapping[str, str]) -> None:
        """Write what describes the bag. info: for bag-info.txt, each on one line."""
        octets = f"{sum(file.size for file in self.payload)}.{len(self.payload)}"
        lines = {**info, "Bagging-Date": "{:04}-{:02}-{:02}".format(*self._at), "Payload-Oxum": octets}
        told = "".join(f"{label}: {' '.join(value.split())}\n" for label, value in lines.items())
        self._tags.append(self._write("bag-info.txt", [told.encode()]))
        self._tags.append(self._write("manifest-sha256.txt", _manifest(self.payload)))
        self._write("tagmanifest-sha256.txt", _manifest(self._tags))

    def _free(self, path: str) -> str:
        """The path with every part made harmless, and unlike all before it."""
        plain = "/".join(harmless(part) for part in path.split("/"))
        free, number = plain, 1
        while unicodedata.normalize("NFC", free).casefold() in self._taken:
            number += 1
            stem, dot, ending = plain.rpartition(".")
            free = f"{stem}-{number}{dot}{ending}" if stem and "/" not in ending else f"{plain}-{number}"
        self._taken.add(unicodedata.normalize("NFC", free).casefold())
        return free

    def _write(self, path: str, pieces: Iterable[bytes]) -> Payload:
        entry = zipfile.ZipInfo(f"{self._name}/{path}", date_time=self._at)
        is_packed = path.lower().endswith(_PACKED_ENDINGS)
        entry.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
        entry._compresslevel = _LEVEL  # type: ignore[attr-defined]  # noqa: SLF001 - public from Python 3.13 on
        entry.external_attr = 0o644 << 16
        entry.create_system = 3
        digest, size = hashlib.sha256(), 0
        with self._zip.open(entry, "w", force_zip64=True) as out:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                out.write(piece)
        return Payload(path, digest.hexdigest(), size)


def _manifest(files: Iterable[Payload]) -> Iterable[bytes]:
    for file in files:
        yield f"{file.sha256}  {file.path}\n".encode()
