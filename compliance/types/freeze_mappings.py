"""Mappings in a freeze: every pair of a reference control and a requirement as it was decided when it was frozen."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypedDict

from compliance.types.freeze_answers import FigureRule, PreAuditLine
from compliance.types.freeze_audit import AuditAdditions, audit_fault
from compliance.types.freeze_completeness import Completeness, completeness_fault
from compliance.types.freeze_risks import FrozenClosing, FrozenWaiver
from compliance.types.freeze_suppliers import Suppliers
from compliance.types.shape import Named, UtcTime, Uuid
from compliance.types.states import MappingState


class MappedFramework(TypedDict):
    """A framework that a pair names. `edition` may be empty."""

    key: str
    title: str
    edition: str
    licence: str


class MappedPair(TypedDict):
    """One pair. kind: "control", "article", "clause", "task", "risk", or empty; decided_by: name and role, or empty.

    A draft is kept here so that it is seen as one; only approved pairs are ever counted.
    """

    uuid: Uuid
    control: str
    framework: str
    requirement: str
    kind: str
    relation: str
    strength: str
    rationale: str
    checked: str
    state: MappingState
    decided_by: Named
    decided_at: UtcTime | None


class Mappings(TypedDict):
    """Frameworks by key, then pairs by control, framework and requirement."""

    frameworks: list[MappedFramework]
    pairs: list[MappedPair]


class FreezeAdditions(AuditAdditions, total=False):
    """What freezes learned to hold later, absent from older ones."""

    mappings: Mappings
    completeness: Completeness
    figure_rules: list[FigureRule]
    pre_audit: list[PreAuditLine]
    suppliers: Suppliers
    closings: Collection[FrozenClosing]
    waivers: list[FrozenWaiver]


def fault_of(mappings: Mappings, controls: set[str]) -> str:
    """What does not hold in them, in words; "" where all does. `controls`: ids of the reference controls of the freeze."""
    frameworks = {framework["key"] for framework in mappings["frameworks"]}
    seen: set[str] = set()
    for pair in mappings["pairs"]:
        if pair["uuid"] in seen:
            return f"mappings: the uuid {pair['uuid']} is there twice"
        if pair["control"] not in controls or pair["framework"] not in frameworks:
            return f"mappings: {pair['uuid']} names a control or framework that is not in the document"
        seen.add(pair["uuid"])
    return ""


def additions_fault(added: FreezeAdditions, controls: set[str], items: set[str]) -> str:
    """What does not hold in any of the additions, in words; "" where all does. The sets: as in `fault_of` and `audit_fault`."""
    fault = fault_of(added["mappings"], controls) if "mappings" in added else ""
    fault = fault or audit_fault(added, items)
    return fault or (completeness_fault(added["completeness"]) if "completeness" in added else "")
