"""Checkpoints and proofs: made, stamped, handed out, and held against a ledger that somebody rewrote with its triggers off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from compliance.models import CheckpointStamp, LedgerBlock, LedgerCheckpoint, LedgerEvent, LedgerPosition
from compliance.packs.signers import ensure_demo_signer
from compliance.services import checkpoints, ledger, ledger_proofs
from compliance.services.errors import RefusedError
from compliance.services.ledger_statements import checkpoint_document
from compliance.types.ledger_proofs import (
    Checkpoint,
    read_checkpoint,
    wrong_with_consistency,
    wrong_with_proofs,
)
from compliance.types.merkle import GrowingTree, leaf_hash
from compliance.types.shape import ShapeError
from tests.compliance.ledger_rows import some_events
from tests.compliance.packs.authority_server import make_chain, serving
from tests.compliance.services.test_ledger import record, without_triggers

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: three keys take seconds."""
    return ensure_demo_signer(tmp_path_factory.mktemp("signer") / "seal").folder


@pytest.fixture(autouse=True)
def keys(settings: Settings, tmp_path: Path, signer: Path) -> Path:
    settings.SIGNER_KEYS = tmp_path / "keys"
    shutil.copytree(signer, tmp_path / "keys" / "seal")
    return tmp_path / "keys"


def grown(count: int = 5) -> LedgerCheckpoint:
    """A ledger of several blocks, and a checkpoint over them."""
    some_events(count)
    ledger.seal(limit=2)
    made = checkpoints.make()
    assert made is not None
    return made


# Made and stamped


def test_an_empty_ledger_has_no_checkpoint() -> None:
    assert checkpoints.make() is None
    assert checkpoints.make_daily() is None


def test_a_checkpoint_states_the_tree_over_the_blocks() -> None:
    made = grown()
    blocks = LedgerBlock.objects.order_by("number")[:3]
    root = GrowingTree(leaf_hash(bytes.fromhex(block.block_sha256)) for block in blocks).root().hex()
    assert (made.blocks, made.events, made.root, made.head) == (3, 5, root, blocks[2].block_sha256)
    assert ledger.verify().is_intact


def test_without_an_authority_the_own_clock_stamps_and_says_so() -> None:
    stamp = grown().stamps.get()
    assert stamp.authority == ""
    assert abs((stamp.stamped_at - timezone.now()).total_seconds()) < 60
    ((row, verdict),) = checkpoints.judged()
    assert (row, verdict["failure"], verdict["is_trusted"]) == (stamp, None, True)


def test_an_authority_stamps_and_its_root_is_asked_for(settings: Settings, tmp_path: Path) -> None:
    chain = make_chain("Authority")
    (tmp_path / "roots.pem").write_text(chain.root_pem)
    settings.TSA_ROOTS = str(tmp_path / "roots.pem")
    with serving(chain.answer) as (url, asked):
        settings.TSA_URL = url
        made = grown()
    assert len(asked) == 1
    assert made.stamps.get().authority == "127.0.0.1"
    assert [verdict["is_trusted"] for _row, verdict in checkpoints.judged()] == [True]
    settings.TSA_ROOTS = ""
    assert [(verdict["failure"], verdict["is_trusted"]) for _row, verdict in checkpoints.judged()] == [(None, False)]


@pytest.mark.parametrize("answer", [(503, "text/plain", b""), (200, "application/timestamp-reply", b"junk")])
def test_an_authority_out_of_order_leaves_it_without_a_stamp_and_the_next_day_mends_that(
    settings: Settings, answer: tuple[int, str, bytes]
) -> None:
    chain = make_chain("Authority")
    with serving(lambda _request: answer) as (url, _asked):
        settings.TSA_URL = url
        made = grown()
        assert not made.stamps.exists()
        assert ledger.verify().unstamped == 1
        checkpoints.make_daily()
    with serving(chain.answer) as (url, asked):
        settings.TSA_URL = url
        checkpoints.make_daily()
    assert len(asked) == 3
    assert ledger.verify().unstamped == 0


def test_a_stamp_over_something_else_is_told() -> None:
    one = grown().stamps.get()
    record({"n": 7})
    other = checkpoints.make()
    assert other is not None
    CheckpointStamp.objects.create(checkpoint=other, authority="", stamped_at=one.stamped_at, token=one.token)
    CheckpointStamp.objects.create(checkpoint=other, authority="", stamped_at=one.stamped_at, token="anything")
    assert [bool(verdict["failure"]) for _row, verdict in checkpoints.judged()] == [False, False, True, True]


