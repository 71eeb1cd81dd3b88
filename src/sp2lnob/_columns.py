"""Columns: what a frame of any make holds, in two shapes: numbers (with value labels, perhaps) and text.

Every frame, dict of arrays or file becomes a Table; past this file nobody asks which library a column came from.

Cost: a column takes 8 bytes a row, for text the position of its level. Text is read in blocks of a million rows, so
that what is made on the way does not grow with the survey.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise, starmap
from numbers import Real
from operator import eq
from typing import Any

import numpy as np

from ._parallel import ONE_AT_A_TIME
from ._typing import BoolArray, CodeArray, FloatArray, Frame
from ._validate import fail, fail_if_unknown, fail_type

EXACT = 2**53  # from here on a double cannot tell whole numbers apart
BLOCK = 2**20  # rows whose texts are Python objects at the same time
ROWS = 2**14  # rows that are gone through at a time, so that what is made on the way stays small
FEW = 4096  # values that are found without sorting all rows


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
        Value labels, by number or by position in ``levels``; empty where there are none.
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
            known = ~self.missing
            words = np.array([not _is_number(level) for level in self.levels], dtype=np.bool_)
            culprits = np.flatnonzero(known)[words[self.values[known].astype(np.intp)]]
            some = f" ({len(culprits):,} rows, first {self.label(self.values[culprits[0]])!r})" if len(culprits) else ""
            mend = "Mend these rows, and convert" if some else "Convert"
            fail(f"{what} must be a number", f"it is text{some}", f"{mend} the column to numbers.")
        return self.values

    @property
    def is_text(self) -> bool:
        """Whether the column holds text."""
        return self.levels is not None

    @property
    def kind(self) -> str:
        """What the column holds, in words."""
        if self.levels is None:
            word = "number"
        else:
            word = {None: "text", False: "categories", True: "ordered categories"}[self.ordered]
        return f"{word} with labels" if self.labels else word

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Any) -> "Column":
        """Return the column with its rows taken in another order."""
        return replace(self, values=taken(self.values, rows))

    def label(self, code: float) -> str:
        """Return what to call a value: its label, its text, or the number itself."""
        if code != code:
            return "missing"
        return self.labels.get(code) or self.bare(code)

    def bare(self, code: float) -> str:
        """Return a value without its label."""
        return f"{code:.15g}" if self.levels is None else self.levels[int(code)]

    def coded(self) -> tuple[FloatArray, CodeArray]:
        """Return the values that occur, and each row's position among them (-1 where missing)."""
        if self.levels is None:
            few = _few(self.values)
            if few is None:
                present, position = np.unique(self.values, return_inverse=True)
                codes = position.astype(np.int32)
            else:
                present, codes = few, np.empty(len(self.values), dtype=np.int32)
                for block in blocks(len(codes)):
                    codes[block] = np.searchsorted(present, self.values[block])
            if len(present) and np.isnan(present[-1]):
                codes[codes == len(present) - 1] = -1
                present = present[:-1]
            return present, codes
        count = len(self.levels)  # known beforehand: counting them needs no sort
        level = np.where(self.missing, count, self.values).astype(np.intp)
        occurring = np.flatnonzero(np.bincount(level, minlength=count + 1)[:count])
        place = np.full(count + 1, -1, dtype=np.int32)
        place[occurring] = np.arange(len(occurring), dtype=np.int32)
        return occurring.astype(np.float64), place[level]

    def categories(self) -> tuple[FloatArray, CodeArray, tuple[str, ...]]:
        """Return the values that occur, each row's position among them (-1 where missing), and their labels.

        Two values of one label are two categories, told apart by what stands behind the label. Texts that only outer
        white space tells apart are refused: nobody sees that difference in a table, and few mean it.
        """
        present, codes = self.coded()
        if self.levels is not None:
            seen: dict[str, str] = {}
            for code in present:
                text = self.bare(code)
                if seen.setdefault(text.strip(), text) != text:
                    fail(
                        f"The categories of {self.name!r} must differ in more than outer white space",
                        f"{seen[text.strip()]!r} and {text!r} do not",
                        "Strip the column's text before it is read.",
                    )
        labels = [self.label(code) for code in present.tolist()]
        # Without labels only neighbors can read alike, by their 15 digits: no set of all that there are.
        if len(set(labels)) < len(labels) if self.labels else any(starmap(eq, pairwise(labels))):
            times = Counter(labels)
            labels = [
                f"{label} ({self.bare(code)})" if times[label] > 1 else label
                for label, code in zip(labels, present, strict=True)
            ]
        return present, codes, tuple(labels)


