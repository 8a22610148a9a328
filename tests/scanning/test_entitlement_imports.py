"""Entitlement documents from the uploaded file to who can submit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from compliance.models import AISystem, Entitlement, EntitlementReading, EntitlementSnapshot, LedgerEvent
from compliance.selectors.entitlement_page import EntitlementFilter, entitlement_figures, entitlement_rows
from compliance.types.entitlements import Reach
from compliance.types.states import JobState
from scanning.entitlement import registry
from scanning.models import StagedRow
from scanning.services import imports
from tests.compliance.ledger_rows import unguarded
from tests.scanning.ingest.reading import sample
from tests.scanning.test_imports import imported

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def evidence_folder(settings: LazySettings, tmp_path: Path) -> None:
    options = {"location": str(tmp_path / "evidence")}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": storage}


@pytest.fixture
def system() -> AISystem:
    return AISystem.objects.create(name="Fraud model")


def bundle(**changes: Any) -> bytes:
    return json.dumps({**json.loads(sample("azure_roles/bundle.json")), **changes}).encode()


def test_a_bundle_becomes_documents_and_a_reading(system: AISystem) -> None:
    document = imported(system, bundle(), "azure.json")
    assert (document.job.state, document.format) == (JobState.SUCCEEDED, "azure_roles")
    reading = EntitlementReading.objects.get(source_uuid=document.uuid)
    assert document.recorded == EntitlementSnapshot.objects.count() == reading.documents.count()
    assert {row.reach for row in reading.entitlements.all()} >= {Reach.NOW, Reach.SHARED_KEY}
    assert not StagedRow.objects.exists()
    (event,) = LedgerEvent.objects.filter(kind="import.published", subject_uuid=document.uuid)
    assert event.entry.payload["rows_root"] == document.rows_root
    assert imports.is_unaltered(document=document)


def test_the_same_documents_again_are_duplicates_and_make_no_reading(system: AISystem) -> None:
    first = imported(system, bundle(), "azure.json")
    again = imported(system, bundle() + b"\n", "copy.json")
    assert (again.recorded, again.duplicates) == (0, first.recorded)
    assert EntitlementReading.objects.count() == 1


def test_a_later_bundle_without_a_grant_makes_a_reading_without_it(system: AISystem) -> None:
    imported(system, bundle(), "june.json")
    later = imported(system, bundle(taken_at="2026-07-01T08:00:00Z", role_assignments=[]), "july.json")
    new, old = EntitlementReading.objects.order_by("-pk")
    assert new.source_uuid == later.uuid
    gone = set(old.entitlements.values_list("principal", flat=True)) - set(
        new.entitlements.values_list("principal", flat=True)
    )
    assert gone


def test_an_older_bundle_that_comes_late_changes_nothing_that_is_read(system: AISystem) -> None:
    imported(system, bundle(), "june.json")
    imported(system, bundle(taken_at="2025-01-01T08:00:00Z", role_assignments=[]), "old.json")
    reading = EntitlementReading.objects.get()
    assert {document.taken_at.year for document in reading.documents.all()} == {2026}
    assert EntitlementSnapshot.objects.filter(taken_at__year=2025).exists()


def test_an_altered_document_is_noticed(system: AISystem) -> None:
    document = imported(system, bundle(), "azure.json")
    unguarded("compliance_entitlementsnapshot")
    EntitlementSnapshot.objects.filter(pk=EntitlementSnapshot.objects.first().pk).update(content={})  # type: ignore[union-attr] # there is one
    assert not imports.is_unaltered(document=document)


def test_documents_of_two_platforms_answer_side_by_side(system: AISystem) -> None:
    imported(system, bundle(), "azure.json")
    imported(system, sample("kubernetes_rbac/list.json"), "rbac.json")
    latest = EntitlementReading.objects.latest("pk")
    assert set(Entitlement.objects.filter(reading=latest).values_list("platform", flat=True)) == {"azure", "kubernetes"}


def test_an_aws_bundle_becomes_a_reading_with_its_three_parts(system: AISystem) -> None:
    document = imported(system, sample("aws_iam/bundle.json"), "aws.json")
    assert (document.job.state, document.format, document.recorded) == (JobState.SUCCEEDED, "aws_iam", 7)
    reading = EntitlementReading.objects.get()
    who = {
        (row.principal.display, row.reach)
        for row in reading.entitlements.all()
        if "CreateTrainingJob" in str(row.actions)
    }
    assert who >= {
        ("ada", Reach.NOW),
        ("carol", Reach.AFTER_STEP),
        ("whoever holds access key 1 of ada", Reach.SHARED_KEY),
    }
    assert {gap["scope"] for gap in reading.not_assessed} == {"", "999900001111"}
    assert imports.is_unaltered(document=document)


def test_a_person_of_identity_center_is_the_one_whom_the_job_log_names(system: AISystem) -> None:
    imported(system, sample("aws_iam/bundle.json"), "aws.json")
    role = "AWSReservedSSO_MLAdmin_0123456789abcdef"
    record = {
        "eventVersion": "1.11", "eventSource": "sagemaker.amazonaws.com", "eventName": "CreateTrainingJob",
        "eventTime": "2026-05-20T10:00:00Z", "eventID": "e-1", "awsRegion": "eu-west-1", "recipientAccountId": "111122223333",
        "userIdentity": {
            "type": "AssumedRole", "principalId": "AROAX:grace@example.com",
            "arn": f"arn:aws:sts::111122223333:assumed-role/{role}/grace@example.com",
        },
        "requestParameters": {"trainingJobName": "ft-1"},
    }  # fmt: skip
    imported(system, json.dumps({"Records": [record]}).encode(), "trail.json")
    reading = EntitlementReading.objects.get()
    used = entitlement_rows(reading, EntitlementFilter(used="yes"))
    assert {row.principal.display for row in used} == {"grace@example.com"}
    assert entitlement_figures(reading).unentitled == 0


def test_a_policy_that_is_torn_is_counted_as_rejected_and_not_assessed(system: AISystem) -> None:
    document = imported(system, sample("aws_iam/pages.json"), "pages.json")
    assert (document.recorded, document.rejected) == (1, 1)
    assert any("torn" in gap["effect"] for gap in EntitlementReading.objects.get().not_assessed)


def test_authorization_details_alone_are_the_account_of_a_bundle(system: AISystem) -> None:
    imported(system, sample("aws_iam/bundle.json"), "aws.json")
    imported(system, sample("aws_iam/details.json"), "details.json")
    latest = EntitlementReading.objects.latest("pk")
    assert latest.documents.filter(kind="aws-account-authorization").count() == 1
    assert not latest.entitlements.filter(principal__display="carol").exists()


def test_every_platform_has_a_label() -> None:
    assert set(registry.EVALUATORS) == set(registry.LABELS)
