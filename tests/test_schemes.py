"""Who is paid, how much, at what cost: against a textbook that walks persons one by one."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import sp2lnob as sp

from . import oracles

YEARLY = {"month": 12, "year": 1}

# Conditions of the language, and the same in Python.
CONDITIONS = {
    None: lambda person, home: True,
    "age < 15": lambda person, home: person["age"] < 15,
    "sex == 'F' and rooms >= 2": lambda person, home: person["sex"] == "F" and home["rooms"] >= 2,
    "disability != 1 or age in (3, 70)": lambda person, home: person["disability"] != 1 or person["age"] in (3, 70),
    "births > 0": lambda person, home: person["births"] is not None and person["births"] > 0,
    "births is missing": lambda person, home: person["births"] is None,
    "between(rooms, 2, 3)": lambda person, home: 2 <= home["rooms"] <= 3,
}

PEOPLE = st.fixed_dictionaries(
    {
        "age": st.integers(0, 100),
        "sex": st.sampled_from("FM"),
        "disability": st.integers(0, 1),
        "births": st.sampled_from([None, 0, 1, 2]),
    }
)
HOMES = st.fixed_dictionaries(
    {
        "weight": st.integers(1, 9),
        "welfare": st.integers(1, 50),
        "rooms": st.integers(1, 4),
        "members": st.lists(PEOPLE, min_size=1, max_size=5),
    }
)
AGES = st.one_of(st.none(), st.integers(0, 100))
SCHEMES = st.fixed_dictionaries(
    {
        "min_age": AGES,
        "max_age": AGES,
        "sex": st.sampled_from([None, None, "F", "M"]),
        "disability": st.booleans(),
        "birth": st.booleans(),
        "who": st.sampled_from(list(CONDITIONS)),
        "per": st.sampled_from(["person", "household"]),
        "amount": st.integers(0, 20),
        "unit": st.sampled_from(["month", "year"]),
        "weeks": st.sampled_from([None, None, 0, 18, 52]),
    }
).filter(lambda s: s["min_age"] is None or s["max_age"] is None or s["min_age"] <= s["max_age"])


COUPLE = {
    "weight": 2,
    "welfare": 7,
    "rooms": 2,
    "members": [
        {"age": 3, "sex": "F", "disability": 0, "births": None},
        {"age": 70, "sex": "M", "disability": 1, "births": 0},
    ],
}


def frames(homes):
    """Return households, and persons one row a member, as lists of rows; one household has both sexes."""
    homes = [*homes, COUPLE]
    households = [
        {
            "id": h,
            "hid": h,
            "weight": home["weight"],
            "welfare": home["welfare"],
            "rooms": home["rooms"],
            "size": len(home["members"]),
        }
        for h, home in enumerate(homes)
    ]
    persons = [
        member | {"household": h, "hid": h, "pid": k}
        for h, home in enumerate(homes)
        for k, member in enumerate(home["members"])
    ]
    return households, persons


def survey_of(households, persons, **arguments):
    """Return the survey of such rows; its rows are in their order."""

    def columns(rows, names):
        return {name: [row[name] for row in rows] for name in names}

    arguments = {
        "person": "pid",
        "weight": "weight",
        "welfare": "welfare",
        "roles": {"disability": "disability", "birth": "births"},
        "single_psu": "certainty",
    } | arguments
    return sp.Survey(
        columns(households, ("hid", "weight", "welfare", "rooms")),
        columns(persons, ("hid", "pid", "age", "sex", "disability", "births")),
        **arguments,
    )


def scheme_of(name, rule):
    rest = {key: value for key, value in rule.items() if key not in ("amount", "unit")}
    return sp.Scheme(name, amount=sp.Amount(rule["amount"], rule["unit"]), **rest)


def admitted(person, home, rule):
    """Return whether a rule admits a person: oracles.eligible, a recent birth, and the condition."""
    asked = rule | {"disability": 1 if rule["disability"] else None}
    born = not rule["birth"] or (person["births"] is not None and person["births"] >= 1)
    return oracles.eligible(person, asked) and born and CONDITIONS[rule["who"]](person, home)


def textbook(households, persons, rules, mpc, period):
    """Return who receives what, the households' transfers a year, welfare after, recipients and cost; full take-up."""
    per_year = [r["amount"] * YEARLY[r["unit"]] * (1 if r["weeks"] is None else r["weeks"] * 7 / 365) for r in rules]
    received, transfer = [], [[0.0] * len(rules) for _ in households]
    recipients, reached = [0] * len(rules), 0
    paid_homes = set()
    for person in persons:
        h = person["household"]
        home = households[h]
        row = []
        for s, rule in enumerate(rules):
            gets = admitted(person, home, rule) and not (rule["per"] == "household" and (h, s) in paid_homes)
            if gets:
                paid_homes.add((h, s))
                transfer[h][s] += per_year[s]
                recipients[s] += home["weight"]
            row.append(int(gets))
        received.append(row)
        reached += home["weight"] if any(row) else 0
    after = [
        home["welfare"] + mpc * sum(transfer[h]) / home["size"] / YEARLY[period] for h, home in enumerate(households)
    ]
    costs = [amount * count for amount, count in zip(per_year, recipients, strict=True)]
    return {
        "received": received,
        "transfer": transfer,
        "after": after,
        "recipients": [*recipients, reached],
        "cost": [*costs, sum(costs)],
    }


