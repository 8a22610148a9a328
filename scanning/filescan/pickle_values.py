"""Values on the stack of a pickle, as far as a static reading needs to tell them apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""

    value: str


@dataclass(frozen=True, slots=True)
class Number:
    """An integer or a truth value."""

    value: int


@dataclass(frozen=True, slots=True)
class Import:
    """An imported name."""

    module: str
    name: str

    @property
    def dotted(self) -> str:
        """`module.name`."""
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class Group:
    """A short tuple."""

    members: tuple[Value, ...]


@dataclass(slots=True)
class Table:
    """A dictionary; of its entries those under the first few texts are kept."""

    entries: dict[str, Value] | None = None


@dataclass(slots=True)
class Made:
    """What a call of an imported name answers. `state`: what it is then given to rebuild itself from."""

    callee: Import
    arguments: Value
    state: Value | None = None


class Other:
    """Any other value."""


class Mark:
    """The mark that delimits a group of values."""


Value = Text | Number | Import | Group | Table | Made | Other | Mark
OTHER, MARK = Other(), Mark()
