"""Replicate designs: what each replicate multiplies weights by, and how its values become a variance."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ._kernels import _replicates
from ._parallel import LANES
from ._typing import CodeArray, FloatArray
from ._validate import fail, seed, whole
from ._variance import Variance
from .survey import Survey

MOST = 2**31 - 1  # replicates: their number is one word of the counter that random numbers are made from


class FactorSource(Protocol):
    """Where factors come from: workers are sent it."""

    def factors(self, first: int, groups: int) -> FloatArray:
        """Return the factors of the replicates from number ``first`` on: (groups, units, LANES)."""
        ...


@dataclass(frozen=True, eq=False)
class Replication:
    """A replicate design that has met a survey.

    Attributes
    ----------
    unit : ndarray of shape (households,), int32
        Whose factor each household takes.
    psu_of_unit : ndarray of shape (units,), int32
    n : int
        Replicates.
    source : FactorSource
    beside : ndarray of shape (s, units)
        Factors of replicates beside the design's, for strata of one PSU that are centered on the mean of all.
    variance : Variance
    df : int or None
        Degrees of freedom, if they are not PSUs minus strata.
    """

    unit: CodeArray
    psu_of_unit: CodeArray
    n: int
    source: FactorSource
    beside: FloatArray
    variance: Variance
    df: int | None = None

    @property
    def units(self) -> int:
        """Number of factors in a replicate."""
        return len(self.psu_of_unit)


class ReplicateDesign(ABC):
    """A replicate design before it meets a survey."""

    @abstractmethod
    def bind(self, survey: Survey) -> Replication:
        """Return the design on a survey's strata and PSUs."""

    @abstractmethod
    def told(self) -> dict[str, Any]:
        """Return the design as study files and manifests tell it."""


@dataclass(frozen=True)
class Bootstrap(ReplicateDesign):
    """Rao-Wu rescaling bootstrap: n_h - 1 of the n_h PSUs of every stratum, drawn with replacement.

    Each PSU's weight is multiplied by n_h / (n_h - 1) times the number of times it was drawn. The variance of a total
    over replicates is then, in expectation, the usual one of stratified cluster samples drawn with replacement.
    Replicates are pure functions of the seed and their number, from 1 on.

    Parameters
    ----------
    n : int, default 1000
        Replicates. The standard error's own coefficient of variation is about 1 / sqrt(2 n): 2.2 % at 1,000.
    seed : int, default 1
        Key of the random numbers, 0 to 2**64 - 1.

    Raises
    ------
    InputError
        If ``n`` is below 2 or the seed is out of range.

    References
    ----------
    Rao, J. N. K. and Wu, C. F. J. (1988). Resampling inference with complex survey data. JASA 83, 231-241.

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

    n: int = 1000
    seed: int = 1

    def __post_init__(self) -> None:
        if whole(self.n, "The number of replicates", low=2) > MOST:
            fail(f"The number of replicates must be at most {MOST:,}", f"it is {self.n}", "Choose a smaller one.")
        seed(self.seed, "The seed")

    def bind(self, survey: Survey) -> Replication:
        """Return the design on a survey's strata and PSUs."""
        design = survey.design
        m = design.psus_by_stratum.astype(np.float64)
        slope = np.divide(m, m - 1, out=np.ones_like(m), where=m > 1)
        return Replication(
            design.psu,
            np.arange(design.psus, dtype=np.int32),
            self.n,
            _Draws(self.seed, design.stratum_start, slope),
            np.empty((0, design.psus)),
            Variance(1 / (self.n - 1), np.ones(self.n), False, 1 / self.n, True, True),
        )

    def told(self) -> dict[str, Any]:
        """Return the design as study files and manifests tell it."""
        return {"method": "rao-wu", "n": self.n, "seed": self.seed}


@dataclass(frozen=True, eq=False)
class _Draws:
    """Draws of PSUs: what each counts for in its stratum."""

    seed: int
    stratum_start: CodeArray
    slope: FloatArray

    def factors(self, first: int, groups: int) -> FloatArray:
        """Return the factors of the replicates from number ``first`` on."""
        out = np.empty((groups, self.stratum_start[-1], LANES))
        _replicates.rao_wu(self.seed, first, self.stratum_start, self.slope, out)
        return out
