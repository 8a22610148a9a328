"""The coverage matrix: states, strength, freshness, filters, the fleet's adjusted p-values, and the export."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.urls import reverse
from django.utils import timezone

from compliance.models import ModelVersion, Observation, User
from compliance.selectors.coverage import CoverageCell, coverage_states, coverage_table
from compliance.services import observations
from compliance.types.verdicts import CoverageState, StageVerdict
from scanning.detectors.report_json import report_from_json
from scanning.detectors.stats import benjamini_hochberg
from scanning.models import Scan
from scanning.normalise import scan_observations
from scanning.selectors.fleet import fleet
from scanning.services import scans
from tests.compliance import records
from tests.compliance.conftest import Browse, World
from tests.scanning.web import stage_reports as told

PAGE = reverse("coverage")
Count = Callable[[Callable[[], object]], int]


def combined(version: ModelVersion, verdict: StageVerdict, p: float, at: datetime | None = None) -> Observation:
    """What a scan leaves of all stages together."""
    report = {**told.COMBINATION, "verdict": verdict.value, "facts": {"calibration": told.calibration(p)}}
    facts = {"stage": report, "scan": {}}
    return records.observed(version, verdict, rule="combination", at=at or timezone.now(), facts=facts)


@pytest.fixture
def versions(world: World, officer: User) -> list[ModelVersion]:
    """Four versions of one model, with p-values 0.01 to 0.04; nothing found in them."""
    system = world.assessment.system
    made = [records.model_version(system, "many", str(n), actor=officer) for n in range(1, 5)]
    for n, version in enumerate(made, start=1):
        combined(version, StageVerdict.NO_EVIDENCE_AT_POWER, n / 100)
    return made


def labels(browse: Browse, user: User, **query: str) -> list[str]:
    return [str(line.version) for line in browse(user).get(PAGE, query).context["lines"]]


def test_a_cell_shows_verdict_tier_power_and_date(versions: list[ModelVersion], browse: Browse, auditor: User) -> None:
    text = " ".join(browse(auditor).get(PAGE, {"q": "many"}).text.split())
    assert "All comparing stages together: No evidence at stated power" in text
    assert "calibrated, p = 0.01" in text
    assert "power: 9 of 20 or better; least for Blended image, 10 %" in text
    assert "never tested" in text


def test_coverage_grows_stale_and_says_since_when(
    world: World, browse: Browse, officer: User, settings: LazySettings
) -> None:
    settings.SCAN_FRESH_DAYS = 10
    long_ago = timezone.now() - timedelta(days=25)
    combined(world.base, StageVerdict.NO_EVIDENCE_AT_POWER, 0.5, at=long_ago)
    (line,) = browse(officer).get(PAGE, {"state": "stale"}).context["lines"]
    assert (line.version, line.cells[0].cell.stale_since) == (world.base, long_ago + timedelta(days=10))
    assert "stale since" in browse(officer).get(PAGE, {"state": "stale"}).text


def test_what_was_made_of_other_bytes_covers_nothing_now(world: World) -> None:
    combined(world.base, StageVerdict.NO_EVIDENCE_AT_POWER, 0.5)
    versions = ModelVersion.objects.filter(pk=world.base.pk)
    about = world.assessment.technique
    assert coverage_table(versions, technique=about)[0].cells[0].state is CoverageState.COVERED
    versions.update(digest="f" * 64)
    assert coverage_table(versions, technique=about)[0].cells[0].state is CoverageState.STALE
    assert coverage_states(versions, technique=about)[world.base.pk][0] is CoverageState.STALE


@pytest.mark.parametrize("later", [StageVerdict.INCONCLUSIVE, StageVerdict.NOT_APPLICABLE, StageVerdict.FAILED])
def test_evidence_stands_until_a_later_test_concludes_otherwise(world: World, later: StageVerdict) -> None:
    """As the finding does: a second scan that is handed less and says nothing takes nothing back."""
    versions = ModelVersion.objects.filter(pk=world.base.pk)
    about = world.assessment.technique

    def state() -> CoverageState:
        assert coverage_states(versions, technique=about)[world.base.pk][0] is cells()[0].state
        return cells()[0].state

    def cells() -> tuple[CoverageCell, ...]:
        return coverage_table(versions, technique=about)[0].cells

    found = combined(world.base, StageVerdict.EVIDENCE_FOUND, 0.025)
    combined(world.base, later, 0.025)
    assert state() is CoverageState.FINDING
    assert (seen := cells()[0].observation) is not None
    assert seen.pk == found.pk
    combined(world.base, StageVerdict.NO_EVIDENCE_AT_POWER, 0.5)
    assert state() is CoverageState.COVERED
    combined(world.base, later, 0.5)
    assert state() is not CoverageState.COVERED


def test_a_new_version_is_not_covered_by_the_old_one(
    versions: list[ModelVersion], world: World, browse: Browse, officer: User
) -> None:
    records.model_version(world.assessment.system, "many", "5", actor=officer)
    lines = browse(officer).get(PAGE, {"q": "many"}).context["lines"]
    assert [line.is_new for line in lines] == [False, False, False, False, True]
    assert {cell.cell.state for cell in lines[-1].cells} == {CoverageState.NOT_COVERED}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "finding"}, ["digits 2", "letters 1"]),
        ({"state": "covered"}, ["many 1", "many 2", "many 3", "many 4"]),
        ({"q": "letters"}, ["letters 1"]),
        ({"state": "failed"}, []),
        ({"state": "no-such-state", "q": "letters"}, ["letters 1"]),
    ],
)
def test_filters(
    versions: list[ModelVersion], browse: Browse, officer: User, query: dict[str, str], expected: list[str]
) -> None:
    assert labels(browse, officer, **query) == expected


def test_a_system_filters_and_foreign_systems_do_not_exist(
    world: World, browse: Browse, officer: User, contributor: User
) -> None:
    other = str(world.other_assessment.system.uuid)
    assert labels(browse, officer, system=other) == ["letters 1"]
    assert "letters" not in browse(contributor).get(PAGE).text


def test_a_cell_leads_to_its_scan(world: World, browse: Browse, officer: User) -> None:
    scan = scans.request_scan(model_version=world.base, kind=Scan.FILE, actor=officer, dispatch=False)
    report = report_from_json(told.detection([told.COMBINATION], model_sha256=world.base.digest))
    draft = scan_observations(report, asset_name="digits-base")[0]
    system = world.base.model.system
    observations.record_batch(system=system, source_uuid=scan.uuid, evidence=None, drafts=[draft])
    assert reverse("scan-detail", args=[scan.uuid]) in browse(officer).get(PAGE, {"q": "digits-base"}).text


def test_p_values_are_adjusted_for_the_number_of_models(
    versions: list[ModelVersion], world: World, officer: User, contributor: User
) -> None:
    combined(versions[0], StageVerdict.INCONCLUSIVE, 0.5)  # the latest scan of a version counts
    combined(world.other_version, StageVerdict.INCONCLUSIVE, 0.9)
    shown = fleet(officer)
    assert [line.p for line in shown.lines] == [0.02, 0.03, 0.04, 0.5, 0.9]
    assert [line.adjusted for line in shown.lines] == pytest.approx(benjamini_hochberg([0.02, 0.03, 0.04, 0.5, 0.9]))
    assert (shown.versions, shown.without) == (7, 2)
    assert [line.p for line in fleet(officer, most=2).lines] == [0.02, 0.03]
    assert (fleet(officer, most=2).ranked, fleet(officer, most=2).without) == (5, 2)
    assert [line.p for line in fleet(contributor).lines] == [0.02, 0.03, 0.04, 0.5]


def test_the_list_asks_no_more_for_more_rows(
    versions: list[ModelVersion], world: World, browse: Browse, officer: User, count_queries: Count
) -> None:
    client = browse(officer)
    few = count_queries(lambda: client.get(PAGE))
    for n in range(10):
        version = records.model_version(world.assessment.system, "more", str(n), actor=officer)
        combined(version, StageVerdict.NO_EVIDENCE_AT_POWER, 0.3)
    assert count_queries(lambda: client.get(PAGE)) == few


def test_export_has_a_line_for_each_cell(versions: list[ModelVersion], browse: Browse, officer: User) -> None:
    answer = browse(officer).get(PAGE, {"export": "csv", "q": "many"})
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert len(rows) == 16
    assert (rows[0]["state"], rows[0]["tier"], rows[0]["p-value, adjusted for all models"]) == (
        "covered",
        "calibrated",
        "0.04",
    )
    assert rows[0]["power, found of planted"] == "BadNets 4×4 patch, 1 %: 18/20; Blended image, 10 %: 9/20"
    assert (rows[1]["state"], rows[1]["tested (UTC)"]) == ("not_covered", "")


def test_empty_states_say_what_comes_first(browse: Browse, officer: User, system: object) -> None:
    assert "No catalogue is loaded" in browse(officer).get(PAGE).text
    records.catalogue()
    text = browse(officer).get(PAGE).text
    assert "No model registered" in text
    assert "No version has a p-value yet" in text
