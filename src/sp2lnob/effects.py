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
from .opportunity import Cells
from .survey import Survey
from .transfers import Transfers
from .tree import OpportunityTree

FEW_MOVERS, MANY_NEAR = 50, 0.1  # cases that change class, and the share of people near a cut


@dataclass(frozen=True, eq=False)
class Reroute:
    """An opportunity's groups, before and after: a statistic prepared for evaluation.

    Values, for each scenario: access; access by group; dissimilarity between groups; access of the groups furthest
    behind and ahead, and the gap between them.
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

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
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
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = groups[:, 1] / groups[:, 0]
        weight, access = groups[0].copy()
        for leaf in range(1, self.groups):
            weight += groups[leaf, 0]
            access += groups[leaf, 1]
        gap = rate[self.ahead] - rate[self.behind]
        return [
            access / weight,
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


def groups_of(cells: Cells, tree: OpportunityTree, cuts: FloatArray) -> Groups:
    """Return a fitted tree's groups in the order of their standing: a barrier's highest rate is furthest behind."""
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
    rate = np.bincount(row_group, cells.weight * cells.outcome, len(standing)) / weight
    good = -rate if cells.opportunity.kind == "barrier" else rate
    ahead = max(range(len(standing)), key=lambda g: (good[g], weight[g]))
    return Groups(
        tuple(frame["label"].to_numpy()[standing]),
        of_cell,
        np.bincount(row_group[cells.weight > 0], minlength=len(standing)).astype(np.int64),
        weight,
        0,
        ahead,
        cells.opportunity.kind == "barrier",
    )


def reroute(full: FullSample, cells: Cells, groups: Groups, cuts: FloatArray, transfers: Transfers | None) -> Reroute:
    """Prepare an opportunity's groups before a transfer, and after it if there is one."""
    moves, unit = None, full.unit[cells.household]
    if transfers is not None:
        after = cells.welfare if transfers.welfare_after is None else transfers.welfare_after[cells.household]
        leaf = groups.of_cell.reshape(len(cells.domains), cells.bands)
        moves = Moves(
            cells.weight, unit, cells.domain, cells.welfare, after, np.ascontiguousarray(leaf), len(groups.labels)
        )
    return Reroute(
        _rows(cells, groups, cuts, moves is not None),
        cells.class_totals(full.unit),
        moves,
        cells.shares,
        groups.of_cell,
        len(groups.labels),
        cells.opportunity.kind == "barrier",
        groups.behind,
        groups.ahead,
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
    extreme = {groups.behind, groups.ahead} if len(groups.labels) > 1 else set()

    def scenario(which: str) -> list[Row]:
        rows = [replace(everybody, statistic="access", param=param, scenario=which, scale="logit")]
        for g, label in enumerate(groups.labels):
            scale, flag = ("none", "biased") if g in extreme else ("logit", "")
            found = replace(of_group[g], statistic="access", scenario=which, by="group", level=label)
            rows.append(replace(found, scale=scale, flag=flag))
        biased: dict[str, Any] = {"scenario": which, "scale": "none", "flag": "biased"}
        rows.append(replace(everybody, statistic="d_index", param=cells.index_of("groups"), **biased))
        rows.append(replace(of_group[groups.behind], statistic="furthest_behind", **biased))
        rows.append(replace(of_group[groups.ahead], statistic="furthest_ahead", **biased))
        # The gap rests on the groups at both ends: where one is too small to be published, so is what would tell it.
        ends = [of_group[groups.behind], of_group[groups.ahead]]
        least, fewest = min(row.n or 0 for row in ends), min(row.df for row in ends)
        rows.append(replace(ends[0], statistic="gap", n=least, df=fewest, effective=0.0, **biased))
        return rows

    return (*scenario("before"), *(scenario("after") if with_after else ()))
