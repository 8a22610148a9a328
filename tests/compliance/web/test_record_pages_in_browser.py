"""The pages of job log, models, findings and remediation in a real browser: no violation of axe's rules, usable by keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.installations import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

Axe = Callable[["Page"], list[str]]
pytestmark = pytest.mark.e2e

FILL = """
import json
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from compliance.services import inventory, ledger, people
from compliance.types.states import Role
from tests.compliance.conftest import build_world, person
officer, manager = person("Olga Officer", Role.OFFICER), person("Mira Manager", Role.MANAGER)
contributor, auditor = person("Carl Contributor", Role.CONTRIBUTOR), person("Aya Auditor", Role.AUDITOR)
systems = [
    inventory.define_system(name=name, description="", owner=officer, actor=officer, is_demonstration=True)
    for name in ("Digit reader", "Letter sorter")
]
people.grant_membership(system=systems[0], role=Role.CONTRIBUTOR, actor=None, user=contributor)
world = build_world(*systems, officer, manager, contributor, auditor)
ledger.seal()
session = SessionStore()
session[SESSION_KEY] = str(officer.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = officer.get_session_auth_hash()
session.create()
finding = f"/findings/{world.finding.uuid}/"
print(json.dumps({
    "session": session.session_key,
    "item": f"/remediation/{world.item.uuid}/",
    "pages": [
        "/job-log/", "/job-log/?q=nothing-like-it", f"/job-log/{world.events[0].uuid}/", "/models/", "/models/?view=data",
        "/models/register/", f"/models/{world.tuned.uuid}/", f"/data/{world.dataset.uuid}/", "/findings/",
        "/findings/new/", finding, f"{finding}remediation/new/?playbook=1", "/remediation/", "/remediation/?view=board",
        f"/remediation/{world.item.uuid}/",
    ],
}))
"""


@pytest.fixture
def filled(site: Site, page: Page) -> tuple[str, dict[str, list[str]]]:
    """The site's address and the addresses of the small world; the page is signed in as the officer."""
    known = json.loads(site.installation.python(FILL).splitlines()[-1])
    page.context.add_cookies([{"name": "sessionid", "value": known["session"], "url": site.url}])
    return site.url, known


@pytest.mark.timeout(400)
def test_axe_finds_nothing_at_any_width_or_in_the_dark(
    filled: tuple[str, dict[str, list[str]]], page: Page, axe: Axe
) -> None:
    url, known = filled
    found = []
    for width, scheme in ((1440, "light"), (360, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two literals
        for path in known["pages"]:
            answer = page.goto(url + path)
            assert answer is not None
            assert answer.status == 200, path
            found += [f"{path} at {width}: {violation}" for violation in axe(page)]
            if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                found.append(f"{path} at {width}: scrolls sideways")
    assert found == []


def test_board_is_worked_by_keyboard_alone(filled: tuple[str, dict[str, list[str]]], page: Page) -> None:
    url, _known = filled
    page.goto(f"{url}/remediation/?view=board")
    page.get_by_label("Move “Replace the model” to").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("is now in “In progress”").wait_for()
    assert page.url == f"{url}/remediation/?view=board"


def test_card_is_dragged_to_another_column_and_not_to_closed(
    filled: tuple[str, dict[str, list[str]]], page: Page
) -> None:
    url, _known = filled
    page.goto(f"{url}/remediation/?view=board")
    card = page.locator(".board-cards > li", has_text="Replace the model").first
    card.drag_to(page.locator(".board-column[data-state=closed]"))
    assert page.locator(".board-column[data-state=open] .card-block").count() == 2
    card.drag_to(page.locator(".board-column[data-state=blocked]"))
    page.get_by_text("is now in “Blocked”").wait_for()
    assert page.locator(".board-column[data-state=blocked] .card-block").count() == 1
