"""The tree as an estimator: scikit-learn's own checks and trees, missing circumstances, pruning, folds, bad input."""

import inspect
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils import estimator_checks

import sp2lnob as sp
from sp2lnob import _pruning
from sp2lnob._cells import Circumstance
from sp2lnob._folds import deal
from sp2lnob._splits import Rule, grow, grow_many

SMALL = {"min_obs": 1, "min_share": 0}


# -- scikit-learn ---------------------------------------------------------------------------------------------------

DROPS = {"check_estimators_nan_inf": "fit drops rows with a missing circumstance, predict has no group for them"}
ESTIMATORS = [
    (sp.OpportunityTree(), {}),
    (sp.OpportunityTree(min_obs=1, min_share=0.0, cp=0.0), {}),
    (sp.OpportunityTree(min_obs=1, min_share=0.02, cp=0.0, missing="level"), {}),
    (sp.OpportunityTree(min_obs=1, min_share=0.02, cp=0.0, missing="drop"), DROPS),
]


@pytest.mark.parametrize(("tree", "fails"), ESTIMATORS, ids=lambda given: repr(given)[:90])
def test_it_passes_scikit_learn_s_checks(tree, fails):
    if "expected_failed_checks" not in inspect.signature(estimator_checks.check_estimator).parameters:  # before 1.6
        for _, check in estimator_checks.check_estimator(tree, generate_only=True):
            if check.func.__name__ not in fails:
                check(tree)
        return
    done = estimator_checks.check_estimator(tree, expected_failed_checks=fails, on_skip=None)
    assert len(done) > 40
    failed = {check["check_name"]: check["status"] for check in done if check["status"] != "passed"}
    failed.pop("check_array_api_input", None)  # skipped where its libraries are lacking
    assert failed == dict.fromkeys(fails, "xfail")


def numbers(seed, n=300):
    rng = np.random.default_rng(seed)
    X = np.round(rng.normal(size=(n, 4)), 1)
    y = X[:, 0] - (X[:, 1] > 0.3) * X[:, 2] + rng.normal(size=n)
    return X, (y > 0).astype(float) if seed % 2 else y, rng.uniform(0.5, 2.0, n)


@pytest.mark.parametrize(("depth", "min_obs", "share"), [(3, 1, 0.0), (6, 10, 0.0), (5, 1, 0.06), (12, 4, 0.02)])
@pytest.mark.parametrize("seed", range(4))
def test_splits_thresholds_and_leaves_equal_scikit_learn_s(seed, depth, min_obs, share):
    X, y, w = numbers(seed)
    ours = sp.OpportunityTree(max_depth=depth, min_obs=min_obs, min_share=share, cp=0.0).fit(X, y, sample_weight=w)
    given = {"max_depth": depth, "min_samples_leaf": min_obs, "min_weight_fraction_leaf": share, "random_state": 0}
    theirs = DecisionTreeRegressor(**given).fit(X, y, sample_weight=w)
    splits, tree = ours.splits_, theirs.tree_

    def same(t, u):
        assert splits.weight[t] == pytest.approx(tree.weighted_n_node_samples[u])
        assert splits.rows[t] == tree.n_node_samples[u]
        assert splits.rate[t] == pytest.approx(tree.value[u, 0, 0], abs=1e-12)
        assert splits.sse[t] / splits.weight[t] == pytest.approx(tree.impurity[u], abs=1e-10)
        if splits.sse[t] < 1e-12 * splits.sse[0]:  # of one outcome: what rounding leaves, scikit-learn may split
            return 1
        assert splits.circumstance[t] == max(tree.feature[u], -1)
        if splits.circumstance[t] < 0:
            return 1
        assert splits.threshold[t] == pytest.approx(tree.threshold[u])
        return same(splits.left[t], tree.children_left[u]) + same(splits.right[t], tree.children_right[u])

    assert same(0, 0) == len(ours.groups_) > 4
    assert ours.feature_importances_ == pytest.approx(theirs.feature_importances_)


