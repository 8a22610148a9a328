"""Hashing stored files again: a job that takes each night's share, so that all are covered within REHASH_DAYS.

Each file's result is kept as soon as it is known, so a run whose worker dies goes on with the next file. Reading is
throttled to REHASH_BYTES_PER_SECOND.
"""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.files.storage import storages
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import (
    DisposalRun,
    Evidence,
    EvidencePack,
    FileCheck,
    Freeze,
    Job,
    PackRenewal,
    Population,
    RehashRun,
    RemediationSummary,
    Tombstone,
    User,
)
from compliance.services import jobs, leases, ledger, stored_files
from compliance.services.evidence import chunks
from compliance.services.leases import LeaseKeeper
from compliance.types.drafts import Progress
from compliance.types.file_checks import FileState
from compliance.types.states import EvidenceState

TASK = "compliance.tasks.rehash"


@dataclass(frozen=True, slots=True)
class Found:
    """A file's state, and how many bytes were read to know it."""

    state: FileState
    size: int


def stored() -> dict[str, str]:
    """Every file that the record rests on: its name in the storage, and its SHA-256."""
    standing = Evidence.objects.exclude(state=EvidenceState.DISPOSED)
    files = dict(standing.order_by().values_list("storage_name", "sha256"))
    for name, sha256, registers in Freeze.objects.values_list("storage_name", "sha256", "attachments"):
        files[name] = sha256
        files |= {blob["storage_name"]: blob["sha256"] for blob in registers.values()}
    for model in (EvidencePack, PackRenewal, RemediationSummary):
        files |= dict(model.objects.order_by().values_list("storage_name", "sha256"))
    bags = EvidencePack.objects.order_by().exclude(bag_storage_name="")
    files |= dict(bags.values_list("bag_storage_name", "bag_sha256"))
    marks = EvidencePack.objects.order_by().exclude(marks_storage_name="")
    files |= dict(marks.values_list("marks_storage_name", "marks_sha256"))
    papers = DisposalRun.objects.exclude(paper_storage="").order_by()
    files |= dict(papers.values_list("paper_storage", "paper_sha256"))
    populations = Population.objects.order_by()
    files |= dict(populations.exclude(storage_name="").values_list("storage_name", "sha256"))
    files |= dict(populations.exclude(source_storage="").values_list("source_storage", "source_sha256"))
    return files


@transaction.atomic
def begin(*, actor: User | None, whole: bool = False, dispatch: bool = True) -> RehashRun:
    """A run over the night's share, or over everything; the one that is under way, where one is."""
    running = RehashRun.objects.filter(finished_at__isnull=True, job__isnull=False).select_related("job").first()
    if running is not None and running.job is not None and not running.job.is_over:
        return running
    total = len(stored())
    run = RehashRun.objects.create(is_whole=whole, planned=total if whole else math.ceil(total / settings.REHASH_DAYS))
    run.job = jobs.create(
        kind="rehash",
        task_name=TASK,
        queue="default",
        subject=run,
        subject_url_name="rehash-run",
        title=_("Hashing stored files again"),
        system=None,
        requested_by=actor,
        dispatch=dispatch,
    )
    run.save(update_fields=["job"])
    return run


def rehash_for_job(*, job_id: int) -> None:
    """Do a run; taken up after the last file that was checked."""
    leases.work_on(job_id=job_id, work=_rehash)


def _rehash(keeper: LeaseKeeper) -> None:
    job = Job.objects.get(pk=keeper.lease.job_id)
    run = RehashRun.objects.get(uuid=job.subject_uuid)
    for name, sha256 in _turn(run):
        keeper.progress(Progress(stage=_("Hashing stored files"), done=run.checked, total=run.planned))
        found = look(name, sha256, keeper)
        if found.state is FileState.MISSING and not stored_files.is_needed(name=name, sha256=sha256):
            continue  # it went while the run was under way
        _keep(run, name, sha256, found)
    with transaction.atomic():
        run.finished_at, run.disposed = timezone.now(), Tombstone.objects.count()
        run.save()
        result = {"files": run.checked, "altered": run.altered, "missing": run.missing, "bytes": run.bytes_read}
        ledger.record(kind="files.rehashed", subject=run, payload=result, actor=job.requested_by, system=None)
        keeper.finish(result=result)


def _turn(run: RehashRun) -> list[tuple[str, str]]:
    """The files whose turn it is and that the run has not looked at yet: never checked ones first, then the longest ago."""
    files, checks = stored(), {check.storage_name: check for check in FileCheck.objects.all()}
    done = {name for name, check in checks.items() if check.run_id == run.pk}
    FileCheck.objects.exclude(storage_name__in=files).delete()
    waiting = [name for name in files if name not in done]
    waiting.sort(key=lambda name: (checks[name].checked_at.timestamp() if name in checks else 0.0, name))
    return [(name, files[name]) for name in waiting[: max(0, run.planned - len(done))]]


def look(name: str, sha256: str, keeper: LeaseKeeper | None = None) -> Found:
    """Hash one stored file again, not faster than is set."""
    digest, size, began = hashlib.sha256(), 0, time.monotonic()
    try:
        with storages["evidence"].open(name, "rb") as stream:
            for piece in chunks(stream):
                digest.update(piece)
                size += len(piece)
                if keeper is not None:
                    keeper.check()
                    time.sleep(max(0.0, size / settings.REHASH_BYTES_PER_SECOND - (time.monotonic() - began)))
    except FileNotFoundError:
        return Found(FileState.MISSING, 0)
    return Found(FileState.UNALTERED if digest.hexdigest() == sha256 else FileState.ALTERED, size)


@transaction.atomic
def _keep(run: RehashRun, name: str, sha256: str, found: Found) -> None:
    before = FileCheck.objects.filter(storage_name=name).first()
    check, _made = FileCheck.objects.update_or_create(
        storage_name=name,
        defaults={
            "sha256": sha256, "state": found.state, "size": found.size, "checked_at": timezone.now(), "run": run,
        },
    )  # fmt: skip
    run.checked += 1
    run.bytes_read += found.size
    run.altered += found.state is FileState.ALTERED
    run.missing += found.state is FileState.MISSING
    run.save()  # with the check, or a worker that dies between them would leave a file uncounted
    changed = before is not None and before.state != found.state
    if changed or (before is None and found.state is not FileState.UNALTERED):
        payload = {"sha256": sha256, "state": found.state.value}
        ledger.record(kind="file.found", subject=check, payload=payload, actor=None, system=None)
