"""The API beside remediation items: moving with what was seen, comments, filters, edits of many, figures, summaries."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from compliance.models import BulkEdit, Job, RemediationComment, RemediationItem, User
from compliance.services import bulk_edits
from compliance.types.states import RemediationState
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db
ROOT = "/api/v1"


def post(client: APIClient, path: str, given: dict[str, Any]) -> Any:
    return client.post(f"{ROOT}/{path}/", given, format="json")


def test_a_move_from_what_is_no_longer_so_is_answered_with_both(world: World, api: Api, manager: User) -> None:
    path = f"remediation-items/{world.item.uuid}/move"
    assert post(api(manager), path, {"state": "done", "seen": "open"}).status_code == 200
    answer = post(api(manager), path, {"state": "blocked", "seen": "open"})
    assert answer.status_code == 409
    assert (answer.json()["saved"], answer.json()["sent"]) == ({"state": "done"}, {"state": "blocked"})
    assert answer.json()["saved_by"] == "Mira Manager"
    assert post(api(manager), path, {"state": "blocked"}).status_code == 200


def test_a_comment_is_written_about_what_its_writer_sees(world: World, api: Api, contributor: User) -> None:
    given = {"item": str(world.item.uuid), "text": "Begun."}
    assert post(api(contributor), "remediation-comments", given).status_code == 201
    given["item"] = str(world.other_item.uuid)
    assert post(api(contributor), "remediation-comments", given).status_code == 400
    assert RemediationComment.objects.count() == 1
    answer: Any = api(contributor).get(f"{ROOT}/remediation-comments/", {"item__uuid": str(world.item.uuid)})
    assert [row["text"] for row in answer.json()["results"]] == ["Begun."]


def test_filters_are_kept_listed_and_deleted_by_their_owner(
    world: World, api: Api, manager: User, officer: User
) -> None:
    made = post(api(manager), "saved-filters", {"name": "Late", "query": "overdue=on", "is_shared": True})
    assert made.status_code == 201
    path = f"{ROOT}/saved-filters/{made.json()['uuid']}/"
    assert api(officer).get(path).status_code == 200
    assert api(officer).delete(path).status_code == 409
    assert api(manager).delete(path).status_code == 204


def test_an_edit_of_many_is_drafted_looked_at_and_confirmed(world: World, api: Api, manager: User) -> None:
    client = api(manager)
    items = [str(world.item.uuid), str(world.other_item.uuid)]
    made = post(client, "bulk-edits", {"items": items, "owner": str(manager.uuid), "state": "in_progress"})
    assert (made.status_code, made.json()["changed"], made.json()["job"]) == (201, 2, None)
    path = f"bulk-edits/{made.json()['uuid']}"
    lines: Any = client.get(f"{ROOT}/{path}/lines/")
    assert {line["outcome"] for line in lines.json()} == {"Would change"}
    assert post(client, f"{path}/confirm", {}).status_code == 202
    job = BulkEdit.objects.get().job
    assert job is not None
    bulk_edits.apply_for_job(job_id=job.pk)
    assert set(RemediationItem.objects.values_list("owner", "state")) == {(manager.pk, RemediationState.IN_PROGRESS)}


@pytest.mark.parametrize(
    "given", [{"items": []}, {"items": ["x"], "state": "done"}, {"items": None}, {"state": "done"}]
)
def test_an_edit_without_items_is_refused(world: World, api: Api, manager: User, given: dict[str, Any]) -> None:
    assert post(api(manager), "bulk-edits", given).status_code == 400


def test_figures_are_those_of_the_dashboard_and_narrow_to_a_visible_system(
    world: World, api: Api, manager: User, contributor: User
) -> None:
    cache.clear()
    answer: Any = api(manager).get(f"{ROOT}/remediation-figures/", {"days": 30})
    keys = [figure["key"] for figure in answer.json()]
    assert keys[:4] == ["open-findings", "reappearance", "open-items", "burn-down"]
    assert sum(cell["value"] for row in answer.json()[0]["rows"] for cell in row["cells"]) == 2
    one: Any = api(manager).get(f"{ROOT}/remediation-figures/", {"system": str(world.finding.system.uuid)})
    assert sum(cell["value"] for row in one.json()[0]["rows"] for cell in row["cells"]) == 1
    assert api(manager).get(f"{ROOT}/remediation-figures/", {"days": 7}).status_code == 400
    assert api(contributor).get(f"{ROOT}/remediation-figures/").status_code == 403


def test_a_summary_is_asked_for_by_month(world: World, api: Api, manager: User) -> None:
    answer = post(api(manager), "remediation-summaries", {"month": "2026-01"})
    assert answer.status_code == 202
    assert Job.objects.get(uuid=answer.json()["uuid"]).asked == {"month": "2026-01", "with_costs": False}
    for month in ("2999-01", "soon"):
        refused = post(api(manager), "remediation-summaries", {"month": month})
        assert refused.status_code in (400, 409)
        assert "month" in json.dumps(refused.json()) or "not over" in json.dumps(refused.json())


def test_a_manager_attaches_evidence_and_files_to_items(
    world: World, api: Api, manager: User, contributor: User, auditor: User
) -> None:
    path = f"remediation-items/{world.item.uuid}"
    answer = post(api(manager), f"{path}/attach", {"evidence": str(world.log.uuid), "note": "The log."})
    assert (answer.status_code, answer.json()["uuid"]) == (200, str(world.log.uuid))
    file = SimpleUploadedFile("minutes.txt", b"Decided on Monday.", content_type="text/plain")
    made: Any = api(manager).post(f"{ROOT}/{path}/upload/", {"file": file, "note": "Minutes"}, format="multipart")
    assert (made.status_code, made.json()["filename"]) == (201, "minutes.txt")
    assert world.item.evidence_links.get(note="Minutes").evidence.state == "accepted"
    assert world.item.evidence_links.filter(linked_by=manager).count() == 2
    assert post(api(manager), f"{path}/attach", {"evidence": str(uuid4())}).status_code == 400
    foreign = post(api(contributor), f"{path}/attach", {"evidence": str(world.other_log.uuid)})
    assert foreign.status_code == 400
    assert post(api(manager), f"{path}/attach", {"evidence": str(world.other_log.uuid)}).status_code == 409
    assert post(api(auditor), f"{path}/attach", {"evidence": str(world.log.uuid)}).status_code == 403
    assert api(manager).post(f"{ROOT}/{path}/upload/", {"note": "x"}, format="multipart").status_code == 400
    kept = {"system": str(world.item.system.uuid), "file": file}
    assert api(manager).post(f"{ROOT}/evidence/", kept, format="multipart").status_code == 403
