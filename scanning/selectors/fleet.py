"""All models together: who tests many models finds small p-values by chance alone, so each is corrected for their number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F

from compliance.models import ModelVersion, Observation
from compliance.rights import Asker, visible
from scanning.detectors.registry import COMBINATION
from scanning.detectors.stats import benjamini_hochberg

_FIELDS = ("model_version_id", "source_uuid", "verdict", "observed_at", "created_at", "p")


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLine:
    """One model version. p: of its latest scan, all stages together; adjusted: corrected for the number of versions."""

    version: ModelVersion
    source: UUID
    verdict: str
    at: datetime
    p: float
    adjusted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Model versions with a combined p-value, the smallest first; versions: how many there are with and without one."""

    lines: tuple[FleetLine, ...]
    versions: int

    @property
    def without(self) -> int:
        """Versions that no calibrated scan has given a p-value."""
        return self.versions - len(self.lines)


def fleet(asker: Asker) -> Fleet:
    """The latest combined p-value of each model version that the asker sees, adjusted after Benjamini and Hochberg."""
    combined = Observation.objects.filter(producer="assay", rule=COMBINATION, model_version__isnull=False)
    rows = visible(combined, asker).annotate(p=F("facts__stage__facts__calibration__p_value"))
    latest = {row["model_version_id"]: row for row in rows.order_by("created_at", "pk").values(*_FIELDS)}
    known = [row for row in latest.values() if isinstance(row["p"], (int, float))]
    versions = visible(ModelVersion.objects.select_related("model__system"), asker)
    named = versions.in_bulk([row["model_version_id"] for row in known])
    known = [row for row in known if row["model_version_id"] in named]
    adjusted = benjamini_hochberg([float(row["p"]) for row in known])
    lines = [
        FleetLine(
            version=named[row["model_version_id"]],
            source=row["source_uuid"],
            verdict=row["verdict"],
            at=row["observed_at"] or row["created_at"],
            p=float(row["p"]),
            adjusted=q,
        )
        for row, q in zip(known, adjusted, strict=True)
    ]
    lines.sort(key=lambda line: (line.p, str(line.version)))
    return Fleet(lines=tuple(lines), versions=visible(ModelVersion.objects.all(), asker).count())
