"""OSCAL documents of a frozen assessment, made from its stored freeze document alone."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from compliance.models import Assessment, Freeze
from compliance.oscal.export import Model, export
from compliance.services import freeze_documents
from compliance.services.errors import RefusedError

WHILE_SOMEBODY_WAITS = 4 * 1024 * 1024


class NothingToExportError(RefusedError):
    """The freeze holds nothing that the model could tell; the message says what is missing."""


def oscal_of(*, assessment: Assessment, model: Model, most_bytes: int | None = None) -> Iterator[bytes]:
    """The newest freeze of an assessment as one OSCAL document, piece by piece, the same bytes each time.

    most_bytes: of the freeze document, where somebody waits for the answer. Raises RefusedError where the assessment is not
    frozen, or its document is larger or no longer matches its digest; NothingToExportError where the freeze holds no
    remediation item, or no mapping.
    """
    freeze = Freeze.objects.filter(assessment=assessment).order_by("-created_at", "-pk").first()
    if freeze is None:
        raise RefusedError(_("Freeze the assessment first; an export is made from the freeze alone."))
    exported = export(
        freeze=freeze_documents.read(freeze=freeze, most_bytes=most_bytes), sha256=freeze.sha256, model=model
    )
    if exported is None:
        raise NothingToExportError(_missing(model))
    return exported


def _missing(model: Model) -> str:
    if model == Model.PLAN_OF_ACTION:
        return _("The frozen assessment holds no remediation item, so there is no plan of action to export.")
    return _("The frozen assessment holds no mapping between controls, so there is no mapping collection to export.")
