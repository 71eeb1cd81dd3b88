"""The kernels as built: whether an index out of bounds is an error is the whole difference of the two builds."""

import os
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import sp2lnob as sp
from sp2lnob._kernels import _totals
from sp2lnob._sweeps import ClassTotals, Totals

# Of `make test`, on x86-64.
EXPECTED = [
    "0x1.d6fb92768e5d9p+6",
    "0x1.d11973d686180p-4",
    "-0x1.3a01e294b8800p-7",
    "0x1.b7c9f4b777084p-3",
    "0x1.aaca20dd7c262p-3",
    "0x1.432e2a2971749p-2",
    "0x1.1a1f94334619ap-4",
]


def test_the_bounds_checked_build_checks_bounds():
    if os.environ.get("SP2LNOB_DEBUG") != "1":
        pytest.skip("only on the build of `make test-debug`: elsewhere this would write where it must not")
    rows, slot = np.zeros(2, dtype=np.int32), np.array([0, 7], dtype=np.int32)
    with pytest.raises(IndexError):
        _totals.slot_totals(np.ones((1, 2)), rows, slot, rows[:1], rows[:1], np.zeros((1, 1)))


def test_both_builds_give_the_same_bits():
    """The numbers were written down once; the example survey is the same everywhere, and so are its replicates."""
    survey = sp.example_survey(400)
    opportunity = sp.Opportunity("internet", "internet == 1", circumstances=["bottom40", "urbrur"])
    package = sp.Package([sp.child_benefit(sp.Amount(6, "month"), coverage=0.5)])
    result = sp.assess(survey, [opportunity], package, lines={"national": 60.0}, replicates=sp.Bootstrap(9))
    figures = (
        {"statistic": "mean_welfare", "scenario": "before", "by": "all"},
        {"statistic": "headcount", "scenario": "after", "by": "all"},
        {"statistic": "gap", "scenario": "change"},
        {"statistic": "d_index", "param": "cells"},
        {"statistic": "d_index", "param": "empirical-bayes"},
        {"statistic": "hoi"},
        {"statistic": "shapley", "param": "urbrur"},
    )
    found = [float(result.estimates.draws[8, result.estimates.find(**figure)]).hex() for figure in figures]
    assert found == EXPECTED


@pytest.mark.parametrize("columns", [1, 2, 5])
@pytest.mark.parametrize("ordered", [True, False])
def test_totals_by_level_and_class_are_those_of_plain_loops(columns, ordered):
    """Rows in any order, levels that no row has, values at a cut, and more of one class than are weighed together."""
    rng = np.random.default_rng(columns)
    n, units, levels = 700, 9, 5
    unit = rng.integers(0, units, n).astype(np.int32)
    if ordered:
        unit.sort()
    level = rng.choice([0, 2, 3], n, p=[0.7, 0.2, 0.1]).astype(np.int32)
    values = rng.normal(size=(columns, n)) * (rng.random((columns, n)) < 0.6)
    welfare = rng.integers(0, 40, n).astype(np.float64)
    factors = rng.random((2, units, 8))
    cuts = np.sort(rng.integers(8, 32, (3, 16)), axis=0).astype(np.float64)
    by_level, by_class = np.zeros((levels, columns, 16)), np.zeros((levels, 4, columns, 16))
    for i in range(n):
        for r in range(16):
            weighted = values[:, i] * factors[r // 8, unit[i], r % 8]
            by_level[level[i], :, r] += weighted
            by_class[level[i], sum(welfare[i] > cut for cut in cuts[:, r]), :, r] += weighted
    found = ClassTotals.of(list(values), unit, level, levels, welfare)
    near = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(Totals.of(list(values), unit, level, levels).evaluate(factors), by_level, **near)
    np.testing.assert_allclose(found.evaluate(factors, np.empty((0, 16)))[:, 0], by_level, **near)
    np.testing.assert_allclose(found.evaluate(factors, cuts), by_class, **near)
    np.testing.assert_allclose(replace(found, sort=False).evaluate(factors, cuts), by_class, **near)


def test_members_are_added_up_and_reached_as_in_plain_loops():
    rng = np.random.default_rng(5)
    first = np.r_[0, np.cumsum(rng.integers(1, 9, 60))].astype(np.int32)
    values, chance = rng.normal(size=first[-1]), rng.choice([0.0, 0.3, 1.0], (first[-1], 3))
    total, reached = np.empty(60), np.empty((60, 3))
    _totals.member_sums(values, first, total)
    _totals.member_chances(chance, first, reached)
    for home, (begin, end) in enumerate(pairwise(first.tolist())):
        plain = 0.0
        for value in values[begin:end].tolist():
            plain += value
        assert total[home] == plain
        for c in range(3):
            nobody = 1.0
            for one in chance[begin:end, c].tolist():
                nobody *= 1.0 - one
            assert reached[home, c] == 1.0 - nobody
