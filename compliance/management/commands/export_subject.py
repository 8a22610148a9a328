"""`manage.py export_subject WHO --out FILE [--json]`: all that is held on one person, as a ZIP."""

from __future__ import annotations

import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from compliance.management.base import Answer, AssayCommand
from compliance.management.subjects import find_person
from compliance.services import subject_exports
from compliance.types.verdicts import ExitCode


class Command(AssayCommand):
    """Write out what is held on one person."""

    help = (
        "Export all that is held on a user or on somebody whom logs name: JSON, a readable page, a CSV for each table."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        """Who, and where to."""
        parser.add_argument("who", help="e-mail address of a user; identifier or pseudonym of somebody whom logs name")
        parser.add_argument("--out", required=True, type=Path, help="where to write the ZIP")

    def answer(self, options: dict[str, Any]) -> Answer:
        """Find, gather, write."""
        made = subject_exports.export(subject=find_person(options["who"]), actor=None)
        out: Path = options["out"].resolve()
        with made.stream, out.open("wb") as target:
            shutil.copyfileobj(made.stream, target)
        document = {"file": str(out), "tables": made.tables, "rows": sum(made.tables.values())}
        lines = [f"{rows:>8}  {name}" for name, rows in made.tables.items()] + [f"written to {out}"]
        return Answer(code=ExitCode.POSITIVE, document=document, lines=lines)
