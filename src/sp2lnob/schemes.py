"""Schemes: who is paid, and how much. Rules are data; no parameter hides in code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np

from ._typing import FloatArray
from ._validate import (
    choice,
    fail,
    fail_if_percent,
    fail_if_unknown,
    fail_type,
    listing,
    mapping,
    number,
    seed,
    warn,
    whole,
)
from .economy import Amount, Economy
from .targeting import Target, target_of

MOST_SCHEMES = 64  # one bit each
DAYS: dict[str | None, int] = {None: 365, "spot": 360}  # of the year that weeks are a part of
COMPAT = ("spot",)
BANDED = ("age", "size", "recipients")
Band = tuple[int | None, int | None, Amount]


@dataclass(frozen=True)
class Schedule:
    """An amount that varies: by a person's age, by the household's members or recipients, or by its welfare.

    Build it with :meth:`by_age`, :meth:`by_size`, :meth:`by_recipients` or :meth:`flat`, and let any of them end for
    the better off with :meth:`tapered`.

    Parameters
    ----------
    by : {"age", "size", "recipients"} or None
        What decides the amount of a recipient; None: all have one.
    bands : sequence of (first, last, Amount)
        Both ends belong to a band, and the next band begins at the next whole number; None is an open end.
    starts : float or Amount, default None
        Welfare before, per person, up to which the whole amount is paid: in the survey's ``welfare_period``, or an
        Amount such as a share of a line.
    rate : float, 10 or less, default None
        What a recipient loses by every unit of welfare above ``starts``, both in the same period: 0.4 is 40 %.
    ends : float or Amount, default None
        Welfare from which on nothing is paid; in between the amount falls in a straight line.

    Raises
    ------
    InputError
        If bands overlap, leave a gap or do not hold what must be in them, or a taper has not just one of rate and ends.

    References
    ----------
    ILO, World Social Protection Report: tapered and graded benefits.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> graded = sp.Schedule.by_age({(0, 5): sp.Amount(20, "month"), (6, 17): sp.Amount(10, "month")})
    >>> len(graded.bands)
    2
    >>> sp.Schedule.by_age({(0, 5): sp.Amount(20, "month"), (5, 17): sp.Amount(10, "month")})
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: Bands of age must not overlap, but 0 to 5 and 5 to 17 do. ...
    """

    by: str | None
    bands: Sequence[Band]
    starts: float | Amount | None = field(default=None, kw_only=True)
    rate: float | None = field(default=None, kw_only=True)
    ends: float | Amount | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.by is not None:
            choice(self.by, BANDED, "by of a schedule")
        object.__setattr__(self, "bands", _bands(self.by, self.bands))
        for key in ("starts", "ends"):
            value = getattr(self, key)
            if value is not None and not isinstance(value, Amount):
                object.__setattr__(self, key, number(value, f"{key} of a taper"))
        if self.rate is not None:
            object.__setattr__(self, "rate", number(self.rate, "rate of a taper"))
            fail_if_percent(self.rate, "rate of a taper")
            if self.rate == 0:
                fail("rate of a taper must not be 0", "it is", "Leave out the taper, or give a rate.")
        given = [key for key in ("rate", "ends") if getattr(self, key) is not None]
        if len(given) != (self.starts is not None):
            fail(
                "A taper must have starts=, and rate= or ends=",
                f"it has {' and '.join(['starts'] * (self.starts is not None) + given)}",
                "Give where it starts, and either how fast the amount falls or where it ends.",
            )
        if self.ends is not None and self.ends == self.starts:
            fail("A taper must end elsewhere than it starts", f"both are {self.ends}", "Use a threshold as a target.")

    @classmethod
    def flat(cls, amount: Amount) -> "Schedule":
        """Return one amount for all, to be tapered.

        Parameters
        ----------
        amount : Amount

        Examples
        --------
        >>> import sp2lnob as sp
        >>> sp.Schedule.flat(sp.Amount(20, "month")).bands
        ((None, None, Amount(value=20.0, unit='month')),)
        >>> sp.Schedule.flat(sp.Amount(0, "month")).by is None
        True
        """
        return cls(None, ((None, None, amount),))

    @classmethod
    def by_age(cls, bands: Mapping[Any, Amount]) -> "Schedule":
        """Return amounts by completed years; who is outside of all bands is not paid.

        Parameters
        ----------
        bands : mapping of (first, last) to Amount
            Both ends included; None is an open end. Text such as "0-5" and "65+" will do.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> sp.Schedule.by_age({"65-79": sp.Amount(20, "month"), "80+": sp.Amount(30, "month")}).bands[1][:2]
        (80, None)
        >>> sp.Schedule.by_age({(0, 5): sp.Amount(20, "month"), (7, 9): sp.Amount(10, "month")})
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: Bands of age must leave no gap, but 0 to 5 and 7 to 9 do. ...
        """
        return cls("age", _listed(bands))

    @classmethod
    def by_size(cls, bands: Mapping[Any, Amount]) -> "Schedule":
        """Return amounts per recipient by the number of members of the household, from 1 to an open end.

        Parameters
        ----------
        bands : mapping of (first, last) to Amount

        Examples
        --------
        >>> import sp2lnob as sp
        >>> sp.Schedule.by_size({(1, 2): sp.Amount(30, "month"), (3, None): sp.Amount(50, "month")}).by
        'size'
        >>> sp.Schedule.by_size({(1, 2): sp.Amount(30, "month")})
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: Bands of size must go from 1 to an open end, but they are 1 to 2. ...
        """
        return cls("size", _listed(bands))

    @classmethod
    def by_recipients(cls, bands: Mapping[Any, Amount]) -> "Schedule":
        """Return amounts per recipient by how many of the household are paid by the scheme, from 1 to an open end.

        Parameters
        ----------
        bands : mapping of (first, last) to Amount

        Examples
        --------
        >>> import sp2lnob as sp
        >>> sp.Schedule.by_recipients({"1": sp.Amount(30, "month"), "2+": sp.Amount(20, "month")}).bands[0][:2]
        (1, 1)
        >>> sp.Schedule.by_recipients({"2+": sp.Amount(20, "month")})
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: Bands of recipients must go from 1 to an open end, but they are 2 or more. ...
        """
        return cls("recipients", _listed(bands))

    def tapered(
        self, *, starts: float | Amount, rate: float | None = None, ends: float | Amount | None = None
    ) -> "Schedule":
        """Return the same amounts, falling with the household's welfare before, per person.

        Parameters
        ----------
        starts : float or Amount
            Welfare up to which the whole amount is paid.
        rate : float, 10 or less, default None
            What a recipient loses by every unit of welfare above it: 0.4 is 40 %.
        ends : float or Amount, default None
            Welfare from which on nothing is paid, instead of a rate.

        Warns
        -----
        SP2LNOBWarning
            If it pays more to who has more.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> sp.Schedule.flat(sp.Amount(20, "month")).tapered(starts=50, rate=0.4).rate
        0.4
        >>> sp.Schedule.flat(sp.Amount(20, "month")).tapered(starts=50)
        Traceback (most recent call last):
        ...
        sp2lnob.InputError: A taper must have starts=, and rate= or ends=, but it has starts. ...
        """
        made = replace(self, starts=starts, rate=rate, ends=ends)
        plain = not isinstance(starts, Amount) and not isinstance(ends, Amount)
        if (made.rate is not None and made.rate < 0) or (ends is not None and plain and ends < starts):  # type: ignore[operator]
            warn(
                "A taper should pay less to who has more",
                f"{'its rate is' if rate is not None else 'it ends at'} {rate if rate is not None else ends:g}"
                + ("" if rate is not None else f" and starts at {starts:g}"),
                "Change the sign of rate, or swap starts and ends, unless that is meant.",
            )
        return made


def _listed(bands: object) -> tuple[tuple[Any, Any, Any], ...]:
    """Return the bands of a mapping as (first, last, what is paid)."""
    made = []
    for key, amount in mapping(bands, "Bands", "Write {(0, 5): Amount(20, 'month'), (6, 17): ...}.").items():
        ends: Any = key
        if isinstance(key, str):
            low, dash, high = key.strip().partition("-")
            ends = (key.strip()[:-1], None) if key.strip().endswith("+") else (low, high if dash else low)
            if not all(end is None or end.strip().isdecimal() for end in ends):
                fail("A band must be '0-5', '5' or '65+'", f"it is {key!r}", "Write whole numbers, both included.")
            ends = tuple(None if end is None else int(end) for end in ends)
        if not isinstance(ends, Sequence) or len(ends) != 2:
            fail_type("A band must be a pair of ages or numbers, both included", key, "Write (0, 5), or '0-5'.")
        made.append((*ends, amount))
    return tuple(made)


def _bands(by: str | None, bands: object) -> tuple[Band, ...]:
    """Return bands in their order; raise if they overlap or leave a gap."""
    made: list[tuple[Any, Any, Any]] = []
    mend = "Write {(0, 5): Amount(20, 'month'), (6, 17): Amount(10, 'month')}."
    if not isinstance(bands, (list, tuple)):
        fail_type("The bands of a schedule must be a list", bands, mend)
    for band in bands:
        if not isinstance(band, (list, tuple)) or len(band) != 3:
            fail_type("A band of a schedule must be its first, its last and its amount", band, mend)
        low, high, amount = band
        if not isinstance(amount, Amount):
            fail_type("What a band pays must be an Amount", amount, "Write Amount(50, 'month').")
        for end in (low, high):
            if end is not None:
                whole(end, f"An end of a band of {by}", low=0)
        if low is not None and high is not None and high < low:
            fail(f"A band of {by} must not end before it begins", f"{_band(low, high)} does", "Swap its ends.")
        made.append((low, high, amount))
    if not made:
        fail("A schedule must have a band", "it has none", "Give an amount for every band.")
    made.sort(key=lambda band: -1 if band[0] is None else band[0])
    if by is None:
        if len(made) > 1 or made[0][:2] != (None, None):
            fail("A schedule that is by nothing must have one amount", f"it has {len(made)} bands", "Use by_age().")
        return tuple(made)
    for (low, high, _), (begins, last, _) in pairwise(made):
        both = f"{_band(low, high)} and {_band(begins, last)} do"
        if high is None or begins is None or begins <= high:
            fail(f"Bands of {by} must not overlap", both, "Both ends belong to a band: begin the next one later.")
        if begins > high + 1:
            fail(f"Bands of {by} must leave no gap", both, "Add a band, of amount 0 if nothing is paid in it.")
    if by != "age" and (made[0][0] not in (None, 0, 1) or made[-1][1] is not None):
        fail(
            f"Bands of {by} must go from 1 to an open end",
            f"they are {_band(made[0][0], made[-1][1])}",
            "Write the last one as (3, None), or '3+'.",
        )
    return tuple(made)


def _band(low: int | None, high: int | None) -> str:
    """Return a band in words."""
    if high is None:
        return "any" if low is None else f"{low} or more"
    return f"up to {high}" if low is None else f"{low} to {high}"


@dataclass(frozen=True)
class Scheme:
    """One benefit: who is paid, how much, and how many of them are reached.

    Parameters
    ----------
    name : str
        Also decides the scheme's random numbers, so that other schemes never change them.
    who : str, default None
        A condition on persons, besides the fields below; None: everybody.
    amount : Amount or Schedule
        Per recipient. A Schedule varies it by age, by the household's members or recipients, or with its welfare.
    per : {"person", "household"}, default "person"
        Whether every eligible person is paid, or the household once if somebody in it is eligible; that one payment is
        booked to its first eligible member.
    coverage : float in [0, 1], default 1.0
        Share of the eligible who receive.
    min_age, max_age : int, default None
        Completed years, both ends included.
    sex : str or number, default None
        Label or code of the role "sex".
    disability : bool, default False
        Only persons whose role "disability" is 1.
    birth : bool, default False
        Only persons whose role "birth" is 1 or more.
    weeks : float in [0, 52], default None
        Weeks of a year for which it is paid; None: the whole year.
    paid : {"level", "total_per_birth"}, default "level"
        Whether the amount is a level, paid for the ``weeks``, or all that a mother is paid for a birth, however many
        the weeks. The latter belongs to ``birth=True``; who had two births in the year is paid once.
    pension : bool, default None
        True: only who draws a pension, the role "pension" being 1. False: only who draws none.
    target : Rank, Threshold or Affluence, default None
        Whom of the eligible it is aimed at; None: all.
    exclusion_error : float in [0, 1), default 0.0
        Share of the target that is not reached, drawn at random.
    inclusion_error : float in [0, 1), default 0.0
        Share of the recipients that is outside the target: as many of those outside are paid, drawn at random and
        independent of welfare, which understates how much goes to the near poor. Outside are the eligible who are not
        targeted; where there is no target, all who are not eligible.
    take_up : str or dict, default None
        Probability to take the benefit up: a column of them, or the levels of one, ``{"urbrur": {"Rural": 0.6, "Urban":
        0.9}}``. It multiplies the coverage.
    phase_in : dict of int to float, default None
        Coverage by year, in place of ``coverage``, for ``Economy(year=...)``: a year has that of the last one before
        it, without interpolation; none before the first.
    max_recipients : int, default None
        Most recipients of a household; its first ones in the order of persons are paid.
    max_amount : Amount, default None
        Most that a household is paid: all of its recipients' amounts are cut by one factor.
    unless : str or sequence of str, default ()
        Schemes that come first: whom one of them pays is not paid by this one.
    unless_in : {"person", "household"}, default None
        Whether it is the person who must not be paid by them, or nobody of the household; None: as in ``per``.
    replaces : str or sequence of str, default ()
        Existing benefits in whose place the scheme stands: everybody loses them, also who is not paid by it.
    tops_up : str or sequence of str, default ()
        Existing benefits on which it rests: a household is paid what it lacks up to the amount.
    administration : float in [0, 1], default None
        Cost of running it as a share of what it pays; None: the package's.

    Raises
    ------
    InputError
        If coverage is outside [0, 1], the greatest age is under the least, a value is out of range, or fields do not go
        together.

    Notes
    -----
    A person receives whose number in [0, 1), decided by the seed, the person and the scheme's name, is below (1 -
    exclusion error) x take-up x coverage: more of any of them only adds recipients. Of a target of T people those
    outside are paid with the probability that makes them IE / (1 - IE) x (1 - EE) x T.
    Who is paid nothing by a taper or a top-up is no recipient; who is paid an amount of 0 is one.

    References
    ----------
    ESCAP, SPOT Simulator: schemes and parameters.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> girls = sp.Scheme("rural girls", who="sex == 'Female' and age < 15 and urbrur == 'Rural'",
    ...                   amount=sp.Amount(20, "month"))
    >>> girls.coverage
    1.0
    >>> sp.Scheme("nobody", amount=sp.Amount(20, "month"), min_age=18, max_age=17)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: max_age of scheme 'nobody' must be min_age or more, but they are 17 and 18. ...
    """

    name: str
    who: str | None = None
    amount: Amount | Schedule = field(kw_only=True)
    per: str = field(default="person", kw_only=True)
    coverage: float = field(default=1.0, kw_only=True)
    min_age: int | None = field(default=None, kw_only=True)
    max_age: int | None = field(default=None, kw_only=True)
    sex: str | float | None = field(default=None, kw_only=True)
    disability: bool = field(default=False, kw_only=True)
    birth: bool = field(default=False, kw_only=True)
    weeks: float | None = field(default=None, kw_only=True)
    paid: str = field(default="level", kw_only=True)
    pension: bool | None = field(default=None, kw_only=True)
    target: Target | None = field(default=None, kw_only=True)
    exclusion_error: float = field(default=0.0, kw_only=True)
    inclusion_error: float = field(default=0.0, kw_only=True)
    take_up: str | Mapping[str, Mapping[Any, float]] | None = field(default=None, kw_only=True)
    phase_in: Mapping[int, float] | None = field(default=None, kw_only=True)
    max_recipients: int | None = field(default=None, kw_only=True)
    max_amount: Amount | None = field(default=None, kw_only=True)
    unless: str | Sequence[str] = field(default=(), kw_only=True)
    unless_in: str | None = field(default=None, kw_only=True)
    replaces: str | Sequence[str] = field(default=(), kw_only=True)
    tops_up: str | Sequence[str] = field(default=(), kw_only=True)
    administration: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        what = f"scheme {self.name!r}"
        if not isinstance(self.name, str):
            fail_type("The name of a scheme must be text", self.name, "Give it a name.")
        if not self.name.strip():
            fail("A scheme must have a name", f"it is {self.name!r}", "Give it one.")
        if not isinstance(self.amount, (Amount, Schedule)):
            fail_type(f"amount of {what} must be an Amount or a Schedule", self.amount, "Write Amount(50, 'month').")
        if self.who is not None and not isinstance(self.who, str):
            fail_type(f"who of {what} must be a condition", self.who, "Write it as text, such as 'age < 15'.")
        choice(self.per, ("person", "household"), f"per of {what}")
        self._check_group(what)
        self._check_shares(what)
        self._check_amounts(what)
        self._check_others(what)

    def _check_group(self, what: str) -> None:
        """Raise if the fields that say who is eligible do not hold what they must."""
        for key in ("min_age", "max_age"):
            if getattr(self, key) is not None:
                whole(getattr(self, key), f"{key} of {what}", low=0)
        if self.min_age is not None and self.max_age is not None and self.max_age < self.min_age:
            fail(
                f"max_age of {what} must be min_age or more",
                f"they are {self.max_age} and {self.min_age}",
                "Swap or correct them.",
            )
        for key in ("disability", "birth"):
            if not isinstance(getattr(self, key), bool):
                fail_type(f"{key} of {what} must be True or False", getattr(self, key), "Write True or False.")
        if self.pension is not None and not isinstance(self.pension, bool):
            fail_type(f"pension of {what} must be True, False or None", self.pension, "Write True or False.")
        if self.sex is not None and (isinstance(self.sex, bool) or not isinstance(self.sex, (str, int, float))):
            fail_type(f"sex of {what} must be a label or a code", self.sex, "Write 'Female', or the number.")
        if self.target is not None and not isinstance(self.target, Target):
            fail_type(f"target of {what} must be a Target", self.target, "Build one of the kinds of targets.")

    def _check_shares(self, what: str) -> None:
        """Raise if the fields that say how many are reached do not hold what they must."""
        object.__setattr__(self, "coverage", number(self.coverage, f"coverage of {what}", low=0, high=1))
        for key in ("exclusion_error", "inclusion_error"):
            value = number(getattr(self, key), f"{key} of {what}", low=0, high=1)
            if value == 1:
                fail(f"{key} of {what} must be below 1", "it is 1", "Nobody of the target would be paid: lower it.")
            object.__setattr__(self, key, value)
        if self.phase_in is not None:
            if self.coverage != 1:
                fail(
                    f"coverage of {what} must be given once",
                    f"it is {self.coverage:g}, and phase_in has it by year",
                    "Drop one of them.",
                )
            object.__setattr__(self, "phase_in", _years(self.phase_in, f"phase_in of {what}"))
        if isinstance(self.take_up, Mapping):
            object.__setattr__(self, "take_up", _take_up(self.take_up, f"take_up of {what}"))
        elif self.take_up is not None and not isinstance(self.take_up, str):
            fail_type(
                f"take_up of {what} must be a column, or the levels of one",
                self.take_up,
                "Write 'column', or {'urbrur': {'Rural': 0.6, 'Urban': 0.9}}.",
            )

    def _check_amounts(self, what: str) -> None:
        """Raise if the fields that say how much is paid do not hold what they must."""
        if self.weeks is not None:
            object.__setattr__(self, "weeks", number(self.weeks, f"weeks of {what}", low=0, high=52))
        choice(self.paid, ("level", "total_per_birth"), f"paid of {what}")
        if self.paid == "total_per_birth":
            if not self.birth:
                fail(f"paid of {what} must be 'level'", "it is per birth, and birth is False", "Pass birth=True.")
            units = [band[2].unit for band in self.schedule.bands]
            if "month" in units:
                fail(
                    f"amount of {what} must be a total per birth",
                    "it is by the month",
                    "Write the total as Amount(500, 'year'), or pass paid='level'.",
                )
        if self.max_recipients is not None:
            whole(self.max_recipients, f"max_recipients of {what}", low=1)
            if self.per == "household":
                fail(f"max_recipients of {what} must be None", "it is paid per household, once", "Drop it.")
        if self.max_amount is not None and not isinstance(self.max_amount, Amount):
            fail_type(f"max_amount of {what} must be an Amount", self.max_amount, "Write Amount(50, 'month').")
        if self.per == "household" and self.schedule.by in ("age", "recipients"):
            fail(
                f"amount of {what} must not be by {self.schedule.by}",
                "it is paid per household, once",
                "Use Schedule.by_size(), or per='person'.",
            )
        if self.administration is not None:
            value = number(self.administration, f"administration of {what}, a share of what it pays,", low=0, high=1)
            object.__setattr__(self, "administration", value)

    def _check_others(self, what: str) -> None:
        """Raise if the fields that name other schemes and benefits do not hold what they must."""
        for key in ("unless", "replaces", "tops_up"):
            given = getattr(self, key)
            names = listing((given,) if isinstance(given, str) else given, str, f"{key} of {what}", "List names.")
            object.__setattr__(self, key, names)
        if self.unless_in is not None:
            choice(self.unless_in, ("person", "household"), f"unless_in of {what}")
        if both := set(self.replaces) & set(self.tops_up):
            fail(
                f"{what.capitalize()} must replace a benefit or top it up",
                f"it does both with {min(both)!r}",
                "Drop one of them.",
            )

    @property
    def schedule(self) -> Schedule:
        """The amount as a schedule; one of a single band where it does not vary."""
        return self.amount if isinstance(self.amount, Schedule) else Schedule.flat(self.amount)

    @property
    def varies(self) -> bool:
        """Whether recipients may be paid different amounts."""
        return isinstance(self.amount, Schedule) or self.max_amount is not None or bool(self.tops_up)

    def coverage_in(self, year: int | None) -> float:
        """Return the coverage of a year.

        Parameters
        ----------
        year : int or None
            Needed where coverage is phased in.

        Returns
        -------
        float

        Examples
        --------
        >>> import sp2lnob as sp
        >>> pension = sp.old_age_pension(sp.Amount(20, "month"), phase_in={2027: 0.25, 2030: 1.0})
        >>> [pension.coverage_in(year) for year in (2026, 2027, 2029, 2050)]
        [0.0, 0.25, 0.25, 1.0]
        >>> sp.child_benefit(sp.Amount(20, "month"), coverage=0.4).coverage_in(None)
        0.4
        """
        if self.phase_in is None:
            return self.coverage
        if year is None:
            fail(
                f"Coverage of scheme {self.name!r} is phased in, and needs a year",
                "none was given",
                "Pass Economy(year=...).",
            )
        return float(([0.0] + [share for since, share in self.phase_in.items() if since <= year])[-1])

    def part_of_year(self, compat: str | None = None) -> float:
        """Return the part of a year for which the amount is paid: ``weeks * 7 / 365``; SPOT has 360 days."""
        if self.weeks is None or self.paid == "total_per_birth":
            return 1.0
        return self.weeks * 7 / DAYS[compat]

    def per_year(self, economy: Economy | None, welfare_period: str, compat: str | None = None) -> float:
        """Return currency per recipient and year; NaN where the amount varies with a schedule."""
        if isinstance(self.amount, Schedule):
            return float("nan")
        return self.amount.per_year(economy, welfare_period) * self.part_of_year(compat)

    @property
    def stream(self) -> int:
        """Number of the scheme's random stream: it depends on the name alone."""
        return crc32(self.name.encode())


