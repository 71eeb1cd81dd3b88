"""Bad input: every error says what must hold, what came, and how to mend it, and is a ValueError or a TypeError too.

One table a topic: what is called, and a piece of each of the three parts of its message.
"""

import copy
import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import sp2lnob as sp

# Eight households in four PSUs and two strata, twelve persons.
HOUSEHOLDS = {
    "hid": [11, 12, 13, 14, 15, 16, 17, 18],
    "hhweight": [10, 10, 20, 20, 15, 15, 5, 5],
    "ea": [1, 1, 2, 2, 3, 3, 4, 4],
    "region": ["North"] * 4 + ["South"] * 4,
    "pc": [50, 80, 90, 200, 40, 70, 60, 120],
    "rooms": [1, 2, 2, 3, 1, 1, 2, 4],
    "water": [1, 0, 1, 1, 0, 0, 1, 0],
}
PERSONS = {
    "hid": [11, 11, 12, 13, 13, 14, 15, 15, 16, 17, 18, 18],
    "pid": [1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 1, 2],
    "age": [40, 3, 70, 30, 5, 25, 66, 12, 41, 33, 80, 17],
    "sex": ["Female", "Male"] * 6,
    "relation": ["Head", "Child", "Head", "Head", "Child", "Head", "Head", "Child", "Head", "Head", "Head", "Child"],
    "disability": [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0],
    "school": [1, 0, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1],
}
NAN, INF = math.nan, math.inf
AMOUNT = sp.Amount(10, "month")
POVERTY = (sp.Poverty(60.0),)
FEW = sp.Bootstrap(8)


def survey(households=(), persons=(), **arguments):
    """Return the survey with some columns and arguments replaced."""
    arguments = {"welfare": "pc", "psu": "ea", "strata": "region"} | arguments
    return sp.Survey({**HOUSEHOLDS, **dict(households)}, {**PERSONS, **dict(persons)}, **arguments)


def without(frame, name):
    return {key: values for key, values in frame.items() if key != name}


def put(values, at):
    """Return values with some of them replaced, by position."""
    return [at.get(i, value) for i, value in enumerate(values)]


def with_column(name, at, **arguments):
    """Return a survey in which some values of a household column are replaced."""
    return survey({name: put(HOUSEHOLDS[name], at)}, **arguments)


def with_person_column(name, at, **arguments):
    return survey(persons={name: put(PERSONS[name], at)}, **arguments)


def opportunity(of=None, **fields):
    """Prepare an opportunity of the survey with some fields replaced."""
    fields = {"outcome": "water", "circumstances": ["region"]} | fields
    return sp.Opportunity("safe water", **fields).prepare(of or survey())


def scheme(**fields):
    return sp.Scheme("grant", **{"amount": AMOUNT} | fields)


def simulate(of=None, economy=None, **fields):
    """Simulate a scheme of some fields."""
    return sp.simulate(of or survey(), sp.Package([scheme(**fields)]), economy)


def estimate(statistics=POVERTY, of=None, **arguments):
    return sp.estimate(of or survey(), statistics, **{"replicates": FEW} | arguments)


def assess(*opportunities, of=None, **arguments):
    return sp.assess(of or survey(), opportunities, **{"replicates": FEW} | arguments)


WATER = sp.Opportunity("safe water", "water", circumstances=["region"])
CHILDREN = sp.Package([sp.child_benefit(AMOUNT)])


def households_alone(**arguments):
    return sp.Survey(HOUSEHOLDS, **{"size": "rooms", "welfare": "pc", "psu": "ea"} | arguments)


def check(call, error, must, came, mend):
    """Check the class and the three parts of an error."""
    with pytest.raises(sp.SP2LNOBError) as caught:
        call()
    message = str(caught.value)
    assert type(caught.value) is error, message
    assert isinstance(caught.value, ValueError if error is sp.InputError else TypeError)
    first, but, rest = message.partition(", but ")
    assert but, message
    assert must in first, message
    came_at, mend_at = rest.find(came), rest.rfind(mend)
    assert came_at >= 0, message
    assert mend_at > came_at, message
    assert message.endswith((".", "?")), message
    assert " ".join(message.split()) == message, "one line, one blank between words"


def table(cases):
    """Return a parametrization: name, call, and a piece of each part of the message."""
    return pytest.mark.parametrize(
        ("call", "must", "came", "mend"), [pytest.param(*case[1:], id=case[0]) for case in cases]
    )


# ---------------------------------------------------------------- keys

KEYS = [
    ("no frame at all", lambda: sp.Survey(None), "must have households, persons, or both", "None", "Pass at least one"),
    (
        "key lacking in households",
        lambda: survey(household="hdi"),
        "A column of the households",
        "'hdi'",
        "mean 'hid'?",
    ),
    (
        "key lacking in persons",
        lambda: sp.Survey(HOUSEHOLDS, without(PERSONS, "hid")),
        "column of the persons must",
        "'hid'",
        "mean 'pid'?",
    ),
    (
        "key lacking in persons alone",
        lambda: sp.Survey(None, PERSONS, household="hhid"),
        "must have the key",
        "no column 'hhid'",
        "household=None",
    ),
    ("two frames and no key", lambda: survey(household=None), "must share a key", "household=None", "Name the key"),
    (
        "duplicate household",
        lambda: with_column("hid", {3: 12}),
        "a key 'hid' of its own",
        "2 of 8 rows do not (first: hid 12; hid 12)",
        "Drop the copies",
    ),
    (
        "duplicate text household",
        lambda: sp.Survey({"hid": ["a", "b", "b"], "hhweight": [1, 1, 1], "n": [1, 1, 1]}, size="n"),
        "a key 'hid' of its own",
        "2 of 3 rows do not (first: hid b; hid b)",
        "Drop the copies",
    ),
    (
        "missing household key",
        lambda: with_column("hid", {3: None}),
        "Every household must have a key 'hid'",
        "1 of 8 rows",
        "Mend or drop",
    ),
    (
        "missing key of a person",
        lambda: with_person_column("hid", {5: NAN}),
        "Every person must have a household key",
        "1 of 12 rows",
        "Mend or drop",
    ),
    (
        "missing key in persons alone",
        lambda: sp.Survey(None, PERSONS | {"hid": put(PERSONS["hid"], {5: NAN})}),
        "Every person must have a household key 'hid'",
        "1 of 12 rows",
        "Mend or drop",
    ),
    (
        "text against numbers",
        lambda: survey({"hid": [str(h) for h in HOUSEHOLDS["hid"]]}),
        "'hid' must be of one type",
        "text for households and a number for persons",
        "Convert one",
    ),
    (
        "numbers against text",
        lambda: survey(persons={"hid": [str(h) for h in PERSONS["hid"]]}),
        "'hid' must be of one type",
        "a number for households and text for persons",
        "Convert one",
    ),
    (
        "person without household",
        lambda: with_person_column("hid", {4: 99, 5: 10}),
        "must belong to a household",
        "2 of 12 rows do not (first: hid 99; hid 10)",
        "drop these persons",
    ),
    (
        "person without text household",
        lambda: sp.Survey({"hid": ["a", "b"], "hhweight": [1, 1]}, {"hid": ["a", "b", "z"], "age": [1, 2, 3]}),
        "must belong to a household",
        "1 of 3 rows do not (first: hid z)",
        "drop these persons",
    ),
    (
        "household without persons",
        lambda: with_person_column("hid", {5: 13}),
        "Every household must have a person",
        "1 of 8 rows do not (first: hid 14)",
        "drop these households",
    ),
    (
        "duplicate person",
        lambda: with_person_column("pid", {1: 1, 4: 1}, person="pid"),
        "identifier 'pid' of its own",
        "2 of 12 rows do not (first: hid 11, pid 1; hid 13, pid 1)",
        "Drop the copies",
    ),
    (
        "missing person",
        lambda: with_person_column("pid", {1: NAN}, person="pid"),
        "must have an identifier 'pid'",
        "1 of 12 rows",
        "Mend or drop",
    ),
    ("person column lacking", lambda: survey(person="lineno"), "A column of the persons", "'lineno'", "There are: age"),
    (
        "no household at all",
        lambda: sp.Survey({"hid": [], "hhweight": [], "n": []}, size="n"),
        "at least one row",
        "",
        "",
    ),
    (
        "no household in a frame",
        lambda: sp.Survey(pd.DataFrame({"hid": [], "hhweight": [], "n": []}), size="n"),
        "at least one row",
        "",
        "",
    ),
    ("no person at all", lambda: sp.Survey(None, {"hid": [], "hhweight": []}), "at least one row", "", ""),
]


