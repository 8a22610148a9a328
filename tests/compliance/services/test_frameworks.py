"""Importing a framework from OSCAL: ids always, titles only where they may be kept, reviews for what a new file touches."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from compliance.models import CatalogRelease, ControlReview, Framework, LedgerEvent, MappingPair, User
from compliance.services import catalogs, frameworks
from compliance.services.errors import RefusedError
from compliance.services.frameworks import FrameworkImport
from tests.compliance.conftest import Browse, World
from tests.compliance.oscal.test_framework_files import CATALOG, PROFILE

pytestmark = pytest.mark.django_db
NIST = "nist-sp-800-53-r5"


@pytest.fixture
def catalogue(db: None) -> None:
    catalogs.load(apply=True, actor=None)


def imported(path: Path = CATALOG, key: str = NIST, *, apply: bool = True, **more: Any) -> FrameworkImport:
    given = {"catalogs": [CATALOG] if path == PROFILE else [], "licence": "", "is_licensed": False, "actor": None}
    return frameworks.import_framework(path=path, key=key, apply=apply, **{**given, **more})


def later(tmp_path: Path, edit: Callable[[list[dict[str, Any]]], None]) -> Path:
    document = json.loads(CATALOG.read_text(encoding="utf-8"))
    document["catalog"]["metadata"]["version"] = "5.3.0"
    edit(document["catalog"]["groups"])
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_public_framework_keeps_ids_and_titles_and_none_of_its_text(catalogue: None) -> None:
    found = imported()
    assert (found.requirements, found.is_new, found.is_applied, found.titles_kept) == (4, False, True, True)
    release = CatalogRelease.objects.get(key=f"framework-{NIST}")
    assert (release.version, release.sha256, release.is_current) == ("5.2.0", found.sha256, True)
    assert "Manage accounts" not in json.dumps(release.content)
    assert frameworks.requirements_of(NIST)[0].title == "Account Management"


def test_a_licensed_framework_keeps_ids_alone_unless_the_importer_may(catalogue: None) -> None:
    Framework.objects.filter(key="csa-aicm").update(facts={"reproduction": "id + own-words only", "id_pattern": ""})
    assert not imported(key="csa-aicm").titles_kept
    assert {one.title for one in frameworks.requirements_of("csa-aicm")} == {""}
    again = imported(key="csa-aicm", is_licensed=True)
    assert (again.is_same, again.is_applied, again.changes) == (False, True, ())
    assert frameworks.requirements_of("csa-aicm")[0].title == "Account Management"


def test_a_new_framework_needs_a_licence_and_outlives_a_load_of_the_catalogue(catalogue: None, tmp_path: Path) -> None:
    import shutil

    from compliance.oscal.catalog_files import SHIPPED

    with pytest.raises(RefusedError, match="say under which licence"):
        imported(key="own-controls")
    assert imported(key="own-controls", licence="Our own").is_new
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "catalogs"))
    text = (folder / "controls.yaml").read_text(encoding="utf-8")
    (folder / "controls.yaml").write_text(text + "\n# later\n", encoding="utf-8")
    catalogs.load(folder=folder, apply=True, actor=None)
    framework = Framework.objects.get(key="own-controls")
    assert framework.licence == "Our own"
    assert "retired" not in framework.facts
    assert CatalogRelease.objects.get(key="framework-own-controls").is_current


def test_a_profile_brings_its_selection_and_names_its_sources(catalogue: None) -> None:
    imported(PROFILE)
    release = CatalogRelease.objects.get(key=f"framework-{NIST}")
    assert set(release.content["sources"]) == {"profile.json", "catalog.json"}
    assert [one.id for one in frameworks.requirements_of(NIST)] == ["AC-2", "AC-2(7)", "CM-8"]


def test_the_same_file_again_changes_and_records_nothing(catalogue: None) -> None:
    imported()
    events = LedgerEvent.objects.count()
    again = imported()
    assert (again.is_same, again.is_applied) == (True, False)
    assert LedgerEvent.objects.count() == events


def test_mapped_ids_that_are_not_in_force_in_the_file_are_named(catalogue: None) -> None:
    found = imported(apply=False)
    mapped = set(MappingPair.objects.filter(framework__key=NIST).values_list("requirement_id", flat=True))
    assert set(found.unknown) == mapped - {"AC-2", "AC-2(7)", "CM-8"}


def test_a_later_file_opens_a_review_for_each_mapped_control_that_it_touches(catalogue: None, tmp_path: Path) -> None:
    imported()
    assert not ControlReview.objects.exists()

    def edit(groups: list[dict[str, Any]]) -> None:
        groups[1]["controls"][0]["title"] = "Inventory of Components"

    found = imported(later(tmp_path, edit))
    mapped = set(
        MappingPair.objects.filter(framework__key=NIST, requirement_id="CM-8").values_list(
            "control__control_id", flat=True
        )
    )
    assert [(c.kind, c.id) for c in found.changes] == [("renamed", "CM-8")]
    assert set(found.reviews) == mapped != set()
    assert set(ControlReview.objects.values_list("control__control_id", flat=True)) == mapped


# --------------------------------------------------------------------------------------------------------------- command


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = 0
    try:
        call_command("import_framework", *arguments)
    except SystemExit as stop:
        code = int(str(stop.code))
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_command_shows_asks_applies_and_then_has_nothing_to_do(
    catalogue: None, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (str(PROFILE), "--key", NIST, "--catalog", str(CATALOG))
    code, told, _err = run(capsys, *arguments)
    assert code == 3
    assert "3 requirements" in told
    assert "Not applied: 3 added. Add --yes to apply." in told
    code, told, _err = run(capsys, *arguments, "--yes", "--json")
    assert (code, json.loads(told)["is_applied"]) == (0, True)
    code, told, _err = run(capsys, *arguments)
    assert (code, told.splitlines()[-1]) == (0, "Nothing applied: nothing differs.")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("/none.json", "--key", NIST), "cannot be read"),
        ((str(PROFILE), "--key", NIST), "--catalog FILE"),
        ((str(CATALOG), "--key", "unheard-of"), "say under which licence"),
    ],
)
def test_the_command_ends_with_2_and_one_sentence(
    catalogue: None, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, told, complained = run(capsys, *arguments)
    assert (code, told) == (2, "")
    assert said in complained


# ------------------------------------------------------------------------------------------------------------------ page


def framework(world: World) -> Framework:
    found = Framework.objects.create(key=NIST, title="NIST SP 800-53", facts={"reproduction": "text may be shipped"})
    control = world.finding.target
    for requirement, state in (("CM-8", "approved"), ("AC-2", "draft"), ("XX-1", "draft")):
        MappingPair.objects.create(
            control=control, framework=found, requirement_id=requirement, relation="intersects-with", strength="direct",
            rationale="Both.", checked="file", state=state,
        )  # fmt: skip
    return found


def test_the_page_lists_requirements_with_titles_and_mapped_controls(
    world: World, browse: Browse, auditor: User
) -> None:
    framework(world)
    client = browse(auditor)
    before = client.get(f"/catalogue/frameworks/{NIST}/").content.decode()
    assert "Nothing was imported for this framework yet" in before
    imported()
    page = client.get(f"/catalogue/frameworks/{NIST}/").content.decode()
    assert "System Component Inventory" in page
    assert "withdrawn" in page
    assert f'href="/catalogue/controls/{world.finding.target.control_id}/"' in page
    assert "XX-1" in page  # mapped, and not in the file
    assert f'href="/catalogue/frameworks/{NIST}/"' in client.get("/catalogue/").content.decode()
    assert client.get("/catalogue/frameworks/unknown/").status_code == 404


def test_the_page_takes_the_same_number_of_queries_however_long(
    world: World, browse: Browse, auditor: User, count_queries: Callable[[Callable[[], object]], int], tmp_path: Path
) -> None:
    framework(world)
    client = browse(auditor)
    imported()
    address = f"/catalogue/frameworks/{NIST}/"
    client.get(address)
    few = count_queries(lambda: client.get(address))

    def longer(groups: list[dict[str, Any]]) -> None:
        groups[1]["controls"] += [{"id": f"cm-1{n}", "title": f"Control {n}"} for n in range(80)]

    imported(later(tmp_path, longer))
    assert count_queries(lambda: client.get(address)) == few <= 20