def _years(given: object, what: str) -> dict[int, float]:
    """Return coverage by year, in the order of years, which may be text as in TOML."""
    shares = {}
    for year, share in mapping(given, what, "Write {2027: 0.25, 2030: 1.0}.").items():
        since = int(year) if isinstance(year, str) and year.strip().isdecimal() else year
        shares[whole(since, f"A year in {what}", low=1)] = number(share, f"{what} in {year}", low=0, high=1)
    if not shares:
        fail(f"{what} must have a year", "it has none", "Write {2027: 0.25, 2030: 1.0}.")
    return dict(sorted(shares.items()))


def _take_up(given: Mapping[Any, Any], what: str) -> dict[str, dict[Any, float]]:
    """Return the probabilities of one column's levels."""
    if len(given) != 1:
        fail(f"{what} must name one column", f"it names {len(given)}", "Write {'urbrur': {'Rural': 0.6}}.")
    ((column, levels),) = given.items()
    if not isinstance(column, str):
        fail_type(f"{what} must name a column", column, "Write {'urbrur': {'Rural': 0.6, 'Urban': 0.9}}.")
    levels = mapping(levels, f"{what} by {column!r}", "Write {'Rural': 0.6, 'Urban': 0.9}.")
    return {column: {key: number(p, f"{what} of {key!r}", low=0, high=1) for key, p in levels.items()}}


