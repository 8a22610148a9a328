"""Inherited models against sub-techniques beside the answer: what was tested, how fresh, at which tier and power."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from compliance.models import ModelVersion, Observation
from compliance.selectors.coverage import CoverageCell, CoverageRow
from compliance.types.verdicts import CoverageState

SHOWN = 12
_WITH_POWER = {CoverageState.COVERED, CoverageState.FINDING, CoverageState.STALE}


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedCell:
    """One cell. tier, power: of the test it rests on, "" where it states none; at: when that was, None for no test."""

    state: CoverageState
    technique: str
    name: str
    basis: str
    at: datetime | None
    tier: str
    power: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedModel:
    """One model version and its cells, in the order of the sub-techniques."""

    version: ModelVersion
    cells: tuple[TestedCell, ...]


def _worth(facts: dict[str, Any]) -> tuple[str, str]:
    """Tier and measured power of a stage, each in words."""
    told = ((facts.get("stage") or {}).get("facts") or {}).get("calibration") or {}
    attacks = [
        _("%(attack)s: %(found)d of %(planted)d found") % row
        for row in told.get("power") or ()
        if {"attack", "found", "planted"} <= row.keys()
    ]
    return str(told.get("tier") or ""), "; ".join(attacks)


def tested_models(rows: Sequence[CoverageRow]) -> tuple[TestedModel, ...]:
    """The first SHOWN rows with what their tests are worth, in one query."""
    shown = rows[:SHOWN]
    keys = {
        cell.observation.pk for row in shown for cell in row.cells if cell.observation and cell.state in _WITH_POWER
    }
    facts = dict(Observation.objects.filter(pk__in=keys).values_list("pk", "facts")) if keys else {}

    def cell_of(cell: CoverageCell) -> TestedCell:
        tier, power = _worth(facts.get(cell.observation.pk, {})) if cell.observation else ("", "")
        return TestedCell(
            state=cell.state, technique=cell.technique_id, name=cell.technique_name, basis=cell.basis, at=cell.at,
            tier=tier, power=power,
        )  # fmt: skip

    return tuple(TestedModel(version=row.version, cells=tuple(map(cell_of, row.cells))) for row in shown)
