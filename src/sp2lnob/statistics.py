"""Statistics of a survey: what is computed, of what data. ``estimate`` alone evaluates them.

A new additive measure is one class here: its columns, and what is made of their totals.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._domains import Block, Row, Rows, domain_of, people
from ._prepared import (
    Prepared,
    PreparedDissimilarity,
    Scenario,
    Statistic,
    prepare_additive,
    prepare_ordered,
)
from ._sweeps import CellSums, ClassTotals, Swept
from ._typing import FloatArray
from ._validate import choice, fail, fail_type, listing, number
from .measures import PALMA_SHARES, check_not_negative
from .opportunity import Opportunity
from .transfers import PACKAGE, Transfers


class OfWelfare(Statistic):
    """An additive statistic of welfare per person: ``columns(welfare, weight)`` gives weighted columns, (k, rows)."""

    def prepare(self: Any, scenario: Scenario, by: tuple[str, ...], full: Block) -> Prepared | None:
        """Return the statistic of a scenario's welfare by some columns."""
        rows = people(scenario.survey, by)
        columns = self.columns(scenario.welfare()[rows.household], rows.weight)
        return prepare_additive(self, scenario.name, domain_of(rows, by, full), columns)


@dataclass(frozen=True)
class MeanWelfare(OfWelfare):
    """Mean welfare per person.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.MeanWelfare()
    MeanWelfare()
    >>> sp.MeanWelfare() == sp.MeanWelfare()
    True
    """

    def values(self) -> list[Row]:
        """Return the one value."""
        return [Row("mean_welfare", scale="log")]

    def columns(self, welfare: FloatArray, weight: FloatArray) -> FloatArray:
        """Return weight and weighted welfare."""
        return np.stack([weight, weight * welfare])

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return their ratio."""
        return totals[:, 1:] / totals[:, :1]


@dataclass(frozen=True)
class Poverty(OfWelfare):
    """Headcount, poverty gap and severity: Foster-Greer-Thorbecke measures of 0, 1 and 2.

    Parameters
    ----------
    line : float, above 0
        Per person and the survey's ``welfare_period``. Poor is strictly below.
    name : str, default None
        What to call the line; None: its value.

    Raises
    ------
    InputError
        If the line is 0 or below.

    References
    ----------
    Foster, J., Greer, J. and Thorbecke, E. (1984). A class of decomposable poverty measures. Econometrica 52, 761-766.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Poverty(line=1500.0, name="national").name
    'national'
    >>> sp.Poverty(line=0)
    Traceback (most recent call last):
    ...
    sp2lnob._validate.InputError: The poverty line must be above 0, but it is 0. Correct the value.
    """

    line: float
    name: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "line", number(self.line, "The poverty line", above=0))

    def values(self) -> list[Row]:
        """Return the three measures."""
        of = self.name if self.name is not None else f"{self.line:.15g}"
        return [
            Row(name, of, scale=scale, falls=True)
            for name, scale in (("headcount", "logit"), ("poverty_gap", "log"), ("poverty_severity", "log"))
        ]

    def columns(self, welfare: FloatArray, weight: FloatArray) -> FloatArray:
        """Return weight, and weight times the gap to the powers 0, 1 and 2."""
        poor = welfare < self.line
        gap = np.where(poor, (self.line - welfare) / self.line, 0.0)
        lacking = weight * gap
        return np.stack([weight, weight * poor, lacking, lacking * gap])

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return shares of all weight."""
        return totals[:, 1:] / totals[:, :1]


