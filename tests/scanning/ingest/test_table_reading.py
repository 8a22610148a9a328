from __future__ import annotations

import io
import time
import zlib

import pytest

from compliance.types.errors import BadInputError
from scanning.ingest.jsonrecords import Framed
from scanning.ingest.limits import BoundedReader, Limits
from scanning.ingest.table_reading import TableRecords, dialect_of


def table(content: bytes, *, max_record: int = 2 << 20) -> TableRecords:
    reader = BoundedReader(io.BytesIO(content), "log.csv", Limits(), lambda _: None)
    return TableRecords(reader, file_name="log.csv", max_record=max_record)


def rows(content: bytes, **options: int) -> list[Framed]:
    return list(table(content, **options))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_splits_the_rows_alike(delimiter: str) -> None:
    text = f"user{delimiter}what\nalice{delimiter}a, b; c\nbob{delimiter}d\n"
    found = table(text.encode())
    assert (found.dialect.delimiter, found.columns) == (delimiter, ("user", "what"))


def test_a_spreadsheet_may_state_the_delimiter() -> None:
    assert [row.locator for row in rows(b"sep=;\na;b\n1;2\n")] == ["line 3"]


def test_a_value_may_hold_line_ends_quotes_and_delimiters() -> None:
    (first, second) = rows(b'a,b\n1,"x\ny ""z"", w"\n2,3\n')
    assert first == Framed("line 2", {"a": "1", "b": 'x\ny "z", w'})
    assert second.locator == "line 4"


def test_windows_line_ends_blank_lines_and_a_byte_order_mark() -> None:
    found = rows(b"\xef\xbb\xbfa,b\r\n\r\n1,2\r\n\r\n")
    assert found == [Framed("line 3", {"a": "1", "b": "2"})]


def test_cells_are_text_whatever_they_look_like() -> None:
    assert rows(b"a,b\n=cmd|' /C calc'!A0,0012\n")[0].value == {"a": "=cmd|' /C calc'!A0", "b": "0012"}


def test_a_quote_that_is_never_closed_loses_its_own_row_alone() -> None:
    found = rows(b'a,b\n1,"x\n2,y\n3,z\n')
    assert [row.problem for row in found] == ["the row has a quote that is never closed", "", ""]
    assert [row.locator for row in found] == ["line 2", "line 3", "line 4"]


def test_rows_of_another_width_are_named() -> None:
    found = rows(b"a,b\n1\n2,3,4\n5,6\n")
    assert "1 values where the header names 2 columns" in found[0].problem
    assert "3 values" in found[1].problem
    assert found[2].value == {"a": "5", "b": "6"}


def test_a_row_beyond_the_bound_is_rejected_and_the_next_is_read() -> None:
    found = rows(b"a,b\n" + b"x" * 50_000 + b",1\n2,3\n", max_record=10_000)
    assert [bool(row.problem) for row in found] == [True, False]
    assert "longer than 10000 bytes" in found[0].problem


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"  \n \n", "is empty"),
        (b"just a sentence\n", "is no table"),
        (b"a,b,a\n1,2,3\n", "two columns named 'a'"),
        (b",".join(b"c%d" % n for n in range(600)) + b"\n", "more than 500 columns"),
    ],
)
def test_a_table_without_a_usable_header_says_so(content: bytes, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        rows(content)


def test_utf_16_is_refused_with_the_way_out() -> None:
    with pytest.raises(BadInputError, match="UTF-16 text; save it as UTF-8"):
        rows("a,b\n1,2\n".encode("utf-16"))


def test_a_nameless_column_is_named_by_its_place() -> None:
    assert table(b",user\n0,alice\n").columns == ("column 1", "user")


def test_a_header_alone_is_a_table_without_rows() -> None:
    assert rows(b"user,what\n") == []


def test_gzip_in_small_pieces_shows_the_same_dialect() -> None:
    text = b"user;what\n" + b"alice;run\n" * 20_000
    packer = zlib.compressobj(wbits=31)
    packed = b"".join(packer.compress(text[at : at + 500]) for at in range(0, len(text), 500)) + packer.flush()
    assert len(rows(packed)) == len(rows(text)) == 20_000


@pytest.mark.parametrize(
    "text", ["hello", "a,b", "one line, and\nanother, line, of prose", "", '{"a": 1, "b": 2}\n{"a": 1}']
)
def test_what_is_no_table_is_not_taken_for_one(text: str) -> None:
    assert dialect_of(text) is None


def test_quotes_that_open_again_and_again_end_in_a_sentence_and_soon() -> None:
    began = time.monotonic()
    with pytest.raises(BadInputError, match=r"too many quotes that are never closed, the last at line \d+"):
        rows(b"a,b\n" + b'x","\n' * 400_000)
    assert time.monotonic() - began < 5
