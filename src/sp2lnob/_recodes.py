"""Columns of a survey program's files, made as a codebook says.

A flag holds 1, 0, or missing where the definition decides neither: a code in no list is never quietly a no. Cost: one
pass over the rows a comparison; what is looked up in another file by household is sorted once a file.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ._codebook import LIST, OTHERWISE, Codebook, Definition
from ._columns import Column, Table
from ._expressions import Expression, Grouping, parse
from ._typing import BoolArray, FloatArray, LongArray
from ._validate import InputError, fail

LINES = 2.0**16  # lines of a household stay below it
HOUSEHOLDS = 2.0**24  # household numbers stay below it, so that a cluster's number and a household's are one double


class Recode:
    """Rows of one file, and the columns that a codebook makes of them.

    Parameters
    ----------
    table : Table
    codebook : Codebook
    reading : {"standard", "escap"}
    rounds : int
        Phase or round of the program.
    lists : dict of str to sequence of float
        Codes by the name of their list.
    variables : dict of str to str
        What the file calls a variable of the codebook.
    given : dict of str to Column, default None
        Columns that are already made.
    key : ndarray of shape (rows,), default None
        Household of each row; None: made of ``key_names``.
    closed : bool, default False
        Whether only columns that are given or made are seen, and no variable of the file.
    """

    def __init__(
        self,
        table: Table,
        codebook: Codebook,
        reading: str,
        rounds: int,
        lists: Mapping[str, Sequence[float]],
        variables: Mapping[str, str],
        given: Mapping[str, Column] | None = None,
        *,
        key: FloatArray | None = None,
        closed: bool = False,
    ) -> None:
        self.table, self.codebook, self.reading, self.rounds = table, codebook, reading, rounds
        self.lists, self.variables = lists, variables
        self.others: dict[str, Recode] = {}
        self.key_names: tuple[str, ...] = ()
        self.line_name = ""  # the line of the household that a row is
        self.made: dict[str, Column] = dict(given or {})
        self.used: dict[str, Column] = {}  # variables of the file, by the codebook's name
        self._names: dict[str, str] = {}
        self._key, self._closed = key, closed
        for name in () if closed else table:
            self._names.setdefault(name.lower(), name)

    def raw(self, name: str) -> str | None:
        """Return what the file calls a variable, if it has it; capital letters make no difference."""
        if self._closed:
            return None
        name = self.variables.get(name, name)
        return name if name in self.table else self._names.get(name.lower())

    # -- what is lacking ----------------------------------------------------------------------------------------------

    def lacks(self, name: str) -> tuple[str, ...]:
        """Return the variables and lists that are lacking to make a column; none if it can be made."""
        if name in self.made:
            return ()
        if name not in self.codebook.columns:
            return () if self.raw(name) else (name,)
        return self._chosen(name)[1]

    def _chosen(self, name: str) -> tuple[Definition | None, tuple[str, ...]]:
        """Return the first definition that can be made, or what the one that comes nearest lacks."""
        definitions = self.codebook.definitions(name, self.reading, self.rounds)
        if not definitions:
            return None, (f"{name} in this phase or round",)
        lacking = [self._lacked_by(definition) for definition in definitions]
        for definition, some in zip(definitions, lacking, strict=True):
            if not some:
                return definition, ()
        return None, min(lacking, key=len)

    def _lacked_by(self, definition: Definition) -> tuple[str, ...]:
        where: Recode | None = self
        lines: tuple[str, ...] = ()
        if definition.over:
            other = "members" if definition.over == "self" else definition.over
            where = self.others.get(other)
            if where is None:
                return (f"the file of {other}",)
            if definition.over == "self":
                lines = (*self.lacks(self.line_name), *where.lacks(where.line_name))
        assert where is not None
        names = [name for name in definition.parts if name not in definition.optional]
        for text in definition.conditions:
            names += where.lacked_names(text, definition.optional)
        found = [lack for name in dict.fromkeys(names) for lack in where.lacks(name)]
        if definition.any and not any(not where.lacks(name) for name in definition.any):
            found += definition.any
        lists = [name for text in definition.conditions for name in where.lists_lacking(text)]
        return tuple(dict.fromkeys((*lines, *found, *(f"codes={{{name!r}: ...}}" for name in lists))))

    def lacked_names(self, text: str, optional: Sequence[str] = ()) -> list[str]:
        """Return the names of an expression that must be there."""
        if self.lists_lacking(text):
            return []
        return [name for name in self._parsed(text).names if name not in optional]

    def lists_lacking(self, text: str) -> list[str]:
        """Return the lists of an expression that have no codes."""
        return [name for name in LIST.findall(text) if name not in self.lists]

    # -- columns ------------------------------------------------------------------------------------------------------

    def column(self, name: str) -> Column:
        """Return a column of the codebook, or a variable of the file."""
        if name not in self.made:
            if name in self.codebook.columns:
                definition, lacking = self._chosen(name)
                if definition is None:
                    fail(f"Column {name!r} must be one that can be made", f"the file lacks {', '.join(lacking)}", "")
                self.made[name] = self._make(name, definition)
            elif (found := self.raw(name)) is not None:
                self.used[name] = self.made[name] = replace(numeric(self.table[found]), name=name)
            else:
                self.made[name] = Column(name, np.full(self.table.rows, np.nan))  # an optional variable
        return self.made[name]

    def mask(self, text: str) -> BoolArray:
        """Return the rows where a condition holds."""
        return self._parsed(text).mask(self.column)

    def _parsed(self, text: str) -> Expression:
        return parse(self.codebook.written(text, self.lists), f"codebook of {self.codebook.program}")

    def _make(self, name: str, definition: Definition) -> Column:
        """Make a column by its definition."""
        if definition.over:
            bare = replace(definition, over="")
            if definition.over == "self":
                other = self.others["members"]
                return self._looked_up(other._make(name, bare), other.lines(other.homes), self.lines(other.homes))
            other = self.others[definition.over]
            if definition.over == "households":
                return self._looked_up(other._make(name, bare), other.key)
            return self._looked_up(other._of_members(name, bare), other.homes)
        return self._made_by(name, definition, self.table.rows, self._where, self._numbers)

    def _of_members(self, name: str, definition: Definition) -> Column:
        """Make a column by household of the rows of this file, which are members."""
        group = self._grouping

        def where(text: str) -> BoolArray:
            return np.asarray(self._parsed(text).evaluate(self.column, group).values == 1)

        def numbers(text: str) -> FloatArray:
            return self._parsed(text).evaluate(self.column, group).values

        return self._made_by(name, definition, len(self.homes), where, numbers)

    def _where(self, text: str) -> BoolArray:
        return np.broadcast_to(self.mask(text), self.table.rows)

    def _numbers(self, text: str) -> FloatArray:
        return self._parsed(text).evaluate(self.column).numbers(text)

    def _made_by(
        self,
        name: str,
        definition: Definition,
        rows: int,
        where: Callable[[str], BoolArray],
        numbers: Callable[[str], FloatArray],
    ) -> Column:
        if definition.value:
            return Column(name, numbers(definition.value))
        values = np.full(rows, np.nan)
        if definition.levels:
            free = np.ones(rows, dtype=np.bool_)
            for position, (_, text) in enumerate(definition.levels):
                if text != OTHERWISE:
                    holds = where(text) & free
                    values[holds], free = position, free & ~holds
            for position, (_, text) in enumerate(definition.levels):
                if text == OTHERWISE:
                    values[free] = position
            return Column(name, values, tuple(label for label, _ in definition.levels), ordered=definition.ordered)
        if definition.negates:
            return Column(name, 1.0 - self.column(definition.negates).values)
        if definition.any:
            yes, no = self._any(definition)
        elif definition.all:
            parts = [self.column(part).values for part in definition.all]
            no = np.logical_or.reduce([part == 0 for part in parts])
            yes = np.logical_and.reduce([part == 1 for part in parts])
        elif definition.letters_yes:
            yes = np.logical_or.reduce([self._letter(part) for part in definition.letters_yes])
            others = definition.letters_no
            no = ~yes if others == OTHERWISE else np.logical_or.reduce([self._letter(part) for part in others])
        else:
            yes = np.zeros(rows, dtype=np.bool_) if definition.yes == OTHERWISE else where(definition.yes)
            no = ~yes if definition.no == OTHERWISE else where(definition.no)
            yes = ~no if definition.yes == OTHERWISE else yes
        values[no] = 0.0
        values[yes] = 1.0
        return Column(name, values)

    def _any(self, definition: Definition) -> tuple[BoolArray, BoolArray]:
        """Return where one of several items is a yes, and where all are a no."""
        gates = definition.gates or (None,) * len(definition.any)
        yes, no = np.zeros(self.table.rows, dtype=np.bool_), np.ones(self.table.rows, dtype=np.bool_)
        for name, gate in zip(definition.any, gates, strict=True):
            if self.lacks(name):
                continue  # optional, or it would not have been chosen
            item = self.column(name).numbers(f"Variable {name!r}")
            yes |= np.isin(item, definition.yes)
            if definition.no != OTHERWISE:
                refused = np.isin(item, definition.no)
                if gate is not None:
                    refused |= np.isin(self.column(gate).numbers(f"Variable {gate!r}"), definition.gate_no)
                no &= refused
        return yes, (~yes if definition.no == OTHERWISE else no)

    def _letter(self, name: str) -> BoolArray:
        """Return who gave an answer that is recorded as the last letter of its variable, or as 1."""
        if self.lacks(name):
            return np.zeros(self.table.rows, dtype=np.bool_)
        column = self.column(name)
        if column.levels is None:
            return np.asarray(column.values == 1)
        chosen = [i for i, level in enumerate(column.levels) if level.strip().upper() == name[-1].upper()]
        return np.isin(column.values, chosen)

    # -- households ---------------------------------------------------------------------------------------------------

    @cached_property
    def key(self) -> FloatArray:
        """Household of each row: its cluster and its number as one."""
        if self._key is not None:
            return self._key
        parts = [self.column(name).numbers(f"Key {name!r}") for name in self.key_names]
        if any(np.isnan(part).any() for part in parts) or parts[-1].max() >= HOUSEHOLDS:
            fail(
                f"Every row of the {self.table.what} must have a household",
                f"{' or '.join(self.key_names)} is missing in some, or is too large",
                "Mend or drop these rows.",
            )
        return np.asarray(parts[0] * HOUSEHOLDS + parts[1])

    @cached_property
    def _sorted(self) -> LongArray:
        return np.argsort(self.key, kind="stable")

    @cached_property
    def homes(self) -> FloatArray:
        """Households that occur, in the order of their keys."""
        return np.unique(self.key)

    @cached_property
    def _grouping(self) -> Grouping:
        """Rows by household, for the household functions."""
        order = self._sorted
        first = np.append(np.searchsorted(self.key[order], self.homes), len(order))

        def heads() -> LongArray:
            fail("A codebook must not use head()", "it does", "Derive the column from the survey.")

        def persons(name: str) -> Column:
            return self.column(name).take(order)

        def households(name: str) -> Column:
            fail("A name outside of household functions must not be used over members", f"{name!r} is", "")

        return Grouping(first, heads, persons, households)

    def lines(self, homes: FloatArray) -> FloatArray:
        """Return the person that each row is: the place of its household among ``homes``, and its line, as one."""
        place = np.minimum(np.searchsorted(homes, self.key), len(homes) - 1)
        line = self.column(self.line_name).numbers(f"Line {self.line_name!r}")
        return np.where(homes[place] == self.key, place * LINES + line, np.nan)

    def _looked_up(self, column: Column, keys: FloatArray, own: FloatArray | None = None) -> Column:
        """Return each row's household's value of a column that has a row for every key, or that of its ``own`` key."""
        own = self.key if own is None else own
        order = np.argsort(keys, kind="stable")
        place = np.minimum(np.searchsorted(keys[order], own), len(keys) - 1)
        found = order[place]
        return replace(column, values=np.where(keys[found] == own, column.values[found], np.nan))

    # -- codes --------------------------------------------------------------------------------------------------------

    def unlisted(self) -> list[tuple[str, float, str, int]]:
        """Return the codes that no list has: variable, code, label and rows."""
        told = []
        for name, given in self.codebook.variables.items():
            if name not in self.used or self.rounds not in given.get("rounds", (self.rounds,)):
                continue
            column = self.used[name]
            if column.levels is not None:
                continue
            known = [*given["missing"], *(code for which in given["lists"] for code in self.lists.get(which, ()))]
            present, rows = np.unique(column.values[~column.missing], return_counts=True)
            told += [
                (name, float(code), column.labels.get(code, ""), int(n))
                for code, n in zip(present, rows, strict=True)
                if code not in known
            ]
        return told


def numeric(column: Column) -> Column:
    """Return a column whose texts are all numbers as numbers."""
    if column.levels is None:
        return column
    try:
        values = np.array([*(float(level) for level in column.levels), np.nan])
    except ValueError:
        return column
    return Column(column.name, values[np.where(column.missing, -1, column.values).astype(np.intp)])


class Picked(Mapping[str, Any]):
    """Some rows of a table, and columns that were made beside it; both are read when they are asked for."""

    def __init__(self, table: Table, rows: LongArray | None, made: Mapping[str, Column]) -> None:
        self.table, self.rows, self.made = table, rows, made

    def __getitem__(self, name: str) -> Column:
        column = self.made[name] if name in self.made else self.table[name]
        return column if self.rows is None else column.take(self.rows)

    def __contains__(self, name: object) -> bool:
        return name in self.made or name in self.table

    def __iter__(self) -> Iterator[str]:
        yield from self.made
        yield from (name for name in self.table if name not in self.made)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def fetch(self, names: Any) -> None:
        """Read columns of a file in one pass."""
        self.table.fetch(name for name in names if name not in self.made)


class Stacked(Mapping[str, Any]):
    """Women, and men below them under the women's names."""

    def __init__(self, women: Table, men: Table, prefix: str, renamed: Mapping[str, str]) -> None:
        self.women, self.men = women, men
        known = {name.lower(): name for name in men}
        self.names = {
            name: known.get(renamed.get(name, renamed.get(name.lower(), f"{prefix}{name}")).lower())
            or (known.get(name.lower()) if prefix.isupper() else None)  # MICS: HH1, HH6, windex5 are the same for all
            for name in women
        }

    def __getitem__(self, name: str) -> Column:
        upper = numeric(self.women[name])
        of_men = self.names[name]
        if of_men is None:
            lower = Column(name, np.full(self.men.rows, np.nan), upper.levels)
        else:
            lower = numeric(self.men[of_men])
        if (upper.levels is None) != (lower.levels is None):
            fail(
                f"{name!r} must be numbers of women and men, or text of both",
                f"it is text of {'men' if upper.levels is None else 'women'} alone",
                "Convert one of them.",
            )
        if upper.levels is None or lower.levels is None:
            return Column(name, np.concatenate([upper.values, lower.values]), labels=upper.labels)
        levels = tuple(sorted({*upper.levels, *lower.levels}))
        place = {level: float(i) for i, level in enumerate(levels)}
        values = [
            np.array([*(place[level] for level in column.levels or ()), np.nan])[
                np.where(column.missing, -1, column.values).astype(np.intp)
            ]
            for column in (upper, lower)
        ]
        return Column(name, np.concatenate(values), levels)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def fetch(self, names: Any) -> None:
        """Read columns of both files in one pass each."""
        asked = [name for name in names if name in self.names]
        self.women.fetch(asked)
        self.men.fetch(found for name in asked if (found := self.names[name]) is not None)


def reason(error: InputError) -> str:
    """Return what an error says, on one line."""
    return " ".join(str(error).split())