@table(KEYS)
def test_keys(call, must, came, mend):
    check(call, sp.InputError, must, came, mend)


# ---------------------------------------------------------------- frames and columns

FRAMES = [
    ("empty dict", lambda: sp.Survey({}), "at least one column", "the dict is empty", "Pass name: values"),
    (
        "lengths differ",
        lambda: survey({"hhweight": [1, 2, 3]}),
        "columns of the households must have one length",
        "'hhweight' has 3 rows and not 8",
        "same rows",
    ),
    (
        "two dimensions",
        lambda: survey({"hhweight": np.ones((8, 2))}),
        "'hhweight' must have one dimension",
        "(8, 2)",
        "one value a row",
    ),
    (
        "numbers and text",
        lambda: with_column("rooms", {3: "three"}, size="rooms"),
        "'rooms' must hold numbers or text",
        "int, str",
        "Convert",
    ),
    (
        "numbers and text in pandas",
        lambda: sp.Survey(pd.DataFrame({"hid": [1, 2], "hhweight": pd.Series([1, "x"], dtype=object)})),
        "'hhweight' must hold numbers or text",
        "int, str",
        "Convert",
    ),
    (
        "dates",
        lambda: survey({"rooms": np.array(["2020-01-01"] * 8, dtype="M8[D]")}, size="rooms"),
        "'rooms' must hold numbers or text",
        "datetime64",
        "Convert",
    ),
    (
        "pandas dates",
        lambda: sp.Survey(pd.DataFrame(HOUSEHOLDS).assign(n=pd.Timestamp("2020-01-01")), size="n"),
        "'n' must hold numbers or text",
        "Timestamp",
        "Convert",
    ),
    ("columns named by numbers", lambda: sp.Survey(pd.DataFrame([[1, 2]])), "named by text", "[0, 1]", "Rename"),
    (
        "two pandas columns of one name",
        lambda: sp.Survey(pd.DataFrame([[1, 2, 3]], columns=["hid", "hhweight", "hid"])),
        "a name of its own",
        "'hid'",
        "Rename",
    ),
    (
        "two arrow columns of one name",
        lambda: sp.Survey(pa.table([[1], [2], [3]], ["hid", "hhweight", "hid"])),
        "a name of its own",
        "'hid'",
        "Rename",
    ),
]


@table(FRAMES)
def test_frames(call, must, came, mend):
    check(call, sp.InputError, must, came, mend)


FRAME_TYPES = [
    ("path", lambda: sp.Survey("households.dta"), "must be a data frame", "'households.dta' is of type str", "Convert"),
    ("list", lambda: sp.Survey([1, 2]), "must be a data frame", "of type list", "Convert"),
    ("array", lambda: sp.Survey(np.ones((3, 2))), "must be a data frame", "of type ndarray", "Convert"),
    ("pandas series", lambda: sp.Survey(pd.Series([1])), "must be a data frame", "of type Series", "Convert"),
    ("lazy frame", lambda: sp.Survey(pl.LazyFrame(HOUSEHOLDS)), "must be a data frame", "of type LazyFrame", "Convert"),
    ("persons as a list", lambda: sp.Survey(HOUSEHOLDS, [1, 2]), "The persons must be a data frame", "list", "Convert"),
    ("a number for a column", lambda: sp.Survey({"hid": 5, "hhweight": 1}), "'hid' must be", "5 is of type int", ""),
]


@table(FRAME_TYPES)
def test_frame_types(call, must, came, mend):
    check(call, sp.InputTypeError, must, came, mend)


# ---------------------------------------------------------------- weights, sizes, welfare

WEIGHTS = [
    ("no such column", lambda: survey(weight="weigth"), "A column of the survey", "'weigth'", "mean 'hhweight'?"),
    (
        "missing",
        lambda: with_column("hhweight", {2: NAN}),
        "'hhweight' must be finite and 0 or more",
        "1 of 8 rows do not (first: hid 13: nan)",
        "Mend or drop",
    ),
    (
        "infinite",
        lambda: with_column("hhweight", {2: INF, 4: -INF}),
        "'hhweight' must be finite and 0 or more",
        "2 of 8 rows do not (first: hid 13: inf; hid 15: -inf)",
        "Mend or drop",
    ),
    (
        "negative",
        lambda: with_column("hhweight", {0: -1, 1: -2, 2: -3, 3: -4}),
        "'hhweight' must be finite and 0 or",
        "4 of 8 rows do not (first: hid 11: -1; hid 12: -2; hid 13: -3)",
        "Mend or drop",
    ),
    (
        "all zero",
        lambda: survey({"hhweight": [0] * 8}),
        "weight 'hhweight' must be above 0",
        "it is 0",
        "Name the column",
    ),
    (
        "text",
        lambda: survey({"hhweight": [str(w) for w in HOUSEHOLDS["hhweight"]]}),
        "weight 'hhweight' must be a number",
        "text",
        "Convert",
    ),
    (
        "varies within a household",
        lambda: sp.Survey(None, PERSONS, weight="age"),
        "'age' must not vary within a household",
        "hid 11: 40 and 3",
        "derive={'head_age': 'head(age)'}",
    ),
    (
        "a person's missing",
        lambda: survey(persons={"w": [1.0] * 11 + [NAN]}, person_weight="w"),
        "weight 'w' must be finite",
        "1 of 12 rows do not (first: hid 18, person 2: nan)",
        "Mend or drop",
    ),
    (
        "a person's negative",
        lambda: survey(persons={"w": [-1.0] + [1.0] * 11}, person_weight="w", person="pid"),
        "weight 'w' must be finite and 0 or more",
        "1 of 12 rows do not (first: hid 11, pid 1: -1)",
        "Mend or drop",
    ),
    (
        "persons' all zero",
        lambda: survey(persons={"w": [0] * 12}, person_weight="w"),
        "weight 'w' must be above 0",
        "it is 0",
        "Name the column",
    ),
    (
        "persons' text",
        lambda: survey(persons={"w": ["1"] * 11 + ["2"]}, person_weight="w"),
        "weight 'w' must be a number",
        "text",
        "Convert",
    ),
    (
        "no size and no persons",
        lambda: sp.Survey(HOUSEHOLDS),
        "size of households must be known",
        "neither size=",
        "or pass persons",
    ),
    (
        "size of 0",
        lambda: with_column("rooms", {1: 0, 3: -2}, size="rooms"),
        "size 'rooms' must be above 0",
        "2 of 8 rows do not (first: hid 12: 0; hid 14: -2)",
        "Mend or drop",
    ),
    (
        "size missing",
        lambda: with_column("rooms", {1: None}, size="rooms"),
        "size 'rooms' must be above 0",
        "1 of 8 rows do not (first: hid 12: nan)",
        "Mend or drop",
    ),
    ("size infinite", lambda: with_column("rooms", {1: INF}, size="rooms"), "size 'rooms'", "hid 12: inf", "Mend"),
    (
        "size is not the number of persons",
        lambda: survey(size="rooms"),
        "size 'rooms' must be the number of the household's persons",
        "6 of 8 rows do not (first: hid 11: 1 and 2 persons; hid 12: 2 and 1 persons; hid 14: 3 and 1 persons)",
        "Leave out size=",
    ),
    (
        "size as text",
        lambda: survey({"rooms": list("12345678")}, size="rooms"),
        "size 'rooms' must be a number",
        "text",
        "Convert",
    ),
    ("no such welfare", lambda: survey(welfare="pc_exp"), "A column of the survey", "'pc_exp'", "There are: "),
    (
        "welfare missing",
        lambda: with_column("pc", {1: NAN, 7: NAN}),
        "'pc' must be known for every household",
        "2 of 8 rows do not (first: hid 12; hid 18)",
        "missing='drop'",
    ),
    (
        "welfare infinite",
        lambda: with_column("pc", {1: INF}),
        "'pc' must be finite",
        "1 of 8 rows do not (first: hid 12)",
        "Mend or drop",
    ),
    (
        "welfare infinite where missing is dropped",
        lambda: with_column("pc", {1: -INF}, missing="drop"),
        "'pc' must be finite",
        "hid 12",
        "Mend or drop",
    ),
    (
        "welfare as text",
        lambda: survey({"pc": [str(c) for c in HOUSEHOLDS["pc"]]}),
        "'pc' must be a number",
        "text",
        "Convert",
    ),
    (
        "welfare varies within a household",
        lambda: sp.Survey(None, PERSONS | {"w": [1] * 12}, weight="w", welfare="age"),
        "'age' must not vary within a household",
        "4 of 12 rows",
        "head(age)",
    ),
]


