"""Retention: the terms of its classes, the class of one piece, and legal holds."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import AISystem, Evidence, LegalHold, RetentionTerms, User
from compliance.selectors.retention import terms_in_force
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.retention import ClassTerms, EvidenceKind, RetentionStart
from compliance.types.states import EvidenceState, RetentionClass

MOST_MONTHS = 1200


@transaction.atomic
def revise_terms(*, key: RetentionClass, terms: ClassTerms, actor: User) -> RetentionTerms:
    """A new wording of a class, in force from now on; the older ones stay. A kind of evidence has one class: where another
    had it, that class loses it by a new version too. Raises RefusedError."""
    now = terms_in_force()
    _check_terms(terms)
    for other, standing in now.items():
        taken = set(standing.kinds) & {kind.value for kind in terms.kinds}
        if other != key and taken:
            rest = tuple(EvidenceKind(kind) for kind in standing.kinds if kind not in taken)
            _write(RetentionClass(other), _as_terms(standing, rest), standing.version + 1, actor)
    lost = set(now[key].kinds) - {kind.value for kind in terms.kinds} if key in now else set()
    if lost:
        raise RefusedError(
            _("Each kind of evidence needs a class: give it to another class instead of taking it away.")
        )
    return _write(key, terms, now[key].version + 1 if key in now else 1, actor)


def _check_terms(terms: ClassTerms) -> None:
    if not terms.title.strip():
        raise RefusedError(_("Give the class a name."))
    if not terms.legal_basis.strip():
        raise RefusedError(_("State the legal basis: why the evidence is kept that long, and no longer."))
    if terms.months is not None and not 1 <= terms.months <= MOST_MONTHS:
        raise RefusedError(_("Give a number of months from 1 to %d, or none for no end.") % MOST_MONTHS)


def _as_terms(standing: RetentionTerms, kinds: tuple[EvidenceKind, ...]) -> ClassTerms:
    return ClassTerms(
        title=standing.title,
        months=standing.months,
        starts=RetentionStart(standing.starts),
        legal_basis=standing.legal_basis,
        kinds=kinds,
    )


def _write(key: RetentionClass, terms: ClassTerms, version: int, actor: User) -> RetentionTerms:
    written = RetentionTerms.objects.create(
        key=key,
        version=version,
        title=terms.title.strip(),
        months=terms.months,
        starts=terms.starts,
        legal_basis=terms.legal_basis.strip(),
        kinds=sorted(kind.value for kind in terms.kinds),
        made_by=actor,
    )
    payload = {
        "class": key.value,
        "version": version,
        "months": terms.months,
        "starts": terms.starts.value,
        "kinds": written.kinds,
        "words_sha256": digest_of([written.title, written.legal_basis]),
    }
    ledger.record(kind="retention.revised", subject=written, payload=payload, actor=actor, system=None)
    return written


@transaction.atomic
def classify(*, evidence: Evidence, key: RetentionClass, reason: str, actor: User) -> None:
    """Give one piece another class, with a reason. The same again is no act. Raises RefusedError."""
    fresh = Evidence.objects.select_for_update().get(pk=evidence.pk)
    if fresh.retention_class == key:
        return
    if fresh.state == EvidenceState.DISPOSED:
        raise RefusedError(_("The evidence is no longer kept, and stays as its tombstone says."))
    if not reason.strip():
        raise RefusedError(_("Say why this piece is kept for another time than its kind."))
    before, fresh.retention_class = fresh.retention_class, key
    fresh.save(update_fields=["retention_class"])
    payload = {"before": before, "after": key.value, "because_sha256": digest_of(reason.strip())}
    ledger.record(kind="evidence.classified", subject=fresh, payload=payload, actor=actor, system=fresh.system)


# Legal holds ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def place_hold(
    *, title: str, reason: str, actor: User, system: AISystem | None = None, evidence: Evidence | None = None
) -> LegalHold:
    """Stop every disposal of a piece, of an AI system, or, with neither, of all there is. Raises RefusedError."""
    if not title.strip() or not reason.strip():
        raise RefusedError(_("Name the matter and say why the evidence must be kept."))
    if evidence is not None and evidence.state == EvidenceState.DISPOSED:
        raise RefusedError(_("The evidence is no longer kept; a hold comes too late for it."))
    covered = evidence.system if evidence is not None else system
    hold = LegalHold.objects.create(
        title=title.strip()[:200],
        reason=reason.strip(),
        system=None if evidence is not None else system,
        evidence=evidence,
        placed_by=actor,
    )
    payload = {
        "covers": "evidence" if evidence else "system" if system else "everything",
        "evidence": str(evidence.uuid) if evidence else None,
        "because_sha256": digest_of([hold.title, hold.reason]),
    }
    ledger.record(kind="hold.placed", subject=hold, payload=payload, actor=actor, system=covered)
    return hold


@transaction.atomic
def lift_hold(*, hold: LegalHold, reason: str, actor: User) -> None:
    """End a hold, with a reason; what it covered may be disposed of when its time is over. Raises RefusedError."""
    fresh = LegalHold.objects.select_for_update().get(pk=hold.pk)
    if fresh.lifted_at is not None:
        raise RefusedError(_("The hold was lifted already."))
    if not reason.strip():
        raise RefusedError(_("Say why the hold is lifted."))
    fresh.lifted_by, fresh.lifted_at, fresh.lift_reason = actor, timezone.now(), reason.strip()
    fresh.save(update_fields=["lifted_by", "lifted_at", "lift_reason"])
    covered = fresh.evidence.system if fresh.evidence else fresh.system
    payload = {"because_sha256": digest_of(fresh.lift_reason)}
    ledger.record(kind="hold.lifted", subject=fresh, payload=payload, actor=actor, system=covered)
