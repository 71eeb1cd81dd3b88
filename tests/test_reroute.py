"""Access after a transfer: re-routing through the tree of before, against a tree and a walk of the tests' own."""

from functools import cache
from math import isnan, nan

import numpy as np
import pytest

import sp2lnob as sp

from . import oracles
from ._data import CLASS_LABELS, DESIGN, PACKAGE, SHARES, ByHand, factors, toy_frames

REPLICATES = sp.Bootstrap(21, seed=9)
RULE = {"max_depth": 4, "min_obs": 4, "min_share": 0.05, "cp": 0.0}
CASES = {
    "bottom 40": {"circumstances": ["bottom40", "urbrur", "educ"]},
    "quintile": {"circumstances": ["urbrur", "quintile", "region"]},
    "decile": {"circumstances": ["decile", "urbrur"]},
    "two classes": {"circumstances": ["quintile", "urbrur", "bottom40"]},
    "households": {"circumstances": ["bottom40", "urbrur", "educ"], "weigh": "households"},
    "households by decile": {"circumstances": ["decile", "fuel"], "weigh": "households"},
    "population": {"circumstances": ["quintile", "urbrur"], "population": "educ > 0"},
    "barrier": {"circumstances": ["bottom40", "urbrur", "educ"], "kind": "barrier"},
    "barrier by quintile": {"circumstances": ["quintile", "fuel"], "kind": "barrier"},
    "person": {"circumstances": ["sex", "bottom40", "urbrur"], "unit": "person"},
    "person by decile": {"circumstances": ["decile", "sex"], "unit": "person", "population": "age >= 15"},
}


@cache
def hand_of(fixed=False):
    frames = toy_frames(seed=2, per_psu=5, zeros=False)
    return ByHand(sp.Survey(*frames, **DESIGN), frames, fixed)


def opportunity_of(name):
    given = CASES[name]
    return sp.Opportunity("o", "phone" if given.get("unit") == "person" else "water", **given)


@cache
def assessed(name, package=PACKAGE, classes="replicate"):
    return sp.assess(
        hand_of().survey,
        [opportunity_of(name)],
        package,
        by=(),
        replicates=REPLICATES,
        tree=sp.OpportunityTree(**RULE),
        classes=classes,
        df="design",
    )


def everybody(amount, **instead):
    """Return a package that pays everybody the same."""
    return sp.Package([sp.Scheme("all", amount=sp.Amount(amount, "month"))], **instead)


# -- the oracle: rows, classes and leaves of every replicate --------------------------------------------------------


