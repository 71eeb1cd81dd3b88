"""Replicate designs: what each makes of a survey's weights, replicate by replicate, and how it measures their spread.

A replicate multiplies weights by factors. A factor belongs to a unit: a PSU, or a household where those of one PSU have
factors of their own. Factors are made a block at a time when they are asked for, and are pure functions of the design
and the replicate's number: a table of them is never held, but for the columns that a survey brings along.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, ClassVar, Protocol

import numpy as np

from ._columns import Column
from ._hadamard import Signs, hadamard, order_above
from ._kernels import _random, _replicates
from ._parallel import LANES
from ._typing import CodeArray, FloatArray, LongArray
from ._validate import (
    choice,
    fail,
    fail_if_any,
    fail_if_unknown,
    fail_type,
    listing,
    number,
    seed as check_seed,
    warn,
    whole,
)
from ._variance import Variance
from .design import SMALL, Design
from .survey import Survey

MOST = 2**31 - 1  # replicates: their number is one word of the counter that random numbers are made from
RESAMPLING, SECOND_STAGE, SKETCH = 0, 3, 4  # purposes of random numbers, as in _kernels/_random.pxd
ROWS = 160  # replicates of successive differences where the sample asks for more; as in the CPS
APART = 1e-12  # factors that differ by less are one: a quotient of weights is not exact
NEAR = 1e-3  # of a weight: replicate weights of persons that differ by less are one factor times theirs, but rounded
DEPENDENT = 1e-5  # a singular value below this share of the largest counts as 0, as in R


class Source(Protocol):
    """Where factors come from. It can be pickled."""

    def factors(self, first: int, groups: int) -> FloatArray:
        """Return the factors of ``groups * LANES`` replicates from number ``first`` on: (groups, units, LANES).

        Replicates are numbered from 1. Those beyond the last have some finite factors.
        """
        ...


@dataclass(frozen=True, eq=False)
class Replication:
    """A replicate design that has met a survey.

    Attributes
    ----------
    unit : ndarray of shape (households,), int32
        The unit whose factor each household takes.
    psu_of_unit : ndarray of shape (units,), int32
    n : int
        Replicates.
    source : Source
    beside : ndarray of shape (s, units)
        Factors of replicates beside the design's own: one for each stratum of one PSU that is centered.
    variance : Variance
    df : int or None
        Degrees of freedom that were given, of every figure; None: PSUs minus strata of its own.
    most_df : int or None
        What these are at most where neither strata nor PSUs are known.
    """

    unit: CodeArray
    psu_of_unit: CodeArray
    n: int
    source: Source
    beside: FloatArray
    variance: Variance
    df: int | None = None
    most_df: int | None = None

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.psu_of_unit)


class ReplicateDesign(ABC):
    """What can be passed as ``replicates``."""

    method: ClassVar[str]

    @abstractmethod
    def bind(self, survey: Survey) -> Replication:
        """Return the design as it applies to a survey."""

    def told(self) -> dict[str, Any]:
        """Return the method and the parameters that were given or have a default, as plain values."""
        return {"method": self.method, **self._given()}

    def _given(self) -> dict[str, Any]:
        values = {item.name: getattr(self, item.name) for item in fields(self)}  # type: ignore[arg-type]
        plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
        return {name: value for name, value in plain.items() if value is not None}

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self._given().items())
        return f"{type(self).__name__}({given})"


def _replication(
    survey: Survey,
    n: int,
    source: Source,
    *,
    scale: float,
    mse: bool,
    rscales: FloatArray | None = None,
    bias_scale: float | None = None,
    resamples: bool = False,
    may_lose: bool = True,
    by_household: bool = False,
) -> Replication:
    """Return the replication of a design of our own, with what the rule for strata of one PSU adds to it."""
    design = survey.design
    psus = np.arange(design.psus, dtype=np.int32)
    psu_of_unit = design.psu if by_household else psus
    lonely, strata = design.lonely, design.strata
    beside, scales = np.empty((0, len(psu_of_unit))), np.empty(0)
    inflation = _inflation(design)
    if lonely.any() and design.single_psu == "centered":
        single = design.stratum_start[:-1][lonely]
        beside = np.where(psu_of_unit == single[:, None], 0.0, strata / (strata - 1))
        scales = (strata - 1) / strata * (1 - design.fraction[lonely])
    variance = Variance(
        scale,
        np.ones(n) if rscales is None else rscales,
        mse,
        inflation * (scale if bias_scale is None else bias_scale),
        resamples,
        may_lose,
        inflation,
        scales,
    )
    unit = np.arange(len(psu_of_unit), dtype=np.int32) if by_household else design.psu
    return Replication(unit, psu_of_unit, n, source, beside, variance)


def _inflation(design: Design) -> float:
    """Return what the first stage's variance is multiplied by where strata of one PSU count as the average."""
    lonely = int(design.lonely.sum()) if design.single_psu == "scaled" else 0
    return design.strata / (design.strata - lonely)


