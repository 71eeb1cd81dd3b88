"""Cost by year, and who pays: recipients of a survey's package among a country's people in the years to come.

Recipients per person are taken from the survey by age and sex, and held constant; people are those of a table. So
sums by cell of age and sex are all that a replicate needs, and every year is made of them. What the table and the rates
of growth may be wrong by has no place in the intervals.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ._domains import Block, FullSample, Row
from ._parallel import Executor
from ._prepared import Scenario
from ._sweeps import Totals
from ._typing import CodeArray, FloatArray
from ._validate import choice, fail, fail_if_unknown, fail_type, mapping, number, shown, whole
from .economy import YEARLY, Amount, Economy
from .estimates import Estimates
from .estimation import Advance, Resume, bound, evaluate, full_sample_of, pair_of
from .populations import BOTH, Population
from .replication import Bootstrap, ReplicateDesign
from .schemes import Scheme
from .transfers import PACKAGE, SHARES, Transfers, simulate

if TYPE_CHECKING:
    import pandas as pd

FOLLOW = {"gdp_per_capita": "GDP per person", "prices": "prices", "wages": "wages"}
INDEXED = tuple(FOLLOW)
GROUP, LAST = 5, 80  # ages are in groups of five years, and one from 80 on
LEAST = 30  # persons of the survey that a group must have, or it joins its younger neighbor
ADULT = 18  # age from which people make households
Rates = float | Mapping[int, float]


@dataclass(frozen=True, eq=False)
class Projection:
    """Recipients and cost by year.

    Attributes
    ----------
    estimates : Estimates
        One row for every measure, scheme and year: ``by`` is "year", ``level`` the year.
    years : tuple of int
    base_year : int
        That of all money: the projection is at its prices.
    indexed : str
    schemes : tuple of str
        The last is "package".
    gdp : ndarray of shape (years,)
        At prices of the base year; NaN where growth is not given.
    gdp_base : float
        GDP of the base year.
    economy : Economy
    ratio : float
        People of the survey over those of the table, in the base year.
    note : str
        What the figures rest on, and what their intervals leave out.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> economy = sp.Economy(year=2025, gdp_per_capita=1800.0)
    >>> package = sp.Package([sp.old_age_pension(sp.Amount(0.16, "gdp_per_capita"))])
    >>> projection = sp.project(sp.simulate(survey, package, economy), sp.population("Cambodia"), [2025, 2050],
    ...                         replicates=sp.Bootstrap(20))
    >>> projection
    Projection of 1 scheme, 2025 to 2050, indexed to gdp_per_capita: 1.1% of GDP in 2025, 2.0% in 2050
    >>> print(projection.note.splitlines()[-1])
    Intervals are of the survey alone: population, growth and indexation are taken as given, and carry none.
    """

    estimates: Estimates
    years: tuple[int, ...]
    base_year: int
    indexed: str
    schemes: tuple[str, ...]
    gdp: FloatArray
    gdp_base: float
    economy: Economy
    ratio: float
    note: str

    def frame(self) -> "pd.DataFrame":
        """Return the tidy frame: one row for every measure, scheme and year.

        Returns
        -------
        DataFrame
            The columns of ``Estimates.frame``, and year. Statistics: recipients, transfer_cost, administration,
            total_cost (at prices of the base year; not there without growth), cost_gdp, and cost_revenue,
            cost_expenditure and cost_taxes where the economy gives these.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> survey = sp.example_survey(households=400)
        >>> economy = sp.Economy(year=2025, gdp_per_capita=1800.0)
        >>> package = sp.Package([sp.child_benefit(sp.Amount(0.04, "gdp_per_capita"))])
        >>> transfers = sp.simulate(survey, package, economy)
        >>> people = sp.population("Cambodia")
        >>> frame = sp.project(transfers, people, [2030], replicates=sp.Bootstrap(20)).frame()
        >>> frame[["statistic", "of", "year"]].values.tolist()[:2]
        [['recipients', 'child benefit', 2030], ['cost_gdp', 'child benefit', 2030]]

        All children receive, in the survey and in every replicate of it:

        >>> bool(abs(frame.value[0] / people.people(2030, max_age=17) - 1) < 1e-12), float(frame.se[0])
        (True, 0.0)
        """
        frame = self.estimates.frame()
        return frame.assign(year=frame["level"].astype(int))

    def share(self, of: str = PACKAGE) -> FloatArray:
        """Return the cost of a scheme as a share of GDP, of shape (years,)."""
        return np.array([self.estimates.value[i] for i in self._rows("cost_gdp", of)])

    def _rows(self, statistic: str, of: str) -> list[int]:
        """Return the rows of a measure, one a year."""
        fail_if_unknown(of, self.schemes, "A scheme of the projection")
        return [i for i, row in enumerate(self.estimates.rows) if (row.statistic, row.of) == (statistic, of)]

    def __repr__(self) -> str:
        shares, n = self.share(), len(self.schemes) - 1
        return (
            f"Projection of {n} scheme{'s' * (n > 1)}, {self.years[0]} to {self.years[-1]}, indexed to {self.indexed}: "
            f"{shares[0]:.1%} of GDP in {self.years[0]}, {shares[-1]:.1%} in {self.years[-1]}"
        )


def project(
    transfers: Transfers,
    population: Population,
    years: Iterable[int] | None = None,
    *,
    indexed: str = "gdp_per_capita",
    growth: Rates | None = None,
    wages: Rates | None = None,
    by_sex: bool | None = None,
    calibrate: bool = True,
    replicates: ReplicateDesign | None = None,
    interval: str | None = None,
    level: float = 0.95,
    df: str = "effective",
    n_threads: int | None = None,
    progress: Advance | None = None,
    executor: Executor | None = None,
    resume: Resume = None,
) -> Projection:
    """Return recipients and cost of a package by year.

    Recipients per person are those of the survey by age and sex, held constant: so are the prevalence of disability,
    take-up, and the share of a rank. Where amounts vary, so is money per person. Groups are of five years, cut where a
    scheme's ages or its bands of age begin and end, and one from 80 on; one with fewer than 30 persons joins its
    neighbor. Who is paid for a birth is counted per infant (age 0), a benefit paid per household per adult (18 and
    over). Where coverage is phased in, recipients of a year are those whom the package pays with that year's coverage.

    Parameters
    ----------
    transfers : Transfers
        What ``simulate`` returned, with an economy that gives year, and gdp or gdp_per_capita.
    population : Population
    years : sequence of int, default None
        From the base year on; None: from the base year to the table's last.
    indexed : {"gdp_per_capita", "prices", "wages"}, default "gdp_per_capita"
        What benefits follow. GDP per person: cost as a share of GDP then needs no growth. Prices: they stay as they
        are, while GDP grows.
    growth : float or dict of int to float, default None
        Real growth of GDP a year, or by year; None: the economy's.
    wages : float or dict of int to float, default None
        Real growth of wages, where benefits follow these.
    by_sex : bool, default None
        Whether recipients are counted by sex as well; None: where both the survey and the table have it.
    calibrate : bool, default True
        Whether recipients are those of the table's people; False: of the survey's people, who then grow as the table's.
    replicates, interval, level, df, n_threads, progress, executor, resume
        As in ``estimate``.

    Returns
    -------
    Projection

    Raises
    ------
    InputError
        If a year is not in the table or before the base year, the economy lacks its year or GDP, growth is needed and
        not given, ages are not covered by the table or the survey, or sexes are called differently in both.

    Notes
    -----
    GDP_t is GDP of the base year times (1 + growth) of every year since; revenue and expenditure stay the same share of
    it. With benefits indexed to GDP per person, cost_t / GDP_t = (1 + administration) amount recipients_t P_0 / (P_t
    GDP_0), P the people of the table.

    References
    ----------
    ESCAP, SPOT Simulator: recipients by single age times the United Nations' population, prevalence of disability by
    age held constant, constant prices.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> economy = sp.Economy(year=2025, gdp_per_capita=1800.0, growth=0.04)
    >>> transfers = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(6, "month"))]), economy)
    >>> projection = sp.project(transfers, sp.population("Cambodia"), [2025, 2050], indexed="prices",
    ...                         replicates=sp.Bootstrap(20))
    >>> [round(100 * float(share), 2) for share in projection.share()]
    [1.47, 0.53]

    Later than the table:

    >>> sp.project(transfers, sp.population("Cambodia"), [2101])
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A year must be one of Cambodia, 2020 to 2100, but it is 2101. Choose other years, or ...
    """
    if not isinstance(transfers, Transfers):
        fail_type("project() takes Transfers", transfers, "Pass what simulate() returned.")
    if not isinstance(population, Population):
        fail_type("project() takes a Population", population, "Pass population('Cambodia'), or Population(table).")
    choice(indexed, INDEXED, "indexed")
    for name, value in (("calibrate", calibrate), ("by_sex", by_sex)):
        if not isinstance(value, bool) and not (value is None and name == "by_sex"):
            fail_type(f"{name} must be True or False", value, "Write True or False.")
    economy = transfers.economy or Economy()
    base = economy.year
    if base is None:
        fail("A projection needs its base year", "the economy has none", "Pass Economy(year=...) to simulate().")
    if economy.gdp is None and economy.gdp_per_capita is None:
        fail("A projection needs GDP of the base year", "the economy has none", "Pass Economy(gdp=...) to simulate().")
    asked = _years(years, base, population)
    design = Bootstrap() if replicates is None else replicates
    survey = transfers.survey
    full = full_sample_of(survey, bound(design, survey))
    groups = _Groups.of(transfers, population, by_sex)
    ratio = float(survey.person_weight.sum()) / population.people(base)
    people = population.single([base, *asked]) * (1.0 if calibrate else ratio)
    total = people.sum(axis=(1, 2))
    gdp_base = economy.gdp
    if gdp_base is None:
        assert economy.gdp_per_capita is not None
        gdp_base = economy.gdp_per_capita * float(total[0])
    path = path_of(transfers, asked, total, gdp_base, indexed, economy.growth if growth is None else growth, wages)
    if not survey.of_persons(groups.column):
        came = f"{groups.column!r} is a column of households"
        fail("Age must be a column of persons", came, "Name the column of persons by roles={'age': ...}.")
    phases, phase = _phases(transfers, asked)
    counted = [_counted(one, groups, full) for one in phases]
    prepared = _PreparedProjection(
        tuple(totals for totals, _ in counted),
        phase,
        groups.people(people[1:]),
        people[1:, :, 0].sum(axis=1),
        people[1:, :, ADULT:].sum(axis=(1, 2)),
        path,
        _named(path, asked, [counted[i][1] for i in phase], int(full.domain((), with_welfare=False).df[0])),
    )
    estimates = evaluate(
        survey,
        [prepared],
        bound(design, survey),
        full,
        paired=pair_of(survey, replicates),
        interval=interval,
        level=level,
        df=df,
        changes={},
        n_threads=n_threads,
        progress=progress,
        executor=executor,
        resume=resume,
        told=design.told(),
    )
    note = _note(population, base, indexed, groups, ratio, calibrate, path, transfers, float(total[0]))
    return Projection(estimates, tuple(asked), base, indexed, path.schemes, path.gdp, gdp_base, economy, ratio, note)


# -- years to come --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Path:
    """What turns recipients into costs in every year; money is at prices of the base year.

    Attributes
    ----------
    amounts : ndarray of shape (schemes,)
        Currency per recipient and year, in the base year; NaN where it varies, and money is counted.
    varying : tuple of int
        The schemes of which it does.
    administration : ndarray of shape (schemes,)
        Share of what is paid.
    index : ndarray of shape (years,)
        What benefits have risen to, from 1; NaN where it is not known.
    share : ndarray of shape (years,)
        The same over GDP.
    """

    schemes: tuple[str, ...]
    kinds: tuple[str, ...]
    amounts: FloatArray
    varying: tuple[int, ...]
    administration: FloatArray
    index: FloatArray
    share: FloatArray
    gdp: FloatArray
    over: Mapping[str, float]  # GDP over revenue, expenditure and taxes, in the base year

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what ``of`` returns."""
        money = ("transfer_cost", "administration", "total_cost") if np.isfinite(self.index).all() else ()
        return ("recipients", *money, "cost_gdp", *self.over)

    def of(self, counted: FloatArray) -> FloatArray:
        """Return measures, of shape (years, schemes + 1, measures, replicates).

        ``counted`` (years, schemes + 1 + varying, replicates) are recipients, those of the package with at least one,
        and then the money of every scheme that varies. Cost of the package is the sum of all.
        """
        people = counted[:, : len(self.schemes)]
        money = {s: counted[:, len(self.schemes) + k] for k, s in enumerate(self.varying)}
        paid, run = np.zeros_like(people), np.zeros_like(people)
        for s, amount in enumerate(self.amounts):
            paid[:, s] = money[s] if s in money else amount * people[:, s]
            run[:, s] = paid[:, s] * self.administration[s]
            paid[:, -1] += paid[:, s]
            run[:, -1] += run[:, s]
        index, of_gdp = self.index[:, None, None], (paid + run) * self.share[:, None, None]
        made = {
            "recipients": people,
            "transfer_cost": paid * index,
            "administration": run * index,
            "total_cost": (paid + run) * index,
            "cost_gdp": of_gdp,
            **{name: of_gdp * times for name, times in self.over.items()},
        }
        return np.stack([made[name] for name in self.measures], axis=2)


