"""Choosing one of many records: the latest are listed, the others are found by typing, and nothing foreign is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from compliance.models import AISystem, Evidence, SupplierReview, TechniqueSection, User
from compliance.web.choosing import KINDS, MOST
from tests.compliance import records
from tests.compliance.conftest import Browse, World
from tests.compliance.web.test_record_pages_in_browser import FILL
from tests.compliance.web.test_suppliers import filled
from tests.compliance.web.test_teams_and_playbook import programme
from tests.installations import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["programme"]  # a loaded playbook, as a fixture of this module


def documents(world: World, actor: User, count: int) -> list[Evidence]:
    """So many more pieces of evidence, the oldest first."""
    system = world.assessment.system
    return [
        records.evidence(system, f"document {n}".encode(), actor=actor, title=f"Document {n:03}") for n in range(count)
    ]


def listed(page: str) -> int:
    return page.count("<option")


def found(browse: Browse, user: User, kind: str, **asked: str) -> str:
    answer = browse(user).get(reverse("choices", args=[kind]), asked)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_form_lists_the_latest_and_says_that_there_are_others(
    world: World, browse: Browse, contributor: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    documents(world, contributor, MOST + 5)
    client, url = browse(contributor), reverse("supplier-new")
    page = client.get(url).content.decode()
    assert "Document 054" in page
    assert "Document 000" not in page
    assert "type to find others" in page
    assert count_queries(lambda: client.get(url)) <= 20


def test_a_short_list_has_no_search(world: World, browse: Browse, contributor: User) -> None:
    assert "type to find others" not in browse(contributor).get(reverse("supplier-new")).content.decode()


def test_one_that_is_not_listed_is_taken_and_shown_again(world: World, browse: Browse, contributor: User) -> None:
    oldest = documents(world, contributor, MOST + 5)[0]
    client, url = browse(contributor), reverse("supplier-new")
    again = client.post(url, filled(world, evidence=str(oldest.uuid), name="")).content.decode()
    assert f'<option value="{oldest.uuid}" selected>' in again
    client.post(url, filled(world, evidence=str(oldest.uuid)))
    assert SupplierReview.objects.get().evidence == oldest


@pytest.mark.parametrize(
    "place", ["playbook", "calendar-new", "people-new", "machine-new", "token-new", "engagement-new"]
)
def test_of_many_ai_systems_the_first_are_listed(
    world: World, browse: Browse, administrator: User, officer: User, programme: TechniqueSection, place: str
) -> None:
    AISystem.objects.bulk_create(AISystem(name=f"Reader {n:03}", owner=officer) for n in range(MOST + 5))
    reader = administrator if place in {"people-new", "machine-new"} else officer
    page = browse(reader).get(reverse(place)).text
    assert "type to find others" in page
    assert "Reader 001" in page
    assert "Reader 054" not in page
    assert "Reader 054" in found(browse, reader, "system", q="reader 054")


def test_the_playbook_leads_to_the_system_that_was_chosen(
    world: World, browse: Browse, manager: User, contributor: User
) -> None:
    system, place = world.assessment.system, reverse("playbook")
    answer: Any = browse(manager).get(place, {"system": str(system.uuid)})
    assert (answer.status_code, answer.url) == (302, reverse("playbook-open", args=[system.uuid]))
    assert browse(manager).get(place, {"system": "none"}).status_code == 200
    foreign = world.other_assessment.system
    assert browse(contributor).get(place, {"system": str(foreign.uuid)}).status_code == 200


@pytest.mark.parametrize("typed", ["document 003", "{sha256}"])
def test_what_is_typed_finds_the_others(world: World, browse: Browse, contributor: User, typed: str) -> None:
    wanted = documents(world, contributor, MOST + 5)[3]
    page = found(browse, contributor, "evidence", q=typed.format(sha256=wanted.sha256[:12].upper()))
    assert (listed(page), "Document 003" in page) == (1, True)


def test_what_is_chosen_stays_beside_what_is_found(world: World, browse: Browse, contributor: User) -> None:
    first, second = documents(world, contributor, 2)
    asked = {"name": "evidence", "evidence": str(first.uuid), "q": second.title, "empty": "none"}
    page = found(browse, contributor, "evidence", **asked)
    assert f'<option value="{first.uuid}" selected>' in page
    assert f'<option value="{second.uuid}">' in page
    assert '<option value="">none' in page


def test_boxes_are_named_as_the_field_is(world: World, browse: Browse, contributor: User) -> None:
    page = found(browse, contributor, "model-version", boxes="1", name="model_versions", q="digits-base")
    assert f'name="model_versions" value="{world.base.uuid}"' in page


def test_nothing_fits_and_too_much_fits_are_said(world: World, browse: Browse, contributor: User) -> None:
    documents(world, contributor, MOST + 1)
    assert "Nothing fits" in found(browse, contributor, "evidence", q="no such document")
    many = found(browse, contributor, "evidence", q="Document")
    assert (listed(many), "More fit" in many) == (MOST + 1, True)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_foreign_systems_is_offered(
    world: World, browse: Browse, contributor: User, auditor: User, kind: str
) -> None:
    foreign = (
        world.other_log, world.other_version, world.other_finding, world.other_assessment, world.other_assessment.system
    )  # fmt: skip
    for user in (contributor, auditor):
        page = found(browse, user, kind, name="x", x=str(world.other_log.uuid))
        assert not any(str(row.uuid) in page for row in foreign)


def test_of_one_system_alone_where_the_form_is_about_one(world: World, browse: Browse, officer: User) -> None:
    page = found(browse, officer, "evidence", system=str(world.other_assessment.system.uuid))
    assert str(world.other_log.uuid) in page
    assert str(world.log.uuid) not in page


def test_rejected_evidence_is_not_offered(world: World, browse: Browse, officer: User) -> None:
    browse(officer).post(reverse("evidence-reject", args=[world.log.uuid]), {"reason": "Of another month."})
    assert str(world.log.uuid) not in found(browse, officer, "evidence")


@pytest.mark.parametrize("asked", [{"q": "a" * 5_000}, {"system": "none"}, {"name": "n", "n": "no uuid"}])
def test_whatever_is_asked_is_answered(world: World, browse: Browse, officer: User, asked: dict[str, str]) -> None:
    found(browse, officer, "evidence", **asked)


def test_an_unknown_kind_and_a_stranger_get_nothing(world: World, browse: Browse, officer: User, client: Any) -> None:
    assert browse(officer).get(reverse("choices", args=["people"])).status_code == 404
    assert client.get(reverse("choices", args=["evidence"])).status_code == 302


MORE = """
from tests.compliance import records
for n in range(60):
    records.evidence(systems[0], f"document {n}".encode(), actor=officer, title=f"Document {n:03}")
print(json.dumps({"session": session.session_key}))
"""


@pytest.mark.e2e
@pytest.mark.timeout(400)
def test_typing_in_a_browser_brings_the_others(site: Site, page: Page) -> None:
    known = json.loads(site.installation.python(FILL + MORE).splitlines()[-1])
    page.context.add_cookies([{"name": "sessionid", "value": known["session"], "url": site.url}])
    page.goto(f"{site.url}/third-parties/new/")
    page.get_by_label("Find in: The report, kept as evidence").fill("document 004")
    page.locator("#id_evidence option", has_text="Document 004").wait_for(state="attached")
    assert page.locator("#id_evidence option").count() == 2  # the empty choice, and the one that fits
    page.locator("#id_evidence").select_option(index=1)
    assert page.locator("#id_evidence option:checked").inner_text().startswith("Document 004")
