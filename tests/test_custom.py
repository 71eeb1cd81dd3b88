"""Statistics of the user's own, lines that are estimated, and the flags of what hangs on few."""

from fractions import Fraction
from math import isnan

import numpy as np
import pandas as pd
import pytest

import sp2lnob as sp
from sp2lnob._prepared import Ranked, Scenario, _hangs_on_few, of_order
from sp2lnob._sweeps import Ordering
from sp2lnob.design import build_design
from sp2lnob.effects import hinges_on_the_cut
from sp2lnob.estimation import full_sample_of

from . import oracles
from ._data import PACKAGE, ByHand, factors, toy_frames, toy_survey

REPLICATES = sp.Bootstrap(17, seed=3)
DOMAINS = [("urbrur",), ("bottom40",), ("quintile",), ("urbrur", "bottom40")]


def theta_mean(weights, data):
    return weights @ data["welfare"] / weights.sum()


def theta_ranked(weights, data):
    """The mean of the poorest 40 % of rows' people, ranked anew from the weights."""
    cut = sp.quantile(data["welfare"], weights, 0.4)
    poor = data["welfare"] <= cut
    return [np.average(data["welfare"][poor], weights=weights[poor]), cut]


def scenarios(survey):
    return {"after": sp.simulate(survey, PACKAGE)}


@pytest.mark.parametrize("design", [REPLICATES, sp.Jackknife()], ids=["bootstrap", "jackknife"])
def test_a_function_gives_what_the_statistic_of_its_name_gives(design):
    survey = toy_survey()
    own = sp.Custom("own", theta_mean, scale="log")
    made = sp.estimate(survey, [sp.MeanWelfare(), own], scenarios(survey), by=DOMAINS, replicates=design)
    place = {(row.statistic, row.scenario, row.by, row.level): i for i, row in enumerate(made.rows)}
    checked = 0
    for (statistic, scenario, by, level), i in place.items():
        if statistic == "own" and not isnan(made.value[i]):
            j = place["mean_welfare", scenario, by, level]
            np.testing.assert_allclose(made.value[i], made.value[j], rtol=1e-12)
            np.testing.assert_allclose(made.draws[:, i], made.draws[:, j], rtol=1e-11, atol=1e-11)
            assert made.rows[i].n == made.rows[j].n
            checked += 1
    assert checked > 30


def test_what_is_ranked_in_the_function_is_ranked_anew_in_every_replicate():
    survey = toy_survey()
    hand = ByHand(survey, toy_frames())
    own = sp.Custom("poorest", theta_ranked, params=("mean", "cut"))
    made = sp.estimate(survey, [own], scenarios(survey), replicates=REPLICATES)
    for scenario in ("before", "after"):
        mean, cut = (made.find(statistic="poorest", param=param, scenario=scenario) for param in ("mean", "cut"))
        for r, factor in enumerate([hand.one, *factors(survey, REPLICATES)]):
            weight, y = hand.weights(factor), hand.welfare[scenario]
            edge = oracles.quantile(y, weight, Fraction(2, 5))
            rows = [i for i, value in enumerate(y) if value <= edge]
            expected = oracles.mean([y[i] for i in rows], [weight[i] for i in rows])
            found = made.value if r == 0 else made.draws[r - 1]
            assert found[mean] == pytest.approx(float(expected), rel=1e-12)
            assert found[cut] == pytest.approx(float(edge), rel=1e-15)


def test_data_come_as_numbers_and_as_labels():
    households, persons = toy_frames()
    households["word"] = ["x" if i % 3 else None for i in range(len(households["hid"]))]
    survey = sp.Survey(households, persons, welfare="pc", psu="ea", strata="region", person="pid", missing="drop")
    seen = {}

    def look(weights, data):
        seen.update(data)
        assert all(len(column) == len(weights) for column in data.values())
        return weights.sum()

    own = sp.Custom("people", look, columns=["word", "pc", "hid"])
    made = sp.estimate(survey, [own], replicates=sp.Bootstrap(2))
    assert made.value[0] == pytest.approx(survey.people.sum())
    assert set(seen) == {"word", "pc", "hid", "welfare"}
    assert set(seen["word"].tolist()) == {"x", None}
    assert seen["pc"].dtype == np.float64
    np.testing.assert_array_equal(seen["pc"], seen["welfare"])


def test_persons_with_their_own_weights():
    survey = toy_survey()
    own = sp.Custom("age", lambda w, data: w @ data["age"] / w.sum(), columns=["age"], unit="person")
    made = sp.estimate(survey, [own], by=["sex"], replicates=REPLICATES)
    age, weight = survey.person_column("age").values, survey.person_weight
    assert made.value[0] == pytest.approx(age @ weight / weight.sum())
    assert made.rows[0].n == (weight > 0).sum()
    assert {row.level for row in made.rows if row.by == "sex"} == set(survey.person_column("sex").categories()[2])


