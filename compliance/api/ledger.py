"""The ledger for other programs: its checkpoints, that it holds an event, and that it grew from an earlier state."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compliance import models as m
from compliance.api.base import ReadViewSet, ScopedViewSet, asker
from compliance.rights import Verb, visible
from compliance.services import ledger_proofs
from compliance.services.ledger_statements import checkpoint_document

_CHECKPOINTS = m.LedgerCheckpoint.objects.prefetch_related("stamps")
WHICH = OpenApiParameter(
    "checkpoint", OpenApiTypes.UUID, description="Under which checkpoint; the newest where absent."
)


class CheckpointSerializer(serializers.ModelSerializer[m.LedgerCheckpoint]):
    """Size and root of the tree over all blocks. `stamped_at`: of its first time stamp; none: not time-stamped."""

    made_at = serializers.DateTimeField(source="created_at", read_only=True)
    key = serializers.CharField(source="key_id", read_only=True)
    stamped_at = serializers.SerializerMethodField()
    stamped_by = serializers.SerializerMethodField()

    class Meta:
        model = m.LedgerCheckpoint
        fields = ("uuid", "made_at", "blocks", "events", "root", "head", "sha256", "key", "stamped_at", "stamped_by")

    def get_stamped_at(self, checkpoint: m.LedgerCheckpoint) -> str | None:
        """When the first stamp says that it was made."""
        first = next(iter(checkpoint.stamps.all()), None)
        return first.stamped_at.isoformat() if first else None

    def get_stamped_by(self, checkpoint: m.LedgerCheckpoint) -> str | None:
        """Host of the authority; an empty text is the installation's own clock, no third party."""
        first = next(iter(checkpoint.stamps.all()), None)
        return first.authority if first else None


class CheckpointViewSet(ReadViewSet):
    """Checkpoints of the ledger, newest first."""

    queryset = _CHECKPOINTS
    serializer_class = CheckpointSerializer
    verbs: ClassVar = {"GET": Verb.VIEW_TRAIL}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["get"])
    def document(self, request: Request, uuid: str) -> Response:
        """The signed checkpoint with its time stamps, to be kept elsewhere (docs/formats/ledger.md)."""
        return Response(checkpoint_document(self.get_object()))


class LedgerEventViewSet(ScopedViewSet):
    """Events of the ledger that the asker may see in the trail."""

    queryset = m.TrailEntry.objects.select_related("event")
    lookup_field = "event__uuid"
    lookup_url_kwarg = "uuid"
    serializer_class = serializers.Serializer
    verbs: ClassVar = {"GET": Verb.VIEW_TRAIL}

    @extend_schema(parameters=[WHICH], responses={200: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["get"])
    def proof(self, request: Request, uuid: str) -> Response:
        """That the event is under a checkpoint's root (RFC 9162). 409 while no checkpoint covers it."""
        entry: m.TrailEntry = self.get_object()
        return Response(ledger_proofs.prove(event=entry.event, checkpoint=_checkpoint(request)))


class ConsistencyView(APIView):
    """That the ledger of an earlier checkpoint is the beginning of a later one's."""

    verbs: ClassVar = {"GET": Verb.VIEW_TRAIL}

    @extend_schema(
        parameters=[
            OpenApiParameter("from", OpenApiTypes.INT, description="Blocks of the earlier checkpoint; 1 where absent."),
            OpenApiParameter("to", OpenApiTypes.INT, description="Blocks of the later one; the newest where absent."),
        ],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request: Request) -> Response:
        """The proof (RFC 9162 §2.1.4). 404 where no checkpoint counts as many blocks as `to` says."""
        blocks, to = _number(request, "from"), _number(request, "to")
        rows = visible(_CHECKPOINTS, asker(request))
        checkpoint = (rows if to is None else rows.filter(blocks=to)).first()
        if checkpoint is None:
            raise NotFound
        return Response(ledger_proofs.consistency(blocks=1 if blocks is None else blocks, checkpoint=checkpoint))


def _number(request: Request, name: str) -> int | None:
    given = request.query_params.get(name)
    if given is None:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > 15:
        raise serializers.ValidationError({name: "Give a whole number of blocks."})
    return int(given)


def _checkpoint(request: Request) -> m.LedgerCheckpoint | None:
    rows = visible(_CHECKPOINTS, asker(request))
    given = request.query_params.get("checkpoint")
    if given is None:
        return rows.first()
    try:
        return get_object_or_404(rows, uuid=UUID(given))
    except ValueError as error:
        raise serializers.ValidationError({"checkpoint": "Give the checkpoint's identifier."}) from error
