"""Read-models of the instruments: lists of imports and scans as their asker may see them."""

from __future__ import annotations

from django.db.models import QuerySet

from compliance.rights import Asker, visible
from scanning.models import Import, ReferenceBank, Scan


def import_list(*, asker: Asker) -> QuerySet[Import]:
    """Imports, newest first, with what a row shows."""
    return visible(Import.objects.all(), asker).select_related("job__requested_by", "system", "evidence")


def scan_list(*, asker: Asker) -> QuerySet[Scan]:
    """Scans, newest first, with what a row shows."""
    rows = visible(Scan.objects.all(), asker)
    return rows.select_related("job__requested_by", "model_version__model__system").defer("report")


def reference_bank_list(*, asker: Asker) -> QuerySet[ReferenceBank]:
    """Reference banks that a scan may be ranked against."""
    return visible(ReferenceBank.objects.all(), asker)
