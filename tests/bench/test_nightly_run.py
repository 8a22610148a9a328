"""The nightly run over 100,000 findings and 20,000 items: the first night, a usual one, and one in which every limit ends."""

from __future__ import annotations

import json
import os

import pytest

from tests.conftest import Database, NewInstallation

FINDINGS = int(os.environ.get("ASSAY_BENCH_FINDINGS", "100000"))
MOST_SECONDS = 60.0
MEASURED = "import json; from tests.bench import nights; print(json.dumps(nights.measured({findings}, {items})))"


@pytest.mark.bench
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_nightly_run_takes_a_minute_at_most(new_installation: NewInstallation, database: Database) -> None:
    installation = new_installation(database, "filesystem")
    code = MEASURED.format(findings=FINDINGS, items=FINDINGS // 5)
    answer = json.loads(installation.python(code, timeout=3500).strip().splitlines()[-1])
    print(f"\n{database}, {FINDINGS} findings, {FINDINGS // 5} items, peak memory {answer['peak']} MiB:")
    for name, (wall, cpu, server) in answer["spent"].items():
        print(f"  {name}: {wall:.1f} s; processor {cpu:.1f} s, and {server:.1f} s of the database server")
        print(f"    {answer['told'][name]}")
    assert {name for name, (_wall, *spent) in answer["spent"].items() if sum(spent) > MOST_SECONDS} == set()
    proposed = FINDINGS // 5 // 4
    assert answer["told"]["first night"]["closings"][1]["proposed"] == proposed
    assert answer["told"]["first night"]["clocks"][1]["begun"] == FINDINGS + 1 - proposed
    assert answer["told"]["night of all limits"]["warnings"][1]["breached"] == FINDINGS + 1 - proposed
    assert installation.rows("SELECT count(*) FROM compliance_notice WHERE count > 0")[0][0] < 100
