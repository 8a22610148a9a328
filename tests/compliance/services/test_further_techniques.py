"""A technique is data: another one comes as a content file with its own questions, and no line of code."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from compliance.models import AISystem, Answer, Assessment, AuditQuestion, CatalogRelease, Technique, User
from compliance.selectors.question_facts import question_facts
from compliance.services import answers, assessments, catalogs, freezes
from compliance.services.errors import RefusedError
from compliance.services.evidence import open_stored
from compliance.types.errors import BadInputError
from compliance.types.states import AnswerState, AnswerValue, Role

pytestmark = pytest.mark.django_db
FILE = Path(__file__).parents[2] / "samples" / "catalog" / "technique-aml-t0020.yaml"


@pytest.fixture
def officer() -> User:
    return User.objects.create_user(email="officer@example.org", name="Olive", role=Role.OFFICER)


@pytest.fixture
def second() -> User:
    return User.objects.create_user(email="second@example.org", name="Sam", role=Role.OFFICER)


@pytest.fixture
def poisoning() -> Technique:
    catalogs.load(further=[FILE], apply=True, actor=None)
    return Technique.objects.get(atlas_id="AML.T0020")


def opened(technique: Technique, officer: User, name: str = "Digit reader") -> Assessment:
    system, _ = AISystem.objects.get_or_create(name=name, defaults={"owner": officer})
    return assessments.open_assessment(
        system=system, technique=technique, title=f"Audit of {technique.atlas_id}", scope="", actor=officer,
        period_start=date(2026, 1, 1), period_end=date(2026, 3, 31), audit_date=None,
    )  # fmt: skip


def approved(answer: Answer, officer: User, second: User) -> None:
    answer = answers.write(
        answer=answer, value=AnswerValue.NOT_APPLICABLE, statement="No model is trained.", reason="Models are bought.",
        claims={"reviewed_on": "2026-02-01"}, actor=officer, expected_version=answer.version,
    )  # fmt: skip
    answers.submit(answer=answer, actor=officer)
    answers.approve(answer=answer, actor=second)


def test_it_is_assessed_with_its_own_questions_and_frozen(poisoning: Technique, officer: User, second: User) -> None:
    assessment = opened(poisoning, officer)
    listed = assessment.answers.select_related("question", "assessment__system")
    assert [answer.question.facts["key"] for answer in listed] == ["sources-of-training-data", "screening"]
    for answer in listed:
        approved(answer, officer, second)
    assert freezes.blockers(assessment) == []
    frozen = freezes.freeze(assessment=assessment, actor=officer)
    with open_stored(name=frozen.storage_name) as stream:
        document = json.load(stream)
    assert document["technique"]["id"] == "AML.T0020"
    assert [question["number"] for question in document["questions"]] == [1, 2]
    assert "screening report" in document["questions"][1]["guidance"]
    resting = {one["id"]: one["questions"] for one in document["reference_controls"] if one["questions"]}
    assert resting == {"BDM-03": [1], "BDM-04": [1], "BDM-05": [2]}
    assert {one["id"] for one in document["catalogues"]} >= {"technique-aml-t0020", "questions"}


def test_each_technique_has_its_own_number_one(poisoning: Technique, officer: User) -> None:
    first = opened(Technique.objects.get(atlas_id="AML.T0018"), officer)
    assert first.answers.count() == 4
    texts = AuditQuestion.objects.filter(number=1).values_list("technique__atlas_id", "text")
    assert sorted(key for key, _text in texts) == ["AML.T0018", "AML.T0020"]
    assert len({text for _key, text in texts}) == 2


def test_the_content_names_what_is_computed_beside_an_answer(poisoning: Technique, officer: User) -> None:
    sources, screening = opened(poisoning, officer).answers.select_related("question", "assessment__system")
    assert "Data-set versions with a hash manifest" in [fact.label for fact in question_facts(sources).facts]
    assert question_facts(screening).facts == ()


def test_loading_the_shipped_files_again_leaves_it_as_it_is(poisoning: Technique) -> None:
    again = catalogs.load(apply=True, actor=None)
    assert again.changes == ()
    assert CatalogRelease.objects.get(key="technique-aml-t0020").is_current
    assert not AuditQuestion.objects.filter(technique=poisoning, facts__has_key="retired").exists()


def test_another_edition_takes_out_a_question_and_keeps_its_answers(
    poisoning: Technique, officer: User, tmp_path: Path
) -> None:
    before = opened(poisoning, officer)
    document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    document["questions"].pop()
    shorter = tmp_path / "mine.yaml"
    shorter.write_text(yaml.safe_dump(document), encoding="utf-8")
    call_command_exits(0, "load_catalog", "--technique", str(shorter), "--yes")
    assert before.answers.count() == 2
    assert opened(poisoning, officer).answers.count() == 1


def call_command_exits(code: int, *argv: str) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command(*argv)
    assert ended.value.code == code


def test_a_technique_without_questions_cannot_be_assessed(poisoning: Technique, officer: User) -> None:
    with pytest.raises(RefusedError, match=r"No audit questions on AML\.T0043\.004"):
        opened(Technique.objects.get(atlas_id="AML.T0043.004"), officer)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"technique": "AML.T9999"}, "technique names AML.T9999, which no content file defines"),
        ({"computed": ["moon_phase"]}, r"questions\[1\].computed is “moon_phase”, which is none of training_data"),
        ({"checks": ["moon-phase"]}, r"questions\[1\].checks is “moon-phase”"),
        ({"controls": ["BDM-99"]}, r"questions\[1\].controls names BDM-99"),
        ({"id": "t0020"}, "catalog.id is t0020; the file of a further technique has an id that begins with technique-"),
    ],
)
def test_a_file_that_does_not_hold_is_refused_with_its_place(tmp_path: Path, change: dict, told: str) -> None:
    document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    for place in (document, document["catalog"], document["questions"][0]):
        place.update({key: value for key, value in change.items() if key in place})
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(BadInputError, match=rf"^wrong\.yaml: {told}"):
        catalogs.load(further=[path], apply=True, actor=None)
    assert not AuditQuestion.objects.exists()


def test_the_page_asks_for_the_technique_once_there_are_two(poisoning: Technique, officer: User) -> None:
    client = Client()
    client.force_login(officer)
    assert b'name="technique"' in client.get(reverse("assessment-new")).content
    given = {
        "new_system": "Mail filter", "title": "Poisoning", "period_start": "2026-01-01", "period_end": "2026-02-01",
        "technique": "AML.T0020",
    }  # fmt: skip
    assert client.post(reverse("assessment-new"), given).status_code == 302
    made = Assessment.objects.get(title="Poisoning")
    assert (made.technique, made.answers.count()) == (poisoning, 2)
    assert set(made.answers.values_list("state", flat=True)) == {AnswerState.OPEN}
    page = client.get(reverse("catalogue")).content.decode()
    assert "Questions on AML.T0020 Training Data Poisoning" in page