def test_a_replicate_that_fails_is_counted_and_one_that_cannot_be_is_raised():
    survey = toy_survey()
    calls = []

    def sometimes(weights, data):
        calls.append(1)
        if len(calls) % 4 == 0:
            raise ZeroDivisionError
        return 1.0 + len(calls)

    made = sp.estimate(survey, [sp.Custom("sometimes", sometimes)], replicates=sp.Bootstrap(40), n_threads=1)
    assert made.flags[0].split(";")[-1].startswith("failed ")
    assert 8 <= np.isnan(made.draws[:, 0]).sum() <= 12
    with pytest.raises(ZeroDivisionError):
        sp.estimate(survey, [sp.Custom("never", lambda w, data: 1 / 0)], replicates=sp.Bootstrap(2))
    with pytest.raises(AttributeError):  # a slip in the function is no failed replicate
        sp.estimate(survey, [sp.Custom("slip", lambda w, data: data.no)], replicates=sp.Bootstrap(2))


def test_the_full_sample_is_asked_once():
    calls = []
    survey = toy_survey()

    def count(weights, data):
        calls.append(1)
        return weights.sum()

    sp.estimate(survey, [sp.Custom("count", count)], replicates=sp.Bootstrap(8), df="design", n_threads=1)
    assert len(calls) == 1 + 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, theta_mean), "The name of a statistic must be text"),
        (("a", 3), "theta must be a function of weights and data"),
        (("a", theta_mean, ["x"], "village"), "unit must be one of 'household', 'person'"),
        (("a", theta_mean, [], "household", ("x", "x")), "Every value must have a name of its own"),
        (("a", theta_mean, [], "household", ()), "Every value must have a name of its own"),
        (("a", theta_mean, [], "household", ("",), "root"), "scale must be one of 't', 'log', 'logit'"),
    ],
)
def test_slips_are_told(arguments, message):
    with pytest.raises((sp.InputError, sp.InputTypeError), match=message):
        sp.Custom(*arguments)


def test_slips_that_need_a_survey():
    survey = toy_survey()
    for statistic, message in (
        (sp.Custom("a", lambda w, data: [1.0, 2.0]), "theta of 'a' must return 1 number, but it returned array"),
        (sp.Custom("a", theta_mean, columns=["no"]), "A column of the survey must be one that exists, but 'no' does"),
        (sp.Custom("a", theta_mean, columns=["welfare"]), "The name 'welfare' must mean one thing"),
    ):
        with pytest.raises(sp.InputError, match=message):
            sp.estimate(survey, [statistic], replicates=sp.Bootstrap(2))


# -- relative lines ---------------------------------------------------------------------------------------------------

ALPHA = {"headcount": 0, "poverty_gap": 1, "poverty_severity": 2}


@pytest.mark.parametrize("by", [(), ("urbrur",), ("bottom40",), ("decile",), ("urbrur", "quintile")])
@pytest.mark.parametrize("share", [0.6, 1.0])
def test_poverty_below_a_share_of_the_median_equals_the_oracle(by, share):
    survey = toy_survey()
    hand = ByHand(survey, toy_frames())
    poverty = sp.Poverty(sp.RelativeLine(share), measures=(*ALPHA, "watts"))
    made = sp.estimate(survey, [poverty], scenarios(survey), by=[by] if by else (), replicates=REPLICATES)
    name, checked = " x ".join(by) or "all", 0
    for r, factor in enumerate([hand.one, *factors(survey, REPLICATES)]):
        median = oracles.quantile(hand.welfare["before"], hand.weights(factor), Fraction(1, 2))
        line = Fraction(float(share) * float(median))
        found = made.value if r == 0 else made.draws[r - 1]
        for i, row in enumerate(made.rows):
            if row.by != name or row.scenario == "change":
                continue
            alpha = ALPHA.get(row.statistic)

            def measure(y, w, alpha=alpha, line=line):
                return oracles.watts(y, w, line) if alpha is None else oracles.fgt(y, w, line, alpha)

            expected = hand.value(measure, factor, by, row.level, scenario=row.scenario)
            assert found[i] == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True), row
            checked += not isnan(found[i])
    assert checked > 100


def test_a_line_that_is_estimated_makes_another_error_than_one_that_is_known():
    survey = sp.example_survey(2000)
    median = sp.quantile(survey.welfare, survey.people, 0.5)
    poverty = [sp.Poverty(0.6 * median, "known", ["headcount"]), sp.Poverty(sp.RelativeLine(0.6), "own", ["headcount"])]
    made = sp.estimate(survey, poverty, replicates=sp.Bootstrap(400))
    known, own = (made.find(of=of) for of in ("known", "own"))
    assert made.value[known] == pytest.approx(made.value[own], rel=1e-14)
    # A region that is poorer as a whole moves the line down with it: the share below varies less.
    assert made.se[own] < 0.9 * made.se[known]


