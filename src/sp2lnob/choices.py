"""What a search may choose from: schemes at several levels, ages and coverages, and the grid of all their packages.

Packages are numbered as an odometer counts: the last candidate runs fastest, and each begins with being left out. Who
is eligible is found once for every variant of a scheme; a level only multiplies, so that it costs no pass over persons.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ._parallel import LANES
from ._typing import CodeArray, FloatArray, LongArray
from ._validate import fail, fail_if_unknown, fail_type, number
from .economy import Amount, Economy
from .schemes import Package, Scheme
from .survey import Survey
from .transfers import simulate

FIXED = ("name", "amount")  # fields that no choice varies by name: the name draws, and levels vary the amount
ON_OTHERS = ("unless", "replaces")  # fields by which what a scheme does is more than what it pays


class Choice:
    """A scheme of which a search may choose level, ages, coverage or any other field, or leave it out.

    Parameters
    ----------
    scheme : Scheme
    levels : sequence of float, default None
        Values that the amount may have, in its own unit; 0 is leaving it out. None: the scheme's own amount.
    required : bool, default False
        Whether it must be in every package.
    **fields : sequence
        Values of other fields of the scheme, such as ``max_age=[5, 11, 17]`` or ``coverage=[0.5, 1.0]``. All
        combinations are tried.

    Raises
    ------
    InputError
        If a field is none that a scheme has, has no values or one twice, or a value is out of the field's range.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> child = sp.Choice(sp.child_benefit(sp.Amount(0.04, "gdp_per_capita")), levels=[0.02, 0.04], max_age=[5, 17])
    >>> child
    Choice of 'child benefit': 5 options, one of them to leave it out
    >>> sp.Choice(sp.child_benefit(sp.Amount(8, "month")), max_ages=[5, 17])
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: A field of the choice 'child benefit' must be one that exists, but 'max_ages' does not. ...
    """

    def __init__(
        self,
        scheme: Scheme,
        *,
        levels: Sequence[float] | None = None,
        required: bool = False,
        **fields: Sequence[Any],
    ) -> None:
        if not isinstance(scheme, Scheme):
            fail_type("A choice must be of a Scheme", scheme, "Build it with Scheme(...), or a function of a benefit.")
        if not isinstance(required, bool):
            fail_type(f"required of the choice {scheme.name!r} must be True or False", required, "Pass one of them.")
        known = [name for name in _names() if name not in FIXED]
        what = f"the choice {scheme.name!r}"
        for name in fields:
            fail_if_unknown(name, known, f"A field of {what}")
        varied = {name: _values(values, f"{name} of {what}") for name, values in fields.items()}
        self.scheme, self.required, self.fields = scheme, required, varied
        self.levels = None if levels is None else _values(levels, f"levels of {what}")
        self.options = self._options()

    def _options(self) -> "tuple[Option, ...]":
        """Return what may be chosen, to leave it out first."""
        scheme = self.scheme
        made = [] if self.required else [Option(None, 0.0, {}, -1)]
        levels: Sequence[Any] = (None,)
        if self.levels is not None:
            if not isinstance(scheme.amount, Amount):
                fail_type(f"A choice with levels must have one Amount: {scheme.name!r}", scheme.amount, "Drop levels.")
            levels = [number(level, f"A level of the choice {scheme.name!r}", low=0) for level in self.levels]
            if self.required and 0 in levels:
                fail(
                    f"A choice that is required must be paid: {scheme.name!r}",
                    "a level is 0",
                    "Drop the level, or required=True.",
                )
            levels = [level for level in levels if level > 0]
        for i, values in enumerate(product(*self.fields.values())):
            given = dict(zip(self.fields, values, strict=True))
            variant = replace(scheme, **given)
            for level in levels:
                chosen = variant
                if level is not None and isinstance(scheme.amount, Amount):
                    chosen = replace(variant, amount=Amount(level, scheme.amount.unit))
                made.append(Option(chosen, _value(chosen), given, i))
        return tuple(made)

    def __repr__(self) -> str:
        n = len(self.options)
        out = "" if self.required else ", one of them to leave it out"
        return f"Choice of {self.scheme.name!r}: {n} option{'s' if n > 1 else ''}{out}"


@dataclass(frozen=True)
class Option:
    """One way to have a scheme, or to leave it out.

    Attributes
    ----------
    scheme : Scheme or None
    level : float
        Value of the amount; 0 where it is left out.
    given : dict
        What was chosen of other fields.
    variant : int
        Number of that combination: options of one variant differ by level alone.
    """

    scheme: Scheme | None
    level: float
    given: dict[str, Any]
    variant: int


def _names() -> list[str]:
    return [field.name for field in fields(Scheme)]


def _value(scheme: Scheme) -> float:
    """Return the value of a scheme's amount in its own unit; NaN where it is no single one."""
    return scheme.amount.value if isinstance(scheme.amount, Amount) else float("nan")


