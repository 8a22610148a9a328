"""Digest files, keys, lists of jobs and what is logged where: from uploaded files to the three figures."""

from __future__ import annotations

import gzip
import json
import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from compliance.models import (
    AISystem,
    Assessment,
    CompletenessReading,
    CompletenessRow,
    Job,
    JobEvent,
    KeyComparison,
    LedgerEvent,
    PlatformDocument,
    Technique,
    User,
)
from compliance.selectors.completeness_page import integrity_of
from compliance.services import completeness, leases, ledger
from compliance.services.errors import RefusedError
from compliance.types.completeness import Integrity, Part, RowState
from compliance.types.states import JobState, Role
from scanning.models import Import
from scanning.services import completeness as readings
from scanning.services import imports
from tests.compliance.ledger_rows import unguarded
from tests.scanning.completeness.trail import START, Trail, key_list, listed_key, metadata
from tests.scanning.ingest.reading import SAMPLES, sample
from tests.scanning.test_imports import imported, received

pytestmark = pytest.mark.django_db
TRAIL = SAMPLES / "cloudtrail" / "s3"


def read_now(system: AISystem) -> Job:
    return leases.run_here(job=readings.request(system=system, actor=None, dispatch=False))


@pytest.fixture(autouse=True)
def evidence_folder(settings: LazySettings, tmp_path: Path) -> None:
    options = {"location": str(tmp_path / "evidence")}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": storage}


def opened(system: AISystem, actor: User, technique: Technique) -> Assessment:
    """An assessment of the day of the sample."""
    day = date(2026, 11, 20)
    return Assessment.objects.create(
        system=system, technique=technique, title="Audit", opened_by=actor, period_start=day, period_end=day
    )


@pytest.fixture
def system() -> AISystem:
    owner = User.objects.create_user(email="officer@example.org", name="Olive Officer", role=Role.OFFICER)
    made = AISystem.objects.create(name="Support bot", owner=owner)
    technique = Technique.objects.create(
        atlas_id="AML.T0018", name="Manipulate AI Model", atlas_release="5", summary=""
    )
    opened(made, owner, technique)
    return made


@pytest.fixture
def auditor(db: None) -> User:
    return User.objects.create_user(email="auditor@example.org", name="Aya Auditor", role=Role.AUDITOR)


def whole_trail() -> list[tuple[str, bytes]]:
    """Everything of the sample: logs, digests, signatures, keys, lists of jobs, what is logged where."""
    files = [(path.name, path.read_bytes()) for path in sorted(TRAIL.rglob("*.gz"))]
    files.append(("s3_object_metadata.json", sample("cloudtrail/s3_object_metadata.json")))
    files.append(("keys.json", sample("cloudtrail_keys/list.json")))
    files.append(("jobs.json", sample("aws_jobs/bundle.json")))
    files.append(("trails.json", sample("aws_logging/bundle.json")))
    return files


def read(system: AISystem, files: list[tuple[str, bytes]]) -> CompletenessReading:
    for name, content in files:
        document = imported(system, content, name)
        assert document.job.state == JobState.SUCCEEDED, (name, document.job.error)
    assert read_now(system).state == JobState.SUCCEEDED
    return CompletenessReading.objects.filter(system=system).latest("pk")


def test_a_trail_with_its_lists_becomes_three_figures(system: AISystem) -> None:
    reading = read(system, whole_trail())
    integrity = reading.figures["integrity"]
    assert (integrity["digests"], integrity["verified"], integrity["log_files"]["matching"]) == (3, 3, 3)
    assert integrity["verdict"] == Integrity.INCOMPLETE
    families = {one["kind"]: one for one in reading.figures["reconciliation"]["families"]}
    assert families["bedrock-customization-jobs"]["matched"]["id"] == 1
    assert families["sagemaker-training-jobs"]["not_in_log"] == 1
    (unlogged,) = reading.rows.filter(state=RowState.NOT_IN_LOG)
    assert unlogged.name == "ft-night-run"
    units = {one["unit"]: one for one in reading.figures["coverage"]["units"]}
    assert (units["account"]["in_scope"], units["region"]["delivering"]) == (3, 1)
    assert completeness.is_unaltered(reading=reading)


def test_a_job_list_and_a_bill_put_nothing_into_the_job_log(system: AISystem) -> None:
    before = JobEvent.objects.count()
    imported(system, sample("aws_jobs/bundle.json"), "jobs.json")
    imported(system, sample("aws_billing/cur2.csv"), "cur.csv")
    assert JobEvent.objects.count() == before


def test_the_reading_is_an_event_with_the_root_of_its_rows(system: AISystem) -> None:
    reading = read(system, whole_trail()[-2:])
    (event,) = LedgerEvent.objects.filter(kind="completeness.read", subject_uuid=reading.uuid)
    assert event.entry.payload["rows_root"] == reading.rows_root
    unguarded("compliance_completenessrow")
    CompletenessRow.objects.filter(reading=reading, n=0).update(state=RowState.DELIVERS)
    assert not completeness.is_unaltered(reading=reading)


