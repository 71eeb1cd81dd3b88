"""Columns: what a frame of any make holds, in two shapes: numbers (with value labels, perhaps) and text.

Every frame, dict of arrays or file becomes a Table; past this file nobody asks which library a column came from.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ._typing import BoolArray, CodeArray, FloatArray, Frame
from ._validate import fail, fail_if_unknown, fail_type

EXACT = 2**53  # from here on a double cannot tell whole numbers apart


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a survey.

    Attributes
    ----------
    name : str
    values : ndarray of shape (n,), float64
        Numbers, NaN where missing. For text, the position in ``levels``.
    levels : tuple of str or None
        The texts that occur, sorted (or in their given order); None for numbers.
    labels : mapping of float to str
        Value labels of numbers; empty where there are none.
    ordered : bool or None
        Whether the source says that the levels have an order; None where it says nothing.
    """

    name: str
    values: FloatArray
    levels: tuple[str, ...] | None = None
    labels: Mapping[float, str] = field(default_factory=dict)
    ordered: bool | None = None

    @property
    def missing(self) -> BoolArray:
        """Rows without a value."""
        return np.isnan(self.values)

    def numbers(self, what: str) -> FloatArray:
        """Return the values, which must be numbers."""
        if self.levels is not None:
            fail(f"{what} must be a number", "it is text", "Convert the column to numbers.")
        return self.values

    @property
    def is_text(self) -> bool:
        """Whether the column holds text."""
        return self.levels is not None

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Any) -> "Column":
        """Return the column with its rows taken in another order."""
        return replace(self, values=np.ascontiguousarray(self.values[rows]))

    def label(self, code: float) -> str:
        """Return what to call a value: its text, its label, or the number itself."""
        if np.isnan(code):
            return "missing"
        if self.levels is not None:
            return self.levels[int(code)]
        return self.labels.get(float(code)) or f"{code:.15g}"

    def categories(self) -> tuple[FloatArray, CodeArray, tuple[str, ...]]:
        """Return the values that occur, each row's position among them (-1 where missing), and their labels."""
        present, position = np.unique(self.values, return_inverse=True)
        codes = position.astype(np.int32)
        if len(present) and np.isnan(present[-1]):
            codes[codes == len(present) - 1] = -1
            present = present[:-1]
        labels = [self.label(code) for code in present]
        if len(set(labels)) < len(labels):  # two codes of one label are two categories
            labels = [
                f"{label} ({code:.15g})" if labels.count(label) > 1 else label
                for label, code in zip(labels, present, strict=True)
            ]
        return present, codes, tuple(labels)


class Table:
    """Columns of one length by name, read from the source when they are first asked for."""

    def __init__(
        self,
        source: Mapping[str, Any],
        rows: int,
        what: str,
        order: Any = None,
        labels: Mapping[str, Mapping[float, str]] | None = None,
    ) -> None:
        self._source = source
        self._order = order
        self._labels = labels or {}
        self._made: dict[str, Column] = {}
        self.rows = rows
        self.what = what

    def __contains__(self, name: object) -> bool:
        return name in self._made or name in self._source

    def __iter__(self) -> Iterator[str]:
        yield from self._source
        yield from (name for name in self._made if name not in self._source)

    def __getitem__(self, name: str) -> Column:
        if name not in self._made:
            fail_if_unknown(name, list(self), f"A column of the {self.what}")
            column = column_of(name, self._source[name], self._labels.get(name, {}))
            if len(column) != self.rows:
                fail(
                    f"All columns of the {self.what} must have one length",
                    f"{name!r} has {len(column):,} rows and not {self.rows:,}",
                    "Pass columns of the same rows.",
                )
            self._made[name] = column if self._order is None else column.take(self._order)
        return self._made[name]

    def sorted(self, order: Any) -> "Table":
        """Return the table with its rows in another order."""
        return Table(self._source, self.rows, self.what, order, self._labels)

    def labeled(self, labels: Mapping[str, Mapping[float, str]]) -> "Table":
        """Return the table with value labels for its numbers."""
        return Table(self._source, self.rows, self.what, self._order, labels)

    def add(self, column: Column) -> None:
        """Keep a derived column beside those of the source."""
        if column.name in self:
            fail(
                "A derived column must have a new name",
                f"{self.what} already have {column.name!r}",
                "Choose another name in derive.",
            )
        self._made[column.name] = column


def table_of(frame: Frame, what: str) -> Table:
    """Return the table of a frame, a dict of arrays, or a table."""
    if isinstance(frame, Table):
        return frame
    if isinstance(frame, Mapping):
        names = list(frame)
        if not names:
            fail(f"The {what} must have at least one column", "the dict is empty", "Pass name: values pairs.")
        for name, values in frame.items():
            if isinstance(values, str) or not hasattr(values, "__len__") or np.shape(values) == ():
                fail_type(f"Column {name!r} must be a sequence", values, "Pass one value a row.")
        return Table(dict(frame), len(frame[names[0]]), what)
    import narwhals.stable.v1 as nw
    from narwhals.exceptions import DuplicateError

    try:
        native = nw.from_native(frame, eager_only=True)
        names = list(native.columns)
    except DuplicateError as error:
        fail(
            f"Every column of the {what} must have a name of its own",
            " ".join(str(error).split()),
            "Rename the columns.",
        )
    except TypeError:
        fail_type(
            f"The {what} must be a data frame (pandas, polars, pyarrow) or a dict of arrays",
            frame,
            "Convert it to one of these.",
        )
    if any(not isinstance(name, str) for name in names):
        fail(f"Every column of the {what} must be named by text", f"the names are {names[:5]!r}", "Rename the columns.")
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        fail(
            f"Every column of the {what} must have a name of its own",
            f"{twice[0]!r} occurs more than once",
            "Rename the columns.",
        )
    return Table({name: native[name] for name in names}, len(native), what)


