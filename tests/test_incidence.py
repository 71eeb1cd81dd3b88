"""Whom a package reaches, how it falls, who gains and what it costs: counted by hand, in every replicate.

By hand means lists of persons with the chance that each is paid; chances of several are put together by listing every
outcome of the draws.
"""

import math
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

import sp2lnob as sp

from . import oracles
from ._data import DESIGN, ByHand, factors, toy_frames

REPLICATES = sp.Bootstrap(6, seed=9)
AMOUNTS = {"children": 20, "old": 45, "rural homes": 30, "women": 7}  # a month
HALF = Fraction(1, 2)


def amount(name):
    return sp.Amount(AMOUNTS[name], "month")


def schemes(coverage=1.0):
    return [
        sp.child_benefit(amount("children"), name="children"),
        sp.old_age_pension(amount("old"), name="old", min_age=65),
        sp.Scheme(
            "rural homes",
            who="urbrur == 'Rural' and age >= 15",
            amount=amount("rural homes"),
            per="household",
            coverage=coverage,
        ),
        sp.Scheme("women", who="age >= 18", sex="Female", amount=amount("women"), coverage=coverage),
    ]


def eligible(name, person):
    """Whether a person may receive a scheme, as the schemes above say."""
    return {
        "children": person["age"] <= 17,
        "old": person["age"] >= 65,
        "rural homes": person["urbrur"] == "Rural" and person["age"] >= 15,
        "women": person["age"] >= 18 and person["sex"] == "Female",
    }[name]


class Paid(ByHand):
    """The small survey, and the chance that each of its persons is paid by each scheme."""

    def __init__(self, frames, names, coverage=1, **instead):
        survey = sp.Survey(*frames, **DESIGN | {"derive": {"adult": "age >= 18"}} | instead)
        super().__init__(survey, frames)
        self.names = [*names, "package"]
        self.p["adult"] = [int(age >= 18) for age in self.p["age"]]
        people = [dict(zip(self.p, row, strict=True)) for row in zip(*self.p.values(), strict=True)]
        chances, had = [], set()
        for person, home in zip(people, self.home, strict=True):
            row = []
            for name in names:
                may = eligible(name, person)
                if name == "rural homes":  # one payment a household, booked to the first who is eligible
                    may = may and home not in had
                    had |= {home} if may else set()
                row.append((coverage if name in ("rural homes", "women") else 1) if may else 0)
            chances.append(row)
        self.chances = chances
        self.paid, self.lives = oracles.reach(self.home, chances)
        own = self.p["own_weight"] if instead.get("person_weight") else [self.h["hhweight"][i] for i in self.home]
        self.own = [int(w) for w in own]
        of = self.home
        self.people = [sum(w for w, i in zip(self.own, of, strict=True) if i == home) for home in range(len(self.psu))]

    def weights(self, factor, unit="household", weigh="persons"):
        base = self.own if unit == "person" else self.people
        return [w * factor[self.psu[i]] for w, i in zip(base, self.homes(unit), strict=True)]

    def labels(self, by, factor):
        """Return the level of every person: everything is counted person by person."""
        return self.levels(by, factor, "person")

    def coverage(self, by, level, factor, s, direct):
        weight = self.weights(factor, "person")
        rows = [i for i, found in enumerate(self.labels(by, factor)) if found == level]
        of = self.paid if direct else self.lives
        whole = sum(weight[i] for i in rows)
        return float(sum(weight[i] * of[i][s] for i in rows) / whole) if whole else math.nan

    def recipients(self, by, level, factor, s):
        """Return those who receive at a level: households, where a benefit is paid to these."""
        total = 0
        for i, found in enumerate(self.labels(by, factor)):
            home = self.home[i]
            weight = int(self.h["hhweight"][home]) if self.names[s] == "rural homes" else self.own[i]
            total += (found == level) * weight * factor[self.psu[home]] * self.paid[i][s]
        return total

    def benefit(self, by, level, factor, s):
        if self.names[s] != "package":
            return AMOUNTS[self.names[s]] * 12 * self.recipients(by, level, factor, s)
        return sum(self.benefit(by, level, factor, k) for k in range(s))


