"""A record of 20,000 findings and 1,000,000 job events: frozen, and issued as a pack with the ZIP beside it.

    make bench-packs          PACK_FINDINGS=200 PACK_EVENTS=10000 make bench-packs

Prints wall and processor seconds, the peak of resident memory of this process and of the largest child, pages and bytes; and
what WeasyPrint alone takes for the pages with every finding on them, in the same run.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pikepdf
import pytest
from django.db import connection

from compliance.models import EvidencePack, Finding, Freeze, JobEvent, User
from compliance.services import evidence, freezes, leases, packs
from compliance.types.states import JobState
from tests.bench import large_record
from tests.compliance.conftest import World
from tests.compliance.services.test_freezes import approve_all

pytestmark = [pytest.mark.bench, pytest.mark.django_db]
FINDINGS = int(os.environ.get("PACK_FINDINGS", "20000"))
EVENTS = int(os.environ.get("PACK_EVENTS", "1000000"))
Result = TypeVar("Result")
MOST_CPU_SECONDS, MOST_SMALL_CPU_SECONDS, MOST_BYTES = 60.0, 5.0, 400_000_000


@pytest.fixture(scope="session")
def sqlite_name(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file: a database in memory would count as memory of the process that freezes, and of its children."""
    return str(tmp_path_factory.mktemp("database") / "bench.sqlite3")


def cpu_seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def peak_bytes() -> int:
    """The most memory that this process held since the last `forget_peak`."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    """What earlier steps held goes back to the system first: a child begins at its parent's size, and would count it."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")


def measured(what: str, work: Callable[[], Result]) -> tuple[Result, float, int]:
    """What the work answers, its processor seconds, and the peak of the largest process."""
    forget_peak()
    wall, cpu = time.perf_counter(), cpu_seconds()
    result = work()
    spent, passed = cpu_seconds() - cpu, time.perf_counter() - wall
    own, child = peak_bytes(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(
        f"\n{what}: wall {passed:.1f} s, CPU {spent:.1f} s, this process {own / 1e6:.0f} MB, "
        f"largest child {child / 1e6:.0f} MB"
    )
    return result, spent, max(own, child)


def _copy(grower: large_record.Grower, table: str, rows: int, of: str, **changed: str) -> None:
    """So many copies of the rows of a table that fit, in turn, each with an identity of its own."""
    cursor = connection.cursor()
    columns = connection.introspection.get_table_description(cursor, table)
    names = [column.name for column in columns if column.name not in large_record.MADE_BY_DATABASE]
    values = {name: f"t.{name}" for name in names} | {"uuid": "{uuid}"} | changed
    kept, copied = grower.count(table, of), large_record.ranked(table, of)
    grower.run(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values[name] for name in names)}"
        f" FROM {large_record.SQLITE.series.format(count=rows)} s JOIN {copied} t ON t.turn = s.n % {kept}"
    )


