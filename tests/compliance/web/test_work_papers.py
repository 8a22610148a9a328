"""Pages of work papers: opened for a while in this browser alone, sealed for everybody else."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from compliance.models import AuditorRead, Engagement, User, WorkPaperNote
from compliance.services import evidence, freezes, work_papers
from compliance.web import opened_notes
from tests.compliance.conftest import Browse, World
from tests.compliance.services.test_freezes import approve_all

PASSPHRASE = "four quiet words here"
SECRET = "They hid the March logs."
LIST = "work-paper-list"


def body(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def opened(world: World, browse: Browse, auditor: User) -> Client:
    """The auditor with a key and open notes."""
    client = browse(auditor)
    given = {"passphrase": PASSPHRASE, "again": PASSPHRASE, "understood": "on"}
    assert "Write a note" in body(client.post(reverse("work-paper-key"), given, follow=True))
    return client


@pytest.fixture
def note(opened: Client) -> WorkPaperNote:
    given = {"engagement": str(Engagement.objects.get().uuid), "title": "March", "text": SECRET}
    assert "March" in body(opened.post(reverse("work-paper-new"), given, follow=True))
    return WorkPaperNote.objects.get()


def test_the_loss_is_said_beforehand_and_has_to_be_understood(world: World, browse: Browse, auditor: User) -> None:
    client = browse(auditor)
    assert "A lost passphrase cannot be reset" in body(client.get(reverse(LIST)))
    answer: Any = client.post(reverse("work-paper-key"), {"passphrase": PASSPHRASE, "again": PASSPHRASE})
    assert answer.status_code == 422
    differing = {"passphrase": PASSPHRASE, "again": "x" * 20, "understood": "on"}
    assert "The two differ" in body(client.post(reverse("work-paper-key"), differing))


def test_a_note_is_read_rewritten_and_deleted(opened: Client, note: WorkPaperNote) -> None:
    url = reverse("work-paper-note", args=[note.uuid])
    answer: Any = opened.get(url)
    assert SECRET in body(answer)
    assert answer["Cache-Control"] == "no-store"
    assert "April" in body(opened.post(url, {"title": "April", "text": "Nothing."}, follow=True))
    assert "is deleted" in body(opened.post(reverse("work-paper-delete", args=[note.uuid]), follow=True))
    assert not WorkPaperNote.objects.exists()


def test_another_browser_of_the_same_person_sees_it_sealed(note: WorkPaperNote, browse: Browse, auditor: User) -> None:
    page = body(browse(auditor).get(reverse(LIST)))
    assert "March" not in page
    assert "sealed" in page


def test_cookie_and_session_open_nothing_alone(opened: Client, note: WorkPaperNote) -> None:
    half = opened.cookies.pop(opened_notes.COOKIE)
    assert "March" not in body(opened.get(reverse(LIST)))
    opened.cookies[opened_notes.COOKIE] = half.value
    assert "March" in body(opened.get(reverse(LIST)))
    session = opened.session
    session[opened_notes.SESSION] = {**session[opened_notes.SESSION], "sealed": "AAAA"}
    session.save()
    assert "March" not in body(opened.get(reverse(LIST)))


def test_the_session_row_does_not_hold_the_key(opened: Client, auditor: User) -> None:
    data_key = work_papers.open_key(user=auditor, passphrase=PASSPHRASE)
    held = [json.dumps(row.get_decoded()) for row in Session.objects.all()]
    assert not any(base64.b64encode(data_key).decode() in text or data_key.hex() in text for text in held)


def test_notes_close_by_themselves_and_by_hand(
    opened: Client, note: WorkPaperNote, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened.session
    session[opened_notes.SESSION] = {**session[opened_notes.SESSION], "until": 0}
    session.save()
    assert "March" not in body(opened.get(reverse(LIST)))
    assert "March" in body(opened.post(reverse("work-paper-open"), {"passphrase": PASSPHRASE}, follow=True))
    assert "March" not in body(opened.post(reverse("work-paper-close"), follow=True))
    for name in ("work-paper-new", "work-paper-export"):
        assert "Open your notes first" in body(opened.get(reverse(name), follow=True))


def test_a_wrong_passphrase_is_refused_in_words(opened: Client, note: WorkPaperNote) -> None:
    opened.post(reverse("work-paper-close"))
    answer: Any = opened.post(reverse("work-paper-open"), {"passphrase": "wrong wrong wrong wrong"})
    assert answer.status_code == 422
    assert "does not open your notes" in body(answer)


def test_the_passphrase_is_changed_from_the_page(opened: Client, note: WorkPaperNote) -> None:
    new = "another long passphrase"
    url = reverse("work-paper-passphrase")
    refused = {"old": "wrong wrong wrong", "passphrase": new, "again": new}
    assert "does not open" in body(opened.post(url, refused))
    assert "from now on" in body(opened.post(url, {**refused, "old": PASSPHRASE}, follow=True))
    opened.post(reverse("work-paper-close"))
    assert "March" in body(opened.post(reverse("work-paper-open"), {"passphrase": new}, follow=True))


def test_notes_are_exported_and_forgotten(opened: Client, note: WorkPaperNote) -> None:
    answer: Any = opened.get(reverse("work-paper-export"))
    assert answer["Content-Disposition"].startswith("attachment")
    assert json.loads(answer.content)["notes"][0]["text"] == SECRET
    assert "1 note and your key are deleted" in body(opened.post(reverse("work-paper-forget"), follow=True))
    assert "Choose a passphrase" in body(opened.get(reverse(LIST)))


def test_nobody_else_has_work_papers(note: WorkPaperNote, browse: Browse, officer: User, administrator: User) -> None:
    for user in (officer, administrator):
        client = browse(user)
        assert client.get(reverse(LIST)).status_code == 403
        assert client.get(reverse("work-paper-note", args=[note.uuid])).status_code == 403


def test_own_notes_are_no_read_of_the_record(opened: Client, note: WorkPaperNote) -> None:
    opened.get(reverse("work-paper-note", args=[note.uuid]))
    assert not AuditorRead.objects.exists()


def test_a_freeze_holds_nothing_of_a_note(world: World, note: WorkPaperNote, officer: User, manager: User) -> None:
    freeze = freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    content = evidence.open_stored(name=freeze.storage_name).read()
    assert str(note.uuid).encode() not in content
    assert b"work_paper" not in content.lower()