# Proofs


def test_every_event_under_a_checkpoint_can_be_shown_to_be_there() -> None:
    made = grown()
    for position in LedgerPosition.objects.filter(block__number__lte=made.blocks).select_related("event"):
        proofs = ledger_proofs.prove(event=position.event, checkpoint=made)
        assert wrong_with_proofs(proofs) is None
        assert proofs["events"][0]["position"] == position.position


def _event_changed(proofs: Any) -> None:
    proofs["events"][0]["event"]["kind"] = "other.kind"


def _position_moved(proofs: Any) -> None:
    proofs["events"][0]["position"] += 1


def _payload_changed(proofs: Any) -> None:
    proofs["events"][0]["payload"]["n"] = 99


def _block_changed(proofs: Any) -> None:
    proofs["blocks"][0]["block"]["event_count"] += 1


def _root_changed(proofs: Any) -> None:
    proofs["checkpoint"]["statement"]["root"] = "0" * 64


@pytest.mark.parametrize("change", [_event_changed, _position_moved, _payload_changed, _block_changed, _root_changed])
def test_a_proof_with_anything_changed_does_not_hold(change: Callable[[Any], None]) -> None:
    made = grown()
    proofs = ledger_proofs.prove(event=LedgerEvent.objects.order_by("pk")[0], checkpoint=made)
    change(proofs)
    assert wrong_with_proofs(proofs) is not None


def test_what_is_under_no_checkpoint_is_said_to_be_so() -> None:
    made = grown()
    event = record({"n": 9})
    for checkpoint in (made, None):
        with pytest.raises(RefusedError, match="under no checkpoint yet"):
            ledger_proofs.prove(event=event, checkpoint=checkpoint)


def test_an_earlier_ledger_is_shown_to_be_the_beginning_of_a_later_one() -> None:
    first = grown()
    for n in range(5):
        record({"n": n})
        ledger.seal()
    later = checkpoints.make()
    assert later is not None
    proof = ledger_proofs.consistency(blocks=first.blocks, checkpoint=later)
    assert proof["from"] == {"blocks": first.blocks, "root": first.root}
    assert wrong_with_consistency(proof) is None
    proof["from"]["root"] = later.root
    assert wrong_with_consistency(proof) is not None
    for blocks in (0, -1, later.blocks + 1):
        with pytest.raises(RefusedError, match="no tree of"):
            ledger_proofs.consistency(blocks=blocks, checkpoint=later)


# Attacks with the triggers off