@dataclass(frozen=True)
class Access(Statistic):
    """Rate of an opportunity: the share with access, or with the barrier.

    Parameters
    ----------
    opportunity : Opportunity

    Examples
    --------
    >>> import sp2lnob as sp
    >>> opportunity = sp.Opportunity("electricity", outcome="electricity", circumstances=["urbrur"])
    >>> sp.Access(opportunity).opportunity.name
    'electricity'
    >>> sp.Access("electricity")
    Traceback (most recent call last):
    ...
    sp2lnob._validate.InputTypeError: Access takes an Opportunity, but 'electricity' is of type str. ...
    """

    opportunity: Opportunity

    def __post_init__(self) -> None:
        if not isinstance(self.opportunity, Opportunity):
            fail_type("Access takes an Opportunity", self.opportunity, "Build it with Opportunity(...).")

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: Block) -> Prepared | None:
        """Return the rate before; what a transfer does to it is ``assess``'s question."""
        if scenario.transfers is not None:
            return None
        survey = scenario.survey
        cells = self.opportunity.prepare(survey)
        keep = np.arange(len(cells.index))
        if any(survey.welfare_class(name) for name in by):  # who has no welfare is in no class
            keep = np.flatnonzero(survey.welfare_known[cells.household])
        weight = cells.weight[keep]
        rows = Rows(survey, self.opportunity.unit, cells.index[keep], cells.household[keep], weight)
        columns = np.stack([weight, weight * cells.outcome[keep]])
        return prepare_additive(self, scenario.name, domain_of(rows, by, full), columns)

    def values(self) -> list[Row]:
        """Return the one value."""
        return [Row("access", self.opportunity.name, self.opportunity.param, scale="logit")]

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return the share of weight."""
        return totals[:, 1:] / totals[:, :1]


@dataclass(frozen=True)
class Cost(Statistic):
    """Recipients and cost of a scenario's package, by scheme and in all.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Cost()
    Cost()
    >>> sp.Cost() == sp.Cost()
    True
    """

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: Block) -> Prepared | None:
        """Return recipients and cost; they are of the whole country, and of no package they are nothing."""
        transfers = scenario.transfers
        if transfers is None or by:
            return None
        survey = scenario.survey
        index = np.arange(survey.n_households, dtype=np.int32)
        rows = Rows(survey, "household", index, index, survey.weight)
        return prepare_additive(_CostOf(transfers), scenario.name, domain_of(rows, by, full), transfers.people.T)


@dataclass(frozen=True, eq=False)
class _CostOf:
    """Cost of one package: the columns are people by scheme, and people with at least one."""

    transfers: Transfers

    def values(self) -> list[Row]:
        """Return every measure of every scheme, then of the package."""
        received = self.transfers.received > 0
        n = [*received.sum(axis=0), received.any(axis=1).sum()]
        names = [*(scheme.name for scheme in self.transfers.package.schemes), PACKAGE]
        measures = self.transfers.measures(np.zeros((len(names), 1)))
        return [
            Row(measure, name, scale="log", n=int(count))
            for name, count in zip(names, n, strict=True)
            for measure in measures
        ]

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return the measures of the one level there is."""
        made = np.stack(list(self.transfers.measures(totals[0]).values()), axis=1)
        return made.reshape(1, -1, totals.shape[-1])


def _gini(swept: Swept) -> FloatArray:
    return swept.gini


def _palma(swept: Swept) -> FloatArray:
    """Return the share of the richest 10 % over that of the poorest 40 %."""
    bottom, below_top = swept.lorenz
    return np.asarray(np.where(bottom > 0, (1 - below_top) / bottom, np.nan))


_INEQUALITY = {"gini": _gini, "palma": _palma}