def column_of(name: str, values: Any, labels: Mapping[float, str] | None = None) -> Column:
    """Return a column of numbers or text from an array, a list, or a series of any library.

    Whole numbers from 2**53 on, which only identifiers have, become text.
    """
    if hasattr(values, "to_numpy"):
        import narwhals.stable.v1 as nw

        series = nw.from_native(values, series_only=True, pass_through=True)
        if not isinstance(series, nw.Series) and not isinstance(values, np.ndarray):  # an array of pandas' own
            import pandas as pd

            series = nw.from_native(pd.Series(values), series_only=True)
        if isinstance(series, nw.Series):
            if isinstance(series.dtype, (nw.Categorical, nw.Enum)):
                return _from_categories(name, series)
            numeric = series.dtype.is_numeric() or series.dtype == nw.Boolean
            values = series.cast(nw.Float64).to_numpy() if numeric and _exact(series) else series.to_list()
    if isinstance(values, np.ma.MaskedArray):
        values = values.tolist()  # None where masked
    # A list of numbers and text would become all text, and hide the mixture.
    array = np.asarray(values, dtype=object if isinstance(values, (list, tuple)) else None)
    if array.ndim != 1:
        fail(f"Column {name!r} must have one dimension", f"its shape is {array.shape}", "Pass one value a row.")
    if array.dtype.kind in "biuf" and _exact(array):
        return Column(name, np.ascontiguousarray(array, dtype=np.float64), labels=dict(labels or {}))
    if array.dtype.kind not in "OUSiu":
        fail(f"Column {name!r} must hold numbers or text", f"its type is {array.dtype}", "Convert it first.")
    return _from_objects(name, array.tolist(), labels)


def _exact(values: Any) -> bool:
    """Return whether doubles tell the numbers apart: not the whole numbers of long identifiers."""
    if not len(values) or not str(values.dtype).lower().startswith(("int", "uint")):
        return True
    return all(abs(int(end)) < EXACT for end in (values.min(), values.max()) if not _absent(end))


def _absent(value: Any) -> bool:
    """Return whether a value is missing, however it is written."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def _from_categories(name: str, series: Any) -> Column:
    """Return the column of a categorical series: its levels in their order, if it gives one."""
    import narwhals.stable.v1 as nw

    native = series.to_native()
    if hasattr(native, "cat") and hasattr(native.cat, "codes"):  # pandas: levels may be of any type
        codes = native.cat.codes.to_numpy()
        levels = tuple(f"{v:.15g}" if isinstance(v, (int, float)) else str(v) for v in native.cat.categories)
        return Column(name, np.where(codes < 0, np.nan, codes), levels, {}, bool(native.cat.ordered))
    listed = tuple(series.cat.get_categories().to_list()) if isinstance(series.dtype, nw.Enum) else None
    return _from_text(name, series.cast(nw.String).to_list(), listed, False)


def _from_text(name: str, listed: list[Any], given: tuple[str, ...] | None, ordered: bool | None) -> Column:
    """Return the column of texts and None; without given levels they are sorted."""
    levels = given or tuple(sorted({v for v in listed if v is not None}))
    position: dict[str | None, float] = {level: float(i) for i, level in enumerate(levels)}
    position[None] = np.nan
    return Column(name, np.array([position[v] for v in listed], dtype=np.float64), levels, {}, ordered)


def _from_objects(name: str, listed: list[Any], labels: Mapping[float, str] | None) -> Column:
    """Return the column of Python objects: all numbers, or all text, and missing values of any make among them."""
    known = [None if _absent(v) else v for v in listed]
    kinds = {type(v) for v in known if v is not None}
    if all(issubclass(kind, (bool, int, float, np.integer, np.floating, np.bool_)) for kind in kinds):
        if any(isinstance(v, int) and abs(v) >= EXACT for v in known):  # an identifier, told apart as text alone
            return _from_text(name, [None if v is None else str(v) for v in known], None, None)
        numbers = np.array([np.nan if v is None else float(v) for v in known], dtype=np.float64)
        return Column(name, numbers, labels=dict(labels or {}))
    if not all(issubclass(kind, str) for kind in kinds):
        fail(
            f"Column {name!r} must hold numbers or text, not both",
            f"it holds {', '.join(sorted(kind.__name__ for kind in kinds))}",
            "Convert it to one of them.",
        )
    return _from_text(name, known, None, None)
