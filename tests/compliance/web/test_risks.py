"""Pages of risks: acts on a finding, acceptances, waivers, closings; who may do what, and what is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse

from compliance.models import AISystem, Closing, Finding, Risk, RiskAcceptance, User, Waiver
from compliance.services import priorities, waivers
from compliance.types.risk_priority import Priority
from compliance.types.states import RiskState
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from tests.compliance import records
from tests.compliance.conftest import Browse, World
from tests.days import in_days

pytestmark = pytest.mark.django_db
LISTS = ["acceptance-list", "waiver-list", "closing-list"]


def asked_for(**changed: str) -> dict[str, str]:
    day = in_days(30).isoformat()
    return {"reason": "For now.", "ends_on": day, "review_on": day, "compensation": "Read twice."} | changed


def accepted(world: World, browse: Browse, by: User) -> RiskAcceptance:
    browse(by).post(reverse("acceptance-new", args=[world.finding.uuid]), asked_for())
    return RiskAcceptance.objects.get()


def test_a_risk_is_accepted_by_two_people(world: World, browse: Browse, contributor: User, manager: User) -> None:
    acceptance = accepted(world, browse, contributor)
    page = reverse("acceptance-detail", args=[acceptance.uuid])
    assert "somebody else decides on it" in browse(contributor).get(page).text
    answer = browse(manager).post(
        reverse("acceptance-approve", args=[acceptance.uuid]), {"words": "Agreed."}, follow=True
    )
    assert "The risk is accepted until its last day." in answer.text
    assert Risk.objects.get(finding=world.finding).state == RiskState.DEVIATION_APPROVED
    story = browse(contributor).get(reverse("finding-detail", args=[world.finding.uuid])).text
    assert "The organisation lives with this risk for now" in story
    assert "Risk accepted until" in story


def test_a_request_that_is_not_whole_shows_the_form_again(world: World, browse: Browse, officer: User) -> None:
    answer = browse(officer).post(
        reverse("acceptance-new", args=[world.finding.uuid]), asked_for(ends_on=in_days(0).isoformat())
    )
    assert "The last day has to be after today." in answer.text
    assert not RiskAcceptance.objects.exists()


@pytest.mark.parametrize("name", ["approve", "refuse", "review", "revoke"])
def test_a_contributor_decides_on_no_acceptance(world: World, browse: Browse, contributor: User, name: str) -> None:
    acceptance = accepted(world, browse, contributor)
    assert browse(contributor).post(reverse(f"acceptance-{name}", args=[acceptance.uuid])).status_code == 403


def test_an_expired_acceptance_is_shown_as_expired(
    world: World, browse: Browse, contributor: User, manager: User
) -> None:
    acceptance = accepted(world, browse, contributor)
    browse(manager).post(reverse("acceptance-approve", args=[acceptance.uuid]))
    over = in_days(-1)
    RiskAcceptance.objects.update(ends_on=over, review_on=over)
    Risk.objects.update(accepted_until=over)
    client = browse(manager)
    assert "Expired" in client.get(reverse("acceptance-detail", args=[acceptance.uuid])).text
    assert not client.get(reverse("acceptance-list")).context["page"].object_list
    assert len(client.get(reverse("acceptance-list"), {"state": "expired"}).context["page"]) == 1
    finding = client.get(reverse("finding-detail", args=[world.finding.uuid]))
    assert finding.context["risk"].state == RiskState.OPEN


def test_acts_on_a_risk_are_said_in_words(world: World, browse: Browse, officer: User) -> None:
    fresh = records.finding_of(records.observed(world.base, StageVerdict.EVIDENCE_FOUND, actor=officer))
    client = browse(officer)
    assert "Nobody has taken it up yet" in client.get(reverse("finding-detail", args=[fresh.uuid])).text
    answer = client.post(reverse("risk-investigate", args=[fresh.uuid]), follow=True)
    assert "The risk is under investigation." in answer.text
    again = client.post(reverse("risk-investigate", args=[fresh.uuid]), follow=True)
    assert "that is not possible now" in again.text
    back = client.post(reverse("risk-put-back", args=[fresh.uuid]), {"words": "No time."}, follow=True)
    assert "No time." in back.text


def test_a_risk_that_is_not_there_is_said_so(world: World, browse: Browse, officer: User) -> None:
    fresh = records.finding_of(records.observed(world.base, StageVerdict.EVIDENCE_FOUND, actor=officer))
    answer = browse(officer).post(reverse("risk-reopen", args=[fresh.uuid]), {"words": "Why not."}, follow=True)
    assert "carries no risk yet" in answer.text


def test_findings_are_sorted_by_priority(world: World, browse: Browse, officer: User) -> None:
    low = records.finding_of(records.observed(world.base, FileScanVerdict.FINDING, rule="R1"))
    priorities.set_by_hand(finding=low, priority=Priority.P1, words="It is served.", actor=officer)
    client = browse(officer)
    rows = [row.pk for row in client.get(reverse("finding-list"), {"sort": "priority"}).context["page"]]
    assert rows[0] == low.pk
    only = client.get(reverse("finding-list"), {"priority": "p1"})
    assert [row.pk for row in only.context["page"]] == [low.pk]
    assert "set by a person" in only.text
    reappeared = client.get(reverse("finding-list"), {"sighting": "reappeared"})
    assert not reappeared.context["page"].object_list


def test_a_priority_needs_a_reason(world: World, browse: Browse, officer: User, contributor: User) -> None:
    url = reverse("finding-priority", args=[world.finding.uuid])
    assert "say why" in browse(officer).post(url, {"priority": "p4", "words": ""}, follow=True).text
    browse(officer).post(url, {"priority": "p4", "words": "Not in use."})
    assert Finding.objects.get(pk=world.finding.pk).priority_now == Priority.P4
    assert browse(contributor).post(url, {"priority": "p1", "words": "Mine."}).status_code == 403


def test_a_severity_needs_a_reason(world: World, browse: Browse, officer: User, contributor: User) -> None:
    url, page = (reverse(name, args=[world.finding.uuid]) for name in ("finding-severity", "finding-detail"))
    assert "say why" in browse(officer).post(url, {"severity": "low", "words": ""}, follow=True).text
    assert "say why" in browse(officer).post(url, {"severity": "grave", "words": "So."}, follow=True).text
    browse(officer).post(url, {"severity": "low", "words": "Never <b>served</b>."})
    assert Finding.objects.get(pk=world.finding.pk).severity == "low"
    shown = browse(officer).get(page).text
    assert "Never &lt;b&gt;served&lt;/b&gt;." in shown
    assert "Reports make it Critical." in " ".join(shown.split())
    assert "Severity set from “Critical” to “Low”" in shown
    assert browse(contributor).post(url, {"severity": "high", "words": "Mine."}).status_code == 403


# Waivers --------------------------------------------------------------------------------------------------------------


def test_a_rule_is_waived_from_an_observation(
    world: World, system: AISystem, browse: Browse, contributor: User, manager: User
) -> None:
    seen = records.observed(world.tuned, FileScanVerdict.FINDING, rule="R1")
    client, new = browse(contributor), reverse("waiver-new")
    page = client.get(new, {"observation": str(seen.uuid)})
    assert 'value="R1"' in page.text
    given = {
        "system": str(system.uuid), "producer": "assay", "rule": "R1", "assets": "", "reason": "Noise.",
        "ends_on": in_days(9).isoformat(),
    }  # fmt: skip
    client.post(new, given)
    waiver = Waiver.objects.get()
    done = browse(manager).post(reverse("waiver-approve", args=[waiver.uuid]), follow=True)
    assert "The rule is set aside until the last day." in done.text
    finding = records.finding_of(seen)
    assert reverse("finding-detail", args=[finding.uuid]) in done.text
    listed = [row.pk for row in client.get(reverse("finding-list")).context["page"]]
    assert finding.pk not in listed
    shown = client.get(reverse("finding-list"), {"waived": "yes"})
    assert [row.pk for row in shown.context["page"]] == [finding.pk]
    assert "waived" in client.get(reverse("finding-detail", args=[finding.uuid])).text


def test_an_observation_of_another_system_fills_in_nothing(world: World, browse: Browse, contributor: User) -> None:
    other = world.other_finding.observations.get()
    page = browse(contributor).get(reverse("waiver-new"), {"observation": str(other.uuid)})
    assert "trigger_inversion" not in page.text
    assert browse(contributor).get(reverse("waiver-new"), {"observation": "x"}).status_code == 404


# Closings -------------------------------------------------------------------------------------------------------------


def test_a_closing_is_confirmed_by_somebody_who_did_not_work(
    world: World, browse: Browse, contributor: User, officer: User
) -> None:
    records.observed(world.tuned, StageVerdict.NO_EVIDENCE_AT_POWER, at=records.LONG_AGO + timedelta(days=30))
    item = browse(contributor).get(reverse("remediation-item", args=[world.item.uuid])).text
    assert "New evidence lets this be closed" in item
    closing = Closing.objects.get()
    page = reverse("closing-detail", args=[closing.uuid])
    assert page in browse(officer).get(reverse("closing-list")).text
    assert "no longer reproduces it" in browse(officer).get(page).text
    assert browse(contributor).post(reverse("closing-confirm", args=[closing.uuid])).status_code == 403
    done = browse(officer).post(reverse("closing-confirm", args=[closing.uuid]), {"words": "Seen."}, follow=True)
    assert "Closed with new evidence." in done.text
    story = browse(officer).get(reverse("finding-detail", args=[world.finding.uuid])).text
    assert "Closing confirmed by a person who did not do the work" in story


def test_a_returned_closing_is_shown_with_its_reason(world: World, browse: Browse, officer: User) -> None:
    records.observed(world.tuned, StageVerdict.NO_EVIDENCE_AT_POWER, at=records.LONG_AGO + timedelta(days=30))
    closing = Closing.objects.get()
    browse(officer).post(reverse("closing-return", args=[closing.uuid]), {"words": "Wrong images."})
    assert "Wrong images." in browse(officer).get(reverse("remediation-item", args=[world.item.uuid])).text


def test_asking_says_what_is_missing(world: World, browse: Browse, contributor: User) -> None:
    answer = browse(contributor).post(reverse("closing-ask", args=[world.item.uuid]), follow=True)
    assert "still stands; test again after the work." in answer.text


# Lists ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LISTS)
def test_an_empty_list_says_what_it_is_for(browse: Browse, manager: User, name: str) -> None:
    assert 'class="empty-state' in browse(manager).get(reverse(name)).text


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_the_same_queries_however_long_it_is(
    world: World, system: AISystem, browse: Browse, officer: User, manager: User,
    count_queries: Callable[[Callable[[], object]], int], name: str,
) -> None:  # fmt: skip
    def more(number: int) -> None:
        for n in range(number):
            version = records.model_version(system, f"model {RiskAcceptance.objects.count()} {n}", "1", actor=officer)
            seen = records.observed(version, FileScanVerdict.FINDING, rule=f"R{version.pk}")
            finding = records.finding_of(seen)
            item = records.remediation_item(finding, owner=officer, actor=manager)
            RiskAcceptance.objects.create(
                risk=finding.risk, reason="r", ends_on=in_days(0), review_on=in_days(0), requested_by=officer
            )
            waivers.request(
                system=system, producer="assay", rule=seen.rule, assets="", reason="r",
                ends_on=in_days(1), actor=officer,
            )  # fmt: skip
            Closing.objects.create(system=system, item=item).risks.add(finding.risk)

    client = browse(officer)
    more(2)
    client.get(reverse(name))
    few = count_queries(lambda: client.get(reverse(name)))
    more(5)
    assert count_queries(lambda: client.get(reverse(name))) == few
    assert few <= 20


def test_foreign_decisions_do_not_exist(world: World, browse: Browse, officer: User, contributor: User) -> None:
    risk = Risk.objects.get(finding=world.other_finding)
    other = RiskAcceptance.objects.create(
        risk=risk, reason="r", ends_on=in_days(0), review_on=in_days(0), requested_by=officer
    )
    for name in ("acceptance-detail", "acceptance-withdraw"):
        method = browse(contributor).get if name.endswith("detail") else browse(contributor).post
        assert method(reverse(name, args=[other.uuid])).status_code == 404
    assert browse(contributor).get(reverse("acceptance-new", args=[world.other_finding.uuid])).status_code == 404
