"""Four answers to how access responds to a transfer, each against plain NumPy in every replicate."""

from functools import cache
from math import isnan

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob._plot_groups import RESPONSES
from sp2lnob._responses import EFFECTS

from . import oracles
from ._data import PACKAGE, SHARES, factors
from .test_reroute import CASES, NOTHING, REPLICATES, RULE, everybody, hand_of, opportunity_of, walk

LINEAR = ("interpolate", "logit")


@cache
def assessed(name, package=PACKAGE, effect=EFFECTS, monotone=False, classes="replicate"):
    return sp.assess(
        hand_of().survey,
        [opportunity_of(name)],
        package,
        by=(),
        replicates=REPLICATES,
        tree=sp.OpportunityTree(**RULE),
        effect=effect,
        monotone=monotone,
        classes=classes,
        df="design",
        shapley=False,
    )


def param_of(own, effect):
    return ", ".join([*["barrier"] * own.barrier, *[effect] * (effect != "reroute")])


def drawn(result, **fields):
    row = result.estimates.find(**fields)
    return np.r_[result.estimates.value[row], result.estimates.draws[:, row]]


# -- the oracles: what each row's access changes by --------------------------------------------------------------------


def of_rows(own, factor):
    """Return weight, welfare before and after, and group before of an opportunity's rows, and the rates of groups."""
    homes = own.hand.homes(own.unit)
    before, after = (
        np.array([float(own.hand.welfare[which][homes[i]]) for i in own.rows]) for which in ("before", "after")
    )
    weight = np.array([float(w) for w in own.weights(factor)])
    group = np.array(own.reached(factor, "before"))
    rate = np.array([float(r) for r in own.figures(factor)["group before"]])
    return weight, before, after, group, rate


def rerouted(own, factor):
    _, _, _, group, rate = of_rows(own, factor)
    return rate[own.reached(factor, "after")] - rate[group]


def interpolated(own, factor):
    weight, before, after, _, rate = of_rows(own, factor)
    classes = [name for name in own.circumstances if name in SHARES]
    shares = sorted({share for name in classes for share in SHARES[name]})
    exact = own.hand.weights(own.hand.one if own.hand.fixed else factor)
    cuts = [float(oracles.quantile(own.hand.welfare["before"], exact, share)) for share in shares]
    band = np.searchsorted(cuts, before, side="left")
    bands = [k for k in range(len(cuts) + 1) if weight[band == k].sum() > 0]
    means = [np.average(before[band == k], weights=weight[band == k]) for k in bands]
    changes = []
    for x, y, z in zip(own.levels(factor, "before"), before, after, strict=True):
        leaf = []
        for k in bands:
            lower = ([0, *shares])[k]
            level = {name: sum(share <= lower for share in SHARES[name]) for name in classes}
            leaf.append(own.leaves.index(id(oracles.apply_tree(own.tree, {**x, **level}))))
        changes.append(np.interp(z, means, rate[leaf]) - np.interp(y, means, rate[leaf]))
    return np.array(changes)


def along_a_logit(own, factor):
    weight, before, after, _, _ = of_rows(own, factor)
    fixed = [name for name in own.circumstances if name not in SHARES]
    levels = own.levels(factor, "before")
    dummies = [np.ones(len(levels))]
    for name in fixed:
        values = [x[name] for x in levels]
        dummies += [np.array([value == level for value in values], float) for level in sorted(set(values))[1:]]
    there = [column for column in dummies if (weight * column).sum() > 0]
    X = np.column_stack([*there, np.log(before)])
    moved = np.column_stack([*there, np.log(after)])
    y, b = np.array(own.outcome, float), np.zeros(X.shape[1])
    for _ in range(60):
        p = 1 / (1 + np.exp(-(X @ b)))
        step = np.linalg.lstsq((X.T * (weight * p * (1 - p))) @ X, X.T @ (weight * (y - p)), rcond=1e-12)[0]
        b += step * min(1, 3 / abs(step).max())
        if abs(step).max() < 1e-12:
            break
    return 1 / (1 + np.exp(-(moved @ b))) - 1 / (1 + np.exp(-(X @ b)))


