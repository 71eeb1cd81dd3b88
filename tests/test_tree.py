"""The tree against one grown row by row, against scikit-learn's, and at its ties and edges."""

import json
from copy import deepcopy
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.tree import DecisionTreeRegressor

import sp2lnob as sp
from sp2lnob._columns import Table

from . import oracles
from ._data import exact, toy_survey

LEVELS = {"a": 2, "b": 5, "c": 9, "d": 4, "e": 6}  # of every circumstance that a table below may have
TEXT = ("c", "e")  # these are text, so without an order


def random_rows(seed, n=160):
    """Return circumstances, an outcome that hangs on them, and weights."""
    rng = np.random.default_rng(seed)
    X = {name: rng.integers(0, size, n) for name, size in LEVELS.items()}
    X["b"] = X["b"] ** 2 - 3  # unevenly spaced, and below 0
    X["d"] = X["d"] * 0.25
    X |= {name: np.array([f"level {'qwertyuio'[v]}" for v in X[name]]) for name in TEXT}
    chance = 0.1 + 0.4 * (X["a"] == 1) + 0.3 * (X["b"] > 3) * (X["a"] == 0)
    chance += 0.2 * np.isin(X["c"], ["level e", "level t"])
    y = (rng.random(n) < chance).astype(float)
    return X, y, rng.uniform(0.2, 3.0, n)


def as_rows(X):
    columns = [np.asarray(values).tolist() for values in X.values()]
    return [dict(zip(X, row, strict=True)) for row in zip(*columns, strict=True)]


def oracle_of(X, y, w, **rule):
    """Grow the oracle's tree in exact arithmetic: two circumstances that part a node alike tie, and none is luckier."""
    ordered = {name: name not in TEXT for name in X}
    return oracles.grow_tree(as_rows(X), exact(y), exact(w), ordered, **rule)


def expected_groups(root):
    """Return rate, share and rows of the oracle's leaves, from the lowest rate; the larger first among equals."""
    return sorted(oracles.leaves(root), key=lambda leaf: (leaf[0], -leaf[1]))


def same_groups(tree, root):
    rates, shares, rows = zip(*expected_groups(root), strict=True)
    assert tree.groups_["n"].tolist() == list(rows)
    assert tree.groups_["rate"].tolist() == pytest.approx([float(rate) for rate in rates], rel=1e-11, abs=1e-13)
    assert tree.groups_["share"].tolist() == pytest.approx([float(share) for share in shares], rel=1e-11)


def same_splits(tree, root, t=0):
    """Walk both trees together: circumstance, side of every level, threshold, weight and sum of squares."""
    splits = tree.splits_
    assert splits.weight[t] == pytest.approx(float(root["weight"]), rel=1e-12)
    assert splits.sse[t] == pytest.approx(float(root["sse"]), rel=1e-9, abs=1e-10)
    f = splits.circumstance[t]
    if "left" not in root:
        assert f == -1
        return 1
    circumstance = tree.circumstances_[f]
    assert circumstance.name == root["feature"]
    left = {label for label, goes in zip(circumstance.labels, splits.goes_left(t), strict=False) if goes}
    if "below" in root:
        assert splits.threshold[t] == float(root["below"])
        assert left == {f"{p:g}" for p in circumstance.position if p < root["below"]}
    else:
        assert set(root["left_levels"]) <= left
        assert not set(root["right_levels"]) & left
    return 1 + same_splits(tree, root["left"], splits.left[t]) + same_splits(tree, root["right"], splits.right[t])


RULES = {
    "published": (
        {"max_depth": 6, "min_obs": 8, "min_share": 0.09},
        {"max_depth": 6, "min_obs": 8, "min_weight_share": 0.09, "cp": 1 / 160},
    ),
    "cp": (
        {"max_depth": 6, "min_obs": 3, "min_share": 0.02, "cp": 0.02},
        {"max_depth": 6, "min_obs": 3, "min_weight_share": 0.02, "cp": 0.02},
    ),
    "rows": (
        {"max_depth": 6, "min_obs": 5, "min_share": 1 / 11, "share_of": "rows"},
        {"max_depth": 6, "min_rows": 14, "cp": 1 / 160},
    ),
    "deep": ({"max_depth": 20, "min_obs": 1, "min_share": 0.0, "cp": 0.0}, {"max_depth": 20}),
    "deep, pruned": ({"max_depth": 20, "min_obs": 1, "min_share": 0.0, "cp": 0.015}, {"max_depth": 20, "cp": 0.015}),
    "shallow": ({"max_depth": 2, "min_obs": 1, "min_share": 0.0, "cp": 0.0}, {"max_depth": 2}),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(6))
