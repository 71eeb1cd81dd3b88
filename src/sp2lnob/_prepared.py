"""Statistics that have met a survey: prepared data, waiting for a block of replicate factors.

Three kinds, by what a replicate costs. Additive: sums of columns over rows, added up by PSU once. Ordered: a sweep
over one sorting of welfare. Of cells: sums by combination of circumstances. Statistics that walk the same rows walk
them together.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import product
from typing import Protocol, cast

import numpy as np

from ._cuts import ClassTotals
from ._domains import RECIPIENTS, Block, Domain, FullSample, Row, Rows, divided, spread
from ._parallel import LANES
from ._sweeps import (
    CellSums,
    ClassOrdering,
    Ordering,
    Slots,
    Swept,
    Totals,
    Weighted,
    all_once,
    dissimilarity_of,
    levels_of,
    picked,
    richest_first,
    step_ratio,
)
from ._typing import BoolArray, CodeArray, FloatArray, LongArray
from ._validate import fail
from .design import Design
from .survey import Survey
from .transfers import Transfers

ROUNDING = 1e-12  # of a total: a standard error below it is none
RICHEST, HEAVY = 0.01, 0.2  # the share of people whose share of welfare is looked at, and what is too much
Richest = Callable[[int], CodeArray | LongArray]  # from a number to the places of so many, the richest
Pick = Callable[[Swept], FloatArray]  # from what a sweep gives to values of shape (values, replicates)


class Prepared(Protocol):
    """A statistic on prepared data, of which only the factors are still open."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """What each value is."""
        ...

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        ...


@dataclass(frozen=True, eq=False)
class Ranked:
    """Rows from the richest down: in an order, of which another order was made where ``again`` is one."""

    ordering: Ordering
    first: CodeArray
    again: CodeArray | None = None

    @cached_property
    def order(self) -> CodeArray:
        """Where each row is."""
        return self.first if self.again is None else self.first[self.again]

    def top(self, many: int) -> CodeArray:
        """Return where the richest are."""
        return self.first[:many] if self.again is None else self.first[self.again[:many]]

    def top_of(self, level: CodeArray, of: int, many: int) -> CodeArray:
        """Return where the richest of a level are; all of its rows, where there are no more."""
        looked = many
        while True:
            order = self.top(looked)
            found: CodeArray = order[level[order] == of]
            if len(found) >= many or looked >= len(level):
                return found[:many]
            looked *= 2


@dataclass(frozen=True, eq=False)
class Rising:
    """Rows from the poorest up, of which equal ones keep the survey's order: where a step falls may hang on it."""

    welfare: FloatArray
    weight: FloatArray
    unit: CodeArray
    base: FloatArray  # the welfare that is cut into classes

    @classmethod
    def of(cls, welfare: FloatArray, weight: FloatArray, unit: CodeArray, base: FloatArray) -> "Rising":
        """Sort rows."""
        order = richest_first(-welfare)
        return cls(welfare[order], weight[order], unit[order], base[order])


