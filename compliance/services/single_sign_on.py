"""Who a person of the organisation's single sign-on is here, and which role the provider gives them, if any may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import User
from compliance.services import people
from compliance.services.errors import RefusedError
from compliance.types.states import Role


@dataclass(frozen=True, slots=True)
class Told:
    """What a provider said of somebody."""

    email: str
    email_verified: bool
    name: str
    role: Role | None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Told:
        """Reads the claims: of the userinfo endpoint where it answered, else of the identity token."""
        claims = data.get("userinfo") or data.get("id_token") or data
        email = str(claims.get("email") or "").strip().lower()
        return cls(
            email=email,
            email_verified=settings.OIDC_EMAIL_IS_VERIFIED or claims.get("email_verified") is True,
            name=str(claims.get("name") or email)[:200],
            role=_role(claims),
        )


def _role(claims: Mapping[str, Any]) -> Role | None:
    """The first role of OIDC_ROLES that the claim names; None where no mapping is set or none fits."""
    if not settings.OIDC_ROLE_CLAIM:
        return None
    given = claims.get(settings.OIDC_ROLE_CLAIM)
    values = {str(value) for value in given} if isinstance(given, list) else {str(given)}
    return next((role for value, role in settings.OIDC_ROLES.items() if value in values), None)


@transaction.atomic
def admit(*, known: User | None, told: Told) -> User:
    """The account that this sign-in opens, with the role that a mapping gives. Raises RefusedError with what to do.

    known: whom the provider's identifier led to before. Otherwise the verified address decides.
    """
    user = known or _by_address(told)
    if user is None:
        return _made(told)
    if user.is_machine:
        raise RefusedError(_("This account is a machine's and is not signed in to."))
    if not user.is_active:
        raise RefusedError(_("This access has ended. Ask an administrator if that is wrong."))
    if told.role and told.role != user.role:
        people.change_role(user=user, role=told.role, actor=None)
    return user


def _by_address(told: Told) -> User | None:
    if not told.email:
        raise RefusedError(_("The provider named no e-mail address for you. Ask those who run it to release it."))
    if not told.email_verified:
        raise RefusedError(_("The provider has not verified your e-mail address, so it opens no account here."))
    return User.objects.filter(email=told.email).first()


def _made(told: Told) -> User:
    """A new account, where OIDC_UNKNOWN says so and the mapping gives a role."""
    if settings.OIDC_UNKNOWN != "create" or told.role is None:
        raise RefusedError(_("There is no account for %s here. Ask an administrator to add you.") % told.email)
    return people.create_user(email=told.email, name=told.name, role=told.role, password=None, actor=None)
