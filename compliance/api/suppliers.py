"""Endpoints of third parties: the records with their latest review, and recording a review."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import EXPORT, ReadViewSet, ScopedReference, SystemReference, asked_kind, asker, exported
from compliance.api.serializers import PersonSerializer, UuidField
from compliance.choices import choices
from compliance.rights import Verb
from compliance.selectors import supplier_page as pages
from compliance.services import suppliers
from compliance.types.drafts import JSON
from compliance.types.suppliers import CustomerControlDraft, Opinion, ReportType


class CustomerControlSerializer(serializers.ModelSerializer[m.CustomerControl]):
    """A complementary customer control with the own controls that meet it."""

    controls = serializers.SlugRelatedField[Any](slug_field="uuid", many=True, read_only=True)

    class Meta:
        model = m.CustomerControl
        fields: ClassVar = ["reference", "statement", "controls", "note"]


class SupplierReviewSerializer(serializers.ModelSerializer[m.SupplierReview]):
    """One review."""

    model_versions = serializers.SlugRelatedField[Any](slug_field="uuid", many=True, read_only=True)
    evidence = UuidField()
    reviewer = PersonSerializer(read_only=True)
    customer_controls = CustomerControlSerializer(many=True, read_only=True)

    class Meta:
        model = m.SupplierReview
        fields: ClassVar = [
            "uuid", "provides", "model_versions", "report_type", "issuer", "period_start", "period_end", "opinion",
            "exceptions", "gap_measures", "conclusion", "evidence", "customer_controls", "reviewer", "reviewed_on",
        ]  # fmt: skip


class SupplierSerializer(serializers.ModelSerializer[m.Supplier]):
    """A third party with the number of its reviews; the reviews are at `reviews/`."""

    system = UuidField()
    reviews = serializers.SerializerMethodField()

    class Meta:
        model = m.Supplier
        fields: ClassVar = ["uuid", "system", "name", "ended_on", "reviews", "created_at"]

    def get_reviews(self, supplier: m.Supplier) -> int:
        """How often it was reviewed."""
        return len(supplier.reviews.all())


class GapSerializer(serializers.Serializer[Any]):
    """What the latest report leaves open of one assessment."""

    assessment = serializers.UUIDField(source="assessment.uuid")
    days = serializers.IntegerField()
    sentence = serializers.CharField()


class CustomerControlRequest(serializers.Serializer[JSON]):
    """One complementary customer control."""

    reference = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    statement = serializers.CharField()
    controls = serializers.ListField(child=serializers.UUIDField(), required=False, default=list)
    note = serializers.CharField(required=False, allow_blank=True, default="")


class SupplierReviewRequest(serializers.Serializer[JSON]):
    """A review; the first one of a name brings the third party on record."""

    system = SystemReference(verb=Verb.REVIEW_SUPPLIER, queryset=m.AISystem.objects.all())
    name = serializers.CharField(max_length=200)
    provides = serializers.CharField()
    model_versions = ScopedReference(
        queryset=m.ModelVersion.objects.select_related("model"), many=True, required=False, default=list
    )
    report_type = serializers.ChoiceField(choices=choices(ReportType))
    issuer = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    period_start = serializers.DateField(required=False, allow_null=True, default=None)
    period_end = serializers.DateField(required=False, allow_null=True, default=None)
    opinion = serializers.ChoiceField(choices=choices(Opinion))
    exceptions = serializers.CharField(required=False, allow_blank=True, default="")
    gap_measures = serializers.CharField(required=False, allow_blank=True, default="")
    conclusion = serializers.CharField()
    evidence = ScopedReference(queryset=m.Evidence.objects.all(), required=False, allow_null=True, default=None)
    customer_controls = CustomerControlRequest(many=True, required=False, default=list)
    reviewed_on = serializers.DateField()


class SupplierViewSet(ReadViewSet):
    """Third parties."""

    queryset = pages.ROWS
    serializer_class = SupplierSerializer
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.REVIEW_SUPPLIER}

    @extend_schema(request=SupplierReviewRequest, responses={201: SupplierReviewSerializer})
    def create(self, request: Request) -> Response:
        """Record a review of a third party."""
        payload = SupplierReviewRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given = dict(payload.validated_data)
        drafts = [
            CustomerControlDraft(**{**one, "controls": tuple(str(uuid) for uuid in one["controls"])})
            for one in given.pop("customer_controls")
        ]
        given |= {"report_type": ReportType(given["report_type"]), "opinion": Opinion(given["opinion"])}
        review = suppliers.record_review(**given, customer_controls=drafts, actor=asker(request))
        return Response(SupplierReviewSerializer(review).data, status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[EXPORT], responses=SupplierReviewSerializer(many=True))
    @action(detail=True, methods=["get"])
    def reviews(self, request: Request, uuid: str) -> Response | HttpResponseBase:
        """The reviews of a third party, latest first."""
        rows = pages.REVIEWS.filter(supplier=self.get_object())
        if kind := asked_kind(request):
            return exported(request, kind, SupplierReviewSerializer(), rows)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(SupplierReviewSerializer(page, many=True).data)

    @extend_schema(parameters=[EXPORT], responses=GapSerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=None)
    def gaps(self, request: Request, uuid: str) -> Response | HttpResponseBase:
        """The gap between the latest report and the period of each assessment."""
        content = pages.supplier_page(self.get_object(), asker(request))
        if kind := asked_kind(request):
            return exported(request, kind, GapSerializer(), content.gaps)
        return Response([GapSerializer(gap).data for gap in content.gaps])
