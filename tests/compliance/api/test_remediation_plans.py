"""What was planned, worked, waits and costs over the API: who reads it, who writes it, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from compliance.models import Capacity, CostRate, ItemDependency, Leave, RemediationItem, Team, User, WorkEntry
from compliance.services import people
from compliance.types.states import Role
from tests.compliance import records
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import World, person
from tests.compliance.plans_on_record import Planned, planned, staffed
from tests.compliance.services.test_closings import GONE, scanned
from tests.days import in_days

pytestmark = pytest.mark.django_db
Count = Callable[[Callable[[], object]], int]
OF_PLANS = ("baselines", "plan-updates", "work-entries", "dependencies")
OF_PEOPLE = ("capacities", "leaves")


def read(client: APIClient, path: str, **query: str) -> Any:
    answer: Any = client.get(f"/api/v1/{path}/", query)
    return answer


def sent(client: APIClient, path: str, status: int, **given: Any) -> Any:
    answer = client.post(f"/api/v1/{path}/", given, format="json")
    assert answer.status_code == status, answer.content
    return answer.json()


@pytest.fixture
def plan(world: World, manager: User) -> Planned:
    return planned(world.item, world.finding, manager)


# Who reads -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", OF_PLANS)
def test_an_empty_list_is_a_list(api: Api, manager: User, path: str) -> None:
    assert read(api(manager), path).json()["results"] == []


@pytest.mark.parametrize("path", OF_PLANS)
def test_plans_are_read_by_whoever_sees_the_item(
    world: World, plan: Planned, api: Api, path: str, contributor: User, collector: User
) -> None:
    listed = read(api(contributor), path).json()["results"]
    assert listed
    one = read(api(contributor), f"{path}/{listed[0]['uuid']}")
    assert one.json() == listed[0]
    stranger = person("Sam Stranger", Role.CONTRIBUTOR)
    assert read(api(stranger), path).json()["results"] == []
    assert read(api(stranger), f"{path}/{listed[0]['uuid']}").status_code == 404
    assert read(api(collector), path).status_code == 403


def test_the_work_log_is_for_those_who_work(plan: Planned, api: Api, administrator: User, auditor: User) -> None:
    for reader in (administrator, auditor):
        assert read(api(reader), "work-entries").status_code == 403


def test_lists_are_narrowed_to_one_item(world: World, plan: Planned, api: Api, manager: User) -> None:
    client, item = api(manager), str(world.item.uuid)
    assert [row["item"] for row in read(client, "baselines", item__uuid=item).json()["results"]] == [item]
    updates = read(client, "plan-updates", item__uuid=item, reason="learned_more").json()["results"]
    assert [(row["number"], row["remaining"]) for row in updates] == [(1, "4.00")]
    assert read(client, "plan-updates", slip_days__gt="0").json()["results"] == []
    assert len(read(client, "work-entries", day=in_days(0).isoformat()).json()["results"]) == 1
    needs = str(plan.dependency.needs.uuid)
    assert len(read(client, "dependencies", needs__uuid=needs).json()["results"]) == 1
    assert read(client, "dependencies", needs__uuid=item).json()["results"] == []
    assert read(client, "work-entries", day="yesterday").status_code == 400


@pytest.mark.parametrize("path", [*OF_PLANS, *OF_PEOPLE, "cost-rates"])
def test_lists_take_few_queries_and_go_out_as_files(
    plan: Planned, api: Api, contributor: User, manager: User, path: str, count_queries: Count
) -> None:
    staffed(contributor, manager)
    client = api(manager)
    assert count_queries(lambda: read(client, path)) <= 12
    assert read(client, path, export="csv").status_code == 200


# Writing ---------------------------------------------------------------------------------------------------------------


def test_plan_baseline_work_and_dependencies_from_beginning_to_end(
    world: World, api: Api, contributor: User, manager: User, officer: User
) -> None:
    one = f"remediation-items/{world.item.uuid}"
    figures = {"estimate_low": "2", "estimate_likely": "4", "estimate_high": "8", "remaining": "4", "version": 1}
    due = world.item.due_on.isoformat()
    later = (world.item.due_on + timedelta(days=5)).isoformat()
    told = sent(api(manager), f"{one}/plan", 200, **figures, due_on=later, reason="people_not_free", note="Ill.")
    assert (told["slips"], told["original_due_on"], told["due_on"]) == (1, due, later)
    assert sent(api(contributor), f"{one}/baseline", 200, scope="The model in service.")["baseline"] is None
    assert api(contributor).post(f"/api/v1/{one}/baseline/decide/", {"approves": True}).status_code == 403
    assert sent(api(officer), f"{one}/baseline/decide", 200, approves=True, note="")["baseline"]
    work = {"amount": "4", "unit": "hours", "day": in_days(0).isoformat(), "what": "Blocked it"}
    assert sent(api(contributor), f"{one}/effort", 200, **work)["effort_spent"] == "0.50"
    (entry,) = read(api(contributor), "work-entries").json()["results"]
    assert (
        sent(api(contributor), f"work-entries/{entry['uuid']}/reverse", 201, why="Twice.")["reverses"] == entry["uuid"]
    )
    assert "already" in str(sent(api(contributor), f"work-entries/{entry['uuid']}/reverse", 409, why="Again."))
    assert RemediationItem.objects.get(pk=world.item.pk).effort_spent == 0


def test_a_dependency_is_added_and_taken_away_by_those_who_lead(
    world: World, plan: Planned, api: Api, contributor: User, manager: User
) -> None:
    first = plan.dependency.needs
    circle = sent(api(manager), f"remediation-items/{first.uuid}/dependencies", 409, needs=str(world.item.uuid))
    assert "That would be a circle" in str(circle)
    path = f"/api/v1/dependencies/{plan.dependency.uuid}/"
    assert api(contributor).delete(path).status_code == 403
    assert api(manager).delete(path).status_code == 204
    assert not ItemDependency.objects.exists()
    assert api(manager).delete(path).status_code == 404


def test_teams_are_made_by_those_who_manage_people(
    api: Api, administrator: User, officer: User, manager: User, contributor: User
) -> None:
    assert api(manager).get("/api/v1/teams/").status_code == 403
    assert api(officer).post("/api/v1/teams/", {"name": "Platform"}).status_code == 403
    made = sent(api(administrator), "teams", 201, name="Platform")
    path = f"teams/{made['uuid']}"
    joined = sent(api(administrator), f"{path}/join", 200, person=str(contributor.uuid))
    assert [member["name"] for member in joined["members"]] == [contributor.name]
    assert read(api(officer), path).json() == joined
    assert sent(api(administrator), f"{path}/leave", 200, person=str(contributor.uuid))["members"] == []
    assert sent(api(administrator), f"{path}/join", 400, person=str(uuid4()))["person"]
    assert sent(api(administrator), "teams", 400, name=" ")["name"]
    assert Team.objects.count() == 1


def test_capacity_leave_and_rates_are_stated_by_managers(
    api: Api, manager: User, officer: User, contributor: User, auditor: User
) -> None:
    who, day = str(contributor.uuid), in_days(0).isoformat()
    stated = {"person": who, "days_a_week": "4", "allocation": 50, "work_role": "ML", "effective_from": day}
    assert sent(api(manager), "capacities", 201, **stated)["person"]["name"] == contributor.name
    away = sent(api(manager), "leaves", 201, person=who, first_day=day, last_day=day)
    rate = {"work_role": "ML", "currency": "EUR", "amount_a_day": "800", "effective_from": day}
    assert sent(api(manager), "cost-rates", 201, **rate)["amount_a_day"] == "800.00"
    for reader in (contributor, auditor):
        for path in (*OF_PEOPLE, "cost-rates"):
            assert read(api(reader), path).status_code == 403
    assert read(api(officer), "capacities").status_code == 200
    assert read(api(officer), "cost-rates").status_code == 403
    assert api(officer).post("/api/v1/capacities/", stated, format="json").status_code == 403
    assert api(officer).delete(f"/api/v1/leaves/{away['uuid']}/").status_code == 403
    assert api(manager).delete(f"/api/v1/leaves/{away['uuid']}/").status_code == 204
    assert not Leave.objects.exists()


@pytest.mark.parametrize(
    ("path", "given", "words"),
    [
        ("capacities", {"days_a_week": "4", "allocation": 50, "effective_from": "2026-01-01"}, "person or a team"),
        ("capacities", {"days_a_week": "9", "allocation": 50, "effective_from": "2026-01-01", "own": 1}, "days"),
        ("capacities", {"days_a_week": "4", "allocation": 101, "effective_from": "2026-01-01", "own": 1}, "100"),
        ("leaves", {"first_day": "2026-02-02", "last_day": "2026-02-01", "own": 1}, "day"),
        ("cost-rates", {"work_role": "ML", "currency": "E1R", "amount_a_day": "5", "effective_from": "2026-01-01"}, "letters"),
        ("cost-rates", {"work_role": "ML", "currency": "EUR", "amount_a_day": "-5", "effective_from": "2026-01-01"}, ""),
        ("cost-rates", {"work_role": "ML", "currency": "EUR", "amount_a_day": "5", "effective_from": "soon"}, "wrong format"),
    ],
)  # fmt: skip
def test_what_cannot_be_stated_is_refused(
    api: Api, manager: User, path: str, given: dict[str, Any], words: str
) -> None:
    own = {"person": str(manager.uuid)} if given.pop("own", None) else {}
    answer = api(manager).post(f"/api/v1/{path}/", given | own, format="json")
    assert answer.status_code in (400, 409)
    assert words in answer.content.decode()
    assert not any(table.objects.exists() for table in (Capacity, Leave, CostRate))


# Bad input -------------------------------------------------------------------------------------------------------------

GOOD = {"title": "Replace it", "effort_planned": "3", "due_on": "2099-03-01"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"due_on": "2020-01-01"}, "before the day on which the item is opened"),
        ({"effort_planned": "-1"}, ""),
        ({"milestones": [{"title": "Late", "due_on": "2099-04-01"}]}, "is due after the item itself"),
        ({"milestones": [{"title": "Early", "due_on": "2020-01-01"}]}, "before the item was opened"),
    ],
)
def test_an_item_that_cannot_be_is_refused(
    world: World, api: Api, manager: User, changed: dict[str, Any], words: str
) -> None:
    given = GOOD | {"finding": str(world.finding.uuid), "owner": str(manager.uuid)} | changed
    answer = api(manager).post("/api/v1/remediation-items/", given, format="json")
    assert answer.status_code in (400, 409)
    assert words in answer.content.decode()
    assert not RemediationItem.objects.filter(title="Replace it").exists()


def test_owners_without_rights_and_people_who_left_get_no_work(
    world: World, api: Api, manager: User, contributor: User, auditor: User
) -> None:
    stranger = person("Sam Stranger", Role.CONTRIBUTOR)
    path = f"remediation-items/{world.item.uuid}/assign"
    for other in (stranger, auditor):
        assert api(manager).post(f"/api/v1/{path}/", {"owner": str(other.uuid)}).status_code in (400, 409)
        given = GOOD | {"finding": str(world.finding.uuid), "owner": str(other.uuid)}
        assert api(manager).post("/api/v1/remediation-items/", given, format="json").status_code in (400, 409)
    people.deactivate_user(user=contributor, actor=None)
    answer = api(manager).post(f"/api/v1/{path}/", {"owner": str(contributor.uuid)})
    assert answer.status_code in (400, 409)
    assert RemediationItem.objects.get(pk=world.item.pk).version == 1


@pytest.mark.parametrize(
    ("act", "given"),
    [
        ("effort", {"amount": "-1", "unit": "days", "what": "x"}),
        ("effort", {"amount": "1", "unit": "days", "day": "2099-01-01", "what": "x"}),
        ("effort", {"amount": "25", "unit": "hours", "what": "x"}),
        ("plan", {"estimate_low": "1", "estimate_likely": "2", "estimate_high": "3", "remaining": "-1",
                  "due_on": "2099-12-01", "reason": "progress", "version": 1}),
        ("plan", {"estimate_low": "1", "estimate_likely": "2", "estimate_high": "3", "remaining": "1",
                  "due_on": "2020-01-01", "reason": "progress", "version": 1}),
    ],
)  # fmt: skip
def test_negative_effort_and_days_that_cannot_be_are_refused(
    world: World, api: Api, manager: User, act: str, given: dict[str, str]
) -> None:
    sent = {"day": in_days(0).isoformat()} | given if act == "effort" else given
    answer = api(manager).post(f"/api/v1/remediation-items/{world.item.uuid}/{act}/", sent, format="json")
    assert answer.status_code in (400, 409)
    assert not WorkEntry.objects.exists()
    assert world.item.plan_updates.count() == 1


def test_a_closing_is_not_confirmed_over_the_api_by_whoever_did_the_work(
    world: World, api: Api, manager: User, officer: User
) -> None:
    records.worked(world.item, manager, "1")
    scanned(world.tuned, GONE)
    path = f"closings/{world.item.closings.get().uuid}/confirm"
    assert "somebody else" in str(sent(api(manager), path, 409, words="Mine."))
    assert sent(api(officer), path, 200, words="Looked at it.")["state"] == "confirmed"
