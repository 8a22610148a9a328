"""One answer between several people: both versions of a conflict, who does what, what an approval rests on."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import pytest

from compliance.models import Answer, User
from compliance.services import answer_work, answers, evidence, people
from compliance.types.states import AnswerState
from tests.compliance import records
from tests.compliance.conftest import Browse, World

pytestmark = pytest.mark.django_db


def address(world: World, number: int = 4, act: str = "") -> str:
    return f"/assessments/{world.assessment.uuid}/questions/{number}/{act}"


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def the_answer(world: World, number: int = 4) -> Answer:
    return world.assessment.answers.select_related("assessment__system", "question").get(question__number=number)


def written(world: World, actor: User, *, number: int = 4, **claims: str) -> Answer:
    return answers.write(
        answer=the_answer(world, number), value="yes", statement="We log all of it.", reason="", claims=claims,
        actor=actor, expected_version=None,
    )  # fmt: skip


def in_review(world: World, actor: User, *, number: int = 4, **claims: str) -> Answer:
    answer = written(world, actor, number=number, **claims)
    evidence.link(evidence=world.log, target=answer, actor=actor)
    return answers.submit(answer=answer, actor=actor)


# Two people, two tabs ---------------------------------------------------------------------------------------------------


def test_a_conflict_shows_both_versions_and_keeps_what_was_typed(
    world: World, browse: Browse, officer: User, second_officer: User
) -> None:
    written(world, officer)
    form = {"value": "no", "statement": "Typed for <b>an hour</b>.", "reason": "The trail was off.", "version": "0"}
    client = browse(second_officer)
    response = client.post(address(world, act="write/"), form)
    html = response.content.decode()
    assert response.status_code == 409
    assert "Olga Officer saved another version while you wrote (" in text_of(html)
    assert "Typed for &lt;b&gt;an hour&lt;/b&gt;.</textarea>" in html
    rows = re.findall(r'<th scope="row">([^<]+)</th>\s*<td>(.*?)</td>\s*<td>(.*?)</td>', html, re.DOTALL)
    shown = {label: (text_of(saved).strip(), text_of(sent).strip()) for label, saved, sent in rows}
    assert shown["Answer"] == ("Yes", "No")
    assert shown["Reason"] == ("empty", "The trail was off.")
    assert shown["Statement"][0] == "We log all of it."
    version = re.search(r'name="version" value="(\d+)"', html)
    assert version is not None
    assert the_answer(world).statement == "We log all of it."
    merged = {**form, "statement": "Both.", "version": version[1]}
    assert client.post(address(world, act="write/"), merged).status_code == 302
    assert the_answer(world).statement == "Both."


def test_two_tabs_of_one_person_conflict_too(world: World, browse: Browse, officer: User) -> None:
    client = browse(officer)
    form = {"value": "yes", "statement": "First tab.", "reason": "", "version": "0"}
    assert client.post(address(world, act="write/"), form).status_code == 302
    assert client.post(address(world, act="write/"), {**form, "statement": "Second tab."}).status_code == 409


def test_right_to_left_text_markup_and_long_pastes_are_kept_and_shown_as_text(
    world: World, browse: Browse, officer: User, second_officer: User
) -> None:
    written(world, officer)
    text = "\u202eevil\u202c <script>alert(1)</script> 😀 " + "x " * 9_000
    form = {"value": "yes", "statement": text, "reason": "", "version": "0"}
    html = browse(second_officer).post(address(world, act="write/"), form).content.decode()
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 😀" in html


# Who and by when --------------------------------------------------------------------------------------------------------


def test_an_officer_assigns_and_the_assignee_hands_on(
    world: World, browse: Browse, officer: User, second_officer: User, contributor: User, manager: User
) -> None:
    named = {"assignee": contributor.uuid, "delegate": "", "reviewer": manager.uuid, "due_on": "2026-01-05"}
    browse(officer).post(address(world, act="assign/"), named)
    words = text_of(browse(contributor).get(address(world)).content.decode())
    assert "Carl Contributor" in words
    assert "overdue" in words
    assert "Hand to a delegate" in words
    browse(contributor).post(address(world, act="delegate/"), {"delegate": second_officer.uuid})
    assert the_answer(world).delegate == second_officer
    refused = browse(officer).post(address(world, act="assign/"), {"reviewer": "nonsense"}, follow=True)
    assert "Choose people from the lists" in refused.content.decode()


def test_my_answers_are_what_is_assigned_handed_or_to_be_reviewed(
    world: World, browse: Browse, officer: User, contributor: User, manager: User
) -> None:
    for number, due in ((1, date(2027, 2, 1)), (2, date(2026, 1, 5))):
        answer_work.assign(
            answer=the_answer(world, number), assignee=contributor, delegate=None, reviewer=manager, due_on=due,
            actor=officer,
        )  # fmt: skip

    def listed(user: User, query: str) -> list[str]:
        html = browse(user).get(f"/assessments/answers/{query}").content.decode()
        return re.findall(r">(\d)\. Question", html)

    assert listed(contributor, "?who=me") == ["2", "1"]  # due first
    assert listed(contributor, "?who=reviewer") == []
    assert listed(manager, "?who=reviewer") == ["2", "1"]
    assert listed(manager, "?who=me&overdue=on") == ["2"]
    assert listed(officer, f"?who=nobody&assessment={world.assessment.uuid}") == ["3", "4"]
    assert len(listed(officer, "")) == 8
    assert "Nothing waits for you" in browse(officer).get("/assessments/answers/?who=me").content.decode()


def test_a_contributor_sees_answers_of_their_system_alone(world: World, browse: Browse, contributor: User) -> None:
    html = browse(contributor).get("/assessments/answers/").content.decode()
    assert world.assessment.title in html
    assert world.other_assessment.title not in html


def test_the_list_of_answers_takes_the_same_queries_however_long(
    world: World, browse: Browse, officer: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    client = browse(officer)
    client.get("/assessments/answers/")
    few = count_queries(lambda: client.get("/assessments/answers/?state=open"))
    Answer.objects.update(assignee=officer, reviewer=officer, delegate=officer)
    assert count_queries(lambda: client.get("/assessments/answers/?state=open")) == few
    assert few <= 20


def test_the_list_is_exported_as_filtered(world: World, browse: Browse, officer: User) -> None:
    response = browse(officer).get(f"/assessments/answers/?assessment={world.assessment.uuid}&export=csv")
    lines = b"".join(response.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 5


# What an approval rests on ------------------------------------------------------------------------------------------------


def test_an_approval_over_a_contradiction_asks_for_the_reason_on_the_page(
    world: World, browse: Browse, officer: User, manager: User
) -> None:
    in_review(world, officer, number=2, approved_submitters="nobody@example.org")
    client = browse(manager)
    assert "Why it is approved although the record contradicts it" in client.get(address(world, 2)).content.decode()
    client.post(address(world, 2, "approve/"), {"comment": "Seen."})
    assert the_answer(world, 2).state == AnswerState.SUBMITTED
    client.post(address(world, 2, "approve/"), {"justification": "The list is renewed next week."})
    assert the_answer(world, 2).state == AnswerState.APPROVED
    words = text_of(client.get(address(world, 2)).content.decode())
    assert "Approved over contradictions, because The list is renewed next week." in words
    assert "Over what the record says, because: The list is renewed next week." in words
    assert "Approved all the same, because The list is renewed next week." in words


def test_an_answer_approved_on_other_evidence_says_so_and_is_sent_again(
    world: World, browse: Browse, officer: User, manager: User
) -> None:
    answers.approve(answer=in_review(world, officer), actor=manager)
    newer = records.evidence(world.assessment.system, b"newer", actor=officer, title="Newer log")
    client = browse(officer)
    client.post(f"/evidence/{world.log.uuid}/supersede/", {"by": newer.sha256[:16]})
    assert "A newer piece takes its place:" in client.get(f"/evidence/{world.log.uuid}/").content.decode()
    assert "It takes the place of" in client.get(f"/evidence/{newer.uuid}/").content.decode()
    words = text_of(client.get(address(world)).content.decode())
    assert "Approved on other evidence" in words
    assert "superseded after the approval by “Newer log”" in words
    assert "Approved on other evidence" in client.get(f"/assessments/{world.assessment.uuid}/").content.decode()
    client.post(address(world, act="submit/"))
    assert the_answer(world).state == AnswerState.SUBMITTED


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "Give at least the first 16 digits"),
        ("zz", "Give at least"),
        ("0" * 16, "No single piece of this AI system"),
    ],
)
def test_a_newer_piece_that_cannot_be_told_is_refused(
    world: World, browse: Browse, officer: User, given: str, words: str
) -> None:
    response = browse(officer).post(f"/evidence/{world.log.uuid}/supersede/", {"by": given}, follow=True)
    assert words in response.content.decode()


def test_evidence_is_rejected_by_a_person_with_a_reason(world: World, browse: Browse, officer: User) -> None:
    client = browse(officer)
    assert "Say why" in client.post(f"/evidence/{world.log.uuid}/reject/", {}, follow=True).content.decode()
    client.post(f"/evidence/{world.log.uuid}/reject/", {"reason": "Of another account."})
    world.log.refresh_from_db()
    assert (world.log.state, world.log.rejection) == ("rejected", "Of another account.")


def test_who_is_alone_is_offered_the_act_and_the_answer_is_marked(
    world: World, browse: Browse, officer: User, manager: User
) -> None:
    in_review(world, officer)
    client = browse(officer)
    before = client.get(address(world)).content.decode()
    assert "a second person decides it" in before
    assert "Approve without a second person" not in before
    people.deactivate_user(user=manager, actor=None)
    assert "Approve without a second person" in client.get(address(world)).content.decode()
    client.post(address(world, act="approve-alone/"), {"reason": "The company has one employee."})
    words = text_of(client.get(address(world)).content.decode())
    assert "not independently approved" in words
    assert "not independently approved" in client.get(f"/assessments/{world.assessment.uuid}/").content.decode()


def test_a_reviewer_is_named_and_another_is_not_offered_the_decision(
    world: World, browse: Browse, officer: User, second_officer: User, manager: User
) -> None:
    answer_work.assign(
        answer=the_answer(world), assignee=None, delegate=None, reviewer=manager, due_on=None, actor=officer
    )
    in_review(world, officer)
    assert "Your decision" not in browse(second_officer).get(address(world)).content.decode()
    assert "Your decision" in browse(manager).get(address(world)).content.decode()


def test_where_evidence_comes_from_is_stated_on_its_page(world: World, browse: Browse, officer: User) -> None:
    client = browse(officer)
    form = {
        "source_system": "AWS CloudTrail", "environment": "Production", "query": "lookup-events <all>",
        "executed_by": "Carl", "extracted_at": "2026-11-02T09:30", "zone": "Europe/Berlin", "row_count": "412",
        "control_total": "412", "obtained": "upload", "collected_how": "", "effective_from": "2026-01-01",
        "effective_to": "",
    }  # fmt: skip
    address_of_form = f"/evidence/{world.log.uuid}/describe/"
    assert client.post(address_of_form, form).status_code == 302
    world.log.refresh_from_db()
    assert world.log.collected_at is not None
    assert world.log.collected_at.isoformat() == "2026-11-02T08:30:00+00:00"  # half past nine in Berlin, in winter
    words = text_of(client.get(f"/evidence/{world.log.uuid}/").content.decode())
    assert "lookup-events &lt;all&gt;" in words
    assert "Exported and uploaded by the organisation" in words
    assert 'value="2026-11-02T09:30"' in client.get(address_of_form).content.decode()


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"zone": ""}, "Say in which time zone"), ({"zone": "Nowhere"}, "is no time zone"), ({"row_count": "-1"}, "")],
)
def test_a_wrong_description_says_where(
    world: World, browse: Browse, officer: User, changed: dict[str, str], words: str
) -> None:
    form = {"extracted_at": "2026-11-02T09:30", "zone": "UTC", **changed}
    response = browse(officer).post(f"/evidence/{world.log.uuid}/describe/", form)
    assert response.status_code == 422
    assert words in response.content.decode()
