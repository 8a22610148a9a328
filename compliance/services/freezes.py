"""Freezing: an assessment becomes one canonical document, kept by its digest, and never changes again."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import Answer, Assessment, DisposalItem, Evidence, Freeze, LedgerEvent, User
from compliance.selectors import (
    freeze_access_review,
    freeze_completeness,
    freeze_document,
    freeze_entitlements,
    freeze_job_log,
)
from compliance.selectors.access_review_page import review_in_period
from compliance.selectors.answer_basis import basis_changes, unjustified, with_basis
from compliance.selectors.completeness_page import reading_of_period
from compliance.selectors.entitlement_page import reading_in_period
from compliance.selectors.question_facts import question_facts
from compliance.services import answers, ledger, stored_files
from compliance.services.errors import RefusedError
from compliance.services.evidence import store_bytes
from compliance.services.ledger_statements import leaf_of
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.freeze import Freeze as Document
from compliance.types.freeze import LedgerPlace, validate_freeze
from compliance.types.freeze_blob import Blob
from compliance.types.freeze_completeness import Completeness
from compliance.types.freeze_entitlements import Entitlements
from compliance.types.freeze_lines import LINED, MEDIA_TYPE, Lines, stored, written
from compliance.types.retention import ItemState, RunState
from compliance.types.states import AnswerState, AssessmentState, EvidenceState


def _faults(answer: Answer) -> list[str]:
    """What keeps an answer from being frozen, each in one sentence that begins with its question's number."""
    number = answer.question.number
    if answer.state != AnswerState.APPROVED:
        return [_("Question %d is not approved yet.") % number]
    found = [f"{number}: {gap}" for gap in answers.gaps(answer)]
    found += [_("%d: approved on other evidence: ") % number + change for change in basis_changes(answer)]
    told = unjustified(answer, question_facts(answer).contradictions)
    if told:
        words = _("%d: the record contradicts it in a way its approval did not speak of; send it for review again: ")
        found.append(words % number + " ".join(told))
    return found


def blockers(assessment: Assessment) -> list[str]:
    """What keeps an assessment from being frozen, each in one sentence."""
    if assessment.is_frozen:
        return [_("The assessment is frozen already.")]
    rows = with_basis(assessment.answers.select_related("question", "assessment__system", "assessment__technique"))
    return [fault for answer in rows for fault in _faults(answer)]


def _register(filename: str, lines: Iterable[bytes]) -> tuple[Blob, str]:
    """Store JSON lines; answers their description and storage name."""
    rows = 0
    with tempfile.TemporaryFile() as spool:
        for line in lines:
            spool.write(line)
            rows += 1
        spool.seek(0)
        name, sha256, size, _head = store_bytes(stream=spool)
    blob = Blob(filename=filename, media_type=MEDIA_TYPE, sha256=sha256, size=size, rows=rows)
    return blob, name


def _lists(assessment: Assessment, registers: list[tuple[Blob, str]]) -> dict[str, Lines[Any]]:
    """The lists that grow with the record, each written to its register as it is read; these join the others."""
    lists: dict[str, Lines[Any]] = {}
    with tempfile.TemporaryDirectory(prefix="assay-freeze-") as scratch:
        for name, rows in freeze_document.growing(assessment).items():
            lists[name] = written(LINED[name], rows, Path(scratch))
            blob = lists[name].blob
            with (Path(scratch) / blob["sha256"]).open("rb") as stream:
                registers.append((blob, store_bytes(stream=stream)[0]))
    return lists


def _versions(assessment: Assessment) -> list[tuple[int, int]]:
    """Which state of the answers a document was built from."""
    return sorted(assessment.answers.values_list("pk", "version"))


def _places(assessment: Assessment) -> dict[UUID, LedgerPlace]:
    """Where the receipt of each piece of evidence lies in the ledger, by the piece's uuid; one query."""
    pieces = Evidence.objects.filter(system=assessment.system_id).values("uuid")
    received = LedgerEvent.objects.filter(kind="evidence.received", subject_uuid__in=pieces).select_related(
        "place__block"
    )
    places: dict[UUID, LedgerPlace] = {}
    for event in received.order_by("-created_at", "-pk").iterator(chunk_size=2_000):
        place = getattr(event, "place", None)
        places[event.subject_uuid] = LedgerPlace(
            event=sha256_hex(leaf_of(event)),
            position=place.position if place else None,
            block=place.block.number if place else None,
        )
    return places


