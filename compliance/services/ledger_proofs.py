"""Proofs from the ledger: that it holds an event, that it grew from an earlier state, and that a kept checkpoint still fits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from django.utils.translation import gettext as _

from compliance.models import Freeze, LedgerBlock, LedgerCheckpoint, LedgerEvent, LedgerPosition, TrailEntry
from compliance.services import checkpoints, ledger
from compliance.services.checkpoints import block_digests
from compliance.services.errors import RefusedError
from compliance.services.ledger_key import own_key_ids
from compliance.services.ledger_statements import (
    EVENT_FIELDS,
    block_digest,
    block_statement,
    checkpoint_document,
    event_statement,
)
from compliance.types.canonical import canonical_json, digest_of
from compliance.types.drafts import Progress, Told
from compliance.types.freeze import Freeze as Document
from compliance.types.ledger_proofs import Checkpoint, Consistency, Proofs, ProvedEvent, block_leaf
from compliance.types.ledger_signatures import Signed, is_signed_by
from compliance.types.merkle import GrowingTree, consistency_path, inclusion_paths, leaf_hash

_CHUNK = 2_000
_NAMES = {name: f"event__{name}" for name in EVENT_FIELDS}


def prove(*, event: LedgerEvent, checkpoint: LedgerCheckpoint | None, on_progress: Told | None = None) -> Proofs:
    """That an event is under a checkpoint's root. Raises RefusedError where it is not, or not yet."""
    place = LedgerPosition.objects.select_related("block").filter(event=event).first()
    if checkpoint is None or place is None or place.block.number > checkpoint.blocks:
        raise RefusedError(
            _("The event is under no checkpoint yet: one is made after every pack and each day. Ask again then.")
        )
    return proofs_of(
        checkpoint=checkpoint,
        positions=[place.position],
        with_payload={place.position},
        on_progress=on_progress,
    )


def proofs_of(
    *,
    checkpoint: LedgerCheckpoint,
    positions: Iterable[int],
    with_payload: Collection[int],
    blocks: Iterable[int] = (),
    left_out: int = 0,
    on_progress: Told | None = None,
) -> Proofs:
    """Of events under the checkpoint by position, and of blocks by number; in order of both."""
    by_block = _by_block(positions)
    wanted = sorted({*by_block, *blocks})
    hashes = _hashes(checkpoint.blocks, on_progress)
    rows = LedgerBlock.objects.in_bulk(wanted, field_name="number")
    return {
        "schema": "assay-ledger-proofs/1",
        "checkpoint": checkpoint_document(checkpoint),
        "blocks": [
            {"block": block_statement(rows[number]), "path": _hex(path)}
            for number, path in zip(wanted, inclusion_paths(hashes, [n - 1 for n in wanted]), strict=True)
        ],
        "events": [one for number in sorted(by_block) for one in _events(rows[number], by_block[number], with_payload)],
        "left_out": left_out,
    }


def _hashes(blocks: int, on_progress: Told | None) -> list[bytes]:
    """Leaves of the tree over so many blocks, in order."""
    hashes = []
    for done, sha256 in enumerate(block_digests(blocks), 1):
        hashes.append(block_leaf(sha256))
        if on_progress and (done % _CHUNK == 0 or done == blocks):
            on_progress(Progress(stage=_("Blocks of the ledger"), done=done, total=blocks))
    return hashes


