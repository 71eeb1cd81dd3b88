"""Replicate weights that came with the data: their factors, scales, and what they know of degrees of freedom."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ._kernels import _random
from ._parallel import LANES
from ._typing import CodeArray, FloatArray
from ._validate import (
    choice,
    fail,
    fail_if_any,
    fail_if_unknown,
    fail_type,
    listing,
    number,
    whole,
)
from ._variance import Variance
from .replication import APART, ReplicateDesign, Replication, flag
from .survey import Survey

SKETCH = 4  # purpose of random numbers, as in _kernels/_random.pxd
NEAR = 1e-3  # of a weight: replicate weights of persons that differ by less are one factor times theirs, but rounded
DEPENDENT = 1e-5  # a singular value below this share of the largest counts as 0, as in R


@dataclass(frozen=True, eq=False)
class Supplied:
    """Columns of the data: factors, or weights of replicates that are divided by the weight."""

    columns: tuple[FloatArray, ...]
    weight: FloatArray | None

    def factors(self, first: int, groups: int) -> FloatArray:
        """Return the factors of a block."""
        out = np.ones((groups, len(self.columns[0]), LANES))
        for i in range(first - 1, min(first - 1 + groups * LANES, len(self.columns))):
            group, lane = divmod(i - first + 1, LANES)
            out[group, :, lane] = _over(self.columns[i], self.weight)
        return out


def _over(values: FloatArray, weight: FloatArray | None) -> FloatArray:
    """Return factors: weights of a replicate over the weight, and 1 where there is none."""
    if weight is None:
        return values
    return np.divide(values, weight, out=np.ones_like(values), where=weight > 0)


BOOTSTRAPS = ("bootstrap", "bootstrap-average")
KINDS = (*BOOTSTRAPS, "JK1", "JKn", "JK2", "BRR", "Fay", "ACS", "successive-difference", "other")


@dataclass(frozen=True, repr=False)
class ReplicateColumns(ReplicateDesign):
    """Replicate weights that came with the data, as R's svrepdesign takes them.

    The variance is scale * sum_r rscales_r (theta_r - center)^2, with these scales where none are given, for B columns:

    =========================== ================================= ===================================
    kind                        scale                             center unless ``mse`` says otherwise
    =========================== ================================= ===================================
    "bootstrap"                 1 / (B - 1)                       mean of replicates
    "bootstrap-average"         k / (B - 1)                       mean of replicates
    "JK1"                       (B - 1) / B                       mean of replicates
    "JKn"                       1, and ``rscales`` must be given  full sample
    "JK2"                       1                                 full sample
    "BRR"                       1 / B                             full sample
    "Fay"                       1 / (B (1 - fay)^2)               full sample
    "ACS"                       4 / B                             full sample
    "successive-difference"     4 / B                             full sample
    "other"                     ``scale`` or ``rscales`` given    full sample
    =========================== ================================= ===================================

    R centers on the mean for all of them unless it is told ``mse=TRUE``; ``mse=False`` gives its digits. Stata's
    ``bsn`` is k, its ``fay`` and ``mse`` are the same.

    Parameters
    ----------
    columns : sequence of str, or str
        Names, in the order of ``rscales``; or a text with one ``*`` that stands for a number ("rw*"), in the order of
        the numbers. Of households; of persons with weights of their own (``person_weight``), whose replicates they then
        are, by the same factor for all of a household; or of persons where a household's are the same.
    kind : str
        See above.
    scale : float, default None
    rscales : sequence of float, default None
        One a column.
    mse : bool, default None
        Whether replicates are centered on the value of the full sample rather than on their mean.
    combined : bool, default True
        Whether the columns hold weights, the full weight included; if not, factors on it.
    fay : float in (0, 1), default None
        For "Fay".
    k : int, default None
        For "bootstrap-average": bootstrap samples that each column is the mean of.
    df : int, default None
        Degrees of freedom of every figure. None: PSUs minus strata if the survey names either, else at most the rank of
        the weights less 1.

    Raises
    ------
    InputError
        If a number is lacking or out of range; with a survey, if there are fewer than two columns, or not as many as
        ``rscales``, a value is negative or missing, who has no weight has one in a replicate, or persons of a household
        have several factors.

    References
    ----------
    Lumley, T. (2010). Complex Surveys. Wiley, chapter 2. Valliant, R. and Dever, J. A. (2018). Survey Weights: A
    Step-by-Step Guide to Calculation. Stata Press.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> frame = {"hid": [1, 2], "hhweight": [10, 10], "n": [1, 1], "pc": [50, 90], "rw1": [20, 0], "rw2": [0, 20]}
    >>> survey = sp.Survey(frame, size="n", welfare="pc")
    >>> est = sp.estimate(survey, [sp.MeanWelfare()], replicates=sp.ReplicateColumns("rw*", "JK1"))
    >>> float(est.value[0]), float(est.se[0])
    (70.0, 20.0)

    One column has no spread:

    >>> sp.ReplicateColumns(["rw1"], "bootstrap")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: There must be two columns of replicates or more, but there is 1. Name all of them.
    """

    method: ClassVar[str] = "columns"
    columns: str | Sequence[str]
    kind: str
    scale: float | None = None
    rscales: Sequence[float] | None = None
    mse: bool | None = None
    combined: bool = True
    fay: float | None = None
    k: int | None = None
    df: int | None = None

    def __post_init__(self) -> None:
        choice(self.kind, KINDS, "kind")
        if isinstance(self.columns, str):
            if self.columns.count("*") != 1:
                fail("columns must be names, or a text with one '*'", f"it is {self.columns!r}", "Write 'rw*'.")
        else:
            names = listing(self.columns, str, "columns", "Name the columns, or write 'rw*'.")
            _fail_if_few(len(names))
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                fail("columns must name each column once", f"{twice[0]!r} comes twice", "Leave one out.")
            object.__setattr__(self, "columns", names)
        if self.scale is not None:
            number(self.scale, "scale", above=0)
        if self.rscales is not None:
            given = self.rscales.tolist() if isinstance(self.rscales, np.ndarray) else self.rscales
            if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
                fail_type("rscales must be a list of numbers", given, "Give one a column.")
            scales = tuple(number(value, "Every one of rscales", low=0) for value in given)
            if not any(scales):
                fail("One of rscales at least must be above 0", "none is", "The survey's documentation tells them.")
            object.__setattr__(self, "rscales", scales)
        elif self.kind == "JKn" or (self.kind == "other" and self.scale is None):
            fail(
                f"kind {self.kind!r} needs rscales{' or a scale' if self.kind == 'other' else ''}",
                "there are none",
                "Give one a column: (n - 1) / n of its stratum for JKn; the survey's documentation tells.",
            )
        for name, kind in (("fay", "Fay"), ("k", "bootstrap-average")):
            if (getattr(self, name) is None) == (self.kind == kind):
                came = "there is none" if self.kind == kind else f"kind is {self.kind!r}"
                fail(f"{name} must be given for kind {kind!r}, and for it alone", came, f"Pass {name}= with it.")
        if self.fay is not None:
            number(self.fay, "fay", above=0, below=1)
        if self.k is not None:
            whole(self.k, "k", low=1)
        if self.df is not None:
            whole(self.df, "df", low=1)
        if not isinstance(self.combined, bool):
            fail_type("combined must be True or False", self.combined, "True: columns hold weights; False: factors.")
        flag(self.mse, "mse")

    def bind(self, survey: Survey) -> Replication:
        """Return the factors that a survey's columns hold."""
        names = self._names(survey)
        n = len(names)
        if self.rscales is not None and len(self.rscales) != n:
            fail(
                "There must be one of rscales a column",
                f"{len(self.rscales)} came for {n}",
                "Give all of them.",
            )
        survey.fetch(names)
        columns = [self._checked(survey, name) for name in names]
        weight = survey.weight if self.combined else None
        if any(self._of_persons(survey, name) for name in names):  # these are factors already
            pairs = zip(names, columns, strict=True)
            columns = [v if self._of_persons(survey, name) else _over(v, weight) for name, v in pairs]
            weight = None
        design = survey.design
        unit = _alike(columns, weight, design.psu) if survey.psu_columns else None
        if unit is None:
            unit, rows = np.arange(survey.n_households, dtype=np.int32), np.arange(survey.n_households)
            source = Supplied(tuple(columns), weight)
        else:
            rows = np.unique(unit, return_index=True)[1]
            source = Supplied(tuple(_over(values, weight)[rows] for values in columns), None)
        most_df = None
        if self.df is None and not survey.psu_columns and not survey.strata_columns:
            most_df = _rank(source, n, np.bincount(unit, survey.weight)) - 1
        usual = {
            "bootstrap": 1 / (n - 1),
            "bootstrap-average": (self.k or 1) / (n - 1),
            "JK1": (n - 1) / n,
            "BRR": 1 / n,
            "Fay": 1 / (n * (1 - (self.fay or 0)) ** 2),
            "ACS": 4 / n,
            "successive-difference": 4 / n,
        }
        scale = usual.get(self.kind, 1.0) if self.scale is None else self.scale
        of_bootstrap = self.kind in BOOTSTRAPS
        variance = Variance(
            scale,
            np.ones(n) if self.rscales is None else np.array(self.rscales),
            self.kind not in (*BOOTSTRAPS, "JK1") if self.mse is None else self.mse,
            scale * (n - 1) / n if of_bootstrap else scale,
            self.kind == "bootstrap",
            self.kind not in ("JK1", "JKn", "JK2", "other"),
        )
        return Replication(unit, design.psu[rows], n, source, np.empty((0, len(rows))), variance, self.df, most_df)

    def _names(self, survey: Survey) -> list[str]:
        """Return the names of the columns."""
        known = [*survey.households, *(survey.persons or ())]
        if not isinstance(self.columns, str):
            for name in self.columns:
                fail_if_unknown(name, known, "A column of replicate weights")
            return list(self.columns)
        before, after = map(re.escape, self.columns.split("*"))
        found = {name: int(match[1]) for name in known if (match := re.fullmatch(f"{before}([0-9]+){after}", name))}
        _fail_if_few(len(found), f" that are called {self.columns!r}")
        return sorted(found, key=found.__getitem__)

    def _of_persons(self, survey: Survey, name: str) -> bool:
        """Return whether a column replicates the persons' own weight."""
        own = survey.persons is not None and survey.names["person_weight"] is not None
        return self.combined and own and name not in survey.households

    def _checked(self, survey: Survey, name: str) -> FloatArray:
        """Return a column, every value of which can be a weight; factors where it replicates persons' own weights."""
        of_persons = self._of_persons(survey, name)
        column = survey.person_column(name) if of_persons else survey.household_column(name)
        values = column.numbers(f"The replicate weight {name!r}")
        show = survey.show_person if of_persons else survey.show_household
        fail_if_any(
            ~(np.isfinite(values) & (values >= 0)),
            f"Every replicate weight {name!r} must be known and 0 or more",
            "Mend these rows.",
            lambda i: f"{show(i)}: {values[i]:g}",
        )
        if self.combined:
            fail_if_any(
                ((survey.person_weight if of_persons else survey.weight) == 0) & (values > 0),
                f"A {'person' if of_persons else 'household'} without weight must have none in {name!r}",
                "Mend these rows, or pass combined=False if the columns hold factors.",
                lambda i: f"{show(i)}: {values[i]:g}",
            )
        return _household_factors(survey, name, values) if of_persons else values


