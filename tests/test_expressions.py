"""The small language against a textbook reading of it, one row at a time, with None for missing."""

import math
import operator
import pickle
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from sp2lnob._columns import Column, Table, column_of
from sp2lnob._expressions import DEEPEST, LONGEST, Grouping, parse
from sp2lnob._validate import InputError, InputTypeError

WHAT = "outcome of opportunity 'clean fuel'"

# Eight rows; region and place are text with different levels, fuel has two codes for one label.
DATA = {
    "age": [0, 5, 17, 18, 64, 65, None, 40],
    "size": [1, 2, 3, 0, None, 6, 7, 0],
    "flag": [1, 0, None, 1, 0, 0, 1, None],
    "fuel": [1, 2, 3, 1, None, 9, 2, 3],
    "region": ["Rural", "Urban", None, "Rural", "Urban", "Rural", "Urban", "Rural"],
    "place": ["Urban", "Urban", "Camp", None, "Rural", "Rural", "Camp", "Urban"],
    "grade": ["none", "primary", "higher", None, "primary", "none", "higher", "primary"],
}
FUELS = {1.0: "Wood", 2.0: "Gas", 3.0: "Gas", 4.0: "Dung"}
GRADES = ("none", "primary", "higher")
ROWS = [dict(zip(DATA, row, strict=True)) for row in zip(*DATA.values(), strict=True)]


def grades(name, values):
    codes = [np.nan if value is None else float(GRADES.index(value)) for value in values]
    return Column(name, np.array(codes), GRADES, {}, True)


COLUMNS = Table({name: DATA[name] for name in DATA if name != "grade"}, len(ROWS), "households", labels={"fuel": FUELS})
COLUMNS.add(grades("grade", DATA["grade"]))
COLUMNS.add(grades("best", DATA["grade"][::-1]))
look = COLUMNS.__getitem__


def mask(text):
    return parse(text, WHAT).mask(look).tolist()


def numbers(text):
    return [None if math.isnan(value) else value for value in parse(text, WHAT).evaluate(look).values]


def rows_where(condition):
    return [bool(condition(row)) for row in ROWS]


def refuses(text, *pieces, lookup=look, household=None):
    with pytest.raises(InputError) as caught:
        parse(text, WHAT).evaluate(lookup, household)
    message = str(caught.value)
    assert message.startswith(f"{WHAT}: ")
    for piece in (" must ", ", but ", *pieces):
        assert piece in message, message


# ---------------------------------------------------------------- every operator, one row at a time

ORDER = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
SUMS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def known(compare):
    """A comparison is false where a side is missing."""
    return lambda a, b: a is not None and b is not None and compare(a, b)


def finite(compute):
    def step(a, b):
        if a is None or b is None:
            return None
        try:
            value = float(compute(float(a), float(b)))
        except ZeroDivisionError:
            return None
        return value if math.isfinite(value) else None

    return step


@pytest.mark.parametrize("sign", ORDER)
@pytest.mark.parametrize("value", [0, 5, 18, 17.5, -1])
def test_number_compares_with_the_code(sign, value):
    expected = rows_where(lambda row: known(ORDER[sign])(row["age"], value))
    assert mask(f"age {sign} {value}") == expected
    flipped = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(sign, sign)
    assert mask(f"{value} {flipped} age") == expected


@pytest.mark.parametrize("sign", ORDER)
def test_column_compares_with_column(sign):
    assert mask(f"age {sign} fuel") == rows_where(lambda row: known(ORDER[sign])(row["age"], row["fuel"]))


@pytest.mark.parametrize("sign", ["==", "!="])
@pytest.mark.parametrize(("left", "right"), [("region", "place"), ("place", "region"), ("region", "region")])
def test_text_columns_compare_by_their_texts(sign, left, right):
    assert mask(f"{left} {sign} {right}") == rows_where(lambda row: known(ORDER[sign])(row[left], row[right]))


@pytest.mark.parametrize("sign", ["==", "!="])
def test_text_compares_with_the_text(sign):
    expected = rows_where(lambda row: known(ORDER[sign])(row["region"], "Rural"))
    assert mask(f"region {sign} 'Rural'") == mask(f"'Rural' {sign} region") == expected


@pytest.mark.parametrize("sign", ["==", "!="])
@pytest.mark.parametrize("label", ["Wood", "Gas", "Dung"])
def test_text_compares_with_the_label(sign, label):
    def holds(row):
        return row["fuel"] is not None and ORDER[sign](FUELS.get(row["fuel"]), label)

    assert mask(f"fuel {sign} '{label}'") == mask(f"'{label}' {sign} fuel") == rows_where(holds)


@pytest.mark.parametrize("sign", ORDER)
@pytest.mark.parametrize("level", GRADES)
def test_ordered_text_compares_by_position(sign, level):
    def holds(row):
        return row["grade"] is not None and ORDER[sign](GRADES.index(row["grade"]), GRADES.index(level))

    assert mask(f"grade {sign} '{level}'") == rows_where(holds)
    flipped = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(sign, sign)
    assert mask(f"'{level}' {flipped} grade") == rows_where(holds)