def _entitlements(assessment: Assessment, registers: list[tuple[Blob, str]]) -> Entitlements:
    """Who could submit, and the access review of the period; their registers join the others."""
    reading = reading_in_period(assessment)
    if reading is not None:
        registers.append(_register(freeze_entitlements.REGISTER_NAME, freeze_entitlements.register_lines(reading)))
    entitlements = freeze_entitlements.entitlements(reading, register=registers[-1][0] if reading else None)
    review = review_in_period(assessment)
    if review is not None:
        registers.append(_register(freeze_access_review.REGISTER_NAME, freeze_access_review.register_lines(review)))
        entitlements["review"] = freeze_access_review.reviewed(review, register=registers[-1][0])
    return entitlements


def _completeness(assessment: Assessment, registers: list[tuple[Blob, str]]) -> Completeness:
    """How complete the job log of the period is; its register joins the others."""
    reading = reading_of_period(assessment)
    if reading is not None:
        registers.append(_register(freeze_completeness.REGISTER_NAME, freeze_completeness.register_lines(reading)))
    return freeze_completeness.completeness(reading, register=registers[-1][0] if reading else None)


def _hold(document: Document, files: Iterable[tuple[str, str]]) -> None:
    """Keep what the document says is kept until the freeze stands, in the caller's transaction. Raises RefusedError where a
    disposal of it began or ended since the document was built."""
    stored_files.hold(dict(files))
    told = [UUID(one["uuid"]) for one in document["evidence"] if one["state"] != EvidenceState.DISPOSED]
    rows = Evidence.objects.select_for_update(no_key=True).filter(uuid__in=told).order_by("pk")
    gone = {row.pk: row.title for row in rows if row.state == EvidenceState.DISPOSED}
    going = DisposalItem.objects.filter(
        evidence__uuid__in=told, run__state=RunState.APPROVED, state__in=(ItemState.PROPOSED, ItemState.RECORDED)
    )
    titles = sorted({*gone.values(), *going.values_list("evidence__title", flat=True)})
    if titles:
        told_of = _("“%s” is being disposed of, or was meanwhile; freeze again when the disposal run is over.")
        raise RefusedError(told_of % titles[0])


def freeze(*, assessment: Assessment, actor: User) -> Freeze:
    """Freeze an assessment whose answers are all approved."""
    missing = blockers(assessment)
    if missing:
        raise RefusedError(" ".join(missing))
    ledger.seal()
    versions = _versions(assessment)
    jobs = _register(freeze_job_log.REGISTER_NAME, freeze_job_log.register_lines(assessment))
    registers = [jobs]
    entitlements = _entitlements(assessment, registers)
    completeness = _completeness(assessment, registers)
    lists = _lists(assessment, registers)
    document = freeze_document.build(
        assessment,
        frozen_by=actor,
        frozen_at=timezone.now(),
        head=ledger.head(),
        places=_places(assessment),
        lists=lists,
        register=jobs[0],
        entitlements=entitlements,
        completeness=completeness,
    )
    validate_freeze(document)
    name, sha256, _size, _head = store_bytes(stream=io.BytesIO(canonical_json(stored(document))))
    with transaction.atomic():
        fresh = Assessment.objects.select_for_update().get(pk=assessment.pk)
        if fresh.is_frozen:
            raise RefusedError(_("The assessment is frozen already."))
        if _versions(fresh) != versions:
            raise RefusedError(_("An answer changed while the assessment was being frozen; try again."))
        _hold(document, [(name, sha256), *((kept, blob["sha256"]) for blob, kept in registers)])
        record = Freeze.objects.create(
            assessment=fresh,
            sha256=sha256,
            storage_name=name,
            attachments={blob["filename"]: {"storage_name": kept, **blob} for blob, kept in registers},
            frozen_by=actor,
        )
        fresh.state = AssessmentState.FROZEN
        fresh.save(update_fields=["state"])
        ledger.record(
            kind="assessment.frozen",
            subject=fresh,
            payload={"document_sha256": sha256, "freeze": str(record.uuid)},
            actor=actor,
            system=fresh.system,
        )
    assessment.state = AssessmentState.FROZEN
    return record
