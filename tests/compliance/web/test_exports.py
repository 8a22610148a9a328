"""Lists as files: nothing in them runs in a spreadsheet, values keep their type, and an XLSX says what it holds."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, cast

import pytest
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from compliance import __version__
from compliance.selectors import table_files
from compliance.selectors.table_files import About, Column, Kind, Table, cell, csv_lines, download, table_of, write_xlsx

ASKED_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FORMULAS = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " =", "\u00a0@"]


def table(*rows: Sequence[object], heads: Sequence[object] = ("name", "note")) -> Table:
    return Table(name="rows", title="Rows of the test", heads=heads, rows=iter(rows))


def written(of: Table, *filters: tuple[str, str]) -> bytes:
    file = io.BytesIO()
    write_xlsx(of, About(filters=filters, asked_by="Ann Author", asked_at=ASKED_AT), file)
    return file.getvalue()


def book(content: bytes) -> Any:
    return load_workbook(io.BytesIO(content))


def first(value: object) -> Any:
    """The cell that holds the value in an XLSX."""
    return book(written(table((value, "")))).worksheets[0]["A2"]


def about(content: bytes) -> dict[str, object]:
    return {str(name): value for name, value in book(content)["About"].iter_rows(values_only=True)}


# CSV -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", FORMULAS)
def test_text_that_starts_a_formula_is_made_text(start: str) -> None:
    assert cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (-3, "-3"),
        (True, "yes"),
        (Decimal("-0.5"), "-0.5"),
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2, 9, 30, tzinfo=UTC), "2026-03-02T09:30:00Z"),
        (datetime(2026, 3, 2, 9, 30, tzinfo=timezone(timedelta(hours=2))), "2026-03-02T07:30:00Z"),
        ("a, “b”", "a, “b”"),
    ],
)
def test_values_keep_their_form(value: object, text: str) -> None:
    assert cell(value) == text


def test_a_record_whose_text_is_a_formula_is_marked_whatever_gives_the_text() -> None:
    class Named:
        def __str__(self) -> str:
            return "=HYPERLINK(1)"

    assert cell(Named()) == "'=HYPERLINK(1)"


def test_rows_are_streamed_and_quoted() -> None:
    answer: Any = download(
        Kind.CSV, table(("a", 'says "no", twice')), About(filters=(), asked_by="Ann", asked_at=ASKED_AT)
    )
    assert answer.streaming
    body = answer.getvalue().decode("utf-8-sig")
    assert body == 'name,note\r\na,"says ""no"", twice"\r\n'
    assert answer["Content-Disposition"] == 'attachment; filename="rows.csv"'


def test_a_line_is_handed_out_before_the_next_row_is_read() -> None:
    read = []

    def rows() -> Iterable[Sequence[object]]:
        for n in range(3):
            read.append(n)
            yield (n, "")

    lines = csv_lines(Table(name="rows", title="Rows", heads=("n", "note"), rows=rows()))
    assert (next(lines), next(lines), read) == ("\ufeffn,note\r\n", "0,\r\n", [0])


# XLSX ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", FORMULAS)
def test_text_is_typed_as_text_and_kept_as_it_is(start: str) -> None:
    found = first(f"{start}1+1")
    assert found.data_type in {"s", "inlineStr"}
    assert found.value == f"{start}1+1".replace("\r", "\n")


def test_no_cell_of_any_sheet_holds_a_formula_or_a_link() -> None:
    hostile = [('=HYPERLINK("http://example.org","x")', "http://example.org"), ("{=1+1}", "=cmd|' /C calc'!A0")]
    with zipfile.ZipFile(io.BytesIO(written(table(*hostile), ("=1+1", "@SUM(1)")))) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    sheets = [text for name, text in parts.items() if name.startswith("xl/worksheets/")]
    assert len(sheets) == 2
    assert not any("<f>" in text or "<hyperlink" in text for text in sheets)


@pytest.mark.parametrize(
    "text", ["<r></r>", "<r><t>x</t></r>", '<r></is></c><c r="C2"><f>1+1</f></c><c t="inlineStr"><is></r>', "<b>&amp;"]
)
def test_text_that_looks_like_the_librarys_own_markup_stays_text(text: str) -> None:
    content = written(table((text, "after")))
    sheet = book(content).worksheets[0]
    assert list(sheet.iter_rows(min_row=2, values_only=True)) == [(text, "after")]


@pytest.mark.parametrize(
    "text",
    [
        "שלום \u202eevil\u202c",
        "👩🏽‍💻 ok",
        "line\nline",
        "tab\tin",
        "  kept  ",
        "a\x00b\x1fc",
        "_x0041_",
        "]]>",
        "\u2028",
    ],
)
def test_rare_characters_survive(text: str) -> None:
    assert unescape(first(text).value) == text


def test_what_xml_cannot_hold_is_replaced_and_the_file_opens() -> None:
    assert first("a\ufffeb\uffffc\ud800d").value == "a\ufffdb\ufffdc\ufffdd"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (-3, -3),
        (Decimal("0.25"), 0.25),
        (True, "yes"),
        (2**60, str(2**60)),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_numbers_are_numbers_where_a_spreadsheet_keeps_them(value: object, kept: object) -> None:
    assert first(value).value == kept


def test_dates_are_dates_and_times_state_their_zone() -> None:
    at = first(datetime(2026, 3, 2, 9, 30, 15, 999, tzinfo=timezone(timedelta(hours=2))))
    assert (at.value, at.is_date) == (datetime(2026, 3, 2, 7, 30, 15), True)  # noqa: DTZ001  # spreadsheets know no zones
    assert at.number_format.endswith('" UTC"')
    day = first(date(2026, 3, 2))
    assert (day.value.date(), day.number_format) == (date(2026, 3, 2), "yyyy-mm-dd")
    assert first(date(1850, 1, 1)).value == "1850-01-01"


def test_text_longer_than_a_cell_is_cut_and_says_so() -> None:
    content = written(table(("x" * 1_000_000, "short")))
    kept = str(book(content).worksheets[0]["A2"].value)
    assert len(kept) <= table_files.LONGEST_TEXT
    assert kept.endswith("… [cut here: 1000000 characters; the CSV has them all]")
    assert about(content)["Cut texts"] == "1 cell holds less than its text, and says so at its end."
    assert "x" * 1_000_000 in "".join(csv_lines(table(("x" * 1_000_000, "short"))))


def test_the_head_is_frozen_and_the_rows_can_be_filtered() -> None:
    sheet = book(written(table(("a", "b"), ("c", "d")))).worksheets[0]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:B3")
    assert [entry.font.b for entry in sheet[1]] == [True, True]


def test_the_last_sheet_says_what_the_file_is() -> None:
    said = about(written(table(("a", "b"), ("c", "d")), ("State", "open"), ("order", "-due")))
    assert said == {
        "List": "Rows of the test",
        "Filter: State": "open",
        "Filter: order": "-due",
        "Rows": 2,
        "Asked for by": "Ann Author",
        "Asked for at": datetime(2026, 3, 2, 9, 30),  # noqa: DTZ001  # spreadsheets know no zones
        "Time zone": "All times are in UTC.",
        "Whose rows": "Only what the person who asked may see.",
        "Written by": f"Assay {__version__}",
    }


def test_without_filters_that_is_said_too() -> None:
    content = written(table())
    assert about(content)["Filter"] == "none: every row that the person who asked may see"
    assert [sheet.title for sheet in book(content).worksheets] == ["Rows", "About"]


def test_more_rows_than_a_sheet_holds_go_on_on_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_files, "ROWS_PER_SHEET", 2)
    content = written(table(*((n, "") for n in range(5))))
    sheets = book(content).worksheets
    assert [sheet.title for sheet in sheets] == ["Rows", "Rows 2", "Rows 3", "About"]
    assert [[row[0].value for row in sheet.iter_rows(min_row=2)] for sheet in sheets[:3]] == [[0, 1], [2, 3], [4]]
    assert about(content)["Rows"] == 5


def test_exactly_one_sheet_full_opens_no_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_files, "ROWS_PER_SHEET", 2)
    assert [sheet.title for sheet in book(written(table((1, ""), (2, "")))).worksheets] == ["Rows", "About"]


def test_memory_holds_no_more_for_many_rows() -> None:
    def peak(rows: int) -> int:
        source = Table(name="r", title="R", heads=("n", "text"), rows=((n, f"text {n}") for n in range(rows)))
        with open("/dev/null", "w+b") as nowhere:
            tracemalloc.start()
            write_xlsx(source, About(filters=(), asked_by="", asked_at=ASKED_AT), cast(Any, _Sink(nowhere)))
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return most

    peak(10)  # what is imported and cached at first use
    assert peak(20_000) < peak(2_000) * 1.5 + 500_000


class _Sink(io.RawIOBase):
    """A file that keeps nothing but its length."""

    def __init__(self, under: Any) -> None:
        self.under, self.at = under, 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.at += len(content)
        return len(content)

    def tell(self) -> int:
        return self.at

    def flush(self) -> None:
        self.under.flush()


def test_a_table_of_records_reads_each_by_its_columns() -> None:
    made = table_of("r", "R", [Column("n", int), Column("twice", lambda n: n * 2)], [1, 2])
    assert (list(made.heads), list(made.rows)) == (["n", "twice"], [(1, 2), (2, 4)])
