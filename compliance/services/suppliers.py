"""Third parties: a review records what one provides and what its report says; ending says that it is used no longer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import (
    AISystem,
    CustomerControl,
    Evidence,
    ImplementedControl,
    ModelVersion,
    Supplier,
    SupplierReview,
    User,
)
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.suppliers import CustomerControlDraft, Opinion, ReportType

MOST_CUSTOMER_CONTROLS = 200


@transaction.atomic
def record_review(
    *,
    system: AISystem,
    name: str,
    provides: str,
    model_versions: Sequence[ModelVersion],
    report_type: ReportType,
    issuer: str,
    period_start: date | None,
    period_end: date | None,
    opinion: Opinion,
    exceptions: str,
    gap_measures: str,
    conclusion: str,
    evidence: Evidence | None,
    customer_controls: Sequence[CustomerControlDraft],
    reviewed_on: date,
    actor: User,
) -> SupplierReview:
    """What the actor found of a third party; the first review brings it on record. Raises RefusedError."""
    _check_words(name, provides, conclusion, reviewed_on)
    _check_report(report_type, period_start, period_end, opinion, exceptions, evidence)
    _check_system(system, model_versions, evidence)
    supplier = _supplier_in_use(system, name.strip())
    review = SupplierReview.objects.create(
        supplier=supplier,
        provides=provides.strip(),
        report_type=report_type,
        issuer=issuer.strip(),
        period_start=period_start,
        period_end=period_end,
        opinion=opinion,
        exceptions=exceptions.strip(),
        gap_measures=gap_measures.strip(),
        conclusion=conclusion.strip(),
        evidence=evidence,
        reviewer=actor,
        reviewed_on=reviewed_on,
    )
    review.model_versions.set(model_versions)
    _keep_customer_controls(review, customer_controls)
    ledger.record(
        kind="supplier.reviewed",
        subject=supplier,
        payload={"review": str(review.uuid), "review_sha256": digest_of(_said(review))},
        actor=actor,
        system=system,
    )
    return review


def _supplier_in_use(system: AISystem, name: str) -> Supplier:
    supplier, _created = Supplier.objects.get_or_create(system=system, name=name)
    if supplier.ended_on is not None:
        raise RefusedError(_("“%s” is no longer used here; its record is closed.") % supplier.name)
    return supplier


def _check_words(name: str, provides: str, conclusion: str, reviewed_on: date) -> None:
    if not name.strip() or not provides.strip() or not conclusion.strip():
        raise RefusedError(_("Name the third party, what it provides, and what follows from the review."))
    if reviewed_on > timezone.now().date():
        raise RefusedError(_("The review lies in the future."))


def _check_report(
    report_type: ReportType,
    start: date | None,
    end: date | None,
    opinion: Opinion,
    exceptions: str,
    evidence: Evidence | None,
) -> None:
    if report_type is ReportType.NONE:
        if start or end or evidence is not None or opinion is not Opinion.NO_OPINION:
            raise RefusedError(_("Without a report there is no period, no opinion and no document of it."))
        return
    if end is None:
        raise RefusedError(_("Say until when the report speaks, or of which day."))
    if start is not None and start > end:
        raise RefusedError(_("The report's period ends before it begins."))
    if not exceptions.strip():
        raise RefusedError(_("Say which exceptions the report names, or that it names none."))


def _check_system(system: AISystem, model_versions: Sequence[ModelVersion], evidence: Evidence | None) -> None:
    if evidence is not None and evidence.system_id != system.pk:
        raise RefusedError(_("The report belongs to another AI system."))
    if any(version.model.system_id != system.pk for version in model_versions):
        raise RefusedError(_("Choose model versions of the same AI system."))


def _keep_customer_controls(review: SupplierReview, drafts: Sequence[CustomerControlDraft]) -> None:
    if len(drafts) > MOST_CUSTOMER_CONTROLS:
        raise RefusedError(_("A review holds at most %d complementary controls.") % MOST_CUSTOMER_CONTROLS)
    wanted = {uuid for draft in drafts for uuid in draft.controls}
    known = {
        str(control.uuid): control
        for control in ImplementedControl.objects.filter(system=review.supplier.system_id, uuid__in=wanted)
    }
    if missing := wanted - known.keys():
        raise RefusedError(_("No control of this AI system has the identifier %s.") % min(missing))
    for number, draft in enumerate(drafts, start=1):
        if not draft.statement.strip():
            raise RefusedError(_("Say what the report expects in complementary control %d.") % number)
        row = CustomerControl.objects.create(
            review=review,
            number=number,
            reference=draft.reference.strip(),
            statement=draft.statement.strip(),
            note=draft.note.strip(),
        )
        row.controls.set([known[uuid] for uuid in draft.controls])


def _said(review: SupplierReview) -> dict[str, object]:
    """All that a review says, for the ledger's digest."""
    return {
        "supplier": review.supplier.name,
        "provides": review.provides,
        "models": sorted(version.digest for version in review.model_versions.all()),
        "report_type": review.report_type,
        "issuer": review.issuer,
        "period": [day.isoformat() if day else None for day in (review.period_start, review.period_end)],
        "opinion": review.opinion,
        "exceptions": review.exceptions,
        "gap_measures": review.gap_measures,
        "conclusion": review.conclusion,
        "evidence_sha256": review.evidence.sha256 if review.evidence else "",
        "reviewed_on": review.reviewed_on.isoformat(),
        "customer_controls": [
            [row.reference, row.statement, row.note, sorted(str(control.uuid) for control in row.controls.all())]
            for row in review.customer_controls.prefetch_related("controls")
        ],
    }


@transaction.atomic
def end(*, supplier: Supplier, ended_on: date, actor: User) -> None:
    """The third party is used no longer; its record stays. Raises RefusedError."""
    fresh = Supplier.objects.select_for_update().get(pk=supplier.pk)
    if fresh.ended_on is not None:
        raise RefusedError(_("The record of this third party is closed already."))
    if ended_on > timezone.now().date():
        raise RefusedError(_("The last day of use lies in the future."))
    fresh.ended_on, fresh.ended_by = ended_on, actor
    fresh.save(update_fields=["ended_on", "ended_by"])
    payload = {"ended_on": ended_on.isoformat()}
    ledger.record(kind="supplier.ended", subject=fresh, payload=payload, actor=actor, system=fresh.system)
    supplier.ended_on = ended_on
