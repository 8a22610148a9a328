"""API tokens: made by their owner, shown once, ended by their owner. Knox keeps only a digest."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext as _
from knox.models import AuthToken

from compliance.models import User
from compliance.services.errors import RefusedError

MOST = 20


def create(*, owner: User, days: int) -> str:
    """A new token, to be shown once. It ends after `days`, at most a year."""
    if not 1 <= days <= 366:
        raise RefusedError(_("A token lives between 1 and 366 days."))
    if AuthToken.objects.filter(user=owner).count() >= MOST:
        raise RefusedError(_("You have %d tokens already; end one first.") % MOST)
    _token, secret = AuthToken.objects.create(user=owner, expiry=timedelta(days=days))
    return str(secret)


def revoke(*, owner: User, token_key: str) -> None:
    """End a token of one's own."""
    AuthToken.objects.filter(user=owner, token_key=token_key).delete()
