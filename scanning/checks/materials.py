"""Checks on what went into jobs and came out: data sets, base models, output models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from compliance.types.checks import CheckRule
from compliance.types.drafts import JSON
from compliance.types.states import ModelOrigin
from compliance.types.verdicts import CONCLUSION_OF_FILE_SCAN, CONCLUSION_OF_STAGE, Conclusion, FileScanVerdict
from scanning.checks.base import Case, Event, Facts, NamedData, NamedModel, Outcomes, Sighting, case_of

_CONCLUSIVE = {verdict.value for verdict, said in CONCLUSION_OF_FILE_SCAN.items() if said} | {
    verdict.value for verdict, said in CONCLUSION_OF_STAGE.items() if said
}
_RIGHT = {
    *(verdict.value for verdict, said in CONCLUSION_OF_FILE_SCAN.items() if said is Conclusion.SATISFIED),
}
_WRONG = FileScanVerdict.FINDING.value
Named = TypeVar("Named", NamedData, NamedModel)


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of one thing that a job names."""

    sentence: str
    is_exception: bool
    facts: JSON = field(default_factory=dict)


def _over(
    facts: Facts,
    rule: CheckRule,
    what: str,
    named: Callable[[Event], tuple[Named, ...]],
    judge: Callable[[Event, Named], _Said | None],
) -> Outcomes:
    """Judge everything of one kind that the jobs of the period name. A job of which the source names none is undecided."""
    exceptions: list[Case] = []
    undecided: list[Case] = []
    for event in facts.submissions:
        things = named(event)
        if not things:
            undecided.append(case_of(event, f"The source does not say which {what} {event.title} names."))
        for n, thing in enumerate(things):
            said = None if thing.none_of_ours else judge(event, thing)
            if said is not None:
                case = case_of(event, said.sentence, key=f"/{n}", facts=said.facts)
                (exceptions if said.is_exception else undecided).append(case)
    return Outcomes(
        rule=rule, unit="jobs", population=len(facts.submissions),
        exceptions=tuple(exceptions), undecided=tuple(undecided),
    )  # fmt: skip


def dataset_not_verified(facts: Facts) -> Outcomes:
    """Used a data set that was not compared with its manifest before the start."""
    return _over(facts, CheckRule.DATASET_NOT_VERIFIED, "data set", lambda event: event.data, _verification)


def _verification(event: Event, one: NamedData) -> _Said | None:
    if one.data is None:
        return _Said(f"{one.name} is bound to no data-set version, so nobody can say whether it was verified.", False)
    if any(check.at <= event.at for check in one.data.verifications):
        return None
    late = "verified only after the start" if one.data.verifications else "never verified"
    return _Said(f"{event.title} used {one.data.name}, which was {late}.", True, {"dataset": one.data.digest})


def dataset_changed(facts: Facts) -> Outcomes:
    """Used a data set that differed from its manifest when it was last compared, or of which the log gives another digest."""
    return _over(facts, CheckRule.DATASET_CHANGED, "data set", lambda event: event.data, _data_change)


def _data_change(event: Event, one: NamedData) -> _Said | None:
    unknown = _Said(f"Whether {one.name} was as its manifest says when {event.title} started is not on record.", False)
    if one.data is None:
        return unknown
    about: JSON = {"dataset": one.data.digest}
    if one.digest and one.digest != one.data.digest:
        told = f"{event.title} used {one.data.name}, of which the log gives another digest than its manifest."
        return _Said(told, True, about | {"digest_in_log": one.digest})
    before = [check for check in one.data.verifications if check.at <= event.at]
    if not before:
        return None if one.digest else unknown
    last = max(before, key=lambda check: check.at)
    if last.matches:
        return None
    told = f"{event.title} used {one.data.name}, which differed from its manifest on {last.at:%Y-%m-%d}."
    return _Said(told, True, about)


def base_unknown(facts: Facts) -> Outcomes:
    """Started from a base model that is bound to no registered version."""
    return _over(facts, CheckRule.BASE_UNKNOWN, "base model", lambda event: event.bases, _known)


def _known(event: Event, one: NamedModel) -> _Said | None:
    if one.model is not None:
        return None
    told = f"{event.title} started from {one.name}, which is bound to no registered model version."
    return _Said(told, True, {"named": one.name})


def base_not_scanned(facts: Facts) -> Outcomes:
    """Started from a model of others that had not been scanned to a verdict."""
    return _over(facts, CheckRule.BASE_NOT_SCANNED, "base model", lambda event: event.bases, _scan)


def _scan(event: Event, one: NamedModel) -> _Said | None:
    if one.model is None:
        return _Said(f"{one.name} is bound to no registered version, so nobody can say whether it was scanned.", False)
    if one.model.origin is ModelOrigin.OWN or any(scan.at <= event.at for scan in _conclusive(one)):
        return None
    late = "was scanned only after the start" if _conclusive(one) else "has no conclusive scan"
    told = f"{event.title} started from {one.model.name}, which was made elsewhere and {late}."
    return _Said(told, True, {"model": one.model.digest})


def _conclusive(one: NamedModel) -> list[Sighting]:
    return [scan for scan in (one.model.scans if one.model else ()) if scan.verdict in _CONCLUSIVE]


def base_changed(facts: Facts) -> Outcomes:
    """Started from other bytes than those that were registered and scanned."""
    return _over(facts, CheckRule.BASE_CHANGED, "base model", lambda event: event.bases, _base_change)


def _base_change(event: Event, one: NamedModel) -> _Said | None:
    if one.model is None or not one.digest:
        return _Said(
            f"The log gives no digest of {one.name} that could be held against the version that was scanned.", False
        )
    if one.digest == one.model.digest:
        return None
    told = f"{event.title} started from {one.name} with another digest than {one.model.name} as registered and scanned."
    return _Said(told, True, {"model": one.model.digest, "digest_in_log": one.digest})


def output_not_signed(facts: Facts) -> Outcomes:
    """Made a model over which no right signature is on record."""
    return _over(facts, CheckRule.OUTPUT_NOT_SIGNED, "output model", lambda event: event.outputs, _signature)


def _signature(event: Event, one: NamedModel) -> _Said | None:
    if one.model is None:
        return _Said(f"{one.name} is bound to no registered version, so nobody can say whether it is signed.", False)
    verdicts = {seen.verdict for seen in one.model.signatures}
    if verdicts & _RIGHT and _WRONG not in verdicts:
        return None
    state = "a wrong signature" if _WRONG in verdicts else "no right signature"
    told = f"Over {one.model.name}, which came out of {event.title}, {state} is on record."
    return _Said(told, True, {"model": one.model.digest})
