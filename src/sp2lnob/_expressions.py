"""The small safe language of ``who``, ``population``, ``outcome`` and ``derive``.

Text is parsed by ``ast`` and never compiled: ``parse`` admits the grammar below and nothing else, an evaluator then
walks the tree with whole columns. Cost: one pass over the rows an operator. Both stand in this file because the one
grammar binds both: whatever is admitted has a value.

::

    condition  : value == != < <= > >= value ...          5 <= age <= 17
               | value [not] in (value, ...)              cook_fuel in (1, 2)
               | between(value, low, high)                both bounds belong
               | value is [not] missing
               | condition and / or condition | not condition
               | value                                    holds only 0, 1 or missing
    value      : name | number | 'text' | True | False | condition as 0 and 1
               | value + - * / value | - value
               | head(value) | any(condition) | all(condition) | count(condition)     in derive alone:
               | sum(value) | mean(value) | min(value) | max(value)                   over the household

* A number compares with the code, a text with the label or the text itself; a text that is no category is an error.
  Only ordered text has a < b, by the position of its levels.
* A comparison with a missing value is false, for != and ``not in`` as well. ``not`` turns false into true, so
  ``not (x == 1)`` holds where x is missing and ``x != 1`` does not. A missing condition is false.
* Arithmetic with a missing value is missing; so is whatever is not finite (division by zero, overflow).
* Inside a household function a name is a column of the persons or else of the households, one row a person; the result,
  and every name outside, has one row a household. sum, mean, min and max skip missing values and are missing where
  nothing else is left; head, min and max keep labels.
"""

import ast
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import Any, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from ._columns import Column
from ._typing import BoolArray, FloatArray
from ._validate import InputError, fail, fail_if_any, fail_if_unknown, fail_type

LONGEST = 10_000  # characters
DEEPEST = 50  # levels of nesting; a long sum is one level
WHOLE = 2**53  # above it a double no longer tells whole numbers apart

Lookup: TypeAlias = Callable[[str], Column]
Value: TypeAlias = Column | str  # a text literal is itself; a number is a column of no dimension

ARITHMETIC = {ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide}
COMPARE = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
HOUSEHOLD = ("head", "any", "all", "count", "sum", "mean", "min", "max")
ARGUMENTS = {"between": 3} | dict.fromkeys(HOUSEHOLD, 1)
ABSENT = {
    "Attribute": "attribute access",
    "Subscript": "subscripts",
    "Lambda": "lambda",
    "JoinedStr": "f-strings",
    "NamedExpr": "assignment by :=",
    "Starred": "starred arguments",
    "IfExp": "if ... else",
    "Set": "sets",
    "GeneratorExp": "comprehensions",
    "ListComp": "comprehensions",
    "SetComp": "comprehensions",
    "DictComp": "comprehensions",
    "Tuple": "tuples except after in",
    "List": "lists except after in",
    "Call": "calls of computed functions",
    "Mod": "%",
    "Pow": "**",
    "FloorDiv": "//",
    "UAdd": "unary +",
    "BitAnd": "& (write and)",
    "BitOr": "| (write or)",
    "Invert": "~ (write not)",
}
HAS = (
    "It has names, numbers, 'texts', == != < <= > >=, in (...), between(x, low, high), is missing, and / or / not, "
    "+ - * /, and in derive head, any, all, count, sum, mean, min, max."
)


