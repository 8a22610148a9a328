"""What the pages say, judged on the HTML they are made from."""

from __future__ import annotations

import copy
import html
import json
import re
from typing import Any, cast

import pytest

from compliance.packs import wording
from compliance.packs.context import PackContext, build_context
from compliance.packs.order import PackOrder, SignerFacts
from compliance.packs.render import html_of
from compliance.selectors.stage_document import stage
from compliance.types.canonical import canonical_json, digest_of
from compliance.types.freeze import Freeze, FreezeError, validate_freeze
from compliance.types.freeze_blob import Blob
from compliance.types.testing import ControlTestConclusion, ControlTestKind
from compliance.types.verdicts import Conclusion
from tests.compliance.packs.example_completeness import completeness_lines, measured
from tests.compliance.packs.example_entitlements import access_reviewed
from tests.compliance.packs.example_freeze import empty_freeze, example_freeze, long_freeze, sha, uid
from tests.scanning.web import stage_reports

SIGNER: SignerFacts = {
    "subject": "Assay pack seal",
    "certificate_sha256": sha("seal"),
    "root_subject": "Assay root",
    "root_sha256": sha("root"),
    "demonstration": True,
}
NEVER_SAID = re.compile(r"\b(clean|clear|proof|guaranteed?|compliant)\b", re.IGNORECASE)


def _context(freeze: Freeze, order: PackOrder, **signer: Any) -> PackContext:
    return build_context(
        freeze=freeze,
        freeze_sha256=digest_of(freeze),
        order=order,
        signer={**SIGNER, **signer},  # type: ignore[typeddict-item]  # a part of the same shape
        attachments=[{"name": "freeze.json", "description": "data", "size": 3, "sha256": sha("f")}],
    )


def _text(page: str) -> str:
    body = re.sub(r"<style>.*?</style>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.fixture(scope="module")
def page(order: PackOrder) -> str:
    return html_of(_context(example_freeze(), order))


def test_every_part_is_in_the_contents_and_on_its_page(page: str) -> None:
    anchors = re.findall(r'<a href="#([a-z-]+)">\d+', page)
    assert len(anchors) == 16
    assert all(f'<section id="{anchor}"' in page for anchor in anchors)


def test_every_inner_link_has_a_target(page: str) -> None:
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))


def test_every_header_cell_has_a_scope_and_no_style_or_script_is_inline(page: str) -> None:
    assert re.findall(r"<th(?![^>]*scope)[ >]", page) == []
    assert not re.search(r"\sstyle=|<script|\son\w+=", page)


def test_what_records_say_against_an_answer_stands_beside_it(page: str) -> None:
    text = _text(page)
    assert "Partly Approved Three engineers are approved." in text
    assert "2 are not on the list" in text
    assert "Please answer for what the log shows." in text


def test_an_approval_says_over_what_on_what_and_by_whom_alone(page: str, order: PackOrder) -> None:
    text = _text(page)
    assert "Why it was approved all the same The two service roles are known" in text
    assert "reviewer Tomasz Żółkiewski (Head of model risk) ; due" in text
    assert "over what the records say against it" in text
    assert "Not independently approved. The answer to question 3 was approved by a person who worked on it" in text
    assert "Why by no second person The head of model risk left in October; the post is vacant." in text
    assert "worked on it, and approves it because no second person can" in text
    older = copy.deepcopy(example_freeze())
    for question in older["questions"]:
        for key in ("assignee", "justified", "justification", "approved_on", "not_independent"):
            cast("dict[str, Any]", question["answer"] or {}).pop(key, None)  # a document of an earlier version
    validate_freeze(older)
    assert "Not independently approved" not in _text(html_of(_context(older, order)))


def test_evidence_says_where_it_comes_from_and_figures_name_their_rule(page: str) -> None:
    text = _text(page)
    assert "aws cloudtrail lookup-events --start-time 2026-07-01" in text
    assert "412 rows 412 events by the console Exported and uploaded by the organisation" in text
    assert "query not stated" in text
    assert "Jobs submitted in the period 41 submitters/jobs" in text
    assert "submitters/denied Records of submissions in the period that the platform denied." in text
    assert "log/newest" not in text  # only rules of figures that are printed


