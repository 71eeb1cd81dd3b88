"""What amounts are counted in, and what money is compared with: an economy's figures and poverty lines."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ._validate import choice, fail, fail_if_unknown, fail_type, number, whole

YEARLY = {"month": 12.0, "year": 1.0}


@dataclass(frozen=True)
class Economy:
    """What amounts and costs are compared with.

    Parameters
    ----------
    currency : str, default ""
    year : int, default None
        Base year of all money.
    gdp : float, default None
        Gross domestic product, currency per year.
    gdp_per_capita : float, default None
        Currency per person and year.
    revenue : float, default None
        Government revenue, currency per year.
    expenditure : float, default None
        Government expenditure, currency per year.
    taxes : float, default None
        Revenue from taxes on income and profits, currency per year.
    growth : float, default None
        Real growth of GDP a year.
    lines : dict of str to float, default {}
        Poverty lines by name, per person and the survey's ``welfare_period``.

    Raises
    ------
    InputError
        If a figure is 0 or below.

    References
    ----------
    ESCAP, SPOT Simulator: benefits as a share of GDP per person, cost as a share of GDP and revenue.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Economy(currency="KHR", year=2023, lines={"national": 1500}).lines["national"]
    1500.0
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
    lines: Mapping[str, float] = field(default_factory=dict)
    expenditure: float | None = field(default=None, kw_only=True)
    taxes: float | None = field(default=None, kw_only=True)
    growth: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("gdp", "gdp_per_capita", "revenue", "expenditure", "taxes"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, number(value, f"{name} of the economy", above=0))
        if self.growth is not None:
            object.__setattr__(self, "growth", number(self.growth, "growth of the economy", above=-1))
        if self.year is not None:
            whole(self.year, "year of the economy", low=1)
        if not isinstance(self.lines, Mapping):
            fail_type(
                "lines of the economy must be a mapping of names to numbers", self.lines, "Write {'national': 1500.0}."
            )
        object.__setattr__(
            self, "lines", {name: number(value, f"line {name!r}", above=0) for name, value in self.lines.items()}
        )


@dataclass(frozen=True)
class Amount:
    """A benefit and what it is counted in.

    Parameters
    ----------
    value : float, 0 or more
    unit : str
        "month" or "year": currency per recipient in that period. "gdp_per_capita": a share of it, paid over a year.
        "line:NAME": a share of the economy's line of that name, per the survey's ``welfare_period``.

    Raises
    ------
    InputError
        If the value is negative or the unit is none of these.

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
                    "Pass Economy(gdp_per_capita=...).",
                )
            return self.value * economy.gdp_per_capita
        line = self.unit.removeprefix("line:")
        fail_if_unknown(
            line,
            economy.lines,
            f"The line of the amount {self.unit!r}",
            "Lines are given as Economy(lines={name: value}).",
        )
        return self.value * economy.lines[line] * YEARLY[welfare_period]
