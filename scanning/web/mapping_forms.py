"""The form of a column mapping: a row for each field of the normal form, and a class for each value that was seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.types.canonical import sha256_hex
from compliance.types.errors import BadInputError
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.log_mapping import (
    COLUMNS_ONLY,
    FIELDS,
    REQUIRED,
    LogMapping,
    TimeFormat,
    mapping_from_json,
    plain_value,
)
from scanning.ingest.mapping_preview import Head, values_of
from scanning.models import ColumnMapping

CONSTANT = "="
PASS_OVER = ""
FIELD_LABELS = {
    "occurred_at": _("When it happened"),
    "action": _("What was done"),
    "outcome": _("How it ended"),
    "actor": _("Who acted"),
    "actor_display": _("Their name for people"),
    "role": _("Role used"),
    "source_address": _("Source address"),
    "job_id": _("Job, as the platform numbers it"),
    "job_name": _("Job name"),
    "train_data": _("Training data"),
    "train_digest": _("SHA-256 of the training data"),
    "validation_data": _("Validation data"),
    "validation_digest": _("SHA-256 of the validation data"),
    "code": _("Code or image"),
    "base_model": _("Base model"),
    "output_uri": _("Where the output goes"),
    "output_model": _("Output model"),
    "execution_role": _("Runs as"),
    "account": _("Account or project"),
    "region": _("Region"),
    "session": _("Session"),
    "on_behalf_of": _("On behalf of"),
    "outcome_detail": _("Why it ended so"),
    "event_id": _("Id of the record"),
}
TIME_FORMATS = [
    (TimeFormat.ISO.value, _("2026-11-20T09:14:07Z, or a count since 1970")),
    (TimeFormat.DAY_FIRST.value, _("day first: 20.11.2026 09:14:07, 20/11/2026 09:14")),
    (TimeFormat.MONTH_FIRST.value, _("month first: 11/20/2026 09:14:07, 11/20/2026 9:14 AM")),
    (TimeFormat.YEAR_FIRST.value, _("year first: 2026/11/20 09:14:07")),
]
# Fields that most logs can fill; the others are shown when somebody asks for them.
_USUALLY_SHOWN = (
    *("occurred_at", "action", "outcome", "actor", "source_address", "role", "job_id", "job_name"),
    *("train_data", "train_digest", "base_model", "output_model", "event_id"),
)
# Names that columns of logs commonly have: a first proposal, which the preview shows and a person corrects.
_USUAL = {
    "occurred_at": ("timestamp", "time", "ts", "date", "datetime", "event_time", "created_at", "occurred_at", "when"),
    "action": ("action", "operation", "event", "event_type", "event_name", "method", "what", "type"),
    "outcome": ("outcome", "status", "result", "response_code", "status_code"),
    "actor": ("actor", "user", "username", "user_name", "email", "user_email", "who", "principal", "caller"),
    "role": ("role", "role_name"),
    "source_address": ("ip", "source_ip", "client_ip", "ip_address", "source_address", "remote_addr"),
    "job_id": ("job_id", "job", "run_id", "task_id"),
    "job_name": ("job_name", "run_name", "task_name"),
    "train_data": ("dataset", "train_data", "training_data", "training_file", "data"),
    "base_model": ("base_model", "model"),
    "output_model": ("output_model", "fine_tuned_model"),
    "output_uri": ("output", "output_uri", "output_path"),
    "account": ("account", "account_id", "project", "project_id", "tenant"),
    "region": ("region", "location"),
    "event_id": ("event_id", "id", "uuid", "request_id", "log_id"),
}


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field of the normal form on the page: its label, the choice of a column, and the constant (None where none may be)."""

    name: str
    label: str
    is_required: bool
    column: forms.BoundField
    constant: forms.BoundField | None


@dataclass(frozen=True, slots=True)
class ValueRow:
    """A value that was seen among the first records, how often, and what it stands for."""

    value: str
    seen: int
    name: str
    chosen: str


