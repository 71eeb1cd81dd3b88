"""A survey is the same whatever frame it comes in and however its rows are ordered."""

from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

import sp2lnob as sp

from . import oracles

HOUSEHOLDS, PERSONS = sp.example_frames(400)
ARGUMENTS = {
    "person": "pid",
    "welfare": "pc_exp",
    "psu": "ea",
    "strata": ["region", "urbrur"],
    "roles": {"relation": "relation", "disability": "disability", "birth": "births_12m"},
    "derive": {"head_sex": "head(sex)", "head_educ": "head(educ)", "young": "count(age < 5)"},
}
PACKAGE = sp.Package(
    [
        sp.child_benefit(sp.Amount(8, "month"), coverage=0.5),
        sp.Scheme("women", "age >= 18", amount=sp.Amount(3, "month"), sex="Female"),
        sp.disability_benefit(sp.Amount(20, "month")),
        sp.maternity_benefit(sp.Amount(30, "month")),
        sp.household_benefit(sp.Amount(10, "month"), 0.5, who="urbrur == 'Rural'"),
    ]
)
FUEL = sp.Opportunity(
    "clean fuel",
    "cook_fuel in ('Electricity', 'Gas')",
    circumstances=["bottom40", "urbrur", "region", "head_educ", "head_sex"],
)
SCHOOL = sp.Opportunity("school", "educ >= 2", "person", "age >= 18", circumstances=["sex", "urbrur", "quintile"])
TREE = sp.OpportunityTree(max_depth=4, min_obs=10, min_share=0.05)


def survey(households=HOUSEHOLDS, persons=PERSONS, **arguments):
    return sp.Survey(households, persons, **ARGUMENTS | arguments)


def contents(made):
    """Return all that a survey holds, as plain arrays by name."""
    arrays = {
        name: getattr(made, name)
        for name in ("weight", "size", "people", "person_weight", "welfare", "household_of", "first_person")
    }
    arrays |= {
        f"design.{name}": getattr(made.design, name)
        for name in ("psu", "stratum_start", "stratum_labels", "psu_labels")
    }
    for unit, names in (("household", [*HOUSEHOLDS, "young"]), ("person", [*PERSONS, "head_sex", "head_educ"])):
        for name in names:
            column = made.column(name, unit)
            arrays[f"{unit}.{name}"] = [column.label(value) for value in column.values]
    return arrays


def results(made, by=("urbrur", "region", "decile"), package=PACKAGE):
    """Return all that comes out of a survey, with coverages below 1 and a tree, as plain arrays by name."""
    found = sp.assess(
        made, [FUEL, SCHOOL], package, lines={"line": 60.0}, by=by, replicates=sp.Bootstrap(16), tree=TREE, n_threads=1
    )
    est, paid = found.estimates, found.transfers
    arrays = {
        "value": est.value,
        "draws": est.draws,
        "se": est.se,
        "low": est.ci_low,
        "df": est.df,
        "rows": est.rows,
        "received": paid.received,
        "household": paid.household,
        "after": paid.welfare_after,
    }
    arrays |= {f"cost.{name}": values.to_numpy() for name, values in paid.cost.items()}
    arrays |= {f"groups.{name}": values.to_numpy() for name, values in found.groups.items()}
    return arrays | {f"tree.{name}": made.to_dict() for name, made in found.trees.items()}


def assert_same(got, expected):
    """Require equal bits: exact equality, NaN where NaN."""
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(got[name], value, err_msg=name, strict=True)
        else:
            assert got[name] == value, name


@pytest.fixture(scope="module")
def base():
    made = survey()
    return contents(made), results(made), made.fingerprint()


# ---------------------------------------------------------------- frames of any make


def texts(frame):
    return [name for name, values in frame.items() if np.asarray(values).dtype.kind == "U"]


def as_pandas(frame, **dtypes):
    return pd.DataFrame(frame).astype(dtypes)


def as_polars(frame, **dtypes):
    return pl.DataFrame({name: values.tolist() for name, values in frame.items()}).cast(dtypes)


def as_arrow(frame):
    """Return a table in several chunks, with nulls where numbers are missing."""
    table = pa.table({name: pa.array(values.tolist(), from_pandas=True) for name, values in frame.items()})
    return pa.concat_tables([table.slice(0, 7), table.slice(7)])


def read_only(frame):
    copies = {name: values.copy() for name, values in frame.items()}
    for values in copies.values():
        values.flags.writeable = False
    return copies


def with_nulls(frame):
    """Return polars columns with null in place of NaN."""
    return as_polars(frame).with_columns(pl.selectors.float().fill_nan(None))


def twice_as_long(frame):
    """Return arrays that are every second value of a longer one, from the end."""
    return {name: np.repeat(values, 2)[::-1][::2][::-1] for name, values in frame.items()}


MAKES = {
    "lists": lambda frame: {name: values.tolist() for name, values in frame.items()},
    "tuples": lambda frame: {name: tuple(values.tolist()) for name, values in frame.items()},
    "object arrays": lambda frame: {name: values.astype(object) for name, values in frame.items()},
    "read-only arrays": read_only,
    "strided arrays": twice_as_long,
    "big-endian arrays": lambda frame: {
        name: values.astype(values.dtype.newbyteorder(">")) for name, values in frame.items()
    },
    "dict of pandas series": lambda frame: dict(as_pandas(frame).items()),
    "dict of polars series": lambda frame: as_polars(frame).to_dict(),
    "dict of arrow arrays": lambda frame: {
        name: pa.array(values.tolist(), from_pandas=True) for name, values in frame.items()
    },
    "pandas": as_pandas,
    "pandas object": lambda frame: as_pandas(frame, **dict.fromkeys(texts(frame), object)),
    "pandas python strings": lambda frame: as_pandas(frame, **dict.fromkeys(texts(frame), "string[python]")),
    "pandas arrow strings": lambda frame: as_pandas(frame, **dict.fromkeys(texts(frame), "string[pyarrow]")),
    "pandas nullable": lambda frame: as_pandas(frame).convert_dtypes(),
    "pandas arrow-backed": lambda frame: as_pandas(frame).convert_dtypes(dtype_backend="pyarrow"),
    "pandas categoricals": lambda frame: as_pandas(frame, **dict.fromkeys(texts(frame), "category")),
    "pandas with an index": lambda frame: pd.DataFrame(frame, index=[3] * len(frame["hid"])),
    "polars": as_polars,
    "polars with nulls": with_nulls,
    "polars categoricals": lambda frame: as_polars(frame, **dict.fromkeys(texts(frame), pl.Categorical)),
    "arrow": as_arrow,
    "arrow dictionaries": lambda frame: pa.table(
        {
            name: column.dictionary_encode() if name in texts(frame) else column
            for name, column in zip(frame, as_arrow(frame).columns, strict=True)
        }
    ),
}


