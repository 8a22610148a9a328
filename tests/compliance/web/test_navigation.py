"""Where one is: every page belongs to a place that the navigation names."""

from __future__ import annotations

import re

import pytest

from compliance.management.routes import Gate, routes
from compliance.models import User
from tests.compliance.conftest import Browse, World

pytestmark = pytest.mark.django_db
CURRENT = re.compile(r'<li><a href="([^"]+)" aria-current="page">')
NOWHERE = {"choices"}  # options for a field, no page


def test_every_page_belongs_to_one_place(world: World, browse: Browse, officer: User) -> None:
    client, lost = browse(officer), dict[str, list[str]]()
    for route in routes():
        if route.gate is not Gate.PAGE or "GET" not in route.verbs or "<" in route.path or route.name in NOWHERE:
            continue
        answer = client.get(f"/{route.path}")
        if answer.status_code != 200 or "html" not in answer["Content-Type"]:
            continue
        if len(places := CURRENT.findall(answer.text.partition("<main")[0])) != 1:
            lost[f"/{route.path}"] = places
    assert lost == {}
