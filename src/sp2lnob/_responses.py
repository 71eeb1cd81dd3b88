"""How access responds to a transfer: four answers, each evaluated on the rows that the transfer moves.

An answer gives what every group gains, as weight: the sum over its members of before of access after less access
before. Where nothing moves it is 0 to the last bit. Whether a household has one outcome in a scenario or several is the
matter of ``spread`` alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ._cells import combine
from ._cuts import Moves
from ._domains import Block, FullSample
from ._kernels import _logit
from ._logit import CONVERGED, MOST_STEPS, SEPARATED, MainEffects
from ._parallel import LANES
from ._sweeps import by_group_sums, by_level
from ._typing import CodeArray, CountArray, FloatArray, LongArray
from .measures import check_positive
from .opportunity import Cells
from .stability import Refit
from .transfers import Transfers

EFFECTS = ("reroute", "interpolate", "logit", "refit")
HINGING = ("reroute", "refit")  # those that see a class, and nothing within it


@dataclass(frozen=True, eq=False)
class Spread:
    """The rows of cells in a scenario: a row as often as the scenario has outcomes for it.

    Attributes
    ----------
    row : ndarray of shape (n,), int64
        Row of the cells.
    weight : ndarray of shape (n,)
        The row's, times the share of this outcome; those of all outcomes of a row add up to its own.
    unit : ndarray of shape (n,), int32
        Whose factor it takes.
    before, after : ndarray of shape (n,)
        Welfare; NaN where it is not known.
    """

    row: LongArray
    weight: FloatArray
    unit: CodeArray
    before: FloatArray
    after: FloatArray

    def among(self, kept: LongArray) -> "Spread":
        """Return some of them."""
        before, after = self.before[kept], self.after[kept]
        return Spread(self.row[kept], self.weight[kept], self.unit[kept], before, after)


def spread(full: FullSample, cells: Cells, transfers: Transfers) -> Spread:
    """Return the rows of cells whose welfare a transfer moves: the others change nothing."""
    before = full.survey.welfare
    if before is None or transfers.welfare_after is None:
        nobody = np.arange(0)
        return Spread(nobody, np.empty(0), full.unit[:0], *2 * [np.empty(0)])
    found = full.spread(transfers.outcomes, cells.household)
    weight, after = cells.weight[found.row] * found.share, transfers.by_outcome("welfare_after")[found.outcome]
    made = Spread(found.row, weight, found.unit, before[cells.household[found.row]], after)
    moved = (made.before < made.after) | (made.before > made.after)  # not where it is unknown
    return made.among(np.flatnonzero(moved & (made.weight > 0)))


@dataclass(frozen=True, eq=False)
class Standing:
    """An opportunity's groups of before, in a block of replicates: what all answers start from."""

    block: Block
    cuts: FloatArray
    cells: FloatArray  # (domains * classes, 2 or 3, replicates): weight, with access, weighted welfare
    groups: FloatArray  # (groups, 2, replicates)

    @property
    def rate(self) -> FloatArray:
        """Rate of every group."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.groups[:, 1] / self.groups[:, 0]


class Response(Protocol):
    """One of the answers."""

    @property
    def separated(self) -> bool:
        """Whether rates of the full sample are the limit of a logit."""
        ...

    def gained(self, at: Standing) -> FloatArray:
        """Return what every group gains, as weight, of shape (groups, replicates)."""
        ...


@dataclass(frozen=True, eq=False)
class Reroute:
    """Whoever changes class takes the rate of the leaf that they reach."""

    moves: Moves
    sign: int  # of the changes that count; 0: all

    separated = False

    def gained(self, at: Standing) -> FloatArray:
        """Return what every group gains from those who move."""
        moved, rate = self.moves.evaluate(at.block.factors, at.cuts), at.rate
        gained = np.zeros_like(rate)
        for leaf in range(len(rate)):  # one leaf after the other, so that sums have one order
            step = _counted(rate[leaf] - rate, self.sign)
            gained += np.where(moved[:, leaf] > 0, moved[:, leaf] * step, 0.0)
        return gained


@dataclass(frozen=True, eq=False)
class Interpolate:
    """Access is linear in welfare between the mean welfare of classes, where it is the rate of a class's leaf."""

    moves: Moves
    leaf: CodeArray  # (domains, classes)
    sign: int

    separated = False

    def gained(self, at: Standing) -> FloatArray:
        """Return what every group gains; a class that nobody is in has no mean, and is passed over."""
        domains, classes = self.leaf.shape
        band = np.tile(np.arange(classes, dtype=np.int32), domains)
        of_class = by_group_sums(at.cells, band, classes)
        with np.errstate(divide="ignore", invalid="ignore"):
            knot = of_class[:, 2] / of_class[:, 0]
        rate, empty = at.rate[self.leaf], ~(of_class[:, 0] > 0)
        neighbors = [(k, k - 1) for k in range(1, classes)] + [(k, k + 1) for k in range(classes - 2, -1, -1)]
        for k, neighbor in neighbors if empty.any() else ():
            lacks = np.isnan(knot[k])
            knot[k] = np.where(lacks, knot[neighbor], knot[k])
            rate[:, k] = np.where(lacks, rate[:, neighbor], rate[:, k])
        alike = (self.leaf[:, 1:] == self.leaf[:, :-1])[:, :, None] & ~(empty[1:] | empty[:-1])
        step = np.where(alike, 0.0, rate[:, 1:] - rate[:, :-1])
        return self.moves.between(at.block.factors, at.cuts, knot, step, self.sign)


