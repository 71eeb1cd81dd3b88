"""Every file format and every kind of frame: the same digits from each, and a clear error for what is no survey."""

import contextlib
import datetime
import json
import random
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

import sp2lnob as sp
from sp2lnob import _columns, _delimited, _files, _readstat, io
from sp2lnob._columns import column_of
from sp2lnob.datasets import EDUC
from sp2lnob.io import read_table

pa = pytest.importorskip("pyarrow", reason="the extra 'io' reads .parquet")
pyreadstat = pytest.importorskip("pyreadstat", reason="the extra 'io' reads .dta and .sav")

from pyarrow import parquet  # noqa: E402

from ._files import FORMATS, FRAMES, LABELED, PLAIN, write  # noqa: E402

ARGUMENTS = {
    "person": "pid",
    "welfare": "pc_exp",
    "psu": "ea",
    "strata": ["region", "urbrur"],
    "roles": {"relation": "relation"},
    "derive": {"head_sex": "head(sex)", "head_educ": "head(educ)"},
}


@pytest.fixture(scope="module")
def frames():
    return [pd.DataFrame(frame) for frame in sp.example_frames(400)]


def figures(survey):
    """Return the estimates of a small assessment, and its groups."""
    internet = sp.Opportunity("internet", "internet", circumstances=["bottom40", "urbrur", "head_educ", "head_sex"])
    found = sp.assess(survey, [internet], by=["region"], replicates=sp.Bootstrap(4))
    return found.estimates.frame(), found.groups


@pytest.fixture(scope="module")
def plain(frames):
    return figures(sp.Survey(*frames, **ARGUMENTS))


@pytest.fixture(scope="module")
def labeled(frames):
    households, persons = frames
    persons = _columns.table_of(persons, "persons").labeled({"educ": EDUC})
    return figures(sp.Survey(households, persons, **ARGUMENTS))


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def read(frames, folder, kind):
    paths = [
        write(frame, folder, name, kind, {"educ": EDUC} if name == "persons" else {})
        for frame, name in zip(frames, ("households", "persons"), strict=True)
    ]
    return sp.read_survey(*paths, **ARGUMENTS)


def one(values, tmp_path, kind, labels=None, name="x"):
    """Return a column that was written in a format and read again."""
    frame = pd.DataFrame({"hid": range(len(values)), name: values})
    return read_table(write(frame, tmp_path, "one", kind, labels), "households")[name]


def shown(column):
    """Return what a column's rows are called."""
    return [column.label(value) for value in column.values]


# -- the same digits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FRAMES)
def test_every_frame_gives_the_same_digits(kind, frames, plain):
    assert_same(figures(sp.Survey(*map(FRAMES[kind], frames), **ARGUMENTS)), plain)


@pytest.mark.parametrize("kind", PLAIN)
def test_every_file_gives_the_digits_of_the_frame(kind, frames, plain, tmp_path):
    assert_same(figures(read(frames, tmp_path, kind)), plain)


@pytest.mark.parametrize("kind", LABELED)
def test_files_with_labels_give_the_digits_of_the_labeled_frame(kind, frames, labeled, tmp_path):
    assert_same(figures(read(frames, tmp_path, kind)), labeled)


# -- large files ----------------------------------------------------------------------------------------------------

SOME = ["dta of Stata 15", "sav", "sav by rows", "zsav", "csv", "parquet", "parquet by groups"]


def shrink(monkeypatch, name, size):
    """Let blocks of files be of another size, in every room that reads them."""
    for room in (_files, _readstat, _delimited):
        monkeypatch.setattr(room, name, size, raising=room is _files)


@pytest.fixture
def small(monkeypatch):
    """Let every file be a large one, and every block a small one."""
    monkeypatch.setattr(io, "WHOLE", 0)
    shrink(monkeypatch, "BLOCK", 500)
    shrink(monkeypatch, "BYTES", 1000)
    monkeypatch.setattr(_columns, "BLOCK", 70)


@pytest.mark.parametrize("kind", SOME)
@pytest.mark.usefixtures("small")
def test_a_large_file_gives_the_same_digits(kind, frames, plain, labeled, tmp_path, monkeypatch):
    passes = []
    reading = io.FORMATS[FORMATS[kind][1]].read
    monkeypatch.setattr(
        io.FORMATS[FORMATS[kind][1]], "read", lambda file, names: passes.append(names) or reading(file, names)
    )
    survey = read(frames, tmp_path, kind)
    assert [len(names) for names in passes] == [6, 6]  # what the arguments name, in one pass a file
    assert_same(figures(survey), labeled if kind in LABELED else plain)
    assert passes[2:] == [["internet"]]  # and what else was asked for
    assert "cook_fuel" not in str(survey.sources)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("change", ["replaced", "removed"])
