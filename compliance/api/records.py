"""Endpoints of systems, models, data, catalogue, job log, observations, findings, packs and jobs."""

from __future__ import annotations

from typing import ClassVar

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api import requests
from compliance.api import serializers as shapes
from compliance.api.base import ReadViewSet, asker
from compliance.packs.receipt import envelope_bytes
from compliance.rights import Verb
from compliance.selectors import ocsf
from compliance.selectors.file_answers import attachment
from compliance.selectors.ocsf_findings import finding_records
from compliance.selectors.ocsf_job_events import job_event_records
from compliance.services import (
    evidence,
    handovers,
    inventory,
    jobs,
    pack_releases,
    pack_renewals,
    priorities,
    risks,
)
from compliance.types.applicability import LegalRole, RiskClass, Standing
from compliance.types.risk_priority import Priority
from compliance.types.states import HandoverWay, ModelOrigin, ReleaseOutcome, Severity


class SystemViewSet(ReadViewSet):
    """AI systems."""

    queryset = m.AISystem.objects.all()
    serializer_class = shapes.SystemSerializer
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.MANAGE_SYSTEMS}

    @extend_schema(request=requests.SystemRequest, responses={201: shapes.SystemSerializer})
    def create(self, request: Request) -> Response:
        """Define an AI system."""
        payload = requests.SystemRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        system = inventory.define_system(**payload.validated_data, owner=asker(request), actor=asker(request))
        return Response(shapes.SystemSerializer(system).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=requests.StandingRequest, responses=shapes.SystemSerializer)
    @action(detail=True, methods=["post"])
    def standing(self, request: Request, uuid: str) -> Response:
        """State role and class, which decide what legal requirements apply to the system."""
        payload = requests.StandingRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        standing = Standing(
            roles=frozenset(LegalRole(role) for role in given["roles"]),
            risk_class=RiskClass(given["risk_class"]),
            is_systemic=given["is_systemic"],
            on_market_since=given["on_market_since"],
        )
        system = inventory.state_standing(
            system=self.get_object(), standing=standing, reason=given["reason"], actor=asker(request)
        )
        return Response(shapes.SystemSerializer(system).data)


class ModelVersionViewSet(ReadViewSet):
    """Model versions."""

    queryset = m.ModelVersion.objects.select_related("model__system", "parent", "evidence")
    serializer_class = shapes.ModelVersionSerializer
    filterset_fields = ("digest", "origin")
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.REGISTER_MODEL}

    @extend_schema(request=requests.ModelVersionRequest, responses={201: shapes.ModelVersionSerializer})
    def create(self, request: Request) -> Response:
        """Register a model file that is kept as evidence."""
        payload = requests.ModelVersionRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        version = inventory.register_model_version(
            system=given["system"],
            name=given["name"],
            label=given["label"],
            evidence=given["evidence"],
            origin=ModelOrigin(given["origin"]),
            supplier=given["supplier"],
            parent=given["parent"],
            actor=asker(request),
        )
        return Response(shapes.ModelVersionSerializer(version).data, status=status.HTTP_201_CREATED)


class DatasetVersionViewSet(ReadViewSet):
    """Data-set versions."""

    queryset = m.DatasetVersion.objects.select_related("dataset__system")
    serializer_class = shapes.DatasetVersionSerializer


class TechniqueViewSet(ReadViewSet):
    """ATLAS techniques that Assay speaks about."""

    queryset = m.Technique.objects.all()
    serializer_class = shapes.TechniqueSerializer


class QuestionViewSet(ReadViewSet):
    """The audit questions."""

    queryset = m.AuditQuestion.objects.select_related("technique")
    serializer_class = shapes.QuestionSerializer


class ReferenceControlViewSet(ReadViewSet):
    """Reference controls."""

    queryset = m.ReferenceControl.objects.all()
    serializer_class = shapes.ReferenceControlSerializer