@table(WEIGHTS)
def test_weights_sizes_and_welfare(call, must, came, mend):
    check(call, sp.InputError, must, came, mend)


# ---------------------------------------------------------------- design

DESIGN = [
    ("no such psu", lambda: survey(psu="area"), "A column of the design", "'area'", "mean 'ea'?"),
    ("no such stratum", lambda: survey(strata=["region", "zone"]), "A column of the design", "'zone'", "There are: "),
    (
        "psu missing",
        lambda: with_column("ea", {2: NAN, 5: NAN}),
        "'ea' of the design must be known",
        "2 of 8 rows do not (first: hid 13; hid 16)",
        "Mend or drop",
    ),
    (
        "psu missing where missing is dropped",
        lambda: with_column("ea", {2: NAN}, missing="drop"),
        "'ea' of the design must be known",
        "1 of 8 rows do not (first: hid 13)",
        "Mend or drop",
    ),
    (
        "stratum missing",
        lambda: with_column("region", {2: None}),
        "'region' of the design must be known",
        "1 of 8 rows do not (first: hid 13)",
        "Mend or drop",
    ),
    (
        "psu in two strata",
        lambda: with_column("ea", {4: 2, 5: 2}),
        "Every PSU must lie in one stratum",
        "1 of 3 do not (first: PSU 2 in North and South)",
        "Make PSU identifiers unique",
    ),
    (
        "psu in two of joined strata",
        lambda: survey({"area": ["u", "r"] * 4}, strata=["region", "area"]),
        "Every PSU must lie in one stratum",
        "4 of 4 do not (first: PSU 1 in North x r and North x u",
        "Make PSU identifiers unique",
    ),
    (
        "single-psu stratum",
        lambda: with_column("ea", {2: 1, 3: 1}),
        "two PSUs or more",
        "1 of 2 have one only (first: North)",
        "single_psu='certainty'",
    ),
    (
        "single-psu strata",
        lambda: survey(psu=None, strata="hid"),
        "two PSUs or more",
        "8 of 8 have one only (first: 11; 12; 13)",
        "single_psu='certainty'",
    ),
    (
        "one household in all",
        lambda: sp.Survey({"hid": [1], "hhweight": [1], "n": [1]}, size="n"),
        "two PSUs or more",
        "1 of 1 have one only (first: all)",
        "single_psu='certainty'",
    ),
    (
        "psu varies within a household",
        lambda: survey(persons={"place": [1, 2] + [3] * 10}, psu="place"),
        "'place' must not vary within a household",
        "1 of 12 rows do not (first: hid 11: 1 and 2)",
        "head(place)",
    ),
    (
        "stratum varies within a household",
        lambda: survey(strata="sex"),
        "'sex' must not vary within a household",
        "hid 11: Female and Male",
        "head(sex)",
    ),
    (
        "single_psu",
        lambda: survey(single_psu="center"),
        "single_psu must be one of 'error', 'certainty', 'collapse', 'scaled', 'centered'",
        "'center'",
        "Did you mean 'centered'?",
    ),
    ("welfare_period", lambda: survey(welfare_period="week"), "welfare_period must be one of", "'week'", "Choose"),
    ("welfare_per", lambda: survey(welfare_per="adult"), "welfare_per must be one of", "'adult'", "Choose"),
    ("missing", lambda: survey(missing="ignore"), "missing must be one of 'error', 'drop'", "'ignore'", "Choose"),
]


@table(DESIGN)
def test_design(call, must, came, mend):
    check(call, sp.InputError, must, came, mend)


# ---------------------------------------------------------------- roles and derived columns


def derive(text, **arguments):
    return survey(derive={"new": text}, **arguments)


ROLES = [
    (
        "unknown role",
        lambda: survey(roles={"gender": "sex"}),
        "A role must be one that exists",
        "'gender'",
        "age, birth",
    ),
    ("misspelt role", lambda: survey(roles={"disabilty": "disability"}), "A role", "'disabilty'", "mean 'disability'?"),
    (
        "role of no column",
        lambda: survey(roles={"age": "agee"}),
        "The column of the role 'age'",
        "'agee'",
        "mean 'age'?",
    ),
    (
        "head without relation",
        lambda: derive("head(age)"),
        "The role 'relation' must be given",
        "does not name its column",
        "roles={'relation'",
    ),
    (
        "two heads",
        lambda: derive("head(age)", persons={"rel": put(PERSONS["relation"], {1: "Head"})}, roles={"relation": "rel"}),
        "one head in 'rel'",
        "1 of 8 rows do not (first: hid 11: 2 heads)",
        "Correct",
    ),
    (
        "no head",
        lambda: derive("head(age)", persons={"rel": [2, 1, 1, 1, 2, 1, 1, 2, 1, 1, 3, 3]}, roles={"relation": "rel"}),
        "one head in 'rel'",
        "1 of 8 rows do not (first: hid 18: 0 heads)",
        "Correct",
    ),
    (
        "no level is the head's",
        lambda: derive("head(age)", persons={"rel": ["Chief", "Child"] * 6}, roles={"relation": "rel"}),
        "One level of relation must be the head's",
        "0 labels of 'rel' begin with 'head'",
        "Chief, Child",
    ),
    (
        "two levels are the head's",
        lambda: derive("head(age)", persons={"rel": ["Head", "Head's spouse"] * 6}, roles={"relation": "rel"}),
        "One level of relation must be the head's",
        "2 labels of 'rel' begin with 'head'",
        "Head, Head's spouse",
    ),
    (
        "name taken in households",
        lambda: survey(derive={"pc": "pc * 2"}),
        "a new name",
        "already have 'pc'",
        "another name",
    ),
    (
        "name taken in persons",
        lambda: survey(derive={"age": "age + 1"}),
        "a new name",
        "already have 'age'",
        "another name",
    ),
    (
        "unknown column",
        lambda: derive("rooms / sise"),
        "derived column 'new': every name must be a column",
        "'sise'",
        "There are: ",
    ),
    (
        "unknown column within a household",
        lambda: derive("any(agee < 5)"),
        "derived column 'new'",
        "'agee'",
        "mean 'age'?",
    ),
    (
        "syntax",
        lambda: derive("rooms /"),
        "derived column 'new': an expression must be readable",
        "near 'rooms /'",
        "Check quotes",
    ),
    (
        "one equals sign",
        lambda: derive("rooms = 2"),
        "derived column 'new': an expression must be readable",
        "near 'rooms = 2'",
        "equality is ==",
    ),
    (
        "unknown function",
        lambda: derive("sqrt(rooms)"),
        "derived column 'new': a function",
        "'sqrt'",
        "There are: all, any",
    ),
    (
        "attribute",
        lambda: derive("rooms.real"),
        "stay within the small language",
        "no attribute access: 'rooms.real'",
        "It has names",
    ),
    (
        "call of a method",
        lambda: derive("region.upper() == 'NORTH'"),
        "stay within the small language",
        "no attribute access: 'region.upper'",
        "It has names",
    ),
    (
        "import",
        lambda: derive("__import__('os').system('true')"),
        "stay within the small language",
        "attribute access",
        "It has names",
    ),
]


