"""Two scans side by side."""

from __future__ import annotations

import copy

import pytest
from django.urls import reverse

from compliance.models import User
from scanning.models import Scan
from scanning.selectors.comparison import compare
from tests.compliance.conftest import Browse, World
from tests.scanning.web import stage_reports as told
from tests.scanning.web.test_stages import scan_with

COMPARE = reverse("scan-compare")


@pytest.fixture
def first(world: World, contributor: User) -> Scan:
    return scan_with(world, contributor, [told.UNCALIBRATED, told.CALIBRATED])


def changed(stage: told.JSON, by: float) -> told.JSON:
    """The stage with other scores."""
    other = copy.deepcopy(stage)
    statistic = other["facts"]["statistic"]
    statistic["scores"] = [None if score is None else score + by for score in statistic["scores"]]
    other["parameters"]["threads"] = 4
    return other


def test_the_same_figures_are_equal_to_the_last_bit(world: World, contributor: User, first: Scan) -> None:
    result = compare(first, scan_with(world, contributor, [told.UNCALIBRATED, told.CALIBRATED]))
    assert [pair.figures for pair in result.stages] == ["equal to the last bit"] * 2
    assert (result.same_file, result.environment, result.tensors_differing, result.tensors_equal) == (True, (), 0, 5)


def test_the_time_that_a_search_took_is_no_figure_of_the_model(world: World, contributor: User) -> None:
    slow, fast = copy.deepcopy(told.CALIBRATED), copy.deepcopy(told.CALIBRATED)
    slow["facts"]["cpu_seconds"], fast["facts"]["cpu_seconds"] = 9.5, 2.5
    result = compare(scan_with(world, contributor, [slow]), scan_with(world, contributor, [fast]))
    assert [(pair.figures, pair.is_equal) for pair in result.stages] == [("equal to the last bit", True)]


def test_stages_without_figures_are_not_called_equal(world: World, contributor: User) -> None:
    silent = told.stage("strip", "not_applicable", "Not handed in.")
    (pair,) = compare(scan_with(world, contributor, [silent]), scan_with(world, contributor, [silent])).stages
    assert (pair.figures, pair.is_equal) == ("neither gave figures", False)


def test_equal_figures_are_expected_of_one_file_alone(
    world: World, contributor: User, browse: Browse, first: Scan
) -> None:
    second = scan_with(world, contributor, [told.UNCALIBRATED, told.CALIBRATED])
    expected, asked = "expected to be equal to the last bit", {"a": str(first.uuid), "b": str(second.uuid)}
    assert expected in browse(contributor).get(COMPARE, asked).text
    Scan.objects.filter(pk=second.pk).update(model_version=world.base)
    text = browse(contributor).get(COMPARE, asked).text
    assert expected not in text
    assert "Nothing differs but the model." in text


def test_what_differs_is_told_with_its_size(world: World, contributor: User, first: Scan) -> None:
    tensors = {**told.TENSORS, "layer1.weight": {**told.TENSORS["layer1.weight"], "sha256": "e" * 64}}
    tensors["new.weight"] = tensors.pop("layer0.weight")
    environment = {**told.ENVIRONMENT, "threads": 4}
    second = scan_with(world, contributor, [changed(told.CALIBRATED, 0.25)], tensors=tensors, environment=environment)
    result = compare(first, second)
    margin, inversion = result.stages
    assert (margin.b, margin.figures) == (None, "")
    assert inversion.figures == "scores differ by at most 0.25"
    assert [(pair.label, pair.a, pair.b) for pair in inversion.settings] == [("threads", "2", "4")]
    assert [(pair.label, pair.a, pair.b) for pair in result.environment] == [("threads", "2", "4")]
    assert {(row.name, row.what) for row in result.tensors} == {
        ("layer0.weight", "only in the first"), ("layer1.weight", "other values"), ("new.weight", "only in the second"),
    }  # fmt: skip


def test_a_scan_offers_others_of_its_model(world: World, contributor: User, browse: Browse, first: Scan) -> None:
    second = scan_with(world, contributor, [told.NORMS_ALONE])
    client = browse(contributor)
    assert f"{COMPARE}?a={first.uuid}" in client.get(reverse("scan-detail", args=[first.uuid])).text
    text = client.get(COMPARE, {"a": str(first.uuid)}).text
    assert f'value="{second.uuid}"' in text
    assert "Stage by stage" in client.get(COMPARE, {"a": str(first.uuid), "b": str(second.uuid)}).text


def test_scans_of_others_do_not_exist(
    world: World, officer: User, contributor: User, browse: Browse, first: Scan
) -> None:
    foreign = scan_with(world, officer, [told.CALIBRATED])
    Scan.objects.filter(pk=foreign.pk).update(model_version=world.other_version)
    client = browse(contributor)
    assert client.get(COMPARE, {"a": str(first.uuid), "b": str(foreign.uuid)}).status_code == 404
    assert client.get(COMPARE, {"a": "no-identifier"}).status_code == 404
    assert str(foreign.uuid) not in client.get(COMPARE).text
    assert client.get(COMPARE).status_code == 200


def test_without_scans_the_page_says_what_it_takes(world: World, contributor: User, browse: Browse) -> None:
    assert "There are no two scans to compare" in browse(contributor).get(COMPARE).text


def test_a_file_scan_has_no_stages_to_compare(world: World, contributor: User, browse: Browse, first: Scan) -> None:
    file_scan = scan_with(world, contributor, [told.NORMS_ALONE])
    Scan.objects.filter(pk=file_scan.pk).update(kind=Scan.FILE, verdict="nothing_found", report={"file_scan": {}})
    answer = browse(contributor).get(COMPARE, {"a": str(first.uuid), "b": str(file_scan.uuid)})
    assert (answer.status_code, "not run" in answer.text) == (200, True)
