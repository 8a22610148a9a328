"""Every list of the API is to be had as CSV and XLSX: filtered, typed, and scoped to its asker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from compliance.management.routes import Gate, routes
from compliance.models import User
from compliance.selectors.table_files import MEDIA_TYPES, Kind
from compliance.services import people
from compliance.types.states import Role
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import World
from tests.compliance.read_tables import body, csv_rows, said, with_query, xlsx_rows
from tests.compliance.routes_world import Places, places
from tests.compliance.test_routes import address

ENDPOINTS = [route for route in routes() if route.gate is Gate.ENDPOINT and "GET" in route.verbs]


@pytest.fixture
def known(world: World, officer: User, contributor: User) -> Places:
    return places(world, officer, contributor)


def counted(api: Api, user: User, known: Places) -> Iterator[tuple[str, int]]:
    """Address and count of every endpoint that answers with a list."""
    for route in ENDPOINTS:
        url = address(route, known.own)
        if url is None or re.search(r"schema|docs", url):
            continue
        answer: Any = api(user).get(url)
        if answer.streaming or answer.status_code != 200:
            continue  # a file, or nothing for this person
        if not str(answer.headers.get("Content-Type", "")).startswith("application/json"):
            continue
        given = answer.json()
        if isinstance(given, list) or {"count", "results"} <= set(given):
            yield url, len(given) if isinstance(given, list) else given["count"]


def test_every_list_is_to_be_had_as_both_files(known: Places, api: Api, officer: User) -> None:
    wrong, seen = [], 0
    for url, count in counted(api, officer, known):
        seen += 1
        for kind, read in ((Kind.CSV, csv_rows), (Kind.XLSX, xlsx_rows)):
            answer: Any = api(officer).get(with_query(url, f"export={kind}"))
            if answer.status_code != 200 or answer["Content-Type"] != MEDIA_TYPES[kind]:
                wrong.append(f"{url}: no {kind}")
            elif (found := len(read(answer)) - 1) != count:
                wrong.append(f"{url}: {count} counted, {found} in the {kind}")
    assert wrong == []
    assert seen >= 30


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.AUDITOR])
def test_files_of_the_api_are_scoped_to_their_asker(
    known: Places, world: World, api: Api, contributor: User, auditor: User, role: Role
) -> None:
    user = {Role.CONTRIBUTOR: contributor, Role.AUDITOR: auditor}[role]
    identifiers = {str(value) for value in known.foreign.values()}
    for url, _count in counted(api, user, known):
        text = body(api(user).get(with_query(url, "export=csv"))).decode()
        assert not [one for one in identifiers if one in text], url


def test_a_collector_reads_no_list_as_a_file_either(world: World, api: Api, collector: User, officer: User) -> None:
    people.grant_membership(system=world.assessment.system, role=Role.COLLECTOR, actor=None, user=collector)
    assert api(collector).get("/api/v1/evidence/?export=csv").status_code == 403


def test_files_of_the_api_are_filtered_and_typed(world: World, api: Api, contributor: User) -> None:
    answer = api(contributor).get("/api/v1/job-events/?outcome=denied&export=csv")
    assert len(csv_rows(answer)) == 1
    heads, *rows = xlsx_rows(api(contributor).get("/api/v1/job-events/?outcome=success&export=xlsx"))
    assert len(rows) == 3
    assert all(hasattr(row[heads.index("occurred_at")], "year") for row in rows)
    told = said(api(contributor).get("/api/v1/job-events/?outcome=success&export=xlsx"))
    assert told["Filter: outcome"] == "success"


def test_the_api_refuses_another_kind_in_a_sentence(world: World, api: Api, contributor: User) -> None:
    answer = api(contributor).get("/api/v1/findings/?export=pdf")
    assert (answer.status_code, answer.json()) == (400, {"export": "Lists are exported as csv or xlsx."})
