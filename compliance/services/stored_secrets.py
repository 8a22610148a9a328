"""Secrets that Assay needs in the open later, kept encrypted under keys derived from SECRET_KEY."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.translation import gettext as _

from compliance.services.errors import RefusedError


def seal(secret: str, *, purpose: str) -> str:
    """Encrypted under the present SECRET_KEY, for one purpose."""
    return _keys(purpose).encrypt(secret.encode()).decode("ascii")


def unseal(sealed: str, *, purpose: str) -> str:
    """As it was, under the present key or one of SECRET_KEY_FALLBACKS. Raises RefusedError where neither fits."""
    try:
        return _keys(purpose).decrypt(sealed.encode("ascii")).decode()
    except InvalidToken as error:
        raise RefusedError(_("The secret was kept under another SECRET_KEY: renew it.")) from error


def _keys(purpose: str) -> MultiFernet:
    derived = (
        HKDF(algorithm=SHA256(), length=32, salt=None, info=f"assay {purpose}".encode()).derive(key.encode())
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    )
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in derived])
