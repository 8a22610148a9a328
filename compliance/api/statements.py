"""Approved statements of applicability over the API, read only."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from compliance import models as m
from compliance.api.base import ReadViewSet
from compliance.api.serializers import PersonSerializer, UuidField


class StatementSerializer(serializers.ModelSerializer[m.StatementVersion]):
    """A statement of applicability as it was approved. system is null for that of the organisation."""

    framework = serializers.CharField(source="framework.key", read_only=True)
    system = UuidField()
    approved_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.StatementVersion
        fields: ClassVar = [
            "uuid",
            "framework",
            "system",
            "version",
            "lines",
            "sha256",
            "note",
            "approved_by",
            "created_at",
        ]


class StatementViewSet(ReadViewSet):
    """Approved statements of applicability."""

    queryset = m.StatementVersion.objects.select_related("framework", "system", "approved_by").order_by(
        "-created_at", "-pk"
    )
    serializer_class = StatementSerializer
    filterset_fields = ("framework__key", "system__uuid", "version")