def test_ordered_text_compares_with_ordered_text_of_the_same_levels():
    best = DATA["grade"][::-1]
    expected = [
        known(operator.lt)(*(None if g is None else GRADES.index(g) for g in pair))
        for pair in zip(DATA["grade"], best, strict=True)
    ]
    assert mask("grade < best") == expected


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("fuel in (1, 2)", {1, 2}),
        ("fuel in [1, 2]", {1, 2}),
        ("fuel in (1,)", {1}),
        ("fuel in (1)", {1}),
        ("fuel in ('Wood', 'Gas')", {1, 2, 3}),
        ("fuel in (9, 'Wood')", {1, 9}),
        ("fuel in (-1, 9)", {9}),
        ("fuel in (3 * 3, True)", {1, 9}),
        ("region in ('Urban', 'Rural')", {"Rural", "Urban"}),
        ("region in ('Urban')", {"Urban"}),
    ],
)
def test_in_and_not_in(text, values):
    name = text.split()[0]
    assert mask(text) == rows_where(lambda row: row[name] in values)
    assert mask(text.replace(" in ", " not in ")) == rows_where(
        lambda row: row[name] is not None and row[name] not in values
    )


def test_in_may_name_columns_and_a_missing_one_is_no_match():
    assert mask("5 in (age, size)") == rows_where(lambda row: 5 in (row["age"], row["size"]))
    assert mask("5 not in (age, size)") == rows_where(
        lambda row: None not in (row["age"], row["size"]) and 5 not in (row["age"], row["size"])
    )


def test_between_has_both_bounds():
    expected = rows_where(lambda row: row["age"] is not None and 5 <= row["age"] <= 64)
    assert mask("between(age, 5, 64)") == mask("5 <= age <= 64") == mask("64 >= age >= 5") == expected
    assert mask("between(grade, 'primary', 'higher')") == rows_where(lambda row: row["grade"] in ("primary", "higher"))
    assert mask("between(5, size, age)") == rows_where(
        lambda row: None not in (row["age"], row["size"]) and row["size"] <= 5 <= row["age"]
    )


def test_chain_is_an_and_of_its_pairs():
    assert mask("0 < size < age != 40") == mask("0 < size and size < age and age != 40")
    assert mask("1 < size in (2, 3)") == mask("1 < size and size in (2, 3)")
    assert mask("1 < size is missing") == [False] * 8
    assert mask("5 > size is not missing") == mask("5 > size")
    assert mask("'Rural' == region == place") == mask("region == 'Rural' and region == place")


@pytest.mark.parametrize("name", DATA)
def test_is_missing(name):
    absent = rows_where(lambda row: row[name] is None)
    assert mask(f"{name} is missing") == absent
    assert mask(f"{name} is not missing") == mask(f"not {name} is missing") == [not bit for bit in absent]


def test_is_missing_of_a_computed_value():
    assert mask("age / size is missing") == rows_where(lambda row: row["age"] is None or not row["size"])


@pytest.mark.parametrize("sign", SUMS)
def test_arithmetic(sign):
    assert numbers(f"age {sign} size") == [finite(SUMS[sign])(row["age"], row["size"]) for row in ROWS]
    assert numbers(f"age {sign} 4") == [finite(SUMS[sign])(row["age"], 4) for row in ROWS]
    assert numbers(f"4 {sign} age") == [finite(SUMS[sign])(4, row["age"]) for row in ROWS]


def test_minus_precedence_and_association():
    ages = [(row["age"], row["size"]) for row in ROWS]
    assert numbers("-age") == [None if a is None else -a for a, _ in ages]
    assert numbers("100 - age - 2 * -size") == [None if None in pair else 100 - pair[0] + 2 * pair[1] for pair in ages]
    assert numbers("100 - (age - size)") == [None if None in pair else 100 - pair[0] + pair[1] for pair in ages]
    assert numbers("age / 2 / 5") == [None if a is None else a / 2 / 5 for a, _ in ages]
    assert mask("age > 5 or age < 3 and flag") == mask("age > 5 or (age < 3 and flag)")
    assert mask("not age > 5 and flag") == mask("(not age > 5) and flag")


def test_no_finite_result_is_missing_and_warns_of_nothing():
    assert numbers("age / 0") == [None] * 8
    assert numbers("age + 1e308 * 10") == [None] * 8
    assert numbers("(age - age) / (age - age)") == [None] * 8


def test_logic_treats_a_missing_condition_as_false():
    assert mask("flag") == rows_where(lambda row: row["flag"] == 1)
    assert mask("not flag") == rows_where(lambda row: row["flag"] != 1)
    assert mask("flag and size > 0") == rows_where(lambda row: row["flag"] == 1 and (row["size"] or 0) > 0)
    assert mask("flag or size == 3") == rows_where(lambda row: row["flag"] == 1 or row["size"] == 3)
    assert mask("flag and True") == mask("flag or False") == mask("flag == True") == mask("flag")


