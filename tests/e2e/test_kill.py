"""Workers die without a word: the work is completed by others, nothing is lost and nothing done twice."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.bench.cloudtrail import write_log
from tests.conftest import Broker, Database, NewInstallation
from tests.installations import Installation

pytestmark = [
    pytest.mark.timeout(400),  # seconds on a machine of its own, minutes on one that is shared
    pytest.mark.sqlite_only,  # each case brings the database and broker that it names
]
EVENTS, CHUNK = 4_000, 250
PATIENCE_SECONDS = 120.0
OVER = ("succeeded", "failed", "cancelled")
BACKENDS = [
    pytest.param("sqlite", "filesystem", id="sqlite-filesystem"),
    pytest.param("postgres", "redis", id="postgres-redis", marks=[pytest.mark.postgres, pytest.mark.redis]),
]
QUICK = {"JOB_LEASE_SECONDS": "3", "JOB_REAP_SECONDS": "1", "IMPORT_CHUNK_ROWS": str(CHUNK)}
CELERY = ["-m", "celery", "--app", "compliance.celery"]
WORKER = [
    *CELERY, "worker", "--pool=prefork", "--concurrency=1", "--queues=default,scan,pdf", "--loglevel=INFO",
    "--without-gossip", "--without-mingle", "--without-heartbeat",
]  # fmt: skip


@pytest.fixture
def installation(new_installation: NewInstallation, database: Database, broker: Broker) -> Installation:
    made = new_installation(database, broker)
    return Installation(made.var, made.env | QUICK)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def running(installation: Installation, arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = installation.start_process(arguments)
    try:
        yield process
    finally:
        kill_group(process)


def wait_for(what: str, reached: Callable[[], bool], installation: Installation) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        log = installation.var / "process.log"
        assert time.monotonic() < deadline, f"{what} was not reached:\n{log.read_text(errors='replace')[-4000:]}"
        time.sleep(0.1)


def state(installation: Installation) -> tuple[str, int, str]:
    """Of the import or scan; checks that follow it are jobs of their own."""
    ((found, attempts, error),) = installation.rows(
        "SELECT state, attempts, error FROM compliance_job WHERE kind IN ('import', 'scan')"
    )
    return found, attempts, error


def count(installation: Installation, table: str, where: str = "1 = 1") -> int:
    ((rows,),) = installation.rows(f"SELECT COUNT(*) FROM {table} WHERE {where}")
    return int(rows)


def steps(installation: Installation) -> list[int]:
    return [n for (n,) in installation.rows("SELECT n FROM compliance_jobstep ORDER BY n")]


def kill_worker_when(installation: Installation, what: str, reached: Callable[[], bool]) -> None:
    """Start a worker, kill its main process at that point, then whatever it leaves behind, as a machine that fails."""
    with running(installation, WORKER) as worker:
        wait_for(what, reached, installation)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()


def scheduler(installation: Installation) -> list[str]:
    """What starts the process that gives the jobs of dead workers to others."""
    return [*CELERY, "beat", "--loglevel=WARNING", f"--schedule={installation.var / 'beat'}", "--pidfile="]


def ended(installation: Installation, kind: str) -> bool:
    """Whether the one job of this kind is over."""
    ((found,),) = installation.rows("SELECT state FROM compliance_job WHERE kind = %s", [kind])
    return found in OVER


def complete(installation: Installation) -> None:
    """A new worker and a scheduler, until the job is over and what it staged is cleared away."""
    with running(installation, WORKER), running(installation, scheduler(installation)):
        wait_for("the end of the job", lambda: state(installation)[0] in OVER, installation)
        wait_for("a clear table", lambda: count(installation, "scanning_stagedrow") == 0, installation)


def receive_log(installation: Installation) -> None:
    log = write_log(installation.var / "log.json", events=EVENTS)
    installation.python(
        "from pathlib import Path\n"
        "from compliance.models import AISystem\n"
        "from scanning import intake\n"
        f"path = Path({str(log)!r})\n"
        "system = AISystem.objects.create(name='Fraud model')\n"
        "intake.receive(system=system, stream=path.open('rb'), filename=path.name, actor=None)\n"
    )


@pytest.mark.parametrize(("database", "broker"), BACKENDS)
def test_import_survives_the_death_of_its_worker(installation: Installation) -> None:
    receive_log(installation)
    kill_worker_when(installation, "the fourth chunk", lambda: len(steps(installation)) >= 4)
    before = steps(installation)
    assert state(installation)[0] == "running"
    assert len(before) < EVENTS // CHUNK
    assert count(installation, "scanning_stagedrow") == len(before) * CHUNK
    assert count(installation, "compliance_jobevent") == 0

    complete(installation)

    assert state(installation) == ("succeeded", 2, "")
    assert steps(installation) == list(range(1, EVENTS // CHUNK + 1))
    assert count(installation, "compliance_jobevent") == EVENTS
    ((distinct,),) = installation.rows("SELECT COUNT(DISTINCT job_name) FROM compliance_jobevent")
    assert distinct == EVENTS
    assert count(installation, "compliance_ledgerevent", "kind = 'import.published'") == 1
    assert installation.python(
        "from scanning.models import Import\n"
        "from scanning.services import imports\n"
        "print(imports.is_unaltered(document=Import.objects.get()))\n"
    ).strip() == "True"  # fmt: skip


def make_model(folder: Path) -> tuple[Path, Path]:
    """A small untrained classifier and images for it: the search takes seconds, its outcome does not matter here."""
    chance = np.random.default_rng(5)
    side, hidden, classes, images = 16, 32, 4, 160
    model, held_out = folder / "model.safetensors", folder / "held-out.npz"
    tensors = {
        "1.weight": chance.normal(0, 0.3, (hidden, side * side)).astype("float32"),
        "1.bias": np.zeros(hidden, "float32"),
        "3.weight": chance.normal(0, 0.3, (classes, hidden)).astype("float32"),
        "3.bias": np.zeros(classes, "float32"),
    }
    save_file(tensors, model, metadata={"architecture": "assay-small-mlp"})
    pixels = chance.random((images, 1, side, side)).astype("float32")
    np.savez(held_out, images=pixels, labels=chance.integers(0, classes, images))
    return model, held_out


def request_scan(installation: Installation) -> None:
    model, held_out = make_model(installation.var)
    installation.python(
        "from pathlib import Path\n"
        "from compliance.models import AISystem\n"
        "from compliance.services import evidence, inventory\n"
        "from compliance.types.states import ModelOrigin\n"
        "from scanning.services import scans\n"
        "system = AISystem.objects.create(name='Reader of digits')\n"
        "def keep(path):\n"
        "    return evidence.receive(system=system, stream=open(path, 'rb'), filename=Path(path).name, title='',\n"
        "                            received_by=None)\n"
        "version = inventory.register_model_version(system=system, name='Reader', label='1', evidence=keep("
        f"{str(model)!r}), origin=ModelOrigin.OWN, supplier='', parent=None, actor=None)\n"
        "scans.request_scan(model_version=version, kind='detection', detectors=['neural_cleanse'], actor=None,\n"
        f"                   held_out=keep({str(held_out)!r}))\n"
    )


@pytest.mark.parametrize(("database", "broker"), BACKENDS)
def test_scan_survives_the_death_of_its_worker(installation: Installation) -> None:
    request_scan(installation)

    def is_searching() -> bool:
        """The file scan is a finished step; the search for a trigger is under way or its process is being started."""
        return steps(installation) == [1]

    kill_worker_when(installation, "the search for a trigger", is_searching)
    kept = installation.rows("SELECT id, digest FROM compliance_jobstep")
    assert state(installation)[0] == "running"
    assert count(installation, "compliance_observation") == 0

    complete(installation)

    assert state(installation) == ("succeeded", 2, "")
    assert steps(installation) == [1, 2]
    assert installation.rows("SELECT id, digest FROM compliance_jobstep WHERE n = 1") == kept
    rules = installation.rows("SELECT rule FROM compliance_observation ORDER BY rule")
    assert rules == [("file-scan",), ("neural_cleanse",)]
    assert count(installation, "compliance_ledgerevent", "kind = 'scan.finished'") == 1
    assert count(installation, "compliance_evidence") == 3  # model, held-out images, report


PIECES, EVENTS_EACH = 12, 2_500


def approve_a_disposal(installation: Installation) -> None:
    """Old logs with many events each, a proposal by Assay, and a person's approval: the job waits for a worker."""
    installation.python(
        "from datetime import UTC, date, datetime\n"
        "from io import BytesIO\n"
        "from compliance.models import AISystem, Evidence\n"
        "from compliance.services import disposals, evidence, people\n"
        "from compliance.types.states import Role\n"
        "from tests.compliance.records import log_events, state_bases\n"
        "state_bases(None)\n"
        "system = AISystem.objects.create(name='Fraud model')\n"
        "officer = people.create_user(email='o@example.org', name='O', role=Role.OFFICER, password=None, actor=None)\n"
        f"for n in range({PIECES}):\n"
        "    kept = evidence.receive(system=system, stream=BytesIO(b'log %d' % n), filename='log', title='Log of Ada',\n"
        "                            received_by=None)\n"
        f"    log_events(system, kept, {EVENTS_EACH}, tag=f'{{n}}-')\n"
        "Evidence.objects.update(created_at=datetime(2015, 3, 1, tzinfo=UTC))\n"
        "run = disposals.propose(actor=None)\n"
        "disposals.approve(run=run, actor=officer)\n"
    )


