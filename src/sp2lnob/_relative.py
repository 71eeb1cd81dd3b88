"""Poverty below a line that is a share of a quantile of welfare: drawn anew in every replicate."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ._cuts import ClassTotals
from ._domains import Block, Domain, Row
from ._parallel import LANES
from ._typing import FloatArray
from ._validate import fail_if_percent, number

BELOW, SHORT, SQUARED, LOGS = range(4)  # weight; and times welfare, its square, its logarithm


@dataclass(frozen=True)
class RelativeLine:
    """A poverty line that is a share of a quantile of welfare before any transfer, such as 60 % of the median.

    It is estimated, and so it is estimated anew in every replicate. After a transfer the line is still that of before:
    what changes is who is below it.

    Parameters
    ----------
    share : float in (0, 10], default 0.6
    q : float in (0, 1), default 0.5
        Quantile of welfare between people.

    Raises
    ------
    InputError
        If the share is not in (0, 10], or the quantile not in (0, 1).

    References
    ----------
    Eurostat, at-risk-of-poverty threshold: 60 % of the national median. Verma, V. and Betti, G. (2011). Taylor
    linearization sampling errors and design effects for poverty measures. Journal of Applied Statistics 38, 1549-1576:
    why the line must not be taken as known.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> poverty = sp.Poverty(line=sp.RelativeLine(0.6))
    >>> est = sp.estimate(survey, [poverty], replicates=sp.Bootstrap(50))
    >>> est.frame()["of"].unique().tolist()
    ['0.6 of the median']

    Nobody is below a tenth of the lowest percentile, and the line itself is known well enough to say so:

    >>> lowest = sp.Poverty(sp.RelativeLine(0.1, q=0.01), measures="headcount")
    >>> sp.estimate(survey, [lowest], replicates=sp.Bootstrap(50)).value
    array([0.])
    """

    share: float = 0.6
    q: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", number(self.share, "The share of a relative line", above=0))
        fail_if_percent(self.share, "The share of a relative line")
        number(self.q, "q", above=0, below=1)

    @property
    def name(self) -> str:
        """What the line is called."""
        return f"{self.share:.15g} of {'the median' if self.q == 0.5 else f'quantile {self.q:.15g}'}"


@dataclass(frozen=True, eq=False)
class BelowLine:
    """Poverty below a relative line."""

    line: RelativeLine
    measures: tuple[str, ...]
    rows: tuple[Row, ...]
    sums: ClassTotals
    base: FloatArray | None  # what welfare classes are cut from, where levels are such classes
    shares: tuple[float, ...]

    @classmethod
    def of(
        cls,
        line: RelativeLine,
        measures: Sequence[str],
        rows: tuple[Row, ...],
        domain: Domain,
        welfare: FloatArray,
    ) -> "BelowLine":
        """Lay weighted welfare and its powers out by row."""
        weight = domain.rows.weight
        columns = [weight, weight * welfare, weight * welfare**2]
        if "watts" in measures:
            columns.append(weight * np.log(np.where(welfare > 0, welfare, 1.0)))
        sums = ClassTotals(columns, domain.rows.factor, domain.fixed, domain.fixed_levels, welfare)
        return cls(line, tuple(measures), rows, sums, domain.welfare if domain.shares else None, domain.shares)

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates)."""
        line = self.line.share * block.quantiles((self.line.q,))
        line = np.where(line > 0, line, np.nan)  # of no replicate without a line
        last = np.nextafter(line, -np.inf)  # a class holds what is at its cut, and the poor are strictly below the line
        if self.base is None:
            totals = self.sums.evaluate(block.factors, last)[:, None]
        else:
            cuts = block.cuts(self.shares)
            groups = range(block.factors.shape[0])
            totals = np.concatenate([self._by_class(self.base, block.factors[g], cuts, last, g) for g in groups], -1)
        poor, others = totals[:, :, 0], totals[:, :, 1]  # (levels, bands, k, replicates)
        with np.errstate(divide="ignore", invalid="ignore"):
            made = [self._measure(name, poor, poor[:, :, BELOW] + others[:, :, BELOW], line) for name in self.measures]
        return np.stack(made, axis=2).reshape(-1, block.replicates)

    def _by_class(
        self, base: FloatArray, factors: FloatArray, cuts: FloatArray, last: FloatArray, group: int
    ) -> FloatArray:
        """Return the totals of one group of replicates by level and welfare class: (levels, bands, 2, k, LANES)."""
        lanes = slice(group * LANES, (group + 1) * LANES)
        ends = np.vstack([np.full(LANES, -np.inf), cuts[:, lanes], np.full(LANES, np.inf)])
        made = []
        for low, high in pairwise(ends):
            # Who is in the class in any lane; in the others such a row counts for nothing.
            rows = np.flatnonzero((base > np.fmin.reduce(low)) & ~(base > np.fmax.reduce(high)))
            inside = (base[rows, None] > low) & ~(base[rows, None] > high)
            own = self.sums.among(rows)
            weights = factors[self.sums.unit[rows]] * inside
            made.append(own.evaluate(weights[None], np.ascontiguousarray(last[:, lanes])))
        return np.stack(made, axis=1)

    def _measure(self, name: str, poor: FloatArray, weight: FloatArray, line: FloatArray) -> FloatArray:
        """Return a measure of shape (levels, bands, replicates)."""
        z = line[0]
        if name == "headcount":
            lacking = poor[:, :, BELOW]
        elif name == "poverty_gap":
            lacking = poor[:, :, BELOW] - poor[:, :, SHORT] / z
        elif name == "poverty_severity":
            lacking = poor[:, :, BELOW] - 2 * poor[:, :, SHORT] / z + poor[:, :, SQUARED] / z**2
        else:
            lacking = poor[:, :, BELOW] * np.log(z) - poor[:, :, LOGS]
        found = np.where(poor[:, :, BELOW] > 0, np.maximum(lacking, 0.0), 0.0 * lacking) / weight
        return np.where(np.isfinite(z), found, np.nan)  # without a line nobody is counted
