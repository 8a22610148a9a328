"""Every list is to be had as CSV and XLSX: as filtered, no row more or less than its asker may see, from page and API.

Lists are found, not named: a page is a list where it turns pages, an endpoint where it answers with a count. A new list
without its files fails here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.paginator import Page
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from compliance.management.routes import Gate, Route, routes
from compliance.models import User
from compliance.selectors.table_files import MEDIA_TYPES, Kind
from compliance.types.states import Role
from tests.compliance import records
from tests.compliance.conftest import Browse, World
from tests.compliance.read_tables import body, csv_rows, said, with_query, xlsx_rows
from tests.compliance.routes_world import Places, places
from tests.compliance.test_routes import address

# Lists that turn no pages, so that nothing gives them away.
ENCRYPTED = "work-paper"  # an auditor's own notes, which leave through an export of their own
UNPAGED = {"check-list", "check-run", "expectation-list", "reference-bank-list", "catalogue", "catalogue-control"}
A_ROW_FOR_EACH_CELL = {"coverage", "capacity"}  # in the files of what a page shows as a matrix
PAGES = [route for route in routes() if route.gate is Gate.PAGE and "GET" in route.verbs]


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
        if route.name.startswith(ENCRYPTED):
            continue
        response = client.get(url)
        if response.status_code == 200 and not response.streaming and (route.name in UNPAGED or turned(response)):
            yield route, url, response


# Pages ---------------------------------------------------------------------------------------------------------------


def read_both(client: Client, url: str) -> tuple[list[list[str]], list[list[Any]]]:
    """The rows of both files, each with its head; a list without them fails here."""
    answers: dict[Kind, Any] = {kind: client.get(with_query(url, f"export={kind}")) for kind in Kind}
    for kind, answer in answers.items():
        assert answer["Content-Type"] == MEDIA_TYPES[kind], f"{url} has no {kind}"
        assert "attachment" in answer["Content-Disposition"]
    return csv_rows(answers[Kind.CSV]), xlsx_rows(answers[Kind.XLSX])


def test_every_list_page_links_both_files_which_hold_the_same_cells_and_as_many_rows_as_the_page(
    known: Places, browse: Browse, officer: User
) -> None:
    client, wrong, seen = browse(officer), [], set()
    for route, url, response in lists(client, known):
        seen.add(route.name)
        plain, typed = read_both(client, url)
        assert plain[0] == [str(head) for head in typed[0]]
        assert [[bool(text) for text in row] for row in plain] == [
            [value not in (None, "") for value in row] for row in typed
        ], url
        page = turned(response)
        rows = page.paginator.count if page is not None else len(plain) - 1
        if route.name not in A_ROW_FOR_EACH_CELL and len(plain) - 1 != rows:
            wrong.append(f"{url}: {rows} rows on the page, {len(plain) - 1} in its files")
        if rows and not all(f"export={kind}" in response.content.decode() for kind in Kind):
            wrong.append(f"{url}: its files are not linked")
    assert wrong == []
    assert seen >= UNPAGED
    assert len(seen) >= 28


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.AUDITOR])
def test_no_file_names_a_record_that_its_asker_may_not_see(
    known: Places, world: World, browse: Browse, contributor: User, auditor: User, manager: User, role: Role
) -> None:
    foreign = {str(value) for value in known.foreign.values()} | {world.other_assessment.system.name}

    def named(client: Client, url: str) -> list[str]:
        cells = str(read_both(client, url))
        return [f"{url}: {one}" for one in foreign if one in cells]

    client = browse({Role.CONTRIBUTOR: contributor, Role.AUDITOR: auditor}[role])
    assert [one for _route, url, _response in lists(client, known) for one in named(client, url)] == []
    assert named(browse(manager), "/evidence/") != []  # who sees every system finds them, so the test can tell


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
        records.evidence(world.assessment.system, b"note %d" % n, actor=contributor, title=f"Note {n}")
    assert count() <= few
