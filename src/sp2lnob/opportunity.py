"""An opportunity: who has access to what, in which population, by which circumstances. On a survey it becomes cells."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ._cells import Circumstance, circumstance_of, combine
from ._cuts import ClassTotals
from ._domains import FullSample
from ._expressions import parse
from ._sweeps import CellSums
from ._typing import BoolArray, CodeArray, CountArray, FloatArray, LongArray
from ._validate import choice, fail, fail_if_any, fail_if_unknown, fail_type, listing
from .design import Design
from .survey import CLASSES, Survey, WelfareClass

MOST_LEVELS = 1000


@dataclass(frozen=True)
class Opportunity:
    """An outcome of 0 or 1, the population in which it counts, and the circumstances that should not matter for it.

    Parameters
    ----------
    name : str
    outcome : str
        A column of 0 and 1, or a condition such as ``"cook_fuel in (1, 2)"``.
    unit : {"household", "person"}, default "household"
        What a row is: it sets n and the least number of rows in a group.
    population : str, default None
        A condition; None: all rows of the unit.
    circumstances : sequence of str
        Columns, derived columns or the welfare classes bottom40, quintile, decile, in the order that breaks ties.
    kind : {"access", "barrier"}, default "access"
        Whether 1 is good or bad. The group furthest behind has the lowest access, or the highest barrier.
    weigh : {"persons", "households"}, default "persons"
        Whether a household counts with its members, as in SDG indicators, or once, as in ESCAP's code. Persons carry
        their own weight either way.
    ordered, unordered : sequence of str, default ()
        Circumstances whose levels have an order, or none, whatever their column says.

    Raises
    ------
    InputError
        If there is no circumstance, one is named twice, or is both ordered and unordered.

    References
    ----------
    ESCAP (2018-2023), LNOB Platform: indicators, populations and circumstances.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Opportunity("electricity", outcome="electricity == 1", circumstances=["bottom40", "urbrur"]).weigh
    'persons'
    >>> sp.Opportunity("electricity", outcome="electricity", circumstances=[])
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: Opportunity 'electricity' must have a circumstance, but none came. Name one or more.
    """

    name: str
    outcome: str
    unit: str = "household"
    population: str | None = None
    circumstances: Sequence[str] = field(default=(), kw_only=True)
    kind: str = field(default="access", kw_only=True)
    weigh: str = field(default="persons", kw_only=True)
    ordered: Sequence[str] = field(default=(), kw_only=True)
    unordered: Sequence[str] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        what = f"opportunity {self.name!r}"
        if not isinstance(self.name, str) or not isinstance(self.outcome, str):
            fail_type(
                "Name and outcome of an opportunity must be text",
                self.outcome if isinstance(self.name, str) else self.name,
                "Write the outcome as a column's name or a condition.",
            )
        if not self.name.strip():
            fail("An opportunity must have a name", f"it is {self.name!r}", "Give it one.")
        choice(self.unit, ("household", "person"), f"unit of {what}")
        choice(self.kind, ("access", "barrier"), f"kind of {what}")
        choice(self.weigh, ("persons", "households"), f"weigh of {what}")
        for key in ("circumstances", "ordered", "unordered"):
            names = listing(getattr(self, key), str, f"{key} of {what}", "List names of columns, such as ['urbrur'].")
            object.__setattr__(self, key, names)
        if not self.circumstances:
            fail(f"Opportunity {self.name!r} must have a circumstance", "none came", "Name one or more.")
        if len(set(self.circumstances)) < len(self.circumstances):
            fail(
                f"Every circumstance of {what} must be named once",
                f"the list is {list(self.circumstances)}",
                "Drop the copy.",
            )
        for name in (*self.ordered, *self.unordered):
            fail_if_unknown(name, self.circumstances, f"What {what} calls ordered or unordered")
        both = set(self.ordered) & set(self.unordered)
        if both:
            fail(
                f"A circumstance of {what} must be ordered or unordered",
                f"{sorted(both)[0]!r} is in both lists",
                "Drop it from one.",
            )

    @property
    def param(self) -> str:
        """What the figures of a barrier are marked with."""
        return "barrier" if self.kind == "barrier" else ""

    def complement(self) -> "Opportunity":
        """Return the absence of a barrier, or of access: the same rows and circumstances, 0 and 1 changed about.

        Returns
        -------
        Opportunity
            Called "no " and the name, or without it if the name has it.

        Examples
        --------
        >>> import sp2lnob as sp
        >>> stunting = sp.Opportunity("stunting", outcome="haz < -2", circumstances=["urbrur"], kind="barrier")
        >>> stunting.complement().name, stunting.complement().outcome, stunting.complement().kind
        ('no stunting', 'not (haz < -2)', 'access')

        Twice is there and back:

        >>> stunting.complement().complement().name, stunting.complement().complement().kind
        ('stunting', 'barrier')
        """
        name = self.name.removeprefix("no ") if self.name.startswith("no ") else f"no {self.name}"
        kind = "access" if self.kind == "barrier" else "barrier"
        return replace(self, name=name, outcome=f"not ({self.outcome})", kind=kind)

    def prepare(self, survey: Survey) -> "Cells":
        """Find the rows that count, and collapse them to cells of circumstances."""
        rows, outcome, dropped = self._rows(survey)
        household = rows.astype(np.int32) if self.unit == "household" else survey.household_of[rows]
        if self.unit == "person":
            weight = survey.person_weight[rows]
        else:
            weight = survey.people[rows] if self.weigh == "persons" else survey.weight[rows]
        if not weight.sum() > 0:
            fail(
                f"The population of opportunity {self.name!r} must have weight",
                "the weights of its rows sum to 0",
                "Correct the condition or the weights.",
            )
        classes = [found for name in self.circumstances if (found := survey.welfare_class(name))]
        shares = tuple(sorted({share for cls in classes for share in cls.shares}))
        made: list[tuple[Circumstance, CodeArray]] = []
        for name in self.circumstances:
            if (cls := survey.welfare_class(name)) is not None:
                ranked = Circumstance(name, cls.labels, np.arange(len(cls.labels), dtype=np.float64), True)
                made.append((ranked, np.zeros(len(rows), dtype=np.int32)))
                continue
            order = True if name in self.ordered else False if name in self.unordered else None
            made.append(circumstance_of(survey.column(name, self.unit), order, rows))
            self._check_levels(made[-1][0])
        combinations, domain = combine([codes for _, codes in made], [c.levels for c, _ in made])
        welfare = survey.welfare[household] if classes and survey.welfare is not None else np.zeros(len(rows))
        return Cells(
            self,
            tuple(c for c, _ in made),
            combinations,
            domain,
            shares,
            tuple(classes),
            rows,
            household,
            weight,
            outcome,
            welfare,
            survey.design,
            dropped,
        )

    def _rows(self, survey: Survey) -> tuple[CodeArray, CountArray, dict[str, int]]:
        """Return the rows that count, their outcome, and how many each column made drop."""
        what = f"opportunity {self.name!r}"
        n = survey.n_households if self.unit == "household" else survey.n_persons
        if self.unit == "person" and survey.persons is None:
            fail(
                f"The unit of {what} must be in the survey",
                "it is 'person', and there is no frame of persons",
                "Pass persons, or use unit='household'.",
            )
        show = survey.show_household if self.unit == "household" else survey.show_person
        inside: BoolArray = np.ones(n, dtype=np.bool_)
        if self.population is not None:
            inside = parse(self.population, f"population of {what}").mask(lambda name: survey.column(name, self.unit))
            if not inside.any():
                fail(
                    f"The population of {what} must select somebody",
                    f"{self.population!r} holds for none of {n:,} rows",
                    "Check the codes or labels in the condition.",
                )
        expression = parse(self.outcome, f"outcome of {what}")
        found = expression.evaluate(lambda name: survey.column(name, self.unit))
        if found.is_text:
            fail(f"The outcome of {what} must be 0 or 1", "it is text", "Write it as a condition.")
        values = found.values
        lost_in = np.isnan(values)
        if not re.search(r"\bis\s+(not\s+)?missing\b", self.outcome):  # what is missing may be what is asked for
            lost_in |= _missing_in(survey, expression.names, self.unit)
        unknown = {f"outcome {self.outcome!r}": lost_in}
        for name in self.circumstances:
            if name in CLASSES:
                lacking = ~survey.welfare_known
                unknown["welfare"] = lacking if self.unit == "household" else lacking[survey.household_of]
            else:
                unknown[f"circumstance {name!r}"] = survey.column(name, self.unit).missing
        dropped: dict[str, int] = {}
        for name, lacking in unknown.items():
            lost = inside & lacking
            if survey.missing == "error":
                fail_if_any(
                    lost,
                    f"The {name} of {what} must be known where it counts",
                    "Give the missing a value, narrow the population, or pass missing='drop' to the survey.",
                    show,
                )
            if lost.any():
                dropped[name] = int(lost.sum())
                inside = inside & ~lacking
        rows = np.flatnonzero(inside).astype(np.int32)
        if not len(rows):
            fail(
                f"The population of {what} must keep somebody",
                f"all rows were dropped as missing: {dropped}",
                "Check the columns that are missing.",
            )
        picked = values[rows]
        fail_if_any(
            (picked != 0) & (picked != 1),
            f"The outcome of {what} must be 0 or 1",
            f"Write it as a condition, such as '{self.outcome} == 1'.",
            lambda i: f"{show(int(rows[i]))}: {picked[i]:g}",
        )
        return rows, picked.astype(np.uint8), dropped

    def _check_levels(self, circumstance: Circumstance) -> None:
        what = f"Circumstance {circumstance.name!r} of opportunity {self.name!r}"
        if circumstance.levels < 2:
            fail(
                f"{what} must have two levels or more",
                f"all rows that count have {circumstance.labels[0]!r}",
                "Drop the circumstance, or widen the population.",
            )
        if circumstance.levels > MOST_LEVELS:
            fail(
                f"{what} must have at most {MOST_LEVELS:,} levels",
                f"it has {circumstance.levels:,}",
                "Group the values with derive=, or pick another column.",
            )


def _missing_in(survey: Survey, names: Sequence[str], unit: str) -> BoolArray:
    """Return the rows in which a column that an expression uses is missing."""
    return np.asarray(np.logical_or.reduce([survey.column(name, unit).missing for name in names]))


@dataclass(frozen=True, eq=False)
class Cells:
    """The rows of an opportunity, by domain: the combination of its fixed circumstances.

    A welfare class is no part of the domain: a row's class is cut anew in every replicate, from the row's welfare.
    Band k holds the welfare above k of the cuts; a cell is a domain in a band.

    Attributes
    ----------
    domains : ndarray of shape (domains, circumstances), int32
        Level of each circumstance; 0 where it is a welfare class.
    domain : ndarray of shape (rows,), int32
    shares : tuple of float
        Shares of people at which welfare is cut, for all classes together.
    index, household : ndarray of shape (rows,), int32
        Row of the unit, and of its household.
    dropped : dict of str to int
        Rows dropped as missing, by what was missing.
    """

    opportunity: Opportunity
    circumstances: tuple[Circumstance, ...]
    domains: CodeArray
    domain: CodeArray
    shares: tuple[float, ...]
    classes: tuple[WelfareClass, ...]
    index: CodeArray
    household: CodeArray
    weight: FloatArray
    outcome: CountArray
    welfare: FloatArray
    design: Design
    dropped: dict[str, int]

    def among(self, rows: LongArray) -> "Cells":
        """Return some of the rows."""
        names = ("domain", "index", "household", "weight", "outcome", "welfare")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    @property
    def bands(self) -> int:
        """Number of welfare bands: 1 if no circumstance is a welfare class."""
        return len(self.shares) + 1

    @property
    def codes(self) -> CodeArray:
        """Level of each circumstance in every (domain, band): (domains * bands, circumstances)."""
        return self.codes_of(self.domains, self.shares)

    def codes_of(self, domains: CodeArray, shares: tuple[float, ...]) -> CodeArray:
        """Return the same of some of the domains, with welfare cut at more shares perhaps."""
        ends = np.r_[0.0, shares]
        codes: CodeArray = np.repeat(domains, len(ends), axis=0)
        for cls in self.classes:  # the number of the class's own cuts at or below the band's lower end
            own = np.searchsorted(np.array(cls.shares), ends, side="right")
            codes[:, [c.name for c in self.circumstances].index(cls.name)] = np.tile(own, len(domains))
        return codes

    def band(self, cuts: FloatArray) -> CodeArray:
        """Return each row's welfare band for one set of cuts."""
        return np.searchsorted(cuts, self.welfare, side="left").astype(np.int32)

    def sums(self, cuts: FloatArray) -> FloatArray:
        """Return weight, weighted outcome, its square, and rows with weight of every (domain, band): for a tree."""
        cell = self.domain * self.bands + self.band(cuts)
        size = len(self.domains) * self.bands
        access = np.bincount(cell, self.weight * self.outcome, size)
        rows = np.bincount(cell[self.weight > 0], minlength=size).astype(np.float64)
        return np.column_stack([np.bincount(cell, self.weight, size), access, access, rows])

    def class_totals(self, unit: CodeArray, absence: bool = False, margins: FloatArray | None = None) -> ClassTotals:
        """Return weight and weighted outcome to be added up by domain and band in every replicate.

        ``unit`` says whose factor each household takes, ``margins`` where cuts are looked for.
        """
        columns = self.weight, self.weight * self.counted(absence)
        return ClassTotals(columns, unit[self.household], self.domain, len(self.domains), self.welfare, margins)

    def totals(self, full: FullSample) -> ClassTotals:
        """Return the same in a survey's replicates, made once for all who ask."""
        return full.once((ClassTotals, self), lambda: self.class_totals(full.unit, margins=full.margins(self.shares)))

    def cell_sums(self, unit: CodeArray, absence: bool = False) -> CellSums:
        """Return unit x domain sums, where no circumstance is a welfare class."""
        of_row = unit[self.household]
        return CellSums.of(self.weight, self.counted(absence), self.domain, len(self.domains), of_row)

    @property
    def psu(self) -> CodeArray:
        """PSU of each row."""
        return self.design.psu[self.household]

    @property
    def cases(self) -> int:
        """Number of rows with weight."""
        return int((self.weight > 0).sum())

    def rests_on(self, level: CodeArray, levels: int) -> tuple[LongArray, FloatArray]:
        """Return PSUs minus strata, and the effective number of PSUs, of levels into which rows fall."""
        return self.design.by_level(self.psu, level, levels, self.weight)[1:]

    def index_of(self, groups: str) -> str:
        """Return how a dissimilarity index says between which groups, and of what."""
        return groups if self.opportunity.kind == "access" else f"{groups}, of absence"

    def counted(self, absence: bool) -> CountArray:
        """Return the outcome, or the absence of a barrier if that is what is asked for."""
        barrier = self.opportunity.kind == "barrier"
        return 1 - self.outcome if absence and barrier else self.outcome
