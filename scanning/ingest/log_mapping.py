"""What the columns of a log mean, as a person said it: for each field of the normal form a column or a constant.

A mapping is a value. Its digest goes into the scope of each import that used it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from compliance.types.canonical import digest_of
from compliance.types.errors import BadInputError
from compliance.types.states import ActionClass, Outcome

EnumT = TypeVar("EnumT", bound=StrEnum)


class Layout(StrEnum):
    """How the records of a log are written."""

    CSV = "csv"
    JSONL = "jsonl"


class TimeFormat(StrEnum):
    """How times are written: ISO 8601 or a count since 1970; or day, month and year in another order."""

    ISO = "iso"
    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"
    YEAR_FIRST = "year_first"


# Fields of the normal form that a mapping may fill, and the parts of its inputs.
FIELDS: Final = (
    "occurred_at",
    "action",
    "outcome",
    "actor",
    "actor_display",
    "role",
    "source_address",
    "job_id",
    "job_name",
    "train_data",
    "train_digest",
    "validation_data",
    "validation_digest",
    "code",
    "base_model",
    "output_uri",
    "output_model",
    "execution_role",
    "account",
    "region",
    "session",
    "on_behalf_of",
    "outcome_detail",
    "event_id",
)
REQUIRED: Final = ("occurred_at", "action")
# A constant would make every record the same event, or give it a time that nobody wrote down.
COLUMNS_ONLY: Final = ("occurred_at", "event_id")
MOST_VALUES = 200
_LONGEST = 300
_SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Where a field is taken from: a column, as a JSON pointer within the record, or a constant."""

    column: str = ""
    constant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMapping:
    """What the columns of a log mean.

    source: what the log is called, part of each event's identity; zone: IANA name for times that state none, "" where all
    do; actions: value of the action -> what it did; other_actions: for values not listed, None passes them over;
    outcomes: value -> outcome; others are unknown. Values are compared without regard to case and surrounding space.
    """

    source: str
    layout: Layout
    fields: Mapping[str, Taken]
    time_format: TimeFormat = TimeFormat.ISO
    zone: str = ""
    actions: Mapping[str, ActionClass] = field(default_factory=dict)
    other_actions: ActionClass | None = None
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise BadInputError(f"The column mapping cannot be used: {problem}.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, as pointers, each once."""
        return tuple(dict.fromkeys(taken.column for taken in self.fields.values() if taken.column))

    @property
    def sha256(self) -> str:
        """SHA-256 of its canonical JSON form."""
        return digest_of(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """As JSON; `mapping_from_json` gives it back."""
        return {
            "source": self.source,
            "layout": self.layout.value,
            "fields": {name: _taken_as_json(self.fields[name]) for name in FIELDS if name in self.fields},
            "time_format": self.time_format.value,
            "zone": self.zone,
            "actions": {value: found.value for value, found in sorted(self.actions.items())},
            "other_actions": self.other_actions.value if self.other_actions else None,
            "outcomes": {value: found.value for value, found in sorted(self.outcomes.items())},
        }


def plain_value(text: str) -> str:
    """A value as actions and outcomes are compared: without surrounding space, in small letters."""
    return text.strip().casefold()


def _taken_as_json(taken: Taken) -> dict[str, str]:
    return {"column": taken.column} if taken.column else {"constant": taken.constant}


def _problems(mapping: LogMapping) -> list[str]:
    found = [*_field_problems(mapping.fields), *_value_problems(mapping)]
    if not _SOURCE.fullmatch(mapping.source):
        found.append(
            "its source needs a name of at most 48 small letters, digits, dots, dashes or underscores, such as gateway-prod"
        )
    if mapping.zone and not _is_zone(mapping.zone):
        found.append(f"{mapping.zone[:60]!r} is no time zone; write one such as Europe/Berlin or UTC")
    return found


def _field_problems(fields: Mapping[str, Taken]) -> list[str]:
    found = []
    for name, taken in fields.items():
        if name not in FIELDS:
            found.append(f"{name[:60]!r} is no field; the fields are {', '.join(FIELDS)}")
        elif bool(taken.column) == bool(taken.constant):
            found.append(f"{name} needs either a column or a constant")
        elif taken.constant and name in COLUMNS_ONLY:
            found.append(f"{name} needs a column, since no two records have the same")
        elif taken.column and not taken.column.startswith("/"):
            found.append(f"the column of {name} is no JSON pointer; write /{taken.column[:60]}")
        elif max(len(taken.column), len(taken.constant)) > _LONGEST + 1:
            found.append(f"what is given for {name} is longer than {_LONGEST} characters")
    found += [f"it does not say which column holds {name}" for name in REQUIRED if name not in fields]
    return found


def _value_problems(mapping: LogMapping) -> list[str]:
    found = []
    if not mapping.actions and mapping.other_actions is None:
        found.append("it says of no action what it does, so that no record would be kept")
    for values in (mapping.actions, mapping.outcomes):
        if len(values) > MOST_VALUES:
            found.append(f"it lists more than {MOST_VALUES} values")
        if odd := next((value for value in values if value != plain_value(value) or len(value) > _LONGEST), None):
            found.append(f"the value {odd[:60]!r} is not in small letters without surrounding space, or too long")
    return found


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def mapping_from_json(value: object) -> LogMapping:
    """The mapping that `LogMapping.as_json` wrote, or that a person wrote alike. Raises BadInputError for anything else."""
    given = _object(value, "the mapping")
    unknown = set(given) - {"source", "layout", "fields", "time_format", "zone", "actions", "other_actions", "outcomes"}
    if unknown:
        raise BadInputError(f"The column mapping cannot be used: {sorted(unknown)[0][:60]!r} is none of its members.")
    other = given.get("other_actions")
    return LogMapping(
        source=_text(given.get("source", ""), "source"),
        layout=_one_of(Layout, given.get("layout"), "layout"),
        fields={str(name): _taken(name, taken) for name, taken in _object(given.get("fields", {}), "fields").items()},
        time_format=_one_of(TimeFormat, given.get("time_format", TimeFormat.ISO), "time_format"),
        zone=_text(given.get("zone", ""), "zone"),
        actions=_values(ActionClass, given.get("actions", {}), "actions"),
        other_actions=None if other is None else _one_of(ActionClass, other, "other_actions"),
        outcomes=_values(Outcome, given.get("outcomes", {}), "outcomes"),
    )


def _taken(name: str, value: object) -> Taken:
    given = _object(value, name)
    if set(given) - {"column", "constant"}:
        raise BadInputError(
            f"The column mapping cannot be used: {name} takes a column or a constant, and nothing else."
        )
    return Taken(
        column=_text(given.get("column", ""), f"column of {name}"),
        constant=_text(given.get("constant", ""), f"constant of {name}"),
    )


def _values(kind: type[EnumT], value: object, name: str) -> dict[str, EnumT]:
    return {plain_value(text): _one_of(kind, found, name) for text, found in _object(value, name).items()}


def _one_of(kind: type[EnumT], value: object, name: str) -> EnumT:
    known = {member.value: member for member in kind}
    if not isinstance(value, str) or value not in known:
        raise BadInputError(f"The column mapping cannot be used: {name} is one of {', '.join(known)}.")
    return known[value]


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadInputError(f"The column mapping cannot be used: {name} is not a JSON object.")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise BadInputError(f"The column mapping cannot be used: {name} is not a text.")
    return value
