"""The tables of the record."""

from compliance.models.access_review import AccessReview, AccessReviewLine
from compliance.models.assessment import Answer, AnswerRevision, Assessment
from compliance.models.audit_finding import AuditFinding, AuditFindingEntry
from compliance.models.audit_request import AuditRequest, RequestEvidence, RequestReply
from compliance.models.binding import BindingRule, JobBinding
from compliance.models.capacity import Capacity, CostRate, Leave
from compliance.models.catalog import (
    AuditQuestion,
    CaseStudy,
    CatalogRelease,
    Framework,
    MappingPair,
    Mitigation,
    ReferenceControl,
    Technique,
    TechniqueSection,
)
from compliance.models.catalog_review import ControlReview
from compliance.models.check import CheckRun
from compliance.models.completeness import CompletenessReading, CompletenessRow, KeyComparison
from compliance.models.control import ControlRequirement, ControlVersion, ImplementedControl
from compliance.models.control_test import (
    AttributeResult,
    ControlTest,
    Population,
    Sample,
    SampledInstance,
    TestingScheme,
)
from compliance.models.document import PlatformDocument
from compliance.models.engagement import AuditorRead, Engagement, EngagementMember, EngagementMove
from compliance.models.entitlement import Entitlement, EntitlementReading, EntitlementSnapshot
from compliance.models.evidence import Evidence, EvidenceLink
from compliance.models.expectation import ChangeWindow, DatasetVerification, ExpectedRate, JobApproval
from compliance.models.file_check import FileCheck, RehashRun
from compliance.models.finding import Finding, Risk
from compliance.models.inventory import AIModel, AISystem, Dataset, DatasetVersion, ModelVersion
from compliance.models.job import Job, JobStep
from compliance.models.ledger import CheckpointStamp, LedgerBlock, LedgerCheckpoint, LedgerEvent, LedgerPosition
from compliance.models.notice import CalendarFeed, MailState, Notice, NoticeChoice
from compliance.models.observation import JobEvent, Observation
from compliance.models.pack import EvidencePack, Freeze, PackHandover, PackRelease
from compliance.models.people import Membership, Principal, Team, User
from compliance.models.remediation import ItemDependency, Milestone, RemediationItem
from compliance.models.remediation_desk import BulkEdit, RemediationComment, RemediationSummary, SavedFilter
from compliance.models.remediation_plan import Baseline, BaselineDecision, PlanUpdate, WorkEntry
from compliance.models.retention import DisposalItem, DisposalRun, LegalHold, RetentionTerms, Tombstone
from compliance.models.risk import Closing, RiskAcceptance, RiskMove, Waiver
from compliance.models.seal import PackRenewal, SealCertificate, SealRevocation
from compliance.models.sla import BusinessCalendar, NightlyRun, SlaClock, SlaPolicy
from compliance.models.statement import StatementLine, StatementVersion
from compliance.models.supplier import CustomerControl, Supplier, SupplierReview
from compliance.models.token import TokenScope
from compliance.models.trail import RowChange, TrailEntry
from compliance.models.webhook import WebhookDelivery, WebhookEndpoint
from compliance.models.work_paper import WorkPaperKey, WorkPaperNote

__all__ = [
    "AIModel",
    "AISystem",
    "AccessReview",
    "AccessReviewLine",
    "Answer",
    "AnswerRevision",
    "Assessment",
    "AttributeResult",
    "AuditFinding",
    "AuditFindingEntry",
    "AuditQuestion",
    "AuditRequest",
    "AuditorRead",
    "Baseline",
    "BaselineDecision",
    "BindingRule",
    "BulkEdit",
    "BusinessCalendar",
    "CalendarFeed",
    "Capacity",
    "CaseStudy",
    "CatalogRelease",
    "ChangeWindow",
    "CheckRun",
    "CheckpointStamp",
    "Closing",
    "CompletenessReading",
    "CompletenessRow",
    "ControlRequirement",
    "ControlReview",
    "ControlTest",
    "ControlVersion",
    "CostRate",
    "CustomerControl",
    "Dataset",
    "DatasetVerification",
    "DatasetVersion",
    "DisposalItem",
    "DisposalRun",
    "Engagement",
    "EngagementMember",
    "EngagementMove",
    "Entitlement",
    "EntitlementReading",
    "EntitlementSnapshot",
    "Evidence",
    "EvidenceLink",
    "EvidencePack",
    "ExpectedRate",
    "FileCheck",
    "Finding",
    "Framework",
    "Freeze",
    "ImplementedControl",
    "ItemDependency",
    "Job",
    "JobApproval",
    "JobBinding",
    "JobEvent",
    "JobStep",
    "KeyComparison",
    "Leave",
    "LedgerBlock",
    "LedgerCheckpoint",
    "LedgerEvent",
    "LedgerPosition",
    "LegalHold",
    "MailState",
    "MappingPair",
    "Membership",
    "Milestone",
    "Mitigation",
    "ModelVersion",
    "NightlyRun",
    "Notice",
    "NoticeChoice",
    "Observation",
    "PackHandover",
    "PackRelease",
    "PackRenewal",
    "PlanUpdate",
    "PlatformDocument",
    "Population",
    "Principal",
    "ReferenceControl",
    "RehashRun",
    "RemediationComment",
    "RemediationItem",
    "RemediationSummary",
    "RequestEvidence",
    "RequestReply",
    "RetentionTerms",
    "Risk",
    "RiskAcceptance",
    "RiskMove",
    "RowChange",
    "Sample",
    "SampledInstance",
    "SavedFilter",
    "SealCertificate",
    "SealRevocation",
    "SlaClock",
    "SlaPolicy",
    "StatementLine",
    "StatementVersion",
    "Supplier",
    "SupplierReview",
    "Team",
    "Technique",
    "TechniqueSection",
    "TestingScheme",
    "TokenScope",
    "Tombstone",
    "TrailEntry",
    "User",
    "Waiver",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WorkEntry",
    "WorkPaperKey",
    "WorkPaperNote",
]
