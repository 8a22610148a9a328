"""Papers beside the packs, drawn in an isolated child from one document."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.conf import settings

from compliance.isolation import IsolationError, run_isolated
from compliance.services.errors import RefusedError
from compliance.services.leases import LeaseKeeper
from compliance.types.drafts import JSON

_SECONDS = 120
_MEMORY_BYTES = 3 << 30


def drawn(*, child: str, document: JSON, identifier: str, keeper: LeaseKeeper) -> bytes:
    """The PDF that a child of the packs draws from a document. Raises RefusedError."""
    with tempfile.TemporaryDirectory(prefix="assay-paper-") as scratch:
        out = Path(scratch) / "paper.pdf"
        try:
            run_isolated(
                module=child,
                request={"document": document, "identifier": identifier, "out": str(out)},
                wall_seconds=_SECONDS,
                cpu_seconds=_SECONDS,
                memory_bytes=_MEMORY_BYTES,
                writable=[Path(scratch)],
                should_stop=keeper.should_stop,
                accept_unisolated=settings.ACCEPT_UNISOLATED,
            )
        except IsolationError as error:
            keeper.check()
            raise RefusedError(str(error)) from error
        return out.read_bytes()