def test_a_large_file_must_stay(change, frames, tmp_path):
    path = write(frames[0], tmp_path, "h", "csv")
    survey = sp.read_survey(None, path)
    path.write_text("hid\n1\n") if change == "replaced" else path.unlink()
    with pytest.raises(
        sp.InputError, match=r"must stay as it is while the survey is in use, but '.*h.csv' has changed"
    ):
        survey.person_column("internet")


@pytest.mark.parametrize("kind", SOME)
def test_a_small_file_may_go(kind, frames, tmp_path):
    path = write(frames[0], tmp_path, "h", kind)
    survey = sp.read_survey(None, path)
    path.unlink()
    assert set(survey.person_column("internet").values) == {0, 1}


MEMORY = """
import resource, sys
import sp2lnob as sp
import numpy, pandas, pyarrow.parquet, narwhals, scipy.special
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
survey = sp.read_survey(sys.argv[1], size="n", welfare="x0", psu="ea", strata="region", weight="w")
sp.estimate(survey, [sp.MeanWelfare()], by=["urbrur"], replicates=sp.Bootstrap(20))
print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is counted in other units elsewhere")
def test_a_large_parquet_file_costs_the_columns_in_use(tmp_path):
    """300,000 rows of 60 columns are 137 MiB as doubles; seven are in use, and the file is never held whole."""
    rows = 300_000
    rng = np.random.default_rng(1)
    i = np.arange(rows)
    columns = {"hid": i, "w": rng.random(rows) + 0.5, "n": i % 7 + 1, "ea": i // 100, "region": i // 100 % 20}
    columns |= {"urbrur": pa.array(["Rural", "Urban"]).take(pa.array(i % 2))}
    columns |= {f"x{k}": rng.random(rows) for k in range(54)}
    parquet.write_table(pa.table(columns), tmp_path / "h.parquet", compression="none")
    size = (tmp_path / "h.parquet").stat().st_size / 2**20
    run = [sys.executable, "-c", MEMORY, str(tmp_path / "h.parquet")]
    used = float(subprocess.run(run, capture_output=True, text=True, check=True).stdout)
    column = rows * 8 / 2**20
    assert size > 50 * column
    assert used < 75 * column


# -- what was read --------------------------------------------------------------------------------------------------


def test_sources_say_what_was_found_in_every_column_read(frames, tmp_path):
    survey = read(frames, tmp_path, "sav")
    figures(survey)
    households, persons = survey.sources
    assert {key: households[key] for key in ("what", "file", "format", "rows", "columns")} == {
        "what": "households",
        "file": "households.sav",
        "format": "sav",
        "rows": 400,
        "columns": 8,
    }
    assert households["types"] == {
        "hid": "number",
        "region": "text",
        "urbrur": "text",
        "ea": "number",
        "hhweight": "number",
        "pc_exp": "number",
        "internet": "number",
    }
    assert persons["types"]["educ"] == "number with labels"
    assert persons["rows"] == survey.n_persons


def test_categories_are_told_in_sources(tmp_path):
    frame = pd.DataFrame({"w": [1, 2], "a": pd.Categorical(["x", "y"], ordered=True), "b": pd.Categorical(["x", "y"])})
    frame.to_parquet(tmp_path / "p.parquet")
    survey = sp.read_survey(None, tmp_path / "p.parquet", household=None, weight="w")
    assert [survey.person_column(name).levels for name in "ab"] == [("x", "y")] * 2
    assert survey.sources[0]["types"] == {"w": "number", "a": "ordered categories", "b": "categories"}


def test_the_same_study_gives_the_same_manifest(frames, tmp_path):
    written = []
    for k in range(2):
        survey = read(frames, tmp_path, "parquet")
        internet = sp.Opportunity("internet", "internet", circumstances=["urbrur"])
        folder = sp.assess(survey, [internet], replicates=sp.Bootstrap(4)).save(tmp_path / str(k))
        written.append((folder / "manifest.json").read_bytes())
    assert written[0] == written[1]
    files = json.loads(written[0])["survey"]["files"]
    assert files[0]["types"]["urbrur"] == "text"


# -- labels and missing values --------------------------------------------------------------------------------------

SCRIPTS = {1: "ជនបទ", 2: "ރަށްޓެހި", 3: "حضر", 4: "Ñuñoa – ½"}


@pytest.mark.parametrize("kind", ["dta of Stata 14", "dta of Stata 15", "sav", "zsav"])
def test_labels_of_any_script_and_length(kind, tmp_path):
    labels = {"x": {**SCRIPTS, 5: "long " * 20 + "end"}}
    column = one([1, 2, 3, 4, 5, 6], tmp_path, kind, labels)
    assert shown(column) == [*labels["x"].values(), "6"]


@pytest.mark.parametrize("kind", SOME)
def test_text_of_any_script(kind, tmp_path):
    column = one([*SCRIPTS.values()], tmp_path, kind)
    assert shown(column) == [*SCRIPTS.values()]


@pytest.mark.parametrize("kind", ["dta of Stata 15", "sav"])
def test_labels_are_stripped_and_two_codes_of_one_label_stay_two(kind, tmp_path):
    column = one([1, 2, 3, 3], tmp_path, kind, {"x": {1: " Yes", 2: "Yes  ", 3: "   "}})
    assert column.labels == {1: "Yes", 2: "Yes"}
    assert column.categories()[2] == ("Yes (1)", "Yes (2)", "3")


def test_letters_of_stata_are_missing_and_their_labels_harm_nothing(tmp_path):
    frame = pd.DataFrame({"hid": range(4), "x": np.array([1, "a", 3, "z"], dtype=object)})
    labels = {"x": {1: "one", "a": "refused", "z": "not asked"}}
    pyreadstat.write_dta(
        frame, str(tmp_path / "h.dta"), variable_value_labels=labels, missing_user_values={"x": ["a", "z"]}
    )
    column = read_table(tmp_path / "h.dta", "households")["x"]
    assert shown(column) == ["one", "missing", "3", "missing"]
    assert column.labels == {1: "one"}


def test_missing_values_of_spss(tmp_path):
    """Discrete values and ranges, of numbers and of text; their labels stay and are of no value."""
    frame = pd.DataFrame(
        {
            "age": [5.0, 97.0, 98.0, 99.0, np.nan, 7.0],
            "low": [-3.0, -1.0, 0.0, 1.0, 2.0, 3.0],
            "word": ["a", "NA", "a longer text than eight", "", "b", "DK"],
        }
    )
    pyreadstat.write_sav(
        frame,
        str(tmp_path / "h.sav"),
        variable_value_labels={"age": {99: "refused", 5: "five"}, "word": {"a": "Aa", "NA": "none"}},
        missing_ranges={
            "age": [97, {"lo": 98, "hi": 99}],
            "low": [{"lo": float("-inf"), "hi": 0}],
            "word": ["NA", "DK"],
        },
    )
    table = read_table(tmp_path / "h.sav", "households")
    assert shown(table["age"]) == ["five", *["missing"] * 4, "7"]
    assert shown(table["low"]) == [*["missing"] * 3, "1", "2", "3"]
    assert shown(table["word"]) == ["Aa", "missing", "a longer text than eight", "missing", "b", "missing"]
    assert table["word"].kind == "text with labels"


@pytest.mark.parametrize("kind", ["dta of Stata 15", "dta of Stata 12", "sav", "csv"])
def test_empty_text_is_missing(kind, tmp_path):
    assert shown(one(["b", "", "a"], tmp_path, kind)) == ["b", "missing", "a"]


def test_empty_text_is_text_where_null_is_another_thing(tmp_path):
    assert shown(one(["b", "", None], tmp_path, "parquet")) == ["b", "", "missing"]


def test_old_stata_files_are_of_western_europe_unless_said_otherwise(tmp_path):
    path = write(pd.DataFrame({"x": ["Xeto"]}), tmp_path, "h", "dta of Stata 12", {})
    data = path.read_bytes().replace(b"Xeto", "Éété".encode("latin-1"))
    path.write_bytes(data)
    assert read_table(path, "households")["x"].levels == ("Éété",)
    path.write_bytes(data.replace("Éété".encode("latin-1"), "Тест".encode("cp1251")))
    assert read_table(path, "households", encoding="CP1251")["x"].levels == ("Тест",)
    path.write_bytes(data.replace("Éété".encode("latin-1"), b"\x81\x8d\x8f\x90"))
    with pytest.raises(sp.InputError, match="name the encoding"):
        read_table(path, "households")


def test_a_csv_of_another_encoding(tmp_path):
    path = tmp_path / "h.csv"
    path.write_bytes("hid,hhweight,n,âge\n1,1,1,été\n".encode("latin-1"))
    assert read_table(path, "households", encoding="latin-1")["âge"].levels == ("été",)
    with pytest.raises(sp.InputError, match="UTF-8"):
        sp.read_survey(path, size="n")
    with pytest.raises(sp.InputError, match="unknown encoding"):
        sp.read_survey(path, size="n", encoding="klingon")
    with pytest.raises(sp.InputTypeError, match="encoding must be"):
        sp.read_survey(path, size="n", encoding=8)


def test_texts_that_outer_space_alone_tells_apart_are_no_categories():
    column = column_of("area", ["Urban", "Rural", "Urban "])
    with pytest.raises(
        sp.InputError, match="'area' must differ in more than outer white space, but 'Urban' and 'Urban '"
    ):
        column.categories()
    survey = sp.Survey({"hid": [1, 2], "hhweight": [1, 1], "n": [1, 1], "area": ["a", "a "]}, size="n")
    assert len(survey.fingerprint()) == 64
    with pytest.raises(sp.InputError, match="Strip the column's text"):
        sp.Opportunity("n", "n", circumstances=["area"]).prepare(survey)


# -- kinds of columns -----------------------------------------------------------------------------------------------

READ_ONLY = np.array([1.0, np.nan, 3.0])
READ_ONLY.flags.writeable = False
DATES = [datetime.date(2020, 1, 1), None, datetime.date(2021, 1, 1)]
NUMBERS = {
    "read-only": READ_ONLY,
    "big-endian": np.array([1, np.nan, 3], dtype=">f8"),
    "half": np.array([1, np.nan, 3], dtype=np.float16),
    "single": np.array([1, np.nan, 3], dtype=np.float32),
    "long double": np.array([1, np.nan, 3], dtype=np.longdouble),
    "every other": np.array([1, 9, np.nan, 9, 3.0])[::2],
    "masked": np.ma.masked_array([1, 2, 3], [0, 1, 0]),
    "masked floats": np.ma.masked_array([1.0, 2, 3], [0, 1, 0]),
    "decimals": [Decimal("1"), None, Decimal("3.0")],
    "decimals in pandas": pd.Series([Decimal("1"), None, Decimal("3")]),
    "Int64": pd.Series([1, None, 3], dtype="Int64"),
    "Int64 array": pd.array([1, None, 3], dtype="Int64"),
    "Float64": pd.Series([1, None, 3], dtype="Float64"),
    "UInt8": pd.Series([1, None, 3], dtype="UInt8"),
    "arrow in pandas": pd.Series([1, None, 3], dtype="int64[pyarrow]"),
    "arrow decimals in pandas": pd.Series([Decimal(1), None, Decimal(3)], dtype=pd.ArrowDtype(pa.decimal128(9, 2))),
    "arrow": pa.array([1, None, 3]),
    "arrow in chunks": pa.chunked_array([[1, None], [], [3]]),
    "arrow half": pa.array(np.array([1, 2, 3], np.float16), mask=np.array([False, True, False])),
    "arrow decimals": pa.array([Decimal("1.00"), None, Decimal("3.00")]),
    "polars": pl.Series([1, None, 3]),
    "polars small": pl.Series([1, None, 3], dtype=pl.UInt8),
    "polars decimals": pl.Series([Decimal("1.00"), None, Decimal("3.00")]),
    "numpy numbers in a list": [np.float32(1), np.nan, np.int8(3)],
}


@pytest.mark.parametrize("make", NUMBERS)
def test_numbers_of_every_make(make):
    column = column_of("x", NUMBERS[make])
    np.testing.assert_array_equal(column.values, [1, np.nan, 3])
    assert column.values.dtype == np.float64
    assert column.kind == "number"


FLAGS = {
    "list": [True, None, False],
    "boolean": pd.Series([True, None, False], dtype="boolean"),
    "arrow": pa.array([True, None, False]),
    "polars": pl.Series([True, None, False]),
    "arrow in pandas": pd.Series([True, None, False], dtype="bool[pyarrow]"),
    "masked": np.ma.masked_array([True, True, False], [0, 1, 0]),
}


@pytest.mark.parametrize("make", FLAGS)
def test_flags_of_every_make_are_one_and_zero(make):
    np.testing.assert_array_equal(column_of("x", FLAGS[make]).values, [1, np.nan, 0])


def dictionary(values, levels, ordered):
    return pa.DictionaryArray.from_arrays(pa.array(values), pa.array(levels), ordered=ordered)


CATEGORIES = {
    "categorical": (pd.Categorical(["b", None, "a"]), ("a", "b"), False),
    "ordered": (pd.Categorical(["b", None, "a"], ["b", "a", "c"], ordered=True), ("b", "a", "c"), True),
    "of numbers": (pd.Series(pd.Categorical([2.5, None, 1.0], ordered=True)), ("1", "2.5"), True),
    "of long numbers": (pd.Categorical([2**60 + 1, None, 2**60]), (str(2**60), str(2**60 + 1)), False),
    "of near numbers": (pd.Categorical([0.1 + 0.2, None, 0.3]), ("0.3", "0.30000000000000004"), False),
    "of flags": (pd.Categorical([True, None, False]), ("0", "1"), False),
    "of dates": (pd.Categorical([DATES[2], None, DATES[0]]), ("2020-01-01", "2021-01-01"), False),
    "of intervals": (
        pd.Categorical([pd.Interval(1, 2), None, pd.Interval(0, 1)], ordered=True),
        ("(0, 1]", "(1, 2]"),
        True,
    ),
    "arrow": (dictionary([0, None, 1], ["b", "a"], False), ("a", "b"), False),
    "arrow ordered": (dictionary([0, None, 1], ["b", "a"], True), ("b", "a"), True),
    "arrow of numbers": (dictionary([0, None, 1], [20, 3], True), ("20", "3"), True),
    "arrow in chunks": (
        pa.chunked_array([dictionary([0, None], ["b"], False), dictionary([0], ["a"], False)]),
        ("a", "b"),
        False,
    ),
    "arrow in pandas": (
        pd.Series(
            dictionary([0, None, 1], ["b", "a"], True),
            dtype=pd.ArrowDtype(pa.dictionary(pa.int64(), pa.string(), True)),
        ),
        ("b", "a"),
        True,
    ),
    "polars": (pl.Series(["b", None, "a"], dtype=pl.Categorical), ("a", "b"), False),
    "polars Enum": (pl.Series(["b", None, "a"], dtype=pl.Enum(["b", "a", "c"])), ("b", "a", "c"), True),
}


@pytest.mark.parametrize("make", CATEGORIES)
def test_categories_of_every_make(make):
    values, levels, ordered = CATEGORIES[make]
    column = column_of("x", values)
    assert column.levels == levels
    assert column.ordered is ordered
    assert column.missing.tolist() == [False, True, False]
    first, last = column.values[[0, 2]]
    assert (first < last) == (levels[0] in ("b", "20"))


LEVELS = pl.Enum(["c", "b", "a"])


@pytest.mark.parametrize("kind", ["parquet", "polars", "arrow", "pandas"])
def test_categories_of_frames_and_files(kind, tmp_path):
    frame = pd.DataFrame({"x": pd.Categorical(["b", "a", None, "b"] * 20, ["c", "b", "a"], ordered=True)})
    if kind == "parquet":
        frame.to_parquet(tmp_path / "x.parquet", row_group_size=7)
        column = read_table(tmp_path / "x.parquet", "households")["x"]
    else:
        make = {
            "pandas": lambda values: values,
            "polars": lambda values: pl.Series(
                values.astype(object).where(values.notna(), None).tolist(), dtype=LEVELS
            ),
            "arrow": pa.array,
        }
        column = column_of("x", make[kind](frame["x"]))
    assert column.levels == ("c", "b", "a")
    assert column.ordered
    assert shown(column)[:4] == ["b", "a", "missing", "b"]


LONG = {
    "list": [2**60 + 1, None, 7],
    "unsigned": pd.Series([2**63 + 1, None, 7], dtype="UInt64"),
    "big-endian": np.ma.masked_array(np.array([2**60 + 1, 0, 7], dtype=">i8"), [0, 1, 0]),
    "decimals": [Decimal(2**60 + 1), None, Decimal("7.00")],
    "arrow decimals": pa.array([Decimal(2**60 + 1), None, Decimal(7)], pa.decimal128(38, 0)),
    "polars": pl.Series([2**60 + 1, None, 7]),
}


@pytest.mark.parametrize("make", LONG)
def test_long_identifiers_are_text(make):
    long = 2**63 + 1 if make == "unsigned" else 2**60 + 1
    assert shown(column_of("x", LONG[make])) == [str(long), "missing", "7"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.usefixtures("small")
def test_long_identifiers_in_files_are_text(kind, tmp_path):
    values = pd.Series([*range(400), 2**60 + 1, 2**60], dtype="Int64")
    assert shown(one(values, tmp_path, kind)) == [str(value) for value in values]


OTHER = {
    "dates": DATES,
    "numpy dates": np.array(["2020-01-01", "NaT", "2021-01-01"], dtype="datetime64[ns]"),
    "spans": np.array([1, 2, 3], dtype="timedelta64[s]"),
    "pandas dates": pd.to_datetime(pd.Series(["2020-01-01", None, "2021-01-01"])),
    "polars dates": pl.Series(DATES),
    "arrow dates": pa.array(DATES),
    "bytes": np.array([b"a", b"b", b"c"]),
    "lists": [[1], [2], [3, 4]],
    "complex": np.array([1j, 2, 3]),
    "periods": pd.Series(pd.period_range("2020", periods=3, freq="M")),
    "arrow lists": pa.array([[1], [2], [3]]),
    "polars structs": pl.Series([{"a": 1}, {"a": 2}, {"a": 3}]),
}


@pytest.mark.parametrize("make", OTHER)
def test_what_is_neither_number_nor_text_fails_when_it_is_asked_for(make):
    survey = sp.Survey({"hid": [1, 2, 3], "hhweight": [1, 1, 1], "n": [1, 1, 1], "x": OTHER[make]}, size="n")
    with pytest.raises(sp.InputError, match="Column 'x' must hold numbers or text"):
        survey.household_column("x")
    assert len(survey.fingerprint()) == 64


MIXED = {
    "list": [1, "b", None],
    "pandas": pd.Series([1, "b", None], dtype=object),
    "array": np.array([1, "b", None], dtype=object),
    "polars": pl.Series([1, "b", None], dtype=pl.Object),
}


@pytest.mark.parametrize("make", MIXED)
def test_numbers_and_text_in_one_column(make):
    with pytest.raises(sp.InputError, match="'x' must hold numbers or text, not both, but it holds int, str"):
        column_of("x", MIXED[make])
    with pytest.raises(sp.InputError, match="levels of 'x' must differ as text, but '1' stands for several"):
        column_of("x", pd.Categorical([1, "1", 2]))


@pytest.mark.parametrize("kind", ["dta of Stata 15", "dta of Stata 12", "sav", "parquet"])
def test_dates_in_files_fail_when_they_are_asked_for(kind, tmp_path):
    frame = pd.DataFrame({"w": [1.0, 2.0], "day": pd.to_datetime(["2020-01-01", "2021-01-01"])})
    if kind == "parquet":
        frame["list"] = [[1], [2]]
    survey = sp.read_survey(None, write(frame, tmp_path, "p", kind), household=None, weight="w")
    assert survey.sources[0]["columns"] == len(frame.columns)
    with pytest.raises(sp.InputError, match=r"Column 'day' must hold numbers or text, but it holds (dates|timestamp)"):
        survey.person_column("day")
    assert survey.sources[0]["types"] == {"w": "number"}


def test_decimals_in_parquet(tmp_path):
    column = one([Decimal("0.10"), None, Decimal("1234567890.12")], tmp_path, "parquet")
    np.testing.assert_array_equal(column.values, [0.1, np.nan, 1234567890.12])


# -- comma-separated text, to the letter ----------------------------------------------------------------------------

CELLS = {
    "numbers": (["1", "2.50", " 3", "1e3", "-.5", ""], [1, 2.5, 3, 1000, -0.5, np.nan]),
    "every digit": (["0.1", "123456789.123456789", "4.9e-324"], [0.1, 123456789.123456789, 4.9e-324]),
    "flags": (["True", "FALSE", ".", "true"], [1, 0, np.nan, 1]),
    "a word among numbers": (["1", "007", "x", ""], ["1", "007", "x", "missing"]),
    "a flag among numbers": (["1", "True"], ["1", "True"]),
    "a flag among words": (["yes", "True"], ["yes", "True"]),
    "long numbers": (["7", "007", "12345678901234567890", ""], ["7", "007", "12345678901234567890", "missing"]),
    "longer numbers": (["1234567890123456789012345", "."], ["1234567890123456789012345", "missing"]),
    "large but no identifier": (["1e30", "2.5", "9007199254740993"], [1e30, 2.5, 9007199254740992]),
    "words for nothing": (["NA", "None", "nan", "NULL"], ["NA", "None", "nan", "NULL"]),
    "nan among numbers": (["1", "nan"], ["1", "nan"]),
    "hexadecimal": (["0x10", "1"], ["0x10", "1"]),
    "decimal commas": (['"1,5"', '"2,5"'], ["1,5", "2,5"]),
    "quoted": (['"a ""b"""', '"line\none"', '"c,d"', '""'], ['a "b"', "line\none", "c,d", "missing"]),
    "scripts": ([*SCRIPTS.values()], [*SCRIPTS.values()]),
    "nothing": (["", "."], [np.nan, np.nan]),
}


