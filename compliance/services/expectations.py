"""What the organisation states of its fine-tune jobs: approvals, change windows, expected silence, verified data sets."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from zoneinfo import available_timezones

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import (
    AISystem,
    ChangeWindow,
    DatasetVerification,
    DatasetVersion,
    Evidence,
    ExpectedRate,
    JobApproval,
    User,
)
from compliance.services import ledger, people
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.drafts import PrincipalDraft

_HEX64 = re.compile(r"[0-9a-f]{64}")
_LONGEST_SILENCE_HOURS = 24 * 366


@transaction.atomic
def record_approval(
    *,
    system: AISystem,
    job: str,
    approver: str,
    approved_at: datetime,
    dataset_digest: str,
    base_digest: str,
    reference: str,
    evidence: Evidence | None,
    actor: User,
) -> JobApproval:
    """That somebody approved a job: by its id or name, with the digests that the approval names. The same is once.

    approver: as the platforms name them, or their e-mail address. Raises RefusedError.
    """
    if not job.strip() or not approver.strip():
        raise RefusedError(_("Name the job and who approved it."))
    if approved_at > timezone.now():
        raise RefusedError(_("The approval lies in the future."))
    digests = [_digest(text) for text in (dataset_digest, base_digest)]
    if evidence is not None and evidence.system_id != system.pk:
        raise RefusedError(_("The document belongs to another AI system."))
    draft = PrincipalDraft(identifier=approver.strip(), display=approver.strip(), kind="Approver")
    approval, created = JobApproval.objects.get_or_create(
        system=system,
        job=job.strip(),
        approver=people.principal_for(draft=draft),
        approved_at=approved_at,
        withdrawn_at=None,
        defaults={
            "dataset_digest": digests[0],
            "base_digest": digests[1],
            "reference": reference.strip(),
            "evidence": evidence,
            "recorded_by": actor,
        },
    )
    if created:
        payload = {
            "job_sha256": digest_of(approval.job),
            "approver": approval.approver.pseudonym,
            "approved_at": approved_at.isoformat(),
            "dataset": digests[0],
            "base": digests[1],
        }
        ledger.record(kind="approval.recorded", subject=approval, payload=payload, actor=actor, system=system)
    return approval


def _digest(text: str) -> str:
    digest = text.strip().lower().removeprefix("sha256:")
    if digest and not _HEX64.fullmatch(digest):
        raise RefusedError(_("“%s” is no SHA-256: give 64 hexadecimal digits, or leave it empty.") % text)
    return digest


@transaction.atomic
def withdraw_approval(*, approval: JobApproval, actor: User) -> JobApproval:
    """Take back an approval that was recorded by mistake; the row stays, marked."""
    approval = JobApproval.objects.select_for_update().select_related("system").get(pk=approval.pk)
    if approval.withdrawn_at is not None:
        raise RefusedError(_("The approval is withdrawn already."))
    approval.withdrawn_at, approval.withdrawn_by = timezone.now(), actor
    approval.save(update_fields=["withdrawn_at", "withdrawn_by"])
    ledger.record(kind="approval.withdrawn", subject=approval, payload={}, actor=actor, system=approval.system)
    return approval


@transaction.atomic
def state_window(
    *,
    system: AISystem,
    days: list[int],
    opens: time,
    closes: time,
    time_zone: str,
    effective_from: date,
    actor: User,
) -> ChangeWindow:
    """State when jobs may be submitted, from a day on. days: 0 is Monday. It replaces what was stated before."""
    if not days or not set(days) <= set(range(7)):
        raise RefusedError(_("Choose at least one day of the week."))
    if opens == closes:
        raise RefusedError(_("The window closes when it opens; give two different times."))
    if time_zone not in available_timezones():
        raise RefusedError(_("“%s” is no time zone.") % time_zone)
    window = ChangeWindow.objects.create(
        system=system,
        days=sorted(set(days)),
        opens=opens,
        closes=closes,
        time_zone=time_zone,
        effective_from=effective_from,
        stated_by=actor,
    )
    payload = {
        "days": window.days,
        "opens": f"{opens:%H:%M}",
        "closes": f"{closes:%H:%M}",
        "zone": time_zone,
        "from": effective_from.isoformat(),
    }
    ledger.record(kind="change_window.stated", subject=window, payload=payload, actor=actor, system=system)
    return window


@transaction.atomic
def state_rate(*, system: AISystem, source: str, longest_silence_hours: int, actor: User) -> ExpectedRate:
    """State how long a source may be silent before that is a gap. It replaces what was stated of the source before."""
    if not source.strip():
        raise RefusedError(_("Name the source, as the job log does."))
    if not 1 <= longest_silence_hours <= _LONGEST_SILENCE_HOURS:
        raise RefusedError(_("Give between 1 hour and a year."))
    rate = ExpectedRate.objects.create(
        system=system, source=source.strip(), longest_silence_hours=longest_silence_hours, stated_by=actor
    )
    payload = {"source_sha256": digest_of(rate.source), "hours": longest_silence_hours}
    ledger.record(kind="expected_rate.stated", subject=rate, payload=payload, actor=actor, system=system)
    return rate


@transaction.atomic
def record_verification(
    *,
    version: DatasetVersion,
    matches: bool,
    found_root: str,
    added: int,
    removed: int,
    changed: int,
    actor: User | None,
) -> DatasetVerification:
    """That a data set was just compared with the manifest of a registered version, and what came of it."""
    verification = DatasetVerification.objects.create(
        dataset_version=version,
        verified_at=timezone.now(),
        matches=matches,
        found_root=found_root,
        added=added,
        removed=removed,
        changed=changed,
        verified_by=actor,
    )
    payload = {
        "version": str(version.uuid),
        "matches": matches,
        "found_root": found_root,
        "files": [added, removed, changed],
    }
    ledger.record(
        kind="dataset.verified", subject=verification, payload=payload, actor=actor, system=version.dataset.system
    )
    return verification
