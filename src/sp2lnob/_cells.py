"""Cells: the combinations of circumstances that occur. Trees and dissimilarity work on them, never on rows again."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from ._columns import Column
from ._typing import BoolArray, CodeArray, FloatArray
from ._validate import fail, fail_if_any


@dataclass(frozen=True, eq=False)
class Circumstance:
    """One circumstance and its levels.

    Attributes
    ----------
    name : str
    labels : tuple of str
        What the levels are called, in their order.
    position : ndarray of shape (levels,)
        Where an ordered level lies: the number itself, or 0, 1, 2 ... for ordered text.
    ordered : bool
        Whether a split must keep the order.
    text : bool
        Whether levels are told by their labels alone: a number's position is its code as well.
    missing : bool
        Whether the last level is that of the rows whose value is missing. It has no place in an order.
    """

    name: str
    labels: tuple[str, ...]
    position: FloatArray
    ordered: bool
    text: bool = False
    missing: bool = False

    @property
    def levels(self) -> int:
        """Number of levels."""
        return len(self.labels)

    def is_missing(self, codes: CodeArray) -> BoolArray:
        """Return which codes are of the missing."""
        return np.asarray(codes == self.levels - 1) if self.missing else np.zeros(len(codes), dtype=np.bool_)


def circumstance_of(
    column: Column, ordered: bool | None = None, rows: object = slice(None), missing: str = "error"
) -> tuple[Circumstance, CodeArray]:
    """Return a column's levels and each row's position among them.

    Numbers without value labels and ordered categoricals are ordered, all else is not, unless ``ordered`` says so.
    Missing values are an error, or with ``missing="level"`` a level of their own, the last, if there are any.
    """
    taken = column.take(rows)
    lost = taken.missing
    if missing == "error":
        fail_if_any(
            lost,
            f"Circumstance {column.name!r} must be known in every row that counts",
            "Give those of NaN or None a value, or drop them with missing='drop'.",
        )
    present, codes, labels = taken.categories()
    if ordered and column.is_text and column.ordered is None:
        fail(
            f"Circumstance {column.name!r} must have an order to be called ordered",
            "it is plain text",
            "Use numbers, with value labels perhaps, or a categorical with its levels in order.",
        )
    if ordered is None:
        ordered = bool(column.ordered) if column.is_text else not column.labels
    if not lost.any():
        return Circumstance(column.name, labels, present, ordered, column.is_text), codes
    codes = np.where(codes < 0, len(labels), codes).astype(np.int32)
    name = next(word for word in ("missing", "(missing)", "((missing))") if word not in labels)
    whole = np.append(present, np.inf)
    return Circumstance(column.name, (*labels, name), whole, ordered, column.is_text, True), codes


def combine(codes: Sequence[CodeArray], levels: Sequence[int]) -> tuple[CodeArray, CodeArray]:
    """Number the combinations that occur, in the order of their codes.

    Returns the codes of every cell, of shape (cells, circumstances), and each row's cell.
    """
    rows = len(codes[0])
    key = codes[0].astype(np.int64)
    size = levels[0]
    for code, count in zip(codes[1:], levels[1:], strict=True):
        if size * count > 2**62:
            present, key = np.unique(key, return_inverse=True)
            size = len(present)
        key *= count
        key += code
        size *= count
    if size == prod(levels) and size <= 4 * rows + 1024:  # few enough to number them by a table instead of a sort
        there = np.zeros(size, dtype=np.bool_)
        there[key] = True
        number = np.cumsum(there, dtype=np.int32) - np.int32(1)
        return np.column_stack(np.unravel_index(np.flatnonzero(there), levels)).astype(np.int32), number[key]
    present, inverse = np.unique(key, return_inverse=True)
    cell = inverse.astype(np.int32)
    example = np.empty(len(present), dtype=np.int64)
    example[cell[::-1]] = np.arange(rows - 1, -1, -1)
    return np.column_stack([code[example] for code in codes]).astype(np.int32), cell
