"""Every list is to be had as CSV and XLSX: as filtered, no row more or less than its asker may see, from page and API.

Lists are found, not named: a page is a list where it turns pages, an endpoint where it answers with a count. A new list
without its files fails here.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.paginator import Page
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from compliance.management.routes import Gate, Route, routes
from compliance.models import User
from compliance.selectors.table_files import MEDIA_TYPES, Kind
from compliance.services import people
from compliance.types.states import Role
from tests.compliance import records
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import Browse, World
from tests.compliance.routes_world import Places, places
from tests.compliance.test_routes import address

# Lists that turn no pages, so that nothing gives them away.
UNPAGED = {"check-list", "check-run", "expectation-list", "reference-bank-list", "catalogue", "catalogue-control"}
PAGES = [route for route in routes() if route.gate is Gate.PAGE and "GET" in route.verbs]
ENDPOINTS = [route for route in routes() if route.gate is Gate.ENDPOINT and "GET" in route.verbs]


@pytest.fixture
def known(world: World, officer: User, contributor: User) -> Places:
    return places(world, officer, contributor)


def turned(response: Any) -> Page[Any] | None:
    """The page of rows that a rendered list shows."""
    for found in response.context or ():
        for layer in found.dicts if hasattr(found, "dicts") else (found,):
            for value in dict(layer).values():
                if isinstance(value, Page):
                    return value
    return None


def lists(client: Client, known: Places) -> Iterator[tuple[Route, str, Any]]:
    """Route, address and answer of every page that shows a list."""
    for route in PAGES:
        url = address(route, known.own)
        assert url is not None
        response = client.get(url)
        if response.status_code == 200 and not response.streaming and (route.name in UNPAGED or turned(response)):
            yield route, url, response


def with_query(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}"


def body(response: Any) -> bytes:
    content: bytes = response.getvalue() if response.streaming else response.content
    return content


def csv_rows(response: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body(response).decode("utf-8-sig"))))


def xlsx_rows(response: Any) -> list[list[Any]]:
    book = load_workbook(io.BytesIO(body(response)))
    return [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]


def said(response: Any) -> dict[str, Any]:
    """The last sheet: what the file says of itself."""
    book = load_workbook(io.BytesIO(body(response)))
    return {str(name): value for name, value in book["About"].iter_rows(values_only=True)}


# Pages ---------------------------------------------------------------------------------------------------------------


def test_every_list_page_links_both_files_and_holds_as_many_rows(
    known: Places, browse: Browse, officer: User, administrator: User
) -> None:
    wrong, seen = [], set()
    for user in (officer, administrator):
        client = browse(user)
        for route, url, response in lists(client, known):
            seen.add(route.name)
            page = turned(response)
            count = page.paginator.count if page is not None else None
            html = response.content.decode()
            for kind in Kind:
                answer: Any = client.get(with_query(url, f"export={kind}"))
                if answer["Content-Type"] != MEDIA_TYPES[kind] or "attachment" not in answer["Content-Disposition"]:
                    wrong.append(f"{url}: no {kind}")
                    continue
                found = len(csv_rows(answer) if kind is Kind.CSV else xlsx_rows(answer)) - 1
                if page is not None and route.name not in {"coverage"} and found != count:
                    wrong.append(f"{url}: {count} rows on the page, {found} in the {kind}")
                if (count is None or count) and f"export={kind}" not in html:
                    wrong.append(f"{url}: {kind} is not linked")
    assert wrong == []
    assert seen >= UNPAGED
    assert len(seen) >= 28


def test_the_two_files_hold_the_same_cells(known: Places, browse: Browse, officer: User) -> None:
    client = browse(officer)
    for _route, url, _response in lists(client, known):
        plain = csv_rows(client.get(with_query(url, "export=csv")))
        typed = xlsx_rows(client.get(with_query(url, "export=xlsx")))
        assert [len(row) for row in plain] == [len(plain[0])] * len(plain)
        assert plain[0] == [str(head) for head in typed[0]], url
        assert [[bool(text) for text in row] for row in plain] == [
            [value not in (None, "") for value in row] for row in typed
        ], url


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.AUDITOR, Role.MANAGER])
def test_no_file_names_a_record_that_its_asker_may_not_see(
    known: Places, world: World, browse: Browse, contributor: User, auditor: User, manager: User, role: Role
) -> None:
    user = {Role.CONTRIBUTOR: contributor, Role.AUDITOR: auditor, Role.MANAGER: manager}[role]
    identifiers = {str(value) for value in known.foreign.values()} | {world.other_assessment.system.name}
    named, client = [], browse(user)
    for _route, url, _response in lists(client, known):
        text = body(client.get(with_query(url, "export=csv"))).decode()
        cells = str(xlsx_rows(client.get(with_query(url, "export=xlsx"))))
        named += [f"{url}: {one}" for one in identifiers if one in text or one in cells]
    assert (named != []) is (role is Role.MANAGER), named  # managers see every system, so the test can tell


FILTERED = (
    ("/findings/", "q=nothing+like+this", 0),
    ("/findings/", "state=all", 1),
    ("/evidence/", "q=nothing+like+this", 0),
    ("/job-log/", "q=nothing+like+this", 0),
    ("/imports/", "q=nothing+like+this", 0),
    ("/scans/", "q=nothing+like+this", 0),
    ("/trail/", "kind=no.such", 0),
    ("/jobs/", "state=cancelled", 0),
    ("/models/", "q=nothing+like+this", 0),
    ("/coverage/", "q=nothing+like+this", 0),
    ("/unmatched/", "q=nothing+like+this", 0),
)


@pytest.mark.parametrize(("url", "query", "least"), FILTERED)
def test_files_hold_what_the_filter_leaves(
    known: Places, browse: Browse, officer: User, url: str, query: str, least: int
) -> None:
    client = browse(officer)
    page = turned(client.get(f"{url}?{query}"))
    assert page is not None
    for kind, read in ((Kind.CSV, csv_rows), (Kind.XLSX, xlsx_rows)):
        found = len(read(client.get(f"{url}?{query}&export={kind}"))) - 1
        assert found == page.paginator.count
        assert found >= least


def test_rows_of_every_page_are_in_the_file_and_in_its_order(world: World, browse: Browse, contributor: User) -> None:
    records.log_events(world.assessment.system, world.log, 120, tag="more")
    client = browse(contributor)
    rows = csv_rows(client.get("/job-log/?sort=job&page=2&export=csv"))
    names = [row[7] for row in rows[1:]]
    assert len(names) == 123
    assert names == sorted(names)


def test_the_xlsx_says_which_filter_held_who_asked_and_how_many_rows_there_are(
    world: World, browse: Browse, contributor: User
) -> None:
    told = said(browse(contributor).get("/job-log/?outcome=success&q=fine&sort=-time&export=xlsx"))
    assert told["List"] == "Job log"
    assert told["Filter: Outcome"] == "Success"
    assert told["Filter: Job, model or operation"] == "fine"
    assert told["Filter: order"] == "-time"
    assert told["Asked for by"] == contributor.name
    assert told["Rows"] == 3


def test_a_list_that_narrows_by_itself_says_so(world: World, browse: Browse, contributor: User) -> None:
    told = said(browse(contributor).get("/findings/?export=xlsx"))
    assert told["Filter: Conclusion"] == "Not satisfied"
    assert "Filter: Conclusion" not in said(browse(contributor).get("/findings/?state=all&export=xlsx")) or (
        said(browse(contributor).get("/findings/?state=all&export=xlsx"))["Filter: Conclusion"] != "Not satisfied"
    )


def test_another_word_shows_the_page(world: World, browse: Browse, contributor: User) -> None:
    assert browse(contributor).get("/evidence/?export=exe").headers["Content-Type"].startswith("text/html")


LONG = ("/job-log/", "/evidence/", "/findings/?state=all")


@pytest.mark.parametrize("url", LONG)
def test_more_rows_need_no_more_queries(world: World, browse: Browse, contributor: User, url: str) -> None:
    client = browse(contributor)

    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            body(client.get(with_query(url, "export=xlsx")))
        return len(found)

    count()
    few = count()
    records.log_events(world.assessment.system, world.log, 40, tag="more")
    for n in range(8):
        records.document(world.assessment.system, contributor, title=f"Note {n}")
    assert count() <= few


# API -----------------------------------------------------------------------------------------------------------------


def counted(api: Api, user: User, known: Places) -> Iterator[tuple[str, int]]:
    """Address and count of every endpoint that answers with a list."""
    for route in ENDPOINTS:
        url = address(route, known.own)
        if url is None or re.search(r"schema|docs", url):
            continue
        answer: Any = api(user).get(url)
        if answer.status_code != 200 or not str(answer.headers.get("Content-Type", "")).startswith("application/json"):
            continue
        given = answer.json()
        if isinstance(given, list) or {"count", "results"} <= set(given):
            yield url, len(given) if isinstance(given, list) else given["count"]


def test_every_list_of_the_api_is_to_be_had_as_both_files(
    known: Places, api: Api, officer: User, administrator: User
) -> None:
    wrong, seen = [], 0
    for user in (officer, administrator):
        for url, count in counted(api, user, known):
            seen += 1
            for kind, read in ((Kind.CSV, csv_rows), (Kind.XLSX, xlsx_rows)):
                answer: Any = api(user).get(with_query(url, f"export={kind}"))
                if answer.status_code != 200 or answer["Content-Type"] != MEDIA_TYPES[kind]:
                    wrong.append(f"{url}: no {kind}")
                elif (found := len(read(answer)) - 1) != count:
                    wrong.append(f"{url}: {count} counted, {found} in the {kind}")
    assert wrong == []
    assert seen >= 40


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
    people.grant_membership(system=world.assessment.system, role=Role.COLLECTOR, actor=officer, user=collector)
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
