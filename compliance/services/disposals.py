"""Disposal runs: what is due is proposed, decided by another person, and purged with a certificate.

A piece goes in three steps, each of which may be repeated: the raw records read from it, in short transactions; its tombstone,
the ledger event and the end of its names, in one; its file, once the tombstone stands. A worker that dies leaves a run that the
next one goes on with, and between the steps a page says what stands.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import date
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import DisposalItem, DisposalRun, Evidence, Job, LedgerEvent, Tombstone, User
from compliance.selectors.retention import due, end_of, in_open_assessments, is_held, with_starts
from compliance.services import disposal_papers, jobs, leases, ledger, purges, stored_files
from compliance.services.errors import RefusedError
from compliance.services.leases import LeaseKeeper
from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON, Progress
from compliance.types.retention import ItemState, RunState, states_basis
from compliance.types.states import EvidenceState, RetentionClass

TASK = "compliance.tasks.dispose"
_COUNTS = ("records", "documents", "observations", "rejects")
MOST_ITEMS = 1000  # of one run: more are proposed by the next


@transaction.atomic
def propose(*, actor: User | None, today: date | None = None) -> DisposalRun | None:
    """A run over what is due and nobody proposed yet; None where nothing is. actor None: Assay, by night."""
    day = today or timezone.now().date()
    found = [one for one, _n in zip(due(day), range(MOST_ITEMS), strict=False)]
    if not found:
        return None
    run = DisposalRun.objects.create(proposed_by=actor, due_by=day)
    DisposalItem.objects.bulk_create(
        DisposalItem(run=run, evidence=one.evidence, terms=one.terms, due_on=one.due_on) for one in found
    )
    payload = {"pieces": len(found), "list_sha256": _list_digest(run)}
    ledger.record(kind="disposal.proposed", subject=run, payload=payload, actor=actor, system=None)
    return run


def _list_digest(run: DisposalRun) -> str:
    """Of what the run is about: a decision is on this list and no other."""
    rows = run.items.order_by("evidence__sha256", "pk").values_list(
        "evidence__uuid", "evidence__sha256", "terms__key", "terms__version", "state"
    )
    return digest_of([[str(uuid), sha256, key, version, state] for uuid, sha256, key, version, state in rows])


def _undecided(run: DisposalRun, actor: User) -> DisposalRun:
    fresh = DisposalRun.objects.select_for_update().get(pk=run.pk)
    if fresh.state != RunState.PROPOSED:
        raise RefusedError(_("The run was decided on already."))
    if fresh.proposed_by_id == actor.pk:
        raise RefusedError(_("You proposed this run; somebody else has to decide on it."))
    return fresh


@transaction.atomic
def refuse(*, run: DisposalRun, note: str, actor: User) -> None:
    """Nothing of the run goes; its pieces may be proposed again. Raises RefusedError."""
    fresh = _undecided(run, actor)
    if not note.strip():
        raise RefusedError(_("Say why nothing of it is disposed of."))
    _decide(fresh, RunState.REFUSED, note, actor)


@transaction.atomic
def approve(
    *, run: DisposalRun, keep: Collection[UUID] = (), note: str = "", actor: User, dispatch: bool = True
) -> Job:
    """Dispose of all in the run but the evidence to keep, in the background. Raises RefusedError."""
    fresh = _undecided(run, actor)
    if keep and not note.strip():
        raise RefusedError(_("Say why the pieces that you take out are kept."))
    fresh.items.filter(evidence__uuid__in=list(keep)).update(state=ItemState.KEPT, note=note.strip())
    _check_basis(fresh)
    _decide(fresh, RunState.APPROVED, note, actor)
    return _start(fresh, actor, dispatch=dispatch)


def _check_basis(run: DisposalRun) -> None:
    going = (
        run.items.filter(state=ItemState.PROPOSED)
        .order_by("terms")
        .values_list("terms__key", "terms__title", "terms__legal_basis")
    )
    for key, title, basis in going.distinct():
        if not states_basis(RetentionClass(key), basis):
            told = _(
                "Nobody stated the legal basis of the class “%s”: state it under Retention, refuse this run with that "
                "reason, and propose anew."
            )
            raise RefusedError(told % title)


def _decide(run: DisposalRun, state: RunState, note: str, actor: User) -> None:
    run.state, run.decided_by, run.decided_at, run.note = state, actor, timezone.now(), note.strip()
    run.save(update_fields=["state", "decided_by", "decided_at", "note"])
    payload = {"list_sha256": _list_digest(run), "note_sha256": digest_of(run.note)}
    ledger.record(kind=f"disposal.{state.value}", subject=run, payload=payload, actor=actor, system=None)


def _start(run: DisposalRun, actor: User, *, dispatch: bool) -> Job:
    run.job = jobs.create(
        kind="disposal",
        task_name=TASK,
        queue="default",
        subject=run,
        subject_url_name="disposal-detail",
        title=_("Disposal run %s") % str(run.uuid)[:8],
        system=None,
        requested_by=actor,
        dispatch=dispatch,
    )
    run.save(update_fields=["job"])
    return run.job


@transaction.atomic
def go_on(*, run: DisposalRun, actor: User, dispatch: bool = True) -> Job:
    """A new job for an approved run whose job was cancelled or failed. Raises RefusedError."""
    fresh = DisposalRun.objects.select_for_update().get(pk=run.pk)
    if fresh.state != RunState.APPROVED:
        raise RefusedError(_("Only an approved run that is not completed goes on."))
    if fresh.job is not None and not fresh.job.is_over:
        raise RefusedError(_("The run is under way already."))
    return _start(fresh, actor, dispatch=dispatch)


# The work -------------------------------------------------------------------------------------------------------------


def dispose_for_job(*, job_id: int) -> None:
    """Do what an approved run says; taken up where it stood after a crash."""
    leases.work_on(job_id=job_id, work=_dispose)


def _dispose(keeper: LeaseKeeper) -> None:
    job = Job.objects.get(pk=keeper.lease.job_id)
    run = DisposalRun.objects.select_related("decided_by", "proposed_by").get(uuid=job.subject_uuid)
    if run.state != RunState.APPROVED or run.decided_by is None:
        raise RefusedError(_("The run is not approved; nothing was disposed of."))
    waiting = run.items.filter(state__in=(ItemState.PROPOSED, ItemState.RECORDED))
    total = waiting.count()
    for done, key in enumerate(waiting.order_by("pk").values_list("pk", flat=True)):
        keeper.progress(Progress(stage=_("Disposing of evidence"), done=done, total=total))
        _dispose_of(key, run, run.decided_by, keeper)
    ledger.seal()  # so that the certificate can say where each tombstone lies
    certificate = _certificate(run)
    with transaction.atomic():
        run.state, run.completed_at = RunState.COMPLETED, timezone.now()
        run.certificate, run.certificate_sha256 = certificate, digest_of(certificate)
        run.save(update_fields=["state", "completed_at", "certificate", "certificate_sha256"])
        payload = {"certificate_sha256": run.certificate_sha256, "disposed": certificate["disposed"]}
        ledger.record(kind="disposal.completed", subject=run, payload=payload, actor=None, system=None)
        keeper.finish(result={"disposed": certificate["disposed"], "certificate_sha256": run.certificate_sha256})
        disposal_papers.request(run=run, actor=None)


def _dispose_of(key: int, run: DisposalRun, approver: User, keeper: LeaseKeeper) -> None:
    item = DisposalItem.objects.select_related("evidence__system", "terms", "run").get(pk=key)
    if item.state == ItemState.PROPOSED:
        if _keep_if_needed(item):
            return
        while _purge_records(item.evidence):
            keeper.check()
        if not _leave_tombstone(item, run, approver):
            return
    _remove_file(item)


def _keep_if_needed(item: DisposalItem) -> bool:
    """What came up after the proposal stops the piece before anything of it went: a hold, or use in an audit."""
    held = is_held(item.evidence)
    if not held and _is_over(item):
        return False
    item.state = ItemState.HELD if held else ItemState.KEPT
    item.note = _("A legal hold covers it.") if held else _("Its time is not over: its use or class changed since.")
    item.save(update_fields=["state", "note"])
    return True


def _is_over(item: DisposalItem) -> bool:
    """Whether the time of a piece is over still, and no open assessment rests on it."""
    rows = with_starts(Evidence.objects.exclude(in_open_assessments()))
    standing = rows.filter(pk=item.evidence_id, retention_class=item.terms.key).first()
    ends = end_of(standing, item.terms) if standing else None
    return ends is not None and ends <= item.run.due_by


def _purge_records(evidence: Evidence) -> int:
    """Purge some of what was read off the piece; how many rows they were."""
    with transaction.atomic():
        return purges.purge(evidence=evidence)


@transaction.atomic
def _leave_tombstone(item: DisposalItem, run: DisposalRun, approver: User) -> bool:
    """The tombstone, the event and the end of the names, all or nothing. False where a hold came in between."""
    evidence = Evidence.objects.select_for_update(of=("self",)).select_related("system").get(pk=item.evidence_id)
    if _keep_if_needed(item):
        return False
    gone = purges.counted(evidence=evidence)
    tomb = Tombstone.objects.create(
        evidence=evidence,
        run=run,
        terms=item.terms,
        sha256=evidence.sha256,
        size=evidence.size,
        kind=evidence.kind,
        media_type=evidence.media_type,
        **asdict(gone),
        approved_by=approver,
    )
    _forget_names(evidence)
    item.state = ItemState.RECORDED
    item.save(update_fields=["state"])
    payload = {
        "sha256": tomb.sha256,
        "size": tomb.size,
        "run": str(run.uuid),
        "class": item.terms.key,
        "terms_version": item.terms.version,
        **asdict(gone),
    }
    ledger.record(kind="evidence.disposed", subject=evidence, payload=payload, actor=approver, system=evidence.system)
    return True


def _forget_names(evidence: Evidence) -> None:
    """What people wrote about the piece goes with it; digest, size and dates stay."""
    evidence.state, evidence.rejection = EvidenceState.DISPOSED, ""
    evidence.title = _("Disposed evidence %s") % evidence.sha256[:16]
    evidence.filename = evidence.sha256[:16]
    for name in ("source_system", "collected_how", "original_held_at", "environment", "query", "executed_by"):
        setattr(evidence, name, "")
    evidence.row_count, evidence.control_total = None, ""
    evidence.save()
    evidence.links.update(note="")
    purges.forget_name(evidence=evidence, name=evidence.filename)


@transaction.atomic
def _remove_file(item: DisposalItem) -> None:
    """The last step, for a piece whose tombstone stands; bytes that another record needs stay, and the item says so."""
    evidence = item.evidence
    gone = stored_files.remove_unneeded(name=evidence.storage_name, sha256=evidence.sha256)
    item.state, item.bytes_deleted = ItemState.DISPOSED, gone
    item.note = "" if gone else _("Another record that is kept rests on the same bytes; they go with that one.")
    item.save(update_fields=["state", "bytes_deleted", "note"])


# The certificate ------------------------------------------------------------------------------------------------------


def _certificate(run: DisposalRun) -> JSON:
    """What was done, in one document: the same for the same run, whoever completes it."""
    places = {
        event.subject_uuid: event
        for event in LedgerEvent.objects.filter(
            kind="evidence.disposed", subject_uuid__in=_disposed(run)
        ).select_related("place__block")
    }
    tombs = {tomb.evidence_id: tomb for tomb in run.tombstones.all()}
    items = run.items.select_related("evidence", "terms").order_by("pk")
    return {
        "schema": "assay-disposal-certificate/2",
        "run": str(run.uuid),
        "proposed_by": str(run.proposed_by.uuid) if run.proposed_by else None,
        "proposed_at": run.created_at.isoformat(),
        "approved_by": str(run.decided_by.uuid) if run.decided_by else None,
        "approved_at": run.decided_at.isoformat() if run.decided_at else None,
        "disposed": run.items.filter(state=ItemState.DISPOSED).count(),
        "kept": run.items.exclude(state=ItemState.DISPOSED).count(),
        "pieces": [_line(item, places.get(item.evidence.uuid), tombs.get(item.evidence_id)) for item in items],
    }


def _disposed(run: DisposalRun) -> list[UUID]:
    return list(run.items.filter(state=ItemState.DISPOSED).values_list(F("evidence__uuid"), flat=True))


def _line(item: DisposalItem, event: LedgerEvent | None, tomb: Tombstone | None) -> JSON:
    place = ledger.place_of(event=event) if event else None
    return {
        "evidence": str(item.evidence.uuid),
        "sha256": item.evidence.sha256,
        "size": item.evidence.size,
        "kind": item.evidence.kind,
        "class": item.terms.key,
        "terms_version": item.terms.version,
        "legal_basis": item.terms.legal_basis,
        "due_on": item.due_on.isoformat(),
        "state": item.state,
        "bytes_deleted": item.bytes_deleted,
        "purged": _purged(tomb),
        "ledger": dict(place) if place else None,
    }


def _purged(tomb: Tombstone | None) -> JSON | None:
    """How much of what had been read off a piece went with it; None where the piece stays."""
    return {name: getattr(tomb, name) for name in _COUNTS} if tomb else None
