"""Access reviews: everybody whom a reading names is kept or removed by a reviewer; completed, a review never changes again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.models import AccessReview, AccessReviewLine, Entitlement, EntitlementReading, User
from compliance.rights import Verb, may
from compliance.selectors.entitlement_page import last_submissions
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.access_reviews import Decision
from compliance.types.canonical import digest_of, merkle_root
from compliance.types.entitlements import Reach

_BATCH = 300
_NEAREST = {reach: n for n, reach in enumerate(Reach)}


@transaction.atomic
def open_review(
    *, reading: EntitlementReading, reviewer: User, due_on: date, removals_due_on: date, actor: User
) -> AccessReview:
    """Freeze the principals of a reading as the population of a review. Raises RefusedError."""
    if removals_due_on < due_on:
        raise RefusedError(_("Removals cannot be due before the review itself."))
    if not may(reviewer, Verb.REVIEW_ACCESS):
        raise RefusedError(_("%s may not review access; choose an officer or a manager.") % reviewer)
    lines = _population(reading)
    if not lines:
        raise RefusedError(_("The reading names nobody who can submit, so there is nobody to review."))
    review = AccessReview(
        system=reading.system,
        reading=reading,
        reviewer=reviewer,
        opened_by=actor,
        due_on=due_on,
        removals_due_on=removals_due_on,
        population=len(lines),
        population_root=_root(map(_member, lines)),
    )
    review.save()
    for line in lines:
        line.review = review
    AccessReviewLine.objects.bulk_create(lines, batch_size=_BATCH)
    payload = {
        "reading": str(reading.uuid),
        "population": review.population,
        "population_root": review.population_root,
        "reviewer": str(reviewer.uuid),
        "due": [due_on.isoformat(), removals_due_on.isoformat()],
    }
    ledger.record(kind="access_review.opened", subject=review, payload=payload, actor=actor, system=review.system)
    return review


def _population(reading: EntitlementReading) -> list[AccessReviewLine]:
    """One line a principal, in the order of their names, with all its ways together."""
    ways: dict[int, list[Entitlement]] = {}
    rows = list(reading.entitlements.select_related("principal").order_by("principal__display", "principal", "pk"))
    for row in rows:
        ways.setdefault(row.principal_id, []).append(row)
    last: Mapping[int, datetime] = last_submissions(reading, rows)
    return [
        AccessReviewLine(
            principal=found[0].principal,
            reach=min((row.reach for row in found), key=lambda reach: _NEAREST[Reach(reach)]),
            ways=len(found),
            platforms=sorted({f"{row.platform} {row.scope}".strip() for row in found}),
            actions=sorted({action for row in found for action in row.actions}),
            last_submitted_at=last.get(principal),
        )
        for principal, found in ways.items()
    ]


def _root(leaves: Iterable[bytes]) -> str:
    """Over the leaves in their own order, so that an erased name, which moves a line, changes nothing."""
    return merkle_root(sorted(leaves))


def _member(line: AccessReviewLine) -> bytes:
    return bytes.fromhex(
        digest_of([line.principal.pseudonym, line.reach, line.ways, list(line.platforms), list(line.actions)])
    )


def _decided(line: AccessReviewLine) -> bytes:
    decided_at = line.decided_at.isoformat() if line.decided_at else None
    by = str(line.decided_by.uuid) if line.decided_by else None
    return bytes.fromhex(digest_of([line.principal.pseudonym, line.decision, digest_of(line.reason), by, decided_at]))


def _open(review: AccessReview, actor: User) -> AccessReview:
    """The review, locked, when this person may still decide in it."""
    fresh = AccessReview.objects.select_for_update(of=("self",)).select_related("system", "reviewer").get(pk=review.pk)
    if fresh.completed_at is not None:
        raise RefusedError(_("The review is completed; it no longer changes."))
    if fresh.reviewer_id != actor.pk:
        raise RefusedError(_("Only %s decides in this review.") % fresh.reviewer)
    return fresh


@transaction.atomic
def decide(
    *, review: AccessReview, lines: Sequence[AccessReviewLine], decision: Decision, reason: str, actor: User
) -> int:
    """Keep or remove principals, with one reason for all of them; how many. A later decision replaces an earlier one."""
    fresh = _open(review, actor)
    if not lines:
        raise RefusedError(_("Choose at least one principal."))
    if not reason.strip():
        raise RefusedError(_("Say why they keep it, or why it is taken away."))
    keys = [line.pk for line in lines]
    count = 0
    for start in range(0, len(keys), _BATCH):
        chosen = AccessReviewLine.objects.filter(review=fresh, pk__in=keys[start : start + _BATCH])
        count += chosen.update(decision=decision, reason=reason.strip(), decided_by=actor, decided_at=timezone.now())
    payload = {"decision": decision.value, "principals": count, "reason_sha256": digest_of(reason.strip())}
    ledger.record(kind="access_review.decided", subject=fresh, payload=payload, actor=actor, system=fresh.system)
    return count


@transaction.atomic
def complete(*, review: AccessReview, statement: str, actor: User) -> AccessReview:
    """End a review in which every principal is decided. It never changes again."""
    fresh = _open(review, actor)
    lines = list(fresh.lines.select_related("principal", "decided_by"))
    undecided = sum(not line.decision for line in lines)
    if undecided:
        told = ngettext("%d principal is not decided yet.", "%d principals are not decided yet.", undecided)
        raise RefusedError(told % undecided)
    fresh.completed_at, fresh.statement = timezone.now(), statement.strip()
    fresh.decisions_root = _root(map(_decided, lines))
    fresh.save(update_fields=["completed_at", "statement", "decisions_root"])
    payload = {
        "population_root": fresh.population_root,
        "decisions_root": fresh.decisions_root,
        "kept": sum(line.decision == Decision.KEEP for line in lines),
        "removed": sum(line.decision == Decision.REMOVE for line in lines),
        "statement_sha256": digest_of(fresh.statement),
    }
    ledger.record(kind="access_review.completed", subject=fresh, payload=payload, actor=actor, system=fresh.system)
    return fresh


def is_unaltered(*, review: AccessReview) -> bool:
    """Whether population and decisions still have the roots that the ledger holds."""
    lines: Iterable[AccessReviewLine] = review.lines.select_related("principal", "decided_by")
    rows = list(lines)
    whole = _root(map(_member, rows)) == review.population_root
    return whole and (not review.completed_at or _root(map(_decided, rows)) == review.decisions_root)
