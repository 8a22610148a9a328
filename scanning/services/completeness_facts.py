"""What the figures of completeness stand on, gathered from the record: documents, log files, and jobs of both sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, BinaryIO, cast

from django.db.models import Q

from compliance.models import AISystem, EntitlementSnapshot, JobEvent, PlatformDocument
from compliance.services import evidence as evidences
from compliance.types.completeness import PlatformDocument as Document
from compliance.types.states import ActionClass, Outcome
from scanning.completeness.aws_coverage import ORGANIZATION
from scanning.completeness.azure_coverage import RESOURCES
from scanning.completeness.base import Facts, ListedJob, Listing, LogFile, LoggedJob
from scanning.completeness.blind_spots import BLIND_SPOTS
from scanning.completeness.integrity import DIGESTS
from scanning.completeness.listed_jobs import AZURE_ML, OPENAI
from scanning.ingest.matches import read_files
from scanning.models import GENERIC, Import

# Formats that are logs, and lists of jobs that are kept as job events.
LOGS = frozenset(BLIND_SPOTS) | {GENERIC}
LISTS = {"azure_ml_jobs": AZURE_ML, "openai_jobs": OPENAI}
_SUBMISSIONS = {"openai_jobs": "fine_tuning.job"}
_MARGIN = timedelta(days=1)
_EVENT = (
    "uuid", "source", "action", "account", "region", "job_id", "job_name", "occurred_at", "evidence__filename", "locator"
)  # fmt: skip


def gather(*, system: AISystem, period: tuple[date, date]) -> Facts:
    """Everything that is evaluated. The period ends where nothing on record speaks any more, so that the future is no gap."""
    start = datetime.combine(period[0], time.min, UTC)
    end = datetime.combine(period[1] + timedelta(days=1), time.min, UTC)
    documents = tuple(_documents(system, start, end))
    imports = list(_imports(system))
    files = tuple(file for one in imports for file in _log_files(one))
    events = list(_events(system, start, end))
    spoken = [
        *(document.taken_at for document in documents if document.kind == DIGESTS),
        *(file.last for file in files if file.last),
        *(event["occurred_at"] for event in events),
    ]
    listed = tuple(_listed(event) for event in events if event["source"] in LISTS)
    return Facts(
        start=start,
        end=min(end, max((moment for moment in spoken if moment > start), default=end)),
        documents=documents,
        log_files=files,
        logged=tuple(_logged(event) for event in events if event["source"] not in LISTS),
        listed=listed,
        listings=tuple(_listings(imports, listed)),
    )


def _documents(system: AISystem, start: datetime, end: datetime) -> Iterator[Document]:
    """Documents of platforms, digest files of the period alone, and those documents on rights that say what there is."""
    wanted = ~Q(kind=DIGESTS) | Q(taken_at__gte=start - _MARGIN, taken_at__lt=end + _MARGIN)
    its_own = PlatformDocument.objects.filter(wanted, system=system)
    on_rights = EntitlementSnapshot.objects.filter(system=system, kind__in=(ORGANIZATION, *RESOURCES))
    for rows in (its_own, on_rights):
        for row in rows.filter(purged_leaf="").select_related("evidence").order_by("pk").iterator(chunk_size=500):
            yield Document(
                kind=row.kind,
                platform=row.platform,
                scope=row.scope,
                taken_at=row.taken_at,
                content=row.content,
                uuid=str(row.uuid),
                file_name=row.evidence.filename,
                evidence_sha256=row.evidence.sha256,
            )


# Log files ------------------------------------------------------------------------------------------------------------


def _imports(system: AISystem) -> Iterable[Import]:
    """Published logs and lists, each document as it was imported last."""
    rows = Import.objects.filter(system=system, published_at__isnull=False, format__in=(*LOGS, *LISTS)).select_related(
        "evidence"
    )
    return {row.evidence_id: row for row in rows.order_by("published_at", "pk")}.values()


def _log_files(document: Import) -> Iterator[LogFile]:
    if document.format in LISTS and document.format not in LOGS:
        return
    if document.scope.get("kept") != "matches":
        yield _log_file(document.evidence.filename, document.format, document.scope)
        return
    with closing(evidences.open_bytes(evidence=document.evidence)) as stream:
        for file in read_files(cast(BinaryIO, stream), document.evidence.filename):
            yield _log_file(file.name, document.format, {**file.scope, "content_sha256": file.sha256})


def _log_file(name: str, source: str, scope: Mapping[str, Any]) -> LogFile:
    return LogFile(
        name=name,
        sha256=str(scope.get("content_sha256") or ""),
        source=source,
        accounts=frozenset(map(str, scope.get("accounts") or ())),
        regions=frozenset(map(str, scope.get("regions") or ())),
        first=_moment(scope.get("first_event")),
        last=_moment(scope.get("last_event")),
    )


def _moment(value: object) -> datetime | None:
    """A time of a log's scope; those that name no zone are UTC."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


# Jobs -----------------------------------------------------------------------------------------------------------------


def _events(system: AISystem, start: datetime, end: datetime) -> Iterator[Mapping[str, Any]]:
    """Submissions that went through, a day more at either end, and jobs of lists."""
    rows = JobEvent.objects.filter(
        system=system,
        action_class=ActionClass.SUBMIT,
        outcome=Outcome.SUCCESS,
        occurred_at__gte=start - _MARGIN,
        occurred_at__lt=end + _MARGIN,
    )
    for row in rows.order_by("occurred_at", "pk").values(*_EVENT).iterator(chunk_size=5000):
        if row["action"] == _SUBMISSIONS.get(row["source"], row["action"]):
            yield row


def _logged(event: Mapping[str, Any]) -> LoggedJob:
    return LoggedJob(
        event=str(event["uuid"]),
        source=event["source"],
        action=event["action"],
        account=event["account"],
        region=event["region"],
        job_id=event["job_id"],
        name=event["job_name"],
        at=event["occurred_at"],
    )


def _listed(event: Mapping[str, Any]) -> ListedJob:
    kind = LISTS[event["source"]]
    return ListedJob(
        kind=kind,
        place=event["job_id"].rpartition("/jobs/")[0] if kind == AZURE_ML else "",
        job_id=event["job_id"],
        name=event["job_name"],
        at=event["occurred_at"],
        told_by=f"{event['evidence__filename']}, {event['locator']}",
        event=str(event["uuid"]),
    )


def _listings(imports: Iterable[Import], listed: Iterable[ListedJob]) -> Iterator[Listing]:
    """That a list was taken: of Azure Machine Learning of each workspace of which it may hold jobs, of OpenAI as a whole."""
    workspaces = {job.place for job in listed if job.kind == AZURE_ML}
    for document in imports:
        kind = LISTS.get(document.format)
        if kind is None:
            continue
        accounts = {str(account).lower() for account in document.scope.get("accounts") or ()}
        its_own = [place for place in workspaces if place.split("/")[2:3] and place.split("/")[2] in accounts]
        for place in sorted(its_own) if kind == AZURE_ML else [""]:
            yield Listing(
                kind=kind,
                place=place,
                taken_at=document.evidence.collected_at or document.evidence.created_at,
                jobs=frozenset(),
                file_name=document.evidence.filename,
            )
