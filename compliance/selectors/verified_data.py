"""Training jobs by whether their data was verified before they started: how many, by which way, and which."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Value, When
from django.utils.translation import gettext_lazy as _

from compliance.models import DatasetVerification, JobBinding, JobEvent
from compliance.selectors.submitted_jobs import acts
from compliance.types.bindings import BoundBy, Named
from compliance.types.verified_data import VERIFIED, DataState

VERIFIED_EITHER_WAY = "verified"
WORDS = {
    VERIFIED_EITHER_WAY: _("verified before the start, either way"),
    DataState.COMPARED.value: _("compared with the manifest before the start"),
    DataState.BY_DIGEST.value: _("the log itself gives the digest of the manifest"),
    DataState.NOT_VERIFIED.value: _("not verified before the start"),
    DataState.DIFFERED.value: _("differed from the manifest"),
    DataState.NOT_TOLD.value: _("no source says which data, or it is bound to none"),
}


def _named_data() -> QuerySet[Any]:
    """What an event's places bind to as data, in force, with `last`: whether the last comparison before the event matched."""
    before = DatasetVerification.objects.filter(
        dataset_version=OuterRef("dataset_version"), verified_at__lte=OuterRef("event__occurred_at")
    )
    last = before.order_by("-verified_at", "-pk").values("matches")[:1]
    in_force = JobBinding.objects.filter(event=OuterRef("pk"), named=Named.DATASET, superseded_at=None)
    return in_force.exclude(bound_by=BoundBy.NOT_OURS).annotate(last=Subquery(last))


def with_data_state(rows: QuerySet[JobEvent]) -> QuerySet[Any]:
    """Events with `data_state`: the worst of what is known of their data, as DataState."""
    named = _named_data()
    agrees = Q(name_digest=F("dataset_version__manifest_root"))
    other_digest = ~Q(name_digest="") & ~agrees & Q(dataset_version__isnull=False)
    return rows.annotate(
        data_state=Case(
            When(Exists(named.filter(Q(last=False) | other_digest)), then=Value(DataState.DIFFERED.value)),
            When(
                Exists(named.filter(dataset_version__isnull=False, last__isnull=True).exclude(agrees)),
                then=Value(DataState.NOT_VERIFIED.value),
            ),
            When(~Exists(named) | Exists(named.filter(dataset_version=None)), then=Value(DataState.NOT_TOLD.value)),
            When(Exists(named.filter(last__isnull=True)), then=Value(DataState.BY_DIGEST.value)),
            default=Value(DataState.COMPARED.value),
        )
    )


def jobs_with_data(rows: QuerySet[JobEvent], *, system: int, state: str) -> QuerySet[JobEvent]:
    """Submissions of a system that went through whose data is as asked: a key of WORDS."""
    wanted = [one.value for one in VERIFIED] if state == VERIFIED_EITHER_WAY else [state]
    return with_data_state(acts(rows, system=system)).filter(data_state__in=wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedData:
    """records: submissions by state, as the list of each shows them; versions: data-set versions that they read;
    last_compared: the newest comparison of any of these."""

    records: dict[DataState, int]
    versions: int
    last_compared: datetime | None

    @property
    def total(self) -> int:
        """All submissions that were looked at."""
        return sum(self.records.values())

    @property
    def verified(self) -> int:
        """Those whose data was verified, either way."""
        return sum(self.records[state] for state in VERIFIED)


def verified_data(rows: QuerySet[JobEvent], *, system: int) -> VerifiedData:
    """The figures over events of one system, two queries."""
    told = with_data_state(acts(rows, system=system)).order_by()
    counted = Counter(told.values_list("data_state", flat=True).iterator())
    read = JobBinding.objects.filter(
        event__in=acts(rows, system=system).order_by().values("pk"), named=Named.DATASET, superseded_at=None
    )
    versions = read.filter(dataset_version__isnull=False).order_by().values("dataset_version").distinct()
    newest = DatasetVerification.objects.filter(dataset_version__in=versions).aggregate(at=Max("verified_at"))
    return VerifiedData(
        records={state: counted[state.value] for state in DataState},
        versions=versions.count(),
        last_compared=newest["at"],
    )
