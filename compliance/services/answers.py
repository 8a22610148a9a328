"""Answers to the audit questions: written, sent for review, approved by a second person or returned."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import Answer, AnswerRevision, Finding, User
from compliance.rights import TABLE, Verb
from compliance.selectors.answer_basis import basis_changes, basis_of, unjustified
from compliance.selectors.question_facts import question_facts
from compliance.services import ledger
from compliance.services.errors import ConflictError, RefusedError
from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON
from compliance.types.states import AnswerState, AnswerValue, EvidenceState
from compliance.types.verdicts import Conclusion

_WORK = ("written", "submitted", "finding_linked")  # acts that make a person a party to the answer


def snapshot(answer: Answer) -> JSON:
    """The answer as it stands, JSON-shaped."""
    return {
        "value": answer.value,
        "statement": answer.statement,
        "reason": answer.reason,
        "claims": answer.claims,
        "state": answer.state,
        "justified": answer.justified,
        "justification": answer.justification,
        "not_independent": answer.alone_reason,
        "evidence": sorted(
            [str(link.evidence.uuid), link.evidence.sha256] for link in answer.evidence_links.select_related("evidence")
        ),
        "findings": sorted(str(uuid) for uuid in answer.findings.values_list("uuid", flat=True)),
    }


def _forget_approval(answer: Answer) -> None:
    answer.approver = answer.decided_at = None
    answer.justified, answer.justification, answer.alone_reason, answer.approved_on = [], "", "", []


def locked(answer: Answer) -> Answer:
    """The answer's row, locked until the transaction ends. Raises RefusedError in a frozen assessment."""
    fresh = (
        Answer.objects.select_for_update(of=("self",))
        .select_related("assessment__system", "question", "reviewer")
        .get(pk=answer.pk)
    )
    if fresh.assessment.is_frozen:
        raise RefusedError(_("The assessment is frozen; its answers no longer change."))
    return fresh


