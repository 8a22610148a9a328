"""How fast a hundred thousand fine-tune events become part of the record, and for how long they hold the writer."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

import pytest

from tests.bench.cloudtrail import write_log
from tests.conftest import NewInstallation

EVENTS = 100_000
MEASURED = """
import time
from pathlib import Path
from compliance.models import AISystem
from compliance.services import leases
from scanning import intake
from scanning.services import imports
system = AISystem.objects.create(name="Fraud model")
path = Path({path!r})
with path.open("rb") as stream:
    document = intake.receive(system=system, stream=stream, filename=path.name, actor=None, dispatch=False)
record, held = imports._record, []
def timed(*given):
    started = time.perf_counter()
    record(*given)
    held.append(time.perf_counter() - started)
imports._record = timed
started = time.perf_counter()
job = leases.run_here(job=document.job)
print(job.state, job.result["recorded"], round(time.perf_counter() - started, 1), round(held[-1], 1))
"""


@pytest.mark.bench
@pytest.mark.timeout(900)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_import_of_a_hundred_thousand_events(new_installation: NewInstallation, tmp_path: Path, database: Any) -> None:
    log = write_log(tmp_path / "log.json.gz", events=EVENTS)
    started = time.perf_counter()
    answer = new_installation(database, "filesystem").python(MEASURED.format(path=str(log)), timeout=800)
    state, recorded, seconds, held = answer.split()
    assert (state, int(recorded)) == ("succeeded", EVENTS)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(
        f"{database}: {EVENTS} events in {seconds} s ({EVENTS / float(seconds):.0f}/s), published in one transaction of "
        f"{held} s, peak memory {peak} MiB, {time.perf_counter() - started:.0f} s with the start of the process"
    )
