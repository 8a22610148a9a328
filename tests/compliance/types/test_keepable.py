from __future__ import annotations

import json

import pytest

from compliance.types.canonical import canonical_json
from compliance.types.keepable import keepable


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("os\x00.system", "os\\u0000.system"),
        ("half \ud800 of one", "half \\ud800 of one"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\x1b[31m", "\\u001b[31m"),
        ("naïve 模型 שלום\n\tline", "naïve 模型 שלום\n\tline"),
        (2**53, "9007199254740992"),
        (2**53 - 1, 2**53 - 1),
        ([{"a\x00": ["\x00"]}], [{"a\\u0000": ["\\u0000"]}]),
        (None, None),
        (0.5, 0.5),
        (True, True),
    ],
)
def test_what_no_record_keeps_is_written_out(given: object, kept: object) -> None:
    assert keepable({"value": given}) == {"value": kept}
    assert json.loads(canonical_json(keepable({"value": given}))) == {"value": kept}


def test_two_names_that_become_the_same_stay_two() -> None:
    assert keepable({"a\\u0000": 1, "a\x00": 2}) == {"a\\u0000": 1, "a\\u0000_": 2}
