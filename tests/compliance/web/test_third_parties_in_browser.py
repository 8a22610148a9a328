"""Third parties and comparisons in a real browser: no violation of axe's rules, and nothing wider than the screen."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.compliance.web.test_record_pages_in_browser import FILL
from tests.installations import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

Axe = Callable[["Page"], list[str]]
pytestmark = pytest.mark.e2e

MORE = """
from compliance.services import answers, evidence, freezes
from compliance.models import Answer, Assessment
from compliance.types.states import AnswerValue
from tests.compliance.routes_world import adopted
from tests.compliance.suppliers_on_record import asked, reviewed
from tests.compliance.web.test_comparisons import another, approve, frozen
own = adopted(systems[0], officer)
review = reviewed(systems[0], officer, model_versions=[world.base], evidence=world.log, gap_measures="A bridge letter.",
    exceptions="Two, on pages 40 and 41: reviews of access came late in the second quarter.",
    customer_controls=[asked("Upload tokens are rotated at least every ninety days.", str(own.uuid), reference="CUEC-1"),
                       asked("Accounts of people who left are closed within a day.", reference="CUEC-2")])
approve(world.assessment, world, officer, manager, "It holds.")
frozen(world.assessment, officer)
second = another(world, officer)
approve(second, world, officer, manager, "It holds in part: two accounts are still to be taken away.")
reviewed(systems[0], officer, name="Labelling firm")
frozen(second, officer)
supplier = f"/third-parties/{review.supplier.uuid}/"
more = ["/third-parties/", "/third-parties/new/", supplier, f"{supplier}review/", f"/assessments/{second.uuid}/compare/"]
print(json.dumps({"session": session.session_key, "pages": more}))
"""


@pytest.mark.timeout(400)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(site: Site, page: Page, axe: Axe) -> None:
    known = json.loads(site.installation.python(FILL + MORE).splitlines()[-1])
    page.context.add_cookies([{"name": "sessionid", "value": known["session"], "url": site.url}])
    found = []
    for width, scheme in ((1440, "light"), (360, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for number, path in enumerate(known["pages"]):
            page.goto(f"{site.url}{path}")
            if folder := os.environ.get("ASSAY_PICTURES"):
                page.screenshot(path=f"{folder}/{number}-{width}-{scheme}.png", full_page=True)
            found += [f"{path} at {width}: {line}" for line in axe(page)]
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{path} at {width}: wider than the screen")
    assert found == []
