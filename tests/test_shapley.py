"""Shapley shares of the dissimilarity index: exact against all orders, the peers' values, groups, drawn orders."""

from fractions import Fraction

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob.decomposition import Game

from . import oracles
from ._peers import KNOWN, survey

METHODS = ("empirical-bayes", "cells", "logit", "fixed")


@pytest.fixture(scope="module")
def peers():
    return survey()


def small(seed=1, n=150, players=4):
    """Return access, circumstances and weights of a few rows."""
    rng = np.random.default_rng(seed)
    circumstances = {f"c{k}": rng.integers(0, 2 + k % 3, n) for k in range(players)}
    odds = sum((1 - 0.3 * k) * column for k, column in enumerate(circumstances.values())) - 1.0
    return (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int), circumstances, rng.integers(1, 5, n)


def test_the_peers_agree(peers):
    access, circumstances, w, *_ = peers
    shares = sp.shapley(access, circumstances, w, method="logit")
    np.testing.assert_allclose(shares, KNOWN["shapley"], rtol=0, atol=2e-12)
    assert shares.index.tolist() == list(circumstances)
    assert shares.sum() == pytest.approx(KNOWN["logit D"], abs=1e-11)


def test_of_cells_it_is_the_mean_over_all_orders():
    access, circumstances, w = small(n=60)
    columns = [column.tolist() for column in circumstances.values()]

    def value(members):
        if not members:
            return Fraction(0)
        groups = list(zip(*(columns[i] for i in sorted(members)), strict=True))
        return oracles.d_index([Fraction(int(a)) for a in access], groups, [Fraction(int(v)) for v in w])

    known = oracles.shapley(value, 4)
    np.testing.assert_allclose(
        sp.shapley(access, circumstances, w, method="cells"), [float(share) for share in known], rtol=0, atol=1e-14
    )


def test_of_a_logit_it_is_estimated_anew_on_every_set():
    access, circumstances, w = small()
    names = list(circumstances)

    def value(members):
        some = {names[i]: circumstances[names[i]] for i in sorted(members)}
        return sp.human_opportunity_index(access, some, w, se=None).d if members else 0.0

    known = [float(share) for share in oracles.shapley(value, 4)]
    np.testing.assert_allclose(sp.shapley(access, circumstances, w, method="logit"), known, rtol=0, atol=1e-10)


