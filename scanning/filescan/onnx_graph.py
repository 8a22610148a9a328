"""ONNX models: rules on the graph, which is parsed and never run.

Looked for: logic that switches the answer by the values of the input (how graph backdoors of the ShadowLogic kind are
built), operators that need foreign native code, and external data that leads out of the model's folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.archive import escapes
from scanning.filescan.base import (
    CHANGED_ARCHITECTURE,
    EMBEDDED_MALWARE,
    LIKELY,
    NO,
    POSSIBLE,
    Findings,
    ScanError,
    Target,
)
from scanning.filescan.onnx_flow import Flow, Selection, TooManyNodesError

_STANDARD = frozenset({"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "ai.onnx.preview"})
_RUNTIME = frozenset({"com.microsoft", "com.microsoft.nchwc", "com.microsoft.experimental", "org.pytorch.aten"})
_PYTHON = frozenset({"PyOp", "PythonOp", "PythonOpGrad", "ATen"})
_TAGS = b"\x12\x1a\x22\x28\x32\x3a\x42\x72"
_LIMITS = (
    "The rules see tests on input values that choose between results (If, Where, arithmetic), and no others.",
    "A trigger that is spread over learned layers or smooth arithmetic is not seen, nor one that counts positions by shapes.",
    "Attention masks, padding and activations element by element are let pass and counted; logic disguised as one is not seen.",
    "Weights are not looked at: this says nothing of AML.T0018.000.",
)


def _issue(
    rule: str, title: str, description: str, severity: Severity, location: str, technique: str, facts: dict[str, Any]
) -> FileIssue:
    return FileIssue(
        rule=rule,
        title=title,
        description=description,
        severity=severity,
        location=location,
        atlas_techniques=(technique,),
        facts=facts,
    )


def _selection_issue(selection: Selection, location: str) -> FileIssue:
    severe = selection.constant and selection.reduced
    other = "; one of the results is a constant that the file holds" if selection.constant else ""
    return _issue(
        "onnx.selection_on_input",
        f"The graph chooses its result by input values ({selection.operator})",
        f"Node {selection.node[:150]!r} ({selection.operator}) takes one of two ways by a test on values of the input "
        f"({selection.test[:150]}){other}. Ordinary models rarely do; a backdoor in the graph needs exactly this. "
        "Have the publisher explain the node, or compare the graph with an export of your own.",
        Severity.HIGH if severe else Severity.MEDIUM,
        location,
        CHANGED_ARCHITECTURE,
        {
            "node": selection.node[:300],
            "test": selection.test[:300],
            "inputs": [name[:200] for name in selection.inputs[:20]],
            "constant_result": selection.constant,
            "one_outcome_for_many_values": selection.reduced,
        },
    )


def _graphs(graph: Any) -> Iterator[Any]:
    """The graph and every subgraph in attributes of its nodes."""
    waiting = [graph]
    while waiting:
        found = waiting.pop()
        yield found
        for node in found.node:
            for attribute in node.attribute:
                waiting += [attribute.g] if attribute.HasField("g") else []
                waiting += list(attribute.graphs)


def _nodes(model: Any) -> Iterator[Any]:
    for graph in _graphs(model.graph):
        yield from graph.node
    for function in model.functions:
        yield from function.node


def _names(model: Any) -> Iterator[Any]:
    """Every name in the model; the library hands out those that are no UTF-8 as bytes."""
    yield from (model.producer_name, model.producer_version)
    yield from (text for entry in model.metadata_props for text in (entry.key, entry.value))
    yield from (entry.domain for entry in model.opset_import)
    for function in model.functions:
        yield from (function.name, function.domain, *function.input, *function.output)
    for graph in _graphs(model.graph):
        yield from (entry.name for group in (graph.input, graph.output, graph.initializer) for entry in group)
    for node in _nodes(model):
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def _tensors(model: Any) -> Iterator[Any]:
    for graph in _graphs(model.graph):
        yield from graph.initializer
    for node in _nodes(model):
        for attribute in node.attribute:
            yield from [attribute.t] if attribute.HasField("t") else []
            yield from attribute.tensors


def _operator_issues(model: Any, location: str) -> Iterator[FileIssue]:
    """Operators that a plain runtime does not have: their code comes from elsewhere."""
    from onnx import defs  # noqa: PLC0415 - half a second that other formats need not pay

    local = {(function.domain, function.name) for function in model.functions}
    counted = Counter((node.domain, node.op_type) for node in _nodes(model))
    for (domain, operator), count in sorted(counted.items()):
        python = operator in _PYTHON
        known = domain in _STANDARD and defs.has(operator, "" if domain == "ai.onnx" else domain)
        if (domain, operator) in local or (known and not python) or (domain in _RUNTIME and not python):
            continue
        yield _issue(
            "onnx.python_operator" if python else "onnx.custom_operator",
            f"The graph needs the operator {domain or 'ai.onnx'}:{operator[:100]}",
            "It is not part of the ONNX standard, so running the model loads code from elsewhere. Review and pin that code.",
            Severity.HIGH if python else Severity.MEDIUM,
            location,
            EMBEDDED_MALWARE,
            {"domain": domain[:200], "operator": operator[:200], "nodes": count},
        )


def _external(model: Any, findings: Findings, target: Target) -> int:
    """Tensors kept outside the file: report paths that leave its folder, and name the rest as not scanned."""
    places: Counter[str] = Counter()
    for tensor in _tensors(model):
        if tensor.data_location == 1:
            places[next((entry.value for entry in tensor.external_data if entry.key == "location"), "")] += 1
    for place, count in places.items():
        if escapes(place) or not place:
            findings.issues.append(
                _issue(
                    "onnx.external_path",
                    "External data leads out of the model's folder",
                    f"{count} tensors are read from {place[:200]!r}; a careless runtime then reads any file of that name.",
                    Severity.HIGH,
                    target.location,
                    CHANGED_ARCHITECTURE,
                    {"path": place[:500], "tensors": count},
                )
            )
        else:
            findings.ignored.append((target.place(place), f"external data of {count} tensors: raw tensor bytes"))
    return sum(places.values())


class OnnxGraph:
    """The format."""

    name = "onnx"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat. Protobuf has no magic number: the first fields of a ModelProto are tried."""
        head = target.head
        named = target.name.lower().endswith(".onnx")
        if len(head) > 3 and head[0] == 0x08 and 1 <= head[1] <= 0x20 and head[2] in _TAGS:
            return LIKELY + (20 if named else 0)
        return POSSIBLE if named else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        import onnx  # noqa: PLC0415 - half a second that other formats need not pay
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # noqa: PLC0415 - no types

        content = target.read_all(target.limits.max_protobuf)
        try:
            model = onnx.load_model_from_string(content)
        except (DecodeError, ValueError) as error:
            raise ScanError(f"it is no ONNX model: {error}") from error
        if not model.graph.node and not model.graph.output:
            raise ScanError("it is no ONNX model: it has no graph")
        if not all(isinstance(name, str) for name in _names(model)):
            raise ScanError("it is no sound ONNX model: it has names that are no UTF-8 text")
        findings = Findings(scanned=[target.location], limits=list(_LIMITS))
        findings.speaks_to |= {CHANGED_ARCHITECTURE, EMBEDDED_MALWARE}
        flow = Flow(model)
        try:
            chosen = _first(flow.selections(), 50)
            findings.issues += [_selection_issue(selection, target.location) for selection in chosen]
        except TooManyNodesError:
            findings.skipped.append((target.location, "its functions call one another too often to be followed"))
        findings.issues += _first(_operator_issues(model, target.location), 100)
        external = _external(model, findings, target)
        operators = Counter(node.op_type for node in _nodes(model))
        findings.facts = {
            "ir_version": model.ir_version,
            "producer": f"{model.producer_name} {model.producer_version}".strip()[:200],
            "opsets": {entry.domain or "ai.onnx": entry.version for entry in model.opset_import},
            "nodes": sum(operators.values()),
            "operators": dict(operators.most_common(100)),
            "inputs": [entry.name[:200] for entry in model.graph.input][:100],
            "outputs": [entry.name[:200] for entry in model.graph.output][:100],
            "external_tensors": external,
            "let_pass": flow.passed,
            "metadata": {entry.key[:100]: entry.value[:300] for entry in list(model.metadata_props)[:50]},
        }
        return findings


def _first(issues: Iterable[Any], count: int) -> list[Any]:
    return [issue for _, issue in zip(range(count), issues, strict=False)]


FORMAT = OnnxGraph()