class Walk:
    """An opportunity of the small survey by hand: its rows, and the leaves that they reach before and after."""

    def __init__(self, name, fixed=False):
        given = CASES[name]
        self.hand, self.circumstances = hand_of(fixed), given["circumstances"]
        self.unit, self.weigh = given.get("unit", "household"), given.get("weigh", "persons")
        self.barrier = given.get("kind") == "barrier"
        hand = self.hand
        outcome = hand.p["phone"] if self.unit == "person" else hand.h["water"]
        keep = {"educ > 0": lambda i: hand.h["educ"][i] > 0, "age >= 15": lambda i: hand.p["age"][i] >= 15}.get(
            given.get("population"), lambda i: True
        )
        self.rows = [i for i in range(len(outcome)) if keep(i)]
        self.outcome = [int(outcome[i]) for i in self.rows]
        ordered = {name: name in SHARES or name == "educ" for name in self.circumstances}
        self.tree = oracles.grow_tree(
            self.levels(hand.one, "before"),
            self.outcome,
            self.weights(hand.one),
            ordered,
            RULE["max_depth"],
            RULE["min_obs"],
            oracles.Fraction(1, 20),
            1,
            0,
        )
        self.leaves = [id(leaf) for leaf in oracles.leaf_nodes(self.tree)]

    def weights(self, factor):
        weight = self.hand.weights(factor, self.unit, self.weigh)
        return [weight[i] for i in self.rows]

    def levels(self, factor, scenario):
        """Return what every row is in every circumstance; classes are cut where welfare before has its cuts."""
        columns = []
        for name in self.circumstances:
            if name in SHARES:
                of_household = self.hand.classes(name, factor, scenario)
                columns.append([of_household[i] for i in self.hand.homes(self.unit)])
            else:
                columns.append((self.hand.p if self.unit == "person" else self.hand.h)[name])
        rows = zip(*columns, strict=True)
        made = [dict(zip(self.circumstances, row, strict=True)) for row in rows]
        return [made[i] for i in self.rows]

    def reached(self, factor, scenario):
        return [self.leaves.index(id(oracles.apply_tree(self.tree, x))) for x in self.levels(factor, scenario)]

    def figures(self, factor):
        """Return what assess() tells of one replicate: rates by leaf, before and after, and what follows from them."""
        weight, old, new = self.weights(factor), self.reached(factor, "before"), self.reached(factor, "after")
        leaves = range(len(self.leaves))
        share = [sum(w for w, g in zip(weight, old, strict=True) if g == leaf) for leaf in leaves]
        with_access = [
            sum(w * y for w, y, g in zip(weight, self.outcome, old, strict=True) if g == leaf) for leaf in leaves
        ]
        rate = [a / w if w else nan for a, w in zip(with_access, share, strict=True)]
        got = [sum(w * rate[k] for w, g, k in zip(weight, old, new, strict=True) if g == leaf and w) for leaf in leaves]
        after = [a / w if w else nan for a, w in zip(got, share, strict=True)]
        cells = list(zip(*(self.hand.column(c, factor, self.unit) for c in self.circumstances), strict=True))
        cells = [cells[i] for i in self.rows]
        return {
            "group before": rate,
            "group after": after,
            "share": share,
            "gaining": [a - b for a, b in zip(got, with_access, strict=True)],
            "access before": sum(with_access) / sum(weight),
            "access after": sum(got) / sum(weight),
            "index before": self.index(rate, share),
            "index after": self.index(after, share),
            "index of cells": oracles.d_index([1 - y if self.barrier else y for y in self.outcome], cells, weight),
        }

    def index(self, rates, shares):
        """Return the dissimilarity between groups, of absence if this is a barrier."""
        there = [(1 - r if self.barrier else r, w) for r, w in zip(rates, shares, strict=True) if w]
        if any(isnan(r) for r, _ in there):
            return nan
        rates, shares = zip(*there, strict=True)
        return oracles.d_index(rates, list(range(len(rates))), shares)

    def standing(self):
        """Return the leaves from the furthest behind: among equal rates, the larger first."""
        full = self.figures(self.hand.one)
        return sorted(
            range(len(self.leaves)),
            key=lambda g: (-full["group before"][g] if self.barrier else full["group before"][g], -full["share"][g]),
        )

    def ahead(self):
        """Return the leaf furthest ahead: among equal rates, the larger."""
        full = self.figures(self.hand.one)
        return max(
            range(len(self.leaves)),
            key=lambda g: (-full["group before"][g] if self.barrier else full["group before"][g], full["share"][g]),
        )


@cache
def walk(name, fixed=False):
    return Walk(name, fixed)


def drawn(result, **fields):
    """Return the value and the draws of one row."""
    estimates = result.estimates
    row = estimates.find(**fields)
    return np.r_[estimates.value[row], estimates.draws[:, row]]


def close(found, expected):
    assert found.tolist() == pytest.approx([float(v) for v in expected], rel=1e-11, abs=1e-13, nan_ok=True)


@pytest.mark.parametrize("name", CASES)
def test_groups_are_the_leaves_of_the_oracle_s_tree(name):
    own, frame = walk(name), assessed(name).groups
    full = own.figures(own.hand.one)
    order = own.standing()
    assert len(order) >= 3
    assert frame["share"].tolist() == pytest.approx([float(full["share"][g] / sum(full["share"])) for g in order])
    close(frame["before"], [full["group before"][g] for g in order])
    close(frame["after"], [full["group after"][g] for g in order])
    # Who gains access, or is rid of the barrier.
    close(frame["gaining"], [-full["gaining"][g] if own.barrier else full["gaining"][g] for g in order])
    old = own.reached(own.hand.one, "before")
    assert frame["n"].tolist() == [old.count(g) for g in order]
    assert frame["furthest_behind"].tolist() == [True] + [False] * (len(order) - 1)
    assert frame["furthest_ahead"].tolist() == [g == own.ahead() for g in order]
    assert frame["group"].tolist() == list(range(1, len(order) + 1))


