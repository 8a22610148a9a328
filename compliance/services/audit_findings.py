"""Auditors' findings: from exceptions of a test over management's response to the follow-up, by one table of transitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import (
    AttributeResult,
    AuditFinding,
    AuditFindingEntry,
    ControlTest,
    Evidence,
    Finding,
    Observation,
    RemediationItem,
    User,
)
from compliance.rights import Verb, may
from compliance.services import control_tests, findings, ledger, observations, remediation
from compliance.services.audit_teams import require_team
from compliance.services.errors import RefusedError
from compliance.services.finding_targets import AUDITOR
from compliance.services.remediation import ItemPlan, Origin
from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON, AssetRef, ObservationDraft
from compliance.types.plans import Estimate, ItemSource
from compliance.types.states import Method, Severity
from compliance.types.testing import (
    FINDING_STEPS,
    Agreement,
    AuditFindingAct,
    AuditFindingState,
    InstanceResult,
    Rating,
)
from compliance.types.verdicts import FileScanVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFindingDraft:
    """A finding in the auditor's words. rating: a word of the engagement's scheme; results: exceptions that it rests on."""

    title: str
    condition: str
    criteria: str
    cause: str
    effect: str
    rating: str
    results: tuple[AttributeResult, ...] = ()


@transaction.atomic
def write(*, test: ControlTest, draft: AuditFindingDraft, actor: User) -> AuditFinding:
    """Write a finding of a test; a draft that only the auditors see. Raises RefusedError."""
    require_team(engagement=test.engagement, actor=actor)
    last = test.engagement.audit_findings.aggregate(last=Max("number"))["last"]
    row = AuditFinding(engagement=test.engagement, test=test, number=(last or 0) + 1, written_by=actor)
    _put(row, draft)
    _record(row, "written", actor, {"test": str(test.uuid), "content": digest_of([row.condition, row.criteria])})
    return row


@transaction.atomic
def rewrite(*, audit_finding: AuditFinding, draft: AuditFindingDraft, actor: User) -> AuditFinding:
    """Change a draft. Raises RefusedError once it is issued."""
    fresh = _locked(audit_finding)
    require_team(engagement=fresh.engagement, actor=actor)
    if fresh.state != AuditFindingState.DRAFT:
        raise RefusedError(_("The finding is issued; what it says no longer changes."))
    _put(fresh, draft)
    _record(fresh, "rewritten", actor, {"content": digest_of([fresh.condition, fresh.criteria])})
    return fresh


def _put(row: AuditFinding, draft: AuditFindingDraft) -> None:
    if not all(text.strip() for text in (draft.title, draft.condition, draft.criteria)):
        raise RefusedError(_("Give a title, the condition (what was found) and the criteria (what should be)."))
    rating = _rating(row, draft.rating)
    for result in draft.results:
        if result.instance.test_id != row.test_id or result.result != InstanceResult.EXCEPTION:
            raise RefusedError(_("A finding rests on exceptions of its own test."))
    row.title, row.condition, row.criteria = draft.title.strip()[:300], draft.condition.strip(), draft.criteria.strip()
    row.cause, row.effect = draft.cause.strip(), draft.effect.strip()
    row.rating, row.severity = rating.word, rating.severity
    row.repeats = _earlier(row.test, draft.results)
    row.save()
    row.results.set(draft.results)


def _rating(row: AuditFinding, word: str) -> Rating:
    ratings = control_tests.scheme_of(engagement=row.engagement).ratings
    found = [one for one in ratings if one.word == word]
    if not found:
        raise RefusedError(_("The rating scheme of the engagement has no “%s”.") % word[:64])
    return found[0]


def _earlier(test: ControlTest, results: Sequence[AttributeResult]) -> AuditFinding | None:
    """The latest issued finding of an earlier engagement on the same control and the same attribute, by what it asks."""
    asks = {one.key: one.asks.casefold().strip() for one in test.attributes}
    failed = {asks.get(result.attribute) for result in results}
    rows = AuditFinding.objects.filter(test__control=test.control_id, issued_at__isnull=False)
    rows = rows.exclude(engagement=test.engagement).exclude(state=AuditFindingState.WITHDRAWN)
    for row in rows.select_related("test").prefetch_related("results").order_by("-issued_at"):
        asked = {one.key: one.asks.casefold().strip() for one in row.test.attributes}
        if failed & {asked.get(result.attribute) for result in row.results.all()}:
            return row
    return None


# Acts ---------------------------------------------------------------------------------------------------------------


@transaction.atomic
def issue(*, audit_finding: AuditFinding, actor: User) -> AuditFinding:
    """Hand a finding to management: it stands in the record of findings from now on. Raises RefusedError."""
    fresh = _locked(audit_finding)
    control_tests.check_fieldwork(fresh.engagement)
    after = _after(fresh, AuditFindingAct.ISSUE, actor)
    fresh.issued_at = timezone.now()
    fresh.finding = _concluded(fresh, FileScanVerdict.FINDING, fresh.condition, None, actor)
    _say(fresh, AuditFindingAct.ISSUE, after, "", None, actor)
    return fresh


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What management says and will do, by whom and when. effort: person-days, where a remediation item is to be opened."""

    agreement: Agreement
    words: str
    action: str = ""
    owner: User | None = None
    due_on: date | None = None
    effort: Decimal | None = None