@dataclass(frozen=True, eq=False)
class Grouping:
    """Which persons make a household, for the household functions.

    Attributes
    ----------
    first : ndarray of shape (households + 1,), int
        Row where each household's persons begin; persons are contiguous by household.
    head : callable returning ndarray of shape (households,), int
        Row of each household's head among the persons. It is called by ``head(x)`` alone and may raise.
    persons, households : callable from str to Column
        Columns by name; an unknown name raises InputError.
    """

    first: npt.NDArray[np.integer[Any]]
    head: Callable[[], npt.NDArray[np.integer[Any]]]
    persons: Lookup
    households: Lookup

    @cached_property
    def owner(self) -> npt.NDArray[np.intp]:
        """Household of each person."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))


class _Source:
    """A text and what it says, for errors."""

    text: str
    what: str

    def fail(self, must: str, came: str, mend: str) -> NoReturn:
        """Raise an input error that begins with what the text says."""
        fail(f"{self.what}: {must}", came, mend)

    def said(self, node: ast.expr | ast.keyword) -> str:
        """Return the piece of the text that a node was read from; its positions are in bytes."""
        line = self.text.split("\n")[node.lineno - 1].encode()
        piece = line[node.col_offset : node.end_col_offset if node.end_lineno == node.lineno else None].decode()
        return piece if len(piece) <= 80 else f"{piece[:77]}..."


@dataclass(frozen=True, eq=False)
class Expression(_Source):
    """An expression that has been read and found to be within the language.

    Attributes
    ----------
    text, what : str
        The text, and what it says; every error begins with ``what``.
    names : tuple of str
        Columns it uses, in the order of the text.
    aggregates : bool
        Whether it uses a household function; if so, its outcome has one row a household.
    """

    text: str
    what: str
    names: tuple[str, ...]
    aggregates: bool
    tree: ast.expr = field(repr=False)

    def evaluate(self, lookup: Lookup, household: Grouping | None = None) -> Column:
        """Return the outcome as a column named by the text; a condition comes out as 0 and 1.

        An expression with household functions takes its names from ``household`` and not from ``lookup``.

        Raises
        ------
        InputError
            If a name is no column, a text no category, or numbers and text are mixed.
        """
        column = self._over(lookup, household).column(self.tree)
        return column if column.name == self.text else replace(column, name=self.text)

    def mask(self, lookup: Lookup, household: Grouping | None = None) -> BoolArray:
        """Return the rows where the condition holds; a missing one does not. Raises also if it is no condition."""
        return self._over(lookup, household).condition(self.tree)

    def _over(self, lookup: Lookup, household: Grouping | None) -> "_Evaluator":
        lookup = household.households if self.aggregates and household else lookup
        return _Evaluator(self.text, self.what, (lookup,), household)


def parse(text: str, what: str) -> Expression:
    """Read an expression of at most 10,000 characters; what it says begins every error.

    Raises
    ------
    InputError
        If the text is not within the language or names no column.

    Examples
    --------
    >>> from sp2lnob._columns import column_of
    >>> columns = {"age": column_of("age", [3, 70, None])}
    >>> parse("age >= 65", "population").mask(columns.__getitem__)
    array([False,  True, False])
    >>> parse("not age >= 65", "population").mask(columns.__getitem__)  # a missing age is not 65 or more
    array([ True, False,  True])
    """
    if not isinstance(text, str):
        fail_type(f"{what}: an expression must be text", text, "Write it in quotes, as in 'age >= 65'.")
    reader = _Reader(text.strip().replace("\r\n", "\n").replace("\r", "\n"), what)
    tree = reader.tree()
    reader.read(tree)
    if not reader.names and not reader.aggregates:
        reader.fail(
            "an expression must name at least one column",
            f"{reader.said(tree)!r} names none",
            "Names stand without quotes, as in age >= 65.",
        )
    return Expression(reader.text, what, tuple(dict.fromkeys(reader.names)), reader.aggregates, tree)


class _Reader(_Source):
    """Admits the nodes of the language and nothing else, and gathers the names they use."""

    def __init__(self, text: str, what: str) -> None:
        self.text, self.what = text, what
        self.names: list[str] = []
        self.aggregates = False

    def tree(self) -> ast.expr:
        """Return the tree that Python reads in the text."""
        if not 0 < len(self.text) <= LONGEST:
            self.fail(
                f"an expression must have 1 to {LONGEST:,} characters",
                f"it has {len(self.text):,}",
                "Write a condition or a value, such as age >= 65; split a long one by derive.",
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # '\d' and 1in x are doubtful: an error, not a line on stderr
                return ast.parse(self.text, mode="eval").body
        except (RecursionError, MemoryError):
            self.fail_nested(self.text)
        except (SyntaxError, ValueError, Warning) as error:  # ValueError: null bytes, half of a surrogate pair
            at, line = getattr(error, "offset", None) or 1, getattr(error, "lineno", None) or 1
            reason = getattr(error, "msg", str(error))
        near = self.text.split("\n")[min(line - 1, self.text.count("\n"))][max(at - 30, 0) : at + 30]
        self.fail(
            "an expression must be readable",
            f"at character {at} of line {line}, near {near!r}, it is not ({reason})",
            "Check quotes, brackets and operators (equality is ==); a column must have a plain name.",
        )

    def fail_nested(self, piece: str) -> NoReturn:
        """Raise for an expression that is nested too deep."""
        self.fail(
            f"an expression must be nested at most {DEEPEST} deep",
            f"{piece[:80]!r} is deeper",
            "Split it into several by derive.",
        )

    def read(self, node: ast.expr, depth: int = 1, within: str = "") -> None:
        """Admit a node and all below it, within a household function or none."""
        if depth > DEEPEST:
            self.fail_nested(self.said(node))
        parts: list[ast.expr] = []
        match node:
            case ast.Constant(value=str()):
                pass
            case ast.Constant(value=bool() | int() | float() as number):
                if not abs(number) <= (WHOLE if isinstance(number, int) else np.finfo(np.float64).max):
                    self.fail(
                        "a number must be one that a double holds exactly",
                        f"{self.said(node)!r} is not",
                        f"Whole numbers reach {WHOLE:,}; keep longer codes as text.",
                    )
            case ast.Name(id="missing"):
                self.fail("the word missing must follow is", "it stands elsewhere", "Write x is [not] missing.")
            case ast.Name(id=name):
                self.names.append(name)
            case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
                parts = [operand]
            case ast.BoolOp(values=values):
                parts = values
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
                start, steps = _steps(node)
                parts = [start, *(right for _, right in steps)]
            case ast.Compare():
                parts = self.compared(node)
            case ast.Call(func=ast.Name(id=function), args=args, keywords=[]):
                parts, within = args, self.called(node, function, within)
            case ast.Call(keywords=[_, *_]):
                self.fail_absent(node, "keyword arguments")
            case ast.Call(func=ast.Attribute()):
                self.fail_absent(node.func)
            case _:
                self.fail_absent(node)
        for part in parts:
            self.read(part, depth + 1, within)

    def compared(self, node: ast.Compare) -> list[ast.expr]:
        """Return the sides of a chain of comparisons that are to be read."""
        parts = [node.left]
        for op, right in zip(node.ops, node.comparators, strict=True):
            word = "is" if isinstance(op, (ast.Is, ast.IsNot)) else "in" if type(op) not in COMPARE else ""
            if word and right is not node.comparators[-1]:
                self.fail(
                    f"a comparison by {word} must be the last of its chain",
                    f"something follows it in {self.said(node)!r}",
                    "Join the two by and.",
                )
            if word == "is" and not (isinstance(right, ast.Name) and right.id == "missing"):
                self.fail("only the word missing must follow is", f"{self.said(right)!r} does", "Equality is ==.")
            if word == "in" and not _elements(right):
                self.fail("the list after in must hold a value", "it is empty", "Write x in (1, 2).")
            parts += [] if word == "is" else _elements(right) if word else [right]
        return parts

    def called(self, node: ast.Call, function: str, within: str) -> str:
        """Admit the call of a function, and return the household function that its arguments stand in."""
        fail_if_unknown(function, ARGUMENTS, f"{self.what}: a function")
        if len(node.args) != ARGUMENTS[function]:
            self.fail(
                f"{function} must have {ARGUMENTS[function]} in its brackets",
                f"{self.said(node)!r} has {len(node.args)}",
                f"Write {'between(x, low, high)' if function == 'between' else f'{function}(x)'}.",
            )
        if function not in HOUSEHOLD:
            return within
        if within:
            self.fail(
                "a household function must not stand in another",
                f"{function} stands in {within}",
                "Derive the inner one first, and use its name.",
            )
        self.aggregates = True
        return function

    def fail_absent(self, node: ast.expr, kind: str = "") -> NoReturn:
        """Raise for what the language does not have."""
        culprit = getattr(node, "op", getattr(node, "value", None) if isinstance(node, ast.Constant) else node)
        kind = kind or ABSENT.get(type(culprit).__name__, type(culprit).__name__)
        self.fail(
            "an expression must stay within the small language", f"the language has no {kind}: {self.said(node)!r}", HAS
        )


def _steps(node: ast.BinOp) -> tuple[ast.expr, list[tuple[ast.operator, ast.expr]]]:
    """Return a + b - c as a and [(+, b), (-, c)], so that a long sum is no deep nesting."""
    steps, rest = [(node.op, node.right)], node.left
    while isinstance(rest, ast.BinOp) and type(rest.op) in ARITHMETIC:
        steps.append((rest.op, rest.right))
        rest = rest.left
    return rest, steps[::-1]


def _elements(node: ast.expr) -> list[ast.expr]:
    """Return what stands in the brackets after ``in``; brackets around one value are none to Python."""
    return node.elts if isinstance(node, (ast.Tuple, ast.List)) else [node]


@dataclass(frozen=True, eq=False)
class _Evaluator(_Source):
    """Values of an expression's nodes over the rows of its lookups, the first that knows a name."""

    text: str
    what: str
    lookups: tuple[Lookup, ...]
    household: Grouping | None

    def value(self, node: ast.expr) -> Value:
        """Return the column of a node, or the text of a literal."""
        outcome: Any
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name):
                return self.named(name)
            case ast.Constant(value=outcome):
                pass
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                outcome = ~self.condition(operand)
            case ast.UnaryOp(operand=operand):
                outcome = -self.numbers(self.column(operand))
            case ast.BoolOp(op=op, values=values):
                join = np.logical_and if isinstance(op, ast.And) else np.logical_or
                outcome = reduce(join, [self.condition(value) for value in values])
            case ast.BinOp():
                outcome = self.arithmetic(node)
            case ast.Compare():
                outcome = self.comparison(node)
            case ast.Call(args=[x, low, high]):
                middle = self.value(x)
                outcome = self.compare(np.greater_equal, middle, self.value(low)) & self.compare(
                    np.less_equal, middle, self.value(high)
                )
            case ast.Call(func=ast.Name(id=function), args=[argument]):
                return replace(self.over_household(function, argument), name=self.said(node))
        return Column(self.said(node), np.asarray(outcome, dtype=np.float64))

    def named(self, name: str) -> Column:
        """Return a column by name."""
        reasons = []
        for lookup in self.lookups:
            try:
                return lookup(name)
            except InputError as error:
                reasons.append(str(error))
        self.fail("every name must be a column that can be read", f"{name!r} is not", " ".join(reasons))

    def column(self, node: ast.expr) -> Column:
        """Return the value of a node that must not be a text literal."""
        return self.lone(self.value(node))

    def lone(self, value: Value) -> Column:
        """Return a value that must not be a text literal."""
        if isinstance(value, str):
            self.fail(
                "a text must be compared with a column", f"{value!r} is not", "Names of columns stand without quotes."
            )
        return value

    def numbers(self, column: Column) -> FloatArray:
        """Return the values of a column that must be numbers."""
        if column.is_text:
            self.fail(
                "arithmetic must be on numbers",
                f"{column.name!r} is text",
                "Compare it first: a condition counts as 0 and 1.",
            )
        return column.values

    def condition(self, node: ast.expr) -> BoolArray:
        """Return where a node that must be a condition holds."""
        column = self.column(node)
        if column.is_text:
            self.fail(
                "a condition must be a comparison, or hold 0 and 1",
                f"{column.name!r} is text",
                "Compare it with one of its texts by ==.",
            )
        values = np.atleast_1d(column.values)
        fail_if_any(
            ~((values == 0) | (values == 1) | np.isnan(values)),
            f"{self.what}: every row of {column.name!r} must hold 0, 1 or missing to be a condition",
            "Compare it with a number.",
            lambda i: f"row {i}: {values[i]:.15g}",
        )
        return np.asarray(column.values == 1)

    def arithmetic(self, node: ast.BinOp) -> FloatArray:
        """Return numbers, missing wherever a step is not finite."""
        start, steps = _steps(node)
        total = self.numbers(self.column(start))
        for op, right in steps:
            with np.errstate(all="ignore"):
                total = ARITHMETIC[type(op)](total, self.numbers(self.column(right)))
            total = np.where(np.isfinite(total), total, np.nan)
        return total

    def comparison(self, node: ast.Compare) -> BoolArray:
        """Return where all comparisons of a chain hold."""
        holds, left = np.array(True), self.value(node.left)
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, (ast.Is, ast.IsNot)):
                holds = holds & (self.lone(left).missing == isinstance(op, ast.Is))
            elif isinstance(op, (ast.In, ast.NotIn)):
                each, join = (np.equal, np.logical_or) if isinstance(op, ast.In) else (np.not_equal, np.logical_and)
                holds = holds & reduce(join, [self.compare(each, left, self.value(e)) for e in _elements(right)])
            else:
                after = self.value(right)
                holds, left = holds & self.compare(COMPARE[type(op)], left, after), after
        return holds

    def compare(self, op: np.ufunc, left: Value, right: Value) -> BoolArray:
        """Return where a comparison holds; it never does where a side is missing."""
        order = op not in (np.equal, np.not_equal)
        if isinstance(left, str):
            b, a = self.sides(self.lone(right), left, order)
        else:
            a, b = self.sides(left, right, order)
        return np.asarray(op(a, b) & ~(np.isnan(a) | np.isnan(b)))

    def sides(self, column: Column, other: Value, order: bool) -> tuple[FloatArray, FloatArray]:
        """Return the two sides of a comparison as numbers that compare as they do."""
        if isinstance(other, str):
            if not column.is_text and not column.labels:
                self.fail(
                    "a text must be compared with text or labels",
                    f"{column.name!r} has numbers without labels",
                    f"Compare with a number instead of {other!r}.",
                )
            if order:
                self.fail_if_unordered(column)
            known = column.levels if column.levels is not None else tuple(dict.fromkeys(column.labels.values()))
            fail_if_unknown(other, known, f"{self.what}: a category of {column.name!r}")
            codes = [
                code
                for code, label in (column.labels.items() if column.levels is None else enumerate(known))
                if label == other
            ]  # a label may have several codes
            return np.where(np.isin(column.values, codes), codes[0], column.values), np.array(float(codes[0]))
        if column.levels is None and other.levels is None:
            return column.values, other.values
        if column.levels is None or other.levels is None:
            text, numbers = (column.name, other.name) if column.is_text else (other.name, column.name)
            self.fail(
                "a number must be compared with numbers, and text with text",
                f"{text!r} is text and {numbers!r} is not",
                "Put the text of a category in quotes.",
            )
        if order:
            self.fail_if_unordered(column, other)
        place = {level: float(i) for i, level in enumerate(column.levels)}
        places = np.array([*(place.get(level, -1.0) for level in other.levels), np.nan])
        return column.values, places[np.where(other.missing, -1, other.values).astype(np.intp)]

    def fail_if_unordered(self, *columns: Column) -> None:
        """Raise for < between texts that have no order, or not the same."""
        for column in columns:
            if not (column.is_text and column.ordered is True):
                self.fail(
                    "texts compared by < <= > >= must be ordered",
                    f"{column.name!r} is not",
                    "Compare codes if it has any, write == or in, or pass an ordered categorical.",
                )
        if columns[0].levels != columns[-1].levels:
            self.fail(
                "texts compared by < <= > >= must have the same levels",
                f"{columns[0].name!r} and {columns[-1].name!r} have not",
                "Give both the same categories.",
            )

    def over_household(self, function: str, argument: ast.expr) -> Column:
        """Return a household function of the persons, one row a household."""
        group = self.household
        if group is None:
            self.fail(
                "a household function must stand in derive",
                f"{function}(...) does not",
                "Derive a column by it, and use the name of that column here.",
            )
        owner, households = group.owner, len(group.first) - 1

        def total(values: npt.NDArray[Any]) -> FloatArray:
            return np.bincount(owner, values, households).astype(np.float64)  # of no rows it makes whole numbers

        lookups = (group.persons, lambda name: group.households(name).take(owner))
        persons = _Evaluator(self.text, self.what, lookups, None)
        if function in ("any", "all", "count"):
            count = total(np.broadcast_to(persons.condition(argument), owner.shape))
            result = {"any": count > 0, "all": count == np.diff(group.first), "count": count}[function]
            return Column("", np.asarray(result, dtype=np.float64))
        column = persons.column(argument)
        column = replace(column, values=np.broadcast_to(column.values, owner.shape))
        if function == "head":
            return column.take(group.head())
        if function in ("min", "max"):
            if column.is_text:
                self.fail_if_unordered(column)
            extreme = np.full(households, np.nan)
            (np.fmin if function == "min" else np.fmax).at(extreme, owner, column.values)
            return replace(column, values=extreme)
        values, count = self.numbers(column), total(~column.missing)
        result = total(np.where(column.missing, 0.0, values)) / (np.maximum(count, 1.0) if function == "mean" else 1.0)
        return Column("", np.where(count > 0, result, np.nan))
