"""Statements of applicability over the API: what is decided on each id, deciding, approving, and approved versions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import EXPORT, ReadViewSet, SystemReference, asked_kind, asker, exported
from compliance.api.serializers import PersonSerializer, UuidField
from compliance.choices import choices
from compliance.rights import Verb, sees_all, systems_for
from compliance.selectors.statement_page import IDS, StatementRow, frameworks_with_statement, statement_rows
from compliance.services import statements
from compliance.types.drafts import JSON
from compliance.types.statements import Decision, Implementation, Inclusion

MOST_DECISIONS = 1_000


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


class StatementLineSerializer(serializers.Serializer[StatementRow]):
    """What is decided on one id. version: to be sent back with a new decision; 0 where nothing is decided yet.

    system: null in the statement of the organisation.
    """

    framework = serializers.CharField()
    system = serializers.UUIDField(allow_null=True)
    requirement_id = serializers.CharField()
    title = serializers.CharField()
    inclusion = serializers.ChoiceField(choices=choices(Inclusion))
    reason = serializers.CharField()
    implementation = serializers.ChoiceField(choices=choices(Implementation))
    version = serializers.IntegerField()
    controls = serializers.ListField(child=serializers.CharField())

    def to_representation(self, row: StatementRow) -> JSON:
        """As JSON."""
        return {
            "framework": self.context["framework"].key,
            "system": self.context["system"].uuid if self.context["system"] else None,
            "requirement_id": row.requirement_id,
            "title": row.title,
            "inclusion": row.inclusion.value,
            "reason": row.reason,
            "implementation": row.implementation.value,
            "version": row.version,
            "controls": [control.control_id for control in row.controls],
        }


class StatementLineFileSerializer(StatementLineSerializer):
    """A line that is JSON already, for files."""

    def to_representation(self, row: Any) -> JSON:
        """As it is."""
        line: JSON = row
        return line


class LinesRequest(serializers.Serializer[JSON]):
    """Which statements' lines; left out: of every framework, and of the organisation or of the systems that one sees."""

    framework = serializers.SlugRelatedField(
        slug_field="key", queryset=m.Framework.objects.filter(facts__has_key=IDS), required=False
    )
    system = SystemReference(verb=Verb.VIEW, queryset=m.AISystem.objects.all(), required=False)


class ScopeRequest(serializers.Serializer[JSON]):
    """Whose statement. system: left out for that of the organisation."""

    framework = serializers.SlugRelatedField(slug_field="key", queryset=m.Framework.objects.filter(facts__has_key=IDS))
    system = SystemReference(verb=Verb.VIEW, queryset=m.AISystem.objects.all(), required=False, allow_null=True)

    def validate(self, attrs: JSON) -> JSON:
        """Only who sees every system sees the organisation's own."""
        if attrs.setdefault("system", None) is None and not sees_all(asker(self.context["request"])):
            raise serializers.ValidationError({"system": "Name the AI system whose statement is meant."})
        return attrs


class LineDecisionRequest(serializers.Serializer[JSON]):
    """What is decided on one id. version: of the line that was read, 0 where there was none."""

    requirement_id = serializers.CharField(max_length=100)
    inclusion = serializers.ChoiceField(choices=choices(Inclusion))
    reason = serializers.CharField(allow_blank=True, required=False, default="")
    implementation = serializers.ChoiceField(
        choices=choices(Implementation), required=False, default=Implementation.NOT_STATED.value
    )
    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False, default=0)


class DecideRequest(ScopeRequest):
    """Decisions on some ids; all of them are written, or none."""

    decisions = serializers.ListField(child=LineDecisionRequest(), min_length=1, max_length=MOST_DECISIONS)


class ApproveRequest(ScopeRequest):
    """The statement as it stands, to become a version."""

    note = serializers.CharField(max_length=5_000, allow_blank=True, required=False, default="")


class StatementViewSet(ReadViewSet):
    """Approved statements of applicability."""

    queryset = m.StatementVersion.objects.select_related("framework", "system", "approved_by").order_by(
        "-created_at", "-pk"
    )
    serializer_class = StatementSerializer
    filterset_fields = ("framework__key", "system__uuid", "version")
    action_verbs: ClassVar = {"decide": Verb.MANAGE_CONTROLS, "approve": Verb.APPROVE_STATEMENT}

    def _given(self, shape: type[ScopeRequest], data: Any) -> JSON:
        payload = shape(data=data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given: JSON = payload.validated_data
        return given

    def _lines(self, framework: m.Framework, system: m.AISystem | None) -> list[JSON]:
        context = {"framework": framework, "system": system}
        rows = statement_rows(framework, system, asker(self.request))
        return [StatementLineSerializer(row, context=context).data for row in rows]

    @extend_schema(parameters=[LinesRequest, EXPORT], responses=StatementLineSerializer(many=True))
    @action(detail=False, methods=["get"], pagination_class=None, filterset_fields=())
    def lines(self, request: Request) -> Response | HttpResponseBase:
        """What is decided on each id at this moment."""
        payload = LinesRequest(data=request.query_params, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given, user = payload.validated_data, asker(request)
        frameworks = [given["framework"]] if "framework" in given else frameworks_with_statement()
        scopes: list[m.AISystem | None] = [None] if sees_all(user) else [*systems_for(user, Verb.VIEW).order_by("pk")]
        if "system" in given:
            scopes = [given["system"]]
        lines = [line for one in frameworks for scope in scopes for line in self._lines(one, scope)]
        kind = asked_kind(request)
        return exported(request, kind, StatementLineFileSerializer(), lines) if kind else Response(lines)

    @extend_schema(request=DecideRequest, responses=StatementLineSerializer(many=True))
    @action(detail=False, methods=["post"])
    def decide(self, request: Request) -> Response:
        """Decide on ids; answers all lines as they stand then."""
        given = self._given(DecideRequest, request.data)
        decisions = [
            Decision(
                requirement_id=one["requirement_id"],
                inclusion=Inclusion(one["inclusion"]),
                reason=one["reason"],
                implementation=Implementation(one["implementation"]),
                version=one["version"],
            )
            for one in given["decisions"]
        ]
        statements.decide(
            framework=given["framework"], system=given["system"], decisions=decisions, actor=asker(request)
        )
        return Response(self._lines(given["framework"], given["system"]))

    @extend_schema(request=ApproveRequest, responses={201: StatementSerializer})
    @action(detail=False, methods=["post"])
    def approve(self, request: Request) -> Response:
        """The statement becomes a version that never changes; by somebody who wrote none of its lines."""
        given = self._given(ApproveRequest, request.data)
        version = statements.approve(
            framework=given["framework"], system=given["system"], note=given["note"], actor=asker(request)
        )
        return Response(StatementSerializer(version).data, status=status.HTTP_201_CREATED)