def test_nobody_below_a_line_that_moves_has_a_limit():
    survey = sp.example_survey(400)
    made = sp.estimate(survey, [sp.Poverty(sp.RelativeLine(0.6))], by=["decile"], replicates=sp.Bootstrap(50))
    headcount = [i for i, row in enumerate(made.rows) if row.statistic == "headcount"]
    moving = [i for i in headcount if made.value[i] in (0, 1) and made.se[i] > 0]
    assert moving
    for i in moving:
        assert "one-sided" in made.flags[i]
        assert made.value[i] in (made.ci_low[i], made.ci_high[i])
        assert 0 < made.ci_high[i] - made.ci_low[i] < 1


def test_assess_takes_a_relative_line(tmp_path):
    survey = sp.example_survey(400)
    lines = {"relative": sp.RelativeLine(0.6), "national": 60.0}
    result = sp.assess(survey, [], lines=lines, replicates=sp.Bootstrap(10))
    assert {"relative", "national"} <= {row.of for row in result.estimates.rows}
    folder = result.save(tmp_path / "r", report=True)
    assert sp.read_results(folder).manifest["asked"]["lines"]["relative"] == {"share": 0.6, "q": 0.5}


@pytest.mark.parametrize(("share", "q"), [(0, 0.5), (-1, 0.5), (0.6, 0), (0.6, 1), (0.6, float("nan"))])
def test_lines_that_are_none(share, q):
    with pytest.raises(sp.InputError):
        sp.RelativeLine(share, q)


# -- what hangs on few ------------------------------------------------------------------------------------------------


def design_of(psus, strata=1):
    stratum = np.repeat(np.arange(strata, dtype=np.int32), psus)
    ea = np.arange(strata * psus, dtype=np.int32)
    return build_design(stratum, ea, [str(h) for h in range(strata)], str)


def test_a_mean_hangs_on_the_richest_one_in_a_hundred():
    design = design_of(4000)
    psu, weight = np.arange(4000, dtype=np.int32), np.ones(4000)
    for richest, expected in ((24.0, False), (25.5, True)):  # 40 of 4,000: at 24.75 they have a fifth
        welfare = np.r_[np.full(40, richest), np.ones(3960)]
        assert bool(40 * richest > 0.2 * welfare.sum()) is expected
        assert _hangs_on_few(welfare, weight, psu, design, slice(None), of_order(np.arange(4000))) is expected


@pytest.mark.parametrize("many", [1, 7, 40, 1000])
def test_the_richest_of_a_level_are_found_among_all(many):
    """Also where the level is the poorest of all, and where it has fewer rows than are asked for."""
    rng = np.random.default_rng(many)
    welfare, level = rng.gamma(2.0, size=500), rng.integers(0, 4, 500).astype(np.int32)
    level[welfare < np.quantile(welfare, 0.05)] = 4
    order = np.argsort(-welfare, kind="stable").astype(np.int32)
    first = rng.permutation(500).astype(np.int32)
    again = np.argsort(-welfare[first], kind="stable").astype(np.int32)
    ordering = Ordering.of(welfare, np.ones(500), np.zeros(500, dtype=np.int32))
    for ranked in (Ranked(ordering, order), Ranked(ordering, first, again)):
        for of in range(5):
            expected = order[level[order] == of][:many]
            np.testing.assert_array_equal(ranked.top_of(level, of, many), expected)


def test_a_mean_hangs_on_one_psu():
    design = design_of(20, strata=2)
    psu, weight = np.arange(40, dtype=np.int32), np.ones(40)
    even = np.tile([1.0, 2.0], 20)[::-1].copy()
    order = np.argsort(-even, kind="stable")
    assert not _hangs_on_few(even, weight, psu, design, slice(None), of_order(order))
    even[7] = 6.0
    order = np.argsort(-even, kind="stable")
    assert _hangs_on_few(even, weight, psu, design, slice(None), of_order(order))


def test_the_flag_stands_where_it_should():
    households, persons = toy_frames()
    households["pc"] = households["pc"].copy()
    households["pc"][5] *= 1000
    survey = sp.Survey(households, persons, welfare="pc", psu="ea", strata="region", person="pid")
    asked = [sp.MeanWelfare(), sp.Inequality(["gini", "palma", "atkinson"]), sp.Poverty(60.0), sp.Quantile(0.5)]
    made = sp.estimate(survey, asked, by=["decile"], replicates=sp.Bootstrap(9))
    for row, flag in zip(made.rows, made.flags, strict=True):
        hangs = row.statistic in ("mean_welfare", "gini", "palma") and row.level in ("all", "10")
        assert ("tail-sensitive" in flag) == hangs, row
    calm = sp.estimate(sp.example_survey(3000), [sp.MeanWelfare()], replicates=sp.Bootstrap(9))
    assert "tail-sensitive" not in calm.flags[0]


