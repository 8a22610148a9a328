"""The records that addresses name: for each parameter of an address, one the small world's people see and one they do not."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from allauth.mfa.models import Authenticator
from knox.models import AuthToken

from compliance.models import (
    AccessReview,
    AISystem,
    Assessment,
    AuditRequest,
    BindingRule,
    BulkEdit,
    BusinessCalendar,
    CatalogRelease,
    CheckRun,
    Closing,
    ControlReview,
    DisposalItem,
    DisposalRun,
    Engagement,
    EngagementMember,
    Evidence,
    EvidencePack,
    FileCheck,
    Finding,
    Framework,
    Freeze,
    ImplementedControl,
    JobApproval,
    JobBinding,
    KeyComparison,
    LedgerEvent,
    MappingPair,
    ModelVersion,
    NightlyRun,
    Notice,
    PlatformDocument,
    Principal,
    ReferenceControl,
    RehashRun,
    RemediationComment,
    RemediationItem,
    RemediationSummary,
    RetentionTerms,
    Risk,
    RiskAcceptance,
    SavedFilter,
    SlaClock,
    SlaPolicy,
    StatementVersion,
    TokenScope,
    Tombstone,
    TrailEntry,
    User,
    Waiver,
    WebhookDelivery,
    WebhookEndpoint,
    WorkPaperNote,
)
from compliance.services import (
    access_reviews,
    audit_findings,
    audit_requests,
    bindings,
    checkpoints,
    controls,
    engagements,
    expectations,
    handovers,
    leases,
    ledger,
    nightly,
    retention,
    time_limits,
)
from compliance.services import evidence as evidences
from compliance.services.audit_findings import AuditFindingDraft
from compliance.types.bindings import Named
from compliance.types.bulk_edits import Changes
from compliance.types.business_time import Hours
from compliance.types.engagements import EngagementState
from compliance.types.sla import Limit, SlaUnit
from compliance.types.states import Role, Severity
from scanning import intake
from scanning.models import ColumnMapping, Import, ReferenceBank, Scan, SigningKey
from scanning.services import checks, scans
from tests.compliance import completeness_on_record, tests_of_controls
from tests.compliance.conftest import World, person
from tests.compliance.entitlements_on_record import recorded, way
from tests.compliance.plans_on_record import planned, staffed
from tests.compliance.records import LONG_AGO, audit, control_terms
from tests.compliance.suppliers_on_record import reviewed

Known = dict[str, UUID | str | int]


@dataclass(frozen=True, slots=True)
class Places:
    """By the first part of a URL name ("evidence", "api-evidence"): the identifier of an own and of a foreign record."""

    own: Known
    foreign: Known


def issued(assessment: Assessment, actor: User) -> EvidencePack:
    """A pack on record whose file is one line: what a page or endpoint hands out is not its own affair."""
    name, digest, size, _head = evidences.store_bytes(stream=io.BytesIO(f"%PDF {assessment.uuid}".encode()))
    freeze = Freeze.objects.create(assessment=assessment, sha256=digest, storage_name=name, frozen_by=actor)
    return EvidencePack.objects.create(
        freeze=freeze,
        number=1,
        storage_name=name,
        sha256=digest,
        size=size,
        pages=1,
        receipt={"pack": 1},
        bag_storage_name=name,
        bag_sha256=digest,
        bag_size=size,
        bag_files=1,
        marks_storage_name=name,
        marks_sha256=digest,
        issued_by=actor,
    )


def passkey_of_somebody_else() -> int:
    """A passkey of a person who is nobody's concern: whoever asks for it finds nothing."""
    holder = User.objects.create_user(email="holder@example.org", name="Holder", role=Role.MANAGER)
    User.objects.filter(pk=holder.pk).update(is_active=False)
    return Authenticator.objects.create(user=holder, type="webauthn", data={"name": "Laptop", "credential": {}}).pk


