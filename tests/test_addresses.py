"""Addresses and their names: one name leads to one place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pytest
from django.urls import URLResolver, get_resolver

pytestmark = pytest.mark.sqlite_only


def named(resolver: URLResolver, route: str = "", namespace: str = "") -> Iterator[tuple[str, str]]:
    """Every name with the whole route that it stands for."""
    for pattern in resolver.url_patterns:
        whole = f"{route}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from named(pattern, whole, f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace)
        elif pattern.name:
            yield f"{namespace}{pattern.name}", whole


def test_no_two_addresses_share_a_name() -> None:
    """`reverse` would quietly take the last one: a menu entry once led to an endpoint."""
    routes: dict[str, set[str]] = defaultdict(set)
    for name, route in named(get_resolver()):
        routes[name].add(route)
    assert {name: sorted(found) for name, found in routes.items() if len(found) > 1} == {}
