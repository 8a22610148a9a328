"""Pages and endpoints of own controls, as people and programs use them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import ImplementedControl, User
from compliance.services import controls
from tests.compliance.conftest import Browse, World
from tests.compliance.records import control_terms

pytestmark = pytest.mark.django_db


@pytest.fixture
def control(world: World, officer: User) -> ImplementedControl:
    return controls.adopt(
        system=world.assessment.system, terms=control_terms("BDM-15", "=HYPERLINK(1) <b>ظ</b>"), owner=officer,
        actor=officer,
    )  # fmt: skip


def form_of(control: ImplementedControl, statement: str, version: int = 1) -> dict[str, object]:
    return {
        **control.terms.to_json(), "systems": "Registry", "accounts": "", "requirements": "", "is_key": "on",
        "statement": statement, "owner": control.owner_id, "version": version, "reason": "Asked for.",
    }  # fmt: skip


def test_the_list_leads_to_the_page_and_its_text_is_only_text(
    browse: Browse, control: ImplementedControl, officer: User
) -> None:
    listed = browse(officer).get(reverse("control-list")).content.decode()
    assert reverse("control-detail", args=[control.uuid]) in listed
    page = browse(officer).get(reverse("control-detail", args=[control.uuid])).content.decode()
    assert "&lt;b&gt;ظ&lt;/b&gt;" in page
    assert "111122223333 eu-central-1" in page
    assert "1 finding is open." in page


def test_a_second_tab_sees_what_the_first_saved_and_can_send_again(
    browse: Browse, control: ImplementedControl, officer: User
) -> None:
    client, url = browse(officer), reverse("control-change", args=[control.uuid])
    assert "A change makes a new version" in client.get(url).content.decode()
    assert client.post(url, form_of(control, "First.")).status_code == 302
    late = client.post(url, form_of(control, "Second."))
    text = late.content.decode()
    assert late.status_code == 409
    assert "<q>First.</q>" in text
    assert "<q>Second.</q>" in text
    assert client.post(url, form_of(control, "Second.", version=2)).status_code == 302
    control.refresh_from_db()
    assert (control.version, control.statement) == (3, "Second.")
    page = client.get(reverse("control-detail", args=[control.uuid])).content.decode()
    assert "<del>First.</del> <ins>Second.</ins>" in page


def test_a_line_that_is_no_id_is_shown_at_its_field(browse: Browse, control: ImplementedControl, officer: User) -> None:
    sent = {**form_of(control, "First."), "requirements": "A.6.2.8"}
    page = browse(officer).post(reverse("control-change", args=[control.uuid]), sent).content.decode()
    assert "“A.6.2.8” is no id" in page


def test_it_is_retired_with_a_reason_and_gets_evidence(
    browse: Browse, world: World, control: ImplementedControl, officer: User
) -> None:
    client = browse(officer)
    client.post(reverse("control-attach", args=[control.uuid]), {"evidence": str(world.log.uuid), "note": "The log"})
    client.post(reverse("control-retire", args=[control.uuid]), {"retired_on": "2026-07-01", "reason": "Replaced."})
    page = client.get(reverse("control-detail", args=[control.uuid])).content.decode()
    assert world.log.title in page
    assert "retired" in page
    assert reverse("control-change", args=[control.uuid]) not in page


def test_the_list_as_a_file_runs_nothing(browse: Browse, control: ImplementedControl, officer: User) -> None:
    response = browse(officer).get(reverse("control-list"), {"export": "csv"})
    (row,) = csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig")))
    assert row["statement"].startswith("'=HYPERLINK")
    assert row["reference controls"] == "BDM-15"
    xlsx = browse(officer).get(reverse("control-list"), {"export": "xlsx"})
    assert xlsx.getvalue()[:2] == b"PK"


def test_the_list_asks_as_often_for_many_as_for_one(
    browse: Browse, control: ImplementedControl, officer: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    client, url = browse(officer), reverse("control-list")
    client.get(url)
    one = count_queries(lambda: client.get(url))
    for number in range(20):
        terms = replace(control_terms("BDM-14"), control_id=f"ML-{number}")
        controls.adopt(system=control.system, terms=terms, owner=officer, actor=officer)
    assert count_queries(lambda: client.get(url)) == one <= 20


def test_a_contributor_reads_and_does_not_change(
    browse: Browse, control: ImplementedControl, contributor: User
) -> None:
    client: Client = browse(contributor)
    assert client.get(reverse("control-detail", args=[control.uuid])).status_code == 200
    assert client.post(reverse("control-change", args=[control.uuid]), form_of(control, "First.")).status_code == 403


def test_programs_adopt_change_and_read_versions(browse: Browse, world: World, officer: User) -> None:
    client = browse(officer)
    sent = {
        **control_terms("BDM-14").to_json(), "requirements": [], "owner": str(officer.uuid),
        "system": str(world.assessment.system.uuid),
    }  # fmt: skip
    made = client.post(reverse("api-controls-list"), sent, content_type="application/json")
    assert (made.status_code, made.json()["references"]) == (201, ["BDM-14"])
    url = reverse("api-controls-change", args=[made.json()["uuid"]])
    change = {**sent, "statement": "Each night.", "version": 1, "reason": "Asked for."}
    assert client.post(url, change, content_type="application/json").json()["version"] == 2
    again = client.post(url, {**change, "statement": "Each day."}, content_type="application/json")
    assert again.status_code == 409
    versions = client.get(reverse("api-controls-versions", args=[made.json()["uuid"]])).json()
    assert [(one["version"], one["act"]) for one in versions] == [(2, "changed"), (1, "adopted")]
