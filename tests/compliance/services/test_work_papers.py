"""Work-paper notes: what the tables hold tells nothing, another passphrase opens nothing, and what is deleted is gone."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from compliance.models import Engagement, LedgerEvent, User, WorkPaperKey, WorkPaperNote
from compliance.rights import visible
from compliance.services import note_cipher, work_papers
from compliance.services.errors import RefusedError
from compliance.services.note_cipher import CannotOpenError
from compliance.types.states import Role
from tests.compliance.conftest import World, person

PASSPHRASE = "four quiet words here"
SECRET = "They hid the March logs."


@pytest.fixture
def engagement(world: World) -> Engagement:
    return Engagement.objects.get()


@pytest.fixture
def data_key(auditor: User) -> bytes:
    return work_papers.make_key(user=auditor, passphrase=PASSPHRASE)


@pytest.fixture
def note(engagement: Engagement, auditor: User, data_key: bytes) -> WorkPaperNote:
    return work_papers.write_note(engagement=engagement, title="March", text=SECRET, data_key=data_key, author=auditor)


def opened(auditor: User, passphrase: str = PASSPHRASE) -> bytes:
    return work_papers.open_key(user=auditor, passphrase=passphrase)


def test_a_note_opens_with_the_passphrase(note: WorkPaperNote, auditor: User) -> None:
    said = work_papers.read_note(note=WorkPaperNote.objects.get(), data_key=opened(auditor))
    assert (said.title, said.text) == ("March", SECRET)


def test_the_tables_hold_neither_text_nor_key_nor_passphrase(note: WorkPaperNote, data_key: bytes) -> None:
    rows = [*WorkPaperNote.objects.values_list(), *WorkPaperKey.objects.values_list()]
    values = [value for row in rows for value in row]
    held = b"|".join(bytes(one) if isinstance(one, bytes | memoryview) else str(one).encode() for one in values)
    for secret in (SECRET.encode(), b"March", PASSPHRASE.encode(), data_key):
        assert secret not in held


def test_the_ledger_holds_digests_of_ciphertext(note: WorkPaperNote) -> None:
    payloads = [str(event.entry.payload) for event in LedgerEvent.objects.filter(kind__startswith="work_paper")]
    assert len(payloads) == 2
    assert not any("March" in payload for payload in payloads)


def test_the_same_text_is_another_ciphertext(engagement: Engagement, auditor: User, data_key: bytes) -> None:
    for _n in range(2):
        work_papers.write_note(engagement=engagement, title="A", text="B", data_key=data_key, author=auditor)
    first, second = WorkPaperNote.objects.all()
    assert bytes(first.sealed) != bytes(second.sealed)


@pytest.mark.parametrize("wrong", ["four quiet words her", "", PASSPHRASE.upper()])
def test_another_passphrase_opens_nothing(note: WorkPaperNote, auditor: User, wrong: str) -> None:
    with pytest.raises(RefusedError, match="does not open"):
        opened(auditor, wrong)


def test_ten_wrong_passphrases_close_the_door_for_a_while(data_key: bytes, auditor: User) -> None:
    for _n in range(work_papers.MOST_FAILURES):
        with pytest.raises(RefusedError, match="does not open"):
            opened(auditor, "wrong " * 4)
    with pytest.raises(RefusedError, match="Too many"):
        opened(auditor)
    WorkPaperKey.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert opened(auditor) == data_key
    assert WorkPaperKey.objects.get().locked_until is None


def test_wrong_passphrases_count_when_changing_it_too(data_key: bytes, auditor: User) -> None:
    with pytest.raises(RefusedError, match="does not open"):
        work_papers.change_passphrase(user=auditor, old="wrong " * 4, new="another long passphrase")
    assert WorkPaperKey.objects.get().failures == 1


def test_the_passphrase_is_changed_and_the_notes_stay(note: WorkPaperNote, auditor: User) -> None:
    work_papers.change_passphrase(user=auditor, old=PASSPHRASE, new="another long passphrase")
    with pytest.raises(RefusedError):
        opened(auditor)
    key = opened(auditor, "another long passphrase")
    assert work_papers.read_note(note=note, data_key=key).text == SECRET


def test_a_short_passphrase_and_a_second_key_are_refused(auditor: User) -> None:
    with pytest.raises(RefusedError, match="at least 15"):
        work_papers.make_key(user=auditor, passphrase="short")
    work_papers.make_key(user=auditor, passphrase=PASSPHRASE)
    with pytest.raises(RefusedError, match="a key already"):
        work_papers.make_key(user=auditor, passphrase=PASSPHRASE)


def test_a_ciphertext_cannot_be_moved_or_altered(
    engagement: Engagement, note: WorkPaperNote, auditor: User, data_key: bytes
) -> None:
    other = work_papers.write_note(engagement=engagement, title="Other", text="", data_key=data_key, author=auditor)
    other.sealed = note.sealed
    with pytest.raises(RefusedError, match="altered"):
        work_papers.read_note(note=other, data_key=data_key)
    note.sealed = bytes(note.sealed)[:-1] + bytes([bytes(note.sealed)[-1] ^ 1])
    with pytest.raises(RefusedError, match="altered"):
        work_papers.read_note(note=note, data_key=data_key)


def test_a_rewritten_note_leaves_nothing_of_the_old_text(note: WorkPaperNote, data_key: bytes) -> None:
    before = bytes(note.sealed)
    work_papers.rewrite_note(note=note, title="April", text="Nothing.", data_key=data_key)
    after = WorkPaperNote.objects.get()
    assert work_papers.read_note(note=after, data_key=data_key).title == "April"
    assert before not in bytes(after.sealed)


def test_all_notes_are_exported_opened(note: WorkPaperNote, data_key: bytes) -> None:
    document = json.loads(work_papers.exported(notes=WorkPaperNote.objects.all(), data_key=data_key))
    (line,) = document["notes"]
    assert (line["title"], line["text"], line["uuid"]) == ("March", SECRET, str(note.uuid))


def test_everything_is_deleted_on_request(note: WorkPaperNote, auditor: User) -> None:
    assert work_papers.forget(user=auditor) == 1
    assert not WorkPaperNote.objects.exists()
    assert not WorkPaperKey.objects.exists()
    kinds = LedgerEvent.objects.filter(kind__startswith="work_paper").values_list("kind", flat=True)
    assert {"work_paper.deleted", "work_paper.key_deleted"} <= {*kinds}
    work_papers.make_key(user=auditor, passphrase=PASSPHRASE)


def test_a_note_exists_for_its_author_alone(
    note: WorkPaperNote, administrator: User, officer: User, manager: User, contributor: User, auditor: User
) -> None:
    colleague = person("Cora Colleague", Role.AUDITOR)
    for user in (administrator, officer, manager, contributor, colleague):
        assert not visible(WorkPaperNote.objects.all(), user).exists()
        assert not visible(WorkPaperKey.objects.all(), user).exists()
    assert visible(WorkPaperNote.objects.all(), auditor).get() == note


def test_a_note_needs_a_title_and_has_an_end(engagement: Engagement, auditor: User, data_key: bytes) -> None:
    for title, text, message in ((" ", "", "a title"), ("A", "x" * 100_001, "at most")):
        with pytest.raises(RefusedError, match=message):
            work_papers.write_note(engagement=engagement, title=title, text=text, data_key=data_key, author=auditor)
    assert not WorkPaperNote.objects.exists()


def test_any_text_comes_back(engagement: Engagement, auditor: User, data_key: bytes) -> None:
    text = "שלום 👩🏽‍💻 \x00 \u202e <script>"
    note = work_papers.write_note(engagement=engagement, title="T", text=text, data_key=data_key, author=auditor)
    assert work_papers.read_note(note=note, data_key=data_key).text == text


def test_a_cipher_refuses_what_is_too_short_to_be_one() -> None:
    for sealed in (b"", b"short", bytes(28)):
        with pytest.raises(CannotOpenError):
            note_cipher.unseal(key=note_cipher.new_key(), sealed=sealed, identity=b"")
