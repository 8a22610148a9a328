"""Files that people and programs send: hashed while they are received, refused as soon as they are too large.

Every multipart form comes through here, of pages and of the API alike; FILE_UPLOAD_HANDLERS names the one handler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.defaults import bad_request

from compliance.services.spool import NoRoomError, Spool, TooLargeError
from compliance.types.retention import EvidenceKind

MODEL_FORMS = {"model-register"}
MODEL_BY_KIND = {"api-evidence-list", "evidence-upload"}  # with ?kind=model in the address
PUBLIC_BYTES = 200 * 1024**2
_REST_OF_FORM = 8 * 1024**2  # fields, headers and boundaries around the files; Django takes 5 MiB of fields
_PIECE = 256 * 1024


class UploadTooLargeError(RequestDataTooBig):
    """The files of one request are too large together. The message is one sentence for whoever sent them."""

    status = 413


class UploadWithoutRoomError(UploadTooLargeError):
    """The disk is too full for the files of the request."""

    status = 507


def most_bytes(request: HttpRequest | None) -> int:
    """How much one form may bring: models more than other documents, who is not signed in less."""
    most: int = settings.MAX_UPLOAD_BYTES
    if request is None:
        return most
    if not request.user.is_authenticated:
        return min(most, PUBLIC_BYTES)
    match = request.resolver_match
    name = match.url_name if match is not None else ""
    is_model = name in MODEL_FORMS or (name in MODEL_BY_KIND and request.GET.get("kind") == EvidenceKind.MODEL)
    return int(settings.MAX_MODEL_UPLOAD_BYTES) if is_model else most


class HashingUploadHandler(FileUploadHandler):
    """Spools each file and hashes it on the way; the form's file wraps a `spool.Received`, which the services keep.

    All files of a request together may have MAX_UPLOAD_BYTES, of models MAX_MODEL_UPLOAD_BYTES, from somebody who is not
    signed in PUBLIC_BYTES; and no more than the disk has room for.
    """

    chunk_size = _PIECE

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self._spool: Spool | None = None
        self._most = self._rest = settings.MAX_UPLOAD_BYTES
        self._announced = 0

    def handle_raw_input(
        self, input_data: Any, meta: dict[str, str], content_length: int, boundary: str, encoding: str | None = None
    ) -> None:
        """Refuses what says of itself that it is too large before any of it is read; what it says is not believed else."""
        self._most = self._rest = most_bytes(self.request)
        self._announced = max(0, content_length)
        if content_length > self._most + _REST_OF_FORM:
            raise _too_large(self._most)

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """A file begins."""
        super().new_file(*args, **kwargs)
        self.upload_interrupted()
        try:
            self._spool = Spool(most_bytes=self._rest, expected_bytes=min(self._announced, self._rest))
        except NoRoomError as error:
            raise UploadWithoutRoomError(str(error)) from error

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Its next bytes. Raises UploadTooLargeError."""
        if self._spool is None:
            return
        try:
            self._spool.write(raw_data)
        except TooLargeError as error:
            raise _too_large(self._most) from error
        except NoRoomError as error:
            raise UploadWithoutRoomError(str(error)) from error

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        """It ended, with the boundary after it."""
        if self._spool is None:
            return None
        received, self._spool = self._spool.finish(), None
        self._rest -= received.size
        return UploadedFile(
            file=received,
            name=self.file_name,
            content_type=self.content_type,
            size=received.size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )

    def upload_interrupted(self) -> None:
        """Throw away the file that has not ended, if there is one."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None


def _too_large(most_bytes: int) -> UploadTooLargeError:
    return UploadTooLargeError(str(TooLargeError(most_bytes)))


class UnfinishedUploadsMiddleware:
    """Gives the disk back at the end of a request whose sender hung up or was refused; Django tells no handler of that."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """One request and its uploads."""
        try:
            return self.get_response(request)
        finally:
            for handler in request.upload_handlers:
                handler.upload_interrupted()


def not_understood(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page for requests that were not understood, and the sentence for those that were too large."""
    if not isinstance(exception, RequestDataTooBig):
        return bad_request(request, exception)
    if isinstance(exception, UploadTooLargeError):
        return render(request, "413.html", {"reason": str(exception)}, status=exception.status)
    reason = _("The form holds more text than this installation takes.")
    return render(request, "413.html", {"reason": reason}, status=413)
