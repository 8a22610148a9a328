"""Access reviews as their pages, exports and packs show them; and what later readings say of removals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from compliance.models import AccessReview, AccessReviewLine, Assessment, Entitlement, EntitlementReading
from compliance.rights import Asker, visible
from compliance.types.access_reviews import Decision, Removal

WAITING = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFilter:
    """What the lines are asked for; empty means any. decision: a Decision, or WAITING; used: "yes", "no"."""

    text: str = ""
    decision: str = ""
    reach: str = ""
    used: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What later readings say of one removal. reading: the one that confirms it, or that still lists the principal."""

    state: Removal
    reading: EntitlementReading | None
    is_late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFigures:
    """Counts over a whole review. is_late: completed after its day, or not completed though the day has passed."""

    population: int
    decided: int
    kept: int
    removed: int
    confirmed: int
    still_entitled: int
    not_yet_read: int
    late_removals: int
    is_late: bool

    @property
    def waiting(self) -> int:
        """Principals that nobody decided yet."""
        return self.population - self.decided


def reviews(user: Asker) -> QuerySet[AccessReview]:
    """Reviews that the asker may see, latest first."""
    rows = AccessReview.objects.select_related("system", "reviewer", "reading", "opened_by")
    counted = visible(rows, user).annotate(decided_count=Count("lines", filter=~Q(lines__decision="")))
    return counted.order_by("-created_at", "-pk")


def review_lines(review: AccessReview, asked: ReviewFilter) -> QuerySet[AccessReviewLine]:
    """The lines of a review as filtered, by name."""
    rows = review.lines.select_related("principal", "decided_by")
    if asked.text:
        of_person = Q(principal__display__icontains=asked.text) | Q(principal__identifier__icontains=asked.text)
        rows = rows.filter(of_person | Q(actions__icontains=asked.text) | Q(platforms__icontains=asked.text))
    if asked.decision:
        rows = rows.filter(decision="" if asked.decision == WAITING else asked.decision)
    if asked.reach:
        rows = rows.filter(reach=asked.reach)
    if asked.used:
        rows = rows.filter(last_submitted_at__isnull=asked.used == "no")
    return rows


def confirmations(review: AccessReview, lines: Sequence[AccessReviewLine]) -> dict[int, Confirmation]:
    """Line -> what later readings say, for the removals among the lines: two queries.

    A removal is confirmed by the first reading of documents read after the decision from which on the principal is in none.
    """
    removed = [line for line in lines if line.decision == Decision.REMOVE and line.decided_at]
    if not removed:
        return {}
    since = min(line.decided_at for line in removed if line.decided_at)
    later = list(
        EntitlementReading.objects.filter(system=review.system_id, as_of__gt=since).order_by(
            "as_of", "created_at", "pk"
        )
    )
    listed = set(
        Entitlement.objects.filter(reading__in=later, principal__in=[line.principal_id for line in removed])
        .values_list("reading", "principal")
        .distinct()
    )
    return {line.pk: _confirmation(review, line, later, listed) for line in removed}


def _confirmation(
    review: AccessReview, line: AccessReviewLine, later: list[EntitlementReading], listed: set[tuple[int, int]]
) -> Confirmation:
    after = [reading for reading in later if line.decided_at and reading.as_of > line.decided_at]
    due, today = review.removals_due_on, timezone.now().date()
    if not after:
        return Confirmation(state=Removal.NOT_YET_READ, reading=None, is_late=today > due)
    if (after[-1].pk, line.principal_id) in listed:
        return Confirmation(state=Removal.STILL_ENTITLED, reading=after[-1], is_late=today > due)
    confirming = after[-1]
    for reading in reversed(after):
        if (reading.pk, line.principal_id) in listed:
            break
        confirming = reading
    return Confirmation(state=Removal.CONFIRMED, reading=confirming, is_late=confirming.as_of.date() > due)


def review_figures(review: AccessReview) -> ReviewFigures:
    """The figures of a whole review; lines are read of removals alone."""
    lines = review.lines.order_by()
    decisions = Counter(dict(lines.values_list("decision").annotate(Count("pk"))))
    removed = lines.filter(decision=Decision.REMOVE)
    removals = list(confirmations(review, list(removed.only("pk", "principal_id", "decision", "decided_at"))).values())
    states = Counter(one.state for one in removals)
    ended = review.completed_at.date() if review.completed_at else timezone.now().date()
    return ReviewFigures(
        population=review.population,
        decided=decisions[Decision.KEEP] + decisions[Decision.REMOVE],
        kept=decisions[Decision.KEEP],
        removed=decisions[Decision.REMOVE],
        confirmed=states[Removal.CONFIRMED],
        still_entitled=states[Removal.STILL_ENTITLED],
        not_yet_read=states[Removal.NOT_YET_READ],
        late_removals=sum(one.is_late for one in removals),
        is_late=ended > review.due_on,
    )


def review_in_period(assessment: Assessment) -> AccessReview | None:
    """The access review of the system that was completed last within the period of an assessment."""
    start = datetime.combine(assessment.period_start, time.min, UTC)
    end = datetime.combine(assessment.period_end + timedelta(days=1), time.min, UTC)
    rows = AccessReview.objects.filter(system=assessment.system_id, completed_at__gte=start, completed_at__lt=end)
    return rows.select_related("reviewer", "reading").order_by("-completed_at", "-pk").first()


def completed_on(review: AccessReview) -> date | None:
    """The day (UTC) on which a review was completed."""
    return review.completed_at.astimezone(UTC).date() if review.completed_at else None
