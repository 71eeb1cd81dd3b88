"""What amounts are counted in, and what money is compared with: an economy's figures, prices and poverty lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ._validate import TIMES, choice, fail, fail_if_percent, fail_if_unknown, fail_type, mapping, number, whole

YEARLY = {"month": 12.0, "year": 1.0}
DAYS = 365  # of a year, as the international lines count them
ROUNDED = 0.01  # by which published figures may differ from one another


@dataclass(frozen=True)
class Economy:
    """What amounts and costs are compared with, and what brings money to the prices of one year, the base year.

    Parameters
    ----------
    currency : str, default ""
    year : int, default None
        Base year: that of all money here, and of all results.
    gdp : float, default None
        Gross domestic product, currency per year; None: GDP per person times population, where both are given.
    gdp_per_capita : float, default None
        Currency per person and year; None: gdp over population, where both are given.
    revenue : float, default None
        Government revenue, currency per year.
    expenditure : float, default None
        Government expenditure, currency per year.
    ppp : float, default None
        Purchasing power parity of ``ppp_year``: currency per international dollar.
    cpi_ratio : float, default 1.0
        Prices of the base year over those of the survey, for who has this one number; or give ``cpi``.
    lines : dict of str to float, default {}
        Poverty lines by name, at prices of the base year, per person and the survey's ``welfare_period``.
    taxes : float, default None
        Revenue from taxes on income and profits, currency per year.
    spending : dict of str to float, default {}
        What functions of government cost, such as health: shares of GDP.
    population : float, default None
        People in the base year.
    growth : float in (-1, 1], default None
        Real growth of GDP a year: 0.025 is 2.5 %.
    survey_year : int, default None
        Year of the prices in the survey; required by ``cpi`` and by ``real_growth``.
    ppp_year : int, default None
        Year of ``ppp``, and of the dollars in ``dollars_a_day``.
    cpi : dict of int to float, default {}
        Consumer price index by year, of whatever base.
    real_growth : float in (-1, 1], default 0.0
        Real growth of welfare per person a year since the survey, by which the survey is uprated beside prices. That of
        GDP is too much where the population grows.
    dollars_a_day : sequence of float, default ()
        International poverty lines, in dollars of ``ppp_year`` per person and day.

    Raises
    ------
    InputError
        If a figure is out of range, two figures contradict each other, or a year has no consumer price index.

    References
    ----------
    ESCAP, SPOT Simulator: benefits as a share of GDP per person, cost as a share of GDP and revenue; welfare uprated by
    consumer prices; lines of $1.90, $3.20 and $5.50 a day in purchasing power of 2011, times 365 / 12 a month.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> economy = sp.Economy(currency="KHR", year=2022, survey_year=2019, cpi={2019: 177.432, 2022: 197.777},
    ...                      gdp=118_982e9, population=17.169e6)
    >>> round(economy.uprating, 4), round(economy.gdp_per_capita)
    (1.1147, 6930048)
    >>> sp.Economy(gdp=0)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: gdp of the economy must be above 0, but it is 0. Correct the value.
    """

    currency: str = ""
    year: int | None = None
    gdp: float | None = None
    gdp_per_capita: float | None = None
    revenue: float | None = None
    expenditure: float | None = None
    ppp: float | None = None
    cpi_ratio: float = 1.0
    lines: Mapping[str, float] = field(default_factory=dict)
    taxes: float | None = field(default=None, kw_only=True)
    spending: Mapping[str, float] = field(default_factory=dict, kw_only=True)
    population: float | None = field(default=None, kw_only=True)
    growth: float | None = field(default=None, kw_only=True)
    survey_year: int | None = field(default=None, kw_only=True)
    ppp_year: int | None = field(default=None, kw_only=True)
    cpi: Mapping[int, float] = field(default_factory=dict, kw_only=True)
    real_growth: float = field(default=0.0, kw_only=True)
    dollars_a_day: Sequence[float] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        for name in ("gdp", "gdp_per_capita", "revenue", "expenditure", "ppp", "cpi_ratio", "taxes", "population"):
            value = getattr(self, name)
            if value is not None or name == "cpi_ratio":
                object.__setattr__(self, name, number(value, f"{name} of the economy", above=0))
        for name in ("growth", "real_growth"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(
                    self, name, number(value, f"{name} of the economy, a share a year,", above=-1, high=1)
                )
        for name in ("year", "survey_year", "ppp_year"):
            if getattr(self, name) is not None:
                whole(getattr(self, name), f"{name} of the economy", low=1)
        if not isinstance(self.lines, Mapping):
            fail_type(
                "lines of the economy must be a mapping of names to numbers", self.lines, "Write {'national': 1500.0}."
            )
        object.__setattr__(
            self, "lines", {name: number(value, f"line {name!r}", above=0) for name, value in self.lines.items()}
        )
        shares = mapping(self.spending, "spending of the economy", "Write {'health': 0.02}, a share of GDP.")
        object.__setattr__(
            self,
            "spending",
            {
                name: number(value, f"spending on {name!r}, a share of GDP,", low=0, high=1)
                for name, value in shares.items()
            },
        )
        self._check_people()
        self._check_prices()
        self._check_dollars()

    def _check_people(self) -> None:
        """Take GDP per person from GDP and people, or GDP from the other two; raise if all contradict; so of taxes."""
        if self.gdp is None and self.gdp_per_capita is not None and self.population is not None:
            object.__setattr__(self, "gdp", self.gdp_per_capita * self.population)
        elif self.gdp is not None and self.population is not None:
            per_person = self.gdp / self.population
            if self.gdp_per_capita is None:
                object.__setattr__(self, "gdp_per_capita", per_person)
            elif abs(self.gdp_per_capita / per_person - 1) > ROUNDED:
                fail(
                    f"gdp_per_capita of the economy must be gdp over population to within {ROUNDED:.0%}",
                    f"it is {self.gdp_per_capita:,.6g}, and they give {per_person:,.6g}",
                    "Leave out one of the three, or bring them to one unit.",
                )
        if self.taxes is not None and self.revenue is not None and self.taxes > self.revenue:
            fail(
                "taxes of the economy must be part of its revenue",
                f"they are {self.taxes:,.6g} of {self.revenue:,.6g}",
                "Give both in currency a year.",
            )

    def _check_prices(self) -> None:
        """Read the price index, and raise if prices of the survey cannot be brought to the base year."""
        given = mapping(self.cpi, "cpi of the economy", "Write {2019: 177.4, 2022: 197.8}.")
        index = {_year(year): number(value, f"cpi of {year}", above=0) for year, value in given.items()}
        object.__setattr__(self, "cpi", index)
        if index and self.cpi_ratio != 1:
            fail(
                "Prices must come as cpi or as cpi_ratio",
                "the economy gives both",
                "Leave out one: cpi holds more years.",
            )
        if index:
            for name in ("year", "survey_year", "ppp_year"):
                year = getattr(self, name)
                if year is None and name != "ppp_year":
                    fail(f"cpi of the economy needs its {name}", "none was given", f"Pass {name}=.")
                if year is not None and year not in index:
                    listed = ", ".join(map(str, sorted(index)))
                    fail(f"cpi of the economy must hold its {name}, {year}", f"it holds {listed}", "Add that year.")
        elif None not in (self.year, self.survey_year) and self.year != self.survey_year and self.cpi_ratio == 1:
            fail(
                f"Prices of the survey, of {self.survey_year}, must be brought to {self.year}",
                "the economy has no price index",
                f"Pass cpi={{{self.survey_year}: ..., {self.year}: ...}}, or cpi_ratio=.",
            )
        if self.real_growth and None in (self.year, self.survey_year):
            fail("real_growth needs year and survey_year", "the economy lacks one", "Pass both.")

    def _check_dollars(self) -> None:
        """Raise if a line in dollars lacks what it is converted by, or bears a name twice."""
        if isinstance(self.dollars_a_day, (str, bytes)) or not isinstance(self.dollars_a_day, Sequence):
            fail_type("dollars_a_day must be a list of numbers", self.dollars_a_day, "Write (1.9, 3.2, 5.5).")
        dollars = tuple(number(value, "A line in dollars a day", above=0) for value in self.dollars_a_day)
        object.__setattr__(self, "dollars_a_day", dollars)
        if not dollars:
            return
        if self.ppp is None or self.ppp_year is None:
            lacks = "ppp" if self.ppp is None else "ppp_year"
            fail("Lines in dollars need ppp and ppp_year", f"the economy lacks {lacks}", f"Pass {lacks}=.")
        if not self.cpi and self.year != self.ppp_year:
            fail(
                f"Dollars of {self.ppp_year} must be brought to prices of the base year, {self.year}",
                "the economy has no cpi",
                f"Pass cpi={{{self.ppp_year}: ..., <survey_year>: ..., {self.year}: ...}}.",
            )
        names = [*self.lines, *map(_dollars, dollars)]
        for name in names:
            if names.count(name) > 1:
                fail("Every line must have a name of its own", f"{name!r} occurs more than once", "Drop one.")

    @property
    def uprating(self) -> float:
        """What money of the survey is multiplied by to be of the base year: prices, and real growth if it is asked."""
        ratio = self._prices_since(self.survey_year) if self.cpi else self.cpi_ratio
        if not self.real_growth or self.year is None or self.survey_year is None:
            return ratio
        return ratio * (1 + self.real_growth) ** (self.year - self.survey_year)

    def _prices_since(self, year: int | None) -> float:
        """Return prices of the base year over those of a year that the index holds."""
        return 1.0 if year is None or year == self.year or self.year is None else self.cpi[self.year] / self.cpi[year]

    def poverty_lines(self, welfare_period: str = "month") -> dict[str, float]:
        """Return all poverty lines by name: ``lines``, then those in dollars, called "$1.90 a day".

        A line in dollars is dollars times ``ppp``, times prices of the base year over those of ``ppp_year``, times
        365 / 12 a month or 365 a year.

        Parameters
        ----------
        welfare_period : {"month", "year"}, default "month"
            Period of the survey's welfare.

        Returns
        -------
        dict of str to float, currency of the base year per person and period

        Raises
        ------
        InputError
            If the period is neither.

        References
        ----------
        Ferreira, F. et al. (2016). A global count of the extreme poor in 2012. Journal of Economic Inequality 14.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> economy = sp.Economy(year=2011, ppp=1, ppp_year=2011, dollars_a_day=(1.9, 3.2, 5.5))
        >>> {name: round(line, 2) for name, line in economy.poverty_lines("month").items()}
        {'$1.90 a day': 57.79, '$3.20 a day': 97.33, '$5.50 a day': 167.29}

        Without a line there is none:

        >>> sp.Economy().poverty_lines()
        {}
        """
        choice(welfare_period, tuple(YEARLY), "welfare_period")
        days = DAYS / YEARLY[welfare_period]
        made = {}
        for dollars in self.dollars_a_day:
            assert self.ppp is not None
            made[_dollars(dollars)] = dollars * self.ppp * self._prices_since(self.ppp_year) * days
        return {**self.lines, **made}


def _year(year: object) -> int:
    """Return a year of the price index, which is text in a study."""
    if isinstance(year, str) and year.isdecimal():
        return int(year)
    return whole(year, "A year of cpi", low=1)


def _dollars(dollars: float) -> str:
    """Return what a line in dollars is called."""
    text = f"{dollars:.2f}"
    return f"${text if float(text) == dollars else f'{dollars:.15g}'} a day"


@dataclass(frozen=True)
class Amount:
    """A benefit and what it is counted in.

    Parameters
    ----------
    value : float, 0 or more
    unit : str
        "month" or "year": currency per recipient in that period. "gdp_per_capita": a share of it, paid over a year, at
        most 1. "line:NAME": a share of the economy's line of that name, per the survey's ``welfare_period``, at most
        10, for a benefit of a whole household.

    Raises
    ------
    InputError
        If the value is negative, the unit is none of these, or the value is more than is a share of it.

    References
    ----------
    ESCAP, SPOT Simulator: benefits quoted as a percentage of GDP per person a year.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Amount(50, "month").per_year()
    600.0
    >>> sp.Amount(0.25, "line:national").per_year(sp.Economy(lines={"national": 100}), "month")
    300.0

    A share of something that was not given:

    >>> sp.Amount(0.04, "gdp_per_capita").per_year()
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: An amount in 'gdp_per_capita' needs an Economy, but none was given. ...
    """

    value: float
    unit: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", number(self.value, "The value of an amount", low=0))
        if not isinstance(self.unit, str):
            fail_type(
                "The unit of an amount must be text", self.unit, "Use 'month', 'year', 'gdp_per_capita', 'line:NAME'."
            )
        if not self.unit.startswith("line:"):
            choice(self.unit, ("month", "year", "gdp_per_capita", "line:NAME"), "The unit of an amount")
        if self.unit not in YEARLY:
            most = {"gdp_per_capita": 1}.get(self.unit, TIMES)
            what = f"An amount in {self.unit!r} is a share of it, and"
            fail_if_percent(self.value, what, most, "What is more is written in currency, by month or year.")

    def per_year(self, economy: Economy | None = None, welfare_period: str = "month") -> float:
        """Return currency per recipient and year.

        Parameters
        ----------
        economy : Economy, default None
            Required by shares of GDP per person and of lines.
        welfare_period : {"month", "year"}, default "month"
            Period of the economy's lines.

        Returns
        -------
        float

        Raises
        ------
        InputError
            If the economy does not hold what the unit needs.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> sp.Amount(0.5, "gdp_per_capita").per_year(sp.Economy(gdp_per_capita=3000))
        1500.0
        >>> sp.Amount(0, "year").per_year()
        0.0
        """
        if self.unit in YEARLY:
            return self.value * YEARLY[self.unit]
        if economy is None:
            fail(
                f"An amount in {self.unit!r} needs an Economy",
                "none was given",
                "Pass economy=, or write the amount in currency.",
            )
        if self.unit == "gdp_per_capita":
            if economy.gdp_per_capita is None:
                fail(
                    "An amount in 'gdp_per_capita' needs its value",
                    "the economy does not give it",
                    "Pass Economy(gdp_per_capita=...), or gdp= and population=.",
                )
            return self.value * economy.gdp_per_capita
        line, lines = self.unit.removeprefix("line:"), economy.poverty_lines(welfare_period)
        fail_if_unknown(
            line,
            lines,
            f"The line of the amount {self.unit!r}",
            "Lines are given as Economy(lines={name: value}).",
        )
        return self.value * lines[line] * YEARLY[welfare_period]
