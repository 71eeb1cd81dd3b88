"""Access after a transfer: people are routed anew through the tree that was grown before it.

The tree, its rates and the cut between welfare classes are those of before; only a household's welfare, and with it
perhaps its class, moves. Who changes class reaches another leaf and takes its rate. A tree without a welfare class, or
a transfer that lifts nobody over the cut, changes nothing. In a replicate the cut, the classes and the rates are the
replicate's own: held fixed, standard errors would come out far too small.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._domains import Block, FullSample, Row
from ._sweeps import ClassTotals, Moves, by_group_sums, dissimilarity_of
from ._typing import CodeArray, FloatArray, LongArray
from .cross_validation import Ends
from .opportunity import Cells
from .survey import Survey
from .transfers import Transfers
from .tree import OpportunityTree

FEW_MOVERS, MANY_NEAR = 50, 0.1  # cases that change class, and the share of people near a cut
ENDS = ("furthest_behind", "furthest_ahead", "gap")
CROSS_VALIDATED = "cross-validated"


@dataclass(frozen=True, eq=False)
class Reroute:
    """An opportunity's groups, before and after: a statistic prepared for evaluation.

    Values, for each scenario: access; access by group; dissimilarity between groups; access of the groups furthest
    behind and ahead, and the gap between them. Last, the ends before as cross-validation has them: they vary as the
    groups held fixed do, about a value of their own.
    """

    rows: tuple[Row, ...]
    sums: ClassTotals
    moves: Moves | None
    shares: tuple[float, ...]
    group: CodeArray  # of every (domain, band)
    groups: int
    barrier: bool
    behind: int
    ahead: int
    shift: FloatArray  # (3,) from the ends as found to the cross-validated ones; empty without these

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        found = self._found(block)
        first = self.groups + 2  # after access, that by group, and dissimilarity
        return np.concatenate([found, found[first : first + len(self.shift)] + self.shift[:, None]])

    def _found(self, block: Block) -> FloatArray:
        """Return the values of the groups as found."""
        cuts = block.cuts(self.shares)
        cells = self.sums.evaluate(block.factors, cuts)
        cells = cells.reshape(-1, *cells.shape[2:])
        groups = by_group_sums(cells, self.group, self.groups)
        before = self._scenario(groups)
        if self.moves is None:
            return np.stack(before)
        # What each group gains, from those who move: nobody moves, and nothing changes to the last bit.
        moved = self.moves.evaluate(block.factors, cuts)
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = groups[:, 1] / groups[:, 0]
        after = groups.copy()
        for leaf in range(self.groups):  # one leaf after the other, so that sums have one order
            gained = rate[leaf] - rate
            after[:, 1] += np.where(moved[:, leaf] > 0, moved[:, leaf] * gained, 0.0)
        return np.stack([*before, *self._scenario(after)])

    def _scenario(self, groups: FloatArray) -> list[FloatArray]:
        """Return the values of one scenario from sums (groups, 2, replicates)."""
        weight, access = groups[0].copy()
        for leaf in range(1, self.groups):
            weight += groups[leaf, 0]
            access += groups[leaf, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            rate, of_all = groups[:, 1] / groups[:, 0], access / weight
        gap = rate[self.ahead] - rate[self.behind]
        return [
            of_all,
            *rate,
            dissimilarity_of(self._access(groups))[2],
            rate[self.behind],
            rate[self.ahead],
            -gap if self.barrier else gap,
        ]

    def _access(self, sums: FloatArray) -> FloatArray:
        """Return sums with access, which of a barrier is its absence."""
        if not self.barrier:
            return np.ascontiguousarray(sums)
        return np.ascontiguousarray(np.stack([sums[:, 0], sums[:, 0] - sums[:, 1]], axis=1))


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of a tree on an opportunity, from the furthest behind to the furthest ahead."""

    labels: tuple[str, ...]
    of_cell: CodeArray
    n: LongArray
    weight: FloatArray
    behind: int
    ahead: int
    barrier: bool
    rate: FloatArray
    picked: bool  # whether the ends are at the ends because of these very rates

    @property
    def ends(self) -> Ends:
        """What the ends show as found."""
        return Ends.of(float(self.rate[self.behind]), float(self.rate[self.ahead]), self.barrier)


def groups_of(cells: Cells, tree: OpportunityTree, cuts: FloatArray, *, picked: bool = True) -> Groups:
    """Return a fitted tree's groups in the order of their standing: a barrier's highest rate is furthest behind.

    ``picked`` says that the tree was grown on these cells. If it was grown on others, standing is what it was there.
    """
    frame = tree.groups_
    standing = np.arange(len(frame))
    if cells.opportunity.kind == "barrier":
        found, share = frame["rate"].to_numpy(), frame["share"].to_numpy()
        standing = np.array(sorted(standing, key=lambda g: (-found[g], -share[g])))
    position = np.empty(len(standing), dtype=np.int32)
    position[standing] = np.arange(len(standing))
    of_cell = position[tree.group_of(cells.codes)]
    row_group = of_cell[cells.domain * cells.bands + cells.band(cuts)]
    weight: FloatArray = np.bincount(row_group, cells.weight, len(standing)).astype(np.float64)
    with np.errstate(invalid="ignore"):  # of nobody, where the tree was grown on others
        rate: FloatArray = np.bincount(row_group, cells.weight * cells.outcome, len(standing)) / weight
    if picked:
        good = -rate if cells.opportunity.kind == "barrier" else rate
        ahead = max(range(len(standing)), key=lambda g: (good[g], weight[g]))
    else:
        good = frame["rate"].to_numpy()[standing] * (-1 if cells.opportunity.kind == "barrier" else 1)
        ahead = max(range(len(standing)), key=lambda g: (good[g], frame["share"].to_numpy()[standing][g]))
    return Groups(
        tuple(frame["label"].to_numpy()[standing]),
        of_cell,
        np.bincount(row_group[cells.weight > 0], minlength=len(standing)).astype(np.int64),
        weight,
        0,
        ahead,
        cells.opportunity.kind == "barrier",
        rate,
        picked,
    )


