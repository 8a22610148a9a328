"""What happened to a finding or to remediation work, told in order from the ledger's trail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import label
from compliance.models import Milestone, TrailEntry, User
from compliance.rights import Asker, visible
from compliance.types.drafts import JSON
from compliance.types.plans import PlanReason
from compliance.types.risk_life import ClosingBasis
from compliance.types.risk_priority import Priority
from compliance.types.states import RemediationState, Severity
from compliance.types.verdicts import Conclusion

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryEvent:
    """One step: a sentence, who, when, and how it looks. position: in the ledger, None until it is sealed."""

    at: datetime
    sentence: str
    actor: User | None
    icon: str
    tone: str
    position: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The latest steps, oldest first; `earlier` is how many went before them, which the trail holds."""

    steps: tuple[StoryEvent, ...]
    earlier: int


@dataclass(frozen=True, slots=True)
class _Names:
    """Names behind the ids of a trail: people and milestones."""

    people: Mapping[str, str]
    milestones: Mapping[str, str]


Told = tuple[str, str, str]
MOST_STEPS = 50


def _concluded(payload: JSON, _names: _Names) -> Told:
    if payload.get("state") == Conclusion.SATISFIED.value:
        if payload.get("before"):
            return _("A new test no longer reproduces it"), "check2-circle", "good"
        return _("Concluded: satisfied"), "check2-circle", "good"
    if payload.get("before"):
        return _("Reappeared: a new test reproduces it"), "flag-fill", "bad"
    return _("First concluded: not satisfied"), "flag-fill", "bad"


def _state(value: object) -> str:
    return str(label(RemediationState(str(value))))


def _moved(payload: JSON, _names: _Names) -> Told:
    words = {"before": _state(payload["before"]), "after": _state(payload["after"])}
    return _("Moved from “%(before)s” to “%(after)s”") % words, "arrow-repeat", "note"


def _assigned(payload: JSON, names: _Names) -> Told:
    owner = names.people.get(str(payload.get("after")), _("somebody else"))
    return _("Given to %(owner)s") % {"owner": owner}, "person", "note"


def _effort(payload: JSON, _names: _Names) -> Told:
    return _("%(days)s person-days of work logged") % {"days": payload.get("person_days")}, "clock-history", "idle"


def _reversed(payload: JSON, _names: _Names) -> Told:
    days = str(payload.get("person_days", "")).removeprefix("-")
    return _("%(days)s mistaken person-days taken back") % {"days": days}, "clock-history", "warn"


def _replanned(payload: JSON, _names: _Names) -> Told:
    reason = str(label(PlanReason(str(payload["reason_code"]))))
    words = {
        "reason": reason,
        "remaining": payload["remaining"],
        "due": payload["due_on"],
        "days": payload["slip_days"],
    }
    if int(payload["slip_days"]) > 0:
        return _("Due date moved by %(days)s days to %(due)s: %(reason)s") % words, "clock-history", "warn"
    return _("Plan updated, %(remaining)s person-days remain: %(reason)s") % words, "arrow-repeat", "note"


def _milestone(payload: JSON, names: _Names) -> Told:
    title = names.milestones.get(str(payload.get("milestone")), "")
    return _("Milestone reached: %(title)s") % {"title": title}, "check2", "good"


def _priority(payload: JSON, _names: _Names) -> Told:
    words = {
        "before": label(Priority(str(payload["before"]))),
        "after": label(Priority(str(payload["after"]))),
    }
    return _("Priority set from “%(before)s” to “%(after)s”") % words, "flag-fill", "note"


def _graded(sentence: _StrPromise, icon: str) -> Callable[[JSON, _Names], Told]:
    def told(payload: JSON, _names: _Names) -> Told:
        words = {name: label(Severity(str(payload[name]))) for name in ("before", "after")}
        return str(sentence) % words, icon, "note"

    return told


def _proposed(payload: JSON, _names: _Names) -> Told:
    kinds = dict.fromkeys(str(label(ClosingBasis(one["kind"]))) for one in payload["basis"])
    return _("Closing proposed: %(basis)s") % {"basis": "; ".join(kinds)}, "question-circle", "note"


def _until(sentence: _StrPromise, icon: str, tone: str) -> Callable[[JSON, _Names], Told]:
    return lambda payload, _names: (str(sentence) % {"day": payload.get("ends_on", "")}, icon, tone)


def _said(sentence: _StrPromise, icon: str, tone: str) -> Callable[[JSON, _Names], Told]:
    return lambda _payload, _names: (str(sentence), icon, tone)


