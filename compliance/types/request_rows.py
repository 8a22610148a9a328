"""Rows of a request list as a spreadsheet holds them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from compliance.types.canonical import canonical_json, sha256_hex

MARK_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """One request as text. controls: names separated by "; "; owner: name or e-mail address; state: its label.

    place: the row of the sheet, 0 where it was not read from one; number None: a new request; mark: see `mark_of`.
    """

    number: int | None
    title: str
    text: str
    controls: str
    owner: str
    due_on: date | None
    state: str
    mark: str = ""
    place: int = 0


def mark_of(row: RequestRow) -> str:
    """Digits that stand for what a row says. A file carries them as they were, so that what was edited since can be told from
    what others changed meanwhile."""
    due_on = row.due_on.isoformat() if row.due_on else None
    said = [row.number, row.title, row.text, row.controls, row.owner, due_on, row.state]
    return sha256_hex(canonical_json(said))[:MARK_DIGITS]
