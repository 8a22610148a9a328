"""Which registered versions the names in events stand for: by digest, by provenance, by a saved rule. Reads, never writes.

A name alone binds nothing: two models may carry it, and one may be called otherwise tomorrow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from compliance.models import AISystem, BindingRule, DatasetVersion, JobEvent, ModelVersion
from compliance.types.bindings import BoundBy, Named

_HEX64 = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_BREAKS = re.compile(r"[\s,;\"'<>()\[\]{}]+")
_SHORTEST_TOKEN = 8
_BASE_ROLES = {"base_model", "model", "checkpoint", "pretrained_model", "base_model_version"}
_NO_MATERIAL = {"code", "principal", "image", "algorithm", "environment", "script", "output", "service_account"}


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """One place of an event that names a model or data set. digest: SHA-256 in hexadecimal, or as the log gives it."""

    place: str
    named: Named
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Match:
    """What a name stands for; `how` NOTHING where nobody can tell."""

    how: BoundBy
    model: int | None = None
    data: int | None = None
    rule: int | None = None


NOTHING = Match(BoundBy.NOTHING)


def named_places(event: JobEvent) -> list[NamedPlace]:
    """The places of an event that name a model or data set."""
    found = []
    if event.base_model:
        found.append(NamedPlace("base_model", Named.BASE, event.base_model, sha256_in("", event.base_model)))
    for n, entry in enumerate(event.inputs):
        named, name = _of_role(str(entry.get("role", ""))), str(entry.get("uri", ""))[:1000]
        if named and name and not (named is Named.BASE and name == event.base_model):
            found.append(NamedPlace(f"inputs/{n}", named, name, sha256_in(str(entry.get("digest", "")), name)))
    if output := event.output_model or event.output_uri:
        found.append(NamedPlace("output", Named.OUTPUT, output, sha256_in("", output)))
    return found


def _of_role(role: str) -> Named | None:
    word = role.casefold()
    if word in _BASE_ROLES:
        return Named.BASE
    return None if word in _NO_MATERIAL or word.startswith("granted") else Named.DATASET


def sha256_in(digest: str, name: str) -> str:
    """The SHA-256 that a log gives of a thing, in the digest's field or within the name; else the field as it is."""
    for text in (digest, name):
        found = _HEX64.findall(text.lower())
        if len(found) == 1:
            return str(found[0])
    return digest[:128]


@dataclass(slots=True)
class Known:
    """What is registered for a system, ready for many matches. A key that several versions share stands for none."""

    models: dict[str, int | None] = field(default_factory=dict)
    data: dict[str, int | None] = field(default_factory=dict)
    rules: list[BindingRule] = field(default_factory=list)

    def match(self, place: NamedPlace, event: JobEvent) -> Match:
        """What a place of an event stands for."""
        targets = self.data if place.named is Named.DATASET else self.models
        if found := targets.get(place.digest):
            return _hit(place.named, found, BoundBy.DIGEST)
        jobs = (event.job_id, event.job_name) if place.named is Named.OUTPUT else ()
        for token in (place.name, *jobs):
            if found := targets.get(token):
                return _hit(place.named, found, BoundBy.PROVENANCE)
        rule = next((rule for rule in self.rules if _applies(rule, place, event.occurred_at)), None)
        if rule is None:
            return NOTHING
        how = BoundBy.NOT_OURS if rule.not_ours else BoundBy.RULE
        return Match(how, model=rule.model_version_id, data=rule.dataset_version_id, rule=rule.pk)


def _hit(named: Named, found: int, how: BoundBy) -> Match:
    return Match(how, data=found) if named is Named.DATASET else Match(how, model=found)


def _applies(rule: BindingRule, place: NamedPlace, at: datetime) -> bool:
    day: date = at.date()
    return (
        rule.named == place.named
        and place.name.startswith(rule.prefix)
        and (rule.applies_from is None or rule.applies_from <= day)
        and (rule.applies_to is None or day <= rule.applies_to)
    )


def known(system: AISystem) -> Known:
    """Everything registered for a system, in three queries."""
    versions = ModelVersion.objects.filter(model__system=system).select_related("evidence")
    data = DatasetVersion.objects.filter(dataset__system=system).select_related("evidence")
    rules = BindingRule.objects.filter(system=system, withdrawn_at__isnull=True)
    return Known(
        models=_unique((key, version.pk) for version in versions for key in model_keys(version)),
        data=_unique((key, version.pk) for version in data for key in dataset_keys(version)),
        rules=sorted(rules, key=lambda rule: (-len(rule.prefix), -rule.pk)),
    )


def model_keys(version: ModelVersion) -> set[str]:
    """By what a log may name a model version: its digest, addresses and job ids in its provenance."""
    told = (version.evidence.source_system, version.evidence.collected_how) if version.evidence else ()
    return {version.digest, *_tokens(told)}


def dataset_keys(version: DatasetVersion) -> set[str]:
    """By what a log may name a data-set version: its root, the digest of its manifest, addresses in its provenance."""
    if version.evidence is None:
        return {version.manifest_root}
    told = (version.evidence.source_system, version.evidence.collected_how)
    return {version.manifest_root, version.evidence.sha256, *_tokens(told)}


def _tokens(texts: Iterable[str]) -> Iterator[str]:
    """Addresses and ids in free text: long enough to be one, and no plain word."""
    for text in texts:
        for token in _BREAKS.split(text):
            trimmed = token.rstrip(".:")
            if len(trimmed) >= _SHORTEST_TOKEN and any(char.isdigit() or char in "/:" for char in trimmed):
                yield trimmed


def _unique(pairs: Iterable[tuple[str, int]]) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for key, version in pairs:
        found[key] = version if found.get(key, version) == version else None
    return found
