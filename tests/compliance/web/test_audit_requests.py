"""Pages of auditors' requests: the thread between both sides, lists, the file, and what a long list costs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from compliance.models import AuditRequest, Engagement, User
from compliance.services import audit_requests
from compliance.services.audit_requests import RequestDraft
from tests.compliance import records
from tests.compliance.conftest import Browse, World


@pytest.fixture
def engagement(world: World) -> Engagement:
    return Engagement.objects.get()


@pytest.fixture
def asked(engagement: Engagement, auditor: User, contributor: User) -> AuditRequest:
    request = audit_requests.ask(engagement=engagement, draft=RequestDraft(title="Who may submit"), actor=auditor)
    AuditRequest.objects.update(owner=contributor, due_on=date(2026, 1, 1))
    return request


def body(answer: Any) -> str:
    return str(answer.content.decode())


def place(name: str, record: Any) -> str:
    return reverse(name, args=[record.uuid])


def test_an_auditor_asks_and_the_owner_answers_with_evidence(
    world: World, engagement: Engagement, browse: Browse, auditor: User, officer: User
) -> None:
    given = {"title": "Minutes of the board", "text": "Those of June."}
    page = body(browse(auditor).post(place("engagement-ask", engagement), given, follow=True))
    assert "1. Minutes of the board" in page
    piece = records.evidence(world.assessment.system, b"minutes", actor=officer, filename="minutes.txt")
    request = AuditRequest.objects.get()
    reply = {"text": "Attached.", "to": "answered", "evidence": [str(piece.uuid)]}
    page = body(browse(officer).post(place("request-reply", request), reply, follow=True))
    assert "Open → Answered" in page
    assert piece.title in body(browse(auditor).get(place("request-detail", request)))
    assert browse(auditor).get(place("evidence-detail", piece)).status_code == 200


@pytest.mark.parametrize("named", [str(UUID(int=7)), "xyz", "%"])
def test_evidence_that_is_not_found_is_refused_with_what_was_typed(
    asked: AuditRequest, browse: Browse, officer: User, named: str
) -> None:
    reply = {"text": "A long explanation.", "evidence": named}
    answer: Any = browse(officer).post(place("request-reply", asked), reply)
    assert answer.status_code == 422
    assert "Evidence to hand over" in body(answer)
    assert "A long explanation." in body(answer)


def test_foreign_evidence_is_as_unknown_as_none(
    world: World, asked: AuditRequest, browse: Browse, contributor: User
) -> None:
    answer = browse(contributor).post(
        place("request-reply", asked), {"text": "x", "evidence": str(world.other_log.uuid)}
    )
    assert answer.status_code == 422
    assert not asked.replies.exists()


def test_a_move_that_is_not_ones_own_is_no_choice(asked: AuditRequest, browse: Browse, officer: User) -> None:
    answer = browse(officer).post(place("request-reply", asked), {"text": "x", "to": "accepted"})
    assert answer.status_code == 422
    asked.refresh_from_db()
    assert asked.state == "open"


def test_an_auditor_is_not_asked_for_an_owner_and_changes_none(
    asked: AuditRequest, browse: Browse, auditor: User, contributor: User
) -> None:
    client = browse(auditor)
    assert 'name="owner"' not in body(client.get(place("request-change", asked)))
    client.post(place("request-change", asked), {"title": "Renamed", "owner": "", "due_on": "2026-01-01"})
    asked.refresh_from_db()
    assert (asked.title, asked.owner) == ("Renamed", contributor)


def test_the_owner_finds_it_under_mine_and_sees_no_room(asked: AuditRequest, browse: Browse, contributor: User) -> None:
    client = browse(contributor)
    assert "Who may submit" in body(client.get(reverse("request-list"), {"mine": "on", "overdue": "on"}))
    assert "Who may submit" in body(client.get(place("request-detail", asked)))
    assert client.get(place("engagement-requests", asked.engagement)).status_code == 403
    assert client.get(place("request-change", asked)).status_code == 403


def test_lists_are_filtered_and_exported(
    engagement: Engagement, asked: AuditRequest, browse: Browse, officer: User
) -> None:
    audit_requests.ask(engagement=engagement, draft=RequestDraft(title="Second thing"), actor=officer)
    client, url = browse(officer), place("engagement-requests", engagement)
    for query, shown in (({"q": "second"}, "Second"), ({"q": "1"}, "Who may"), ({"overdue": "on"}, "Who may")):
        page = body(client.get(url, query))
        assert shown in page
        assert ("Second thing" in page) != ("Who may submit" in page)
    assert "Nothing matches" in body(client.get(url, {"state": "denied"}))
    answer: Any = client.get(url, {"export": "csv", "sort": "-number"})
    rows = answer.getvalue().decode().splitlines()
    assert ["Second thing" in rows[1], "Who may submit" in rows[2]] == [True, True]


def test_the_list_goes_out_and_comes_in(
    engagement: Engagement, asked: AuditRequest, browse: Browse, officer: User
) -> None:
    client = browse(officer)
    answer: Any = client.get(place("engagement-list-file", engagement))
    file = SimpleUploadedFile("requests.xlsx", answer.getvalue())
    page = body(client.post(place("engagement-list-import", engagement), {"file": file}, follow=True))
    assert "0 asked anew, 0 changed, 1 as they were." in page
    broken = SimpleUploadedFile("requests.xlsx", b"number,title")
    page = body(client.post(place("engagement-list-import", engagement), {"file": broken}, follow=True))
    assert "This is no XLSX file" in page
    assert "Choose the edited list" in body(client.post(place("engagement-list-import", engagement), follow=True))


def test_a_long_list_costs_no_more_queries(
    engagement: Engagement, asked: AuditRequest, browse: Browse, officer: User,
    count_queries: Callable[[Callable[[], object]], int],
) -> None:  # fmt: skip
    client = browse(officer)
    urls = [place("engagement-requests", engagement), reverse("request-list")]
    few = [count_queries(lambda url=url: client.get(url)) for url in urls]  # type: ignore[misc]  # bound at once
    rows = [AuditRequest(engagement=engagement, number=n, title=f"R {n}", asked_by=officer) for n in range(2, 10_002)]
    AuditRequest.objects.bulk_create(rows, batch_size=500)
    many = [count_queries(lambda url=url: client.get(url)) for url in urls]  # type: ignore[misc]  # bound at once
    assert many == few
    assert max(many) <= 20
    assert "R 9000" not in body(client.get(urls[0]))
