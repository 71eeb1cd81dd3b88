"""Grown trees as arrays: growing them on cells, one or one a replicate, and saying what a leaf has in common."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from ._cells import Circumstance
from ._kernels import _tree
from ._typing import BoolArray, CodeArray, FloatArray

LISTED = 6  # levels of an ordered circumstance that a label lists one by one
TOGETHER = 64  # combinations of a table that circumstances share; one with more levels has a table of its own


@dataclass(frozen=True)
class Rule:
    """When a node is split no further.

    Attributes
    ----------
    max_depth : int
    min_rows : float
        Rows in a leaf, at least.
    share_of_rows, share_of_weight : float
        Share of all rows, rounded down, and of the weight in a leaf, at least.
    cp : float or None
        Share of the root's sum of squares that a split must be worth more than. None: 1 / rows.
    """

    max_depth: int
    min_rows: float = 0.0
    share_of_rows: float = 0.0
    share_of_weight: float = 0.0
    cp: float | None = 0.0


@dataclass(frozen=True, eq=False)
class Splits:
    """A grown tree as arrays, one row a node, the root first and parents before children.

    Attributes
    ----------
    circumstance, left, right, parent, depth : ndarray of shape (nodes,), int32
        -1 where there is none: a leaf's circumstance, the root's parent.
    weight, rate, rows, sse : ndarray of shape (nodes,)
        Weight, weighted mean outcome, unweighted rows, and weighted sum of squares about the mean.
    threshold : ndarray of shape (nodes,)
        Positions below it go left, where the circumstance is ordered.
    worth : ndarray of shape (nodes,)
        Of a split: what it and the splits after it take off the sum of squares, each, when it is about to be taken
        back; at most its parent's.
    """

    circumstances: tuple[Circumstance, ...]
    circumstance: CodeArray
    left: CodeArray
    right: CodeArray
    parent: CodeArray
    depth: CodeArray
    weight: FloatArray
    rate: FloatArray
    rows: FloatArray
    sse: FloatArray
    threshold: FloatArray
    worth: FloatArray
    node: CodeArray  # (nodes, 7), as the kernel has it
    unordered_left: BoolArray  # (nodes, levels of the widest unordered circumstance)

    def of(self, node: CodeArray) -> "Splits":
        """Return the tree with other nodes, given as the kernel has them."""
        circumstance, left, right, parent, depth, _, _ = np.ascontiguousarray(node.T)
        return replace(self, node=node, circumstance=circumstance, left=left, right=right, parent=parent, depth=depth)

    @property
    def complexity(self) -> FloatArray:
        """Worth of every split as a share of the root's sum of squares, NaN at leaves."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.worth / self.sse[0])

    @property
    def leaves(self) -> CodeArray:
        """Numbers of the leaves."""
        return np.flatnonzero(self.circumstance < 0).astype(np.int32)

    def goes_left(self, t: int) -> BoolArray:
        """Return which levels of its circumstance go left at a split."""
        circumstance = self.circumstances[self.circumstance[t]]
        if not circumstance.ordered:
            return self.unordered_left[t, : circumstance.levels]
        left: BoolArray = np.arange(circumstance.levels) < self.node[t, 5]
        if circumstance.missing:
            left[-1] = self.node[t, 6] == 1
        return left

    def gain(self) -> FloatArray:
        """Return what every split takes off the sum of squares, NaN at leaves."""
        left, right = self.left, self.right
        apart = self.rate[left] - self.rate[right]
        return np.where(left >= 0, self.weight[left] * self.weight[right] / self.weight * apart * apart, np.nan)

    def apply(self, codes: CodeArray) -> CodeArray:
        """Return the leaf, as a node's number, in which each row of level codes ends."""
        out = np.empty(len(codes), dtype=np.int32)
        _tree.apply(
            np.ascontiguousarray(codes, dtype=np.int32),
            self.node,
            self.unordered_left.astype(np.uint8),
            _orders(self.circumstances),
            np.array([c.levels for c in self.circumstances], dtype=np.int32),
            out,
        )
        return out

    def path(self, leaf: int) -> list[int]:
        """Return the numbers of the nodes from the root to a leaf."""
        nodes = [leaf]
        while self.parent[nodes[-1]] >= 0:
            nodes.append(int(self.parent[nodes[-1]]))
        return nodes[::-1]


