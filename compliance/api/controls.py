"""The organisation's own controls over the API: read, adopt, change, retire, attach evidence."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import EXPORT, ReadViewSet, ScopedReference, SystemReference, asked_kind, asker, exported
from compliance.api.requests import EvidenceReference
from compliance.api.serializers import PersonSerializer, UuidField
from compliance.choices import choices
from compliance.rights import Verb
from compliance.selectors.control_page import ROWS
from compliance.services import controls, evidence
from compliance.types.controls import ControlBasis, ControlNature, ControlTerms, ControlType, FrameworkId
from compliance.types.drafts import JSON


class FrameworkIdSerializer(serializers.Serializer[JSON]):
    """An id of a framework."""

    framework = serializers.CharField(max_length=64)
    requirement = serializers.CharField(max_length=100)


class RequirementSerializer(serializers.ModelSerializer[m.ControlRequirement]):
    """An id of a framework that a control answers to."""

    framework = serializers.CharField(source="framework.key", read_only=True)
    requirement = serializers.CharField(source="requirement_id", read_only=True)

    class Meta:
        model = m.ControlRequirement
        fields: ClassVar = ["framework", "requirement"]


class ImplementedControlSerializer(serializers.ModelSerializer[m.ImplementedControl]):
    """The organisation's own control as it stands."""

    system = UuidField()
    references = serializers.SlugRelatedField[m.ReferenceControl](many=True, read_only=True, slug_field="control_id")
    requirements = RequirementSerializer(many=True, read_only=True)
    owner = PersonSerializer(read_only=True)

    class Meta:
        model = m.ImplementedControl
        fields: ClassVar = [
            "uuid", "system", "control_id", "title", "basis", "references", "requirements", "statement", "owner",
            "performer", "frequency", "scope", "systems", "accounts", "nature", "control_type", "is_key",
            "effective_from", "version", "retired_on",
        ]  # fmt: skip


class ControlVersionSerializer(serializers.ModelSerializer[m.ControlVersion]):
    """What a control said in one version."""

    owner = PersonSerializer(read_only=True)
    made_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.ControlVersion
        fields: ClassVar = ["uuid", "version", "act", "reason", "terms", "owner", "made_by", "created_at"]


class TermsRequest(serializers.Serializer[JSON]):
    """What a control is to say."""

    control_id = serializers.CharField(max_length=32)
    title = serializers.CharField(max_length=300)
    basis = serializers.ChoiceField(choices=choices(ControlBasis))
    references = serializers.ListField(child=serializers.CharField(max_length=32), max_length=100)
    requirements = FrameworkIdSerializer(many=True, required=False, default=list)
    statement = serializers.CharField(max_length=20_000)
    owner = ScopedReference(queryset=m.User.objects.filter(is_active=True))
    performer = serializers.CharField(max_length=200)
    frequency = serializers.CharField(max_length=64)
    scope = serializers.CharField(max_length=20_000, required=False, allow_blank=True, default="")
    systems = serializers.ListField(child=serializers.CharField(max_length=300), required=False, default=list)
    accounts = serializers.ListField(child=serializers.CharField(max_length=300), required=False, default=list)
    nature = serializers.ChoiceField(choices=choices(ControlNature))
    control_type = serializers.ChoiceField(choices=choices(ControlType))
    is_key = serializers.BooleanField(required=False, default=False)
    effective_from = serializers.DateField()


class ControlRequest(TermsRequest):
    """A new control on an AI system."""

    system = SystemReference(verb=Verb.MANAGE_CONTROLS, queryset=m.AISystem.objects.all())


class ControlChangeRequest(TermsRequest):
    """The next version. `version` is the one that the caller has read."""

    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(max_length=5_000)


class ControlRetireRequest(serializers.Serializer[JSON]):
    """The end of a control."""

    retired_on = serializers.DateField()
    reason = serializers.CharField(max_length=5_000)


def _terms(given: JSON) -> ControlTerms:
    return ControlTerms(
        control_id=given["control_id"],
        title=given["title"],
        basis=ControlBasis(given["basis"]),
        statement=given["statement"],
        performer=given["performer"],
        frequency=given["frequency"],
        scope=given["scope"],
        systems=tuple(given["systems"]),
        accounts=tuple(given["accounts"]),
        nature=ControlNature(given["nature"]),
        control_type=ControlType(given["control_type"]),
        is_key=given["is_key"],
        effective_from=given["effective_from"],
        references=tuple(given["references"]),
        requirements=tuple(FrameworkId(**one) for one in given["requirements"]),
    )


class ImplementedControlViewSet(ReadViewSet):
    """The organisation's own controls."""

    queryset = ROWS
    serializer_class = ImplementedControlSerializer
    filterset_fields: ClassVar = {"system__uuid": ["exact"], "control_id": ["exact"], "retired_on": ["isnull"]}
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.MANAGE_CONTROLS}
    action_verbs: ClassVar = {"attach": Verb.LINK_EVIDENCE}

    def _sent(self, shape: type[serializers.Serializer[JSON]], request: Request) -> JSON:
        payload = shape(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given: JSON = payload.validated_data
        return given

    def _shown(self, control: m.ImplementedControl, code: int = status.HTTP_200_OK) -> Response:
        return Response(ImplementedControlSerializer(ROWS.get(pk=control.pk)).data, status=code)

    @extend_schema(request=ControlRequest, responses={201: ImplementedControlSerializer})
    def create(self, request: Request) -> Response:
        """Adopt reference controls on an AI system."""
        given = self._sent(ControlRequest, request)
        control = controls.adopt(
            system=given["system"], terms=_terms(given), owner=given["owner"], actor=asker(request)
        )
        return self._shown(control, status.HTTP_201_CREATED)

    @extend_schema(request=ControlChangeRequest, responses=ImplementedControlSerializer)
    @action(detail=True, methods=["post"])
    def change(self, request: Request, uuid: str) -> Response:
        """The next version; 409 when somebody made one since the version that the caller has read."""
        control: m.ImplementedControl = self.get_object()
        given = self._sent(ControlChangeRequest, request)
        controls.change(
            control=control, terms=_terms(given), owner=given["owner"], reason=given["reason"],
            expected_version=given["version"], actor=asker(request),
        )  # fmt: skip
        return self._shown(control)

    @extend_schema(request=ControlRetireRequest, responses=ImplementedControlSerializer)
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, uuid: str) -> Response:
        """The control ends on a day."""
        control: m.ImplementedControl = self.get_object()
        given = self._sent(ControlRetireRequest, request)
        controls.retire(control=control, on=given["retired_on"], reason=given["reason"], actor=asker(request))
        return self._shown(control)

    @extend_schema(request=EvidenceReference, responses=ImplementedControlSerializer)
    @action(detail=True, methods=["post"])
    def attach(self, request: Request, uuid: str) -> Response:
        """Attach evidence already collected."""
        control: m.ImplementedControl = self.get_object()
        given = self._sent(EvidenceReference, request)
        evidence.link(evidence=given["evidence"], target=control, actor=asker(request), note=given["note"])
        return self._shown(control)

    @extend_schema(parameters=[EXPORT], responses=ControlVersionSerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=None)
    def versions(self, request: Request, uuid: str) -> Response | HttpResponseBase:
        """Every version of a control, the newest first."""
        control: m.ImplementedControl = self.get_object()
        rows: Any = control.versions.select_related("owner", "made_by")
        if kind := asked_kind(request):
            return exported(request, kind, ControlVersionSerializer(), rows)
        return Response(ControlVersionSerializer(rows, many=True).data)
