"""Who is overloaded in which week: load of open remediation against stated capacity, for people and teams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Prefetch, Q, Sum

from compliance.models import Capacity, Leave, RemediationItem, Team, User
from compliance.rights import Asker, visible
from compliance.types.states import RemediationState
from compliance.types.workload import Absence, Terms, Week, WeekLoad, capacity_of, load, summed, weeks_from

WEEKS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One person or team by week. has_terms: whether capacity was stated, for the person or for a team they are on."""

    name: str
    user: User | None
    team: Team | None
    weeks: tuple[WeekLoad, ...]
    has_terms: bool

    @property
    def over(self) -> tuple[WeekLoad, ...]:
        """Weeks with more on them than was stated."""
        return tuple(one for one in self.weeks if one.is_over)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityPage:
    """Everybody by week, teams, and the sum of all. of_nobody: person-days whose owner left."""

    weeks: tuple[Week, ...]
    people: tuple[Row, ...]
    teams: tuple[Row, ...]
    everybody: tuple[WeekLoad, ...]
    of_nobody: Decimal

    @property
    def overloaded(self) -> tuple[Row, ...]:
        """People with at least one week over their capacity, by name."""
        return tuple(row for row in self.people if row.over)


@dataclass(frozen=True, slots=True)
class _Stated:
    """What is on record of everybody: terms and absences by person and by team."""

    terms: dict[tuple[str, int], list[Terms]]
    absences: dict[tuple[str, int], list[Absence]]

    @classmethod
    def read(cls, weeks: tuple[Week, ...]) -> _Stated:
        terms, absences = defaultdict(list), defaultdict(list)
        for row in Capacity.objects.order_by("effective_from", "pk"):
            terms[_holder(row)].append(
                Terms(effective_from=row.effective_from, days_a_week=row.days_a_week, allocation=row.allocation)
            )
        there = Leave.objects.filter(last_day__gte=weeks[0].monday, first_day__lte=weeks[-1].days[-1])
        for leave in there:
            absences[_holder(leave)].append(Absence(first_day=leave.first_day, last_day=leave.last_day))
        return cls(dict(terms), dict(absences))

    def of(self, user: User, weeks: tuple[Week, ...]) -> dict[Week, Decimal | None]:
        """Capacity of a person by week: their own terms, else those of the first of their teams that has any."""
        keys = [("user", user.pk), *(("team", team.pk) for team in user.teams.all())]
        terms = next((self.terms[key] for key in keys if key in self.terms), [])
        away = [one for key in keys for one in self.absences.get(key, ())]
        return {week: capacity_of(week, terms, away) for week in weeks}


def _holder(row: Capacity | Leave) -> tuple[str, int]:
    return ("user", row.user_id) if row.user_id is not None else ("team", row.team_id or 0)


def _work(user: Asker, by: str) -> dict[int, list[tuple[date, Decimal]]]:
    """Remaining person-days of open items by owner or team and due day: one row for each pair, however many items."""
    rows = visible(RemediationItem.objects.exclude(state=RemediationState.CLOSED), user).filter(remaining__gt=0)
    named = rows.exclude(**{by: None}).order_by().values_list(by, "due_on").annotate(days=Sum("remaining"))
    work: dict[int, list[tuple[date, Decimal]]] = defaultdict(list)
    for holder, due_on, days in named:
        work[holder].append((due_on, days))
    return work


def capacity_page(user: Asker, *, today: date, team: Team | None = None, count: int = WEEKS) -> CapacityPage:
    """Load against capacity in the coming weeks, of everybody with work or capacity, or of one team's members."""
    weeks = weeks_from(today, count)
    stated, work = _Stated.read(weeks), _work(user, "owner")
    with_terms = [pk for kind, pk in stated.terms if kind == "user"]
    in_teams = Q(teams__in=[pk for kind, pk in stated.terms if kind == "team"])
    people = User.objects.filter(Q(pk__in=work) | Q(pk__in=with_terms) | in_teams, is_active=True).distinct()
    if team is not None:
        people = people.filter(teams=team)
    members = Prefetch("teams", queryset=Team.objects.order_by("name"))
    rows = [_person(one, stated, work.get(one.pk, []), today, weeks) for one in people.prefetch_related(members)]
    known = set(User.objects.filter(pk__in=work, is_active=True).values_list("pk", flat=True))
    gone = [days for owner, parts in work.items() if owner not in known for _day, days in parts]
    return CapacityPage(
        weeks=weeks,
        people=tuple(rows),
        teams=_teams(rows, _work(user, "team"), today, weeks),
        everybody=summed((row.weeks for row in rows), weeks),
        of_nobody=sum(gone, Decimal(0)),
    )


def _person(
    person: User, stated: _Stated, work: list[tuple[date, Decimal]], today: date, weeks: tuple[Week, ...]
) -> Row:
    loads, capacities = load(work, today=today, weeks=weeks), stated.of(person, weeks)
    cells = tuple(WeekLoad(week=week, load=loads[week], capacity=capacities[week]) for week in weeks)
    return Row(
        name=person.name,
        user=person,
        team=None,
        weeks=cells,
        has_terms=any(cell.capacity is not None for cell in cells),
    )


def _teams(
    people: Iterable[Row], work: dict[int, list[tuple[date, Decimal]]], today: date, weeks: tuple[Week, ...]
) -> tuple[Row, ...]:
    """Teams that own work or have members with capacity: load of the team's items against what its members have."""
    members: dict[int, list[Row]] = defaultdict(list)
    teams: dict[int, Team] = {}
    for row in people:
        for team in row.user.teams.all() if row.user else ():
            members[team.pk].append(row)
            teams[team.pk] = team
    teams |= Team.objects.in_bulk([pk for pk in work if pk not in teams])
    rows = []
    for pk, team in sorted(teams.items(), key=lambda pair: pair[1].name):
        loads = load(work.get(pk, []), today=today, weeks=weeks)
        together = summed((row.weeks for row in members[pk]), weeks)
        cells = tuple(WeekLoad(week=one.week, load=loads[one.week], capacity=one.capacity) for one in together)
        rows.append(
            Row(name=team.name, user=None, team=team, weeks=cells, has_terms=any(c.capacity is not None for c in cells))
        )
    return tuple(rows)
