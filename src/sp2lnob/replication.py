"""Replicate designs: what each makes of a survey's weights, replicate by replicate, and how it measures their spread.

A replicate multiplies weights by factors. A factor belongs to a unit: a PSU, or a household where those of one PSU have
factors of their own. Factors are made a block at a time when they are asked for, and are pure functions of the design
and the replicate's number: a table of them is never held, but for the columns that a survey brings along.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, ClassVar, Protocol

import numpy as np

from ._columns import Column
from ._hadamard import Signs, hadamard, order_above
from ._kernels import _replicates
from ._parallel import LANES
from ._typing import CodeArray, FloatArray, LongArray
from ._validate import (
    choice,
    fail,
    fail_if_any,
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
RESAMPLING, SECOND_STAGE = 0, 3  # purposes of random numbers, as in _kernels/_random.pxd
ROWS = 160  # replicates of successive differences where the sample asks for more; as in the CPS
APART = 1e-12  # factors that differ by less are one: a quotient of weights is not exact


class Source(Protocol):
    """Where factors come from. It can be pickled."""

    def factors(self, first: int, groups: int) -> FloatArray:
        """Return the factors of ``groups * LANES`` replicates from number ``first`` on: (groups, units, LANES).

        Replicates are numbered from 1. Those beyond the last have some finite factors.
        """
        ...


MOST_LEFT_OUT = 5_000  # PSUs up to which the sample is evaluated without each of them


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


def flag(value: object, what: str) -> None:
    """Raise unless a value is true, false, or None."""
    if value is not None and not isinstance(value, bool):
        fail_type(f"{what} must be True, False or None", value, "Leave it out for the design's own.")


def _flag_or_true(design: "BRR | SuccessiveDifference") -> None:
    """Raise unless mse is true, false, or None, which is these designs' own: true."""
    flag(design.mse, "mse")
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
        flag(self.mse, "mse")

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
        flag(self.mse, "mse")

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
