"""A grown tree as arrays: growing on cells, taking back what is not worth it, and saying what a leaf has in common."""

from collections.abc import Iterable
from dataclasses import dataclass

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
    node, number = node[:nodes], np.full(nodes + 1, -1, dtype=np.int32)
    left_over, splits, worth = np.empty((3, nodes))
    _tree.prune(node, sse, cp * sse[0], left_over, splits, worth, number[:-1])
    kept = np.flatnonzero(number >= 0)
    circumstance, left, right, parent, _ = node[kept].T  # the last number is that of -1: none
    return Splits(
        np.ascontiguousarray(circumstance),
        number[left],
        number[right],
        number[parent],
        weight[kept],
        outcome[kept] / weight[kept],
        rows[kept],
        sse[kept],
        np.where(circumstance >= 0, threshold[kept], np.nan),
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
        present = np.unique(codes[leaf_of_cell == leaf, f])
        parts.append(f"{circumstances[f].name}: {levels_of(circumstances[f], present)}")
    return ", ".join(parts) or "everybody"


def levels_of(circumstance: Circumstance, present: Iterable[int]) -> str:
    """Return levels of a circumstance as a label lists them."""
    named = [_apart(circumstance.labels[level]) for level in present]
    if circumstance.ordered and len(named) > LISTED:
        return f"{named[0]} to {named[-1]}"
    return " + ".join(named)
