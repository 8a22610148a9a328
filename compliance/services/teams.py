"""Teams: people who share memberships, and to whom remediation is given."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import Team, User
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.states import Role


@transaction.atomic
def create(*, name: str, actor: User) -> Team:
    """A team without members. Raises RefusedError for a name in use."""
    team = Team.objects.create(name=_free_name(name, None))
    ledger.record(kind="team.created", subject=team, payload={}, actor=actor, system=None)
    return team


@transaction.atomic
def rename(*, team: Team, name: str, actor: User) -> Team:
    """Another name. Raises RefusedError for a name in use."""
    team.name = _free_name(name, team)
    team.save(update_fields=["name"])
    ledger.record(kind="team.renamed", subject=team, payload={}, actor=actor, system=None)
    return team


def _free_name(name: str, team: Team | None) -> str:
    name = name.strip()[:200]
    if not name:
        raise RefusedError(_("Give the team a name."))
    others = Team.objects.exclude(pk=team.pk) if team else Team.objects.all()
    if others.filter(name__iexact=name).exists():
        raise RefusedError(_("There is a team “%s” already.") % name)
    return name


@transaction.atomic
def add_member(*, team: Team, user: User, actor: User) -> None:
    """Put a person on a team, which gives them the team's memberships; twice is once. Raises RefusedError."""
    if user.is_machine or user.role == Role.AUDITOR:
        raise RefusedError(_("Teams hold people of the organisation, neither machines nor auditors."))
    if not user.is_active:
        raise RefusedError(_("%s has left; choose somebody who works here.") % user.name)
    if team.members.filter(pk=user.pk).exists():
        return
    team.members.add(user)
    ledger.record(kind="team.joined", subject=team, payload={"person": str(user.uuid)}, actor=actor, system=None)


@transaction.atomic
def remove_member(*, team: Team, user: User, actor: User) -> None:
    """Take a person off a team, and so off what only the team may see; twice is once."""
    if not team.members.filter(pk=user.pk).exists():
        return
    team.members.remove(user)
    ledger.record(kind="team.left", subject=team, payload={"person": str(user.uuid)}, actor=actor, system=None)