@pytest.mark.parametrize("seed", range(6))
def test_pruning_equals_scikit_learn_s_or_takes_back_a_little_more(seed):
    X, y, w = numbers(seed)
    given = {"max_depth": 6, "min_samples_leaf": 5, "random_state": 0}
    tree = sp.OpportunityTree(max_depth=6, min_obs=5, min_share=0, cp=0.0).fit(X, y, sample_weight=w)
    path = DecisionTreeRegressor(**given).cost_complexity_pruning_path(X, y, sample_weight=w).ccp_alphas
    alike = []
    for low, high in zip(path[:-1:3], path[1::3], strict=False):
        alpha = (low + high) / 2
        theirs = DecisionTreeRegressor(**given, ccp_alpha=alpha).fit(X, y, sample_weight=w).get_n_leaves()
        pruned = tree.prune(alpha * w.sum() / tree.splits_.sse[0])
        refit = clone(tree).set_params(cp=pruned.cp_).fit(X, y, sample_weight=w)
        assert refit.groups_["rate"].tolist() == pruned.groups_["rate"].tolist()
        assert len(pruned.groups_) <= theirs
        alike.append(len(pruned.groups_) == theirs)
    assert np.mean(alike) > 0.8


def test_it_is_searched_and_pickled_like_any_other():
    X, y, w = numbers(2)
    found = GridSearchCV(sp.OpportunityTree(min_obs=5, min_share=0), {"max_depth": [1, 4]}, cv=3).fit(X, y)
    assert found.best_params_ == {"max_depth": 4}
    tree = sp.OpportunityTree(min_obs=5).fit(X, y, sample_weight=w)
    assert pickle.loads(pickle.dumps(tree)).predict(X).tolist() == tree.predict(X).tolist()  # noqa: S301


def test_no_weights_are_weights_of_one():
    X, y, _ = numbers(3)
    one, other = (sp.OpportunityTree(min_obs=5).fit(X, y, sample_weight=w) for w in (None, np.ones(len(y))))
    assert one.to_dict() == other.to_dict()
    assert one.score(X, y) == other.score(X, y, np.ones(len(y)))


@pytest.mark.parametrize("shift", [0.0, 1e6, -1e9])
def test_an_outcome_far_from_zero_loses_no_digits(shift):
    X, y, w = numbers(0)
    y = np.round(y * 64) / 64  # whole digits after the shift
    near = sp.OpportunityTree(min_obs=5).fit(X, y, sample_weight=w)
    far = sp.OpportunityTree(min_obs=5).fit(X, y + shift, sample_weight=w)
    assert far.groups_["label"].tolist() == near.groups_["label"].tolist()
    assert (far.groups_["rate"] - shift).tolist() == pytest.approx(near.groups_["rate"].tolist(), abs=1e-6)
    assert far.cp_table_["cp"].tolist() == pytest.approx(near.cp_table_["cp"].tolist(), rel=1e-6)


def test_columns_are_found_by_name_and_those_of_an_array_by_place():
    X, y, _ = numbers(1)
    frame = pd.DataFrame(X, columns=list("abcd"))
    tree = sp.OpportunityTree(min_obs=5).fit(frame, y)
    assert tree.feature_names_in_.tolist() == list("abcd")
    for same in (frame[list("dbca")], X, frame.assign(more=1)):
        assert tree.predict(same).tolist() == tree.predict(frame).tolist()
    nameless = sp.OpportunityTree(min_obs=5).fit(X, y)
    assert not hasattr(nameless, "feature_names_in_")
    assert nameless.predict(frame).tolist() == tree.predict(frame).tolist()
    with pytest.raises(sp.InputError, match="A circumstance of the tree must be one that exists, but 'a' does not"):
        tree.predict(frame[["b", "c", "d"]])
    with pytest.raises(sp.InputError, match="X has 3 features, but OpportunityTree is expecting 4 features"):
        tree.predict(X[:, :3])


# -- missing --------------------------------------------------------------------------------------------------------

nan = np.nan


def test_missing_is_an_error_unless_something_else_is_said():
    with pytest.raises(sp.InputError, match="'a' must be known in every row that counts, but 1 of 3 rows do not"):
        sp.OpportunityTree().fit({"a": [1, nan, 2]}, [0, 1, 1])
    with pytest.raises(sp.InputError, match="missing must be one of 'error', 'level', 'drop', but it is 'levels'"):
        sp.OpportunityTree(missing="levels").fit({"a": [1, 2]}, [0, 1])


