"""Mapping pairs over the API: read, add, revise, decide, retire."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api import serializers as shapes
from compliance.api.base import ReadViewSet, asker
from compliance.oscal.catalog_checks import RELATIONS, STRENGTHS
from compliance.rights import Verb
from compliance.services import mappings
from compliance.services.mappings import PairTerms
from compliance.types.drafts import JSON
from compliance.types.states import MappingState

DECISIONS = (MappingState.APPROVED.value, MappingState.REJECTED.value, MappingState.DRAFT.value)


class PairTermsRequest(serializers.Serializer[JSON]):
    """What a pair says."""

    relation = serializers.ChoiceField(choices=list(RELATIONS))
    strength = serializers.ChoiceField(choices=list(STRENGTHS))
    rationale = serializers.CharField(max_length=5_000)
    kind = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    applies_to = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")


class PairRequest(PairTermsRequest):
    """A new pair."""

    control = serializers.SlugRelatedField(slug_field="control_id", queryset=m.ReferenceControl.objects.all())
    framework = serializers.SlugRelatedField(slug_field="key", queryset=m.Framework.objects.all())
    requirement_id = serializers.CharField(max_length=100)


class PairDecisionRequest(serializers.Serializer[JSON]):
    """What a named person decides."""

    state = serializers.ChoiceField(choices=list(DECISIONS))


class PairRetireRequest(serializers.Serializer[JSON]):
    """Why a pair is retired."""

    reason = serializers.CharField(max_length=5_000)


def _terms(given: JSON) -> PairTerms:
    return PairTerms(**{name: given[name] for name in ("relation", "strength", "kind", "applies_to", "rationale")})


class MappingViewSet(ReadViewSet):
    """Mapping pairs; only approved ones are ever counted."""

    queryset = m.MappingPair.objects.select_related("control", "framework", "author", "decided_by")
    serializer_class = shapes.MappingSerializer
    filterset_fields = ("state", "framework__key", "control__control_id")
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.WRITE_MAPPINGS}
    action_verbs: ClassVar = {"decide": Verb.DECIDE_MAPPINGS, "retire": Verb.DECIDE_MAPPINGS}

    def _sent(self, shape: type[serializers.Serializer[JSON]], request: Request) -> JSON:
        payload = shape(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        given: JSON = payload.validated_data
        return given

    @extend_schema(request=PairRequest, responses={201: shapes.MappingSerializer})
    def create(self, request: Request) -> Response:
        """A new draft, whose author is the asker."""
        given = self._sent(PairRequest, request)
        pair = mappings.add(
            control=given["control"], framework=given["framework"], requirement_id=given["requirement_id"],
            terms=_terms(given), actor=asker(request),
        )  # fmt: skip
        return Response(shapes.MappingSerializer(pair).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=PairTermsRequest, responses=shapes.MappingSerializer)
    @action(detail=True, methods=["post"])
    def revise(self, request: Request, uuid: str) -> Response:
        """Other words for a pair; it is a draft again."""
        pair: m.MappingPair = self.get_object()
        given = self._sent(PairTermsRequest, request)
        return Response(
            shapes.MappingSerializer(mappings.revise(pair=pair, terms=_terms(given), actor=asker(request))).data
        )

    @extend_schema(request=PairDecisionRequest, responses=shapes.MappingSerializer)
    @action(detail=True, methods=["post"])
    def decide(self, request: Request, uuid: str) -> Response:
        """Approve, reject or reopen a pair, by name."""
        pair: m.MappingPair = self.get_object()
        state = MappingState(self._sent(PairDecisionRequest, request)["state"])
        return Response(shapes.MappingSerializer(mappings.decide(pair=pair, state=state, actor=asker(request))).data)

    @extend_schema(request=PairRetireRequest, responses=shapes.MappingSerializer)
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, uuid: str) -> Response:
        """A pair is not offered any more."""
        pair: m.MappingPair = self.get_object()
        reason = self._sent(PairRetireRequest, request)["reason"]
        return Response(shapes.MappingSerializer(mappings.retire(pair=pair, reason=reason, actor=asker(request))).data)
