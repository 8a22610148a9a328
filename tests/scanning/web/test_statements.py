"""Stating on the page what is in scope and what nothing logs: the same document, by the same way, as a file."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from compliance.models import AISystem, CompletenessReading, Evidence, Job, LedgerEvent, PlatformDocument, User
from compliance.services import evidence as evidences
from compliance.services import leases
from compliance.types.completeness import Part, RowState
from compliance.types.states import JobState
from scanning.models import Import
from scanning.services import imports, statements
from tests.compliance.conftest import Browse
from tests.scanning.test_imports import imported

HYPERPOD = {"source": "HyperPod hp-1", "what": "jobs that Slurm starts inside", "instead": "Slurm accounting"}
CLUSTER = {"name": "train-eu", "audit_log": "delivered", "level": "Request", "note": ""}
ACCOUNT = {"platform": "aws", "id": "111122223333", "note": "Training"}


@pytest.fixture(autouse=True)
def evidence_folder(settings: LazySettings, tmp_path: Path) -> None:
    options = {"location": str(tmp_path / "evidence")}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": storage}


def listed(system: AISystem) -> str:
    return reverse("log-statements", args=[system.uuid])


def body(*, scope: str = "", stated_by: str = "Head of ML platform", **rows: list[dict[str, str]]) -> dict[str, str]:
    """The form as a browser sends it, with an empty line after those that are filled in."""
    sent = {"scope": scope, "stated_by": stated_by}
    for key in ("accounts", "clusters", "not_logged"):
        given = rows.get(key, [])
        sent |= {f"{key}-TOTAL_FORMS": str(len(given) + 1), f"{key}-INITIAL_FORMS": "0"}
        sent |= {f"{key}-{n}-{name}": value for n, row in enumerate(given) for name, value in row.items()}
    return sent


def state(client: Client, system: AISystem, **given: Any) -> Any:
    """Send the form and do what a worker would."""
    answer = client.post(reverse("log-statements-new", args=[system.uuid]), body(**given))
    while job := Job.objects.filter(state=JobState.QUEUED).order_by("pk").first():
        leases.run_here(job=job)
    return answer


def test_a_statement_is_kept_read_and_published_like_any_document(
    system: AISystem, browse: Browse, officer: User
) -> None:
    answer = state(browse(officer), system, accounts=[ACCOUNT], clusters=[CLUSTER], not_logged=[HYPERPOD])
    assert (answer.status_code, answer["Location"]) == (302, listed(system))
    document = Import.objects.get()
    assert (document.format, document.job.state, document.recorded) == ("stated_sources", JobState.SUCCEEDED, 3)
    assert (document.evidence.received_by, document.job.requested_by) == (officer, officer)
    assert imports.is_unaltered(document=document)
    (published,) = LedgerEvent.objects.filter(kind="import.published", subject_uuid=document.uuid)
    assert published.entry.payload["evidence"] == document.evidence.sha256
    kinds = set(PlatformDocument.objects.values_list("kind", flat=True))
    assert kinds == {"stated-accounts", "stated-clusters", "stated-not-logged"}


def test_the_page_and_a_file_come_to_the_same(system: AISystem, browse: Browse, officer: User) -> None:
    state(browse(officer), system, clusters=[CLUSTER], not_logged=[HYPERPOD])
    by_page = list(PlatformDocument.objects.order_by("kind").values_list("kind", "platform", "scope", "content"))
    with closing(evidences.open_bytes(evidence=Evidence.objects.get())) as stream:
        written = stream.read()
    other = AISystem.objects.create(name="Other")
    imported(other, written, "statement.json")
    by_file = PlatformDocument.objects.filter(system=other).order_by("kind")
    assert list(by_file.values_list("kind", "platform", "scope", "content")) == by_page
    assert json.loads(written)["stated_by"] == "Head of ML platform"


def test_the_figures_follow(system: AISystem, browse: Browse, officer: User) -> None:
    state(browse(officer), system, accounts=[ACCOUNT], clusters=[CLUSTER], not_logged=[HYPERPOD])
    reading = CompletenessReading.objects.get()
    units = {(one["platform"], one["unit"]): one["in_scope"] for one in reading.figures["coverage"]["units"]}
    assert units == {("aws", "account"): 1, ("kubernetes", "cluster"): 1}
    assert "those that Head of ML platform states" in reading.figures["coverage"]["gaps"][0]
    assert reading.figures["reconciliation"]["not_logged"] == [HYPERPOD]
    assert reading.rows.get(part=Part.COVERAGE, platform="aws").state == RowState.NOT_ASSESSED


def test_a_later_statement_replaces_what_it_names_and_the_earlier_stays(
    system: AISystem, browse: Browse, officer: User
) -> None:
    client = browse(officer)
    state(client, system, clusters=[CLUSTER], not_logged=[HYPERPOD])
    state(client, system, clusters=[CLUSTER | {"audit_log": "not delivered"}])
    assert PlatformDocument.objects.count() == 4
    assert statements.in_force(system=system, scope="") == {
        "clusters": [CLUSTER | {"audit_log": "not delivered"}], "not_logged": [],
    }  # fmt: skip
    page = client.get(listed(system))
    rows = page.context["history"]
    assert [(row["row"].kind, row["in_force"]) for row in rows][:2] == [
        ("stated-not-logged", True), ("stated-clusters", True),
    ]  # fmt: skip
    assert [row["in_force"] for row in rows[2:]] == [False, False]
    assert "nothing any more" in page.text
    assert page.text.count("in force") == 2
    assert CompletenessReading.objects.first().figures["reconciliation"]["not_logged"] == []  # type: ignore[union-attr]


def test_parts_of_the_organisation_are_stated_apart(system: AISystem, browse: Browse, officer: User) -> None:
    client = browse(officer)
    state(client, system, scope="Claims", clusters=[CLUSTER])
    state(client, system, scope="Fraud", clusters=[CLUSTER | {"name": "lab"}])
    assert statements.in_force(system=system, scope="Claims") == {"clusters": [CLUSTER]}
    assert statements.in_force(system=system, scope="") == {}
    page = client.get(f"{listed(system)}?scope=Fraud")
    assert 'value="lab"' in page.text
    assert 'value="train-eu"' not in page.text


def test_the_form_begins_with_what_is_in_force(system: AISystem, browse: Browse, officer: User) -> None:
    client = browse(officer)
    state(client, system, not_logged=[HYPERPOD])
    page = client.get(listed(system))
    assert 'value="HyperPod hp-1"' in page.text
    assert f'value="{officer.name}"' in page.text


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ({"accounts": [{"platform": "", "id": "1", "note": ""}]}, "Fill this in, or empty the whole line."),
        ({"accounts": [{"platform": "mars", "id": "1", "note": ""}]}, "Select a valid choice."),
        ({"clusters": [{"name": "a", "audit_log": "", "level": "", "note": ""}]}, "Fill this in, or empty"),
        ({"not_logged": [{"source": "", "what": "all", "instead": ""}]}, "Fill this in, or empty the whole line."),
        ({}, "The statement is empty"),
        ({"stated_by": " ", "clusters": [CLUSTER]}, "This field is required."),
    ],
)
def test_what_cannot_be_a_statement_is_said_at_its_line(
    system: AISystem, browse: Browse, officer: User, rows: dict[str, Any], told: str
) -> None:
    answer = state(browse(officer), system, **rows)
    assert told in answer.text
    assert not Evidence.objects.exists()


def test_more_lines_lose_nothing_that_was_typed(system: AISystem, browse: Browse, officer: User) -> None:
    sent = body(stated_by="", accounts=[ACCOUNT], clusters=[{**CLUSTER, "audit_log": ""}]) | {"more": "accounts"}
    page = browse(officer).post(reverse("log-statements-new", args=[system.uuid]), sent)
    assert 'value="111122223333"' in page.text
    assert 'name="accounts-2-id"' in page.text
    assert "Fill this in" not in page.text
    assert not Evidence.objects.exists()


def test_a_hostile_count_of_lines_is_bounded(system: AISystem, browse: Browse, officer: User) -> None:
    for count in ("99999999", "-1", "x"):
        sent = body(clusters=[CLUSTER]) | {"accounts-TOTAL_FORMS": count, "more": "accounts"}
        assert browse(officer).post(reverse("log-statements-new", args=[system.uuid]), sent).status_code == 200


def test_who_may_see_and_who_may_state(
    system: AISystem, browse: Browse, officer: User, manager: User, contributor: User
) -> None:
    state(browse(officer), system, not_logged=[HYPERPOD])
    page = browse(manager).get(listed(system))
    assert "HyperPod hp-1" in page.text
    assert "Put it on record" not in page.text
    for person in (manager, contributor):
        answer = browse(person).post(reverse("log-statements-new", args=[system.uuid]), body(not_logged=[HYPERPOD]))
        assert answer.status_code in (403, 404)
    assert Evidence.objects.count() == 1


def test_the_history_is_to_be_had_as_a_file(system: AISystem, browse: Browse, officer: User) -> None:
    state(browse(officer), system, not_logged=[HYPERPOD | {"source": "=cmd|' /C calc'!A0"}])
    text = browse(officer).get(f"{listed(system)}?export=csv").getvalue().decode()
    assert "'=cmd|" in text
    assert "Head of ML platform" in text


def test_the_page_asks_the_same_questions_for_many_statements(
    system: AISystem, browse: Browse, officer: User, count_queries: Any
) -> None:
    client = browse(officer)
    state(client, system, clusters=[CLUSTER])
    few = count_queries(lambda: client.get(listed(system)))
    for n in range(6):
        state(client, system, clusters=[CLUSTER | {"name": f"c{n}"}], scope=f"part {n}")
    assert count_queries(lambda: client.get(listed(system))) == few


def test_the_page_of_completeness_leads_there(system: AISystem, browse: Browse, officer: User) -> None:
    assert listed(system) in browse(officer).get(reverse("completeness")).text
    state(browse(officer), system, not_logged=[HYPERPOD])
    for part in ("coverage", "reconciliation"):
        assert listed(system) in browse(officer).get(f"{reverse('completeness')}?part={part}").text