def large(world: World) -> None:
    """Findings with an observation, which is a scan too, and a risk each, an item of work to every fourth risk, and a job log,
    by copying those of a small world inside the database."""
    grower, own = large_record.Grower(1.0), f"x.system_id = {world.assessment.system_id}"
    seen = "strftime('%Y-%m-%d %H:%M:%f000', t.occurred_at, '-' || s.n || ' seconds')"
    _copy(
        grower, "compliance_jobevent", EVENTS, own, fingerprint="{digest}", source_event_id="''", occurred_at=seen,
        job_name="t.job_name || '-' || s.n", job_id="t.job_id || '-' || s.n", raw_sha256="{digest}",
    )  # fmt: skip
    observed = (
        f"x.id IN (SELECT observation_id FROM compliance_finding_observations WHERE finding_id = {world.finding.pk})"
    )
    _copy(grower, "compliance_observation", FINDINGS, observed, source_uuid="{uuid}", fingerprint="{digest}")
    _copy(
        grower, "compliance_finding", FINDINGS, own, rule_fingerprint="{digest}", title="t.title || ' ' || s.n",
        asset_name="t.asset_name || ' ' || s.n", asset_key="'copy:' || s.n",
    )  # fmt: skip
    free = "x.id NOT IN (SELECT {}_id FROM compliance_finding_observations)"
    findings, observations = (
        large_record.ranked(f"compliance_{name}", free.format(name)) for name in ("finding", "observation")
    )
    grower.run(
        "INSERT INTO compliance_finding_observations (finding_id, observation_id)"
        f" SELECT f.id, o.id FROM {findings} f JOIN {observations} o ON o.turn = f.turn"
    )
    large_record.risks(grower)
    _copy(grower, "compliance_remediationitem", FINDINGS // 4, own, baseline_id="NULL", title="t.title || ' ' || s.n")
    large_record.treated(grower)
    assert Finding.objects.filter(system=world.assessment.system).count() >= FINDINGS
    assert JobEvent.objects.filter(system=world.assessment.system).count() >= EVENTS


def test_a_large_pack_takes_a_minute_and_little_memory(
    world: World, officer: User, manager: User, tmp_path: Path
) -> None:
    large(world)
    assessment = approve_all(world, officer, manager)
    frozen, freezing, freeze_bytes = measured(
        f"Freeze of {FINDINGS:,} findings and {EVENTS:,} job events",
        lambda: freezes.freeze(assessment=assessment, actor=officer),
    )
    document = _document(frozen)
    print(f"freeze document {len(document):,} bytes, registers {sum(b['size'] for b in frozen.attachments.values()):,}")
    pack, cpu, most = measured("Pack, from request to sealed file and ZIP", lambda: _issued(frozen, officer))
    print(f"pack {pack.size:,} bytes, {pack.pages} pages; ZIP {pack.bag_size:,} bytes, {pack.bag_files} files")
    out = tmp_path / "pack.pdf"
    packs.export(pack=pack, out=out)
    report, verifying, verify_bytes = measured(
        "Verification", lambda: packs.verify(pack=out, receipt=out.with_suffix(".receipt.json"))
    )
    assert report.is_genuine
    with pikepdf.open(out) as pdf:
        held = {name: len(spec.get_file().read_bytes()) for name, spec in pdf.attachments.items()}
    print(json.dumps(held, indent=1))
    assert cpu <= MOST_CPU_SECONDS
    assert most <= MOST_BYTES
    assert freeze_bytes <= MOST_BYTES
    assert (freezing, verifying, verify_bytes) <= (120.0, 5.0, 300_000_000)


def _document(frozen: Freeze) -> bytes:
    with evidence.open_stored(name=frozen.storage_name) as stream:
        return stream.read()


def _issued(frozen: Freeze, officer: User) -> EvidencePack:
    job = leases.run_here(job=packs.request_issue(assessment=frozen.assessment, actor=officer, dispatch=False))
    assert job.state == JobState.SUCCEEDED, job.error
    return EvidencePack.objects.get(uuid=job.result["pack"])


def test_a_small_pack_takes_five_seconds(world: World, officer: User, manager: User) -> None:
    frozen = freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    _issued(frozen, officer)  # the second is made warm
    pack, cpu, _most = measured("Small pack, warm", lambda: _issued(frozen, officer))
    print(f"pack {pack.size:,} bytes, {pack.pages} pages; ZIP {pack.bag_files} files")
    assert cpu <= MOST_SMALL_CPU_SECONDS


def _plain(page: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.packs_plain", page], capture_output=True, text=True, check=True
    )
    told: dict[str, float] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("rows", [100, 800, 3200])
def test_what_weasyprint_alone_takes_for_so_many_rows(tmp_path: Path, rows: int) -> None:
    """The table of a register as packs print it: eight columns, fixed layout."""
    cells = "".join(
        f"<td>{word}</td>" for word in ("2026-01-02", "person", "CreateJob", "succeeded", "eu", "model", "abc")
    )
    style = "<style>table { table-layout: fixed; width: 100%; border-collapse: collapse } td { padding: 1mm }</style>"
    body = "".join(f'<tr><th scope="row">F-{n}</th>{cells}</tr>' for n in range(rows))
    page = tmp_path / "page.html"
    page.write_text(
        f"<html lang=en><title>Rows</title>{style}<table><tbody>{body}</tbody></table></html>", encoding="utf-8"
    )
    told = _plain(page)
    print(f"\nplain WeasyPrint, {rows} rows: {told}")
    assert told["pages"] >= 1
