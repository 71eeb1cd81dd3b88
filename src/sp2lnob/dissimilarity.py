"""Dissimilarity of access between groups: plain arrays in, floats out."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ._cells import circumstance_of, combine
from ._columns import Table, column_of, table_of
from ._sweeps import ALONE, CellSums
from ._typing import CodeArray, CountArray
from ._validate import fail, fail_if_any, vector, weights as check_weights


def d_index(access: npt.ArrayLike, groups: Any, weights: npt.ArrayLike) -> float:
    """Dissimilarity index: the share of all access that would have to change hands for groups to be equal.

    ``D = sum_g W_g |p_g - p| / (2 p W)``, over the groups that occur: with several circumstances, all their
    combinations. Merging groups never raises it. Where groups are small it is biased upward: what differs by chance
    counts as difference.

    Parameters
    ----------
    access : array_like of shape (n,), 0 or 1
    groups : array_like of shape (n,), or frame of n rows
        Codes or labels of one circumstance; or a frame, or dict of arrays, with a column for each.
    weights : array_like of shape (n,), 0 or more

    Returns
    -------
    float
        In [0, 1 - p]; NaN where nobody has access; 0 where all have.

    Raises
    ------
    InputError
        If access is not 0 or 1, a group is missing, or a weight is negative.

    References
    ----------
    Paes de Barros, R. et al. (2009). Measuring Inequality of Opportunities in Latin America and the Caribbean.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.d_index([1, 1, 1, 0], ["urban", "urban", "rural", "rural"], [1, 1, 1, 1])
    0.16666666666666666

    Nobody has access, and there is nothing to share:

    >>> sp.d_index([0, 0], ["a", "b"], [1, 1])
    nan
    """
    outcome = zero_one(access, "access")
    w = check_weights(weights, len(outcome))
    cell, cells = _cells_of_groups(groups, len(outcome))
    sums = CellSums.of(w, outcome, cell, cells, np.zeros(len(w), dtype=np.int32))
    return float(sums.evaluate(ALONE)[2, 0])


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


def _cells_of_groups(groups: Any, rows: int) -> tuple[CodeArray, int]:
    """Return each row's group and the number of groups."""
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
    combinations, cell = combine(codes, [circumstance.levels for circumstance, _ in made])
    return cell, len(combinations)
