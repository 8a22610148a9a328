"""Signing keys: registered and withdrawn by a person, each act an event; documents are checked by those in force."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import User
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.errors import BadInputError
from scanning.ingest.signing_keys import read_key
from scanning.models import SigningKey

MAX_KEY_BYTES = 64 << 10


def register(*, content: bytes, name: str, note: str = "", actor: User | None) -> SigningKey:
    """Take a public key, or the one in a certificate, from PEM. A key in force is returned as it is.

    name: whose key it is. Raises RefusedError for what is no key that is checked here, and without a name.
    """
    if not name.strip():
        raise RefusedError(_("Say whose key this is."))
    try:
        key = read_key(content[:MAX_KEY_BYTES], name=_("The file"))
    except BadInputError as error:
        raise RefusedError(str(error)) from error
    with transaction.atomic():
        known, created = SigningKey.objects.get_or_create(
            fingerprint=key.fingerprint,
            withdrawn_at=None,
            defaults={
                "name": name.strip(),
                "note": note,
                "algorithm": key.algorithm,
                "pem": key.pem,
                "registered_by": actor,
            },
        )
        if created:
            ledger.record(
                kind="signing_key.registered",
                subject=known,
                payload={"fingerprint": key.fingerprint},
                actor=actor,
                system=None,
            )
    return known


@transaction.atomic
def withdraw(*, key: SigningKey, reason: str, actor: User | None) -> None:
    """Let a key count for nothing that is imported from now on; what was concluded by it stays on record.

    Raises RefusedError without a reason, and for a key that is withdrawn already.
    """
    if not reason.strip():
        raise RefusedError(_("Say why the key is withdrawn."))
    reason = reason.strip()
    changed = SigningKey.objects.filter(pk=key.pk, withdrawn_at__isnull=True).update(
        withdrawn_at=timezone.now(), withdrawn_by=actor, withdrawal_reason=reason
    )
    if not changed:
        raise RefusedError(_("This key is withdrawn already."))
    ledger.record(
        kind="signing_key.withdrawn",
        subject=key,
        payload={"fingerprint": key.fingerprint, "reason_sha256": digest_of(reason)},
        actor=actor,
        system=None,
    )


def in_force() -> tuple[bytes, ...]:
    """The keys by which documents are checked, in PEM."""
    rows = SigningKey.objects.filter(withdrawn_at__isnull=True).order_by("created_at", "pk")
    return tuple(pem.encode("ascii") for pem in rows.values_list("pem", flat=True))
