"""Endpoints of notices and webhooks."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import ReadViewSet, asker
from compliance.api.serializers import PersonSerializer, UuidField
from compliance.choices import choices
from compliance.rights import Verb
from compliance.selectors.inbox import lines
from compliance.services import inbox, webhooks
from compliance.types.drafts import JSON
from compliance.types.notices import EventFamily


class NoticeSerializer(serializers.ModelSerializer[m.Notice]):
    """A line of one's inbox. title and place are empty where its subject may not be seen any more."""

    title = serializers.SerializerMethodField()
    place = serializers.SerializerMethodField()

    class Meta:
        model = m.Notice
        fields = (
            "uuid", "kind", "subject_type", "subject_uuid", "title", "place", "count", "due_on", "created_at", "read_at",
            "mailed_at",
        )  # fmt: skip

    def _line(self, notice: m.Notice) -> tuple[str, str]:
        known: tuple[str, str] | None = getattr(notice, "_shown", None)
        if known is None:
            line = lines([notice], notice.user)[0]
            known = line.title, line.url
            notice._shown = known  # type: ignore[attr-defined]  # noqa: SLF001 - of this answer alone
        return known

    def get_title(self, notice: m.Notice) -> str:
        """What it is about."""
        return self._line(notice)[0]

    def get_place(self, notice: m.Notice) -> str:
        """Where that is."""
        return self._line(notice)[1]


class NoticeViewSet(ReadViewSet):
    """One's own notices, the newest first."""

    queryset = m.Notice.objects.filter(count__gt=0).select_related("user")
    serializer_class = NoticeSerializer
    filterset_fields: ClassVar = {"kind": ["exact"], "read_at": ["isnull"]}
    verbs: ClassVar = {"GET": Verb.OWN_NOTICES}
    action_verbs: ClassVar = {"read": Verb.OWN_NOTICES}

    @extend_schema(request=None, responses=NoticeSerializer)
    @action(detail=True, methods=["post"])
    def read(self, request: Request, uuid: str) -> Response:
        """Mark it as read."""
        notice: m.Notice = self.get_object()
        inbox.mark_read(user=asker(request), notices=[notice.uuid])
        return Response(NoticeSerializer(self.get_object()).data)


class WebhookSerializer(serializers.ModelSerializer[m.WebhookEndpoint]):
    """A webhook without its secret."""

    made_by = PersonSerializer(read_only=True)
    families = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = m.WebhookEndpoint
        fields = (
            "uuid",
            "name",
            "url",
            "families",
            "is_active",
            "failures",
            "last_success_at",
            "made_by",
            "created_at",
        )


class NewWebhookSerializer(WebhookSerializer):
    """A webhook with its secret, which no later answer holds."""

    secret = serializers.CharField(read_only=True)

    class Meta:
        model = m.WebhookEndpoint
        fields = (*WebhookSerializer.Meta.fields, "secret")


class WebhookRequest(serializers.Serializer[JSON]):
    """What is stated of a webhook."""

    name = serializers.CharField(max_length=100)
    url = serializers.CharField(max_length=500)
    families = serializers.ListField(child=serializers.ChoiceField(choices=choices(EventFamily)), allow_empty=False)

    @property
    def draft(self) -> webhooks.EndpointDraft:
        """As the service takes it, once valid."""
        given = self.validated_data
        families = [EventFamily(family) for family in given["families"]]
        return webhooks.EndpointDraft(name=given["name"], url=given["url"], families=families)


class WebhookChangeRequest(WebhookRequest):
    """The same, with a switch."""

    is_active = serializers.BooleanField()


class DeliverySerializer(serializers.ModelSerializer[m.WebhookDelivery]):
    """One event for one webhook. uuid is the message id under which it is sent."""

    endpoint = UuidField()
    event = UuidField()
    kind = serializers.CharField(source="event.kind", read_only=True)

    class Meta:
        model = m.WebhookDelivery
        fields = (
            "uuid", "endpoint", "event", "kind", "state", "attempts", "next_at", "last_try_at", "status", "error",
            "delivered_at", "created_at",
        )  # fmt: skip


def _with_secret(made: webhooks.Made, code: int) -> Response:
    answer = Response(WebhookSerializer(made.endpoint).data | {"secret": made.secret}, status=code)
    answer["Cache-Control"] = "no-store"
    return answer


class WebhookViewSet(ReadViewSet):
    """Webhooks."""

    queryset = m.WebhookEndpoint.objects.select_related("made_by")
    serializer_class = WebhookSerializer
    verbs: ClassVar = {"GET": Verb.MANAGE_WEBHOOKS, "POST": Verb.MANAGE_WEBHOOKS}
    action_verbs: ClassVar = dict.fromkeys(("change", "secret", "again"), Verb.MANAGE_WEBHOOKS)

    @extend_schema(request=WebhookRequest, responses={201: NewWebhookSerializer})
    def create(self, request: Request) -> Response:
        """Define a webhook; its secret is in this answer alone."""
        payload = WebhookRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        made = webhooks.define(draft=payload.draft, actor=asker(request))
        return _with_secret(made, status.HTTP_201_CREATED)

    @extend_schema(request=WebhookChangeRequest, responses=WebhookSerializer)
    @action(detail=True, methods=["post"])
    def change(self, request: Request, uuid: str) -> Response:
        """Another address, other events, or on and off."""
        payload = WebhookChangeRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        is_active = payload.validated_data["is_active"]
        webhooks.change(endpoint=self.get_object(), draft=payload.draft, is_active=is_active, actor=asker(request))
        return Response(WebhookSerializer(self.get_object()).data)

    @extend_schema(request=None, responses=NewWebhookSerializer)
    @action(detail=True, methods=["post"])
    def secret(self, request: Request, uuid: str) -> Response:
        """A new secret, in this answer alone."""
        made = webhooks.renew_secret(endpoint=self.get_object(), actor=asker(request))
        return _with_secret(made, status.HTTP_200_OK)

    @extend_schema(request=None, responses=WebhookSerializer)
    @action(detail=True, methods=["post"])
    def again(self, request: Request, uuid: str) -> Response:
        """Queue all that was given up."""
        webhooks.send_all_again(endpoint=self.get_object(), actor=asker(request))
        return Response(WebhookSerializer(self.get_object()).data)


class DeliveryViewSet(ReadViewSet):
    """Deliveries of webhooks."""

    queryset = m.WebhookDelivery.objects.select_related("endpoint", "event")
    serializer_class = DeliverySerializer
    filterset_fields = ("state", "endpoint__uuid")
    verbs: ClassVar = {"GET": Verb.MANAGE_WEBHOOKS}
    action_verbs: ClassVar = {"again": Verb.MANAGE_WEBHOOKS}

    def get_queryset(self) -> QuerySet[Any]:
        """The newest first."""
        return super().get_queryset().order_by("-pk")

    @extend_schema(request=None, responses=DeliverySerializer)
    @action(detail=True, methods=["post"])
    def again(self, request: Request, uuid: str) -> Response:
        """Queue it again, under the same message id."""
        webhooks.send_again(delivery=self.get_object(), actor=asker(request))
        return Response(DeliverySerializer(self.get_object()).data)
