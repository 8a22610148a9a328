"""Endpoints of what is held against job events: bindings, rules, approvals, runs of the checks, access reviews."""

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
from compliance.api.serializers import UuidField
from compliance.choices import choices
from compliance.rights import TABLE, Verb
from compliance.selectors.access_review_page import ReviewFilter, confirmations, review_lines
from compliance.services import access_reviews, expectations
from compliance.types.access_reviews import Decision
from compliance.types.drafts import JSON

SYSTEMS = m.AISystem.objects.all()


class JobBindingSerializer(serializers.ModelSerializer[m.JobBinding]):
    """What one place of one event is bound to."""

    system = UuidField()
    event = UuidField()
    model_version = UuidField()
    dataset_version = UuidField()
    rule = UuidField()
    person = UuidField()

    class Meta:
        model = m.JobBinding
        exclude: ClassVar = ["id", "retention_class", "legal_hold"]


class BindingRuleSerializer(serializers.ModelSerializer[m.BindingRule]):
    """A saved rule for names in logs."""

    system = UuidField()
    model_version = UuidField()
    dataset_version = UuidField()
    made_by = UuidField()
    withdrawn_by = UuidField()

    class Meta:
        model = m.BindingRule
        exclude: ClassVar = ["id"]


class JobApprovalSerializer(serializers.ModelSerializer[m.JobApproval]):
    """An approval of a job that a person recorded."""

    system = UuidField()
    approver = serializers.StringRelatedField[Any]()
    evidence = UuidField()
    recorded_by = UuidField()
    withdrawn_by = UuidField()

    class Meta:
        model = m.JobApproval
        exclude: ClassVar = ["id", "retention_class", "legal_hold"]


class CheckRunSerializer(serializers.ModelSerializer[m.CheckRun]):
    """One run of all checks; `results` has an entry for each rule."""

    system = UuidField()
    job = UuidField()
    repeats = UuidField()

    class Meta:
        model = m.CheckRun
        exclude: ClassVar = ["id", "retention_class", "legal_hold"]


class AccessReviewSerializer(serializers.ModelSerializer[m.AccessReview]):
    """An access review."""

    system = UuidField()
    reading = UuidField()
    reviewer = UuidField()
    opened_by = UuidField()

    class Meta:
        model = m.AccessReview
        exclude: ClassVar = ["id", "retention_class", "legal_hold"]


class AccessReviewLineSerializer(serializers.ModelSerializer[m.AccessReviewLine]):
    """One principal of a review. removal: what later readings say, "" where nothing is to be removed."""

    principal = serializers.StringRelatedField[Any]()
    decided_by = UuidField()
    removal = serializers.SerializerMethodField()
    is_late = serializers.SerializerMethodField()

    class Meta:
        model = m.AccessReviewLine
        exclude: ClassVar = ["id", "review"]

    def get_removal(self, line: m.AccessReviewLine) -> str:
        """confirmed, still_entitled, not_yet_read, or ""."""
        found = self.context["told"].get(line.pk)
        return found.state.value if found else ""

    def get_is_late(self, line: m.AccessReviewLine) -> bool:
        """Whether the removal came, or is, after its day."""
        found = self.context["told"].get(line.pk)
        return bool(found and found.is_late)


class ApprovalRequest(serializers.Serializer[JSON]):
    """An approval of a job."""

    system = SystemReference(verb=Verb.RECORD_APPROVAL, queryset=SYSTEMS)
    job = serializers.CharField(max_length=500)
    approver = serializers.CharField(max_length=300)
    approved_at = serializers.DateTimeField()
    dataset_digest = serializers.CharField(max_length=71, required=False, allow_blank=True, default="")
    base_digest = serializers.CharField(max_length=71, required=False, allow_blank=True, default="")
    reference = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    evidence = ScopedReference(queryset=m.Evidence.objects.all(), required=False, allow_null=True, default=None)


class AccessReviewRequest(serializers.Serializer[JSON]):
    """A new access review."""

    reading = ScopedReference(queryset=m.EntitlementReading.objects.select_related("system"))
    reviewer = serializers.SlugRelatedField(
        slug_field="uuid", queryset=m.User.objects.filter(is_active=True, role__in=TABLE[Verb.REVIEW_ACCESS])
    )
    due_on = serializers.DateField()
    removals_due_on = serializers.DateField()


class DecisionRequest(serializers.Serializer[JSON]):
    """Keep or remove principals of a review, by the uuids of their lines."""

    lines = serializers.ListField(child=serializers.UUIDField(), allow_empty=False, max_length=10_000)
    decision = serializers.ChoiceField(choices=choices(Decision))
    reason = serializers.CharField(max_length=2000)


