"""Who gains: coverage, adequacy, targeting, efficiency, recipients, situations, scales, and what each scheme does.

Every figure beside a plain one in NumPy, on the full sample and in replicates.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import sp2lnob as sp
from sp2lnob import scheme_shares
from sp2lnob.estimation import change_names

from . import oracles
from ._data import DESIGN, factors, popstan, toy_frames, toy_survey

BOOTSTRAP = sp.Bootstrap(5, seed=3)
CHILD = sp.child_benefit(sp.Amount(20, "month"), name="child")
OLD = sp.old_age_pension(sp.Amount(45, "month"), name="old", min_age=65)
SICK = sp.disability_benefit(sp.Amount(30, "month"), name="sick")
HOME = sp.Scheme("home", "age >= 60", amount=sp.Amount(25, "month"), per="household")
PACKAGE = sp.Package([CHILD, OLD, SICK, HOME], administration=0.1)
LINE = 90.0


def toy(seed=1, **instead):
    return toy_survey(seed, zeros=False, **instead)


def replicated(survey):
    """Yield (replicate, household factors): -1 and ones for the full sample, then each replicate."""
    yield -1, np.ones(survey.n_households)
    for number, row in enumerate(factors(survey, BOOTSTRAP)):
        yield number, np.array([float(factor) for factor in row])[survey.design.psu]


def value_of(estimates, replicate, **which):
    (row,) = np.atleast_1d(estimates.find(**which))
    return estimates.value[row] if replicate < 0 else estimates.draws[replicate, row]


def bottom(survey, weight, share=0.4):
    """Whether each household is among the poorest, by the weights of a replicate."""
    return survey.welfare <= sp.quantile(survey.welfare, weight, share)


class Plain:
    """A package by household: what each is paid a month, whether by each scheme, welfare before and after."""

    def __init__(self, survey, package=PACKAGE):
        self.survey, self.transfers = survey, sp.simulate(survey, package)
        paid = self.transfers.household / 12
        self.paid = np.column_stack([paid, paid.sum(axis=1)])
        received = self.transfers.received
        count = np.stack([np.bincount(survey.household_of, column) for column in received.T], axis=1)
        self.lives = np.column_stack([count > 0, (count > 0).any(axis=1)])
        own = np.column_stack([received, received.max(axis=1)]) * survey.person_weight[:, None]
        self.own = np.stack([np.bincount(survey.household_of, column) for column in own.T], axis=1)
        self.before, self.after = survey.welfare, self.transfers.welfare_after
        self.names = [*(scheme.name for scheme in package.schemes), "package"]

    def estimate(self, statistics, by=(), **arguments):
        return sp.estimate(self.survey, statistics, {"after": self.transfers}, by, BOOTSTRAP, **arguments)


# -- coverage of those meant ------------------------------------------------------------------------------------------


def test_coverage_of_the_intended_follows_the_ages_set():
    survey = toy(roles={"disability": "disability"})
    drawn = sp.Package(
        [
            replace(CHILD, max_age=9, coverage=0.6),
            replace(OLD, min_age=70, coverage=0.5),
            replace(SICK, sex="Female", coverage=0.7),
            HOME,
        ]
    )
    plain = Plain(survey, drawn)
    made = plain.estimate([sp.Coverage(intended=True)], ["urbrur"])
    age, sex = survey.person_column("age").values, survey.person_column("sex")
    female = np.array([sex.label(code) == "Female" for code in sex.values])
    meant = {"child": age <= 9, "old": age >= 70, "sick": (survey.person_column("disability").values == 1) & female}
    urban = survey.person_column("urbrur")
    rural = np.array([urban.label(code) == "Rural" for code in urban.values])
    for replicate, factor in replicated(survey):
        weight = survey.person_weight * factor[survey.household_of]
        for s, (name, mask) in enumerate(meant.items()):
            for level, here in (("all", np.ones(len(age), bool)), ("Rural", rural)):
                expected = np.average(plain.transfers.received[:, s], weights=weight * mask * here)
                found = value_of(made, replicate, statistic="coverage_direct", of=name, param="intended", level=level)
                assert found == pytest.approx(expected, rel=1e-12)
                assert replicate >= 0 or level != "all" or 0 < expected < 1
    assert not [row for row in made.rows if row.of == "home" and row.param]  # it is meant for everybody
    (row,) = (row for row in made.rows if row.of == "old" and row.param and row.level == "all")
    assert row.n == (age >= 70).sum()


def test_bands_of_age_say_who_is_meant():
    bands = sp.Schedule.by_age({"0-5": sp.Amount(20, "month"), "6-17": sp.Amount(10, "month")})
    package = sp.Package([sp.Scheme("graded", amount=bands, coverage=0.5)])
    plain = Plain(toy(), package)
    made = plain.estimate([sp.Coverage(intended=True)])
    young, weight = plain.survey.person_column("age").values <= 17, plain.survey.person_weight
    share = np.average(plain.transfers.received[young, 0], weights=weight[young])
    assert 0 < share < 1
    assert value_of(made, -1, of="graded", param="intended") == pytest.approx(share, rel=1e-12)


@pytest.mark.parametrize("kind", ["ratio of means", "mean of ratios"])
def test_a_gain_that_is_a_loss_for_some_has_an_interval_about_itself(kind):
    frames = toy_frames(2, zeros=False)
    frames[0]["has"] = np.arange(len(frames[0]["hid"])) % 3
    survey = sp.Survey(*frames, **DESIGN | {"existing": {"old grant": "has"}})
    small = sp.Scheme("small", amount=sp.Amount(1, "month"), min_age=40, replaces="old grant")
    made = sp.estimate(
        survey, [sp.ConsumptionGain(kind)], {"after": sp.simulate(survey, sp.Package([small]))}, replicates=BOOTSTRAP
    )
    ends = made.value[0] - made.ci_low[0], made.ci_high[0] - made.value[0]
    assert ends[0] == pytest.approx(ends[1])


def test_all_who_are_meant_are_paid_where_nobody_is_left_out():
    made = Plain(toy()).estimate([sp.Coverage(intended=True)])
    meant = [value for row, value in zip(made.rows, made.value, strict=True) if row.param == "intended"]
    assert meant == [1.0, 1.0, 1.0]


def test_groups_of_sdg_1_3_1():
    frames = toy_frames(4, zeros=False)
    births = np.where(np.array(frames[1]["sex"]) == "Female", np.array(frames[1]["age"]) % 5 == 0, np.nan)
    survey = sp.Survey(
        frames[0], frames[1] | {"births": births}, **DESIGN | {"roles": {"disability": "disability", "birth": "births"}}
    )
    package = sp.Package([CHILD, sp.maternity_benefit(sp.Amount(9, "month"), name="birth")])
    plain = Plain(survey, package)
    made = plain.estimate([sp.Coverage(groups=True)], ["bottom40"])
    age = survey.person_column("age").values
    masks = {
        "children": age < 18,
        "older persons": age >= 60,
        "persons with disabilities": survey.person_column("disability").values == 1,
        "mothers of newborns": survey.person_column("births").values == 1,  # men are not in the universe
    }
    received = plain.transfers.received.max(axis=1)
    lives = plain.lives[survey.household_of, -1]
    for replicate, factor in replicated(survey):
        weight = survey.person_weight * factor[survey.household_of]
        poor = bottom(survey, survey.people * factor)[survey.household_of]
        for param, mask in masks.items():
            for name, got in (("coverage", lives), ("coverage_direct", received)):
                for level, here in (("all", np.ones(len(age), bool)), ("Bottom 40", poor)):
                    found = value_of(made, replicate, statistic=name, of="package", param=param, level=level)
                    assert found == pytest.approx(np.average(got, weights=weight * mask * here), rel=1e-12)
    assert value_of(made, -1, statistic="coverage_direct", param="mothers of newborns", level="all") == 1


# -- adequacy, targeting, efficiency ----------------------------------------------------------------------------------


@pytest.mark.parametrize("of", ["after", "before"])
@pytest.mark.parametrize("by", ["urbrur", "bottom40"])
def test_adequacy_and_generosity(of, by):
    survey = toy(2)
    plain = Plain(survey)
    made = plain.estimate([sp.Adequacy(of, lines={"national": LINE})], [by])
    param = "" if of == "after" else "of welfare before"
    column = survey.household_column("urbrur")
    rural = np.array([column.label(code) == "Rural" for code in column.values])
    for replicate, factor in replicated(survey):
        weight = survey.people * factor
        level, here = ("Rural", rural) if by == "urbrur" else ("Bottom 40", bottom(survey, weight))
        for which, rows in (("all", np.ones(len(here), bool)), (level, here)):
            for s, name in enumerate(plain.names):
                living = weight * rows * plain.lives[:, s]
                paid = (weight * rows * plain.paid[:, s] / survey.size).sum()
                asked = {"of": name, "level": which}
                adequacy = value_of(made, replicate, statistic="adequacy", param=param, **asked)
                assert adequacy == pytest.approx(paid / (living @ getattr(plain, of)), rel=1e-12)
                mean = value_of(made, replicate, statistic="generosity", param="", **asked)
                assert mean == pytest.approx(paid / living.sum(), rel=1e-12)
                share = value_of(made, replicate, statistic="generosity", param="share of national", **asked)
                assert share == pytest.approx(mean / LINE, rel=1e-12)


@pytest.mark.parametrize("share", [0.2, 0.4])
def test_targeting(share):
    survey = toy(3)
    plain = Plain(survey)
    made = plain.estimate([sp.Targeting(share)], ["urbrur", "decile"])
    poorest = f"poorest {100 * share:g} %"
    column = survey.household_column("urbrur")
    rural = np.array([column.label(code) == "Rural" for code in column.values])
    for replicate, factor in replicated(survey):
        weight = survey.people * factor
        poor = bottom(survey, weight, share)
        for level, here in (("all", np.ones(len(poor), bool)), ("Rural", rural)):
            for s, name in enumerate(plain.names):
                asked = {"of": name, "level": level}
                part = (weight * here)[poor].sum() / (weight * here).sum()
                money = weight * here * plain.paid[:, s] / survey.size
                found = value_of(made, replicate, param=f"benefits, {poorest}", **asked)
                assert found == pytest.approx(money[poor].sum() / money.sum() / part, rel=1e-12)
                own = factor * here * plain.own[:, s]
                found = value_of(made, replicate, param=f"beneficiaries, {poorest}", **asked)
                assert found == pytest.approx(own[poor].sum() / own.sum() / part, rel=1e-12)
                lives = plain.lives[:, s]
                expected = np.average(lives[poor], weights=(weight * here)[poor])
                expected -= np.average(lives[~poor], weights=(weight * here)[~poor])
                found = value_of(made, replicate, statistic="targeting_differential", param=poorest, **asked)
                assert found == pytest.approx(expected, rel=1e-10, abs=1e-13)
    assert {row.by for row in made.rows} == {"all", "urbrur"}  # of a welfare class there is no poorest part


def test_what_is_paid_to_the_poorest_alone_has_the_largest_ratio():
    survey = toy(derive={"poor": "pc < 60"})
    package = sp.Package([sp.Scheme("poor", "poor == 1", amount=sp.Amount(5, "month"))])
    share = float(np.average(survey.welfare < 60, weights=survey.people))
    made = Plain(survey, package).estimate([sp.Targeting(share)])
    assert made.value[:6] == pytest.approx([1 / share] * 4 + [1.0] * 2)


@pytest.mark.parametrize("period", ["month", "year"])
def test_gap_efficiency(period):
    survey = toy(5, welfare_period=period)
    plain = Plain(survey)
    made = plain.estimate([sp.GapEfficiency(LINE, "national")], ["bottom40"])
    yearly = 12 if period == "month" else 1
    for replicate, factor in replicated(survey):
        weight = survey.people * factor
        for level, here in (("all", np.ones(len(weight), bool)), ("Bottom 40", bottom(survey, weight))):
            gap = [np.maximum(LINE - y, 0) @ (weight * here) * yearly for y in (plain.before, plain.after)]
            paid = (weight * here / survey.size) @ plain.transfers.household.sum(axis=1)
            for param, cost in (("", paid), ("with administration", 1.1 * paid)):
                found = value_of(made, replicate, of="national", param=param, level=level)
                assert found == pytest.approx((gap[0] - gap[1]) / cost, rel=1e-11)


def test_benefit_incidence_is_adequacy_times_welfare_of_recipients():
    survey = toy(6)
    plain = Plain(survey)
    made = plain.estimate([sp.Incidence(), sp.Targeting()], ["bottom40"])
    shares = [value_of(made, -1, statistic="benefit_incidence", of="child", level=x) for x in ("Bottom 40", "Top 60")]
    assert sum(shares) == pytest.approx(1, rel=1e-14)
    poor = bottom(survey, survey.people)
    ratio = value_of(made, -1, of="child", param="benefits, poorest 40 %", level="all")
    assert ratio * survey.people[poor].sum() / survey.people.sum() == pytest.approx(shares[0], rel=1e-12)


# -- recipients -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["recipients", ("urbrur", "recipients"), ("recipients", "bottom40")])
def test_recipients_before_and_after_are_the_same_people(by):
    survey = toy(7)
    plain = Plain(survey, sp.Package([OLD, SICK]))
    statistics = [sp.Poverty(LINE), sp.Inequality(["gini"]), sp.Coverage(), sp.ConsumptionGain()]
    made = plain.estimate(statistics, [by])
    column = survey.household_column("urbrur")
    rural = np.array([column.label(code) == "Rural" for code in column.values])
    for replicate, factor in replicated(survey):
        weight = survey.people * factor
        here, level = plain.lives[:, -1], "recipients"
        if "urbrur" in by:
            here, level = here & rural, "Rural x recipients"
        elif "bottom40" in by:
            here, level = here & bottom(survey, weight), "Bottom 40 x recipients"
        own, asked = weight * here, {"level": level}
        levels = []
        for scenario, y in (("before", plain.before), ("after", plain.after)):
            levels.append(sp.fgt(y, own, LINE, 1))
            found = value_of(made, replicate, statistic="poverty_gap", scenario=scenario, **asked)
            assert found == pytest.approx(levels[-1], rel=1e-12)
            found = value_of(made, replicate, statistic="gini", scenario=scenario, **asked)
            assert found == pytest.approx(sp.gini(y, own), rel=1e-10)
        found = value_of(made, replicate, statistic="poverty_gap", scenario="change", **asked)
        assert found == pytest.approx(levels[1] - levels[0], rel=1e-10)
        assert value_of(made, replicate, statistic="coverage", of="package", **asked) == 1
        gain = value_of(made, replicate, statistic="consumption_gain", **asked)
        assert gain == pytest.approx(own @ (plain.after - plain.before) / (own @ plain.before), rel=1e-12)
    others = level.replace("recipients", "others")
    assert value_of(made, -1, statistic="consumption_gain", level=others) == 0
    (row,) = (row for row in made.rows if row.level == level and row.scenario == "before" and row.statistic == "gini")
    rows = plain.lives[:, -1]
    rows = rows & rural if "urbrur" in by else rows & bottom(survey, survey.people) if "bottom40" in by else rows
    assert row.n == rows.sum()


def test_persons_are_recipients_by_their_household():
    survey = toy(7)
    plain = Plain(survey, sp.Package([OLD]))
    made = plain.estimate([sp.Poverty(LINE, measures="headcount")], [("sex", "recipients")])
    sex = survey.person_column("sex")
    here = np.array([sex.label(code) == "Female" for code in sex.values]) & plain.lives[survey.household_of, 0]
    expected = sp.fgt(plain.after[survey.household_of], survey.person_weight * here, LINE)
    found = value_of(made, -1, statistic="headcount", scenario="after", level="Female x recipients")
    assert found == pytest.approx(expected, rel=1e-12)


def test_several_packages_have_recipients_of_their_own():
    survey = toy(8)
    one, other = (sp.simulate(survey, sp.Package([scheme])) for scheme in (OLD, SICK))
    made = sp.estimate(survey, [sp.MeanWelfare()], {"a": one, "b": other}, ["recipients"], BOOTSTRAP)
    assert {row.by for row in made.rows} == {"all", "recipients: a", "recipients: b"}
    for name, of in (("a", one), ("b", other)):
        paid = of.recipients[:, 0] > 0
        for scenario, y in (("before", survey.welfare), ("a", one.welfare_after), ("b", other.welfare_after)):
            found = value_of(made, -1, by=f"recipients: {name}", level="recipients", scenario=scenario)
            assert found == pytest.approx(np.average(y[paid], weights=survey.people[paid]), rel=1e-12)


def test_recipients_need_a_package_and_a_name_of_their_own():
    survey = toy()
    with pytest.raises(sp.InputError, match="A domain 'recipients' needs a package, but no scenario has one"):
        sp.estimate(survey, [sp.MeanWelfare()], by=["recipients"], replicates=BOOTSTRAP)
    named = toy(derive={"recipients": "pc > 50"})
    given = {"after": sp.simulate(named, PACKAGE)}
    with pytest.raises(sp.InputError, match="The name 'recipients' must mean one thing"):
        sp.estimate(named, [sp.MeanWelfare()], given, ["recipients"], BOOTSTRAP)
    access = sp.Access(sp.Opportunity("water", "water", circumstances=["urbrur"]))
    with pytest.raises(sp.InputError, match="one of another kind, such as access, was asked for by it"):
        sp.estimate(survey, [access], {"after": sp.simulate(survey, PACKAGE)}, ["recipients"], BOOTSTRAP)


# -- consumption gain -------------------------------------------------------------------------------------------------


def test_the_gain_of_all_is_coverage_times_the_gain_of_recipients():
    survey = toy(9)
    plain = Plain(survey, sp.Package([OLD, SICK]))
    made = plain.estimate([sp.ConsumptionGain("mean of ratios"), sp.Coverage()], ["recipients"])
    for replicate, factor in replicated(survey):
        weight = survey.people * factor
        gain = value_of(made, replicate, statistic="consumption_gain", level="all")
        ratio = (plain.after - plain.before) / plain.before
        assert gain == pytest.approx(np.average(ratio, weights=weight), rel=1e-12)
        own = value_of(made, replicate, statistic="consumption_gain", level="recipients")
        covered = value_of(made, replicate, statistic="coverage", of="package", level="all")
        assert gain == pytest.approx(covered * own, rel=1e-12)
    (row,) = (row for row in made.rows if row.statistic == "consumption_gain" and row.level == "all")
    assert (row.param, row.flag) == ("mean of ratios", "tail-sensitive")


def test_trimming_says_how_many_are_left_out():
    survey = toy(9)
    plain = Plain(survey)
    made = plain.estimate([sp.ConsumptionGain("mean of ratios", trim=60)])
    kept = survey.welfare >= 60
    ratio = (plain.after - plain.before) / plain.before
    assert made.value[0] == pytest.approx(np.average(ratio[kept], weights=survey.people[kept]), rel=1e-12)
    assert made.rows[0].n == kept.sum()
    assert f"trimmed {(~kept).sum()}" in made.flags[0].split(";")
    assert "tail-sensitive" not in made.flags[0]


def test_ratios_need_welfare():
    frames = toy_frames(1, zeros=False)
    frames[0]["pc"] = np.where(np.arange(len(frames[0]["pc"])) < 2, 0, frames[0]["pc"])
    survey = sp.Survey(*frames, **DESIGN)
    plain = Plain(survey)
    with pytest.raises(sp.InputError, match=r"needs welfare above 0 before, for all who count, but 2 of"):
        plain.estimate([sp.ConsumptionGain("mean of ratios")])
    assert np.isfinite(plain.estimate([sp.ConsumptionGain("mean of ratios", trim=1)]).value).all()
    with pytest.raises(sp.InputError, match="kind must be one of"):
        sp.ConsumptionGain("ratios")
    with pytest.raises(sp.InputError, match="trim must be of the mean of ratios"):
        sp.ConsumptionGain(trim=1)


# -- the step rule ----------------------------------------------------------------------------------------------------


def test_steps_known_by_hand():
    # Ten alike in weight: P reaches 0.9 at the ninth, and 0.4 at the fourth: (100 - 80) / 10.
    y = [1, 2, 3, 4, 5, 10, 15, 20, 20, 20]
    assert sp.palma(y, np.ones(10), rule="step") == pytest.approx((100 - 80) / 10)
    assert sp.quintile_ratio(y, np.ones(10), rule="step") == pytest.approx((100 - 60) / 3)
    # Weights 1, 2, 2, 5: P = 0.1, 0.3, 0.5, 1. The first of 0.9 or more is the last row: nothing is above it.
    assert sp.palma([1, 2, 3, 4], [1, 2, 2, 5], rule="step") == 0
    # Weights 3, 2, 4, 1: P = 0.3, 0.5, 0.9, 1. Only the last is above 0.9, only the first is below 0.4.
    assert sp.palma([1, 2, 3, 40], [3, 2, 4, 1], rule="step") == pytest.approx(40 / 3)
    with pytest.raises(sp.InputError, match="by steps needs somebody with welfare above 0 below 20 %"):
        sp.quintile_ratio([1, 2], [1, 1], rule="step")
    with pytest.raises(sp.InputError, match="rule must be one of"):
        sp.palma(y, np.ones(10), rule="steps")


ROWS = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5)), min_size=5, max_size=30)


@settings(max_examples=60, deadline=None)
@given(ROWS.filter(lambda rows: any(weight for _, weight in rows)))
def test_steps_are_those_of_whole_rows(rows):
    y, w = zip(*rows, strict=True)
    keep = sorted(range(len(y)), key=lambda i: y[i])
    y, w = [y[i] for i in keep], [w[i] for i in keep]
    expected = oracles.spot_ratio([Fraction(v) for v in y], w, Fraction(2, 5), Fraction(9, 10))
    if expected is None:
        with pytest.raises(sp.InputError, match="by steps"):
            sp.palma(y, w, rule="step")
        return
    found = sp.palma(y, w, rule="step")
    assert found == pytest.approx(float(expected), rel=1e-12, abs=1e-15)
    assert sp.palma(np.array(y) * 7, np.array(w) * 3, rule="step") == pytest.approx(found, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("by", ["urbrur", "bottom40"])
def test_steps_in_every_replicate(by, ties):
    """Where a step falls may hang on the order of equal rows: it is the survey's, before and after a transfer."""
    frames = toy_frames(10, zeros=False)
    if not ties:
        frames[0]["pc"] = frames[0]["pc"] + np.argsort(frames[0]["hid"]) / 1000
    survey = sp.Survey(*frames, **DESIGN)
    plain = Plain(survey)
    made = plain.estimate([sp.Inequality(["palma", "quintile_ratio"], rule="step"), sp.Inequality(["palma"])], [by])
    column = survey.household_column("urbrur")
    rural = np.array([column.label(code) == "Rural" for code in column.values])
    for replicate, factor in replicated(survey):
        weight = survey.people * factor
        level, here = ("Rural", rural) if by == "urbrur" else ("Bottom 40", bottom(survey, weight))
        for which, rows in (("all", np.ones(len(here), bool)), (level, here)):
            for scenario, y in (("before", plain.before), ("after", plain.after)):
                for name, rule in (("palma", sp.palma), ("quintile_ratio", sp.quintile_ratio)):
                    found = value_of(made, replicate, statistic=name, param="step", scenario=scenario, level=which)
                    assert found == pytest.approx(rule(y, weight * rows, rule="step"), rel=1e-12)
    plain_palma = value_of(made, -1, statistic="palma", param="", scenario="before", level="all")
    assert plain_palma == pytest.approx(sp.palma(plain.before, survey.people), rel=1e-12)
    assert plain_palma != value_of(made, -1, statistic="palma", param="step", scenario="before", level="all")


