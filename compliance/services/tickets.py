"""The same work in another tool: its key and address, kept with a remediation item and never asked by Assay."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import RemediationItem, User
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of

MOST_KEY = 100
MOST_URL = 500
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]")


@transaction.atomic
def link(*, item: RemediationItem, key: str, url: str, actor: User) -> None:
    """Says which ticket is the same work; both empty takes it away. The same again is no act. Raises RefusedError."""
    key, url = " ".join(key.split()), url.strip()
    _check(key, url)
    fresh = RemediationItem.objects.select_for_update().get(pk=item.pk)
    if (fresh.ticket_key, fresh.ticket_url) == (key, url):
        return
    fresh.ticket_key, fresh.ticket_url = key, url
    fresh.save(update_fields=["ticket_key", "ticket_url"])
    item.ticket_key, item.ticket_url = key, url
    payload = {"ticket_sha256": digest_of([key, url]), "linked": bool(key or url)}
    ledger.record(kind="remediation.ticket_linked", subject=fresh, payload=payload, actor=actor, system=fresh.system)


def _check(key: str, url: str) -> None:
    if url and not key:
        raise RefusedError(_("Give the key of the ticket as well: it is what people read."))
    if len(key) > MOST_KEY or len(url) > MOST_URL:
        raise RefusedError(_("The key has at most 100 characters, the address at most 500."))
    if not url:
        return
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname)
    except ValueError:
        has_host = False
    if not has_host or parts.scheme not in ("http", "https") or _SPACE.search(url):
        raise RefusedError(_("The address of a ticket begins with https:// or http:// and names a host."))
    if parts.username is not None or parts.password is not None:
        raise RefusedError(_("The address of a ticket must hold no name or password."))
