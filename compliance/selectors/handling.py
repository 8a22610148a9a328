"""Handling labels as they count: a piece's own, else that of its AI system."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from compliance.models import AISystem, Evidence
from compliance.rights import Asker
from compliance.types.handling import RULES, HandlingLabel, HandlingRule, Recipient
from compliance.types.states import Role


def label_of(evidence: Evidence) -> HandlingLabel:
    """The label that counts."""
    own = HandlingLabel(evidence.handling)
    return own if own is not HandlingLabel.NONE else HandlingLabel(evidence.system.handling)


def region_of(evidence: Evidence) -> str:
    """The region to which a piece is bound: its own, else that of its AI system."""
    return evidence.region or evidence.system.region


def rule_of(evidence: Evidence) -> HandlingRule:
    """What the label asks for."""
    return RULES[label_of(evidence)]


def may_have(user: Asker, evidence: Evidence) -> bool:
    """Whether the label lets this person have the file. Whether they may download at all is the table of rights' affair."""
    role = getattr(user, "role", "")
    return bool(role) and Role(role) in rule_of(evidence).download


def is_anything_labelled(system: AISystem) -> bool:
    """Whether the system, or any evidence of it, carries a label."""
    labelled = system.evidence.exclude(handling=HandlingLabel.NONE)
    return system.handling != HandlingLabel.NONE or labelled.exists()


def left_out(uuids: Collection[str], recipient: Recipient) -> dict[str, HandlingLabel]:
    """Of these pieces, those of which a pack for the recipient may not speak, each with the label that says so."""
    rows = Evidence.objects.select_related("system").filter(uuid__in=[UUID(uuid) for uuid in uuids])
    return {
        str(row.uuid): label_of(row)
        for row in rows.order_by("pk")
        if not recipient.may_know_of(label_of(row), region=region_of(row))
    }