# -- equivalence scales -----------------------------------------------------------------------------------------------


def test_scales_divide_welfare_and_what_is_paid():
    for scale in ("per capita", "oecd-modified", "square root", 0.75, 1, 0):
        survey, plain = toy(11, scale=scale), toy(11)
        ages = np.split(survey.person_column("age").values, survey.first_person[1:-1])
        size = survey.size
        expected = {
            "per capita": size,
            1: size,
            0: np.ones(len(size)),
            0.75: size**0.75,
            "square root": np.sqrt(size),
            "oecd-modified": np.array([float(oracles.oecd_modified(list(own))) for own in ages]),
        }[scale]
        assert survey.equivalents == pytest.approx(expected, rel=1e-15)
        assert survey.welfare == pytest.approx(plain.welfare * size / expected, rel=1e-14)
        transfers = sp.simulate(survey, PACKAGE)
        added = transfers.household.sum(axis=1) / 12 / expected
        assert transfers.welfare_after == pytest.approx(survey.welfare + added, rel=1e-12)
        assert survey.people.tolist() == plain.people.tolist()  # people are counted as persons
        made = sp.estimate(survey, [sp.GapEfficiency(1e6), sp.Adequacy()], {"after": transfers}, replicates=BOOTSTRAP)
        assert made.value[0] == pytest.approx(1, rel=1e-9)  # money closes gaps, whatever it is divided by
        same = sp.estimate(plain, [sp.Adequacy()], {"after": sp.simulate(plain, PACKAGE)}, replicates=BOOTSTRAP)
        assert made.value[2:] == pytest.approx(same.value, rel=1e-12)  # and is the same part of all that they have


