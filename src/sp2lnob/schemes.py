"""Schemes: who is paid, and how much. Rules are data; no parameter hides in code."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from zlib import crc32

from ._validate import choice, fail, fail_type, listing, number, seed, whole
from .economy import Amount, Economy
from .targeting import Target

MOST_SCHEMES = 64  # one bit each
WEEKS = 7 / 365  # of a year


@dataclass(frozen=True)
class Scheme:
    """One benefit: who is paid, how much, and how many of them are reached.

    Parameters
    ----------
    name : str
        Also decides the scheme's random numbers, so that other schemes never change them.
    who : str, default None
        A condition on persons, besides the fields below; None: everybody.
    amount : Amount
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
    target : Rank, Threshold or Affluence, default None
        Whom of the eligible it is aimed at; None: all.

    Raises
    ------
    InputError
        If coverage is outside [0, 1], the greatest age is under the least, or a value is out of range.

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
    amount: Amount = field(kw_only=True)
    per: str = field(default="person", kw_only=True)
    coverage: float = field(default=1.0, kw_only=True)
    min_age: int | None = field(default=None, kw_only=True)
    max_age: int | None = field(default=None, kw_only=True)
    sex: str | float | None = field(default=None, kw_only=True)
    disability: bool = field(default=False, kw_only=True)
    birth: bool = field(default=False, kw_only=True)
    weeks: float | None = field(default=None, kw_only=True)
    target: Target | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        what = f"scheme {self.name!r}"
        if not isinstance(self.name, str):
            fail_type("The name of a scheme must be text", self.name, "Give it a name.")
        if not self.name.strip():
            fail("A scheme must have a name", f"it is {self.name!r}", "Give it one.")
        if not isinstance(self.amount, Amount):
            fail_type(f"amount of {what} must be an Amount", self.amount, "Write Amount(50, 'month').")
        if self.who is not None and not isinstance(self.who, str):
            fail_type(f"who of {what} must be a condition", self.who, "Write it as text, such as 'age < 15'.")
        choice(self.per, ("person", "household"), f"per of {what}")
        object.__setattr__(self, "coverage", number(self.coverage, f"coverage of {what}", low=0, high=1))
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
        if self.sex is not None and (isinstance(self.sex, bool) or not isinstance(self.sex, (str, int, float))):
            fail_type(f"sex of {what} must be a label or a code", self.sex, "Write 'Female', or the number.")
        if self.weeks is not None:
            object.__setattr__(self, "weeks", number(self.weeks, f"weeks of {what}", low=0, high=52))
        if self.target is not None and not isinstance(self.target, Target):
            fail_type(f"target of {what} must be a target", self.target, "Write Rank(0.4, by='score').")

    def per_year(self, economy: Economy | None, welfare_period: str) -> float:
        """Return currency per recipient and year."""
        return self.amount.per_year(economy, welfare_period) * (1.0 if self.weeks is None else self.weeks * WEEKS)

    @property
    def stream(self) -> int:
        """Number of the scheme's random stream: it depends on the name alone."""
        return crc32(self.name.encode())


@dataclass(frozen=True)
class Package:
    """Schemes that run together.

    Parameters
    ----------
    schemes : sequence of Scheme
        Up to 64, each with a name of its own.
    administration : float, 0 or more, default 0.05
        Cost of running them, as a share of what they pay.
    mpc : float in [0, 1], default 1.0
        Marginal propensity to consume: the part of a transfer that becomes welfare.
    draws : {"seeded", "exact", "expected"}, default "seeded"
        How a coverage below 1 is met: a person receives or not, by a number drawn once from the seed, the person and
        the scheme, whatever the order of rows. "exact": no draws; welfare after has the distribution of all draws, each
        household with what may come of them for it, by chance, and recipients and cost are what they are on average.
        "expected": everybody eligible receives the amount times the coverage, which keeps cost and mean exact and
        overstates the fall of poverty, because nobody is left out.
    seed : int, default 1

    Raises
    ------
    InputError
        If there is no scheme, more than 64, two of one name, or a value is out of range.

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
        object.__setattr__(self, "administration", number(self.administration, "administration", low=0))
        object.__setattr__(self, "mpc", number(self.mpc, "mpc", low=0, high=1))
        choice(self.draws, ("seeded", "exact", "expected"), "draws")
        seed(self.seed, "The seed of a package")