def test_of_a_fixed_logit_others_are_held_at_their_weighted_means():
    access, circumstances, w = small()
    dummies = [(column[:, None] == np.arange(1, column.max() + 1)).astype(float) for column in circumstances.values()]
    x = np.column_stack([np.ones(len(w)), *dummies])
    b = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ b))
        b += np.linalg.solve(x.T @ ((w * p * (1 - p))[:, None] * x), x.T @ (w * (access - p)))
    ends = np.cumsum([1, *(d.shape[1] for d in dummies)])

    def value(members):
        if not members:
            return 0.0
        held = x.copy()
        for k in range(4):
            if k not in members:
                held[:, ends[k] : ends[k + 1]] = np.average(x[:, ends[k] : ends[k + 1]], axis=0, weights=w)
        p = 1 / (1 + np.exp(-held @ b))
        mean = np.average(p, weights=w)
        return float((w * abs(p - mean)).sum() / (2 * mean * w.sum()))

    known = [float(share) for share in oracles.shapley(value, 4)]
    np.testing.assert_allclose(sp.shapley(access, circumstances, w, method="fixed"), known, rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_shares_add_up(method):
    access, circumstances, w = small()
    found = {
        "cells": sp.d_index(access, circumstances, w),
        "logit": sp.human_opportunity_index(access, circumstances, w, se=None).d,
    }
    found["fixed"] = found["logit"]
    found["empirical-bayes"] = sp.d_index(access, circumstances, w, correction="empirical-bayes")
    shares = sp.shapley(access, circumstances, w, method=method)
    assert shares.sum() == pytest.approx(found[method], abs=1e-12)
    some = sp.shapley(access, circumstances, w, method=method, groups={"x": ["c1", "c3"]})
    assert some.index.tolist() == ["c0", "x", "c2"]
    assert some.sum() == pytest.approx(found[method], abs=1e-12)
    drawn = sp.shapley(access, circumstances, w, method=method, permutations=6, seed=4)
    assert drawn.sum() == pytest.approx(found[method], abs=1e-12)


def test_what_noise_adds_is_taken_off_a_circumstance_of_many_levels():
    rng = np.random.default_rng(4)
    n = 3000
    circumstances = {"true": rng.integers(0, 2, n), "noise": rng.integers(0, 60, n)}
    access = (rng.random(n) < 0.3 + 0.4 * circumstances["true"]).astype(int)
    w = np.ones(n)
    plain = sp.shapley(access, circumstances, w, method="cells")
    corrected = sp.shapley(access, circumstances, w)
    assert plain["noise"] > 0.025
    assert abs(corrected["noise"]) < 0.6 * plain["noise"]  # near 0 the corrected index is a little too high as well
    assert corrected["true"] == pytest.approx(plain["true"], abs=0.03)


def test_missing_circumstances_and_the_order_of_rows():
    access, circumstances, w = small()
    order = np.random.default_rng(2).permutation(len(w))
    moved = {name: column[order] for name, column in circumstances.items()}
    for method in METHODS:
        np.testing.assert_allclose(
            sp.shapley(access[order], moved, w[order] * 7.0, method=method),
            sp.shapley(access, circumstances, w, method=method),
            rtol=0,
            atol=1e-9,
        )


def test_a_circumstance_that_tells_nothing_has_nothing():
    access, circumstances, w = small(players=3)
    for method in METHODS:
        shares = sp.shapley(access, circumstances | {"same": np.zeros(len(w))}, w, method=method)
        assert shares["same"] == 0
        np.testing.assert_allclose(
            shares.drop("same"), sp.shapley(access, circumstances, w, method=method), rtol=0, atol=1e-9
        )


def test_two_of_one_kind_have_the_same():
    access, circumstances, w = small(players=3)
    for method in ("cells", "logit", "empirical-bayes"):
        shares = sp.shapley(access, circumstances | {"copy": circumstances["c1"]}, w, method=method)
        assert shares["copy"] == pytest.approx(shares["c1"], abs=1e-9)


def test_a_group_of_one_changes_nothing_but_the_name():
    access, circumstances, w = small()
    renamed = sp.shapley(access, circumstances, w, method="cells", groups={"first": ["c0"]})
    assert renamed.rename({"first": "c0"}).equals(sp.shapley(access, circumstances, w, method="cells"))


@pytest.mark.parametrize(("access", "share"), [(0, np.nan), (1, 0.0)])
def test_an_outcome_that_is_constant(access, share):
    frame = {"a": ["x", "x", "y", "y"], "b": ["p", "q", "p", "q"]}
    for method in METHODS:
        shares = sp.shapley([access] * 4, frame, [1, 1, 1, 1], method=method)
        np.testing.assert_allclose(shares, [share] * 2, atol=1e-12)


def test_drawn_orders_come_near_and_tell_how_near():
    access, circumstances, w = small(players=5)
    exact = sp.shapley(access, circumstances, w, method="cells")
    drawn = sp.shapley(access, circumstances, w, method="cells", permutations=200)
    errors = np.array(drawn.attrs["monte_carlo_error"])
    assert (errors > 0).all()
    assert (errors < 0.01).all()
    assert (abs(drawn - exact) < 4 * errors).all()
    assert "monte_carlo_error" not in exact.attrs
    again = sp.shapley(access, circumstances, w, method="cells", permutations=200)
    assert again.equals(drawn)
    other = sp.shapley(access, circumstances, w, method="cells", permutations=200, seed=2)
    assert not other.equals(drawn)


def test_orders_stand_beside_their_reverse():
    game = Game.of([2] * 13, 10)
    assert (game.orders[::2] == game.orders[1::2, ::-1]).all()
    assert (np.sort(game.orders, axis=1) == np.arange(13)).all()
    np.testing.assert_allclose(game.weight[:, 0], 1 / 13, atol=0.2)
    assert game.weight[:, 0].sum() == pytest.approx(1)


def test_exact_shares_of_twelve():
    access, circumstances, w = small(n=300, players=12)
    circumstances = {name: column % 2 for name, column in circumstances.items()}
    shares = sp.shapley(access, circumstances, w, method="cells")
    assert shares.sum() == pytest.approx(sp.d_index(access, circumstances, w), abs=1e-12)
    assert len(shares) == 12


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"method": "oaxaca"}, r"method must be one of 'empirical-bayes', 'cells', 'logit', 'fixed'"),
        ({"groups": {"x": ["c9"]}}, r"A circumstance of group 'x' must be one that exists, but 'c9' does not"),
        ({"groups": {"x": ["c0"], "y": ["c0"]}}, r"must be in one group, but 'c0' is in 'x' too"),
        ({"groups": {"c1": ["c0"]}}, r"A group must have a name of its own, but 'c1' is a circumstance outside it"),
        ({"permutations": 5}, r"permutations must be even, but it is 5"),
        ({"permutations": 0}, r"permutations must be 2 or more, but it is 0"),
        ({"weights": np.zeros(150)}, r"The sum of every weight must be above 0"),
    ],
)
def test_bad_input(changed, message):
    access, circumstances, w = small()
    given = {"access": access, "circumstances": circumstances, "weights": w} | changed
    with pytest.raises(sp.InputError, match=message):
        sp.shapley(**given)


