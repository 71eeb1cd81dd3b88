"""Human Opportunity Index: coverage, less what its unequal spread takes away. Plain arrays in, a small object out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ._cells import circumstance_of, combine
from ._columns import Table, column_of, table_of
from ._logit import Fitted, MainEffects, inverse_of, rates_of
from ._parallel import LANES
from ._sweeps import dissimilarity_of_rates
from ._typing import CodeArray, CountArray, FloatArray, Frame
from ._validate import choice, doubles, fail, fail_if_any, fail_type, weights as check_weights
from .dissimilarity import zero_one

METHODS = ("logit", "cells", "geometric")
ERRORS = ("linearized", "model", "hoi17")
NEAR = 1e-8  # as in _kernels/_logit.pyx: a fitted rate this near 0 is 0
AT_THE_MEAN = 1e-10  # a rate this near the mean is at it, where the index has a kink
EFFECTS = (
    ("", "first"),
    ("", "second"),
    ("", "change"),
    ("scale, distribution", "scale"),
    ("scale, distribution", "distribution"),
    ("composition, scale, equalization", "composition"),
    ("composition, scale, equalization", "scale"),
    ("composition, scale, equalization", "equalization"),
)
Starts = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class HumanOpportunityIndex:
    """What ``human_opportunity_index`` finds.

    Attributes
    ----------
    coverage : float
        Mean access C.
    d : float
        Dissimilarity index D; NaN where nobody has access.
    hoi : float
        C (1 - D).
    coverage_se, d_se, hoi_se : float
        Standard errors; NaN where there is none.
    method : {"logit", "cells", "geometric"}
    se : {"linearized", "model", "hoi17"} or None
    separated : bool
        Whether circumstances predict the outcome of some rows perfectly, so that a logit has rates of 0 or 1 alone as
        its limit. Standard errors are then those of the rest.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> found = sp.human_opportunity_index([1, 1, 1, 0], ["a", "a", "b", "b"], [1, 1, 1, 1], method="cells", se=None)
    >>> found.coverage, round(found.d, 6), round(found.hoi, 6)
    (0.75, 0.166667, 0.625)

    In group "a" all have access, which no logit can say:

    >>> sp.human_opportunity_index([1, 1, 1, 0], ["a", "a", "b", "b"], [1, 1, 1, 1]).separated
    True
    """

    coverage: float
    d: float
    hoi: float
    coverage_se: float = np.nan
    d_se: float = np.nan
    hoi_se: float = np.nan
    method: str = "logit"
    se: str | None = None
    separated: bool = False


def human_opportunity_index(
    access: npt.ArrayLike,
    circumstances: Any,
    weights: npt.ArrayLike,
    method: str = "logit",
    *,
    psu: Any = None,
    strata: Any = None,
    se: str | None = "linearized",
) -> HumanOpportunityIndex:
    """Human Opportunity Index: C (1 - D), coverage less the share of it that goes by circumstance.

    With p the rate fitted to a row's circumstances and N the sum of weights, ``C = sum w p / N`` and
    ``D = sum w |p - C| / (2 N C)``. The geometric index is ``exp(sum w ln p / N)``, its D what is missing from C.

    Parameters
    ----------
    access : array_like of shape (n,), 0 or 1
    circumstances : array_like of shape (n,), or frame of n rows
        Codes or labels of one circumstance; or a frame, or dict of arrays, with a column for each.
    weights : array_like of shape (n,), 0 or more
    method : {"logit", "cells", "geometric"}, default "logit"
        "logit": rates of a weighted logit with a main effect of each circumstance. "cells": rates of all combinations
        as found, whose D is biased upward where they are small. "geometric": of the logit's rates, the geometric mean.
    psu, strata : array_like of shape (n,), default None
        Primary sampling unit and stratum of each row. None: every row is a PSU; all are one stratum.
    se : {"linearized", "model", "hoi17"} or None, default "linearized"
        "linearized": by PSU, of the population's index. "model": the same with circumstances held fixed, which is a
        statement about these persons, and up to 13 % less. "hoi17": that of the World Bank's Stata program ``hoi``
        1.7, which divides the gradient of D by a (1 - a), a the share of people whose rate is above C: its standard
        error of D is at least four times too large; of the logit index alone. None: none.

    Returns
    -------
    HumanOpportunityIndex
        With a coverage of 0 its ``d`` is NaN and its ``hoi`` 0; with a coverage of 1 they are 0 and 1. Neither has
        standard errors. Nor have ``d`` and ``hoi`` where a rate is the mean itself: the index has a kink there.

    Raises
    ------
    InputError
        If access is not 0 or 1, a circumstance is missing, a weight negative, a stratum has one PSU, or a logit would
        have more than 500 parameters.

    References
    ----------
    Paes de Barros, R. et al. (2009). Measuring Inequality of Opportunities in Latin America and the Caribbean.
    Azevedo, J. P., Franco, S., Rubiano, E. and Hoyos, A. (2010). HOI: Stata module, version 1.7.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> access, where = [1, 1, 1, 0, 1, 0, 0, 0], ["urban"] * 4 + ["rural"] * 4
    >>> found = sp.human_opportunity_index(access, where, [1] * 8)
    >>> found.coverage, round(found.d, 6), round(found.hoi, 6), round(found.hoi_se, 6)
    (0.5, 0.25, 0.375, 0.205939)

    Nobody has access, and there is nothing to share:

    >>> sp.human_opportunity_index([0, 0], ["a", "b"], [1, 1]).hoi
    0.0
    """
    choice(method, METHODS, "method")
    if se is not None:
        choice(se, ERRORS, "se")
        if se == "hoi17" and method != "logit":
            fail("se='hoi17' must go with method='logit'", f"it came with {method!r}", "Pass se='linearized'.")
    sample = Sample.of(access, circumstances, weights)
    found, rate = sample.index(method)
    if se is None or not 0 < found.coverage < 1:
        return found
    design = rows_of_psus(psu, strata, len(sample.weight))
    single = np.flatnonzero(np.bincount(design[1]) == 1)
    if len(single):
        row = int(np.flatnonzero(design[1][design[0]] == single[0])[0])
        fail(
            "Every stratum must have two PSUs or more",
            f"{len(single)} of {int(design[1].max()) + 1} have one only (first: that of row {row})",
            "Merge them with a neighboring stratum, or pass se=None.",
        )
    influence = sample.influence(found, rate, fixed=se != "linearized")
    errors = np.sqrt(_variance(influence, *design))
    if se == "hoi17":
        above = sample.sums[rate > found.coverage, 0, 0].sum() / sample.sums[:, 0, 0].sum()
        errors[1] = errors[1] / (above * (1 - above))
    return replace(found, coverage_se=float(errors[0]), d_se=float(errors[1]), hoi_se=float(errors[2]), se=se)


def human_opportunity_change(
    first: Sequence[Any], second: Sequence[Any], *, replicate_weights: Sequence[npt.ArrayLike] | None = None
) -> Frame:
    """Take the change of the Human Opportunity Index between two surveys apart, in two ways.

    With C and D of the first survey (0) and the second (1): scale, ``C1 (1 - D0) - C0 (1 - D0)``, and distribution,
    ``C1 (1 - D1) - C1 (1 - D0)``. And with C* and D* of the second survey's people under the first survey's
    coefficients: composition, ``C* (1 - D*) - C0 (1 - D0)``; scale, ``(C1 - C*) (1 - D*)``; and equalization,
    ``C1 (D* - D1)``. Either way the effects add up to the change.

    Parameters
    ----------
    first, second : sequence of three
        Access, circumstances and weights of a survey, as ``human_opportunity_index`` takes them. Circumstances have
        the same names in both, and no level in the second that the first does not have.
    replicate_weights : sequence of two array_like of shape (n, replicates), default None
        Of the first survey's rows and the second's: bootstrap replicates, drawn independently, as many of each.
        Replicate r of one stands beside replicate r of the other. None: no standard errors.

    Returns
    -------
    DataFrame
        A row each for: the two indices and their change; the effects. Columns: ``decomposition``, ``effect``,
        ``value``, ``se``, ``replicates`` (that succeeded).

    Raises
    ------
    InputError
        If circumstances differ, a level is new in the second survey, the numbers of replicates differ, or for the
        reasons that ``human_opportunity_index`` has.

    References
    ----------
    Paes de Barros, R. et al. (2009). Measuring Inequality of Opportunities in Latin America and the Caribbean, ch. 3.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> where = ["urban"] * 4 + ["rural"] * 4
    >>> before, after = [1, 1, 1, 0, 1, 0, 0, 0], [1, 1, 1, 0, 1, 1, 0, 0]
    >>> found = sp.human_opportunity_change((before, where, [1] * 8), (after, where, [1] * 8))
    >>> dict(zip(found.effect[:5], found.value[:5].round(3)))
    {'first': 0.375, 'second': 0.562, 'change': 0.187, 'scale': 0.094, 'distribution': 0.094}

    Nothing changes:

    >>> float(sp.human_opportunity_change((before, where, [1] * 8), (before, where, [1] * 8)).value[2])
    0.0
    """
    import pandas as pd

    samples = []
    for given, what in ((first, "first"), (second, "second")):
        if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence) or len(given) != 3:
            fail_type(
                f"The {what} survey must be given as (access, circumstances, weights)", given, "Pass a tuple of three."
            )
        samples.append(Sample.of(*given))
    base, other = samples[0], _in_levels_of(samples[0], samples[1])
    values = _effects(base.sums, other.sums, base, other, None)[0][:, 0]
    errors, succeeded = np.full(len(EFFECTS), np.nan), 0
    if replicate_weights is not None:
        laid, replicates = _replicate_sums((base, other), replicate_weights)
        start = _effects(base.sums, other.sums, base, other, None)[1]
        draws = _effects(*laid, base, other, start)[0][:, :replicates]
        kept = np.isfinite(draws).all(axis=0)
        succeeded = int(kept.sum())
        if succeeded > 1:
            errors = draws[:, kept].std(axis=1, ddof=1)
    frame = pd.DataFrame(EFFECTS, columns=["decomposition", "effect"])
    return frame.assign(value=values, se=errors, replicates=succeeded)


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of one sample in cells of circumstances.

    Attributes
    ----------
    names : tuple of str
    labels : tuple of tuple of str
        Of the levels of each circumstance.
    codes : ndarray of shape (cells, circumstances), int32
    cell : ndarray of shape (n,), int32
    weight : ndarray of shape (n,)
    outcome : ndarray of shape (n,), uint8
    sums : ndarray of shape (cells, 2, LANES)
        Weight and weight with access of each cell, in every lane.
    """

    names: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    codes: CodeArray
    cell: CodeArray
    weight: FloatArray
    outcome: CountArray
    sums: FloatArray

    @classmethod
    def of(cls, access: npt.ArrayLike, circumstances: Any, weights: npt.ArrayLike) -> "Sample":
        """Check rows, and put them in cells."""
        outcome = zero_one(access, "access")
        w = check_weights(weights, len(outcome))
        if isinstance(circumstances, (dict, Table)) or hasattr(circumstances, "columns"):
            table = table_of(circumstances, "circumstances")
        else:
            column = column_of("circumstance", circumstances)
            table = Table({"circumstance": column.values}, len(column), "circumstances")
        made = [circumstance_of(table[name]) for name in table]
        if not made:
            fail("There must be a circumstance", "none came", "Pass a column or more.")
        for _, code in made:
            if len(code) != len(outcome):
                fail(
                    "There must be one circumstance a row",
                    f"{len(outcome):,} rows of access came with {len(code):,} of circumstances",
                    "Pass columns of the same rows.",
                )
        codes, cell = combine([code for _, code in made], [circumstance.levels for circumstance, _ in made])
        sums = np.stack([np.bincount(cell, w, len(codes)), np.bincount(cell, w * outcome, len(codes))], axis=1)
        return cls(
            tuple(circumstance.name for circumstance, _ in made),
            tuple(circumstance.labels for circumstance, _ in made),
            codes,
            cell,
            w,
            outcome,
            np.ascontiguousarray(np.repeat(sums[:, :, None], LANES, axis=2)),
        )

    @property
    def logit(self) -> MainEffects:
        """The logit on its cells."""
        return MainEffects(self.codes, tuple(len(labels) for labels in self.labels))

    def index(self, method: str) -> tuple[HumanOpportunityIndex, FloatArray]:
        """Return the index, and the rate of each cell."""
        fitted = None if method == "cells" else self.logit.fit(self.sums)
        values, rates = index_of(self.sums, fitted, method)
        coverage, d, hoi = values[:, 0].tolist()
        separated = fitted is not None and bool(fitted.separated[0])
        return HumanOpportunityIndex(coverage, d, hoi, method=method, separated=separated), rates[:, 0]

    def influence(self, found: HumanOpportunityIndex, rate: FloatArray, *, fixed: bool) -> FloatArray:
        """Return what each row adds to coverage, D and HOI, of shape (3, n).

        ``fixed`` leaves out that other circumstances might have been sampled.
        """
        weight = self.sums[:, 0, 0]
        total, C = weight.sum(), found.coverage
        above = rate > C
        a = weight[above].sum() / total
        upper = (weight * rate)[above].sum() / total
        lower = (weight * rate)[~above].sum() / total
        there = weight > 0
        kink = bool((abs(rate - C)[there] <= AT_THE_MEAN).any())
        distance = rate - C
        # Of each value: psi of a cell's people, and its gradient by the rate, for a cell of the whole weight.
        psi, slope = np.empty((3, len(rate))), np.empty((3, len(rate)))
        psi[0], slope[0] = distance, 1.0
        if found.method == "geometric":
            H = found.hoi
            with np.errstate(divide="ignore", invalid="ignore"):
                psi[2], slope[2] = H * (np.log(rate) - np.log(H)), H / rate
            psi[1], slope[1] = (H / C * psi[0] - psi[2]) / C, (H / C * slope[0] - slope[2]) / C
        else:
            D = found.d
            psi[1] = (abs(distance) - 2 * C * D + (1 - 2 * a) * distance) / (2 * C) - D * distance / C
            slope[1] = np.where(above, lower, -upper) / C**2
            psi[2] = (0.5 + a) * distance - abs(distance) / 2 + C * D
            slope[2] = np.where(above, a, 1 + a)
            if kink:
                psi[1:] = np.nan
        if found.method == "cells":
            learned = slope / total
        else:
            logit, q = self.logit, rate * (1 - rate)
            gradient = logit.add_up((weight * q * slope / total).T)
            learned = logit.product(inverse_of(logit.information(weight, rate)) @ gradient).T
        residual = self.weight * (self.outcome - rate[self.cell])
        added = learned[:, self.cell] * residual
        if fixed:
            return np.asarray(added + 0.0 * psi[:, self.cell])
        return np.asarray(self.weight / total * psi[:, self.cell] + added)


