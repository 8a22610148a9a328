"""What makes the ledger checkable: the bytes behind every leaf and block hash, and the verification that walks them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from compliance.models import LedgerBlock, LedgerEvent, LedgerPosition, TrailEntry
from compliance.models.triggers import missing_triggers
from compliance.services.ledger_key import is_signed_by, own_key_ids
from compliance.types.canonical import NotCanonicalError, canonical_json, digest_of, merkle_root

EVENT_FIELDS = ("uuid", "created_at", "kind", "subject_type", "subject_uuid", "payload_sha256")
PROBLEMS_SHOWN = 100
_CHUNK = 2000


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: the same text from both databases."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def event_leaf(row: Mapping[str, Any]) -> bytes:
    """The bytes that a block's Merkle root is computed over, from the EVENT_FIELDS of one event."""
    return canonical_json(
        {
            "uuid": str(row["uuid"]),
            "created_at": utc_text(row["created_at"]),
            "kind": row["kind"],
            "subject_type": row["subject_type"],
            "subject_uuid": str(row["subject_uuid"]),
            "payload_sha256": row["payload_sha256"],
        }
    )


def leaf_of(event: LedgerEvent) -> bytes:
    """The leaf of a loaded event."""
    return event_leaf({name: getattr(event, name) for name in EVENT_FIELDS})


