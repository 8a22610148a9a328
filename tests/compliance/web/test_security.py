"""What holds for every page: CSRF, the content policy, downloads, redirects, state changes by POST, the sign-in lock."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from compliance.api.throttles import AskerRate, UploadRate
from compliance.management.routes import Gate, routes
from compliance.models import User
from compliance.services import people
from compliance.types.states import Role
from compliance.web.verify import VerifyRate
from tests.compliance.conftest import Browse, World
from tests.compliance.routes_world import places
from tests.compliance.test_routes import GUARDED, address

INLINE = (
    (re.compile(r"<script(?![^>]*\bsrc=)"), "inline script"),
    (re.compile(r"<style\b"), "inline style sheet"),
    (re.compile(r"<[^>]+\sstyle="), "style attribute"),
    (re.compile(r"<[^>]+\son[a-z]+="), "inline handler"),
    (re.compile(r"javascript:", re.IGNORECASE), "script address"),
)
PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def known_person(db: None) -> User:
    return people.create_user(email="pia@example.org", name="Pia", role=Role.OFFICER, password=PASSWORD, actor=None)


def pages(world: World, officer: User, contributor: User) -> list[str]:
    """Addresses of every page that answers GET, with records filled in."""
    own = places(world, officer, contributor).own
    found = [address(route, own) for route in GUARDED if route.gate is Gate.PAGE and "GET" in route.verbs]
    return [url for url in found if url] + ["/sign-in/", "/verify/"]


def test_every_page_comes_with_the_strict_policy_and_nothing_inline(
    world: World, browse: Browse, officer: User, administrator: User, contributor: User
) -> None:
    urls = pages(world, officer, contributor)
    clients, complaints, seen = (browse(officer), browse(administrator)), [], set()
    for url in urls:
        for client in clients:
            response = client.get(url)
            if (
                response.status_code == 403
                or response.streaming
                or not response["Content-Type"].startswith("text/html")
            ):
                continue
            seen.add(url)
            policy, body = response["Content-Security-Policy"], response.content.decode()
            if "unsafe" in policy or "script-src 'self'" not in policy or "default-src 'none'" not in policy:
                complaints.append(f"{url}: {policy}")
            complaints += [f"{url}: {what}" for pattern, what in INLINE if pattern.search(body)]
            if response["X-Frame-Options"] != "DENY" or response["X-Content-Type-Options"] != "nosniff":
                complaints.append(f"{url}: headers")
    assert complaints == []
    assert len(seen) > 30


def test_pages_load_nothing_from_elsewhere(world: World, browse: Browse, officer: User, contributor: User) -> None:
    client, loaded = browse(officer), []
    for url in pages(world, officer, contributor):
        response = client.get(url)
        if response.status_code == 200 and not response.streaming:
            body = response.content.decode("utf-8", "replace")
            loaded += re.findall(r'<(?:script|link|img|iframe|source)\b[^>]*(?:src|href)="(?:https?:)?//[^"]*"', body)
    assert loaded == []


def test_a_post_without_its_token_is_refused_and_changes_nothing(
    world: World, officer: User, contributor: User
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(officer, backend="django.contrib.auth.backends.ModelBackend")
    own = places(world, officer, contributor).own
    posts = [route for route in routes() if "POST" in route.verbs]
    assert len(posts) > 30
    answered = {route.path: client.post(address(route, own) or "", {}).status_code for route in posts}
    assert {path: status for path, status in answered.items() if status != 403} == {}


def test_signing_in_and_verifying_need_the_token_too(db: None) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/sign-in/", {"login": "a@example.org", "password": "x"}).status_code == 403
    assert client.post("/verify/", {}).status_code == 403


def test_signing_out_takes_a_post(browse: Browse, officer: User) -> None:
    client = browse(officer)
    assert client.get(reverse("sign-out")).status_code == 405
    assert client.get(reverse("overview")).status_code == 200
    client.post(reverse("sign-out"))
    assert client.get(reverse("overview")).status_code == 302


@pytest.mark.parametrize("name", ["evidence-download", "pack-download", "pack-receipt"])
def test_downloads_are_attachments_that_no_browser_guesses_at(
    world: World, browse: Browse, officer: User, contributor: User, name: str
) -> None:
    own = places(world, officer, contributor).own
    response = browse(officer).get(reverse(name, args=[own[name.split("-", maxsplit=1)[0]]]), follow=True)
    assert response.status_code == 200
    assert response["Content-Disposition"].startswith("attachment;")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert not response["Content-Type"].startswith(("text/html", "image/svg"))
    assert response.getvalue()


@pytest.mark.parametrize(
    "elsewhere", ["https://example.com/", "//example.com/", "javascript:alert(1)", "/\\example.com"]
)
def test_sign_in_leads_nowhere_else(known_person: User, elsewhere: str) -> None:
    response = Client().post(
        f"/sign-in/?next={elsewhere}", {"login": known_person.email, "password": PASSWORD, "next": elsewhere}
    )
    assert (response.status_code, response["Location"]) == (302, reverse("overview"))


@pytest.mark.parametrize("elsewhere", ["https://example.com/", "//example.com/", "/\\example.com"])
def test_adding_evidence_leads_nowhere_else(world: World, browse: Browse, contributor: User, elsewhere: str) -> None:
    upload = SimpleUploadedFile("a.txt", b"words")
    sent = {"system": world.assessment.system.pk, "file": upload, "next": elsewhere}
    response = browse(contributor).post(reverse("evidence-upload"), sent)
    assert response["Location"].startswith("/evidence/")


def test_sign_in_keeps_the_way_to_a_page_of_ours(known_person: User) -> None:
    sent = {"login": known_person.email, "password": PASSWORD, "next": "/packs/"}
    assert Client().post("/sign-in/", sent)["Location"] == "/packs/"


def test_too_many_wrong_passwords_pause_the_account_and_no_other(known_person: User, officer: User) -> None:
    client = Client()
    spellings = itertools.cycle((known_person.email, known_person.email.upper(), f" {known_person.email} "))
    wrong = [{"login": next(spellings), "password": "wrong"} for _attempt in range(settings.AXES_FAILURE_LIMIT)]
    answers = [client.post("/sign-in/", sent) for sent in wrong]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert "Sign-in is paused" in answers[-1].content.decode()
    right = client.post("/sign-in/", {"login": known_person.email, "password": PASSWORD})
    assert right.status_code == 429
    other = client.post("/sign-in/", {"login": officer.email, "password": "wrong"})
    assert other.status_code == 200


def test_a_name_that_is_markup_is_shown_as_text(world: World, browse: Browse, officer: User) -> None:
    User.objects.filter(pk=officer.pk).update(name="<script>alert(1)</script>")
    body = browse(officer).get(reverse("overview")).content.decode()
    assert "<script>alert(1)" not in body
    assert "&lt;script&gt;alert(1)" in body


def test_pages_of_the_record_are_kept_by_no_shared_cache(world: World, browse: Browse, officer: User) -> None:
    response = browse(officer).get(reverse("overview"))
    assert "Cookie" in response["Vary"]


@pytest.mark.parametrize(
    "address", ["/findings/?q=%00", "/trail/?kind=a%00b", "/unmatched/?q=%00", "/api/v1/findings/?state=%00"]
)
def test_the_character_nul_is_refused_in_addresses(world: World, browse: Browse, officer: User, address: str) -> None:
    assert browse(officer).get(address).status_code == 400


def test_the_character_nul_is_refused_in_forms(world: World, browse: Browse, officer: User) -> None:
    url = reverse("evidence-reject", args=[world.log.uuid])
    sent = browse(officer).post(url, "reason=%00", content_type="application/x-www-form-urlencoded")
    assert sent.status_code == 400


def test_the_api_answers_429_to_who_asks_too_often(
    world: World, browse: Browse, officer: User, contributor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AskerRate, "rate", "3/min", raising=False)
    cache.clear()
    client = browse(officer)
    answers = [client.get("/api/v1/systems/") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
    assert browse(contributor).get("/api/v1/systems/").status_code == 200  # somebody else is not held up


def test_files_have_a_limit_of_their_own(
    world: World, browse: Browse, contributor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UploadRate, "rate", "1/min", raising=False)
    cache.clear()
    client = browse(contributor)
    given = {"system": str(world.assessment.system.uuid), "title": "Log"}
    answers = [
        client.post("/api/v1/evidence/", {**given, "file": SimpleUploadedFile("a.json", str(n).encode())}) for n in "ab"
    ]
    assert [answer.status_code for answer in answers] == [201, 429]
    assert client.get("/api/v1/evidence/").status_code == 200


def test_strangers_hand_in_a_pack_now_and_then(db: None, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VerifyRate, "rate", "1/min", raising=False)
    cache.clear()
    first, second = (client.post(reverse("verify"), {}) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 429)
    assert "Nothing was checked" in second.content.decode()
    assert client.get(reverse("verify")).status_code == 200
