"""What changed between readings of who can submit, as a population of a control test."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from compliance.models import Population, Principal, User
from compliance.services import populations
from compliance.services.populations import PopulationDraft
from compliance.types.canonical import merkle_root
from compliance.types.entitlements import Reach
from compliance.types.testing import PopulationKind
from tests.compliance import tests_of_controls
from tests.compliance.conftest import World
from tests.compliance.entitlements_on_record import recorded, way
from tests.compliance.tests_of_controls import END, START, Audit

pytestmark = pytest.mark.django_db


@pytest.fixture
def audit(world: World, auditor: User, officer: User) -> Audit:
    return tests_of_controls.audit(world, auditor, officer)


def lines(population: Population) -> list[bytes]:
    return [line.rstrip(b"\n") for line in populations.lines_of(population=population)]


def test_changes_between_readings_of_who_can_submit_are_a_population(audit: Audit, world: World, auditor: User) -> None:
    system, days = world.assessment.system, [datetime(2026, month, 1, tzinfo=UTC) for month in (3, 6, 9)]
    could = ([way("ada"), way("bob")], [way("ada", reach=Reach.AFTER_STEP), way("bob")], [way("bob"), way("eve")])
    for n, (day, ways) in enumerate(zip(days, could, strict=True)):
        recorded(system, world.log, *ways, taken_at=day, tag=str(n))
    outside = datetime(2027, 3, 1, tzinfo=UTC)
    recorded(system, world.log, taken_at=outside, tag="after the period")
    draft = PopulationDraft(
        title="Changes", kind=PopulationKind.ENTITLEMENT_CHANGES, period_start=START, period_end=END, stratify_by="change"
    )  # fmt: skip
    define = {"engagement": audit.engagement, "system": system, "actor": auditor, "dispatch": False}
    population = tests_of_controls.counted(populations.define(draft=draft, **define))  # type: ignore[arg-type]
    rows = [json.loads(line) for line in lines(population)]
    pseudonyms = {one.display: one.pseudonym for one in Principal.objects.all()}
    told = [(row["fields"]["principal"], row["fields"]["change"], row["fields"]["read_at"][:7]) for row in rows]
    assert sorted(told) == sorted(
        [
            (pseudonyms["ada"], "moved", "2026-06"),
            (pseudonyms["ada"], "removed", "2026-09"),
            (pseudonyms["eve"], "added", "2026-09"),
        ]
    )
    assert population.strata == {"added": 1, "moved": 1, "removed": 1}
    assert (population.count, population.root) == (3, merkle_root(lines(population)))
    assert "user/ada" not in b"".join(lines(population)).decode()
    narrowed = populations.define(draft=replace(draft, filters={"change": "added"}), **define)  # type: ignore[arg-type]
    assert tests_of_controls.counted(narrowed).count == 1


def test_a_sample_of_changes_is_drawn_like_any_other(audit: Audit, world: World, auditor: User) -> None:
    system = world.assessment.system
    for n, ways in enumerate(([way("ada")], [way("ada"), way("bob"), way("eve")])):
        recorded(system, world.log, *ways, taken_at=datetime(2026, 3 + n, 1, tzinfo=UTC), tag=str(n))
    draft = PopulationDraft(
        title="Changes", kind=PopulationKind.ENTITLEMENT_CHANGES, period_start=START, period_end=END
    )
    defined = populations.define(engagement=audit.engagement, system=system, draft=draft, actor=auditor, dispatch=False)
    test = tests_of_controls.planned(
        audit.engagement, audit.control, actor=auditor, population=tests_of_controls.counted(defined)
    )
    (one,) = tests_of_controls.drawn(test, size=1, actor=auditor)
    assert one.row["fields"]["change"] == "added"
