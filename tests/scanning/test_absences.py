"""Reports imported again: what they no longer list is satisfied only where they looked at the same to the end, and later."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.models import (
    AIModel,
    AISystem,
    Finding,
    LedgerEvent,
    ModelVersion,
    Observation,
    ReferenceControl,
    RemediationItem,
    Risk,
    User,
)
from compliance.services import closings, findings, leases
from compliance.types.states import ModelOrigin, RiskState, Role, Severity
from compliance.types.verdicts import Conclusion
from scanning import intake
from scanning.models import Import
from scanning.services import imports
from tests.compliance import records

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DIGEST = "ab" * 32
RULES = ("R1", "R2")


@pytest.fixture(autouse=True)
def evidence_folder(settings: LazySettings, tmp_path: Path) -> None:
    options = {"location": str(tmp_path / "evidence")}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": storage}


@pytest.fixture
def system() -> AISystem:
    records.catalogue()
    return AISystem.objects.create(name="Support bot")


def sarif(
    day: int,
    *found: tuple[str, str],
    files: tuple[str, ...] = ("a.pkl",),
    version: str = "1.0",
    rules: tuple[str, ...] = RULES,
    **run: Any,
) -> bytes:
    """A report of that day on files; found: (rule, file)."""
    when = START + day * DAY
    invocation = {
        "executionSuccessful": True,
        "startTimeUtc": when.isoformat(),
        "endTimeUtc": (when + timedelta(minutes=5)).isoformat(),
    }
    results = [
        {"ruleId": rule, "locations": [{"physicalLocation": {"artifactLocation": {"uri": file}}}]}
        for rule, file in found
    ]
    artifacts = [{"location": {"uri": file}, "roles": ["analysisTarget"]} for file in files]
    driver = {"name": "Scan", "semanticVersion": version, "rules": [{"id": rule} for rule in rules]}
    whole = {"tool": {"driver": driver}, "invocations": [invocation], "artifacts": artifacts, "results": results} | run
    return json.dumps({"version": "2.1.0", "runs": [whole]}).encode()


def imported(system: AISystem, content: bytes, filename: str = "report.sarif", **about: Any) -> Import:
    document = intake.receive(
        system=system, stream=BytesIO(content), filename=filename, actor=None, dispatch=False, **about
    )
    leases.run_here(job=document.job)
    document.refresh_from_db()
    assert document.published_at, document.job.error
    return document


def state(rule: str = "R1") -> Conclusion:
    return Conclusion(one(rule).state)


def one(rule: str) -> Finding:
    return Finding.objects.filter(observations__rule=rule, observations__verdict="finding").distinct().get()


def states() -> dict[tuple[str, str], str]:
    rows = Finding.objects.filter(observations__verdict="finding").distinct()
    return {(row.asset_name, row.observations.first().rule): row.state for row in rows}  # type: ignore[union-attr]


OPEN, CLOSED = Conclusion.NOT_SATISFIED, Conclusion.SATISFIED


def test_a_later_whole_report_of_the_same_scope_closes_what_it_no_longer_lists(system: AISystem) -> None:
    imported(system, sarif(0, ("R1", "a.pkl"), ("R2", "a.pkl")))
    document = imported(system, sarif(1, ("R2", "a.pkl")))
    assert (state("R1"), state("R2")) == (CLOSED, OPEN)
    assert document.job.result["no_longer_reported"] == 1


def test_it_is_said_by_an_observation_with_report_date_and_scope(system: AISystem) -> None:
    imported(system, sarif(0, ("R1", "a.pkl")))
    document = imported(system, sarif(1))
    said = Observation.objects.get(facts__has_key="no_longer_reported")
    assert (said.verdict, said.producer, said.rule, said.asset_name) == ("nothing_found", "Scan (SARIF)", "R1", "a.pkl")
    assert said.description.startswith(
        "Scan (SARIF) 1.0 no longer reports this. Its report report.sarif, made on 2026-03-03"
    )
    assert "as of 2026-03-02" in said.description
    fact = said.facts["no_longer_reported"]
    assert (fact["report"], fact["report_sha256"]) == (str(document.uuid), document.evidence.sha256)
    assert (fact["assets_in_scope"], fact["rules_in_scope"]) == (1, 2)
    assert (said.observed_at, said.evidence) == (START + DAY, document.evidence)
    (closing,) = LedgerEvent.objects.filter(kind="finding.concluded", entry__payload__observation=str(said.uuid))
    assert closing.entry.payload["before"] == "not-satisfied"


def test_the_root_of_an_import_covers_what_it_closed(system: AISystem) -> None:
    imported(system, sarif(0, ("R1", "a.pkl")))
    document = imported(system, sarif(1))
    (published,) = LedgerEvent.objects.filter(kind="import.published", subject_uuid=document.uuid)
    assert published.entry.payload["rows"] == Observation.objects.filter(source_uuid=document.uuid).count() == 2
    assert imports.is_unaltered(document=document)


@pytest.mark.parametrize(
    "later",
    [
        pytest.param({"files": ("b.pkl",)}, id="other-file"),
        pytest.param({"rules": ("R2",)}, id="rule-did-not-run"),
        pytest.param({"version": "0.9"}, id="older-version"),
        pytest.param({"version": "nightly"}, id="version-that-compares-with-none"),
        pytest.param({"invocations": [{"executionSuccessful": False}]}, id="run-failed"),
        pytest.param({"invocations": [{"executionSuccessful": True}]}, id="no-time"),
        pytest.param({"invocations": []}, id="no-word-of-success"),
        pytest.param({"artifacts": [{"location": {"uri": "a.pkl"}}]}, id="not-said-to-be-analysed"),
        pytest.param({"results": [{"kind": "odd"}]}, id="result-rejected"),
        pytest.param({"results": None}, id="no-results"),
        pytest.param(
            {"tool": {"driver": {"name": "Other", "version": "1.0", "rules": [{"id": "R1"}]}}}, id="other-tool"
        ),
    ],
)
def test_a_report_that_did_not_look_at_the_same_to_its_end_closes_nothing(
    system: AISystem, later: dict[str, Any]
) -> None:
    imported(system, sarif(0, ("R1", "a.pkl")))
    imported(system, sarif(1, ("R2", "c.pkl"), **later) if "results" not in later else sarif(1, **later))
    assert state("R1") == OPEN
    assert not Observation.objects.filter(facts__has_key="no_longer_reported").exists()


def test_a_newer_version_closes_and_says_which(system: AISystem) -> None:
    imported(system, sarif(0, ("R1", "a.pkl"), version="1.9"))
    imported(system, sarif(1, version="1.10"))
    assert state() == CLOSED
    assert Observation.objects.get(facts__has_key="no_longer_reported").producer_version == "1.10"


def test_an_older_report_never_closes_what_a_newer_saw(system: AISystem) -> None:
    imported(system, sarif(1, ("R1", "a.pkl")))
    imported(system, sarif(0))
    assert state() == OPEN


def test_a_report_that_comes_late_is_closed_by_a_newer_one_that_is_there(system: AISystem) -> None:
    imported(system, sarif(1))
    document = imported(system, sarif(0, ("R1", "a.pkl")))
    assert state() == CLOSED
    assert document.job.result["no_longer_reported"] == 1


def test_a_report_made_at_the_same_moment_closes_nothing(system: AISystem) -> None:
    imported(system, sarif(0, ("R1", "a.pkl")))
    imported(system, sarif(0, ("R2", "a.pkl")))
    assert state("R1") == OPEN


def test_reports_in_any_order_and_any_number_of_times_end_in_the_same_findings(system: AISystem) -> None:
    reports = [
        sarif(0, ("R1", "a.pkl"), ("R2", "b.pkl"), files=("a.pkl", "b.pkl")),
        sarif(1, ("R2", "a.pkl")),
        sarif(2, ("R1", "a.pkl"), files=("a.pkl", "c.pkl")),
        sarif(3, ("R2", "c.pkl"), files=("b.pkl", "c.pkl")),
    ]
    ends = []
    orders = [*itertools.permutations(reports)][::3]
    for number, order in enumerate([*orders, [*reports, *reports], [reports[2], *reports]]):
        mine = AISystem.objects.create(name=f"System {number}")
        for content in order:
            imported(mine, content)
        rows = Finding.objects.filter(system=mine).values_list("asset_key", "rule_fingerprint", "state")
        ends.append(sorted(rows))
    assert len(ends[0]) >= 4
    assert all(end == ends[0] for end in ends)


def test_what_comes_back_opens_again(system: AISystem) -> None:
    for content in (sarif(0, ("R1", "a.pkl")), sarif(1), sarif(2, ("R1", "a.pkl"))):
        imported(system, content)
    assert state() == OPEN
    assert one("R1").last_seen_at == START + 2 * DAY + timedelta(minutes=5)


def test_importing_an_old_report_again_opens_nothing(system: AISystem) -> None:
    first = sarif(0, ("R1", "a.pkl"))
    for content in (first, sarif(1), first):
        imported(system, content)
    assert state() == CLOSED


@pytest.mark.parametrize("decided", [RiskState.DEVIATION_APPROVED, RiskState.DEVIATION_REQUESTED])
def test_a_finding_that_a_person_decided_to_live_with_is_left(system: AISystem, decided: RiskState) -> None:
    imported(system, sarif(0, ("R1", "a.pkl")))
    finding = one("R1")
    risk = Risk.objects.create(
        finding=finding, title="t", statement="s", severity=Severity.LOW, state=decided, accepted_until=date.max
    )
    imported(system, sarif(1))
    imported(system, sarif(2, results=[{"ruleId": "R1", "kind": "pass", "locations": PLACE}]))
    finding.refresh_from_db()
    risk.refresh_from_db()
    assert (finding.state, risk.state) == (OPEN, decided)
    assert finding.last_seen_at > START + 2 * DAY


PLACE = [{"physicalLocation": {"artifactLocation": {"uri": "a.pkl"}}}]


def test_a_finding_that_a_person_made_is_closed_by_no_report(system: AISystem) -> None:
    person = User.objects.create(email="officer@example.org")
    control = ReferenceControl.objects.get(control_id="BDM-14")
    made = findings.open_by_person(
        system=system, target=control, title="No review", condition="None was shown.", cause="", effect="",
        severity=Severity.HIGH, actor=person,
    )  # fmt: skip
    imported(system, sarif(0, ("R1", "a.pkl")))
    imported(system, sarif(1))
    made.refresh_from_db()
    assert made.state == OPEN


def test_work_that_a_person_closed_stays_closed_when_the_finding_comes_back_and_its_risk_opens(
    system: AISystem,
) -> None:
    person = User.objects.create(email="officer@example.org", role=Role.OFFICER)
    other = User.objects.create(email="manager@example.org")
    imported(system, sarif(0, ("R1", "a.pkl")))
    finding = one("R1")
    item = records.remediation_item(finding, owner=person, actor=person)
    imported(system, sarif(1))
    closings.confirm(closing=item.closings.get(), words="", actor=other)
    imported(system, sarif(2, ("R1", "a.pkl")))
    finding.refresh_from_db()
    item.refresh_from_db()
    assert finding.state == OPEN
    assert item.state == RemediationItem.objects.get().state == "closed"
    assert (finding.sighting, finding.reappearances) == ("reappeared", 1)
    assert Risk.objects.get().state == RiskState.OPEN


def test_a_version_registered_in_between_is_the_same_asset(system: AISystem) -> None:
    hashed = [{"location": {"uri": "a.pkl"}, "roles": ["analysisTarget"], "hashes": {"sha-256": DIGEST}}]
    imported(system, sarif(0, ("R1", "a.pkl"), artifacts=hashed))
    model = AIModel.objects.create(system=system, name="bot")
    ModelVersion.objects.create(model=model, label="1", digest=DIGEST, origin=ModelOrigin.OWN)
    imported(system, sarif(1, artifacts=hashed))
    assert state() == CLOSED
    assert one("R1").asset_key == f"sha256:{DIGEST}"


def test_other_bytes_under_the_same_name_are_another_asset(system: AISystem) -> None:
    def hashed(digest: str) -> list[dict[str, Any]]:
        return [{"location": {"uri": "a.pkl"}, "roles": ["analysisTarget"], "hashes": {"sha-256": digest}}]

    imported(system, sarif(0, ("R1", "a.pkl"), artifacts=hashed(DIGEST)))
    imported(system, sarif(1, artifacts=hashed("cd" * 32)))
    assert state() == OPEN


def test_another_system_is_not_touched(system: AISystem) -> None:
    imported(system, sarif(0, ("R1", "a.pkl")))
    imported(AISystem.objects.create(name="Another"), sarif(1))
    assert state() == OPEN


def test_a_report_from_the_future_has_a_wrong_clock_and_closes_nothing(system: AISystem) -> None:
    imported(system, sarif(0, ("R1", "a.pkl")))
    imported(system, sarif(365 * 40))
    assert state() == OPEN


def modelscan(when: str, *files: str) -> bytes:
    issues = [
        {
            "description": "d",
            "operator": "system",
            "module": "posix",
            "source": file,
            "scanner": "s.P",
            "severity": "CRITICAL",
        }
        for file in files
    ]
    summary = {
        "total_issues": len(issues),
        "input_path": "models",
        "modelscan_version": "0.8.8",
        "timestamp": when,
        "scanned": {"total_scanned": 1, "scanned_files": ["a.pkl"]},
        "skipped": {"total_skipped": 0, "skipped_files": []},
    }
    return json.dumps({"modelscan_version": "0.8.8", "summary": summary, "issues": issues, "errors": []}).encode()


def on_record(document: Import, when: datetime) -> None:
    """As if the document had been received then."""
    type(document.evidence).objects.filter(pk=document.evidence_id).update(created_at=when)
    Finding.objects.update(last_seen_at=when)


def test_a_time_without_zone_closes_only_where_no_clock_could_make_it_older(system: AISystem) -> None:
    on_record(imported(system, modelscan("2026-03-02T10:00:00", "a.pkl")), START)
    imported(system, modelscan("2026-03-02T22:59:00"))
    assert states() == {("a.pkl", "P:posix.system"): OPEN}
    imported(system, modelscan("2026-03-02T23:01:00"))
    assert states() == {("a.pkl", "P:posix.system"): CLOSED}


def test_the_same_bytes_of_a_report_without_time_are_no_new_sighting(system: AISystem) -> None:
    loud, quiet = fickling("LIKELY_UNSAFE"), fickling("LIKELY_SAFE")
    first = imported(system, loud)
    assert Finding.objects.get().state == OPEN
    recorded = Observation.objects.count()
    imported(system, loud)
    assert Observation.objects.count() == recorded
    assert first.evidence.imports.count() == 2
    imported(system, quiet)
    assert Finding.objects.filter(state=OPEN).count() == 1  # another pickle, for all that the results say


def fickling(severity: str) -> bytes:
    return json.dumps({"severity": severity, "analysis": "", "detailed_results": {}}).encode()


def guardian(outcome: str, scan: str) -> bytes:
    return json.dumps({"uuid": scan, "model_uri": "s3://bot", "aggregate_eval_outcome": outcome}).encode()


def test_a_later_report_without_time_says_it_anew_in_the_same_words(system: AISystem) -> None:
    """Found, gone, found again: word for word the first report, but another document."""
    for outcome, scan in (("FAIL", "1"), ("PASS", "2")):
        imported(system, guardian(outcome, scan))
    assert Finding.objects.get().state == CLOSED
    imported(system, guardian("FAIL", "1") + b"\n")
    assert Finding.objects.get().state == OPEN


def test_a_collection_date_stands_for_the_time_that_a_source_does_not_state(system: AISystem) -> None:
    imported(system, guardian("PASS", "2"), collected_at=START + DAY)
    imported(system, guardian("FAIL", "1"), collected_at=START)
    assert Finding.objects.get().state == CLOSED


def test_a_finding_without_stated_severity_is_not_called_harmless(system: AISystem) -> None:
    imported(system, guardian("PASS", "1"))
    assert Finding.objects.get().severity == Severity.INFORMATIONAL
    imported(system, guardian("FAIL", "2"))
    assert Finding.objects.get().severity == Severity.MEDIUM


def test_the_number_of_statements_does_not_grow_with_the_number_of_findings(system: AISystem) -> None:
    def statements(count: int, day: int) -> int:
        files = tuple(f"{day}-{n}.pkl" for n in range(count))
        imported(system, sarif(day, *(("R1", file) for file in files), files=files))
        with CaptureQueriesContext(connection) as context:
            document = imported(system, sarif(day + 1, files=files))
        assert document.job.result["no_longer_reported"] == count
        updates = [
            query for query in context.captured_queries if query["sql"].startswith('UPDATE "compliance_finding"')
        ]
        return len(context) - len(updates)

    assert statements(40, 10) <= statements(4, 0) + 2