@pytest.mark.parametrize("make", MAKES)
def test_a_frame_of_any_make_gives_the_same_survey_and_results(make, base):
    made = survey(MAKES[make](HOUSEHOLDS), MAKES[make](PERSONS))
    assert_same(contents(made), base[0])
    assert_same(results(made), base[1])
    assert made.fingerprint() == base[2]


def test_the_two_frames_may_be_of_different_makes(base):
    assert_same(contents(survey(as_polars(HOUSEHOLDS), as_pandas(PERSONS))), base[0])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float32", "Int16", "Float32", "bool", "boolean"])
def test_numbers_of_any_type(dtype, base):
    """Zero-one columns and small whole numbers are exact in all of these."""
    made = survey(as_pandas(HOUSEHOLDS, internet=dtype), as_pandas(PERSONS, disability=dtype))
    assert_same(contents(made), base[0])


def test_enums_are_text():
    enums = as_polars(HOUSEHOLDS, urbrur=pl.Enum(["Urban", "Rural"]))
    assert_same(contents(survey(enums)), contents(survey()))


# A missing value, however it is written; the other rows are "b" and "a", or 1 and 0.
MISSING_TEXT = {
    "None in a list": ["b", None, "a"],
    "NaN in a list": ["b", np.nan, "a"],
    "None in an object array": np.array(["b", None, "a"], dtype=object),
    "NaN in an object array": np.array(["b", np.nan, "a"], dtype=object),
    "NA in an object array": np.array(["b", pd.NA, "a"], dtype=object),
    "pandas string": pd.Series(["b", None, "a"], dtype="string[python]"),
    "pandas arrow string": pd.Series(["b", None, "a"], dtype="string[pyarrow]"),
    "pandas str": pd.Series(["b", None, "a"], dtype="str"),
    "pandas string array": pd.array(["b", None, "a"], dtype="string[python]"),
    "pandas NA among objects": pd.Series(["b", pd.NA, "a"], dtype=object),
    "pandas categorical": pd.Series(["b", None, "a"], dtype="category"),
    "pandas categorical array": pd.Categorical(["b", None, "a"]),
    "polars": pl.Series(["b", None, "a"]),
    "polars categorical": pl.Series(["b", None, "a"], dtype=pl.Categorical),
    "arrow": pa.array(["b", None, "a"]),
    "arrow dictionary": pa.array(["b", None, "a"]).dictionary_encode(),
}
MISSING_NUMBER = {
    "None in a list": [1, None, 0],
    "NaN in a list": [1, np.nan, 0],
    "truths in a list": [True, None, False],
    "NA in an object array": np.array([1, pd.NA, 0], dtype=object),
    "masked array": np.ma.masked_array([1, 0, 0], mask=[False, True, False]),
    "pandas Int64": pd.Series([1, None, 0], dtype="Int64"),
    "pandas Int64 array": pd.array([1, None, 0], dtype="Int64"),
    "pandas Float64": pd.Series([1, None, 0], dtype="Float64"),
    "pandas boolean": pd.Series([True, None, False], dtype="boolean"),
    "pandas arrow": pd.Series([1, None, 0], dtype="int64[pyarrow]"),
    "pandas NA among objects": pd.Series([1, pd.NA, 0], dtype=object),
    "polars": pl.Series([1, None, 0]),
    "polars truths": pl.Series([True, None, False]),
    "arrow": pa.array([1, None, 0]),
    "arrow truths": pa.array([True, None, False]),
}


def three(column):
    """Return a survey of three households with a column x."""
    return sp.Survey({"hid": [1, 2, 3], "hhweight": [1, 1, 1], "n": [1, 1, 1], "x": column}, size="n")


@pytest.mark.parametrize("way", MISSING_TEXT)
def test_missing_text_is_missing_however_it_is_written(way):
    x = three(MISSING_TEXT[way]).household_column("x")
    assert [x.label(value) for value in x.values] == ["b", "missing", "a"]
    assert x.is_text
    assert x.missing.tolist() == [False, True, False]
    assert x.categories()[2] == ("a", "b")


@pytest.mark.parametrize("way", MISSING_NUMBER)
def test_missing_numbers_are_missing_however_they_are_written(way):
    x = three(MISSING_NUMBER[way]).household_column("x")
    assert not x.is_text
    np.testing.assert_array_equal(x.values, [1, np.nan, 0])


NOTHING = {
    "list": [None] * 3,
    "array": np.full(3, np.nan),
    "polars": pl.Series([None] * 3),
    "arrow": pa.nulls(3),
    "polars numbers": pl.Series([None] * 3, dtype=pl.Int64),
    "arrow numbers": pa.nulls(3, pa.int64()),
} | {
    f"pandas {dtype}": pd.Series([None] * 3, dtype=dtype)
    for dtype in ("object", "float", "Int64", "boolean", "string", "category", "int64[pyarrow]")
}


@pytest.mark.parametrize("make", NOTHING)
def test_a_column_may_be_all_missing(make):
    assert three(NOTHING[make]).household_column("x").missing.all()


def test_a_column_of_a_frame_with_missing_text_may_be_of_any_make():
    frame = {"hid": [1, 2, 3], "hhweight": [1, 1, 1], "n": [1, 1, 1], "x": ["b", None, "a"]}
    for made in (pd.DataFrame(frame), pd.DataFrame(frame).convert_dtypes(), pl.DataFrame(frame), pa.table(frame)):
        x = sp.Survey(made, size="n").household_column("x")
        assert [x.label(value) for value in x.values] == ["b", "missing", "a"], type(made)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_categories_that_are_numbers_are_text_without_a_fraction(missing):
    x = three(pd.Series(pd.Categorical([2, missing, 1]))).household_column("x")
    assert [x.label(value) for value in x.values] == ["2", "missing", "1"]


ORDERED = {
    "ordered categorical": (
        pd.Series(pd.Categorical(list("bac") * 4, list("cab"), ordered=True)),
        True,
        ("c", "a", "b"),
    ),
    "ordered categorical array": (pd.Categorical(list("bac") * 4, list("cab"), ordered=True), True, ("c", "a", "b")),
    "unordered categorical": (pd.Series(pd.Categorical(list("bac") * 4)), False, ("a", "b", "c")),
    "categorical of numbers": (
        pd.Series(pd.Categorical([2, 1, 10] * 4, [1, 2, 10], ordered=True)),
        True,
        ("1", "2", "10"),
    ),
    "polars categorical": (pl.Series(list("bac") * 4, dtype=pl.Categorical), False, ("a", "b", "c")),
    "text": (np.array(list("bac") * 4), False, ("a", "b", "c")),
    "numbers": (np.array([2, 1, 10] * 4), True, ("1", "2", "10")),
}


