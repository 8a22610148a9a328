"""The ledger: business events written with the act they tell of, sealed into a signed chain of blocks, verified.

Three insert-only tables (docs/decisions/0001): an event is written in the transaction of the act; the sealer, alone
under a lock, gives each event without a place the next position and closes a range of positions with a block. Row ids
play no part: rows commit out of order. Leaves and roots are those of RFC 9162 §2.1 over RFC 8785 JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from uuid import uuid4

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.utils import timezone

from compliance.models import AISystem, LedgerBlock, LedgerEvent, LedgerPosition, TrailEntry, User
from compliance.models.base import Record
from compliance.services import bulk_rows, outbox
from compliance.services.ledger_chain import LedgerProblem, LedgerVerification, verify
from compliance.services.ledger_key import key_id, sign, signing_key
from compliance.services.ledger_statements import block_digest, leaf_of
from compliance.types.canonical import canonical_json, merkle_root, sha256_hex
from compliance.types.drafts import JSON
from compliance.types.freeze import LedgerHead, LedgerPlace
from compliance.types.ledger_signatures import Signed
from compliance.types.merkle import GrowingTree, leaf_hash

__all__ = [
    "LedgerError",
    "LedgerProblem",
    "LedgerVerification",
    "events_about",
    "head",
    "place_of",
    "record",
    "record_across",
    "record_bulk",
    "record_many",
    "seal",
    "unsealed_count",
    "verify",
]

BLOCK_EVENTS = 10_000
_SEALER_LOCK = 0x41535341  # PostgreSQL advisory lock: "ASSA", one number for one purpose
_KIND = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
_TOKEN = re.compile(r"[A-Za-z0-9_.:/+=~#,()\[\]*%\-]{0,512}")
_NAMES_OF_TEXT = {"address", "comment", "display", "email", "filename", "identifier", "message", "name", "note"}
_NAMES_OF_TEXT |= {"reason", "statement", "text", "title"}


class LedgerError(ValueError):
    """The event cannot be recorded as it was given: a mistake in the calling code, named in the message."""


# Recording ----------------------------------------------------------------------------------------------------------


def record(
    *, kind: str, subject: Record | User, payload: JSON, actor: User | None, system: AISystem | None
) -> LedgerEvent:
    """Writes one event in the caller's transaction: the event row with a digest, the payload beside it in the trail.

    kind: lower-case words joined by dots ("answer.approved"). payload: ids, digests, numbers, states; never free text
    or anything personal, because it is kept for good (free text goes in by its `digest_of`). actor None: Assay itself.
    The digest covers the payload together with actor and system. Raises LedgerError.
    """
    (event,) = record_many(kind=kind, acts=[(subject, payload)], actor=actor, system=system)
    return event


def record_many(
    *, kind: str, acts: Sequence[tuple[Record | User, JSON]], actor: User | None, system: AISystem | None
) -> list[LedgerEvent]:
    """As `record` for many acts of one kind: (subject, payload) each, in two statements for any number."""
    return record_across(kind=kind, acts=[(subject, payload, system) for subject, payload in acts], actor=actor)


def record_across(
    *, kind: str, acts: Sequence[tuple[Record | User, JSON, AISystem | None]], actor: User | None
) -> list[LedgerEvent]:
    """The same for acts on several AI systems: (subject, payload, system) each."""
    if not transaction.get_connection().in_atomic_block:
        raise LedgerError(f"{kind} is recorded outside a transaction: write it with the act that it tells of")
    if not _KIND.fullmatch(kind) or len(kind) > 64:
        raise LedgerError(f"{kind!r} is no kind of event: use lower-case words joined by dots")
    contents = [canonical_json(_whole(payload, actor, system)) for _, payload, system in acts]
    events = bulk_rows.create(
        LedgerEvent,
        names=("kind", "subject_type", "subject_uuid", "payload_sha256"),
        values=[
            (kind, subject._meta.label, subject.uuid, sha256_hex(content))
            for (subject, _, _), content in zip(acts, contents, strict=True)
        ],
    )
    bulk_rows.insert_values(
        model=TrailEntry,
        columns=("event_id", "actor_id", "system_id", "payload"),
        rows=[
            (event.pk, actor and actor.pk, system and system.pk, content.decode())
            for event, content, (_, _, system) in zip(events, contents, acts, strict=True)
        ],
    )
    outbox.put(kind, events)
    return events


def _whole(payload: JSON, actor: User | None, system: AISystem | None) -> JSON:
    """What the digest covers. Raises LedgerError."""
    _refuse_text(payload, "payload")
    if reserved := payload.keys() & {"actor", "system", "token"}:
        raise LedgerError(f"payload.{min(reserved)} is written by the ledger: hand it over as an argument")
    by_token = {"token": actor.token_scope.token} if actor and actor.token_scope else {}
    who = {"actor": str(actor.uuid) if actor else None, "system": str(system.uuid) if system else None}
    return {**payload, **by_token, **who}


def record_bulk(
    *,
    kind: str,
    subject: Record | User,
    rows: Iterable[bytes],
    payload: JSON,
    actor: User | None,
    system: AISystem | None,
) -> LedgerEvent:
    """One event for many rows: the payload gains `rows` (their number) and `rows_root` (their Merkle root).

    rows: the canonical bytes, or digests, of each row in an order that can be had again; streamed, never held.
    """
    count = 0

    def counted() -> Iterable[bytes]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    root = merkle_root(counted())
    return record(
        kind=kind, subject=subject, payload={**payload, "rows": count, "rows_root": root}, actor=actor, system=system
    )


def _refuse_text(value: object, place: str) -> None:
    """Only values without room for a name, an address or a sentence."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _NAMES_OF_TEXT:
                raise LedgerError(
                    f"{place}.{key}: the ledger keeps no text: record an id or its digest, by another name"
                )
            _refuse_text(inner, f"{place}.{key}")
    elif isinstance(value, str):
        if not _TOKEN.fullmatch(value):
            raise LedgerError(f"{place}: the ledger keeps ids, digests and states, no text: record its digest")
    elif isinstance(value, Sequence):
        for n, inner in enumerate(value):
            _refuse_text(inner, f"{place}[{n}]")
    elif isinstance(value, float) and not abs(value) < 2**53:
        raise LedgerError(f"{place}: {value} does not come back from every database as it was")


