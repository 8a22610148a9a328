"""The pages of an access review: open, filter, decide for some or all, complete, export."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import AccessReview, User
from compliance.types.access_reviews import Decision
from tests.compliance.conftest import World
from tests.compliance.entitlements_on_record import recorded, way

Browse = Callable[[User], Client]
LIST = reverse("access-review-list")


@pytest.fixture
def opened(world: World, browse: Browse, officer: User, manager: User) -> AccessReview:
    """A review of 300 principals that the manager decides, opened in the browser."""
    reading = recorded(world.assessment.system, world.log, *(way(f"p{n:03}") for n in range(300)))
    answer = browse(officer).post(
        reverse("access-review-new"),
        {"reading": reading.uuid, "reviewer": manager.pk, "due_on": "2026-12-01", "removals_due_on": "2026-12-15"},
    )
    assert answer.status_code == 302, answer.context["form"].errors
    return AccessReview.objects.get()


def url(name: str, review: AccessReview) -> str:
    return reverse(f"access-review-{name}", args=[review.uuid])


def decide(client: Client, review: AccessReview, **sent: object) -> str:
    return client.post(url("decide", review), {"reason": "Her task.", "act": "keep", **sent}, follow=True).text


def test_the_list_says_what_to_do_first(world: World, browse: Browse, officer: User, auditor: User) -> None:
    assert "Import such documents first" in browse(officer).get(LIST).text
    assert "Open a review" not in browse(auditor).get(LIST).text


def test_all_three_hundred_are_on_one_page(opened: AccessReview, browse: Browse, manager: User) -> None:
    answer = browse(manager).get(url("detail", opened))
    assert len(answer.context["lines"]) == 300
    assert "0 of 300 decided" in " ".join(answer.text.split())


def test_kept_in_bulk_by_the_filter_and_one_by_one(opened: AccessReview, browse: Browse, manager: User) -> None:
    client = browse(manager)
    some = [str(line.uuid) for line in opened.lines.all()[:2]]
    assert "2 principals are decided." in decide(client, opened, act="remove", line=some)
    assert "10 principals are decided." in decide(client, opened, whom="all", q="p29")
    assert "288 principals are decided." in decide(client, opened, whom="all", decision="none")
    assert opened.lines.filter(decision=Decision.KEEP).count() == 298


def test_a_filter_for_all_leaves_the_others_alone(opened: AccessReview, browse: Browse, manager: User) -> None:
    decide(browse(manager), opened, whom="all", q="p00")
    assert opened.lines.exclude(decision="").count() == 10


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"line": "nonsense"}, "at least one principal"),
        ({"reason": " ", "whom": "all"}, "Say why"),
        ({"act": "perhaps", "whom": "all"}, "Choose keep or remove"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    opened: AccessReview, browse: Browse, manager: User, sent: dict[str, str], words: str
) -> None:
    assert words in decide(browse(manager), opened, **sent)
    assert not opened.lines.exclude(decision="").exists()


def test_only_the_reviewer_is_shown_the_form(
    opened: AccessReview, browse: Browse, officer: User, manager: User
) -> None:
    assert "for those ticked below" in browse(manager).get(url("detail", opened)).text
    page = browse(officer).get(url("detail", opened)).text
    assert "for those ticked below" not in page
    assert "Only Mira Manager decides" in decide(browse(officer), opened, whom="all")


def test_completed_and_exported(opened: AccessReview, browse: Browse, manager: User) -> None:
    client = browse(manager)
    assert "Complete the review" in client.get(url("detail", opened)).text
    decide(client, opened, whom="all")
    answer = client.post(url("complete", opened), {"statement": "Done."}, follow=True)
    assert "Completed; it no longer changes" in answer.text
    body = client.get(f"{url('detail', opened)}?export=csv").getvalue().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(body)))
    assert len(rows) == 300
    assert (rows[0]["who"], rows[0]["decision"], rows[0]["reason"]) == ("p000", "Keep", "Her task.")


def test_filters_of_the_lines(opened: AccessReview, browse: Browse, manager: User) -> None:
    client = browse(manager)
    decide(client, opened, whom="all", q="p00")
    for query, count in (
        ("decision=none", 290),
        ("decision=keep", 10),
        ("q=p299", 1),
        ("used=yes", 0),
        ("reach=now", 300),
    ):
        assert client.get(f"{url('detail', opened)}?{query}").context["page"].paginator.count == count


def test_others_reviews_do_not_exist(
    world: World, browse: Browse, opened: AccessReview, contributor: User, auditor: User
) -> None:
    foreign = recorded(world.other_assessment.system, world.other_log, way("eve"))
    AccessReview.objects.update(system=world.other_assessment.system, reading=foreign)
    for user in (contributor, auditor):
        assert browse(user).get(url("detail", opened)).status_code == 404
        assert str(opened.uuid) not in browse(user).get(LIST).text


def test_the_page_takes_the_same_queries_however_long(
    world: World, opened: AccessReview, browse: Browse, manager: User, count_queries: Callable[..., int]
) -> None:
    client = browse(manager)
    assert count_queries(lambda: client.get(url("detail", opened))) <= 16


def test_the_list_takes_the_same_queries_however_long(
    world: World, opened: AccessReview, browse: Browse, manager: User, officer: User, count_queries: Callable[..., int]
) -> None:
    from datetime import date

    from compliance.services import access_reviews

    client = browse(manager)
    few = count_queries(lambda: client.get(LIST))
    day = date(2026, 12, 1)
    for _ in range(5):
        access_reviews.open_review(
            reading=opened.reading, reviewer=manager, due_on=day, removals_due_on=day, actor=officer
        )
    assert count_queries(lambda: client.get(LIST)) == few