def blocks(rows: int) -> Iterator[slice]:
    """Yield all rows, a block at a time."""
    return (slice(start, min(start + ROWS, rows)) for start in range(0, rows, ROWS))


def taken(values: Any, rows: Any, dtype: "np.dtype[Any] | None" = None) -> Any:
    """Return some rows of an array, always a copy; positions are looked up a block at a time."""
    if not (isinstance(rows, np.ndarray) and rows.dtype.kind == "i"):
        return np.array(values[rows], dtype=dtype)
    made = np.empty(len(rows), dtype=dtype or values.dtype)
    for block in blocks(len(rows)):
        made[block] = values[rows[block]]
    return made


def _few(values: FloatArray) -> FloatArray | None:
    """Return the values that occur, sorted, NaN last; None if they are many."""
    present = values[:0]
    for block in blocks(len(values)):
        present = np.unique(np.concatenate([present, values[block]]))
        if len(present) > FEW:
            return None
    return present


class Growing:
    """A column in the making: its rows come block by block, all of numbers or all of text.

    Levels are numbered as they come, and sorted at the end: the order of rows does not show in them.
    """

    def __init__(self, name: str, rows: int) -> None:
        self.name = name
        self.values = np.empty(rows, dtype=np.float64)
        self.filled = 0
        self._place: dict[str | None, float] = {None: np.nan}

    def add(self, numbers: Any) -> FloatArray:
        """Add rows of numbers, and return them as they were added."""
        block = self.values[self.filled : self.filled + len(numbers)]
        block[:] = numbers
        self.filled += len(numbers)
        return block

    def add_texts(self, texts: Collection[str | None]) -> None:
        """Add rows of text, None where it is missing."""
        place = self._place
        codes = (place.setdefault(text, len(place) - 1.0) for text in texts)
        self.add(np.fromiter(codes, dtype=np.float64, count=len(texts)))

    def add_codes(self, codes: CodeArray, levels: Sequence[str | None]) -> None:
        """Add rows of text by the position of each in ``levels``, -1 where it is missing."""
        place = self._place
        self.add(np.array([*(place.setdefault(level, len(place) - 1.0) for level in levels), np.nan])[codes])

    @property
    def long(self) -> bool:
        """Whether some of the numbers are so long that, if they are whole, doubles do not tell them from others."""
        return bool(max(np.fmax.reduce(self.values, initial=0.0), -np.fmin.reduce(self.values, initial=0.0)) >= EXACT)

    def of_numbers(self, labels: Mapping[float, str] | None = None) -> Column:
        """Return the finished column of numbers."""
        return Column(self.name, self.values, labels=dict(labels or {}))

    def of_texts(
        self,
        ordered: bool | None = None,
        labels: Mapping[str, str] | None = None,
        levels: Sequence[str] | None = None,
    ) -> Column:
        """Return the finished column of text, its levels sorted, or as they came if they are ordered, or as given."""
        known = [level for level in self._place if level is not None]
        levels = tuple(levels or (known if ordered else sorted(known)))
        rank = {level: float(i) for i, level in enumerate(levels)}
        final = np.array([*(rank[level] for level in known), np.nan])
        for start in range(0, len(self.values), BLOCK):
            block = self.values[start : start + BLOCK]
            block[:] = final[np.where(np.isnan(block), -1, block).astype(np.intp)]
        return Column(
            self.name,
            self.values,
            levels,
            {rank[text]: label for text, label in (labels or {}).items() if text in rank},
            ordered,
        )


