"""Endpoints of people whom logs name: found, exported, erased; and the export of what is held on a user."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from compliance import models as m
from compliance.api.base import ReadViewSet, ScopedViewSet, asker
from compliance.rights import Verb
from compliance.selectors.file_answers import attachment
from compliance.services import people, subject_exports

ZIP = {(200, "application/zip"): OpenApiTypes.BINARY}


class SubjectSerializer(serializers.ModelSerializer[m.Principal]):
    """Somebody whom logs name; identifier and display are empty once erased."""

    class Meta:
        model = m.Principal
        fields: ClassVar = ["uuid", "display", "identifier", "kind", "pseudonym", "created_at", "erased_at"]


def _exported(subject: m.User | m.Principal, actor: m.User) -> HttpResponseBase:
    most = subject_exports.MOST_ROWS_WHILE_WAITING
    made = subject_exports.export(subject=subject, actor=actor, most_rows=most)
    return attachment(made.stream, made.filename, media_type="application/zip")


class SubjectViewSet(ReadViewSet):
    """People and machines whom logs name, by name."""

    queryset = m.Principal.objects.order_by("display", "pk")
    serializer_class = SubjectSerializer
    filterset_fields = ("identifier", "pseudonym")
    verbs: ClassVar = {"GET": Verb.VIEW_SUBJECTS}
    action_verbs: ClassVar = {"export": Verb.EXPORT_SUBJECT, "erase": Verb.ERASE_SUBJECT}

    @extend_schema(request=None, responses=ZIP)
    @action(detail=True, methods=["post"])
    def export(self, request: Request, uuid: str) -> HttpResponseBase:
        """All that is held on somebody, as a ZIP with JSON, a readable page and a CSV for each table."""
        return _exported(self.get_object(), asker(request))

    @extend_schema(request=None, responses=SubjectSerializer)
    @action(detail=True, methods=["post"])
    def erase(self, request: Request, uuid: str) -> Response:
        """Destroy name and key; a pseudonym stays. Refused under a legal hold."""
        erased = people.erase_principal(principal=self.get_object(), actor=asker(request))
        return Response(SubjectSerializer(erased).data)


class PersonViewSet(ScopedViewSet):
    """Users of this installation."""

    queryset = m.User.objects.all()
    verbs: ClassVar = {}
    action_verbs: ClassVar = {"export": Verb.EXPORT_SUBJECT}

    @extend_schema(request=None, responses=ZIP)
    @action(detail=True, methods=["post"])
    def export(self, request: Request, uuid: str) -> HttpResponseBase:
        """All that is held on a user, as a ZIP with JSON, a readable page and a CSV for each table."""
        return _exported(self.get_object(), asker(request))
