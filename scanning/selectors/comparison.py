"""Two scans side by side: verdicts, p-values, scores, settings, machine, tensors; bit-equal, or how far apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from compliance.selectors.stage_document import words
from compliance.types.drafts import JSON
from scanning.detectors.registry import label_of
from scanning.models import Scan
from scanning.selectors.scan_page import StagePage, stage_page

MOST_TENSORS = 100
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One thing as each scan has it, in words."""

    label: str
    a: str
    b: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePair:
    """One stage as each scan has it; None where a scan did not run it. figures: what of the raw figures differs, in words;

    is_equal: both ran it and gave the same figures to the last bit; settings: those that differ.
    """

    title: str
    a: StagePage | None
    b: StagePage | None
    figures: str
    is_equal: bool
    settings: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorPair:
    """A tensor that differs. what: "changed", "only in the first", "only in the second", in words."""

    name: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two scans. same_file: of the same bytes; environment: what differs of data and machine, equal: how much does not;

    tensors: the first of tensors_differing; tensors_equal: how many are the same to the last bit.
    """

    same_file: bool
    stages: tuple[StagePair, ...]
    inputs: tuple[Pair, ...]
    environment: tuple[Pair, ...]
    equal: int
    tensors: tuple[TensorPair, ...]
    tensors_differing: int
    tensors_equal: int


def compare(a: Scan, b: Scan) -> Comparison:
    """Set two finished scans side by side; one without a detection report contributes nothing but its inputs."""
    first, second = (scan.report.get("detection") or {} for scan in (a, b))
    environment, equal = _differing(_flat(_told(first)), _flat(_told(second)))
    changed, kept = _tensors(first.get("tensors") or {}, second.get("tensors") or {})
    return Comparison(
        same_file=a.model_version.digest == b.model_version.digest,
        stages=_stages(first.get("stages") or [], second.get("stages") or []),
        inputs=_inputs(a, b),
        environment=environment,
        equal=equal,
        tensors=tuple(changed[:MOST_TENSORS]),
        tensors_differing=len(changed),
        tensors_equal=kept,
    )


def _told(detection: JSON) -> JSON:
    return {**(detection.get("data") or {}), **(detection.get("environment") or {})}


def _flat(value: Mapping[str, Any], prefix: str = "") -> JSON:
    """Nested settings as one level of dotted names; lists stay values."""
    flat: JSON = {}
    for key, member in value.items():
        name = f"{prefix}{key}"
        flat |= _flat(member, f"{name}: ") if isinstance(member, dict) else {name: member}
    return flat


def _differing(a: JSON, b: JSON) -> tuple[tuple[Pair, ...], int]:
    """(what differs, how many are equal)."""
    keys = list(dict.fromkeys([*a, *b]))
    pairs = [
        Pair(label=key.replace("_", " "), a=_shown(a.get(key, _ABSENT)), b=_shown(b.get(key, _ABSENT)))
        for key in keys
        if a.get(key, _ABSENT) != b.get(key, _ABSENT)
    ]
    return tuple(pairs), len(keys) - len(pairs)


def _shown(value: object) -> str:
    return _("not recorded") if value is _ABSENT else words(value) or "–"


def _inputs(a: Scan, b: Scan) -> tuple[Pair, ...]:
    """What each scan was given, equal or not."""
    none = _("none")
    return tuple(
        Pair(label=label, a=str(one) if one is not None else none, b=str(other) if other is not None else none)
        for label, one, other in (
            (_("Held-out images"), a.held_out, b.held_out),
            (_("Training images"), a.training_images, b.training_images),
            (_("Suspicious inputs"), a.suspects, b.suspects),
            (_("Made from"), a.base_version, b.base_version),
            (_("Reference models"), a.reference_bank, b.reference_bank),
            (_("Seed"), a.seed, b.seed),
        )
    )


def _stages(a: list[JSON], b: list[JSON]) -> tuple[StagePair, ...]:
    first, second = ({stage["detector"]: stage for stage in stages} for stages in (a, b))
    return tuple(_stage_pair(name, first.get(name), second.get(name)) for name in dict.fromkeys([*first, *second]))


def _stage_pair(name: str, a: JSON | None, b: JSON | None) -> StagePair:
    shown = {"a": stage_page(a) if a else None, "b": stage_page(b) if b else None}
    if a is None or b is None:
        return StagePair(title=label_of(name), **shown, figures="", is_equal=False, settings=())
    settings, _equal = _differing(_flat(a["parameters"]), _flat(b["parameters"]))
    empty = not a["facts"] and not b["facts"]
    equal = not empty and _measured(a["facts"]) == _measured(b["facts"])
    said = _("neither gave figures") if empty else _("equal to the last bit")
    return StagePair(
        title=label_of(name),
        **shown,
        figures=said if empty or equal else _apart(a["facts"], b["facts"]),
        is_equal=equal,
        settings=tuple(pair for pair in settings if pair.label != "repr"),
    )


def _measured(facts: JSON) -> JSON:
    """What was measured of the model, without what was measured of the run: no two runs take the same time."""
    return {name: value for name, value in facts.items() if name != "cpu_seconds"}


def _scores(facts: JSON) -> list[float | None]:
    return list((facts.get("statistic") or {}).get("scores") or facts.get("norms") or [])


def _apart(a: JSON, b: JSON) -> str:
    """How far the scores of two runs lie apart, in words."""
    first, second = _scores(a), _scores(b)
    if not first and not second:
        return _("the figures differ")
    if len(first) != len(second):
        return _("not comparable: another number of classes")
    pairs = [(one, other) for one, other in zip(first, second, strict=True) if one is not None and other is not None]
    far = max((abs(one - other) for one, other in pairs), default=0.0)
    if far == 0:
        return _("scores equal to the last bit; other figures differ")
    return _("scores differ by at most %s") % f"{far:.3g}"


def _tensors(a: JSON, b: JSON) -> tuple[list[TensorPair], int]:
    """(tensors that differ, how many are equal to the last bit)."""
    changed, kept = [], 0
    for name in sorted({*a, *b}):
        if name not in b:
            changed.append(TensorPair(name=name, what=_("only in the first")))
        elif name not in a:
            changed.append(TensorPair(name=name, what=_("only in the second")))
        elif a[name] != b[name]:
            shape = a[name].get("shape") != b[name].get("shape")
            changed.append(TensorPair(name=name, what=_("other shape") if shape else _("other values")))
        else:
            kept += 1
    return changed, kept
