"""Every parameter of a scheme: against an oracle that walks persons one by one, by its properties, and its errors."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import sp2lnob as sp
from sp2lnob._kernels import _random
from sp2lnob._receipt import RECEIPT
from sp2lnob.schemes import scheme_from

from . import _peers, oracles

PERIODS = {"month": 12, "year": 1}


PEOPLE = st.fixed_dictionaries(
    {
        "age": st.integers(0, 90),
        "sex": st.sampled_from("FM"),
        "pension": st.integers(0, 1),
        "p": st.sampled_from([0.0, 0.5, 0.75, 1.0]),
    }
)
HOMES = st.fixed_dictionaries(
    {
        "weight": st.integers(1, 9),
        "welfare": st.integers(1, 50),
        "place": st.sampled_from(["north", "south"]),
        "has": st.sampled_from([0, 0, 5, 30]),
        "members": st.lists(PEOPLE, min_size=1, max_size=5),
    }
)
BANDS = {
    None: [[(None, None)]],
    "age": [[(0, 9), (10, 59), (60, None)], [(20, 29), (30, 64)], [(None, 17), (18, None)]],
    "size": [[(1, 2), (3, None)], [(1, 1), (2, 3), (4, None)]],
    "recipients": [[(1, 1), (2, None)], [(1, 2), (3, 3), (4, None)]],
}
TAPERS = st.sampled_from(
    [{}, {}, {"starts": 10.0, "rate": 0.5}, {"starts": 5.0, "ends": 30.0}, {"starts": 20.0, "rate": 3.0}]
)
RULES = st.fixed_dictionaries(
    {
        "by": st.sampled_from([None, None, "age", "size", "recipients"]),
        "choice": st.integers(0, 2),
        "values": st.lists(st.integers(0, 20), min_size=3, max_size=3),
        "taper": TAPERS,
        "per": st.sampled_from(["person", "person", "household"]),
        "min_age": st.sampled_from([None, None, 18, 40]),
        "pension": st.sampled_from([None, None, True, False]),
        "target": st.sampled_from([None, None, 12, 30]),
        "coverage": st.sampled_from([1.0, 1.0, 0.5, 0.8]),
        "exclusion_error": st.sampled_from([0.0, 0.0, 0.3]),
        "inclusion_error": st.sampled_from([0.0, 0.0, 0.2]),
        "take_up": st.sampled_from([None, None, "p", "place"]),
        "max_recipients": st.sampled_from([None, None, 1, 2]),
        "max_amount": st.sampled_from([None, None, 15]),
        "tops_up": st.booleans(),
        "unless": st.sampled_from([None, None, 0, 1, 2]),
        "unless_in": st.sampled_from([None, "person", "household"]),
        "weeks": st.sampled_from([None, None, 26]),
    }
)
TAKE_UP = {"north": 0.25, "south": 1.0}


def made_of(homes):
    """Return a survey of homes, and its rows for the oracle."""
    homes = [*homes, {"weight": 2, "welfare": 7, "place": "north", "has": 0, "members": [TWO[0], TWO[1]]}]
    homes.append(homes[-1] | {"place": "south"})
    members = [
        person | {"household": h, "pid": k} for h, home in enumerate(homes) for k, person in enumerate(home["members"])
    ]
    survey = sp.Survey(
        {
            "hid": range(len(homes)),
            **{key: [home[key] for home in homes] for key in ("weight", "welfare", "place", "has")},
        },
        {
            "hid": [person["household"] for person in members],
            **{key: [person[key] for person in members] for key in ("pid", "age", "sex", "pension", "p")},
            "q": [members[[m["household"] for m in members].index(person["household"])]["p"] for person in members],
        },
        person="pid",
        weight="weight",
        welfare="welfare",
        roles={"pension": "pension"},
        existing={"grant": "has"},
        single_psu="certainty",
    )
    households = [
        {
            "id": h,
            "size": len(home["members"]),
            "existing": {"grant": home["has"]},
            "q": home["members"][0]["p"],
            **home,
        }
        for h, home in enumerate(homes)
    ]
    return survey, households, members


TWO = ({"age": 3, "sex": "F", "pension": 0, "p": 1.0}, {"age": 70, "sex": "M", "pension": 1, "p": 0.5})


def cleaned(rules):
    """Return rules whose fields go together: one scheme tops up, and none waits for itself or a later one."""
    made = []
    for s, rule in enumerate(rules):
        rule = dict(rule)
        if rule["per"] == "household":
            rule["max_recipients"] = None
            if rule["by"] in ("age", "recipients"):
                rule["by"] = None
        if rule["unless"] is not None and rule["unless"] >= s:
            rule["unless"] = None
        rule["tops_up"] = rule["tops_up"] and s == len(rules) - 1
        made.append(rule)
    return made


def scheme_of(s, rule):
    bands = BANDS[rule["by"]][rule["choice"] % len(BANDS[rule["by"]])]
    amounts = [(*band, sp.Amount(value, "month")) for band, value in zip(bands, rule["values"], strict=False)]
    amount = sp.Schedule(rule["by"], amounts, **rule["taper"])
    if rule["by"] is None and not rule["taper"]:
        amount = amounts[0][2]
    take_up = {"place": TAKE_UP} if rule["take_up"] == "place" else rule["take_up"] and "pq"[rule["per"] == "household"]
    return sp.Scheme(
        str(s),
        amount=amount,
        **{key: rule[key] for key in ("per", "min_age", "pension", "coverage", "exclusion_error", "inclusion_error")},
        **{key: rule[key] for key in ("max_recipients", "unless_in", "weeks")},
        target=rule["target"] and sp.Threshold(rule["target"]),
        take_up=take_up,
        max_amount=rule["max_amount"] and sp.Amount(rule["max_amount"], "month"),
        tops_up="grant" if rule["tops_up"] else (),
        unless=() if rule["unless"] is None else str(rule["unless"]),
    )


def told(rule):
    """Return a rule as the oracle reads it, of amounts a year."""
    bands = BANDS[rule["by"]][rule["choice"] % len(BANDS[rule["by"]])]
    part = 1 if rule["weeks"] is None else rule["weeks"] * 7 / 365
    inside = bands[0][0] or 0, bands[-1][1]

    def eligible(person, home):
        old_enough = rule["min_age"] is None or person["age"] >= rule["min_age"]
        banded = rule["by"] != "age" or (
            inside[0] <= person["age"] and (inside[1] is None or person["age"] <= inside[1])
        )
        return old_enough and banded and rule["pension"] in (None, bool(person["pension"]))

    def take_up(person, home):
        of_home = rule["per"] == "household"
        return {None: 1.0, "p": home["q"] if of_home else person["p"], "place": TAKE_UP[home["place"]]}[rule["take_up"]]

    taper = {"starts": None, "rate": None, "ends": None} | rule["taper"]
    if taper["rate"] is not None:
        taper["rate"] *= part
    return (
        rule
        | taper
        | {
            "eligible": eligible,
            "aimed": rule["target"] and (lambda person, home: home["welfare"] < rule["target"]),
            "take_up": take_up,
            "unless": [] if rule["unless"] is None else [rule["unless"]],
            "unless_in": rule["unless_in"] or rule["per"],
            "bands": [(*band, value * 12 * part) for band, value in zip(bands, rule["values"], strict=False)],
            "max_amount": rule["max_amount"] and rule["max_amount"] * 12,
            "tops_up": ["grant"] if rule["tops_up"] else [],
        }
    )


def numbers_of(survey, package):
    """Return the number that decides, by scheme and person."""
    made = []
    for scheme in package.schemes:
        home = scheme.per == "household"
        identity = survey.roster.household_identity if home else survey.roster.person_identity
        out = np.empty(len(identity))
        _random.uniforms(package.seed, identity, scheme.stream, RECEIPT, out)
        made.append(out[survey.household_of] if home else out)
    rows = {(int(h), k): i for i, (h, k) in enumerate(zip(survey.household_of, position(survey), strict=True))}
    return lambda s, person: made[s][rows[person["household"], person["pid"]]]


def position(survey):
    return (np.arange(survey.n_persons) - survey.first_person[survey.household_of]).tolist()


@pytest.mark.filterwarnings("ignore:inclusion_error")
@settings(max_examples=150)
@given(
    homes=st.lists(HOMES, min_size=1, max_size=8),
    rules=st.lists(RULES, min_size=1, max_size=4),
    seed=st.integers(0, 50),
)
def test_random_packages_equal_the_oracle(homes, rules, seed):
    survey, households, members = made_of(homes)
    rules = cleaned(rules)
    package = sp.Package([scheme_of(s, rule) for s, rule in enumerate(rules)], seed=seed, mpc=0.5)
    made = sp.simulate(survey, package)
    expected = oracles.handed_out(
        households, members, [told(r) for r in rules], package.order(), numbers_of(survey, package), 12
    )
    agree(survey, made, expected, households, members)


@pytest.mark.filterwarnings("ignore:inclusion_error")
@settings(max_examples=60)
@given(homes=st.lists(HOMES, min_size=1, max_size=8), rules=st.lists(RULES, min_size=1, max_size=3))
def test_expected_packages_equal_the_oracle(homes, rules):
    survey, households, members = made_of(homes)
    alone = {"max_recipients": None, "max_amount": None, "tops_up": False, "unless": None}
    rules = [rule | alone | {"by": None if rule["by"] == "recipients" else rule["by"]} for rule in cleaned(rules)]
    package = sp.Package([scheme_of(s, rule) for s, rule in enumerate(rules)], draws="expected", mpc=0.5)
    made = sp.simulate(survey, package)
    expected = oracles.handed_out(
        households, members, [told(r) for r in rules], package.order(), lambda s, p: 0, 12, True
    )
    agree(survey, made, expected, households, members)


def agree(survey, made, expected, households, members):
    """Check all that transfers tell against chances and money by person and scheme."""
    chance, money = np.moveaxis(np.array(expected), 2, 0)
    np.testing.assert_allclose(made.received, chance, rtol=1e-12)
    each = np.column_stack([made.each(s) for s in range(money.shape[1])])
    np.testing.assert_allclose(each, money, rtol=1e-9, atol=1e-12)
    home = [person["household"] for person in members]
    by_home = np.stack([np.bincount(home, column, len(households)) for column in money.T], axis=1)
    np.testing.assert_allclose(made.household, by_home, rtol=1e-9, atol=1e-12)
    size = np.array([h["size"] for h in households])
    np.testing.assert_allclose(made.welfare_after, survey.welfare + by_home.sum(axis=1) / size / 12 * 0.5, rtol=1e-12)
    weight = np.array([h["weight"] for h in households])
    cost = made.cost
    np.testing.assert_allclose(cost["transfer_cost"][:-1], weight @ by_home, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(cost["recipients"][:-1], weight[home] @ chance, rtol=1e-9, atol=1e-9)
    reached = weight[home] @ (1 - np.prod(1 - chance, axis=1))
    assert cost["recipients"].iloc[-1] == pytest.approx(reached, rel=1e-9, abs=1e-9)


# ---------------------------------------------------------------- what must hold of every package


@settings(max_examples=40)
@given(
    homes=st.lists(HOMES, min_size=1, max_size=8),
    rule=RULES,
    more=st.sampled_from(["coverage", "exclusion_error", "inclusion_error"]),
)
@pytest.mark.filterwarnings("ignore:inclusion_error")
def test_reaching_more_only_adds_recipients(homes, rule, more):
    survey = made_of(homes)[0]
    rule = cleaned([rule | {"max_recipients": None, "tops_up": False, "taper": {}, "unless": None}])[0]
    before = None
    for share in {
        "coverage": (0.1, 0.5, 0.9, 1.0),
        "exclusion_error": (0.9, 0.4, 0.0),
        "inclusion_error": (0.0, 0.2, 0.6),
    }[more]:
        got = sp.simulate(survey, sp.Package([scheme_of(0, rule | {more: share})])).bits
        assert before is None or (before & ~got == 0).all()
        before = got


@settings(max_examples=40)
@given(homes=st.lists(HOMES, min_size=1, max_size=8), rules=st.lists(RULES, min_size=1, max_size=3))
@pytest.mark.filterwarnings("ignore:inclusion_error")
def test_an_amount_of_0_changes_nothing(homes, rules):
    survey = made_of(homes)[0]
    rules = [rule | {"values": [0, 0, 0]} for rule in cleaned(rules)]
    made = sp.simulate(survey, sp.Package([scheme_of(s, rule) for s, rule in enumerate(rules)]))
    np.testing.assert_array_equal(made.welfare_after, survey.welfare)
    assert (made.cost["total_cost"] == 0).all()


@settings(max_examples=30)
@given(homes=st.lists(HOMES, min_size=2, max_size=6), rules=st.lists(RULES, min_size=1, max_size=3), order=st.randoms())
@pytest.mark.filterwarnings("ignore:inclusion_error")
def test_the_order_of_rows_changes_nothing(homes, rules, order):
    survey = made_of(homes)[0]
    package = sp.Package([scheme_of(s, rule) for s, rule in enumerate(cleaned(rules))])

    def columns(table):
        rows = list(range(len(next(iter(table.values())).values)))
        order.shuffle(rows)
        return {n: [c.label(c.values[i]) if c.is_text else c.values[i] for i in rows] for n, c in table.items()}

    shuffled = sp.Survey(
        columns({name: survey.households[name] for name in survey.households}),
        columns({name: survey.persons[name] for name in survey.persons}),
        person="pid",
        weight="weight",
        welfare="welfare",
        roles={"pension": "pension"},
        existing={"grant": "has"},
    )
    for one, other in ((sp.simulate(survey, package), sp.simulate(shuffled, package)),):
        np.testing.assert_array_equal(one.bits, other.bits)
        np.testing.assert_array_equal(one.household, other.household)
        np.testing.assert_array_equal(one.welfare_after, other.welfare_after)
        assert one.cost.equals(other.cost)


@pytest.mark.parametrize(
    ("of", "whole", "split"),
    [
        (sp.Schedule.by_age, {"0-17": 3, "18+": 5}, {"0-4": 3, "5-17": 3, "18-60": 5, "61+": 5}),
        (sp.Schedule.by_size, {"1+": 4}, {"1-2": 4, "3": 4, "4+": 4}),
        (sp.Schedule.by_recipients, {"1": 4, "2+": 3}, {"1": 4, "2": 3, "3-5": 3, "6+": 3}),
    ],
)
def test_a_band_split_in_equal_ones_changes_nothing(example, of, whole, split):
    one, other = (
        sp.simulate(
            example, sp.Package([sp.Scheme("x", amount=of({k: sp.Amount(v, "month") for k, v in bands.items()}))])
        )
        for bands in (whole, split)
    )
    np.testing.assert_array_equal(one.household, other.household)
    np.testing.assert_array_equal(one.welfare_after, other.welfare_after)
    assert one.cost.equals(other.cost)


def test_a_schedule_of_one_amount_is_that_amount(example):
    amount = sp.Amount(7, "month")
    plain = sp.simulate(example, sp.Package([sp.child_benefit(amount, coverage=0.5), sp.old_age_pension(amount)]))
    banded = sp.Schedule.by_age({"0-17": amount})
    sized = sp.Schedule.by_size({"1+": amount})
    varied = sp.simulate(example, sp.Package([sp.child_benefit(banded, coverage=0.5), sp.old_age_pension(sized)]))
    np.testing.assert_array_equal(plain.bits, varied.bits)
    np.testing.assert_allclose(plain.welfare_after, varied.welfare_after, rtol=1e-14)
    np.testing.assert_allclose(plain.cost.iloc[:, 1:], varied.cost.iloc[:, 1:], rtol=1e-12)


def test_estimates_cost_what_transfers_cost_where_amounts_vary(example):
    graded = sp.Schedule.by_age({"0-5": sp.Amount(9, "month"), "6-17": sp.Amount(4, "month")}).tapered(
        starts=40, ends=90
    )
    package = sp.Package([sp.old_age_pension(sp.Amount(9, "month")), sp.child_benefit(graded, administration=0.2)])
    made = sp.simulate(example, package, sp.Economy(gdp=1e9, revenue=1e8))
    est = sp.estimate(
        example, [sp.Cost(), sp.Incidence()], {"after": made}, by=["urbrur", "sex"], replicates=sp.Bootstrap(2)
    )
    for _, row in made.cost.iterrows():
        for name in ("recipients", "transfer_cost", "total_cost", "cost_gdp"):
            assert est.value[est.find(statistic=name, of=row["scheme"], by="all")] == pytest.approx(
                row[name], rel=1e-12
            )
    frame = est.frame()
    for by in ("urbrur", "sex"):
        of = frame[(frame["by"] == by) & (frame["of"] == "child benefit")]
        paid = of[of["statistic"] == "transfer_cost"].set_index("level")["value"]
        assert paid.sum() == pytest.approx(made.cost["transfer_cost"][1], rel=1e-12)
        share = of[of["statistic"] == "benefit_incidence"].set_index("level")["value"]
        np.testing.assert_allclose(share, paid / paid.sum(), rtol=1e-12)


# ---------------------------------------------------------------- one parameter at a time


def toy(**arguments):
    """Return three households of two, weights 10, 20 and 40, of which the second draws a pension of 6 a month."""
    return sp.Survey(
        {"hid": [1, 2, 3], "hhweight": [10, 20, 40], "pc": [50, 60, 80], "has": [0, 6, 0], "a": [1, 2, 0.5]},
        {
            "hid": [1, 1, 2, 2, 3, 3],
            "pid": range(6),
            "age": [40, 3, 70, 17, 68, 0],
            "draws": [0, 0, 1, 0, 0, 0],
            "born": [1, 0, 0, 2, 0, 0],
        },
        **{
            "welfare": "pc",
            "person": "pid",
            "roles": {"pension": "draws", "birth": "born"},
            "existing": {"pension": "has"},
        }
        | arguments,
    )


def grant(name="grant", value=12, unit="month", **fields):
    return sp.Scheme(name, amount=sp.Amount(value, unit), **fields)


def after(*schemes, economy=None, survey=None, **fields):
    return sp.simulate(survey or toy(), sp.Package(schemes, **fields), economy).welfare_after.tolist()


def test_a_pension_test():
    assert after(grant(min_age=65, pension=False)) == [50, 60, 86]
    assert after(grant(min_age=65, pension=True)) == [50, 66, 80]
    assert after(grant(min_age=65)) == [50, 66, 86]


def test_who_is_not_known_to_draw_a_pension_is_neither():
    survey = sp.Survey(
        {"hid": [1, 2, 3], "w": 3 * [1], "pc": 3 * [9]}, {"hid": [1, 2, 3], "d": [1, None, 0]},
        weight="w", welfare="pc", roles={"pension": "d"}, missing="drop",
    )  # fmt: skip
    assert after(grant(pension=True), grant("b", 1, pension=False), survey=survey) == [21, 9, 10]


def test_what_is_replaced_is_lost_by_everybody():
    assert after(grant(min_age=65, replaces=["pension"], pension=False)) == [50, 57, 86]
    assert after(grant(value=6, min_age=70, replaces="pension")) == [50, 60, 80]  # an equal one changes nothing
    assert after(grant(value=6, min_age=70, replaces="pension"), mpc=0.3) == pytest.approx([50, 60, 80], rel=1e-15)
    two = [grant("a", 1, max_age=3, replaces="pension"), grant("b", 1, max_age=3, replaces="pension")]
    assert after(*two) == [51, 57, 81]  # it is lost once


def test_a_top_up_pays_what_is_lacking():
    made = sp.simulate(toy(), sp.Package([grant(value=10, min_age=65, tops_up="pension")]))
    assert made.household[:, 0].tolist() == [0, 48, 120]
    made = sp.simulate(toy(), sp.Package([grant(value=5, min_age=65, tops_up="pension")]))
    assert made.household[:, 0].tolist() == [0, 0, 60]
    assert made.cost["recipients"].tolist() == [40, 40]  # who lacks nothing is no recipient


def test_money_becomes_welfare_at_the_prices_of_the_place():
    survey = toy(price_factor="a")
    assert after(grant(max_age=17), survey=survey) == [56, 72, 83]
    assert after(grant(value=0, replaces="pension"), survey=survey) == [50, 54, 80]
    assert sp.simulate(survey, sp.Package([grant(max_age=17)])).household[:, 0].tolist() == [144, 144, 144]
    assert after(grant(value=12, max_age=17, per="household"), survey=survey) == [56, 72, 83]


def test_less_than_nothing_is_refused_or_kept_and_counted():
    survey = toy(existing={"pension": "pc"}, welfare="has")
    scheme = grant(replaces="pension")
    with pytest.raises(
        sp.InputError, match=r"Welfare without 'pension' must be 0 or more, but 3 of 3 rows do not \(first: hid 1: -25;"
    ):
        after(scheme, survey=survey)
    with pytest.warns(sp.SP2LNOBWarning, match=r"Welfare without 'pension' should be 0 or more, but 3 of 3"):
        assert after(scheme, survey=survey, negative="keep") == [-13, -12, -28]


def test_priority_caps_and_administration():
    old, child = grant("old", min_age=65), grant("child", max_age=17)
    assert after(replace(child, unless=["old"]), old) == [56, 72, 92]
    assert after(replace(child, unless="old", unless_in="household"), old) == [56, 66, 86]
    assert after(grant(max_recipients=1)) == [56, 66, 86]
    assert after(grant(max_amount=sp.Amount(18, "month"))) == [59, 69, 89]
    made = sp.simulate(toy(), sp.Package([replace(old, administration=0.1), child], administration=0.05)).cost
    np.testing.assert_allclose(made["total_cost"] / made["transfer_cost"], [1.1, 1.05, (60 * 1.1 + 70 * 1.05) / 130])


def test_tapers():
    flat = sp.Schedule.flat(sp.Amount(12, "month"))
    assert after(sp.Scheme("x", amount=flat.tapered(starts=50, rate=0.5), max_age=17)) == [56, 63.5, 80]
    assert after(sp.Scheme("x", amount=flat.tapered(starts=50, ends=70), max_age=17)) == [56, 63, 80]
    lines = sp.Economy(lines={"national": 100})
    limits = {"starts": sp.Amount(0.5, "line:national"), "ends": sp.Amount(0.7, "line:national")}
    assert after(sp.Scheme("x", amount=flat.tapered(**limits), max_age=17), economy=lines) == pytest.approx(
        [56, 63, 80]
    )


@pytest.mark.parametrize("how", [{"rate": -0.1}, {"ends": 40}])
def test_a_taper_that_pays_more_to_who_has_more_warns(how):
    with pytest.warns(
        sp.SP2LNOBWarning, match="A taper should pay less to who has more, but its rate is|but it ends at"
    ):
        made = sp.Schedule.flat(sp.Amount(12, "month")).tapered(starts=55, **how)
    assert after(sp.Scheme("x", amount=made, max_age=17)) == (
        [56, 66.25, 87.25] if "rate" in how else pytest.approx([54, 66, 86])
    )


def test_coverage_by_year():
    scheme = sp.old_age_pension(sp.Amount(12, "month"), phase_in={2030: 1.0, 2027: 0.0})
    assert after(scheme, economy=sp.Economy(year=2020)) == [50, 60, 80]
    assert after(scheme, economy=sp.Economy(year=2029)) == [50, 60, 80]
    assert after(scheme, economy=sp.Economy(year=2031)) == [50, 66, 86]
    made = sp.simulate(toy(), sp.Package([scheme]), sp.Economy(year=2031))
    assert made.package.schemes[0].phase_in is None
    assert made.package.schemes[0].coverage == 1


def test_maternity_is_a_level_or_a_total():
    of = sp.Amount(0.09, "gdp_per_capita")
    economy = sp.Economy(gdp_per_capita=1000)
    level, total = sp.maternity_benefit(of), sp.maternity_benefit(of, paid="total_per_birth")
    assert level.per_year(economy, "month", "spot") == 90 * 0.35
    assert level.part_of_year("spot") == 0.35
    assert level.part_of_year() == 18 * 7 / 365
    assert total.per_year(economy, "month") == total.per_year(economy, "month", "spot") == 90
    made = sp.simulate(toy(), sp.Package([total]), economy)
    assert made.household[:, 0].tolist() == [90, 90, 0]  # once, whatever the number of births


def test_presets_are_escap_s_two_packages():
    economy = sp.Economy(gdp_per_capita=100)
    for level, expected in (("basic", [9, 4, 14, 16]), ("enhanced", [18, 4, 23, 22])):
        package = sp.preset_package(level)
        assert package.administration == 0.05
        assert [s.per_year(economy, "month") for s in package.schemes] == pytest.approx(expected, rel=1e-15)
    spot = sp.preset_package(
        "basic", compat="spot", old_ages=(60, 79), child_ages=(2, 12), others={"administration": 0.1}
    )
    assert spot.schemes[0].per_year(economy, "month", spot.compat) == pytest.approx(9 * 0.35, rel=1e-15)
    assert (spot.schemes[3].min_age, spot.schemes[3].max_age, spot.schemes[1].min_age) == (60, 79, 2)
    assert spot.administrations.tolist() == [0.1] * 4


def test_inclusion_error_is_the_share_of_recipients_outside():
    n = 20_000
    survey = sp.Survey(
        {"hid": range(n), "hhweight": np.ones(n), "pc": np.ones(n)},
        {"hid": range(n), "pid": np.zeros(n), "age": np.arange(n) % 100}, person="pid", welfare="pc",
    )  # fmt: skip
    for fields, inside in (({"max_age": 19}, 0.2), ({"max_age": 19, "per": "household"}, 0.2)):
        got = sp.simulate(survey, sp.Package([grant(exclusion_error=0.25, inclusion_error=0.4, **fields)])).received[
            :, 0
        ]
        young = np.arange(n) % 100 <= 19
        assert got[young].mean() == pytest.approx(0.75, abs=0.03)
        assert got[~young].sum() / got.sum() == pytest.approx(0.4, abs=0.02)
        assert got.sum() == pytest.approx(n * inside * 0.75 / 0.6, rel=0.04)


def test_an_inclusion_error_that_is_too_large_is_capped_and_told():
    with pytest.warns(
        sp.SP2LNOBWarning, match=r"it asks for 130 and there are 10: all of them are paid, and the error is 0.07143"
    ):
        made = sp.simulate(toy(), sp.Package([grant(who="age != 40", inclusion_error=0.5)]))
    assert made.received.sum() == 6


def test_expected_draws_are_warned_of_once():
    with pytest.warns(sp.SP2LNOBWarning, match="draws='expected' should be used for cost and means alone, but") as told:
        after(grant(coverage=0.5), grant("b", coverage=0.5), draws="expected")
    assert len(told) == 1
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        after(grant(), draws="expected")


def test_what_is_paid_at_once_has_the_bits_of_what_is_written_down(example):
    schemes = [grant(str(k), 1 + k / 7, min_age=k, max_age=40 + k, disability=k % 2 == 0) for k in range(11)]
    at_once = sp.simulate(example, sp.Package(schemes, mpc=0.7))
    written = sp.simulate(example, sp.Package([replace(s, who="age >= 0") for s in schemes], mpc=0.7))
    assert at_once.known is None
    assert written.known is not None
    np.testing.assert_array_equal(at_once.welfare_after, written.welfare_after)
    np.testing.assert_array_equal(at_once.bits, written.bits)


def test_a_household_of_a_thousand_is_counted():
    survey = sp.Survey(
        {"hid": [1, 2], "hhweight": [1, 1], "pc": [1.0, 1.0]},
        {"hid": [1] * 1000 + [2], "pid": range(1001), "age": [5] * 1001}, person="pid", welfare="pc",
    )  # fmt: skip
    made = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(12, "year"))]))
    assert made.recipients[:, 0].tolist() == [1000, 1]
    assert made.welfare_after.tolist() == [2, 2]


def test_a_scheme_is_told_and_read_again():
    amount = sp.Schedule.by_age({"0-5": sp.Amount(9, "month"), "6+": sp.Amount(4, "month")}).tapered(starts=40, ends=90)
    scheme = sp.Scheme(
        "x", amount=amount, phase_in={2027: 0.5}, take_up={"urbrur": {"Rural": 0.5}}, unless="y", replaces="p"
    )
    assert scheme_from(json.loads(json.dumps(asdict(scheme)))) == scheme


@pytest.mark.parametrize(
    "target", [sp.Rank(0.4, boundary="out"), sp.Threshold("line:national"), sp.Affluence(0.2, of="eligible")]
)
def test_a_target_is_told_and_read_again(target):
    scheme = grant(target=target)
    assert scheme_from(json.loads(json.dumps(asdict(scheme)))) == scheme


def test_spread_over_seeds():
    n = 2000
    survey = sp.Survey(
        {"hid": range(n), "hhweight": np.ones(n), "pc": np.ones(n)},
        {"hid": range(n)},
        welfare="pc",
        welfare_period="year",
    )
    moved = sp.spread(
        survey, sp.Package([grant(value=1, unit="year", coverage=0.5, per="household")]), lines={"a": 1.5}, seeds=20
    )
    of = moved.set_index("statistic")
    error = np.sqrt(0.25 / n)
    assert of.loc["headcount", "mean"] == pytest.approx(0.5, abs=4 * error)
    assert of.loc["headcount", "sd"] == pytest.approx(error, rel=0.5)
    assert of.loc["mean_welfare", "sd"] == pytest.approx(of.loc["headcount", "sd"], rel=1e-9)
    assert of.loc["total_cost", "sd"] == pytest.approx(of.loc["headcount", "sd"] * n * 1.05, rel=1e-9)
    assert (moved["lowest"] < moved["highest"]).all()
    assert moved["of"].tolist() == ["", "a", "a", "package"]


def test_four_schemes_come_to_what_peers_agree_on():
    households, persons = _peers.people()
    survey = sp.Survey(
        households,
        persons,
        weight="w",
        psu="psu",
        strata="stratum",
        welfare="cons",
        roles={"disability": "disabled", "birth": "births"},
    )
    of = sp.Amount
    schemes = [
        sp.child_benefit(of(0.2, "month")),
        sp.disability_benefit(of(0.5, "month")),
        sp.old_age_pension(of(0.6, "month")),
        sp.maternity_benefit(of(0.4, "month"), weeks=52),
    ]
    schemes[3] = replace(schemes[3], weeks=None)  # all of the year
    made = sp.simulate(survey, sp.Package(schemes))
    after, people = made.welfare_after, survey.people
    found = [made.cost["transfer_cost"].iloc[-1] / 12, sp.gini(after, people), sp.palma(after, people)]
    found += [sp.fgt(after, people, 2.15, alpha) for alpha in (0, 1, 2)]
    assert found == pytest.approx(list(_peers.KNOWN["schemes"]), rel=1e-9)


# ---------------------------------------------------------------- what is refused

A = sp.Amount(12, "month")
WRONG = [
    ({"pension": 1}, "pension of scheme 'x' must be True, False or None, but 1 is of type int"),
    ({"target": "poorest"}, "target of scheme 'x' must be a Target"),
    ({"paid": "once"}, "paid of scheme 'x' must be one of 'level', 'total_per_birth'"),
    ({"paid": "total_per_birth"}, "paid of scheme 'x' must be 'level', but it is per birth, and birth is False"),
    (
        {"paid": "total_per_birth", "birth": True},
        "amount of scheme 'x' must be a total per birth, but it is by the month",
    ),
    ({"exclusion_error": 1}, "exclusion_error of scheme 'x' must be below 1, but it is 1"),
    ({"inclusion_error": 1}, "inclusion_error of scheme 'x' must be below 1, but it is 1"),
    ({"inclusion_error": -0.1}, r"inclusion_error of scheme 'x' must be in \[0, 1\], but it is -0.1"),
    ({"coverage": 1.1}, r"coverage of scheme 'x' must be in \[0, 1\], but it is 1.1"),
    ({"coverage": 0.5, "phase_in": {2027: 1}}, "coverage of scheme 'x' must be given once, but it is 0.5"),
    ({"phase_in": {2027: 2}}, r"phase_in of scheme 'x' in 2027 must be in \[0, 1\], but it is 2"),
    ({"phase_in": {}}, "phase_in of scheme 'x' must have a year"),
    ({"phase_in": 0.4}, "phase_in of scheme 'x' must be a mapping of names"),
    ({"take_up": 0.4}, "take_up of scheme 'x' must be a column, or the levels of one"),
    ({"take_up": {"a": {}, "b": {}}}, "take_up of scheme 'x' must name one column, but it names 2"),
    ({"take_up": {1: {}}}, "take_up of scheme 'x' must name a column"),
    ({"take_up": {"a": {"b": 2}}}, r"take_up of scheme 'x' of 'b' must be in \[0, 1\], but it is 2"),
    ({"max_recipients": 0}, "max_recipients of scheme 'x' must be 1 or more, but it is 0"),
    ({"max_recipients": 1, "per": "household"}, "max_recipients of scheme 'x' must be None"),
    ({"max_amount": 5}, "max_amount of scheme 'x' must be an Amount"),
    ({"amount": 5}, "amount of scheme 'x' must be an Amount or a Schedule"),
    ({"amount": sp.Schedule.by_age({"0+": A}), "per": "household"}, "amount of scheme 'x' must not be by age"),
    ({"unless": 5}, "unless of scheme 'x' must be a list"),
    ({"unless_in": "village"}, "unless_in of scheme 'x' must be one of 'person', 'household'"),
    ({"replaces": "a", "tops_up": "a"}, "Scheme 'x' must replace a benefit or top it up, but it does both with 'a'"),
    ({"administration": -1}, r"administration of scheme 'x', .*, must be in \[0, 1\], but it is -1"),
    ({"administration": 5}, r"a share of what it pays, must be in \[0, 1\], but it is 5. Write 0.05 for 5 %"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG, ids=lambda value: str(value)[:40])
def test_slips_of_a_scheme_name_it_and_its_field(fields, message):
    with pytest.raises((sp.InputError, sp.InputTypeError), match=message):
        sp.Scheme("x", **{"amount": A} | fields)


SCHEDULES = [
    (lambda: sp.Schedule.by_age({(0, 5): A, (5, 9): A}), "Bands of age must not overlap, but 0 to 5 and 5 to 9 do"),
    (
        lambda: sp.Schedule.by_age({(0, None): A, (5, 9): A}),
        "Bands of age must not overlap, but 0 or more and 5 to 9 do",
    ),
    (lambda: sp.Schedule.by_age({(0, 5): A, (8, 9): A}), "Bands of age must leave no gap, but 0 to 5 and 8 to 9 do"),
    (lambda: sp.Schedule.by_age({(5, 0): A}), "A band of age must not end before it begins, but 5 to 0 does"),
    (lambda: sp.Schedule.by_age({(-1, 5): A}), "An end of a band of age must be 0 or more, but it is -1"),
    (lambda: sp.Schedule.by_age({"5 to 9": A}), r"A band must be '0-5', '5' or '65\+', but it is '5 to 9'"),
    (lambda: sp.Schedule.by_age({5: A}), "A band must be a pair of ages or numbers"),
    (lambda: sp.Schedule.by_age({(0, 5): 5}), "What a band pays must be an Amount"),
    (lambda: sp.Schedule.by_age({}), "A schedule must have a band"),
    (lambda: sp.Schedule.by_age([A]), "Bands must be a mapping of names"),
    (lambda: sp.Schedule.by_size({"2+": A}), "Bands of size must go from 1 to an open end, but they are 2 or more"),
    (lambda: sp.Schedule("wealth", [(0, 5, A)]), "by of a schedule must be one of 'age', 'size', 'recipients'"),
    (lambda: sp.Schedule(None, [(0, 5, A)]), "A schedule that is by nothing must have one amount"),
    (lambda: sp.Schedule("age", [(0, 5)]), "A band of a schedule must be its first, its last and its amount"),
    (lambda: sp.Schedule("age", "0-5"), "The bands of a schedule must be a list"),
    (lambda: sp.Schedule.flat(A).tapered(starts=5), "A taper must have starts=, and rate= or ends=, but it has starts"),
    (lambda: sp.Schedule.flat(A).tapered(starts=5, rate=1, ends=7), "but it has starts and rate and ends"),
    (lambda: sp.Schedule.flat(A).tapered(starts=5, rate=0), "rate of a taper must not be 0"),
    (lambda: sp.Schedule.flat(A).tapered(starts=5, ends=5), "A taper must end elsewhere than it starts"),
    (lambda: sp.Schedule.flat(A).tapered(starts="low", ends=5), "starts of a taper must be a number"),
]


@pytest.mark.parametrize(("make", "message"), SCHEDULES, ids=range(len(SCHEDULES)))
def test_slips_of_a_schedule(make, message):
    with pytest.raises((sp.InputError, sp.InputTypeError), match=message):
        make()


PACKAGES = [
    (
        [grant("a", unless="b"), grant("b", unless="c"), grant("c", unless="a")],
        {},
        "wait for each other: 'a' -> 'b' -> 'c' -> 'a'",
    ),
    ([grant("a", unless="a")], {}, "these wait for each other: 'a' -> 'a'"),
    ([grant("a", unless="d")], {}, "unless of scheme 'a' must be one that exists, but 'd' does not"),
    ([grant("a", tops_up="p"), grant("b", tops_up="p")], {}, "'p' must be topped up by one scheme, but 'a' and 'b' do"),
    ([grant("a", tops_up="p"), grant("b", replaces="p")], {}, "scheme 'b' replaces it and 'a' tops it up"),
    ([grant("a")], {"mpc": -0.1}, r"mpc of a package must be in \[0, 1\], but it is -0.1"),
    ([grant("a")], {"draws": "random"}, "draws of a package must be one of 'seeded', 'exact', 'expected'"),
    ([grant("a")], {"compat": "adept"}, "compat of a package must be one of 'spot'"),
    ([grant("a")], {"negative": "clip"}, "negative of a package must be one of 'error', 'keep'"),
]


@pytest.mark.parametrize(("schemes", "fields", "message"), PACKAGES, ids=range(len(PACKAGES)))
def test_slips_of_a_package(schemes, fields, message):
    with pytest.raises((sp.InputError, sp.InputTypeError), match=message):
        sp.Package(schemes, **fields)


TAPER = sp.Schedule.flat(A).tapered(starts=5, rate=1)
OF_A_SURVEY = [
    (grant(pension=True), {"roles": {}}, {}, "The pension test of scheme 'grant' needs the role 'pension'"),
    (grant(pension=True), {"roles": {"pension": "age"}}, {}, "The pension 'age' must be 0 or 1"),
    (grant(replaces="x"), {}, {}, "replaces of scheme 'grant' must be one that exists, but 'x' does not"),
    (grant(tops_up="x"), {}, {}, "tops_up of scheme 'grant' must be one that exists, but 'x' does not"),
    (
        sp.Scheme("t", amount=TAPER),
        {"welfare": None},
        {},
        "The taper of scheme 't' needs welfare, but the survey has none",
    ),
    (
        grant(take_up="age"),
        {},
        {},
        r"take_up of scheme 'grant' must be in \[0, 1\] for all who may be paid, but 5 of 6",
    ),
    (
        grant(take_up={"pc": {50: 1, 60: 1}}),
        {},
        {},
        "take_up of scheme 'grant' must give every level of 'pc', but it lacks 80",
    ),
    (
        grant(take_up={"pc": {51: 1}}),
        {},
        {},
        "A level in take_up of scheme 'grant' must be one of 'pc', but 51 is none",
    ),
    (grant(take_up="nothing"), {}, {}, "take_up of scheme 'grant': A column .* but 'nothing' does not"),
    (grant(target=sp.Rank(0.4, by="nothing")), {}, {}, "The target of scheme 'grant': A column .* but 'nothing' does"),
    (grant(take_up="draws", per="household"), {}, {}, "draws"),
    (grant(phase_in={2030: 1}), {}, {}, "Coverage of scheme 'grant' is phased in, and needs a year"),
    (
        grant(coverage=0.5, max_recipients=1),
        {},
        {"draws": "expected"},
        "max_recipients of scheme 'grant' must rest on who is paid",
    ),
    (grant(), {"price_factor": "has"}, {}, "Every price factor 'has' must be above 0, but 2 of 3"),
    (grant(take_up="draws"), {"person": None}, {}, "Scheme 'grant' draws recipients, and must know each person again"),
]


@pytest.mark.parametrize(("scheme", "survey", "fields", "message"), OF_A_SURVEY, ids=range(len(OF_A_SURVEY)))
def test_what_a_survey_cannot_answer(scheme, survey, fields, message):
    with pytest.raises((sp.InputError, sp.InputTypeError), match=message):
        sp.simulate(toy(**survey), sp.Package([scheme], **fields))


def test_presets_take_no_field_that_they_set():
    with pytest.raises(sp.InputError, match="A field of scheme 'child benefit' must be one that exists, but 'birth'"):
        sp.child_benefit(A, birth=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"package": 5}, "spread.. takes a Survey and a Package"),
        (
            {"package": sp.Package([grant()], draws="expected")},
            "spread.. needs draws='seeded', but the package has 'expected'",
        ),
        ({"seeds": 1}, "seeds must be 2 or more"),
        ({"lines": {"a": 0}}, "line 'a' must be above 0"),
        ({"survey": toy(welfare=None)}, "spread.. needs welfare"),
    ],
)
def test_slips_of_spread(arguments, message):
    with pytest.raises((sp.InputError, sp.InputTypeError), match=message):
        sp.spread(**{"survey": toy(), "package": sp.Package([grant()])} | arguments)


def test_who_is_of_unknown_age_is_in_no_band():
    homes = {"hid": [1, 2], "weight": [1.0, 1.0], "ea": [1, 2]}
    people = {"hid": [1, 1, 2], "age": [np.nan, 30, 5]}
    survey = sp.Survey(homes, people, weight="weight", psu="ea", missing="drop")
    bands = sp.Schedule.by_age({(None, 17): sp.Amount(9, "month"), (18, None): sp.Amount(4, "month")})
    made = sp.simulate(survey, sp.Package([sp.Scheme("graded", amount=bands)]))
    assert made.received.ravel().tolist() == [0.0, 1.0, 1.0]


def test_a_slip_in_a_preset_is_told_by_the_field_that_was_meant():
    with pytest.raises(sp.InputError, match=r"A field of scheme 'old-age pension' .* Did you mean 'min_age'?"):
        sp.old_age_pension(sp.Amount(1, "month"), min_aeg=60)
    with pytest.raises(sp.InputError, match="old_ages must be the first and the last age, but it is 60"):
        sp.preset_package("basic", old_ages=60)
