"""One job that several documents tell of is one job everywhere, in whatever order they were imported."""

from __future__ import annotations

import itertools
import json
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from compliance.models import AISystem, JobEvent, Principal
from compliance.selectors.job_log_page import job_log_figures
from compliance.selectors.submitted_jobs import acts, not_approved, submitted_jobs
from compliance.services import bindings, leases
from compliance.types.job_identity import INVENTORIES, job_key
from compliance.types.states import JobState
from compliance.types.submitters import is_approved, stated_names
from scanning import intake
from scanning.ingest.log_mapping import mapping_from_json
from scanning.models import Import
from scanning.services import check_facts, column_mappings
from scanning.services.completeness_facts import LISTS
from tests.scanning.ingest.reading import sample
from tests.scanning.test_imports import imported

WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-00000000aaaa/resourceGroups/rg-ml/providers/"
    "Microsoft.MachineLearningServices/workspaces/mlw-prod"
)
AZURE = ("azure_activity/rest_page.json", "azure_ml_jobs/az_list.json", "azure_ml_jobs/rest_page.json")
YEAR = (date(2026, 1, 1), date(2026, 12, 31))
GATEWAY = {
    "source": "gateway",
    "layout": "csv",
    "fields": {
        "occurred_at": {"column": "/when"},
        "action": {"column": "/call"},
        "actor": {"column": "/who"},
        "job_id": {"column": "/job"},
        "outcome": {"column": "/call"},
    },
    "actions": {"create": "submit"},
    "outcomes": {"create": "success"},
}


@pytest.fixture(autouse=True)
def evidence_folder(settings: LazySettings, tmp_path: Path) -> None:
    options = {"location": str(tmp_path / "evidence")}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": storage}


@pytest.fixture
def system(db: None) -> AISystem:
    return AISystem.objects.create(name="Support bot")


def rows(system: AISystem) -> Any:
    return JobEvent.objects.filter(system=system)


# The rule -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("azure_activity", f"{WORKSPACE}/jobs/a".lower()), ("azure_ml_jobs", f"{WORKSPACE}/jobs/a"), True),
        (("generic:gateway", "ftjob-1"), ("openai_jobs", "ftjob-1"), True),
        (("generic:gateway", "FTJOB-1"), ("openai_jobs", "ftjob-1"), False),
        (("cloudtrail", "arn:aws:x:training-job/a"), ("generic:gateway", "arn:aws:x:training-job/a"), True),
        (("databricks", "runs/7"), ("mlflow", "runs/7"), False),
        (("azure_ml_runs", "run-7"), ("azure_activity", "run-7"), True),
        (("cloudtrail", "a"), ("cloudtrail", "A"), False),
    ],
)
def test_a_job_is_a_platform_and_an_id(one: tuple[str, str], other: tuple[str, str], same: bool) -> None:
    keys = {job_key(source=source, job_id=job_id) for source, job_id in (one, other)}
    assert (len(keys) == 1) is same
    assert all(len(key) == 64 for key in keys)


def test_a_record_that_names_no_job_has_no_key() -> None:
    assert job_key(source="cloudtrail", job_id="") == ""


def test_what_reconciliation_takes_for_a_list_is_an_inventory() -> None:
    assert LISTS.keys() <= INVENTORIES


# Counting -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations(AZURE)))
def test_the_audit_log_is_the_act_in_any_order(system: AISystem, order: tuple[str, ...]) -> None:
    documents = [imported(system, sample(name), name.rpartition("/")[2]) for name in order]
    assert {document.job.state for document in documents} == {JobState.SUCCEEDED}
    told = rows(system).filter(job_name="ft_support_bot_0012")
    found = submitted_jobs(told, system=system.pk)
    assert (found.jobs, found.unnamed, found.without_id) == (1, 0, 0)
    assert found.records > found.jobs
    (actor,) = found.by_actor
    assert Principal.objects.get(pk=actor).display == "alice@example.test"
    assert [event.source for event in acts(told, system=system.pk)] == ["azure_activity"]


def test_a_record_that_names_the_job_alone_counts_by_itself(system: AISystem) -> None:
    """Azure's table of compute jobs names no workspace: the same name may be another job's."""
    imported(system, sample("azure_activity/rest_page.json"), "activity.json")
    before = submitted_jobs(rows(system), system=system.pk).jobs
    imported(system, sample("azure_ml_runs/export.json"), "runs.json")
    assert submitted_jobs(rows(system), system=system.pk).jobs == before + 1


def test_a_list_stands_for_the_act_where_no_log_tells_of_it(system: AISystem) -> None:
    imported(system, sample("azure_ml_jobs/az_list.json"), "list.json")
    before = submitted_jobs(rows(system), system=system.pk)
    assert before.jobs == before.records > 1
    imported(system, sample("azure_activity/rest_page.json"), "activity.json")
    after = submitted_jobs(rows(system), system=system.pk)
    assert after.jobs == before.jobs  # the log tells of a job that the list had
    assert after.records == before.records + 1


