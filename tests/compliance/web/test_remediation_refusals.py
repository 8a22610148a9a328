"""What cannot be of a plan, on pages: said in words, with nothing half-written. api/test_remediation_plans.py has the API."""

from __future__ import annotations

import pytest
from django.urls import reverse

from compliance.models import ItemDependency, Milestone, RemediationItem, User, WorkEntry
from compliance.services import dependencies, people
from compliance.types.states import Role
from tests.compliance import records
from tests.compliance.conftest import Browse, World, person
from tests.days import in_days

pytestmark = pytest.mark.django_db


def url(act: str, item: RemediationItem) -> str:
    return reverse(f"remediation-{act}", args=[item.uuid])


def test_a_circle_is_refused_and_its_way_told(world: World, browse: Browse, manager: User) -> None:
    first = records.remediation_item(world.finding, owner=manager, actor=manager, title="Find the cause")
    dependencies.add(item=world.item, needs=first, actor=manager)
    shown = browse(manager).post(url("depend", first), {"needs": str(world.item.uuid)}, follow=True).text
    assert "That would be a circle: Replace the model → Find the cause" in shown
    assert ItemDependency.objects.count() == 1


def test_items_of_another_system_and_foreign_ones_are_not_waited_for(
    world: World, browse: Browse, manager: User, contributor: User
) -> None:
    answer = browse(manager).post(url("depend", world.item), {"needs": str(world.other_item.uuid)}, follow=True)
    assert "Choose the item that has to be done before" in answer.text
    assert browse(contributor).post(url("depend", world.item), {"needs": "x"}).status_code == 403
    assert browse(contributor).get(url("replan", world.other_item)).status_code == 404
    assert not ItemDependency.objects.exists()


def plan(item: RemediationItem, **changed: str) -> dict[str, str]:
    stands = {
        "estimate_low": "3", "estimate_likely": "5", "estimate_high": "9", "remaining": "5",
        "due_on": item.due_on.isoformat(), "reason": "learned_more", "version": str(item.version),
    }  # fmt: skip
    return stands | changed


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"due_on": "2020-01-01"}, "before the day on which the item was opened"),
        ({"remaining": "-1"}, "greater than or equal to 0"),
        ({"estimate_low": "-1"}, "greater than or equal to 0"),
        ({"estimate_low": "6"}, "low estimate is at most"),
        ({"due_on": "soon"}, "Enter a valid date"),
        ({"reason": ""}, "required"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    world: World, browse: Browse, manager: User, changed: dict[str, str], words: str
) -> None:
    assert words in browse(manager).post(url("replan", world.item), plan(world.item, **changed)).text
    assert world.item.plan_updates.count() == 1


def test_an_item_that_is_due_before_it_is_opened_is_refused(world: World, browse: Browse, manager: User) -> None:
    given = {
        "title": "Replace it", "owner": str(manager.uuid), "effort_planned": "3", "due_on": "2020-01-01",
        "step-TOTAL_FORMS": "0", "step-INITIAL_FORMS": "0",
    }  # fmt: skip
    shown = browse(manager).post(reverse("remediation-open", args=[world.finding.uuid]), given).text
    assert "before the day on which the item is opened" in shown
    assert not RemediationItem.objects.filter(title="Replace it").exists()


@pytest.mark.parametrize("day", ["2020-01-01", "2199-01-01"])
def test_a_step_outside_the_days_of_its_item_is_refused(world: World, browse: Browse, manager: User, day: str) -> None:
    before = Milestone.objects.count()
    given = {"title": "Step", "due_on": day}
    assert "is due" in browse(manager).post(url("milestone-add", world.item), given, follow=True).text
    assert Milestone.objects.count() == before


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"amount": "-1"}, "above zero"),
        ({"amount": "25"}, "at most 24 hours"),
        ({"day": "2099-01-01"}, "lies after"),
        ({"remaining": "-1"}, "greater than or equal to 0"),
    ],
)
def test_work_that_cannot_be_is_refused(
    world: World, browse: Browse, manager: User, changed: dict[str, str], words: str
) -> None:
    given = {"amount": "1", "unit": "hours", "day": in_days(0).isoformat(), "what": "Blocked it"} | changed
    assert words in browse(manager).post(url("effort", world.item), given, follow=True).text
    assert not WorkEntry.objects.exists()


def test_owners_without_rights_and_people_who_left_get_no_work(
    world: World, browse: Browse, manager: User, contributor: User, auditor: User
) -> None:
    stranger = person("Sam Stranger", Role.CONTRIBUTOR)
    people.deactivate_user(user=contributor, actor=None)
    client = browse(manager)
    for other in (stranger, auditor, contributor):
        client.post(url("assign", world.item), {"owner": str(other.uuid)})
        given = {"amount": "1", "unit": "hours", "day": in_days(0).isoformat(), "what": "x", "person": str(other.uuid)}
        client.post(url("effort", world.item), given)
    fresh = RemediationItem.objects.get(pk=world.item.pk)
    assert (fresh.owner, fresh.version) == (contributor, 1)
    assert not WorkEntry.objects.exists()
    assert "Its owner has left" in client.get(url("item", world.item)).text
