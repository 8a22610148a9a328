"""The OpenAPI document is valid, complete, and shown by a page that loads nothing from elsewhere."""

from __future__ import annotations

import io
import re

import pytest
from django.core.management import call_command
from django.test import Client

from compliance.models import User
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import Browse


def test_the_document_validates_without_a_warning() -> None:
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    assert "/api/v1/imports/" in out.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("place", ["docs", "schema"])
def test_strangers_do_not_see_it(place: str) -> None:
    assert Client().get(f"/api/v1/{place}/").status_code == 401


def test_a_token_may_read_it(api: Api, contributor: User) -> None:
    assert api(contributor).get("/api/v1/schema/").status_code == 200


def test_the_page_holds_nothing_inline_and_nothing_foreign(browse: Browse, contributor: User) -> None:
    body = browse(contributor).get("/api/v1/docs/").content.decode()
    assert "<style" not in body
    assert re.findall(r"<script(?![^>]*src=)", body) == []
    sources = re.findall(r'(?:src|href)="([^"]+)"', body)
    assert sources
    assert [source for source in sources if not source.startswith("/")] == []


@pytest.mark.django_db
def test_errors_without_rights_are_one_sentence(api: Api, auditor: User) -> None:
    response = api(auditor).post("/api/v1/systems/", {"name": "Mine"})
    assert response.status_code == 403
    assert set(response.json()) == {"detail"}
    assert Client().get("/api/v1/systems/").json().keys() == {"detail"}