def path_of(
    transfers: Transfers,
    years: Sequence[int],
    total: FloatArray,
    gdp: float,
    indexed: str,
    growth: Rates | None,
    wages: Rates | None = None,
) -> Path:
    """Return what turns recipients into costs; ``total`` are people in the base year and in every year asked for."""
    economy, package = transfers.economy, transfers.package
    assert economy is not None
    assert economy.year is not None
    base = economy.year
    grown = _grown(growth, base, years, "growth") if growth is not None else np.full(len(years), np.nan)
    person = total[0] / total[1:]
    if indexed == "gdp_per_capita":
        index, share = grown * person, person / gdp
    else:
        if growth is None:
            fail(
                f"A projection indexed to {indexed} needs growth of GDP",
                "none was given",
                "Pass growth=0.03, or Economy(growth=0.03); or index to 'gdp_per_capita'.",
            )
        if indexed == "wages" and wages is None:
            fail("A projection indexed to wages needs their growth", "none was given", "Pass wages=0.02.")
        index = np.ones(len(years)) if indexed == "prices" or wages is None else _grown(wages, base, years, "wages")
        share = index / (gdp * grown)
    costing = transfers.costing
    return Path(
        (*(scheme.name for scheme in package.schemes), PACKAGE),
        tuple(_kind(scheme) for scheme in package.schemes),
        transfers.amounts,
        costing.varying,
        costing.administrations,
        index,
        share,
        gdp * grown,
        {name: gdp / costing.shares[name] for name in SHARES[1:] if name in costing.shares},
    )


