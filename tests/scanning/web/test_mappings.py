"""Logs of no known format: a person says what their columns mean, sees it, and the log is read by that."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from compliance.models import AISystem, JobEvent, LedgerEvent, User
from compliance.services import leases
from compliance.services.errors import RefusedError
from compliance.types.states import EvidenceState, JobState
from scanning import intake
from scanning.ingest.log_mapping import mapping_from_json
from scanning.models import ColumnMapping, Import
from scanning.services import column_mappings, imports
from scanning.web.mapping_forms import _key
from tests.compliance.conftest import Browse, World

SAMPLES = Path(__file__).parents[2] / "samples"
GATEWAY = SAMPLES / "generic_log" / "gateway.csv"
PORTAL = SAMPLES / "generic_log" / "portal.jsonl"
DEFINITION: dict[str, Any] = json.loads((SAMPLES / "generic_log" / "mapping_csv.json").read_bytes())
LIST = reverse("column-mapping-list")


def handed_in(system: AISystem, path: Path, actor: User, mapping: ColumnMapping | None = None) -> Import:
    with path.open("rb") as stream:
        document = intake.receive(
            system=system, stream=stream, filename=path.name, actor=actor, mapping=mapping, dispatch=False
        )
    return ran(document)


def ran(document: Import) -> Import:
    leases.run_here(job=document.job)
    document.refresh_from_db()
    document.evidence.refresh_from_db()
    return document


def page_of(document: Import) -> str:
    return reverse("import-mapping", args=[document.uuid])


def made(actor: User | None = None, name: str = "Gateway", **members: Any) -> ColumnMapping:
    columns = [
        "/When",
        "/What",
        "/Status",
        "/User",
        "/Client address",
        "/Job",
        "/Data",
        "/Data SHA-256",
        "/Base~1model",
    ]
    mapping = mapping_from_json({**DEFINITION, **members})
    return column_mappings.make(name=name, mapping=mapping, columns=[*columns, "/Id", "/api_key", "/Note"], actor=actor)


def filled(**changed: str) -> dict[str, str]:
    """The form as a person fills it for the gateway's log."""
    sent = {"name": "Gateway", "source": "ft-gateway", "time_format": "day_first", "zone": "Europe/Berlin"}
    for field, taken in DEFINITION["fields"].items():
        sent[f"column_{field}"] = taken.get("column", "=")
        if "constant" in taken:
            sent[f"constant_{field}"] = taken["constant"]
    sent |= {_key("actions", value): meaning for value, meaning in DEFINITION["actions"].items()}
    sent |= {_key("outcomes", value): meaning for value, meaning in DEFINITION["outcomes"].items()}
    return sent | {"more_outcomes": "error = failed"} | changed


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


# The import that needs one -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [GATEWAY, PORTAL])
def test_an_unknown_log_needs_a_mapping_and_is_not_rejected(
    world: World, browse: Browse, contributor: User, path: Path
) -> None:
    document = handed_in(world.assessment.system, path, contributor)
    assert document.job.state == JobState.FAILED
    assert document.awaits_mapping
    assert document.evidence.state == EvidenceState.RECEIVED
    body = words(browse(contributor).get(reverse("import-detail", args=[document.uuid])))
    assert "Needs a mapping" in body
    assert f'href="{page_of(document)}"' in body
    assert reverse("import-retry", args=[document.uuid]) not in body
    assert "Needs a mapping" in words(browse(contributor).get(reverse("import-list")))


def test_who_may_not_map_is_told_who_may(world: World, browse: Browse, contributor: User, manager: User) -> None:
    document = handed_in(world.assessment.system, GATEWAY, contributor)
    body = words(browse(manager).get(reverse("import-detail", args=[document.uuid])))
    assert page_of(document) not in body
    assert "A contributor or a compliance officer can say what its columns mean" in body
    assert browse(manager).get(page_of(document)).status_code == 403


def test_a_log_that_a_parser_knows_is_not_asked_about(world: World, contributor: User) -> None:
    document = handed_in(world.assessment.system, SAMPLES / "snowflake" / "export.csv", contributor)
    assert (document.format, document.job.state) == ("snowflake", JobState.SUCCEEDED)


# The page ------------------------------------------------------------------------------------------------------------


def test_the_page_shows_records_columns_and_a_first_proposal(world: World, browse: Browse, contributor: User) -> None:
    document = handed_in(world.assessment.system, GATEWAY, contributor)
    response = browse(contributor).get(page_of(document))
    body = words(response)
    assert "alice@example.test" in body
    assert '<option value="/Client address">Client address</option>' in body
    assert 'hx-trigger="change delay:250ms"' in body
    form = response.context["form"]
    assert form["column_occurred_at"].value() == "/When"
    assert form["column_actor"].value() == "/User"
    assert form.actions()[0].value == "fine-tune"
    assert "says of no action what it does" in body