@pytest.mark.parametrize("missing", ["error", "drop"])
def test_missing_only_in_predict_is_an_error(missing):
    tree = sp.OpportunityTree(**SMALL, missing=missing).fit({"a": ["x", "y"]}, [0, 1])
    with pytest.raises(
        sp.InputError,
        match=r"'a' must be known in every row .*, but 1 of 2 rows do not .* Drop those of NaN",
    ):
        tree.predict({"a": ["x", None]})


@pytest.mark.parametrize("a", [["x", "x", "y", "y", "y"], [1, 1, 2, 2, 2]])
@pytest.mark.parametrize(("weights", "rate"), [([1, 1, 1, 1, 1], 1), ([3, 3, 1, 1, 1], 0)])
def test_missing_as_a_level_met_only_in_predict_goes_with_the_heavier_child(a, weights, rate):
    tree = sp.OpportunityTree(**SMALL, missing="level").fit({"a": a}, [0, 0, 1, 1, 1], weights)
    assert tree.predict({"a": [a[0], None, a[-1]]}).tolist() == [0, rate, 1]
    assert tree.circumstances_[0].labels == (str(a[0]), str(a[-1]))


def test_missing_is_a_level_like_any_other_of_an_unordered_circumstance():
    X = {"a": ["x", "y", None, "x", "y", None]}
    tree = sp.OpportunityTree(**SMALL, missing="level").fit(X, [0, 1, 0.5, 0, 1, 0.5])
    assert tree.groups_["label"].tolist() == ["a: x", "a: missing", "a: y"]
    assert tree.predict(X).tolist() == [0, 1, 0.5, 0, 1, 0.5]
    words = {"a": ["x", "y", "missing", "x", "y", "missing"]}
    assert (
        sp.OpportunityTree(**SMALL).fit(words, [0, 1, 0.5, 0, 1, 0.5]).splits_.sse.tolist() == tree.splits_.sse.tolist()
    )


@pytest.mark.parametrize(
    ("outcome", "labels"),
    [
        ([0, 0, 1, 1, 0], ["a: 1 + 2 + missing", "a: 3 + 4"]),
        ([0, 0, 1, 1, 1], ["a: 1 + 2", "a: 3 + 4 + missing"]),
        ([0, 0, 0, 0, 1], ["a: 1 + 2 + 3 + 4", "a: missing"]),
        ([1, 1, 1, 1, 0], ["a: missing", "a: 1 + 2 + 3 + 4"]),
        ([0, 1, 1, 1, 0], ["a: 1 + missing", "a: 2 + 3 + 4"]),
    ],
)
def test_missing_goes_to_either_side_of_any_cut_of_an_order_or_stands_alone(outcome, labels):
    X = {"a": [1, 2, 3, 4, nan] * 3}
    tree = sp.OpportunityTree(**SMALL, missing="level").fit(X, outcome * 3)
    assert tree.groups_["label"].tolist() == labels
    assert tree.predict(X).tolist() == outcome * 3
    assert json.loads(json.dumps(tree.to_dict(), allow_nan=False))["circumstances"][0]["labels"][-1] == "missing"
    assert tree.group_of(tree._codes).tolist() == tree.apply({"a": [1, 2, 3, 4, nan]}).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_missing_in_an_order_is_tried_on_both_sides(seed):
    # The best of all cuts with the missing on either side, by plain arithmetic.
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 6, 60).astype(float)
    a[rng.random(60) < 0.2] = nan
    y, w = rng.normal(size=60) + 0.3 * np.nan_to_num(a, nan=4.0), rng.uniform(0.5, 2, 60)

    def sse(rows):
        return float((w[rows] * (y[rows] - np.average(y[rows], weights=w[rows])) ** 2).sum()) if rows.any() else 0.0

    lost = np.isnan(a)
    sides = [a < cut for cut in range(1, 6)] + [~lost]
    sides += [side | lost for side in sides[:-1]]
    best = min(sse(side) + sse(~side) for side in sides)
    tree = sp.OpportunityTree(**SMALL, max_depth=1, missing="level").fit({"a": a}, y, w)
    assert tree.splits_.sse[1:].sum() == pytest.approx(best)


