"""The ends of a tree's groups without the luck that picked them: cross-validation, half samples, and refits."""

from fractions import Fraction
from functools import cache, partial

import numpy as np
import pytest
from scipy.stats import t as student

import sp2lnob as sp
from sp2lnob._folds import folds_of
from sp2lnob._splits import grow_many
from sp2lnob.cross_validation import cross_validated, halves
from sp2lnob.estimation import bound, full_sample_of
from sp2lnob.stability import MOST_CELLS, PACKED, _pack, _unpack, refit

from . import oracles
from ._data import factors, toy_frames
from .test_reroute import DESIGN, PACKAGE, REPLICATES, RULE, SHARES, Walk, hand_of, opportunity_of

ENDS = ("furthest_behind", "furthest_ahead", "gap")
EXACT = {"max_depth": 4, "min_obs": 4, "min_weight_share": Fraction(1, 20)}
SOME = ["bottom 40", "quintile", "population", "barrier by quintile", "person"]


@cache
def assessed(name, **how):
    return sp.assess(
        hand_of().survey,
        [opportunity_of(name)],
        PACKAGE,
        by=(),
        replicates=REPLICATES,
        tree=sp.OpportunityTree(**RULE),
        **{"df": "design", **how},
    )


walk = cache(Walk)


def ordered(own):
    return {name: name in SHARES or name == "educ" for name in own.circumstances}


def ends_rows(result, scenario="before"):
    """Return the positions of the ends as found and of the cross-validated ones."""
    rows = result.estimates.rows
    found = [i for i, row in enumerate(rows) if row.statistic in ENDS and row.scenario == scenario]
    honest = [i for i in found if rows[i].param.endswith("cross-validated")]
    return [i for i in found if i not in honest], honest


def prepared(survey, opportunity, **rule):
    """Return cells, rule and cuts, as the rooms take them."""
    cells = opportunity.prepare(survey)
    full = full_sample_of(survey, bound(sp.Bootstrap(8), survey))
    return cells, sp.OpportunityTree(**rule).rule(), full.cuts(cells.shares)[:, 0]


# -- cross-validation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOME)
def test_cross_validation_is_the_oracle_s(name):
    own = walk(name)
    survey = own.hand.survey
    homes = own.hand.homes(own.unit)
    psu = [own.hand.psu[homes[i]] for i in own.rows]
    assert len(set(psu)) == survey.design.psus  # so that folds are those of the design
    folds = [dict(enumerate(folds_of(survey.design, repeat).tolist())) for repeat in range(2)]
    expected = oracles.cross_validated_ends(
        own.levels(own.hand.one, "before"),
        own.outcome,
        own.weights(own.hand.one),
        psu,
        folds,
        ordered(own),
        own.barrier,
        **EXACT,
    )
    cells, rule, cuts = prepared(survey, opportunity_of(name), **RULE)
    found = cross_validated(cells, rule, cuts, repeats=2)
    assert found.values.tolist() == pytest.approx([float(value) for value in expected], rel=1e-11)


@pytest.mark.parametrize("name", ["bottom 40", "barrier"])
def test_the_rows_vary_as_the_groups_held_fixed_and_are_widened_by_half_of_what_chance_added(name):
    result = assessed(name)
    estimates, (found, honest) = result.estimates, ends_rows(result)
    assert [estimates.rows[i].statistic for i in honest] == list(ENDS)
    assert {estimates.rows[i].param for i in honest} == {
        "barrier, cross-validated" if name == "barrier" else "cross-validated"
    }
    cells, rule, cuts = prepared(hand_of().survey, opportunity_of(name), **RULE)
    expected = cross_validated(cells, rule, cuts).values
    assert estimates.value[honest].tolist() == pytest.approx(expected.tolist(), rel=1e-12)
    off = estimates.value[honest] - estimates.value[found]
    np.testing.assert_allclose(estimates.draws[:, honest], estimates.draws[:, found] + off, rtol=1e-12)
    se = np.hypot(estimates.se[found], off / 2)
    np.testing.assert_allclose(estimates.se[honest], se, rtol=1e-10)
    reach = student.ppf(0.975, estimates.df[honest]) * se
    low, high = estimates.value[honest] - reach, estimates.value[honest] + reach
    low[:2], high[:2] = np.maximum(low[:2], 0), np.minimum(high[:2], 1)
    np.testing.assert_allclose(estimates.ci_low[honest], low, rtol=1e-9)
    np.testing.assert_allclose(estimates.ci_high[honest], high, rtol=1e-9)
    for i, j in zip(found, honest, strict=True):
        assert "biased" in estimates.flags[i].split(";")
        assert np.isnan(estimates.ci_low[i])
        assert "biased" not in estimates.flags[j]