# ---------------------------------------------------------------- eligibility, transfers, cost


@given(
    homes=st.lists(HOMES, min_size=1, max_size=12),
    rules=st.lists(SCHEMES, min_size=1, max_size=9),
    mpc=st.sampled_from([0, 0.5, 1]),
    period=st.sampled_from(["month", "year"]),
)
def test_random_packages_equal_the_textbook(homes, rules, mpc, period):
    households, persons = frames(homes)
    made = survey_of(households, persons, welfare_period=period)
    package = sp.Package([scheme_of(f"scheme {s}", rule) for s, rule in enumerate(rules)], mpc=mpc, administration=0.25)
    paid = sp.simulate(made, package, sp.Economy(gdp=1000, revenue=500))
    expected = textbook(households, persons, rules, mpc, period)
    np.testing.assert_array_equal(paid.received, expected["received"])
    np.testing.assert_allclose(paid.household, expected["transfer"], rtol=1e-14)
    np.testing.assert_allclose(paid.welfare_after, expected["after"], rtol=1e-14)
    cost = paid.cost
    assert cost["scheme"].tolist() == [*(f"scheme {s}" for s in range(len(rules))), "package"]
    np.testing.assert_allclose(cost["recipients"], expected["recipients"], rtol=1e-14)
    np.testing.assert_allclose(cost["transfer_cost"], expected["cost"], rtol=1e-13)
    np.testing.assert_allclose(cost["total_cost"], np.multiply(expected["cost"], 1.25), rtol=1e-13)
    np.testing.assert_allclose(cost["cost_gdp"], np.multiply(expected["cost"], 1.25 / 1000), rtol=1e-13)
    np.testing.assert_allclose(cost["cost_revenue"], np.multiply(expected["cost"], 1.25 / 500), rtol=1e-13)


PLAIN = st.fixed_dictionaries(
    {
        "min_age": AGES,
        "max_age": AGES,
        "sex": st.sampled_from([None, "F", "M"]),
        "disability": st.sampled_from([None, 1]),
        "amount": st.integers(0, 20),
    }
).filter(lambda s: s["min_age"] is None or s["max_age"] is None or s["min_age"] <= s["max_age"])


@given(
    homes=st.lists(HOMES, min_size=1, max_size=12),
    rules=st.lists(PLAIN, min_size=1, max_size=9),
    mpc=st.sampled_from([0, 0.25, 1]),
)
def test_plain_packages_equal_the_oracle(homes, rules, mpc):
    """The oracle of tests/oracles.py: per person, in the survey's own period."""
    households, persons = frames(homes)
    made = survey_of(households, persons, welfare_period="year")
    schemes = [
        grant(
            str(s),
            rule["amount"],
            min_age=rule["min_age"],
            max_age=rule["max_age"],
            sex=rule["sex"],
            disability=rule["disability"] == 1,
        )
        for s, rule in enumerate(rules)
    ]
    paid = sp.simulate(made, sp.Package(schemes, mpc=mpc))
    expected = oracles.transfers(households, persons, rules, mpc)
    np.testing.assert_allclose(paid.household.sum(axis=1), expected["transfer"], rtol=1e-14)
    np.testing.assert_allclose(paid.welfare_after, expected["welfare_after"], rtol=1e-14)
    assert paid.cost["recipients"].tolist() == [*expected["recipients"], expected["reached"]]
    assert paid.cost["transfer_cost"].tolist() == [*expected["costs"], expected["cost"]]


def toy(ages=(40, 3, 70, 17, 18, 0), homes=(1, 1, 2, 2, 3, 3), persons=(), **arguments):
    """Return a survey of three households of two, weights 10, 20 and 40, with some columns of persons."""
    return sp.Survey(
        {"hid": [1, 2, 3], "hhweight": [10, 20, 40], "pc": [50, 60, 80]},
        {"hid": list(homes), "pid": range(6), "age": list(ages), **dict(persons)},
        **{"welfare": "pc", "person": "pid"} | arguments,
    )


