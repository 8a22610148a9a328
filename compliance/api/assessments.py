"""Endpoints of assessments, answers and evidence."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import Prefetch
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api import requests
from compliance.api import serializers as shapes
from compliance.api.base import ReadViewSet, asker
from compliance.oscal.export import Model
from compliance.rights import Verb
from compliance.services import answers, assessments, evidence, freezes, oscal_exports, packs
from compliance.types.states import Audience


class AssessmentViewSet(ReadViewSet):
    """Assessments."""

    queryset = m.Assessment.objects.select_related("system", "technique")
    serializer_class = shapes.AssessmentSerializer
    filterset_fields = ("state",)
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.OPEN_ASSESSMENT}
    action_verbs: ClassVar = {
        "freeze": Verb.FREEZE_ASSESSMENT,
        "issue_pack": Verb.ISSUE_PACK,
        "oscal": Verb.DOWNLOAD_PACK,
    }

    @extend_schema(request=requests.AssessmentRequest, responses={201: shapes.AssessmentSerializer})
    def create(self, request: Request) -> Response:
        """Open an assessment."""
        payload = requests.AssessmentRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        assessment = assessments.open_assessment(**payload.validated_data, actor=asker(request))
        return Response(shapes.AssessmentSerializer(assessment).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=shapes.AssessmentSerializer)
    @action(detail=True, methods=["post"])
    def freeze(self, request: Request, uuid: str) -> Response:
        """Freeze an assessment whose answers are all approved."""
        assessment: m.Assessment = self.get_object()
        freezes.freeze(assessment=assessment, actor=asker(request))
        return Response(shapes.AssessmentSerializer(self.get_object()).data)

    @extend_schema(request=requests.PackRequest, responses={202: shapes.JobSerializer})
    @action(detail=True, methods=["post"], url_path="issue-pack")
    def issue_pack(self, request: Request, uuid: str) -> Response:
        """Issue a signed evidence pack of a frozen assessment, in the background."""
        payload = requests.PackRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        audience = Audience(payload.validated_data["audience"])
        job = packs.request_issue(assessment=self.get_object(), actor=asker(request), audience=audience)
        return Response(shapes.JobSerializer(job).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        parameters=[OpenApiParameter("model", str, enum=[model.value for model in Model])],
        responses={(200, "application/json"): OpenApiTypes.OBJECT},
    )
    @action(detail=True, methods=["get"])
    def oscal(self, request: Request, uuid: str) -> HttpResponseBase:
        """A frozen assessment as one OSCAL 1.2 document, the same bytes each time; without ?model= the models there are."""
        assessment: m.Assessment = self.get_object()
        wanted = request.query_params.get("model")
        if wanted is None:
            return Response({"models": [model.value for model in Model]})
        if wanted not in set(Model):
            raise ValidationError({"model": [_("“%s” is none of the models that are exported.") % wanted]})
        content = oscal_exports.oscal_of(
            assessment=assessment, model=Model(wanted), most_bytes=oscal_exports.WHILE_SOMEBODY_WAITS
        )
        return HttpResponse(content, content_type="application/json")


class AnswerViewSet(ReadViewSet):
    """Answers to the audit questions."""

    queryset = m.Answer.objects.select_related("assessment__system", "question", "author", "approver").prefetch_related(
        Prefetch("evidence_links", queryset=m.EvidenceLink.objects.select_related("evidence")), "findings"
    )
    serializer_class = shapes.AnswerSerializer
    filterset_fields = ("state", "assessment__uuid")
    action_verbs: ClassVar = {
        "write": Verb.WRITE_ANSWER,
        "submit": Verb.WRITE_ANSWER,
        "attach": Verb.LINK_EVIDENCE,
        "name_finding": Verb.WRITE_ANSWER,
        "approve": Verb.APPROVE_ANSWER,
        "send_back": Verb.APPROVE_ANSWER,
    }

    def _shown(self) -> Response:
        return Response(shapes.AnswerSerializer(self.get_object()).data)

    @extend_schema(request=shapes.AnswerWriteSerializer, responses=shapes.AnswerSerializer)
    @action(detail=True, methods=["post"])
    def write(self, request: Request, uuid: str) -> Response:
        """Write or rewrite the answer; it becomes a draft."""
        answer: m.Answer = self.get_object()
        payload = shapes.AnswerWriteSerializer(data=request.data)
        payload.is_valid(raise_exception=True)
        given = dict(payload.validated_data)
        version = given.pop("version")
        answers.write(answer=answer, **given, actor=asker(request), expected_version=version)
        return self._shown()

    @extend_schema(request=None, responses=shapes.AnswerSerializer)
    @action(detail=True, methods=["post"])
    def submit(self, request: Request, uuid: str) -> Response:
        """Send the answer for review."""
        answers.submit(answer=self.get_object(), actor=asker(request))
        return self._shown()

    @extend_schema(request=requests.EvidenceReference, responses=shapes.AnswerSerializer)
    @action(detail=True, methods=["post"])
    def attach(self, request: Request, uuid: str) -> Response:
        """Attach evidence."""
        answer: m.Answer = self.get_object()
        payload = requests.EvidenceReference(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        evidence.link(**payload.validated_data, target=answer, actor=asker(request))
        return self._shown()

    @extend_schema(request=requests.FindingReference, responses=shapes.AnswerSerializer)
    @action(detail=True, methods=["post"], url_path="name-finding")
    def name_finding(self, request: Request, uuid: str) -> Response:
        """Name the finding that explains a partly or no."""
        answer: m.Answer = self.get_object()
        payload = requests.FindingReference(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        answers.link_finding(answer=answer, **payload.validated_data, actor=asker(request))
        return self._shown()

    @extend_schema(request=shapes.CommentSerializer, responses=shapes.AnswerSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, uuid: str) -> Response:
        """Approve as a second person."""
        answer: m.Answer = self.get_object()
        payload = shapes.CommentSerializer(data=request.data)
        payload.is_valid(raise_exception=True)
        answers.approve(answer=answer, actor=asker(request), **payload.validated_data)
        return self._shown()

    @extend_schema(request=shapes.CommentSerializer, responses=shapes.AnswerSerializer)
    @action(detail=True, methods=["post"], url_path="send-back")
    def send_back(self, request: Request, uuid: str) -> Response:
        """Return the answer, saying what is missing."""
        answer: m.Answer = self.get_object()
        payload = shapes.CommentSerializer(data=request.data)
        payload.is_valid(raise_exception=True)
        answers.send_back(answer=answer, actor=asker(request), **payload.validated_data)
        return self._shown()


class EvidenceViewSet(ReadViewSet):
    """Evidence. Uploads are kept as they are and never read as code; downloads are attachments."""

    queryset = m.Evidence.objects.select_related("system", "supersedes")
    serializer_class = shapes.EvidenceSerializer
    filterset_fields = ("state", "sha256")
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.ADD_EVIDENCE}
    action_verbs: ClassVar = {"download": Verb.DOWNLOAD_EVIDENCE}

    @extend_schema(
        request={"multipart/form-data": requests.EvidenceRequest}, responses={201: shapes.EvidenceSerializer}
    )
    def create(self, request: Request) -> Response:
        """Add a document as evidence of a system."""
        payload = requests.EvidenceRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given = dict(payload.validated_data)
        upload = given.pop("file")
        received = evidence.receive(**given, stream=upload.file, filename=upload.name, received_by=asker(request))
        return Response(shapes.EvidenceSerializer(received).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def download(self, request: Request, uuid: str) -> FileResponse:
        """The bytes as they were received."""
        entry: m.Evidence = self.get_object()
        return FileResponse(
            evidence.open_bytes(evidence=entry),
            as_attachment=True,
            filename=entry.filename,
            content_type="application/octet-stream",
        )
