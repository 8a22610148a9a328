"""Which accounts and regions of AWS are logged by a trail that writes management events, and is logging without an error.

Rules by AWS' own description: a trail of one region logs its home region; an organization trail logs every account of the
organization; event selectors of the classic kind log writes for "All" and "WriteOnly"; advanced ones where the category is
Management, unless they read only or leave out SageMaker or Bedrock. A trail without selectors logs all management events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from compliance.types.completeness import PlatformDocument, RowState
from compliance.types.drafts import JSON
from scanning.completeness.base import Facts, latest, named
from scanning.completeness.units import Covered, Unit, seen_in, stated, statement_gap, worst

ACCOUNTS, ORGANIZATION, REGIONS, TRAILS = "aws-accounts", "aws-organization", "aws-regions", "aws-trails"
STATUS, SELECTORS = "aws-trail-status", "aws-trail-selectors"
SOURCES = ("cloudtrail",)
WATCHED = ("sagemaker.amazonaws.com", "bedrock.amazonaws.com")
_ON = {"ENABLED", "ENABLED_BY_DEFAULT", "opt-in-not-required", "opted-in", "ENABLING"}
_NARROWING = ("Equals", "StartsWith", "EndsWith", "NotEquals", "NotStartsWith", "NotEndsWith")


@dataclass(frozen=True, slots=True)
class Trail:
    """A trail with what is known of its state and selectors, None where no document says it."""

    held: JSON
    status: JSON | None
    selectors: JSON | None

    @property
    def name(self) -> str:
        """As people call it."""
        return str(self.held.get("Name") or self.held.get("TrailARN") or "a trail without a name")

    @property
    def owner(self) -> str:
        """The account that it belongs to."""
        parts = str(self.held.get("TrailARN") or "").split(":")
        return parts[4] if len(parts) > 5 else ""

    def covers(self, region: str) -> bool:
        """Whether it logs a region, by its own settings."""
        return bool(self.held.get("IsMultiRegionTrail")) or self.held.get("HomeRegion") == region

    def judged(self) -> tuple[RowState, str]:
        """Whether it delivers writes of management events, and why not."""
        if self.status is None:
            return RowState.NOT_ASSESSED, f"The state of trail {self.name} (get-trail-status) was not handed in."
        if self.status.get("IsLogging") is not True:
            return RowState.NOT_DELIVERING, f"Trail {self.name} is not logging."
        if error := str(self.status.get("LatestDeliveryError") or ""):
            return RowState.NOT_DELIVERING, f"Trail {self.name} could not deliver: {error[:80]}."
        return self._selected()

    def _selected(self) -> tuple[RowState, str]:
        if self.selectors is None:
            if self.held.get("HasCustomEventSelectors") is False:
                return RowState.DELIVERS, f"Trail {self.name} logs all management events."
            return RowState.NOT_ASSESSED, f"What trail {self.name} selects (get-event-selectors) was not handed in."
        classic = self.selectors.get("EventSelectors") or []
        advanced = self.selectors.get("AdvancedEventSelectors") or []
        writes = any(one.get("IncludeManagementEvents") and one.get("ReadWriteType") != "ReadOnly" for one in classic)
        if writes or any(_logs_writes(one.get("FieldSelectors") or []) for one in advanced):
            return RowState.DELIVERS, f"Trail {self.name} logs writes of management events."
        return RowState.NOT_DELIVERING, f"Trail {self.name} logs no writes of SageMaker and Bedrock."


def _logs_writes(fields: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an advanced selector takes writes of SageMaker and Bedrock: all of its conditions hold for them."""
    by_field = {str(one.get("Field")): one for one in fields}
    category = by_field.pop("eventCategory", {})
    if category.get("Equals") != ["Management"]:
        return False
    reads = by_field.pop("readOnly", {})
    if reads.get("Equals") not in (None, [], ["false"]):
        return False
    sources = by_field.pop("eventSource", {})
    wanted = all(_takes(sources, source) for source in WATCHED)
    narrowed = any(one.get(operator) for one in by_field.values() for operator in _NARROWING)
    return wanted and not narrowed


