"""Which accounts and regions of AWS there are, and which trails log them: outputs of `aws`, or one bundle of them.

By themselves are read `organizations list-accounts`, `account list-regions` (or `ec2 describe-regions`), `cloudtrail
describe-trails`, `cloudtrail get-event-selectors`; and `cloudtrail get-trail-status`, which names no trail, where the importer
states the trail's ARN as the source. Nothing is judged here: scanning.completeness.aws_coverage does that. Member names: the
services' API models.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from compliance.types.completeness import CompletenessDraft
from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.document_drafts import Section, document_drafts, stated_time
from scanning.ingest.records import escaped, object_of, text_of
from scanning.ingest.report_reading import decoded, document_bytes, document_text, report_drafts

SOURCE, BUNDLE = "aws_logging", "aws-logging"
ACCOUNTS, REGIONS, TRAILS = "aws-accounts", "aws-regions", "aws-trails"
STATUS, SELECTORS = "aws-trail-status", "aws-trail-selectors"
_AGAIN = "export it again with `--output json`"
_HELP = "see docs/formats/completeness.md"
_BUNDLE = re.compile(rb'"assay_bundle"\s*:\s*"aws-logging"')
_ALONE = re.compile(
    rb'"trailList"\s*:\s*\[|"RegionOptStatus"\s*:|"OptInStatus"\s*:|"IsLogging"\s*:|"(?:Advanced)?EventSelectors"\s*:\s*\['
    rb'|"Accounts"\s*:\s*\[\s*\{[^}]*"Arn"\s*:\s*"arn:[^"]*:organizations:'
)
_LOG = re.compile(rb'"(?:eventSource|eventName|CloudTrailEvent|assay_bundle)"')
_TRAIL = re.compile(r"arn:[^:]+:cloudtrail:[^:]+:\d{12}:trail/.+")
_ORGANIZATION = re.compile(r"arn:[^:]+:organizations::\d{12}:account/(o-[^/]+)/")
# Of an account, not its name and not the address of its owner.
_OF_ACCOUNT = ("Id", "Arn", "Status", "State")
_MEMBERS = {"assay_bundle", "taken_at", "account", "accounts", "regions", "trails", "trail_status", "event_selectors"}


class _Reading:
    """One file by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def listed(self, value: Any, member: str, place: str) -> list[JSON]:
        """The list that an output holds, or several outputs (one for each region) hold together. Raises BadInputError for
        one page of several and for what is no such list."""
        if isinstance(value, list) and value:
            return [one for n, output in enumerate(value) for one in self.listed(output, member, f"{place}/{n}")]
        held = object_of(value)
        if held.get("NextToken"):
            raise BadInputError(f"{self.name}, {place}, is one page of several (NextToken); leave out --max-items.")
        found = held.get(member)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise BadInputError(f"{self.name}, {place}, is not what the command writes; {_HELP}.")
        return found

    def named(self, value: Any, place: str) -> JSON:
        """Trail ARN -> output of a command about that trail; a null is left out."""
        if not isinstance(value, dict) or not all(one is None or isinstance(one, dict) for one in value.values()):
            raise BadInputError(f"{self.name}, {place}, is no object of trail ARN and output; {_HELP}.")
        return {arn: one for arn, one in value.items() if one is not None}

    def accounts(self, value: Any, place: str) -> Section:
        found = self.listed(value, "Accounts", place)
        kept = [{name: one[name] for name in _OF_ACCOUNT if name in one} for one in found]
        arns = (_ORGANIZATION.match(text_of(one.get("Arn"))) for one in kept)
        organizations = {arn[1] for arn in arns if arn}
        scope = organizations.pop() if len(organizations) == 1 else ""
        return Section(kind=ACCOUNTS, scope=scope, content={"accounts": kept}, locator=place)

    def regions(self, value: Any, account: str, place: str) -> Section:
        found = self.listed(value, "Regions", place)
        return Section(kind=REGIONS, scope=account, content={"regions": found}, locator=place)

    def status(self, document: JSON, source: str) -> Section:
        """The state of one trail. Raises BadInputError where the importer names no trail."""
        if not _TRAIL.fullmatch(source):
            raise BadInputError(
                f"{self.name} is the state of a trail (get-trail-status) and does not say of which; hand it in again with the "
                "trail's ARN as its source."
            )
        return Section(kind=STATUS, scope=source, content={"trail_status": {source: document}}, locator="document")

    def selectors(self, document: JSON) -> Section:
        """What one trail selects, which names its trail."""
        arn = text_of(document.get("TrailARN"))
        if not _TRAIL.fullmatch(arn):
            raise BadInputError(f"{self.name} has selectors of events and no TrailARN; {_AGAIN}.")
        return Section(kind=SELECTORS, scope=arn, content={"event_selectors": {arn: document}}, locator="document")

    def trails(self, document: JSON, account: str, place: str) -> Section:
        listed = self.listed(document.get("trails", document), "trailList", place)
        content: JSON = {"trails": listed}
        for section in ("trail_status", "event_selectors"):
            value = document.get(section)
            content[section] = {} if value is None else self.named(value, f"/{section}")
        return Section(kind=TRAILS, scope=account, content=content, locator=place)


