"""Documents that a platform writes about itself, as a parser read them: dated, digested, each self-contained part apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from compliance.types.drafts import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDraft:
    """One document, or one self-contained part of a file.

    kind: what the document is, such as "aws-trails"; platform: "aws", "azure", "gcp", "kubernetes" …; scope: account,
    subscription, tenant, project or cluster it speaks of, "" where it does not say; taken_at: when it was read from the
    platform, None where it does not say (the importer's statement then counts);
    content: what evaluators need; locator: its place in the file.
    """

    kind: str
    platform: str
    scope: str
    taken_at: datetime | None
    content: JSON
    fingerprint: str
    raw_sha256: str
    locator: str
