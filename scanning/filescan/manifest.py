"""Hash manifests of data sets: what exactly was trained or tested on, and whether it still is that.

Form `assay-dataset-manifest/1` (docs/formats.md): every file with its path, size and SHA-256, and the Merkle root (RFC 9162)
over the canonical JSON of these entries, in order of their paths' UTF-8 bytes. Links are refused: what they lead to can
change without the data set.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compliance.types.canonical import canonical_json, merkle_root
from compliance.types.drafts import JSON, Progress
from compliance.types.errors import BadInputError
from scanning.filescan.hashing import sha256_of, side_by_side

FORMAT = "assay-dataset-manifest/1"
_SPLITS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "dev"})
_MOST_LABELS = 10_000

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, order=True)
class ManifestEntry:
    """One file. `path`: relative, POSIX, as text."""

    path: str
    size: int
    sha256: str

    def as_json(self) -> JSON:
        return {"path": self.path, "size": self.size, "sha256": self.sha256}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetManifest:
    """What a data set consists of. `labels`: files per class, where folders are classes; empty otherwise.

    name: the folder's or file's own name; kind: "folder" or "file"; size: bytes in all.
    """

    name: str
    kind: str
    root: str
    size: int
    entries: tuple[ManifestEntry, ...]
    labels: dict[str, int]

    @property
    def files(self) -> int:
        """How many files there are."""
        return len(self.entries)

    def to_json(self) -> JSON:
        """The manifest as it is stored and handed on."""
        return {
            "format": FORMAT,
            "name": self.name,
            "kind": self.kind,
            "root": self.root,
            "files": self.files,
            "size": self.size,
            "labels": self.labels,
            "entries": [entry.as_json() for entry in self.entries],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDifference:
    """How a data set differs from a manifest: paths added, removed and changed, and both roots."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    root_expected: str
    root_found: str

    @property
    def matches(self) -> bool:
        """Whether every byte is as the manifest says."""
        return self.root_expected == self.root_found

    def to_json(self) -> JSON:
        """The answer of `verify_dataset --json`."""
        return {
            "matches": self.matches,
            "added": list(self.added),
            "removed": list(self.removed),
            "changed": list(self.changed),
            "root_expected": self.root_expected,
            "root_found": self.root_found,
        }


def _unwatched(_: Progress) -> None:
    """The callback of a caller who does not watch."""


def root_of(entries: tuple[ManifestEntry, ...]) -> str:
    """Merkle root over the entries in the order given."""
    return merkle_root(canonical_json(entry.as_json()) for entry in entries)


def _name(path: str, dataset: str) -> str:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise BadInputError(f"{dataset} has a file whose name is not UTF-8 ({shown}); rename it.") from error
    return path


def _files(folder: Path, dataset: str) -> Iterator[tuple[str, int]]:
    """Relative path and size of every file below a folder. Refuses links and special files, by name."""
    refused: list[str] = []
    waiting = [(folder, "")]
    while waiting:
        here, prefix = waiting.pop()
        try:
            with os.scandir(here) as members:
                found = list(members)
        except OSError as error:
            raise BadInputError(f"{dataset}: the folder {prefix or '.'} cannot be read: {error.strerror}.") from error
        for member in found:
            path = _name(prefix + member.name, dataset)
            status = member.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                waiting.append((Path(member.path), f"{path}/"))
            elif stat.S_ISREG(status.st_mode):
                yield path, status.st_size
            else:
                refused.append(path)
    if refused:
        more = f" and {len(refused) - 5} more" if len(refused) > 5 else ""
        raise BadInputError(
            f"{dataset} has links or special files, for which no manifest can answer: "
            f"{', '.join(sorted(refused)[:5])}{more}; "
            "put copies of the files in their place (cp -rL does)."
        )


