"""The verification of the ledger: a walk over every block, event, payload and checkpoint, in constant memory.

Each row is held against what was sealed, so that it can be named: an event against the hash at its position, the hashes against
the block's root, the block against its own hash, its signature and the block before, and all of them against the checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, OuterRef, QuerySet

from compliance.models import CheckpointStamp, LedgerBlock, LedgerCheckpoint, LedgerEvent, LedgerPosition, TrailEntry
from compliance.models.triggers import missing_triggers
from compliance.services.ledger_key import own_key_ids
from compliance.services.ledger_statements import (
    EVENT_FIELDS,
    block_digest,
    checkpoint_digest,
    event_statement,
)
from compliance.types.canonical import NotCanonicalError, canonical_json, digest_of
from compliance.types.ledger_proofs import block_leaf
from compliance.types.ledger_signatures import Signed, is_signed_by
from compliance.types.merkle import GrowingTree, leaf_hash

PROBLEMS_SHOWN = 100
_CHUNK = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerProblem:
    """One thing that is not as it was recorded; block, position and checkpoint where they are known."""

    what: str
    block: int | None = None
    position: int | None = None
    checkpoint: str | None = None

    def __str__(self) -> str:
        known = (("block", self.block), ("position", self.position), ("checkpoint", self.checkpoint))
        places = [f"{name} {it}" for name, it in known if it is not None]
        return f"{', '.join(places)}: {self.what}" if places else self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerVerification:
    """What a walk over the whole ledger found.

    events: sealed and unsealed together; unsealed: those after the last block, whose removal nothing would show yet;
    checkpoints: that were held against the blocks; unstamped: those without any time stamp; after_checkpoint: blocks after the
    newest checkpoint, whose removal together nothing here would show;
    problems: the first hundred of `problem_count`; missing_triggers: absent, disabled or altered ones;
    head_sha256: hash of the last block, to compare with one noted elsewhere; empty when there is none.
    """

    blocks: int
    events: int
    unsealed: int
    checkpoints: int
    unstamped: int
    after_checkpoint: int
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
    checkpoints: int = 0
    last_checkpoint: int = 0
    tree: GrowingTree = field(default_factory=GrowingTree)
    problems: list[LedgerProblem] = field(default_factory=list)

    def report(
        self, what: str, *, block: int | None = None, position: int | None = None, checkpoint: str | None = None
    ) -> None:
        self.problem_count += 1
        if len(self.problems) < PROBLEMS_SHOWN:
            self.problems.append(LedgerProblem(what=what, block=block, position=position, checkpoint=checkpoint))


def verify() -> LedgerVerification:
    """Walks the whole ledger; changes nothing, and waits for nobody. What time stamps are worth is judged apart."""
    walk = _Walk(own_keys=own_key_ids())
    checkpoints = LedgerCheckpoint.objects.order_by("blocks", "pk").iterator(chunk_size=_CHUNK)
    waiting = next(checkpoints, None)
    for block in LedgerBlock.objects.order_by("number").iterator(chunk_size=_CHUNK):
        _check_block(walk, block)
        while waiting is not None and waiting.blocks <= walk.tree.size:
            _check_checkpoint(walk, waiting)
            waiting = next(checkpoints, None)
    while waiting is not None:
        _check_checkpoint(walk, waiting)
        waiting = next(checkpoints, None)
    _check_unsealed(walk)
    _check_kept(walk)
    return LedgerVerification(
        blocks=walk.blocks,
        events=LedgerEvent.objects.count(),
        unsealed=LedgerEvent.objects.filter(place__isnull=True).count(),
        checkpoints=walk.checkpoints,
        unstamped=LedgerCheckpoint.objects.filter(stamps__isnull=True).count(),
        after_checkpoint=max(0, walk.tree.size - walk.last_checkpoint),
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
    digest = block_digest(block)
    if digest != block.block_sha256:
        walk.report("states something else than its hash", block=block.number)
    if not is_signed_by(block.key_id, block.signature, Signed.BLOCK, block.block_sha256):
        walk.report("the block's signature does not fit", block=block.number)
    elif block.key_id not in walk.own_keys:
        walk.report("the block is signed with a key that is not this installation's", block=block.number)
    if GrowingTree(_hashes(walk, block)).root().hex() != block.merkle_root:
        walk.report("its events are not those that were sealed", block=block.number)
    walk.tree.add(block_leaf(digest))
    walk.previous_sha256 = block.block_sha256
    walk.next_position = block.first_position + block.event_count


def _check_checkpoint(walk: _Walk, checkpoint: LedgerCheckpoint) -> None:
    """Called when the tree holds as many blocks as the checkpoint counts, or has no more."""
    name = str(checkpoint.uuid)
    walk.checkpoints += 1
    walk.last_checkpoint = checkpoint.blocks
    if checkpoint_digest(checkpoint) != checkpoint.sha256:
        walk.report("states something else than its hash", checkpoint=name)
    if not is_signed_by(checkpoint.key_id, checkpoint.signature, Signed.CHECKPOINT, checkpoint.sha256):
        walk.report("the checkpoint's signature does not fit", checkpoint=name)
    elif checkpoint.key_id not in walk.own_keys:
        walk.report("the checkpoint is signed with a key that is not this installation's", checkpoint=name)
    if checkpoint.blocks > walk.tree.size:
        told = f"counts {checkpoint.blocks} blocks, and there are {walk.tree.size}: the end of the ledger is missing"
        walk.report(told, checkpoint=name)
    elif walk.tree.root().hex() != checkpoint.root:
        walk.report(f"the first {checkpoint.blocks} blocks are not those that it was made over", checkpoint=name)
    elif (checkpoint.events, checkpoint.head) != (walk.next_position - 1, walk.previous_sha256):
        walk.report("its number of events, or its newest block, is not that of the ledger", checkpoint=name)


def _hashes(walk: _Walk, block: LedgerBlock) -> Iterator[bytes]:
    """Of a block's events in the order of their positions; reports gaps, changed rows and payloads on the way."""
    names = {name: f"event__{name}" for name in EVENT_FIELDS}
    rows = (
        LedgerPosition.objects.filter(block=block)
        .order_by("position")
        .values("position", "leaf_sha256", *names.values(), *(f"event__{name}" for name in _ENTRY_FIELDS))
    )
    expected, end = block.first_position, block.first_position + block.event_count
    for row in rows.iterator(chunk_size=_CHUNK):
        position = row["position"]
        if position != expected:
            gap = f"nothing lies at {expected}" if position > expected else "lies in the wrong block"
            walk.report(gap, block=block.number, position=position)
        expected = position + 1
        hashed = leaf_hash(canonical_json(event_statement({name: row[path] for name, path in names.items()})))
        if row["leaf_sha256"] not in ("", hashed.hex()):  # none where the block is older than these hashes
            told = (
                f"event {row['event__uuid']} is not what was sealed here: it was changed, or stands in another's place"
            )
            walk.report(told, block=block.number, position=position)
        _check_payload(walk, row, prefix="event__", position=position)
        yield hashed
    if expected != end:
        walk.report(f"{end - expected} events are missing at its end", block=block.number)