def test_not_of_a_comparison_holds_where_missing_and_unequal_does_not():
    assert mask("not (age == 5)") == rows_where(lambda row: row["age"] != 5)
    assert mask("age != 5") == rows_where(lambda row: row["age"] not in (5, None))
    assert mask("not (fuel in (1, 2))") == rows_where(lambda row: row["fuel"] not in (1, 2))


def test_conditions_come_out_as_numbers_and_count_in_sums():
    outcome = parse("age >= 18", WHAT).evaluate(look)
    assert outcome.values.dtype == np.float64
    assert outcome.values.tolist() == [float(bit) for bit in mask("age >= 18")]
    assert numbers("(age < 18) + (region == 'Rural')") == [
        float(a + b) for a, b in zip(mask("age < 18"), mask("region == 'Rural'"), strict=True)
    ]
    assert parse("age > 5", WHAT).mask(look).dtype == np.bool_


# Random expressions: each is its text and its textbook function of a row.

signs = st.sampled_from(sorted(ORDER))
leaves = st.one_of(
    st.sampled_from(["age", "size", "fuel", "flag"]).map(lambda name: (name, lambda row: row[name])),
    st.integers(-20, 80).map(lambda k: (str(k), lambda row: float(k))),
    st.floats(-1e3, 1e3).map(lambda x: (repr(x), lambda row: x)),
)


def combined(numeric):
    def join(sign, left, right):
        step = finite(SUMS[sign])
        return f"({left[0]} {sign} {right[0]})", lambda row: step(left[1](row), right[1](row))

    def minus(part):
        return f"-({part[0]})", lambda row: None if (value := part[1](row)) is None else -value

    return st.builds(join, st.sampled_from(sorted(SUMS)), numeric, numeric) | st.builds(minus, numeric)


numeric = st.recursive(leaves, combined, max_leaves=6)


def compared(sign, left, right):
    return f"({left[0]} {sign} {right[0]})", lambda row: known(ORDER[sign])(left[1](row), right[1](row))


def between(x, low, high):
    at_least, at_most = known(operator.ge), known(operator.le)
    return (
        f"between({x[0]}, {low[0]}, {high[0]})",
        lambda row: at_least(x[1](row), low[1](row)) and at_most(x[1](row), high[1](row)),
    )


def contained(x, elements, negative):
    equal, unequal = known(operator.eq), known(operator.ne)
    text = f"({x[0]} {'not in' if negative else 'in'} ({', '.join(e[0] for e in elements)},))"
    if negative:
        return text, lambda row: all(unequal(x[1](row), e[1](row)) for e in elements)
    return text, lambda row: any(equal(x[1](row), e[1](row)) for e in elements)


def absent(x, negative):
    return f"({x[0]} is {'not ' * negative}missing)", lambda row: (x[1](row) is None) != negative


def placed(sign, word):
    return f"(region {sign} '{word}')", lambda row: known(ORDER[sign])(row["region"], word)


def joined(conditions):
    def both(word, left, right):
        if word == "and":
            return f"({left[0]} and {right[0]})", lambda row: left[1](row) and right[1](row)
        return f"({left[0]} or {right[0]})", lambda row: left[1](row) or right[1](row)

    def negated(part):
        return f"(not {part[0]})", lambda row: not part[1](row)

    return st.builds(both, st.sampled_from(["and", "or"]), conditions, conditions) | st.builds(negated, conditions)


conditions = st.recursive(
    st.one_of(
        st.just(("flag", lambda row: row["flag"] == 1)),
        st.builds(compared, signs, numeric, numeric),
        st.builds(between, numeric, numeric, numeric),
        st.builds(contained, numeric, st.lists(numeric, min_size=1, max_size=3), st.booleans()),
        st.builds(absent, numeric, st.booleans()),
        st.builds(placed, st.sampled_from(["==", "!="]), st.sampled_from(["Rural", "Urban"])),
    ),
    joined,
    max_leaves=6,
)


@given(conditions)
@settings(deadline=None)
def test_random_conditions_equal_the_textbook(condition):
    text, function = condition
    assert mask(f"{text} or age < -1e9") == rows_where(function)  # the second part names a column and never holds


@given(numeric)
@settings(deadline=None)
def test_random_arithmetic_equals_the_textbook(value):
    text, function = value
    expected = [finite(operator.add)(function(row), row["age"]) for row in ROWS]
    assert numbers(f"{text} + age") == expected


# ---------------------------------------------------------------- what an expression says of itself


def test_a_plain_name_is_the_column_itself():
    assert parse(" fuel ", WHAT).evaluate(look) is COLUMNS["fuel"]
    renamed = parse("(fuel)", WHAT).evaluate(look)
    assert renamed.name == "(fuel)"
    assert renamed.labels == FUELS
    assert parse("grade", WHAT).evaluate(look).ordered is True


def test_outcome_is_named_by_the_text_and_computing_drops_labels():
    outcome = parse(" fuel + 0 ", WHAT).evaluate(look)
    assert outcome.name == "fuel + 0"
    assert outcome.labels == {}


