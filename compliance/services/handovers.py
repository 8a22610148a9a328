"""The recipient log of packs: who got one, for what, from whom, when."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import EvidencePack, PackHandover, User
from compliance.services import ledger, pack_releases
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.states import HandoverWay


@transaction.atomic
def record(*, pack: EvidencePack, way: HandoverWay, recipient: str, purpose: str, actor: User | None) -> PackHandover:
    """One hand-over, kept by name in the log and by digest in the ledger. Raises RefusedError without a recipient."""
    if not recipient.strip():
        raise RefusedError(_("Name the recipient."))
    if way is not HandoverWay.DOWNLOAD:
        pack_releases.require_out(pack)
    if way is HandoverWay.HANDED_OVER and not purpose.strip():
        raise RefusedError(_("Say what the recipient has the pack for."))
    entry = PackHandover.objects.create(
        pack=pack, way=way, recipient=recipient.strip()[:300], purpose=purpose.strip(), handed_by=actor
    )
    payload = {"pack": str(pack.uuid), "way": way.value, "to_sha256": digest_of([entry.recipient, entry.purpose])}
    system = pack.freeze.assessment.system
    ledger.record(kind="pack.handed_over", subject=entry, payload=payload, actor=actor, system=system)
    return entry


def downloaded(*, pack: EvidencePack, purpose: str, user: User) -> PackHandover:
    """Somebody fetched the pack themselves. Raises RefusedError where they may not have it before its release."""
    pack_releases.require_readable(pack, user)
    if not purpose and pack_releases.waits(pack):
        purpose = _("To decide on its release")
    return record(pack=pack, way=HandoverWay.DOWNLOAD, recipient=user.name, purpose=purpose, actor=user)
