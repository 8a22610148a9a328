"""Which observations a waiver of a scanner's rule is about. Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase


def covers(*, producer: str, rule: str, assets: str, seen: tuple[str, str, str]) -> bool:
    """Whether a waiver covers what was seen: (producer, rule, name of the asset). No pattern: every asset."""
    by, under, asset = seen
    return by == producer and under == rule and (not assets or fnmatchcase(asset, assets))