@table(ROLES)
def test_roles_and_derived_columns(call, must, came, mend):
    check(call, sp.InputError, must, came, mend)


# ---------------------------------------------------------------- opportunities


def thousand(levels):
    """Return an opportunity in a survey of 2,002 households with a circumstance of so many levels."""
    n = 2 * levels
    frame = {
        "hid": np.arange(n),
        "hhweight": np.ones(n),
        "n": np.ones(n),
        "many": np.arange(n) % levels,
        "water": np.arange(n) % 3 == 0,
    }
    return sp.Opportunity("safe water", "water", circumstances=["many"]).prepare(sp.Survey(frame, size="n"))


OPPORTUNITIES = [
    (
        "outcome is no column",
        lambda: opportunity(outcome="watr"),
        "outcome of opportunity 'safe water': every name",
        "'watr'",
        "mean 'water'?",
    ),
    (
        "outcome of syntax",
        lambda: opportunity(outcome="water ="),
        "outcome of opportunity 'safe water'",
        "near 'water ='",
        "Check",
    ),
    (
        "outcome of a function",
        lambda: opportunity(outcome="log(pc) > 4"),
        "outcome of opportunity 'safe water': a function",
        "'log'",
        "There are: all, any",
    ),
    (
        "outcome of an attribute",
        lambda: opportunity(outcome="water.real"),
        "outcome of opportunity 'safe water'",
        "attribute access: 'water.real'",
        "It has names",
    ),
    (
        "outcome not 0 or 1",
        lambda: opportunity(outcome="rooms"),
        "outcome of opportunity 'safe water' must be 0 or 1",
        "5 of 8 rows do not (first: hid 12: 2; hid 13: 2; hid 14: 3)",
        "'rooms == 1'",
    ),
    (
        "outcome not 0 or 1 among those who count",
        lambda: opportunity(outcome="rooms", population="rooms <= 2"),
        "must be 0 or 1",
        "3 of 6 rows do not (first: hid 12: 2; hid 13: 2; hid 17: 2)",
        "'rooms == 1'",
    ),
    (
        "outcome of text",
        lambda: opportunity(survey({"tap": ["has", "not"] * 4}), outcome="tap"),
        "outcome of opportunity 'safe water' must be 0 or 1",
        "text",
        "condition",
    ),
    (
        "outcome missing",
        lambda: opportunity(with_column("water", {0: NAN, 3: NAN})),
        "outcome 'water' of opportunity 'safe water' must be known",
        "2 of 8 rows do not (first: hid 11; hid 14)",
        "narrow the population, or pass missing='drop'",
    ),
    (
        "part of an outcome missing",
        lambda: opportunity(with_column("water", {0: NAN}), outcome="water == 1 or rooms > 2"),
        "outcome 'water == 1 or rooms > 2' of",
        "1 of 8 rows do not (first: hid 11)",
        "missing='drop'",
    ),
    (
        "a person's outcome missing",
        lambda: opportunity(with_person_column("school", {7: NAN}), outcome="school", unit="person"),
        "outcome 'school' of",
        "1 of 12 rows do not (first: hid 15, person 2)",
        "missing='drop'",
    ),
    (
        "a household's outcome varies within it",
        lambda: opportunity(outcome="school"),
        "outcome of opportunity 'safe water'",
        "'school' is not. Column 'school' must not vary within a household",
        "head(school)",
    ),
    (
        "circumstance missing",
        lambda: opportunity(survey({"c": [1, 2, None, 1, 2, 1, None, 2]}), circumstances=["c"]),
        "circumstance 'c' of opportunity 'safe water' must be known",
        "2 of 8 rows do not (first: hid 13; hid 17)",
        "missing='drop'",
    ),
    (
        "welfare missing for a class",
        lambda: opportunity(households_alone(welfare=None), circumstances=["bottom40"]),
        "needs welfare",
        "the survey has none",
        "Pass welfare=",
    ),
    (
        "circumstance is no column",
        lambda: opportunity(circumstances=["regoin"]),
        "A column of the survey",
        "'regoin'",
        "mean 'region'?",
    ),
    (
        "circumstance is a class and a column",
        lambda: opportunity(survey({"bottom40": [0, 1] * 4}), circumstances=["bottom40"]),
        "'bottom40' must mean one thing",
        "a column of the survey as well",
        "Rename",
    ),
    (
        "one level",
        lambda: opportunity(population="region == 'North'"),
        "Circumstance 'region' of opportunity 'safe water' must have two levels",
        "'North'",
        "widen the population",
    ),
    (
        "more than 1,000 levels",
        lambda: thousand(1001),
        "Circumstance 'many' of opportunity 'safe water' must have at most 1,000",
        "it has 1,001",
        "Group the values",
    ),
    (
        "population selects nobody",
        lambda: opportunity(population="pc > 1000"),
        "population of opportunity 'safe water' must select somebody",
        "'pc > 1000' holds for none of 8 rows",
        "Check the codes",
    ),
    (
        "population selects no person",
        lambda: opportunity(outcome="school", population="age > 90", unit="person", circumstances=["sex"]),
        "must select somebody",
        "none of 12 rows",
        "Check the codes",
    ),
    (
        "population is no condition",
        lambda: opportunity(population="rooms"),
        "population of opportunity 'safe water'",
        "5 of 8 rows",
        "Compare it with a number",
    ),
    (
        "population of no column",
        lambda: opportunity(population="room > 1"),
        "population of opportunity 'safe water'",
        "'room'",
        "mean 'rooms'?",
    ),
    (
        "population of a misspelt label",
        lambda: opportunity(population="region == 'Nort'"),
        "a category of 'region'",
        "'Nort'",
        "mean 'North'?",
    ),
    (
        "population without weight",
        lambda: opportunity(with_column("hhweight", {0: 0, 1: 0}), population="ea == 1", circumstances=["rooms"]),
        "population of opportunity 'safe water' must have weight",
        "sum to 0",
        "Correct",
    ),
    (
        "everybody is dropped",
        lambda: opportunity(survey({"water": [NAN] * 8}, missing="drop")),
        "must keep somebody",
        "all rows were dropped as missing",
        "Check the columns",
    ),
    (
        "persons of none",
        lambda: opportunity(households_alone(), unit="person"),
        "unit of opportunity 'safe water'",
        "no frame of persons",
        "unit='household'",
    ),
    (
        "no circumstance",
        lambda: sp.Opportunity("safe water", "water", circumstances=[]),
        "must have a circumstance",
        "none came",
        "Name one",
    ),
    (
        "circumstance twice",
        lambda: sp.Opportunity("safe water", "water", circumstances=["region", "region"]),
        "Every circumstance of opportunity 'safe water' must be named once",
        "['region', 'region']",
        "Drop",
    ),
    (
        "ordered and unordered",
        lambda: sp.Opportunity("safe water", "water", circumstances=["rooms"], ordered=["rooms"], unordered=["rooms"]),
        "must be ordered or unordered",
        "'rooms'",
        "Drop",
    ),
    (
        "ordered text",
        lambda: opportunity(circumstances=["region"], ordered=["region"]),
        "'region' must have an order",
        "text",
        "categorical",
    ),
    (
        "ordered is no circumstance",
        lambda: sp.Opportunity("safe water", "water", circumstances=["rooms"], ordered=["room"]),
        "ordered or unordered",
        "'room'",
        "mean 'rooms'?",
    ),
    (
        "unit",
        lambda: sp.Opportunity("safe water", "water", "family", circumstances=["region"]),
        "unit of opportunity",
        "'family'",
        "Choose",
    ),
    (
        "kind",
        lambda: sp.Opportunity("safe water", "water", circumstances=["region"], kind="opportunity"),
        "kind of",
        "'opportunity'",
        "Choose",
    ),
    (
        "weigh",
        lambda: sp.Opportunity("safe water", "water", circumstances=["region"], weigh="people"),
        "weigh of",
        "'people'",
        "Choose",
    ),
]


@table(OPPORTUNITIES)
def test_opportunities(call, must, came, mend):
    check(call, sp.InputError, must, came, mend)


