"""What the first page says of decisions that wait for whoever reads it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils.html import escape

from compliance.models import RiskAcceptance, User, Waiver
from compliance.selectors.day_words import day_words
from compliance.services import risk_acceptances, waivers
from compliance.services.risk_acceptances import AcceptanceDraft
from compliance.types.verdicts import StageVerdict
from tests.compliance import records
from tests.compliance.conftest import Browse, World
from tests.days import in_days

pytestmark = pytest.mark.django_db
TITLE = "Waits for your decision"


def asked(world: World, actor: User) -> RiskAcceptance:
    day = in_days(30)
    draft = AcceptanceDraft(reason="For now.", ends_on=day, review_on=day, compensation="None.")
    return risk_acceptances.request(finding=world.finding, draft=draft, actor=actor)


def waived(world: World, actor: User, assets: str = "") -> Waiver:
    return waivers.request(
        system=world.finding.system, producer="assay", rule="trigger_inversion", assets=assets, reason="Known.",
        ends_on=in_days(30), actor=actor,
    )  # fmt: skip


def test_nothing_waits(world: World, browse: Browse, manager: User) -> None:
    assert TITLE not in browse(manager).get("/").text


def test_requests_wait_for_whoever_may_decide_and_did_not_ask(
    world: World, browse: Browse, officer: User, manager: User, contributor: User
) -> None:
    acceptance, waiver = asked(world, officer), waived(world, officer)
    shown = browse(manager).get("/").text
    title = escape(world.finding.title)
    assert f"Olga Officer asks to accept the risk of “{title}” until {day_words(in_days(30))}." in shown
    assert f'href="/acceptances/{acceptance.uuid}/"' in shown
    assert f'href="/waivers/{waiver.uuid}/"' in shown
    for other in (officer, contributor):
        assert TITLE not in browse(other).get("/").text
    risk_acceptances.approve(acceptance=acceptance, words="", actor=manager)
    waivers.approve(waiver=waiver, words="", actor=manager)
    assert TITLE not in browse(manager).get("/").text


def test_closings_wait_for_whoever_did_not_do_the_work(
    world: World, browse: Browse, officer: User, manager: User
) -> None:
    records.worked(world.item, manager, "1")
    records.observed(world.tuned, StageVerdict.NO_EVIDENCE_AT_POWER, at=records.LONG_AGO + timedelta(days=1))
    closing = world.item.closings.get()
    shown = browse(officer).get("/").text
    assert f"New evidence lets “{world.item.title}” be closed; confirm it, or return it." in shown
    assert f'href="/closings/{closing.uuid}/"' in shown
    assert TITLE not in browse(manager).get("/").text


def test_more_than_three_lead_to_their_list_and_cost_no_more_queries(
    world: World, browse: Browse, officer: User, manager: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    client = browse(manager)
    asked(world, officer)
    waived(world, officer)
    client.get("/")
    few = count_queries(lambda: client.get("/"))
    for n in range(9):
        waived(world, officer, assets=f"model-{n}*")
    client.get("/")
    assert count_queries(lambda: client.get("/")) == few <= 20
    shown = client.get("/").text
    assert "More waivers wait for your decision." in shown
    assert shown.count("asks to set the rule") == 3