def test_documents_are_part_of_what_the_import_signs(system: AISystem) -> None:
    document = imported(system, sample("aws_logging/bundle.json"), "trails.json")
    assert (document.format, document.recorded) == ("aws_logging", 3)
    (event,) = LedgerEvent.objects.filter(kind="import.published", subject_uuid=document.uuid)
    assert event.entry.payload["documents_root"]
    assert imports.is_unaltered(document=document)
    unguarded("compliance_platformdocument")
    PlatformDocument.objects.filter(source_uuid=document.uuid, kind="aws-trails").update(content={})
    assert not imports.is_unaltered(document=document)


def test_the_same_documents_again_are_duplicates_and_make_no_reading(system: AISystem) -> None:
    first = read(system, whole_trail())
    again = imported(system, sample("aws_logging/bundle.json") + b"\n", "copy.json")
    assert (again.recorded, again.duplicates) == (0, 3)
    assert read_now(system).result == {"unchanged": True}
    assert CompletenessReading.objects.get() == first


def test_any_order_of_imports_gives_the_same_figures(system: AISystem) -> None:
    reading = read(system, whole_trail())
    other = AISystem.objects.create(name="Another", owner=system.owner)
    opened(other, system.assessments.get().opened_by, Technique.objects.get())
    files = whole_trail()
    random.Random(3).shuffle(files)
    twin = read(other, files)

    def told(one: CompletenessReading) -> list[Any]:
        return list(one.rows.values_list("part", "state", "place", "name", "sentence", "starts_at", "ends_at"))

    assert told(twin) == told(reading)
    assert twin.rows_root != "" or not told(reading)


def test_an_altered_log_is_found_by_its_name(system: AISystem) -> None:
    files = dict(whole_trail())
    name = next(name for name in files if "_CloudTrail_" in name)
    files[name] = gzip.compress(gzip.decompress(files[name]).replace(b"alice", b"mallo"))
    reading = read(system, list(files.items()))
    assert reading.figures["integrity"]["verdict"] == Integrity.INCONSISTENT
    (row,) = reading.rows.filter(part=Part.INTEGRITY, state=RowState.BROKEN)
    assert row.facts["altered"] == [name]


