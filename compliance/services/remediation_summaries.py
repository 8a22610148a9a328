"""Monthly summaries of remediation: drawn in an isolated child from one document, kept by digest, never changed."""

from __future__ import annotations

import io
import re
import shutil
from datetime import date
from pathlib import Path

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import CostRate, Job, RemediationSummary, User
from compliance.rights import Verb, require
from compliance.selectors.monthly_summary import last_day, month_before, month_words, summary_document
from compliance.services import evidence, jobs, leases, ledger, papers, stored_files
from compliance.services.errors import RefusedError
from compliance.services.leases import LeaseKeeper
from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON, Progress

TASK, KIND = "compliance.tasks.make_summary", "remediation_summary"
_CHILD = "compliance.packs.summary_child"
_MONTH = re.compile(r"(\d{4})-(\d{2})")


def month_of(text: str) -> date:
    """The first day of a month that is written as 2026-10. Raises RefusedError."""
    written = _MONTH.fullmatch(text.strip())
    try:
        return date(int(written[1]), int(written[2]), 1) if written else date.fromisoformat("")
    except ValueError as error:
        raise RefusedError(_("“%s” is no month; write it as 2026-10.") % text[:20]) from error


@transaction.atomic
def request(*, month: date, actor: User | None, with_costs: bool = False, dispatch: bool = True) -> Job:
    """Queue the summary of a month that is over. actor None: Assay itself.

    with_costs: it tells what work costs; only those ask for it who may see that (else NotAllowedError), and for them alone
    it exists afterwards.
    """
    if with_costs and actor is not None:
        require(actor, Verb.VIEW_COSTS)
    if last_day(month) >= timezone.now().date():
        raise RefusedError(_("%s is not over; choose a month that is.") % month_words(month))
    title = _("Remediation summary of %s, with costs") if with_costs else _("Remediation summary of %s")
    return jobs.create(
        kind=KIND,
        task_name=TASK,
        queue="pdf",
        subject=RemediationSummary(month=month),
        subject_url_name="summary-detail",
        title=title % month_words(month),
        system=None,
        requested_by=actor,
        asked={"month": f"{month:%Y-%m}", "with_costs": with_costs},
        dispatch=dispatch,
    )


def begin_month(*, today: date) -> list[Job]:
    """Queue the summary of the month that is over, and where rates are stated the one with costs as well; each unless it is
    there or on its way."""
    month = month_before(today)
    wanted = (False, True) if CostRate.objects.exists() else (False,)
    return [request(month=month, actor=None, with_costs=costs) for costs in wanted if not _is_there(month, costs)]


def _is_there(month: date, with_costs: bool) -> bool:
    waiting = Job.objects.filter(
        kind=KIND, asked__month=f"{month:%Y-%m}", asked__with_costs=with_costs, state__in=("queued", "running")
    )
    return RemediationSummary.objects.filter(month=month, has_costs=with_costs).exists() or waiting.exists()


def make_for_job(*, job_id: int) -> None:
    """Draw and keep the summary that a job asks for; taken up whole after a crash."""
    leases.work_on(job_id=job_id, work=_make)


def _make(keeper: LeaseKeeper) -> None:
    job = Job.objects.select_related("requested_by").get(pk=keeper.lease.job_id)
    month = month_of(str(job.asked["month"]))
    keeper.progress(Progress(stage=_("counting"), done=0, total=2))
    document = summary_document(month, now=timezone.now(), with_costs=bool(job.asked.get("with_costs")))
    keeper.progress(Progress(stage=_("drawing"), done=1, total=2))
    content = papers.drawn(child=_CHILD, document=document, identifier=job.subject_uuid.hex, keeper=keeper)
    with transaction.atomic():
        kept = _keep(job, month, document, content)
        keeper.finish(result={"summary": str(kept.uuid)})


def _keep(job: Job, month: date, document: JSON, content: bytes) -> RemediationSummary:
    name, sha256, size, _head = evidence.store_bytes(stream=io.BytesIO(content))
    stored_files.hold({name: sha256})
    kept = RemediationSummary.objects.create(
        uuid=job.subject_uuid,
        month=month,
        storage_name=name,
        sha256=sha256,
        size=size,
        pages=_page_count(content),
        document=document,
        has_costs=document["has_costs"],
        job=job,
        made_by=job.requested_by,
    )
    facts = {"sha256": sha256, "month": document["month"], "figures": digest_of(document)}
    ledger.record(kind="remediation_summary.made", subject=kept, payload=facts, actor=job.requested_by, system=None)
    return kept


def _page_count(content: bytes) -> int:
    import pikepdf  # noqa: PLC0415 - loaded only where a summary was made

    with pikepdf.open(io.BytesIO(content)) as document:
        return len(document.pages)


def filename_of(kept: RemediationSummary) -> str:
    """Under which name the PDF goes out."""
    return f"remediation-{kept.month:%Y-%m}{'-with-costs' if kept.has_costs else ''}.pdf"


def export(*, kept: RemediationSummary, out: Path) -> None:
    """Write the PDF to a file."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with evidence.open_stored(name=kept.storage_name) as stream, out.open("wb") as copy:
        shutil.copyfileobj(stream, copy)
