"""Editing 5,000 remediation items, as many as one edit takes, in one job: state, owner, team and due date of each."""

from __future__ import annotations

import json

import pytest

from compliance.types.bulk_edits import MOST_ITEMS
from tests.conftest import Database, NewInstallation

MOST_SECONDS = 3.0
MEASURED = "import json; from tests.bench import bulk_edit; print(json.dumps(bulk_edit.measured({items})))"


@pytest.mark.bench
@pytest.mark.timeout(600)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_an_edit_of_as_many_items_as_may_be_takes_three_seconds(
    new_installation: NewInstallation, database: Database
) -> None:
    installation = new_installation(database, "filesystem")
    answer = json.loads(installation.python(MEASURED.format(items=MOST_ITEMS), timeout=500).strip().splitlines()[-1])
    print(f"\n{database}, {MOST_ITEMS} items in {answer['portions']} portions:")
    for name, (wall, cpu, server) in answer["spent"].items():
        print(f"  {name}: {wall:.2f} s; processor {cpu:.2f} s, and {server:.2f} s of the database server")
    assert (answer["state"], answer["told"]["changed"]) == ("succeeded", MOST_ITEMS)
    assert {name for name, (_wall, *spent) in answer["spent"].items() if sum(spent) > MOST_SECONDS} == set()