def _keep(answer: Answer, *, act: str, actor: User, comment: str = "") -> None:
    """Save the new version, its revision and the ledger event."""
    answer.version += 1
    answer.save()
    stands = snapshot(answer)
    AnswerRevision.objects.create(
        answer=answer, version=answer.version, act=act, actor=actor, snapshot=stands, comment=comment
    )
    ledger.record(
        kind=f"answer.{act}",
        subject=answer,
        payload={
            "assessment": str(answer.assessment.uuid),
            "question": answer.question.number,
            "version": answer.version,
            "snapshot_sha256": digest_of(stands),
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


def _written(answer: Answer) -> JSON:
    """What a person writes into an answer."""
    return {"value": answer.value, "statement": answer.statement, "reason": answer.reason, "claims": answer.claims}


def _refuse_lost_update(answer: Answer, *, expected: int, sent: JSON) -> None:
    """Raise ConflictError where somebody else wrote other words than both began with, and than are sent."""
    saved = _written(answer)
    if expected == answer.version or saved == sent:
        return
    began = answer.revisions.filter(version=expected).order_by("pk").last()
    known = began.snapshot if began else {}
    if began and all(known.get(name) == saved[name] for name in saved):
        return  # another act than writing came between
    last = answer.revisions.filter(act="written").select_related("actor").order_by("version", "pk").last()
    raise ConflictError(
        _("Somebody changed this answer meanwhile. Both versions are shown: bring them together and save again."),
        version=answer.version,
        saved=saved,
        sent=sent,
        by=last.actor.name if last else "",
        at=last.created_at if last else None,
    )


@transaction.atomic
def write(
    *, answer: Answer, value: str, statement: str, reason: str, claims: JSON, actor: User, expected_version: int | None
) -> Answer:
    """Write or rewrite an answer; an approved one becomes a draft again.

    expected_version: the version that the writer began with; ConflictError when somebody else wrote since. None: any.
    """
    fresh = locked(answer)
    if expected_version is not None:
        sent = {"value": value, "statement": statement, "reason": reason, "claims": claims}
        _refuse_lost_update(fresh, expected=expected_version, sent=sent)
    if value and value not in set(AnswerValue):
        raise RefusedError(_("“%s” is not an answer: choose yes, partly, no or not applicable.") % value)
    fresh.value, fresh.statement, fresh.reason, fresh.claims = value, statement, reason, claims
    fresh.state, fresh.author = AnswerState.DRAFT, actor
    _forget_approval(fresh)
    fresh.submitted_at = None
    _keep(fresh, act="written", actor=actor)
    return fresh


@transaction.atomic
def link_finding(*, answer: Answer, finding: Finding, actor: User) -> Answer:
    """Name the finding that explains a “partly” or “no”."""
    fresh = locked(answer)
    if finding.system_id != fresh.assessment.system_id:
        raise RefusedError(_("The finding belongs to another AI system."))
    if not fresh.findings.filter(pk=finding.pk).exists():
        fresh.findings.add(finding)
        _keep(fresh, act="finding_linked", actor=actor)
    return fresh


def _needs_approval_again(answer: Answer) -> list[str]:
    """Why an approved answer has to be approved anew, one sentence each."""
    if answer.state != AnswerState.APPROVED:
        return []
    return [*basis_changes(answer), *unjustified(answer, question_facts(answer).contradictions)]


@transaction.atomic
def submit(*, answer: Answer, actor: User) -> Answer:
    """Send an answer to review; an approved one, when its evidence is no longer what was approved."""
    fresh = locked(answer)
    again = _needs_approval_again(fresh)
    if fresh.state not in {AnswerState.DRAFT, AnswerState.RETURNED} and not again:
        raise RefusedError(_("Only a draft or a returned answer can be sent for review."))
    missing = gaps(fresh)
    if missing:
        raise RefusedError(" ".join(missing))
    _forget_approval(fresh)
    fresh.state, fresh.submitted_at = AnswerState.SUBMITTED, timezone.now()
    _keep(fresh, act="submitted", actor=actor, comment=" ".join(again))
    return fresh


def has_worked_on(answer: Answer, user: User) -> bool:
    """Whether a person had a hand in what the answer says."""
    return answer.author_id == user.pk or answer.revisions.filter(actor=user, act__in=_WORK).exists()


def _in_review(answer: Answer) -> Answer:
    fresh = locked(answer)
    if fresh.state != AnswerState.SUBMITTED:
        raise RefusedError(_("Only an answer in review can be decided."))
    return fresh


def _decide(answer: Answer, *, actor: User) -> Answer:
    fresh = _in_review(answer)
    if has_worked_on(fresh, actor):
        raise RefusedError(_("You worked on this answer; a second person has to decide it."))
    if fresh.reviewer and fresh.reviewer != actor:
        raise RefusedError(
            _("%s is named as reviewer: ask them to decide, or have another reviewer named.") % fresh.reviewer.name
        )
    fresh.decided_at = timezone.now()
    return fresh


def _approve(answer: Answer, *, actor: User, act: str, comment: str, justification: str) -> Answer:
    """Bind the approval to the evidence as it stands and to what the record says against the answer."""
    missing = gaps(answer)
    if missing:
        raise RefusedError(" ".join(missing))
    against = list(question_facts(answer).contradictions)
    if against and not justification.strip():
        raise RefusedError(
            _("The record contradicts this answer. Say in writing why it is approved all the same: %s")
            % " ".join(against)
        )
    answer.justified, answer.justification = against, justification.strip() if against else ""
    answer.approved_on = basis_of(answer.evidence_links.select_related("evidence"))
    answer.state, answer.approver, answer.decided_at = AnswerState.APPROVED, actor, timezone.now()
    _keep(answer, act=act, actor=actor, comment=comment)
    return answer


@transaction.atomic
def approve(*, answer: Answer, actor: User, comment: str = "", justification: str = "") -> Answer:
    """Approve as a second person. justification: why, where the record contradicts the answer."""
    fresh = _decide(answer, actor=actor)
    return _approve(fresh, actor=actor, act="approved", comment=comment, justification=justification)


def other_deciders(answer: Answer) -> list[User]:
    """Active people who may approve and had no hand in the answer."""
    roles = [role.value for role in TABLE[Verb.APPROVE_ANSWER]]
    worked = answer.revisions.filter(act__in=_WORK).values("actor")
    people = User.objects.filter(is_active=True, role__in=roles).exclude(pk__in=worked)
    return list(people.exclude(pk=answer.author_id or 0).order_by("name"))


@transaction.atomic
def approve_alone(*, answer: Answer, actor: User, reason: str, justification: str = "") -> Answer:
    """Approve where nobody else can: the answer is marked "not independently approved", with the reason."""
    fresh = _in_review(answer)
    others = other_deciders(fresh)
    if others:
        raise RefusedError(
            _("A second person can approve this answer; ask one of them: %s.")
            % ", ".join(user.name for user in others[:5])
        )
    if not reason.strip():
        raise RefusedError(_("Say why nobody else can approve; the reason is printed in the pack."))
    fresh.alone_reason = reason.strip()
    return _approve(fresh, actor=actor, act="approved_alone", comment=reason.strip(), justification=justification)


@transaction.atomic
def send_back(*, answer: Answer, actor: User, comment: str) -> Answer:
    """Return an answer to its author, saying what is missing."""
    if not comment.strip():
        raise RefusedError(_("Say what is missing, so that the author can mend it."))
    fresh = _decide(answer, actor=actor)
    fresh.state, fresh.approver = AnswerState.RETURNED, None
    _keep(fresh, act="returned", actor=actor, comment=comment)
    return fresh