def test_thirteen_are_too_many_for_all_orders():
    access, circumstances, w = small(players=13)
    with pytest.raises(sp.InputError, match=r"at most 12 circumstances or groups, but 13 came\. Put some together"):
        sp.shapley(access, circumstances, w)
    assert len(sp.shapley(access, circumstances, w, method="cells", permutations=10)) == 13


# -- on a survey ----------------------------------------------------------------------------------------------------


def opportunity(**changed):
    given = {"circumstances": ["bottom40", "urbrur", "head_educ"]} | changed
    return sp.Opportunity("internet", outcome="internet", **given)


@pytest.mark.parametrize("method", METHODS)
def test_on_a_survey_shares_add_up_to_the_index_of_the_method_in_every_replicate(example, method):
    index = sp.Dissimilarity(opportunity(), "logit" if method == "fixed" else method)
    estimated = sp.estimate(
        example, [index, sp.Shapley(opportunity(), method)], by=["urbrur"], replicates=sp.Bootstrap(16)
    )
    frame = estimated.frame()
    suffix = "" if method == "empirical-bayes" else f", {method}"
    names = [f"{name}{suffix}" for name in ("bottom40", "urbrur", "head_educ")]
    assert frame.param[frame.statistic == "shapley"].unique().tolist() == names
    biased = frame.flag[frame.statistic == "shapley"].str.contains("biased")
    assert biased.all() == biased.any() == (method == "cells")
    kept = "logit" if method == "fixed" else method
    for level in ("all", *frame.level[frame.by == "urbrur"].unique()):
        own = frame.index[(frame.statistic == "shapley") & (frame.level == level)]
        (total,) = frame.index[(frame.statistic == "d_index") & (frame.param == kept) & (frame.level == level)]
        assert frame.value[own].sum() == pytest.approx(frame.value[total], abs=1e-11)
        # The other takes three Newton steps of a logit in a replicate, however far it has to go.
        off = 1e-11 if method in ("cells", "empirical-bayes") else 1e-4
        drawn = estimated.draws[:, own].sum(axis=1)
        np.testing.assert_allclose(drawn, estimated.draws[:, total], rtol=0, atol=off)


def test_on_a_survey_groups_and_drawn_orders(example):
    grouped = sp.Shapley(opportunity(), "logit", groups={"place and education": ["urbrur", "head_educ"]})
    drawn = sp.Shapley(opportunity(), "cells", permutations=6)
    frame = sp.estimate(example, [grouped, drawn], replicates=sp.Bootstrap(8)).frame()
    assert frame.param[:2].tolist() == ["bottom40, logit", "place and education, logit"]
    whole = sp.estimate(example, [sp.Dissimilarity(opportunity(), "cells")], replicates=sp.Bootstrap(8)).frame()
    assert frame.value[2:].sum() == pytest.approx(whole.value[0], abs=1e-12)


def test_on_a_survey_by_a_welfare_class_that_is_a_circumstance_as_well(example):
    found = sp.estimate(example, [sp.Shapley(opportunity())], by=["bottom40"], replicates=sp.Bootstrap(8))
    frame = found.frame()
    assert (frame.value[(frame.by == "bottom40") & (frame.param == "bottom40")] == 0).all()
    assert frame.value.notna().all()


