"""The terms of a control as an organisation runs it: what a version of it says. Frozen, no Django."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date
from enum import StrEnum

from compliance.types.drafts import JSON


class ControlNature(StrEnum):
    """By whom or what a control is performed."""

    MANUAL = "manual"
    AUTOMATED = "automated"
    IT_DEPENDENT = "it-dependent"


class ControlType(StrEnum):
    """What a control does about an error or attack."""

    PREVENTIVE = "preventive"
    DETECTIVE = "detective"
    CORRECTIVE = "corrective"


class ControlBasis(StrEnum):
    """How a control relates to its reference controls."""

    ADOPTED = "adopted"
    ADAPTED = "adapted"


class ControlAct(StrEnum):
    """What made a version."""

    ADOPTED = "adopted"
    CHANGED = "changed"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkId:
    """One requirement of a framework: the framework's key and the id as the framework writes it."""

    framework: str
    requirement: str

    def __str__(self) -> str:
        return f"{self.framework} {self.requirement}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTerms:
    """What a control says. control_id: the organisation's own, once per AI system; references: ids of reference controls.

    systems, accounts: what is in scope, as the organisation names it, e.g. "SageMaker" and "111122223333 eu-central-1".
    """

    control_id: str
    title: str
    basis: ControlBasis
    statement: str
    performer: str
    frequency: str
    scope: str
    systems: tuple[str, ...]
    accounts: tuple[str, ...]
    nature: ControlNature
    control_type: ControlType
    is_key: bool
    effective_from: date
    references: tuple[str, ...]
    requirements: tuple[FrameworkId, ...]

    def tidied(self) -> ControlTerms:
        """The same terms: blanks at the ends and lines said twice are gone, sets of ids are in order."""
        texts = {name: getattr(self, name).strip() for name in _TEXTS}
        return replace(
            self,
            **texts,
            systems=_once(self.systems),
            accounts=_once(self.accounts),
            references=tuple(sorted(set(self.references))),
            requirements=tuple(sorted(set(self.requirements), key=str)),
        )

    def to_json(self) -> JSON:
        """JSON-shaped: days as ISO text, tuples as lists, requirements as "framework id"."""
        told = asdict(self)
        lists = {name: list(told[name]) for name in ("systems", "accounts", "references")}
        return {
            **told,
            **lists,
            "effective_from": self.effective_from.isoformat(),
            "requirements": [str(one) for one in self.requirements],
        }


_TEXTS = ("control_id", "title", "statement", "performer", "frequency", "scope")


def _once(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
