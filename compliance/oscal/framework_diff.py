"""What a new import of a framework changes against the last one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compliance.types.frameworks import Requirement, RequirementChange


def diff_requirements(old: Sequence[Requirement], new: Sequence[Requirement]) -> tuple[RequirementChange, ...]:
    """Changes in the order of the new file, then what is gone. A title that one of the two lacks is no change."""
    before, after = {one.id: one for one in old}, {one.id: one for one in new}
    changes = [change for key, one in after.items() for change in _change(before.get(key), one)]
    gone = [key for key in before if key not in after]
    return (*changes, *(RequirementChange(kind="removed", id=key, before=before[key].title) for key in gone))


def _change(old: Requirement | None, new: Requirement) -> Iterable[RequirementChange]:
    if old is None:
        yield RequirementChange(kind="added", id=new.id, after=new.title)
        return
    if old.title and new.title and old.title != new.title:
        yield RequirementChange(kind="renamed", id=new.id, before=old.title, after=new.title)
    if old.is_withdrawn != new.is_withdrawn:
        yield RequirementChange(kind="withdrawn" if new.is_withdrawn else "reinstated", id=new.id)
