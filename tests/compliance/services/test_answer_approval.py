"""What an approval is bound to, what it is given over, and who gives it where there is nobody else."""

from __future__ import annotations

import pytest

from compliance.models import Answer, AnswerRevision, LedgerEvent, User
from compliance.selectors.answer_basis import basis_changes
from compliance.services import answers, evidence, evidence_standing, freezes, people
from compliance.services.errors import RefusedError
from compliance.types.states import AnswerState, AnswerValue
from tests.compliance import records
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def answer(world: World) -> Answer:
    return world.assessment.answers.select_related("assessment__system", "question").get(question__number=4)


def sent(answer: Answer, world: World, actor: User) -> Answer:
    written = answers.write(
        answer=answer, value="yes", statement="It holds.", reason="", claims={}, actor=actor, expected_version=None
    )
    evidence.link(evidence=world.log, target=written, actor=actor)
    return answers.submit(answer=written, actor=actor)


def stands(answer: Answer) -> Answer:
    return Answer.objects.get(pk=answer.pk)


def contradicted(world: World, actor: User) -> Answer:
    """Question 2, which the log of the world contradicts."""
    answer = world.assessment.answers.select_related("assessment__system", "question").get(question__number=2)
    written = answers.write(
        answer=answer,
        value=AnswerValue.YES,
        statement="It holds.",
        reason="",
        claims={"approved_submitters": "nobody@example.org"},
        actor=actor,
        expected_version=None,
    )
    evidence.link(evidence=world.log, target=written, actor=actor)
    return answers.submit(answer=written, actor=actor)


# Exact evidence -------------------------------------------------------------------------------------------------------


def test_an_approval_holds_while_its_evidence_stands(
    answer: Answer, world: World, officer: User, manager: User
) -> None:
    approved = answers.approve(answer=sent(answer, world, officer), actor=manager)
    assert approved.approved_on == [[str(world.log.uuid), world.log.sha256, "accepted", "", "0"]]
    assert basis_changes(stands(answer)) == ()


def test_evidence_attached_taken_away_superseded_or_rejected_is_another_basis(
    answer: Answer, world: World, officer: User, manager: User
) -> None:
    answers.approve(answer=sent(answer, world, officer), actor=manager)
    newer = records.evidence(world.assessment.system, b"newer", actor=officer, title="Newer log")
    entry = evidence.link(evidence=newer, target=answer, actor=officer)
    assert basis_changes(stands(answer)) == ("“Newer log” was attached after the approval.",)
    evidence.unlink(entry=entry, actor=officer)
    assert basis_changes(stands(answer)) == ()
    evidence_standing.supersede(evidence=world.log, by=newer, actor=officer)
    assert basis_changes(stands(answer)) == (f"“{world.log.title}” was superseded after the approval by “Newer log”.",)
    evidence_standing.withdraw(evidence=world.log, reason="Of another account.", actor=officer)
    assert "was rejected after the approval: Of another account." in basis_changes(stands(answer))[0]
    evidence.unlink(entry=answer.evidence_links.get(evidence=world.log), actor=officer)
    assert basis_changes(stands(answer)) == (f"“{world.log.title}” was taken away after the approval.",)


def test_an_answer_approved_on_other_evidence_is_not_frozen_and_is_approved_anew(
    answer: Answer, world: World, officer: User, manager: User
) -> None:
    answers.approve(answer=sent(answer, world, officer), actor=manager)
    newer = records.evidence(world.assessment.system, b"newer", actor=officer, title="Newer log")
    evidence.link(evidence=newer, target=answer, actor=officer)
    assert "4: approved on other evidence: “Newer log” was attached after the approval." in freezes.blockers(
        world.assessment
    )
    again = answers.submit(answer=answer, actor=officer)
    assert (again.state, again.approver, again.approved_on) == (AnswerState.SUBMITTED, None, [])
    approved = answers.approve(answer=again, actor=manager)
    assert len(approved.approved_on) == 2
    assert not [line for line in freezes.blockers(world.assessment) if line.startswith("4")]


def test_an_approved_answer_whose_evidence_stands_is_not_sent_again(
    answer: Answer, world: World, officer: User, manager: User
) -> None:
    answers.approve(answer=sent(answer, world, officer), actor=manager)
    with pytest.raises(RefusedError, match="Only a draft or a returned answer"):
        answers.submit(answer=answer, actor=officer)


