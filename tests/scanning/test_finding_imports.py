"""Findings, statements, bills and laboratory results on their way into the record: once, in any order, by the right control."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from compliance.models import AISystem, Finding, Observation
from compliance.oscal.catalog_files import SHIPPED
from compliance.services import catalogs
from compliance.types.states import JobState
from tests.scanning.ingest.reading import sample
from tests.scanning.test_imports import imported

pytestmark = pytest.mark.django_db
SAMPLES = (
    "ocsf/prowler.json", "ocsf/classes.json", "asff/findings.json", "model_signing/key.json", "in_toto/slsa_dsse.json",
    "cyclonedx/mlbom.json", "spdx_ai/lineage.json", "trojai/low.txt", "backdoorbench/two_shapes.csv",
    "art/detect_poison.json", "backdoor_evaluation/many.json",
)  # fmt: skip
State = dict[tuple[str, str, str], tuple[str, str]]


@pytest.fixture(autouse=True)
def evidence_folder(settings: LazySettings, tmp_path: Path) -> None:
    options = {"location": str(tmp_path / "evidence")}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": storage}


def system(name: str = "Claims") -> AISystem:
    return AISystem.objects.create(name=name)


def findings(of: AISystem) -> State:
    rows = Finding.objects.filter(system=of).select_related("target")
    return {
        (row.asset_key, row.target.control_id, row.rule_fingerprint): (str(row.state), str(row.severity))
        for row in rows
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_the_same_bytes_again_add_nothing(name: str) -> None:
    catalogs.load(folder=SHIPPED, apply=True, actor=None)
    claims = system()
    first = imported(claims, sample(name), Path(name).name)
    assert first.job.state == JobState.SUCCEEDED, first.job.error
    before, seen = findings(claims), Observation.objects.count()
    again = imported(claims, sample(name), Path(name).name)
    assert (again.recorded, again.duplicates) == (0, first.recorded)
    assert (findings(claims), Observation.objects.count()) == (before, seen)


def checks(*outcomes: tuple[int, str]) -> bytes:
    """One Prowler check on one resource at several times."""
    base: dict[str, Any] = json.loads(sample("ocsf/prowler.json"))[0]
    return json.dumps([base | {"time": time, "status_code": outcome} for time, outcome in outcomes]).encode()


def taken(order: Iterable[bytes], name: str) -> State:
    claims = system(name)
    for document in order:
        imported(claims, document, "prowler.json")
    return findings(claims)


def test_overlapping_exports_end_alike_in_any_order() -> None:
    catalogs.load(folder=SHIPPED, apply=True, actor=None)
    failed, passed, back = (1795183200, "FAIL"), (1795190000, "PASS"), (1795200000, "FAIL")
    exports = (checks(failed), checks(failed, passed), checks(passed, back))
    ends = [taken(order, f"order {n}") for n, order in enumerate(itertools.permutations(exports))]
    assert all(end == ends[0] for end in ends)
    (only,) = ends[0].values()
    assert only[0] == "not-satisfied"


def test_each_kind_speaks_to_its_own_control() -> None:
    catalogs.load(folder=SHIPPED, apply=True, actor=None)
    claims = system()
    for name in ("ocsf/prowler.json", "backdoor_evaluation/no_evidence.json", "cyclonedx/mlbom.json", "trojai/low.txt"):
        imported(claims, sample(name), Path(name).name)
    spoken = {(row.target.control_id, row.state) for row in Finding.objects.select_related("target")}
    assert spoken == {("BDM-20", "not-satisfied"), ("BDM-20", "satisfied"), ("BDM-15", "satisfied")}
