"""What changed between two freezes, from page, API and command, read from the stored documents."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.urls import reverse

from compliance.models import Answer, Assessment, Freeze, User
from compliance.selectors.comparison_page import candidates, previous
from compliance.services import answers, assessments, evidence, freeze_documents, freezes
from compliance.services.errors import RefusedError
from compliance.types.states import AnswerValue
from tests.compliance import records
from tests.compliance.api.conftest import Api, api  # noqa: F401  # the fixture
from tests.compliance.conftest import Browse, World
from tests.compliance.suppliers_on_record import reviewed

Frozen = tuple[Assessment, Assessment]


def approve(assessment: Assessment, world: World, officer: User, manager: User, statement: str) -> None:
    rows = Answer.objects.filter(assessment=assessment).select_related("assessment__system", "question")
    for answer in rows:
        written = answers.write(
            answer=answer, value=AnswerValue.YES, statement=statement, reason="", claims={}, actor=officer,
            expected_version=None,
        )  # fmt: skip
        evidence.link(evidence=world.log, target=written, actor=officer)
        sent = answers.submit(answer=written, actor=officer)
        answers.approve(answer=sent, actor=manager, justification="It is being mended.")


def frozen(assessment: Assessment, officer: User) -> Assessment:
    fresh = Assessment.objects.select_related("system", "technique").get(pk=assessment.pk)
    freezes.freeze(assessment=fresh, actor=officer)
    return Assessment.objects.select_related("system", "technique", "freeze").get(pk=assessment.pk)


def another(world: World, officer: User) -> Assessment:
    return assessments.open_assessment(
        system=world.assessment.system, technique=world.technique, title="The next one", scope="All accounts.",
        period_start=date(2026, 1, 1), period_end=date(2026, 12, 31), audit_date=None, actor=officer,
    )  # fmt: skip


@pytest.fixture
def two(world: World, officer: User, manager: User) -> Frozen:
    """The same state twice, and then: another statement, a new piece of evidence, more events, a third party."""
    approve(world.assessment, world, officer, manager, "It holds.")
    first = frozen(world.assessment, officer)
    second = another(world, officer)
    approve(second, world, officer, manager, "It holds in part.")
    records.evidence(world.assessment.system, b"new", actor=officer, title="A newer list")
    records.log_events(world.assessment.system, world.log, 4, tag="later")
    reviewed(world.assessment.system, officer)
    return first, frozen(second, officer)


def changes(comparison: Any) -> set[tuple[str, str]]:
    return {(section.name, record.change.value) for section in comparison.sections for record in section.records}


def test_real_freezes_of_the_same_state_differ_in_the_assessment_alone(
    world: World, officer: User, manager: User
) -> None:
    second = another(world, officer)
    for assessment in (world.assessment, second):
        approve(assessment, world, officer, manager, "It holds.")
    found = freeze_documents.compared(before=frozen(world.assessment, officer), after=frozen(second, officer))
    differing = {section.name for section in found.sections if section.differs}
    # The second of two answers may fall into another second; an audit is of the assessments that it names.
    assert differing <= {"assessment", "questions", "engagements"}
    paths = {field.path for section in found.sections for record in section.records for field in record.fields}
    assert {path.split(".")[-1].split("[")[0] for path in paths} <= {
        "uuid", "title", "scope", "people", "history", "at", "submitted_at", "approved_at",
    }  # fmt: skip


def test_what_changed_is_found_in_each_part(two: Frozen) -> None:
    found = freeze_documents.compared(before=two[0], after=two[1])
    assert {("evidence", "added"), ("questions", "changed"), ("job_log", "changed"), ("suppliers", "added")} <= changes(
        found
    )
    (log,) = (section for section in found.sections if section.name == "job_log")
    recorded = {field.path: (field.before, field.after) for field in log.records[0].fields}["recorded"]
    assert recorded == ("3", "7")


def test_the_page_names_every_part_that_differs_and_those_that_do_not(
    two: Frozen, browse: Browse, officer: User
) -> None:
    page = browse(officer).get(reverse("assessment-compare", args=[two[1].uuid])).content.decode()
    for words in (
        "These parts differ:",
        "Answers",
        "It holds in part.",
        "A newer list",
        "Model hub",
        "The same in both:",
    ):
        assert words in page
    assert two[0].freeze.sha256[:8] in page.replace(" ", "")


def test_the_earlier_freeze_comes_first_from_whichever_side_one_asks(
    two: Frozen, browse: Browse, officer: User
) -> None:
    client = browse(officer)
    url = reverse("assessment-compare", args=[two[0].uuid])
    answer: Any = client.get(f"{url}?against={two[1].uuid}&export=csv")
    rows = list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert ["Evidence", "added", "A newer list, record.json", "", "", ""] in rows
    statements = {(row[4], row[5]) for row in rows if row[3] == "answer, statement"}
    assert statements == {("It holds.", "It holds in part.")}
    assert client.get(f"{url}?against={two[1].uuid}&export=xlsx").status_code == 200


def test_without_a_second_freeze_the_page_says_what_to_do(world: World, browse: Browse, officer: User) -> None:
    page = browse(officer).get(reverse("assessment-compare", args=[world.assessment.uuid])).content.decode()
    assert "Approve the answers and freeze this one first." in page


def test_the_only_freeze_of_a_system_says_so_and_nothing_leads_there(
    world: World, browse: Browse, officer: User, manager: User
) -> None:
    approve(world.assessment, world, officer, manager, "It holds.")
    alone = frozen(world.assessment, officer)
    address = reverse("assessment-compare", args=[alone.uuid])
    assert "This is the only frozen assessment of its AI system." in browse(officer).get(address).content.decode()
    assert address not in browse(officer).get(reverse("assessment-detail", args=[alone.uuid])).content.decode()


def test_a_freeze_of_another_system_or_of_nobody_is_no_choice(
    two: Frozen, world: World, browse: Browse, auditor: User, officer: User
) -> None:
    url = reverse("assessment-compare", args=[two[0].uuid])
    assert browse(officer).get(f"{url}?against={world.other_assessment.uuid}").status_code == 404
    assert browse(officer).get(f"{url}?against=nothing").status_code == 404
    assert not candidates(two[0], auditor).exists()  # invited to the first one alone
    assert browse(auditor).get(f"{url}?against={two[1].uuid}").status_code in {200, 404}
    assert "It holds in part." not in browse(auditor).get(url).content.decode()


def test_the_freeze_before_is_compared_with_by_itself(two: Frozen, officer: User) -> None:
    assert previous(two[1], candidates(two[1], officer)) == two[0]
    assert previous(two[0], candidates(two[0], officer)) is None


def test_a_stored_document_that_was_altered_is_not_compared(two: Frozen, browse: Browse, officer: User) -> None:
    path = Path(default_storage.path(two[0].freeze.storage_name))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"It holds.", b"It fails."))
    with pytest.raises(RefusedError, match="no longer matches its SHA-256"):
        freeze_documents.compared(before=two[0], after=two[1])
    answer = browse(officer).get(reverse("assessment-compare", args=[two[1].uuid]))
    assert answer.status_code == 409
    assert "no longer matches" in answer.content.decode()


def test_a_document_too_large_to_wait_for_is_left_to_the_command(two: Frozen) -> None:
    freeze = Freeze.objects.get(assessment=two[0])
    with pytest.raises(RefusedError, match="use the command"):
        freeze_documents.read(freeze=freeze, most_bytes=100)
    assert freeze_documents.read(freeze=freeze)["assessment"]["uuid"] == str(two[0].uuid)


def test_what_is_not_frozen_or_the_same_is_refused(two: Frozen, world: World) -> None:
    with pytest.raises(RefusedError, match="not frozen"):
        freeze_documents.compared(before=two[0], after=world.other_assessment)
    with pytest.raises(RefusedError, match="two different"):
        freeze_documents.compared(before=two[0], after=two[0])


def test_the_endpoint_gives_the_comparison(two: Frozen, world: World, api: Api, officer: User) -> None:  # noqa: F811
    url = f"/api/v1/assessments/{two[1].uuid}/compare/"
    found = api(officer).get(f"{url}?against={two[0].uuid}").json()
    assert (found["differs"], found["unknown"]) == (True, [])
    assert found["before"]["assessment"] == str(two[0].uuid)
    assert api(officer).get(url).json() == {"against": [str(two[0].uuid)]}
    for wrong in (f"?against={world.other_assessment.uuid}", "?against=x"):
        assert api(officer).get(f"{url}{wrong}").status_code == 400


def test_the_command_answers_by_its_exit_code(two: Frozen, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("compare_freezes", str(two[0].uuid), str(two[1].uuid), "--json")
    assert ended.value.code == 1
    told = json.loads(capsys.readouterr().out)
    assert told["differs"]
    assert {section["name"] for section in told["sections"]} >= {"questions", "suppliers", "mappings"}