class CompletionRequest(serializers.Serializer[JSON]):
    """The reviewer's last word."""

    statement = serializers.CharField(max_length=5000, required=False, allow_blank=True, default="")


class JobBindingViewSet(ReadViewSet):
    """Bindings of job events to models and data; those in force have no `superseded_at`."""

    queryset = m.JobBinding.objects.select_related(
        "system", "event", "model_version", "dataset_version", "rule", "person"
    ).order_by("-pk")
    serializer_class = JobBindingSerializer
    filterset_fields: ClassVar = {
        "named": ["exact"],
        "bound_by": ["exact"],
        "superseded_at": ["isnull"],
        "event__uuid": ["exact"],
    }


class BindingRuleViewSet(ReadViewSet):
    """Saved rules for names in logs."""

    queryset = m.BindingRule.objects.select_related(
        "system", "model_version", "dataset_version", "made_by", "withdrawn_by"
    )
    serializer_class = BindingRuleSerializer


class JobApprovalViewSet(ReadViewSet):
    """Approvals of jobs that people or their tools recorded."""

    queryset = m.JobApproval.objects.select_related("system", "approver", "evidence", "recorded_by", "withdrawn_by")
    serializer_class = JobApprovalSerializer
    filterset_fields = ("job",)
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.RECORD_APPROVAL}

    @extend_schema(request=ApprovalRequest, responses={201: JobApprovalSerializer})
    def create(self, request: Request) -> Response:
        """Record an approval; the same one is recorded once."""
        payload = ApprovalRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        approval = expectations.record_approval(**payload.validated_data, actor=asker(request))
        return Response(JobApprovalSerializer(approval).data, status=status.HTTP_201_CREATED)


class CheckRunViewSet(ReadViewSet):
    """Runs of the checks on job events."""

    queryset = m.CheckRun.objects.select_related("system", "job", "repeats")
    serializer_class = CheckRunSerializer


class AccessReviewViewSet(ReadViewSet):
    """Access reviews."""

    queryset = m.AccessReview.objects.select_related("system", "reading", "reviewer", "opened_by")
    serializer_class = AccessReviewSerializer
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.REVIEW_ACCESS}
    action_verbs: ClassVar = {"decide": Verb.REVIEW_ACCESS, "complete": Verb.REVIEW_ACCESS}

    @extend_schema(request=AccessReviewRequest, responses={201: AccessReviewSerializer})
    def create(self, request: Request) -> Response:
        """Open a review on a reading."""
        payload = AccessReviewRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        review = access_reviews.open_review(**payload.validated_data, actor=asker(request))
        return Response(AccessReviewSerializer(review).data, status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[EXPORT], responses=AccessReviewLineSerializer(many=True))
    @action(detail=True, methods=["get"])
    def lines(self, request: Request, uuid: str) -> Response | HttpResponseBase:
        """The principals of a review, with what was decided and whether removals were confirmed."""
        review: m.AccessReview = self.get_object()
        lines = review_lines(review, ReviewFilter())
        if kind := asked_kind(request):
            told = {"told": confirmations(review, list(lines))}
            return exported(request, kind, AccessReviewLineSerializer(context=told), lines)
        page = self.paginate_queryset(lines) or []
        context = {"told": confirmations(review, page)}
        return self.get_paginated_response(AccessReviewLineSerializer(page, many=True, context=context).data)

    @extend_schema(request=DecisionRequest, responses=AccessReviewSerializer)
    @action(detail=True, methods=["post"])
    def decide(self, request: Request, uuid: str) -> Response:
        """Keep or remove principals."""
        review: m.AccessReview = self.get_object()
        payload = DecisionRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        access_reviews.decide(
            review=review,
            lines=list(review.lines.filter(uuid__in=given["lines"])),
            decision=Decision(given["decision"]),
            reason=given["reason"],
            actor=asker(request),
        )
        return Response(AccessReviewSerializer(self.get_object()).data)

    @extend_schema(request=CompletionRequest, responses=AccessReviewSerializer)
    @action(detail=True, methods=["post"])
    def complete(self, request: Request, uuid: str) -> Response:
        """End a review in which every principal is decided."""
        payload = CompletionRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        statement = payload.validated_data["statement"]
        access_reviews.complete(review=self.get_object(), statement=statement, actor=asker(request))
        return Response(AccessReviewSerializer(self.get_object()).data)
