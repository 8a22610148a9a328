"""Work-paper notes: sealed under a key that only their author's passphrase opens, exported to them, and deleted for good.

The functions that read or write a text take the data key; nothing here keeps it, the passphrase or a text anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import Engagement, User, WorkPaperKey, WorkPaperNote
from compliance.services import ledger, note_cipher
from compliance.services.errors import RefusedError
from compliance.services.note_cipher import CannotOpenError, WrappedKey
from compliance.types.canonical import sha256_hex
from compliance.types.drafts import JSON

SHORTEST_PASSPHRASE = 15
MOST_FAILURES = 10
LOCKED_FOR = timedelta(minutes=15)
LONGEST_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class NoteText:
    """What a note says, opened."""

    title: str
    text: str


# The key ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def make_key(*, user: User, passphrase: str) -> bytes:
    """The first key of an auditor under a passphrase of theirs; gives the data key. Raises RefusedError."""
    _check(passphrase)
    if WorkPaperKey.objects.filter(user=user).exists():
        raise RefusedError(_("You have a key already: open it with your passphrase."))
    data_key = note_cipher.new_key()
    made = WorkPaperKey(user=user)
    _put(made, note_cipher.wrap(data_key=data_key, passphrase=passphrase))
    made.save(force_insert=True)
    _record("key_made", made, {}, user)
    return data_key


def open_key(*, user: User, passphrase: str) -> bytes:
    """The data key. Raises RefusedError for another passphrase, and for any after ten wrong ones, until a while has passed."""
    key = WorkPaperKey.objects.filter(user=user).first()
    if key is None:
        raise RefusedError(_("There is no key yet: choose a passphrase first."))
    if key.locked_until is not None and key.locked_until > timezone.now():
        raise RefusedError(_("Too many wrong passphrases: wait a quarter of an hour, then try again."))
    try:
        data_key = note_cipher.unwrap(key=_wrapped(key), passphrase=passphrase)
    except CannotOpenError as error:
        _count_failure(key)
        raise RefusedError(_("That passphrase does not open your notes.")) from error
    if key.failures or key.locked_until:
        WorkPaperKey.objects.filter(pk=key.pk).update(failures=0, locked_until=None)
    return data_key


def change_passphrase(*, user: User, old: str, new: str) -> None:
    """Wraps the same data key under another passphrase; old backups are still under the old one. Raises RefusedError."""
    _check(new)
    data_key = open_key(user=user, passphrase=old)  # outside the transaction, so that a wrong one is counted
    with transaction.atomic():
        key = WorkPaperKey.objects.select_for_update().get(user=user)
        _put(key, note_cipher.wrap(data_key=data_key, passphrase=new))
        key.save()
        _record("key_changed", key, {}, user)


def _check(passphrase: str) -> None:
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise RefusedError(_("Take a passphrase of at least %d characters: several words.") % SHORTEST_PASSPHRASE)


def _count_failure(key: WorkPaperKey) -> None:
    with transaction.atomic():
        key = WorkPaperKey.objects.select_for_update().get(pk=key.pk)
        key.failures += 1
        if key.failures >= MOST_FAILURES:
            key.failures, key.locked_until = 0, timezone.now() + LOCKED_FOR
        key.save(update_fields=["failures", "locked_until"])


def _wrapped(key: WorkPaperKey) -> WrappedKey:
    return WrappedKey(bytes(key.salt), key.cost, key.block, key.lanes, bytes(key.wrapped))


def _put(key: WorkPaperKey, wrapped: WrappedKey) -> None:
    key.salt, key.wrapped = wrapped.salt, wrapped.wrapped
    key.cost, key.block, key.lanes = wrapped.cost, wrapped.block, wrapped.lanes
    key.failures, key.locked_until = 0, None


# Notes --------------------------------------------------------------------------------------------------------------


@transaction.atomic
def write_note(*, engagement: Engagement, title: str, text: str, data_key: bytes, author: User) -> WorkPaperNote:
    """A new note in an engagement. Raises RefusedError."""
    note = WorkPaperNote(author=author, engagement=engagement)
    note.sealed = _sealed(note, NoteText(title.strip(), text), data_key)
    note.save(force_insert=True)
    _record_note("written", note)
    return note


@transaction.atomic
def rewrite_note(*, note: WorkPaperNote, title: str, text: str, data_key: bytes) -> WorkPaperNote:
    """Another text in the place of the old one, which is gone. Raises RefusedError."""
    note = WorkPaperNote.objects.select_for_update().get(pk=note.pk)
    note.sealed, note.changed_at = _sealed(note, NoteText(title.strip(), text), data_key), timezone.now()
    note.save(update_fields=["sealed", "changed_at"])
    _record_note("rewritten", note)
    return note


def read_note(*, note: WorkPaperNote, data_key: bytes) -> NoteText:
    """What a note says. Raises RefusedError when it was altered, or sealed under another key."""
    try:
        content = note_cipher.unseal(key=data_key, sealed=bytes(note.sealed), identity=_identity(note))
    except CannotOpenError as error:
        raise RefusedError(_("This note does not open: it was altered, or sealed under another key.")) from error
    return NoteText(**json.loads(content))


def exported(*, notes: Iterable[WorkPaperNote], data_key: bytes) -> bytes:
    """All of these notes as one JSON document, opened. Raises RefusedError when one does not open."""
    lines = [
        {
            "uuid": str(note.uuid),
            "engagement": note.engagement.title,
            "written_at": note.created_at.isoformat(),
            "changed_at": note.changed_at.isoformat(),
            "title": said.title,
            "text": said.text,
        }
        for note in notes
        for said in [read_note(note=note, data_key=data_key)]
    ]
    return json.dumps({"notes": lines}, ensure_ascii=False, indent=2).encode("utf-8")


@transaction.atomic
def delete_note(*, note: WorkPaperNote) -> None:
    """Takes a note away for good; the ledger keeps that there was one."""
    _record_note("deleted", note)
    note.delete()


@transaction.atomic
def forget(*, user: User) -> int:
    """Takes all notes of an auditor and their key away for good; how many notes there were."""
    notes = list(WorkPaperNote.objects.filter(author=user))
    for note in notes:
        delete_note(note=note)
    key = WorkPaperKey.objects.filter(user=user).first()
    if key is not None:
        _record("key_deleted", key, {"notes": len(notes)}, user)
        key.delete()
    return len(notes)


def _sealed(note: WorkPaperNote, said: NoteText, data_key: bytes) -> bytes:
    if not said.title:
        raise RefusedError(_("Give the note a title."))
    if len(said.text) > LONGEST_TEXT:
        raise RefusedError(_("A note holds at most %d characters.") % LONGEST_TEXT)
    content = json.dumps({"title": said.title, "text": said.text}, ensure_ascii=False).encode("utf-8", "replace")
    return note_cipher.seal(key=data_key, content=content, identity=_identity(note))


def _identity(note: WorkPaperNote) -> bytes:
    return f"{note.uuid}|{note.author.uuid}|{note.engagement.uuid}".encode()


def _record_note(act: str, note: WorkPaperNote) -> None:
    facts: JSON = {"engagement": str(note.engagement.uuid), "ciphertext_sha256": sha256_hex(bytes(note.sealed))}
    _record(act, note, facts, note.author)


def _record(act: str, subject: WorkPaperKey | WorkPaperNote, facts: JSON, actor: User) -> None:
    ledger.record(kind=f"work_paper.{act}", subject=subject, payload=facts, actor=actor, system=None)