def test_dropped_rows_are_counted_and_play_no_part():
    X = {"a": ["x", "y", None, "x", "z"], "b": [1, 2, 2, 1, nan]}
    tree = sp.OpportunityTree(**SMALL, missing="drop").fit(X, [0, 1, 1, 0, 1], psu=[1, 2, 3, 4, 5])
    assert tree.dropped_ == {"a": 1, "b": 1}
    assert tree.groups_["n"].tolist() == [2, 1]
    assert tree.circumstances_[0].labels == ("x", "y")
    with pytest.raises(sp.InputError, match=r"Somebody of weight must have all circumstances known, but all of 2 rows"):
        sp.OpportunityTree(missing="drop").fit({"a": ["x", None], "b": [nan, 1]}, [0, 1])


# -- pruning --------------------------------------------------------------------------------------------------------


def clustered(seed, psus=40, per_psu=15):
    rng = np.random.default_rng(seed)
    psu = np.repeat(np.arange(psus), per_psu)
    X = {"a": rng.integers(0, 4, len(psu)), "b": rng.integers(0, 12, len(psu)), "c": psu % 8}
    chance = 0.3 + 0.3 * (X["a"] > 1) + rng.normal(0, 0.15, psus)[psu]
    return X, (rng.random(len(psu)) < chance).astype(float), rng.uniform(0.5, 2, len(psu)), psu


def test_one_standard_error_rule_takes_the_smallest_tree_within_it():
    for seed in range(5):
        X, y, w, psu = clustered(seed)
        whole = sp.OpportunityTree(min_obs=5, min_share=0).fit(X, y, w, psu=psu)
        chosen = sp.OpportunityTree(min_obs=5, min_share=0, cp="one-se").fit(X, y, w, psu=psu)
        table = whole.cp_table_
        pd.testing.assert_frame_equal(chosen.cp_table_, table)
        best = table["x_error"].idxmin()
        within = table["x_error"] <= table["x_error"][best] + table["x_std"][best]
        assert chosen.cp_ == table["cp"][within.idxmax()]
        assert len(chosen.groups_) == table["splits"][within.idxmax()] + 1
        assert chosen.to_dict() == whole.prune(chosen.cp_).to_dict()
        assert chosen.rule().cp == chosen.cp_
        assert len(chosen.groups_) < len(whole.groups_)


def test_errors_on_folds_are_those_of_trees_that_have_not_seen_them():
    # By hand: a tree of the other folds, judged row by row.
    X, y, w, psu = clustered(1)
    tree = sp.OpportunityTree(min_obs=20, min_share=0, cp=0.004).fit(X, y, w, psu=psu)
    fold = deal(np.array([40]))[psu]
    cp, root = tree.cp_table_["cp"].to_numpy(), tree.splits_.sse[0]
    between = np.r_[10 * cp[0], np.sqrt(cp[:-1] * cp[1:])]
    errors = np.zeros((len(cp), len(y)))
    for k in range(10):
        seen, held = fold != k, np.flatnonzero(fold == k)
        scale = w[seen].sum() / w.sum() * root
        part = {name: values[seen] for name, values in X.items()}
        other = sp.OpportunityTree(min_obs=20, min_share=0, cp=0).fit(part, y[seen], w[seen])
        for j, at in enumerate(between):
            pruned = other.prune(max(at, cp[-1]) * scale / other.splits_.sse[0])
            errors[j, held] = (y[held] - pruned.predict({name: values[held] for name, values in X.items()})) ** 2
    error = errors @ w
    assert tree.cp_table_["x_error"].tolist() == pytest.approx((error / root).tolist())
    even = w / w.mean()
    spread = np.sqrt(errors**2 @ even - (errors @ even) ** 2 / len(y)) * w.mean()
    assert tree.cp_table_["x_std"].tolist() == pytest.approx((spread / root).tolist())


