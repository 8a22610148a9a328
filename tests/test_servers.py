"""The servers and installations that tests rely on are real, separate from each other, and say how to get them."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable

import psycopg
import pytest
from playwright.sync_api import Page
from redis import Redis

from compliance import preflight
from tests import services
from tests.installations import Installation

NewInstallation = Callable[..., Installation]
TRIGGERS = {
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'",
    "postgres": "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal",
}


@pytest.mark.postgres
def test_postgres_serves_a_role_that_is_no_superuser(postgres_server: services.Postgres) -> None:
    with psycopg.connect(postgres_server.url()) as connection:
        row = connection.execute("SELECT current_user, usesuper FROM pg_user WHERE usename = current_user").fetchone()
    assert row == ("assay", False)


@pytest.mark.redis
def test_redis_answers(redis_server: str) -> None:
    with Redis.from_url(f"{redis_server}/0") as client:
        assert client.ping()


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_an_installation_has_tables_and_triggers_of_its_own(new_installation: NewInstallation, database: str) -> None:
    first, second = new_installation(database), new_installation(database)
    assert first.env["DATABASE_URL"] != second.env["DATABASE_URL"]
    assert first.rows(TRIGGERS[database])[0][0] > 0
    assert first.rows("SELECT count(*) FROM django_migrations")[0][0] > 0


def test_commands_of_an_installation_write_into_its_own_database(new_installation: NewInstallation) -> None:
    first, second = new_installation(), new_installation()
    first.python("from django.contrib.contenttypes.models import ContentType as C; C.objects.create(model='x')")
    count = "SELECT count(*) FROM django_content_type WHERE model = %s"
    assert (first.rows(count, ["x"]), second.rows(count, ["x"])) == ([(1,)], [(0,)])


def test_a_copy_of_a_write_ahead_database_is_whole(new_installation: NewInstallation) -> None:
    with contextlib.closing(sqlite3.connect(new_installation().var / "assay.sqlite3")) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_the_suite_and_its_installations_use_the_same_kind_of_database(installation: Installation) -> None:
    assert os.environ["DATABASE_URL"].partition(":")[0] == installation.env["DATABASE_URL"].partition(":")[0]


def test_an_absent_server_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(services.ServiceMissingError, match=r"needs redis: .*apt-get install .*redis-server"):
        services.find("redis")


@pytest.mark.e2e
def test_axe_sees_what_is_wrong_on_a_page(page: Page, axe: Callable[[Page], list[str]]) -> None:
    page.set_content("<html lang=en><title>t</title><main><h1>h</h1><img src='data:,'></main></html>")
    assert [line.partition(":")[0] for line in axe(page)] == ["image-alt"]
    page.evaluate("document.querySelector('img').alt = 'a chart'")
    assert axe(page) == []


def test_preflight_needs_exactly_one_python() -> None:
    assert preflight.wrong_python((3, 11)) is None
    assert "this is 3.13" in (preflight.wrong_python((3, 13)) or "")


def test_preflight_that_may_not_install_prints_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = preflight.Need("pango", "libpango-1.0-0", lambda: None)
    monkeypatch.setattr(preflight, "RUN_NEEDS", (absent,))
    monkeypatch.setenv("ASSAY_INSTALL", "0")
    assert preflight.main([]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "sudo apt-get install --yes --no-install-recommends libpango-1.0-0"


def test_preflight_says_in_one_line_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert preflight.main(["--tests"]) == 0
    line, end = capsys.readouterr().out.split("\n")
    assert line.startswith("preflight: found python 3.11")
    assert all(word in line for word in ("postgresql /", "redis /", "chromium /"))
    assert end == ""
