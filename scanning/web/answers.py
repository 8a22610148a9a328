"""Answers that the pages share."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from django.http import HttpResponseRedirect
from django.urls import reverse


def see_other(url_name: str, uuid: UUID | None = None) -> HttpResponseRedirect:
    """303 to a page, so that a POST is never repeated by going there (RFC 9110 §15.4.4)."""
    answer = HttpResponseRedirect(reverse(url_name, args=[uuid] if uuid else None))
    answer.status_code = HTTPStatus.SEE_OTHER
    return answer
