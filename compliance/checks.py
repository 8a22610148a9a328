"""System checks with ids: unsafe settings are errors, not surprises.

Errors and warnings about settings speak only where PRODUCTION is set: the embedded default is for one machine.
`manage.py check --deploy` also says how children are kept off the network here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import DatabaseError, connections

from compliance.isolation import network_isolation_method
from compliance.models.triggers import missing_triggers
from compliance.packs.authority import Authority, AuthorityError, read_roots
from compliance.types.states import Role

_SHORTEST_SECRET = 50
_LONGEST_SESSION = 24 * 3600


@register(Tags.security)
def production_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """What must not stand in production."""
    if not settings.PRODUCTION:
        return []
    unsafe: list[tuple[bool, CheckMessage]] = [
        (
            not settings.SECRET_KEY_FROM_ENVIRONMENT or len(settings.SECRET_KEY) < _SHORTEST_SECRET,
            Error(
                f"SECRET_KEY is not set in the environment, or is shorter than {_SHORTEST_SECRET} characters.",
                hint="Set SECRET_KEY to a long random value and keep it out of the repository.",
                id="assay.E001",
            ),
        ),
        (
            settings.DEBUG,
            Error("DEBUG is on in production.", hint="Remove DEBUG from the environment.", id="assay.E002"),
        ),
        (
            any(host in {"*", "."} for host in settings.ALLOWED_HOSTS),
            Error("ALLOWED_HOSTS allows every host.", hint="Name the hosts that people type.", id="assay.E003"),
        ),
        (
            not (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE),
            Error("Cookies would travel without TLS.", hint="Remove COOKIES_SECURE=0.", id="assay.E004"),
        ),
        (
            not settings.BASE_URL.startswith("https://"),
            Error("BASE_URL does not begin with https://.", hint="Set the public address.", id="assay.E005"),
        ),
    ]
    return [message for is_wrong, message in unsafe if is_wrong]


@register(Tags.security)
def production_advice(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """What is better otherwise in production."""
    if not settings.PRODUCTION:
        return []
    unwise: list[tuple[bool, CheckMessage]] = [
        (
            settings.DATABASE["ENGINE"].endswith("sqlite3"),
            Warning(
                "The database is SQLite: one writer at a time, on one machine.",
                hint="Set DATABASE_URL to PostgreSQL.",
                id="assay.W010",
            ),
        ),
        (
            settings.SIGNER == "demo",
            Warning(
                "Packs are sealed by the demonstration signer, which nobody else trusts.",
                hint="Set SIGNER to a signer of your organisation's.",
                id="assay.W011",
            ),
        ),
        (
            not settings.MAIL_LEAVES,
            Warning("No mail leaves this installation.", hint="Set EMAIL_URL.", id="assay.W012"),
        ),
        (
            settings.ACCEPT_UNISOLATED,
            Warning(
                "Model and file scans may run with the network on.",
                hint="Remove ASSAY_ACCEPT_UNISOLATED.",
                id="assay.W013",
            ),
        ),
        (
            not settings.FILES_HOST,
            Warning(
                "Uploaded files are given out by the host of the pages.",
                hint="Set FILES_HOST to a host name of its own, on which no session exists.",
                id="assay.W015",
            ),
        ),
    ]
    return [message for is_unwise, message in unwise if is_unwise]


@register(Tags.security)
def access_advice(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Which limits of sign-in and asking are better set in production."""
    if not settings.PRODUCTION:
        return []
    unwise: list[tuple[bool, CheckMessage]] = [
        (
            Role.ADMINISTRATOR not in settings.SECOND_FACTOR_ROLES and not settings.OIDC_ISSUER,
            Warning(
                "Administrators may sign in with a password alone.",
                hint="Set SECOND_FACTOR_ROLES, for example to administrator,officer.",
                id="assay.W016",
            ),
        ),
        (
            not 0 < settings.SESSION_IDLE_SECONDS <= settings.SESSION_COOKIE_AGE <= _LONGEST_SESSION,
            Warning(
                "Sessions that nobody uses stay open, or sessions last longer than a day.",
                hint="Set SESSION_IDLE_SECONDS above 0, and SESSION_SECONDS to 86400 at most.",
                id="assay.W017",
            ),
        ),
        (
            not (settings.API_RATE and settings.API_UPLOAD_RATE and settings.VERIFY_RATE),
            Warning(
                "Programs and strangers may ask without limit.",
                hint="Remove the empty API_RATE, API_UPLOAD_RATE or VERIFY_RATE.",
                id="assay.W018",
            ),
        ),
    ]
    return [message for is_unwise, message in unwise if is_unwise]


@register(Tags.security)
def time_stamps(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Whether packs can be stamped by the authority that is set, and their stamps verified here. Speaks everywhere."""
    found: list[CheckMessage] = []
    try:
        read_roots(settings.TSA_ROOTS)
        if settings.TSA_URL:
            Authority(url=settings.TSA_URL)
    except AuthorityError as error:
        found.append(
            Error(str(error), hint="Correct TSA_URL or TSA_ROOTS; no pack is issued until then.", id="assay.E006")
        )
    if settings.PRODUCTION and settings.TSA_URL.lower().startswith("http:"):
        found.append(
            Error(
                "TSA_URL is plain http: whoever stands in between can keep packs from being issued.",
                hint="Use the authority's https address.",
                id="assay.E007",
            )
        )
    if settings.TSA_URL and not settings.TSA_ROOTS:
        found.append(
            Warning(
                "TSA_URL is set without TSA_ROOTS: packs made here fail their own verification here.",
                hint="Set TSA_ROOTS to a PEM file with the authority's root certificate.",
                id="assay.W014",
            )
        )
    return found


@register(Tags.security, deploy=True)
def network_isolation(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """How children that read untrusted files are kept off the network on this machine."""
    method = network_isolation_method()
    if method == "none":
        return [
            Warning(
                "Children cannot be kept off the network here: scans and packs will refuse to run.",
                hint="Allow user namespaces or seccomp, or accept it with ASSAY_ACCEPT_UNISOLATED=1.",
                id="assay.W020",
            )
        ]
    return [Info(f"Children are kept off the network by {method}.", id="assay.I020")]


@register(Tags.database)
def triggers_stand(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """The triggers that keep the ledger as it was written. A warning, since `migrate` runs this and then repairs it."""
    absent: list[CheckMessage] = []
    for alias in databases or ():
        try:
            names = missing_triggers(using=alias) if _has_ledger(alias) else ()
        except DatabaseError:
            continue  # an unreachable database is told of by the command that needs it
        if names:
            absent.append(
                Warning(
                    f"Database {alias}: {len(names)} triggers are missing or altered, among them {names[0]}.",
                    hint="Find out why, then run `manage.py migrate`, which puts them back.",
                    id="assay.W030",
                )
            )
    return absent


def _has_ledger(alias: str) -> bool:
    return "compliance_ledgerevent" in connections[alias].introspection.table_names()
