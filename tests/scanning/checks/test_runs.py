"""Checks from the record and back: facts gathered, observations recorded once, findings concluded and closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from compliance.models import CheckRun, Finding, Job, JobBinding, LedgerEvent, Observation, ReferenceControl, User
from compliance.services import answers, bindings, check_runs, expectations, leases, ledger
from compliance.services.errors import RefusedError
from compliance.services.finding_targets import _OF_CHECK
from compliance.types.bindings import Named
from compliance.types.checks import PRODUCER, CheckRule
from compliance.types.states import ActionClass, AnswerValue, JobState, Outcome
from compliance.types.verdicts import Conclusion
from scanning import intake
from scanning.services import check_facts, checks
from tests.compliance import records
from tests.compliance.conftest import World
from tests.compliance.entitlements_on_record import recorded, way

pytestmark = pytest.mark.django_db
R = CheckRule


@pytest.fixture(autouse=True)
def controls(db: None) -> None:
    """The reference controls that checks speak to, as the shipped catalogue has them."""
    for control_id in sorted(set(_OF_CHECK.values())):
        ReferenceControl.objects.create(
            control_id=control_id, title=control_id, family="f", objective=f"{control_id} holds.", tier="core",
            control_type="detective", nature="automated", frequency="always",
        )  # fmt: skip


def checked(world: World, actor: User | None = None) -> CheckRun:
    run = checks.request(system=world.assessment.system, actor=actor, dispatch=False)
    leases.run_here(job=run.job)
    run.refresh_from_db()
    run.job.refresh_from_db()
    assert run.job.state == JobState.SUCCEEDED, run.job.error
    return run


def verdict(run: CheckRun, rule: CheckRule) -> str:
    return str(next(result["verdict"] for result in run.results if result["rule"] == rule))


def exceptions(run: CheckRun, rule: CheckRule) -> list[str]:
    source = (run.repeats or run).uuid
    rows = Observation.objects.filter(source_uuid=source, rule=rule).exclude(asset_kind="ai_system").order_by("pk")
    return [row.description for row in rows]


def approve(world: World, names: str, actor: User) -> None:
    answers.write(
        answer=world.assessment.answers.get(question__number=2), value=AnswerValue.YES, statement="They may.", reason="",
        claims={"approved_submitters": names}, actor=actor, expected_version=None,
    )  # fmt: skip


def approval(world: World, actor: User, **changes: Any) -> None:
    event = world.events[0]
    given: dict[str, Any] = {
        "job": event.job_name, "approver": "lead@example.org", "approved_at": event.occurred_at - timedelta(hours=1),
        "dataset_digest": world.dataset.manifest_root, "base_digest": world.base.digest, "reference": "T-1",
        "evidence": None,
    }  # fmt: skip
    expectations.record_approval(system=world.assessment.system, actor=actor, **(given | changes))


def test_one_observation_a_rule_and_a_part_for_each_exception(world: World, officer: User) -> None:
    approve(world, "somebody-else", officer)
    run = checked(world, officer)
    wholes = Observation.objects.filter(source_uuid=run.uuid, asset_kind="ai_system")
    assert sorted(wholes.values_list("rule", flat=True)) == sorted(CheckRule)
    assert {row.producer for row in wholes} == {PRODUCER}
    assert len(exceptions(run, R.SUBMITTER_NOT_APPROVED)) == 3
    part = Observation.objects.filter(rule=R.SUBMITTER_NOT_APPROVED, asset_kind="job_event").first()
    assert part is not None
    assert part.facts["event"] in {str(event.uuid) for event in world.events}
    (event,) = LedgerEvent.objects.filter(kind="checks.run")
    assert event.entry.payload["rows"] == Observation.objects.filter(source_uuid=run.uuid).count()
    assert ledger.verify().is_intact


def test_one_finding_a_rule_against_its_control(world: World, officer: User) -> None:
    approve(world, "somebody-else", officer)
    checked(world, officer)
    finding = Finding.objects.get(title="Submitter not on the approved list")
    assert (finding.state, finding.target.control_id) == (Conclusion.NOT_SATISFIED, "BDM-07")
    assert finding.condition.startswith("Exceptions: 3 of 3 jobs.")
    assert finding.effect
    assert Finding.objects.filter(target__control_id="BDM-08").count() == 0  # no approval on record: nothing follows


def test_the_same_record_again_adds_no_row(world: World, officer: User) -> None:
    first = checked(world, officer)
    count = Observation.objects.count()
    again = checked(world, officer)
    assert Observation.objects.count() == count
    assert (again.repeats, again.outcome_sha256) == (first, first.outcome_sha256)
    assert checked(world).repeats == first


def test_a_finding_closes_when_its_cause_is_gone_and_opens_when_it_is_back(world: World, officer: User) -> None:
    states = []
    for names in ("somebody-else", "trainer-0", "somebody-else"):
        approve(world, names, officer)
        checked(world, officer)
        states.append(Finding.objects.get(title="Submitter not on the approved list").state)
    assert states == [Conclusion.NOT_SATISFIED, Conclusion.SATISFIED, Conclusion.NOT_SATISFIED]


def test_without_input_nothing_is_concluded(world: World) -> None:
    run = checked(world)
    for rule in (R.SUBMITTER_NOT_APPROVED, R.JOB_WITHOUT_APPROVAL, R.ENTITLED_UNUSED, R.USED_NOT_ENTITLED):
        assert verdict(run, rule) == "inconclusive"
    for rule in (R.LOG_GAP, R.OUTSIDE_CHANGE_WINDOW):
        assert verdict(run, rule) == "not_applicable"
    assert not Finding.objects.filter(target__control_id__in=["BDM-07", "BDM-08", "BDM-11"]).exists()


def test_approvals_are_held_against_jobs_by_name(world: World, officer: User) -> None:
    approval(world, officer)
    approval(world, officer, job=world.events[1].job_id, approved_at=world.events[1].occurred_at + timedelta(hours=1))
    approval(world, officer, job=world.events[2].job_name, approver="trainer-0", dataset_digest="")
    run = checked(world)
    assert verdict(run, R.JOB_WITHOUT_APPROVAL) == "nothing_found"
    assert [said.partition(" was ")[0] for said in exceptions(run, R.APPROVAL_AFTER_START)] == ["fine-tune-1"]
    assert exceptions(run, R.APPROVED_OWN_JOB) == ["trainer-0 submitted fine-tune-2 and approved it."]
    assert exceptions(run, R.APPROVAL_WITHOUT_DIGESTS) == [
        "The approval of fine-tune-2 names no digest of the data set."
    ]


def test_an_approval_in_the_log_counts_and_a_withdrawn_one_does_not(world: World, officer: User) -> None:
    approval(world, officer)
    recorded_one = world.assessment.system.job_approvals.get()
    expectations.withdraw_approval(approval=recorded_one, actor=officer)
    with pytest.raises(RefusedError, match="already"):
        expectations.withdraw_approval(approval=recorded_one, actor=officer)
    assert verdict(checked(world), R.JOB_WITHOUT_APPROVAL) == "inconclusive"
    (logged,) = records.log_events(
        world.assessment.system, world.log, 1, action_class=ActionClass.APPROVE, tag="approval",
        start=records.LONG_AGO - timedelta(hours=3),
    )  # fmt: skip
    type(logged).objects.filter(pk=logged.pk).update(job_name=world.events[0].job_name)
    assert len(exceptions(checked(world), R.JOB_WITHOUT_APPROVAL)) == 2


def test_bindings_tell_what_went_in_and_came_out(world: World, officer: User) -> None:
    system = world.assessment.system
    world.events[0].__class__.objects.filter(pk=world.events[0].pk).update(output_model="digits-out")
    assert verdict(checked(world), R.DATASET_NOT_VERIFIED) == "inconclusive"
    for named, name, target in (
        (Named.BASE, "digits-base", world.base),
        (Named.DATASET, "s3://training/data", world.dataset),
    ):
        bindings.decide(system=system, named=named, name=name, name_digest="", target=target, reason="", actor=officer)
    run = checked(world)
    assert (
        exceptions(run, R.DATASET_NOT_VERIFIED)[0] == "fine-tune-0 used digits-train 2026-02, which was never verified."
    )
    assert exceptions(run, R.BASE_NOT_SCANNED)[0].endswith("which was made elsewhere and has no conclusive scan.")
    assert verdict(run, R.BASE_UNKNOWN) == "nothing_found"
    assert verdict(run, R.OUTPUT_NOT_SIGNED) == "inconclusive"


def test_a_verification_on_record_is_held_against_later_jobs(world: World, officer: User) -> None:
    system = world.assessment.system
    expectations.record_verification(
        version=world.dataset, matches=False, found_root="0" * 64, added=0, removed=0, changed=1, actor=officer
    )
    later = timezone.now().date() + timedelta(days=1)
    type(world.assessment).objects.filter(pk=world.assessment.pk).update(period_start=later, period_end=later)
    records.log_events(
        system, world.log, 1, tag="later", start=datetime.combine(later, time(12), records.LONG_AGO.tzinfo)
    )
    bindings.bind_new(system=system)
    bindings.decide(
        system=system, named=Named.DATASET, name="s3://training/data", name_digest="", target=world.dataset, reason="",
        actor=officer,
    )  # fmt: skip
    run = checked(world)
    assert "differed from its manifest" in exceptions(run, R.DATASET_CHANGED)[0]
    assert verdict(run, R.DATASET_NOT_VERIFIED) == "nothing_found"


def test_entitlements_are_held_against_submissions(world: World, officer: User) -> None:
    recorded(world.assessment.system, world.log, way("ann"))
    run = checked(world)
    assert exceptions(run, R.ENTITLED_UNUSED) == [
        "ann can submit jobs by the documents and submitted none in the period."
    ]
    assert len(exceptions(run, R.USED_NOT_ENTITLED)) == 3


def test_windows_and_silence_as_stated(world: World, officer: User) -> None:
    system = world.assessment.system
    expectations.state_window(
        system=system, days=[0], opens=time(9), closes=time(11), time_zone="UTC", effective_from=date(2026, 1, 1),
        actor=officer,
    )  # fmt: skip
    expectations.state_rate(system=system, source="aws-cloudtrail", longest_silence_hours=48, actor=officer)
    run = checked(world)
    assert exceptions(run, R.OUTSIDE_CHANGE_WINDOW)[0].startswith(
        "fine-tune-2 was submitted on Monday 2026-03-02 at 11:30"
    )
    assert len(exceptions(run, R.LOG_GAP)) == 2  # from the first day of the period, and up to the collection


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"days": []}, "one day"),
        ({"closes": time(9)}, "two different times"),
        ({"time_zone": "Mars/Olympus"}, "no time zone"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(
    world: World, officer: User, changes: dict[str, Any], words: str
) -> None:
    given: dict[str, Any] = {
        "days": [0],
        "opens": time(9),
        "closes": time(17),
        "time_zone": "UTC",
        "effective_from": date(2026, 1, 1),
    }
    with pytest.raises(RefusedError, match=words):
        expectations.state_window(system=world.assessment.system, actor=officer, **(given | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"job": " "}, "Name the job"),
        ({"dataset_digest": "abc"}, "no SHA-256"),
        ({"approved_at": records.LONG_AGO + timedelta(days=36500)}, "future"),
    ],
)
def test_an_approval_that_makes_no_sense_is_refused(
    world: World, officer: User, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(RefusedError, match=words):
        approval(world, officer, **changes)


def test_the_same_approval_is_recorded_once(world: World, officer: User) -> None:
    approval(world, officer)
    approval(world, officer)
    assert world.assessment.system.job_approvals.count() == 1
    assert LedgerEvent.objects.filter(kind="approval.recorded").count() == 1


def test_silence_beyond_a_year_and_sources_without_name_are_refused(world: World, officer: User) -> None:
    for source, hours in (("", 1), ("aws-cloudtrail", 0), ("aws-cloudtrail", 10_000)):
        with pytest.raises(RefusedError):
            expectations.state_rate(
                system=world.assessment.system, source=source, longest_silence_hours=hours, actor=officer
            )


def test_denied_attempts_in_a_burst(world: World) -> None:
    denied = records.log_events(world.assessment.system, world.log, 5, outcome=Outcome.DENIED, tag="no")
    for n, event in enumerate(denied):
        type(event).objects.filter(pk=event.pk).update(occurred_at=records.LONG_AGO + timedelta(seconds=n))
    (said,) = exceptions(checked(world), R.DENIED_BURST)
    assert said == "trainer-no0 was refused 5 times within 1 minutes from 2026-03-02 09:30 UTC."


def test_only_the_period_of_the_open_assessment_is_looked_at(world: World) -> None:
    old = records.log_events(
        world.assessment.system, world.log, 1, tag="old", start=records.LONG_AGO - timedelta(days=400)
    )
    run = checked(world)
    assert (run.period_start, run.period_end) == (world.assessment.period_start, world.assessment.period_end)
    assert run.facts["events"] == 3
    type(world.assessment).objects.filter(system=world.assessment.system).update(state="frozen")
    assert check_facts.period_of(world.assessment.system) == (date(2025, 3, 2), date(2026, 3, 2))
    assert JobBinding.objects.filter(event=old[0]).count() == 2


def test_gathering_takes_the_same_queries_for_any_number_of_events(
    world: World, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    system = world.assessment.system
    period = check_facts.period_of(system)
    bindings.bind_new(system=system)
    few = count_queries(lambda: check_facts.gather(system=system, period=period))
    records.log_events(system, world.log, 60, actors=20, tag="many")
    bindings.bind_new(system=system)
    assert count_queries(lambda: check_facts.gather(system=system, period=period)) == few


def test_a_run_that_waits_is_not_asked_for_twice(world: World, officer: User) -> None:
    first = checks.request(system=world.assessment.system, actor=officer)
    assert checks.request(system=world.assessment.system, actor=officer) == first
    assert Job.objects.filter(kind="checks").count() == 1


def test_the_command_says_what_each_check_found(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("check_events", "--system", "Digit reader", "--json")
    answer = json.loads(capsys.readouterr().out)
    assert ended.value.code == 1
    assert [result["rule"] for result in answer["runs"][0]["results"]] == [rule.value for rule in CheckRule]
    assert check_runs.latest(system=world.assessment.system) is not None
    assert JobBinding.objects.count() == 6


def test_the_command_names_a_system_that_is_not_there(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("check_events", "--system", "Nobody")
    assert ended.value.code == 2
    assert capsys.readouterr().err == "There is no AI system called Nobody.\n"


def test_a_comparison_is_kept_with_the_versions_of_its_manifest(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, manifest = tmp_path / "data", tmp_path / "manifest.json"
    data.mkdir()
    (data / "a.txt").write_text("a")
    call_command("hash_dataset", str(data), "--json")
    manifest.write_text(capsys.readouterr().out)
    compare = ("verify_dataset", str(data), str(manifest), "--record")
    with pytest.raises(SystemExit) as ended:
        call_command(*compare)
    assert ended.value.code == 2
    assert "register it first" in capsys.readouterr().err
    root = json.loads(manifest.read_text())["root"]
    type(world.dataset).objects.filter(pk=world.dataset.pk).update(manifest_root=root)
    call_command(*compare)
    assert "recorded with 1 registered version" in capsys.readouterr().out
    (data / "a.txt").write_text("b")
    with pytest.raises(SystemExit):
        call_command(*compare)
    found = list(world.dataset.verifications.order_by("pk").values_list("matches", "changed"))
    assert found == [(True, 0), (False, 1)]
    assert LedgerEvent.objects.filter(kind="dataset.verified").count() == 2


@pytest.mark.parametrize(("dispatch", "runs"), [(True, 1), (False, 0)])
def test_an_import_that_records_something_queues_the_checks(world: World, dispatch: bool, runs: int) -> None:
    line = {
        "eventVersion": "1.11", "eventSource": "sagemaker.amazonaws.com", "eventName": "CreateTrainingJob",
        "eventTime": "2026-03-02T09:00:00Z", "eventID": "11111111-2222-3333-4444-555555555555", "awsRegion": "eu-central-1",
        "recipientAccountId": "111122223333", "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::1111:user/x"},
        "requestParameters": {"trainingJobName": "one"}, "responseElements": None,
    }  # fmt: skip
    content = json.dumps({"Records": [line]}).encode()
    for name in ("log.json", "again.json"):
        document = intake.receive(
            system=world.assessment.system, stream=BytesIO(content + b" " * len(name)), filename=name, actor=None,
            dispatch=dispatch,
        )  # fmt: skip
        leases.run_here(job=document.job)
    assert CheckRun.objects.count() == runs
