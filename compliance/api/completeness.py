"""Endpoints of completeness: readings of the three figures with their lines, documents they stand on, comparisons of keys."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import EXPORT, ReadViewSet, asked_kind, exported
from compliance.api.serializers import PersonSerializer, UuidField
from compliance.selectors.completeness_page import integrity_of


class ReadingSerializer(serializers.ModelSerializer[m.CompletenessReading]):
    """One reading. integrity: the verdict with what auditors found since; that of the reading alone stands in its figures."""

    system = UuidField()
    integrity = serializers.SerializerMethodField()

    class Meta:
        model = m.CompletenessReading
        fields: ClassVar = [
            "uuid", "system", "period_start", "period_end", "as_of", "rule_version", "integrity", "figures", "limits",
            "stood_on", "rows_root", "outcome_sha256", "created_at",
        ]  # fmt: skip

    def get_integrity(self, reading: m.CompletenessReading) -> str:
        """One of compliance.types.completeness.Integrity."""
        return integrity_of(reading).verdict.value


class RowSerializer(serializers.ModelSerializer[m.CompletenessRow]):
    """One line of a figure."""

    class Meta:
        model = m.CompletenessRow
        fields: ClassVar = [
            "uuid", "n", "part", "state", "platform", "place", "name", "sentence", "starts_at", "ends_at", "facts",
        ]  # fmt: skip


class DocumentSerializer(serializers.ModelSerializer[m.PlatformDocument]):
    """A document of a platform, without its content."""

    system = UuidField()
    evidence = UuidField()

    class Meta:
        model = m.PlatformDocument
        fields: ClassVar = [
            "uuid", "system", "evidence", "kind", "platform", "scope", "taken_at", "dated_by", "locator", "fingerprint",
            "raw_sha256", "created_at",
        ]  # fmt: skip


class ComparisonSerializer(serializers.ModelSerializer[m.KeyComparison]):
    """That somebody compared a key."""

    system = UuidField()
    compared_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.KeyComparison
        fields: ClassVar = [
            "uuid", "system", "key_sha256", "region", "seen", "matches", "way", "compared_by", "created_at",
        ]  # fmt: skip


class ReadingViewSet(ReadViewSet):
    """Readings of completeness."""

    queryset = m.CompletenessReading.objects.select_related("system")
    serializer_class = ReadingSerializer
    filterset_fields = ("period_start", "period_end")

    @extend_schema(parameters=[EXPORT], responses=RowSerializer(many=True))
    @action(detail=True, methods=["get"], filterset_fields=())
    def rows(self, request: Request, uuid: str) -> Response | HttpResponseBase:
        """The lines of a reading, by page; `?part=` names one figure."""
        reading: m.CompletenessReading = self.get_object()
        lines: Any = reading.rows.order_by("n")
        if part := request.query_params.get("part"):
            lines = lines.filter(part=part)
        if kind := asked_kind(request):
            return exported(request, kind, RowSerializer(), lines)
        page = self.paginate_queryset(lines)
        return self.get_paginated_response(RowSerializer(page, many=True).data)


class DocumentViewSet(ReadViewSet):
    """Documents that readings of completeness stand on."""

    queryset = m.PlatformDocument.objects.select_related("system", "evidence").defer("content")
    serializer_class = DocumentSerializer
    filterset_fields = ("kind", "platform")


class ComparisonViewSet(ReadViewSet):
    """Comparisons of keys by auditors."""

    queryset = m.KeyComparison.objects.select_related("system", "compared_by")
    serializer_class = ComparisonSerializer
    filterset_fields = ("key_sha256",)