def test_names_stand_in_the_order_of_the_text():
    reading = parse("b + c * 2 - a > max(d) and c in (e, 1) or between(f, g, 2) or h is missing", WHAT)
    assert reading.names == ("b", "c", "a", "d", "e", "f", "g", "h")
    assert reading.aggregates
    assert not parse("max == head + count", WHAT).aggregates  # names of columns, since nothing is called
    assert parse("count(True)", WHAT).names == ()


def test_expression_survives_pickling():
    copy = pickle.loads(pickle.dumps(parse("age > 5", WHAT)))  # noqa: S301
    assert copy.mask(look).tolist() == mask("age > 5")


def test_brackets_may_hold_line_breaks_and_names_may_be_of_any_script():
    assert mask("(age > 5\r\n and\n flag)") == mask("age > 5 and flag")
    refuses("(age > 5\n and âge ++ 'x')", "unary +: \"+ 'x'\"")
    columns = {"âge": column_of("âge", [1, 2])}
    assert parse("âge == 2  # two", WHAT).mask(columns.__getitem__).tolist() == [False, True]


def test_a_sum_of_hundred_columns_is_no_deep_nesting():
    assert numbers(" + ".join(["age"] * 100))[1] == 500
    assert numbers(" * ".join(["1"] * 99) + " * age")[1] == 5


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("age.x", "no attribute access: 'age.x'"),
        ("age.isin([1])", "no attribute access: 'age.isin'"),
        ("age[0]", "no subscripts"),
        ("age[0:1]", "no subscripts"),
        ("lambda: age", "no lambda"),
        ("f'{age}' == region", "no f-strings"),
        ("any([x for x in age])", "no comprehensions"),
        ("any(x for x in age)", "no comprehensions"),
        ("age in {x for x in y}", "no comprehensions"),
        ("age in {x: 1 for x in y}", "no comprehensions"),
        ("(x := age)", "no assignment by :="),
        ("any(*age)", "no starred arguments"),
        ("age in (*size,)", "no starred arguments"),
        ("between(age, low=1, high=2)", "no keyword arguments"),
        ("any(**age)", "no keyword arguments"),
        ("age if flag else size", "no if ... else"),
        ("(age, size)", "no tuples except after in: '(age, size)'"),
        ("[age]", "no lists except after in"),
        ("age == (1, 2)", "no tuples"),
        ("age in ((1, 2), 3)", "no tuples"),
        ("{age}", "no sets"),
        ("{1: age}", "no Dict"),
        ("age % 2", "no %"),
        ("age ** 2", "no **"),
        ("age // 2", "no //"),
        ("age @ size", "no MatMult"),
        ("age ^ 1", "no BitXor"),
        ("age << 1", "no LShift"),
        ("+age", "no unary +"),
        ("(age > 1) & flag", "no & (write and)"),
        ("flag | flag", "no | (write or)"),
        ("~flag", "no ~ (write not)"),
        ("age == 1j", "no complex: '1j'"),
        ("region == b'Rural'", "no bytes"),
        ("age == None", "no NoneType"),
        ("age == ...", "no ellipsis"),
        ("(lambda: age)()", "no calls of computed functions"),
        ("any(age)(age)", "no calls of computed functions"),
        ("'x'(age)", "no calls of computed functions"),
        ("age % 2 + 1 + size", "no %: 'age % 2'"),
        ("await_(age).x", "no attribute access"),
        ("(yield age)", "no Yield"),
    ],
)
def test_the_language_has_no_more(text, piece):
    refuses(text, "must stay within the small language, but the language has " + piece, "It has names, numbers")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("age = 5", "character 5 of line 1, near 'age = 5'"),
        ("age >", "line 1, near 'age >'"),
        ("age > 5)", "character 8"),
        ("(age > 5", "character 1 of line 1"),
        ("age > 'x", "character 7"),
        ("(age >\n 5))", "character 4 of line 2, near ' 5))'"),
        ("age > 5; age", "character 8"),
        ("class == 1", "line 1"),
        ("age > 5\nflag", "line 2"),
        ("age == '\\d'", "invalid escape sequence"),
        ("age > 5and flag", "invalid decimal literal"),
        ("age\x00 > 5", "null bytes"),
        ("age == '\udc80'", "surrogates"),
        ("age > " + "9" * 5000, "digits"),
        ("(" * 300 + "age" + ")" * 300, "too many nested parentheses"),
        ("# age", "line 1"),
        ("import os", "line 1"),
    ],
)
def test_unreadable_text_says_where(text, where):
    refuses(text, "an expression must be readable, but at character", where, "equality is ==")


@pytest.mark.parametrize("text", ["", "   ", "\n", "a" * (LONGEST + 1), "age" + " + age" * LONGEST])
def test_too_short_or_too_long(text):
    refuses(text, f"must have 1 to {LONGEST:,} characters, but it has {len(text.strip()):,}.")


@pytest.mark.parametrize("value", [None, 5, True, b"age > 5", ["age > 5"], np.array([1])])
def test_anything_but_text_is_a_type_error(value):
    with pytest.raises(InputTypeError, match=rf"^{WHAT}: an expression must be text, but .* is of type "):
        parse(value, WHAT)


