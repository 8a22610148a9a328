"""What one run of a SARIF 2.1.0 document says of itself: rules, files, invocations; everything that results point to.

Section numbers are those of the OASIS standard, errata 01.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from compliance.types.drafts import AssetRef
from compliance.types.states import Severity
from scanning.ingest.base import ParseContext
from scanning.ingest.records import Record, list_of, object_of, text_of
from scanning.ingest.report_scope import NOT_RECORDED, known_digests, sha256_of, split_position, split_source

_ATLAS = re.compile(r"\bAML\.T\d{4}(?:\.\d{3})?\b")
_LOCAL = re.compile(r"^file://(?:/(?=[A-Za-z]:[\\/]))?")
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\d+)\}")
_LEVELS = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "note": Severity.LOW,
    "none": Severity.INFORMATIONAL,
}
# Bounds of `security-severity` as GitHub reads it (0 to 10, like CVSS).
_SCORES = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.000001, Severity.LOW))


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule that a result names, with its descriptor where the run holds one."""

    identity: str
    descriptor: Record


@dataclass(frozen=True, slots=True)
class Place:
    """Where a result stands: the file, the member of it or the position in it."""

    asset: AssetRef
    member: str


def index_of(value: object) -> int | None:
    """An index into a list of the run; -1 and all else stand for "none" (§3.4.5)."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def member_of(values: list[Any], index: object) -> Record:
    """The object at an index, an empty one where there is none."""
    at = index_of(index)
    return object_of(values[at]) if at is not None and at < len(values) else {}


class SarifRun:
    """One run. `name`: of the producer, with the format, since the same tool's own report counts its rules otherwise."""

    def __init__(self, run: Record, context: ParseContext, document: AssetRef) -> None:
        self.run, self.document = run, document
        self.driver = object_of(object_of(run.get("tool")).get("driver"))
        self.extensions = list_of(object_of(run.get("tool")).get("extensions"))
        self.name = f"{text_of(self.driver.get('name')) or NOT_RECORDED} (SARIF)"
        self.version = text_of(self.driver.get("semanticVersion")) or text_of(self.driver.get("version"))
        self.automation = object_of(run.get("automationDetails"))
        self.invocations = [object_of(one) for one in list_of(run.get("invocations"))]
        self.artifacts = list_of(run.get("artifacts"))
        self._by_id = {
            text_of(rule.get("id")): rule
            for component in (self.driver, *map(object_of, self.extensions))
            for rule in map(object_of, list_of(component.get("rules")))
        }
        self._digests = self._hashes(context)

    # Files.

    def _hashes(self, context: ParseContext) -> dict[str, str]:
        """Name of a file -> SHA-256, as the run states it or the caller knows it by its name."""
        stated: dict[str, str] = {}
        names: list[str] = []
        for artifact in map(object_of, self.artifacts):
            name = self.name_of(object_of(artifact.get("location")))
            names.append(name)
            if digest := sha256_of(object_of(artifact.get("hashes")).get("sha-256")):
                stated[name] = digest
        results = map(object_of, list_of(self.run.get("results")))
        names.extend(self.name_of(_artifact_of(result)) for result in results)
        return known_digests([name for name in names if name], context) | stated

    def name_of(self, location: Record) -> str:
        """A file as people know it: the address decoded, without a position or member glued to it."""
        uri = text_of(location.get("uri"))
        if not uri and (artifact := member_of(self.artifacts, location.get("index"))):
            uri = text_of(object_of(artifact.get("location")).get("uri"))
        return split_source(split_position(_path(uri))[0])[0]

    def file(self, name: str) -> AssetRef:
        return AssetRef(kind="file", name=name, digest=self._digests.get(name))

    def whole(self) -> AssetRef:
        """What the run is about, for results that stand at no file: runs of one category (§3.17.3), else this document."""
        identity = text_of(self.automation.get("id"))
        category = identity.rpartition("/")[0] or identity
        return AssetRef(kind="scan_target", name=category) if category else self.document

    def targets(self) -> dict[str, AssetRef]:
        """The files that the run states to have analysed (§3.24.6); without a role a file may only have been mentioned."""
        analysed = (
            self.name_of(object_of(artifact.get("location")))
            for artifact in map(object_of, self.artifacts)
            if "analysisTarget" in list_of(artifact.get("roles"))
        )
        return {name: self.file(name) for name in analysed if name}

    def place(self, result: Record) -> Place:
        """Where a result stands, by its first location."""
        location = member_of(list_of(result.get("locations")), 0)
        physical = object_of(location.get("physicalLocation"))
        artifact = _artifact_of(result)
        name = self.name_of(artifact)
        source, position = split_position(_path(text_of(artifact.get("uri"))))
        parts = [split_source(source)[1], position, *_logical(location, physical), _line(physical)]
        return Place(self.file(name) if name else self.whole(), " ".join(dict.fromkeys(filter(None, parts))))

    # Rules.

    def rule_of(self, result: Record) -> Rule:
        """The rule of a result by `rule`, `ruleIndex` or `ruleId`; "CA1000/1" is a case of CA1000 (§3.52.4)."""
        reference = object_of(result.get("rule"))
        identity = text_of(result.get("ruleId")) or text_of(reference.get("id"))
        position = index_of(result.get("ruleIndex"))
        position = index_of(reference.get("index")) if position is None else position
        component = object_of(reference.get("toolComponent"))
        holder = member_of(self.extensions, component.get("index")) or self.driver
        found = member_of(list_of(holder.get("rules")), position)
        descriptor = found or self._by_id.get(identity) or self._by_id.get(identity.rpartition("/")[0]) or {}
        return Rule(identity or text_of(descriptor.get("id")) or text_of(descriptor.get("name")), descriptor)

    def rule_ids(self) -> list[str]:
        return [identity for identity in self._by_id if identity]

    def level(self, result: Record, rule: Rule) -> str:
        """`level` of a result: its own, else "none" unless it is a failure, else the rule's, else "warning" (§3.27.10)."""
        if level := text_of(result.get("level")):
            return level
        if text_of(result.get("kind")) not in ("", "fail"):
            return "none"
        return text_of(object_of(rule.descriptor.get("defaultConfiguration")).get("level")) or "warning"

    def severity(self, level: str, rule: Rule) -> tuple[Severity | None, str]:
        """(normalised, native) severity: by the rule's `security-severity` where it has one, else by level."""
        stated = object_of(rule.descriptor.get("properties")).get("security-severity")
        try:
            score = float(text_of(stated))
        except ValueError:
            return _LEVELS.get(level), level
        if not 0 <= score <= 10:
            return _LEVELS.get(level), f"{level} (security-severity {text_of(stated)})"
        normal = next((severity for least, severity in _SCORES if score >= least), Severity.INFORMATIONAL)
        return normal, f"{level} (security-severity {text_of(stated)})"

    def message(self, result: Record, rule: Rule) -> str:
        """The message of a result: its text, or the rule's text of that id with the arguments in it (§3.11)."""
        message = object_of(result.get("message"))
        text = text_of(message.get("text"))
        identity = text_of(message.get("id"))
        if not text and identity:
            strings = object_of(rule.descriptor.get("messageStrings"))
            common = object_of(self.driver.get("globalMessageStrings"))
            text = text_of(object_of(strings.get(identity) or common.get(identity)).get("text"))
        return _filled(text, [text_of(argument) for argument in list_of(message.get("arguments"))])

    def techniques(self, result: Record, rule: Rule) -> tuple[str, ...]:
        """Ids of ATLAS in the tags of result and rule, and in the taxa that they point to."""
        tags = [
            *list_of(object_of(result.get("properties")).get("tags")),
            *list_of(object_of(rule.descriptor.get("properties")).get("tags")),
        ]
        related = [object_of(one).get("target") for one in list_of(rule.descriptor.get("relationships"))]
        taxa = [self._taxon(object_of(one)) for one in [*list_of(result.get("taxa")), *related]]
        found = (match for text in [*map(text_of, tags), *taxa] for match in _ATLAS.findall(text))
        return tuple(dict.fromkeys(found))

    def all_techniques(self) -> tuple[str, ...]:
        """Ids of ATLAS that any rule of the run names."""
        rules = (Rule(identity, descriptor) for identity, descriptor in self._by_id.items())
        return tuple(dict.fromkeys(found for rule in rules for found in self.techniques({}, rule)))

    def _taxon(self, reference: Record) -> str:
        if identity := text_of(reference.get("id")):
            return identity
        component = object_of(reference.get("toolComponent"))
        taxonomy = member_of(list_of(self.run.get("taxonomies")), component.get("index"))
        return text_of(member_of(list_of(taxonomy.get("taxa")), reference.get("index")).get("id"))

    # The run itself.

    def time(self, name: str) -> str:
        """`startTimeUtc` or `endTimeUtc` of the first invocation that states it."""
        return next((text for one in self.invocations if (text := text_of(one.get(name)))), "")

    def failures(self) -> Iterator[str]:
        """What keeps the run from being whole, in words."""
        if not isinstance(self.run.get("results"), list):
            yield "The run holds no list of results: it did not come to any."
        if any(one.get("executionSuccessful") is False for one in self.invocations):
            yield "The run says that it did not end successfully."
        if object_of(self.run.get("externalPropertyFileReferences")):
            yield "Parts of the run are in other files."
        if any(_is_error(note) for one in self.invocations for note in _notes(one, "toolExecutionNotifications")):
            yield "The tool reported errors while it ran."
        if any(_is_error(note) for one in self.invocations for note in _notes(one, "toolConfigurationNotifications")):
            yield "The tool reported errors in its configuration."