@pytest.mark.parametrize("block", [2**21, 1])
@pytest.mark.parametrize("case", CELLS)
def test_cells_of_a_csv(case, block, tmp_path, monkeypatch):
    """Whatever the block: what a row holds does not depend on which rows are read with it."""
    shrink(monkeypatch, "BLOCK", block)
    cells, expected = CELLS[case]
    (tmp_path / "h.csv").write_text("k,x,y\n" + "".join(f"1,{cell},2\n" for cell in cells), encoding="utf-8")
    column = read_table(tmp_path / "h.csv", "households")["x"]
    if isinstance(expected[0], str):
        assert shown(column) == expected
    else:
        np.testing.assert_array_equal(column.values, expected)


WELL = {
    "no last line end": "w,x\n1,2\n3,4",
    "blank lines at the end": "w,x\n1,2\n3,4\n\n\r\n\n",
    "Windows": "w,x\r\n1,2\r\n3,4\r\n",
    "commas at the end": "w,x\n1,2,\n3,4,\n",
    "quotes": '"w",x\n"1",2\n3,"4"\n',
    "a long header": '"w","x"\n1,2\n3,4\n',
}


@pytest.mark.parametrize("bytes_", [2**22, 3])
@pytest.mark.parametrize("case", WELL)
def test_a_csv_that_is_well(case, bytes_, tmp_path, monkeypatch):
    shrink(monkeypatch, "BYTES", bytes_)
    for mark in (b"", b"\xef\xbb\xbf"):
        (tmp_path / "h.csv").write_bytes(mark + WELL[case].encode())
        table = read_table(tmp_path / "h.csv", "households")
        assert [table[name].values.tolist() for name in ("w", "x")] == [[1, 3], [2, 4]]