def limited(officer: User, administrator: User) -> None:
    """Limits with their calendar, a nightly run, and a webhook with a delivery."""
    days = [Hours(weekday=day, start=9 * 60, end=17 * 60) for day in range(5)]
    draft = time_limits.CalendarDraft(title="Berlin", zone="Europe/Berlin", hours=days, holidays=[date(2026, 12, 25)])
    time_limits.write_calendar(key="berlin", draft=draft, actor=officer)
    limits = [
        Limit(severity=Severity.CRITICAL, amount=16, unit=SlaUnit.WORKING_HOURS),
        Limit(severity=Severity.HIGH, amount=30, unit=SlaUnit.DAYS),
    ]
    time_limits.put_in_force(limits=limits, near_percent=80, calendar="berlin", reason="", actor=officer)
    webhook(administrator)
    nightly.run()


def webhook(maker: User) -> tuple[WebhookEndpoint, WebhookDelivery]:
    """A webhook with a delivery."""
    endpoint = WebhookEndpoint.objects.create(
        name="Tickets", url="https://93.184.215.14/hook", families=["finding"], sealed_secret="x", made_by=maker,
        is_active=False,
    )  # fmt: skip
    event = LedgerEvent.objects.order_by("pk")[0]
    return endpoint, WebhookDelivery.objects.create(endpoint=endpoint, event=event, next_at=LONG_AGO)


def notice_of_somebody_else() -> UUID:
    """A line in another person's inbox."""
    holder = User.objects.get(email="holder@example.org")
    return Notice.objects.create(user=holder, kind="assigned", key="x", count=3, place="/remediation/").uuid


def token_of_somebody_else(maker: User) -> UUID:
    """A token of the same person."""
    token, _secret = AuthToken.objects.create(user=User.objects.get(email="holder@example.org"))
    return TokenScope.objects.create(token=token, name="Hers", made_by=maker).uuid


def handed_in(system: AISystem, actor: User) -> Import:
    """An import that waits for a worker."""
    content = io.BytesIO(f'{{"Records": [], "of": "{system.name}"}}'.encode())
    return intake.receive(system=system, stream=content, filename="log.json", actor=actor, dispatch=False)


def adopted(system: AISystem, actor: User) -> ImplementedControl:
    """The first reference control as the system's own."""
    reference = ReferenceControl.objects.order_by("control_id")[0].control_id
    return controls.adopt(system=system, terms=control_terms(reference), owner=actor, actor=actor)


def disposed_of(system: AISystem, actor: User) -> DisposalRun:
    """A completed run with one piece, which stays what it was: what its pages show is not its own affair."""
    name, digest, size, _head = evidences.store_bytes(stream=io.BytesIO(b"%PDF certificate"))
    run = DisposalRun.objects.create(
        due_by=date(2026, 1, 1),
        state="completed",
        decided_by=actor,
        certificate={"pieces": []},
        paper_storage=name,
        paper_sha256=digest,
        paper_size=size,
    )
    kept = evidences.receive(
        system=system, stream=io.BytesIO(b"old"), filename="old.txt", title="Old", received_by=actor
    )
    DisposalItem.objects.create(
        run=run, evidence=kept, terms=RetentionTerms.objects.all()[0], due_on=date(2026, 1, 1), bytes_deleted=True
    )
    return run


def mapping() -> MappingPair:
    """A draft mapping of the first reference control."""
    framework = Framework.objects.create(key="example", title="Example framework, 2026")
    return MappingPair.objects.create(
        control=ReferenceControl.objects.order_by("control_id")[0],
        framework=framework,
        requirement_id="1.1",
        relation="supports",
        strength="strong",
        rationale="Says so.",
    )


def stated(framework: Framework, system: AISystem, actor: User) -> UUID:
    """An approved statement of applicability."""
    return StatementVersion.objects.create(
        framework=framework, system=system, version=1, lines=[], sha256="0" * 64, approved_by=actor
    ).uuid


