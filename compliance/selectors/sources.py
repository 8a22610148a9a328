"""Where an observation or job event comes from: the scan or import behind its source uuid, by its job."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Max
from django.urls import NoReverseMatch, reverse

from compliance.models import Job
from compliance.rights import Asker, Verb, may

SCAN_PAGE = "scan-detail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A scan or import in words. url is empty where the asker has no page of it."""

    title: str
    url: str


def _url(job: Job, user: Asker) -> str:
    if job.subject_url_name != SCAN_PAGE and not may(user, Verb.VIEW_JOBS):
        return ""
    try:
        return reverse(job.subject_url_name, args=[job.subject_uuid])
    except NoReverseMatch:
        return ""


def sources(uuids: Iterable[UUID], user: Asker) -> dict[UUID, Source]:
    """The scans and imports with these uuids that were run as jobs, each as its newest job says: one query."""
    newest = Job.objects.filter(subject_uuid__in=set(uuids)).values("subject_uuid").annotate(newest=Max("pk"))
    jobs = Job.objects.filter(pk__in=newest.values("newest")).only("subject_uuid", "subject_url_name", "title")
    return {job.subject_uuid: Source(title=job.title, url=_url(job, user)) for job in jobs}
