"""Pages of lists, with the count that every list must state."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request

from compliance.models import User
from compliance.selectors.kept import kept_count


class _Counted(Paginator):  # type: ignore[type-arg]  # generic in the stubs alone
    """Pages of rows whose number is known."""

    def __init__(self, rows: QuerySet[Any], per: int, *, count: int) -> None:
        super().__init__(rows, per)
        self.rows, self.count = rows, count

    def page(self, number: int | str) -> Page[Any]:
        """As ever, but by keys first: an index leads to a far page, and its wide rows alone are read."""
        found = super().page(number)
        first = (found.number - 1) * self.per_page
        keys = list(self.rows.values_list("pk", flat=True)[first : first + self.per_page])
        rows = self.rows.in_bulk(keys)
        found.object_list = [rows[key] for key in keys if key in rows]
        return found


class CountedPagination(PageNumberPagination):
    """`?page=` and `?page_size=` up to 200; the answer holds `count`, `next`, `previous` and `results`.

    A view with `keeps_count` is counted once for as long as the record stays as it is: for lists whose every change is on
    the trail, and which may be long.
    """

    page_size_query_param = "page_size"
    max_page_size = 200

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """The rows of the page that is asked for."""
        if getattr(view, "keeps_count", False):
            count = kept_count(queryset, cast(User, request.user))
            self.django_paginator_class = partial(_Counted, count=count)  # type: ignore[assignment]  # called alone
        return super().paginate_queryset(queryset, request, view)
