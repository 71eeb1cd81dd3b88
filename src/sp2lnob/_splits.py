"""A grown tree as arrays: growing on cells, taking back what is not worth it, and saying what a leaf has in common."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._cells import Circumstance
from ._kernels import _tree
from ._typing import BoolArray, CodeArray, FloatArray

LISTED = 6  # levels of an ordered circumstance that a label lists one by one


@dataclass(frozen=True, eq=False)
class Splits:
    """A grown tree as arrays, one row a node, the root first and parents before children.

    Attributes
    ----------
    circumstance, left, right, parent : ndarray of shape (nodes,), int32
        -1 where there is none: a leaf's circumstance, the root's parent.
    weight, rate, rows, sse : ndarray of shape (nodes,)
        Weight, weighted mean outcome, unweighted rows, and weighted sum of squares about the mean.
    threshold : ndarray of shape (nodes,)
        Positions below it go left, where the circumstance is ordered.
    goes_left : ndarray of shape (nodes, levels), bool
        Which levels of the node's circumstance go left.
    """

    circumstance: CodeArray
    left: CodeArray
    right: CodeArray
    parent: CodeArray
    weight: FloatArray
    rate: FloatArray
    rows: FloatArray
    sse: FloatArray
    threshold: FloatArray
    goes_left: BoolArray

    @property
    def leaves(self) -> CodeArray:
        """Numbers of the leaves."""
        return np.flatnonzero(self.circumstance < 0).astype(np.int32)

    def apply(self, codes: CodeArray) -> CodeArray:
        """Return the leaf, as a node's number, in which each row of level codes ends."""
        node = np.column_stack([self.circumstance, self.left, self.right]).astype(np.int32)
        out = np.empty(len(codes), dtype=np.int32)
        _tree.apply(
            np.ascontiguousarray(codes, dtype=np.int32), node, np.ascontiguousarray(self.goes_left, dtype=np.uint8), out
        )
        return out

    def path(self, leaf: int) -> list[int]:
        """Return the numbers of the nodes from the root to a leaf."""
        nodes = [leaf]
        while self.parent[nodes[-1]] >= 0:
            nodes.append(int(self.parent[nodes[-1]]))
        return nodes[::-1]


def grow(
    circumstances: tuple[Circumstance, ...],
    codes: CodeArray,
    sums: FloatArray,
    *,
    max_depth: int,
    min_rows: float,
    min_weight: float,
    cp: float,
) -> Splits:
    """Grow a tree on cells and take back the splits whose worth is below ``cp``.

    ``codes`` has shape (cells, circumstances); ``sums`` (cells, 4): weight, weighted outcome, weighted squared outcome,
    rows.
    """
    levels = [circumstance.levels for circumstance in circumstances]
    start = np.r_[0, np.cumsum(levels)].astype(np.int32)
    cells = len(codes)
    max_depth = min(max_depth, cells)
    most = 2 * cells - 1 if max_depth >= 31 else min(2 * cells - 1, 2 ** (max_depth + 1) - 1)
    node, node_sums = np.empty((most, 5), dtype=np.int32), np.empty((most, 4))
    threshold, goes_left = np.full(most, np.nan), np.zeros((most, max(levels)), dtype=np.uint8)
    total = sums.sum(axis=0)
    root_sse = total[2] - total[1] ** 2 / total[0]
    nodes = _tree.grow(
        np.ascontiguousarray(codes),
        np.ascontiguousarray(sums),
        start,
        np.concatenate([c.position for c in circumstances]),
        np.array([c.ordered for c in circumstances], dtype=np.uint8),
        max_depth,
        min_rows,
        min_weight,
        max(1e-12 * root_sse, 0.0),
        np.empty(cells, dtype=np.int32),
        np.empty(cells, dtype=np.int32),
        np.empty((start[-1], 4)),
        np.empty(start[-1], dtype=np.int32),
        np.empty((most, 2), dtype=np.int32),
        node,
        node_sums,
        threshold,
        goes_left,
    )
    weight, outcome, squared, rows = node_sums[:nodes].T
    sse = np.maximum(squared - outcome * outcome / weight, 0.0)
    kept = _collapse(node[:nodes], sse, cp * sse[0])
    return _compact(kept, weight, outcome / weight, rows, sse, threshold, goes_left)


def _collapse(node: CodeArray, sse: FloatArray, least: float) -> CodeArray:
    """Take back, from the leaves up, every branch that takes ``least`` a split or less off the sum of squares.

    A branch is judged by what is left of it when its own weaker branches have gone, each at its own worth, as R's rpart
    judges it while growing. That can take back a little more than minimal cost-complexity pruning would.
    """
    node = node.copy()
    left_over, splits, worth = sse.copy(), np.zeros(len(sse)), np.full(len(sse), least)
    for t in range(len(sse) - 1, -1, -1):
        if node[t, 0] < 0:
            continue
        branches = sorted(node[t, [2, 1]], key=lambda child: worth[child])
        state = {child: (left_over[child], splits[child]) for child in branches}
        for child in (None, *branches):  # the weaker branch goes first, then the other, as long as t is worth more
            if child is not None:
                if worth[t] <= worth[child]:
                    break
                state[child] = (sse[child], 0)
            left_over[t] = sum(rest for rest, _ in state.values())
            splits[t] = 1 + sum(count for _, count in state.values())
            worth[t] = (sse[t] - left_over[t]) / splits[t]
        if worth[t] <= least:
            node[t, :3] = -1
            left_over[t], splits[t] = sse[t], 0
    return node


def _compact(
    node: CodeArray,
    weight: FloatArray,
    rate: FloatArray,
    rows: FloatArray,
    sse: FloatArray,
    threshold: FloatArray,
    goes_left: Any,
) -> Splits:
    """Number the nodes that are left, parents before children."""
    kept = [0]
    for t in kept:
        if node[t, 0] >= 0:
            kept += [int(node[t, 1]), int(node[t, 2])]
    number_of = {-1: -1} | {old: new for new, old in enumerate(kept)}

    def renumbered(column: int) -> CodeArray:
        return np.array([number_of.get(int(node[t, column]), -1) for t in kept], dtype=np.int32)

    return Splits(
        node[kept, 0],
        renumbered(1),
        renumbered(2),
        renumbered(3),
        weight[kept],
        rate[kept],
        rows[kept],
        sse[kept],
        np.where(node[kept, 0] >= 0, threshold[kept], np.nan),
        goes_left[kept].astype(bool),
    )


def _apart(label: str) -> str:
    """Return a label in quotation marks where it would pass for several."""
    return f'"{label}"' if " + " in label or " to " in label else label


def describe(
    splits: Splits, circumstances: tuple[Circumstance, ...], codes: CodeArray, leaf_of_cell: CodeArray, leaf: int
) -> str:
    """Return what the members of a leaf have in common: the circumstances on its path and the levels they have."""
    path = splits.path(leaf)[:-1]
    parts = []
    for f in dict.fromkeys(int(splits.circumstance[t]) for t in path):
        circumstance = circumstances[f]
        present = np.unique(codes[leaf_of_cell == leaf, f])
        named = [_apart(circumstance.labels[level]) for level in present]
        if circumstance.ordered and len(named) > LISTED:
            parts.append(f"{circumstance.name}: {named[0]} to {named[-1]}")
        else:
            parts.append(f"{circumstance.name}: {' + '.join(named)}")
    return ", ".join(parts) or "everybody"