def _values(values: object, what: str) -> tuple[Any, ...]:
    """Return the values to choose from, each once."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        fail_type(f"{what} must be a list of values", values, "Write [5, 11, 17], for example.")
    listed = tuple(value.item() if isinstance(value, np.generic) else value for value in values)
    if not listed:
        fail(f"{what} must have values", "there are none", "List one or more.")
    for i, value in enumerate(listed):
        if value in listed[:i]:
            fail(f"Every value of {what} must be listed once", f"{value!r} is listed twice", "Drop the copy.")
    return listed


def choices_of(candidates: object) -> tuple[Choice, ...]:
    """Return choices from schemes and choices: a scheme is in or out. Schemes are added up, so each stands alone."""
    mend = "List schemes and choices: [child_benefit(...), Choice(old_age_pension(...), levels=[...])]."
    if isinstance(candidates, (str, bytes, Scheme, Choice)) or not isinstance(candidates, Iterable):
        fail_type("candidates must be a list", candidates, mend)
    made = []
    for candidate in candidates:
        if not isinstance(candidate, (Scheme, Choice)):
            fail_type("candidates must hold schemes and choices", candidate, mend)
        made.append(Choice(candidate) if isinstance(candidate, Scheme) else candidate)
    if not made:
        fail("There must be a candidate", "none came", "List one scheme or more.")
    names = [choice.scheme.name for choice in made]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        fail("Every candidate must have a name of its own", f"{twice!r} occurs more than once", "Pass name=.")
    for scheme in (option.scheme for choice in made for option in choice.options):
        for key in ON_OTHERS:
            if scheme is not None and getattr(scheme, key):
                fail(
                    f"The schemes of a search must not depend on each other or on existing benefits: {key} of scheme "
                    f"{scheme.name!r} must be empty",
                    f"it names {', '.join(map(repr, getattr(scheme, key)))}",
                    f"Drop {key}, or set packages side by side with compare().",
                )
    return tuple(made)


@dataclass(frozen=True, eq=False)
class Grid:
    """All packages of some choices, by number from 0."""

    choices: tuple[Choice, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Options of each choice."""
        return tuple(len(choice.options) for choice in self.choices)

    @property
    def packages(self) -> int:
        """Number of packages."""
        return prod(self.sizes)

    @property
    def paid(self) -> list[tuple[int, Option]]:
        """Every option that pays, with its choice: the columns of money from 1 on."""
        return [(k, option) for k, choice in enumerate(self.choices) for option in choice.options if option.scheme]

    def picked(self, number: int) -> tuple[Option, ...]:
        """Return the options of a package."""
        digits = np.unravel_index(number, self.sizes)
        return tuple(choice.options[int(d)] for choice, d in zip(self.choices, digits, strict=True))

    def schemes(self, number: int) -> list[Scheme]:
        """Return the schemes of a package."""
        return [option.scheme for option in self.picked(number) if option.scheme is not None]

    @property
    def column(self) -> tuple[CodeArray, ...]:
        """Column of money that every option of each choice takes: 0 where it is left out."""
        made, after = [], 1
        for choice in self.choices:
            paying = np.array([option.scheme is not None for option in choice.options])
            made.append(np.where(paying, after + np.cumsum(paying) - 1, 0).astype(np.int32))
            after += int(paying.sum())
        return tuple(made)

    def columns(self, numbers: LongArray) -> CodeArray:
        """Return the columns that packages take: (packages, choices)."""
        digits = np.unravel_index(numbers, self.sizes)
        return np.stack([column[d] for column, d in zip(self.column, digits, strict=True)], axis=1)


