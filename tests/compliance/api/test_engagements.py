"""Endpoints of engagements."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.models import Engagement, User
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import World

URL = "/api/v1/engagements/"


def said(world: World, auditor: User, **changes: Any) -> dict[str, Any]:
    return {
        "title": "External audit",
        "kind": "customer",
        "systems": [str(world.assessment.system.uuid)],
        "assessments": [str(world.assessment.uuid)],
        "team": [{"user": str(auditor.uuid), "part": "lead"}],
        "period_start": "2026-01-01",
        "period_end": "2026-12-31",
        "expires_at": "2999-01-01T00:00:00Z",
        **changes,
    }


@pytest.fixture
def engagement(world: World) -> Engagement:
    return Engagement.objects.get()


def test_an_engagement_is_opened_changed_and_ended(world: World, api: Api, officer: User, auditor: User) -> None:
    client = api(officer)
    made = client.post(URL, said(world, auditor, accounts=["1111"]), format="json")
    assert made.status_code == 201
    url = f"{URL}{made.json()['uuid']}/"
    changed = client.post(f"{url}change/", said(world, auditor, title="Renamed"), format="json").json()
    assert (changed["title"], changed["accounts"]) == ("Renamed", [])
    assert api(auditor).get(url).json()["members"][0]["part"] == "lead"
    client.post(f"{url}end-access/")
    assert api(auditor).get(url).status_code == 404


def test_an_auditor_moves_the_audit_with_a_token(engagement: Engagement, api: Api, auditor: User) -> None:
    client, url = api(auditor), f"{URL}{engagement.uuid}/"
    assert client.post(f"{url}move/", {"to": "fieldwork"}, format="json").status_code == 409
    client.post(f"{url}independence/", {"statement": "I own no shares."}, format="json")
    assert client.post(f"{url}move/", {"to": "fieldwork"}, format="json").json()["state"] == "fieldwork"
    assert [one["after"] for one in client.get(f"{url}moves/").json()["results"]] == ["fieldwork"]
    assert b"fieldwork" in client.get(f"{url}moves/?export=csv").getvalue()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"period_end": "2025-01-01"}, 409),
        ({"team": []}, 409),
        ({"kind": "raid"}, 400),
        ({"expires_at": "soon"}, 400),
        ({"systems": ["00000000-0000-4000-8000-000000000000"]}, 400),
        ({"accounts": [{"a": 1}]}, 400),
    ],
)
def test_bad_input_is_refused_in_words(
    world: World, api: Api, officer: User, auditor: User, changes: dict[str, Any], code: int
) -> None:
    answer = api(officer).post(URL, said(world, auditor, **changes), format="json")
    assert answer.status_code == code
    assert Engagement.objects.count() == 1


def test_auditors_open_and_change_no_engagement(world: World, engagement: Engagement, api: Api, auditor: User) -> None:
    client = api(auditor)
    assert client.post(URL, said(world, auditor), format="json").status_code == 403
    assert client.post(f"{URL}{engagement.uuid}/change/", said(world, auditor), format="json").status_code == 403
