"""The only raiser of input errors, in one grammar: what must hold; what came; how to mend it.

Past this file nothing is checked again: kernels and statistics trust what they are given.
"""

import inspect
import warnings
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import SequenceMatcher, get_close_matches
from typing import Any, NoReturn

import numpy as np

from ._typing import BoolArray, FloatArray

MOST = 1e100  # a weight whose square can still be added up
TIMES = 10  # that something of one person, such as a line, is paid at most: to a household of ten
FIRST = 3  # offenders that an error names
NEAR = 3  # names that may have been meant
LISTED = 10  # names that are listed when none is near; a few more are listed rather than counted


class SP2LNOBError(Exception):
    """Root of all errors that sp2lnob raises on purpose.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> try:
    ...     sp.Bootstrap(1)
    ... except sp.SP2LNOBError as error:
    ...     print(error)
    The number of replicates must be 2 or more, but it is 1. Correct the value.
    >>> issubclass(sp.InputError, sp.SP2LNOBError)
    True
    """


class InputError(SP2LNOBError, ValueError):
    """A value that cannot be used: the message says what must hold, what came, and how to mend it.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.fgt([1, 2], [1, 1], line=0)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: line must be above 0, but it is 0. Correct the value.
    >>> issubclass(sp.InputError, ValueError)
    True
    """


class InputTypeError(SP2LNOBError, TypeError):
    """An argument of a type that cannot be used.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> sp.Bootstrap("many")
    Traceback (most recent call last):
    ...
    sp2lnob.InputTypeError: The number of replicates must be a whole number, but 'many' is of type str. ...
    >>> issubclass(sp.InputTypeError, TypeError)
    True
    """


class SP2LNOBWarning(UserWarning):
    """What was asked for is done, but rests on something that may not hold: the message says what, in the same grammar.

    Examples
    --------
    >>> import sp2lnob as sp
    >>> issubclass(sp.SP2LNOBWarning, UserWarning)
    True

    It is no error, and can be made one with ``warnings.simplefilter("error", sp.SP2LNOBWarning)``:

    >>> issubclass(sp.SP2LNOBWarning, sp.SP2LNOBError)
    False
    """


for _error in (SP2LNOBError, InputError, InputTypeError, SP2LNOBWarning):
    _error.__module__ = "sp2lnob"  # where users import them from, and what a traceback shows


def fail(must: str, came: str, mend: str) -> NoReturn:
    """Raise the one kind of error: ``must``, but ``came``. ``mend``."""
    raise InputError(f"{must}, but {came}. {mend}")


def fail_type(must: str, value: object, mend: str) -> NoReturn:
    """Raise for an argument of the wrong type."""
    raise InputTypeError(f"{must}, but {shown(value)} is of type {type(value).__name__}. {mend}")


@contextmanager
def within(where: str) -> Iterator[None]:
    """Say before an error's words where its cause stands: in which table of a file, or which field of a scheme.

    Examples
    --------
    >>> with within("[[scheme]] number 2"):
    ...     number(2, "coverage", low=0, high=1)
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: [[scheme]] number 2: coverage must be in [0, 1], but it is 2. Write 0.02 for 2 %.
    """
    try:
        yield
    except SP2LNOBError as error:
        error.args = (f"{where}: {error}",)
        raise


def warn(should: str, came: str, mend: str) -> None:
    """Warn in the grammar of errors: ``should``, but ``came``. ``mend``. It is told where the user called sp2lnob."""
    level, frame = 0, inspect.currentframe()
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("sp2lnob"):
        level, frame = level + 1, frame.f_back
    warnings.warn(f"{should}, but {came}. {mend}", SP2LNOBWarning, stacklevel=level)