@pytest.mark.parametrize("make", ORDERED)
def test_which_circumstances_are_ordered_and_how(make):
    values, ordered, labels = ORDERED[make]
    frame = {"hid": range(12), "hhweight": [1] * 12, "n": [1] * 12, "y": [0, 1] * 6, "x": values}
    made = sp.Survey(frame, size="n")
    circumstance = sp.Opportunity("y", "y", circumstances=["x"]).prepare(made).circumstances[0]
    assert (circumstance.ordered, circumstance.labels) == (ordered, labels)
    cells = sp.Opportunity("y", "y", circumstances=["x"], unordered=["x"]).prepare(made)
    assert not cells.circumstances[0].ordered


def test_an_ordered_categorical_compares_by_its_order():
    made = three(pd.Series(pd.Categorical(["low", "high", "mid"], ["low", "mid", "high"], ordered=True)))
    cells = sp.Opportunity("x", "x >= 'mid'", circumstances=["hid"]).prepare(made)
    assert cells.outcome.tolist() == [0, 1, 1]


# ---------------------------------------------------------------- order of rows


def shuffled(frame, seed):
    order = np.random.default_rng(seed).permutation(len(frame["hid"]))
    return {name: values[order] for name, values in frame.items()}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_order_of_rows_changes_no_bit(seed, base):
    made = survey(shuffled(HOUSEHOLDS, seed), shuffled(PERSONS, -seed % 100))
    assert_same(contents(made), base[0])
    assert_same(results(made), base[1])
    assert made.fingerprint() == base[2]


@pytest.mark.parametrize(
    ("name", "value"), [("pc_exp", 77), ("hhweight", 77), ("cook_fuel", "Dung"), ("age", 77), ("sex", "Other")]
)
def test_one_other_value_makes_another_fingerprint(name, value, base):
    households, persons = dict(HOUSEHOLDS), dict(PERSONS)
    frame = households if name in households else persons
    frame[name] = frame[name].copy()
    frame[name][5] = value
    made = survey(households, persons)
    contents(made), results(made)
    assert made.fingerprint() != base[2]


@pytest.mark.parametrize("make", ["polars categoricals", "arrow dictionaries", "pandas categoricals"])
def test_order_of_rows_changes_no_bit_of_categoricals(make, base):
    """Categories may be numbered by where they first occur."""
    made = survey(MAKES[make](shuffled(HOUSEHOLDS, 5)), MAKES[make](shuffled(PERSONS, 6)))
    assert_same(results(made), base[1])


def test_without_an_identifier_persons_are_told_apart_by_their_position():
    """Households, and persons of different households, may then be in any order; members must keep theirs."""
    nobody_drawn = sp.Package(PACKAGE.schemes, draws="expected")
    expected = survey(person=None)
    rng = np.random.default_rng(7)
    order = np.argsort(rng.random(len(HOUSEHOLDS["hid"]))[PERSONS["hid"] - 1] + 1e-9 * PERSONS["pid"], kind="stable")
    moved = {name: values[order] for name, values in PERSONS.items()}
    assert (moved["hid"] != PERSONS["hid"]).any()
    made = survey(shuffled(HOUSEHOLDS, 8), moved, person=None)
    assert_same(contents(made), contents(expected))
    assert_same(results(made, package=nobody_drawn), results(expected, package=nobody_drawn))
    last_first = {name: values[::-1] for name, values in PERSONS.items()}
    reversed_ = survey(persons=last_first, person=None)
    assert (reversed_.person_column("pid").values != expected.person_column("pid").values).any()


def rows_in_order(made, *names):
    columns = [made.household_column(name) for name in names]
    return [
        tuple(column.label(value) for column, value in zip(columns, row, strict=True))
        for row in zip(*(column.values for column in columns), strict=True)
    ]


def test_rows_are_in_canonical_order():
    """By the labels of the strata in the order given, then PSU, household and person; numbers by value."""
    frame = {
        "hid": [7, 10, 9, 8, 2, 1],
        "hhweight": [1] * 6,
        "a": ["y", "x", "x", "y", "y", "x"],
        "b": [2, 10, 9, 2, 2, 9],
        "ea": [3, 12, 5, 20, 3, 5],
    }
    people = {"hid": [1, 2, 7, 8, 9, 10, 7, 7], "pid": [1, 1, 10, 1, 1, 1, 9, 2], "age": [1, 2, 70, 8, 9, 10, 71, 72]}
    made = sp.Survey(frame, people, person="pid", psu="ea", strata=["a", "b"], single_psu="certainty")
    expected = sorted(zip(frame["a"], frame["b"], frame["ea"], frame["hid"], strict=True))
    assert rows_in_order(made, "a", "b", "ea", "hid") == [tuple(map(str, row)) for row in expected]
    assert made.design.stratum_labels == ("x x 9", "x x 10", "y x 2")
    assert made.design.psu_labels == ("5", "12", "3", "20")
    assert made.design.psus_by_stratum.tolist() == [1, 1, 2]
    assert made.design.single_psu_strata == ("x x 9", "x x 10")
    assert made.person_column("age").values.tolist() == [1, 9, 10, 2, 72, 71, 70, 8]
    other = sp.Survey(frame, people, person="pid", psu="ea", strata=["b", "a"], single_psu="certainty")
    assert other.design.stratum_labels == ("2 x y", "9 x x", "10 x x")


@pytest.mark.parametrize("keys", [["10", "9", "b", "a"], pd.Categorical(["10", "9", "b", "a"], ["b", "9", "a", "10"])])
def test_text_keys_are_in_the_order_of_their_letters(keys):
    frame = {"hid": pd.Series(keys), "hhweight": [1, 2, 3, 4], "n": [1] * 4}
    made = sp.Survey(frame, size="n")
    assert rows_in_order(made, "hid") == [("10",), ("9",), ("a",), ("b",)]
    assert made.weight.tolist() == [1, 2, 4, 3]


# ---------------------------------------------------------------- keys


def rekeyed(change, both=True):
    """Return the two frames with the key changed, in both or in the persons alone."""
    return (
        {**HOUSEHOLDS, "hid": change(HOUSEHOLDS["hid"]) if both else HOUSEHOLDS["hid"]},
        {**PERSONS, "hid": change(PERSONS["hid"])},
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key.astype(np.float64),
        lambda key: key.astype(np.int16),
        lambda key: key.astype(np.uint64),
        lambda key: pd.array(key, dtype="Int64"),
        lambda key: pl.Series(key),
        lambda key: key.astype(object),
        list,
    ],
)
@pytest.mark.parametrize("both", [True, False])
def test_whole_numbers_are_one_key_however_they_were_read(change, both, base):
    """Also who is drawn: a key that was read as float is the same household's."""
    assert_same(results(survey(*rekeyed(change, both))), base[1])


def padded(key):
    return np.array([f"h{k:04d}" for k in key])


@pytest.mark.parametrize(
    "change",
    [
        lambda key: padded(key).astype(object),
        lambda key: pd.Series(padded(key)),
        lambda key: pd.Series(padded(key), dtype="category"),
        lambda key: pl.Series(padded(key), dtype=pl.Categorical),
    ],
)
@pytest.mark.parametrize("both", [True, False])
def test_texts_are_one_key_however_they_were_read(change, both):
    expected = results(survey(*rekeyed(padded)))
    if not both:
        households, persons = rekeyed(padded)
        assert_same(results(survey(households, {**persons, "hid": change(PERSONS["hid"])})), expected)
    else:
        assert_same(results(survey(*rekeyed(change))), expected)


