from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5

import pytest
from trestle.cli import Trestle
from trestle.oscal.assessment_plan import AssessmentPlan
from trestle.oscal.assessment_results import AssessmentResults
from trestle.oscal.catalog import Catalog
from trestle.oscal.mapping import MappingCollection
from trestle.oscal.poam import PlanOfActionAndMilestones

from compliance.oscal import streams
from compliance.oscal.export import Model, export
from compliance.oscal.export_checks import check_document
from compliance.oscal.export_values import control_token, line, prose
from compliance.oscal.schema import OscalError
from compliance.types.canonical import canonical_json, digest_of, sha256_hex
from compliance.types.freeze import Freeze, FreezeError, validate_freeze
from compliance.types.freeze_lines import lined
from tests.compliance.oscal.freezes import HOSTILE, hostile_freeze, mapped_freeze, mappings, pair
from tests.compliance.packs.example_freeze import empty_freeze, example_freeze, uid
from tests.test_house import misused

pytestmark = pytest.mark.sqlite_only

READERS: dict[Model, Any] = {
    Model.ASSESSMENT_PLAN: AssessmentPlan,
    Model.ASSESSMENT_RESULTS: AssessmentResults,
    Model.PLAN_OF_ACTION: PlanOfActionAndMilestones,
    Model.MAPPING_COLLECTION: MappingCollection,
    Model.CATALOG: Catalog,
}
FREEZES: dict[str, Callable[[], Freeze]] = {
    "example": example_freeze,
    "mapped": mapped_freeze,
    "hostile": hostile_freeze,
    "empty": empty_freeze,
}


def exported(document: Freeze, model: Model) -> bytes | None:
    validate_freeze(document)
    told = export(freeze=document, sha256=digest_of(document), model=model)
    return None if told is None else b"".join(told)


def body(document: Freeze, model: Model) -> dict[str, Any]:
    content = exported(document, model)
    assert content is not None
    found: dict[str, Any] = json.loads(content)[model.value]
    return found


def trestle(*arguments: str, root: Path) -> int:
    """Exit code of a command of compliance-trestle."""
    return int(Trestle().run([*arguments, "--trestle-root", str(root)]))


def values(document: Any, key: str) -> Iterator[Any]:
    if isinstance(document, dict):
        for name, child in document.items():
            if name == key:
                yield child
            yield from values(child, key)
    elif isinstance(document, list):
        for child in document:
            yield from values(child, key)


def props(entry: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in entry["props"]}


# --------------------------------------------------------------------------------------------- every model, every freeze


@pytest.mark.parametrize("model", Model)
@pytest.mark.parametrize("make", FREEZES.values(), ids=FREEZES.keys())
def test_another_library_reads_each_document(tmp_path: Path, make: Callable[[], Freeze], model: Model) -> None:
    content = exported(make(), model)
    if content is None:
        assert model in {Model.PLAN_OF_ACTION, Model.MAPPING_COLLECTION}
        return
    path = tmp_path / f"{model.value}.json"
    path.write_bytes(content)
    read = READERS[model].oscal_read(path)
    assert str(read.uuid) == json.loads(content)[model.value]["uuid"]


