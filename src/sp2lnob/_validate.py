"""The only raiser of input errors, in one grammar: what must hold; what came; how to mend it.

Past this file nothing is checked again: kernels and statistics trust what they are given.
"""

from collections.abc import Callable, Collection, Hashable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

import numpy as np

from ._typing import BoolArray, FloatArray

FIRST = 3  # offenders that an error names


class SP2LNOBError(Exception):
    """Root of all errors that sp2lnob raises on purpose."""


class InputError(SP2LNOBError, ValueError):
    """A value that cannot be used: the message says what must hold, what came, and how to mend it."""


class InputTypeError(SP2LNOBError, TypeError):
    """An argument of a type that cannot be used."""


def fail(must: str, came: str, mend: str) -> NoReturn:
    """Raise the one kind of error: ``must``, but ``came``. ``mend``."""
    raise InputError(f"{must}, but {came}. {mend}")


def fail_type(must: str, value: object, mend: str) -> NoReturn:
    """Raise for an argument of the wrong type."""
    raise InputTypeError(f"{must}, but {value!r} is of type {type(value).__name__}. {mend}")


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
    if name in known:
        return
    names = [str(k) for k in known]
    near = get_close_matches(str(name), names, n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(sorted(names)[:30]) or 'none'}."
    fail(f"{what} must be one that exists", f"{name!r} does not", f"{hint} {mend}".rstrip())


def number(value: object, what: str, *, low: float = -np.inf, high: float = np.inf, above: float = -np.inf) -> float:
    """Return a finite number in [low, high] and above a bound."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        fail_type(f"{what} must be a number", value, "Give a plain number.")
    result = float(value)
    if not (np.isfinite(result) and low <= result <= high and result > above):
        bounds = (
            f"above {above:g}"
            if above > -np.inf
            else f"{low:g} or more"
            if high == np.inf
            else f"in [{low:g}, {high:g}]"
        )
        if low == -np.inf and above == -np.inf and high == np.inf:
            bounds = "finite"
        fail(f"{what} must be {bounds}", f"it is {result:g}", "Correct the value.")
    return result


def whole(value: object, what: str, *, low: int) -> int:
    """Return a whole number of at least low."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        fail_type(f"{what} must be a whole number", value, "Give an int.")
    if value < low:
        fail(f"{what} must be {low} or more", f"it is {value}", "Correct the value.")
    return int(value)


def choice(value: object, options: Sequence[str], what: str) -> str:
    """Return a value that is one of the options."""
    if value not in options:
        listed = ", ".join(repr(option) for option in options)
        fail(f"{what} must be one of {listed}", f"it is {value!r}", "Choose one of these.")
    return str(value)


def vector(values: object, what: str) -> FloatArray:
    """Return finite numbers as a contiguous array of doubles."""
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        fail_type(f"{what} must be a sequence of numbers", values, "Convert it to numbers first.")
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
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        fail_type(f"Every {what} must be a number", values, "Convert the column to numbers first.")
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
    if not array.sum() > 0:
        fail(f"The sum of the {what}s must be above 0", "it is 0", "Name the column that holds the survey's weights.")
    return array