def _is_number(text: str) -> bool:
    """Return whether a text could be read as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


class Table:
    """Columns of one length by name, read from the source when they are first asked for.

    ``origin`` is what is known of the file behind the table, if there is one.
    """

    def __init__(
        self,
        source: Mapping[str, Any],
        rows: int,
        what: str,
        order: Any = None,
        labels: Mapping[str, Mapping[float, str]] | None = None,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        self._source = source
        self._order = order
        self._labels = labels or {}
        self._made: dict[str, Column] = {}
        self.rows = rows
        self.what = what
        self.origin = origin

    def __contains__(self, name: object) -> bool:
        return name in self._made or name in self._source

    def __iter__(self) -> Iterator[str]:
        yield from self._source
        yield from (name for name in list(self._made) if name not in self._source)  # another thread may make one now

    def __getitem__(self, name: str) -> Column:
        found = self._made.get(name)
        if found is None:
            with ONE_AT_A_TIME:  # by the first thread that asks
                found = self._made.get(name)
                if found is None:
                    found = self._made[name] = self._make(name)
        return found

    def _make(self, name: str) -> Column:
        """Return a column of the source in the order of rows."""
        fail_if_unknown(name, list(self), f"A column of the {self.what}")
        values, labels = self._source[name], self._labels.get(name, {})
        if self._order is not None and _plain(values) and len(values) == self.rows and _exact(values):
            return Column(name, taken(values, self._order, np.dtype(np.float64)), labels=dict(labels))
        column = column_of(name, values, labels)
        if len(column) != self.rows:
            fail(
                f"All columns of the {self.what} must have one length",
                f"{name!r} has {len(column):,} rows and not {self.rows:,}",
                "Pass columns of the same rows.",
            )
        return column if self._order is None else column.take(self._order)

    def fetch(self, names: Iterable[str]) -> None:
        """Read columns of a file in one pass; frames hold theirs."""
        read = getattr(self._source, "fetch", None)
        if read is not None:
            with ONE_AT_A_TIME:  # a file hands each over once
                read(name for name in names if name not in self._made)

    def sorted(self, order: Any) -> "Table":
        """Return the table with its rows in another order; columns that were read are not read again."""
        first = self._order is None or isinstance(self._order, slice)  # a slice stands for the order that is there
        whole = order if first else self._order[order]
        table = Table(self._source, self.rows, self.what, whole, self._labels, self.origin)
        table._made = {name: column.take(order) for name, column in list(self._made.items())}
        return table

    def forget(self, name: str) -> None:
        """Let go of a column of numbers that a frame holds as well: it is made again if it is asked for."""
        if isinstance(self._source, dict) and name in self._source and not self[name].is_text:
            del self._made[name]

    def labeled(self, labels: Mapping[str, Mapping[float, str]]) -> "Table":
        """Return the table with value labels for its numbers."""
        return Table(self._source, self.rows, self.what, self._order, labels, self.origin)

    def add(self, column: Column) -> None:
        """Keep a derived column beside those of the source."""
        if column.name in self:
            fail(
                "A derived column must have a new name",
                f"{self.what} already have {column.name!r}",
                "Choose another name in derive.",
            )
        self._made[column.name] = column

    def with_column(self, column: Column) -> "Table":
        """Return the table with one column more; the others are shared."""
        table = Table(self._source, self.rows, self.what, self._order, self._labels, self.origin)
        table._made = {**self._made, column.name: column}
        return table

    def told(self) -> dict[str, Any]:
        """Return what is known of the file, and what was found in each column that was read from it so far."""
        types = {name: self._made[name].kind for name in self._source if name in self._made}
        return {**(self.origin or {}), "types": types}


def table_of(frame: Frame, what: str) -> Table:
    """Return the table of a frame, a dict of arrays, or a table."""
    if isinstance(frame, Table):
        return frame
    if isinstance(frame, Mapping):
        names = list(frame)
        if not names:
            fail(f"The {what} must have at least one column", "the dict is empty", "Pass name: values pairs.")
        check_names(names, what)
        for name, values in frame.items():
            if isinstance(values, (str, bytes)) or not hasattr(values, "__len__") or getattr(values, "ndim", 1) == 0:
                fail_type(f"Column {name!r} must be a sequence", values, "Pass one value a row.")
        return Table(dict(frame), len(frame[names[0]]), what)
    import narwhals.stable.v1 as nw

    try:
        native = nw.from_native(frame, eager_only=True)
        names = list(native.columns)
    except ValueError as error:  # how narwhals calls it has changed
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
    check_names(names, what)
    return Table({name: native[name] for name in names}, len(native), what)


def check_names(names: Sequence[object], what: str, where: str = "") -> None:
    """Raise unless every column has a name, of text, and its own."""
    if any(not isinstance(name, str) for name in names):
        fail(f"Every column of the {what} must be named by text", f"the names are {names[:5]!r}", "Rename the columns.")
    nameless = [position for position, name in enumerate(names, 1) if not str(name).strip()]
    if nameless:
        fail(
            f"Every column of the {what} must have a name",
            f"column {nameless[0]} of {len(names)}{where} has none",
            "Name it, or leave it out.",
        )
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        fail(
            f"Every column of the {what} must have a name of its own",
            f"{twice[0]!r} occurs more than once{where}",
            "Rename the columns.",
        )


def column_of(name: str, values: Any, labels: Mapping[float, str] | None = None) -> Column:
    """Return a column of numbers or text from an array, a list, or a series of any library.

    Whole numbers from 2**53 on, which only identifiers have, become text.
    """
    if isinstance(values, Column):
        return values
    if hasattr(values, "to_numpy"):
        import narwhals.stable.v1 as nw

        series = _series(values)
        if isinstance(series, nw.Series):
            if isinstance(series.dtype, (nw.Categorical, nw.Enum)):
                return _from_categories(name, series)
            # Decimals go one by one, each to the nearest double: libraries differ in how they convert many.
            numeric = (series.dtype.is_numeric() and series.dtype != nw.Decimal) or series.dtype == nw.Boolean
            if not (numeric and _exact(series)):
                return _from_objects(name, len(series), lambda rows: series[rows].to_list(), labels)
            values = series.cast(nw.Float64).to_numpy()
    if isinstance(values, np.ma.MaskedArray):
        if values.ndim == 1 and values.dtype.kind in "biuf" and _exact(values.compressed()):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        else:
            values = values.tolist()  # None where masked
    # A list of numbers and text would become all text, and hide the mixture.
    array = np.asarray(values, dtype=object if isinstance(values, (list, tuple)) else None)
    if array.ndim != 1:
        fail(f"Column {name!r} must have one dimension", f"its shape is {array.shape}", "Pass one value a row.")
    if array.dtype.kind in "biuf" and _exact(array):
        return Column(name, np.ascontiguousarray(array, dtype=np.float64), labels=dict(labels or {}))
    if array.dtype.kind not in "OUSiuT":
        fail(f"Column {name!r} must hold numbers or text", f"its type is {array.dtype}", "Convert it first.")
    return _from_objects(name, len(array), lambda rows: array[rows].tolist(), labels)


def _plain(values: Any) -> bool:
    """Return whether values are an array of numbers, which needs no reading."""
    return type(values) is np.ndarray and values.ndim == 1 and values.dtype.kind in "biuf"


def _series(values: Any) -> Any:
    """Return a series that narwhals reads, or the values themselves if they are a plain array."""
    import narwhals.stable.v1 as nw

    series = nw.from_native(values, series_only=True, pass_through=True)
    if isinstance(series, nw.Series) or isinstance(values, np.ndarray):
        return series
    if type(values).__module__.startswith("pyarrow"):  # one chunk alone
        import pyarrow as pa

        return nw.from_native(pa.chunked_array([values]), series_only=True)
    import pandas as pd  # an array of pandas' own

    return nw.from_native(pd.Series(values), series_only=True)


def _exact(values: Any) -> bool:
    """Return whether doubles tell the numbers apart: not the whole numbers of long identifiers."""
    if isinstance(values, np.ndarray):
        whole = values.dtype.kind in "iu"
    else:
        whole = str(values.dtype).startswith(("Int", "UInt"))
    if not len(values) or not whole:
        return True
    return all(abs(int(end)) < EXACT for end in (values.min(), values.max()) if not _absent(end))


def _absent(value: Any) -> bool:
    """Return whether a value is missing, however it is written."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def _from_categories(name: str, series: Any) -> Column:
    """Return the column of a categorical series.

    Levels have the order that pandas or an Enum gives them, and else are sorted: in Arrow and in a polars Categorical
    they stand as they first occurred, unless they are said to be ordered.
    """
    import narwhals.stable.v1 as nw

    native = series.to_native()
    if hasattr(native, "cat") and hasattr(native.cat, "codes"):  # pandas: levels may be of any type
        codes = native.cat.codes.to_numpy()
        levels = _level_names(name, native.cat.categories)
        return Column(name, np.where(codes < 0, np.nan, codes), levels, {}, bool(native.cat.ordered))
    if isinstance(series.dtype, nw.Enum):
        return _from_texts(name, series, series.cat.get_categories().to_list(), True)
    if type(native).__module__.startswith(("pyarrow", "pandas")):
        import pyarrow as pa

        arrow = pa.chunked_array([pa.array(native)]) if type(native).__module__.startswith("pandas") else native
        growing = Growing(name, len(arrow))
        for chunk in arrow.chunks:
            add_dictionary(growing, chunk)
        return growing.of_texts(arrow.type.ordered)
    return _from_texts(name, series.cast(nw.String), None, False)