def _phases(transfers: Transfers, years: Sequence[int]) -> tuple[list[Transfers], list[int]]:
    """Return what is paid with each coverage that a year has, and which of them every year has.

    A share of the base year's recipients would not do: it may be 0, and priorities and most recipients of a household
    make their number no multiple of the coverage.
    """
    package = transfers.phased
    if package is None:
        return [transfers], [0] * len(years)
    made: list[Transfers] = []
    phase: list[int] = []
    found: dict[tuple[float, ...], int] = {}
    for year in years:
        now = package.in_year(year)
        coverage = tuple(scheme.coverage for scheme in now.schemes)
        if coverage not in found:
            found[coverage] = len(made)
            own = coverage == tuple(scheme.coverage for scheme in transfers.package.schemes)
            made.append(transfers if own else simulate(transfers.survey, now, transfers.economy))
        phase.append(found[coverage])
    return made, phase


def _kind(scheme: Scheme) -> str:
    """Return what the recipients of a scheme are counted per."""
    return "adult" if scheme.per == "household" else "infant" if scheme.birth else "person"


def _years(years: Iterable[int] | None, base: int, population: Population) -> list[int]:
    """Return the years asked for, all of the table and from the base year on."""
    last = int(population.years[-1])
    if years is not None and (isinstance(years, str) or not isinstance(years, Iterable)):
        fail_type("years must be a list of years", years, "Write range(2025, 2051).")
    asked = [whole(y, "A year", low=1) for y in (range(base, last + 1) if years is None else years)]
    if base < int(population.years[0]) or base > last:
        population.people(base)  # which says what years there are
    if not asked:
        fail("A projection must have a year", "none came", "Write range(2025, 2051).")
    if min(asked) < base:
        fail(
            f"A projection must begin with its base year, {base}, or later",
            f"{min(asked)} came",
            "Give the economy of an earlier year, or later years.",
        )
    if sorted(set(asked)) != asked:
        fail("years must rise, each once", f"they are {shown(asked)}", "Sort them.")
    return asked


