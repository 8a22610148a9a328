"""Imports: a document becomes staged rows in many short transactions, then the record in one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import IO, BinaryIO, cast

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import AISystem, Evidence, Job, ModelVersion, Observation, User
from compliance.services import absences, bulk_rows, entitlements, findings, job_log, jobs, leases, ledger, observations
from compliance.services import completeness as complete
from compliance.services import evidence as evidences
from compliance.services.errors import RefusedError
from compliance.services.job_log import Plan, RacedError
from compliance.services.leases import LeaseKeeper
from compliance.types.canonical import merkle_root
from compliance.types.drafts import JSON, AssetRef, ObservationDraft, ParseSummary, Progress
from compliance.types.errors import BadInputError
from compliance.types.states import JobState
from scanning.ingest import registry
from scanning.ingest.base import ParseContext
from scanning.ingest.log_mapping import mapping_from_json
from scanning.models import GENERIC, ColumnMapping, Import, ImportReject, StagedRow
from scanning.services import completeness, follow_up, scopes, signing_keys, staging
from scanning.services import entitlements as readings

TASK = "scanning.tasks.process_import"
_PUBLISH_ATTEMPTS = 5
_DRAIN = 1 << 20


def request(
    *,
    evidence: Evidence,
    requested_format: str,
    actor: User | None,
    threshold: float | None = None,
    about_sha256: str = "",
    mapping: ColumnMapping | None = None,
    dispatch: bool = True,
) -> Import:
    """Queue the reading of a document that was received. threshold, about_sha256, mapping: see scanning.intake.

    Raises UnknownFormatError for a format nobody reads.
    """
    if requested_format:
        registry.parser_named(requested_format)
    document = Import(
        system=evidence.system,
        evidence=evidence,
        requested_format=GENERIC if mapping else requested_format,
        threshold=threshold,
        about_sha256=about_sha256,
        mapping=mapping,
    )
    with transaction.atomic():
        document.job = jobs.create(
            kind="import",
            task_name=TASK,
            queue="default",
            subject=document,
            subject_url_name="import-detail",
            title=_("Import of %s") % evidence.filename,
            system=evidence.system,
            requested_by=actor,
            asked={"then_check": dispatch},
            dispatch=dispatch,
        )
        document.save()
    return document


def perform(*, job_id: int) -> None:
    """Read, stage and publish the document of a job; takes up where an earlier attempt was cut off."""
    leases.work_on(job_id=job_id, work=_read_and_publish)


def _read_and_publish(keeper: LeaseKeeper) -> None:
    document = Import.objects.select_related("evidence", "system", "mapping", "job__requested_by").get(
        job_id=keeper.lease.job_id
    )
    try:
        summary = _stage(document, keeper)
    except (BadInputError, RefusedError) as error:
        if document.format == GENERIC:
            keeper.fail(error=str(error))  # another mapping may read it: the bytes are not at fault
        else:
            _refuse(document, keeper, str(error))
    else:
        _publish(document, keeper, summary)
    staging.remove(document)


class _HashedStream:
    """Stored bytes on their way to a parser, hashed as they pass, so that altered bytes are never published."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._digest = stream, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """As a file's read."""
        content = self._stream.read(size)
        self._digest.update(content)
        return content

    def sha256(self) -> str:
        """Digest of the whole, once the rest is read."""
        while self.read(_DRAIN):
            pass
        return self._digest.hexdigest()


def _stage(document: Import, keeper: LeaseKeeper) -> ParseSummary:
    """Stage every row of the document; the parser's summary. Raises BadInputError, RefusedError."""
    evidence = document.evidence
    head = _head(evidence)
    name = document.requested_format or registry.identify(head, evidence.filename)
    document.format = name
    Import.objects.filter(pk=document.pk).update(format=name)
    with closing(evidences.open_bytes(evidence=evidence)) as stored:
        stream = _HashedStream(stored)
        summary = _parse(document, keeper, name, stream)
        if stream.sha256() != evidence.sha256:
            raise RefusedError(_("The stored bytes of “%s” no longer match their SHA-256.") % evidence.filename)
    _refuse_empty(document, summary)
    return summary


def _head(evidence: Evidence) -> bytes:
    with closing(evidences.open_bytes(evidence=evidence)) as stored:
        return stored.read(registry.HEAD_BYTES)


