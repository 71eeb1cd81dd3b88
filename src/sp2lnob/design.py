"""The survey's design, and the replicate designs that turn it into factors on its weights.

A replicate multiplies the weight of every PSU by a factor. The Rao-Wu factor is n_h / (n_h - 1) times a count: the
stratum's part is folded into the weights once, and the count alone goes through the kernels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ._kernels import _replicates
from ._parallel import LANES
from ._typing import CodeArray, CountArray, FloatArray, LongArray
from ._validate import choice, fail, seed, whole

MOST = 2**31 - 1  # replicates: their number is one word of the counter that random numbers are made from


@dataclass(frozen=True, eq=False)
class Design:
    """Strata, primary sampling units and households of a survey, as sampled.

    Attributes
    ----------
    psu : ndarray of shape (households,), int32
        PSU of each household; PSUs are numbered by stratum.
    stratum_start : ndarray of shape (strata + 1,), int32
        First PSU of each stratum.
    stratum_labels, psu_labels : tuple of str
        What the data call them.
    """

    psu: CodeArray
    stratum_start: CodeArray
    stratum_labels: tuple[str, ...]
    psu_labels: tuple[str, ...]

    @property
    def psus(self) -> int:
        """Number of PSUs."""
        return int(self.stratum_start[-1])

    @property
    def strata(self) -> int:
        """Number of strata."""
        return len(self.stratum_start) - 1

    @property
    def psus_by_stratum(self) -> CodeArray:
        """Number of PSUs in each stratum."""
        return np.diff(self.stratum_start).astype(np.int32)

    @property
    def single_psu_strata(self) -> tuple[str, ...]:
        """Labels of the strata that have one PSU only."""
        return tuple(label for label, m in zip(self.stratum_labels, self.psus_by_stratum, strict=True) if m == 1)

    @property
    def df(self) -> int:
        """Degrees of freedom: PSUs minus strata."""
        return self.psus - self.strata

    def df_by_level(self, psu: CodeArray, level: CodeArray | LongArray, levels: int, weight: FloatArray) -> LongArray:
        """Return PSUs minus strata among the PSUs and strata that have a row of each level with weight."""
        present = np.zeros((self.psus, levels), dtype=np.int64)
        counts = weight > 0
        present[psu[counts], level[counts]] = 1
        strata = np.add.reduceat(present, self.stratum_start[:-1], axis=0) > 0
        return np.asarray(present.sum(axis=0) - strata.sum(axis=0))


def build_design(
    stratum: CodeArray,
    psu: CodeArray,
    stratum_labels: Sequence[str],
    psu_label: Callable[[int], str],
    single_psu: str = "error",
) -> Design:
    """Number the PSUs of rows sorted by (stratum, PSU), and check that every PSU lies in one stratum.

    ``stratum`` and ``psu`` hold a code a row. A stratum of one PSU has no variance of its own: ``"error"`` names it,
    ``"certainty"`` keeps its PSU in every replicate, so that it adds none (R ``lonely.psu="certainty"``, Stata
    ``singleunit(certainty)``).
    """
    choice(single_psu, ("error", "certainty"), "single_psu")
    new_stratum = np.r_[True, np.diff(stratum) != 0]
    new_psu = new_stratum | np.r_[True, np.diff(psu) != 0]
    begins = np.flatnonzero(new_psu)
    codes, times = np.unique(psu[begins], return_counts=True)
    twice = codes[times > 1]
    if len(twice):
        named = []
        for code in twice[:3]:
            rows = begins[psu[begins] == code]
            strata = " and ".join(stratum_labels[stratum[row]] for row in rows[:3])
            named.append(f"PSU {psu_label(int(rows[0]))} in {strata}")
        fail(
            "Every PSU must lie in one stratum",
            f"{len(twice)} of {len(codes)} do not (first: {'; '.join(named)})",
            "Make PSU identifiers unique, or name the columns that do so together, such as psu=['region', 'ea'].",
        )
    start = np.r_[np.flatnonzero(new_stratum[begins]), len(begins)]
    design = Design(
        (np.cumsum(new_psu) - 1).astype(np.int32),
        start.astype(np.int32),
        tuple(stratum_labels[stratum[row]] for row in np.flatnonzero(new_stratum)),
        tuple(psu_label(int(row)) for row in begins),
    )
    single = design.single_psu_strata
    if single and single_psu == "error":
        fail(
            "Every stratum must have two PSUs or more",
            f"{len(single)} of {design.strata} have one only (first: {'; '.join(single[:3])})",
            "Merge them with a neighboring stratum, or pass single_psu='certainty' if it was sampled with certainty.",
        )
    return design


@dataclass(frozen=True)
class Bootstrap:
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

    def fold(self, design: Design) -> FloatArray:
        """Return the part of every PSU's factor that its weights carry: n_h / (n_h - 1), or 1 for a single PSU."""
        m = design.psus_by_stratum.astype(np.float64)
        return np.repeat(np.divide(m, m - 1, out=np.ones_like(m), where=m > 1), design.psus_by_stratum)

    def counts(self, design: Design, first: int, groups: int) -> CountArray:
        """Return how often each PSU is drawn in the replicates from number ``first`` on: (groups, PSUs, LANES)."""
        out = np.empty((groups, design.psus, LANES), dtype=np.uint8)
        _replicates.rao_wu(self.seed, first, design.stratum_start, out)
        return out


def full_sample(design: Design) -> CountArray:
    """Return the counts of replicate 0, the full sample: every PSU once."""
    return np.ones((1, design.psus, LANES), dtype=np.uint8)


def without_one(design: Design, stratum: int) -> tuple[FloatArray, CountArray]:
    """Return the samples that lack one PSU of a stratum each: the factor that weights carry, and the counts."""
    start, stop = (int(end) for end in design.stratum_start[stratum : stratum + 2])
    size = stop - start
    factor = np.ones(design.psus)
    factor[start:stop] = size / (size - 1)
    counts = np.ones((-(-size // LANES), design.psus, LANES), dtype=np.uint8)
    for i in range(size):
        counts[i // LANES, start + i, i % LANES] = 0
    return factor, counts
