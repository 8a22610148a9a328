"""Third parties as their pages, exports and packs show them: the latest review, and the days that its report leaves open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.models import AISystem, Assessment, CustomerControl, ModelVersion, Supplier, SupplierReview
from compliance.rights import Asker, visible
from compliance.types.states import ModelOrigin
from compliance.types.suppliers import Days, ReportType, uncovered

_REVIEWS = Prefetch("reviews", queryset=SupplierReview.objects.select_related("reviewer", "evidence"))
ROWS = Supplier.objects.select_related("system", "ended_by").prefetch_related(_REVIEWS)
REVIEWS = SupplierReview.objects.select_related("supplier__system", "reviewer", "evidence").prefetch_related(
    Prefetch("customer_controls", queryset=CustomerControl.objects.prefetch_related("controls")),
    Prefetch("model_versions", queryset=ModelVersion.objects.select_related("model")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What a report leaves open of one assessment's period. days: of the period, in all parts together."""

    assessment: Assessment
    open: tuple[Days, ...]
    days: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierLine:
    """One third party with its latest review. gap: to the latest assessment of its system, where there is one."""

    supplier: Supplier
    review: SupplierReview
    gap: Gap | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierPage:
    """One third party. gaps: to each assessment of its system, latest first; unmet: controls asked of us that nothing meets."""

    review: SupplierReview
    gaps: tuple[Gap, ...]
    controls: tuple[CustomerControl, ...]
    unmet: int
    earlier: tuple[SupplierReview, ...]


def gap_of(review: SupplierReview, assessment: Assessment) -> Gap:
    """The days of an assessment's period that the report of a review does not speak of."""
    period = Days(assessment.period_start, assessment.period_end)
    left = uncovered(period, review.period_start, review.period_end)
    return Gap(
        assessment=assessment,
        open=left,
        days=sum(part.count for part in left),
        sentence=_sentence(review, period, left),
    )


def _sentence(review: SupplierReview, period: Days, left: Sequence[Days]) -> str:
    if review.report_type == ReportType.NONE:
        return _("There is no report, so none of the %d days of the period is covered.") % period.count
    if not left:
        return _("The report covers the whole period.")
    if review.period_start is None:
        return _("The report speaks of one day, %(day)s, and of no other of the %(days)d days of the period.") % {
            "day": review.period_end,
            "days": period.count,
        }
    days = sum(part.count for part in left)
    parts = "; ".join(
        _("%(from)s to %(to)s") % {"from": part.start.isoformat(), "to": part.end.isoformat()} for part in left
    )
    words = ngettext(
        "%(days)d day of the period is not covered: %(parts)s.",
        "%(days)d days of the period are not covered: %(parts)s.",
        days,
    )
    return words % {"days": days, "parts": parts}


def lines(suppliers: Iterable[Supplier]) -> tuple[SupplierLine, ...]:
    """These third parties with their latest reviews, in two queries beside their own."""
    listed = list(suppliers)
    latest: dict[int, Assessment] = {}
    rows = Assessment.objects.filter(system__in={one.system_id for one in listed}).order_by("period_end", "pk")
    for assessment in rows:
        latest[assessment.system_id] = assessment
    found = []
    for supplier in listed:
        review = supplier.reviews.all()[0]
        gap = gap_of(review, latest[supplier.system_id]) if supplier.system_id in latest else None
        found.append(SupplierLine(supplier=supplier, review=review, gap=gap))
    return tuple(found)


def supplier_page(supplier: Supplier, asker: Asker) -> SupplierPage:
    """The latest review of a third party with the gap to every assessment that the asker may see."""
    reviews = list(REVIEWS.filter(supplier=supplier))
    assessments = visible(Assessment.objects.filter(system=supplier.system_id), asker).order_by("-period_end", "-pk")
    controls = tuple(reviews[0].customer_controls.all())
    return SupplierPage(
        review=reviews[0],
        gaps=tuple(gap_of(reviews[0], assessment) for assessment in assessments),
        controls=controls,
        unmet=sum(1 for control in controls if not control.controls.all() and not control.note),
        earlier=tuple(reviews[1:]),
    )


def unrecorded(versions: QuerySet[ModelVersion], suppliers: QuerySet[Supplier]) -> tuple[tuple[str, str], ...]:
    """(name, AI system) of suppliers that inherited ones of these versions name and that are not among the suppliers."""
    known = {(system, name.strip().casefold()) for system, name in suppliers.values_list("system", "name")}
    named = versions.filter(origin=ModelOrigin.INHERITED).exclude(supplier="").order_by()
    rows = named.values_list("model__system", "model__system__name", "supplier").distinct()
    return tuple(
        sorted({(name, title) for system, title, name in rows if (system, name.strip().casefold()) not in known})
    )


def supplier_list(rows: QuerySet[Supplier], *, text: str = "", system: AISystem | None = None) -> QuerySet[Supplier]:
    """The list as filtered, by name; those that are used no longer come last."""
    if text:
        rows = rows.filter(name__icontains=text)
    if system is not None:
        rows = rows.filter(system=system)
    return rows.order_by("ended_on", "name", "pk")
