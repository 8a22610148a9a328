"""People and their memberships; and the principals that logs name, who can be erased."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator
from itertools import islice
from zoneinfo import available_timezones

from allauth.account.forms import EmailAwarePasswordResetTokenGenerator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from knox.models import AuthToken

from compliance.models import AISystem, Evidence, Membership, Principal, Team, User
from compliance.rights import may_grant
from compliance.selectors.retention import covered
from compliance.services import job_log, ledger
from compliance.services.errors import RefusedError
from compliance.types.drafts import JSON, PrincipalDraft
from compliance.types.states import Role

_ROWS_A_STATEMENT = 500


# People -------------------------------------------------------------------------------------------------------------


@transaction.atomic
def create_user(
    *,
    email: str,
    name: str,
    role: Role,
    password: str | None,
    actor: User | None,
    is_demonstration: bool = False,
    time_zone: str = "UTC",
) -> User:
    """A person, or a machine with role collector. password None: nobody can sign in as them until one is set.

    Raises RefusedError when the address is malformed or taken, the name is empty or the password is weak.
    """
    email, name = email.strip().lower(), name.strip()
    if not name:
        raise RefusedError(_("Give the person a name."))
    if actor is not None and not may_grant(actor, role):
        raise RefusedError(_("You may not give this role."))
    user = User(email=email, name=name, role=role, is_demonstration=is_demonstration, time_zone=time_zone)
    try:
        validate_email(email)
        if password is not None:
            validate_password(password, user)
    except ValidationError as error:
        raise RefusedError(" ".join(error.messages))
    if User.objects.filter(email=email).exists():
        raise RefusedError(_("Somebody with the address %(email)s is there already.") % {"email": email})
    user.set_password(password)
    user.save(force_insert=True)
    ledger.record(kind="person.created", subject=user, payload={"role": role.value}, actor=actor, system=None)
    return user


@transaction.atomic
def deactivate_user(*, user: User, actor: User | None) -> User:
    """Ends a person's access at once: sessions, tokens and password go, the record of what they did stays.

    Raises RefusedError for the last administrator.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    if not user.is_active:
        return user
    _keep_an_administrator(user)
    user.is_active, user.deactivated_at = False, timezone.now()
    user.set_unusable_password()
    user.save(update_fields=["is_active", "deactivated_at", "password"])
    tokens, _by_model = AuthToken.objects.filter(user=user).delete()
    sessions = _end_sessions(user)
    ledger.record(
        kind="person.deactivated",
        subject=user,
        payload={"sessions_ended": sessions, "tokens_ended": tokens},
        actor=actor,
        system=None,
    )
    return user


@transaction.atomic
def change_role(*, user: User, role: Role, actor: User | None) -> User:
    """Gives a person another role. Raises RefusedError for the last administrator."""
    user = User.objects.select_for_update().get(pk=user.pk)
    if user.role == role:
        return user
    if actor is not None and not (may_grant(actor, role) and may_grant(actor, Role(user.role))):
        raise RefusedError(_("You may not give this role."))
    _keep_an_administrator(user)
    payload: JSON = {"role": role.value, "before": user.role}
    user.role = role
    user.save(update_fields=["role"])
    ledger.record(kind="person.role_changed", subject=user, payload=payload, actor=actor, system=None)
    return user


def _keep_an_administrator(user: User) -> None:
    others = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).exclude(pk=user.pk)
    if user.role == Role.ADMINISTRATOR and not others.exists():
        raise RefusedError(_("The last administrator stays: make somebody else administrator first."))


@transaction.atomic
def sign_in_link(*, user: User, remove_factors: bool, actor: User | None) -> str:
    """The address at which this person sets a new password, once and within a day. For whoever can get no mail.

    remove_factors: for a lost phone: second factors go, and every session with them. Raises RefusedError.
    """
    if user.is_machine or not user.is_active:
        raise RefusedError(_("Nobody signs in to this account: it is a machine's, or its access has ended."))
    removed = 0
    if remove_factors:
        removed, _by_model = Authenticator.objects.filter(user_id=user.pk).delete()
        _end_sessions(user)
    ledger.record(kind="person.link_made", subject=user, payload={"factors_removed": removed}, actor=actor, system=None)
    token = EmailAwarePasswordResetTokenGenerator().make_token(user)
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": token})
    return f"{settings.BASE_URL.rstrip('/')}{path}"


def _end_sessions(user: User) -> int:
    """Sessions are opaque rows, so each live one is read; the unusable password makes any other kind invalid too."""
    live = Session.objects.filter(expire_date__gt=timezone.now())
    own = [row.pk for row in live.iterator() if row.get_decoded().get(SESSION_KEY) == str(user.pk)]
    for part in _parts(own):
        Session.objects.filter(pk__in=part).delete()
    return len(own)


# Who may see what ---------------------------------------------------------------------------------------------------


