"""Entitlement documents of Azure, Google Cloud and Kubernetes: samples as they are read, and what is refused and why."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from compliance.types.entitlements import EntitlementDocument, EntitlementDraft
from compliance.types.errors import BadInputError
from scanning.entitlement import registry
from scanning.ingest import azure_roles, gcp_iam, kubernetes_rbac
from scanning.ingest.base import ParseContext, Parser
from scanning.ingest.registry import PARSERS
from tests.scanning.ingest.reading import SAMPLES, expected_of

OURS: dict[str, Parser] = {one.name: one for one in (azure_roles.PARSER, gcp_iam.PARSER, kubernetes_rbac.PARSER)}
KNOWN = sorted(p for n in OURS for p in (SAMPLES / n).glob("*.json") if not p.name.endswith(".expected.json"))
each_sample = pytest.mark.parametrize("path", KNOWN, ids=lambda path: f"{path.parent.name}/{path.name}")
OTHERS = sorted(p for n in PARSERS if n not in OURS for p in (SAMPLES / n).rglob("*") if p.is_file())


def drafts(name: str, content: bytes) -> list[EntitlementDraft]:
    found = OURS[name].parse(io.BytesIO(content), ParseContext(file_name="f.json"))
    return [one for one in found if isinstance(one, EntitlementDraft)]


def golden(name: str, content: bytes) -> Any:
    parsing = OURS[name].parse(io.BytesIO(content), ParseContext(file_name="sample.json"))
    shown = [asdict(one) for one in parsing]
    return json.loads(json.dumps({"drafts": shown, "summary": asdict(parsing.summary)}, default=str))


def documents(name: str, content: bytes) -> list[EntitlementDocument]:
    members = ("kind", "platform", "scope", "taken_at", "content")
    return [EntitlementDocument(**{m: getattr(one, m) for m in members}) for one in drafts(name, content)]


@each_sample
def test_golden(path: Path) -> None:
    found = golden(path.parent.name, path.read_bytes())
    assert found == json.loads(expected_of(path).read_bytes())
    assert golden(path.parent.name, gzip.compress(b"\xef\xbb\xbf" + path.read_bytes())) == found


@each_sample
def test_a_sample_is_known_by_its_content_to_its_parser_alone(path: Path) -> None:
    told = {name: parser.identify(path.read_bytes(), "nameless") for name, parser in OURS.items()}
    assert told == {name: 100 if name == path.parent.name else 0 for name in OURS}


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.name)
def test_documents_of_other_formats_are_not_claimed(path: Path) -> None:
    assert not any(parser.identify(path.read_bytes()[: 1 << 16], path.name) for parser in OURS.values())


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("azure_roles", b"[]", "no record"),
        ("azure_roles", b'[{"type": "x"}]', "[0]"),
        ("azure_roles", b'{"value": [], "nextLink": "x"}', "nextLink"),
        ("azure_roles", b'{"assay_bundle": "azure", "rolls": []}', "rolls"),
        ("azure_roles", b'{"assay_bundle": "azure", "groups": []}', "/groups"),
        ("azure_roles", b'{"assay_bundle": "azure", "taken_at": "soon"}', "taken_at"),
        ("azure_roles", b"[1]", "[0]"),
        ("gcp_iam", b"[]", "no record"),
        ("gcp_iam", b'[{"name": "x"}]', "unknown kind"),
        ("gcp_iam", b'{"assay_bundle": "gcp", "polices": []}', "polices"),
        ("gcp_iam", b'{"assay_bundle": "gcp", "groups": [1]}', "/groups"),
        ("kubernetes_rbac", b'{"kind": "List", "items": []}', "no role"),
        ("kubernetes_rbac", b'{"kind": "List", "items": [{"kind": "Pod"}]}', "items[0]"),
        ("kubernetes_rbac", b'{"kind": "List", "metadata": {"continue": "x"}, "items": []}', "continue"),
        ("kubernetes_rbac", b"{}", "kubectl"),
    ],
)
def test_a_document_that_cannot_be_taken_says_why(name: str, content: bytes, told: str) -> None:
    with pytest.raises(BadInputError) as refused:
        drafts(name, content)
    assert told in str(refused.value)
    assert str(refused.value).startswith("f.json")
    assert str(refused.value).endswith(".")


def test_an_empty_section_of_a_bundle_is_a_document_and_an_absent_one_is_none() -> None:
    found = drafts("azure_roles", b'{"assay_bundle": "azure", "subscription": "s", "pim_eligible": []}')
    assert [(one.kind, one.content) for one in found] == [("azure-pim-eligible", {"eligible": []})]


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_is_read_leads_to_someone_who_can_submit(name: str) -> None:
    sample = {"kubernetes_rbac": "list.json"}.get(name, "bundle.json")
    (answer,) = registry.evaluate(documents(name, (SAMPLES / name / sample).read_bytes()))
    assert any(one.principal.display.startswith("ada") for one in answer.entitled)
