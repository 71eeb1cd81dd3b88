"""The survey's design as sampled: strata, PSUs, sampling fractions, and what becomes of a stratum of one PSU."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ._sweeps import level_counts
from ._typing import BoolArray, CodeArray, FloatArray, LongArray
from ._validate import choice, fail, fail_if_any, shown, warn

SINGLE_PSU = ("error", "certainty", "collapse", "scaled", "centered")
SYNONYMS = {"fail": "error", "remove": "certainty", "average": "scaled", "adjust": "centered"}  # R's words
SMALL = 0.05  # a fraction of PSUs below which it hardly matters that the second stage's variance is left out


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
        What the data call them; strata that were joined are called by all of their names.
    fraction : ndarray of shape (strata,)
        Share of the stratum's PSUs that are in the sample; 0 where it is not known or does not matter.
    second : ndarray of shape (PSUs,), or None
        Share of the PSU's households that are in the sample; None where it is not known.
    single_psu : {"error", "certainty", "collapse", "scaled", "centered"}
        What becomes of a stratum of one PSU.
    """

    psu: CodeArray
    stratum_start: CodeArray
    stratum_labels: tuple[str, ...]
    psu_labels: tuple[str, ...]
    fraction: FloatArray
    second: FloatArray | None
    single_psu: str

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
    def lonely(self) -> BoolArray:
        """Strata of one PSU that others stand beside it for in the population: one of one is a census."""
        return np.asarray((self.psus_by_stratum == 1) & (self.fraction < 1))

    @property
    def df(self) -> int:
        """Degrees of freedom: PSUs minus strata."""
        return self.psus - self.strata

    def variances(self, totals: FloatArray) -> FloatArray:
        """Return what each PSU adds to the variance of a sum, given by PSU: drawn again within strata, no correction.

        A PSU alone in its stratum adds nothing.
        """
        size = np.repeat(self.psus_by_stratum, self.psus_by_stratum)
        mean = np.repeat(np.add.reduceat(totals, self.stratum_start[:-1]), self.psus_by_stratum) / size
        return np.where(size > 1, size / np.maximum(size - 1, 1), 0.0) * (totals - mean) ** 2

    def by_level(
        self, psu: CodeArray, level: CodeArray | LongArray, levels: int, weight: FloatArray
    ) -> tuple[LongArray, LongArray, FloatArray]:
        """Return what the levels of rows rest on.

        Rows of a level with weight; PSUs minus strata among those that have one; and its PSUs, were they of equal
        weight: the square of their weights' sum over the sum of their squares (Kish 1965), 0 for a level without
        weight.
        """
        level = level.astype(np.int32, copy=False)
        if (psu[1:] < psu[:-1]).any():  # as rows seldom are
            order = np.argsort(psu, kind="stable")
            psu, level, weight = psu[order], level[order], weight[order]
        stratum = np.repeat(np.arange(self.strata, dtype=np.int32), self.psus_by_stratum)
        (n, psus, strata), (total, squares) = level_counts(psu, stratum, level, weight, levels)
        effective = np.divide(total**2, squares, out=np.zeros(levels), where=squares > 0)
        return n, psus - strata, effective


def build_design(
    stratum: CodeArray,
    psu: CodeArray,
    stratum_labels: Sequence[str],
    psu_label: Callable[[int], str],
    single_psu: str = "error",
    population: Sequence[tuple[str, FloatArray]] = (),
    show: Callable[[int], str] = "row {}".format,
) -> Design:
    """Number the PSUs of rows sorted by (stratum, PSU), and check that every PSU lies in one stratum.

    ``stratum`` and ``psu`` hold a code a row; ``population`` the name and the values of the columns that say how many
    units there are, or what share is in the sample: of PSUs, and of rows within a PSU. A stratum of one PSU has no
    variance of its own. ``"error"`` names it. ``"certainty"`` keeps its PSU in every replicate, so that it adds none (R
    ``"certainty"`` and ``"remove"``, Stata ``singleunit(certainty)``). ``"collapse"`` joins such strata. ``"scaled"``
    lets it count as the average of the others (R ``"average"``), ``"centered"`` by its distance from the mean of all (R
    ``"adjust"``). One PSU of one in the population is a census, and always kept.
    """
    rule = single_psu_rule(single_psu)
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
    labels = tuple(stratum_labels[stratum[row]] for row in np.flatnonzero(new_stratum))
    names = tuple(psu_label(int(row)) for row in begins)
    number = (np.cumsum(new_psu) - 1).astype(np.int32)
    in_stratum = np.cumsum(new_stratum) - 1
    fraction, second = np.zeros(len(labels)), None
    if population:
        fraction = _fraction(*population[0], in_stratum, np.diff(start), labels, "stratum", "PSUs", show)
    if len(population) > 1:
        second = _fraction(*population[1], number, np.bincount(number), names, "PSU", "households", show)
    elif fraction.max() > SMALL and len(begins) < len(psu):
        warn(
            f"fpc should name a second stage where more than {SMALL:.0%} of the PSUs are in the sample",
            f"fpc={population[0][0]!r} names the first alone, so that the variance within PSUs is left out",
            "Pass fpc=[of PSUs, of households within the PSU], or neither: standard errors are then on the safe side.",
        )
    design = Design(number, start.astype(np.int32), labels, names, fraction, second, rule)
    lonely = design.lonely
    if not lonely.any() or rule == "certainty":
        return design
    single = [labels[h] for h in np.flatnonzero(lonely)]
    if rule == "error":
        fail(
            "Every stratum must have two PSUs or more",
            f"{len(single)} of {design.strata} have one only (first: {'; '.join(single[:3])})",
            "Merge them with a neighboring stratum, or pass single_psu='certainty' if it was sampled with certainty; "
            "'collapse', 'scaled' and 'centered' are other ways out.",
        )
    if rule == "scaled" and lonely.all():
        fail(
            "single_psu='scaled' needs a stratum of two PSUs or more, whose variance the others are given",
            "there is none",
            "Pass single_psu='collapse'.",
        )
    if design.strata == 1:
        fail(f"single_psu={rule!r} needs two strata or more", "there is one, of one PSU", "Name PSUs and strata anew.")
    return _collapsed(design) if rule == "collapse" else design


