"""Statistics that have met a survey: prepared data, waiting for a block of replicate factors.

Three kinds, by what a replicate costs. Additive: sums of columns over rows, added up by PSU once. Ordered: a sweep
over one sorting of welfare. Of cells: sums by combination of circumstances. Statistics that walk the same rows walk
them together.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np

from ._domains import Block, Domain, FullSample, Row, Rows
from ._sweeps import CellSums, ClassOrdering, ClassTotals, Ordering, Swept, Totals, dissimilarity_of, richest_first
from ._typing import FloatArray, LongArray
from ._validate import fail
from .survey import Survey
from .transfers import Transfers

Pick = Callable[[Swept], FloatArray]  # from what a sweep gives to values of shape (values, replicates)


class Prepared(Protocol):
    """A statistic on prepared data, of which only the factors are still open."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """What each value is."""
        ...

    def folded(self, factor: FloatArray) -> Self:
        """Return the same with a factor a PSU in its weights."""
        ...

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        ...


@dataclass(frozen=True, eq=False)
class Scenario:
    """Welfare before, or after a transfer."""

    name: str
    survey: Survey
    transfers: Transfers | None = None
    _ranked: dict[Rows, tuple[LongArray, Ordering]] = field(default_factory=dict)
    _orderings: dict[Domain, tuple[Ordering | ClassOrdering, ...]] = field(default_factory=dict)

    def welfare(self) -> FloatArray:
        """Return welfare by household."""
        welfare = self.survey.welfare if self.transfers is None else self.transfers.welfare_after
        if welfare is None:
            fail("This statistic needs welfare", "the survey has none", "Pass welfare=, the column of consumption.")
        return welfare

    def orderings(self, domain: Domain) -> tuple[Ordering | ClassOrdering, ...]:
        """Return the people of every level from the richest down, sorted once for all who ask."""
        if domain not in self._orderings:
            self._orderings[domain] = tuple(self._ordered(domain))
        return self._orderings[domain]

    def _ordered(self, domain: Domain) -> Iterator[Ordering | ClassOrdering]:
        rows = domain.rows
        welfare = self.welfare()[rows.household]
        if rows not in self._ranked:
            order = richest_first(welfare)
            self._ranked[rows] = order, Ordering.ranked(welfare[order], rows.weight[order], rows.psu[order])
        order, ranked = self._ranked[rows]
        levels = [(order, ranked)]
        if domain.fixed_levels > 1:  # by level, and within each in the same order
            order = order[np.argsort(domain.fixed[order], kind="stable")]
            ends = np.cumsum(np.bincount(domain.fixed, minlength=domain.fixed_levels))[:-1]
            levels = [
                (here, Ordering.ranked(welfare[here], rows.weight[here], rows.psu[here]))
                for here in np.split(order, ends)
            ]
        for here, ordering in levels:
            if domain.shares:
                base = domain.welfare[here]
                yield from (ClassOrdering(ordering, base, band) for band in range(domain.bands))
            else:
                yield ordering


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


@dataclass(frozen=True, eq=False)
class PreparedAdditive:
    """Additive statistics on the sums that they share: each with the columns that it takes."""

    parts: tuple[tuple[Additive, list[int]], ...]
    rows: tuple[Row, ...]
    sums: Totals | ClassTotals
    shares: tuple[float, ...]

    def folded(self, factor: FloatArray) -> Self:
        """Return the same with a factor a PSU in its weights."""
        return replace(self, sums=self.sums.folded(factor))

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        if isinstance(self.sums, Totals):
            totals = self.sums.evaluate(block.counts)
        else:
            totals = self.sums.evaluate(block.counts, block.cuts(self.shares))
            totals = totals.reshape(-1, *totals.shape[2:])
        with np.errstate(divide="ignore", invalid="ignore"):
            made = [statistic.combine(totals[:, columns]) for statistic, columns in self.parts]
        return np.concatenate([values.reshape(-1, block.replicates) for values in made])


@dataclass(frozen=True, eq=False)
class Columns:
    """An additive statistic on its weighted columns, not yet added up: others of the domain may join it.

    The weight itself, which most statistics need, is one array for all who share a domain, and becomes one column.
    """

    statistic: Additive
    rows: tuple[Row, ...]
    domain: Domain
    columns: tuple[FloatArray, ...]


def add_up(several: Sequence[Columns]) -> PreparedAdditive:
    """Add weighted columns up by PSU and level, or keep them by row where the level is a welfare class."""
    domain, place, parts = several[0].domain, dict[int, int](), []
    for one in several:
        parts.append((one.statistic, [place.setdefault(id(column), len(place)) for column in one.columns]))
    distinct = {id(column): column for one in several for column in one.columns}
    columns, rows, survey = list(distinct.values()), domain.rows, domain.rows.survey
    sums: Totals | ClassTotals
    if domain.shares:
        sums = ClassTotals.of(columns, rows.psu, domain.fixed, domain.fixed_levels, domain.welfare)
    else:
        sums = Totals.of(columns, rows.psu, survey.design.psus, domain.fixed, len(domain.labels))
    return PreparedAdditive(tuple(parts), tuple(row for one in several for row in one.rows), sums, domain.shares)


def prepare_additive(statistic: Additive, scenario: str, domain: Domain, columns: Sequence[FloatArray]) -> Columns:
    """Name the values of every level; those that rest on cases of their own rest on no more than the level has."""

    def cases(value: Row, n: int) -> int:
        return n if value.n is None else value.n if domain.name == "all" else min(value.n, n)

    named = tuple(
        replace(value, scenario=scenario, by=domain.name, level=label, n=cases(value, int(n)), df=int(df))
        for label, n, df in zip(domain.labels, domain.n, domain.df, strict=True)
        for value in statistic.values()
    )
    return Columns(statistic, named, domain, tuple(columns))


@dataclass(frozen=True, eq=False)
class PreparedOrdered:
    """Statistics of sorted welfare, one ordering a level: each takes its own of the shares that are swept for all."""

    parts: tuple[tuple[Pick, slice], ...]
    rows: tuple[Row, ...]
    orderings: tuple[Ordering | ClassOrdering, ...]
    shares: FloatArray
    cuts: tuple[float, ...]
    walk: Hashable  # the orderings before any factor: who has the same can be evaluated together

    def folded(self, factor: FloatArray) -> Self:
        """Return the same with a factor a PSU in its weights."""
        return replace(self, orderings=tuple(ordering.folded(factor) for ordering in self.orderings))

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates): one statistic after the other, each by level."""
        swept = [
            ordering.evaluate(block.counts, self.shares)
            if isinstance(ordering, Ordering)
            else ordering.evaluate(block.counts, block.cuts(self.cuts), self.shares)
            for ordering in self.orderings
        ]
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
        )


