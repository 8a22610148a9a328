"""Endpoints of tests of controls: populations, tests, samples, instances; each exists for the organisation once released."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import ReadViewSet, ScopedReference, asker
from compliance.api.serializers import PersonSerializer, UuidField
from compliance.choices import choices
from compliance.rights import Verb
from compliance.selectors import control_test_page as pages
from compliance.services import control_tests, populations, samples
from compliance.services.control_tests import ControlTestPlan
from compliance.services.populations import PopulationDraft
from compliance.services.samples import ResultDraft, SamplePlan
from compliance.types.drafts import JSON
from compliance.types.testing import (
    Attribute,
    ControlTestConclusion,
    ControlTestKind,
    ControlTestMethod,
    InstanceResult,
    PopulationKind,
    Selection,
    SourceCheck,
)

_WRITES: dict[str, Verb] = {"GET": Verb.VIEW, "POST": Verb.TEST_CONTROLS}
_TEXT: dict[str, Any] = {"required": False, "allow_blank": True, "default": "", "max_length": 20_000}
_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True, "default": None}
_RATE: dict[str, Any] = {
    **_OPTIONAL,
    "max_digits": 6,
    "decimal_places": 5,
    "min_value": Decimal(0),
    "max_value": Decimal(1),
}


def _sent(shape: type[serializers.Serializer[JSON]], request: Request, view: Any) -> JSON:
    payload = shape(data=request.data, context=view.get_serializer_context())
    payload.is_valid(raise_exception=True)
    given: JSON = payload.validated_data
    return given


# Populations --------------------------------------------------------------------------------------------------------


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
    stratify_by = serializers.CharField(**{**_TEXT, "max_length": 100})
    file = serializers.FileField(required=False, default=None)
    stated_count = serializers.IntegerField(**_OPTIONAL, min_value=0, max_value=2**53)
    total_column = serializers.CharField(**{**_TEXT, "max_length": 100})
    stated_total = serializers.CharField(**{**_TEXT, "max_length": 100})


class PopulationViewSet(ReadViewSet):
    """Populations."""

    queryset = m.Population.objects.select_related("engagement", "system", "made_by").order_by("-created_at", "-pk")
    serializer_class = PopulationSerializer
    filterset_fields: ClassVar = {"engagement__uuid": ["exact"], "system__uuid": ["exact"], "kind": ["exact"]}
    verbs: ClassVar = _WRITES

    @extend_schema(request=PopulationRequest, responses={202: PopulationSerializer})
    def create(self, request: Request) -> Response:
        """Define a population; a job counts and freezes it."""
        given = _sent(PopulationRequest, request, self)
        engagement, system, upload = (given.pop(name) for name in ("engagement", "system", "file"))
        draft = PopulationDraft(
            **{**given, "kind": PopulationKind(given["kind"])},
            stream=upload.file if upload else None,
            filename=upload.name if upload else "",
        )
        population = populations.define(engagement=engagement, system=system, draft=draft, actor=asker(request))
        return Response(PopulationSerializer(population).data, status=status.HTTP_202_ACCEPTED)


# Tests --------------------------------------------------------------------------------------------------------------


class AttributeSerializer(serializers.Serializer[JSON]):
    """What is asked of each instance, under a letter."""

    key = serializers.RegexField(r"^[A-Z][0-9]?$")
    asks = serializers.CharField(max_length=1_000)


class ControlTestSerializer(serializers.ModelSerializer[m.ControlTest]):
    """One test of a control."""

    engagement = UuidField()
    control = UuidField()
    population = UuidField()
    check_run = UuidField()
    attributes = AttributeSerializer(many=True, read_only=True, source="asked")
    preparer = PersonSerializer(read_only=True)
    reviewer = PersonSerializer(read_only=True)
    released_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.ControlTest
        fields: ClassVar = [
            "uuid", "engagement", "control", "control_version", "kind", "procedure", "methods", "attributes", "period_start",
            "period_end", "population", "check_run", "check_rules", "state", "conclusion", "statement", "preparer",
            "concluded_at", "reviewer", "review_note", "reviewed_at", "released_by", "released_at", "created_at",
        ]  # fmt: skip


class ControlTestRequest(serializers.Serializer[JSON]):
    """How a control is to be tested."""

    engagement = ScopedReference(queryset=m.Engagement.objects.all())
    control = ScopedReference(queryset=m.ImplementedControl.objects.all())
    kind = serializers.ChoiceField(choices=choices(ControlTestKind))
    procedure = serializers.CharField(max_length=20_000)
    methods = serializers.ListField(child=serializers.ChoiceField(choices=choices(ControlTestMethod)), max_length=4)
    attributes = AttributeSerializer(many=True)
    period_start = serializers.DateField()
    period_end = serializers.DateField()
    population = ScopedReference(queryset=m.Population.objects.all(), **_OPTIONAL)
    check_run = ScopedReference(queryset=m.CheckRun.objects.all(), **_OPTIONAL)
    check_rules = serializers.ListField(child=serializers.CharField(max_length=64), required=False, default=list)


class ConclusionRequest(serializers.Serializer[JSON]):
    """What follows from a test."""

    conclusion = serializers.ChoiceField(choices=choices(ControlTestConclusion))
    statement = serializers.CharField(max_length=20_000)


class NoteRequest(serializers.Serializer[JSON]):
    """A note of the reviewer."""

    note = serializers.CharField(**{**_TEXT, "max_length": 5_000})


class DrawRequest(serializers.Serializer[JSON]):
    """Which rows, and how many. Rates and confidence lie between 0 and 1."""

    selection = serializers.ChoiceField(choices=choices(Selection))
    seed = serializers.CharField(**{**_TEXT, "max_length": 64})
    confidence = serializers.DecimalField(**_RATE)
    tolerable = serializers.DecimalField(**_RATE)
    expected = serializers.IntegerField(**_OPTIONAL, min_value=0, max_value=200)
    expected_rate = serializers.DecimalField(**_RATE)
    size = serializers.IntegerField(**_OPTIONAL, min_value=1, max_value=100_000)
    sizes = serializers.DictField(child=serializers.IntegerField(min_value=0, max_value=100_000), **_OPTIONAL)
    frequency = serializers.CharField(**{**_TEXT, "max_length": 64})
    rows = serializers.ListField(
        child=serializers.CharField(max_length=300), required=False, default=list, max_length=10_000
    )
    reason = serializers.CharField(**{**_TEXT, "max_length": 5_000})


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


class ControlTestViewSet(ReadViewSet):
    """Tests of controls."""

    queryset = pages.ROWS.order_by("-created_at", "-pk")
    serializer_class = ControlTestSerializer
    filterset_fields: ClassVar = {
        "engagement__uuid": ["exact"], "control__uuid": ["exact"], "kind": ["exact"], "state": ["exact"],
    }  # fmt: skip
    verbs: ClassVar = _WRITES

    def _shown(self, test: m.ControlTest, code: int = status.HTTP_200_OK) -> Response:
        return Response(ControlTestSerializer(pages.ROWS.get(pk=test.pk)).data, status=code)

    @extend_schema(request=ControlTestRequest, responses={201: ControlTestSerializer})
    def create(self, request: Request) -> Response:
        """Plan a test."""
        given = _sent(ControlTestRequest, request, self)
        engagement, control = given.pop("engagement"), given.pop("control")
        plan = ControlTestPlan(
            **{
                **given,
                "kind": ControlTestKind(given["kind"]),
                "methods": tuple(map(ControlTestMethod, given["methods"])),
                "attributes": tuple(Attribute(**one) for one in given["attributes"]),
                "check_rules": tuple(given["check_rules"]),
            }
        )
        test = control_tests.plan(engagement=engagement, control=control, plan=plan, actor=asker(request))
        return self._shown(test, status.HTTP_201_CREATED)

    @extend_schema(request=DrawRequest, responses={201: SampleSerializer})
    @action(detail=True, methods=["post"])
    def draw(self, request: Request, uuid: str) -> Response:
        """Draw the sample by a seed, or choose its rows."""
        test: m.ControlTest = self.get_object()
        given = _sent(DrawRequest, request, self)
        plan = SamplePlan(**{**given, "selection": Selection(given["selection"]), "rows": tuple(given["rows"])})
        sample = samples.draw(test=test, plan=plan, actor=asker(request))
        return Response(SampleSerializer(sample).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ConclusionRequest, responses=ControlTestSerializer)
    @action(detail=True, methods=["post"])
    def conclude(self, request: Request, uuid: str) -> Response:
        """Say what follows; another auditor agrees or returns it."""
        test: m.ControlTest = self.get_object()
        given = _sent(ConclusionRequest, request, self)
        chosen = ControlTestConclusion(given["conclusion"])
        control_tests.conclude(test=test, conclusion=chosen, statement=given["statement"], actor=asker(request))
        return self._shown(test)

    @extend_schema(request=NoteRequest, responses=ControlTestSerializer)
    @action(detail=True, methods=["post"])
    def agree(self, request: Request, uuid: str) -> Response:
        """Agree with the conclusion, as somebody who had no part in the work."""
        test: m.ControlTest = self.get_object()
        control_tests.agree(test=test, note=_sent(NoteRequest, request, self)["note"], actor=asker(request))
        return self._shown(test)

    @extend_schema(request=None, responses=ControlTestSerializer)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, uuid: str) -> Response:
        """Show the agreed test to the organisation, for good."""
        test: m.ControlTest = self.get_object()
        control_tests.release(test=test, actor=asker(request))
        return self._shown(test)


class SampleViewSet(ReadViewSet):
    """Draws with their seeds; none is ever taken away."""

    queryset = m.Sample.objects.select_related("test", "population", "extends", "drawn_by").order_by(
        "-created_at", "-pk"
    )
    serializer_class = SampleSerializer
    filterset_fields: ClassVar = {"test__uuid": ["exact"], "population__uuid": ["exact"]}


# Instances ----------------------------------------------------------------------------------------------------------


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
    note = serializers.CharField(**{**_TEXT, "max_length": 5_000})
    evidence = ScopedReference(queryset=m.Evidence.objects.all(), **_OPTIONAL)


class ResultsRequest(serializers.Serializer[JSON]):
    """Results of one instance; `source_check` says that it was held against the source."""

    results = ResultRequest(many=True)
    source_check = serializers.ChoiceField(choices=choices(SourceCheck), required=False, allow_null=True, default=None)
    source_note = serializers.CharField(**{**_TEXT, "max_length": 5_000})


class SampledInstanceViewSet(ReadViewSet):
    """Instances of samples."""

    queryset = m.SampledInstance.objects.select_related("test", "sample", "replaces").prefetch_related(
        "results__decided_by", "results__evidence"
    )
    serializer_class = SampledInstanceSerializer
    filterset_fields: ClassVar = {"test__uuid": ["exact"], "sample__uuid": ["exact"]}
    action_verbs: ClassVar = {"record": Verb.TEST_CONTROLS}

    @extend_schema(request=ResultsRequest, responses=SampledInstanceSerializer)
    @action(detail=True, methods=["post"])
    def record(self, request: Request, uuid: str) -> Response:
        """Record results of an instance."""
        instance: m.SampledInstance = self.get_object()
        given, actor = _sent(ResultsRequest, request, self), asker(request)
        drafts = [ResultDraft(**{**one, "result": InstanceResult(one["result"])}) for one in given["results"]]
        samples.record_results(instance=instance, results=drafts, actor=actor)
        if given["source_check"]:
            check = SourceCheck(given["source_check"])
            samples.check_source(instance=instance, check=check, note=given["source_note"], actor=actor)
        return Response(SampledInstanceSerializer(self.get_object()).data)