def _grown(rates: Rates, base: int, years: Sequence[int], what: str) -> FloatArray:
    """Return what 1 in the base year has grown to."""
    if isinstance(rates, Mapping):
        by_year = {
            whole(y, f"A year of {what}", low=1): number(r, f"{what} of {y}, a share,", above=-1, high=1)
            for y, r in rates.items()
        }
        lacking = [year for year in range(base + 1, max(years) + 1) if year not in by_year]
        if lacking:
            came = f"{lacking[0]} has none" if len(lacking) == 1 else f"{len(lacking)} have none, {lacking[0]} first"
            fail(f"{what} must be given for every year after {base}", came, "Add these years, or pass one number.")
    else:
        rate = number(rates, f"{what}, a share a year,", above=-1, high=1)
        by_year = dict.fromkeys(range(base + 1, max(years) + 1), rate)
    value, made = 1.0, {base: 1.0}
    for year in range(base + 1, max(years) + 1):
        value *= 1 + by_year[year]
        made[year] = value
    return np.array([made[year] for year in years])


# -- recipients of the survey ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Groups:
    """Groups of age, and of sex: in the survey and in the table."""

    column: str  # of age
    age: FloatArray
    starts: tuple[int, ...]
    sexes: tuple[str, ...]
    place: tuple[int, ...]  # of each sex in the table
    level: CodeArray  # of every person, -1 where age or sex is not known

    @property
    def levels(self) -> int:
        """Number of groups: by sex, ages running fastest."""
        return len(self.starts) * len(self.sexes)

    @classmethod
    def of(cls, transfers: Transfers, population: Population, by_sex: bool | None) -> "_Groups":
        """Return groups that the survey has people in."""
        survey, schemes = transfers.survey, transfers.package.schemes
        column = survey.role("age")
        age = np.floor(column.numbers(f"The age {column.name!r}"))
        sex, sexes, place = _sexes(transfers, population, by_sex)
        limits = {0}
        for scheme in schemes:
            if _kind(scheme) == "person":
                bands = scheme.schedule.bands if scheme.schedule.by == "age" else ()
                for low, high in ((scheme.min_age, scheme.max_age), *((low, high) for low, high, _ in bands)):
                    first, past = population.span(low or 0, high)
                    limits |= {first, past} if high is not None else {first}
        if any(_kind(scheme) == "adult" for scheme in schemes):
            population.span(ADULT, None)
        if any(_kind(scheme) == "infant" for scheme in schemes) and not (age == 0).any():
            fail("Births to come are counted by infants", "the survey has nobody of age 0", "Leave the scheme out.")
        starts = sorted(limits | {a for a in range(0, LAST + 1, GROUP) if a <= population.oldest})
        known = ~np.isnan(age) & (sex >= 0) & (survey.person_weight > 0)

        def few(first: int, past: float) -> bool:
            here = known & (age >= first) & (age < past)
            return bool(np.bincount(sex[here], minlength=len(sexes)).min() < LEAST)

        for first in reversed(starts.copy()):  # from the oldest down, who are few
            i = starts.index(first)
            if first not in limits and few(first, ([*starts, np.inf])[i + 1]):
                starts.remove(first)
        for first in sorted(limits & set(starts)):
            while (i := starts.index(first) + 1) < len(starts) and starts[i] not in limits and few(first, starts[i]):
                starts.remove(starts[i])
        code = np.searchsorted(starts, np.where(np.isnan(age), 0, age), side="right") - 1
        level = np.where(np.isnan(age) | (sex < 0), -1, sex * len(starts) + code).astype(np.int32)
        there = np.bincount(level[known & (level >= 0)], minlength=len(starts) * len(sexes)) > 0
        if not there.all():
            j, i = divmod(int(np.argmin(there)), len(starts))
            ages = f"{starts[i]} to {starts[i + 1] - 1}" if i + 1 < len(starts) else f"{starts[i]} and over"
            who = f"{sexes[j]}, " if sexes != (BOTH,) else ""
            must = "There must be somebody in the survey of every age that a scheme tells apart"
            fail(must, f"there is nobody of {who}{ages}", "Move the scheme's ages, or pass by_sex=False.")
        return cls(column.name, age, tuple(starts), sexes, place, level)

    def people(self, single: FloatArray) -> FloatArray:
        """Return people of the table by group, of shape (years, groups), from (years, sexes, ages)."""
        taken = single[:, self.place] if self.sexes != (BOTH,) else single.sum(axis=1, keepdims=True)
        return np.add.reduceat(taken, self.starts, axis=2).reshape(len(single), -1)


