"""Pages answer while a long import runs on SQLite, which has one writer."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

import pytest

from tests.bench.cloudtrail import write_log
from tests.conftest import NewInstallation
from tests.installations import Installation, running_site

EVENTS, RELEVANT_EVERY = 100_000, 5
LIMIT_SECONDS, PAUSE_SECONDS = 0.4, 0.1
SIGN_IN = """
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from compliance.services import people
from compliance.types.states import Role
user = people.create_user(
    email="olga@example.org", name="Olga", role=Role.OFFICER, password="correct-horse-battery", actor=None
)
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
print(session.session_key)
"""


def seconds_of(address: str, session: str) -> float:
    request = urllib.request.Request(address, headers={"Cookie": f"sessionid={session}"})
    started = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200
        assert answer.url == address, "the page sent the officer elsewhere"
        answer.read()
    return time.perf_counter() - started


@pytest.mark.alone
@pytest.mark.sqlite_only
@pytest.mark.timeout(600)
def test_pages_answer_while_a_hundred_thousand_events_are_imported(
    new_installation: NewInstallation, tmp_path: Path
) -> None:
    installation: Installation = new_installation("sqlite", "filesystem")
    session = installation.python(SIGN_IN).strip()
    log = write_log(tmp_path / "log.json.gz", events=EVENTS, relevant_every=RELEVANT_EVERY)
    output = tmp_path / "ingest.json"
    taken: dict[str, list[float]] = {"/readyz": [], "/jobs/": [], "/imports/": []}
    with running_site(installation) as site:
        for path in taken:
            seconds_of(site.url + path, session)  # the first request of a process also loads it
        ingest = installation.start("ingest", str(log), "--system", "Fraud model", "--json", log=output)
        while ingest.poll() is None:
            for path, measured in taken.items():
                measured.append(seconds_of(site.url + path, session))
                time.sleep(PAUSE_SECONDS)
    (document,) = json.loads(output.read_text())["documents"]
    assert (document["read"], document["recorded"]) == (EVENTS, EVENTS // RELEVANT_EVERY)
    slowest = {path: max(measured) for path, measured in taken.items()}
    counted = {path: len(measured) for path, measured in taken.items()}
    print(f"slowest answers in seconds: {slowest}, of {counted} requests")
    assert min(counted.values()) > 20
    assert max(slowest.values()) < LIMIT_SECONDS, slowest