def _household_factors(survey: Survey, name: str, values: FloatArray) -> FloatArray:
    """Return the one factor that a replicate weight of persons has in each household, over their own weights."""
    weight = survey.person_weight
    total = survey.sum_over_members(weight)
    fail_if_any(
        (total == 0) & (survey.weight > 0),
        f"A household with weight must have a person with weight, whose {name!r} tells its factor",
        "Give columns of households, which replicate their weight, or of factors with combined=False.",
        survey.show_household,
    )
    factor = _over(survey.sum_over_members(values), total)
    fail_if_any(
        np.abs(values - factor[survey.household_of] * weight) > NEAR * np.maximum(values, weight),
        f"{name!r} over the weight {survey.names['person_weight']!r} must be the same for all persons of a household",
        "Give columns of households, which replicate their weight, or of factors with combined=False.",
        lambda i: f"{survey.show_person(i)}: {values[i]:g} over {weight[i]:g}",
    )
    return factor


def _fail_if_few(columns: int, called: str = "") -> None:
    if columns < 2:
        are = "is 1" if columns else "are none"
        fail(f"There must be two columns of replicates or more{called}", f"there {are}", "Name all of them.")


def _alike(columns: Sequence[FloatArray], weight: FloatArray | None, psu: CodeArray) -> CodeArray | None:
    """Number the households of each PSU that have the same factors throughout, or return None where they do not.

    Rows are told apart by a hash of their factors to twelve digits, and then compared.
    """
    key = psu.astype(np.uint64)
    with np.errstate(over="ignore"):
        for values in columns:
            key ^= (_over(values, weight) + 0.0).round(12).view(np.uint64)
            key *= np.uint64(0x9E3779B97F4A7C15)
            key ^= key >> np.uint64(29)
    _, first, unit = np.unique(key, return_index=True, return_inverse=True)
    if 2 * len(first) > len(psu):  # hardly worth a copy
        return None
    same = first[unit]
    for values in columns:
        factor = _over(values, weight)
        if np.abs(factor - factor[same]).max() > APART * max(1.0, factor.max()):
            return None
    return unit.astype(np.int32) if np.array_equal(psu, psu[same]) else None


def _rank(source: Supplied, n: int, weight: Any) -> int:
    """Return the rank of the factors of units with weight, as the rank of their products with each other.

    Of many units sums are taken first: each goes into three of 4 n, times a number of its own. That keeps the rank of n
    columns with a probability next to 1, and costs a few sums a value.
    """
    rows = np.flatnonzero(weight > 0)
    of = None if source.weight is None else source.weight[rows]
    columns = (_over(values[rows], of) for values in source.columns)
    if len(rows) > 4 * n:
        numbers = np.empty((6, len(rows)))
        for stream, out in enumerate(numbers):
            _random.uniforms(0, rows.astype(np.uint64), stream, SKETCH, out)
        into, times = (4 * n * numbers[:3]).astype(np.intp).ravel(), numbers[3:] - 0.5
        columns = (np.asarray(np.bincount(into, (times * values).ravel(), 4 * n)) for values in columns)
    factors = np.stack(list(columns))
    factors /= np.maximum(np.linalg.norm(factors, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    found = np.linalg.eigvalsh(factors @ factors.T)
    return int((found > DEPENDENT**2 * found[-1]).sum())