def test_tree_equals_one_grown_on_rows(seed, rule):
    ours, theirs = RULES[rule]
    X, y, w = random_rows(seed)
    tree = sp.OpportunityTree(**ours).fit(X, y, sample_weight=w)
    root = oracle_of(X, y, w, **theirs)
    assert same_splits(tree, root) == len(tree.splits_.circumstance)
    same_groups(tree, root)
    assert len(tree.groups_) > 2


@pytest.mark.parametrize("seed", range(4))
def test_tree_of_a_continuous_outcome_equals_one_grown_on_rows(seed):
    X, y, w = random_rows(seed)
    y = y + np.random.default_rng(seed + 100).normal(size=len(y))
    tree = sp.OpportunityTree(min_obs=6, min_share=0.03, cp=0.01).fit(X, y, sample_weight=w)
    root = oracle_of(X, y, w, min_obs=6, min_weight_share=0.03, cp=0.01)
    assert same_splits(tree, root) == len(tree.splits_.circumstance)
    same_groups(tree, root)


@pytest.mark.parametrize("names", [["b"], ["c"], ["b", "c"], ["c", "b"], ["e", "d", "a"]])
def test_any_choice_of_circumstances_equals_the_oracle(names):
    X, y, w = random_rows(11)
    X = {name: X[name] for name in names}
    tree = sp.OpportunityTree(min_obs=4, min_share=0, cp=0.0).fit(X, y, sample_weight=w)
    root = oracle_of(X, y, w, min_obs=4)
    assert same_splits(tree, root) == len(tree.splits_.circumstance)


@cache
def full_tree(seed):
    """Return the oracle's tree before anything is taken back."""
    return oracle_of(*random_rows(seed), min_obs=2, max_depth=8)


@pytest.mark.parametrize("cp", [0.0, 0.001, 0.004, 0.01, 0.03, 0.1, 0.5, 1.0])
def test_cp_takes_back_what_the_oracle_takes_back(cp):
    sizes = []
    for seed in range(4):
        X, y, w = random_rows(seed)
        tree = sp.OpportunityTree(min_obs=2, min_share=0, max_depth=8, cp=cp).fit(X, y, sample_weight=w)
        root = deepcopy(full_tree(seed))
        oracles.collapse(root, oracles.Fraction(cp) * root["sse"])
        same_groups(tree, root)
        sizes.append(len(tree.groups_))
    assert min(sizes) > 1 if cp < 0.05 else max(sizes) > 1 if cp < 0.2 else sizes == [1] * 4


def test_cp_of_none_is_one_over_the_rows():
    X, y, w = random_rows(3)
    given = {"min_obs": 2, "min_share": 0.0}
    by_default, by_hand = (sp.OpportunityTree(**given, cp=cp).fit(X, y, sample_weight=w) for cp in (None, 1 / len(y)))
    assert by_default.to_dict() == by_hand.to_dict()
    none = sp.OpportunityTree(**given, cp=0.0).fit(X, y, sample_weight=w)
    assert len(none.groups_) > len(by_default.groups_)


# -- scikit-learn's tree --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "min_obs", "share"), [(3, 1, 0.0), (6, 10, 0.0), (5, 1, 0.06), (12, 4, 0.02)])
@pytest.mark.parametrize("seed", range(3))
def test_tree_of_numbers_equals_scikit_learn_s(seed, depth, min_obs, share):
    rng = np.random.default_rng(seed)
    X = np.round(rng.normal(size=(300, 4)), 1)
    y = X[:, 0] - (X[:, 1] > 0.3) * X[:, 2] + rng.normal(size=300)
    w = rng.uniform(0.5, 2.0, 300)
    ours = sp.OpportunityTree(max_depth=depth, min_obs=min_obs, min_share=share, cp=0.0).fit(X, y, sample_weight=w)
    theirs = DecisionTreeRegressor(
        max_depth=depth, min_samples_leaf=min_obs, min_weight_fraction_leaf=share, random_state=0
    ).fit(X, y, sample_weight=w)
    assert len(ours.groups_) == theirs.get_n_leaves() > 4
    new = rng.normal(size=(500, 4))
    for rows in (X, new):
        assert ours.predict(rows) == pytest.approx(theirs.predict(rows), rel=1e-10)