@dataclass(frozen=True, eq=False)
class Scenario:
    """Welfare before, after a transfer, or in a situation of another kind.

    Attributes
    ----------
    transfers : Transfers or None
        What is paid; None where no package is.
    instead : ndarray of shape (households,), or None
        Welfare in a situation that is neither before nor after a package.
    among : Scenario or None
        The scenario that says who the recipients are, where figures are by recipients; with several scenarios its name
        is told.
    """

    name: str
    survey: Survey
    transfers: Transfers | None = None
    instead: FloatArray | None = None
    among: "Scenario | None" = None
    one_of: int = 1
    _spread: dict[Domain, Domain] = field(default_factory=dict)
    _rows: dict[Rows, Rows] = field(default_factory=dict)
    _divided: dict[Domain, Domain] = field(default_factory=dict)
    _ranked: dict[Rows, Ranked] = field(default_factory=dict)
    _orderings: dict[Domain, tuple[Ordering | ClassOrdering, ...]] = field(default_factory=dict)
    _rising: dict[Domain, tuple[Rising, ...]] = field(default_factory=dict)
    _tails: dict[Domain, BoolArray] = field(default_factory=dict)
    _welfare: dict[Rows, FloatArray] = field(default_factory=dict)

    def welfare(self) -> FloatArray:
        """Return welfare by outcome: by household, where every household has one."""
        if self.instead is not None:
            return self.instead
        if self.survey.welfare is None:
            fail("This statistic needs welfare", "the survey has none", "Pass welfare=, the column of consumption.")
        return self.survey.welfare if self.transfers is None else self.transfers.by_outcome("welfare_after")

    def welfare_of(self, rows: Rows) -> FloatArray:
        """Return welfare by row, which may be outcomes of another scenario: what is before is by household."""
        if rows not in self._welfare:
            welfare, of = self.welfare(), rows.spread
            alike = of is None or self.transfers is None
            self._welfare[rows] = rows.of_household(welfare) if alike else welfare[rows.outcome]
        return self._welfare[rows]

    def ends(self) -> tuple[FloatArray, FloatArray]:
        """Return the lowest and the highest welfare that each household may have."""
        welfare, outcomes = self.welfare(), None if self.transfers is None else self.transfers.outcomes
        if outcomes is None:
            return welfare, welfare
        start = np.flatnonzero(np.diff(outcomes.household, prepend=-1))
        return np.minimum.reduceat(welfare, start), np.maximum.reduceat(welfare, start)

    @property
    def before(self) -> bool:
        """Whether this is the survey as it is."""
        return self.transfers is None and self.instead is None

    def domain(
        self, full: FullSample, by: tuple[str, ...], *, with_welfare: bool = True, unit: str | None = None
    ) -> Domain:
        """Return people by some columns, each as often as the scenario has outcomes for them.

        By recipients they are as often there as the scenario has outcomes that pays these, whichever asks: an outcome
        of exact draws says what is paid in all and not to whom, and is refused.
        """
        if RECIPIENTS not in by:
            return self.spread(full.domain(by, with_welfare=with_welfare, unit=unit))
        of = self.among
        assert of is not None
        assert of.transfers is not None
        others = [paid for paid in (self.transfers, of.transfers) if paid is not None and paid.outcomes is not None]
        if others and self.transfers is not None and self.transfers is not of.transfers:
            fail(
                f"Figures by {RECIPIENTS!r} of another package need packages that rank nobody",
                f"{of.name!r} or {self.name!r} ranks, or has exact draws",
                "Estimate each package in a call of its own.",
            )
        lives = of.transfers.by_outcome("reached")[:, -1]
        if of.transfers.package.draws == "exact" and ((lives > 0) & (lives < 1)).any():
            fail(
                f"Figures by {RECIPIENTS!r} need to know who is paid",
                f"draws of {of.name!r} are exact, and leave it to chance for some households",
                "Pass draws='seeded' to the Package.",
            )
        rest = tuple(name for name in by if name != RECIPIENTS)
        domain = of.domain(full, rest, with_welfare=with_welfare, unit=unit)
        if domain not in of._divided:
            paid = of.transfers.by_outcome("reached")[domain.rows.outcome, -1] > 0
            name = RECIPIENTS if of.one_of == 1 else f"{RECIPIENTS}: {of.name}"
            of._divided[domain] = divided(domain, name, ("recipients", "others"), np.where(paid, 0, 1).astype(np.int32))
        return of._divided[domain]

    def spread(self, domain: Domain) -> Domain:
        """Return a domain of the survey with a row for each outcome that the scenario has for it."""
        outcomes = None if self.transfers is None else self.transfers.outcomes
        if outcomes is None:
            return domain
        if domain not in self._spread:
            self._spread[domain] = spread(domain, outcomes, self._rows)
        return self._spread[domain]

    def orderings(self, domain: Domain) -> tuple[Ordering | ClassOrdering, ...]:
        """Return the people of every level from the richest down, sorted once for all who ask."""
        if domain not in self._orderings:
            self._orderings[domain] = tuple(self._ordered(domain))
        return self._orderings[domain]

    def rising(self, domain: Domain) -> tuple[Rising, ...]:
        """Return the people of every level from the poorest up; those of welfare classes together."""
        if domain not in self._rising:
            rows, welfare = domain.rows, self.welfare_of(domain.rows)
            base = domain.welfare if domain.shares else welfare
            self._rising[domain] = tuple(
                Rising.of(welfare[here], rows.weight[here], rows.factor[here], base[here])
                for here in levels_of(domain.fixed, domain.fixed_levels)
            )
        return self._rising[domain]

    def ranked(self, rows: Rows) -> Ranked:
        """Return rows from the richest down; who is equal after a transfer is in the order before it."""
        if rows not in self._ranked:
            ordering = rows.full.ordering if rows.complete and self.survey is rows.survey else None
            if ordering is None:
                welfare = self.welfare_of(rows)
                order = richest_first(welfare)
                self._ranked[rows] = Ranked(Ordering(welfare, rows.weight, rows.factor).at(order), order)
            elif self.before:
                self._ranked[rows] = Ranked(ordering, self.survey.richest_first)
            else:
                # From the order before, which what is paid changes little: rows that follow each other lie close by.
                welfare = picked(self.welfare_of(rows), self.survey.richest_first)
                again = richest_first(welfare)
                after = replace(Ordering(welfare, ordering.weight, ordering).at(again), units=ordering)
                self._ranked[rows] = Ranked(after, self.survey.richest_first, again)
        return self._ranked[rows]

    def tails(self, domain: Domain) -> BoolArray:
        """Return the levels whose mean hangs on few: their intervals, and those of inequality, may hold too seldom.

        Either the richest 1 % of people have more than 20 % of all welfare, or one PSU more than 20 % of the variance.
        """
        if domain not in self._tails:
            rows, levels = domain.rows, len(domain.labels)
            found = np.zeros(levels, dtype=np.bool_)
            hangs = partial(_hangs_on_few, self.welfare_of(rows), rows.weight_now, rows.psu, self.survey.design)
            if levels == 1:
                found[0] = hangs(slice(None), self.ranked(rows).top)
            else:
                # A welfare class below the highest has no tail: its cuts bound it.
                tailed = np.flatnonzero(np.arange(1, levels + 1) % domain.bands == 0)
                for i, at in zip(tailed.tolist(), domain.highest, strict=True):
                    found[i] = hangs(at, self._richest(domain, i, at))
            self._tails[domain] = found
        return self._tails[domain]

    def _richest(self, domain: Domain, level: int, at: LongArray) -> Richest:
        """Return what tells the richest rows of a highest welfare class, or of a level without classes."""
        if domain.fixed_levels == 1:  # they are among the richest of all, or nearly
            return partial(self.ranked(domain.rows).top_of, domain.level, level)
        return of_order(at[richest_first(self.welfare_of(domain.rows)[at])])

    def _ordered(self, domain: Domain) -> Iterator[Ordering | ClassOrdering]:
        ranked, bands, full = self.ranked(domain.rows), domain.bands, domain.rows.full
        if ranked.again is not None and domain.fixed_levels == 1 and domain.shares:
            assert full.ordering is not None
            before = ClassOrdering(full.ordering, bands)
            found = before.bands_of(full.cuts(domain.shares)[:, 0])
            yield ClassOrdering(ranked.ordering, bands, before.base, ranked.again, found)
            return
        if domain.fixed_levels == 1 and not domain.shares:
            yield ranked.ordering
            return
        levels = [(ranked.order, ranked.ordering)]
        if domain.fixed_levels > 1:  # by level, and within each in the same order
            within = levels_of(domain.fixed[ranked.order], domain.fixed_levels)
            levels = [(ranked.order[here], ranked.ordering.at(here)) for here in within]
        for here, ordering in levels:
            if not domain.shares:
                yield ordering
            elif self.before:
                yield ClassOrdering(ordering, bands)
            else:
                yield ClassOrdering(ordering, bands, domain.welfare, here, domain.band)