ILL = {
    "short line": ("a,b\n1,2\n1\n", "line 3 has 1 and the header 2"),
    "long line": ("a,b\n1,2\n1,2,3\n", "line 3 has 3 and the header 2"),
    "one comma at the end": ("a,b\n1,2\n1,2,\n", "line 3 has 3"),
    "commas but one": ("a,b\n1,2,\n1,2\n", "line 3 has 2"),
    "a value beyond": ("a,b\n1,2,3\n", "line 2 has 3"),
    "blank line": ("a,b\n1,2\n\n1,2\n", "line 3 (is blank|has 1)"),
    "blank header": ("\na,b\n", "its first line is blank"),
    "open quote": ('a,b\n1,"2\n3,4\n', "not closed"),
    "inner quote": ('a,b\n1,2"\n3,4"\n', "does not enclose a whole value"),
    "after a quote": ('a,b\n1,"2"x\n', "does not enclose"),
    "before a quote": ('a,b\n1, "2"\n', "does not enclose"),
    "old Mac": ("a,b\n1,2\r3,4\n", "carriage return alone"),
    "null bytes": ("a,b\n1,\0\n", "null bytes"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), "codec can't decode|null bytes"),
    "semicolons": ("a;b\n1;2\n", "has no comma"),
    "tabs": ("a\tb\n1\t2\n", "has no comma"),
    "latin-1": ("a,b\n1,é\n".encode("latin-1"), "can't decode"),
    "cut within a letter": ("a,b\n1,é".encode()[:-1], "can't decode"),
    "no name": ("a,,c\n1,2,3\n", "column 2 of 3 in 'h.csv' has none"),
    "row names of R": (',"a"\n"1",2\n', "column 1 of 2 in 'h.csv' has none"),
    "blank name": ("a, \n1,2\n", "has none"),
    "two of one name": ("a,b,a\n1,2,3\n", "'a' occurs more than once in 'h.csv'"),
    "workbook": (b"PK\x03\x04 and so on", "a zip archive or an Excel workbook"),
    "web page": ("<!DOCTYPE html>\n", "a web page"),
    "no rows": ("hid,w\n", "at least one row"),
    "a name with a space": ("hid, w\n1,2\n2,2\n", "Did you mean ' w'"),
}