def test_it_is_a_scikit_learn_estimator():
    tree = sp.OpportunityTree(max_depth=3, min_obs=7, min_share=0.1, share_of="rows", cp=0.2)
    given = {"max_depth": 3, "min_obs": 7, "min_share": 0.1, "share_of": "rows", "cp": 0.2}
    assert tree.get_params() == given | {"missing": "error", "seed": 1}
    X, y, w = random_rows(0)
    copy = clone(tree.fit(X, y, sample_weight=w))
    assert copy.get_params() == tree.get_params()
    assert not hasattr(copy, "groups_")
    copy.set_params(max_depth=1, cp=None)
    assert (copy.max_depth, copy.cp, tree.max_depth) == (1, None, 3)
    assert tree.feature_names_in_.tolist() == list(LEVELS)
    assert tree.n_features_in_ == 5
    assert tree.score(X, y, w) == pytest.approx(1 - tree.splits_.sse[tree.splits_.leaves].sum() / tree.splits_.sse[0])


# -- ties -----------------------------------------------------------------------------------------------------------


def tied(X, y, w=None, **rule):
    given = {"max_depth": 1, "min_obs": 1, "min_share": 0.0, "cp": 0.0} | rule
    return sp.OpportunityTree(**given).fit(X, y, sample_weight=np.ones(len(y)) if w is None else w)


def test_the_first_of_two_equal_circumstances_is_taken():
    y = [0, 0, 1, 1, 0, 1]
    x = [1, 1, 2, 2, 1, 2]
    for names in (["p", "q"], ["q", "p"]):
        tree = tied({name: x for name in names}, y)
        assert tree.groups_["label"].tolist() == [f"{names[0]}: 1", f"{names[0]}: 2"]
    # Ordered or not, and mirrored: what counts is the order in which they are given.
    mirrored = {"r": ["b" if v == 1 else "a" for v in x], "p": x}
    assert tied(mirrored, y).groups_["label"].tolist() == ["r: b", "r: a"]


def test_the_lowest_of_two_equal_cuts_is_taken():
    # Cut at 1.5 or at 3.5: both part off one row, and gain the same.
    tree = tied({"x": [1, 2, 3, 4]}, [0, 1, 1, 0])
    assert tree.splits_.threshold[0] == 1.5
    assert tree.groups_["label"].tolist() == ["x: 1", "x: 2 + 3 + 4"]
    root = oracles.grow_tree([{"x": v} for v in (1, 2, 3, 4)], [0, 1, 1, 0], [1, 1, 1, 1], {"x": True}, max_depth=1)
    assert float(root["below"]) == 1.5


def test_the_lowest_of_two_equal_cuts_of_unordered_levels_is_taken():
    # Rates 0, 1/2, 1: either neighbor of the middle may have it; the lower cut leaves it with the higher rate.
    X = {"x": ["low", "mid", "mid", "top"]}
    tree = tied(X, [0, 0, 1, 1])
    assert tree.groups_["label"].tolist() == ["x: low", "x: mid + top"]


@pytest.mark.parametrize("weight", [1.0, 0.1, 1 / 3, 1e-7, 12345.678])
def test_ties_hold_within_the_rounding_of_sums(weight):
    rng = np.random.default_rng(4)
    x = rng.integers(0, 2, 500)
    y = (rng.random(500) < 0.3 + 0.3 * x).astype(float)
    w = weight * rng.integers(1, 100, 500)
    order = rng.permutation(500)  # so that the copies are added up in another order
    first, second = tied({"p": x, "q": 5 - x}, y, w), tied({"q": 5 - x[order], "p": x[order]}, y[order], w[order])
    assert first.circumstances_[first.splits_.circumstance[0]].name == "p"
    assert second.circumstances_[second.splits_.circumstance[0]].name == "q"
    assert first.groups_["rate"].tolist() == pytest.approx(second.groups_["rate"].tolist())