def _flag(value: object, what: str) -> None:
    """Raise unless a value is true, false, or None."""
    if value is not None and not isinstance(value, bool):
        fail_type(f"{what} must be True, False or None", value, "Leave it out for the design's own.")


def _flag_or_true(design: "BRR | SuccessiveDifference") -> None:
    """Raise unless mse is true, false, or None, which is these designs' own: true."""
    _flag(design.mse, "mse")
    if design.mse is None:
        object.__setattr__(design, "mse", True)  # so that both are called the same


# -- bootstrap --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws with replacement from groups of units: factors base + slope * times drawn."""

    seed: int
    purpose: int
    start: CodeArray
    draws: CodeArray
    base: FloatArray
    slope: FloatArray

    def factors(self, first: int, groups: int) -> FloatArray:
        """Return the factors of a block."""
        out = np.empty((groups, self.start[-1], LANES))
        room = np.empty((int(np.diff(self.start).max()), LANES), dtype=np.int32)
        _replicates.rao_wu(self.seed, first, self.purpose, self.start, self.draws, self.base, self.slope, room, out)
        return out


@dataclass(frozen=True, eq=False)
class TwoStages:
    """Draws of PSUs, and draws of households within every PSU, drawn or not."""

    first: Draws
    second: Draws
    psu: CodeArray

    def factors(self, first: int, groups: int) -> FloatArray:
        """Return the factors of a block."""
        out = self.second.factors(first, groups)
        for of_households, of_psus in zip(out, self.first.factors(first, groups), strict=True):
            of_households *= of_psus[self.psu]
        return out


