"""The gate in front of every endpoint: a view names the verb of each method, and the table decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from compliance.rights import Verb, may

if TYPE_CHECKING:  # rest_framework.views loads this module by name while it is itself being loaded
    from rest_framework.views import APIView


class MayUseVerb(BasePermission):
    """A view declares `verbs = {"GET": Verb.VIEW, ...}`; a method without a verb is refused."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Deny by default: no declared verb, no access."""
        verbs: dict[str, Verb] = getattr(view, "verbs", {})
        verb = verbs.get("GET" if request.method in {"HEAD", "OPTIONS"} else str(request.method))
        return verb is not None and may(request.user, verb)
