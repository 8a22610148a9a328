"""What the pages of auditors' requests show: lists, one request with its thread, and figures of an engagement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from compliance.models import AuditRequest, Engagement, Evidence, RequestReply, User
from compliance.rights import visible
from compliance.types.audit_requests import WAITS_FOR_US, RequestState, RequestStep, request_steps
from compliance.types.states import Role

LIST = AuditRequest.objects.select_related("engagement", "owner")
ONE = AuditRequest.objects.select_related("engagement", "owner", "asked_by").prefetch_related("controls__system")


@dataclass(frozen=True, slots=True)
class ThreadEntry:
    """One reply with what was handed over with it, as far as the reader may see the piece."""

    reply: RequestReply
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class RequestPage:
    """One request: its thread, oldest first, and the moves that the reader may make."""

    thread: tuple[ThreadEntry, ...]
    steps: tuple[RequestStep, ...]


@dataclass(frozen=True, slots=True)
class RequestFigures:
    """How many requests of an engagement there are, wait for the organisation, wait for the team, and are late."""

    total: int = 0
    waits_for_us: int = 0
    waits_for_team: int = 0
    overdue: int = 0


def request_list(
    rows: QuerySet[AuditRequest], *, text: str, state: str, owner: User | None, is_overdue: bool
) -> QuerySet[AuditRequest]:
    """The list as filtered."""
    if text.isascii() and text.isdigit() and len(text) < 9:
        rows = rows.filter(Q(number=int(text)) | Q(title__icontains=text))
    elif text:
        rows = rows.filter(Q(title__icontains=text) | Q(text__icontains=text))
    if state:
        rows = rows.filter(state=state)
    if owner is not None:
        rows = rows.filter(owner=owner)
    return rows.filter(state__in=WAITS_FOR_US, due_on__lt=timezone.localdate()) if is_overdue else rows


def request_page(request: AuditRequest, reader: User) -> RequestPage:
    """The thread of one request."""
    replies = list(request.replies.select_related("author"))
    seen = visible(Evidence.objects.filter(audit_requests__request=request), reader).in_bulk()
    handed: dict[int | None, list[Evidence]] = {}
    for reply_id, evidence_id in request.attached.values_list("reply", "evidence"):
        if evidence_id in seen:
            handed.setdefault(reply_id, []).append(seen[evidence_id])
    return RequestPage(
        thread=tuple(ThreadEntry(reply, tuple(handed.get(reply.pk, ()))) for reply in replies),
        steps=request_steps(RequestState(request.state), Role(reader.role)),
    )


def request_figures(engagements: Iterable[Engagement]) -> dict[int, RequestFigures]:
    """The figures of each of these engagements by its key, in one query."""
    waiting = Q(state__in=WAITS_FOR_US)
    rows = (
        AuditRequest.objects.filter(engagement__in=[engagement.pk for engagement in engagements])
        .order_by()
        .values_list("engagement")
        .annotate(
            total=Count("pk"),
            for_us=Count("pk", filter=waiting),
            for_team=Count(
                "pk", filter=Q(state__in=[RequestState.ANSWERED, RequestState.CLARIFICATION, RequestState.DENIED])
            ),
            late=Count("pk", filter=waiting & Q(due_on__lt=timezone.localdate())),
        )
    )
    return {key: RequestFigures(*figures) for key, *figures in rows}