def of_order(order: CodeArray | LongArray) -> Richest:
    """Return what tells the first of an order."""
    return lambda many: order[:many]


def _hangs_on_few(
    welfare: FloatArray,
    weight: FloatArray,
    psu: CodeArray,
    design: Design,
    at: LongArray | slice,
    richest: Richest,
) -> bool:
    """Return whether the mean of the rows ``at`` hangs on the richest of them, or on one PSU.

    What ``richest`` tells are places among all rows, and not among those.
    """
    own = weight[at]
    sums = Weighted(own, (own,), ((1, money, welfare[at]),)).added_up(psu[at], design.psus)
    people, total = sums.sum(axis=1)
    if not total > 0:
        return False
    many, above = len(own) // 64, weight[:0]
    while not (len(above) == len(own) or (len(above) and above[-1] >= RICHEST * people)):
        many = 2 * many + 1
        order = richest(many)
        above = np.cumsum(weight[order])
    last = int(np.searchsorted(above, RICHEST * people))
    inside, there = order[:last], order[last]
    edge = RICHEST * people - (above[last] - weight[there])  # of the row there this much is inside
    if weight[inside] @ welfare[inside] + edge * welfare[there] > HEAVY * total:
        return True
    if np.count_nonzero(sums[0]) == 1:
        return True
    variance = design.variances(sums[1] - total / people * sums[0])
    all_alike = variance.sum() <= (ROUNDING * total) ** 2
    return bool(variance.max() > HEAVY * variance.sum()) and not all_alike