def test_welfare_of_the_household_is_divided_by_the_scale():
    survey = toy(11, scale="square root", welfare_per="household")
    assert survey.welfare == pytest.approx(survey.household_column("pc").values / np.sqrt(survey.size), rel=1e-15)


def test_a_household_of_children_has_one_adult():
    frame = {"hid": [1, 2], "hhweight": [1, 1], "pc": [1.0, 1.0]}
    people = {"hid": [1, 1, 2, 2, 2, 2], "age": [13, 3, 40, 14, 13, 0]}
    survey = sp.Survey(frame, people, welfare="pc", scale="oecd-modified")
    assert survey.equivalents == pytest.approx([1.3, 2.1])
    with pytest.raises(sp.InputError, match="scale must be one of 'per capita', 'oecd-modified', 'square root'"):
        sp.Survey(frame, people, welfare="pc", scale="oecd")
    with pytest.raises(sp.InputError, match=r"scale must be in \[0, 1\]"):
        sp.Survey(frame, people, welfare="pc", scale=2)
    with pytest.raises(sp.InputError, match="is made from ages, but the survey has no frame of persons"):
        sp.Survey(frame | {"n": [1, 2]}, size="n", welfare="pc", scale="oecd-modified")
    with pytest.raises(sp.InputError, match="needs every age 'age'"):
        sp.Survey(frame, people | {"age": [13, np.nan, 40, 14, 13, 0]}, welfare="pc", scale="oecd-modified")