def test_a_text_key_in_the_order_of_the_numbers_changes_only_who_is_drawn(base):
    got, expected = results(survey(*rekeyed(padded))), base[1]
    drawn = [scheme.coverage < 1 for scheme in PACKAGE.schemes]
    np.testing.assert_array_equal(
        got["received"][:, np.logical_not(drawn)], expected["received"][:, np.logical_not(drawn)]
    )
    assert (got["received"][:, drawn] != expected["received"][:, drawn]).any()
    before = [row.scenario == "before" and row.statistic not in ("recipients", "total_cost") for row in got["rows"]]
    np.testing.assert_array_equal(got["draws"][:, before], expected["draws"][:, before])
    assert sum(before) > 50


def test_persons_are_matched_to_their_own_household():
    rng = np.random.default_rng(3)
    keys = rng.permutation(1000)[:50]
    home = rng.permutation(np.r_[keys, rng.choice(keys, 100)])
    made = sp.Survey({"hid": keys, "hhweight": keys + 0.5}, {"hid": home, "own": home})
    np.testing.assert_array_equal(
        made.household_column("hid").values[made.household_of], made.person_column("own").values
    )
    np.testing.assert_array_equal(made.size, [np.sum(home == key) for key in sorted(keys)])
    np.testing.assert_array_equal(made.person_weight, made.person_column("own").values + 0.5)


LONG = [10**16 + k for k in (3, 1, 0, 2)]
LONG_KEYS = {
    "list": lambda keys: keys,
    "longer list": lambda keys: [key * 10**6 for key in keys],
    "array": np.array,
    "unsigned": lambda keys: np.array(keys, dtype=np.uint64) + np.uint64(2**63),
    "objects": lambda keys: np.array(keys, dtype=object),
    "pandas": pd.Series,
    "polars": pl.Series,
    "nullable": lambda keys: pd.Series(keys, dtype="Int64"),
    "arrow": pa.array,
}


@pytest.mark.parametrize("make", LONG_KEYS)
def test_whole_numbers_that_a_double_cannot_tell_apart_are_kept_apart(make):
    """Ids of 17 digits are common; as doubles, two of these four would be one."""
    make = LONG_KEYS[make]
    made = sp.Survey(
        {"hid": make(LONG), "hhweight": [3, 1, 0, 2]},
        {"hid": make([LONG[k] for k in (2, 0, 1, 3, 1)]), "age": [0, 3, 1, 2, 11]},
    )
    assert made.weight.tolist() == [0, 1, 2, 3]
    assert made.person_column("age").values.tolist() == [0, 1, 11, 2, 3]
    assert made.household_of.tolist() == [0, 1, 1, 2, 3]


def test_the_longest_whole_numbers_that_a_double_holds():
    made = sp.Survey({"hid": [2**53 - 1 - k for k in range(4)], "hhweight": range(4), "n": np.ones(4)}, size="n")
    assert made.weight.tolist() == [3, 2, 1, 0]


def test_texts_are_matched_by_the_text_and_not_by_its_position_among_the_levels():
    levels = ["unused", "c", "b", "a"]
    made = sp.Survey(
        {"hid": ["b", "c", "a"], "hhweight": [1, 2, 4]},
        {"hid": pd.Series(pd.Categorical(["c", "a", "b", "c"], levels)), "age": [30, 10, 20, 31]},
    )
    assert made.weight.tolist() == [4, 1, 2]
    assert made.person_column("age").values.tolist() == [10, 20, 30, 31]
    assert made.household_of.tolist() == [0, 1, 2, 2]


# ---------------------------------------------------------------- design


def test_strata_of_several_columns_are_the_strata_of_their_combinations():
    joined = {**HOUSEHOLDS, "stratum": np.char.add(np.char.add(HOUSEHOLDS["region"], " x "), HOUSEHOLDS["urbrur"])}
    one, two = survey(joined, strata="stratum"), survey(joined)
    assert one.design.stratum_labels == two.design.stratum_labels == tuple(sorted(set(joined["stratum"].tolist())))
    np.testing.assert_array_equal(one.design.psu, two.design.psu)
    assert two.design.strata == 8
    assert two.design.psus == 20
    assert two.design.df == 12
    assert_same(results(one), results(two))


def test_psus_of_several_columns_are_their_combinations():
    """Numbers of areas that begin anew in every region."""
    region = np.unique(HOUSEHOLDS["region"], return_inverse=True)[1]
    first = np.array([HOUSEHOLDS["ea"][region == k].min() for k in range(4)])
    anew = {**HOUSEHOLDS, "area": HOUSEHOLDS["ea"] - first[region]}
    made = survey(anew, psu=["region", "area"])
    assert made.design.psus == 20
    np.testing.assert_array_equal(made.design.psu, survey().design.psu)
    np.testing.assert_array_equal(made.design.stratum_start, survey().design.stratum_start)
    assert_same(results(made), results(survey()))


def test_without_psu_every_household_is_its_own():
    made = survey(psu=None)
    assert made.design.psus == made.n_households == 400
    np.testing.assert_array_equal(made.design.psu, np.arange(400))
    assert made.design.df == 392


def test_without_strata_there_is_one():
    made = survey(strata=None)
    assert (made.design.strata, made.design.stratum_labels, made.design.df) == (1, ("all",), 19)


def test_design_columns_may_stand_among_the_persons():
    home = HOUSEHOLDS["hid"].searchsorted(PERSONS["hid"])
    moved = {name: HOUSEHOLDS[name] for name in HOUSEHOLDS if name not in ("ea", "region", "urbrur", "hhweight")}
    persons = PERSONS | {name: HOUSEHOLDS[name][home] for name in ("ea", "region", "urbrur", "hhweight")}
    assert_same(contents(survey(moved, persons)), contents(survey()))


