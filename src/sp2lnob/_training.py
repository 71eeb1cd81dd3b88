"""What a tree is fitted on and applied to: circumstances, outcome, weights and folds, checked as they come.

Messages carry the words by which scikit-learn's checks know an error.
"""

from typing import Any

import numpy as np
from sklearn.utils.validation import column_or_1d

from ._cells import combine
from ._columns import Column, Table, column_of, table_of
from ._folds import deal
from ._typing import CodeArray, FloatArray, LongArray
from ._validate import fail, fail_if_any, fail_type, vector, weights as check_weights


def features_of(X: Any) -> tuple[Table, bool]:
    """Return circumstances as a table, and whether they have names: those of a plain array are x0, x1, ..."""
    if isinstance(X, (dict, Table)):
        return table_of(X, "circumstances"), True
    if hasattr(X, "columns"):
        if not hasattr(X, "iloc") or any(isinstance(name, str) for name in X.columns):
            return table_of(X, "circumstances"), True
        columns = [X.iloc[:, j] for j in range(X.shape[1])]  # as pandas names what has no names
    else:
        if hasattr(X, "toarray"):
            fail_type("Circumstances must be dense: sparse data is not supported", X, "Pass X.toarray().")
        array = np.asarray(X)
        _check_real(array, "Circumstances")
        if array.ndim != 2:
            fail(
                "Circumstances must be a frame, a dict of arrays, or an array of two dimensions",
                f"an array of shape {array.shape} came",
                "Reshape your data to (n, circumstances).",
            )
        columns = list(array.T)
        if not len(array):
            fail("Circumstances must have at least one row", "they are empty", "Pass the rows of the survey.")
    if not columns:
        fail(
            "There must be a circumstance",
            f"0 feature(s) (shape={np.shape(X)}) while a minimum of 1 is required",
            "Pass one column or more.",
        )
    return table_of({f"x{j}": column for j, column in enumerate(columns)}, "circumstances"), False


def _check_real(array: Any, what: str) -> None:
    """Raise where numbers are complex."""
    if array.dtype.kind == "c":
        fail(
            f"{what} must be real",
            "Complex data not supported: the numbers are complex",
            "Take the part that is meant.",
        )


def check_finite(column: Column) -> None:
    """Raise where a number is infinite."""
    if not column.is_text:
        fail_if_any(
            np.isinf(column.values),
            f"Circumstance {column.name!r} must be finite, not infinity",
            "Mend or drop these rows.",
        )


def outcome_of(y: Any, rows: int) -> FloatArray:
    """Return the outcome, one finite number a row."""
    if y is None:
        fail(
            "An outcome is required",
            "OpportunityTree requires y to be passed, but the target y is None",
            "Pass the column of the outcome.",
        )
    array = np.asarray(y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = column_or_1d(array, warn=True)
    _check_real(array, "The outcome")
    outcome = vector(array, "outcome")
    if rows != len(outcome):
        fail(
            "Circumstances and outcome must have the same rows",
            f"{rows:,} came with {len(outcome):,}",
            "Pass columns of the same rows.",
        )
    return outcome


def weights_of(sample_weight: Any, rows: int) -> FloatArray:
    """Return weights, 1 where none are given."""
    if sample_weight is None:
        return np.ones(rows)
    weight = np.asarray(sample_weight)
    if weight.ndim == 1 and weight.dtype.kind in "biuf" and len(weight) and not weight.any():
        fail(
            "Some weight must be above zero", "every weight is zero", "Name the column that holds the survey's weights."
        )
    return check_weights(weight, rows)


def folds_of_rows(psu: Any, strata: Any, rows: LongArray, n: int, seed: int) -> CodeArray:
    """Return the fold of each row that counts: that of its PSU, PSUs numbered by stratum as in a survey's design."""
    taken = []
    for name, values in (("strata", np.zeros(n) if strata is None else strata), ("psu", psu)):
        if np.ndim(values) != 1 or len(values) != n:
            fail(
                f"{name} must have one label a row",
                f"its shape is {np.shape(values)}",
                "Pass columns of the same rows.",
            )
        column = column_of(name, values).take(rows)
        fail_if_any(column.missing, f"{name} must be known in every row", "Give the missing a label, or drop them.")
        taken.append(column.coded()[1])
    pairs, of_row = combine(taken, [int(codes.max()) + 1 for codes in taken])
    return deal(np.bincount(pairs[:, 0]).astype(np.int32), seed=seed)[of_row]