def shown(value: object) -> str:
    """Return a value as an error shows it: on one line, and not all of a long one."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def offenders(bad: BoolArray, show: Callable[[int], str]) -> str:
    """Count the rows marked bad and name the first of them."""
    rows = np.flatnonzero(bad)
    named = "; ".join(show(int(row)) for row in rows[:FIRST])
    return f"{len(rows):,} of {len(bad):,} rows do not (first: {named})"


def fail_if_any(bad: BoolArray, must: str, mend: str, show: Callable[[int], str] = "row {}".format) -> None:
    """Raise if a row is marked bad."""
    if bad.any():
        fail(must, offenders(bad, show), mend)


def fail_if_unknown(name: Hashable, known: Collection[Any], what: str, mend: str = "") -> None:
    """Raise if a name is not among the known ones, with the nearest of them."""
    if name not in known:
        fail(f"{what} must be one that exists", f"{shown(name)} does not", f"{meant(name, known)} {mend}".rstrip())


def meant(name: object, known: Collection[Any]) -> str:
    """Return which of the known names may be meant, or the first of them if none is near.

    Examples
    --------
    >>> meant("HHWEIGHT", ["hhsize", "hhweight"]), meant("urbur", ["urbrur", "region"])
    ("Did you mean 'hhweight'?", "Did you mean 'urbrur'?")
    >>> meant("wealth", ["age", "sex"])
    'There are: age, sex.'
    """
    if near := nearest(name, known):
        *others, last = map(repr, near)
        return f"Did you mean {', '.join(others)} or {last}?" if others else f"Did you mean {last}?"
    names = sorted({str(k) for k in known})
    first, rest = (names, 0) if len(names) <= LISTED + 5 else (names[:LISTED], len(names) - LISTED)
    return f"There are: {', '.join(first) or 'none'}{f' and {rest:,} more' if rest else ''}."


def nearest(name: object, known: Collection[Any]) -> list[str]:
    """Return at most three known names that look like a name, about equally; those that differ by case alone first."""
    of: dict[str, list[str]] = {}
    for other in sorted({str(k) for k in known}):
        of.setdefault(other.casefold(), []).append(other)
    key = str(name).casefold()
    keys = [key] if key in of else get_close_matches(key, of, n=NEAR, cutoff=0.6)
    likeness = [SequenceMatcher(None, other, key).ratio() for other in keys]
    keys = [other for other, how in zip(keys, likeness, strict=True) if how > likeness[0] - 0.1]
    return [other for key in keys for other in of[key]][:NEAR]


def number(
    value: object,
    what: str,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    above: float = -np.inf,
    below: float = np.inf,
) -> float:
    """Return a finite number in [low, high], above one bound and below another."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        fail_type(f"{what} must be a number", value, "Give a plain number.")
    result = float(value)
    if not (np.isfinite(result) and low <= result <= high and above < result < below):
        least = f"[{low:g}" if np.isfinite(low) else f"({above:g}" if np.isfinite(above) else ""
        most = f"{high:g}]" if np.isfinite(high) else f"{below:g})" if np.isfinite(below) else ""
        if least and most:
            bounds = f"in {least}, {most}"
        else:
            bounds = f"{low:g} or more" if np.isfinite(low) else f"above {above:g}" if np.isfinite(above) else "finite"
        fail(f"{what} must be {bounds}", f"it is {result:g}", as_share(result, min(high, below)))
    return result


def as_share(value: float, most: float = 1) -> str:
    """Return how to mend what must be a share: 20 is 20 %, and 1.5 is 1.5 %, more likely than not; 1.01 is a slip."""
    return f"Write {value / 100:g} for {value:g} %." if most <= 1 and 1.5 <= value <= 100 else "Correct the value."


def fail_if_percent(value: float, what: str, most: float = TIMES, more: str = "") -> None:
    """Raise where percent must have been written for a share that may be above 1, such as 25 for 0.25 of a line.

    Examples
    --------
    >>> fail_if_percent(1.5, "rate")
    >>> fail_if_percent(40, "rate")
    Traceback (most recent call last):
    ...
    sp2lnob.InputError: rate must be 10 or less, but it is 40. Write 0.4 for 40 %.
    """
    if value > most:
        fail(f"{what} must be {most:g} or less", f"it is {value:g}", f"{as_share(value)} {more}".rstrip())


