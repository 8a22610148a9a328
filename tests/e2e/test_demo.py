"""The demonstration from a fresh machine to a verified pack, and what its commands answer."""

from __future__ import annotations

import base64
import contextlib
import json
import pickle
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest
from pypdf import PdfReader

from tests.e2e.conftest import DEMO_SECONDS, Demonstration, copied
from tests.installations import Installation

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.sqlite_only,
    pytest.mark.timeout(DEMO_SECONDS + 300),  # whichever test comes first waits for the one run
]
QUICK_SECONDS = 30.0
FLIPS = 8


class RunsACommand:
    """What a hostile model file holds: unpickling it would run a command."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("echo never",)


def table_sizes(var: Path) -> dict[str, int]:
    """Rows of every table of Assay's."""
    with contextlib.closing(sqlite3.connect(var / "assay.sqlite3")) as file:
        names = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        ours = [name for name in names if name.startswith(("compliance_", "scanning_"))]
        return {name: file.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in ours}


def tool(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)


def test_demo_ends_with_a_pack_and_a_receipt(demonstration: Demonstration) -> None:
    assert demonstration.code == 0
    assert demonstration.pack.read_bytes().startswith(b"%PDF-")
    payload = base64.b64decode(json.loads(demonstration.receipt.read_text())["payload"])
    assert json.loads(payload)["sha256"] == demonstration.document["sha256"]
    measured = json.loads((demonstration.installation.var / "demo" / "measurements.json").read_text())
    assert measured == demonstration.document["steps"]
    assert all(step["seconds"] >= 0 and step["peak_mib"] > 0 for step in measured)


def test_verify_pack_finds_it_genuine(demonstration: Demonstration) -> None:
    receipt = f"--receipt={demonstration.receipt}"
    document = demonstration.installation.json("verify_pack", str(demonstration.pack), receipt)
    assert document["genuine"] is True
    assert {check["state"] for check in document["checks"]} == {"passed"}


