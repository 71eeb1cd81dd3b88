"""What a statistic needs of the survey, prepared once, and evaluated over a block of replicate factors.

Each class holds arrays made from plain weights, and says whose factor each row takes: a PSU's, or a household's own.
The methods take factors of shape (groups, units, LANES) and return one column a replicate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ._kernels import _dissimilarity, _ordered, _totals
from ._parallel import LANES
from ._typing import CodeArray, CountArray, FloatArray, LongArray

CHUNK = 256  # as in _kernels/_ordered.pyx
BLOCK = 64  # as in _kernels/_totals.pyx

STEP = 1e-12  # by which a share of people may miss a boundary that it is meant to meet
NO_SHARES = np.empty(0)
NO_STARTS = np.empty(0, dtype=np.int32)
NO_CUTS = np.empty((0, 0))
ALONE = np.ones((1, 1, LANES))  # the factor of a sample that is not resampled: all rows are of one unit


def columns_of(factors: FloatArray) -> int:
    """Return the number of replicates in a block of factors."""
    return int(factors.shape[0]) * LANES


@dataclass(frozen=True, eq=False)
class Totals:
    """Weighted columns added up by unit and level: additive statistics, and the cells of an opportunity."""

    sums: FloatArray  # (k, slots): of a unit in a level that it has
    unit: CodeArray  # (slots,)
    order: CodeArray  # levels as rows first have them
    start: CodeArray  # (len(order) + 1,) where their slots begin
    levels: int

    @classmethod
    def of(cls, columns: Sequence[FloatArray], unit: CodeArray, level: CodeArray, levels: int) -> "Totals":
        """Add columns up by the unit and level of their rows: one slot each where rows are sorted by unit.

        Rows whose level is below 0 are left out.
        """
        current, slots, order = np.empty((3, levels), dtype=np.int32)
        order = order[: _totals.count_slots(unit, level, current, slots, order)]
        start = np.r_[0, np.cumsum(slots[order])].astype(np.int32)
        current[order] = start[:-1]
        slot_unit, slot = np.full(start[-1], -1, dtype=np.int32), np.empty(len(unit), dtype=np.int32)
        _totals.place_rows(unit, level, current, slot_unit, slot)
        sums = np.zeros((len(columns), start[-1]))
        for column, of_slots in zip(columns, sums, strict=True):
            _totals.slot_totals(column, slot, of_slots)
        return cls(sums, slot_unit, order, start, levels)

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
    """Rows from the richest down, to be weighed many times: Gini, Lorenz ordinates, quantiles."""

    welfare: FloatArray
    step: FloatArray  # down to the next row's welfare, and from the last row's to 0
    weight: FloatArray
    unit: CodeArray

    @classmethod
    def of(cls, welfare: FloatArray, weight: FloatArray, unit: CodeArray) -> "Ordering":
        """Sort rows."""
        order = richest_first(welfare)
        return cls.ranked(welfare[order], weight[order], unit[order])

    @classmethod
    def ranked(cls, welfare: FloatArray, weight: FloatArray, unit: CodeArray) -> "Ordering":
        """Take rows that are sorted."""
        return cls(welfare, -np.diff(welfare, append=0.0), weight, unit)

    def evaluate(self, factors: FloatArray, shares: FloatArray = NO_SHARES) -> "Swept":
        """Sweep once for all of the Gini, and the quantiles and Lorenz ordinates at the shares of the population."""
        n, columns = len(self.welfare), columns_of(factors)
        sums = np.empty((-(-n // CHUNK) + 1, 3, LANES))
        totals, gini = np.empty((2, columns)), np.empty(columns)
        quantiles, lorenz = np.empty((len(shares), columns)), np.empty((len(shares), columns))
        shares = np.ascontiguousarray(shares, dtype=np.float64)
        _ordered.sweep(
            self.welfare,
            self.step,
            self.weight,
            self.unit,
            factors,
            shares,
            sums,
            totals,
            gini,
            quantiles,
            lorenz,
        )
        return Swept(totals, gini, quantiles, lorenz)


@dataclass(frozen=True, eq=False)
class ClassOrdering:
    """Rows from the richest down, of which those of one welfare class count: it is cut anew in every replicate."""

    ordering: Ordering
    base: FloatArray  # the welfare that is cut into classes, in the same order
    band: int

    def evaluate(self, factors: FloatArray, cuts: FloatArray, shares: FloatArray = NO_SHARES) -> "Swept":
        """Sweep the rows of the class, for cuts of shape (classes - 1, replicates)."""
        every = self.ordering
        edges = np.vstack([np.full(cuts.shape[1], -np.inf), cuts, np.full(cuts.shape[1], np.inf)])
        swept = []
        for group in range(factors.shape[0]):
            lanes = slice(group * LANES, (group + 1) * LANES)
            low, high = edges[self.band, lanes], edges[self.band + 1, lanes]
            # Who is in the class in any lane; in the others such a row counts for nothing.
            rows = np.flatnonzero((self.base > np.fmin.reduce(low)) & ~(self.base > np.fmax.reduce(high)))
            if (low == low[0]).all() and (high == high[0]).all():  # the same rows in all lanes, as in the full sample
                own = Ordering.ranked(every.welfare[rows], every.weight[rows], every.unit[rows])
                swept.append(own.evaluate(factors[group : group + 1], shares))
                continue
            base = self.base[rows, None]
            inside = (base > low) & ~(base > high)
            place = np.arange(len(rows), dtype=np.int32)
            own = Ordering.ranked(every.welfare[rows], every.weight[rows], place)
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

    def at(self, shares: slice) -> "Swept":
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


def richest_first(welfare: FloatArray) -> LongArray:
    """Return the order of rows from the richest down; equal values keep theirs, so that sums have one order too."""
    order: LongArray = np.argsort(-welfare)  # several times as fast as a stable sort, whose work is left to the ties
    ordered = welfare[order]
    tied = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(tied):
        tied = np.union1d(tied, tied + 1)
        rows = order[tied]
        order[tied] = rows[np.lexsort((rows, -welfare[rows]))]
    return order


def by_level(level: CodeArray | LongArray, levels: int) -> LongArray:
    """Return the order of rows by level, within which they keep theirs."""
    return np.argsort(level.astype(np.uint16) if levels <= 2**16 else level, kind="stable")  # few: by counting


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
