"""Reference models of the same family: the yardstick for how small a trigger ordinarily is. No torch here.

A bank is one JSON document that holds the smallest mask norms of models known to carry no planted trigger, and how
often the same search found backdoors planted on purpose. Norms compare only when settings, images and architecture
are the same, so a bank names all three by digest and is refused where one differs.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError
from scanning.detectors.inversion_rule import Power

_MAX_BYTES = 16 * 1024**2
_FORMAT = "assay-reference-bank/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One known model. name: for people; sha256: of its file; norms: mask norm per class, None where none worked."""

    name: str
    sha256: str
    norms: tuple[float | None, ...]

    @property
    def smallest(self) -> float:
        """Smallest norm over the classes, infinite where no trigger worked at all."""
        return min((norm for norm in self.norms if norm is not None), default=math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceBank:
    """References that were all searched alike. The three digests name settings, images and architecture."""

    settings_digest: str
    images_sha256: str
    architecture_digest: str
    references: tuple[Reference, ...]
    power: Power | None = None
    planted: tuple[Reference, ...] = ()

    @property
    def smallest(self) -> tuple[float, ...]:
        """Smallest norm of each reference."""
        return tuple(reference.smallest for reference in self.references)

    def difference(self, *, settings_digest: str, images_sha256: str, architecture_digest: str) -> str:
        """Why these references cannot be compared with a model, in words; "" when they can."""
        if self.settings_digest != settings_digest:
            return "the reference models were searched with other settings"
        if self.images_sha256 != images_sha256:
            return "the reference models were searched with other images"
        if self.architecture_digest != architecture_digest:
            return "the reference models have another architecture"
        return ""


def write_bank(bank: ReferenceBank, path: Path) -> str:
    """Write the bank as canonical JSON and give its SHA-256."""
    content = canonical_json({"format": _FORMAT, **asdict(bank)})
    path.write_bytes(content)
    return sha256_hex(content)


def read_bank(path: Path) -> tuple[ReferenceBank, str]:
    """Read a bank and its SHA-256. Raises BadInputError."""
    if not path.is_file():
        raise BadInputError(f"{path.name}: no such reference bank")
    if path.stat().st_size > _MAX_BYTES:
        raise BadInputError(f"{path.name}: a reference bank may not exceed {_MAX_BYTES // 1024**2} MiB")
    content = path.read_bytes()
    try:
        document = json.loads(content)
        if document["format"] != _FORMAT:
            raise BadInputError(f"{path.name}: the format {document['format']!r} is not {_FORMAT!r}")
        return _bank_from(document), sha256_hex(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, BadInputError):
            raise
        raise BadInputError(f"{path.name}: not a reference bank as `{_FORMAT}` describes it") from error


def _bank_from(document: JSON) -> ReferenceBank:
    power = document["power"]
    return ReferenceBank(
        settings_digest=str(document["settings_digest"]),
        images_sha256=str(document["images_sha256"]),
        architecture_digest=str(document["architecture_digest"]),
        references=tuple(_reference_from(row) for row in document["references"]),
        power=None if power is None else _power_from(power),
        planted=tuple(_reference_from(row) for row in document["planted"]),
    )


def _power_from(row: JSON) -> Power:
    power = Power(attack=str(row["attack"]), planted=int(row["planted"]), found=int(row["found"]))
    if not 0 <= power.found <= power.planted:
        raise ValueError("found exceeds planted")
    return power


def _reference_from(row: dict[str, Any]) -> Reference:
    norms = tuple(None if norm is None else float(norm) for norm in row["norms"])
    if any(norm is not None and not (math.isfinite(norm) and norm >= 0) for norm in norms):
        raise ValueError("a norm is not a finite number")
    return Reference(name=str(row["name"]), sha256=str(row["sha256"]), norms=norms)
