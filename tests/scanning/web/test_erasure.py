"""A person who is erased is gone from the job log as well, by every way out, and every root stays as it was."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from compliance.models import AISystem, JobEvent, LedgerEvent, Principal, User
from compliance.services import ledger, ledger_chain, people
from compliance.services.errors import RefusedError
from compliance.types.erased_names import commitment, committed, erased, in_words, is_erased
from scanning.models import Import
from scanning.services import imports
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import Browse
from tests.scanning.test_imports import imported

ADA, KEY = "ada.lovelace@example.test", b"k" * 32
JOB = "arn:aws:sagemaker:eu-central-1:111122223333:training-job/"


# The values -----------------------------------------------------------------------------------------------------------


def test_an_erased_name_counts_under_a_root_as_the_name_did() -> None:
    gone = erased(key=KEY, name=ADA, pseudonym="f" * 64)
    assert is_erased(gone)
    assert ADA not in gone
    assert committed(gone, key=None) == committed(ADA, key=KEY) == commitment(key=KEY, name=ADA)
    assert in_words(gone) == "erased ffffffffffffffff"


@pytest.mark.parametrize(
    "name", ["", "ada", "erased:nobody", "erased:" + "a" * 64, "Erased:" + "a" * 64 + ":" + "b" * 64]
)
def test_a_name_that_looks_like_it_is_a_name(name: str) -> None:
    assert not is_erased(name)
    assert in_words(name) == name
    assert committed(name, key=KEY) == (commitment(key=KEY, name=name) if name else "")


# The record -----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def evidence_folder(settings: LazySettings, tmp_path: Path) -> None:
    options = {"location": str(tmp_path / "evidence")}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": storage}


def record(n: int, session: str, *, role: str = "Tuning", behalf: str = "") -> dict[str, Any]:
    """A submission by a role's session, as CloudTrail has it."""
    identity: dict[str, Any] = {
        "type": "AssumedRole",
        "principalId": f"AROA:{session}",
        "arn": f"arn:aws:sts::111122223333:assumed-role/{role}/{session}",
        "sessionContext": {
            "sessionIssuer": {"arn": f"arn:aws:iam::111122223333:role/{role}", "userName": role},
        },
    }
    if behalf:
        identity["onBehalfOf"] = {"userId": behalf}
    return {
        "eventVersion": "1.11", "eventID": f"00000000-0000-0000-0000-{n:012}", "eventTime": f"2026-03-02T09:{n:02}:00Z",
        "eventSource": "sagemaker.amazonaws.com", "eventName": "CreateTrainingJob", "awsRegion": "eu-central-1",
        "recipientAccountId": "111122223333", "sourceIPAddress": "192.0.2.7", "userIdentity": identity,
        "requestParameters": {"trainingJobName": f"tune-{n}"}, "responseElements": {"trainingJobArn": f"{JOB}tune-{n}"},
    }  # fmt: skip


def log(*records: dict[str, Any]) -> bytes:
    return gzip.compress(json.dumps({"Records": records}).encode())


@pytest.fixture
def document(system: AISystem) -> Import:
    """Ada's own session, a pipeline that acts for her, somebody else, and a job of a user without a session."""
    content = log(
        record(1, ADA),
        record(2, "pipeline", role="Pipeline", behalf=f"arn:aws:sts::111122223333:assumed-role/Tuning/{ADA}"),
        record(3, "pipeline", role="Pipeline", behalf=ADA.upper()),
        record(4, "bob@example.test"),
    )
    made = imported(system, content, "trail.json.gz")
    assert (made.recorded, made.rejected) == (4, 0)
    return made


def event(n: int) -> JobEvent:
    return JobEvent.objects.select_related("actor").get(job_name=f"tune-{n}")


@pytest.fixture
def erase(document: Import, officer: User) -> Callable[[], Principal]:
    def act() -> Principal:
        actor = event(1).actor
        assert actor is not None
        return people.erase_principal(principal=actor, actor=officer)

    return act


def test_names_are_committed_when_they_are_recorded(document: Import) -> None:
    assert all(row.names_committed for row in JobEvent.objects.all())
    assert event(1).session == ADA
    assert imports.is_unaltered(document=document)