def _sexes(
    transfers: Transfers, population: Population, by_sex: bool | None
) -> tuple[CodeArray, tuple[str, ...], tuple[int, ...]]:
    """Return the sex of every person, its labels, and where each stands in the table."""
    survey = transfers.survey
    both = population.sexes != (BOTH,) and survey.roles["sex"] is not None
    if not (both if by_sex is None else by_sex):
        return np.zeros(survey.n_persons, dtype=np.int32), (BOTH,), (0,)
    if population.sexes == (BOTH,):
        fail("by_sex=True needs people by sex", f"{population.name} has no column 'sex'", "Leave by_sex out.")
    _, codes, labels = survey.role("sex").categories()
    known = [label.casefold() for label in population.sexes]
    lacking = [label for label in labels if label.casefold() not in known]
    if lacking:
        fail(
            f"sex must be called {' or '.join(map(repr, population.sexes))} in the survey, as in {population.name}",
            f"a person is {lacking[0]!r}",
            "Recode one of them, or pass by_sex=False.",
        )
    if len(labels) < len(population.sexes):
        fail("by_sex=True needs people of every sex in the survey", f"all are {labels[0]!r}", "Pass by_sex=False.")
    return codes, labels, tuple(known.index(label.casefold()) for label in labels)


def _counted(transfers: Transfers, groups: _Groups, full: FullSample) -> tuple[Totals, list[int]]:
    """Return weighted columns by group, and recipients in the sample by scheme.

    The columns: people, infants, adults; recipients of every scheme, and of at least one; money of those that vary. Of
    a person with several outcomes each has its own row, and one of them counts in a replicate.
    """
    survey, rows = (
        transfers.survey,
        Scenario("after", transfers.survey, transfers).domain(full, (), with_welfare=False, unit="person").rows,
    )
    age, level, weight = groups.age[rows.index], groups.level[rows.index], rows.weight
    of_household = rows.share * survey.weight[rows.household]
    paid = transfers.of_persons("paid", rows.index, rows.outcome)
    kinds = [*(_kind(scheme) for scheme in transfers.package.schemes), "person"]
    received = [paid[:, s] * (of_household if kind == "adult" else weight) for s, kind in enumerate(kinds)]
    money = rows.share * transfers.of_persons("money_of_persons", rows.index, rows.outcome).T
    of_age = [np.where(age == 0, weight, 0.0), np.where(age >= ADULT, weight, 0.0)]
    columns = [np.where(level >= 0, column, 0.0) for column in (weight, *of_age, *received, *money)]
    now = (transfers.paid > 0) & ((survey.person_weight > 0) & (groups.level >= 0))[:, None]
    totals = Totals.of(columns, rows.factor, np.maximum(level, 0).astype(np.int32), groups.levels)
    return totals, now.sum(axis=0).tolist()


