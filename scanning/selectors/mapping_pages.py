"""Column mappings as pages show them: the list, and one with its versions and the imports that used it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, OuterRef, QuerySet, Subquery

from compliance.rights import Asker, visible
from scanning.ingest.log_mapping import FIELDS, Layout
from scanning.models import ColumnMapping, Import

MOST_IMPORTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedField:
    """One field and where it is taken from. is_constant: the same for every record."""

    name: str
    taken_from: str
    is_constant: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingPage:
    """One version of a mapping. imports: at most MOST_IMPORTS of imports_total that the asker may see."""

    fields: tuple[MappedField, ...]
    actions: tuple[tuple[str, str], ...]
    outcomes: tuple[tuple[str, str], ...]
    versions: tuple[ColumnMapping, ...]
    imports: tuple[Import, ...]
    imports_total: int


def mapping_list(*, asker: Asker) -> QuerySet[ColumnMapping]:
    """The latest version of each mapping, with the number of imports that used any of them."""
    newest = ColumnMapping.objects.filter(name=OuterRef("name")).order_by("-version").values("pk")[:1]
    used = Import.objects.filter(mapping__name=OuterRef("name")).order_by().values("mapping__name")
    counted = used.annotate(n=Count("pk")).values("n")
    rows = visible(ColumnMapping.objects.filter(pk=Subquery(newest)), asker)
    return rows.select_related("made_by").annotate(used=Subquery(counted))


def mapping_page(mapping: ColumnMapping, asker: Asker) -> MappingPage:
    """One version, as far as the asker may see who used it."""
    definition = mapping.definition
    imports = visible(Import.objects.filter(mapping=mapping), asker).select_related("evidence", "job", "system")
    return MappingPage(
        fields=tuple(
            _field(name, definition["fields"][name], mapping.layout) for name in FIELDS if name in definition["fields"]
        ),
        actions=tuple(sorted(definition["actions"].items())),
        outcomes=tuple(sorted(definition["outcomes"].items())),
        versions=tuple(ColumnMapping.objects.filter(name=mapping.name).select_related("made_by").order_by("-version")),
        imports=tuple(imports[:MOST_IMPORTS]),
        imports_total=imports.count(),
    )


def _field(name: str, taken: dict[str, str], layout: str) -> MappedField:
    """A column of a table by its name, one of JSON lines by its pointer."""
    constant, column = taken.get("constant", ""), taken.get("column", "")
    if layout == Layout.CSV:
        column = column.removeprefix("/").replace("~1", "/").replace("~0", "~")
    return MappedField(name=name, taken_from=constant or column, is_constant=bool(constant))
