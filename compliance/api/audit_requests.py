"""Endpoints of auditors' requests: the lists, asking, changing, the thread, and the list as a file out and in."""

from __future__ import annotations

import tempfile
from typing import Any, ClassVar

from django.http import FileResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import EXPORT, ReadViewSet, ScopedReference, ScopedViewSet, asked_kind, asker, exported
from compliance.api.serializers import PersonSerializer, UuidField
from compliance.choices import choices
from compliance.rights import Verb
from compliance.selectors.request_sheet import write_sheet
from compliance.selectors.table_files import MEDIA_TYPES, Kind
from compliance.services import audit_requests, request_lists
from compliance.services.audit_requests import RequestDraft
from compliance.types.audit_requests import RequestState
from compliance.types.drafts import JSON

_TEXT: dict[str, Any] = {"required": False, "allow_blank": True, "default": "", "max_length": 20_000}
ROWS = m.AuditRequest.objects.select_related("engagement", "owner", "asked_by").prefetch_related("controls")


class AuditRequestSerializer(serializers.ModelSerializer[m.AuditRequest]):
    """One request; its thread is at `replies/`."""

    engagement = UuidField()
    controls = serializers.SlugRelatedField[Any](slug_field="uuid", many=True, read_only=True)
    owner = PersonSerializer(read_only=True)
    asked_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.AuditRequest
        fields: ClassVar = [
            "uuid", "engagement", "number", "title", "text", "controls", "owner", "due_on", "state", "asked_by", "created_at",
            "changed_at",
        ]  # fmt: skip


class ReplySerializer(serializers.ModelSerializer[m.RequestReply]):
    """One entry of a thread, with what was handed over."""

    author = PersonSerializer(read_only=True)
    evidence = serializers.SerializerMethodField()

    class Meta:
        model = m.RequestReply
        fields: ClassVar = ["uuid", "author", "text", "before", "after", "evidence", "created_at"]

    def get_evidence(self, reply: m.RequestReply) -> list[str]:
        """The identifiers of the pieces."""
        return [str(entry.evidence.uuid) for entry in reply.attached.all()]


class AuditRequestWords(serializers.Serializer[JSON]):
    """What is asked for. owner: only by the organisation."""

    title = serializers.CharField(max_length=300)
    text = serializers.CharField(**_TEXT)
    controls = ScopedReference(
        queryset=m.ImplementedControl.objects.select_related("system"), many=True, required=False, default=list
    )
    owner = serializers.SlugRelatedField[Any](
        slug_field="uuid", queryset=m.User.objects.all(), required=False, allow_null=True, default=None
    )
    due_on = serializers.DateField(required=False, allow_null=True, default=None)


class AuditRequestRequest(AuditRequestWords):
    """A new request."""

    engagement = ScopedReference(queryset=m.Engagement.objects.all())


class ReplyRequest(serializers.Serializer[JSON]):
    """Words, a move, evidence; at least one of them."""

    text = serializers.CharField(**_TEXT)
    to = serializers.ChoiceField(choices=choices(RequestState), required=False, allow_null=True, default=None)
    evidence = ScopedReference(queryset=m.Evidence.objects.all(), many=True, required=False, default=list)


class ListFileRequest(serializers.Serializer[JSON]):
    """An edited list."""

    file = serializers.FileField()


class ImportedSerializer(serializers.Serializer[Any]):
    """What became of the rows of a list."""

    asked = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()


class AuditRequestViewSet(ReadViewSet):
    """Requests of auditors."""

    queryset = ROWS
    serializer_class = AuditRequestSerializer
    filterset_fields: ClassVar = {"engagement__uuid": ["exact"], "state": ["exact"], "due_on": ["gte", "lt"]}
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.ASK_REQUEST}
    action_verbs: ClassVar = {"change": Verb.CHANGE_REQUEST, "reply": Verb.WORK_REQUEST}

    def _shown(self) -> Response:
        return Response(AuditRequestSerializer(self.get_object()).data)

    @extend_schema(request=AuditRequestRequest, responses={201: AuditRequestSerializer})
    def create(self, request: Request) -> Response:
        """Ask for something in an engagement."""
        payload = AuditRequestRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given = dict(payload.validated_data)
        engagement = given.pop("engagement")
        made = audit_requests.ask(engagement=engagement, draft=RequestDraft(**given), actor=asker(request))
        return Response(AuditRequestSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=AuditRequestWords, responses=AuditRequestSerializer)
    @action(detail=True, methods=["post"])
    def change(self, request: Request, uuid: str) -> Response:
        """State title, words, controls, owner and day anew."""
        asked: m.AuditRequest = self.get_object()
        payload = AuditRequestWords(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        if "owner" not in request.data:
            given["owner"] = asked.owner
        audit_requests.change(request=asked, draft=RequestDraft(**given), actor=asker(request))
        return self._shown()

    @extend_schema(request=ReplyRequest, responses=AuditRequestSerializer)
    @action(detail=True, methods=["post"])
    def reply(self, request: Request, uuid: str) -> Response:
        """Add to the thread: words, a move, evidence."""
        asked: m.AuditRequest = self.get_object()
        payload = ReplyRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        to = RequestState(given["to"]) if given["to"] else None
        audit_requests.reply(request=asked, text=given["text"], to=to, evidence=given["evidence"], actor=asker(request))
        return self._shown()

    @extend_schema(parameters=[EXPORT], responses=ReplySerializer(many=True))
    @action(detail=True, methods=["get"])
    def replies(self, request: Request, uuid: str) -> Response | HttpResponseBase:
        """The thread, oldest first."""
        rows = self.get_object().replies.select_related("author").prefetch_related("attached__evidence")
        if kind := asked_kind(request):
            return exported(request, kind, ReplySerializer(), rows)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(ReplySerializer(page, many=True).data)


class RequestListViewSet(ScopedViewSet):
    """The request list of an engagement as a file."""

    queryset = m.Engagement.objects.all()
    serializer_class = ImportedSerializer
    verbs: ClassVar = {"GET": Verb.VIEW_ENGAGEMENTS}
    action_verbs: ClassVar = {"take": Verb.ASK_REQUEST}

    @extend_schema(responses={(200, MEDIA_TYPES[Kind.XLSX]): OpenApiTypes.BINARY})
    def retrieve(self, request: Request, uuid: str) -> FileResponse:
        """The list to be edited and sent back."""
        file = tempfile.TemporaryFile()  # noqa: SIM115  # the answer closes it
        write_sheet(request_lists.list_rows(engagement=self.get_object(), reader=asker(request)), file)
        file.seek(0)
        return FileResponse(file, as_attachment=True, filename="requests.xlsx", content_type=MEDIA_TYPES[Kind.XLSX])

    @extend_schema(request={"multipart/form-data": ListFileRequest}, responses=ImportedSerializer)
    @action(detail=True, methods=["post"])
    def take(self, request: Request, uuid: str) -> Response:
        """Take an edited list in, whole or not at all."""
        engagement: m.Engagement = self.get_object()
        payload = ListFileRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        file = payload.validated_data["file"].file
        done = request_lists.import_list(engagement=engagement, file=file, actor=asker(request))
        return Response(ImportedSerializer(done).data)
