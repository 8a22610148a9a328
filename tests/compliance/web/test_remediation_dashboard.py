"""The dashboard: every number is what its link lists, all of it goes out as files, and nobody sees more than their own."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from compliance.models import (
    BusinessCalendar,
    CostRate,
    Finding,
    RemediationItem,
    SlaClock,
    SlaPolicy,
    Team,
    User,
)
from compliance.rights import Verb, may
from compliance.selectors.remediation_dashboard import dashboard
from compliance.types.days import start_of
from compliance.types.states import RemediationState
from tests.compliance import records
from tests.compliance.conftest import World

Browse = Callable[[User], Client]
Count = Callable[[Callable[[], object]], int]
URL = reverse("remediation-dashboard")


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


def aged(finding: Finding, days: int) -> None:
    Finding.objects.filter(pk=finding.pk).update(first_seen_at=timezone.now() - timedelta(days=days))


def closed(item: RemediationItem, *, opened: date, at: date, due: date) -> None:
    RemediationItem.objects.filter(pk=item.pk).update(
        state=RemediationState.CLOSED,
        created_at=start_of(opened),
        closed_at=start_of(at) + timedelta(hours=9),
        due_on=due,
    )


@pytest.fixture
def history(world: World, manager: User) -> list[RemediationItem]:
    """Thirty items, opened twenty weeks ago; twenty-four of them closed since, two a week, the first ones late."""
    today = timezone.localdate()
    opened = today - timedelta(weeks=20)
    items = [
        records.remediation_item(world.finding, owner=manager, actor=manager, title=f"Item {n:02}") for n in range(30)
    ]
    for n, item in enumerate(items):
        RemediationItem.objects.filter(pk=item.pk).update(created_at=start_of(opened), effort_spent=Decimal("0.25"))
        if n < 24:
            at = today - timedelta(weeks=13 - n // 2)
            closed(item, opened=opened, at=at, due=at - timedelta(days=1) if n < 2 else at)
    return items


def listed(client: Client, page: str, query: str) -> int:
    """How many rows the list behind a number has."""
    response: Any = client.get(f"{reverse(page)}?{query}")
    assert response.status_code == 200
    return int(response.context["page"].paginator.count)


@pytest.mark.parametrize("query", ["", "days=30", "days=365"])
def test_every_number_that_counts_rows_is_the_number_of_rows_of_its_list(
    world: World, history: list[RemediationItem], browse: Browse, manager: User, query: str
) -> None:
    aged(world.finding, 45)
    client = browse(manager)
    content = client.get(f"{URL}?{query}").context["content"]
    checked = 0
    for figure in content.figures:
        for row in figure.rows:
            for cell in row.cells:
                if cell.page and figure.unit != "person-days" and "Median" not in row.label:
                    assert listed(client, cell.page, cell.query) == cell.value, (figure.key, row.label, cell.query)
                    checked += 1
    assert checked > 100


def test_of_one_system_everything_is_narrowed(
    world: World, history: list[RemediationItem], browse: Browse, manager: User
) -> None:
    client, system = browse(manager), world.finding.system
    content = client.get(URL, {"system": str(system.uuid)}).context["content"]
    items = RemediationItem.objects.filter(system=system).exclude(state="closed")
    assert content.open_items == items.count()
    for figure in content.figures:
        assert all(str(system.uuid) in cell.query for row in figure.rows for cell in row.cells if cell.query)


def test_findings_stand_by_whole_days_of_age(world: World, browse: Browse, manager: User) -> None:
    for days, age in ((0, 0), (29, 0), (30, 1), (89, 1), (90, 2), (179, 2), (180, 3), (4_000, 3)):
        aged(world.finding, days)
        cache.clear()
        figure = dashboard(manager, today=timezone.now().date(), days=90).figure("open-findings")
        assert figure is not None
        of_this = [sum(int(cell.value or 0) for cell in row.cells) for row in figure.rows]
        others = Finding.objects.filter(state="not-satisfied").exclude(pk=world.finding.pk).count()
        assert sum(of_this) == others + 1
        assert of_this[age] >= 1, days


def test_effort_adds_up_over_systems_and_over_controls(
    world: World, history: list[RemediationItem], browse: Browse, manager: User
) -> None:
    content = dashboard(manager, today=timezone.localdate(), days=365)
    planned = sum(item.effort_planned for item in RemediationItem.objects.all())
    for key in ("effort-by-system", "effort-by-control"):
        figure = content.figure(key)
        assert figure is not None
        assert sum(Decimal(row.cells[0].value or 0) for row in figure.rows) == planned
        assert sum(Decimal(row.cells[1].value or 0) for row in figure.rows) == Decimal("7.5")


def test_limits_kept_and_broken_by_month_are_those_that_their_lists_show(
    world: World, browse: Browse, manager: User
) -> None:
    calendar = BusinessCalendar.objects.create(key="own", version=1, title="Own", zone="UTC")
    policy = SlaPolicy.objects.create(version=99, calendar_key="own")
    today = timezone.localdate()
    month = today.replace(day=1)
    now = timezone.now()

    def clock(finding: Finding, due: datetime, ended: datetime | None, paused: datetime | None = None) -> None:
        SlaClock.objects.create(
            finding=finding, policy=policy, calendar=calendar, severity="high", unit="days", limit_seconds=1,
            started_at=due - timedelta(days=9), since=due - timedelta(days=9), near_at=due, due_at=due, ended_at=ended,
            paused_at=paused,
        )  # fmt: skip

    SlaClock.objects.all().delete()
    start = start_of(month)
    clock(world.finding, start + timedelta(days=400), start)  # kept this month
    clock(world.finding, start - timedelta(days=1), start)  # broken last month, ended in this one
    clock(world.other_finding, now - timedelta(seconds=60), None)  # broken this month, and runs still
    cache.clear()
    figure = dashboard(manager, today=today, days=90).figure("limits")
    assert figure is not None
    assert [cell.value for cell in figure.rows[-1].cells] == [1, 1 if now - timedelta(seconds=60) >= start else 0, 50]
    assert [cell.value for cell in figure.rows[-2].cells] == [0, 1, 0]
    for row in figure.rows[-2:]:
        for cell in row.cells[:2]:
            assert listed(browse(manager), "finding-list", cell.query) == cell.value


def test_effort_and_cost_by_team_and_system_are_for_those_who_may_see_them(
    world: World, history: list[RemediationItem], browse: Browse, manager: User, officer: User, administrator: User
) -> None:
    team = Team.objects.create(name="Data")
    RemediationItem.objects.filter(pk=history[0].pk).update(team=team, work_role="Engineer")
    rated(manager, "EUR", 500)
    rated(manager, "CHF", 700)
    content = dashboard(manager, today=timezone.localdate(), days=365)
    by_team = content.figure("effort-by-team")
    assert by_team is not None
    assert {row.label: row.cells[0].value for row in by_team.rows}["Data"] == Decimal(5)
    assert listed(browse(manager), "remediation-list", by_team.rows[0].cells[0].query) == 1
    cost = content.figure("cost-chf")
    assert cost is not None
    assert cost.rows[0].cells[0].value == Decimal(3500)  # the rate that was recorded later
    assert "have no rate" in cost.note
    for user in (administrator, officer):
        figures = dashboard(user, today=timezone.localdate(), days=365).figures
        assert not [figure for figure in figures if figure.key.startswith("cost")] or may(user, Verb.VIEW_COSTS)
    assert may(administrator, Verb.VIEW_COSTS)
    assert not may(officer, Verb.VIEW_COSTS)


def test_cost_adds_up_over_systems_controls_and_teams(
    world: World, history: list[RemediationItem], browse: Browse, manager: User
) -> None:
    rated(manager, "EUR", 500)
    RemediationItem.objects.update(work_role="engineer")
    RemediationItem.objects.filter(pk=history[-1].pk).update(team=Team.objects.create(name="Data"))
    records.worked(RemediationItem.objects.get(pk=history[-1].pk), manager, "2")
    content = dashboard(manager, today=timezone.localdate(), days=365)
    planned = 500 * sum(item.effort_planned for item in RemediationItem.objects.all())
    for key in ("cost-eur", "cost-by-control-eur", "cost-by-team-eur"):
        figure = content.figure(key)
        assert figure is not None
        assert [sum(Decimal(row.cells[n].value or 0) for row in figure.rows) for n in (0, 1)] == [planned, 1000]
    teams = content.figure("cost-by-team-eur")
    assert teams is not None
    of_team = {row.label: row for row in teams.rows}["Data"]
    assert [cell.value for cell in of_team.cells] == [Decimal(2500), Decimal(1000)]
    assert listed(browse(manager), "remediation-list", of_team.cells[0].query) == 1


def rated(manager: User, currency: str, amount: int) -> None:
    """A day of an engineer costs so much."""
    CostRate.objects.create(
        work_role="engineer", currency=currency, amount_a_day=Decimal(amount), effective_from=date(2020, 1, 1),
        stated_by=manager,
    )  # fmt: skip


def test_the_forecast_tells_its_seed_and_method_and_draws_from_whole_weeks(
    history: list[RemediationItem], browse: Browse, manager: User
) -> None:
    answer = browse(manager).get(URL)
    outlook = answer.context["content"].outlook
    assert outlook.forecast.closures >= 20
    assert outlook.median is not None
    assert outlook.median <= outlook.likely
    assert "2000 trials from seed 18" in answer.text
    assert "forecast, not a promise" in answer.text


def test_with_too_little_history_it_says_so(world: World, browse: Browse, manager: User) -> None:
    text = browse(manager).get(URL).text
    assert "Not enough history: a forecast needs at least 20 closures and 8 whole weeks" in text


def test_a_period_stands_beside_the_one_before(history: list[RemediationItem], manager: User) -> None:
    figure = dashboard(manager, today=timezone.localdate(), days=30).figure("comparison")
    assert figure is not None
    rows = {row.label: [cell.value for cell in row.cells] for row in figure.rows}
    now, before, difference = rows["Items closed"]
    assert isinstance(now, int)
    assert isinstance(before, int)
    assert difference == now - before
    assert rows["Items closed after their due date"][:2] == [0, 0]
    assert rows["Median days from opening to closing"][0] is not None


def test_charts_stand_beside_tables_with_scoped_heads(
    history: list[RemediationItem], browse: Browse, manager: User
) -> None:
    text = browse(manager).get(URL).text
    assert text.count('<svg class="chart') >= 6
    assert text.count('<svg class="chart') == text.count('role="img" font-family')
    assert "<th>" not in text


def test_the_whole_dashboard_takes_few_queries_anew_and_fewer_when_kept(
    history: list[RemediationItem], browse: Browse, manager: User, count_queries: Count
) -> None:
    client = browse(manager)
    rated(manager, "EUR", 500)  # so that figures of cost are there as well
    assert count_queries(lambda: client.get(URL)) <= 20  # after each change of the record, once
    assert count_queries(lambda: client.get(URL)) <= 8


# Files ----------------------------------------------------------------------------------------------------------------


def test_all_figures_as_xlsx_are_those_of_the_page(
    history: list[RemediationItem], browse: Browse, manager: User
) -> None:
    client = browse(manager)
    content = client.get(URL).context["content"]
    answer: Any = client.get(URL, {"export": "xlsx"})
    book = load_workbook(io.BytesIO(answer.getvalue()))
    rows = list(book["Rows"].iter_rows(min_row=2, values_only=True))
    told = {(row[0], row[1], row[2]): row[3] for row in rows}
    assert len(rows) == sum(len(row.cells) for figure in content.figures for row in figure.rows) + 2
    for figure in content.figures:
        for row in figure.rows:
            for name, cell in zip(figure.series, row.cells, strict=True):
                found = told[figure.title, row.label, name]
                assert found == (None if cell.value is None else float(cell.value))


def test_one_figure_as_csv_is_its_table(history: list[RemediationItem], browse: Browse, manager: User) -> None:
    answer: Any = browse(manager).get(URL, {"export": "csv", "figure": "open-items"})
    rows = list(csv.reader(answer.getvalue().decode("utf-8-sig").splitlines()))
    assert rows[0] == ["State", "Items", "Overdue"]
    assert rows[1][0] == "Open"
    assert browse(manager).get(URL, {"export": "csv", "figure": "no-such"}).status_code == 404


@pytest.mark.parametrize(
    "query", ["days=7", "days=x", "system=nonsense", "days=30&system=", "days=99999999999999999999"]
)
def test_what_is_no_period_and_no_system_falls_back(world: World, browse: Browse, manager: User, query: str) -> None:
    assert browse(manager).get(f"{URL}?{query}").status_code == 200


def test_only_staff_see_it(world: World, browse: Browse, contributor: User, auditor: User) -> None:
    for user in (contributor, auditor):
        assert browse(user).get(URL).status_code == 403
        assert URL not in browse(user).get(reverse("remediation-list")).text


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-02-31", "soon"])
def test_lists_take_any_day_from_an_address(world: World, browse: Browse, manager: User, day: str) -> None:
    for name in ("opened_from", "opened_to", "closed_from", "closed_to", "open_on", "current_from"):
        assert browse(manager).get(reverse("remediation-list"), {name: day}).status_code == 200
    for name in ("seen_from", "seen_to", "age"):
        assert browse(manager).get(reverse("finding-list"), {name: day}).status_code == 200


def test_weeks_are_those_of_utc(world: World, manager: User) -> None:
    item = records.remediation_item(world.finding, owner=manager, actor=manager)
    sunday = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
    RemediationItem.objects.filter(pk=item.pk).update(created_at=sunday)
    flow = dashboard(manager, today=date(2026, 11, 27), days=90).figure("flow")
    assert flow is not None
    assert next(row for row in flow.rows if row.label == "2026-11-16").cells[0].value == 1


def test_findings_that_came_back_are_counted_among_those_that_were_fixed(
    world: World, browse: Browse, manager: User
) -> None:
    Finding.objects.filter(pk=world.finding.pk).update(reappearances=2, severity="high")
    Finding.objects.filter(pk=world.other_finding.pk).update(state="satisfied", sighting="fixed", severity="high")
    cache.clear()
    figure = dashboard(manager, today=timezone.localdate(), days=90).figure("reappearance")
    assert figure is not None
    row = next(row for row in figure.rows if row.label == "High")
    assert [cell.value for cell in row.cells] == [2, 1, 50]
    for cell in row.cells[:2]:
        assert listed(browse(manager), "finding-list", cell.query) == cell.value
