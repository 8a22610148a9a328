"""`manage.py verify_ledger`: exit 0 intact, 1 broken, 2 where the kept checkpoint cannot be read."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from compliance.isolation import IsolationError
from compliance.services import checkpoints, ledger, ledger_proofs
from compliance.services.errors import RefusedError
from compliance.types.ledger_proofs import Checkpoint, read_checkpoint
from compliance.types.shape import ShapeError
from compliance.types.verdicts import ExitCode

_LARGEST = 64 << 20


class Command(BaseCommand):
    help = (
        "Seal what waits, then walk the whole ledger: blocks, signatures, events, payloads, checkpoints and triggers."
    )
    requires_system_checks = ()  # it looks for itself, and must run on a broken installation too

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("--json", action="store_true", help="print one JSON document")
        parser.add_argument("--no-seal", action="store_true", help="only read: leave the unsealed tail as it is")
        parser.add_argument(
            "--against",
            type=Path,
            metavar="FILE",
            help="a checkpoint, or a file with one, kept outside this installation",
        )

    def handle(self, *args: object, **options: Any) -> None:
        """Verify, tell, exit."""
        kept = _read(options["against"]) if options["against"] else None
        tail = ledger.unsealed_count()
        sealed_now = 0 if options["no_seal"] else ledger.seal()
        found = ledger.verify()
        stamps, not_judged = _stamps()
        differs = ledger_proofs.against(kept=kept) if kept else None
        intact = found.is_intact and not stamps and not differs
        if options["json"]:
            told = {"intact": intact, "sealed_now": sealed_now, **asdict(found)}
            told |= {"stamps": stamps, "stamps_not_judged": not_judged, "against": differs}
            self.stdout.write(json.dumps(told))
        else:
            self._tell(found, tail, sealed_now)
            self._tell_checkpoints(found, stamps, not_judged)
            self._tell_kept(kept, differs or ())
            self.stdout.write("the ledger is intact" if intact else "the ledger is NOT intact")
        sys.exit(ExitCode.POSITIVE if intact else ExitCode.NEGATIVE)

    def _tell(self, found: ledger.LedgerVerification, tail: int, sealed_now: int) -> None:
        now = f" (sealed now: {sealed_now})" if sealed_now else ""
        self.stdout.write(f"{found.events} events in {found.blocks} blocks; unsealed tail: {tail}{now}")
        self.stdout.write(f"head: {found.head_sha256 or 'none'}")
        for problem in found.problems:
            self.stdout.write(f"problem: {problem}")
        if found.problem_count > len(found.problems):
            self.stdout.write(f"and {found.problem_count - len(found.problems)} problems more")
        for name in found.missing_triggers:
            self.stdout.write(f"missing or altered trigger: {name} (manage.py migrate puts it back)")

    def _tell_checkpoints(self, found: ledger.LedgerVerification, stamps: list[str], not_judged: str) -> None:
        told = f"{found.checkpoints} checkpoints, {found.unstamped} of them not time-stamped"
        self.stdout.write(f"{told}; blocks after the newest: {found.after_checkpoint}")
        for problem in stamps:
            self.stdout.write(f"problem: {problem}")
        if not_judged:
            self.stdout.write(f"time stamps: {not_judged}")

    def _tell_kept(self, kept: Checkpoint | None, differs: Sequence[str]) -> None:
        for problem in differs:
            self.stdout.write(f"problem: {problem}")
        if kept and not differs:
            stated = kept["statement"]
            self.stdout.write(f"the kept checkpoint of {stated['made_at']} over {stated['blocks']} blocks fits")


def _read(path: Path) -> Checkpoint:
    try:
        content = path.read_bytes() if path.stat().st_size <= _LARGEST else b""
        return read_checkpoint(json.loads(content))
    except OSError as error:
        raise CommandError(f"{path} cannot be read ({error.strerror}).", returncode=ExitCode.BAD_INPUT) from error
    except (ValueError, ShapeError, RecursionError) as error:
        raise CommandError(
            f"{path} holds no checkpoint of a ledger: {error}.", returncode=ExitCode.BAD_INPUT
        ) from error


def _stamps() -> tuple[list[str], str]:
    """Time stamps that do not hold; and what was not judged, and why."""
    wrong, elsewhere = [], 0
    try:
        for row, verdict in checkpoints.judged():
            if verdict["failure"]:
                wrong.append(f"a time stamp of checkpoint {row.checkpoint.uuid} does not hold: {verdict['failure']}")
            elsewhere += not verdict["failure"] and not verdict["is_trusted"]
    except (IsolationError, RefusedError, OSError) as error:
        return wrong, f"not judged: {error}"
    told = f"{elsewhere} lead to no root that is known here (TSA_ROOTS), so whose they are was not judged"
    return wrong, told if elsewhere else ""