def reroute(
    full: FullSample,
    cells: Cells,
    groups: Groups,
    cuts: FloatArray,
    transfers: Transfers | None,
    honest: Ends | None = None,
) -> Reroute:
    """Prepare an opportunity's groups before a transfer, and after it if there is one; ``honest`` are its ends."""
    moves = None
    if transfers is not None:
        spread = full.spread(transfers.outcomes, cells.household)
        row, before = spread.row, cells.welfare[spread.row]
        after = before if transfers.welfare_after is None else transfers.by_outcome("welfare_after")[spread.outcome]
        leaf = np.ascontiguousarray(groups.of_cell.reshape(len(cells.domains), cells.bands))
        weight = cells.weight[row] * spread.share
        moves = Moves(weight, spread.unit, cells.domain[row], before, after, leaf, len(groups.labels))
    rows, shift = _rows(cells, groups, cuts, moves is not None), np.empty(0)
    if honest is not None:
        shift = honest.shift(groups.ends)
        rows = *rows, *_cross_validated(rows, shift)
    return Reroute(
        rows,
        cells.class_totals(full.unit),
        moves,
        cells.shares,
        groups.of_cell,
        len(groups.labels),
        cells.opportunity.kind == "barrier",
        groups.behind,
        groups.ahead,
        shift,
    )


def hinges_on_the_cut(survey: Survey, cells: Cells, cuts: FloatArray, errors: FloatArray, transfers: Transfers) -> bool:
    """Return whether what a transfer changes rests on few, or on where exactly classes are cut.

    Either fewer than 50 cases change class, or after the transfer more than 10 % of people are within two standard
    errors of a cut: the change is then far from normal over samples, and its interval a rough guide.
    """
    after = transfers.welfare_after
    if (
        not cells.shares
        or after is None
        or survey.welfare is None
        or np.array_equal(after, survey.welfare, equal_nan=True)
    ):
        return False
    moved = np.searchsorted(cuts, after[cells.household], side="left") != cells.band(cuts)
    if (moved & (cells.weight > 0)).sum() < FEW_MOVERS:
        return True
    near = (np.abs(after[:, None] - cuts) <= 2 * errors).any(axis=1)
    return bool(survey.people[near].sum() > MANY_NEAR * survey.people[survey.welfare_known].sum())


def _rows(cells: Cells, groups: Groups, cuts: FloatArray, with_after: bool) -> tuple[Row, ...]:
    """Name the values that ``Reroute.evaluate`` returns, in its order."""
    name, param = cells.opportunity.name, cells.opportunity.param
    row_group = groups.of_cell[cells.domain * cells.bands + cells.band(cuts)]
    dfs, effectives = cells.rests_on(row_group, len(groups.labels))
    (df,), (effective,) = cells.rests_on(np.zeros_like(row_group), 1)
    everybody = Row("", name, n=cells.cases, df=int(df), effective=float(effective))
    of_group = [
        Row("", name, param, n=int(n), df=int(df), effective=float(effective))
        for n, df, effective in zip(groups.n, dfs, effectives, strict=True)
    ]
    extreme = {groups.behind, groups.ahead} if groups.picked and len(groups.labels) > 1 else set()

    def scenario(which: str) -> list[Row]:
        rows = [replace(everybody, statistic="access", param=param, scenario=which, scale="logit")]
        for g, label in enumerate(groups.labels):
            scale, flag = ("none", "biased") if g in extreme else ("logit", "")
            found = replace(of_group[g], statistic="access", scenario=which, by="group", level=label)
            rows.append(replace(found, scale=scale, flag=flag))
        biased: dict[str, Any] = {"scenario": which, "scale": "none", "flag": "biased"}
        rows.append(replace(everybody, statistic="d_index", param=cells.index_of("groups"), **biased))
        plain: dict[str, Any] = {"scenario": which}
        rate, difference = (biased, biased) if groups.picked else ({**plain, "scale": "logit"}, plain)
        rows.append(replace(of_group[groups.behind], statistic="furthest_behind", **rate))
        rows.append(replace(of_group[groups.ahead], statistic="furthest_ahead", **rate))
        # The gap rests on the groups at both ends: where one is too small to be published, so is what would tell it.
        ends = [of_group[groups.behind], of_group[groups.ahead]]
        least, fewest = min(row.n or 0 for row in ends), min(row.df for row in ends)
        rows.append(replace(ends[0], statistic="gap", n=least, df=fewest, effective=0.0, **difference))
        return rows

    return (*scenario("before"), *(scenario("after") if with_after else ()))


def _cross_validated(rows: tuple[Row, ...], shift: FloatArray) -> tuple[Row, ...]:
    """Name the cross-validated ends after the ends as found.

    Their interval is CV +- t sqrt(SE^2 + ((found - CV) / 2)^2), SE that of the groups held fixed: half of what chance
    seems to have added is what cross-validation may be off by itself.
    """
    found = [next(row for row in rows if (row.statistic, row.scenario) == (name, "before")) for name in ENDS]
    return tuple(
        replace(
            row,
            param=f"{row.param}, {CROSS_VALIDATED}" if row.param else CROSS_VALIDATED,
            scale="t",
            flag="",
            doubt=abs(off) / 2,
        )
        for row, off in zip(found, shift.tolist(), strict=True)
    )