# Sealing ------------------------------------------------------------------------------------------------------------


def seal(*, limit: int = BLOCK_EVENTS) -> int:
    """Gives every event without a place its position, in blocks of at most `limit` events; answers how many it sealed.

    One sealer at a time: PostgreSQL by an advisory lock, SQLite by its IMMEDIATE transaction. An event that commits
    while a block is being made is simply in a later one.
    """
    sealed = 0
    while True:
        with transaction.atomic():
            _lock()
            count = _seal_block(limit)
        sealed += count
        if count < limit:
            return sealed


def _lock() -> None:
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SEALER_LOCK])


def _seal_block(limit: int) -> int:
    events = list(LedgerEvent.objects.filter(place__isnull=True).order_by("created_at", "pk")[:limit])
    if not events:
        return 0
    last = LedgerBlock.objects.order_by("number").last()
    key = signing_key()
    hashes = [leaf_hash(leaf_of(event)) for event in events]
    block = LedgerBlock(
        uuid=uuid4(),
        created_at=timezone.now(),
        number=last.number + 1 if last else 1,
        first_position=last.first_position + last.event_count if last else 1,
        event_count=len(events),
        merkle_root=GrowingTree(hashes).root().hex(),
        previous_sha256=last.block_sha256 if last else "",
        key_id=key_id(key),
    )
    block.block_sha256 = block_digest(block)
    block.signature = sign(key, Signed.BLOCK, block.block_sha256)
    block.save(force_insert=True)
    LedgerPosition.objects.bulk_create(
        [
            LedgerPosition(position=position, event=event, block=block, leaf_sha256=hashed.hex())
            for position, (event, hashed) in enumerate(zip(events, hashes, strict=True), start=block.first_position)
        ],
        batch_size=1000,
    )
    return len(events)


# Reading ------------------------------------------------------------------------------------------------------------


def unsealed_count() -> int:
    """Events that no block holds yet. Both tables only grow, and a position is of one event."""
    placed = LedgerPosition.objects.count()  # first: an event is never placed before it is there
    return LedgerEvent.objects.count() - placed


def head() -> LedgerHead:
    """The newest block, as a freeze states it."""
    last = LedgerBlock.objects.order_by("number").last()
    unsealed = unsealed_count()
    if last is None:
        return LedgerHead(block=None, block_hash=None, merkle_root=None, events=0, unsealed=unsealed, sealed_at=None)
    return LedgerHead(
        block=last.number,
        block_hash=last.block_sha256,
        merkle_root=last.merkle_root,
        events=last.first_position + last.event_count - 1,
        unsealed=unsealed,
        sealed_at=last.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def place_of(*, event: LedgerEvent) -> LedgerPlace:
    """Where an event lies: the SHA-256 of its leaf bytes, and position and block once it is sealed."""
    place = LedgerPosition.objects.select_related("block").filter(event=event).first()
    return LedgerPlace(
        event=sha256_hex(leaf_of(event)),
        position=place.position if place else None,
        block=place.block.number if place else None,
    )


def events_about(*, subject: Record | User) -> Iterable[LedgerEvent]:
    """Events of one record, oldest first."""
    return LedgerEvent.objects.filter(subject_uuid=subject.uuid).order_by("created_at", "pk")
