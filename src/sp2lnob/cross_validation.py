"""What the groups at both ends would show in a new sample.

The groups furthest behind and furthest ahead were found by looking for the lowest and the highest rate: part of what
sets them apart is chance, and in a new sample they would be closer together. Cross-validation says how much. PSUs are
dealt into ten folds; a tree is grown on nine, and the people of the tenth who fall into that tree's ends are counted:
they had no say in finding them. The folds of a repeat are pooled, and ten repeats averaged. A hundred trees grow on
sums of cells: O(cells x circumstances) each, whatever the number of rows.

The other way out is to look for groups in one half of the PSUs and to count in the other.
"""

from dataclasses import dataclass, replace
from math import nan

import numpy as np

from ._folds import REPEATS, folds_of
from ._splits import Rule, Trees, grow_many
from ._sweeps import Totals
from ._typing import CodeArray, FloatArray
from ._validate import fail, warn
from .design import Design
from .opportunity import Cells
from .tree import OpportunityTree


@dataclass(frozen=True)
class Ends:
    """Rates of the groups furthest behind and furthest ahead, and the gap between them: above 0 where ahead is better.

    Examples
    --------
    >>> Ends(0.2, 0.7, 0.5).shift(Ends(0.1, 0.8, 0.7)).round(1).tolist()
    [0.1, -0.1, -0.2]
    """

    behind: float
    ahead: float
    gap: float

    @classmethod
    def of(cls, behind: float, ahead: float, barrier: bool) -> "Ends":
        """Take both rates."""
        return cls(behind, ahead, behind - ahead if barrier else ahead - behind)

    @property
    def values(self) -> FloatArray:
        """Behind, ahead, gap."""
        return np.array([self.behind, self.ahead, self.gap])

    def shift(self, naive: "Ends") -> FloatArray:
        """Return how far these are from the groups as found."""
        return self.values - naive.values


def ends_of(trees: Trees, barrier: bool) -> tuple[CodeArray, CodeArray]:
    """Return the leaves furthest behind and furthest ahead of every tree, -1 where nobody has weight."""
    return (trees.highest, trees.lowest) if barrier else (trees.lowest, trees.highest)


def cross_validated(cells: Cells, rule: Rule, cuts: FloatArray, *, repeats: int = REPEATS) -> Ends | None:
    """Return what the groups at both ends of a tree of this rule show among people who had no say in finding them.

    Classes are cut where the full sample cuts them. A tree of one leaf gives the same people to both ends. A repeat in
    which nobody of the held-out people falls into an end has no rate of it, and is left out of the mean. None where all
    rows are of one PSU: nothing is left to learn from, and a warning says so.
    """
    design, number = _dealt(cells)
    if design.psus < 2:
        warn(
            "Cross-validation needs two PSUs or more",
            f"all rows of opportunity {cells.opportunity.name!r} are of one, so its ends have no such figures",
            "Pass psu= and strata= to the survey, or widen the population.",
        )
        return None
    codes, barrier = cells.codes, cells.opportunity.kind == "barrier"
    columns: tuple[FloatArray, ...] = cells.weight, cells.weight * cells.outcome, (cells.weight > 0).astype(np.float64)
    psu, cell = number[cells.psu], (cells.domain * cells.bands + cells.band(cuts)).astype(np.int32)
    if (psu < 0).any():  # PSUs without weight
        columns, psu, cell = tuple(column[psu >= 0] for column in columns), psu[psu >= 0], cell[psu >= 0]
    totals = Totals.of(columns, psu, cell, len(codes))
    cell = np.repeat(totals.order, np.diff(totals.start))
    rates = np.full((repeats, 2), nan)
    for repeat, rate in enumerate(rates):
        fold = folds_of(design, repeat)
        folds = int(fold.max()) + 1
        place, size = cell.astype(np.int64) * folds + fold[totals.unit], len(codes) * folds
        held: FloatArray = np.stack(
            [np.bincount(place, column, size).reshape(-1, folds) for column in totals.sums]
        ).astype(np.float64, copy=False)
        trees = grow_many(cells.circumstances, codes, _all_but(held), rule)
        for end, leaf in enumerate(ends_of(trees, barrier)):
            weight, outcome = np.where((trees.leaf == leaf[:, None]).T, held[:2], 0.0).sum(axis=1).sum(axis=1)
            rate[end] = outcome / weight if weight > 0 else nan
    behind, ahead = (float(np.mean(known)) if len(known := r[np.isfinite(r)]) else nan for r in rates.T)
    return Ends.of(behind, ahead, barrier)