@dataclass(frozen=True, repr=False)
class Bootstrap(ReplicateDesign):
    r"""Rao-Wu rescaling bootstrap: PSUs of every stratum, drawn with replacement.

    Of the n PSUs of a stratum m are drawn, n - 1 unless ``draws`` says otherwise. With f the share of PSUs in the
    sample, 0 without ``fpc``, and lambda = sqrt(m (1 - f) / (n - 1)), a PSU that was drawn t times has the factor
    1 - lambda + lambda (n / m) t: with m = n - 1 and f = 0 it is n / (n - 1) t. The variance of a total over replicates
    is then, in expectation, the usual one of stratified cluster samples. Replicates are pure functions of the seed and
    their number, from 1 on.

    Where ``fpc`` names both stages, households are drawn within every PSU as well, and each has a factor of its own
    (Rao-Wu-Yue-Beaumont): that of its PSU times 1 - c + c b, where b is the same formula within the PSU and
    c = sqrt(f / (2 - f)). No factor is ever negative. Where strata of one PSU count as the average of the others
    (``single_psu="scaled"``), all of the variance is multiplied by a number, and c^2 is divided by it: what such strata
    lack is a term of the first stage, not of the second.

    Parameters
    ----------
    n : int, default 1000
        Replicates. The standard error's own coefficient of variation is about 1 / sqrt(2 n): 2.2 % at 1,000.
    seed : int, default 1
        Key of the random numbers, 0 to 2**64 - 1.
    draws : int, default None
        PSUs drawn in every stratum; None: one less than it has. At most (n - 1) / (1 - f).
    mse : bool, default None
        Whether replicates are centered on the value of the full sample; None: on their mean.

    Raises
    ------
    InputError
        If ``n`` is below 2 or the seed is out of range; with a survey, if ``draws`` is more than a stratum allows, or
        nothing can be drawn: no stratum has two PSUs, or all of them are in the sample.

    References
    ----------
    Rao, J. N. K. and Wu, C. F. J. (1988). Resampling inference with complex survey data. JASA 83, 231-241.
    Beaumont, J.-F. and Emond, N. (2022). A bootstrap variance estimation method for multistage sampling and two-phase
    sampling when Poisson sampling is used at the second phase. Stats 5, 339-357.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Bootstrap(500, seed=7)
    Bootstrap(n=500, seed=7)

    Two replicates are the fewest that have a spread:

    >>> sp.Bootstrap(1)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: The number of replicates must be 2 or more, but it is 1. Correct the value.
    """

    method: ClassVar[str] = "rao-wu"
    n: int = 1000
    seed: int = 1
    draws: int | None = None
    mse: bool | None = None

    def __post_init__(self) -> None:
        if whole(self.n, "The number of replicates", low=2) > MOST:
            fail(f"The number of replicates must be at most {MOST:,}", f"it is {self.n}", "Choose a smaller one.")
        check_seed(self.seed, "The seed")
        if self.draws is not None:
            whole(self.draws, "draws", low=1)
        _flag(self.mse, "mse")

    def bind(self, survey: Survey) -> Replication:
        """Return the draws from a survey's PSUs, and from their households where both sampling fractions are known."""
        design = survey.design
        size, f = design.psus_by_stratum, design.fraction
        draws = np.full(design.strata, self.draws) if self.draws else size - 1
        draws[(size == 1) | (f == 1)] = 0  # kept in every replicate
        bad = draws * (1 - f) > (size - 1) * (1 + APART)
        if bad.any():
            named = "; ".join(f"{design.stratum_labels[h]}: {size[h]} PSUs" for h in np.flatnonzero(bad)[:3])
            fail(
                "draws must be at most (n - 1) / (1 - f) in every stratum of n PSUs, or factors are negative",
                f"{self.draws} are more in {bad.sum():,} of {design.strata:,} (first: {named})",
                "Choose fewer, or leave draws out: one less than the stratum has.",
            )
        of_psus = self._drawn(RESAMPLING, design.stratum_start, draws, f, np.ones(design.strata))
        source: Source = of_psus
        vary = int(of_psus.slope.any())
        if design.second is not None:
            start, psu, n = _households(design)
            # Of the variance within a PSU the share f counts, and the square of the PSU's own factor multiplies it: in
            # expectation 2 - f, but 1 where the PSU is kept in every replicate. Inflation is the first stage's alone,
            # but multiplies all: what it adds to this one is taken off beforehand.
            kept = np.sqrt(f / np.where(draws > 0, 2 - f, 1) / _inflation(design))
            c = np.repeat(kept, size)[psu]
            within = self._drawn(SECOND_STAGE, start, n - 1, design.second[psu], c)
            source = TwoStages(of_psus, within, design.psu)
            vary += int(within.slope.any())
        _fail_if_none(vary)
        return _replication(
            survey,
            self.n,
            source,
            scale=1 / (self.n - 1),
            mse=bool(self.mse),
            bias_scale=1 / self.n,
            resamples=True,
            by_household=design.second is not None,
        )

    def _drawn(
        self, purpose: int, start: CodeArray, draws: CodeArray | LongArray, f: FloatArray, share: FloatArray
    ) -> Draws:
        """Return draws whose factors are 1 - share + share (1 - lambda + lambda n / m t)."""
        n, m = np.diff(start), np.maximum(draws, 1)
        strength = np.where(draws > 0, share * np.sqrt(np.minimum(m * (1 - f) / np.maximum(n - 1, 1), 1)), 0.0)
        return Draws(self.seed, purpose, start, draws.astype(np.int32), 1 - strength, strength * n / m)


def _households(design: Design) -> tuple[CodeArray, CodeArray, LongArray]:
    """Return where the households of each PSU begin, which PSU that is, and how many they are.

    Households of a PSU stand together, but PSUs were numbered anew where strata were joined.
    """
    start = np.r_[0, np.flatnonzero(np.diff(design.psu)) + 1, len(design.psu)].astype(np.int32)
    return start, design.psu[start[:-1]], np.diff(start).astype(np.int64)


