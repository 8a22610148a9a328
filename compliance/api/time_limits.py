"""Endpoints of time limits: limits, calendars, the clocks of findings, and nightly runs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import EXPORT, ReadViewSet, ScopedReference, asker
from compliance.api.serializers import PersonSerializer, UuidField
from compliance.choices import choices
from compliance.rights import Verb
from compliance.selectors.time_limits import stands, this_minute
from compliance.services import time_limits
from compliance.types.business_time import MINUTES_A_DAY, Hours
from compliance.types.drafts import JSON
from compliance.types.sla import MOST_HOURS, Limit, SlaState, SlaUnit
from compliance.types.states import Severity

STATE = OpenApiParameter("state", enum=[state.value for state in SlaState], description="Where the clocks stand now.")


class LimitSerializer(serializers.Serializer[JSON]):
    """The limit of one severity."""

    severity = serializers.ChoiceField(choices=choices(Severity))
    amount = serializers.IntegerField(min_value=1, max_value=MOST_HOURS)
    unit = serializers.ChoiceField(choices=choices(SlaUnit))


class SlaPolicySerializer(serializers.ModelSerializer[m.SlaPolicy]):
    """One wording of the time limits; the highest version is in force."""

    made_by = PersonSerializer(read_only=True)
    limits = LimitSerializer(many=True)

    class Meta:
        model = m.SlaPolicy
        exclude: ClassVar = ["id"]


class LimitsRequest(serializers.Serializer[JSON]):
    """New limits. calendar: the key of the calendar by which working hours are counted."""

    limits = LimitSerializer(many=True)
    near_percent = serializers.IntegerField(min_value=1, max_value=99, default=80)
    calendar = serializers.SlugField(max_length=50)
    reason = serializers.CharField(max_length=5_000, required=False, allow_blank=True, default="")


class HoursSerializer(serializers.Serializer[JSON]):
    """Working hours of a day of the week (0: Monday), in minutes since midnight."""

    weekday = serializers.IntegerField(min_value=0, max_value=6)
    start = serializers.IntegerField(min_value=0, max_value=MINUTES_A_DAY)
    end = serializers.IntegerField(min_value=0, max_value=MINUTES_A_DAY)


class CalendarSerializer(serializers.ModelSerializer[m.BusinessCalendar]):
    """One wording of a calendar; the highest version of a key is in force. hours: weekday, start, end each."""

    made_by = PersonSerializer(read_only=True)
    hours = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))
    holidays = serializers.ListField(child=serializers.DateField())
    systems = serializers.ListField(child=serializers.UUIDField())

    class Meta:
        model = m.BusinessCalendar
        exclude: ClassVar = ["id"]


class CalendarRequest(serializers.Serializer[JSON]):
    """A calendar's next wording; with a new key, a new calendar."""

    key = serializers.SlugField(max_length=50)
    title = serializers.CharField(max_length=100)
    zone = serializers.CharField(max_length=64)
    hours = HoursSerializer(many=True)
    holidays = serializers.ListField(child=serializers.DateField(), required=False, default=list)
    systems = ScopedReference(queryset=m.AISystem.objects.all(), many=True, required=False, default=list)


class ClockSerializer(serializers.ModelSerializer[m.SlaClock]):
    """The clock of a finding. state: where it stands at the moment of asking."""

    finding = UuidField()
    system = serializers.UUIDField(source="finding.system.uuid", read_only=True)
    policy_version = serializers.IntegerField(source="policy.version", read_only=True)
    state = serializers.SerializerMethodField()

    class Meta:
        model = m.SlaClock
        fields = (
            "uuid", "finding", "system", "severity", "policy_version", "unit", "limit_seconds", "state", "started_at",
            "near_at", "due_at", "paused_at", "ended_at",
        )  # fmt: skip

    def get_state(self, clock: m.SlaClock) -> str:
        """Where it stands."""
        return clock.state(timezone.now()).value


class NightlyRunSerializer(serializers.ModelSerializer[m.NightlyRun]):
    """One nightly run."""

    steps = serializers.ListField(child=serializers.DictField())

    class Meta:
        model = m.NightlyRun
        exclude: ClassVar = ["id"]


class SlaPolicyViewSet(ReadViewSet):
    """Time limits: every wording there was."""

    queryset = m.SlaPolicy.objects.select_related("made_by").order_by("-version")
    serializer_class = SlaPolicySerializer
    verbs: ClassVar = {"GET": Verb.VIEW_LIMITS, "POST": Verb.MANAGE_LIMITS}

    @extend_schema(request=LimitsRequest, responses={201: SlaPolicySerializer})
    def create(self, request: Request) -> Response:
        """Put new limits in force."""
        payload = LimitsRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        limits = [
            Limit(severity=Severity(row["severity"]), amount=row["amount"], unit=SlaUnit(row["unit"]))
            for row in given.pop("limits")
        ]
        written = time_limits.put_in_force(limits=limits, **given, actor=asker(request))
        return Response(SlaPolicySerializer(written).data, status=status.HTTP_201_CREATED)


class CalendarViewSet(ReadViewSet):
    """Calendars: every wording there was."""

    queryset = m.BusinessCalendar.objects.select_related("made_by").order_by("-created_at", "-pk")
    serializer_class = CalendarSerializer
    filterset_fields = ("key",)
    verbs: ClassVar = {"GET": Verb.VIEW_LIMITS, "POST": Verb.MANAGE_LIMITS}

    @extend_schema(request=CalendarRequest, responses={201: CalendarSerializer})
    def create(self, request: Request) -> Response:
        """Put a wording of a calendar in force."""
        payload = CalendarRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        key, hours = given.pop("key"), [Hours(**span) for span in given.pop("hours")]
        draft = time_limits.CalendarDraft(hours=hours, **given)
        written = time_limits.write_calendar(key=key, draft=draft, actor=asker(request))
        return Response(CalendarSerializer(written).data, status=status.HTTP_201_CREATED)


@extend_schema_view(list=extend_schema(parameters=[EXPORT, STATE]))
class ClockViewSet(ReadViewSet):
    """Clocks of findings: those that run, and those that ended."""

    queryset = m.SlaClock.objects.select_related("finding__system", "policy").order_by("due_at", "pk")
    serializer_class = ClockSerializer
    filterset_fields = ("severity", "finding__uuid")

    def get_queryset(self) -> QuerySet[Any]:
        """Those that stand where `?state=` says."""
        asked, rows = self.request.query_params.get("state"), super().get_queryset()
        if not asked:
            return rows
        if asked not in set(SlaState):
            raise serializers.ValidationError({"state": f"A clock is one of {', '.join(SlaState)}."})
        return rows.filter(stands(SlaState(asked), this_minute()))


class NightlyRunViewSet(ReadViewSet):
    """Nightly runs."""

    queryset = m.NightlyRun.objects.all()
    serializer_class = NightlyRunSerializer
    verbs: ClassVar = {"GET": Verb.VIEW_LIMITS}
