"""One edit of many items: what would become of each as things stand, and after its job what did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import label
from compliance.models import BulkEdit, RemediationItem, Team, User
from compliance.rights import TABLE, Verb, member_systems, visible
from compliance.selectors.day_words import day_words
from compliance.types.bulk_edits import Changes, Judged, Refusal, Standing, judge
from compliance.types.plans import PlanReason
from compliance.types.states import RemediationState, Role

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

CHANGED, SAME, REFUSED = "changed", "same", "refused"
_WHY: Mapping[Refusal, _StrPromise] = {
    Refusal.GONE: gettext_lazy("It does not exist for you any more."),
    Refusal.CHANGED_SINCE: gettext_lazy(
        "Somebody changed it after the preview was made; look at it, then edit it again."
    ),
    Refusal.CLOSED: gettext_lazy("It is closed; open a new one if the finding is back."),
    Refusal.CLOSING: gettext_lazy("Closing needs a re-scan in which the finding no longer reproduces."),
    Refusal.OWNER_ELSEWHERE: gettext_lazy("The new owner does not work on this AI system; put them on it first."),
    Refusal.DUE_BEFORE_OPENED: gettext_lazy("It was opened after the new due date; choose a later day."),
    Refusal.MILESTONE_AFTER_DUE: gettext_lazy(
        "A milestone that is not reached is due after the new due date; move it first."
    ),
}
_PARTS: Mapping[str, _StrPromise] = {
    "state": gettext_lazy("state"),
    "owner": gettext_lazy("owner"),
    "team": gettext_lazy("team"),
    "due_on": gettext_lazy("due date"),
}


# As things stand ------------------------------------------------------------------------------------------------------


def changes_of(edit: BulkEdit) -> Changes:
    """What an edit is to change; where the new owner may work is read from the record as it is now."""
    given: Mapping[str, Any] = edit.changes
    owner = User.objects.filter(pk=given["owner"]).first() if given["owner"] else None
    return Changes(
        state=RemediationState(given["state"]) if given["state"] else None,
        owner=given["owner"],
        team=given["team"],
        due_on=date.fromisoformat(given["due_on"]) if given["due_on"] else None,
        reason=given["reason"],
        owner_systems=places_of(owner) if owner else None,
    )


def places_of(owner: User) -> frozenset[int] | None:
    """The AI systems on which somebody may work on remediation; None: all of them."""
    if not owner.is_active or Role(owner.role) not in TABLE[Verb.WORK_REMEDIATION]:
        return frozenset()
    if owner.role == Role.CONTRIBUTOR:
        return frozenset(member_systems(owner).values_list("pk", flat=True))
    return None


def items_of(keys: Iterable[int], actor: User) -> QuerySet[RemediationItem]:
    """The items with these keys that the actor sees."""
    return visible(RemediationItem.objects.filter(pk__in=list(keys)), actor).order_by("pk")


def standings(rows: QuerySet[RemediationItem]) -> dict[int, Standing]:
    """The items as they stand."""
    steps = Max("milestones__due_on", filter=Q(milestones__done_at__isnull=True))
    read = rows.annotate(last_step=steps).values_list(
        "pk", "system_id", "state", "owner_id", "team_id", "due_on", "created_at", "last_step"
    )
    return {
        key: Standing(
            key=key,
            system=system,
            state=RemediationState(state),
            owner=owner,
            team=team,
            due_on=due_on,
            opened_on=created_at.date(),
            last_step_due_on=last_step,
        )
        for key, system, state, owner, team, due_on, created_at, last_step in read
    }


def judge_all(items: Iterable[Sequence[Any]], changes: Changes, known: Mapping[int, Standing]) -> list[Judged]:
    """What becomes of each item, by its key and the mark that it had."""
    return [judge(known.get(key), changes, key=key, mark=mark) for key, mark in items]


# As the page shows it -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One item: what becomes of it, and why where nothing does."""

    uuid: UUID | None
    title: str
    system: str
    outcome: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkEditPage:
    """An edit with what becomes, or became, of each item. wanted: what is to be, as pairs of name and value."""

    judged: tuple[Judged, ...]
    wanted: tuple[tuple[str, str], ...]
    is_done: bool

    def of(self, outcome: str) -> list[Judged]:
        """The items of one outcome; all of them for any other word."""
        known = (CHANGED, SAME, REFUSED)
        return [line for line in self.judged if outcome not in known or _outcome(line) == outcome]

    @property
    def changed(self) -> int:
        """How many change."""
        return len(self.of(CHANGED))

    @property
    def same(self) -> int:
        """How many are so already."""
        return len(self.of(SAME))

    @property
    def refused(self) -> int:
        """How many are left alone for a reason."""
        return len(self.of(REFUSED))


def _outcome(line: Judged) -> str:
    if line.refusal is not None:
        return REFUSED
    return CHANGED if line.changed else SAME


def bulk_edit_page(edit: BulkEdit) -> BulkEditPage:
    """The page of an edit: as its job left it, else as things stand."""
    changes, done = changes_of(edit), edit.result.get("lines")
    if done is None:
        known = standings(items_of((key for key, _mark in edit.items), edit.made_by))
        judged = judge_all(edit.items, changes, known)
    else:
        judged = [
            Judged(key=key, refusal=Refusal(why) if why else None, changed=tuple(names)) for key, why, names in done
        ]
    return BulkEditPage(judged=tuple(judged), wanted=_wanted(changes), is_done=done is not None)


def _wanted(changes: Changes) -> tuple[tuple[str, str], ...]:
    owner = User.objects.filter(pk=changes.owner).first() if changes.owner else None
    team = Team.objects.filter(pk=changes.team).first() if changes.team else None
    lines = (
        (_("State"), str(label(changes.state)) if changes.state else ""),
        (_("Owner"), owner.name if owner else ""),
        (_("Team"), team.name if team else ""),
        (_("Due on"), day_words(changes.due_on) if changes.due_on else ""),
        (_("Reason"), str(label(PlanReason(changes.reason))) if changes.reason else ""),
    )
    return tuple((name, value) for name, value in lines if value)


def outcome_words(outcome: str, *, is_done: bool) -> str:
    """An outcome for people, before and after the job."""
    before = {CHANGED: _("Would change"), SAME: _("Is so already"), REFUSED: _("Would be left as it is")}
    after = {CHANGED: _("Changed"), SAME: _("Was so already"), REFUSED: _("Left as it is")}
    return (after if is_done else before)[outcome]


def lines(judged: Sequence[Judged], *, is_done: bool) -> list[Line]:
    """Lines with the titles of their items; three queries at most, whatever their number."""
    rows = RemediationItem.objects.filter(pk__in=[line.key for line in judged]).select_related("system")
    known = {item.pk: item for item in rows}
    return [_line(line, known.get(line.key), is_done=is_done) for line in judged]


def _line(line: Judged, item: RemediationItem | None, *, is_done: bool) -> Line:
    parts = ", ".join(str(_PARTS[name]) for name in line.changed)
    gone = line.refusal is Refusal.GONE or item is None
    return Line(
        uuid=None if gone or item is None else item.uuid,
        title="–" if gone or item is None else item.title,
        system="" if gone or item is None else item.system.name,
        outcome=outcome_words(_outcome(line), is_done=is_done),
        why=str(_WHY[line.refusal]) if line.refusal else parts,
    )
