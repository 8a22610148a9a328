"""Mappings of logs over the API and by command."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from compliance.models import User
from compliance.services import people
from compliance.types.states import Role
from scanning.ingest.log_mapping import mapping_from_json
from scanning.models import ColumnMapping, Import
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import Browse, World
from tests.scanning.web.test_mappings import (
    DEFINITION,
    GATEWAY,
    LIST,
    made,
    ran,
)

# Over the API and by command -----------------------------------------------------------------------------------------


def test_a_mapping_is_made_and_used_over_the_api(world: World, api: Api, contributor: User) -> None:
    client = api(contributor)
    sent = {"name": "Gateway", "definition": DEFINITION}
    response = client.post("/api/v1/column-mappings/", sent, format="json")
    assert response.status_code == 201, response.content
    assert (response.json()["version"], response.json()["sha256"]) == (1, mapping_from_json(DEFINITION).sha256)
    log = SimpleUploadedFile(GATEWAY.name, GATEWAY.read_bytes())
    upload = {"system": str(world.assessment.system.uuid), "file": log, "mapping": "Gateway"}
    receipt = client.post("/api/v1/imports/", upload, format="multipart")
    assert receipt.status_code == 202
    document = ran(Import.objects.get())
    assert document.recorded == 4
    shown = client.get(f"/api/v1/imports/{document.uuid}/").json()
    assert shown["mapping"] == response.json()["uuid"]
    assert [row["name"] for row in client.get("/api/v1/column-mappings/").json()["results"]] == ["Gateway"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"name": "Gateway", "definition": {**DEFINITION, "zone": "Mars"}}, "is no time zone"),
        ({"name": "Gateway", "definition": []}, "is not a JSON object"),
        ({"definition": DEFINITION}, "This field is required"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused_in_words(
    world: World, api: Api, contributor: User, sent: dict[str, Any], said: str
) -> None:
    response = api(contributor).post("/api/v1/column-mappings/", sent, format="json")
    assert response.status_code == 400
    assert said in response.content.decode()
    assert not ColumnMapping.objects.exists()


def test_a_machine_names_a_mapping_and_makes_none(
    world: World, api: Api, collector: User, officer: User, contributor: User
) -> None:
    people.grant_membership(system=world.assessment.system, role=Role.COLLECTOR, actor=None, user=collector)
    made(contributor)
    client = api(collector)
    assert client.post("/api/v1/column-mappings/", {"name": "x"}, format="json").status_code == 403
    assert client.get("/api/v1/column-mappings/").status_code == 403
    log = SimpleUploadedFile(GATEWAY.name, GATEWAY.read_bytes())
    sent = {"system": str(world.assessment.system.uuid), "file": log, "mapping": "Gateway"}
    assert client.post("/api/v1/imports/", sent, format="multipart").status_code == 202
    log.seek(0)
    refused = client.post("/api/v1/imports/", sent | {"file": log, "mapping": "Other"}, format="multipart")
    assert refused.status_code == 400
    assert "no column mapping named" in refused.content.decode()


def test_a_client_without_rights_makes_no_mapping(world: World, browse: Browse, auditor: User) -> None:
    client: Client = browse(auditor)
    assert client.get(LIST).status_code == 403
