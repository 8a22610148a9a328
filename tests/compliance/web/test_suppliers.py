"""Pages and endpoints of third parties: recording a review, the gap in words, complementary controls, closing."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.urls import reverse

from compliance.models import Supplier, SupplierReview, User
from compliance.types.suppliers import Opinion
from tests.compliance.conftest import Browse, World
from tests.compliance.routes_world import adopted
from tests.compliance.suppliers_on_record import asked, reviewed


def filled(world: World, **changes: Any) -> dict[str, Any]:
    """The form of a review, with one complementary control."""
    return {
        "system": world.assessment.system.pk,
        "name": "Model hub",
        "provides": "The base model.",
        "model_versions": [str(world.base.uuid)],
        "report_type": "soc2-type2",
        "issuer": "An audit firm",
        "period_start": "2025-10-01",
        "period_end": "2026-09-30",
        "opinion": "qualified",
        "exceptions": "One, on page 40.",
        "gap_measures": "A bridge letter.",
        "conclusion": "Relied on in part.",
        "evidence": str(world.log.uuid),
        "reviewed_on": "2026-11-01",
        "control-TOTAL_FORMS": "2",
        "control-INITIAL_FORMS": "0",
        "control-0-reference": "CUEC-1",
        "control-0-statement": "Tokens are rotated.",
        "control-1-statement": "",
        **changes,
    }


def test_a_review_is_recorded_from_the_form(world: World, browse: Browse, contributor: User, officer: User) -> None:
    own = adopted(world.assessment.system, officer)
    answer: Any = browse(contributor).post(
        reverse("supplier-new"), filled(world, **{"control-0-controls": [str(own.uuid)]}), follow=True
    )
    page = answer.content.decode()
    assert "92 days of the period are not covered: 2026-10-01 to 2026-12-31." in page
    assert all(words in page for words in ("A bridge letter.", "Qualified", "CUEC-1", str(own), str(world.base)))
    review = SupplierReview.objects.get()
    assert (review.reviewer, review.evidence, list(review.model_versions.all())) == (
        contributor,
        world.log,
        [world.base],
    )


def test_a_form_that_says_too_little_keeps_what_was_typed(world: World, browse: Browse, contributor: User) -> None:
    url = reverse("supplier-new")
    refused: Any = browse(contributor).post(url, filled(world, exceptions=""))
    assert refused.status_code == 422
    assert "Say which exceptions the report names" in refused.content.decode()
    assert "Relied on in part." in refused.content.decode()
    without_words: Any = browse(contributor).post(url, filled(world, **{"control-0-statement": ""}))
    assert "Say what the report expects." in without_words.content.decode()
    assert not Supplier.objects.exists()


def test_the_next_review_begins_with_what_the_last_one_said(world: World, browse: Browse, officer: User) -> None:
    review = reviewed(
        world.assessment.system, officer, customer_controls=[asked("Tokens are rotated.", reference="C-9")]
    )
    page = browse(officer).get(reverse("supplier-review", args=[review.supplier.uuid])).content.decode()
    assert all(words in page for words in ("Relied on for who may upload.", "Tokens are rotated.", "C-9"))


def test_a_foreign_system_model_or_report_is_no_choice(world: World, browse: Browse, contributor: User) -> None:
    client, url = browse(contributor), reverse("supplier-new")
    for change in (
        {"system": world.other_assessment.system.pk},
        {"model_versions": [str(world.other_version.uuid)]},
        {"evidence": str(world.other_log.uuid)},
    ):
        assert client.post(url, filled(world, **change)).status_code == 422
    assert not Supplier.objects.exists()


def test_the_list_shows_the_gap_and_who_is_not_on_record(world: World, browse: Browse, officer: User) -> None:
    client, url = browse(officer), reverse("supplier-list")
    empty = client.get(url).content.decode()
    assert "No third party on record" in empty
    assert "Named by inherited models, and not on record" in empty
    reviewed(world.assessment.system, officer, opinion=Opinion.ADVERSE)
    page = client.get(url).content.decode()
    assert "92 days open" in page
    assert "Adverse" in page
    assert "not on record" not in page


def test_an_auditor_reads_and_records_nothing(world: World, browse: Browse, auditor: User, officer: User) -> None:
    supplier = reviewed(world.assessment.system, officer, evidence=world.log).supplier
    client = browse(auditor)
    page = client.get(reverse("supplier-detail", args=[supplier.uuid])).content.decode()
    assert "Review anew" not in page
    assert client.post(reverse("supplier-end", args=[supplier.uuid])).status_code == 403
    assert client.get(reverse("evidence-detail", args=[world.log.uuid])).status_code == 200


def test_closing_a_record(world: World, browse: Browse, officer: User) -> None:
    supplier = reviewed(world.assessment.system, officer).supplier
    client, url = browse(officer), reverse("supplier-end", args=[supplier.uuid])
    assert "Say until when it was used." in client.post(url, {"ended_on": "soon"}, follow=True).content.decode()
    page = client.post(url, {"ended_on": "2026-11-20"}, follow=True).content.decode()
    assert "no longer used" in page
    assert "Review anew" not in page
    supplier.refresh_from_db()
    assert (supplier.ended_on, supplier.ended_by) == (date(2026, 11, 20), officer)
