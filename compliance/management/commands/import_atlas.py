"""`manage.py import_atlas FILE`: exit 0 applied, previewed or nothing to do; 2 bad file; 3 changed, but nobody agreed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from compliance.management.base import Answer, AssayCommand
from compliance.services import catalogs
from compliance.services.atlas_releases import AtlasImport, import_release
from compliance.types.atlas import AtlasChange
from compliance.types.verdicts import ExitCode


class Command(AssayCommand):
    """Import a release of MITRE ATLAS."""

    help = "Import an ATLAS.yaml (formats 5 and 6). Its changes are shown, and applied only when somebody agrees."

    def arguments(self, parser: ArgumentParser) -> None:
        """The file, and how far to go."""
        parser.add_argument("file", type=Path, help="ATLAS.yaml as MITRE publishes it, for example ATLAS-2026.10.yaml")
        parser.add_argument("--dry-run", action="store_true", help="show what would change, change nothing")
        parser.add_argument("--yes", action="store_true", help="apply changes without asking")
        parser.add_argument("--older", action="store_true", help="allow going back to an older release")

    def answer(self, options: dict[str, Any]) -> Answer:
        """Show, ask where needed, apply."""
        shipped = catalogs.loaded()
        found = import_release(path=options["file"], shipped=shipped, apply=False, actor=None)
        lines = _lines(found)
        wanted = not options["dry_run"] and not catalogs.is_in_force(found.sha256)
        agreed = wanted and (options["yes"] or _agrees(lines, options))
        if agreed:
            found = import_release(
                path=options["file"], shipped=shipped, apply=True, actor=None, older=options["older"]
            )
        lines.append(_conclusion(found, wanted))
        code = ExitCode.UNDECIDED if wanted and not agreed else ExitCode.POSITIVE
        return Answer(code=code, document=asdict(found), lines=lines)


def _agrees(lines: list[str], options: dict[str, Any]) -> bool:
    if options["json"] or not sys.stdin.isatty():
        return False
    sys.stdout.write("\n".join([*lines, ""]))
    lines.clear()
    return input("Apply these changes? [y/N] ").strip().lower() in {"y", "yes"}


def _lines(found: AtlasImport) -> list[str]:
    against = f"the extract of {found.installed} that Assay ships" if found.is_extract else f"release {found.installed}"
    lines = [f"ATLAS {found.version} (format {found.format}, SHA-256 {found.sha256}) against {against}."]
    if found.is_older:
        lines.append(f"The file is OLDER than {found.installed}: applying it goes back, and asks for --older.")
    lines += [_line(change) for change in found.changes]
    if found.reviews:
        lines.append("Controls to review: " + ", ".join(f"{key} ({n})" for key, n in found.reviews.items()) + ".")
    return lines


def _line(change: AtlasChange) -> str:
    place = f"{change.kind:8} {change.subject.replace('_', ' ')} {change.id}"
    if change.kind == "renamed":
        return f"{place} · {change.after}, formerly {change.before}"
    if change.kind == "relinked":
        return f"{place} · {change.field}: {change.before or 'none'} -> {change.after or 'none'}"
    if change.kind == "replaced":
        return f"{place} · {change.before} -> {change.after}"
    return f"{place} · {change.after or change.before}"


def _conclusion(found: AtlasImport, wanted: bool) -> str:
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.counts.items())
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(c.kind for c in found.changes).items())
    if found.is_applied:
        return f"In force: {found.version} with {counts}. {kinds or 'Nothing that is compared differs'}."
    if not wanted:
        return f"Nothing applied: {kinds or 'nothing that is compared differs'}."
    return f"Not applied: {kinds or 'nothing that is compared differs'}. Add --yes to apply."
