"""What the evidence says beside an answer: every figure leads to exactly its rows, and claims are held against the record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from compliance.models import Answer, DatasetVerification, DatasetVersion, JobBinding, JobEvent, ModelVersion, User
from compliance.selectors.question_facts import QuestionFacts, question_facts
from compliance.services import answers
from compliance.types.bindings import BoundBy, Named
from compliance.types.states import ModelOrigin, Outcome
from compliance.types.verdicts import StageVerdict
from tests.compliance import records
from tests.compliance.conftest import Browse, World

pytestmark = pytest.mark.django_db
SIDES = {1: ["training_data"], 2: ["submitters"], 3: ["inherited_models"], 4: ["job_log"]}


def said(world: World, number: int, actor: User, *, value: str = "yes", **claims: str) -> QuestionFacts:
    """What is computed beside the answer to one question, once it claims this."""
    answer = world.assessment.answers.select_related("assessment__system", "question").get(question__number=number)
    answer.question.facts = {**answer.question.facts, "computed": SIDES[number]}
    answer.question.save()
    answers.write(
        answer=answer, value=value, statement="So.", reason="", claims=claims, actor=actor, expected_version=None
    )
    return question_facts(Answer.objects.select_related("assessment__system", "question").get(pk=answer.pk))


def value_of(says: QuestionFacts, label: str) -> str:
    return next(fact.value for fact in says.facts if label in fact.label)


def bound(event: JobEvent, data: DatasetVersion | None, *, digest: str = "", by: BoundBy = BoundBy.RULE) -> JobBinding:
    return JobBinding.objects.create(
        system=event.system, event=event, place="inputs/0", named=Named.DATASET, name="s3://training/data",
        name_digest=digest, bound_by=by if data else BoundBy.NOTHING, dataset_version=data,
    )  # fmt: skip


def compared(data: DatasetVersion, event: JobEvent, *, before: bool = True, matches: bool = True) -> None:
    at = event.occurred_at - timedelta(minutes=10) if before else event.occurred_at + timedelta(minutes=10)
    DatasetVerification.objects.create(
        dataset_version=data, verified_at=at, matches=matches, found_root=data.manifest_root
    )


@pytest.fixture
def jobs(world: World) -> list[JobEvent]:
    """Five submissions, one of each state: compared, by digest, not verified, differed, and bound to nothing."""
    events = records.log_events(world.assessment.system, world.log, 2, tag="more")
    rows = [*world.events, *events]
    sets = [
        DatasetVersion.objects.create(
            dataset=world.dataset.dataset, label=f"set {n}", manifest_root=f"{n:064x}", file_count=1, size=1,
            registered_by=world.dataset.registered_by,
        )
        for n in range(1, 5)
    ]  # fmt: skip
    bound(rows[0], sets[0])
    compared(sets[0], rows[0])
    bound(rows[1], sets[1], digest=sets[1].manifest_root, by=BoundBy.DIGEST)
    bound(rows[2], sets[2])
    compared(sets[2], rows[2], before=False)
    bound(rows[3], sets[3])
    compared(sets[3], rows[3], matches=False)
    bound(rows[4], None)
    return rows


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_every_figure_leads_to_exactly_its_rows(
    world: World, browse: Browse, officer: User, jobs: list[JobEvent], number: int
) -> None:
    records.log_events(world.assessment.system, world.log, 2, tag="denied", outcome=Outcome.DENIED)
    records.log_events(world.other_assessment.system, world.other_log, 3, tag="foreign")
    records.observed(world.base, StageVerdict.NO_EVIDENCE_AT_POWER, actor=officer)
    client, followed = browse(officer), 0
    for fact in said(world, number, officer).facts:
        if not fact.url_name:
            continue
        response = client.get(f"{reverse(fact.url_name)}?{fact.query}")
        assert response.status_code == 200, fact.label
        if fact.rows is not None:
            assert response.context["page"].paginator.count == fact.rows, fact.label
            followed += 1
    assert followed >= 2


def test_the_share_of_jobs_whose_data_was_verified_how_and_when(
    world: World, officer: User, jobs: list[JobEvent]
) -> None:
    says = said(world, 1, officer)
    assert value_of(says, "verified before the start") == "2 of 5 (40%)"
    for words in (
        "compared with the manifest before the start", "the log itself gives the digest", "not verified before the start",
        "differed from the manifest", "no source says which data",
    ):  # fmt: skip
        assert value_of(says, f"Of the submitted jobs: {words}") == "1"
    assert value_of(says, "last compared").endswith("UTC")


def test_a_digest_in_the_log_that_is_not_the_manifests_is_a_difference(
    world: World, officer: User, jobs: list[JobEvent]
) -> None:
    JobBinding.objects.filter(event=jobs[0]).update(name_digest="f" * 64)
    assert value_of(said(world, 1, officer), "differed from the manifest") == "2"


def test_a_decision_in_force_counts_and_a_superseded_one_does_not(
    world: World, officer: User, jobs: list[JobEvent]
) -> None:
    JobBinding.objects.filter(event=jobs[3]).update(superseded_at=jobs[3].occurred_at)
    says = said(world, 1, officer)
    assert value_of(says, "differed from the manifest") == "0"
    assert value_of(says, "no source says which data") == "2"


def test_without_jobs_there_is_no_share(world: World, officer: User) -> None:
    type(world.assessment).objects.filter(pk=world.assessment.pk).update(period_end="2026-01-02")
    assert value_of(said(world, 1, officer), "verified before the start") == "0 of 0 (–)"


def test_claims_are_held_against_the_jobs(world: World, officer: User, jobs: list[JobEvent]) -> None:
    told = said(world, 1, officer, verification_point="before every job", datasets_covered="2").contradictions
    assert any("Of 5 jobs submitted in the period 3 started without a verification" in one for one in told)
    assert any("Jobs of the period read 4." in one for one in told)
    assert any("1 job read data that differed" in one for one in told)
    kept = said(world, 1, officer, value="partly", verification_point="on approval only", datasets_covered="9")
    assert kept.contradictions == ()


def test_inherited_models_stand_beside_the_answer_with_freshness_tier_and_power(
    world: World, browse: Browse, officer: User
) -> None:
    facts = records.stage_facts(StageVerdict.NO_EVIDENCE_AT_POWER)
    power = [{"attack": "4×4 patch", "found": 16, "planted": 20}]
    facts["stage"]["facts"]["calibration"] = {"tier": "calibrated", "power": power}
    records.observed(world.base, StageVerdict.NO_EVIDENCE_AT_POWER, facts=facts, actor=officer)
    (row,) = said(world, 3, officer).matrix
    assert (row.version, len(row.cells)) == (world.base, 4)
    assert (row.cells[0].tier, row.cells[0].power) == ("calibrated", "4×4 patch: 16 of 20 found")
    assert row.cells[1].state == "not_covered"
    html = browse(officer).get(f"/assessments/{world.assessment.uuid}/questions/3/").content.decode()
    assert "4×4 patch: 16 of 20 found" in html


def test_more_tested_models_than_the_record_holds_is_a_contradiction(world: World, officer: User) -> None:
    told = said(world, 3, officer, models_tested="1").contradictions
    assert any("The record holds a conclusive test of 0." in one for one in told)
    assert ModelVersion.objects.filter(origin=ModelOrigin.INHERITED).count() == 1
