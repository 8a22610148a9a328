"""Endpoints of retention: classes and their history, legal holds, disposal runs with certificate, and tombstones."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Count, Q
from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import EXPORT, ReadViewSet, ScopedReference, SystemReference, asked_kind, asker, exported
from compliance.api.serializers import PersonSerializer, UuidField
from compliance.choices import choices
from compliance.rights import Verb, visible
from compliance.selectors.file_answers import attachment
from compliance.services import disposals, evidence, rehash, retention
from compliance.services.errors import LostError, RefusedError
from compliance.types.canonical import canonical_json
from compliance.types.drafts import JSON
from compliance.types.retention import ClassTerms, EvidenceKind, ItemState, RetentionStart, RunState
from compliance.types.states import RetentionClass


class TermsSerializer(serializers.ModelSerializer[m.RetentionTerms]):
    """One wording of a class; the highest version of a key is in force."""

    made_by = PersonSerializer(read_only=True)
    kinds = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = m.RetentionTerms
        exclude: ClassVar = ["id"]


class HoldSerializer(serializers.ModelSerializer[m.LegalHold]):
    """A legal hold; with neither system nor evidence it covers everything."""

    system = UuidField()
    evidence = UuidField()
    placed_by = PersonSerializer(read_only=True)
    lifted_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.LegalHold
        exclude: ClassVar = ["id"]


class DisposalRunSerializer(serializers.ModelSerializer[m.DisposalRun]):
    """A disposal run; its pieces are at `items/`, its certificate at `certificate/`."""

    proposed_by = PersonSerializer(read_only=True)
    decided_by = PersonSerializer(read_only=True)
    job = UuidField()
    paper_job = UuidField()
    pieces = serializers.IntegerField(read_only=True)
    disposed = serializers.IntegerField(read_only=True)

    class Meta:
        model = m.DisposalRun
        exclude: ClassVar = ["id", "certificate", "paper_storage"]


class DisposalItemSerializer(serializers.ModelSerializer[m.DisposalItem]):
    """One piece of a run, with the terms under which it is due."""

    evidence = UuidField()
    sha256 = serializers.CharField(source="evidence.sha256", read_only=True)
    retention_class = serializers.CharField(source="terms.key", read_only=True)
    terms_version = serializers.IntegerField(source="terms.version", read_only=True)
    legal_basis = serializers.CharField(source="terms.legal_basis", read_only=True)

    class Meta:
        model = m.DisposalItem
        exclude: ClassVar = ["id", "run", "terms"]


class TombstoneSerializer(serializers.ModelSerializer[m.Tombstone]):
    """What stays of a disposed piece."""

    evidence = UuidField()
    run = UuidField()
    retention_class = serializers.CharField(source="terms.key", read_only=True)
    terms_version = serializers.IntegerField(source="terms.version", read_only=True)
    legal_basis = serializers.CharField(source="terms.legal_basis", read_only=True)
    approved_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.Tombstone
        exclude: ClassVar = ["id", "terms"]


class TermsRequest(serializers.Serializer[JSON]):
    """A new wording of a class. months null: no end."""

    key = serializers.ChoiceField(choices=choices(RetentionClass))
    title = serializers.CharField(max_length=100)
    months = serializers.IntegerField(min_value=1, max_value=retention.MOST_MONTHS, allow_null=True)
    starts = serializers.ChoiceField(choices=choices(RetentionStart))
    legal_basis = serializers.CharField(max_length=5_000)
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=choices(EvidenceKind)))


class HoldRequest(serializers.Serializer[JSON]):
    """A new hold on a piece, on an AI system, or, with neither, on everything."""

    title = serializers.CharField(max_length=200)
    reason = serializers.CharField(max_length=5_000)
    system = SystemReference(
        verb=Verb.PLACE_HOLD, queryset=m.AISystem.objects.all(), required=False, allow_null=True, default=None
    )
    evidence = ScopedReference(
        queryset=m.Evidence.objects.select_related("system"), required=False, allow_null=True, default=None
    )


class LiftRequest(serializers.Serializer[JSON]):
    """Why a hold is lifted."""

    reason = serializers.CharField(max_length=5_000)


class DisposalApprovalRequest(serializers.Serializer[JSON]):
    """A decision to dispose. keep: uuids of evidence that is taken out, with the reason in note."""

    keep = serializers.ListField(child=serializers.UUIDField(), required=False, default=list)
    note = serializers.CharField(max_length=5_000, required=False, allow_blank=True, default="")


class DisposalRefusalRequest(serializers.Serializer[JSON]):
    """A decision to dispose of nothing."""

    note = serializers.CharField(max_length=5_000)


def _sent(shape: type[serializers.Serializer[JSON]], request: Request, context: Any = None) -> JSON:
    payload = shape(data=request.data, context=context or {})
    payload.is_valid(raise_exception=True)
    given: JSON = payload.validated_data
    return given


class TermsViewSet(ReadViewSet):
    """Retention classes: every wording there was."""

    queryset = m.RetentionTerms.objects.select_related("made_by")
    serializer_class = TermsSerializer
    filterset_fields = ("key",)
    verbs: ClassVar = {"GET": Verb.VIEW_RETENTION, "POST": Verb.MANAGE_RETENTION}

    @extend_schema(request=TermsRequest, responses={201: TermsSerializer})
    def create(self, request: Request) -> Response:
        """Put a new wording of a class in force."""
        given = _sent(TermsRequest, request)
        terms = ClassTerms(
            title=given["title"],
            months=given["months"],
            starts=RetentionStart(given["starts"]),
            legal_basis=given["legal_basis"],
            kinds=tuple(EvidenceKind(kind) for kind in given["kinds"]),
        )
        written = retention.revise_terms(key=RetentionClass(given["key"]), terms=terms, actor=asker(request))
        return Response(TermsSerializer(written).data, status=status.HTTP_201_CREATED)


class HoldViewSet(ReadViewSet):
    """Legal holds."""

    queryset = m.LegalHold.objects.select_related("system", "evidence__system", "placed_by", "lifted_by")
    serializer_class = HoldSerializer
    verbs: ClassVar = {"GET": Verb.VIEW_RETENTION, "POST": Verb.PLACE_HOLD}
    action_verbs: ClassVar = {"lift": Verb.PLACE_HOLD}

    @extend_schema(request=HoldRequest, responses={201: HoldSerializer})
    def create(self, request: Request) -> Response:
        """Place a hold."""
        given = _sent(HoldRequest, request, self.get_serializer_context())
        hold = retention.place_hold(**given, actor=asker(request))
        return Response(HoldSerializer(hold).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=LiftRequest, responses=HoldSerializer)
    @action(detail=True, methods=["post"])
    def lift(self, request: Request, uuid: str) -> Response:
        """End a hold, with a reason."""
        hold: m.LegalHold = self.get_object()
        retention.lift_hold(hold=hold, **_sent(LiftRequest, request), actor=asker(request))
        return Response(HoldSerializer(self.get_object()).data)


class DisposalRunViewSet(ReadViewSet):
    """Disposal runs."""

    queryset = (
        m.DisposalRun.objects.select_related("proposed_by", "decided_by", "job", "paper_job")
        .annotate(pieces=Count("items"), disposed=Count("items", filter=Q(items__state=ItemState.DISPOSED)))
        .order_by("-created_at", "-pk")
    )
    serializer_class = DisposalRunSerializer
    filterset_fields = ("state",)
    verbs: ClassVar = {"GET": Verb.VIEW_RETENTION, "POST": Verb.PROPOSE_DISPOSAL}
    action_verbs: ClassVar = {
        "approve": Verb.DECIDE_DISPOSAL,
        "refuse": Verb.DECIDE_DISPOSAL,
        "go_on": Verb.DECIDE_DISPOSAL,
    }

    def _shown(self) -> Response:
        return Response(DisposalRunSerializer(self.get_object()).data)

    @extend_schema(request=None, responses={201: DisposalRunSerializer})
    def create(self, request: Request) -> Response:
        """Propose what is due; refused where nothing is."""
        run = disposals.propose(actor=asker(request))
        if run is None:
            raise RefusedError(_("Nothing is due that is not in a run already, held, or in use by an open assessment."))
        made = self.get_queryset().get(pk=run.pk)
        return Response(DisposalRunSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=DisposalApprovalRequest, responses=DisposalRunSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, uuid: str) -> Response:
        """Dispose of all but what is kept; whoever proposed the run is refused."""
        disposals.approve(run=self.get_object(), **_sent(DisposalApprovalRequest, request), actor=asker(request))
        return self._shown()

    @extend_schema(request=DisposalRefusalRequest, responses=DisposalRunSerializer)
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, uuid: str) -> Response:
        """Dispose of nothing; whoever proposed the run is refused."""
        disposals.refuse(run=self.get_object(), **_sent(DisposalRefusalRequest, request), actor=asker(request))
        return self._shown()

    @extend_schema(request=None, responses=DisposalRunSerializer)
    @action(detail=True, methods=["post"])
    def go_on(self, request: Request, uuid: str) -> Response:
        """Take up an approved run whose job ended too early."""
        disposals.go_on(run=self.get_object(), actor=asker(request))
        return self._shown()

    @extend_schema(parameters=[EXPORT], responses=DisposalItemSerializer(many=True))
    @action(detail=True, methods=["get"], filterset_fields=())
    def items(self, request: Request, uuid: str) -> Response | HttpResponseBase:
        """The pieces of a run."""
        run: m.DisposalRun = self.get_object()
        rows = visible(run.items.select_related("evidence", "terms"), asker(request))
        if kind := asked_kind(request):
            return exported(request, kind, DisposalItemSerializer(), rows)
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(DisposalItemSerializer(page, many=True).data)

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["get"])
    def certificate(self, request: Request, uuid: str) -> HttpResponse:
        """The certificate, byte for byte as its SHA-256 in the ledger says."""
        run: m.DisposalRun = self.get_object()
        if run.state != RunState.COMPLETED:
            raise NotFound
        return HttpResponse(canonical_json(run.certificate), content_type="application/json")

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"], url_path="certificate-pdf")
    def certificate_pdf(self, request: Request, uuid: str) -> HttpResponseBase:
        """The certificate as a PDF, once it is drawn."""
        run: m.DisposalRun = self.get_object()
        if not run.paper_storage:
            raise NotFound
        try:
            stream = evidence.open_stored(name=run.paper_storage)
        except LostError as error:
            raise NotFound from error
        return attachment(stream, f"disposal-certificate-{str(run.uuid)[:8]}.pdf", media_type="application/pdf")


class TombstoneViewSet(ReadViewSet):
    """What stays of evidence that was disposed of."""

    queryset = m.Tombstone.objects.select_related("evidence", "run", "terms", "approved_by")
    serializer_class = TombstoneSerializer
    filterset_fields = ("sha256",)


class RehashRunSerializer(serializers.ModelSerializer[m.RehashRun]):
    """One pass over stored files."""

    job = UuidField()

    class Meta:
        model = m.RehashRun
        exclude: ClassVar = ["id"]


class FileCheckSerializer(serializers.ModelSerializer[m.FileCheck]):
    """What a stored file was found to be last."""

    run = UuidField()

    class Meta:
        model = m.FileCheck
        exclude: ClassVar = ["id", "storage_name"]


class RehashRunViewSet(ReadViewSet):
    """Passes over stored files."""

    queryset = m.RehashRun.objects.select_related("job")
    serializer_class = RehashRunSerializer
    verbs: ClassVar = {"GET": Verb.VIEW_RETENTION, "POST": Verb.REHASH_FILES}

    @extend_schema(request=None, responses={202: RehashRunSerializer})
    def create(self, request: Request) -> Response:
        """Hash everything again, in the background; the run that is under way, where one is."""
        run = rehash.begin(actor=asker(request), whole=True)
        return Response(RehashRunSerializer(run).data, status=status.HTTP_202_ACCEPTED)


class FileCheckViewSet(ReadViewSet):
    """Stored files as they were found last."""

    queryset = m.FileCheck.objects.select_related("run")
    serializer_class = FileCheckSerializer
    filterset_fields = ("state", "sha256")
    verbs: ClassVar = {"GET": Verb.VIEW_RETENTION}