def test_errors_of_numbers_equal_those_of_zeros_and_ones():
    # Read as any numbers, moved and stretched, the outcome has the same errors.
    X, y, w, psu = clustered(2)
    one = sp.OpportunityTree(min_obs=5, min_share=0).fit(X, y, w, psu=psu).cp_table_
    other = sp.OpportunityTree(min_obs=5, min_share=0).fit(X, 3 * y + 100, w, psu=psu).cp_table_
    assert other.to_numpy() == pytest.approx(one.to_numpy(), rel=1e-9)


def test_folds_are_of_psus_within_strata():
    X, y, w, psu = clustered(3)
    strata = np.where(psu < 20, "north", "south")
    rule = sp.OpportunityTree(min_obs=5, min_share=0)
    table = clone(rule).fit(X, y, w, psu=psu, strata=strata).cp_table_
    # PSUs of one number in two strata are two.
    again = clone(rule).fit(X, y, w, psu=psu % 20, strata=strata).cp_table_
    pd.testing.assert_frame_equal(table, again)
    order = np.random.default_rng(0).permutation(len(y))
    moved = clone(rule).fit(
        {k: v[order] for k, v in X.items()}, y[order], w[order], psu=psu[order], strata=strata[order]
    )
    assert moved.cp_table_.to_numpy() == pytest.approx(table.to_numpy(), rel=1e-9)
    assert (clone(rule).set_params(seed=2).fit(X, y, w, psu=psu, strata=strata).cp_table_ != table).any(axis=None)
    scaled = clone(rule).fit(X, y, 1000 * w, psu=psu, strata=strata).cp_table_
    assert scaled.to_numpy() == pytest.approx(table.to_numpy(), rel=1e-9)
    without = clone(rule).fit(X, y, w).cp_table_
    assert without.columns.tolist() == ["cp", "splits", "rel_error"]
    with pytest.raises(sp.InputError, match="psu must have one label a row"):
        clone(rule).fit(X, y, w, psu=psu[1:])
    with pytest.raises(sp.InputError, match="two PSUs or more"):
        clone(rule).fit(X, y, w, psu=np.zeros(len(y)))
    with pytest.raises(sp.InputError, match="people of weight in two folds or more, but one fold has all of them"):
        clone(rule).fit(X, y, w * (psu == 7), psu=psu)
    with pytest.raises(sp.InputError, match="cp, if it is no number, must be one of 'one-se'"):
        sp.OpportunityTree(cp="one-sd").fit(X, y, w, psu=psu)


@pytest.mark.parametrize("seed", range(3))
def test_pruning_is_growing_with_a_larger_cp(seed):
    X, y, w, _ = clustered(seed)
    tree = sp.OpportunityTree(**SMALL, cp=0).fit(X, y, w)
    before = tree.to_dict()
    for cp in (0, 0.001, 0.003, 0.01, 0.1, 1):
        pruned = tree.prune(cp)
        grown = sp.OpportunityTree(**SMALL, cp=cp).fit(X, y, w)
        assert pruned.groups_.equals(grown.groups_)
        assert pruned.to_dict() == grown.to_dict()
        assert pruned.cp_table_["splits"].tolist() == grown.cp_table_["splits"].tolist()
        assert pruned.predict(X).tolist() == grown.predict(X).tolist()
        assert pruned.get_params()["cp"] == cp
    assert tree.to_dict() == before
    with pytest.raises(sp.InputError, match="cp must be 0 or more, but it is -1"):
        tree.prune(-1)


# -- what is told ---------------------------------------------------------------------------------------------------


def test_importance_is_the_share_of_all_that_splits_take_off():
    X, y, w, _ = clustered(4)
    tree = sp.OpportunityTree(min_obs=10, min_share=0).fit(X, y, w)
    nodes = tree.to_dict()["nodes"]
    gains = {name: 0.0 for name in X}
    for node in nodes:
        if "gain" in node:
            gains[node["circumstance"]] += node["gain"]
    total = 1 - tree.cp_table_["rel_error"].iloc[-1]
    assert sum(gains.values()) == pytest.approx(total)
    assert tree.importance_.to_dict() == pytest.approx({name: gain / total for name, gain in gains.items()})
    assert tree.importance_.index.name == "circumstance"
    assert sp.OpportunityTree().fit({"a": [1, 2]}, [1, 1]).importance_.tolist() == [0.0]


