"""Where the clocks of findings stand, in lists that read them with `with_clock`."""

from __future__ import annotations

from django import template

from compliance.models import Finding, RemediationItem
from compliance.selectors.time_limits import ShownLimit, limit_of_finding, limit_of_item

register = template.Library()


@register.simple_tag
def limit_of(row: Finding | RemediationItem) -> ShownLimit | None:
    """The clock of a finding, or the most urgent one of what an item mends."""
    return limit_of_item(row) if isinstance(row, RemediationItem) else limit_of_finding(row)
