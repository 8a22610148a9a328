"""What a pickle may import and call without being a finding, and how grave everything else is.

The allow list holds only names that rebuild numbers and plain containers. Whatever is not on it is a finding: a deny list
alone is evaded by the next module that can run code.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.base import EMBEDDED_MALWARE, Findings, ScanLimits, TooMuchError
from scanning.filescan.opcodes import TORCH_LEGACY_MAGIC, read_pickle
from scanning.filescan.pickle_machine import PickleReading
from scanning.filescan.pickle_values import Import

LIMITS = (
    "A pickle is judged by what it imports and calls; the code behind an allowed name is taken as its library ships it.",
    "Static reading of a pickle says nothing of poisoned weights or of a changed architecture.",
)
_NESTED_OPCODES = 100_000
_NESTED_DEPTH = 4
_MOST_PICKLES = 10_000
_STORAGE_WORDS = (
    "Double Float Half BFloat16 Long Int Short Char Byte Bool ComplexFloat ComplexDouble QInt8 QUInt8 QInt32"
)
_STORAGES = _STORAGE_WORDS.split()
_BUILTIN_WORDS = "set frozenset bytearray bytes complex list dict tuple int float bool str slice range"
_REBUILD_WORDS = """
tensor tensor_v2 tensor_v3 parameter sparse_tensor sparse_csr_tensor qtensor nested_tensor meta_tensor_no_storage
"""
_TORCH_WORDS = """
Size device Tensor per_tensor_affine per_channel_affine strided float64 float32 float16 bfloat16 complex64 complex128
float8_e4m3fn float8_e5m2 int64 int32 int16 int8 uint8 uint16 uint32 uint64 bool qint8 quint8 qint32
"""
_TORCH_SCRIPT_WORDS = (
    "build_intlist build_doublelist build_boollist build_tensorlist build_tensor_from_id restore_type_tag"
)
_NUMPY_CORES = ("numpy.core", "numpy._core")
ALLOWED = frozenset(
    {
        *(("collections", name) for name in ("OrderedDict", "deque", "Counter", "defaultdict")),
        *((module, name) for module in ("builtins", "__builtin__") for name in _BUILTIN_WORDS.split()),
        *(("datetime", name) for name in ("datetime", "date", "time", "timedelta", "timezone")),
        *(("torch._utils", f"_rebuild_{name}") for name in _REBUILD_WORDS.split()),
        *(("torch", f"{kind}Storage") for kind in _STORAGES),
        *(("torch", f"{kind}Tensor") for kind in _STORAGES),
        *(("torch", name) for name in _TORCH_WORDS.split()),
        *(("torch.jit._pickle", name) for name in _TORCH_SCRIPT_WORDS.split()),
        *(("torch.storage", name) for name in ("UntypedStorage", "TypedStorage")),
        ("torch.nn.parameter", "Parameter"),
        ("torch.serialization", "_get_layout"),
        *((f"{core}.multiarray", name) for core in _NUMPY_CORES for name in ("_reconstruct", "scalar")),
        *((f"{core}.numeric", "_frombuffer") for core in _NUMPY_CORES),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("joblib.numpy_pickle", "NumpyArrayWrapper"),
        ("_codecs", "encode"),
    }
)
_RUNS_CODE_WORDS = """
os posix nt subprocess sys socket shutil pty commands popen2 runpy importlib imp pkgutil webbrowser ctypes _ctypes
cffi code codeop bdb pdb profile cProfile timeit trace doctest pip venv ensurepip pydoc multiprocessing threading
_thread asyncio concurrent signal types functools operator _operator inspect marshal pickle _pickle cPickle dill
cloudpickle shelve copyreg urllib http requests httpx aiohttp ftplib smtplib telnetlib ssl tempfile pathlib io _io
zipimport site builtins __builtin__ platform distutils setuptools unittest pytest linecache tokenize idlelib lib2to3
numpy.testing numpy.f2py
"""
_RUNS_CODE = frozenset(_RUNS_CODE_WORDS.split())
_RUNS_CODE_NAMES = frozenset(
    {
        ("torch", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("torch.hub", "load"),
        ("torch.serialization", "load"),
        ("torch.jit", "load"),
        ("numpy", "load"),
        ("joblib", "load"),
        ("tensorflow", "py_function"),
    }
)


def severity_of(found: Import) -> Severity:
    """How grave an import beyond the allow list is: critical where the module can run commands or code."""
    parts = found.module.split(".")
    prefixes = {".".join(parts[: count + 1]) for count in range(len(parts))}
    runs = prefixes & _RUNS_CODE or (found.module, found.name) in _RUNS_CODE_NAMES or "__" in found.name
    return Severity.CRITICAL if runs else Severity.MEDIUM


def _import_issue(found: Import, at: int, location: str) -> FileIssue:
    severity = severity_of(found)
    runs = (
        "which can run commands or code"
        if severity is Severity.CRITICAL
        else "whose code then runs on the loading machine"
    )
    return FileIssue(
        rule="pickle.import",
        title=f"Loading imports {found.dotted[:200]}",
        description=(
            f"The pickle imports {found.dotted[:200]}, {runs}. It is not among the names that only rebuild tensors, arrays and "
            "plain containers. Use safetensors, or have the supplier show why the name is needed."
        ),
        severity=severity,
        location=location,
        atlas_techniques=(EMBEDDED_MALWARE,),
        facts={"module": found.module[:500], "name": found.name[:500], "byte": at},
    )


def _issue(rule: str, title: str, description: str, location: str, at: int) -> FileIssue:
    return FileIssue(
        rule=rule,
        title=title,
        description=description,
        severity=Severity.HIGH,
        location=location,
        atlas_techniques=(EMBEDDED_MALWARE,),
        facts={"byte": at},
    )


def issues_of(reading: PickleReading, location: str) -> list[FileIssue]:
    """Everything in one pickle that goes beyond rebuilding numbers and plain containers."""
    issues = [
        _import_issue(found, at, location)
        for found, at in reading.imports.items()
        if (found.module, found.name) not in ALLOWED
    ]
    for at, what in reading.hidden[:20]:
        description = f"At byte {at} the pickle makes {what}; such hiding serves no purpose in a file of weights."
        issues.append(
            _issue("pickle.hidden_call", "The pickle hides what it imports or calls", description, location, at)
        )
    for at, found in reading.altered[:20]:
        description = (
            f"At byte {at} the pickle sets attributes of {found.dotted[:200]}, for the whole process that loads it."
        )
        issues.append(
            _issue("pickle.altered_import", f"Loading alters {found.dotted[:200]}", description, location, at)
        )
    for at, content in reading.nested:
        imported = _nested_imports(content, _NESTED_DEPTH)
        if imported:
            names = ", ".join(found.dotted[:80] for found in imported[:5])
            description = (
                f"A value at byte {at} is a pickle, bare or encoded, that imports {names}; it waits to be loaded."
            )
            issues.append(
                _issue("pickle.nested", "A pickle is hidden in the values of the pickle", description, location, at)
            )
    return issues


def _nested_imports(content: bytes, depth: int) -> list[Import]:
    """Names beyond the allow list that a pickle inside a value imports, or one inside that one."""
    try:
        inner = read_pickle(io.BytesIO(content), len(content), _NESTED_OPCODES)
    except TooMuchError:
        return []
    found = [name for name in inner.imports if (name.module, name.name) not in ALLOWED]
    for _, deeper in inner.nested if depth else ():
        found += _nested_imports(deeper, depth - 1)
    return found


def scan_pickles(stream: BinaryIO, size: int, location: str, limits: ScanLimits) -> Findings:
    """Every pickle from the stream's position on, one behind another. Raises TooMuchError beyond the opcode limit.

    A loader reads one pickle, some read several, so all are followed. PyTorch's format before 1.6 is five pickles and then
    raw tensor bytes.
    """
    findings = Findings(speaks_to={EMBEDDED_MALWARE}, limits=list(LIMITS))
    readings: list[PickleReading] = []
    end = stream.tell()
    left = limits.max_opcodes
    while end < size:
        if readings and (is_torch_legacy(readings) and len(readings) == 5):
            findings.ignored.append((location, f"{size - end} raw tensor bytes after the pickles"))
            break
        if len(readings) >= _MOST_PICKLES:
            raise TooMuchError(f"more than {_MOST_PICKLES} pickles stand behind one another")
        reading = read_pickle(stream, size, left)
        findings.issues += issues_of(reading, location)
        if reading.error and readings and not reading.imports:
            findings.skipped.append(
                (location, f"{size - end} bytes after the pickle's end are no pickle and were not looked at")
            )
            break
        readings.append(reading)
        left -= reading.opcodes
        if reading.error:
            findings.failed.append((location, reading.error))
            break
        end = stream.tell()
    if readings and not findings.failed:
        findings.scanned.append(location)
    findings.facts = {
        "pickles": len(readings),
        "opcodes": sum(reading.opcodes for reading in readings),
        "imports": sorted({found.dotted[:200] for reading in readings for found in reading.imports})[:500],
        "arrays": sum(reading.arrays for reading in readings),
        "persistent_ids": sum(reading.persistent_ids for reading in readings),
    }
    return findings


def is_torch_legacy(readings: list[PickleReading]) -> bool:
    """Whether the first pickle is the magic number of PyTorch's format before 1.6."""
    return readings[0].first_integer == TORCH_LEGACY_MAGIC