def _from_texts(name: str, series: Any, levels: list[str] | None, ordered: bool) -> Column:
    growing = Growing(name, len(series))
    for start in range(0, len(series), BLOCK):
        growing.add_texts(series[start : start + BLOCK].to_list())
    return growing.of_texts(ordered, levels=levels)


def add_dictionary(growing: Growing, chunk: Any) -> None:
    """Add a chunk of Arrow's dictionary-encoded values to a column of text."""
    codes = chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    growing.add_codes(codes.astype(np.int32), _level_names(growing.name, chunk.dictionary.to_pylist()))


def _level_names(name: str, levels: Any) -> tuple[Any, ...]:
    """Return the text of levels of any type; None stays what it is."""
    names = tuple(None if level is None else _level_name(level) for level in levels)
    if len(set(names)) < len(set(levels)):
        twice = next(level for level, times in Counter(names).items() if times > 1)
        fail(
            f"The levels of {name!r} must differ as text",
            f"{twice!r} stands for several of them",
            "Make all levels text, or all of them numbers.",
        )
    return names


def _level_name(level: Any) -> str:
    if isinstance(level, (float, np.floating)):
        short = f"{level:.15g}"
        return short if float(short) == level else repr(float(level))
    return str(int(level)) if isinstance(level, (bool, np.bool_)) else str(level)


