"""Starting the checks on job events."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.urls import path
from django.utils.translation import gettext as _

from compliance.models import AISystem
from compliance.rights import Verb, systems_for
from compliance.services.errors import RefusedError
from compliance.web.base import Request, guarded, refuse, say, uuid_of
from scanning.services import checks
from scanning.web.answers import see_other


@guarded(Verb.RUN_CHECKS, methods=("POST",))
def check_start(request: Request) -> HttpResponseBase:
    """Queue all checks on the events of the system that the form names."""
    named = request.POST.get("system", "")
    systems: list[AISystem] = (
        list(systems_for(request.user, Verb.RUN_CHECKS).filter(uuid=uuid_of(named))) if named else []
    )
    if not systems:
        refuse(request, RefusedError(_("Choose the AI system whose events are to be checked.")))
    else:
        checks.request(system=systems[0], actor=request.user)
        say(request, _("The checks are queued. Their result appears here when they are done."))
    return see_other("check-list")


urls = [path("checks/start/", check_start, name="check-start")]
