"""Pages of lists, with the count that every list must state."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from django.core.paginator import Paginator
from django.db.models import QuerySet
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request

from compliance.models import User
from compliance.selectors.kept import kept_count


class _Counted(Paginator):  # type: ignore[type-arg]  # generic in the stubs alone
    """Pages of rows whose number is known."""

    def __init__(self, rows: QuerySet[Any], per: int, *, count: int) -> None:
        super().__init__(rows, per)
        self.count = count


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
