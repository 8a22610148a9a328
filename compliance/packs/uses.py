"""Where each piece of evidence is used, read off the freeze document: for its folder and for the index of files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from compliance.types.freeze import Freeze

NOT_CITED = "not-cited"


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """One place: the folder that stands for it, and its name in words."""

    folder: str
    words: str


def _named(freeze: Freeze) -> Iterator[tuple[str | None, Use]]:
    controls: dict[int, list[str]] = {}
    for reference in freeze["reference_controls"]:
        for number in reference["questions"]:
            controls.setdefault(number, []).append(reference["id"])
    for question in freeze["questions"]:
        number = question["number"]
        words = f"question {number}"
        for uuid in question["answer"]["evidence"] if question["answer"] else ():
            for control in controls.get(number, ()):
                yield uuid, Use(f"controls/{control}", f"{words}, control {control}")
            if not controls.get(number):
                yield uuid, Use(f"questions/{number}", words)
    for finding in freeze["findings"]:
        use = Use(f"controls/{finding['target']}", f"findings on control {finding['target']}")
        for seen in finding["observations"]:
            yield seen["evidence"], use
    for source in freeze["job_log"]["sources"]:
        yield source["evidence"], Use("job-log", "job log")
    for one in freeze["suppliers"]["records"] if "suppliers" in freeze else ():
        yield one["evidence"], Use("third-parties", f"third party {one['name']}")


def uses_of(freeze: Freeze) -> dict[str, list[Use]]:
    """By uuid of the piece: every place once, in order; pieces that nothing cites are not there."""
    found: dict[str, set[Use]] = {}
    for uuid, use in _named(freeze):
        if uuid is not None:
            found.setdefault(uuid, set()).add(use)
    return {uuid: sorted(uses) for uuid, uses in found.items()}
