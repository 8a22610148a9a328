"""Files in the evidence storage: who still needs one, and taking one away that nobody needs.

Several records may share the bytes of one digest. Whoever adds or removes a need for them holds the lock of that digest, so a
file is never taken away under a record that has just come to need it.
"""

from __future__ import annotations

from django.core.files.storage import storages
from django.db import connection
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from compliance.models import Evidence, EvidencePack, Freeze, Population, RemediationSummary
from compliance.types.states import EvidenceState


def lock(sha256: str) -> None:
    """Hold the digest until the transaction ends. SQLite's transactions hold the whole database anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int(sha256[:15], 16)])


def exists(name: str) -> bool:
    """Whether the storage holds a file under this name."""
    return storages["evidence"].exists(name)


def is_needed(*, name: str, sha256: str) -> bool:
    """Whether evidence that was not disposed of, a freeze, a pack, a population or a monthly summary rests on the file."""
    evidence = Evidence.objects.filter(storage_name=name).exclude(state=EvidenceState.DISPOSED)
    registers = Freeze.objects.annotate(listed=Cast("attachments", TextField())).filter(listed__contains=sha256)
    return (
        evidence.exists()
        or Freeze.objects.filter(storage_name=name).exists()
        or EvidencePack.objects.filter(Q(storage_name=name) | Q(bag_storage_name=name)).exists()
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
