"""Who can submit fine-tune jobs: documents that say so, and the answer read off them. Frozen, JSON-shaped, no Django.

A document that was not handed in is `NotAssessed`; it never counts as "cannot".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from compliance.types.documents import DocumentDraft
from compliance.types.drafts import JSON, PrincipalDraft


class Reach(StrEnum):
    """How far a principal is from submitting a job."""

    NOW = "now"
    AFTER_STEP = "after_step"
    """After an activation or the assumption of a role that is open to it."""
    SHARED_KEY = "shared_key"
    """By a key that whoever holds it can use: persons cannot be determined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitlementDraft(DocumentDraft):
    """A document that says what principals may do. Its content has the document's own member names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitlementDocument:
    """A document as an evaluator takes it. evidence_sha256: of the file that it came in."""

    kind: str
    platform: str
    scope: str
    taken_at: datetime | None
    content: JSON
    evidence_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """One step of the path by which something is granted, restricted or reached.

    kind: "policy", "statement", "group", "role", "trust", "boundary", "permission set", "assignment", "activation",
    "shared key" …; name: as the platform names it; document: kind of the document that says so; locator: JSON pointer in it.
    """

    kind: str
    name: str
    document: str
    locator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitled:
    """One principal, one permission, one path to it.

    action: in the platform's words, such as "sagemaker:CreateTrainingJob"; resources: patterns that it is granted on;
    conditions: what the platform checks beside it, in its own words, not evaluated here; runs_as: identities that the
    principal may give a job (AWS iam:PassRole, service accounts), () where none is needed or none was found;
    missing: what it would still need and does not have according to these documents, such as "iam:PassRole".
    """

    principal: PrincipalDraft
    platform: str
    scope: str
    action: str
    reach: Reach
    path: tuple[PathStep, ...]
    resources: tuple[str, ...] = ("*",)
    conditions: tuple[str, ...] = ()
    runs_as: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAssessed:
    """A part of the question that the documents do not answer. document: which one would; effect: what its absence can hide
    ("people who …", "a denial that …"), one sentence."""

    document: str
    scope: str
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitlementAnswer:
    """Who can submit, by platform and scope, with what was not assessed. principals: how many were looked at."""

    entitled: tuple[Entitled, ...]
    not_assessed: tuple[NotAssessed, ...]
    principals: int
    limits: tuple[str, ...] = ()
    facts: JSON = field(default_factory=dict)
