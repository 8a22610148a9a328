"""The mappings of a freeze document. Reads only."""

from __future__ import annotations

from datetime import UTC

from compliance.choices import label
from compliance.models import Framework, MappingPair
from compliance.types.freeze_mappings import MappedFramework, MappedPair, Mappings
from compliance.types.states import MappingState, Role


def mappings() -> Mappings:
    """Every pair that the catalogue has, by control, framework and requirement, and the frameworks that they name."""
    pairs = list(
        MappingPair.objects.select_related("control", "framework", "decided_by").order_by(
            "control__control_id", "framework__key", "requirement_id"
        )
    )
    named = {pair.framework.key: pair.framework for pair in pairs}
    return Mappings(frameworks=[_framework(named[key]) for key in sorted(named)], pairs=[_pair(pair) for pair in pairs])


def _framework(framework: Framework) -> MappedFramework:
    return MappedFramework(
        key=framework.key,
        title=framework.title,
        edition=str(framework.facts.get("edition", "")),
        licence=framework.licence,
    )


def _pair(pair: MappingPair) -> MappedPair:
    person, moment = pair.decided_by, pair.decided_at
    return MappedPair(
        uuid=str(pair.uuid),
        control=pair.control.control_id,
        framework=pair.framework.key,
        requirement=pair.requirement_id,
        kind=str(pair.facts.get("kind", "")),
        relation=pair.relation,
        strength=pair.strength,
        rationale=pair.rationale,
        checked=pair.checked,
        state=MappingState(pair.state),
        decided_by=f"{person.name}, {label(Role(person.role))}" if person else "",
        decided_at=moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None,
    )