def money(welfare: FloatArray, weight: FloatArray, out: FloatArray) -> None:
    """Write weighted welfare: out (1, rows)."""
    np.multiply(weight, welfare, out=out[0])


class Statistic(ABC):
    """A statistic before it meets a survey."""

    @abstractmethod
    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> "Sequence[Asked]":
        """Return the statistic on a scenario's data by some columns; nothing where it has no such value."""


class Additive(Protocol):
    """Sums of weighted columns, and what is made of them."""

    def values(self) -> list[Row]:
        """Return the values of one level, without scenario and domain."""
        ...

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return values of shape (levels, values, replicates) from totals of shape (levels, k, replicates)."""
        ...


class OfRows(Additive, Hashable, Protocol):
    """An additive statistic of each row's welfare: of the weight, and of columns beside it."""

    @property
    def beside(self) -> int:
        """Number of columns beside the weight."""
        ...

    def write(self, welfare: FloatArray, weight: FloatArray, out: FloatArray) -> object:
        """Write weighted columns into out, of shape (beside, rows)."""
        ...


@dataclass(frozen=True, eq=False)
class PreparedAdditive:
    """Additive statistics on the sums that they share: each with the columns that it takes."""

    parts: tuple[tuple[Additive, list[int]], ...]
    rows: tuple[Row, ...]
    sums: Totals | ClassTotals
    shares: tuple[float, ...] = ()
    whole: FloatArray | None = None  # (levels, k) of the full sample, where classes are cut anew in others

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        if isinstance(self.sums, Totals):
            totals = self.sums.evaluate(block.factors)
        elif self.whole is not None and all_once(block.factors):
            totals = np.repeat(self.whole[..., None], block.replicates, axis=-1)
        else:
            totals = self.sums.evaluate(block.factors, block.cuts(self.shares))
            totals = totals.reshape(-1, *totals.shape[2:])
        with np.errstate(divide="ignore", invalid="ignore"):
            made = [statistic.combine(totals[:, columns]) for statistic, columns in self.parts]
        return np.concatenate([values.reshape(-1, block.replicates) for values in made])


@dataclass(frozen=True, eq=False)
class Columns:
    """An additive statistic on its weighted columns, not yet added up: others of the domain may join it.

    The weight itself, which most statistics need, is one array for all who share a domain, and becomes one column.

    Attributes
    ----------
    columns : tuple of ndarray of shape (rows,)
        Or no array: the statistic makes them of welfare and weight.
    welfare : ndarray of shape (rows,), or None
        Of which columns are made.
    """

    statistic: Additive
    rows: tuple[Row, ...]
    domain: Domain
    columns: tuple[FloatArray, ...]
    welfare: FloatArray | None = None