def _bundle(document: JSON, reading: _Reading) -> Iterator[Section]:
    unknown = sorted(document.keys() - _MEMBERS)
    if unknown:
        raise BadInputError(f"{reading.name} has a member {unknown[0][:40]!r} that no bundle has; {_HELP}.")
    account = text_of(document.get("account"))
    if document.get("accounts") is not None:
        yield reading.accounts(document["accounts"], "/accounts")
    if document.get("regions") is not None:
        yield reading.regions(document["regions"], account, "/regions")
    if document.get("trails") is not None:
        yield reading.trails(document, account, "/trails")
    elif document.get("trail_status") or document.get("event_selectors"):
        raise BadInputError(f"{reading.name} states what trails do and lists none (`trails`); {_HELP}.")


def _alone(document: JSON, reading: _Reading, source: str) -> Section:
    if "trailList" in document:
        return reading.trails({"trails": document}, "", "document")
    if "Regions" in document:
        return reading.regions(document, "", "document")
    if "Accounts" in document:
        return reading.accounts(document, "document")
    if "IsLogging" in document:
        return reading.status(document, source)
    if "EventSelectors" in document or "AdvancedEventSelectors" in document:
        return reading.selectors(document)
    known = ", ".join(escaped(name) for name in sorted(document)[:3])
    raise BadInputError(
        f"{reading.name} is not what one of the commands writes that are read alone ({known}); {_HELP}."
    )


class AwsLogging:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "AWS accounts, regions and trails (aws, JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain by the bundle's mark, or by members of the outputs that are read alone."""
        if _BUNDLE.search(head):
            return CERTAIN
        return CERTAIN if head.lstrip().startswith(b"{") and _ALONE.search(head) and not _LOG.search(head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """A document for each section. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        name = context.file_name
        reading = _Reading(name)
        document = decoded(document_text(document_bytes(stream, context), name), name, again=_AGAIN)
        if not isinstance(document, dict):
            raise BadInputError(f"{name} is no JSON object; {_AGAIN}.")
        bundle = document.get("assay_bundle") == BUNDLE
        taken_at = stated_time(document, name) if bundle else None
        sections = list(_bundle(document, reading)) if bundle else [_alone(document, reading, context.source.strip())]
        if not sections:
            raise BadInputError(f"{name} holds no section of a bundle; {_HELP}.")
        drafts = document_drafts(sections, make=CompletenessDraft, platform="aws", taken_at=taken_at, file_name=name)
        scope = {"documents": [one.kind for one in sections], "scopes": sorted({one.scope for one in sections} - {""})}
        return report_drafts(drafts, producer=SOURCE, file_name=name, scope=scope)


PARSER = AwsLogging()
