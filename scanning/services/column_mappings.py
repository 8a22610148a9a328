"""Column mappings: what the columns of a log of no known format mean, as a person said it, in versions that never change."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import BinaryIO, cast

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from compliance.models import Evidence, User
from compliance.services import evidence as evidences
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.errors import BadInputError
from scanning.ingest.base import ParseContext
from scanning.ingest.generic_log import layout_of
from scanning.ingest.limits import plain_head
from scanning.ingest.log_mapping import LogMapping
from scanning.ingest.mapping_preview import Head, head_of
from scanning.ingest.registry import HEAD_BYTES
from scanning.models import ColumnMapping

MOST_NAMED = 20


def make(*, name: str, mapping: LogMapping, columns: Sequence[str], actor: User | None) -> ColumnMapping:
    """Keep a mapping as the next version of its name; one that says what the latest says already is that one.

    columns: pointers of all columns of the log it was made on, by which it is proposed again. Raises RefusedError.
    """
    name = " ".join(name.split())
    if not name:
        raise RefusedError(_("Give the mapping a name, such as that of the system which wrote the log."))
    latest = ColumnMapping.objects.filter(name=name).order_by("-version").first()
    if latest is not None and latest.sha256 == mapping.sha256:
        return latest
    try:
        return _made(name, (latest.version if latest else 0) + 1, mapping, columns, actor)
    except IntegrityError as error:
        raise RefusedError(_("Somebody made a version of “%s” at the same moment; look at it first.") % name) from error


def _made(name: str, version: int, mapping: LogMapping, columns: Sequence[str], actor: User | None) -> ColumnMapping:
    with transaction.atomic():
        made = ColumnMapping.objects.create(
            name=name,
            version=version,
            layout=mapping.layout.value,
            definition=mapping.as_json(),
            sha256=mapping.sha256,
            columns=list(columns),
            columns_sha256=columns_digest(columns),
            made_by=actor,
        )
        ledger.record(
            kind="column_mapping.made",
            subject=made,
            payload={"version": version, "sha256": made.sha256, "columns_sha256": made.columns_sha256},
            actor=actor,
            system=None,
        )
    return made


def columns_digest(columns: Sequence[str]) -> str:
    """Digest of the columns of a log, whatever their order."""
    return digest_of(sorted(columns))


def named(name: str) -> ColumnMapping:
    """The latest version of a mapping. Raises RefusedError, which lists the names there are."""
    found = ColumnMapping.objects.filter(name=name).order_by("-version").first()
    if found is not None:
        return found
    known = list(dict.fromkeys(ColumnMapping.objects.order_by("name").values_list("name", flat=True)))[:MOST_NAMED]
    there = _("there are: %s") % ", ".join(known) if known else _("none has been made yet")
    raise RefusedError(_("There is no column mapping named “%(name)s”; %(there)s.") % {"name": name, "there": there})


def latest() -> list[ColumnMapping]:
    """The latest version of each mapping, by name."""
    found: dict[str, ColumnMapping] = {}
    for mapping in ColumnMapping.objects.select_related("made_by").order_by("name", "-version"):
        found.setdefault(mapping.name, mapping)
    return list(found.values())


def fitting(*, head: Head) -> list[ColumnMapping]:
    """Mappings that can read a log with these columns: first those made on the very same, then the newest."""
    pointers = {column.pointer for column in head.columns}
    digest = columns_digest(sorted(pointers))
    fit = [known for known in latest() if known.layout == head.layout.value and _columns_of(known) <= pointers]
    return sorted(fit, key=lambda known: (known.columns_sha256 != digest, -known.pk))


def _columns_of(mapping: ColumnMapping) -> set[str]:
    return {taken["column"] for taken in mapping.definition["fields"].values() if "column" in taken}


def beginning_of(*, evidence: Evidence) -> Head:
    """The columns and first records of a log that is kept. Raises RefusedError where it is no table and no JSON lines."""
    context = ParseContext(file_name=evidence.filename, total_bytes=evidence.size)
    try:
        with closing(evidences.open_bytes(evidence=evidence)) as stored:
            layout = layout_of(plain_head(stored.read(HEAD_BYTES)))
        if layout is None:
            raise RefusedError(
                _("“%s” is neither a table nor JSON lines; its columns cannot be mapped.") % evidence.filename
            )
        with closing(evidences.open_bytes(evidence=evidence)) as stored:
            return head_of(cast(BinaryIO, stored), context, layout)
    except BadInputError as error:
        raise RefusedError(str(error)) from error
