"""Finds, in a log file as CloudTrail delivers it, the few records that matter, without decoding the many that do not.

A record is passed over only where its bytes leave no doubt that decoding would drop it as well: it is told from its
neighbours, names an operation that is not kept, a source, an account, a region and a time, and nothing in the file could
spell a name in another way (escapes, records inside strings). Whatever looks different sends the file to the decoder.
Not noticed is JSON that is broken, or a name that comes twice, inside a record that is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

_START, _END = b'{"Records":[', b"]}"
_FIRST = b'{"eventVersion":'
_BETWEEN = b"," + _FIRST
_TIME, _ACCOUNT = b'"eventTime":"', b'"recipientAccountId":"'
_LONGEST = 1 << 16
# What follows `"eventTime":"`, in the order in which CloudTrail writes it.
_TOLD = re.compile(rb'([^"]{20})","eventSource":"[^"]+","eventName":"([^"]+)","awsRegion":"([^"]+)"')
_TIMES = re.compile(rb"(?:\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ)*")
_MARK = b"\x01"
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'{}[]"\x01'))


@dataclass(frozen=True, slots=True)
class Sieved:
    """read: records in the file; spans: (index, start, end) of those that must be decoded; first, last: times of the others,
    "" where there are none."""

    read: int
    spans: tuple[tuple[int, int, int], ...]
    accounts: frozenset[str]
    regions: frozenset[str]
    first: str
    last: str


def sieve(content: bytes, watched: Collection[bytes]) -> Sieved | None:
    """The records of a whole log file, or None for one that must be decoded. watched: names of events that are kept."""
    content = content.rstrip()
    if not content.startswith(_START + _FIRST) or not content.endswith(b"}" + _END) or _MARK in content:
        return None
    if b"\\" in content and (b"\\u" in content or b"CloudTrailEvent" in content):
        return None
    parts = content.split(_TIME)
    read, at = len(parts) - 1, len(parts[0])
    spans: list[tuple[int, int, int]] = []
    times: set[bytes] = set()
    regions: set[bytes] = set()
    for index, part in enumerate(parts[1:]):
        told = _TOLD.match(part)
        if told is None or len(part) > _LONGEST:
            return None
        time, name, region = told.groups()
        if name in watched:
            spans.append((index, *_record_around(content, at)))
        else:
            times.add(time)
            regions.add(region)
        at += len(_TIME) + len(part)
    account = _account_of(content, read)
    if account is None or not _are_times(times) or not all(map(bytes.isascii, regions)):
        return None
    if spans and not _is_framed(content[: spans[-1][2]]):
        return None
    return Sieved(
        read=read,
        spans=tuple(spans),
        accounts=frozenset([account] if times else []),
        regions=frozenset(region.decode() for region in regions),
        first=min(times, default=b"").decode(),
        last=max(times, default=b"").decode(),
    )


def _record_around(content: bytes, at: int) -> tuple[int, int]:
    before, after = content.rfind(_BETWEEN, 0, at), content.find(_BETWEEN, at)
    return (before + 1 if before >= 0 else len(_START)), (after if after >= 0 else len(content) - len(_END))


def _account_of(content: bytes, read: int) -> str | None:
    """The account that every record of the file is of; None where they differ, or where records cannot be told apart."""
    start = content.find(_ACCOUNT) + len(_ACCOUNT)
    account = content[start : content.find(b'"', start)]
    # The name as often as the value: else some record holds another one, or one within another member.
    parts = (_BETWEEN, b'"eventName"', b'"recipientAccountId"', _ACCOUNT + account + b'"')
    counts = [content.count(part) for part in parts]
    is_sure = start >= len(_ACCOUNT) and account.isascii() and counts == [read - 1, read, read, read]
    return account.decode() if is_sure else None


def _are_times(times: Collection[bytes]) -> bool:
    """As `is_time`, of many at once: their form together, and each day once."""
    days = {time[:10] for time in times}
    return _TIMES.fullmatch(b"".join(times)) is not None and all(is_time(day + b"T00:00:00Z") for day in days)


def is_time(time: bytes) -> bool:
    """Whether it is a moment as CloudTrail writes it, and no wrong clock."""
    if len(time) != 20 or not time.endswith(b"Z") or not b"2000" <= time < b"2100":
        return False
    try:
        datetime.fromisoformat(time.decode())
    except ValueError:
        return False
    return True


def _is_framed(content: bytes) -> bool:
    """Whether what looks like the start of a record is one, from the first to the last that is taken for an event.

    Strings are left out, and pairs of brackets taken away, until nothing is left but the marks between records.
    """
    if b"\\" in content:
        content = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    marked = content.replace(_BETWEEN, _MARK + _BETWEEN).translate(None, _NOT_STRUCTURE)
    # Two quotes side by side hold nothing, be they one string or the end of one and the start of the next.
    structure, before = b"".join(marked.replace(b'""', b"").split(b'"')[::2]), b""
    records = structure[2:]
    while records != before:
        before = records
        records = records.replace(b"{}", b"").replace(b"[]", b"")
    return structure[:2] == b"{[" and not records.strip(_MARK)
