"""Exports of all that is held on one person: a ZIP with JSON, a readable page, and a CSV for each table."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import zipfile
from dataclasses import dataclass
from typing import IO

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from compliance.models import Principal, User
from compliance.selectors.subject_data import Held, Subject, held_on, identity, live_sessions
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.spreadsheets import as_text

MOST_ROWS_WHILE_WAITING = 200_000
_IN_MEMORY = 8 * 1024**2


@dataclass(frozen=True, slots=True)
class Exported:
    """The file, at its beginning, and what it holds."""

    stream: IO[bytes]
    filename: str
    tables: dict[str, int]


def export(*, subject: Subject, actor: User | None, most_rows: int | None = None) -> Exported:
    """All that is held on a person. most_rows: where somebody waits for it. Raises RefusedError where it is more."""
    found = list(held_on(subject))
    counts = {held.name: held.rows.count() for held in found}
    if most_rows is not None and sum(counts.values()) > most_rows:
        raise RefusedError(_("More is held than can be put together while you wait: use `manage.py export_subject`."))
    target = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - handed out open; whoever sends it closes it
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("subject.json", json.dumps(_document(subject, counts), indent=2, ensure_ascii=False))
        archive.writestr("index.html", _page(subject, counts))
        for held in found:
            _write_table(archive, held)
    with transaction.atomic():
        payload = {"tables": len(counts), "rows": sum(counts.values())}
        ledger.record(kind="subject.exported", subject=subject, payload=payload, actor=actor, system=None)
    target.seek(0)
    return Exported(target, f"subject-{str(subject.uuid)[:8]}.zip", counts)


def _write_table(archive: zipfile.ZipFile, held: Held) -> None:
    with archive.open(f"tables/{held.name}.csv", "w") as raw, io.TextIOWrapper(raw, "utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow([field.name for field in held.columns])
        for cells in held.cells():
            writer.writerow([as_text(cell) for cell in cells])


def _document(subject: Subject, counts: dict[str, int]) -> dict[str, object]:
    about = {"kind": "principal named in logs" if isinstance(subject, Principal) else "user of this installation"}
    sessions = {} if isinstance(subject, Principal) else {"live_sessions": live_sessions(subject)}
    return {
        "schema": "assay-subject-export/1",
        "organisation": settings.ORGANISATION,
        "exported_at": timezone.now().isoformat(),
        "subject": {**about, **identity(subject), **sessions},
        "tables": counts,
        "not_in_here": _NOT_IN_HERE,
    }


_NOT_IN_HERE = [
    "Evidence files as they were received: they may name the person in their bytes, which Assay does not search.",
    "Frozen documents and issued packs: they print names of those who answered, approved and acted in job logs.",
    "Sentences that checks wrote about the person, and texts in which other people name them.",
    "Backups, and logs of the servers around Assay.",
]


def _page(subject: Subject, counts: dict[str, int]) -> str:
    rows = format_html_join("", "<tr><th scope='row'>{}</th><td>{}</td></tr>", identity(subject).items())
    tables = format_html_join("", "<li><a href='tables/{}.csv'>{}</a>: {}</li>", ((n, n, c) for n, c in counts.items()))
    rest = format_html_join("", "<li>{}</li>", ((line,) for line in _NOT_IN_HERE))
    return format_html(
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title><h1>{title}</h1><p>{by}, {at}</p>"
        "<h2>{who}</h2><table>{rows}</table><h2>{held}</h2><ul>{tables}</ul><h2>{missing}</h2><ul>{rest}</ul></html>",
        title=_("What is held on one person"), by=settings.ORGANISATION, at=timezone.now().isoformat(timespec="seconds"),
        who=_("The person"), rows=rows, held=_("Tables"), tables=tables, missing=_("What is not in here"), rest=rest,
    )  # fmt: skip
