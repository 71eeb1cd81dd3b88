"""The benefits of SPOT, ready to be given an amount: child, old age, disability, maternity, household."""

from .economy import Amount
from .schemes import Scheme


def child_benefit(
    amount: Amount, max_age: int = 17, *, min_age: int = 0, coverage: float = 1.0, name: str = "child benefit"
) -> Scheme:
    """Benefit for every child.

    Parameters
    ----------
    amount : Amount
    max_age, min_age : int, default 17 and 0
        Completed years, both ends included.
    coverage : float in [0, 1], default 1.0
    name : str

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
    return Scheme(name, amount=amount, min_age=min_age, max_age=max_age, coverage=coverage)


def old_age_pension(
    amount: Amount,
    min_age: int = 65,
    *,
    max_age: int | None = None,
    coverage: float = 1.0,
    name: str = "old-age pension",
) -> Scheme:
    """Pension for every older person.

    Parameters
    ----------
    amount : Amount
    min_age, max_age : int, default 65 and None
        Completed years, both ends included.
    coverage : float in [0, 1], default 1.0
    name : str

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
    return Scheme(name, amount=amount, min_age=min_age, max_age=max_age, coverage=coverage)


def disability_benefit(
    amount: Amount,
    min_age: int = 0,
    max_age: int | None = None,
    *,
    coverage: float = 1.0,
    name: str = "disability benefit",
) -> Scheme:
    """Benefit for every person with a disability: the role "disability" is 1.

    Parameters
    ----------
    amount : Amount
    min_age, max_age : int, default 0 and None
        Completed years, both ends included.
    coverage : float in [0, 1], default 1.0
    name : str

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
    return Scheme(name, amount=amount, min_age=min_age or None, max_age=max_age, disability=True, coverage=coverage)


def maternity_benefit(
    amount: Amount, weeks: float = 18, *, coverage: float = 1.0, name: str = "maternity benefit"
) -> Scheme:
    """Benefit for every mother of a newborn, for some weeks: the role "birth" is 1 or more.

    Parameters
    ----------
    amount : Amount
        The level at which it is paid: over a year she receives ``weeks * 7 / 365`` of it.
    weeks : float in [0, 52], default 18
    coverage : float in [0, 1], default 1.0
    name : str

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
    """
    return Scheme(name, amount=amount, birth=True, weeks=weeks, coverage=coverage)


def household_benefit(
    amount: Amount, coverage: float = 0.2, *, who: str | None = None, name: str = "household benefit"
) -> Scheme:
    """Benefit for a household, whatever its size.

    Parameters
    ----------
    amount : Amount
    coverage : float in [0, 1], default 0.2
        Share of the eligible households, drawn at random.
    who : str, default None
        A condition on persons: a household is eligible if it holds for a member.
    name : str

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
    return Scheme(name, who, amount=amount, per="household", coverage=coverage)
