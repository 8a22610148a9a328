"""Reading the completeness of a job log anew."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.urls import path
from django.utils.translation import gettext as _

from compliance.models import AISystem
from compliance.rights import Verb, systems_for
from compliance.services.errors import RefusedError
from compliance.web.base import Request, guarded, refuse, say, uuid_of
from scanning.services import completeness
from scanning.web.answers import see_other


@guarded(Verb.RUN_CHECKS, methods=("POST",))
def completeness_read(request: Request) -> HttpResponseBase:
    """Queue a reading for the system that the form names."""
    named = request.POST.get("system", "")
    systems: list[AISystem] = (
        list(systems_for(request.user, Verb.RUN_CHECKS).filter(uuid=uuid_of(named))) if named else []
    )
    if not systems:
        refuse(request, RefusedError(_("Choose the AI system whose job log is to be read.")))
    else:
        completeness.request(system=systems[0], actor=request.user)
        say(
            request, _("The reading is queued. It appears here when it is done, unless it says what the last one said.")
        )
    return see_other("completeness")


urls = [path("completeness/read/", completeness_read, name="completeness-read")]
