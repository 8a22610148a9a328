"""Endpoints of auditors' requests: asking, changing, replying, and the list as a file."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from compliance.models import AuditRequest, Engagement, User
from compliance.services import audit_requests
from compliance.services.audit_requests import RequestDraft
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import World

URL = "/api/v1/audit-requests/"


@pytest.fixture
def engagement(world: World) -> Engagement:
    return Engagement.objects.get()


@pytest.fixture
def asked(engagement: Engagement, auditor: User, contributor: User) -> AuditRequest:
    request = audit_requests.ask(engagement=engagement, draft=RequestDraft(title="Who may submit"), actor=auditor)
    AuditRequest.objects.update(owner=contributor, due_on=date(2026, 1, 1))
    return request


def test_programs_ask_change_and_reply(
    world: World,
    engagement: Engagement,
    api: Api,
    auditor: User,
    officer: User,
    contributor: User,
) -> None:
    made = api(auditor).post(URL, {"engagement": str(engagement.uuid), "title": "Minutes"}, format="json")
    assert made.status_code == 201
    url = f"{URL}{made.json()['uuid']}/"
    words = {"title": "Minutes", "owner": str(contributor.uuid), "due_on": "2026-12-24"}
    assert api(officer).post(f"{url}change/", words, format="json").json()["owner"]["name"] == contributor.name
    kept = api(auditor).post(f"{url}change/", {"title": "Minutes of June"}, format="json").json()
    assert kept["owner"]["name"] == contributor.name
    reply = {"text": "Here.", "to": "answered", "evidence": [str(world.log.uuid)]}
    assert api(contributor).post(f"{url}reply/", reply, format="json").json()["state"] == "answered"
    thread = api(auditor).get(f"{url}replies/").json()["results"]
    assert [(one["after"], one["evidence"]) for one in thread] == [("answered", [str(world.log.uuid)])]
    assert api(auditor).post(f"{url}reply/", {"to": "denied"}, format="json").status_code == 409


def test_foreign_rooms_and_records_are_unknown(
    world: World,
    asked: AuditRequest,
    api: Api,
    auditor: User,
    contributor: User,
    officer: User,
) -> None:
    foreign = str(world.other_assessment.uuid)
    assert api(auditor).post(URL, {"engagement": foreign, "title": "A"}, format="json").status_code == 400
    reply = {"text": "x", "evidence": [str(world.other_log.uuid)]}
    assert api(contributor).post(f"{URL}{asked.uuid}/reply/", reply, format="json").status_code == 400
    assert api(contributor).post(f"{URL}{asked.uuid}/change/", {"title": "A"}, format="json").status_code == 403


def test_the_file_is_in_the_api(engagement: Engagement, asked: AuditRequest, api: Api, officer: User) -> None:
    url = f"/api/v1/request-lists/{engagement.uuid}/"
    answer: Any = api(officer).get(url)
    file = SimpleUploadedFile("requests.xlsx", b"".join(answer.streaming_content))
    done = api(officer).post(f"{url}take/", {"file": file}, format="multipart").json()
    assert done == {"asked": 0, "changed": 0, "unchanged": 1}
