"""The trail is searched by person, kind, subject and day, exported, and tells of tokens; what triggers noted has a page."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from compliance.models import RowChange, TrailEntry, User
from compliance.services import ledger, people, tokens
from compliance.services.tokens import TokenTerms
from compliance.templatetags.record import EVENTS
from compliance.types.states import Role
from compliance.web.trail import KINDS
from tests.compliance.conftest import Browse, World

pytestmark = pytest.mark.django_db


def with_token(user: User) -> APIClient:
    _scope, secret = tokens.create(owner=user, terms=TokenTerms(name="Program", days=3), actor=user)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
    return client


def test_every_kind_of_event_can_be_chosen() -> None:
    assert set(KINDS) == {kind.partition(".")[0] for kind in EVENTS}


def rows_of(browse: Browse, user: User, query: str) -> list[dict[str, str]]:
    answer = browse(user).get(f"/trail/?export=csv&{query}")
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))


def test_the_trail_is_searched_by_person_kind_subject_and_day(world: World, browse: Browse, officer: User) -> None:
    every = rows_of(browse, officer, "")
    entry = TrailEntry.objects.filter(actor__name="Carl Contributor")[0]
    by_carl = rows_of(browse, officer, "who=carl")
    assert 0 < len(by_carl) < len(every)
    assert {row["who"] for row in by_carl} == {"Carl Contributor"}
    assert {row["what"].partition(".")[0] for row in rows_of(browse, officer, "kind=finding")} == {"finding"}
    subject = rows_of(browse, officer, f"subject={entry.event.subject_uuid}")
    assert {row["subject's identifier"] for row in subject} == {str(entry.event.subject_uuid)}
    today, tomorrow = timezone.now().date(), timezone.now().date() + timedelta(days=2)
    assert len(rows_of(browse, officer, f"since={today - timedelta(days=1)}&until={tomorrow}")) == len(every)
    assert rows_of(browse, officer, f"since={tomorrow}") == []


def test_a_wrong_filter_is_told_and_hides_nothing(world: World, browse: Browse, officer: User) -> None:
    page = browse(officer).get("/trail/?since=never").content.decode()
    assert "Enter a valid date" in page


def test_programs_read_the_trail_within_their_scope(world: World, officer: User, auditor: User) -> None:
    every, seen = with_token(officer).get("/api/v1/trail/").data, with_token(auditor).get("/api/v1/trail/").data
    assert 0 < seen["count"] < every["count"]
    own = str(world.assessment.system.uuid)
    # beside the acts on their system, an auditor sees those on their own engagement, which is of no system
    assert {str(row["system"]) for row in seen["results"] if row["system"]} == {own}
    assert {row["kind"].partition(".")[0] for row in seen["results"] if not row["system"]} == {"engagement"}
    narrowed = with_token(officer).get(f"/api/v1/trail/?kind=assessment.&actor={officer.uuid}&since=2026-01-01").data
    assert {row["kind"].partition(".")[0] for row in narrowed["results"]} == {"assessment"}


def test_an_act_by_token_names_the_token_and_the_ledger_stays_whole(
    world: World, browse: Browse, officer: User
) -> None:
    client = with_token(officer)
    assert client.post("/api/v1/systems/", {"name": "By a program"}).status_code == 201
    entry = TrailEntry.objects.latest("pk")
    assert entry.payload["token"].startswith("assay_")
    assert entry.payload["token"] in browse(officer).get("/trail/").content.decode()
    ledger.seal()
    assert ledger.verify().is_intact


def test_changes_of_accounts_have_a_page_and_a_file(browse: Browse, administrator: User, officer: User) -> None:
    people.change_role(user=officer, role=Role.MANAGER, actor=administrator)
    client = browse(administrator)
    client.post(reverse("settings"), {"time_zone": "Europe/Berlin"})
    assert "Ada Administrator" in client.get(reverse("trail-changes")).content.decode()
    listed = client.get(reverse("trail-changes") + "?table=compliance_user&export=csv").getvalue().decode("utf-8-sig")
    assert (
        len(list(csv.DictReader(io.StringIO(listed)))) == RowChange.objects.filter(table_name="compliance_user").count()
    )


def test_an_auditor_sees_no_changes_of_accounts(world: World, browse: Browse, auditor: User) -> None:
    assert browse(auditor).get(reverse("trail-changes")).status_code == 403