# -- jackknife --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class LeftOut:
    """One PSU at a time is left out, and those of its stratum take its place."""

    psu: CodeArray  # (replicates,) the one that is left out
    start: CodeArray  # (replicates,) PSUs of its stratum
    stop: CodeArray
    psus: int
    psu_of_unit: CodeArray | None = None  # where units are households

    @classmethod
    def of(cls, design: Design, psu_of_unit: CodeArray | None = None) -> tuple["LeftOut", LongArray]:
        """Return the samples that lack one PSU of a stratum that was resampled, and the stratum of each."""
        size = design.psus_by_stratum
        stratum = np.repeat(np.arange(design.strata), size)
        psu = np.flatnonzero(((size > 1) & (design.fraction < 1))[stratum])  # of a census nothing is left out
        of, start = stratum[psu], design.stratum_start
        return cls(psu.astype(np.int32), start[of], start[of + 1], design.psus, psu_of_unit), of

    def factors(self, first: int, groups: int) -> FloatArray:
        """Return the factors of a block."""
        out = np.ones((groups, self.psus, LANES))
        for i in range(first - 1, min(first - 1 + groups * LANES, len(self.psu))):
            group, lane = divmod(i - first + 1, LANES)
            start, stop = self.start[i], self.stop[i]
            out[group, start:stop, lane] = (stop - start) / (stop - start - 1)
            out[group, self.psu[i], lane] = 0
        return out if self.psu_of_unit is None else np.take(out, self.psu_of_unit, axis=1)


@dataclass(frozen=True, repr=False)
class Jackknife(ReplicateDesign):
    """Delete-one jackknife: every PSU is left out once, and the others of its stratum carry its weight.

    The factor is 0 for the PSU, n / (n - 1) for the others of its stratum of n, and 1 elsewhere. The variance of a
    total is exactly the usual one, with ``fpc`` of the first stage too; a second stage is left out. Quantiles and what
    rests on them are not smooth, and the jackknife's standard errors of them are wrong however large the sample:
    prefer Bootstrap.

    Parameters
    ----------
    kind : {"JK1", "JKn"}, default None
        R's names: one stratum, or several. None: by the survey.
    mse : bool, default None
        Whether replicates are centered on the value of the full sample rather than on their mean. None: for JKn they
        are, and for JK1 not. R's digits: ``mse=False``.

    Raises
    ------
    InputError
        If ``kind`` is neither; with a survey, if it is "JK1" and there are several strata, or if no stratum has two
        PSUs.

    References
    ----------
    Wolter, K. (2007). Introduction to Variance Estimation, 2nd ed. Springer, chapter 4.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> frame = {"hid": [1, 2, 3], "hhweight": [10, 10, 10], "n": [1, 1, 1]}
    >>> sp.replicate_weights(sp.Survey(frame, size="n"), sp.Jackknife())["rw_1"].tolist()
    [0.0, 15.0, 15.0]

    One stratum is what "JK1" is for:

    >>> survey = sp.Survey({**frame, "hid": [1, 2, 3], "area": [1, 1, 1]}, size="n", strata="area")
    >>> sp.Jackknife("JK1").bind(survey).n
    3
    """

    method: ClassVar[str] = "jackknife"
    kind: str | None = None
    mse: bool | None = None

    def __post_init__(self) -> None:
        if self.kind is not None:
            choice(self.kind, ("JK1", "JKn"), "kind")
        _flag(self.mse, "mse")

    def bind(self, survey: Survey) -> Replication:
        """Return the samples of a survey that lack one PSU each."""
        design = survey.design
        kind = self.kind or ("JK1" if design.strata == 1 else "JKn")
        if kind == "JK1" and design.strata > 1:
            fail("kind 'JK1' needs a single stratum", f"there are {design.strata:,}", "Use 'JKn', or leave it out.")
        _warn_of_second_stage(design, "the jackknife")
        size, f = design.psus_by_stratum, design.fraction
        source, of = LeftOut.of(design)
        _fail_if_none(len(of))
        scales = (1 - f[of]) * (size[of] - 1) / size[of]
        jk1 = kind == "JK1"
        return _replication(
            survey,
            len(of),
            source,
            scale=float(scales[0]) if jk1 else 1.0,
            rscales=None if jk1 else scales,
            mse=not jk1 if self.mse is None else self.mse,
            may_lose=False,
        )


