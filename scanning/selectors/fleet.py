"""All models together: who tests many models finds small p-values by chance alone, so each is corrected for their number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import F

from compliance.models import ModelVersion, Observation
from compliance.rights import Asker, visible
from scanning.detectors.registry import COMBINATION
from scanning.detectors.stats import benjamini_hochberg


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
    """Model versions with a combined p-value, the smallest first. lines: as many as were asked for; ranked: how many have
    one; versions: how many there are with and without one."""

    lines: tuple[FleetLine, ...]
    ranked: int
    versions: int

    @property
    def without(self) -> int:
        """Versions that no calibrated scan has given a p-value."""
        return self.versions - self.ranked


class _Combined(NamedTuple):
    observation: int
    version: int
    p: float


def fleet(asker: Asker, *, most: int | None = None) -> Fleet:
    """The latest combined p-value of each model version that the asker sees, adjusted after Benjamini and Hochberg."""
    adjusted = _adjusted(asker)
    shown = sorted(adjusted, key=lambda pair: (pair[0].p, pair[0].version))[:most]
    versions = visible(ModelVersion.objects.select_related("model__system"), asker)
    named = versions.in_bulk([row.version for row, _ in shown])
    behind = Observation.objects.only("source_uuid", "verdict", "observed_at", "created_at").in_bulk(
        [row.observation for row, _ in shown]
    )
    lines = tuple(_line(named[row.version], behind[row.observation], row.p, q) for row, q in shown)
    return Fleet(lines=lines, ranked=len(adjusted), versions=visible(ModelVersion.objects.all(), asker).count())


def adjusted_p_values(asker: Asker) -> dict[int, tuple[float, float]]:
    """(p-value, adjusted p-value) by key of the model version, of those that have one."""
    return {row.version: (row.p, q) for row, q in _adjusted(asker)}


def _line(version: ModelVersion, observation: Observation, p: float, adjusted: float) -> FleetLine:
    return FleetLine(
        version=version,
        source=observation.source_uuid,
        verdict=observation.verdict,
        at=observation.observed_at or observation.created_at,
        p=p,
        adjusted=adjusted,
    )


def _adjusted(asker: Asker) -> list[tuple[_Combined, float]]:
    """Latest combined result of each version that has a p-value, with the adjusted one."""
    seen = visible(ModelVersion.objects.all(), asker)
    combined = Observation.objects.filter(
        producer="assay", rule=COMBINATION, model_version__in=seen.order_by().values("pk")
    )
    p_value = F("facts__stage__facts__calibration__p_value")
    rows = visible(combined, asker).order_by("pk").values_list("pk", "model_version", p_value)
    latest: dict[int, _Combined] = {}
    for key, version, p in rows:
        if p is None:  # the newest scan counts, and it has none
            latest.pop(version, None)
        else:
            latest[version] = _Combined(key, version, float(p))
    return list(zip(latest.values(), benjamini_hochberg([row.p for row in latest.values()]), strict=True))