def test_no_byte_can_be_changed(demonstration: Demonstration, tmp_path: Path) -> None:
    whole = demonstration.pack.read_bytes()
    spread = [len(whole) * n // (FLIPS - 2) for n in range(1, FLIPS - 2)]
    places = [0, whole.rindex(b"startxref"), len(whole) - 1, *spread]
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= 1
        (tmp_path / f"flipped-{place}.pdf").write_bytes(flipped)
    codes = demonstration.installation.python(
        "from pathlib import Path\n"
        "from django.core.management import call_command\n"
        "import io\n"
        f"for path in sorted(Path({str(tmp_path)!r}).glob('flipped-*.pdf')):\n"
        "    try:\n"
        f"        call_command('verify_pack', str(path), '--receipt', {str(demonstration.receipt)!r},\n"
        "                     stdout=io.StringIO(), stderr=io.StringIO())\n"
        "        print(path.stem, 0)\n"
        "    except SystemExit as end:\n"
        "        print(path.stem, end.code)\n",
        timeout=300,
    ).splitlines()
    assert sorted(codes) == sorted(f"flipped-{place} 1" for place in places)


def test_other_peoples_tools_accept_it(demonstration: Demonstration) -> None:
    signature = tool("pdfsig", demonstration.pack).stdout
    assert "Signature Validation: Signature is Valid." in signature
    assert signature.count("Signature #") == 1
    structure = tool("qpdf", "--check", demonstration.pack)
    assert structure.returncode == 0, structure.stdout + structure.stderr


def test_every_page_says_demonstration_data(demonstration: Demonstration) -> None:
    pages = [" ".join(page.extract_text().split()).casefold() for page in PdfReader(demonstration.pack).pages]
    assert len(pages) > 5
    assert [number for number, text in enumerate(pages, start=1) if "demonstration data" not in text] == []


def test_backdoor_is_found_and_the_twin_has_its_verdict(demonstration: Demonstration) -> None:
    verdicts = dict(
        demonstration.installation.rows(
            "SELECT version.origin, scan.verdict FROM scanning_scan scan"
            " JOIN compliance_modelversion version ON version.id = scan.model_version_id"
        )
    )
    assert verdicts["inherited"] == "evidence_found"
    assert verdicts["own"] in {"evidence_found", "no_evidence_at_power", "inconclusive"}
    pack = " ".join(page.extract_text() for page in PdfReader(demonstration.pack).pages)
    assert "Digit reader 1.0" in " ".join(pack.split())


def test_second_run_is_quick_and_changes_nothing(demonstration: Demonstration, tmp_path: Path) -> None:
    again = copied(demonstration.installation.var, tmp_path / "again")
    before, bank = table_sizes(again.var), sorted(path.name for path in (again.var / "demo").rglob("*"))
    started = time.monotonic()
    document = again.json("demo")
    seconds = time.monotonic() - started
    assert document["sha256"] == demonstration.document["sha256"]
    assert document["new_people"] == []
    assert table_sizes(again.var) == before
    assert sorted(path.name for path in (again.var / "demo").rglob("*")) == bank
    assert seconds < QUICK_SECONDS


def test_ledger_is_whole(demonstration: Demonstration) -> None:
    document = demonstration.installation.json("verify_ledger", "--no-seal")
    assert document["intact"] is True
    assert document["events"] > 50


def root_certificate(pack: Path, folder: Path) -> Path:
    """The root that the pack's own manifest names, as a PEM file."""
    with pikepdf.open(pack) as pdf:
        manifest = json.loads(pdf.attachments["manifest.json"].get_file().read_bytes())
    path = folder / "root.pem"
    path.write_text(manifest["root_certificate"])
    return path


def test_elsewhere_the_signer_is_unknown_until_it_is_named(
    demonstration: Demonstration, installation: Installation, tmp_path: Path
) -> None:
    arguments = ["verify_pack", str(demonstration.pack), f"--receipt={demonstration.receipt}"]
    unknown = installation.manage(*arguments)
    assert unknown.returncode == 1
    assert "signer not trusted" in unknown.stdout.casefold()
    named = installation.manage(*arguments, f"--trust={root_certificate(demonstration.pack, tmp_path)}")
    assert named.returncode == 0, named.stdout + named.stderr


def hostile(folder: Path) -> Iterator[tuple[int, list[str]]]:
    """Commands with the exit code that each has to give."""
    (folder / "not-a-pack.pdf").write_text("This is a letter.")
    yield 2, ["verify_pack", str(folder / "not-a-pack.pdf")]
    yield 2, ["verify_pack", str(folder / "absent.pdf")]
    (folder / "hostile.pkl").write_bytes(pickle.dumps(RunsACommand()))
    yield 1, ["scan_file", str(folder / "hostile.pkl")]
    (folder / "numbers.pkl").write_bytes(pickle.dumps({"weights": [1.0, 2.0]}))
    yield 0, ["scan_file", str(folder / "numbers.pkl")]
    (folder / "empty.json").touch()
    yield 2, ["ingest", str(folder / "empty.json"), "--system", "Claims triage (demonstration)"]
    yield 2, ["issue_pack", "no such assessment", "--out", str(folder / "none.pdf")]
    yield 2, ["hash_dataset", str(folder / "absent")]


def test_exit_codes_say_what_came_out(demonstration: Demonstration, tmp_path: Path) -> None:
    installation = copied(demonstration.installation.var, tmp_path / "copy")
    for code, command in hostile(tmp_path):
        done = installation.manage(*command)
        assert done.returncode == code, (command, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert bool(done.stderr.strip()) == (code == 2), (command, done.stderr)


def test_changed_data_no_longer_matches_its_manifest(demonstration: Demonstration, tmp_path: Path) -> None:
    data, manifest = tmp_path / "data", tmp_path / "manifest.json"
    data.mkdir()
    (data / "image.bin").write_bytes(b"one")
    installation = demonstration.installation
    manifest.write_text(json.dumps(installation.json("hash_dataset", str(data))))
    assert installation.manage("verify_dataset", str(data), str(manifest)).returncode == 0
    (data / "image.bin").write_bytes(b"two")
    assert installation.manage("verify_dataset", str(data), str(manifest)).returncode == 1


def test_api_describes_itself(demonstration: Demonstration, tmp_path: Path) -> None:
    schema = tmp_path / "schema.yaml"
    demonstration.installation.succeed("spectacular", "--validate", "--fail-on-warn", "--file", str(schema))
    assert "/api/v1/assessments/" in schema.read_text()
