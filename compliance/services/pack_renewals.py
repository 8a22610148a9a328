"""Archive time stamps: a pack at B-LTA gets another one before the certificate of its newest stamp ends."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import structlog
from django.conf import settings
from django.db import transaction

from compliance.isolation import IsolationError
from compliance.models import EvidencePack, PackRenewal
from compliance.packs.issue import renew_pack
from compliance.packs.receipt import Receipt
from compliance.services import evidence, ledger, pack_files, seals, stored_files
from compliance.services.errors import RefusedError
from compliance.types.seals import SealLevel

log = structlog.get_logger("assay.packs")
_MOST_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class PackFile:
    """The file of a pack that is handed out today, and its receipt."""

    storage_name: str
    sha256: str
    size: int
    receipt: Receipt
    signatures: object
    stamped_until: datetime | None


def current(pack: EvidencePack) -> PackFile:
    """The newest: as issued, or with the archive stamps that were added since."""
    newest: EvidencePack | PackRenewal = pack.renewals.order_by("-number").first() or pack
    return PackFile(
        newest.storage_name,
        newest.sha256,
        newest.size,
        cast(Receipt, newest.receipt),
        newest.signatures,
        newest.stamped_until,
    )


def due(*, now: datetime) -> list[EvidencePack]:
    """Packs at B-LTA whose newest stamp ends within SEAL_RENEW_DAYS."""
    limit = now + timedelta(days=settings.SEAL_RENEW_DAYS)
    packs = EvidencePack.objects.filter(level=SealLevel.B_LTA, stamped_until__lt=limit).order_by("stamped_until")
    return [pack for pack in packs if (until := current(pack).stamped_until) is None or until < limit]


def renew_due(*, now: datetime) -> int:
    """Renew what is due; how many were. One that fails is tried again the next night, and told of in the log."""
    renewed = 0
    for pack in due(now=now)[:_MOST_AT_ONCE]:
        try:
            renew(pack=pack)
        except (IsolationError, RefusedError) as error:
            log.warning("pack_not_renewed", pack=str(pack.uuid), reason=str(error))
        else:
            renewed += 1
    return renewed


def renew(*, pack: EvidencePack) -> PackRenewal:
    """One more archive time stamp. Raises IsolationError and RefusedError; nothing is kept then."""
    signing, before = seals.signing(), current(pack)
    with tempfile.TemporaryDirectory(prefix="assay-renewal-") as scratch:
        old, new = Path(scratch) / "pack.pdf", Path(scratch) / "renewed.pdf"
        pack_files.copied(name=before.storage_name, target=old, sha256=before.sha256)
        made = renew_pack(pack=old, receipt=before.receipt, signing=signing, out=new)
        with new.open("rb") as stream:
            name, sha256, size, _head = evidence.store_bytes(stream=stream)
    with transaction.atomic():
        stored_files.hold({name: sha256})
        EvidencePack.objects.select_for_update().get(pk=pack.pk)
        renewal = PackRenewal.objects.create(
            pack=pack,
            number=made.receipt["renewal"],
            storage_name=name,
            sha256=sha256,
            size=size,
            receipt=made.receipt,
            signatures=[made.signature],
            stamped_until=datetime.fromisoformat(made.stamped_until),
        )
        payload = {"sha256": sha256, "before": before.sha256, "renewal": renewal.number}
        system = pack.freeze.assessment.system
        ledger.record(kind="pack.renewed", subject=pack, payload=payload, actor=None, system=system)
    return renewal
