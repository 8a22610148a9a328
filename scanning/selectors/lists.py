"""Lists of the instruments' pages, as their asker may see them, and what a new scan may be made with."""

from __future__ import annotations

from django.db.models import F, QuerySet

from compliance.models import Evidence, ModelVersion
from compliance.rights import Asker, visible
from scanning.models import Import, ReferenceBank, Scan


def import_list(*, asker: Asker) -> QuerySet[Import]:
    """Imports, newest first, with what a row shows."""
    return visible(Import.objects.all(), asker).select_related("job__requested_by", "system", "evidence", "mapping")


def scan_list(*, asker: Asker) -> QuerySet[Scan]:
    """Scans, newest first, with what a row shows: of a detection also `file_verdict`, what its look at the file concluded."""
    rows = visible(Scan.objects.all(), asker).annotate(file_verdict=F("report__file_scan__verdict"))
    return rows.select_related("job__requested_by", "model_version__model__system").defer("report")


def reference_bank_list(*, asker: Asker) -> QuerySet[ReferenceBank]:
    """Reference banks that a scan may be ranked against."""
    return visible(ReferenceBank.objects.select_related("evidence"), asker)


def scannable_versions(*, asker: Asker) -> QuerySet[ModelVersion]:
    """Model versions whose bytes are kept, so that they can be scanned."""
    rows = visible(ModelVersion.objects.filter(evidence__isnull=False), asker)
    return rows.select_related("model__system", "evidence")


def image_sets(*, asker: Asker) -> QuerySet[Evidence]:
    """Evidence that holds labelled images: NumPy archives."""
    return visible(Evidence.objects.filter(filename__iendswith=".npz"), asker).select_related("system")