@pytest.mark.parametrize("case", ILL)
def test_a_csv_that_is_not(case, tmp_path):
    content, why = ILL[case]
    (tmp_path / "h.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(sp.InputError, match=why) as caught:
        sp.read_survey(tmp_path / "h.csv", weight="w", size="w")
    assert "must" in str(caught.value)
    assert ", but " in str(caught.value)


# -- files that are not what they seem ------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".dta", ".sav", ".zsav", ".parquet", ".csv"])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"ENCRYPTEDSAV and so on", "an SPSS file under a password"),
        (b"PK\x03\x04\x14\0 and so on", "a zip archive or an Excel workbook"),
        (b"<html><body>Log in first</body></html>", "a web page"),
        (b"PARE and so on", "an encrypted Parquet file"),
        (b"\x1f\x8b\x08 and so on", "a gzip archive"),
    ],
)
def test_a_file_of_another_kind(suffix, content, why, tmp_path):
    (tmp_path / f"h{suffix}").write_bytes(content)
    with pytest.raises(sp.InputError, match=f"The file must be .*, but 'h{suffix}' is not .*{why}"):
        sp.read_survey(tmp_path / f"h{suffix}")


@pytest.mark.parametrize("suffix", [".dta", ".sav", ".parquet"])
def test_bytes_that_are_nothing(suffix, tmp_path):
    (tmp_path / f"h{suffix}").write_bytes(b"nothing that anybody knows")
    with pytest.raises(sp.InputError, match="it begins with b'nothing "):
        sp.read_survey(tmp_path / f"h{suffix}")


