"""skops files: a ZIP archive whose schema.json names the class of every object; loading imports and builds them.

Format: skops project, `skops.io`. skops itself asks its caller which types to trust; the list here is what needs no such trust.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.archive import nothing_hides, scan_zip
from scanning.filescan.base import CERTAIN, EMBEDDED_MALWARE, LIKELY, NO, Findings, ScanError, Target
from scanning.filescan.pickle_rules import ALLOWED, severity_of
from scanning.filescan.pickle_values import Import

_CODE_LOADERS = frozenset({"FunctionNode", "MethodNode", "OperatorFuncNode", "PartialNode", "ReduceNode"})
_LIBRARIES = frozenset({"sklearn", "scipy", "numpy"})
_LOWER_NAMES_WORDS = """
ndarray dtype matrix csr_matrix csc_matrix coo_matrix bsr_matrix dia_matrix lil_matrix dok_matrix csr_array csc_array coo_array
bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128 str_ bytes_ datetime64
masked_array
"""
_LOWER_NAMES = frozenset(_LOWER_NAMES_WORDS.split())
_LIMITS = (
    "A skops file is judged by the types its schema names; classes of scikit-learn, SciPy and NumPy are taken as shipped.",
    "Whether the model's numbers were tampered with is not looked at here.",
)


def _is_known(module: str, name: str, loader: str) -> bool:
    if (module, name) in ALLOWED:
        return True
    plain = name.isidentifier() and (name[:1].isupper() or name in _LOWER_NAMES)
    return module.split(".", maxsplit=1)[0] in _LIBRARIES and plain and loader not in _CODE_LOADERS


def _types(schema: object) -> Iterator[tuple[str, str, str]]:
    """Module, class and loader of every object in the schema."""
    waiting: list[object] = [schema]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            module, name, loader = (found.get(key) for key in ("__module__", "__class__", "__loader__"))
            if name is not None or loader is not None:
                yield str(module), str(name), str(loader)
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found


def _issue(module: str, name: str, loader: str, count: int, location: str) -> FileIssue:
    dotted = f"{module}.{name}"[:200]
    runs = loader in _CODE_LOADERS
    severity = severity_of(Import(module, name))
    return FileIssue(
        rule="skops.type",
        title=f"Loading needs {dotted}",
        description=(
            f"The schema asks for {dotted} ({'a function' if runs else 'a class'}, {loader[:50]}), which is none of the types "
            "that only hold a model's numbers; its code runs on the loading machine. Have the supplier show why it is needed."
        ),
        severity=Severity.HIGH if runs and severity is Severity.MEDIUM else severity,
        location=location,
        atlas_techniques=(EMBEDDED_MALWARE,),
        facts={"module": module[:300], "name": name[:300], "loader": loader[:100], "objects": count},
    )


class SkopsSchema:
    """schema.json of a skops archive."""

    name = "skops-schema"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        head = target.head.lstrip()
        return LIKELY + 10 if head.startswith(b"{") and b'"__loader__"' in head and b'"__class__"' in head else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        try:
            schema = json.loads(target.read_all(target.limits.max_text).decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ScanError(f"the schema is no JSON: {error}") from error
        counted = Counter(_types(schema))
        findings = Findings(scanned=[target.location], speaks_to={EMBEDDED_MALWARE}, limits=list(_LIMITS))
        unknown = [entry for entry in sorted(counted) if not _is_known(*entry)]
        findings.issues = [_issue(*entry, counted[entry], target.location) for entry in unknown[:100]]
        findings.facts = {"types": sorted({f"{module}.{name}"[:200] for module, name, _ in counted})[:500]}
        return findings


class SkopsZip:
    """A skops archive."""

    name = "skops"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        names = target.zip_names
        return CERTAIN - 10 if "schema.json" in names and "config.json" not in names else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        return scan_zip(target, nothing_hides)


SCHEMA = SkopsSchema()
ZIP = SkopsZip()