def test_another_tool_takes_all_five_into_its_workspace_and_finds_them_valid(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    assert trestle("init", "--local", root=workspace) == 0
    for model in Model:
        path = tmp_path / f"{model.value}.json"
        path.write_bytes(exported(mapped_freeze(), model) or b"")
        assert trestle("import", "--file", str(path), "--output", "assessed", root=workspace) == 0
    assert trestle("validate", "--all", root=workspace) == 0


@pytest.mark.parametrize("model", Model)
def test_the_same_freeze_gives_the_same_bytes(model: Model) -> None:
    first, again = exported(mapped_freeze(), model), exported(copy.deepcopy(mapped_freeze()), model)
    assert first == again
    assert first == canonical_json(json.loads(first or b""))


def test_another_freeze_is_another_document_of_the_same_records() -> None:
    later = example_freeze(frozen_at="2026-11-03T10:00:00Z")
    one, two = body(example_freeze(), Model.ASSESSMENT_RESULTS), body(later, Model.ASSESSMENT_RESULTS)
    assert one["uuid"] != two["uuid"]
    assert [f["uuid"] for f in one["results"][0]["findings"]] == [f["uuid"] for f in two["results"][0]["findings"]]


@pytest.mark.parametrize("model", Model)
def test_every_document_names_its_freeze_by_digest(model: Model) -> None:
    document = mapped_freeze()
    resource = body(document, model)["back-matter"]["resources"][0]
    assert resource["rlinks"][0]["hashes"] == [{"algorithm": "SHA-256", "value": digest_of(document)}]


@pytest.mark.parametrize("model", Model)
def test_the_technique_is_named_with_its_former_name(model: Model) -> None:
    told = props(body(mapped_freeze(), model)["metadata"])
    assert told["atlas-technique"] == "AML.T0018"
    assert told["atlas-technique-name"] == "Manipulate AI Model, formerly Backdoor ML Model"
    assert told["atlas-release"] == "2026.07"


@pytest.mark.parametrize("model", Model)
def test_no_document_overstates(model: Model) -> None:
    assert misused((exported(mapped_freeze(), model) or b"").decode()) == []


# ------------------------------------------------------------------------------------------------------------- contents


def test_the_plan_holds_scope_period_questions_and_subjects() -> None:
    plan = body(example_freeze(), Model.ASSESSMENT_PLAN)
    parts = {part["name"]: part["prose"] for part in plan["terms-and-conditions"]["parts"]}
    assert "mobile application that calls the model is not in scope" in parts["included-activities"]
    assert parts["period"] == "2026-07-01 to 2026-09-30, both days included."
    assert len(plan["local-definitions"]["activities"]) == 4
    assert len(plan["assessment-subjects"][0]["include-subjects"]) == 4  # the system and three model versions


def test_results_import_the_plan_by_its_digest() -> None:
    document = example_freeze()
    results = body(document, Model.ASSESSMENT_RESULTS)
    uuid = results["import-ap"]["href"][1:]
    plan = next(one for one in results["back-matter"]["resources"] if one["uuid"] == uuid)
    written = exported(document, Model.ASSESSMENT_PLAN) or b""
    assert plan["rlinks"][0]["hashes"][0]["value"] == sha256_hex(written)


def test_findings_name_objective_observations_and_risk() -> None:
    result = body(example_freeze(), Model.ASSESSMENT_RESULTS)["results"][0]
    backdoor, access = result["findings"]
    assert backdoor["target"] == {
        "type": "objective-id",
        "target-id": "BDM-15_obj",
        "status": {"state": "not-satisfied", "reason": "fail"},
    }
    assert [one["risk-uuid"] for one in backdoor["related-risks"]] == [result["risks"][0]["uuid"]]
    assert "related-risks" not in access
    seen = {one["uuid"]: one for one in result["observations"]}
    observation = seen[access["related-observations"][0]["observation-uuid"]]
    assert (observation["methods"], observation["types"]) == (["EXAMINE"], ["discovery"])
    assert observation["relevant-evidence"][0]["href"].startswith("#")


def test_objectives_and_control_ids_are_those_of_the_exported_catalogue() -> None:
    catalog = body(example_freeze(), Model.CATALOG)
    result = body(example_freeze(), Model.ASSESSMENT_RESULTS)["results"][0]
    objectives = {part["id"] for group in catalog["groups"] for c in group["controls"] for part in c["parts"]}
    controls = {control["id"] for group in catalog["groups"] for control in group["controls"]}
    assert {finding["target"]["target-id"] for finding in result["findings"]} <= objectives
    assert set(values(result["reviewed-controls"], "control-id")) == controls


def test_answers_are_interviews_and_what_contradicts_them_is_beside_them() -> None:
    result = body(example_freeze(), Model.ASSESSMENT_RESULTS)["results"][0]
    answers = [one for one in result["observations"] if one["methods"] == ["INTERVIEW"]]
    assert [props(one)["answer"] for one in answers] == ["yes", "partly", "no"]
    assert "The records contradict it: You state 3 approved submitters" in answers[1]["remarks"]
    assert "Approved all the same, because: The two service roles are known" in answers[1]["remarks"]
    assert [props(one).get("not-independently-approved", "") for one in answers] == [
        "", "", "The head of model risk left in October; the post is vacant."
    ]  # fmt: skip
    assert result["remarks"] == "Not answered: question 4."


def test_all_questions_without_an_answer_are_named() -> None:
    result = body(empty_freeze(), Model.ASSESSMENT_RESULTS)["results"][0]
    assert result["remarks"] == "Not answered: questions 1, 2, 3 and 4."


def test_what_was_never_tested_is_said_for_each_model_version() -> None:
    result = body(example_freeze(), Model.ASSESSMENT_RESULTS)["results"][0]
    coverage = [one for one in result["observations"] if one["title"].startswith("Tests of a model version")]
    assert len(coverage) == 3
    assert props(coverage[2])["coverage-AML.T0018.003"] == "not_covered"
    assert "was not tested, and says nothing of the model" in coverage[0]["description"]


def test_evidence_is_a_resource_with_its_digest_and_state() -> None:
    resources = body(example_freeze(), Model.ASSESSMENT_RESULTS)["back-matter"]["resources"]
    evidence = {props(one)["record"]: one for one in resources if "record" in props({"props": [], **one})}
    assert len(evidence) == 4
    rejected = evidence[uid("broken")]
    assert props(rejected)["state"] == "rejected: Line 14 is not UTF-8: byte 0xE9 at column 32."
    assert rejected["rlinks"][0]["href"].endswith("access-review-Q2%20%28final%29%20%282%29.csv")


def test_a_risk_carries_threat_deadline_and_remediation() -> None:
    (risk,) = body(example_freeze(), Model.PLAN_OF_ACTION)["risks"]
    assert risk["threat-ids"] == [
        {"system": "https://atlas.mitre.org", "id": "https://atlas.mitre.org/techniques/AML.T0018"}
    ]
    assert (risk["status"], risk["deadline"]) == ("remediating", "2026-12-18T00:00:00Z")
    (remediation,) = risk["remediations"]
    assert remediation["lifecycle"] == "planned"
    assert [props(task)["done-at"] for task in remediation["tasks"]] == ["2026-11-18T15:00:00Z", "not done"]


def test_an_item_names_its_risks_and_the_findings_behind_them() -> None:
    plan = body(example_freeze(), Model.PLAN_OF_ACTION)
    (item,) = plan["poam-items"]
    assert item["related-risks"] == [{"risk-uuid": plan["risks"][0]["uuid"]}]
    assert item["related-findings"] == [{"finding-uuid": plan["findings"][0]["uuid"]}]
    assert props(item)["effort-planned-person-days"] == "6.5"


def test_an_item_tells_its_baseline_and_slips_and_an_older_freeze_tells_none() -> None:
    frozen: Any = example_freeze()
    (item,) = body(frozen, Model.PLAN_OF_ACTION)["poam-items"]
    told = props(item)
    assert (told["original-due"], told["baseline-due"]) == ("2026-11-27", "2026-11-27")
    assert told["baseline-effort-person-days"] == "4 / 6.5 / 10"
    assert told["slip"] == "14 days to 2026-12-11: people_not_free"
    later = ("source", "team", "original_due", "estimate", "remaining", "baseline", "slips", "depends_on")
    for name in later:
        del frozen["remediation"][0][name]  # as written before there were plans
    validate_freeze(frozen)
    (older,) = body(frozen, Model.PLAN_OF_ACTION)["poam-items"]
    assert not {"baseline-due", "slip", "original-due"} & set(props(older))


def test_the_plan_of_action_holds_what_a_risk_rests_on_and_no_more() -> None:
    plan = body(example_freeze(), Model.PLAN_OF_ACTION)
    assert [one["title"] for one in plan["findings"]] == ["digits-cnn 2026.09 obeys a hidden trigger"]
    assert [props(one)["record"] for one in plan["observations"]] == [uid("obs-1")]


def test_an_item_that_treats_two_risks_is_told_under_both_with_identifiers_of_its_own() -> None:
    document: Any = example_freeze()
    second = {**document["risks"][0], "uuid": uid("second risk"), "acceptances": [], "history": []}
    document["risks"].append(second)
    document["remediation"][0]["risks"].append(uid("second risk"))
    risks = body(document, Model.PLAN_OF_ACTION)["risks"]
    responses = [risk["remediations"][0] for risk in risks]
    assert responses[0]["title"] == responses[1]["title"]
    assert responses[0]["uuid"] != responses[1]["uuid"]


@pytest.mark.parametrize("rows_at_once", [1, 500])
@pytest.mark.parametrize("model", [Model.ASSESSMENT_RESULTS, Model.PLAN_OF_ACTION])
def test_a_freeze_whose_lists_are_files_tells_the_same(
    model: Model, rows_at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The identifiers rest on the digest of the document, which is given here."""
    monkeypatch.setattr(streams, "ROWS_AT_ONCE", rows_at_once)
    held, digest = example_freeze(), "a" * 64
    beside = cast(Freeze, lined(held, tmp_path))
    told = [export(freeze=one, sha256=digest, model=model) for one in (held, beside)]
    whole, streamed = [b"".join(one or ()) for one in told]
    assert whole == streamed == canonical_json(json.loads(whole))


def test_a_reference_that_leads_nowhere_is_found_in_the_last_rows_of_a_stream() -> None:
    """Checked in parts of 500 rows, of which only the last holds the fault."""
    document = json.loads(exported(example_freeze(), Model.ASSESSMENT_RESULTS) or b"")
    (result,) = document["assessment-results"]["results"]
    kinds = result["findings"]
    more = [{**kinds[0], "uuid": str(uuid5(NAMESPACE_URL, f"finding {n}"))} for n in range(600)]
    result["findings"] = streams.Stream(lambda: iter([*kinds, *more]))
    check_document(document)
    more[-1]["related-risks"] = [{"risk-uuid": str(uuid5(NAMESPACE_URL, "no such risk"))}]
    with pytest.raises(OscalError, match=r"findings/601/related-risks/0/risk-uuid: .* leads nowhere"):
        check_document(document)
    more[-1]["title"] = 7
    with pytest.raises(OscalError, match="title"):
        check_document(document)


def test_an_observation_under_two_findings_is_told_once() -> None:
    document: Any = example_freeze()
    document["findings"][1]["observations"].append(document["findings"][0]["observations"][0])
    result = body(document, Model.ASSESSMENT_RESULTS)["results"][0]
    assert len([one for one in result["observations"] if props(one).get("rule")]) == 2


# ------------------------------------------------------------------------------------------------------------- mappings


def test_drafts_stand_apart_and_rejected_pairs_are_left_out() -> None:
    collection = body(mapped_freeze(), Model.MAPPING_COLLECTION)
    told = [(one["status"], [m["targets"][0]["id-ref"] for m in one["maps"]]) for one in collection["mappings"]]
    assert told == [
        ("complete", ["Art._10_3_", "Art._10_3_-2"]),
        ("complete", ["ac-2.7"]),
        ("draft", ["sr-4"]),
    ]
    assert collection["provenance"]["status"] == "not-complete"
    assert collection["provenance"]["mapping-description"].startswith("3 approved pairs and 1 drafts.")


def test_ids_that_oscal_cannot_hold_keep_their_own_form_beside_it() -> None:
    collection = body(mapped_freeze(), Model.MAPPING_COLLECTION)
    labels = [props(m["targets"][0])["label"] for one in collection["mappings"] for m in one["maps"]]
    assert labels == ["Art. 10(3)", "Art. 10[3]", "AC-2(7)", "SR-4"]


def test_threats_are_properties_and_never_targets() -> None:
    collection = body(mapped_freeze(), Model.MAPPING_COLLECTION)
    source = collection["mappings"][0]["maps"][0]["sources"][0]
    assert [(one["name"], one["value"]) for one in source["props"]] == [
        ("atlas-mitigation", "AML.M0025"),
        ("threat-id", "LLM04"),
    ]
    targets = set(values(collection["mappings"], "id-ref"))
    assert targets & {"AML.M0025", "LLM04", "T1078"} == set()


def test_a_freeze_without_mappings_gives_no_collection() -> None:
    assert exported(example_freeze(), Model.MAPPING_COLLECTION) is None
    threats = mappings(pair("BDM-03", "mitre-atlas", "AML.M0025"))
    assert exported(example_freeze(mappings=threats), Model.MAPPING_COLLECTION) is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"control": "BDM-99"}, "names a control or framework"), ({"framework": "nist"}, "names a control or framework")],
)
def test_a_pair_that_leads_nowhere_is_no_freeze(changed: dict[str, str], said: str) -> None:
    held = mappings(pair("BDM-03", "nist-sp-800-53-r5", "AC-2"))
    held["pairs"][0].update(changed)
    with pytest.raises(FreezeError, match=said):
        validate_freeze(example_freeze(mappings=held))


def test_a_pair_that_is_there_twice_is_no_freeze() -> None:
    one = pair("BDM-03", "nist-sp-800-53-r5", "AC-2")
    with pytest.raises(FreezeError, match="is there twice"):
        validate_freeze(example_freeze(mappings=mappings(one, one)))


@pytest.mark.parametrize(
    ("framework", "requirement", "expected"),
    [
        ("nist-sp-800-53-r5", "AC-2", "ac-2"),
        ("nist-sp-800-53-r5", "IR-4(10)", "ir-4.10"),
        ("nist-ai-rmf-1.0", "GOVERN 1.6", "GOVERN_1.6"),
        ("iso-iec-42001-2023", "6.1.2", "_6.1.2"),
        ("owasp-ai-exchange", "#DATA QUALITY CONTROL", "_DATA_QUALITY_CONTROL"),
        ("owasp-ml-2023", "ML02:2023", "ML02_2023"),
    ],
)
def test_control_ids_have_the_form_that_oscal_asks(framework: str, requirement: str, expected: str) -> None:
    assert control_token(framework, requirement) == expected


# ---------------------------------------------------------------------------------------------------------------- texts


def test_texts_stay_text_for_readers_of_markdown() -> None:
    assert line(HOSTILE).startswith(r"\<script>alert(1)\</script> \*bold\* \`x\` \[a](javascript:b)")
    assert "\n" not in line(HOSTILE)
    assert "\x07" not in prose(HOSTILE, "")
    assert prose(HOSTILE, "").endswith("\nsecond line")
    assert (line("  \n", "nothing"), prose("", "nothing")) == ("nothing", "nothing")


def test_an_observation_without_a_time_says_whose_time_it_shows() -> None:
    result = body(hostile_freeze(), Model.ASSESSMENT_RESULTS)["results"][0]
    observation = result["observations"][0]
    assert observation["collected"] == "2026-10-14T11:21:00Z"
    assert "states no time" in observation["remarks"]