@pytest.mark.parametrize("seed", range(8))
def test_ties_of_whole_numbers_end_as_the_oracle_s(seed):
    # Few rows, whole weights: exact ties between cuts and between circumstances abound.
    rng = np.random.default_rng(seed)
    X = {"a": rng.integers(0, 3, 14), "b": rng.integers(0, 3, 14), "d": rng.integers(0, 2, 14)}
    y, w = rng.integers(0, 2, 14).astype(float), rng.integers(1, 3, 14).astype(float)
    tree = tied(X, y, w, max_depth=6)
    exact = [oracles.Fraction(int(v)) for v in w]
    root = oracles.grow_tree(as_rows(X), [int(v) for v in y], exact, dict.fromkeys(X, True))
    assert same_splits(tree, root) == len(tree.splits_.circumstance)


def test_among_equal_rates_the_larger_group_is_further_out():
    X = {"a": [0] * 7 + [1] * 7, "b": [0] * 4 + [1] * 3 + [0] * 5 + [1] * 2}
    y = [0] * 4 + [1] * 3 + [1] * 5 + [0] * 2
    groups = sp.OpportunityTree(min_obs=1, min_share=0, cp=0.0).fit(X, y, sample_weight=np.ones(14)).groups_
    assert groups["rate"].tolist() == [0, 0, 1, 1]
    assert groups["n"].tolist() == [4, 2, 5, 3]
    assert groups["furthest_behind"].tolist() == [True, False, False, False]
    assert groups["furthest_ahead"].tolist() == [False, False, True, False]


# -- the platform's rule, in rows -----------------------------------------------------------------------------------


def test_lnob_rule():
    assert sp.OpportunityTree.lnob().get_params() == {
        "max_depth": 6,
        "min_obs": 49,
        "min_share": 1 / 11,
        "share_of": "rows",
        "cp": None,
        "missing": "error",
        "seed": 1,
    }
    assert sp.OpportunityTree.lnob(extended=True).get_params()["min_share"] == 1 / 19


def two_groups(n, small, weight):
    """Fit the platform's rule on two groups, the smaller of so many rows."""
    X = {"x": [0] * small + [1] * (n - small)}
    y = np.r_[np.zeros(small), np.ones(n - small)]
    return len(weight.fit(X, y, sample_weight=np.r_[np.full(small, 1e-3), np.ones(n - small)]).groups_)


