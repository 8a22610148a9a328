"""One large pack never keeps a small one waiting: the worker of packs, as `serve` starts it, makes both at once."""

from __future__ import annotations

import pytest

from compliance.management.commands.serve import Command, _parts
from tests.conftest import Broker, Database, NewInstallation
from tests.e2e.test_kill import BACKENDS, QUICK, running, wait_for
from tests.installations import Installation

pytestmark = [pytest.mark.timeout(400), pytest.mark.sqlite_only]
_REQUEST = """
import io
from compliance.models import AISystem, Assessment, Freeze, Technique, User
from compliance.services import evidence, packs, people
from compliance.types.canonical import canonical_json
from compliance.types.states import Role
from tests.compliance.packs.example_freeze import empty_freeze, example_freeze
officer = User.objects.filter(email="o@example.org").first() or people.create_user(
    email="o@example.org", name="Olga", role=Role.OFFICER, password=None, actor=None)
technique, _ = Technique.objects.get_or_create(atlas_id="AML.T0018", name="Manipulate AI Model", atlas_release="2026.07")
system, _ = AISystem.objects.get_or_create(name="Fraud model")
assessment = Assessment.objects.create(
    system=system, technique=technique, title="{title}", opened_by=officer,
    period_start="2026-01-01", period_end="2026-12-31",
)
document = empty_freeze()
document["assessment"]["title"] = assessment.title
steps = next(one["history"] for one in example_freeze()["questions"] if one["history"])
document["questions"][0]["history"] = [dict(steps[n % len(steps)]) for n in range({rows})]
name, sha256, size, head = evidence.store_bytes(stream=io.BytesIO(canonical_json(document)))
Freeze.objects.create(assessment=assessment, sha256=sha256, storage_name=name, frozen_by=officer)
packs.request_issue(assessment=assessment, actor=officer)
"""
LARGE_ROWS = 2_500  # the history of an answer is printed whole: half a minute of layout, beside a few seconds


@pytest.fixture
def installation(new_installation: NewInstallation, database: Database, broker: Broker) -> Installation:
    made = new_installation(database, broker)
    return Installation(made.var, made.env | QUICK)


def defaults() -> dict[str, int]:
    parser = Command().create_parser("manage.py", "serve")
    given = vars(parser.parse_args([]))
    return {name: given[name] for name in ("workers", "pack_workers", "web_workers", "threads")}


def commands(**changes: int) -> dict[str, list[str]]:
    """What `serve` starts, by name of the part."""
    parts = _parts(host="127.0.0.1", port=8000, **(defaults() | changes))
    return {part.name: list(part.command) for part in parts}


def state(installation: Installation, title: str) -> tuple[str, str]:
    query = "SELECT state, stage FROM compliance_job WHERE kind = 'pack' AND title = %s"
    ((found, stage),) = installation.rows(query, [f"Evidence pack of {title}"])
    return str(found), str(stage)


def test_packs_have_a_worker_of_their_own_with_two_places() -> None:
    started = commands()
    assert "--queues=pdf" in started["The pack worker"]
    assert "--concurrency=2" in started["The pack worker"]
    assert not [name for name, command in started.items() if name != "The pack worker" and "pdf" in " ".join(command)]


@pytest.mark.parametrize(("database", "broker"), BACKENDS)
def test_a_small_pack_is_made_and_finished_while_a_large_one_is_being_made(installation: Installation) -> None:
    installation.python(_REQUEST.format(title="Large", rows=LARGE_ROWS))
    with running(installation, commands()["The pack worker"][1:]):
        wait_for("the pages of the large one", lambda: state(installation, "Large")[1] == "Pages", installation)
        installation.python(_REQUEST.format(title="Small", rows=1))
        wait_for("the end of the small one", lambda: state(installation, "Small")[0] == "succeeded", installation)
        assert state(installation, "Large")[0] == "running"