# -- columns on request -----------------------------------------------------------------------------------------------


def test_age_groups_and_the_head_s_sex_come_on_request():
    frames = toy_frames(12, zeros=False)
    relation = np.where(np.array(frames[1]["pid"]) == 1, "Head", "Other")
    survey = sp.Survey(frames[0], frames[1] | {"relation": relation}, **DESIGN | {"roles": {"relation": "relation"}})
    made = sp.estimate(
        survey, [sp.Poverty(LINE, measures="headcount")], by=["age_group", "age_five", "head_sex"], replicates=BOOTSTRAP
    )
    age, poor = survey.person_column("age").values, (survey.welfare < LINE)[survey.household_of]
    weight = survey.person_weight
    for label, low, high in (("0-17", 0, 17), ("18-59", 18, 59), ("60+", 60, 200)):
        here = (age >= low) & (age <= high)
        assert value_of(made, -1, by="age_group", level=label) == pytest.approx(np.average(poor, weights=weight * here))
    for label, low, high in (("0-4", 0, 4), ("75-79", 75, 79), ("80+", 80, 200)):
        here = (age >= low) & (age <= high)
        assert value_of(made, -1, by="age_five", level=label) == pytest.approx(np.average(poor, weights=weight * here))
    assert [row.level for row in made.rows if row.by == "age_five"][:3] == ["0-4", "5-9", "10-14"]
    sex = survey.person_column("sex")
    head = np.array([sex.label(sex.values[i]) for i in survey.first_person[:-1]])
    here = survey.people * (head == "Female")
    found = value_of(made, -1, by="head_sex", level="Female")
    assert found == pytest.approx(np.average(survey.welfare < LINE, weights=here))
    with pytest.raises(sp.InputError, match="The role 'relation' must be given"):
        toy().household_column("head_sex")
    own = toy(derive={"age_group": "age > 50"})  # a column of that name goes first
    assert own.person_column("age_group").name == "age_group"
    assert set(own.person_column("age_group").values) == {0.0, 1.0}