def _from_objects(
    name: str, rows: int, listed: Callable[[slice], list[Any]], labels: Mapping[float, str] | None
) -> Column:
    """Return the column of Python objects: all numbers, or all text, and missing values of any make among them."""
    growing = Growing(name, rows)
    kinds: set[type] = set()
    words: set[str] = set()
    whole = True
    for start in range(0, rows, BLOCK):
        block = [None if _absent(value) else value for value in listed(slice(start, start + BLOCK))]
        kinds |= {type(value) for value in block if value is not None}
        words = {_word(kind) for kind in kinds}
        if words - {"number", "text"} or len(words) == 2:
            mixed = words >= {"number", "text"}
            fail(
                f"Column {name!r} must hold numbers or text{', not both' if mixed else ''}",
                f"it holds {', '.join(sorted(kind.__name__ for kind in kinds))}",
                f"Convert it {'to one of them' if mixed else 'first'}.",
            )
        if words == {"text"}:
            growing.add_texts([None if value is None else str(value) for value in block])
        else:
            growing.add([np.nan if value is None else float(value) for value in block])
            whole = whole and all(value is None or _whole(value) for value in block)
    if words == {"text"}:
        return growing.of_texts()
    if not (whole and growing.long):
        return growing.of_numbers(labels)
    growing = Growing(name, rows)  # of identifiers, which only text tells apart
    for start in range(0, rows, BLOCK):
        block = listed(slice(start, start + BLOCK))
        growing.add_texts([None if _absent(value) else str(int(value)) for value in block])
    return growing.of_texts()


def _word(kind: type) -> str:
    """Return what values of a type are to a survey."""
    if issubclass(kind, str):
        return "text"
    return "number" if issubclass(kind, (Real, Decimal, np.bool_)) else kind.__name__


def _whole(value: Any) -> bool:
    """Return whether a number is whole and has all of its digits, as a float has not."""
    if isinstance(value, Decimal):
        return value.is_finite() and value == value.to_integral_value()
    return isinstance(value, (int, np.integer))