class JobEventViewSet(ReadViewSet):
    """The fine-tune job log."""

    queryset = m.JobEvent.objects.select_related("system", "evidence__system", "actor")
    serializer_class = shapes.JobEventSerializer
    keeps_count = True
    filterset_fields: ClassVar = {
        "action_class": ["exact"],
        "outcome": ["exact"],
        "account": ["exact"],
        "region": ["exact"],
        "occurred_at": ["gte", "lt"],
    }

    @extend_schema(responses={(200, ocsf.MEDIA_TYPE): OpenApiTypes.STR})
    @action(detail=False, methods=["get"], pagination_class=None)
    def ocsf(self, request: Request) -> StreamingHttpResponse:
        """All of it, filtered alike, as OCSF API Activity, one JSON object a line. It names people."""
        rows = self.filter_queryset(self.get_queryset())
        return StreamingHttpResponse(ocsf.lines(job_event_records(rows)), content_type=ocsf.MEDIA_TYPE)


class ObservationViewSet(ReadViewSet):
    """Observations."""

    queryset = m.Observation.objects.select_related("system", "evidence", "model_version")
    serializer_class = shapes.ObservationSerializer
    keeps_count = True
    filterset_fields = ("verdict", "producer", "rule")


class FindingViewSet(ReadViewSet):
    """Findings."""

    queryset = m.Finding.objects.select_related("system", "model_version", "target", "risk").prefetch_related(
        "observations"
    )
    serializer_class = shapes.FindingSerializer
    keeps_count = True
    filterset_fields = ("state", "severity", "sighting")
    action_verbs: ClassVar = {
        "investigate": Verb.WORK_REMEDIATION,
        "priority": Verb.SET_PRIORITY,
        "severity": Verb.SET_PRIORITY,
    }

    @extend_schema(request=None, responses=shapes.FindingSerializer)
    @action(detail=True, methods=["post"])
    def investigate(self, request: Request, uuid: str) -> Response:
        """Somebody looks into its risk."""
        risks.investigate(finding=self.get_object(), actor=asker(request))
        return Response(shapes.FindingSerializer(self.get_object()).data)

    @extend_schema(request=requests.PriorityRequest, responses=shapes.FindingSerializer)
    @action(detail=True, methods=["post"])
    def priority(self, request: Request, uuid: str) -> Response:
        """A person's priority with a reason; an empty one gives the finding back to the rule."""
        payload = requests.PriorityRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        asked, words = payload.validated_data["priority"], payload.validated_data["words"]
        wanted = Priority(asked) if asked else None
        priorities.set_by_hand(finding=self.get_object(), priority=wanted, words=words, actor=asker(request))
        return Response(shapes.FindingSerializer(self.get_object()).data)

    @extend_schema(request=requests.SeverityRequest, responses=shapes.FindingSerializer)
    @action(detail=True, methods=["post"])
    def severity(self, request: Request, uuid: str) -> Response:
        """A person's severity with a reason; an empty one gives the finding back to what reports state."""
        payload = requests.SeverityRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        asked, words = payload.validated_data["severity"], payload.validated_data["words"]
        wanted = Severity(asked) if asked else None
        priorities.grade_by_hand(finding=self.get_object(), severity=wanted, words=words, actor=asker(request))
        return Response(shapes.FindingSerializer(self.get_object()).data)

    @extend_schema(responses={(200, ocsf.MEDIA_TYPE): OpenApiTypes.STR})
    @action(detail=False, methods=["get"], pagination_class=None)
    def ocsf(self, request: Request) -> StreamingHttpResponse:
        """All of them, filtered alike, as OCSF findings, one JSON object a line."""
        rows = self.filter_queryset(self.get_queryset())
        return StreamingHttpResponse(ocsf.lines(finding_records(rows)), content_type=ocsf.MEDIA_TYPE)


