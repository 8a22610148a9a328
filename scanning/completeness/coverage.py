"""Which of the accounts, regions, subscriptions, projects and clusters in scope deliver logs, by the platforms' own documents.

The figure: `units`, N of M for each kind; `declared`, the platforms of which one document lists everything; `gaps`, what no
document says.
"""

from __future__ import annotations

from compliance.types.completeness import Measured, Part
from scanning.completeness import aws_coverage, azure_coverage, gcp_coverage, stated_coverage
from scanning.completeness.base import Facts
from scanning.completeness.units import Covered, totals

LIMITS = (
    "Documents say how delivery was set up when they were taken; whether it was so all the time is for integrity to show.",
    "Platforms of which no document and no log is on record are not in these figures at all.",
)
EVALUATORS = (aws_coverage.evaluate, azure_coverage.evaluate, gcp_coverage.evaluate, stated_coverage.evaluate)


def covered(facts: Facts) -> list[Covered]:
    """What each platform's documents say, platforms of which nothing is on record left out."""
    return [found for evaluate in EVALUATORS if (found := evaluate(facts)) is not None]


def measure(found: list[Covered]) -> Measured:
    """The figure of coverage."""
    units = [unit for one in found for unit in one.units]
    return Measured(
        part=Part.COVERAGE,
        figure={
            "units": totals(units),
            "declared": [one.platform for one in found if one.declared],
            "gaps": [gap for one in found for gap in one.gaps],
        },
        rows=tuple(unit.row() for unit in units),
        limits=LIMITS,
    )
