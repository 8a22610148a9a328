"""Endpoints of teams, capacity, leave and cost rates."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import ReadViewSet, asker
from compliance.api.serializers import PersonSerializer
from compliance.rights import Verb
from compliance.services import capacity, teams
from compliance.services.capacity import Holder
from compliance.types.drafts import JSON

_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True, "default": None}


class TeamSerializer(serializers.ModelSerializer[m.Team]):
    """A team and who is in it."""

    members = PersonSerializer(many=True, read_only=True)

    class Meta:
        model = m.Team
        fields: ClassVar = ["uuid", "name", "members", "created_at"]


class TeamNameRequest(serializers.Serializer[JSON]):
    """The name of a team."""

    name = serializers.CharField(max_length=200)


class TeamMemberRequest(serializers.Serializer[JSON]):
    """A person to put on a team, or to take off it."""

    person = serializers.SlugRelatedField(slug_field="uuid", queryset=m.User.objects.all())


class CapacitySerializer(serializers.ModelSerializer[m.Capacity]):
    """Days a week and the share for remediation, from a day on."""

    person = PersonSerializer(source="user", read_only=True)
    team = serializers.UUIDField(source="team.uuid", default=None, read_only=True)

    class Meta:
        model = m.Capacity
        fields: ClassVar = [
            "uuid", "person", "team", "days_a_week", "allocation", "work_role", "effective_from", "created_at",
        ]  # fmt: skip


class LeaveSerializer(serializers.ModelSerializer[m.Leave]):
    """Days away, both included."""

    person = PersonSerializer(source="user", read_only=True)
    team = serializers.UUIDField(source="team.uuid", default=None, read_only=True)

    class Meta:
        model = m.Leave
        fields: ClassVar = ["uuid", "person", "team", "first_day", "last_day", "created_at"]


class CostRateSerializer(serializers.ModelSerializer[m.CostRate]):
    """What a day of a role costs from a day on."""

    class Meta:
        model = m.CostRate
        fields: ClassVar = ["uuid", "work_role", "currency", "amount_a_day", "effective_from", "created_at"]


class _HolderRequest(serializers.Serializer[JSON]):
    """Either a person or a team."""

    person = serializers.SlugRelatedField(slug_field="uuid", queryset=m.User.objects.all(), **_OPTIONAL)
    team = serializers.SlugRelatedField(slug_field="uuid", queryset=m.Team.objects.all(), **_OPTIONAL)

    @property
    def holder(self) -> Holder:
        """Whoever was named."""
        return Holder(user=self.validated_data["person"], team=self.validated_data["team"])


class CapacityRequest(_HolderRequest):
    """Days a week and the share for remediation, from a day on."""

    days_a_week = serializers.DecimalField(max_digits=3, decimal_places=2)
    allocation = serializers.IntegerField()
    work_role = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    effective_from = serializers.DateField()


class LeaveRequest(_HolderRequest):
    """Days away, both included."""

    first_day = serializers.DateField()
    last_day = serializers.DateField()


class CostRateRequest(serializers.Serializer[JSON]):
    """What a day of a role costs from a day on."""

    work_role = serializers.CharField(max_length=100)
    currency = serializers.CharField(max_length=3)
    amount_a_day = serializers.DecimalField(max_digits=12, decimal_places=2)
    effective_from = serializers.DateField()


class TeamViewSet(ReadViewSet):
    """Teams. Who is put on one gets what the team may see."""

    queryset = m.Team.objects.prefetch_related("members").order_by("name", "pk")
    serializer_class = TeamSerializer
    verbs: ClassVar = {"GET": Verb.VIEW_PEOPLE, "POST": Verb.MANAGE_PEOPLE}

    def _sent(self, shape: type[serializers.Serializer[JSON]], request: Request) -> JSON:
        payload = shape(data=request.data)
        payload.is_valid(raise_exception=True)
        given: JSON = payload.validated_data
        return given

    @extend_schema(request=TeamNameRequest, responses={201: TeamSerializer})
    def create(self, request: Request) -> Response:
        """Make a team."""
        team = teams.create(**self._sent(TeamNameRequest, request), actor=asker(request))
        return Response(TeamSerializer(team).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=TeamMemberRequest, responses=TeamSerializer)
    @action(detail=True, methods=["post"])
    def join(self, request: Request, uuid: str) -> Response:
        """Put a person on the team."""
        team, given = self.get_object(), self._sent(TeamMemberRequest, request)
        teams.add_member(team=team, user=given["person"], actor=asker(request))
        return Response(TeamSerializer(self.get_object()).data)

    @extend_schema(request=TeamMemberRequest, responses=TeamSerializer)
    @action(detail=True, methods=["post"])
    def leave(self, request: Request, uuid: str) -> Response:
        """Take a person off the team."""
        team, given = self.get_object(), self._sent(TeamMemberRequest, request)
        teams.remove_member(team=team, user=given["person"], actor=asker(request))
        return Response(TeamSerializer(self.get_object()).data)


class CapacityViewSet(ReadViewSet):
    """Capacity of people and teams."""

    queryset = m.Capacity.objects.select_related("user", "team").order_by("-pk")
    serializer_class = CapacitySerializer
    verbs: ClassVar = {"GET": Verb.VIEW_CAPACITY, "POST": Verb.STATE_CAPACITY}

    @extend_schema(request=CapacityRequest, responses={201: CapacitySerializer})
    def create(self, request: Request) -> Response:
        """State capacity from a day on."""
        payload = CapacityRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        given = {name: value for name, value in payload.validated_data.items() if name not in {"person", "team"}}
        row = capacity.state_capacity(holder=payload.holder, **given, actor=asker(request))
        return Response(CapacitySerializer(row).data, status=status.HTTP_201_CREATED)


class LeaveViewSet(ReadViewSet):
    """Days away of people and teams."""

    queryset = m.Leave.objects.select_related("user", "team").order_by("-pk")
    serializer_class = LeaveSerializer
    verbs: ClassVar = {"GET": Verb.VIEW_CAPACITY, "POST": Verb.STATE_CAPACITY, "DELETE": Verb.STATE_CAPACITY}

    @extend_schema(request=LeaveRequest, responses={201: LeaveSerializer})
    def create(self, request: Request) -> Response:
        """State days away."""
        payload = LeaveRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        row = capacity.state_leave(
            holder=payload.holder, first_day=given["first_day"], last_day=given["last_day"], actor=asker(request)
        )
        return Response(LeaveSerializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, uuid: str) -> Response:
        """These days are worked after all."""
        capacity.withdraw_leave(leave=self.get_object(), actor=asker(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class CostRateViewSet(ReadViewSet):
    """Cost rates, for managers and administrators."""

    queryset = m.CostRate.objects.order_by("-pk")
    serializer_class = CostRateSerializer
    verbs: ClassVar = {"GET": Verb.VIEW_COSTS, "POST": Verb.STATE_RATES}

    @extend_schema(request=CostRateRequest, responses={201: CostRateSerializer})
    def create(self, request: Request) -> Response:
        """State a rate from a day on; of two for one day the later counts."""
        payload = CostRateRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        row = capacity.state_rate(**payload.validated_data, actor=asker(request))
        return Response(CostRateSerializer(row).data, status=status.HTTP_201_CREATED)
