"""The three figures together, in their fixed order. Each stands by itself: nothing here merges them."""

from __future__ import annotations

from compliance.types.completeness import Measured
from scanning.completeness import coverage, integrity, reconciliation
from scanning.completeness.base import Facts


def measure(facts: Facts) -> tuple[Measured, Measured, Measured]:
    """Coverage, integrity, reconciliation of one system and period."""
    found = coverage.covered(facts)
    places = [place for one in found for place in one.places]
    return coverage.measure(found), integrity.measure(facts, places), reconciliation.measure(facts)
