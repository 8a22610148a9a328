"""Models and data: what was tested beside what never was, lineage, registering."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from compliance.models import AISystem, ModelVersion, User
from compliance.types.states import ModelOrigin
from compliance.types.verdicts import StageVerdict
from tests.compliance import records
from tests.compliance.conftest import World

Browse = Callable[[User], Client]
Count = Callable[[Callable[[], object]], int]
LIST = reverse("model-list")
REGISTER = reverse("model-register")


def labels(client: Client, query: str = "") -> list[str]:
    return [str(version) for version in client.get(f"{LIST}?{query}").context["page"]]


def test_what_was_never_tested_is_as_loud_as_what_was(world: World, browse: Browse, auditor: User) -> None:
    answer = browse(auditor).get(LIST)
    figures = answer.context["figures"]
    assert (figures.versions, figures.never, figures.inherited_never, figures.with_finding) == (2, 1, 1, 1)
    states = {str(version): [cell.state.value for cell in row.cells] for version, row in answer.context["lines"]}
    assert states["digits-base 1"] == ["not_covered"] * 4
    assert states["digits 2"] == ["finding", *["not_covered"] * 3]
    assert answer.text.count("never tested") >= 7


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("origin=inherited", ["digits-base 1"]),
        ("tested=never", ["digits-base 1"]),
        ("tested=yes", ["digits 2"]),
        ("q=hub", ["digits-base 1"]),
        ("sort=-name", ["digits-base 1", "digits 2"]),
    ],
)
def test_filters_and_sorts(world: World, browse: Browse, contributor: User, query: str, expected: list[str]) -> None:
    assert labels(browse(contributor), query) == expected


def test_list_takes_the_same_queries_however_long(
    world: World, browse: Browse, officer: User, count_queries: Count
) -> None:
    client = browse(officer)
    few = count_queries(lambda: client.get(LIST))
    for n in range(60):
        version = records.model_version(world.assessment.system, "many", str(n), actor=officer, parent=world.base)
        if n % 10 == 0:
            records.observed(version, StageVerdict.NO_EVIDENCE_AT_POWER)
    assert count_queries(lambda: client.get(LIST)) == few


def test_others_models_and_data_do_not_exist(world: World, browse: Browse, contributor: User, auditor: User) -> None:
    for user in (contributor, auditor):
        client = browse(user)
        assert "letters" not in client.get(LIST).text
        for name, record in (("model-version", world.other_version), ("dataset-version", world.other_dataset)):
            assert client.get(reverse(name, args=[record.uuid])).status_code == 404
        assert client.get(reverse("model-version", args=[world.tuned.uuid])).status_code == 200
        assert client.get(reverse("dataset-version", args=[world.dataset.uuid])).status_code == 200


def test_version_shows_lineage_training_data_and_tests(world: World, browse: Browse, officer: User) -> None:
    child = records.model_version(world.assessment.system, "digits-small", "2q", actor=officer, parent=world.tuned)
    content = browse(officer).get(reverse("model-version", args=[world.tuned.uuid])).context["content"]
    assert content.ancestors == (world.base,)
    assert content.children == (child,)
    assert content.training_data == (world.dataset,)
    assert [scan.verdicts for scan in content.scans] == [((StageVerdict.EVIDENCE_FOUND.value, "stage"),)]
    assert content.findings == (world.finding,)


def test_lineage_that_turns_in_a_circle_ends(world: World, browse: Browse, officer: User) -> None:
    ModelVersion.objects.filter(pk=world.base.pk).update(parent=world.tuned)
    answer = browse(officer).get(reverse("model-version", args=[world.tuned.uuid]))
    assert answer.context["content"].ancestors == (world.base,)


def test_dataset_version_names_the_models_trained_on_it(world: World, browse: Browse, auditor: User) -> None:
    text = browse(auditor).get(reverse("dataset-version", args=[world.dataset.uuid])).text
    assert reverse("model-version", args=[world.tuned.uuid]) in text
    assert "verify_dataset" in text


def test_all_data_sets_have_a_list(world: World, browse: Browse, officer: User) -> None:
    page = browse(officer).get(LIST, {"view": "data", "sort": "-name"}).context["page"]
    assert [row.dataset.name for row in page] == ["letters-train", "digits-train"]


def form(system: AISystem, **changed: object) -> dict[str, object]:
    given: dict[str, object] = {"system": system.pk, "name": "digits", "label": "3", "origin": "own"}
    return given | {"file": SimpleUploadedFile("digits-3.onnx", b"weights of three")} | changed


def test_registers_an_uploaded_file(world: World, browse: Browse, contributor: User, system: AISystem) -> None:
    answer = browse(contributor).post(REGISTER, form(system, parent=str(world.base.uuid)))
    version = ModelVersion.objects.get(label="3")
    assert answer.headers["Location"] == reverse("model-version", args=[version.uuid])
    assert (version.parent, version.origin, version.registered_by) == (world.base, ModelOrigin.OWN, contributor)
    assert version.evidence is not None
    assert (version.evidence.state, version.evidence.filename) == ("accepted", "digits-3.onnx")


def test_registers_what_is_already_evidence(world: World, browse: Browse, contributor: User, system: AISystem) -> None:
    browse(contributor).post(REGISTER, form(system, file="", evidence=str(world.log.uuid)))
    assert ModelVersion.objects.get(label="3").evidence == world.log


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"file": ""}, "Choose a file to send"),
        ({"label": "2"}, "already has a version"),
        ({"parent": "other"}, "Select a valid choice"),
    ],
)
def test_says_what_is_wrong_with_a_registration(
    world: World, browse: Browse, contributor: User, system: AISystem, changed: dict[str, str], message: str
) -> None:
    if "parent" in changed:
        changed = {"parent": str(world.other_version.uuid)}
    answer = browse(contributor).post(REGISTER, form(system, **changed))
    assert answer.status_code == 200
    assert message in answer.text
    assert "There is a problem" in answer.text


def test_auditor_registers_nothing(world: World, browse: Browse, auditor: User, system: AISystem) -> None:
    assert browse(auditor).post(REGISTER, form(system)).status_code == 403
    assert "Register a model" not in browse(auditor).get(LIST).text


def test_export_has_a_column_for_each_subtechnique(world: World, browse: Browse, officer: User) -> None:
    answer = browse(officer).get(LIST, {"export": "csv", "q": "digits-base"})
    lines = answer.getvalue().decode("utf-8-sig").splitlines()
    assert lines[0].endswith("AML.T0018.000,AML.T0018.001,AML.T0018.002,AML.T0018.003")
    assert lines[1].startswith("digits-base,1,Digit reader,")
    assert lines[1].endswith("not_covered,not_covered,not_covered,not_covered")
    assert len(lines) == 2


def test_empty_list_offers_the_first_step(browse: Browse, officer: User, system: AISystem) -> None:
    text = browse(officer).get(LIST).text
    assert "No model registered" in text
    assert REGISTER in text


def test_without_an_ai_system_the_form_says_what_comes_first(browse: Browse, officer: User) -> None:
    assert "There is no AI system to register it for" in browse(officer).get(REGISTER).text