@dataclass(frozen=True, eq=False)
class Taken:
    """Packages side by side, as kernels take them; the last ones fill the lanes up."""

    option: CodeArray  # (groups, choices, LANES)
    alike: CodeArray  # (groups,) first choices that all lanes have in common
    packages: int

    @classmethod
    def of(cls, columns: CodeArray) -> "Taken":
        """Lay columns (packages, choices) out."""
        packages, k = columns.shape
        groups = -(-packages // LANES)
        filled = columns[np.minimum(np.arange(groups * LANES), packages - 1)]
        option = np.ascontiguousarray(filled.reshape(groups, LANES, k).swapaxes(1, 2))
        same = (option == option[:, :, :1]).all(axis=2)
        alike = np.where(same.all(axis=1), k, np.argmin(same, axis=1)).astype(np.int32)
        return cls(option, alike, packages)

    def by_package(self, laid: FloatArray) -> FloatArray:
        """Return sums (groups, ..., LANES) as (..., packages)."""
        moved = np.moveaxis(laid, 0, -2)
        return moved.reshape(*moved.shape[:-2], -1)[..., : self.packages]


@dataclass(frozen=True, eq=False)
class Payments:
    """What every option pays on a survey: column 0 is nothing.

    Attributes
    ----------
    money : ndarray of shape (households, columns)
        Currency a year.
    cost : ndarray of shape (columns, units)
        Currency a year with administration, by the PSU or household whose factor a household takes.
    """

    money: FloatArray
    cost: FloatArray


def payments_of(
    survey: Survey, grid: Grid, economy: Economy | None, run: dict[str, Any], unit: CodeArray, units: int
) -> Payments:
    """Pay every option out alone; ``run`` are the other arguments of the package.

    Options that differ by their level alone share one pass over persons.
    """
    paid = grid.paid
    money, cost = np.zeros((survey.n_households, len(paid) + 1)), np.zeros((len(paid) + 1, units))
    done: dict[tuple[int, int], tuple[float, CodeArray | None, float, FloatArray, FloatArray]] = {}
    for column, (k, option) in enumerate(paid, 1):
        scheme = option.scheme
        assert scheme is not None
        key = k, option.variant
        if scheme.varies:  # what a level does to a cap, a taper or a top-up is no multiple
            transfers = simulate(survey, Package([scheme], **run), economy)
            money[:, column] = transfers.household[:, 0]
            cost[column] = np.bincount(unit, transfers.money[:, 0] * (1 + transfers.costing.administrations[0]), units)
            continue
        if key not in done:
            transfers = simulate(survey, Package([scheme], **run), economy)
            found, people = transfers.household[:, 0], transfers.people[:, :1]
            unit_cost = transfers.costing.measures(np.ones((2, 1)))["total_cost"][0, 0]
            each, counted = float(transfers.amounts[0]), transfers.recipients[:, 0]
            reach = transfers.package.schemes[0].coverage if run["draws"] == "expected" else 1.0  # that of the year
            plain = np.array_equal(found, counted * (each * reach))
            done[key] = each, counted if plain else None, reach, found, people[:, 0] * unit_cost
        each, counts, reach, found, spent = done[key]
        now = scheme.per_year(economy, survey.welfare_period)
        ratio = now / each if each else 1.0
        if ratio == 1.0:
            money[:, column] = found
        else:  # as simulate() multiplies, to the last bit
            money[:, column] = found * ratio if counts is None else counts * (now * reach)
        cost[column] = np.bincount(unit, spent * ratio, units)
    return Payments(money, cost)
