"""What the steps of an import cost, measured within an installation: wall seconds, and processor seconds of both sides.

`tests/bench/test_import.py` runs these in a process of the installation and prints what they answer.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection

from compliance.models import AISystem, Finding, Job, Observation
from compliance.oscal.catalog_files import SHIPPED
from compliance.services import catalogs, job_log, leases
from scanning import intake
from scanning.services import imports, staging
from tests.bench.scan_reports import modelscan_report

_TICKS = os.sysconf("SC_CLK_TCK")


def _database_seconds() -> float:
    """Processor seconds of the server process of this connection; 0 where the database is in this process."""
    if connection.vendor != "postgresql":
        return 0.0
    connection.ensure_connection()
    fields = Path(f"/proc/{connection.connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class Steps:
    """Seconds by step: (wall, processor of this process, processor of the database server)."""

    def __init__(self) -> None:
        self.spent: dict[str, tuple[float, float, float]] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Adds what the block takes to a step."""
        before = time.perf_counter(), time.process_time(), _database_seconds()
        yield
        now = time.perf_counter(), time.process_time(), _database_seconds()
        spent = self.spent.get(name, (0.0, 0.0, 0.0))
        self.spent[name] = tuple(a + b - c for a, b, c in zip(spent, now, before, strict=True))  # type: ignore[assignment]

    def watch(self, owner: Any, attribute: str, name: str) -> None:
        """Times every call of a function by replacing it where it is looked up."""
        done: Callable[..., Any] = getattr(owner, attribute)

        def watched(*given: Any, **named: Any) -> Any:
            with self.timed(name):
                return done(*given, **named)

        setattr(owner, attribute, watched)


def _imported(system: AISystem, content: bytes, filename: str) -> Job:
    document = intake.receive(system=system, stream=io.BytesIO(content), filename=filename, actor=None, dispatch=False)
    return leases.run_here(job=document.job)


def events(path: str) -> dict[str, Any]:
    """Import a log: state, number recorded, and the steps. Reading is what is left of the whole."""
    steps = Steps()
    steps.watch(staging.Stager, "flush", "staged")
    steps.watch(job_log, "plan", "planned")
    steps.watch(imports, "_record", "published")
    steps.watch(staging, "remove", "swept")
    system = AISystem.objects.create(name="Fraud model")
    content = Path(path).read_bytes()
    with steps.timed("whole"):
        job = _imported(system, content, Path(path).name)
    return {"state": job.state, "recorded": job.result["recorded"], "steps": steps.spent}


def observations(number: int) -> dict[str, Any]:
    """Import a report, the same bytes again, and a later report that says the same."""
    catalogs.load(folder=SHIPPED, apply=True, actor=None)
    system, steps, told = AISystem.objects.create(name="Model hub"), Steps(), []
    for name, made_on in (("first", "2026-11-22"), ("the same bytes", "2026-11-22"), ("a later report", "2026-11-23")):
        content = modelscan_report(number, made_on=made_on)
        with steps.timed(name):
            job = _imported(system, content, "report.json")
        told.append([job.state, job.result["recorded"]])
    return {
        "told": told,
        "findings": Finding.objects.count(),
        "observations": Observation.objects.count(),
        "steps": steps.spent,
    }
