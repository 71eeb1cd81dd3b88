"""The survey's design: strata, primary sampling units, and how few of them there may be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ._parallel import LANES
from ._typing import CodeArray, FloatArray, LongArray
from ._validate import choice, fail


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

    def by_level(
        self, psu: CodeArray, level: CodeArray | LongArray, levels: int, weight: FloatArray
    ) -> tuple[LongArray, FloatArray]:
        """Return what the levels of rows rest on.

        PSUs minus strata among those that have a row of a level with weight; and its PSUs, were they of equal weight:
        the square of their weights' sum over the sum of their squares (Kish 1965), 0 for a level without weight.
        """
        total = np.bincount(psu * np.int64(levels) + level, weight, self.psus * levels).reshape(self.psus, levels)
        present = (total > 0).astype(np.int64)
        strata = np.add.reduceat(present, self.stratum_start[:-1], axis=0) > 0
        squares = (total**2).sum(axis=0)
        effective = np.divide(total.sum(axis=0) ** 2, squares, out=np.zeros(levels), where=squares > 0)
        return np.asarray(present.sum(axis=0) - strata.sum(axis=0)), effective


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


def without_one(design: Design, stratum: int) -> FloatArray:
    """Return the factors of the samples that lack one PSU of a stratum each: (groups, PSUs, LANES)."""
    start, stop = (int(end) for end in design.stratum_start[stratum : stratum + 2])
    size = stop - start
    factors = np.ones((-(-size // LANES), design.psus, LANES))
    factors[:, start:stop] = size / (size - 1)
    for i in range(size):
        factors[i // LANES, start + i, i % LANES] = 0.0
    return factors
