from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from compliance.models import (
    AuditQuestion,
    CatalogRelease,
    LedgerEvent,
    MappingPair,
    ReferenceControl,
    Technique,
    TechniqueSection,
    User,
)
from compliance.oscal.catalog_files import SHIPPED
from compliance.services import catalogs, mappings
from compliance.services.errors import RefusedError
from compliance.types.errors import BadInputError
from compliance.types.states import MappingState, Role
from tests.installations import Installation

pytestmark = pytest.mark.django_db
Change = Callable[[dict], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "catalogs"))


def rewrite(folder: Path, name: str, change: Change) -> None:
    path = folder / f"{name}.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")


def retitle(document: dict) -> None:
    document["controls"][0]["title"] = "Another title"


def first_pair(document: dict) -> dict:
    pairs = document["controls"][0]["pairs"]
    return next(iter(pairs.values()))[0]


def reword_first_pair(document: dict) -> None:
    first_pair(document)["rationale"] = "Another reason."


@pytest.fixture
def officer() -> User:
    return User.objects.create_user(email="officer@example.org", name="Olive", role=Role.OFFICER)


def approved_first_pair(folder: Path, officer: User) -> MappingPair:
    document = yaml.safe_load((folder / "controls.yaml").read_text(encoding="utf-8"))
    control = document["controls"][0]
    pair = MappingPair.objects.get(
        control__control_id=control["id"],
        framework__key=next(iter(control["pairs"])),
        requirement_id=first_pair(document)["id"],
    )
    return mappings.decide(pair=pair, state=MappingState.APPROVED, actor=officer)


def test_the_first_load_brings_everything_and_the_second_nothing(folder: Path) -> None:
    loaded = catalogs.load(folder=folder, apply=True, actor=None)
    assert (loaded.is_first, loaded.is_applied) == (True, True)
    assert loaded.counts["pairs"] == MappingPair.objects.count()
    assert ReferenceControl.objects.count() == loaded.counts["controls"] == 25
    assert Technique.objects.get(atlas_id="AML.T0018").subtechniques.count() == 4
    assert AuditQuestion.objects.count() == 4
    assert TechniqueSection.objects.filter(technique__atlas_id="AML.T0018").count() > 5
    assert set(MappingPair.objects.values_list("state", flat=True)) == {"draft"}
    events = LedgerEvent.objects.filter(kind="catalog.loaded").count()
    again = catalogs.load(folder=folder, apply=True, actor=None)
    assert (again.changes, again.is_applied, again.is_first) == ((), False, False)
    assert LedgerEvent.objects.count() == events == CatalogRelease.objects.count() == 4


def test_a_preview_changes_nothing(folder: Path) -> None:
    assert catalogs.load(folder=folder, apply=False, actor=None).changes
    assert not ReferenceControl.objects.exists()


def test_a_changed_file_is_shown_and_then_applied(folder: Path) -> None:
    catalogs.load(folder=folder, apply=True, actor=None)
    rewrite(folder, "controls", retitle)
    shown = catalogs.load(folder=folder, apply=False, actor=None)
    assert ("changed", "control", "title", "Another title") in {
        (change.kind, change.subject, change.field, change.after) for change in shown.changes
    }
    assert not ReferenceControl.objects.filter(title="Another title").exists()
    catalogs.load(folder=folder, apply=True, actor=None)
    assert ReferenceControl.objects.filter(title="Another title").exists()
    releases = CatalogRelease.objects.filter(key="controls")
    assert sorted(releases.values_list("is_current", flat=True)) == [False, True]


def test_going_back_to_an_earlier_file_puts_it_in_force_again(folder: Path) -> None:
    catalogs.load(folder=SHIPPED, apply=True, actor=None)
    rewrite(folder, "controls", retitle)
    catalogs.load(folder=folder, apply=True, actor=None)
    catalogs.load(folder=SHIPPED, apply=True, actor=None)
    assert not ReferenceControl.objects.filter(title="Another title").exists()
    assert CatalogRelease.objects.filter(key="controls").count() == 2
    assert CatalogRelease.objects.filter(is_current=True).count() == 4


def test_a_decision_survives_a_load_that_leaves_its_pair_alone(folder: Path, officer: User) -> None:
    catalogs.load(folder=folder, apply=True, actor=None)
    pair = approved_first_pair(folder, officer)
    rewrite(folder, "controls", retitle)
    assert catalogs.load(folder=folder, apply=True, actor=None).returned_pairs == ()
    pair.refresh_from_db()
    assert (pair.state, pair.decided_by) == (MappingState.APPROVED, officer)


