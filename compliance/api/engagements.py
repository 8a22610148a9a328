"""Endpoints of engagements: the audits that exist for the caller, opening, changing, moving and ending them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import EXPORT, ReadViewSet, ScopedReference, asked_kind, asker, exported
from compliance.api.serializers import PersonSerializer
from compliance.choices import choices
from compliance.rights import Verb, visible
from compliance.selectors.read_page import reads_of
from compliance.services import engagements
from compliance.services.engagements import EngagementDraft
from compliance.types.drafts import JSON
from compliance.types.engagements import PLANNED, EngagementKind, EngagementState, TeamPart

_TEXT: dict[str, Any] = {"required": False, "allow_blank": True, "default": "", "max_length": 20_000}
_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True, "default": None}
ROWS = m.Engagement.objects.select_related("contact").prefetch_related("systems", "assessments", "members__user")


class MemberSerializer(serializers.ModelSerializer[m.EngagementMember]):
    """Somebody on the team, with their statement of independence."""

    user = PersonSerializer(read_only=True)

    class Meta:
        model = m.EngagementMember
        fields: ClassVar = ["user", "part", "independence", "independence_at"]


class EngagementSerializer(serializers.ModelSerializer[m.Engagement]):
    """One audit."""

    systems = serializers.SlugRelatedField[Any](slug_field="uuid", many=True, read_only=True)
    assessments = serializers.SlugRelatedField[Any](slug_field="uuid", many=True, read_only=True)
    contact = PersonSerializer(read_only=True)
    members = MemberSerializer(many=True, read_only=True)

    class Meta:
        model = m.Engagement
        fields: ClassVar = [
            "uuid", "title", "kind", "criteria", "edition", "entity", "systems", "assessments", "accounts", "regions", "as_of",
            "period_start", "period_end", "exclusions", "contact", "members", *PLANNED, "state", "expires_at", "created_at",
        ]  # fmt: skip


class MoveSerializer(serializers.ModelSerializer[m.EngagementMove]):
    """A move from state to state."""

    moved_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.EngagementMove
        fields: ClassVar = ["uuid", "before", "after", "reason", "moved_by", "created_at"]


class ReadSerializer(serializers.ModelSerializer[m.AuditorRead]):
    """One page, list or file that an auditor had."""

    reader = PersonSerializer(read_only=True)

    class Meta:
        model = m.AuditorRead
        fields: ClassVar = ["read_at", "reader", "act", "what", "subject", "by_token"]


class MemberRequest(serializers.Serializer[JSON]):
    """Somebody to be on the team."""

    user = ScopedReference(queryset=m.User.objects.filter(is_active=True))
    part = serializers.ChoiceField(choices=choices(TeamPart), required=False, default=TeamPart.AUDITOR.value)


class EngagementRequest(serializers.Serializer[JSON]):
    """Scope, team and dates of an audit."""

    title = serializers.CharField(max_length=200)
    kind = serializers.ChoiceField(choices=choices(EngagementKind), required=False, default=EngagementKind.OTHER.value)
    criteria = serializers.CharField(**_TEXT)
    edition = serializers.CharField(**{**_TEXT, "max_length": 100})
    entity = serializers.CharField(**{**_TEXT, "max_length": 200})
    systems = ScopedReference(queryset=m.AISystem.objects.all(), many=True)
    assessments = ScopedReference(queryset=m.Assessment.objects.all(), many=True, required=False, default=list)
    accounts = serializers.ListField(child=serializers.CharField(max_length=200), required=False, default=list)
    regions = serializers.ListField(child=serializers.CharField(max_length=200), required=False, default=list)
    as_of = serializers.DateField(**_OPTIONAL)
    period_start = serializers.DateField()
    period_end = serializers.DateField()
    exclusions = serializers.CharField(**_TEXT)
    contact = ScopedReference(queryset=m.User.objects.filter(is_active=True), **_OPTIONAL)
    team = MemberRequest(many=True)
    fieldwork_on = serializers.DateField(**_OPTIONAL)
    draft_on = serializers.DateField(**_OPTIONAL)
    response_on = serializers.DateField(**_OPTIONAL)
    final_on = serializers.DateField(**_OPTIONAL)
    follow_up_on = serializers.DateField(**_OPTIONAL)
    expires_at = serializers.DateTimeField()

    @property
    def draft(self) -> EngagementDraft:
        """What was sent as the service takes it, once it is valid."""
        given = dict(self.validated_data)
        team = [(one["user"], TeamPart(one["part"])) for one in given.pop("team")]
        return EngagementDraft(**{**given, "kind": EngagementKind(given["kind"])}, team=team)


class EngagementMoveRequest(serializers.Serializer[JSON]):
    """The next state, and why where the audit goes back."""

    to = serializers.ChoiceField(choices=choices(EngagementState))
    reason = serializers.CharField(**_TEXT)


class IndependenceRequest(serializers.Serializer[JSON]):
    """An auditor's statement in their own words."""

    statement = serializers.CharField(max_length=5_000)


