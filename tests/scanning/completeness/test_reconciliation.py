"""The log and the platforms' own lists of jobs, held against each other both ways."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st

from compliance.types.completeness import CompletenessRow, PlatformDocument, RowState
from scanning.completeness.base import Facts, ListedJob, Listing, LogFile, LoggedJob
from scanning.completeness.listed_jobs import AZURE_ML, OPENAI, TRAINING
from scanning.completeness.reconciliation import measure
from tests.scanning.completeness.trail import ACCOUNT, HOUR, REGION, START, documents
from tests.scanning.ingest.reading import sample

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/"
LATER = START + timedelta(days=3)
WORKSPACE = "/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w"


def logged(name: str, at: datetime = START, **changes: Any) -> LoggedJob:
    base = LoggedJob(
        event=f"event of {name}", source="cloudtrail", action="sagemaker:CreateTrainingJob", account=ACCOUNT, region=REGION,
        job_id=ARN + name, name=name, at=at,
    )  # fmt: skip
    return replace(base, **changes)


def job(name: str, at: datetime = START, **changes: Any) -> dict[str, Any]:
    entry = {
        "TrainingJobName": name, "TrainingJobArn": ARN + name, "CreationTime": at.isoformat(),
        "TrainingJobStatus": "Completed",
    }  # fmt: skip
    return entry | changes


def listing(*jobs: dict[str, Any], taken_at: datetime = LATER, region: str = REGION) -> list[PlatformDocument]:
    bundle = {
        "assay_bundle": "aws-jobs", "taken_at": taken_at.isoformat(), "account": ACCOUNT, "region": region,
        "training_jobs": {"TrainingJobSummaries": list(jobs)},
    }  # fmt: skip
    return documents("aws_jobs", json.dumps(bundle).encode(), f"jobs-{taken_at:%d}.json")


def log(source: str = "cloudtrail", account: str = ACCOUNT, hours: int = 48) -> LogFile:
    return LogFile(
        name="log", sha256="", source=source, accounts=frozenset({account} - {""}), regions=frozenset(),
        first=START - HOUR, last=START + hours * HOUR,
    )  # fmt: skip


def facts(
    logs: Sequence[LoggedJob], lists: Sequence[PlatformDocument], files: tuple[LogFile, ...] = (log(),), **changes: Any
) -> Facts:
    return Facts(
        start=START - HOUR,
        end=START + 48 * HOUR,
        documents=tuple(lists),
        logged=tuple(logs),
        log_files=files,
        **changes,
    )


def counts(found: Facts, kind: str = TRAINING) -> dict[str, Any]:
    return next(one for one in measure(found).figure["families"] if one["kind"] == kind)


def rows(found: Facts, state: RowState) -> list[CompletenessRow]:
    return [row for row in measure(found).rows if row.state is state]


def test_jobs_of_both_sides_find_each_other_by_id() -> None:
    found = counts(facts([logged("a"), logged("b")], listing(job("a"), job("b"))))
    assert (found["logged"], found["listed"], found["matched"]["id"]) == (2, 2, 2)
    assert not measure(facts([logged("a")], listing(job("a")))).rows


def test_a_listed_job_that_no_log_tells_of_is_an_exception() -> None:
    (row,) = rows(facts([logged("a")], listing(job("a"), job("shadow", START + HOUR))), RowState.NOT_IN_LOG)
    assert (row.name, row.place, row.starts_at) == ("shadow", f"{ACCOUNT}/{REGION}", START + HOUR)
    assert "jobs-23.json, /training_jobs/TrainingJobSummaries/1" in row.sentence


def test_a_logged_job_that_a_later_list_of_its_place_lacks_is_an_exception() -> None:
    (row,) = rows(facts([logged("a"), logged("gone")], listing(job("a"))), RowState.NOT_LISTED)
    assert (row.name, row.facts["event"]) == ("gone", "event of gone")


def test_an_empty_list_is_a_list() -> None:
    assert len(rows(facts([logged("gone")], listing()), RowState.NOT_LISTED)) == 1


def test_a_list_of_another_region_or_of_an_earlier_time_accuses_nobody() -> None:
    for lists in (listing(region="us-east-1"), listing(taken_at=START - HOUR), []):
        found = facts([logged("a")], lists)
        assert not rows(found, RowState.NOT_LISTED)
        (row,) = rows(found, RowState.NOT_ASSESSED)
        assert row.facts["names"] == ["a"]
        assert counts(found)["not_assessed"] == 1


def test_a_listed_job_of_a_time_without_logs_is_not_assessed() -> None:
    late = job("late", START + 40 * HOUR)
    found = facts([], listing(late), files=(log(hours=2),))
    assert not rows(found, RowState.NOT_IN_LOG)
    assert len(rows(found, RowState.NOT_ASSESSED)) == 1
    other = facts([], listing(job("a")), files=(log(account="999900001111"),))
    assert not rows(other, RowState.NOT_IN_LOG)


def test_a_log_without_the_jobs_id_finds_it_by_name_place_and_time() -> None:
    bare = logged("a", job_id="")
    assert counts(facts([bare], listing(job("a", START + timedelta(seconds=4)))))["matched"]["name"] == 1
    for other in (
        replace(bare, account="999900001111"),
        replace(bare, region="us-east-1"),
        replace(bare, at=START + 5 * HOUR),
        replace(bare, name="b"),
    ):
        assert counts(facts([other], listing(job("a"))))["matched"] == {"id": 0, "name": 0, "parent": 0, "time": 0}


def test_a_name_used_again_is_told_apart_by_its_id() -> None:
    again = logged("a", job_id=f"{ARN}a-2")
    assert counts(facts([again], listing(job("a"))))["matched"]["name"] == 0


def test_jobs_that_a_tuning_job_started_have_no_submission_of_their_own() -> None:
    tuning = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:hyper-parameter-tuning-job/hpo"
    parent = logged("hpo", action="sagemaker:CreateHyperParameterTuningJob", job_id=tuning)
    child = listing(job("hpo-001", START + HOUR, TuningJobArn=tuning))
    found = counts(facts([parent], child))
    assert (found["matched"]["parent"], found["not_in_log"], found["logged"]) == (1, 0, 0)
    assert counts(facts([], child))["not_in_log"] == 1


def test_a_job_that_is_gone_from_the_latest_list_is_an_exception() -> None:
    lists = [*listing(job("a"), job("b")), *listing(job("a"), taken_at=LATER + HOUR)]
    (row,) = rows(facts([logged("a"), logged("b")], lists), RowState.VANISHED)
    assert row.name == "b"
    back = [*lists, *listing(job("a"), job("b"), taken_at=LATER + 2 * HOUR)]
    assert not rows(facts([logged("a"), logged("b")], back), RowState.VANISHED)


def test_a_bill_tells_of_jobs_that_neither_log_nor_list_holds() -> None:
    bill = documents("aws_billing", sample("aws_billing/cur2.csv"), "cur.csv")
    start = datetime.fromisoformat("2026-11-20T00:00:00+00:00")
    found = Facts(
        start=start, end=start + 24 * HOUR, documents=tuple(bill), logged=(logged("x", at=start),),
        log_files=(replace(log(), first=start, last=start + 24 * HOUR),),
    )  # fmt: skip
    assert {row.name for row in rows(found, RowState.NOT_IN_LOG)} == {"ft-shadow", "ft-support-bot-2026-11-20-09-14"}


def test_lists_and_bill_tell_of_one_job_once() -> None:
    content = {"jobs": [{"id": ARN + "a", "name": "a", "kind": TRAINING, "account": ACCOUNT, "region": REGION,
                         "created_at": START.isoformat(), "lines": 3, "locator": "line 2"}]}  # fmt: skip
    bill = PlatformDocument(kind="aws-billing", platform="aws", scope="", taken_at=LATER, content=content)
    assert counts(facts([logged("a")], [*listing(job("a")), bill]))["listed"] == 1


def azure(name: str, source: str = "azure_activity", **changes: Any) -> LoggedJob:
    whole = f"{WORKSPACE}/jobs/{name}"
    action = "Microsoft.MachineLearningServices/workspaces/jobs/write"
    if source == "azure_ml_runs":
        whole, action = name, "AmlComputeJobEvent:JobSubmitted"
    return logged(name, source=source, account="s", region="", job_id=whole, action=action, **changes)


def azure_listed(name: str, **changes: Any) -> ListedJob:
    base = ListedJob(kind=AZURE_ML, place=WORKSPACE, job_id=f"{WORKSPACE}/jobs/{name}", name=name, at=START)
    return replace(base, **changes)


def test_azure_jobs_in_two_logs_are_one_and_match_the_workspaces_list() -> None:
    listing_ = Listing(kind=AZURE_ML, place=WORKSPACE, taken_at=LATER, jobs=frozenset())
    found = facts(
        [azure("a"), azure("a", "azure_ml_runs"), azure("b", "azure_ml_runs"), azure("c")],
        [],
        files=(log("azure_activity", "s"), log("azure_ml_runs", "s")),
        listed=(azure_listed("a"), azure_listed("b"), azure_listed("d")),
        listings=(listing_,),
    )
    told = counts(found, AZURE_ML)
    assert (told["logged"], told["matched"]["id"], told["matched"]["name"]) == (3, 1, 1)
    assert [row.name for row in rows(found, RowState.NOT_IN_LOG)] == ["d"]
    assert [row.name for row in rows(found, RowState.NOT_LISTED)] == ["c"]


def openai(at: datetime, event: str) -> LoggedJob:
    return logged("aoai-prod", at, source="azure_openai", action="FineTuning_Create", job_id="", event=event)


def openai_listed(name: str, at: datetime) -> ListedJob:
    return ListedJob(kind=OPENAI, place="", job_id=name, name="", at=at, told_by="jobs.json")


def test_a_log_that_names_no_job_is_matched_by_time_where_that_leaves_no_choice() -> None:
    found = facts(
        [openai(START, "1"), openai(START + 5 * HOUR, "2"), openai(START + 5 * HOUR, "3")],
        [],
        files=(log("azure_openai", ""),),
        listed=(openai_listed("ftjob-1", START + timedelta(minutes=1)), openai_listed("ftjob-2", START + 5 * HOUR)),
        listings=(Listing(kind=OPENAI, place="", taken_at=LATER, jobs=frozenset()),),
    )
    told = counts(found, OPENAI)
    assert told["matched"]["time"] == 1
    assert [row.name for row in rows(found, RowState.NOT_IN_LOG)] == ["ftjob-2"]
    assert told["not_assessed"] == 2


def test_jobs_of_openai_itself_have_no_log_that_could_tell_of_them() -> None:
    found = facts([], [], files=(), listed=(openai_listed("ftjob-1", START),))
    assert not rows(found, RowState.NOT_IN_LOG)
    assert counts(found, OPENAI)["not_assessed"] == 1


def test_what_nothing_logs_is_declared_by_source() -> None:
    stated = documents("stated_sources", sample("stated_sources/statement.json"))
    figure = measure(facts([], stated)).figure
    assert [one["source"] for one in figure["not_logged"]] == [
        "HyperPod cluster hp-1",
        "Workstations of the research group",
    ]
    assert any("HyperPod" in one["what"] for one in figure["blind_spots"])
    assert measure(facts([], [], files=())).figure == {"families": [], "not_logged": [], "blind_spots": []}


def test_a_job_at_the_edge_of_the_period_finds_its_other_side_outside() -> None:
    base = facts([logged("a", START)], listing(job("a", START + timedelta(seconds=5))))
    cut = replace(base, end=START + timedelta(seconds=2))
    assert counts(cut)["logged_matched"] == 1
    assert not measure(cut).rows


@settings(max_examples=40, deadline=None)
@generated(
    st.lists(st.sampled_from("abcdef"), max_size=8), st.lists(st.sampled_from("abcdef"), max_size=8), st.randoms()
)
def test_every_job_is_matched_or_told_and_the_order_changes_nothing(
    logs: list[str], names: list[str], chance: Any
) -> None:
    lists = listing(*(job(name) for name in sorted(set(names))))
    found = facts([logged(name, event=f"{name}{n}") for n, name in enumerate(logs)], lists)
    told = measure(found)
    both = set(logs) & set(names)
    assert {r.name for r in told.rows if r.state is RowState.NOT_IN_LOG} == set(names) - both
    assert {r.name for r in told.rows if r.state is RowState.NOT_LISTED} == set(logs) - both
    if logs or names:
        assert sum(counts(found)["matched"].values()) == len(both)
    shuffled = list(found.logged)
    chance.shuffle(shuffled)
    assert {row.name for row in measure(replace(found, logged=tuple(shuffled))).rows} == {row.name for row in told.rows}
