"""Who is told of the acceptance of a risk: those who may decide when it is asked for, and whoever asked of what came of it."""

from __future__ import annotations

from collections.abc import Iterable

from compliance.models import Risk, RiskAcceptance, User
from compliance.rights import TABLE, Verb
from compliance.services import notices
from compliance.types.notices import NoticeKind
from compliance.types.risk_transitions import RiskAct

_KINDS = {
    RiskAct.REQUEST_ACCEPTANCE: NoticeKind.ACCEPTANCE_ASKED,
    RiskAct.APPROVE_ACCEPTANCE: NoticeKind.ACCEPTANCE_DECIDED,
    RiskAct.REFUSE_ACCEPTANCE: NoticeKind.ACCEPTANCE_DECIDED,
    RiskAct.REVOKE_ACCEPTANCE: NoticeKind.ACCEPTANCE_EXPIRED,
    RiskAct.EXPIRE_ACCEPTANCE: NoticeKind.ACCEPTANCE_EXPIRED,
}


def tell(*, risk: Risk, act: RiskAct, acceptance: RiskAcceptance | None, actor: User | None) -> None:
    """In the transaction of the act."""
    kind = _KINDS.get(act)
    if kind is None or acceptance is None:
        return
    people = [user for user in _people(kind, acceptance) if user != actor]
    notices.tell(kind=kind, subject=risk.finding, people=people, once=f"{acceptance.uuid}:{act}")


def _people(kind: NoticeKind, acceptance: RiskAcceptance) -> Iterable[User]:
    if kind is NoticeKind.ACCEPTANCE_ASKED:
        return User.objects.filter(
            is_active=True, owner=None, role__in=[role.value for role in TABLE[Verb.DECIDE_ACCEPTANCE]]
        )
    return [acceptance.requested_by]
