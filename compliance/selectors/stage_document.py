"""One detection stage in the words of the freeze document: pages and packs show a stage from this and nothing else.

Works from the StageReport that an observation holds, whatever its kind: what a report has is shown, in the blocks that fit
(statistic, calibration, tables, pictures), and every other fact becomes a figure in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from compliance.choices import label
from compliance.types import freeze_scans as doc
from compliance.types.drafts import JSON
from compliance.types.verdicts import StageVerdict

LEVEL = 0.95
MOST_ROWS = 40
COMBINATION = "combination"
CALIBRATED = "calibrated"
_LONGEST_LIST = 12


def words(value: object) -> str:
    """A JSON value as one short text."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(words, value[:_LONGEST_LIST])) + (" …" if len(value) > _LONGEST_LIST else "")
    if isinstance(value, dict):
        members = list(value.items())
        return "; ".join(f"{key} {words(member)}" for key, member in members[:_LONGEST_LIST])
    return "" if value is None else str(value)


def figures(facts: JSON) -> list[doc.Figure]:
    """Facts as labelled values in words, in the order they were given."""
    return [
        doc.Figure(label=str(key).replace("_", " "), value=words(value))
        for key, value in facts.items()
        if value not in (None, "", [], {})
    ]


def stage(report: JSON, *, title: str = "") -> doc.Stage:
    """One stage from the StageReport that its observation holds. title: for people; made of the detector's name if empty."""
    facts: dict[str, Any] = report["facts"]
    measured, ranked = _statistic(facts.get("statistic")), _calibration(facts)
    first = _first(facts, measured, ranked)
    return doc.Stage(
        detector=report["detector"],
        title=title or _title(report["detector"]),
        version=report["detector_version"],
        verdict=StageVerdict(report["verdict"]),
        statement=report["statement"],
        speaks_to=list(report["speaks_to"]),
        limits=list(report["limits"]),
        parameters=figures({key: value for key, value in report["parameters"].items() if key != "repr"}),
        figures=_stage_figures(facts),
        class_norms=_norms(facts.get("norms")),
        reference_norms=_numbers(facts.get("reference_smallest_norms") or []),
        first_ranked=first,
        p_value=facts.get("p_value") if ranked is None else ranked["p_value"],
        p_resolution=facts.get("p_value_resolution") if ranked is None else ranked["resolution"],
        attack_success=_rate(facts.get("held_out") or {}),
        pictures=[doc.Picture(name=name, alt=_alt(name), png=png) for name, png in sorted(report["images"].items())],
        seconds=float(report["seconds"]),
        statistic=measured,
        calibration=ranked,
        tables=_tables(facts),
    )


def _first(facts: JSON, measured: doc.Statistic | None, ranked: doc.Calibration | None) -> str | None:
    """The class that stands out most: beside the same class of the references, or else within the model."""
    if ranked is not None and ranked["top_class"] is not None:
        return ranked["top_class"]
    return measured["top_class"] if measured else _named(facts.get("first_ranked_class"))


def title_of(observation_title: str) -> str:
    """ "Trigger inversion: inconclusive" -> "Trigger inversion": the title of an observation begins with its stage's."""
    return observation_title.rpartition(": ")[0]


def _title(detector: str) -> str:
    return _("All comparing stages together") if detector == COMBINATION else detector.replace("_", " ").capitalize()


def _alt(name: str) -> str:
    plain = name.replace("_", " ")
    if plain.startswith("trigger"):
        return _("Recovered %s, enlarged") % plain
    return _("%s, enlarged") % (plain[:1].upper() + plain[1:])


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [float(value) for value in values if value is not None]


def _norms(values: Sequence[float | None] | None) -> list[doc.ClassNorm]:
    return [
        doc.ClassNorm(label=str(place), norm=float(norm)) for place, norm in enumerate(values or ()) if norm is not None
    ]


def _rate(held_out: JSON) -> doc.Rate | None:
    """Share of held-out images that the recovered trigger turned, with its Clopper-Pearson interval."""
    if held_out.get("flip_rate") is None or not held_out.get("interval_95"):
        return None
    low, high = held_out["interval_95"]
    return doc.Rate(
        estimate=float(held_out["flip_rate"]), low=float(low), high=float(high), level=LEVEL, n=int(held_out["tried"])
    )


# What a comparing stage measured, and what that is worth ---------------------------------------------------------------


