"""Endpoints of assessments, answers and evidence."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

from django.db.models import QuerySet
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
from compliance.api.base import EXPORT, ReadViewSet, asked_kind, asker, exported
from compliance.oscal.export import Model
from compliance.rights import Verb
from compliance.selectors.answer_basis import with_basis
from compliance.selectors.answer_list import mine
from compliance.selectors.comparison_page import candidates
from compliance.selectors.file_answers import attachment
from compliance.selectors.pre_audit import kept_checks
from compliance.services import (
    answer_work,
    answers,
    assessments,
    evidence,
    evidence_standing,
    freeze_documents,
    freezes,
    handling,
    oscal_exports,
    pack_statements,
    packs,
    retention,
)
from compliance.types.handling import HandlingLabel, Recipient
from compliance.types.pack_layouts import Layout
from compliance.types.provenance import Provenance
from compliance.types.retention import EvidenceKind
from compliance.types.states import Audience, RetentionClass


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

    @extend_schema(parameters=[EXPORT], responses=shapes.PreAuditSerializer(many=True))
    @action(detail=True, methods=["get"], url_path="pre-audit", filterset_fields=(), pagination_class=None)
    def pre_audit(self, request: Request, uuid: str) -> Response | HttpResponseBase:
        """What an auditor would ask about, each thing with the page on which it is mended."""
        lines = kept_checks(self.get_object())
        if kind := asked_kind(request):
            return exported(request, kind, shapes.PreAuditSerializer(), lines)
        return Response(shapes.PreAuditSerializer(lines, many=True).data)

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
        given = payload.validated_data
        layout = Layout(given["layout"])
        recipient = Recipient(
            name=given["recipient"], purpose=given["purpose"], under_nda=given["under_nda"], region=given["region"]
        )
        job = packs.request_issue(
            assessment=self.get_object(),
            actor=asker(request),
            audience=Audience(given["audience"]),
            recipient=recipient,
            with_originals=given["with_originals"],
            layout=layout,
            named_because=given["named_because"],
            words=pack_statements.words_of(given) if layout is Layout.CHANGES else None,
        )
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

    @extend_schema(
        parameters=[
            OpenApiParameter("against", str, description="uuid of the other; without it those that can be named")
        ],
        responses={(200, "application/json"): OpenApiTypes.OBJECT},
    )
    @action(detail=True, methods=["get"])
    def compare(self, request: Request, uuid: str) -> Response:
        """What changed between this freeze and another of the same AI system, the earlier one first."""
        assessment: m.Assessment = self.get_object()
        rows = {str(one.uuid): one for one in candidates(assessment, asker(request))}
        wanted = request.query_params.get("against")
        if wanted is None:
            return Response({"against": list(rows)})
        other = rows.get(wanted)
        if other is None or not assessment.is_frozen:
            raise ValidationError({"against": [_("Name another frozen assessment of the same AI system by its uuid.")]})
        earlier, later = sorted((assessment, other), key=lambda one: (one.freeze.created_at, one.pk))
        found = freeze_documents.compared(before=earlier, after=later, most_bytes=freeze_documents.WHILE_SOMEBODY_WAITS)
        return Response({**asdict(found), "differs": found.differs, "unknown": list(found.unknown)})


class AnswerViewSet(ReadViewSet):
    """Answers to the audit questions."""

    queryset = with_basis(
        m.Answer.objects.select_related(
            "assessment__system", "question", "author", "approver", "assignee", "delegate", "reviewer"
        ).prefetch_related("findings")
    )
    serializer_class = shapes.AnswerSerializer
    filterset_fields: ClassVar = {
        "state": ["exact"], "assessment__uuid": ["exact"], "assignee__uuid": ["exact"], "delegate__uuid": ["exact"],
        "reviewer__uuid": ["exact"], "due_on": ["exact", "lt", "gte"],
    }  # fmt: skip
    action_verbs: ClassVar = {
        "write": Verb.WRITE_ANSWER,
        "submit": Verb.WRITE_ANSWER,
        "assign": Verb.ASSIGN_ANSWER,
        "delegate": Verb.WRITE_ANSWER,
        "attach": Verb.LINK_EVIDENCE,
        "name_finding": Verb.WRITE_ANSWER,
        "approve": Verb.APPROVE_ANSWER,
        "approve_alone": Verb.APPROVE_ANSWER,
        "send_back": Verb.APPROVE_ANSWER,
    }

    def _shown(self) -> Response:
        return Response(shapes.AnswerSerializer(self.get_object()).data)

    def get_queryset(self) -> QuerySet[m.Answer]:
        """What the asker may see; with ?mine=true only what is assigned or handed to them, or theirs to review."""
        rows: QuerySet[m.Answer] = super().get_queryset()
        return rows.filter(mine(asker(self.request))) if self.request.query_params.get("mine") == "true" else rows

    @extend_schema(parameters=[OpenApiParameter("mine", bool, description="Only the asker's own.")])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answers; ?mine=true for what is assigned or handed to the asker, or theirs to review."""
        shown: Response = super().list(request, *args, **kwargs)
        return shown

    @extend_schema(request=requests.AssignmentRequest, responses=shapes.AnswerSerializer)
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, uuid: str) -> Response:
        """Say who answers, who stands in, who reviews and by when."""
        answer: m.Answer = self.get_object()
        payload = requests.AssignmentRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        answer_work.assign(answer=answer, **payload.validated_data, actor=asker(request))
        return self._shown()

    @extend_schema(request=requests.DelegateRequest, responses=shapes.AnswerSerializer)
    @action(detail=True, methods=["post"])
    def delegate(self, request: Request, uuid: str) -> Response:
        """Hand the writing to somebody, as the assignee."""
        answer: m.Answer = self.get_object()
        payload = requests.DelegateRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        answer_work.delegate(answer=answer, **payload.validated_data, actor=asker(request))
        return self._shown()

    @extend_schema(
        request=shapes.AnswerWriteSerializer,
        responses={200: shapes.AnswerSerializer, 409: shapes.ConflictSerializer},
    )
    @action(detail=True, methods=["post"])
    def write(self, request: Request, uuid: str) -> Response:
        """Write or rewrite the answer; it becomes a draft. 409 with both versions when somebody else wrote meanwhile."""
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

    @extend_schema(request=shapes.AloneSerializer, responses=shapes.AnswerSerializer)
    @action(detail=True, methods=["post"], url_path="approve-alone")
    def approve_alone(self, request: Request, uuid: str) -> Response:
        """Approve where nobody else can; the answer is marked "not independently approved"."""
        answer: m.Answer = self.get_object()
        payload = shapes.AloneSerializer(data=request.data)
        payload.is_valid(raise_exception=True)
        answers.approve_alone(answer=answer, actor=asker(request), **payload.validated_data)
        return self._shown()

    @extend_schema(request=shapes.ApprovalSerializer, responses=shapes.AnswerSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, uuid: str) -> Response:
        """Approve as a second person."""
        answer: m.Answer = self.get_object()
        payload = shapes.ApprovalSerializer(data=request.data)
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


