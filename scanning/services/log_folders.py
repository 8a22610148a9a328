"""Folders of many log files, read side by side by processes of their own into one matches document."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Any

from django.utils.translation import gettext as _

from compliance.types.drafts import Progress
from compliance.types.errors import BadInputError
from scanning.ingest import matches, registry
from scanning.services import isolated

_MOST_FILES = 10_000


@dataclass(frozen=True, slots=True)
class Folder:
    """What was read. failed: files that could not be; each is named, with the reason, in the document."""

    log: str
    files: int
    matches: int
    failed: int


def write_matches(
    *,
    files: Sequence[tuple[Path, str]],
    requested_format: str,
    original_held_at: str,
    target: Path,
    processes: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Folder:
    """Write a matches document of log files of one format, each with the name it is to be known by, to `target`.

    processes: at a time, one a processor by default. The same files give the same bytes. Raises BadInputError where the format
    of the first file is unknown or none of them can be read, IsolationError where a process fails.
    """
    log = requested_format or registry.identify_path(files[0][0])
    count = processes or os.cpu_count() or 1
    batches = _batches(files, count)
    parts = [target.with_name(f"{target.name}.{number}") for number in range(len(batches))]
    progress = _Shared(sum(path.stat().st_size for path, _name in files), len(batches), on_progress)
    stop = Event()

    def read(number: int) -> dict[str, Any]:
        try:
            return isolated.read_logs(
                files=batches[number],
                log=log,
                part=parts[number],
                on_progress=lambda made: progress.add(number, made.done),
                should_stop=stop.is_set,
            )
        except BaseException:
            stop.set()
            raise

    with ThreadPoolExecutor(max_workers=count) as pool:
        told = list(pool.map(read, range(len(batches))))
    found, failed = (sum(one[name] for one in told) for name in ("matches", "failed"))
    if failed == len(files):
        raise BadInputError(_("None of the %d files could be read as %s.") % (len(files), log))
    _join(target, parts, matches.first_line(log=log, original_held_at=original_held_at), len(files), found)
    return Folder(log=log, files=len(files), matches=found, failed=failed)


def _batches(files: Sequence[tuple[Path, str]], processes: int) -> list[Sequence[tuple[Path, str]]]:
    """One a process, for each costs a start; of very many files more, so that no part grows without bound."""
    size = max(1, min(_MOST_FILES, -(-len(files) // processes)))
    return [files[start : start + size] for start in range(0, len(files), size)]


def _join(target: Path, parts: Sequence[Path], first_line: bytes, files: int, found: int) -> None:
    """Parts are gzip members, and members that follow one another are one stream (RFC 1952 §2.2)."""
    with target.open("wb") as whole:
        whole.write(matches.packed(first_line))
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, whole)
            part.unlink()
        whole.write(matches.packed(matches.last_line(files=files, matches=found)))


class _Shared:
    """Progress of several processes as one. Bytes; a process reports how many it has read so far."""

    def __init__(self, total: int, processes: int, watch: Callable[[Progress], None] | None) -> None:
        self._total, self._done, self._watch, self._lock = total, [0] * processes, watch, Lock()

    def add(self, number: int, done: int) -> None:
        with self._lock:
            self._done[number] = done
            if self._watch:
                self._watch(Progress(stage=_("Reading"), done=sum(self._done), total=self._total))