def received(made, *schemes, economy=None, **fields):
    return sp.simulate(made, sp.Package(schemes, **fields), economy).received.T.tolist()


def grant(name="grant", value=12, unit="year", **fields):
    return sp.Scheme(name, amount=sp.Amount(value, unit), **fields)


AGE_LIMITS = [
    ({}, [1, 1, 1, 1, 1, 1]),
    ({"min_age": 18}, [1, 0, 1, 0, 1, 0]),
    ({"max_age": 17}, [0, 1, 0, 1, 0, 1]),
    ({"min_age": 17, "max_age": 18}, [0, 0, 0, 1, 1, 0]),
    ({"max_age": 0}, [0, 0, 0, 0, 0, 1]),
    ({"min_age": 0}, [1, 1, 1, 1, 1, 1]),
    ({"min_age": 70, "max_age": 70}, [0, 0, 1, 0, 0, 0]),
    ({"min_age": 71}, [0, 0, 0, 0, 0, 0]),
    ({"max_age": 1000}, [1, 1, 1, 1, 1, 1]),
    ({"min_age": 1000}, [0, 0, 0, 0, 0, 0]),
]


@pytest.mark.parametrize(("fields", "expected"), AGE_LIMITS, ids=str)
def test_both_ends_of_the_ages_are_included(fields, expected):
    assert received(toy(), grant(**fields)) == [expected]


def test_years_are_completed_and_the_oldest_are_counted():
    made = toy(ages=(17.99, 18.0, 0.5, 99, 120, 150))
    assert received(made, grant(max_age=17), grant("old", min_age=100)) == [[1, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1]]


def test_sex_is_given_by_label_or_code():
    text = toy(persons={"sex": ["F", "M", "F", "M", "M", "F"]})
    assert received(text, grant(sex="F"), grant("men", sex="M")) == [[1, 0, 1, 0, 0, 1], [0, 1, 0, 1, 1, 0]]
    code = toy(persons={"sex": [2, 1, 2, 1, 1, 2]})
    assert received(code, grant(sex=2), grant("men", sex="1")) == [[1, 0, 1, 0, 0, 1], [0, 1, 0, 1, 1, 0]]


def test_a_birth_is_one_or_more_and_missing_is_none():
    made = toy(persons={"births": [2, np.nan, 0, 1, np.nan, 0]}, roles={"birth": "births"})
    assert received(made, grant(birth=True)) == [[1, 0, 0, 1, 0, 0]]


def test_who_lacks_a_trait_is_not_eligible_where_missing_is_dropped():
    persons = {"sex": ["F", "F", None, "M", "M", None], "d": [1, 0, None, 1, None, 1]}
    made = toy((40, None, 70, 17, None, 0), persons=persons, roles={"disability": "d"}, missing="drop")
    schemes = (
        grant(max_age=80),
        grant("any age", max_age=1000),
        grant("women", sex="F"),
        grant("disabled", disability=True),
        grant("all"),
    )
    assert received(made, *schemes) == [
        [1, 0, 1, 1, 0, 1],
        [1, 0, 1, 1, 0, 1],
        [1, 1, 0, 0, 0, 0],
        [1, 0, 0, 1, 0, 1],
        [1, 1, 1, 1, 1, 1],
    ]


def test_a_benefit_per_household_is_booked_to_its_first_eligible_member():
    made = toy()
    paid = sp.simulate(made, sp.Package([grant(per="household", min_age=18), grant("all", per="household")]))
    assert paid.received.T.tolist() == [[1, 0, 1, 0, 1, 0], [1, 0, 1, 0, 1, 0]]
    young = sp.simulate(made, sp.Package([grant(per="household", max_age=17)]))
    assert young.received.T.tolist() == [[0, 1, 0, 1, 0, 1]]
    assert paid.household.tolist() == [[12, 12]] * 3
    assert paid.cost["recipients"].tolist() == [70, 70, 70]


def test_schemes_of_one_person_add_up_and_the_package_counts_the_person_once():
    schemes = [grant(max_age=17), grant("infants", 24, max_age=3), grant("old", 6, min_age=70)]
    paid = sp.simulate(toy(), sp.Package(schemes))
    assert paid.received.tolist() == [[0, 0, 0], [1, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 0], [1, 1, 0]]
    assert paid.cost["recipients"].tolist() == [70, 50, 20, 90]
    assert paid.cost["transfer_cost"].tolist() == [840, 1200, 120, 2160]
    assert paid.welfare_after.tolist() == [50 + 36 / 24, 60 + 18 / 24, 80 + 36 / 24]


