"""A scan that its limits ended: undecided, never bad input and never a pass."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from compliance.isolation import ChildFailed, ChildKilled, ChildTimeout, IsolationError
from scanning.services import isolated

pytestmark = pytest.mark.sqlite_only


@pytest.mark.parametrize("error", [ChildTimeout("ended after 5 s"), ChildKilled("signal KILL"), ChildFailed("code 1")])
@pytest.mark.parametrize("command", ["scan_model", "scan_file"])
def test_a_scan_that_never_returns_is_undecided(
    command: str, error: IsolationError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(**_: object) -> None:
        raise error

    monkeypatch.setattr(isolated, command, ended)
    (tmp_path / "model.onnx").write_bytes(b"x")
    out = StringIO()
    with pytest.raises(SystemExit) as left:
        call_command(command, str(tmp_path / "model.onnx"), "--json", stdout=out)
    assert left.value.code == 3
    answer = json.loads(out.getvalue())
    assert answer["verdict"] == "failed"
    assert answer["statement"] == f"The scan broke off and says nothing of model.onnx: {error}"
