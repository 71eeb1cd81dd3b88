"""Statistics that have met a survey: prepared data, waiting for a block of replicate factors.

Three kinds, by what a replicate costs. Additive: sums of columns over rows, added up by PSU once. Ordered: a sweep
over one sorting of welfare. Of cells: sums by combination of circumstances.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from ._domains import Block, Domain, Row, domain_of, people
from ._sweeps import CellSums, ClassTotals, Ordering, Swept, Totals, dissimilarity_of
from ._typing import FloatArray
from ._validate import fail
from .survey import Survey
from .transfers import Transfers


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

    def welfare(self) -> FloatArray:
        """Return welfare by household."""
        welfare = self.survey.welfare if self.transfers is None else self.transfers.welfare_after
        if welfare is None:
            fail("This statistic needs welfare", "the survey has none", "Pass welfare=, the column of consumption.")
        return welfare


class Statistic(ABC):
    """A statistic before it meets a survey."""

    @abstractmethod
    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: Block) -> Prepared | None:
        """Return the statistic on a scenario's data by some columns, or None where it has no such value."""


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
    """An additive statistic on its sums."""

    statistic: Additive
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
            return self.statistic.combine(totals).reshape(len(self.rows), -1)


def prepare_additive(statistic: Additive, scenario: str, domain: Domain, columns: FloatArray) -> PreparedAdditive:
    """Add weighted columns up by PSU and level, or keep them by row where the level is a welfare class."""
    rows = domain.rows
    sums: Totals | ClassTotals
    if domain.shares:
        assert rows.survey.welfare is not None
        sums = ClassTotals(
            np.ascontiguousarray(columns.T),
            rows.psu,
            domain.fixed,
            domain.fixed_levels,
            rows.survey.welfare[rows.household],
        )
    else:
        sums = Totals.of(columns, rows.psu, rows.survey.design.psus, domain.fixed, len(domain.labels))
    named = tuple(
        replace(
            value, scenario=scenario, by=domain.name, level=label, n=int(n) if value.n is None else value.n, df=int(df)
        )
        for label, n, df in zip(domain.labels, domain.n, domain.df, strict=True)
        for value in statistic.values()
    )
    return PreparedAdditive(statistic, named, sums, domain.shares)


@dataclass(frozen=True, eq=False)
class PreparedOrdered:
    """Statistics of sorted welfare, one ordering a level."""

    rows: tuple[Row, ...]
    orderings: tuple[Ordering, ...]
    shares: FloatArray
    pick: Callable[[Swept], FloatArray]  # from what a sweep gives to values of shape (values, replicates)

    def folded(self, factor: FloatArray) -> Self:
        """Return the same with a factor a PSU in its weights."""
        return replace(self, orderings=tuple(ordering.folded(factor) for ordering in self.orderings))

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.concatenate(
                [self.pick(ordering.evaluate(block.counts, self.shares)) for ordering in self.orderings]
            )


def prepare_ordered(
    values: list[Row],
    shares: FloatArray,
    pick: Callable[[Swept], FloatArray],
    scenario: Scenario,
    by: tuple[str, ...],
    full: Block,
) -> PreparedOrdered:
    """Sort the rows of every level."""
    rows = people(scenario.survey, by)
    domain = domain_of(rows, by, full)
    if domain.shares:
        fail(
            "Inequality and quantiles are not computed within a welfare class",
            f"by {domain.name!r} is one",
            "Drop it from by, or ask for means and poverty only.",
        )
    welfare, psu = scenario.welfare()[rows.household], rows.psu
    orderings, named = [], []
    for level, label in enumerate(domain.labels):
        here = np.flatnonzero(domain.fixed == level)
        orderings.append(Ordering.of(welfare[here], rows.weight[here], psu[here]))
        named += [
            replace(value, scenario=scenario.name, by=domain.name, level=label, n=len(here), df=int(domain.df[level]))
            for value in values
        ]
    return PreparedOrdered(tuple(named), tuple(orderings), shares, pick)


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
