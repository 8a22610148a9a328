"""Logs of Azure and OpenAI from the file to the job log: one operation is one submission, by the person entitlements name."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from compliance.models import AISystem, EntitlementReading, JobEvent
from compliance.selectors.entitlement_page import EntitlementFilter, entitlement_figures, entitlement_rows
from compliance.types.states import ActionClass, JobState, Outcome
from scanning.services import imports
from tests.installations import Installation
from tests.scanning.ingest.reading import SAMPLES, sample
from tests.scanning.test_imports import imported

ALICE = "22222222-2222-2222-2222-222222222222"
CARRIERS = ("azure_activity/export.json", "azure_activity/rest_page.json", "azure_activity/log_analytics.jsonl")
OTHERS = ("azure_ml_jobs/rest_page.json", "azure_openai/aoai_finetune_diagnostic.json", "openai_audit/rights.json")
NAMING_NOBODY = ("openai_jobs/fine_tuning_job.json", "openai_jobs/aoai_finetune_job_response.json")


@pytest.fixture(autouse=True)
def evidence_folder(settings: LazySettings, tmp_path: Path) -> None:
    options = {"location": str(tmp_path / "evidence")}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": storage}


@pytest.fixture
def system() -> AISystem:
    return AISystem.objects.create(name="Support bot")


def submissions(system: AISystem) -> Any:
    return JobEvent.objects.filter(system=system, action_class=ActionClass.SUBMIT, outcome=Outcome.SUCCESS)


@pytest.mark.django_db
@pytest.mark.parametrize("order", list(itertools.permutations(CARRIERS)))
def test_one_job_in_three_carriers_is_one_submission_in_any_order(system: AISystem, order: tuple[str, ...]) -> None:
    documents = [imported(system, sample(name), name.rpartition("/")[2]) for name in order]
    assert {document.job.state for document in documents} == {JobState.SUCCEEDED}
    (event,) = submissions(system).filter(job_name="ft_support_bot_0012")
    assert event.actor is not None
    assert (event.actor.identifier, event.role) == (ALICE, "AzureML Data Scientist")
    assert sum(document.recorded for document in documents) == 11
    assert sum(document.duplicates for document in documents) == 3
    assert all(imports.is_unaltered(document=document) for document in documents)


@pytest.mark.django_db
def test_who_submitted_is_who_the_entitlements_name(system: AISystem) -> None:
    grant = {
        "id": "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/1",
        "principalId": ALICE.upper(), "principalName": "alice@example.test", "principalType": "User",
        "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/f6c7c914-8db3-469d-8ca1-694a8f32e121",
        "scope": "/subscriptions/00000000-0000-0000-0000-00000000aaaa", "type": "Microsoft.Authorization/roleAssignments",
    }  # fmt: skip
    bundle = {"assay_bundle": "azure", "taken_at": "2026-11-21T00:00:00Z", "role_assignments": [grant]}
    imported(system, sample("azure_activity/export.json"), "activity.json")
    imported(system, json.dumps(bundle).encode(), "azure.json")
    reading = EntitlementReading.objects.get(system=system)
    assert {row.principal.display for row in entitlement_rows(reading, EntitlementFilter(used="yes"))} == {
        "alice@example.test"
    }
    assert entitlement_figures(reading).unentitled == 0


@pytest.mark.django_db
def test_a_source_that_names_nobody_says_so_of_every_submission(system: AISystem) -> None:
    for name in NAMING_NOBODY:
        assert imported(system, sample(name), name.rpartition("/")[2]).recorded == 1
    found = submissions(system)
    assert found.count() == 2
    assert {event.actor_id for event in found} == {None}
    assert all("actor" in event.unknown_fields for event in found)


@pytest.mark.django_db
def test_what_a_string_hides_reaches_no_database(system: AISystem) -> None:
    """A NUL or half a character inside JSON inside a string: kept as the text it was, and in no field."""
    for name in ("azure_activity/traps.jsonl", "azure_openai/traps.jsonl"):
        document = imported(system, sample(name), name.rpartition("/")[2])
        assert (document.job.state, document.rejected) == (JobState.SUCCEEDED, 3)
        assert imports.is_unaltered(document=document)


def test_a_folder_of_logs_is_ingested_and_counted(installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    for name in (
        *CARRIERS,
        "azure_ml_jobs/rest_page.json",
        "azure_openai/aoai_finetune_diagnostic.json",
        "openai_audit/rights.json",
    ):
        shutil.copy(SAMPLES / name, folder / name.replace("/", "-"))
    documents = installation.json("ingest", str(folder), "--system", "Support bot")["documents"]
    assert {document["state"] for document in documents} == {"succeeded"}
    assert {document["format"] for document in documents} == {
        "azure_activity", "azure_ml_jobs", "azure_openai", "openai_audit",
    }  # fmt: skip
    assert sum(document["recorded"] for document in documents) == 28
    again = installation.json("ingest", str(folder))["documents"]
    assert sum(document["recorded"] for document in again) == 0
    assert sum(document["duplicates"] for document in again) == 31
    ((stored,),) = installation.rows("SELECT COUNT(*) FROM compliance_jobevent")
    assert stored == 28
    assert installation.rows(
        "SELECT COUNT(*) FROM compliance_jobevent WHERE CAST(raw AS TEXT) LIKE '%%not-a-real%%'"
    ) == [(0,)]