def test_a_decision_goes_back_to_draft_when_its_pair_changes(folder: Path, officer: User) -> None:
    catalogs.load(folder=folder, apply=True, actor=None)
    pair = approved_first_pair(folder, officer)
    rewrite(folder, "controls", reword_first_pair)
    loaded = catalogs.load(folder=folder, apply=True, actor=officer)
    pair.refresh_from_db()
    assert loaded.returned_pairs == (str(pair),)
    assert (pair.state, pair.decided_by, pair.decided_at) == (MappingState.DRAFT, None, None)
    assert LedgerEvent.objects.filter(kind="mapping.returned", subject_uuid=pair.uuid).count() == 1


def test_a_new_caution_is_no_new_pair(folder: Path, officer: User) -> None:
    catalogs.load(folder=folder, apply=True, actor=None)
    pair = approved_first_pair(folder, officer)

    def warn(document: dict) -> None:
        document["checked_meanings"][pair.checked] = "Read it with care."

    rewrite(folder, "controls", warn)
    catalogs.load(folder=folder, apply=True, actor=None)
    pair.refresh_from_db()
    assert (pair.state, pair.facts["caution"]) == (MappingState.APPROVED, "Read it with care.")


def test_what_the_files_no_longer_name_is_kept_as_retired(folder: Path, officer: User) -> None:
    catalogs.load(folder=folder, apply=True, actor=None)
    pair = approved_first_pair(folder, officer)

    def drop(document: dict) -> None:
        next(iter(document["controls"][0]["pairs"].values())).pop(0)
        document["counts"]["pairs"] -= 1

    rewrite(folder, "controls", drop)
    loaded = catalogs.load(folder=folder, apply=True, actor=None)
    pair.refresh_from_db()
    assert (pair.facts["retired"], pair.state, loaded.returned_pairs) == (True, MappingState.DRAFT, (str(pair),))
    with pytest.raises(RefusedError, match="no longer"):
        mappings.decide(pair=pair, state=MappingState.APPROVED, actor=officer)
    catalogs.load(folder=SHIPPED, apply=True, actor=None)
    pair.refresh_from_db()
    assert "retired" not in pair.facts


def test_a_decision_is_recorded_with_the_wording_it_was_made_on(folder: Path, officer: User) -> None:
    catalogs.load(folder=folder, apply=True, actor=None)
    pair = approved_first_pair(folder, officer)
    mappings.decide(pair=pair, state=MappingState.APPROVED, actor=officer)
    entry = LedgerEvent.objects.get(kind="mapping.decided").entry
    assert (entry.actor, entry.payload["state"]) == (officer, "approved")
    assert len(entry.payload["substance_sha256"]) == 64


def test_a_broken_file_leaves_the_tables_alone(folder: Path) -> None:
    (folder / "controls.yaml").write_text("controls: [", encoding="utf-8")
    with pytest.raises(BadInputError, match=r"controls\.yaml"):
        catalogs.load(folder=folder, apply=True, actor=None)
    assert not CatalogRelease.objects.exists()


# The command


def test_the_command_loads_then_says_nothing_changed_then_asks(installation: Installation, folder: Path) -> None:
    first = installation.json("load_catalog", "--folder", str(folder), "--skip-checks")
    assert first["is_applied"]
    assert installation.succeed("load_catalog", "--folder", str(folder), "--skip-checks").startswith("Nothing changed")
    rewrite(folder, "controls", retitle)
    asked = installation.manage("load_catalog", "--folder", str(folder), "--skip-checks")
    assert asked.returncode == 3
    assert "+ Another title" in asked.stdout
    assert installation.succeed("load_catalog", "--folder", str(folder), "--dry-run", "--skip-checks").count("changed")
    assert installation.succeed("load_catalog", "--folder", str(folder), "--yes", "--skip-checks").count("Loaded")
    (folder / "atlas.yaml").write_bytes(b"\xff\xfe")
    broken = installation.manage("load_catalog", "--folder", str(folder), "--skip-checks")
    assert broken.returncode == 2
    assert "atlas.yaml" in broken.stderr
    assert "Traceback" not in broken.stderr
