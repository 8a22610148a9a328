"""Reviews of third parties for tests, with only what a test is about stated."""

from __future__ import annotations

from datetime import date
from typing import Any

from compliance.models import AISystem, SupplierReview, User
from compliance.services import suppliers
from compliance.types.suppliers import CustomerControlDraft, Opinion, ReportType

SAYS: dict[str, Any] = {
    "name": "Model hub",
    "provides": "The base model, downloaded once.",
    "model_versions": [],
    "report_type": ReportType.SOC_2_TYPE_2,
    "issuer": "An audit firm",
    "period_start": date(2025, 10, 1),
    "period_end": date(2026, 9, 30),
    "opinion": Opinion.UNQUALIFIED,
    "exceptions": "It names none.",
    "gap_measures": "",
    "conclusion": "Relied on for who may upload.",
    "evidence": None,
    "customer_controls": [],
    "reviewed_on": date(2026, 11, 1),
}


def asked(statement: str, *controls: str, reference: str = "", note: str = "") -> CustomerControlDraft:
    """A complementary customer control."""
    return CustomerControlDraft(reference=reference, statement=statement, controls=controls, note=note)


def reviewed(system: AISystem, actor: User, **said: Any) -> SupplierReview:
    """A review that says what SAYS says, and otherwise what is given."""
    return suppliers.record_review(system=system, actor=actor, **{**SAYS, **said})