def test_a_change_hinges_on_the_cut():
    survey = sp.example_survey(2000)
    fuel = sp.Opportunity("fuel", outcome="cook_fuel in ('Electricity', 'Gas')", circumstances=["bottom40", "urbrur"])
    place = sp.Opportunity("place", outcome="cook_fuel in ('Electricity', 'Gas')", circumstances=["urbrur"])

    def flags(amount):
        package = sp.Package([sp.child_benefit(sp.Amount(amount, "month"))])
        result = sp.assess(survey, [fuel, place], package, by=(), replicates=sp.Bootstrap(50))
        hinging = {
            (row.of, row.statistic, row.scenario)
            for row, flag in zip(result.estimates.rows, result.estimates.flags, strict=True)
            if "hinges on the cut" in flag
        }
        in_groups = result.groups["flag"].str.contains("hinges on the cut")
        assert set(result.groups.loc[in_groups, "opportunity"]) == {of for of, _, _ in hinging}
        return hinging

    # A few coins lift a handful over the cut; nothing at all lifts none, and is no matter of where the cut is.
    assert flags(0.01) == {
        ("fuel", statistic, "change") for statistic in ("access", "d_index", "furthest_behind", "furthest_ahead", "gap")
    }
    assert flags(0) == set()
    # Enough to carry the children's households far over it.
    assert flags(200) == set()


def test_many_people_near_the_cut_after_a_transfer():
    survey = sp.example_survey(2000)
    fuel = sp.Opportunity("fuel", outcome="cook_fuel in ('Electricity', 'Gas')", circumstances=["bottom40"])
    cells = fuel.prepare(survey)
    cut = sp.quantile(survey.welfare, survey.people, 0.4)
    transfers = sp.simulate(survey, sp.Package([sp.child_benefit(sp.Amount(1, "month"))]))
    full, error = full_sample_of(survey, sp.Bootstrap(2).bind(survey)), np.array([0.5])
    poor = survey.welfare < cut
    for reach, expected in ((0.995, True), (1.5, False)):  # all of the poor are lifted to just below, or far above
        transfers.welfare_after[:] = np.where(poor, reach * cut, survey.welfare * 1.5)
        near = np.abs(transfers.welfare_after - cut) <= 1.0
        assert (survey.people[near].sum() > 0.1 * survey.people.sum()) == expected
        moved = (transfers.welfare_after > cut) != (survey.welfare > cut)
        if moved.sum() >= 50:
            assert hinges_on_the_cut(full, cells, error, transfers) is expected


def test_tails_are_looked_at_once():
    survey = sp.example_survey(400)
    scenario = Scenario("before", survey)
    full = full_sample_of(survey, sp.Bootstrap(2).bind(survey))
    domain = full.domain(("urbrur",))
    assert scenario.tails(domain) is scenario.tails(domain)


def test_relative_poverty_of_eusilc_in_a_frame_of_pandas():
    frame = pd.DataFrame({"y": [1.0, 2, 3, 4, 100], "w": [1, 1, 1, 1, 1.0]})
    survey = sp.Survey(None, frame, household=None, weight="w", welfare="y")
    made = sp.estimate(survey, [sp.Poverty(sp.RelativeLine(0.5), measures="headcount")], replicates=sp.Bootstrap(2))
    assert made.value[0] == pytest.approx(1 / 5)  # half of the median of 3: one is below 1.5


@pytest.mark.parametrize("scale", [1.0, 1 / 3, 0.1, 1.7])
def test_whether_few_decide_hangs_on_no_rounding(scale):
    """Welfare that is alike in a region has no tail, a region of one PSU hangs on it, whatever weights add up to."""
    rng = np.random.default_rng(1)
    psu = np.repeat(np.arange(21), 20)
    region = np.where(psu == 20, 2, psu % 4 == 1)
    frame = {
        "hid": np.arange(len(psu)),
        "weight": rng.integers(1, 50, len(psu)) * scale,
        "welfare": np.where(region == 1, 13.7, rng.lognormal(3, 0.3, len(psu))),
        "psu": psu,
        "stratum": psu % 2,
        "region": region,
        "size": np.ones(len(psu)),
    }
    survey = sp.Survey(frame, weight="weight", size="size", welfare="welfare", psu="psu", strata="stratum")
    made = sp.estimate(survey, [sp.MeanWelfare()], by=["region"], replicates=sp.Bootstrap(8))
    flagged = {row.level: "tail-sensitive" in flag for row, flag in zip(made.rows, made.flags, strict=True)}
    assert (flagged["1"], flagged["2"]) == (False, True)
