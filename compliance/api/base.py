"""What every endpoint shares: scoped rows by uuid, verbs per method and action, scoped references in payloads."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.db.models import Model, QuerySet
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request

from compliance.models import User
from compliance.rights import Verb, systems_for, visible


def asker(request: Request) -> User:
    """The signed-in user behind a request that passed the gate."""
    return cast(User, request.user)


class ScopedViewSet(viewsets.GenericViewSet[Any]):
    """Rows that exist for the asker, found by uuid. `action_verbs` names the verb of each extra action."""

    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    verbs: ClassVar[dict[str, Verb]] = {"GET": Verb.VIEW}
    action_verbs: ClassVar[dict[str, Verb]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """An action with a verb of its own is guarded by that verb alone."""
        verb = self.action_verbs.get(self.action or "")
        if verb is not None:
            self.verbs = {str(request.method): verb}  # type: ignore[misc]  # this instance serves one request
        super().initial(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        """Only what is visible to the asker."""
        return visible(super().get_queryset(), asker(self.request))


class ReadViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ScopedViewSet):
    """List and detail."""


class ScopedReference(serializers.SlugRelatedField[Any]):
    """A reference by uuid that resolves only among rows visible to the asker: a foreign object is unknown."""

    def __init__(self, **options: Any) -> None:
        super().__init__(slug_field="uuid", **options)

    def get_queryset(self) -> QuerySet[Any]:
        """The visible rows of the declared queryset."""
        rows = cast("QuerySet[Model]", super().get_queryset())
        return visible(rows, asker(self.context["request"]))


class SystemReference(ScopedReference):
    """An AI system on which the asker may do the given verb; collectors name systems they cannot read."""

    def __init__(self, *, verb: Verb, **options: Any) -> None:
        self.verb = verb
        super().__init__(**options)

    def get_queryset(self) -> QuerySet[Any]:
        """Systems open to the asker for this verb."""
        return systems_for(asker(self.context["request"]), self.verb)
