"""What the documents on paper that are no packs are drawn from: a certificate of disposal, and a month of remediation."""

from __future__ import annotations

from typing import Any

from compliance.types.figures import Cell, Drawn, Figure, Row
from tests.compliance.packs.example_freeze import sha, uid


def paper_of(kind: str) -> tuple[str, dict[str, Any]]:
    """The template and its context."""
    return (
        ("disposal_certificate.html", _certificate())
        if kind == "certificate"
        else ("remediation_summary.html", _month())
    )


def _certificate() -> dict[str, Any]:
    pieces = [
        {
            "sha256": sha(f"piece {n}"), "evidence": uid(f"piece {n}"), "kind_words": "Log", "size": 4_000 + n,
            "state": "disposed", "state_words": "Disposed of", "bytes_deleted": True, "class": "logs",
            "class_words": "Logs", "terms_version": 1,
            "due_on": "2026-10-01", "purged": {"records": n}, "ledger": {"position": 40 + n, "block": 3},
        }
        for n in range(60)
    ]  # fmt: skip
    certificate = {
        "run": uid("run"), "disposed": 60, "kept": 0,
        "proposed_at": "2026-10-01T08:00:00Z", "approved_at": "2026-10-02T08:00:00Z",
    }  # fmt: skip
    return {
        "certificate": certificate, "certificate_sha256": sha("certificate"), "completed_at": "2026-10-02T09:00:00Z",
        "proposed_by": "Ína Þórsdóttir", "approved_by": "Tomasz Żółkiewski", "note": "As every year.",
        "terms": [{"title": "Logs", "version": 1, "legal_basis": "Three years, by contract."}], "pieces": pieces,
        "organisation": "Nordlys Insurance", "demonstration": True, "software_version": "0.1.0",
    }  # fmt: skip


def _figure(title: str, drawn: Drawn) -> Figure:
    rows = tuple(
        Row(label=name, cells=(Cell(value), Cell(value + 2))) for name, value in (("critical", 2), ("high", 5))
    )
    return Figure(
        key="open", title=title, lead="Findings that stand, by severity.", head="Severity", series=("open", "closed"),
        rows=rows, unit="findings", drawn=drawn, note="Counted when this was made.",
    )  # fmt: skip


def _month() -> dict[str, Any]:
    summary = {
        "month": "2026-10", "month_words": "October 2026", "first": "2026-10-01", "last": "2026-10-31",
        "made_at": "2026-11-02T08:00:00Z", "organisation": "Nordlys Insurance", "demonstration": True,
        "software_version": "0.1.0", "has_costs": False,
        "outlook": {"median": "2026-12-01", "likely": "2027-01-15", "method": "1,000 trials.", "refusal": ""},
        "of_month": [_figure("Closed and opened", Drawn.GROUPED), _figure("By week", Drawn.LINES)],
        "as_made": [_figure("Standing", Drawn.STACKED), _figure("In numbers", Drawn.NOT)],
    }  # fmt: skip
    return {"summary": summary}