def _fail_if_none(resampled: int) -> None:
    """Raise if nothing can be resampled."""
    if not resampled:
        fail(
            "A stratum must have two PSUs or more, not all of its population",
            "none has",
            "There is no variance to estimate: name PSUs and strata anew.",
        )


def _warn_of_second_stage(design: Design, what: str) -> None:
    """Warn where a design that knows PSUs alone leaves out a variance that matters."""
    if design.second is not None and design.fraction.max() > SMALL:
        warn(
            f"The variance within PSUs should count where more than {SMALL:.0%} of the PSUs are in the sample",
            f"{what} leaves it out",
            "Use Bootstrap(), which has it.",
        )


# -- balanced repeated replication, and successive differences --------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Balanced:
    """Factors from two rows of a Hadamard matrix: 1 + plus * H[one] - minus * H[two]; columns are replicates."""

    matrix: Signs
    one: CodeArray  # (units,)
    two: CodeArray
    plus: FloatArray
    minus: FloatArray

    def factors(self, first: int, groups: int) -> FloatArray:
        """Return the factors of a block."""
        column = (first - 1 + np.arange(groups * LANES)).reshape(groups, 1, LANES) % len(self.matrix)
        out = self.matrix[self.one[:, None], column] * self.plus[:, None]
        out -= self.matrix[self.two[:, None], column] * self.minus[:, None]
        out += 1
        return out


@dataclass(frozen=True, repr=False)
class BRR(ReplicateDesign):
    """Balanced repeated replication: of the two PSUs of every stratum one is raised, the other lowered.

    Factors are 2 - fay and fay. Which PSU is raised is the sign of a Hadamard matrix, so that every two strata have all
    four combinations equally often, and the variance of a total is exactly the usual one. Its constant row is used for
    no stratum: every PSU is then raised in half of the replicates, and centering on the mean or on the value of the
    full sample are the same for a total. The number of replicates is the smallest order above the number of strata.

    Parameters
    ----------
    fay : float in [0, 1), default 0.0
        Fay's coefficient: what the lowered PSU keeps. With 0 it is absent, and small groups may be too; 0.3 to 0.5
        keeps everybody in.
    mse : bool, default True
        Whether replicates are centered on the value of the full sample rather than on their mean.

    Raises
    ------
    InputError
        If ``fay`` is out of range; with a survey, if a stratum has not two PSUs. Strata of one PSU are allowed where
        ``single_psu`` says what becomes of them.

    Warns
    -----
    SP2LNOBWarning
        If the survey has ``fpc``: it is not used, and standard errors are on the safe side.

    References
    ----------
    McCarthy, P. J. (1969). Pseudo-replication: half samples. Review of the International Statistical Institute 37.
    Judkins, D. R. (1990). Fay's method for variance estimation. Journal of Official Statistics 6, 223-239.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> frame = {"hid": [1, 2, 3, 4], "hhweight": [1, 1, 1, 1], "n": [1, 1, 1, 1], "area": [1, 1, 2, 2]}
    >>> survey = sp.Survey(frame, size="n", strata="area")
    >>> sp.replicate_weights(survey, sp.BRR()).iloc[:, 2:].values.tolist()
    [[0.0, 2.0, 0.0, 2.0], [2.0, 0.0, 2.0, 0.0], [0.0, 2.0, 2.0, 0.0], [2.0, 0.0, 0.0, 2.0]]

    Three PSUs are no pair:

    >>> sp.BRR().bind(sp.Survey(frame, size="n"))
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: BRR needs two PSUs in every stratum, but 1 of 1 have not (first: all: 4). Use Jackknife() or ...
    """

    method: ClassVar[str] = "brr"
    fay: float = 0.0
    mse: bool | None = True

    def __post_init__(self) -> None:
        number(self.fay, "fay", low=0, high=1)
        if self.fay == 1:
            fail("fay must be below 1", "it is 1", "0.3 to 0.5 are usual.")
        _flag_or_true(self)

    def bind(self, survey: Survey) -> Replication:
        """Return the half samples of a survey."""
        design = survey.design
        size = design.psus_by_stratum
        bad = size > 2
        if bad.any():
            named = "; ".join(f"{design.stratum_labels[h]}: {size[h]}" for h in np.flatnonzero(bad)[:3])
            fail(
                "BRR needs two PSUs in every stratum",
                f"{bad.sum():,} of {design.strata:,} have not (first: {named})",
                "Use Jackknife() or Bootstrap(), or make strata of two.",
            )
        _fail_if_none(int((size == 2).sum()))
        if design.fraction.any():
            warn(
                "Half samples should come from large populations",
                "BRR cannot use fpc, and leaves it out",
                "Use Bootstrap() or Jackknife() if it matters; standard errors are on the safe side without it.",
            )
        row = np.cumsum(size == 2)  # from 1 on: row 0 is constant
        first = np.repeat(row, size).astype(np.int32)
        sign = np.where(np.arange(design.psus) == np.repeat(design.stratum_start[:-1], size), 1.0, -1.0)
        plus = np.where(np.repeat(size == 2, size), sign * (1 - self.fay), 0.0)
        n = order_above(int(row[-1]))
        source = Balanced(hadamard(n), first, first, plus, np.zeros(design.psus))
        return _replication(survey, n, source, scale=1 / (n * (1 - self.fay) ** 2), mse=bool(self.mse))


