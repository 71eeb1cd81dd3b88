"""Rows of a survey in domains: what a statistic is computed for, and the block of factors it is evaluated on."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar
from weakref import ReferenceType, ref

import numpy as np
import numpy.typing as npt

from ._cells import combine
from ._cuts import ClassTotals
from ._outcomes import Outcomes, Placed, Spread, Switches, extended
from ._sweeps import Ordering, Swept, added_up, class_of, columns_of, levels_of
from ._typing import BoolArray, CodeArray, FloatArray, LongArray
from ._validate import fail, fail_if_any, fail_type
from .replication import Replication
from .survey import Survey

MOST_LEVELS = 1000
REACH = 5.0  # standard errors within which cuts are looked for
RECIPIENTS = "recipients"  # a domain that a scenario decides: who lives in a household that it pays
RESERVED = frozenset({"all", "group"})  # what rows of everybody, and of a tree's groups, say that they are by
NO_CUTS: tuple[float, ...] = ()
Made = TypeVar("Made")
Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True)
class Row:
    """What one value of a statistic is: its place in the tidy frame, and where its interval is symmetric.

    Attributes
    ----------
    scale : {"logit", "log", "t", "index", "none"}
        "logit" for proportions, "log" for positive measures, "t" for others; "index" for what is 0 or above by its
        making and at most ``most``, whose interval ends there, and is one-sided where 0 is near; "none" where no
        interval is right.
    falls : bool
        Whether a pure transfer can only lower it, so that its change keeps one sign.
    effective : float
        PSUs that a figure rests on, were they of equal weight: (sum of PSU weights)^2 / sum of their squares.
    most : float
        Greatest value that an index can have.
    doubt : float
        What the value may be off by beside what replicates show: its square is added to their variance.
    minor : float
        Standard errors up to which a doubt is left out. One that is not is flagged "model-dependent"; with 0 every
        doubt counts, and the flag is the row's own matter.
    """

    statistic: str
    of: str = ""
    param: str = ""
    scenario: str = "before"
    by: str = "all"
    level: str = "all"
    n: int | None = None
    df: int = 0
    effective: float = 0.0
    scale: str = "t"
    falls: bool = False
    most: float = 1.0
    doubt: float = 0.0
    minor: float = 0.0
    flag: str = ""


@dataclass(eq=False)
class Block:
    """Replicates side by side: the factors of each, and where it cuts welfare into classes.

    ``sampled`` is the number of units that are of the sample, where others behind them are switches of outcomes;
    ``shares`` are those at which the ordering will be looked at, as far as that is known.
    """

    factors: FloatArray
    ordering: Ordering | None
    fixed: bool = False
    sampled: int | None = None
    shares: tuple[float, ...] = ()
    _swept: dict[Ordering, tuple[tuple[float, ...], Swept]] = field(default_factory=dict)
    _made: dict[Hashable, Any] = field(default_factory=dict)

    @property
    def replicates(self) -> int:
        """Number of replicates."""
        return columns_of(self.factors)

    @property
    def whole(self) -> bool:
        """Whether this is the full sample, every factor 1."""
        return bool((self.factors[:, : self.sampled] == 1).all())

    def cuts(self, shares: tuple[float, ...]) -> FloatArray:
        """Return the welfare at shares of people, of shape (shares, replicates), made once for all who ask."""
        if not self.fixed:
            return self.quantiles(shares)
        whole = Block(np.ones((1, *self.factors.shape[1:])), self.ordering)
        return np.tile(whole.quantiles(shares), (1, len(self.factors)))

    def quantiles(self, shares: tuple[float, ...]) -> FloatArray:
        """Return the same, estimated in every replicate even if classes are fixed."""
        if not shares:
            return np.empty((0, self.replicates))
        assert self.ordering is not None
        return self.swept(self.ordering, shares).quantiles

    @property
    def looked_at(self) -> tuple[float, ...]:
        """Shares at which the ordering was looked at."""
        return () if self.ordering is None else self._swept.get(self.ordering, ((), None))[0]

    def swept(self, ordering: Ordering, shares: Sequence[float]) -> Swept:
        """Return a sweep over an ordering at shares of people, made once for all who ask."""
        known, made = self._swept.get(ordering, ((), None))
        if made is None or not set(known).issuperset(shares):
            known = tuple(sorted({*known, *shares, *(self.shares if ordering is self.ordering else ())}))
            made = ordering.evaluate(self.factors, np.array(known))
            self._swept[ordering] = known, made
        return made.at([known.index(share) for share in shares])

    def totals(self, sums: ClassTotals, shares: tuple[float, ...]) -> FloatArray:
        """Return totals by domain and class of shape (domains * classes, k, replicates), made once for all who ask."""

        def made() -> FloatArray:
            totals = sums.evaluate(self.factors, self.cuts(shares))
            return totals.reshape(-1, *totals.shape[2:])

        return self.once(("totals", sums, shares), made)

    @cached_property
    def squares(self) -> FloatArray:
        """The factors squared: a unit that is drawn twice is no news."""
        return self.factors**2

    def once(self, owner: Hashable, make: Callable[[], Made]) -> Made:
        """Return what an owner makes of the block, made once for all who ask for it."""
        if owner not in self._made:
            self._made[owner] = make()
        found: Made = self._made[owner]
        return found


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows that a statistic counts: households, persons, or the rows of an opportunity. ``FullSample.rows`` makes them.

    They do not keep the full sample, which keeps them: what was made of many rows goes as soon as it is not needed.
    """

    sample: "ReferenceType[FullSample]"
    unit: str
    index: CodeArray
    household: CodeArray
    weight: FloatArray
    spread: Spread | None = None

    @property
    def full(self) -> "FullSample":
        """The full sample that they are of."""
        full = self.sample()
        assert full is not None, "who works on rows keeps the full sample"
        return full

    @property
    def survey(self) -> Survey:
        """Whose rows they are."""
        return self.full.survey

    @property
    def cases(self) -> BoolArray:
        """Rows that a figure rests on: those with weight, each of the survey's once."""
        return self.weight > 0 if self.spread is None else (self.weight > 0) & self.spread.once

    @property
    def outcome(self) -> CodeArray:
        """Which outcome of a scenario each row has: its household's, as long as every household has one."""
        return self.household if self.spread is None else self.spread.outcome

    @property
    def share(self) -> FloatArray | float:
        """What share of its weight in the survey each row has by chance; ``weight`` has it already."""
        return 1.0 if self.spread is None else self.spread.share

    @property
    def weight_now(self) -> FloatArray:
        """Weight in the full sample: none of an outcome that only other samples have."""
        return self.weight if self.spread is None else self.weight * self.spread.now

    @property
    def complete(self) -> bool:
        """Whether rows are the survey's households, each once and in their order."""
        return self.spread is None and self.unit == "household" and len(self.index) == self.survey.n_households

    def of_household(self, values: npt.NDArray[Value]) -> npt.NDArray[Value]:
        """Return values of households by row: the same array where rows are the households."""
        return values if self.complete else values[self.household]

    @cached_property
    def of_one_level(self) -> CodeArray:
        """The level of each row where there is one: 0."""
        return np.zeros(len(self.index), dtype=np.int32)

    @cached_property
    def psu(self) -> CodeArray:
        """PSU of each row."""
        return self.of_household(self.survey.design.psu)

    @cached_property
    def factor(self) -> CodeArray:
        """Whose factor each row takes in a replicate."""
        return self.of_household(self.full.unit) if self.spread is None else self.spread.unit


