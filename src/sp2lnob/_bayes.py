"""The dissimilarity index without what noise adds to it: rates of cells, shrunken towards a logit's (empirical Bayes).

A rate from few rows differs from the mean even where there is nothing to differ, so that the plain index is biased
upward: by more than any standard error where cells are many. Here a cell's rate has a prior, whose mean is the rate
that a logit of main effects gives it and whose variance all cells tell together, and the index is of
the posterior:

1. m, the rate of each cell by a weighted logit of main effects; q = m (1 - m).
2. rho, the correlation of what the logit leaves within PSUs, of the full sample, from 0 to 0.5.
3. z = q^2 x'Vx, the variance of m, V the logit's sandwich by PSU; in a replicate times h = sum f^2 W_p^2 / sum W_p^2.
4. k = ((1 - rho) S + rho T) / W^2, at most 1: the variance of a cell's rate p, but for p (1 - p). W is the cell's
   weight, S = sum f^2 w^2 over its rows, and T the sum over PSUs of the square of their weight in the cell.
5. tau^2 = sum W ((p - m)^2 - q k + h z) / sum W q^2 (1 - k), not below 0; v = tau^2 q^2, at most 0.9 q; s = (q - v) k.
6. B = v / (v + s); mu = m + B (p - m) - mean; the posterior's variance is B s.
7. D = sum W (2 F(mu, B s) - F(mu, B s + (1 - B)^2 h z)) / (2 sum W p), F(mu, V) the mean of |x| for x normal.

Factors are squared in S, T and h: the cells of a replicate are noisier than those of the sample, and are shrunken more.
A cell of one row has k = 1: its rate tells nothing, and it has the logit's. Cost: O(rows + cells) a replicate.

Of the same cells the plain index, the logit's, and the index by signs come along: sum W sign(mu) (p - mean) over the
same. With signs from the rows themselves it is too high; with signs from other PSUs it is too low in expectation,
whatever they are, for no signs do better than the true ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ._cuts import CellMoments
from ._kernels import _bayes
from ._logit import MainEffects
from ._parallel import LANES
from ._sweeps import NO_CUTS, class_of, columns_of, in_lanes
from ._typing import CodeArray, CountArray, FloatArray, LongArray

VALUES = ("weight", "mean", "cells", "signs", "logit", "empirical-bayes")  # what is evaluated, in its order
CELLS, SIGNS, LOGIT, SHRUNKEN = 2, 3, 4, 5
MOST_RHO = 0.5
STEPS = 3  # of Newton in a replicate, which begins at the full sample's coefficients
FEW_CELLS, LITTLE = 100, 0.02  # cells that tau is told by, and the noise under which it does not matter: 50 rows a cell
ALIASED = 1e-10  # of a diagonal: a smaller pivot is a column that others tell


@dataclass(frozen=True, eq=False)
class SampledRows:
    """Rows of an opportunity as plain arrays: what they weigh, who has access, and where they were drawn.

    Attributes
    ----------
    columns : ndarray of shape (4, n)
        w, w y, w^2, w^2 y.
    psu, unit : ndarray of shape (n,), int32
        PSU of each row, numbered by stratum; and whose factor it takes, its PSU's or its household's.
    stratum_start : ndarray of shape (strata + 1,), int32
        First PSU of each stratum.
    welfare : ndarray of shape (n,), or None
        What classes are cut from.
    margins : ndarray of shape (2, classes - 1), or None
        Between which cuts are looked for.
    """

    columns: FloatArray
    psu: CodeArray
    unit: CodeArray
    stratum_start: CodeArray
    welfare: FloatArray | None = None
    margins: FloatArray | None = None

    @classmethod
    def of(
        cls,
        weight: FloatArray,
        outcome: CountArray,
        psu: CodeArray,
        unit: CodeArray,
        stratum_start: CodeArray,
        welfare: FloatArray | None = None,
        margins: FloatArray | None = None,
    ) -> "SampledRows":
        """Lay columns out."""
        squares = weight**2
        return cls(
            np.stack([weight, weight * outcome, squares, squares * outcome]), psu, unit, stratum_start, welfare, margins
        )

    def among(self, rows: LongArray) -> "SampledRows":
        """Return some of the rows."""
        return replace(
            self,
            columns=np.ascontiguousarray(self.columns[:, rows]),
            psu=self.psu[rows],
            unit=self.unit[rows],
            welfare=None if self.welfare is None else self.welfare[rows],
        )

    def cell(self, domain: CodeArray, cuts: FloatArray) -> LongArray:
        """Return the cell of each row, with classes cut at ``cuts`` (classes - 1,)."""
        cell = domain.astype(np.int64)
        if self.welfare is not None:
            cell *= len(cuts) + 1
            cell += class_of(self.welfare, cuts)
        return cell

    def by_psu(self) -> CellMoments:
        """Put rows together by PSU alone."""
        return replace(self, welfare=None).moments(np.zeros(len(self.psu), dtype=np.int32), 1)

    def moments(self, domain: CodeArray, domains: int) -> CellMoments:
        """Put rows together by domain and PSU."""
        return CellMoments(self.columns, self.psu, self.unit, domain, domains, self.welfare, self.margins)


@dataclass(frozen=True, eq=False)
class Shrinkage:
    """What cells are shrunken towards, and by what: fitted to the full sample, and anew to each replicate.

    Attributes
    ----------
    logit : MainEffects
    start : ndarray of shape (parameters,)
        Coefficients of the full sample.
    rho : float
    spread : ndarray of shape (cells,)
        Variance of the logit's rate in the full sample.
    psus : CellMoments
        Rows by PSU alone: the growth h of that variance in a replicate.
    separated : bool
        Whether the circumstances tell some rows' outcome with certainty, so that coefficients have no end.
    cells : int
        Cells with weight.
    noise : float
        Median of k over the cells with weight.
    """

    logit: MainEffects
    start: FloatArray
    rho: float
    spread: FloatArray
    psus: CellMoments
    squares: float
    separated: bool
    cells: int
    noise: float

    @classmethod
    def of(
        cls,
        rows: SampledRows,
        cell: LongArray,
        codes: CodeArray,
        levels: Sequence[int],
        moments: FloatArray,
        psus: CellMoments | None = None,
    ) -> "Shrinkage":
        """Fit the logit to the full sample, and find how noisy it and the cells are.

        Parameters
        ----------
        rows : SampledRows
        cell : ndarray of shape (n,), int
            Cell of each row, classes cut in the full sample.
        codes : ndarray of shape (cells, circumstances), int32
        levels : sequence of int
            Of each circumstance.
        moments : ndarray of shape (cells, 4, LANES)
            Of the full sample, in each lane.
        psus : CellMoments, optional
            Rows by PSU alone, if they are at hand.
        """
        logit = MainEffects(codes, tuple(levels))
        fitted = logit.fit(moments)
        rate = fitted.rate[:, 0]
        w, a, ww, wwa = rows.columns
        m = rate[cell]
        left = a - w * m
        rho = _correlation(rows, left, wwa * (1 - 2 * m) + ww * m**2, m * (1 - m))
        spread = _spread(rows, left, logit, cell, rate, moments[:, 0, 0])
        psus = psus or rows.by_psu()
        weight, _, S, T = moments[:, :, 0].T
        there = weight > 0
        k = ((1 - rho) * S[there] + rho * T[there]) / weight[there] ** 2
        return cls(
            logit,
            fitted.coefficients[:, 0].copy(),
            rho,
            spread,
            psus,
            float(psus.evaluate(np.ones((1, int(psus.unit.max(initial=0)) + 1, LANES)), NO_CUTS)[0, 3, 0]),
            bool(fitted.separated[0]),
            int(there.sum()),
            float(np.median(np.minimum(k, 1))) if there.any() else 1.0,
        )

    @property
    def flag(self) -> str:
        """What is to be minded: cells too few to tell how much rates differ, where it matters; a logit without end."""
        few = self.cells < FEW_CELLS and self.noise >= LITTLE
        return ";".join(["few cells"] * few + ["separated"] * self.separated)

    def evaluate(self, moments: FloatArray, factors: FloatArray, by_psu: FloatArray | None = None) -> FloatArray:
        """Return ``VALUES``, of shape (6, replicates), of moments (cells, 4, replicates).

        ``by_psu`` (replicates,) are the squares of weights by PSU, T of all rows, if they are at hand.
        """
        return self._found(moments, factors, by_psu)[0]

    def apart(self, moments: FloatArray, factors: FloatArray) -> FloatArray:
        """Return the rate of each cell, shrunken, minus the mean: (cells, replicates)."""
        return self._found(moments, factors)[1]

    def _found(
        self, moments: FloatArray, factors: FloatArray, by_psu: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return values, and the rates apart from the mean."""
        columns = columns_of(factors)
        rate = self.logit.fit(moments, self.start, steps=STEPS).rate
        by_psu = self.psus.of_psus(factors, NO_CUTS)[0] if by_psu is None else by_psu
        growth = by_psu / self.squares if self.squares > 0 else np.zeros(columns)
        apart, out = np.empty((len(moments), columns)), np.empty((len(VALUES), columns))
        _bayes.shrunken_index(moments, rate, self.spread, growth, self.rho, apart, out)
        return out, apart


