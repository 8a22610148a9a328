"""Background jobs: the list, one job with live progress, cancelling."""

from __future__ import annotations

from datetime import timedelta
from operator import attrgetter, methodcaller
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import Job
from compliance.rights import Verb, may, visible
from compliance.services import jobs
from compliance.types.states import JobState
from compliance.web.base import Request, found, guarded, page_of, say
from compliance.web.exports import Column, exported, table_of, wanted

ROWS = Job.objects.select_related("system", "requested_by")
STOP_POLLING = 286  # htmx ends polling at this status
TABLE = (
    Column(gettext_lazy("job"), attrgetter("title")),
    Column(gettext_lazy("kind"), attrgetter("kind")),
    Column(gettext_lazy("AI system"), lambda row: row.system.name if row.system else ""),
    Column(gettext_lazy("asked for (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("asked for by"), attrgetter("requested_by")),
    Column(gettext_lazy("state"), methodcaller("get_state_display")),
    Column(gettext_lazy("stage"), attrgetter("stage")),
    Column(gettext_lazy("done"), attrgetter("done")),
    Column(gettext_lazy("of"), attrgetter("total")),
    Column(gettext_lazy("started (UTC)"), attrgetter("started_at")),
    Column(gettext_lazy("ended (UTC)"), attrgetter("finished_at")),
    Column(gettext_lazy("attempts"), attrgetter("attempts")),
    Column(gettext_lazy("error"), attrgetter("error")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


def subject_url(job: Job) -> str:
    """Page of what the job is about, or of what it made."""
    if job.kind == "pack" and "pack" in job.result:
        return reverse("pack-detail", args=[job.result["pack"]])
    try:
        return reverse(job.subject_url_name, args=[job.subject_uuid])
    except NoReverseMatch:
        return ""


def progress_of(job: Job) -> dict[str, object]:
    """Rate and remaining time from what is done so far; of packs none, since each of their stages counts something else."""
    now = job.finished_at or timezone.now()
    elapsed = (now - job.started_at) if job.started_at else None
    if job.kind == "pack":
        return {"elapsed": elapsed, "rate": None, "remaining": None}
    rate = job.done / elapsed.total_seconds() if elapsed and job.done and elapsed.total_seconds() > 1 else None
    remaining = None
    if rate and job.total and not job.is_over:
        remaining = timedelta(seconds=max(0.0, (job.total - job.done) / rate))
    return {"elapsed": elapsed, "rate": rate, "remaining": remaining}


@guarded(Verb.VIEW_JOBS)
def job_list(request: Request) -> HttpResponseBase:
    """Jobs, newest first."""
    state = request.GET.get("state", "")
    rows = visible(ROWS, request.user)
    shown = rows.filter(state=state) if state in set(JobState) else rows
    if wanted(request):
        return exported(request, table_of("jobs", _("Jobs"), TABLE, shown))
    tabs = [{"label": _("All"), "url": reverse("job-list"), "active": not state}]
    for member, label in (
        (JobState.RUNNING, _("Running")),
        (JobState.QUEUED, _("Queued")),
        (JobState.FAILED, _("Failed")),
        (JobState.SUCCEEDED, _("Finished")),
    ):
        tabs.append({"label": label, "url": f"{reverse('job-list')}?state={member}", "active": state == member})
    columns = [
        {"label": _("Job")},
        {"label": _("AI system")},
        {"label": _("Asked for")},
        {"label": _("Progress")},
        {"label": _("State")},
    ]
    context = {"page": page_of(request, shown), "total": rows.count(), "tabs": tabs, "columns": columns}
    return render(request, "compliance/job_list.html", context)


def _context(request: Request, uuid: UUID) -> dict[str, object]:
    job = found(request, ROWS, uuid)
    return {
        "job": job,
        "subject_url": subject_url(job),
        "may_cancel": may(request.user, Verb.CANCEL_JOB) and not job.is_over and not job.cancel_requested,
        "trail": [{"label": _("Jobs"), "url": reverse("job-list")}, {"label": job.title}],
        **progress_of(job),
    }


@guarded(Verb.VIEW_JOBS)
def job_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One job."""
    return render(request, "compliance/job_detail.html", _context(request, uuid))


@guarded(Verb.VIEW_JOBS)
def job_progress(request: Request, uuid: UUID) -> HttpResponse:
    """The fragment that the page polls; 286 ends the polling."""
    context = _context(request, uuid)
    job = context["job"]
    status = STOP_POLLING if isinstance(job, Job) and job.is_over else 200
    response = render(request, "compliance/_job_progress.html", context, status=status)
    response["Cache-Control"] = "no-store"
    if status == STOP_POLLING:
        response["HX-Refresh"] = "true"  # the page around it shows what came of the job
    return response


@guarded(Verb.CANCEL_JOB, methods=("POST",))
def job_cancel(request: Request, uuid: UUID) -> HttpResponse:
    """Ask the job to stop."""
    job = found(request, ROWS, uuid)
    jobs.cancel(job=job, actor=request.user)
    say(request, _("The job stops at its next step; nothing half-done is published."))
    return redirect("job-detail", uuid)


urls = [
    path("jobs/", job_list, name="job-list"),
    path("jobs/<uuid:uuid>/", job_detail, name="job-detail"),
    path("jobs/<uuid:uuid>/progress/", job_progress, name="job-progress"),
    path("jobs/<uuid:uuid>/cancel/", job_cancel, name="job-cancel"),
]