@pytest.mark.parametrize(("extended", "part"), [(False, 11), (True, 19)])
def test_lnob_leaves_have_the_rows_of_the_platform_s_code(extended, part):
    # floor(max(49, n / 11)), whatever they weigh; rounding must not lose a row where n / 11 is a whole number.
    whole, between = range(part * 60, part * 90, part), range(part * 60 + 5, part * 90, 3 * part)
    for n in [100, 538, 539, 540, 549, 550, *whole, *between]:
        least = max(49, n // part)
        assert two_groups(n, least, sp.OpportunityTree.lnob(extended)) == 2, n
        assert two_groups(n, least - 1, sp.OpportunityTree.lnob(extended)) == 1, n


def test_share_of_weight_is_of_weight():
    X, y = {"x": [0] * 9 + [1] * 91}, np.r_[np.zeros(9), np.ones(91)]
    rule = sp.OpportunityTree(min_obs=1, min_share=0.09)
    assert len(rule.fit(X, y, sample_weight=np.ones(100)).groups_) == 2  # 9 % is enough
    assert len(rule.fit(X, y, sample_weight=np.r_[np.full(9, 0.99), np.ones(91)]).groups_) == 1
    assert len(rule.fit(X, y, sample_weight=np.r_[np.full(9, 1e6), np.full(91, 1e5)]).groups_) == 2
    rule = sp.OpportunityTree(min_obs=10, min_share=0.0)
    assert len(rule.fit(X, y, sample_weight=np.ones(100)).groups_) == 1


# -- what has no weight ---------------------------------------------------------------------------------------------


def test_rates_do_not_see_what_has_no_weight():
    X, y, w = random_rows(6)
    w[::7] = 0
    rule = {"min_obs": 1, "min_share": 0.05, "cp": 0.01}
    whole = sp.OpportunityTree(**rule).fit(X, y, sample_weight=w)
    part = sp.OpportunityTree(**rule).fit({k: v[w > 0] for k, v in X.items()}, y[w > 0], sample_weight=w[w > 0])
    assert whole.groups_["rate"].tolist() == pytest.approx(part.groups_["rate"].tolist(), rel=1e-12)
    assert whole.groups_["share"].tolist() == pytest.approx(part.groups_["share"].tolist(), rel=1e-12)


@pytest.mark.parametrize("scale", [2.0**-20, 1 / 3, 1e9])
def test_the_scale_of_weights_and_the_order_of_rows_change_no_group(scale):
    X, y, w = random_rows(8)
    order = np.random.default_rng(0).permutation(len(y))
    one = sp.OpportunityTree(min_obs=4, min_share=0.02, cp=0.005).fit(X, y, sample_weight=w)
    other = sp.OpportunityTree(min_obs=4, min_share=0.02, cp=0.005).fit(
        {name: values[order] for name, values in X.items()}, y[order], sample_weight=w[order] * scale
    )
    assert other.groups_["label"].tolist() == one.groups_["label"].tolist()
    assert other.groups_["rate"].tolist() == pytest.approx(one.groups_["rate"].tolist(), rel=1e-12)


# -- prediction -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_apply_and_predict_equal_the_oracle(seed):
    X, y, w = random_rows(seed)
    tree = sp.OpportunityTree(min_obs=3, min_share=0.02, cp=0.004).fit(X, y, sample_weight=w)
    root = oracle_of(X, y, w, min_obs=3, min_weight_share=0.02, cp=0.004)
    new, _, _ = random_rows(seed + 50, n=300)
    # Levels that fitting never saw: between, below and above the ordered ones, and new words.
    new["b"] = new["b"] + np.random.default_rng(seed).choice([0, 0.5, -40, 40], 300)
    new["c"] = np.where(np.arange(300) % 5 == 0, "level new", new["c"])
    for rows in (X, new):
        expected = [float(oracles.apply_tree(root, x)["rate"]) for x in as_rows(rows)]
        assert tree.predict(rows) == pytest.approx(np.array(expected), rel=1e-11, abs=1e-13)
        assert tree.predict(rows).tolist() == tree.groups_["rate"].to_numpy()[tree.apply(rows)].tolist()
    assert np.bincount(tree.apply(X), minlength=len(tree.groups_)).tolist() == tree.groups_["n"].tolist()


def test_a_word_never_seen_goes_with_the_heavier_child():
    X = {"x": ["p"] * 3 + ["q"] * 2}
    for w, rate in (([1, 1, 1, 1, 1], 0.0), ([1, 1, 1, 5, 5], 1.0), ([2, 2, 2, 3, 3], 0.0)):
        tree = tied(X, [0, 0, 0, 1, 1], np.array(w, dtype=float))
        assert tree.predict({"x": ["p", "q", "z"]}).tolist() == [0, 1, rate]


def test_a_level_that_a_node_has_not_seen_goes_with_the_heavier_child():
    # "z" is seen only where a is 0; at a's other branch nobody has it.
    X = {"a": [0] * 6 + [1] * 5, "x": ["p", "p", "q", "q", "z", "z", "p", "p", "p", "q", "q"]}
    y = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1.0]
    tree = sp.OpportunityTree(min_obs=1, min_share=0, cp=0.0).fit(X, y, sample_weight=np.ones(11))
    root = oracles.grow_tree(as_rows(X), y, [1] * 11, {"a": True, "x": False})
    new = {"a": [1, 0, 1, 1], "x": ["z", "z", "q", "p"]}
    assert tree.predict(new).tolist() == [oracles.apply_tree(root, x)["rate"] for x in as_rows(new)] == [0, 0, 1, 0]


def test_numbers_go_by_the_threshold():
    tree = tied({"x": [1, 4, 5, 9]}, [0, 0, 1, 1])
    assert tree.splits_.threshold[0] == 4.5
    assert tree.predict({"x": [-100, 4.4999, 4.5, 100]}).tolist() == [0, 0, 1, 1]


def test_an_ordered_categorical_keeps_its_order_and_its_labels():
    words = ["none", "primary", "secondary", "higher"]
    column = pd.Categorical(words * 10, categories=words, ordered=True)
    y = np.array([0, 0, 1, 1.0] * 10)
    tree = sp.OpportunityTree(min_obs=1, min_share=0).fit(pd.DataFrame({"e": column}), y, sample_weight=np.ones(40))
    assert tree.circumstances_[0].ordered
    assert tree.groups_["label"].tolist() == ["e: none + primary", "e: secondary + higher"]
    assert tree.predict(pd.DataFrame({"e": column[:4]})).tolist() == [0, 0, 1, 1]
    assert tree.predict({"e": words}).tolist() == [0, 0, 1, 1]
    # Another frame's categories are fewer: the words count, not their places.
    fewer = pd.DataFrame({"e": pd.Categorical(["primary", "higher"], categories=["primary", "higher"], ordered=True)})
    assert tree.predict(fewer).tolist() == [0, 1]
    last = pd.DataFrame({"e": pd.Categorical(["higher"], categories=["higher"], ordered=True)})
    assert tree.predict(last).tolist() == [1]


