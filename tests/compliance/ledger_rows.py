"""A row in every table that is insert-only, made as the product makes them where that is short."""

from __future__ import annotations

from datetime import date

from django.db import connection
from django.utils import timezone

from compliance.models import (
    AISystem,
    Answer,
    AnswerRevision,
    Assessment,
    AuditFinding,
    AuditFindingEntry,
    AuditorRead,
    AuditQuestion,
    AuditRequest,
    Baseline,
    BaselineDecision,
    BusinessCalendar,
    ChangeWindow,
    CheckpointStamp,
    ControlTest,
    ControlVersion,
    CostRate,
    DatasetVerification,
    DisposalRun,
    Engagement,
    EngagementMove,
    EvidencePack,
    ExpectedRate,
    Finding,
    Framework,
    Freeze,
    ImplementedControl,
    Job,
    LedgerCheckpoint,
    LedgerEvent,
    Observation,
    PackRelease,
    PackRenewal,
    PlanUpdate,
    Population,
    ReferenceControl,
    RemediationComment,
    RemediationItem,
    RemediationSummary,
    RequestEvidence,
    RequestReply,
    RetentionTerms,
    Risk,
    RiskMove,
    Sample,
    SealCertificate,
    SealRevocation,
    SlaPolicy,
    StatementVersion,
    Technique,
    Tombstone,
    User,
    WorkEntry,
)
from compliance.services import checkpoints, completeness, inventory, ledger
from compliance.types.states import Method, Role
from compliance.types.verdicts import StageVerdict
from scanning.models import ColumnMapping
from tests.compliance import completeness_on_record
from tests.compliance.entitlements_on_record import recorded, way
from tests.compliance.records import evidence
from tests.compliance.suppliers_on_record import asked, reviewed


def officer() -> User:
    """A compliance officer who cannot sign in."""
    return User.objects.create_user(email="officer@example.org", name="Olive Officer", role=Role.OFFICER)


def some_events(count: int = 3) -> list[LedgerEvent]:
    """Events about one AI system, recorded and not sealed."""
    actor = officer()
    system = AISystem.objects.create(name="Digit reader", owner=actor)
    return [
        ledger.record(kind="system.changed", subject=system, payload={"n": n}, actor=actor, system=system)
        for n in range(count)
    ]


