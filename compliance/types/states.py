"""States, levels and kinds that records and drafts share."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Organisation-wide role of a person or machine. See compliance/rights.py for what each may do."""

    ADMINISTRATOR = "administrator"
    OFFICER = "officer"
    MANAGER = "manager"
    CONTRIBUTOR = "contributor"
    AUDITOR = "auditor"
    COLLECTOR = "collector"


class Audience(StrEnum):
    """For whom a pack is made. External recipients get no working trigger."""

    INTERNAL = "internal"
    EXTERNAL = "external"


class HandoverWay(StrEnum):
    """How a pack came to its recipient."""

    DOWNLOAD = "download"
    COMMAND = "command"
    HANDED_OVER = "handed-over"


class ReleaseOutcome(StrEnum):
    """What became of a pack for external recipients."""

    RELEASED = "released"
    REFUSED = "refused"


class Severity(StrEnum):
    """Normalised severity; the producer's own word is kept beside it."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFORMATIONAL = "informational"


class Method(StrEnum):
    """OSCAL observation methods."""

    EXAMINE = "EXAMINE"
    INTERVIEW = "INTERVIEW"
    TEST = "TEST"


class ActionClass(StrEnum):
    """What a fine-tune job event did, whatever the platform calls it."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    REGISTER = "register"
    APPROVE = "approve"
    DEPLOY = "deploy"
    GRANT = "grant"
    IMPORT = "import"
    OTHER = "other"


class Outcome(StrEnum):
    """What became of an event. A denial is evidence that a control worked."""

    SUCCESS = "success"
    DENIED = "denied"
    FAILED = "failed"
    UNKNOWN = "unknown"


class AnswerValue(StrEnum):
    """Answer to an audit question."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"
    NOT_APPLICABLE = "not_applicable"


class AnswerState(StrEnum):
    """Where an answer stands in its review."""

    OPEN = "open"
    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"


class AssessmentState(StrEnum):
    """Where an assessment stands. A frozen one never changes again."""

    OPEN = "open"
    FROZEN = "frozen"


class EvidenceState(StrEnum):
    """Whether the bytes were read as what they claim to be; or that they went in a disposal, and left a tombstone."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DISPOSED = "disposed"


class RetentionClass(StrEnum):
    """Classes of retention. How long each is, and why, are data: compliance.models.retention.RetentionTerms."""

    STANDARD = "standard"
    EXTENDED = "extended"
    TRANSIENT = "transient"


class ModelOrigin(StrEnum):
    """Where a model version came from."""

    INHERITED = "inherited"
    OWN = "own"
    UNKNOWN = "unknown"


class JobState(StrEnum):
    """Life of a background job; the row is the truth, the message only a wake-up."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RiskState(StrEnum):
    """OSCAL risk status."""

    OPEN = "open"
    INVESTIGATING = "investigating"
    REMEDIATING = "remediating"
    DEVIATION_REQUESTED = "deviation-requested"
    DEVIATION_APPROVED = "deviation-approved"
    CLOSED = "closed"


class RemediationState(StrEnum):
    """State of one remediation item."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    BLOCKED = "blocked"
    DONE = "done"
    CLOSED = "closed"


class MappingState(StrEnum):
    """State of a mapping pair. Only an approved one ever counts."""

    DRAFT = "draft"
    APPROVED = "approved"
    REJECTED = "rejected"
    RETIRED = "retired"
