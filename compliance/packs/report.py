"""What a verification says: separate verdicts in words, and the exit code that follows. Light to import; see `verify`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from compliance.types.verdicts import ExitCode


class BadPackError(ValueError):
    """Nothing could be verified: the input is not what it has to be. The message says what, in one sentence."""


class CheckName(StrEnum):
    """The separate questions, in the order in which a report shows them."""

    RECEIPT = "receipt"
    INTEGRITY = "integrity"
    SIGNATURE = "signature"
    SIGNER = "signer"
    TIME_STAMP = "time_stamp"
    CONTENTS = "contents"


class CheckState(StrEnum):
    """`not_checked` is no pass: the words say what was not compared."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One question, its answer, and the answer in words."""

    name: CheckName
    state: CheckState
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """`checks`: one per CheckName, in its order. Facts that could not be read are None."""

    checks: tuple[Check, ...]
    sha256: str
    size: int
    pack_id: str | None
    version: int | None
    organisation: str | None
    demonstration: bool | None
    signer: str | None
    signer_certificate_sha256: str | None
    root_certificate_sha256: str | None
    demonstration_signer: bool | None
    sealed_at: str | None
    time_stamper: str | None

    @property
    def is_genuine(self) -> bool:
        """No check failed, and all that need no receipt were made."""
        return all(
            check.state is CheckState.PASSED
            or (check.name is CheckName.RECEIPT and check.state is CheckState.NOT_CHECKED)
            for check in self.checks
        )

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.POSITIVE if self.is_genuine else ExitCode.NEGATIVE

    def as_json(self) -> dict[str, Any]:
        """JSON-shaped, with the conclusion."""
        return {**asdict(self), "checks": [asdict(c) for c in self.checks], "genuine": self.is_genuine}


def report_from_json(value: dict[str, Any]) -> VerificationReport:
    """The inverse of `as_json`."""
    checks = tuple(Check(CheckName(c["name"]), CheckState(c["state"]), c["words"]) for c in value["checks"])
    facts = {key: member for key, member in value.items() if key not in ("checks", "genuine")}
    return VerificationReport(checks=checks, **facts)
