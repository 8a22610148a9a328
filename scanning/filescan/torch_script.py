"""Program text inside TorchScript archives (`code/….py`): written in Python's syntax, compiled by PyTorch and not by Python.

Form: PyTorch, torch/csrc/jit/docs/serialization.md. The text is searched, never compiled. TorchScript knows tensors and plain
values only; what it can reach beyond them are files, operators of other libraries, and choices by values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.base import CERTAIN, CHANGED_ARCHITECTURE, EMBEDDED_MALWARE, NO, Findings, ScanError, Target

_PLACE = re.compile(r"(?:[^/]+/)?code/.+\.py")
_TEXTS = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'")
_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+([\w.]+)", re.MULTILINE)
_OWN_IMPORTS = ("__torch__", "torch", "typing", "__future__")
_PYTHON = re.compile(
    r"(?<![\w.])(exec|eval|compile|__import__|setattr|open|globals|locals|vars|input|breakpoint)[ \t]*\("
)
_MODULES = re.compile(
    r"(?<![\w.])(os|sys|subprocess|socket|shutil|ctypes|pickle|importlib|builtins|urllib|requests)\.\w+"
)
_FILES = re.compile(r"(?<![\w.])(?:torch|ops\.aten|aten)\.(from_file|save|load|jit\.load|jit\.save|hub\.\w+)[ \t]*\(")
_OPERATORS = re.compile(r"(?<![\w.])ops\.(\w+)\.(\w+)")
_KNOWN_OPERATORS = frozenset(
    {"prim", "aten", "quantized", "quantized_decomposed", "torchvision", "torchaudio", "prepacked", "mkldnn"}
)
_CLASSES = re.compile(r"__torch__\.torch\.classes\.(\w+)\.(\w+)")
_KNOWN_CLASSES = frozenset({"quantized", "xnnpack", "sparse", "rnn", "mkldnn"})
_TRUTH = re.compile(r"(?<![\w.])bool\(")
_MOST = 20
_LIMITS = (
    "TorchScript text is searched for words that reach beyond tensors; what allowed operators compute is not followed.",
    "A choice by values that is written as arithmetic or as torch.where is not seen.",
)


def _issue(rule: str, title: str, description: str, severity: Severity, location: str, technique: str) -> FileIssue:
    return FileIssue(
        rule=rule,
        title=title,
        description=description,
        severity=severity,
        location=location,
        atlas_techniques=(technique,),
    )


def _python_issues(text: str, location: str) -> Iterator[FileIssue]:
    words = {found.group(1) for pattern in (_PYTHON, _MODULES) for found in pattern.finditer(text)}
    words |= {found.group(1) for found in _IMPORT.finditer(text) if found.group(1).split(".")[0] not in _OWN_IMPORTS}
    for word in sorted(words)[:_MOST]:
        yield _issue(
            "torchscript.python",
            f"The program text uses {word[:80]}",
            "TorchScript has no such function or module, so a file that PyTorch wrote has none; it was put there "
            "for another reader. Ask the supplier for a file exported afresh.",
            Severity.HIGH,
            location,
            EMBEDDED_MALWARE,
        )


def _reaching_issues(text: str, location: str) -> Iterator[FileIssue]:
    for word in sorted({found.group(1) for found in _FILES.finditer(text)})[:_MOST]:
        yield _issue(
            "torchscript.file_access",
            f"The program reads or writes files (torch.{word[:60]})",
            "It runs whenever the model predicts, with the rights of that program; no prediction needs files. Do not load it.",
            Severity.CRITICAL,
            location,
            EMBEDDED_MALWARE,
        )
    foreign = {found.groups() for found in _OPERATORS.finditer(text) if found.group(1) not in _KNOWN_OPERATORS}
    foreign |= {found.groups() for found in _CLASSES.finditer(text) if found.group(1) not in _KNOWN_CLASSES}
    for library, name in sorted(foreign)[:_MOST]:
        yield _issue(
            "torchscript.custom_operator",
            f"The program needs {library[:60]}.{name[:60]}",
            "It is not part of PyTorch, so running the model loads native code from elsewhere. Review that code.",
            Severity.MEDIUM,
            location,
            EMBEDDED_MALWARE,
        )


def text_issues(text: str, location: str) -> list[FileIssue]:
    """What one program text gives reason to look at. Quoted texts are left out first."""
    bare = _TEXTS.sub('""', text)
    issues = [*_python_issues(bare, location), *_reaching_issues(bare, location)]
    choices = len(_TRUTH.findall(bare))
    if choices and re.search(r"^[ \t]*(?:if|while)\b|\bif\b", bare, re.MULTILINE):
        issues.append(
            _issue(
                "torchscript.choice_by_values",
                "The program chooses its way by values of tensors",
                f"It asks {choices} times whether a tensor is true. Ordinary classifiers rarely do; a backdoor "
                "in the program needs exactly this. Have the supplier explain it, or compare it with an export of your own.",
                Severity.MEDIUM,
                location,
                CHANGED_ARCHITECTURE,
            )
        )
    return issues


class TorchScriptText:
    """One file of program text."""

    name = "torchscript-text"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat. The place within an archive says what the text is for."""
        is_member = target.depth > 0 and _PLACE.fullmatch(target.name) is not None
        return CERTAIN if is_member and b"\0" not in target.head else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        try:
            text = target.read_all(target.limits.max_text).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ScanError(f"it is no UTF-8 text: {error}") from error
        findings = Findings(scanned=[target.location], limits=list(_LIMITS))
        findings.speaks_to |= {EMBEDDED_MALWARE, CHANGED_ARCHITECTURE}
        findings.issues = text_issues(text, target.location)
        return findings


FORMAT = TorchScriptText()
