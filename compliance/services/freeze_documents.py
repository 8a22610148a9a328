"""The stored document of a freeze, read back and held against its digest; and two of them compared."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import cast

from django.utils.translation import gettext as _

from compliance.models import Assessment, Freeze
from compliance.services import evidence
from compliance.services.errors import RefusedError
from compliance.types.canonical import sha256_hex
from compliance.types.freeze import Freeze as Document
from compliance.types.freeze_comparison import Comparison, compare
from compliance.types.freeze_lines import LINED, LinesError, opened

WHILE_SOMEBODY_WAITS = 16 * 1024 * 1024


def read(*, freeze: Freeze, most_bytes: int | None = None) -> Document:
    """The document of a freeze; lists that lie beside it are read as they are gone over. most_bytes: where somebody waits for
    the answer.

    Raises RefusedError where it is larger, no longer matches its digest, or is no document.
    """
    with evidence.open_stored(name=freeze.storage_name) as stream:
        content = stream.read(-1 if most_bytes is None else most_bytes + 1)
    lists = [blob for name, blob in freeze.attachments.items() if name in LINED.values()]
    if most_bytes is not None and len(content) + sum(blob["size"] for blob in lists) > most_bytes:
        raise RefusedError(_("The frozen document is too large to be read while you wait; use the command."))
    if sha256_hex(content) != freeze.sha256:
        raise RefusedError(_("The stored freeze no longer matches its SHA-256; nothing can be read from it."))
    # The files are open when their folder goes.
    with tempfile.TemporaryDirectory(prefix="assay-freeze-") as folder:
        for blob in lists:
            with (
                evidence.open_stored(name=blob["storage_name"]) as stream,
                (Path(folder) / blob["sha256"]).open("wb") as copy,
            ):
                shutil.copyfileobj(stream, copy)
        try:
            return cast(Document, opened(json.loads(content), Path(folder)))
        except LinesError as error:
            raise RefusedError(_("The stored freeze cannot be read: %s.") % error) from error
        except ValueError as error:
            raise RefusedError(_("The stored freeze is no JSON document; nothing can be read from it.")) from error


def compared(*, before: Assessment, after: Assessment, most_bytes: int | None = None) -> Comparison:
    """What changed from the freeze of one assessment to that of another. Raises RefusedError where one is not frozen."""
    if before.pk == after.pk:
        raise RefusedError(_("Choose two different freezes."))
    documents = []
    for assessment in (before, after):
        freeze = Freeze.objects.filter(assessment=assessment).first()
        if freeze is None:
            raise RefusedError(_("“%s” is not frozen; only freezes are compared.") % assessment.title)
        documents.append(read(freeze=freeze, most_bytes=most_bytes))
    return compare(documents[0], documents[1])
