"""Lists of the API: counted, paged, filtered, and read with a number of queries that does not grow."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.management.routes import Gate, routes
from compliance.models import User
from compliance.rights import TABLE
from compliance.types.states import Outcome, Role
from compliance.types.verdicts import StageVerdict
from tests.compliance import records
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import World
from tests.compliance.routes_world import places

LISTS = {
    f"/{route.path}": route.verbs["GET"]
    for route in routes()
    if route.gate is Gate.ENDPOINT and "GET" in route.verbs and "<" not in route.path and route.name.endswith("-list")
}


def listed(api: Api, user: User, url: str) -> dict[str, Any]:
    answer: dict[str, Any] = api(user).get(url).json()
    return answer


def test_a_page_states_how_many_there_are(world: World, api: Api, officer: User) -> None:
    records.log_events(world.assessment.system, world.log, 120, tag="more")
    first = listed(api, officer, "/api/v1/job-events/?page_size=50")
    assert (first["count"], len(first["results"]), first["previous"]) == (124, 50, None)
    last = listed(api, officer, "/api/v1/job-events/?page_size=50&page=3")
    assert (len(last["results"]), last["next"]) == (24, None)
    assert len(listed(api, officer, "/api/v1/job-events/?page_size=100000")["results"]) == 124


def test_counts_are_those_of_the_caller(world: World, api: Api, contributor: User, officer: User) -> None:
    assert listed(api, officer, "/api/v1/job-events/")["count"] == 4
    assert listed(api, contributor, "/api/v1/job-events/")["count"] == 3


def test_a_page_beyond_the_last_is_not_found(world: World, api: Api, officer: User) -> None:
    response = api(officer).get("/api/v1/findings/?page=99")
    assert response.status_code == 404
    assert isinstance(response.json()["detail"], str)


@pytest.mark.parametrize(
    ("query", "count"), [("outcome=success", 3), ("outcome=denied", 2), ("account=111122223333", 5), ("account=9", 0)]
)
def test_filters_narrow_a_list(world: World, api: Api, contributor: User, query: str, count: int) -> None:
    records.log_events(world.assessment.system, world.log, 2, tag="denied", outcome=Outcome.DENIED)
    assert listed(api, contributor, f"/api/v1/job-events/?{query}")["count"] == count


def queries(api: Api, user: User, url: str) -> int:
    client = api(user)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


def more(world: World, officer: User) -> None:
    """Several more rows of every kind."""
    system = world.assessment.system
    for n in range(4):
        version = records.model_version(system, f"more-{n}", "1", actor=officer, parent=world.base)
        finding = records.finding_of(records.observed(version, StageVerdict.EVIDENCE_FOUND, actor=officer))
        records.remediation_item(finding, owner=officer, actor=officer)
    records.log_events(system, world.log, 8, tag="more", actors=8)


@pytest.mark.django_db
def test_no_list_asks_more_for_more_rows(
    world: World, api: Api, officer: User, manager: User, administrator: User, contributor: User
) -> None:
    places(world, officer, contributor)
    staff = (officer, manager, administrator)
    readers = {
        url: next(user for user in staff if verb is None or Role(user.role) in TABLE[verb])
        for url, verb in LISTS.items()
    }
    few = {url: queries(api, reader, url) for url, reader in readers.items()}
    more(world, officer)
    assert {url: queries(api, reader, url) for url, reader in readers.items()} == few
    assert (
        few.pop("/api/v1/remediation-figures/") <= 20
    )  # an aggregate for each figure, kept until anything is recorded
    assert max(few.values()) <= 12
