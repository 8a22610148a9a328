"""Importing a release of ATLAS: shown first, then in force; what Assay wrote stays; touched controls wait for a person."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from django.core.management import call_command

from compliance.models import (
    CaseStudy,
    CatalogRelease,
    ControlReview,
    LedgerEvent,
    Mitigation,
    ReferenceControl,
    Technique,
    User,
)
from compliance.oscal.catalog_files import SHIPPED
from compliance.services import atlas_releases, catalogs, control_reviews
from compliance.services.atlas_releases import AtlasImport
from compliance.services.errors import RefusedError
from compliance.types.states import Role
from tests.compliance.oscal.test_atlas_files import V5, V6

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _loaded(db: None) -> None:
    catalogs.load(apply=True, actor=None)


def imported(path: Path = V6, *, apply: bool = True, older: bool = False) -> AtlasImport:
    return atlas_releases.import_release(path=path, shipped=catalogs.loaded(), apply=apply, actor=None, older=older)


def later(tmp_path: Path, *edits: tuple[str, str]) -> Path:
    """A later release than that of the sample."""
    text = V6.read_text(encoding="utf-8").replace("version: 2026.10\n", "version: '2026.12'\n")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "ATLAS-2026.12.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def technique(atlas_id: str) -> Technique:
    return Technique.objects.get(atlas_id=atlas_id)


def test_a_preview_changes_nothing() -> None:
    before = LedgerEvent.objects.count()
    found = imported(apply=False)
    assert (found.version, found.format, found.installed, found.is_extract) == ("2026.10", "6.1.0", "2026.07", True)
    assert found.changes
    assert not CatalogRelease.objects.filter(key="mitre-atlas").exists()
    assert LedgerEvent.objects.count() == before


def test_a_release_in_force_is_recorded_by_version_and_digest() -> None:
    found = imported()
    release = CatalogRelease.objects.get(key="mitre-atlas")
    assert (release.version, release.sha256, release.is_current) == ("2026.10", found.sha256, True)
    assert release.content["format"] == "6.1.0"
    assert technique("AML.T0018").atlas_release == "2026.10"


def test_the_same_file_again_changes_and_records_nothing() -> None:
    imported()
    before = LedgerEvent.objects.count()
    again = imported()
    assert (again.changes, again.is_applied) == ((), False)
    assert LedgerEvent.objects.count() == before


def test_summaries_and_the_former_name_stay() -> None:
    before = technique("AML.T0018")
    imported()
    after = technique("AML.T0018")
    assert (after.name, after.summary) == ("Manipulate AI Model", before.summary)
    assert after.facts["former_names"] == ["Backdoor ML Model"]


def test_a_renamed_technique_keeps_its_old_name_as_former(tmp_path: Path) -> None:
    imported(later(tmp_path, ("name: Embed Malware", "name: Embed Hostile Code")))
    row = technique("AML.T0018.002")
    assert row.name == "Embed Hostile Code"
    assert row.facts["former_names"] == ["Embed Malware"]
    assert row.facts["name_history"][-1] == {"name": "Embed Hostile Code", "since": "2026.12", "until": ""}


def test_a_new_sub_technique_becomes_a_row_of_its_own_with_its_source(tmp_path: Path) -> None:
    object_ = "  AML.T0018.004:\n    name: Swap Adapter\n    description: A LoRA.\n"
    link = "    AML.T0018.004:\n    - {source: AML.T0018.004, target: AML.T0018, relationship-type: specializes}\n"
    edits = (
        ("  AML.T0115:\n    uuid", f"{object_}  AML.T0115:\n    uuid"),
        ("relationships:\n  techniques:\n", f"relationships:\n  techniques:\n{link}"),
    )
    imported(later(tmp_path, *edits))
    row = technique("AML.T0018.004")
    assert (row.parent, row.summary, row.facts["summary_from"]) == (technique("AML.T0018"), "A LoRA.", "MITRE ATLAS")
    assert row.facts["family"]
    assert technique("AML.T0018").subtechniques.count() == 5


def test_techniques_that_assay_does_not_speak_about_stay_in_the_release(tmp_path: Path) -> None:
    edit = ("  AML.T0115:\n    uuid", "  AML.T0900:\n    name: Elsewhere\n  AML.T0115:\n    uuid")
    imported(later(tmp_path, edit))
    assert not Technique.objects.filter(atlas_id="AML.T0900").exists()
    kept = CatalogRelease.objects.get(key="mitre-atlas").content["techniques"]
    assert "AML.T0900" in {one["id"] for one in kept}


def test_an_id_that_is_gone_is_retired_and_led_to_its_successor(tmp_path: Path) -> None:
    imported()
    moved = later(tmp_path, ("AML.T0018.003", "AML.T0018.007"))
    found = imported(moved)
    assert ("replaced", "AML.T0018.007") in {(c.kind, c.after) for c in found.changes}
    facts = technique("AML.T0018.003").facts
    assert (facts["retired"], facts["replaced_by"]) == (True, "AML.T0018.007")
    assert technique("AML.T0018.007").name == "Modify Prompt Construction Logic"


def test_a_technique_that_comes_back_is_retired_no_more(tmp_path: Path) -> None:
    imported()
    assert technique("AML.T0055").facts["retired"]  # the sample does not hold it
    edit = ("  AML.T0115:\n    uuid", "  AML.T0055:\n    name: Unsecured Credentials\n  AML.T0115:\n    uuid")
    imported(later(tmp_path, edit))
    assert "retired" not in technique("AML.T0055").facts


def test_links_and_tactics_are_those_of_the_release() -> None:
    imported()
    signing = Mitigation.objects.get(atlas_id="AML.M0013")
    assert [t.atlas_id for t in signing.techniques.order_by("atlas_id")] == ["AML.T0018.002", "AML.T0018.003"]
    assert not Mitigation.objects.get(atlas_id="AML.M0008").is_direct
    tactics = {one["id"]: one["name"] for one in technique("AML.T0018").facts["tactics"]}
    assert tactics == {"AML.TA0001": "AI Attack Adaptation", "AML.TA0006": "Persistence"}
    assert CaseStudy.objects.get(atlas_id="AML.CS0031").techniques.get().atlas_id == "AML.T0018.002"


# --------------------------------------------------------------------------------------------------------------- reviews


def test_each_touched_control_waits_for_a_person(tmp_path: Path) -> None:
    imported()
    ControlReview.objects.all().delete()
    found = imported(later(tmp_path, ("name: Code Signing", "name: Signing of Artefacts")))
    mapped = set(
        ReferenceControl.objects.filter(
            pairs__framework__key="mitre-atlas", pairs__requirement_id="AML.M0013"
        ).values_list("control_id", flat=True)
    )
    reviews = ControlReview.objects.select_related("control", "release")
    assert {review.control.control_id for review in reviews} == mapped == set(found.reviews)
    assert all(review.release.version == "2026.12" and review.is_open for review in reviews)
    assert reviews[0].changes == [
        {
            "kind": "renamed", "subject": "mitigation", "id": "AML.M0013", "field": "",
            "before": "Code Signing", "after": "Signing of Artefacts",
        }
    ]  # fmt: skip


def test_a_review_is_closed_once_by_name_with_a_conclusion() -> None:
    imported()
    officer = User.objects.create_user(email="o@example.org", name="Olive", role=Role.OFFICER)
    review = ControlReview.objects.all()[0]
    with pytest.raises(RefusedError, match="Write what follows"):
        control_reviews.close_review(review=review, note="  ", actor=officer)
    closed = control_reviews.close_review(review=review, note="The mapping still holds.", actor=officer)
    assert (closed.closed_by, closed.note, closed.is_open) == (officer, "The mapping still holds.", False)
    with pytest.raises(RefusedError, match="closed already"):
        control_reviews.close_review(review=review, note="Again.", actor=officer)
    assert LedgerEvent.objects.filter(kind="control_review.closed", subject_uuid=review.uuid).count() == 1


# ---------------------------------------------------------------------------------------------------------- old and new


def test_an_older_release_is_refused_unless_asked_for() -> None:
    found = imported(V5, apply=False)
    assert found.is_older
    with pytest.raises(RefusedError, match=r"is release 5\.6\.0, older than the installed 2026\.07"):
        imported(V5)
    assert imported(V5, older=True).is_applied
    row = technique("AML.T0018")
    assert (row.atlas_release, row.facts["former_names"]) == ("5.6.0", ["Backdoor ML Model"])
    assert technique("AML.T0018.003").facts["retired"]


def test_without_the_catalogue_there_is_nothing_to_hold_it_against() -> None:
    with pytest.raises(RefusedError, match="Load the catalogue first"):
        atlas_releases.import_release(path=V6, shipped=None, apply=False, actor=None)


def test_loading_the_catalogue_again_keeps_a_newer_release_in_force(tmp_path: Path) -> None:
    imported(later(tmp_path, ("name: Embed Malware", "name: Embed Hostile Code")))
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "catalogs"))
    assert catalogs.load(apply=True, actor=None).changes == ()
    text = (folder / "atlas.yaml").read_text(encoding="utf-8")
    (folder / "atlas.yaml").write_text(text.replace("version: 2026.07+1", "version: 2026.07+2"), encoding="utf-8")
    assert catalogs.load(folder=folder, apply=True, actor=None).is_applied
    row = technique("AML.T0018.002")
    assert (row.name, row.atlas_release, row.facts["former_names"]) == (
        "Embed Hostile Code",
        "2026.12",
        ["Embed Malware"],
    )


# --------------------------------------------------------------------------------------------------------------- command


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = 0
    try:
        call_command("import_atlas", *arguments)
    except SystemExit as stop:
        code = int(str(stop.code))
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_command_shows_and_waits_for_a_yes(capsys: pytest.CaptureFixture[str]) -> None:
    code, told, _err = run(capsys, str(V6))
    assert code == 3
    assert "against the extract of 2026.07 that Assay ships" in told
    assert "Controls to review: BDM-" in told
    assert "Add --yes to apply." in told
    assert run(capsys, str(V6), "--dry-run")[0] == 0
    assert not CatalogRelease.objects.filter(key="mitre-atlas").exists()


def test_the_command_applies_with_yes_and_then_has_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    code, told, _err = run(capsys, str(V6), "--yes", "--json")
    document = json.loads(told)
    assert (code, document["is_applied"], document["version"]) == (0, True, "2026.10")
    code, told, _err = run(capsys, str(V6))
    assert code == 0
    assert "Nothing applied: nothing that is compared differs." in told


@pytest.mark.parametrize(
    ("path", "said"), [(Path("/none.yaml"), "cannot be read"), (SHIPPED / "controls.yaml", "is no ATLAS")]
)
def test_the_command_ends_with_2_and_one_sentence(capsys: pytest.CaptureFixture[str], path: Path, said: str) -> None:
    code, told, complained = run(capsys, str(path))
    assert (code, told) == (2, "")
    assert said in complained
