"""Own controls in a freeze document. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

from django.db.models import Q

from compliance.models import Assessment, ControlTest, ImplementedControl
from compliance.selectors.control_test_page import ROWS, figures
from compliance.types import freeze as doc
from compliance.types.controls import ControlBasis
from compliance.types.freeze_controls import AuditorsTest
from compliance.types.testing import ControlTestConclusion, ControlTestKind
from compliance.types.verdicts import Conclusion


def _states(assessment: Assessment) -> dict[int, set[str]]:
    """By reference control: the states of the findings measured against it."""
    found: dict[int, set[str]] = {}
    for target, state in assessment.system.findings.order_by().values_list("target_id", "state").distinct():
        found.setdefault(target, set()).add(state)
    return found


def _conclusion(control: ImplementedControl, found: Mapping[int, set[str]]) -> Conclusion | None:
    states = {state for one in control.references.all() for state in found.get(one.pk, ())}
    if Conclusion.NOT_SATISFIED in states:
        return Conclusion.NOT_SATISFIED
    return Conclusion.SATISFIED if states else None


def _released(control: ImplementedControl, assessment: Assessment) -> list[AuditorsTest]:
    """What auditors released of a control, over days of the period; nothing else of theirs is ever frozen."""
    tests = ROWS.filter(
        control=control,
        released_at__isnull=False,
        period_start__lte=assessment.period_end,
        period_end__gte=assessment.period_start,
    )
    return [_told(test) for test in tests.order_by("released_at", "pk")]


def _told(test: ControlTest) -> AuditorsTest:
    found = figures(test)
    assert test.released_at is not None
    return AuditorsTest(
        uuid=str(test.uuid),
        engagement=test.engagement.title,
        kind=ControlTestKind(test.kind),
        procedure=test.procedure,
        period_start=test.period_start.isoformat(),
        period_end=test.period_end.isoformat(),
        conclusion=ControlTestConclusion(test.conclusion),
        statement=test.statement,
        population=test.population.count if test.population else None,
        root=test.population.root if test.population else "",
        seeds=[one.seed for one in test.samples.filter(extends=None) if one.seed],
        instances=found.instances,
        exceptions=found.exceptions,
        upper_limit=f"{found.limit:.1f}" if found.limit is not None else "",
        preparer=str(test.preparer),
        reviewer=str(test.reviewer),
        released_at=test.released_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def implemented_controls(assessment: Assessment) -> list[doc.ImplementedControl]:
    """Those that were run at any time from the first day of the period on, by own id."""
    found = _states(assessment)
    running = Q(retired_on=None) | Q(retired_on__gte=assessment.period_start)
    controls = assessment.system.controls.filter(running).select_related("owner")
    controls = controls.prefetch_related("references", "requirements__framework")
    return [
        doc.ImplementedControl(
            uuid=str(control.uuid),
            reference=[one.control_id for one in control.references.all()],
            title=control.title,
            statement=control.statement,
            owner=control.owner.name,
            performer=control.performer,
            frequency=control.frequency,
            scope=control.scope,
            nature=control.nature,
            kind=control.control_type,
            key=control.is_key,
            effective_from=control.effective_from.isoformat(),
            version=control.version,
            conclusion=_conclusion(control, found),
            control_id=control.control_id,
            basis=ControlBasis(control.basis),
            systems=control.systems,
            accounts=control.accounts,
            requirements=[str(one) for one in control.requirements.all()],
            retired_on=control.retired_on.isoformat() if control.retired_on else None,
            auditors_tests=_released(control, assessment),
        )
        for control in controls
    ]