class PackViewSet(ReadViewSet):
    """Issued evidence packs."""

    queryset = m.EvidencePack.objects.select_related("freeze__assessment", "supersedes", "release__decided_by")
    serializer_class = shapes.PackSerializer
    action_verbs: ClassVar = {
        "download": Verb.DOWNLOAD_PACK,
        "files": Verb.DOWNLOAD_PACK,
        "receipt": Verb.DOWNLOAD_PACK,
        "marks": Verb.RELEASE_PACK,
        "release": Verb.RELEASE_PACK,
        "hand_over": Verb.HAND_OVER_PACK,
    }

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def download(self, request: Request, uuid: str) -> FileResponse:
        """The signed PDF; who fetched it is logged, with what `?purpose=` says."""
        pack: m.EvidencePack = self.get_object()
        purpose = request.query_params.get("purpose", "")[:5_000]
        handovers.downloaded(pack=pack, purpose=purpose, user=asker(request))
        stream = evidence.open_stored(name=pack_renewals.current(pack).storage_name)
        return attachment(stream, f"evidence-pack-{pack.uuid}.pdf", media_type="application/pdf")

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def files(self, request: Request, uuid: str) -> FileResponse:
        """The ZIP beside the PDF: registers and original files, as a BagIt bag. 404 where the PDF holds everything."""
        pack: m.EvidencePack = self.get_object()
        if not pack.bag_storage_name:
            raise NotFound
        purpose = request.query_params.get("purpose", "")[:5_000]
        handovers.downloaded(pack=pack, purpose=purpose, user=asker(request))
        stream = evidence.open_stored(name=pack.bag_storage_name)
        return attachment(stream, f"evidence-pack-{pack.uuid}-files.zip", media_type="application/zip")

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["get"])
    def marks(self, request: Request, uuid: str) -> FileResponse:
        """Who stands behind the marks of a pack for external recipients. 404 where there are none."""
        pack: m.EvidencePack = self.get_object()
        if not pack.marks_storage_name:
            raise NotFound
        stream = evidence.open_stored(name=pack.marks_storage_name)
        return attachment(stream, f"evidence-pack-{pack.uuid}-marks.json", media_type="application/json")

    @extend_schema(request=requests.ReleaseRequest, responses={201: shapes.ReleaseSerializer})
    @action(detail=True, methods=["post"])
    def release(self, request: Request, uuid: str) -> Response:
        """Let a pack for external recipients out, or keep it in for good."""
        pack: m.EvidencePack = self.get_object()
        payload = requests.ReleaseRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        given, actor = payload.validated_data, asker(request)
        if given["outcome"] == ReleaseOutcome.REFUSED:
            row = pack_releases.refuse(pack=pack, actor=actor, reason=given["reason"])
        elif given["alone"]:
            row = pack_releases.release_alone(pack=pack, actor=actor, reason=given["reason"])
        else:
            row = pack_releases.release(pack=pack, actor=actor)
        return Response(shapes.ReleaseSerializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=requests.HandoverRequest, responses={201: shapes.HandoverSerializer})
    @action(detail=True, methods=["post"])
    def hand_over(self, request: Request, uuid: str) -> Response:
        """Record that somebody was given the pack."""
        pack: m.EvidencePack = self.get_object()
        payload = requests.HandoverRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        entry = handovers.record(pack=pack, way=HandoverWay.HANDED_OVER, **payload.validated_data, actor=asker(request))
        return Response(shapes.HandoverSerializer(entry).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["get"])
    def receipt(self, request: Request, uuid: str) -> HttpResponse:
        """The receipt of the file that is handed out today: a DSSE envelope."""
        pack: m.EvidencePack = self.get_object()
        pack_releases.require_readable(pack, asker(request))
        file = pack_renewals.current(pack)
        return HttpResponse(envelope_bytes(file.receipt, file.signatures), content_type="application/json")


class HandoverViewSet(ReadViewSet):
    """Who got packs, for what, from whom and when."""

    queryset = m.PackHandover.objects.select_related("pack", "handed_by")
    serializer_class = shapes.HandoverSerializer
    verbs: ClassVar = {"GET": Verb.VIEW_RECIPIENTS}


class JobViewSet(ReadViewSet):
    """Background jobs."""

    queryset = m.Job.objects.select_related("system")
    serializer_class = shapes.JobSerializer
    filterset_fields = ("state", "kind")
    verbs: ClassVar = {"GET": Verb.VIEW_JOBS}
    action_verbs: ClassVar = {"cancel": Verb.CANCEL_JOB}

    @extend_schema(request=None, responses=shapes.JobSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, uuid: str) -> Response:
        """Ask a job to stop; what it published stays."""
        job: m.Job = self.get_object()
        jobs.cancel(job=job, actor=asker(request))
        return Response(shapes.JobSerializer(job).data)
