"""Requests of auditors: asked, changed, replied to, moved, and evidence handed over for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.choices import label
from compliance.models import (
    AuditRequest,
    Engagement,
    Evidence,
    ImplementedControl,
    RequestEvidence,
    RequestReply,
    User,
)
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.audit_requests import RequestState, request_steps
from compliance.types.canonical import sha256_hex
from compliance.types.drafts import JSON
from compliance.types.states import EvidenceState, Role

_STAFF = frozenset({Role.ADMINISTRATOR, Role.OFFICER, Role.MANAGER})


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDraft:
    """What is asked for, for which controls, of whom, by when."""

    title: str
    text: str = ""
    controls: Sequence[ImplementedControl] = ()
    owner: User | None = None
    due_on: date | None = None


# Asking and changing ------------------------------------------------------------------------------------------------


@transaction.atomic
def ask(*, engagement: Engagement, draft: RequestDraft, actor: User) -> AuditRequest:
    """A new request under the next number: by the team, or entered by an officer on its behalf. Raises RefusedError."""
    engagement = Engagement.objects.select_for_update().get(pk=engagement.pk)
    _check(engagement, draft)
    if actor.role == Role.AUDITOR and draft.owner is not None:
        raise RefusedError(_("The organisation says who owns a request: leave the owner empty."))
    last = engagement.requests.aggregate(last=Max("number"))["last"] or 0
    request = AuditRequest.objects.create(engagement=engagement, number=last + 1, asked_by=actor, **_columns(draft))
    request.controls.set(draft.controls)
    _record(request, "asked", _facts(draft) | {"number": request.number}, actor)
    return request


@transaction.atomic
def change(*, request: AuditRequest, draft: RequestDraft, actor: User) -> AuditRequest:
    """States title, words, controls, owner and day anew; nothing is recorded where nothing differs. Raises RefusedError.

    The words of a request that the team asked are the team's; its owner is the organisation's.
    """
    request = AuditRequest.objects.select_for_update().get(pk=request.pk)
    differing = _differing(request, draft)
    if not differing:
        return request
    _check(request.engagement, draft)
    if request.state in (RequestState.ACCEPTED, RequestState.WITHDRAWN):
        raise RefusedError(_("Request %d has ended; reopen it or ask a new one.") % request.number)
    _check_side(request, differing, actor)
    for name, value in _columns(draft).items():
        setattr(request, name, value)
    request.changed_at = timezone.now()
    request.save()
    request.controls.set(draft.controls)
    _record(request, "changed", _facts(draft) | {"differing": sorted(differing)}, actor)
    return request


def _differing(request: AuditRequest, draft: RequestDraft) -> set[str]:
    now = {"title": request.title, "text": request.text, "owner": request.owner, "due_on": request.due_on}
    differing = {name for name, value in _columns(draft).items() if value != now[name]}
    if {one.pk for one in draft.controls} != set(request.controls.values_list("pk", flat=True)):
        differing.add("controls")
    return differing


def _check_side(request: AuditRequest, differing: set[str], actor: User) -> None:
    if actor.role == Role.AUDITOR and "owner" in differing:
        raise RefusedError(_("The organisation says who owns request %d.") % request.number)
    if actor.role != Role.AUDITOR and request.asked_by.role == Role.AUDITOR and differing & {"title", "text"}:
        raise RefusedError(_("The words of request %d are the auditor’s: ask for a clarification.") % request.number)


def _columns(draft: RequestDraft) -> dict[str, object]:
    return {
        "title": draft.title.strip(), "text": draft.text.strip(), "owner": draft.owner, "due_on": draft.due_on,
    }  # fmt: skip


def _check(engagement: Engagement, draft: RequestDraft) -> None:
    if not draft.title.strip():
        raise RefusedError(_("Give the request a title."))
    if len(draft.title.strip()) > 300:
        raise RefusedError(_("The title is longer than 300 characters."))
    systems = set(engagement.systems.values_list("pk", flat=True))
    foreign = next((one for one in draft.controls if one.system_id not in systems), None)
    if foreign is not None:
        raise RefusedError(_("The control “%s” is of an AI system that the engagement is not about.") % foreign)
    if draft.owner is not None and not possible_owners(engagement).filter(pk=draft.owner.pk).exists():
        raise RefusedError(_("%s cannot own it: they work on none of the engagement’s AI systems.") % draft.owner)


def possible_owners(engagement: Engagement) -> QuerySet[User]:
    """Who may own a request: active staff, and contributors on one of the AI systems."""
    systems = engagement.systems.all()
    on_system = Q(role=Role.CONTRIBUTOR) & (
        Q(memberships__system__in=systems) | Q(teams__memberships__system__in=systems)
    )
    return User.objects.filter(Q(role__in=_STAFF) | on_system, is_active=True).distinct()


def _facts(draft: RequestDraft) -> JSON:
    return {
        "words_sha256": sha256_hex(f"{draft.title.strip()}\n{draft.text.strip()}".encode()),
        "controls": sorted(str(control.uuid) for control in draft.controls),
        "owner": str(draft.owner.uuid) if draft.owner else None,
        "due_on": draft.due_on.isoformat() if draft.due_on else None,
    }


def _record(request: AuditRequest, act: str, facts: JSON, actor: User) -> None:
    payload = {**facts, "engagement": str(request.engagement.uuid)}
    ledger.record(kind=f"audit_request.{act}", subject=request, payload=payload, actor=actor, system=None)


# The thread ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def reply(
    *,
    request: AuditRequest,
    text: str,
    actor: User,
    to: RequestState | None = None,
    evidence: Sequence[Evidence] = (),
) -> RequestReply:
    """Words in the thread, a move, evidence handed over, or all three, at once or not at all. Raises RefusedError."""
    request = AuditRequest.objects.select_for_update().get(pk=request.pk)
    before, text = RequestState(request.state), text.strip()
    if to is None and not text and not evidence:
        raise RefusedError(_("Write a reply, choose a state or attach evidence."))
    after = _moved(before, to, text, actor) if to is not None and to != before else before
    entry = RequestReply.objects.create(request=request, author=actor, text=text, before=before, after=after)
    for piece in evidence:
        _attach(request, entry, piece, actor)
    request.state, request.changed_at = after, timezone.now()
    request.save(update_fields=["state", "changed_at"])
    facts: JSON = {
        "before": before.value,
        "after": after.value,
        "words_sha256": sha256_hex(text.encode()),
        "evidence": [piece.sha256 for piece in evidence],
    }
    _record(request, "moved" if after != before else "replied", facts, actor)
    return entry


def _moved(before: RequestState, to: RequestState, text: str, actor: User) -> RequestState:
    step = next((step for step in request_steps(before, Role(actor.role)) if step.after == to), None)
    if step is None:
        raise RefusedError(
            _("From “%(before)s” a request does not move to “%(after)s” by your hand.")
            % {"before": label(before), "after": label(to)}
        )
    if step.needs_words and not text:
        raise RefusedError(_("Write why: “%s” needs words that the other side can act on.") % label(to))
    return to


def _attach(request: AuditRequest, entry: RequestReply, piece: Evidence, actor: User) -> None:
    if not request.engagement.systems.filter(pk=piece.system_id).exists():
        raise RefusedError(_("“%s” belongs to an AI system that the engagement is not about.") % piece.title)
    if piece.state == EvidenceState.REJECTED:
        raise RefusedError(_("“%(title)s” was rejected: %(why)s") % {"title": piece.title, "why": piece.rejection})
    RequestEvidence.objects.get_or_create(
        request=request, evidence=piece, defaults={"reply": entry, "attached_by": actor}
    )
