"""What a text must be written as in CSV, so that no spreadsheet runs it."""

from __future__ import annotations

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What begins a formula in some spreadsheet, the wide forms of East Asian keyboards among them."""
# Spreadsheets pass over these before they look whether a formula begins.
_PASSED_OVER = " \u00a0\u3000\u200b\u200c\u200d\u2060\ufeff"


def as_text(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would run it as a formula."""
    return f"'{text}" if text.lstrip(_PASSED_OVER).startswith(FORMULA_STARTS) else text
