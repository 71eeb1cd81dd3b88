"""Who is who: households and persons, matched by key and sorted by the labels of stratum, PSU, household and person.

The order of rows in a file then changes no digit, and what is drawn for a person depends on the person's labels alone.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np

from ._columns import EXACT, Column, Table, blocks, table_of, taken
from ._typing import BitArray, CodeArray, Frame
from ._validate import fail, fail_if_any, fail_if_unknown

PARTS = 8  # of the households, whose persons are sorted at a time


@dataclass(frozen=True, eq=False)
class Roster:
    """Households and persons in their order.

    Attributes
    ----------
    households : Table
    persons : Table or None
    key : Column
        Of the households; their number in the file where they have none.
    person : str or None
        Column that identifies a person within the household.
    household_of : ndarray of shape (persons,), int32
        Household of each person.
    first_person : ndarray of shape (households + 1,), int32
        Where each household's persons begin.
    """

    households: Table
    persons: Table | None
    key: Column
    person: str | None
    household_of: CodeArray
    first_person: CodeArray

    def show_household(self, row: int) -> str:
        """Return how an error names a household."""
        return f"{self.key.name} {self.key.label(self.key.values[row])}"

    def show_person(self, row: int) -> str:
        """Return how an error names a person."""
        household = int(self.household_of[row])
        if self.person is None or self.persons is None:
            return f"{self.show_household(household)}, person {row - self.first_person[household] + 1}"
        identifier = self.persons[self.person]
        return f"{self.show_household(household)}, {self.person} {identifier.label(identifier.values[row])}"

    @cached_property
    def household_identity(self) -> BitArray:
        """A number of 64 bits that each household's key alone decides."""
        return _mix(_hashed(self.key))

    @cached_property
    def person_identity(self) -> BitArray:
        """A number of 64 bits that household's key and person's identifier alone decide."""
        if self.person is None or self.persons is None:
            position = np.arange(len(self.household_of)) - self.first_person[self.household_of]
            own = Column("position", position.astype(np.float64))
        else:
            own = self.persons[self.person]
        with np.errstate(over="ignore"):
            return _mix(self.household_identity[self.household_of] + np.uint64(1) + _mix(_hashed(own)))


def build_roster(
    households: Frame, persons: Frame, household: str | None, person: str | None, design: list[str]
) -> Roster:
    """Match persons to households and sort both; ``design`` names the columns of strata, then of the PSU."""
    if households is None and persons is None:
        fail("A survey must have households, persons, or both", "None came for both", "Pass at least one frame.")
    people = None if persons is None else _rows_of(persons, "persons")
    if households is None:
        assert people is not None
        key, of = _from_persons(people, household)
        homes = Table({}, len(key), "households")
    else:
        homes = _rows_of(households, "households")
        key = _key_of(homes, household, people is not None)
        of = np.empty(0, dtype=np.int32) if people is None else _match(people[key.name], key)
        if people is not None:
            people.forget(key.name)  # from here on it is known whose each person is
    columns = [_design_column(name, homes, people, key, of) for name in design]
    order = np.lexsort([_rank(key), *(_rank(column) for column in columns[::-1])])
    key, homes = key.take(order), homes.sorted(order)
    if people is None:
        return Roster(homes, None, key, None, np.empty(0, dtype=np.int32), np.zeros(len(key) + 1, dtype=np.int32))
    position = np.empty(len(key), dtype=np.int32)
    position[order] = np.arange(len(key), dtype=np.int32)
    of = taken(position, of)
    rows = _order_of_persons(of, None if person is None else _rank(people[person]))
    of = taken(of, rows)
    if person is not None:
        _check_identifiers(people[person].take(rows), of, key)
    first = np.searchsorted(of, np.arange(len(key) + 1, dtype=np.int32))
    return Roster(homes, people.sorted(rows), key, person, of, first.astype(np.int32))


