"""Reference banks, shipped and registered: the family, how small a p-value they allow, and how often they find what was
planted on purpose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from compliance.models import AISystem, Evidence, User
from compliance.rights import Asker
from compliance.services import evidence as evidences
from compliance.services.errors import LostError
from compliance.types.errors import BadInputError
from compliance.types.freeze_scans import AttackPower, Rate
from scanning.detectors import banks
from scanning.detectors.calibration import Power, stage_power
from scanning.detectors.combination import joint_power
from scanning.detectors.references import MAX_BANK_BYTES, BankedModel, Family, ReferenceBank, bank_from_json
from scanning.detectors.registry import COMPARING, label_of
from scanning.detectors.stats import resolution
from scanning.selectors.lists import reference_bank_list

_LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class BankStage:
    """One stage that the models of a bank were measured with. references: of each unpoisoned one,
    the score of the class that stands out most."""

    title: str
    references: tuple[float, ...]
    power: tuple[AttackPower, ...]
    settings_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BankLine:
    """One bank. uuid, system and registered_by are those of a registered one; trouble: why its content cannot be read.

    power: of all stages together, per attack.
    """

    name: str
    sha256: str
    is_shipped: bool
    references: int
    smallest_p: float
    family: Family | None
    power: tuple[AttackPower, ...]
    stages: tuple[BankStage, ...]
    models: tuple[BankedModel, ...]
    trouble: str = ""
    uuid: UUID | None = None
    evidence: Evidence | None = None
    system: AISystem | None = None
    registered_by: User | None = None
    registered_at: datetime | None = None

    @property
    def planted(self) -> int:
        """How many models of the bank hold a known backdoor."""
        return sum(bool(model.attack) for model in self.models)


def bank_lines(asker: Asker) -> list[BankLine]:
    """Shipped banks, then registered ones by name."""
    shipped = [_line(bank, name=path.stem, sha256=digest, is_shipped=True) for path, digest, bank in banks.shipped()]
    rows = reference_bank_list(asker=asker).select_related("evidence__system", "evidence__received_by")
    registered = []
    for row in rows:
        bank, trouble = _read(row.evidence.sha256, row.evidence.storage_name, row.evidence.filename)
        registered.append(
            _line(
                bank,
                name=row.name,
                sha256=row.evidence.sha256,
                is_shipped=False,
                size=row.size,
                trouble=trouble,
                uuid=row.uuid,
                evidence=row.evidence,
                system=row.evidence.system,
                registered_by=row.evidence.received_by,
                registered_at=row.created_at,
            )
        )
    return [*shipped, *registered]


def bank_of(asker: Asker, sha256: str) -> BankLine | None:
    """The bank with this SHA-256, as far as the asker may see it."""
    return next((line for line in bank_lines(asker) if line.sha256 == sha256), None)


@lru_cache(maxsize=32)
def _read(sha256: str, storage_name: str, filename: str) -> tuple[ReferenceBank | None, str]:
    """(bank, "") or (None, why it cannot be read). The bytes of a digest never change, so what was read is kept."""
    try:
        with evidences.open_stored(name=storage_name) as stream:
            return bank_from_json(stream.read(MAX_BANK_BYTES), filename), ""
    except (BadInputError, LostError, OSError) as error:
        return None, str(error)


def _line(
    bank: ReferenceBank | None, *, name: str, sha256: str, is_shipped: bool, size: int = 0, trouble: str = "",
    uuid: UUID | None = None, evidence: Evidence | None = None, system: AISystem | None = None,
    registered_by: User | None = None, registered_at: datetime | None = None,
) -> BankLine:  # fmt: skip
    count = len(bank.references) if bank else size
    stages, power = _measured(_Content(sha256, bank)) if bank else ((), ())
    return BankLine(
        name=name,
        sha256=sha256,
        is_shipped=is_shipped,
        references=count,
        smallest_p=resolution(count),
        family=bank.family if bank else None,
        power=power,
        stages=stages,
        models=bank.models if bank else (),
        trouble=trouble,
        uuid=uuid,
        evidence=evidence,
        system=system,
        registered_by=registered_by,
        registered_at=registered_at,
    )


@dataclass(frozen=True, slots=True)
class _Content:
    """A bank that is told from others by the SHA-256 of its bytes alone."""

    sha256: str
    bank: ReferenceBank = field(compare=False)


@lru_cache(maxsize=32)
def _measured(content: _Content) -> tuple[tuple[BankStage, ...], tuple[AttackPower, ...]]:
    """(stages, power of all together). Both follow from the bytes alone, and take a second of counting."""
    bank = content.bank
    settings = _settings(bank.references)
    stages = tuple(_stage(bank, stage, digest) for stage, digest in settings.items())
    return stages, _told(joint_power(bank, settings)) if settings else ()


def _settings(references: Sequence[BankedModel]) -> dict[str, str]:
    """Of each comparing stage, the settings with which most references were measured."""
    chosen = {}
    for stage in COMPARING:
        digests = Counter(row.stages[stage].settings_digest for row in references if stage in row.stages)
        if digests:
            chosen[stage] = digests.most_common(1)[0][0]
    return chosen


def _stage(bank: ReferenceBank, stage: str, digest: str) -> BankStage:
    measured = [row.stages[stage] for row in bank.references if stage in row.stages]
    alike = [row for row in measured if row.settings_digest == digest]
    return BankStage(
        title=label_of(stage),
        references=tuple(row.score for row in alike if row.score is not None),
        power=_told(stage_power(bank.planted, stage, digest, [row.scores for row in alike])),
        settings_digest=digest,
    )


def _told(rows: Sequence[Power]) -> tuple[AttackPower, ...]:
    """Power with its exact interval, as a calibration tells it."""
    return tuple(
        AttackPower(
            attack=row.attack,
            planted=row.planted,
            found=row.found,
            rate=Rate(estimate=row.rate, low=row.interval[0], high=row.interval[1], level=_LEVEL, n=row.planted),
        )
        for row in rows
    )