def _parse(document: Import, keeper: LeaseKeeper, name: str, stream: _HashedStream) -> ParseSummary:
    def show(offset: int) -> None:
        keeper.progress(Progress(stage=_("Reading"), done=offset, total=document.evidence.size))

    plain = hashlib.sha256()
    context = ParseContext(
        file_name=document.evidence.filename,
        total_bytes=document.evidence.size,
        on_offset=show,
        on_content=plain.update if name == "cloudtrail" else None,
        asset_digests=_known_files(document),
        keys=signing_keys.in_force(),
        threshold=document.threshold,
        asset=_stated_asset(document),
        source=document.evidence.source_system,
        mapping=mapping_from_json(document.mapping.definition) if document.mapping else None,
    )
    stager = staging.Stager(document=document, keeper=keeper, chunk_rows=settings.IMPORT_CHUNK_ROWS)
    parsing = registry.parse(name, cast(BinaryIO, stream), context)
    for draft in parsing:
        stager.add(draft)
    stager.flush()
    return _with_content_digest(parsing.summary, plain)


def _with_content_digest(summary: ParseSummary, plain: hashlib._Hash) -> ParseSummary:
    """With the digest of what the file decompresses to, by which digest files of CloudTrail know their log files."""
    if summary.format != "cloudtrail" or summary.scope.get("kept") == "matches":
        return summary
    return replace(summary, scope=summary.scope | {"content_sha256": plain.hexdigest()})


def _stated_asset(document: Import) -> AssetRef | None:
    """The file that the importer says the document is about, by its name if the system has it registered."""
    digest = document.about_sha256
    if not digest:
        return None
    version = ModelVersion.objects.filter(model__system=document.system, digest=digest).first()
    return AssetRef(kind="model_file", name=str(version) if version else f"SHA-256 {digest[:12]}", digest=digest)


def _known_files(document: Import) -> dict[str, str]:
    """File name -> SHA-256 of the system's registered models, where a name stands for one file only."""
    versions = ModelVersion.objects.filter(model__system=document.system, evidence__isnull=False)
    known: dict[str, set[str]] = {}
    for filename, digest in versions.values_list("evidence__filename", "digest"):
        known.setdefault(filename, set()).add(digest)
    return {filename: digests.pop() for filename, digests in known.items() if len(digests) == 1}


def _refuse_empty(document: Import, summary: ParseSummary) -> None:
    """A document of which nothing could be taken is refused as a whole, with the first reason."""
    if summary.relevant or not summary.rejected:
        return
    first = ImportReject.objects.filter(document_import=document).first()
    if first is not None:
        name = document.evidence.filename
        raise BadInputError(_("Nothing in %s could be taken; %s: %s") % (name, first.locator, first.reason))


def _refuse(document: Import, keeper: LeaseKeeper, reason: str) -> None:
    """The bytes stay, as rejected evidence with the reason; nothing of them is published."""
    with transaction.atomic():
        evidences.reject(evidence=document.evidence, reason=reason, actor=document.job.requested_by)
        keeper.fail(error=reason)


@dataclass(frozen=True, slots=True)
class _Published:
    recorded: int
    absent: int
    duplicates: int
    root: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """Documents of platforms that an import adds, and what follows from those on rights."""

    entitled: readings.Plan
    completeness: completeness.Plan

    @property
    def new(self) -> int:
        """Documents that were not on record."""
        return len(self.entitled.snapshots) + len(self.completeness.documents)

    @property
    def duplicates(self) -> int:
        """Documents that were."""
        return self.entitled.duplicates + self.completeness.duplicates


def _publish(document: Import, keeper: LeaseKeeper, summary: ParseSummary) -> None:
    keeper.progress(Progress(stage=_("Publishing"), done=0, total=None))
    for _attempt in range(_PUBLISH_ATTEMPTS):
        plan = job_log.plan(system=document.system, staged=staging.events_of(document))
        kept = _Kept(readings.plan(document=document), completeness.plan(document=document))
        keeper.check()
        try:
            with transaction.atomic(), bulk_rows.collector_paused():
                _record(document, keeper, summary, plan, kept)
        except RacedError:
            continue
        return
    raise BadInputError(_("Other imports keep recording the same rows; start this one again when they are done."))


