"""OSCAL of a real freeze: by service, command, page and API, all the same bytes, and only from what was frozen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from compliance.models import Framework, Freeze, MappingPair, ReferenceControl, User
from compliance.oscal.export import Model
from compliance.services import freezes, mappings
from compliance.services.errors import RefusedError
from compliance.services.oscal_exports import NothingToExportError
from compliance.services.oscal_exports import oscal_of as pieces_of
from compliance.types.canonical import sha256_hex
from compliance.types.states import MappingState
from tests.compliance.api.conftest import api as api_fixture
from tests.compliance.conftest import Browse, World
from tests.compliance.services.test_freezes import approve_all

pytestmark = pytest.mark.django_db
api = api_fixture


@pytest.fixture
def pair(world: World, officer: User) -> MappingPair:
    framework = Framework.objects.create(key="nist-sp-800-53-r5", title="NIST SP 800-53", facts={"edition": "Rev. 5"})
    pair = MappingPair.objects.create(
        control=ReferenceControl.objects.order_by("control_id")[0], framework=framework, requirement_id="CM-8",
        relation="intersects-with", strength="direct", rationale="Both ask for an inventory.", checked="file",
        facts={"kind": "control"},
    )  # fmt: skip
    return mappings.decide(pair=pair, state=MappingState.APPROVED, actor=officer)


@pytest.fixture
def frozen(world: World, pair: MappingPair, officer: User, manager: User) -> Freeze:
    return freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)


def oscal_of(**asked: Any) -> bytes:
    return b"".join(pieces_of(**asked))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = 0
    try:
        call_command("export_oscal", *arguments)
    except SystemExit as stop:
        code = int(str(stop.code))
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.mark.parametrize("model", Model)
def test_every_model_is_made_of_a_real_freeze(frozen: Freeze, model: Model) -> None:
    content = oscal_of(assessment=frozen.assessment, model=model)
    assert content == oscal_of(assessment=frozen.assessment, model=model)
    assert json.loads(content)[model.value]["metadata"]["version"] == f"freeze-{frozen.sha256}"


def test_the_mapping_is_told_as_it_was_decided_when_it_was_frozen(
    frozen: Freeze, pair: MappingPair, officer: User
) -> None:
    before = oscal_of(assessment=frozen.assessment, model=Model.MAPPING_COLLECTION)
    mappings.decide(pair=pair, state=MappingState.REJECTED, actor=officer)
    assert oscal_of(assessment=frozen.assessment, model=Model.MAPPING_COLLECTION) == before
    (mapping,) = json.loads(before)["mapping-collection"]["mappings"]
    told = {one["name"]: one["value"] for one in mapping["maps"][0]["props"]}
    assert told["decided-by"] == f"{officer.name}, Compliance officer"


def test_without_a_freeze_there_is_nothing_to_export(world: World) -> None:
    with pytest.raises(RefusedError, match="Freeze the assessment first"):
        oscal_of(assessment=world.assessment, model=Model.ASSESSMENT_PLAN)


def test_a_freeze_without_mappings_says_what_is_missing(world: World, officer: User, manager: User) -> None:
    freeze = freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    with pytest.raises(NothingToExportError, match="no mapping between controls"):
        oscal_of(assessment=freeze.assessment, model=Model.MAPPING_COLLECTION)


def test_a_stored_freeze_that_was_altered_is_not_exported(frozen: Freeze) -> None:
    from django.core.files.storage import storages

    path = Path(storages["evidence"].path(frozen.storage_name))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"Sorts", b"Burns").replace(b"holds", b"folds"))
    with pytest.raises(RefusedError, match="no longer matches"):
        oscal_of(assessment=frozen.assessment, model=Model.ASSESSMENT_PLAN)


def test_a_document_that_takes_long_is_left_to_the_command(frozen: Freeze) -> None:
    with pytest.raises(RefusedError, match="too large to be read while you wait"):
        oscal_of(assessment=frozen.assessment, model=Model.ASSESSMENT_PLAN, most_bytes=1_000)


# --------------------------------------------------------------------------------------------------------------- command


def test_the_command_writes_the_document_and_says_its_digest(
    frozen: Freeze, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results.json"
    code, told, _err = run(
        capsys, str(frozen.assessment.uuid), "--model", "assessment-results", "--out", str(out), "--json"
    )
    answer = json.loads(told)
    assert code == 0
    assert (answer["sha256"], answer["size"]) == (sha256_hex(out.read_bytes()), out.stat().st_size)


def test_the_command_ends_with_3_where_the_freeze_holds_nothing_of_that_model(
    world: World, officer: User, manager: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    out = tmp_path / "mapping.json"
    code, told, _err = run(capsys, world.assessment.title, "--model", "mapping-collection", "--out", str(out))
    assert (code, out.exists()) == (3, False)
    assert "no mapping between controls" in told


@pytest.mark.parametrize(
    ("assessment", "said"), [("nothing", "There is no assessment"), ("", "Freeze the assessment first")]
)
def test_the_command_ends_with_2_and_one_sentence(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], assessment: str, said: str
) -> None:
    wanted = assessment or str(world.assessment.uuid)
    code, told, complained = run(capsys, wanted, "--model", "catalog", "--out", str(tmp_path / "x.json"))
    assert (code, told) == (2, "")
    assert said in complained


# ---------------------------------------------------------------------------------------------------------- page and API


def test_the_frozen_page_leads_to_downloads_of_the_same_bytes(frozen: Freeze, browse: Browse, auditor: User) -> None:
    client = browse(auditor)
    page = client.get(f"/assessments/{frozen.assessment.uuid}/").content.decode()
    address = f"/assessments/{frozen.assessment.uuid}/oscal/"
    assert f'href="{address}"' in page
    listed = client.get(address).content.decode()
    for model in Model:
        assert f'href="{address}?model={model.value}"' in listed
        response = client.get(address, {"model": model.value})
        assert response.content == oscal_of(assessment=frozen.assessment, model=model)
        assert response["Content-Disposition"] == f'attachment; filename="{model.value}.json"'
    assert client.get(address, {"model": "profile"}).status_code == 404


def test_an_open_assessment_says_to_freeze_first(world: World, browse: Browse, officer: User) -> None:
    address = f"/assessments/{world.assessment.uuid}/oscal/"
    assert "not frozen yet" in browse(officer).get(address).content.decode()
    refused = browse(officer).get(address, {"model": "catalog"})
    assert refused.status_code == 409
    assert "Freeze the assessment first" in refused.content.decode()


def test_programs_get_the_same_bytes(frozen: Freeze, api: Callable[[User], Any], auditor: User, officer: User) -> None:
    address = f"/api/v1/assessments/{frozen.assessment.uuid}/oscal/"
    assert api(auditor).get(address).json() == {"models": [model.value for model in Model]}
    response = api(officer).get(address, {"model": "assessment-results"})
    assert response.content == oscal_of(assessment=frozen.assessment, model=Model.ASSESSMENT_RESULTS)
    wrong = api(officer).get(address, {"model": "profile"})
    assert (wrong.status_code, list(wrong.json())) == (400, ["model"])
