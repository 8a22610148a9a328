"""Statements of people about what is in scope and what nothing logs: written as the document that an import reads.

There is one way for them into the record, whether a person fills in the page or hands in a file: the document is kept as
evidence, read by the parser `stated_sources`, and published with a ledger event. A later one of the same part replaces it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from compliance.models import AISystem, PlatformDocument
from compliance.types.drafts import JSON
from scanning.ingest.stated_sources import ACCOUNTS, BUNDLE, CLUSTERS, NOT_LOGGED

SECTIONS: Mapping[str, str] = {"accounts": ACCOUNTS, "clusters": CLUSTERS, "not_logged": NOT_LOGGED}
"""Member of a statement -> kind of the document that it becomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """scope: the part of the organisation that it is of, "" for all of it; stated_by: who vouches for it; accounts, clusters,
    not_logged: as docs/formats/completeness.md has them, None where nothing is said of them."""

    scope: str
    stated_by: str
    accounts: tuple[JSON, ...] | None = None
    clusters: tuple[JSON, ...] | None = None
    not_logged: tuple[JSON, ...] | None = None

    def document(self, *, taken_at: datetime) -> bytes:
        """The statement as a file."""
        said = {name: list(rows) for name in SECTIONS if (rows := getattr(self, name)) is not None}
        whole = {
            "assay_bundle": BUNDLE,
            "taken_at": taken_at.isoformat(),
            "stated_by": self.stated_by,
            "scope": self.scope,
        }
        return json.dumps(whole | said, ensure_ascii=False, indent=1).encode()


def on_record(*, system: AISystem) -> QuerySet[PlatformDocument]:
    """Everything that was stated for a system, latest first."""
    rows = PlatformDocument.objects.filter(system=system, kind__in=SECTIONS.values())
    return rows.select_related("evidence__received_by").order_by("-taken_at", "-pk")


def in_force(*, system: AISystem, scope: str) -> dict[str, list[JSON]]:
    """Member of a statement -> its rows as they were stated last for a part; members never stated are absent."""
    found: dict[str, list[JSON]] = {}
    for document in on_record(system=system).filter(scope=scope, purged_leaf=""):
        member = next(name for name, kind in SECTIONS.items() if kind == document.kind)
        found.setdefault(member, document.content[member])
    return found


def written(
    *, said: Mapping[str, Iterable[JSON]], before: Mapping[str, list[JSON]]
) -> dict[str, tuple[JSON, ...] | None]:
    """The members of a new statement: those with rows, and those that had some and have none any more."""
    rows = {name: tuple(said.get(name, ())) for name in SECTIONS}
    return {name: found if found or before.get(name) else None for name, found in rows.items()}