# -- three situations -------------------------------------------------------------------------------------------------


def with_benefits(seed=13, **columns):
    frames = toy_frames(seed, zeros=False)
    n = len(frames[0]["hid"])
    frames[0]["aid"] = np.arange(n) % 3 * 8.0
    frames[1]["pension_paid"] = np.where(np.array(frames[1]["age"]) >= 65, 12.0, 0.0)
    frames[0].update(columns)
    return sp.Survey(*frames, **DESIGN | {"existing": {"aid": "aid", "pension": "pension_paid"}})


def test_existing_benefits_are_what_is_paid_already():
    """By hand: persons with a pension are paid themselves, aid is paid to households, and all money is a year's."""
    survey = with_benefits()
    paid = sp.existing_benefits(survey)
    for s, name in enumerate(("aid", "pension")):
        assert paid.household[:, s] == pytest.approx(12 * survey.existing[name], rel=1e-13)
    age = survey.role("age").numbers("The age")
    assert (paid.received[:, 1] == (age >= 65)).all()
    assert paid.received[:, 0].sum() == (survey.existing["aid"] > 0).sum()  # of a household one member stands for it
    assert paid.welfare_after is survey.welfare
    cost = paid.cost.set_index("scheme")["total_cost"]
    assert cost["pension"] == pytest.approx((survey.weight * survey.existing["pension"]).sum() * 12)
    assert cost["package"] == pytest.approx(cost[["aid", "pension"]].sum())


