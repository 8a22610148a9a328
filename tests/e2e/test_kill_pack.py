"""A worker that makes a pack dies without a word: another makes it whole, once, and nothing of the first is left."""

from __future__ import annotations

from functools import partial

import pytest

from tests.conftest import Broker, Database, NewInstallation
from tests.e2e.test_kill import BACKENDS, OVER, QUICK, WORKER, count, kill_worker_when, running, scheduler, wait_for
from tests.installations import Installation

pytestmark = [pytest.mark.timeout(400), pytest.mark.sqlite_only]
_REQUEST = """
import io
from compliance.models import AISystem, Assessment, Freeze, Technique, User
from compliance.services import evidence, packs, people
from compliance.types.canonical import canonical_json
from compliance.types.states import Role
from tests.compliance.packs.example_freeze import empty_freeze
officer = people.create_user(email="o@example.org", name="Olga", role=Role.OFFICER, password=None, actor=None)
technique = Technique.objects.create(atlas_id="AML.T0018", name="Manipulate AI Model", atlas_release="2026.07")
system = AISystem.objects.create(name="Fraud model")
for number in range({packs}):
    assessment = Assessment.objects.create(
        system=system, technique=technique, title=f"A {{number}}", opened_by=officer,
        period_start="2026-01-01", period_end="2026-12-31",
    )
    document = empty_freeze()
    document["assessment"]["title"] = assessment.title
    name, sha256, size, head = evidence.store_bytes(stream=io.BytesIO(canonical_json(document)))
    Freeze.objects.create(assessment=assessment, sha256=sha256, storage_name=name, frozen_by=officer)
    packs.request_issue(assessment=assessment, actor=officer)
"""


@pytest.fixture
def installation(new_installation: NewInstallation, database: Database, broker: Broker) -> Installation:
    made = new_installation(database, broker)
    return Installation(made.var, made.env | QUICK)


def packs_requested(installation: Installation, packs: int) -> None:
    installation.python(_REQUEST.format(packs=packs))


def jobs(installation: Installation) -> list[tuple[str, str, int, str]]:
    return [
        (str(state), str(stage), int(attempts), str(error))
        for state, stage, attempts, error in installation.rows(
            "SELECT state, stage, attempts, error FROM compliance_job WHERE kind = 'pack' ORDER BY id"
        )
    ]


def _is_over(installation: Installation, place: int) -> bool:
    return jobs(installation)[place][0] in OVER


@pytest.mark.parametrize(("database", "broker"), BACKENDS)
def test_a_pack_survives_the_death_of_its_worker(installation: Installation) -> None:
    packs_requested(installation, 1)
    kill_worker_when(installation, "the pages", lambda: jobs(installation)[0][1] not in {"", "Registers"})
    assert jobs(installation)[0][0] == "running"
    assert count(installation, "compliance_evidencepack") == 0

    with running(installation, WORKER), running(installation, scheduler(installation)):
        wait_for("the end of the job", lambda: jobs(installation)[0][0] in OVER, installation)

    ((state, _stage, attempts, error),) = jobs(installation)
    assert (state, attempts, error) == ("succeeded", 2, "")
    assert count(installation, "compliance_evidencepack") == 1
    assert count(installation, "compliance_ledgerevent", "kind = 'pack.issued'") == 1


@pytest.mark.parametrize(("database", "broker"), BACKENDS[:1])
def test_many_packs_are_each_made_once(installation: Installation) -> None:
    packs_requested(installation, 3)
    with running(installation, WORKER):
        for place in range(3):
            wait_for(f"the end of job {place}", partial(_is_over, installation, place), installation)
    assert [job[0] for job in jobs(installation)] == ["succeeded"] * 3
    assert count(installation, "compliance_evidencepack") == 3
