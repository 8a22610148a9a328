from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compliance.types.errors import BadInputError
from scanning.filescan.registry import scan_path
from scanning.filescan.report_json import from_json, to_json
from tests.scanning.filescan.build import call_pickle, scan, torch_file

ROOT = Path(__file__).parents[3]


def ask(request: dict[str, Any]) -> list[dict[str, Any]]:
    answer = subprocess.run(
        [sys.executable, "-m", "scanning.filescan.child"],
        input=json.dumps(request).encode(),
        capture_output=True,
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_the_child_answers_progress_and_then_the_report(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(torch_file(call_pickle("os", "getcwd")))
    *progress, last = ask({"path": str(tmp_path / "blob"), "name": "model.pt"})
    assert progress[0]["progress"]["stage"] == "hashing"
    assert from_json(last["result"]) == scan_path(tmp_path / "blob", name="model.pt")


def test_the_child_says_what_is_wrong_with_the_request(tmp_path: Path) -> None:
    (last,) = ask({"path": str(tmp_path / "missing"), "name": "model.pt"})
    assert last["error"]["kind"] == "bad_input"
    assert last["error"]["message"].startswith("model.pt does not exist")


def test_reports_come_back_from_json_as_they_went(tmp_path: Path) -> None:
    for content in (torch_file(call_pickle("os", "getcwd")), b"hello", b"\x80\x04"):
        report = scan(tmp_path, "m", content)
        assert from_json(json.loads(json.dumps(to_json(report)))) == report


@pytest.mark.parametrize("change", [{"verdict": "clear"}, {"issues": [{}]}, {"extra": 1}, {"not_scanned": [1]}])
def test_what_is_no_report_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match="no file scan report"):
        from_json(to_json(scan(tmp_path, "m", b"hello")) | change)
