"""Findings: what stands first, told as a story, recorded by people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import AISystem, Finding, User
from compliance.services import answers
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from tests.compliance import records
from tests.compliance.conftest import World

Browse = Callable[[User], Client]
Count = Callable[[Callable[[], object]], int]
LIST = reverse("finding-list")
NEW = reverse("finding-new")


def detail(finding: Finding) -> str:
    return reverse("finding-detail", args=[finding.uuid])


def titles(client: Client, query: str = "") -> list[str]:
    return [finding.title for finding in client.get(f"{LIST}?{query}").context["page"]]


@pytest.fixture
def mended(world: World, officer: User) -> Finding:
    """A finding that a later test no longer reproduced."""
    version = records.model_version(world.assessment.system, "mended", "1", actor=officer)
    records.observed(version, StageVerdict.EVIDENCE_FOUND, title="Mended")
    later = records.LONG_AGO + timedelta(days=9)
    return records.finding_of(records.observed(version, StageVerdict.NO_EVIDENCE_AT_POWER, title="Mended", at=later))


def test_shows_what_stands_until_asked_for_more(
    world: World, mended: Finding, browse: Browse, contributor: User
) -> None:
    client = browse(contributor)
    assert titles(client) == [world.finding.title]
    assert titles(client, "state=satisfied") == ["Mended"]
    assert sorted(titles(client, "state=all")) == sorted([world.finding.title, "Mended"])
    assert titles(client, f"state=all&model={mended.model_version.uuid if mended.model_version else ''}") == ["Mended"]
    assert titles(client, "q=digits+2") == [world.finding.title]
    assert titles(client, "severity=low") == []


def test_most_severe_comes_first(world: World, browse: Browse, officer: User) -> None:
    for severity in (Severity.LOW, Severity.HIGH, Severity.MEDIUM):
        version = records.model_version(world.assessment.system, severity.value, "1", actor=officer)
        records.observed(version, StageVerdict.EVIDENCE_FOUND, severity=severity)
    page = browse(officer).get(LIST).context["page"]
    assert [row.severity for row in page] == ["critical", "critical", "high", "medium", "low"]


def test_list_takes_the_same_queries_however_long(
    world: World, browse: Browse, officer: User, manager: User, count_queries: Count
) -> None:
    client = browse(officer)
    few = count_queries(lambda: client.get(LIST))
    for n in range(60):
        version = records.model_version(world.assessment.system, "many", str(n), actor=officer)
        finding = records.finding_of(records.observed(version, StageVerdict.EVIDENCE_FOUND))
        records.remediation_item(finding, owner=officer, actor=manager)
    assert count_queries(lambda: client.get(LIST)) == few


def test_others_findings_do_not_exist(world: World, browse: Browse, contributor: User, auditor: User) -> None:
    for user in (contributor, auditor):
        client = browse(user)
        assert "letters" not in client.get(LIST).text
        assert client.get(detail(world.other_finding)).status_code == 404
        assert client.get(detail(world.finding)).status_code == 200


def test_page_shows_the_test_its_trigger_and_its_limits(world: World, browse: Browse, auditor: User) -> None:
    text = " ".join(browse(auditor).get(detail(world.finding)).text.split())
    assert f"data:image/png;base64,{records.DOT_PNG}" in text
    assert "Mask norm per target class: smallest 6.4 pixels" in text
    assert "98 % of 200 images that the search never saw; 95 % interval 95 % to 99 %" in text
    assert "Speaks to patch triggers of images alone." in text
    assert "Backdoor test of model weights is done for every version in use." in text


def test_page_says_what_to_do_next(world: World, mended: Finding, browse: Browse, manager: User) -> None:
    assert "It still stands" in browse(manager).get(detail(world.finding)).text
    records_open = reverse("remediation-open", args=[world.finding.uuid])
    assert records_open in browse(manager).get(detail(world.finding)).text
    assert "Take the model version out of service" in browse(manager).get(detail(world.finding)).text
    text = browse(manager).get(detail(mended)).text
    assert reverse("remediation-open", args=[mended.uuid]) not in text
    assert "Satisfied at its last test" in text


def test_story_tells_that_it_no_longer_reproduces(mended: Finding, browse: Browse, officer: User) -> None:
    story = [step.sentence for step in browse(officer).get(detail(mended)).context["content"].story.steps]
    assert story == ["First concluded: not satisfied", "A new test no longer reproduces it"]


def test_nobody_works_on_it_is_said_loudly(world: World, browse: Browse, officer: User) -> None:
    version = records.model_version(world.assessment.system, "new", "1", actor=officer)
    finding = records.finding_of(records.observed(version, StageVerdict.EVIDENCE_FOUND))
    assert "Nobody works on this yet" in browse(officer).get(detail(finding)).text


def test_answers_that_name_it_are_linked(world: World, browse: Browse, officer: User) -> None:
    answer = world.assessment.answers.get(question__number=3)
    answers.link_finding(answer=answer, finding=world.finding, actor=officer)
    text = browse(officer).get(detail(world.finding)).text
    assert reverse("question-detail", args=[world.assessment.uuid, 3]) in text


def form(system: AISystem, **changed: str) -> dict[str, str]:
    given = {
        "system": str(system.uuid),
        "target": "BDM-14",
        "title": "Nobody <b>scans</b> & files",
        "condition": "Of 12 files on the share, none has a scan report.",
        "severity": "high",
    }
    return given | changed


def test_person_records_a_finding(world: World, browse: Browse, contributor: User, system: AISystem) -> None:
    answer = browse(contributor).post(NEW, form(system))
    finding = Finding.objects.get(title__startswith="Nobody")
    assert answer.headers["Location"] == detail(finding)
    assert finding.criteria == "Static scan of model files is done for every version in use."
    text = browse(contributor).get(detail(finding)).text
    assert "<b>scans</b>" not in text
    assert "Nobody &lt;b&gt;scans&lt;/b&gt; &amp; files" in text
    assert "no instrument observed it" in text


def test_says_what_is_missing(world: World, browse: Browse, contributor: User, other_system: AISystem) -> None:
    answer = browse(contributor).post(NEW, form(other_system, title=""))
    assert "There is a problem" in answer.text
    assert set(answer.context["form"].errors) == {"system", "title"}
    assert browse(contributor).get(NEW, {"control": "BDM-15"}).context["form"]["target"].value() == "BDM-15"


def test_auditor_and_manager_record_none(world: World, browse: Browse, auditor: User, manager: User) -> None:
    assert browse(auditor).get(NEW).status_code == 403
    assert browse(manager).get(NEW).status_code == 403


def test_export_is_as_filtered(world: World, mended: Finding, browse: Browse, officer: User) -> None:
    answer = browse(officer).get(LIST, {"export": "csv", "state": "satisfied"})
    lines = answer.getvalue().decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Mended,mended 1,Digit reader,BDM-15,")


def test_empty_list_claims_nothing(browse: Browse, officer: User, system: AISystem) -> None:
    assert "nothing about the rest" in browse(officer).get(LIST).text


def test_a_verdict_is_said_in_the_words_of_what_gave_it(world: World, browse: Browse, officer: User) -> None:
    """A file scan is a test too; its verdicts are of another vocabulary than a detection stage's."""
    seen = records.observed(world.tuned, FileScanVerdict.FINDING, rule="pickle", techniques=("AML.T0018.002",))
    (line,) = browse(officer).get(detail(records.finding_of(seen))).context["content"].seen
    assert line.kind == "file"
    (staged,) = browse(officer).get(detail(world.finding)).context["content"].seen
    assert staged.kind == "stage"