_ENTRY_FIELDS = ("entry__payload", "entry__actor__uuid", "entry__system__uuid")


def _check_unsealed(walk: _Walk) -> None:
    rows = LedgerEvent.objects.filter(place__isnull=True).values("uuid", "payload_sha256", *_ENTRY_FIELDS)
    for row in rows.iterator(chunk_size=_CHUNK):
        _check_payload(walk, row, prefix="", position=None)
    for name, rows, there in _links():
        if count := rows.filter(~Exists(there)).count():  # foreign keys were switched off
            walk.report(f"{count} {name}")


def _links() -> Iterator[tuple[str, QuerySet[Any], QuerySet[Any]]]:
    """Rows that should lead to another, and where they should lead to."""
    events, blocks = LedgerEvent.objects, LedgerBlock.objects
    yield "positions name no event", LedgerPosition.objects.all(), events.filter(pk=OuterRef("event_id"))
    yield "positions lie in no block", LedgerPosition.objects.all(), blocks.filter(pk=OuterRef("block_id"))
    yield "trail entries name no event", TrailEntry.objects.all(), events.filter(pk=OuterRef("event_id"))


_KEPT = (
    ("ledger.checkpoint_made", "checkpoint", LedgerCheckpoint),
    ("ledger.checkpoint_stamped", "time stamp", CheckpointStamp),
)


def _check_kept(walk: _Walk) -> None:
    """Every checkpoint and stamp that the chain tells of is still there, and no other."""
    for kind, name, model in _KEPT:
        told = set(LedgerEvent.objects.filter(kind=kind).values_list("subject_uuid", flat=True))
        there = set(model.objects.values_list("uuid", flat=True))
        for uuid in sorted(told - there):
            walk.report(f"the {name} {uuid}, which the ledger tells of, is missing")
        for uuid in sorted(there - told):
            walk.report(f"the {name} {uuid} is one that the ledger does not tell of")


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
