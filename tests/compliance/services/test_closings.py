"""Closings: proposed on new evidence as soon as there is some; confirmed or returned by somebody who did not do the work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from compliance.models import AISystem, Closing, Finding, ModelVersion, RemediationItem, Risk, User
from compliance.services import closing_proposals, closings, evidence, findings, remediation, risk_acceptances, risks
from compliance.services.errors import RefusedError
from compliance.services.nightly import STEPS as NIGHTLY
from compliance.services.risk_acceptances import AcceptanceDraft
from compliance.types.risk_life import ClosingBasis, ClosingState
from compliance.types.states import RemediationState, RiskState, Severity
from compliance.types.verdicts import Conclusion, FileScanVerdict, StageVerdict
from tests.compliance import records
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db
FOUND, GONE = StageVerdict.EVIDENCE_FOUND, StageVerdict.NO_EVIDENCE_AT_POWER


def scanned(
    version: ModelVersion, verdict: StageVerdict | FileScanVerdict, day: int = 1, rule: str = "trigger_inversion"
) -> None:
    records.observed(version, verdict, at=records.LONG_AGO + timedelta(days=day), rule=rule)


def waiting(item: RemediationItem) -> Closing:
    return item.closings.get(state=ClosingState.PROPOSED)


def state(world: World) -> tuple[str, str]:
    world.item.refresh_from_db()
    return world.item.state, Risk.objects.get(finding=world.finding).state


def test_a_scan_in_which_it_does_not_reproduce_proposes_the_closing(world: World, officer: User) -> None:
    scanned(world.tuned, GONE)
    closing = waiting(world.item)
    (ground,) = closing.basis
    assert (ground["kind"], ground["finding"]) == (ClosingBasis.RESCAN, str(world.finding.uuid))
    assert closing.asked_by is None
    assert state(world) == ("open", "remediating")
    closings.confirm(closing=closing, words="Same model, same test.", actor=officer)
    assert state(world) == ("closed", "closed")
    assert world.item.closing_observation == closing.observation


def test_whoever_did_the_work_does_not_confirm(
    world: World, system: AISystem, contributor: User, officer: User, manager: User, second_officer: User
) -> None:
    records.worked(world.item, officer, "1")
    remediation.move(item=world.item, state=RemediationState.DONE, actor=manager)
    scanned(world.tuned, GONE)
    closing = waiting(world.item)
    for worker in (contributor, officer, manager):  # owner, who logged effort, who called it done
        with pytest.raises(RefusedError, match="somebody else"):
            closings.confirm(closing=closing, words="", actor=worker)
    assert closings.confirm(closing=closing, words="", actor=second_officer).state == ClosingState.CONFIRMED


def test_an_earlier_owner_does_not_confirm(world: World, contributor: User, officer: User, manager: User) -> None:
    remediation.assign(item=world.item, owner=officer, actor=manager)
    scanned(world.tuned, GONE)
    for owner in (contributor, officer):
        with pytest.raises(RefusedError, match="somebody else"):
            closings.confirm(closing=waiting(world.item), words="", actor=owner)


def test_a_returned_closing_waits_for_newer_evidence(world: World, officer: User) -> None:
    remediation.move(item=world.item, state=RemediationState.DONE, actor=officer)
    scanned(world.tuned, GONE)
    closing = waiting(world.item)
    with pytest.raises(RefusedError, match="Say why"):
        closings.give_back(closing=closing, words=" ", actor=officer)
    closings.give_back(closing=closing, words="Wrong images.", actor=officer)
    assert state(world) == ("in_progress", "remediating")
    assert closing_proposals.propose(timezone.now()) == 0
    scanned(world.tuned, GONE, day=2)
    assert waiting(world.item).pk != closing.pk


def test_what_is_back_takes_the_proposal_away(world: World, officer: User) -> None:
    scanned(world.tuned, GONE)
    closing = waiting(world.item)
    scanned(world.tuned, FOUND, day=2)
    closing.refresh_from_db()
    assert closing.state == ClosingState.LAPSED
    with pytest.raises(RefusedError, match="fallen away"):
        closings.confirm(closing=closing, words="", actor=officer)
    assert state(world) == ("open", "remediating")


def test_nothing_is_closed_on_what_was_there_before(world: World, officer: User, manager: User) -> None:
    scanned(world.tuned, GONE)
    closings.confirm(closing=waiting(world.item), words="", actor=officer)
    risks.reopen(risk=Risk.objects.get(finding=world.finding), words="In use again.", actor=officer)
    assert closing_proposals.propose(timezone.now()) == 0
    assert not Closing.objects.filter(state=ClosingState.PROPOSED).exists()


def test_a_risk_without_work_is_closed_all_the_same(world: World, officer: User, manager: User) -> None:
    fresh = records.finding_of(records.observed(world.base, FOUND, actor=officer))
    risks.investigate(finding=fresh, actor=officer)
    scanned(world.base, GONE)
    closing = Closing.objects.get(item=None)
    with pytest.raises(RefusedError, match="somebody else"):
        closings.confirm(closing=closing, words="", actor=officer)  # who looked into it
    closings.confirm(closing=closing, words="", actor=manager)
    assert Risk.objects.get(finding=fresh).state == RiskState.CLOSED


# A model that was replaced ----------------------------------------------------------------------------------------------


def test_the_same_test_on_a_successor_closes_the_risk_of_its_predecessor(
    world: World, system: AISystem, contributor: User, officer: User
) -> None:
    successor = records.model_version(system, "digits", "3", actor=contributor)
    scanned(successor, StageVerdict.INCONCLUSIVE)
    assert not world.item.closings.exists()
    scanned(successor, GONE, day=2)
    closing = waiting(world.item)
    (ground,) = closing.basis
    assert (ground["kind"], ground["records"]) == (ClosingBasis.REPLACEMENT, [str(successor.uuid)])
    closings.confirm(closing=closing, words="Version 2 is withdrawn.", actor=officer)
    assert state(world) == ("closed", "closed")
    world.finding.refresh_from_db()
    assert world.finding.state == Conclusion.NOT_SATISFIED  # what was found in version 2 stays true of it


def test_another_test_or_a_finding_on_the_successor_closes_nothing(
    world: World, system: AISystem, contributor: User
) -> None:
    successor = records.model_version(system, "digits", "3", actor=contributor)
    scanned(successor, GONE, rule="max_margin")
    assert not world.item.closings.exists()
    scanned(successor, FOUND, rule="final_layer")
    scanned(successor, GONE, day=2)
    assert not world.item.closings.exists()


def test_a_version_that_was_there_before_is_no_successor(world: World, contributor: User) -> None:
    scanned(world.base, GONE)
    assert not world.item.closings.exists()


# What no instrument observes --------------------------------------------------------------------------------------------


@pytest.fixture
def examined(world: World, system: AISystem, officer: User, contributor: User) -> RemediationItem:
    """Work on a finding that a person made."""
    finding = findings.open_by_person(
        system=system, target=world.finding.target, title="No list", condition="None is kept.", cause="", effect="",
        severity=Severity.HIGH, actor=officer,
    )  # fmt: skip
    return records.remediation_item(finding, owner=contributor, actor=officer, title="Keep a list")


def test_evidence_attached_to_the_work_closes_what_a_person_found(
    examined: RemediationItem, system: AISystem, contributor: User, manager: User
) -> None:
    with pytest.raises(RefusedError, match="attach evidence"):
        closings.ask(item=examined, actor=contributor)
    piece = records.evidence(system, b"the list", actor=contributor)
    evidence.link(evidence=piece, target=examined, actor=contributor)
    closing = closings.ask(item=examined, actor=contributor)
    with pytest.raises(RefusedError, match="already"):
        closings.ask(item=examined, actor=manager)
    with pytest.raises(RefusedError, match="somebody else"):
        closings.confirm(closing=closing, words="", actor=contributor)
    closings.confirm(closing=closing, words="The list is complete.", actor=manager)
    finding = Finding.objects.get(risk__items=examined)
    assert (finding.state, finding.sighting, finding.risk.state) == ("satisfied", "fixed", "closed")


def test_the_nightly_run_proposes_what_nobody_asked_for(
    examined: RemediationItem, system: AISystem, contributor: User
) -> None:
    evidence.link(evidence=records.evidence(system, b"the list", actor=contributor), target=examined, actor=contributor)
    NIGHTLY["closings"](timezone.now())
    NIGHTLY["closings"](timezone.now())
    assert waiting(examined).asked_by is None


def test_asking_says_what_is_missing(world: World, manager: User) -> None:
    with pytest.raises(RefusedError, match="still stands"):
        closings.ask(item=world.item, actor=manager)


def test_nothing_is_closed_while_its_risk_is_accepted(
    world: World, system: AISystem, contributor: User, officer: User, manager: User
) -> None:
    today = timezone.localdate()
    draft = AcceptanceDraft(
        reason="For now.", ends_on=today + timedelta(days=9), review_on=today + timedelta(days=9), compensation="None."
    )
    asked = risk_acceptances.request(finding=world.finding, draft=draft, actor=officer)
    risk_acceptances.approve(acceptance=asked, words="", actor=manager)
    successor = records.model_version(system, "digits", "3", actor=contributor)
    scanned(successor, GONE)
    assert not world.item.closings.exists()
    with pytest.raises(RefusedError, match="end that first"):
        closings.ask(item=world.item, actor=manager)


def test_a_risk_with_other_open_work_stays_open(world: World, officer: User, manager: User) -> None:
    other = records.remediation_item(world.finding, owner=manager, actor=manager, title="Rotate keys")
    scanned(world.tuned, GONE)
    closings.confirm(closing=waiting(world.item), words="", actor=officer)
    assert state(world) == ("closed", "remediating")
    closings.confirm(closing=waiting(other), words="", actor=officer)
    assert state(world) == ("closed", "closed")


# The same on each path --------------------------------------------------------------------------------------------------


def _by_night(item: RemediationItem, _asker: User) -> None:
    assert NIGHTLY["closings"](timezone.now())["proposed"] == 1


def _by_page(item: RemediationItem, asker: User) -> None:
    client = Client()
    client.force_login(asker)
    assert client.post(f"/remediation/{item.uuid}/closing/").status_code == 302


def _by_api(item: RemediationItem, asker: User) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {AuthToken.objects.create(user=asker)[1]}")
    assert client.post(f"/api/v1/remediation-items/{item.uuid}/closing/").status_code == 201


@pytest.mark.parametrize("propose", [_by_night, _by_page, _by_api])
@pytest.mark.parametrize("basis", [ClosingBasis.RESCAN, ClosingBasis.REPLACEMENT, ClosingBasis.EXAMINATION])
def test_each_ground_holds_on_each_path(
    world: World, system: AISystem, basis: ClosingBasis, propose: Callable[[RemediationItem, User], None],
    request: pytest.FixtureRequest, contributor: User, officer: User,
) -> None:  # fmt: skip
    item = world.item
    if basis == ClosingBasis.EXAMINATION:
        item = request.getfixturevalue("examined")
        piece = records.evidence(system, b"the list", actor=contributor)
        evidence.link(evidence=piece, target=item, actor=contributor)
    else:
        replaced = basis == ClosingBasis.REPLACEMENT
        scanned(records.model_version(system, "digits", "3", actor=contributor) if replaced else world.tuned, GONE)
    Closing.objects.all().delete()  # as if nothing had been proposed when the evidence came
    propose(item, contributor)
    closing = waiting(item)
    assert [ground["kind"] for ground in closing.basis] == [basis]
    closings.confirm(closing=closing, words="Looked at it.", actor=officer)
    item.refresh_from_db()
    assert (item.state, item.risks.get().state) == ("closed", "closed")
