"""Who may do what, as data; and the scoping of every queryset by its asker. Deny by default.

Two gates guard every page, endpoint and command that acts for a person: `may(user, verb)` — the role × verb table —
and `visible(queryset, user)` — which rows exist for that person at all. `docs/rights.md` is printed from this table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, Q, QuerySet

from compliance import models as m
from compliance.auditor_scope import auditor_filter, room_keys
from compliance.types.states import Role
from compliance.types.verbs import Verb

__all__ = ["Verb"]  # whoever names a verb names it beside its table

ModelT = TypeVar("ModelT", bound=Model)
Asker = m.User | AnonymousUser

_ALL = frozenset(Role)
_STAFF = frozenset({Role.ADMINISTRATOR, Role.OFFICER, Role.MANAGER})
_PEOPLE = _ALL - {Role.COLLECTOR}
_PAYERS = frozenset({Role.ADMINISTRATOR, Role.MANAGER})
_MAKERS = frozenset({Role.OFFICER, Role.CONTRIBUTOR})

TABLE: dict[Verb, frozenset[Role]] = {
    Verb.VIEW: _PEOPLE,
    Verb.VIEW_JOBS: _STAFF | {Role.CONTRIBUTOR},
    Verb.VIEW_TRAIL: _STAFF | {Role.AUDITOR},
    Verb.VIEW_PEOPLE: frozenset({Role.ADMINISTRATOR, Role.OFFICER}),
    Verb.MANAGE_PEOPLE: frozenset({Role.ADMINISTRATOR}),
    Verb.VIEW_ENGAGEMENTS: _STAFF | {Role.AUDITOR},
    Verb.MANAGE_ENGAGEMENTS: frozenset({Role.ADMINISTRATOR, Role.OFFICER}),
    Verb.MOVE_ENGAGEMENT: frozenset({Role.OFFICER, Role.AUDITOR}),
    Verb.ASK_REQUEST: frozenset({Role.OFFICER, Role.AUDITOR}),
    Verb.CHANGE_REQUEST: frozenset({Role.OFFICER, Role.MANAGER, Role.AUDITOR}),
    Verb.WORK_REQUEST: frozenset({Role.OFFICER, Role.MANAGER, Role.CONTRIBUTOR, Role.AUDITOR}),
    Verb.KEEP_NOTES: frozenset({Role.AUDITOR}),
    Verb.STATE_INDEPENDENCE: frozenset({Role.AUDITOR}),
    Verb.MANAGE_SYSTEMS: frozenset({Role.ADMINISTRATOR, Role.OFFICER}),
    Verb.MANAGE_CONTROLS: frozenset({Role.OFFICER}),
    Verb.WRITE_MAPPINGS: _MAKERS,
    Verb.DECIDE_MAPPINGS: frozenset({Role.OFFICER}),
    Verb.APPROVE_STATEMENT: frozenset({Role.OFFICER, Role.MANAGER}),
    Verb.LOAD_CATALOG: frozenset({Role.ADMINISTRATOR}),
    Verb.OPEN_ASSESSMENT: frozenset({Role.OFFICER}),
    Verb.WRITE_ANSWER: _MAKERS,
    Verb.APPROVE_ANSWER: frozenset({Role.OFFICER, Role.MANAGER}),
    Verb.ASSIGN_ANSWER: frozenset({Role.OFFICER, Role.MANAGER}),
    Verb.FREEZE_ASSESSMENT: frozenset({Role.OFFICER}),
    Verb.ADD_EVIDENCE: _MAKERS | {Role.COLLECTOR},
    Verb.LINK_EVIDENCE: _MAKERS,
    Verb.JUDGE_EVIDENCE: _MAKERS,
    Verb.DOWNLOAD_EVIDENCE: _STAFF | {Role.CONTRIBUTOR, Role.AUDITOR},
    Verb.IMPORT_DOCUMENT: _MAKERS | {Role.COLLECTOR},
    Verb.BIND_EVENTS: _MAKERS,
    Verb.RECORD_APPROVAL: _MAKERS,
    Verb.STATE_EXPECTATIONS: frozenset({Role.OFFICER}),
    Verb.RUN_CHECKS: _MAKERS,
    Verb.REVIEW_ACCESS: frozenset({Role.OFFICER, Role.MANAGER}),
    # Whoever hands in the logs cannot confirm the keys by which they are verified.
    Verb.COMPARE_KEYS: frozenset({Role.AUDITOR}),
    Verb.REGISTER_MODEL: _MAKERS,
    Verb.REVIEW_SUPPLIER: _MAKERS,
    Verb.START_SCAN: _MAKERS,
    Verb.REGISTER_BANK: frozenset({Role.ADMINISTRATOR, Role.OFFICER}),
    Verb.REGISTER_KEY: frozenset({Role.ADMINISTRATOR, Role.OFFICER}),
    Verb.MAP_COLUMNS: _MAKERS,
    Verb.CANCEL_JOB: _MAKERS | {Role.ADMINISTRATOR},
    Verb.OPEN_REMEDIATION: frozenset({Role.OFFICER, Role.MANAGER}),
    Verb.WORK_REMEDIATION: frozenset({Role.OFFICER, Role.MANAGER, Role.CONTRIBUTOR}),
    Verb.ATTACH_TO_WORK: frozenset({Role.OFFICER, Role.MANAGER, Role.CONTRIBUTOR}),
    Verb.KEEP_FILTERS: _PEOPLE,
    Verb.VIEW_FIGURES: _STAFF,
    Verb.SET_PRIORITY: frozenset({Role.OFFICER, Role.MANAGER}),
    Verb.REQUEST_ACCEPTANCE: frozenset({Role.OFFICER, Role.MANAGER, Role.CONTRIBUTOR}),
    Verb.DECIDE_ACCEPTANCE: frozenset({Role.OFFICER, Role.MANAGER}),
    Verb.CONFIRM_CLOSING: frozenset({Role.OFFICER, Role.MANAGER}),
    Verb.APPROVE_BASELINE: frozenset({Role.OFFICER, Role.MANAGER}),
    Verb.VIEW_CAPACITY: _STAFF,
    Verb.STATE_CAPACITY: _PAYERS,
    Verb.VIEW_COSTS: _PAYERS,
    Verb.STATE_RATES: _PAYERS,
    Verb.ISSUE_PACK: frozenset({Role.OFFICER}),
    Verb.RELEASE_PACK: frozenset({Role.OFFICER, Role.MANAGER}),
    Verb.DOWNLOAD_PACK: _STAFF | {Role.AUDITOR},
    Verb.TEST_CONTROLS: frozenset({Role.AUDITOR}),
    Verb.ANSWER_AUDIT_FINDING: frozenset({Role.OFFICER, Role.MANAGER}),
    Verb.VIEW_RETENTION: _STAFF,
    Verb.MANAGE_RETENTION: frozenset({Role.ADMINISTRATOR}),
    Verb.CLASSIFY_EVIDENCE: frozenset({Role.ADMINISTRATOR, Role.OFFICER}),
    Verb.PLACE_HOLD: frozenset({Role.ADMINISTRATOR, Role.OFFICER}),
    Verb.PROPOSE_DISPOSAL: frozenset({Role.ADMINISTRATOR, Role.OFFICER}),
    Verb.DECIDE_DISPOSAL: _STAFF,
    Verb.REHASH_FILES: frozenset({Role.ADMINISTRATOR, Role.OFFICER}),
    Verb.LABEL_EVIDENCE: frozenset({Role.ADMINISTRATOR, Role.OFFICER}),
    Verb.VIEW_RECIPIENTS: _STAFF,
    Verb.HAND_OVER_PACK: frozenset({Role.OFFICER, Role.MANAGER}),
    Verb.VIEW_SUBJECTS: frozenset({Role.ADMINISTRATOR, Role.OFFICER}),
    Verb.EXPORT_SUBJECT: frozenset({Role.ADMINISTRATOR, Role.OFFICER}),
    Verb.ERASE_SUBJECT: frozenset({Role.ADMINISTRATOR, Role.OFFICER}),
    Verb.VIEW_LIMITS: _STAFF,
    Verb.MANAGE_LIMITS: frozenset({Role.OFFICER, Role.MANAGER}),
    Verb.MANAGE_WEBHOOKS: frozenset({Role.ADMINISTRATOR}),
    Verb.OWN_NOTICES: _PEOPLE,
    Verb.OWN_TOKENS: _ALL,
    Verb.OWN_SIGN_IN: _ALL,
}


class NotAllowedError(Exception):
    """The person may not do this; the message says which verb and role."""


# Who may make accounts of which role, and give it. A role in no list gives none.
GRANTS: dict[Role, frozenset[Role]] = {Role.ADMINISTRATOR: _ALL}
# What no limited token carries: with these one could make oneself stronger than the token.
NEVER_CARRIED = frozenset({Verb.MANAGE_PEOPLE, Verb.OWN_SIGN_IN})
# What a machine's account may be. A machine administers no people and audits nothing.
SERVICE_ROLES = frozenset({Role.COLLECTOR, Role.CONTRIBUTOR, Role.OFFICER, Role.MANAGER})


def may(user: Asker, verb: Verb) -> bool:
    """Whether the role of an active user carries the verb, and so does the token they came by."""
    if not isinstance(user, m.User) or not user.is_active or Role(user.role) not in TABLE[verb]:
        return False
    scope = user.token_scope
    return scope is None or not scope.is_limited or (verb not in NEVER_CARRIED and scope.carries(verb.name))


def may_grant(user: Asker, role: Role) -> bool:
    """Whether this person may give somebody the role: nobody gives more than is written for their own."""
    return (
        may(user, Verb.MANAGE_PEOPLE) and isinstance(user, m.User) and role in GRANTS.get(Role(user.role), frozenset())
    )


def require(user: Asker, verb: Verb) -> m.User:
    """The user, when they may; otherwise NotAllowedError."""
    if isinstance(user, m.User) and may(user, verb):
        return user
    role = user.role if isinstance(user, m.User) else "nobody"
    raise NotAllowedError(f"The role “{role}” may not {verb.value}.")


# From each table to the AI system it belongs to. A table that is in no list below is invisible to everyone. ------

SYSTEM_PATH: dict[str, str] = {
    "compliance.AISystem": "pk",
    "compliance.AIModel": "system",
    "compliance.ModelVersion": "model__system",
    "compliance.Dataset": "system",
    "compliance.DatasetVersion": "dataset__system",
    "compliance.ImplementedControl": "system",
    "compliance.ControlRequirement": "control__system",
    "compliance.ControlVersion": "control__system",
    "compliance.StatementLine": "system",
    "compliance.StatementVersion": "system",
    "compliance.Assessment": "system",
    "compliance.Answer": "assessment__system",
    "compliance.AnswerRevision": "answer__assessment__system",
    "compliance.Evidence": "system",
    "compliance.EvidenceLink": "evidence__system",
    "compliance.Tombstone": "evidence__system",
    "compliance.Observation": "system",
    "compliance.JobEvent": "system",
    "compliance.JobBinding": "system",
    "compliance.BindingRule": "system",
    "compliance.JobApproval": "system",
    "compliance.ChangeWindow": "system",
    "compliance.ExpectedRate": "system",
    "compliance.DatasetVerification": "dataset_version__dataset__system",
    "compliance.CheckRun": "system",
    "compliance.AccessReview": "system",
    "compliance.AccessReviewLine": "review__system",
    "compliance.PlatformDocument": "system",
    "compliance.CompletenessReading": "system",
    "compliance.CompletenessRow": "reading__system",
    "compliance.KeyComparison": "system",
    "compliance.EntitlementSnapshot": "system",
    "compliance.EntitlementReading": "system",
    "compliance.Entitlement": "reading__system",
    "compliance.Supplier": "system",
    "compliance.SupplierReview": "supplier__system",
    "compliance.CustomerControl": "review__supplier__system",
    "compliance.Population": "system",
    "compliance.ControlTest": "control__system",
    "compliance.Sample": "test__control__system",
    "compliance.SampledInstance": "test__control__system",
    "compliance.AttributeResult": "instance__test__control__system",
    "compliance.AuditFinding": "test__control__system",
    "compliance.AuditFindingEntry": "audit_finding__test__control__system",
    "compliance.Finding": "system",
    "compliance.Risk": "finding__system",
    "compliance.SlaClock": "finding__system",
    "compliance.RiskMove": "risk__finding__system",
    "compliance.RiskAcceptance": "risk__finding__system",
    "compliance.Closing": "system",
    "compliance.Waiver": "system",
    "compliance.RemediationItem": "system",
    "compliance.Milestone": "item__system",
    "compliance.RemediationComment": "item__system",
    "compliance.ItemDependency": "item__system",
    "compliance.Baseline": "item__system",
    "compliance.BaselineDecision": "baseline__item__system",
    "compliance.PlanUpdate": "item__system",
    "compliance.WorkEntry": "item__system",
    "compliance.Freeze": "assessment__system",
    "compliance.EvidencePack": "freeze__assessment__system",
    "compliance.PackRelease": "pack__freeze__assessment__system",
    "compliance.PackRenewal": "pack__freeze__assessment__system",
    "compliance.Job": "system",
    "compliance.TrailEntry": "system",
    "scanning.Import": "system",
    "scanning.ImportReject": "document_import__system",
    "scanning.Scan": "model_version__model__system",
}

CATALOGUE = frozenset(
    f"compliance.{name}"
    for name in (
        "CatalogRelease", "Technique", "Mitigation", "CaseStudy", "TechniqueSection", "AuditQuestion", "Framework",
        "ReferenceControl", "MappingPair",
    )
)  # fmt: skip
SHARED = CATALOGUE | {
    "scanning.ColumnMapping",
    "scanning.ReferenceBank",
    "scanning.SigningKey",
    "compliance.LedgerBlock",
    "compliance.LedgerCheckpoint",
    "compliance.CheckpointStamp",
    "compliance.SealCertificate",
    "compliance.SealRevocation",
}
PEOPLE = frozenset({"compliance.RowChange", "compliance.User", "compliance.Team", "compliance.Membership"})
# From each table of an audit to its engagement: staff see all of them, an auditor those of the rooms open to them.
ENGAGEMENT_PATH: dict[str, str] = {
    "compliance.Engagement": "pk",
    "compliance.EngagementMember": "engagement",
    "compliance.EngagementMove": "engagement",
    "compliance.AuditorRead": "engagement",
    "compliance.TestingScheme": "engagement",
    "compliance.AuditRequest": "engagement",
    "compliance.RequestReply": "request__engagement",
    "compliance.RequestEvidence": "request__engagement",
}
# Work of auditors exists for the organisation from the moment that an auditor released it, or issued the finding.
RELEASED: dict[str, Callable[[], Q]] = {
    "compliance.ControlTest": lambda: Q(released_at__isnull=False),
    "compliance.Sample": lambda: Q(test__released_at__isnull=False),
    "compliance.SampledInstance": lambda: Q(test__released_at__isnull=False),
    "compliance.AttributeResult": lambda: Q(instance__test__released_at__isnull=False),
    "compliance.Population": lambda: Q(
        pk__in=m.ControlTest.objects.filter(released_at__isnull=False).values("population")
    ),
    "compliance.AuditFinding": lambda: Q(issued_at__isnull=False),
    "compliance.AuditFindingEntry": lambda: Q(audit_finding__issued_at__isnull=False),
}
OWNER_PATH: dict[str, str] = {
    "compliance.AuditRequest": "owner",
    "compliance.RequestReply": "request__owner",
    "compliance.RequestEvidence": "request__owner",
}
# What exists for its author alone, whoever else asks.
AUTHOR_PATH: dict[str, str] = {
    "compliance.WorkPaperNote": "author",
    "compliance.WorkPaperKey": "user",
    "compliance.Notice": "user",
    "compliance.NoticeChoice": "user",
    "compliance.MailState": "user",
    "compliance.CalendarFeed": "user",
}
# What exists for its owner, and once it is shared for everybody of the organisation.
SHARED_BY_OWNER: dict[str, str] = {"compliance.SavedFilter": "owner"}
PRINCIPALS = "compliance.Principal"
# What concerns the organisation as a whole: for those who see every AI system.
WHOLE = frozenset(
    f"compliance.{name}"
    for name in (
        "RetentionTerms", "LegalHold", "DisposalRun", "DisposalItem", "RehashRun", "FileCheck", "PackHandover",
        "RemediationSummary", "BulkEdit", "BusinessCalendar", "SlaPolicy", "NightlyRun", "WebhookEndpoint",
        "WebhookDelivery", "Capacity", "Leave", "CostRate",
    )
)  # fmt: skip
COSTS: dict[str, Q] = {"compliance.CostRate": Q(pk__in=()), "compliance.RemediationSummary": Q(has_costs=False)}
TOKENS = "compliance.TokenScope"


def member_systems(user: m.User) -> QuerySet[m.AISystem]:
    """AI systems a contributor or collector is on, in person or by team."""
    return m.AISystem.objects.filter(Q(memberships__user=user) | Q(memberships__team__members=user)).distinct()


def sees_all(user: Asker) -> bool:
    """Whether the asker sees every AI system, and so what concerns the organisation as a whole."""
    return isinstance(user, m.User) and user.is_active and Role(user.role) in _STAFF and limited_to(user) is None


def limited_to(user: Asker) -> frozenset[int] | None:
    """The AI systems to which the asker's token is limited; None where it is not."""
    scope = user.token_scope if isinstance(user, m.User) else None
    return scope.systems if scope else None