def weighted(several: Sequence[Columns]) -> tuple[Weighted, list[list[int]], tuple[Hashable, ...]]:
    """Return the columns of several statistics of one domain, each once; the places of each statistic's own.

    And by what domains of the same columns know each other.
    """
    weight = several[0].domain.rows.weight
    given = {id(column): column for one in several for column in (one.columns if one.welfare is None else (weight,))}
    place: dict[Hashable, int] = {key: i for i, key in enumerate(given)}
    made, places, first = [], [], len(given)
    for one in several:
        if one.welfare is None:
            places.append([place[id(column)] for column in one.columns])
            continue
        of = cast("OfRows", one.statistic)
        if (of, id(one.welfare)) not in place:
            place[of, id(one.welfare)] = first
            made.append((of.beside, of.write, one.welfare))
            first += of.beside
        begin = place[of, id(one.welfare)]
        places.append([place[id(weight)], *range(begin, begin + of.beside)])
    return Weighted(weight, tuple(given.values()), tuple(made)), places, tuple(place)


def add_up(by_domain: Iterable[Sequence[Columns]]) -> Iterator[PreparedAdditive]:
    """Add weighted columns up by PSU and level, or keep them by row where the level is a welfare class.

    Those of domains that share them are made once.
    """
    shared: dict[tuple[Rows, tuple[Hashable, ...]], list[tuple[Sequence[Columns], Weighted, list[list[int]]]]] = {}
    for several in by_domain:
        columns, places, key = weighted(several)
        shared.setdefault((several[0].domain.rows, key), []).append((several, columns, places))
    for (rows, _), alike in shared.items():
        slots: list[Slots | None] = []
        where = []
        for several, _, _ in alike:
            domain, own = several[0].domain, None
            if not domain.shares:
                levels = len(domain.labels)
                plain = levels == 1 and rows.spread is None  # of outcomes, few units have rows
                own = Slots.of_one_level(rows.factor) if plain else Slots.of(rows.factor, domain.fixed, levels)
            slots.append(own)
            where.append((domain.level, len(domain.labels)) if own is None else (own.of_row, len(own.unit)))
        found = alike[0][1].added_up_by(where)
        for (several, columns, places), own, sums in zip(alike, slots, found, strict=True):
            domain = several[0].domain
            parts = tuple((one.statistic, mine) for one, mine in zip(several, places, strict=True))
            told = tuple(row for one in several for row in one.rows)
            if own is not None:
                yield PreparedAdditive(parts, told, Totals.at(own, sums))
                continue
            margins = partial(rows.full.margins, domain.shares)
            by_class = ClassTotals(columns, rows.factor, domain.fixed, domain.fixed_levels, domain.welfare, margins)
            yield PreparedAdditive(parts, told, by_class, domain.shares, np.ascontiguousarray(sums.T))


def prepare_additive(
    statistic: Additive,
    scenario: str,
    domain: Domain,
    columns: Sequence[FloatArray],
    tails: Sequence[bool] | BoolArray = (),
    cases: LongArray | None = None,
) -> Columns:
    """Name the values of every level: means over people, unless they rest on cases of their own.

    ``tails`` are the levels that hang on their richest, where that matters; ``cases`` of shape (levels, values).
    """
    named = domain.named(statistic.values(), scenario, tails, means=cases is None, cases=cases)
    return Columns(statistic, named, domain, tuple(columns))


def prepare_of_welfare(
    statistic: OfRows, scenario: Scenario, domain: Domain, tails: Sequence[bool] | BoolArray = ()
) -> Columns:
    """Do the same for means of what is made of each row's welfare."""
    named = domain.named(statistic.values(), scenario.name, tails, means=True)
    return Columns(statistic, named, domain, (), scenario.welfare_of(domain.rows))


