"""What a freeze holds for auditors, from the tables. Only what they issued or released is ever told."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from django.db.models import OuterRef, Prefetch, Q, Subquery

from compliance.choices import label
from compliance.models import (
    Assessment,
    AuditFinding,
    AuditFindingEntry,
    DatasetVerification,
    Evidence,
    LedgerEvent,
    StatementVersion,
    User,
)
from compliance.selectors.assertion import assertion_words, meaning_of_freezing
from compliance.types import freeze_audit as doc
from compliance.types.engagements import EngagementKind
from compliance.types.statements import Implementation, Inclusion
from compliance.types.states import Role, Severity
from compliance.types.testing import Agreement, AuditFindingAct, AuditFindingState


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _named(user: User | None) -> str:
    return f"{user.name} ({label(Role(user.role))})" if user else ""


def assertion(by: User, at: datetime) -> doc.Assertion:
    """Management's assertion, signed by the person who freezes."""
    return doc.Assertion(
        statements=assertion_words(),
        by=doc.Signatory(name=by.name, role=str(label(Role(by.role)))),
        at=_utc(at),
        meaning=meaning_of_freezing(),
    )


def additions(assessment: Assessment, frozen_by: User, frozen_at: datetime) -> doc.AuditAdditions:
    """All of it, for the freeze document."""
    return {
        "assertion": assertion(frozen_by, frozen_at),
        "engagements": engagements(assessment),
        "statements": statements(assessment),
        "audit_findings": audit_findings(assessment),
        "dataset_checks": dataset_checks(assessment),
    }


def engagements(assessment: Assessment) -> list[doc.FrozenEngagement]:
    """Audits that the assessment is for, oldest first."""
    return [
        doc.FrozenEngagement(
            uuid=str(one.uuid),
            title=one.title,
            kind=EngagementKind(one.kind),
            criteria=one.criteria,
            edition=one.edition,
            entity=one.entity,
            as_of=one.as_of.isoformat() if one.as_of else None,
            period_start=one.period_start.isoformat(),
            period_end=one.period_end.isoformat(),
            exclusions=one.exclusions,
            accounts=[str(account) for account in one.accounts],
            regions=[str(region) for region in one.regions],
        )
        for one in assessment.engagements.order_by("created_at", "pk")
    ]


def statements(assessment: Assessment) -> list[doc.FrozenStatement]:
    """The approved statement of applicability of each framework: the system's own, else the organisation's."""
    newest = StatementVersion.objects.filter(framework=OuterRef("framework"), system=OuterRef("system"))
    whole = StatementVersion.objects.filter(framework=OuterRef("framework"), system=None)
    rows = StatementVersion.objects.filter(
        Q(system=assessment.system_id, pk=Subquery(newest.order_by("-version").values("pk")[:1]))
        | Q(system=None, pk=Subquery(whole.order_by("-version").values("pk")[:1]))
    )
    chosen: dict[int, StatementVersion] = {}
    for row in rows.select_related("framework", "system", "approved_by").order_by("framework__key", "pk"):
        if row.system_id is not None or row.framework_id not in chosen:
            chosen[row.framework_id] = row
    return [_statement(row) for row in chosen.values()]


def _statement(row: StatementVersion) -> doc.FrozenStatement:
    return doc.FrozenStatement(
        uuid=str(row.uuid),
        framework=row.framework.title,
        edition=str(row.framework.facts.get("edition", "")),
        of=row.system.name if row.system else "",
        version=row.version,
        sha256=row.sha256,
        approved_by=_named(row.approved_by),
        approved_at=_utc(row.created_at),
        lines=[
            doc.StatedControl(
                id=line["id"],
                inclusion=Inclusion(line["inclusion"]),
                reason=line["reason"],
                implementation=Implementation(line["implementation"]),
                controls=[f"{one['id']} v{one['version']}" for one in line["controls"]],
            )
            for line in row.lines
        ],
    )


def audit_findings(assessment: Assessment) -> list[doc.FrozenAuditFinding]:
    """Findings that auditors issued on controls of the AI system, oldest first, with management's answer and follow-up."""
    own = set(assessment.engagements.values_list("pk", flat=True))
    rows = AuditFinding.objects.filter(test__control__system=assessment.system_id, issued_at__isnull=False)
    rows = rows.select_related("engagement", "test__control", "repeats__engagement", "action_owner", "item")
    told = Prefetch("entries", AuditFindingEntry.objects.select_related("made_by").order_by("created_at", "pk"))
    return [_audit_finding(row, own) for row in rows.prefetch_related(told).order_by("issued_at", "pk")]


def _audit_finding(row: AuditFinding, own: set[int]) -> doc.FrozenAuditFinding:
    assert row.issued_at is not None
    control = row.test.control
    return doc.FrozenAuditFinding(
        uuid=str(row.uuid),
        number=row.number,
        engagement=row.engagement.title,
        prior=row.engagement_id not in own,
        control=f"{control.control_id} {control.title}".strip(),
        title=row.title,
        condition=row.condition,
        criteria=row.criteria,
        cause=row.cause,
        effect=row.effect,
        rating=row.rating,
        severity=Severity(row.severity),
        repeats=f"{row.repeats.engagement.title}: {row.repeats.title}" if row.repeats else "",
        state=AuditFindingState(row.state),
        issued_at=_utc(row.issued_at),
        agreement=Agreement(row.agreement) if row.agreement else None,
        response=row.response,
        action=row.action,
        action_owner=_named(row.action_owner),
        action_due=row.action_due_on.isoformat() if row.action_due_on else None,
        item=str(row.item.uuid) if row.item else None,
        closed_at=_utc(row.closed_at) if row.closed_at else None,
        history=[_follow_up(entry) for entry in row.entries.all() if entry.before != AuditFindingState.DRAFT],
    )


def _follow_up(entry: AuditFindingEntry) -> doc.FollowUp:
    return doc.FollowUp(
        at=_utc(entry.created_at),
        act=AuditFindingAct(entry.act),
        after=AuditFindingState(entry.after),
        words=entry.words,
        by=_named(entry.made_by),
    )


def dataset_checks(assessment: Assessment) -> list[doc.DatasetCheck]:
    """Every comparison of the AI system's datasets with their manifests, oldest first."""
    rows = DatasetVerification.objects.filter(dataset_version__dataset__system=assessment.system_id)
    return [
        doc.DatasetCheck(
            uuid=str(row.uuid),
            dataset=str(row.dataset_version.uuid),
            at=_utc(row.verified_at),
            matches=row.matches,
            found_root=row.found_root,
            added=row.added,
            removed=row.removed,
            changed=row.changed,
            by=_named(row.verified_by),
        )
        for row in rows.select_related("dataset_version", "verified_by").order_by("verified_at", "pk")
    ]


def custody(assessment: Assessment) -> dict[str, list[doc.CustodyEvent]]:
    """What was done to each piece of evidence, by its uuid, oldest first; one query."""
    pieces = Evidence.objects.filter(system=assessment.system_id).values("uuid")
    rows = LedgerEvent.objects.filter(kind__startswith="evidence.", subject_uuid__in=pieces)
    told: defaultdict[str, list[doc.CustodyEvent]] = defaultdict(list)
    for event in rows.select_related("entry__actor", "place").order_by("created_at", "pk").iterator(chunk_size=2_000):
        place = getattr(event, "place", None)
        told[str(event.subject_uuid)].append(
            doc.CustodyEvent(
                at=_utc(event.created_at),
                act=event.kind.removeprefix("evidence."),
                by=_named(event.entry.actor),
                position=place.position if place else None,
            )
        )
    return told
