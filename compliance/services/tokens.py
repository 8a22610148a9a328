"""API tokens: named, shown once, ended by a date or by hand, and never stronger than their owner or the token that made them.

Knox keeps only a digest. A machine's tokens are made by those who may give its role.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from knox.models import AuthToken

from compliance.models import AISystem, TokenScope, User
from compliance.rights import NEVER_CARRIED, TABLE, Verb, limited_to, may_grant, systems_for, visible
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.states import Role

MOST = 20
LONGEST_DAYS = 366


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """What a new token is to be. verbs, systems None: as its owner, now and later."""

    name: str
    days: int
    verbs: frozenset[Verb] | None = None
    systems: tuple[AISystem, ...] | None = None


@transaction.atomic
def create(*, owner: User, terms: TokenTerms, actor: User) -> tuple[TokenScope, str]:
    """A new token and its secret, to be shown once. Raises RefusedError."""
    _check_maker(owner, actor)
    _check_terms(owner, terms)
    verbs, systems = _verbs(owner, terms, actor), _systems(owner, terms, actor)
    expiry = timedelta(days=terms.days)
    until = actor.token_scope.until if actor.token_scope else None
    if until is not None and timezone.now() + expiry > until:
        raise RefusedError(_("A token makes none that lives longer than itself."))
    token, secret = AuthToken.objects.create(user=owner, expiry=expiry)
    scope = TokenScope.objects.create(
        token=token,
        name=terms.name.strip(),
        verbs=None if verbs is None else sorted(verb.name for verb in verbs),
        limits_systems=systems is not None,
        made_by=actor,
    )
    scope.systems.set(systems or ())
    ledger.record(
        kind="token.made",
        subject=scope,
        payload={
            "owner": str(owner.uuid),
            "days": terms.days,
            "verbs": scope.verbs,
            "systems": None if systems is None else sorted(str(system.uuid) for system in systems),
        },
        actor=actor,
        system=None,
    )
    return scope, str(secret)


def verbs_of(role: Role) -> frozenset[Verb]:
    """Everything that a role may do."""
    return frozenset(verb for verb, roles in TABLE.items() if role in roles)


def _check_maker(owner: User, actor: User) -> None:
    if not owner.is_active:
        raise RefusedError(_("This access has ended; it gets no token."))
    if owner.pk != actor.pk and not (owner.is_machine and may_grant(actor, Role(owner.role))):
        raise RefusedError(_("People make their own tokens; an administrator makes those of machines."))


def _check_terms(owner: User, terms: TokenTerms) -> None:
    if not terms.name.strip() or len(terms.name) > 100:
        raise RefusedError(_("Give the token a name of at most 100 signs, so that you know it again."))
    if not 1 <= terms.days <= LONGEST_DAYS:
        raise RefusedError(_("A token lives between 1 and %d days.") % LONGEST_DAYS)
    if AuthToken.objects.filter(user=owner).count() >= MOST:
        raise RefusedError(_("There are %d tokens already; end one first.") % MOST)


def _verbs(owner: User, terms: TokenTerms, actor: User) -> frozenset[Verb] | None:
    """The verbs that the token carries; within a token that makes another, that one's at most."""
    carried = actor.token_scope.verbs if actor.token_scope else None
    verbs = terms.verbs
    if verbs is None:
        return None if carried is None else frozenset(Verb[name] for name in carried)
    if not verbs:
        raise RefusedError(_("Choose at least one thing that the token may do."))
    allowed = verbs_of(Role(owner.role)) - NEVER_CARRIED
    if beyond := {verb for verb in verbs if verb not in allowed or (carried is not None and verb.name not in carried)}:
        raise RefusedError(_("The token would be stronger than its owner: “%s”.") % min(beyond))
    return verbs


def _systems(owner: User, terms: TokenTerms, actor: User) -> tuple[AISystem, ...] | None:
    """The AI systems that the token is limited to; unknown ones are refused in the words for absent ones."""
    within = limited_to(actor)
    if terms.systems is None:
        return None if within is None else tuple(AISystem.objects.filter(pk__in=within))
    if not terms.systems:
        raise RefusedError(_("Choose at least one AI system."))
    reachable = (
        systems_for(owner, Verb.IMPORT_DOCUMENT)
        if owner.role == Role.COLLECTOR
        else visible(AISystem.objects.all(), owner)
    )
    allowed = set(reachable.values_list("pk", flat=True)) & (
        within if within is not None else {s.pk for s in terms.systems}
    )
    if any(system.pk not in allowed for system in terms.systems):
        raise RefusedError(_("The token's owner sees no such AI system."))
    return terms.systems


@transaction.atomic
def revoke(*, scope: TokenScope, actor: User) -> None:
    """Ends a token. Who may see it may end it."""
    ledger.record(
        kind="token.ended", subject=scope, payload={"owner": str(scope.token.user.uuid)}, actor=actor, system=None
    )
    scope.token.delete()


def used(scope: TokenScope) -> None:
    """Notes that a token was used, once a minute at most: a program that asks often does not write often."""
    now = timezone.now()
    if scope.last_used_at is None or now - scope.last_used_at > timedelta(minutes=1):
        TokenScope.objects.filter(pk=scope.pk).update(last_used_at=now)
