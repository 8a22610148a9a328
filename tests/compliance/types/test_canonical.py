"""Canonical JSON: the vectors of RFC 8785, and the fast way held to the plain one byte by byte."""

from __future__ import annotations

import json
from collections import OrderedDict
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compliance.types.canonical import NotCanonicalError, _encode, canonical_json, digest_of, sha256_hex


class Colour(StrEnum):
    RED = "red"


class Count(IntEnum):
    THREE = 3


_TEXT = st.text(st.characters(exclude_categories=())) | st.text('a"\\/\n\x00\x7f\u2028\ud800\ue000\ufffd😀', max_size=4)
_SCALARS = (
    st.none() | st.booleans() | _TEXT | st.sampled_from([*Colour, *Count]) | st.integers() | st.floats()
    | st.integers(-(2**54), 2**54) | st.floats(-1e-3, 1e-3) | st.floats(1e14, 1e23)
    | st.builds(float, st.integers(-(2**60), 2**60)) | st.binary(max_size=2) | st.just(object())
)  # fmt: skip
_KEYS = _TEXT | st.sampled_from([*Colour]) | st.integers(0, 3) | st.booleans() | st.none()
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(_TEXT, inner, max_size=4)
        | st.dictionaries(_KEYS, inner, max_size=3)
        | st.dictionaries(_TEXT, inner, max_size=2).map(OrderedDict)
    ),
    max_leaves=12,
)


def _outcome(write: Any, value: Any) -> Any:
    """What writing gives: the bytes, or that it is refused."""
    try:
        return write(value)
    except NotCanonicalError:
        return NotCanonicalError


def _plainly(value: Any) -> bytes:
    """The plain way, that says in Python what RFC 8785 asks."""
    return _encode(value).encode("utf-8")


@settings(max_examples=600, deadline=None)
@given(_VALUES)
@example({"\ue000": 1, "😀": 2})
@example({"a": -0.0, "b": 1e16, "c": 1e-5, "d": 0.1, "e": float("nan"), "f": [2**53]})
@example({"a": [2**53 - 1, -(2**53) + 1, 9999999999999998.0, 1e-4, 123456.789e3]})
@example([{1: "a"}])
@example({"text": "\ud800"})
def test_the_fast_way_writes_what_the_plain_one_does(value: Any) -> None:
    assert _outcome(canonical_json, value) == _outcome(_plainly, value)


@settings(max_examples=200, deadline=None)
@given(_VALUES)
def test_what_is_written_reads_back_and_is_written_alike(value: Any) -> None:
    written = _outcome(canonical_json, value)
    if written is not NotCanonicalError:
        assert _outcome(canonical_json, json.loads(written)) in (written, NotCanonicalError)


@pytest.mark.parametrize(
    ("value", "written"),
    [  # RFC 8785, appendix B, and ECMA-262
        (0.0, "0"), (-0.0, "0"), (5e-324, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740991, "9007199254740991"), (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"), (1e23, "1e+23"), (9398715870870142.0, "9398715870870142"),
        (999999999999999700000.0, "999999999999999700000"),
        (1e21, "1e+21"), (0.000001, "0.000001"), (1e-7, "1e-7"), (333333333.3333332, "333333333.3333332"), (4.50, "4.5"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_ecmascript_writes_them(value: float, written: str) -> None:
    assert canonical_json(value) == written.encode()
    assert canonical_json([value]) == f"[{written}]".encode()


def test_the_example_of_rfc_8785_sorts_by_code_unit() -> None:
    given_ = {"\u20ac": "Euro", "\r": "CR", "\ufb33": "Dalet", "1": "One", "\U0001f600": "Smile", "\x80": "C", "ö": "O"}
    names = list(json.loads(canonical_json(given_)))
    assert names == ["\r", "1", "\x80", "ö", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(
    "value", [{1: "a"}, {None: 1}, [float("nan")], [float("inf")], ["\udc00"], [2**53], [object()], {"a": {True: 1}}]
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonicalError):
        canonical_json(value)


def test_a_digest_is_that_of_the_canonical_bytes() -> None:
    assert digest_of({"b": 1, "a": [True, None]}) == sha256_hex(b'{"a":[true,null],"b":1}')