def test_weeks_are_of_365_days():
    paid = sp.simulate(
        toy(),
        sp.Package(
            [grant(value=365, unit="year", weeks=18), grant("none", weeks=0), grant("year", weeks=52, value=365)]
        ),
    )
    np.testing.assert_allclose(paid.amounts, [126, 0, 364], rtol=1e-15)


@pytest.mark.parametrize("mpc", [0.0, 0.3, 1.0])
def test_what_is_not_consumed_changes_no_cost(mpc):
    full, part = (sp.simulate(toy(), sp.Package([grant(max_age=17)], mpc=m)) for m in (1.0, mpc))
    np.testing.assert_allclose(
        part.welfare_after - 1, toy().welfare - 1 + mpc * (full.welfare_after - toy().welfare), rtol=1e-14
    )
    np.testing.assert_array_equal(part.household, full.household)
    np.testing.assert_array_equal(part.cost["total_cost"], full.cost["total_cost"])


def test_an_amount_of_0_is_received():
    paid = sp.simulate(toy(), sp.Package([grant(value=0)]))
    assert paid.cost["recipients"].tolist() == [140, 140]
    assert paid.cost["total_cost"].tolist() == [0, 0]
    assert paid.welfare_after.tolist() == toy().welfare.tolist()


def test_without_welfare_there_is_cost_and_nothing_after():
    paid = sp.simulate(toy(welfare=None), sp.Package([grant()]))
    assert paid.welfare_after is None
    assert paid.cost["transfer_cost"].tolist() == [1680, 1680]
    assert np.isnan(paid.cost[["cost_gdp", "cost_revenue"]].to_numpy()).all()


def test_a_household_of_unknown_welfare_is_paid():
    made = sp.Survey(
        {"hid": [1, 2, 3], "hhweight": [1, 2, 4], "pc": [5, None, 7]}, {"hid": [1, 2, 3]}, welfare="pc", missing="drop"
    )
    paid = sp.simulate(made, sp.Package([grant()]))
    assert paid.cost["recipients"].tolist() == [7, 7]
    np.testing.assert_array_equal(paid.welfare_after, [6, np.nan, 8])


ECONOMY = sp.Economy(gdp=5000, gdp_per_capita=300, revenue=700, lines={"national": 40, "low": 10})
AMOUNTS = [
    (50, "month", "month", 600),
    (600, "year", "month", 600),
    (0.04, "gdp_per_capita", "month", 12),
    (0.04, "gdp_per_capita", "year", 12),
    (0.25, "line:national", "month", 120),
    (0.25, "line:national", "year", 10),
    (1, "line:low", "month", 120),
    (0, "month", "year", 0),
]


@pytest.mark.parametrize(("value", "unit", "period", "expected"), AMOUNTS)
def test_amounts_a_year(value, unit, period, expected):
    assert sp.Amount(value, unit).per_year(ECONOMY, period) == pytest.approx(expected, rel=1e-15)
    made = toy(welfare_period=period)
    paid = sp.simulate(made, sp.Package([grant(value=value, unit=unit)]), ECONOMY)
    np.testing.assert_allclose(paid.amounts, [expected], rtol=1e-15)
    np.testing.assert_allclose(paid.welfare_after - made.welfare, expected / YEARLY[period], rtol=1e-13)


PRESETS = [
    (sp.child_benefit, {}, {"min_age": 0, "max_age": 17}),
    (sp.child_benefit, {"max_age": 5, "min_age": 2, "coverage": 0.5}, {"min_age": 2, "max_age": 5, "coverage": 0.5}),
    (sp.old_age_pension, {}, {"min_age": 65}),
    (
        sp.old_age_pension,
        {"min_age": 60, "max_age": 79, "coverage": 0.8},
        {"min_age": 60, "max_age": 79, "coverage": 0.8},
    ),
    (sp.disability_benefit, {}, {"disability": True}),
    (sp.disability_benefit, {"min_age": 18, "max_age": 64}, {"disability": True, "min_age": 18, "max_age": 64}),
    (sp.maternity_benefit, {}, {"birth": True, "weeks": 18}),
    (sp.maternity_benefit, {"weeks": 26, "coverage": 0.4}, {"birth": True, "weeks": 26, "coverage": 0.4}),
    (sp.household_benefit, {}, {"per": "household", "coverage": 0.2}),
    (sp.household_benefit, {"coverage": 1, "who": "age < 5"}, {"per": "household", "coverage": 1, "who": "age < 5"}),
]


