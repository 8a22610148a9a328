"""Endpoints of what was planned for remediation and what it took: baselines, updates, work entries, dependencies."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import ReadViewSet, asker
from compliance.api.serializers import PersonSerializer, UuidField
from compliance.rights import Verb
from compliance.services import dependencies, work_log
from compliance.types.drafts import JSON


class BaselineSerializer(serializers.ModelSerializer[m.Baseline]):
    """A baseline as proposed, with the decision on it. Effort in person-days."""

    item = UuidField()
    proposed_by = PersonSerializer(read_only=True)
    is_approved = serializers.BooleanField(source="decision.is_approved", default=None, read_only=True)
    decided_by = PersonSerializer(source="decision.decided_by", default=None, read_only=True)
    decided_at = serializers.DateTimeField(source="decision.created_at", default=None, read_only=True)
    note = serializers.CharField(source="decision.note", default="", read_only=True)

    class Meta:
        model = m.Baseline
        fields: ClassVar = [
            "uuid", "item", "number", "scope", "effort_low", "effort_likely", "effort_high", "due_on", "proposed_by",
            "is_approved", "decided_by", "decided_at", "note", "created_at",
        ]  # fmt: skip


class PlanUpdateSerializer(serializers.ModelSerializer[m.PlanUpdate]):
    """Estimate, remaining effort and due date from one moment on, and why. due_before: the due date that it moved. Effort
    in person-days."""

    item = UuidField()
    item_title = serializers.CharField(source="item.title", read_only=True)
    due_before = serializers.DateField(read_only=True)
    made_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.PlanUpdate
        fields: ClassVar = [
            "uuid", "item", "item_title", "number", "estimate_low", "estimate_likely", "estimate_high", "remaining",
            "due_before", "due_on", "slip_days", "reason", "note", "made_by", "created_at",
        ]  # fmt: skip


class WorkEntrySerializer(serializers.ModelSerializer[m.WorkEntry]):
    """Work of a person on a day."""

    item = UuidField()
    person = PersonSerializer(read_only=True)
    reverses = UuidField()
    made_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.WorkEntry
        fields: ClassVar = [
            "uuid", "item", "person", "day", "amount", "unit", "person_days", "work_role", "what", "remaining_after",
            "reverses", "made_by", "created_at",
        ]  # fmt: skip


class DependencySerializer(serializers.ModelSerializer[m.ItemDependency]):
    """An item and one that has to be done before."""

    item = UuidField()
    needs = UuidField()

    class Meta:
        model = m.ItemDependency
        fields: ClassVar = ["uuid", "item", "needs", "created_at"]


class ReversalRequest(serializers.Serializer[JSON]):
    """What was wrong with the entry."""

    why = serializers.CharField(max_length=1_000)


class BaselineViewSet(ReadViewSet):
    """Baselines, in force or not."""

    queryset = m.Baseline.objects.select_related("item", "proposed_by", "decision__decided_by").order_by("-pk")
    serializer_class = BaselineSerializer
    filterset_fields = ("item__uuid",)


class PlanUpdateViewSet(ReadViewSet):
    """Updates of plans; `?slip_days__gt=0` gives those that moved a due date to a later day, with `created_at__gte` and
    `created_at__lt` those of a week."""

    queryset = m.PlanUpdate.objects.select_related("item", "made_by").order_by("-pk")
    serializer_class = PlanUpdateSerializer
    filterset_fields: ClassVar = {
        "item__uuid": ["exact"], "reason": ["exact"], "slip_days": ["gt"],
        "created_at": ["gte", "lt"], "item__system__uuid": ["exact"],
    }  # fmt: skip


class WorkEntryViewSet(ReadViewSet):
    """The work log; a mistaken entry is taken back by a counter entry."""

    queryset = m.WorkEntry.objects.select_related("item", "person", "reverses", "made_by").order_by("-pk")
    serializer_class = WorkEntrySerializer
    filterset_fields: ClassVar = {"item__uuid": ["exact"], "day": ["exact", "lt", "gt"]}
    verbs: ClassVar = {"GET": Verb.WORK_REMEDIATION, "POST": Verb.WORK_REMEDIATION}

    @extend_schema(request=ReversalRequest, responses={201: WorkEntrySerializer})
    @action(detail=True, methods=["post"])
    def reverse(self, request: Request, uuid: str) -> Response:
        """Take an entry back; both stay."""
        entry: Any = self.get_object()
        payload = ReversalRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        made = work_log.reverse(entry=entry, why=payload.validated_data["why"], actor=asker(request))
        return Response(WorkEntrySerializer(made).data, status=status.HTTP_201_CREATED)


class DependencyViewSet(ReadViewSet):
    """Which items wait for which."""

    queryset = m.ItemDependency.objects.select_related("item__system", "needs").order_by("-pk")
    serializer_class = DependencySerializer
    filterset_fields = ("item__uuid", "needs__uuid")
    verbs: ClassVar = {"GET": Verb.VIEW, "DELETE": Verb.OPEN_REMEDIATION}

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, uuid: str) -> Response:
        """The item waits no longer."""
        dependencies.remove(dependency=self.get_object(), actor=asker(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
