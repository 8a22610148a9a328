"""Benches measure a PostgreSQL that writes as one in use does: what it commits is on the disk."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests import services
from tests.compliance.conftest import (  # noqa: F401 - fixtures of benches that begin with the small world
    auditor,
    contributor,
    laid,
    made_world,
    manager,
    officer,
    other_system,
    system,
    world,
)
from tests.installations import environment, migrate


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[services.Postgres]:
    """A running PostgreSQL of the benches' own, with the durability that it comes with."""
    with services.running_postgres(durable=True) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: services.Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a migrated database on it."""
    name = f"template_{secrets.token_hex(4)}"
    migrate(environment(var=tmp_path_factory.mktemp("template"), database_url=postgres_server.create(name)))
    return name