def nested(levels):
    return "not (" * levels + "age > 5" + ")" * levels


@pytest.mark.parametrize(
    "text",
    [
        nested(DEEPEST),
        nested(150),
        "-" * 9990 + "age",
        "not " * 2400 + "age",
        "-(" * 150 + "age" + ")" * 150,
        "age + (" * 60 + "age" + ")" * 60,
        "age in (" * 60 + "1" + ")" * 60,
        "(" * 60 + "age" + " < 1)" * 60,
        "age.x" + ".x" * 4000,
    ],
)
def test_deep_nesting_is_an_error_of_ours(text):
    with pytest.raises(InputError, match=r"must be nested at most 50 deep, but .* is deeper\. Split it|no attribute"):
        parse(text, WHAT)


def test_nesting_within_the_bound_is_read():
    assert mask(nested(DEEPEST - 3)) == mask("not age > 5")
    assert len(nested(DEEPEST - 3)) < LONGEST


def test_nesting_within_the_bound_is_evaluated_far_down_the_stack():
    def at(depth):
        return mask(nested(DEEPEST - 2)) if depth == 0 else at(depth - 1)

    assert at(sys.getrecursionlimit() // 3) == mask("age > 5")


@pytest.mark.parametrize("literal", ["9007199254740993", "1e999", "0x" + "f" * 9000, "-9007199254740993"])
def test_numbers_that_a_double_does_not_hold(literal):
    refuses(f"age == {literal}", "a number must be one that a double holds exactly", "keep longer codes as text")
    assert mask("age < 9007199254740992") == mask("age is not missing")


@pytest.mark.parametrize(
    ("name", "mend"), [("agee", "Did you mean 'age'?"), ("zzz", "There are: age, best, flag, fuel")]
)
def test_unknown_column(name, mend):
    refuses(f"{name} > 5", f"every name must be a column that can be read, but '{name}' is not.", mend)


@pytest.mark.parametrize(
    ("call", "mend"),
    [
        ("betwen(age, 1, 2)", "Did you mean 'between'?"),
        ("median(age)", "Did you mean 'mean'?"),
        ("eval(age)", "There are: all, any, between"),
    ],
)
def test_unknown_function(call, mend):
    refuses(call, f"a function must be one that exists, but '{call.split('(')[0]}' does not.", mend)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            "between(age, 1)",
            "between must have 3 in its brackets, but 'between(age, 1)' has 2. Write between(x, low, high).",
        ),
        ("any()", "any must have 1 in its brackets, but 'any()' has 0. Write any(x)."),
        ("max(age, size)", "max must have 1 in its brackets, but 'max(age, size)' has 2. Write max(x)."),
    ],
)
def test_number_of_arguments(call, message):
    refuses(f"flag or {call}", message)


@pytest.mark.parametrize("text", ["True", "1 == 1", "'Rural' == 'Urban'", "'age'", "-5", "between(1, 2, 3)"])
def test_an_expression_names_a_column(text):
    refuses(text, f"must name at least one column, but {text!r} names none. Names stand without quotes")


@pytest.mark.parametrize(
    "text", ["age == missing", "missing", "missing > 5", "missing is missing", "any(missing)", "age in (1, missing)"]
)
def test_missing_stands_after_is_alone(text):
    refuses(text, "the word missing must follow is, but it stands elsewhere. Write x is [not] missing.")


def test_is_stands_before_missing_alone():
    refuses("age is 5", "only the word missing must follow is, but '5' does. Equality is ==.")
    refuses("age is not size", "only the word missing must follow is, but 'size' does.")
    refuses("age is None", "only the word missing must follow is, but 'None' does.")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("age in (1, 2) == 1", "in"),
        ("age is missing == 1", "is"),
        ("age not in (1,) in (2,)", "in"),
        ("age is missing is missing", "is"),
    ],
)
def test_in_and_is_end_a_chain(text, word):
    refuses(text, f"a comparison by {word} must be the last of its chain", "Join the two by and.")


def test_an_empty_list_is_an_error():
    refuses("age in ()", "the list after in must hold a value, but it is empty. Write x in (1, 2).")


@pytest.mark.parametrize(
    "text",
    [
        "region == 'Rurall'",
        "'Rurall' == region",
        "region in ('Urban', 'Rurall')",
        "region != 'Rurall'",
        "region not in ('Rurall',)",
    ],
)
def test_a_misspelt_text_is_an_error(text):
    refuses(text, "a category of 'region' must be one that exists, but 'Rurall' does not. Did you mean 'Rural'?")


def test_a_misspelt_label_is_an_error():
    refuses("fuel == 'wood'", "a category of 'fuel' must be one that exists, but 'wood' does not. Did you mean 'Wood'?")
    refuses("fuel in ('Wood', 'Coal')", "but 'Coal' does not. There are: Dung, Gas, Wood.")
    refuses("fuel == '9'", "but '9' does not.")
    refuses("grade < 'higer'", "a category of 'grade'", "Did you mean 'higher'?")


