"""Nothing later alters a freeze: not the catalogue, not new records, not people's acts, not statements in the database."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.files.storage import default_storage
from django.db import Error, connection, models, transaction

from compliance.models import (
    Answer,
    AnswerRevision,
    Assessment,
    CatalogRelease,
    Freeze,
    LedgerEvent,
    ReferenceControl,
    RemediationItem,
    Technique,
    TrailEntry,
    User,
)
from compliance.services import catalogs, freeze_documents, freezes, ledger, ledger_chain, remediation
from compliance.services.errors import RefusedError
from compliance.types.canonical import sha256_hex
from compliance.types.states import RemediationState
from tests.compliance import records
from tests.compliance.conftest import World
from tests.compliance.services.test_freezes import approve_all
from tests.compliance.suppliers_on_record import reviewed

pytestmark = pytest.mark.django_db
SHIPPED = Path(__file__).parents[3] / "compliance" / "catalogs"


@pytest.fixture
def frozen(world: World, officer: User, manager: User) -> Freeze:
    return freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)


def stored(freeze: Freeze) -> dict[str, bytes]:
    """The document and its registers, byte for byte."""
    names = {"freeze.json": freeze.storage_name} | {
        name: blob["storage_name"] for name, blob in freeze.attachments.items()
    }
    return {name: Path(default_storage.path(path)).read_bytes() for name, path in names.items()}


def rows(kind: Any) -> list[dict[str, Any]]:
    return list(kind.objects.order_by("pk").values())


def changed_catalogue(folder: Path) -> Path:
    """The shipped catalogue with another release, other titles and another text of each question."""
    shutil.copytree(SHIPPED, folder)
    for name in ("questions", "controls"):
        path = folder / f"{name}.yaml"
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for entry in document[name]:
            for field in ("text", "title"):
                if field in entry:
                    entry[field] = f"{entry[field]} Changed."
        path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder


def test_a_changed_catalogue_alters_neither_freeze_nor_answer(frozen: Freeze, world: World, tmp_path: Path) -> None:
    before, answers, history = stored(frozen), rows(Answer), rows(AnswerRevision)
    releases = set(frozen.assessment.releases.values_list("uuid", flat=True))
    loaded = catalogs.load(folder=changed_catalogue(tmp_path / "catalogue"), apply=True, actor=None)
    assert loaded.is_applied
    assert ReferenceControl.objects.filter(title__endswith=" Changed.").exists()
    assert world.assessment.answers.filter(question__text__endswith=" Changed.").count() == 4
    assert stored(frozen) == before
    assert (rows(Answer), rows(AnswerRevision)) == (answers, history)
    assert set(frozen.assessment.releases.values_list("uuid", flat=True)) == releases
    texts = [question["text"] for question in freeze_documents.read(freeze=frozen)["questions"]]
    assert not any("Changed." in text for text in texts)


def test_a_changed_catalogue_touches_no_answer_of_an_open_assessment_either(
    world: World, officer: User, manager: User, tmp_path: Path
) -> None:
    approve_all(world, officer, manager)
    answers, history = rows(Answer), rows(AnswerRevision)
    catalogs.load(folder=changed_catalogue(tmp_path / "catalogue"), apply=True, actor=None)
    assert (rows(Answer), rows(AnswerRevision)) == (answers, history)


def test_what_happens_later_is_in_the_record_and_not_in_the_freeze(
    frozen: Freeze, world: World, officer: User, manager: User, contributor: User
) -> None:
    before, system = stored(frozen), world.assessment.system
    records.log_events(system, world.log, 5, tag="later")
    records.evidence(system, b"later", actor=officer, title="Later")
    records.model_version(system, "digits", "3", actor=contributor)
    reviewed(system, officer)
    remediation.move(item=world.item, state=RemediationState.IN_PROGRESS, actor=contributor)
    Technique.objects.filter(pk=world.technique.pk).update(name="Renamed", atlas_release="2099.01")
    User.objects.filter(pk=officer.pk).update(name="Married Name")
    CatalogRelease.objects.create(key="mitre-atlas", version="2099.01", sha256="0" * 64, is_current=True)
    assert stored(frozen) == before
    document = freeze_documents.read(freeze=Freeze.objects.get(pk=frozen.pk))
    assert document["job_log"]["recorded"] == len(world.events)
    assert document["technique"]["content_release"] == "2026.07"
    assert document["frozen_by"]["name"] == "Olga Officer"
    assert [item["state"] for item in document["remediation"]] == ["open"]


STATEMENTS = (
    "UPDATE compliance_freeze SET sha256 = 'x'",
    "UPDATE compliance_freeze SET storage_name = 'elsewhere'",
    "UPDATE compliance_freeze SET attachments = '{}'",
    "DELETE FROM compliance_freeze",
    "UPDATE compliance_answerrevision SET snapshot = '{}'",
    "DELETE FROM compliance_answerrevision",
    "DELETE FROM compliance_ledgerevent",
    "UPDATE compliance_trailentry SET payload = '{}'",
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_statements_in_the_database_are_refused(frozen: Freeze, statement: str) -> None:
    before = rows(Freeze), rows(AnswerRevision)
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert (rows(Freeze), rows(AnswerRevision)) == before


@pytest.mark.parametrize(
    "act",
    [
        lambda row: Freeze.objects.filter(pk=row.pk).update(sha256="0" * 64),
        lambda row: Freeze.objects.filter(pk=row.pk).delete(),
        lambda row: row.delete(),
        lambda row: Freeze.objects.bulk_update([row], ["storage_name"]),
        lambda row: row.save(),
        lambda row: AnswerRevision.objects.all().delete(),
    ],
    ids=["update", "delete", "delete of one", "bulk update", "save", "history"],
)
def test_the_orm_is_refused_alike(frozen: Freeze, act: Callable[[Freeze], Any]) -> None:
    before = rows(Freeze), rows(AnswerRevision)
    frozen.storage_name = "elsewhere"
    with pytest.raises((Error, models.ProtectedError)), transaction.atomic():
        act(frozen)
    assert (rows(Freeze), rows(AnswerRevision)) == before


def test_an_answer_that_is_altered_behind_the_services_leaves_the_freeze_as_it_is(frozen: Freeze) -> None:
    before = stored(frozen)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE compliance_answer SET statement = 'Never.', state = 'draft'")
    assert stored(frozen) == before
    statements = {
        answer["statement"]
        for question in freeze_documents.read(freeze=frozen)["questions"]
        if (answer := question["answer"])
    }
    assert not any("Never." in statement for statement in statements)


def test_bytes_altered_on_the_disk_are_noticed_before_anything_is_made_of_them(frozen: Freeze) -> None:
    path = Path(default_storage.path(frozen.storage_name))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"It holds", b"It fails"))
    with pytest.raises(RefusedError, match="no longer matches its SHA-256"):
        freeze_documents.read(freeze=frozen)


def test_the_ledger_names_the_document_by_its_digest(frozen: Freeze, officer: User) -> None:
    event = LedgerEvent.objects.get(kind="assessment.frozen", subject_uuid=frozen.assessment.uuid)
    entry = TrailEntry.objects.get(event=event)
    assert entry.actor == officer
    assert sha256_hex(stored(frozen)["freeze.json"]) in json.dumps(entry.payload)
    ledger.seal()
    assert ledger.place_of(event=event)["position"] is not None
    assert ledger_chain.verify().is_intact


def test_the_document_holds_each_thing_that_a_freeze_is_of(frozen: Freeze, world: World) -> None:
    document = freeze_documents.read(freeze=frozen)
    assert [question["answer"] is not None for question in document["questions"]] == [True] * 4
    assert {(row["uuid"], row["sha256"]) for row in document["evidence"]} >= {(str(world.log.uuid), world.log.sha256)}
    assert document["technique"]["id"] == "AML.T0018"
    assert [scan["verdict"] for scan in document["scans"]] == ["evidence_found"]
    assert len(document["job_log"]["extract"]) == len(world.events)
    assert [item["uuid"] for item in document["remediation"]] == [str(world.item.uuid)]
    assert {row["uuid"] for row in document["findings"]} == {str(world.finding.uuid)}
    assert {"mappings", "suppliers", "completeness", "entitlements"} <= document.keys()
    assert RemediationItem.objects.get(pk=world.item.pk).due_on >= date(2026, 1, 1)
    assert Assessment.objects.get(pk=frozen.assessment_id).is_frozen