@dataclass(frozen=True, eq=False)
class Domain:
    """Levels into which rows fall: combinations of columns, and of one welfare class at most.

    Attributes
    ----------
    name : str
        "all", or the columns joined by " x ".
    labels : tuple of str
        Of every level: a fixed level in a band, bands running fastest.
    fixed : ndarray of shape (rows,), int32
        Combination of the columns that are no welfare class.
    shares : tuple of float
        Where welfare is cut; empty without a welfare class.
    level : ndarray of shape (rows,), int32
        Level of each row, in the full sample's classes.
    n, df : ndarray of shape (levels,), int64
        Rows with weight, counted without it; PSUs minus strata among those that have a row of the level with weight.
    effective : ndarray of shape (levels,)
        PSUs of each level, were they of equal weight.
    """

    rows: Rows
    name: str
    labels: tuple[str, ...]
    fixed: CodeArray
    shares: tuple[float, ...]
    level: CodeArray
    n: LongArray
    df: LongArray
    effective: FloatArray

    def named(
        self,
        values: Sequence[Row],
        scenario: str,
        tails: Sequence[bool] | BoolArray = (),
        *,
        means: bool = False,
        cases: LongArray | None = None,
    ) -> tuple[Row, ...]:
        """Name the values of every level.

        ``tails`` says which levels are flagged as hanging on their richest; ``means`` that values are means over the
        level's people, of which the number of PSUs says how far they may be from 0 or 1. ``cases`` (levels, values) are
        what values rest on if it is not the level's rows.
        """
        rest = np.broadcast_to(self.n[:, None], (len(self.n), len(values))) if cases is None else cases

        return tuple(
            replace(
                value,
                scenario=scenario,
                by=self.name,
                level=label,
                n=n,
                df=df,
                effective=effective if means else 0.0,
                flag="tail-sensitive" if tail else value.flag,
            )
            for label, of_level, df, effective, tail in zip(
                self.labels,
                rest.tolist(),
                self.df.tolist(),
                self.effective.tolist(),
                tails if len(tails) else [False] * len(self.labels),
                strict=True,
            )
            for value, n in zip(values, of_level, strict=True)
        )

    @cached_property
    def welfare(self) -> FloatArray:
        """Welfare before any transfer of each row's household: what classes are cut from."""
        assert self.rows.survey.welfare is not None
        return self.rows.of_household(self.rows.survey.welfare)

    @cached_property
    def band(self) -> CodeArray:
        """Welfare class of each row in the full sample."""
        return self.level if self.fixed_levels == 1 else self.level % np.int32(self.bands)

    @cached_property
    def highest(self) -> list[LongArray]:
        """Rows of the highest welfare class of every fixed level; all its rows, without a welfare class."""
        rows = np.flatnonzero(self.band == self.bands - 1)
        return [rows[here] for here in levels_of(self.fixed[rows], self.fixed_levels)]

    @property
    def bands(self) -> int:
        """Number of welfare bands."""
        return len(self.shares) + 1

    @property
    def fixed_levels(self) -> int:
        """Number of combinations of the columns that are no welfare class."""
        return len(self.labels) // self.bands


