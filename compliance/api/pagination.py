"""Pages of lists, with the count that every list must state."""

from __future__ import annotations

from rest_framework.pagination import PageNumberPagination


class CountedPagination(PageNumberPagination):
    """`?page=` and `?page_size=` up to 200; the answer holds `count`, `next`, `previous` and `results`."""

    page_size_query_param = "page_size"
    max_page_size = 200
