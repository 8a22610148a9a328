from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from compliance.models import AISystem, LedgerBlock, LedgerEvent, LedgerPosition, TrailEntry, User
from compliance.services import ledger, ledger_key
from compliance.types.canonical import digest_of, merkle_root
from compliance.types.freeze import LedgerHead
from compliance.types.shape import check_shape
from tests.compliance.ledger_rows import officer, some_events
from tests.installations import Installation

pytestmark = pytest.mark.django_db
NewInstallation = Callable[..., Installation]


@pytest.fixture(autouse=True)
def keys(settings: Settings, tmp_path: Path) -> Path:
    settings.SIGNER_KEYS = tmp_path / "keys"
    return tmp_path / "keys"


def record(payload: dict[str, Any], kind: str = "system.changed") -> LedgerEvent:
    system, _ = AISystem.objects.get_or_create(name="Digit reader")
    return ledger.record(kind=kind, subject=system, payload=payload, actor=None, system=system)


# Recording


def test_the_event_holds_the_digest_of_a_payload_that_names_actor_and_system() -> None:
    actor = officer()
    system = AISystem.objects.create(name="Digit reader")
    event = ledger.record(kind="system.defined", subject=system, payload={"n": 1}, actor=actor, system=system)
    entry = TrailEntry.objects.get(event=event)
    assert entry.payload == {"n": 1, "actor": str(actor.uuid), "system": str(system.uuid)}
    assert event.payload_sha256 == digest_of(entry.payload)
    assert (event.subject_type, event.subject_uuid) == ("compliance.AISystem", system.uuid)


@pytest.mark.parametrize(
    "payload",
    [
        {"who": "alice@example.org"},
        {"why": "we looked at it together"},
        {"name": "Alice"},
        {"inner": {"filename": "log.json"}},
        {"rows": [{"note": "x"}]},
        {"value": float("inf")},
        {"actor": "somebody"},
    ],
)
def test_text_that_may_be_personal_is_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(ledger.LedgerError, match="payload"):
        record(payload)


def test_a_kind_is_lower_case_words_joined_by_dots() -> None:
    with pytest.raises(ledger.LedgerError, match="no kind of event"):
        record({}, kind="Answer approved")


def test_payloads_come_back_from_the_database_with_their_digest() -> None:
    record({"floats": [1.0, 0.1, 1e-9, -0.0, 12345678.9], "big": 2**53 - 1, "none": None, "yes": True, "list": [[]]})
    assert ledger.verify().payload_mismatches == 0


def test_a_bulk_import_is_one_event_with_the_root_of_its_rows() -> None:
    rows = [f"row {n}".encode() for n in range(5)]
    system = AISystem.objects.create(name="Digit reader")
    event = ledger.record_bulk(
        kind="import.published", subject=system, rows=iter(rows), payload={"source": "log"}, actor=None, system=system
    )
    assert event.entry.payload["rows"] == 5
    assert event.entry.payload["rows_root"] == merkle_root(rows)


# Sealing


def test_sealing_places_every_event_once_in_chained_blocks() -> None:
    some_events(5)
    assert ledger.seal(limit=2) == 5
    assert list(LedgerPosition.objects.values_list("position", flat=True).order_by("position")) == [1, 2, 3, 4, 5]
    first, second, third = LedgerBlock.objects.order_by("number")
    assert [block.event_count for block in (first, second, third)] == [2, 2, 1]
    assert (first.previous_sha256, second.previous_sha256) == ("", first.block_sha256)
    assert ledger.seal() == 0
    assert LedgerBlock.objects.count() == 3


def test_the_head_tells_the_newest_block_and_the_tail() -> None:
    some_events(3)
    assert ledger.head() == LedgerHead(
        block=None, block_hash=None, merkle_root=None, events=0, unsealed=3, sealed_at=None
    )
    ledger.seal()
    event = record({"n": 9})
    head = ledger.head()
    assert (head["block"], head["events"], head["unsealed"]) == (1, 3, 1)
    check_shape(LedgerHead, head)
    assert ledger.place_of(event=event)["position"] is None
    assert ledger.place_of(event=LedgerEvent.objects.order_by("pk")[0])["block"] == 1


def test_the_key_is_readable_by_its_owner_alone_and_made_once(keys: Path) -> None:
    some_events(1)
    ledger.seal()
    assert stat.S_IMODE((keys / "ledger.key").stat().st_mode) == 0o600
    assert [path.name for path in keys.iterdir()] == ["ledger.key"]
    assert LedgerBlock.objects.get().key_id == ledger_key.key_id(ledger_key.signing_key())


# Verification


def sealed(count: int = 4) -> None:
    some_events(count)
    ledger.seal(limit=2)


def test_an_untouched_ledger_is_intact() -> None:
    sealed()
    record({"n": 99})
    verification = ledger.verify()
    assert verification.is_intact, verification.problems
    assert (verification.blocks, verification.events, verification.unsealed) == (2, 5, 1)
    assert verification.head_sha256 == ledger.head()["block_hash"]


def test_an_empty_ledger_is_intact() -> None:
    verification = ledger.verify()
    assert verification.is_intact
    assert verification.head_sha256 == ""


