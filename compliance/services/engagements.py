"""Engagements: an audit is opened for a team, changed, moved from plan to follow-up, and its access ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from itertools import pairwise

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.choices import label
from compliance.models import (
    AISystem,
    Assessment,
    Engagement,
    EngagementMember,
    EngagementMove,
    User,
)
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import sha256_hex
from compliance.types.drafts import JSON
from compliance.types.engagements import PLANNED, EngagementKind, EngagementState, TeamPart, steps_from
from compliance.types.states import Role

_RELATED = frozenset({"systems", "assessments", "team"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementDraft:
    """What an audit is about, who is on its team, and until when they have access.

    team: each person with their part. accounts, regions: those in scope, () for all. as_of: the day that a
    point-in-time audit speaks of. The planned days are in the order of the states that they begin.
    """

    title: str
    systems: Sequence[AISystem]
    team: Sequence[tuple[User, TeamPart]]
    period_start: date
    period_end: date
    expires_at: datetime
    kind: EngagementKind = EngagementKind.OTHER
    criteria: str = ""
    edition: str = ""
    entity: str = ""
    assessments: Sequence[Assessment] = ()
    accounts: Sequence[str] = ()
    regions: Sequence[str] = ()
    as_of: date | None = None
    exclusions: str = ""
    contact: User | None = None
    fieldwork_on: date | None = None
    draft_on: date | None = None
    response_on: date | None = None
    final_on: date | None = None
    follow_up_on: date | None = None

    @property
    def columns(self) -> dict[str, object]:
        """What stands in the engagement's own row."""
        own = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _RELATED}
        return own | {"accounts": _listed(self.accounts), "regions": _listed(self.regions)}


def _listed(words: Sequence[str]) -> list[str]:
    return sorted({word.strip() for word in words if word.strip()})


@transaction.atomic
def open_engagement(*, draft: EngagementDraft, actor: User) -> Engagement:
    """Invites an audit team to AI systems, for a period of records, until a moment. Raises RefusedError."""
    _check(draft)
    engagement = Engagement.objects.create(**draft.columns, opened_by=actor)
    _relate(engagement, draft)
    _record(engagement, "opened", _facts(draft), actor)
    return engagement


@transaction.atomic
def change(*, engagement: Engagement, draft: EngagementDraft, actor: User) -> Engagement:
    """States scope, team, dates and end of access anew; the states and what was done stay. Raises RefusedError."""
    engagement = Engagement.objects.select_for_update().get(pk=engagement.pk)
    _check(draft)
    for name, value in draft.columns.items():
        setattr(engagement, name, value)
    engagement.save()
    _relate(engagement, draft)
    _record(engagement, "changed", _facts(draft), actor)
    return engagement


def _check(draft: EngagementDraft) -> None:
    """Raises RefusedError for the first thing that makes no sense."""
    team = [user for user, _part in draft.team]
    if not draft.title.strip():
        raise RefusedError(_("Give the engagement a title."))
    if not team or any(user.role != Role.AUDITOR for user in team):
        raise RefusedError(_("Only people with the role auditor can be invited to an engagement, and at least one."))
    if len({user.pk for user in team}) < len(team):
        raise RefusedError(_("Name each person once on the team."))
    if not draft.systems:
        raise RefusedError(_("Name at least one AI system that the engagement is about."))
    foreign = [one for one in draft.assessments if one.system_id not in {system.pk for system in draft.systems}]
    if foreign:
        raise RefusedError(_("The assessment “%s” is of an AI system that the engagement is not about.") % foreign[0])
    if draft.contact is not None and draft.contact.role in (Role.AUDITOR, Role.COLLECTOR):
        raise RefusedError(_("The contact is somebody of the organisation, not of the audit team."))
    _check_days(draft)


def _check_days(draft: EngagementDraft) -> None:
    if draft.period_end < draft.period_start:
        raise RefusedError(_("The period ends before it begins."))
    if draft.as_of is not None and not draft.period_start <= draft.as_of <= draft.period_end:
        raise RefusedError(_("The day that the audit speaks of lies outside the period of its records."))
    if draft.kind == EngagementKind.SOC_2_TYPE_1 and draft.as_of is None:
        raise RefusedError(_("A SOC 2 type 1 report speaks of one day: say as of which."))
    if draft.kind == EngagementKind.SOC_2_TYPE_2 and draft.as_of is not None:
        raise RefusedError(_("A SOC 2 type 2 report speaks of a period: leave the day empty."))
    if draft.expires_at <= timezone.now():
        raise RefusedError(_("Access would already have ended: choose a later moment."))
    planned = [day for name in PLANNED if (day := getattr(draft, name)) is not None]
    if any(later < earlier for earlier, later in pairwise(planned)):
        raise RefusedError(_("The planned days are out of order: fieldwork, draft, response, final, follow-up."))


