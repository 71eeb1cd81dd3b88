"""What a statistic needs of the survey, prepared once, and evaluated over a block of replicate factors.

Each class holds arrays made from plain weights, and says whose factor each row takes: a PSU's, or a household's own.
The methods take factors of shape (groups, units, LANES) and return one column a replicate.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from ._kernels import _dissimilarity, _ordered, _totals
from ._parallel import LANES
from ._typing import CodeArray, CountArray, FloatArray, LongArray

CHUNK = 256  # as in _kernels/_ordered.pyx
BLOCK = 64  # as in _kernels/_totals.pyx
PART = 16_384  # rows whose columns are made together: they stay in a near cache; the last bits of sums hang on it
APART = 16  # numbers between the columns of a part: a power of two alone would send all to the same few cache lines

STEP = 1e-12  # by which a share of people may miss a boundary that it is meant to meet
NO_SHARES = np.empty(0)
NO_CUTS = np.empty((0, 0))
ALONE = np.ones((1, 1, LANES))  # the factor of a sample that is not resampled: all rows are of one unit
ONE_LANE = np.ones((1, 1, 1))  # the same to a sweep, which then needs no other lane
NO_UNIT = np.empty(0, dtype=np.int32)  # and does not ask whose factor is whose


def columns_of(factors: FloatArray) -> int:
    """Return the number of replicates in a block of factors."""
    return int(factors.shape[0]) * LANES


def all_once(factors: FloatArray) -> bool:
    """Return whether every unit counts once in every replicate, as in the full sample."""
    return bool((factors[:, :1] == 1).all() and (factors == 1).all())


@dataclass(frozen=True, eq=False)
class Weighted:
    """Weighted columns of rows, of which those that are made of welfare are made for some rows at a time.

    Attributes
    ----------
    weight : ndarray of shape (n,)
    given : sequence of ndarray of shape (n,)
        Columns that are there already: the first.
    made : tuple of (int, callable, ndarray of shape (n,))
        The others: how many, what writes them from welfare and weight into an array of shape (how many, rows), and that
        welfare.
    """

    weight: FloatArray
    given: Sequence[FloatArray]
    made: tuple[tuple[int, Callable[[FloatArray, FloatArray, FloatArray], object], FloatArray], ...] = ()

    @classmethod
    def of(cls, columns: "Table") -> "Weighted":
        """Take columns that are there."""
        if isinstance(columns, Weighted):
            return columns
        return cls(columns[0] if len(columns) else np.empty(0), columns)

    @property
    def k(self) -> int:
        """Number of columns."""
        return len(self.given) + sum(many for many, _, _ in self.made)

    def at(self, rows: LongArray | slice, room: FloatArray | None = None) -> FloatArray:
        """Return the columns of some rows, of shape (k, rows); in room for as many or more, if there is."""
        weight, first = self.weight[rows], len(self.given)
        found = np.empty((self.k, len(weight))) if room is None else room[:, : len(weight)]
        for to, column in zip(found, self.given, strict=False):
            to[:] = column[rows]
        for many, write, welfare in self.made:
            write(welfare[rows], weight, found[first : first + many])
            first += many
        return found

    def added_up(self, slot: CodeArray, slots: int) -> FloatArray:
        """Return sums of shape (k, slots) by the slot of each row; one below 0 is left out."""
        return self.added_up_by([(slot, slots)])[0]

    def added_up_by(self, places: Sequence[tuple[CodeArray, int]]) -> list[FloatArray]:
        """Return the sums by several slots of each row, of which there are so many: columns are made once for all."""
        sums, room = [np.zeros((self.k, slots)) for _, slots in places], np.empty((self.k, PART + APART))
        for first in range(0, len(self.weight), PART):
            rows = slice(first, first + PART)
            columns = self.at(rows, room)
            for (slot, _), of in zip(places, sums, strict=True):
                _totals.slot_totals(columns, slot[rows], of)
        return sums


Table = Sequence[FloatArray] | Weighted


@dataclass(frozen=True, eq=False)
class Slots:
    """Where rows are added up by unit and level: one slot each where rows are sorted by unit, or of one level."""

    of_row: CodeArray  # (n,), -1 for a row that is left out
    unit: CodeArray  # (slots,)
    order: CodeArray  # levels as rows first have them
    start: CodeArray  # (len(order) + 1,) where their slots begin
    levels: int

    @classmethod
    def of(cls, unit: CodeArray, level: CodeArray, levels: int) -> "Slots":
        """Number the slots of rows; those whose level is below 0 are left out."""
        current, slots, order = np.empty((3, levels), dtype=np.int32)
        order = order[: _totals.count_slots(unit, level, current, slots, order)]
        start = np.r_[0, np.cumsum(slots[order])].astype(np.int32)
        current[order] = start[:-1]
        slot_unit, slot = np.full(start[-1], -1, dtype=np.int32), np.empty(len(unit), dtype=np.int32)
        _totals.place_rows(unit, level, current, slot_unit, slot)
        return cls(slot, slot_unit, order, start, levels)

    @classmethod
    def of_one_level(cls, unit: CodeArray) -> "Slots":
        """Take each unit's number for its slot: one without rows is empty."""
        units = int(unit.max(initial=-1)) + 1
        each = np.arange(units, dtype=np.int32)
        return cls(unit, each, each[:1], np.array([0, units], dtype=np.int32), 1)