def refitted(own, factor):
    weight = own.weights(factor)
    there = [i for i, w in enumerate(weight) if w > 0]
    old, new = own.levels(factor, "before"), own.levels(factor, "after")
    ordered = {name: name in SHARES or name == "educ" for name in own.circumstances}
    tree = oracles.grow_tree(
        [old[i] for i in there],
        [own.outcome[i] for i in there],
        [weight[i] for i in there],
        ordered,
        RULE["max_depth"],
        RULE["min_obs"],
        oracles.Fraction(1, 20),
        1,
        0,
    )
    rates = [[float(oracles.apply_tree(tree, x)["rate"]) for x in levels] for levels in (old, new)]
    return np.subtract(rates[1], rates[0])


ORACLES = dict(zip(EFFECTS, (rerouted, interpolated, along_a_logit, refitted), strict=True))


def changes_of(own, change, weight, group, monotone=False):
    """Return the change of access of everybody and of every group from that of rows."""
    if monotone:
        change = np.minimum(change, 0) if own.barrier else np.maximum(change, 0)
    of = [(weight * change)[(group == g) & (weight > 0)].sum() for g in range(len(own.leaves))]
    with np.errstate(invalid="ignore", divide="ignore"):
        by_group = [gained / weight[group == g].sum() for g, gained in enumerate(of)]
    return [sum(of) / weight.sum(), *by_group]


@cache
def of_replicate(name, effect, r):
    """Return an oracle's changes of rows in the full sample (r = 0) or a replicate, their weight and their group."""
    own = walk(name)
    factor = [own.hand.one, *factors(own.hand.survey, REPLICATES)][r]
    return ORACLES[effect](own, factor), *standing(name, r)


@cache
def standing(name, r):
    own = walk(name)
    weight, _, _, group, _ = of_rows(own, [own.hand.one, *factors(own.hand.survey, REPLICATES)][r])
    return weight, group


@pytest.mark.parametrize("name", CASES)
def test_every_replicate_equals_the_oracle(name):
    own, some = walk(name), range(5)
    for monotone in (False, True):
        result = assessed(name, monotone=monotone)
        for effect in EFFECTS:
            expected = np.array([changes_of(own, *of_replicate(name, effect, r), monotone=monotone) for r in some])
            places = [("all", "all"), *(("group", label) for label in result.groups["label"])]
            order = [0, *(1 + g for g in own.standing())]
            for (by, level), at in zip(places, order, strict=True):
                what = {"by": by, "level": level, "param": param_of(own, effect)}
                found = drawn(result, statistic="access", scenario="change", **what)[some]
                assert found == pytest.approx(expected[:, at], rel=1e-9, abs=1e-10, nan_ok=True), effect
            assert np.isfinite(expected[:, 0]).sum() >= 3


@pytest.mark.parametrize("name", ["quintile", "barrier by quintile", "two classes"])
def test_classes_may_be_fixed(name):
    own, result = walk(name, True), assessed(name, classes="fixed")
    for r, factor in enumerate([own.hand.one, *factors(own.hand.survey, REPLICATES)[:2]]):
        weight, _, _, group, _ = of_rows(own, factor)
        for effect in ("interpolate", "refit"):
            expected = changes_of(own, ORACLES[effect](own, factor), weight, group)[0]
            found = drawn(result, statistic="access", scenario="change", by="all", param=param_of(own, effect))[r]
            assert found == pytest.approx(expected, rel=1e-10, abs=1e-12, nan_ok=True)