SIZED = {**HOUSEHOLDS, "n": np.bincount(PERSONS["hid"])[1:]}
CERTAIN = 'options(survey.lonely.psu = "certainty")\n'
LINES = [
    (
        {},
        "* one row a person\negen long _stratum = group(region urbrur)\nsvyset ea [pweight=hhweight], strata(_stratum)",
        "svydesign(ids = ~ea, strata = ~interaction(region, urbrur, drop = TRUE), weights = ~hhweight, data = persons)",
    ),
    (
        {"strata": "region"},
        "* one row a person\nsvyset ea [pweight=hhweight], strata(region)",
        "svydesign(ids = ~ea, strata = ~region, weights = ~hhweight, data = persons)",
    ),
    (
        {"strata": None},
        "* one row a person\nsvyset ea [pweight=hhweight]",
        "svydesign(ids = ~ea, weights = ~hhweight, data = persons)",
    ),
    (
        {"strata": None, "psu": None},
        "* one row a person\nsvyset hid [pweight=hhweight]",
        "svydesign(ids = ~hid, weights = ~hhweight, data = persons)",
    ),
    (
        {"strata": None, "psu": None, "size": "n"},
        "* one row a household; figures count people\ngenerate double _people = hhweight * n\n"
        "svyset _n [pweight=_people]",
        "svydesign(ids = ~1, weights = ~I(hhweight * n), data = households)",
    ),
    (
        {"strata": ["region"], "size": "n", "single_psu": "certainty"},
        "* one row a household; figures count people\ngenerate double _people = hhweight * n\n"
        "svyset ea [pweight=_people], strata(region) singleunit(certainty)",
        f"{CERTAIN}svydesign(ids = ~ea, strata = ~region, weights = ~I(hhweight * n), data = households)",
    ),
    (
        {"strata": None, "person_weight": "pid", "size": "n", "single_psu": "certainty"},
        "* one row a person\nsvyset ea [pweight=pid], singleunit(certainty)",
        f"{CERTAIN}svydesign(ids = ~ea, weights = ~pid, data = persons)",
    ),
    (
        {"strata": "region", "psu": ["region", "ea"]},
        "* one row a person\negen long _psu = group(region ea)\nsvyset _psu [pweight=hhweight], strata(region)",
        "svydesign(ids = ~interaction(region, ea, drop = TRUE), strata = ~region, weights = ~hhweight, data = persons)",
    ),
]


@pytest.mark.parametrize(("arguments", "stata", "r"), LINES, ids=[str(line[0]) for line in LINES])
def test_lines_that_declare_the_same_design(arguments, stata, r):
    made = survey(SIZED, **arguments)
    assert made.svyset() == stata
    assert made.svydesign() == r


REPRS = [
    (
        lambda: sp.Survey({"hid": [1, 2], "hhweight": [1.5, 2], "n": [1, 1]}, size="n"),
        "Survey of 2 households: 2 PSUs in 1 stratum; weights sum to 3.5",
    ),
    (
        lambda: sp.Survey(
            {"hid": [1, 2, 3, 4], "hhweight": [1e6] * 4, "s": [1, 1, 2, 2]}, {"hid": [1, 1, 2, 3, 4]}, strata="s"
        ),
        "Survey of 4 households and 5 persons: 4 PSUs in 2 strata; weights sum to 4e+06",
    ),
]


@pytest.mark.parametrize(("make", "text"), REPRS)
def test_repr(make, text):
    assert repr(make()) == text


def test_repr_of_many_has_separators():
    n = 5000
    made = sp.Survey({"hid": range(n), "hhweight": np.ones(n)}, {"hid": np.repeat(range(n), 2)})
    assert repr(made) == "Survey of 5,000 households and 10,000 persons: 5,000 PSUs in 1 stratum; weights sum to 5,000"


# ---------------------------------------------------------------- weights, sizes, welfare


def values_of(made, *statistics, **arguments):
    return sp.estimate(made, statistics, replicates=sp.Bootstrap(2), **arguments).value


@pytest.fixture(scope="module")
def people():
    """Return welfare and weight of every person of the example, one row a person."""
    home = PERSONS["hid"] - 1
    return HOUSEHOLDS["pc_exp"][home].tolist(), HOUSEHOLDS["hhweight"][home].tolist()


def test_welfare_figures_are_of_persons(people):
    mean, head, gap, severity = values_of(survey(), sp.MeanWelfare(), sp.Poverty(60.0))
    assert mean == pytest.approx(oracles.mean(*people), rel=1e-13)
    assert [head, gap, severity] == pytest.approx([oracles.fgt(*people, 60, alpha) for alpha in (0, 1, 2)], rel=1e-13)


def test_person_weights_replace_the_household_s():
    own = 1 + PERSONS["age"] % 7 / 2
    made = survey(persons=PERSONS | {"own": own}, person_weight="own")
    welfare = HOUSEHOLDS["pc_exp"][PERSONS["hid"] - 1]
    assert values_of(made, sp.MeanWelfare())[0] == pytest.approx(oracles.mean(welfare, own), rel=1e-13)
    by_household = np.bincount(PERSONS["hid"] - 1, own)
    np.testing.assert_allclose(np.sort(made.people), np.sort(by_household), rtol=1e-14)
    of_adults = [i for i in range(len(own)) if PERSONS["age"][i] >= 18]
    access = [int(PERSONS["educ"][i] >= 2) for i in of_adults]
    assert values_of(made, sp.Access(SCHOOL))[0] == pytest.approx(oracles.mean(access, own[of_adults]), rel=1e-13)
    by_sex = sp.estimate(made, [sp.MeanWelfare()], by=["sex"], replicates=sp.Bootstrap(2))
    for level in ("Female", "Male"):
        mine = PERSONS["sex"] == level
        expected = oracles.mean(welfare[mine], own[mine])
        assert by_sex.value[by_sex.find(level=level)] == pytest.approx(expected, rel=1e-13)


def test_person_weights_equal_to_the_household_s_change_nothing():
    own = HOUSEHOLDS["hhweight"][PERSONS["hid"] - 1]
    got, expected = survey(persons=PERSONS | {"own": own}, person_weight="own"), survey()
    np.testing.assert_allclose(got.people, expected.people, rtol=1e-14)
    np.testing.assert_allclose(results(got)["value"], results(expected)["value"], rtol=1e-10, atol=1e-12)


def test_size_is_the_number_of_persons_or_the_column():
    assert_same(contents(survey(SIZED, size="n")), contents(survey()))
    sizes = 1 + HOUSEHOLDS["hid"] % 5
    alone = {"person": None, "roles": None, "derive": None}
    made = survey({**HOUSEHOLDS, "n": sizes}, None, size="n", **alone)
    order = (made.household_column("hid").values - 1).astype(int)
    np.testing.assert_array_equal(made.size, sizes[order])
    np.testing.assert_array_equal(made.people, HOUSEHOLDS["hhweight"][order] * sizes[order])


def test_households_alone_need_no_persons():
    sizes = np.bincount(PERSONS["hid"] - 1)
    derived = {"double": "pc_exp * 2"}
    alone = survey({**HOUSEHOLDS, "n": sizes}, None, size="n", person=None, roles={}, derive=derived)
    assert alone.n_persons == 0
    assert_same(
        {"value": values_of(alone, sp.MeanWelfare(), sp.Poverty(60.0), sp.Inequality())},
        {"value": values_of(survey(), sp.MeanWelfare(), sp.Poverty(60.0), sp.Inequality())},
    )


