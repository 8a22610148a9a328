"""Whether CloudTrail's log files are unaltered and none is missing: every chain of digest files, hour by hour, over the period.

The figure: `verdict` (compliance.types.completeness.Integrity, never CONFIRMED: that is for auditors to say), `chains`,
`digests`, `verified`, `seconds` and `seconds_consistent` over all chains, `log_files` that the digest files list,
`files_on_record`, `files_unlisted`, and `keys` by which something was verified.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from compliance.types.completeness import CompletenessRow, Integrity, Measured, Part, RowState
from compliance.types.drafts import JSON
from scanning.completeness.base import SHOWN, Facts, LogFile, counted, named
from scanning.completeness.digest_chain import (
    BROKEN,
    UNVERIFIED,
    Checked,
    Digest,
    Key,
    Problem,
    check_link,
    check_logs,
    check_signature,
    digests_of,
    file_of,
    keys_of,
    signatures_of,
)

DIGESTS, SIGNATURES, KEYS = "cloudtrail-digest", "cloudtrail-signatures", "cloudtrail-public-keys"
CLOUDTRAIL = "cloudtrail"
# A digest file begins when the one before it ended; clocks may differ by so much.
TOLERANCE = timedelta(minutes=1)
LIMITS = (
    "Only CloudTrail signs its log files; whether logs of other platforms are whole cannot be told from the files.",
    "A chain that holds together shows that nothing was changed after delivery; which events were delivered is coverage.",
)
_DELIVERED = re.compile(r"\d{12}_CloudTrail_[a-z0-9-]+_\d{8}T\d{4}Z_\w+\.json(?:\.gz)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """A time of a chain of which one thing is said. checked: digest files that speak of it, () where none does."""

    state: RowState
    start: datetime
    end: datetime
    checked: tuple[Checked, ...] = ()
    reason: str = ""

    @property
    def problems(self) -> frozenset[Problem]:
        """What is wrong with any of its digest files."""
        return frozenset().union(*(one.problems for one in self.checked))


def measure(facts: Facts, places: Iterable[tuple[str, str]] = ()) -> Measured:
    """Integrity over the period. places: accounts and regions in scope, as far as they were declared."""
    digests = [d for d in digests_of(facts.of_kind(DIGESTS)) if d.end > facts.start and d.start < facts.end]
    files = [file for file in facts.log_files if file.source == CLOUDTRAIL and _in_period(file, facts)]
    chains = _chains(facts, digests)
    stretches = {chain: list(_stretches(found, facts)) for chain, found in chains.items()}
    vouched = {digest for found in chains.values() for one in found if one.key is not None for digest in one.matching}
    unlisted = [file for file in files if file.sha256 not in vouched]
    rows = [_row(chain, one) for chain, found in stretches.items() for one in found]
    rows += _unlisted_rows(unlisted)
    rows += _silent_places(places, chains, facts)
    rows += _other_sources(facts)
    everything = [one for found in chains.values() for one in found]
    figure = _figure(everything, stretches, files, unlisted) | {"verdict": _verdict(everything, rows).value}
    return Measured(part=Part.INTEGRITY, figure=figure, rows=tuple(rows), limits=LIMITS)


def _in_period(file: LogFile, facts: Facts) -> bool:
    return file.first is None or file.last is None or (file.last >= facts.start and file.first < facts.end)


# Chains ---------------------------------------------------------------------------------------------------------------

_Chain = tuple[str, str, str, str, bool]


def _chains(facts: Facts, digests: Sequence[Digest]) -> dict[_Chain, list[Checked]]:
    """Every chain with its digest files checked, in the order of their end."""
    keys = keys_of(facts.of_kind(KEYS))
    stated = signatures_of(facts.of_kind(SIGNATURES), ())
    signatures = signatures_of(facts.of_kind(SIGNATURES), digests_of(facts.of_kind(DIGESTS)))
    by_hash = {file.sha256: file for file in facts.log_files if file.sha256}
    by_name: dict[str, list[LogFile]] = defaultdict(list)
    for file in facts.log_files:
        by_name[file_of(file.name)].append(file)
    chains: dict[_Chain, list[Checked]] = defaultdict(list)
    for digest in digests:
        checked = Checked(digest)
        check_signature(checked, keys, signatures.get(digest.file, {}))
        check_logs(checked, by_hash, by_name)
        chains[digest.chain].append(checked)
    for found in chains.values():
        _mark_doubles(found)
        for before, after in _pairs(found):
            if _names(after, before):
                check_link(after, before, stated.get(before.digest.file, {}))
    return dict(sorted(chains.items()))


def _mark_doubles(found: list[Checked]) -> None:
    """Of digest files of one name and different content only one can be as AWS wrote it; unless one alone is verified, none is
    believed."""
    by_file: dict[str, list[Checked]] = defaultdict(list)
    for one in found:
        by_file[one.digest.file].append(one)
    for same in by_file.values():
        verified = [one for one in same if one.key is not None]
        for one in same if len(same) > 1 else ():
            if verified != [one]:
                one.problems.add(Problem.TWO_FILES)


def _pairs(found: Sequence[Checked]) -> Iterator[tuple[Checked, Checked]]:
    """Neighbours in a chain, those that are there twice passed over."""
    line = [one for one in found if Problem.TWO_FILES not in one.problems]
    return pairwise(line)


def _names(after: Checked, before: Checked) -> bool:
    previous = after.digest.content["previous"]
    return previous is not None and file_of(previous["object"]) == before.digest.file


# Stretches ------------------------------------------------------------------------------------------------------------


def _state_of(checked: Checked) -> RowState:
    if checked.problems & BROKEN:
        return RowState.BROKEN
    if checked.problems & UNVERIFIED:
        return RowState.UNVERIFIED
    return RowState.LOGS_ABSENT if Problem.LOG_ABSENT in checked.problems else RowState.CONSISTENT


def _stretches(found: list[Checked], facts: Facts) -> Iterator[_Stretch]:
    """The period in stretches, alike neighbours joined."""
    joined: list[_Stretch] = []
    for stretch in _single(found, facts):
        last = joined[-1] if joined else None
        if last and last.state is stretch.state and last.reason == stretch.reason and last.problems == stretch.problems:
            joined[-1] = replace(
                last,
                start=min(last.start, stretch.start),
                end=max(last.end, stretch.end),
                checked=last.checked + stretch.checked,
            )
        else:
            joined.append(stretch)
    yield from joined


def _single(found: list[Checked], facts: Facts) -> Iterator[_Stretch]:
    backfill = found[0].digest.content["backfill"]
    before: Checked | None = None
    for one in found:
        start, end = max(one.digest.start, facts.start), min(one.digest.end, facts.end)
        if Problem.TWO_FILES not in one.problems:
            if not backfill or before is not None:
                yield from _between(before, one, facts, hourly=not backfill)
            before = one
        yield _Stretch(state=_state_of(one), start=start, end=end, checked=(one,))
    last = max(one.digest.end for one in found)
    if not backfill and facts.end - last > TOLERANCE:
        yield _Stretch(state=RowState.NO_DIGEST, start=last, end=facts.end, reason="None is on record from here on.")


def _between(before: Checked | None, after: Checked, facts: Facts, *, hourly: bool) -> Iterator[_Stretch]:
    """What lies between two neighbours of a chain, or before its first."""
    start, end = (before.digest.end if before else facts.start), after.digest.start
    hole = hourly and end - start > TOLERANCE
    if before is None:
        reason = "None is on record before this." if hole else ""
    elif after.digest.content["previous"] is None:
        reason = "Here the chain begins anew: logging was stopped and started, or what came before was removed."
    elif not _names(after, before):
        missing = file_of(after.digest.content["previous"]["object"])
        reason = f"The chain names a digest file that is not on record: {missing}."
    else:
        reason = "The files on either side follow one another all the same." if hole else ""
        if hourly and start - end > TOLERANCE:
            after.problems.add(Problem.OVERLAPS)
    if reason:
        yield _Stretch(
            state=RowState.NO_DIGEST, start=min(start, max(end, facts.start)), end=max(start, end), reason=reason
        )


# Rows -----------------------------------------------------------------------------------------------------------------


def _row(chain: _Chain, stretch: _Stretch) -> CompletenessRow:
    account, region, trail, home, backfill = chain
    checked = stretch.checked
    matching = sum(len(one.matching) for one in checked)
    altered = [name for one in checked for name in one.altered]
    absent = [name for one in checked for name in one.absent]
    facts: JSON = {
        "digests": len(checked),
        "verified": sum(one.key is not None for one in checked),
        "listed": matching + len(altered) + len(absent),
        "matching": matching,
        "altered": altered[:SHOWN],
        "absent": absent[:SHOWN],
        "altered_count": len(altered),
        "absent_count": len(absent),
        "problems": sorted(problem.name.lower() for problem in stretch.problems),
        "files": [one.digest.file for one in checked[:SHOWN]] if stretch.state is RowState.BROKEN else [],
        "keys": sorted({one.key.sha256 for one in checked if one.key}),
        "home_region": home,
        "backfill": backfill,
    }
    return CompletenessRow(
        part=Part.INTEGRITY,
        state=stretch.state,
        platform="aws",
        place=f"{account}/{region}",
        name=f"{trail}, late deliveries" if backfill else trail,
        sentence=_sentence(stretch, altered, absent),
        starts_at=stretch.start,
        ends_at=stretch.end,
        facts=facts,
    )


def _sentence(stretch: _Stretch, altered: list[str], absent: list[str]) -> str:
    if not stretch.checked:
        return f"No digest file speaks of this time. {stretch.reason}"
    listed = sum(len(one.digest.content["log_files"]) for one in stretch.checked)
    told = [f"{counted(len(stretch.checked), 'digest file')} with {counted(listed, 'log file')}."]
    problems = sorted(stretch.problems, key=list(Problem).index)
    told += [f"A digest file {problem.value}." for problem in problems]
    if altered:
        told.append(f"Altered: {named(altered)}.")
    if absent:
        told.append(f"Not on record: {named(absent)}.")
    if not problems:
        told.append("Signatures, links and every log file are as the keys on record say.")
    return " ".join(told)


def _unlisted_rows(files: Sequence[LogFile]) -> Iterator[CompletenessRow]:
    """Log files that no verified digest file lists, by account and region; and documents that no digest file can speak of."""
    grouped: dict[tuple[str, bool], list[LogFile]] = defaultdict(list)
    for file in files:
        delivered = bool(_DELIVERED.fullmatch(file_of(file.name)))
        place = f"{'+'.join(sorted(file.accounts)) or '?'}/{'+'.join(sorted(file.regions)) or '?'}"
        grouped[place, delivered].append(file)
    for (place, delivered), found in sorted(grouped.items()):
        names = sorted(file_of(file.name) for file in found)
        if delivered:
            told = f"{counted(len(found), 'log file')} listed by no verified digest file on record: {named(names)}."
        else:
            told = (
                f"{counted(len(found), 'document')} of CloudTrail records under a name that CloudTrail does not give to log "
                f"files, and listed by no verified digest file: {named(names)}."
            )
        yield CompletenessRow(
            part=Part.INTEGRITY,
            state=RowState.UNLISTED,
            platform="aws",
            place=place[:300],
            name="log files" if delivered else "other documents",
            sentence=told,
            starts_at=min((file.first for file in found if file.first), default=None),
            ends_at=max((file.last for file in found if file.last), default=None),
            facts={"files": len(found), "names": names[:SHOWN]},
        )


def _silent_places(
    places: Iterable[tuple[str, str]], chains: Iterable[_Chain], facts: Facts
) -> Iterator[CompletenessRow]:
    """Accounts and regions in scope of which there is no chain, one row for each account."""
    known = {(account, region) for account, region, *_ in chains}
    by_account: dict[str, list[str]] = defaultdict(list)
    for account, region in sorted(set(places) - known):
        by_account[account].append(region)
    for account, regions in sorted(by_account.items()):
        yield CompletenessRow(
            part=Part.INTEGRITY,
            state=RowState.NO_DIGEST,
            platform="aws",
            place=account,
            name=counted(len(regions), "region"),
            sentence=f"No digest file of {counted(len(regions), 'region')} in scope is on record: {named(regions)}.",
            starts_at=facts.start,
            ends_at=facts.end,
            facts={"regions": regions},
        )


def _other_sources(facts: Facts) -> Iterator[CompletenessRow]:
    """Logs of which nothing can be verified, one row for each source."""
    sources: dict[str, list[LogFile]] = defaultdict(list)
    for file in facts.log_files:
        if file.source != CLOUDTRAIL and _in_period(file, facts):
            sources[file.source].append(file)
    for source, found in sorted(sources.items()):
        yield CompletenessRow(
            part=Part.INTEGRITY,
            state=RowState.NOT_ASSESSED,
            platform=source,
            place="",
            name=source,
            sentence=f"{counted(len(found), 'document')} of {source}: this source signs nothing that could be verified.",
            facts={"files": len(found)},
        )


# The figure -----------------------------------------------------------------------------------------------------------


def _figure(
    everything: Sequence[Checked],
    stretches: dict[_Chain, list[_Stretch]],
    files: Sequence[LogFile],
    unlisted: Sequence[LogFile],
) -> JSON:
    hourly = [one for chain, found in stretches.items() if not chain[4] for one in found]
    keys: dict[str, Key] = {one.key.sha256: one.key for one in everything if one.key is not None}
    matching = sum(len(one.matching) for one in everything)
    altered = sum(len(one.altered) for one in everything)
    absent = sum(len(one.absent) for one in everything)
    return {
        "chains": len(stretches),
        "digests": len(everything),
        "verified": sum(one.key is not None for one in everything),
        "seconds": _seconds(hourly),
        "seconds_consistent": _seconds(one for one in hourly if one.state is RowState.CONSISTENT),
        "log_files": {
            "listed": matching + altered + absent, "matching": matching, "altered": altered, "absent": absent
        },
        "files_on_record": len(files),
        "files_unlisted": len(unlisted),
        "keys": [
            {"sha256": key.sha256, "fingerprint": key.fingerprint, "region": key.region, "document": key.document}
            for _, key in sorted(keys.items())
        ],
    }  # fmt: skip


def _seconds(stretches: Iterable[_Stretch]) -> int:
    return round(sum((one.end - one.start).total_seconds() for one in stretches))


def _verdict(everything: Sequence[Checked], rows: Sequence[CompletenessRow]) -> Integrity:
    states = {row.state for row in rows}
    if RowState.BROKEN in states:
        return Integrity.INCONSISTENT
    if not any(one.key is not None for one in everything):
        return Integrity.NOT_VERIFIED
    held = {RowState.UNVERIFIED, RowState.NO_DIGEST, RowState.LOGS_ABSENT, RowState.UNLISTED}
    return Integrity.INCOMPLETE if states & held else Integrity.CONSISTENT
