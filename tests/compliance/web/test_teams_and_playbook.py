"""Teams, rates, capacity and the playbook on pages: empty, with little and with much; who sees them and who writes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.urls import reverse
from django.utils import timezone

from compliance.models import CostRate, RemediationItem, Team, TechniqueSection, User
from compliance.services import teams
from compliance.types.plans import ItemSource
from compliance.types.states import Role
from tests.compliance import records
from tests.compliance.conftest import Browse, World, person
from tests.compliance.plans_on_record import DAY, staffed

pytestmark = pytest.mark.django_db
Count = Callable[[Callable[[], object]], int]
TASK = {
    "key": "sign-models", "title": "Sign models", "detail": "Sign what is promoted.", "role": "ML engineer",
    "person_days": 5, "low": 3, "high": 9, "controls": ["BDM-04"],
    "steps": [
        {"title": "Choose a key", "role": "Security", "person_days": 1, "low": 1, "high": 2},
        {"title": "Sign at promotion", "role": "ML engineer", "person_days": 4, "low": 2, "high": 7},
    ],
}  # fmt: skip


@pytest.fixture
def programme(world: World) -> TechniqueSection:
    """A playbook of two tasks, one in two steps."""
    tasks = [TASK, TASK | {"key": "keep-logs", "title": "Keep logs whole", "steps": []}]
    claim = {"text": "Four to six weeks.", "weeks_low": 4, "weeks_high": 6}
    return TechniqueSection.objects.create(
        technique=world.technique,
        key="programme",
        title="Programme",
        position=9,
        content={"tasks": tasks, "claim": claim},
    )


# Nothing yet, and who sees it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("team-list", "No team yet"),
        ("cost-rates", "No rate yet"),
        ("capacity", "No open work and no capacity yet"),
        ("playbook", "No playbook is loaded"),
    ],
)
def test_an_empty_page_says_what_to_do_first(browse: Browse, administrator: User, page: str, words: str) -> None:
    assert words in browse(administrator).get(reverse(page)).text


SEEN_BY = {
    "team-list": {"administrator", "officer"},
    "cost-rates": {"administrator", "manager"},
    "capacity": {"administrator", "officer", "manager"},
    "playbook": {"administrator", "officer", "manager", "contributor", "auditor"},
}


@pytest.mark.parametrize("page", SEEN_BY)
def test_each_page_is_for_those_whom_the_table_names(
    world: World, browse: Browse, page: str, administrator: User, officer: User, manager: User, contributor: User,
    auditor: User,
) -> None:  # fmt: skip
    people = (administrator, officer, manager, contributor, auditor)
    assert {user.role for user in people if browse(user).get(reverse(page)).status_code == 200} == SEEN_BY[page]


# Teams -----------------------------------------------------------------------------------------------------------------


def test_a_team_is_made_named_anew_and_filled_by_an_administrator(
    browse: Browse, administrator: User, contributor: User
) -> None:
    client = browse(administrator)
    assert "put people on it" in client.post(reverse("team-new"), {"name": "Platform"}, follow=True).text
    team = Team.objects.get()
    one = reverse("team-detail", args=[team.uuid])
    assert "Nobody is on the team yet" in client.get(one).text
    client.post(reverse("team-join", args=[team.uuid]), {"person": str(contributor.uuid)})
    assert contributor.name in client.get(one).text
    client.post(reverse("team-rename", args=[team.uuid]), {"name": "Tooling"})
    assert "Tooling" in client.get(reverse("team-list")).text
    client.post(reverse("team-leave", args=[team.uuid]), {"person": str(contributor.uuid)})
    assert not team.members.exists()


@pytest.mark.parametrize("name", ["", " ", "x" * 201])
def test_a_team_needs_a_name(browse: Browse, administrator: User, name: str) -> None:
    assert "Give the team a name" in browse(administrator).post(reverse("team-new"), {"name": name}, follow=True).text
    assert not Team.objects.exists()


def test_auditors_machines_and_people_who_left_join_no_team(
    browse: Browse, administrator: User, auditor: User, collector: User, contributor: User
) -> None:
    team = teams.create(name="Platform", actor=administrator)
    User.objects.filter(pk=contributor.pk).update(is_active=False)
    for other in (auditor, collector, contributor):
        browse(administrator).post(reverse("team-join", args=[team.uuid]), {"person": str(other.uuid)})
    assert not team.members.exists()


def test_officers_read_teams_and_change_none(browse: Browse, administrator: User, officer: User) -> None:
    team = teams.create(name="Platform", actor=administrator)
    client = browse(officer)
    assert "Platform" in client.get(reverse("team-detail", args=[team.uuid])).text
    for act in ("team-rename", "team-join", "team-leave"):
        assert client.post(reverse(act, args=[team.uuid]), {"name": "x"}).status_code == 403
    assert client.post(reverse("team-new"), {"name": "x"}).status_code == 403


# Much ------------------------------------------------------------------------------------------------------------------


def test_the_pages_take_as_many_queries_for_much_as_for_little(
    world: World, programme: TechniqueSection, browse: Browse, administrator: User, manager: User, contributor: User,
    count_queries: Count,
) -> None:  # fmt: skip
    staffed(contributor, manager)
    team, readers = Team.objects.get(), {"team-list": administrator}
    pages = {page: reverse(page) for page in ("team-list", "cost-rates", "capacity", "playbook")}
    pages["team-detail"] = reverse("team-detail", args=[team.uuid])
    pages["playbook-open"] = reverse("playbook-open", args=[world.item.system.uuid])

    def counted() -> dict[str, int]:
        found = {}
        for page, url in pages.items():
            client = browse(readers.get(page, administrator if page == "team-detail" else manager))
            client.get(url)
            found[page] = count_queries(partial(client.get, url))
        return found

    few = counted()
    for n in range(12):
        other = teams.create(name=f"Team {n}", actor=administrator)
        member = person(f"Member {n}", Role.MANAGER)
        for one in (team, other):
            teams.add_member(team=one, user=member, actor=administrator)
        CostRate.objects.create(
            work_role=f"Role {n}", currency="EUR", amount_a_day=n + 1, effective_from=DAY, stated_by=manager
        )
        records.remediation_item(world.finding, owner=member, actor=manager, title=f"Work {n}")
    assert counted() == few
    assert max(few.values()) <= 20


# The playbook ----------------------------------------------------------------------------------------------------------


def test_tasks_are_shown_with_their_estimates_and_opened_for_a_system(
    world: World, programme: TechniqueSection, browse: Browse, manager: User, contributor: User
) -> None:
    client = browse(manager)
    shown = client.get(reverse("playbook")).text
    assert "Sign models" in shown
    assert "Keep logs whole" in shown
    place = reverse("playbook-open", args=[world.item.system.uuid])
    due = (timezone.localdate() + timedelta(days=50)).isoformat()
    given = {"tasks": ["sign-models"], "owner": str(contributor.uuid), "due_on": due}
    assert "1 remediation item" in client.post(place, given, follow=True).text
    item = RemediationItem.objects.get(playbook_task="sign-models")
    assert (item.source, item.owner) == ("playbook", contributor)
    assert (item.estimate_low, item.estimate_high) == (Decimal(3), Decimal(9))
    assert [step.title for step in item.milestones.all()] == ["Choose a key", "Sign at promotion"]
    assert re.findall(r'name="tasks" value="([^"]+)"[^>]* checked', client.get(place).text) == ["keep-logs"]
    again = client.post(place, given | {"tasks": ["sign-models", "keep-logs"]})
    assert "is open on this AI system already" in again.text
    assert not RemediationItem.objects.filter(playbook_task="keep-logs").exists()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tasks": []}, "required"),
        ({"tasks": ["nonsense"]}, "Select a valid choice"),
        ({"due_on": "2020-01-01"}, "before the day on which the item is opened"),
        ({"owner": "auditor"}, "Select a valid choice"),
    ],
)
def test_tasks_that_cannot_be_opened_are_refused_in_words(
    world: World, programme: TechniqueSection, browse: Browse, manager: User, auditor: User, changed: dict[str, object],
    words: str,
) -> None:  # fmt: skip
    given = {"tasks": ["sign-models"], "owner": str(manager.uuid), "due_on": "2099-01-01"} | changed
    if changed.get("owner"):
        given["owner"] = str(auditor.uuid)
    place = reverse("playbook-open", args=[world.item.system.uuid])
    assert words in browse(manager).post(place, given).text
    assert not RemediationItem.objects.filter(source=ItemSource.PLAYBOOK).exists()


def test_whoever_gives_no_work_out_opens_no_task(
    world: World, programme: TechniqueSection, browse: Browse, contributor: User, auditor: User
) -> None:
    for user in (contributor, auditor):
        assert browse(user).get(reverse("playbook-open", args=[world.item.system.uuid])).status_code in (403, 404)
