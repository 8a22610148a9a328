"""Signing in as people do: a passkey of a virtual authenticator, a code of an app, and single sign-on at a real provider."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from oidc_provider_mock import User as Subject
from oidc_provider_mock import run_server_in_thread

from tests.conftest import NewInstallation
from tests.installations import Site, running_site

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e
Axe = Callable[["Page"], list[str]]
PASSWORD = "correct horse battery staple"
PEOPLE = f"""
from compliance.services import people
from compliance.types.states import Role
people.create_user(email="pia@example.org", name="Pia Passkey", role=Role.OFFICER, password={PASSWORD!r}, actor=None)
people.create_user(email="sam@example.org", name="Sam Single", role=Role.MANAGER, password=None, actor=None)
"""
SUBJECTS = (
    Subject(sub="sam", claims={"email": "Sam@example.org", "email_verified": True, "name": "Sam", "groups": ["staff"]}),
    Subject(sub="unverified", claims={"email": "pia@example.org", "email_verified": False, "name": "Pia"}),
    Subject(sub="stranger", claims={"email": "eve@example.org", "email_verified": True, "name": "Eve"}),
    Subject(
        sub="lead", claims={"email": "lea@example.org", "email_verified": True, "name": "Lea", "groups": ["leads"]}
    ),
)
ROLE = (
    "from compliance.models import User\nprint(*User.objects.order_by('email').values_list('email', 'role'), sep='\\n')"
)


@contextmanager
def provided(new_installation: NewInstallation, tmp_path: Path, **settings: str) -> Iterator[Site]:
    """A site beside a provider on loopback."""
    secret = tmp_path / "client-secret"
    secret.write_text("client-secret\n")
    with run_server_in_thread(user_claims=SUBJECTS) as provider:
        installation = new_installation("sqlite")
        installation.env.update(
            {
                "OIDC_ISSUER": f"http://localhost:{provider.server_port}",
                "OIDC_CLIENT_ID": "assay",
                "OIDC_CLIENT_SECRET_FILE": str(secret),
                "OIDC_NAME": "Nordlys ID",
                **settings,
            }
        )
        installation.python(PEOPLE)
        with running_site(installation) as site:
            yield site


def by_provider(page: Page, site: Site, subject: str, *, after: str = "") -> None:
    """Goes through the provider as this subject."""
    page.goto(f"{site.url}/sign-in/{after}")
    page.get_by_role("link", name="Sign in with Nordlys ID").click()
    page.get_by_role("button", name=subject, exact=True).click()


def sign_in(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sign-in/")
    page.get_by_label("E-mail address").fill("pia@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.locator("summary", has_text="Account:").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in/")


def looks_right(page: Page, axe: Axe) -> list[str]:
    """What axe finds, and whether the page scrolls sideways, narrow and dark too."""
    found = []
    for width, scheme in ((1440, "light"), (360, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two literals
        found += [f"{page.url} at {width}: {violation}" for violation in axe(page)]
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            found.append(f"{page.url} at {width}: scrolls sideways")
    page.set_viewport_size({"width": 1280, "height": 900})
    return found


@pytest.mark.timeout(300)
def test_a_passkey_signs_in_by_itself(site: Site, page: Page, axe: Axe) -> None:
    site.installation.python(PEOPLE)
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    device = devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
    sign_in(page, site)
    page.goto(f"{site.url}/settings/second-factor/")
    wrong = looks_right(page, axe)
    page.get_by_role("link", name="Add a passkey").click()
    wrong += looks_right(page, axe)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Name").fill("Work laptop")
    wrong += looks_right(page, axe)
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_text("They are shown only now").wait_for()
    wrong += looks_right(page, axe)
    page.get_by_role("link", name="Go on").click()
    assert "signs in alone" in page.get_by_role("row", name="Work laptop").inner_text()
    wrong += looks_right(page, axe)
    assert len(devices.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]) == 1
    sign_out(page)
    page.goto(f"{site.url}/sign-in/?next=/evidence/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{site.url}/evidence/")
    sign_out(page)
    sign_in(page, site)  # the password alone asks for the passkey, too
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{site.url}/")
    sign_out(page)
    devices.send("WebAuthn.clearCredentials", {"authenticatorId": device})
    devices.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_text("No passkey was used").wait_for(timeout=90_000)
    assert wrong == []


@pytest.mark.timeout(200)
def test_an_app_is_added_and_asked_for(site: Site, page: Page, axe: Axe) -> None:
    site.installation.python(PEOPLE)
    sign_in(page, site)
    page.goto(f"{site.url}/settings/second-factor/app/")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_alt_text("QR code").wait_for()
    wrong = looks_right(page, axe)
    secret = page.locator("ol code").inner_text()
    page.get_by_label("Code").fill(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))
    page.get_by_role("button", name="Add the app").click()
    page.get_by_role("link", name="Go on").click()
    sign_out(page)
    sign_in(page, site)
    wrong += looks_right(page, axe)
    page.get_by_label("Code").fill(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{site.url}/")
    page.goto(f"{site.url}/settings/password/")
    assert wrong + looks_right(page, axe) == []


@pytest.mark.timeout(200)
def test_single_sign_on_opens_the_account_of_the_verified_address_and_no_other(
    new_installation: NewInstallation, tmp_path: Path, page: Page, axe: Axe
) -> None:
    with provided(new_installation, tmp_path) as site:
        page.goto(f"{site.url}/sign-in/")
        wrong = looks_right(page, axe)
        by_provider(page, site, "sam", after="?next=/evidence/")
        page.wait_for_url(f"{site.url}/evidence/")
        assert page.get_by_text("Sam Single").first.is_visible()
        sign_out(page)
        by_provider(page, site, "unverified")
        page.get_by_text("has not verified your e-mail address").wait_for()
        wrong += looks_right(page, axe)
        by_provider(page, site, "stranger")
        page.get_by_text("There is no account for eve@example.org").wait_for()
        page.goto(f"{site.url}/sign-in/")
        page.get_by_role("link", name="Sign in with Nordlys ID").click()
        page.get_by_role("button", name="Deny").click()
        page.get_by_text("Single sign-on did not work").wait_for()  # this provider says so without the state
        assert site.installation.python(ROLE).split("\n")[:2] == [
            "('pia@example.org', 'officer')",
            "('sam@example.org', 'manager')",
        ]
        kept = site.installation.python(
            "from allauth.socialaccount.models import SocialAccount, SocialToken\n"
            "print(*SocialAccount.objects.values_list('uid', 'extra_data'), SocialToken.objects.count())"
        )
        assert kept.strip() == "('sam', {}) 0"
        assert wrong == []


@pytest.mark.timeout(200)
def test_a_mapping_gives_roles_and_makes_accounts_where_settings_say_so(
    new_installation: NewInstallation, tmp_path: Path, page: Page
) -> None:
    mapping = {"OIDC_UNKNOWN": "create", "OIDC_ROLE_CLAIM": "groups", "OIDC_ROLES": '{"leads": "officer"}'}
    with provided(new_installation, tmp_path, **mapping) as site:
        by_provider(page, site, "lead")
        page.wait_for_url(f"{site.url}/")
        sign_out(page)
        by_provider(page, site, "stranger")
        page.get_by_text("There is no account for eve@example.org").wait_for()
        assert "('lea@example.org', 'officer')" in site.installation.python(ROLE)