def test_a_thousand_levels_are_allowed():
    assert thousand(1000).circumstances[0].levels == 1000


def test_what_is_missing_outside_the_universe_does_not_matter():
    """Outcome and circumstance are unknown, and the outcome is no 0 or 1, where the population does not look."""
    odd = survey({"water": put(HOUSEHOLDS["water"], {0: NAN, 1: 7}), "rooms": put(HOUSEHOLDS["rooms"], {1: None})})
    cells = opportunity(odd, population="pc != 50 and pc != 80", circumstances=["region", "rooms"])
    assert cells.index.tolist() == [2, 3, 4, 5, 6, 7]
    assert cells.outcome.tolist() == [1, 1, 0, 0, 1, 0]
    assert cells.dropped == {}


def test_a_role_that_no_scheme_asks_for_may_be_missing():
    odd = {"age": [NAN] * 12, "sex": [None] * 12, "disability": [9] * 12}
    odd = survey(persons=odd, roles={"disability": "disability"})
    assert simulate(odd).received.sum() == 12


# ---------------------------------------------------------------- schemes, amounts, the economy


def of_roles(persons, **fields):
    """Simulate a scheme on other persons."""
    known = {"age": "age", "sex": "sex", "disability": "disability", "birth": "disability"}
    return simulate(survey(persons=persons, roles=known), **fields)


SCHEMES = [
    (
        "age max under min",
        lambda: scheme(min_age=18, max_age=17),
        "max_age of scheme 'grant' must be min_age or more",
        "17 and 18",
        "Swap",
    ),
    ("negative age", lambda: scheme(min_age=-1), "min_age of scheme 'grant' must be 0 or more", "-1", "Correct"),
    (
        "coverage above 1",
        lambda: scheme(coverage=1.01),
        "coverage of scheme 'grant' must be in [0, 1]",
        "1.01",
        "Correct",
    ),
    (
        "coverage in percent",
        lambda: sp.household_benefit(AMOUNT, coverage=20),
        "coverage of scheme 'household benefit'",
        "it is 20",
        "Write 0.2 for 20 %",
    ),
    (
        "coverage below 0",
        lambda: scheme(coverage=-0.1),
        "coverage of scheme 'grant' must be in [0, 1]",
        "-0.1",
        "Correct",
    ),
    (
        "coverage missing",
        lambda: scheme(coverage=NAN),
        "coverage of scheme 'grant' must be in [0, 1]",
        "nan",
        "Correct",
    ),
    (
        "draws of persons without an identifier",
        lambda: simulate(coverage=0.5),
        "Scheme 'grant' draws recipients, and must",
        "person=None",
        "draws='expected'",
    ),
    (
        "draws of rows without a key",
        lambda: simulate(
            sp.Survey(None, without(PERSONS, "hid") | {"hhweight": [1] * 12}, household=None), coverage=0.5
        ),
        "Scheme 'grant' draws recipients, and must",
        "household=None",
        "draws='expected'",
    ),
    (
        "weeks",
        lambda: sp.maternity_benefit(AMOUNT, weeks=53),
        "weeks of scheme 'maternity benefit' must be in [0, 52]",
        "53",
        "Correct",
    ),
    ("no name", lambda: sp.Scheme("", amount=AMOUNT), "A scheme must have a name", "''", "Give it one"),
    (
        "per",
        lambda: scheme(per="family"),
        "per of scheme 'grant' must be one of 'person', 'household'",
        "'family'",
        "Choose",
    ),
    ("negative amount", lambda: sp.Amount(-1, "month"), "value of an amount must be 0 or more", "-1", "Correct"),
    ("infinite amount", lambda: sp.Amount(INF, "month"), "value of an amount must be", "inf", "Correct"),
    (
        "unit of an amount",
        lambda: sp.Amount(1, "week"),
        "unit of an amount must be one of 'month', 'year'",
        "'week'",
        "Choose",
    ),
    (
        "amount without economy",
        lambda: simulate(amount=sp.Amount(0.04, "gdp_per_capita")),
        "An amount in 'gdp_per_capita' needs an Economy",
        "none was given",
        "Pass economy=",
    ),
    (
        "line without economy",
        lambda: simulate(amount=sp.Amount(0.25, "line:national")),
        "An amount in 'line:national' needs an Economy",
        "none was given",
        "Pass economy=",
    ),
    (
        "economy without gdp per person",
        lambda: simulate(amount=sp.Amount(0.04, "gdp_per_capita"), economy=sp.Economy(gdp=9)),
        "'gdp_per_capita' needs its value",
        "does not give it",
        "Economy(gdp_per_capita=...)",
    ),
    (
        "economy without the line",
        lambda: simulate(amount=sp.Amount(1, "line:natonal"), economy=sp.Economy(lines={"national": 5})),
        "The line of the amount 'line:natonal'",
        "'natonal'",
        "mean 'national'?",
    ),
    (
        "economy without lines",
        lambda: simulate(amount=sp.Amount(1, "line:national"), economy=sp.Economy()),
        "The line of the amount 'line:national'",
        "'national'",
        "Economy(lines={name: value})",
    ),
    (
        "line of 0 in the economy",
        lambda: sp.Economy(lines={"national": 0}),
        "line 'national' must be above 0",
        "0",
        "Correct",
    ),
    ("gdp of 0", lambda: sp.Economy(gdp=0), "gdp of the economy must be above 0", "0", "Correct"),
    ("negative revenue", lambda: sp.Economy(revenue=-5), "revenue of the economy must be above 0", "-5", "Correct"),
    ("no scheme", lambda: sp.Package([]), "1 to 64 schemes", "0 came", "Add or join"),
    (
        "65 schemes",
        lambda: sp.Package([sp.Scheme(str(i), amount=AMOUNT) for i in range(65)]),
        "1 to 64 schemes",
        "65 came",
        "Add or join",
    ),
    (
        "schemes of one name",
        lambda: sp.Package([scheme(), scheme(min_age=3)]),
        "Every scheme must have a name of its own",
        "'grant' occurs more than once",
        "name=",
    ),
    (
        "administration",
        lambda: sp.Package([scheme()], administration=-0.05),
        "administration of a package, a share of what it pays, must be in [0, 1]",
        "-0.05",
        "Correct",
    ),
    (
        "administration in percent",
        lambda: sp.Package([scheme()], administration=5),
        "administration of a package, a share of what it pays, must be in [0, 1]",
        "it is 5",
        "Write 0.05 for 5 %",
    ),
    ("mpc", lambda: sp.Package([scheme()], mpc=1.5), "mpc of a package must be in [0, 1]", "1.5", "Write 0.015"),
    (
        "growth in percent",
        lambda: sp.Economy(growth=2.5),
        "growth of the economy, a share a year, must be in (-1, 1]",
        "it is 2.5",
        "Write 0.025 for 2.5 %",
    ),
    (
        "real growth in percent",
        lambda: sp.Economy(year=2025, survey_year=2019, real_growth=3),
        "real_growth of the economy, a share a year, must be in (-1, 1]",
        "it is 3",
        "Write 0.03 for 3 %",
    ),
    (
        "GDP per person in percent",
        lambda: sp.Amount(4, "gdp_per_capita"),
        "An amount in 'gdp_per_capita' is a share of it, and must be 1 or less",
        "it is 4",
        "Write 0.04 for 4 %. What is more is written in currency",
    ),
    (
        "line in percent",
        lambda: sp.Amount(25, "line:national"),
        "An amount in 'line:national' is a share of it, and must be 10 or less",
        "it is 25",
        "Write 0.25 for 25 %",
    ),
    (
        "levels in percent",
        lambda: sp.Choice(sp.child_benefit(sp.Amount(0.04, "gdp_per_capita")), levels=[2, 4]),
        "is a share of it, and must be 1 or less",
        "it is 2",
        "Write 0.02 for 2 %",
    ),
    (
        "taper in percent",
        lambda: sp.Schedule.flat(AMOUNT).tapered(starts=5, rate=40),
        "rate of a taper must be 10 or less",
        "it is 40",
        "Write 0.4 for 40 %",
    ),
    (
        "relative line in percent",
        lambda: sp.RelativeLine(60),
        "The share of a relative line must be 10 or less",
        "it is 60",
        "Write 0.6 for 60 %",
    ),
    (
        "draws",
        lambda: sp.Package([scheme()], draws="random"),
        "draws of a package must be one of 'seeded'",
        "'random'",
        "Choose",
    ),
    ("negative seed", lambda: sp.Package([scheme()], seed=-1), "seed of a package must be 0 or more", "-1", "Correct"),
    ("great seed", lambda: sp.Package([scheme()], seed=2**64), "below 2**64", str(2**64), "smaller"),
    (
        "who of no column",
        lambda: simulate(who="agee > 3"),
        "who of scheme 'grant': every name",
        "'agee'",
        "mean 'age'?",
    ),
    (
        "who of syntax",
        lambda: simulate(who="age >"),
        "who of scheme 'grant': an expression must be readable",
        "near 'age >'",
        "Check quotes",
    ),
    (
        "who of a function",
        lambda: simulate(who="floor(age) > 3"),
        "who of scheme 'grant': a function",
        "'floor'",
        "There are: ",
    ),
    (
        "who of an attribute",
        lambda: simulate(who="age.real > 3"),
        "who of scheme 'grant'",
        "attribute access: 'age.real'",
        "It has names",
    ),
    (
        "who of a household function",
        lambda: simulate(who="any(age > 3)"),
        "must stand in derive",
        "any(...) does not",
        "Derive a column",
    ),
    (
        "who of a misspelt label",
        lambda: simulate(who="sex == 'female'"),
        "who of scheme 'grant': a category of 'sex'",
        "'female'",
        "mean 'Female'?",
    ),
    (
        "who is no condition",
        lambda: simulate(who="age"),
        "who of scheme 'grant': every row of 'age' must hold 0, 1 or missing",
        "12 of 12 rows do not (first: row 0: 40",
        "Compare it",
    ),
    (
        "no persons",
        lambda: simulate(households_alone()),
        "Schemes are paid to persons",
        "no frame of persons",
        "Pass persons",
    ),
    (
        "no age",
        lambda: simulate(survey(roles={"age": None}), max_age=17),
        "The role 'age' must be given",
        "does not name its column",
        "roles={'age'",
    ),
    (
        "no disability",
        lambda: simulate(disability=True),
        "The role 'disability' must be given",
        "does not name",
        "roles={'disability'",
    ),
    ("no birth", lambda: simulate(birth=True), "The role 'birth' must be given", "does not name", "roles={'birth'"),
    (
        "no sex",
        lambda: simulate(survey(roles={"sex": None}), sex="Female"),
        "The role 'sex' must be given",
        "does not name",
        "roles={'sex'",
    ),
    (
        "age missing",
        lambda: of_roles({"age": put(PERSONS["age"], {1: NAN, 11: None})}, max_age=17),
        "age 'age' must be known for every person",
        "2 of 12 rows do not (first: hid 11, person 2; hid 18, person 2)",
        "missing='drop'",
    ),
    (
        "age of 999",
        lambda: of_roles({"age": put(PERSONS["age"], {1: 999})}, max_age=17),
        "age 'age' must be 0 to 150",
        "1 of 12 rows do not (first: hid 11, person 2: 999)",
        "Mend codes",
    ),
    (
        "age below 0",
        lambda: of_roles({"age": put(PERSONS["age"], {1: -9})}, max_age=17),
        "age 'age' must be 0 to 150",
        "hid 11, person 2: -9",
        "Mend codes",
    ),
    (
        "age in words",
        lambda: of_roles({"age": ["old"] * 12}, max_age=17),
        "'age' must be a number",
        "(12 rows, first 'old')",
        "Mend these rows",
    ),
    (
        "disability missing",
        lambda: of_roles({"disability": [None] + [0] * 11}, disability=True),
        "disability 'disability' must be known",
        "1 of 12 rows do not (first: hid 11, person 1)",
        "missing='drop'",
    ),
    (
        "disability of 1 and 2",
        lambda: of_roles({"disability": [2] * 11 + [1]}, disability=True),
        "Disability 'disability' must be 0 or 1",
        "11 of 12 rows do not (first: hid 11, person 1: 2",
        "Recode",
    ),
    (
        "disability in words",
        lambda: of_roles({"disability": ["Disabled", "No"] * 6}, disability=True),
        "Disability 'disability' must be a number",
        "text",
        "",
    ),
    (
        "births in words",
        lambda: of_roles({"disability": ["Birth", "None"] * 6}, birth=True),
        "'disability' must be a number",
        "text",
        "",
    ),
    (
        "sex missing",
        lambda: of_roles({"sex": [None] + ["Male"] * 11}, sex="Male"),
        "sex 'sex' must be known",
        "1 of 12 rows do not (first: hid 11, person 1)",
        "missing='drop'",
    ),
    (
        "sex misspelt",
        lambda: simulate(sex="female"),
        "sex of scheme 'grant' must be a level of 'sex'",
        "'female' is none of Female, Male",
        "Use one of these",
    ),
    (
        "a code of sex in words",
        lambda: simulate(sex=1),
        "sex of scheme 'grant' must be a level of 'sex'",
        "1 is none of Female, Male",
        "Use one of these",
    ),
    (
        "sex of many levels",
        lambda: simulate(
            sp.Survey({"hid": range(61), "hhweight": [1] * 61}, {"hid": range(61), "sex": range(61)}), sex=1
        ),
        "Sex 'sex' must have few levels",
        "it has 61",
        "right column",
    ),
]


