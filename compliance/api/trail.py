"""The trail for other programs: who did what, newest first."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import rest_framework as filters  # type: ignore[import-untyped]
from rest_framework import serializers

from compliance import models as m
from compliance.api.base import ReadViewSet
from compliance.rights import Verb


class TrailFilter(filters.FilterSet):  # type: ignore[misc]  # the library ships no types
    """By kind, person, subject and day (UTC)."""

    kind = filters.CharFilter(field_name="event__kind", lookup_expr="startswith")
    actor = filters.UUIDFilter(field_name="actor__uuid")
    subject = filters.UUIDFilter(field_name="event__subject_uuid")
    since = filters.DateFilter(field_name="event__created_at", lookup_expr="date__gte")
    until = filters.DateFilter(field_name="event__created_at", lookup_expr="date__lte")

    class Meta:
        model = m.TrailEntry
        fields: ClassVar[list[str]] = []


class TrailSerializer(serializers.ModelSerializer[m.TrailEntry]):
    """One act. The payload holds ids and digests only; `token` in it names the token by which it was done."""

    uuid = serializers.UUIDField(source="event.uuid", read_only=True)
    at = serializers.DateTimeField(source="event.created_at", read_only=True)
    kind = serializers.CharField(source="event.kind", read_only=True)
    actor: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(slug_field="uuid", read_only=True)
    system: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(slug_field="uuid", read_only=True)
    subject_type = serializers.CharField(source="event.subject_type", read_only=True)
    subject = serializers.UUIDField(source="event.subject_uuid", read_only=True)
    payload = serializers.JSONField(read_only=True)
    payload_sha256 = serializers.CharField(source="event.payload_sha256", read_only=True)
    position = serializers.SerializerMethodField()

    class Meta:
        model = m.TrailEntry
        fields = (
            "uuid", "at", "kind", "actor", "system", "subject_type", "subject", "payload", "payload_sha256", "position",
        )  # fmt: skip

    def get_position(self, entry: m.TrailEntry) -> int | None:
        """Its place in the ledger; none until it is sealed."""
        return getattr(getattr(entry.event, "place", None), "position", None)


class TrailViewSet(ReadViewSet):
    """Every recorded act that the asker may see."""

    queryset = m.TrailEntry.objects.select_related("event__place", "actor", "system")
    serializer_class = TrailSerializer
    filterset_class = TrailFilter
    lookup_field = "event__uuid"
    lookup_url_kwarg = "uuid"
    verbs: ClassVar = {"GET": Verb.VIEW_TRAIL}
