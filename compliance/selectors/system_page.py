"""One AI system against frameworks: which evidence is relevant for which requirement, and which requirement applies.

Only approved pairs and the organisation's own words count; drafts are told apart. What does not apply to the system is
neither a gap nor counted. Reads only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q

from compliance.models import AISystem, Finding, Framework, ImplementedControl, MappingPair
from compliance.selectors.kept import kept, record_mark
from compliance.types.applicability import Applicability, Applies, Standing, applicability
from compliance.types.states import EvidenceState, MappingState
from compliance.types.verdicts import Conclusion

_STRONGEST_FIRST = (Applies.APPLIES, Applies.NOT_YET, Applies.NOT_ASSESSED, Applies.DOES_NOT_APPLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementLine:
    """One id of a framework on one system. pairs: approved; drafts: how many are not; controls: own ones in force.

    evidence: accepted pieces attached to those controls; open_findings: on the reference controls of the approved pairs.
    """

    framework: Framework
    requirement_id: str
    applies: Applicability
    pairs: tuple[MappingPair, ...]
    drafts: int
    controls: tuple[ImplementedControl, ...]
    evidence: int
    open_findings: int

    @property
    def counts(self) -> bool:
        """It applies now, and somebody approved that it is relevant."""
        return self.applies.state is Applies.APPLIES and bool(self.pairs or self.controls)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkLine:
    """Figures of one framework on one system, over ids that apply and for which something is approved."""

    framework: Framework
    relevant: int
    with_control: int
    with_evidence: int
    drafts_only: int
    later: int
    does_not_apply: int
    not_assessed: int


class _Held:
    """What a system has: its own controls, their evidence, and the open findings, each read once."""

    def __init__(self, system: AISystem) -> None:
        accepted = Count("evidence_links", filter=Q(evidence_links__evidence__state=EvidenceState.ACCEPTED))
        rows = ImplementedControl.objects.filter(system=system, retired_on=None).select_related("owner", "system")
        self.by_reference: defaultdict[int, list[ImplementedControl]] = defaultdict(list)
        self.by_requirement: defaultdict[tuple[int, str], list[ImplementedControl]] = defaultdict(list)
        self.evidence: dict[int, int] = {}
        for control in rows.annotate(accepted=accepted).prefetch_related("references", "requirements"):
            self.evidence[control.pk] = control.accepted
            for reference in control.references.all():
                self.by_reference[reference.pk].append(control)
            for one in control.requirements.all():
                self.by_requirement[one.framework_id, one.requirement_id].append(control)
        findings = Finding.objects.filter(system=system, state=Conclusion.NOT_SATISFIED).order_by()
        counted = findings.values_list("target").annotate(n=Count("*"))
        self.findings: dict[int, int] = kept(f"open by control|{system.pk}", lambda: dict(counted), mark=record_mark())


def requirement_lines(system: AISystem, *, on: date, framework: Framework | None = None) -> tuple[RequirementLine, ...]:
    """Every id that a pair or an own control names, by framework and id; of one framework, or of all."""
    held, standing = _Held(system), system.standing
    pairs = MappingPair.objects.filter(state__in=[MappingState.APPROVED, MappingState.DRAFT])
    pairs = pairs.select_related("control", "framework")
    grouped: defaultdict[tuple[int, str], list[MappingPair]] = defaultdict(list)
    for pair in pairs.filter(framework=framework) if framework else pairs:
        grouped[pair.framework_id, pair.requirement_id].append(pair)
    named = [key for key in held.by_requirement if framework is None or key[0] == framework.pk]
    frameworks = Framework.objects.in_bulk({key[0] for key in (*grouped, *named)})
    lines = [_line(frameworks[key[0]], key[1], grouped.get(key, []), held, standing, on) for key in {*grouped, *named}]
    return tuple(sorted(lines, key=lambda line: (line.framework.title, _natural(line.requirement_id))))


def _natural(text: str) -> list[tuple[int, str]]:
    """Sorts 6.2.8 before 6.2.10."""
    parts = text.replace("(", ".").replace(")", "").replace("-", ".").split(".")
    return [(int(part), "") if part.isascii() and part.isdigit() else (0, part) for part in parts]


def _line(
    framework: Framework, requirement: str, pairs: list[MappingPair], held: _Held, standing: Standing, on: date
) -> RequirementLine:
    approved = [pair for pair in pairs if pair.state == MappingState.APPROVED]
    own = {control.pk: control for control in held.by_requirement.get((framework.pk, requirement), ())}
    for pair in approved:
        own |= {control.pk: control for control in held.by_reference.get(pair.control_id, ())}
    return RequirementLine(
        framework=framework,
        requirement_id=requirement,
        applies=_strongest(pairs, standing, on),
        pairs=tuple(approved),
        drafts=len(pairs) - len(approved),
        controls=tuple(sorted(own.values(), key=lambda control: control.control_id)),
        evidence=sum(held.evidence[pk] for pk in own),
        open_findings=sum(held.findings.get(key, 0) for key in {pair.control_id for pair in approved}),
    )


def _strongest(pairs: Iterable[MappingPair], standing: Standing, on: date) -> Applicability:
    """The strongest that any pair says; of an id that only an own control names, that it applies."""
    said = [
        applicability(str(pair.facts.get("applies_to", "")), pair.facts.get("applies_from") or {}, standing, on=on)
        for pair in pairs
    ]
    ranked = sorted(said, key=lambda one: _STRONGEST_FIRST.index(one.state))
    return ranked[0] if ranked else Applicability(state=Applies.APPLIES)


def framework_lines(lines: Iterable[RequirementLine]) -> tuple[FrameworkLine, ...]:
    """The figures of each framework, in the order of the lines."""
    grouped: dict[int, list[RequirementLine]] = {}
    for line in lines:
        grouped.setdefault(line.framework.pk, []).append(line)
    return tuple(_figures(of_one) for of_one in grouped.values())


def _figures(lines: list[RequirementLine]) -> FrameworkLine:
    counting = [line for line in lines if line.counts]
    states = [line.applies.state for line in lines]
    return FrameworkLine(
        framework=lines[0].framework,
        relevant=len(counting),
        with_control=sum(bool(line.controls) for line in counting),
        with_evidence=sum(line.evidence > 0 for line in counting),
        drafts_only=sum(line.drafts > 0 and not line.pairs for line in lines),
        later=states.count(Applies.NOT_YET),
        does_not_apply=states.count(Applies.DOES_NOT_APPLY),
        not_assessed=states.count(Applies.NOT_ASSESSED),
    )
