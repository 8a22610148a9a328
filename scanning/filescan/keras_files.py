"""Keras models: .keras (ZIP with config.json) and .h5 (HDF5). Lambda layers carry Python bytecode that loading unmarshals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.archive import nothing_hides, scan_zip
from scanning.filescan.base import CERTAIN, EMBEDDED_MALWARE, LIKELY, NO, Findings, ScanError, Target

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_LAMBDA = re.compile(rb'"class_name"\s*:\s*"Lambda"')
_CLASS = re.compile(rb'"class_name"\s*:\s*"([^"]{1,200})"')
_REGISTERED = re.compile(rb'"registered_name"\s*:\s*"([^"]{1,200})"')
_OVERLAP, _CHUNK = 512, 4 << 20
_CODE_CLASSES = {"Lambda", "__lambda__"}
_OWN_MODULES = ("keras", "tensorflow", "tf_keras", "builtins")
_LIMITS = (
    "A Keras file is judged by the layers its configuration names; classes of one's own are named and not looked into.",
    "Whether the weights were tampered with is not looked at here.",
)
_LIMITS_H5 = ("In HDF5 the configuration is found by its text; one that is compressed or split is not seen.",)


def _foreign_issue(location: str, name: str, path: str) -> FileIssue:
    return FileIssue(
        rule="keras.foreign_class",
        title=f"The model needs the class {name[:200]}",
        description="Loading imports it from outside Keras, and its code then runs. Review that code, and pin it.",
        severity=Severity.MEDIUM,
        location=location,
        atlas_techniques=(EMBEDDED_MALWARE,),
        facts={"path": path[:300], "class": name[:300]},
    )


def _lambda_issue(location: str, where: str) -> FileIssue:
    return FileIssue(
        rule="keras.lambda",
        title="The model has a Lambda layer",
        description=(
            f"{where} is a Lambda layer: Python bytecode stored in the file. It runs when the model is loaded in unsafe "
            "mode, and whenever it predicts. Replace it by a named layer whose source is reviewed."
        ),
        severity=Severity.HIGH,
        location=location,
        atlas_techniques=(EMBEDDED_MALWARE,),
    )


def _is_own(registered: str) -> bool:
    """Whether a registered name is one that Keras gives its own classes, such as `Keras>Dense`; most of them have none."""
    return registered.lower().startswith(("keras>", "keras."))


def _nodes(value: object, path: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Every object in the configuration with the path it stands at."""
    waiting: list[tuple[str, object]] = [(path, value)]
    while waiting:
        here, found = waiting.pop()
        if isinstance(found, dict):
            yield here, found
            waiting += [(f"{here}.{key}", member) for key, member in found.items()]
        elif isinstance(found, list):
            waiting += [(f"{here}[{index}]", member) for index, member in enumerate(found)]


def config_issues(config: object, location: str) -> list[FileIssue]:
    """Layers of a configuration that bring code of their own."""
    issues = []
    for path, node in _nodes(config, "config"):
        kind, module, registered = node.get("class_name"), node.get("module"), node.get("registered_name")
        if kind in _CODE_CLASSES:
            issues.append(_lambda_issue(location, path[:300]))
        elif isinstance(kind, str) and isinstance(module, str) and module.split(".")[0] not in _OWN_MODULES:
            issues.append(_foreign_issue(location, f"{module}.{kind}", path))
        elif isinstance(registered, str) and not _is_own(registered):
            issues.append(_foreign_issue(location, registered, path))
    return issues


class KerasConfig:
    """config.json of a .keras archive."""

    name = "keras-config"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        head = target.head.lstrip()
        return LIKELY if head.startswith(b"{") and b'"class_name"' in head and b'"config"' in head else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        try:
            config = json.loads(target.read_all(target.limits.max_text).decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ScanError(f"the configuration is no JSON: {error}") from error
        findings = Findings(scanned=[target.location], speaks_to={EMBEDDED_MALWARE}, limits=list(_LIMITS))
        findings.issues = config_issues(config, target.location)
        return findings


def _leave(name: str) -> str:
    if name.endswith(".h5"):
        return "weights; the configuration is beside them"
    return "the archive's own description" if name == "metadata.json" else nothing_hides(name)


class KerasZip:
    """A .keras archive."""

    name = "keras-zip"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        names = target.zip_names
        return CERTAIN if "config.json" in names and ("metadata.json" in names or "model.weights.h5" in names) else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat. The weights' own HDF5 file has no configuration, and need not have one."""
        return scan_zip(target, _leave)


class KerasHdf5:
    """A model in HDF5. The configuration is an attribute that is stored as plain text."""

    name = "keras-hdf5"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        return CERTAIN if target.head.startswith(_HDF5_MAGIC) else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat. A file without a configuration is not scanned: it may be weights only."""
        classes: set[str] = set()
        lambdas: set[int] = set()
        registered: set[str] = set()
        target.stream.seek(0)
        tail, base = b"", 0
        while chunk := target.stream.read(_CHUNK):
            window = tail + chunk
            lambdas |= {base + found.start() for found in _LAMBDA.finditer(window)}
            classes |= {found.group(1).decode("ascii", "replace") for found in _CLASS.finditer(window)}
            registered |= {found.group(1).decode("utf-8", "replace") for found in _REGISTERED.finditer(window)}
            tail = window[-_OVERLAP:]
            base += len(window) - len(tail)
        findings = Findings(limits=[*_LIMITS, *_LIMITS_H5], facts={"classes": sorted(classes)[:500]})
        findings.issues = [
            _lambda_issue(target.location, f"The class named at byte {at}") for at in sorted(lambdas)[:50]
        ]
        foreign = sorted(name for name in registered if not _is_own(name))[:50]
        findings.issues += [_foreign_issue(target.location, name, "registered_name") for name in foreign]
        if classes:
            findings.scanned.append(target.location)
            findings.speaks_to.add(EMBEDDED_MALWARE)
        else:
            reason = "no model configuration was found in it: weights only, or stored otherwise"
            findings.unsupported.append((target.location, reason))
        return findings


CONFIG = KerasConfig()
ZIP = KerasZip()
HDF5 = KerasHdf5()