def _named(path: Path, years: Sequence[int], cases: Sequence[Sequence[int]], df: int) -> tuple[Row, ...]:
    """Name every value: by year, scheme and measure."""
    return tuple(
        Row(measure, of, scenario="after", by="year", level=str(year), n=n, df=df, scale="log")
        for year, of_year in zip(years, cases, strict=True)
        for of, n in zip(path.schemes, of_year, strict=True)
        for measure in path.measures
    )


@dataclass(frozen=True, eq=False)
class _PreparedProjection:
    """Recipients by group of the survey, waiting for factors; and the people of every year that they stand for."""

    sums: tuple[Totals, ...]  # by phase of coverage
    phase: Sequence[int]  # of every year
    people: FloatArray  # (years, groups)
    infants: FloatArray  # (years,)
    adults: FloatArray
    path: Path
    rows: tuple[Row, ...]

    def evaluate(self, block: Block) -> FloatArray:
        """Return values of shape (rows, replicates); groups are added up in their order, as in any block."""
        kinds = (*self.path.kinds, "person", *(self.path.kinds[s] for s in self.path.varying))
        counted = np.zeros((len(self.people), len(kinds), block.replicates))
        for p, sums in enumerate(self.sums):
            years = np.flatnonzero(np.equal(self.phase, p))
            totals = sums.evaluate(block.factors)  # (groups, columns, replicates)
            whole = totals[0].copy()
            for group in totals[1:]:
                whole += group
            with np.errstate(divide="ignore", invalid="ignore"):
                for s, kind in enumerate(kinds):
                    if kind == "person":
                        for g, group in enumerate(totals):
                            counted[years, s] += self.people[years, g, None] * (group[3 + s] / group[0])
                    else:
                        of, there = (1, self.infants) if kind == "infant" else (2, self.adults)
                        counted[years, s] = there[years, None] * (whole[3 + s] / whole[of])
        return self.path.of(counted).reshape(-1, block.replicates)