def test_codes_without_their_labels_are_the_same_levels():
    # Fitted on a file with value labels, applied to a frame that has the codes alone.
    X = Table({"area": [1, 1, 2, 2, 2]}, 5, "circumstances", labels={"area": {1.0: "Rural", 2.0: "Urban"}})
    tree = tied(X, [0, 0, 1, 1, 1])
    assert tree.groups_["label"].tolist() == ["area: Rural", "area: Urban"]
    assert tree.predict({"area": ["Rural", "Urban"]}).tolist() == [0, 1]
    assert tree.predict({"area": [1, 2]}).tolist() == [0, 1]


def test_frames_arrays_and_dicts_are_read_alike():
    X, y, w = random_rows(2)
    numbers = {f"x{j}": X[name].astype(float) for j, name in enumerate("abd")}
    rule = {"min_obs": 3, "min_share": 0.0}
    of_dict = sp.OpportunityTree(**rule).fit(numbers, y, sample_weight=w)
    of_frame = sp.OpportunityTree(**rule).fit(pd.DataFrame(numbers), y, sample_weight=w)
    of_array = sp.OpportunityTree(**rule).fit(np.column_stack(list(numbers.values())), y, sample_weight=w)
    assert of_dict.to_dict() == of_frame.to_dict() == of_array.to_dict()


def test_the_order_of_columns_does_not_matter_when_it_is_applied():
    X, y, w = random_rows(2)
    tree = sp.OpportunityTree(min_obs=3, min_share=0.0).fit(X, y, sample_weight=w)
    backward = {name: X[name] for name in reversed(X)} | {"unused": np.zeros(len(y))}
    assert tree.apply(backward).tolist() == tree.apply(X).tolist()
    with pytest.raises(sp.InputError, match="must be one that exists, but 'a' does not"):
        tree.apply({name: values for name, values in X.items() if name != "a"})


# -- edges ----------------------------------------------------------------------------------------------------------


def test_depth_0_is_one_group():
    X, y, w = random_rows(1)
    tree = sp.OpportunityTree(max_depth=0).fit(X, y, sample_weight=w)
    assert tree.groups_["label"].tolist() == ["everybody"]
    assert tree.groups_["rate"].tolist() == pytest.approx([w @ y / w.sum()])
    line = tree.groups_.iloc[0]
    assert (line.group, line.share, line.n, line.furthest_behind, line.furthest_ahead) == (1, 1.0, 160, True, True)
    assert set(tree.apply(X)) == {0}


@pytest.mark.parametrize("level", ["x", 3])
def test_one_level_is_one_group(level):
    tree = tied({"a": [level] * 5}, [0, 1, 0, 1, 1], max_depth=6)
    assert tree.groups_["label"].tolist() == ["everybody"]
    assert tree.groups_["rate"].tolist() == [0.6]


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_an_outcome_that_does_not_vary_is_one_group(outcome):
    X, _, w = random_rows(1)
    tree = sp.OpportunityTree(min_obs=1, min_share=0, cp=0.0).fit(X, np.full(160, outcome), sample_weight=w)
    assert tree.groups_["rate"].tolist() == [outcome]


def test_one_row_is_one_group():
    tree = sp.OpportunityTree().fit({"a": ["x"]}, [1], sample_weight=[2.0])
    assert tree.groups_[["label", "n", "rate"]].to_numpy().tolist() == [["everybody", 1, 1.0]]


def test_labels_say_what_the_members_have_in_common():
    X = {"area": ["rural"] * 4 + ["urban"] * 8, "years": [*range(4), *range(8)]}
    y = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1.0]
    tree = sp.OpportunityTree(min_obs=1, min_share=0, cp=0.0).fit(X, y, sample_weight=np.ones(12))
    # More than six levels of an ordered circumstance are told by the first and the last.
    assert tree.groups_["label"].tolist() == ["years: 0 to 6", "years: 7"]