def test_text_has_a_line_a_node_and_only_levels_that_are_there():
    X, y, w, _ = clustered(5)
    X["d"] = np.array(["p", "q & <r>", "s"])[np.arange(len(y)) % 3]
    y[(X["d"] == "s") & (X["a"] == 1)] = 1
    tree = sp.OpportunityTree(max_depth=3, min_obs=30, min_share=0).fit(X, y, w)
    lines = tree.to_text().splitlines()
    assert len(lines) == len(tree.splits_.circumstance)
    assert lines[0].startswith(f"everybody: rate {tree.splits_.rate[0]:.3f}, share 1.000, n 600")
    assert any("q & <r>" in line for line in lines)
    assert sorted(int(line.split("group ")[1]) for line in lines if "group" in line) == tree.groups_["group"].tolist()
    alone = sp.OpportunityTree(**SMALL, missing="level").fit({"a": [1.0, 2.5, nan]}, [0, 1, 1])
    assert alone.to_text(1).splitlines()[1:] == [
        "|--- a < 1.75: rate 0.0, share 0.3, n 1: group 1",
        "|--- a >= 1.75 or missing: rate 1.0, share 0.7, n 2: group 2",
    ]


# -- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("constant", [0, 1, -3.5, 1e12])
def test_a_constant_outcome_is_one_group_with_a_table(constant):
    X, _, w, psu = clustered(0)
    tree = sp.OpportunityTree(**SMALL, cp="one-se").fit(X, np.full(len(w), constant), w, psu=psu)
    assert tree.groups_["rate"].tolist() == pytest.approx([constant])
    assert tree.cp_table_[["splits", "rel_error"]].to_numpy().tolist() == [[0, 1]]
    json.dumps(tree.to_dict(), allow_nan=False)


