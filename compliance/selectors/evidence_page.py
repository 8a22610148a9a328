"""One piece of evidence: where it came from, where it is used, where it lies in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from compliance.models import (
    Evidence,
    EvidenceLink,
    JobEvent,
    LedgerEvent,
    LedgerPosition,
    LegalHold,
    ModelVersion,
    Observation,
    RetentionTerms,
    Tombstone,
)
from compliance.rights import Asker, visible
from compliance.selectors.kept import kept_count
from compliance.selectors.retention import end_of, holds_on, terms_in_force, with_starts

MOST_STEPS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """One event of the chain of custody."""

    event: LedgerEvent
    position: LedgerPosition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePage:
    """Everything on a piece of evidence's page. custody: the latest steps, oldest first; earlier: how many
    went before them."""

    links: tuple[EvidenceLink, ...]
    custody: tuple[Custody, ...]
    earlier: int
    job_events: int
    observations: int
    model_versions: tuple[ModelVersion, ...]
    terms: RetentionTerms
    kept_until: date | None
    holds: tuple[LegalHold, ...]
    tombstone: Tombstone | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFilter:
    """What the list is asked for; empty means any. events_from, events_to: days (UTC, both included) of which job events
    were read from a piece."""

    text: str = ""
    state: str = ""
    system: UUID | None = None
    events_from: date | None = None
    events_to: date | None = None


def evidence_list(rows: QuerySet[Evidence], asked: EvidenceFilter) -> QuerySet[Evidence]:
    """The list as filtered."""
    if asked.text:
        plain = asked.text.replace(" ", "").lower()
        words = Q(title__icontains=asked.text) | Q(filename__icontains=asked.text)
        rows = rows.filter(words | Q(sha256__startswith=plain))
    if asked.state:
        rows = rows.filter(state=asked.state)
    if asked.system:
        rows = rows.filter(system__uuid=asked.system)
    if asked.events_from and asked.events_to:
        start = datetime.combine(asked.events_from, time.min, UTC)
        end = datetime.combine(asked.events_to + timedelta(days=1), time.min, UTC)
        read = JobEvent.objects.filter(evidence=OuterRef("pk"), occurred_at__gte=start, occurred_at__lt=end)
        rows = rows.filter(Exists(read))
    return rows


def by_digest(rows: QuerySet[Evidence], digits: str) -> Evidence | None:
    """The one piece whose SHA-256 begins so, groups of digits or not; None where none does, or several do."""
    found = list(rows.filter(sha256__startswith="".join(digits.split()).lower())[:2])
    return found[0] if len(found) == 1 else None


def evidence_page(evidence: Evidence, user: Asker) -> EvidencePage:
    """The page of one piece of evidence, as far as the asker may see."""
    links = visible(evidence.links.all(), user).select_related(
        "answer__assessment", "answer__question", "finding", "remediation", "control", "linked_by"
    )
    custody, earlier = _custody(evidence)
    tombstone = Tombstone.objects.filter(evidence=evidence).select_related("terms", "run", "approved_by").first()
    terms = tombstone.terms if tombstone else terms_in_force()[evidence.retention_class]
    return EvidencePage(
        links=tuple(links),
        custody=custody,
        earlier=earlier,
        job_events=kept_count(visible(JobEvent.objects.filter(evidence=evidence), user), user),
        observations=kept_count(visible(Observation.objects.filter(evidence=evidence), user), user),
        model_versions=tuple(visible(ModelVersion.objects.filter(evidence=evidence), user).select_related("model")),
        terms=terms,
        kept_until=end_of(with_starts(Evidence.objects.filter(pk=evidence.pk)).get(), terms),
        holds=tuple(visible(holds_on(evidence), user).select_related("placed_by")),
        tombstone=tombstone,
    )


def _custody(evidence: Evidence) -> tuple[tuple[Custody, ...], int]:
    rows = LedgerEvent.objects.filter(subject_uuid=evidence.uuid).select_related("place__block", "entry__actor")
    latest = list(rows.order_by("-created_at", "-pk")[:MOST_STEPS])
    earlier = rows.count() - MOST_STEPS if len(latest) == MOST_STEPS else 0
    return tuple(Custody(event=event, position=getattr(event, "place", None)) for event in reversed(latest)), earlier
