"""Endpoints of imports, scans and reference banks. Work goes on in the background: a POST answers 202."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.base import EXPORT, ReadViewSet, asked_kind, asker, exported
from compliance.rights import Verb
from scanning import intake
from scanning.api import serializers as shapes
from scanning.models import ColumnMapping, Import, ReferenceBank, Scan
from scanning.selectors import bank_pages
from scanning.selectors.import_page import import_rejects
from scanning.services import column_mappings, reference_banks, scans


class ImportViewSet(ReadViewSet):
    """Imports of logs and scan reports."""

    queryset = Import.objects.select_related("system", "evidence", "job")
    serializer_class = shapes.ImportSerializer
    filterset_fields = ("format", "job__state")
    verbs: ClassVar = {"GET": Verb.VIEW_JOBS, "POST": Verb.IMPORT_DOCUMENT}

    @extend_schema(
        request={"multipart/form-data": shapes.ImportRequest}, responses={202: shapes.ImportReceiptSerializer}
    )
    def create(self, request: Request) -> Response:
        """Hand in a document. Collectors may do this and nothing else."""
        payload = shapes.ImportRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given = dict(payload.validated_data)
        upload = given.pop("file")
        document = intake.receive(
            **given,
            stream=upload.file,
            filename=upload.name,
            declared_type=upload.content_type or "",
            actor=asker(request),
        )
        return Response(shapes.ImportReceiptSerializer(document).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(parameters=[EXPORT], responses=shapes.RejectSerializer(many=True))
    @action(detail=True, methods=["get"], filterset_fields=())
    def rejects(self, request: Request, uuid: str) -> Response | HttpResponseBase:
        """Records of the document that could not be taken, with place and reason."""
        rows = import_rejects(self.get_object())
        if kind := asked_kind(request):
            return exported(request, kind, shapes.RejectSerializer(), rows)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(shapes.RejectSerializer(page, many=True).data)


class ColumnMappingViewSet(ReadViewSet):
    """What the columns of logs without a known format mean, in versions that never change."""

    queryset = ColumnMapping.objects.select_related("made_by")
    serializer_class = shapes.ColumnMappingSerializer
    filterset_fields = ("name", "layout")
    verbs: ClassVar = {"GET": Verb.VIEW_JOBS, "POST": Verb.MAP_COLUMNS}

    @extend_schema(request=shapes.ColumnMappingRequest, responses={201: shapes.ColumnMappingSerializer})
    def create(self, request: Request) -> Response:
        """Keep a mapping: the next version of its name, or the latest where that says the same."""
        payload = shapes.ColumnMappingRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        made = column_mappings.make(
            name=given["name"], mapping=given["definition"], columns=given["columns"], actor=asker(request)
        )
        return Response(shapes.ColumnMappingSerializer(made).data, status=status.HTTP_201_CREATED)


class ScanViewSet(ReadViewSet):
    """Scans of model versions."""

    queryset = Scan.objects.select_related(
        "model_version", "held_out", "training_images", "suspects", "base_version", "reference_bank", "job"
    )
    serializer_class = shapes.ScanSerializer
    filterset_fields = ("kind", "verdict", "model_version__uuid")
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.START_SCAN}

    def get_queryset(self) -> QuerySet[Any]:
        """Lists leave the report out: it may be large."""
        rows = super().get_queryset()
        return rows.defer("report") if self.action == "list" else rows

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        """The report belongs to one scan, not to lists."""
        return shapes.ScanReportSerializer if self.action == "retrieve" else super().get_serializer_class()

    @extend_schema(request=shapes.ScanRequest, responses={202: shapes.ScanSerializer})
    def create(self, request: Request) -> Response:
        """Start a scan."""
        payload = shapes.ScanRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        scan = scans.request_scan(**payload.validated_data, actor=asker(request))
        return Response(shapes.ScanSerializer(scan).data, status=status.HTTP_202_ACCEPTED)


class ReferenceBankViewSet(ReadViewSet):
    """Reference models that scans are ranked against."""

    queryset = ReferenceBank.objects.select_related("evidence")
    serializer_class = shapes.ReferenceBankSerializer
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.REGISTER_BANK}

    @extend_schema(
        request={"multipart/form-data": shapes.ReferenceBankRequest}, responses={201: shapes.ReferenceBankSerializer}
    )
    def create(self, request: Request) -> Response:
        """Register a bank."""
        payload = shapes.ReferenceBankRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        upload = given["file"]
        bank = reference_banks.receive(
            system=given["system"], stream=upload.file, filename=upload.name, name=given["name"], actor=asker(request)
        )
        return Response(shapes.ReferenceBankSerializer(bank).data, status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[EXPORT], responses=shapes.KnownBankSerializer(many=True))
    @action(detail=False, methods=["get"], pagination_class=None)
    def known(self, request: Request) -> Response | HttpResponseBase:
        """Every bank that a scan may be ranked against, those shipped with Assay included, with its power."""
        lines = bank_pages.bank_lines(asker(request))
        if kind := asked_kind(request):
            return exported(request, kind, shapes.KnownBankSerializer(), lines)
        return Response([shapes.KnownBankSerializer(line).data for line in lines])
