"""Verification of packs for other programs: the page's nine verdicts as JSON; nothing of the file is kept."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import permissions, serializers, status
from rest_framework.exceptions import APIException
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from compliance.api.throttles import VerifyRate
from compliance.isolation import BadInput, IsolationError
from compliance.packs.report import LARGEST_BYTES, seal_words
from compliance.services import packs


class UndecidedError(APIException):
    """The file could not be judged here and now; it may be genuine or not."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE


def _not_too_large(upload: Any) -> None:
    if upload.size > LARGEST_BYTES:
        raise serializers.ValidationError(
            f"The file is larger than the {LARGEST_BYTES >> 20} MiB that are checked here."
        )


class VerifyRequest(serializers.Serializer[dict[str, Any]]):
    """A pack, and its receipt when there is one."""

    pack = serializers.FileField(allow_empty_file=True, validators=[_not_too_large])
    receipt = serializers.FileField(required=False, allow_empty_file=True)


class VerdictSerializer(serializers.Serializer[dict[str, Any]]):
    """One question: its name, `passed`, `failed` or `not_checked`, and the answer in words."""

    name = serializers.CharField()
    state = serializers.CharField()
    words = serializers.CharField()


class VerificationSerializer(serializers.Serializer[dict[str, Any]]):
    """`genuine`: no check failed, and all that need neither receipt nor ledger were made. What could not be read is null."""

    genuine = serializers.BooleanField()
    checks = VerdictSerializer(many=True)
    sha256 = serializers.CharField()
    size = serializers.IntegerField()
    pack_id = serializers.CharField(allow_null=True)
    version = serializers.IntegerField(allow_null=True)
    organisation = serializers.CharField(allow_null=True)
    demonstration = serializers.BooleanField(allow_null=True)
    signer = serializers.CharField(allow_null=True)
    signer_certificate_sha256 = serializers.CharField(allow_null=True)
    root_certificate_sha256 = serializers.CharField(allow_null=True)
    demonstration_signer = serializers.BooleanField(allow_null=True)
    sealed_at = serializers.DateTimeField(allow_null=True)
    time_stamper = serializers.CharField(allow_null=True)
    level = serializers.CharField(allow_null=True)
    unvouched = serializers.IntegerField(allow_null=True)
    qualified = serializers.BooleanField(allow_null=True)
    seal = serializers.CharField()
    ledger = serializers.JSONField(allow_null=True)
    checkpoint = serializers.CharField(allow_null=True)


class VerifyView(APIView):
    """Verify a pack. Needs no sign-in; the file is judged in a process without network, and nothing of it is kept."""

    is_public: ClassVar = True  # read by the route test
    permission_classes = (permissions.AllowAny,)
    authentication_classes = ()
    throttle_classes = (VerifyRate,)
    parser_classes = (MultiPartParser,)

    @extend_schema(request={"multipart/form-data": VerifyRequest}, responses=VerificationSerializer, auth=[])
    def post(self, request: Request) -> Response:
        """The nine verdicts. 400: the file is no PDF, or the receipt no receipt. 503: nothing could be decided."""
        given = VerifyRequest(data=request.data)
        given.is_valid(raise_exception=True)
        pack, receipt = given.validated_data["pack"], given.validated_data.get("receipt")
        try:
            report = packs.verify_upload(pack=pack.file, receipt=receipt.file if receipt else None)
        except BadInput as error:
            raise serializers.ValidationError({"pack": [str(error)]}) from error
        except IsolationError as error:
            raise UndecidedError(str(error)) from error
        return Response({**report.as_json(), "seal": seal_words(qualified=bool(report.qualified))})
