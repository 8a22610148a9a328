from __future__ import annotations

import base64
import binascii
import collections
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from scanning.filescan.base import ScanLimits
from tests.scanning.filescan.build import call_pickle, memo_pickle, rules, scan, stack_global_pickle, torch_file, zip_of

FINDING, NOTHING_FOUND, FAILED = FileScanVerdict.FINDING, FileScanVerdict.NOTHING_FOUND, FileScanVerdict.FAILED


@pytest.mark.parametrize("build", [call_pickle, stack_global_pickle, memo_pickle])
@pytest.mark.parametrize(
    ("module", "name"), [("os", "getcwd"), ("posix", "system"), ("builtins", "eval"), ("webbrowser", "open")]
)
def test_an_import_that_can_run_code_is_critical(tmp_path: Path, build: object, module: str, name: str) -> None:
    report = scan(tmp_path, "m.pkl", build(module, name))  # type: ignore[operator]  # one of the three builders
    assert report.verdict is FINDING
    assert (report.issues[0].rule, report.issues[0].severity) == ("pickle.import", Severity.CRITICAL)
    assert report.issues[0].facts["module"] == module
    assert report.issues[0].atlas_techniques == ("AML.T0018.002",)
    assert report.speaks_to == ("AML.T0018.002",)


def test_a_name_nobody_knows_is_a_finding_too(tmp_path: Path) -> None:
    report = scan(tmp_path, "m.pkl", call_pickle("acme.layers", "Thing"))
    assert [issue.severity for issue in report.issues] == [Severity.MEDIUM]


def test_a_detour_over_an_allowed_module_is_not_allowed(tmp_path: Path) -> None:
    report = scan(tmp_path, "m.pkl", stack_global_pickle("collections", "OrderedDict.__init__.__globals__"))
    assert report.issues[0].severity is Severity.CRITICAL


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_give_nothing(tmp_path: Path, protocol: int) -> None:
    value = {"a": [1, 2.5, None, True, "x", b"y", (1,), {1, 2}, 10**30], "o": collections.OrderedDict(n=np.arange(3))}
    report = scan(tmp_path, "m.pkl", pickle.dumps(value, protocol))
    assert (report.verdict, report.format) == (NOTHING_FOUND, "pickle")
    assert any(".000" in limit for limit in report.limits)


def test_hidden_names_and_calls_are_findings(tmp_path: Path) -> None:
    joined = b"\x80\x04" + b"]" + b"N" + b"\x93" + b")R."
    assert "pickle.hidden_call" in rules(scan(tmp_path, "a.pkl", joined))
    chained = b"\x80\x04" + b"ccollections\nOrderedDict\n)R)R."
    assert "pickle.hidden_call" in rules(scan(tmp_path, "b.pkl", chained))
    assert "pickle.hidden_call" in rules(scan(tmp_path, "c.pkl", b"\x80\x02\x82\x01)R."))


def test_setting_attributes_of_an_import_is_a_finding(tmp_path: Path) -> None:
    assert rules(scan(tmp_path, "m.pkl", b"ccollections\nOrderedDict\n}S'x'\nI1\nsb.")) == {"pickle.altered_import"}


@pytest.mark.parametrize(
    "content", [b"\x80\x04garbage", b"cos", b"", b"\x80\x04\x8c\x05ab", b"\x80\x02}q\x00(", b"\x80\x04h\x07."]
)
def test_a_damaged_pickle_is_failed_and_never_nothing_found(tmp_path: Path, content: bytes) -> None:
    report = scan(tmp_path, "m.pkl", content)
    assert report.verdict is FAILED
    assert report.not_scanned[0][0] == "m.pkl"
    assert report.speaks_to == ()


def test_what_runs_before_the_damage_is_found(tmp_path: Path) -> None:
    report = scan(tmp_path, "m.pkl", call_pickle("os", "getcwd")[:-1] + b"\xff\xff")
    assert report.verdict is FINDING
    assert "not a whole pickle" in report.not_scanned[0][1]


def test_a_second_pickle_behind_the_first_is_followed(tmp_path: Path) -> None:
    assert scan(tmp_path, "m.pkl", pickle.dumps(1) + call_pickle("os", "getcwd")).verdict is FINDING


def test_bytes_behind_the_end_are_not_passed_in_silence(tmp_path: Path) -> None:
    report = scan(tmp_path, "m.pkl", pickle.dumps({"a": 1}) + b"\xff" * 50)
    assert report.verdict is FileScanVerdict.SKIPPED
    assert "50 bytes" in report.not_scanned[0][1]