_TELLERS: dict[str, Callable[[JSON, _Names], Told]] = {
    "finding.concluded": _concluded,
    "finding.opened": _said(gettext_lazy("Opened by a person"), "flag-fill", "bad"),
    "risk.identified": _said(gettext_lazy("Recorded as a risk"), "exclamation-circle", "warn"),
    "remediation.opened": _said(gettext_lazy("Remediation item opened"), "wrench-adjustable", "note"),
    "remediation.moved": _moved,
    "remediation.assigned": _assigned,
    "remediation.effort_logged": _effort,
    "remediation.effort_reversed": _reversed,
    "remediation.replanned": _replanned,
    "remediation.baseline_proposed": _said(gettext_lazy("Baseline proposed"), "flag-fill", "note"),
    "remediation.baseline_approved": _said(gettext_lazy("Baseline approved"), "check2-circle", "good"),
    "remediation.baseline_refused": _said(gettext_lazy("Baseline refused"), "exclamation-circle", "warn"),
    "remediation.milestone_done": _milestone,
    "risk.investigated": _said(gettext_lazy("Somebody looks into it"), "search", "note"),
    "risk.taken_up": _said(gettext_lazy("Taken up for remediation"), "wrench-adjustable", "note"),
    "risk.put_back": _said(gettext_lazy("Put back: nobody works on it"), "arrow-repeat", "warn"),
    "risk.acceptance_requested": _until(gettext_lazy("Acceptance asked for, until %(day)s"), "question-circle", "warn"),
    "risk.acceptance_approved": _until(gettext_lazy("Risk accepted until %(day)s"), "clock-history", "warn"),
    "risk.acceptance_refused": _said(gettext_lazy("Acceptance refused"), "x-lg", "note"),
    "risk.acceptance_withdrawn": _said(gettext_lazy("Request for acceptance withdrawn"), "dash-circle", "note"),
    "risk.acceptance_reviewed": _until(
        gettext_lazy("Acceptance reviewed; it ends on %(day)s"), "clock-history", "note"
    ),
    "risk.acceptance_revoked": _said(gettext_lazy("Acceptance revoked: the risk is open again"), "x-lg", "bad"),
    "risk.acceptance_expired": _said(
        gettext_lazy("The last day of the acceptance is over: the risk is open again"), "hourglass-split", "bad"
    ),
    "risk.closed": _said(gettext_lazy("Risk closed"), "check2-circle", "good"),
    "risk.reopened": _said(gettext_lazy("Risk open again"), "flag-fill", "bad"),
    "finding.priority_set": _priority,
    "finding.severity_set": _graded(gettext_lazy("Severity set from “%(before)s” to “%(after)s”"), "flag-fill"),
    "risk.severity_followed": _graded(
        gettext_lazy("Severity went from “%(before)s” to “%(after)s” with what a report states"), "arrow-repeat"
    ),
    "closing.proposed": _proposed,
    "closing.returned": _said(gettext_lazy("Closing returned"), "arrow-repeat", "warn"),
    "closing.lapsed": _said(
        gettext_lazy("The proposed closing fell away: its evidence no longer stands"), "dash-circle", "warn"
    ),
    "closing.confirmed": _said(gettext_lazy("Closing confirmed by a person who did not do the work"), "check2", "good"),
    "remediation.closed": _said(gettext_lazy("Closed with new evidence"), "check2-circle", "good"),
}


def _names(entries: list[TrailEntry]) -> _Names:
    people = {str(entry.payload["after"]) for entry in entries if entry.event.kind == "remediation.assigned"}
    steps = {str(entry.payload["milestone"]) for entry in entries if entry.event.kind == "remediation.milestone_done"}
    return _Names(
        people={str(user.uuid): user.name for user in User.objects.filter(uuid__in=people)} if people else {},
        milestones={str(row.uuid): row.title for row in Milestone.objects.filter(uuid__in=steps)} if steps else {},
    )


def story(subjects: Iterable[UUID], user: Asker) -> Story:
    """What is on record about these subjects, as far as the asker may see."""
    told = TrailEntry.objects.filter(event__subject_uuid__in=set(subjects), event__kind__in=_TELLERS)
    rows = visible(told, user).select_related("event__place", "actor").order_by("-event__created_at", "-pk")
    entries = list(rows[:MOST_STEPS])
    earlier = rows.count() - MOST_STEPS if len(entries) == MOST_STEPS else 0
    names = _names(entries)
    return Story(steps=tuple(_step(entry, names) for entry in reversed(entries)), earlier=earlier)


def _step(entry: TrailEntry, names: _Names) -> StoryEvent:
    sentence, icon, tone = _TELLERS[entry.event.kind](entry.payload, names)
    place = getattr(entry.event, "place", None)
    return StoryEvent(
        at=entry.event.created_at,
        sentence=sentence,
        actor=entry.actor,
        icon=icon,
        tone=tone,
        position=place.position if place else None,
    )