@dataclass(eq=False)
class FullSample(Block):
    """Replicate 0, every factor 1: rows are counted in its classes.

    It keeps the domains of people that were asked for, so that statistics of one domain can be evaluated together.

    Attributes
    ----------
    unit : ndarray of shape (households,), int32
        Whose factor each household takes: its PSU's, or its own.
    """

    survey: Survey = field(kw_only=True)
    unit: CodeArray = field(kw_only=True)
    replication: Replication = field(kw_only=True)
    switches: list[Switches] = field(default_factory=list)
    _placed: dict[Outcomes, Placed] = field(default_factory=dict)
    _domains: dict[tuple[tuple[str, ...], bool, str], Domain] = field(default_factory=dict)
    _rows: dict[tuple[str, bool], Rows] = field(default_factory=dict)
    _margins: dict[tuple[float, ...], FloatArray] = field(default_factory=dict)

    @property
    def units(self) -> int:
        """Number of factors in a replicate."""
        return int(self.factors.shape[1])

    def band(self, shares: tuple[float, ...]) -> CodeArray:
        """Return the welfare class of every household; of one whose welfare is not known, any."""
        assert self.survey.welfare is not None
        welfare = self.survey.welfare
        return self.once(("band", shares), lambda: class_of(welfare, self.cuts(shares)[:, 0]))

    def margins(self, shares: tuple[float, ...]) -> FloatArray:
        """Return between which welfare the cuts of replicates are looked for, of shape (2, shares).

        To either side of the full sample's cut lie REACH standard errors of the share of people below it: Woodruff's
        interval (1952), of PSUs drawn again within strata. One that cuts elsewhere costs time, and nothing else.
        """
        if shares not in self._margins:
            cuts = self.cuts(shares)[:, 0]
            ends = np.array([cuts, cuts])
            if len(cuts) and not self.fixed:
                of, survey = self.survey.design, self.survey
                known = slice(None) if survey.welfare_known.all() else survey.welfare_known
                assert survey.welfare is not None
                assert self.ordering is not None
                bands = len(cuts) + 1
                place = of.psu[known] * np.int32(bands) + self.band(shares)[known]
                up_to = added_up(survey.people[known], place, of.psus * bands).reshape(-1, bands).cumsum(axis=1).T
                whole, at = up_to[-1], np.array(shares)
                errors = [
                    np.sqrt(of.variances(below - share * whole).sum())
                    for share, below in zip(shares, up_to[:-1], strict=True)
                ]
                reach = REACH * np.array(errors) / whole.sum()
                found = self.ordering.evaluate(np.ones_like(self.factors[:1]), np.concatenate([at - reach, at + reach]))
                ends = found.quantiles[:, 0].reshape(2, -1)
                # Around the full sample's own cut, and none beyond that of a higher one, or of a lower one.
                ends = np.array([np.minimum(ends[0], cuts), np.maximum(ends[1], cuts)])
                ends[0], ends[1] = np.minimum.accumulate(ends[0, ::-1])[::-1], np.maximum.accumulate(ends[1])
            self._margins[shares] = ends
        return self._margins[shares]

    def spread(self, outcomes: Outcomes | None, household: CodeArray) -> Spread:
        """Return rows of some households as often as these have outcomes; None: they have one each.

        Units of outcomes that are so in some replicates only come after those of the sample.
        """
        if outcomes is None:
            return Spread.plain(household, self.unit)
        if outcomes not in self._placed:
            first = self.units + sum(len(one.unit) for one in self.switches)
            self._placed[outcomes] = placed = outcomes.place(self.replication, self.survey.design, first)
            if placed.switches is not None:
                self.switches.append(placed.switches)
        return outcomes.spread(self._placed[outcomes], household)

    def switched(self) -> Block:
        """Return the full sample with the factors of all outcomes."""
        return Block(extended(self.factors, self.switches), self.ordering, self.fixed, self.units)

    def domain(self, by: tuple[str, ...], *, with_welfare: bool = True, unit: str | None = None) -> Domain:
        """Return people by some columns; without welfare only where neither the statistic nor ``by`` asks for it.

        Rows are households with their people, or persons if ``by`` describes persons or ``unit`` says so.
        """
        survey = self.survey
        # Where all welfare is known, rows are the same either way: those who ask for less join the others.
        with_welfare |= any(survey.welfare_class(name) for name in by) or (
            survey.welfare is not None and bool(survey.welfare_known.all())
        )
        unit = unit or ("person" if any(map(survey.of_persons, by)) else "household")
        if (by, with_welfare, unit) not in self._domains:
            rows = self.people(unit, with_welfare=with_welfare)
            self._domains[by, with_welfare, unit] = domain_of(rows, by)
        return self._domains[by, with_welfare, unit]

    def rows(self, unit: str, index: CodeArray, household: CodeArray, weight: FloatArray) -> Rows:
        """Return some rows of a unit: which they are, whose household's, and their weights."""
        return Rows(ref(self), unit, index, household, weight)

    def people(self, unit: str, *, with_welfare: bool) -> Rows:
        """Return all rows of a unit, or those whose welfare is known: households with their people, or persons."""
        survey = self.survey
        if (unit, with_welfare) not in self._rows:
            known = survey.welfare_known if with_welfare else np.ones(survey.n_households, dtype=np.bool_)
            if unit == "person":
                index = np.flatnonzero(known[survey.household_of]).astype(np.int32)
                made = self.rows(unit, index, survey.household_of[index], survey.person_weight[index])
            else:
                every = bool(known.all())
                index = np.arange(len(known), dtype=np.int32) if every else np.flatnonzero(known).astype(np.int32)
                made = self.rows(unit, index, index, survey.people if every else survey.people[index])
            self._rows[unit, with_welfare] = made
        return self._rows[unit, with_welfare]