@dataclass(frozen=True, eq=False)
class CorrectedIndex:
    """The dissimilarity index of some circumstances, corrected: all that a block of factors is evaluated with.

    Attributes
    ----------
    moments : CellMoments
    shrinkage : Shrinkage
    whole : ndarray of shape (6,)
        ``VALUES`` of the full sample.
    """

    moments: CellMoments
    shrinkage: Shrinkage
    whole: FloatArray

    @classmethod
    def of(
        cls,
        rows: SampledRows,
        domain: CodeArray,
        codes: CodeArray,
        levels: Sequence[int],
        cuts: FloatArray | None = None,
    ) -> "CorrectedIndex":
        """Prepare rows that are in domains, and in classes cut at ``cuts`` (classes - 1,) in the full sample.

        ``codes`` (domains * classes, circumstances) are of every domain's classes in their order.
        """
        cuts = np.empty(0) if cuts is None else cuts
        classes = len(cuts) + 1
        moments = rows.moments(domain, len(codes) // classes)
        cell = rows.cell(domain, cuts)
        ones = np.ones((1, int(rows.unit.max(initial=0)) + 1, LANES))
        found = moments.evaluate(ones, np.tile(cuts[:, None], (1, LANES)))
        shrinkage = Shrinkage.of(rows, cell, codes, levels, found)
        return cls(moments, shrinkage, shrinkage.evaluate(found, ones)[:, 0])

    def evaluate(self, factors: FloatArray, cuts: FloatArray) -> FloatArray:
        """Return ``VALUES``, of shape (6, replicates), for cuts of shape (classes - 1, replicates)."""
        return self.shrinkage.evaluate(self.moments.evaluate(factors, cuts), factors)

    def lower(self, fold: CodeArray, cuts: FloatArray) -> float:
        """Return the index by signs from the other folds of PSUs: too low in expectation.

        ``fold`` (units,) is the fold of each unit, ``cuts`` (classes - 1,) those of the full sample.
        """
        return Tried.of(self.moments, fold, cuts).index(self.shrinkage)


@dataclass(frozen=True, eq=False)
class Tried:
    """Cells learned from all folds of PSUs but one, and tried on that one.

    Attributes
    ----------
    factors : ndarray of shape (groups, units, LANES)
        One replicate a fold, in which its PSUs count nothing. The others weigh as much as all do, so that what is noise
        in them is more.
    learned : ndarray of shape (cells, 4, replicates)
    held : ndarray of shape (cells, 2, folds)
        Weight and access of each fold.
    """

    factors: FloatArray
    learned: FloatArray
    held: FloatArray

    @classmethod
    def of(cls, moments: CellMoments, fold: CodeArray, cuts: FloatArray) -> "Tried":
        """Take the fold of each unit, and the cuts (classes - 1,) of the full sample."""
        folds = int(fold.max()) + 1
        inside = fold == np.arange(folds)[:, None]
        others, own = in_lanes(np.where(inside, 0.0, folds / (folds - 1))), in_lanes(inside.astype(np.float64))
        laid = np.tile(cuts[:, None], (1, columns_of(others)))
        return cls(others, moments.evaluate(others, laid), moments.evaluate(own, laid)[:, :2, :folds])

    def index(self, shrinkage: Shrinkage, cells: LongArray | None = None) -> float:
        """Return the index of some cells by signs that each fold has from the others; NaN where nobody has access."""
        learned, held = (self.learned, self.held) if cells is None else (self.learned[cells], self.held[cells])
        weight, access = np.moveaxis(held, 1, 0)
        total = access.sum()
        if not total > 0:
            return np.nan
        signs = np.sign(shrinkage.apart(learned, self.factors)[:, : held.shape[2]])
        return float((signs * (access - total / weight.sum() * weight)).sum() / (2 * total))


def _correlation(rows: SampledRows, left: FloatArray, own: FloatArray, q: FloatArray) -> float:
    """Return the correlation within PSUs of what the logit leaves: beyond what rows have of their own."""
    psus = int(rows.stratum_start[-1])
    w, _, ww, _ = rows.columns
    found = (np.bincount(rows.psu, left, psus) ** 2).sum() - own.sum()
    most = (np.bincount(rows.psu, w * np.sqrt(q), psus) ** 2).sum() - (ww * q).sum()
    return float(np.clip(found / most, 0, MOST_RHO)) if most > 0 else 0.0


def _spread(
    rows: SampledRows, left: FloatArray, logit: MainEffects, cell: LongArray, rate: FloatArray, weight: FloatArray
) -> FloatArray:
    """Return the variance of the logit's rate of each cell, q^2 x'Vx, with V by PSU within strata."""
    psus, size = int(rows.stratum_start[-1]), logit.parameters + len(logit.levels)
    scores = np.zeros(psus * size)
    for column in logit.active.T:
        scores += np.bincount(rows.psu.astype(np.int64) * size + column[cell], left, psus * size)
    apart = scores.reshape(psus, size)[:, : logit.parameters]
    many = np.diff(rows.stratum_start)
    stratum, alone = np.repeat(np.arange(len(many)), many), many == 1
    mean = np.add.reduceat(apart, rows.stratum_start[:-1], axis=0) / many[:, None]
    # A PSU alone in its stratum has nothing to differ from: it counts from 0, as the scores of all sum to it.
    apart = apart - np.where(alone[:, None], 0.0, mean)[stratum]
    apart *= np.sqrt(np.where(alone, 1.0, many / np.maximum(many - 1, 1)))[stratum, None]
    meat = np.stack([(apart * apart[:, [j]]).sum(axis=0) for j in range(logit.parameters)])
    inverse = _inverse(logit.information(weight, rate))
    found = logit.quadratic(_product(_product(inverse, meat), inverse))
    return (rate * (1 - rate)) ** 2 * np.maximum(found, 0)


def _inverse(a: FloatArray) -> FloatArray:
    """Return a generalized inverse of a symmetric matrix, columns that earlier ones tell left out (Goodnight 1979).

    By sums of one order, not by LAPACK: the same bits everywhere.
    """
    a, first = a.copy(), np.diag(a).copy()
    for k in range(len(a)):
        pivot = a[k, k]
        if not pivot > ALIASED * first[k]:
            a[k] = a[:, k] = 0.0
            continue
        row = a[k].copy()
        a -= row[:, None] * row / pivot
        a[k] = a[:, k] = row / pivot
        a[k, k] = -1 / pivot
    return -a


def _product(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return a matrix product by sums of one order."""
    out = np.zeros((len(a), b.shape[1]))
    for k in range(len(b)):
        out += a[:, [k]] * b[k]
    return out