@pytest.mark.parametrize(
    "text",
    [
        "age == 'old'",
        "'old' != age",
        "age in (1, 'old')",
        "age < 'old'",
        "age + 1 == 'old'",
        "fuel + 0 == 'Wood'",
        "between(age, 'old', 5)",
    ],
)
def test_text_against_numbers_without_labels(text):
    refuses(
        text,
        "a text must be compared with text or labels, but ",
        "has numbers without labels. Compare with a number instead of 'old'." if "old" in text else "'Wood'",
    )


@pytest.mark.parametrize(
    "text",
    [
        "region == 1",
        "1 == region",
        "region in (1, 2)",
        "region == age",
        "age == region",
        "region == fuel",
        "grade > 1",
        "region == True",
        "region == age + 1",
    ],
)
def test_number_against_text(text):
    refuses(
        text,
        "a number must be compared with numbers, and text with text, but ",
        "is text and ",
        "Put the text of a category in quotes.",
    )


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("region < 'Urban'", "region"),
        ("'Urban' >= region", "region"),
        ("fuel < 'Wood'", "fuel"),
        ("region < place", "region"),
        ("grade < region", "region"),
        ("between(region, 'Rural', 'Urban')", "region"),
    ],
)
def test_order_of_texts_without_order(text, culprit):
    refuses(text, f"texts compared by < <= > >= must be ordered, but '{culprit}' is not.", "ordered categorical")


def test_order_of_texts_with_other_levels():
    columns = {"grade": COLUMNS["grade"], "other": Column("other", np.zeros(8), ("a", "b"), {}, True)}
    refuses("grade < other", "must have the same levels, but 'grade' and 'other' have not.", lookup=columns.__getitem__)
    assert not parse("grade == other", WHAT).mask(columns.__getitem__).any()


@pytest.mark.parametrize("text", ["region + 1", "1 + region", "-region", "age + region", "grade * 2"])
def test_arithmetic_on_text(text):
    refuses(text, "arithmetic must be on numbers, but ", "is text. Compare it first")


@pytest.mark.parametrize(
    "text",
    [
        "age + 'x'",
        "'x' and flag",
        "not 'x' or flag",
        "-'x' + age",
        "age > 5 and 'x' == 'x'",
        "'x' is missing or flag",
        "between('x', 'x', 'x') or flag",
        "'x' in ('x',) or flag",
    ],
)
def test_a_text_with_no_column_beside_it(text):
    refuses(text, "a text must be compared with a column, but 'x' is not. Names of columns stand without quotes.")


@pytest.mark.parametrize("text", ["age", "not age", "flag and age", "age or flag"])
def test_a_condition_holds_0_and_1(text):
    expected = (
        f"^{WHAT}: every row of 'age' must hold 0, 1 or missing to be a condition, but 6 of 8 rows do not "
        r"\(first: row 1: 5; row 2: 17; row 3: 18\)\. Compare it with a number\.$"
    )
    with pytest.raises(InputError, match=expected):
        parse(text, WHAT).mask(look)


def test_a_condition_is_no_text_and_no_other_literal():
    for text in ("region", "not region", "region and flag"):
        with pytest.raises(InputError, match="a condition must be a comparison, or hold 0 and 1, but 'region' is text"):
            parse(text, WHAT).mask(look)
    refuses("flag and 2", "every row of '2' must hold 0, 1 or missing", "but 1 of 1 rows do not (first: row 0: 2)")
    assert mask("age - age + flag") == rows_where(lambda row: row["age"] is not None and row["flag"] == 1)


# ---------------------------------------------------------------- household functions

# Households of 1, 3, 0, 2 and 4 persons.
SIZES = [1, 3, 0, 2, 4]
PERSONS = {
    "years": [70, 30, 4, None, None, None, 8, 45, 46, 2],
    "works": [1, 0, 1, None, None, 0, 1, 1, 1, 1],
    "sex": [2, 1, 2, 1, 2, 1, 1, 2, 1, 2],
    "school": [None, "higher", "none", "primary", "none", None, None, None, None, None],
    "relation": ["head", "spouse", "head", "child", "head", "spouse", "child", "spouse", "child", "head"],
}
SEXES = {1.0: "Male", 2.0: "Female"}
HOUSEHOLDS = {"cutoff": [60, 10, 5, 20, 9], "floor": ["earth", "wood", "wood", None, "earth"]}
HEADS = [0, 2, 0, 4, 9]  # the household without persons has none; a row must be given all the same
FIRST = np.concatenate([[0], np.cumsum(SIZES)])
OWNER = np.repeat(np.arange(len(SIZES)), SIZES).tolist()

persons_table = Table(
    {name: PERSONS[name] for name in PERSONS if name != "school"}, sum(SIZES), "persons", labels={"sex": SEXES}
)
persons_table.add(grades("school", PERSONS["school"]))
households_table = Table(HOUSEHOLDS, len(SIZES), "households")
GROUPING = Grouping(FIRST, lambda: np.array(HEADS), persons_table.__getitem__, households_table.__getitem__)