def _note(
    population: Population,
    base: int,
    indexed: str,
    groups: _Groups,
    ratio: float,
    calibrate: bool,
    path: Path,
    transfers: Transfers,
    total: float,
) -> str:
    """Return what the figures rest on, a sentence a line."""
    economy, replaced = transfers.economy or Economy(), transfers.package.replaced
    what = "age" if groups.sexes == (BOTH,) else "age and sex"
    said = [
        f"People: {population.source or population.name}.",
        f"Recipients per person by {what} are those of the survey, held constant; benefits follow {FOLLOW[indexed]}; "
        f"money is at prices of {base}.",
    ]
    whose = "the table's" if calibrate else "the survey's, who grow as the table's do"
    said.append(f"In {base} the survey has {ratio:.3f} times the table's people; recipients are of {whose}.")
    if economy.gdp is not None and economy.gdp_per_capita is not None:
        apart = economy.gdp / (economy.gdp_per_capita * total)
        if abs(apart - 1) > 0.01:
            said.append(f"GDP is {apart:.3f} times GDP per person times these people: the shares are of GDP as given.")
    if replaced:
        said.append(f"Cost is gross: what is paid now as {', '.join(map(repr, replaced))} is not taken off.")
    if not np.isfinite(path.index).all():
        said.append("Without growth of GDP, cost is told as a share of it alone.")
    said.append(
        "Intervals are of the survey alone: population, growth and indexation are taken as given, and carry none."
    )
    return "\n".join(said)


# -- who pays -------------------------------------------------------------------------------------------------------


