"""Answers: what may be approved, by whom, and what history remembers."""

from __future__ import annotations

import pytest

from compliance.models import Answer, LedgerEvent, User
from compliance.services import answers, evidence
from compliance.services.errors import ConflictError, RefusedError
from compliance.types.states import AnswerState, AnswerValue
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def answer(world: World) -> Answer:
    return world.assessment.answers.select_related("assessment__system", "question").get(question__number=4)


def write(answer: Answer, value: AnswerValue, actor: User, *, reason: str = "", statement: str = "It holds.") -> Answer:
    return answers.write(
        answer=answer, value=value, statement=statement, reason=reason, claims={}, actor=actor, expected_version=None
    )


def test_yes_needs_evidence(answer: Answer, officer: User) -> None:
    written = write(answer, AnswerValue.YES, officer)
    with pytest.raises(RefusedError, match="at least one piece of evidence"):
        answers.submit(answer=written, actor=officer)


def test_a_second_person_approves_and_both_are_on_record(
    answer: Answer, world: World, officer: User, manager: User
) -> None:
    written = write(answer, AnswerValue.YES, officer)
    evidence.link(evidence=world.log, target=written, actor=officer)
    approved = answers.approve(answer=answers.submit(answer=written, actor=officer), actor=manager)
    assert (approved.state, approved.author, approved.approver) == (AnswerState.APPROVED, officer, manager)
    acts = list(approved.revisions.values_list("act", "actor__name"))
    assert acts == [
        ("written", officer.name),
        ("submitted", officer.name),
        ("approved", manager.name),
    ]
    kinds = LedgerEvent.objects.filter(subject_uuid=answer.uuid).values_list("kind", flat=True)
    assert set(kinds) == {"answer.written", "answer.submitted", "answer.approved"}


@pytest.mark.parametrize("decide", ["approve", "send_back"])
def test_nobody_decides_an_answer_they_worked_on(answer: Answer, world: World, officer: User, decide: str) -> None:
    written = write(answer, AnswerValue.YES, officer)
    evidence.link(evidence=world.log, target=written, actor=officer)
    submitted = answers.submit(answer=written, actor=officer)
    with pytest.raises(RefusedError, match="second person"):
        getattr(answers, decide)(answer=submitted, actor=officer, comment="no")


def test_who_wrote_an_earlier_version_cannot_approve_the_later_one(
    answer: Answer, world: World, officer: User, second_officer: User
) -> None:
    evidence.link(evidence=world.log, target=write(answer, AnswerValue.YES, officer), actor=officer)
    submitted = answers.submit(answer=write(answer, AnswerValue.YES, second_officer), actor=second_officer)
    with pytest.raises(RefusedError, match="second person"):
        answers.approve(answer=submitted, actor=officer)


@pytest.mark.parametrize("value", [AnswerValue.PARTLY, AnswerValue.NO])
def test_partly_and_no_need_a_reason_and_a_finding(
    answer: Answer, world: World, officer: User, manager: User, value: AnswerValue
) -> None:
    written = write(answer, value, officer)
    with pytest.raises(RefusedError, match=r"need a reason.*linked finding"):
        answers.submit(answer=written, actor=officer)
    written = write(answer, value, officer, reason="The log of one account is missing.")
    answers.link_finding(answer=written, finding=world.finding, actor=officer)
    assert answers.approve(answer=answers.submit(answer=written, actor=officer), actor=manager).approver == manager


def test_not_applicable_needs_a_reason(answer: Answer, officer: User) -> None:
    written = write(answer, AnswerValue.NOT_APPLICABLE, officer, statement="")
    with pytest.raises(RefusedError, match="needs a reason"):
        answers.submit(answer=written, actor=officer)
    reasoned = write(answer, AnswerValue.NOT_APPLICABLE, officer, reason="No model is fine-tuned.", statement="")
    assert answers.submit(answer=reasoned, actor=officer).state == AnswerState.SUBMITTED


def test_a_change_after_approval_starts_the_review_again(
    answer: Answer, world: World, officer: User, manager: User
) -> None:
    written = write(answer, AnswerValue.YES, officer)
    evidence.link(evidence=world.log, target=written, actor=officer)
    answers.approve(answer=answers.submit(answer=written, actor=officer), actor=manager)
    changed = write(answer, AnswerValue.YES, officer, statement="It holds better.")
    assert (changed.state, changed.approver, changed.submitted_at) == (AnswerState.DRAFT, None, None)


def rewrite(answer: Answer, actor: User, statement: str, *, seen: int, value: AnswerValue = AnswerValue.YES) -> Answer:
    return answers.write(
        answer=answer, value=value, statement=statement, reason="", claims={}, actor=actor, expected_version=seen
    )


def test_two_people_writing_at_once_are_shown_both_versions(
    answer: Answer, officer: User, second_officer: User
) -> None:
    seen = answer.version
    write(answer, AnswerValue.YES, officer)
    with pytest.raises(ConflictError, match="Both versions are shown") as refused:
        rewrite(answer, second_officer, "Otherwise.", seen=seen, value=AnswerValue.NO)
    conflict = refused.value
    assert (conflict.saved["statement"], conflict.sent["statement"]) == ("It holds.", "Otherwise.")
    assert (conflict.version, conflict.by, conflict.differing) == (seen + 1, officer.name, ["value", "statement"])
    merged = rewrite(answer, second_officer, "It holds, otherwise.", seen=conflict.version)
    assert (merged.statement, merged.author) == ("It holds, otherwise.", second_officer)


def test_what_is_not_writing_is_no_conflict(answer: Answer, world: World, officer: User, second_officer: User) -> None:
    seen = write(answer, AnswerValue.PARTLY, officer).version
    answers.link_finding(answer=answer, finding=world.finding, actor=second_officer)
    assert rewrite(answer, officer, "It holds in part.", seen=seen).statement == "It holds in part."


def test_the_same_words_twice_are_no_conflict(answer: Answer, officer: User, second_officer: User) -> None:
    seen = answer.version
    write(answer, AnswerValue.YES, officer)
    assert rewrite(answer, second_officer, "It holds.", seen=seen).author == second_officer


def test_an_unknown_value_is_refused_in_words(answer: Answer, officer: User) -> None:
    with pytest.raises(RefusedError, match="“perhaps” is not an answer"):
        answers.write(
            answer=answer, value="perhaps", statement="", reason="", claims={}, actor=officer, expected_version=None
        )


def test_a_return_says_what_is_missing(answer: Answer, world: World, officer: User, manager: User) -> None:
    written = write(answer, AnswerValue.YES, officer)
    evidence.link(evidence=world.log, target=written, actor=officer)
    submitted = answers.submit(answer=written, actor=officer)
    with pytest.raises(RefusedError, match="Say what is missing"):
        answers.send_back(answer=submitted, actor=manager, comment=" ")
    returned = answers.send_back(answer=submitted, actor=manager, comment="Name the account.")
    assert returned.state == AnswerState.RETURNED
    assert returned.revisions.last().comment == "Name the account."  # type: ignore[union-attr]


def test_a_finding_of_another_system_explains_nothing(answer: Answer, world: World, officer: User) -> None:
    with pytest.raises(RefusedError, match="another AI system"):
        answers.link_finding(answer=answer, finding=world.other_finding, actor=officer)
