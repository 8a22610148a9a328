"""The risk-and-control matrix: a row for each control against each technique, gaps included, and as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse

from compliance.models import Finding, ImplementedControl, Technique, User
from compliance.selectors.control_matrix import control_matrix
from compliance.services import controls
from compliance.types.verdicts import Conclusion
from tests.compliance.conftest import Browse, World
from tests.compliance.records import control_terms

pytestmark = pytest.mark.django_db


@pytest.fixture
def control(world: World, officer: User) -> ImplementedControl:
    terms = replace(control_terms("BDM-15"), control_id="ML-7", title="=1+1", references=("BDM-14", "BDM-15"))
    return controls.adopt(system=world.assessment.system, terms=terms, owner=officer, actor=officer)


def test_a_control_stands_in_each_row_of_its_reference_controls(
    world: World, control: ImplementedControl, officer: User
) -> None:
    rows = control_matrix(control.system, world.technique, officer)
    assert len(rows) == 4 * 3  # sub-techniques by reference controls
    first = rows[:3]
    assert [(row.reference.control_id, row.control) for row in first] == [
        ("BDM-14", control), ("BDM-15", control), ("BDM-16", None),
    ]  # fmt: skip
    assert first[0].questions == (3,)


def test_a_test_counts_for_the_technique_it_speaks_to(world: World, control: ImplementedControl, officer: User) -> None:
    rows = {
        row.technique.atlas_id: row
        for row in control_matrix(control.system, world.technique, officer)
        if row.reference.pk == world.finding.target_id
    }
    spoken = rows["AML.T0018.000"]
    assert (spoken.conclusion, spoken.open_findings) == (Conclusion.NOT_SATISFIED, 1)
    assert spoken.last_test == world.finding.last_seen_at
    silent = rows["AML.T0018.003"]
    assert (silent.conclusion, silent.last_test, silent.open_findings) == (None, None, 0)


def test_a_newer_test_that_found_nothing_does_not_hide_what_is_open(
    world: World, control: ImplementedControl, officer: User
) -> None:
    later = world.finding.last_seen_at + timedelta(days=1)
    Finding.objects.create(
        system=control.system, target=world.finding.target, asset_key="model:other", asset_name="other",
        rule_fingerprint="0" * 64, title="Nothing found", state=Conclusion.SATISFIED, severity=world.finding.severity,
        condition="", criteria="", first_seen_at=later, last_seen_at=later,
    )  # fmt: skip
    (row,) = (
        row
        for row in control_matrix(control.system, world.technique, officer)
        if row.reference.pk == world.finding.target_id and row.technique.atlas_id == "AML.T0018.000"
    )
    assert (row.conclusion, row.last_test, row.open_findings) == (Conclusion.NOT_SATISFIED, later, 1)


def test_a_technique_without_subtechniques_has_rows_of_its_own(
    world: World, control: ImplementedControl, officer: User
) -> None:
    lone = Technique.objects.create(atlas_id="AML.T0020", name="Training Data Poisoning", atlas_release="1", summary="")
    assert control_matrix(control.system, lone, officer) == ()
    for reference in control.references.all():
        reference.techniques.add(lone)
    rows = control_matrix(control.system, lone, officer)
    assert [(row.technique.atlas_id, row.reference.control_id) for row in rows] == [
        ("AML.T0020", "BDM-14"), ("AML.T0020", "BDM-15"),
    ]  # fmt: skip


def test_the_page_shows_what_is_not_adopted_and_never_tested(
    browse: Browse, control: ImplementedControl, officer: User
) -> None:
    page = browse(officer).get(reverse("system-matrix", args=[control.system.uuid])).content.decode()
    assert "4 of 12 rows have no own control" in page
    assert "never tested" in page
    assert reverse("control-detail", args=[control.uuid]) in page


def test_the_file_has_every_row_and_runs_nothing(browse: Browse, control: ImplementedControl, officer: User) -> None:
    url = reverse("system-matrix", args=[control.system.uuid])
    lines = list(
        csv.DictReader(io.StringIO(browse(officer).get(url, {"export": "csv"}).getvalue().decode("utf-8-sig")))
    )
    assert len(lines) == 12
    assert {line["own control, title"] for line in lines} == {"'=1+1", ""}
    assert lines[2]["own control"] == "none"
    assert browse(officer).get(url, {"export": "xlsx"}).getvalue()[:2] == b"PK"


def test_rows_do_not_ask_more_often(
    world: World, control: ImplementedControl, officer: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    one = count_queries(lambda: control_matrix(control.system, world.technique, officer))
    for number in range(10):
        terms = replace(control_terms("BDM-16"), control_id=f"ML-{100 + number}")
        controls.adopt(system=control.system, terms=terms, owner=officer, actor=officer)
    assert count_queries(lambda: control_matrix(control.system, world.technique, officer)) == one
