"""Answers to the audit questions: written, sent for review, approved by a second person or returned."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import Answer, AnswerRevision, Finding, User
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON
from compliance.types.states import AnswerState, AnswerValue, EvidenceState
from compliance.types.verdicts import Conclusion


def _snapshot(answer: Answer) -> JSON:
    """The answer as it stands, JSON-shaped."""
    return {
        "value": answer.value,
        "statement": answer.statement,
        "reason": answer.reason,
        "claims": answer.claims,
        "state": answer.state,
        "evidence": sorted(
            [str(link.evidence.uuid), link.evidence.sha256] for link in answer.evidence_links.select_related("evidence")
        ),
        "findings": sorted(str(uuid) for uuid in answer.findings.values_list("uuid", flat=True)),
    }


def _locked(answer: Answer) -> Answer:
    fresh = Answer.objects.select_for_update().select_related("assessment__system", "question").get(pk=answer.pk)
    if fresh.assessment.is_frozen:
        raise RefusedError(_("The assessment is frozen; its answers no longer change."))
    return fresh


def _keep(answer: Answer, *, act: str, actor: User, comment: str = "") -> None:
    """Save the new version, its revision and the ledger event."""
    answer.version += 1
    answer.save()
    snapshot = _snapshot(answer)
    AnswerRevision.objects.create(
        answer=answer, version=answer.version, act=act, actor=actor, snapshot=snapshot, comment=comment
    )
    ledger.record(
        kind=f"answer.{act}",
        subject=answer,
        payload={
            "assessment": str(answer.assessment.uuid),
            "question": answer.question.number,
            "version": answer.version,
            "snapshot_sha256": digest_of(snapshot),
        },
        actor=actor,
        system=answer.assessment.system,
    )


def gaps(answer: Answer) -> list[str]:
    """What keeps the answer from being approved, each in one sentence."""
    found: list[str] = []
    if not answer.value:
        return [_("Choose an answer: yes, partly, no or not applicable.")]
    if not answer.statement.strip() and answer.value != AnswerValue.NOT_APPLICABLE:
        found.append(_("Say in words how the answer holds."))
    if (
        answer.value == AnswerValue.YES
        and not answer.evidence_links.exclude(evidence__state=EvidenceState.REJECTED).exists()
    ):
        found.append(_("“Yes” needs at least one piece of evidence."))
    if answer.value in {AnswerValue.PARTLY, AnswerValue.NO}:
        if not answer.reason.strip():
            found.append(_("“Partly” and “no” need a reason."))
        if not answer.findings.filter(state=Conclusion.NOT_SATISFIED).exists():
            found.append(_("“Partly” and “no” need a linked finding, so that somebody mends it."))
    if answer.value == AnswerValue.NOT_APPLICABLE and not answer.reason.strip():
        found.append(_("“Not applicable” needs a reason."))
    return found


@transaction.atomic
def write(
    *, answer: Answer, value: str, statement: str, reason: str, claims: JSON, actor: User, expected_version: int | None
) -> Answer:
    """Write or rewrite an answer; an approved one becomes a draft again. `expected_version` stops lost updates."""
    fresh = _locked(answer)
    if expected_version is not None and expected_version != fresh.version:
        raise RefusedError(_("Somebody changed this answer meanwhile; reload the page and write again."))
    if value and value not in set(AnswerValue):
        raise RefusedError(_("“%s” is not an answer: choose yes, partly, no or not applicable.") % value)
    fresh.value, fresh.statement, fresh.reason, fresh.claims = value, statement, reason, claims
    fresh.state, fresh.author = AnswerState.DRAFT, actor
    fresh.approver = fresh.decided_at = fresh.submitted_at = None
    _keep(fresh, act="written", actor=actor)
    return fresh


@transaction.atomic
def link_finding(*, answer: Answer, finding: Finding, actor: User) -> Answer:
    """Name the finding that explains a “partly” or “no”."""
    fresh = _locked(answer)
    if finding.system_id != fresh.assessment.system_id:
        raise RefusedError(_("The finding belongs to another AI system."))
    if not fresh.findings.filter(pk=finding.pk).exists():
        fresh.findings.add(finding)
        _keep(fresh, act="finding_linked", actor=actor)
    return fresh


@transaction.atomic
def submit(*, answer: Answer, actor: User) -> Answer:
    """Send an answer to review."""
    fresh = _locked(answer)
    if fresh.state not in {AnswerState.DRAFT, AnswerState.RETURNED}:
        raise RefusedError(_("Only a draft or a returned answer can be sent for review."))
    missing = gaps(fresh)
    if missing:
        raise RefusedError(" ".join(missing))
    fresh.state, fresh.submitted_at = AnswerState.SUBMITTED, timezone.now()
    _keep(fresh, act="submitted", actor=actor)
    return fresh


def _decide(answer: Answer, *, actor: User) -> Answer:
    fresh = _locked(answer)
    if fresh.state != AnswerState.SUBMITTED:
        raise RefusedError(_("Only an answer in review can be decided."))
    if (
        fresh.author_id == actor.pk
        or fresh.revisions.filter(actor=actor, act__in=["written", "submitted", "finding_linked"]).exists()
    ):
        raise RefusedError(_("You worked on this answer; a second person has to decide it."))
    fresh.decided_at = timezone.now()
    return fresh


@transaction.atomic
def approve(*, answer: Answer, actor: User, comment: str = "") -> Answer:
    """Approve as a second person."""
    fresh = _decide(answer, actor=actor)
    missing = gaps(fresh)
    if missing:
        raise RefusedError(" ".join(missing))
    fresh.state, fresh.approver = AnswerState.APPROVED, actor
    _keep(fresh, act="approved", actor=actor, comment=comment)
    return fresh


@transaction.atomic
def send_back(*, answer: Answer, actor: User, comment: str) -> Answer:
    """Return an answer to its author, saying what is missing."""
    if not comment.strip():
        raise RefusedError(_("Say what is missing, so that the author can mend it."))
    fresh = _decide(answer, actor=actor)
    fresh.state, fresh.approver = AnswerState.RETURNED, None
    _keep(fresh, act="returned", actor=actor, comment=comment)
    return fresh
