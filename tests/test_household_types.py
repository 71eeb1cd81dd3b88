"""Types of households against a rule written apart from the package, on every small household there is.

Source of the eight types and of the two that are defined in words: ESCAP, SPOT Simulator, September 2023.
"""

from functools import cache
from itertools import combinations_with_replacement, product
from math import nan

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob._columns import Table, table_of
from sp2lnob._household_types import TYPES, household_types

from . import oracles
from ._data import factors

AGES = (5, 17, 18, 40, 59, 60, 80)
EIGHT = {
    "Couple with children",
    "Couple without children",
    "Single parent or caregiver",
    "One person 60+",
    "One person 18-59",
    "Three generations",
    "Skipped generation",
    "Other",
}


@cache
def households():
    """Return every household of a head, perhaps a spouse, and up to two others of seven ages."""
    made = []
    for head, spouse, others in product(AGES, (None, *AGES), range(3)):
        for rest in combinations_with_replacement(AGES, others):
            made.append([(head, "head"), *([(spouse, "spouse")] if spouse else []), *((age, "child") for age in rest)])
    made += [[(40, "head"), (30, "spouse"), (30, "spouse"), *rest] for rest in ([], [(5, "child")], [(60, "child")])]
    return made


def survey_of(members, name=lambda role: role, psus=4, **instead):
    """Return a survey of households given as lists of (age, role)."""
    n = len(members)
    homes = {"hid": np.arange(n), "hhweight": np.arange(n) % 3 + 1, "ea": np.arange(n) % psus}
    homes |= instead.pop("homes", {})
    persons = {
        "hid": np.repeat(np.arange(n), [len(who) for who in members]),
        "age": np.array([age for who in members for age, _ in who], dtype=float),
        "relation": np.array([name(role) for who in members for _, role in who]),
    }
    persons |= instead.pop("persons", {})
    return sp.Survey(homes, persons, **{"psu": "ea", "roles": {"relation": "relation"}} | instead)


def types_of(survey):
    """Return the type of every household in the order of their keys."""
    column = survey.household_column("household_type")
    values = column.values[np.argsort(survey.household_column("hid").values)]
    return [None if np.isnan(value) else column.label(value) for value in values]


def test_there_are_eight_types():
    assert set(TYPES) == EIGHT
    assert len(TYPES) == 8


def test_every_small_household_has_the_type_that_the_rule_gives():
    expected = [oracles.household_type(who) for who in households()]
    assert set(expected) == EIGHT
    found = types_of(survey_of(households()))
    wrong = [row for row in zip(households(), found, expected, strict=True) if row[1] != row[2]]
    assert not wrong


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([(60, "head")], "One person 60+"),
        ([(59, "head")], "One person 18-59"),
        ([(18, "head")], "One person 18-59"),
        ([(17, "head")], "Other"),
        ([(40, "head"), (38, "spouse")], "Couple without children"),
        ([(80, "head"), (75, "spouse")], "Couple without children"),
        ([(40, "head"), (38, "spouse"), (17, "child")], "Couple with children"),
        ([(40, "head"), (38, "spouse"), (18, "child")], "Other"),  # a grown-up son or daughter is no child
        ([(40, "head"), (38, "spouse"), (5, "child"), (18, "child")], "Other"),
        ([(40, "head"), (5, "child")], "Single parent or caregiver"),
        ([(40, "head"), (18, "child"), (5, "child")], "Other"),
        ([(60, "head"), (5, "child")], "Skipped generation"),
        ([(60, "head"), (62, "spouse"), (5, "child")], "Skipped generation"),
        ([(60, "head"), (59, "spouse"), (5, "child")], "Three generations"),
        ([(40, "head"), (38, "spouse"), (5, "child"), (70, "child")], "Three generations"),
        ([(40, "head"), (70, "child")], "Other"),
        ([(40, "head"), (41, "child")], "Other"),
        ([(40, "head"), (30, "spouse"), (28, "spouse"), (5, "child")], "Other"),  # two spouses are no couple
        ([(40, "head"), (30, "spouse"), (28, "spouse")], "Other"),
    ],
)
def test_households_one_knows(members, expected):
    assert oracles.household_type(members) == expected
    couple = [(30, "head"), (30, "spouse")]  # without a spouse anywhere, labels are taken to be misspelt
    assert types_of(survey_of([couple, members])) == ["Couple without children", expected]


def test_the_function_alone_gives_positions_of_types():
    ages = np.array([40.0, 5, 70, nan, 3])
    partner = np.array([True, False, True, True, False])
    found = household_types(ages, partner, np.array([0, 2, 3, 5], dtype=np.int32))
    assert [TYPES[int(k)] for k in found[:2]] == ["Single parent or caregiver", "One person 60+"]
    assert np.isnan(found[2])


# -- relation to the head, however it is written ----------------------------------------------------------------------

