"""Releases of packs over the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.models import EvidencePack, User
from tests.compliance.api.conftest import Api
from tests.compliance.services.test_pack_releases import frozen, pack  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db


def test_the_api_releases_and_answers_with_the_decision(
    pack: EvidencePack,  # noqa: F811 - the fixture
    officer: User,
    manager: User,
    api: Api,
) -> None:
    place = f"/api/v1/packs/{pack.uuid}"
    assert api(officer).get(f"{place}/").json()["release"] is None
    assert api(officer).get(f"{place}/download/").status_code == 409
    assert api(officer).get(f"{place}/receipt/").status_code == 409
    assert api(officer).post(f"{place}/release/", {"outcome": "released"}, format="json").status_code == 409
    answer = api(manager).post(f"{place}/release/", {"outcome": "released"}, format="json")
    assert (answer.status_code, answer.json()["outcome"]) == (201, "released")
    assert api(officer).get(f"{place}/").json()["release"]["decided_by"]["name"] == manager.name
    marks: Any = api(manager).get(f"{place}/marks/")
    assert json.loads(marks.getvalue())["pack_id"] == str(pack.uuid)
