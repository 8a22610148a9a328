"""The risk-and-control matrix of an AI system: each technique, the controls against it, what became of them. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, Max, Prefetch

from compliance.models import (
    AISystem,
    AuditQuestion,
    ControlRequirement,
    Finding,
    ImplementedControl,
    MappingPair,
    ReferenceControl,
    Technique,
)
from compliance.rights import Asker, visible
from compliance.selectors.coverage import subtechniques_of
from compliance.selectors.kept import kept, record_mark, seen_by
from compliance.types.states import MappingState
from compliance.types.verdicts import Conclusion


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One risk and one control against it. control: None where no own control rests on the reference control.

    questions: numbers of the technique; ids: of frameworks, by approved pairs and the organisation's own words; last_test:
    when the newest test under the reference control was seen; conclusion: what it ended with, and not satisfied for as long
    as any finding is open; both None where none was made.
    """

    technique: Technique
    reference: ReferenceControl
    control: ImplementedControl | None
    questions: tuple[int, ...]
    ids: tuple[str, ...]
    last_test: datetime | None
    conclusion: Conclusion | None
    open_findings: int


def control_matrix(system: AISystem, technique: Technique, user: Asker) -> tuple[MatrixRow, ...]:
    """Rows by sub-technique, reference control and own control; seven queries, whatever their number."""
    risks = subtechniques_of(technique)
    asked = AuditQuestion.objects.filter(technique=technique)
    pairs = MappingPair.objects.filter(state=MappingState.APPROVED).select_related("framework")
    references = ReferenceControl.objects.exclude(facts__has_key="retired").prefetch_related(
        "techniques", Prefetch("questions", queryset=asked), Prefetch("pairs", queryset=pairs)
    )
    own = _own(system, user)
    findings = kept(f"matrix|{system.pk}|{seen_by(user)}", lambda: _findings(system, user), mark=record_mark())
    return tuple(
        row
        for risk in risks
        for reference in references
        if {risk.pk, technique.pk} & {one.pk for one in reference.techniques.all()}
        for row in _rows(risk, reference, own.get(reference.pk, ()), findings.get(reference.pk, ()))
    )


def _own(system: AISystem, user: Asker) -> dict[int, list[ImplementedControl]]:
    """Own controls in force, by reference control."""
    named = ControlRequirement.objects.select_related("framework")
    rows = visible(ImplementedControl.objects.filter(system=system, retired_on=None), user).select_related("owner")
    found: defaultdict[int, list[ImplementedControl]] = defaultdict(list)
    for control in rows.prefetch_related("references", Prefetch("requirements", queryset=named)):
        for reference in control.references.all():
            found[reference.pk].append(control)
    return found


class _Seen(NamedTuple):
    """Findings under one reference control that speak of the same techniques and ended alike."""

    target: int
    techniques: list[str]
    state: str
    findings: int
    last: datetime


def _findings(system: AISystem, user: Asker) -> dict[int, list[_Seen]]:
    """Findings by reference control, counted by the database, the newest first."""
    rows = visible(Finding.objects.filter(system=system), user).order_by()
    counted = rows.values_list("target", "techniques", "state").annotate(count=Count("pk"), last=Max("last_seen_at"))
    found: defaultdict[int, list[_Seen]] = defaultdict(list)
    for seen in sorted((_Seen(*row) for row in counted), key=lambda seen: seen.last, reverse=True):
        found[seen.target].append(seen)
    return found


def _rows(
    risk: Technique, reference: ReferenceControl, own: Iterable[ImplementedControl], findings: Iterable[_Seen]
) -> Iterable[MatrixRow]:
    """A row for each own control, or one that says that there is none."""
    spoken = [one for one in findings if not one.techniques or risk.atlas_id in one.techniques]
    standing = [one for one in spoken if one.state == Conclusion.NOT_SATISFIED]
    by_mapping = {f"{pair.framework.key} {pair.requirement_id}" for pair in reference.pairs.all()}
    run: list[ImplementedControl | None] = [*own]
    for control in run or [None]:
        ids = by_mapping | ({str(one) for one in control.requirements.all()} if control else set())
        yield MatrixRow(
            technique=risk,
            reference=reference,
            control=control,
            questions=tuple(question.number for question in reference.questions.all()),
            ids=tuple(sorted(ids)),
            last_test=spoken[0].last if spoken else None,
            conclusion=Conclusion((standing or spoken)[0].state) if spoken else None,
            open_findings=sum(one.findings for one in standing),
        )
