"""Endpoints of auditors' findings: written and issued by auditors, answered by management, followed up."""

from __future__ import annotations

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
from compliance.selectors.audit_finding_page import ROWS
from compliance.services import audit_findings
from compliance.services.audit_findings import AuditFindingDraft
from compliance.services.audit_findings import Response as ManagementResponse
from compliance.types.drafts import JSON
from compliance.types.states import Role
from compliance.types.testing import Agreement

_TEXT: dict[str, Any] = {"required": False, "allow_blank": True, "default": "", "max_length": 20_000}
_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True, "default": None}


class AuditFindingEntrySerializer(serializers.ModelSerializer[m.AuditFindingEntry]):
    """One act on a finding."""

    made_by = PersonSerializer(read_only=True)
    evidence = UuidField()

    class Meta:
        model = m.AuditFindingEntry
        fields: ClassVar = ["uuid", "act", "before", "after", "words", "evidence", "made_by", "created_at"]


class AuditFindingSerializer(serializers.ModelSerializer[m.AuditFinding]):
    """One finding of an auditor with management's response."""

    engagement = UuidField()
    control = UuidField(source="test.control")
    finding = UuidField()
    remediation_item = UuidField(source="item")
    is_repeat = serializers.SerializerMethodField()
    action_owner = PersonSerializer(read_only=True)
    entries = AuditFindingEntrySerializer(many=True, read_only=True)

    class Meta:
        model = m.AuditFinding
        fields: ClassVar = [
            "uuid", "engagement", "control", "number", "title", "condition", "criteria", "cause", "effect", "rating",
            "severity", "is_repeat", "state", "issued_at", "agreement", "response", "action", "action_owner",
            "action_due_on", "remediation_item", "finding", "closed_at", "entries", "created_at",
        ]  # fmt: skip

    def get_is_repeat(self, row: m.AuditFinding) -> bool:
        """Whether the same attribute of the control failed in an earlier engagement."""
        return row.repeats is not None


class AuditFindingRequest(serializers.Serializer[JSON]):
    """A finding in the auditor's words."""

    test = ScopedReference(queryset=m.ControlTest.objects.select_related("engagement", "control__system"))
    title = serializers.CharField(max_length=300)
    condition = serializers.CharField(max_length=20_000)
    criteria = serializers.CharField(max_length=20_000)
    cause = serializers.CharField(**_TEXT)
    effect = serializers.CharField(**_TEXT)
    rating = serializers.CharField(max_length=64)
    results = ScopedReference(
        queryset=m.AttributeResult.objects.select_related("instance"), many=True, required=False, default=list
    )


class ManagementResponseRequest(serializers.Serializer[JSON]):
    """Management's response. `effort` in person-days opens a remediation item for the action."""

    agreement = serializers.ChoiceField(choices=choices(Agreement))
    words = serializers.CharField(max_length=20_000)
    action = serializers.CharField(**_TEXT)
    owner = serializers.SlugRelatedField[m.User](
        slug_field="uuid",
        queryset=m.User.objects.filter(is_active=True).exclude(role__in=[Role.AUDITOR, Role.COLLECTOR]),
        **_OPTIONAL,
    )
    due_on = serializers.DateField(**_OPTIONAL)
    effort = serializers.DecimalField(**_OPTIONAL, max_digits=7, decimal_places=2, min_value=0)


class EvaluationRequest(serializers.Serializer[JSON]):
    """Whether the auditor takes the response, and why."""

    accepts = serializers.BooleanField()
    words = serializers.CharField(max_length=20_000)


class WithdrawalRequest(serializers.Serializer[JSON]):
    """Why a finding is taken back."""

    words = serializers.CharField(max_length=20_000)


class FollowUpRequest(serializers.Serializer[JSON]):
    """What the auditor found when looking again. Closing needs evidence."""

    is_closed = serializers.BooleanField()
    words = serializers.CharField(max_length=20_000)
    evidence = ScopedReference(queryset=m.Evidence.objects.all(), **_OPTIONAL)


class AuditFindingViewSet(ReadViewSet):
    """Auditors' findings."""

    queryset = ROWS.prefetch_related("entries__made_by", "entries__evidence").order_by("-created_at", "-pk")
    serializer_class = AuditFindingSerializer
    filterset_fields: ClassVar = {"engagement__uuid": ["exact"], "state": ["exact"]}
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.TEST_CONTROLS}
    action_verbs: ClassVar = {"respond": Verb.ANSWER_AUDIT_FINDING}

    def _sent(self, shape: type[serializers.Serializer[JSON]], request: Request) -> JSON:
        payload = shape(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given: JSON = payload.validated_data
        return given

    def _shown(self, row: m.AuditFinding, code: int = status.HTTP_200_OK) -> Response:
        return Response(AuditFindingSerializer(self.get_queryset().get(pk=row.pk)).data, status=code)

    @extend_schema(request=AuditFindingRequest, responses={201: AuditFindingSerializer})
    def create(self, request: Request) -> Response:
        """Write a finding; a draft that only the auditors of the engagement see."""
        given = self._sent(AuditFindingRequest, request)
        test, results = given.pop("test"), tuple(given.pop("results"))
        draft = AuditFindingDraft(results=results, **given)
        return self._shown(audit_findings.write(test=test, draft=draft, actor=asker(request)), status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=AuditFindingSerializer)
    @action(detail=True, methods=["post"])
    def issue(self, request: Request, uuid: str) -> Response:
        """Hand the finding to management."""
        return self._shown(audit_findings.issue(audit_finding=self.get_object(), actor=asker(request)))

    @extend_schema(request=ManagementResponseRequest, responses=AuditFindingSerializer)
    @action(detail=True, methods=["post"])
    def respond(self, request: Request, uuid: str) -> Response:
        """Management's response."""
        row = self.get_object()
        given = self._sent(ManagementResponseRequest, request)
        response = ManagementResponse(**{**given, "agreement": Agreement(given["agreement"])})
        return self._shown(audit_findings.respond(audit_finding=row, response=response, actor=asker(request)))

    @extend_schema(request=EvaluationRequest, responses=AuditFindingSerializer)
    @action(detail=True, methods=["post"])
    def evaluate(self, request: Request, uuid: str) -> Response:
        """Take the response, or send it back."""
        row = self.get_object()
        given = self._sent(EvaluationRequest, request)
        return self._shown(audit_findings.evaluate(audit_finding=row, **given, actor=asker(request)))

    @extend_schema(request=WithdrawalRequest, responses=AuditFindingSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, uuid: str) -> Response:
        """Take the finding back."""
        row = self.get_object()
        given = self._sent(WithdrawalRequest, request)
        return self._shown(audit_findings.withdraw(audit_finding=row, **given, actor=asker(request)))

    @extend_schema(request=FollowUpRequest, responses=AuditFindingSerializer)
    @action(detail=True, methods=["post"], url_path="follow-up")
    def follow_up(self, request: Request, uuid: str) -> Response:
        """What the auditor found when looking again."""
        row = self.get_object()
        given = self._sent(FollowUpRequest, request)
        return self._shown(audit_findings.follow_up(audit_finding=row, **given, actor=asker(request)))