def tested(among: Known) -> Known:
    """A released test with a sample of one, and an issued finding; by auditors who cannot sign in any more."""
    engagement = Engagement.objects.get(uuid=str(among["engagement"]))
    control = ImplementedControl.objects.select_related("system").get(uuid=str(among["api-controls"]))
    team = [person(f"Past auditor {n} of {control.system.pk}", Role.AUDITOR) for n in (1, 2)]
    for one in team:
        EngagementMember.objects.create(engagement=engagement, user=one)
    Engagement.objects.filter(pk=engagement.pk).update(state=EngagementState.FIELDWORK)
    listed = tests_of_controls.listed(engagement, io.BytesIO(tests_of_controls.TICKETS), actor=team[0])
    population = tests_of_controls.counted(listed)
    test = tests_of_controls.planned(engagement, control, actor=team[0], population=population)
    (instance,) = tests_of_controls.drawn(test, size=1, actor=team[0])
    tests_of_controls.passed(instance, actor=team[0])
    draft = AuditFindingDraft(title="Late", condition="Late.", criteria="In time.", cause="", effect="", rating="High")
    row = audit_findings.write(test=test, draft=draft, actor=team[0])
    audit_findings.issue(audit_finding=row, actor=team[0])
    tests_of_controls.released(test, preparer=team[0], reviewer=team[1])
    User.objects.filter(pk__in=[one.pk for one in team]).update(is_active=False)
    known: Known = {
        "control-test": test.uuid, "population": population.uuid, "sampled-instance": instance.uuid,
        "audit-finding": row.uuid, "api-samples": test.samples.all()[0].uuid,
    }  # fmt: skip
    return known | {
        f"api-{name}s": known[name] for name in ("control-test", "population", "sampled-instance", "audit-finding")
    }


def audited(assessment: Assessment, actor: User) -> Engagement:
    """An engagement of somebody else, who cannot sign in any more, on this assessment."""
    stranger = person("Sid Stranger", Role.AUDITOR)
    User.objects.filter(pk=stranger.pk).update(is_active=False)
    return engagements.open_engagement(draft=audit(stranger, [assessment]), actor=actor)


def decided(item: RemediationItem, actor: User) -> Known:
    """An acceptance, a waiver and a closing on record that are over: what led to them is not their pages' affair."""
    risk = Risk.objects.get(items=item)
    days = {"ends_on": date(2026, 3, 1), "requested_by": actor, "state": "withdrawn", "reason": "For now."}
    accepted = RiskAcceptance.objects.create(risk=risk, review_on=date(2026, 2, 1), **days)
    waived = Waiver.objects.create(system=item.system, producer="modelscan", rule="R1", **days)
    closing = Closing.objects.create(system=item.system, item=item, state="returned", note="Not yet.", asked_by=actor)
    return {
        "acceptance": accepted.uuid, "waiver": waived.uuid, "closing": closing.uuid, "api-risks": risk.uuid,
        "api-risk-acceptances": accepted.uuid, "api-waivers": waived.uuid, "api-closings": closing.uuid,
    }  # fmt: skip


def requested(engagement: Engagement, actor: User, owner: User | None) -> AuditRequest:
    """A request in an engagement with one reply."""
    draft = audit_requests.RequestDraft(title="List of submitters", owner=owner)
    asked = audit_requests.ask(engagement=engagement, draft=draft, actor=actor)
    audit_requests.reply(request=asked, text="On its way.", actor=actor)
    return asked


def noted(engagement: Engagement) -> UUID:
    """A sealed note of the first person on its team."""
    author = engagement.members.all()[0].user
    return WorkPaperNote.objects.create(author=author, engagement=engagement, sealed=b"sealed").uuid


@dataclass(frozen=True, slots=True)
class Held:
    """Records of what is held against job events, of one AI system."""

    binding: JobBinding
    run: CheckRun
    review: AccessReview
    approval: JobApproval
    rule: BindingRule


def held(assessment: Assessment, version: ModelVersion, log: Evidence, actor: User) -> Held:
    """A run of the checks, an access review, an approval and a rule."""
    system = assessment.system
    run = checks.request(system=system, actor=actor, dispatch=False)
    leases.run_here(job=run.job)
    day = date(2026, 12, 1)
    return Held(
        binding=JobBinding.objects.filter(system=system)[0],
        run=run,
        review=access_reviews.open_review(
            reading=recorded(system, log, way("ann")), reviewer=actor, due_on=day, removals_due_on=day, actor=actor
        ),
        approval=expectations.record_approval(
            system=system, job="fine-tune-0", approver="lead", approved_at=LONG_AGO, dataset_digest="", base_digest="",
            reference="", evidence=None, actor=actor,
        ),
        rule=bindings.save_rule(
            system=system, named=Named.BASE, prefix="hub/", target=version, reason="", applies_from=None,
            applies_to=None, actor=actor,
        ),
    )  # fmt: skip


