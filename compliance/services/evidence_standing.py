"""What becomes of evidence after it was received: a person rejects it, or a newer piece takes its place."""

from __future__ import annotations

from dataclasses import fields
from zoneinfo import available_timezones

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import Evidence, User
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.provenance import Provenance
from compliance.types.states import EvidenceState


@transaction.atomic
def describe(*, evidence: Evidence, provenance: Provenance, actor: User | None) -> Evidence:
    """Say where a piece comes from; answers approved on it as it was described before say so. The same again is no act."""
    fresh = Evidence.objects.select_for_update().get(pk=evidence.pk)
    if fresh.state == EvidenceState.DISPOSED:
        raise RefusedError(_("The evidence is no longer kept, and stays as its tombstone says."))
    if provenance == fresh.provenance:
        return fresh
    if provenance.effective_from and provenance.effective_to and provenance.effective_to < provenance.effective_from:
        raise RefusedError(_("The last day lies before the first."))
    if provenance.zone and provenance.zone not in available_timezones():
        raise RefusedError(_("“%s” is no time zone: give a name such as Europe/Berlin or UTC.") % provenance.zone)
    for field in fields(provenance):
        name = "collected_at" if field.name == "extracted_at" else field.name
        setattr(fresh, name, getattr(provenance, field.name))
    fresh.description_version += 1
    fresh.save()
    ledger.record(
        kind="evidence.described",
        subject=fresh,
        payload={
            "sha256": fresh.sha256,
            "version": fresh.description_version,
            "description_sha256": digest_of(provenance.as_json()),
        },
        actor=actor,
        system=fresh.system,
    )
    return fresh


@transaction.atomic
def withdraw(*, evidence: Evidence, reason: str, actor: User) -> None:
    """A person rejects a piece, accepted or not; answers approved on it say so and need a new approval."""
    fresh = Evidence.objects.select_for_update().get(pk=evidence.pk)
    if not reason.strip():
        raise RefusedError(_("Say why the evidence is rejected."))
    if fresh.state == EvidenceState.DISPOSED:
        raise RefusedError(_("The evidence is no longer kept, and stays as its tombstone says."))
    if fresh.state == EvidenceState.REJECTED:
        raise RefusedError(_("The evidence is rejected already."))
    fresh.state, fresh.rejection = EvidenceState.REJECTED, reason.strip()
    fresh.save(update_fields=["state", "rejection"])
    ledger.record(
        kind="evidence.rejected",
        subject=fresh,
        payload={"sha256": fresh.sha256, "state": EvidenceState.REJECTED.value},
        actor=actor,
        system=fresh.system,
    )


@transaction.atomic
def supersede(*, evidence: Evidence, by: Evidence, actor: User) -> None:
    """Say that a newer piece takes the place of this one; both stay, and answers approved on it say so."""
    older, newer = (Evidence.objects.select_for_update().get(pk=one.pk) for one in (evidence, by))
    if older.system_id != newer.system_id:
        raise RefusedError(_("The evidence belongs to another AI system."))
    if newer.supersedes_id is not None:
        raise RefusedError(_("“%s” takes the place of another piece already.") % newer.title)
    if older.superseded_by.exists():
        raise RefusedError(_("“%s” was superseded already.") % older.title)
    if newer.state == EvidenceState.REJECTED:
        raise RefusedError(_("The evidence was rejected: %s") % newer.rejection)
    if newer.pk in _line_of(older):
        raise RefusedError(_("A piece cannot take the place of itself, nor of one that took its own place."))
    newer.supersedes = older
    newer.save(update_fields=["supersedes"])
    ledger.record(
        kind="evidence.superseded",
        subject=older,
        payload={"sha256": older.sha256, "by": str(newer.uuid), "by_sha256": newer.sha256},
        actor=actor,
        system=older.system,
    )


def _line_of(evidence: Evidence) -> set[int]:
    """A piece and all whose place it took, one after the other."""
    line, one = {evidence.pk}, evidence
    while one.supersedes is not None and one.supersedes.pk not in line:
        one = one.supersedes
        line.add(one.pk)
    return line
