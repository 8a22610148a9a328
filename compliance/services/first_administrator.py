"""The first administrator of an installation: made through a link that works once, while there is none."""

from __future__ import annotations

from datetime import timedelta

from django.core import signing
from django.db import connection, transaction
from django.utils.translation import gettext as _

from compliance.models import User
from compliance.services import people
from compliance.services.errors import RefusedError
from compliance.types.states import Role

_SALT = "compliance.first-administrator"
_VALID = timedelta(hours=24)
_LOCK = 0x41534144  # PostgreSQL advisory lock: "ASAD", one number for one purpose


def is_wanted() -> bool:
    """Whether nobody could administer this installation yet."""
    return not User.objects.filter(role=Role.ADMINISTRATOR).exists()


def invitation() -> str:
    """A token for the link; whoever holds it may become the first administrator within a day."""
    return signing.dumps("first-administrator", salt=_SALT)


def is_valid(*, token: str) -> bool:
    """Whether the token is ours, fresh, and there is still no administrator."""
    try:
        signing.loads(token, salt=_SALT, max_age=_VALID)
    except signing.BadSignature:
        return False
    return is_wanted()


def accept(*, token: str, email: str, name: str, password: str) -> User:
    """Make the first administrator. Raises RefusedError for a used or old link, a bad address or a weak password."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if not is_valid(token=token):
            raise RefusedError(_("This link was used or is too old; start Assay again to get a new one."))
        return people.create_user(email=email, name=name, role=Role.ADMINISTRATOR, password=password, actor=None)