def test_what_is_cross_validated_is_told_before_a_package_alone():
    result = assessed("bottom 40")
    assert ends_rows(result, "after")[1] == ends_rows(result, "change")[1] == []
    assert len(ends_rows(result, "after")[0]) == 3


def test_intervals_of_draws_do_not_take_the_place_of_one_that_draws_cannot_show():
    usual = assessed("bottom 40")
    with pytest.warns(sp.SP2LNOBWarning, match="such intervals are too short"):
        drawn = assessed("bottom 40", interval="basic", level=0.8)
    (_, honest), frame = ends_rows(drawn), drawn.estimates
    reach = student.ppf(0.9, frame.df[honest]) * usual.estimates.se[honest]
    np.testing.assert_allclose(frame.ci_high[honest][2], frame.value[honest][2] + reach[2])


def test_one_group_was_not_picked():
    survey = hand_of().survey
    result = sp.assess(
        survey,
        [sp.Opportunity("o", "water", circumstances=["urbrur"])],
        replicates=REPLICATES,
        tree=sp.OpportunityTree(max_depth=0),
    )
    found, honest = ends_rows(result)
    assert result.estimates.value[honest].tolist() == result.estimates.value[found].tolist()
    assert result.estimates.value[honest[2]] == 0
    assert (result.stability.query("what == 'first split' and label == 'no split'").frequency == 1).all()
    assert result.stability.query("what == 'same first split'").frequency.tolist() == [1.0]


def test_scale_and_order_change_nothing_and_a_psu_of_weight_0_is_as_one_that_is_not_there():
    frames = toy_frames(seed=4, per_psu=6, zeros=False)
    opportunity = opportunity_of("bottom 40")

    def ends(households):
        found = cross_validated(*prepared(sp.Survey(households, frames[1], **DESIGN), opportunity, **RULE))
        return found.values.tolist()

    households = dict(frames[0])
    expected = ends(households)
    assert ends(households | {"hhweight": 8 * households["hhweight"]}) == expected
    order = np.random.default_rng(3).permutation(len(households["hid"]))
    assert ends({name: np.asarray(column)[order] for name, column in households.items()}) == expected
    last = np.asarray(households["ea"]) == 19
    without = {name: np.asarray(column)[~last] for name, column in households.items()}
    persons = {name: column[~np.isin(frames[1]["hid"], households["hid"][last])] for name, column in frames[1].items()}
    gone = cross_validated(*prepared(sp.Survey(without, persons, **DESIGN), opportunity, **RULE))
    nothing = ends(households | {"hhweight": np.where(last, 0, households["hhweight"])})
    assert nothing == pytest.approx(gone.values.tolist(), rel=1e-12)