def _takes(condition: Mapping[str, Any], value: str) -> bool:
    """Whether a value passes the operators of a field selector."""
    only = condition.get("Equals") or []
    starts, ends = condition.get("StartsWith") or [], condition.get("EndsWith") or []
    passed = (
        (not only or value in only)
        and (not starts or value.startswith(tuple(starts)))
        and (not ends or value.endswith(tuple(ends)))
    )
    left_out = value in (condition.get("NotEquals") or [])
    left_out = left_out or value.startswith(tuple(condition.get("NotStartsWith") or ["\0"]))
    return passed and not left_out and not value.endswith(tuple(condition.get("NotEndsWith") or ["\0"]))


def _age(document: PlatformDocument) -> tuple[datetime, str]:
    return document.taken_at, document.scope


@dataclass(frozen=True)
class _Estate:
    """What the documents say of AWS."""

    facts: Facts

    @cached_property
    def declared(self) -> dict[str, bool]:
        """Account -> whether it is active, by the lists of accounts; those that are stated and in no list count as active."""
        found: dict[str, bool] = {}
        for document in latest(self.facts.of_kind(ACCOUNTS, ORGANIZATION)):
            for one in document.content.get("accounts") or ():
                found[str(one.get("Id"))] = (one.get("State") or one.get("Status")) == "ACTIVE"
        return dict.fromkeys(stated(self.facts, "aws"), True) | found

    @cached_property
    def regions(self) -> dict[str, list[str]]:
        """Account -> its regions that are switched on."""
        found: dict[str, list[str]] = {}
        for document in latest(self.facts.of_kind(REGIONS)):
            on = (
                one
                for one in document.content["regions"]
                if (one.get("RegionOptStatus") or one.get("OptInStatus")) in _ON
            )
            found[document.scope] = sorted({str(one.get("RegionName")) for one in on})
        return found

    @cached_property
    def trails(self) -> dict[str, Trail]:
        """ARN -> trail; one account's list may show trails of others."""
        held: dict[str, JSON] = {}
        status, selectors = self._told("trail_status"), self._told("event_selectors")
        for document in sorted(latest(self.facts.of_kind(TRAILS)), key=_age):
            for one in document.content["trails"]:
                held[str(one.get("TrailARN") or f"{document.scope} {one.get('Name')}")] = one
        return {arn: Trail(one, status.get(arn), selectors.get(arn)) for arn, one in held.items()}

    def _told(self, member: str) -> dict[str, JSON]:
        """ARN of a trail -> what was said of it last, by itself or in a bundle."""
        found: dict[str, JSON] = {}
        for document in sorted(latest(self.facts.of_kind(TRAILS, STATUS, SELECTORS)), key=_age):
            found |= document.content.get(member) or {}
        return found

    @property
    def unlisted_trails(self) -> list[str]:
        """Trails of which the state or the selectors are on record, and that no list of trails shows."""
        told = {document.scope for document in self.facts.of_kind(STATUS, SELECTORS)}
        return sorted(told - self.trails.keys())

    @cached_property
    def listed_by(self) -> dict[str, set[str]]:
        """Account -> ARNs of the trails that its own list shows; accounts without a list are absent."""
        found: dict[str, set[str]] = defaultdict(set)
        for document in latest(self.facts.of_kind(TRAILS)):
            found[document.scope] |= {str(one.get("TrailARN")) for one in document.content["trails"]}
        return dict(found)

    @property
    def accounts(self) -> list[str]:
        """The accounts in scope: those declared active, else those of which there is any document."""
        if self.declared:
            return sorted(account for account, active in self.declared.items() if active)
        return sorted({*self.regions, *self.listed_by} - {""})

    def trails_of(self, account: str) -> list[Trail]:
        """Trails that may log an account."""
        listed = self.listed_by.get(account, set())
        return [
            trail
            for arn, trail in sorted(self.trails.items())
            if arn in listed or trail.owner == account or trail.held.get("IsOrganizationTrail") is True
        ]


