from __future__ import annotations

import pytest

from compliance.types.key_labels import label_of_key

pytestmark = pytest.mark.sqlite_only


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("approved_submitters", "Approved submitters"),
        ("sha256", "SHA-256"),
        ("code_sha256", "SHA-256 of the code"),
        ("onednn", "oneDNN"),
        ("cpu_capability", "CPU capability"),
        ("p-value", "P-value"),
        ("Class that stands out", "Class that stands out"),
        ("", ""),
    ],
)
def test_a_key_becomes_a_label(key: str, label: str) -> None:
    assert label_of_key(key) == label