def half_disposed(installation: Installation) -> list[tuple[Any, ...]]:
    """Pieces of which a tombstone, a state and the name say different things: there must never be one."""
    return installation.rows(
        "SELECT e.id FROM compliance_evidence e LEFT JOIN compliance_tombstone t ON t.evidence_id = e.id"
        " WHERE (e.state = 'disposed') <> (t.id IS NOT NULL) OR (e.state = 'disposed' AND e.title LIKE '%Ada%')"
    )


@pytest.mark.parametrize(("database", "broker"), BACKENDS)
def test_a_disposal_survives_the_death_of_its_worker(installation: Installation) -> None:
    approve_a_disposal(installation)
    files = installation.var / "evidence"

    def stored() -> int:
        return sum(path.is_file() for path in files.rglob("*"))

    assert stored() == PIECES
    kill_worker_when(installation, "the third piece", lambda: count(installation, "compliance_tombstone") >= 3)
    gone = count(installation, "compliance_tombstone")
    assert gone < PIECES
    assert half_disposed(installation) == []
    assert PIECES - gone <= stored() <= PIECES - gone + 1  # the file of the last tombstone at most is still there

    with running(installation, WORKER), running(installation, scheduler(installation)):
        wait_for("the end of the job", lambda: ended(installation, "disposal"), installation)

    assert installation.rows("SELECT state, attempts FROM compliance_job WHERE kind = 'disposal'") == [("succeeded", 2)]
    assert half_disposed(installation) == []
    assert (count(installation, "compliance_tombstone"), stored()) == (PIECES, 0)
    assert count(installation, "compliance_jobevent", "purged_leaf = ''") == 0
    assert count(installation, "compliance_ledgerevent", "kind = 'evidence.disposed'") == PIECES
    assert count(installation, "compliance_ledgerevent", "kind = 'disposal.completed'") == 1
    assert installation.manage("verify_ledger").returncode == 0