def test_rows_of_weight_0_are_as_rows_that_are_not_there():
    rng = np.random.default_rng(7)
    rows = np.arange(600)
    frame = {"hid": rows, "w": rng.integers(0, 2, 600) * 1.0, "psu": rows // 25, "n": np.ones(600)}
    frame |= {"a": rng.integers(0, 4, 600), "b": rng.integers(0, 3, 600)}
    frame["access"] = (rng.random(600) < 0.2 + 0.15 * frame["a"]).astype(int)
    found = []
    for kept in (rows >= 0, frame["w"] > 0):
        survey = sp.Survey({name: column[kept] for name, column in frame.items()}, weight="w", psu="psu", size="n")
        asked = sp.Opportunity("access", "access", circumstances=["a", "b"])
        found.append(sp.assess(survey, [asked], replicates=sp.Bootstrap(8), welfare=False))
    np.testing.assert_allclose(found[0].estimates.value, found[1].estimates.value, rtol=1e-12)
    np.testing.assert_allclose(found[0].estimates.draws, found[1].estimates.draws, rtol=1e-9, atol=1e-12)
    assert found[0].stability.equals(found[1].stability)


def test_one_psu_leaves_nothing_to_learn_from():
    survey = hand_of().survey
    alone = sp.Opportunity("o", "water", population="ea == 3", circumstances=["educ"])
    with pytest.warns(sp.SP2LNOBWarning, match="two PSUs or more, but all rows of opportunity 'o' are of one"):
        result = sp.assess(survey, [alone], replicates=REPLICATES, tree=sp.OpportunityTree(min_obs=1, cp=0.0))
    assert len(result.groups) > 1
    assert ends_rows(result)[1] == []
    with pytest.raises(sp.InputError, match="honest='split' needs two PSUs or more, but all rows"):
        sp.assess(survey, [alone], replicates=REPLICATES, honest="split")


def test_few_psus_and_one_stratum_are_enough():
    frames = toy_frames(per_psu=12, zeros=False)
    few = np.asarray(frames[0]["ea"]) < 6
    households = {name: np.asarray(column)[few] for name, column in frames[0].items()}
    persons = {name: column[np.isin(frames[1]["hid"], households["hid"])] for name, column in frames[1].items()}
    survey = sp.Survey(households, persons, **DESIGN | {"strata": None})
    found = cross_validated(*prepared(survey, opportunity_of("bottom 40"), **RULE))
    assert 0 <= found.behind <= 1
    assert 0 <= found.ahead <= 1


def null(seed, psus=10, strata=20, households=20):
    """Return a survey in which no circumstance tells anything of access."""
    rng = np.random.default_rng([psus, seed])
    n = strata * psus * households
    sizes = {"a": 2, "b": 3, "c": 4, "d": 2, "e": 3, "f": 2}
    frame = {name: rng.integers(0, size, n) for name, size in sizes.items()}
    ea = np.repeat(np.arange(strata * psus), households)
    chance = 1 / (1 + np.exp(-rng.normal(0, 0.4, strata * psus)))[ea]
    frame |= {
        "hid": np.arange(n),
        "ea": ea,
        "stratum": ea // psus,
        "hhweight": rng.uniform(0.5, 1.5, n),
        "size": np.ones(n),
    }
    survey = sp.Survey(
        frame | {"y": (rng.random(n) < chance).astype(int)}, size="size", weight="hhweight", psu="ea", strata="stratum"
    )
    return survey, sp.Opportunity("o", "y", circumstances=list(sizes), unordered=list(sizes))


def test_where_nothing_tells_people_apart_the_gap_as_found_is_large_and_the_cross_validated_one_is_not():
    found = []
    for seed in range(50):
        cells, rule, cuts = prepared(*null(seed))
        tree = sp.OpportunityTree().fit_cells(cells.circumstances, cells.codes, cells.sums(cuts))
        naive = np.ptp(tree.groups_["rate"])
        found.append((naive, cross_validated(cells, rule, cuts).gap))
    naive, honest = np.mean(found, axis=0)
    assert naive > 0.05
    assert abs(honest) < 0.01


# -- half samples ---------------------------------------------------------------------------------------------------


def test_halves_part_the_psus_of_every_stratum_and_stand_for_all_of_it():
    survey = hand_of().survey
    cells = opportunity_of("person").prepare(survey)
    parts = halves(cells)
    psus = [set(part.psu.tolist()) for part in parts]
    assert not psus[0] & psus[1]
    assert psus[0] | psus[1] == set(range(survey.design.psus))
    assert sorted(np.r_[parts[0].index, parts[1].index].tolist()) == cells.index.tolist()
    weight = dict(zip(cells.index.tolist(), cells.weight.tolist(), strict=True))
    stratum = np.repeat(np.arange(survey.design.strata), survey.design.psus_by_stratum)
    size = survey.design.psus_by_stratum
    for part, own in zip(parts, psus, strict=True):
        taken = np.bincount(stratum[list(own)], minlength=len(size))
        assert (np.abs(taken - size / 2) <= 0.5).all()
        expected = [
            weight[i] * size[h] / taken[h] for i, h in zip(part.index.tolist(), stratum[part.psu].tolist(), strict=True)
        ]
        assert part.weight.tolist() == pytest.approx(expected)


def split_by_hand(flip):
    """Return the split of a survey whose outcome is turned around in one half of the PSUs, and that half's rows."""
    frames = toy_frames(seed=5, per_psu=12, zeros=False)
    opportunity = opportunity_of("barrier")
    whole = sp.Survey(*frames, **DESIGN)
    half = halves(opportunity.prepare(whole))[flip]
    row = {hid: i for i, hid in enumerate(frames[0]["hid"])}
    at = [row[hid] for hid in whole.household_column("hid").values[half.household]]
    water = frames[0]["water"].copy()
    water[at] = 1 - water[at]
    how = partial(sp.assess, by=(), replicates=REPLICATES, tree=sp.OpportunityTree(**RULE), honest="split")
    surveys = whole, sp.Survey(frames[0] | {"water": water}, frames[1], **DESIGN)
    return [how(survey, [opportunity]) for survey in surveys]


def test_what_is_counted_has_no_say_in_which_groups_are_found():
    before, after = split_by_hand(1)
    for name in ("label", "share", "n", "furthest_behind", "furthest_ahead"):
        assert before.groups[name].tolist() == after.groups[name].tolist()
    assert after.groups["before"].tolist() == pytest.approx((1 - before.groups["before"]).tolist())
    one, other = split_by_hand(0)
    assert one.groups["label"].tolist() != other.groups["label"].tolist()


def test_a_split_has_plain_intervals_and_a_tree_that_tells_what_was_counted():
    result = split_by_hand(1)[0]
    estimates, frame = result.estimates, result.estimates.frame()
    ends = frame[frame["statistic"].isin(ENDS)]
    assert ends["param"].unique().tolist() == ["barrier"]
    assert not ends["flag"].str.contains("biased").any()
    assert ends["ci_low"].notna().all()
    behind = result.groups.iloc[0]
    low = estimates.find(statistic="furthest_behind")
    assert (behind["before"], behind["before_low"]) == (estimates.value[low], estimates.ci_low[low])
    groups = result.findings("none").trees["o"]["nodes"]
    told = {node["label"]: (node["rate"], node["n"]) for node in groups if "label" in node}
    assert told == {row["label"]: (pytest.approx(row["before"]), row["n"]) for row in result.groups.to_dict("records")}
    root = groups[0]
    assert root["rate"] == pytest.approx(estimates.value[estimates.find(statistic="access", by="all")])


# -- refits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOME)
def test_refits_are_the_oracle_s(name):
    own, result = walk(name), assessed(name)
    combinations = list(dict.fromkeys(tuple(x.items()) for x in own.levels(own.hand.one, "before")))
    firsts, gaps, ends = [], [], {"furthest behind": [], "furthest ahead": []}
    for factor in factors(own.hand.survey, REPLICATES):
        weight, levels = own.weights(factor), own.levels(factor, "before")
        there = [i for i, w in enumerate(weight) if w > 0]
        tree = oracles.grow_tree(
            [levels[i] for i in there],
            [own.outcome[i] for i in there],
            [weight[i] for i in there],
            ordered(own),
            **EXACT,
        )
        firsts.append(tree.get("feature", "no split"))
        behind, ahead = oracles.tree_ends(tree, own.barrier)
        gaps.append(float(abs(ahead["rate"] - behind["rate"])))
        for what, leaf in zip(ends, (behind, ahead), strict=True):
            ends[what].append([oracles.apply_tree(tree, dict(x)) is leaf for x in combinations])
    stability = result.stability
    told = dict(stability.query("what == 'first split'")[["label", "frequency"]].to_numpy().tolist())
    assert {label: share for label, share in told.items() if share} == {
        label: pytest.approx(firsts.count(label) / len(firsts)) for label in set(firsts)
    }
    for what, at in ends.items():
        found = sorted(stability[stability["what"] == what]["frequency"].tolist())
        assert found == pytest.approx(sorted(np.mean(at, axis=0).tolist()))
    spread = stability.loc[stability["what"] == "gap", "sd"].item()
    assert spread == pytest.approx(np.std(gaps, ddof=1))
    assert (stability["replicates"] == REPLICATES.n).all()


def test_labels_are_those_of_groups_of_one_combination():
    result = assessed("bottom 40")
    own = walk("bottom 40")
    labels = result.stability.query("what == 'furthest behind'")["label"].tolist()
    names = [
        f"bottom40: {a}, urbrur: {b}, educ: {c}"
        for a in ("Bottom 40", "Top 60")
        for b in ("Rural", "Urban")
        for c in range(4)
    ]
    assert set(labels) <= set(names)
    assert len(labels) == len({tuple(x.items()) for x in own.levels(own.hand.one, "before")})
    (first,) = result.stability.query("what == 'same first split'")["label"]
    root = result.findings("none").trees["o"]["nodes"][0]
    assert first.startswith(f"{root['circumstance']}: {root['left_levels'][0]}")


def test_a_first_split_is_the_same_whichever_side_is_called_left():
    survey = hand_of().survey
    cells, rule, cuts = prepared(survey, opportunity_of("barrier by quintile"), **RULE)
    of = refit(full_sample_of(survey, bound(sp.Bootstrap(8), survey)), cells, rule, cuts)
    sums = cells.sums(cuts)
    turned = np.column_stack([sums[:, 0], sums[:, 0] - sums[:, 1], sums[:, 0] - sums[:, 1], sums[:, 3]])
    other = sums.copy()
    other[:, 1:3] = (sums[:, 0] * (cells.codes[:, 1 - of.first] == 0))[:, None]
    trees = grow_many(cells.circumstances, cells.codes, np.stack([sums, turned, other], axis=2), rule)
    assert of._same(trees, np.repeat(sums[:, :1] > 0, 3, axis=1)).tolist() == [True, True, False]


@pytest.mark.parametrize("cells", [1, PACKED - 1, PACKED, PACKED + 1, 3 * PACKED, MOST_CELLS])
def test_what_is_packed_comes_out_as_it_was(cells):
    bits = np.random.default_rng(cells).random((cells, 7)) < 0.5
    bits[:, 0], bits[:, 1] = True, False
    packed = _pack(bits)
    assert packed.shape == (-(-cells // PACKED), 7)
    assert (_unpack(packed, cells) == bits).all()


def test_threads_shards_and_resuming_give_the_same(tmp_path):
    one = assessed("bottom 40", n_threads=1).stability
    assert one.equals(assessed("bottom 40", n_threads=2).stability)
    kept = assessed("bottom 40", resume=str(tmp_path / "kept"))
    assert kept.stability.equals(one)
    assessed.cache_clear()
    assert assessed("bottom 40", resume=str(tmp_path / "kept")).stability.equals(one)


def test_without_refits_nothing_else_changes():
    with_, without = assessed("barrier"), assessed("barrier", refit=False)
    assert without.stability.empty
    assert [*without.stability.columns] == [*with_.stability.columns]
    assert with_.estimates.frame().equals(without.estimates.frame())
    assert not any(row.statistic == "refit" for row in with_.estimates.rows)


def test_stability_is_written_read_and_withheld(tmp_path):
    result = assessed("bottom 40")
    read = sp.read_results(result.save(tmp_path / "results"))
    few = (result.stability["n"] < 25).to_numpy()
    assert few.any()
    assert not few.all()
    assert read.stability["frequency"].isna()[few].all()
    assert read.stability["flag"].str.contains("withheld")[few].all()
    every = sp.read_results(result.save(tmp_path / "all", disclosure="none")).stability
    assert every.equals(result.stability)
    (tmp_path / "all" / "stability.csv").unlink()
    with pytest.raises(sp.InputError, match=r"must be there and whole"):
        sp.read_results(tmp_path / "all")


def test_what_is_asked_is_checked_and_told():
    survey = hand_of().survey
    with pytest.raises(sp.InputError, match="honest must be one of 'cv', 'split', but it is 'oob'"):
        sp.assess(survey, [], honest="oob")
    with pytest.raises(sp.InputTypeError, match="refit must be True or False"):
        sp.assess(survey, [], refit=1)
    asked = assessed("bottom 40").findings().manifest["asked"]
    assert (asked["honest"], asked["refit"]) == ("cv", True)