@pytest.mark.parametrize(("preset", "arguments", "fields"), PRESETS)
def test_presets_are_schemes(preset, arguments, fields, example):
    named = preset(sp.Amount(7, "month"), name="mine", **arguments)
    plain = grant("mine", 7, "month", **fields)
    assert received(example, named) == received(example, plain)
    assert sum(received(example, named)[0]) > 0
    assert named.per_year(None, "month") == plain.per_year(None, "month")
    assert preset(sp.Amount(7, "month")).name != "mine"


def test_names_of_presets_differ():
    package = sp.Package([preset(sp.Amount(1, "month")) for preset in dict.fromkeys(row[0] for row in PRESETS)])
    assert len({scheme.name for scheme in package.schemes}) == 5


# ---------------------------------------------------------------- up to 64 schemes


def test_64_schemes():
    """One for every age from 0 to 63, so that every bit of a word has its own persons."""
    ages = list(range(64))
    made = sp.Survey({"hid": ages, "hhweight": range(1, 65)}, {"hid": ages, "age": ages})
    paid = sp.simulate(made, sp.Package([grant(str(age), age, min_age=age, max_age=age) for age in ages]))
    np.testing.assert_array_equal(paid.received, np.eye(64))
    np.testing.assert_array_equal(paid.household, np.diag(range(64)))
    assert paid.cost["recipients"].tolist() == [*range(1, 65), 65 * 32]


@pytest.mark.parametrize("schemes", [1, 2, 63, 64])
@settings(max_examples=25)
@given(homes=st.lists(HOMES, min_size=1, max_size=6), rules=st.lists(SCHEMES, min_size=8, max_size=8))
def test_many_schemes_equal_the_textbook(schemes, homes, rules):
    households, persons = frames(homes)
    rules = (rules * 8)[:schemes]
    paid = sp.simulate(survey_of(households, persons), sp.Package([scheme_of(str(s), r) for s, r in enumerate(rules)]))
    expected = textbook(households, persons, rules, 1, "month")
    np.testing.assert_array_equal(paid.received, expected["received"])
    np.testing.assert_allclose(paid.household, expected["transfer"], rtol=1e-14)
    np.testing.assert_allclose(paid.cost["recipients"], expected["recipients"], rtol=1e-14)


def test_65_schemes_are_an_error():
    with pytest.raises(sp.InputError, match="1 to 64 schemes, but 65 came"):
        sp.Package([grant(str(s)) for s in range(65)])


def test_64_schemes_are_drawn_each_on_its_own():
    n = 500
    made = sp.Survey({"hid": range(n), "hhweight": np.ones(n)}, {"hid": range(n), "age": [30] * n})
    got = sp.simulate(made, sp.Package([grant(str(s), coverage=0.5) for s in range(64)])).received
    assert abs(np.corrcoef(got.T) - np.eye(64)).max() < 5 / np.sqrt(n)
    assert (abs(got.mean(axis=0) - 0.5) < 5 * 0.5 / np.sqrt(n)).all()


# ---------------------------------------------------------------- coverage by seeded draws

MANY = 5000


@pytest.fixture(scope="module")
def many():
    """Return a survey of 5,000 households of two persons, one a child."""
    hid = np.arange(MANY)
    ages = np.tile([8, 35], MANY)
    return sp.Survey(
        {"hid": hid, "hhweight": np.ones(MANY), "pc": 10 + hid % 7},
        {"hid": np.repeat(hid, 2), "pid": np.tile([1, 2], MANY), "age": ages},
        person="pid",
        welfare="pc",
    )


def drawn(made, *schemes, **fields):
    return sp.simulate(made, sp.Package(schemes, **fields)).received