@table(SCHEMES)
def test_schemes(call, must, came, mend):
    check(call, sp.InputError, must, came, mend)


# ---------------------------------------------------------------- statistics and the main job


def negative(**arguments):
    return with_column("pc", {0: -5, 4: -1}, **arguments)


def after(survey_of_it):
    return {"after": sp.simulate(survey_of_it, CHILDREN)}


ESTIMATES = [
    ("line of 0", lambda: sp.Poverty(0), "poverty line must be above 0", "it is 0", "Correct"),
    ("line below 0", lambda: sp.Poverty(-3.5), "poverty line must be above 0", "-3.5", "Correct"),
    ("line missing", lambda: sp.Poverty(NAN), "poverty line must be above 0", "nan", "Correct"),
    ("line of 0 in assess", lambda: assess(WATER, lines={"national": 0}), "line must be above 0", "it is 0", "Correct"),
    ("line of 0 in fgt", lambda: sp.fgt([1, 2], [1, 1], 0), "line must be above 0", "it is 0", "Correct"),
    ("alpha below 0", lambda: sp.fgt([1, 2], [1, 1], 1, alpha=-1), "alpha must be 0 or more", "-1", "Correct"),
    (
        "negative welfare in gini",
        lambda: sp.gini([1, -2, 3], [1, 1, 1]),
        "Gini coefficient needs welfare of 0 or more",
        "1 of 3 rows do not (first: row 1: -2)",
        "Set such values to 0",
    ),
    (
        "negative welfare in palma",
        lambda: sp.palma([1, -2, 3], [1, 1, 1]),
        "Palma ratio needs welfare of 0 or more",
        "1 of 3 rows do not (first: row 1: -2)",
        "Set such values to 0",
    ),
    (
        "no welfare in gini",
        lambda: sp.gini([0, 0], [1, 1]),
        "Gini coefficient needs welfare above 0",
        "all of it is 0",
        "Check",
    ),
    (
        "no welfare in the poorest 40 %",
        lambda: sp.palma([0, 0, 5], [1, 1, 1]),
        "poorest 40 % must have welfare above 0",
        "theirs is 0",
        "Gini",
    ),
    (
        "negative welfare in a survey",
        lambda: estimate([sp.Inequality()], negative()),
        "Inequality needs welfare of 0 or more",
        "2 of 8 rows do not (first: hid 11: -5; hid 15: -1)",
        "Set such values to 0",
    ),
    (
        "measure",
        lambda: sp.Inequality(["gini", "theil"]),
        "measure of inequality must be one of 'gini'",
        "'theil'",
        "Choose",
    ),
    ("no weights", lambda: sp.gini([1, 2], None), "weight is required", "None came", "np.ones(n)"),
    (
        "too few weights",
        lambda: sp.mean([1, 2, 3], [1, 1]),
        "one weight a row",
        "3 rows came with weights of shape (2,)",
        "same length",
    ),
    (
        "negative weight",
        lambda: sp.mean([1, 2, 3], [1, 1, -1]),
        "Every weight must be finite and 0 or more",
        "1 of 3 rows do not (first: row 2: -1)",
        "Mend or drop",
    ),
    ("weights of 0", lambda: sp.mean([1, 2], [0, 0]), "weight must be above 0", "it is 0", "Name the column"),
    (
        "missing value",
        lambda: sp.mean([1, NAN], [1, 1]),
        "Every welfare value must be finite",
        "1 of 2 rows do not (first: row 1: nan)",
        "Drop or mend",
    ),
    ("no value", lambda: sp.mean([], []), "welfare value must have at least one row", "it is empty", "Pass the rows"),
    (
        "values in two dimensions",
        lambda: sp.mean(np.ones((2, 2)), np.ones(2)),
        "must have one dimension",
        "(2, 2)",
        "Pass one",
    ),
    ("quantile of 1", lambda: sp.quantile([1, 2], [1, 1], 1), "Every q must be in (0, 1)", "first: 1", "largest"),
    ("quantile of 0", lambda: sp.quantile([1, 2], [1, 1], 0), "Every q must be in (0, 1)", "first: 0", "smallest"),
    ("quantile of percent", lambda: sp.Quantile([0.5, 40]), "q must be in (0, 1)", "it is 40", "Write 0.4 for 40 %"),
    ("access of 2", lambda: sp.d_index([0, 2], ["a", "b"], [1, 1]), "access must be 0 or 1", "1 of 2 rows", "Recode"),
    ("missing group", lambda: sp.d_index([0, 1], ["a", None], [1, 1]), "'group' must be known", "1 of 2 rows", "Give"),
    (
        "groups of other rows",
        lambda: sp.d_index([0, 1], ["a", "b", "c"], [1, 1]),
        "columns of the groups must have one length",
        "'group' has 3 rows and not 2",
        "same rows",
    ),
    (
        "welfare of none",
        lambda: estimate(of=households_alone(welfare=None)),
        "needs welfare",
        "the survey has none",
        "Pass welfare=",
    ),
    (
        "poverty of none in assess",
        lambda: assess(of=households_alone(welfare=None), lines={"a": 1}),
        "Poverty needs welfare",
        "the survey has none",
        "Pass welfare=",
    ),
    ("one replicate", lambda: sp.Bootstrap(1), "number of replicates must be 2 or more", "it is 1", "Correct"),
    ("seed below 0", lambda: sp.Bootstrap(10, seed=-1), "seed must be 0 or more", "-1", "Correct"),
    ("no thread", lambda: estimate(n_threads=0), "n_threads must be 1 or more", "it is 0", "Correct"),
    ("level of 0", lambda: estimate(level=0), "level must be", "it is 0", "Correct"),
    ("level of 1", lambda: estimate(level=1), "level must be", "it is 1", "Correct"),
    ("level in percent", lambda: estimate(level=95), "1", "it is 95", "Write 0.95 for 95 %"),
    ("df", lambda: estimate(df="auto"), "df must be one of 'effective', 'design'", "'auto'", "Choose"),
    ("classes", lambda: estimate(classes="full"), "classes must be one of 'replicate', 'fixed'", "'full'", "Choose"),
    ("by of no column", lambda: estimate(by=["regoin"]), "A column of the survey", "'regoin'", "mean 'region'?"),
    (
        "by missing",
        lambda: estimate(of=with_column("rooms", {0: NAN}), by=["rooms"]),
        "domain 'rooms' must be known",
        "1 of 8 rows do not (first: hid 11)",
        "missing='drop'",
    ),
    (
        "by two classes",
        lambda: estimate(by=[("decile", "quintile")]),
        "one welfare class at most",
        "'decile x quintile' has 2",
        "several by",
    ),
    (
        "incidence of everybody",
        lambda: (lambda of: estimate([sp.Incidence()], of, scenarios=after(of)))(survey()),
        "Every statistic must have a value",
        "Incidence has none of everybody together",
        "Pass by=",
    ),
    (
        "coverage of no package",
        lambda: estimate([sp.Coverage()]),
        "Every statistic must have a value",
        "Coverage has none without a scenario",
        "Pass scenarios=",
    ),
    (
        "scenario of another survey",
        lambda: estimate(scenarios=after(survey())),
        "Scenario 'after' must be simulated on this",
        "on another",
        "with the same survey",
    ),
    (
        "opportunities of one name",
        lambda: assess(WATER, WATER),
        "Every opportunity must have a name of its own",
        "['safe water', 'safe water']",
        "Rename",
    ),
    ("effect", lambda: assess(WATER, effect="magic"), "effect must be one of 'reroute'", "'magic'", "Choose"),
    (
        "tree of no opportunity",
        lambda: assess(WATER).tree("water"),
        "An opportunity must be one that exists",
        "'water'",
        "mean 'safe water'?",
    ),
    (
        "row of many",
        lambda: estimate().find(scenario="before"),
        "One row must have scenario='before'",
        "3 of 3 do",
        "Name more",
    ),
    (
        "row of none",
        lambda: estimate().find(statistic="gini"),
        "One row must have statistic='gini'",
        "0 of 3 do",
        "frame()",
    ),
    ("contrast with no row", lambda: estimate().contrast(0, 3), "A row must be 0 to 2", "3 came", "find()"),
    (
        "too few example households",
        lambda: sp.example_survey(10),
        "number of households must be 320 or more",
        "it is 10",
        "Correct",
    ),
]


