"""Management's assertion, word for word: shown to whoever freezes, and printed with their name."""

from __future__ import annotations

from django.utils.translation import gettext as _


def assertion_words() -> list[str]:
    """What whoever freezes signs for management; shown before, printed after, word for word."""
    return [
        _(
            "Management is responsible for the controls described in this document, for their design and operation, for the "
            "answers given, and for the records on which they rest."
        ),
        _(
            "To the best of our knowledge the description of the AI system, the answers and the registers are complete and "
            "accurate for the scope and period stated, apart from the limits, gaps and contradictions printed with them."
        ),
        _("Nothing that we know of, and that would change a reader's conclusion, was left out."),
        _("What was not tested is listed as not tested. We assert nothing about it."),
    ]


def meaning_of_freezing() -> str:
    """What the signature of whoever freezes means."""
    return _(
        "signs management's assertion for the organisation, declares the data complete to their knowledge, and freezes it"
    )