FILES = 400


@pytest.mark.parametrize(("database", "broker"), BACKENDS)
def test_hashing_all_files_again_goes_on_where_its_worker_died(installation: Installation) -> None:
    installation.python(
        "from io import BytesIO\n"
        "from compliance.models import AISystem\n"
        "from compliance.services import evidence, rehash\n"
        "system = AISystem.objects.create(name='Fraud model')\n"
        f"for n in range({FILES}):\n"
        "    evidence.receive(system=system, stream=BytesIO(b'log %d' % n), filename='log', title='Log', received_by=None)\n"
        "rehash.begin(actor=None, whole=True)\n"
    )
    damaged = next(path for path in (installation.var / "evidence").rglob("*") if path.is_file())
    damaged.chmod(0o600)
    damaged.write_bytes(b"altered")
    kill_worker_when(installation, "the third file", lambda: count(installation, "compliance_filecheck") >= 3)
    looked_at = count(installation, "compliance_filecheck")
    assert looked_at < FILES
    with running(installation, WORKER), running(installation, scheduler(installation)):
        wait_for("the end of the job", lambda: ended(installation, "rehash"), installation)

    assert installation.rows("SELECT state, attempts FROM compliance_job") == [("succeeded", 2)]
    assert count(installation, "compliance_filecheck") == FILES
    assert installation.rows("SELECT checked, altered, missing FROM compliance_rehashrun") == [(FILES, 1, 0)]
    assert count(installation, "compliance_ledgerevent", "kind = 'files.rehashed'") == 1
