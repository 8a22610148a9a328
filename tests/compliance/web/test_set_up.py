"""What an officer or administrator defines once: own controls, auditors' access, data sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from compliance.models import DatasetVersion, Engagement, Evidence, ImplementedControl, User
from compliance.rights import visible
from scanning.filescan.manifest import hash_dataset
from tests.compliance.conftest import Browse, World

pytestmark = pytest.mark.django_db


def adopt(world: World, officer: User, statement: str = "We test each release.") -> dict[str, str]:
    return {
        "system": str(world.log.system_id),
        "control_id": "ML-1",
        "title": "Backdoor test",
        "references": "BDM-15",
        "basis": "adapted",
        "statement": statement,
        "owner": str(officer.pk),
        "performer": "ML engineering",
        "frequency": "per release",
        "nature": "automated",
        "control_type": "detective",
        "effective_from": "2026-01-01",
    }


def test_a_control_is_adopted_once_under_an_id(world: World, browse: Browse, officer: User) -> None:
    url = "/catalogue/controls/BDM-15/adopt/"
    assert browse(officer).post(url, adopt(world, officer)).status_code == 302
    again = browse(officer).post(url, adopt(world, officer, "We test each week."))
    assert "has a control ML-1 already" in again.content.decode()
    assert ImplementedControl.objects.get().statement == "We test each release."
    assert "We test each release." in browse(officer).get("/catalogue/controls/BDM-15/").content.decode()


def test_a_control_without_a_statement_is_not_adopted(world: World, browse: Browse, officer: User) -> None:
    response = browse(officer).post("/catalogue/controls/BDM-15/adopt/", adopt(world, officer, " "))
    assert "error-summary" in response.content.decode()
    assert not ImplementedControl.objects.exists()


def test_an_invited_auditor_sees_the_chosen_assessment_from_then_on(
    world: World, browse: Browse, administrator: User, auditor: User
) -> None:
    given = {
        "title": "Second audit",
        "kind": "customer",
        "team-TOTAL_FORMS": "1",
        "team-INITIAL_FORMS": "0",
        "team-0-user": str(auditor.pk),
        "team-0-part": "lead",
        "systems": [str(world.other_assessment.system.uuid)],
        "assessments": [str(world.other_assessment.uuid)],
        "period_start": "2026-01-01",
        "period_end": "2026-12-31",
        "expires_on": "2999-01-01",
    }
    url = f"/assessments/{world.other_assessment.uuid}/"
    assert browse(auditor).get(url).status_code == 404
    browse(administrator).post("/engagements/new/", given)
    assert Engagement.objects.filter(title="Second audit").exists()
    assert browse(auditor).get(url).status_code == 200


def test_access_ends_with_the_engagement(world: World, auditor: User) -> None:
    Engagement.objects.update(expires_at="2020-01-01T00:00:00Z")
    assert not visible(Evidence.objects.all(), auditor).exists()


def manifest(folder: Path) -> bytes:
    (folder / "one.txt").write_text("one")
    return json.dumps(hash_dataset(folder).to_json()).encode()


def test_a_data_set_is_registered_by_its_manifest(
    world: World, browse: Browse, contributor: User, tmp_path: Path
) -> None:
    given = {
        "system": str(world.log.system_id),
        "name": "Forms",
        "label": "1",
        "manifest": SimpleUploadedFile("forms.json", manifest(tmp_path)),
        "trained": [str(world.base.uuid)],
    }
    response = browse(contributor).post("/data/new/", given)
    version = DatasetVersion.objects.get(dataset__name="Forms")
    assert response.headers["Location"] == f"/data/{version.uuid}/"
    assert (version.file_count, list(version.trained.all())) == (1, [world.base])
    assert version.evidence is not None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "assay-dataset-manifest/1"}', b"\xff\xfe"])
def test_what_is_no_manifest_is_refused_by_name(
    world: World, browse: Browse, contributor: User, content: bytes
) -> None:
    upload = SimpleUploadedFile("bad.json", content)
    given = {"system": str(world.log.system_id), "name": "Forms", "label": "1", "manifest": upload}
    html = browse(contributor).post("/data/new/", given).content.decode()
    assert "error-summary" in html
    assert not DatasetVersion.objects.filter(dataset__name="Forms").exists()


def test_an_altered_manifest_contradicts_itself(
    world: World, browse: Browse, contributor: User, tmp_path: Path
) -> None:
    altered = manifest(tmp_path).replace(b'"files": 1', b'"files": 2')
    upload = SimpleUploadedFile("bad.json", altered)
    given = {"system": str(world.log.system_id), "name": "Forms", "label": "1", "manifest": upload}
    assert "bad.json was not taken" in browse(contributor).post("/data/new/", given).content.decode()