def test_an_outcome_that_is_constant_in_a_replicate():
    """Few have access, all in one PSU: where it is not drawn, nobody has."""
    rng = np.random.default_rng(6)
    psu = np.repeat(np.arange(8), 12)
    frame = {"hid": np.arange(96), "w": np.ones(96), "psu": psu, "n": np.ones(96), "a": rng.integers(0, 2, 96)}
    frame |= {"b": rng.integers(0, 3, 96), "access": ((psu == 3) & (rng.random(96) < 0.7)).astype(int)}
    survey = sp.Survey(frame, household="hid", weight="w", psu="psu", size="n")
    rare = sp.Opportunity("rare", "access", circumstances=["a", "b"])
    asked = [sp.HumanOpportunity(rare), *(sp.Shapley(rare, method) for method in METHODS)]
    estimated = sp.estimate(survey, asked, replicates=sp.Bootstrap(40))
    nobody = np.asarray(estimated.draws[:, 0] == 0)
    assert 0 < nobody.sum() < 40
    assert np.isnan(estimated.draws[nobody, 1:]).all()
    assert np.isfinite(estimated.draws[~nobody]).all()
    assert (estimated.frame().replicates[1:] == (~nobody).sum()).all()


@pytest.mark.parametrize("method", ["logit", "fixed"])
def test_shares_of_what_a_circumstance_settles(method):
    """It has all of the fixed logit's index, in every replicate; and rows say that rates are a limit."""
    rng = np.random.default_rng(7)
    psu = np.repeat(np.arange(8), 12)
    frame = {"hid": np.arange(96), "w": np.ones(96), "psu": psu, "n": np.ones(96), "a": rng.integers(0, 3, 96)}
    frame |= {"b": rng.integers(0, 3, 96), "access": (frame["a"] == 0).astype(int)}
    survey = sp.Survey(frame, household="hid", weight="w", psu="psu", size="n")
    settled = sp.Opportunity("settled", "access", circumstances=["a", "b"])
    asked = [sp.Shapley(settled, method), sp.Dissimilarity(settled, method="logit")]
    made = sp.estimate(survey, asked, replicates=sp.Bootstrap(16))
    assert [flag.split(";")[0] for flag in made.flags[:2]] == ["separated"] * 2
    np.testing.assert_allclose(made.draws[:, :2].sum(axis=1), made.draws[:, 2], atol=1e-12)
    if method == "fixed":
        assert made.value[:2] == pytest.approx([made.value[2], 0], abs=1e-12)
        assert abs(made.draws[:, 1]).max() < 1e-12


def test_a_barrier_is_refused_with_its_complement_named():
    with pytest.raises(sp.InputError, match=r"Shapley must be of access, .* 'no offline', outcome 'not \(internet\)'"):
        sp.Shapley(sp.Opportunity("offline", "internet", circumstances=["urbrur"], kind="barrier"))


def test_too_many_circumstances_of_an_opportunity():
    many = opportunity(circumstances=[f"c{k}" for k in range(13)])
    with pytest.raises(sp.InputError, match="13 came"):
        sp.Shapley(many)
    assert len(sp.Shapley(many, permutations=20).names) == 13


def test_every_set_of_circumstances_has_the_index_that_an_opportunity_of_these_has(example):
    """Whether PSUs share a circumstance (urbrur), or differ in it (head_educ), or cut it anew (bottom40)."""
    names, design = ["bottom40", "urbrur", "head_educ"], sp.Bootstrap(24)

    def of(members):
        return opportunity(circumstances=[names[i] for i in sorted(members)])

    def value(members):
        if not members:
            return 0.0
        return sp.estimate(example, [sp.Dissimilarity(of(members))], replicates=design).draws[:, 0]

    made = sp.estimate(example, [sp.Shapley(of({0, 1, 2}))], replicates=design)
    known = np.array(oracles.shapley(value, 3), dtype=float)
    np.testing.assert_allclose(made.draws.T, known, rtol=0, atol=1e-12)


