"""Dissimilarity of access between groups: plain arrays in, floats out."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ._bayes import SHRUNKEN, CorrectedIndex, SampledRows
from ._cells import circumstance_of, combine
from ._columns import Table, column_of, table_of
from ._sweeps import ALONE, CellSums
from ._typing import CodeArray, CountArray
from ._validate import choice, fail, fail_if_any, vector, weights as check_weights


def d_index(
    access: npt.ArrayLike,
    groups: Any,
    weights: npt.ArrayLike,
    *,
    correction: str = "none",
    psu: npt.ArrayLike | None = None,
) -> float:
    """Dissimilarity index: the share of all access that would have to change hands for groups to be equal.

    ``D = sum_g W_g |p_g - p| / (2 p W)``, over the groups that occur: with several circumstances, all their
    combinations. Merging groups never raises it. Where groups are small it is biased upward: what differs by chance
    counts as difference. The empirical-Bayes correction takes that off; it is what ``Dissimilarity`` takes for its
    value. Here the plain index is the default: it is the formula above, and what others print.

    Parameters
    ----------
    access : array_like of shape (n,), 0 or 1
    groups : array_like of shape (n,), or frame of n rows
        Codes or labels of one circumstance; or a frame, or dict of arrays, with a column for each.
    weights : array_like of shape (n,), 0 or more
    correction : {"none", "empirical-bayes"}, default "none"
        "empirical-bayes": rates of groups are shrunken towards those of a logit of main effects, as far as noise
        explains what they differ by. It needs circumstances in columns of their own: of one column alone the logit's
        rates are those of its groups, and what is taken off is their noise.
    psu : array_like of shape (n,), default None
        Of the correction: codes or labels of PSUs, within which access may be alike. None: each row was drawn by
        itself. Strata are not asked for here; a survey has them.

    Returns
    -------
    float
        In [0, 1 - p]; NaN where nobody has access; 0 where all have.

    Raises
    ------
    InputError
        If access is not 0 or 1, a group or a PSU is missing, a weight is negative, or PSUs came without a correction.

    References
    ----------
    Paes de Barros, R. et al. (2009). Measuring Inequality of Opportunities in Latin America and the Caribbean.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.d_index([1, 1, 1, 0], ["urban", "urban", "rural", "rural"], [1, 1, 1, 1])
    0.16666666666666666

    A hundred rows in fifty groups, whose rates differ by chance alone:

    >>> groups = {"region": [i % 10 for i in range(100)], "age": [i // 20 for i in range(100)]}
    >>> access = [i * 37 % 100 < 50 for i in range(100)]
    >>> [round(sp.d_index(access, groups, [1] * 100, correction=way), 3) for way in ("none", "empirical-bayes")]
    [0.2, 0.052]

    Nobody has access, and there is nothing to share:

    >>> sp.d_index([0, 0], ["a", "b"], [1, 1])
    nan
    """
    outcome = zero_one(access, "access")
    w = check_weights(weights, len(outcome))
    codes, cell, levels = _cells_of_groups(groups, len(outcome))
    if choice(correction, ("none", "empirical-bayes"), "correction") == "none":
        if psu is not None:
            fail("psu goes with a correction", "correction is 'none'", "Pass correction='empirical-bayes', or no psu.")
        sums = CellSums.of(w, outcome, cell, len(codes), np.zeros(len(w), dtype=np.int32))
        return float(sums.evaluate(ALONE)[2, 0])
    of = _psus(psu, len(outcome))
    if len(np.unique(cell[w > 0])) < 2:  # one cell differs from nothing
        return 0.0 if outcome[w > 0].any() else np.nan
    rows = SampledRows.of(w, outcome, of, of, np.array([0, int(of.max(initial=-1)) + 1], dtype=np.int32))
    return max(float(CorrectedIndex.of(rows, cell, codes, levels).whole[SHRUNKEN]), 0.0)


def _psus(given: npt.ArrayLike | None, rows: int) -> CodeArray:
    """Return the PSU of each row: without any, each row's own."""
    if given is None:
        return np.arange(rows, dtype=np.int32)
    column = column_of("psu", given)
    if len(column.values) != rows:
        fail(
            "There must be one PSU a row", f"{rows:,} rows came with {len(column.values):,} PSUs", "Pass the same rows."
        )
    fail_if_any(column.missing, "Every PSU must be known", "Give each row its own, or drop it.", lambda i: f"row {i}")
    return column.categories()[1]


def zero_one(values: npt.ArrayLike, what: str) -> CountArray:
    """Return an outcome as bytes, after checking that it is 0 or 1 everywhere."""
    array = vector(values, what)
    fail_if_any(
        (array != 0) & (array != 1),
        f"Every {what} must be 0 or 1",
        "Recode it, or write it as a condition.",
        lambda i: f"row {i}: {array[i]:g}",
    )
    return array.astype(np.uint8)


def _cells_of_groups(groups: Any, rows: int) -> tuple[CodeArray, CodeArray, list[int]]:
    """Return the levels of every group, each row's group, and the number of levels of each circumstance."""
    if isinstance(groups, (dict, Table)) or hasattr(groups, "columns"):
        table = table_of(groups, "groups")
    else:
        table = Table({"group": column_of("group", groups).values}, rows, "groups")
    made = [circumstance_of(table[name]) for name in table]
    codes = [code for _, code in made]
    if any(len(code) != rows for code in codes):
        fail(
            "There must be one group a row",
            f"{rows:,} rows of access came with {len(codes[0]):,} of groups",
            "Pass columns of the same rows.",
        )
    levels = [circumstance.levels for circumstance, _ in made]
    return *combine(codes, levels), levels
