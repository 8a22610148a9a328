"""Checkpoints of the ledger: size and root of the tree over its blocks, signed, and time-stamped where that succeeds.

One is made after every pack and each day. Where a time-stamp authority does not answer, a checkpoint is left without a stamp,
which is said wherever it is shown; the next day tries again. Nothing that was made is ever changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compliance.isolation import IsolationError
from compliance.models import CheckpointStamp, LedgerBlock, LedgerCheckpoint, SealCertificate
from compliance.packs.signers import signer_facts
from compliance.packs.stamping import DigestStamp, GivenStamp, JudgedStamp, judge_stamps, stamp_digest
from compliance.services import ledger, seals
from compliance.services.errors import RefusedError
from compliance.services.ledger_key import key_id, sign, signing_key
from compliance.services.ledger_statements import checkpoint_digest
from compliance.types.canonical import sha256_hex
from compliance.types.ledger_proofs import block_leaf
from compliance.types.ledger_signatures import Signed
from compliance.types.merkle import GrowingTree

log = structlog.get_logger("assay.ledger")
_CHUNK = 2_000
_JUDGED_AT_ONCE = 500


def make() -> LedgerCheckpoint | None:
    """Seals what waits, then states and signs the tree, and stamps the statement; None while the ledger is empty."""
    ledger.seal()
    with transaction.atomic():
        checkpoint = stated()
        if checkpoint is None:
            return None
        payload = {
            "sha256": checkpoint.sha256,
            "blocks": checkpoint.blocks,
            "events": checkpoint.events,
            "root": checkpoint.root,
        }
        ledger.record(kind="ledger.checkpoint_made", subject=checkpoint, payload=payload, actor=None, system=None)
    stamp(checkpoint)
    return checkpoint


def stated() -> LedgerCheckpoint | None:
    """A signed checkpoint over the blocks that are there, without a stamp, and told of nowhere yet."""
    last = LedgerBlock.objects.order_by("number").last()
    if last is None:
        return None
    key = signing_key()
    checkpoint = LedgerCheckpoint(
        uuid=uuid4(),
        created_at=timezone.now(),
        blocks=last.number,
        events=last.first_position + last.event_count - 1,
        root=GrowingTree(map(block_leaf, block_digests(last.number))).root().hex(),
        head=last.block_sha256,
        key_id=key_id(key),
    )
    checkpoint.sha256 = checkpoint_digest(checkpoint)
    checkpoint.signature = sign(key, Signed.CHECKPOINT, checkpoint.sha256)
    checkpoint.save(force_insert=True)
    return checkpoint


def block_digests(count: int) -> Iterator[str]:
    """SHA-256 of the first `count` blocks, in order."""
    rows = LedgerBlock.objects.filter(number__lte=count).order_by("number").values_list("block_sha256", flat=True)
    return rows.iterator(chunk_size=_CHUNK)


def stamp(checkpoint: LedgerCheckpoint) -> CheckpointStamp | None:
    """One time stamp by whoever stamps packs here; None, and a line in the log, where it cannot be had now."""
    try:
        given = stamp_digest(sha256=checkpoint.sha256, signing=seals.signing())
    except (IsolationError, RefusedError, OSError) as error:
        log.warning("checkpoint_not_stamped", checkpoint=str(checkpoint.uuid), reason=str(error))
        return None
    with transaction.atomic():
        return _kept(checkpoint, given)


def _kept(checkpoint: LedgerCheckpoint, given: DigestStamp) -> CheckpointStamp:
    stamped = CheckpointStamp.objects.create(
        checkpoint=checkpoint,
        authority=given.authority or "",
        stamped_at=given.stamped_at,
        token=given.token,
    )
    payload = {"checkpoint": str(checkpoint.uuid), "token_sha256": sha256_hex(given.token.encode("ascii"))}
    ledger.record(kind="ledger.checkpoint_stamped", subject=stamped, payload=payload, actor=None, system=None)
    return stamped


def make_daily() -> LedgerCheckpoint | None:
    """The day's checkpoint; then those that are still without a stamp, oldest first, until one cannot be had."""
    made = make()
    if made is not None and made.stamps.exists():
        for checkpoint in LedgerCheckpoint.objects.filter(stamps__isnull=True).order_by("pk"):
            if stamp(checkpoint) is None:
                break
    return made


def newest() -> LedgerCheckpoint | None:
    """Over the most blocks."""
    return LedgerCheckpoint.objects.order_by("blocks", "pk").last()


def covering(*, block: int) -> LedgerCheckpoint | None:
    """The newest one, where it covers that block; else one that is made now."""
    last = newest()
    return last if last is not None and last.blocks >= block else make()


def judged() -> Iterator[tuple[CheckpointStamp, JudgedStamp]]:
    """Every stamp with its verdict, oldest first. Raises IsolationError and RefusedError: nothing was decided then."""
    if not CheckpointStamp.objects.exists():
        return
    own = {
        signer_facts(seals.signer_keys())["root_sha256"],
        *SealCertificate.objects.values_list("root_sha256", flat=True),
    }
    time_roots = seals.time_roots()
    rows = CheckpointStamp.objects.select_related("checkpoint").order_by("pk")
    some: list[CheckpointStamp] = []
    for row in rows.iterator(chunk_size=_JUDGED_AT_ONCE):
        some.append(row)
        if len(some) == _JUDGED_AT_ONCE:
            yield from _judged(some, time_roots, sorted(own))
            some = []
    yield from _judged(some, time_roots, sorted(own))


def _judged(
    rows: list[CheckpointStamp], time_roots: list[str], own: list[str]
) -> Iterator[tuple[CheckpointStamp, JudgedStamp]]:
    given = [GivenStamp(sha256=row.checkpoint.sha256, token=row.token) for row in rows]
    told = judge_stamps(
        stamps=given, time_roots=time_roots, own_roots=own, accept_unisolated=settings.ACCEPT_UNISOLATED
    )
    return zip(rows, told, strict=True)