@dataclass(frozen=True, repr=False)
class SuccessiveDifference(ReplicateDesign):
    """Successive difference replication, for a systematic sample: the variance is that between neighbors.

    A systematic sample is drawn from a list in some order, from which it takes its precision: the jackknife and the
    bootstrap, that know strata alone, overstate its variance. Within each stratum the units (PSUs, or households where
    no PSU is named) make a closed chain in the order of sampling, and the factor of unit i is
    1 + 2^-1.5 sqrt(1 - f) (H[i, r] - H[i + 1, r]), about 0.29, 1 or 1.71. With a row of the matrix for every unit the
    variance of a total is exactly (1 - f) / 2 times the sum of (y_i+1 - y_i)^2 over the chain. The constant row is not
    used. Where units outnumber rows, these are taken in rounds of another step each, so that no two rows are neighbors
    twice until the steps are used up; the variance then holds on average, and the more closely the more replicates.

    Parameters
    ----------
    order : str or sequence of str
        Columns by which the list was sorted before it was sampled; a column decides where those before it are equal,
        and the identifiers of PSUs where all are.
    n : int, default None
        Replicates wished for, 4 or more; the next order of a Hadamard matrix is used. None: enough for a row of its own
        for every unit, but at most 160, as in the U.S. Current Population Survey.
    mse : bool, default True
        Whether replicates are centered on the value of the full sample rather than on their mean.

    Raises
    ------
    InputError
        If ``n`` is below 4; with a survey, if a column is lacking, unknown for a row, not the same within a PSU, or
        holds numbers as text that does not sort as they do ("10" before "2").

    References
    ----------
    Fay, R. E. and Train, G. F. (1995). Aspects of survey and model-based postcensal estimation of income and poverty
    characteristics for states and counties. Proceedings of the Section on Government Statistics, ASA, 154-159. Ash, S.
    (2014). Using successive difference replication for estimating variances. Survey Methodology 40, 47-59.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> frame = {"hid": [1, 2, 3], "hhweight": [1, 1, 1], "n": [1, 1, 1], "position": [3, 1, 2]}
    >>> survey = sp.Survey(frame, size="n")
    >>> sp.replicate_weights(survey, sp.SuccessiveDifference("position")).iloc[:, 2:].round(2).values.tolist()
    [[1.0, 0.29, 1.71, 1.0], [1.0, 1.0, 0.29, 1.71], [1.0, 1.71, 1.0, 0.29]]

    The number of replicates is the order of a matrix:

    >>> sp.SuccessiveDifference("position", n=75).bind(survey).n
    76
    """

    method: ClassVar[str] = "successive-difference"
    order: str | Sequence[str]
    n: int | None = None
    mse: bool | None = True

    def __post_init__(self) -> None:
        names = (self.order,) if isinstance(self.order, str) else self.order
        names = listing(names, str, "order", "Name one column, or a list of them.")
        if not names:
            fail("order must name a column", "it is empty", "Name those by which the list was sorted.")
        object.__setattr__(self, "order", names)
        if self.n is not None:
            whole(self.n, "n", low=4)
        _flag_or_true(self)

    def bind(self, survey: Survey) -> Replication:
        """Return the chains of a survey's units."""
        design = survey.design
        _warn_of_second_stage(design, "successive difference replication")
        chain = self._chain(survey)
        size = design.psus_by_stratum
        _fail_if_none(int((size > 1).sum()))
        wished = min(design.psus + 1, ROWS) if self.n is None else self.n
        n = order_above(max(wished, 4) - 1)
        row, following = _rows(size.tolist(), n - 1)
        one, two = np.empty_like(row), np.empty_like(row)
        one[chain], two[chain] = row, following
        strength = np.repeat(np.where(size > 1, np.sqrt(1 - design.fraction) / np.sqrt(8), 0.0), size)
        return _replication(
            survey, n, Balanced(hadamard(n), one, two, strength, strength), scale=4 / n, mse=bool(self.mse)
        )

    def _chain(self, survey: Survey) -> LongArray:
        """Return PSUs by stratum and within it in the order of sampling."""
        design = survey.design
        survey.fetch(self.order)
        keys = []
        for name in self.order:
            column = survey.household_column(name)
            _fail_if_numbers_as_text(column)
            values = column.values
            fail_if_any(
                np.isnan(values),
                f"The order {name!r} must be known for every unit",
                "Mend these rows.",
                survey.show_household,
            )
            of_psu = np.empty(design.psus)
            of_psu[design.psu] = values
            fail_if_any(
                values != of_psu[design.psu],
                f"The order {name!r} must be the same throughout a PSU",
                "Name a column of PSUs, or one in which their first household tells.",
                lambda i: f"PSU {design.psu_labels[design.psu[i]]}",
            )
            keys.append(of_psu)
        stratum = np.repeat(np.arange(design.strata), design.psus_by_stratum)
        return np.lexsort([*keys[::-1], stratum])