def shown_in_trail(system: AISystem) -> Known:
    """An event about a system, under each name that addresses have for it."""
    event = TrailEntry.objects.filter(system=system)[0].event.uuid
    return {"api-trail": event, "api-ledger-events": event, "trail-proof": event}


def checkpointed() -> Known:
    """A checkpoint over all that was recorded."""
    ledger.seal()
    kept = checkpoints.stated()
    assert kept is not None
    return {"api-ledger-checkpoints": kept.uuid, "trail-checkpoint-file": kept.uuid}


def of_plans(item: RemediationItem, finding: Finding, actor: User) -> Known:
    """Records on the plan of an item."""
    plan = planned(item, finding, actor)
    return {
        "api-baselines": plan.baseline.uuid, "api-plan-updates": plan.update.uuid, "api-work-entries": plan.entry.uuid,
        "api-dependencies": plan.dependency.uuid, "remediation-undepend": plan.dependency.uuid,
        "remediation-effort-reverse": plan.entry.uuid, "playbook-open": item.system.uuid,
    }  # fmt: skip


def of_staff(person: User, actor: User) -> Known:
    """A team, and what was stated of people."""
    staff = staffed(person, actor)
    return {
        "team": staff.team.uuid, "api-teams": staff.team.uuid, "api-capacities": staff.capacity.uuid,
        "api-leaves": staff.leave.uuid, "leave": staff.leave.uuid, "api-cost-rates": staff.rate.uuid,
    }  # fmt: skip