def test_a_circumstance_that_is_a_function_of_another_changes_nothing():
    X, y, w, _ = clustered(1)
    rule = sp.OpportunityTree(min_obs=5, min_share=0)
    alone = clone(rule).fit(X, y, w)
    both = clone(rule).fit(X | {"twin": -X["b"], "coarse": X["a"] // 2}, y, w)
    assert both.groups_.equals(alone.groups_)
    assert both.importance_[["twin", "coarse"]].tolist() == [0, 0]


def test_a_cell_without_weight_has_no_say_and_a_place_to_go():
    X = {"a": ["x", "x", "y", "y", "z"], "b": [1, 2, 1, 2, 9]}
    w = [1, 1, 1, 1, 0]
    tree = sp.OpportunityTree(**SMALL).fit(X, [0, 0, 1, 1, 1], w)
    assert tree.groups_["label"].tolist() == ["a: x", "a: y"]
    assert tree.groups_["n"].tolist() == [2, 2]
    assert tree.predict({"a": ["z"], "b": [9]}).tolist() == [0]
    with pytest.raises(sp.InputError, match="Some weight must be above zero, but every weight is zero"):
        sp.OpportunityTree().fit(X, [0, 0, 1, 1, 1], np.zeros(5))
    with pytest.raises(sp.InputError, match="finite and 0 or more, but 1 of 5 rows do not"):
        sp.OpportunityTree().fit(X, [0, 0, 1, 1, 1], [1, 1, 1, 1, -1])


def test_ten_thousand_levels_with_an_order_are_welcome_and_without_are_not():
    rng = np.random.default_rng(0)
    x = rng.permutation(10_000) / 7
    y = (x > 500) + (x > 1100) + rng.normal(0, 0.1, 10_000)
    tree = sp.OpportunityTree().fit({"x": x, "a": rng.integers(0, 2, 10_000)}, y)
    assert tree.splits_.circumstances[0].levels == 10_000
    theirs = DecisionTreeRegressor(max_depth=6, min_samples_leaf=49, min_weight_fraction_leaf=0.09, random_state=0)
    assert tree.predict({"x": x, "a": np.zeros(10_000)})[:100] == pytest.approx(
        theirs.fit(x[:, None], y).predict(x[:100, None]), abs=0.02
    )
    with pytest.raises(sp.InputError, match="'x' must have at most 1,000 levels, or an order, but it has 10,000"):
        sp.OpportunityTree().fit({"x": [f"v{value}" for value in x]}, y)


@pytest.mark.parametrize("kind", ["ordered", "unordered"])
def test_wide_circumstances_are_cut_as_narrow_ones_are(kind):
    # The same levels, once beside hundreds that nobody has here.
    rng = np.random.default_rng(3)
    narrow = rng.integers(0, 40, 900)
    other = rng.integers(0, 3, 900)
    y = rng.normal(size=900) + (narrow % 7 > 3) + 0.1 * narrow
    spread = np.r_[narrow, np.arange(40, 400)]
    rows = {"x": spread, "z": np.r_[other, np.full(360, 9)]}
    if kind == "unordered":
        rows["x"] = np.array([f"level {value:03}" for value in spread])
    w = np.r_[np.ones(900), np.full(360, 1e-300)]  # next to nothing, but there
    given = {"max_depth": 6, "min_obs": 20, "min_share": 0.02, "cp": 0.0}
    wide = sp.OpportunityTree(**given).fit(rows, np.r_[y, np.full(360, y.mean())], w)
    thin = sp.OpportunityTree(**given).fit({name: values[:900] for name, values in rows.items()}, y)
    seen = {name: values[:900] for name, values in rows.items()}
    assert wide.predict(seen) == pytest.approx(thin.predict(seen), rel=1e-9)
    assert len(thin.groups_) > 10


def test_infinite_and_complex_numbers_are_refused():
    with pytest.raises(sp.InputError, match="Circumstance 'a' must be finite, not infinity, but 1 of 2 rows do not"):
        sp.OpportunityTree().fit({"a": [1, np.inf]}, [0, 1])
    with pytest.raises(sp.InputError, match="Complex data not supported"):
        sp.OpportunityTree().fit(np.ones((2, 1)) * 1j, [0, 1])
    with pytest.raises(sp.InputError, match="Every outcome must be finite"):
        sp.OpportunityTree().fit({"a": [1, 2]}, [0, nan])


# -- many at once ---------------------------------------------------------------------------------------------------

LEVELS = {"a": 3, "b": 70, "c": 5, "d": 4}
CIRCUMSTANCES = tuple(
    Circumstance(name, tuple(map(str, range(k))), np.arange(k, dtype=float), name != "c") for name, k in LEVELS.items()
)


def cells(seed, replicates, size=700):
    rng = np.random.default_rng(seed)
    codes = np.unique(np.column_stack([rng.integers(0, k, size) for k in LEVELS.values()]), axis=0).astype(np.int32)
    rows = rng.poisson(2.0, (len(codes), replicates)).astype(float)
    weight = rows * rng.uniform(0.5, 2, (len(codes), 1))
    chance = 0.2 + 0.15 * codes[:, :1] + 0.1 * (codes[:, 2:3] == 3) + 0.004 * codes[:, 1:2]
    outcome = weight * rng.binomial(1, np.minimum(chance, 1), (len(codes), replicates))
    return codes, np.stack([weight, outcome, outcome, rows], axis=1)


RULES = [
    Rule(6, 5, share_of_weight=0.05, cp=None),
    Rule(6, 5, share_of_rows=1 / 11, cp=0.002),
    Rule(30, 1, cp=0.0),
    Rule(0, 1),
]


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_many_trees_are_each_that_of_its_replicate_alone_to_the_bit(rule):
    codes, sums = cells(0, 9)
    sums[:, :, 4] = 0  # nobody
    many = grow_many(CIRCUMSTANCES, codes, sums, rule)
    for b in range(9):
        if b == 4:
            assert many.nodes[b] == 0
            assert not many.is_leaf[b].any()
            assert (many.leaf[b] == -1).all()
            assert many.lowest[b] == many.highest[b] == -1
            continue
        there = sums[:, 0, b] > 0
        alone = grow(CIRCUMSTANCES, codes[there], sums[there, :, b], rule)
        tree = many.tree(b)
        for name in ("circumstance", "left", "right", "parent", "weight", "rate", "rows", "sse", "worth", "threshold"):
            np.testing.assert_array_equal(getattr(tree, name), getattr(alone, name), name)
        assert many.leaf[b].tolist() == alone.apply(codes).tolist()
        leaves = np.flatnonzero(many.is_leaf[b])
        assert leaves.tolist() == alone.leaves.tolist()
        rate = many.rate[b, leaves]
        assert many.rate[b, many.lowest[b]] == rate.min()
        assert many.rate[b, many.highest[b]] == rate.max()


def test_among_equal_rates_the_furthest_leaf_is_the_heavier():
    circumstances = (Circumstance("a", tuple("pqrs"), np.arange(4.0), True),)
    codes = np.arange(4, dtype=np.int32)[:, None]
    weight = np.array([[2, 3, 3, 2], [3, 2, 2, 3]]).T
    outcome = weight * np.array([[0, 1, 0, 1]]).T
    many = grow_many(circumstances, codes, np.stack([weight, outcome], axis=1).astype(float), Rule(3))
    for b in range(2):
        assert many.weight[b, many.lowest[b]] == many.weight[b, many.highest[b]] == 3


def test_a_cell_without_rows_is_not_there_whatever_subtraction_leaves_of_it():
    codes, sums = cells(1, 2)
    left_out = np.arange(len(codes)) % 5 == 0
    sums[left_out, :, 0] = 0
    sums[:, :, 1] = sums[:, :, 0]
    sums[left_out, 0, 1] = 1e-17
    many = grow_many(CIRCUMSTANCES, codes, sums, RULES[0])
    assert (many.node[0] == many.node[1]).all()
    np.testing.assert_array_equal(many.node_sums[0], many.node_sums[1])


def test_sums_of_two_or_three_columns_are_of_zeros_and_ones():
    codes, sums = cells(2, 3)
    four = grow_many(CIRCUMSTANCES, codes, sums, Rule(5, share_of_weight=0.05, cp=0.001))
    for columns in ([0, 1, 3], [0, 1]):
        fewer = grow_many(CIRCUMSTANCES, codes, sums[:, columns], Rule(5, share_of_weight=0.05, cp=0.001))
        np.testing.assert_array_equal(fewer.node, four.node)
        np.testing.assert_array_equal(fewer.rate, four.rate)


def test_worth_may_be_set_by_replicate():
    codes, sums = cells(3, 4)
    every = grow_many(CIRCUMSTANCES, codes, sums, Rule(8, 3, cp=0.0))
    worth = np.array([0.0, 0.5, 2.0, 1e9])
    some = grow_many(CIRCUMSTANCES, codes, sums, Rule(8, 3, cp=0.3), worth=worth)
    for b in range(4):
        whole = every.tree(b)
        assert len(some.tree(b).leaves) == len(_pruning.pruned(whole, worth[b] / whole.sse[0]).leaves)
    assert some.nodes[3] == 1 < some.nodes[0]


def test_assess_chooses_cp_by_the_folds_of_the_survey_s_psus():
    survey = sp.example_survey(households=600)
    names = ["urbrur", "head_sex"]
    internet = sp.Opportunity("internet", "internet == 1", circumstances=names, weigh="households")
    given = {"by": (), "replicates": sp.Bootstrap(2)}
    rule = sp.OpportunityTree(min_obs=10, min_share=0.02, cp="one-se")
    tree = sp.assess(survey, [internet], tree=rule, **given).tree("internet")
    X = {name: [survey.household_column(name).label(v) for v in survey.household_column(name).values] for name in names}
    y = survey.household_column("internet").values
    by_hand = clone(rule).fit(X, y, survey.weight, psu=survey.design.psu, strata=strata_of(survey.design))
    assert tree.cp_table_.to_numpy() == pytest.approx(by_hand.cp_table_.to_numpy())
    assert tree.cp_ == pytest.approx(by_hand.cp_)
    assert tree.groups_["n"].tolist() == by_hand.groups_["n"].tolist()


def strata_of(design):
    return np.repeat(np.arange(design.strata), design.psus_by_stratum)[design.psu]
