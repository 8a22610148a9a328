"""What a verification says: separate verdicts in words, and the exit code that follows. Light to import; see `verify`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, TypedDict

from compliance.types.freeze import LedgerHead
from compliance.types.verdicts import ExitCode

LARGEST_BYTES = 200 << 20
EVERY_BYTE = "Every byte of the file is as it was issued."


class BadPackError(ValueError):
    """Nothing could be verified: the input is not what it has to be. The message says what, in one sentence."""


class CheckName(StrEnum):
    """The separate questions, in the order in which a report shows them."""

    RECEIPT = "receipt"
    INTEGRITY = "integrity"
    CHANGES = "changes"
    SIGNATURE = "signature"
    SIGNER = "signer"
    TIME_STAMP = "time_stamp"
    CONTENTS = "contents"
    COMPLETENESS = "completeness"
    LEDGER = "ledger"


# Asked where somebody can answer: with a receipt, and on the installation that issued the pack.
ELSEWHERE = frozenset({CheckName.RECEIPT, CheckName.LEDGER})


class Revoked(TypedDict):
    """A seal's certificate that this installation was told is revoked."""

    certificate_sha256: str
    at: str
    reason: str


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
    """`checks`: one per CheckName, in its order. Facts that could not be read are None.

    level: that the seal reaches as the file stands; unvouched: bytes that neither the seal nor a trusted archive stamp covers;
    qualified: the certificate calls itself one for qualified seals under eIDAS; checkpoint: SHA-256 of the one that it carries.
    """

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
    level: str | None
    unvouched: int | None
    qualified: bool | None
    ledger: LedgerHead | None
    checkpoint: str | None

    @property
    def is_genuine(self) -> bool:
        """No check failed, and all that need neither receipt nor ledger were made."""
        return all(
            check.state is CheckState.PASSED or (check.name in ELSEWHERE and check.state is CheckState.NOT_CHECKED)
            for check in self.checks
        )

    def check(self, name: CheckName) -> Check:
        """One of the checks."""
        return next(check for check in self.checks if check.name is name)

    def with_ledger(self, told: Check) -> VerificationReport:
        """With the word of the installation that may have issued the pack."""
        checks = [told if check.name is CheckName.LEDGER else check for check in self.checks]
        if told.state is CheckState.PASSED and self.check(CheckName.INTEGRITY).state is CheckState.PASSED:
            whole = Check(CheckName.INTEGRITY, CheckState.PASSED, EVERY_BYTE)
            checks = [whole if check.name is CheckName.INTEGRITY else check for check in checks]
        return replace(self, checks=tuple(checks))

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.POSITIVE if self.is_genuine else ExitCode.NEGATIVE

    def as_json(self) -> dict[str, Any]:
        """JSON-shaped, with the conclusion."""
        return {**asdict(self), "checks": [asdict(c) for c in self.checks], "genuine": self.is_genuine}


def seal_words(*, qualified: bool) -> str:
    """What kind of seal it is, by its certificate's own statement."""
    if qualified:
        return "Electronic seal; its certificate states that it is a qualified one under eIDAS."
    return "Electronic seal; not a qualified seal under eIDAS."


def report_from_json(value: dict[str, Any]) -> VerificationReport:
    """The inverse of `as_json`."""
    checks = tuple(Check(CheckName(c["name"]), CheckState(c["state"]), c["words"]) for c in value["checks"])
    facts = {key: member for key, member in value.items() if key not in ("checks", "genuine")}
    return VerificationReport(checks=checks, **facts)