def test_welfare_of_the_whole_household_is_shared_by_its_members():
    sizes = np.bincount(PERSONS["hid"] - 1)
    total = {**HOUSEHOLDS, "total": HOUSEHOLDS["pc_exp"] * sizes}
    made = survey(total, welfare="total", welfare_per="household")
    np.testing.assert_allclose(made.welfare, survey().welfare, rtol=1e-15)
    alone = {"person": None, "roles": None, "derive": None}
    by_column = survey({**total, "n": sizes * 2}, None, welfare="total", welfare_per="household", size="n", **alone)
    np.testing.assert_allclose(by_column.welfare, survey().welfare / 2, rtol=1e-15)


def test_welfare_by_the_year_is_welfare_by_the_month_times_twelve():
    """Lines are in the survey's period, amounts name theirs."""
    by_month, by_year = survey(), survey({**HOUSEHOLDS, "pc_exp": HOUSEHOLDS["pc_exp"] * 12}, welfare_period="year")
    paid = [sp.simulate(made, PACKAGE) for made in (by_month, by_year)]
    np.testing.assert_allclose(paid[1].welfare_after, paid[0].welfare_after * 12, rtol=1e-13)
    np.testing.assert_array_equal(paid[1].household, paid[0].household)
    figures = [
        values_of(made, sp.Poverty(line), sp.Inequality(), scenarios={"after": transfers})
        for made, line, transfers in zip((by_month, by_year), (60.0, 720.0), paid, strict=True)
    ]
    np.testing.assert_allclose(figures[1], figures[0], rtol=1e-9, atol=1e-15)
    economy = sp.Economy(lines={"half": 30.0}), sp.Economy(lines={"half": 360.0})
    quarter = sp.Package([sp.child_benefit(sp.Amount(0.25, "line:half"))])
    costs = [
        sp.simulate(made, quarter, given).cost["total_cost"].to_numpy()
        for made, given in zip((by_month, by_year), economy, strict=True)
    ]
    np.testing.assert_allclose(costs[1], costs[0], rtol=1e-13)


# ---------------------------------------------------------------- persons alone


def merged():
    """Return the persons with all that is known of their household."""
    return PERSONS | {name: values[PERSONS["hid"] - 1] for name, values in HOUSEHOLDS.items() if name != "hid"}


def test_persons_with_the_key_of_their_household_make_the_households(base):
    """The same bits; by a column, rows are persons now, and the sums are of more terms."""
    made = survey(None, merged())
    assert_same(contents(made), base[0])
    assert_same(results(made, ["decile"]), results(survey(), ["decile"]))
    np.testing.assert_allclose(results(made)["value"], base[1]["value"], rtol=1e-9, atol=1e-13)


def test_persons_alone_in_any_order_and_of_any_make():
    expected = results(survey(None, merged()))
    assert_same(results(survey(None, shuffled(merged(), 4))), expected)
    assert_same(results(survey(None, as_polars(shuffled(merged(), 5)))), expected)
    made = survey(None, merged() | {"hid": padded(PERSONS["hid"])})
    assert_same(results(made, ["decile"]), results(survey(*rekeyed(padded)), ["decile"]))


def test_persons_who_stand_alone():
    """Women or births: each row its own household of one."""
    women = {name: values[PERSONS["sex"] == "Female"] for name, values in merged().items()}
    made = survey(None, women, household=None, person=None, derive=None)
    n = len(women["age"])
    assert (made.n_households, made.n_persons, made.design.psus, made.design.strata) == (n, n, 20, 8)
    np.testing.assert_array_equal(made.size, np.ones(n))
    np.testing.assert_array_equal(made.people, made.weight)
    assert made.weight.sum() == pytest.approx(women["hhweight"].sum(), rel=1e-14)
    expected = oracles.fgt(women["pc_exp"].tolist(), women["hhweight"].tolist(), 60, 0)
    assert values_of(made, sp.Poverty(60.0))[0] == pytest.approx(expected, rel=1e-13)
    paid = sp.simulate(made, sp.Package([sp.old_age_pension(sp.Amount(1, "year"))]))
    assert paid.cost["recipients"].iloc[0] == pytest.approx(women["hhweight"][women["age"] >= 65].sum(), rel=1e-13)
    assert made.svyset().splitlines()[0] == "* one row a person"


def test_without_psu_persons_who_stand_alone_are_their_own():
    made = sp.Survey(None, {"w": [1.0, 2.0, 4.0], "y": [3.0, 2.0, 1.0]}, household=None, weight="w", welfare="y")
    assert made.design.psus == 3
    assert made.weight.tolist() == [1, 2, 4]
    assert made.welfare.tolist() == [3, 2, 1]


# ---------------------------------------------------------------- columns


def test_a_name_is_first_sought_in_the_unit_s_own_frame():
    made = sp.Survey(
        {"hid": [1, 2], "hhweight": [1, 1], "code": [10, 20], "area": [1, 2]},
        {"hid": [1, 1, 2], "code": [1, 2, 3], "religion": ["a", "a", "b"]},
    )
    assert made.column("code", "household").values.tolist() == [10, 20]
    assert made.column("code", "person").values.tolist() == [1, 2, 3]
    assert made.column("area", "person").values.tolist() == [1, 1, 2]
    religion = made.column("religion", "household")
    assert [religion.label(value) for value in religion.values] == ["a", "b"]


def test_missing_for_all_members_does_not_vary():
    made = sp.Survey({"hid": [1, 2], "hhweight": [1, 1]}, {"hid": [1, 1, 2], "code": [np.nan, np.nan, 3]})
    np.testing.assert_array_equal(made.column("code", "household").values, [np.nan, 3])