SPELLINGS = {
    "plain": {"head": "Head", "spouse": "Spouse", "child": "Child"},
    "capitals": {"head": "HEAD", "spouse": "SPOUSE", "child": "SON/DAUGHTER"},
    "longer": {"head": "Head of household", "spouse": "Husband or wife", "child": "Other relative"},
    "wife": {"head": "head", "spouse": "wife", "child": "child"},
    "partner": {"head": "Head", "spouse": "Partner (unmarried)", "child": "Nephew"},
    "blanks": {"head": "  head ", "spouse": " Spouse/partner", "child": "child"},
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_labels_in_any_spelling(spelling):
    found = types_of(survey_of(households(), SPELLINGS[spelling].__getitem__))
    assert found == [oracles.household_type(who) for who in households()]


def test_husbands_and_wives_may_be_levels_of_their_own():
    rows = iter(range(10**6))
    name = {"head": lambda: "Head", "spouse": lambda: ("Husband", "Wife")[next(rows) % 2], "child": lambda: "Child"}
    found = types_of(survey_of(households(), lambda role: name[role]()))
    assert found == [oracles.household_type(who) for who in households()]


def test_codes_without_labels_are_1_and_2():
    found = types_of(survey_of(households(), {"head": 1, "spouse": 2, "child": 3}.get))
    assert found == [oracles.household_type(who) for who in households()]


def test_labels_go_before_codes():
    codes, labels = {"head": 7, "spouse": 1, "child": 2}, {7.0: "Head", 1.0: "Spouse", 2.0: "Child"}
    survey = survey_of(households(), codes.__getitem__)
    persons = {name: survey.persons[name].values for name in ("hid", "age", "relation")}
    table = Table(persons, survey.n_persons, "persons", labels={"relation": labels})
    homes = {name: survey.households[name].values for name in ("hid", "hhweight", "ea")}
    made = sp.Survey(homes, table, psu="ea", roles={"relation": "relation"})
    assert types_of(made) == [oracles.household_type(who) for who in households()]


def test_a_relation_that_is_not_known_is_no_spouse():
    members = [[(40, "head"), (38, "spouse"), (5, "child")]] * 4
    codes = np.array([1, 2, 3] * 4, dtype=float)
    codes[1] = nan
    survey = survey_of(members, persons={"relation": codes})
    assert types_of(survey) == ["Other", *["Couple with children"] * 3]


def test_an_age_that_is_not_known_leaves_the_type_unknown():
    members = [[(40, "head"), (nan, "child")], *[[(40, "head"), (38, "spouse"), (5, "child")]] * 3]
    assert types_of(survey_of(members)) == [None, *["Couple with children"] * 3]
    with pytest.raises(sp.InputError, match="'household_type' must be known in every row that counts, but 1 of 4 rows"):
        sp.estimate(
            survey_of(members, homes={"pc": [1.0] * 4}, welfare="pc"), [sp.MeanWelfare()], by=["household_type"]
        )
    survey = survey_of(members, homes={"pc": [1.0, 2, 3, 4]}, welfare="pc", missing="drop")
    made = sp.estimate(survey, [sp.MeanWelfare()], by=["household_type"], replicates=sp.Bootstrap(2))
    assert [(row.level, row.n) for row in made.rows[1:]] == [("Couple with children", 3), ("missing", 1)]
    assert made.value[2] == 1


# -- errors ---------------------------------------------------------------------------------------------------------

COUPLES = [[(40, "head"), (38, "spouse")]] * 4


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: survey_of(COUPLES, roles={}), ("role 'relation' must be given", "does not name", "roles={'relation'")),
        (
            lambda: survey_of(COUPLES, roles={"relation": "relation", "age": None}),
            ("role 'age' must be given", "does not name", "roles={'age'"),
        ),
        (
            lambda: survey_of(COUPLES, {"head": "Head", "spouse": "Consort"}.__getitem__),
            ("must be the spouse's", "no label of 'relation' begins with spouse, wife", "Consort"),
        ),
        (
            lambda: survey_of(COUPLES, {"head": "Chief", "spouse": "Spouse"}.__getitem__),
            ("must be the head's", "0 labels of 'relation' begin with 'head'", "Chief"),
        ),
        (
            lambda: survey_of([[(40, "head"), (38, "head")], *COUPLES]),
            ("one head in 'relation'", "1 of 5 rows do not (first: hid 0: 2 heads)", "Correct"),
        ),
        (
            lambda: survey_of([[(38, "spouse")], *COUPLES]),
            ("one head in 'relation'", "1 of 5 rows do not (first: hid 0: 0 heads)", "Correct"),
        ),
        (
            lambda: sp.Survey({"hid": [1, 2], "hhweight": [1, 1], "size": [1, 1]}, size="size"),
            ("made from persons", "no frame of persons", "Pass persons"),
        ),
    ],
)
def test_what_types_cannot_be_made_of(make, parts):
    with pytest.raises(sp.InputError) as caught:
        types_of(make())
    must, but, rest = str(caught.value).partition(", but ")
    assert but
    assert parts[0] in must
    assert parts[1] in rest
    assert parts[2] in rest