def test_the_preview_follows_every_change_and_keeps_nothing(world: World, browse: Browse, contributor: User) -> None:
    document = handed_in(world.assessment.system, GATEWAY, contributor)
    response = browse(contributor).post(page_of(document), filled(), headers={"hx-request": "true"})
    body = words(response)
    assert body.strip().startswith('<div id="mapping-result">')
    assert "4 records become events, 1 is passed over, 5 are rejected." in body
    assert "Passed over: “list jobs”" in body
    assert "came twice in Europe/Berlin" in body
    assert "<html" not in body
    assert not ColumnMapping.objects.exists()
    assert Import.objects.count() == 1


def test_without_scripts_the_preview_is_a_page(world: World, browse: Browse, contributor: User) -> None:
    document = handed_in(world.assessment.system, GATEWAY, contributor)
    body = words(browse(contributor).post(page_of(document), filled(act="preview", zone="")))
    assert "<html" in body
    assert "names no time zone" in body
    assert not ColumnMapping.objects.exists()


def test_hostile_cells_are_shown_as_text(world: World, browse: Browse, contributor: User, tmp_path: Path) -> None:
    log = tmp_path / "x.csv"
    log.write_text("when,what\n2026-11-20T09:14:07Z,<script>alert(1)</script>\n1,=cmd()\n", encoding="utf-8")
    document = handed_in(world.assessment.system, log, contributor)
    sent = {"column_occurred_at": "/when", "column_action": "/what", "other_actions": "other"}
    client = browse(contributor)
    for response in (
        client.get(page_of(document)),
        client.post(page_of(document), sent, headers={"hx-request": "true"}),
    ):
        body = response.content.decode()
        assert "<script>alert" not in body
        assert "&lt;script&gt;alert" in body


def test_saving_keeps_the_mapping_reads_the_log_and_leads_to_the_job_log(
    world: World, browse: Browse, contributor: User
) -> None:
    document = handed_in(world.assessment.system, GATEWAY, contributor)
    client = browse(contributor)
    response = client.post(page_of(document), filled(act="save"))
    mapping = ColumnMapping.objects.get()
    again = ran(Import.objects.exclude(pk=document.pk).get())
    assert (response.status_code, response["Location"]) == (303, reverse("import-detail", args=[again.uuid]))
    assert (mapping.name, mapping.version, mapping.made_by) == ("Gateway", 1, contributor)
    assert mapping.definition == mapping_from_json(DEFINITION).as_json()
    assert (again.job.state, again.recorded, again.rejected) == (JobState.SUCCEEDED, 4, 5)
    assert again.evidence.state == EvidenceState.ACCEPTED
    assert again.scope["mapping"]["sha256"] == mapping.sha256
    assert again.scope["mapping"]["uuid"] == str(mapping.uuid)
    event = JobEvent.objects.filter(source_uuid=again.uuid, outcome="denied").get()
    assert (event.source, event.source_address) == ("generic:ft-gateway", "203.0.113.9")
    log = words(client.get(f"{reverse('job-log')}?evidence={again.evidence.uuid}"))
    assert "mallory@example.test" in log
    shown = words(client.get(reverse("import-detail", args=[again.uuid])))
    assert reverse("column-mapping-detail", args=[mapping.uuid]) in shown
    first = words(client.get(reverse("import-detail", args=[document.uuid])))
    assert f'href="{reverse("import-detail", args=[again.uuid])}"' in first


def test_the_ledger_holds_the_mapping_and_the_import_that_used_it(world: World, contributor: User) -> None:
    mapping = made(contributor)
    document = handed_in(world.assessment.system, GATEWAY, contributor, mapping)
    assert LedgerEvent.objects.get(kind="column_mapping.made").entry.payload["sha256"] == mapping.sha256
    published = LedgerEvent.objects.get(kind="import.published", subject_uuid=document.uuid)
    assert published.entry.payload["mapping"] == mapping.sha256
    assert imports.is_unaltered(document=document)


