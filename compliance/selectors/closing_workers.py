"""Who did the work that a closing is about, and so does not confirm it: read from rows that nobody can rewrite."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from compliance.models import Closing, EvidenceLink, RiskMove, TrailEntry, User, WorkEntry
from compliance.rights import Asker, Verb, may, visible
from compliance.types.risk_life import ClosingState
from compliance.types.risk_transitions import RiskAct
from compliance.types.states import RemediationState


def worked(closing: Closing, user: User) -> bool:
    """Whether this person did the work, or asked for the closing."""
    return Closing.objects.filter(_by(user), pk=closing.pk).exists()


def confirmable(user: Asker) -> QuerySet[Closing]:
    """Closings that wait for this person: they have the right, and did not do the work."""
    if not isinstance(user, User) or not may(user, Verb.CONFIRM_CLOSING):
        return Closing.objects.none()
    return visible(Closing.objects.filter(state=ClosingState.PROPOSED), user).exclude(_by(user))


def _by(user: User) -> Q:
    """Owners of now and before; who is on the work log or wrote in it, reached a step, called it done, looked into the risk,
    brought the evidence that alone is to close it, or asked for the closing."""
    logged = WorkEntry.objects.filter(Q(person=user) | Q(made_by=user), item=OuterRef("item"))
    looked = RiskMove.objects.filter(risk__closings=OuterRef("pk"), act=RiskAct.INVESTIGATE, made_by=user)
    links = EvidenceLink.objects.filter(linked_by=user)
    brought = Exists(links.filter(remediation=OuterRef("item")))
    shown = Exists(links.filter(finding__risk__closings=OuterRef("pk")))
    return (
        Q(asked_by=user)
        | Q(item__owner=user)
        | Q(Exists(logged))
        | Q(Exists(looked))
        | Q(Exists(_told(user)))
        | (Q(brought) | Q(shown)) & Q(observation=None)
    )


def _told(user: User) -> QuerySet[TrailEntry]:
    """What the trail of the item says this person did, or had until somebody else got it."""
    did = Q(event__kind="remediation.milestone_done") | Q(
        event__kind="remediation.moved", payload__after=RemediationState.DONE.value
    )
    had = Q(event__kind="remediation.assigned", payload__before=str(user.uuid))
    return TrailEntry.objects.filter(did & Q(actor=user) | had, event__subject_uuid=OuterRef("item__uuid"))