def test_the_job_log_says_jobs_and_records(system: AISystem) -> None:
    for name in AZURE:
        imported(system, sample(name), name.rpartition("/")[2])
    figures = job_log_figures(rows(system))
    assert 0 < figures.jobs < figures.submissions < figures.events


def gateway(system: AISystem) -> Import:
    columns = ["when", "call", "who", "job"]
    mapping = column_mappings.make(name="gateway", mapping=mapping_from_json(GATEWAY), columns=columns, actor=None)
    content = b"when,call,who,job\n2026-11-20T09:14:07Z,create,ada@example.test,ftjob-abc\n"
    document = intake.receive(
        system=system, stream=BytesIO(content), filename="gateway.csv", requested_format="", mapping=mapping,
        actor=None, dispatch=False,
    )  # fmt: skip
    leases.run_here(job=document.job)
    return document


def listed() -> bytes:
    job = json.loads(sample("openai_jobs/fine_tuning_job.json"))
    return json.dumps(job | {"id": "ftjob-abc", "created_at": 1795165500}).encode()


@pytest.mark.parametrize("log_first", [True, False])
def test_the_gateways_log_names_who_submitted_what_the_platform_lists(system: AISystem, log_first: bool) -> None:
    """OpenAI's list names nobody; the organisation's own gateway does."""
    steps = [lambda: gateway(system), lambda: imported(system, listed(), "jobs.json")]
    for step in steps if log_first else steps[::-1]:
        step()
    found = submitted_jobs(rows(system), system=system.pk)
    assert (found.jobs, found.records, found.unnamed) == (1, 2, 0)
    (submission,) = check_facts.gather(system=system, period=YEAR).submissions
    assert submission.actor is not None
    assert submission.actor.display == "ada@example.test"


def test_a_job_that_a_log_tells_outside_the_period_is_not_one_of_the_period(system: AISystem) -> None:
    """The log says 20 November; the list was made so that it says the day after."""
    gateway(system)
    job = json.loads(listed())
    imported(system, json.dumps(job | {"created_at": 1795226400}).encode(), "jobs.json")
    day_after = (date(2026, 11, 21), date(2026, 11, 21))
    facts = check_facts.gather(system=system, period=day_after)
    assert len(facts.events) == 1
    assert facts.submissions == ()
    inside = rows(system).filter(occurred_at__date=day_after[0])
    assert submitted_jobs(inside, system=system.pk).jobs == 0


def test_inventory_adds_what_the_log_does_not_say(system: AISystem) -> None:
    """Azure's Activity Log names no data; its list of jobs does, and the checks look at both as one job."""
    for name in ("azure_activity/rest_page.json", "azure_ml_jobs/rest_page.json"):
        imported(system, sample(name), name.rpartition("/")[2])
    bindings.bind_new(system=system)
    jobs = check_facts.gather(system=system, period=YEAR).submissions
    (job,) = [one for one in jobs if one.job_name == "ft_support_bot_0012"]
    assert job.source == "azure_activity"
    assert {one.name for one in job.data} >= {"azureml://datastores/claims/paths/v3/train/"}
    assert [one.name for one in job.bases] == ["azureml://registries/azureml/models/Phi-4/versions/3"]


# Approved submitters --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "acted_as", "approved"),
    [
        ("ada, bob", ("arn:ada", "Ada", ""), True),
        ("ada", ("arn:eve", "eve", "arn:aws:iam::1:role/Tuning"), False),
        ("ARN:aws:iam::1:role/tuning", ("arn:eve", "eve", "arn:aws:iam::1:role/Tuning"), True),
        ("", ("arn:eve", "eve", ""), False),
        ("ada", (None, None, ""), False),
    ],
)
def test_who_is_on_the_list(stated: str, acted_as: tuple[str | None, ...], approved: bool) -> None:
    assert is_approved(stated=stated_names(stated), acted_as=acted_as) is approved


def test_question_and_check_agree_on_roles(system: AISystem) -> None:
    imported(system, sample("azure_activity/rest_page.json"), "activity.json")
    actors = submitted_jobs(rows(system), system=system.pk).by_actor
    for stated, strangers in ((["AzureML data scientist"], 0), (["somebody else"], 1), (["ALICE@example.test"], 0)):
        found = not_approved(rows(system), system=system.pk, actors=actors, stated=stated)
        assert len(found) == strangers
        jobs = check_facts.gather(system=system, period=YEAR).submissions
        assert sum(not is_approved(stated=stated, acted_as=job.acted_as) for job in jobs) == strangers