@pytest.mark.parametrize(
    ("changed", "wrong", "said"),
    [
        ({"column_action": ""}, "column_action", "Say which column this is."),
        ({"column_occurred_at": "/gone"}, "column_occurred_at", "Select a valid choice"),
        ({"name": " "}, "name", "This field is required"),
        ({"source": "Big Name"}, None, "its source needs a name"),
        ({"zone": "Mars"}, None, "is no time zone"),
        ({"more_actions": "delete = explode"}, None, "actions is one of submit"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_kept(
    world: World, browse: Browse, contributor: User, changed: dict[str, str], wrong: str | None, said: str
) -> None:
    document = handed_in(world.assessment.system, GATEWAY, contributor)
    body = words(browse(contributor).post(page_of(document), filled(act="save", **changed)))
    assert said in body
    assert wrong is None or f'href="#id_{wrong}"' in body
    assert not ColumnMapping.objects.exists()


def test_a_log_with_the_same_columns_is_read_with_one_click(
    world: World, browse: Browse, contributor: User, tmp_path: Path
) -> None:
    mapping = made(contributor)
    later = tmp_path / "later.csv"
    later.write_text(GATEWAY.read_text(encoding="utf-8").replace("g-1", "g-101"), encoding="utf-8")
    document = handed_in(world.assessment.system, later, contributor)
    client = browse(contributor)
    assert client.get(page_of(document)).context["known"] == [mapping]
    client.post(page_of(document), {"act": "use", "mapping": str(mapping.uuid)})
    again = ran(Import.objects.exclude(pk=document.pk).get())
    assert (again.mapping, again.job.state) == (mapping, JobState.SUCCEEDED)


def test_a_mapping_that_needs_other_columns_is_not_proposed(world: World, browse: Browse, contributor: User) -> None:
    made(contributor)
    document = handed_in(world.assessment.system, PORTAL, contributor)
    response = browse(contributor).get(page_of(document))
    assert response.context["known"] == []
    assert '<option value="/by/email">' in words(response)


def test_a_mapping_that_did_not_fit_is_corrected_where_it_failed(
    world: World, browse: Browse, contributor: User, tmp_path: Path
) -> None:
    mapping = made(contributor)
    other = tmp_path / "other.csv"
    other.write_text("When;What\n20.11.2026 10:14:07;Fine-Tune\n", encoding="utf-8")
    document = handed_in(world.assessment.system, other, contributor, mapping)
    client = browse(contributor)
    body = words(client.get(reverse("import-detail", args=[document.uuid])))
    assert "The mapping did not fit" in body
    assert "has no column" in body
    assert document.evidence.state == EvidenceState.RECEIVED
    form = client.get(page_of(document)).context["form"]
    assert form["name"].value() == "Gateway"
    assert ("fine-tune", "submit") in [(row.value, row.chosen) for row in form.actions()]


def test_what_is_no_log_cannot_be_mapped(world: World, browse: Browse, contributor: User) -> None:
    document = handed_in(world.assessment.system, SAMPLES / "modelscan" / "dir.json", contributor)
    response = browse(contributor).get(page_of(document), follow=True)
    assert "is neither a table nor JSON lines" in words(response)


def test_a_foreign_import_does_not_exist(world: World, browse: Browse, officer: User, contributor: User) -> None:
    document = handed_in(world.other_assessment.system, GATEWAY, officer)
    assert browse(contributor).get(page_of(document)).status_code == 404
    assert browse(contributor).post(page_of(document), filled(act="save")).status_code == 404


# Versions ------------------------------------------------------------------------------------------------------------


def test_another_meaning_is_another_version_and_the_same_is_the_same(world: World, contributor: User) -> None:
    first, again, second = made(contributor), made(contributor), made(contributor, zone="UTC")
    assert first == again
    assert [first.version, second.version] == [1, 2]
    assert column_mappings.named("Gateway") == second
    assert column_mappings.latest() == [second]


def test_a_version_is_never_changed(world: World, contributor: User) -> None:
    mapping = made(contributor)
    with pytest.raises(Exception, match="assay: "):
        ColumnMapping.objects.filter(pk=mapping.pk).update(name="x")


def test_an_unknown_name_lists_the_names_there_are(world: World, contributor: User) -> None:
    with pytest.raises(RefusedError, match="none has been made yet"):
        column_mappings.named("Gateway")
    made(contributor)
    with pytest.raises(RefusedError, match="no column mapping named “Portal”; there are: Gateway"):
        column_mappings.named("Portal")


def test_importing_again_by_the_same_mapping_records_nothing_twice(world: World, contributor: User) -> None:
    mapping = made(contributor)
    handed_in(world.assessment.system, GATEWAY, contributor, mapping)
    second = handed_in(world.assessment.system, GATEWAY, contributor, mapping)
    assert (second.recorded, second.duplicates) == (0, 4)


# The list ------------------------------------------------------------------------------------------------------------


def test_the_list_shows_the_latest_version_and_its_use(world: World, browse: Browse, contributor: User) -> None:
    handed_in(world.assessment.system, GATEWAY, contributor, made(contributor))
    latest = made(contributor, zone="UTC")
    response = browse(contributor).get(LIST)
    assert [(row.pk, row.version, row.used) for row in response.context["page"]] == [(latest.pk, 2, 1)]
    body = words(browse(contributor).get(reverse("column-mapping-detail", args=[latest.uuid])))
    assert "Gateway, version 1" in body
    assert "How it ended" in body
    assert "the same for every record: gateway-eu" in body
    assert '<code class="text-break">Base/model</code>' in body


def test_an_empty_list_says_how_one_comes_about(world: World, browse: Browse, contributor: User) -> None:
    assert "you are asked what its columns mean" in words(browse(contributor).get(LIST))


def test_the_list_asks_no_more_for_more_rows(
    world: World, browse: Browse, contributor: User, count_queries: Any
) -> None:
    client = browse(contributor)
    made(contributor)
    few = count_queries(lambda: client.get(LIST))
    for number in range(5):
        made(contributor, name=f"Gateway {number}")
    assert count_queries(lambda: client.get(LIST)) == few


def test_imports_of_foreign_systems_are_not_named(
    world: World, browse: Browse, officer: User, contributor: User
) -> None:
    mapping = made(officer)
    handed_in(world.other_assessment.system, GATEWAY, officer, mapping)
    body = words(browse(contributor).get(reverse("column-mapping-detail", args=[mapping.uuid])))
    assert "No import that you may see used it" in body