def test_derived_columns():
    """Of households, of persons, over the household, of one another; in outcomes, schemes, populations and by."""
    derive = {
        "rich": "pc_exp > 100",
        "adult": "age >= 18",
        "adults": "count(adult)",
        "old": "any(age >= 65)",
        "share": "adults / count(age >= 0)",
        "eldest": "max(age)",
        "poor_child": "age < 5 and pc_exp < 60",
        "boss": "head(sex)",
    }
    made = survey(derive=derive)
    households, persons = pd.DataFrame(HOUSEHOLDS).set_index("hid"), pd.DataFrame(PERSONS)
    members = persons.groupby("hid")
    rows = made.household_column("hid").values
    expected = {
        "rich": households["pc_exp"] > 100,
        "adults": members["age"].agg(lambda age: (age >= 18).sum()),
        "old": members["age"].max() >= 65,
        "eldest": members["age"].max(),
        "share": members["age"].agg(lambda age: (age >= 18).mean()),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(made.household_column(name).values, values.loc[rows].to_numpy(float), rtol=1e-15)
    boss = made.household_column("boss")
    heads = persons[persons["relation"] == "Head"].set_index("hid")["sex"]
    assert [boss.label(value) for value in boss.values] == heads.loc[rows].tolist()
    poor = (persons["age"] < 5) & (households["pc_exp"].loc[persons["hid"]].to_numpy() < 60)
    assert made.person_column("poor_child").values.sum() == poor.sum() > 0
    paid = sp.simulate(made, sp.Package([sp.Scheme("children", "poor_child", amount=sp.Amount(1, "year"))]))
    assert paid.received.sum() == poor.sum()
    cells = sp.Opportunity("x", "rich", population="old", circumstances=["boss"]).prepare(made)
    assert len(cells.index) == expected["old"].sum()
    by = sp.estimate(made, [sp.MeanWelfare()], by=["rich"], replicates=sp.Bootstrap(2))
    assert by.value[by.find(level="1")] > 100 >= by.value[by.find(level="0")]


def test_weights_and_welfare_may_be_derived():
    made = survey(derive={"w2": "hhweight * 2", "c2": "pc_exp / 2"}, weight="w2", welfare="c2")
    np.testing.assert_array_equal(made.weight, survey().weight * 2)
    np.testing.assert_array_equal(made.welfare, survey().welfare / 2)


def test_what_was_given_stays_as_it_was():
    households, persons = shuffled(HOUSEHOLDS, 1), shuffled(PERSONS, 2)
    copies = [{name: values.copy() for name, values in frame.items()} for frame in (households, persons)]
    results(survey(households, persons))
    for frame, copy in zip((households, persons), copies, strict=True):
        assert frame.keys() == copy.keys()
        for name in frame:
            np.testing.assert_array_equal(frame[name], copy[name])
    pandas = as_pandas(HOUSEHOLDS)
    results(survey(pandas))
    pd.testing.assert_frame_equal(pandas, as_pandas(HOUSEHOLDS))


@pytest.mark.parametrize("make", ["dict", "pandas"])
def test_a_survey_does_not_see_columns_that_are_replaced_later(make):
    """Columns are read when they are first asked for, but from what was given."""
    frame = {"hid": [1, 2, 3], "hhweight": [1, 1, 1], "n": [1, 1, 1], "x": [1, 2, 3]}
    frame = pd.DataFrame(frame) if make == "pandas" else frame
    made = sp.Survey(frame, size="n")
    frame["x"] = [7, 8, 9]
    frame["new"] = [1, 2, 3]
    assert made.household_column("x").values.tolist() == [1, 2, 3]
    assert not made.has_column("new")


# ---------------------------------------------------------------- roles and heads

RELATIONS = [
    ["Head", "Spouse", "Child"],
    ["HEAD OF HOUSEHOLD", "spouse", "child"],
    ["head", "health aide", "y"],
    [" Head", "1", "2"],
    [1, 2, 3],
    [1.0, 2.0, 98.0],
]


@pytest.mark.parametrize("levels", RELATIONS, ids=str)
def test_the_head_is_found_by_label_or_code(levels):
    head, spouse, child = levels
    relation = [child, spouse, head, head, head, child]
    persons = {"hid": [1, 1, 1, 2, 3, 3], "age": [5, 41, 40, 70, 33, 2], "rel": relation}
    made = sp.Survey(
        {"hid": [3, 2, 1], "hhweight": [1, 1, 1]}, persons, roles={"relation": "rel"}, derive={"head_age": "head(age)"}
    )
    assert made.heads().tolist() == [2, 3, 4]
    assert made.household_column("head_age").values.tolist() == [40, 70, 33]


def test_age_and_sex_are_taken_from_columns_of_that_name():
    girls = sp.Package([sp.Scheme("girls", amount=sp.Amount(1, "year"), max_age=17, sex="Female")])
    received = sp.simulate(sp.Survey(HOUSEHOLDS, PERSONS), girls).received
    assert received.sum() == ((PERSONS["age"] <= 17) & (PERSONS["sex"] == "Female")).sum()


def test_roles_of_other_names():
    persons = {
        ("years" if name == "age" else "gender" if name == "sex" else name): values for name, values in PERSONS.items()
    }
    derive = {"head_sex": "head(gender)", "head_educ": "head(educ)", "young": "count(years < 5)"}
    made = survey(persons=persons, derive=derive, roles={**ARGUMENTS["roles"], "age": "years", "sex": "gender"})
    package = sp.Package(
        [
            sp.child_benefit(sp.Amount(1, "year")),
            sp.Scheme("women", amount=sp.Amount(1, "year"), sex="Female", min_age=18),
        ]
    )
    np.testing.assert_array_equal(sp.simulate(made, package).received, sp.simulate(survey(), package).received)


def test_a_role_may_be_a_column_of_the_households():
    frame = {"hid": [1, 2], "hhweight": [1, 1], "sex": ["F", "M"]}
    made = sp.Survey(frame, {"hid": [1, 1, 2], "age": [1, 2, 3]})
    paid = sp.simulate(made, sp.Package([sp.Scheme("w", amount=sp.Amount(1, "year"), sex="F")]))
    assert paid.received[:, 0].tolist() == [1, 1, 0]


# ---------------------------------------------------------------- missing values


def with_missing():
    """Return households of which some lack fuel, welfare or internet, some of them two of these."""
    hid = HOUSEHOLDS["hid"]
    fuel = np.where(hid % 13 == 0, None, HOUSEHOLDS["cook_fuel"])
    welfare = np.where(hid % 11 == 0, np.nan, HOUSEHOLDS["pc_exp"])
    net = np.where(hid % 7 == 0, np.nan, HOUSEHOLDS["internet"])
    return {**HOUSEHOLDS, "cook_fuel": fuel, "pc_exp": welfare, "internet": net}


def test_dropped_rows_are_counted_by_what_was_missing():
    """In the order outcome, circumstances: a row counts once, under the first that it lacks."""
    made = survey(with_missing(), missing="drop")
    cells = sp.Opportunity("fuel", FUEL.outcome, circumstances=["bottom40", "internet"]).prepare(made)
    hid = HOUSEHOLDS["hid"]
    no_fuel, no_welfare, no_net = hid % 13 == 0, hid % 11 == 0, hid % 7 == 0
    assert cells.dropped == {
        f"outcome {FUEL.outcome!r}": no_fuel.sum(),
        "welfare": (no_welfare & ~no_fuel).sum(),
        "circumstance 'internet'": (no_net & ~no_fuel & ~no_welfare).sum(),
    }
    assert len(cells.index) == 400 - sum(cells.dropped.values())
    kept = made.household_column("hid").values[cells.index].astype(int)
    assert not (no_fuel | no_welfare | no_net)[kept - 1].any()


def test_rows_outside_the_population_are_not_counted_as_dropped():
    made = survey(with_missing(), missing="drop")
    rural = HOUSEHOLDS["urbrur"] == "Rural"
    cells = sp.Opportunity("net", "internet", population="urbrur == 'Rural'", circumstances=["region"]).prepare(made)
    assert cells.dropped == {"outcome 'internet'": (rural & (HOUSEHOLDS["hid"] % 7 == 0)).sum()}


def test_dropped_persons_are_counted_as_persons():
    persons = {**PERSONS, "educ": np.where(PERSONS["pid"] == 2, np.nan, PERSONS["educ"])}
    made = survey(persons=persons, missing="drop", derive=None)
    adults = PERSONS["age"] >= 18
    cells = SCHOOL.prepare(made)
    assert cells.dropped == {"outcome 'educ >= 2'": (adults & (PERSONS["pid"] == 2)).sum()}
    assert len(cells.index) == (adults & (PERSONS["pid"] != 2)).sum()


def test_the_assessment_reports_what_it_dropped():
    made = survey(with_missing(), missing="drop")
    opportunities = [
        sp.Opportunity("net", "internet", circumstances=["urbrur"]),
        sp.Opportunity("weight", "hhweight > 300", circumstances=["urbrur"]),
    ]
    found = sp.assess(made, opportunities, replicates=sp.Bootstrap(2))
    assert found.dropped == {"net": {"outcome 'internet'": 57}}


def test_households_without_welfare_are_out_of_figures_of_welfare():
    made = survey(with_missing(), missing="drop")
    est = sp.estimate(made, [sp.MeanWelfare(), sp.Poverty(60.0), sp.Inequality()], replicates=sp.Bootstrap(2))
    known = HOUSEHOLDS["hid"] % 11 != 0
    sizes = np.bincount(PERSONS["hid"] - 1)[known]
    welfare, weight = HOUSEHOLDS["pc_exp"][known].tolist(), (HOUSEHOLDS["hhweight"][known] * sizes).tolist()
    expected = [
        oracles.mean(welfare, weight),
        *(oracles.fgt(welfare, weight, 60, alpha) for alpha in (0, 1, 2)),
        oracles.gini_ranked(welfare, weight),
        oracles.palma(welfare, weight),
    ]
    np.testing.assert_allclose(est.value, expected, rtol=1e-12)
    assert {row.n for row in est.rows} == {known.sum()}


def test_a_domain_has_a_level_for_the_missing_where_they_are_not_an_error():
    frame = with_missing() | {"pc_exp": HOUSEHOLDS["pc_exp"]}
    est = sp.estimate(survey(frame, missing="drop"), [sp.MeanWelfare()], by=["internet"], replicates=sp.Bootstrap(2))
    sizes, without = np.bincount(PERSONS["hid"] - 1), HOUSEHOLDS["hid"] % 7 == 0
    position = est.find(by="internet", level="missing")
    assert est.rows[position].n == 57
    mean = oracles.mean(HOUSEHOLDS["pc_exp"][without], (HOUSEHOLDS["hhweight"] * sizes)[without])
    assert est.value[position] == pytest.approx(mean, rel=1e-12)
    assert [row.level for row in est.rows if row.by == "internet"] == ["0", "1", "missing"]


def test_what_is_not_missing_where_it_counts_is_no_error():
    """The default is an error, but of the columns that are used and the rows that count."""
    frame = with_missing() | {"pc_exp": HOUSEHOLDS["pc_exp"]}
    cells = sp.Opportunity("net", "internet", population="internet is not missing", circumstances=["region"]).prepare(
        survey(frame)
    )
    assert len(cells.index) == 400 - 57
    assert cells.dropped == {}


# ---------------------------------------------------------------- welfare classes


def classes(welfare, weight, shares):
    """Return every row's class: the number of cuts below its welfare."""
    cuts = [oracles.quantile(welfare, weight, share) for share in shares]
    return [sum(cut < value for cut in cuts) for value in welfare]


SHARES = {
    "bottom40": [Fraction(2, 5)],
    "quintile": [Fraction(k, 5) for k in range(1, 5)],
    "decile": [Fraction(k, 10) for k in range(1, 10)],
}
LABELS = {"bottom40": ["Bottom 40", "Top 60"], "quintile": list("12345"), "decile": [str(k) for k in range(1, 11)]}


@pytest.mark.parametrize("name", SHARES)
@given(
    rows=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 5), st.integers(1, 4)), min_size=2, max_size=40).filter(
        lambda rows: any(weight for _, weight, _ in rows)
    )
)
def test_classes_equal_the_textbook(name, rows):
    """People by rank of welfare, ties in the poorer class; whole numbers, so that many shares are met exactly."""
    welfare, weight, size = zip(*rows, strict=True)
    frame = {"hid": range(len(rows)), "hhweight": weight, "pc": welfare, "n": size}
    made = sp.Survey(frame, welfare="pc", size="n")
    people = [w * n for w, n in zip(weight, size, strict=True)]
    expected = classes(welfare, people, SHARES[name])
    est = sp.estimate(made, [sp.MeanWelfare()], by=[name], replicates=sp.Bootstrap(2), df="design")
    of_class = [row for row in est.rows if row.by == name]
    assert [row.level for row in of_class] == LABELS[name]
    cases = [found for found, w in zip(expected, weight, strict=True) if w > 0]
    assert [row.n for row in of_class] == [cases.count(k) for k in range(len(of_class))]
    for k, row in enumerate(of_class):
        inside = [i for i, found in enumerate(expected) if found == k and people[i]]
        value = est.value[est.rows.index(row)]
        if inside:
            mean = oracles.mean([welfare[i] for i in inside], [people[i] for i in inside])
            assert value == pytest.approx(mean, rel=1e-12)
        else:
            assert np.isnan(value)


