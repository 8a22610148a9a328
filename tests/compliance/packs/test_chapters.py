"""What auditors ask for beyond the record: assertion, matrix, applicability, custody, follow-up, and what came later."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from compliance.packs.order import PackOrder
from compliance.packs.render import html_of
from compliance.packs.shares import TABLE_ROWS, Budget
from compliance.types.canonical import canonical_json
from compliance.types.freeze import FreezeError, validate_freeze
from tests.compliance.packs.example_audit import audited, later
from tests.compliance.packs.example_freeze import empty_freeze, example_freeze, uid
from tests.compliance.packs.test_pages import _context, _text


@pytest.fixture(scope="module")
def page(order: PackOrder) -> str:
    freeze = audited()
    validate_freeze(json.loads(canonical_json(freeze)))
    return html_of(_context(freeze, {**order, "later": later(), "kept_until": "2036-11-02"}))


@pytest.mark.parametrize(
    "words",
    [
        "Management is responsible for the controls",
        "Compliance officer, 2 November 2026, 10:00 UTC Meaning of the signature: signs management's assertion",
        "It is no audit opinion.",
        "It is no SOC report, and no certificate under any standard.",
        "Kept at least until 2 November 2036",
        "Exclusions Region us-east-1 is not used.",
        "No own control stands against: AML.T0018.002 Embed Malware; AML.T0018.003 Modify Prompt Construction Logic",
        "Included: 1. Excluded: 1. Not decided: 0.",
        "A.10.4 Excluded We sell to no customer of this kind.",
        "received, hashed and stored",
        "used in question 2 , job log",
        "used nowhere in this pack",
        "Agrees. We close the manual path.",
        "Access list out of date Closed",
        "1 finding was first seen after the freeze.",
        "7 events about this AI system were recorded",
        "Evidence received 6",
        "digits-train 2026.09 Differs",
        "Audits that this is for External audit 2026",
    ],
)
def test_each_chapter_says_what_it_has_to(page: str, words: str) -> None:
    assert words in _text(page)


def test_every_inner_link_has_a_target_and_every_header_a_scope(page: str) -> None:
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))
    assert re.findall(r"<th(?![^>]*scope)[ >]", page) == []


def test_a_document_of_an_earlier_version_says_what_it_lacks(order: PackOrder) -> None:
    text = _text(html_of(_context(example_freeze(), order)))
    for words in (
        "asked for no assertion. Nobody has signed one.",
        "kept no findings of auditors",
        "kept no statement of applicability",
        "kept no dataset verifications",
        "this pack was ordered without it",
    ):
        assert words in text


def test_nothing_done_is_said_of_the_new_chapters_too(order: PackOrder) -> None:
    freeze = {**empty_freeze(), "audit_findings": [], "statements": [], "dataset_checks": [], "engagements": []}
    text = _text(html_of(_context(freeze, order)))  # type: ignore[arg-type]  # a document of the same shape
    assert "No auditor had issued a finding" in text
    assert "Nothing shows that the training data is what it was." in text
    assert "No statement of applicability was approved" in text


@pytest.mark.parametrize(
    ("part", "change", "told"),
    [
        ("audit_findings", {"state": "draft"}, "is a draft; only what was issued is told"),
        ("audit_findings", {"item": uid("nowhere")}, "names work that is not in the document"),
        ("dataset_checks", {"dataset": uid("nowhere")}, "is not in the datasets"),
    ],
)
def test_a_part_that_refers_to_nothing_is_refused(part: str, change: dict[str, Any], told: str) -> None:
    freeze = audited()
    freeze[part][0] = {**freeze[part][0], **change}
    with pytest.raises(FreezeError, match=told):
        validate_freeze(json.loads(canonical_json(freeze)))


def many(findings: int) -> Any:
    """A document with so many findings, each with a risk and an item; every tenth is grave."""
    freeze: Any = audited(copy.deepcopy(example_freeze()))
    (finding, *_rest), (risk,), (item,) = freeze["findings"], freeze["risks"], freeze["remediation"]
    numbers = range(findings)
    freeze["findings"] = [
        {**finding, "uuid": uid(f"f{n}"), "severity": "low" if n % 10 else "critical", "title": f"Finding {n}"}
        for n in numbers
    ]
    freeze["risks"] = [{**risk, "uuid": uid(f"r{n}"), "findings": [uid(f"f{n}")]} for n in numbers]
    freeze["remediation"] = [{**item, "uuid": uid(f"i{n}"), "risks": [uid(f"r{n}")]} for n in numbers]
    for key in ("closings", "waivers", "audit_findings"):
        freeze[key] = []
    for question in freeze["questions"]:
        if question["answer"]:
            question["answer"]["findings"] = [uid(f"f{findings - 1}")]
    return freeze


def test_long_registers_are_cut_say_so_and_link_to_no_row_that_is_not_printed(order: PackOrder) -> None:
    freeze = many(400)
    validate_freeze(json.loads(canonical_json(freeze)))
    page = html_of(_context(freeze, order))
    text = _text(page)
    assert text.count("Rows 1–100 of 400. Full register: attached file freeze.json, SHA-256") == 3
    assert "The 25 gravest of 400 are told in full below" in text
    assert text.index("F-01 Finding 0 ") < text.index("F-02 Finding 10 ")
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))
    assert len(re.findall(r"<tr id=", page)) < TABLE_ROWS


def test_a_budget_gives_late_registers_a_few_rows_and_no_more() -> None:
    budget = Budget()
    assert [budget.share(1_000) for _register in range(10)] == [100] * 8 + [10, 10]
    assert budget.share(3) == 3