def test_existing_benefits_have_the_figures_of_schemes_that_pay_the_same():
    """A pension that is there already, and one that a package pays: coverage, incidence, generosity agree."""
    survey = with_benefits()
    there = sp.Survey(*toy_frames(13, zeros=False), **DESIGN)
    made = {
        "existing": (survey, sp.existing_benefits(survey)),
        "after": (there, sp.simulate(there, sp.Package([sp.old_age_pension(sp.Amount(12, "month"), name="pension")]))),
    }
    statistics = [sp.Coverage(), sp.Incidence(), sp.Adequacy(of="before")]
    found = [
        sp.estimate(of, statistics, {name: paid}, by=["bottom40"], replicates=BOOTSTRAP)
        .frame()
        .query("of == 'pension'")
        for name, (of, paid) in made.items()
    ]
    ours, theirs = (frame.drop(columns=["scenario"]).reset_index(drop=True) for frame in found)
    assert len(ours) > 10
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("meant", [{"min_age": 65}, {"min_age": 60, "sex": "Female"}])
def test_whom_an_existing_benefit_is_meant_for(meant):
    frames = toy_frames(13, zeros=False)
    frames[1]["pension_paid"] = np.where(np.array(frames[1]["age"]) >= 65, 12.0, 0.0)
    survey = sp.Survey(*frames, **DESIGN | {"existing": {"pension": {"column": "pension_paid", **meant}}})
    paid = {"existing": sp.existing_benefits(survey)}
    made = sp.estimate(survey, [sp.Coverage(intended=True)], paid, replicates=BOOTSTRAP)
    row = made.frame().query("param == 'intended'")
    age, sex = (np.asarray(frames[1][name]) for name in ("age", "sex"))
    among = (age >= meant["min_age"]) & ((sex == "Female") if "sex" in meant else True)
    of_home = dict(zip(frames[0]["hid"], frames[0]["hhweight"], strict=True))
    weight = np.array([of_home[home] for home in frames[1]["hid"]])  # the survey has persons in another order
    expected = weight[among & (age >= 65)].sum() / weight[among].sum()
    assert row["value"].item() == pytest.approx(expected)
    assert (row["of"].item(), row["n"].item()) == ("pension", among.sum())


def test_existing_benefits_are_of_one_year_with_welfare():
    later = with_benefits().uprated(sp.Economy(cpi_ratio=1.5))
    assert sp.existing_benefits(later).household == pytest.approx(1.5 * sp.existing_benefits(with_benefits()).household)


@pytest.mark.parametrize(
    ("existing", "message"),
    [
        ({"aid": {"column": "age", "min_aeg": 5}}, "A key of the existing benefit 'aid' must be .* mean 'min_age'"),
        ({"aid": {"min_age": 5}}, "The column of the existing benefit 'aid' must be text, but None"),
        ({"aid": {"column": "age", "min_age": -1}}, "existing 'aid': min_age of scheme 'aid' must be 0 or more"),
        ({"aid": {"column": "age", "birth": 1}}, "existing 'aid': birth of scheme 'aid' must be True or False"),
    ],
)
def test_slips_of_an_existing_benefit(existing, message):
    with pytest.raises((sp.InputError, sp.InputTypeError), match=message):
        sp.existing_benefits(sp.Survey(*toy_frames(13, zeros=False), **DESIGN | {"existing": existing}))


def test_existing_benefits_need_persons():
    frame = {"hid": [1, 2], "hhweight": [1, 1], "size": [2, 1], "aid": [20, 0]}
    survey = sp.Survey(frame, size="size", existing={"aid": "aid"})
    with pytest.raises(sp.InputError, match="Who is paid must be known, but the survey has no frame of persons"):
        sp.existing_benefits(survey)
    with pytest.raises(sp.InputTypeError, match=r"existing_benefits\(\) takes a Survey"):
        sp.existing_benefits(frame)


@pytest.mark.parametrize("names", [None, ["aid"], "pension", []])
def test_no_schemes_is_welfare_less_what_is_paid(names):
    survey = with_benefits()
    chosen = list(survey.existing) if names is None else [names] if isinstance(names, str) else names
    paid = sum((survey.existing[name] for name in chosen), np.zeros(survey.n_households))
    expected = survey.welfare - paid / survey.size
    assert sp.without_existing(survey, names).welfare == pytest.approx(expected, rel=1e-13)


def test_changes_name_their_baseline():
    survey = with_benefits()
    situations = {"no schemes": sp.without_existing(survey), "after": sp.simulate(survey, PACKAGE)}
    made = sp.estimate(
        survey,
        [sp.Poverty(LINE), sp.Inequality(["gini"]), sp.Coverage(), sp.Access(_water())],
        situations,
        replicates=BOOTSTRAP,
        baseline=["before", "no schemes"],
    )
    welfare = {"before": survey.welfare} | {
        "no schemes": situations["no schemes"].welfare,
        "after": situations["after"].welfare_after,
    }
    titles = {
        ("before", "no schemes"): "change: no schemes",
        ("before", "after"): "change: after",
        ("no schemes", "before"): "change from no schemes: before",
        ("no schemes", "after"): "change from no schemes: after",
    }
    for replicate, factor in replicated(survey):
        weight = survey.people * factor
        gap = {name: sp.fgt(y, weight, LINE, 1) for name, y in welfare.items()}
        for (base, to), title in titles.items():
            found = value_of(made, replicate, statistic="poverty_gap", scenario=title)
            assert found == pytest.approx(gap[to] - gap[base], rel=1e-10)
    assert {row.scenario for row in made.rows if row.statistic == "gini"} == {*welfare, *titles.values()}
    assert {row.scenario for row in made.rows if row.statistic == "coverage"} == {"after"}
    assert {row.scenario for row in made.rows if row.statistic == "access"} == {"before"}
    rows = {row.scenario: row for row in made.rows if row.statistic == "poverty_gap"}
    assert rows["change: no schemes"].scale == "log"
    assert not rows["change: no schemes"].falls
    assert rows["change from no schemes: after"].falls


def _water():
    return sp.Opportunity("water", "water", circumstances=["urbrur"])