@dataclass(frozen=True, eq=False)
class Trees:
    """One grown tree a replicate, as arrays that are read for all replicates at once.

    Attributes
    ----------
    nodes : ndarray of shape (replicates,), int32
        How many each tree has, 0 where nobody has weight. Beyond them, arrays by node hold -1 and 0.
    circumstance : ndarray of shape (replicates, nodes), int32
        -1 at leaves. Its first column is the first split.
    weight, outcome, rows : ndarray of shape (replicates, nodes)
        Weight, weighted outcome, rows.
    leaf : ndarray of shape (replicates, cells), int32
        The node in which every cell ends, with weight or without.
    """

    circumstances: tuple[Circumstance, ...]
    nodes: CodeArray
    node: CodeArray
    node_sums: FloatArray
    threshold: FloatArray
    worth: FloatArray
    unordered_left: BoolArray
    leaf: CodeArray

    @property
    def circumstance(self) -> CodeArray:
        """Circumstance of every split."""
        return self.node[:, :, 0]

    @property
    def weight(self) -> FloatArray:
        """Weight of every node."""
        return self.node_sums[:, :, 0]

    @property
    def outcome(self) -> FloatArray:
        """Weighted outcome of every node."""
        return self.node_sums[:, :, 1]

    @property
    def rows(self) -> FloatArray:
        """Rows of every node, 0 where they were not counted."""
        return self.node_sums[:, :, 3]

    @cached_property
    def is_leaf(self) -> BoolArray:
        """Which nodes are leaves: (replicates, nodes)."""
        return np.asarray((self.circumstance < 0) & (self.weight > 0))

    @cached_property
    def rate(self) -> FloatArray:
        """Weighted mean outcome of every node, NaN where there is none: (replicates, nodes)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.outcome / self.weight

    @cached_property
    def lowest(self) -> CodeArray:
        """Leaf of the lowest rate in every replicate, among equal rates that of the larger weight; -1 of none."""
        return self._furthest(self.rate)

    @cached_property
    def highest(self) -> CodeArray:
        """Leaf of the highest rate in every replicate, among equal rates that of the larger weight; -1 of none."""
        return self._furthest(-self.rate)

    def _furthest(self, rate: FloatArray) -> CodeArray:
        low = np.where(self.is_leaf, rate, np.inf)
        weight = np.where(low == low.min(axis=1, keepdims=True), self.weight, -1.0)
        return np.where(self.nodes > 0, weight.argmax(axis=1), -1).astype(np.int32)

    def tree(self, replicate: int) -> Splits:
        """Return the tree of one replicate."""
        n = self.nodes[replicate]
        node, threshold = self.node[replicate, :n].copy(), self.threshold[replicate, :n].copy()
        weight, outcome, squared, rows = self.node_sums[replicate, :n].T
        circumstance, left, right, parent, depth, _, _ = np.ascontiguousarray(node.T)
        return Splits(
            self.circumstances,
            circumstance,
            left,
            right,
            parent,
            depth,
            np.array(weight),
            outcome / weight,
            np.array(rows),
            np.maximum(squared - outcome * outcome / weight, 0.0),
            threshold,
            np.where(circumstance >= 0, self.worth[replicate, :n], np.nan),
            node,
            np.array(self.unordered_left[replicate, :n]),
        )


def grow(circumstances: tuple[Circumstance, ...], codes: CodeArray, sums: FloatArray, rule: Rule) -> Splits:
    """Grow a tree on cells and take back the splits that are not worth ``rule.cp``.

    ``codes`` has shape (cells, circumstances); ``sums`` (cells, 4): weight, weighted outcome, weighted squared outcome,
    rows.
    """
    return grow_many(circumstances, codes, sums[:, :, None], rule).tree(0)


def grow_many(
    circumstances: tuple[Circumstance, ...],
    codes: CodeArray,
    sums: FloatArray,
    rule: Rule,
    worth: FloatArray | None = None,
) -> Trees:
    """Grow a tree in every replicate, and take back the splits that are not worth ``rule.cp``.

    A cell is there in a replicate where it has weight and, if rows are counted, rows: what subtraction leaves of a
    weight does not bring a cell back. Replicate by replicate the result is that of one replicate alone, to the bit.

    Parameters
    ----------
    circumstances : tuple of Circumstance
    codes : ndarray of shape (cells, circumstances), int32
    sums : ndarray of shape (cells, 2 to 4, replicates)
        Weight, weighted outcome; then, of four, weighted squared outcome; last, of three or four, rows. Of two or three
        the outcome is 0 or 1, so that its square is itself. Of two, rows are not counted: the rule must not ask for
        them.
    rule : Rule
    worth : ndarray of shape (replicates,), default None
        What a split must take off the sum of squares, instead of ``rule.cp`` of the root's.

    Returns
    -------
    Trees
    """
    layout = Layout.of(circumstances, codes)
    cells, columns, replicates = sums.shape
    column = {2: [0, 1, 1, -1], 3: [0, 1, 1, 2], 4: [0, 1, 2, 3]}[columns]
    assert columns > 2 or (rule.min_rows <= 0 and rule.share_of_rows == 0 and rule.cp is not None)
    max_depth = min(rule.max_depth, cells)
    leaves = cells if max_depth >= 31 else min(cells, 2**max_depth)
    if rule.share_of_weight > 0:
        leaves = min(leaves, int((1 + 1e-9) / rule.share_of_weight))
    if columns > 2 and rule.min_rows > 0:
        leaves = min(leaves, int(sums[:, -1].sum(axis=0).max(initial=0.0) / rule.min_rows))
    most = 2 * max(leaves, 1) - 1
    tables, rows = layout.code.shape[1], layout.rows
    node, node_sums = np.empty((replicates, most, 7), dtype=np.int32), np.empty((replicates, most, 4))
    threshold, worth_of = np.empty((2, replicates, most))
    unordered = [c.levels for c in circumstances if not c.ordered]
    goes_left = np.zeros((replicates, most, max(unordered, default=1)), dtype=np.uint8)
    leaf, nodes = np.empty((replicates, cells), dtype=np.int32), np.empty(replicates, dtype=np.int32)
    _tree.grow(
        level=layout.level,
        code=layout.code,
        sums=np.ascontiguousarray(sums, dtype=np.float64),
        column=np.array(column, dtype=np.int32),
        first_level=layout.first_level,
        levels=layout.levels,
        position=layout.position,
        ordered=_orders(circumstances),
        wide=layout.wide,
        slot_level=layout.slot_level,
        first_slot=layout.first_slot,
        narrow=layout.first_slot + len(layout.slot_level),
        max_depth=max_depth,
        least_rows=rule.min_rows,
        share_of_rows=rule.share_of_rows,
        share_of_weight=rule.share_of_weight,
        cp=-1.0 if rule.cp is None else rule.cp,
        least=np.full(replicates, np.nan) if worth is None else worth,
        held=np.empty((cells, 4)),
        held_aside=np.empty((cells, 4)),
        codes=np.empty((cells, tables), dtype=np.int32),
        codes_aside=np.empty((cells, tables), dtype=np.int32),
        cell=np.empty(cells, dtype=np.int32),
        cell_aside=np.empty(cells, dtype=np.int32),
        tally=np.empty((rows, 4)),
        key=np.empty(rows),
        rank=np.empty(rows, dtype=np.int32),
        rank_aside=np.empty(rows, dtype=np.int32),
        found=np.empty(len(circumstances), dtype=np.int32),
        span=np.empty((most, 2), dtype=np.int32),
        work=np.empty((3, most)),
        number=np.empty(most, dtype=np.int32),
        node=node,
        node_sums=node_sums,
        threshold=threshold,
        worth=worth_of,
        goes_left=goes_left,
        leaf=leaf,
        nodes_of=nodes,
    )
    return Trees(circumstances, nodes, node, node_sums, threshold, worth_of, goes_left.view(np.bool_), leaf)


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the kernel adds cells up: rows of levels, then of combinations of levels, then of wide circumstances."""

    level: CodeArray  # (cells, circumstances)
    code: CodeArray  # (cells, tables)
    first_level: CodeArray
    levels: CodeArray
    position: FloatArray
    wide: Any
    slot_level: CodeArray
    first_slot: int

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.position)

    @classmethod
    def of(cls, circumstances: tuple[Circumstance, ...], codes: CodeArray) -> "Layout":
        """Let circumstances share tables as long as there are many cells to each of a table's combinations."""
        cells = len(codes)
        levels = np.array([c.levels for c in circumstances], dtype=np.int32)
        wide = levels > TOGETHER
        narrow = np.flatnonzero(~wide)
        first_level = np.zeros(len(levels), dtype=np.int32)
        first_level[narrow] = np.cumsum(levels[narrow]) - levels[narrow]
        tables: list[list[int]] = []
        for f in sorted(narrow.tolist(), key=lambda f: -levels[f]):
            room = min(TOGETHER, cells // 8)
            for table in tables:
                if levels[f] * prod(int(levels[g]) for g in table) <= room:
                    table.append(f)
                    break
            else:
                tables.append([f])
        first_slot = int(levels[narrow].sum())
        made, of_slot, end = [], [], first_slot
        widest = max([1, *(len(table) for table in tables)])
        for table in tables:
            if len(table) == 1:
                made.append(first_level[table[0]] + codes[:, table[0]])
                continue
            shape = [int(levels[f]) for f in table]
            made.append(end + np.ravel_multi_index(tuple(codes[:, f] for f in table), shape))
            own = np.full((prod(shape), widest), -1, dtype=np.int32)
            own[:, : len(table)] = np.array(np.unravel_index(np.arange(prod(shape)), shape)).T + first_level[table]
            of_slot.append(own)
            end += prod(shape)
        for f in np.flatnonzero(wide).tolist():
            first_level[f] = end
            made.append(end + codes[:, f])
            end += int(levels[f])
        position = np.full(end, np.nan)
        for c, first in zip(circumstances, first_level.tolist(), strict=True):
            position[first : first + c.levels] = c.position
        return cls(
            np.ascontiguousarray(codes, dtype=np.int32),
            np.ascontiguousarray(np.column_stack(made), dtype=np.int32),
            first_level,
            levels,
            position,
            wide.astype(np.uint8),
            np.concatenate([np.empty((0, widest), dtype=np.int32), *of_slot]),
            first_slot,
        )


def _orders(circumstances: tuple[Circumstance, ...]) -> Any:
    """Return whether each has an order: 2 of one whose last level, the missing, has no place in it."""
    return np.array([c.ordered * (1 + c.missing) for c in circumstances], dtype=np.uint8)


def _apart(label: str) -> str:
    """Return a label in quotation marks where it would pass for several."""
    return f'"{label}"' if " + " in label or " to " in label else label


def describe(splits: Splits, codes: CodeArray, leaf_of_cell: CodeArray, leaf: int) -> str:
    """Return what the members of a leaf have in common: the circumstances on its path and the levels they have."""
    path = splits.path(leaf)[:-1]
    parts = []
    for f in dict.fromkeys(int(splits.circumstance[t]) for t in path):
        parts.append(
            f"{splits.circumstances[f].name}: {levels_of(splits.circumstances[f], codes[leaf_of_cell == leaf, f])}"
        )
    return ", ".join(parts) or "everybody"


def sides(splits: Splits, codes: CodeArray, t: int) -> list[str]:
    """Return what those who go left and right at a split have, of the codes of its cells: a bound, or levels."""
    f = int(splits.circumstance[t])
    circumstance, code = splits.circumstances[f], codes[:, f]
    goes_left = splits.goes_left(t)[code]
    known = ~circumstance.is_missing(code)
    if circumstance.ordered and not circumstance.text and all(known[side].any() for side in (goes_left, ~goes_left)):
        return [
            f"{circumstance.name} {sign} {splits.threshold[t]:.6g}{'' if known[side].all() else ' or missing'}"
            for sign, side in (("<", goes_left), (">=", ~goes_left))
        ]
    return [f"{circumstance.name}: {levels_of(circumstance, code[side])}" for side in (goes_left, ~goes_left)]


def levels_of(circumstance: Circumstance, codes: CodeArray | Iterable[int]) -> str:
    """Return the levels that occur, many of an order by the first and the last."""
    present = np.unique(np.asarray(codes))
    known = present[~circumstance.is_missing(present)]
    named = [_apart(circumstance.labels[level]) for level in known]
    if circumstance.ordered and len(named) > LISTED:
        named = [f"{named[0]} to {named[-1]}"]
    return " + ".join(named + [circumstance.labels[-1]] * (len(known) < len(present)))
