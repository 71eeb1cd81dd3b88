"""The benefits of SPOT, ready to be given an amount: child, old age, disability, maternity, household; its packages."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ._validate import choice, fail, fail_if_unknown, shown
from .economy import Amount
from .schemes import Package, Schedule, Scheme

# ESCAP's "global average" and "OECD average", as shares of GDP per person: a year, and for maternity a birth.
LEVELS = {
    "basic": {"maternity": 0.09, "child": 0.04, "disability": 0.14, "old_age": 0.16},
    "enhanced": {"maternity": 0.18, "child": 0.04, "disability": 0.23, "old_age": 0.22},
}
# Fields of a scheme that say what its function says: who is eligible, and for how long.
ITS_OWN = (
    "name",
    "who",
    "amount",
    "per",
    "coverage",
    "min_age",
    "max_age",
    "sex",
    "disability",
    "birth",
    "weeks",
    "paid",
)
OWN = "Whom else a benefit is for is said by who=, or by a Scheme."
OTHERS = tuple(field.name for field in fields(Scheme) if field.name not in ITS_OWN)


def child_benefit(
    amount: Amount | Schedule,
    max_age: int | None = 17,
    *,
    min_age: int = 0,
    coverage: float = 1.0,
    name: str = "child benefit",
    **others: Any,
) -> Scheme:
    """Benefit for every child.

    Parameters
    ----------
    amount : Amount or Schedule
    max_age, min_age : int, default 17 and 0
        Completed years, both ends included.
    coverage : float in [0, 1], default 1.0
    name : str
    **others
        Fields of Scheme that do not say who is eligible, such as target, take_up, unless or administration.

    Returns
    -------
    Scheme

    Raises
    ------
    InputError
        As for Scheme.

    References
    ----------
    ESCAP, SPOT Simulator: child benefit, 0-17.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.child_benefit(sp.Amount(10, "month"), max_age=5).max_age
    5
    >>> sp.child_benefit(sp.Amount(10, "month"), max_age=0).max_age
    0
    """
    return _scheme(name, others, amount=amount, min_age=min_age, max_age=max_age, coverage=coverage)


def old_age_pension(
    amount: Amount | Schedule,
    min_age: int = 65,
    *,
    max_age: int | None = None,
    coverage: float = 1.0,
    name: str = "old-age pension",
    **others: Any,
) -> Scheme:
    """Pension for every older person.

    Parameters
    ----------
    amount : Amount or Schedule
    min_age, max_age : int, default 65 and None
        Completed years, both ends included.
    coverage : float in [0, 1], default 1.0
    name : str
    **others
        Fields of Scheme that do not say who is eligible, such as target, take_up, unless or administration.

    Returns
    -------
    Scheme

    Raises
    ------
    InputError
        As for Scheme.

    References
    ----------
    ESCAP, SPOT Simulator: old-age pension, 65 and over.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.old_age_pension(sp.Amount(30, "month")).min_age
    65
    >>> sp.old_age_pension(sp.Amount(30, "month"), coverage=0).coverage
    0.0
    """
    return _scheme(name, others, amount=amount, min_age=min_age, max_age=max_age, coverage=coverage)


def disability_benefit(
    amount: Amount | Schedule,
    min_age: int = 0,
    max_age: int | None = None,
    *,
    coverage: float = 1.0,
    name: str = "disability benefit",
    **others: Any,
) -> Scheme:
    """Benefit for every person with a disability: the role "disability" is 1.

    Parameters
    ----------
    amount : Amount or Schedule
    min_age, max_age : int, default 0 and None
        Completed years, both ends included.
    coverage : float in [0, 1], default 1.0
    name : str
    **others
        Fields of Scheme that do not say who is eligible, such as target, take_up, unless or administration.

    Returns
    -------
    Scheme

    Raises
    ------
    InputError
        As for Scheme.

    References
    ----------
    ESCAP, SPOT Simulator: disability benefit.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.disability_benefit(sp.Amount(30, "month")).disability
    True
    >>> sp.disability_benefit(sp.Amount(0, "month"), max_age=64).amount.value
    0.0
    """
    given = {"min_age": min_age or None, "max_age": max_age, "disability": True, "coverage": coverage}
    return _scheme(name, others, amount=amount, **given)


def maternity_benefit(
    amount: Amount | Schedule,
    weeks: float = 18,
    *,
    paid: str = "level",
    coverage: float = 1.0,
    name: str = "maternity benefit",
    **others: Any,
) -> Scheme:
    """Benefit for every mother of a newborn, for some weeks: the role "birth" is 1 or more.

    Parameters
    ----------
    amount : Amount or Schedule
        The level at which it is paid, or all that a mother is paid for a birth: see ``paid``.
    weeks : float in [0, 52], default 18
    paid : {"level", "total_per_birth"}, default "level"
        At a level she receives ``weeks * 7 / 365`` of it over a year. A total does not depend on the weeks.
    coverage : float in [0, 1], default 1.0
    name : str
    **others
        Fields of Scheme that do not say who is eligible, such as target, take_up, unless or administration.

    Returns
    -------
    Scheme

    Raises
    ------
    InputError
        As for Scheme.

    References
    ----------
    ESCAP, SPOT Simulator: maternity benefit, 18 weeks.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> round(sp.maternity_benefit(sp.Amount(365, "year")).per_year(None, "month"), 6)
    126.0
    >>> sp.maternity_benefit(sp.Amount(365, "year"), weeks=0).per_year(None, "month")
    0.0
    >>> sp.maternity_benefit(sp.Amount(365, "year"), paid="total_per_birth").per_year(None, "month")
    365.0
    """
    return _scheme(name, others, amount=amount, birth=True, weeks=weeks, paid=paid, coverage=coverage)


def household_benefit(
    amount: Amount | Schedule,
    coverage: float = 0.2,
    *,
    who: str | None = None,
    name: str = "household benefit",
    **others: Any,
) -> Scheme:
    """Benefit for a household, whatever its size.

    Parameters
    ----------
    amount : Amount or Schedule
    coverage : float in [0, 1], default 0.2
        Share of the eligible households, drawn at random.
    who : str, default None
        A condition on persons: a household is eligible if it holds for a member.
    name : str
    **others
        Fields of Scheme that do not say who is eligible, such as target, take_up, unless or administration.

    Returns
    -------
    Scheme

    Raises
    ------
    InputError
        As for Scheme.

    References
    ----------
    ESCAP, SPOT Simulator: household benefit.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.household_benefit(sp.Amount(100, "month")).per
    'household'
    >>> sp.household_benefit(sp.Amount(100, "month"), coverage=1.2)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: coverage of scheme 'household benefit' must be in [0, 1], but it is 1.2. ...
    """
    return _scheme(name, others, who=who, amount=amount, per="household", coverage=coverage)


def preset_package(
    level: str = "basic",
    *,
    child_ages: tuple[int, int | None] = (0, 17),
    disability_ages: tuple[int, int | None] = (0, None),
    old_ages: tuple[int, int | None] = (65, None),
    weeks: float = 18,
    coverage: float = 1.0,
    compat: str | None = None,
    others: Mapping[str, Any] | None = None,
    **package: Any,
) -> Package:
    """Return SPOT's four schemes at the levels of its presets: maternity, child, disability, old age.

    Parameters
    ----------
    level : {"basic", "enhanced"}, default "basic"
        ESCAP's "global average", 9, 4, 14 and 16 % of GDP per person, or its "OECD average", 18, 4, 23 and 22 %.
    child_ages, disability_ages, old_ages : (int, int or None), default (0, 17), (0, None) and (65, None)
        Completed years, both ends included; None is an open end.
    weeks : float in [0, 52], default 18
        Of the maternity benefit.
    coverage : float in [0, 1], default 1.0
        Of every scheme.
    compat : {None, "spot"}, default None
        The maternity presets are totals per birth, and paid as such. The SPOT Simulator reads them as a level a year,
        which comes to 0.35 of them: "spot" does the same.
    others : dict, default None
        Fields of Scheme that do not say who is eligible, for all four.
    **package
        Any other field of Package.

    Returns
    -------
    Package

    Raises
    ------
    InputError
        As for Scheme and Package; and if ages are not two.

    References
    ----------
    ESCAP, SPOT Simulator: packages "global average" and "OECD average".

    Examples
    --------
    >>> import sp2lnob as sp
    >>> economy = sp.Economy(gdp_per_capita=1000)
    >>> [round(scheme.per_year(economy, "month"), 6) for scheme in sp.preset_package("enhanced").schemes]
    [180.0, 40.0, 230.0, 220.0]
    >>> round(sp.preset_package("enhanced", compat="spot").schemes[0].per_year(economy, "month", "spot"), 6)
    63.0
    >>> sp.preset_package("high")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: level must be one of 'basic', 'enhanced', but it is 'high'. Choose one of these.
    """
    of = {
        name: Amount(share, "gdp_per_capita") for name, share in LEVELS[choice(level, tuple(LEVELS), "level")].items()
    }
    more: dict[str, Any] = {"coverage": coverage, **(others or {})}
    for key, ages in {"child_ages": child_ages, "disability_ages": disability_ages, "old_ages": old_ages}.items():
        if not isinstance(ages, (tuple, list)) or len(ages) != 2:
            fail(f"{key} must be the first and the last age", f"it is {shown(ages)}", "Write (60, None), for example.")
    paid = "total_per_birth" if compat is None else "level"
    schemes = [
        maternity_benefit(of["maternity"], weeks, paid=paid, **more),
        child_benefit(of["child"], min_age=child_ages[0], max_age=child_ages[1], **more),
        disability_benefit(of["disability"], *disability_ages, **more),
        old_age_pension(of["old_age"], old_ages[0], max_age=old_ages[1], **more),
    ]
    return Package(schemes, compat=compat, **package)


def _scheme(name: str, others: Mapping[str, Any], **given: Any) -> Scheme:
    """Return a scheme of what a function gives and of other fields, which must be others."""
    for key in others:
        fail_if_unknown(key, {*OTHERS, *given} - {"per", "birth", "disability"}, f"A field of scheme {name!r}", OWN)
    return Scheme(name, **given, **others)
