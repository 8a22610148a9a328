"""Reads by auditors: each is logged whatever the door, nobody else's is, the log is shown and exported, and never changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from compliance.models import AuditorRead, Engagement, Evidence, JobEvent, User
from compliance.rights import visible
from compliance.services import engagements, evidence
from compliance.types.engagements import last_visit
from compliance.types.states import Role
from tests.compliance import records
from tests.compliance.api.conftest import Api, api  # noqa: F401  # a fixture
from tests.compliance.conftest import Browse, World, person


@pytest.fixture
def engagement(world: World) -> Engagement:
    return Engagement.objects.get()


def logged() -> list[tuple[str, str, str]]:
    return [(read.act, read.what, read.subject) for read in AuditorRead.objects.order_by("pk")]


def body(answer: Any) -> str:
    return str(answer.content.decode())


def test_pages_lists_files_and_downloads_are_logged(world: World, browse: Browse, auditor: User) -> None:
    client, log = browse(auditor), world.log
    client.get(reverse("evidence-detail", args=[log.uuid]))
    client.get(reverse("job-log"))
    client.get(reverse("job-log"), {"export": "csv"})
    client.get(reverse("evidence-download", args=[log.uuid]))
    client.get(reverse("question-detail", args=[world.assessment.uuid, 1]))
    assert logged() == [
        ("looked", "evidence-detail", str(log.uuid)),
        ("listed", "job-log", ""),
        ("exported", "job-log", ""),
        ("downloaded", "evidence-download", str(log.uuid)),
        ("looked", "question-detail", f"{world.assessment.uuid}/1"),
    ]


def test_reads_by_token_are_logged(world: World, api: Api, auditor: User) -> None:  # noqa: F811  # the fixture
    client = api(auditor)
    client.get("/api/v1/job-events/")
    client.get(f"/api/v1/evidence/{world.log.uuid}/")
    assert logged() == [
        ("listed", "api-job-events-list", ""),
        ("looked", "api-evidence-detail", str(world.log.uuid)),
    ]
    assert AuditorRead.objects.filter(by_token=True).count() == 2


def test_what_was_refused_or_is_public_is_no_read(world: World, browse: Browse, auditor: User) -> None:
    client = browse(auditor)
    client.get(reverse("evidence-detail", args=[world.other_log.uuid]))
    client.get(reverse("people"))
    client.get(reverse("healthz"))
    client.get("/static/assay/records.css")
    assert logged() == []


def test_reads_of_others_are_not_logged(world: World, browse: Browse, officer: User, contributor: User) -> None:
    for user in (officer, contributor):
        browse(user).get(reverse("evidence-detail", args=[world.log.uuid]))
    assert logged() == []


def test_a_read_costs_an_auditor_two_statements(world: World, browse: Browse, auditor: User) -> None:
    client = browse(auditor)
    with CaptureQueriesContext(connection) as queries:
        client.get(reverse("engagement-list"))
    about = [query["sql"] for query in queries.captured_queries]
    assert sum("INSERT INTO" in sql for sql in about) == 1
    assert len(about) <= 20


def test_a_page_looks_up_the_engagements_once_and_the_next_one_anew(
    world: World, engagement: Engagement, browse: Browse, auditor: User
) -> None:
    client = browse(auditor)
    version, finding = (
        reverse(name, args=[row.uuid])
        for name, row in (("model-version", world.tuned), ("finding-detail", world.finding))
    )
    for address in (version, finding, reverse("job-log"), "/api/v1/job-events/"):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(address).status_code == 200
        looked = [query["sql"] for query in asked if '"compliance_engagement_systems"."aisystem_id"' in query["sql"]]
        assert len(looked) == 1, address
    Engagement.objects.filter(pk=engagement.pk).update(expires_at=timezone.now())
    assert client.get(version).status_code == 404


def test_what_cannot_be_logged_is_not_handed_out(
    world: World, browse: Browse, auditor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_fields: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(AuditorRead.objects, "create", full)
    with pytest.raises(DatabaseError):
        browse(auditor).get(reverse("evidence-download", args=[world.log.uuid]))


def test_a_search_for_a_person_is_not_in_the_log(world: World, browse: Browse, auditor: User) -> None:
    browse(auditor).get(reverse("evidence-list"), {"q": "alice@example.org"})
    read = AuditorRead.objects.get()
    assert "alice" not in f"{read.what}{read.subject}"


def test_a_read_is_for_the_engagement_that_the_address_names(
    world: World, engagement: Engagement, browse: Browse, officer: User, auditor: User
) -> None:
    second = engagements.open_engagement(draft=records.audit(auditor, [world.assessment]), actor=officer)
    client = browse(auditor)
    client.get(reverse("engagement-detail", args=[second.uuid]))
    client.get(reverse("evidence-detail", args=[world.log.uuid]))
    named, untold = AuditorRead.objects.order_by("pk")
    assert (named.engagement, untold.engagement) == (second, None)
    page = body(browse(officer).get(reverse("engagement-reads", args=[engagement.uuid])))
    assert "on several engagements" in page


def test_officer_and_auditor_see_the_log_and_export_it(
    world: World, engagement: Engagement, browse: Browse, officer: User, auditor: User
) -> None:
    client, url = browse(auditor), reverse("engagement-reads", args=[engagement.uuid])
    assert "Nobody on the team has read anything" in body(browse(officer).get(url))
    client.get(reverse("evidence-download", args=[world.log.uuid]))
    for user in (officer, auditor):
        page = body(browse(user).get(url))
        assert "Evidence, its bytes" in page
        assert "Downloaded" in page
    assert "Evidence, its bytes" not in body(browse(officer).get(url, {"act": "listed"}))
    assert "Evidence, its bytes" in body(browse(officer).get(url, {"reader": str(auditor.uuid)}))
    answer: Any = browse(officer).get(url, {"export": "csv"})
    assert str(world.log.uuid) in answer.getvalue().decode()


def test_another_team_does_not_see_it(world: World, engagement: Engagement, browse: Browse, officer: User) -> None:
    stranger = person("Sid Stranger", Role.AUDITOR)
    engagements.open_engagement(draft=records.audit(stranger, [world.other_assessment]), actor=officer)
    assert browse(stranger).get(reverse("engagement-reads", args=[engagement.uuid])).status_code == 404
    assert not visible(AuditorRead.objects.filter(engagement=engagement), stranger).exists()


def test_the_log_is_in_the_api(world: World, engagement: Engagement, api: Api, officer: User, auditor: User) -> None:  # noqa: F811
    api(auditor).get(f"/api/v1/evidence/{world.log.uuid}/")
    rows = api(officer).get(f"/api/v1/engagements/{engagement.uuid}/reads/").json()["results"]
    assert [(row["reader"]["name"], row["act"], row["by_token"]) for row in rows] == [(auditor.name, "looked", True)]


def test_a_longer_log_costs_no_more_queries(
    engagement: Engagement, browse: Browse, officer: User, auditor: User,
    count_queries: Callable[[Callable[[], object]], int],
) -> None:  # fmt: skip
    client, url = browse(officer), reverse("engagement-reads", args=[engagement.uuid])
    browse(auditor).get(reverse("job-log"))
    few = count_queries(lambda: client.get(url))
    for _n in range(10):
        browse(auditor).get(reverse("job-log"))
    assert count_queries(lambda: client.get(url)) == few <= 20


# The first page -----------------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes_ago", "ended"),
    [([], None), ([1, 20, 50], None), ([1, 20, 200, 210], 200), ([61], 61), ([59], None)],
)
def test_an_hour_of_silence_ends_a_visit(minutes_ago: list[int], ended: int | None) -> None:
    reads = [NOW - timedelta(minutes=minutes) for minutes in minutes_ago]
    assert last_visit(reads, NOW) == (NOW - timedelta(minutes=ended) if ended else None)


def test_the_first_page_shows_the_room_and_what_changed(
    world: World, engagement: Engagement, browse: Browse, officer: User, auditor: User
) -> None:
    client = browse(auditor)
    page = body(client.get(reverse("overview")))
    assert "This is your first visit." in page
    assert "29 days left" in page
    AuditorRead.objects.create(
        reader=auditor,
        engagement=engagement,
        act="looked",
        what="overview",
        read_at=timezone.now() - timedelta(hours=3),
    )
    before = body(client.get(reverse("overview")))
    assert "Since your last visit" in before
    evidence.link(evidence=world.log, target=world.assessment.answers.all()[0], actor=officer)
    after = body(client.get(reverse("overview")))
    assert "Evidence attached" in after


def test_an_auditor_without_a_room_is_told_so(
    engagement: Engagement, browse: Browse, officer: User, auditor: User
) -> None:
    engagements.end_access(engagement=engagement, actor=officer)
    page = body(browse(auditor).get(reverse("overview")))
    assert "No engagement is open to you" in page
    assert not visible(JobEvent.objects.all(), auditor).exists()
    assert not visible(Evidence.objects.all(), auditor).exists()
