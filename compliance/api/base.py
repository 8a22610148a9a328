"""What every endpoint shares: scoped rows by uuid, verbs per method and action, lists as files, scoped references."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, cast

from django.db.models import Model, QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from compliance.models import User
from compliance.rights import Verb, systems_for, visible
from compliance.selectors.table_files import About, Kind, Table, download

EXPORT = OpenApiParameter(
    "export",
    enum=list(Kind),
    description="All rows, filtered alike, as a file: a column for each field. Lists and objects in a cell are JSON.",
)
_NO_FILTERS = frozenset({"export", "page", "page_size"})


# What fields of requests share: a text that may be left out, and a value that may be absent.
TEXT: dict[str, Any] = {"required": False, "allow_blank": True, "default": "", "max_length": 20_000}
OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True, "default": None}


def asker(request: Request) -> User:
    """The signed-in user behind a request that passed the gate."""
    return cast(User, request.user)


def sent(shape: type[serializers.Serializer[dict[str, Any]]], request: Request, view: Any) -> dict[str, Any]:
    """What a request says, by its shape and the references that exist for the asker. Raises ValidationError."""
    payload = shape(data=request.data, context=view.get_serializer_context())
    payload.is_valid(raise_exception=True)
    given: dict[str, Any] = payload.validated_data
    return given


class ScopedViewSet(viewsets.GenericViewSet[Any]):
    """Rows that exist for the asker, found by uuid. `action_verbs` names the verb of each extra action."""

    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    keeps_count: ClassVar[bool] = False  # see compliance.api.pagination
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
    """List and detail; `?export=` gives a list as a file."""

    @extend_schema(parameters=[EXPORT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:  # the class describes the endpoint
        kind = asked_kind(request)
        if kind is None:
            return super().list(request, *args, **kwargs)
        return exported(request, kind, self.get_serializer(), self.filter_queryset(self.get_queryset()))


def asked_kind(request: Request) -> Kind | None:
    """The form of file that `?export=` names; None where it is absent."""
    asked = request.query_params.get("export")
    if asked is None:
        return None
    if asked not in set(Kind):
        raise serializers.ValidationError({"export": f"Lists are exported as {' or '.join(Kind)}."})
    return Kind(asked)


def exported(
    request: Request, kind: Kind, shape: serializers.BaseSerializer[Any], records: Iterable[Any]
) -> HttpResponseBase:
    """All records as a file, one column for each field of their shape."""
    assert isinstance(shape, serializers.Serializer)  # every list has fields
    title = type(shape).__name__.removesuffix("Serializer")
    table = Table(name=title.lower(), title=title, heads=list(shape.fields), rows=_rows(shape, records))
    filters = tuple((name, str(value)) for name, value in request.query_params.items() if name not in _NO_FILTERS)
    about = About(filters=filters, asked_by=str(asker(request)), asked_at=timezone.now())
    return download(kind, table, about)


def _rows(shape: serializers.Serializer[Any], records: Iterable[Any]) -> Iterator[tuple[object, ...]]:
    read = records.iterator(chunk_size=500) if isinstance(records, QuerySet) else records
    for record in read:
        shown = shape.to_representation(record)
        yield tuple(_cell(field, shown[name]) for name, field in shape.fields.items())


def _cell(field: serializers.Field[Any, Any, Any, Any], value: object) -> object:
    """A value as it stands in a table: times as times, lists and objects as JSON."""
    if isinstance(value, str) and isinstance(field, serializers.DateTimeField):
        return parse_datetime(value)
    if isinstance(value, str) and isinstance(field, serializers.DateField):
        return parse_date(value)
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, cls=JSONEncoder, ensure_ascii=False, sort_keys=True) if value else ""
    return value


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
