"""Endpoints of tests of controls; a test exists for the organisation once it is released."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import OPTIONAL, TEXT, ReadViewSet, ScopedReference, asker, sent
from compliance.api.samples import (
    AddInstanceRequest,
    DrawRequest,
    ExtendRequest,
    SampledInstanceSerializer,
    SampleSerializer,
)
from compliance.api.serializers import PersonSerializer, UuidField
from compliance.choices import choices
from compliance.rights import Verb
from compliance.selectors import control_test_page as pages
from compliance.services import control_tests, samples
from compliance.services.control_tests import ControlTestPlan
from compliance.services.samples import SamplePlan
from compliance.types.drafts import JSON
from compliance.types.testing import (
    Attribute,
    ControlTestConclusion,
    ControlTestKind,
    ControlTestMethod,
    Selection,
)


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


class ControlTestPlanRequest(serializers.Serializer[JSON]):
    """How a control is to be tested, anew."""

    kind = serializers.ChoiceField(choices=choices(ControlTestKind))
    procedure = serializers.CharField(max_length=20_000)
    methods = serializers.ListField(child=serializers.ChoiceField(choices=choices(ControlTestMethod)), max_length=4)
    attributes = AttributeSerializer(many=True)
    period_start = serializers.DateField()
    period_end = serializers.DateField()
    population = ScopedReference(queryset=m.Population.objects.all(), **OPTIONAL)
    check_run = ScopedReference(queryset=m.CheckRun.objects.all(), **OPTIONAL)
    check_rules = serializers.ListField(child=serializers.CharField(max_length=64), required=False, default=list)


class ControlTestRequest(ControlTestPlanRequest):
    """How a control is to be tested."""

    engagement = ScopedReference(queryset=m.Engagement.objects.all())
    control = ScopedReference(queryset=m.ImplementedControl.objects.all())


def _plan(given: JSON) -> ControlTestPlan:
    return ControlTestPlan(
        **{
            **given,
            "kind": ControlTestKind(given["kind"]),
            "methods": tuple(map(ControlTestMethod, given["methods"])),
            "attributes": tuple(Attribute(**one) for one in given["attributes"]),
            "check_rules": tuple(given["check_rules"]),
        }
    )


class ConclusionRequest(serializers.Serializer[JSON]):
    """What follows from a test."""

    conclusion = serializers.ChoiceField(choices=choices(ControlTestConclusion))
    statement = serializers.CharField(max_length=20_000)


class NoteRequest(serializers.Serializer[JSON]):
    """A note of the reviewer."""

    note = serializers.CharField(**{**TEXT, "max_length": 5_000})


class ReturnRequest(serializers.Serializer[JSON]):
    """What is to be done, so that whoever prepared the test can go on."""

    note = serializers.CharField(max_length=5_000)


class ControlTestViewSet(ReadViewSet):
    """Tests of controls."""

    queryset = pages.ROWS.order_by("-created_at", "-pk")
    serializer_class = ControlTestSerializer
    filterset_fields: ClassVar = {
        "engagement__uuid": ["exact"], "control__uuid": ["exact"], "kind": ["exact"], "state": ["exact"],
    }  # fmt: skip
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.TEST_CONTROLS}

    def _shown(self, test: m.ControlTest, code: int = status.HTTP_200_OK) -> Response:
        return Response(ControlTestSerializer(pages.ROWS.get(pk=test.pk)).data, status=code)

    @extend_schema(request=ControlTestRequest, responses={201: ControlTestSerializer})
    def create(self, request: Request) -> Response:
        """Plan a test."""
        given = sent(ControlTestRequest, request, self)
        engagement, control = given.pop("engagement"), given.pop("control")
        test = control_tests.plan(engagement=engagement, control=control, plan=_plan(given), actor=asker(request))
        return self._shown(test, status.HTTP_201_CREATED)

    @extend_schema(request=ControlTestPlanRequest, responses=ControlTestSerializer)
    @action(detail=True, methods=["post"])
    def change(self, request: Request, uuid: str) -> Response:
        """State an open test anew."""
        test: m.ControlTest = self.get_object()
        plan = _plan(sent(ControlTestPlanRequest, request, self))
        control_tests.change(test=test, plan=plan, actor=asker(request))
        return self._shown(test)

    @extend_schema(request=DrawRequest, responses={201: SampleSerializer})
    @action(detail=True, methods=["post"])
    def draw(self, request: Request, uuid: str) -> Response:
        """Draw the sample by a seed, or choose its rows."""
        test: m.ControlTest = self.get_object()
        given = sent(DrawRequest, request, self)
        plan = SamplePlan(**{**given, "selection": Selection(given["selection"]), "rows": tuple(given["rows"])})
        sample = samples.draw(test=test, plan=plan, actor=asker(request))
        return Response(SampleSerializer(sample).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ExtendRequest, responses={201: SampleSerializer})
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, uuid: str) -> Response:
        """Take further rows from the ranking of the current draw."""
        test: m.ControlTest = self.get_object()
        sample = samples.extend(test=test, **sent(ExtendRequest, request, self), actor=asker(request))
        return Response(SampleSerializer(sample).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=AddInstanceRequest, responses={201: SampledInstanceSerializer})
    @action(detail=True, methods=["post"], url_path="add-instance")
    def add_instance(self, request: Request, uuid: str) -> Response:
        """Add an instance that the auditor names."""
        test: m.ControlTest = self.get_object()
        given = sent(AddInstanceRequest, request, self)
        instance = control_tests.add_instance(test=test, **given, actor=asker(request))
        return Response(SampledInstanceSerializer(instance).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ConclusionRequest, responses=ControlTestSerializer)
    @action(detail=True, methods=["post"])
    def conclude(self, request: Request, uuid: str) -> Response:
        """Say what follows; another auditor agrees or returns it."""
        test: m.ControlTest = self.get_object()
        given = sent(ConclusionRequest, request, self)
        chosen = ControlTestConclusion(given["conclusion"])
        control_tests.conclude(test=test, conclusion=chosen, statement=given["statement"], actor=asker(request))
        return self._shown(test)

    @extend_schema(request=NoteRequest, responses=ControlTestSerializer)
    @action(detail=True, methods=["post"])
    def agree(self, request: Request, uuid: str) -> Response:
        """Agree with the conclusion, as somebody who had no part in the work."""
        test: m.ControlTest = self.get_object()
        control_tests.agree(test=test, note=sent(NoteRequest, request, self)["note"], actor=asker(request))
        return self._shown(test)

    @extend_schema(request=ReturnRequest, responses=ControlTestSerializer)
    @action(detail=True, methods=["post"], url_path="return")
    def give_back(self, request: Request, uuid: str) -> Response:
        """Open a concluded or agreed test again, saying what is to be done."""
        test: m.ControlTest = self.get_object()
        control_tests.give_back(test=test, note=sent(ReturnRequest, request, self)["note"], actor=asker(request))
        return self._shown(test)

    @extend_schema(request=None, responses=ControlTestSerializer)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, uuid: str) -> Response:
        """Show the agreed test to the organisation, for good."""
        test: m.ControlTest = self.get_object()
        control_tests.release(test=test, actor=asker(request))
        return self._shown(test)
