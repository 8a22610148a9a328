"""Stored files as they were found when they were hashed again: figures, what is wrong, and whom it concerns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q, QuerySet

from compliance.models import AISystem, Evidence, FileCheck, RehashRun, Tombstone
from compliance.types.file_checks import FileState
from compliance.types.states import EvidenceState


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFigures:
    """The standing of all files. oldest: the check that is longest ago; unchecked: evidence whose bytes had no turn yet."""

    files: int
    altered: int
    missing: int
    disposed: int
    unchecked: int
    oldest: datetime | None
    last: RehashRun | None


def bad_checks() -> QuerySet[FileCheck]:
    """Files that are not what the record says of them."""
    return FileCheck.objects.exclude(state=FileState.UNALTERED)


def file_figures() -> FileFigures:
    """The standing now."""
    counted = FileCheck.objects.aggregate(
        files=Count("pk"),
        altered=Count("pk", filter=Q(state=FileState.ALTERED)),
        missing=Count("pk", filter=Q(state=FileState.MISSING)),
        oldest=Min("checked_at"),
    )
    standing = Evidence.objects.exclude(state=EvidenceState.DISPOSED).order_by()
    waiting = standing.exclude(storage_name__in=FileCheck.objects.values("storage_name"))
    return FileFigures(
        **counted,
        disposed=Tombstone.objects.count(),
        unchecked=waiting.values("storage_name").distinct().count(),
        last=RehashRun.objects.filter(finished_at__isnull=False).first(),
    )


def bad_evidence(system: AISystem) -> Iterator[tuple[Evidence, FileCheck]]:
    """Evidence of a system whose bytes are not what they were."""
    checks = {check.storage_name: check for check in bad_checks()}
    if checks:
        rows = Evidence.objects.filter(system=system, storage_name__in=checks).exclude(state=EvidenceState.DISPOSED)
        for row in rows.order_by("created_at", "pk"):
            yield row, checks[row.storage_name]