@transaction.atomic
def respond(*, audit_finding: AuditFinding, response: Response, actor: User) -> AuditFinding:
    """Management's response. Whoever agrees, in part at least, names action, owner and day. Raises RefusedError."""
    fresh = _locked(audit_finding)
    after = _after(fresh, AuditFindingAct.RESPOND, actor)
    if not response.words.strip():
        raise RefusedError(_("Write down management's response."))
    if response.agreement is not Agreement.DISAGREE and not (
        response.action.strip() and response.owner and response.due_on
    ):
        raise RefusedError(_("Name the action, who does it and by when; or disagree, and say why."))
    fresh.agreement, fresh.response = response.agreement, response.words.strip()
    fresh.action, fresh.action_owner, fresh.action_due_on = response.action.strip(), response.owner, response.due_on
    if response.effort is not None and fresh.item is None:
        fresh.item = _item(fresh, response.effort, actor)
    _say(fresh, AuditFindingAct.RESPOND, after, fresh.response, None, actor)
    return fresh


@transaction.atomic
def open_item(*, audit_finding: AuditFinding, plan: ItemPlan, actor: User) -> RemediationItem:
    """Open a remediation item for the action that management has answered with. Raises RefusedError."""
    fresh = _locked(audit_finding)
    if not fresh.agreement or fresh.agreement == Agreement.DISAGREE or fresh.finding is None:
        raise RefusedError(_("Management has to answer the finding with an action first."))
    if fresh.item is not None:
        raise RefusedError(_("The action has a remediation item already: “%s”.") % fresh.item.title)
    origin = Origin.of_finding(fresh.finding, ItemSource.MANAGEMENT_RESPONSE)
    fresh.item = remediation.open_item(origin=origin, plan=plan, actor=actor)
    fresh.save(update_fields=["item"])
    return fresh.item


def _item(row: AuditFinding, effort: Decimal, actor: User) -> RemediationItem:
    if row.finding is None or row.action_owner is None or row.action_due_on is None:
        raise RefusedError(_("A remediation item needs action, owner and day."))
    plan = ItemPlan(
        title=row.action.splitlines()[0][:300],
        description=row.action,
        owner=row.action_owner,
        estimate=Estimate.exactly(effort),
        due_on=row.action_due_on,
    )
    origin = Origin.of_finding(row.finding, ItemSource.MANAGEMENT_RESPONSE)
    return remediation.open_item(origin=origin, plan=plan, actor=actor)


@transaction.atomic
def evaluate(*, audit_finding: AuditFinding, accepts: bool, words: str, actor: User) -> AuditFinding:
    """The auditor takes the response, or sends it back; with reasons. Raises RefusedError."""
    act = AuditFindingAct.ACCEPT if accepts else AuditFindingAct.SEND_BACK
    return _act_with_words(audit_finding, act, words, None, actor)


@transaction.atomic
def withdraw(*, audit_finding: AuditFinding, words: str, actor: User) -> AuditFinding:
    """Take a finding back, with the reason; once issued, it stays on record as withdrawn. Raises RefusedError."""
    fresh = _act_with_words(audit_finding, AuditFindingAct.WITHDRAW, words, None, actor)
    if fresh.finding is not None:
        _concluded(fresh, FileScanVerdict.NOTHING_FOUND, words.strip(), None, actor)
    return fresh


