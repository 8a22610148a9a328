"""Items that are open or were closed in a period, each with the groups under which figures of effort and cost sum them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date
from decimal import Decimal

from django.utils.translation import gettext as _

from compliance.selectors.remediation_figures import Scope
from compliance.selectors.remediation_lists import current

MOST_GROUPS = 20
Group = tuple[str, str]  # as a list is narrowed to it, and its words
Query = Callable[[str], Mapping[str, str]]


@dataclass(slots=True)
class WorkedItem:
    """One item. controls: those that its findings are about."""

    planned: Decimal
    spent: Decimal
    work_role: str
    opened_on: date
    system: Group
    team: Group
    controls: set[Group] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """By what figures sum items. key: a part of a figure's name; note: what a reader has to know of these groups."""

    key: str
    head: str
    groups_of: Callable[[WorkedItem], Iterable[Group]]
    query: Query
    note: str = ""


def groupings() -> tuple[Grouping, Grouping, Grouping]:
    """By AI system, by control, by team."""
    return (
        Grouping(
            key="system", head=_("AI system"), groups_of=lambda item: (item.system,),
            query=lambda group: {"system": group},
        ),
        Grouping(
            key="control", head=_("Control"), groups_of=lambda item: item.controls,
            query=lambda group: {"control": group},
            note=_("An item with findings on several controls counts under each of them."),
        ),
        Grouping(
            key="team", head=_("Team"), groups_of=lambda item: (item.team,), query=lambda group: {"team": group}
        ),
    )  # fmt: skip


def worked_items(scope: Scope) -> dict[int, WorkedItem]:
    """Items of the period by key, from one query."""
    found: dict[int, WorkedItem] = {}
    no_team, no_control = ("none", _("none")), ("none", _("no finding"))  # looked up once, not for each item
    rows = (
        scope.items.filter(current(scope.since))
        .order_by()
        .values_list(
            "pk", "effort_planned", "effort_spent", "work_role", "created_at", "risks__finding__target__control_id",
            "system__uuid", "system__name", "team__uuid", "team__name",
        )
    )  # fmt: skip
    for key, planned, spent, role, at, control, system, name, team, team_name in rows.iterator(chunk_size=5_000):
        item = found.get(key)
        if item is None:
            of_team = (str(team), team_name) if team_name else no_team
            opened_on = at.astimezone(UTC).date()
            found[key] = item = WorkedItem(planned, spent, role, opened_on, (str(system), name), of_team)
        item.controls.add((control, control) if control else no_control)
    return found


def most_and_others(weights: Mapping[Group, Decimal]) -> tuple[list[Group], list[Group]]:
    """The groups that weigh most, by their words, and all others."""
    ranked = sorted(weights, key=lambda group: weights[group], reverse=True)
    most = sorted(ranked[:MOST_GROUPS], key=lambda group: group[1].casefold())
    return most, ranked[MOST_GROUPS:]
