"""What the commands answer whose scan ended without a result."""

from __future__ import annotations

from compliance.isolation import ChildFailed, ChildKilled, ChildTimeout, IsolationError
from compliance.management.base import Answer
from compliance.types.verdicts import ExitCode, StageVerdict

BROKEN_OFF = (ChildTimeout, ChildKilled, ChildFailed)


def broken_off(name: str, error: IsolationError) -> Answer:
    """The verdict `failed`, which is undecided and no bad input."""
    statement = f"The scan broke off and says nothing of {name}: {error}"
    document = {"verdict": StageVerdict.FAILED.value, "statement": statement}
    return Answer(code=ExitCode.UNDECIDED, document=document, lines=[f"{name}: failed", statement])
