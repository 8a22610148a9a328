"""Tests of controls by auditors: kinds, methods, conclusions, selections; and two lives as tables, of a test and a finding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ControlTestKind(StrEnum):
    """What a test asks of a control."""

    WALKTHROUGH = "walkthrough"
    DESIGN = "design"
    IMPLEMENTATION = "implementation"
    OPERATION = "operation"


class ControlTestMethod(StrEnum):
    """How an auditor looks. Asking alone is the weakest."""

    INQUIRE = "inquire"
    OBSERVE = "observe"
    EXAMINE = "examine"
    REPERFORM = "reperform"


class ControlTestState(StrEnum):
    """Where a test stands. The organisation sees released ones alone."""

    OPEN = "open"
    CONCLUDED = "concluded"
    AGREED = "agreed"
    RELEASED = "released"


class ControlTestConclusion(StrEnum):
    """What the auditor concludes of the control; the words depend on the kind of the test."""

    EFFECTIVE = "effective"
    NOT_EFFECTIVE = "not_effective"
    NONE = "none"


class ControlTestAct(StrEnum):
    """What moves a test."""

    CONCLUDE = "conclude"
    RETURN = "return"
    AGREE = "agree"
    RELEASE = "release"


TEST_STEPS: dict[tuple[ControlTestState, ControlTestAct], ControlTestState] = {
    (ControlTestState.OPEN, ControlTestAct.CONCLUDE): ControlTestState.CONCLUDED,
    (ControlTestState.CONCLUDED, ControlTestAct.RETURN): ControlTestState.OPEN,
    (ControlTestState.CONCLUDED, ControlTestAct.AGREE): ControlTestState.AGREED,
    (ControlTestState.AGREED, ControlTestAct.RETURN): ControlTestState.OPEN,
    (ControlTestState.AGREED, ControlTestAct.RELEASE): ControlTestState.RELEASED,
}


class InstanceResult(StrEnum):
    """What one attribute of one instance showed."""

    PASS = "pass"  # noqa: S105 - a result, no password
    EXCEPTION = "exception"
    NOT_APPLICABLE = "not_applicable"


class SourceCheck(StrEnum):
    """Whether an instance agrees with the record in the source's own console."""

    AGREES = "agrees"
    DIFFERS = "differs"


class PopulationKind(StrEnum):
    """Of what a population is made."""

    JOB_EVENTS = "job_events"
    APPROVALS = "approvals"
    MODEL_VERSIONS = "model_versions"
    EVIDENCE = "evidence"
    FINDINGS = "findings"
    ENTITLEMENT_CHANGES = "entitlement_changes"
    LIST = "list"


class Selection(StrEnum):
    """By which rule the rows of a sample were chosen; only the first three draw by a seed."""

    STATISTICAL = "statistical"
    FIXED = "fixed"
    FREQUENCY = "frequency"
    JUDGEMENTAL = "judgemental"
    TARGETED = "targeted"


BY_SEED = frozenset({Selection.STATISTICAL, Selection.FIXED, Selection.FREQUENCY})


class Agreement(StrEnum):
    """Management's stand on an auditor's finding."""

    AGREE = "agree"
    PARTLY = "partly"
    DISAGREE = "disagree"


class AuditFindingState(StrEnum):
    """Where an auditor's finding stands. The organisation sees it from its issue on."""

    DRAFT = "draft"
    ISSUED = "issued"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class AuditFindingAct(StrEnum):
    """What moves an auditor's finding."""

    ISSUE = "issue"
    RESPOND = "respond"
    SEND_BACK = "send_back"
    ACCEPT = "accept"
    STILL_OPEN = "still_open"
    CLOSE = "close"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class AuditFindingStep:
    """Where an act leads, and whose it is."""

    after: AuditFindingState
    is_managements: bool = False


_S, _A = AuditFindingState, AuditFindingAct
# The whole life of an auditor's finding. Whatever is not here is refused.
FINDING_STEPS: dict[tuple[AuditFindingState, AuditFindingAct], AuditFindingStep] = {
    (_S.DRAFT, _A.ISSUE): AuditFindingStep(_S.ISSUED),
    (_S.DRAFT, _A.WITHDRAW): AuditFindingStep(_S.WITHDRAWN),
    (_S.ISSUED, _A.RESPOND): AuditFindingStep(_S.ANSWERED, is_managements=True),
    (_S.ISSUED, _A.WITHDRAW): AuditFindingStep(_S.WITHDRAWN),
    (_S.ANSWERED, _A.SEND_BACK): AuditFindingStep(_S.ISSUED),
    (_S.ANSWERED, _A.ACCEPT): AuditFindingStep(_S.ACCEPTED),
    (_S.ANSWERED, _A.WITHDRAW): AuditFindingStep(_S.WITHDRAWN),
    (_S.ACCEPTED, _A.STILL_OPEN): AuditFindingStep(_S.ACCEPTED),
    (_S.ACCEPTED, _A.CLOSE): AuditFindingStep(_S.CLOSED),
}


def acts_from(state: AuditFindingState, *, of_management: bool) -> tuple[AuditFindingAct, ...]:
    """What management, or the auditor, may do with a finding that stands so."""
    return tuple(
        act for (before, act), step in FINDING_STEPS.items() if before is state and step.is_managements is of_management
    )


@dataclass(frozen=True, slots=True)
class Rating:
    """One step of an engagement's rating scheme. severity: how the record of findings counts it."""

    word: str
    severity: str
    means: str = ""


@dataclass(frozen=True, slots=True)
class FrequencySize:
    """How many instances a firm tests of a control that runs so often."""

    frequency: str
    size: int


# What an engagement starts with, until its auditors say otherwise.
RATINGS = (
    Rating("High", "high", "Needs action before the next audit."),
    Rating("Medium", "medium", "Needs action within the year."),
    Rating("Low", "low", "An improvement."),
)
FREQUENCY_SIZES = (
    FrequencySize("Annual", 1),
    FrequencySize("Quarterly", 2),
    FrequencySize("Monthly", 2),
    FrequencySize("Weekly", 5),
    FrequencySize("Daily", 20),
    FrequencySize("Many times a day", 25),
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing that is asked of each instance, under a letter."""

    key: str
    asks: str