def block_digest(block: LedgerBlock) -> str:
    """SHA-256 of everything a block states, its signature apart."""
    return digest_of(
        {
            "uuid": str(block.uuid),
            "created_at": utc_text(block.created_at),
            "number": block.number,
            "first_position": block.first_position,
            "event_count": block.event_count,
            "merkle_root": block.merkle_root,
            "previous_sha256": block.previous_sha256,
            "key_id": block.key_id,
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerProblem:
    """One thing that is not as it was recorded; block and position where they are known."""

    what: str
    block: int | None = None
    position: int | None = None

    def __str__(self) -> str:
        places = [f"{name} {n}" for name, n in (("block", self.block), ("position", self.position)) if n is not None]
        return f"{', '.join(places)}: {self.what}" if places else self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerVerification:
    """What a walk over the whole ledger found.

    events: sealed and unsealed together; unsealed: those after the last block, whose removal nothing would show yet;
    problems: the first hundred of `problem_count`; missing_triggers: absent, disabled or altered ones;
    head_sha256: hash of the last block, to compare with one noted elsewhere; empty when there is none.
    """

    blocks: int
    events: int
    unsealed: int
    head_sha256: str
    problem_count: int
    problems: tuple[LedgerProblem, ...]
    payload_mismatches: int
    missing_triggers: tuple[str, ...]

    @property
    def is_intact(self) -> bool:
        """Whether everything is as it was recorded, and the triggers that keep it so stand."""
        return self.problem_count == 0 and not self.missing_triggers


@dataclass(slots=True)
class _Walk:
    """Counters of a walk in progress."""

    own_keys: frozenset[str]
    blocks: int = 0
    problem_count: int = 0
    payload_mismatches: int = 0
    next_position: int = 1
    previous_sha256: str = ""
    problems: list[LedgerProblem] = field(default_factory=list)

    def report(self, what: str, *, block: int | None = None, position: int | None = None) -> None:
        self.problem_count += 1
        if len(self.problems) < PROBLEMS_SHOWN:
            self.problems.append(LedgerProblem(what=what, block=block, position=position))


def verify() -> LedgerVerification:
    """Walks every block, event and payload in constant memory; changes nothing, and waits for nobody."""
    walk = _Walk(own_keys=own_key_ids())
    for block in LedgerBlock.objects.order_by("number").iterator(chunk_size=_CHUNK):
        _check_block(walk, block)
    _check_unsealed(walk)
    return LedgerVerification(
        blocks=walk.blocks,
        events=LedgerEvent.objects.count(),
        unsealed=LedgerEvent.objects.filter(place__isnull=True).count(),
        head_sha256=walk.previous_sha256,
        problem_count=walk.problem_count,
        problems=tuple(walk.problems),
        payload_mismatches=walk.payload_mismatches,
        missing_triggers=missing_triggers(using=DEFAULT_DB_ALIAS),
    )


def _check_block(walk: _Walk, block: LedgerBlock) -> None:
    walk.blocks += 1
    if block.number != walk.blocks:
        walk.report(f"found where block {walk.blocks} should be", block=block.number)
        walk.blocks = block.number
    if block.first_position != walk.next_position:
        walk.report(f"starts at {block.first_position}, not at {walk.next_position}", block=block.number)
    if block.previous_sha256 != walk.previous_sha256:
        walk.report("does not name the hash of the block before", block=block.number)
    if block_digest(block) != block.block_sha256:
        walk.report("states something else than its hash", block=block.number)
    if not is_signed_by(block.key_id, block.signature, block.block_sha256):
        walk.report("the checkpoint signature does not fit", block=block.number)
    elif block.key_id not in walk.own_keys:
        walk.report("the checkpoint is signed with a key that is not this installation's", block=block.number)
    if merkle_root(_leaves(walk, block)) != block.merkle_root:
        walk.report("its events are not those that were sealed", block=block.number)
    walk.previous_sha256 = block.block_sha256
    walk.next_position = block.first_position + block.event_count


def _leaves(walk: _Walk, block: LedgerBlock) -> Iterator[bytes]:
    """Leaves of a block in the order of their positions; reports gaps and payloads on the way."""
    names = {name: f"event__{name}" for name in EVENT_FIELDS}
    rows = (
        LedgerPosition.objects.filter(block=block)
        .order_by("position")
        .values("position", *names.values(), *(f"event__{name}" for name in _ENTRY_FIELDS))
    )
    expected, end = block.first_position, block.first_position + block.event_count
    for row in rows.iterator(chunk_size=_CHUNK):
        position = row["position"]
        if position != expected:
            gap = f"nothing lies at {expected}" if position > expected else "lies in the wrong block"
            walk.report(gap, block=block.number, position=position)
        expected = position + 1
        _check_payload(walk, row, prefix="event__", position=position)
        yield event_leaf({name: row[path] for name, path in names.items()})
    if expected != end:
        walk.report(f"{end - expected} events are missing at its end", block=block.number)


_ENTRY_FIELDS = ("entry__payload", "entry__actor__uuid", "entry__system__uuid")


def _check_unsealed(walk: _Walk) -> None:
    rows = LedgerEvent.objects.filter(place__isnull=True).values("uuid", "payload_sha256", *_ENTRY_FIELDS)
    for row in rows.iterator(chunk_size=_CHUNK):
        _check_payload(walk, row, prefix="", position=None)
    if strays := LedgerPosition.objects.filter(event__isnull=True).count():  # foreign keys switched off
        walk.report(f"{strays} positions name no event")
    if lost := TrailEntry.objects.filter(event__isnull=True).count():
        walk.report(f"{lost} trail entries name no event")


def _check_payload(walk: _Walk, row: Mapping[str, Any], *, prefix: str, position: int | None) -> None:
    """The payload has the digest that the event states, and actor and system of the row are those in it."""
    payload = row[f"{prefix}entry__payload"]
    event = f"event {row[f'{prefix}uuid']}"
    if not isinstance(payload, dict):
        walk.report(f"{event} has no payload", position=position)
        walk.payload_mismatches += 1
        return
    try:
        fits = digest_of(payload) == row[f"{prefix}payload_sha256"]
    except NotCanonicalError:
        fits = False
    for name in ("actor", "system"):
        there = row[f"{prefix}entry__{name}__uuid"]
        fits = fits and payload.get(name) == (str(there) if there else None)
    if not fits:
        walk.report(f"the payload of {event} is not what was recorded", position=position)
        walk.payload_mismatches += 1