def _record(document: Import, keeper: LeaseKeeper, summary: ParseSummary, plan: Plan, kept: _Kept) -> None:
    """Everything the document gives to the record, in the caller's transaction. Raises RacedError, LeaseLostError."""
    system, evidence, actor = document.system, document.evidence, document.job.requested_by
    job_log.publish(
        system=system,
        evidence=evidence,
        source_uuid=document.uuid,
        staged=staging.events_of(document),
        expected=plan,
    )
    drafts = staging.observations_of(document)
    fresh = observations.unrecorded(system=system, evidence=evidence, drafts=drafts)
    seen, known = observations.record_batch(system=system, source_uuid=document.uuid, evidence=evidence, drafts=fresh)
    absent = _conclude(document, summary, drafts, seen) if drafts else []
    if not readings.publish(document=document, plan=kept.entitled):
        raise RacedError("other entitlement documents were recorded meanwhile")
    complete.record_documents(rows=kept.completeness.documents)
    roots = _roots(plan.root, observations.root_of(rows=[*seen, *absent]), document)
    published = _Published(
        recorded=plan.recorded + len(seen) + kept.new,
        absent=len(absent),
        duplicates=plan.duplicates + kept.duplicates + known + len(drafts) - len(fresh),
        root=merkle_root(bytes.fromhex(root) for root in roots.values()),
    )
    _note(document, summary, published)
    if summary.scope.get("kept") == "matches":
        evidences.note_original(evidence=evidence, held_at=summary.scope["original_held_at"])
    evidences.accept(evidence=evidence, actor=actor)
    ledger.record(
        kind="import.published",
        subject=document,
        payload={
            "evidence": evidence.sha256,
            "format": summary.format,
            "rows": published.recorded + published.absent,
            "rows_root": published.root,
            **roots,
            **({"mapping": document.mapping.sha256} if document.mapping else {}),
        },
        actor=actor,
        system=system,
    )
    follow_up.queue(document=document)
    keeper.finish(result=_result(document) | ({"no_longer_reported": len(absent)} if absent else {}))


def _conclude(
    document: Import, summary: ParseSummary, drafts: Sequence[ObservationDraft], seen: Sequence[Observation]
) -> list[Observation]:
    """Draw findings from what a document reports, and from what it or a later one no longer does; observations of the latter.

    One import of a system at a time, so that none misses what another just found.
    """
    actor, system = document.job.requested_by, document.system
    AISystem.objects.select_for_update(no_key=True).get(pk=system.pk)
    findings.conclude(observations=seen, actor=actor)
    reports = scopes.complete_reports(document=document, summary=summary, drafts=drafts)
    return absences.conclude(system=system, source_uuid=document.uuid, reports=reports, actor=actor)


def _roots(events_root: str, observations_root: str, document: Import) -> dict[str, str]:
    """The roots of what an import recorded, by kind; documents of platforms only where there are any."""
    found = {
        "job_events_root": events_root,
        "observations_root": observations_root,
        "entitlements_root": entitlements.snapshots_root(source_uuid=document.uuid),
        "documents_root": complete.documents_root(source_uuid=document.uuid),
    }
    return {name: root for name, root in found.items() if root}


def _note(document: Import, summary: ParseSummary, published: _Published) -> None:
    document.format = summary.format
    document.read, document.relevant, document.rejected = summary.read, summary.relevant, summary.rejected
    document.recorded, document.duplicates = published.recorded, published.duplicates
    document.scope, document.rows_root = _scope(document, summary), published.root
    document.published_at = timezone.now()
    document.save()


def _scope(document: Import, summary: ParseSummary) -> JSON:
    """What the document covers, with the mapping by which it was read."""
    mapping = document.mapping
    if mapping is None:
        return summary.scope
    named = {"name": mapping.name, "version": mapping.version, "uuid": str(mapping.uuid)}
    return summary.scope | {"mapping": summary.scope.get("mapping", {}) | named}


def _result(document: Import) -> JSON:
    return {
        "format": document.format,
        "read": document.read,
        "relevant": document.relevant,
        "recorded": document.recorded,
        "duplicates": document.duplicates,
        "rejected": document.rejected,
    }


def is_unaltered(*, document: Import) -> bool:
    """Whether the rows that an import published still have the Merkle root that the ledger holds."""
    source = document.uuid
    events, seen = job_log.rows_root(source_uuid=source), observations.rows_root(source_uuid=source)
    roots = _roots(events, seen, document)
    return merkle_root(bytes.fromhex(root) for root in roots.values()) == document.rows_root


def sweep() -> None:
    """Remove staged rows of imports that ended without publishing: cancelled while they waited, or given up."""
    over = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
    for document in Import.objects.filter(job__state__in=over, pk__in=StagedRow.objects.values("document_import")):
        staging.remove(document)


def job_of(*, document: Import) -> Job:
    """The job as it stands now."""
    document.job.refresh_from_db()
    return document.job
