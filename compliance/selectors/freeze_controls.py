"""Own controls in a freeze document. Reads only."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from compliance.models import Assessment, Finding, ImplementedControl
from compliance.types import freeze as doc
from compliance.types.controls import ControlBasis
from compliance.types.verdicts import Conclusion


def _conclusion(control: ImplementedControl, findings: Iterable[Finding]) -> Conclusion | None:
    references = {one.pk for one in control.references.all()}
    states = {finding.state for finding in findings if finding.target_id in references}
    if Conclusion.NOT_SATISFIED in states:
        return Conclusion.NOT_SATISFIED
    return Conclusion.SATISFIED if states else None


def implemented_controls(assessment: Assessment, findings: Iterable[Finding]) -> list[doc.ImplementedControl]:
    """Those that were run at any time from the first day of the period on, by own id."""
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
            conclusion=_conclusion(control, findings),
            control_id=control.control_id,
            basis=ControlBasis(control.basis),
            systems=control.systems,
            accounts=control.accounts,
            requirements=[str(one) for one in control.requirements.all()],
            retired_on=control.retired_on.isoformat() if control.retired_on else None,
        )
        for control in controls
    ]
