from __future__ import annotations

import os
import pty
import subprocess
import sys

from tests.installations import ROOT, Installation


def test_an_administrator_is_made_once_with_a_password_shown_once(installation: Installation) -> None:
    arguments = ("create_admin", "--email", "Ann@example.org", "--name", "Ann", "--generate", "--skip-checks")
    made = installation.json(*arguments)
    assert (made["email"], made["role"]) == ("ann@example.org", "administrator")
    assert len(made["password"]) >= 24
    again = installation.manage(*arguments)
    assert again.returncode == 2
    assert "ann@example.org is there already" in again.stderr
    assert "Traceback" not in again.stderr
    told = installation.json("verify_ledger")
    assert (told["intact"], told["events"], told["unsealed"]) == (True, 1, 0)


def test_without_a_terminal_a_password_is_only_generated(installation: Installation) -> None:
    done = installation.manage("create_admin", "--email", "a@example.org", "--name", "A", "--skip-checks")
    assert done.returncode == 2
    assert "--generate" in done.stderr


def typed_in(installation: Installation, *lines: bytes) -> tuple[int, bytes]:
    """Exit code and last words of create_admin when a person types these lines, one at each prompt."""
    terminal, other_end = pty.openpty()
    command = [sys.executable, "manage.py", "create_admin", "--email=b@example.org", "--name=B", "--skip-checks"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=installation.env, stdin=other_end, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, bufsize=0,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        for line in lines:
            prompt = b""
            while not prompt.endswith(b": "):  # what is typed ahead of a prompt for a password is thrown away
                prompt += process.stderr.read(1)
            os.write(terminal, line + b"\n")
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        os.close(terminal)
        os.close(other_end)
    return process.returncode, out + err


def test_a_password_is_asked_for_twice(installation: Installation) -> None:
    code, words = typed_in(installation, b"a long enough phrase 1", b"a long enough phrase 2")
    assert (code, b"differ" in words) == (2, True)
    code, words = typed_in(installation, b"a long enough phrase 1", b"a long enough phrase 1")
    assert (code, b"is an administrator" in words) == (0, True)


def test_a_wrong_option_is_bad_usage(installation: Installation) -> None:
    assert installation.manage("verify_ledger", "--jsn").returncode == 2


FORGE = """
from django.db import connection
from compliance.models import LedgerEvent
with connection.cursor() as cursor:
    if connection.vendor == "sqlite":
        cursor.execute("DROP TRIGGER assay_refuse_update_compliance_ledgerevent")
    else:
        cursor.execute("ALTER TABLE compliance_ledgerevent DISABLE TRIGGER USER")
LedgerEvent.objects.update(kind="forged")
"""


def test_a_forged_ledger_is_exit_1_with_the_place(installation: Installation) -> None:
    installation.succeed("create_admin", "--email", "a@example.org", "--name", "A", "--generate", "--skip-checks")
    assert "unsealed tail: 0" in installation.succeed("verify_ledger")
    installation.python(FORGE)
    done = installation.manage("verify_ledger")
    assert done.returncode == 1
    assert "block 1: its events are not those that were sealed" in done.stdout
    assert "missing or altered trigger" in done.stdout
    told = installation.json("verify_ledger", code=1)
    changed, whole = told["problems"]
    assert (changed["block"], changed["position"], changed["checkpoint"]) == (1, 1, None)
    assert "is not what was sealed here" in changed["what"]
    assert whole == {
        "what": "its events are not those that were sealed", "block": 1, "position": None, "checkpoint": None,
    }  # fmt: skip


def test_what_waits_is_sealed_first_unless_asked_not_to(installation: Installation) -> None:
    record = (
        "from django.db import transaction\n"
        "from compliance.services import people\nfrom compliance.types.states import Role\n"
        "people.create_user(email='a@example.org', name='A', role=Role.OFFICER, password=None, actor=None)"
    )
    installation.python(record)
    assert installation.json("verify_ledger", "--no-seal")["unsealed"] == 1
    told = installation.json("verify_ledger")
    assert (told["sealed_now"], told["unsealed"]) == (1, 0)
