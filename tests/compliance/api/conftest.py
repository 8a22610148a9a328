"""Clients that hold a token, as programs do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from knox.models import AuthToken
from rest_framework.test import APIClient

from compliance.models import User

Api = Callable[[User], APIClient]


@pytest.fixture
def api() -> Api:
    """A client with a fresh token of somebody."""

    def client_of(user: User) -> APIClient:
        _token, secret = AuthToken.objects.create(user=user)
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
        return client

    return client_of