KIND = OpenApiParameter(
    "kind", enum=list(EvidenceKind), description="What the file is: its retention follows, and a model may be larger."
)


class EvidenceViewSet(ReadViewSet):
    """Evidence. Uploads are kept as they are and never read as code; downloads are attachments."""

    queryset = m.Evidence.objects.select_related("system", "supersedes")
    serializer_class = shapes.EvidenceSerializer
    keeps_count = True
    filterset_fields = ("state", "sha256")
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.ADD_EVIDENCE}
    action_verbs: ClassVar = {
        "download": Verb.DOWNLOAD_EVIDENCE,
        "describe": Verb.JUDGE_EVIDENCE,
        "reject": Verb.JUDGE_EVIDENCE,
        "supersede": Verb.JUDGE_EVIDENCE,
        "classify": Verb.CLASSIFY_EVIDENCE,
        "label": Verb.LABEL_EVIDENCE,
    }

    @extend_schema(
        request={"multipart/form-data": requests.EvidenceRequest},
        parameters=[KIND],
        responses={201: shapes.EvidenceSerializer},
    )
    def create(self, request: Request) -> Response:
        """Add a document as evidence of a system."""
        payload = requests.EvidenceRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given = dict(payload.validated_data)
        upload = given.pop("file")
        received = evidence.receive(
            **given,
            stream=upload.file,
            filename=upload.name,
            declared_type=upload.content_type or "",
            kind=evidence.kind_of(request.query_params.get("kind", "")),
            received_by=asker(request),
        )
        return Response(shapes.EvidenceSerializer(received).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=requests.ProvenanceRequest, responses=shapes.EvidenceSerializer)
    @action(detail=True, methods=["post"])
    def describe(self, request: Request, uuid: str) -> Response:
        """Say where a piece comes from: source, query, executor, time, counts, and how it was obtained."""
        entry: m.Evidence = self.get_object()
        payload = requests.ProvenanceRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        stated = Provenance(**payload.validated_data)
        evidence_standing.describe(evidence=entry, provenance=stated, actor=asker(request))
        return Response(shapes.EvidenceSerializer(self.get_object()).data)

    @extend_schema(request=requests.RejectRequest, responses=shapes.EvidenceSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, uuid: str) -> Response:
        """Reject a piece with a reason; answers approved on it need a new approval."""
        entry: m.Evidence = self.get_object()
        payload = requests.RejectRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        evidence_standing.withdraw(evidence=entry, **payload.validated_data, actor=asker(request))
        return Response(shapes.EvidenceSerializer(self.get_object()).data)

    @extend_schema(request=requests.SupersedeRequest, responses=shapes.EvidenceSerializer)
    @action(detail=True, methods=["post"])
    def supersede(self, request: Request, uuid: str) -> Response:
        """Name the newer piece that takes its place; answers approved on this one need a new approval."""
        entry: m.Evidence = self.get_object()
        payload = requests.SupersedeRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        newer = payload.validated_data["by"]
        evidence_standing.supersede(evidence=entry, by=newer, actor=asker(request))
        return Response(shapes.EvidenceSerializer(self.get_object()).data)

    @extend_schema(request=requests.LabelRequest, responses=shapes.EvidenceSerializer)
    @action(detail=True, methods=["post"])
    def label(self, request: Request, uuid: str) -> Response:
        """Say how a piece is to be handled, with a reason."""
        entry: m.Evidence = self.get_object()
        payload = requests.LabelRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        handling.label(
            target=entry,
            handling=HandlingLabel(given["handling"]),
            region=given["region"],
            reason=given["reason"],
            actor=asker(request),
        )
        return Response(shapes.EvidenceSerializer(self.get_object()).data)

    @extend_schema(request=requests.ClassifyRequest, responses=shapes.EvidenceSerializer)
    @action(detail=True, methods=["post"])
    def classify(self, request: Request, uuid: str) -> Response:
        """Give a piece another retention class, with a reason."""
        entry: m.Evidence = self.get_object()
        payload = requests.ClassifyRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        key = RetentionClass(given["retention_class"])
        retention.classify(evidence=entry, key=key, reason=given["reason"], actor=asker(request))
        return Response(shapes.EvidenceSerializer(self.get_object()).data)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def download(self, request: Request, uuid: str) -> FileResponse:
        """The bytes as they were received. Labels that ask for a confirmation want `?confirmed=yes`."""
        entry: m.Evidence = self.get_object()
        confirmed = request.query_params.get("confirmed") == "yes"
        handling.require(evidence=entry, user=asker(request), confirmed=confirmed)
        return attachment(evidence.open_bytes(evidence=entry), entry.filename)
