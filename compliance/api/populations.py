"""Endpoints of populations; one exists for the organisation once a test of it is released."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import OPTIONAL, TEXT, ReadViewSet, ScopedReference, asker, sent
from compliance.api.serializers import PersonSerializer, UuidField
from compliance.choices import choices
from compliance.rights import Verb
from compliance.services import populations
from compliance.services.populations import PopulationDraft
from compliance.types.drafts import JSON
from compliance.types.testing import PopulationKind


class PopulationSerializer(serializers.ModelSerializer[m.Population]):
    """A population: what it is made of, its count and root."""

    engagement = UuidField()
    system = UuidField()
    made_by = PersonSerializer(read_only=True)
    agrees = serializers.BooleanField(read_only=True, allow_null=True)

    class Meta:
        model = m.Population
        fields: ClassVar = [
            "uuid", "engagement", "system", "title", "kind", "filters", "period_start", "period_end", "stratify_by",
            "source_name", "source_sha256", "stated_count", "total_column", "stated_total", "count", "root", "sha256",
            "total", "strata", "agrees", "frozen_at", "made_by", "created_at",
        ]  # fmt: skip


class PopulationRequest(serializers.Serializer[JSON]):
    """A population of records held, or of a list that is sent along."""

    engagement = ScopedReference(queryset=m.Engagement.objects.all())
    system = ScopedReference(queryset=m.AISystem.objects.all())
    title = serializers.CharField(max_length=200)
    kind = serializers.ChoiceField(choices=choices(PopulationKind))
    period_start = serializers.DateField()
    period_end = serializers.DateField()
    filters = serializers.DictField(child=serializers.CharField(max_length=200), required=False, default=dict)
    stratify_by = serializers.CharField(**{**TEXT, "max_length": 100})
    file = serializers.FileField(required=False, default=None)
    stated_count = serializers.IntegerField(**OPTIONAL, min_value=0, max_value=2**53)
    total_column = serializers.CharField(**{**TEXT, "max_length": 100})
    stated_total = serializers.CharField(**{**TEXT, "max_length": 100})


class PopulationViewSet(ReadViewSet):
    """Populations."""

    queryset = m.Population.objects.select_related("engagement", "system", "made_by").order_by("-created_at", "-pk")
    serializer_class = PopulationSerializer
    filterset_fields: ClassVar = {"engagement__uuid": ["exact"], "system__uuid": ["exact"], "kind": ["exact"]}
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.TEST_CONTROLS}

    @extend_schema(request=PopulationRequest, responses={202: PopulationSerializer})
    def create(self, request: Request) -> Response:
        """Define a population; a job counts and freezes it."""
        given = sent(PopulationRequest, request, self)
        engagement, system, upload = (given.pop(name) for name in ("engagement", "system", "file"))
        draft = PopulationDraft(
            **{**given, "kind": PopulationKind(given["kind"])},
            stream=upload.file if upload else None,
            filename=upload.name if upload else "",
        )
        population = populations.define(engagement=engagement, system=system, draft=draft, actor=asker(request))
        return Response(PopulationSerializer(population).data, status=status.HTTP_202_ACCEPTED)