def test_checks_before_the_audit_are_listed_with_and_without_something_open(page: str) -> None:
    text = _text(page)
    assert "Tests of model versions are fresh nothing" in text
    assert "are decided Controls behind the questions with draft mappings: 1." in text


def test_the_access_review_of_the_period_is_told_or_missed(page: str, order: PackOrder) -> None:
    assert "No access review was completed in the period." in _text(page)
    freeze = example_freeze()
    register: Blob = {
        "filename": "access-review.jsonl", "media_type": "application/x-ndjson", "sha256": sha("r"), "size": 9, "rows": 20,
    }  # fmt: skip
    freeze["entitlements"]["review"] = access_reviewed(register)
    validate_freeze(freeze)
    text = _text(html_of(_context(freeze, order)))
    assert "by Mira Manager. Population: 20 principals" in text
    assert "To be removed: 3; of these confirmed by later documents: 2, still entitled: 1" in text
    freeze["entitlements"]["review"]["population"] = 21
    with pytest.raises(FreezeError, match="row count differs from the population"):
        validate_freeze(freeze)


def whole_register(rows: int) -> Blob:
    return {
        "filename": "completeness.jsonl", "media_type": "application/x-ndjson", "sha256": sha("c"), "size": 9, "rows": rows,
    }  # fmt: skip


def test_the_three_figures_stand_apart_with_their_keys_and_exceptions(order: PackOrder) -> None:
    freeze = example_freeze(completeness=measured(completeness_lines(3), whole_register(3)))
    validate_freeze(freeze)
    text = _text(html_of(_context(freeze, order)))
    assert "Digest files verified: 4410 of 4416, in 2 chains" in text
    assert "not independently confirmed" in text
    assert "same key, Aya Auditor" in text
    assert "HyperPod cluster hp-1 : jobs inside the cluster; instead: Slurm accounting" in text
    assert "Exception 2: the platform lists it" in text
    assert "3 exceptions to the completeness of the job log are open." in text


def test_a_document_without_the_figures_is_still_a_document(page: str, order: PackOrder) -> None:
    assert "Completeness of the job log" not in _text(page)
    freeze = example_freeze(completeness={"state": "not_assessed", "statement": "It was not measured."})
    validate_freeze(freeze)
    assert _text(html_of(_context(freeze, order))).count("It was not measured.") == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"state": "not_assessed"}, "not assessed where none is"),
        ({"lines": 4}, "row count differs"),
        ({"verdict": "confirmed"}, "not every key was compared"),
    ],
)
def test_figures_that_contradict_themselves_are_refused(change: dict[str, Any], told: str) -> None:
    part = measured(completeness_lines(3), whole_register(3))
    if "state" in change:
        part["state"] = change["state"]
    elif "lines" in change:
        part["reading"]["lines"] = change["lines"]
    else:
        part["reading"]["digests"]["verdict"] = change["verdict"]
    with pytest.raises(FreezeError, match=told):
        validate_freeze(example_freeze(completeness=part))


def test_an_unanswered_question_and_untested_cells_are_named_as_gaps(page: str) -> None:
    text = _text(page)
    assert "Not answered: question 4." in text
    assert "9 of 12 pairs of model version and sub-technique were not tested, failed or are out of date" in text
    assert "76 mappings to other frameworks are drafts and count for nothing" in text
    assert "1 ledger event was not yet sealed" in text


def test_rejected_evidence_is_listed_with_its_reason(page: str) -> None:
    assert "Rejected Line 14 is not UTF-8: byte 0xE9 at column 32." in _text(page)


def test_scan_shows_statistics_limits_and_resolution(page: str) -> None:
    text = _text(page)
    for words in ("99.2 %", "97.9 % – 99.8 %", "9 reference models allow none below 0.1", "34.8, 36.1", "cannot see"):
        assert words in text


def test_a_calibrated_stage_shows_scores_references_power_and_seeds(order: PackOrder) -> None:
    freeze: Any = copy.deepcopy(example_freeze())
    freeze["scans"][0]["stages"] = [stage(report) for report in stage_reports.EVERY]
    validate_freeze(json.loads(canonical_json(freeze)))
    page = html_of(_context(freeze, order))
    text = _text(page)
    for words in (
        "calibrated: ranked among models whose making is known", "39 reference models allow none below 0.025",
        "18 of 20 68.3 % – 98.8 %", "seed 2: class 0, -13.3", "uncalibrated: it can show evidence",
        "All comparing stages together, score per class", "Samples under suspicion: 40 of 60 rows",
    ):  # fmt: skip
        assert words in text
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))


