"""What every record of the Open Cybersecurity Schema Framework that Assay writes has in common.

Values are for machines and in English, whoever asks. Times are milliseconds since 1970, as `timestamp_t` of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from compliance import __version__
from compliance.types.states import Severity

NOT_RECORDED = "not recorded by the source"
MEDIA_TYPE = "application/x-ndjson"
PRODUCT = {"name": "Assay", "vendor_name": "Assay", "uid": "assay", "version": __version__}
SEVERITIES = {
    Severity.INFORMATIONAL: (1, "Informational"),
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}
_OTHER = 99


def milliseconds(at: datetime) -> int:
    """A time as the schema counts it."""
    return int(at.timestamp() * 1000)


def stated(values: Mapping[str, Any]) -> dict[str, Any]:
    """Members that say something; the schema has no empty ones."""
    return {name: value for name, value in values.items() if value not in ("", None, [], {})}


def classified(*, category: tuple[int, str], uid: int, name: str, activity: tuple[int, str]) -> dict[str, Any]:
    """The members by which an event says what it is."""
    activity_id, activity_name = activity
    return {
        "category_uid": category[0],
        "category_name": category[1],
        "class_uid": uid,
        "class_name": name,
        "activity_id": activity_id,
        "activity_name": activity_name,
        "type_uid": uid * 100 + activity_id,
        "type_name": f"{name}: {activity_name if activity_id != _OTHER else 'Other'}",
    }


def lines(records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One JSON object a line, as each is made."""
    for record in records:
        yield json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