# -- as data --------------------------------------------------------------------------------------------------------


def test_to_dict_is_json_and_tells_the_whole_tree():
    X, y, w = random_rows(9)
    tree = sp.OpportunityTree(min_obs=4, min_share=0.02, cp=0.003).fit(X, y, sample_weight=w)
    made = json.loads(json.dumps(tree.to_dict(), allow_nan=False))
    assert made == tree.to_dict()
    assert [c["name"] for c in made["circumstances"]] == list(LEVELS)
    assert {c["name"]: c["ordered"] for c in made["circumstances"]} == {name: name not in TEXT for name in LEVELS}
    nodes = made["nodes"]
    assert [node["node"] for node in nodes] == list(range(len(nodes)))
    assert (nodes[0]["share"], nodes[0]["n"]) == (1.0, 160)
    leaves = {node["group"]: node for node in nodes if "group" in node}
    assert sorted(leaves) == tree.groups_["group"].tolist()
    for group, label in zip(tree.groups_["group"], tree.groups_["rate"], strict=True):
        assert leaves[group]["rate"] == label
    assert sum(node["share"] for node in leaves.values()) == pytest.approx(1)

    # Walked by its labels alone, it sends everybody where apply() does.
    def walk(x):
        node = nodes[0]
        while "group" not in node:
            value = x[node["circumstance"]]
            text = value if isinstance(value, str) else f"{value:.15g}"
            assert (text in node["left_levels"]) != (text in node["right_levels"])
            node = nodes[node["left"] if text in node["left_levels"] else node["right"]]
        return node["group"] - 1

    assert [walk(x) for x in as_rows(X)] == tree.apply(X).tolist()
    for node in nodes:
        if "group" not in node:
            left, right = nodes[node["left"]], nodes[node["right"]]
            assert left["n"] + right["n"] == node["n"]
            assert left["share"] + right["share"] == pytest.approx(node["share"])


def test_a_tree_of_cells_equals_a_tree_of_rows():
    survey = toy_survey(zeros=False)
    opportunity = sp.Opportunity("o", "water", circumstances=["urbrur", "bottom40", "educ", "fuel"])
    rule = {"min_obs": 4, "min_share": 0.03, "cp": 0.0}
    of_cells = sp.assess(
        survey, [opportunity], by=(), replicates=sp.Bootstrap(2), tree=sp.OpportunityTree(**rule)
    ).tree("o")
    poor = survey.welfare <= sp.quantile(survey.welfare, survey.people, 0.4)
    X = {
        "urbrur": column(survey, "urbrur"),
        "bottom40": 1.0 - poor,
        "educ": column(survey, "educ"),
        "fuel": column(survey, "fuel"),
    }
    of_rows = sp.OpportunityTree(**rule).fit(X, column(survey, "water"), sample_weight=survey.people)
    assert of_cells.groups_["n"].tolist() == of_rows.groups_["n"].tolist()
    assert of_cells.groups_["rate"].tolist() == pytest.approx(of_rows.groups_["rate"].tolist(), rel=1e-12)
    assert of_cells.groups_["share"].tolist() == pytest.approx(of_rows.groups_["share"].tolist(), rel=1e-12)
    # What assess() found can be applied to rows, by the labels of its classes.
    X["bottom40"] = np.where(poor, "Bottom 40", "Top 60")
    assert np.bincount(of_cells.apply(X)).tolist() == of_cells.groups_["n"].tolist()


def column(survey, name):
    found = survey.household_column(name)
    return np.array([found.label(code) for code in found.values]) if found.is_text else found.values


def test_rows_without_weight_are_not_there():
    rng = np.random.default_rng(12)
    X, w = {"a": rng.integers(0, 4, 300), "b": rng.integers(0, 3, 300)}, rng.integers(0, 2, 300).astype(float)
    y = (rng.random(300) < 0.2 + 0.15 * X["a"]).astype(float)
    there = w > 0
    for rule in (sp.OpportunityTree(min_obs=20), sp.OpportunityTree.lnob()):
        found = sp.OpportunityTree(**rule.get_params()).fit(X, y, w).groups_
        alone = rule.fit({name: column[there] for name, column in X.items()}, y[there], w[there]).groups_
        assert len(found) > 1
        assert found.n.sum() == there.sum()
        assert found.equals(alone)
