"""Cost-complexity pruning: what a tree is at every cp, and which cp is worth its splits on PSUs it has not seen.

A split's complexity is its worth as a share of the root's sum of squares: `_kernels/_tree.pyx` says what it is worth.
Cross-validation is that of R's rpart: trees of all folds but one, each judged on the fold that it has not seen, at the
geometric means between the complexities of the whole tree. It costs one tree a fold, and a pass over its nodes a row of
the table.
"""

from dataclasses import dataclass, replace

import numpy as np

from ._cells import Circumstance
from ._splits import Rule, Splits, grow_many
from ._typing import CodeArray, FloatArray
from ._validate import fail

ALIKE = 1e-10  # complexities that differ by less than this share differ by the rounding of sums


@dataclass(frozen=True, eq=False)
class Table:
    """The trees to which a tree can be pruned, from the root alone to all of it.

    Attributes
    ----------
    cp : ndarray of shape (trees,)
        The tree stands for every cp from here up to that of the tree before; the last one is that of growing.
    splits : ndarray of shape (trees,), int64
    rel_error : ndarray of shape (trees,)
        Sum of squares that is left, as a share of the root's.
    x_error, x_std : ndarray of shape (trees,)
        The same on folds that a tree has not seen, and its standard error as if rows were drawn one by one; NaN without
        cross-validation.
    """

    cp: FloatArray
    splits: CodeArray
    rel_error: FloatArray
    x_error: FloatArray
    x_std: FloatArray

    @property
    def one_se(self) -> float:
        """The cp of the smallest tree within one standard error of the least cross-validated error."""
        best = int(np.argmin(self.x_error))
        within = self.x_error <= self.x_error[best] + self.x_std[best]
        return float(self.cp[np.argmax(within)])


def table_of(splits: Splits, cp: float) -> Table:
    """Return the trees to which a tree that was grown with a cp can be pruned."""
    complexity, root = splits.complexity, splits.sse[0]
    found = np.sort(complexity[splits.circumstance >= 0])[::-1]
    apart = np.r_[True, found[1:] < found[:-1] * (1 - ALIKE)][: len(found)]
    # The least of those that are alike, so that a tree pruned at it is without all of them.
    starts = np.flatnonzero(apart)
    cps = np.r_[found[np.r_[starts[1:], len(found)] - 1] if len(found) else [], cp]
    above, below = _range_of(splits)
    ends = (below[None, :] <= cps[:, None]) & (cps[:, None] < above[None, :])
    left = (ends * splits.sse).sum(axis=1) / root if root > 0 else np.ones(len(cps))
    nothing = np.full(len(cps), np.nan)
    return Table(cps, ends.sum(axis=1) - 1, left, nothing, nothing)


def cross_validated(
    table: Table,
    splits: Splits,
    circumstances: tuple[Circumstance, ...],
    codes: CodeArray,
    by_fold: FloatArray,
    rule: Rule,
) -> Table:
    """Return the table with errors on folds that a tree has not seen.

    ``by_fold`` has shape (folds, cells, 4 or 6): weight, weighted outcome, squared, rows; then, unless the outcome is 0
    or 1, weighted third and fourth powers.
    """
    others = np.stack([np.delete(by_fold, fold, axis=0).sum(axis=0) for fold in range(len(by_fold))], axis=-1)
    weight = others[:, 0].sum(axis=0)
    total = by_fold[:, :, 0].sum()
    if not weight.min() > 0:
        fail(
            "Cross-validation needs people of weight in two folds or more",
            "one fold has all of them",
            "Cross-validate a population that is spread over more PSUs, or give cp a number.",
        )
    # Growing stops, and trees are judged, at the same worth for each unit of weight as in the whole tree.
    scale = splits.sse[0] * weight / total
    between = np.r_[10 * table.cp[0], np.sqrt(table.cp[:-1] * table.cp[1:])]
    trees = grow_many(circumstances, codes, others[:, :4], rule, worth=table.cp[-1] * scale)
    error, squared = np.zeros((2, len(table.cp)))
    for fold, sums in enumerate(by_fold):
        tree = trees.tree(fold)
        held: FloatArray = np.column_stack(
            [np.bincount(trees.leaf[fold], column, len(tree.circumstance)) for column in sums.T]
        )
        for depth in range(int(tree.depth.max()), 0, -1):
            here = np.flatnonzero(tree.depth == depth)
            np.add.at(held, tree.parent[here], held[here])
        of_node = _errors(held, tree.rate)
        above, below = _range_of(tree)
        scaled = between * (scale[fold] / tree.sse[0]) if tree.sse[0] > 0 else between
        for j, cp in enumerate(scaled):
            ends = (below <= cp) & (cp < above)
            error[j] += of_node[0, ends].sum()
            squared[j] += of_node[1, ends].sum()
    # As rpart has it of weights with a mean of 1: as they are, their scale would set the standard error.
    rows = by_fold[:, :, 3][by_fold[:, :, 0] > 0].sum()
    spread = np.sqrt(np.maximum(squared - error * error / total, 0) * (total / rows))
    root = splits.sse[0] if splits.sse[0] > 0 else np.nan
    return replace(table, x_error=error / root, x_std=spread / root)


def pruned(splits: Splits, cp: float) -> Splits:
    """Return a tree without the splits whose complexity is cp or less."""
    above, _ = _range_of(splits)
    kept = np.flatnonzero(above > cp)
    number = np.full(len(above) + 1, -1, dtype=np.int32)
    number[kept] = np.arange(len(kept), dtype=np.int32)
    node = splits.node[kept]
    ends = ~(splits.complexity[kept] > cp)
    node[:, 1:4] = number[node[:, 1:4]]
    node[ends, :3] = -1
    return replace(
        splits.of(node),
        weight=splits.weight[kept],
        rate=splits.rate[kept],
        rows=splits.rows[kept],
        sse=splits.sse[kept],
        threshold=np.where(ends, np.nan, splits.threshold[kept]),
        worth=np.where(ends, np.nan, splits.worth[kept]),
        unordered_left=splits.unordered_left[kept],
    )


def _range_of(splits: Splits) -> tuple[FloatArray, FloatArray]:
    """Return below which cp, and from which on, each node is a leaf of the tree pruned at it."""
    complexity = splits.complexity
    below = np.where(splits.circumstance >= 0, complexity, -np.inf)
    above = np.where(splits.parent >= 0, complexity[splits.parent], np.inf)
    return above, below


def _errors(held: FloatArray, rate: FloatArray) -> FloatArray:
    """Return weighted sums of squared errors, and of their squares, about a rate: (2, nodes)."""
    if held.shape[1] == 4:  # 0 or 1
        weight, with_it = held[:, 0], held[:, 1]
        return np.stack([with_it * (1 - rate) ** k + (weight - with_it) * rate**k for k in (2, 4)])
    w, s1, s2, _, s3, s4 = held.T
    return np.stack(
        [s2 - 2 * rate * s1 + rate**2 * w, s4 - 4 * rate * s3 + 6 * rate**2 * s2 - 4 * rate**3 * s1 + rate**4 * w]
    )