THIRD = "(SELECT event_id FROM compliance_ledgerposition WHERE position = 3)"
SWAPPED = """
UPDATE compliance_ledgerposition SET leaf_sha256 = (
    SELECT p.leaf_sha256 FROM compliance_ledgerposition p WHERE p.position = 7 - compliance_ledgerposition.position
) WHERE position IN (3, 4)
"""
ATTACKS = {
    "changed event": (
        f"UPDATE compliance_ledgerevent SET kind = 'forged' WHERE id = {THIRD}",
        "block 2, position 3: event",
    ),
    "changed payload": (
        f"UPDATE compliance_trailentry SET payload = '{{}}' WHERE event_id = {THIRD}",
        "position 3: the payload of event",
    ),
    "missing": ("DELETE FROM compliance_ledgerposition WHERE position = 3", "nothing lies at 3"),
    "reordered": (SWAPPED, "stands in another's place"),
    "truncated block": ("DELETE FROM compliance_ledgerblock WHERE number >= 3", "the end of the ledger is missing"),
    "block without positions": ("DELETE FROM compliance_ledgerblock WHERE number >= 3", "positions lie in no block"),
    "missing event": (f"DELETE FROM compliance_ledgerevent WHERE id = {THIRD}", "1 positions name no event"),
    "changed checkpoint": ("UPDATE compliance_ledgercheckpoint SET events = 4", "states something else than its hash"),
    "truncated checkpoint": ("DELETE FROM compliance_ledgercheckpoint", "which the ledger tells of, is missing"),
    "removed stamp": ("DELETE FROM compliance_checkpointstamp", "the time stamp"),
    "signature": ("UPDATE compliance_ledgercheckpoint SET signature = '00'", "the checkpoint's signature does not fit"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_named(name: str) -> None:
    grown()
    ledger.seal()
    statement, expected = ATTACKS[name]
    _attack(statement)
    found = ledger.verify()
    assert not found.is_intact
    assert expected in " · ".join(map(str, found.problems))


KEYS = """
SELECT conrelid::regclass::text, conname FROM pg_constraint
WHERE contype = 'f' AND confrelid::regclass::text ~ '^compliance_(ledger|checkpoint)'
"""


def _attack(*statements: str) -> None:
    """As somebody who owns the database: without triggers and foreign keys."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(KEYS)
            for table, name in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for statement in statements:
        without_triggers(statement)


@pytest.fixture(autouse=True)
def undone(db: None) -> Iterator[None]:
    """What an attack leaves behind breaks foreign keys, which are looked at after each test: it is taken back before that."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _rebuilt() -> None:
    """One event changed, and every block, checkpoint and signature computed anew with the installation's own key."""
    told = "(SELECT id FROM compliance_ledgerevent WHERE kind LIKE 'ledger.%')"
    _attack(
        "UPDATE compliance_ledgerevent SET kind = 'forged.kind' WHERE kind = 'system.changed'",
        "DELETE FROM compliance_ledgerposition",
        "DELETE FROM compliance_ledgerblock",
        "DELETE FROM compliance_checkpointstamp",
        "DELETE FROM compliance_ledgercheckpoint",
        f"DELETE FROM compliance_trailentry WHERE event_id IN {told}",
        f"DELETE FROM compliance_ledgerevent WHERE id IN {told}",
    )
    ledger.seal(limit=2)
    checkpoints.make()


def test_a_ledger_that_was_rebuilt_with_the_key_fits_itself_and_no_kept_checkpoint() -> None:
    kept = checkpoint_document(grown())
    assert ledger_proofs.against(kept=kept) == ()
    record({"n": 10})
    ledger.seal()
    assert ledger_proofs.against(kept=kept) == ()
    _rebuilt()
    assert ledger.verify().problem_count == 0
    assert "the ledger was rewritten" in " ".join(ledger_proofs.against(kept=kept))


def test_a_ledger_whose_end_was_cut_off_is_told_by_a_kept_checkpoint() -> None:
    kept = checkpoint_document(grown())
    _attack(
        "DELETE FROM compliance_ledgerposition WHERE position > 4",
        "DELETE FROM compliance_ledgerblock WHERE number > 2",
    )
    assert "counts 3 blocks, and 2 of them are there" in " ".join(ledger_proofs.against(kept=kept))


def test_a_kept_checkpoint_that_was_altered_is_no_witness() -> None:
    kept = checkpoint_document(grown())
    kept["statement"]["events"] = 4
    assert "the file was altered" in ledger_proofs.against(kept=kept)[0]


def test_a_kept_checkpoint_of_somebody_else_is_told(settings: Settings, tmp_path: Path) -> None:
    kept = checkpoint_document(grown())
    settings.SIGNER_KEYS = tmp_path / "ours"
    assert "not this installation's" in " ".join(ledger_proofs.against(kept=kept))


def test_a_checkpoint_is_read_out_of_whatever_holds_one() -> None:
    made = grown()
    kept = checkpoint_document(made)
    proofs = ledger_proofs.prove(event=LedgerEvent.objects.order_by("pk")[0], checkpoint=made)
    grew = ledger_proofs.consistency(blocks=1, checkpoint=made)
    for document in (kept, proofs, grew):
        assert read_checkpoint(json.loads(json.dumps(document))) == kept
    odd: list[object] = [None, [], {}, {"checkpoint": 1}, {"checkpoint": {**kept, "more": 1}}]
    for junk in odd:
        with pytest.raises(ShapeError):
            read_checkpoint(junk)


def test_many_proofs_ask_no_more_of_the_database_than_one(django_assert_max_num_queries: Any) -> None:
    made = grown(40)
    kept: list[Checkpoint] = []
    with django_assert_max_num_queries(30):
        proofs = ledger_proofs.proofs_of(checkpoint=made, positions=range(1, 41), with_payload=(), blocks=[made.blocks])
        kept.append(proofs["checkpoint"])
    assert len(proofs["events"]) == 40
    assert wrong_with_proofs(proofs) is None
