"""The third parties of a freeze, from their latest reviews."""

from __future__ import annotations

from compliance.models import Assessment, ModelVersion, Supplier, SupplierReview
from compliance.selectors.supplier_page import REVIEWS, gap_of, unrecorded
from compliance.types import freeze_suppliers as doc
from compliance.types.suppliers import Opinion, ReportType


def suppliers(assessment: Assessment) -> doc.Suppliers:
    """Every third party that was used in the period or since, by name."""
    latest: dict[int, SupplierReview] = {}
    counts: dict[int, int] = {}
    for review in REVIEWS.filter(supplier__system=assessment.system_id):  # latest first
        latest.setdefault(review.supplier_id, review)
        counts[review.supplier_id] = counts.get(review.supplier_id, 0) + 1
    used = [
        review
        for review in latest.values()
        if review.supplier.ended_on is None or review.supplier.ended_on >= assessment.period_start
    ]
    versions = ModelVersion.objects.filter(model__system=assessment.system_id)
    return doc.Suppliers(
        records=[
            _record(review, assessment, counts[review.supplier_id])
            for review in sorted(used, key=lambda review: (review.supplier.name, review.supplier_id))
        ],
        unrecorded=[
            name for name, _system in unrecorded(versions, Supplier.objects.filter(system=assessment.system_id))
        ],
    )


def _record(review: SupplierReview, assessment: Assessment, reviews: int) -> doc.Supplier:
    gap = gap_of(review, assessment)
    return doc.Supplier(
        uuid=str(review.supplier.uuid),
        name=review.supplier.name,
        provides=review.provides,
        models=[str(version.uuid) for version in review.model_versions.all()],
        report_type=ReportType(review.report_type),
        issuer=review.issuer,
        period_start=review.period_start.isoformat() if review.period_start else None,
        period_end=review.period_end.isoformat() if review.period_end else None,
        gap=gap.sentence,
        open_days=[
            doc.OpenDays(start=part.start.isoformat(), end=part.end.isoformat(), days=part.count) for part in gap.open
        ],
        gap_measures=review.gap_measures,
        opinion=Opinion(review.opinion),
        exceptions=review.exceptions,
        conclusion=review.conclusion,
        evidence=str(review.evidence.uuid) if review.evidence else None,
        evidence_sha256=review.evidence.sha256 if review.evidence else None,
        customer_controls=[
            doc.CustomerControl(
                reference=row.reference,
                statement=row.statement,
                controls=[str(control) for control in row.controls.all()],
                note=row.note,
            )
            for row in review.customer_controls.all()
        ],
        reviewer=review.reviewer.name,
        reviewed_on=review.reviewed_on.isoformat(),
        reviews=reviews,
    )