def test_the_line_of_what_superseded_what_has_no_fork_and_no_circle(world: World, officer: User) -> None:
    system = world.assessment.system
    one, two, three = (
        records.evidence(system, bytes([number]), actor=officer, title=f"Version {number}") for number in (1, 2, 3)
    )
    evidence_standing.supersede(evidence=one, by=two, actor=officer)
    evidence_standing.supersede(evidence=two, by=three, actor=officer)
    for older, newer, why in (
        (one, three, "takes the place of another piece already"),
        (one, world.log, "was superseded already"),
        (three, one, "nor of one that took its own place"),
        (three, three, "takes the place of another piece already"),
        (three, world.other_log, "another AI system"),
    ):
        with pytest.raises(RefusedError, match=why):
            evidence_standing.supersede(evidence=older, by=newer, actor=officer)
    kinds = LedgerEvent.objects.filter(subject_uuid=one.uuid).values_list("kind", flat=True)
    assert "evidence.superseded" in set(kinds)


def test_evidence_is_rejected_once_and_with_a_reason(world: World, officer: User) -> None:
    with pytest.raises(RefusedError, match="Say why"):
        evidence_standing.withdraw(evidence=world.log, reason=" ", actor=officer)
    evidence_standing.withdraw(evidence=world.log, reason="Of another account.", actor=officer)
    with pytest.raises(RefusedError, match="rejected already"):
        evidence_standing.withdraw(evidence=world.log, reason="Again.", actor=officer)


# Over a contradiction ---------------------------------------------------------------------------------------------------


def test_approving_over_a_contradiction_needs_a_written_reason(world: World, officer: User, manager: User) -> None:
    answer = contradicted(world, officer)
    with pytest.raises(RefusedError, match="The record contradicts this answer"):
        answers.approve(answer=answer, actor=manager, justification="  ")
    approved = answers.approve(answer=answer, actor=manager, justification="Service roles are named next week.")
    assert "You state 1 approved submitter." in approved.justified[0]
    kept = AnswerRevision.objects.get(answer=answer, act="approved").snapshot
    assert kept["justification"] == "Service roles are named next week."
    assert kept["justified"] == approved.justified


def test_what_the_record_says_after_the_approval_has_no_reason_yet(world: World, officer: User, manager: User) -> None:
    answer = contradicted(world, officer)
    answers.approve(answer=answer, actor=manager, justification="Named next week.")
    assert not [line for line in freezes.blockers(world.assessment) if line.startswith("2: the record")]
    records.log_events(world.assessment.system, world.log, 2, tag="late")
    told = [line for line in freezes.blockers(world.assessment) if line.startswith("2: the record")]
    assert len(told) == 1
    again = answers.submit(answer=answer, actor=officer)
    answers.approve(answer=again, actor=manager, justification="These too.")
    assert not [line for line in freezes.blockers(world.assessment) if line.startswith("2: the record")]


def test_a_reason_without_a_contradiction_is_not_kept(
    answer: Answer, world: World, officer: User, manager: User
) -> None:
    approved = answers.approve(answer=sent(answer, world, officer), actor=manager, justification="Just so.")
    assert (approved.justified, approved.justification) == ([], "")


# Alone ------------------------------------------------------------------------------------------------------------------


def test_who_is_alone_approves_by_an_act_with_a_reason_and_the_answer_is_marked(
    answer: Answer, world: World, officer: User, manager: User
) -> None:
    submitted = sent(answer, world, officer)
    with pytest.raises(RefusedError, match=f"ask one of them: {manager.name}"):
        answers.approve_alone(answer=submitted, actor=officer, reason="I am alone.")
    people.deactivate_user(user=manager, actor=officer)
    with pytest.raises(RefusedError, match="Say why nobody else"):
        answers.approve_alone(answer=submitted, actor=officer, reason="")
    with pytest.raises(RefusedError, match="second person"):
        answers.approve(answer=submitted, actor=officer)
    approved = answers.approve_alone(answer=submitted, actor=officer, reason="The company has one employee.")
    assert (approved.state, approved.approver) == (AnswerState.APPROVED, officer)
    assert approved.alone_reason == "The company has one employee."
    assert approved.revisions.get(act="approved_alone").snapshot["not_independent"] == approved.alone_reason
    assert LedgerEvent.objects.filter(subject_uuid=answer.uuid, kind="answer.approved_alone").exists()


def test_a_second_person_takes_the_mark_away(answer: Answer, world: World, officer: User, manager: User) -> None:
    people.deactivate_user(user=manager, actor=officer)
    answers.approve_alone(answer=sent(answer, world, officer), actor=officer, reason="Alone.")
    User.objects.filter(pk=manager.pk).update(is_active=True)
    manager.refresh_from_db()
    answers.approve(answer=sent(answer, world, officer), actor=manager)
    assert stands(answer).alone_reason == ""


def test_alone_or_not_a_contradiction_needs_its_reason(world: World, officer: User, manager: User) -> None:
    answer = contradicted(world, officer)
    people.deactivate_user(user=manager, actor=officer)
    with pytest.raises(RefusedError, match="The record contradicts this answer"):
        answers.approve_alone(answer=answer, actor=officer, reason="Alone.")
