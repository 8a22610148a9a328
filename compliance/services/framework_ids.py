"""Ids of frameworks as people write them: known framework, right form."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.utils.translation import gettext as _

from compliance.models import Framework
from compliance.services.catalog_rows import RETIRED
from compliance.services.errors import RefusedError
from compliance.types.controls import FrameworkId

LONGEST_ID = 100


def require_form(framework: Framework, requirement_id: str) -> None:
    """Raises RefusedError unless the id has the form that the framework's content states for its ids."""
    if not requirement_id or len(requirement_id) > LONGEST_ID:
        raise RefusedError(_("Write the id of a requirement of %s, of at most 100 characters.") % framework.title)
    pattern = str(framework.facts.get("id_pattern", ""))
    if pattern and not re.fullmatch(pattern, requirement_id):
        raise RefusedError(
            _("“%(id)s” does not have the form of the ids of %(framework)s (%(pattern)s); correct it.")
            % {"id": requirement_id, "framework": framework.title, "pattern": pattern}
        )


def resolved(ids: Iterable[FrameworkId]) -> list[tuple[Framework, str]]:
    """The frameworks of ids, each id checked for its form. Raises RefusedError naming the first that is not known."""
    wanted = list(ids)
    known = Framework.objects.in_bulk({one.framework for one in wanted}, field_name="key")
    found = []
    for one in wanted:
        framework = known.get(one.framework)
        if framework is None or framework.facts.get(RETIRED):
            raise RefusedError(_("No framework “%s” is loaded; use a key that the catalogue lists.") % one.framework)
        require_form(framework, one.requirement)
        found.append((framework, one.requirement))
    return found
