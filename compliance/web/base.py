"""What every page view shares: the gate, the scoped lookup, pages of lists, and refusals in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import F, Model, OrderBy, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django_htmx.middleware import HtmxDetails

from compliance.models import User
from compliance.rights import NotAllowedError, Verb, require, visible
from compliance.selectors.kept import kept, record_mark

ModelT = TypeVar("ModelT", bound=Model)
P = ParamSpec("P")
PER_PAGE = 25


class Request(HttpRequest):
    """A request of somebody who is signed in."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[Request, P], HttpResponseBase]


def guarded(
    verb: Verb, *, methods: tuple[str, ...] = ("GET", "HEAD")
) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """Only people whose role carries the verb get in; the route test reads `verb` and `methods` off the view."""

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        @login_required
        @require_http_methods(list(methods))
        @wraps(view)
        def gate(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                require(request.user, verb)
            except NotAllowedError as error:
                raise PermissionDenied(str(error)) from error
            return view(request, *args, **kwargs)  # type: ignore[arg-type]  # the gate made it a Request

        gate.verb, gate.methods = verb, methods  # type: ignore[attr-defined]  # read by the route test
        return gate

    return decorate


def public(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Marks a page that anybody may open; the route test lists these by name."""
    view.verb = None  # type: ignore[attr-defined]  # read by the route test
    return view


def uuid_of(text: str | None) -> UUID:
    """An identifier that a form sent; what is no identifier is as unknown as one that does not exist."""
    try:
        return UUID(text or "")
    except ValueError as error:
        raise Http404 from error


def found(request: Request, queryset: QuerySet[ModelT], uuid: UUID) -> ModelT:
    """The record with this uuid when it exists for the asker, else 404."""
    return get_object_or_404(visible(queryset, request.user), uuid=uuid)


def page_of(request: HttpRequest, rows: QuerySet[ModelT], *, per: int = PER_PAGE) -> Page[ModelT]:
    """The page that `?page=` asks for; out of range is the last one."""
    return Paginator(rows, per).get_page(request.GET.get("page"))


def page_by_key(
    request: HttpRequest, rows: QuerySet[ModelT], *, count: int, per: int = PER_PAGE, keep: str = ""
) -> Page[ModelT]:
    """As `page_of` for wide tables: finds the page among `count` keys alone, then reads its rows.

    keep: a name that tells whatever the rows depend on, their asker included; the keys are then kept under it.
    """
    paginator = Paginator(rows.values_list("pk", flat=True), per)
    paginator.count = count
    page = paginator.get_page(request.GET.get("page"))
    listed = page.object_list
    keys: list[Any] = kept(f"{keep}|{page.number}", lambda: list(listed), mark=record_mark()) if keep else list(listed)
    known = rows.in_bulk(keys)
    page.object_list = [known[key] for key in keys if key in known]
    return page


def ordered(request: HttpRequest, rows: QuerySet[ModelT], orders: Mapping[str, Sequence[str]]) -> QuerySet[ModelT]:
    """Rows in the order that `?sort=` names, `-` reversing it; rows as they are for any other word."""
    asked = request.GET.get("sort", "")
    fields = orders.get(asked.removeprefix("-"))
    if fields is None:
        return rows
    order = [OrderBy(F(field), descending=asked.startswith("-"), nulls_last=True) for field in fields]
    return rows.order_by(*order, "pk")


def say(request: HttpRequest, text: str) -> None:
    """A word of success on the next page."""
    messages.success(request, text)


def refuse(request: HttpRequest, error: Exception) -> None:
    """A refusal in words on the next page."""
    messages.error(request, str(error) or _("That was refused."))
