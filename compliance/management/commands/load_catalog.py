"""`manage.py load_catalog`: exit 0 loaded, previewed or nothing to do; 2 bad file; 3 changed, but nobody agreed."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from compliance.oscal.catalog_files import SHIPPED
from compliance.services import catalogs, ledger
from compliance.services.catalogs import CatalogLoad
from compliance.types.catalog import CatalogChange
from compliance.types.errors import BadInputError
from compliance.types.verdicts import ExitCode

_SHOWN = 160


class Command(BaseCommand):
    help = "Load the catalogue. A changed file is shown as a diff and applied only when somebody agrees."

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("--folder", type=Path, default=SHIPPED, help="folder of the content files")
        parser.add_argument(
            "--technique", type=Path, action="append", default=[], metavar="FILE",
            help="the file of a further technique with its questions; may be given more than once",
        )  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="show what would change, change nothing")
        parser.add_argument("--yes", action="store_true", help="apply changes without asking")
        parser.add_argument("--json", action="store_true", help="print one JSON document; asks nothing")

    def handle(self, *args: object, **options: Any) -> None:
        """Show, ask where needed, apply."""
        try:
            files = {"folder": options["folder"], "further": options["technique"]}
            found = catalogs.load(**files, apply=False, actor=None)
            self._tell(found, options)
            wanted = bool(found.changes) and not options["dry_run"]
            agreed = wanted and (found.is_first or options["yes"] or self._agrees(options))
            if agreed:
                found = catalogs.load(**files, apply=True, actor=None)
                ledger.seal()
        except BadInputError as error:
            raise CommandError(str(error), returncode=ExitCode.BAD_INPUT)
        self._conclude(found, options)
        sys.exit(ExitCode.UNDECIDED if wanted and not agreed else ExitCode.POSITIVE)

    def _tell(self, found: CatalogLoad, options: dict[str, Any]) -> None:
        if options["json"] or found.is_first:
            return
        for change in found.changes:
            self.stdout.write(_line(change))

    def _agrees(self, options: dict[str, Any]) -> bool:
        if options["json"] or not sys.stdin.isatty():
            return False
        return input("Apply these changes? [y/N] ").strip().lower() in {"y", "yes"}

    def _conclude(self, found: CatalogLoad, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found), ensure_ascii=False))
            return
        counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.counts.items())
        if found.is_applied:
            self.stdout.write(f"Loaded: {counts}.")
            for pair in found.returned_pairs:
                self.stdout.write(f"Back to draft, because it changed: {pair}")
        elif not found.changes:
            self.stdout.write(f"Nothing changed: {counts}.")
        elif found.is_first:
            self.stdout.write(f"Would load: {counts}.")
        else:
            kinds = Counter(change.kind for change in found.changes)
            told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
            self.stdout.write(f"Not applied: {told}. Add --yes to apply.")


def _line(change: CatalogChange) -> str:
    place = f"{change.kind:8} {change.subject} {change.key}"
    if change.kind != "changed":
        return place
    return f"{place} · {change.field}\n  - {_short(change.before)}\n  + {_short(change.after)}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
