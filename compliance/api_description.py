"""Settings of the API's own description: its title, and a name for each set of choices that several fields share."""

from __future__ import annotations

from functools import partial
from typing import Any

from compliance.choices import choices
from compliance.types.audit_requests import RequestState
from compliance.types.engagements import EngagementKind, EngagementState, TeamPart
from compliance.types.handling import HandlingLabel
from compliance.types.pack_layouts import Layout
from compliance.types.plans import GIVEN_REASONS, EffortUnit, PlanReason
from compliance.types.retention import EvidenceKind, RetentionStart
from compliance.types.sla import SlaUnit
from compliance.types.states import (
    AnswerState,
    AssessmentState,
    EvidenceState,
    JobState,
    MappingState,
    ReleaseOutcome,
    RemediationState,
    RetentionClass,
    RiskState,
    Severity,
)
from compliance.types.testing import AuditFindingState, ControlTestKind, ControlTestState, PopulationKind
from compliance.types.verdicts import Conclusion

SETTINGS: dict[str, Any] = {
    "TITLE": "Assay API",
    "DESCRIPTION": "Evidence of what was tested for backdoors in AI models, how strongly, and what was not.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["compliance.api.permissions.MayUseVerb"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        f"{kind.__name__}Enum": partial(choices, kind)
        for kind in (
            AnswerState,
            AssessmentState,
            EvidenceState,
            JobState,
            MappingState,
            RemediationState,
            Severity,
            Conclusion,
            EngagementKind,
            EngagementState,
            TeamPart,
            ControlTestKind,
            ControlTestState,
            PopulationKind,
            Layout,
            ReleaseOutcome,
            AuditFindingState,
            EvidenceKind,
            HandlingLabel,
            RetentionClass,
            RetentionStart,
            RequestState,
            RiskState,
            EffortUnit,
            PlanReason,
            SlaUnit,
        )
    }
    | {
        "ScanKindEnum": "scanning.api.serializers.KINDS",
        "GivenReasonEnum": [(reason.value, reason.value) for reason in GIVEN_REASONS],
    },
}