def _fail_if_numbers_as_text(column: Column) -> None:
    """Raise if the order of texts is not that of the numbers that they are; of equal length they sort alike."""
    if column.levels is None or column.ordered:
        return
    try:
        numbers = [float(level) for level in column.levels]
    except ValueError:
        return
    for i, (one, two) in enumerate(pairwise(numbers)):
        if two < one:
            fail(
                f"The order {column.name!r} must sort as it was sampled",
                f"it is text, of which {column.levels[i]!r} comes before {column.levels[i + 1]!r}",
                "Convert the column to numbers.",
            )


def _rows(sizes: Sequence[int], rows: int) -> tuple[CodeArray, CodeArray]:
    """Return the row of each unit of chains one after the other, and that of the next in its chain; from 1 to ``rows``.

    Rows are walked in rounds. A round of step s that has no divisor in common with their number meets all of them, each
    s after the one before; steps up to half of the number never make neighbors of two rows again.
    """
    steps = [s for s in range(1, rows // 2 + 1) if np.gcd(s, rows) == 1]
    needed = sum(sizes) + len(sizes)  # a chain may pass over one
    rounds = -(-needed // rows)
    step = np.resize(steps, rounds)
    walk = (np.arange(rows) * step[:, None] % rows).ravel() + 1
    row, following, at = [], [], 0
    for size in sizes:
        chain = walk[at : at + size].copy()
        at += size
        if size > 2 and chain[-1] == chain[0]:  # its ends would be one
            chain[-1] = walk[at]
            at += 1
        row.append(chain)
        following.append(np.roll(chain, -1))
    return np.concatenate(row).astype(np.int32), np.concatenate(following).astype(np.int32)


# -- replicate weights that the data bring along ----------------------------------------------------------------------


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
        _flag(self.mse, "mse")

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
