"""One piece of evidence: where it came from, where it is used, where it lies in the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from compliance.models import Evidence, EvidenceLink, JobEvent, LedgerEvent, LedgerPosition, ModelVersion, Observation
from compliance.rights import Asker, visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """One event of the chain of custody."""

    event: LedgerEvent
    position: LedgerPosition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePage:
    """Everything on a piece of evidence's page."""

    links: tuple[EvidenceLink, ...]
    custody: tuple[Custody, ...]
    job_events: int
    observations: int
    model_versions: tuple[ModelVersion, ...]


def evidence_list(rows: QuerySet[Evidence], *, text: str, state: str) -> QuerySet[Evidence]:
    """The list as filtered."""
    if text:
        plain = text.replace(" ", "").lower()
        rows = rows.filter(Q(title__icontains=text) | Q(filename__icontains=text) | Q(sha256__startswith=plain))
    return rows.filter(state=state) if state else rows


def by_digest(rows: QuerySet[Evidence], digits: str) -> Evidence | None:
    """The one piece whose SHA-256 begins so, groups of digits or not; None where none does, or several do."""
    found = list(rows.filter(sha256__startswith="".join(digits.split()).lower())[:2])
    return found[0] if len(found) == 1 else None


def evidence_page(evidence: Evidence, user: Asker) -> EvidencePage:
    """The page of one piece of evidence, as far as the asker may see."""
    links = visible(evidence.links.all(), user).select_related(
        "answer__assessment", "answer__question", "finding", "remediation", "control", "linked_by"
    )
    events = LedgerEvent.objects.filter(subject_uuid=evidence.uuid).select_related("place__block", "entry__actor")
    custody = [
        Custody(event=event, position=getattr(event, "place", None)) for event in events.order_by("created_at", "pk")
    ]
    return EvidencePage(
        links=tuple(links),
        custody=tuple(custody),
        job_events=visible(JobEvent.objects.filter(evidence=evidence), user).count(),
        observations=visible(Observation.objects.filter(evidence=evidence), user).count(),
        model_versions=tuple(visible(ModelVersion.objects.filter(evidence=evidence), user).select_related("model")),
    )
