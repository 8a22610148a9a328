"""How fast events and observations become part of the record, and for how long a hundred thousand hold the writer."""

from __future__ import annotations

import json
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
from scanning.services import imports, staging
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
flush, staged = staging.Stager.flush, []
def timed_flush(stager):
    started = time.perf_counter()
    flush(stager)
    staged.append(time.perf_counter() - started)
staging.Stager.flush = timed_flush
started = time.perf_counter()
job = leases.run_here(job=document.job)
print(job.state, job.result["recorded"], round(time.perf_counter() - started, 1), round(held[-1], 1), round(sum(staged), 1))
"""


@pytest.mark.bench
@pytest.mark.timeout(900)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_import_of_a_hundred_thousand_events(new_installation: NewInstallation, tmp_path: Path, database: Any) -> None:
    log = write_log(tmp_path / "log.json.gz", events=EVENTS)
    started = time.perf_counter()
    answer = new_installation(database, "filesystem").python(MEASURED.format(path=str(log)), timeout=800)
    state, recorded, seconds, held, staged = answer.split()
    assert (state, int(recorded)) == ("succeeded", EVENTS)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(
        f"{database}: {EVENTS} events in {seconds} s ({EVENTS / float(seconds):.0f}/s), staged in {staged} s, published in one "
        f"transaction of {held} s, peak memory {peak} MiB, {time.perf_counter() - started:.0f} s with the start of the process"
    )


OBSERVATIONS = 13_000
REPORT = """
import io, json, time
from compliance.models import AISystem, Finding, Observation
from compliance.oscal.catalog_files import SHIPPED
from compliance.services import catalogs, leases
from scanning import intake
from tests.bench.scan_reports import modelscan_report
catalogs.load(folder=SHIPPED, apply=True, actor=None)
system = AISystem.objects.create(name="Model hub")
told = []
for made_on in ("2026-11-22", "2026-11-22", "2026-11-23"):
    content = modelscan_report({observations}, made_on=made_on)
    started, spent = time.perf_counter(), time.process_time()
    document = intake.receive(system=system, stream=io.BytesIO(content), filename="r.json", actor=None, dispatch=False)
    job = leases.run_here(job=document.job)
    taken = time.perf_counter() - started, time.process_time() - spent
    told.append([job.state, job.result["recorded"], *(round(seconds, 1) for seconds in taken)])
print(json.dumps([told, Finding.objects.count(), Observation.objects.count()]))
"""


@pytest.mark.bench
@pytest.mark.timeout(900)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_import_of_thirteen_thousand_observations(new_installation: NewInstallation, database: Any) -> None:
    """A report, the same bytes again, and a later report that says the same."""
    answer = new_installation(database, "filesystem").python(REPORT.format(observations=OBSERVATIONS), timeout=800)
    told, findings, kept = json.loads(answer.strip().splitlines()[-1])
    assert [state for state, *_ in told] == ["succeeded"] * 3
    assert [recorded for _, recorded, *_ in told] == [OBSERVATIONS, 0, OBSERVATIONS]
    assert (findings, kept) == (OBSERVATIONS, 2 * OBSERVATIONS)
    for what, (_, _, wall, cpu) in zip(("first", "the same bytes", "a later report"), told, strict=True):
        print(
            f"{database}: {OBSERVATIONS} observations, {what}: {wall} s, {cpu} processor seconds of the importing process"
        )
