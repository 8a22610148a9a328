"""Two versions of an answer side by side, field by field."""

from __future__ import annotations

from dataclasses import dataclass

from compliance.choices import label
from compliance.services.errors import ConflictError
from compliance.types.differences import Piece, differences
from compliance.types.drafts import JSON
from compliance.types.states import AnswerValue
from compliance.web.forms import AnswerForm


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """One field on which both versions differ: what was saved meanwhile, and what was sent."""

    label: str
    saved: list[Piece]
    sent: list[Piece]


def _texts(written: JSON) -> dict[str, str]:
    """The fields of an answer as the form names them, each as text."""
    value = str(label(AnswerValue(written["value"]))) if written["value"] else ""
    claims = {f"{AnswerForm.CLAIM_PREFIX}{key}": str(text) for key, text in written["claims"].items()}
    return {"value": value, "statement": written["statement"], "reason": written["reason"], **claims}


def side_by_side(conflict: ConflictError, form: AnswerForm) -> list[Both]:
    """The fields that differ, in the order of the form."""
    saved, sent = _texts(conflict.saved), _texts(conflict.sent)
    both = []
    for name, field in form.fields.items():
        left, right = saved.get(name, ""), sent.get(name, "")
        if left != right:
            marked = differences(left, right)
            both.append(Both(label=str(field.label), saved=marked[0], sent=marked[1]))
    return both
