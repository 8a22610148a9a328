"""Who can do remediation work on an AI system."""

from __future__ import annotations

from django.db.models import F, Q, QuerySet

from compliance.models import AISystem, RemediationItem, User
from compliance.rights import TABLE, Verb
from compliance.types.states import RemediationState, Role

_EVERYWHERE = [role.value for role in TABLE[Verb.WORK_REMEDIATION] if role is not Role.CONTRIBUTOR]


def workers_on(system: AISystem) -> QuerySet[User]:
    """Active people: everyone who sees all systems and may work, and the contributors who are on this one."""
    memberships = Q(memberships__system=system) | Q(teams__memberships__system=system)
    on_it = User.objects.filter(memberships, role=Role.CONTRIBUTOR)
    return User.objects.filter(Q(role__in=_EVERYWHERE) | Q(pk__in=on_it.values("pk")), is_active=True)


def can_work_on(person: User, system: AISystem) -> bool:
    """Whether this person could own or do work on the system now."""
    return workers_on(system).filter(pk=person.pk).exists()


def without_owner(rows: QuerySet[RemediationItem]) -> QuerySet[RemediationItem]:
    """Of these, the open items whose owner left, or has lost every right on the item's system."""
    contributor = Q(owner__role=Role.CONTRIBUTOR)
    there = Q(owner__memberships__system=F("system")) | Q(owner__teams__memberships__system=F("system"))
    able = RemediationItem.objects.filter(there & contributor | Q(owner__role__in=_EVERYWHERE), owner__is_active=True)
    return rows.exclude(state=RemediationState.CLOSED).exclude(pk__in=able.values("pk"))