# -- properties --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["quintile", "two classes", "barrier", "person by decile"])
@pytest.mark.parametrize("package", NOTHING)
def test_zero_transfer_changes_nothing_in_any_replicate(name, package):
    result = assessed(name, NOTHING[package])
    estimates = result.estimates
    rows = [i for i, row in enumerate(estimates.rows) if row.scenario == "change" and row.of == "o"]
    assert len(rows) > 4 * 4
    for i in rows:
        assert estimates.draws[:, i - 1].tobytes() == estimates.draws[:, i - 2].tobytes()
        assert estimates.value[i] == 0
    assert set(result.effects["effect"]) == set(EFFECTS)
    assert (result.effects["change"] == 0).all()


@pytest.mark.parametrize("circumstances", [["urbrur", "educ"], ["fuel"]])
def test_without_a_class_of_welfare_only_the_logit_moves(circumstances):
    result = sp.assess(
        hand_of().survey,
        [sp.Opportunity("o", "water", circumstances=circumstances)],
        everybody(30),
        by=(),
        replicates=REPLICATES,
        tree=sp.OpportunityTree(**RULE),
        effect=EFFECTS,
        df="design",
    )
    frame = result.effects.set_index("effect")
    for effect in ("reroute", "interpolate", "refit"):
        assert (frame.loc[effect, "change"] == 0).all()
        row = result.estimates.find(
            statistic="access", scenario="change", by="all", param="" if effect == "reroute" else effect
        )
        assert (result.estimates.draws[:, row] == 0).all()
    assert (frame.loc["logit"].query("statistic == 'access'")["change"] != 0).all()


@pytest.mark.parametrize("name", CASES)
def test_people_gaining_add_up_to_the_national_change(name):
    own, frame = walk(name), assessed(name).effects
    population = float(sum(own.weights(own.hand.one)))
    for effect, of in frame.query("statistic == 'access'").groupby("effect"):
        national, groups = of[of["by"] == "all"].iloc[0], of[of["by"] == "group"]
        assert groups["gaining"].sum() == pytest.approx(national["gaining"], rel=1e-9), effect
        better = -population if own.barrier else population
        assert national["gaining"] == pytest.approx(better * (national["after"] - national["before"]), rel=1e-9)
        assert (groups["label"] == assessed(name).groups["label"].to_numpy()).all()


