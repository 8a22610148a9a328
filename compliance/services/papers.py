"""Papers beside the packs, drawn in an isolated child from one document; and the paper that all are drawn for."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from compliance.isolation import IsolationError, run_isolated
from compliance.services.errors import RefusedError
from compliance.services.leases import LeaseKeeper
from compliance.types.drafts import JSON
from compliance.types.pack_layouts import PageSize

_SECONDS = 120
_MEMORY_BYTES = 3 << 30


def page_size() -> PageSize:
    """The paper that PACK_PAPER names. Raises RefusedError."""
    try:
        return PageSize(settings.PACK_PAPER)
    except ValueError as error:
        raise RefusedError(_("PACK_PAPER is “%s”: use A4 or letter.") % settings.PACK_PAPER) from error


def drawn(*, child: str, document: JSON, identifier: str, keeper: LeaseKeeper) -> bytes:
    """The PDF that a child of the packs draws from a document. Raises RefusedError."""
    paper = page_size()
    with tempfile.TemporaryDirectory(prefix="assay-paper-") as scratch:
        out = Path(scratch) / "paper.pdf"
        try:
            run_isolated(
                module=child,
                request={"document": document, "page_size": paper, "identifier": identifier, "out": str(out)},
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