def _by_block(positions: Iterable[int]) -> Mapping[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for some in _batches(sorted(set(positions))):
        rows = LedgerPosition.objects.filter(position__in=some).values_list("block__number", "position")
        for number, position in rows.order_by("position"):
            found[number].append(position)
    return found


def _batches(values: Sequence[int]) -> Iterator[Sequence[int]]:
    return (values[start : start + 500] for start in range(0, len(values), 500))


def _hex(path: Sequence[bytes]) -> list[str]:
    return [each.hex() for each in path]


def _events(block: LedgerBlock, positions: Sequence[int], with_payload: Collection[int]) -> Iterator[ProvedEvent]:
    rows = LedgerPosition.objects.filter(block=block).order_by("position").values("position", *_NAMES.values())
    wanted, hashes, found = set(positions), [], {}
    for row in rows.iterator(chunk_size=_CHUNK):
        statement = event_statement({name: row[path] for name, path in _NAMES.items()})
        hashes.append(leaf_hash(canonical_json(statement)))
        if row["position"] in wanted:
            found[row["position"]] = statement
    paths = inclusion_paths(hashes, [position - block.first_position for position in positions])
    for position, path in zip(positions, paths, strict=True):
        proved: ProvedEvent = {"event": found[position], "position": position, "path": _hex(path)}
        if position in with_payload:
            proved["payload"] = TrailEntry.objects.get(event__place=position).payload
        yield proved


def consistency(*, blocks: int, checkpoint: LedgerCheckpoint, on_progress: Told | None = None) -> Consistency:
    """That the tree over the first `blocks` blocks is the beginning of the checkpoint's. Raises RefusedError."""
    if not 0 < blocks <= checkpoint.blocks:
        told = _(
            "There is no tree of %(n)d blocks in that checkpoint, which has %(there)d: use a number from 1 to that."
        )
        raise RefusedError(told % {"n": blocks, "there": checkpoint.blocks})
    hashes = _hashes(checkpoint.blocks, on_progress)
    return {
        "schema": "assay-ledger-consistency/1",
        "from": {"blocks": blocks, "root": GrowingTree(hashes[:blocks]).root().hex()},
        "to": checkpoint_document(checkpoint),
        "path": _hex(consistency_path(hashes, blocks)),
    }


def against(*, kept: Checkpoint) -> tuple[str, ...]:
    """What is wrong where a checkpoint that somebody kept is held against the ledger as it is now; nothing: it fits.

    Blocks are hashed anew. Nothing that this installation says of itself counts: its own checkpoints are not asked.
    """
    stated, wrong = kept["statement"], []
    if digest_of(stated) != kept["sha256"]:
        wrong.append("the kept checkpoint states something else than its hash: the file was altered")
    if not is_signed_by(kept["key"], kept["signature"], Signed.CHECKPOINT, kept["sha256"]):
        wrong.append("the signature of the kept checkpoint does not fit: the file was altered")
    elif kept["key"] not in own_key_ids():
        wrong.append("the kept checkpoint is signed with a key that is not this installation's")
    tree = GrowingTree()
    events = 0
    for block in LedgerBlock.objects.filter(number__lte=stated["blocks"]).order_by("number").iterator(_CHUNK):
        tree.add(block_leaf(block_digest(block)))
        events += block.event_count
    if tree.size < stated["blocks"]:
        wrong.append(f"the kept checkpoint counts {stated['blocks']} blocks, and {tree.size} of them are there")
    elif (tree.root().hex(), events) != (stated["root"], stated["events"]):
        wrong.append(
            f"the first {stated['blocks']} blocks are not those of the kept checkpoint: the ledger was rewritten"
        )
    return tuple(wrong)


MOST_IN_PACKS = 2_000


def of_freeze(*, freeze: Freeze, given: Document) -> Proofs | None:
    """For a pack: the freeze itself, the head that it states and each piece of its evidence; None while nothing is sealed.

    given: the document as the recipient gets it, so that nothing is proved of evidence that is left out.
    """
    ledger.seal()
    places = LedgerPosition.objects.select_related("block").filter(event__kind="assessment.frozen")
    frozen = {place.position: place.block.number for place in places.filter(event__subject_uuid=freeze.assessment.uuid)}
    head = given["ledger"]["block"]
    checkpoint = checkpoints.covering(block=max([head or 0, *frozen.values()]))
    if checkpoint is None:
        return None
    kept = sorted(one["ledger"]["position"] for one in given["evidence"] if one["ledger"] and one["ledger"]["position"])
    return proofs_of(
        checkpoint=checkpoint,
        positions=[*kept[:MOST_IN_PACKS], *frozen],
        with_payload=frozen.keys(),
        blocks=[head] if head else [],
        left_out=len(kept[MOST_IN_PACKS:]),
    )