@dataclass(frozen=True, eq=False)
class SlopeLogit:
    """A weighted logit of access on a number of every row, with main effects of its circumstances."""

    effects: MainEffects
    number: FloatArray
    weight: FloatArray
    outcome: CountArray
    unit: CodeArray
    begin: CodeArray  # (cells + 1,)

    def fit(self, factors: FloatArray, start: FloatArray | None = None) -> tuple[FloatArray, CountArray]:
        """Return coefficients (parameters + 1, replicates), the number's last, and the state of every fit."""
        width, replicates = self.effects.parameters + 1, factors.shape[0] * LANES
        coefficients, state = np.empty((width, replicates)), np.empty(replicates, dtype=np.uint8)
        _logit.fit_slope(
            self.number,
            self.weight,
            self.outcome,
            self.unit,
            self.begin,
            self.effects.active,
            np.zeros(width) if start is None else start,
            MOST_STEPS,
            factors,
            np.empty((width, width, LANES)),
            np.empty((5, width, LANES)),
            coefficients,
            state,
        )
        return coefficients, state


@dataclass(frozen=True, eq=False)
class Logit:
    """Access moves along a logit of it on the logarithm of welfare and the circumstances that are no class of it."""

    moves: Moves  # of domains in which only the fixed circumstances tell rows apart
    logit: SlopeLogit
    of_domain: CodeArray  # the logit's cell of every domain
    ends: FloatArray  # (2, rows) of those that move
    start: FloatArray
    sign: int
    separated: bool

    def gained(self, at: Standing) -> FloatArray:
        """Return what every group gains, NaN where no logit was found."""
        coefficients, state = self.logit.fit(at.block.factors, self.start)
        own = self.logit.effects.product(coefficients[:-1])[self.of_domain]
        made = self.moves.along(at.block.factors, at.cuts, self.ends, own, coefficients[-1].copy(), self.sign)
        return np.where(state & CONVERGED, made, np.nan)