def test_a_change_that_goes_both_ways_has_no_sign():
    survey = with_benefits()
    situations = {f"no {name}": sp.without_existing(survey, [name]) for name in ("aid", "pension")}
    made = sp.estimate(survey, [sp.Poverty(LINE)], situations, replicates=BOOTSTRAP, baseline="no aid")
    rows = {row.scenario: row.scale for row in made.rows if row.statistic == "headcount"}
    assert rows["change from no aid: no pension"] == "t"
    assert rows["change from no aid: before"] == "log"


def test_one_scenario_keeps_the_name_of_its_change():
    assert change_names({"after": 0}) == {("before", "after"): "change"}
    assert change_names({"a": 0, "b": 0}) == {("before", "a"): "change: a", ("before", "b"): "change: b"}
    survey = toy()
    given = {"after": sp.simulate(survey, PACKAGE)}
    with pytest.raises(sp.InputError, match="baseline must be one of 'before', 'after'"):
        sp.estimate(survey, [sp.MeanWelfare()], given, replicates=BOOTSTRAP, baseline="other")
    with pytest.raises(sp.InputError, match="'change from after: before' is taken"):
        sp.estimate(survey, [sp.MeanWelfare()], {"change from after: before": given["after"]}, replicates=BOOTSTRAP)


def test_benefits_beyond_welfare_are_counted_and_never_cut():
    survey = with_benefits(aid=np.r_[5000.0, 6000.0, np.zeros(74)])
    with pytest.raises(sp.InputError, match=r"Welfare less existing benefits must be 0 or more, but 2 of 76 rows"):
        sp.without_existing(survey)
    kept = sp.without_existing(survey, negative="keep")
    assert (kept.below, (kept.welfare < 0).sum()) == (2, 2)
    with pytest.raises(sp.InputError, match="Inequality needs welfare of 0 or more"):
        sp.estimate(survey, [sp.Inequality()], {"no schemes": kept}, replicates=BOOTSTRAP)
    with pytest.raises(sp.InputError, match="negative must be one of 'error', 'keep'"):
        sp.without_existing(survey, negative="zero")
    with pytest.raises(sp.InputError, match="An existing benefit must be"):
        sp.without_existing(survey, ["aids"])
    with pytest.raises(sp.InputError, match="must know benefits that are paid"):
        sp.without_existing(toy())
    with pytest.raises(sp.InputTypeError, match="takes a Survey"):
        sp.without_existing(5)


# -- shares of schemes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["urbrur", "bottom40"])
def test_shares_of_schemes_are_the_mean_over_all_orders(by):
    survey = toy(14)
    plain = Plain(survey)
    statistics = [sp.Poverty(LINE), sp.Inequality(["gini", "palma"]), sp.MeanWelfare()]
    made = plain.estimate([sp.SchemeShapley(statistics), *statistics], [by])
    alone = [survey.welfare + plain.paid[:, s] / survey.size for s in range(4)]
    assert alone[0] == pytest.approx(sp.simulate(survey, sp.Package([CHILD])).welfare_after, rel=1e-14)
    measures = {
        f"poverty_gap, {LINE:g}": lambda y, w: sp.fgt(y, w, LINE, 1),
        f"headcount, {LINE:g}": lambda y, w: sp.fgt(y, w, LINE, 0),
        "gini": sp.gini,
        "mean_welfare": lambda y, w: np.average(y, weights=w),
    }
    for replicate, factor in replicated(survey):
        weight = survey.people * factor
        level, here = ("all", np.ones(len(weight), bool))
        if by == "bottom40":
            level, here = "Bottom 40", bottom(survey, weight)
        for param, measure in measures.items():

            def value(schemes, measure=measure, own=weight * here):
                return measure(survey.welfare + plain.paid[:, sorted(schemes)].sum(axis=1) / survey.size, own)

            expected = [float(share) for share in _orders(value, 4)]
            found = [
                value_of(made, replicate, statistic="scheme_share", of=name, param=param, level=level)
                for name in plain.names
            ]
            assert found[:4] == pytest.approx(expected, rel=1e-9, abs=1e-12)
            assert sum(found[:4]) == pytest.approx(found[4], rel=1e-12, abs=1e-13)
            name, *of = param.split(", ")
            change = value_of(
                made, replicate, statistic=name, of=of[0] if of else "", param="", level=level, scenario="change"
            )
            assert found[4] == pytest.approx(change, rel=1e-12, abs=1e-15)


