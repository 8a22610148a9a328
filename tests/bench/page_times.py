"""How long the pages and lists of a served installation take, and how many queries each asks."""

from __future__ import annotations

import json
import math
import statistics
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.installations import Installation

SESSION = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from compliance.models import User
user = User.objects.get(email={email!r})
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
print(session.session_key)
"""
QUERIES = """
import json, sys
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from compliance.models import User
client = Client(SERVER_NAME="localhost")
client.force_login(User.objects.get(email={email!r}), backend="django.contrib.auth.backends.ModelBackend")
asked = {{}}
for path in json.loads({paths!r}):
    client.get(path)  # what is kept until anything is recorded is computed here
    with CaptureQueriesContext(connection, ) as queries:
        client.get(path)
    asked[path] = len(queries)
print(json.dumps(asked))
"""

A_FILE = 0


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of one address under one number of clients."""

    median: float
    p95: float


def session_of(installation: Installation, email: str) -> str:
    """The key of a session in which somebody is signed in."""
    return installation.python(SESSION.format(email=email)).strip()


def queries_of(installation: Installation, email: str, paths: Iterable[str]) -> dict[str, int]:
    """How many queries each address asks, sessions and rights included."""
    code = QUERIES.format(email=email, paths=json.dumps(list(paths)))
    answer: dict[str, int] = json.loads(installation.python(code, timeout=1800))
    return answer


def status_of(address: str, session: str) -> int:
    """What an address answers; `A_FILE` where it answers with a file."""
    request = urllib.request.Request(address, headers={"Cookie": f"sessionid={session}"})
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            if answer.headers.get_content_type() not in {"text/html", "application/json"}:
                return A_FILE
            answer.read()
            status: int = answer.status if answer.url == address else 302
    except urllib.error.HTTPError as error:
        return error.code
    return status


def times_of(address: str, session: str, *, clients: int, requests: int) -> Times:
    """So many clients at once ask for the address, each so many times, one after the other."""
    taken: list[float] = []

    def ask() -> None:
        for _ in range(requests):
            started = time.perf_counter()
            status = status_of(address, session)
            taken.append(time.perf_counter() - started)
            assert status == 200, f"{address} answers {status}"

    asking = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(taken) == clients * requests, f"{address} failed"
    ordered = sorted(taken)
    return Times(statistics.median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1])


def peak_of_workers(process: int) -> float:
    """MiB of the largest process that a process started, by the kernel's own mark."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return max(_peak(int(child)) for child in children)


def _peak(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    facts: Mapping[str, str] = dict(line.split(":", 1) for line in status.splitlines())
    return int(facts["VmHWM"].split()[0]) / 1024
