"""Mapping pairs: drafts that people add and revise, a second person approves, and what counts for a system."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from compliance.models import AISystem, Framework, LedgerEvent, MappingPair, ReferenceControl, User
from compliance.oscal.catalog_files import SHIPPED
from compliance.selectors.system_page import RequirementLine, framework_lines, requirement_lines
from compliance.services import catalogs, controls, inventory, mappings
from compliance.services.errors import RefusedError
from compliance.services.mappings import PairTerms
from compliance.types.applicability import Applies, LegalRole, RiskClass, Standing
from compliance.types.states import MappingState
from tests.compliance.conftest import World
from tests.compliance.records import control_terms

pytestmark = pytest.mark.django_db
TERMS = PairTerms(relation="superset-of", strength="direct", rationale="Both ask for a scan.", kind="clause")
TODAY = date(2026, 11, 27)


@pytest.fixture
def iso(world: World) -> Framework:
    facts = {"id_pattern": r"^A\.\d{1,2}\.\d(\.\d)?$", "edition": "2023"}
    return Framework.objects.create(key="iso-iec-42001-2023", title="ISO/IEC 42001", facts=facts)


@pytest.fixture
def law(world: World) -> Framework:
    return Framework.objects.create(key="eu-ai-act", title="Regulation (EU) 2024/1689", facts={})


@pytest.fixture
def control(world: World) -> ReferenceControl:
    return ReferenceControl.objects.get(control_id="BDM-15")


@pytest.fixture
def pair(control: ReferenceControl, iso: Framework, officer: User) -> MappingPair:
    return mappings.add(control=control, framework=iso, requirement_id=" A.6.2.4 ", terms=TERMS, actor=officer)


def test_a_person_adds_a_draft_and_is_its_author(pair: MappingPair, officer: User) -> None:
    assert (pair.state, pair.author, pair.requirement_id) == (MappingState.DRAFT, officer, "A.6.2.4")
    assert (pair.checked, pair.facts) == ("person", {"kind": "clause"})
    assert LedgerEvent.objects.get(kind="mapping.added").subject_uuid == pair.uuid


def test_the_author_does_not_approve(pair: MappingPair, officer: User, second_officer: User) -> None:
    with pytest.raises(RefusedError, match="You wrote this pair"):
        mappings.decide(pair=pair, state=MappingState.APPROVED, actor=officer)
    assert mappings.decide(pair=pair, state=MappingState.APPROVED, actor=second_officer).decided_by == second_officer


@pytest.mark.parametrize(
    ("requirement", "terms", "told"),
    [
        ("6.2.4", TERMS, "“6.2.4” does not have the form of the ids of ISO/IEC 42001"),
        ("A.6.2.4\n", TERMS, "has this pair already"),
        ("", TERMS, "Write the id"),
        ("A.7.5", replace(TERMS, relation="covers"), "The relation is one of equal-to"),
        ("A.7.5", replace(TERMS, strength="strong"), "The strength is one of direct"),
        ("A.7.5", replace(TERMS, rationale=" "), "Say in the rationale"),
    ],
)
def test_what_does_not_hold_is_refused(
    pair: MappingPair, iso: Framework, officer: User, requirement: str, terms: PairTerms, told: str
) -> None:
    with pytest.raises(RefusedError, match=told):
        mappings.add(control=pair.control, framework=iso, requirement_id=requirement, terms=terms, actor=officer)
    assert MappingPair.objects.filter(framework=iso).count() == 1


def test_a_revision_is_a_draft_again_by_who_revised(pair: MappingPair, officer: User, second_officer: User) -> None:
    mappings.decide(pair=pair, state=MappingState.APPROVED, actor=second_officer)
    with pytest.raises(RefusedError, match="Nothing differs"):
        mappings.revise(pair=pair, terms=TERMS, actor=second_officer)
    again = mappings.revise(pair=pair, terms=replace(TERMS, relation="equal-to"), actor=second_officer)
    assert (again.state, again.author, again.decided_by) == (MappingState.DRAFT, second_officer, None)
    with pytest.raises(RefusedError, match="You wrote this pair"):
        mappings.decide(pair=again, state=MappingState.APPROVED, actor=second_officer)
    assert mappings.decide(pair=again, state=MappingState.APPROVED, actor=officer).state == MappingState.APPROVED


def test_a_retired_pair_is_not_decided_until_it_is_revised(pair: MappingPair, officer: User) -> None:
    with pytest.raises(RefusedError, match="Say why"):
        mappings.retire(pair=pair, reason=" ", actor=officer)
    gone = mappings.retire(pair=pair, reason="The clause moved.", actor=officer)
    assert (gone.state, gone.reason) == (MappingState.RETIRED, "The clause moved.")
    with pytest.raises(RefusedError, match="A retired pair is not decided"):
        mappings.decide(pair=pair, state=MappingState.APPROVED, actor=officer)
    assert mappings.revise(pair=pair, terms=TERMS, actor=officer).state == MappingState.DRAFT


def test_a_load_of_the_catalogue_leaves_what_people_wrote(officer: User, tmp_path: Path) -> None:
    catalogs.load(folder=SHIPPED, apply=True, actor=None)
    shipped = MappingPair.objects.filter(framework__key="nist-csf-2.0").select_related("control", "framework")[0]
    assert shipped.author is None
    mappings.revise(pair=shipped, terms=replace(TERMS, rationale="Read and compared."), actor=officer)
    own = mappings.add(
        control=shipped.control, framework=shipped.framework, requirement_id="DE.CM-99", terms=TERMS, actor=officer
    )
    for file in SHIPPED.glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        (tmp_path / file.name).write_text(f"# another edition\n{text}", encoding="utf-8")
    assert catalogs.load(folder=tmp_path, apply=True, actor=None).is_applied
    shipped.refresh_from_db()
    own.refresh_from_db()
    assert (shipped.rationale, shipped.facts.get("retired")) == ("Read and compared.", None)
    assert shipped.author_id == officer.pk
    assert own.facts.get("retired") is None


# What counts for a system --------------------------------------------------------------------------------------------


def line_of(system: AISystem, framework: Framework) -> RequirementLine:
    system.refresh_from_db()
    (line,) = requirement_lines(system, on=TODAY, framework=framework)
    return line


def test_a_draft_is_told_apart_and_never_counts(
    world: World, pair: MappingPair, iso: Framework, officer: User, second_officer: User
) -> None:
    system = world.assessment.system
    controls.adopt(system=system, terms=control_terms("BDM-15"), owner=officer, actor=officer)
    line = line_of(system, iso)
    assert (line.pairs, line.drafts, line.controls, line.open_findings, line.counts) == ((), 1, (), 0, False)
    mappings.decide(pair=pair, state=MappingState.APPROVED, actor=second_officer)
    line = line_of(system, iso)
    assert [control.control_id for control in line.controls] == ["BDM-15"]
    assert (line.drafts, line.open_findings, line.counts) == (0, 1, True)


def test_what_does_not_apply_is_neither_gap_nor_counted(
    world: World, control: ReferenceControl, law: Framework, officer: User, second_officer: User
) -> None:
    system = world.assessment.system
    terms = replace(TERMS, kind="article", applies_to="provider-high-risk")
    pair = mappings.add(control=control, framework=law, requirement_id="Art. 15(5)", terms=terms, actor=officer)
    mappings.decide(pair=pair, state=MappingState.APPROVED, actor=second_officer)
    assert line_of(system, law).applies.state is Applies.NOT_ASSESSED
    standing = Standing(roles=frozenset({LegalRole.DEPLOYER}), risk_class=RiskClass.HIGH_RISK_ANNEX_III)
    inventory.state_standing(system=system, standing=standing, reason="Memo of 2026-10-01.", actor=officer)
    assert line_of(system, law).applies.state is Applies.DOES_NOT_APPLY
    (figures,) = framework_lines([line_of(system, law)])
    assert (figures.relevant, figures.does_not_apply, figures.not_assessed, figures.with_control) == (0, 1, 0, 0)
    provider = replace(standing, roles=frozenset({LegalRole.PROVIDER}))
    inventory.state_standing(system=system, standing=provider, reason="Memo of 2026-11-01.", actor=officer)
    (figures,) = framework_lines([line_of(system, law)])
    assert (figures.relevant, figures.does_not_apply) == (1, 0)
    assert LedgerEvent.objects.filter(kind="system.standing_stated").count() == 2


def test_role_and_class_need_a_ground(world: World, officer: User) -> None:
    with pytest.raises(RefusedError, match="Say on what the role and the class rest"):
        inventory.state_standing(system=world.assessment.system, standing=Standing(), reason=" ", actor=officer)


def test_reading_all_frameworks_asks_a_fixed_number_of_times(
    officer: User, system: AISystem, django_assert_max_num_queries: object
) -> None:
    catalogs.load(folder=SHIPPED, apply=True, actor=None)
    with django_assert_max_num_queries(7):  # type: ignore[operator]  # a fixture of pytest-django
        lines = requirement_lines(system, on=TODAY)
    assert len(lines) > 300
    assert not any(line.counts for line in lines)
