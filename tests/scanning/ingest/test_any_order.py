"""The same bytes, or overlapping parts of a log, in any order and any number of times: the same things."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.types.drafts import JobEventDraft
from compliance.types.errors import BadInputError
from tests.bench.fuzz_parsers import known_samples
from tests.scanning.ingest.reading import SAMPLES, context_of, expected_of, read

KNOWN = known_samples()
each_sample = pytest.mark.parametrize(
    ("name", "path"), KNOWN, ids=[str(path.relative_to(SAMPLES)) for _, path in KNOWN]
)

UNCLOSED = (
    SAMPLES / "generic_log" / "gateway.csv"
)  # holds a quote that is never closed, so its rows cannot be told apart
LOGS = [pair for pair in KNOWN if "JobEventDraft" in expected_of(pair[1]).read_text() and pair[1] != UNCLOSED]
each_log = pytest.mark.parametrize(("name", "path"), LOGS, ids=[str(path.relative_to(SAMPLES)) for _, path in LOGS])


def fingerprints(name: str, content: bytes, original: bytes) -> set[str]:
    """Of the events in a document; none where nothing of it can be taken."""
    try:
        drafts, _ = read(name, content, context_of(name, original))
    except BadInputError:
        return set()
    return {draft.fingerprint for draft in drafts if isinstance(draft, JobEventDraft)}


def parts_of(content: bytes, are_many: bool) -> tuple[Sequence[Any], Callable[[Sequence[Any]], bytes]]:
    """The records of a log, and how some of them make a log of the same form: a list, a member that is one, lines, rows."""
    try:
        document = json.loads(content)
    except ValueError:
        if content.lstrip().startswith(b"{"):
            return content.splitlines(keepends=True), b"".join
        return rows_of(content.decode("utf-8-sig"))
    if isinstance(document, list):
        return document, lambda some: json.dumps(list(some)).encode()
    lists = {key: value for key, value in document.items() if isinstance(value, list)}
    if not lists or not are_many:
        return [document], lambda some: json.dumps(some[0]).encode()
    longest = max(lists, key=lambda key: len(lists[key]))
    return lists[longest], lambda some: json.dumps({**document, longest: list(some)}).encode()


def rows_of(text: str) -> tuple[Sequence[Any], Callable[[Sequence[Any]], bytes]]:
    """Rows of a table, whose cells may hold line ends."""
    separator = max(",;\t", key=text.partition("\n")[0].count)
    names, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)

    def joined(some: Sequence[Any]) -> bytes:
        made = io.StringIO(newline="")
        csv.writer(made, delimiter=separator).writerows([names, *some])
        return made.getvalue().encode()

    return rows, joined


@each_sample
def test_read_twice_it_is_the_same(name: str, path: Path) -> None:
    content = path.read_bytes()
    assert read(name, content, context_of(name, content)) == read(name, content, context_of(name, content))


@each_log
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_overlapping_parts_in_any_order_are_the_events_of_the_whole(name: str, path: Path, seed: int) -> None:
    content, chance = path.read_bytes(), random.Random(seed)
    whole = fingerprints(name, content, content)
    records, made_of = parts_of(content, len(whole) > 1)
    order = list(range(len(records)))
    chance.shuffle(order)
    cut = chance.randint(0, len(order))
    overlap = chance.randint(0, len(order) - cut)
    parts = [order[: cut + overlap], order[cut:]]
    chance.shuffle(parts)
    found = [fingerprints(name, made_of([records[n] for n in part]), content) for part in parts if part]
    assert set().union(*found) == whole
