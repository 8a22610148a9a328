"""`manage.py verify_ledger`: exit 0 intact, 1 broken."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from compliance.services import ledger
from compliance.types.verdicts import ExitCode


class Command(BaseCommand):
    help = "Seal what waits, then walk the whole ledger: blocks, signatures, events, payloads and triggers."
    requires_system_checks = ()  # it looks for itself, and must run on a broken installation too

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("--json", action="store_true", help="print one JSON document")
        parser.add_argument("--no-seal", action="store_true", help="only read: leave the unsealed tail as it is")

    def handle(self, *args: object, **options: Any) -> None:
        """Verify, tell, exit."""
        tail = ledger.unsealed_count()
        sealed_now = 0 if options["no_seal"] else ledger.seal()
        found = ledger.verify()
        if options["json"]:
            self.stdout.write(json.dumps({"intact": found.is_intact, "sealed_now": sealed_now, **asdict(found)}))
        else:
            self._tell(found, tail, sealed_now)
        sys.exit(ExitCode.POSITIVE if found.is_intact else ExitCode.NEGATIVE)

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
        self.stdout.write("the ledger is intact" if found.is_intact else "the ledger is NOT intact")
