"""Files in the evidence storage: who still needs one, and taking one away that nobody needs.

Several records may share the bytes of one digest. Whoever adds or removes a need for them holds the lock of that digest, so a
file is never taken away under a record that has just come to need it.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.core.files.storage import storages
from django.db import connection
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from compliance.models import DisposalRun, Evidence, EvidencePack, Freeze, PackRenewal, Population, RemediationSummary
from compliance.services.errors import RefusedError
from compliance.types.states import EvidenceState


def lock(sha256: str) -> None:
    """Hold the digest until the transaction ends. SQLite's transactions hold the whole database anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_key(sha256)])


def hold(files: Mapping[str, str]) -> None:
    """Keep stored files (name -> SHA-256) for a record that the caller's transaction is about to make: until its end nobody
    takes one away. Raises RefusedError where a disposal took one before."""
    for name, sha256 in sorted(files.items(), key=lambda file: _key(file[1])):
        lock(sha256)
        if not exists(name):
            raise RefusedError(_("A disposal took the same bytes away while they were being recorded; try again."))


def _key(sha256: str) -> int:
    return int(sha256[:15], 16)


def exists(name: str) -> bool:
    """Whether the storage holds a file under this name."""
    return storages["evidence"].exists(name)


def is_needed(*, name: str, sha256: str) -> bool:
    """Whether evidence that stands, a freeze, pack, population, monthly summary or certificate rests on the file."""
    evidence = Evidence.objects.filter(storage_name=name).exclude(state=EvidenceState.DISPOSED)
    registers = Freeze.objects.annotate(listed=Cast("attachments", TextField())).filter(listed__contains=sha256)
    return (
        evidence.exists()
        or Freeze.objects.filter(storage_name=name).exists()
        or EvidencePack.objects.filter(
            Q(storage_name=name) | Q(bag_storage_name=name) | Q(marks_storage_name=name)
        ).exists()
        or DisposalRun.objects.filter(paper_storage=name).exists()
        or PackRenewal.objects.filter(storage_name=name).exists()
        or RemediationSummary.objects.filter(storage_name=name).exists()
        or Population.objects.filter(Q(storage_name=name) | Q(source_storage=name)).exists()
        or registers.exists()
    )


def remove_unneeded(*, name: str, sha256: str) -> bool:
    """Delete the file where nobody needs it, in the caller's transaction; False where somebody does. Again is no harm."""
    lock(sha256)
    if is_needed(name=name, sha256=sha256):
        return False
    storages["evidence"].delete(name)
    return True
