from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from compliance.models import RowChange, Team, User
from compliance.types.states import Role
from compliance.web.middleware import ActorMiddleware

pytestmark = pytest.mark.django_db


def answered(request: HttpRequest, view: Callable[[HttpRequest], HttpResponse]) -> None:
    ActorMiddleware(view)(request)


def make_team(request: HttpRequest) -> HttpResponse:
    Team.objects.create(name="Team")
    return HttpResponse()


def request_of(user: User | AnonymousUser) -> HttpRequest:
    request = RequestFactory().post("/")
    request.user = user
    return request


def test_a_change_in_a_request_carries_its_person() -> None:
    alice = User.objects.create_user(email="alice@example.org", name="Alice", role=Role.ADMINISTRATOR)
    answered(request_of(alice), make_team)
    assert RowChange.objects.filter(table_name="compliance_team").get().actor == str(alice.uuid)


def test_nobody_signed_in_leaves_no_name() -> None:
    answered(request_of(AnonymousUser()), make_team)
    assert RowChange.objects.latest("pk").actor == ""


def test_whoever_a_view_finds_out_later_counts() -> None:
    alice = User.objects.create_user(email="alice@example.org", name="Alice", role=Role.ADMINISTRATOR)

    def by_token(request: HttpRequest) -> HttpResponse:
        request.user = alice  # as the API does once it has read the token
        return make_team(request)

    answered(request_of(AnonymousUser()), by_token)
    assert RowChange.objects.filter(table_name="compliance_team").get().actor == str(alice.uuid)