@pytest.mark.parametrize("name", CASES)
def test_refit_has_the_value_of_reroute(name):
    frame = assessed(name).effects
    both = [frame[frame["effect"] == effect].reset_index(drop=True) for effect in ("reroute", "refit")]
    for column in ("before", "after", "change"):
        assert both[1][column].to_numpy() == pytest.approx(both[0][column].to_numpy(), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", ["bottom 40", "households", "person"])
def test_a_huge_transfer_interpolates_to_the_rate_of_the_sibling(name):
    # From the mean of the bottom 40 or below to that of the top 60 or above: the whole step between the siblings.
    own = walk(name)
    _, before, _, _, rate = of_rows(own, own.hand.one)
    weight = np.array([float(w) for w in own.weights(own.hand.one)])
    old = own.levels(own.hand.one, "before")
    low = np.array([x["bottom40"] == 0 for x in old])
    mean = [np.average(before[at], weights=weight[at]) for at in (low, ~low)]
    leaves = [[own.leaves.index(id(oracles.apply_tree(own.tree, {**x, "bottom40": k}))) for x in old] for k in (0, 1)]
    now = [np.interp(y, mean, [rate[a], rate[b]]) for y, a, b in zip(before, *leaves, strict=True)]
    expected = np.average(rate[leaves[1]] - now, weights=weight)
    result = assessed(name, everybody(1e6))
    found = drawn(result, statistic="access", scenario="change", by="all", param="interpolate")[0]
    assert found == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("name", ["decile", "barrier by quintile"])
def test_monotone_worsens_nobody(name, effect):
    plain, better = assessed(name), assessed(name, monotone=True)
    own = walk(name)
    sign = -1 if own.barrier else 1
    found = drawn(better, statistic="access", scenario="change", by="all", param=param_of(own, effect))
    other = drawn(plain, statistic="access", scenario="change", by="all", param=param_of(own, effect))
    there = ~np.isnan(found)
    assert (sign * found[there] >= 0).all()
    assert (sign * (found - other)[there] >= -1e-12).all()


@pytest.mark.parametrize("effect", EFFECTS)
def test_the_first_effect_is_the_main_one(effect):
    every, alone = assessed("quintile"), assessed("quintile", effect=effect)
    frame = every.effects.query("by == 'group'")
    frame = frame[frame["effect"] == effect]
    assert alone.groups["change"].to_numpy() == pytest.approx(frame["change"].to_numpy(), abs=1e-15)
    assert alone.groups["change_se"].to_numpy() == pytest.approx(frame["change_se"].to_numpy(), rel=1e-9, abs=1e-15)
    assert alone.asked["effect"] == effect
    assert every.asked["effect"] == list(EFFECTS)
    assert set(alone.effects["effect"]) == {effect}
    first = assessed("quintile", effect=(effect, *(other for other in EFFECTS if other != effect)))
    assert first.groups["change"].tolist() == alone.groups["change"].tolist()
    gaps = [i for i, row in enumerate(first.estimates.rows) if row.statistic == "gap"]
    assert {first.estimates.rows[i].param for i in gaps} == {"", "cross-validated"}


def test_only_what_sees_a_cut_hinges_on_it():
    result = assessed("bottom 40")
    flags = {
        (row.param, row.statistic): flag
        for row, flag in zip(result.estimates.rows, result.estimates.flags, strict=True)
        if row.scenario == "change" and row.by == "all"
    }
    for effect in EFFECTS:
        param = "" if effect == "reroute" else effect
        assert ("hinges on the cut" in flags[param, "access"]) == (effect not in LINEAR)


def test_without_a_package_no_effect_is_told():
    result = assessed("quintile", None)
    assert result.effects.empty
    assert {row.scenario for row in result.estimates.rows} == {"before"}
    assert {row.param for row in result.estimates.rows if row.statistic == "access"} == {""}


def test_a_circumstance_that_settles_access_is_flagged():
    survey = sp.example_survey(800)
    opportunity = sp.Opportunity("o", "internet == 1 or urbrur == 'Urban'", circumstances=["bottom40", "urbrur"])
    result = sp.assess(survey, [opportunity], everybody(5), by=(), replicates=sp.Bootstrap(20), effect=EFFECTS)
    flagged = {
        row.param.split(", ")[-1]
        for row, flag in zip(result.estimates.rows, result.estimates.flags, strict=True)
        if "separated" in flag and row.scenario == "change"
    }
    assert flagged == {"logit"}
    assert np.isfinite(result.effects.query("statistic == 'access'")["change"]).all()
    assert not any(isnan(v) for v in drawn(result, statistic="access", scenario="change", by="all", param="logit"))


# -- bad input ---------------------------------------------------------------------------------------------------------


def test_a_logit_needs_welfare_above_zero():
    households = {"hid": range(1, 9), "hhweight": [1] * 8, "n": [1] * 8, "ea": range(1, 9), "water": [0, 1] * 4}
    persons = {"hid": range(1, 9), "age": [30] * 8}
    survey = sp.Survey({**households, "pc": [0, 20, 30, 40, 50, 60, 70, 80]}, persons, welfare="pc", psu="ea")
    opportunity = sp.Opportunity("o", "water", circumstances=["bottom40"])
    given = {"by": (), "replicates": sp.Bootstrap(2), "tree": sp.OpportunityTree(min_obs=1)}
    with pytest.raises(
        sp.InputError, match=r"Effect 'logit' of opportunity 'o' needs welfare above 0, but 1 of 8 .*hid 1: 0"
    ):
        sp.assess(survey, [opportunity], everybody(5), effect="logit", **given)
    for effect in ("reroute", "interpolate", "refit"):
        assert sp.assess(survey, [opportunity], everybody(5), effect=effect, **given).effects["effect"].eq(effect).all()


@pytest.mark.parametrize(
    ("instead", "message"),
    [
        ({"effect": "regress"}, r"effect must be one of 'reroute', 'interpolate', 'logit', 'refit', but"),
        ({"effect": ["logit", "rerout"]}, r"effect must be one of .*'rerout'"),
        ({"effect": []}, r"There must be an effect, but none came"),
        ({"effect": 3}, r"effect"),
        ({"monotone": "yes"}, r"monotone must be True or False"),
    ],
)
def test_bad_input(instead, message):
    opportunity = opportunity_of("quintile")
    with pytest.raises((sp.InputError, sp.InputTypeError), match=message):
        sp.assess(hand_of().survey, [opportunity], PACKAGE, replicates=REPLICATES, **instead)


# -- as a statistic, and as a picture ----------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("name", ["quintile", "barrier", "person"])
def test_a_statistic_tells_what_assess_tells(name, effect):
    survey, opportunity = hand_of().survey, opportunity_of(name)
    asked = sp.AccessAfter(opportunity, effect, tree=sp.OpportunityTree(**RULE))
    paid = {"after": sp.simulate(survey, PACKAGE), "nothing": sp.simulate(survey, everybody(0))}
    estimates = sp.estimate(survey, [asked], paid, replicates=REPLICATES, df="design")
    result = assessed(name, effect=effect)
    seen = 0
    for i, row in enumerate(estimates.rows):
        assert row.param.split(", ")[-1 if "absence" not in row.param else 1] == effect
        plain = ", ".join(part for part in row.param.split(", ") if part != effect)
        if row.scenario in ("before", "after", "change: after"):
            what = {"statistic": row.statistic, "by": row.by, "level": row.level, "param": plain}
            other = result.estimates.find(scenario=row.scenario.removesuffix(": after"), **what)
            assert estimates.draws[:, i].tobytes() == result.estimates.draws[:, other].tobytes()
            seen += 1
        elif row.scenario == "change: nothing":
            assert (estimates.draws[~np.isnan(estimates.draws[:, i]), i] == 0).all()
    assert seen == 3 * (len(result.groups) + 5)


def test_the_statistic_asks_for_what_it_can_use():
    opportunity = opportunity_of("quintile")
    for given, message in (
        (("water",), "AccessAfter takes an Opportunity"),
        ((opportunity, "regress"), "effect must be one of"),
        ((opportunity, "logit", 1), "monotone must be True or False"),
        ((opportunity, "logit", False, 3), "tree must be an OpportunityTree"),
        ((opportunity, "logit", False, sp.OpportunityTree(cp="one-se")), "cp that is a number or None"),
    ):
        with pytest.raises((sp.InputError, sp.InputTypeError), match=message):
            sp.AccessAfter(*given)


def test_threads_and_blocks_change_no_bit():
    survey, opportunity = sp.example_survey(1500), sp.Opportunity("o", "internet", circumstances=["decile", "urbrur"])
    found = [
        sp.assess(
            survey,
            [opportunity],
            sp.Package([sp.child_benefit(sp.Amount(8, "month"))]),
            by=(),
            replicates=sp.Bootstrap(n),
            effect=EFFECTS,
            n_threads=threads,
            shapley=False,
        )
        for n, threads in ((40, 1), (40, 2), (19, 1))
    ]
    one, two, fewer = (result.estimates.draws for result in found)
    assert one.tobytes() == two.tobytes()
    assert np.array_equal(one[:19], fewer, equal_nan=True)


def test_a_picture_has_a_mark_for_every_effect():
    pytest.importorskip("altair", reason="pictures are drawn by altair")
    result = assessed("barrier")
    told = sp.plots.effects(result, "o").to_dict()["description"]
    for effect in EFFECTS:
        assert told.count(RESPONSES[effect]) == 1 + len(result.groups)
    # The others' rows do not get among those of the main effect.
    alone = assessed("barrier", effect="reroute")
    assert sp.plots.gap(result).to_dict()["description"] == sp.plots.gap(alone).to_dict()["description"]
    both = [sp.plots.dissimilarity(of).to_dict()["description"] for of in (result, alone)]
    assert both[0] == both[1]