def test_a_pickle_inside_a_value_is_a_finding_where_it_could_run_code(tmp_path: Path) -> None:
    hidden = stack_global_pickle("os", "getcwd")
    assert rules(scan(tmp_path, "a.pkl", pickle.dumps({"weights": [hidden]}))) == {"pickle.nested"}
    assert scan(tmp_path, "b.pkl", pickle.dumps({"weights": pickle.dumps([1, 2])})).verdict is NOTHING_FOUND


@pytest.mark.parametrize("encode", [base64.b64encode, binascii.hexlify])
def test_a_pickle_that_is_encoded_in_a_text_is_a_finding(tmp_path: Path, encode: Callable[[bytes], bytes]) -> None:
    hidden = encode(pickle.dumps({"inner": stack_global_pickle("os", "getcwd")})).decode()
    assert rules(scan(tmp_path, "a.pkl", pickle.dumps({"weights": hidden}))) == {"pickle.nested"}
    plain = encode(pickle.dumps({"a": 1})).decode()
    assert scan(tmp_path, "b.pkl", pickle.dumps({"weights": plain, "more": "gASV"})).verdict is NOTHING_FOUND


@pytest.mark.parametrize(
    ("module", "name"),
    [
        *(("pkgutil", "resolve_name"), ("builtins", "getattr"), ("operator", "attrgetter"), ("functools", "partial")),
        *(
            ("importlib", "import_module"),
            ("_io", "open"),
            ("torch.hub", "load"),
            ("numpy.testing._private.utils", "runstring"),
        ),
    ],
)
def test_known_ways_around_deny_lists_are_critical(tmp_path: Path, module: str, name: str) -> None:
    report = scan(tmp_path, "m.pkl", call_pickle(module, name))
    assert report.issues[0].severity is Severity.CRITICAL


def test_a_call_whose_result_is_thrown_away_is_seen(tmp_path: Path) -> None:
    content = b"\x80\x04" + b"cos\ngetcwd\n)R0" + b"N."
    assert rules(scan(tmp_path, "m.pkl", content)) == {"pickle.import"}


def test_pickles_without_number_are_skipped(tmp_path: Path) -> None:
    assert scan(tmp_path, "m.pkl", b"\x80\x04N." + b"N." * 20_000).verdict is FileScanVerdict.SKIPPED


def test_too_many_opcodes_are_skipped(tmp_path: Path) -> None:
    report = scan(tmp_path, "m.pkl", pickle.dumps(list(range(5000))), ScanLimits(max_opcodes=100))
    assert report.verdict is FileScanVerdict.SKIPPED


def test_a_length_that_is_only_claimed_allocates_nothing(tmp_path: Path) -> None:
    assert scan(tmp_path, "m.pkl", b"\x80\x04\x8e" + (2**62).to_bytes(8, "little") + b"x").verdict is FAILED


@pytest.mark.parametrize("name", ["m.pt", "pytorch_model.bin", "nameless"])
def test_a_pickle_in_a_torch_file(tmp_path: Path, name: str) -> None:
    report = scan(tmp_path, name, torch_file(call_pickle("os", "getcwd")))
    assert (report.format, report.verdict, report.issues[0].location) == ("torch-zip", FINDING, "m/data.pkl")


def test_a_plain_torch_file(tmp_path: Path) -> None:
    report = scan(tmp_path, "m.pt", torch_file(pickle.dumps({"w": 1})))
    assert (report.verdict, report.scanned) == (NOTHING_FOUND, ("m/data.pkl",))
    assert ("m/data/0", "raw tensor bytes") in report.not_scanned


def test_a_torch_file_whose_members_lie_at_its_root(tmp_path: Path) -> None:
    report = scan(tmp_path, "m.pt", zip_of({"version": b"3", "data.pkl": pickle.dumps({"w": 1}), "data/0": b"\0"}))
    assert (report.format, report.verdict) == ("torch-zip", NOTHING_FOUND)


def test_a_legacy_torch_file_is_five_pickles_and_then_tensors(tmp_path: Path) -> None:
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
    content = magic + pickle.dumps(1001, 2) + pickle.dumps({}, 2) + pickle.dumps({"w": 1}, 2) + pickle.dumps([], 2)
    report = scan(tmp_path, "m.pt", content + b"\xff" * 64)
    assert (report.verdict, report.facts["pickles"]) == (NOTHING_FOUND, 5)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80))
def test_no_bytes_make_the_reader_fall_over(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    report = scan(tmp_path_factory.mktemp("junk"), "m.pkl", b"\x80\x04" + junk)
    assert report.verdict in {FINDING, NOTHING_FOUND, FAILED, FileScanVerdict.SKIPPED}
