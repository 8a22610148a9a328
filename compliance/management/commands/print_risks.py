"""`manage.py print_risks > docs/risks.md`: how a risk moves, what an import may change, and how priority is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from django.core.management.base import BaseCommand

from compliance.choices import label
from compliance.types import risk_priority as rule
from compliance.types.risk_transitions import PRECEDENCE, TRANSITIONS, By, Transition

_INTRODUCTION = """\
# Risks: their life, what an import may change, and priority

Printed by `manage.py print_risks` from `compliance/types/risk_transitions.py` and `compliance/types/risk_priority.py`; a test
keeps it in step. A finding that is not satisfied carries a risk from the first act of a person on; until then it counts as
open. Each row of the first table is one service function, which pages, the API, imports, scans and nightly runs call alike.
What is not in it is refused.

## The life of a risk
"""


class Command(BaseCommand):
    """Prints the tables of risks as Markdown."""

    help = "Print how risks move and what their priority rests on as Markdown, for docs/risks.md."

    def handle(self, *_arguments: object, **_options: object) -> None:
        """Print the document."""
        self.stdout.write(risks_document(), ending="")


def risks_document() -> str:
    """The whole document, with a line feed at its end."""
    return "\n".join([_INTRODUCTION, *_drawing(), "", *_transitions(), "", *_precedence(), "", *_priority(), ""])


def _state(row: Transition) -> str:
    return row.before.value if row.before else "no risk yet"


def _drawing() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    for row in TRANSITIONS:
        before = row.before.value.replace("-", "_") if row.before else "[*]"
        yield f"    {before} --> {row.after.value.replace('-', '_')}: {row.act.value.replace('_', ' ')}"
    yield "```"


def _transitions() -> Iterator[str]:
    yield "| from | act | to | a person, with the verb | import, scan, nightly run | rule | service |"
    yield "| --- | --- | --- | --- | :-: | --- | --- |"
    for row in TRANSITIONS:
        person = row.verb.value if row.verb and By.PERSON in row.by else ""
        record = "yes" if By.RECORD in row.by else ""
        act = row.act.value.replace("_", " ")
        yield f"| {_state(row)} | {act} | {row.after.value} | {person} | {record} | {row.rule} | `{row.service}` |"


def _precedence() -> Iterator[str]:
    yield "## What an import may change, and what only a person may"
    yield ""
    yield "| what | import, scan, nightly run | person | rule |"
    yield "| --- | :-: | :-: | --- |"
    for row in PRECEDENCE:
        record, person = ("yes" if may else "" for may in (row.record, row.person))
        yield f"| {row.held.value} | {record} | {person} | {row.rule} |"


def _priority() -> Iterator[str]:
    yield "## Priority"
    yield ""
    yield "The points of all that applies are added up. A finding keeps each reason with its points, and its page shows them."
    yield ""
    yield "| what | points |"
    yield "| --- | --: |"
    yield from _points("severity", rule.SEVERITY_POINTS.items())
    yield from _points("class of the AI system", rule.EXPOSURE_POINTS.items())
    yield f"| class of the AI system: general-purpose model with systemic risk | {rule.SYSTEMIC_POINTS} |"
    yield f"| on the market | {rule.ON_MARKET_POINTS} |"
    yield from (f"| sub-technique {one} | {points} |" for one, points in sorted(rule.TECHNIQUE_POINTS.items()))
    yield f"| another technique, or none | {rule.OTHER_TECHNIQUE_POINTS} |"
    yield from _points("strength of the test", rule.TIER_POINTS.items())
    yield f"| measured power of the test at least {rule.GOOD_POWER:.0%} | {rule.POWER_POINTS} |"
    yield ""
    yield "| priority | from points |"
    yield "| --- | --: |"
    yield from (f"| {label(priority)} | {least} |" for priority, least in rule.LEAST_POINTS)


def _points(what: str, rows: Iterable[tuple[StrEnum, int]]) -> Iterator[str]:
    for value, points in rows:
        yield f"| {what}: {str(label(value)).lower()} | {points} |"
