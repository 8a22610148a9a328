"""Retention: the terms in force, when each piece of evidence is due, and which legal holds cover it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import DateField, Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest, TruncDate

from compliance.models import DisposalItem, Evidence, EvidenceLink, LegalHold, RetentionTerms
from compliance.types.retention import EvidenceKind, RetentionStart, RunState, latest_due, months_later
from compliance.types.states import AssessmentState, EvidenceState, RetentionClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A piece whose time is over, with the terms by which it is."""

    evidence: Evidence
    terms: RetentionTerms
    due_on: date


def terms_in_force() -> dict[str, RetentionTerms]:
    """By class, the newest wording."""
    newest = RetentionTerms.objects.filter(key=OuterRef("key")).order_by("-version").values("pk")[:1]
    return {terms.key: terms for terms in RetentionTerms.objects.filter(pk=Subquery(newest)).order_by("key")}


def class_for(kind: EvidenceKind) -> RetentionClass:
    """The class that new evidence of this kind gets."""
    for terms in terms_in_force().values():
        if kind.value in terms.kinds:
            return RetentionClass(terms.key)
    return RetentionClass.STANDARD


def with_starts(rows: QuerySet[Evidence]) -> QuerySet[Evidence]:
    """Rows with `received_on`, and `last_used_on`: the latest of receipt, last day covered, and audits and periods served."""
    received = TruncDate("created_at", tzinfo=UTC)
    links = EvidenceLink.objects.filter(evidence=OuterRef("pk"), answer__isnull=False).order_by().values("evidence")
    audit = links.annotate(day=Max("answer__assessment__audit_date")).values("day")
    period = links.annotate(day=Max("answer__assessment__period_end")).values("day")
    served = [Coalesce(Subquery(days, output_field=DateField()), received) for days in (audit, period)]
    return rows.annotate(
        received_on=received, last_used_on=Greatest(received, Coalesce(F("effective_to"), received), *served)
    )


def _begins(terms: RetentionTerms) -> str:
    return "received_on" if terms.starts == RetentionStart.RECEIPT else "last_used_on"


def end_of(evidence: Any, terms: RetentionTerms) -> date | None:
    """When the time of a piece, taken from `with_starts`, is over; None for a class without an end."""
    if terms.months is None:
        return None
    return months_later(getattr(evidence, _begins(terms)), terms.months)


def covered() -> Exists:
    """Whether a legal hold covers a piece of evidence, as a condition on its row."""
    standing = LegalHold.objects.filter(lifted_at__isnull=True)
    whole = Q(evidence__isnull=True) & (Q(system__isnull=True) | Q(system=OuterRef("system")))
    return Exists(standing.filter(whole | Q(evidence=OuterRef("pk"))))


def is_held(evidence: Evidence) -> bool:
    """Whether anything stops the disposal of a piece."""
    return evidence.legal_hold or Evidence.objects.filter(covered(), pk=evidence.pk).exists()


def holds_on(evidence: Evidence) -> QuerySet[LegalHold]:
    """Holds that cover a piece now."""
    whole = Q(evidence__isnull=True) & (Q(system__isnull=True) | Q(system=evidence.system_id))
    return LegalHold.objects.filter(whole | Q(evidence=evidence), lifted_at__isnull=True)


def in_open_assessments() -> Exists:
    """Whether a piece supports an answer of an assessment that is still open."""
    return Exists(EvidenceLink.objects.filter(evidence=OuterRef("pk"), answer__assessment__state=AssessmentState.OPEN))


def _in_open_run() -> Exists:
    undecided = (RunState.PROPOSED, RunState.APPROVED)
    return Exists(DisposalItem.objects.filter(evidence=OuterRef("pk"), run__state__in=undecided))


def due(today: date) -> Iterator[Due]:
    """Evidence whose time is over, earliest class first; nothing that is held, in use, or in a run already."""
    terms = terms_in_force()
    over = [
        Q(**{"retention_class": key, f"{_begins(one)}__lte": latest_due(today, one.months)})
        for key, one in terms.items()
        if one.months is not None
    ]
    rows = with_starts(Evidence.objects.select_related("system")).exclude(state=EvidenceState.DISPOSED)
    rows = rows.filter(reduce(or_, over, Q(pk__in=[])), legal_hold=False).exclude(covered())
    rows = rows.exclude(in_open_assessments()).exclude(_in_open_run())
    for evidence in rows.order_by("created_at", "pk").iterator(chunk_size=500):
        one = terms[evidence.retention_class]
        ends = end_of(evidence, one)
        assert ends is not None
        yield Due(evidence=evidence, terms=one, due_on=ends)
