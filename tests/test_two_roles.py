"""The production set-up of docs/operations.md, its SQL run as it is printed there: the application owns no table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from compliance.models.trigger_tables import INSERT_ONLY, UNCHANGING
from tests.installations import ROOT, Installation, environment
from tests.services import Postgres

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

MIGRATE_SECONDS = 200.0
ATTACKS = (
    "ALTER TABLE compliance_ledgerevent DISABLE TRIGGER ALL",
    "DROP TRIGGER assay_refuse_change_compliance_ledgerevent ON compliance_ledgerevent",
    "DROP TABLE compliance_ledgerevent CASCADE",
    "TRUNCATE compliance_ledgerevent",
    "UPDATE compliance_ledgerevent SET kind = 'x'",
    "SET session_replication_role = replica",
    *(f"DELETE FROM {table}" for table in INSERT_ONLY),
    *(f"UPDATE {table} SET id = id" for table in UNCHANGING),
)


def printed(first_words: str) -> list[str]:
    """The statements of the block in docs/operations.md that begins with these words, without comments."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    block = re.search(rf"^    {re.escape(first_words)}.*?(?=\n\n)", text, re.MULTILINE | re.DOTALL)
    assert block is not None, f"docs/operations.md prints no block that begins with {first_words}"
    bare = re.sub(r"--.*", "", block.group())
    return [statement.strip() for statement in bare.split(";") if statement.strip()]


def run(url: str, statements: list[str]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def address(server: Postgres, role: str, database: str) -> str:
    return f"postgres://{role}:{server.password}@127.0.0.1:{server.port}/{database}"


@pytest.fixture
def application(postgres_server: Postgres, tmp_path: Path) -> Iterator[Installation]:
    """An installation migrated by the owner and run by a login that owns nothing."""
    statements = [statement.replace("…", postgres_server.password) for statement in printed("CREATE ROLE assay_owner")]
    outside = [statement for statement in statements if statement.startswith("CREATE")]
    inside = [statement for statement in statements if statement not in outside]
    whole, database = address(postgres_server, "postgres", "postgres"), "assay"
    run(whole, outside)
    try:
        run(address(postgres_server, "postgres", database), inside)
        owner = environment(var=tmp_path, database_url=address(postgres_server, "assay_owner", database))
        Installation(tmp_path, owner).succeed("migrate", "--verbosity=0", timeout=MIGRATE_SECONDS)
        run(address(postgres_server, "assay_owner", database), printed("REVOKE UPDATE, DELETE"))
        app = environment(var=tmp_path, database_url=address(postgres_server, "assay_app", database))
        yield Installation(tmp_path, app)
    finally:
        run(whole, [f"DROP DATABASE {database} WITH (FORCE)", "DROP ROLE assay_app", "DROP ROLE assay_owner"])


def test_the_application_works_without_owning_its_tables(application: Installation) -> None:
    application.succeed("load_catalog")
    application.succeed("create_admin", "--email=a@example.org", "--name=A", "--generate")
    assert application.json("verify_ledger")["intact"] is True
    url = application.env["DATABASE_URL"]
    for attack in ATTACKS:
        with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(attack.encode())
    run(url, ["SELECT 1 FROM compliance_freeze FOR UPDATE"])
