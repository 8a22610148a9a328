"""TensorFlow SavedModel (`saved_model.pb`) and frozen graphs (GraphDef): operators that reach beyond the model, and assets.

Read from the wire format alone. Messages and field numbers: tensorflow/core/protobuf/saved_model.proto, meta_graph.proto,
saved_object_graph.proto, and tensorflow/core/framework/graph.proto, function.proto, node_def.proto.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.archive import escapes
from scanning.filescan.base import (
    CERTAIN,
    CHANGED_ARCHITECTURE,
    EMBEDDED_MALWARE,
    LIKELY,
    NO,
    POSSIBLE,
    Findings,
    ScanError,
    Target,
)
from scanning.filescan.keras_rules import texts_issues
from scanning.filescan.wire import LENGTH, fields, messages, text_of

_NAME = "saved_model.pb"
_OPERATOR = re.compile(rb"[A-Z_][A-Za-z0-9_>]{0,200}")
_PYTHON = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
_FILE_WORDS = """
ReadFile WriteFile MatchingFiles ImmutableConst WholeFileReader WholeFileReaderV2 Save SaveSlices Restore RestoreSlice
FixedLengthRecordReader TextLineReader TFRecordReader CopyHost DebugIdentity DebugIdentityV2 DebugIdentityV3
DebugNumericSummary CreateSummaryFileWriter SaveDataset SaveDatasetV2 LoadDataset SnapshotDataset SnapshotDatasetV2
CacheDataset CacheDatasetV2 MatchingFilesDataset TextLineDataset TFRecordDataset FixedLengthRecordDataset
"""
_FILES = frozenset(_FILE_WORDS.split())
_REMOTE_WORDS = """
RemoteCall RemoteFusedGraphExecute DataServiceDataset DataServiceDatasetV2 RpcCall RpcClient RpcServer TryRpc Rpc
CreateSummaryDbWriter BigQueryReader ShellExecute LoadLibrary
"""
_REMOTE = frozenset(_REMOTE_WORDS.split())
_CHOICES = frozenset(
    {"If", "StatelessIf", "Case", "StatelessCase", "Switch", "RefSwitch", "SelectV2", "Select", "Where"}
)
_MOST_NODES = 5_000_000
_LIMITS = (
    "A SavedModel is judged by its operators; those that a program adds without a namespace look like TensorFlow's own.",
    "Choices by input values (If, Case, Switch, Select) are counted and not judged.",
    "Variables lie in other files; whether they were tampered with is not looked at.",
)


@dataclass(slots=True)
class GraphReading:
    """What a graph holds: operator -> how often; assets by file name; texts of Keras layers."""

    operators: Counter[str] = field(default_factory=Counter)
    assets: list[str] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    version: str = ""


def _issue(rule: str, title: str, description: str, severity: Severity, location: str, technique: str) -> FileIssue:
    return FileIssue(
        rule=rule,
        title=title,
        description=description,
        severity=severity,
        location=location,
        atlas_techniques=(technique,),
    )


def _read_graph(view: memoryview, reading: GraphReading) -> None:
    """GraphDef: nodes (1) and the library (2) of functions (1) with nodes (3) of their own."""
    for node in messages(view, 1):
        reading.operators[text_of(node, 2)] += 1
        if reading.operators.total() > _MOST_NODES:
            raise ScanError(f"the graph has more than {_MOST_NODES} nodes")
    for library in messages(view, 2):
        for function in messages(library, 1):
            for node in messages(function, 3):
                reading.operators[text_of(node, 2)] += 1


def _read_meta_graph(view: memoryview, reading: GraphReading) -> None:
    """MetaGraphDef: about (1), graph (2), assets (6), objects (7)."""
    for number, kind, value in fields(view):
        if kind != LENGTH or not isinstance(value, memoryview):
            continue
        if number == 1:
            reading.version = text_of(value, 5)[:100]
        elif number == 2:
            _read_graph(value, reading)
        elif number == 6:
            reading.assets.append(text_of(value, 2))
        elif number == 7:
            for item in messages(value, 1):
                for user in messages(item, 4):
                    reading.texts += [bytes(metadata) for metadata in messages(user, 3)]


def read_saved_model(content: bytes) -> GraphReading:
    """What a SavedModel or a frozen graph holds. Raises ScanError."""
    reading, view = GraphReading(), memoryview(content)
    if _is_graph(content):
        _read_graph(view, reading)
    else:
        for graph in messages(view, 2):
            _read_meta_graph(graph, reading)
    return reading


def _is_graph(head: bytes) -> bool:
    """Whether a file begins with a node (name, then operator), as a frozen graph does."""
    if len(head) < 6 or head[0] != 0x0A or 0x0A not in head[2:4]:
        return False
    start = 2 if head[2] == 0x0A else 3
    length = head[start + 1]
    name, rest = head[start + 2 : start + 2 + length], head[start + 2 + length :]
    return name.isascii() and rest[:1] == b"\x12" and len(rest) > 2 and bool(_OPERATOR.match(rest[2 : 2 + rest[1]]))


def _is_saved_model(head: bytes) -> bool:
    """Whether a file begins with the version 1, if any, and then a meta graph whose first field is one of its own."""
    at = 2 if head[:2] == b"\x08\x01" else 0
    if head[at : at + 1] != b"\x12":
        return False
    at += 1
    while at < len(head) and head[at] >= 0x80:
        at += 1
    return head[at + 1 : at + 2] in (b"\x0a", b"\x12", b"\x1a", b"\x3a")


def _operator_issues(reading: GraphReading, location: str) -> Iterator[FileIssue]:
    for operator, count in sorted(reading.operators.items()):
        shown = operator[:100]
        if operator in _PYTHON:
            yield _issue(
                "tensorflow.python_operator",
                f"The graph calls Python code ({shown})",
                f"{count} nodes hand their work to a Python function of the process that runs the model. Review that code, "
                "or have the model exported without it.",
                Severity.HIGH,
                location,
                EMBEDDED_MALWARE,
            )
        elif operator in _FILES or operator in _REMOTE:
            reach = "files of the machine" if operator in _FILES else "other machines or programs"
            yield _issue(
                "tensorflow.reaching_operator",
                f"The graph reaches {reach} ({shown})",
                f"{count} nodes read, write or call {reach} whenever the model runs, which no prediction needs. "
                "Have the supplier explain them.",
                Severity.HIGH,
                location,
                EMBEDDED_MALWARE,
            )
        elif ">" in operator or not _OPERATOR.fullmatch(operator.encode()):
            yield _issue(
                "tensorflow.custom_operator",
                f"The graph needs the operator {shown}",
                "It is not part of TensorFlow, so running the model loads native code from elsewhere. Review that code.",
                Severity.MEDIUM,
                location,
                EMBEDDED_MALWARE,
            )


class SavedModel:
    """The format."""

    name = "saved-model"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat. Protobuf has no magic number: the first fields are tried."""
        named = target.name.rsplit("/", 1)[-1].lower()
        if named == _NAME:
            return CERTAIN - 5
        if _is_saved_model(target.head) or _is_graph(target.head):
            return LIKELY + (25 if named.endswith((".pb", ".pbtxt")) else 5)
        return POSSIBLE if named.endswith(".pb") else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        reading = read_saved_model(target.read_all(target.limits.max_protobuf))
        if not reading.operators:
            raise ScanError("it is no TensorFlow model: it holds no graph with nodes")
        findings = Findings(scanned=[target.location], speaks_to={EMBEDDED_MALWARE}, limits=list(_LIMITS))
        findings.issues = list(_operator_issues(reading, target.location))[:200]
        findings.issues += texts_issues(reading.texts, target.location)
        for name in reading.assets[:1000]:
            if escapes(name) or not name:
                findings.issues.append(
                    _issue(
                        "tensorflow.asset_path",
                        "An asset leads out of the model's folder",
                        f"The model reads {name[:200]!r} when it is loaded, whatever file of that name there is.",
                        Severity.HIGH,
                        target.location,
                        CHANGED_ARCHITECTURE,
                    )
                )
            else:
                findings.ignored.append(
                    (target.place(f"assets/{name}"), "an asset beside the file; hand it in as well")
                )
        findings.facts = {
            "tensorflow": reading.version,
            "nodes": reading.operators.total(),
            "operators": dict(reading.operators.most_common(100)),
            "choices": sum(reading.operators[name] for name in _CHOICES),
            "assets": [name[:200] for name in reading.assets[:100]],
        }
        return findings


FORMAT = SavedModel()
