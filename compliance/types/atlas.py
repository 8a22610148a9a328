"""One content release of MITRE ATLAS as frozen values, whatever the format of its file, and what two releases differ in."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class AtlasTechnique:
    """A technique or sub-technique. tactics: a sub-technique without any has those of its parent; summary: plain text.

    identity: the object's own uuid in format 6, which outlives a new id; "" in format 5.
    """

    id: str
    name: str
    parent: str
    tactics: tuple[str, ...]
    mitigations: tuple[str, ...]
    maturity: str
    summary: str
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AtlasMitigation:
    """A mitigation; what it is linked to stands with the techniques."""

    id: str
    name: str
    summary: str
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AtlasCaseStudy:
    """A case study. kind: "exercise" or "incident", "" where the file does not say; techniques: those it employs."""

    id: str
    name: str
    kind: str
    date: str
    techniques: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AtlasContent:
    """A release. version: of the content ("2026.10", or "5.6.0" before May 2026); format: of the file ("6.1.0").

    sha256: of the file's bytes; tactics: id -> name; all in the order of the file, tactics and techniques by id.
    """

    version: str
    format: str
    sha256: str
    tactics: dict[str, str]
    techniques: tuple[AtlasTechnique, ...]
    mitigations: tuple[AtlasMitigation, ...]
    case_studies: tuple[AtlasCaseStudy, ...]

    def as_json(self) -> dict[str, Any]:
        """What is kept of a release: everything here."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> AtlasContent:
        """A release as it was kept."""
        return cls(
            version=kept["version"],
            format=kept["format"],
            sha256=kept["sha256"],
            tactics=dict(kept["tactics"]),
            techniques=tuple(
                AtlasTechnique(**{**one, "tactics": tuple(one["tactics"]), "mitigations": tuple(one["mitigations"])})
                for one in kept["techniques"]
            ),
            mitigations=tuple(AtlasMitigation(**one) for one in kept["mitigations"]),
            case_studies=tuple(
                AtlasCaseStudy(**{**one, "techniques": tuple(one["techniques"])}) for one in kept["case_studies"]
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AtlasChange:
    """One difference. kind: added, removed, replaced, renamed or relinked; subject: tactic, technique, mitigation, case_study.

    field: parent, tactics, mitigations or techniques where relinked. after: the new id where replaced.
    """

    kind: str
    subject: str
    id: str
    field: str = ""
    before: str = ""
    after: str = ""


def release_order(version: str) -> tuple[int, ...]:
    """Sorts releases by age: content versions (2026.10) come after the file versions before them (5.6.0)."""
    return tuple(int(number) for number in re.findall(r"\d+", version))
