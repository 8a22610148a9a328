"""The link that makes the first administrator works once, for a day, while there is none."""

from __future__ import annotations

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse

from compliance.models import LedgerEvent, User
from compliance.services import first_administrator
from compliance.services.errors import RefusedError
from compliance.types.states import Role

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery-staple"


def fields(**changed: str) -> dict[str, str]:
    return {"name": "Ada", "email": "ada@example.org", "password": PASSWORD, "again": PASSWORD} | changed


def address(token: str | None = None) -> str:
    return reverse("first-admin", kwargs={"token": token or first_administrator.invitation()})


def test_link_makes_an_administrator_who_can_sign_in(client: Client) -> None:
    answer = client.post(address(), fields())
    assert answer.headers["Location"] == reverse("sign-in")
    user = User.objects.get()
    assert (user.email, user.role, user.check_password(PASSWORD)) == ("ada@example.org", Role.ADMINISTRATOR, True)
    assert LedgerEvent.objects.filter(kind="person.created", subject_uuid=user.uuid).exists()


def test_link_works_once(client: Client) -> None:
    link = address()
    client.post(link, fields())
    assert client.get(link).status_code == 404
    assert client.post(link, fields(email="eve@example.org")).status_code == 404
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "token", ["made-up", signing.dumps("first-administrator", salt="another purpose")], ids=["made-up", "other-purpose"]
)
def test_forged_link_answers_404(client: Client, token: str) -> None:
    assert client.get(address(token)).status_code == 404


def test_link_of_yesterday_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    token = first_administrator.invitation()
    monkeypatch.setattr("time.time", lambda: 4_000_000_000.0)
    with pytest.raises(RefusedError, match="too old"):
        first_administrator.accept(token=token, email="ada@example.org", name="Ada", password=PASSWORD)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"again": "something else entirely"}, "differ"),
        ({"password": "short", "again": "short"}, "too short"),
        ({"email": "nobody"}, "valid"),
    ],
)
def test_bad_form_is_shown_again_with_the_reason(client: Client, changed: dict[str, str], words: str) -> None:
    answer = client.post(address(), fields(**changed))
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not User.objects.exists()