def single_psu_rule(value: object) -> str:
    """Return the rule for strata of one PSU by our name for it; R's names are understood."""
    return choice(SYNONYMS.get(value, value) if isinstance(value, str) else value, SINGLE_PSU, "single_psu")


def _fraction(
    name: str,
    values: FloatArray,
    group: CodeArray | LongArray,
    size: LongArray,
    labels: Sequence[str],
    what: str,
    units: str,
    show: Callable[[int], str],
) -> FloatArray:
    """Return the share of each group's units that are in the sample, from a column of shares or of numbers."""
    fail_if_any(
        ~(np.isfinite(values) & (values > 0)),
        f"Every fpc {name!r} must be known and above 0",
        "Mend these rows, or leave out fpc=.",
        lambda i: f"{show(i)}: {shown(float(values[i]))}",
    )
    if values.min() < 1 < values.max():
        low, high = int(np.argmin(values)), int(np.argmax(values))
        fail(
            f"All of fpc {name!r} must be shares of at most 1, or all of them numbers of {units}",
            f"both came ({show(low)}: {values[low]:g}; {show(high)}: {values[high]:g})",
            "Use one of the two.",
        )
    of_group = np.zeros(len(labels))
    of_group[group] = values
    _fail_for(
        np.bincount(group, values != of_group[group], len(labels)) > 0,
        f"fpc {name!r} must be the same throughout a {what}",
        "Correct these rows.",
        lambda g: f"{what} {labels[g]}: {' and '.join(f'{v:g}' for v in np.unique(values[group == g])[:3])}",
    )
    if values.max() <= 1:
        return of_group
    _fail_for(
        of_group < size,
        f"fpc {name!r} must be at least the number of {units} in the sample",
        "Count those of the population.",
        lambda g: f"{what} {labels[g]}: {of_group[g]:g} and {size[g]} in the sample",
    )
    return np.asarray(size / of_group)


def _fail_for(bad: BoolArray, must: str, mend: str, show: Callable[[int], str]) -> None:
    """Raise if a stratum or a PSU is marked bad."""
    if bad.any():
        named = "; ".join(show(int(g)) for g in np.flatnonzero(bad)[:3])
        fail(must, f"in {bad.sum():,} of {len(bad):,} it is not (first: {named})", mend)


def _collapsed(design: Design) -> Design:
    """Join strata of one PSU with their neighbors in the order of strata, and number strata and PSUs anew.

    Two such strata that follow each other make a pair, whatever lies between them; of an odd number the last three
    stay together; one alone joins the stratum before it, or the one after it if it is the first. Of what is joined, the
    sampling fraction is PSUs in the sample over those in the population.
    """
    single = np.flatnonzero(design.lonely)
    joined = np.arange(design.strata)
    if len(single) == 1:
        joined[single] = single - 1 if single[0] else 1
    else:
        pair = np.minimum(np.arange(len(single)) // 2, len(single) // 2 - 1)
        joined[single] = single[2 * pair]
    kept, union = np.unique(joined, return_inverse=True)
    size = design.psus_by_stratum
    in_union = np.repeat(union, size)
    order = np.argsort(in_union, kind="stable")
    place = np.empty(design.psus, dtype=np.int32)
    place[order] = np.arange(design.psus, dtype=np.int32)
    psus = np.bincount(in_union)
    named: list[list[str]] = [[] for _ in kept]
    for label, u in zip(design.stratum_labels, union.tolist(), strict=True):
        named[u].append(label)
    with np.errstate(divide="ignore"):  # a fraction of 0: the population has no end
        population = np.bincount(union, size / design.fraction)
    return Design(
        place[design.psu],
        np.r_[0, np.cumsum(psus)].astype(np.int32),
        tuple(" + ".join(names) for names in named),
        tuple(design.psu_labels[p] for p in order),
        psus / population,
        None if design.second is None else design.second[order],
        design.single_psu,
    )