def prepare_ordered(
    values: Sequence[Row], shares: Iterable[float], pick: Pick, scenario: Scenario, domain: Domain
) -> PreparedOrdered:
    """Name the values of every level, and sort its rows."""
    points = np.array(list(shares), dtype=np.float64)
    orderings = scenario.orderings(domain)
    named = tuple(
        replace(value, scenario=scenario.name, by=domain.name, level=label, n=int(n), df=int(df))
        for label, n, df in zip(domain.labels, domain.n, domain.df, strict=True)
        for value in values
    )
    return PreparedOrdered(
        ((pick, slice(0, len(points))),), named, orderings, points, domain.shares, (scenario.name, domain)
    )


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
        *(add_up(several) for several in columns.values()),
        *(PreparedOrdered.together(several) for several in ordered.values()),
        *others,
    ]


@dataclass(frozen=True, eq=False)
class PreparedDissimilarity:
    """A dissimilarity index on its sums."""

    rows: tuple[Row, ...]
    sums: CellSums | ClassTotals
    shares: tuple[float, ...]

    def folded(self, factor: FloatArray) -> Self:
        """Return the same with a factor a PSU in its weights."""
        return replace(self, sums=self.sums.folded(factor))

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (1, replicates)."""
        if isinstance(self.sums, CellSums):
            return self.sums.evaluate(block.counts)[2:]
        sums = self.sums.evaluate(block.counts, block.cuts(self.shares))
        return dissimilarity_of(sums.reshape(-1, *sums.shape[2:]))[2:]
