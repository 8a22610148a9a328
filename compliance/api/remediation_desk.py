"""Endpoints beside remediation items: comments, kept filters, edits of many items."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import EXPORT, ReadViewSet, ScopedReference, asked_kind, asker, exported
from compliance.api.serializers import JobSerializer, PersonSerializer, UuidField
from compliance.choices import choices
from compliance.rights import TABLE, Verb
from compliance.selectors.bulk_edit_page import bulk_edit_page, lines
from compliance.services import bulk_edits, remediation_comments, saved_filters
from compliance.types.bulk_edits import MOST_ITEMS, Changes
from compliance.types.drafts import JSON
from compliance.types.plans import GIVEN_REASONS
from compliance.types.states import RemediationState

_WORKERS = [role.value for role in TABLE[Verb.WORK_REMEDIATION]]


class CommentSerializer(serializers.ModelSerializer[m.RemediationComment]):
    """A comment on a remediation item."""

    item = UuidField()
    author = PersonSerializer(read_only=True)

    class Meta:
        model = m.RemediationComment
        fields: ClassVar = ["uuid", "item", "author", "text", "created_at"]


class CommentRequest(serializers.Serializer[JSON]):
    """What is said, about which item."""

    item = ScopedReference(queryset=m.RemediationItem.objects.select_related("system"))
    text = serializers.CharField(max_length=remediation_comments.LONGEST)


class CommentViewSet(ReadViewSet):
    """Comments on remediation items; they stay as they were written."""

    queryset = m.RemediationComment.objects.select_related("item", "author")
    serializer_class = CommentSerializer
    filterset_fields = ("item__uuid",)
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.WORK_REMEDIATION}

    @extend_schema(request=CommentRequest, responses={201: CommentSerializer})
    def create(self, request: Request) -> Response:
        """Write a comment."""
        payload = CommentRequest(data=request.data, context=self.get_serializer_context())
        payload.is_valid(raise_exception=True)
        comment = remediation_comments.write(**payload.validated_data, actor=asker(request))
        return Response(CommentSerializer(comment).data, status=status.HTTP_201_CREATED)


class SavedFilterSerializer(serializers.ModelSerializer[m.SavedFilter]):
    """A filter of the remediation table under a name. query: what follows the question mark of the table's address."""

    owner = PersonSerializer(read_only=True)

    class Meta:
        model = m.SavedFilter
        fields: ClassVar = ["uuid", "name", "query", "is_shared", "owner", "created_at"]


class SavedFilterRequest(serializers.Serializer[JSON]):
    """A name and a filter; one's own filter of the same name is replaced."""

    name = serializers.CharField(max_length=saved_filters.LONGEST_NAME)
    query = serializers.CharField(max_length=saved_filters.LONGEST_QUERY, allow_blank=True)
    is_shared = serializers.BooleanField(required=False, default=False)


class SavedFilterViewSet(ReadViewSet):
    """One's own kept filters, and those that others share."""

    queryset = m.SavedFilter.objects.select_related("owner")
    serializer_class = SavedFilterSerializer
    verbs: ClassVar = {"GET": Verb.VIEW, "POST": Verb.KEEP_FILTERS, "DELETE": Verb.KEEP_FILTERS}

    @extend_schema(request=SavedFilterRequest, responses={201: SavedFilterSerializer})
    def create(self, request: Request) -> Response:
        """Keep a filter."""
        payload = SavedFilterRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        kept = saved_filters.save(**payload.validated_data, actor=asker(request))
        return Response(SavedFilterSerializer(kept).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, uuid: str) -> Response:
        """Delete a filter of one's own."""
        saved_filters.delete(kept=self.get_object(), actor=asker(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class BulkEditSerializer(serializers.ModelSerializer[m.BulkEdit]):
    """An edit of many items, with how many would change, are so already, or are left as they are."""

    job = UuidField()
    changed = serializers.SerializerMethodField()
    same = serializers.SerializerMethodField()
    refused = serializers.SerializerMethodField()

    class Meta:
        model = m.BulkEdit
        fields: ClassVar = ["uuid", "changes", "job", "changed", "same", "refused", "created_at"]

    def get_changed(self, edit: m.BulkEdit) -> int:
        """Items that change."""
        return bulk_edit_page(edit).changed

    def get_same(self, edit: m.BulkEdit) -> int:
        """Items that are so already."""
        return bulk_edit_page(edit).same

    def get_refused(self, edit: m.BulkEdit) -> int:
        """Items that are left as they are."""
        return bulk_edit_page(edit).refused


class BulkEditRequest(serializers.Serializer[JSON]):
    """Which items, and what is to be; what is left out stays as it is."""

    items = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST_ITEMS)
    state = serializers.ChoiceField(choices=choices(RemediationState), required=False, allow_null=True, default=None)
    owner = serializers.SlugRelatedField(
        slug_field="uuid",
        queryset=m.User.objects.filter(is_active=True, role__in=_WORKERS),
        required=False,
        allow_null=True,
        default=None,
    )
    team = serializers.SlugRelatedField(
        slug_field="uuid", queryset=m.Team.objects.all(), required=False, allow_null=True, default=None
    )
    due_on = serializers.DateField(required=False, allow_null=True, default=None)
    reason = serializers.ChoiceField(
        choices=[reason.value for reason in GIVEN_REASONS],
        required=False,
        allow_blank=True,
        default="",
        help_text="Why the due date changes; needed with due_on.",
    )


class BulkEditLineSerializer(serializers.Serializer[Any]):
    """What becomes of one item, and why where it is left as it is."""

    uuid = serializers.UUIDField(allow_null=True)
    title = serializers.CharField()
    outcome = serializers.CharField()
    why = serializers.CharField()


class BulkEditViewSet(ReadViewSet):
    """Edits of many items: drafted, looked at, confirmed; then one job does them."""

    queryset = m.BulkEdit.objects.select_related("job", "made_by")
    serializer_class = BulkEditSerializer
    verbs: ClassVar = {"GET": Verb.OPEN_REMEDIATION, "POST": Verb.OPEN_REMEDIATION}

    @extend_schema(request=BulkEditRequest, responses={201: BulkEditSerializer})
    def create(self, request: Request) -> Response:
        """Draft an edit; nothing is changed until it is confirmed."""
        payload = BulkEditRequest(data=request.data)
        payload.is_valid(raise_exception=True)
        given = payload.validated_data
        changes = Changes(
            state=RemediationState(given["state"]) if given["state"] else None,
            owner=given["owner"].pk if given["owner"] else None,
            team=given["team"].pk if given["team"] else None,
            due_on=given["due_on"],
            reason=given["reason"],
        )
        items = m.RemediationItem.objects.filter(uuid__in=given["items"])
        edit = bulk_edits.draft(items=items, changes=changes, actor=asker(request))
        return Response(BulkEditSerializer(edit).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=BulkEditLineSerializer(many=True), parameters=[EXPORT])
    @action(detail=True, methods=["get"], pagination_class=None)
    def lines(self, request: Request, uuid: str) -> Any:
        """What becomes of each item."""
        preview = bulk_edit_page(self.get_object())
        shown = lines(preview.judged, is_done=preview.is_done)
        kind = asked_kind(request)
        if kind is not None:
            return exported(request, kind, BulkEditLineSerializer(), shown)
        return Response(BulkEditLineSerializer(shown, many=True).data)

    @extend_schema(request=None, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, uuid: str) -> Response:
        """Queue the job that does it."""
        job = bulk_edits.confirm(edit=self.get_object(), actor=asker(request))
        return Response(JobSerializer(job).data, status=status.HTTP_202_ACCEPTED)