@pytest.mark.parametrize("coverage", [0.01, 0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("per", ["person", "household"])
def test_the_share_drawn_is_near_the_coverage(coverage, per, many):
    eligible = 2 * MANY if per == "person" else MANY
    count = drawn(many, grant(coverage=coverage, per=per)).sum()
    assert abs(count / eligible - coverage) < 4.5 * np.sqrt(coverage * (1 - coverage) / eligible)
    assert 0 < count < eligible


@pytest.mark.parametrize("per", ["person", "household"])
def test_no_and_full_coverage(per, many):
    assert drawn(many, grant(coverage=0, per=per)).sum() == 0
    eligible = 2 * MANY if per == "person" else MANY
    assert drawn(many, grant(coverage=1, per=per)).sum() == eligible
    assert drawn(many, grant(coverage=np.nextafter(1, 0), per=per)).sum() >= eligible - 1


@pytest.mark.parametrize("per", ["person", "household"])
def test_a_higher_coverage_only_adds_recipients(per, many):
    before = np.zeros((2 * MANY, 1))
    for coverage in (0.05, 0.3, 0.31, 0.7, 0.95, 1.0):
        after = drawn(many, grant(coverage=coverage, per=per))
        assert (after >= before).all()
        assert after.sum() > before.sum()
        before = after


def test_only_the_eligible_are_drawn(many):
    got = drawn(many, grant(coverage=0.6, max_age=17))[:, 0]
    assert got[1::2].sum() == 0
    assert abs(got[::2].mean() - 0.6) < 0.035


def test_draws_do_not_depend_on_other_schemes_or_on_who_else_is_eligible(many):
    alone = drawn(many, grant(coverage=0.5))[:, 0]
    others = [grant("a", coverage=0.3), grant("b", per="household", coverage=0.2), grant("c")]
    for position in range(4):
        schemes = [*others[:position], grant(coverage=0.5), *others[position:]]
        np.testing.assert_array_equal(drawn(many, *schemes)[:, position], alone)
    np.testing.assert_array_equal(drawn(many, grant(coverage=0.5, max_age=17))[::2, 0], alone[::2])
    np.testing.assert_array_equal(drawn(many, grant(value=99, unit="month", coverage=0.5, who="pc > 0"))[:, 0], alone)


def test_draws_do_not_depend_on_order_or_on_other_rows(many):
    schemes = grant(coverage=0.5), grant("home", coverage=0.5, per="household")
    expected = drawn(many, *schemes)
    rng = np.random.default_rng(4)
    hid, order = rng.permutation(MANY), rng.permutation(2 * MANY)
    home, pid = np.repeat(np.arange(MANY), 2), np.tile([1, 2], MANY)
    other = sp.Survey({"hid": hid, "hhweight": np.ones(MANY)}, {"hid": home[order], "pid": pid[order]}, person="pid")
    np.testing.assert_array_equal(drawn(other, *schemes), expected)
    few = sp.Survey(
        {"hid": range(100, 300), "hhweight": np.ones(200)},
        {"hid": np.repeat(range(100, 300), 2), "pid": np.tile([1, 2], 200)},
        person="pid",
    )
    np.testing.assert_array_equal(drawn(few, *schemes), expected[200:600])


def test_draws_do_not_depend_on_strata_psus_or_weights(many):
    """Rows are sorted otherwise, but a household is known by its key."""
    hid = np.arange(MANY)
    other = sp.Survey(
        {"hid": hid, "w": 1 + hid % 3, "s": hid % 2, "ea": hid // 4 * 2 + hid % 2},
        {"hid": np.repeat(hid, 2), "pid": np.tile([1, 2], MANY)},
        person="pid",
        weight="w",
        psu="ea",
        strata="s",
    )
    by_key = drawn(many, grant(coverage=0.5)).reshape(MANY, 2)
    key = other.household_column("hid").values.astype(int)
    assert (key != hid).any()
    np.testing.assert_array_equal(drawn(other, grant(coverage=0.5)).reshape(MANY, 2), by_key[key])


def test_seed_and_name_decide_the_draws(many):
    base = drawn(many, grant(coverage=0.5), seed=3)
    np.testing.assert_array_equal(drawn(many, grant(coverage=0.5), seed=3), base)
    np.testing.assert_array_equal(drawn(many, grant(coverage=0.5)), drawn(many, grant(coverage=0.5), seed=1))
    for other in (
        drawn(many, grant(coverage=0.5), seed=4),
        drawn(many, grant("Grant", coverage=0.5), seed=3),
        drawn(many, grant(coverage=0.5), seed=3 + 2**32),
        drawn(many, grant(coverage=0.5), seed=2**64 - 1),
    ):
        assert abs((other == base).mean() - 0.5) < 4.5 * 0.5 / np.sqrt(2 * MANY)


def test_members_of_a_household_are_drawn_each_for_itself(many):
    got = drawn(many, grant(coverage=0.5)).reshape(MANY, 2)
    assert abs(np.corrcoef(got.T)[0, 1]) < 4.5 / np.sqrt(MANY)


def test_a_household_is_drawn_as_one(many):
    got = drawn(many, grant(coverage=0.5, per="household")).reshape(MANY, 2)
    assert got[:, 1].sum() == 0
    children = drawn(many, grant(coverage=0.5, per="household", max_age=17)).reshape(MANY, 2)
    parents = drawn(many, grant(coverage=0.5, per="household", min_age=18)).reshape(MANY, 2)
    np.testing.assert_array_equal(got[:, 0], children[:, 0])
    np.testing.assert_array_equal(got[:, 0], parents[:, 1])


def test_recipients_of_draws_are_paid_and_others_are_not(many):
    paid = sp.simulate(many, sp.Package([grant(coverage=0.5), grant("home", 24, coverage=0.3, per="household")]))
    got = paid.received.reshape(MANY, 2, 2).sum(axis=1)
    np.testing.assert_allclose(paid.household, got * [12, 24])
    np.testing.assert_allclose(paid.welfare_after, many.welfare + (got @ [12, 24]) / 2 / 12, rtol=1e-14)
    np.testing.assert_allclose(paid.cost["recipients"], [*got.sum(axis=0), paid.received.any(axis=1).sum()])


# ---------------------------------------------------------------- expected draws

PARTLY = [
    grant(coverage=0.4, max_age=17),
    grant("all", 30, coverage=0.25),
    grant("home", 60, coverage=0.1, per="household"),
    grant("full", 6, min_age=60),
]


def expected_and_full(made):
    full = [grant(s.name, s.amount.value, per=s.per, min_age=s.min_age, max_age=s.max_age) for s in PARTLY]
    return sp.simulate(made, sp.Package(PARTLY, draws="expected")), sp.simulate(made, sp.Package(full))


def test_expected_cost_is_coverage_times_full_cost(example):
    expected, full = expected_and_full(example)
    coverage = np.array([scheme.coverage for scheme in PARTLY])
    for column in ("recipients", "transfer_cost", "total_cost"):
        np.testing.assert_allclose(expected.cost[column][:-1], coverage * full.cost[column][:-1], rtol=1e-13)
    np.testing.assert_allclose(expected.household, coverage * full.household, rtol=1e-14)
    np.testing.assert_array_equal(expected.received, coverage * full.received)
    gain = (coverage * full.household).sum(axis=1) / example.size / 12
    np.testing.assert_allclose(expected.welfare_after, example.welfare + gain, rtol=1e-14)
    paid = expected.cost["transfer_cost"]
    assert paid.iloc[-1] == pytest.approx(paid[:-1].sum(), rel=1e-13)


def test_expected_persons_with_at_least_one(example):
    """Schemes are drawn independently: 1 minus the product of what each leaves out."""
    expected, full = expected_and_full(example)
    coverage = [scheme.coverage for scheme in PARTLY]
    reached = 0.0
    for weight, row in zip(example.person_weight, full.received, strict=True):
        missed = 1.0
        for share, gets in zip(coverage, row, strict=True):
            missed *= 1 - share * gets
        reached += weight * (1 - missed)
    assert expected.cost["recipients"].iloc[-1] == pytest.approx(reached, rel=1e-12)


def test_expected_draws_do_not_depend_on_the_seed(example):
    costs = [sp.simulate(example, sp.Package(PARTLY, draws="expected", seed=seed)).cost for seed in (1, 2)]
    assert costs[0].equals(costs[1])


def test_seeded_draws_come_to_the_expected_on_average(example):
    expected = sp.simulate(example, sp.Package(PARTLY, draws="expected")).cost
    figures = ["recipients", "total_cost"]
    costs = np.array([sp.simulate(example, sp.Package(PARTLY, seed=seed)).cost[figures] for seed in range(200)])
    error = costs.std(axis=0, ddof=1) / np.sqrt(len(costs))
    assert (abs(costs.mean(axis=0) - expected[figures].to_numpy()) <= 4.5 * error + 1e-6).all()
    assert (error[:3] > 0).all()


# ---------------------------------------------------------------- identities of cost


def test_cost_as_a_share_of_gdp_is_the_published_identity():
    """Cost % GDP = benefit % GDP per person x eligible share of people x (1 + administration).

    ESCAP's example: 4 % x 30 % children x 1.05 = 1.26 % of GDP.
    """
    made = sp.Survey({"hid": [1, 2, 3], "hhweight": [3, 3, 4]}, {"hid": [1, 2, 3], "age": [5, 40, 41]})
    economy = sp.Economy(gdp_per_capita=1000, gdp=1000 * made.people.sum())
    paid = sp.simulate(made, sp.Package([sp.child_benefit(sp.Amount(0.04, "gdp_per_capita"))]), economy)
    assert paid.cost["cost_gdp"].tolist() == pytest.approx([0.0126, 0.0126], rel=1e-14)


@pytest.mark.parametrize("coverage", [1.0, 0.35])
@pytest.mark.parametrize("administration", [0.0, 0.05, 0.1])
def test_cost_identity(example, coverage, administration):
    share = {"child": 0.04, "disability": 0.14, "old": 0.16}
    of = {name: sp.Amount(value, "gdp_per_capita") for name, value in share.items()}
    package = sp.Package(
        [
            sp.child_benefit(of["child"], coverage=coverage),
            sp.disability_benefit(of["disability"]),
            sp.old_age_pension(of["old"]),
        ],
        administration=administration,
        draws="expected",
    )
    people = example.people.sum()
    economy = sp.Economy(gdp_per_capita=900, gdp=900 * people, revenue=180 * people)
    cost = sp.simulate(example, package, economy).cost
    age, disability = example.person_column("age").values, example.person_column("disability").values
    eligible = [
        example.person_weight @ (age <= 17) * coverage,
        example.person_weight @ (disability == 1),
        example.person_weight @ (age >= 65),
    ]
    expected = [b * e / people * (1 + administration) for b, e in zip(share.values(), eligible, strict=True)]
    np.testing.assert_allclose(cost["cost_gdp"], [*expected, sum(expected)], rtol=1e-12)
    np.testing.assert_allclose(cost["cost_revenue"], np.multiply([*expected, sum(expected)], 5), rtol=1e-12)


PART = st.tuples(
    st.sampled_from(["person", "household"]),
    st.integers(0, 60),
    st.integers(60, 100),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.integers(0, 50),
)


@given(
    homes=st.lists(HOMES, min_size=1, max_size=12),
    parts=st.lists(PART, min_size=1, max_size=5),
    draws=st.sampled_from(["seeded", "expected"]),
    mpc=st.sampled_from([0.5, 1.0]),
    seed=st.integers(0, 2**64 - 1),
)
def test_money_is_neither_made_nor_lost(homes, parts, draws, mpc, seed):
    """Cost is amount times recipients, and what welfare gains over all people is mpc times the cost."""
    households, persons = frames(homes)
    made = survey_of(households, persons)
    schemes = [
        grant(str(s), value, "month", per=per, min_age=low, max_age=high, coverage=coverage)
        for s, (per, low, high, coverage, value) in enumerate(parts)
    ]
    paid = sp.simulate(made, sp.Package(schemes, draws=draws, mpc=mpc, seed=seed))
    cost = paid.cost
    np.testing.assert_allclose(cost["transfer_cost"][:-1], paid.amounts * cost["recipients"][:-1], rtol=1e-12)
    gained = made.people @ (paid.welfare_after - made.welfare) * 12
    np.testing.assert_allclose(gained, mpc * cost["transfer_cost"].iloc[-1], rtol=1e-9, atol=1e-9)
    recipients = cost["recipients"]
    by_person = [recipients[s] for s, scheme in enumerate(schemes) if scheme.per == "person"]
    assert recipients.iloc[-1] >= max(by_person, default=0) - 1e-9
    assert recipients.iloc[-1] <= min(recipients[:-1].sum(), made.people.sum()) + 1e-9


@pytest.mark.parametrize("draws", ["seeded", "expected"])
def test_cost_is_amount_times_recipients_where_persons_have_their_own_weight(draws):
    """Recipients are counted by the persons' weights, and so is what they are paid."""
    made = toy(persons={"own": [1, 2, 3, 4, 5, 6]}, person_weight="own")
    schemes = [grant(max_age=17), grant("all", 5, coverage=0.5), grant("home", 7, per="household")]
    paid = sp.simulate(made, sp.Package(schemes, draws=draws))
    cost = paid.cost
    assert cost["recipients"][0] == 2 + 4 + 6
    assert cost["recipients"][2] == 10 + 20 + 40
    np.testing.assert_allclose(cost["transfer_cost"][:-1], paid.amounts * cost["recipients"][:-1], rtol=1e-14)


def test_figures_of_cost_are_those_of_the_estimates(example):
    """estimate() adds up by PSU what cost adds up by row."""
    economy = sp.Economy(gdp=1e9, revenue=2e8)
    paid = sp.simulate(example, sp.Package(PARTLY), economy)
    est = sp.estimate(example, [sp.Cost()], {"after": paid}, replicates=sp.Bootstrap(2))
    for _, row in paid.cost.iterrows():
        for name in ("recipients", "transfer_cost", "total_cost", "cost_gdp", "cost_revenue"):
            assert est.value[est.find(statistic=name, of=row["scheme"])] == pytest.approx(row[name], rel=1e-12)


def test_repr_says_whom_it_reaches_and_what_it_costs():
    paid = sp.simulate(toy(), sp.Package([grant(value=1000, max_age=17), grant("old", 500, min_age=70)]))
    assert repr(paid) == "Transfers of 2 schemes: 90 people with at least one, total cost 84,000 a year"
    assert repr(sp.simulate(toy(), sp.Package([grant(value=1000, max_age=17)]))) == (
        "Transfers of 1 scheme: 70 people with at least one, total cost 73,500 a year"
    )