@transaction.atomic
def grant_membership(
    *, system: AISystem, role: Role, actor: User | None, user: User | None = None, team: Team | None = None
) -> Membership:
    """Puts a person or a team on an AI system, or changes their role there. Granting the same twice changes nothing.

    Raises RefusedError, as where the actor may not give the role.
    """
    if (user is None) == (team is None):
        raise RefusedError(_("Name either a person or a team."))
    if actor is not None and not may_grant(actor, role):
        raise RefusedError(_("You may not give this role."))
    membership = Membership.objects.select_for_update().filter(system=system, user=user, team=team).first()
    if membership and membership.role == role:
        return membership
    kind = "membership.changed" if membership else "membership.granted"
    membership = membership or Membership(system=system, user=user, team=team)
    membership.role = role
    membership.save()
    who = {"person": str(user.uuid)} if user else {"team": str(team.uuid) if team else None}
    ledger.record(kind=kind, subject=membership, payload={**who, "role": role.value}, actor=actor, system=system)
    return membership


@transaction.atomic
def revoke_membership(*, membership: Membership, actor: User | None) -> None:
    """Takes a person or team off an AI system."""
    holder = membership.user or membership.team
    ledger.record(
        kind="membership.revoked",
        subject=membership,
        payload={"holder": str(holder.uuid) if holder else None, "role": membership.role},
        actor=actor,
        system=membership.system,
    )
    membership.delete()


# Principals ---------------------------------------------------------------------------------------------------------


def principals_for(*, drafts: Iterable[PrincipalDraft]) -> dict[str, Principal]:
    """The principal behind each draft, by the draft's identifier; made where there is none. First words are kept.

    Safe beside other imports: an identifier is stored once, whoever comes first.
    """
    wanted: dict[str, PrincipalDraft] = {}
    for draft in drafts:
        wanted.setdefault(draft.identifier, draft)
    found = _known(wanted)
    new = [_principal(draft) for identifier, draft in wanted.items() if identifier not in found]
    if new:
        Principal.objects.bulk_create(new, ignore_conflicts=True, batch_size=_ROWS_A_STATEMENT)
        found |= _known([principal.identifier for principal in new if principal.identifier is not None])
    return found


def principal_for(*, draft: PrincipalDraft) -> Principal:
    """The principal behind one draft."""
    return principals_for(drafts=[draft])[draft.identifier]


def _known(identifiers: Iterable[str]) -> dict[str, Principal]:
    return {
        principal.identifier: principal
        for part in _parts(identifiers)
        for principal in Principal.objects.filter(identifier__in=part)
        if principal.identifier is not None
    }


def _principal(draft: PrincipalDraft) -> Principal:
    """The pseudonym is HMAC-SHA-256 (RFC 2104) of the identifier under a random key of this principal's own."""
    key = secrets.token_bytes(settings.PRINCIPAL_KEYRING_BYTES)
    return Principal(
        pseudonym=hmac.new(key, draft.identifier.encode("utf-8"), hashlib.sha256).hexdigest(),
        commitment_key=key,
        identifier=draft.identifier,
        display=draft.display[:512],
        kind=draft.kind[:64],
    )


def is_pseudonym_of(*, principal: Principal, identifier: str) -> bool:
    """Whether the pseudonym was made from this identifier: provable while the key is kept, to nobody after erasure."""
    if principal.commitment_key is None:
        return False
    made = hmac.new(bytes(principal.commitment_key), identifier.encode("utf-8"), hashlib.sha256).hexdigest()
    return hmac.compare_digest(made, principal.pseudonym)


@transaction.atomic
def erase_principal(*, principal: Principal, actor: User) -> Principal:
    """Destroys key, identifier and display for good; the pseudonym stays, so every chain that holds it stays valid. Names in
    job events go with them: sessions, and on whose behalf somebody acted.

    What a log file says of the person is evidence under its own retention and goes by a disposal run. A later log that
    names the same person makes a new principal, which nothing links to this one. Raises RefusedError under a legal hold.
    """
    principal = Principal.objects.select_for_update().get(pk=principal.pk)
    if principal.erased_at:
        return principal
    named_in = Evidence.objects.filter(pk__in=principal.job_events.order_by().values("evidence"))
    if principal.job_events.filter(legal_hold=True).exists() or named_in.filter(covered()).exists():
        raise RefusedError(_("A legal hold covers events of this person: lift it before erasing them."))
    events = job_log.erase_names(principal=principal)
    principal.commitment_key = principal.identifier = None
    principal.display, principal.erased_at = "", timezone.now()
    principal.save()
    ledger.record(
        kind="principal.erased",
        subject=principal,
        payload={"pseudonym": principal.pseudonym, "events": events},
        actor=actor,
        system=None,
    )
    return principal


def _parts(rows: Iterable[str]) -> Iterator[list[str]]:
    """Lists short enough for one statement."""
    source = iter(rows)
    while part := list(islice(source, _ROWS_A_STATEMENT)):
        yield part


# Own settings --------------------------------------------------------------------------------------------------------


def set_time_zone(*, user: User, time_zone: str) -> None:
    """The zone in which a person reads times. Raises RefusedError for a zone nobody knows."""
    if time_zone not in available_timezones():
        raise RefusedError(_("“%s” is no time zone.") % time_zone)
    user.time_zone = time_zone
    user.save(update_fields=["time_zone"])
