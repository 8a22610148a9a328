"""The bytes behind every hash of the ledger: what an event, a block and a checkpoint state, each as canonical JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from compliance.models import CheckpointStamp, LedgerBlock, LedgerCheckpoint, LedgerEvent
from compliance.types.canonical import canonical_json, digest_of
from compliance.types.ledger_proofs import BlockStatement, Checkpoint, CheckpointStatement, EventStatement, Stamp

EVENT_FIELDS = ("uuid", "created_at", "kind", "subject_type", "subject_uuid", "payload_sha256")


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: the same text from both databases."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def event_statement(row: Mapping[str, Any]) -> EventStatement:
    """From the EVENT_FIELDS of one event."""
    return {
        "uuid": str(row["uuid"]),
        "created_at": utc_text(row["created_at"]),
        "kind": row["kind"],
        "subject_type": row["subject_type"],
        "subject_uuid": str(row["subject_uuid"]),
        "payload_sha256": row["payload_sha256"],
    }


def statement_of(event: LedgerEvent) -> EventStatement:
    """Of a loaded event."""
    return event_statement({name: getattr(event, name) for name in EVENT_FIELDS})


def leaf_of(event: LedgerEvent) -> bytes:
    """The bytes that a block's Merkle root is computed over."""
    return canonical_json(statement_of(event))


def block_statement(block: LedgerBlock) -> BlockStatement:
    """Everything that a block states, its signature apart."""
    return {
        "uuid": str(block.uuid),
        "created_at": utc_text(block.created_at),
        "number": block.number,
        "first_position": block.first_position,
        "event_count": block.event_count,
        "merkle_root": block.merkle_root,
        "previous_sha256": block.previous_sha256,
        "key_id": block.key_id,
    }


def block_digest(block: LedgerBlock) -> str:
    """SHA-256 of what a block states."""
    return digest_of(block_statement(block))


def checkpoint_statement(checkpoint: LedgerCheckpoint) -> CheckpointStatement:
    """Everything that a checkpoint states, its signature and stamps apart."""
    return {
        "schema": "assay-checkpoint/1",
        "uuid": str(checkpoint.uuid),
        "made_at": utc_text(checkpoint.created_at),
        "blocks": checkpoint.blocks,
        "events": checkpoint.events,
        "root": checkpoint.root,
        "head": checkpoint.head,
    }


def checkpoint_digest(checkpoint: LedgerCheckpoint) -> str:
    """SHA-256 of what a checkpoint states."""
    return digest_of(checkpoint_statement(checkpoint))


def checkpoint_document(checkpoint: LedgerCheckpoint) -> Checkpoint:
    """The checkpoint as it is handed out, with the stamps that it has by now."""
    return {
        "statement": checkpoint_statement(checkpoint),
        "sha256": checkpoint.sha256,
        "key": checkpoint.key_id,
        "signature": checkpoint.signature,
        "stamps": [_stamp(stamp) for stamp in checkpoint.stamps.all()],
    }


def _stamp(stamp: CheckpointStamp) -> Stamp:
    return {
        "authority": stamp.authority or None,
        "stamped_at": stamp.stamped_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "token": stamp.token,
    }