@dataclass(frozen=True, eq=False)
class Regrown:
    """Whoever changes class takes the rate of the leaf that they reach in a tree grown anew in every replicate."""

    moves: Moves  # places are cells
    group: CodeArray  # of every cell
    groups: int
    trees: Refit
    sign: int

    separated = False

    def gained(self, at: Standing) -> FloatArray:
        """Return what every group gains."""
        trees, _ = at.block.once(self.trees, lambda: self.trees.grown(at.block))
        cells, classes, replicates = len(self.group), len(at.cuts) + 1, at.block.replicates
        most = int(trees.node.shape[1])
        node = trees.leaf.astype(np.int64).T  # (cells, replicates)
        place = node * replicates + np.arange(replicates)
        weight, access = (
            np.bincount(place.ravel(), at.cells[:, k].ravel(), most * replicates)[place] for k in range(2)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(trees.nodes > 0, access / weight, np.nan)
        band = np.tile(np.arange(classes, dtype=np.int32), (cells // classes, 1))
        first = np.repeat(np.arange(0, cells, classes), classes)
        gained = np.zeros((cells, 1, replicates))
        for group in range(replicates // LANES):  # cells by class are many
            lanes = slice(group * LANES, (group + 1) * LANES)
            factors = at.block.factors[group : group + 1]
            moved = self.moves.evaluate(factors, np.ascontiguousarray(at.cuts[:, lanes]), band, classes)
            for k in range(classes):
                step = _counted(rate[first + k, lanes] - rate[:, lanes], self.sign)
                gained[:, 0, lanes] += np.where(moved[:, k] > 0, moved[:, k] * step, 0.0)
        return by_group_sums(gained, self.group, self.groups)[:, 0]


def _counted(step: FloatArray, sign: int) -> FloatArray:
    """Return changes of a rate, those of the other sign as 0."""
    return step if not sign else np.maximum(step, 0.0) if sign > 0 else np.minimum(step, 0.0)


def responses(
    full: FullSample,
    cells: Cells,
    group: CodeArray,
    groups: int,
    transfers: Transfers,
    effects: tuple[str, ...],
    monotone: bool,
    trees: Refit | None,
) -> tuple[Response, ...]:
    """Prepare answers for the groups of an opportunity; ``group`` is that of every cell.

    Raises
    ------
    InputError
        If welfare of a row that counts is 0 or below, and has no logarithm.
    """
    moved = spread(full, cells, transfers)
    sign = 0 if not monotone else -1 if cells.opportunity.kind == "barrier" else 1
    leaf = np.ascontiguousarray(group.reshape(len(cells.domains), cells.bands))

    def moves(of: Spread, place: CodeArray = leaf, places: int = groups) -> Moves:
        margins = full.margins(cells.shares)
        return Moves(of.weight, of.unit, cells.domain[of.row], of.before, of.after, place, places, margins)

    def reroute() -> Response:
        return Reroute(moves(moved), sign)

    def interpolate() -> Response:
        split = (leaf != leaf[:, :1]).any(axis=1)  # elsewhere access is flat in welfare
        return Interpolate(moves(moved.among(np.flatnonzero(split[cells.domain[moved.row]]))), leaf, sign)

    def logit() -> Response:
        return _logit_of(full, cells, moved, moves, sign)

    def refit() -> Response:
        assert trees is not None
        each = np.arange(len(group), dtype=np.int32)
        return Regrown(moves(moved, each.reshape(leaf.shape), len(group)), group, groups, trees, sign)

    made: dict[str, Callable[[], Response]] = dict(zip(EFFECTS, (reroute, interpolate, logit, refit), strict=True))
    return tuple(made[effect]() for effect in effects)


def _logit_of(full: FullSample, cells: Cells, moved: Spread, moves: Callable[[Spread], Moves], sign: int) -> Response:
    """Prepare the logit of an opportunity, on its rows with weight whose welfare is known."""
    survey = full.survey
    welfare = np.full(len(cells.household), np.nan) if survey.welfare is None else survey.welfare[cells.household]
    counts = (cells.weight > 0) & ~np.isnan(welfare)
    must = f"Effect 'logit' of opportunity {cells.opportunity.name!r} needs welfare above 0"

    def show(i: int) -> str:
        return survey.show_household(int(cells.household[i]))

    check_positive(welfare, counts, must, show)
    after = np.full(len(welfare), np.nan)
    np.fmin.at(after, moved.row, moved.after)  # the least of what may come
    check_positive(after, counts, f"{must} after the transfer", show)
    fixed = [j for j, circumstance in enumerate(cells.circumstances) if survey.welfare_class(circumstance.name) is None]
    levels = [cells.circumstances[j].levels for j in fixed]
    if fixed:
        codes, of_domain = combine([cells.domains[:, j] for j in fixed], levels)
    else:
        codes, of_domain = np.zeros((1, 0), dtype=np.int32), np.zeros(len(cells.domains), dtype=np.int32)
    rows = np.flatnonzero(counts)
    cell = of_domain[cells.domain[rows]]
    order = by_level(cell, len(codes))
    rows, cell = rows[order], cell[order]
    weight = np.ascontiguousarray(cells.weight[rows])
    # A number about 0 and of spread 1, which changes no rate: otherwise steps towards it would be uneven.
    log = np.log(welfare[rows])
    center = float(np.average(log, weights=weight)) if len(rows) else 0.0
    scale = float(np.sqrt(np.average((log - center) ** 2, weights=weight))) if len(rows) else 0.0
    scale = scale if scale > 0 else 1.0
    begin = np.r_[0, np.cumsum(np.bincount(cell, minlength=len(codes)))].astype(np.int32)
    fitted = SlopeLogit(
        MainEffects(codes, tuple(levels)),
        (log - center) / scale,
        weight,
        np.ascontiguousarray(cells.outcome[rows]),
        np.ascontiguousarray(full.unit[cells.household[rows]]),
        begin,
    )
    coefficients, state = fitted.fit(full.factors)
    ends = (np.log(np.stack([moved.before, moved.after])) - center) / scale
    start = np.ascontiguousarray(coefficients[:, 0])
    return Logit(moves(moved), fitted, of_domain, ends, start, sign, bool(state[0] & SEPARATED))