@pytest.mark.parametrize(
    ("name", "classes"),
    [*((name, "replicate") for name in CASES), ("quintile", "fixed"), ("two classes", "fixed"), ("person", "fixed")],
)
def test_every_replicate_equals_the_oracle(name, classes):
    own, result = walk(name, classes == "fixed"), assessed(name, classes=classes)
    every = [own.figures(factor) for factor in (own.hand.one, *factors(own.hand.survey, REPLICATES))]
    sign = -1 if own.barrier else 1
    for scenario in ("before", "after"):
        found = drawn(result, statistic="access", scenario=scenario, by="all")
        close(found, [one[f"access {scenario}"] for one in every])
        order = own.standing()
        for g, label in zip(order, result.groups["label"], strict=True):
            found = drawn(result, statistic="access", scenario=scenario, by="group", level=label)
            close(found, [one[f"group {scenario}"][g] for one in every])
        between = "groups, of absence" if own.barrier else "groups"
        found = drawn(result, statistic="d_index", scenario=scenario, param=between)
        close(found, [one[f"index {scenario}"] for one in every])
        behind, ahead = order[0], own.ahead()
        for statistic, value in (
            ("furthest_behind", lambda one, s=scenario, g=behind: one[f"group {s}"][g]),
            ("furthest_ahead", lambda one, s=scenario, g=ahead: one[f"group {s}"][g]),
            # Which groups these are is the full sample's finding: in a replicate the gap may be negative.
            ("gap", lambda one, s=scenario, a=ahead, b=behind: sign * (one[f"group {s}"][a] - one[f"group {s}"][b])),
        ):
            found = drawn(result, statistic=statistic, scenario=scenario, param="barrier" if own.barrier else "")
            close(found, [value(one) for one in every])
    found = drawn(result, statistic="d_index", scenario="before", param="cells, of absence" if own.barrier else "cells")
    close(found, [one["index of cells"] for one in every])


def test_the_oracles_agree_on_re_routing():
    # tests/oracles.py has a version of its own, which knows one class and no replicates.
    own = walk("bottom 40")
    hand = own.hand
    made = oracles.reroute(
        own.tree,
        own.levels(hand.one, "before"),
        hand.classes("bottom40", hand.one, "after"),
        "bottom40",
        own.outcome,
        own.weights(hand.one),
    )
    full = own.figures(hand.one)
    assert made["before"] == full["group before"]
    assert made["after"] == full["group after"]
    assert made["gaining"] == full["gaining"]
    assert (made["national_before"], made["national_after"]) == (full["access before"], full["access after"])


def test_the_transfer_moves_somebody():
    # Otherwise the tests above would say little.
    for name in CASES:
        assert np.abs(assessed(name).groups["change"]).max() > 0.005


# -- properties that re-routing must have ------------------------------------------------------------------------------