def spread(domain: Domain, outcomes: Outcomes, rows: dict[Rows, Rows]) -> Domain:
    """Return a domain whose rows are there as often as their household has outcomes; what it rests on stays.

    ``rows`` keeps the rows that were spread already.
    """
    of = domain.rows
    if of not in rows:
        found = of.full.spread(outcomes, of.household)
        weight = of.weight[found.row] * found.share
        rows[of] = replace(
            of, index=of.index[found.row], household=of.household[found.row], weight=weight, spread=found
        )
    made = rows[of].spread
    assert made is not None
    row = made.row
    return replace(domain, rows=rows[of], fixed=domain.fixed[row], level=domain.level[row])


def domain_of(rows: Rows, by: Sequence[str]) -> Domain:
    """Return the domain of some columns, rows counted in the full sample's classes."""
    if not by:
        return _counted(rows, "all", ("all",), rows.of_one_level, NO_CUTS, rows.of_one_level)
    survey, full = rows.survey, rows.full
    if RECIPIENTS in by:
        fail(
            f"A domain {RECIPIENTS!r} must be of a figure of welfare or of a package",
            "one of another kind, such as access, was asked for by it",
            "Ask for welfare, poverty, inequality or coverage by it, in a call of its own.",
        )
    name = " x ".join(by)
    classes = [found for column in by if (found := survey.welfare_class(column))]
    if len(classes) > 1:
        fail(
            "A domain must have one welfare class at most", f"by {name!r} has {len(classes)}", "Use one, or several by."
        )
    show = survey.show_household if rows.unit == "household" else survey.show_person
    codes: list[CodeArray] = []
    labels: list[tuple[str, ...]] = []
    for column in by:
        if survey.welfare_class(column):
            continue
        taken = survey.column(column, rows.unit).take(rows.index)
        if survey.missing == "error":
            fail_if_any(
                taken.missing,
                f"The domain {column!r} must be known in every row that counts",
                "Mend these rows, or pass missing='drop' to the survey: they then form a level 'missing'.",
                lambda i: show(int(rows.index[i])),
            )
        _, code, label = taken.categories()
        if len(label) > MOST_LEVELS:
            fail(
                f"The domain {column!r} must have at most {MOST_LEVELS:,} levels",
                f"it has {len(label):,}",
                "Group the values with derive=, or pick another column.",
            )
        if taken.missing.any():
            code, label = np.where(code < 0, len(label), code).astype(np.int32), (*label, "missing")
        codes.append(code)
        labels.append(label)
    if codes:
        combinations, fixed = combine(codes, [len(label) for label in labels])
    else:
        combinations, fixed = np.zeros((1, 0), dtype=np.int32), rows.of_one_level
    shares = classes[0].shares if classes else NO_CUTS
    named = []
    for row in combinations:
        for band in range(len(shares) + 1):
            parts, j = [], 0
            for column in by:
                if survey.welfare_class(column):
                    parts.append(classes[0].labels[band])
                else:
                    parts.append(labels[j][row[j]])
                    j += 1
            named.append(" x ".join(parts))
    level = fixed
    if shares:
        assert survey.welfare is not None
        level = rows.of_household(full.band(shares))
        if codes:
            level = level + fixed * np.int32(len(shares) + 1)
    return _counted(rows, name, tuple(named), fixed, shares, level)


