"""Records that a person names on the command line."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from compliance.models import Assessment
from compliance.services.errors import RefusedError


def find_assessment(wanted: str) -> Assessment:
    """An assessment by uuid or by its whole title. Raises RefusedError where there is none, or more than one."""
    rows = Assessment.objects.select_related("system", "technique", "opened_by")
    try:
        by = {"uuid": UUID(wanted)}
    except ValueError:
        matching = list(rows.filter(title=wanted)[:2])
        if len(matching) == 1:
            return matching[0]
        reason = _("There is no assessment “%s”; give its uuid or whole title.")
        if matching:
            reason = _("Several assessments are called “%s”; give the uuid.")
        raise RefusedError(reason % wanted) from None
    found = rows.filter(**by).first()
    if found is None:
        raise RefusedError(_("There is no assessment with the uuid %s.") % wanted)
    return found
