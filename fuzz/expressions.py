"""Expressions: any text is read and evaluated, or refused; and no row has a say in the value of another."""

import numpy as np
from harness import fuzz, watched

with watched():
    from sp2lnob._columns import Column, Table
    from sp2lnob._expressions import ARGUMENTS, Grouping, parse

ROWS = 8
FIRST = np.array([0, 1, 3, 6, 8])  # row where each of four households begins
NUMBERS = {
    "age": [0, 5, 17, 18, 64, 65, np.nan, 40],
    "size": [1, 2, 3, 0, np.nan, 6, 7, 0],
    "flag": [1, 0, np.nan, 1, 0, 0, 1, np.nan],
    "vast": [1e308, -1e308, 5e-324, -0.0, 2.0**53, 0.1, 3, np.nan],
    "fuel": [1, 2, 3, 1, np.nan, 9, 2, 3],
}
TEXTS = {
    "region": (("Rural", "Urban"), [0, 1, np.nan, 0, 1, 0, 1, 0], False),
    "place": (("Camp", "Rural", "Urban"), [2, 2, 0, np.nan, 1, 1, 0, 2], None),
    "grade": (("none", "primary", "higher"), [0, 1, 2, np.nan, 1, 0, 2, 1], True),
    "best": (("none", "primary", "higher"), [1, 2, 0, 1, np.nan, 2, 1, 0], True),
}
FUELS = {1.0: "Wood", 2.0: "Gas", 3.0: "Gas", 4.0: "Dung"}


def table(order: np.ndarray) -> Table:
    """Return the columns, their rows in some order."""
    made = Table({}, len(order), "persons")
    for name, values in NUMBERS.items():
        made.add(Column(name, np.array(values, dtype=float)[order], labels=FUELS if name == "fuel" else {}))
    for name, (levels, codes, ordered) in TEXTS.items():
        made.add(Column(name, np.array(codes, dtype=float)[order], levels, {}, ordered))
    return made


PLAIN, BACKWARDS = table(np.arange(ROWS)), table(np.arange(ROWS)[::-1])
OF_HOUSEHOLDS = table(np.arange(len(FIRST) - 1))
HOUSEHOLDS = Grouping(FIRST, lambda: FIRST[:-1], PLAIN.__getitem__, OF_HOUSEHOLDS.__getitem__)


def one(data: bytes) -> None:
    """Read and evaluate a text."""
    expression = parse(data.decode("utf-8", "replace"), "outcome")
    found = expression.evaluate(PLAIN.__getitem__, HOUSEHOLDS)
    rows = len(FIRST) - 1 if expression.aggregates else ROWS
    assert found.values.shape == (rows,), found.values.shape
    assert not np.isinf(found.values).any(), found.values
    if found.is_text:
        known = found.values[~found.missing]
        assert ((known >= 0) & (known < len(found.levels))).all(), known
    elif not expression.aggregates:
        again = expression.evaluate(BACKWARDS.__getitem__).values[::-1]
        np.testing.assert_array_equal(found.values, again)
    mask = expression.mask(PLAIN.__getitem__, HOUSEHOLDS)
    assert mask.shape == (rows,), mask.shape
    np.testing.assert_array_equal(mask, found.values == 1)


SEEDS = (
    "5 <= age <= 17",
    "fuel in (1, 2)",
    "fuel == 'Gas' or fuel != 'Wood'",
    "between(age, 15, 49) and not flag",
    "grade < 'higher'",
    "grade <= best",
    "region == place",
    "region not in ('Rural', 'Urban')",
    "age is missing or size is not missing",
    "(age + 2 * size) / (size - 1.5) >= -3e2",
    "vast * vast + vast / 0",
    "head(grade) == 'primary'",
    "sum(age) / count(age >= 0) + mean(size)",
    "any(flag) and all(age >= 5)",
    "max(grade)",
    "min(age) == size",
)
WORDS = (
    *NUMBERS,
    *TEXTS,
    *(f"{name}(" for name in ARGUMENTS),
    *("'Rural'", "'Gas'", "'none'", "missing", " is ", " is not ", " not in ", " in (", " and ", " or ", "not "),
    *("==", "!=", "<=", ">=", "1e308", "9007199254740993", "True", "0x1F", "1_0", "lambda:", "f'{age}'", ":=", "\\N{"),
    *("\x00", "\r", "\n", "\\", '"""', "#", "é", "ª", "𝒂𝒈𝒆"),
)

if __name__ == "__main__":
    fuzz(one, (text.encode() for text in SEEDS), WORDS)
