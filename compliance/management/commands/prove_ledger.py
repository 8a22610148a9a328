"""`manage.py prove_ledger`: exit 0 with a document, 2 where what is asked for is not there, 3 under no checkpoint yet."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from compliance.management.progress import ProgressLine
from compliance.models import LedgerCheckpoint, LedgerEvent
from compliance.services import checkpoints, ledger_proofs
from compliance.services.errors import RefusedError
from compliance.services.ledger_statements import checkpoint_document
from compliance.types.drafts import Progress
from compliance.types.verdicts import ExitCode


class Command(BaseCommand):
    help = (
        "Hand out a checkpoint of the ledger, that it holds an event, or that it grew from an earlier state, as JSON."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What is asked for."""
        kinds = parser.add_subparsers(dest="what", required=True)
        one = kinds.add_parser("checkpoint", help="the newest checkpoint; --new makes one first")
        one.add_argument("--new", action="store_true", help="make and stamp one now")
        event = kinds.add_parser("event", help="that an event is in the ledger")
        event.add_argument("event", type=UUID, help="the event's identifier, as the trail shows it")
        grown = kinds.add_parser("consistency", help="that an earlier ledger is the beginning of a later one")
        grown.add_argument("--from", dest="blocks", type=int, required=True, help="blocks that the earlier one counts")
        for each in (one, event, grown):
            each.add_argument("--out", type=Path, metavar="FILE", help="write there instead of printing")
        for each in (event, grown):
            each.add_argument("--checkpoint", type=UUID, help="which checkpoint; the newest where absent")

    def handle(self, *args: object, **options: Any) -> None:
        """Find, prove, write."""
        line = ProgressLine(sys.stderr)
        try:
            document = self._document(options, line)
        finally:
            line.hide()
        text = json.dumps(document, indent=1) + "\n"
        if options["out"] is None:
            self.stdout.write(text, ending="")
            return
        try:
            options["out"].write_text(text, encoding="utf-8")
        except OSError as error:
            told = f"{options['out']} cannot be written ({error.strerror})."
            raise CommandError(told, returncode=ExitCode.BAD_INPUT) from error

    def _document(self, options: Mapping[str, Any], line: ProgressLine) -> Mapping[str, Any]:
        if options["what"] == "checkpoint":
            line.show(Progress(stage="Checkpoint", done=0))
            made = checkpoints.make() if options["new"] else checkpoints.newest()
            return checkpoint_document(made or _none())
        checkpoint = _named(options["checkpoint"]) or checkpoints.newest()
        try:
            if options["what"] == "consistency":
                return ledger_proofs.consistency(
                    blocks=options["blocks"], checkpoint=checkpoint or _none(), on_progress=line.show
                )
            return ledger_proofs.prove(event=_event(options["event"]), checkpoint=checkpoint, on_progress=line.show)
        except RefusedError as error:
            code = ExitCode.BAD_INPUT if options["what"] == "consistency" else ExitCode.UNDECIDED
            raise CommandError(str(error), returncode=code) from error


def _none() -> LedgerCheckpoint:
    told = "There is no checkpoint yet: one is made after every pack, each day, and by `prove_ledger checkpoint --new`."
    raise CommandError(told, returncode=ExitCode.UNDECIDED)


def _named(uuid: UUID | None) -> LedgerCheckpoint | None:
    if uuid is None:
        return None
    found = LedgerCheckpoint.objects.filter(uuid=uuid).first()
    if found is None:
        raise CommandError(f"There is no checkpoint {uuid}.", returncode=ExitCode.BAD_INPUT)
    return found


def _event(uuid: UUID) -> LedgerEvent:
    found = LedgerEvent.objects.filter(uuid=uuid).first()
    if found is None:
        raise CommandError(f"There is no event {uuid}.", returncode=ExitCode.BAD_INPUT)
    return found
