"""A statement of applicability: the control ids of a framework, what is decided on each, what implements it. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from compliance.models import (
    AISystem,
    CatalogRelease,
    ControlRequirement,
    Framework,
    ImplementedControl,
    MappingPair,
    StatementLine,
    StatementVersion,
)
from compliance.rights import Asker, visible
from compliance.types.drafts import JSON
from compliance.types.statements import Implementation, Inclusion
from compliance.types.states import MappingState

IDS = "statement_ids"  # the fact of a framework that lists the ids a statement has to decide on


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """One control id. title: only where the organisation imported it; line: None where nothing is decided yet.

    controls: own ones in force that answer to the id, by their own words or by an approved mapping.
    """

    requirement_id: str
    title: str
    line: StatementLine | None
    controls: tuple[ImplementedControl, ...]

    @property
    def inclusion(self) -> Inclusion:
        """What is decided."""
        return Inclusion(self.line.inclusion) if self.line else Inclusion.UNDECIDED

    @property
    def implementation(self) -> Implementation:
        """How far it is implemented, by the organisation's own word."""
        return Implementation(self.line.implementation) if self.line else Implementation.NOT_STATED

    @property
    def reason(self) -> str:
        """Why it is in or out."""
        return self.line.reason if self.line else ""

    @property
    def version(self) -> int:
        """Of the line; 0 where there is none."""
        return self.line.version if self.line else 0


def frameworks_with_statement() -> list[Framework]:
    """Frameworks whose content lists the ids of a statement."""
    return list(Framework.objects.filter(facts__has_key=IDS).order_by("title"))


def statement_ids(framework: Framework) -> tuple[str, ...]:
    """The ids that a statement decides on; empty where the framework has none."""
    return tuple(map(str, framework.facts.get(IDS, ())))


def statement_rows(framework: Framework, system: AISystem | None, user: Asker) -> tuple[StatementRow, ...]:
    """A row for each id, in the framework's order; own controls as far as the asker sees them."""
    lines = {line.requirement_id: line for line in StatementLine.objects.filter(framework=framework, system=system)}
    controls, titles = _controls(framework, system, user), _titles(framework)
    return tuple(
        StatementRow(
            requirement_id=one,
            title=titles.get(one, ""),
            line=lines.get(one),
            controls=tuple(
                sorted(controls.get(one, {}).values(), key=lambda control: (control.control_id, control.pk))
            ),
        )
        for one in statement_ids(framework)
    )


def _titles(framework: Framework) -> dict[str, str]:
    """Titles that the organisation imported, as its licence lets it."""
    release = CatalogRelease.objects.filter(key=f"framework-{framework.key}", is_current=True).first()
    return {one["id"]: one["title"] for one in release.content["requirements"]} if release else {}


def _controls(
    framework: Framework, system: AISystem | None, user: Asker
) -> Mapping[str, dict[int, ImplementedControl]]:
    """Own controls by id of the framework."""
    own = visible(ImplementedControl.objects.filter(retired_on=None), user).select_related("system", "owner")
    own = own.filter(system=system) if system else own
    known = {control.pk: control for control in own.prefetch_related("references")}
    found: defaultdict[str, dict[int, ImplementedControl]] = defaultdict(dict)
    for one in ControlRequirement.objects.filter(framework=framework, control__in=known):
        found[one.requirement_id][one.control_id] = known[one.control_id]
    by_reference: defaultdict[int, list[ImplementedControl]] = defaultdict(list)
    for control in known.values():
        for reference in control.references.all():
            by_reference[reference.pk].append(control)
    for pair in MappingPair.objects.filter(framework=framework, state=MappingState.APPROVED):
        found[pair.requirement_id] |= {control.pk: control for control in by_reference.get(pair.control_id, ())}
    return found


def statement_versions(framework: Framework, system: AISystem | None) -> list[StatementVersion]:
    """Approved versions, the newest first."""
    rows = StatementVersion.objects.filter(framework=framework, system=system)
    return list(rows.select_related("approved_by").defer("lines").order_by("-version"))


def as_json(rows: tuple[StatementRow, ...]) -> list[JSON]:
    """The rows as a version keeps them: ids of own controls with their versions."""
    return [
        {
            "id": row.requirement_id,
            "inclusion": row.inclusion.value,
            "reason": row.reason,
            "implementation": row.implementation.value,
            "controls": [{"uuid": str(one.uuid), "id": one.control_id, "version": one.version} for one in row.controls],
        }
        for row in rows
    ]