def visible(queryset: QuerySet[ModelT], user: Asker) -> QuerySet[ModelT]:
    """The rows of a queryset that exist for this asker; everything else answers 404."""
    if not isinstance(user, m.User) or not user.is_active:
        return queryset.none()
    rows, systems, label = _visible(queryset, user), limited_to(user), queryset.model._meta.label
    if systems is None or label in CATALOGUE | {PRINCIPALS}:
        return rows
    lookup: dict[str, Any] = {f"{SYSTEM_PATH.get(label, 'pk')}__in": systems if label in SYSTEM_PATH else ()}
    return rows.filter(**lookup)


def _visible(queryset: QuerySet[ModelT], user: m.User) -> QuerySet[ModelT]:
    """As `visible`, by the person's own rights."""
    label, role = queryset.model._meta.label, Role(user.role)
    if label in SHARED:
        return _visible_shared(queryset, user)
    if label in COSTS and not may(user, Verb.VIEW_COSTS):
        queryset = queryset.filter(COSTS[label])  # what exists for those who may not see costs
    if label in WHOLE:
        return queryset if role in _STAFF else queryset.none()
    if label == TOKENS:
        return _visible_tokens(queryset, user)
    if label in PEOPLE:
        return queryset if may(user, Verb.VIEW_PEOPLE) else queryset.none()
    if label == PRINCIPALS:
        return _visible_principals(queryset, user)
    if label in AUTHOR_PATH:
        return queryset.filter(**{AUTHOR_PATH[label]: user})
    if label in SHARED_BY_OWNER:
        own = Q(**{SHARED_BY_OWNER[label]: user})
        return queryset.filter(own if role in (Role.AUDITOR, Role.COLLECTOR) else own | Q(is_shared=True))
    if label in ENGAGEMENT_PATH:
        return _visible_in_rooms(queryset, user)
    if label not in SYSTEM_PATH or role is Role.COLLECTOR:
        return queryset.none()
    if label in RELEASED and role is not Role.AUDITOR:
        queryset = queryset.filter(RELEASED[label]())
    if role in _STAFF:
        return queryset
    if role is Role.AUDITOR:
        return queryset.filter(auditor_filter(label, user, SYSTEM_PATH.get(label)))
    lookup: dict[str, Any] = {f"{SYSTEM_PATH[label]}__in": member_systems(user).values("pk")}
    return queryset.filter(**lookup)


