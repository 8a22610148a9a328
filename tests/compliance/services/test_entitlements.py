"""Entitlement documents are kept as dated, and each new one makes a reading of the latest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from compliance.models import AISystem, Entitlement, EntitlementReading, EntitlementSnapshot, LedgerEvent, User
from compliance.services import entitlements, people
from compliance.services.entitlements import Answered
from compliance.types.entitlements import Reach
from tests.compliance import records
from tests.compliance.conftest import World
from tests.compliance.entitlements_on_record import PASS, TAKEN, answer, draft, recorded, way
from tests.compliance.ledger_rows import unguarded


def test_a_reading_names_each_way_once_with_all_its_permissions(world: World) -> None:
    reading = recorded(world.assessment.system, world.log, way("ann"), way("ann", action=PASS), way("bob"))
    found = {row.principal.display: row.actions for row in reading.entitlements.select_related("principal")}
    assert found == {"ann": [PASS, "sagemaker:CreateTrainingJob"], "bob": ["sagemaker:CreateTrainingJob"]}
    assert (reading.principals, reading.as_of) == (12, TAKEN)
    assert reading.not_assessed[0]["document"] == "service control policies"


def test_a_reading_is_a_ledger_event_without_names(world: World) -> None:
    reading = recorded(world.assessment.system, world.log, way("ann"))
    (event,) = LedgerEvent.objects.filter(kind="entitlements.read", subject_uuid=reading.uuid)
    assert event.entry.payload["rows_root"] == reading.rows_root
    assert "ann" not in str(event.entry.payload)


def test_erasing_a_principal_takes_the_name_from_every_way(world: World, officer: User) -> None:
    reading = recorded(world.assessment.system, world.log, way("ann"))
    principal = reading.entitlements.get().principal
    people.erase_principal(principal=principal, actor=officer)
    assert "ann" not in str(Entitlement.objects.select_related("principal").get().principal)


def test_the_latest_document_of_a_kind_and_scope_counts_whatever_the_order(world: World) -> None:
    system = world.assessment.system
    late, early = draft(taken_at=TAKEN, tag="late"), draft(taken_at=TAKEN - timedelta(days=30), tag="early")
    other = draft(scope="444455556666", tag="other")
    for order in ([late, early, other], [other, early, late]):
        made = entitlements.unsaved(system=system, evidence=world.log, source_uuid=uuid4(), drafts=order)
        assert {one.fingerprint for one in entitlements.latest(made)} == {late.fingerprint, other.fingerprint}


def test_older_documents_are_kept_beside_newer_ones(world: World) -> None:
    system = world.assessment.system
    recorded(system, world.log, way("ann"), tag="a")
    recorded(system, world.log, way("bob"), taken_at=TAKEN + timedelta(days=9), tag="b")
    assert EntitlementSnapshot.objects.filter(system=system).count() == 2
    assert [one.entitlements.get().principal.display for one in EntitlementReading.objects.all()] == ["bob", "ann"]


def test_a_document_without_date_or_scope_takes_what_the_importer_stated(world: World) -> None:
    stated = records.LONG_AGO
    world.log.collected_at, world.log.source_system = stated, "cluster west"
    (made,) = entitlements.unsaved(
        system=world.assessment.system, evidence=world.log, source_uuid=uuid4(),
        drafts=[replace(draft(taken_at=None), scope="")],
    )  # fmt: skip
    assert (made.taken_at, made.dated_by, made.scope) == (stated, "importer", "cluster west")


def test_a_reading_of_what_is_no_longer_the_latest_is_refused(world: World, system: AISystem) -> None:
    made = entitlements.unsaved(system=system, evidence=world.log, source_uuid=uuid4(), drafts=[draft(tag="mine")])
    answered = Answered(fingerprints=frozenset({made[0].fingerprint}), answers=(answer(way("ann")),))
    recorded(system, world.log, way("bob"), taken_at=TAKEN + timedelta(days=1), tag="meanwhile")
    assert not entitlements.record(snapshots=made, answered=answered, source_uuid=uuid4(), system=system, actor=None)


def test_an_altered_document_changes_the_root_of_its_import(world: World) -> None:
    reading = recorded(world.assessment.system, world.log, way("ann", reach=Reach.SHARED_KEY))
    before = entitlements.snapshots_root(source_uuid=reading.source_uuid)
    unguarded("compliance_entitlementsnapshot")
    EntitlementSnapshot.objects.filter(source_uuid=reading.source_uuid).update(content={"tag": "altered"})
    assert entitlements.snapshots_root(source_uuid=reading.source_uuid) != before
    assert entitlements.snapshots_root(source_uuid=uuid4()) == ""
