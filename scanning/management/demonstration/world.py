"""What the steps of the demonstration hand to each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from compliance.models import AISystem, Evidence, Finding, ModelVersion, User
from compliance.types.drafts import JSON, Progress
from scanning.management.demonstration import texts

OnProgress = Callable[[Progress], None]


@dataclass(slots=True)
class World:
    """What the steps hand to each other."""

    people: dict[str, User] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    versions: dict[str, ModelVersion] = field(default_factory=dict)
    gaps: dict[str, Finding] = field(default_factory=dict)
    models: JSON = field(default_factory=dict)

    @property
    def system(self) -> AISystem:
        """The demonstration's AI system."""
        return AISystem.objects.get(name=texts.SYSTEM)