def derive(text):
    outcome = parse(text, "derive").evaluate(households_table.__getitem__, GROUPING)
    assert outcome.name == text
    assert outcome.values.shape == (len(SIZES),)
    return [None if math.isnan(value) else value for value in outcome.values]


def members(name):
    return [[v for v, h in zip(PERSONS[name], OWNER, strict=True) if h == i] for i in range(len(SIZES))]


TEXTBOOK = {"sum": lambda seen: sum(seen), "mean": lambda seen: sum(seen) / len(seen), "min": min, "max": max}


@pytest.mark.parametrize("function", TEXTBOOK)
@pytest.mark.parametrize("name", ["years", "works", "sex"])
def test_numbers_of_members_skip_the_missing(function, name):
    seen = [[v for v in household if v is not None] for household in members(name)]
    assert derive(f"{function}({name})") == [TEXTBOOK[function](s) if s else None for s in seen]


def test_conditions_of_members_take_missing_as_false():
    works = [[v == 1 for v in household] for household in members("works")]
    assert derive("any(works)") == [any(w) for w in works]
    assert derive("all(works)") == [all(w) for w in works]
    assert derive("count(works)") == [sum(w) for w in works]
    assert derive("count(years < 18)") == [sum(v is not None and v < 18 for v in h) for h in members("years")]
    assert derive("count(sex == 'Female' and years >= 30)") == [1, 0, 0, 0, 1]


def test_a_literal_counts_for_every_member():
    assert derive("count(True)") == SIZES
    assert derive("sum(2)") == [2 * size or None for size in SIZES]
    assert derive("any(False)") == [0] * 5


def test_head_keeps_labels_levels_and_order():
    outcome = parse("head(sex)", "derive").evaluate(households_table.__getitem__, GROUPING)
    assert outcome.values.tolist() == [PERSONS["sex"][row] for row in HEADS]
    assert outcome.labels == SEXES
    outcome = parse("head(school)", "derive").evaluate(households_table.__getitem__, GROUPING)
    assert (outcome.levels, outcome.ordered) == (GRADES, True)
    assert derive("head(sex) == 'Female'") == [1, 1, 1, 1, 1]
    assert derive("head(years) / 2") == [35, 2, 35, None, 1]
    assert derive("head(relation) in ('head',)") == [1] * 5


def test_least_and_most_of_ordered_text():
    outcome = parse("max(school)", "derive").evaluate(households_table.__getitem__, GROUPING)
    assert (outcome.levels, outcome.ordered) == (GRADES, True)
    assert [outcome.label(code) for code in outcome.values] == ["missing", "higher", "missing", "none", "missing"]
    assert derive("min(school) == 'none'") == [0, 1, 0, 1, 0]
    assert parse("max(sex)", "derive").evaluate(households_table.__getitem__, GROUPING).labels == SEXES


def test_names_inside_are_of_persons_and_then_of_households():
    cut = [HOUSEHOLDS["cutoff"][i] for i in OWNER]
    older = [
        [v is not None and v > c for v, c, h in zip(PERSONS["years"], cut, OWNER, strict=True) if h == i]
        for i in range(len(SIZES))
    ]
    assert derive("count(years > cutoff)") == [sum(h) for h in older]
    assert derive("max(cutoff)") == [60, 10, None, 20, 9]
    assert derive("count(floor == 'earth')") == [1, 0, 0, 0, 4]
    assert derive("head(floor) == floor")[:2] == [1, 1]
    both = Grouping(FIRST, GROUPING.head, persons_table.__getitem__, Table({"years": [1] * 5}, 5, "h").__getitem__)
    assert parse("max(years)", "derive").evaluate(look, both).values[0] == 70


def test_household_functions_join_with_columns_of_the_households():
    assert derive("count(years < 18) / count(True) > 0.2 and floor == 'earth'") == [0, 0, 0, 0, 1]
    assert derive("cutoff - max(years)") == [-10, -20, None, None, -37]
    assert derive("between(max(years), 40, cutoff * 10)") == [1, 0, 0, 0, 1]
    assert derive("-sum(works) + 1") == [0, 0, None, 1, -3]
    assert derive("any(works) + all(works)") == [2, 1, 1, 0, 2]
    assert derive("mean(years) is missing") == [0, 0, 1, 1, 0]


def test_mask_takes_household_functions():
    reading = parse("any(works)", "derive")
    assert reading.mask(look, GROUPING).tolist() == [True, True, False, False, True]


def test_an_expression_without_household_functions_reads_its_lookup():
    assert parse("years > 40", "derive").mask(persons_table.__getitem__, GROUPING).shape == (10,)


def test_the_head_is_asked_for_by_head_alone():
    def unknown():
        raise InputError("Every household must have one head, but 2 of 5 rows do not. Name the relation.")

    grouping = Grouping(FIRST, unknown, persons_table.__getitem__, households_table.__getitem__)
    assert parse("count(works)", WHAT).evaluate(look, grouping).values.tolist() == [1, 1, 0, 0, 4]
    with pytest.raises(InputError, match="must have one head"):
        parse("head(sex)", WHAT).evaluate(look, grouping)


