"""Plans of remediation: estimates, slips, baselines, the work log and dependencies; and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from compliance.models import ItemDependency, RemediationItem, User
from compliance.selectors.freeze_remediation import remediation as remediation_of
from compliance.selectors.workers import without_owner
from compliance.services import baselines, dependencies, people, plans, remediation, work_log
from compliance.services.errors import ConflictError, RefusedError
from compliance.services.remediation import ItemWords
from compliance.services.work_log import Work
from compliance.types.plans import EffortUnit, Estimate, PlanReason
from compliance.types.states import Role
from tests.compliance import records
from tests.compliance.conftest import World
from tests.compliance.plans_on_record import change_of

pytestmark = pytest.mark.django_db
LATER = date(2100, 1, 15)


def fresh(item: RemediationItem) -> RemediationItem:
    return RemediationItem.objects.get(pk=item.pk)


# The plan as it stands ----------------------------------------------------------------------------------------------


def test_an_item_begins_with_its_estimate_and_its_original_due_date(world: World) -> None:
    item = world.item
    assert item.estimate == Estimate(low=Decimal(3), likely=Decimal(5), high=Decimal(9))
    assert (item.remaining, item.original_due_on, item.slips) == (Decimal(5), item.due_on, 0)
    first = item.plan_updates.get()
    assert (first.number, first.reason, first.due_on) == (0, PlanReason.OPENED, item.due_on)


def test_a_later_due_date_is_a_slip_and_an_earlier_one_is_none(world: World, manager: User) -> None:
    item = world.item
    plans.update(item=item, change=change_of(item, due_on=LATER, reason=PlanReason.PEOPLE_NOT_FREE), actor=manager)
    plans.update(item=item, change=change_of(item, due_on=LATER - timedelta(days=5)), actor=manager)
    now = fresh(item)
    assert (now.slips, now.original_due_on, now.due_on) == (1, date(2099, 12, 1), date(2100, 1, 10))
    assert now.slip_days == 40
    told = [(row.slip_days, row.reason) for row in item.plan_updates.all()]
    assert told == [(0, "opened"), (45, "people_not_free"), (-5, "learned_more")]


def test_estimate_at_completion_is_what_was_spent_and_what_remains(world: World, contributor: User) -> None:
    records.worked(world.item, contributor, "2.5")
    plans.update(item=world.item, change=change_of(fresh(world.item), remaining=Decimal(4)), actor=contributor)
    now = fresh(world.item)
    assert (now.effort_spent, now.remaining) == (Decimal("2.5"), Decimal(4))
    assert (now.estimate_at_completion, now.effort_variance) == (Decimal("6.5"), Decimal("1.5"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"remaining": Decimal(-1)}, "Remaining effort cannot be below zero"),
        ({"estimate": Estimate(low=Decimal(-1), likely=Decimal(1), high=Decimal(1))}, "Effort cannot be below zero"),
        ({"estimate": Estimate(low=Decimal(9), likely=Decimal(5), high=Decimal(9))}, "low estimate is at most"),
        ({"due_on": date(2020, 1, 1)}, "before the day on which the item was opened"),
        ({"due_on": date(2099, 10, 1)}, "milestone “Retrain” is due after that day"),
        ({"reason": PlanReason.OPENED, "remaining": Decimal(1)}, "Choose the reason"),
        ({}, "Nothing differs"),
    ],
)
def test_what_is_no_plan_is_refused(world: World, manager: User, changes: dict[str, object], message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        plans.update(item=world.item, change=change_of(world.item, **changes), actor=manager)
    assert world.item.plan_updates.count() == 1


def test_whoever_works_on_it_updates_effort_and_moves_no_date(world: World, contributor: User) -> None:
    with pytest.raises(RefusedError, match="moved by an officer or manager"):
        plans.update(item=world.item, change=change_of(world.item, due_on=LATER), actor=contributor)
    plans.update(item=world.item, change=change_of(world.item, remaining=Decimal(7)), actor=contributor)
    assert fresh(world.item).remaining == Decimal(7)


def test_of_two_who_edit_one_item_the_second_sees_both(world: World, manager: User, officer: User) -> None:
    seen = world.item.version
    plans.update(
        item=world.item, change=change_of(world.item, remaining=Decimal(2)), actor=officer, expected_version=seen
    )
    with pytest.raises(ConflictError) as refused:
        plans.update(
            item=world.item, change=change_of(world.item, remaining=Decimal(8)), actor=manager, expected_version=seen
        )
    conflict = refused.value
    assert (conflict.saved["remaining"], conflict.sent["remaining"]) == ("2.00", "8.00")
    assert (conflict.differing, conflict.by, conflict.version) == (
        ["remaining"],
        officer.name,
        fresh(world.item).version,
    )
    words = ItemWords(title="Mine", description="")
    with pytest.raises(ConflictError):
        remediation.revise(item=world.item, words=words, expected_version=seen, actor=manager)
    with pytest.raises(ConflictError):
        remediation.assign(item=world.item, owner=manager, expected_version=seen, actor=manager)
    assert fresh(world.item).title == world.item.title


# Opening and owners -------------------------------------------------------------------------------------------------


def test_what_is_due_before_it_was_opened_is_refused(world: World, manager: User) -> None:
    plan = records.item_plan(owner=manager, due_on=timezone.localdate() - timedelta(days=1))
    with pytest.raises(RefusedError, match="before the day on which the item is opened"):
        remediation.open_item(origin=records.origin_of(world.finding), plan=plan, actor=manager)


def test_an_owner_has_to_have_the_right_and_to_be_here(world: World, manager: User, contributor: User) -> None:
    stranger = people.create_user(
        email="s@example.org", name="Sam Stranger", role=Role.CONTRIBUTOR, password=None, actor=None
    )
    with pytest.raises(RefusedError, match="Sam Stranger has no right to work on Digit reader"):
        remediation.assign(item=world.item, owner=stranger, actor=manager)
    people.deactivate_user(user=contributor, actor=None)
    with pytest.raises(RefusedError, match="has left"):
        remediation.assign(item=world.item, owner=User.objects.get(pk=contributor.pk), actor=manager)


def test_items_of_people_who_left_or_lost_their_right_wait_for_another_owner(
    world: World, manager: User, contributor: User
) -> None:
    rows = RemediationItem.objects.all()
    assert list(without_owner(rows)) == []
    membership = contributor.memberships.get()
    people.revoke_membership(membership=membership, actor=manager)
    assert list(without_owner(rows)) == [world.item]
    people.deactivate_user(user=contributor, actor=None)
    assert list(without_owner(rows)) == [world.item]


# Baselines ----------------------------------------------------------------------------------------------------------


def test_a_baseline_is_approved_by_another_person_and_kept(world: World, manager: User, contributor: User) -> None:
    baseline = baselines.propose(item=world.item, scope="The model in service.", actor=manager)
    with pytest.raises(RefusedError, match="another person has to"):
        baselines.decide(baseline=baseline, approves=True, note="", actor=manager)
    officer = people.create_user(email="o@example.org", name="Otto", role=Role.OFFICER, password=None, actor=None)
    baselines.decide(baseline=baseline, approves=True, note="", actor=officer)
    item = fresh(world.item)
    assert (item.baseline, item.effort_planned) == (baseline, Decimal(5))
    plans.update(item=item, change=change_of(item, remaining=Decimal(9), due_on=LATER), actor=manager)
    item = fresh(item)
    assert item.baseline is not None
    assert (item.baseline.effort_likely, item.baseline.due_on) == (Decimal(5), date(2099, 12, 1))
    assert item.effort_variance == Decimal(4)
    with pytest.raises(RefusedError, match="kept for ever"):
        baselines.propose(item=item, scope="Again.", actor=manager)


def test_a_plan_that_changed_meanwhile_is_proposed_again(world: World, manager: User, officer: User) -> None:
    baseline = baselines.propose(item=world.item, scope="All.", actor=manager)
    with pytest.raises(RefusedError, match="waits for a decision already"):
        baselines.propose(item=world.item, scope="All.", actor=manager)
    plans.update(item=world.item, change=change_of(world.item, estimate=Estimate.exactly(Decimal(8))), actor=manager)
    with pytest.raises(RefusedError, match="plan changed since"):
        baselines.decide(baseline=baseline, approves=True, note="", actor=officer)
    with pytest.raises(RefusedError, match="Say why"):
        baselines.decide(baseline=baseline, approves=False, note=" ", actor=officer)
    baselines.decide(baseline=baseline, approves=False, note="Out of date.", actor=officer)
    again = baselines.propose(item=world.item, scope="All.", actor=manager)
    assert (again.number, again.effort_likely) == (2, Decimal(8))


# The work log -------------------------------------------------------------------------------------------------------


def work(person: User, **changes: object) -> Work:
    given: dict[str, object] = {
        "person": person, "day": timezone.localdate(), "amount": Decimal(4), "unit": EffortUnit.HOURS, "what": "Retrained",
    }  # fmt: skip
    return Work(**(given | changes))  # type: ignore[arg-type]  # the tests name fields of the class


def test_hours_and_days_add_up_and_lessen_what_remains(world: World, contributor: User) -> None:
    work_log.log(item=world.item, work=work(contributor), actor=contributor)
    work_log.log(
        item=world.item, work=work(contributor, amount=Decimal("1.25"), unit=EffortUnit.DAYS), actor=contributor
    )
    item = fresh(world.item)
    assert (item.effort_spent, item.remaining) == (Decimal("1.75"), Decimal("3.25"))


def test_a_mistaken_entry_is_taken_back_once_and_both_stay(world: World, contributor: User, manager: User) -> None:
    entry = work_log.log(item=world.item, work=work(contributor), actor=contributor)
    counter = work_log.reverse(entry=entry, why="Wrong item.", actor=contributor)
    item = fresh(world.item)
    assert (item.effort_spent, item.remaining, counter.person_days) == (Decimal(0), Decimal(5), Decimal("-0.5"))
    assert item.work_entries.count() == 2
    for again in (entry, counter):
        with pytest.raises(RefusedError, match="taken back already"):
            work_log.reverse(entry=again, why="Once more.", actor=manager)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"amount": Decimal(0)}, "above zero"),
        ({"amount": Decimal(-3)}, "above zero"),
        ({"amount": Decimal(25)}, "at most 24 hours"),
        ({"day": date(2999, 1, 1)}, "The day lies after"),
        ({"what": " "}, "Say what was done"),
        ({"remaining": Decimal(-1)}, "below zero"),
    ],
)
def test_what_is_no_work_is_refused(world: World, contributor: User, changes: dict[str, object], message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        work_log.log(item=world.item, work=work(contributor, **changes), actor=contributor)
    assert world.item.work_entries.count() == 0


def test_one_logs_ones_own_work_and_leaders_that_of_others(
    world: World, contributor: User, manager: User, auditor: User
) -> None:
    with pytest.raises(RefusedError, match="your own work alone"):
        work_log.log(item=world.item, work=work(manager), actor=contributor)
    entry = work_log.log(item=world.item, work=work(contributor), actor=manager)
    assert (entry.person, entry.made_by) == (contributor, manager)
    with pytest.raises(RefusedError, match="no right to work"):
        work_log.log(item=world.item, work=work(auditor), actor=manager)


# Dependencies -------------------------------------------------------------------------------------------------------


@pytest.fixture
def three(world: World, manager: User) -> list[RemediationItem]:
    titles = ("Cause", "Replace", "Retest")
    return [records.remediation_item(world.finding, owner=manager, actor=manager, title=title) for title in titles]


def test_a_circle_is_refused_and_told(three: list[RemediationItem], manager: User) -> None:
    cause, replace, retest = three
    dependencies.add(item=replace, needs=cause, actor=manager)
    dependencies.add(item=retest, needs=replace, actor=manager)
    with pytest.raises(RefusedError, match="Retest → Replace → Cause → Retest"):
        dependencies.add(item=cause, needs=retest, actor=manager)
    with pytest.raises(RefusedError, match="wait for itself"):
        dependencies.add(item=cause, needs=cause, actor=manager)
    with pytest.raises(RefusedError, match="already"):
        dependencies.add(item=replace, needs=cause, actor=manager)
    dependencies.remove(dependency=ItemDependency.objects.get(item=retest), actor=manager)
    dependencies.add(item=cause, needs=retest, actor=manager)
    assert ItemDependency.objects.count() == 2


def test_items_of_another_system_are_not_waited_for(world: World, manager: User) -> None:
    with pytest.raises(RefusedError, match="same AI system"):
        dependencies.add(item=world.item, needs=world.other_item, actor=manager)


# In freezes ---------------------------------------------------------------------------------------------------------


def test_a_freeze_keeps_baseline_effort_and_slips_and_no_cost(world: World, manager: User, officer: User) -> None:
    baseline = baselines.propose(item=world.item, scope="The model in service.", actor=manager)
    baselines.decide(baseline=baseline, approves=True, note="", actor=officer)
    change = change_of(fresh(world.item), due_on=LATER, reason=PlanReason.TEST_FAILED, remaining=Decimal(3))
    plans.update(item=world.item, change=change, actor=manager)
    (told,) = remediation_of(world.item.system)
    assert told["baseline"] is not None
    assert told["baseline"]["effort"] == {"low": 3.0, "likely": 5.0, "high": 9.0}
    assert (told["baseline"]["due"], told["original_due"], told["due"]) == ("2099-12-01", "2099-12-01", "2100-01-15")
    assert [(slip["days"], slip["reason"]) for slip in told["slips"]] == [(45, PlanReason.TEST_FAILED)]
    assert told["remaining"] == 3.0
    assert not [key for key in told if "cost" in key or "rate" in key]
