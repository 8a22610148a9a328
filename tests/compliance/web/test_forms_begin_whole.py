"""A form that changes a record begins with all that stands: sent back untouched, none of its fields refuses."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from compliance.models import User
from tests.compliance.conftest import Browse, World
from tests.compliance.routes_world import places
from tests.compliance.test_routes import GUARDED, address

pytestmark = pytest.mark.django_db
CHANGES = {
    "audit-finding-change": "auditor",
    "calendar-change": "officer",
    "control-change": "officer",
    "control-test-change": "auditor",
    "engagement-change": "officer",
    "engagement-testing": "auditor",
    "evidence-describe": "officer",
    "mapping-revise": "officer",
    "remediation-revise": "officer",
    "request-change": "officer",
    "retention-revise": "administrator",
    "supplier-review": "officer",
    "system-standing": "officer",
    "time-limits-change": "officer",
    "webhook-detail": "administrator",
}
WRITTEN_ANEW = {"control-change": {"reason"}, "system-standing": {"reason"}}  # asked for at each change
REFUSED = re.compile(r'<a href="#id_(\w+)">')  # of the summary of errors


class Form(HTMLParser):
    """What a browser would send of the first form within `main` that is sent to its own page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self.inside = self.done = False
        self._select = self._text = ""
        self._first: str | None = None
        self.feed(page.partition("<main")[2])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.done and has.get("method") == "post" and not has.get("action"):
            self.inside = True
        name = has.get("name", "")
        if not self.inside:
            return
        if tag == "input" and name and has.get("type") not in {"submit", "file"}:
            if has.get("type") not in {"checkbox", "radio"} or "checked" in has:
                self.sent.setdefault(name, []).append(has.get("value", ""))
        elif tag == "select":
            self._select, self._first = name, None
        elif tag == "option" and self._select:
            self._first = has.get("value", "") if self._first is None else self._first
            if "selected" in has:
                self.sent.setdefault(self._select, []).append(has.get("value", ""))
        elif tag == "textarea":
            self._text = name
            self.sent[name] = [""]

    def handle_data(self, data: str) -> None:
        if self.inside and self._text:
            self.sent[self._text][0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self.inside:
            self.inside, self.done = False, True
        elif tag == "select" and self._select:
            if self._first is not None:
                self.sent.setdefault(self._select, [self._first])
            self._select = ""
        elif tag == "textarea":
            self.sent[self._text][0] = self.sent[self._text][0].removeprefix("\n")  # as browsers read it
            self._text = ""


@pytest.mark.parametrize("name", CHANGES)
def test_what_stands_is_accepted_as_it_stands(
    world: World, browse: Browse, officer: User, contributor: User, request: pytest.FixtureRequest, name: str
) -> None:
    records = places(world, officer, contributor).own
    reader: Any = request.getfixturevalue(CHANGES[name])
    url = address(next(route for route in GUARDED if route.name == name), records)
    assert url is not None
    client = browse(reader)
    form = Form(client.get(url).text)
    assert form.done, f"{url} has no form that is sent to itself"
    answer = client.post(url, form.sent, follow=True).text
    assert set(REFUSED.findall(answer)) == WRITTEN_ANEW.get(name, set())