def test_paths_that_lead_nowhere(tmp_path):
    (tmp_path / "folder.parquet").mkdir()
    for path, why in ((tmp_path / "folder.parquet", "is a folder"), (tmp_path / "gone.sav", "there is no")):
        with pytest.raises(sp.InputError, match=why):
            sp.read_survey(path)
    with pytest.raises(sp.InputError, match=r"one of .csv, .dta, .parquet, .sav, .zsav, but it is 'h.xlsx'"):
        sp.read_survey(tmp_path / "h.xlsx")
    with pytest.raises(sp.InputTypeError, match="must be a path"):
        sp.read_survey(pd.DataFrame())


def test_a_stata_file_of_the_future_is_told_by_its_version(frames, tmp_path):
    path = write(frames[0], tmp_path, "h", "dta of Stata 15", {})
    path.write_bytes(path.read_bytes().replace(b"<release>119<", b"<release>131<"))
    with pytest.raises(sp.InputError, match=r"of format 131.*saveold"):
        sp.read_survey(path)


def test_a_stata_file_that_has_no_columns_is_refused(tmp_path):
    """Found by fuzzing: to learn the number of rows, which old versions do not state, the first column is read."""
    (tmp_path / "h.dta").write_bytes(b"\x71\x02\x01\0\0\0\0\xff\xff\xff" + bytes(200))
    with pytest.raises(sp.InputError, match=r"must be a readable Stata file, but 'h.dta' is not"):
        sp.read_survey(tmp_path / "h.dta")