def unguarded(table: str) -> None:
    """Take the triggers of a table away, as somebody who owns the database could; until the test's transaction ends."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks still to come cannot be altered
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            cursor.execute(f"DROP TRIGGER assay_refuse_update_{table}")


def tested(control: ImplementedControl, audit: Engagement, actor: User) -> None:
    """A draw and an act on a finding."""
    days = {"period_start": date(2026, 1, 1), "period_end": date(2026, 12, 31)}
    population = Population(engagement=audit, system=control.system, title="P", kind="list", made_by=actor, **days)
    population.job = Job.objects.create(
        kind="population", task_name="t", subject_type="compliance.Population", subject_uuid=population.uuid, title="P"
    )
    population.save()
    test = ControlTest.objects.create(
        engagement=audit, control=control, control_version=1, kind="operation", procedure="p", preparer=actor, **days
    )
    Sample.objects.create(test=test, population=population, number=1, selection="fixed", seed="s", drawn_by=actor)
    row = AuditFinding.objects.create(
        engagement=audit, test=test, number=1, title="t", condition="c", criteria="c", rating="High", severity="high",
        written_by=actor,
    )  # fmt: skip
    AuditFindingEntry.objects.create(audit_finding=row, act="issue", before="draft", after="issued", made_by=actor)


def planned(system: AISystem, actor: User) -> None:
    """A remediation item with a baseline, an update, work and a rate."""
    day, effort = date(2026, 12, 1), {"estimate_low": 1, "estimate_likely": 2, "estimate_high": 3, "remaining": 2}
    item = RemediationItem.objects.create(
        system=system,
        title="Mend",
        owner=actor,
        opened_by=actor,
        effort_planned=2,
        due_on=day,
        original_due_on=day,
        **effort,
    )
    PlanUpdate.objects.create(item=item, number=0, due_on=day, reason="opened", made_by=actor, **effort)
    baseline = Baseline.objects.create(
        item=item, number=1, scope="All", effort_low=1, effort_likely=2, effort_high=3, due_on=day, proposed_by=actor
    )
    BaselineDecision.objects.create(baseline=baseline, is_approved=True, decided_by=actor)
    WorkEntry.objects.create(
        item=item,
        person=actor,
        day=day,
        amount=1,
        unit="days",
        person_days=1,
        what="Done",
        remaining_after=1,
        made_by=actor,
    )
    CostRate.objects.create(work_role="ML", currency="EUR", amount_a_day=800, effective_from=day, stated_by=actor)


def checkpointed() -> None:
    """A checkpoint with a stamp."""
    checkpoints.stated()
    CheckpointStamp.objects.create(checkpoint=LedgerCheckpoint.objects.get(), stamped_at=timezone.now(), token="x")


def filled_tables() -> dict[str, str]:
    """Puts a row into each guarded table; gives table -> primary key column."""
    some_events()
    ledger.seal()
    actor, system = User.objects.get(email="officer@example.org"), AISystem.objects.get(name="Digit reader")
    technique = Technique.objects.create(
        atlas_id="AML.T0018", name="Manipulate AI Model", atlas_release="5", summary=""
    )
    assessment = Assessment.objects.create(
        system=system, technique=technique, title="First", opened_by=actor,
        period_start=date(2026, 1, 1), period_end=date(2026, 12, 31),
    )  # fmt: skip
    question = AuditQuestion.objects.create(technique=technique, number=1, text="Who may submit?", guidance="A list")
    answer = Answer.objects.create(assessment=assessment, question=question)
    AnswerRevision.objects.create(answer=answer, version=1, act="drafted", actor=actor, snapshot={})
    control = ImplementedControl.objects.create(
        system=system, control_id="C-1", title="Scan", statement="Scans.", owner=actor, performer="ML", frequency="daily",
        nature="manual", control_type="detective", effective_from=date(2026, 1, 1),
    )  # fmt: skip
    ControlVersion.objects.create(control=control, version=1, act="adopted", terms={}, owner=actor, made_by=actor)
    iso = Framework.objects.create(key="iso", title="ISO")
    StatementVersion.objects.create(framework=iso, version=1, lines=[], sha256="0" * 64, approved_by=actor)
    audit = Engagement.objects.create(
        title="Audit", period_start=date(2026, 1, 1), period_end=date(2026, 12, 31), expires_at=timezone.now()
    )
    EngagementMove.objects.create(engagement=audit, before="plan", after="fieldwork", moved_by=actor)
    request = AuditRequest.objects.create(engagement=audit, number=1, title="List", asked_by=actor)
    said = RequestReply.objects.create(request=request, author=actor, text="Here.", before="open", after="answered")
    piece = evidence(system, b"list", actor=actor)
    RequestEvidence.objects.create(request=request, evidence=piece, reply=said, attached_by=actor)
    AuditorRead.objects.create(reader=actor, engagement=audit, act="looked", what="evidence-detail", subject="x")
    tested(control, audit, actor)
    freeze = Freeze.objects.create(assessment=assessment, sha256="0" * 64, storage_name="x", frozen_by=actor)
    pack = EvidencePack.objects.create(
        freeze=freeze, number=1, storage_name="x", sha256="0" * 64, size=1, receipt={}, issued_by=actor
    )
    Observation.objects.create(
        system=system, producer="test", rule="r", title="Seen", method=Method.TEST, fingerprint="f" * 64,
        verdict=StageVerdict.INCONCLUSIVE, observed_at=timezone.now(), source_uuid=actor.uuid,
    )  # fmt: skip
    recorded(system, evidence(system, b"roles", actor=actor), way("ann"))
    reading = completeness_on_record.recorded(system, evidence(system, b"keys", actor=actor))
    completeness.compare_key(
        reading=reading, key_sha256=completeness_on_record.KEY, seen=completeness_on_record.FINGERPRINT,
        way="Fetched by hand.", record_difference=False, actor=actor,
    )  # fmt: skip
    ChangeWindow.objects.create(
        system=system, days=[0], opens="09:00", closes="17:00", time_zone="UTC", effective_from="2026-01-01",
        stated_by=actor,
    )  # fmt: skip
    ExpectedRate.objects.create(system=system, source="aws-cloudtrail", longest_silence_hours=24, stated_by=actor)
    version = inventory.register_dataset_version(
        system=system,
        name="digits",
        label="1",
        manifest_root="0" * 64,
        file_count=1,
        size=1,
        evidence=None,
        actor=actor,
    )
    DatasetVerification.objects.create(dataset_version=version, verified_at=timezone.now(), matches=True)
    ColumnMapping.objects.create(
        name="Gateway", version=1, layout="csv", definition={}, sha256="0" * 64, columns_sha256="0" * 64
    )
    target = ReferenceControl.objects.create(control_id="BDM-15", title="Test", family="Testing", objective="Tested.")
    finding = Finding.objects.create(
        system=system, asset_key="a", asset_name="a", target=target, rule_fingerprint="0" * 64, title="t", condition="c",
        state="not-satisfied", severity="high", first_seen_at=timezone.now(), last_seen_at=timezone.now(),
    )  # fmt: skip
    risk = Risk.objects.create(finding=finding, title="t", statement="s", severity="high")
    RiskMove.objects.create(risk=risk, act="identified", after="open")
    planned(system, actor)
    reviewed(system, actor, customer_controls=[asked("Tokens are rotated.")])
    kept = evidence(system, b"old", actor=actor)
    Tombstone.objects.create(
        evidence=kept, run=DisposalRun.objects.create(due_by=date(2026, 1, 1)), terms=RetentionTerms.objects.all()[0],
        sha256=kept.sha256, size=kept.size, kind=kept.kind, media_type=kept.media_type, approved_by=actor,
    )  # fmt: skip
    RemediationComment.objects.create(item=RemediationItem.objects.get(), author=actor, text="Begun.")
    RemediationSummary.objects.create(
        month=date(2026, 10, 1), storage_name="x", sha256="0" * 64, size=1, pages=1, document={}
    )
    BusinessCalendar.objects.create(key="usual", version=1, title="Usual", zone="UTC", hours=[[0, 540, 1020]])
    SlaPolicy.objects.create(version=1, limits=[], calendar_key="usual")
    PackRelease.objects.create(pack=pack, outcome="refused", reason="Names.", decided_by=actor)
    PackRenewal.objects.create(pack=pack, number=1, storage_name="x", sha256="0" * 64, size=1, receipt={})
    certificate = SealCertificate.objects.create(
        sha256="0" * 64, root_sha256="0" * 64, subject="Seal", certificate="x", kept_in="file",
        not_before=timezone.now(), not_after=timezone.now(),
    )  # fmt: skip
    checkpointed()
    SealRevocation.objects.create(certificate=certificate, revoked_at=timezone.now(), reason="superseded")
    names = [
        "businesscalendar",
        "slapolicy",
        "ledgerevent",
        "ledgerblock",
        "trailentry",
        "freeze",
        "evidencepack",
        "packrelease",
        "packrenewal",
        "sealcertificate",
        "sealrevocation",
        "ledgercheckpoint",
        "checkpointstamp",
        "answerrevision",
        "controlversion",
        "statementversion",
        "engagementmove",
        "auditorread",
        "sample",
        "auditfindingentry",
        "riskmove",
        "retentionterms",
        "tombstone",
        "remediationsummary",
        "remediationcomment",
        "requestreply",
        "requestevidence",
        "rowchange",
        "baseline",
        "baselinedecision",
        "planupdate",
        "workentry",
        "costrate",
        "observation",
        "entitlementsnapshot",
        "entitlementreading",
        "entitlement",
        "platformdocument",
        "completenessreading",
        "completenessrow",
        "keycomparison",
        "changewindow",
        "expectedrate",
        "datasetverification",
        "supplierreview",
        "customercontrol",
    ]
    return {f"compliance_{name}": "id" for name in names} | {
        "scanning_columnmapping": "id",
        "compliance_ledgerposition": "position",
    }
