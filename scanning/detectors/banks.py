"""Reference banks that ship with Assay, as JSON files in `shipped_banks`, and the choice of one. No torch here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from compliance.types.drafts import JSON
from scanning.detectors.references import ReferenceBank, read_bank

FOLDER = Path(__file__).parent / "shipped_banks"


@cache
def shipped() -> tuple[tuple[Path, str, ReferenceBank], ...]:
    """(file, SHA-256, bank) of every bank that ships, by name."""
    return tuple((path, digest, bank) for path in sorted(FOLDER.glob("*.json")) for bank, digest in [read_bank(path)])


def bank_for(architecture_digest: str, path: Path | None) -> tuple[ReferenceBank | None, JSON]:
    """The bank named, or else the one shipped for the architecture, with what is to be recorded of it.

    A named bank of another architecture is read and not used, and the facts say so. Raises BadInputError.
    """
    if path is None:
        for file, digest, bank in shipped():
            if bank.family.architecture_digest == architecture_digest:
                return bank, {"name": file.stem, "sha256": digest, "shipped": True}
        return None, {"not_used": "no bank of reference models is known for this architecture"}
    bank, digest = read_bank(path)
    facts: JSON = {"name": bank.family.name, "sha256": digest, "shipped": False}
    if bank.family.architecture_digest != architecture_digest:
        return None, {**facts, "not_used": "the reference models have another architecture"}
    return bank, facts