def _statistic(told: JSON | None) -> doc.Statistic | None:
    if not told:
        return None
    scores, spread = list(told.get("scores") or ()), list(told.get("spread") or ())
    spread += [None] * (len(scores) - len(spread))
    confirmation = told.get("confirmation")
    return doc.Statistic(
        words=str(told.get("words", "")),
        score=told.get("score"),
        top_class=_named(told.get("top_class")),
        classes=[
            doc.ClassScore(label=str(place), score=score, spread=spread[place]) for place, score in enumerate(scores)
        ],
        runs=[_run(run) for run in told.get("runs") or ()],
        confirmation=_confirmation(confirmation) if confirmation else None,
    )


def _named(place: int | None) -> str | None:
    return None if place is None else str(place)


def _run(run: JSON) -> doc.SeedRun:
    known = [(score, -place) for place, score in enumerate(run["scores"]) if score is not None]
    score, place = max(known) if known else (None, None)
    return doc.SeedRun(seed=int(run["seed"]), top_class=None if place is None else str(-place), score=score)


def _confirmation(told: JSON) -> doc.Confirmation:
    return doc.Confirmation(
        flipped=int(told["flipped"]), tried=int(told["tried"]), by_chance=int(told.get("by_chance") or 0)
    )


def _calibration(facts: JSON) -> doc.Calibration | None:
    told: JSON | None = facts.get("calibration")
    if not told:
        return None
    bank: JSON = facts.get("reference_bank") or {}
    return doc.Calibration(
        tier=str(told["tier"]),
        p_value=told.get("p_value"),
        resolution=told.get("resolution"),
        top_class=_named(told.get("top_class")),
        score=told.get("score", (facts.get("statistic") or {}).get("score")),
        references=_numbers(told.get("references") or []),
        flagged=bool(told.get("flagged")),
        confirmed=bool(told.get("confirmed")),
        power=[power(row) for row in told.get("power") or ()],
        not_compared=str(told.get("not_compared") or ""),
        bank=str(bank.get("name") or ""),
        bank_sha256=str(bank.get("sha256") or ""),
    )


def power(told: JSON) -> doc.AttackPower:
    """How often one kind of planted backdoor was found, as a calibration tells it."""
    low, high = told["interval_95"]
    rate = doc.Rate(estimate=float(told["rate"]), low=float(low), high=float(high), level=LEVEL, n=int(told["planted"]))
    return doc.AttackPower(
        attack=str(told["attack"]), planted=int(told["planted"]), found=int(told["found"]), rate=rate
    )


# Everything else: tables and figures ------------------------------------------------------------------------------------


_SHOWN_APART = {
    "norms", "reference_smallest_norms", "first_ranked_class", "held_out", "p_value", "p_value_resolution",
    "reference_bank", "references", "steps", "statistic", "calibration",
}  # fmt: skip


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _is_named_rows(value: object) -> bool:
    return isinstance(value, dict) and len(value) > 1 and all(isinstance(row, dict) for row in value.values())


def _stage_figures(facts: JSON) -> list[doc.Figure]:
    """What is said in words beside the drawn statistics; the measured power of older reports first."""
    bank: JSON = facts.get("reference_bank") or {}
    found: JSON = bank.get("power") or {}
    first = {"power measured with": f"{found['planted']} planted models, {found['found']} found"} if found else {}
    bank_words = {"reference bank SHA-256": bank.get("sha256", ""), "bank not used because": bank.get("not_used", "")}
    if facts.get("calibration"):
        bank_words = {}  # the calibration says both
    rest: JSON = {}
    for key, value in facts.items():
        if key in _SHOWN_APART or _is_rows(value) or _is_named_rows(value):
            continue
        if isinstance(value, dict):
            rest |= {
                f"{key}: {name}": member
                for name, member in value.items()
                if not _is_rows(member) and not _is_named_rows(member)
            }
        else:
            rest[key] = value
    return figures({**first, **bank_words, **{key: value for key, value in rest.items() if not _is_raw(value)}})


def _is_raw(value: object) -> bool:
    """Whether a value is a long row of numbers, or rows of them: nobody reads those in a line, and the report has them."""
    if isinstance(value, dict):
        return any(_is_raw(member) for member in value.values())
    if not isinstance(value, list) or len(value) <= _MOST_NUMBERS:
        return isinstance(value, list) and any(isinstance(member, list) for member in value)
    return all(_is_number(member) for member in value) or any(isinstance(member, list) for member in value)


