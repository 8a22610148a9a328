"""Where documents come in: services keep the bytes and queue the reading."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import IO, BinaryIO

from compliance.models import AISystem, User
from compliance.services import evidence as evidences
from compliance.types.drafts import Progress
from compliance.types.retention import EvidenceKind
from scanning.ingest import registry
from scanning.models import ColumnMapping, Import
from scanning.services import imports, log_folders


def receive(
    *,
    system: AISystem,
    stream: BinaryIO | IO[bytes],
    filename: str,
    title: str = "",
    declared_type: str = "",
    requested_format: str = "",
    threshold: float | None = None,
    about_sha256: str = "",
    mapping: ColumnMapping | None = None,
    actor: User | None,
    source_system: str = "",
    collected_how: str = "",
    collected_at: datetime | None = None,
    effective_from: date | None = None,
    effective_to: date | None = None,
    dispatch: bool = True,
) -> Import:
    """Keep a document as evidence and queue its import. The format is recognised from the bytes unless it is named.

    threshold, about_sha256: as the importer states them for reports that do not say so themselves; mapping: what the columns
    of a log of no known format mean. With dispatch=False no worker is woken: the caller runs the job by `leases.run_here`.
    Raises UnknownFormatError for a named format that nobody reads, RefusedError for a file beyond the size taken.
    """
    if requested_format:
        registry.parser_named(requested_format)
    evidence = evidences.receive(
        system=system,
        stream=stream,
        filename=filename,
        title=title or filename,
        received_by=actor,
        source_system=source_system,
        declared_type=declared_type,
        kind=EvidenceKind.LOG_OR_REPORT,
        collected_how=collected_how,
        collected_at=collected_at,
        effective_from=effective_from,
        effective_to=effective_to,
    )
    return imports.request(
        evidence=evidence,
        requested_format=requested_format,
        actor=actor,
        threshold=threshold,
        about_sha256=about_sha256,
        mapping=mapping,
        dispatch=dispatch,
    )


def receive_matches(
    *,
    system: AISystem,
    files: Sequence[tuple[Path, str]],
    filename: str,
    original_held_at: str,
    requested_format: str = "",
    actor: User | None,
    collected_how: str = "",
    dispatch: bool = True,
    on_progress: Callable[[Progress], None] | None = None,
) -> Import:
    """Keep of many log files the records that matter, as one document, and queue its import.

    files: each with the name it is to be known by; original_held_at: where the organisation keeps the files, as the importer
    states it. Raises BadInputError, IsolationError as `log_folders.write_matches` does.
    """
    with tempfile.TemporaryDirectory(prefix="assay-matches-") as folder:
        target = Path(folder) / "matches.jsonl.gz"
        read = log_folders.write_matches(
            files=files,
            requested_format=requested_format,
            original_held_at=original_held_at,
            target=target,
            on_progress=on_progress,
        )
        with target.open("rb") as stream:
            return receive(
                system=system,
                stream=stream,
                filename=filename,
                requested_format=read.log,
                actor=actor,
                collected_how=collected_how,
                dispatch=dispatch,
            )