def test_sets_of_schemes_that_depend_on_others_are_paid_anew(monkeypatch):
    plain = Plain(toy(14))
    statistics = [sp.SchemeShapley([sp.Poverty(LINE), sp.Inequality(["gini"])])]
    added_up = plain.estimate(statistics)
    monkeypatch.setattr(scheme_shares, "APART", ("min_age",))  # as if ages made a scheme depend on others
    paid_anew = plain.estimate(statistics)
    np.testing.assert_allclose(paid_anew.value, added_up.value, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(paid_anew.draws, added_up.draws, rtol=1e-10, atol=1e-14)


def _orders(value, players):
    """Shapley shares, over all orders, of a function of sets."""
    known = {}

    def kept(schemes):
        if schemes not in known:
            known[schemes] = Fraction(float(value(schemes)))
        return known[schemes]

    return oracles.shapley(kept, players)


def test_a_share_of_one_scheme_among_recipients_and_what_is_refused():
    plain = Plain(toy(15), sp.Package([OLD, SICK], mpc=0.5))
    made = plain.estimate([sp.SchemeShapley(sp.MeanWelfare()), sp.ConsumptionGain(), sp.MeanWelfare()], ["recipients"])
    whole = value_of(made, -1, statistic="scheme_share", of="package", level="recipients")
    assert whole == pytest.approx(value_of(made, -1, statistic="mean_welfare", scenario="change", level="recipients"))
    # The mean is additive: a share is what the scheme alone adds.
    living = plain.survey.people * plain.lives[:, -1]
    own = value_of(made, -1, statistic="scheme_share", of="sick", level="recipients")
    assert own == pytest.approx(living @ (0.5 * plain.paid[:, 1] / plain.survey.size) / living.sum(), rel=1e-12)
    with pytest.raises(sp.InputTypeError, match="Shares of schemes are of measures of welfare"):
        sp.SchemeShapley([sp.Coverage()])
    with pytest.raises(sp.InputError, match="must be of some measure"):
        sp.SchemeShapley([])
    many = sp.Package([replace(OLD, name=f"s{k}") for k in range(11)])
    with pytest.raises(sp.InputError, match="at most 10 schemes, but the package has 11"):
        Plain(toy(), many).estimate([sp.SchemeShapley([sp.MeanWelfare()])])
    with pytest.raises(sp.InputError, match="has none without a scenario"):
        sp.estimate(toy(), [sp.SchemeShapley([sp.MeanWelfare()])], replicates=BOOTSTRAP)


# -- properties of all ------------------------------------------------------------------------------------------------

ALL = [
    sp.Coverage(intended=True, groups=True),
    sp.Adequacy(lines={"national": LINE}),
    sp.Targeting(0.3),
    sp.GapEfficiency(LINE),
    sp.ConsumptionGain("mean of ratios"),
    sp.SchemeShapley([sp.Poverty(LINE), sp.Inequality(["gini"])]),
    sp.Inequality(["palma"], rule="step"),
]


def figures(frames, by=("urbrur", "recipients"), **instead):
    survey = sp.Survey(*frames, **DESIGN | instead)
    given = {"after": sp.simulate(survey, PACKAGE)}
    made = sp.estimate(survey, ALL, given, by, sp.Bootstrap(3))
    return made


def test_the_order_of_rows_and_threads_change_no_digit():
    frames = toy_frames(16, zeros=False)
    rng = np.random.default_rng(5)
    mixed = [
        {name: np.asarray(values)[order] for name, values in frame.items()}
        for frame in frames
        for order in [rng.permutation(len(frame["hid"]))]
    ]
    one, other = figures(frames), figures(mixed)
    assert one.rows == other.rows
    assert one.value.tobytes() == other.value.tobytes()
    assert one.draws.tobytes() == other.draws.tobytes()


def test_weights_that_are_multiplied_change_nothing():
    frames = toy_frames(16, zeros=False)
    heavy = {**frames[0], "hhweight": np.asarray(frames[0]["hhweight"]) * 4}
    np.testing.assert_allclose(figures((heavy, frames[1])).value, figures(frames).value, rtol=1e-12, atol=1e-15)


def test_weight_of_nothing_is_absence():
    frames = toy_frames(17, zeros=True)
    gone = np.asarray(frames[0]["hhweight"]) == 0
    assert gone.any()
    kept = {name: np.asarray(values)[~gone] for name, values in frames[0].items()}
    people = np.isin(frames[1]["hid"], kept["hid"])
    rest = {name: np.asarray(values)[people] for name, values in frames[1].items()}
    made, other = figures(frames), figures((kept, rest))
    assert [(row.statistic, row.of, row.level, row.n) for row in made.rows] == [
        (row.statistic, row.of, row.level, row.n) for row in other.rows
    ]
    np.testing.assert_allclose(made.value, other.value, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("make", [lambda: sp.Adequacy("now"), lambda: sp.Adequacy(lines={"z": 0})])
def test_adequacy_refuses(make):
    with pytest.raises(sp.InputError, match=r"of must be one of 'after', 'before'|The line 'z' must be above 0"):
        make()


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_targeting_refuses(share):
    with pytest.raises(sp.InputError, match=r"The share of the poorest must be in \(0, 1\)"):
        sp.Targeting(share)


def test_efficiency_refuses():
    with pytest.raises(sp.InputError, match="The poverty line must be above 0"):
        sp.GapEfficiency(0)


# -- a whole country --------------------------------------------------------------------------------------------------


def test_popstan():
    survey = popstan()
    package = sp.Package([sp.child_benefit(sp.Amount(120, "year")), sp.old_age_pension(sp.Amount(480, "year"))])
    after = sp.simulate(survey, package)
    line = 1500.0
    statistics = [
        sp.ConsumptionGain("mean of ratios"),
        sp.Coverage(intended=True),
        sp.Targeting(),
        sp.GapEfficiency(line),
        sp.Adequacy(),
        sp.SchemeShapley([sp.Poverty(line, measures="poverty_gap")]),
        sp.Poverty(line, measures="poverty_gap"),
    ]
    made = sp.estimate(survey, statistics, {"after": after}, ["recipients"], sp.Bootstrap(16))
    people, paid = survey.people, after.household.sum(axis=1) / survey.size
    gain = value_of(made, -1, statistic="consumption_gain", level="all")
    assert gain == pytest.approx(np.average(paid / survey.welfare, weights=people), rel=1e-11)
    covered = value_of(made, -1, statistic="coverage", of="package", level="all", param="")
    assert gain == pytest.approx(covered * value_of(made, -1, statistic="consumption_gain", level="recipients"))
    assert value_of(made, -1, of="child benefit", param="intended", level="all") == 1
    poor = bottom(survey, people)
    ratio = (people * paid)[poor].sum() / (people @ paid) / (people[poor].sum() / people.sum())
    found = value_of(made, -1, of="package", param="benefits, poorest 40 %", level="all")
    assert found == pytest.approx(ratio, rel=1e-11)
    closed = np.maximum(line - survey.welfare, 0) - np.maximum(line - after.welfare_after, 0)
    found = value_of(made, -1, statistic="gap_efficiency", param="", level="all")
    assert found == pytest.approx(people @ closed / (people @ paid), rel=1e-11)
    shares = [
        value_of(made, -1, statistic="scheme_share", of=of, level="all") for of in ("child benefit", "old-age pension")
    ]
    change = value_of(made, -1, statistic="poverty_gap", scenario="change", level="all")
    assert sum(shares) == pytest.approx(change, rel=1e-12)
    assert sum(shares) == pytest.approx(-(people @ closed) / people.sum() / line, rel=1e-11)


def test_coverage_of_those_meant_is_asked_by_true():
    with pytest.raises(sp.InputTypeError, match="intended of Coverage must be True or False"):
        sp.Coverage(intended="child benefit")