@dataclass(frozen=True, eq=False)
class PreparedOrdered:
    """Statistics of sorted welfare, one ordering a level: each takes its own of the shares that are swept for all."""

    parts: tuple[tuple[Pick, slice], ...]
    rows: tuple[Row, ...]
    orderings: tuple[Ordering | ClassOrdering, ...]
    shares: FloatArray
    cuts: tuple[float, ...]
    walk: Hashable  # who walks the same orderings can be evaluated together

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates): one statistic after the other, each by level."""
        swept = []
        for ordering in self.orderings:
            if isinstance(ordering, Ordering):
                swept.append(block.swept(ordering, self.shares.tolist()))
            else:
                swept += ordering.evaluate(block.factors, block.cuts(self.cuts), self.shares)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.concatenate([pick(one.at(shares)) for pick, shares in self.parts for one in swept])

    @classmethod
    def together(cls, several: Sequence["PreparedOrdered"]) -> "PreparedOrdered":
        """Join statistics of the same orderings: one sweep for all."""
        parts, start = [], 0
        for one in several:
            parts += [(pick, slice(start + own.start, start + own.stop)) for pick, own in one.parts]
            start += len(one.shares)
        return replace(
            several[0],
            parts=tuple(parts),
            rows=tuple(row for one in several for row in one.rows),
            shares=np.concatenate([one.shares for one in several]),
            walk=None,  # it led to the survey, which workers elsewhere need not be sent
        )


def prepare_ordered(
    values: Sequence[Row],
    shares: Iterable[float],
    pick: Pick,
    scenario: Scenario,
    domain: Domain,
    tails: Sequence[bool] | BoolArray = (),
) -> PreparedOrdered:
    """Name the values of every level, and sort its rows; ``tails`` are the levels that hang on their richest."""
    points = np.array(list(shares), dtype=np.float64)
    orderings = scenario.orderings(domain)
    named = domain.named(values, scenario.name, tails)
    return PreparedOrdered(
        ((pick, slice(0, len(points))),), named, orderings, points, domain.shares, (scenario.name, domain)
    )


@dataclass(frozen=True, eq=False)
class PreparedSteps:
    """Ratios of shares of welfare by whole rows: no row is split where a share ends."""

    rows: tuple[Row, ...]
    levels: tuple[Rising, ...]  # by level, welfare classes together
    shares: tuple[float, float]
    cuts: tuple[float, ...]

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        cuts, groups = block.cuts(self.cuts), range(block.factors.shape[0])
        edges = np.vstack([np.full(block.replicates, -np.inf), cuts, np.full(block.replicates, np.inf)])
        made = []
        for one, band in product(self.levels, range(len(self.cuts) + 1)):
            of_level = []
            for group in groups:
                weight = one.weight[:, None] * block.factors[group, one.unit]
                if self.cuts:
                    lanes = slice(group * LANES, (group + 1) * LANES)
                    base = one.base[:, None]
                    weight *= (base > edges[band, lanes]) & ~(base > edges[band + 1, lanes])
                if len(one.welfare):
                    of_level.append(step_ratio(one.welfare, weight, self.shares))
                else:
                    of_level.append(np.full(LANES, np.nan))
            made.append(np.concatenate(of_level))
        return np.stack(made)


Asked = Prepared | Columns


def joined(asked: Iterable[Asked]) -> list[Prepared]:
    """Let statistics that walk the same rows walk them together."""
    columns: dict[Domain, list[Columns]] = {}
    ordered: dict[Hashable, list[PreparedOrdered]] = {}
    others: list[Prepared] = []
    for one in asked:
        if isinstance(one, Columns):
            columns.setdefault(one.domain, []).append(one)
        elif isinstance(one, PreparedOrdered):
            ordered.setdefault(one.walk, []).append(one)
        else:
            others.append(one)
    return [
        *add_up(columns.values()),
        *(PreparedOrdered.together(several) for several in ordered.values()),
        *others,
    ]


@dataclass(frozen=True, eq=False)
class PreparedDissimilarity:
    """A dissimilarity index on its sums: of all, or by level."""

    rows: tuple[Row, ...]
    sums: CellSums | ClassTotals
    shares: tuple[float, ...]
    level: CodeArray  # of every (cell, band) of the sums

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        if isinstance(self.sums, CellSums):
            return self.sums.evaluate(block.factors)[2:]
        sums = self.sums.evaluate(block.factors, block.cuts(self.shares))
        sums = sums.reshape(-1, *sums.shape[2:])
        return np.concatenate(
            [dissimilarity_of(np.ascontiguousarray(sums[self.level == level]))[2:] for level in range(len(self.rows))]
        )
