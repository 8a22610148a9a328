"""What requests leave in the log."""

from __future__ import annotations

import logging

import pytest
from django.urls import reverse

from compliance.models import User
from tests.compliance.conftest import Browse


def of_requests(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "django.request"]


def test_a_refusal_is_one_line_without_a_traceback(
    contributor: User, browse: Browse, caplog: pytest.LogCaptureFixture
) -> None:
    assert browse(contributor).get(reverse("people")).status_code == 403
    (refused,) = of_requests(caplog)
    assert (refused.levelno, refused.exc_info) == (logging.WARNING, None)
    assert reverse("people") in refused.getMessage()


def test_a_failure_keeps_its_traceback(
    administrator: User, browse: Browse, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise ZeroDivisionError

    client = browse(administrator)
    client.raise_request_exception = False
    monkeypatch.setattr("compliance.web.people.page_of", broken)
    assert client.get(reverse("people")).status_code == 500
    (failed,) = of_requests(caplog)
    assert failed.exc_info is not None
    assert failed.exc_info[0] is ZeroDivisionError
