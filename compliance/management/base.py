"""What every command of Assay shares: `--json`, the exit codes of house rules, and one sentence for bad input."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import dataclass, field
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from compliance.isolation import BadInput, IsolationError
from compliance.management.progress import ProgressLine
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.drafts import JSON, Progress
from compliance.types.errors import BadInputError
from compliance.types.verdicts import ExitCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command found: the exit code, the document that `--json` prints, the lines for people, and complaints.

    complaints: one sentence each, for stderr, where part of the input was bad and the rest was taken.
    """

    code: ExitCode
    document: JSON
    lines: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


class AssayCommand(BaseCommand):
    """A command that answers by an exit code: 0 positive, 1 negative, 2 bad input, 3 undecided.

    Subclasses write `arguments` and `answer`. Bad input is one sentence on stderr, never a traceback. What a command
    wrote to the record is sealed into the ledger before it exits, unless `seals` is False.
    """

    requires_system_checks: list[str] = []
    seals = True
    after_stop = ""  # what becomes of the work when a person stops it, one sentence

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._line = ProgressLine(sys.stderr)

    def add_arguments(self, parser: CommandParser) -> None:
        """`--json` for all, then the command's own."""
        parser.add_argument("--json", action="store_true", help="print one JSON document on stdout, nothing else")
        self.arguments(parser)

    def arguments(self, parser: ArgumentParser) -> None:
        """The command's own arguments."""

    def answer(self, options: dict[str, Any]) -> Answer:
        """The work. May raise BadInputError, RefusedError or CommandError for bad input."""
        raise NotImplementedError

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the work, print its answer, exit with its code."""
        try:
            answer = self.answer(options)
            if self.seals:
                ledger.seal()
        except (BadInputError, BadInput, RefusedError, CommandError) as error:
            self._refuse(str(error))
        except FileNotFoundError as error:
            self._refuse(f"{error.filename or error}: no such file or folder.")
        except (IsADirectoryError, PermissionError) as error:
            self._refuse(f"{error.filename}: {error.strerror}.")
        except IsolationError as error:
            self._refuse(str(error))
        except OperationalError as error:
            self._refuse(
                f"The database cannot be used: {str(error).strip()}; run `manage.py migrate` or see DATABASE_URL."
            )
        except KeyboardInterrupt:
            self._stop()
        if options["json"]:
            self.stdout.write(json.dumps(answer.document, indent=2, ensure_ascii=False, default=str))
        else:
            self.stdout.write("\n".join(answer.lines))
        for complaint in answer.complaints:
            self.stderr.write(complaint)
        if answer.code:
            sys.exit(answer.code)

    def _refuse(self, sentence: str) -> NoReturn:
        self.stderr.write(" ".join(sentence.split()))
        sys.exit(ExitCode.BAD_INPUT)

    def _stop(self) -> NoReturn:
        """What a person who pressed Ctrl-C reads instead of a traceback."""
        self.hide_progress()
        self.stderr.write(f"Stopped before the end. {self.after_stop}".rstrip())
        sys.exit(ExitCode.UNDECIDED)

    def show_progress(self, progress: Progress) -> None:
        """How far the work is, and how long it may still take, on a terminal's stderr."""
        self._line.show(progress)

    def hide_progress(self) -> None:
        """Take the progress line away before something else is written."""
        self._line.hide()