def _artifact_of(result: Record) -> Record:
    location = member_of(list_of(result.get("locations")), 0)
    return object_of(object_of(location.get("physicalLocation")).get("artifactLocation"))


def _path(uri: str) -> str:
    """An address decoded; a local one as a path."""
    text = unquote(uri)
    return _LOCAL.sub("", text)


def _notes(invocation: Record, name: str) -> Iterable[Record]:
    return map(object_of, list_of(invocation.get(name)))


def _is_error(note: Record) -> bool:
    return note.get("level") == "error"


def _filled(text: str, arguments: list[str]) -> str:
    def replaced(found: re.Match[str]) -> str:
        if found.group(1) is None:
            return found.group()[0]
        at = int(found.group(1)) if len(found.group(1)) < 6 else len(arguments)
        return arguments[at] if at < len(arguments) else found.group()

    return _PLACEHOLDER.sub(replaced, text) if arguments else text


def _logical(location: Record, physical: Record) -> Iterator[str]:
    """Names of the logical locations; some tools put them a level too deep."""
    for one in [*list_of(location.get("logicalLocations")), *list_of(physical.get("logicalLocations"))]:
        yield text_of(object_of(one).get("fullyQualifiedName")) or text_of(object_of(one).get("name"))


def _line(physical: Record) -> str:
    region = object_of(physical.get("region"))
    for name, word in (("startLine", "line"), ("byteOffset", "byte"), ("charOffset", "character")):
        if (at := index_of(region.get(name))) is not None:
            return f"{word} {at}"
    return ""
