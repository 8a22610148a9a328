"""Capacity, cost rates and items without an owner on pages: who sees them, what is refused, and that costs stay apart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.models import Capacity, CostRate, Leave, RemediationItem, User
from compliance.services import capacity, people
from compliance.services.capacity import Holder
from tests.compliance import records
from tests.compliance.conftest import World
from tests.compliance.plans_on_record import DAY, staffed

Browse = Callable[[User], Client]
Count = Callable[[Callable[[], object]], int]
pytestmark = pytest.mark.django_db


def test_who_has_too_much_is_told_by_week(world: World, browse: Browse, manager: User, contributor: User) -> None:
    staffed(contributor, manager)
    RemediationItem.objects.filter(pk=world.item.pk).update(due_on=timezone.localdate(), remaining=Decimal(30))
    answer = browse(manager).get(reverse("capacity"))
    (row,) = answer.context["content"].overloaded
    assert (row.name, row.weeks[0].load) == (contributor.name, Decimal(30))
    assert row.weeks[0].capacity == Decimal("2.5")
    assert [team.name for team in answer.context["content"].teams] == ["Platform"]
    assert "<svg" in answer.text
    lines = browse(manager).get(reverse("capacity"), {"export": "csv"}).getvalue().decode("utf-8-sig").splitlines()
    assert any(line.startswith("Carl Contributor,") and line.endswith("yes") for line in lines[1:2])


def test_the_page_takes_few_queries(
    world: World, browse: Browse, manager: User, contributor: User, count_queries: Count
) -> None:
    staffed(contributor, manager)
    for n in range(10):
        records.remediation_item(world.finding, owner=manager, actor=manager, title=f"Work {n}")
    client = browse(manager)
    assert count_queries(lambda: client.get(reverse("capacity"))) <= 20


def test_a_team_holds_for_members_who_have_nothing_of_their_own(
    world: World, browse: Browse, manager: User, contributor: User
) -> None:
    team = staffed(contributor, manager).team
    capacity.state_capacity(
        holder=Holder(team=team),
        days_a_week=Decimal(4),
        allocation=100,
        work_role="",
        effective_from=DAY,
        actor=manager,
    )
    team.members.add(manager)
    rows = {row.name: row for row in browse(manager).get(reverse("capacity")).context["content"].people}
    assert rows[manager.name].weeks[0].capacity == Decimal(4)
    assert rows[contributor.name].weeks[0].capacity == Decimal("2.5")


def test_capacity_and_leave_are_stated_and_withdrawn(browse: Browse, manager: User) -> None:
    client, today = browse(manager), timezone.localdate()
    given = {"person": str(manager.uuid), "days_a_week": "4", "allocation": "50", "effective_from": str(today)}
    client.post(reverse("capacity-state"), given)
    assert Capacity.objects.get().user == manager
    days = {"person": str(manager.uuid), "first_day": str(today), "last_day": str(today + timedelta(days=3))}
    client.post(reverse("leave-state"), days)
    client.post(reverse("leave-withdraw", args=[Leave.objects.get().uuid]))
    assert not Leave.objects.exists()


HALF = {"days_a_week": "4", "allocation": "50", "effective_from": "2026-01-01"}
RATE = {"work_role": "ML", "currency": "EUR", "amount_a_day": "5", "effective_from": "2026-01-01"}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("capacity-state", HALF, "person or a team"),
        ("capacity-state", HALF | {"days_a_week": "9"}, "less than or equal to 7"),
        ("leave-state", {"first_day": "2026-02-02", "last_day": "2026-02-01"}, "person or a team"),
        ("cost-rate-state", RATE | {"currency": "E1R"}, "three letters"),
        ("cost-rate-state", RATE | {"amount_a_day": "-5"}, "greater than or equal"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    browse: Browse, manager: User, name: str, given: dict[str, str], message: str
) -> None:
    assert message in browse(manager).post(reverse(name), given, follow=True).text
    assert not Capacity.objects.exists()
    assert not CostRate.objects.exists()


def test_costs_are_seen_by_managers_and_administrators_alone(
    world: World, browse: Browse, manager: User, administrator: User, officer: User, contributor: User, auditor: User
) -> None:
    staffed(contributor, manager)
    records.worked(world.item, contributor, "2")
    page, rates = reverse("remediation-item", args=[world.item.uuid]), reverse("cost-rates")
    for user, sees in (
        (manager, True),
        (administrator, True),
        (officer, False),
        (contributor, False),
        (auditor, False),
    ):
        client = browse(user)
        text = client.get(page).text
        assert ("EUR" in text) is sees, user.role
        assert (client.get(rates).status_code == 200) is sees, user.role
        assert (client.get("/api/v1/cost-rates/").status_code == 200) is sees, user.role
    costs = browse(manager).get(page).context["plan"].costs
    assert costs.spent.amounts == {"EUR": Decimal(1600)}


def test_items_of_somebody_who_left_are_listed_for_another_owner(
    world: World, browse: Browse, manager: User, contributor: User
) -> None:
    people.deactivate_user(user=contributor, actor=None)
    answer = browse(manager).get(reverse("remediation-ownerless"))
    assert [item.title for item in answer.context["page"]] == [world.item.title]
    assert "has left" in answer.text
    assert "Its owner has left" in browse(manager).get(reverse("remediation-item", args=[world.item.uuid])).text
