"""What sealing and verifying cost: `python -m pytest -m bench -s tests/bench/test_packs_sealing.py`.

Prints for each level seconds and CPU seconds of sealing and of verifying, both in a fresh process as the product does it,
with that process's peak memory; and how ten thousand flipped bits fare.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pikepdf
import pytest

from compliance.packs.child import render_unsigned
from compliance.packs.order import PackOrder
from compliance.packs.signers import ensure_demo_signer
from compliance.packs.verify import verify_bytes
from compliance.types.canonical import canonical_json
from compliance.types.freeze import Freeze
from compliance.types.seals import SealLevel
from tests.compliance.packs.conftest import example, order, unsigned  # noqa: F401 - fixtures
from tests.compliance.packs.example_freeze import example_freeze
from tests.compliance.packs.example_pack import Example
from tests.compliance.packs.in_process import sealed
from tests.compliance.packs.one_page import one_page

pytestmark = [pytest.mark.bench, pytest.mark.sqlite_only]

_SEAL = """
import sys, pathlib
from compliance.packs.signers import SignerFiles
from compliance.types.seals import SealLevel
from tests.compliance.packs.in_process import sealed
source, keys, level, out = sys.argv[1:]
content = pathlib.Path(source).read_bytes()
pathlib.Path(out).write_bytes(sealed(content, SignerFiles(pathlib.Path(keys)), level=SealLevel(level)))
print(pathlib.Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])
"""
_VERIFY = """
import gc, sys, pathlib
gc.disable()  # as verify_child does
from compliance.packs.verify import verify_pack
report = verify_pack(pathlib.Path(sys.argv[1]), trust_roots=[pathlib.Path(sys.argv[2]).read_bytes()])
print(pathlib.Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])
print([check.words for check in report.checks if check.state == "failed"])
"""


def _measured(what: str, script: str, *arguments: str) -> None:
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", script, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak, *told = ended.stdout.splitlines()
    print(
        f"{what:16} {time.monotonic() - begun:6.1f} s wall {cpu:6.1f} s CPU {int(peak) / 1024:6.0f} MiB {' '.join(told)}"
    )


@pytest.mark.parametrize("level", SealLevel)
def test_cost_of_a_seal(level: SealLevel, example: Example, unsigned: bytes, tmp_path: Path) -> None:  # noqa: F811
    """The example pack. Its manifest states B-T, so that levels above verify too."""
    source, pack = tmp_path / "unsigned.pdf", tmp_path / "pack.pdf"
    source.write_bytes(unsigned)
    _measured(f"seal {level}", _SEAL, str(source), str(example.keys.folder), level, str(pack))
    _measured(f"verify {level}", _VERIFY, str(pack), str(example.keys.root))
    print(f"{len(unsigned)} bytes unsigned, {pack.stat().st_size} sealed")


def test_cost_of_verifying_eight_hundred_rows(order: PackOrder, tmp_path: Path) -> None:  # noqa: F811
    """At the highest level, whose revisions are compared; each register as long as it takes."""
    keys, record = ensure_demo_signer(tmp_path / "keys"), cast(dict[str, Any], example_freeze())
    for name in ("findings", "remediation", "risks", "models", "evidence"):
        record[name] = [*record[name], *_more(record[name], 24)]
    freeze = cast(Freeze, record)
    source, pack = tmp_path / "unsigned.pdf", tmp_path / "pack.pdf"
    source.write_bytes(
        render_unsigned(
            freeze=freeze,
            canonical=canonical_json(freeze),
            order={**order, "seal_level": SealLevel.B_LTA},
            keys=keys.folder,
            attachments=tmp_path,
        )
    )
    with pikepdf.open(source) as pdf:
        rows = sum(isinstance(each, pikepdf.Dictionary) and each.get("/S") == "/TR" for each in pdf.objects)
        print(f"{rows} rows on {len(pdf.pages)} pages, {len(pdf.objects)} objects")
    _measured("seal B-LTA", _SEAL, str(source), str(keys.folder), SealLevel.B_LTA, str(pack))
    for _time in range(3):
        _measured("verify B-LTA", _VERIFY, str(pack), str(keys.root))


def _more(records: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    return [{**records[n % len(records)], "uuid": str(uuid4())} for n in range(count)]


def test_ten_thousand_flipped_bits(order: PackOrder, tmp_path: Path) -> None:  # noqa: F811
    keys, chance = ensure_demo_signer(tmp_path / "keys"), random.Random(1)
    content = sealed(one_page(example_freeze(), order, keys), keys)
    start = content.index(b"/Contents <") + len(b"/Contents <")
    hole, unseen, begun = range(start - 1, content.index(b">", start) + 1), 0, time.monotonic()
    for _flip in range(10_000):
        place = chance.randrange(len(content))
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        if verify_bytes(bytes(flipped), receipt=None, trust_roots=[keys.root.read_bytes()]).is_genuine:
            assert place in hole
            unseen += 1
    print(
        f"10,000 flips: {unseen} unseen, all of them among the bytes not vouched for; {time.monotonic() - begun:.0f} s"
    )