@dataclass(frozen=True, eq=False)
class Totals:
    """Weighted columns added up by unit and level: additive statistics, and the cells of an opportunity."""

    sums: FloatArray  # (k, slots): of a unit in a level that it has
    unit: CodeArray  # as in Slots
    order: CodeArray
    start: CodeArray
    levels: int

    @classmethod
    def of(cls, columns: Table, unit: CodeArray, level: CodeArray, levels: int) -> "Totals":
        """Add columns up by the unit and level of their rows; those whose level is below 0 are left out."""
        slots = Slots.of(unit, level, levels)
        return cls.at(slots, Weighted.of(columns).added_up(slots.of_row, len(slots.unit)))

    @classmethod
    def at(cls, slots: Slots, sums: FloatArray) -> "Totals":
        """Take sums that were made of slots."""
        return cls(sums, slots.unit, slots.order, slots.start, slots.levels)

    @cached_property
    def used(self) -> CountArray:
        """Whether one of two columns holds anything in a block of slots: few levels are below the line."""
        k, slots = self.sums.shape
        holds = np.zeros((k + k % 2, slots // BLOCK + 1), dtype=np.bool_)
        if slots:
            holds[:k, : -(-slots // BLOCK)] = np.logical_or.reduceat(self.sums != 0, np.arange(0, slots, BLOCK), axis=1)
        return (holds[::2] | holds[1::2]).view(np.uint8)

    def present(self, factors: FloatArray) -> FloatArray:
        """Return totals of shape (levels that rows have, k, replicates), the levels in their ``order``."""
        out = np.zeros((len(self.order), len(self.sums), columns_of(factors)))
        _totals.replicate_totals(self.sums, self.unit, self.start, self.used, factors, out)
        return out

    def evaluate(self, factors: FloatArray) -> FloatArray:
        """Return totals of shape (levels, k, replicates)."""
        present = self.present(factors)
        out = np.zeros((self.levels, *present.shape[1:]))
        out[self.order] = present
        return out


@dataclass(frozen=True, eq=False)
class Ordering:
    """Rows from the richest down, to be weighed many times: Gini, Lorenz ordinates, quantiles.

    Whose factor each takes is looked up when it is asked for: where rows count once nobody does.
    """

    welfare: FloatArray
    weight: FloatArray
    units: "CodeArray | Ordering"  # of the rows among which these are
    rows: CodeArray | slice | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"welfare": self.welfare, "weight": self.weight, "units": self.unit, "rows": None}

    @cached_property
    def unit(self) -> CodeArray:
        """Whose factor each row takes."""
        units = self.units.unit if isinstance(self.units, Ordering) else self.units
        return units if self.rows is None else units[self.rows]

    @classmethod
    def of(cls, welfare: FloatArray, weight: FloatArray, unit: CodeArray) -> "Ordering":
        """Sort rows."""
        return cls(welfare, weight, unit).at(richest_first(welfare))

    def at(self, rows: CodeArray | slice) -> "Ordering":
        """Return some of the rows, or all in another order."""
        if isinstance(rows, slice):
            return Ordering(self.welfare[rows], self.weight[rows], self, rows)
        return Ordering(picked(self.welfare, rows), picked(self.weight, rows), self, rows)

    def evaluate(self, factors: FloatArray, shares: FloatArray = NO_SHARES) -> "Swept":
        """Sweep once for all of the Gini, and the quantiles and Lorenz ordinates at the shares of the population."""
        n, columns = len(self.welfare), columns_of(factors)
        # Lanes in which all rows count once are alike: one is swept. Not worth finding out where rows are few.
        alike = factors.shape[1] <= n and all_once(factors)
        if alike:
            return self._sweep(NO_UNIT, ONE_LANE, 1, shares).repeated(columns)
        return self._sweep(self.unit, factors, columns, shares)

    def _sweep(self, unit: CodeArray, factors: FloatArray, columns: int, shares: FloatArray) -> "Swept":
        sums = np.empty((-(-len(self.welfare) // CHUNK) + 1, 3, factors.shape[2]))
        totals, gini = np.empty((2, columns)), np.empty(columns)
        quantiles, lorenz = np.empty((len(shares), columns)), np.empty((len(shares), columns))
        shares = np.ascontiguousarray(shares, dtype=np.float64)
        _ordered.sweep(self.welfare, self.weight, unit, factors, shares, sums, totals, gini, quantiles, lorenz)
        return Swept(totals, gini, quantiles, lorenz)


@dataclass(frozen=True, eq=False)
class ClassOrdering:
    """Rows from the richest down in welfare classes, which are cut anew in every replicate.

    Attributes
    ----------
    of : ndarray, or None
        The welfare that is cut into classes; None: the one that rows are ordered by.
    rows : ndarray of shape (n,), or None
        Where in it each row is; None: it is in their order.
    band : ndarray, or None
        Class of each of it in the full sample; None: not known.
    """

    ordering: Ordering
    classes: int
    of: FloatArray | None = None
    rows: CodeArray | None = None
    band: CodeArray | None = None

    def __getstate__(self) -> dict[str, Any]:
        base = None if self.of is None else self.base
        return {"ordering": self.ordering, "classes": self.classes, "of": base, "rows": None, "band": None}

    @cached_property
    def base(self) -> FloatArray:
        """The welfare that is cut into classes, in the rows' order: nobody asks for it in the full sample alone."""
        if self.of is None:
            return self.ordering.welfare
        return self.of if self.rows is None else picked(self.of, self.rows)

    def evaluate(self, factors: FloatArray, cuts: FloatArray, shares: FloatArray = NO_SHARES) -> list["Swept"]:
        """Sweep the rows of every class, for cuts of shape (classes - 1, replicates)."""
        if all_once(factors) and (cuts == cuts[:, :1]).all():
            if self.rows is not None and self.band is not None and not len(shares):
                return self._side_by_side(self.rows, self.band, columns_of(factors))
            return [self.ordering.at(rows).evaluate(factors, shares) for rows in self.members(cuts[:, 0])]
        edges = np.vstack([np.full(cuts.shape[1], -np.inf), cuts, np.full(cuts.shape[1], np.inf)])
        return [self._between(factors, low, high, shares) for low, high in pairwise(edges)]

    def members(self, cuts: FloatArray) -> Sequence[CodeArray | slice]:
        """Return where the rows of every class are, for cuts (classes - 1,) that are those of all replicates."""
        return self._slices(cuts) if self.of is None else levels_of(self.bands_of(cuts), self.classes)

    def _slices(self, cuts: FloatArray) -> list[slice]:
        """Return the same where classes follow each other."""
        ends = len(self.base) - np.searchsorted(self.base[::-1], cuts, side="right")
        return [slice(first, end) for end, first in pairwise([len(self.base), *ends.tolist(), 0])]

    def bands_of(self, cuts: FloatArray) -> CodeArray:
        """Return the class of every row, for cuts that are those of the full sample."""
        if self.of is None:
            sizes = [rows.stop - rows.start for rows in self._slices(cuts)]
            return np.repeat(np.arange(self.classes, dtype=np.int32)[::-1], sizes[::-1])
        if self.band is None:
            return class_of(self.base, cuts)
        return self.band if self.rows is None else self.band[self.rows]

    def _side_by_side(self, place: CodeArray, band: CodeArray, columns: int) -> list["Swept"]:
        """Sweep rows that count once in all classes at a time: the same bits as one class after the other."""
        state, totals, gini = np.zeros((4, self.classes)), np.empty((2, self.classes)), np.empty(self.classes)
        _ordered.class_sweep(self.ordering.welfare, self.ordering.weight, place, band, state, totals, gini)
        none, each = np.empty((0, 1)), [slice(k, k + 1) for k in range(self.classes)]
        return [Swept(totals[:, k], gini[k], none, none).repeated(columns) for k in each]

    def _between(self, factors: FloatArray, low: FloatArray, high: FloatArray, shares: FloatArray) -> "Swept":
        """Sweep the rows above one cut and not above the next, each of shape (replicates,)."""
        every = self.ordering
        swept = []
        for group in range(factors.shape[0]):
            lanes = slice(group * LANES, (group + 1) * LANES)
            low_here, high_here = low[lanes], high[lanes]
            # Who is in the class in any lane; in the others such a row counts for nothing.
            rows = np.flatnonzero((self.base > np.fmin.reduce(low_here)) & ~(self.base > np.fmax.reduce(high_here)))
            base = self.base[rows, None]
            inside = (base > low_here) & ~(base > high_here)
            own = Ordering(every.welfare[rows], every.weight[rows], np.arange(len(rows), dtype=np.int32))
            swept.append(own.evaluate((factors[group, every.unit[rows]] * inside)[None], shares))
        return Swept(*(np.concatenate(parts, axis=-1) for parts in zip(*(one.arrays for one in swept), strict=True)))


@dataclass(frozen=True, eq=False)
class Swept:
    """What a sweep over an ordering gives: one column a replicate."""

    totals: FloatArray  # (2, replicates): weight, weighted welfare
    gini: FloatArray
    quantiles: FloatArray  # (shares, replicates)
    lorenz: FloatArray

    @property
    def arrays(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Everything, in its order."""
        return self.totals, self.gini, self.quantiles, self.lorenz

    def repeated(self, columns: int) -> "Swept":
        """Return the one column as often as there are replicates."""
        return Swept(*(np.repeat(array, columns, axis=-1) for array in self.arrays))

    def at(self, shares: slice | list[int]) -> "Swept":
        """Return the same at some of the shares of the population."""
        return replace(self, quantiles=self.quantiles[shares], lorenz=self.lorenz[shares])


@dataclass(frozen=True, eq=False)
class CellSums:
    """Weight and weight with access of every cell: the dissimilarity index."""

    totals: Totals

    @classmethod
    def of(cls, weight: FloatArray, access: CountArray, cell: CodeArray, cells: int, unit: CodeArray) -> "CellSums":
        """Collapse rows to the sums of every unit in every cell that it has."""
        return cls(Totals.of((weight, weight * access), unit, cell, cells))

    def evaluate(self, factors: FloatArray) -> FloatArray:
        """Return weight, mean access and dissimilarity index, of shape (3, replicates)."""
        return dissimilarity_of(self.totals.present(factors))


def step_ratio(welfare: FloatArray, weight: FloatArray, shares: tuple[float, float]) -> FloatArray:
    """Return the ratio of shares of welfare with whole rows at the boundaries, of shape (columns,).

    ``welfare`` (n,) from the poorest up, ``weight`` (n, columns). With P and L the shares of people and of welfare up
    to a row: 1 - L at the first P that reaches the second share, over L at the last P that does not exceed the first.
    """
    people, held = np.cumsum(weight, axis=0), np.cumsum(weight * welfare[:, None], axis=0)
    columns, last = np.arange(weight.shape[1]), len(welfare) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        p = people / people[-1]
        below = (p <= shares[0] + STEP).sum(axis=0) - 1
        top = np.minimum((p < shares[1] - STEP).sum(axis=0), last)
        bottom = np.where(below < 0, 0.0, held[below, columns])
        return np.asarray(np.where(bottom > 0, (held[-1] - held[top, columns]) / bottom, np.nan))


def in_lanes(factors: FloatArray) -> FloatArray:
    """Lay factors of shape (replicates, units) out as a block, filled up with replicates of no consequence."""
    replicates, units = factors.shape
    groups = -(-replicates // LANES)
    laid = np.ones((groups * LANES, units))
    laid[:replicates] = factors
    return np.ascontiguousarray(laid.reshape(groups, LANES, units).swapaxes(1, 2))


def picked(values: FloatArray, order: CodeArray) -> FloatArray:
    """Return values in an order, in a third of the time of an index."""
    made = np.empty(len(order))
    _ordered.pick(np.ascontiguousarray(values), order, made)
    return made


def richest_first(welfare: FloatArray) -> CodeArray:
    """Return the order of rows from the richest down; equal values keep theirs, so that sums have one order too."""
    n = len(welfare)
    order = np.empty(n, dtype=np.int32)
    if not _ordered.richest_first(np.ascontiguousarray(welfare), np.empty((2, n), dtype=np.uint64), order):
        order[:] = np.argsort(-welfare, kind="stable")  # the same, for values that crowd in a corner of their range
    return order


def by_level(level: CodeArray | LongArray, levels: int) -> CodeArray:
    """Return the order of rows by level, within which they keep theirs."""
    return _levels(level, levels)[0]


def levels_of(level: CodeArray | LongArray, levels: int) -> list[CodeArray]:
    """Return where the rows of every level are, in their order."""
    order, end = _levels(level, levels)
    return np.split(order, end[:-1])


def _levels(level: CodeArray | LongArray, levels: int) -> tuple[CodeArray, LongArray]:
    order, end = np.empty(len(level), dtype=np.int32), np.empty(levels, dtype=np.int64)
    _ordered.by_level(np.ascontiguousarray(level, dtype=np.int32), end, order)
    return order, end


def added_up(column: FloatArray, level: CodeArray, levels: int) -> FloatArray:
    """Return the sums of a column by level."""
    found: FloatArray = Weighted.of([column]).added_up(level, levels)[0]
    return found


def gaps_below(welfare: FloatArray, weight: FloatArray, line: float, out: FloatArray) -> None:
    """Write weight below a line, and its product with the gap as a share of the line, once and twice: out (3, rows)."""
    _totals.gaps_below(np.ascontiguousarray(welfare), np.ascontiguousarray(weight), line, out)


def level_counts(
    psu: CodeArray, stratum: CodeArray, level: CodeArray, weight: FloatArray, levels: int
) -> tuple[LongArray, FloatArray]:
    """Return rows with weight of each level, and the PSUs and strata of these; its weights by PSU and their squares.

    ``psu`` (rows,) ascends; ``stratum`` is of every PSU. Counts have shape (3, levels), sums (2, levels).
    """
    counts, sums = np.zeros((3, levels), dtype=np.int64), np.zeros((3, levels))
    recent = np.full(levels, -1, dtype=np.int32)
    level, weight = np.ascontiguousarray(level), np.ascontiguousarray(weight)
    _totals.level_counts(np.ascontiguousarray(psu), stratum, level, weight, recent, counts, sums)
    return counts, sums[1:]


def class_of(welfare: FloatArray, cuts: FloatArray) -> CodeArray:
    """Return the welfare class of every row, for cuts of shape (classes - 1,): at a cut it is the poorer one."""
    found = np.empty(len(welfare), dtype=np.int32)
    _ordered.class_of(np.ascontiguousarray(welfare), np.ascontiguousarray(cuts), found)
    return found


def by_group_sums(sums: FloatArray, group: CodeArray, groups: int) -> FloatArray:
    """Add sums (cells, k, replicates) up by the group of each cell."""
    out = np.zeros((groups, *sums.shape[1:]))
    _dissimilarity.group_sums(sums, group, out)
    return out


def dissimilarity_of(sums: FloatArray) -> FloatArray:
    """Return weight, mean access and dissimilarity index of sums (cells, 2, replicates): (3, replicates)."""
    out = np.empty((3, sums.shape[2]))
    _dissimilarity.dissimilarity_of_sums(sums, out)
    return out


def dissimilarity_of_rates(sums: FloatArray, rate: FloatArray) -> FloatArray:
    """Return weight, mean and dissimilarity index of rates (cells, replicates) by sums (cells, k, replicates)."""
    out = np.empty((3, sums.shape[2]))
    _dissimilarity.dissimilarity_of_rates(sums, rate, out)
    return out
