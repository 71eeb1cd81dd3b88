"""What a package costs by numbers of recipients that were counted elsewhere, as ESCAP's SPOT Simulator reckons it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ._typing import FloatArray
from ._validate import fail, fail_if_unknown, fail_type, mapping, number, whole
from .economy import Economy
from .schemes import Package
from .transfers import PACKAGE

if TYPE_CHECKING:
    import pandas as pd

DENOMINATORS = {"cost_gdp": "gdp", "cost_revenue": "revenue", "cost_expenditure": "expenditure", "cost_taxes": "taxes"}


def spot_cost(
    recipients: Mapping[str, float | Mapping[int, float]], package: Package, economy: Economy
) -> "pd.DataFrame":
    """Return the cost of a package by numbers of recipients from elsewhere: no survey is needed.

    Cost is recipients times amount, with administration, at constant prices: an amount stays what it was in the base
    year, while GDP grows by ``economy.growth`` and revenue, expenditure and taxes keep their shares of it. Weeks are of
    a year of 360 days: 18 of them are 0.35. The cost of a survey's own recipients, with intervals, is ``Cost``.

    Parameters
    ----------
    recipients : dict of str to float, or to dict of int to float
        By scheme: people in the base year, or people by year; the same years for all schemes.
    package : Package
        Amounts, weeks and administration; who is eligible is not looked at. Shares of a line are of one per month.
    economy : Economy
        Whatever is to be compared with: gdp, revenue, expenditure, taxes.

    Returns
    -------
    DataFrame
        A row a scheme and year, and "package" for all: scheme, year, recipients (NaN of the package, for some people
        may receive two benefits), transfer_cost, total_cost with administration, and total_cost as a share of gdp,
        revenue, expenditure and taxes: cost_gdp, cost_revenue, cost_expenditure, cost_taxes (NaN where not given).

    Raises
    ------
    InputError
        If a scheme has no recipients, or pays them different amounts, years differ, or another year than the base has
        no growth to be reached by.

    References
    ----------
    ESCAP, SPOT Simulator: recipients times twelve monthly benefits, times one plus administration, over GDP that grows
    by the country's average.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> cambodia = sp.Economy("KHR", 2021, gdp=113_155.368e9, population=16.946e6, growth=0.025091319)
    >>> package = sp.Package([sp.old_age_pension(sp.Amount(0.16, "gdp_per_capita"))])
    >>> cost = sp.spot_cost({"old-age pension": {2021: 845e3, 2030: 1256e3}}, package, cambodia)
    >>> (100 * cost["cost_gdp"]).round(2).tolist()
    [0.84, 1.0, 0.84, 1.0]

    Nobody is paid:

    >>> sp.spot_cost({"old-age pension": 0}, package, cambodia)["total_cost"].tolist()
    [0.0, 0.0]
    """
    import pandas as pd

    if not isinstance(package, Package):
        fail_type("spot_cost() takes a Package", package, "Build it with Package([...]).")
    if not isinstance(economy, Economy):
        fail_type("economy must be an Economy", economy, "Build it with Economy(gdp=..., lines={...}).")
    for scheme in package.schemes:
        if scheme.varies:
            key = next(key for key in ("tops_up", "max_amount", "amount") if getattr(scheme, key))
            fail(
                f"Every recipient of scheme {scheme.name!r} must be paid one amount",
                f"its {key} makes it vary",
                "Write a scheme for each amount, with recipients of its own, or simulate() on a survey.",
            )
    years, people = _by_year(recipients, [scheme.name for scheme in package.schemes], economy.year)
    amounts = [scheme.per_year(economy, "month", "spot") for scheme in package.schemes]
    running = [package.administration if s.administration is None else s.administration for s in package.schemes]
    paid = np.array(amounts)[:, None] * people
    total = paid * (1 + np.array(running)[:, None])
    paid, total = (np.vstack([of, of.sum(axis=0)]) for of in (paid, total))
    names = [*(scheme.name for scheme in package.schemes), PACKAGE]
    columns = {
        "recipients": np.vstack([people, np.full(len(years), np.nan)]),
        "transfer_cost": paid,
        "total_cost": total,
    }
    grown = _growth(economy, years)
    for name, of in DENOMINATORS.items():
        whole_of = getattr(economy, of)
        columns[name] = total * np.nan if whole_of is None else total / (whole_of * grown)
    made = {"scheme": np.repeat(names, len(years)), "year": np.tile(years, len(names))}
    return pd.DataFrame({**made, **{name: values.ravel() for name, values in columns.items()}})


def _by_year(
    recipients: Mapping[str, float | Mapping[int, float]], schemes: list[str], base: int | None
) -> tuple[list[int], FloatArray]:
    """Return the years, and people of shape (schemes, years)."""
    given = mapping(recipients, "recipients", "Write {'child benefit': 6104e3}, or by year {2021: 6104e3}.")
    for name in given:
        fail_if_unknown(name, schemes, "A scheme of recipients")
    tables: list[dict[int, float]] = []
    for name in schemes:
        if name not in given:
            fail("Every scheme must have recipients", f"{name!r} has none", "Add it, with 0 if nobody is paid.")
        of = given[name] if isinstance(given[name], Mapping) else {base or 0: given[name]}
        if isinstance(given[name], Mapping):
            for year in of:
                whole(year, f"A year of the recipients of {name!r}", low=1)
        tables.append({year: number(value, f"The recipients of {name!r}", low=0) for year, value in of.items()})
        if tables[-1].keys() != tables[0].keys():
            first, here = (", ".join(map(str, sorted(table))) for table in (tables[0], tables[-1]))
            fail("All schemes must have the same years", f"{name!r} has {here}, not {first}", "Add what is lacking.")
    years = sorted(tables[0])
    if not years:
        fail("Recipients must have a year", "there is none", "Write {2021: 6104e3}.")
    return years, np.array([[table[year] for year in years] for table in tables])


def _growth(economy: Economy, years: list[int]) -> FloatArray:
    """Return what GDP has grown to by each year."""
    base = economy.year or 0
    others = [year for year in years if year != base]
    if others and (economy.year is None or economy.growth is None):
        lacks = "year" if economy.year is None else "growth"
        fail(f"The cost of {others[0]} needs year and growth of the economy", f"it lacks {lacks}", f"Pass {lacks}=.")
    return (1 + (economy.growth or 0.0)) ** np.array([year - base for year in years], dtype=np.float64)
