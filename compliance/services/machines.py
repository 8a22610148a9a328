"""Accounts of machines: they send by token, nobody signs in to them, and a person answers for each."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import AISystem, User
from compliance.rights import SERVICE_ROLES, may_grant
from compliance.services import ledger, people
from compliance.services.errors import RefusedError
from compliance.types.states import Role


@transaction.atomic
def create(*, name: str, role: Role, owner: User, systems: Sequence[AISystem], actor: User) -> User:
    """A machine's account with the systems it works on. Raises RefusedError."""
    if role not in SERVICE_ROLES:
        raise RefusedError(_("A machine cannot have this role."))
    if not may_grant(actor, role):
        raise RefusedError(_("You may not give this role."))
    if owner.is_machine or not owner.is_active:
        raise RefusedError(_("Name a person with access who answers for the machine."))
    address = f"{uuid4().hex}@machine.invalid"  # RFC 6761: no mail ever goes there
    machine = people.create_user(email=address, name=name, role=role, password=None, actor=actor)
    machine.owner = owner
    machine.save(update_fields=["owner"])
    for system in systems:
        people.grant_membership(system=system, role=role, actor=actor, user=machine)
    payload = {"owner": str(owner.uuid)}
    ledger.record(kind="machine.created", subject=machine, payload=payload, actor=actor, system=None)
    return machine


@transaction.atomic
def hand_over(*, machine: User, owner: User, actor: User) -> User:
    """Names another person who answers for a machine. Raises RefusedError."""
    if machine.owner_id is None or owner.is_machine or not owner.is_active or not may_grant(actor, Role(machine.role)):
        raise RefusedError(_("Name a person with access who answers for the machine."))
    machine.owner = owner
    machine.save(update_fields=["owner"])
    payload = {"owner": str(owner.uuid)}
    ledger.record(kind="machine.handed_over", subject=machine, payload=payload, actor=actor, system=None)
    return machine
