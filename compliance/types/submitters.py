"""Whether a submitter stands on the list of approved ones: the one rule of question 2 and of the checks."""

from __future__ import annotations

from collections.abc import Iterable


def stated_names(text: str) -> list[str]:
    """The names of a list as people type it: one a line, or comma-separated."""
    return [name.strip() for line in text.splitlines() for name in line.split(",") if name.strip()]


def folded(names: Iterable[str | None]) -> frozenset[str]:
    """Names as they are compared: without case, empty ones left out."""
    return frozenset(name.casefold() for name in names if name)


def is_approved(*, stated: Iterable[str], acted_as: Iterable[str | None]) -> bool:
    """Whether a name that somebody acted under is on the list: the principal's identifier or name, or the role used."""
    return not folded(stated).isdisjoint(folded(acted_as))