def divided(domain: Domain, name: str, labels: Sequence[str], code: CodeArray) -> Domain:
    """Return a domain whose levels are divided further: ``code`` (rows,) says in which of the labels each row is."""
    bands, parts = domain.bands, len(labels)
    old = [domain.labels[first : first + bands] for first in range(0, len(domain.labels), bands)]
    alone = domain.name == "all"
    named = [label if alone else f"{of} x {label}" for several in old for label in labels for of in several]
    fixed = (domain.fixed * parts + code).astype(np.int32)
    level = fixed * np.int32(bands) + domain.band
    full_name = name if alone else f"{domain.name} x {name}"
    return _counted(domain.rows, full_name, tuple(named), fixed, domain.shares, level)


def _counted(
    rows: Rows, name: str, labels: tuple[str, ...], fixed: CodeArray, shares: tuple[float, ...], level: CodeArray
) -> Domain:
    """Count what the levels of a domain rest on."""
    n, df, effective = rows.survey.design.by_level(rows.psu, level, len(labels), rows.weight_now)
    if rows.spread is not None:  # rows are outcomes
        n = np.bincount(level[rows.cases], minlength=len(labels))
    return Domain(rows, name, labels, fixed, shares, level, n, df, effective)


def check_by(by: Sequence[str | Sequence[str]] | str) -> list[tuple[str, ...]]:
    """Return domains as tuples of columns, that of everybody first."""
    if not isinstance(by, Iterable):
        fail_type("by must list columns, or tuples of columns to be joined", by, "Write by=['urbrur', 'decile'].")
    listed = [by] if isinstance(by, str) else list(by)
    result: list[tuple[str, ...]] = [()]
    for entry in listed:
        names = (entry,) if isinstance(entry, str) else tuple(entry) if isinstance(entry, Sequence) else ()
        if not names or not all(isinstance(name, str) for name in names):
            fail_type(
                "by must list columns, or tuples of columns to be joined", entry, "Write by=['urbrur', 'decile']."
            )
        for name in RESERVED.intersection(names):
            fail(
                "A domain must have a name of its own",
                f"{name!r} is taken",
                f"Copy it: derive={{'my_{name}': '{name}'}}.",
            )
        if names not in result:
            result.append(names)
    return result
