"""How stable groups are: in every replicate the tree is grown anew, and what it finds is counted.

A replicate's tree is that of the same rule on the replicate's weights and classes; its rows are those with weight. How
often it begins with the same split, and how often each combination of circumstances falls into the group furthest
behind, says how far the groups as found are a matter of this sample. The spread of the gap between its own ends is told
as well. It is no standard error of the gap of the groups that are printed: most of it is which groups are found.

Whether a combination is at an end is one bit, and a number of a replicate holds fifty of them: what a replicate brings
along stays small, whatever the number of combinations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ._cells import Circumstance
from ._cuts import ClassTotals
from ._domains import Block, FullSample, Row
from ._splits import Rule, Trees, grow, grow_many, levels_of
from ._typing import BoolArray, CodeArray, FloatArray, LongArray
from .cross_validation import ends_of
from .disclosure import few_cases
from .opportunity import Cells

if TYPE_CHECKING:
    import pandas as pd

REFIT = "refit"  # what its rows are called among the others
SAME, FIRST, GAP = "same first split", "first split", "gap"
BEHIND, AHEAD = "furthest behind", "furthest ahead"
COLUMNS = ("opportunity", "what", "label", "share", "n", "frequency", "sd", "replicates", "flag")
MOST_CELLS = 1000  # that are told one by one: those of the most weight
PACKED = 50  # bits of a number
KNOWN_DF = 1_000_000  # without an interval, none are to be estimated
NO_SPLIT = "no split"
NONE = np.array([np.nan])


@dataclass(frozen=True, eq=False)
class Refit:
    """A tree to be grown anew in every replicate: a statistic prepared for evaluation.

    Values: the circumstance of the first split, -1 without one; whether it parts people as the full sample's does; the
    gap between the tree's own ends; which of the listed cells are at either end, packed.
    """

    rows: tuple[Row, ...]
    sums: ClassTotals
    counts: ClassTotals
    shares: tuple[float, ...]
    circumstances: tuple[Circumstance, ...]
    codes: CodeArray
    rule: Rule
    barrier: bool
    listed: LongArray
    goes_left: BoolArray  # of every cell, at the full sample's first split; of none, if there is no split
    first: int  # its circumstance, -1 without one
    fewest: int  # rows of the smaller of the full sample's ends

    gap = 2  # position among its rows

    @property
    def first_split(self) -> str:
        """The full sample's first split in words."""
        if self.first < 0:
            return NO_SPLIT
        level = self.codes[:, self.first]
        sides = [
            levels_of(self.circumstances[self.first], np.unique(level[at])) for at in (self.goes_left, ~self.goes_left)
        ]
        return f"{self.circumstances[self.first].name}: {' against '.join(sides)}"

    def combination(self, cell: int) -> str:
        """Return a cell in words, as the label of a group that has nobody else."""
        levels = zip(self.circumstances, self.codes[cell].tolist(), strict=True)
        return ", ".join(f"{circumstance.name}: {levels_of(circumstance, [level])}" for circumstance, level in levels)

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        trees, present = block.once(self, lambda: self.grown(block))
        behind, ahead = ends_of(trees, self.barrier)
        each = np.arange(block.replicates)
        gap = trees.rate[each, ahead] - trees.rate[each, behind]
        at_end = [_pack((trees.leaf[:, self.listed] == end[:, None]).T) for end in (behind, ahead)]
        found = [trees.circumstance[:, 0], self._same(trees, present), -gap if self.barrier else gap]
        return np.where(trees.nodes > 0, np.vstack([*found, *at_end]), np.nan)

    def grown(self, block: Block) -> tuple[Trees, BoolArray]:
        """Return the tree of every replicate, and which cells have weight in it: (cells, replicates)."""
        cuts = block.cuts(self.shares)
        rows = self.counts.evaluate((block.factors > 0).astype(np.float64), cuts)
        cells = np.concatenate([block.totals(self.sums, self.shares), rows.reshape(-1, *rows.shape[2:])], axis=1)
        return grow_many(self.circumstances, self.codes, cells, self.rule), cells[:, 0] > 0

    def _same(self, trees: Trees, present: BoolArray) -> BoolArray:
        """Return which trees' first splits part those who are there as the full sample's does.

        ``present`` of shape (cells, replicates) says who is there. Which side is called left does not matter.
        """
        alike = trees.circumstance[:, 0] == self.first
        if self.first < 0:
            return np.asarray(alike)
        of = self.circumstances[self.first]
        if of.ordered:
            left = np.arange(of.levels) < trees.node[:, 0, 5, None]
            if of.missing:
                left[:, -1] = trees.node[:, 0, 6] == 1
        else:
            left = trees.unordered_left[:, 0, : of.levels]
        other = self.goes_left[:, None] != left[:, self.codes[:, self.first]].T
        return np.asarray(alike & (~(other & present).any(axis=0) | ~(~other & present).any(axis=0)))


