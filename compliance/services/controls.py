"""The organisation's own controls: adopted from a reference control, changed by a new version."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import AISystem, ImplementedControl, ReferenceControl, User
from compliance.services import ledger
from compliance.services.errors import RefusedError


@transaction.atomic
def adopt(
    *,
    system: AISystem,
    reference: ReferenceControl,
    statement: str,
    owner: User,
    performer: str,
    frequency: str,
    scope: str,
    effective_from: date,
    actor: User,
) -> ImplementedControl:
    """Run a reference control as one's own on an AI system; adopting it again makes the next version."""
    if not statement.strip():
        raise RefusedError(_("Say in a statement what is done here; the reference text is only a template."))
    last = ImplementedControl.objects.filter(system=system, reference=reference).order_by("-version").first()
    control = ImplementedControl.objects.create(
        system=system,
        reference=reference,
        statement=statement,
        owner=owner,
        performer=performer,
        frequency=frequency or reference.frequency,
        scope=scope,
        nature=reference.nature,
        control_type=reference.control_type,
        is_key=reference.is_key,
        effective_from=effective_from,
        version=last.version + 1 if last else 1,
    )
    ledger.record(
        kind="control.adopted",
        subject=control,
        payload={"reference": reference.control_id, "version": control.version, "owner": str(owner.uuid)},
        actor=actor,
        system=system,
    )
    return control
