"""The access review of a freeze: the one that was completed last within the period, with every decision."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from compliance.models import AccessReview
from compliance.selectors.access_review_page import ReviewFilter, confirmations, review_figures, review_lines
from compliance.types import freeze_entitlements as doc
from compliance.types.canonical import canonical_json
from compliance.types.freeze_blob import Blob

REGISTER_NAME = "access-review.jsonl"


def register_lines(review: AccessReview) -> Iterator[bytes]:
    """Every principal of a review as a canonical JSON line, by name."""
    lines = list(review_lines(review, ReviewFilter()))
    told = confirmations(review, lines)
    for line in lines:
        removal = told.get(line.pk)
        yield (
            canonical_json(
                {
                    "principal": str(line.principal),
                    "principal_kind": line.principal.kind,
                    "reach": line.reach,
                    "ways": line.ways,
                    "platforms": line.platforms,
                    "permissions": line.actions,
                    "last_submitted_at": _utc(line.last_submitted_at) if line.last_submitted_at else None,
                    "decision": line.decision,
                    "reason": line.reason,
                    "decided_by": str(line.decided_by),
                    "decided_at": _utc(line.decided_at) if line.decided_at else None,
                    "removal": removal.state.value if removal else None,
                    "removal_as_of": _utc(removal.reading.as_of) if removal and removal.reading else None,
                    "is_late": removal.is_late if removal else None,
                }
            )
            + b"\n"
        )


def reviewed(review: AccessReview, *, register: Blob) -> doc.AccessReviewed:
    """A completed review in figures. register: all its lines, as they were stored."""
    figures = review_figures(review)
    assert review.completed_at is not None
    return doc.AccessReviewed(
        completed_at=_utc(review.completed_at),
        reading_as_of=_utc(review.reading.as_of),
        reviewer=str(review.reviewer),
        due_on=review.due_on.isoformat(),
        removals_due_on=review.removals_due_on.isoformat(),
        population=figures.population,
        kept=figures.kept,
        removed=figures.removed,
        confirmed=figures.confirmed,
        still_entitled=figures.still_entitled,
        not_yet_read=figures.not_yet_read,
        late_removals=figures.late_removals,
        is_late=figures.is_late,
        population_root=review.population_root,
        decisions_root=review.decisions_root,
        register=register,
    )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