@table(ESTIMATES)
def test_estimates(call, must, came, mend):
    check(call, sp.InputError, must, came, mend)


@pytest.mark.parametrize("name", ["before", "change"])
def test_a_scenario_has_a_name_of_its_own(name):
    mine = survey()
    check(
        lambda: estimate(of=mine, scenarios={name: sp.simulate(mine, CHILDREN)}),
        sp.InputError,
        "A scenario must have a name of its own",
        f"'{name}' is taken",
        "'after'",
    )


# ---------------------------------------------------------------- arguments of another type

MINE = survey()
TYPES = [
    (
        "derived column",
        lambda: survey(derive={"new": 5}),
        "derived column 'new' must be text",
        "5 is of type int",
        "string",
    ),
    ("derive as a list", lambda: survey(derive=["rooms + 1"]), "derive", "of type list", ""),
    ("roles as a list", lambda: survey(roles=["age"]), "roles", "of type list", ""),
    ("strata as a number", lambda: survey(strata=5), "strata", "5 is of type int", ""),
    ("key of two columns", lambda: survey(household=["ea", "hid"]), "household", "of type list", ""),
    ("weights as an array", lambda: survey(weight=np.ones(8)), "weight", "of type ndarray", ""),
    (
        "circumstances as text",
        lambda: sp.Opportunity("x", "water", circumstances="region"),
        "circumstances of opportunity 'x' must be a list",
        "'region' is of type str",
        "['urbrur']",
    ),
    (
        "circumstances as nothing",
        lambda: sp.Opportunity("x", "water", circumstances=None),
        "circumstances of opportunity 'x' must be a list",
        "None is of type NoneType",
        "['urbrur']",
    ),
    (
        "outcome as a number",
        lambda: sp.Opportunity("x", 1, circumstances=["region"]),
        "must be text",
        "1 is of type int",
        "Write",
    ),
    (
        "name as a number",
        lambda: sp.Opportunity(7, "water", circumstances=["region"]),
        "must be text",
        "7 is of type int",
        "Write",
    ),
    (
        "population as a number",
        lambda: opportunity(population=1),
        "population of opportunity 'safe water'",
        "1 is of type int",
        "Write it in quotes",
    ),
    (
        "population as a lambda",
        lambda: opportunity(population=len),
        "population of opportunity 'safe water'",
        "of type builtin_function",
        "Write it in quotes",
    ),
    (
        "who as a number",
        lambda: scheme(who=1),
        "who of scheme 'grant' must be a condition",
        "1 is of type int",
        "as text",
    ),
    (
        "amount as a number",
        lambda: sp.child_benefit(50),
        "amount of scheme 'child benefit' must be an Amount",
        "50 is of type int",
        "Amount(50, 'month')",
    ),
    (
        "value as text",
        lambda: sp.Amount("50", "month"),
        "value of an amount must be a number",
        "'50' is of type str",
        "Give",
    ),
    (
        "unit as nothing",
        lambda: sp.Amount(50, None),
        "unit of an amount must be text",
        "None is of type NoneType",
        "'month'",
    ),
    (
        "age as text",
        lambda: scheme(min_age="18"),
        "min_age of scheme 'grant' must be a whole number",
        "'18' is of type str",
        "int",
    ),
    (
        "age with a fraction",
        lambda: scheme(max_age=17.5),
        "max_age of scheme 'grant' must be a whole number",
        "17.5 is of type float",
        "int",
    ),
    (
        "coverage as text",
        lambda: scheme(coverage="80 %"),
        "coverage of scheme 'grant' must be a number",
        "'80 %' is of type str",
        "Give",
    ),
    (
        "coverage as a truth",
        lambda: scheme(coverage=True),
        "coverage of scheme 'grant' must be a number",
        "True is of type bool",
        "Give",
    ),
    (
        "disability as text",
        lambda: scheme(disability="severe"),
        "disability of scheme 'grant'",
        "'severe' is of type str",
        "",
    ),
    ("package of amounts", lambda: sp.Package([AMOUNT]), "A package must hold", "of type Amount", "Scheme(...)"),
    ("package of a lone scheme", lambda: sp.Package(scheme()), "package", "of type Scheme", "["),
    ("package of nothing", lambda: sp.Package(None), "package", "None is of type NoneType", ""),
    (
        "economy of lines in a list",
        lambda: sp.Economy(lines=[1500.0]),
        "lines of the economy must be a mapping",
        "of type list",
        "{'national': 1500.0}",
    ),
    ("economy of gdp in text", lambda: sp.Economy(gdp="9 bn"), "gdp of the economy must be a number", "'9 bn'", "Give"),
    ("economy as a dict", lambda: simulate(economy={"gdp": 9e9}), "conomy", "of type dict", "Economy("),
    (
        "simulate the other way round",
        lambda: sp.simulate(CHILDREN, MINE),
        "takes a Survey and a Package",
        "of type Package",
        "Survey(...)",
    ),
    (
        "simulate a scheme",
        lambda: sp.simulate(MINE, scheme()),
        "takes a Survey and a Package",
        "of type Scheme",
        "Package(",
    ),
    (
        "estimate a frame",
        lambda: sp.estimate(HOUSEHOLDS, [sp.MeanWelfare()]),
        "takes a Survey",
        "of type dict",
        "Survey(",
    ),
    ("assess a frame", lambda: sp.assess(HOUSEHOLDS, [WATER]), "takes a Survey", "of type dict", "Survey("),
    (
        "a name for a statistic",
        lambda: estimate(["gini"]),
        "statistics must hold",
        "'gini' is of type str",
        "Poverty(line=...)",
    ),
    ("a lone statistic", lambda: estimate(sp.Poverty(60.0)), "tatistics", "of type Poverty", ""),
    ("a lone opportunity", lambda: sp.assess(MINE, WATER, replicates=FEW), "opportunities", "of type Opportunity", ""),
    (
        "a name for an opportunity",
        lambda: assess("safe water"),
        "opportunities must hold Opportunity",
        "'safe water' is of type str",
        "Opportunity(...)",
    ),
    ("a lone line", lambda: assess(WATER, lines=60.0), "lines", "60.0 is of type float", ""),
    ("lines in a list", lambda: assess(WATER, lines=[60.0]), "lines", "of type list", ""),
    (
        "a lone scenario",
        lambda: estimate(of=MINE, scenarios=sp.simulate(MINE, CHILDREN)),
        "cenarios",
        "of type Transfers",
        "",
    ),
    (
        "a package for a scenario",
        lambda: estimate(scenarios={"after": CHILDREN}),
        "Scenario 'after' must be Transfers",
        "of type Package",
        "simulate()",
    ),
    (
        "a number for replicates",
        lambda: estimate(replicates=1000),
        "replicates must be a replicate design",
        "1000 is of type int",
        "Bootstrap(1000",
    ),
    (
        "replicates with a fraction",
        lambda: sp.Bootstrap(1e3),
        "must be a whole number",
        "1000.0 is of type float",
        "int",
    ),
    (
        "threads with a fraction",
        lambda: estimate(n_threads=1.5),
        "n_threads must be a whole number",
        "1.5 is of type float",
        "int",
    ),
    ("by of numbers", lambda: estimate(by=[3]), "by", "3 is of type int", ""),
    (
        "a tree of another make",
        lambda: assess(WATER, tree="cart"),
        "tree must be an OpportunityTree",
        "'cart' is of type str",
        "OpportunityTree(",
    ),
    (
        "welfare of words",
        lambda: sp.mean(["a", "b"], [1, 1]),
        "welfare value must be a sequence of numbers",
        "of type list",
        "Convert",
    ),
    (
        "weights of words",
        lambda: sp.mean([1, 2], ["a", "b"]),
        "Every weight must be a number",
        "of type list",
        "Convert",
    ),
    ("a measure as a number", lambda: sp.Inequality(3), "easure", "3 is of type int", "gini"),
    ("a quantile as text", lambda: sp.Quantile("0.4"), "q must be a number", "'0.4' is of type str", "Give"),
    ("a row by its name", lambda: estimate().contrast("headcount", 0), "row", "'headcount' is of type str", ""),
    (
        "an opportunity by its name",
        lambda: sp.Access("safe water"),
        "Access takes an Opportunity",
        "'safe water'",
        "Build it",
    ),
]


