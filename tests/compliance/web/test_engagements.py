"""Pages of engagements: opening, changing, moving, the team's own words, and what a list costs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from compliance.models import Engagement, User
from compliance.services import engagements
from tests.compliance import records
from tests.compliance.conftest import Browse, World


@pytest.fixture
def engagement(world: World) -> Engagement:
    return Engagement.objects.get()


def filled(world: World, auditor: User, **changes: Any) -> dict[str, Any]:
    """The form of an engagement with one person on the team."""
    return {
        "title": "External audit",
        "kind": "iso_stage_2",
        "criteria": "The controls of Annex A",
        "edition": "ISO/IEC 42001:2023",
        "entity": "Example Ltd",
        "systems": [str(world.assessment.system.uuid)],
        "assessments": [str(world.assessment.uuid)],
        "accounts": "1111-2222\n\n3333-4444",
        "period_start": "2026-01-01",
        "period_end": "2026-12-31",
        "exclusions": "The laboratory.",
        "expires_on": "2999-01-01",
        "team-TOTAL_FORMS": "2",
        "team-INITIAL_FORMS": "0",
        "team-0-user": str(auditor.pk),
        "team-0-part": "lead",
        "team-1-part": "auditor",
        **changes,
    }


def place(name: str, engagement: Engagement) -> str:
    return reverse(name, args=[engagement.uuid])


def body(answer: Any) -> str:
    return str(answer.content.decode())


def test_an_engagement_is_opened_from_the_form(world: World, browse: Browse, officer: User, auditor: User) -> None:
    page = body(browse(officer).post(reverse("engagement-new"), filled(world, auditor), follow=True))
    told = ("ISO certification, stage 2", "ISO/IEC 42001:2023", "1111-2222, 3333-4444", "The laboratory.", auditor.name)
    assert [words for words in told if words not in page] == []
    assert "External audit" in body(browse(auditor).get(reverse("engagement-list")))


def test_a_refusal_keeps_what_was_typed(world: World, browse: Browse, officer: User, auditor: User) -> None:
    given = filled(world, auditor, kind="soc_2_type_1")
    answer: Any = browse(officer).post(reverse("engagement-new"), given)
    assert answer.status_code == 422
    assert "speaks of one day" in body(answer)
    assert "The laboratory." in body(answer)
    assert not Engagement.objects.filter(title="External audit").exists()


def test_the_form_begins_with_what_stands(world: World, engagement: Engagement, browse: Browse, officer: User) -> None:
    page = body(browse(officer).get(place("engagement-change", engagement)))
    assert 'value="Audit 2026"' in page
    assert 'value="2026-12-31"' in page
    ticked = re.findall(r'<input type="checkbox" name="(systems|assessments)" value="([^"]+)"[^>]* checked', page)
    assert ticked == [
        *(("systems", str(one.uuid)) for one in engagement.systems.all()),
        *(("assessments", str(one.uuid)) for one in engagement.assessments.all()),
    ]
    assert len(ticked) == 2
    last_day = engagement.expires_at.date().isoformat()
    assert f'value="{last_day}"' in page


def test_a_change_is_saved(world: World, engagement: Engagement, browse: Browse, officer: User, auditor: User) -> None:
    given = filled(world, auditor, title="Renamed", **{"team-INITIAL_FORMS": "1", "team-0-part": "reviewer"})
    page = body(browse(officer).post(place("engagement-change", engagement), given, follow=True))
    assert "Renamed" in page
    assert "Reviewer" in page
    assert "Scope of an audit changed" in page


def test_an_auditor_states_independence_and_begins_fieldwork(
    engagement: Engagement, browse: Browse, auditor: User
) -> None:
    client = browse(auditor)
    refused = body(client.post(place("engagement-move", engagement), {"to": "fieldwork"}, follow=True))
    assert f"{auditor.name} has not" in refused
    words = {"statement": "I own no shares."}
    assert "I own no shares." in body(client.post(place("engagement-independence", engagement), words, follow=True))
    page = body(client.post(place("engagement-move", engagement), {"to": "fieldwork"}, follow=True))
    assert "From Plan to Fieldwork" in page


def test_only_moves_of_the_readers_role_are_offered(
    engagement: Engagement, browse: Browse, officer: User, manager: User
) -> None:
    Engagement.objects.update(state="draft")
    assert "Move on" not in body(browse(officer).get(place("engagement-detail", engagement)))
    assert browse(manager).post(place("engagement-move", engagement), {"to": "fieldwork"}).status_code == 403
    page = body(browse(officer).post(place("engagement-move", engagement), {"to": "final"}, follow=True))
    assert "Choose the state" in page


def test_access_is_ended_from_the_page(engagement: Engagement, browse: Browse, officer: User, auditor: User) -> None:
    client = browse(auditor)
    assert client.get(place("engagement-detail", engagement)).status_code == 200
    assert "no access any more" in body(browse(officer).post(place("engagement-end", engagement), follow=True))
    assert client.get(place("engagement-detail", engagement)).status_code == 404
    assert "No engagement" in body(client.get(reverse("engagement-list")))


def test_the_list_is_filtered_and_exported(world: World, browse: Browse, officer: User, auditor: User) -> None:
    engagements.open_engagement(draft=records.audit(auditor, [world.assessment], title="Second"), actor=officer)
    client = browse(officer)
    assert "Audit 2026" not in body(client.get(reverse("engagement-list"), {"q": "seco"}))
    assert "Nothing matches" in body(client.get(reverse("engagement-list"), {"state": "final"}))
    answer: Any = client.get(reverse("engagement-list"), {"export": "csv", "q": "seco"})
    rows = answer.getvalue().decode()
    assert "Second" in rows
    assert "Audit 2026" not in rows


def test_a_longer_list_costs_no_more_queries(
    world: World, browse: Browse, officer: User, auditor: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    client = browse(officer)
    few = count_queries(lambda: client.get(reverse("engagement-list")))
    for n in range(12):
        engagements.open_engagement(draft=records.audit(auditor, [world.assessment], title=f"Audit {n}"), actor=officer)
    assert count_queries(lambda: client.get(reverse("engagement-list"))) == few <= 20
