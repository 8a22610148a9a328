"""What a scan concluded is said in the same words on pages and in packs; its look at the file stands beside it."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from compliance.models import Observation, User
from compliance.selectors import freeze_inventory
from compliance.selectors.model_pages import model_page
from compliance.services import observations
from compliance.types.verdicts import FileScanVerdict, StageVerdict, worst_file_scan
from scanning.normalise import file_scan_observations, scan_observations
from tests.compliance import records
from tests.compliance.conftest import World
from tests.scanning.test_normalise import FILE, NOW, SCAN, STAGE

LOUD = replace(STAGE, detector="head_statistics", verdict=StageVerdict.INCONCLUSIVE)
TOGETHER = replace(STAGE, detector="combination", verdict=StageVerdict.NO_EVIDENCE_AT_POWER)
COVERED = replace(SCAN, stages=(LOUD, TOGETHER), verdict=StageVerdict.NO_EVIDENCE_AT_POWER)
BACKDOORED = replace(SCAN, stages=(LOUD, STAGE), verdict=StageVerdict.EVIDENCE_FOUND)
FAILED = replace(SCAN, stages=(replace(STAGE, verdict=StageVerdict.FAILED),), verdict=StageVerdict.FAILED)
CLEAN_FILE = replace(FILE, verdict=FileScanVerdict.NOTHING_FOUND, issues=())
UNREAD_FILE = replace(FILE, verdict=FileScanVerdict.FAILED, issues=())


@pytest.mark.parametrize(
    ("report", "file_report", "said"),
    [
        (COVERED, CLEAN_FILE, [("no_evidence_at_power", "stage"), ("nothing_found", "file")]),
        (BACKDOORED, CLEAN_FILE, [("evidence_found", "stage"), ("nothing_found", "file")]),
        (COVERED, FILE, [("no_evidence_at_power", "stage"), ("finding", "file")]),
        (COVERED, UNREAD_FILE, [("no_evidence_at_power", "stage"), ("failed", "file")]),
        (FAILED, CLEAN_FILE, [("failed", "stage"), ("nothing_found", "file")]),
        (None, UNREAD_FILE, [("failed", "file")]),
    ],
)
def test_a_version_says_what_each_scan_concluded_of_the_model_and_of_its_file(
    world: World, officer: User, report: object, file_report: object, said: list[tuple[str, str]]
) -> None:
    version, source = world.base, uuid4()
    drafts = list(file_scan_observations(file_report, asset_name="a", observed_at=NOW))  # type: ignore[arg-type]
    drafts += scan_observations(report, asset_name="a") if report else []  # type: ignore[arg-type]
    observations.record_batch(
        system=world.assessment.system, source_uuid=source, evidence=None, drafts=drafts, model_version=version
    )
    (line,) = model_page(version, officer).scans
    assert list(line.verdicts) == said
    assert line.producer == ("assay" if report else "assay-filescan")
    frozen = {scan["uuid"]: scan["verdict"] for scan in freeze_inventory.scans(world.assessment.system)}
    assert frozen.get(str(source)) == (said[0][0] if report else None)


def test_a_list_of_observations_without_a_scan_of_assays_own_is_told_by_its_gravest(
    world: World, officer: User
) -> None:
    records.observed(world.base, StageVerdict.INCONCLUSIVE, rule="elsewhere")
    (line,) = model_page(world.base, officer).scans
    assert line.verdicts == (("inconclusive", "stage"),)
    assert Observation.objects.get(source_uuid=line.source).facts == {}


def test_a_file_that_nobody_could_read_is_told_before_those_that_held_nothing() -> None:
    clean, unread, left = FileScanVerdict.NOTHING_FOUND, FileScanVerdict.FAILED, FileScanVerdict.SKIPPED
    assert worst_file_scan([clean, left, unread]) is unread
    assert worst_file_scan([clean, left]) is left
    assert worst_file_scan([unread, FileScanVerdict.FINDING]) is FileScanVerdict.FINDING