# -- in the main job ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_assess_tells_what_estimate_does(example, method):
    circumstances = ["bottom40", "urbrur", "head_educ"]
    fuel = sp.Opportunity("fuel", "cook_fuel in ('Electricity', 'Gas')", circumstances=circumstances)
    offline = sp.Opportunity("offline", "internet == 0", circumstances=circumstances, kind="barrier")
    design = sp.Bootstrap(24)
    frame = sp.assess(example, [fuel, offline], replicates=design, refit=False, shapley=method).estimates.frame()
    for of, access, end in ((fuel, fuel, ""), (offline, offline.complement(), ", of absence")):
        asked = [sp.HumanOpportunity(access), sp.Shapley(access, method)]
        alone = sp.estimate(example, asked, replicates=design).frame()
        mine = frame[frame["statistic"].isin(["hoi", "shapley"]) & (frame["of"] == of.name)]
        assert mine["param"].tolist() == [param + end for param in alone["param"]]
        figures = ["value", "se", "ci_low", "ci_high", "df", "n", "bias"]
        np.testing.assert_array_equal(mine[figures].to_numpy(), alone[figures].to_numpy())
        assert mine["flag"].tolist() == alone["flag"].tolist()
        if method in ("empirical-bayes", "cells"):
            index = frame[(frame["of"] == of.name) & (frame["param"] == method + end)]
            shares = mine[mine["statistic"] == "shapley"]
            assert shares["value"].sum() == pytest.approx(index["value"].item(), abs=1e-12)


def test_assess_takes_true_for_the_corrected_index_and_leaves_shares_out(example):
    internet = sp.Opportunity("internet", "internet", circumstances=["urbrur", "head_educ"])
    given = {"replicates": sp.Bootstrap(5), "refit": False}
    usual, named, none = (
        sp.assess(example, [internet], **given, **more)
        for more in ({}, {"shapley": "empirical-bayes"}, {"shapley": False})
    )
    assert usual.estimates.frame().equals(named.estimates.frame())
    left = usual.estimates.frame().query("statistic != 'shapley'").reset_index(drop=True)
    assert none.estimates.frame().equals(left)
    assert [made.asked["shapley"] for made in (usual, named, none)] == ["empirical-bayes", "empirical-bayes", False]


def test_assess_refuses_what_would_take_for_ever(example, monkeypatch):
    many = [f"c{k}" for k in range(13)]
    households, persons = sp.example_frames(400)
    rng = np.random.default_rng(1)
    survey = sp.Survey({**households, **{name: rng.integers(0, 2, 400) for name in many}}, persons, person="pid")
    wide = sp.Opportunity("wide", "internet", circumstances=many)
    with pytest.raises(
        sp.InputError, match=r"at most 12 circumstances, but opportunity 'wide' has 13\. Pass shapley=Fal"
    ):
        sp.assess(survey, [wide], replicates=sp.Bootstrap(2))
    internet = sp.Opportunity("internet", "internet", circumstances=["urbrur", "head_educ"])
    monkeypatch.setattr("sp2lnob.assessment.MOST_ROWS", 3 * example.n_households - 1)
    with pytest.raises(
        sp.InputError, match=r"'internet' has 3 sets of 2 circumstances, and [\d,]+ rows .* shapley='logit'"
    ):
        sp.assess(example, [internet], replicates=sp.Bootstrap(2))
    sp.assess(example, [internet], replicates=sp.Bootstrap(2), refit=False, shapley="logit")
    with pytest.raises(sp.InputError, match="shapley, if it is not True or False, must be one of 'empirical-bayes'"):
        sp.assess(example, [internet], shapley="logits")


def test_a_circumstance_that_is_alike_within_a_level_has_no_share_there_in_any_replicate():
    rng = np.random.default_rng(3)
    psu = np.repeat(np.arange(9), 10)
    region, town, education = psu % 3, rng.uniform(size=90) < 0.4, rng.integers(0, 4, 90)
    frame = {
        "hid": np.arange(90),
        "weight": rng.lognormal(size=90),
        "welfare": rng.lognormal(3, 0.8, 90),
        "psu": psu,
        "stratum": psu % 2,
        "region": region,
        "education": education,
        "size": np.ones(90),
        "outcome": rng.uniform(size=90) < 0.2 + 0.15 * region + 0.2 * town + 0.05 * education,
    }
    survey = sp.Survey(frame, weight="weight", size="size", welfare="welfare", psu="psu", strata="stratum")
    opportunity = sp.Opportunity("o", outcome="outcome", circumstances=["quintile", "region", "education"])
    statistic = sp.Shapley(opportunity, "empirical-bayes")
    made = sp.estimate(survey, [statistic], by=["region"], replicates=sp.Bootstrap(64))
    alike = [i for i, row in enumerate(made.rows) if row.by == "region" and "region" in row.param]
    assert len(alike) == 3
    draws = made.draws[:, alike]
    assert (draws[np.isfinite(draws)] == 0).all()
    assert np.isfinite(draws).any()
