"""Requests of auditors: numbers, sides, the table of moves, evidence that is handed over, and what exists for whom."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from compliance.models import AuditRequest, Engagement, Evidence, LedgerEvent, RequestEvidence, RequestReply, User
from compliance.rights import visible
from compliance.services import audit_requests, engagements, people
from compliance.services.audit_requests import RequestDraft
from compliance.services.errors import RefusedError
from compliance.types.audit_requests import REQUEST_STEPS, RequestState, request_steps
from compliance.types.states import Role
from tests.compliance import records
from tests.compliance.conftest import World, person
from tests.compliance.routes_world import adopted

S = RequestState


@pytest.fixture
def engagement(world: World) -> Engagement:
    return Engagement.objects.get()


@pytest.fixture
def asked(engagement: Engagement, auditor: User) -> AuditRequest:
    draft = RequestDraft(title="Who may submit", text="The list as of June.", due_on=date(2026, 12, 1))
    return audit_requests.ask(engagement=engagement, draft=draft, actor=auditor)


def replied(request: AuditRequest, actor: User, text: str = "", **more: Any) -> RequestReply:
    return audit_requests.reply(request=request, text=text, actor=actor, **more)


def kept_secret(world: World, officer: User) -> Evidence:
    """A piece of the engaged system that nothing leads an auditor to."""
    return records.evidence(world.assessment.system, b"minutes", actor=officer, filename="minutes.txt")


# Asking and changing --------------------------------------------------------------------------------------------------


def test_requests_are_numbered_within_their_engagement(
    world: World, asked: AuditRequest, officer: User, auditor: User
) -> None:
    again = audit_requests.ask(engagement=asked.engagement, draft=RequestDraft(title="Second"), actor=auditor)
    other = engagements.open_engagement(draft=records.audit(auditor, [world.assessment]), actor=officer)
    first = audit_requests.ask(engagement=other, draft=RequestDraft(title="First there"), actor=auditor)
    assert [asked.number, again.number, first.number] == [1, 2, 1]
    assert LedgerEvent.objects.filter(kind="audit_request.asked").count() == 3


@pytest.mark.parametrize(("title", "message"), [(" ", "a title"), ("x" * 301, "300 characters")])
def test_a_request_needs_a_title(engagement: Engagement, auditor: User, title: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        audit_requests.ask(engagement=engagement, draft=RequestDraft(title=title), actor=auditor)
    assert not AuditRequest.objects.exists()


def test_the_organisation_says_who_owns_it(
    asked: AuditRequest, officer: User, auditor: User, contributor: User
) -> None:
    draft = RequestDraft(title=asked.title, text=asked.text, owner=contributor, due_on=asked.due_on)
    with pytest.raises(RefusedError, match="who owns"):
        audit_requests.change(request=asked, draft=draft, actor=auditor)
    assert audit_requests.change(request=asked, draft=draft, actor=officer).owner == contributor


def test_the_words_of_the_team_are_the_teams(asked: AuditRequest, officer: User, auditor: User) -> None:
    draft = RequestDraft(title="Something easier", text=asked.text, due_on=asked.due_on)
    with pytest.raises(RefusedError, match="the auditor’s"):
        audit_requests.change(request=asked, draft=draft, actor=officer)
    assert audit_requests.change(request=asked, draft=draft, actor=auditor).title == "Something easier"


def test_what_differs_in_nothing_is_not_recorded(asked: AuditRequest, auditor: User) -> None:
    draft = RequestDraft(title=asked.title, text=asked.text, due_on=asked.due_on)
    audit_requests.change(request=asked, draft=draft, actor=auditor)
    assert not LedgerEvent.objects.filter(kind="audit_request.changed").exists()


def test_a_control_or_owner_from_elsewhere_is_refused(world: World, engagement: Engagement, officer: User) -> None:
    foreign = adopted(world.other_assessment.system, officer)
    with pytest.raises(RefusedError, match="not about"):
        audit_requests.ask(engagement=engagement, draft=RequestDraft(title="A", controls=[foreign]), actor=officer)
    outsider = person("Otto Outsider", Role.CONTRIBUTOR)
    with pytest.raises(RefusedError, match="cannot own"):
        audit_requests.ask(engagement=engagement, draft=RequestDraft(title="A", owner=outsider), actor=officer)
    people.grant_membership(system=world.assessment.system, role=Role.CONTRIBUTOR, actor=None, user=outsider)
    audit_requests.ask(engagement=engagement, draft=RequestDraft(title="A", owner=outsider), actor=officer)


def test_the_ledger_keeps_no_words_of_a_request(asked: AuditRequest, officer: User) -> None:
    replied(asked, officer, "Alice knows.")
    payloads = [str(event.entry.payload) for event in LedgerEvent.objects.filter(kind__startswith="audit_request")]
    assert len(payloads) == 2
    assert not any("Alice" in payload or "submit" in payload for payload in payloads)


# Moves --------------------------------------------------------------------------------------------------------------


def test_a_request_is_clarified_answered_returned_and_accepted(
    asked: AuditRequest, officer: User, auditor: User
) -> None:
    replied(asked, officer, "Which June?", to=S.CLARIFICATION)
    replied(asked, auditor, "June 2026.", to=S.OPEN)
    replied(asked, officer, to=S.IN_PROGRESS)
    replied(asked, officer, "Attached.", to=S.ANSWERED)
    replied(asked, auditor, "Page 2 is missing.", to=S.IN_PROGRESS)
    replied(asked, officer, "Here is page 2.", to=S.ANSWERED)
    replied(asked, auditor, to=S.ACCEPTED)
    assert AuditRequest.objects.get().state == S.ACCEPTED
    assert [entry.after for entry in asked.replies.all()][-2:] == [S.ANSWERED, S.ACCEPTED]


def test_a_denial_needs_a_reason_and_the_team_may_insist(asked: AuditRequest, officer: User, auditor: User) -> None:
    with pytest.raises(RefusedError, match="Write why"):
        replied(asked, officer, to=S.DENIED)
    replied(asked, officer, "Privileged.", to=S.DENIED)
    replied(asked, auditor, "A redacted copy will do.", to=S.OPEN)
    assert AuditRequest.objects.get().state == S.OPEN


def test_each_side_makes_its_own_moves_alone(
    asked: AuditRequest, officer: User, auditor: User, contributor: User
) -> None:
    for actor, to in ((officer, S.ACCEPTED), (officer, S.WITHDRAWN), (auditor, S.ANSWERED), (contributor, S.DENIED)):
        with pytest.raises(RefusedError, match="by your hand"):
            replied(asked, actor, "Words.", to=to)
    assert AuditRequest.objects.get().state == S.OPEN
    assert not RequestReply.objects.exists()


def test_an_ended_request_does_not_change(asked: AuditRequest, auditor: User) -> None:
    replied(asked, auditor, "Not needed.", to=S.WITHDRAWN)
    with pytest.raises(RefusedError, match="has ended"):
        audit_requests.change(request=asked, draft=RequestDraft(title="New"), actor=auditor)
    assert request_steps(S.WITHDRAWN, Role.AUDITOR) == ()


def test_every_state_is_reached_and_denial_needs_words() -> None:
    assert {step.after for step in REQUEST_STEPS} == set(S)
    pairs = [(step.before, step.after) for step in REQUEST_STEPS]
    assert len(pairs) == len(set(pairs))
    assert all(step.needs_words for step in REQUEST_STEPS if step.after in {S.DENIED, S.WITHDRAWN, S.CLARIFICATION})


def test_an_empty_reply_is_refused(asked: AuditRequest, officer: User) -> None:
    with pytest.raises(RefusedError, match="Write a reply"):
        replied(asked, officer, "  ")


# Evidence -----------------------------------------------------------------------------------------------------------


def test_what_is_handed_over_is_seen_by_the_team_from_then_on(
    world: World, asked: AuditRequest, officer: User, auditor: User
) -> None:
    piece = kept_secret(world, officer)
    assert piece not in visible(Evidence.objects.all(), auditor)
    replied(asked, officer, "Here.", to=S.ANSWERED, evidence=[piece])
    assert piece in visible(Evidence.objects.all(), auditor)
    engagements.end_access(engagement=asked.engagement, actor=officer)
    assert piece not in visible(Evidence.objects.all(), auditor)


def test_another_team_does_not_see_what_was_handed_over(world: World, asked: AuditRequest, officer: User) -> None:
    stranger = person("Sid Stranger", Role.AUDITOR)
    engagements.open_engagement(draft=records.audit(stranger, [], systems=[world.assessment.system]), actor=officer)
    piece = kept_secret(world, officer)
    replied(asked, officer, "Here.", evidence=[piece])
    assert piece not in visible(Evidence.objects.all(), stranger)
    assert not visible(AuditRequest.objects.all(), stranger).exists()


def test_evidence_of_another_system_or_a_rejected_piece_is_refused_whole(
    world: World, asked: AuditRequest, officer: User
) -> None:
    piece = kept_secret(world, officer)
    with pytest.raises(RefusedError, match="not about"):
        replied(asked, officer, "Here.", evidence=[piece, world.other_log])
    Evidence.objects.filter(pk=piece.pk).update(state="rejected", rejection="Wrong month.")
    piece.refresh_from_db()
    with pytest.raises(RefusedError, match="Wrong month"):
        replied(asked, officer, "Here.", evidence=[piece])
    assert not RequestEvidence.objects.exists()
    assert not RequestReply.objects.exists()


def test_handing_over_twice_is_once(world: World, asked: AuditRequest, officer: User) -> None:
    piece = kept_secret(world, officer)
    for _n in range(2):
        replied(asked, officer, "Here.", evidence=[piece])
    assert RequestEvidence.objects.count() == 1


def test_a_contributor_has_the_requests_that_they_own(asked: AuditRequest, officer: User, contributor: User) -> None:
    assert not visible(AuditRequest.objects.all(), contributor).exists()
    draft = RequestDraft(title=asked.title, text=asked.text, owner=contributor, due_on=asked.due_on)
    audit_requests.change(request=asked, draft=draft, actor=officer)
    assert asked in visible(AuditRequest.objects.all(), contributor)
    replied(asked, contributor, "On it.", to=S.IN_PROGRESS)
    assert visible(RequestReply.objects.all(), contributor).count() == 1
    assert not visible(Engagement.objects.all(), contributor).exists()
