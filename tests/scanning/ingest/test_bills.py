from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.types.drafts import ObservationDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Method
from compliance.types.verdicts import StageVerdict
from scanning.ingest.registry import identify
from tests.scanning.ingest.reading import read, sample

SHA = "175c59e27fa832b95f142ff91310d4148837ddd7d8017797c61edccdde0269f1"


def bill() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sample("cyclonedx/mlbom.json"))
    return found


def graph() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sample("spdx_ai/model.jsonld"))
    return found


def seen(format_name: str, document: object) -> dict[str, ObservationDraft]:
    drafts, _ = read(format_name, json.dumps(document).encode())
    return {draft.asset.name: draft for draft in drafts if isinstance(draft, ObservationDraft)}


@pytest.mark.parametrize(("format_name", "document"), [("cyclonedx", bill()), ("spdx_ai", graph())])
def test_a_bill_states_and_tests_nothing(format_name: str, document: dict[str, Any]) -> None:
    for observation in seen(format_name, document).values():
        assert observation.verdict is StageVerdict.NOT_APPLICABLE
        assert observation.method is Method.EXAMINE
        assert observation.atlas_techniques == ()


def test_a_model_card_is_kept_with_its_data_base_model_and_limits() -> None:
    model = seen("cyclonedx", bill())["support-bot 12"]
    assert model.asset.digest == SHA
    assert [one["name"] for one in model.facts["datasets"]] == ["support-v12"]
    assert model.facts["ancestors"][0]["name"] == "meta-llama/Llama-3.1-8B"
    assert model.facts["limitations"] == ["not evaluated for triggers in languages other than English"]
    assert "digest of the base model" in model.facts["unknown_fields"]


def test_a_claim_of_a_low_attack_success_supports_nothing() -> None:
    model = seen("cyclonedx", bill())["support-bot 12"]
    assert model.facts["metrics"] == [{"type": "backdoor-asr", "value": "0.01"}]
    assert model.verdict is StageVerdict.NOT_APPLICABLE


def test_nested_components_are_found_and_nameless_ones_rejected() -> None:
    drafts, summary = read("cyclonedx", sample("cyclonedx/nested.json"))
    (model,) = [draft for draft in drafts if isinstance(draft, ObservationDraft)]
    assert model.facts["locator"] == "/components/1/components/0"
    assert [draft.locator for draft in drafts if isinstance(draft, Reject)] == ["/components/2"]
    assert summary.scope["components"] == 5


@pytest.mark.parametrize("version", ["1.5", "1.6", "1.7"])
def test_versions_with_model_cards_are_read(version: str) -> None:
    assert len(seen("cyclonedx", bill() | {"specVersion": version})) == 2


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (bill() | {"specVersion": "1.4"}, "1.5, 1.6, 1.7"),
        (bill() | {"specVersion": ["1.6"]}, "no version"),
        (bill() | {"components": []}, "names no model"),
        (bill() | {"bomFormat": "Other"}, "no CycloneDX document"),
        ([], "no CycloneDX document"),
    ],
)
def test_other_documents_are_refused(document: object, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        seen("cyclonedx", document)


def test_xml_is_recognised_and_told_to_be_written_as_json() -> None:
    xml = b'<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.6"/>'
    assert identify(xml, "x") == "cyclonedx"
    with pytest.raises(BadInputError, match="as JSON"):
        read("cyclonedx", xml)


def test_the_same_model_in_a_later_bill_is_the_same_thing() -> None:
    later = bill() | {"serialNumber": "urn:uuid:33333333-3333-4333-8333-333333333333", "version": 2}
    later["metadata"]["timestamp"] = "2026-12-01T00:00:00Z"
    first, second = seen("cyclonedx", bill()), seen("cyclonedx", later)
    assert {o.fingerprint for o in first.values()} == {o.fingerprint for o in second.values()}


# SPDX ---------------------------------------------------------------------------------------------------------------


def test_an_ai_package_is_kept_with_the_data_it_was_trained_on() -> None:
    found = seen("spdx_ai", graph())
    model, data = found["support-bot 12"], found["support-v12"]
    assert model.asset.digest == SHA
    assert (model.asset.kind, data.asset.kind) == ("model_version", "dataset_version")
    assert [one["name"] for one in model.facts["datasets"]] == ["support-v12"]
    assert model.facts["hyperparameters"] == {"epochs": "3"}


def test_lineage_and_what_it_names_without_holding_it() -> None:
    drafts, _ = read("spdx_ai", sample("spdx_ai/lineage.json"))
    model = next(draft for draft in drafts if isinstance(draft, ObservationDraft))
    assert model.facts["ancestors"][0]["digests"] == {"sha256": SHA}
    assert [one["ref"] for one in model.facts["datasets"]] == ["urn:acme:d", "urn:acme:gone"]
    assert model.facts["hyperparameters"] == {"hf_token": "[redacted]"}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}, "names no ai_AIPackage"),
        ({"@graph": []}, "no @context"),
        ([1], "no @context"),
    ],
)
def test_a_graph_without_models_is_refused(document: object, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        seen("spdx_ai", document)


def test_a_single_element_without_a_graph_is_read() -> None:
    element = graph()["@graph"][1] | {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}
    assert set(seen("spdx_ai", element)) == {"support-bot 12"}


def test_members_of_odd_types_do_not_make_it_fall_over() -> None:
    odds: tuple[Any, ...] = (1, None, "x", [], [[]], {"a": 1})
    for odd in odds:
        strange = graph()
        for name in list(strange["@graph"][1]):
            if name not in {"type", "name"}:
                strange["@graph"][1][name] = odd
        strange["@graph"][3]["to"] = odd
        assert seen("spdx_ai", strange)
        card = bill()
        card["components"][0] |= {"modelCard": odd, "pedigree": odd, "hashes": odd}
        assert seen("cyclonedx", card)
