"""What the packages of a search do, a block of them at a time, and which of them would be chosen without a fold.

Only those whom a measure asks for are walked: of poverty the poor before, since nobody becomes poor by a benefit; of
access those below a cut between welfare classes, by the moves from leaf to leaf of the tree that was grown before. Gini
needs everybody, sorted anew by every package: it is some hundred times as slow.

Cost a package: O(rows walked). Values depend on the package's number alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from ._domains import Domain
from ._kernels import _classes
from ._parallel import LANES
from ._sweeps import ALONE, Ordering, dissimilarity_of, in_lanes
from ._typing import BoolArray, CodeArray, FloatArray, LongArray
from .choices import Grid, Taken
from .economy import YEARLY
from .effects import Groups
from .opportunity import Cells
from .statistics import FGT
from .survey import Survey

BATCH = 16  # packages to one number of the engine, so that a block holds enough work
ACCESS = ("access", "d_index", "furthest_behind", "gap")
ROOM = 1e-12  # of a bound, for the last bits of sums


@dataclass(frozen=True, eq=False)
class Dealt:
    """Folds of PSUs, all repeats: a training set is all but one fold.

    Attributes
    ----------
    fold : ndarray of shape (repeats, PSUs)
    """

    fold: CodeArray

    @property
    def folds(self) -> int:
        """Number of folds in a repeat."""
        return int(self.fold.max()) + 1

    @property
    def sets(self) -> int:
        """Number of training sets."""
        return len(self.fold) * self.folds

    def others(self, sums: FloatArray, psu: LongArray | CodeArray) -> FloatArray:
        """Add sums (segments, ...) of PSUs up over each training set: (sets, ...).

        Folds before and folds after, so that what is nowhere is 0 to the last bit, as a difference is not.
        """
        repeats, folds = len(self.fold), self.folds
        held = np.zeros((repeats, folds, *sums.shape[1:]))
        for r, fold in enumerate(self.fold):
            of = fold[psu]
            for f in range(folds):
                held[r, f] = sums[of == f].sum(axis=0)
        before, after = np.zeros_like(held), np.zeros_like(held)
        before[:, 1:] = np.cumsum(held[:, :-1], axis=1)
        after[:, :-1] = np.cumsum(held[:, :0:-1], axis=1)[:, ::-1]
        made: FloatArray = (before + after).reshape(repeats * folds, *sums.shape[1:])
        return made

    @cached_property
    def factors(self) -> FloatArray:
        """Factors of the training sets, as replicates have them: (groups, PSUs, LANES)."""
        made = [(fold != f).astype(np.float64) for fold in self.fold for f in range(self.folds)]
        return in_lanes(np.stack(made))


class Measured(Protocol):
    """Measures of every package."""

    @property
    def names(self) -> tuple[str, ...]:
        """What each is called."""
        ...

    def evaluate(self, taken: Taken) -> FloatArray:
        """Return values of shape (names, packages)."""
        ...


class Chosen(Measured, Protocol):
    """Measures of which one may be what a search is for."""

    def without(self, taken: Taken, dealt: Dealt, name: str) -> FloatArray:
        """Return one measure in every training set: (sets, packages)."""
        ...


def added(of: CodeArray | LongArray, weight: FloatArray, size: int) -> FloatArray:
    """Add weights up by what each is of."""
    return np.asarray(np.bincount(of, weight, size), dtype=np.float64)


def _starts(segment: CodeArray | LongArray) -> tuple[CodeArray, LongArray]:
    """Return where the segments of sorted rows begin, with an end, and what each is of."""
    begins = np.flatnonzero(np.diff(segment, prepend=-1))
    return np.r_[begins, len(segment)].astype(np.int32), np.asarray(segment[begins], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class PackagePoverty:
    """Headcount, poverty gap and severity at a line: of all, or the worst among levels of a column."""

    names: tuple[str, ...]
    money: FloatArray
    welfare: FloatArray
    share: FloatArray
    weight: FloatArray
    psu: CodeArray
    line: float
    whole: FloatArray  # (PSUs,) weight of everybody
    level: CodeArray | None = None  # rows lie by level
    of_level: FloatArray | None = None  # (levels,) weight of everybody

    @classmethod
    def of(cls, survey: Survey, money: FloatArray, mpc: float, line: float) -> "PackagePoverty":
        """Take the poor."""
        assert survey.welfare is not None
        people, known = survey.people, survey.welfare_known
        rows = np.flatnonzero(known & (survey.welfare < line) & (people > 0))
        whole = added(survey.design.psu[known], people[known], survey.design.psus)
        share = share_of(survey, mpc)[rows]
        psu = survey.design.psu[rows]
        return cls(tuple(FGT), money[rows], survey.welfare[rows], share, people[rows], psu, line, whole)

    @classmethod
    def worst(
        cls, survey: Survey, money: FloatArray, mpc: float, line: float, domain: Domain, name: str
    ) -> "PackagePoverty":
        """Take the poor by level of a domain of households."""
        assert survey.welfare is not None
        index = domain.rows.household
        poor = np.flatnonzero((survey.welfare[index] < line) & (domain.rows.weight > 0))
        poor = poor[np.argsort(domain.level[poor], kind="stable")]
        rows, level = index[poor], domain.level[poor].astype(np.int32)
        of_level = added(domain.level, domain.rows.weight, len(domain.labels))
        share, weight = share_of(survey, mpc)[rows], domain.rows.weight[poor]
        psu = survey.design.psu[rows]
        return cls((name,), money[rows], survey.welfare[rows], share, weight, psu, line, np.empty(0), level, of_level)

    def sums(self, taken: Taken, segment: CodeArray | LongArray) -> tuple[FloatArray, LongArray]:
        """Return sums (segments, 3, packages), and what the segments are of."""
        start, of = _starts(segment)
        out = np.empty((len(taken.option), len(of), 3, LANES))
        _classes.package_poverty(
            self.money, self.welfare, self.share, self.weight, start, self.line, taken.option, taken.alike, out
        )
        return taken.by_package(out) / np.array([1.0, self.line, self.line**2])[:, None], of

    def evaluate(self, taken: Taken) -> FloatArray:
        """Return values of shape (names, packages)."""
        if self.level is None or self.of_level is None:
            sums, _ = self.sums(taken, np.zeros(len(self.weight), dtype=np.int32))
            total = sums.sum(axis=0) if len(sums) else np.zeros((3, taken.packages))
            return np.asarray(total / self.whole.sum())
        sums, of = self.sums(taken, self.level)
        measure = list(FGT).index(self.names[0].partition(" by ")[0])
        by_level = np.zeros((len(self.of_level), taken.packages))
        by_level[of] = sums[:, measure]
        there = self.of_level > 0
        return np.asarray((by_level[there] / self.of_level[there, None]).max(axis=0)[None])

    def without(self, taken: Taken, dealt: Dealt, name: str) -> FloatArray:
        """Return one measure in every training set: (sets, packages)."""
        sums, psu = self.sums(taken, self.psu)
        whole = dealt.others(self.whole, np.arange(len(self.whole)))
        of = dealt.others(np.ascontiguousarray(sums[:, list(FGT).index(name)]), psu)
        return np.asarray(of / whole[:, None])


@dataclass(frozen=True, eq=False)
class PackageAccess:
    """Access of all, dissimilarity between groups, access of the group furthest behind, and the gap, by re-routing.

    With ``bounds`` also what access of a group is at worst, or what a group loses at most.
    """

    names: tuple[str, ...]
    money: FloatArray
    home: CodeArray
    welfare: FloatArray
    share: FloatArray
    weight: FloatArray
    psu: CodeArray
    domain: CodeArray
    band: CodeArray
    cuts: FloatArray
    move: CodeArray
    pairs: tuple[tuple[int, int], ...]  # leaf before, leaf after; by the latter
    sums: FloatArray  # (PSUs, groups, 2) weight, weight with access, before
    behind: int
    ahead: int
    barrier: bool
    bounds: tuple[str, ...]

    @classmethod
    def of(
        cls,
        survey: Survey,
        money: FloatArray,
        mpc: float,
        cells: Cells,
        groups: Groups,
        cuts: FloatArray,
        bounds: Sequence[str],
    ) -> "PackageAccess":
        """Take the rows that can change class, a household's of one domain together."""
        band, bands, n = cells.band(cuts), cells.bands, len(groups.labels)
        leaf = groups.of_cell.reshape(len(cells.domains), bands)
        psus = survey.design.psus
        place = (cells.psu.astype(np.int64) * n + leaf[cells.domain, band]) * 2
        sums = added(place, cells.weight, psus * n * 2)
        sums += added(place + 1, cells.weight * cells.outcome, psus * n * 2)
        key = cells.household.astype(np.int64) * len(cells.domains) + cells.domain
        able = (band < bands - 1) & (cells.weight > 0)
        keys, first, inverse = np.unique(key[able], return_index=True, return_inverse=True)
        rows = np.flatnonzero(able)[first]
        weight = added(inverse, cells.weight[able], len(keys))
        household = cells.household[rows]
        homes, home = np.unique(household, return_inverse=True)
        found = sorted(
            {
                (int(a), int(b))
                for line in leaf
                for i in range(bands)
                for a, b in ((line[i], line[j]) for j in range(i + 1, bands))
                if a != b
            },
            key=lambda pair: (pair[1], pair[0]),
        )
        move = np.full((len(leaf), bands, bands), -1, dtype=np.int32)
        for p, (a, b) in enumerate(found):
            move[(leaf[:, :, None] == a) & (leaf[:, None, :] == b)] = p
        assert survey.welfare is not None
        return cls(
            (*ACCESS, *bounds),
            money[homes],
            home.astype(np.int32),
            survey.welfare[homes],
            share_of(survey, mpc)[homes],
            weight,
            cells.psu[rows],
            cells.domain[rows],
            band[rows],
            np.ascontiguousarray(cuts),
            move,
            tuple(found),
            sums.reshape(psus, n, 2),
            groups.behind,
            groups.ahead,
            cells.opportunity.kind == "barrier",
            tuple(bounds),
        )

    def _moved(self, taken: Taken, start: CodeArray) -> FloatArray:
        """Return the weight of every move, by segment: (segments, moves, packages)."""
        out = np.zeros((len(taken.option), len(start) - 1, len(self.pairs), LANES))
        _classes.package_moves(
            self.money,
            self.home,
            self.welfare,
            self.share,
            self.weight,
            start,
            self.domain,
            self.band,
            self.cuts,
            self.move,
            taken.option,
            taken.alike,
            out,
        )
        return taken.by_package(out)

    def _figures(self, before: FloatArray, moved: FloatArray) -> FloatArray:
        """Return values of shape (names, columns) from sums (groups, 2, columns) before, and moves (moves, columns)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = before[:, 1] / before[:, 0]
            after = before.copy()
            for p, (was, becomes) in enumerate(self.pairs):
                after[was, 1] += np.where(moved[p] > 0, moved[p] * (rate[becomes] - rate[was]), 0.0)
            reached = after[:, 1] / after[:, 0]
            counted = np.stack([after[:, 0], after[:, 0] - after[:, 1]], axis=1) if self.barrier else after
            index = dissimilarity_of(np.ascontiguousarray(counted))[2]
            gap = reached[self.ahead] - reached[self.behind]
            values = [
                after[:, 1].sum(axis=0) / after[:, 0].sum(axis=0),
                index,
                reached[self.behind],
                -gap if self.barrier else gap,
            ]
            worse = -1.0 if self.barrier else 1.0
            for bound in self.bounds:
                of = reached - rate if bound == LOSS else reached
                values.append(worse * np.nanmin(worse * of, axis=0))
        return np.stack(values)

    def evaluate(self, taken: Taken) -> FloatArray:
        """Return values of shape (names, packages)."""
        moved = self._moved(taken, np.array([0, len(self.weight)], dtype=np.int32))[0]
        before = np.repeat(self.sums.sum(axis=0)[:, :, None], taken.packages, axis=2)
        return self._figures(before, moved)

    def without(self, taken: Taken, dealt: Dealt, name: str) -> FloatArray:
        """Return one measure in every training set: (sets, packages)."""
        start, psu = _starts(self.psu)
        moved = np.moveaxis(dealt.others(self._moved(taken, start), psu), 0, 1)  # (moves, sets, packages)
        before = np.moveaxis(dealt.others(self.sums, np.arange(len(self.sums))), 0, -1)
        before = np.repeat(before[..., None], taken.packages, axis=-1)
        made = self._figures(before.reshape(*before.shape[:2], -1), moved.reshape(len(self.pairs), -1))
        of: FloatArray = made[self.names.index(name)].reshape(dealt.sets, taken.packages)
        return of


LOSS = "change of access by group"  # what a group loses at most


@dataclass(frozen=True, eq=False)
class PackageGini:
    """Gini of welfare after."""

    names: tuple[str, ...]
    money: FloatArray
    welfare: FloatArray
    share: FloatArray
    weight: FloatArray
    psu: CodeArray

    @classmethod
    def of(cls, survey: Survey, money: FloatArray, mpc: float) -> "PackageGini":
        """Take everybody."""
        assert survey.welfare is not None
        rows = np.flatnonzero(survey.welfare_known)
        share = share_of(survey, mpc)[rows]
        return cls(("gini",), money[rows], survey.welfare[rows], share, survey.people[rows], survey.design.psu[rows])

    def _welfare(self, taken: Taken) -> FloatArray:
        out = np.empty((len(taken.option) * LANES, len(self.welfare)))
        _classes.package_welfare(self.money, self.welfare, self.share, taken.option, taken.alike, out)
        return out[: taken.packages]

    def evaluate(self, taken: Taken) -> FloatArray:
        """Return values of shape (1, packages)."""
        alone = np.zeros(len(self.weight), dtype=np.int32)
        after = self._welfare(taken)
        return np.array([[Ordering.of(one, self.weight, alone).evaluate(ALONE).gini[0] for one in after]])

    def without(self, taken: Taken, dealt: Dealt, name: str) -> FloatArray:
        """Return the measure in every training set: (sets, packages)."""
        after = self._welfare(taken)
        made = [Ordering.of(one, self.weight, self.psu).evaluate(dealt.factors).gini[: dealt.sets] for one in after]
        return np.stack(made, axis=1)


@dataclass(frozen=True, eq=False)
class PackageCoverage:
    """Share of people who live with somebody who is paid."""

    names: tuple[str, ...]
    money: FloatArray
    weight: FloatArray

    def evaluate(self, taken: Taken) -> FloatArray:
        """Return values of shape (1, packages)."""
        out = np.zeros((len(taken.option), LANES))
        _classes.package_reach(self.money, self.weight, taken.option, taken.alike, out)
        return np.asarray(taken.by_package(out)[None] / self.weight.sum())


def share_of(survey: Survey, mpc: float) -> FloatArray:
    """Return what of a household's yearly money each member's welfare gains in a period."""
    return np.asarray(mpc / (survey.sharing * YEARLY[survey.welfare_period]))


@dataclass(frozen=True, eq=False)
class Scan:
    """All packages, measured: a job for the engine of replicates, with batches of packages for numbers."""

    grid: Grid
    parts: tuple[Measured, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every measure, in the order of its rows."""
        return tuple(name for part in self.parts for name in part.names)

    @property
    def batches(self) -> int:
        """Number of batches."""
        return -(-self.grid.packages // BATCH)

    def __call__(self, first: int, groups: int) -> FloatArray:
        """Return values (names * BATCH, groups * LANES) of the batches from number ``first`` on."""
        numbers = numbers_of(first, groups, self.grid.packages)
        values = self.at(Taken.of(self.grid.columns(numbers)))
        return in_batches(values, groups)

    def at(self, taken: Taken) -> FloatArray:
        """Return values (names, packages)."""
        return np.concatenate([part.evaluate(taken) for part in self.parts])

    def packages(self, values: FloatArray) -> FloatArray:
        """Return values of all batches as (names, packages)."""
        made = values.reshape(len(self.names), BATCH, -1).swapaxes(1, 2)
        return made.reshape(len(self.names), -1)[:, : self.grid.packages]


def numbers_of(first: int, groups: int, packages: int) -> LongArray:
    """Return the packages of batches."""
    start = (first - 1) * BATCH
    return np.arange(start, min(start + groups * LANES * BATCH, packages))


def in_batches(values: FloatArray, groups: int) -> FloatArray:
    """Return values (k, packages) as (k * BATCH, batches), NaN beyond the last package."""
    k, n = values.shape
    laid = np.full((k, groups * LANES * BATCH), np.nan)
    laid[:, :n] = values
    return laid.reshape(k, groups * LANES, BATCH).swapaxes(1, 2).reshape(k * BATCH, groups * LANES)


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """What would be chosen on each training set: a job for the engine, which gives every batch's best.

    Rows: loss, cost and number of the best, by training set; infinite where none of the batch may be chosen.
    """

    grid: Grid
    part: Chosen
    name: str
    sign: float  # 1 where less is better
    dealt: Dealt
    cost: FloatArray  # (sets, columns), scaled to the whole
    budget: float
    able: BoolArray  # (packages,) what other bounds leave

    def __call__(self, first: int, groups: int) -> FloatArray:
        """Return (3 * sets, batches)."""
        packages, sets = self.grid.packages, self.dealt.sets
        numbers = numbers_of(first, groups, packages)
        columns = self.grid.columns(numbers)
        cost = self.cost[:, columns[:, 0]].copy()
        for k in range(1, columns.shape[1]):
            cost += self.cost[:, columns[:, k]]
        able = self.able[numbers] & (cost <= within(self.budget))
        some = np.flatnonzero(able.any(axis=0))  # the others need not be looked at
        loss = np.full(cost.shape, np.inf)
        if len(some):
            loss[:, some] = self.sign * self.part.without(Taken.of(columns[some]), self.dealt, self.name)
        able &= np.isfinite(loss)
        filled = np.full((3, sets, groups * LANES * BATCH), np.inf)
        filled[:, :, : len(numbers)] = np.where(
            able, np.stack([loss, cost, np.broadcast_to(numbers, loss.shape)]), np.inf
        )
        best = least(filled.reshape(3, sets, groups * LANES, BATCH))
        return best.reshape(3 * sets, -1)

    def chosen(self, batches: FloatArray) -> LongArray:
        """Return the package chosen on each training set, -1 for none: (sets,)."""
        best = least(batches.reshape(3, self.dealt.sets, -1))[2]
        return np.where(np.isfinite(best), best, -1).astype(np.int64)


def least(candidates: FloatArray) -> FloatArray:
    """Return the best along the last axis of loss, cost and number: ties go to the cheaper, then to the first."""
    loss, cost, number = candidates
    low = loss.min(axis=-1, keepdims=True)
    cost = np.where(loss == low, cost, np.inf)
    cheap = cost.min(axis=-1, keepdims=True)
    first = np.where((loss == low) & (cost == cheap), number, np.inf).min(axis=-1)
    return np.stack([low[..., 0], cheap[..., 0], first])


def within(bound: float) -> float:
    """Return a bound with room for the last bits of sums."""
    return bound + ROOM * abs(bound)
