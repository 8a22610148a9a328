"""What was read off a disposed piece goes with it: contents, words, quotes and names; every root and every finding stays."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.urls import reverse

from compliance.models import (
    AISystem,
    EntitlementReading,
    EntitlementSnapshot,
    Evidence,
    Finding,
    Job,
    LedgerEvent,
    Observation,
    PlatformDocument,
    Tombstone,
    User,
)
from compliance.oscal.catalog_files import SHIPPED
from compliance.services import catalogs, completeness, disposals, entitlements, leases, ledger, observations
from compliance.types.states import JobState, Role
from scanning.models import Import, ImportReject
from scanning.services import imports, statements
from tests.compliance.conftest import person
from tests.compliance.ledger_rows import unguarded
from tests.compliance.records import state_bases
from tests.scanning.ingest.reading import sample
from tests.scanning.test_entitlement_imports import bundle
from tests.scanning.test_imports import imported, log_of

pytestmark = pytest.mark.django_db
TODAY = date(2040, 1, 1)


@pytest.fixture(autouse=True)
def evidence_folder(settings: LazySettings, tmp_path: Path) -> None:
    options = {"location": str(tmp_path / "evidence")}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": storage}
    state_bases(None)


@pytest.fixture
def officer(db: None) -> User:
    return person("Olive Officer", Role.OFFICER)


@pytest.fixture
def system(db: None) -> AISystem:
    return AISystem.objects.create(name="Fraud model")


@pytest.fixture
def claims(system: AISystem) -> AISystem:
    catalogs.load(folder=SHIPPED, apply=True, actor=None)
    return system


def dispose(officer: User) -> Tombstone:
    """Everything there is, as of a day on which all of it is due."""
    run = disposals.propose(actor=None, today=TODAY)
    assert run is not None
    job = leases.run_here(job=disposals.approve(run=run, actor=officer, dispatch=False))
    assert job.state == JobState.SUCCEEDED, job.error
    return Tombstone.objects.latest("pk")


def all_rows(*models: type) -> str:
    """Every column of the tables, as the database holds them."""
    return "\n".join(json.dumps(list(model.objects.values()), default=str) for model in models)  # type: ignore[attr-defined]


def test_documents_on_rights_lose_their_content_and_the_roots_stay(system: AISystem, officer: User) -> None:
    document = imported(system, bundle(), "azure of Ada.json")
    reading, before = EntitlementReading.objects.get(), entitlements.snapshots_root(source_uuid=document.uuid)
    rows = reading.entitlements.count()
    assert "Contributor" in all_rows(EntitlementSnapshot)
    tomb = dispose(officer)
    kept = EntitlementSnapshot.objects.all()
    assert {(one.content == {}, one.locator, one.is_purged) for one in kept} == {(True, "", True)}
    assert tomb.documents == kept.count() == reading.documents.count()
    assert entitlements.snapshots_root(source_uuid=document.uuid) == before
    assert imports.is_unaltered(document=Import.objects.get(pk=document.pk))
    assert (EntitlementReading.objects.get().rows_root, reading.entitlements.count()) == (reading.rows_root, rows)
    connection.check_constraints()


def test_the_same_documents_out_of_another_file_are_recorded_and_read_again(system: AISystem, officer: User) -> None:
    first = imported(system, bundle(), "azure.json")
    dispose(officer)
    assert entitlements.current(system=system) == []
    again = imported(system, bundle() + b"\n", "copy.json")
    assert (again.job.state, again.recorded) == (JobState.SUCCEEDED, first.recorded)
    assert {one.is_purged for one in entitlements.current(system=system)} == {False}
    newest = EntitlementReading.objects.order_by("-pk")[0]
    assert newest.source_uuid == again.uuid
    assert newest.entitlements.exists()


def test_platform_documents_lose_their_content_and_the_root_stays(system: AISystem, officer: User) -> None:
    document = imported(system, sample("aws_logging/bundle.json"), "logging.json")
    assert document.job.state == JobState.SUCCEEDED, document.job.error
    before = completeness.documents_root(source_uuid=document.uuid)
    assert before
    tomb = dispose(officer)
    assert {(one.content == {}, one.is_purged) for one in PlatformDocument.objects.all()} == {(True, True)}
    assert tomb.documents == PlatformDocument.objects.count() > 0
    assert completeness.documents_root(source_uuid=document.uuid) == before


def test_observations_lose_the_words_of_the_report_and_findings_stand(claims: AISystem, officer: User) -> None:
    document = imported(claims, sample("ocsf/prowler.json"), "prowler of Ada.json")
    root = observations.rows_root(source_uuid=document.uuid)
    concluded = sorted(Finding.objects.values_list("uuid", "state", "severity", "title"))
    told = {row.pk: (row.rule, row.verdict, row.severity, row.asset_digest) for row in Observation.objects.all()}
    words = [row.description for row in Observation.objects.all() if row.description]
    assert words
    assert concluded
    tomb = dispose(officer)
    assert tomb.observations == len(told) == Observation.objects.exclude(purged_leaf="").count()
    assert not any(word in all_rows(Observation) for word in words)
    assert {
        row.pk: (row.rule, row.verdict, row.severity, row.asset_digest) for row in Observation.objects.all()
    } == told
    assert observations.rows_root(source_uuid=document.uuid) == root
    assert sorted(Finding.objects.values_list("uuid", "state", "severity", "title")) == concluded
    assert all(row.observations.exists() for row in Finding.objects.all())
    assert imports.is_unaltered(document=Import.objects.get(pk=document.pk))
    connection.check_constraints()


def test_an_altered_remainder_is_noticed(claims: AISystem, officer: User) -> None:
    document = imported(claims, sample("ocsf/prowler.json"), "prowler.json")
    dispose(officer)
    unguarded("compliance_observation")
    Observation.objects.filter(pk=Observation.objects.order_by("pk")[0].pk).update(purged_leaf="0" * 64)
    assert not imports.is_unaltered(document=Import.objects.get(pk=document.pk))


def test_what_was_refused_is_no_longer_quoted_and_still_counted(
    system: AISystem, officer: User, tmp_path: Path
) -> None:
    records = json.loads(log_of(tmp_path, 5))["Records"]
    records[3]["eventTime"] = "yesterday, said Ada"
    document = imported(system, json.dumps({"Records": records}).encode(), "log of Ada.json")
    assert "Ada" in all_rows(ImportReject)
    tomb = dispose(officer)
    assert "Ada" not in all_rows(ImportReject, Job, Evidence, Import)
    assert (tomb.rejects, ImportReject.objects.count(), Import.objects.get(pk=document.pk).rejected) == (1, 1, 1)
    assert tomb.records == 4


def test_what_the_ledger_and_the_certificate_say_of_it(system: AISystem, officer: User) -> None:
    imported(system, bundle(), "azure.json")
    tomb = dispose(officer)
    told = LedgerEvent.objects.get(kind="evidence.disposed").entry.payload
    assert {name: told[name] for name in ("records", "documents", "observations", "rejects")} == {
        "records": 0, "documents": tomb.documents, "observations": 0, "rejects": 0,
    }  # fmt: skip
    (line,) = tomb.run.certificate["pieces"]
    assert line["purged"]["documents"] == tomb.documents
    ledger.seal()
    assert ledger.verify().is_intact


def test_what_assays_own_scans_measured_stays(claims: AISystem, officer: User) -> None:
    """No copy of a document of anybody: a figure by an instrument, on which coverage rests."""
    imported(claims, sample("ocsf/prowler.json"), "prowler.json")
    seen = Observation.objects.order_by("pk")[0]
    own = Observation.objects.get(pk=seen.pk)
    own.pk, own.uuid, own.source_uuid = None, uuid4(), uuid4()
    own.save(force_insert=True)
    dispose(officer)
    own.refresh_from_db()
    assert (own.is_purged, own.description) == (False, seen.description)


def test_statements_that_went_are_shown_without_lines_and_hold_no_more(
    system: AISystem, officer: User, client: Client
) -> None:
    scope = json.loads(sample("stated_sources/statement.json")).get("scope", "")
    document = imported(system, sample("stated_sources/statement.json"), "statement.json")
    assert document.job.state == JobState.SUCCEEDED, document.job.error
    assert statements.in_force(system=system, scope=scope)
    dispose(officer)
    assert statements.in_force(system=system, scope=scope) == {}
    client.force_login(officer, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(reverse("log-statements", args=[system.uuid])).status_code == 200
