"""The gate in front of every endpoint: a view names the verb of each method, and the table decides."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from compliance.rights import Verb, may


class MayUseVerb(BasePermission):
    """A view declares `verbs = {"GET": Verb.VIEW, ...}`; a method without a verb is refused."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Deny by default: no declared verb, no access."""
        verbs: dict[str, Verb] = getattr(view, "verbs", {})
        verb = verbs.get("GET" if request.method in {"HEAD", "OPTIONS"} else str(request.method))
        return verb is not None and may(request.user, verb)
