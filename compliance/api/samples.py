"""Endpoints of samples and their instances: draws stay on record; instances are tested, voided and replaced."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import OPTIONAL, TEXT, ReadViewSet, ScopedReference, asker, sent
from compliance.api.serializers import PersonSerializer, UuidField
from compliance.choices import choices
from compliance.rights import Verb
from compliance.services import samples
from compliance.services.samples import ResultDraft
from compliance.types.drafts import JSON
from compliance.types.testing import InstanceResult, Selection, SourceCheck

_RATE: dict[str, Any] = {
    **OPTIONAL,
    "max_digits": 6,
    "decimal_places": 5,
    "min_value": Decimal(0),
    "max_value": Decimal(1),
}


class DrawRequest(serializers.Serializer[JSON]):
    """Which rows, and how many. Rates and confidence lie between 0 and 1."""

    selection = serializers.ChoiceField(choices=choices(Selection))
    seed = serializers.CharField(**{**TEXT, "max_length": 64})
    confidence = serializers.DecimalField(**_RATE)
    tolerable = serializers.DecimalField(**_RATE)
    expected = serializers.IntegerField(**OPTIONAL, min_value=0, max_value=200)
    expected_rate = serializers.DecimalField(**_RATE)
    size = serializers.IntegerField(**OPTIONAL, min_value=1, max_value=100_000)
    sizes = serializers.DictField(child=serializers.IntegerField(min_value=0, max_value=100_000), **OPTIONAL)
    frequency = serializers.CharField(**{**TEXT, "max_length": 64})
    rows = serializers.ListField(
        child=serializers.CharField(max_length=300), required=False, default=list, max_length=10_000
    )
    reason = serializers.CharField(**{**TEXT, "max_length": 5_000})


class SampleSerializer(serializers.ModelSerializer[m.Sample]):
    """One draw, with its seed."""

    test = UuidField()
    population = UuidField()
    extends = UuidField()
    size = serializers.IntegerField(read_only=True)
    drawn_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.Sample
        fields: ClassVar = [
            "uuid", "test", "population", "number", "extends", "selection", "seed", "sizes", "size", "plan", "reason",
            "drawn_by", "created_at",
        ]  # fmt: skip


class ExtendRequest(serializers.Serializer[JSON]):
    """Further rows of the same ranking, by stratum; without strata under the empty name."""

    sizes = serializers.DictField(child=serializers.IntegerField(min_value=0, max_value=100_000))
    reason = serializers.CharField(max_length=5_000)


class SampleViewSet(ReadViewSet):
    """Draws with their seeds; none is ever taken away."""

    queryset = m.Sample.objects.select_related("test", "population", "extends", "drawn_by").order_by(
        "-created_at", "-pk"
    )
    serializer_class = SampleSerializer
    filterset_fields: ClassVar = {"test__uuid": ["exact"], "population__uuid": ["exact"]}


class ResultSerializer(serializers.ModelSerializer[m.AttributeResult]):
    """What one attribute showed."""

    evidence = UuidField()
    decided_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.AttributeResult
        fields: ClassVar = ["uuid", "attribute", "result", "note", "evidence", "decided_by", "decided_at"]


class SampledInstanceSerializer(serializers.ModelSerializer[m.SampledInstance]):
    """One row of a sample with its copy and results."""

    test = UuidField()
    sample = UuidField()
    replaces = UuidField()
    results = ResultSerializer(many=True, read_only=True)

    class Meta:
        model = m.SampledInstance
        fields: ClassVar = [
            "uuid", "test", "sample", "stratum", "rank", "row_id", "row", "replaces", "voided_at", "void_reason",
            "source_check", "source_note", "source_checked_at", "results",
        ]  # fmt: skip


class ResultRequest(serializers.Serializer[JSON]):
    """What one attribute showed."""

    attribute = serializers.CharField(max_length=8)
    result = serializers.ChoiceField(choices=choices(InstanceResult))
    note = serializers.CharField(**{**TEXT, "max_length": 5_000})
    evidence = ScopedReference(queryset=m.Evidence.objects.all(), **OPTIONAL)


class ResultsRequest(serializers.Serializer[JSON]):
    """Results of one instance; `source_check` says that it was held against the source."""

    results = ResultRequest(many=True)
    source_check = serializers.ChoiceField(choices=choices(SourceCheck), required=False, allow_null=True, default=None)
    source_note = serializers.CharField(**{**TEXT, "max_length": 5_000})


class AddInstanceRequest(serializers.Serializer[JSON]):
    """An instance that the auditor names, as a walkthrough follows one."""

    name = serializers.CharField(max_length=300)
    description = serializers.CharField(max_length=5_000)


class VoidRequest(serializers.Serializer[JSON]):
    """Why an instance is taken out of its sample."""

    reason = serializers.CharField(max_length=5_000)


class VoidedSerializer(serializers.Serializer[JSON]):
    """The voided instance, and the next of its ranking in its place; none at the end of a ranking, or without a seed."""

    voided = SampledInstanceSerializer()
    successor = SampledInstanceSerializer(allow_null=True)


class SampledInstanceViewSet(ReadViewSet):
    """Instances of samples."""

    queryset = m.SampledInstance.objects.select_related("test", "sample", "replaces").prefetch_related(
        "results__decided_by", "results__evidence"
    )
    serializer_class = SampledInstanceSerializer
    filterset_fields: ClassVar = {"test__uuid": ["exact"], "sample__uuid": ["exact"]}
    action_verbs: ClassVar = {"record": Verb.TEST_CONTROLS, "void": Verb.TEST_CONTROLS}

    @extend_schema(request=ResultsRequest, responses=SampledInstanceSerializer)
    @action(detail=True, methods=["post"])
    def record(self, request: Request, uuid: str) -> Response:
        """Record results of an instance."""
        instance: m.SampledInstance = self.get_object()
        given, actor = sent(ResultsRequest, request, self), asker(request)
        drafts = [ResultDraft(**{**one, "result": InstanceResult(one["result"])}) for one in given["results"]]
        samples.record_results(instance=instance, results=drafts, actor=actor)
        if given["source_check"]:
            check = SourceCheck(given["source_check"])
            samples.check_source(instance=instance, check=check, note=given["source_note"], actor=actor)
        return Response(SampledInstanceSerializer(self.get_object()).data)

    @extend_schema(request=VoidRequest, responses=VoidedSerializer)
    @action(detail=True, methods=["post"])
    def void(self, request: Request, uuid: str) -> Response:
        """Take an instance out, with a reason; the next in rank takes its place."""
        instance: m.SampledInstance = self.get_object()
        reason = sent(VoidRequest, request, self)["reason"]
        successor = samples.void(instance=instance, reason=reason, actor=asker(request))
        rows = self.get_queryset()
        shown = {"voided": self.get_object(), "successor": rows.get(pk=successor.pk) if successor else None}
        return Response(VoidedSerializer(shown).data)