def index_of(sums: FloatArray, fitted: Fitted | None, method: str) -> tuple[FloatArray, FloatArray]:
    """Return coverage, D and HOI, (3, replicates), of sums (cells, k, replicates), and the rates they are made of.

    Without a logit, rates are those of the cells.
    """
    weight = sums[:, 0]
    if fitted is None:
        rate = np.divide(sums[:, 1], weight, out=np.zeros_like(weight), where=weight > 0)
    else:
        rate = np.where((fitted.rate < NEAR) & (weight > 0), 0.0, fitted.rate) if method == "geometric" else fitted.rate
    total, coverage, d = dissimilarity_of_rates(sums, rate)
    nobody = np.isnan(d) & (total > 0)
    everybody = (sums[:, 1] >= weight).all(axis=0) & (total > 0)
    coverage = np.where(nobody, 0.0, np.where(everybody, 1.0, coverage))
    if method == "geometric":
        with np.errstate(divide="ignore", invalid="ignore"):
            log = np.where(weight > 0, np.log(rate), 0.0)
            made = np.zeros_like(total)
            for cell in range(len(log)):  # one cell after the other, so that sums have one order
                made += np.where(weight[cell] > 0, weight[cell] * log[cell], 0.0)
            hoi = np.exp(made / total)
            d = 1 - hoi / coverage
    else:
        hoi = coverage * (1 - d)
    d = np.where(nobody, np.nan, np.where(everybody, 0.0, d))
    hoi = np.where(nobody, 0.0, np.where(everybody, 1.0, hoi))
    if fitted is not None:
        failed = ~fitted.converged
        coverage, d, hoi = (np.where(failed, np.nan, values) for values in (coverage, d, hoi))
    return np.stack([coverage, d, hoi]), rate


