"""Populations and samples: frozen before a seed is typed, drawn as a stranger would, extended, voided, drawn anew on record."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from compliance.models import ControlTest, LedgerEvent, Population, Sample, SampledInstance, TrailEntry, User
from compliance.sampling import rank_key
from compliance.selectors import population_rows
from compliance.selectors.control_test_page import figures
from compliance.services import control_tests, evidence, leases, populations, samples
from compliance.services.errors import RefusedError
from compliance.services.populations import PopulationDraft
from compliance.services.samples import ResultDraft, SamplePlan
from compliance.types.canonical import merkle_root
from compliance.types.testing import InstanceResult, PopulationKind, Selection, SourceCheck
from tests.compliance import tests_of_controls
from tests.compliance.conftest import World
from tests.compliance.tests_of_controls import END, PLAN, START, TICKETS, Audit

pytestmark = pytest.mark.django_db
SEED = "2026-11-27 Ada"
FIXED = SamplePlan(selection=Selection.FIXED, seed=SEED, size=5)


@pytest.fixture
def audit(world: World, auditor: User, officer: User) -> Audit:
    return tests_of_controls.audit(world, auditor, officer)


@pytest.fixture
def test(audit: Audit) -> ControlTest:
    return audit.test


def lines_of(population: Population) -> list[bytes]:
    with evidence.open_stored(name=population.storage_name) as stream:
        return stream.read().splitlines()


def ranking(population: Population, seed: str = SEED) -> list[str]:
    ids = [json.loads(line)["id"] for line in lines_of(population)]
    return sorted(ids, key=lambda row: rank_key(seed, row))


def live(test: ControlTest) -> list[str]:
    return list(test.instances.filter(voided_at=None).order_by("rank").values_list("row_id", flat=True))


# Populations --------------------------------------------------------------------------------------------------------


def test_a_frozen_population_has_its_count_and_root_in_the_ledger(audit: Audit) -> None:
    lines = lines_of(audit.population)
    assert audit.population.count == len(lines) == 40
    assert audit.population.root == merkle_root(lines)
    event = LedgerEvent.objects.get(kind="population.frozen", subject_uuid=audit.population.uuid)
    payload = TrailEntry.objects.get(event=event).payload
    assert (payload["rows"], payload["rows_root"]) == (40, audit.population.root)


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        (PopulationKind.JOB_EVENTS, {"occurred_at", "operation", "actor", "job", "record"}),
        (PopulationKind.MODEL_VERSIONS, {"model", "version", "digest"}),
        (PopulationKind.EVIDENCE, {"document", "received_at"}),
        (PopulationKind.FINDINGS, {"control", "conclusion"}),
        (PopulationKind.APPROVALS, {"approver", "approved_at"}),
    ],
)
def test_records_held_are_a_population_without_a_name(
    audit: Audit, world: World, auditor: User, officer: User, kind: PopulationKind, columns: set[str]
) -> None:
    if kind is PopulationKind.APPROVALS:
        from tests.compliance.routes_world import held

        held(world.assessment, world.tuned, world.log, officer)
    draft = PopulationDraft(title="Held", kind=kind, period_start=START, period_end=END)
    population = tests_of_controls.counted(
        populations.define(
            engagement=audit.engagement, system=world.assessment.system, draft=draft, actor=auditor, dispatch=False
        )
    )
    rows = [json.loads(line) for line in lines_of(population)]
    assert rows
    assert columns <= set(rows[0]["fields"])
    text = b"".join(lines_of(population)).decode()
    assert not any(event.actor and event.actor.identifier and event.actor.identifier in text for event in world.events)


def test_rows_come_whole_and_in_order_whatever_a_chunk_holds(
    audit: Audit, world: World, auditor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = PopulationDraft(title="All", kind=PopulationKind.JOB_EVENTS, period_start=START, period_end=END)
    define = {"engagement": audit.engagement, "system": world.assessment.system, "draft": draft, "actor": auditor}
    populations_of = []
    for chunk in (2_000, 2):
        monkeypatch.setattr(population_rows, "CHUNK", chunk)
        defined = populations.define(**define, dispatch=False)  # type: ignore[arg-type]  # by name
        populations_of.append(tests_of_controls.counted(defined))
    assert populations_of[0].count == len(world.events) > 2
    assert populations_of[0].root == populations_of[1].root


def test_filters_and_days_narrow_records_held(audit: Audit, world: World, auditor: User) -> None:
    first = world.events[0]
    draft = PopulationDraft(
        title="One day", kind=PopulationKind.JOB_EVENTS, period_start=first.occurred_at.date(),
        period_end=first.occurred_at.date(), filters={"act": first.action_class},
    )  # fmt: skip
    define = {"engagement": audit.engagement, "system": world.assessment.system, "actor": auditor, "dispatch": False}
    population = tests_of_controls.counted(populations.define(draft=draft, **define))  # type: ignore[arg-type]
    expected = [event for event in world.events if event.occurred_at.date() == first.occurred_at.date()]
    assert population.count == len([event for event in expected if event.action_class == first.action_class])
    with pytest.raises(RefusedError, match="no filter"):
        populations.define(draft=replace(draft, filters={"who": "x"}), **define)  # type: ignore[arg-type]


def test_a_list_is_held_against_what_was_stated_of_it(audit: Audit, auditor: User) -> None:
    stated = {"stated_count": 40, "total_column": "amount", "stated_total": "420.00", "stratify_by": "team"}
    right = tests_of_controls.counted(
        tests_of_controls.listed(audit.engagement, io.BytesIO(TICKETS), actor=auditor, **stated)
    )
    assert (right.agrees, right.total, right.strata) == (True, "420", {"red": 30, "blue": 10})
    wrong = tests_of_controls.counted(
        tests_of_controls.listed(audit.engagement, io.BytesIO(TICKETS), actor=auditor, stated_count=41)
    )
    assert wrong.agrees is False
    assert audit.population.agrees is None


@pytest.mark.parametrize(
    ("content", "changes", "told"),
    [
        (b"a,b\n1\n", {}, "Line 2 has 1 cells"),
        (b"a,a\n1,2\n", {}, "a name of its own"),
        (b"a,\n1,2\n", {}, "a name of its own"),
        (b"a,b\n", {}, "No row fits"),
        (b"", {}, "names 1 to 100 columns"),
        (b"\xff\xfe\x00", {}, "UTF-8"),
        (b"a,b\n1,\xff\n", {}, "UTF-8"),
        (b'a,b\n"1,2\n', {}, "cannot be read"),
        (b"a,b\n1,2\n", {"total_column": "c"}, "no column"),
        (b"a,b\n1,x\n", {"total_column": "b"}, "Row 1 has"),
        (b"a,b\n1,NaN\n", {"total_column": "b"}, "Row 1 has"),
        (b"a,b\n" + b"".join(b"%d,1\n" % n for n in range(51)), {"stratify_by": "a"}, "more than 50 values"),
    ],
)
def test_a_list_that_cannot_be_counted_says_where(
    audit: Audit, auditor: User, content: bytes, changes: dict[str, str], told: str
) -> None:
    population = tests_of_controls.listed(audit.engagement, io.BytesIO(content), actor=auditor, **changes)
    job = leases.run_here(job=population.job)
    assert job.state == "failed"
    assert told in job.error
    population.refresh_from_db()
    assert population.frozen_at is None


@pytest.mark.parametrize("mark", [b";", b"\t"])
def test_semicolons_and_tabs_part_cells_too(audit: Audit, auditor: User, mark: bytes) -> None:
    content = b"\xef\xbb\xbf" + TICKETS.replace(b",", mark)
    population = tests_of_controls.counted(
        tests_of_controls.listed(audit.engagement, io.BytesIO(content), actor=auditor)
    )
    assert json.loads(lines_of(population)[0]) == {
        "id": "1",
        "fields": {"ticket": "T-1", "team": "red", "amount": "10.50"},
    }


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"title": " "}, "a title"),
        ({"period_start": date(2025, 1, 1)}, "outside that of the engagement"),
        ({"period_end": date(2025, 1, 1)}, "ends before"),
        ({"stated_total": "lots"}, "control total"),
        ({"kind": PopulationKind.FINDINGS, "stratify_by": "colour"}, "no column"),
    ],
)
def test_a_population_that_does_not_hold_is_refused(
    audit: Audit, auditor: User, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(RefusedError, match=told):
        tests_of_controls.listed(audit.engagement, io.BytesIO(TICKETS), actor=auditor, **changes)


def test_a_list_needs_its_file(audit: Audit, auditor: User) -> None:
    draft = PopulationDraft(title="Tickets", kind=PopulationKind.LIST, period_start=START, period_end=END)
    system = audit.control.system
    with pytest.raises(RefusedError, match="as a CSV file"):
        populations.define(engagement=audit.engagement, system=system, draft=draft, actor=auditor)


# Drawing ------------------------------------------------------------------------------------------------------------


def test_no_seed_before_the_population_is_frozen(audit: Audit, auditor: User) -> None:
    waiting = tests_of_controls.listed(audit.engagement, io.BytesIO(TICKETS), actor=auditor)
    test = tests_of_controls.planned(audit.engagement, audit.control, actor=auditor, population=waiting)
    with pytest.raises(RefusedError, match="only after it is"):
        samples.draw(test=test, plan=FIXED, actor=auditor)
    without = tests_of_controls.planned(audit.engagement, audit.control, actor=auditor)
    with pytest.raises(RefusedError, match="Name a population"):
        samples.draw(test=without, plan=FIXED, actor=auditor)


def test_the_sample_is_the_first_of_the_ranking_that_anybody_can_make(
    test: ControlTest, audit: Audit, auditor: User
) -> None:
    samples.draw(test=test, plan=FIXED, actor=auditor)
    assert live(test) == ranking(audit.population)[:5]


def test_an_extension_goes_on_where_the_draw_ended(test: ControlTest, audit: Audit, auditor: User) -> None:
    samples.draw(test=test, plan=FIXED, actor=auditor)
    samples.extend(test=test, sizes={"": 3}, reason="One exception was found.", actor=auditor)
    samples.extend(test=test, sizes={"": 2}, reason="And another.", actor=auditor)
    assert live(test) == ranking(audit.population)[:10]
    assert [one.extends is None for one in test.samples.all()] == [True, False, False]
    for sizes, told in (({"": 31}, "no further rows"), ({}, "how many"), ({"x": 1}, "how many")):
        with pytest.raises(RefusedError, match=told):
            samples.extend(test=test, sizes=sizes, reason="More.", actor=auditor)
    assert test.samples.count() == 3


def test_a_void_instance_is_replaced_by_the_next_in_rank(test: ControlTest, audit: Audit, auditor: User) -> None:
    samples.draw(test=test, plan=FIXED, actor=auditor)
    first = test.instances.get(rank=2)
    with pytest.raises(RefusedError, match="Say why"):
        samples.void(instance=first, reason="", actor=auditor)
    successor = samples.void(instance=first, reason="A test job that never ran.", actor=auditor)
    assert successor is not None
    assert (successor.row_id, successor.replaces) == (ranking(audit.population)[5], first)
    samples.extend(test=test, sizes={"": 1}, reason="More.", actor=auditor)
    ranks = ranking(audit.population)
    assert live(test) == [ranks[0], *ranks[2:7]]
    with pytest.raises(RefusedError, match="void already"):
        samples.void(instance=first, reason="Again.", actor=auditor)
    with pytest.raises(RefusedError, match="took its place"):
        tests_of_controls.passed(SampledInstance.objects.get(pk=first.pk), actor=auditor)


def test_at_the_end_of_the_ranking_nothing_takes_the_place(test: ControlTest, auditor: User) -> None:
    samples.draw(test=test, plan=replace(FIXED, size=40), actor=auditor)
    assert samples.void(instance=test.instances.get(rank=1), reason="Never ran.", actor=auditor) is None


def test_every_seed_stays_for_ever(test: ControlTest, audit: Audit, auditor: User) -> None:
    samples.draw(test=test, plan=FIXED, actor=auditor)
    with pytest.raises(RefusedError, match="say why another"):
        samples.draw(test=test, plan=replace(FIXED, seed="2"), actor=auditor)
    with pytest.raises(RefusedError, match="same seed"):
        samples.draw(test=test, plan=replace(FIXED, reason="Again."), actor=auditor)
    samples.draw(
        test=test, plan=replace(FIXED, seed="2", reason="The first was typed in the wrong test."), actor=auditor
    )
    assert list(test.samples.values_list("seed", flat=True)) == [SEED, "2"]
    assert figures(test).instances == 5
    assert live(test) != ranking(audit.population, "2")[:5]  # the rows of the first draw are still there
    assert set(ranking(audit.population, "2")[:5]) <= set(live(test))


def test_a_sample_row_cannot_be_changed(test: ControlTest, auditor: User) -> None:
    from django.db import DatabaseError, transaction

    samples.draw(test=test, plan=FIXED, actor=auditor)
    with pytest.raises(DatabaseError), transaction.atomic():
        Sample.objects.filter(test=test).update(seed="better")


@pytest.mark.parametrize(
    ("plan", "size"),
    [
        (SamplePlan(selection=Selection.STATISTICAL, seed="s", confidence=Decimal("0.9"), tolerable=Decimal("0.1")), 17),
        (
            SamplePlan(
                selection=Selection.STATISTICAL, seed="s", confidence=Decimal("0.9"), tolerable=Decimal("0.1"), expected=1
            ),
            27,
        ),
        (SamplePlan(selection=Selection.FREQUENCY, seed="s", frequency="Weekly"), 5),
        (SamplePlan(selection=Selection.FIXED, seed="s", size=7), 7),
        (SamplePlan(selection=Selection.FIXED, seed="s", size=400), 40),
    ],
)  # fmt: skip
def test_sizes_follow_the_plan_and_the_population(
    test: ControlTest, auditor: User, plan: SamplePlan, size: int
) -> None:
    assert samples.draw(test=test, plan=plan, actor=auditor).size == size
    assert test.instances.count() == size


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (replace(FIXED, size=None), "between 1 and"),
        (replace(FIXED, seed=""), "a seed has 1 to 64"),
        (replace(FIXED, seed="Größe"), "a seed has 1 to 64"),
        (SamplePlan(selection=Selection.STATISTICAL, seed="s"), "Give the confidence"),
        (replace(FIXED, selection=Selection.STATISTICAL, confidence=Decimal(2), tolerable=Decimal("0.1")), "confidence lies"),
        (SamplePlan(selection=Selection.FREQUENCY, seed="s", frequency="Hourly"), "has no “Hourly”"),
        (SamplePlan(selection=Selection.TARGETED, rows=("1",)), "Say why these rows"),
        (SamplePlan(selection=Selection.TARGETED, reason="Large."), "Name the rows"),
        (SamplePlan(selection=Selection.TARGETED, reason="Large.", rows=("1", "99")), "no row “99”"),
    ],
)  # fmt: skip
def test_a_plan_that_does_not_hold_draws_nothing(test: ControlTest, auditor: User, plan: SamplePlan, told: str) -> None:
    with pytest.raises(RefusedError, match=told):
        samples.draw(test=test, plan=plan, actor=auditor)
    assert not test.samples.exists()


def test_rows_can_be_chosen_with_a_reason_and_say_nothing_of_the_rest(test: ControlTest, auditor: User) -> None:
    plan = SamplePlan(selection=Selection.TARGETED, reason="The largest.", rows=("7", "3", "7"))
    samples.draw(test=test, plan=plan, actor=auditor)
    assert live(test) == ["7", "3"]
    for instance in test.instances.all():
        tests_of_controls.passed(instance, actor=auditor)
    assert figures(test).limit is None


def test_strata_have_rankings_and_sizes_of_their_own(audit: Audit, auditor: User) -> None:
    population = tests_of_controls.counted(
        tests_of_controls.listed(audit.engagement, io.BytesIO(TICKETS), actor=auditor, stratify_by="team")
    )
    test = tests_of_controls.planned(audit.engagement, audit.control, actor=auditor, population=population)
    samples.draw(test=test, plan=replace(FIXED, size=None, sizes={"red": 3, "blue": 2}), actor=auditor)
    teams = {line["id"]: line["fields"]["team"] for line in map(json.loads, lines_of(population))}
    red = [row for row in ranking(population) if teams[row] == "red"]
    assert [one.row_id for one in test.instances.filter(stratum="red")] == red[:3]
    successor = samples.void(instance=test.instances.get(stratum="red", rank=1), reason="Never ran.", actor=auditor)
    assert successor is not None
    assert successor.row_id == red[3]
    with pytest.raises(RefusedError, match="no stratum"):
        samples.draw(test=test, plan=replace(FIXED, seed="3", sizes={"green": 1}, reason="x"), actor=auditor)


def test_altered_rows_are_not_drawn_from(test: ControlTest, audit: Audit, auditor: User) -> None:
    Population.objects.filter(pk=audit.population.pk).update(sha256="0" * 64)
    test.refresh_from_db()
    with pytest.raises(RefusedError, match="no longer match"):
        samples.draw(test=test, plan=FIXED, actor=auditor)
    assert not test.instances.exists()


# What was found -----------------------------------------------------------------------------------------------------


def test_the_limit_is_that_of_the_population(test: ControlTest, auditor: User) -> None:
    samples.draw(test=test, plan=replace(FIXED, size=25), actor=auditor)
    first, *others = test.instances.order_by("rank")
    for instance in others:
        tests_of_controls.passed(instance, actor=auditor)
    assert figures(test).limit is None
    failed = ResultDraft(attribute="A", result=InstanceResult.EXCEPTION, note="Approved a day late.")
    passed = ResultDraft(attribute="B", result=InstanceResult.PASS)
    samples.record_results(instance=first, results=[failed, passed], actor=auditor)
    told = figures(test)
    assert (told.instances, told.decided, told.exceptions, told.of) == (25, 25, 1, 40)
    assert told.limit == 12.5  # 5 of 40: with 6 deviating rows, at most one in 25 is less likely than 5 %


def test_an_instance_is_held_against_its_source(test: ControlTest, auditor: User) -> None:
    samples.draw(test=test, plan=FIXED, actor=auditor)
    instance = test.instances.get(rank=1)
    with pytest.raises(RefusedError, match="what the source shows"):
        samples.check_source(instance=instance, check=SourceCheck.DIFFERS, note="", actor=auditor)
    samples.check_source(instance=instance, check=SourceCheck.AGREES, note="", actor=auditor)
    told = figures(test)
    assert (told.held_against_source, told.differing) == (1, 0)


def test_a_sample_may_still_be_followed_by_instances_by_name(test: ControlTest, auditor: User) -> None:
    samples.draw(test=test, plan=FIXED, actor=auditor)
    control_tests.add_instance(test=test, name="job-9", description="Named by the owner.", actor=auditor)
    assert figures(test).instances == 6
    with pytest.raises(RefusedError, match="say why this one"):
        control_tests.add_instance(test=test, name="job-9", description=" ", actor=auditor)
    assert PLAN.population is None
