"""Notices as they are shown and mailed: each with the title and address of its subject, as far as its reader may see it now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Count, Exists, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.models import AISystem, AuditRequest, Milestone, Notice, RiskAcceptance, User, Waiver
from compliance.rights import Verb, may, visible
from compliance.types.audit_requests import WAITS_FOR_US
from compliance.types.notices import NoticeKind
from compliance.types.risk_life import AgreementState, ClosingState
from compliance.types.states import RemediationState
from compliance.types.verdicts import Conclusion

# Of what waits for a decision, only whoever may decide is told.
_NEEDS = {NoticeKind.ACCEPTANCE_ASKED: Verb.DECIDE_ACCEPTANCE, NoticeKind.CLOSING_PROPOSED: Verb.CONFIRM_CLOSING}
_CHUNK = 500
Place = Callable[[Any], str]

# How each kind of record is named and where it is; what is not listed cannot be told of.
_PLACES: dict[str, tuple[tuple[str, ...], Callable[[Any], str], Place]] = {
    "compliance.RiskAcceptance": (
        ("risk__finding",),
        lambda row: _("Risk acceptance: “%s”") % row.risk.finding.title,
        lambda row: reverse("acceptance-detail", args=[row.uuid]),
    ),
    "compliance.Waiver": (
        (),
        lambda row: _("Waiver: “%s”") % row,
        lambda row: reverse("waiver-detail", args=[row.uuid]),
    ),
    "compliance.Finding": ((), str, lambda row: reverse("finding-detail", args=[row.uuid])),
    "compliance.RemediationItem": ((), str, lambda row: reverse("remediation-item", args=[row.uuid])),
    "compliance.Milestone": (
        ("item",),
        lambda row: f"{row.title} ({row.item.title})",
        lambda row: reverse("remediation-item", args=[row.item.uuid]),
    ),
    "compliance.AuditRequest": (
        ("engagement",),
        lambda row: f"{row}, {row.engagement.title}",
        lambda row: reverse("request-detail", args=[row.uuid]),
    ),
    "compliance.Closing": (
        ("item", "system"),
        lambda row: _("Closing of “%s”") % (row.item or row.system),
        lambda row: reverse("closing-detail", args=[row.uuid]),
    ),
    "compliance.ModelVersion": (("model",), str, lambda row: reverse("model-version", args=[row.uuid])),
    "compliance.WebhookEndpoint": ((), str, lambda row: reverse("webhook-detail", args=[row.uuid])),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A notice as it reads. title "": its reader may not see its subject (any more), and is told nothing of it. stands:
    whether a reminder still holds, since what was done meanwhile, or is due on another day, needs no mail."""

    notice: Notice
    title: str
    url: str
    stands: bool = True

    @property
    def is_open(self) -> bool:
        """Whether there is something to show."""
        return bool(self.title)


def lines(notices: Iterable[Notice], user: User) -> list[Line]:
    """The notices of one person, with a query or two for each kind of record among them."""
    rows = list(notices)
    wanted: dict[str, set[UUID]] = defaultdict(set)
    for row in rows:
        if row.subject_uuid is not None:
            wanted[row.subject_type].add(row.subject_uuid)
    known = {uuid: row for label, uuids in wanted.items() for uuid, row in _seen(label, list(uuids), user).items()}
    return [_line(row, known, user) for row in rows]


def _line(row: Notice, known: dict[UUID, Any], user: User) -> Line:
    kind = NoticeKind(row.kind)
    if kind in _NEEDS and not may(user, _NEEDS[kind]):
        return Line(notice=row, title="", url="")
    if row.subject_uuid is None:
        return Line(notice=row, title=ngettext("%d of them", "%d of them", row.count) % row.count, url=row.place)
    subject = known.get(row.subject_uuid)
    if subject is None:
        return Line(notice=row, title="", url="")
    _related, title, place = _PLACES[row.subject_type]
    return Line(notice=row, title=title(subject), url=place(subject), stands=_stands(row, subject))


def _stands(row: Notice, subject: Any) -> bool:
    if row.kind == NoticeKind.CLOSING_PROPOSED:
        return bool(subject.state == ClosingState.PROPOSED)
    if row.kind == NoticeKind.FINDING_BACK:
        return bool(subject.state == Conclusion.NOT_SATISFIED)
    if row.kind not in (NoticeKind.DUE_SOON, NoticeKind.OVERDUE):
        return True
    return _is_due(row, subject)


def _is_due(row: Notice, subject: Any) -> bool:
    """Whether what was to be done by the day is still to be done by it."""
    if isinstance(subject, Milestone):
        return subject.done_at is None and subject.due_on == row.due_on
    if isinstance(subject, RiskAcceptance):
        in_force = subject.state_now == AgreementState.APPROVED
        return in_force and row.due_on in (subject.review_on, subject.ends_on)
    if isinstance(subject, Waiver):
        return subject.state_now == AgreementState.APPROVED and subject.ends_on == row.due_on
    over = (RemediationState.DONE, RemediationState.CLOSED)
    works = subject.state in WAITS_FOR_US if isinstance(subject, AuditRequest) else subject.state not in over
    return works and subject.due_on == row.due_on


def _seen(label: str, uuids: list[UUID], user: User) -> dict[UUID, Any]:
    """Those of the records that exist for a person at this moment."""
    if label not in _PLACES:
        return {}
    rows: QuerySet[Any] = QuerySet(apps.get_model(label)).select_related(*_PLACES[label][0])
    return {
        row.uuid: row
        for start in range(0, len(uuids), _CHUNK)
        for row in visible(rows.filter(uuid__in=uuids[start : start + _CHUNK]), user)
    }


def inbox(user: User) -> QuerySet[Notice]:
    """The lines of somebody's inbox, the newest first."""
    return Notice.objects.filter(user=user, count__gt=0)


def masthead(user: User) -> tuple[int, bool]:
    """What the head of every page says, asked at once: lines that somebody has not read, and whether there are demonstration
    data on record."""
    waiting = Notice.objects.filter(user=user.pk, read_at=None).order_by().values("user").annotate(n=Count("pk"))
    shown = Exists(AISystem.objects.filter(is_demonstration=True))
    row = User.objects.filter(pk=user.pk).values_list(Subquery(waiting.values("n")), shown).first()
    return (row[0] or 0, row[1]) if row else (0, False)


def unread(user: User) -> int:
    """How many lines somebody has not read."""
    return Notice.objects.filter(user=user, read_at=None).count()
