"""`manage.py import_framework FILE --key K`: exit 0 applied, previewed or nothing to do; 2 bad file; 3 nobody agreed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from compliance.management.base import Answer, AssayCommand
from compliance.services.frameworks import FrameworkImport, import_framework
from compliance.types.verdicts import ExitCode

_SHOWN = 40


class Command(AssayCommand):
    """Import a framework's ids and titles from OSCAL."""

    help = "Import ids and titles of a framework from an OSCAL catalogue or profile; its text is never kept."

    def arguments(self, parser: ArgumentParser) -> None:
        """The file, the framework, and how far to go."""
        parser.add_argument("file", type=Path, help="OSCAL catalogue or profile, JSON or YAML")
        parser.add_argument("--key", required=True, help="key of the framework, for example nist-sp-800-53-r5")
        parser.add_argument("--catalog", type=Path, action="append", default=[], help="file that the profile imports")
        parser.add_argument("--licence", default="", help="licence of a framework that Assay does not know yet")
        parser.add_argument(
            "--licensed", action="store_true", help="you may keep the titles, though the licence does not let everybody"
        )
        parser.add_argument("--dry-run", action="store_true", help="show what would change, change nothing")
        parser.add_argument("--yes", action="store_true", help="apply without asking")

    def answer(self, options: dict[str, Any]) -> Answer:
        """Show, ask where needed, apply."""
        found = _run(options, apply=False)
        lines = _lines(found)
        wanted = not options["dry_run"] and not found.is_same
        agreed = wanted and (options["yes"] or _agrees(lines, options))
        if agreed:
            found = _run(options, apply=True)
        lines.append(_conclusion(found, wanted))
        code = ExitCode.UNDECIDED if wanted and not agreed else ExitCode.POSITIVE
        return Answer(code=code, document=asdict(found), lines=lines)


def _run(options: dict[str, Any], *, apply: bool) -> FrameworkImport:
    return import_framework(
        path=options["file"],
        catalogs=options["catalog"],
        key=options["key"],
        licence=options["licence"],
        is_licensed=options["licensed"],
        apply=apply,
        actor=None,
    )


def _agrees(lines: list[str], options: dict[str, Any]) -> bool:
    if options["json"] or not sys.stdin.isatty():
        return False
    sys.stdout.write("\n".join([*lines, ""]))
    lines.clear()
    return input("Apply? [y/N] ").strip().lower() in {"y", "yes"}


def _lines(found: FrameworkImport) -> list[str]:
    lines = [f"{found.title}, {found.version}: {found.requirements} requirements (SHA-256 {found.sha256})."]
    if not found.titles_kept:
        lines.append("Ids alone are kept: the licence does not let titles be kept; --licensed where yours does.")
    for change in found.changes[:_SHOWN]:
        told = " -> ".join(part for part in (change.before, change.after) if part)
        lines.append(f"{change.kind:10} {change.id}" + (f" · {told}" if told else ""))
    if len(found.changes) > _SHOWN:
        lines.append(f"and {len(found.changes) - _SHOWN} more (--json tells all).")
    if found.unknown:
        lines.append("Mapped, but not in force in the file: " + ", ".join(found.unknown) + ".")
    if found.reviews:
        lines.append("Controls to review: " + ", ".join(f"{key} ({n})" for key, n in found.reviews.items()) + ".")
    return lines


def _conclusion(found: FrameworkImport, wanted: bool) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(c.kind for c in found.changes).items())
    if found.is_applied:
        return f"In force: {kinds or 'the same requirements'}."
    if not wanted:
        return f"Nothing applied: {kinds or 'nothing differs'}."
    return f"Not applied: {kinds or 'another file with the same requirements'}. Add --yes to apply."