def test_no_households_at_all():
    nothing = Table({"years": np.zeros(0)}, 0, "persons").__getitem__
    grouping = Grouping(np.zeros(1, dtype=np.int32), lambda: np.zeros(0, dtype=np.int32), nothing, nothing)
    for function in ("head", "any", "all", "count", "sum", "mean", "min", "max"):
        assert parse(f"{function}(years)", WHAT).evaluate(nothing, grouping).values.tolist() == []


@given(st.lists(st.lists(st.none() | st.integers(-5, 5), max_size=5), min_size=1, max_size=8))
@settings(deadline=None)
def test_random_households_equal_the_textbook(households):
    first = np.concatenate([[0], np.cumsum([len(h) for h in households])])
    persons = {"x": column_of("x", np.array([np.nan if v is None else v for h in households for v in h], dtype=float))}
    grouping = Grouping(first, lambda: first[:-1], persons.__getitem__, {}.__getitem__)

    def of(text):
        outcome = parse(text, "derive").evaluate(look, grouping).values
        return [None if math.isnan(value) else value for value in outcome]

    seen = [[v for v in h if v is not None] for h in households]
    for function, compute in TEXTBOOK.items():
        assert of(f"{function}(x)") == [compute(s) if s else None for s in seen]
    assert of("count(x > 0)") == [sum(v > 0 for v in s) for s in seen]
    assert of("any(x > 0)") == [any(v > 0 for v in s) for s in seen]
    assert of("all(x > 0)") == [all(v is not None and v > 0 for v in h) for h in households]


@pytest.mark.parametrize("function", ["head", "any", "all", "count", "sum", "mean", "min", "max"])
def test_household_functions_stand_in_derive_alone(function):
    refuses(
        f"flag and {function}(flag)",
        f"a household function must stand in derive, but {function}(...) does not.",
        "use the name of that column here",
    )


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("sum(max(years))", ["a household function must not stand in another, but max stands in sum."]),
        ("count(between(head(years), 1, 2))", ["but head stands in count.", "Derive the inner one first"]),
        ("years > mean(years)", ["'years' is not. A column of the households must be one that exists"]),
        (
            "any(yeers > 5)",
            ["'yeers' is not.", "A column of the persons", "Did you mean 'years'?", "of the households"],
        ),
        ("mean(cutof)", ["Did you mean 'cutoff'?"]),
        ("any(years)", ["every row of 'years' must hold 0, 1 or missing", "7 of 10 rows do not (first: row 0: 70;"]),
        ("sum(relation)", ["arithmetic must be on numbers, but 'relation' is text"]),
        ("mean(school)", ["arithmetic must be on numbers, but 'school' is text"]),
        ("max(relation)", ["must be ordered, but 'relation' is not"]),
        ("all(relation)", ["a condition must be a comparison, or hold 0 and 1, but 'relation' is text"]),
        ("head('x')", ["a text must be compared with a column, but 'x' is not"]),
        ("head(sex) == 'Mael'", ["a category of 'head(sex)'", "Did you mean 'Male'?"]),
        ("head(sex) + head(relation)", ["arithmetic must be on numbers, but 'head(relation)' is text"]),
        ("sum(years) == 'Male'", ["'sum(years)' has numbers without labels"]),
    ],
)
def test_errors_of_household_functions(text, pieces):
    refuses(text, *pieces, lookup=households_table.__getitem__, household=GROUPING)


# ---------------------------------------------------------------- whatever comes, nothing but errors of ours

WORDS = """
    age size flag fuel region grade years sex cutoff missing nothing 0 1 5 -1 2.5 1e999 1j 0x True None ... 'Rural'
    'Wood' 'x' "" b'x' f'{age}' not_in é ² 𝒶𝑔𝑒 '\\d' # \\ ( ) [ ] { } , . : ; = == != < <= > >= := + - * / // % ** @ & |
    ^ ~ and or not in is if else for lambda yield await async between( any( all( head( count( sum( max( mean( print( '''
"""
MORE = (" ", "\n", "\t", "\x00", "\x0c", "\r", "\udc80", "is missing", "is not missing", "not in", "in (1, 2)")
tokens = st.sampled_from([*WORDS.split(), *MORE])


def survives(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for lookup, household in ((look, None), (households_table.__getitem__, GROUPING)):
            try:
                reading = parse(text, WHAT)
                assert len(reading.evaluate(lookup, household)) in (5, 8)
                reading.mask(lookup, household)
            except (InputError, InputTypeError) as error:
                assert str(error).startswith(WHAT)  # noqa: PT017


@given(st.text())
@settings(deadline=None)
def test_random_text_never_raises_another_error(text):
    survives(text)


@given(st.lists(tokens, max_size=12).map(" ".join) | st.lists(tokens, max_size=8).map("".join))
@settings(deadline=None, max_examples=500)
def test_random_words_never_raise_another_error(text):
    survives(text)


@given(st.recursive(tokens, lambda parts: st.builds("({} {} {})".format, parts, tokens, parts), max_leaves=8))
@settings(deadline=None, max_examples=500)
def test_random_brackets_never_raise_another_error(text):
    survives(text)
