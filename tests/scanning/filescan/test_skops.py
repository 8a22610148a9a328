from __future__ import annotations

import json
from pathlib import Path

import pytest

from compliance.types.drafts import FileScanReport
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from tests.scanning.filescan.build import rules, scan, zip_of


def entry(module: str, name: str, loader: str = "ObjectNode", content: object = None) -> dict[str, object]:
    return {"__module__": module, "__class__": name, "__loader__": loader, "content": content}


def looked_at(folder: Path, content: object) -> FileScanReport:
    schema = entry("sklearn.pipeline", "Pipeline", content=[content])
    return scan(folder, "m.skops", zip_of({"schema.json": json.dumps(schema).encode()}))


def test_an_ordinary_model(tmp_path: Path) -> None:
    tree = entry(
        "sklearn.tree._tree", "Tree", "TreeNode", [entry("numpy", "ndarray", "NdArrayNode"), entry("builtins", "dict")]
    )
    report = looked_at(tmp_path, tree)
    assert (report.format, report.verdict) == ("skops", FileScanVerdict.NOTHING_FOUND)


@pytest.mark.parametrize(
    ("found", "severity"),
    [
        (entry("os", "system", "FunctionNode"), Severity.CRITICAL),
        (entry("builtins", "eval", "FunctionNode"), Severity.CRITICAL),
        (entry("operator", "methodcaller", "OperatorFuncNode"), Severity.CRITICAL),
        (entry("sklearn.externals.somewhere", "load_it", "FunctionNode"), Severity.HIGH),
        (entry("acme.models", "Mine"), Severity.MEDIUM),
    ],
)
def test_types_beyond_the_list_are_findings(tmp_path: Path, found: dict[str, object], severity: Severity) -> None:
    report = looked_at(tmp_path, found)
    assert (rules(report), report.issues[0].severity) == ({"skops.type"}, severity)
    assert report.issues[0].location == "schema.json"


def test_a_schema_that_is_no_json_is_failed(tmp_path: Path) -> None:
    content = zip_of({"schema.json": b'{"__class__": "x", "__loader__": '})
    assert scan(tmp_path, "m.skops", content).verdict is FileScanVerdict.FAILED