def test_erasing_reaches_session_and_on_behalf_of_and_roots_stay(
    document: Import, erase: Callable[[], Principal]
) -> None:
    gone = erase()
    first, second, third, other = (event(n) for n in (1, 2, 3, 4))
    for value in (first.session, second.on_behalf_of, third.on_behalf_of):
        assert in_words(value) == f"erased {gone.pseudonym[:16]}"
    assert second.session == "pipeline"
    assert (other.session, other.names_somebody_erased) == ("bob@example.test", False)
    stored = json.dumps(list(JobEvent.objects.values("session", "on_behalf_of")))
    assert ADA not in stored.casefold()
    assert imports.is_unaltered(document=document)
    entry = LedgerEvent.objects.get(kind="principal.erased").entry
    assert entry.payload["events"] == 3
    assert ADA not in json.dumps(entry.payload)


def test_erasing_twice_changes_nothing_more(document: Import, erase: Callable[[], Principal]) -> None:
    erase()
    before = list(JobEvent.objects.order_by("pk").values())
    erase()
    assert list(JobEvent.objects.order_by("pk").values()) == before


def test_an_altered_session_is_still_noticed(document: Import, erase: Callable[[], Principal]) -> None:
    erase()
    JobEvent.objects.filter(pk=event(4).pk).update(session="eve@example.test")
    assert not imports.is_unaltered(document=document)


def test_an_altered_pseudonym_is_noticed(document: Import, erase: Callable[[], Principal]) -> None:
    erase()
    other = erased(key=KEY, name="eve", pseudonym="e" * 64)
    JobEvent.objects.filter(pk=event(1).pk).update(session=other)
    assert not imports.is_unaltered(document=document)


def test_a_principal_of_the_same_name_keeps_it_until_it_is_erased_itself(
    system: AISystem, document: Import, erase: Callable[[], Principal], officer: User
) -> None:
    """Another role's session of the same person is another principal: it would say whom the pseudonym stands for."""
    later = imported(system, log(record(5, ADA, role="Other")), "later.json.gz")
    erase()
    twin = event(5)
    assert twin.session == ADA
    assert twin.actor is not None
    people.erase_principal(principal=twin.actor, actor=officer)
    assert is_erased(event(5).session)
    assert imports.is_unaltered(document=later)
    assert imports.is_unaltered(document=document)


def test_a_legal_hold_keeps_everything(document: Import, erase: Callable[[], Principal]) -> None:
    JobEvent.objects.filter(pk=event(1).pk).update(legal_hold=True)
    with pytest.raises(RefusedError, match="legal hold"):
        erase()
    assert event(1).session == ADA


def test_the_chain_stays_as_it_was(document: Import, erase: Callable[[], Principal]) -> None:
    ledger.seal()
    erase()
    ledger.seal()
    assert ledger_chain.verify().is_intact


# The ways out ---------------------------------------------------------------------------------------------------------


def test_no_page_export_or_api_names_the_person(
    erase: Callable[[], Principal], browse: Browse, api: Api, officer: User
) -> None:
    client: Client = browse(officer)
    pages = [reverse("job-event", args=[event(n).uuid]) for n in (1, 2, 3)]
    listed = reverse("job-log")
    ways = [
        *pages, listed, f"{listed}?export=csv", f"{listed}?export=ocsf", f"{listed}?who=ada", "/api/v1/job-events/",
        "/api/v1/job-events/ocsf/", *(f"/api/v1/job-events/{event(n).uuid}/" for n in (1, 2, 3)),
    ]  # fmt: skip

    def content(way: str) -> str:
        answer = (api(officer) if way.startswith("/api/") else client).get(way)
        assert answer.status_code == 200, way
        return (answer.getvalue() if answer.streaming else answer.content).decode().casefold()

    assert all(ADA in content(way) for way in ways[:4])
    pseudonym = erase().pseudonym[:16]
    for way in ways:
        if "?who=" not in way:
            assert ADA not in content(way), way
            assert "lovelace" not in content(way), way
    for way in pages:
        assert f"erased {pseudonym}" in content(way)
        assert "somebody whom the record may name was erased" in content(way)


def test_the_record_of_others_is_still_shown(erase: Callable[[], Principal], browse: Browse, officer: User) -> None:
    erase()
    page = browse(officer).get(reverse("job-event", args=[event(4).uuid]))
    assert "userIdentity" in page.content.decode()
