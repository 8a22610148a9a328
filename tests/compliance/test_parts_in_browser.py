"""The sample page in a real browser, under the installation's own content policy: manners, contrast, narrow screens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import override_settings

from tests.compliance import test_parts
from tests.compliance.parts_sample import rendered

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.sqlite_only, pytest.mark.e2e]

STATIC = Path(__file__).resolve().parents[2] / "compliance" / "static"
ADDRESS = "http://localhost:8999/sample/"
STAGE = '<div class="progress-line"{}><p class="progress-stage"><span data-stage>{}</span></p></div>'


def policy() -> str:
    """The header that django-csp sends, from the same settings."""
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    return "; ".join(f"{name} {' '.join(map(str, sources))}" for name, sources in directives.items())


@pytest.fixture(scope="module")
def html() -> str:
    with override_settings(ROOT_URLCONF=test_parts.__name__):
        return rendered()


@pytest.fixture
def opened(page: Page, html: str) -> Page:
    """The sample page; the poll answers twice and then says that the scan has ended."""
    stages = iter([STAGE.format("", "inverting triggers"), STAGE.format(" data-ended", "finished")])

    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path.startswith("/static/"):
            route.fulfill(path=STATIC / path.removeprefix("/static/"))
        elif path == "/poll/":
            stage = next(stages, None)
            route.fulfill(status=200 if stage else 500, content_type="text/html", body=stage or "polled after the end")
        else:
            headers = {"Content-Security-Policy": policy(), "Content-Type": "text/html; charset=utf-8"}
            route.fulfill(headers=headers, body=html)

    page.route("http://localhost:8999/**", answer)
    page.goto(ADDRESS)
    return page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
def test_axe_finds_no_violation(opened: Page, axe: Callable[[Page], list[str]], theme: str, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    opened.evaluate("theme => localStorage.setItem('assay-theme', theme)", theme)
    opened.reload()
    assert opened.evaluate("document.documentElement.dataset.bsTheme") == theme
    assert axe(opened) == []


def test_a_narrow_page_does_not_scroll_sideways(opened: Page) -> None:
    opened.set_viewport_size({"width": 360, "height": 740})
    assert opened.evaluate("document.documentElement.scrollWidth") == 360


def test_the_navigation_folds_on_a_narrow_page(opened: Page) -> None:
    opened.set_viewport_size({"width": 360, "height": 740})
    toggle = opened.get_by_role("button", name="Menu")
    assert not opened.locator("#navigation").is_visible()
    toggle.click()
    assert opened.locator("#navigation").is_visible()
    assert toggle.get_attribute("aria-expanded") == "true"


def test_the_system_chooses_the_colours_until_a_person_does(opened: Page) -> None:
    opened.emulate_media(color_scheme="dark")
    opened.reload()
    toggle = opened.get_by_role("button", name="Dark mode")
    assert toggle.get_attribute("aria-pressed") == "true"
    toggle.click()
    opened.reload()
    assert opened.evaluate("document.documentElement.dataset.bsTheme") == "light"


def test_errors_take_the_focus(opened: Page) -> None:
    assert opened.evaluate("document.activeElement.className") == "error-summary"


def test_an_act_is_asked_about_in_a_dialog_and_can_be_left(opened: Page) -> None:
    opened.locator("summary", has_text="Cancel…").first.click()
    dialog = opened.get_by_role("dialog", name="Cancel this job?")
    assert dialog.is_visible()
    assert opened.evaluate("document.activeElement.textContent") == "Go back"
    opened.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert opened.evaluate("document.activeElement.textContent") == "Cancel…"
    assert opened.locator("details[data-confirm] > form").count() == opened.locator("details[data-confirm]").count()


def test_a_digest_is_copied_whole(opened: Page) -> None:
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"], origin="http://localhost:8999")
    opened.get_by_role("button", name="Copy all digits").first.click()
    opened.get_by_text("Copied").wait_for()
    assert len(opened.evaluate("navigator.clipboard.readText()")) == 64


def test_files_can_be_dropped(opened: Page) -> None:
    opened.evaluate(
        """() => {
          const files = new DataTransfer();
          files.items.add(new File(["abc"], "log.json"));
          files.items.add(new File(["abc"], "second.json"));
          document.querySelector("[data-dropzone]").dispatchEvent(new DragEvent("drop", {dataTransfer: files}));
        }"""
    )
    assert opened.locator("[data-files]").first.inner_text() == "log.json (3 B)"


def test_progress_is_polled_said_and_left_alone_at_its_end(opened: Page) -> None:
    opened.locator("#scan-said", has_text="finished").wait_for(state="attached", timeout=10_000)
    opened.wait_for_timeout(1500)
    assert opened.locator("#scan [data-stage]").inner_text() == "finished"


def test_wide_tables_scroll_by_themselves(opened: Page) -> None:
    opened.set_viewport_size({"width": 1440, "height": 900})
    assert opened.locator(".table-scroll.scrolls").count() == 0
    opened.set_viewport_size({"width": 360, "height": 900})
    opened.locator(".table-scroll.scrolls").first.wait_for()


def test_the_first_stop_of_the_keyboard_skips_to_the_content(opened: Page) -> None:
    opened.locator(".brand").focus()
    opened.keyboard.press("Shift+Tab")
    assert opened.evaluate("document.activeElement.className") == "skip-link"
    opened.keyboard.press("Enter")
    assert opened.evaluate("document.activeElement.id") == "main"