NAMES = tuple(AMOUNTS)
BYS = [
    ("urbrur",),
    ("region", "educ"),
    ("sex",),
    ("adult", "urbrur"),
    ("bottom40",),
    ("decile",),
    ("quintile", "region"),
    ("sex", "bottom40"),
]
VARIANTS = {
    "certain": {},
    "expected": {"coverage": HALF},
    "own weights": {"person_weight": "own_weight"},
    "expected, own weights": {"coverage": Fraction(1, 4), "person_weight": "own_weight"},
}


@cache
def paid(variant):
    frames = toy_frames(3)
    return Paid(frames, NAMES, **VARIANTS[variant])


@cache
def estimated(variant):
    hand, coverage = paid(variant), VARIANTS[variant].get("coverage", 1)
    package = sp.Package(schemes(float(coverage)), administration=0.1, draws="seeded" if coverage == 1 else "expected")
    transfers = sp.simulate(hand.survey, package)
    statistics = [sp.Coverage(), sp.Incidence(), sp.ConsumptionGain(), sp.Cost()]
    return transfers, sp.estimate(hand.survey, statistics, {"after": transfers}, by=BYS, replicates=REPLICATES)


def every(hand):
    """Return the factors of the full sample and of every replicate as whole numbers of eighths."""
    return [[int(f * 8) for f in row] for row in [hand.one, *factors(hand.survey, REPLICATES)]]


@pytest.mark.parametrize("variant", VARIANTS)
def test_who_is_paid_is_who_should_be(variant):
    hand, (transfers, _) = paid(variant), estimated(variant)
    assert transfers.received.tolist() == [[float(p) for p in row] for row in hand.chances]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("by", [(), *BYS], ids=lambda by: " x ".join(by) or "all")
def test_coverage_and_incidence_equal_a_count_by_hand(variant, by):
    hand, (_, made) = paid(variant), estimated(variant)
    name, checked = " x ".join(by) or "all", []
    for i, row in enumerate(made.rows):
        if row.by != name or row.statistic not in ("coverage", "coverage_direct"):
            continue
        assert row.scenario == "after"
        s = hand.names.index(row.of)
        direct = row.statistic == "coverage_direct"
        expected = [hand.coverage(by, row.level, factor, s, direct) for factor in every(hand)]
        found = [made.value[i], *made.draws[:, i]]
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-14, nan_ok=True), row
        checked.append((row.level, row.statistic, row.of))
    levels = list(dict.fromkeys(level for level, _, _ in checked))
    assert set(levels) >= set(hand.labels(by, every(hand)[0]))
    assert checked == [(a, b, c) for a in levels for b in ("coverage", "coverage_direct") for c in hand.names]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("by", BYS, ids=" x ".join)
def test_incidence_equals_a_count_by_hand_and_adds_up_to_1(variant, by):
    hand, (transfers, made) = paid(variant), estimated(variant)
    name, checked = " x ".join(by), 0
    at = [i for i, row in enumerate(made.rows) if row.by == name and "incidence" in row.statistic]
    levels = list(dict.fromkeys(made.rows[i].level for i in at))
    for which, count in (("benefit_incidence", hand.benefit), ("beneficiary_incidence", hand.recipients)):
        for s, of in enumerate(hand.names):
            rows = {made.rows[i].level: i for i in at if (made.rows[i].statistic, made.rows[i].of) == (which, of)}
            assert list(rows) == levels
            for replicate, factor in enumerate(every(hand)):
                found = [made.value[i] if not replicate else made.draws[replicate - 1, i] for i in rows.values()]
                counted = [count(by, level, factor, s) for level in levels]
                assert found == pytest.approx(
                    [float(Fraction(c) / sum(counted)) for c in counted], rel=1e-12, abs=1e-15
                )
                assert sum(found) == pytest.approx(1, rel=1e-14)
                checked += 1
                if replicate == 0:  # in money and in heads it is what the package costs
                    cost = transfers.cost.iloc[s]
                    whole = cost.transfer_cost if which == "benefit_incidence" else cost.recipients
                    assert whole * 8 == pytest.approx(float(sum(counted)), rel=1e-12)
    assert checked == 2 * 5 * (1 + REPLICATES.n)