NOTHING = {
    "nothing paid": everybody(0),
    "nobody reached": sp.Package([sp.child_benefit(sp.Amount(100, "month"), coverage=0)]),
    "nobody eligible": sp.Package([sp.old_age_pension(sp.Amount(100, "month"), min_age=120)]),
    "nothing consumed": everybody(100, mpc=0),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("package", NOTHING)
def test_zero_transfer_changes_nothing_in_any_replicate(name, package):
    unmoved(assessed(name, NOTHING[package]))


def unmoved(result):
    """Hold that no figure of an opportunity changes by a bit, in any replicate."""
    estimates = result.estimates
    changes = [i for i, row in enumerate(estimates.rows) if row.scenario == "change" and row.of == "o"]
    assert len(changes) > 5
    for i in changes:
        assert estimates.rows[i - 1].scenario == "after"
        assert estimates.draws[:, i - 1].tobytes() == estimates.draws[:, i - 2].tobytes()
        assert estimates.value[i] == 0
        assert (estimates.draws[~np.isnan(estimates.draws[:, i]), i] == 0).all()
    assert (result.groups["change"] == 0).all()
    assert (result.groups["gaining"] == 0).all()


@pytest.mark.parametrize(
    ("circumstances", "depth"),
    [(["urbrur", "educ"], 6), (["fuel"], 6), (["urbrur", "bottom40"], 1), (["quintile", "urbrur"], 0)],
)
def test_a_tree_without_a_split_on_welfare_changes_nothing(circumstances, depth):
    opportunity = sp.Opportunity("o", "water", circumstances=circumstances)
    result = sp.assess(
        hand_of().survey,
        [opportunity],
        everybody(1e6),
        by=(),
        replicates=REPLICATES,
        df="design",
        tree=sp.OpportunityTree(**{**RULE, "max_depth": depth}),
    )
    used = {result.tree("o").circumstances_[f].name for f in result.tree("o").splits_.circumstance if f >= 0}
    assert not used & set(SHARES)
    unmoved(result)
    gain = result.estimates.find(statistic="mean_welfare", scenario="change")
    assert result.estimates.value[gain] == pytest.approx(1e6)


@pytest.mark.parametrize("name", ["bottom 40", "households", "barrier", "person"])
def test_a_huge_transfer_puts_every_bottom_40_path_on_its_top_60_sibling(name):
    own, result = walk(name), assessed(name, everybody(1e6))
    order, labels = own.standing(), result.groups["label"].tolist()
    found = {label: drawn(result, statistic="access", by="group", level=label, scenario="after") for label in labels}
    for r, factor in enumerate([own.hand.one, *factors(own.hand.survey, REPLICATES)]):
        levels, weight, full = own.levels(factor, "before"), own.weights(factor), own.figures(factor)
        sibling = [{**x, "bottom40": 1} for x in levels]
        old = own.reached(factor, "before")
        new = [own.leaves.index(id(oracles.apply_tree(own.tree, x))) for x in sibling]
        for g, label in zip(order, labels, strict=True):
            rows = [i for i, leaf in enumerate(old) if leaf == g and weight[i]]
            if not rows:
                assert isnan(found[label][r])
                continue
            got = sum(weight[i] * full["group before"][new[i]] for i in rows) / sum(weight[i] for i in rows)
            assert found[label][r] == pytest.approx(float(got), rel=1e-11, nan_ok=True)
    if name == "bottom 40":  # two groups are one path and its sibling: all of the first become the second
        before, after = result.groups.set_index("label")["before"], result.groups.set_index("label")["after"]
        pairs = [(label, label.replace("Bottom 40", "Top 60")) for label in labels]
        pairs = [(low, high) for low, high in pairs if low != high and high in labels]
        assert pairs
        for low, high in pairs:
            assert after[low] == pytest.approx(before[high], rel=1e-12)
            assert after[high] == before[high]


@pytest.mark.parametrize("name", ["quintile", "decile", "two classes"])
def test_a_huge_transfer_lifts_everybody_into_the_highest_class(name):
    own, result = walk(name), assessed(name, everybody(1e6))
    top = {c: len(SHARES[c]) for c in own.circumstances if c in SHARES}
    levels = [{**x, **top} for x in own.levels(own.hand.one, "before")]
    full, weight = own.figures(own.hand.one), own.weights(own.hand.one)
    rate = [full["group before"][own.leaves.index(id(oracles.apply_tree(own.tree, x)))] for x in levels]
    found = drawn(result, statistic="access", by="all", scenario="after")[0]
    assert found == pytest.approx(float(oracles.mean(rate, weight)), rel=1e-12)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("amount", [5, 30, 1e6])
def test_people_gaining_add_up_to_the_national_change(name, amount):
    result = assessed(name, everybody(amount))
    own = walk(name)
    population = float(sum(own.weights(own.hand.one)))
    change = drawn(result, statistic="access", by="all", scenario="change")[0]
    gaining = -population * change if own.barrier else population * change
    assert result.groups["gaining"].sum() == pytest.approx(gaining, rel=1e-10, abs=1e-9)
    frame = result.groups
    assert (frame["share"] * frame["change"]).sum() == pytest.approx(change, rel=1e-10, abs=1e-13)


def test_the_cut_is_that_of_before():
    # Cut anew after the transfer, 40 % would be in the bottom 40 again, and a flat transfer would change nothing.
    result = assessed("bottom 40", everybody(30))
    before, after = (drawn(result, statistic="quantile", scenario=s) for s in ("before", "after"))
    assert after == pytest.approx(before + 30)
    assert drawn(result, statistic="access", by="all", scenario="change")[0] > 0


def test_a_household_lifted_exactly_to_the_cut_stays_below_it():
    survey = sp.Survey(
        {
            "hid": range(1, 9),
            "hhweight": [1] * 8,
            "n": [1] * 8,
            "pc": [10, 20, 30, 40, 50, 60, 70, 80],
            "water": [0, 0, 0, 0, 1, 1, 1, 1],
            "ea": range(1, 9),
        },
        {"hid": range(1, 9), "age": [30] * 8},
        welfare="pc",
        psu="ea",
    )
    opportunity = sp.Opportunity("o", "water", circumstances=["bottom40"])
    tree = sp.OpportunityTree(min_obs=1)  # the cut is 40: bottom 10 to 40, without water
    for amount, moved in ((0, 0), (9.999, 1), (10, 1), (10.001, 2), (20, 2), (20.001, 3), (30, 3), (30.001, 4)):
        result = sp.assess(survey, [opportunity], everybody(amount), by=(), replicates=sp.Bootstrap(2), tree=tree)
        assert result.groups["before"].tolist() == [0, 1]
        assert result.groups["after"].tolist() == [moved / 4, 1]


@pytest.mark.parametrize("name", ["bottom 40", "person"])
def test_without_a_package_there_is_only_before(name):
    result = sp.assess(
        hand_of().survey,
        [opportunity_of(name)],
        by=(),
        replicates=REPLICATES,
        tree=sp.OpportunityTree(**RULE),
        df="design",
    )
    assert {row.scenario for row in result.estimates.rows} == {"before"}
    assert result.groups[["after", "change", "gaining"]].isna().all(axis=None)
    assert result.groups["before"].tolist() == assessed(name).groups["before"].tolist()


def test_two_opportunities_do_not_disturb_each_other():
    one = sp.Opportunity("one", "water", circumstances=["bottom40", "urbrur"])
    two = sp.Opportunity("two", "fuel == 'Gas'", circumstances=["quintile", "educ"], kind="barrier")
    both = sp.assess(
        hand_of().survey,
        [one, two],
        PACKAGE,
        by=(),
        replicates=REPLICATES,
        tree=sp.OpportunityTree(**RULE),
        df="design",
    )
    for opportunity in (one, two):
        alone = sp.assess(
            hand_of().survey,
            [opportunity],
            PACKAGE,
            by=(),
            replicates=REPLICATES,
            tree=sp.OpportunityTree(**RULE),
            df="design",
        )
        rows = [i for i, row in enumerate(both.estimates.rows) if row.of == opportunity.name]
        own = [i for i, row in enumerate(alone.estimates.rows) if row.of == opportunity.name]
        assert [both.estimates.rows[i] for i in rows] == [alone.estimates.rows[i] for i in own]
        assert both.estimates.draws[:, rows].tobytes() == alone.estimates.draws[:, own].tobytes()


def test_labels_of_groups_name_the_classes():
    for name in ("quintile", "decile"):
        cls = next(c for c in CASES[name]["circumstances"] if c in SHARES)
        labels = assessed(name).groups["label"]
        found = {
            part
            for label in labels
            for piece in label.split(", ")
            if piece.startswith(f"{cls}: ")
            for part in piece.removeprefix(f"{cls}: ").replace(" to ", " + ").split(" + ")
        }
        assert found
        assert found <= set(CLASS_LABELS[cls])


def test_only_groups_that_were_not_chosen_for_their_rate_have_intervals():
    result = sp.assess(
        sp.example_survey(2000),
        [sp.Opportunity("o", "internet", circumstances=["quintile", "urbrur"])],
        sp.Package([sp.child_benefit(sp.Amount(8, "month"))]),
        by=(),
        replicates=sp.Bootstrap(50),
    )
    frame = result.groups
    assert len(frame) >= 4
    for line in frame.itertuples():
        chosen = line.furthest_behind or line.furthest_ahead
        assert np.isnan(line.before_low) == chosen
        assert np.isnan(line.after_high) == chosen
        assert line.before_se > 0
        assert ("biased" in line.flag) == chosen
        if not chosen:
            assert line.before_low < line.before < line.before_high
            estimates = result.estimates
            row = estimates.find(statistic="access", by="group", level=line.label, scenario="before")
            assert (line.before_low, line.before_high) == (estimates.ci_low[row], estimates.ci_high[row])