def test_names_in_frames_and_parquet(tmp_path):
    table = pa.table([pa.array([1]), pa.array([2])], names=["hid", "hid"])
    parquet.write_table(table, tmp_path / "h.parquet")
    with pytest.raises(sp.InputError, match=r"'hid' occurs more than once in 'h.parquet'"):
        sp.read_survey(tmp_path / "h.parquet")
    parquet.write_table(table.rename_columns(["hid", ""]), tmp_path / "h.parquet")
    with pytest.raises(sp.InputError, match=r"column 2 of 2 in 'h.parquet' has none"):
        sp.read_survey(tmp_path / "h.parquet")
    for frame in ({"hid": [1], " ": [2]}, pd.DataFrame({"hid": [1], "": [2]}), pl.DataFrame({"hid": [1], "": [2]})):
        with pytest.raises(sp.InputError, match="must have a name, but column 2 of 2 has none"):
            sp.Survey(frame)
    parquet.write_table(pa.table({}), tmp_path / "h.parquet")
    with pytest.raises(sp.InputError, match="must"):
        sp.read_survey(tmp_path / "h.parquet")


@pytest.mark.parametrize("kind", ["sav", "parquet", "dta of Stata 15"])
def test_a_file_without_rows(kind, frames, tmp_path):
    with pytest.raises(sp.InputError, match="must have at least one row"):
        sp.read_survey(write(frames[0][["hhweight", "pc_exp"]][:0], tmp_path, "h", kind))