def _visible_shared(queryset: QuerySet[ModelT], user: m.User) -> QuerySet[ModelT]:
    """What is of no system: the public catalogue for everybody who reads, the rest for an auditor in an open room alone."""
    role = Role(user.role)
    if role is Role.COLLECTOR:
        return queryset.none()
    if role is Role.AUDITOR and queryset.model._meta.label not in CATALOGUE:
        return queryset if room_keys(user) else queryset.none()
    return queryset


def _visible_in_rooms(queryset: QuerySet[ModelT], user: m.User) -> QuerySet[ModelT]:
    """Rows of the engagements that exist for this person; a contributor has the requests that they own, and no more."""
    if Role(user.role) in _STAFF:
        return queryset
    if Role(user.role) is Role.CONTRIBUTOR and queryset.model._meta.label in OWNER_PATH:
        return queryset.filter(**{OWNER_PATH[queryset.model._meta.label]: user})
    if Role(user.role) is not Role.AUDITOR:
        return queryset.none()
    rooms = {f"{ENGAGEMENT_PATH[queryset.model._meta.label]}__in": room_keys(user)}
    return queryset.filter(**rooms)


def _visible_tokens(queryset: QuerySet[ModelT], user: m.User) -> QuerySet[ModelT]:
    """One's own, and for those who manage people the machines'."""
    own = Q(token__user=user)
    return queryset.filter(own | Q(token__user__owner__isnull=False) if may(user, Verb.MANAGE_PEOPLE) else own)


def _visible_principals(queryset: QuerySet[ModelT], user: m.User) -> QuerySet[ModelT]:
    """A principal exists for whoever may see one of its events or entitlements."""
    if sees_all(user):
        return queryset
    acted = visible(m.JobEvent.objects.all(), user).values("actor")
    entitled = visible(m.Entitlement.objects.all(), user).values("principal")
    return queryset.filter(Q(pk__in=acted) | Q(pk__in=entitled))


def systems_for(user: Asker, verb: Verb) -> QuerySet[m.AISystem]:
    """AI systems on which this asker may do the verb; collectors write to systems they cannot read."""
    if not isinstance(user, m.User) or not may(user, verb):
        return m.AISystem.objects.none()
    if Role(user.role) is not Role.COLLECTOR:
        return visible(m.AISystem.objects.all(), user)
    systems = limited_to(user)
    return member_systems(user) if systems is None else member_systems(user).filter(pk__in=systems)
