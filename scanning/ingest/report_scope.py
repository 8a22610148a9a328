"""What a report was about: the assets it names, and the scope by which a later report may close a finding.

A finding is closed by absence only where a report states that it looked at the same asset, by the same rules, to the end, and
when. Whatever is missing of that is a gap, in words; a report with a gap closes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from compliance.types.drafts import AssetRef
from scanning.ingest.base import ParseContext
from scanning.ingest.records import RejectedError, clipped, moment

NOT_RECORDED = "not recorded by this source"
NO_TIME = "The report does not state when it was made."
NO_VERSION = "The report does not state which version of the tool wrote it."
NO_ASSET = "The report names nothing that was looked at."
# A clock on the wall is at most 14 hours ahead of UTC.
_FARTHEST_EAST = timedelta(hours=14)
_POSITION = re.compile(r" \(pos (\d+)\)$")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def split_source(source: str) -> tuple[str, str]:
    """File and member of a source such as `model.bin:archive/data.pkl`; the colon of a drive letter or of an address is no
    separator."""
    drive = source[:2] if source[1:3] in (":\\", ":/") else ""
    scheme = re.match(r"[a-z][a-z0-9+.-]+://[^/]*", source)
    start = scheme.group() if scheme else drive
    file, _, member = source.removeprefix(start).partition(":")
    return start + file, member


def split_position(location: str) -> tuple[str, str]:
    """Source and position of a location such as `evil.pkl (pos 75)`; the position is "" where none is glued on."""
    found = _POSITION.search(location)
    return (location[: found.start()], f"pos {found.group(1)}") if found else (location, "")


def sha256_of(value: object) -> str | None:
    """A SHA-256 in lower case if the value is one, else None."""
    return value.lower() if isinstance(value, str) and _SHA256.fullmatch(value) else None


def known_digests(paths: Iterable[str], context: ParseContext) -> dict[str, str]:
    """Path -> SHA-256 of the files that the caller knows by name, where the name stands for one path of the report only."""
    by_name: dict[str, set[str]] = {}
    for path in paths:
        by_name.setdefault(re.split(r"[/\\]", path)[-1], set()).add(path)
    return {
        next(iter(named)): context.asset_digests[name]
        for name, named in by_name.items()
        if len(named) == 1 and name in context.asset_digests
    }


def stated_asset(context: ParseContext, content: bytes) -> AssetRef:
    """What a report is about that does not say so: as the importer stated it, else this one report and nothing beside it.

    Reports of such tools bear the same name every time, so their name never makes two of them speak of one asset.
    """
    if context.asset is not None:
        return context.asset
    name = f"{NOT_RECORDED} ({context.file_name}, {sha256(content).hexdigest()[:12]})"
    return AssetRef(kind="unnamed_file", name=clipped(name))


def utc(value: object) -> datetime | None:
    """A time that names its zone, or counts from 1970, in UTC; None where there is none."""
    try:
        return moment(value, "time")
    except RejectedError:
        return None


def not_before(value: object) -> datetime | None:
    """A time before which a report was certainly not made; for one without zone the earliest that its clock allows."""
    found = utc(value)
    if found is None and isinstance(value, str):
        found = utc(f"{value}Z")
        found = found - _FARTHEST_EAST if found else None
    return found


def report_scope(
    *,
    tool: str,
    tool_version: str,
    assets: Iterable[AssetRef],
    gaps: Iterable[str],
    made_at: object,
    rules: Iterable[str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The scope of one run of one tool, JSON-shaped.

    assets: those that were looked at; gaps: why nothing may be closed by it; made_at: when the run began, as the source
    writes it; rules: ids of those that ran, None where the tool knows no choice of rules; more: what else is worth stating.
    """
    listed = {(asset.kind, asset.name, asset.digest): asset for asset in assets}
    since = not_before(made_at)
    missing = {NO_ASSET: not listed, NO_VERSION: not tool_version, NO_TIME: since is None}
    reasons = [*dict.fromkeys(gaps), *(gap for gap, holds in missing.items() if holds)]
    return {
        "tool": tool,
        "tool_version": tool_version,
        "assets": [{"kind": kind, "name": clipped(name), "digest": digest} for kind, name, digest in listed],
        "rules": None if rules is None else sorted(set(rules)),
        "not_before": since.astimezone(UTC).isoformat(timespec="seconds") if since else None,
        "gaps": reasons,
        "complete": not reasons,
        **(more or {}),
    }