def without_triggers(statement: str) -> None:
    """What somebody does who may switch triggers and foreign keys off."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in (
                "ledgerevent",
                "ledgerblock",
                "ledgerposition",
                "ledgercheckpoint",
                "checkpointstamp",
                "trailentry",
            ):
                cursor.execute(f"ALTER TABLE compliance_{table} DISABLE TRIGGER USER")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute(statement)


FORGERIES = {
    "event": ("UPDATE compliance_ledgerevent SET kind = 'forged' WHERE id = (SELECT min(id) FROM compliance_ledgerevent)",
              "its events are not those that were sealed"),
    "event by name": ("UPDATE compliance_ledgerevent SET kind = 'x.y' WHERE id = (SELECT min(id) FROM compliance_ledgerevent)",
                      "block 1, position 1: event"),
    "payload": ("UPDATE compliance_trailentry SET payload = '{}' WHERE id = (SELECT min(id) FROM compliance_trailentry)",
                "is not what was recorded"),
    "actor": ("UPDATE compliance_trailentry SET actor_id = NULL", "is not what was recorded"),
    "no payload": ("DELETE FROM compliance_trailentry", "has no payload"),
    "block": ("UPDATE compliance_ledgerblock SET event_count = 3 WHERE number = 2", "states something else than its hash"),
    "signature": ("UPDATE compliance_ledgerblock SET signature = '00' WHERE number = 1", "signature does not fit"),
    "last position": ("DELETE FROM compliance_ledgerposition WHERE position = 4", "1 events are missing at its end"),
    "position": ("UPDATE compliance_ledgerposition SET position = 9 WHERE position = 1", "nothing lies at 1"),
    "first block": ("UPDATE compliance_ledgerblock SET number = 7 WHERE number = 1", "does not name the hash"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found(name: str) -> None:
    sealed()
    statement, expected = FORGERIES[name]
    without_triggers(statement)
    verification = ledger.verify()
    assert not verification.is_intact
    assert expected in " · ".join(map(str, verification.problems))


def test_a_chain_that_somebody_else_signed_is_found(settings: Settings, tmp_path: Path) -> None:
    settings.SIGNER_KEYS = tmp_path / "theirs"
    sealed()
    settings.SIGNER_KEYS = tmp_path / "ours"
    ledger_key.signing_key()
    assert "not this installation's" in str(ledger.verify().problems[0])
    theirs = LedgerBlock.objects.all()[0].key_id
    (tmp_path / "ours" / "ledger-earlier-keys").write_text(f"{theirs}\n")
    assert ledger.verify().is_intact


def test_thousands_of_problems_are_counted_and_a_hundred_told() -> None:
    some_events(150)
    without_triggers("UPDATE compliance_trailentry SET payload = '{}'")
    verification = ledger.verify()
    assert (verification.problem_count, len(verification.problems)) == (150, 100)


def test_verification_asks_no_more_of_a_long_ledger_than_of_a_short_one() -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            ledger.verify()
        return len(asked)

    some_events(1)
    ledger.seal()
    short = questions()
    for n in range(200):
        record({"n": n})
    ledger.seal()
    assert questions() <= short + 1  # one more block


# Concurrency: real processes and connections, on databases of their own

OUT_OF_ORDER = """
import threading
from django.db import connection, transaction
from compliance.models import AISystem, LedgerEvent, LedgerPosition
from compliance.services import ledger
system = AISystem.objects.create(name="Digit reader")
written, go_on = threading.Event(), threading.Event()
def record(n):
    return ledger.record(kind="x.y", subject=system, payload={"n": n}, actor=None, system=system)
def slow():
    with transaction.atomic():
        record(1)
        written.set()
        go_on.wait(30)
    connection.close()
thread = threading.Thread(target=slow)
thread.start()
written.wait(30)
with transaction.atomic():
    record(2)
first = ledger.seal()
go_on.set()
thread.join()
second = ledger.seal()
ids = LedgerPosition.objects.order_by("position").values_list("event_id", flat=True)
result = ledger.verify()
print(first, second, ids[0] > ids[1], result.is_intact, result.unsealed)
"""


@pytest.mark.postgres
def test_an_event_that_commits_late_gets_a_later_position_and_none_is_lost(new_installation: NewInstallation) -> None:
    assert new_installation("postgres").python(OUT_OF_ORDER).split() == ["1", "1", "True", "True", "0"]


CROWD = """
import json, threading
from django.db import connection, transaction
from compliance.models import AISystem, LedgerPosition
from compliance.services import ledger
system = AISystem.objects.create(name="Digit reader")
def work(worker):
    for n in range(6):
        with transaction.atomic():
            ledger.record(kind="x.y", subject=system, payload={"worker": worker, "n": n}, actor=None, system=system)
        ledger.seal(limit=3)
    connection.close()
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
result = ledger.verify()
print(json.dumps([result.is_intact, result.events, result.unsealed, LedgerPosition.objects.count()]))
"""


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_many_sealers_at_once_place_each_event_once(new_installation: NewInstallation, database: str) -> None:
    assert json.loads(new_installation(database).python(CROWD)) == [True, 18, 0, 18]


def test_recording_outside_a_transaction_is_refused(installation: Installation) -> None:
    code = """
from compliance.models import AISystem
from compliance.services import ledger
system = AISystem.objects.create(name="x")
try:
    ledger.record(kind="x.y", subject=system, payload={}, actor=None, system=None)
except ledger.LedgerError as error:
    print(error)
"""
    assert "outside a transaction" in installation.python(code)


def test_people_of_the_ledger_are_users() -> None:
    some_events(1)
    assert TrailEntry.objects.get().actor == User.objects.get()
