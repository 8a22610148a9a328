"""A scan's page, stage by stage: what came out first, how strong it was, what it does not say, and older reports."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from compliance.models import Job, User
from compliance.selectors.stage_document import stage as stage_document
from compliance.types.states import JobState
from scanning.models import Scan
from scanning.selectors.scan_page import stage_page
from scanning.services import scans
from tests.compliance.conftest import Browse, World
from tests.scanning.web import stage_reports as told


def scan_with(world: World, actor: User, stages: list[told.JSON], **detection: object) -> Scan:
    """A detection of the tuned version that ended with these stages."""
    scan = scans.request_scan(model_version=world.tuned, kind=Scan.DETECTION, actor=actor, dispatch=False)
    scan.verdict = stages[-1]["verdict"]
    scan.report = {"file_scan": None, "detection": told.detection(stages, **detection)}
    scan.save()
    Job.objects.filter(pk=scan.job_id).update(state=JobState.SUCCEEDED)
    return scan


def text_of(client: Client, scan: Scan) -> str:
    """The page without its tags."""
    page = client.get(reverse("scan-detail", args=[scan.uuid])).text
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("&nbsp;", " ").split())


@pytest.fixture
def page(world: World, contributor: User, browse: Browse, auditor: User) -> str:
    """What an auditor reads of a scan with every kind of stage."""
    return text_of(browse(auditor), scan_with(world, contributor, told.EVERY))


def test_the_verdict_of_all_stages_stands_first(page: str) -> None:
    assert page.index("What came out") < page.index("Taken together, 2 stages give p = 0.025")
    assert page.index("How strong the test was") < page.index("What it does not say") < page.index("Settings of the")
    assert "beside 39 reference models, which allow none below 0.025" in page
    assert "3 of 6 stages from which something follows" in page


def test_what_was_not_tested_is_as_loud_as_what_was(page: str) -> None:
    silence = page[page.index("What it does not say") : page.index("Stages", page.index("What it does not say"))]
    assert "AML.T0018.003 Modify Prompt Construction Logic: nothing follows from this scan." in silence
    assert "This stage needs suspicious inputs, and none were handed in." in silence
    assert "neural_cleanse sees its own kind of trigger alone." in silence


def test_every_drawing_scrolls_on_a_narrow_screen_before_its_words_grow_too_small(
    world: World, contributor: User, browse: Browse
) -> None:
    scan = scan_with(world, contributor, told.EVERY)
    kinds = set(
        re.findall(r'<svg class="chart (\w+)"', browse(contributor).get(reverse("scan-detail", args=[scan.uuid])).text)
    )
    assert {"dots", "strip", "spans"} <= kinds
    rules = (settings.BASE_DIR / "compliance/static/assay/scan.css").read_text(encoding="utf-8")
    wide = re.findall(r"((?:\.chart-scroll svg\.\w+,?\s)+)\{\s*min-width: 30rem;", rules)
    assert kinds <= set(re.findall(r"svg\.(\w+)", "".join(wide)))


def test_a_drawing_without_classes_names_no_dark_class(world: World, contributor: User, browse: Browse) -> None:
    scan = scan_with(world, contributor, [told.COMBINATION])
    text = text_of(browse(contributor), scan)
    assert "The strip holds one line for each reference model" in text
    assert "The dark class is that one." not in text


def test_power_is_told_per_attack_with_its_interval(page: str) -> None:
    assert "BadNets 4×4 patch, 1 % 18 of 20 68.3 % – 98.8 %" in page
    assert "Share of planted backdoors found, with 95 % interval, for 2 kinds of attack" in page


def test_scores_are_drawn_beside_the_references_and_listed(page: str) -> None:
    assert "Score per class, larger is more suspicious; class 0 stands out most, of 10 classes" in page
    assert "The model at 19.4 beside 39 reference models at 1.2 to 5" in page
    assert "39 reference models allow none below 0.025" in page
    assert "0 stands out most -13.3 1.5 13.3" in page
    assert "seed 2: class 0, -13.3" in page


def test_a_confirmation_is_told_beside_chance(page: str) -> None:
    assert "turned 690 of 700 images that the search never saw; a trigger of the same size drawn by chance" in page
    assert "at most 61. That confirms it." in page


def test_an_uncalibrated_stage_says_so_and_why(page: str) -> None:
    assert "it can show evidence, and supports no negative: no bank of reference models was at hand" in page
    assert "0.07; beside the model’s own other classes" in page


def test_tables_of_other_kinds_of_stage_are_shown_and_cut(page: str) -> None:
    assert "Tensors that differ from the base model Name Rank Relative layer1.weight 4 0.02" in page
    assert "Samples under suspicion Index Class Score 0 2 9" in page
    assert "40 of 60 rows; all of them are in the whole report." in page
    assert "What each stage gave Stage Score P-value Flagged Class that stands out most Verdict" in page


def test_stages_that_conclude_and_flag_nothing_are_folded(
    world: World, contributor: User, browse: Browse, auditor: User
) -> None:
    scan = scan_with(world, contributor, told.EVERY)
    html = browse(auditor).get(reverse("scan-detail", args=[scan.uuid])).text
    sections = html.split('<section class="section stage"')[1:]
    stages = scan.report["detection"]["stages"]
    for stage, section in zip(stages, sections, strict=True):
        flagged = bool((stage["facts"].get("calibration") or {}).get("flagged"))
        opened = stage["verdict"] in ("evidence_found", "no_evidence_at_power") or flagged
        assert ('<details class="stage-figures" open>' in section) == opened, stage["detector"]
    assert {'class="stage-figures" open>' in section for section in sections} == {True, False}


def test_the_evidence_record_is_folded_but_whole(page: str) -> None:
    record = page[page.index("The evidence record") :]
    for words in ("Threads 2", "Seeds 3", "Torch 2.8.0", "5 tensors with their SHA-256", "layer4.weight"):
        assert words in record
    assert "baba baba" in record


def test_a_report_with_norms_alone_is_still_shown(
    world: World, contributor: User, browse: Browse, officer: User
) -> None:
    scan = scan_with(world, contributor, [told.NORMS_ALONE])
    text = text_of(browse(officer), scan)
    assert "Mask norm per target class: smallest 6.4 pixels for class 1" in text
    assert "98 % of 100 images that the search never saw" in text
    assert "How often a planted backdoor would have been found was not measured" in text
    assert [row.label for row in stage_page(told.NORMS_ALONE).ranked] == ["1", "0", "3"]


def test_classes_without_a_score_come_last() -> None:
    ranked = stage_page(told.CALIBRATED).ranked
    assert [row.label for row in ranked] == ["0", "6", "1", "8", "4", "7", "2", "5", "9", "3"]
    assert (ranked[0].is_first, ranked[0].norm, ranked[-1].score) == (True, 13.3, None)


@pytest.mark.parametrize("facts", [{}, {"anything": {"deep": {"er": [1, 2]}}}, {"rows": [{"a": None}]}])
def test_any_facts_can_be_shown(facts: told.JSON) -> None:
    shown = stage_page(told.stage("later_kind", "inconclusive", "Said.", facts))
    assert (shown.drawing, shown.calibration, shown.title) == ("", None, "later_kind")


def test_the_class_that_is_unusual_beside_references_counts() -> None:
    ranked = {**told.calibration(0.2), "top_class": 6}
    shown = stage_page({**told.CALIBRATED, "facts": {**told.CALIBRATED["facts"], "calibration": ranked}})
    assert shown.report["first_ranked"] == "6"
    assert [row.label for row in shown.ranked if row.is_first] == ["6"]


def test_long_rows_of_numbers_are_left_to_the_report() -> None:
    facts = {
        "statistics": {"norm": [0.1] * 10}, "steps": [80] * 10, "shape": [1, 28, 28], "seeds": [{"n": 1, "norms": [1.0] * 10}],
    }  # fmt: skip
    shown = stage_document(told.stage("max_margin", "inconclusive", "Said.", facts=facts))
    assert {figure["label"] for figure in shown["figures"]} >= {"shape"}
    assert not [figure for figure in shown["figures"] if "0.1, 0.1" in figure["value"] or "80, 80" in figure["value"]]
    assert not [table for table in shown["tables"] if "norms" in table["heads"]]