def whole(value: object, what: str, *, low: int) -> int:
    """Return a whole number of at least low."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        fail_type(f"{what} must be a whole number", value, "Give an int.")
    if value < low:
        fail(f"{what} must be {low} or more", f"it is {value}", "Correct the value.")
    return int(value)


def listing(value: object, kind: type, what: str, mend: str) -> tuple[Any, ...]:
    """Return a list's elements, each of one kind; a lone element is no list."""
    if isinstance(value, (str, bytes, Mapping, kind)) or not isinstance(value, Iterable):
        fail_type(f"{what} must be a list", value, mend)
    elements = tuple(value)
    for element in elements:
        if not isinstance(element, kind):
            fail_type(f"{what} must hold {kind.__name__}", element, mend)
    return elements


def mapping(value: object, what: str, mend: str) -> dict[str, Any]:
    """Return a mapping of names as a dict."""
    if not isinstance(value, Mapping):
        fail_type(f"{what} must be a mapping of names", value, mend)
    return dict(value)


def text_or_none(value: object, what: str) -> None:
    """Raise unless a value is text or None."""
    if value is not None and not isinstance(value, str):
        fail_type(f"{what} must be the name of a column", value, "Name one column, as text.")


def choice(value: object, options: Sequence[str], what: str) -> str:
    """Return a value that is one of the options."""
    if not isinstance(value, str) or value not in options:
        listed = ", ".join(repr(option) for option in options)
        near = isinstance(value, str) and nearest(value, options)
        mend = meant(value, options) if near else "Choose one of these."
        fail(f"{what} must be one of {listed}", f"it is {shown(value)}", mend)
    return str(value)


def seed(value: object, what: str) -> int:
    """Return a key of 64 bits."""
    if whole(value, what, low=0) >= 2**64:
        fail(f"{what} must be below 2**64", f"it is {value}", "Choose a smaller one.")
    return int(value)  # type: ignore[call-overload, no-any-return]


def doubles(values: object, must: str) -> FloatArray:
    """Return numbers as a contiguous array of doubles, NaN where they are masked; text and dates are no numbers."""
    try:
        array = (
            np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan) if np.ma.isMA(values) else np.asarray(values)
        )
        if array.dtype.kind in "biufO":
            return np.ascontiguousarray(array, dtype=np.float64)
    except (TypeError, ValueError):
        pass
    fail_type(must, values, "Convert it to numbers first.")


def vector(values: object, what: str) -> FloatArray:
    """Return finite numbers as a contiguous array of doubles."""
    array = doubles(values, f"{what} must be a sequence of numbers")
    if array.ndim != 1:
        fail(f"{what} must have one dimension", f"its shape is {array.shape}", "Pass one column.")
    if not len(array):
        fail(f"{what} must have at least one row", "it is empty", "Pass the rows of the survey.")
    fail_if_any(
        ~np.isfinite(array),
        f"Every {what} must be finite",
        "Drop or mend these rows.",
        lambda i: f"row {i}: {array[i]:g}",
    )
    return array


def weights(
    values: object, rows: int, what: str = "weight", show: Callable[[int], str] = "row {}".format
) -> FloatArray:
    """Return weights that are finite, not negative, and not all zero."""
    if values is None:
        fail(f"A {what} is required", "None came", "Pass the survey's weights, or np.ones(n) to say unweighted.")
    array = doubles(values, f"Every {what} must be a number")
    if array.shape != (rows,):
        fail(
            f"There must be one {what} a row",
            f"{rows:,} rows came with weights of shape {array.shape}",
            "Pass weights of the same length.",
        )
    bad = ~np.isfinite(array) | (array < 0)
    fail_if_any(
        bad,
        f"Every {what} must be finite and 0 or more",
        "Mend or drop these rows.",
        lambda i: f"{show(i)}: {array[i]:g}",
    )
    if array.max(initial=0.0) > MOST:
        fail(f"Every {what} must be below {MOST:g}", f"one is {array.max():g}", "Divide all of them by one number.")
    if not array.sum() > 0:
        fail(f"The sum of every {what} must be above 0", "it is 0", "Name the column that holds the survey's weights.")
    return array
