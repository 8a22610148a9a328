"""Endpoints of figures of remediation: those of the dashboard, the told estimate beside the record, monthly summaries."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.http import FileResponse, Http404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import EXPORT, ReadViewSet, ScopedReference, asked_kind, asker, exported
from compliance.api.serializers import JobSerializer, PersonSerializer
from compliance.choices import choices
from compliance.rights import Verb, visible
from compliance.selectors.estimate_claim import claim_page
from compliance.selectors.file_answers import attachment
from compliance.selectors.remediation_dashboard import dashboard
from compliance.selectors.remediation_figures import PERIODS
from compliance.services import evidence, remediation_summaries
from compliance.services.errors import LostError
from compliance.types.drafts import JSON
from compliance.types.estimate_claim import FEWEST_SYSTEMS, ClaimVerdict, Standing
from compliance.types.figures import as_document


class SummarySerializer(serializers.ModelSerializer[m.RemediationSummary]):
    """A monthly summary of remediation with its figures."""

    made_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.RemediationSummary
        fields: ClassVar = [
            "uuid",
            "month",
            "sha256",
            "size",
            "pages",
            "has_costs",
            "made_by",
            "document",
            "created_at",
        ]


class SummaryRequest(serializers.Serializer[JSON]):
    """A month that is over, as 2026-10. with_costs: for those alone who may see what work costs."""

    month = serializers.CharField(max_length=7)
    with_costs = serializers.BooleanField(required=False, default=False)


class SummaryViewSet(ReadViewSet):
    """Monthly summaries of remediation; those with costs exist for those alone who may see costs."""

    queryset = m.RemediationSummary.objects.select_related("made_by")
    serializer_class = SummarySerializer
    verbs: ClassVar = {"GET": Verb.VIEW_FIGURES, "POST": Verb.OPEN_REMEDIATION}

    @extend_schema(request=SummaryRequest, responses={202: JobSerializer})
    def create(self, request: Request) -> Response:
        """Queue the summary of a month."""
        payload = SummaryRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        month = remediation_summaries.month_of(given["month"])
        job = remediation_summaries.request(month=month, with_costs=given["with_costs"], actor=asker(request))
        return Response(JobSerializer(job).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def pdf(self, request: Request, uuid: str) -> FileResponse:
        """The PDF."""
        kept: m.RemediationSummary = self.get_object()
        try:
            stream = evidence.open_stored(name=kept.storage_name)
        except LostError as error:
            raise Http404 from error
        return attachment(stream, remediation_summaries.filename_of(kept), media_type="application/pdf")


class FigureRequest(serializers.Serializer[JSON]):
    """Over how many days, and of which AI system."""

    days = serializers.ChoiceField(choices=[(days, str(days)) for days in PERIODS], required=False, default=90)
    system = ScopedReference(queryset=m.AISystem.objects.all(), required=False, allow_null=True, default=None)


class FigureSerializer(serializers.Serializer[Any]):
    """One figure: heads of its columns, and lines with a number for each; null is not known."""

    key = serializers.CharField()
    title = serializers.CharField()
    lead = serializers.CharField()
    head = serializers.CharField()
    series = serializers.ListField(child=serializers.CharField())
    unit = serializers.CharField()
    note = serializers.CharField()
    rows = serializers.ListField(child=serializers.DictField())


class ClaimSystemSerializer(serializers.Serializer[Any]):
    """What one AI system took for the tasks of the playbook. weeks_taken: null while something is open; weeks_so_far: null
    once nothing is. begun, finished: tasks. Effort in person-days."""

    uuid = serializers.UUIDField()
    name = serializers.CharField()
    standing = serializers.ChoiceField(choices=choices(Standing))
    begun = serializers.IntegerField(source="elapsed.begun")
    finished = serializers.IntegerField(source="elapsed.finished")
    items = serializers.IntegerField(source="elapsed.items")
    closed = serializers.IntegerField(source="elapsed.closed")
    baselines = serializers.IntegerField(source="elapsed.baselines")
    weeks_planned = serializers.DecimalField(source="elapsed.weeks_planned", max_digits=8, decimal_places=1)
    weeks_taken = serializers.DecimalField(
        source="elapsed.weeks_taken", max_digits=8, decimal_places=1, allow_null=True
    )
    weeks_so_far = serializers.DecimalField(
        source="elapsed.weeks_so_far", max_digits=8, decimal_places=1, allow_null=True
    )
    effort_planned = serializers.DecimalField(source="elapsed.planned", max_digits=12, decimal_places=2)
    effort_spent = serializers.DecimalField(source="elapsed.spent", max_digits=12, decimal_places=2)


class ClaimSerializer(serializers.Serializer[Any]):
    """An estimate of weeks as it is told, what the AI systems on record say about it, and whether it holds so far. weeks:
    medians. fewest_systems: of how many it has to be known before anything is said."""

    claim = serializers.CharField()
    weeks_low = serializers.IntegerField()
    weeks_high = serializers.IntegerField()
    tasks = serializers.IntegerField()
    verdict = serializers.ChoiceField(source="judged.verdict", choices=choices(ClaimVerdict))
    sentence = serializers.CharField()
    counting_systems = serializers.IntegerField(source="judged.counting")
    fewest_systems = serializers.IntegerField(default=FEWEST_SYSTEMS)
    weeks_planned = serializers.DecimalField(
        source="judged.weeks_planned", max_digits=8, decimal_places=1, allow_null=True
    )
    weeks_taken = serializers.DecimalField(source="judged.weeks_taken", max_digits=8, decimal_places=1, allow_null=True)
    systems = ClaimSystemSerializer(many=True)


class FigureViewSet(viewsets.ViewSet):
    """Figures of remediation, as the dashboard shows them."""

    verbs: ClassVar = {"GET": Verb.VIEW_FIGURES}

    @extend_schema(
        responses=FigureSerializer(many=True),
        parameters=[
            EXPORT,
            OpenApiParameter("days", int, enum=list(PERIODS)),
            OpenApiParameter("system", OpenApiTypes.UUID),
        ],
    )
    def list(self, request: Request) -> Any:
        """All figures of what the asker sees."""
        payload = FigureRequest(data=request.query_params, context={"request": request})
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        system = given["system"].uuid if given["system"] else None
        content = dashboard(asker(request), today=timezone.localdate(), days=int(given["days"]), system=system)
        figures = [as_document(figure) for figure in content.figures]
        kind = asked_kind(request)
        if kind is not None:
            return exported(request, kind, FigureSerializer(), figures)
        return Response(cast("list[JSON]", FigureSerializer(figures, many=True).data))

    @extend_schema(responses=ClaimSerializer, parameters=[EXPORT])
    @action(detail=False, methods=["get"])
    def estimate(self, request: Request) -> Any:
        """The weeks that the playbook tells of, beside those on record, and whether they hold so far; `?export=` gives the
        AI systems as a file."""
        items = visible(m.RemediationItem.objects.all(), asker(request))
        page = claim_page(items, today=timezone.localdate())
        if page is None:
            raise Http404
        kind = asked_kind(request)
        if kind is not None:
            return exported(request, kind, ClaimSystemSerializer(), list(page.systems))
        return Response(ClaimSerializer(page).data)