def test_the_demonstration_is_named_for_data_and_signer(order: PackOrder, page: str) -> None:
    assert "Demonstration data: fictional organisation, persons and records" in page
    assert page.count("trusted by nobody else") >= 3
    real = html_of(_context({**example_freeze(), "demonstration": False}, order, demonstration=False))
    assert "Demonstration" not in real
    assert "nobody else" not in real


def test_the_pages_say_who_stamps(order: PackOrder, page: str) -> None:
    assert "Time stamped by own time stamper, by the clock of the installation that made this pack" in _text(page)
    assert "tsa.example.org" not in page
    stamped = html_of(_context(example_freeze(), {**order, "time_stamp_authority": "tsa.example.org"}))
    assert "Time stamped by the time-stamp authority tsa.example.org" in _text(stamped)
    assert "--trust root.pem --trust-time authority.pem" in _text(stamped)
    assert "the time stamp is by tsa.example.org" in _text(stamped)
    organisation = html_of(_context(example_freeze(), order, demonstration=False))
    assert "The time stamp was made by the installation's own stamper, from its own clock" in _text(organisation)


def test_what_was_satisfied_stands_apart_from_findings_and_promises_nothing(order: PackOrder) -> None:
    freeze: Any = copy.deepcopy(example_freeze())
    freeze["findings"][1]["state"] = Conclusion.SATISFIED
    page = html_of(_context(freeze, order))
    assert (
        page.index("F-01 ·") < page.index("Conclusions: satisfied") < page.index("Two service roles submitted 6 of 41")
    )
    assert "They do not show that nothing is there." in _text(page)


def test_an_empty_assessment_says_that_nothing_was_done(order: PackOrder) -> None:
    text = _text(html_of(_context(empty_freeze(), order)))
    for words in (
        "Not answered: questions 1, 2, 3 and 4.",
        "nothing was tested",
        "No model was scanned in the period.",
        "No evidence was collected",
        "No record is not the same as no job.",
        "none was sealed yet",
    ):
        assert words in text


def test_a_long_log_is_cut_with_a_completeness_line(order: PackOrder) -> None:
    blob: Blob = {
        "filename": "job-events.jsonl",
        "media_type": "application/x-ndjson",
        "sha256": sha("j"),
        "size": 9,
        "rows": 12_480,
    }
    text = _text(html_of(_context(long_freeze(12_480, blob), order)))
    assert (
        f"Rows 1–100 of 12,480. Full register: attached file job-events.jsonl, SHA-256 {wording.grouped(sha('j'))}."
        in text
    )


def test_no_page_promises_what_a_test_cannot_give(page: str, order: PackOrder) -> None:
    for text in (_text(page), _text(html_of(_context(empty_freeze(), order)))):
        assert NEVER_SAID.findall(text) == []


def test_hostile_texts_stay_text(order: PackOrder) -> None:
    freeze = example_freeze()
    freeze["organisation"] = '<img src="https://example.org/x">"};@import url(x)</style>'
    page = html_of(_context(freeze, order))
    assert "<img src=" not in page.replace('<img class="trigger" src="pack:', "")
    assert page.count("</style>") == 1
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert "Confidential" in html_of(_context({**freeze, "demonstration": False}, order))
    assert "@import" not in style


def test_classification_cannot_leave_its_css_string(order: PackOrder) -> None:
    style = html_of(_context({**example_freeze(), "demonstration": False}, order)).partition("<style>")[2]
    assert r"Confidential\000020\00005c\000020\000022internal\000022" in style


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("abc\u202etxt.exe", "abc⟨U+202E⟩txt.exe"),
        ("zero\u200bwidth", "zero⟨U+200B⟩width"),
        ("bell\x07", "bell⟨U+0007⟩"),
        ("unprintable \U0001f600", "unprintable ⟨U+1F600⟩"),
        ("two\nlines\tof Þórsdóttir 陳偉 ليلى", "two\nlines\tof Þórsdóttir 陳偉 ليلى"),
        ("e\u0301", "é"),
    ],
)
def test_invisible_and_unprintable_characters_are_shown_by_number(raw: str, shown: str) -> None:
    assert wording.visible(raw) == shown


