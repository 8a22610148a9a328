from __future__ import annotations

from collections.abc import Callable

import pytest

from compliance.models import CatalogRelease, ControlReview, ReferenceControl, User
from tests.compliance.conftest import Browse, World

pytestmark = pytest.mark.django_db
ADDRESS = "/catalogue/reviews/"


def reviews(number: int) -> list[ControlReview]:
    change = {
        "kind": "renamed",
        "subject": "mitigation",
        "id": "AML.M0013",
        "field": "",
        "before": "A<b>",
        "after": "B",
    }
    control = ReferenceControl.objects.order_by("control_id")[0]
    found = []
    for n in range(number):
        release = CatalogRelease.objects.create(key="mitre-atlas", version=f"2026.{n}", sha256=f"{n:064x}")
        found.append(ControlReview.objects.create(control=control, release=release, changes=[change]))
    return found


def test_an_officer_closes_a_review_by_saying_what_follows(world: World, browse: Browse, officer: User) -> None:
    (review,) = reviews(1)
    client = browse(officer)
    page = client.get(ADDRESS).content.decode()
    assert "A&lt;b&gt; → B" in page
    assert f'for="note-{review.uuid}"' in page
    refused = client.post(f"{ADDRESS}{review.uuid}/", {"note": ""}, follow=True).content.decode()
    assert "Write what follows" in refused
    assert (
        "longer than 5000"
        in client.post(f"{ADDRESS}{review.uuid}/", {"note": "x" * 5001}, follow=True).content.decode()
    )
    page = client.post(f"{ADDRESS}{review.uuid}/", {"note": "It <i>still</i> holds."}, follow=True).content.decode()
    assert "It &lt;i&gt;still&lt;/i&gt; holds." in page
    review.refresh_from_db()
    assert review.closed_by == officer


def test_others_see_that_it_waits_and_cannot_close_it(world: World, browse: Browse, auditor: User) -> None:
    (review,) = reviews(1)
    client = browse(auditor)
    assert "Waits for a compliance officer." in client.get(ADDRESS).content.decode()
    assert client.post(f"{ADDRESS}{review.uuid}/", {"note": "Fine."}).status_code == 403


def test_open_reviews_come_first_and_the_catalogue_counts_them(world: World, browse: Browse, officer: User) -> None:
    first, second = reviews(2)
    client = browse(officer)
    client.post(f"{ADDRESS}{second.uuid}/", {"note": "Fine."})
    page = client.get(ADDRESS).content.decode()
    assert page.index("2026.0") < page.index("2026.1")
    assert "1 control waits for a review after an update" in client.get("/catalogue/").content.decode()
    assert first.is_open


def test_an_empty_list_says_when_reviews_open(world: World, browse: Browse, officer: User) -> None:
    assert "No control waits for a review" in browse(officer).get(ADDRESS).content.decode()


def test_the_list_takes_the_same_number_of_queries_however_long(
    world: World, browse: Browse, officer: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    client = browse(officer)
    reviews(1)
    client.get(ADDRESS)
    few = count_queries(lambda: client.get(ADDRESS))
    ControlReview.objects.all().delete()
    CatalogRelease.objects.all().delete()
    reviews(30)
    assert count_queries(lambda: client.get(ADDRESS)) == few <= 20


def test_the_technique_is_shown_with_its_former_name(world: World, browse: Browse, officer: User) -> None:
    technique = world.technique
    technique.facts = {**technique.facts, "former_names": ["Backdoor ML Model"]}
    technique.save()
    assert "Formerly Backdoor ML Model." in browse(officer).get("/catalogue/").content.decode()
    detail = browse(officer).get(f"/assessments/{world.assessment.uuid}/").content.decode()
    assert "AML.T0018 Manipulate AI Model</a>, formerly Backdoor ML Model" in detail
