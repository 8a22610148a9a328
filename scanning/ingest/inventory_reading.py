"""What a bill of materials says of models and data sets, as observations by the same rules for every form of it.

A bill states; it tests nothing. Its observations are "not applicable" to every question of a backdoor, whatever it claims.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from compliance.types.drafts import AssetRef, ObservationDraft
from compliance.types.states import Method
from compliance.types.verdicts import StageVerdict
from scanning.ingest.records import Record, text_of
from scanning.ingest.redaction import redact
from scanning.ingest.report_reading import Report
from scanning.ingest.report_scope import sha256_of

LIMITS = (
    "A bill of materials states what its author wrote; nothing in it was tested here.",
    "Figures and limitations that it names are claims, and support no conclusion.",
)
GAP = "A bill of materials tests nothing."
MODEL, DATASET = "model_version", "dataset_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """One model or data set as a bill states it. kind: MODEL or DATASET; facts: JSON-shaped, empty ones left out;
    wanted: name -> value of what such an entry should state."""

    kind: str
    identity: str
    name: str
    version: str
    digests: Mapping[str, str]
    pointer: str
    raw: Record
    facts: Mapping[str, Any] = field(default_factory=dict)
    wanted: Mapping[str, object] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str | None:
        """Its SHA-256, however the bill spells the algorithm."""
        named = {name.lower().replace("-", ""): value for name, value in self.digests.items()}
        return sha256_of(named.get("sha256"))

    @property
    def title(self) -> str:
        """Name and version, as people tell entries apart."""
        return f"{self.name} {self.version}".strip()


def observation_of(entry: Stated, *, report: Report, observed_at: datetime | None) -> ObservationDraft:
    """The observation that a bill names this model or data set, secrets taken out."""
    what = "model" if entry.kind == MODEL else "data set"
    said = {name: value for name, value in entry.facts.items() if value}
    wanted = {"SHA-256": entry.sha256, "version": entry.version, **entry.wanted}
    shown, removed = redact(said, "")
    assert isinstance(shown, dict)
    shown["digests"] = dict(entry.digests)
    shown["unknown_fields"] = [name for name, value in wanted.items() if not value]
    if removed:
        shown["redacted_fields"] = [path.removeprefix(".") for path in removed]
    return report.observation(
        rule=f"names a {what}",
        title=f"The bill of materials names the {what} {entry.title}",
        description=_sentence(entry, shown),
        asset=AssetRef(kind=entry.kind, name=entry.title, digest=entry.sha256),
        verdict=StageVerdict.NOT_APPLICABLE,
        locator=entry.pointer or "/",
        raw=entry.raw,
        key=(entry.kind, entry.identity),
        observed_at=observed_at,
        facts=shown,
        origins=entry.origins,
    )


def _sentence(entry: Stated, shown: Mapping[str, Any]) -> str:
    digests = "one digest" if len(entry.digests) == 1 else f"{len(entry.digests) or 'no'} digests"
    told = [f"{entry.title} is listed with {digests}."]
    for name, words in (("ancestors", "Made from"), ("datasets", "Trained on"), ("tested_on", "Tested on")):
        named = [text_of(one.get("name")) or text_of(one.get("ref")) for one in shown.get(name, ())]
        if named:
            told.append(f"{words}: {', '.join(named)}.")
    return " ".join(told)


def examined(producer: str, version: str) -> Report:
    """What all observations of one bill share."""
    return Report(producer=producer, version=version, techniques=(), limits=LIMITS, method=Method.EXAMINE)