def financing(
    cost: Projection | Transfers,
    lines: Mapping[str, float | Amount] | None = None,
    *,
    spending: Mapping[str, float] | None = None,
    taxes: float | None = None,
) -> "pd.DataFrame":
    """Return what a package costs beside what the state takes and spends, and what is left to be paid for.

    Parameters
    ----------
    cost : Projection or Transfers
        A projection gives every year; transfers, the year of the survey's economy, which must give gdp.
    lines : dict of str to float or Amount, default None
        New revenue: a share of GDP, or currency in the base year, which stays the same share of GDP.
    spending : dict of str to float, default None
        What functions of government cost now, such as health: shares of GDP; None: the economy's.
    taxes : float, default None
        Revenue from taxes on income and profits, currency in the base year; None: the economy's.

    Returns
    -------
    DataFrame
        year, kind, item, value (share of GDP), se (of the survey), and cost_share: the cost of the package over the
        value, or of the gap its share of the cost. kind is "cost" (a scheme, or the package), "government" (revenue,
        expenditure, taxes), "spending", "line" (new revenue) or "gap": the cost less all lines, negative where they
        bring more.

    Raises
    ------
    InputError
        If a share is out of range, or GDP is not known.

    Notes
    -----
    Cost and taxes are of one year and in one currency before they are divided. Revenue, expenditure, taxes and spending
    stay the same share of GDP in every year.

    References
    ----------
    ESCAP, SPOT Simulator: cost beside functions of public spending, and as a share of revenue and taxes.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> survey = sp.example_survey(households=400)
    >>> economy = sp.Economy(year=2025, gdp=8e8, taxes=4e7)
    >>> transfers = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(6, "month"))]), economy)
    >>> table = sp.financing(transfers, {"VAT, one point more": 0.008}, spending={"health": 0.03})
    >>> table[["kind", "item", "value", "cost_share"]].round(3).values.tolist()[1:]
    [['cost', 'package', 0.017, 1.0],
     ['government', 'taxes', 0.05, 0.348],
     ['spending', 'health', 0.03, 0.58],
     ['line', 'VAT, one point more', 0.008, 2.176],
     ['gap', 'package', 0.009, 0.54]]
    >>> sp.financing(transfers, {"VAT": 1.2})
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The line 'VAT', a share of GDP, must be in [0, 1], but it is 1.2. Correct the value.
    """
    import pandas as pd

    economy, gdp, costs = _costs(cost)
    if gdp is None:
        fail("Financing needs GDP", "the economy has none", "Pass Economy(gdp=...) to simulate().")
    whole_lines = mapping(lines or {}, "lines", "Write {'VAT, one point more': 0.008}.")
    shares = {name: _line(name, value, economy, gdp) for name, value in whole_lines.items()}
    functions = {
        name: number(value, f"spending on {name!r}, a share of GDP,", low=0, high=1)
        for name, value in mapping(
            economy.spending if spending is None else spending, "spending", "Write {'health': 0.03}."
        ).items()
    }
    taxed = economy.taxes if taxes is None else number(taxes, "taxes", above=0)
    given = {"revenue": economy.revenue, "expenditure": economy.expenditure, "taxes": taxed}
    government = {name: value / gdp for name, value in given.items() if value is not None}
    made: list[dict[str, object]] = []
    for year, by_scheme in costs.items():
        package, se = by_scheme[PACKAGE]
        parts = [("cost", name, *pair) for name, pair in by_scheme.items()]
        kinds = (("government", government), ("spending", functions), ("line", shares))
        parts += [(kind, name, value, 0.0) for kind, values in kinds for name, value in values.items()]
        parts += [("gap", PACKAGE, package - sum(shares.values()), se)] if shares else []
        for kind, item, value, error in parts:
            over, of = (value, package) if kind == "gap" else (package, value)
            share = over / of if of else np.nan
            made.append({"year": year, "kind": kind, "item": item, "value": value, "se": error, "cost_share": share})
    return pd.DataFrame(made)


def _costs(cost: object) -> tuple[Economy, float | None, dict[int | None, dict[str, tuple[float, float]]]]:
    """Return the economy, its GDP, and the cost of every scheme and year as a share of GDP with its standard error."""
    if isinstance(cost, Projection):
        of = cost.estimates
        by_year: dict[int | None, dict[str, tuple[float, float]]] = {year: {} for year in cost.years}
        for i, row in enumerate(of.rows):
            if row.statistic == "cost_gdp":
                by_year[int(row.level)][row.of] = (float(of.value[i]), float(of.se[i]))
        return cost.economy, cost.gdp_base, by_year
    if not isinstance(cost, Transfers):
        fail_type("financing() takes a Projection or Transfers", cost, "Pass what project() or simulate() returned.")
    economy, frame = cost.economy or Economy(), cost.cost
    shares = zip(frame["scheme"], frame["cost_gdp"], strict=True)
    return economy, economy.gdp, {economy.year: {name: (float(share), np.nan) for name, share in shares}}


def _line(name: str, value: object, economy: Economy, gdp: float) -> float:
    """Return new revenue as a share of GDP."""
    if isinstance(value, Amount):
        if value.unit not in YEARLY:
            fail(f"The line {name!r} must be money by month or year", f"it is in {value.unit!r}", "Or a share of GDP.")
        return value.per_year(economy) / gdp
    return number(value, f"The line {name!r}, a share of GDP,", low=0, high=1)
