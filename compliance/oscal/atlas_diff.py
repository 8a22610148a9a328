"""What a new ATLAS release changes against the installed one, and which of our controls that touches. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from compliance.types.atlas import AtlasChange, AtlasContent, AtlasTechnique


def diff_atlas(
    old: AtlasContent, new: AtlasContent, redirects: Mapping[str, str], *, only_known: bool = False
) -> tuple[AtlasChange, ...]:
    """Changes from `old` to `new` by kind of object and id.

    redirects: replaced ids that are known. An id that is gone, and is in `redirects` or whose object lives on under another id
    (format 6 keeps its uuid), is replaced; any other is removed. only_known: `old` is an extract, so what it lacks is no news.
    """
    pairs = (
        ("tactic", _named_tactics(old), _named_tactics(new)),
        ("technique", {one.id: one for one in old.techniques}, {one.id: one for one in new.techniques}),
        ("mitigation", {one.id: one for one in old.mitigations}, {one.id: one for one in new.mitigations}),
        ("case_study", {one.id: one for one in old.case_studies}, {one.id: one for one in new.case_studies}),
    )
    changes: list[AtlasChange] = []
    for subject, before, after in pairs:
        changes += _gone(subject, before, after, {**_moved(before, after), **redirects})
        if not only_known:
            changes += [
                AtlasChange(kind="added", subject=subject, id=key, after=_name(after[key]))
                for key in sorted(after.keys() - before.keys())
            ]
        for key in sorted(before.keys() & after.keys()):
            changes += _changed(subject, key, before[key], after[key], only_known=only_known)
    if only_known:
        changes += _new_children(old, new)
    return tuple(changes)


def _named_tactics(content: AtlasContent) -> dict[str, object]:
    return dict(content.tactics)


def _name(record: object) -> str:
    return record if isinstance(record, str) else str(getattr(record, "name", ""))


def _moved(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, str]:
    """Ids whose object has another id now, by the object's own identity."""
    now = {identity: key for key, record in after.items() if (identity := getattr(record, "identity", ""))}
    moved = {
        key: now[identity] for key, record in before.items() if (identity := getattr(record, "identity", "")) in now
    }
    return {old: new for old, new in moved.items() if old != new}


def _gone(
    subject: str, before: Mapping[str, object], after: Mapping[str, object], redirects: Mapping[str, str]
) -> Iterable[AtlasChange]:
    for key in sorted(before.keys() - after.keys()):
        new = redirects.get(key, "")
        kind = "replaced" if new in after else "removed"
        yield AtlasChange(
            kind=kind, subject=subject, id=key, before=_name(before[key]), after=new if kind == "replaced" else ""
        )


def moved_ids(old: AtlasContent, new: AtlasContent) -> dict[str, str]:
    """Techniques and mitigations that have another id now, old id -> new id, by their own uuid."""
    return {
        **_moved({one.id: one for one in old.techniques}, {one.id: one for one in new.techniques}),
        **_moved({one.id: one for one in old.mitigations}, {one.id: one for one in new.mitigations}),
    }


def _changed(subject: str, key: str, old: object, new: object, *, only_known: bool) -> Iterable[AtlasChange]:
    if _name(old) != _name(new):
        yield AtlasChange(kind="renamed", subject=subject, id=key, before=_name(old), after=_name(new))
    for field in ("parent", "tactics", "mitigations", "techniques"):
        before, after = _links(getattr(old, field, ())), _links(getattr(new, field, ()))
        is_left_out = only_known and field == "parent" and not before  # an extract may lack the parent
        if before != after and not is_left_out:
            yield AtlasChange(
                kind="relinked",
                subject=subject,
                id=key,
                field=field,
                before=", ".join(before),
                after=", ".join(after),
            )


def _links(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    return sorted(value) if isinstance(value, tuple) else []


def _new_children(old: AtlasContent, new: AtlasContent) -> Iterable[AtlasChange]:
    """Of what an extract lacks, new sub-techniques of those it holds with their sub-techniques are news all the same."""
    held = {one.id for one in old.techniques}
    with_children = {one.parent for one in old.techniques if one.parent} & held
    for one in new.techniques:
        if one.id not in held and one.parent in with_children:
            yield AtlasChange(kind="added", subject="technique", id=one.id, after=one.name)


def touched(change: AtlasChange, techniques: Mapping[str, AtlasTechnique]) -> set[str]:
    """Technique and mitigation ids whose controls the change is to be held against.

    techniques: of both releases. A new sub-technique touches what is mapped to its parent; a change of the links between a
    technique and its mitigations touches the technique and the mitigations that came or went.
    """
    found = {change.id}
    if change.kind == "added":
        parent = techniques[change.id].parent if change.id in techniques else ""
        found |= {parent} - {""}
    if change.field == "mitigations":
        found |= set(change.before.split(", ")) ^ set(change.after.split(", "))
    return found - {""}