def _order_of_persons(of: CodeArray, rank: Any) -> CodeArray | slice:
    """Return persons by household, and by rank in it; all of them as they are, if they came so.

    An order of 4 bytes a person is kept for as long as columns may be asked for; one that is not needed is not made.
    Parts of the households are sorted one after the other: NumPy's order of all at once would take 8 bytes more.
    """
    later = of[1:] >= of[:-1]
    if rank is not None:
        later &= (of[1:] > of[:-1]) | (rank[1:] >= rank[:-1])
    if later.all():
        return slice(None)
    del later
    made, filled, homes = np.empty(len(of), dtype=np.int32), 0, int(of.max()) + 1
    for part in range(PARTS):
        rows = np.flatnonzero((of >= homes * part // PARTS) & (of < homes * (part + 1) // PARTS))
        own = of[rows]
        order = np.argsort(own, kind="stable") if rank is None else np.lexsort([rank[rows], own])
        made[filled : filled + len(rows)] = rows[order]
        filled += len(rows)
    return made


def _rows_of(frame: Frame, what: str) -> Table:
    """Return a frame's table, which must have rows."""
    table = table_of(frame, what)
    if not table.rows:
        fail(f"The {what} must have at least one row", "there is none", "Pass the rows of the survey.")
    return table


def constant_within(column: Column, of: CodeArray, key: Column) -> Column:
    """Return a column of persons by household, if every household has one value only."""
    first, rows = np.empty(len(key), dtype=np.int64), len(of)
    for block in [*blocks(rows)][::-1]:  # backwards, so that the first row of a household is written last
        first[of[block][::-1]] = np.arange(block.stop - 1, block.start - 1, -1)
    expected, varies = column.values[first], np.empty(rows, dtype=np.bool_)
    for block in blocks(rows):
        here, there = column.values[block], expected[of[block]]
        varies[block] = (here != there) & ~(np.isnan(here) & np.isnan(there))
    fail_if_any(
        varies,
        f"Column {column.name!r} must not vary within a household to describe it",
        f"Derive what is meant, e.g. derive={{'head_{column.name}': 'head({column.name})'}}; name a weight of persons "
        "as person_weight=; or pass household=None if every person stands alone.",
        lambda i: (
            f"{key.name} {key.label(key.values[of[i]])}: "
            f"{column.label(expected[of[i]])} and {column.label(column.values[i])}"
        ),
    )
    return column.take(first)


def _key_of(homes: Table, household: str | None, shared: bool) -> Column:
    """Return the key of the households, each of which has its own."""
    if household is None:
        if shared:
            fail("Households and persons must share a key", "household=None came", "Name the key's column.")
        return Column("row", np.arange(homes.rows, dtype=np.float64))
    key = homes[household]
    fail_if_any(key.missing, f"Every household must have a key {household!r}", "Mend or drop these rows.")
    if not key.is_text and np.abs(key.values).max() >= EXACT:
        fail(
            f"The key {household!r} must tell households apart",
            f"its numbers, such as {np.abs(key.values).max():.15g}, are too long for the decimal numbers they came as",
            "Read the key as text.",
        )
    present, codes = key.coded()
    times = np.bincount(codes, minlength=len(present))
    fail_if_any(
        (times > 1)[codes],
        f"Every household must have a key {household!r} of its own",
        "Drop the copies, or name the column that tells households apart.",
        lambda i: f"{household} {key.label(key.values[i])}",
    )
    return key


def _from_persons(people: Table, household: str | None) -> tuple[Column, CodeArray]:
    """Return the households that persons alone make up, and each person's."""
    if household is None:
        return Column("row", np.arange(people.rows, dtype=np.float64)), np.arange(people.rows, dtype=np.int32)
    if household not in people:
        fail(
            "Persons must have the key of their household",
            f"there is no column {household!r}",
            "Name the key, or pass household=None if every person stands alone (women, births).",
        )
    key = people[household]
    fail_if_any(key.missing, f"Every person must have a household key {household!r}", "Mend or drop these rows.")
    present, codes = key.coded()
    return replace(key, values=present), codes


def _match(key: Column, own: Column) -> CodeArray:
    """Find each person's household, and check that nobody and no household is left over."""
    name = own.name
    fail_if_any(key.missing, f"Every person must have a household key {name!r}", "Mend or drop these rows.")
    if key.is_text != own.is_text:
        words = {True: "text", False: "a number"}
        fail(
            f"The key {name!r} must be of one type in both frames",
            f"it is {words[own.is_text]} for households and {words[key.is_text]} for persons",
            "Convert one of them.",
        )
    code = None
    if key.levels is not None and own.levels is not None:
        place = {level: code for code, level in enumerate(own.levels)}
        code = np.array([place.get(level, -1) for level in key.levels], dtype=np.float64)
    order = np.argsort(own.values, kind="stable").astype(np.int32)
    known, of, lost = own.values[order], np.empty(len(key), dtype=np.int32), np.empty(len(key), dtype=np.bool_)
    for block in blocks(len(key)):
        values = key.values[block] if code is None else code[key.values[block].astype(np.int64)]
        found = np.minimum(np.searchsorted(known, values), len(own) - 1)
        of[block], lost[block] = order[found], known[found] != values
    fail_if_any(
        lost,
        "Every person must belong to a household of the survey",
        "Add the households, or drop these persons.",
        lambda i: f"{name} {key.label(key.values[i])}",
    )
    served = np.zeros(len(own), dtype=np.bool_)
    served[of] = True
    fail_if_any(
        ~served,
        "Every household must have a person in the persons frame",
        "Add the persons, or drop these households.",
        lambda i: f"{name} {own.label(own.values[i])}",
    )
    return of


def _design_column(name: str, homes: Table, people: Table | None, key: Column, of: CodeArray) -> Column:
    """Return a column of the design by household; missing values are an error."""
    if name in homes:
        column = homes[name]
    elif people is not None and name in people:
        column = constant_within(people[name], of, key)
    else:
        fail_if_unknown(name, [*homes, *(people or ())], "A column of the design")
        raise AssertionError
    fail_if_any(
        column.missing,
        f"Column {name!r} of the design must be known for every household",
        "Mend or drop these rows.",
        lambda i: f"{key.name} {key.label(key.values[i])}",
    )
    return column


def _check_identifiers(person: Column, of: CodeArray, key: Column) -> None:
    """Raise if a person has no identifier, or two of a household have the same."""
    fail_if_any(person.missing, f"Every person must have an identifier {person.name!r}", "Mend or drop these rows.")
    fail_if_any(
        np.r_[False, (of[1:] == of[:-1]) & (person.values[1:] == person.values[:-1])],
        f"Every person of a household must have an identifier {person.name!r} of its own",
        "Drop the copies, or name the column that tells persons apart.",
        lambda i: f"{key.name} {key.label(key.values[of[i]])}, {person.name} {person.label(person.values[i])}",
    )


def _rank(column: Column) -> Any:
    """Return positions in the order of a column's labels: numbers by value, text by its letters."""
    if column.levels is None:
        return column.values
    order = np.argsort(np.array(column.levels, dtype=object), kind="stable")
    rank = np.empty(len(order))
    rank[order] = np.arange(len(order))
    return rank[column.values.astype(np.int64)] if not column.missing.any() else column.values


def _hashed(column: Column) -> BitArray:
    """Return 64 bits for each value: of the number itself, or a hash of the text."""
    if column.levels is None:
        return (column.values + 0.0).view(np.uint64)
    texts = [int.from_bytes(blake2b(level.encode(), digest_size=8).digest(), "little") for level in column.levels]
    return np.array(texts, dtype=np.uint64)[column.values.astype(np.int64)]


def _mix(bits: BitArray) -> BitArray:
    """Spread 64 bits so that neighbors have nothing in common (Steele, Lea and Flood 2014, splitmix64)."""
    with np.errstate(over="ignore"):
        bits = bits + np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(bits ^ (bits >> np.uint64(31)))