class MappingForm(forms.Form):
    """What the columns of one log mean."""

    name = forms.CharField(
        label=_("Name of the mapping"),
        max_length=100,
        help_text=_("By which it is found again. A name that exists gets a new version; earlier versions stay."),
    )
    source = forms.CharField(
        label=_("Name of the source"),
        max_length=48,
        help_text=_(
            "Small letters, digits and dashes, such as gateway-prod. It becomes part of each event's identity."
        ),
    )
    time_format = forms.ChoiceField(label=_("How times are written"), choices=TIME_FORMATS)
    zone = forms.CharField(
        label=_("Time zone of times that state none"),
        max_length=64,
        required=False,
        help_text=_("Such as Europe/Berlin or UTC. Left empty, a time without zone is rejected."),
    )
    other_actions = forms.ChoiceField(
        label=_("Any other action"),
        required=False,
        choices=[(PASS_OVER, _("pass over, and count")), *choices(ActionClass)],
    )

    more_actions = forms.CharField(
        label=_("Actions that do not occur above"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_(
            "One a line, such as “delete = other”: submit, cancel, register, approve, deploy, grant, import or other."
        ),
    )
    more_outcomes = forms.CharField(
        label=_("Outcomes that do not occur above"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One a line, such as “error = failed”: success, denied or failed."),
    )

    def __init__(
        self, *, head: Head, data: Mapping[str, Any] | None = None, initial: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.head = head
        columns = [(column.pointer, column.label) for column in head.columns]
        for name in FIELDS:
            label = FIELD_LABELS[name]
            fixed = [] if name in COLUMNS_ONLY else [(CONSTANT, _("the same for every record:"))]
            self.fields[f"column_{name}"] = forms.ChoiceField(
                label=label, required=False, choices=[("", _("not in this log")), *columns, *fixed]
            )
            if fixed:
                constant = forms.CharField(
                    label=_("%s, the same for every record") % label, required=False, max_length=300
                )
                self.fields[f"constant_{name}"] = constant

    def rows(self) -> list[FieldRow]:
        """The fields that most logs can fill."""
        return self._rows(name for name in FIELDS if name in _USUALLY_SHOWN)

    def more_rows(self) -> list[FieldRow]:
        """The other fields."""
        return self._rows(name for name in FIELDS if name not in _USUALLY_SHOWN)

    def more_is_open(self) -> bool:
        """Whether one of the other fields is filled."""
        return any(self._taken(row.name) or row.column.errors for row in self.more_rows())

    def _rows(self, names: Iterable[str]) -> list[FieldRow]:
        return [
            FieldRow(
                name=name,
                label=str(FIELD_LABELS[name]),
                is_required=name in REQUIRED,
                column=self[f"column_{name}"],
                constant=None if name in COLUMNS_ONLY else self[f"constant_{name}"],
            )
            for name in names
        ]

    def _given(self, name: str) -> str:
        return str(self[name].value() or "").strip()

    def _values(self, field: str, prefix: str) -> list[ValueRow]:
        """Values of the column that a field is taken from, and what was chosen for each; also those listed and not seen."""
        chosen, pointer = self._given(f"column_{field}"), ""
        seen: list[tuple[str, int]] = []
        if chosen == CONSTANT and self._given(f"constant_{field}"):
            seen = [(plain_value(self._given(f"constant_{field}")), len(self.head.records))]
        elif chosen not in ("", CONSTANT):
            pointer = chosen
            seen = values_of(self.head, pointer)
        known: Mapping[str, str] = self.initial.get(prefix, {})
        listed = [(value, 0) for value in known if value not in dict(seen)] if pointer else []
        return [
            ValueRow(value, count, key := _key(prefix, value), self._chosen(key, known.get(value, "")))
            for value, count in (*seen, *listed)
        ]

    def _chosen(self, key: str, before: str) -> str:
        return str(self.data.get(key, before)) if self.is_bound else before

    def actions(self) -> list[ValueRow]:
        """What was done in the first records, and the class of each."""
        return self._values("action", "actions")

    def outcomes(self) -> list[ValueRow]:
        """How the first records ended, and what each stands for."""
        return self._values("outcome", "outcomes")

    def mapping(self) -> LogMapping:
        """What the form says. Raises BadInputError where that is no mapping."""
        return mapping_from_json(
            {
                "source": self._given("source") or "preview",
                "layout": self.head.layout.value,
                "fields": {name: taken for name in FIELDS if (taken := self._taken(name))},
                "time_format": self._given("time_format") or TimeFormat.ISO.value,
                "zone": self._given("zone"),
                "actions": _listed(self._given("more_actions")) | _stated(self.actions()),
                "other_actions": self._given("other_actions") or None,
                "outcomes": _listed(self._given("more_outcomes")) | _stated(self.outcomes()),
            }
        )

    def _taken(self, name: str) -> dict[str, str]:
        column = self._given(f"column_{name}")
        if column == CONSTANT:
            constant = self._given(f"constant_{name}")
            return {"constant": constant} if constant else {}
        return {"column": column} if column else {}

    def clean(self) -> dict[str, Any]:
        """The mapping as a whole, judged by its own rules."""
        given = super().clean() or {}
        for name in REQUIRED:
            if not self._taken(name):
                self.add_error(f"column_{name}", _t("Say which column this is."))
        if not self.errors:
            try:
                given["mapping"] = self.mapping()
            except BadInputError as error:
                self.add_error(None, str(error))
        return given


def _key(prefix: str, value: str) -> str:
    """Name of the choice for a value: the same whatever else was seen."""
    return f"{prefix}_{sha256_hex(value.encode('utf-8', 'surrogatepass'))[:16]}"


def _stated(rows: Iterable[ValueRow]) -> dict[str, str]:
    return {row.value: row.chosen for row in rows if row.chosen}


def _listed(text: str) -> dict[str, str]:
    """Values that were written down, one a line, with what each stands for behind the last equals sign."""
    parts = (line.rpartition("=") for line in text.splitlines() if line.strip())
    return {value.strip(): meaning.strip().lower() for value, _sign, meaning in parts}


def action_choices() -> list[tuple[str, Any]]:
    """What an action may be."""
    return [(PASS_OVER, _("as any other action")), *choices(ActionClass)]


def outcome_choices() -> list[tuple[str, Any]]:
    """What an outcome may be."""
    return [("", _("not stated")), *[pair for pair in choices(Outcome) if pair[0] != Outcome.UNKNOWN]]


def initial_of(mapping: ColumnMapping) -> dict[str, Any]:
    """A mapping as the form's first values."""
    definition = mapping.definition
    found: dict[str, Any] = {
        "name": mapping.name,
        **{name: definition[name] for name in ("source", "time_format", "zone", "actions", "outcomes")},
        "other_actions": definition["other_actions"] or "",
    }
    for name, taken in definition["fields"].items():
        found[f"column_{name}"] = taken.get("column", CONSTANT)
        found[f"constant_{name}"] = taken.get("constant", "")
    return found


def guess_of(head: Head) -> dict[str, Any]:
    """A first proposal by the names of the columns; nothing is kept by it, since every action is passed over."""
    last = {
        column.label.rpartition("/")[2].strip().lower().replace(" ", "_"): column.pointer
        for column in reversed(head.columns)
    }
    taken: dict[str, Any] = {}
    for name, usual in _USUAL.items():
        found = next((last[word] for word in usual if word in last), None)
        if found is not None and found not in taken.values():
            taken[f"column_{name}"] = found
    return taken
