from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from compliance import checks
from compliance.packs.signers import ensure_demo_signer
from compliance.types.states import Role


def production(settings: Settings) -> None:
    """Settings as a careful person has them in production."""
    settings.PRODUCTION = True
    settings.SECRET_KEY_FROM_ENVIRONMENT, settings.SECRET_KEY = True, "k" * 64
    settings.DEBUG, settings.ALLOWED_HOSTS, settings.BASE_URL = (
        False,
        ["assay.example.org"],
        "https://assay.example.org",
    )
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.DATABASE = {"ENGINE": "django.db.backends.postgresql"}
    settings.SIGNER, settings.ACCEPT_UNISOLATED = "pkcs11", False
    settings.MAIL_LEAVES, settings.SECOND_FACTOR_ROLES = True, frozenset({Role.ADMINISTRATOR})
    settings.API_RATE, settings.API_UPLOAD_RATE, settings.VERIFY_RATE = "600/min", "60/min", "20/min"
    settings.FILES_HOST = "files.example.org"


def ids() -> list[str | None]:
    found = (*checks.production_settings(None), *checks.production_advice(None), *checks.access_advice(None))
    return [message.id for message in found]


def test_careful_settings_raise_nothing(settings: Settings) -> None:
    production(settings)
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SECRET_KEY_FROM_ENVIRONMENT", False, "assay.E001"),
        ("SECRET_KEY", "short", "assay.E001"),
        ("DEBUG", True, "assay.E002"),
        ("ALLOWED_HOSTS", ["assay.example.org", "*"], "assay.E003"),
        ("SESSION_COOKIE_SECURE", False, "assay.E004"),
        ("BASE_URL", "http://assay.example.org", "assay.E005"),
        ("DATABASE", {"ENGINE": "django.db.backends.sqlite3"}, "assay.W010"),
        ("SIGNER", "demo", "assay.W011"),
        ("MAIL_LEAVES", False, "assay.W012"),
        ("ACCEPT_UNISOLATED", True, "assay.W013"),
        ("FILES_HOST", "", "assay.W015"),
        ("SECOND_FACTOR_ROLES", frozenset({Role.OFFICER}), "assay.W016"),
        ("SESSION_IDLE_SECONDS", 0, "assay.W017"),
        ("SESSION_COOKIE_AGE", 7 * 24 * 3600, "assay.W017"),
        ("VERIFY_RATE", "", "assay.W018"),
    ],
)
def test_each_unsafe_setting_has_its_id(settings: Settings, name: str, value: object, expected: str) -> None:
    production(settings)
    setattr(settings, name, value)
    assert ids() == [expected]
    settings.PRODUCTION = False
    assert ids() == []


AUTHORITY = "https://tsa.example.org/tsr"


@pytest.mark.parametrize(
    ("url", "has_roots", "is_production", "expected"),
    [
        ("", False, True, []),
        (AUTHORITY, True, True, []),
        (AUTHORITY, False, False, ["assay.W014"]),
        ("http://tsa.example.org", True, False, []),
        ("http://tsa.example.org", True, True, ["assay.E007"]),
        ("tsa.example.org", True, False, ["assay.E006"]),
    ],
)
def test_settings_for_time_stamps_are_judged(
    settings: Settings, tmp_path: Path, url: str, has_roots: bool, is_production: bool, expected: list[str]
) -> None:
    settings.PRODUCTION, settings.TSA_URL = is_production, url
    roots = ensure_demo_signer(tmp_path / "keys").root if has_roots else ""
    settings.TSA_ROOTS = str(roots)
    assert [message.id for message in checks.time_stamps(None)] == expected


def test_roots_that_cannot_be_read_are_an_error(settings: Settings, tmp_path: Path) -> None:
    settings.TSA_URL, settings.TSA_ROOTS = AUTHORITY, str(tmp_path / "nowhere.pem")
    assert [message.id for message in checks.time_stamps(None)] == ["assay.E006"]


def test_the_way_children_are_kept_off_the_network_is_told() -> None:
    (message,) = checks.network_isolation(None)
    assert message.id in {"assay.I020", "assay.W020"}


@pytest.mark.django_db
def test_missing_triggers_are_told_where_the_database_is_checked() -> None:
    assert checks.triggers_stand(None, databases=["default"]) == []
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER assay_refuse_delete_compliance_freeze")
        else:
            cursor.execute("DROP TRIGGER assay_refuse_change_compliance_freeze ON compliance_freeze")
    (message,) = checks.triggers_stand(None, databases=["default"])
    assert message.id == "assay.W030"
    assert checks.triggers_stand(None, databases=None) == []
