"""What a package pays to the people of a domain: columns by row, made once for all statistics that ask for them.

Who adds up the same column hands on the same array, so that it is added up once in every replicate.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ._domains import Domain, Rows
from ._typing import BoolArray, FloatArray, LongArray
from .economy import YEARLY
from .transfers import PACKAGE, Transfers

Columns = tuple[FloatArray, ...]


@dataclass(frozen=True, eq=False)
class Paid:
    """Weighted columns of some rows: one for each scheme, and the last for the package.

    Statistics take their weight from the rows themselves, whose array is one for all who ask as well.
    """

    transfers: Transfers
    rows: Rows

    @classmethod
    def of(cls, transfers: Transfers, rows: Rows) -> "Paid":
        """Return what is kept for all who count these rows."""
        return rows.full.once((transfers, rows), lambda: cls(transfers, rows))

    @cached_property
    def living(self) -> Columns:
        """People who live with somebody who is paid, or are paid themselves."""
        return self.weighted(self.by_row("reached"))

    @cached_property
    def people(self) -> Columns:
        """People who are paid themselves, a benefit of all members as one of them."""
        if self.rows.unit == "person":
            return self.weighted(self.by_row("paid"))
        return self._shared(self.by_row("people_paid"))

    @cached_property
    def recipients(self) -> Columns:
        """Recipients as costs count them: people, or households where a benefit is paid to these."""
        rows, survey, made = self.rows, self.transfers.survey, list(self.people)
        households = [s for s, scheme in enumerate(self.transfers.package.schemes) if scheme.per == "household"]
        if households and rows.unit == "household":
            counted = self._shared(self.by_row("people"))
            for s in households:
                made[s] = counted[s]
        elif households:
            paid = self.by_row("paid")
            for s in households:
                made[s] = rows.share * (survey.weight[rows.household] * paid[s])
        return tuple(made)

    @cached_property
    def money(self) -> Columns:
        """Currency a year, by each scheme whose amount varies."""
        return self._shared(self.by_row("money" if self.rows.unit == "household" else "money_of_persons"))

    @cached_property
    def per_member(self) -> Columns:
        """What a member has of what the household is paid in a ``welfare_period``, without weight."""
        rows, survey = self.rows, self.transfers.survey
        members = survey.size if survey.price_factor is None else survey.size / survey.price_factor
        among = members[rows.household] * YEARLY[survey.welfare_period]
        paid = [column / among for column in self.by_row("household")]
        return *paid, in_order(paid)

    @cached_property
    def benefits(self) -> Columns:
        """What members have of what households are paid in a ``welfare_period``."""
        return self.weighted(self.per_member)

    @cached_property
    def expenses(self) -> FloatArray:
        """The same of the package, with what handing it out costs."""
        charged = 1 + self.transfers.package.administrations
        return self.rows.weight * in_order(a * paid for a, paid in zip(charged, self.per_member[:-1], strict=True))

    def living_cases(self, domain: Domain) -> LongArray:
        """Return the rows with weight that live with a recipient, (levels, schemes + 1): what figures rest on."""

        def count() -> LongArray:
            once, levels = self.rows.cases, len(domain.labels)
            here = [np.flatnonzero((column > 0) & once) for column in self.by_row("reached")]
            return np.stack([np.bincount(domain.level[rows], minlength=levels) for rows in here], axis=1)

        return self.rows.full.once((self, domain, "living"), count)

    def recipient_cases(self, domain: Domain) -> LongArray:
        """Return the recipients in the sample, (levels, schemes + 1): unweighted."""
        rows, transfers = self.rows, self.transfers
        once = np.flatnonzero(rows.cases)
        level, index = domain.level[once], rows.index[once]

        def of_persons() -> BoolArray:
            own = transfers.survey.weights_of(rows.index) > 0
            return np.asarray((transfers.paid_of(rows.index) > 0) & own[:, None])

        if rows.unit == "household":
            columns = transfers.cases[index]
        else:
            columns = rows.full.once((transfers, "cases", rows), of_persons)[once].astype(np.float64)
        counted = [np.bincount(level, column, len(domain.labels)) for column in columns.T]
        return np.rint(counted).astype(np.int64).T

    def by_row(self, name: str) -> list[FloatArray]:
        """Return what transfers say by household or by person, of each row: one array a column."""
        transfers, rows = self.transfers, self.rows
        if name in ("paid", "money_of_persons"):
            return [*transfers.of_persons(name, rows.index, rows.outcome).T]
        table, at = transfers.by_outcome(name), rows.outcome
        every = rows.spread is None and rows.unit == "household" and len(at) == len(table)
        return [np.ascontiguousarray(column) if every else column[at] for column in table.T]

    def weighted(self, columns: Iterable[FloatArray]) -> Columns:
        """Return columns times the weight of rows."""
        return tuple(self.rows.weight * column for column in columns)

    def _shared(self, columns: Iterable[FloatArray]) -> Columns:
        """Return columns that hold weight times the share of it that each row has."""
        return tuple(columns) if self.rows.spread is None else tuple(self.rows.share * column for column in columns)


def paid_to(transfers: Transfers, domain: Domain) -> Paid:
    """Return what a package pays to the people of a domain."""
    return Paid.of(transfers, domain.rows)


def names_of(transfers: Transfers) -> tuple[str, ...]:
    """Return the names of the schemes, and what all of them together are called."""
    return (*(scheme.name for scheme in transfers.package.schemes), PACKAGE)


def in_order(columns: Iterable[FloatArray]) -> FloatArray:
    """Return the sum of columns, added in their order."""
    first, *others = columns
    total = first.copy()
    for column in others:
        total += column
    return total