def _relate(engagement: Engagement, draft: EngagementDraft) -> None:
    engagement.systems.set(draft.systems)
    engagement.assessments.set(draft.assessments)
    parts = {user.pk: part for user, part in draft.team}
    engagement.members.exclude(user__in=parts).delete()
    for user, part in draft.team:
        EngagementMember.objects.update_or_create(engagement=engagement, user=user, defaults={"part": part})


def _facts(draft: EngagementDraft) -> JSON:
    """The bounds of access as the ledger keeps them: ids, days and digests."""
    planned = {name: str(day) for name in PLANNED if (day := getattr(draft, name)) is not None}
    return {
        "auditors": sorted(str(user.uuid) for user, _part in draft.team),
        "parts": {str(user.uuid): part.value for user, part in draft.team},
        "systems": sorted(str(system.uuid) for system in draft.systems),
        "assessments": sorted(str(assessment.uuid) for assessment in draft.assessments),
        "accounts_sha256": [sha256_hex(word.encode()) for word in _listed(draft.accounts)],
        "regions_sha256": [sha256_hex(word.encode()) for word in _listed(draft.regions)],
        "period_start": draft.period_start.isoformat(),
        "period_end": draft.period_end.isoformat(),
        "as_of": draft.as_of.isoformat() if draft.as_of else None,
        "expires_at": draft.expires_at.isoformat(),
        "type": draft.kind.value,
        "planned": planned,
        "words_sha256": sha256_hex(
            "\n".join((draft.title, draft.criteria, draft.edition, draft.entity, draft.exclusions)).encode()
        ),
    }


def _record(engagement: Engagement, act: str, facts: JSON, actor: User) -> None:
    ledger.record(kind=f"engagement.{act}", subject=engagement, payload=facts, actor=actor, system=None)


# Its life -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def move(*, engagement: Engagement, to: EngagementState, reason: str, actor: User) -> EngagementMove:
    """Moves an audit on, or back with a reason, as the table of steps permits. Raises RefusedError."""
    engagement = Engagement.objects.select_for_update().get(pk=engagement.pk)
    before, reason = EngagementState(engagement.state), reason.strip()
    step = next((step for step in steps_from(before, Role(actor.role)) if step.after == to), None)
    if step is None:
        raise RefusedError(
            _("From “%(before)s” the audit does not move to “%(after)s” by your hand.")
            % {"before": label(before), "after": label(to)}
        )
    if step.is_back and not reason:
        raise RefusedError(_("Say why the audit goes back."))
    if to == EngagementState.FIELDWORK and before == EngagementState.PLAN:
        _check_independence(engagement)
    engagement.state = to
    engagement.save(update_fields=["state"])
    moved = EngagementMove.objects.create(engagement=engagement, before=before, after=to, reason=reason, moved_by=actor)
    facts: JSON = {"before": before.value, "after": to.value, "reason_sha256": sha256_hex(reason.encode())}
    _record(engagement, "moved", facts, actor)
    return moved


def _check_independence(engagement: Engagement) -> None:
    silent = engagement.members.filter(independence_at=None).select_related("user").first()
    if silent is not None:
        raise RefusedError(
            _("Fieldwork begins when everybody on the team has stated their independence; %s has not.") % silent.user
        )


@transaction.atomic
def state_independence(*, engagement: Engagement, statement: str, actor: User) -> EngagementMember:
    """The auditor's own statement of independence, in their words; a later one takes its place. Raises RefusedError."""
    member = engagement.members.select_for_update().filter(user=actor).first()
    if member is None:
        raise RefusedError(_("Only somebody on the team states their independence."))
    if not statement.strip():
        raise RefusedError(_("Write the statement: to whom and what you are independent of, and any threat to it."))
    member.independence, member.independence_at = statement.strip(), timezone.now()
    member.save(update_fields=["independence", "independence_at"])
    facts: JSON = {"statement_sha256": sha256_hex(member.independence.encode())}
    _record(engagement, "independence_stated", facts, actor)
    return member


@transaction.atomic
def end_access(*, engagement: Engagement, actor: User) -> Engagement:
    """Ends the team's access now; changing the engagement can give it again. Ending twice changes nothing."""
    engagement = Engagement.objects.select_for_update().get(pk=engagement.pk)
    if not engagement.is_live:
        return engagement
    engagement.expires_at = timezone.now()
    engagement.save(update_fields=["expires_at"])
    _record(engagement, "access_ended", {}, actor)
    return engagement