def halves(cells: Cells) -> tuple[Cells, Cells]:
    """Part the rows by a lot among the PSUs of every stratum: those to look for groups in, and those to count.

    Strata of one PSU are dealt among themselves. Both halves are weighted up to the stratum that they stand for. In
    replicates of all PSUs a half is a domain, and what its strata differ by is left in its variance, on the safe side.
    So degrees of freedom are counted as if there were one stratum: with two PSUs in each, a half has one of each.

    Raises
    ------
    InputError
        If all rows are of one PSU.
    """
    design, number = _dealt(cells)
    if design.psus < 2:
        fail(
            "honest='split' needs two PSUs or more",
            f"all rows of opportunity {cells.opportunity.name!r} are of one",
            "Pass psu= and strata= to the survey, or widen the population.",
        )
    half = folds_of(design, folds=2)
    stratum = np.repeat(np.arange(design.strata), design.psus_by_stratum)
    psu = number[cells.psu]
    together = replace(cells.design, stratum_start=cells.design.stratum_start[[0, -1]])
    made = []
    for which in (0, 1):
        taken = np.bincount(stratum[half == which], minlength=design.strata)
        factor = np.divide(design.psus_by_stratum, taken, out=np.zeros(design.strata), where=taken > 0)
        rows = np.flatnonzero((psu >= 0) & (half[psu] == which))
        part = cells.among(rows)
        made.append(replace(part, weight=part.weight * factor[stratum[psu[rows]]], design=together))
    return made[0], made[1]


def counted_anew(tree: OpportunityTree, cells: Cells, cuts: FloatArray) -> OpportunityTree:
    """Let a tree tell share, rows and rate of its nodes as other rows show them: its splits and their order stay."""
    splits = tree.splits_
    at = np.zeros((len(splits.circumstance), 4))
    np.add.at(at, splits.apply(cells.codes), cells.sums(cuts))
    for t in range(len(at) - 1, 0, -1):  # children stand after their parents
        at[splits.parent[t]] += at[t]
    weight, outcome, squared, rows = at.T
    rate = np.divide(outcome, weight, out=np.full(len(at), nan), where=weight > 0)
    sse = np.maximum(squared - np.nan_to_num(rate) * outcome, 0.0)
    tree.splits_ = replace(splits, weight=weight, rate=rate, rows=rows, sse=sse)
    leaves = tree.leaves_
    share, n = weight[leaves] / weight[0], rows[leaves].astype(np.int64)
    tree.groups_ = tree.groups_.assign(share=share, n=n, rate=rate[leaves])
    return tree


def _dealt(cells: Cells) -> tuple[Design, CodeArray]:
    """Return the design of the PSUs that have a row with weight, and the number of each PSU in it, -1 of others."""
    design = cells.design
    there = np.bincount(cells.psu, cells.weight, design.psus) > 0
    number = np.where(there, np.cumsum(there) - 1, -1).astype(np.int32)
    size = np.add.reduceat(there, design.stratum_start[:-1], dtype=np.int64)
    kept = np.flatnonzero(size)
    start = np.r_[0, np.cumsum(size[kept])].astype(np.int32)
    return replace(design, stratum_start=start), number


def _all_but(held: FloatArray) -> FloatArray:
    """Return sums (cells, k, folds) of all folds but each, from sums (k, cells, folds).

    Folds before it and folds after it, added up: where nobody is left it is 0 to the last bit, as a difference is not.
    """
    before, after = np.zeros_like(held), np.zeros_like(held)
    before[:, :, 1:] = np.cumsum(held[:, :, :-1], axis=2)
    after[:, :, :-1] = np.cumsum(held[:, :, :0:-1], axis=2)[:, :, ::-1]
    return np.ascontiguousarray((before + after).swapaxes(0, 1))