def scheme_from(told: Mapping[str, Any]) -> Scheme:
    """Return the scheme that was told by ``dataclasses.asdict``."""
    given = dict(told)
    for key in ("amount", "max_amount"):
        if isinstance(given.get(key), Mapping):
            given[key] = _amount_from(given[key])
    if isinstance(given.get("target"), Mapping):
        given["target"] = target_of(given["target"])
    return Scheme(**given)


def _amount_from(told: Mapping[str, Any]) -> Amount | Schedule:
    """Return the amount or the schedule that was told by ``dataclasses.asdict``."""
    if "bands" not in told:
        return Amount(**told)
    bands = [(low, high, Amount(**amount)) for low, high, amount in told["bands"]]
    ends = {key: Amount(**told[key]) if isinstance(told[key], Mapping) else told[key] for key in ("starts", "ends")}
    return Schedule(told["by"], bands, rate=told["rate"], **ends)


@dataclass(frozen=True)
class Package:
    """Schemes that run together.

    Parameters
    ----------
    schemes : sequence of Scheme
        Up to 64, each with a name of its own.
    administration : float in [0, 1], default 0.05
        Cost of running them, as a share of what they pay: 0.05 is 5 %.
    mpc : float in [0, 1], default 1.0
        Marginal propensity to consume: the part of a transfer that becomes welfare.
    draws : {"seeded", "exact", "expected"}, default "seeded"
        How a coverage below 1 is met: a person receives or not, by a number drawn once from the seed, the person and
        the scheme, whatever the order of rows. "exact": no draws; welfare after has the distribution of all draws, each
        household with what may come of them for it, by chance, and recipients and cost are what they are on average.
        "expected": everybody eligible receives the amount times the coverage, which keeps cost and mean exact and
        overstates the fall of poverty, because nobody is left out.
    seed : int, default 1
    compat : {None, "spot"}, default None
        "spot": weeks are parts of a year of 360 days, as the SPOT Simulator has it: 18 weeks are 0.35.
    negative : {"error", "keep"}, default "error"
        What to do where a replaced benefit is more than a household's welfare, which then is below 0 without it: refuse
        it, or keep it as it is, with a warning that counts such households. It is never set to 0.

    Raises
    ------
    InputError
        If there is no scheme, more than 64, two of one name, a value is out of range, schemes wait for each other, or
        name schemes that are not there.

    References
    ----------
    ESCAP, SPOT Simulator: order of calculation.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> package = sp.Package([sp.child_benefit(sp.Amount(10, "month")), sp.old_age_pension(sp.Amount(30, "month"))])
    >>> [scheme.name for scheme in package.schemes]
    ['child benefit', 'old-age pension']
    >>> sp.Package([])
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A package must have 1 to 64 schemes, but 0 came. Add or join schemes.
    """

    schemes: Sequence[Scheme]
    administration: float = field(default=0.05, kw_only=True)
    mpc: float = field(default=1.0, kw_only=True)
    draws: str = field(default="seeded", kw_only=True)
    seed: int = field(default=1, kw_only=True)
    compat: str | None = field(default=None, kw_only=True)
    negative: str = field(default="error", kw_only=True)

    def __post_init__(self) -> None:
        schemes = listing(self.schemes, Scheme, "A package", "Build schemes with Scheme(...), and list them: [...].")
        object.__setattr__(self, "schemes", schemes)
        if any(scheme.name == "package" for scheme in schemes):
            fail("A scheme must have a name of its own", "'package' is what all schemes are called", "Pass name=.")
        if not 1 <= len(self.schemes) <= MOST_SCHEMES:
            fail(
                f"A package must have 1 to {MOST_SCHEMES} schemes", f"{len(self.schemes)} came", "Add or join schemes."
            )
        names = [scheme.name for scheme in self.schemes]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            fail("Every scheme must have a name of its own", f"{twice!r} occurs more than once", "Pass name=.")
        share = number(self.administration, "administration of a package, a share of what it pays,", low=0, high=1)
        object.__setattr__(self, "administration", share)
        object.__setattr__(self, "mpc", number(self.mpc, "mpc of a package", low=0, high=1))
        choice(self.draws, ("seeded", "exact", "expected"), "draws of a package")
        seed(self.seed, "The seed of a package")
        if self.compat is not None:
            choice(self.compat, COMPAT, "compat of a package")
        choice(self.negative, ("error", "keep"), "negative of a package")
        self._check_benefits()
        self.order()

    def _check_benefits(self) -> None:
        """Raise if two schemes rest on one existing benefit in ways that cannot both be."""
        by: dict[str, str] = {}
        for scheme in self.schemes:
            for name in scheme.tops_up:
                other = by.setdefault(name, scheme.name)
                if other != scheme.name:
                    fail(
                        f"The existing benefit {name!r} must be topped up by one scheme",
                        f"{other!r} and {scheme.name!r} do",
                        "Join these schemes, or drop tops_up of one.",
                    )
        for scheme in self.schemes:
            for name in set(scheme.replaces) & by.keys():
                fail(
                    f"The existing benefit {name!r} must be replaced or topped up",
                    f"scheme {scheme.name!r} replaces it and {by[name]!r} tops it up",
                    "Drop one of them.",
                )

    def order(self) -> list[int]:
        """Return the positions of the schemes in the order in which they pay: who comes first in ``unless``, before."""
        names = {scheme.name: s for s, scheme in enumerate(self.schemes)}
        for scheme in self.schemes:
            for name in scheme.unless:
                fail_if_unknown(name, names, f"unless of scheme {scheme.name!r}")
        done: dict[int, None] = {}

        def visit(s: int, path: tuple[int, ...]) -> None:
            if s in path:
                circle = " -> ".join(repr(self.schemes[k].name) for k in (*path[path.index(s) :], s))
                fail("Priority of schemes must have a first", f"these wait for each other: {circle}", "Mend unless=.")
            if s not in done:
                for name in self.schemes[s].unless:
                    visit(names[name], (*path, s))
                done[s] = None

        for s in range(len(self.schemes)):
            visit(s, ())
        return list(done)

    def in_year(self, year: int | None) -> "Package":
        """Return the package with the coverage of a year; itself where nothing is phased in."""
        if all(scheme.phase_in is None for scheme in self.schemes):
            return self
        schemes = [replace(scheme, coverage=scheme.coverage_in(year), phase_in=None) for scheme in self.schemes]
        return replace(self, schemes=schemes)

    @property
    def administrations(self) -> FloatArray:
        """Cost of running each scheme, as a share of what it pays."""
        own = (scheme.administration for scheme in self.schemes)
        return np.array([self.administration if share is None else share for share in own])

    @property
    def replaced(self) -> tuple[str, ...]:
        """Existing benefits in whose place the schemes stand."""
        return tuple(dict.fromkeys(name for scheme in self.schemes for name in scheme.replaces))