@dataclass(frozen=True)
class Inequality(Statistic):
    """Inequality of welfare between people.

    Parameters
    ----------
    measures : sequence of {"gini", "palma"}

    Raises
    ------
    InputError
        If a measure is not known, or welfare is negative somewhere.

    References
    ----------
    See ``gini`` and ``palma``.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Inequality(["gini", "palma"]).measures
    ('gini', 'palma')
    >>> sp.Inequality(["ginni"])
    Traceback (most recent call last):
    ...
    sp2lnob._validate.InputError: A measure of inequality must be one of 'gini', 'palma', but it is 'ginni'. ...
    """

    measures: Sequence[str] = ("gini", "palma")

    def __post_init__(self) -> None:
        given = (self.measures,) if isinstance(self.measures, str) else self.measures
        listed = listing(given, str, "measures of inequality", "Write ['gini', 'palma'].")
        if not listed:
            fail("There must be a measure of inequality", "none came", "Name one or more.")
        for name in listed:
            choice(name, tuple(_INEQUALITY), "A measure of inequality")
        object.__setattr__(self, "measures", listed)

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: Block) -> Prepared | None:
        """Return the measures on a scenario's sorted welfare."""
        welfare = scenario.welfare()
        check_not_negative(welfare, "Inequality", scenario.survey.show_household)
        values = [Row(name, scale="log") for name in self.measures]
        shares = PALMA_SHARES if "palma" in self.measures else np.empty(0)

        def pick(swept: Swept) -> FloatArray:
            return np.stack([_INEQUALITY[name](swept) for name in self.measures])

        return prepare_ordered(values, shares, pick, scenario, by, full)


@dataclass(frozen=True)
class Quantile(Statistic):
    """Quantiles of welfare between people; that of 0.4 is the bottom-40 threshold.

    Parameters
    ----------
    q : float in (0, 1), or sequence of them

    Raises
    ------
    InputError
        If one is not in (0, 1).

    References
    ----------
    See ``quantile``.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Quantile(0.4).q
    (0.4,)
    >>> sp.Quantile(1.0)
    Traceback (most recent call last):
    ...
    sp2lnob._validate.InputError: q must be in (0, 1), but it is 1. Correct the value.
    """

    q: float | Sequence[float] = field(default=0.5)

    def __post_init__(self) -> None:
        listed: Sequence[float] = (self.q,) if isinstance(self.q, (int, float, str)) else tuple(self.q)
        if not listed:
            fail("There must be a q", "none came", "Name one or more.")
        for q in listed:
            if not 0 < number(q, "q") < 1:
                fail("q must be in (0, 1)", f"it is {q:g}", "Correct the value.")
        object.__setattr__(self, "q", tuple(float(q) for q in listed))

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: Block) -> Prepared | None:
        """Return the quantiles of a scenario's sorted welfare."""
        shares = np.array(self.q)
        values = [Row("quantile", param=f"q={q:.15g}", scale="log") for q in shares]
        return prepare_ordered(values, shares, lambda swept: swept.quantiles, scenario, by, full)


@dataclass(frozen=True)
class Dissimilarity(Statistic):
    """Dissimilarity index over all combinations of an opportunity's circumstances.

    Of a barrier it is the index of its absence. Where cells are small it is biased upward, and more so in replicates:
    the row is flagged, and has no interval.

    Parameters
    ----------
    opportunity : Opportunity

    References
    ----------
    See ``d_index``.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> opportunity = sp.Opportunity("electricity", outcome="electricity", circumstances=["urbrur"])
    >>> sp.Dissimilarity(opportunity).opportunity.name
    'electricity'
    >>> sp.Dissimilarity(None)
    Traceback (most recent call last):
    ...
    sp2lnob._validate.InputTypeError: Dissimilarity takes an Opportunity, but None is of type NoneType. ...
    """

    opportunity: Opportunity

    def __post_init__(self) -> None:
        if not isinstance(self.opportunity, Opportunity):
            fail_type("Dissimilarity takes an Opportunity", self.opportunity, "Build it with Opportunity(...).")

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: Block) -> Prepared | None:
        """Return the index before, of the whole population."""
        if scenario.transfers is not None or by:
            return None
        cells = self.opportunity.prepare(scenario.survey)
        sums: CellSums | ClassTotals = cells.class_totals(absence=True)
        if not cells.shares:
            sums = cells.cell_sums(absence=True)
        row = Row(
            "d_index",
            self.opportunity.name,
            cells.index_of("cells"),
            n=len(cells.index),
            df=cells.df,
            scale="none",
            flag="biased",
        )
        return PreparedDissimilarity((row,), sums, cells.shares)
