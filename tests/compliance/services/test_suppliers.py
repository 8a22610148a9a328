"""Third parties: reviews by name, kept unchanged, with the gap computed, in the ledger, in freezes and in packs."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.utils import timezone

from compliance.models import Assessment, LedgerEvent, Supplier, SupplierReview, TrailEntry, User
from compliance.selectors.freeze_suppliers import suppliers as frozen_suppliers
from compliance.selectors.supplier_page import gap_of, lines, supplier_page, unrecorded
from compliance.services import suppliers
from compliance.services.errors import RefusedError
from compliance.types.freeze_suppliers import suppliers_fault
from compliance.types.suppliers import Opinion, ReportType
from tests.compliance.conftest import World
from tests.compliance.routes_world import adopted
from tests.compliance.suppliers_on_record import asked, reviewed

pytestmark = pytest.mark.django_db
NO_REPORT: dict[str, Any] = {
    "report_type": ReportType.NONE, "period_start": None, "period_end": None, "opinion": Opinion.NO_OPINION, "exceptions": "",
}  # fmt: skip


def test_the_first_review_brings_a_third_party_on_record_and_the_next_stands_beside_it(
    world: World, officer: User, contributor: User
) -> None:
    system = world.assessment.system
    first = reviewed(system, officer)
    second = reviewed(system, contributor, name=" Model hub ", opinion=Opinion.QUALIFIED, reviewed_on=date(2026, 11, 2))
    supplier = Supplier.objects.get(system=system)
    assert [review.pk for review in supplier.reviews.all()] == [second.pk, first.pk]
    assert SupplierReview.objects.get(pk=first.pk).opinion == Opinion.UNQUALIFIED
    assert second.reviewer == contributor


def test_a_review_is_in_the_ledger_by_digest_alone(world: World, officer: User) -> None:
    review = reviewed(world.assessment.system, officer)
    event = LedgerEvent.objects.get(kind="supplier.reviewed", subject_uuid=review.supplier.uuid)
    entry = TrailEntry.objects.get(event=event)
    assert entry.actor == officer
    assert "An audit firm" not in json.dumps(entry.payload)
    other = reviewed(world.assessment.system, officer, exceptions="Two, on page 40.")
    digests = [
        one.payload["payload"]["review_sha256"] if "payload" in one.payload else one.payload["review_sha256"]
        for one in TrailEntry.objects.filter(event__kind="supplier.reviewed")
    ]
    assert len(set(digests)) == 2
    assert other.exceptions == "Two, on page 40."


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE compliance_supplierreview SET opinion = 'adverse'",
        "UPDATE compliance_customercontrol SET statement = ''",
    ],
)
def test_no_statement_alters_a_review(world: World, officer: User, statement: str) -> None:
    reviewed(world.assessment.system, officer, customer_controls=[asked("Tokens are rotated.")])
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert SupplierReview.objects.get().opinion == Opinion.UNQUALIFIED


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"name": "  "}, "Name the third party"),
        ({"provides": ""}, "what it provides"),
        ({"conclusion": " "}, "what follows"),
        ({"reviewed_on": date(2999, 1, 1)}, "lies in the future"),
        ({"period_end": None}, "until when the report speaks"),
        ({"period_start": date(2026, 12, 1)}, "ends before it begins"),
        ({"exceptions": " "}, "or that it names none"),
        ({"report_type": ReportType.NONE}, "Without a report there is no period"),
        ({**NO_REPORT, "opinion": Opinion.UNQUALIFIED}, "no opinion"),
        ({"customer_controls": [asked(" ")]}, "complementary control 1"),
        ({"customer_controls": [asked("x", "0a2f8a1c-0000-4000-8000-000000000000")]}, "No control of this AI system"),
        ({"customer_controls": [asked("x")] * 201}, "at most 200"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    world: World, officer: User, said: dict[str, Any], why: str
) -> None:
    with pytest.raises(RefusedError, match=why):
        reviewed(world.assessment.system, officer, **said)
    assert not Supplier.objects.exists()


def test_a_report_or_model_of_another_system_is_refused(world: World, officer: User) -> None:
    with pytest.raises(RefusedError, match="belongs to another AI system"):
        reviewed(world.assessment.system, officer, evidence=world.other_log)
    with pytest.raises(RefusedError, match="same AI system"):
        reviewed(world.assessment.system, officer, model_versions=[world.other_version])
    foreign = adopted(world.other_assessment.system, officer)
    with pytest.raises(RefusedError, match="No control of this AI system"):
        reviewed(world.assessment.system, officer, customer_controls=[asked("x", str(foreign.uuid))])


def test_a_record_that_was_closed_takes_no_review_and_closes_once(world: World, officer: User) -> None:
    supplier = reviewed(world.assessment.system, officer).supplier
    suppliers.end(supplier=supplier, ended_on=date(2026, 11, 10), actor=officer)
    assert LedgerEvent.objects.filter(kind="supplier.ended", subject_uuid=supplier.uuid).count() == 1
    for act in (
        lambda: suppliers.end(supplier=supplier, ended_on=date(2026, 11, 11), actor=officer),
        lambda: reviewed(world.assessment.system, officer),
    ):
        with pytest.raises(RefusedError, match="closed"):
            act()


def gap(world: World, officer: User, **said: Any) -> str:
    return gap_of(reviewed(world.assessment.system, officer, **said), world.assessment).sentence


def test_the_gap_to_the_period_is_computed_and_said_in_words(world: World, officer: User) -> None:
    assert gap(world, officer) == "92 days of the period are not covered: 2026-10-01 to 2026-12-31."
    assert gap(world, officer, period_end=date(2026, 12, 30)) == (
        "1 day of the period is not covered: 2026-12-31 to 2026-12-31."
    )
    assert gap(world, officer, period_start=date(2026, 1, 1), period_end=date(2026, 12, 31)) == (
        "The report covers the whole period."
    )
    assert gap(
        world, officer, report_type=ReportType.SOC_2_TYPE_1, period_start=None, period_end=date(2026, 6, 30)
    ) == ("The report speaks of one day, 2026-06-30, and of no other of the 365 days of the period.")
    assert gap(world, officer, **NO_REPORT) == "There is no report, so none of the 365 days of the period is covered."


def test_the_page_counts_controls_that_nothing_meets(world: World, officer: User) -> None:
    own = adopted(world.assessment.system, officer)
    review = reviewed(
        world.assessment.system,
        officer,
        customer_controls=[
            asked("Tokens are rotated.", str(own.uuid), reference="CUEC-1"),
            asked("Uploads are signed.", note="Nothing is uploaded."),
            asked("Access is reviewed."),
        ],
    )
    page = supplier_page(review.supplier, officer)
    assert (page.unmet, [row.number for row in page.controls]) == (1, [1, 2, 3])
    assert [found.assessment for found in page.gaps] == [world.assessment]


def test_a_list_takes_no_more_queries_for_more_rows(
    world: World, officer: User, django_assert_num_queries: Any
) -> None:
    from compliance.selectors.supplier_page import ROWS

    for n in range(6):
        reviewed(world.assessment.system, officer, name=f"Supplier {n}")
    with django_assert_num_queries(3):
        assert len(lines(ROWS.all())) == 6


def test_suppliers_that_models_name_and_nobody_reviewed_are_named(world: World, officer: User) -> None:
    def names() -> list[str]:
        return [name for name, _system in unrecorded(type(world.base).objects.all(), Supplier.objects.all())]

    assert names() == ["Model hub"]
    reviewed(world.other_assessment.system, officer)  # of the same name, elsewhere
    assert names() == ["Model hub"]
    reviewed(world.assessment.system, officer, name="MODEL HUB")
    assert names() == []


def test_a_freeze_holds_the_latest_review_of_each(world: World, officer: User, contributor: User) -> None:
    system = world.assessment.system
    own = adopted(system, officer)
    reviewed(system, contributor, opinion=Opinion.ADVERSE, reviewed_on=date(2026, 10, 1))
    review = reviewed(
        system, officer, evidence=world.log, model_versions=[world.base],
        customer_controls=[asked("Tokens are rotated.", str(own.uuid), reference="CUEC-1")],
    )  # fmt: skip
    reviewed(world.other_assessment.system, officer, name="Elsewhere")
    told = frozen_suppliers(Assessment.objects.select_related("system").get(pk=world.assessment.pk))
    (record,) = told["records"]
    assert (record["opinion"], record["reviews"], record["reviewer"]) == ("unqualified", 2, officer.name)
    assert record["models"] == [str(world.base.uuid)]
    assert (record["evidence"], record["evidence_sha256"]) == (str(world.log.uuid), world.log.sha256)
    assert record["open_days"] == [{"start": "2026-10-01", "end": "2026-12-31", "days": 92}]
    assert record["customer_controls"] == [
        {"reference": "CUEC-1", "statement": "Tokens are rotated.", "controls": [str(own)], "note": ""}
    ]
    assert told["unrecorded"] == []
    assert suppliers_fault(told, models={str(world.base.uuid)}, evidence={str(world.log.uuid)}) == ""
    assert "not in the models" in suppliers_fault(told, models=set(), evidence={str(world.log.uuid)})
    assert "evidence register" in suppliers_fault(told, models={str(world.base.uuid)}, evidence=set())
    assert review.supplier.name == "Model hub"


def test_one_that_was_no_longer_used_in_the_period_is_left_out_of_its_freeze(world: World, officer: User) -> None:
    old, recent = (reviewed(world.assessment.system, officer, name=name).supplier for name in ("Old", "Recent"))
    suppliers.end(supplier=old, ended_on=date(2025, 12, 31), actor=officer)
    suppliers.end(supplier=recent, ended_on=date(2026, 1, 1), actor=officer)
    told = frozen_suppliers(Assessment.objects.select_related("system").get(pk=world.assessment.pk))
    assert [record["name"] for record in told["records"]] == ["Recent"]
    assert told["unrecorded"] == ["Model hub"]
    assert timezone.now().date() > date(2026, 1, 1)