@transaction.atomic
def follow_up(
    *, audit_finding: AuditFinding, is_closed: bool, words: str, evidence: Evidence | None, actor: User
) -> AuditFinding:
    """What the auditor found when looking again: still open, or closed, which needs evidence. Raises RefusedError."""
    if is_closed and evidence is None:
        raise RefusedError(_("Closing needs evidence: name the piece that shows what was done."))
    if evidence is not None and evidence.system_id != audit_finding.test.control.system_id:
        raise RefusedError(_("The evidence belongs to another AI system."))
    act = AuditFindingAct.CLOSE if is_closed else AuditFindingAct.STILL_OPEN
    fresh = _act_with_words(audit_finding, act, words, evidence, actor)
    verdict = FileScanVerdict.NOTHING_FOUND if is_closed else FileScanVerdict.FINDING
    _concluded(fresh, verdict, words.strip(), evidence, actor)
    return fresh


def _act_with_words(
    row: AuditFinding, act: AuditFindingAct, words: str, evidence: Evidence | None, actor: User
) -> AuditFinding:
    fresh = _locked(row)
    after = _after(fresh, act, actor)
    if not words.strip():
        raise RefusedError(_("Say why, in a sentence that the other side can read."))
    if after is AuditFindingState.CLOSED:
        fresh.closed_at = timezone.now()
    _say(fresh, act, after, words.strip(), evidence, actor)
    return fresh


def _locked(row: AuditFinding) -> AuditFinding:
    rows = AuditFinding.objects.select_for_update(of=("self",))
    return rows.select_related("engagement", "test__control__system", "finding").get(pk=row.pk)


def _after(row: AuditFinding, act: AuditFindingAct, actor: User) -> AuditFindingState:
    """Where the act leads. Raises RefusedError for what the table does not have, and for whose act it is not."""
    step = FINDING_STEPS.get((AuditFindingState(row.state), act))
    if step is None:
        raise RefusedError(_("The finding is %s; that is not possible now.") % row.get_state_display().lower())
    if not step.is_managements:
        require_team(engagement=row.engagement, actor=actor)
    elif not may(actor, Verb.ANSWER_AUDIT_FINDING):
        raise RefusedError(_("Only officers and managers respond for the organisation."))
    return step.after


def _say(
    row: AuditFinding,
    act: AuditFindingAct,
    after: AuditFindingState,
    words: str,
    evidence: Evidence | None,
    actor: User,
) -> None:
    """Move a finding, and write down and into the ledger what was said."""
    before, row.state = row.state, after
    row.save()
    AuditFindingEntry.objects.create(
        audit_finding=row, act=act, before=before, after=after, words=words, evidence=evidence, made_by=actor
    )
    facts: JSON = {"before": before, "after": after.value, "words_sha256": digest_of(words)}
    if act is AuditFindingAct.RESPOND:
        facts["agreement"] = row.agreement
    _record(row, act.value, actor, facts)


def _record(row: AuditFinding, act: str, actor: User, facts: JSON) -> None:
    ledger.record(kind=f"audit_finding.{act}", subject=row, payload=facts, actor=actor, system=row.test.control.system)


# The record of findings ---------------------------------------------------------------------------------------------


def _concluded(
    row: AuditFinding, verdict: FileScanVerdict, words: str, evidence: Evidence | None, actor: User
) -> Finding:
    """Record what the auditor saw, and draw the finding from it as from any other observation."""
    control, now = row.test.control, timezone.now()
    reference = control.references.order_by("control_id").first()
    if reference is None:
        raise RefusedError(_("The control names no reference control, to which the finding could belong."))
    draft = ObservationDraft(
        producer=AUDITOR,
        producer_version="",
        rule=str(row.uuid),
        title=row.title,
        description=words,
        method=Method.TEST,
        asset=AssetRef(kind="control", name=f"{control.control_id} {control.title}"),
        fingerprint=digest_of([str(row.uuid), row.entries.count(), verdict.value]),
        verdict=verdict,
        observed_at=now,
        severity=Severity(row.severity),
        native_severity=row.rating,
        facts={"control": reference.control_id, "test": str(row.test.uuid), "audit_finding": str(row.uuid)},
    )
    seen, _there = observations.record_batch(
        system=control.system, source_uuid=row.uuid, evidence=evidence, drafts=[draft]
    )
    rows = Observation.objects.filter(pk__in=[one.pk for one in seen]).select_related("system", "evidence")
    (finding,) = findings.conclude(observations=rows, actor=actor)
    finding.criteria, finding.cause, finding.effect = row.criteria, row.cause, row.effect
    finding.save(update_fields=["criteria", "cause", "effect"])
    return finding