def _judged(trails: Sequence[Trail], *, is_listed: bool) -> tuple[RowState, str]:
    """What trails come to that all cover one place. is_listed: whether the account's own list of trails is on record."""
    if not trails:
        if is_listed:
            return RowState.NOT_DELIVERING, "No trail logs it."
        return (
            RowState.NOT_ASSESSED,
            "Its trails (describe-trails) were not handed in, and no organization trail is on record.",
        )
    told = [trail.judged() for trail in trails]
    for wanted in (RowState.DELIVERS, RowState.NOT_ASSESSED):
        if reasons := [reason for state, reason in told if state is wanted]:
            return wanted, reasons[0]
    if not is_listed:
        return RowState.NOT_ASSESSED, f"{told[0][1]} The account's own trails (describe-trails) were not handed in."
    return RowState.NOT_DELIVERING, " ".join(reason for _, reason in told[:3])


def _of_account(estate: _Estate, account: str) -> Iterator[Unit]:
    """An account, and each of its regions where they are known."""
    trails, is_listed = estate.trails_of(account), account in estate.listed_by
    regions = estate.regions.get(account)
    if regions is None:
        everywhere = [trail for trail in trails if trail.held.get("IsMultiRegionTrail")]
        state, reason = _judged(everywhere or trails, is_listed=is_listed)
        if state is RowState.DELIVERS and not everywhere:
            state, reason = (
                RowState.NOT_ASSESSED,
                f"{reason} It is of one region, and the account's regions were not handed in.",
            )
        yield _unit("account", account, state, reason, seen_in(estate.facts, SOURCES, account))
        return
    parts = []
    for region in regions:
        told = _judged([trail for trail in trails if trail.covers(region)], is_listed=is_listed)
        seen = seen_in(estate.facts, SOURCES, account, region)
        parts.append(_unit("region", f"{account}/{region}", *told, seen))
    state = worst(part.state for part in parts)
    short = [part.place.partition("/")[2] for part in parts if part.state is state]
    reason = "Every region delivers." if state is RowState.DELIVERS else f"{_WORDS[state]}: {named(short)}."
    yield _unit("account", account, state, reason, seen_in(estate.facts, SOURCES, account))
    yield from parts


def _unit(kind: str, place: str, state: RowState, reason: str, seen: bool) -> Unit:
    return Unit(platform="aws", kind=kind, place=place, state=state, reason=reason, seen=seen)


_WORDS = {RowState.NOT_DELIVERING: "Regions that do not deliver", RowState.NOT_ASSESSED: "Regions not assessed"}


def evaluate(facts: Facts) -> Covered | None:
    """Coverage of AWS; None where neither a document nor a log speaks of it."""
    estate = _Estate(facts)
    logged = sorted({name for file in facts.log_files if file.source in SOURCES for name in file.accounts})
    if not estate.accounts and not logged:
        return None
    units = [unit for account in estate.accounts for unit in _of_account(estate, account)]
    units.sort(key=lambda one: one.kind)
    listed = latest(facts.of_kind(ACCOUNTS, ORGANIZATION))
    by = stated(facts, "aws").values()
    gaps = [] if listed else [statement_gap("accounts of AWS", "organizations list-accounts", by)]
    if unlisted := [account for account in logged if account not in estate.accounts]:
        gaps.append(f"Accounts that stand in logs and in no list of accounts in scope: {named(unlisted)}.")
    without = [account for account in estate.accounts if account not in estate.regions]
    if without:
        gaps.append(f"Regions of an account (account list-regions) were not handed in for {named(without)}.")
    if estate.unlisted_trails:
        gaps.append(f"Trails that no list of trails (describe-trails) shows: {named(estate.unlisted_trails)}.")
    places = tuple((account, region) for account in estate.accounts for region in estate.regions.get(account, ()))
    return Covered(platform="aws", units=tuple(units), declared=bool(estate.declared), gaps=tuple(gaps), places=places)