def _in_levels_of(base: Sample, other: Sample) -> Sample:
    """Return a sample whose levels are numbered as another's."""
    if set(base.names) != set(other.names):
        fail(
            "Both surveys must have the same circumstances",
            f"they are {', '.join(base.names)}, and {', '.join(other.names)}",
            "Give their columns the same names.",
        )
    codes = np.empty_like(other.codes)
    for j, (name, labels) in enumerate(zip(base.names, base.labels, strict=True)):
        own = other.names.index(name)
        place = {label: k for k, label in enumerate(labels)}
        new = [label for label in other.labels[own] if label not in place]
        if new:
            fail(
                f"Every level of circumstance {name!r} must occur in the first survey",
                f"{new[0]!r} occurs in the second alone",
                "Give levels the same labels in both, or group them.",
            )
        codes[:, j] = np.array([place[label] for label in other.labels[own]])[other.codes[:, own]]
    return replace(other, names=base.names, labels=base.labels, codes=codes)


def _replicate_sums(
    samples: tuple[Sample, Sample], replicate_weights: Sequence[npt.ArrayLike]
) -> tuple[tuple[FloatArray, FloatArray], int]:
    """Return the sums of cells in replicates, (cells, 2, replicates) filled up to whole groups of lanes."""
    if len(replicate_weights) != 2:
        fail_type("replicate_weights must be two tables, one a survey", replicate_weights, "Pass a tuple of two.")
    tables = [doubles(given, "Replicate weights must be numbers") for given in replicate_weights]
    for sample, table in zip(samples, tables, strict=True):
        if table.ndim != 2 or len(table) != len(sample.weight):
            fail(
                "Replicate weights must have a row for each of the survey's and a column a replicate",
                f"{len(sample.weight):,} rows came with a table of shape {table.shape}",
                "Pass tables of shape (n, replicates).",
            )
        fail_if_any(
            ~np.asarray((np.isfinite(table) & (table >= 0)).all(axis=1)),
            "Every replicate weight must be finite and 0 or more",
            "Pass bootstrap replicates, whose weights are.",
        )
    replicates = tables[0].shape[1]
    if tables[1].shape[1] != replicates or replicates < 2:
        fail(
            "Both surveys must have as many replicates, two at least",
            f"they have {replicates:,} and {tables[1].shape[1]:,}",
            "Draw the same number of each.",
        )
    made = []
    for sample, table in zip(samples, tables, strict=True):
        sums = np.zeros((len(sample.codes), 2, -(-replicates // LANES) * LANES))
        for r in range(replicates):
            sums[:, 0, r] = np.bincount(sample.cell, table[:, r], len(sample.codes))
            sums[:, 1, r] = np.bincount(sample.cell, table[:, r] * sample.outcome, len(sample.codes))
        made.append(sums)
    return (made[0], made[1]), replicates


def _effects(
    before: FloatArray, after: FloatArray, base: Sample, other: Sample, starts: Starts | None
) -> tuple[FloatArray, Starts]:
    """Return ``EFFECTS`` of shape (8, replicates), and the coefficients of the first replicate of each survey."""
    fitted = base.logit.fit(before, None if starts is None else starts[0])
    later = other.logit.fit(after, None if starts is None else starts[1])
    (C0, D0, H0), _ = index_of(before, fitted, "logit")
    (C1, D1, H1), _ = index_of(after, later, "logit")
    rate = rates_of(other.logit.product(fitted.coefficients))
    (C, D, H), _ = index_of(after, replace(fitted, rate=rate), "logit")
    effects = [H0, H1, H1 - H0, (C1 - C0) * (1 - D0), C1 * (D0 - D1), H - H0, (C1 - C) * (1 - D), C1 * (D - D1)]
    return np.stack(effects), (fitted.coefficients[:, 0].copy(), later.coefficients[:, 0].copy())


def rows_of_psus(psu: Any, strata: Any, rows: int) -> tuple[CodeArray, CodeArray]:
    """Return the PSU of each row, numbered anew, and the stratum of each PSU."""
    named = {"psu": psu, "strata": strata}
    codes: dict[str, CodeArray] = {}
    for name, values in named.items():
        if values is None:
            codes[name] = np.arange(rows, dtype=np.int32) if name == "psu" else np.zeros(rows, dtype=np.int32)
            continue
        column = column_of(name, values)
        if len(column) != rows:
            fail(f"There must be one {name} a row", f"{rows:,} rows came with {len(column):,}", "Pass a whole column.")
        fail_if_any(column.missing, f"Every {name} must be known", "Mend or drop these rows.")
        codes[name] = column.coded()[1]
    both, unit = combine([codes["strata"], codes["psu"]], [int(code.max()) + 1 for code in codes.values()][::-1])
    return unit, both[:, 0]


def _variance(influence: FloatArray, psu: CodeArray, stratum: CodeArray) -> FloatArray:
    """Return the variance of sums of rows by PSU within strata: of each row of ``influence``."""
    size = np.bincount(stratum)
    found = np.empty(len(influence))
    for k, values in enumerate(influence):
        added = np.bincount(psu, values, len(stratum))
        apart = added - (np.bincount(stratum, added) / size)[stratum]
        found[k] = ((size / (size - 1))[stratum] * apart**2).sum()
    return found