@pytest.mark.parametrize("variant", VARIANTS)
def test_nobody_is_incident_of_everybody(variant):
    _, made = estimated(variant)
    assert not [row for row in made.rows if row.by == "all" and "incidence" in row.statistic]
    assert not [row for row in made.rows if row.scenario != "after"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_cost_equals_a_count_by_hand(variant):
    hand, (_, made) = paid(variant), estimated(variant)
    at = [
        i
        for i, row in enumerate(made.rows)
        if row.by == "all" and row.statistic in ("recipients", "transfer_cost", "total_cost")
    ]
    assert len(at) == 5 * 3
    for i in at:
        row = made.rows[i]
        assert (row.by, row.level) == ("all", "all")
        s = hand.names.index(row.of)
        for replicate, factor in enumerate(every(hand)):
            count = hand.recipients if row.statistic == "recipients" else hand.benefit
            expected = (
                float(count((), "all", factor, s) * (Fraction(11, 10) if row.statistic == "total_cost" else 1)) / 8
            )
            found = made.value[i] if not replicate else made.draws[replicate - 1, i]
            assert found == pytest.approx(expected, rel=1e-12), row
        weight = hand.survey.person_weight
        assert row.n == sum(p[s] > 0 and w > 0 for p, w in zip(hand.paid, weight, strict=True))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("by", [(), *BYS], ids=lambda by: " x ".join(by) or "all")
def test_consumption_gain_is_a_ratio_of_means_of_those_of_before(variant, by):
    hand, (transfers, made) = paid(variant), estimated(variant)
    # What a household gains a person: what it is paid a month, over its members.
    paid_a_month = [Fraction(0)] * len(hand.psu)
    for home, row in zip(hand.home, hand.chances, strict=True):
        paid_a_month[home] += sum(p * AMOUNTS[name] for p, name in zip(row, NAMES, strict=True))
    gain = [money / n for money, n in zip(paid_a_month, hand.size, strict=True)]
    found_after = [Fraction(float(v)) for v in transfers.welfare_after]
    assert [float(b + g) for b, g in zip(hand.welfare["before"], gain, strict=True)] == pytest.approx(
        [float(v) for v in found_after], rel=1e-14
    )
    name = " x ".join(by) or "all"
    rows = [i for i, row in enumerate(made.rows) if row.by == name and row.statistic == "consumption_gain"]
    assert len(rows) == len({made.rows[i].level for i in rows}) > 0
    for i in rows:
        expected = []
        for factor in every(hand):
            weight = hand.weights(factor, "person")
            members = [k for k, level in enumerate(hand.labels(by, factor)) if level == made.rows[i].level]
            before = sum(weight[k] * hand.welfare["before"][hand.home[k]] for k in members)
            gained = sum(weight[k] * gain[hand.home[k]] for k in members)
            expected.append(float(gained / before) if before else math.nan)
        assert [made.value[i], *made.draws[:, i]] == pytest.approx(expected, rel=1e-11, nan_ok=True), made.rows[i]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("by", [("urbrur",), ("sex",), ("decile",), ("sex", "bottom40")], ids=" x ".join)
def test_the_gain_of_all_is_that_of_the_levels_by_their_welfare_before(variant, by):
    hand, (transfers, _) = paid(variant), estimated(variant)
    statistics = [sp.ConsumptionGain(), sp.MeanWelfare(), sp.Coverage()]
    made = sp.estimate(hand.survey, statistics, {"after": transfers}, by=[by], replicates=REPLICATES)
    full = [hand.one, *factors(hand.survey, REPLICATES)]
    table = np.vstack([made.value, made.draws])
    for replicate, factor in enumerate(full):
        weight, labels = hand.weights(factor, "person"), hand.labels(by, factor)
        welfare = gained = reached = 0.0
        for level in set(labels):
            people = float(sum(w for w, found in zip(weight, labels, strict=True) if found == level))
            if not people:
                continue
            mean = table[
                replicate, made.find(statistic="mean_welfare", scenario="before", by=" x ".join(by), level=level)
            ]
            part = table[replicate, made.find(statistic="consumption_gain", by=" x ".join(by), level=level)]
            direct = table[
                replicate, made.find(statistic="coverage_direct", of="women", by=" x ".join(by), level=level)
            ]
            welfare, gained, reached = welfare + people * mean, gained + people * mean * part, reached + people * direct
        of_all = table[replicate, made.find(statistic="consumption_gain", by="all")]
        assert of_all == pytest.approx(gained / welfare, rel=1e-12)
        direct = table[replicate, made.find(statistic="coverage_direct", of="women", by="all")]
        assert direct == pytest.approx(reached / float(sum(weight)), rel=1e-12)
        # And it is the change of the mean.
        before = table[replicate, made.find(statistic="mean_welfare", scenario="before", by="all")]
        change = table[replicate, made.find(statistic="mean_welfare", scenario="change", by="all")]
        assert of_all == pytest.approx(change / before, rel=1e-11)


# -- small surveys, counted on the fingers ----------------------------------------------------------------------------

HOMES = {"hid": [1, 2, 3, 4], "hhweight": [10, 10, 20, 5], "ea": [1, 2, 3, 4], "area": ["a", "a", "b", "b"]}
PEOPLE = {
    "hid": [1, 1, 1, 2, 3, 3, 4, 4],
    "pid": [1, 2, 3, 1, 1, 2, 1, 2],
    "age": [40, 5, 3, 70, 30, 66, 17, 80],
    "sex": ["f", "f", "m", "m", "f", "m", "m", "f"],
}


def small(homes=(), people=(), **instead):
    return sp.Survey(HOMES | dict(homes), PEOPLE | dict(people), **{"psu": "ea", "person": "pid"} | instead)


def found(survey, package, statistic, by=(), **arguments):
    """Return the values of a statistic after a package, by name, scheme and level."""
    given = {"after": sp.simulate(survey, package)}
    made = sp.estimate(survey, [statistic], given, by=by, replicates=sp.Bootstrap(4), **arguments)
    return {(row.statistic, row.of, row.level): made.value[i] for i, row in enumerate(made.rows)}


CHILDREN, OLD = sp.child_benefit(sp.Amount(1, "month"), name="c"), sp.old_age_pension(sp.Amount(3, "month"), name="o")


def test_direct_and_indirect_on_the_fingers():
    # People 30 + 10 + 40 + 10 = 90. Children: two of home 1, one of home 4; old (65): homes 2, 3 and 4.
    values = found(small(), sp.Package([CHILDREN, OLD]), sp.Coverage())
    assert values == pytest.approx(
        {
            ("coverage", "c", "all"): 40 / 90,
            ("coverage", "o", "all"): 60 / 90,
            ("coverage", "package", "all"): 1,
            ("coverage_direct", "c", "all"): 25 / 90,
            ("coverage_direct", "o", "all"): 35 / 90,
            ("coverage_direct", "package", "all"): 60 / 90,
        },
        rel=1e-15,
    )


def test_the_survey_needs_no_welfare():
    values = found(small(), sp.Package([CHILDREN]), sp.Coverage(), by=["area", "sex", ("area", "sex")])
    # Women: 20 in home 1, of whom 10 are a child; 20 in home 3; 5 in home 4, whom a child lives with.
    assert values["coverage", "c", "f"] == pytest.approx(25 / 45)
    assert values["coverage_direct", "c", "f"] == pytest.approx(10 / 45)
    assert values["coverage", "c", "m"] == pytest.approx(15 / 45)
    assert values["coverage_direct", "c", "m"] == pytest.approx(15 / 45)
    assert values["coverage", "c", "a"] == pytest.approx(30 / 40)
    assert values["coverage_direct", "c", "b x m"] == pytest.approx(5 / 25)
    shares = found(small(), sp.Package([CHILDREN, OLD]), sp.Incidence(), by=["sex", "area"])
    # Children 10 f, 10 m and 5 m at 1; old 10 m, 20 m and 5 f at 3.
    assert shares["benefit_incidence", "package", "f"] == pytest.approx((10 + 15) / (25 + 105))
    assert shares["beneficiary_incidence", "package", "f"] == pytest.approx(15 / 60)
    assert shares["benefit_incidence", "o", "a"] == pytest.approx(10 / 35)
    with pytest.raises(sp.InputError, match="welfare class 'decile' needs welfare"):
        found(small(), sp.Package([CHILDREN]), sp.Coverage(), by=["decile"])
    with pytest.raises(sp.InputError, match="has none"):
        found(small(), sp.Package([CHILDREN]), sp.ConsumptionGain())


def test_a_benefit_of_the_household_is_booked_to_its_first_eligible_member():
    scheme = sp.Scheme("h", who="age >= 18", amount=sp.Amount(5, "month"), per="household")
    values = found(small(people={"pid": [3, 2, 1, 1, 2, 1, 1, 2]}), sp.Package([scheme]), sp.Coverage(), by=["sex"])
    # First in home 3 is now the man of 66. Booked: f of 40 in 1, m in 2, m in 3, f of 80 in 4.
    assert values["coverage", "h", "all"] == 1
    assert values["coverage_direct", "h", "all"] == pytest.approx(45 / 90)
    assert values["coverage_direct", "h", "f"] == pytest.approx(15 / 45)
    assert values["coverage_direct", "h", "m"] == pytest.approx(30 / 45)


def test_who_is_paid_twice_counts_once():
    twice = sp.Scheme("t", who="age < 10", amount=sp.Amount(9, "month"))
    values = found(small(), sp.Package([CHILDREN, twice]), sp.Coverage())
    assert (
        values["coverage_direct", "package", "all"] == values["coverage_direct", "c", "all"] == pytest.approx(25 / 90)
    )
    assert values["coverage", "package", "all"] == values["coverage", "c", "all"]
    one = found(small(), sp.Package([CHILDREN]), sp.Coverage())
    for statistic in ("coverage", "coverage_direct"):
        assert one[statistic, "package", "all"] == one[statistic, "c", "all"]


def test_everybody_or_nobody():
    everybody = found(small(), sp.Package([sp.Scheme("e", amount=sp.Amount(1, "month"))]), sp.Coverage(), by=["area"])
    assert set(everybody.values()) == {1.0}
    nobody = sp.Package([sp.Scheme("n", who="age > 100", amount=sp.Amount(1, "month")), CHILDREN])
    coverage = found(small(), nobody, sp.Coverage(), by=["area"])
    assert {value for (_, of, _), value in coverage.items() if of == "n"} == {0.0}
    shares = found(small(), nobody, sp.Incidence(), by=["area"])
    assert np.isnan([value for (_, of, _), value in shares.items() if of == "n"]).all()
    assert shares["benefit_incidence", "package", "a"] == shares["benefit_incidence", "c", "a"]


def test_a_benefit_of_nothing_reaches_people_all_the_same():
    package = sp.Package([sp.child_benefit(sp.Amount(0, "month"), name="z")])
    survey = small({"pc": [1.0, 2, 3, 4]}, welfare="pc")
    assert found(survey, package, sp.Coverage())["coverage_direct", "z", "all"] == pytest.approx(25 / 90)
    shares = found(survey, package, sp.Incidence(), by=["area"])
    assert np.isnan([shares["benefit_incidence", of, level] for of in ("z", "package") for level in "ab"]).all()
    assert shares["beneficiary_incidence", "z", "a"] == pytest.approx(20 / 25)
    assert found(survey, package, sp.ConsumptionGain()) == {("consumption_gain", "", "all"): 0.0}


def test_expected_draws_are_chances():
    scheme = sp.Scheme("c", who="age <= 17", amount=sp.Amount(1, "month"), coverage=0.5)
    values = found(small(), sp.Package([scheme, OLD], draws="expected"), sp.Coverage())
    # Home 1 has two children: somebody of them is paid with a chance of 3/4; home 4 has one, and an old one.
    assert values["coverage_direct", "c", "all"] == pytest.approx(12.5 / 90)
    assert values["coverage", "c", "all"] == pytest.approx((30 * 0.75 + 10 * 0.5) / 90)
    assert values["coverage", "package", "all"] == pytest.approx((30 * 0.75 + 60) / 90)
    assert values["coverage_direct", "package", "all"] == pytest.approx((12.5 + 35) / 90)
    home = sp.Scheme("h", who="age <= 17", amount=sp.Amount(1, "month"), per="household", coverage=0.5)
    values = found(small(), sp.Package([home], draws="expected"), sp.Coverage())
    assert values["coverage", "h", "all"] == pytest.approx((30 * 0.5 + 10 * 0.5) / 90)
    assert values["coverage_direct", "h", "all"] == pytest.approx(7.5 / 90)


def test_draws_are_counted_as_they_fell():
    frames = toy_frames(5)
    survey = sp.Survey(*frames, **DESIGN)
    scheme = sp.Scheme("s", who="age >= 18", amount=sp.Amount(1, "month"), coverage=0.4)
    package = sp.Package([scheme, OLD])
    transfers = sp.simulate(survey, package)
    received = transfers.received
    assert 0 < received[:, 0].sum() < (np.array(frames[1]["age"]) >= 18).sum()
    paid, lives = oracles.reach(survey.household_of.tolist(), [[int(p) for p in row] for row in received])
    weight = survey.weight[survey.household_of]
    made = sp.estimate(survey, [sp.Coverage()], {"after": transfers}, replicates=sp.Bootstrap(2))
    for s, of in enumerate(("s", "o", "package")):
        for statistic, who in (("coverage", lives), ("coverage_direct", paid)):
            expected = weight @ [row[s] for row in who] / weight.sum()
            assert made.value[made.find(statistic=statistic, of=of)] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("by", [[], ["area"], ["sex"]])
def test_who_has_no_known_welfare_is_covered_but_in_no_class(by):
    survey = small({"pc": [1.0, math.nan, 3, 4]}, welfare="pc", missing="drop")
    package = sp.Package([CHILDREN, OLD])
    plain = found(small(), package, sp.Coverage(), by=by)
    assert found(survey, package, sp.Coverage(), by=by) == plain
    if by:
        assert found(survey, package, sp.Incidence(), by=by) == found(small(), package, sp.Incidence(), by=by)
    # Without home 2: 30, 40 and 10 people with 1, 3 and 4.
    classes = found(survey, package, sp.Coverage(), by=["bottom40"])
    assert classes["coverage_direct", "o", "Bottom 40"] == pytest.approx(20 / 70)
    assert classes["coverage_direct", "o", "Top 60"] == pytest.approx(5 / 10)
    assert classes["coverage_direct", "o", "all"] == plain["coverage_direct", "o", "all"]
    shares = found(survey, package, sp.Incidence(), by=["bottom40"])
    assert shares["beneficiary_incidence", "o", "Bottom 40"] == pytest.approx(20 / 25)
    assert shares["beneficiary_incidence", "o", "Top 60"] == pytest.approx(5 / 25)
    gain = found(survey, package, sp.ConsumptionGain(), by=["bottom40"])
    # A household of weight w that is paid t gains w t in all: 2 in home 1, 3 in home 3, 4 in home 4.
    assert gain["consumption_gain", "", "Bottom 40"] == pytest.approx((10 * 2 + 20 * 3) / (30 * 1 + 40 * 3))
    assert gain["consumption_gain", "", "Top 60"] == pytest.approx(5 * 4 / (10 * 4))
    assert gain["consumption_gain", "", "all"] == pytest.approx((20 + 60 + 20) / (30 + 120 + 40))


def test_gain_counts_only_what_is_spent():
    survey = small({"pc": [1.0, 2, 3, 4]}, welfare="pc")
    full, part = (found(survey, sp.Package([OLD], mpc=mpc), sp.ConsumptionGain()) for mpc in (1.0, 0.5))
    key = ("consumption_gain", "", "all")
    assert full[key] == pytest.approx((10 * 3 + 20 * 3 + 5 * 3) / (30 + 20 + 120 + 40))
    assert part[key] == pytest.approx(full[key] / 2)


@pytest.mark.parametrize("period", ["month", "year"])
def test_periods_do_not_change_a_share(period):
    pc = np.array([1.0, 2, 3, 4]) * (12 if period == "year" else 1)
    survey = small({"pc": pc}, welfare="pc", welfare_period=period)
    assert found(survey, sp.Package([OLD]), sp.ConsumptionGain())["consumption_gain", "", "all"] == pytest.approx(
        105 / 210
    )


def test_several_scenarios_may_have_other_schemes():
    survey = small({"pc": [1.0, 2, 3, 4]}, welfare="pc")
    given = {name: sp.simulate(survey, sp.Package([one])) for name, one in (("x", CHILDREN), ("y", OLD))}
    statistics = [sp.Coverage(), sp.Incidence(), sp.ConsumptionGain(), sp.Cost()]
    made = sp.estimate(survey, statistics, given, by=["area"], replicates=sp.Bootstrap(4))
    for name, transfers in given.items():
        alone = sp.estimate(survey, statistics, {name: transfers}, by=["area"], replicates=sp.Bootstrap(4))
        for i, row in enumerate(alone.rows):
            j = made.rows.index(row)
            assert made.value[j : j + 1].tobytes() == alone.value[i : i + 1].tobytes()
            assert made.draws[:, j].tobytes() == alone.draws[:, i].tobytes()
    assert len(made.rows) == sum(
        len(sp.estimate(survey, statistics, {n: t}, by=["area"], replicates=sp.Bootstrap(2)).rows)
        for n, t in given.items()
    )


def test_a_replicate_in_which_nobody_receives_has_no_shares():
    homes = {"hid": range(8), "hhweight": [1] * 8, "ea": range(8), "area": list("abababab")}
    survey = sp.Survey(homes, {"hid": range(8), "age": [5, *[40] * 7]}, psu="ea")
    bootstrap = sp.Bootstrap(40)
    transfers = sp.simulate(survey, sp.Package([CHILDREN]))
    made = sp.estimate(survey, [sp.Incidence(), sp.Coverage()], {"after": transfers}, by=["area"], replicates=bootstrap)
    gone = np.array([row[0] == 0 for row in factors(survey, bootstrap)])
    assert 0 < gone.sum() < 40
    for i, row in enumerate(made.rows):
        if "incidence" in row.statistic:
            assert np.isnan(made.draws[:, i]).tolist() == gone.tolist()
            assert set(made.draws[~gone, i]) == {1.0 if row.level == "a" else 0.0}
            assert f"failed {gone.sum()}" in made.flags[i]
        elif row.by == "all" and row.statistic == "coverage_direct":
            assert (made.draws[:, i] == 0).tolist() == gone.tolist()


def test_everybody_in_one_class_where_all_have_the_same():
    survey = small({"pc": [2.0] * 4}, welfare="pc")
    values = found(survey, sp.Package([CHILDREN]), sp.Coverage(), by=["quintile"])
    assert values["coverage_direct", "c", "1"] == values["coverage_direct", "c", "all"]
    assert np.isnan([values["coverage", "c", level] for level in "2345"]).all()
    shares = found(survey, sp.Package([CHILDREN]), sp.Incidence(), by=["quintile"])
    assert [shares["benefit_incidence", "c", level] for level in "12345"] == [1, 0, 0, 0, 0]


def test_classes_are_of_before_also_where_a_package_turns_the_order_round():
    survey = small({"pc": [1.0, 2, 3, 4]}, welfare="pc")
    large = sp.Package([sp.child_benefit(sp.Amount(1000, "month"), name="c")])
    values = found(survey, large, sp.ConsumptionGain(), by=["bottom40"])
    # Bottom 40: homes 1 and 2 (40 of 90 people). Gains: 2,000 over 3 members in home 1; 1,000 over 2 in home 4.
    assert values["consumption_gain", "", "Bottom 40"] == pytest.approx(10 * 2000 / (30 * 1 + 10 * 2))
    assert values["consumption_gain", "", "Top 60"] == pytest.approx(5 * 1000 / (40 * 3 + 10 * 4))


def test_shares_of_few_recipients_are_withheld_though_their_levels_are_large():
    survey = sp.example_survey(400)
    package = sp.Package([sp.Scheme("rare", who="age >= 86", amount=sp.Amount(20, "month"))])
    made = sp.assess(survey, [], package, by=["urbrur"], replicates=sp.Bootstrap(10))
    recipients = int((made.transfers.received[:, 0] > 0).sum())
    assert 0 < recipients < 25
    frame = made.findings().estimates
    shares = frame[frame["statistic"].isin(["benefit_incidence", "beneficiary_incidence"])]
    assert len(shares) == 2 * 2 * 2
    assert set(shares["n"]) == {recipients}
    assert shares["value"].isna().all()