_MOST_NUMBERS = 4
_FIRST_COLUMNS = (
    "label", "name", "tensor", "index", "class", "n", "detector", "statistic", "score", "p_value", "flagged", "top_class",
)  # fmt: skip


def _tables(facts: JSON) -> list[doc.Table]:
    """Each list of like rows among the facts, one level down as well ("difference: changed")."""
    tables = []
    for key, value in facts.items():
        if key in _SHOWN_APART:
            continue
        if _is_rows(value) or _is_named_rows(value):
            tables.append(_table(str(key), value))
        elif isinstance(value, dict):
            inner = {name: member for name, member in value.items() if _is_rows(member) or _is_named_rows(member)}
            tables += [_table(f"{key}: {name}", member) for name, member in inner.items()]
    return tables


def _table(key: str, value: list[JSON] | dict[str, JSON]) -> doc.Table:
    rows = value if isinstance(value, list) else [{"name": name, **row} for name, row in value.items()]
    keys = _columns(rows)
    return doc.Table(
        caption=_captions().get(key, key.replace("_", " ")),
        heads=[_heads().get(name, name.replace("_", " ")) for name in keys],
        numeric=[place > 0 and all(_is_number(row.get(name)) for row in rows) for place, name in enumerate(keys)],
        rows=[[_cell(name, row.get(name)) for name in keys] for row in rows[:MOST_ROWS]],
        total=len(rows),
    )


def _columns(rows: Sequence[JSON]) -> list[str]:
    """Keys of the rows, the words for people first and the verdict last, the same on every database (some keep no order
    of keys). Digests of settings and rows of numbers are in the report alone."""
    raw = {name for row in rows for name, value in row.items() if _is_raw(value)}
    keys = {name for row in rows for name in row} - {"settings_digest"} - raw
    if "label" in keys:
        keys.discard("detector")
    first = [name for name in _FIRST_COLUMNS if name in keys]
    last = [name for name in ("verdict",) if name in keys]
    return [*first, *sorted(keys - {*first, *last}), *last]


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _cell(key: str, value: object) -> str:
    if key == "verdict" and isinstance(value, str) and value in set(StageVerdict):
        return str(label(StageVerdict(value)))
    return "–" if value is None else words(value)


def _captions() -> dict[str, str]:
    return {
        "classes": _("Class by class"),
        "suspects": _("Samples under suspicion"),
        "stages": _("What each stage gave"),
        "tensors": _("Tensors of the file"),
        "difference: changed": _("Tensors that differ from the base model"),
    }


def _heads() -> dict[str, str]:
    return {
        "n": _("samples"),
        "p_value": _("p-value"),
        "sha256": _("SHA-256"),
        "top_class": _("class that stands out most"),
        "detector": _("name"),
        "label": _("stage"),
    }


# What pages and packs draw from it ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """One class beside the chart. is_first: it stands out most; None where the stage gave no such figure."""

    label: str
    score: float | None
    spread: float | None
    norm: float | None
    is_first: bool


def class_rows(shown: doc.Stage) -> list[ClassRow]:
    """Classes with score and mask norm, the most suspicious first; the order of older reports is the smallest norm."""
    measured, norms = shown.get("statistic"), {row["label"]: row["norm"] for row in shown["class_norms"]}
    scores = {row["label"]: row for row in measured["classes"]} if measured else {}
    rows = [
        ClassRow(
            label=label_,
            score=scores[label_]["score"] if label_ in scores else None,
            spread=scores[label_]["spread"] if label_ in scores else None,
            norm=norms.get(label_),
            is_first=label_ == shown["first_ranked"],
        )
        for label_ in dict.fromkeys([*scores, *norms])
    ]
    return sorted(rows, key=lambda row: (row.score is None, -(row.score or 0.0), row.norm is None, row.norm or 0.0))


def drawing(shown: doc.Stage) -> str:
    """What there is to draw of its classes: "scores", "norms" (older reports), or "" for nothing."""
    measured, ranked = shown.get("statistic"), shown.get("calibration")
    scored = sum(row["score"] is not None for row in measured["classes"]) if measured else 0
    if scored > 1 or (ranked is not None and ranked["references"]):
        return "scores"
    return "norms" if shown["class_norms"] else ""
