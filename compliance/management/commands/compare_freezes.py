"""`manage.py compare_freezes BEFORE AFTER [--json]`: exit 0 nothing differs, 1 something does, 2 bad input."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from compliance.management.base import Answer, AssayCommand
from compliance.management.subjects import find_assessment
from compliance.selectors.comparison_page import note_of, section_rows, summary, title_of
from compliance.services.freeze_documents import compared
from compliance.types.freeze_comparison import SectionChanges
from compliance.types.verdicts import ExitCode


class Command(AssayCommand):
    """Say what changed between two freezes."""

    help = "Compare the freezes of two assessments, part by part; parts that this version does not know are named."
    seals = False

    def arguments(self, parser: ArgumentParser) -> None:
        """Two assessments, the earlier one first."""
        parser.add_argument("before", help="uuid or whole title of the earlier frozen assessment")
        parser.add_argument("after", help="uuid or whole title of the later frozen assessment")

    def answer(self, options: dict[str, Any]) -> Answer:
        """Compare, and say every line."""
        before, after = (find_assessment(options[side]) for side in ("before", "after"))
        comparison = compared(before=before, after=after)
        lines = [summary(comparison)]
        for section in comparison.sections:
            lines += _lines(section)
        return Answer(
            code=ExitCode.NEGATIVE if comparison.differs else ExitCode.POSITIVE,
            document={**asdict(comparison), "differs": comparison.differs, "unknown": list(comparison.unknown)},
            lines=lines,
        )


def _lines(section: SectionChanges) -> list[str]:
    found = [f"{title_of(section.name)}: {note_of(section)}"] if note_of(section) else []
    for row in section_rows(section):
        change = f"{row.path}: {row.before or '–'} → {row.after or '–'}" if row.path else row.change
        found.append(f"{title_of(section.name)}: {row.record}: {change}")
    return found
