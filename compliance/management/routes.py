"""Every address of the installation with the verb that guards each of its methods, read off the URL configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.urls import URLPattern, URLResolver, get_resolver

from compliance.rights import Verb


class Gate(StrEnum):
    """What stands in front of an address."""

    PAGE = "page"
    ENDPOINT = "endpoint"
    PUBLIC = "public"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Route:
    """One address. verbs: HTTP method -> the verb it needs; a method that is not in it is not answered."""

    name: str
    path: str
    gate: Gate
    verbs: Mapping[str, Verb | None]


def routes() -> list[Route]:
    """Every address, in the order in which Django tries them."""
    return list(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[Route]:
    for entry in patterns:
        path = f"{before}{entry.pattern}"
        if isinstance(entry, URLResolver):
            yield from _walk(entry.url_patterns, path)
        else:
            yield _route(entry, path)


def _route(entry: URLPattern, path: str) -> Route:
    view, name = entry.callback, entry.name or ""
    endpoint = getattr(view, "cls", None)
    if getattr(endpoint, "is_public", False):
        return Route(name, path, Gate.PUBLIC, {})
    if endpoint is not None:
        return Route(name, path, Gate.ENDPOINT, _endpoint_verbs(endpoint, getattr(view, "actions", None)))
    if not hasattr(view, "verb"):
        return Route(name, path, Gate.MISSING, {})
    if view.verb is None:
        return Route(name, path, Gate.PUBLIC, {})
    return Route(name, path, Gate.PAGE, dict.fromkeys(getattr(view, "methods", ()), view.verb))


def _endpoint_verbs(endpoint: type, actions: Mapping[str, str] | None) -> dict[str, Verb | None]:
    """The verb of each method; None where the endpoint names none, so that nobody gets in."""
    verbs: Mapping[str, Verb] = getattr(endpoint, "verbs", {})
    if actions is None:
        return dict(verbs)
    own: Mapping[str, Verb] = getattr(endpoint, "action_verbs", {})
    upper = {method.upper(): action for method, action in actions.items() if method != "head"}  # DRF adds HEAD to GET
    return {method: own.get(action) or verbs.get(method) for method, action in upper.items()}