def places(world: World, officer: User, contributor: User) -> Places:
    """Own and foreign records of every kind that an address can name."""
    system, other = world.assessment.system, world.other_assessment.system
    scan, other_scan = (
        scans.request_scan(model_version=version, kind=Scan.FILE, actor=officer, dispatch=False)
        for version in (world.tuned, world.other_version)
    )
    document, other_document = handed_in(system, contributor), handed_in(other, officer)
    pack, other_pack = issued(world.assessment, officer), issued(world.other_assessment, officer)
    kept = held(world.assessment, world.tuned, world.log, officer)
    other_kept = held(world.other_assessment, world.other_version, world.other_log, officer)
    bank = ReferenceBank.objects.create(name="Small networks", architecture="cnn", evidence=world.log, size=3)
    key = SigningKey.objects.create(name="Build pipeline", algorithm="Ed25519", fingerprint="a" * 64, pem="-")
    columns = ColumnMapping.objects.create(
        name="Gateway", version=1, layout="csv", sha256="0" * 64, columns_sha256="0" * 64, made_by=contributor,
        definition={"source": "gateway", "fields": {}, "actions": {}, "outcomes": {}, "other_actions": "submit",
                    "time_format": "iso", "zone": ""},
    )  # fmt: skip
    pair = mapping()
    iso = Framework.objects.create(key="iso-iec-42001-2023", title="ISO/IEC 42001", facts={"statement_ids": ["A.2.2"]})
    release = CatalogRelease.objects.create(key="mitre-atlas", version="2026.10", sha256="0" * 64)
    review = ControlReview.objects.create(control=pair.control, release=release)
    figures, other_figures = (
        completeness_on_record.recorded(one, log) for one, log in ((system, world.log), (other, world.other_log))
    )
    passkey = passkey_of_somebody_else()
    disposal = disposed_of(system, officer)
    named = Principal.objects.order_by("pk")[0]
    rehashed = RehashRun.objects.create(planned=1)
    checked = FileCheck.objects.create(
        storage_name="x", sha256="0" * 64, state="unaltered", checked_at=LONG_AGO, run=rehashed
    )
    hold = retention.place_hold(title="Case", reason="Claim.", system=other, actor=officer)
    endpoint, delivery = webhook(officer)
    notice = notice_of_somebody_else()
    calendar = BusinessCalendar.objects.create(
        key="usual", version=1, title="Usual", zone="UTC", hours=[[0, 540, 1020]]
    )
    limits = SlaPolicy.objects.create(version=1, limits=[], calendar_key="usual")
    machine = User.objects.create_user(email="robot@machine.invalid", name="Robot", role=Role.COLLECTOR)
    User.objects.filter(pk=machine.pk).update(owner=officer, is_active=False)
    edit = BulkEdit.objects.create(made_by=officer, changes=Changes(owner=officer.pk).as_json(), items=[])
    summary = RemediationSummary.objects.create(
        month=date(2026, 10, 1), storage_name=world.log.storage_name, sha256="0" * 64, size=1, pages=1,
        document={"month": "2026-10", "month_words": "October", "outlook": {"refusal": "-"}, "of_month": [], "as_made": []},
    )  # fmt: skip
    kept_filter = SavedFilter.objects.create(owner=machine, name="Hers", query="overdue=on").uuid
    shared: Known = {
        "bulk-edit": edit.uuid,
        "api-bulk-edits": edit.uuid,
        "summary": summary.uuid,
        "api-remediation-summaries": summary.uuid,
        "remediation-filter": kept_filter,
        "api-saved-filters": kept_filter,
        "choices": "evidence",
        "retention-revise": "standard",
        "api-retention-terms": RetentionTerms.objects.all()[0].uuid,
        "hold": hold.uuid,
        "webhook": endpoint.uuid,
        "notice-read": notice,
        "api-notices": notice,
        "api-webhooks": endpoint.uuid,
        "api-webhook-deliveries": delivery.uuid,
        "api-business-calendars": calendar.uuid,
        "api-sla-policies": limits.uuid,
        "api-nightly-runs": NightlyRun.objects.create().uuid,
        "delivery": delivery.uuid,
        "calendar-change": calendar.key,
        "api-legal-holds": hold.uuid,
        "api-pack-handovers": handovers.downloaded(pack=other_pack, purpose="", user=officer).uuid,
        "subject": named.uuid,
        "api-subjects": named.uuid,
        "api-people": officer.uuid,
        "rehash-run": rehashed.uuid,
        "api-rehash-runs": rehashed.uuid,
        "api-file-checks": checked.uuid,
        "disposal": disposal.uuid,
        "api-disposal-runs": disposal.uuid,
        "mapping": pair.uuid,
        "statement": iso.key,
        "mapping-add": pair.control.control_id,
        "catalogue": pair.control.control_id,
        "catalogue-review-close": review.uuid,
        "framework": pair.framework.key,
        "control-adopt": pair.control.control_id,
        "api-mappings": pair.uuid,
        "api-reference-controls": pair.control.uuid,
        "api-techniques": world.technique.uuid,
        "api-questions": world.assessment.answers.all()[0].question.uuid,
        "api-reference-banks": bank.uuid,
        "reference-bank": bank.evidence.sha256,
        "column-mapping": columns.uuid,
        "api-column-mappings": columns.uuid,
        "signing-key": key.uuid,
        "people": officer.uuid,
        "machine": machine.uuid,
        "api-machines": machine.uuid,
        "api-tokens": token_of_somebody_else(officer),
        "mfa_remove_webauthn": passkey,
        "mfa_edit_webauthn": passkey,
    }
    own: Known = {
        "assessment": world.assessment.uuid, "question": world.assessment.uuid, "evidence": world.log.uuid,
        "job-event": world.events[0].uuid, "model": world.tuned.uuid, "dataset": world.dataset.uuid,
        "finding": world.finding.uuid, "remediation": world.item.uuid, "pack": pack.uuid, "job": document.job.uuid,
        "import": document.uuid, "scan": scan.uuid, "api-systems": system.uuid,
        "api-answers": world.assessment.answers.all()[0].uuid, "api-observations": world.observation.uuid,
        "api-controls": adopted(system, officer).uuid, "api-statements": stated(iso, system, officer),
        "check-run": kept.run.uuid, "access-review": kept.review.uuid,
        "approval": kept.approval.uuid, "binding-rule": kept.rule.uuid, "api-job-bindings": kept.binding.uuid,
    }  # fmt: skip
    foreign: Known = {
        "assessment": world.other_assessment.uuid, "question": world.other_assessment.uuid,
        "evidence": world.other_log.uuid, "job-event": world.other_event.uuid, "model": world.other_version.uuid,
        "dataset": world.other_dataset.uuid, "finding": world.other_finding.uuid, "remediation": world.other_item.uuid,
        "pack": other_pack.uuid, "job": other_document.job.uuid, "import": other_document.uuid, "scan": other_scan.uuid,
        "api-systems": other.uuid, "api-answers": world.other_assessment.answers.all()[0].uuid,
        "api-observations": world.other_finding.observations.all()[0].uuid,
        "api-controls": adopted(other, officer).uuid, "api-statements": stated(iso, other, officer),
        "check-run": other_kept.run.uuid,
        "access-review": other_kept.review.uuid, "approval": other_kept.approval.uuid, "binding-rule": other_kept.rule.uuid,
        "api-job-bindings": other_kept.binding.uuid,
    }  # fmt: skip
    for known, item in ((own, world.item), (foreign, world.other_item)):
        comment = RemediationComment.objects.create(item=item, author=officer, text="Begun.")
        known["api-remediation-comments"] = comment.uuid
    for known, piece in ((own, world.log), (foreign, world.other_log)):
        known["api-tombstones"] = Tombstone.objects.create(
            evidence=piece, run=disposal, terms=RetentionTerms.objects.all()[0], sha256=piece.sha256, size=piece.size,
            kind=piece.kind, media_type=piece.media_type, approved_by=officer,
        ).uuid  # fmt: skip
    for known, of in ((own, system), (foreign, other)):
        supplier = reviewed(of, officer).supplier
        known |= {"supplier": supplier.uuid, "api-suppliers": supplier.uuid}
    for known, assessment in ((own, world.assessment), (foreign, world.other_assessment)):
        engagement = assessment.engagements.first() or audited(assessment, officer)
        asked = requested(engagement, officer, contributor if known is own else None)
        known |= {
            "engagement": engagement.uuid, "api-engagements": engagement.uuid, "api-request-lists": engagement.uuid,
            "request": asked.uuid, "api-audit-requests": asked.uuid, "work-paper": noted(engagement),
        }  # fmt: skip
    for known, reading in ((own, figures), (foreign, other_figures)):
        document = PlatformDocument.objects.get(system=reading.system)
        compared = KeyComparison.objects.create(
            system=reading.system, key_sha256=completeness_on_record.KEY, seen="a" * 32, matches=False, way="By hand.",
            compared_by=officer,
        )  # fmt: skip
        known |= {
            "completeness": reading.uuid, "completeness-system": reading.system.uuid,
            "log-statements": reading.system.uuid,
            "api-completeness-readings": reading.uuid, "api-platform-documents": document.uuid,
            "api-key-comparisons": compared.uuid,
        }  # fmt: skip
    own |= tested(own) | decided(world.item, officer)
    foreign |= tested(foreign) | decided(world.other_item, officer)
    for known, of in ((own, system), (foreign, other)):
        known.update(shown_in_trail(of))
    for known, finding in ((own, world.finding), (foreign, world.other_finding)):
        known["api-sla-clocks"] = SlaClock.objects.create(
            finding=finding, policy=limits, calendar=calendar, severity="high", unit="days", limit_seconds=86_400,
            started_at=LONG_AGO, since=LONG_AGO, near_at=LONG_AGO, due_at=LONG_AGO,
        ).uuid  # fmt: skip
    for known in (own, foreign):
        known |= {
            "control-detail": known["api-controls"], "control-change": known["api-controls"],
            "control-retire": known["api-controls"], "control-attach": known["api-controls"], "system": known["api-systems"],
            "statement-version": known["api-statements"],
            "risk": known["finding"], "acceptance-new": known["finding"], "closing-ask": known["remediation"],
            "remediation-open": known["finding"], "pack-issue": known["assessment"],
            "api-assessments": known["assessment"], "api-evidence": known["evidence"],
            "api-job-events": known["job-event"], "api-model-versions": known["model"],
            "api-dataset-versions": known["dataset"], "api-findings": known["finding"],
            "api-remediation-items": known["remediation"], "api-packs": known["pack"], "api-jobs": known["job"],
            "api-check-runs": known["check-run"], "api-access-reviews": known["access-review"],
            "api-job-approvals": known["approval"], "api-binding-rules": known["binding-rule"],
            "api-imports": known["import"], "api-scans": known["scan"],
        }  # fmt: skip
    own |= of_plans(world.item, world.finding, officer) | of_staff(contributor, officer)
    return Places(
        own=own | shared | checkpointed(), foreign=foreign | of_plans(world.other_item, world.other_finding, officer)
    )
