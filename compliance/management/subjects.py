"""Records that a person names on the command line."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from compliance.models import Assessment, Principal, User
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


def find_person(wanted: str) -> User | Principal:
    """A user by e-mail address, or somebody whom logs name by identifier or pseudonym. Raises RefusedError."""
    found = (
        User.objects.filter(email=wanted.lower()).first()
        or Principal.objects.filter(identifier=wanted).first()
        or Principal.objects.filter(pseudonym=wanted.lower()).first()
    )
    if found is None:
        raise RefusedError(_("Nobody with the address, identifier or pseudonym “%s” is on record.") % wanted)
    return found