@table(TYPES)
def test_types(call, must, came, mend):
    check(call, sp.InputTypeError, must, came, mend)


# ---------------------------------------------------------------- the grammar itself


def test_classes_of_errors():
    assert issubclass(sp.InputError, sp.SP2LNOBError)
    assert issubclass(sp.InputError, ValueError)
    assert not issubclass(sp.InputError, TypeError)
    assert issubclass(sp.InputTypeError, sp.SP2LNOBError)
    assert issubclass(sp.InputTypeError, TypeError)
    assert not issubclass(sp.InputTypeError, ValueError)


def test_counts_have_thousands_separators_and_three_offenders_are_named():
    n = 12_000
    frame = {"hid": np.arange(n), "hhweight": np.where(np.arange(n) < 2500, -1, 1), "n": np.ones(n)}
    check(
        lambda: sp.Survey(frame, size="n"),
        sp.InputError,
        "'hhweight'",
        "2,500 of 12,000 rows do not (first: hid 0: -1; hid 1: -1; hid 2: -1)",
        "Mend",
    )


def test_each_column_is_named_once_among_those_there_are():
    """The key is in both frames."""
    with pytest.raises(sp.InputError) as caught:
        survey(welfare="expenditure")
    listed = str(caught.value).partition("There are: ")[2].rstrip(".").split(", ")
    assert sorted(listed) == sorted({*HOUSEHOLDS, *PERSONS})


def test_a_sum_of_zero_is_said_in_plain_words():
    with pytest.raises(sp.InputError, match=r"'hhweight'( |s? must)") as caught:
        survey({"hhweight": [0] * 8})
    assert "'hhweight's" not in str(caught.value)


def test_nothing_given_is_changed_by_an_error():
    households, persons = copy.deepcopy(HOUSEHOLDS), copy.deepcopy(PERSONS)
    with pytest.raises(sp.InputError):
        sp.Survey(households, persons, welfare="pc", derive={"double": "pc * 2", "new": "pc * unknown"})
    assert households == HOUSEHOLDS
    assert persons == PERSONS
