"""A framework's requirements as an OSCAL catalogue or profile gives them: ids and titles, no text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One control of a catalogue. id: as people write it ("AC-2(7)"); oscal_id: as OSCAL does ("ac-2.7").

    parent: the id of the control that it enhances, or ""; title: "" where the licence does not let it be kept.
    """

    id: str
    oscal_id: str
    title: str
    parent: str
    is_withdrawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkContent:
    """What a file brings. model: "catalog" or "profile"; sources: SHA-256 of each file by its name, this file included."""

    title: str
    version: str
    oscal_version: str
    model: str
    sha256: str
    sources: dict[str, str]
    requirements: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementChange:
    """One difference between two imports of a framework. kind: added, removed, renamed, withdrawn or reinstated."""

    kind: str
    id: str
    before: str = ""
    after: str = ""