def test_files_of_which_only_the_matches_are_kept_are_verified_by_what_was_read(
    system: AISystem, tmp_path: Path
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for path in TRAIL.rglob("*_CloudTrail_*.gz"):
        (folder / path.name).write_bytes(path.read_bytes())
    call_command(
        "ingest",
        str(folder),
        "--keep",
        "matches",
        "--original-held-at",
        "s3://acme-cloudtrail",
        "--system",
        system.name,
    )
    others = [one for one in whole_trail() if "_CloudTrail_" not in one[0]]
    assert read(system, others).figures["integrity"]["log_files"]["matching"] == 3


def test_the_command_that_takes_a_folder_reads_the_figures_once(system: AISystem, tmp_path: Path) -> None:
    for name, content in whole_trail():
        (tmp_path / name).write_bytes(content)
    folder = tmp_path / "in"
    folder.mkdir()
    for name, _content in whole_trail():
        (tmp_path / name).rename(folder / name)
    call_command("ingest", str(folder), "--system", system.name)
    assert Job.objects.filter(kind="completeness").count() == 1
    assert CompletenessReading.objects.get().figures["integrity"]["verified"] == 3


def test_imports_that_workers_take_queue_one_reading_however_many_they_are(system: AISystem) -> None:
    for name, content in whole_trail()[-3:]:
        document = received(system, content, name)
        document.job.asked = {"then_check": True}
        document.job.save()
        imports.perform(job_id=document.job.pk)
    assert Job.objects.filter(kind="completeness", state=JobState.QUEUED).count() == 1
    assert Import.objects.filter(job__state=JobState.SUCCEEDED).count() == 3


def test_a_scan_report_queues_no_reading() -> None:
    assert readings.bears("cloudtrail_digest")
    assert readings.bears("openai_jobs")
    assert not readings.bears("modelscan")


def day_of(system: AISystem, key: str) -> CompletenessReading:
    """Three hours from midnight on, all that is on record of the day, signed by one key and listed with it."""
    made = Trail(key=key)
    for n in range(3):
        made.hour(START.replace(hour=n))
    files = [(digest.key.rpartition("/")[2], digest.content) for digest in made.digests]
    files += [*made.files.items(), ("metadata.json", metadata(*made.digests))]
    return read(system, [*files, ("keys.json", key_list(listed_key(key)))])


def compared(reading: CompletenessReading, seen: str, actor: User, *, record_difference: bool = False) -> KeyComparison:
    (key,) = reading.figures["integrity"]["keys"]
    return completeness.compare_key(
        reading=reading, key_sha256=key["sha256"], seen=seen, way="aws cloudtrail list-public-keys, from my own account",
        record_difference=record_difference, actor=actor,
    )  # fmt: skip


def test_a_wholly_forged_set_never_reaches_the_top_verdict(system: AISystem, auditor: User) -> None:
    """Own key, own digest files, own logs: nothing contradicts itself, and nothing that is imported can lead to CONFIRMED. An
    auditor who fetches AWS' own key sees another, and the figure is contradicted from then on."""
    reading = day_of(system, "mallory")
    assert reading.figures["integrity"]["verdict"] == Integrity.CONSISTENT
    assert integrity_of(reading).verdict is Integrity.CONSISTENT
    theirs = str(listed_key("aws")["Fingerprint"])
    with pytest.raises(RefusedError, match="another fingerprint"):
        compared(reading, theirs, auditor)
    assert integrity_of(reading).verdict is Integrity.CONSISTENT
    compared(reading, theirs, auditor, record_difference=True)
    assert integrity_of(reading).verdict is Integrity.CONTRADICTED


def test_the_top_verdict_is_an_auditors_to_give_and_to_take_back(system: AISystem, auditor: User) -> None:
    reading = day_of(system, "aws")
    ours = str(listed_key("aws")["Fingerprint"])
    assert integrity_of(reading).verdict is Integrity.CONSISTENT
    assert compared(reading, ours.upper(), auditor).matches
    assert integrity_of(reading).verdict is Integrity.CONFIRMED
    compared(reading, "ab" * 16, auditor, record_difference=True)
    assert integrity_of(reading).verdict is Integrity.CONTRADICTED
    compared(reading, reading.figures["integrity"]["keys"][0]["sha256"], auditor)
    assert integrity_of(reading).verdict is Integrity.CONFIRMED


def test_confirmed_keys_do_not_mend_a_chain_with_holes(system: AISystem, auditor: User) -> None:
    reading = read(system, whole_trail())
    compared(reading, str(reading.figures["integrity"]["keys"][0]["fingerprint"]), auditor)
    assert integrity_of(reading).verdict is Integrity.INCOMPLETE


def test_another_key_under_a_confirmed_fingerprint_is_another_key(system: AISystem, auditor: User) -> None:
    """A comparison is of the key's bytes: it says nothing of keys that come later, whatever they are called."""
    compared(day_of(system, "aws"), str(listed_key("aws")["Fingerprint"]), auditor)
    other = AISystem.objects.create(name="Another", owner=system.owner)
    opened(other, auditor, Technique.objects.get())
    assert integrity_of(day_of(other, "aws")).verdict is Integrity.CONSISTENT
    third = AISystem.objects.create(name="Third", owner=system.owner)
    opened(third, auditor, Technique.objects.get())
    assert integrity_of(day_of(third, "mallory")).verdict is Integrity.CONSISTENT


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"key_sha256": "00" * 32}, "No digest file"), ({"seen": "yes"}, "hexadecimal"), ({"way": " "}, "how you fetched")],
)  # fmt: skip
def test_a_comparison_that_says_nothing_is_refused(
    system: AISystem, auditor: User, changes: dict[str, str], told: str
) -> None:
    reading = day_of(system, "aws")
    (key,) = reading.figures["integrity"]["keys"]
    given = {"key_sha256": key["sha256"], "seen": key["fingerprint"], "way": "aws cli"} | changes
    with pytest.raises(RefusedError, match=told):
        completeness.compare_key(
            reading=reading, key_sha256=given["key_sha256"], seen=given["seen"], way=given["way"], record_difference=False,
            actor=auditor,
        )  # fmt: skip
    assert not KeyComparison.objects.exists()


def test_a_digest_that_is_torn_is_refused_and_nothing_else_is_lost(system: AISystem) -> None:
    document = imported(system, b'{"digestS3Object": "x", "digestPublicKeyFingerprint": "y"', "d.json")
    assert document.job.state == JobState.FAILED
    assert not PlatformDocument.objects.exists()


def test_two_imports_of_one_document_at_once_leave_one_on_record(system: AISystem) -> None:
    document = imported(system, sample("aws_logging/list_accounts.json"), "a.json")
    rows = list(PlatformDocument.objects.filter(source_uuid=document.uuid))
    for row in rows:
        row.pk = None
    with pytest.raises(Exception, match="meanwhile"):
        completeness.record_documents(rows=rows)


def test_readings_of_two_periods_stand_side_by_side(system: AISystem) -> None:
    first = read(system, whole_trail())
    system.assessments.update(period_start=date(2026, 11, 19))
    assert read_now(system).state == JobState.SUCCEEDED
    assert CompletenessReading.objects.count() == 2
    assert completeness.latest(system=system, period=(first.period_start, first.period_end)) == first


def test_the_ledger_holds_no_name_of_whoever_compared(system: AISystem, auditor: User) -> None:
    reading = read(system, whole_trail())
    key = reading.figures["integrity"]["keys"][0]
    told = completeness.compare_key(
        reading=reading, key_sha256=key["sha256"], seen=key["fingerprint"], way="By Aya, from her own account.",
        record_difference=False, actor=auditor,
    )  # fmt: skip
    (event,) = ledger.events_about(subject=told)
    assert "Aya" not in json.dumps(event.entry.payload)
    assert event.entry.payload["matches"] is True
