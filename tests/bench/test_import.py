"""How fast events and observations become part of the record, and for how long a hundred thousand hold the writer."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path
from typing import Any

import pytest

from tests.bench.cloudtrail import write_log
from tests.conftest import NewInstallation

EVENTS = int(os.environ.get("ASSAY_BENCH_EVENTS", "100000"))
OBSERVATIONS = int(os.environ.get("ASSAY_BENCH_OBSERVATIONS", "13000"))
MEASURED = "import json; from tests.bench import import_steps; print(json.dumps(import_steps.{call}))"
Spent = tuple[float, float, float]


def _measured(installation: Any, call: str) -> Any:
    """What a function of import_steps answers in a process of the installation."""
    return json.loads(installation.python(MEASURED.format(call=call), timeout=1700).strip().splitlines()[-1])


def _line(what: str, spent: Spent, number: int) -> None:
    wall, cpu, database = spent
    print(
        f"  {what}: {wall:.2f} s, {number / wall:,.0f}/s; processor: {cpu:.2f} s of the importing process, "
        f"{database:.2f} s of the database server"
    )


def _sum(*spent: Spent) -> Spent:
    wall, cpu, database = (sum(column) for column in zip(*spent, strict=True))
    return wall, cpu, database


@pytest.mark.bench
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_import_of_a_hundred_thousand_events(new_installation: NewInstallation, tmp_path: Path, database: Any) -> None:
    """All of them match. From the bytes of the file to stored rows, and from parsed drafts to stored rows."""
    log = write_log(tmp_path / "log.json.gz", events=EVENTS)
    answer = _measured(new_installation(database, "filesystem"), f"events({str(log)!r})")
    assert (answer["state"], answer["recorded"]) == ("succeeded", EVENTS)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    steps = {name: tuple(spent) for name, spent in answer["steps"].items()}
    stored = _sum(steps["staged"], steps["planned"], steps["published"])
    print(f"\n{database}, {EVENTS} matching events, peak memory {peak} MiB:")
    _line("from the bytes of the file to stored rows", steps["whole"], EVENTS)
    _line("from parsed drafts to stored rows", stored, EVENTS)
    _line("  drafts to staged rows", steps["staged"], EVENTS)
    _line("  Merkle root of the new ones", steps["planned"], EVENTS)
    _line("  staged to stored rows, one transaction", steps["published"], EVENTS)
    _line("staged rows removed", steps["swept"], EVENTS)


@pytest.mark.bench
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_import_of_thirteen_thousand_observations(new_installation: NewInstallation, database: Any) -> None:
    """A report, the same bytes again, and a later report that says the same."""
    answer = _measured(new_installation(database, "filesystem"), f"observations({OBSERVATIONS})")
    assert answer["told"] == [["succeeded", OBSERVATIONS], ["succeeded", 0], ["succeeded", OBSERVATIONS]]
    assert (answer["findings"], answer["observations"]) == (OBSERVATIONS, 2 * OBSERVATIONS)
    print(f"\n{database}, {OBSERVATIONS} observations:")
    for what, spent in answer["steps"].items():
        _line(what, tuple(spent), OBSERVATIONS)
