"""Endpoints of risks, their acceptances, waivers of scanner rules, and closings: the same acts as on the pages."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import ReadViewSet, ScopedReference, SystemReference, asker
from compliance.api.serializers import PersonSerializer, UuidField
from compliance.rights import Verb
from compliance.selectors.risk_pages import ACCEPTANCES, CLOSINGS, WAIVERS
from compliance.services import closings, risk_acceptances, risks, waivers
from compliance.services.risk_acceptances import AcceptanceDraft
from compliance.types.drafts import JSON

_TEXT: dict[str, Any] = {"required": False, "allow_blank": True, "default": "", "max_length": 20_000}


class WordsRequest(serializers.Serializer[JSON]):
    """What a person says to an act; some need it."""

    words = serializers.CharField(required=False, allow_blank=True, default="", max_length=5_000)


class RiskMoveSerializer(serializers.ModelSerializer[m.RiskMove]):
    """One act on a risk."""

    made_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.RiskMove
        fields: ClassVar = ["uuid", "act", "before", "after", "words", "made_by", "created_at"]


class RiskSerializer(serializers.ModelSerializer[m.Risk]):
    """What could happen because of a finding. state: as it counts today."""

    finding = UuidField()
    state = serializers.CharField(source="state_now", read_only=True)
    moves = RiskMoveSerializer(many=True, read_only=True)

    class Meta:
        model = m.Risk
        fields: ClassVar = [
            "uuid", "finding", "title", "statement", "state", "severity", "deadline", "opened_at", "accepted_until",
            "moves", "created_at",
        ]  # fmt: skip


class AcceptanceSerializer(serializers.ModelSerializer[m.RiskAcceptance]):
    """Agreed, or asked for, to live with a risk until a day. state: as it counts today."""

    risk = UuidField()
    finding = UuidField(source="risk.finding")
    state = serializers.CharField(source="state_now", read_only=True)
    controls = UuidField(many=True)
    requested_by = PersonSerializer(read_only=True)
    decided_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.RiskAcceptance
        fields: ClassVar = [
            "uuid", "risk", "finding", "state", "reason", "controls", "compensation", "ends_on", "review_on",
            "reviewed_at", "requested_by", "created_at", "decided_by", "decided_at", "decision", "ended_at",
        ]  # fmt: skip


class AcceptanceRequest(serializers.Serializer[JSON]):
    """A request to live with the risk of a finding."""

    finding = ScopedReference(queryset=m.Finding.objects.select_related("system"))
    reason = serializers.CharField(max_length=20_000)
    ends_on = serializers.DateField()
    review_on = serializers.DateField()
    controls = ScopedReference(queryset=m.ImplementedControl.objects.all(), many=True, required=False, default=list)
    compensation = serializers.CharField(**_TEXT)


class ReviewRequest(serializers.Serializer[JSON]):
    """A review of an acceptance in force."""

    words = serializers.CharField(max_length=5_000)
    review_on = serializers.DateField()


class WaiverSerializer(serializers.ModelSerializer[m.Waiver]):
    """A rule of a scanner that does not count until a day. state: as it counts today."""

    system = UuidField()
    state = serializers.CharField(source="state_now", read_only=True)
    requested_by = PersonSerializer(read_only=True)
    decided_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.Waiver
        fields: ClassVar = [
            "uuid", "system", "producer", "rule", "assets", "state", "reason", "ends_on", "requested_by", "created_at",
            "decided_by", "decided_at", "decision", "ended_at",
        ]  # fmt: skip


class WaiverRequest(serializers.Serializer[JSON]):
    """A request to set a rule aside."""

    system = SystemReference(verb=Verb.REQUEST_ACCEPTANCE, queryset=m.AISystem.objects.all())
    producer = serializers.CharField(max_length=100)
    rule = serializers.CharField(max_length=200)
    assets = serializers.CharField(required=False, allow_blank=True, default="", max_length=500)
    reason = serializers.CharField(max_length=20_000)
    ends_on = serializers.DateField()


class ClosingSerializer(serializers.ModelSerializer[m.Closing]):
    """A closing with the new evidence on which it rests."""

    system = UuidField()
    item = UuidField()
    risks = UuidField(many=True)
    observation = UuidField()
    asked_by = PersonSerializer(read_only=True)
    decided_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.Closing
        fields: ClassVar = [
            "uuid", "system", "item", "risks", "state", "basis", "observation", "asked_by", "created_at", "decided_by",
            "decided_at", "note",
        ]  # fmt: skip


def _words(request: Request) -> str:
    payload = WordsRequest(data=request.data)
    payload.is_valid(raise_exception=True)
    return str(payload.validated_data["words"])


class RiskViewSet(ReadViewSet):
    """Risks."""

    queryset = m.Risk.objects.select_related("finding__system").prefetch_related("moves__made_by")
    serializer_class = RiskSerializer
    filterset_fields = ("severity",)
    action_verbs: ClassVar = {"put_back": Verb.WORK_REMEDIATION, "reopen": Verb.OPEN_REMEDIATION}

    def _shown(self) -> Response:
        return Response(RiskSerializer(self.get_object()).data)

    @extend_schema(request=WordsRequest, responses=RiskSerializer)
    @action(detail=True, methods=["post"])
    def put_back(self, request: Request, uuid: str) -> Response:
        """Nobody looks into it any longer; says why."""
        risks.put_back(risk=self.get_object(), words=_words(request), actor=asker(request))
        return self._shown()

    @extend_schema(request=WordsRequest, responses=RiskSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, uuid: str) -> Response:
        """A closed risk is open again; says why."""
        risks.reopen(risk=self.get_object(), words=_words(request), actor=asker(request))
        return self._shown()


class AcceptanceViewSet(ReadViewSet):
    """Risk acceptances."""

    queryset = ACCEPTANCES.prefetch_related("controls")
    serializer_class = AcceptanceSerializer
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.REQUEST_ACCEPTANCE}
    action_verbs: ClassVar = {
        "approve": Verb.DECIDE_ACCEPTANCE,
        "refuse": Verb.DECIDE_ACCEPTANCE,
        "withdraw": Verb.REQUEST_ACCEPTANCE,
        "review": Verb.DECIDE_ACCEPTANCE,
        "revoke": Verb.DECIDE_ACCEPTANCE,
    }

    @extend_schema(request=AcceptanceRequest, responses={201: AcceptanceSerializer})
    def create(self, request: Request) -> Response:
        """Ask to live with the risk of a finding until a day."""
        payload = AcceptanceRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given = dict(payload.validated_data)
        finding = given.pop("finding")
        made = risk_acceptances.request(finding=finding, draft=AcceptanceDraft(**given), actor=asker(request))
        return Response(AcceptanceSerializer(made).data, status=status.HTTP_201_CREATED)

    def _shown(self) -> Response:
        return Response(AcceptanceSerializer(self.get_object()).data)

    @extend_schema(request=WordsRequest, responses=AcceptanceSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, uuid: str) -> Response:
        """Live with it until its last day; not by whoever asked."""
        risk_acceptances.approve(acceptance=self.get_object(), words=_words(request), actor=asker(request))
        return self._shown()

    @extend_schema(request=WordsRequest, responses=AcceptanceSerializer)
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, uuid: str) -> Response:
        """Not to be lived with; says why."""
        risk_acceptances.refuse(acceptance=self.get_object(), words=_words(request), actor=asker(request))
        return self._shown()

    @extend_schema(request=None, responses=AcceptanceSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, uuid: str) -> Response:
        """Take back what one asked for."""
        risk_acceptances.withdraw(acceptance=self.get_object(), actor=asker(request))
        return self._shown()

    @extend_schema(request=ReviewRequest, responses=AcceptanceSerializer)
    @action(detail=True, methods=["post"])
    def review(self, request: Request, uuid: str) -> Response:
        """Looked at again, and still agreed to."""
        payload = ReviewRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        risk_acceptances.review(acceptance=self.get_object(), actor=asker(request), **payload.validated_data)
        return self._shown()

    @extend_schema(request=WordsRequest, responses=AcceptanceSerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, uuid: str) -> Response:
        """No longer to be lived with; says why."""
        risk_acceptances.revoke(acceptance=self.get_object(), words=_words(request), actor=asker(request))
        return self._shown()


class WaiverViewSet(ReadViewSet):
    """Waivers of scanner rules."""

    queryset = WAIVERS
    serializer_class = WaiverSerializer
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.REQUEST_ACCEPTANCE}
    action_verbs: ClassVar = {
        "approve": Verb.DECIDE_ACCEPTANCE,
        "refuse": Verb.DECIDE_ACCEPTANCE,
        "withdraw": Verb.REQUEST_ACCEPTANCE,
        "revoke": Verb.DECIDE_ACCEPTANCE,
    }

    @extend_schema(request=WaiverRequest, responses={201: WaiverSerializer})
    def create(self, request: Request) -> Response:
        """Ask for a rule to be set aside until a day."""
        payload = WaiverRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        made = waivers.request(actor=asker(request), **payload.validated_data)
        return Response(WaiverSerializer(made).data, status=status.HTTP_201_CREATED)

    def _shown(self) -> Response:
        return Response(WaiverSerializer(self.get_object()).data)

    @extend_schema(request=WordsRequest, responses=WaiverSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, uuid: str) -> Response:
        """Set the rule aside; not by whoever asked."""
        waivers.approve(waiver=self.get_object(), words=_words(request), actor=asker(request))
        return self._shown()

    @extend_schema(request=WordsRequest, responses=WaiverSerializer)
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, uuid: str) -> Response:
        """The rule goes on counting; says why."""
        waivers.refuse(waiver=self.get_object(), words=_words(request), actor=asker(request))
        return self._shown()

    @extend_schema(request=None, responses=WaiverSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, uuid: str) -> Response:
        """Take back what one asked for."""
        waivers.withdraw(waiver=self.get_object(), actor=asker(request))
        return self._shown()

    @extend_schema(request=WordsRequest, responses=WaiverSerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, uuid: str) -> Response:
        """The rule counts again; says why."""
        waivers.revoke(waiver=self.get_object(), words=_words(request), actor=asker(request))
        return self._shown()


class ClosingViewSet(ReadViewSet):
    """Closings: proposed on new evidence, decided by somebody who did not do the work."""

    queryset = CLOSINGS.prefetch_related("risks")
    serializer_class = ClosingSerializer
    filterset_fields = ("state",)
    action_verbs: ClassVar = {"confirm": Verb.CONFIRM_CLOSING, "give_back": Verb.CONFIRM_CLOSING}

    @extend_schema(request=WordsRequest, responses=ClosingSerializer)
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, uuid: str) -> Response:
        """Close the work and its risks on the evidence named."""
        closings.confirm(closing=self.get_object(), words=_words(request), actor=asker(request))
        return Response(ClosingSerializer(self.get_object()).data)

    @extend_schema(request=WordsRequest, responses=ClosingSerializer)
    @action(detail=True, methods=["post"], url_path="return")
    def give_back(self, request: Request, uuid: str) -> Response:
        """Not yet; says why."""
        closings.give_back(closing=self.get_object(), words=_words(request), actor=asker(request))
        return Response(ClosingSerializer(self.get_object()).data)