class EngagementViewSet(ReadViewSet):
    """Engagements."""

    queryset = ROWS
    serializer_class = EngagementSerializer
    filterset_fields = ("state", "kind")
    verbs: ClassVar = {"GET": Verb.VIEW_ENGAGEMENTS, "POST": Verb.MANAGE_ENGAGEMENTS}
    action_verbs: ClassVar = {
        "change": Verb.MANAGE_ENGAGEMENTS,
        "end_access": Verb.MANAGE_ENGAGEMENTS,
        "move": Verb.MOVE_ENGAGEMENT,
        "independence": Verb.STATE_INDEPENDENCE,
    }

    def _draft(self, request: Request) -> EngagementDraft:
        payload = EngagementRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        return payload.draft

    def _shown(self) -> Response:
        return Response(EngagementSerializer(self.get_object()).data)

    @extend_schema(request=EngagementRequest, responses={201: EngagementSerializer})
    def create(self, request: Request) -> Response:
        """Open an engagement."""
        engagement = engagements.open_engagement(draft=self._draft(request), actor=asker(request))
        return Response(EngagementSerializer(engagement).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=EngagementRequest, responses=EngagementSerializer)
    @action(detail=True, methods=["post"])
    def change(self, request: Request, uuid: str) -> Response:
        """State scope, team, dates and end of access anew."""
        engagement: m.Engagement = self.get_object()
        engagements.change(engagement=engagement, draft=self._draft(request), actor=asker(request))
        return self._shown()

    @extend_schema(request=EngagementMoveRequest, responses=EngagementSerializer)
    @action(detail=True, methods=["post"])
    def move(self, request: Request, uuid: str) -> Response:
        """Move the audit on, or back with a reason."""
        engagement: m.Engagement = self.get_object()
        payload = EngagementMoveRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        to = EngagementState(given["to"])
        engagements.move(engagement=engagement, to=to, reason=given["reason"], actor=asker(request))
        return self._shown()

    @extend_schema(request=IndependenceRequest, responses=EngagementSerializer)
    @action(detail=True, methods=["post"])
    def independence(self, request: Request, uuid: str) -> Response:
        """State the caller's own independence."""
        engagement: m.Engagement = self.get_object()
        payload = IndependenceRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        statement = payload.validated_data["statement"]
        engagements.state_independence(engagement=engagement, statement=statement, actor=asker(request))
        return self._shown()

    @extend_schema(request=None, responses=EngagementSerializer)
    @action(detail=True, methods=["post"], url_path="end-access")
    def end_access(self, request: Request, uuid: str) -> Response:
        """End the team's access now."""
        engagements.end_access(engagement=self.get_object(), actor=asker(request))
        return self._shown()

    @extend_schema(parameters=[EXPORT], responses=MoveSerializer(many=True))
    @action(detail=True, methods=["get"])
    def moves(self, request: Request, uuid: str) -> Response | HttpResponseBase:
        """Its moves, oldest first."""
        rows = self.get_object().moves.select_related("moved_by")
        if kind := asked_kind(request):
            return exported(request, kind, MoveSerializer(), rows)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(MoveSerializer(page, many=True).data)

    @extend_schema(parameters=[EXPORT], responses=ReadSerializer(many=True))
    @action(detail=True, methods=["get"])
    def reads(self, request: Request, uuid: str) -> Response | HttpResponseBase:
        """What its team read, newest first."""
        rows = visible(reads_of(self.get_object()), asker(request))
        if kind := asked_kind(request):
            return exported(request, kind, ReadSerializer(), rows)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(ReadSerializer(page, many=True).data)
