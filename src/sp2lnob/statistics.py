"""Statistics of welfare and access: what is computed, of what data. ``estimate`` alone evaluates them.

A new additive measure is one class here: its columns, and what is made of their totals.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._corrected import METHODS, prepare_index
from ._domains import FullSample, Row, domain_of
from ._prepared import (
    Asked,
    PreparedSteps,
    Scenario,
    Statistic,
    money,
    prepare_additive,
    prepare_of_welfare,
    prepare_ordered,
)
from ._relative import BelowLine, RelativeLine
from ._sweeps import Swept, gaps_below
from ._typing import FloatArray
from ._validate import choice, fail, fail_type, listing, number, text_or_none
from .measures import (
    PALMA_SHARES,
    QUINTILE_SHARES,
    RULES,
    atkinson_of,
    check_defined,
    check_not_negative,
    check_positive,
    entropy_of,
    power_columns,
)
from .opportunity import Cells, Opportunity
from .survey import Survey


class OfWelfare(Statistic):
    """An additive statistic of each person's welfare: ``write`` makes its ``beside`` columns beside the weight."""

    def prepare(self: Any, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return the statistic of a scenario's welfare by some columns."""
        welfare, domain = scenario.welfare(), scenario.domain(full, by)
        self.check(welfare, scenario.survey)
        tails = scenario.tails(domain) if isinstance(self, MeanWelfare) else ()
        return [prepare_of_welfare(self, scenario, domain, tails)]

    def check(self, welfare: FloatArray, survey: Survey) -> None:
        """Raise where the statistic is not defined."""


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

    beside = 1

    def write(self, welfare: FloatArray, weight: FloatArray, out: FloatArray) -> None:
        """Write weighted welfare."""
        money(welfare, weight, out)

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return their ratio."""
        return totals[:, 1:] / totals[:, :1]


FGT = {"headcount": "logit", "poverty_gap": "logit", "poverty_severity": "logit"}  # each with its scale
POVERTY = {**FGT, "watts": "log"}


@dataclass(frozen=True)
class Poverty(OfWelfare):
    """Poverty: the Foster-Greer-Thorbecke measures of 0, 1 and 2, and the Watts index.

    Parameters
    ----------
    line : float, above 0, or RelativeLine
        Per person and the survey's ``welfare_period``; or a share of a quantile of welfare, estimated anew in every
        replicate. Poor is strictly below.
    name : str, default None
        What to call the line; None: its value.
    measures : sequence of {"headcount", "poverty_gap", "poverty_severity", "watts"}
        Default: the first three. Watts needs welfare above 0 for all who are poor, before and after.

    Raises
    ------
    InputError
        If the line is 0 or below, or a measure is not known.

    References
    ----------
    Foster, J., Greer, J. and Thorbecke, E. (1984). A class of decomposable poverty measures. Econometrica 52, 761-766.
    For the Watts index, see ``watts``.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Poverty(line=1500.0, name="national").name
    'national'
    >>> sp.Poverty(line=0)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The poverty line must be above 0, but it is 0. Correct the value.
    """

    line: float | RelativeLine
    name: str | None = None
    measures: Sequence[str] = tuple(FGT)

    def __post_init__(self) -> None:
        if not isinstance(self.line, RelativeLine):
            object.__setattr__(self, "line", number(self.line, "The poverty line", above=0))
        text_or_none(self.name, "The name of a poverty line")
        object.__setattr__(self, "measures", _measures(self.measures, tuple(POVERTY), "poverty"))

    def values(self) -> list[Row]:
        """Return the measures."""
        own = self.line.name if isinstance(self.line, RelativeLine) else f"{self.line:.15g}"
        of = own if self.name is None else self.name
        return [Row(name, of, scale=POVERTY[name], falls=True) for name in self.measures]

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return poverty of a scenario's welfare by some columns."""
        if not isinstance(self.line, RelativeLine):
            return super().prepare(scenario, by, full)
        welfare, domain = scenario.welfare(), scenario.domain(full, by)
        self.check(welfare, scenario.survey)
        line = float(self.line.share * full.quantiles((self.line.q,))[0, 0])
        if line <= 0:
            fail(
                "A relative poverty line must be above 0",
                f"{self.line.name} is {line:g}",
                "Take a higher quantile, or welfare that is positive.",
            )
        rows = domain.named(self.values(), scenario.name, means=True)
        return [BelowLine.of(self.line, self.measures, rows, domain, scenario.welfare_of(domain.rows))]

    def check(self, welfare: FloatArray, survey: Survey) -> None:
        """Raise where the logarithm of a poor household's welfare has no value."""
        if "watts" in self.measures:
            must = "The Watts index needs welfare above 0 for all who are poor"
            poor = welfare <= 0 if isinstance(self.line, RelativeLine) else welfare < self.line
            check_positive(welfare, poor, must, survey.show_household)

    @property
    def beside(self) -> int:
        """A column for every measure."""
        return len(self.measures)

    def write(self, welfare: FloatArray, weight: FloatArray, out: FloatArray) -> None:
        """Write what every measure adds up over the poor."""
        assert not isinstance(self.line, RelativeLine)
        plain = tuple(self.measures) == tuple(FGT)
        made = out if plain else np.empty((len(FGT), len(weight)))
        gaps_below(welfare, weight, self.line, made)
        if plain:
            return
        for to, name in zip(out, self.measures, strict=True):
            if name == "watts":
                to[:] = weight * np.log(self.line / np.where(welfare < self.line, welfare, self.line))
            else:
                to[:] = made[list(FGT).index(name)]

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
    sp2lnob.InputTypeError: Access takes an Opportunity, but 'electricity' is of type str. ...
    """

    opportunity: Opportunity

    def __post_init__(self) -> None:
        if not isinstance(self.opportunity, Opportunity):
            fail_type("Access takes an Opportunity", self.opportunity, "Build it with Opportunity(...).")

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return the rate before; what a transfer does to it is ``assess``'s question."""
        if not scenario.before:
            return []
        cells = known_in(self.opportunity.prepare(scenario.survey), scenario.survey, by)
        rows = full.rows(self.opportunity.unit, cells.index, cells.household, cells.weight)
        columns = (cells.weight, cells.weight * cells.outcome)
        return [prepare_additive(self, scenario.name, domain_of(rows, by), columns)]

    def values(self) -> list[Row]:
        """Return the one value."""
        return [Row("access", self.opportunity.name, self.opportunity.param, scale="logit")]

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return the share of weight."""
        return totals[:, 1:] / totals[:, :1]


def known_in(cells: Cells, survey: Survey, by: tuple[str, ...]) -> Cells:
    """Return the rows that can be split: who has no welfare is in no class of it."""
    if not any(survey.welfare_class(name) for name in by):
        return cells
    return cells.among(np.flatnonzero(survey.welfare_known[cells.household]))


def _measures(given: Sequence[str], known: Sequence[str], what: str) -> tuple[str, ...]:
    """Return the measures asked for, which must be known."""
    listed = listing(
        (given,) if isinstance(given, str) else given, str, f"measures of {what}", f"Write {[*known[:2]]}."
    )
    if not listed:
        fail(f"There must be a measure of {what}", "none came", "Name one or more.")
    for name in listed:
        choice(name, known, f"A measure of {what}")
    return listed


def _gini(swept: Swept) -> FloatArray:
    return swept.gini[None]


def _quantiles(swept: Swept) -> FloatArray:
    return swept.quantiles


def _ordinates(swept: Swept) -> FloatArray:
    return swept.lorenz


def _share_ratio(swept: Swept) -> FloatArray:
    """Return the share of those above the second Lorenz ordinate over that of those below the first."""
    bottom, below_top = swept.lorenz
    return np.asarray(np.where(bottom > 0, (1 - below_top) / bottom, np.nan))[None]


@dataclass(frozen=True)
class _Entropy:
    """Generalized entropy: sums of a power of welfare."""

    alpha: float

    @property
    def positive(self) -> bool:
        """Whether welfare must be above 0."""
        return self.alpha <= 0

    def values(self) -> list[Row]:
        """Return the one value."""
        # From Theil's index on, a few rich households weigh more than a sample of them can tell.
        flag = "tail-sensitive" if self.alpha >= 1 else ""
        return [Row("generalized_entropy", param=f"alpha={self.alpha:.15g}", scale="log", flag=flag)]

    def columns(self, welfare: FloatArray, weight: FloatArray) -> tuple[FloatArray, ...]:
        """Return weight, welfare and its power."""
        return power_columns(welfare, weight, self.alpha)

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return the index."""
        return entropy_of(totals, self.alpha)[:, None]


@dataclass(frozen=True)
class _Atkinson:
    """Atkinson's index: sums of a power of welfare."""

    epsilon: float

    @property
    def positive(self) -> bool:
        """Whether welfare must be above 0."""
        return self.epsilon >= 1

    def values(self) -> list[Row]:
        """Return the one value."""
        return [Row("atkinson", param=f"epsilon={self.epsilon:.15g}", scale="log")]

    def columns(self, welfare: FloatArray, weight: FloatArray) -> tuple[FloatArray, ...]:
        """Return weight, welfare and its power."""
        return power_columns(welfare, weight, 1 - self.epsilon)

    def combine(self, totals: FloatArray) -> FloatArray:
        """Return the index."""
        return atkinson_of(totals, self.epsilon)[:, None]


SWEPT: dict[str, tuple[tuple[float, ...], Callable[[Swept], FloatArray]]] = {
    "gini": ((), _gini),
    "palma": (PALMA_SHARES, _share_ratio),
    "quintile_ratio": (QUINTILE_SHARES, _share_ratio),
}
STEPPED = {"palma": PALMA_SHARES, "quintile_ratio": QUINTILE_SHARES}
SUMMED = ("atkinson", "generalized_entropy")


@dataclass(frozen=True)
class Inequality(Statistic):
    """Inequality of welfare between people.

    Parameters
    ----------
    measures : sequence of {"gini", "palma", "quintile_ratio", "atkinson", "generalized_entropy"}
        Default: Gini and Palma.
    epsilon : float, 0 or more, default 1.0
        Aversion to inequality of the Atkinson index.
    rule : {"interpolated", "step"}, default "interpolated"
        Of Palma and quintile ratio: whether the household at the boundary of a share is split, or none is, as in the
        SPOT Simulator (see ``palma``). Their ``param`` is then "step".
    alpha : float, default 1.0
        Of generalized entropy: 0 the mean logarithmic deviation, 1 Theil's index. From 1 on its rows are flagged
        "tail-sensitive": where the richest 2 % follow a Pareto law of 2, intervals of 95 % held Theil's index in 85 to
        97 % of samples, and no interval made of a sample mends that.

    Raises
    ------
    InputError
        If a measure is not known, or welfare is negative somewhere; or 0 where a measure needs it to be above.

    References
    ----------
    See ``gini``, ``palma``, ``quintile_ratio``, ``atkinson`` and ``generalized_entropy``.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Inequality(["gini", "palma"]).measures
    ('gini', 'palma')
    >>> sp.Inequality(["ginni"])
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A measure of inequality must be one of 'gini', 'palma', ... but it is 'ginni'. ...
    """

    measures: Sequence[str] = ("gini", "palma")
    epsilon: float = 1.0
    alpha: float = 1.0
    rule: str = "interpolated"

    def __post_init__(self) -> None:
        object.__setattr__(self, "measures", _measures(self.measures, (*SWEPT, *SUMMED), "inequality"))
        object.__setattr__(self, "epsilon", number(self.epsilon, "epsilon", low=0))
        object.__setattr__(self, "alpha", number(self.alpha, "alpha"))
        choice(self.rule, RULES, "rule")

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return what is measured on a scenario's sorted welfare, and what on sums of its powers."""
        welfare, domain, show = scenario.welfare(), scenario.domain(full, by), scenario.survey.show_household
        check_not_negative(welfare, "Inequality", show)
        prepared: list[Asked] = []
        for name in self.measures:
            if name in STEPPED and self.rule == "step":
                row = Row(name, param="step", scale="log")
                named = domain.named([row], scenario.name, scenario.tails(domain))
                prepared.append(PreparedSteps(named, scenario.rising(domain), STEPPED[name], domain.shares))
            elif name in SWEPT:
                shares, pick = SWEPT[name]
                tails = scenario.tails(domain)
                prepared.append(prepare_ordered([Row(name, scale="log")], shares, pick, scenario, domain, tails))
            else:
                index = _Atkinson(self.epsilon) if name == "atkinson" else _Entropy(self.alpha)
                check_defined(welfare, f"The measure {name!r}", show, positive=index.positive)
                columns = index.columns(scenario.welfare_of(domain.rows), domain.rows.weight)  # in units of the largest
                prepared.append(prepare_additive(index, scenario.name, domain, columns))
        return prepared


def _points(given: float | Sequence[float], what: str) -> tuple[float, ...]:
    """Return shares of people, each between 0 and 1."""
    listed: Sequence[float] = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    if not listed:
        fail(f"There must be a {what}", "none came", "Name one or more.")
    return tuple(number(share, what, above=0, below=1) for share in listed)


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
    sp2lnob.InputError: q must be in (0, 1), but it is 1. Correct the value.
    """

    q: float | Sequence[float] = field(default=0.5)

    def __post_init__(self) -> None:
        object.__setattr__(self, "q", _points(self.q, "q"))

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return the quantiles of a scenario's sorted welfare."""
        assert isinstance(self.q, tuple)
        values = [Row("quantile", param=f"q={q:.15g}", scale="log") for q in self.q]
        return [prepare_ordered(values, self.q, _quantiles, scenario, scenario.domain(full, by))]


@dataclass(frozen=True)
class Lorenz(Statistic):
    """Ordinates of the Lorenz curve: the share of all welfare that the poorest share of people hold.

    Parameters
    ----------
    points : sequence of float in (0, 1)
        Shares of people. Default: tenths.

    Raises
    ------
    InputError
        If one is not in (0, 1).

    References
    ----------
    See ``lorenz``.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Lorenz([0.2, 0.4]).points
    (0.2, 0.4)
    >>> sp.Lorenz([0.0])
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: points must be in (0, 1), but it is 0. Correct the value.
    """

    points: Sequence[float] = tuple(k / 10 for k in range(1, 10))

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", _points(self.points, "points"))

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return the ordinates of a scenario's sorted welfare."""
        welfare = scenario.welfare()
        check_not_negative(welfare, "The Lorenz curve", scenario.survey.show_household)
        values = [Row("lorenz", param=f"p={p:.15g}", scale="logit") for p in self.points]
        return [prepare_ordered(values, self.points, _ordinates, scenario, scenario.domain(full, by))]


@dataclass(frozen=True)
class Dissimilarity(Statistic):
    """Dissimilarity index over all combinations of an opportunity's circumstances.

    Where cells are small the plain index is biased upward, and no interval of it holds. The value is therefore the
    empirical-Bayes one: rates of cells are shrunken towards those of a logit, as far as noise explains what they differ
    by, and the index is that of the posterior. Its rows, by ``param``:

    * "empirical-bayes": the value and its interval, from 0 to 1 less the mean. Within three standard errors of 0 it is
      one-sided: at most so much. Where the upper bound is more than one and a half standard errors above it, it rests
      on the logit: half of that distance joins the standard error, and the row is flagged "model-dependent". "few
      cells": fewer than 100 cells, of few rows, tell how much rates differ. "separated": a circumstance settles the
      outcome.
    * "lower bound", "upper bound": the index by shrunken signs from other PSUs (ten folds), and from the same rows.
    * "cells": the plain index, as ESCAP prints it, biased, without an interval. What it has beyond the first row is
      noise; ``bias`` of the first row is what its own replicates differ by from it.

    Parameters
    ----------
    opportunity : Opportunity
        Of access. Of a barrier there is no such index: that of its absence is another number. Pass its
        ``complement()``.
    method : {"empirical-bayes", "cells", "logit"}, default "empirical-bayes"
        "cells": the plain index alone, quick. "logit": the index of a main-effects logit's rates: where circumstances
        act on each other it is too low, and its interval holds in 0 to 90 of 100 samples; always flagged
        "model-dependent".

    Raises
    ------
    InputError
        If the opportunity is a barrier, or the method is not known.

    Notes
    -----
    In a replicate in which nobody has access there is no index: it is counted as failed. Where all have, it is 0.

    References
    ----------
    For the plain index, see ``d_index``; for the correction, the page on methods.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> internet = sp.Opportunity("internet", outcome="internet", circumstances=["urbrur", "head_educ"])
    >>> frame = sp.estimate(survey, [sp.Dissimilarity(internet)], replicates=sp.Bootstrap(50)).frame()
    >>> frame["param"].tolist()
    ['empirical-bayes', 'lower bound', 'upper bound', 'cells']
    >>> bool(frame.value[0] < frame.value[3])
    True

    A barrier:

    >>> sp.Dissimilarity(sp.Opportunity("no internet", "internet == 0", circumstances=["urbrur"], kind="barrier"))
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: Dissimilarity must be of access, but 'no internet' is a barrier. Pass the index of its ...
    """

    opportunity: Opportunity
    method: str = "empirical-bayes"

    def __post_init__(self) -> None:
        if not isinstance(self.opportunity, Opportunity):
            fail_type("Dissimilarity takes an Opportunity", self.opportunity, "Build it with Opportunity(...).")
        choice(self.method, METHODS, "method")
        if self.opportunity.kind == "barrier":
            other = self.opportunity.complement()
            fail(
                "Dissimilarity must be of access",
                f"{self.opportunity.name!r} is a barrier",
                f"Pass the index of its absence, opportunity.complement(): {other.name!r}, outcome {other.outcome!r}.",
            )

    def prepare(self, scenario: Scenario, by: tuple[str, ...], full: FullSample) -> list[Asked]:
        """Return the index before."""
        if not scenario.before:
            return []
        cells = known_in(self.opportunity.prepare(scenario.survey), scenario.survey, by)
        return prepare_index(cells, scenario.name, by, full, self.method)
