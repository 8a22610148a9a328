from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db
URLS = "tests.compliance.web.health_urls"


@pytest.fixture(autouse=True)
def health_alone(settings: Settings) -> None:
    settings.ROOT_URLCONF = URLS


def test_the_process_is_up_and_asks_the_database_nothing(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]  # pytest-django's fixture
        answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_ready_installation_says_so_part_by_part(client: Client) -> None:
    answer = client.get("/readyz")
    parts = answer.json()["parts"]
    assert parts == dict.fromkeys(["database", "migrations", "triggers", "storage", "broker"], "ok")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


def test_a_missing_trigger_makes_it_unready(client: Client) -> None:
    with connection.cursor() as cursor:
        on = "" if connection.vendor == "sqlite" else " ON compliance_freeze"
        act = "delete" if connection.vendor == "sqlite" else "change"
        cursor.execute(f"DROP TRIGGER assay_refuse_{act}_compliance_freeze{on}")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert "1 triggers are missing" in answer.json()["parts"]["triggers"]


def test_a_storage_that_cannot_be_written_makes_it_unready(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(storages["evidence"], "location", str(tmp_path / "file"))
    assert client.get("/readyz").json()["parts"]["storage"] == "the evidence storage cannot be written"


def test_an_unwritable_broker_folder_makes_it_unready(client: Client, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.BROKER_URL = "filesystem://"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"data_folder_out": str(tmp_path / "file")}
    answer = client.get("/readyz")
    assert answer.json()["parts"]["broker"] == "the message broker does not answer"
    assert answer.status_code == 503


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_probes_only_read(client: Client, address: str) -> None:
    assert client.post(address).status_code == 405
