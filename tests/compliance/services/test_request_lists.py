"""The request list as a spreadsheet: out, edited, in again. What was edited is changed, and what is wrong has a place."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from compliance.models import AuditRequest, Engagement, LedgerEvent, User
from compliance.selectors import request_sheet
from compliance.selectors.request_sheet import HEADS, SheetError, read_sheet, sheet_text, write_sheet
from compliance.services import audit_requests, request_lists
from compliance.services.audit_requests import RequestDraft
from compliance.services.errors import RefusedError
from compliance.services.request_lists import Imported
from compliance.types.request_rows import RequestRow
from tests.compliance.conftest import World
from tests.compliance.routes_world import adopted

HOSTILE = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "@SUM(1)",
    "-2",
    "<r>bold</r>",
    "a\r\nb\rc",
    "_x0041_",
    "שלום 👩🏽‍💻",
    "x" * 300,
]
Edit = Callable[[Any], None]


@pytest.fixture
def engagement(world: World, officer: User) -> Engagement:
    adopted(world.assessment.system, officer)
    return Engagement.objects.get()


def asked(engagement: Engagement, actor: User, **said: Any) -> AuditRequest:
    draft = RequestDraft(**{"title": "List of submitters", "due_on": date(2026, 12, 1), **said})
    return audit_requests.ask(engagement=engagement, draft=draft, actor=actor)


def sent_out(engagement: Engagement, reader: User) -> io.BytesIO:
    file = io.BytesIO()
    write_sheet(request_lists.list_rows(engagement=engagement, reader=reader), file)
    return file


def edited(file: io.BytesIO, edit: Edit) -> io.BytesIO:
    """The file as a spreadsheet saves it after somebody typed in it."""
    book = load_workbook(file)
    edit(book.worksheets[0])
    out = io.BytesIO()
    book.save(out)
    return out


def taken(engagement: Engagement, file: io.BytesIO, actor: User) -> Imported:
    return request_lists.import_list(engagement=engagement, file=file, actor=actor)


def column(head: str) -> int:
    return HEADS.index(head) + 1


def put(row: int, head: str, value: object) -> Edit:
    def edit(sheet: Any) -> None:
        sheet.cell(row=row, column=column(head)).value = value

    return edit


# Round trip ---------------------------------------------------------------------------------------------------------


def test_what_was_edited_is_changed_and_nothing_else(engagement: Engagement, officer: User, contributor: User) -> None:
    for n in range(5):
        asked(engagement, officer, title=f"Request {n}", owner=contributor)
    before = list(AuditRequest.objects.values())
    file = edited(sent_out(engagement, officer), put(4, "title", "Renamed"))
    assert taken(engagement, file, officer) == Imported(asked=0, changed=1, unchanged=4)
    after = list(AuditRequest.objects.values())
    differing = [(old["number"], new["title"]) for old, new in zip(before, after, strict=True) if old != new]
    assert differing == [(3, "Renamed")]
    kinds = LedgerEvent.objects.filter(kind__startswith="audit_request").values_list("kind", flat=True)
    assert [*kinds].count("audit_request.changed") == 1


def test_every_column_comes_back(engagement: Engagement, officer: User, contributor: User) -> None:
    asked(engagement, officer)
    control = engagement.systems.get().controls.get()

    def edit(sheet: Any) -> None:
        for head, value in (("request", "As of June."), ("controls", control.control_id), ("owner", contributor.email)):
            put(2, head, value)(sheet)
        put(2, "due on", date(2027, 1, 31))(sheet)

    taken(engagement, edited(sent_out(engagement, officer), edit), officer)
    request = AuditRequest.objects.get()
    assert (request.text, request.owner, request.due_on) == ("As of June.", contributor, date(2027, 1, 31))
    assert request.controls.get() == control


def test_hostile_text_comes_back_letter_by_letter(engagement: Engagement, officer: User) -> None:
    for text in HOSTILE:
        asked(engagement, officer, title=text, text=text * 2)
    before = list(AuditRequest.objects.values())
    file = edited(sent_out(engagement, officer), lambda sheet: None)
    assert taken(engagement, file, officer) == Imported(asked=0, changed=0, unchanged=len(HOSTILE))
    assert list(AuditRequest.objects.values()) == before
    for row in load_workbook(sent_out(engagement, officer)).worksheets[0].iter_rows(min_row=2):
        assert all(cell.data_type != "f" for cell in row)


def test_rows_without_a_number_are_asked_anew(engagement: Engagement, officer: User) -> None:
    asked(engagement, officer)

    def edit(sheet: Any) -> None:
        put(3, "title", "Change windows")(sheet)
        put(5, "title", "Access reviews")(sheet)

    done = taken(engagement, edited(sent_out(engagement, officer), edit), officer)
    assert done == Imported(asked=2, changed=0, unchanged=1)
    titles = AuditRequest.objects.order_by("number").values_list("number", "title")
    assert list(titles)[1:] == [(2, "Change windows"), (3, "Access reviews")]


def test_a_row_that_was_taken_out_stays(engagement: Engagement, officer: User) -> None:
    for n in range(3):
        asked(engagement, officer, title=f"Request {n}")
    taken(engagement, edited(sent_out(engagement, officer), lambda sheet: sheet.delete_rows(3)), officer)
    assert AuditRequest.objects.count() == 3


def test_what_others_changed_meanwhile_stays(engagement: Engagement, officer: User) -> None:
    first, second = asked(engagement, officer, title="First"), asked(engagement, officer, title="Second")
    file = edited(sent_out(engagement, officer), put(2, "title", "First, renamed"))
    draft = RequestDraft(title="Second, renamed", due_on=second.due_on)
    audit_requests.change(request=second, draft=draft, actor=officer)
    assert taken(engagement, file, officer) == Imported(asked=0, changed=1, unchanged=1)
    assert {*AuditRequest.objects.values_list("title", flat=True)} == {"First, renamed", "Second, renamed"}
    again = edited(sent_out(engagement, officer), put(2, "title", "Once more"))
    first.refresh_from_db()
    audit_requests.change(request=first, draft=RequestDraft(title="Other", due_on=first.due_on), actor=officer)
    with pytest.raises(RefusedError, match="Row 2: request 1 was changed meanwhile"):
        taken(engagement, again, officer)


def test_an_auditor_edits_their_list_but_no_owner(engagement: Engagement, auditor: User, contributor: User) -> None:
    request = asked(engagement, auditor)
    AuditRequest.objects.update(owner=contributor)
    file = sent_out(engagement, auditor)
    assert load_workbook(file).worksheets[0].cell(row=2, column=column("owner")).value == contributor.name
    taken(engagement, edited(file, put(2, "title", "Renamed")), auditor)
    request.refresh_from_db()
    assert (request.title, request.owner) == ("Renamed", contributor)
    with pytest.raises(RefusedError, match="Row 2: the organisation says who owns"):
        taken(engagement, edited(sent_out(engagement, auditor), put(2, "owner", "Somebody else")), auditor)


# What is refused, with its place --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "value", "message"),
    [
        ("title", "=1+1", "Row 3, column “title”: a formula"),
        ("title", None, "Row 3: Give the request a title"),
        ("number", "7", "Row 3: this engagement has no request 7"),
        ("number", "one", "Row 3, column “number”: “one” is no number"),
        ("number", -1, "Row 3, column “number”"),
        ("number", 1, "Row 3, column “number”: 1 stands in row 2 as well"),
        ("due on", "tomorrow", "Row 3, column “due on”: “tomorrow” is no day"),
        ("owner", "nobody@example.org", "Row 3: “nobody@example.org” is no e-mail address"),
        ("controls", "C-99", "Row 3: “C-99” is no control"),
        ("state", "Accepted", "Row 3: the state of a request is changed on its page"),
        ("as exported", None, "Row 3: the last column is empty"),
        ("title", "x" * 301, "Row 3: The title is longer"),
        ("request", "x" * 20_001, "Row 3, column “request”: the text is longer"),
    ],
)
def test_a_wrong_cell_is_refused_with_its_place_and_nothing_is_taken(
    engagement: Engagement, officer: User, head: str, value: object, message: str
) -> None:
    for n in range(2):
        asked(engagement, officer, title=f"Request {n}")

    def edit(sheet: Any) -> None:
        put(2, "title", "Renamed")(sheet)
        put(3, head, value)(sheet)

    with pytest.raises(RefusedError) as refused:
        taken(engagement, edited(sent_out(engagement, officer), edit), officer)
    assert message in str(refused.value)
    assert {*AuditRequest.objects.values_list("title", flat=True)} == {"Request 0", "Request 1"}


def sheet_of(heads: list[str]) -> io.BytesIO:
    book, file = Workbook(), io.BytesIO()
    book.active.append(heads)
    book.save(file)
    return file


@pytest.mark.parametrize(
    "heads", [[], ["number"], [*HEADS, "colour"], [*HEADS[:-1]], [*HEADS, "title"], ["a"] * len(HEADS)]
)
def test_wrong_columns_are_refused(heads: list[str]) -> None:
    with pytest.raises(SheetError, match="Row 1: the columns"):
        read_sheet(sheet_of(heads))


def test_columns_in_another_order_are_read() -> None:
    assert read_sheet(sheet_of([*reversed(HEADS)])) == []


def archive(parts: dict[str, bytes]) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return file


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (io.BytesIO(b""), "no XLSX file"),
        (io.BytesIO(b"number,title\n1,List"), "no XLSX file"),
        (io.BytesIO(b"PK\x03\x04broken"), "no XLSX file"),
        (archive({"hello.txt": b"hello"}), "no spreadsheet that can be read"),
        (archive({f"part{n}": b"" for n in range(201)}), "unpacks to more"),
        (archive({"bomb": bytes(101 * 1024**2)}), "unpacks to more"),
        (archive({"xl/workbook.xml": b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'}), "more than a spreadsheet"),
        (io.BytesIO(bytes(11 * 1024**2)), "larger than 10 MB"),
    ],
)
def test_what_is_no_spreadsheet_or_a_bomb_is_refused(file: io.BytesIO, message: str) -> None:
    with pytest.raises(SheetError, match=message):
        read_sheet(file)


def test_more_rows_than_a_list_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_sheet, "MOST_ROWS", 3)
    file = io.BytesIO()
    row = RequestRow(number=None, title="A", text="", controls="", owner="", due_on=None, state="")
    write_sheet([row] * 4, file)
    with pytest.raises(SheetError, match="more than 3 rows"):
        read_sheet(file)


def test_text_is_compared_as_a_spreadsheet_gives_it_back() -> None:
    assert sheet_text(" a\r\nb\rc\ufffe ") == "a\nb\nc\ufffd"
