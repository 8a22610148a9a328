"""OSCAL documents of a frozen assessment, made from its stored freeze document alone."""

from __future__ import annotations

import json
from typing import cast

from django.utils.translation import gettext as _

from compliance.models import Assessment, Freeze
from compliance.oscal.export import Model, export
from compliance.services import evidence
from compliance.services.errors import RefusedError
from compliance.types.canonical import sha256_hex
from compliance.types.freeze import Freeze as Document

WHILE_SOMEBODY_WAITS = 4 * 1024 * 1024


class NothingToExportError(RefusedError):
    """The freeze holds nothing that the model could tell; the message says what is missing."""


def oscal_of(*, assessment: Assessment, model: Model, most_bytes: int | None = None) -> bytes:
    """The newest freeze of an assessment as one OSCAL document, the same bytes each time.

    most_bytes: of the freeze document, where somebody waits for the answer. Raises RefusedError where the assessment is not
    frozen, or its document is larger or no longer matches its digest; NothingToExportError where the freeze holds no
    remediation item, or no mapping.
    """
    freeze = Freeze.objects.filter(assessment=assessment).order_by("-created_at", "-pk").first()
    if freeze is None:
        raise RefusedError(_("Freeze the assessment first; an export is made from the freeze alone."))
    exported = export(freeze=_document(freeze, most_bytes), sha256=freeze.sha256, model=model)
    if exported is None:
        raise NothingToExportError(_missing(model))
    return exported


def _document(freeze: Freeze, most_bytes: int | None) -> Document:
    with evidence.open_stored(name=freeze.storage_name) as stream:
        content = stream.read(-1 if most_bytes is None else most_bytes + 1)
    if most_bytes is not None and len(content) > most_bytes:
        raise RefusedError(
            _("The frozen document is too large to be exported while you wait; run “manage.py export_oscal”.")
        )
    if sha256_hex(content) != freeze.sha256:
        raise RefusedError(_("The stored freeze no longer matches its SHA-256; nothing can be exported from it."))
    return cast(Document, json.loads(content))


def _missing(model: Model) -> str:
    if model == Model.PLAN_OF_ACTION:
        return _("The frozen assessment holds no remediation item, so there is no plan of action to export.")
    return _("The frozen assessment holds no mapping between controls, so there is no mapping collection to export.")
