"""The tables of risks: what they allow, how priority is added up, which observations a waiver is about."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from compliance.management.commands.print_risks import risks_document
from compliance.rights import TABLE
from compliance.types.applicability import RiskClass
from compliance.types.risk_life import Sighting, sighted
from compliance.types.risk_priority import (
    Exposure,
    Factor,
    Priority,
    Strength,
    Tier,
    judge,
    rejudged,
    strength_of,
)
from compliance.types.risk_transitions import PRECEDENCE, STEPS, TRANSITIONS, By, Held, RiskAct, acts_from, may_change
from compliance.types.risk_waivers import covers
from compliance.types.states import RiskState, Severity
from compliance.types.verdicts import Conclusion, StageVerdict

HIGH = Exposure(risk_class=RiskClass.HIGH_RISK_ANNEX_III, is_systemic=False, is_on_market=True)
LOW = Exposure(risk_class=RiskClass.MINIMAL, is_systemic=False, is_on_market=False)


def test_the_document_is_printed_from_the_tables() -> None:
    printed = (Path(__file__).parents[3] / "docs" / "risks.md").read_text(encoding="utf-8")
    assert printed == risks_document(), "run: manage.py print_risks > docs/risks.md"


def test_every_state_and_act_is_in_the_table_once() -> None:
    assert len(STEPS) == len(TRANSITIONS)
    assert {row.act for row in TRANSITIONS} == set(RiskAct)
    assert {row.after for row in TRANSITIONS} == set(RiskState)
    assert {row.held for row in PRECEDENCE} == set(Held)


@pytest.mark.parametrize("service", sorted({row.service for row in TRANSITIONS}))
def test_every_row_names_a_service_that_is_there(service: str) -> None:
    module, name = service.split(".")
    assert callable(getattr(import_module(f"compliance.services.{module}"), name))


def test_every_act_of_a_person_has_a_verb_that_somebody_holds() -> None:
    for row in TRANSITIONS:
        assert (row.verb is not None) == (By.PERSON in row.by)
        assert row.verb is None or TABLE[row.verb]


def test_no_import_accepts_or_closes() -> None:
    by_record = {row.act for row in TRANSITIONS if By.RECORD in row.by}
    assert by_record == {RiskAct.REMEDIATE, RiskAct.EXPIRE_ACCEPTANCE, RiskAct.REOPEN}
    for held in (Held.JUDGED, Held.OVERRIDE, Held.ACCEPTANCE, Held.CLOSING, Held.WAIVER, Held.WORK):
        assert not may_change(held, By.RECORD)


def test_what_a_person_may_do_depends_on_the_state() -> None:
    assert acts_from(RiskState.CLOSED, By.PERSON) == {RiskAct.REOPEN}
    assert RiskAct.CLOSE not in acts_from(RiskState.DEVIATION_APPROVED, By.PERSON)


@pytest.mark.parametrize(
    ("before", "stood", "conclusion", "expected"),
    [
        ("", False, Conclusion.NOT_SATISFIED, Sighting.NEW),
        ("", False, Conclusion.SATISFIED, None),
        ("new", True, Conclusion.NOT_SATISFIED, Sighting.UNCHANGED),
        ("unchanged", True, Conclusion.SATISFIED, Sighting.FIXED),
        ("fixed", False, Conclusion.NOT_SATISFIED, Sighting.REAPPEARED),
        ("reappeared", True, Conclusion.NOT_SATISFIED, Sighting.UNCHANGED),
        ("fixed", False, Conclusion.SATISFIED, Sighting.FIXED),
    ],
)
def test_how_a_finding_stands_beside_the_report_before(
    before: str, stood: bool, conclusion: Conclusion, expected: Sighting | None
) -> None:
    assert sighted(before=before, conclusion=conclusion, stood=stood) is expected


def test_priority_adds_up_its_reasons() -> None:
    strength = Strength(tier=Tier.CONFIRMED, power=0.95)
    said = judge(severity=Severity.CRITICAL, exposure=HIGH, techniques=["AML.T0018.000"], strength=strength)
    assert (said.priority, said.points) == (Priority.P1, 40 + 20 + 5 + 15 + 15 + 5)
    assert [reason.factor for reason in said.reasons] == list(Factor)
    least = judge(severity=Severity.LOW, exposure=LOW, techniques=[], strength=Strength(tier=Tier.UNCALIBRATED))
    assert (least.priority, least.points) == (Priority.P4, 10 + 5 + 5 + 5)


def test_the_gravest_sub_technique_counts_and_systemic_outranks_a_low_class() -> None:
    systemic = Exposure(risk_class=RiskClass.MINIMAL, is_systemic=True, is_on_market=False)
    said = judge(
        severity=Severity.MEDIUM,
        exposure=systemic,
        techniques=["AML.T0018.003", "AML.T0018.002"],
        strength=Strength(tier=Tier.FILE),
    )
    assert (said.points, said.priority) == (20 + 20 + 20 + 10, Priority.P2)


def test_another_exposure_changes_that_reason_alone() -> None:
    strength = Strength(tier=Tier.FILE)
    before = judge(severity=Severity.HIGH, exposure=LOW, techniques=["AML.T0018.002"], strength=strength)
    after = rejudged(reasons=[reason.to_json() for reason in before.reasons], exposure=HIGH)
    assert after == judge(severity=Severity.HIGH, exposure=HIGH, techniques=["AML.T0018.002"], strength=strength)


@pytest.mark.parametrize(
    ("verdict", "producer", "facts", "expected"),
    [
        (
            StageVerdict.EVIDENCE_FOUND,
            "assay",
            {"stage": {"facts": {"calibration": {"tier": "calibrated", "confirmed": True, "power": [{"rate": 0.9}]}}}},
            Strength(tier=Tier.CONFIRMED, power=0.9),
        ),
        (
            StageVerdict.EVIDENCE_FOUND,
            "assay",
            {"stage": {"facts": {"tier": "uncalibrated"}}},
            Strength(tier=Tier.UNCALIBRATED),
        ),
        (StageVerdict.EVIDENCE_FOUND, "laboratory", {}, Strength(tier=Tier.UNCALIBRATED)),
        ("finding", "modelscan", {}, Strength(tier=Tier.FILE)),
        ("finding", "assay-checks", {}, Strength(tier=Tier.RECORDS)),
        ("finding", "auditor", {}, Strength(tier=Tier.EXAMINED)),
    ],
)
def test_the_strength_of_a_test_is_read_from_what_it_left(
    verdict: str, producer: str, facts: dict[str, object], expected: Strength
) -> None:
    assert strength_of(verdict=verdict, producer=producer, facts=facts) == expected


@pytest.mark.parametrize(
    ("assets", "seen", "expected"),
    [
        ("", ("modelscan", "R1", "a.pkl"), True),
        ("*.pkl", ("modelscan", "R1", "weights/a.pkl"), True),
        ("*.pt", ("modelscan", "R1", "a.pkl"), False),
        ("", ("modelscan", "R2", "a.pkl"), False),
        ("", ("picklescan", "R1", "a.pkl"), False),
    ],
)
def test_a_waiver_is_about_one_rule_of_one_scanner(assets: str, seen: tuple[str, str, str], expected: bool) -> None:
    assert covers(producer="modelscan", rule="R1", assets=assets, seen=seen) is expected
