"""What the ledger hands out to be checked elsewhere: checkpoints, inclusion and consistency proofs (docs/formats/ledger.md).

The ledger is a tree of trees, both after RFC 9162. The inner one is over the events of a block; the outer one over the SHA-256
of each block. A checkpoint states size and root of the outer tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypedDict, cast

from compliance.types.canonical import canonical_json, digest_of
from compliance.types.freeze import LedgerHead, LedgerPlace
from compliance.types.merkle import is_consistent, leaf_hash, root_by_path
from compliance.types.shape import Base64, Sha256, UtcTime, Uuid, check_shape

PROOFS_NAME = "ledger-proofs.json"


class CheckpointStatement(TypedDict):
    """What is signed and stamped: blocks and events so far, the root over the blocks, and the SHA-256 of the newest."""

    schema: Literal["assay-checkpoint/1"]
    uuid: Uuid
    made_at: str
    blocks: int
    events: int
    root: Sha256
    head: Sha256


class Stamp(TypedDict):
    """A time stamp (RFC 3161) over the statement's SHA-256. authority: None is the installation's own clock."""

    authority: str | None
    stamped_at: UtcTime
    token: Base64


class Checkpoint(TypedDict):
    """sha256: of the statement's canonical JSON; key, signature: Ed25519, hexadecimal; no stamps: not time-stamped."""

    statement: CheckpointStatement
    sha256: Sha256
    key: str
    signature: str
    stamps: list[Stamp]


class BlockStatement(TypedDict):
    """All that a block's SHA-256 is over."""

    uuid: Uuid
    created_at: str
    number: int
    first_position: int
    event_count: int
    merkle_root: Sha256
    previous_sha256: str
    key_id: str


class EventStatement(TypedDict):
    """The leaf of an event: its canonical JSON is what the block's root is over."""

    uuid: Uuid
    created_at: str
    kind: str
    subject_type: str
    subject_uuid: Uuid
    payload_sha256: Sha256


class ProvedBlock(TypedDict):
    """path: from the block to the checkpoint's root."""

    block: BlockStatement
    path: list[Sha256]


class ProvedEventAdditions(TypedDict, total=False):
    """payload: what `payload_sha256` of the event is over."""

    payload: dict[str, Any]


class ProvedEvent(ProvedEventAdditions):
    """path: from the event to the root of the block that holds its position."""

    event: EventStatement
    position: int
    path: list[Sha256]


class Proofs(TypedDict):
    """left_out: places in the freeze document's evidence index for which no proof is here, because there are too many."""

    schema: Literal["assay-ledger-proofs/1"]
    checkpoint: Checkpoint
    blocks: list[ProvedBlock]
    events: list[ProvedEvent]
    left_out: int


class TreeHead(TypedDict):
    """Size and root of a tree."""

    blocks: int
    root: Sha256


Consistency = TypedDict(
    "Consistency",
    {
        "schema": Literal["assay-ledger-consistency/1"],
        "from": TreeHead,
        "to": Checkpoint,
        "path": list[Sha256],
    },
)


def _bytes(path: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(each) for each in path]


def block_leaf(sha256: str) -> bytes:
    """Hash of a block in the outer tree."""
    return leaf_hash(bytes.fromhex(sha256))


def wrong_with_proofs(proofs: Proofs) -> str | None:
    """The first thing that does not add up, in words; None where every path leads to the checkpoint's root.

    Who signed and stamped the checkpoint is another question.
    """
    stated = proofs["checkpoint"]["statement"]
    if digest_of(stated) != proofs["checkpoint"]["sha256"]:
        return "the checkpoint states something else than its SHA-256"
    for proved in proofs["blocks"]:
        block = proved["block"]
        root = root_by_path(
            block_leaf(digest_of(block)), index=block["number"] - 1, size=stated["blocks"], path=_bytes(proved["path"])
        )
        if root is None or root.hex() != stated["root"]:
            return f"block {block['number']} is not in the checkpoint's tree"
    for one in proofs["events"]:
        if not any(_holds(proved["block"], one) for proved in proofs["blocks"]):
            return f"the event at position {one['position']} is in no block of the checkpoint's tree"
        if "payload" in one and digest_of(one["payload"]) != one["event"]["payload_sha256"]:
            return f"the payload at position {one['position']} is not the one that was recorded"
    return None


def wrong_with_places(
    proofs: Proofs, *, head: LedgerHead, places: Sequence[LedgerPlace], frozen_sha256: str
) -> str | None:
    """What a freeze document says of the ledger, against proofs that add up: its head, its evidence's places, and itself."""
    blocks = {proved["block"]["number"]: digest_of(proved["block"]) for proved in proofs["blocks"]}
    events = {one["position"]: digest_of(one["event"]) for one in proofs["events"]}
    if head["block"] and blocks.get(head["block"]) != head["block_hash"]:
        return "the ledger's head, as the manifest states it, is not in the checkpoint's tree"
    for one in proofs["events"]:
        if (
            one["event"]["kind"] == "assessment.frozen"
            and one.get("payload", {}).get("document_sha256") != frozen_sha256
        ):
            return "the ledger says that another document was frozen"
    sealed = [place for place in places if place["position"] is not None]
    for place in sealed:
        if events.get(place["position"] or 0, place["event"]) != place["event"]:
            return f"position {place['position']} of the ledger holds another event than the evidence index says"
    if sum(place["position"] not in events for place in sealed) != proofs["left_out"]:
        return "the evidence index names places in the ledger for which there is no proof"
    return None


def _holds(block: BlockStatement, proved: ProvedEvent) -> bool:
    root = root_by_path(
        leaf_hash(canonical_json(proved["event"])),
        index=proved["position"] - block["first_position"],
        size=block["event_count"],
        path=_bytes(proved["path"]),
    )
    return root is not None and root.hex() == block["merkle_root"]


def wrong_with_consistency(proof: Consistency) -> str | None:
    """As `wrong_with_proofs`, of the word that the smaller tree is the beginning of the larger one."""
    old, new = proof["from"], proof["to"]["statement"]
    if digest_of(new) != proof["to"]["sha256"]:
        return "the checkpoint states something else than its SHA-256"
    if is_consistent(
        old=old["blocks"],
        new=new["blocks"],
        old_root=bytes.fromhex(old["root"]),
        new_root=bytes.fromhex(new["root"]),
        path=_bytes(proof["path"]),
    ):
        return None
    return f"the tree of {old['blocks']} blocks is not the beginning of the one of {new['blocks']}"


def read_checkpoint(value: object) -> Checkpoint:
    """A checkpoint out of a document that is one, or holds one: proofs, or a word of consistency. Raises ShapeError."""
    for name in ("checkpoint", "to"):
        if isinstance(value, dict) and name in value:
            value = value[name]
    check_shape(value, Checkpoint, "checkpoint")
    return cast(Checkpoint, value)