def refit(full: FullSample, cells: Cells, rule: Rule, cuts: FloatArray) -> Refit:
    """Prepare the trees of an opportunity's replicates."""
    codes, sums = cells.codes, cells.sums(cuts)
    splits = grow(cells.circumstances, codes, sums, rule)
    there = np.flatnonzero(sums[:, 0] > 0)
    listed = np.sort(there[np.argsort(-sums[there, 0], kind="stable")][:MOST_CELLS])
    first = int(splits.circumstance[0])
    goes_left = splits.goes_left(0)[codes[:, first]] if first >= 0 else np.zeros(len(codes), dtype=np.bool_)
    leaves = np.flatnonzero((splits.left < 0) & (splits.weight > 0))
    ends = leaves[[np.argmin(splits.rate[leaves]), np.argmax(splits.rate[leaves])]]
    named = [FIRST, SAME, GAP]
    packs = -(-len(listed) // PACKED)
    named += [f"{end} {pack}" for end in ("behind", "ahead") for pack in range(packs)]
    return Refit(
        tuple(Row(REFIT, cells.opportunity.name, name, n=cells.cases, df=KNOWN_DF, scale="none") for name in named),
        cells.totals(full),
        ClassTotals(
            [(cells.weight > 0).astype(np.float64)],
            full.unit[cells.household],
            cells.domain,
            len(cells.domains),
            cells.welfare,
            full.margins(cells.shares),
        ),
        cells.shares,
        cells.circumstances,
        codes,
        rule,
        cells.opportunity.kind == "barrier",
        listed,
        goes_left,
        first,
        int(splits.rows[ends].min()),
    )


def stability_of(of: Refit, cells: Cells, cuts: FloatArray, draws: FloatArray, spread: float) -> list[dict[str, Any]]:
    """Return what an opportunity's replicates found, line by line.

    ``draws`` of shape (replicates, rows) are the values of the replicates; ``spread`` is that of the gap's, as their
    design has it.
    """
    grown = draws[np.isfinite(draws[:, 0])]
    size = len(of.codes)
    cell = cells.domain * cells.bands + cells.band(cuts)
    weight = np.bincount(cell, cells.weight, size)
    n = np.bincount(cell[cells.weight > 0], minlength=size)

    def line(
        what: str, label: str, frequency: FloatArray | BoolArray = NONE, of_cell: int | None = None
    ) -> dict[str, Any]:
        cases = of.fewest if what == GAP else cells.cases if of_cell is None else int(n[of_cell])
        return {
            "opportunity": cells.opportunity.name,
            "what": what,
            "label": label,
            "share": 1.0 if of_cell is None else float(weight[of_cell] / weight.sum()),
            "n": cases,
            "frequency": float(np.mean(frequency)) if len(grown) else np.nan,
            "sd": np.nan,
            "replicates": len(grown),
            "flag": few_cases(cases),
        }

    lines = [line(SAME, of.first_split, grown[:, 1])]
    lines += [line(FIRST, c.name, grown[:, 0] == f) for f, c in enumerate(of.circumstances)]
    if of.first < 0 or (grown[:, 0] < 0).any():
        lines.append(line(FIRST, NO_SPLIT, grown[:, 0] < 0))
    packs = np.split(grown[:, 3:].T, 2)
    for what, packed in zip((BEHIND, AHEAD), packs, strict=True):
        at_end = _unpack(packed, len(of.listed))
        labels = [of.combination(int(which)) for which in of.listed]
        found = zip(of.listed.tolist(), labels, at_end, strict=True)
        lines += [line(what, label, there, which) for which, label, there in found]
    return [*lines, line(GAP, "") | {"sd": spread}]


def stability_frame(lines: Sequence[dict[str, Any]]) -> "pd.DataFrame":
    """Return the lines of all opportunities as a frame; within what they tell, the most frequent first."""
    import pandas as pd

    place = {what: i for i, what in enumerate((SAME, FIRST, BEHIND, AHEAD, GAP))}
    order = {name: i for i, name in enumerate(dict.fromkeys(line["opportunity"] for line in lines))}
    ranked = sorted(
        lines,
        key=lambda line: (order[line["opportunity"]], place[line["what"]], -np.nan_to_num(line["frequency"])),
    )
    return pd.DataFrame(ranked, columns=list(COLUMNS))


def _pack(bits: BoolArray) -> FloatArray:
    """Return bits (cells, replicates) fifty to a number, of shape (numbers, replicates)."""
    cells, replicates = bits.shape
    packs = -(-cells // PACKED)
    laid = np.zeros((packs * PACKED, replicates))
    laid[:cells] = bits
    return np.asarray(np.einsum("pbr,b->pr", laid.reshape(packs, PACKED, replicates), 2.0 ** np.arange(PACKED)))


def _unpack(packed: FloatArray, cells: int) -> BoolArray:
    """Return the bits (cells, replicates) that were packed."""
    whole = packed.astype(np.int64)[:, None]
    return ((whole >> np.arange(PACKED)[:, None]) & 1).reshape(-1, packed.shape[1])[:cells].astype(np.bool_)
