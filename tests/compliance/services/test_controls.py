"""Own controls: adopted with what they say, changed by versions that stay, retired with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from compliance.models import AISystem, ControlVersion, Framework, ImplementedControl, LedgerEvent, User
from compliance.selectors.control_page import ControlFilter, control_list, control_page
from compliance.services import controls
from compliance.services.errors import ConflictError, RefusedError
from compliance.types.controls import ControlBasis, ControlTerms, FrameworkId
from tests.compliance.conftest import World
from tests.compliance.records import control_terms

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
TERMS = control_terms("BDM-15")


@pytest.fixture
def control(system: AISystem, officer: User) -> ImplementedControl:
    return controls.adopt(system=system, terms=TERMS, owner=officer, actor=officer)


@pytest.fixture
def iso(db: None) -> Framework:
    facts = {"id_pattern": r"^A\.\d{1,2}\.\d(\.\d)?$", "edition": "2023"}
    return Framework.objects.create(key="iso-iec-42001-2023", title="ISO/IEC 42001", facts=facts)


def changed(control: ImplementedControl, terms: ControlTerms, officer: User, version: int = 1) -> ImplementedControl:
    return controls.change(
        control=control, terms=terms, owner=officer, reason="The audit asked.", expected_version=version, actor=officer
    )


def test_it_says_what_was_given_and_is_in_the_ledger(control: ImplementedControl) -> None:
    assert control.terms == TERMS
    assert control.version == 1
    event = LedgerEvent.objects.get(kind="control.adopted")
    assert event.subject_uuid == control.uuid
    assert ControlVersion.objects.get().terms["accounts"] == ["111122223333 eu-central-1"]


def test_blanks_and_repeated_lines_are_tidied(system: AISystem, officer: User) -> None:
    untidy = replace(TERMS, title="  Scan  ", systems=(" Registry", "Registry ", ""), references=("BDM-15", "BDM-14"))
    made = controls.adopt(system=system, terms=untidy, owner=officer, actor=officer)
    assert (made.title, made.systems, made.terms.references) == ("Scan", ["Registry"], ("BDM-14", "BDM-15"))


def test_a_change_makes_a_version_and_keeps_the_old(control: ImplementedControl, officer: User, manager: User) -> None:
    terms = replace(TERMS, statement="Every file, each night.", basis=ControlBasis.ADOPTED, is_key=False)
    controls.change(
        control=control, terms=terms, owner=manager, reason="The audit asked.", expected_version=1, actor=officer
    )
    newest, oldest = control_page(control, officer).versions
    assert (newest.version.version, newest.version.reason) == (2, "The audit asked.")
    assert {one.field: (one.before, one.after) for one in newest.differences} == {
        "statement": (TERMS.statement, "Every file, each night."),
        "basis": ("Adapted: it differs from the template", "Adopted as the template says"),
        "is_key": ("yes", "no"),
        "owner": (officer.name, manager.name),
    }
    assert oldest.version.terms["statement"] == TERMS.statement
    assert oldest.differences == ()


def test_who_began_with_an_older_version_gets_both_texts(control: ImplementedControl, officer: User) -> None:
    changed(control, replace(TERMS, statement="First."), officer)
    with pytest.raises(ConflictError, match="version 2 meanwhile") as caught:
        changed(control, replace(TERMS, statement="Second."), officer)
    told = caught.value
    assert (told.saved["statement"], told.sent["statement"], told.version) == ("First.", "Second.", 2)
    assert told.differing == ["statement"]
    assert changed(control, replace(TERMS, statement="Second."), officer, version=2).version == 3


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        (replace(TERMS, statement=" "), "only a template"),
        (replace(TERMS, control_id=""), "an id of your own"),
        (replace(TERMS, references=()), "Name reference controls"),
        (replace(TERMS, references=("BDM-15", "BDM-99")), "not there: BDM-99"),
        (replace(TERMS, requirements=(FrameworkId(framework="nis2", requirement="Art. 21"),)), "No framework “nis2”"),
        (
            replace(TERMS, requirements=(FrameworkId(framework="iso-iec-42001-2023", requirement="A6.2"),)),
            "“A6.2” does not have the form of the ids of ISO/IEC 42001",
        ),
    ],
)
def test_what_does_not_hold_is_refused_and_nothing_is_kept(
    system: AISystem, iso: Framework, officer: User, terms: ControlTerms, told: str
) -> None:
    with pytest.raises(RefusedError, match=told):
        controls.adopt(system=system, terms=terms, owner=officer, actor=officer)
    assert not ImplementedControl.objects.exists()
    assert not LedgerEvent.objects.filter(kind="control.adopted").exists()


def test_ids_of_frameworks_are_kept_beside_it(system: AISystem, iso: Framework, officer: User) -> None:
    ids = tuple(FrameworkId(framework=iso.key, requirement=one) for one in ("A.6.2.8", "A.7.5", "A.6.2.8"))
    made = controls.adopt(system=system, terms=replace(TERMS, requirements=ids), owner=officer, actor=officer)
    assert [one.requirement_id for one in made.requirements.all()] == ["A.6.2.8", "A.7.5"]
    changed(made, replace(TERMS, requirements=ids[1:2]), officer)
    assert [str(one) for one in made.requirements.all()] == ["iso-iec-42001-2023 A.7.5"]


def test_a_change_needs_a_reason_and_a_difference(control: ImplementedControl, officer: User) -> None:
    with pytest.raises(RefusedError, match="Nothing differs from version 1"):
        changed(control, TERMS, officer)
    with pytest.raises(RefusedError, match="Say why the control changes"):
        controls.change(
            control=control, terms=replace(TERMS, scope="All"), owner=officer, reason=" ", expected_version=1,
            actor=officer,
        )  # fmt: skip


def test_an_id_is_used_once_on_a_system(control: ImplementedControl, system: AISystem, officer: User) -> None:
    with pytest.raises(RefusedError, match="has a control BDM-15 already"):
        controls.adopt(system=system, terms=TERMS, owner=officer, actor=officer)
    other = controls.adopt(system=system, terms=replace(TERMS, control_id="ML-2"), owner=officer, actor=officer)
    with pytest.raises(RefusedError, match="Another control of the AI system has the id BDM-15"):
        changed(other, TERMS, officer)


def test_a_retired_control_stays_and_does_not_change(control: ImplementedControl, officer: User) -> None:
    with pytest.raises(RefusedError, match="before it took effect"):
        controls.retire(control=control, on=date(2025, 1, 1), reason="Replaced.", actor=officer)
    gone = controls.retire(control=control, on=date(2026, 6, 30), reason="Replaced by ML-2.", actor=officer)
    assert (gone.version, gone.retired_on) == (2, date(2026, 6, 30))
    with pytest.raises(RefusedError, match="was retired on 2026-06-30"):
        changed(control, replace(TERMS, scope="All"), officer, version=2)
    rows = ImplementedControl.objects.all()
    assert list(control_list(rows, ControlFilter())) == []
    assert list(control_list(rows, ControlFilter(state="retired"))) == [gone]


def test_its_page_shows_what_was_tested_on_its_reference_controls(
    world: World, control: ImplementedControl, officer: User
) -> None:
    content = control_page(control, officer)
    assert [line.finding for line in content.tests] == [world.finding]
    assert (content.open_findings, content.tests[0].observations) == (1, world.finding.observations.count())
    row: Any = control_list(ImplementedControl.objects.all(), ControlFilter(text="scan before")).get()
    assert (row.open_findings, row.evidence_count) == (1, 0)