def test_a_class_is_a_circumstance(people):
    """Members of a household are in its class."""
    made = survey()
    cells = SCHOOL.prepare(made)
    est = sp.estimate(made, [sp.Access(SCHOOL)], by=["quintile", ("urbrur", "quintile")], replicates=sp.Bootstrap(2))
    of_person = classes(*people, SHARES["quintile"])
    adults = PERSONS["age"] >= 18
    for k in range(5):
        inside = adults & (np.array(of_person) == k)
        position = est.find(by="quintile", level=str(k + 1))
        assert est.rows[position].n == inside.sum()
        access = oracles.mean((PERSONS["educ"][inside] >= 2).astype(int).tolist(), np.array(people[1])[inside].tolist())
        assert est.value[position] == pytest.approx(access, rel=1e-12)
        urban = inside & (HOUSEHOLDS["urbrur"][PERSONS["hid"] - 1] == "Urban")
        assert est.rows[est.find(by="urbrur x quintile", level=f"Urban x {k + 1}")].n == urban.sum()
    assert cells.circumstances[2].labels == tuple("12345")
    assert cells.circumstances[2].ordered


def test_classes_are_of_welfare_before_any_transfer():
    made = survey()
    paid = sp.simulate(made, sp.Package([sp.child_benefit(sp.Amount(100, "month"))]))
    est = sp.estimate(made, [sp.MeanWelfare()], {"after": paid}, by=["decile"], replicates=sp.Bootstrap(2))
    for k in LABELS["decile"]:
        assert (
            est.rows[est.find(by="decile", level=k, scenario="before")].n
            == est.rows[est.find(by="decile", level=k, scenario="after")].n
        )
    assert (est.value[[row.scenario == "change" for row in est.rows]] > 0).all()