def _hash(path: Path, shown: str, on_bytes: Callable[[int], None]) -> tuple[int, str]:
    """Size and SHA-256 of one file. Raises BadInputError where it changes meanwhile or cannot be read."""
    try:
        # O_NOFOLLOW and O_NONBLOCK: a file swapped for a link or a pipe since it was listed is refused, not followed.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb", buffering=0) as stream:
            before = os.fstat(stream.fileno())
            size, digest = sha256_of(stream, on_bytes)
            after = os.fstat(stream.fileno())
    except OSError as error:
        raise BadInputError(f"{shown} cannot be read: {error.strerror}.") from error
    if size != after.st_size or (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise BadInputError(f"{shown} changed while it was read; try again when nothing writes to the data set.")
    return size, digest


def _labels(entries: tuple[ManifestEntry, ...]) -> dict[str, int]:
    """Files per class where every file lies in a folder that names its class (below a split, if there are splits)."""
    folders = [entry.path.split("/")[:-1] for entry in entries]
    if not folders or not all(folders):
        return {}
    split = all(len(parts) > 1 and parts[0].lower() in _SPLITS for parts in folders)
    counted = Counter("/".join(parts[: 2 if split else 1]) for parts in folders)
    return dict(sorted(counted.items())) if len(counted) <= _MOST_LABELS else {}


def hash_dataset(path: Path, *, threads: int = 0, on_progress: OnProgress = _unwatched) -> DatasetManifest:
    """The manifest of a folder or of a single file. Files are hashed side by side, on all processors or on `threads`.

    on_progress: bytes done of bytes in all. Raises BadInputError for a path that is missing, empty, or holds links,
    special files, names that are no UTF-8, or files that change while they are read.
    """
    name = _name(path.name or path.resolve().name, "The data set")
    if path.is_symlink() or not (path.is_dir() or path.is_file()):
        what = "is a link" if path.is_symlink() else "does not exist or is a special file"
        raise BadInputError(f"{name} {what}; give the folder or file itself.")
    is_folder = path.is_dir()
    found = _files(path, name) if is_folder else iter([(name, path.stat().st_size)])
    listed = sorted(found, key=lambda entry: entry[0].encode())
    if not listed:
        raise BadInputError(f"{name} is an empty folder; there is nothing to take a manifest of.")
    total, shown = sum(size for _, size in listed), -1

    def show(done: int) -> None:
        nonlocal shown
        if done != shown:
            shown = done
            on_progress(Progress(stage="hashing", done=done, total=total))

    def entry_of(relative: str, count: Callable[[int], None]) -> ManifestEntry:
        return ManifestEntry(relative, *_hash(path / relative if is_folder else path, relative, count))

    entries = tuple(side_by_side([relative for relative, _ in listed], entry_of, on_bytes=show, threads=threads))
    return DatasetManifest(
        name=name,
        kind="folder" if is_folder else "file",
        root=root_of(entries),
        size=sum(entry.size for entry in entries),
        entries=entries,
        labels=_labels(entries) if is_folder else {},
    )


def manifest_from_json(found: Any) -> DatasetManifest:
    """The manifest that a JSON document is, once its root, counts and order are checked. Raises BadInputError."""
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise BadInputError(f"This is no data set manifest of the form {FORMAT}.")
    try:
        entries = tuple(ManifestEntry(entry["path"], entry["size"], entry["sha256"]) for entry in found["entries"])
        manifest = DatasetManifest(
            name=str(found["name"]),
            kind=str(found["kind"]),
            root=str(found["root"]),
            size=sum(entry.size for entry in entries),
            entries=entries,
            labels={str(key): int(value) for key, value in found["labels"].items()},
        )
        paths = [entry.path.encode() for entry in entries]
        sound = paths == sorted(set(paths)) and manifest.files == found["files"] and manifest.size == found["size"]
        root = root_of(entries)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInputError(f"The data set manifest is damaged ({type(error).__name__}: {error}).") from error
    if not sound or root != manifest.root:
        raise BadInputError(
            "The data set manifest contradicts itself (its root, counts or order): it was altered or cut."
        )
    return manifest


def verify_dataset(path: Path, manifest: DatasetManifest, *, on_progress: OnProgress = _unwatched) -> DatasetDifference:
    """Compare a data set with a manifest, byte for byte. A single file may have another name. Raises BadInputError."""
    found = hash_dataset(path, on_progress=on_progress)
    entries, root = found.entries, found.root
    if found.kind == manifest.kind == "file":
        entry = found.entries[0]
        entries = (ManifestEntry(manifest.entries[0].path, entry.size, entry.sha256),)
        root = root_of(entries)
    before = {entry.path: entry for entry in manifest.entries}
    now = {entry.path: entry for entry in entries}
    return DatasetDifference(
        added=tuple(path for path in now if path not in before),
        removed=tuple(path for path in before if path not in now),
        changed=tuple(path for path in now if path in before and now[path] != before[path]),
        root_expected=manifest.root,
        root_found=root,
    )