def test_a_label_that_nobody_has_is_enough_to_say_that_nobody_has_a_spouse():
    households = {"hid": [1, 2], "hhweight": [1, 1]}
    persons = {"hid": [1, 1, 2], "age": [40, 4, 70], "relation": [1.0, 3.0, 1.0]}
    labelled = table_of(persons, "persons").labeled({"relation": {1: "Head", 2: "Wife", 3: "Wife's mother"}})
    survey = sp.Survey(households, labelled, roles={"relation": "relation"})
    assert [survey.household_type.label(code) for code in survey.household_type.values] == [
        "Single parent or caregiver",
        "One person 60+",
    ]


def test_who_does_not_ask_for_types_needs_no_roles():
    assert survey_of(COUPLES, roles={}).n_households == 4


# -- as a column like any other -------------------------------------------------------------------------------------


def test_a_column_of_this_name_goes_first():
    own = ["a", "b", "a", "b"]
    survey = survey_of(COUPLES, homes={"household_type": own, "pc": [1.0, 2, 3, 4]}, welfare="pc", roles={})
    assert types_of(survey) == own
    made = sp.estimate(survey, [sp.MeanWelfare()], by=["household_type"], replicates=sp.Bootstrap(2))
    assert [row.level for row in made.rows] == ["all", "a", "b"]
    derived = survey_of(COUPLES, derive={"household_type": "count(age < 100)"})
    assert derived.household_column("household_type").values.tolist() == [2] * 4
    persons = survey_of(COUPLES, persons={"household_type": list("xyxyxyxy")}, homes={"pc": [1.0] * 4}, welfare="pc")
    made = sp.estimate(persons, [sp.MeanWelfare()], by=["household_type"], replicates=sp.Bootstrap(2))
    assert [(row.level, row.n) for row in made.rows] == [("all", 4), ("x", 4), ("y", 4)]


def test_types_are_no_column_until_somebody_asks():
    survey = survey_of(COUPLES)
    assert not survey.has_column("household_type")
    assert "household_type" not in survey.households
    before = survey.fingerprint()
    types_of(survey)
    assert survey.fingerprint() == before


def domain(members, **more):
    n = len(members)
    homes = {"pc": np.arange(n) % 17 + 1.0, "water": np.arange(n) % 3 % 2}
    return survey_of(members, homes=homes, welfare="pc", psus=20, **more)


@pytest.mark.parametrize("unit", ["household", "person"])
def test_figures_by_type_are_those_of_its_households(unit):
    members = households()[::7]
    survey = domain(members)
    types, bootstrap = [oracles.household_type(who) for who in members], sp.Bootstrap(5)
    person = "size" if unit == "household" else "age"
    opportunity = sp.Opportunity("o", "water", unit=unit, circumstances=["household_type"])
    made = sp.estimate(survey, [sp.MeanWelfare(), sp.Access(opportunity)], by=["household_type"], replicates=bootstrap)
    assert {row.level for row in made.rows} == {"all", *types}
    size = [len(who) for who in members]
    every = [[1.0] * survey.design.psus, *[[float(f) for f in row] for row in factors(survey, bootstrap)]]
    order = [int(hid) for hid in survey.household_column("hid").values]
    for i, row in enumerate(made.rows):
        if row.by == "all":
            continue
        rows = [k for k, hid in enumerate(order) if types[hid] == row.level]
        values = [order[k] % 17 + 1.0 if row.statistic == "mean_welfare" else order[k] % 3 % 2 for k in rows]
        expected = []
        for factor in every:
            weight = [(order[k] % 3 + 1) * size[order[k]] * factor[survey.design.psu[k]] for k in rows]
            expected.append(oracles.mean(values, weight) if sum(weight) else nan)
        assert [made.value[i], *made.draws[:, i]] == pytest.approx(expected, rel=1e-12, abs=1e-14, nan_ok=True), row
        of_persons = person == "age" and row.statistic == "access"
        assert row.n == (sum(size[order[k]] for k in rows) if of_persons else len(rows))


def test_types_are_circumstances_of_a_tree():
    members = households()[::3]
    survey = domain(members)
    opportunity = sp.Opportunity("o", "household_type == 'Other'", circumstances=["household_type", "bottom40"])
    tree = sp.OpportunityTree(min_obs=1, min_share=0, cp=0)
    result = sp.assess(survey, [opportunity], by=["household_type"], tree=tree, replicates=sp.Bootstrap(4))
    groups = result.groups.set_index("label")
    assert groups["before"].tolist() == [0, 1]
    assert groups.index[1] == "household_type: Other"
    assert groups["n"].tolist()[1] == [oracles.household_type(who) for who in members].count("Other")


def test_types_may_be_named_in_expressions_and_schemes():
    survey = survey_of(COUPLES[:2] + [[(40, "head"), (5, "child")]] * 2)
    scheme = sp.Scheme("s", who="household_type == 'Single parent or caregiver'", amount=sp.Amount(1, "month"))
    assert sp.simulate(survey, sp.Package([scheme])).received[:, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