def test_a_word_without_end_is_cut_and_says_so() -> None:
    assert wording.visible("a" * 1_000) == "a" * 400 + "… [600 characters more, see the attached data]"


def _supplier(**changes: Any) -> dict[str, Any]:
    return {
        "uuid": uid("supplier"), "name": "Model <hub>", "provides": "The base model.", "models": [uid("model-digits")],
        "report_type": "soc2-type2", "issuer": "An audit firm", "period_start": "2026-01-01", "period_end": "2026-09-30",
        "gap": "92 days of the period are not covered: 2026-10-01 to 2026-12-31.",
        "open_days": [{"start": "2026-10-01", "end": "2026-12-31", "days": 92}], "gap_measures": "A bridge letter.",
        "opinion": "qualified", "exceptions": "One, on page 40.", "conclusion": "Relied on in part.", "evidence": None,
        "evidence_sha256": None, "customer_controls": [
            {"reference": "CUEC-1", "statement": "Tokens are rotated.", "controls": ["C-1 Rotate tokens"], "note": ""},
            {"reference": "", "statement": "Access is reviewed.", "controls": [], "note": ""},
        ],
        "reviewer": "Ína Þórsdóttir", "reviewed_on": "2026-11-01", "reviews": 2, **changes,
    }  # fmt: skip


def test_third_parties_are_printed_with_their_gap_and_what_they_ask_for(order: PackOrder) -> None:
    model = example_freeze()["models"][0]["uuid"]
    told: Any = {"records": [_supplier(models=[model])], "unrecorded": ["Nobody Ltd"]}
    freeze = example_freeze(suppliers=told)
    validate_freeze(freeze)
    text = _text(html_of(_context(freeze, order)))
    for words in (
        "Model <hub>",
        "92 days of the period",
        "A bridge letter.",
        "Qualified",
        "C-1 Rotate tokens",
        "CUEC-1",
    ):
        assert words in text
    assert "1 control that a third party's report expects of its customers is met by nothing." in text
    assert "Named by an inherited model, and not on record as a third party: Nobody Ltd." in text


def test_a_freeze_that_knew_no_third_parties_says_so(order: PackOrder) -> None:
    assert "kept no record of third parties" in _text(html_of(_context(example_freeze(), order)))
    nobody: Any = {"records": [], "unrecorded": []}
    assert "No third party is on record" in _text(html_of(_context(example_freeze(suppliers=nobody), order)))


def test_a_third_party_that_refers_to_nothing_on_record_is_refused() -> None:
    for change, why in (({"models": [uid("nowhere")]}, "models"), ({"evidence": uid("nowhere")}, "evidence register")):
        model = example_freeze()["models"][0]["uuid"]
        told: Any = {"records": [_supplier(**{"models": [model], **change})], "unrecorded": []}
        with pytest.raises(FreezeError, match=why):
            validate_freeze(example_freeze(suppliers=told))


def test_what_an_auditor_released_stands_with_its_control(order: PackOrder) -> None:
    freeze = example_freeze()
    freeze["implemented_controls"][0]["auditors_tests"] = [
        {
            "uuid": "0f4d3a52-3a3f-4c7e-9d9e-2f9f0f5f7a01", "engagement": "Audit 2026", "kind": ControlTestKind.OPERATION,
            "procedure": "Compare.", "period_start": "2026-01-01", "period_end": "2026-12-31",
            "conclusion": ControlTestConclusion.EFFECTIVE,
            "statement": "All were in time.", "population": 40, "root": "a" * 64, "seeds": ["2026-11-27 Ada"],
            "instances": 25, "exceptions": 1, "upper_limit": "12.5", "preparer": "Aya Auditor", "reviewer": "Rhea Reviewer",
            "released_at": "2026-11-27T09:00:00Z",
        }
    ]  # fmt: skip
    html = html_of(_context(freeze, order))
    assert "Operating effectively" in html
    assert "25 instances of 40 rows, 1 with an exception; at most 12.5 % deviate" in html
    assert "2026-11-27 Ada" in html
