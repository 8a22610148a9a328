"""Real children, misbehaving in every way that the isolation promises to hold."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from compliance import isolation
from compliance.types.drafts import Progress

BEHAVE = "tests.compliance.isolation_children.behave"


def run(act: str, **options: Any) -> dict[str, Any]:
    limits: dict[str, Any] = {"wall_seconds": 20.0, "cpu_seconds": 10}
    limits |= {key: options.pop(key) for key in list(options) if key in isolation.run_isolated.__annotations__}
    return isolation.run_isolated(module=BEHAVE, request={"act": act, **options}, **limits)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _wait_for(condition: Any, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_a_request_of_a_megabyte_comes_back_whole() -> None:
    assert run("echo", text="ü" * 1_000_000)["echo"]["text"] == "ü" * 1_000_000


def test_no_family_of_socket_can_be_connected() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert set(run("connect", port=server.getsockname()[1])["refused"]) == {"inet", "inet6", "unix"}


def test_this_machine_has_a_way_to_isolate_and_names_it() -> None:
    assert isolation.network_isolation_method() in {"namespace and seccomp", "namespace", "seccomp"}


def test_secrets_of_the_parent_do_not_reach_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://someone:secret@db/assay")
    monkeypatch.setenv("SECRET_KEY", "very secret")
    seen = run("environment", environment={"OMP_NUM_THREADS": "1"})
    assert seen["environment"]["OMP_NUM_THREADS"] == "1"
    assert seen["uid"] == os.getuid()
    assert "secret" not in " ".join(seen["environment"].values())


def test_progress_arrives_in_order_and_library_chatter_is_no_message() -> None:
    seen: list[Progress] = []
    run("progress", on_progress=seen.append)
    assert [(p.stage, p.done, p.total) for p in seen] == [("counting", n, 3) for n in range(3)]


def test_bad_input_keeps_the_sentence_of_the_child() -> None:
    with pytest.raises(isolation.BadInput, match=r"^line 3 of upload\.csv is not UTF-8\.$"):
        run("bad_input")


def test_a_crash_names_its_cause() -> None:
    with pytest.raises(isolation.ChildFailed, match="RuntimeError: the wheel came off"):
        run("crash")


def test_an_early_exit_is_a_failure_with_code_and_last_words() -> None:
    with pytest.raises(isolation.ChildFailed, match=r"code 7.*I am leaving"):
        run("exit")


def test_a_module_that_does_not_exist_is_a_failure() -> None:
    with pytest.raises(isolation.ChildFailed, match="No module named"):
        isolation.run_isolated(module="tests.nowhere", request={}, wall_seconds=10, cpu_seconds=5)


def test_garbage_on_stdout_is_a_failure() -> None:
    with pytest.raises(isolation.ChildFailed, match="no message of ours: b'hello there'"):
        isolation.run_isolated(
            module="tests.compliance.isolation_children.garbage", request={}, wall_seconds=10, cpu_seconds=5
        )


def test_address_space_is_limited() -> None:
    with pytest.raises(isolation.ChildKilled, match="more memory"):
        run("allocate", bytes=2 << 30, memory_bytes=512 << 20)


def test_resident_memory_is_watched() -> None:
    with pytest.raises(isolation.ChildKilled, match="more than 100 MiB"):
        run("hold", bytes=200 << 20, memory_bytes=100 << 20, memory_kind="resident")


def test_processor_time_is_limited() -> None:
    with pytest.raises(isolation.ChildTimeout, match="1 s of processor time"):
        run("spin", cpu_seconds=1)


def test_wall_clock_is_limited_and_the_child_is_gone(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with pytest.raises(isolation.ChildTimeout, match=r"after 1\.5 s"):
        run("sleep", pid_file=str(pid_file), wall_seconds=1.5, writable=[tmp_path])
    assert not _alive(int(pid_file.read_text()))


def test_a_stop_ends_the_child(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with pytest.raises(isolation.ChildStopped):
        run("sleep", pid_file=str(pid_file), should_stop=pid_file.exists, writable=[tmp_path])
    assert _wait_for(lambda: not _alive(int(pid_file.read_text())))


def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    command = [sys.executable, "-m", "tests.compliance.isolation_children.parent", str(pid_file)]
    parent = subprocess.Popen(command, cwd=isolation.ROOT)
    assert _wait_for(lambda: pid_file.exists() and pid_file.read_text())
    child = int(pid_file.read_text())
    assert _alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert _wait_for(lambda: not _alive(child))


def test_writing_is_confined_to_the_named_folder(tmp_path: Path) -> None:
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    allowed.mkdir()
    other.mkdir()
    inside, outside = str(allowed / "file"), str(other / "file")
    assert run("write", paths=[inside, outside], writable=[allowed])["done"] == {
        inside: "written",
        outside: "PermissionError" if isolation.confines_writes() else "written",
    }


def test_the_parent_answers_what_the_child_asks() -> None:
    def answer(question: dict[str, Any]) -> dict[str, Any]:
        return {"square": question["number"] ** 2, "padding": "x" * 200_000}

    answers = run("ask", times=3, on_ask=answer)["answers"]
    assert [(one["square"], len(one["padding"])) for one in answers] == [(0, 200_000), (1, 200_000), (4, 200_000)]


def test_a_child_that_was_not_allowed_to_ask_is_ended() -> None:
    with pytest.raises(isolation.ChildFailed, match="no message of ours"):
        run("ask", times=1)


def test_what_the_answering_side_raises_ends_the_child_and_comes_out() -> None:
    def refuse(_question: dict[str, Any]) -> dict[str, Any]:
        raise isolation.IsolationError("not today.")

    with pytest.raises(isolation.IsolationError, match=r"^not today\.$"):
        run("ask", times=1, on_ask=refuse)


def test_a_child_that_takes_no_answer_meets_its_wall_clock() -> None:
    with pytest.raises(isolation.ChildTimeout, match="after 3 s"):
        run("ask", times=1, deaf=True, on_ask=lambda _question: {"padding": "x" * 2_000_000}, wall_seconds=3.0)
