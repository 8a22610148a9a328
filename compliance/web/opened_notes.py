"""Keeps an auditor's data key open between requests without the server keeping it: half in the browser, half in the session.

The session holds the data key sealed under a random key that only a cookie carries. Who has the database has ciphertext; who
has the cookie alone has a number. Both are gone when the notes are closed, the session ends, or half an hour has passed.
"""

from __future__ import annotations

import base64
import binascii
import time

from django.conf import settings
from django.http import HttpResponse

from compliance.services import note_cipher
from compliance.services.note_cipher import CannotOpenError
from compliance.web.base import Request

COOKIE = "assay_work_papers"
SESSION = "work_papers"
OPEN_SECONDS = 1800


def _identity(request: Request) -> bytes:
    return f"opened by {request.user.uuid}".encode()


def keep_open(request: Request, response: HttpResponse, data_key: bytes) -> None:
    """Splits the data key between the session and a cookie on this answer."""
    half = note_cipher.new_key()
    sealed = note_cipher.seal(key=half, content=data_key, identity=_identity(request))
    request.session[SESSION] = {"sealed": base64.b64encode(sealed).decode(), "until": time.time() + OPEN_SECONDS}
    response.set_cookie(
        COOKIE,
        base64.urlsafe_b64encode(half).decode(),
        max_age=OPEN_SECONDS,
        path="/work-papers/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def data_key_of(request: Request) -> bytes | None:
    """The data key while the notes are open; None once they are closed."""
    kept, half = request.session.get(SESSION), request.COOKIES.get(COOKIE, "")
    if not kept or kept["until"] < time.time():
        return None
    try:
        key, sealed = base64.urlsafe_b64decode(half), base64.b64decode(kept["sealed"])
        return note_cipher.unseal(key=key, sealed=sealed, identity=_identity(request))
    except (binascii.Error, ValueError, CannotOpenError):
        return None


def close(request: Request, response: HttpResponse) -> None:
    """Throws both halves away."""
    request.session.pop(SESSION, None)
    response.delete_cookie(COOKIE, path="/work-papers/", samesite="Strict")
