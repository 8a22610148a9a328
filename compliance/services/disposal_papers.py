"""The certificate of a disposal run as a PDF: drawn once in an isolated child from the certificate, kept by its digest."""

from __future__ import annotations

import io
from collections.abc import Mapping

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

import compliance
from compliance.choices import label
from compliance.models import AISystem, DisposalRun, Job, User
from compliance.services import evidence, jobs, leases, ledger, papers, stored_files
from compliance.services.errors import RefusedError
from compliance.services.leases import LeaseKeeper
from compliance.types.drafts import JSON, Progress
from compliance.types.retention import EvidenceKind, ItemState, RunState

TASK = "compliance.tasks.draw_certificate"
_CHILD = "compliance.packs.certificate_child"


@transaction.atomic
def request(*, run: DisposalRun, actor: User | None, dispatch: bool = True) -> Job:
    """Queue the PDF of a completed run; actor None: Assay itself. Raises RefusedError."""
    fresh = DisposalRun.objects.select_for_update().get(pk=run.pk)
    if fresh.state != RunState.COMPLETED:
        raise RefusedError(_("Only a completed run has a certificate."))
    if fresh.paper_storage:
        raise RefusedError(_("The PDF of the certificate is there already."))
    waiting = fresh.paper_job
    if waiting is not None and not waiting.is_over:
        raise RefusedError(_("The PDF of the certificate is on its way."))
    fresh.paper_job = jobs.create(
        kind="disposal_certificate",
        task_name=TASK,
        queue="pdf",
        subject=fresh,
        subject_url_name="disposal-detail",
        title=_("Certificate of disposal run %s") % str(fresh.uuid)[:8],
        system=None,
        requested_by=actor,
        dispatch=dispatch,
    )
    fresh.save(update_fields=["paper_job"])
    return fresh.paper_job


def make_for_job(*, job_id: int) -> None:
    """Draw and keep the PDF that a job asks for; taken up whole after a crash."""
    leases.work_on(job_id=job_id, work=_make)


def _make(keeper: LeaseKeeper) -> None:
    run = DisposalRun.objects.get(paper_job=keeper.lease.job_id)
    keeper.progress(Progress(stage=_("drawing"), done=0, total=1))
    content = papers.drawn(child=_CHILD, document=document_of(run), identifier=run.uuid.hex, keeper=keeper)
    name, sha256, size, _head = evidence.store_bytes(stream=io.BytesIO(content))
    with transaction.atomic():
        stored_files.hold({name: sha256})
        run.paper_storage, run.paper_sha256, run.paper_size = name, sha256, size
        run.save(update_fields=["paper_storage", "paper_sha256", "paper_size"])
        payload = {"sha256": sha256, "certificate_sha256": run.certificate_sha256}
        ledger.record(kind="disposal.certificate_drawn", subject=run, payload=payload, actor=None, system=None)
        keeper.finish(result={"sha256": sha256})


def document_of(run: DisposalRun) -> JSON:
    """What is printed: the certificate, its digest, and words for what it names by ids."""
    certificate: JSON = run.certificate
    terms = _terms(run)
    titles = {(one["key"], one["version"]): one["title"] for one in terms}
    people = {str(one.uuid): one.name for one in (run.proposed_by, run.decided_by) if one}
    return {
        "certificate": certificate,
        "certificate_sha256": run.certificate_sha256,
        "completed_at": run.completed_at.isoformat() if run.completed_at else "",
        "proposed_by": people.get(certificate["proposed_by"] or "", "Assay"),
        "approved_by": people.get(certificate["approved_by"] or "", ""),
        "note": run.note,
        "terms": terms,
        "pieces": [_piece(line, titles) for line in certificate["pieces"]],
        "organisation": settings.ORGANISATION,
        "demonstration": AISystem.objects.filter(is_demonstration=True).exists(),
        "software_version": compliance.__version__,
    }


def _terms(run: DisposalRun) -> list[JSON]:
    """The wordings under which the pieces were due, each once."""
    rows = run.items.order_by("terms__key", "terms__version").values_list(
        "terms__key", "terms__version", "terms__title", "terms__legal_basis"
    )
    return [
        {"key": key, "version": version, "title": title, "legal_basis": basis}
        for key, version, title, basis in rows.distinct()
    ]


def _piece(line: JSON, titles: Mapping[tuple[str, int], str]) -> JSON:
    return {
        **line,
        "class_words": titles.get((line["class"], line["terms_version"]), line["class"]),
        "kind_words": str(label(EvidenceKind(line["kind"]))),
        "state_words": str(label(ItemState(line["state"]))),
    }