def attempt(path):
    """Read every column of a file, and return the table, or None where that was refused in our words."""
    try:
        table = read_table(path, "households")
        for name in table:
            with contextlib.suppress(sp.InputError):
                table[name].categories()
    except sp.InputError:
        return None
    return table


DAMAGED = [
    "dta of Stata 8",
    "dta of Stata 12",
    "dta of Stata 13",
    "dta of Stata 15",
    "sav",
    "sav by rows",
    "zsav",
    "parquet",
]


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_file_that_breaks_off_is_never_read(kind, frames, tmp_path):
    """At every offset of its end, where labels stand, and at some of the rest.

    Where a file of Stata before version 13 has no byte of its labels, it is one whose labels were never defined.
    """
    frame = frames[0].assign(area=(frames[0]["urbrur"] == "Urban") * 1)
    path = write(frame, tmp_path, "h", kind, {"area": {0: "Rural", 1: "Urban"}})
    data = path.read_bytes()
    read = []
    for kept in {*range(len(data) - 130, len(data), 1 if "dta" in kind else 10), *range(1, len(data), len(data) // 30)}:
        path.write_bytes(data[:kept])
        if (table := attempt(path)) is not None:
            read.append(kept)
            assert table.rows == 400
            assert not table["area"].labels
    assert len(read) == (kind in ("dta of Stata 8", "dta of Stata 12"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [*DAMAGED, "csv"])
def test_a_damaged_file_is_read_or_refused(kind, frames, tmp_path):
    path = write(frames[0], tmp_path, "h", kind, {"internet": {0: "no", 1: "yes"}})
    data = path.read_bytes()
    chance = random.Random(1)
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(chance.choice((1, 3, 10))):
            damaged[chance.randrange(chance.choice((600, len(data))))] = chance.randrange(256)
        path.write_bytes(damaged)
        attempt(path)


@pytest.mark.parametrize(("at", "value"), [(180, 40), (183, 1), (212, 255), (None, 77)])
def test_a_dictionary_that_would_crash_readstat_is_refused(at, value, frames, tmp_path):
    """A number that claims to be text, text without its further records, and labels of a column that is not there."""
    path = write(frames[0], tmp_path, "h", "sav", {"internet": {0: "no", 1: "yes"}})
    data = bytearray(path.read_bytes())
    at = at or data.index(b"\4\0\0\0\1\0\0\0", 400) + 8
    data[at] = value
    path.write_bytes(data)
    with pytest.raises(sp.InputError, match="its dictionary is damaged at byte"):
        read_table(path, "households")
